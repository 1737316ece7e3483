//! Whose message was passed on: the From line of the first header block in a text, in any language (CASE-6).

use super::block::{begins, from_of};
use crate::mail::Address;

/// Returns the original sender of a message that somebody passed on.
pub fn original_sender(text: &str) -> Option<Address> {
    // Some programs quote what they pass on.
    let lines: Vec<&str> = text.lines().take(super::LINES).map(|line| line.trim_start_matches(['>', ' '])).collect();
    let start = (0..lines.len()).find(|at| begins(&lines, *at))?;
    Address::written(from_of(&lines, start)?)
}
