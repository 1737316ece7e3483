//! What each line is by itself and by its neighbours: quoted, an attribution, the head of a quoted message.

use super::words::{FORWARDED, Label, OPENERS, ORIGINAL, WROTE, label};

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Empty,
    Text,
    /// It begins with `>`.
    Quoted,
    /// Here begins a line "… wrote:" of so many lines.
    Attribution(usize),
    /// From here on everything is quoted: a line of dashes, a header block, "reply above this line".
    Rest,
    /// Here begins a message that is passed on.
    Forward,
}

/// The most lines that an attribution is wrapped over.
const WRAPPED: usize = 4;
/// The lines with a colon at their end that are tried as attributions: no letter has more.
const ATTEMPTS: usize = 1_000;
/// The longest attribution, in bytes.
const ATTRIBUTION: usize = 400;
/// The longest label of a header line, in bytes.
const LABEL: usize = 40;
/// The longest line that may be a separator, in bytes.
const SEPARATOR: usize = 200;
/// How far the lines of a header block may reach, in lines.
const BLOCK: usize = 12;

/// Marks every line; behind one after which nothing more is to be found, each by itself alone.
pub fn marks(lines: &[&str]) -> Vec<Mark> {
    let mut marks: Vec<Mark> = lines.iter().map(|line| alone(line)).collect();
    let mut is_free = 0;
    let mut tried = 0;
    for at in 0..lines.len() {
        if marks[at] != Mark::Text {
            continue;
        }
        let line = clean(lines[at]);
        let may_introduce = line.ends_with([':', '：', '*']) && tried < ATTEMPTS;
        tried += usize::from(may_introduce);
        if may_introduce && let Some(start) = attribution(lines, &marks, is_free, at) {
            marks[start] = Mark::Attribution(at + 1 - start);
            is_free = at + 1;
        } else if let Some(mark) = separator(line) {
            marks[at] = mark;
            return marks;
        } else if is_header_block(lines, at) {
            let start = above(lines, &marks, at);
            marks[start] = Mark::Rest;
            return marks;
        }
    }
    marks
}

fn alone(line: &str) -> Mark {
    let line = clean(line);
    if line.is_empty() {
        Mark::Empty
    } else if line.starts_with('>') && !line.starts_with(">From ") {
        Mark::Quoted
    } else {
        Mark::Text
    }
}

/// Takes away what shows nothing: blanks, marks of direction, the no-break space.
pub(super) fn clean(line: &str) -> &str {
    line.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
    })
}

/// Returns where the attribution begins that ends on this line.
fn attribution(lines: &[&str], marks: &[Mark], free: usize, at: usize) -> Option<usize> {
    let last = clean(lines[at]).trim_end_matches('*');
    if !last.ends_with([':', '：']) {
        return None;
    }
    let is_followed = marks.iter().skip(at + 1).find(|mark| **mark != Mark::Empty) == Some(&Mark::Quoted);
    let first = free.max(at.saturating_sub(WRAPPED - 1));
    let names_anything = |line: &&str| line.bytes().any(|byte| byte == b'@' || byte.is_ascii_digit());
    if !is_followed && !lines[first..=at].iter().any(|line| names_anything(line)) {
        return None;
    }
    let mut joined = String::new();
    let mut found = None;
    for start in (first..=at).rev() {
        let line = clean(lines[start]);
        if marks[start] != Mark::Text || joined.len() + line.len() > ATTRIBUTION {
            break;
        }
        joined = format!("{} {joined}", line.to_lowercase());
        let bare = joined.trim_start_matches(['-', '*', ' ']);
        let opens = bare.starts_with(|c: char| c.is_ascii_digit()) || OPENERS.iter().any(|opener| bare.starts_with(opener));
        let is_one = is_attribution(joined.trim(), is_followed, opens);
        if is_one && (found.is_none() || opens) {
            found = Some(start);
        }
        if is_one && opens {
            break;
        }
    }
    found
}

/// Whether a text in lower case that ends with a colon names a writer and a time.
fn is_attribution(text: &str, is_followed: bool, opens: bool) -> bool {
    let has_address = text.contains('@');
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let has_verb = || WROTE.iter().any(|verb| contains_word(text, verb));
    if is_followed {
        // In any language: a name with an address or a time, right above a quotation.
        return has_address || digits >= 4 || (text.len() <= 60 && opens) || has_verb();
    }
    let is_dated = has_address && text.contains('<') && digits >= 6;
    let may_be = (has_address || digits >= 4) && (opens || has_address || digits >= 6);
    is_dated || (may_be && has_verb())
}

/// Whether a text has a word; where words are not set apart, anywhere.
fn contains_word(text: &str, word: &str) -> bool {
    let is_apart = word.is_ascii() || word.chars().all(|c| c.is_alphabetic() && c < '\u{0E00}');
    text.match_indices(word).any(|(start, found)| {
        let before = text[..start].chars().next_back();
        let behind = text[start + found.len()..].chars().next();
        !is_apart || !(before.is_some_and(char::is_alphanumeric) || behind.is_some_and(char::is_alphanumeric))
    })
}

/// Whether a line stands between a reply and what follows: dashes with words that say so.
fn separator(line: &str) -> Option<Mark> {
    if line.len() > SEPARATOR {
        return None;
    }
    let is_rule =
        |c: char| matches!(c, '-' | '_' | '=' | '*' | '#' | '~' | '—' | '–' | '+' | '<' | '>' | '[' | ']') || c.is_whitespace();
    let has_rule = line.starts_with(is_rule) && line.chars().take_while(|c| is_rule(*c)).count() >= 2;
    if !has_rule && !line.ends_with(':') && !line.contains("above this line") && !line.contains("above the line") {
        return None;
    }
    let bare = line.trim_matches(is_rule).trim_end_matches(':').trim().to_lowercase();
    if bare.contains("above this line") || bare.contains("above the line") {
        let asks = ["reply", "type", "write", "respond", "answer"].iter().any(|word| bare.contains(word));
        return asks.then_some(Mark::Rest);
    }
    let is = |words: &[&str]| {
        words.iter().any(|word| bare == *word || (bare.starts_with(word) && bare.len() <= word.len() + 60 && has_rule))
    };
    if FORWARDED.iter().any(|word| bare == *word) || (has_rule && is(&FORWARDED)) {
        return Some(Mark::Forward);
    }
    if has_rule && ORIGINAL.iter().any(|word| bare == *word) {
        return Some(Mark::Rest);
    }
    None
}

/// Whether header lines begin here: From and at least two others of Date, To, Subject.
pub(super) fn is_header_block(lines: &[&str], at: usize) -> bool {
    if label_of(lines[at]).is_none_or(|label| matches!(label, Label::Cc | Label::Other)) {
        return false;
    }
    let mut kinds: Vec<Label> = Vec::new();
    let mut strange = 0;
    for line in lines.iter().skip(at).take(BLOCK) {
        match label_of(line) {
            Some(label) if kinds.contains(&label) && label != Label::Other => break,
            Some(label) => {
                kinds.push(label);
                strange = 0;
            }
            // The rest of a long list of addresses, or an empty line that HTML left between.
            None => {
                strange += 1;
                if strange > 1 {
                    break;
                }
            }
        }
    }
    let known = kinds.iter().filter(|label| matches!(label, Label::Date | Label::To | Label::Subject)).count();
    kinds.contains(&Label::From) && known >= 2
}

/// Returns the kind of a header line: `From: …`, `*Von:* …`, `发件人：…`.
pub(super) fn label_of(line: &str) -> Option<Label> {
    let line = clean(line).trim_start_matches('*');
    let (colon, _) = line.char_indices().take_while(|(at, _)| *at <= LABEL).find(|(_, c)| matches!(c, ':' | '：'))?;
    let text = line.get(..colon)?.trim_matches(|c: char| c == '*' || c.is_whitespace());
    if text.is_empty() {
        return None;
    }
    label(&text.to_lowercase())
}

/// A line of dashes or underscores above a header block belongs to it.
fn above(lines: &[&str], marks: &[Mark], at: usize) -> usize {
    let mut start = at;
    while let Some(before) = start.checked_sub(1) {
        let line = clean(lines[before]);
        let is_rule = line.len() >= 3 && line.chars().all(|c| matches!(c, '-' | '_' | '=' | '*' | '—'));
        if is_rule {
            return before;
        }
        if marks[before] != Mark::Empty || at - before > 2 {
            break;
        }
        start = before;
    }
    at
}
