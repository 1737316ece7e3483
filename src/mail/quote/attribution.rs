//! "On …, … wrote:" in many languages, on one line or wrapped over several.

use super::block;
use super::mark::{Mark, clean};
use super::words::{OPENERS, WROTE};

/// The most lines that an attribution is wrapped over.
const WRAPPED: usize = 6;
/// The lines that are tried as attributions: no letter has more.
const ATTEMPTS: usize = 500;
/// The longest attribution, in bytes.
const LONGEST: usize = 400;
/// Digits of a day and a time, at least.
const DATED: usize = 6;

/// The search for attributions, from the first line down.
#[derive(Default)]
pub struct Attributions {
    /// The first line that no attribution has yet.
    free: usize,
    tried: usize,
}

/// What speaks for a text being an attribution.
struct Signs {
    has_verb: bool,
    has_address: bool,
    has_bracket: bool,
    /// Digits outside addresses.
    digits: usize,
    opens: bool,
    has_colon: bool,
    is_ruled: bool,
    /// It begins with a date such as `2026-11-23` or `2026/11/23`.
    is_by_date: bool,
}

impl Attributions {
    /// Returns where the attribution begins that ends on this line.
    pub fn ending(&mut self, lines: &[&str], marks: &[Mark], at: usize) -> Option<usize> {
        if self.tried >= ATTEMPTS || !may_end(clean(lines[at])) {
            return None;
        }
        self.tried += 1;
        let next = (at + 1..lines.len()).find(|next| marks[*next] != Mark::Empty);
        let is_followed = next.is_some_and(|next| marks[next] == Mark::Quoted);
        let is_above_block = next.is_some_and(|next| block::is_field(lines[next]) && block::begins(lines, next));
        let start = self.start(lines, marks, at, is_followed, is_above_block)?;
        self.free = at + 1;
        Some(start)
    }

    /// Tries ever more lines, and takes those that have the most signs.
    fn start(&self, lines: &[&str], marks: &[Mark], at: usize, is_followed: bool, is_above_block: bool) -> Option<usize> {
        let first = self.free.max(at.saturating_sub(WRAPPED - 1));
        let mut joined = String::new();
        let mut best: Option<(u32, usize)> = None;
        let mut gaps = 0;
        for start in (first..=at).rev() {
            if marks[start] == Mark::Empty && start < at {
                gaps += 1;
                // Only the line with the date may stand apart.
                if gaps > 2 || best.is_some() && joined.chars().next().is_none_or(|c| c != '<') {
                    break;
                }
                continue;
            }
            let line = clean(lines[start]);
            if marks[start] != Mark::Text || joined.len() + line.len() > LONGEST {
                break;
            }
            joined = if joined.is_empty() { line.to_lowercase() } else { format!("{} {joined}", line.to_lowercase()) };
            let signs = signs(&joined);
            if gaps > 0 && !(signs.opens && signs.digits >= DATED && signs.has_verb) {
                continue;
            }
            let score = signs.score();
            if signs.are_enough(is_followed, is_above_block) && best.is_none_or(|(other, _)| score > other) {
                best = Some((score, start));
            }
            if signs.has_verb && signs.digits >= 4 && signs.opens {
                break;
            }
        }
        best.map(|(_, start)| start)
    }
}

/// Whether a line is worth a try: a colon at its end, or digits or dashes and no sentence.
fn may_end(line: &str) -> bool {
    let bare = line.trim_end_matches(['*', '_']);
    if bare.ends_with([':', '：']) {
        return true;
    }
    if line.len() > 200 || line.ends_with(['.', '!', '?', ',', ';']) {
        return false;
    }
    line.starts_with("--") || (line.bytes().filter(u8::is_ascii_digit).count() >= 4 && line.contains(' '))
}

/// Reads the signs of a text in lower case.
fn signs(text: &str) -> Signs {
    let bare = text.trim_start_matches(['-', '*', '_', ' ', '"', '#', '|']);
    let end = text.trim_end_matches(['-', '*', '_', ' ', '—']);
    let body = end.trim_end_matches([':', '：', ' ', '*']);
    let is_address = |word: &&str| word.contains('@');
    let words = || text.split_whitespace();
    let digits = words().filter(|word| !is_address(word)).map(|word| word.bytes().filter(u8::is_ascii_digit).count()).sum();
    Signs {
        has_verb: WROTE.iter().any(|verb| has_verb(body, verb)),
        has_address: words().any(|word| is_address(&word)),
        has_bracket: text.contains('<') || text.contains("mailto:") || text.contains('['),
        digits,
        opens: bare.starts_with(|c: char| c.is_ascii_digit()) || OPENERS.iter().any(|opener| bare.starts_with(opener)),
        has_colon: end.ends_with([':', '：']),
        is_ruled: text.starts_with("--") && text.ends_with("--"),
        is_by_date: is_by_date(bare),
    }
}

impl Signs {
    fn score(&self) -> u32 {
        u32::from(self.has_verb) * 4
            + u32::from(self.has_address) * 2
            + u32::from(self.digits >= 4) * 2
            + u32::from(self.opens)
            + u32::from(self.digits >= 8)
    }

    /// Whether a text names a writer and a time.
    fn are_enough(&self, is_followed: bool, is_above_block: bool) -> bool {
        if !self.has_colon {
            let is_dated = self.opens && self.digits >= 4;
            let is_told = self.is_ruled || is_dated && (self.has_address || is_followed || is_above_block);
            return self.has_verb && is_told || self.is_by_date && (self.has_bracket && self.has_address || self.digits >= 16);
        }
        if is_followed {
            // In any language: a name with an address or a time, right above a quotation.
            return self.has_verb || self.has_address || self.digits >= DATED || (self.opens && self.digits >= 2);
        }
        let is_told = self.has_verb && (self.has_address || self.digits >= 4 && (self.opens || self.digits >= DATED));
        is_told || (self.has_address && self.has_bracket && self.digits >= DATED)
    }
}

fn is_by_date(text: &str) -> bool {
    let mut parts = text.splitn(3, ['-', '/']);
    let (year, month, rest) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let is_number = |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    year.len() == 4 && is_number(year, 4) && is_number(month, 2) && rest.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether a text says "wrote": as a word of its own where words are set apart; in English, as the last but what stands in
/// brackets.
fn has_verb(text: &str, verb: &str) -> bool {
    if verb.is_ascii() && matches!(verb, "wrote" | "writes") {
        return text.ends_with(verb) && !text[..text.len() - verb.len()].ends_with(char::is_alphanumeric)
            || text.contains("wrote on ")
            || text.contains("wrote at ")
            || text.contains("writes on ");
    }
    let is_apart = verb.chars().all(|c| !c.is_alphabetic() || c < '\u{0E00}');
    text.match_indices(verb).any(|(start, found)| {
        let before = text[..start].chars().next_back();
        let behind = text[start + found.len()..].chars().next();
        !is_apart || !(before.is_some_and(char::is_alphanumeric) || behind.is_some_and(char::is_alphanumeric))
    })
}
