//! A message that filters look at.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::mail::{Address, Mail, address_spellings};

/// A message that many filters look at: what they all ask for is made once.
pub struct Examined<'m> {
    pub(super) mail: &'m Mail,
    pub(super) size: u64,
    pub(super) lower_subject: OnceCell<String>,
    lower_text: OnceCell<String>,
    /// From, To and Cc in lower case, in each way in which their domains are written (PARSE-4).
    people: [OnceCell<Vec<String>>; 3],
    /// The values of each header field, by its name in lower case.
    fields: OnceCell<HashMap<String, Vec<String>>>,
}

impl<'m> Examined<'m> {
    /// Makes nothing yet: what nobody asks for costs nothing.
    pub fn new(mail: &'m Mail) -> Self {
        Self {
            mail,
            size: mail.size,
            lower_subject: OnceCell::new(),
            lower_text: OnceCell::new(),
            people: Default::default(),
            fields: OnceCell::new(),
        }
    }

    /// The same of a header; `size` is that of the whole message, in bytes.
    pub(super) fn header(header: &'m Mail, size: u64) -> Self {
        Self { size, ..Self::new(header) }
    }

    pub(super) fn people(&self, place: usize, list: &[Address]) -> &[String] {
        self.people
            .get(place)
            .map_or(&[], |cell| cell.get_or_init(|| list.iter().flat_map(|one| address_spellings(&one.address)).collect()))
    }

    pub(super) fn values(&self, name: &str) -> &[String] {
        let fields = self.fields.get_or_init(|| {
            let mut fields: HashMap<String, Vec<String>> = HashMap::new();
            for (name, value) in self.mail.header_fields() {
                fields.entry(name.to_lowercase()).or_default().push(value);
            }
            fields
        });
        fields.get(&name.to_lowercase()).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn text(&self, match_case: bool) -> &str {
        if match_case { &self.mail.text } else { self.lower_text.get_or_init(|| self.mail.text.to_lowercase()) }
    }
}
