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
    }
}
