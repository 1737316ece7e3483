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
    /// From here on everything is quoted: a line of dashes, a header block, "reply above this line".
    Rest,
    /// From here on everything is a message that is passed on or shown: content.
    Passed,
}

/// The longest line that may be a separator, in bytes.
const SEPARATOR: usize = 250;

/// Marks every line; behind one after which nothing more is to be found, each by itself alone. `passes_on`: the subject says that
/// the message passes another on.
pub fn marks(lines: &[&str], passes_on: bool) -> Vec<Mark> {
    let mut marks: Vec<Mark> = lines.iter().map(|line| alone(line)).collect();
    let mut attributions = Attributions::default();
    for at in 0..lines.len() {
        if marks[at] != Mark::Text {
            continue;
        }
        let line = clean(lines[at]);
        if is_forward(line) {
            let start = block::above(lines, &marks, at);
            return passed(marks, start);
        } else if let Some(start) = attributions.ending(lines, &marks, at) {
            marks[start] = Mark::Attribution(at + 1 - start);
        } else if is_separator(line) || block::begins(lines, at) {
            let start = block::above(lines, &marks, at);
            if (passes_on || shows(lines, &marks, start)) && !is_above(line) {
                return passed(marks, start);
            }
            marks[start] = Mark::Rest;
            return marks;
        }
    }
    marks
}

/// Everything from a line on is content, whatever it looks like.
fn passed(mut marks: Vec<Mark>, start: usize) -> Vec<Mark> {
    for mark in marks.iter_mut().skip(start).filter(|mark| **mark != Mark::Empty) {
        *mark = Mark::Text;
    }
    marks[start] = Mark::Passed;
    marks
}

/// Whether the writer says right above that this is shown: `This is what I got:`.
fn shows(lines: &[&str], marks: &[Mark], start: usize) -> bool {
    let above = start.checked_sub(1).into_iter().flat_map(|last| (0..=last).rev()).find(|at| marks[*at] != Mark::Empty);
    above.is_some_and(|at| marks[at] == Mark::Text && start - at <= 2 && is_introduction(lines[at]))
}

/// Whether a line in the writer's own words says that something follows: more than a name before a colon.
pub fn is_introduction(line: &str) -> bool {
    let line = clean(line);
    let words = || line.split_whitespace();
    line.ends_with([':', '：'])
        && words().count() >= 2
        && words().any(|word| word.starts_with(char::is_lowercase))
        && !(line.contains('@') && line.contains(['<', '(']))
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
    is_above(line) || names(line, ORIGINAL, false)
}

/// Whether a line says that a message is passed on below.
fn is_forward(line: &str) -> bool {
    names(line, FORWARDED, true)
}

/// Whether a line asks to write above it.
fn is_above(line: &str) -> bool {
    if line.len() > SEPARATOR {
        return false;
    }
    let has_rule = has_rule(line);
    let shouts = line.contains("bove") || line.contains("BOVE");
    if !has_rule && !line.ends_with([':', '：']) && !shouts {
        return false;
    }
    let bare = line.trim_start_matches(is_rule).to_lowercase();
    let asks = || ["reply", "type", "write", "respond", "answer", "comment"].iter().any(|word| bare.contains(word));
    ABOVE.iter().any(|words| bare.contains(words)) && (has_rule || (asks() && bare.len() <= 100))
}

fn has_rule(line: &str) -> bool {
    line.chars().take_while(|c| is_rule(*c)).count() >= 2
}

/// Whether a line is such words between dashes or, if it may be alone, before a colon.
fn names(line: &str, words: &[&str], may_be_alone: bool) -> bool {
    let has_rule = has_rule(line);
    if line.len() > SEPARATOR || !(has_rule || may_be_alone && line.ends_with([':', '：'])) {
        return false;
    }
    let bare = line.trim_start_matches(is_rule).to_lowercase();
    let is_long_rule = line.chars().take_while(|c| matches!(c, '-' | '_' | '=' | '─')).count() >= 4;
    let may_go_on = may_be_alone && is_long_rule;
    // What follows the words is a rule, a colon, or in HTML without its line ends the quotation itself.
    words.iter().any(|word| {
        bare.strip_prefix(word).is_some_and(|rest| {
            let end = rest.trim_end_matches(is_rule).trim_end_matches([':', '：', ' ', '.']);
            end.is_empty() || (has_rule && rest.trim_start().starts_with("---")) || (may_go_on && rest.starts_with(' '))
        })
    })
}
