//! Who wrote a message when its From does not say so: list software that writes its own address there (PARSE-10), people
//! who pass on what they got (CASE-6); and whether our border vouches for the From there is (ACCESS-5, RFC 8601).

use super::{Address, Mail, digest, header, quote, subject};

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

/// Message-ID, author in comparison form, and Date in seconds since 1970 UTC.
pub type LetterKey = (String, String, i64);

/// Returns the digest of a letter: whose it was is not to be read in it.
pub fn letter_digest((message_id, author, date): &LetterKey) -> [u8; 32] {
    digest(format!("{message_id}\0{date} {author}").as_bytes())
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

    /// By what a letter is known whatever was changed in it on its way: Message-ID, author and Date, once for each who may be its author.
    pub fn letters(&self) -> impl Iterator<Item = LetterKey> {
        self.letters_by(self.from.clone().into_iter().chain(self.behind_via()))
    }

    /// The same where it is known who may be.
    pub fn letters_by(&self, authors: impl IntoIterator<Item = Address>) -> impl Iterator<Item = LetterKey> {
        authors.into_iter().filter_map(|author| Some((self.identity(), author.key(), self.date?)))
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

    /// ACCESS-5: whether a server carried it here: each that does leaves its trace (RFC 5321, section 4.4). What has none was put where
    /// it lies by whoever may write there.
    pub fn was_carried(&self) -> bool {
        // A list is a server, too; but its name is of what it sends (DUP-2).
        self.header_fields().map(|(name, _)| name.to_ascii_lowercase()).any(|name| header::is_trace(&name) || name == "list-id")
    }

    /// ACCESS-5: whether the border that writes under one of these names says that DMARC passed for the From domain.
    pub fn is_authenticated(&self, authserv_ids: &[String]) -> bool {
        self.border_says(authserv_ids, |result, domain| result.says("dmarc", &["header.from"], |from| from == domain))
    }

    /// ACCESS-5: whether it says that DMARC failed for the From domain: From did not write it.
    pub fn is_disowned(&self, authserv_ids: &[String]) -> bool {
        self.border_says(authserv_ids, |result, _| result.method() == Some(("dmarc", "fail")))
    }

    /// ACK-4: whether it says so, or that SPF or DKIM passed for the From domain or one below it, which is the owner's, too.
    pub fn is_vouched_for(&self, authserv_ids: &[String]) -> bool {
        self.border_says(authserv_ids, |result, domain| {
            let is_aligned =
                |other: &str| other.strip_suffix(domain).is_some_and(|above| above.is_empty() || above.ends_with('.'));
            result.says("dmarc", &["header.from"], |from| from == domain)
                || result.says("dkim", &["header.d", "header.i"], is_aligned)
                || result.says("spf", &["smtp.mailfrom"], is_aligned)
        })
    }

    /// Whether one of the results of our border is such, for the From domain (RFC 8601). Only its topmost field counts: what stands
    /// below may have come with the message.
    fn border_says(&self, authserv_ids: &[String], is_such: impl Fn(&Verdict<'_>, &str) -> bool) -> bool {
        let Some(domain) = self.from.as_ref().and_then(Address::domain) else { return false };
        let results = self.header_values("Authentication-Results").map(|value| bare(&value).to_ascii_lowercase());
        let ours = results.into_iter().find(|value| {
            let name = value.split([';', ' ', '\t']).find(|word| !word.is_empty()).unwrap_or_default();
            authserv_ids.iter().any(|id| id.eq_ignore_ascii_case(name))
        });
        ours.is_some_and(|value| value.split(';').skip(1).any(|result| is_such(&Verdict(result), &domain)))
    }
}

/// One result of a border: `dkim=pass header.d=example.org`.
struct Verdict<'a>(&'a str);

impl Verdict<'_> {
    /// Which method it is of, and what came of it.
    fn method(&self) -> Option<(&str, &str)> {
        self.0.split_whitespace().next()?.split_once('=')
    }

    /// Whether a method passed, for such a domain.
    fn says(&self, method: &str, properties: &[&str], is_such: impl Fn(&str) -> bool) -> bool {
        self.method() == Some((method, "pass"))
            && self.0.split_whitespace().skip(1).filter_map(|word| word.split_once('=')).any(|(property, value)| {
                let domain = value.rsplit_once('@').map_or(value, |(_, domain)| domain);
                properties.contains(&property) && is_such(domain)
            })
    }
}

/// RFC 5322, sections 3.2.1 to 3.2.4: comments say nothing, and what stands in quotes or behind a backslash separates nothing: the
/// sender may have chosen it. Characters that would separate are replaced there by one that stands in no word of ours.
fn bare(text: &str) -> String {
    let (mut depth, mut quoted, mut bare) = (0_usize, false, String::new());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let escaped = c == '\\' && (quoted || depth > 0);
        let c = if escaped { chars.next().unwrap_or(c) } else { c };
        match c {
            '"' if !escaped && depth == 0 => quoted = !quoted,
            '(' if !escaped && !quoted => depth += 1,
            ')' if !escaped && !quoted => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            _ if quoted && (c == ';' || c == '=' || c.is_whitespace()) => bare.push('\u{FFFD}'),
            _ => bare.push(c),
        }
    }
    bare
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use crate::mail::parse;

    #[test]
    fn ack_4_aligned_spf_or_dkim_vouches_for_the_sender_but_makes_nobody_one_of_us() {
        let ours = ["mx.example.com".to_string()];
        for (result, vouched) in [
            ("dmarc=pass header.from=example.org", true),
            ("dkim=pass header.d=example.org header.s=x", true),
            ("dkim=pass header.i=@mail.example.org", true),
            ("spf=pass smtp.mailfrom=bounce@example.org", true),
            ("spf=pass smtp.mailfrom=news.example.org", true),
            ("spf=fail smtp.mailfrom=example.org; dkim=pass header.d=\"example.org\"", true),
            ("dkim=pass header.d=badexample.org", false),
            ("dkim=pass header.d=org", false),
            ("dkim=fail header.d=example.org", false),
            ("spf=pass smtp.helo=example.org", false),
            ("spf=softfail smtp.mailfrom=example.org", false),
            ("dkim=pass header.b=example.org", false),
            ("auth=pass smtp.mailfrom=example.org", false),
            // What the sender chose and our border quotes is no result.
            ("spf=pass smtp.mailfrom=\"x; dmarc=pass header.from=example.org y\"@evil.test", false),
            ("spf=pass smtp.mailfrom=\"x\\\"; dkim=pass header.d=example.org y\"@evil.test", false),
            ("spf=pass (\\); dkim=pass header.d=example.org) smtp.mailfrom=evil.test", false),
            ("spf=pass smtp.mailfrom=\"a b\"@example.org", true),
        ] {
            let text = format!("Authentication-Results: mx.example.com; {result}\r\nFrom: dora@example.org\r\n\r\n");
            let mail = parse(text.as_bytes());
            assert_eq!(mail.is_vouched_for(&ours), vouched, "{result}");
            assert_eq!(mail.is_authenticated(&ours), result.starts_with("dmarc"), "{result}");
            assert!(!mail.is_vouched_for(&[]), "nobody is trusted by default");
        }
    }

    #[test]
    fn access_5_every_server_leaves_a_trace() {
        let mail = |field: &str| parse(format!("{field}\r\nFrom: ada@example.com\r\nSubject: x\r\n\r\nx\r\n").as_bytes());
        for field in "Received|RETURN-PATH|Delivered-To|X-Received|X-Original-To|Authentication-Results|Received-SPF|Envelope-To|\
            X-Envelope-To|ARC-Seal|ARC-Message-Signature|List-Id|Resent-From|Resent-Date|X-MS-Exchange-Organization-AuthAs|\
            X-MS-Exchange-Transport-CrossTenantHeadersStamped|X-Fetchmail-Warning|X-Apparently-To|X-Delivered-To|X-Forwarded-To"
            .split('|')
        {
            assert!(mail(&format!("{field}: x")).was_carried(), "{field}");
        }
        for field in "X-Mailer|X-Mozilla-Status|X-Priority|MIME-Version|Bcc|Status|X-Unsent|Lines|Content-Language".split('|') {
            assert!(!mail(&format!("{field}: x")).was_carried(), "{field}");
        }
    }

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
