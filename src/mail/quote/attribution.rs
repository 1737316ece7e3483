//! "On …, … wrote:" in many languages, on one line or wrapped over several.

use super::block;
use super::line::{Mark, clean};
use super::words::{INNER_OPENERS, OPENERS, OWN, SAID, WROTE};

/// The most lines that an attribution is wrapped over.
const WRAPPED: usize = 6;
/// The lines that are tried as attributions: no letter has more.
const ATTEMPTS: usize = 500;
/// The longest attribution, in bytes.
const LONGEST: usize = 400;
/// Digits of a day and a time, at least.
const DATED: usize = 6;
/// The lines above and below that tell a log from an attribution.
const NEAR: usize = 3;
/// How far behind "On" the first digit of the date stands, in bytes.
const DATE_WITHIN: usize = 24;

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
    /// It ends with "said".
    has_said: bool,
    has_address: bool,
    has_bracket: bool,
    /// It ends with an address in brackets.
    ends_with_address: bool,
    /// Digits outside addresses.
    digits: usize,
    opens: bool,
    has_colon: bool,
    is_ruled: bool,
    /// It begins with a date such as `2026-11-23` or `2026/11/23`.
    is_by_date: bool,
    /// The writer tells of themselves: `On Monday at 10:00 I wrote to Ada <ada@example.org>:`.
    is_own: bool,
    /// It names the zone of its time and somebody behind it, as programs do: `17:21 GMT+01:00 Ada`.
    has_zone: bool,
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
        if !is_followed && (is_in_log(lines, start, at) || is_shown(lines, start, at)) {
            return None;
        }
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
            // The date alone may stand on the line before: `On 23 November 2026,`.
            let goes_on = start > first && marks[start - 1] == Mark::Text && is_beginning(clean(lines[start - 1]));
            if signs.has_verb && signs.digits >= 4 && signs.opens && !goes_on {
                break;
            }
        }
        best.map(|(_, start)| start)
    }
}

/// Whether a line is the beginning of an attribution and no more: `On Monday, 23 November 2026,`.
fn is_beginning(line: &str) -> bool {
    let signs = signs(&line.to_lowercase());
    line.ends_with(',') && line.len() <= 60 && signs.opens && signs.digits >= 2
}

/// Whether the writer shows it, right below a line with a colon, and it names no address: `Log:`.
fn is_shown(lines: &[&str], start: usize, end: usize) -> bool {
    let above = start.checked_sub(1).map_or("", |above| clean(lines[above]));
    above.ends_with([':', '：']) && lines[start..=end].iter().all(|line| !line.contains('@'))
}

/// Whether lines of the same kind stand right above or below: a log, a table of times.
fn is_in_log(lines: &[&str], start: usize, end: usize) -> bool {
    let begins = |line: &str| {
        let line = clean(line).trim_start_matches(['[', '(', '-', '*', ' ']);
        let mut signs = line.chars().take_while(|c| c.is_ascii_digit() || matches!(c, '-' | '/' | '.' | ':' | ' ' | 'T' | ','));
        signs.by_ref().filter(char::is_ascii_digit).count() >= 4
    };
    let near = || (start.saturating_sub(NEAR)..start).chain(end + 1..lines.len().min(end + 1 + NEAR));
    // The dates of a plan, with what is to be done below each; "wrote" may stand in a quotation of a quotation.
    let is_of_plan = |line: &str| {
        let signs = signs(&clean(line).to_lowercase());
        signs.has_colon && signs.ends_with_address && !signs.has_verb && signs.digits >= DATED
    };
    near().any(|near| begins(lines[start]) && begins(lines[near]) || is_of_plan(lines[end]) && is_of_plan(lines[near]))
}

/// Whether an answer and an attribution may share a line, which the attribution ends or goes beyond.
pub fn may_share(line: &str, next: &str) -> bool {
    let ends = |line: &str| clean(line).ends_with([':', '：']);
    line.len() <= LONGEST
        && (ends(line) || ends(next))
        && !line.starts_with(['>', ' ', '\t'])
        && line.bytes().any(|byte| byte.is_ascii_digit())
}

/// Returns where an attribution begins that stands behind an answer on its line: `Yes, please. On 5 Jan 2026, Ada <a@b> wrote:`.
/// It may go on in the next line.
pub fn behind_answer(line: &str, next: &str) -> Option<usize> {
    let mut before = ' ';
    let mut is_first = true;
    for (at, c) in line.char_indices() {
        let is_apart = before.is_whitespace() || matches!(before, '-' | '.' | '!' | '?' | ')');
        before = c;
        if !is_first && is_apart && c.is_uppercase() {
            let tail = line.get(at..)?;
            if INNER_OPENERS.iter().any(|opener| tail.starts_with(opener)) && introduces(tail, next) {
                return Some(at);
            }
        }
        is_first &= c.is_whitespace();
    }
    None
}

/// Whether the end of a line, or it and the next, is an attribution.
fn introduces(tail: &str, next: &str) -> bool {
    let is_whole = |text: &str| {
        let signs = signs(&text.to_lowercase());
        signs.has_verb && signs.has_colon && signs.digits >= 2 && (signs.has_address || signs.digits >= DATED)
    };
    let is_dated = tail.bytes().take(DATE_WITHIN).any(|byte| byte.is_ascii_digit());
    let goes_on = || !clean(tail).ends_with([':', '：']) && next.len() <= 120 && is_whole(&format!("{tail} {next}"));
    is_dated && (is_whole(tail) || goes_on())
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
    let has_colon = end.ends_with([':', '：']);
    let is_ruled = text.starts_with("--") && text.ends_with("--");
    // Without one of these no verb makes an attribution of it, and there are many verbs.
    let has_verb = (has_colon || is_ruled || digits >= 4) && WROTE.iter().any(|verb| has_verb(body, verb));
    let ends_with_address = body.ends_with(['>', ')', ']'])
        && words().next_back().is_some_and(|word| {
            word.contains('@') && word.starts_with(['<', '(', '['])
                || word.contains("@") && word.contains('<')
                || word.contains("mailto:")
        });
    Signs {
        has_verb,
        has_said: SAID.iter().any(|verb| {
            body.strip_suffix(verb).is_some_and(|rest| {
                !rest.ends_with(char::is_alphanumeric) || !verb.is_ascii() && rest.ends_with(|c: char| c > '\u{2E80}')
            })
        }),
        has_address: words().any(|word| is_address(&word)),
        ends_with_address,
        has_bracket: text.contains('<') || text.contains("mailto:") || text.contains('['),
        digits,
        opens: bare.starts_with(|c: char| c.is_ascii_digit()) || OPENERS.iter().any(|opener| bare.starts_with(opener)),
        has_colon,
        is_ruled,
        is_by_date: is_by_date(bare),
        is_own: (has_verb || ends_with_address) && OWN.iter().any(|own| text.contains(own)),
        has_zone: ["gmt+", "gmt-", "utc+", "utc-"]
            .iter()
            .find_map(|zone| Some(body.split_once(zone)?.1))
            .is_some_and(|behind| behind.split_once(' ').is_some_and(|(_, name)| name.starts_with(char::is_alphabetic))),
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
            return self.has_verb && is_told || self.is_by_date && (self.has_bracket && self.has_address || self.has_zone);
        }
        if is_followed {
            // In any language: a name with an address or a time, right above a quotation.
            return self.has_verb || self.has_address || (self.opens && self.digits >= 2) || (self.has_said && self.digits >= 2);
        }
        if self.is_own {
            return false;
        }
        // What people say in their own sentences needs an address besides; so does a time without a day.
        let is_told = self.has_verb && (self.has_address || self.digits >= DATED)
            || self.has_said && self.has_address && self.opens && self.digits >= 4;
        is_told || (self.has_address && self.ends_with_address && self.digits >= DATED)
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
    let is_apart = verb.chars().all(|c| c < '\u{0E00}' || !c.is_alphabetic());
    text.match_indices(verb).any(|(start, found)| {
        let before = text[..start].chars().next_back();
        let behind = text[start + found.len()..].chars().next();
        !is_apart || !(before.is_some_and(char::is_alphanumeric) || behind.is_some_and(char::is_alphanumeric))
    })
}
