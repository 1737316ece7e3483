//! Takes a person out of a text: the addresses and names of somebody who is erased, where they stand as words of their own.

use std::borrow::Cow;

use aho_corasick::{AhoCorasick, MatchKind};

use super::{Address, header};

/// What stands in their place.
const ERASED: &str = "(erased)";
/// An address that nobody has (RFC 2606), where one must stand: nobody is written to there, and nobody takes part by it.
pub const NOBODY: &str = "erased@erased.invalid";

/// What is taken out of texts.
#[derive(Debug)]
pub struct Redaction {
    /// In comparison form.
    address: String,
    terms: AhoCorasick,
}

impl Redaction {
    /// Finds an address, as it is compared and as it is written, and names, in capital and in small letters.
    pub fn of(address: &str, terms: &[String]) -> anyhow::Result<Self> {
        let terms = terms.iter().map(|term| Folded::of(term).text.into_owned());
        let terms = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(terms)?;
        Ok(Self { address: address.to_string(), terms })
    }

    /// Whether it stands in a text.
    pub fn is_in(&self, text: &str) -> bool {
        !self.found(text).is_empty()
    }

    /// The same for bytes that may be no text.
    pub fn is_in_bytes(&self, bytes: &[u8]) -> bool {
        self.is_in(&String::from_utf8_lossy(bytes))
    }

    /// Whether a message says that it is from there, or is to be answered there.
    pub fn is_author_of(&self, raw: &[u8]) -> bool {
        let is_author = |name: &str| ["from", "sender", "reply-to"].iter().any(|one| name.eq_ignore_ascii_case(one));
        header::fields(header::block(raw)).any(|(name, value)| is_author(name) && self.is_in_bytes(value))
    }

    /// Returns a text without it; none where it is not in it.
    pub fn text(&self, text: &str) -> Option<String> {
        let (mut redacted, mut from) = (String::with_capacity(text.len()), 0);
        for (start, end) in self.found(text) {
            redacted.push_str(&text[from..start]);
            redacted.push_str(ERASED);
            from = end;
        }
        (from > 0).then(|| redacted + &text[from..])
    }

    /// Takes it out of a list of people.
    pub fn people(&self, people: &mut [Address]) {
        for person in people.iter_mut().filter(|person| person.key() == self.address) {
            *person = Address { name: String::new(), address: NOBODY.to_string() };
        }
    }

    /// Whether somebody is that person.
    pub fn is_theirs(&self, one: &Address) -> bool {
        one.key() == self.address
    }

    /// Where it stands as a word of its own. In doubt it is taken out: `x-dora@example.org` and `dora@example.org.uk` are others,
    /// `_dora@example.org_`, `-dora@example.org` and `dora@example.org.Thanks` are not.
    fn found(&self, text: &str) -> Vec<(usize, usize)> {
        let folded = Folded::of(text);
        let all = self.terms.find_iter(&*folded.text).map(|found| (folded.place(found.start()), folded.place(found.end())));
        all.filter(|(start, end)| {
            let (before, found, after) = (&text[..*start], &text[*start..*end], &text[*end..]);
            !is_longer_before(before)
                && if found.contains('@') { !is_longer_domain(found, after) } else { !is_longer_name(after) }
        })
        .collect()
    }
}

/// A text in small letters, with where each of its bytes comes from.
struct Folded<'t> {
    text: Cow<'t, str>,
    /// None where all stands where it stood.
    places: Option<Vec<usize>>,
}

impl<'t> Folded<'t> {
    fn of(text: &'t str) -> Self {
        if text.is_ascii() {
            return Self { text: Cow::Owned(text.to_ascii_lowercase()), places: None };
        }
        let (mut small, mut places) = (String::with_capacity(text.len()), Vec::with_capacity(text.len() + 1));
        for (place, letter) in text.char_indices() {
            small.extend(letter.to_lowercase());
            // What one letter became is found whole or not at all.
            places.resize(small.len(), place);
        }
        places.push(text.len());
        Self { text: Cow::Owned(small), places: Some(places) }
    }

    fn place(&self, at: usize) -> usize {
        self.places.as_ref().map_or(at, |places| places[at])
    }
}

/// Whether what stands before makes it the end of a longer word. Signs alone are no word: bullets, dashes, emphasis.
fn is_longer_before(before: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "_+-.".contains(c);
    let signs = before.chars().rev().take_while(|c| is_part(*c) && !c.is_alphanumeric());
    let signs: Vec<char> = signs.collect();
    // Two dots are in no address (RFC 5322, section 3.2.3): there a sentence ended.
    let is_end = signs.windows(2).any(|two| two == ['.', '.']);
    !is_end && before.chars().rev().nth(signs.len()).is_some_and(char::is_alphanumeric)
}

fn is_longer_name(after: &str) -> bool {
    let mut after = after.chars();
    after.next().is_some_and(|c| c.is_alphanumeric() || (c == '-' && after.next().is_some_and(char::is_alphanumeric)))
}

/// Whether the domain of an address goes on: with a part of a label, or with a label that makes it another domain.
fn is_longer_domain(found: &str, after: &str) -> bool {
    let mut next = after.chars();
    match next.next() {
        Some('-') => next.next().is_some_and(char::is_alphanumeric),
        Some('.') => {
            let behind = &after[1..];
            let labels = &behind[..behind.find(|c: char| !c.is_alphanumeric() && !"-.".contains(c)).unwrap_or(behind.len())];
            let is_sentence = labels.starts_with(char::is_uppercase) && !found.ends_with(char::is_uppercase);
            let longer = format!("{}.{}", found, labels.trim_end_matches(['.', '-'])).to_lowercase();
            let is_registered = || psl::suffix(longer.as_bytes()).is_some_and(|suffix| suffix.is_known());
            // Names that no registry gives (RFC 2606, RFC 6762, RFC 8375, RFC 9476).
            let is_special = || {
                let last = longer.rsplit('.').next().unwrap_or_default();
                ["example", "test", "invalid", "localhost", "local", "internal", "alt", "lan", "corp", "home"].contains(&last)
            };
            labels.starts_with(char::is_alphanumeric) && !is_sentence && (is_registered() || is_special())
        }
        Some(c) => c.is_alphanumeric(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_person_is_taken_out_and_others_stay() {
        let terms = ["dora@example.org".to_string(), "Dora Example".to_string()];
        let redaction = Redaction::of("dora@example.org", &terms).unwrap();
        for (text, left) in [
            ("Dora Example <DORA@example.org> wrote:", "(erased) <(erased)> wrote:"),
            ("to dora@example.org.", "to (erased)."),
            ("{\"address\":\"dora@example.org\"}", "{\"address\":\"(erased)\"}"),
            ("_dora@example.org_ or ...dora@example.org", "_(erased)_ or ...(erased)"),
            ("-dora@example.org, End...dora@example.org", "-(erased), End...(erased)"),
            ("dora@example.org.Thanks! dora@example.org.bye", "(erased).Thanks! (erased).bye"),
            ("*Dora Example*, _Dora Example_: Dora Example.Bye", "*(erased)*, _(erased)_: (erased).Bye"),
        ] {
            assert_eq!(redaction.text(text).unwrap(), left);
        }
        let terms = ["ärger@bücher.example".to_string(), "Änne İpek".to_string()];
        let foreign = Redaction::of("ärger@xn--bcher-kva.example", &terms).unwrap();
        assert_eq!(foreign.text("ẞ ÄRGER@BÜCHER.EXAMPLE, ÄNNE İPEK; ß").unwrap(), "ẞ (erased), (erased); ß");
        let mail = b"To: dora@example.org\r\nFrom: x\r\n <Dora@example.org>\r\n\r\nFrom: y\r\n";
        assert!(redaction.is_author_of(mail) && !foreign.is_author_of(mail));
        assert!(!redaction.is_author_of(b"From: pandora@example.org\r\nTo: dora@example.org\r\n\r\nSender: dora@example.org"));
        for other in
            "pandora@example.org x.dora@example.org x_dora@example.org x--dora@example.org dora@example.org.uk dora@example.orga \
             dora@example.org-x.example dora@example.org.co.uk dora@example.org.example"
                .split(' ')
                .chain(["Dora Examples", "Dora Example-Smith", "Pandora Example", "Dora", ""])
        {
            assert_eq!(redaction.text(other), None, "{other}");
        }
    }
}
