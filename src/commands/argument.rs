//! How arguments are read that more than one command takes: names, addresses, and what clears a list.

use crate::clock;
use crate::decide::host;
use crate::fault::{Class, Fault};
use crate::mail::reply::clean_html;
use crate::output::{Format, Output};
use crate::store::WHOLE;

/// Reads the name of something new. A number would be taken for an id.
pub fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("a name has at least one character and no control characters".to_string());
    }
    if text.parse::<i64>().is_ok() {
        return Err("a name cannot be a number alone, because numbers are ids".to_string());
    }
    Ok(text.to_string())
}

/// The longest name of a record, in characters.
const LONGEST_NAME: usize = 500;

/// Reads the name of a record: one line that says something.
pub fn title(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("a name has at least one character".to_string());
    }
    if text.chars().count() > LONGEST_NAME {
        return Err(format!("a name has at most {LONGEST_NAME} characters"));
    }
    line(text)
}

/// Reads an e-mail address; an empty one clears the list it is for.
pub fn address(text: &str) -> Result<String, String> {
    let text = text.trim();
    let sound = text.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && !text.chars().any(|c| c.is_control() || c.is_whitespace() || "<>,;".contains(c));
    if sound || text.is_empty() { Ok(text.to_string()) } else { Err(format!("{text:?} is not an e-mail address")) }
}

/// Reads an e-mail address that must be there.
pub fn one_address(text: &str) -> Result<String, String> {
    address(text).and_then(|address| if address.is_empty() { Err("the address is empty".to_string()) } else { Ok(address) })
}

/// Reads an address that somebody may stand with in mail, also one that nobody could write to.
pub fn any_address(text: &str) -> Result<String, String> {
    let text = text.trim();
    let sound = text.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    if sound && !text.chars().any(char::is_control) { Ok(text.to_string()) } else { one_address(text) }
}

/// Reads the name or address of a server; an empty one ends what it is for.
pub fn host(text: &str) -> Result<String, String> {
    if text.is_empty() { Ok(String::new()) } else { host::checked(text) }
}

/// Reads the name or address of a server that must be there.
pub fn one_host(text: &str) -> Result<String, String> {
    host::checked(text)
}

/// Reads a text that stands in a header: one line.
pub fn line(text: &str) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        Err("it has line ends or control characters".to_string())
    } else {
        Ok(text.to_string())
    }
}

/// Reads lines of text, such as a signature.
pub fn text(text: &str) -> Result<String, String> {
    let text = text.replace("\r\n", "\n");
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err("it has no control characters but line ends".to_string());
    }
    if text.len() > 4_000 {
        return Err("it has at most 4000 bytes".to_string());
    }
    Ok(text)
}

/// The largest HTML of a signature, in bytes: a small picture may stand in it.
const LARGEST_HTML: usize = 64 << 10;

/// Reads HTML for a signature: what acts or loads is left out.
pub fn html(text: &str) -> Result<String, String> {
    if text.len() > LARGEST_HTML {
        return Err(format!("it has at most {LARGEST_HTML} bytes"));
    }
    clean_html(text).ok_or_else(|| "it is too deep to be read".to_string())
}

/// How many numbers one command takes.
pub const MOST_IDS: usize = 1_000;

/// The longest text that is looked for: databases take no patterns without end.
const LONGEST: usize = 1_000;

/// Refuses what is too long to be looked for; it is not repeated.
pub fn within_limit<'t>(wanted: impl IntoIterator<Item = Option<&'t String>>) -> Result<(), Fault> {
    let is_long = |text: &String| text.chars().count() > LONGEST;
    if wanted.into_iter().flatten().any(is_long) {
        return Err(Fault::new(Class::Usage, format!("what is looked for has {LONGEST} characters at the most")));
    }
    Ok(())
}

/// Reads a number of items to list.
pub fn limit(text: &str) -> Result<i64, String> {
    text.parse::<i64>().ok().filter(|limit| *limit > 0).ok_or_else(|| "write a number above 0".to_string())
}

/// How many a person reads at once.
const PAGE: i64 = 100;

/// How many more are counted behind a list.
const COUNTED: i64 = 100;

/// Which part of a list. For programs it is whole unless they say otherwise; people hear how much more there is.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Part {
    /// How many at the most [default: 100; all with -o json and jsonl]
    #[arg(long, value_name = "NUMBER", value_parser = limit)]
    limit: Option<i64>,
    /// How many to pass over
    #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    pub offset: i64,
}

impl Part {
    /// How many to list.
    pub fn limit(&self, out: &Output) -> i64 {
        self.limit.unwrap_or(if out.format == Format::Text { PAGE } else { WHOLE })
    }

    /// Says how many stand behind those that were listed. Where there may be some, `count` is asked, for so many at the most: nobody waits
    /// for the last of a million to be counted.
    pub fn tell_rest(&self, out: &Output, listed: usize, count: impl FnOnce(i64) -> anyhow::Result<i64>) -> anyhow::Result<()> {
        let listed = i64::try_from(listed)?;
        if out.format == Format::Text && listed > 0 && listed >= self.limit(out) {
            let before = self.offset.saturating_add(listed);
            let more = count(before.saturating_add(COUNTED + 1))? - before;
            out.rest(more.min(COUNTED), more > COUNTED);
        }
        Ok(())
    }
}

/// A length of time in seconds; none is never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Option<i64>);

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.map_or_else(|| "never".to_string(), clock::shown_span))
    }
}

/// Reads a length of time such as `14d`, `12h` or `2w`, or `never`.
pub fn span(text: &str) -> Result<Span, String> {
    if text == "never" {
        return Ok(Span(None));
    }
    let wrong = || format!("{text:?} is no length of time; write 30m, 12h, 14d, 2w or never");
    clock::span(text).map(|seconds| Span(Some(seconds))).ok_or_else(wrong)
}

/// Turns a list that was given into what it says: nothing stays, one empty value clears.
pub fn list(given: &[String]) -> Option<Vec<String>> {
    if given.is_empty() { None } else { Some(given.iter().filter(|text| !text.is_empty()).cloned().collect()) }
}

/// Finds what is named; an empty name is none.
pub fn or_none<T>(given: &str, find: impl FnOnce(&str) -> anyhow::Result<T>) -> anyhow::Result<Option<T>> {
    if given.is_empty() { Ok(None) } else { find(given).map(Some) }
}

/// Writes a name as it is typed in a shell.
pub fn quoted(name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_.@+/".contains(c));
    if plain { name.to_string() } else { format!("'{}'", name.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_for_the_shell_where_it_must() {
        assert_eq!((quoted("support").as_str(), quoted("it's me").as_str()), ("support", r"'it'\''s me'"));
    }

    #[test]
    fn a_span_is_read_as_it_is_written() {
        for text in ["14d", "12h", "90m", "1s", "never"] {
            assert_eq!(span(text).map(|span| span.to_string()), Ok(text.to_string()));
        }
        assert_eq!(span("2w"), Ok(Span(Some(14 * 86_400))));
        for wrong in ["", "now", "today", "-3d", "3", "2026-11-23"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_and_addresses_are_read_strictly() {
        assert_eq!(name(" Support "), Ok("Support".to_string()));
        assert!(name("7").is_err() && name("").is_err() && name("a\u{1b}b").is_err());
        for good in ["a@example.com", "jörg@exämple.test", "\"odd\"@example.com"] {
            assert!(address(good).is_ok(), "{good}");
        }
        for wrong in ["a", "a@", "@b", "a b@c", "Ada <a@b>", "a@b\u{7}"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
