//! HTML cut into text and tags, without a tree: for what is decided before a tree is built, and for clean HTML.

/// A piece of HTML.
pub enum Token<'a> {
    Text(&'a str),
    Tag {
        name: &'a str,
        is_end: bool,
        /// Bytes outside quotes.
        length: usize,
    },
}

/// Cuts HTML into text and tags as the HTML standard does (section 13.2.5): comments and the content of scripts and
/// the like are neither.
pub struct Tokens<'a>(pub &'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let html = self.0;
            if html.is_empty() {
                return None;
            }
            let is_tag = html.starts_with('<')
                && html[1..].strip_prefix('/').unwrap_or(&html[1..]).starts_with(|c: char| c.is_ascii_alphabetic());
            if is_tag {
                let (token, rest) = tag(html);
                self.0 = rest;
                return Some(token);
            }
            if let Some(rest) = html.strip_prefix("<!--") {
                self.0 = behind_comment(rest);
            } else if html.starts_with("<!") || html.starts_with("<?") || html.starts_with("</") {
                self.0 = html.find('>').and_then(|end| html.get(end + 1..)).unwrap_or_default();
            } else {
                let end = memchr::memchr(b'<', &html.as_bytes()[1..]).map_or(html.len(), |end| end + 1);
                // A multi-byte character cannot be cut: what is searched for is ASCII.
                let (text, rest) = html.split_at(end);
                self.0 = rest;
                return Some(Token::Text(text));
            }
        }
    }
}

fn behind_comment(rest: &str) -> &str {
    if let Some(rest) = rest.strip_prefix('>').or_else(|| rest.strip_prefix("->")) {
        return rest;
    }
    let bytes = rest.as_bytes();
    let mut ends = memchr::memchr_iter(b'>', bytes);
    let end = ends.find(|end| bytes[..*end].ends_with(b"--") || bytes[..*end].ends_with(b"--!"));
    end.and_then(|end| rest.get(end + 1..)).unwrap_or_default()
}

/// Reads a tag, and skips the content of those elements that hold no markup.
fn tag(html: &str) -> (Token<'_>, &str) {
    let is_end = html.as_bytes().get(1) == Some(&b'/');
    let start = if is_end { 2 } else { 1 };
    let bytes = html.as_bytes();
    let name_end = bytes.iter().skip(start).position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'));
    let name_end = name_end.map_or(html.len(), |end| end + start);
    let name = html.get(start..name_end).unwrap_or_default();
    let (length, quoted) = attributes(&bytes[name_end..]);
    let at = name_end + length;
    let token = Token::Tag { name, is_end, length: at - quoted };
    let mut rest = html.get(at..).unwrap_or_default();
    const RAW: [&str; 9] = ["script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "noscript"];
    if !is_end && RAW.iter().any(|raw| name.eq_ignore_ascii_case(raw)) {
        rest = from_end_tag(rest, name);
    }
    (token, rest)
}

/// Returns how long the rest of a tag is, and how much of that stands in quotes.
fn attributes(bytes: &[u8]) -> (usize, usize) {
    #[derive(Clone, Copy)]
    enum State {
        BeforeName,
        Name,
        AfterName,
        BeforeValue,
        Unquoted,
    }
    let (mut at, mut quoted) = (0, 0);
    let mut state = State::BeforeName;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        state = match (state, byte) {
            (_, b'>') => break,
            (State::BeforeName | State::Name | State::AfterName, b'/') => State::BeforeName,
            (State::BeforeName | State::Unquoted, byte) if byte.is_ascii_whitespace() => State::BeforeName,
            (State::Name | State::AfterName, byte) if byte.is_ascii_whitespace() => State::AfterName,
            (State::Name | State::AfterName, b'=') => State::BeforeValue,
            (State::BeforeName | State::Name | State::AfterName, _) => State::Name,
            (State::BeforeValue, byte) if byte.is_ascii_whitespace() => State::BeforeValue,
            (State::BeforeValue, b'"' | b'\'') => {
                let end = memchr::memchr(*byte, &bytes[at..]).map_or(bytes.len(), |end| at + end + 1);
                quoted += end - at;
                at = end;
                State::BeforeName
            }
            (State::BeforeValue | State::Unquoted, _) => State::Unquoted,
        };
    }
    (at, quoted)
}

/// Returns HTML from the end tag of an element on.
fn from_end_tag<'a>(html: &'a str, name: &str) -> &'a str {
    let ends = memchr::memmem::find_iter(html.as_bytes(), b"</").filter_map(|at| html.get(at..));
    let mut ends = ends.filter(|rest| {
        let rest = &rest.as_bytes()[2..];
        rest.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
            && rest.get(name.len()).is_some_and(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'))
    });
    ends.next().unwrap_or_default()
}
