//! A message without the people in it, for tests that are kept: every address that is not ours becomes
//! `person-N@example.net`, names go, the text stays with its addresses masked, files go.

use std::collections::HashMap;
use std::fmt::Write;

use super::{Address, Mail, address_key};

/// Header fields that name no person and that rules ask for; they are kept, masked.
const KEPT: [&str; 17] = [
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "Precedence",
    "List-Id",
    "List-Unsubscribe",
    "List-Post",
    "X-Autoreply",
    "X-Autorespond",
    "X-Autoresponse",
    "X-Auto-Response-Suppress",
    "X-Failed-Recipients",
    "Return-Path",
    "Thread-Index",
    "X-Spam-Flag",
];

/// Writes a message anew. `is_ours` tells the addresses (as [`address_key`] writes them) that stay.
pub fn masked(mail: &Mail, is_ours: &dyn Fn(&str) -> bool) -> String {
    let mut mask = Mask { is_ours, numbers: HashMap::new() };
    let mut text = String::new();
    for (name, list) in [("From", mail.from.as_slice()), ("Reply-To", &mail.reply_to), ("To", &mail.to), ("Cc", &mail.cc)] {
        if !list.is_empty() {
            let list: Vec<String> = list.iter().map(|address| mask.address(address)).collect();
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(text, "{name}: {}", list.join(",\n "));
        }
    }
    let _ = writeln!(text, "Subject: {}", one_line(&mask.text(&mail.subject)));
    for (name, value) in mail.header_fields() {
        if KEPT.iter().any(|kept| kept.eq_ignore_ascii_case(name)) {
            let is_id = ["Message-ID", "In-Reply-To", "References"].iter().any(|id| id.eq_ignore_ascii_case(name));
            let value = if is_id { value } else { mask.text(&value) };
            let _ = writeln!(text, "{name}: {}", one_line(&value));
        }
    }
    let _ = write!(text, "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n");
    text.push_str(&mask.text(&mail.text));
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

struct Mask<'a> {
    is_ours: &'a dyn Fn(&str) -> bool,
    numbers: HashMap<String, usize>,
}

impl Mask<'_> {
    fn address(&mut self, address: &Address) -> String {
        let masked = self.one(&address.address);
        if masked == address.address { masked } else { format!("<{masked}>") }
    }

    fn one(&mut self, address: &str) -> String {
        let key = address_key(address);
        if (self.is_ours)(&key) {
            return address.to_string();
        }
        let next = self.numbers.len() + 1;
        format!("person-{}@example.net", self.numbers.entry(key).or_insert(next))
    }

    /// Masks everything in a text that looks like an address.
    fn text(&mut self, text: &str) -> String {
        let is_part = |c: char| c.is_alphanumeric() || "._+-%=@".contains(c);
        let mut masked = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(is_part) {
            let (before, word) = rest.split_at(start);
            let end = word.find(|c| !is_part(c)).unwrap_or(word.len());
            let (word, behind) = word.split_at(end);
            let bare = word.trim_end_matches(['.', '-', '=']);
            let is_address = bare.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'));
            masked.push_str(before);
            if is_address {
                masked.push_str(&self.one(bare));
                masked.push_str(&word[bare.len()..]);
            } else {
                masked.push_str(word);
            }
            rest = behind;
        }
        masked.push_str(rest);
        masked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_left_in_a_masked_message() {
        let raw = b"From: Ada Example <ada@example.org>\nTo: support@example.com, =?utf-8?Q?Ben?= <ben@example.org>\n\
            Subject: For ada@example.org\nMessage-ID: <1@mail.example.org>\nReceived: from private.example.org\n\
            X-Other: x\n\n\
            Write to Ada@Example.org, or to support@example.com.\n";
        let mail = super::super::parse(raw);
        let text = masked(&mail, &|address| address == "support@example.com");
        assert_eq!(
            text,
            "From: <person-1@example.net>\nTo: support@example.com,\n <person-2@example.net>\nSubject: For person-1@example.net\n\
             Message-ID: <1@mail.example.org>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\
             Content-Transfer-Encoding: 8bit\n\nWrite to person-1@example.net, or to support@example.com.\n"
        );
        assert_eq!(super::super::parse(text.as_bytes()).to.len(), 2);
    }
}
