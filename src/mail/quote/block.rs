//! The head of a quoted message: its header fields, line by line, and what stands right above them.

use super::line::{Mark, clean, is_rule};
use super::words::{Label, ORIGINAL, label};

/// The longest label of a header line, in bytes.
const LABEL: usize = 50;
/// How far the lines of a header block may reach, in lines.
const REACH: usize = 14;

/// Whether header lines begin here: From and two others of Date, To, Subject; or two where an address and a date leave no
/// doubt.
pub fn begins(lines: &[&str], at: usize) -> bool {
    let Some((first, value)) = field(lines[at]) else { return false };
    // No program begins it small; a file of settings may.
    if matches!(first, Label::Cc | Label::Other) || clean(lines[at]).starts_with(char::is_lowercase) {
        return false;
    }
    // HTML without its line ends: all on one line.
    let rest = value.to_lowercase();
    let has = |names: &[&str]| names.iter().any(|name| rest.contains(name));
    if first == Label::From
        && value.contains('@')
        && digits(value) >= 6
        && has(&[" date:", " sent:", " datum:", " gesendet:", " envoyé"])
    {
        return true;
    }
    let mut kinds: Vec<Label> = Vec::new();
    let (mut strange, mut address, mut writer, mut date, mut is_time) = (0, false, false, false, false);
    for line in lines.iter().skip(at).take(REACH) {
        match field(line) {
            Some((label, _)) if kinds.contains(&label) && label != Label::Other => break,
            Some((label, value)) => {
                kinds.push(label);
                strange = 0;
                address |= matches!(label, Label::From | Label::To) && value.contains('@');
                writer |= label == Label::From && value.contains('@');
                is_time |= label == Label::From
                    && !value.contains('@')
                    && value.split_whitespace().any(|word| word.starts_with(|c: char| c.is_ascii_digit()));
                date |= label == Label::Date && digits(value) >= 6;
            }
            // A form: programs write their own fields one below another.
            None if is_of_form(line) && !is_complete(&kinds) => return false,
            // The rest of a long list of addresses, or an empty line that HTML left between.
            None => {
                strange += 1;
                if strange > 1 {
                    break;
                }
            }
        }
    }
    let has = |label: Label| kinds.contains(&label);
    let others = kinds.iter().filter(|label| matches!(label, Label::Date | Label::To | Label::Subject)).count();
    // Without an address it may be a journey, a visit or an order: from, to, date.
    let is_journey = || kinds.windows(2).any(|pair| pair == [Label::From, Label::To]);
    let is_sure = has(Label::Date) && (address || has(Label::Subject) && !is_time && !is_journey());
    ((has(Label::From) && others >= 2 && is_sure) || (writer && date)) && !is_raw(lines, at)
}

/// Whether a program has written all that it writes: by whom, when and to whom.
fn is_complete(kinds: &[Label]) -> bool {
    [Label::From, Label::Date, Label::To].iter().all(|label| kinds.contains(label))
}

/// Whether a line is a field as forms have them: `Phone: 0123`, `Nachricht:`.
fn is_of_form(line: &str) -> bool {
    let line = clean(line).trim_start_matches(['*', '|', ' ']);
    let Some((name, value)) = line.split_once([':', '：']).filter(|(name, _)| (2..=LABEL).contains(&name.len())) else {
        return false;
    };
    // Neither a link nor a time, nor the rest of a list of addresses.
    name.split_whitespace().count() <= 3
        && !name.starts_with(char::is_lowercase)
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '*' | '/' | '.' | '(' | ')'))
        && name.contains(char::is_alphabetic)
        && (value.is_empty() || value.starts_with([' ', '*', '\u{A0}', '\u{3000}']) || line.contains('：'))
}

/// Whether the lines are those of a header as servers write it, which somebody shows and no program quotes.
fn is_raw(lines: &[&str], at: usize) -> bool {
    const SERVERS: [&str; 10] = [
        "received:",
        "return-path:",
        "delivered-to:",
        "dkim-signature:",
        "mime-version:",
        "authentication-results:",
        "received-spf:",
        "arc-seal:",
        "content-transfer-encoding:",
        "x-originating-ip:",
    ];
    // A mailbox file, a patch (RFC 4155).
    if at.checked_sub(1).and_then(|above| lines.get(above)).is_some_and(|line| line.starts_with("From ")) {
        return true;
    }
    lines.iter().skip(at.saturating_sub(REACH)).take(REACH * 2).any(|line| {
        let line = line.trim_start();
        let may_be = line.bytes().next().is_some_and(|first| b"rdmacxRDMACX".contains(&first));
        may_be && SERVERS.iter().any(|name| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)))
    })
}

fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

/// Whether a line is a header field.
pub fn is_field(line: &str) -> bool {
    field(line).is_some()
}

/// Returns the value of the first From line of a header block that begins at a line.
pub fn from_of<'a>(lines: &[&'a str], at: usize) -> Option<&'a str> {
    lines
        .iter()
        .skip(at)
        .take(REACH)
        .filter_map(|line| field(line))
        .find(|(label, _)| *label == Label::From)
        .map(|(_, value)| value)
}

/// Returns the kind of a header line and its value: `From: …`, `*Von:* …`, `发件人：…`.
fn field(line: &str) -> Option<(Label, &str)> {
    let line = clean(line).trim_start_matches(['*', '|', ' ']);
    // The first byte of the wide colon.
    memchr::memchr2(b':', b'\xEF', &line.as_bytes()[..line.len().min(LABEL + 1)])?;
    let (colon, sign) = line.char_indices().take_while(|(at, _)| *at <= LABEL).find(|(_, c)| matches!(c, ':' | '：'))?;
    let text = line.get(..colon)?.trim_matches(|c: char| c == '*' || c.is_whitespace());
    if text.is_empty() {
        return None;
    }
    // Chinese sets its labels with wide spaces.
    let text: String = text.to_lowercase().replace('\u{3000}', "");
    let text = text.replace(['\u{A0}', '\u{202F}'], " ");
    Some((label(text.trim())?, line.get(colon + sign.len_utf8()..).unwrap_or_default()))
}

/// Returns where the line of dashes, the attribution or "Original message" begins that stands right above a header block
/// and belongs to it.
pub fn above(lines: &[&str], marks: &[Mark], at: usize) -> usize {
    let mut start = at;
    let mut probe = at;
    while let Some(before) = probe.checked_sub(1).filter(|before| at - before <= 4) {
        match marks[before] {
            Mark::Empty => {}
            Mark::Text if introduces(clean(lines[before])) => start = before,
            _ => break,
        }
        probe = before;
    }
    start
}

/// Whether a line right above a header block belongs to it.
fn introduces(line: &str) -> bool {
    let is_dashes = |c: char| matches!(c, '-' | '_' | '=' | '*' | '—' | '–' | '─' | '━' | '~');
    let is_all_rule =
        line.chars().filter(|c| is_dashes(*c)).count() >= 2 && line.chars().all(|c| is_dashes(c) || c.is_whitespace());
    // In a language that we do not know, dashes on both sides.
    let is_between = line.len() <= 120
        && line.chars().take_while(|c| is_dashes(*c)).count() >= 3
        && line.chars().rev().take_while(|c| is_dashes(*c)).count() >= 3;
    if is_all_rule || is_between {
        return true;
    }
    if line.len() > 80 {
        return false;
    }
    let bare = line.trim_matches(is_rule).trim_end_matches([':', '：', '.']).trim().to_lowercase();
    ORIGINAL.contains(&bare.as_str())
}
