//! Where in a text something stands, for people to see (FILTER-8).

use std::ops::Range;

/// How many characters are shown before and behind it.
const AROUND: usize = 30;
/// How many of itself at the most: a regular expression may take in all of a text.
const MOST: usize = 80;

/// Returns the range in a text of what stands at a range of the same text in lower case, where letters may have other lengths.
pub fn unfolded(text: &str, lower: &Range<usize>) -> Range<usize> {
    let (mut at_lower, mut start, mut end) = (0, None, text.len());
    for (at, letter) in text.char_indices() {
        if at_lower >= lower.end {
            end = at;
            break;
        }
        at_lower += letter.to_lowercase().map(char::len_utf8).sum::<usize>();
        if start.is_none() && at_lower > lower.start {
            start = Some(at);
        }
    }
    start.unwrap_or(end)..end
}

/// Returns what stands there, with some words around it, on one line.
pub fn excerpt(text: &str, place: &Range<usize>) -> String {
    let before = text.get(..place.start).unwrap_or_default();
    let start = before.char_indices().rev().take(AROUND).last().map_or(place.start, |(at, _)| at);
    let forward = |from: usize, letters: usize| {
        let rest = text.get(from..).unwrap_or_default();
        rest.char_indices().nth(letters).map_or(text.len(), |(at, _)| from + at)
    };
    let end = forward(place.end.min(forward(place.start, MOST)), AROUND);
    let words: Vec<&str> = text.get(start..end).unwrap_or_default().split_whitespace().collect();
    let cut = |is_cut: bool| if is_cut { "…" } else { "" };
    format!("{}{}{}", cut(start > 0), words.join(" "), cut(end < text.len()))
}
