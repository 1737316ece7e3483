//! Where a signature begins: the line `-- ` (RFC 3676, section 4.3) or one like it, a program's own, or a closing formula
//! with a block of contact lines. In doubt it is text.

use super::Part;
use super::words::{CLOSINGS, SENT_FROM, SENT_FROM_END};

/// The most lines of a signature behind `-- `.
const BEHIND_DELIMITER: usize = 20;
/// The most lines of a signature that begins otherwise.
const SHORT: usize = 8;
/// The longest line of such a signature, in bytes.
const NARROW: usize = 120;

/// Marks the lines of the signature, at the end of the text above the quotation or below it.
pub fn mark(lines: &[&str], parts: &mut [Part]) {
    let first_quoted = parts.iter().position(|part| *part == Part::Quoted).unwrap_or(parts.len());
    let behind = parts.iter().rposition(|part| *part == Part::Quoted).map_or(parts.len(), |last| last + 1);
    // The one below first: there it is that of the whole message.
    for (start, end) in [(behind, parts.len()), (0, first_quoted)] {
        let has_other_text =
            (0..parts.len()).any(|at| !(start..end).contains(&at) && parts[at] == Part::Reply && !lines[at].trim().is_empty());
        if let Some(at) = begin(&lines[start..end], has_other_text) {
            parts[start + at..end].fill(Part::Signature);
            return;
        }
    }
}

/// Returns the line on which the signature begins.
fn begin(lines: &[&str], may_be_all: bool) -> Option<usize> {
    let end = lines.iter().rposition(|line| !line.trim().is_empty())? + 1;
    let first = lines.iter().position(|line| !line.trim().is_empty())?;
    let found = delimiter(lines, end).or_else(|| program(lines, end)).or_else(|| closing(lines, end))?;
    (found > first || may_be_all).then_some(found)
}

fn filled(lines: &[&str]) -> usize {
    lines.iter().filter(|line| !line.trim().is_empty()).count()
}

fn delimiter(lines: &[&str], end: usize) -> Option<usize> {
    let is_exact = |line: &&str| matches!(line.trim_end_matches('\r'), "-- " | "--");
    if let Some(at) = lines[..end].iter().rposition(is_exact)
        && filled(&lines[at + 1..end]) <= BEHIND_DELIMITER
    {
        return Some(at);
    }
    let is_like = |line: &&str| {
        let line = line.trim();
        let length = line.chars().count();
        (length >= 2 || line == "—" || line == "–")
            && ["-", "_", "—", "–", "=", "*", "~"].iter().any(|rule| line.chars().all(|c| rule.starts_with(c)))
    };
    let at = lines[..end].iter().rposition(is_like)?;
    let behind = &lines[at + 1..end];
    let is_short = filled(behind) <= SHORT && behind.iter().all(|line| line.len() <= NARROW);
    is_short.then_some(at)
}

/// "Sent from my …" and what a program writes under it.
fn program(lines: &[&str], end: usize) -> Option<usize> {
    let from = end.saturating_sub(4);
    let at = from + lines[from..end].iter().position(|line| is_program(line))?;
    (filled(&lines[at + 1..end]) <= 2).then_some(at)
}

fn is_program(line: &str) -> bool {
    let line = line.trim().trim_matches(|c| matches!(c, '*' | '<' | '(' | '[' | '_')).trim_start();
    if line.is_empty() || line.len() > NARROW {
        return false;
    }
    let line = line.to_lowercase();
    let device = ["iphone", "ipad", "android", "samsung", "outlook", "blackberry", "mobile", "handy", "phone", "mail", "windows"];
    let names_device = || device.iter().any(|device| line.contains(device));
    // "from my", said with other words in many languages, may begin any sentence: then it names a device.
    SENT_FROM.iter().any(|start| line.starts_with(start))
        && (names_device() || line.starts_with("sent from my") || line.starts_with("发自"))
        || SENT_FROM_END.iter().any(|ending| line.ends_with(ending)) && names_device()
}

/// A closing formula with contact lines under it; without them it is a part of the text.
fn closing(lines: &[&str], end: usize) -> Option<usize> {
    let from = end.saturating_sub(SHORT * 2);
    let is_closing = |line: &&str| {
        let line = line.trim().trim_end_matches([',', '.', '!', '，', '。', ' ']);
        line.len() <= 60 && CLOSINGS.contains(&line.to_lowercase().as_str())
    };
    let at = from + lines[from..end].iter().rposition(is_closing)?;
    let behind: Vec<&str> = lines[at + 1..end].iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
    let is_contact = |line: &&&str| {
        line.contains('@')
            || line.contains("www.")
            || line.contains("://")
            || line.contains(" | ")
            || line.bytes().filter(u8::is_ascii_digit).count() >= 6
    };
    let is_block = (2..=SHORT * 2).contains(&behind.len()) && behind.iter().all(|line| line.len() <= NARROW);
    (is_block && behind.iter().any(|line| is_contact(&line))).then_some(at)
}
