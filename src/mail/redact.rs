//! Takes a person out of a text: the addresses and names of somebody who is erased, where they stand as words of their own.

use aho_corasick::{AhoCorasick, MatchKind};

use super::Address;

/// What stands in their place.
const ERASED: &str = "(erased)";
/// An address that nobody has (RFC 2606), where one must stand.
const NOBODY: &str = "erased@erased.invalid";

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
        let mut builder = AhoCorasick::builder();
        let terms = builder.ascii_case_insensitive(true).match_kind(MatchKind::LeftmostLongest).build(terms)?;
        Ok(Self { address: address.to_string(), terms })
    }

    /// Whether it stands in a text.
    pub fn is_in(&self, text: &str) -> bool {
        self.found(text).next().is_some()
    }

    /// The same for bytes that may be no text.
    pub fn is_in_bytes(&self, bytes: &[u8]) -> bool {
        self.terms.is_match(bytes)
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

    fn found<'t>(&'t self, text: &'t str) -> impl Iterator<Item = (usize, usize)> + 't {
        // `x-dora@example.org` and `dora@example.org.uk` are others.
        let is_part = |c: char| c.is_alphanumeric() || "_+-".contains(c);
        let all = self.terms.find_iter(text).map(|found| (found.start(), found.end()));
        all.filter(move |(start, end)| {
            let mut after = text[*end..].chars();
            let is_longer = match after.next() {
                Some('.') => after.next().is_some_and(char::is_alphanumeric),
                Some(c) => is_part(c) || c == '@',
                None => false,
            };
            let before = text[..*start].chars().next_back();
            !is_longer && !before.is_some_and(|c| is_part(c) || c == '.')
        })
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
        ] {
            assert_eq!(redaction.text(text).unwrap(), left);
        }
        for other in
            ["pandora@example.org", "x.dora@example.org", "dora@example.org.uk", "dora@example.orga", "Dora Examples", "Dora", ""]
        {
            assert_eq!(redaction.text(other), None, "{other}");
        }
    }
}
