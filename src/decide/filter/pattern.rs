//! Patterns: `*` for any run of characters, or regular expressions. All of them cost in proportion to the text (FILTER-3).

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use regex::Regex;

/// The most memory that one regular expression takes, in bytes.
const LARGEST_REGEX: usize = 1 << 20;

/// Compiles a regular expression, or says what is wrong with it. It costs in proportion to what it is held against.
pub fn compile(pattern: &str, match_case: bool) -> Result<Regex, String> {
    let mut builder = regex::RegexBuilder::new(pattern);
    builder.case_insensitive(!match_case).multi_line(true).size_limit(LARGEST_REGEX).dfa_size_limit(LARGEST_REGEX);
    builder.build().map_err(|error| error.to_string())
}

/// By pattern and whether case counts; none for one that cannot be read.
type Compiled = HashMap<(String, bool), Option<Rc<Regex>>>;

/// Returns a regular expression, compiled once in a thread.
pub fn regex(pattern: &str, match_case: bool) -> Option<Rc<Regex>> {
    thread_local! {
        static COMPILED: RefCell<Compiled> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|compiled| {
        let key = (pattern.to_string(), match_case);
        compiled.entry(key).or_insert_with(|| compile(pattern, match_case).ok().map(Rc::new)).clone()
    })
}

/// Writes a pattern in lower case; most are so already, and cost nothing.
pub fn folded(pattern: &str) -> Cow<'_, str> {
    let is_folded = pattern.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if is_folded { Cow::Borrowed(pattern) } else { Cow::Owned(pattern.to_lowercase()) }
}

/// Whether the whole of a text is like a pattern in which `*` stands for any run of characters.
pub fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = pattern.rsplit_once('*').map(|(_, last)| last) else { return rest.is_empty() };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            break;
        }
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}
