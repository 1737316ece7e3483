//! What goes into a message comes out of it: messages of a builder that is not ours, and words and names of files cut anywhere.
#![allow(clippy::unwrap_used)]

use base64::Engine;
use mail_builder::MessageBuilder;
use proptest::prelude::*;

use super::parameter::Parameters;
use super::{attachment_content, parse, words};

/// Texts as people write them, in several scripts.
const TEXT: &str = "[a-zA-Z0-9 .,;:!?'()äöüßéñçØЖдпλΩ中文字日本語한국어😀💧-]{1,80}";
const NAME: &str = "[a-zA-Z0-9äöüßéЖдλ中文字日本語][a-zA-Z0-9 ,.äöüßéЖдλ中文字日本語-]{0,40}[a-zA-Z0-9äöüßéЖдλ中文字日本語]";
const ADDRESS: &str = "[a-z0-9]{1,12}(\\.[a-z0-9]{1,8})?@[a-z0-9]{1,12}\\.example";

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Writes bytes as encoded words that end wherever `cuts` say, in base64 or quoted.
fn encoded_words(text: &[u8], cuts: &[(usize, bool)]) -> String {
    let mut written = String::new();
    let mut rest = text;
    for (length, in_base64) in cuts.iter().copied().chain([(usize::MAX, true)]) {
        let (piece, behind) = rest.split_at(length.min(rest.len()));
        rest = behind;
        if piece.is_empty() {
            continue;
        }
        let word = if in_base64 {
            format!("=?utf-8?b?{}?=", base64::engine::general_purpose::STANDARD.encode(piece))
        } else {
            let quoted: String = piece.iter().map(|byte| format!("={byte:02X}")).collect();
            format!("=?UTF-8?Q?{quoted}?=")
        };
        written.push_str(if written.is_empty() { "" } else { "\r\n " });
        written.push_str(&word);
    }
    written
}

proptest! {
    #[test]
    fn parse_3_words_that_are_cut_anywhere_are_whole(
        text in TEXT,
        cuts in proptest::collection::vec((1_usize..12, any::<bool>()), 0..12),
    ) {
        let written = encoded_words(text.as_bytes(), &cuts);
        prop_assert_eq!(words::decode(written.as_bytes(), None), text.clone(), "{}", written);
        let mail = parse(format!("Subject: {written}\r\nFrom: {written} <dora@example.org>\r\n\r\nx").as_bytes());
        let shown = one_line(&text);
        prop_assert_eq!(mail.subject, if shown.is_empty() { "(No Subject)".to_string() } else { shown.clone() });
        prop_assert_eq!(mail.from.map(|from| (from.name, from.address)), Some((shown, "dora@example.org".to_string())));
    }

    #[test]
    fn parse_8_names_of_files_that_are_cut_anywhere_are_whole(
        name in NAME,
        cuts in proptest::collection::vec(1_usize..12, 0..12),
    ) {
        let (mut rest, mut pieces) = (name.as_bytes(), String::new());
        for (place, length) in cuts.into_iter().chain([usize::MAX]).enumerate() {
            let (piece, behind) = rest.split_at(length.min(rest.len()));
            rest = behind;
            let codes: String = piece.iter().map(|byte| format!("%{byte:02x}")).collect();
            let charset = if place == 0 { "utf-8''" } else { "" };
            pieces.push_str(&format!(";\r\n filename*{place}*={charset}{codes}"));
        }
        let field = format!("attachment; filename=\"fallback.txt\"{pieces}");
        let read = Parameters::read(field.as_bytes(), None);
        prop_assert_eq!(read.text("filename"), Some(name.clone()), "{}", field);
        let words = encoded_words(name.as_bytes(), &[(5, false), (7, true)]);
        for field in [format!("attachment; filename=\"{words}\"; size=3"), format!("attachment; filename={words}; size=3")] {
            prop_assert_eq!(Parameters::read(field.as_bytes(), None).text("filename"), Some(name.clone()), "{}", field);
        }
    }

    #[test]
    fn parse_4_to_8_what_a_builder_writes_is_read_back(
        (subject, text, html) in (TEXT, TEXT, TEXT),
        (author, from) in (NAME, ADDRESS),
        to in proptest::collection::vec((NAME, ADDRESS), 1..5),
        (file, content) in (NAME, proptest::collection::vec(any::<u8>(), 0..300)),
    ) {
        // What has no letter may be taken from the HTML.
        let text = format!("Text {text}");
        let raw = MessageBuilder::new()
            .from((author.as_str(), from.as_str()))
            .to(to.iter().map(|(name, address)| (name.as_str(), address.as_str())).collect::<Vec<_>>())
            .subject(subject.as_str())
            .text_body(text.as_str())
            .html_body(format!("<p>{html}</p>"))
            .attachment("application/pdf", format!("{file}.pdf"), content.as_slice())
            .write_to_vec()
            .unwrap();
        let mail = parse(&raw);
        let shown = String::from_utf8_lossy(&raw);
        prop_assert_eq!(&mail.defects, &Vec::<String>::new(), "{}", shown);
        let subject = one_line(&subject);
        prop_assert_eq!(&mail.subject, if subject.is_empty() { "(No Subject)" } else { &subject }, "{}", shown);
        prop_assert_eq!(mail.from.map(|one| (one.name, one.address)), Some((one_line(&author), from)), "{}", shown);
        let read: Vec<_> = mail.to.iter().map(|one| (one.name.clone(), one.address.clone())).collect();
        let wanted: Vec<_> = to.iter().map(|(name, address)| (one_line(name), address.clone())).collect();
        prop_assert_eq!(read, wanted, "{}", shown);
        prop_assert_eq!(one_line(&mail.text), one_line(&text), "{}", shown);
        prop_assert!(mail.html.is_some_and(|read| one_line(&read).contains(one_line(&html).trim())), "{}", shown);
        prop_assert_eq!(&mail.attachments[0].name, &format!("{file}.pdf"), "{}", shown);
        prop_assert_eq!(attachment_content(&raw, &mail.attachments[0].part), Some(content), "{}", shown);
    }
}
