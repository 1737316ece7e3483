//! How many there are of something, in words.

use std::fmt::Display;

/// Writes `1 message` or `2 messages`.
pub fn counted(count: impl Display, noun: &str) -> String {
    let count = count.to_string();
    let stem = noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']));
    match stem {
        _ if count == "1" => format!("{count} {noun}"),
        Some(stem) => format!("{count} {stem}ies"),
        None if noun.ends_with(['s', 'x']) => format!("{count} {noun}es"),
        None => format!("{count} {noun}s"),
    }
}

/// The same with what they do: `1 message waits`, `2 messages wait`.
pub fn doing(count: impl Display, noun: &str, one: &str, more: &str) -> String {
    let counted = counted(count, noun);
    let verb = if counted.starts_with("1 ") { one } else { more };
    format!("{counted} {verb}")
}

/// Says how many more there are than were named, where there are.
pub fn and_more(more: usize) -> Option<String> {
    (more > 0).then(|| format!("and {more} more"))
}

/// Names the first of them, and how many more there are: `a, b and 3 more`.
pub fn first_of<T: Display>(all: &[T], most: usize) -> String {
    let first = all.iter().take(most).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    [Some(first), and_more(all.len().saturating_sub(most))].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// A number of bytes as people say it.
pub fn told_bytes(bytes: u64) -> String {
    match bytes {
        0..=9_999 => format!("{bytes} bytes"),
        10_000..=9_999_999 => format!("{} kB", bytes / 1_000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        assert_eq!([counted(0, "message"), counted(1, "mailbox")], ["0 messages", "1 mailbox"]);
        assert_eq!([counted(11, "mailbox"), doing(1, "e-mail", "is", "are")], ["11 mailboxes", "1 e-mail is"]);
        assert_eq!([counted(2, "copy"), counted(2, "day")], ["2 copies", "2 days"]);
        assert_eq!(doing(21, "e-mail", "is", "are"), "21 e-mails are");
        assert_eq!([first_of(&["a", "b", "c"], 2), first_of(&["a", "b"], 2)], ["a, b and 1 more", "a, b"]);
    }
}
