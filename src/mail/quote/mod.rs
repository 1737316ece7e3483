//! The new text of a message, the quotation and the signature (PARSE-7). Every line of the text is in exactly one of the
//! three. A message that is passed on is content. A quotation that its program marks (an attribution, a header block, a line of dashes) is cut however short the
//! new text above it is; one that only looks like a quotation is cut when at least a tenth of the text is left. Where answers
//! stand inside the quotation, where a message is passed on, or where nothing would be left, nothing is cut.

mod attribution;
mod block;
mod forward;
mod line;
mod mark;
mod signature;
#[cfg(test)]
mod tests;
mod words;

use std::ops::Range;

pub use forward::original_sender;
use line::{Mark, Part};

/// The share of the text, as one part in so many, that must be left when a quotation is only probable.
const LEAST_SHARE: usize = 10;
/// The first lines of a quotation that are read for what introduces it.
const OPENING: usize = 8;
/// The lines that are tried as ones that an answer shares with an attribution, and the least bytes of one.
const SHARED: usize = 500;
const SHARED_LEAST: usize = 20;

/// A text of more lines is no letter that somebody answered: nothing is cut from it (PARSE-2).
const LINES: usize = 200_000;

/// A text, told apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// The new text, without empty lines around it.
    pub reply: String,
    /// The quotation with the line that introduces it.
    pub quoted: String,
    pub signature: String,
}

/// A quotation that may be cut.
struct Cut {
    lines: Range<usize>,
    /// Its program says that it is one; the marks at the lines alone do not.
    is_certain: bool,
}

/// Tells the reply from the quotation and the signature. `passes_on`: the subject says that the message passes another on.
pub fn split(text: &str, passes_on: bool) -> Split {
    if memchr::memchr_iter(b'\n', text.as_bytes()).nth(LINES).is_some() {
        return Split { reply: text.trim_matches('\n').to_string(), ..Split::default() };
    }
    let lines = lines(text);
    let marks = mark::marks(&lines, passes_on);
    let mut parts = quotation(&lines, &marks);
    // The signature of a message that is passed on belongs to it.
    let own = marks.iter().position(|mark| *mark == Mark::Passed).unwrap_or(lines.len());
    let has_more = parts.get(own) == Some(&Part::Reply);
    if let (Some(lines), Some(parts)) = (lines.get(..own), parts.get_mut(..own)) {
        signature::mark(lines, parts, has_more);
    }
    let of = |part: Part| {
        let of_part = lines.iter().zip(&parts).filter(|(_, of)| **of == part).map(|(line, _)| line.trim_end());
        of_part.collect::<Vec<_>>().join("\n").trim_matches('\n').to_string()
    };
    Split { reply: of(Part::Reply), quoted: of(Part::Quoted), signature: of(Part::Signature) }
}

/// Returns the lines of a text; one on which an answer stands before an attribution is two.
fn lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text.lines().peekable();
    let mut tried = 0;
    while let Some(line) = rest.next() {
        let next = rest.peek().copied().unwrap_or_default();
        let may_be = tried < SHARED && line.len() > SHARED_LEAST && attribution::may_share(line, next);
        tried += usize::from(may_be);
        let start = if may_be { attribution::behind_answer(line, next) } else { None };
        match start.and_then(|start| line.split_at_checked(start)) {
            Some((answer, attribution)) => {
                // `Yes.--- On …`: what sets the two apart belongs to the second.
                let end = answer.trim_end_matches(['-', ' ']).len();
                let dashes = answer.len() - end >= 3 && answer[end..].contains("--");
                lines.extend(if dashes { [&line[..end], &line[end..]] } else { [answer, attribution] });
            }
            None => lines.push(line),
        }
    }
    lines
}

/// Decides which lines are quoted.
fn quotation(lines: &[&str], marks: &[Mark]) -> Vec<Part> {
    let mut parts = vec![Part::Reply; lines.len()];
    let mut cuts = cuts(lines, marks);
    if cuts.is_empty() {
        return parts;
    }
    if has_text_between(&cuts, marks) {
        // What is answered inside stays whole; a whole message quoted below all answers does not belong to it.
        let last = cuts.pop();
        let is_below = |cut: &Cut| cut.is_certain && is_empty(marks, cut.lines.end) && !is_empty(&marks[..cut.lines.start], 0);
        cuts = last.filter(is_below).into_iter().collect();
    }
    for cut in &cuts {
        parts[cut.lines.clone()].fill(Part::Quoted);
    }
    let weight = |part: Part| -> usize {
        let of = lines.iter().zip(&parts).filter(|(line, of)| **of == part && !signature::is_program(line));
        of.map(|(line, _)| line.trim().chars().count()).sum()
    };
    let (left, cut) = (weight(Part::Reply), weight(Part::Quoted));
    let is_certain = cuts.iter().all(|cut| cut.is_certain);
    if left == 0 || (!is_certain && left * LEAST_SHARE < left + cut) {
        parts.fill(Part::Reply);
    }
    parts
}

/// Returns what looks like a quotation, from above.
fn cuts(lines: &[&str], marks: &[Mark]) -> Vec<Cut> {
    let mut cuts = Vec::new();
    let mut at = 0;
    while let Some(mark) = marks.get(at) {
        let end = match mark {
            Mark::Rest => lines.len(),
            // Where the program marks no line, what follows is the quotation.
            Mark::Attribution(length) => match quoted_run(marks, at + length) {
                run if run == at + length => lines.len(),
                run => run,
            },
            Mark::Quoted => {
                let run = quoted_run(marks, at);
                let is_certain = opens_as_quotation(&lines[at..run]);
                // One line alone above or between may be anything; and what the writer shows is no quotation.
                let is_told = run - at > 1 || is_certain || is_empty(marks, run);
                if is_told && (is_certain || !is_shown(lines, marks, at, run)) {
                    cuts.push(Cut { lines: at..run, is_certain });
                }
                at = run;
                continue;
            }
            Mark::Empty | Mark::Text | Mark::Passed => at,
        };
        if end > at {
            cuts.push(Cut { lines: at..end, is_certain: true });
        }
        at = end.max(at + 1);
    }
    cuts
}

/// Whether marked lines are what somebody shows: a log, prompts of a shell, the difference of two files.
fn is_shown(lines: &[&str], marks: &[Mark], at: usize, run: usize) -> bool {
    let above = (0..at).rev().find(|above| marks[*above] != Mark::Empty);
    let is_introduced = above.is_some_and(|above| {
        marks[above] == Mark::Text && (mark::is_introduction(lines[above]) || above + 1 == at && is_of_difference(lines[above]))
    });
    // Python's prompt; a quotation of the third level has those of the first around it.
    let is_prompt = |line: &&str| {
        let line = line.trim_start();
        line.starts_with(">>> ") || line == ">>>" || line.is_empty()
    };
    is_introduced || lines[at..run].iter().all(is_prompt)
}

/// Whether a line is of the difference of two files, or a command of a shell, which asks for more with the sign of a quotation.
fn is_of_difference(line: &str) -> bool {
    line == "---" || line.starts_with("$ ") || line.starts_with("< ") || line.starts_with("@@ ") || line.starts_with("diff ")
}

fn is_empty(marks: &[Mark], from: usize) -> bool {
    marks.iter().skip(from).all(|mark| *mark == Mark::Empty)
}

/// Whether the first quoted lines are themselves an attribution or the head of a message: programs that quote these too.
fn opens_as_quotation(quoted: &[&str]) -> bool {
    let bare = quoted.iter().take(OPENING).map(|line| line.trim_start().trim_start_matches(['>', ' ']));
    let bare: Vec<&str> = bare.skip_while(|line| line.trim().is_empty()).collect();
    // An attribution counts as followed by a quotation, which it is.
    let marks = mark::marks(&bare, false);
    matches!(marks.first(), Some(Mark::Attribution(_) | Mark::Rest | Mark::Passed))
}

/// Returns where a run of quoted lines ends that begins at or, behind empty lines, after `start`; `start` when there is none.
/// A line between two quoted ones is the end of the one above, wrapped by a program on the way.
fn quoted_run(marks: &[Mark], start: usize) -> usize {
    let mut end = start;
    let mut at = start;
    while let Some(mark) = marks.get(at) {
        match mark {
            Mark::Quoted => end = at + 1,
            Mark::Empty => {}
            Mark::Text if end == at && at > start && marks.get(at + 1) == Some(&Mark::Quoted) => {}
            Mark::Attribution(length) if end > start && quoted_after(marks, at + length) => {
                at += length;
                continue;
            }
            Mark::Text | Mark::Attribution(_) | Mark::Rest | Mark::Passed => break,
        }
        at += 1;
    }
    end
}

fn quoted_after(marks: &[Mark], at: usize) -> bool {
    marks.iter().skip(at).find(|mark| **mark != Mark::Empty) == Some(&Mark::Quoted)
}

/// Whether new text stands between two quotations: answers inside the quotation.
fn has_text_between(cuts: &[Cut], marks: &[Mark]) -> bool {
    let mut is_quoted = vec![false; marks.len()];
    for cut in cuts {
        is_quoted[cut.lines.clone()].fill(true);
    }
    let mut seen_quoted = false;
    let mut seen_text_behind = false;
    for (is_quoted, mark) in is_quoted.iter().zip(marks) {
        if *is_quoted || *mark == Mark::Quoted {
            if seen_text_behind {
                return true;
            }
            seen_quoted = true;
        } else {
            seen_text_behind |= seen_quoted && *mark != Mark::Empty;
        }
    }
    false
}
