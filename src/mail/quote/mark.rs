//! What each line is by itself and by its neighbours: quoted, an attribution, the head of a quoted message.

use super::attribution::Attributions;
use super::block;
use super::words::{ABOVE, FORWARDED, ORIGINAL, WROTE};

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Empty,
    Text,
    /// It begins with `>`.
    Quoted,
    /// Here begins a line "… wrote:" of so many lines.
    Attribution(usize),
    /// From here on everything is quoted: a line of dashes, a header block, "reply above this line", a forwarded message.
    Rest,
}

/// The longest line that may be a separator, in bytes.
const SEPARATOR: usize = 250;

/// Marks every line; behind one after which nothing more is to be found, each by itself alone.
pub fn marks(lines: &[&str]) -> Vec<Mark> {
    let mut marks: Vec<Mark> = lines.iter().map(|line| alone(line)).collect();
    let mut attributions = Attributions::default();
    for at in 0..lines.len() {
        if marks[at] != Mark::Text {
            continue;
        }
        let line = clean(lines[at]);
        if let Some(start) = attributions.ending(lines, &marks, at) {
            marks[start] = Mark::Attribution(at + 1 - start);
        } else if is_separator(line) || block::begins(lines, at) {
            let start = block::above(lines, &marks, at);
            marks[start] = Mark::Rest;
            return marks;
        }
    }
    marks
}

fn alone(line: &str) -> Mark {
    let line = clean(line);
    if line.is_empty() {
        return Mark::Empty;
    }
    match line.strip_prefix('>') {
        // A line that a mailbox file has marked (RFC 4155), and the end of an attribution cut before the bracket.
        Some(rest) if rest.starts_with("From ") || is_end_of_attribution(rest) => Mark::Text,
        Some(_) => Mark::Quoted,
        None => Mark::Text,
    }
}

/// `>:`, `> wrote:`.
fn is_end_of_attribution(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.len() <= 40
        && rest.strip_suffix([':', '：']).is_some_and(|word| {
            let word = word.trim().to_lowercase();
            word.is_empty() || WROTE.contains(&word.as_str())
        })
}

/// Takes away what shows nothing: blanks, marks of direction, the no-break space.
pub fn clean(line: &str) -> &str {
    line.trim_matches(|c: char| {
        c.is_whitespace()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{AD}')
    })
}

/// A character of which lines between parts are made.
pub fn is_rule(c: char) -> bool {
    matches!(c, '-' | '_' | '=' | '*' | '#' | '~' | '—' | '–' | '─' | '━' | '+' | '<' | '>' | '[' | ']' | '|')
        || c.is_whitespace()
}

/// Whether a line stands between a reply and what follows: dashes with words that say so.
fn is_separator(line: &str) -> bool {
    if line.len() > SEPARATOR {
        return false;
    }
    let ruled = line.trim_start_matches(is_rule);
    let has_rule = line.chars().take_while(|c| is_rule(*c)).count() >= 2;
    let shouts = || line.contains("bove") || line.contains("BOVE");
    if !has_rule && !line.ends_with([':', '：']) && !shouts() {
        return false;
    }
    let bare = ruled.to_lowercase();
    if ABOVE.iter().any(|words| bare.contains(words)) {
        let asks = ["reply", "type", "write", "respond", "answer", "comment"].iter().any(|word| bare.contains(word));
        return has_rule || (asks && bare.len() <= 100);
    }
    // What follows the words is a rule, a colon, or in HTML without its line ends the quotation itself.
    let names = |words: &[&str], may_go_on: bool| {
        words.iter().any(|word| {
            bare.strip_prefix(word).is_some_and(|rest| {
                let end = rest.trim_end_matches(is_rule).trim_end_matches([':', '：', ' ', '.']);
                end.is_empty()
                    || (has_rule && rest.trim_start().starts_with("---"))
                    || (may_go_on && has_rule && rest.starts_with(' '))
            })
        })
    };
    let is_long_rule = line.chars().take_while(|c| matches!(c, '-' | '_' | '=' | '─')).count() >= 4;
    (has_rule && names(ORIGINAL, false)) || names(FORWARDED, is_long_rule)
}
