//! What goes out comes back as it was, and nothing that a stranger writes gets out of its place.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::mail::reply::{self, Original};
use crate::mail::template::{Names, Placeholder, Source, Template, Values};
use crate::mail::{Address, attachment_content, parse};

fn address(name: &str, address: &str) -> Address {
    Address { name: name.into(), address: address.into() }
}

fn draft() -> Draft {
    Draft {
        from: address("Support", "support@example.com"),
        sender: None,
        reply_to: Vec::new(),
        to: vec![address("Dora Example", "dora@example.org")],
        cc: Vec::new(),
        bcc: Vec::new(),
        subject: "Printer on fire".into(),
        text: "Hello,\n\nplease use water.\n".into(),
        html: None,
        attachments: Vec::new(),
        calendar: None,
        message_id: "abc.def@example.com".into(),
        date: 1_795_392_000,
        in_reply_to: None,
        references: Vec::new(),
        automatic: None,
        extra: Vec::new(),
    }
}

fn file(name: &str, media_type: &str, content: &[u8]) -> File {
    File { name: name.into(), media_type: media_type.into(), content: content.into(), content_id: None, inline: false }
}

fn header(draft: &Draft) -> String {
    let text = String::from_utf8(compose(draft).unwrap()).unwrap();
    text.split_once("\r\n\r\n").unwrap().0.to_string()
}

fn error(draft: &Draft) -> String {
    compose(draft).expect_err("must be refused").to_string()
}

fn check_lines(bytes: &[u8]) {
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        assert!(line.ends_with(b"\r\n") && line.len() <= 1_000, "{}", String::from_utf8_lossy(line));
        assert!(!line[..line.len() - 2].contains(&b'\r'));
    }
}

#[test]
fn send_4_nobody_stands_twice_among_the_recipients() {
    let cc = vec![address("D.", "DORA@example.org"), address("Ben", "ben@example.net"), address("B.", "ben@EXAMPLE.net")];
    let shown = header(&Draft { cc, ..draft() });
    assert!(
        shown.matches("@example.org").count() == 1 && shown.to_lowercase().matches("ben@example.net").count() == 1,
        "{shown}"
    );
}

#[test]
fn send_4_a_plain_letter_is_as_it_has_always_been() {
    let expected = "Date: Mon, 23 Nov 2026 00:00:00 +0000\r\n\
        From: Support <support@example.com>\r\n\
        To: Dora Example <dora@example.org>\r\n\
        Subject: Printer on fire\r\n\
        Message-ID: <abc.def@example.com>\r\n\
        MIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: 7bit\r\n\r\n\
        Hello,\r\n\r\nplease use water.\r\n";
    assert_eq!(String::from_utf8(compose(&draft()).unwrap()).unwrap(), expected);
}

#[test]
fn send_4_a_line_break_in_any_header_field_is_refused() {
    for bad in ["x\r\nBcc: eve@example.net", "x\nBcc: y", "x\ry", "x\0y", "x\u{2028}y", "x\u{85}y", "x\u{1b}[2Jy"] {
        let text = || bad.to_string();
        let named = || address(bad, "ada@example.com");
        let at = || address("", &format!("ada@example.com{bad}"));
        let all = [
            Draft { subject: text(), ..draft() },
            Draft { from: named(), ..draft() },
            Draft { from: at(), ..draft() },
            Draft { sender: Some(named()), ..draft() },
            Draft { sender: Some(at()), ..draft() },
            Draft { reply_to: vec![named()], ..draft() },
            Draft { reply_to: vec![at()], ..draft() },
            Draft { to: vec![named()], ..draft() },
            Draft { to: vec![at()], ..draft() },
            Draft { cc: vec![named()], ..draft() },
            Draft { cc: vec![at()], ..draft() },
            Draft { bcc: vec![at()], ..draft() },
            Draft { message_id: text(), ..draft() },
            Draft { in_reply_to: Some(text()), ..draft() },
            Draft { references: vec!["a@b".into(), text()], ..draft() },
            Draft { extra: vec![("X-Case".into(), text())], ..draft() },
            Draft { extra: vec![(format!("X-Case{bad}"), "1".into())], ..draft() },
            Draft { attachments: vec![file(bad, "text/plain", b"")], ..draft() },
            Draft { attachments: vec![file("a.txt", bad, b"")], ..draft() },
            Draft { attachments: vec![File { content_id: Some(text()), ..file("a.txt", "text/plain", b"") }], ..draft() },
        ];
        for (at, draft) in all.iter().enumerate() {
            assert!(compose(draft).is_err(), "{at}: {bad:?}");
        }
    }
}

#[test]
fn send_4_addresses_are_read_strictly_and_written_anew() {
    for (written, out) in [
        ("ada@example.com", Some("ada@example.com")),
        ("\"ada\"@example.com", Some("ada@example.com")),
        ("\"a d\\\"a\"@example.com", Some("\"a d\\\"a\"@example.com")),
        ("o'neil+x=y@Example.COM", Some("o'neil+x=y@example.com")),
        ("ada@bücher.example", Some("ada@xn--bcher-kva.example")),
        ("jörg@bücher.example", Some("jörg@bücher.example")),
        ("用户@例子.test", Some("用户@例子.test")),
        ("ada@localhost", Some("ada@localhost")),
        ("ada(comment)@example.com", None),
        ("ada@example.com(comment)", None),
        ("ada%example.net@example.com", None),
        ("example.net!ada@example.com", None),
        ("\"ada%example.net\"@example.com", None),
        ("\"ada@example.net\"@example.com", None),
        ("@a.test,@b.test:ada@example.com", None),
        ("ada@example.com, eve@example.net", None),
        ("Ada <ada@example.com>", None),
        ("<ada@example.com>", None),
        ("ada@[192.0.2.1]", None),
        ("ada@192.0.2.1", None),
        ("ada@-example.com", None),
        ("ada@exa mple.com", None),
        ("ada@example..com", None),
        (".ada@example.com", None),
        ("a..da@example.com", None),
        ("\"ada@example.com", None),
        ("\"a\"b\"@example.com", None),
        ("\"ada\\\"@example.com", None),
        ("ada\0@example.com", None),
        ("ada\u{202E}moc@example.com", None),
        ("ada\u{200B}@example.com", None),
        ("ada@exam\u{2067}ple.com", None),
        ("@example.com", None),
        ("ada@", None),
        ("ada", None),
        ("", None),
    ] {
        assert_eq!(checked_address("To", &address("", written)).ok().as_deref(), out, "{written:?}");
    }
    let long = format!("{}@example.com", "a".repeat(1_000_000));
    assert!(checked_address("To", &address("", &long)).unwrap_err().to_string().len() < 400);
}

#[test]
fn send_4_what_a_person_typed_is_read_whole_or_not_at_all() {
    let read = |text: &str| {
        let list = typed_addresses(text)?;
        Some(list.into_iter().map(|one| format!("{}|{}", one.name, one.address)).collect::<Vec<_>>().join(" "))
    };
    for (text, list) in [
        ("ada@example.com", Some("|ada@example.com")),
        (" ada@localhost ", Some("|ada@localhost")),
        ("Ada <ada@example.com>", Some("Ada|ada@example.com")),
        ("a@example.com, \"B, b\" <b@example.com>,c@example.com", Some("|a@example.com B, b|b@example.com |c@example.com")),
        ("Jörg <jörg@bücher.example>", Some("Jörg|jörg@bücher.example")),
        ("\"ada b\"@example.com", Some("|\"ada b\"@example.com")),
        ("desk: a@example.com, b@example.com;", Some("|a@example.com |b@example.com")),
        ("a@example.com, nobody", None),
        ("a@example.com b@example.com", None),
        ("a@example.com; b@example.com", Some("|a@example.com |b@example.com")),
        ("a@example.com\r\nBcc: b@example.com", None),
        ("a@example.com\n", None),
        ("ada", None),
        ("<>", None),
        ("", None),
        (",", None),
    ] {
        assert_eq!(read(text).as_deref(), list, "{text:?}");
    }
}

#[test]
fn send_4_names_cannot_become_addresses() {
    for name in [
        "eve@example.net",
        "Eve <eve@example.net>,",
        "a, b",
        "\"",
        "\\",
        "\" <eve@example.net> \"",
        "(x)",
        "=?utf-8?q?x?=",
        "a:b;",
    ] {
        let parsed = parse(&compose(&Draft { to: vec![address(name, "dora@example.org")], ..draft() }).unwrap());
        assert_eq!(parsed.to, [address(name, "dora@example.org")], "{name}");
    }
}

#[test]
fn send_4_bcc_is_in_the_envelope_and_nowhere_else() {
    let secret = address("Hidden", "hidden@example.net");
    let draft = Draft { bcc: vec![secret, address("", "DORA@example.org")], ..draft() };
    assert!(!String::from_utf8(compose(&draft).unwrap()).unwrap().to_lowercase().contains("hidden"));
    let envelope = envelope(&draft).unwrap();
    assert_eq!(envelope.recipients, ["dora@example.org", "hidden@example.net"]);
    assert_eq!((envelope.from.as_str(), envelope.needs_utf8), ("support@example.com", false));
    let only = Draft { to: Vec::new(), ..draft };
    assert!(header(&only).contains("To: undisclosed-recipients:;\r\n"));
}

#[test]
fn send_4_an_address_beyond_ascii_is_told_to_the_server() {
    for draft in [
        Draft { to: vec![address("", "jörg@example.com")], ..draft() },
        Draft { reply_to: vec![address("", "jörg@example.com")], ..draft() },
    ] {
        assert!(envelope(&draft).unwrap().needs_utf8);
        assert!(String::from_utf8(compose(&draft).unwrap()).unwrap().contains("jörg@example.com"));
    }
    let name = Draft { to: vec![address("Jörg", "joerg@bücher.example")], ..draft() };
    assert!(!envelope(&name).unwrap().needs_utf8);
    assert!(compose(&name).unwrap().is_ascii());
}

#[test]
fn send_11_more_than_a_hundred_recipients_are_refused_at_once() {
    let many = |count: usize| (0..count).map(|n| address("", &format!("a{n}@example.com"))).collect::<Vec<_>>();
    assert!(compose(&Draft { to: many(100), cc: many(100), bcc: many(100), ..draft() }).is_ok());
    assert_eq!(envelope(&Draft { to: many(100), cc: many(100), ..draft() }).unwrap().recipients.len(), 101 - 1);
    for draft in [
        Draft { to: many(101), ..draft() },
        Draft { cc: many(101), ..draft() },
        Draft { bcc: many(10_000), ..draft() },
        Draft { reply_to: many(101), ..draft() },
    ] {
        assert!(error(&draft).contains("100"));
        assert!(envelope(&draft).is_err());
    }
}

#[test]
fn send_4_no_line_of_a_header_is_too_long() {
    let of = |name: &str| (0..100).map(|n| address(name, &format!("{}{n}@example.com", "a".repeat(40)))).collect::<Vec<_>>();
    for name in ["", "Dora Example", "Example, Dora", "Dóra"] {
        let draft = Draft { to: of(name), cc: of(name), reply_to: of(name), ..draft() };
        let bytes = compose(&draft).unwrap();
        let widest = header(&draft).lines().map(str::len).max();
        assert!(widest.is_some_and(|widest| widest < 100), "{name}: {widest:?}");
        assert_eq!(parse(&bytes).to, draft.to, "{name}");
    }
}

#[test]
fn ack_2_an_automatic_answer_says_so() {
    let draft = Draft { automatic: Some(AutoKind::Replied), ..draft() };
    let head = header(&draft);
    for line in ["Auto-Submitted: auto-replied", "X-Auto-Response-Suppress: All", "Precedence: auto_reply"] {
        assert!(head.lines().any(|other| other == line), "{line}");
    }
    assert_eq!(envelope(&draft).unwrap().from, "", "nobody answers an answer");
    assert!(!parse(&compose(&draft).unwrap()).automatic.is_empty());
    assert!(parse(&compose(&self::draft()).unwrap()).automatic.is_empty());
}

#[test]
fn send_4_only_harmless_fields_may_be_added() {
    let with = |name: &str| Draft { extra: vec![(name.into(), "1".into())], ..draft() };
    assert!(header(&with("X-Espomail-Case")).contains("\r\nX-Espomail-Case: 1\r\n"));
    assert!(compose(&with("importance")).is_ok());
    for name in [
        "Bcc",
        "From",
        "Sender",
        "X-",
        "X Y",
        "X-A:",
        "",
        "Received",
        "Content-Type",
        "DKIM-Signature",
        "x-auto-response-suppress",
    ] {
        assert!(compose(&with(name)).is_err(), "{name}");
    }
}

#[test]
fn send_4_a_long_chain_loses_its_middle() {
    let ids: Vec<String> = (0..1_000).map(|n| format!("{n}.{}@example.com", "x".repeat(60))).collect();
    let draft = Draft { references: ids.clone(), in_reply_to: ids.last().cloned(), ..draft() };
    let bytes = compose(&draft).unwrap();
    check_lines(&bytes);
    let kept = parse(&bytes).references;
    assert!(kept.len() > 5 && kept.len() < 20, "{}", kept.len());
    assert_eq!(kept.first(), ids.first());
    assert_eq!(kept[1..], ids[ids.len() + 1 - kept.len()..]);
    assert_eq!(chain(&ids[..3]), ids[..3], "a short one stays whole");
}

#[test]
fn send_10_html_pictures_and_files_stand_where_programs_look_for_them() {
    let logo = File { content_id: Some("logo@example.com".into()), inline: true, ..file("logo.png", "image/png", b"\x89PNG\0") };
    let inner = b"From: a@example.com\r\nSubject: Inner\r\n\r\nHi\r\n";
    let draft = Draft {
        html: Some("<p>Grüße <img src=\"cid:logo@example.com\"></p>".into()),
        attachments: vec![
            logo,
            file("Rechnung März \"1\".pdf", "application/pdf", &[0, 255, 13, 10]),
            file("a.eml", "message/rfc822", inner),
        ],
        ..draft()
    };
    let bytes = compose(&draft).unwrap();
    check_lines(&bytes);
    assert!(bytes.is_ascii());
    let mail = parse(&bytes);
    assert_eq!(mail.defects, Vec::<String>::new());
    assert_eq!(mail.text.trim_end(), draft.text.replace('\r', "").trim_end());
    assert!(mail.html.unwrap().contains("Grüße"));
    let seen: Vec<_> = mail.attachments.iter().map(|file| (file.name.as_str(), file.media_type.as_str(), file.inline)).collect();
    assert_eq!(
        seen,
        [
            ("logo.png", "image/png", true),
            ("Rechnung März \"1\".pdf", "application/pdf", false),
            ("a.eml", "message/rfc822", false)
        ]
    );
    for (sent, got) in draft.attachments.iter().zip(&mail.attachments) {
        let got = attachment_content(&bytes, &got.part).unwrap();
        assert_eq!(String::from_utf8_lossy(&got).trim_end(), String::from_utf8_lossy(&sent.content).trim_end());
    }
    let kinds: Vec<&str> = ["mixed", "alternative", "related"].into_iter().collect();
    let text = String::from_utf8(bytes).unwrap();
    let places: Vec<usize> = kinds.iter().map(|kind| text.find(&format!("multipart/{kind}")).unwrap()).collect();
    assert!(places.is_sorted());
}

#[test]
fn send_4_a_part_that_lies_about_its_type_is_a_plain_file() {
    for media_type in ["multipart/mixed; boundary=x", "text", "message/partial", "message/rfc822", "a/b; name=x", ""] {
        let draft = Draft { attachments: vec![file("x", media_type, b"\nx\n")], ..draft() };
        assert_eq!(parse(&compose(&draft).unwrap()).attachments[0].media_type, "application/octet-stream", "{media_type}");
    }
}

#[test]
fn send_10_an_answer_by_template_to_a_hostile_letter_says_what_we_say() {
    let raw = "From: \"{{ 7*7 }} {Case.number}\" <dora@example.org>\r\nMessage-ID: <q@example.org>\r\n\
        Date: Mon, 23 Nov 2026 00:00:00 +0000\r\nSubject: {Person.name} =?utf-8?q?x=0D=0ABcc:_eve@example.net?= {% raw %}\r\n\r\n\
        {{ User.name }}\r\n";
    let letter = parse(raw.as_bytes());
    let original = Original::from(&letter);
    let mut values = Values::default();
    values.set(Placeholder::PersonName, &letter.from.as_ref().unwrap().name);
    values.set(Placeholder::EmailSubject, &letter.subject);
    values.set(Placeholder::CaseNumber, "12");
    let body = "<p>Dear {Person.name}</p>";
    let source = Source { subject: "[#{Case.number}] {Email.subject}", body, plain: None, is_html: true };
    let template = Template::check(&source, &Names::new([] as [(crate::words::RecordKind, &str); 0])).unwrap();
    let made = template.render(&values).unwrap();
    let draft = Draft {
        to: original.recipients(false, &std::collections::HashSet::new()).to,
        subject: reply::reply_subject(&made.subject),
        text: format!("{}\n\n{}", made.text.trim_end(), original.quotation()),
        html: made.html.map(|html| html + &original.html_quotation()),
        in_reply_to: letter.message_id.clone(),
        references: original.chain(),
        automatic: Some(AutoKind::Replied),
        ..draft()
    };
    let mail = parse(&compose(&draft).unwrap());
    assert_eq!(mail.subject, "Re: [#12] {Person.name} x Bcc: eve@example.net {% raw %}");
    assert_eq!(mail.reply_text, "Dear {{ 7*7 }} {Case.number}");
    assert!(mail.quoted_text.ends_with("wrote:\n> {{ User.name }}"), "{}", mail.quoted_text);
    assert_eq!(
        (mail.bcc.len(), &mail.to[0].address[..], &mail.to[0].name[..]),
        (0, "dora@example.org", "{{ 7*7 }} {Case.number}")
    );
    assert_eq!((mail.in_reply_to, mail.references), (vec!["q@example.org".to_string()], vec!["q@example.org".to_string()]));
}

fn name() -> impl Strategy<Value = String> {
    // The parser takes runs of spaces as one.
    prop_oneof![Just(String::new()), "[ -~]{1,40}", "[a-zà-ÿА-я漢字 .,\"\\\\<>@=?_]{1,80}"]
        .prop_map(|name| name.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn mailbox() -> impl Strategy<Value = Address> {
    let local = prop_oneof!["[a-z0-9]{1,20}(\\.[a-z0-9+_-]{1,20}){0,1}", "[a-zà-ÿ]{1,20}"];
    (name(), local, "[a-z]{1,20}\\.(example|test)")
        .prop_map(|(name, local, domain)| Address { name, address: format!("{local}@{domain}") })
}

fn mailboxes() -> impl Strategy<Value = Vec<Address>> {
    proptest::collection::vec(mailbox(), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn send_4_what_went_in_is_what_our_own_parser_reads(
        from in mailbox(),
        to in mailboxes(),
        cc in mailboxes(),
        reply_to in mailboxes(),
        subject in prop_oneof!["[ -~]{1,200}", "[a-zà-ÿА-я漢字 =?_]{1,200}", "[a-z]{900,1200}"],
        text in "([ -~à-ÿА-я漢.\\t]{0,120}\n){1,8}",
        ids in proptest::collection::vec("[a-z0-9.$]{1,90}@[a-z]{1,20}\\.test", 0..20),
        name in "[a-z][a-zA-Z0-9à-ÿ漢字 \"'%*;=]{1,80}\\.(txt|pdf)",
        content in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let draft = Draft {
            from, to, cc, reply_to, subject, text,
            in_reply_to: ids.last().cloned(),
            references: ids,
            attachments: vec![file(&name, "application/pdf", &content)],
            ..draft()
        };
        let bytes = compose(&draft).unwrap();
        check_lines(&bytes);
        let mail = parse(&bytes);
        prop_assert_eq!(mail.from.as_ref(), Some(&draft.from));
        prop_assert_eq!(&mail.to, &draft.to);
        prop_assert_eq!(&mail.cc, &draft.cc);
        prop_assert_eq!(&mail.reply_to, &draft.reply_to);
        let subject = draft.subject.split_whitespace().collect::<Vec<_>>().join(" ");
        prop_assert_eq!(&mail.subject, if subject.is_empty() { "(No Subject)" } else { &subject });
        prop_assert_eq!(mail.text.trim_end(), draft.text.trim_end());
        prop_assert_eq!(mail.references, chain(&draft.references));
        prop_assert_eq!(mail.message_id.as_ref(), Some(&draft.message_id));
        prop_assert_eq!(mail.date, Some(draft.date));
        prop_assert_eq!(&mail.attachments[0].name, name.trim());
        prop_assert_eq!(attachment_content(&bytes, &mail.attachments[0].part).unwrap(), content);
    }
}
