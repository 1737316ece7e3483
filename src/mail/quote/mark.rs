//! What each line is by itself and by its neighbours: quoted, an attribution, the head of a quoted message.

use super::attribution::Attributions;
use super::block;
use super::line::{Mark, clean, is_rule};
use super::words::{ABOVE, FORWARDED, ORIGINAL, WROTE};

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
        let separator = separator(line);
        if separator == Some(Separator::Forward) {
            let start = block::above(lines, &marks, at);
            return passed(marks, start);
        } else if let Some(start) = attributions.ending(lines, &marks, at) {
            marks[start] = Mark::Attribution(at + 1 - start);
        } else if separator.is_some() || block::begins(lines, at) {
            let start = block::above(lines, &marks, at);
            if (passes_on || shows(lines, &marks, start)) && separator != Some(Separator::Above) {
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

/// What a line stands for between a reply and what follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Separator {
    /// A message is passed on below.
    Forward,
    /// The reply is to be written above.
    Above,
    /// The message before stands below.
    Original,
}

/// Whether a line, in lower case, asks for an answer above it. Without a rule around it, that is all that it says: people ask
/// for answers "above the line in the form".
fn asks_above(bare: &str, has_rule: bool) -> bool {
    let found = ABOVE.iter().find(|words| bare.contains(**words));
    let Some((_, behind)) = found.and_then(|words| bare.split_once(words)) else { return false };
    let asks = || ["reply", "type", "write", "respond", "answer", "comment"].iter().any(|word| bare.contains(word));
    let behind = behind.trim_matches(|c: char| !c.is_alphanumeric());
    has_rule || bare.len() <= 100 && asks() && (behind.is_empty() || behind.starts_with("to "))
}

/// Reads a line of dashes with words, or of words alone before a colon.
fn separator(line: &str) -> Option<Separator> {
    if line.len() > SEPARATOR {
        return None;
    }
    let has_rule = line.chars().take_while(|c| is_rule(*c)).count() >= 2;
    let has_colon = line.ends_with([':', '：']);
    if !has_rule && !has_colon && !line.contains("bove") && !line.contains("BOVE") {
        return None;
    }
    let bare = line.trim_start_matches(is_rule).to_lowercase();
    let is_long_rule = line.chars().take_while(|c| matches!(c, '-' | '_' | '=' | '─')).count() >= 4;
    // What follows the words is a rule, a colon, or in HTML without its line ends the head of the quotation; people who ask
    // about such a line go on in a sentence.
    let is_above_head = |rest: &str| rest.trim_start().starts_with("---") && block::is_field(rest.trim_start_matches(is_rule));
    let names = |words: &[&str], may_go_on: bool| {
        words.iter().filter_map(|word| bare.strip_prefix(word)).any(|rest| {
            let end = rest.trim_end_matches(is_rule).trim_end_matches([':', '：', ' ', '.']);
            end.is_empty() || (has_rule && is_above_head(rest)) || (may_go_on && rest.starts_with(' '))
        })
    };
    if (has_rule || has_colon) && names(FORWARDED, is_long_rule) {
        Some(Separator::Forward)
    } else if has_rule && names(ORIGINAL, false) {
        Some(Separator::Original)
    } else if asks_above(&bare, has_rule) {
        Some(Separator::Above)
    } else {
        None
    }
}
