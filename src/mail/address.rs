//! Addresses as they stand in header fields (RFC 5322, sections 3.4 and 4.4), read as every mail program shows them: names
//! with commas and no quotes, fields that are quoted or encoded whole, routes, `mailto:`, doubled and missing brackets.
//! Nothing that is written there is dropped: what is no address stays as a name.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::digest::{digest, hex};
use super::parameter::without_percent;
use super::words::{self, Words, one_line};
use super::{charset, nobody};

/// One e-mail address with its display name, as it stood in a header.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The display name, decoded; empty when there is none.
    pub name: String,
    /// The address as written, without angle brackets.
    pub address: String,
}

impl Address {
    /// Returns the form by which addresses are compared (PARSE-4): lower case, domain in IDNA form.
    pub fn key(&self) -> String {
        address_key(&self.address)
    }

    /// Whether a program reads it, or nobody, as far as its local part says (AUTO-1).
    pub fn is_nobodys(&self) -> bool {
        nobody::reader(&self.address).is_some()
    }
}

/// The most octets of an address (RFC 5321, section 4.5.3.1.3, erratum 1690).
const LONGEST: usize = 254;

/// Returns the form by which addresses are compared (PARSE-4): lower case, domain in IDNA form. What is longer than an address can be
/// is known by its digest: the form is a key of the database.
pub fn address_key(address: &str) -> String {
    let lower = address.trim().to_lowercase();
    let domain = lower.rsplit_once('@').filter(|(_, domain)| !domain.is_ascii());
    let ascii = domain.and_then(|(local, domain)| Some(format!("{local}@{}", idna::domain_to_ascii(domain).ok()?)));
    let key = ascii.unwrap_or(lower);
    if key.len() <= LONGEST { key } else { hex(&digest(key.as_bytes())) }
}

/// Returns the ways in which an address is written, in lower case: as it is, and with its domain in ASCII and in letters (RFC 5890, section
/// 2.3.2.1).
pub fn address_spellings(address: &str) -> Vec<String> {
    let lower = address.trim().to_lowercase();
    let domain = lower.rsplit_once('@').filter(|(_, domain)| !domain.is_ascii() || domain.contains("xn--"));
    let other = domain.and_then(|(local, domain)| {
        let other = if domain.is_ascii() { idna::domain_to_unicode(domain).0 } else { idna::domain_to_ascii(domain).ok()? };
        Some(format!("{local}@{other}"))
    });
    let mut all = vec![lower];
    all.extend(other.filter(|other| *other != all[0]));
    all
}

/// Returns the address behind which a plus-address is (RFC 5233, section 1), in the form by which addresses are compared.
pub fn untagged(key: &str) -> Cow<'_, str> {
    let parts = key.rsplit_once('@').and_then(|(local, domain)| Some((local.split_once('+')?.0, domain)));
    match parts {
        Some((local, domain)) if !local.is_empty() => Cow::Owned(format!("{local}@{domain}")),
        _ => Cow::Borrowed(key),
    }
}

/// Reads a list, groups flattened; at most `room` addresses, which shrinks.
pub fn list(text: &str, room: &mut usize) -> Vec<Address> {
    let mut reader =
        Reader { text, words: Words::of(text.as_bytes()), is_inner: false, found: Vec::new(), names: Vec::new(), room };
    reader.read();
    reader.found
}

/// How many labels of a domain may have white space around their dots.
const DOTS: usize = 8;

/// What has been read of one address.
#[derive(Default)]
struct Entry {
    pieces: Vec<Piece>,
    /// What stood between angle brackets.
    angle: Option<String>,
    /// What stands behind them.
    behind: Vec<Piece>,
    comments: Vec<String>,
    /// It has an `@` or a `[` in it, outside quotes.
    is_marked: bool,
}

enum Piece {
    /// Between quotes, without escapes.
    Quoted(String),
    /// As it stands.
    Bare(String),
}

struct Reader<'a, 'r> {
    text: &'a str,
    words: Words<'a>,
    /// It is read from within a name, and not again.
    is_inner: bool,
    found: Vec<Address>,
    /// What stood before commas and may be the beginning of a name.
    names: Vec<String>,
    room: &'r mut usize,
}

impl Reader<'_, '_> {
    fn read(&mut self) {
        let mut entry = Entry::default();
        let (mut at, mut last_quote, mut last_comment) = (0, usize::MAX, usize::MAX);
        while let Some(c) = self.text[at..].chars().next()
            && *self.room > 0
        {
            let next = at + c.len_utf8();
            at = match c {
                '"' if at < last_quote => match quoted(&self.text[next..]) {
                    Some((text, length)) => {
                        entry.place().push(Piece::Quoted(text));
                        next + length
                    }
                    None => {
                        // No quote behind this one ends anything.
                        last_quote = at;
                        next
                    }
                },
                '(' if at < last_comment => match comment(&self.text[next..]) {
                    Some((text, length)) => {
                        entry.comments.push(text);
                        next + length
                    }
                    None => {
                        last_comment = at;
                        entry.push(c);
                        next
                    }
                },
                '<' => {
                    if let Some(angle) = entry.angle.take() {
                        let behind = std::mem::take(&mut entry.behind);
                        if angle.contains('@') {
                            // Two in one: the first one is whole.
                            let whole = Entry { angle: Some(angle), ..std::mem::take(&mut entry) };
                            self.finish(whole, true);
                        } else {
                            entry.push_text(&format!(" {angle} "));
                        }
                        entry.pieces.extend(behind);
                    }
                    self.angle(next, &mut entry)
                }
                ',' | ';' => {
                    self.finish(std::mem::take(&mut entry), c == ',');
                    next
                }
                ':' if entry.is_name_of_group() => {
                    self.flush();
                    entry = Entry::default();
                    next
                }
                '=' => match self.words.at(at) {
                    Some(word) => {
                        entry.push_text(&self.text[at..at + word.length]);
                        at + word.length
                    }
                    None => {
                        entry.push(c);
                        next
                    }
                },
                // The end of what began before the brackets.
                '\'' | '"' | '>' if entry.angle.is_some() => next,
                c => {
                    entry.push(c);
                    next
                }
            };
        }
        self.finish(entry, false);
        self.flush();
    }

    /// Reads what stands between angle brackets; returns what follows.
    fn angle(&mut self, start: usize, entry: &mut Entry) -> usize {
        let mut angle = String::new();
        let mut at = start;
        let (mut has_quotes, mut has_address) = (true, false);
        while let Some(c) = self.text[at..].chars().next() {
            let next = at + c.len_utf8();
            at = match c {
                '>' => {
                    at += self.text[at..].len() - self.text[at..].trim_start_matches('>').len();
                    break;
                }
                // Doubled brackets, and a name that stood in them.
                '<' => {
                    entry.push_text(&std::mem::take(&mut angle));
                    has_address = false;
                    next
                }
                // The end got lost. A route has commas of its own (RFC 5322, section 4.4).
                ',' | ';' if has_address && !angle.trim_start().starts_with('@') => break,
                '"' if has_quotes => match quoted(&self.text[next..]) {
                    Some((text, length)) => {
                        angle.push_str(&format!("\"{}\"", escaped(&text)));
                        next + length
                    }
                    None => {
                        has_quotes = false;
                        next
                    }
                },
                '=' => match self.words.at(at) {
                    Some(word) => {
                        angle.push_str(&self.text[at..at + word.length]);
                        at + word.length
                    }
                    None => {
                        angle.push(c);
                        next
                    }
                },
                c => {
                    has_address |= c == '@';
                    angle.push(c);
                    next
                }
            };
        }
        entry.angle = Some(angle);
        at
    }

    /// Ends an entry. Where a comma does, what is no address may be the first half of a name.
    fn finish(&mut self, entry: Entry, by_comma: bool) {
        if let Some(angle) = &entry.angle {
            let (address, rest) = bare(angle);
            let name = with_rest(entry.name(), &rest);
            if is_address(&address) {
                let names = std::mem::take(&mut self.names);
                let name = names.into_iter().chain([name]).filter(|name| !name.is_empty()).collect::<Vec<_>>().join(", ");
                return self.push(name, address);
            }
            self.flush();
            if !self.inner(&name) {
                self.push(name, address);
            }
            return;
        }
        let addresses = entry.addresses();
        match addresses {
            Found::Nothing => {
                let name = entry.name();
                let in_comment = || entry.comments.iter().find(|comment| comment.contains('@'));
                if self.inner(&name) {
                } else if let Some(comment) = in_comment()
                    && self.inner(comment)
                {
                    let bare_name = entry.bare_name();
                    if let Some(found) = self.found.last_mut().filter(|found| found.name.is_empty()) {
                        found.name = bare_name;
                    }
                } else if let Some(local) = entry.local() {
                    // The mailbox of a machine, whose name stands in a comment.
                    self.flush();
                    self.push(entry.comment(), local);
                } else if name.chars().any(|c| c.is_alphanumeric() || !c.is_ascii()) {
                    self.names.push(name);
                }
            }
            // The left part of it is an encoded word, which may hold more than that.
            Found::Encoded(text) => {
                self.flush();
                if !self.inner(&one_line(&words::decode(text.as_bytes(), None))) {
                    self.push(String::new(), one_line(&text));
                }
            }
            Found::Some(addresses) => {
                self.flush();
                let name = if let [only] = addresses.as_slice() { entry.name_without(only) } else { String::new() };
                for address in addresses {
                    self.push(name.clone(), address);
                }
            }
        }
        if !by_comma {
            self.flush();
        }
    }

    /// What was taken for the beginning of a name is an entry of its own.
    fn flush(&mut self) {
        for name in std::mem::take(&mut self.names) {
            // The name of a local mailbox.
            if name.contains(char::is_whitespace) { self.push(name, String::new()) } else { self.push(String::new(), name) }
        }
    }

    /// Reads addresses from within a name: of a field that was quoted or encoded whole.
    fn inner(&mut self, text: &str) -> bool {
        if self.is_inner || !text.contains('@') {
            return false;
        }
        let mut room = *self.room;
        let words = Words::of(text.as_bytes());
        let mut reader = Reader { text, words, is_inner: true, found: Vec::new(), names: Vec::new(), room: &mut room };
        reader.read();
        let found = reader.found;
        if !found.iter().any(|one| is_address(&one.address)) {
            return false;
        }
        self.flush();
        for one in found {
            self.push(one.name, one.address);
        }
        true
    }

    fn push(&mut self, name: String, address: String) {
        let address: String = charset::without_nul(&address).chars().filter(|c| !c.is_control()).collect();
        if *self.room == 0 || name.is_empty() && address.is_empty() {
            return;
        }
        *self.room -= 1;
        self.found.push(Address { name, address });
    }
}

/// The addresses of an entry without angle brackets.
enum Found {
    Nothing,
    Some(Vec<String>),
    Encoded(String),
}

impl Entry {
    /// Where that goes which comes next.
    fn place(&mut self) -> &mut Vec<Piece> {
        if self.angle.is_some() { &mut self.behind } else { &mut self.pieces }
    }

    fn push(&mut self, c: char) {
        self.is_marked |= matches!(c, '@' | '[');
        let place = self.place();
        match place.last_mut() {
            Some(Piece::Bare(text)) => text.push(c),
            _ => place.push(Piece::Bare(c.to_string())),
        }
    }

    fn push_text(&mut self, text: &str) {
        let place = self.place();
        match place.last_mut() {
            Some(Piece::Bare(last)) => last.push_str(text),
            _ => place.push(Piece::Bare(text.to_string())),
        }
    }

    fn bare(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Bare(text) => Some(text.as_str()),
            Piece::Quoted(_) => None,
        })
    }

    /// Whether a colon ends the name of a group here (RFC 5322, section 3.4): it is none behind `mailto` or in an address.
    fn is_name_of_group(&self) -> bool {
        let scheme = || self.bare().last().is_some_and(scheme_at_end);
        self.angle.is_none() && !self.pieces.is_empty() && !self.is_marked && !scheme()
    }

    /// The display name; a comment stands in for it.
    fn name(&self) -> String {
        let name = self.bare_name();
        if !name.is_empty() {
            return name;
        }
        self.comment()
    }

    /// The comments, which hold the name where nothing else does.
    fn comment(&self) -> String {
        one_line(&words::decode(self.comments.join(" ").as_bytes(), None))
    }

    /// Returns the single word that stands before comments.
    fn local(&self) -> Option<String> {
        match self.pieces.as_slice() {
            [Piece::Bare(text)] if !self.comments.is_empty() && text.split_whitespace().count() == 1 && !text.contains("=?") => {
                Some(text.trim().to_string())
            }
            _ => None,
        }
    }

    fn bare_name(&self) -> String {
        let mut name = String::new();
        for piece in self.pieces.iter().chain(&self.behind) {
            match piece {
                Piece::Quoted(text) => name.push_str(&format!(" {text} ")),
                Piece::Bare(text) => name.push_str(text),
            }
        }
        one_line(&words::decode(name.as_bytes(), None))
    }

    /// Finds what has an `@` in it and stands in no quotes.
    fn addresses(&self) -> Found {
        if !self.bare().any(|text| text.contains('@')) {
            return Found::Nothing;
        }
        let mut whole = String::new();
        let mut addresses: Vec<String> = Vec::new();
        let mut local: Option<String> = None;
        for piece in &self.pieces {
            match (piece, local.take()) {
                (Piece::Quoted(text), _) => {
                    whole.push(' ');
                    local = Some(local_part(text));
                }
                // A quoted local part: `"dora b"@example.org`.
                (Piece::Bare(text), Some(local)) if text.starts_with('@') => {
                    let end = text.find(char::is_whitespace).unwrap_or(text.len());
                    addresses.push(format!("{local}{}", &text[..end]));
                    whole.push_str(&text[end..]);
                }
                (Piece::Bare(text), _) => whole.push_str(text),
            }
        }
        addresses.extend(tokens(&whole).map(|token| bare(&token).0).filter(|address| is_address(address)));
        if let Some(encoded) = whole.split_whitespace().find(|token| token.contains('@') && token.contains("=?")) {
            // Words that are split over several lines belong together.
            let is_one = whole.split_whitespace().all(|token| token.contains("=?"));
            return Found::Encoded(if is_one { whole.trim().to_string() } else { encoded.to_string() });
        }
        if addresses.is_empty() { Found::Nothing } else { Found::Some(addresses) }
    }

    /// The name beside a bare address.
    fn name_without(&self, address: &str) -> String {
        let mut name = String::new();
        let mut pieces = self.pieces.iter().peekable();
        while let Some(piece) = pieces.next() {
            match piece {
                Piece::Quoted(_) if matches!(pieces.peek(), Some(Piece::Bare(next)) if next.starts_with('@')) => {}
                Piece::Quoted(text) => name.push_str(&format!(" {text} ")),
                Piece::Bare(text) => {
                    let is_name = |token: &String| bare(token).0 != address && token.chars().any(char::is_alphanumeric);
                    for token in tokens(text).filter(|token| !token.starts_with('@')).filter(is_name) {
                        name.push(' ');
                        name.push_str(&token);
                    }
                }
            }
        }
        let name = one_line(&words::decode(name.trim_matches(|c: char| "<>[]:,; ".contains(c)).as_bytes(), None));
        if name.is_empty() { self.comment() } else { name }
    }
}

fn with_rest(name: String, rest: &str) -> String {
    if name.is_empty() { one_line(&words::decode(rest.as_bytes(), None)) } else { name }
}

/// Cuts at white space, except around an `@`.
fn tokens(text: &str) -> impl Iterator<Item = String> {
    let mut words = text.split_whitespace().peekable();
    std::iter::from_fn(move || {
        let mut token = words.next()?.to_string();
        if !token.contains('@')
            && let Some(next) = words.next_if(|next| next.starts_with('@'))
        {
            token.push_str(next);
        }
        if token.ends_with('@')
            && let Some(next) = words.next_if(|next| !next.contains('@'))
        {
            token.push_str(next);
        }
        // White space around the dots of a domain (RFC 5322, section 4.4).
        if token.contains('@') {
            for _ in 0..DOTS {
                let is_open = token.ends_with('.');
                let Some(next) = words.next_if(|next| (is_open || next.starts_with('.')) && !next.contains('@')) else { break };
                token.push_str(next);
            }
        }
        Some(token)
    })
}

/// Reads the text between quotes, without escapes; returns how long it is with its end.
fn quoted(text: &str) -> Option<(String, usize)> {
    let mut read = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((read, at + 1)),
            '\\' => match chars.next() {
                Some((_, c @ ('"' | '\\'))) => read.push(c),
                // A domain of Windows before a name, `OFFICE\dora`, which should have been escaped.
                Some((_, c)) => read.extend(['\\', c]),
                None => return None,
            },
            c => read.push(c),
        }
    }
    None
}

/// Reads a comment, which may hold others; returns how long it is with its end.
fn comment(text: &str) -> Option<(String, usize)> {
    let mut depth = 0_usize;
    let mut read = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            ')' if depth == 0 => return Some((read, at + 1)),
            '\\' => read.extend(chars.next().map(|(_, c)| c)),
            c => {
                depth = match c {
                    '(' => depth + 1,
                    ')' => depth - 1,
                    _ => depth,
                };
                read.push(c);
            }
        }
    }
    None
}

/// Whether there is something on both sides of the `@`.
pub fn is_address(text: &str) -> bool {
    let is_one = text.starts_with('"') || !text.contains(char::is_whitespace);
    is_one && text.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && local != "\"\"")
}

fn scheme_at_end(text: &str) -> bool {
    ["mailto", "smtp"].iter().any(|scheme| {
        text.len().checked_sub(scheme.len()).and_then(|at| text.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(scheme))
    })
}

/// Takes from an address what programs put around it; returns what is left over, too.
fn bare(written: &str) -> (String, String) {
    let is_edge = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '\'' | ',' | ';' | '`');
    let mut text = Cow::Borrowed(written.trim_matches(is_edge));
    if text.contains("=?") {
        text = Cow::Owned(one_line(&words::decode(text.as_bytes(), None)).trim_matches(is_edge).to_string());
    }
    let mut text = text.as_ref();
    for (open, close) in [('[', ']'), ('(', ')'), ('{', '}'), ('"', '"')] {
        // Quotes around all of it; those around the left part belong there.
        let inner = text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).filter(|inner| !inner.contains(close));
        text = inner.unwrap_or(text).trim_matches(is_edge);
    }
    // A route says how a message was to go (RFC 5322, section 4.4).
    if text.starts_with('@')
        && let Some((_, behind)) = text.rsplit_once(':')
    {
        text = behind.trim();
    }
    let mut decoded = None;
    for scheme in ["mailto:", "smtp:"] {
        if text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)) {
            text = text[scheme.len()..].split('?').next().unwrap_or_default().trim_start_matches('/');
            if !text.contains('@') {
                decoded = Some(String::from_utf8_lossy(&without_percent(text.as_bytes())).into_owned());
            }
        }
    }
    let text = decoded.as_deref().unwrap_or(text);
    if text.starts_with('"') || !text.contains(char::is_whitespace) {
        return (requoted(text.trim_end_matches(['.', ':'])), String::new());
    }
    let text = without_comments(text);
    let (found, others): (Vec<String>, Vec<String>) = tokens(&text).partition(|token| token.contains('@'));
    match found.as_slice() {
        [address] => (requoted(address.trim_matches(is_edge).trim_end_matches('.')), others.join(" ")),
        // Not to be understood: as it stands.
        _ => (one_line(&text), String::new()),
    }
}

/// Leaves out comments that are closed.
fn without_comments(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('(') {
        plain.push_str(before);
        let Some((_, length)) = comment(behind) else {
            plain.push_str(&rest[before.len()..]);
            return plain;
        };
        rest = &behind[length..];
    }
    plain.push_str(rest);
    plain
}

/// Takes the quotes from a local part that needs none.
fn requoted(address: &str) -> String {
    match address.strip_prefix('"').and_then(|rest| rest.rsplit_once("\"@")) {
        Some((local, domain)) => format!("{}@{domain}", local_part(&unescaped(local))),
        None => address.to_string(),
    }
}

fn local_part(text: &str) -> String {
    let is_atom = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    if !text.is_empty() && text.chars().all(is_atom) { text.to_string() } else { format!("\"{}\"", escaped(text)) }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn unescaped(text: &str) -> String {
    let mut read = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        read.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    read
}

#[cfg(test)]
mod tests {
    use super::list;

    fn read(text: &str) -> Vec<(String, String)> {
        list(text, &mut 100).into_iter().map(|one| (one.name, one.address)).collect()
    }

    #[test]
    fn parse_11_one_address_however_the_name_around_it_is_written() {
        for (written, name) in [
            ("dora@example.org", ""),
            ("<dora@example.org>", ""),
            ("Dora Example <dora@example.org>", "Dora Example"),
            ("\"Example, Dora\" <dora@example.org>", "Example, Dora"),
            ("Example, Dora <dora@example.org>", "Example, Dora"),
            ("Example, Dora, Dr. <dora@example.org>", "Example, Dora, Dr."),
            ("\"Example\", Dora <dora@example.org>", "Example, Dora"),
            ("Example\\, Dora <dora@example.org>", "Example\\, Dora"),
            ("=?utf-8?Q?Example,_Dora?= <dora@example.org>", "Example, Dora"),
            ("=?utf-8?Q?Example=2C_D=C3?=\r\n =?utf-8?Q?=B6ra?= <dora@example.org>", "Example, Döra"),
            ("\"=?utf-8?Q?D=C3=B6ra?=\" <dora@example.org>", "Döra"),
            ("\"Dora Example <dora@example.org>\"", "Dora Example"),
            ("\"Dora Example <dora@example.org>\" <>", "Dora Example"),
            ("'Dora Example <dora@example.org>'", "'Dora Example"),
            ("=?utf-8?B?IkRvcmEiIDxkb3JhQGV4YW1wbGUub3JnPg==?=", "Dora"),
            ("=?utf-8?Q?Dora_Example_<dora@example.org>?=", "Dora Example"),
            ("=?utf-8?Q?dora=40example.org?=", ""),
            ("=?utf-8?Q?Dora?= <=?utf-8?Q?dora=40example.org?=>", "Dora"),
            ("=?UTF-8?B?IkRvcmEgRXjDpG1wbGUiIDxkb3Jh?=@example.org>", "Dora Exämple"),
            ("\"dora@example.org\"", ""),
            ("Dora <mailto:dora@example.org>", "Dora"),
            ("mailto:dora@example.org", ""),
            ("Dora [mailto:dora@example.org]", "Dora"),
            ("Dora <MAILTO:dora@example.org?subject=x>", "Dora"),
            ("Dora <SMTP:dora@example.org>", "Dora"),
            ("Dora <<dora@example.org>>", "Dora"),
            ("<Dora <dora@example.org>>", "Dora"),
            ("<Dora Example dora@example.org>", "Dora Example"),
            ("Dora <dora@example.org", "Dora"),
            ("Dora dora@example.org>", "Dora"),
            ("Dora Example dora@example.org", "Dora Example"),
            ("Dora Example (dora@example.org)", "Dora Example"),
            ("dora@example.org (Dora Example)", "Dora Example"),
            ("dora@example.org (Dora (née Example))", "Dora (née Example)"),
            ("Dora <dora@example.org (at home)>", "Dora"),
            ("Dora [dora@example.org]", "Dora"),
            ("Dora <'dora@example.org'>", "Dora"),
            ("Dora <\"dora@example.org\">", "Dora"),
            ("Dora <\"dora\"@example.org>", "Dora"),
            ("Dora < dora @ example.org >", "Dora"),
            ("Dora <dora@ example.org>", "Dora"),
            ("Dora <dora@example.org.>", "Dora"),
            ("Dora <dora(at home)@example(the host).  org>", "Dora"),
            ("Dora <dora (a \\) b) @ example . org (x)>", "Dora"),
            ("Dora <dora@example.org>,", "Dora"),
            ("Dora <dora@example.org>;", "Dora"),
            ("Dora <dora@example.org;>", "Dora"),
            ("Dora <@relay.example.net,@mx.example.net:dora@example.org>", "Dora"),
            ("<@mx.example.net:dora@example.org>", ""),
            ("Team: Dora <dora@example.org>;", "Dora"),
            ("\"Dora \\\"D\\\" Example\" <dora@example.org>", "Dora \"D\" Example"),
            ("\"OFFICE\\dora\" <dora@example.org>", "OFFICE\\dora"),
            ("\"Dora <dora@example.org>", "Dora"),
            ("Dora\" <dora@example.org>", "Dora"),
            ("Dora (at home <dora@example.org>", "Dora (at home"),
            ("<dora@example.org> Dora", "Dora"),
            ("ben@example.com <dora@example.org>", "ben@example.com"),
            ("\"ben@example.com\" <dora@example.org>", "ben@example.com"),
            ("Dora <Example> <dora@example.org>", "Dora Example"),
        ] {
            assert_eq!(read(written), [(name.to_string(), "dora@example.org".to_string())], "{written}");
        }
    }

    #[test]
    fn parse_4_lists_groups_and_what_is_no_address() {
        for (written, expected) in [
            ("a@x.example, b@x.example", vec![("", "a@x.example"), ("", "b@x.example")]),
            ("a@x.example b@x.example", vec![("", "a@x.example"), ("", "b@x.example")]),
            ("A, B <b@x.example>; C <c@x.example>", vec![("A, B", "b@x.example"), ("C", "c@x.example")]),
            ("A <a@x.example, B <b@x.example>", vec![("A", "a@x.example"), ("B", "b@x.example")]),
            ("<a@x.example, b@x.example>", vec![("", "a@x.example"), ("", "b@x.example")]),
            ("A <a@x.example> B <b@x.example>", vec![("A", "a@x.example"), ("B", "b@x.example")]),
            ("Team: a@x.example, b@x.example;, c@x.example", vec![("", "a@x.example"), ("", "b@x.example"), ("", "c@x.example")]),
            ("undisclosed-recipients:;", vec![]),
            ("Undisclosed recipients", vec![("Undisclosed recipients", "")]),
            ("root, Dora Example", vec![("", "root"), ("Dora Example", "")]),
            ("Backup Job <backup>", vec![("Backup Job", "backup")]),
            ("MAILER-DAEMON (Mail Delivery System)", vec![("Mail Delivery System", "MAILER-DAEMON")]),
            ("root (Cron Daemon)", vec![("Cron Daemon", "root")]),
            ("<Dora dora@x.example ben@x.example>", vec![("", "Dora dora@x.example ben@x.example")]),
            ("Mail Delivery System <>", vec![("Mail Delivery System", "")]),
            ("\"dora b\"@example.org", vec![("", "\"dora b\"@example.org")]),
            ("<\"dora b\"@example.org>", vec![("", "\"dora b\"@example.org")]),
            ("dora@[192.0.2.1]", vec![("", "dora@[192.0.2.1]")]),
            ("Dora <dora@[IPv6:2001:db8::1]>", vec![("Dora", "dora@[IPv6:2001:db8::1]")]),
            ("=?utf-8?Q?a=40x.example=2C_b=40x.example?=", vec![("", "a@x.example"), ("", "b@x.example")]),
            ("", vec![]),
            (" , ;, ", vec![]),
            ("<>", vec![]),
            ("@", vec![]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(name, address)| (name.to_string(), address.to_string())).collect();
            assert_eq!(read(written), expected, "{written}");
        }
    }

    #[test]
    fn parse_2_hostile_lists_cost_in_proportion() {
        let started = std::time::Instant::now();
        for hostile in
            ["\"", "(", "<", "<a@b", "a,", ":", "=?x?Q?", "<\"", "a@b ", "((", "\\", "a: ", "<a@b,", "[", "a@ ", "<=?x?Q?a?="]
        {
            list(&hostile.repeat(60_000), &mut 10_000);
        }
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    }
}
