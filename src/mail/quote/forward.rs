//! Whose message was passed on: the From line of the first header block in a text, in any language (CASE-6).

use super::mark::{clean, is_header_block, label_of};
use super::words::Label;
use crate::mail::Address;

/// How far behind the beginning of a block its From line may stand, in lines.
const REACH: usize = 12;

/// Returns the original sender of a message that somebody passed on.
pub fn original_sender(text: &str) -> Option<Address> {
    // Some programs quote what they pass on.
    let lines: Vec<&str> = text.lines().map(|line| line.trim_start_matches(['>', ' '])).collect();
    let start = (0..lines.len()).find(|at| is_header_block(&lines, *at))?;
    let from = lines.get(start..)?.iter().take(REACH).find(|line| label_of(line) == Some(Label::From))?;
    let (_, value) = clean(from).split_once([':', '：'])?;
    Address::written(value)
}
