//! Who wrote a message when its From does not say so: list software that writes its own address there (PARSE-10), people
//! who pass on what they got (CASE-6); and whether our border vouches for the From there is (ACCESS-5, RFC 8601).

use super::{Address, Mail, quote, subject};

impl Address {
    /// Reads one address as people and programs write it in a text: `Ada <ada@example.com>`, `Ada [mailto:…]`, bare.
    pub fn written(text: &str) -> Option<Self> {
        let is_edge =
            |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '[' | ']' | '(' | ')' | '"' | '\'' | '*' | ',' | ';');
        let word = text.split(|c: char| is_edge(c)).find_map(|word| {
            let word = word.strip_prefix("mailto:").unwrap_or(word);
            let (local, domain) = word.rsplit_once('@')?;
            (!local.is_empty() && domain.contains('.') && word.len() <= 320).then_some(word)
        })?;
        let before = text.get(..text.find(word)?)?.trim_end_matches("mailto:");
        let name = before.trim_matches(is_edge).split_whitespace().collect::<Vec<_>>().join(" ");
        Some(Self { name, address: word.to_string() })
    }

    /// Returns the domain in the form by which addresses are compared.
    pub fn domain(&self) -> Option<String> {
        self.key().rsplit_once('@').map(|(_, domain)| domain.to_string())
    }
}

/// A message that somebody passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    pub sender: Address,
    /// Its first line says `@fwd`.
    pub marked: bool,
}

impl Mail {
    /// PARSE-10: who stands behind a display name with `via` in it: X-Original-From, else the first Reply-To.
    pub fn behind_via(&self) -> Option<Address> {
        let from = self.from.as_ref()?;
        if !from.name.split_whitespace().any(|word| word.eq_ignore_ascii_case("via")) {
            return None;
        }
        let original = self.header_values("X-Original-From").find_map(|value| Address::written(&value));
        original.or_else(|| self.reply_to.first().cloned()).filter(|original| original.key() != from.key())
    }

    /// PARSE-10: whether the From domain is that of the mailing list that the message came over.
    pub fn is_from_its_list(&self) -> bool {
        let Some(domain) = self.from.as_ref().and_then(Address::domain) else { return false };
        let of_list = |text: &str| {
            let end = text.trim_end_matches(|c: char| c == '>' || c.is_whitespace());
            end.to_ascii_lowercase().strip_suffix(&domain).is_some_and(|rest| rest.ends_with(['.', '@', '<']))
        };
        self.header_values("List-Id").chain(self.header_values("List-Post")).any(|value| of_list(&value))
    }

    /// CASE-6: the message that this one passes on; none when it does not look like a forward.
    pub fn forward(&self) -> Option<Forward> {
        let first = self.text.lines().map(str::trim).find(|line| !line.is_empty());
        let marked = first.is_some_and(|line| line.eq_ignore_ascii_case("@fwd"));
        if !marked && !subject::read(&self.subject).is_forward {
            return None;
        }
        quote::original_sender(&self.text).map(|sender| Forward { sender, marked })
    }

    /// ACCESS-5: whether the border that writes under one of these names says that DMARC passed for the From domain. Only
    /// its topmost field counts: what stands below may have come with the message.
    pub fn is_authenticated(&self, authserv_ids: &[String]) -> bool {
        let Some(domain) = self.from.as_ref().and_then(Address::domain) else { return false };
        let results = self.header_values("Authentication-Results").map(|value| without_comments(&value));
        let ours = results.map(|value| value.to_ascii_lowercase()).find(|value| {
            let name = value.split([';', ' ', '\t']).find(|word| !word.is_empty()).unwrap_or_default();
            authserv_ids.iter().any(|id| id.eq_ignore_ascii_case(name))
        });
        ours.is_some_and(|value| {
            value.split(';').skip(1).any(|result| {
                let mut words = result.split_whitespace();
                let passed = words.next() == Some("dmarc=pass");
                passed && words.any(|word| word.strip_prefix("header.from=").is_some_and(|from| from.trim_matches('"') == domain))
            })
        })
    }
}

/// RFC 5322, section 3.2.2: comments say nothing.
fn without_comments(text: &str) -> String {
    let mut depth = 0_usize;
    text.chars()
        .filter(|c| {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => return depth == 0,
            }
            false
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use crate::mail::parse;

    #[test]
    fn access_5_only_the_topmost_field_of_our_border_vouches_for_from() {
        let mail = |fields: &str| parse(format!("{fields}From: Ada <ada@Example.com>\r\nSubject: x\r\n\r\nx\r\n").as_bytes());
        let ours = ["mx.example.com".to_string()];
        let good = "Authentication-Results: MX.example.com 1; spf=fail;\r\n dmarc=pass (p=reject; x) header.from=example.com\r\n";
        assert!(mail(good).is_authenticated(&ours));
        assert!(!mail(good).is_authenticated(&[]), "nobody is trusted by default");
        let bad = "Authentication-Results: mx.example.com; dmarc=fail header.from=example.com\r\n";
        assert!(!mail(&format!("{bad}{good}")).is_authenticated(&ours), "what stands below came with the message");
        let other = "Authentication-Results: mx.example.org; dmarc=fail header.from=example.com\r\n";
        assert!(mail(&format!("{other}{good}")).is_authenticated(&ours), "another border's field is passed over");
        for not in [
            "Authentication-Results: mx.example.com; dmarc=pass header.from=example.org\r\n",
            "Authentication-Results: mx.example.com; spf=pass smtp.mailfrom=example.com\r\n",
            "Authentication-Results: mx.example.com; x (dmarc=pass header.from=example.com)\r\n",
            "Authentication-Results: mx.example.com.evil.test; dmarc=pass header.from=example.com\r\n",
            "Authentication-Results: (mx.example.com;) evil.test; dmarc=pass header.from=example.com\r\n",
            "",
        ] {
            assert!(!mail(not).is_authenticated(&ours), "{not}");
        }
    }

    #[test]
    fn case_6_the_original_sender_of_a_forward_in_many_styles() {
        for text in [
            "@fwd\r\n\r\n---------- Forwarded message ---------\r\nFrom: Dora Example <dora@example.org>\r\nDate: Mon, 23 Nov 2026\r\nSubject: Fire\r\nTo: Ada <ada@example.com>\r\n\r\nHelp!\r\n",
            "@fwd\r\nVon: Dora Example [mailto:dora@example.org]\r\nGesendet: Montag\r\nAn: Ada\r\nBetreff: Fire\r\n\r\nHilfe!\r\n",
            "@FWD\r\n> Begin forwarded message:\r\n>\r\n> *From:* Dora Example <dora@example.org>\r\n> *Date:* today\r\n> *To:* ada@example.com\r\n> *Subject:* Fire\r\n",
            "@fwd\r\n发件人：Dora Example <dora@example.org>\r\n发送时间：today\r\n收件人：ada@example.com\r\n主题：Fire\r\n",
            "@fwd\r\nDe : dora@example.org\r\nEnvoyé : lundi\r\nÀ : ada@example.com\r\nObjet : Fire\r\n",
        ] {
            let raw = format!("From: ada@example.com\r\nSubject: Fire\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}");
            let forward = parse(raw.as_bytes()).forward().unwrap_or_else(|| panic!("{text}"));
            assert_eq!((forward.sender.address.as_str(), forward.marked), ("dora@example.org", true), "{text}");
        }
        let plain = parse(b"From: ada@example.com\r\nSubject: Fire\r\n\r\nFrom: here\r\nto there\r\n");
        assert_eq!(plain.forward(), None);
    }

    #[test]
    fn parse_10_who_stands_behind_via() {
        let mail = |fields: &str| parse(format!("{fields}Subject: x\r\n\r\nx\r\n").as_bytes());
        let behind = |fields: &str| mail(fields).behind_via().map(|original| original.address);
        let from = "From: \"'Dora Example' via Support\" <support@example.com>\r\n";
        assert_eq!(
            behind(&format!("{from}X-Original-From: Dora <dora@example.org>\r\nReply-To: x@example.org\r\n")).unwrap(),
            "dora@example.org"
        );
        assert_eq!(behind(&format!("{from}Reply-To: dora@example.org\r\n")).unwrap(), "dora@example.org");
        assert_eq!(behind(from), None);
        assert_eq!(behind("From: Olivia <olivia@example.com>\r\nReply-To: dora@example.org\r\n"), None);
        assert!(mail(&format!("{from}List-Id: Desk <desk.example.com>\r\n")).is_from_its_list());
        assert!(!mail(&format!("{from}List-Id: Desk <desk.badexample.com>\r\n")).is_from_its_list());
    }
}
