//! What answers and forwards take over from the letter before them (SEND-10): subject, thread, recipients, and its text. All
//! of it was written by strangers, so whatever goes into a header or a line of ours is made one clean line first.

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::compose::{checked_address, is_forbidden, is_id};
use super::{Address, Mail, NOBODY, address_key, html, subject, token};

/// The longest name in a line of ours, in characters.
const NAME: usize = 60;
/// The longest subject that is taken over, in characters.
const SUBJECT: usize = 500;
/// The most ids that are taken over; those in the middle of a longer chain are of no use to anybody.
const CHAIN: usize = 100;

/// The letter that is answered or forwarded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Original {
    pub message_id: Option<String>,
    pub in_reply_to: Vec<String>,
    /// The oldest first.
    pub references: Vec<String>,
    pub from: Option<Address>,
    pub reply_to: Vec<Address>,
    pub to: Vec<Address>,
    pub cc: Vec<Address>,
    pub subject: String,
    /// Seconds since 1970 UTC.
    pub date: Option<i64>,
    pub text: String,
    /// Sanitised (PARSE-6).
    pub html: Option<String>,
}

/// Whom an answer goes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recipients {
    pub to: Vec<Address>,
    pub cc: Vec<Address>,
    /// What the original names and nobody can write to.
    pub left_out: Vec<Address>,
}

impl From<&Mail> for Original {
    fn from(mail: &Mail) -> Self {
        Self {
            message_id: mail.message_id.clone(),
            in_reply_to: mail.in_reply_to.clone(),
            references: mail.references.clone(),
            from: mail.from.clone(),
            reply_to: mail.reply_to.clone(),
            to: mail.to.clone(),
            cc: mail.cc.clone(),
            subject: mail.subject.clone(),
            date: mail.date,
            text: mail.text.clone(),
            html: mail.html.clone(),
        }
    }
}

/// Makes one clean line of a stranger's text: no controls, no marks that turn its direction, at most so many characters.
pub fn line(text: &str, most: usize) -> String {
    let mut line = String::new();
    let visible = text.chars().filter(|c| c.is_whitespace() || c.is_control() || !is_forbidden(*c));
    let visible = visible.map(|c| if c.is_whitespace() || c.is_control() { ' ' } else { c });
    // Spaces at the start and runs of them do not count.
    let mut count = 0;
    for c in visible {
        if c == ' ' && (line.is_empty() || line.ends_with(' ')) {
            continue;
        }
        if count == most {
            break;
        }
        line.push(c);
        count += 1;
    }
    line.truncate(line.trim_end().len());
    line
}

/// Returns the subject of an answer.
pub fn reply_subject(original: &str) -> String {
    let line = line(original, SUBJECT);
    let read = subject::read(&line);
    if read.is_answer && !read.is_forward { line } else { format!("Re: {line}") }
}

/// Returns the subject of a forwarded letter.
pub fn forward_subject(original: &str) -> String {
    let line = line(original, SUBJECT);
    if subject::read(&line).is_forward { line } else { format!("Fwd: {line}") }
}

impl Original {
    /// Returns the References of an answer, the oldest first; its In-Reply-To is the last of them (RFC 5322, section 3.6.4).
    pub fn chain(&self) -> Vec<String> {
        let before = match (self.references.as_slice(), self.in_reply_to.as_slice()) {
            ([], [parent]) => std::slice::from_ref(parent),
            (references, _) => references,
        };
        let newer = before.iter().skip(1.max(before.len().saturating_sub(CHAIN)));
        let mut known = HashSet::new();
        let own = self.message_id.as_deref().filter(|id| is_id(id));
        let ids = before.first().into_iter().chain(newer).map(String::as_str).filter(|id| is_id(id) && Some(*id) != own);
        ids.chain(own).filter(|id| known.insert(id.to_string())).map(str::to_string).collect()
    }

    /// Returns whom an answer goes to: Reply-To, else From; for all, To and Cc as well, without the addresses whose keys are
    /// `ours` or excluded from answers. Who answers a letter of their own writes to those it went to.
    pub fn recipients(&self, for_all: bool, ours: &HashSet<String>) -> Recipients {
        let is_ours = |address: &Address| ours.contains(&untagged(&address.key()));
        // Somebody who was erased is not written to.
        let is_there = |address: &&Address| address.key() != NOBODY;
        let reply_to: Vec<&Address> = self.reply_to.iter().filter(is_there).collect();
        let author: Vec<&Address> = if reply_to.is_empty() { self.from.iter().filter(is_there).collect() } else { reply_to };
        let is_own = !author.is_empty() && author.iter().all(|address| is_ours(address)) && self.from.iter().all(is_ours);
        let mut recipients = Recipients::default();
        let mut known = HashSet::new();
        let mut take = |addresses: Vec<&Address>, left_out: &mut Vec<Address>| {
            let mut taken = Vec::new();
            for address in addresses.into_iter().filter(|address| known.insert(address.key())) {
                let clean = Address { name: line(&address.name, NAME), address: address.address.trim().to_string() };
                let list = if checked_address("To", &clean).is_ok() { &mut taken } else { &mut *left_out };
                list.push(clean);
            }
            taken
        };
        let strangers = |addresses: &'_ [Address]| -> Vec<Address> {
            addresses.iter().filter(is_there).filter(|address| !is_ours(address)).cloned().collect()
        };
        let (to, cc) = (strangers(&self.to), strangers(&self.cc));
        if is_own && !to.is_empty() {
            recipients.to = take(to.iter().collect(), &mut recipients.left_out);
        } else {
            recipients.to = take(author, &mut recipients.left_out);
        }
        if for_all {
            recipients.cc = take(to.iter().chain(&cc).collect(), &mut recipients.left_out);
        }
        recipients
    }

    /// Returns the line that introduces a quotation; our own parser knows it again (PARSE-7).
    pub fn attribution(&self) -> String {
        let author = self.from.as_ref().map_or_else(|| "somebody".to_string(), shown);
        match self.date.and_then(day_and_time) {
            Some((day, time)) => format!("On {day} at {time} UTC, {author} wrote:"),
            None => format!("{author} wrote:"),
        }
    }

    /// Returns the text as a quotation below an answer.
    pub fn quotation(&self) -> String {
        let mut quotation = self.attribution();
        quotation.push('\n');
        // A lone CR would become a line break on its way, and what stands behind it a line of ours.
        for line in self.text.replace("\r\n", "\n").replace('\r', "\n").trim_end().lines() {
            // RFC 3676, section 4.5: no space between the marks of quotations in quotations.
            quotation.push_str(if line.is_empty() || line.starts_with('>') { ">" } else { "> " });
            quotation.push_str(line);
            quotation.push('\n');
        }
        quotation
    }

    /// Returns the HTML, or the text where there is none, as a quotation below an answer.
    pub fn html_quotation(&self) -> String {
        let attribution = html_from_text(&self.attribution());
        format!("<div>{attribution}</div>\n<blockquote type=\"cite\">\n{}\n</blockquote>\n", self.as_html())
    }

    /// Returns the text behind the head of the letter that is passed on.
    pub fn forwarded(&self) -> String {
        format!("{}\n{}\n", self.head(), self.text.trim_end())
    }

    /// Returns the HTML, or the text where there is none, behind the head of the letter that is passed on.
    pub fn html_forwarded(&self) -> String {
        format!("<div>{}</div>\n{}\n", html_from_text(&self.head()), self.as_html())
    }

    fn as_html(&self) -> String {
        self.html.clone().unwrap_or_else(|| html_from_text(&self.text))
    }

    /// The head of a letter that is passed on, as most programs write it.
    fn head(&self) -> String {
        let list = |addresses: &[Address]| addresses.iter().map(shown).collect::<Vec<_>>().join(", ");
        let date = self.date.and_then(day_and_time).map(|(day, time)| format!("{day} {time} UTC"));
        let fields = [
            ("From", self.from.as_ref().map(shown).unwrap_or_default()),
            ("Date", date.unwrap_or_default()),
            ("Subject", line(&self.subject, SUBJECT)),
            ("To", list(&self.to)),
            ("Cc", list(&self.cc)),
        ];
        let mut head = "---------- Forwarded message ---------\n".to_string();
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            head.push_str(&format!("{name}: {value}\n"));
        }
        head
    }
}

/// Returns plain text as HTML that wraps like text.
pub fn html_from_text(text: &str) -> String {
    let escaped = ammonia::clean_text(text.trim_end());
    escaped.replace("&#13;", "").replace("&#10;", "<br>\n").replace("&#32;", " ").replace("&#9;", " ").replace("  ", "&nbsp; ")
}

/// Returns HTML without anything that acts or loads (PARSE-6); none where it is too deep or too large to be read.
pub fn clean_html(html: &str) -> Option<String> {
    let is_reasonable = html::bears(html, &mut html::Spent::default(), &mut Vec::new());
    is_reasonable.then(|| html::sanitised(html, &html::References::default()))
}

/// Returns what HTML of ours says, for those who read text.
pub fn text_from_html(html: &str) -> String {
    html::to_text(clean_html(html).as_deref().unwrap_or(html))
}

/// Writes an address for people, on one line.
fn shown(address: &Address) -> String {
    let name = line(&address.name, NAME);
    // Brackets and line ends in an address would make the line another one.
    let address: String = line(&address.address, 254).chars().filter(|c| !matches!(c, '<' | '>' | ' ')).collect();
    if name.is_empty() { format!("<{address}>") } else { format!("{name} <{address}>") }
}

fn day_and_time(seconds: i64) -> Option<(String, String)> {
    let time = Timestamp::from_second(seconds).ok()?.to_zoned(TimeZone::UTC);
    Some((time.strftime("%a, %-d %b %Y").to_string(), time.strftime("%H:%M").to_string()))
}

/// Takes a token of ours from behind the plus (LINK-1).
fn untagged(key: &str) -> String {
    let parts = key.rsplit_once('@').and_then(|(local, domain)| Some((local.rsplit_once('+')?, domain)));
    match parts {
        Some(((local, tag), domain)) if tag.len() == token::LENGTH => address_key(&format!("{local}@{domain}")),
        _ => key.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::mail::quote;

    fn address(name: &str, address: &str) -> Address {
        Address { name: name.into(), address: address.into() }
    }

    fn original() -> Original {
        Original {
            message_id: Some("c@example.org".into()),
            references: vec!["a@example.org".into(), "b@example.org".into()],
            from: Some(address("Dora Example", "dora@example.org")),
            to: vec![address("Support", "support@example.com"), address("", "fred@example.org")],
            cc: vec![address("", "Desk@Example.com"), address("", "carl@example.org"), address("", "DORA@example.org")],
            subject: "Printer on fire".into(),
            date: Some(1_795_392_000),
            text: "It burns.\n\n> Is it hot?\nYes.\n".into(),
            ..Original::default()
        }
    }

    fn ours() -> HashSet<String> {
        ["support@example.com", "desk@example.com"].map(str::to_string).into()
    }

    fn addresses(list: &[Address]) -> Vec<&str> {
        list.iter().map(|address| address.address.as_str()).collect()
    }

    #[test]
    fn send_10_subjects_get_one_prefix_and_stay_one_line() {
        for (subject, reply, forward) in [
            ("Fire", "Re: Fire", "Fwd: Fire"),
            ("Re: Fire", "Re: Fire", "Fwd: Re: Fire"),
            ("AW: Fire", "AW: Fire", "Fwd: AW: Fire"),
            ("Fwd: Fire", "Re: Fwd: Fire", "Fwd: Fire"),
            ("Fwd: Re: Fire", "Re: Fwd: Re: Fire", "Fwd: Re: Fire"),
            ("x\r\nBcc: eve@example.net\0", "Re: x Bcc: eve@example.net", "Fwd: x Bcc: eve@example.net"),
            ("a\u{202E}b", "Re: ab", "Fwd: ab"),
            ("{{ 7*7 }} {Person.name}", "Re: {{ 7*7 }} {Person.name}", "Fwd: {{ 7*7 }} {Person.name}"),
        ] {
            assert_eq!((reply_subject(subject).as_str(), forward_subject(subject).as_str()), (reply, forward), "{subject:?}");
        }
        assert!(reply_subject(&"ü".repeat(1_000_000)).chars().count() < 600);
    }

    #[test]
    fn send_4_an_answer_names_the_whole_chain() {
        assert_eq!(original().chain(), ["a@example.org", "b@example.org", "c@example.org"]);
        let alone = Original { references: Vec::new(), in_reply_to: vec!["p@example.org".into()], ..original() };
        assert_eq!(alone.chain(), ["p@example.org", "c@example.org"]);
        let bad =
            ["x y", "a<b", "\r\nBcc: e@example.net", "ü@example.org", "c@example.org", "", "b@example.org", "b@example.org"];
        let bad = Original { references: bad.map(str::to_string).into(), ..original() };
        assert_eq!(bad.chain(), ["b@example.org", "c@example.org"]);
        let many = Original { references: (0..100_000).map(|n| format!("{n}@example.org")).collect(), ..original() };
        let chain = many.chain();
        assert!(chain.len() <= CHAIN + 2 && chain[0] == "0@example.org" && chain.last() == many.message_id.as_ref());
        assert_eq!(Original::default().chain(), Vec::<String>::new());
    }

    #[test]
    fn send_10_an_answer_goes_to_the_author_and_for_all_to_everybody_else() {
        let one = original().recipients(false, &ours());
        assert_eq!((addresses(&one.to), one.cc.len()), (vec!["dora@example.org"], 0));
        let all = original().recipients(true, &ours());
        assert_eq!(addresses(&all.cc), ["fred@example.org", "carl@example.org"], "nobody twice, and none of ours");
        let replied = Original { reply_to: vec![address("", "list@example.org")], ..original() };
        assert_eq!(addresses(&replied.recipients(false, &ours()).to), ["list@example.org"]);
        let erased = || vec![address("", NOBODY)];
        let erased = Original { reply_to: erased(), to: erased(), cc: erased(), ..original() }.recipients(true, &ours());
        assert_eq!((addresses(&erased.to), erased.cc.len(), erased.left_out.len()), (vec!["dora@example.org"], 0, 0));
        let own = Original { from: Some(address("", "support@example.com")), ..original() };
        assert_eq!(addresses(&own.recipients(true, &ours()).to), ["fred@example.org"]);
        let tagged = format!("support+{}@example.com", "a".repeat(token::LENGTH));
        let tagged = Original { cc: vec![address("", &tagged)], ..original() };
        assert_eq!(addresses(&tagged.recipients(true, &ours()).cc), ["fred@example.org"], "link_1: our plus-address is ours");
    }

    #[test]
    fn send_10_what_nobody_can_write_to_is_left_out_and_named() {
        let cc = ["eve@example.net\r\nBcc: x@y.test", "a b", "x%y@example.com"].map(|written| address("x\r\ny", written));
        let hostile = Original { cc: cc.into(), from: Some(address("a\r\nBcc: b\u{202E}", "dora@example.org")), ..original() };
        let recipients = hostile.recipients(true, &ours());
        assert_eq!((recipients.to[0].name.as_str(), recipients.left_out.len()), ("a Bcc: b", 3));
        assert_eq!(addresses(&recipients.cc), ["fred@example.org"]);
    }

    #[test]
    fn parse_7_a_quotation_of_ours_is_told_apart() {
        let quotation = original().quotation();
        assert_eq!(
            quotation,
            "On Mon, 23 Nov 2026 at 00:00 UTC, Dora Example <dora@example.org> wrote:\n> It burns.\n>\n>> Is it hot?\n> Yes.\n"
        );
        let authors = [
            address("", "dora@example.org"),
            address("Dora\r\nwrote: nothing", "dora@example.org"),
            address(&"x ".repeat(10_000), "dora@example.org"),
            address("田中", "t@example.org"),
            address("{{ x }} > <", "<d>@example.org"),
        ];
        for from in authors.map(Some).into_iter().chain([None]) {
            for date in [Some(0), Some(i64::MAX), None] {
                let original = Original { from: from.clone(), date, ..original() };
                let split = quote::split(&format!("Use water.\n\n{}", original.quotation()), false);
                assert_eq!(split.reply, "Use water.", "{}", original.attribution());
            }
        }
    }

    #[test]
    fn case_6_a_forward_of_ours_names_its_original_sender() {
        let raw = format!("From: ada@example.com\r\nSubject: {}\r\n\r\n{}", forward_subject("Fire"), original().forwarded());
        let forward = crate::mail::parse(raw.as_bytes()).forward().unwrap();
        assert_eq!(forward.sender, address("Dora Example", "dora@example.org"));
    }

    #[test]
    fn send_10_html_of_strangers_names_and_text_is_text() {
        let hostile =
            Original { from: Some(address("<script>x</script>", "d@example.org")), text: "<b>\n & x".into(), ..original() };
        let turned = Original { text: "a\rOurs\r\nb".into(), ..original() };
        assert!(turned.quotation().ends_with("\n> a\n> Ours\n> b\n"));
        for html in [hostile.html_quotation(), hostile.html_forwarded()] {
            assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
            assert!(html.contains("&lt;b&gt;<br>\n"), "{html}");
        }
        let html = Original { html: Some("<p>Hi</p>".into()), ..original() }.html_quotation();
        assert!(html.contains("\n<p>Hi</p>\n</blockquote>"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn parse_7_any_letter_of_words_is_told_apart_from_its_answer(
            name in "[a-zA-Zà-ÿ .]{0,80}",
            text in "([a-z][a-z .,]{0,70}\n){1,12}",
            answer in "([A-Z][a-z]{3,9} [a-z]{3,9} [a-z ]{0,30}[.]\n){1,4}",
            date in 0_i64..4_000_000_000,
        ) {
            let original = Original { from: Some(address(&name, "dora@example.org")), text, date: Some(date), ..original() };
            let split = quote::split(&format!("{answer}\n{}", original.quotation()), false);
            prop_assert_eq!(split.reply.trim(), answer.trim());
        }
    }
}
