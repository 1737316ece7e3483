//! Pieces of text that several commands print alike.

use std::collections::BTreeMap;

use crate::decide::fields::FieldKind;

/// Writes lines of `key: value`, leaving out what is empty. A value with a line break must not look like another line.
pub fn lines(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(key, _)| key.len()).max().unwrap_or(0) + 1;
    let mut text = String::new();
    for (key, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        text.push_str(&format!("{:<width$} {}\n", format!("{key}:"), crate::output::shown_line(value)));
    }
    text
}

/// Writes several things behind each other.
pub fn listed<T: ToString>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What the fields say that there are, in their order.
pub fn told<'f>(known: &'f [(String, FieldKind)], values: &BTreeMap<String, String>) -> Vec<(&'f str, String)> {
    known.iter().filter_map(|(name, _)| Some((name.as_str(), values.get(name)?.clone()))).collect()
}

/// Writes what may be missing.
pub fn or_empty<T: ToString>(value: Option<&T>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

/// Writes what became of a thing that somebody set.
pub const fn changed(is_changed: bool) -> &'static str {
    if is_changed { "changed" } else { "stays as it is" }
}

/// Writes yes or no.
pub fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.to_string()
}
