//! The new text of a message, the quotation and the signature (PARSE-7). Every line of the text is in exactly one of the
//! three. A quotation that its program marks (an attribution, a header block, a line of dashes) is cut however short the
//! new text above it is; one that only looks like a quotation is cut when at least a tenth of the text is left. Where answers
//! stand inside the quotation, where a message is passed on, or where nothing would be left, nothing is cut.

mod forward;
mod mark;
mod signature;
#[cfg(test)]
mod tests;
mod words;

pub use forward::original_sender;
use mark::Mark;

/// The share of the text, as one part in so many, that must be left when a quotation is only probable.
const LEAST_SHARE: usize = 10;

/// A text, told apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// The new text, without empty lines around it.
    pub reply: String,
    /// The quotation with the line that introduces it.
    pub quoted: String,
    pub signature: String,
}

/// What a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Reply,
    Quoted,
    Signature,
}

/// Tells the reply from the quotation and the signature.
pub fn split(text: &str) -> Split {
    let lines: Vec<&str> = text.lines().collect();
    let marks = mark::marks(&lines);
    let mut parts = quotation(&lines, &marks);
    signature::mark(&lines, &mut parts);
    let of = |part: Part| {
        let of_part = lines.iter().zip(&parts).filter(|(_, of)| **of == part).map(|(line, _)| line.trim_end());
        of_part.collect::<Vec<_>>().join("\n").trim_matches('\n').to_string()
    };
    Split { reply: of(Part::Reply), quoted: of(Part::Quoted), signature: of(Part::Signature) }
}

/// Decides which lines are quoted.
fn quotation(lines: &[&str], marks: &[Mark]) -> Vec<Part> {
    let whole = vec![Part::Reply; lines.len()];
    let mut parts = whole.clone();
    let mut certain = true;
    let mut at = 0;
    while at < marks.len() {
        match marks[at] {
            // What is passed on is what the mail is about.
            Mark::Forward => break,
            Mark::Rest => {
                parts[at..].fill(Part::Quoted);
                break;
            }
            Mark::Attribution(length) => {
                let end = at + length;
                let run = quoted_run(marks, end);
                if run == end {
                    // The program marks no line: what follows is the quotation.
                    parts[at..].fill(Part::Quoted);
                    break;
                }
                parts[at..run].fill(Part::Quoted);
                at = run;
                continue;
            }
            Mark::Quoted => {
                let run = quoted_run(marks, at);
                // One line alone above or between may be anything.
                let is_last = marks[run..].iter().all(|mark| *mark == Mark::Empty);
                if run - at > 1 || is_last {
                    parts[at..run].fill(Part::Quoted);
                    certain = false;
                }
                at = run;
                continue;
            }
            Mark::Empty | Mark::Text => {}
        }
        at += 1;
    }
    let weight = |part: Part| -> usize {
        let of = lines.iter().zip(&parts).filter(|(_, of)| **of == part);
        of.map(|(line, _)| line.trim().chars().count()).sum()
    };
    let (left, cut) = (weight(Part::Reply), weight(Part::Quoted));
    let is_answered_inside = has_text_between(&parts, marks);
    if left == 0 || is_answered_inside || (!certain && left * LEAST_SHARE < left + cut) {
        return whole;
    }
    parts
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
            Mark::Text | Mark::Attribution(_) | Mark::Rest | Mark::Forward => break,
        }
        at += 1;
    }
    end
}

fn quoted_after(marks: &[Mark], at: usize) -> bool {
    marks.iter().skip(at).find(|mark| **mark != Mark::Empty) == Some(&Mark::Quoted)
}

/// Whether new text stands between two quotations: answers inside the quotation.
fn has_text_between(parts: &[Part], marks: &[Mark]) -> bool {
    let mut seen_quoted = false;
    let mut seen_text_behind = false;
    for (part, mark) in parts.iter().zip(marks) {
        if *part == Part::Quoted || *mark == Mark::Quoted {
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
