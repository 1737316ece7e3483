//! Whole messages through [`parse`]: one test a rule, and malformed mail of every kind.
#![allow(clippy::unwrap_used)]

use super::*;

fn addresses(list: &[Address]) -> Vec<&str> {
    list.iter().map(|address| address.address.as_str()).collect()
}

#[test]
fn parse_4_subject_and_addresses() {
    let mail = parse(
        b"From: =?utf-8?q?Ad=C3=A4?= Example <Ada@Example.org>\r\nTo: Team: a@example.com, b@example.com;, c@example.com\r\n\
          Cc: \"Last, First\" <d@b\xc3\xbccher.example>\r\nReply-To: e@example.org\r\nSubject:  =?iso-8859-1?q?Gr=FC=DFe?=  there \r\n\
          Message-ID: <1@example.org>\r\nIn-Reply-To: <0@example.org>\r\nReferences: <a@x> <b@x>\r\n <a@x>\r\n\
          Date: Fri, 20 Nov 2026 10:00:00 +0100\r\n\r\nHello\r\nworld\r\n",
    );
    assert_eq!(mail.from.as_ref().map(|from| (from.name.as_str(), from.key())), Some(("Adä Example", "ada@example.org".into())));
    assert_eq!(addresses(&mail.to), ["a@example.com", "b@example.com", "c@example.com"]);
    assert_eq!((mail.cc[0].name.as_str(), mail.cc[0].key().as_str()), ("Last, First", "d@xn--bcher-kva.example"));
    assert_eq!(addresses(&mail.reply_to), ["e@example.org"]);
    assert_eq!(mail.subject, "Grüße there");
    assert_eq!(mail.message_id.as_deref(), Some("1@example.org"));
    assert_eq!(
        (mail.in_reply_to, mail.references),
        (vec!["0@example.org".to_string()], vec!["a@x".to_string(), "b@x".to_string()])
    );
    assert_eq!(mail.date, Some(1_795_165_200));
    assert_eq!(mail.text, "Hello\nworld\n");
    assert!(mail.defects.is_empty() && mail.automatic.is_empty(), "{:?} {:?}", mail.defects, mail.automatic);
}

#[test]
fn parse_4_an_empty_subject() {
    for raw in ["Subject:\r\n\r\n", "From: a@example.org\r\n\r\n", "Subject: =?utf-8?q?_?=\r\n\r\n"] {
        assert_eq!(parse(raw.as_bytes()).subject, "(No Subject)", "{raw:?}");
    }
}

#[test]
fn parse_4_many_references_are_all_kept_and_a_giant_id_is_shortened() {
    use std::fmt::Write;
    let mut raw = "References:".to_string();
    (0..1_000).for_each(|n| write!(raw, " <{n}@x>\r\n").unwrap());
    write!(raw, "Message-ID: <{}@x>\r\n\r\n", "y".repeat(5_000)).unwrap();
    let mail = parse(raw.as_bytes());
    assert_eq!(mail.references.len(), 1_000);
    assert!(mail.message_id.unwrap().starts_with("blake3:"));
}

#[test]
fn parse_5_a_bad_date_is_no_date() {
    let mail = parse(b"Date: yesterday\r\n\r\n");
    assert_eq!(mail.date, None);
    assert!(mail.defects.contains(&"bad-date".to_string()));
}

#[test]
fn parse_5_short_zones_take_nothing_from_the_next_field() {
    for zone in ["UT", "Z", "A", "GMT", "+0000", "", "-0000 (not closed"] {
        let mail = parse(format!("Date: Mon, 5 Jan 2026 10:00:00 {zone}\nFrom: ada@example.org\n\ntext").as_bytes());
        assert_eq!(mail.date, Some(1_767_607_200), "{zone}");
        assert_eq!(mail.from.map(|from| from.address).as_deref(), Some("ada@example.org"), "{zone}");
    }
}

#[test]
fn parse_6_text_html_and_text_from_html() {
    let both = parse(
        b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n\
          --b\r\nContent-Type: text/html\r\n\r\n<p>rich<script>x</script></p>\r\n--b--\r\n",
    );
    assert_eq!((both.text.trim(), both.html.as_deref().map(str::trim)), ("plain", Some("<p>rich</p>")));
    assert!(both.attachments.is_empty());
    let only = parse(b"Content-Type: text/html\r\n\r\n<p>only <b>rich</b></p>");
    assert_eq!(only.text.trim(), "only rich");
}

#[test]
fn parse_3_charsets_of_bodies_and_headers() {
    let gb = parse(
        &[b"Content-Type: text/plain; charset=gb2312\r\n\r\n".as_slice(), &encoding_rs::GB18030.encode("中文鎔").0].concat(),
    );
    assert_eq!(gb.text, "中文鎔");
    let jp = parse(b"Subject: \x1b$B$3$s\x1b(B\r\n\r\n\x1b$B$3$s\x1b(B");
    assert_eq!((jp.subject.as_str(), jp.text.as_str()), ("こん", "こん"));
    let latin = parse(b"Subject: caf\xe9 au lait\r\nFrom: Andr\xe9 <a@example.org>\r\n\r\nd\xe9j\xe0 vu");
    assert_eq!((latin.subject.as_str(), latin.text.as_str()), ("café au lait", "déjà vu"));
    assert_eq!(latin.from.unwrap().name, "André");
    let unknown = parse(b"Content-Type: text/plain; charset=x-none\r\n\r\nGr\xc3\xbc\xc3\x9fe");
    assert_eq!(unknown.text, "Grüße");
}

#[test]
fn parse_6_what_cannot_be_a_media_type_counts_as_none() {
    for content_type in ["<html>", "<html>; charset=utf-8", "\"text/html\"", "a b/c"] {
        let raw = format!(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: {content_type}\n\nthe text\n--b\n\
             Content-Type: application/pdf\n\nx\n--b--\n"
        );
        let mail = parse(raw.as_bytes());
        assert_eq!((mail.text.trim(), mail.attachments.len()), ("the text", 1), "{content_type}");
    }
}

#[test]
fn parse_8_attachments() {
    let raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<img src=\"cid:one@x\">\r\n\
        --b\r\nContent-Type: image/png\r\nContent-ID: <one@x>\r\nContent-Disposition: inline; filename=one.png\r\n\
        Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n\
        --b\r\nContent-Type: image/png\r\nContent-ID: <two@x>\r\nContent-Disposition: inline; filename=\"../two.png\"\r\n\r\nxx\r\n\
        --b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''%e2%82%ac.pdf\r\n\r\nabc\r\n\
        --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nhello\r\n--b--\r\n";
    let mail = parse(raw);
    let seen: Vec<(&str, bool, u64)> = mail.attachments.iter().map(|a| (a.name.as_str(), a.inline, a.size)).collect();
    assert_eq!(seen[..3], [("one.png", true, 5), ("two.png", false, 2), ("€.pdf", false, 3)]);
    assert_eq!(seen[3].0, "inner.eml");
    assert_eq!(attachment_content(raw, &mail.attachments[0].part).unwrap(), b"hello");
    let inner = attachment_content(raw, &mail.attachments[3].part).unwrap();
    assert!(inner.starts_with(b"Subject: inner"), "{:?}", String::from_utf8_lossy(&inner));
    assert_eq!(attachment_content(raw, "99"), None);
}

#[test]
fn parse_3_raw_bytes_in_an_encoded_word_are_of_its_charset() {
    let mail = parse(
        b"From: =?iso-8859-1?Q?J\xf6rg?= <a@example.org>\r\nSubject: =?windows-1251?q?\xcf\xf0=E8?= =?x?Q?\xff gr\xfcn =?utf-8?B?w7w=?=\r\n\r\nx",
    );
    assert_eq!(mail.from.map(|from| from.name).as_deref(), Some("J\u{f6}rg"));
    assert!(mail.subject.starts_with("\u{41f}\u{440}\u{438}"), "{}", mail.subject);
    let started = std::time::Instant::now();
    parse(&[b"Subject: \xfc".as_slice(), &b"=?x?Q?".repeat(40_000), b"\r\n\r\nx"].concat());
    assert!(started.elapsed().as_secs() < 5);
}

#[test]
fn parse_11_two_from_fields_or_an_unreadable_one_name_no_author() {
    for from in
        ["From: a@example.org\r\nFrom: b@example.org", "From: Ada", "From: <>", "From:", "From: a@example.org\r\nfrom: Ada"]
    {
        let mail = parse(format!("{from}\r\nSubject: x\r\n\r\nhello").as_bytes());
        assert_eq!(mail.from, None, "{from}");
        assert_eq!(mail.defects.iter().filter(|defect| *defect == "from-ambiguous").count(), 1, "{from}: {:?}", mail.defects);
    }
    // Nor do two authors in one field; one that is written twice is one.
    for (from, author) in [
        ("a@example.org, b@example.org", None),
        ("A <a@example.org>, B <b@example.org>", None),
        ("\"a@example.org, b@example.org\"", None),
        ("a@example.org, A <A@Example.org>", Some("a@example.org")),
    ] {
        let mail = parse(format!("From: {from}\r\n\r\nhello").as_bytes());
        assert_eq!(mail.from.map(|from| from.address).as_deref(), author, "{from}");
        assert_eq!(mail.defects.contains(&"from-ambiguous".to_string()), author.is_none(), "{from}");
    }
}

#[test]
fn parse_11_ambiguous_structure_is_marked_and_read_in_one_way() {
    let is_marked = |mail: &Mail| mail.defects.contains(&"mime-ambiguous".to_string());
    let twice = parse(b"From: a@example.org\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\n\r\n<p>one</p>");
    assert_eq!((is_marked(&twice), twice.text.trim()), (true, "one"), "the last field counts");
    let inner = parse(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\n\r\n<p>one</p>\r\n--b--",
    );
    assert_eq!((is_marked(&inner), inner.text.trim()), (true, "one"), "in a part as well");
    let boundaries =
        parse(b"Content-Type: multipart/mixed; boundary=b; boundary=c\r\n\r\n--b\r\n\r\none\r\n--b--\r\n--c\r\n\r\ntwo\r\n--c--");
    assert_eq!((is_marked(&boundaries), boundaries.text.trim()), (true, "one"), "the first boundary counts");
    for (encoding, text) in [("base64", "aGVsbG8=!"), ("BASE64", "aGV\u{e9}sbG8=")] {
        let body = format!("Content-Type: text/plain\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{text}");
        let mail = parse(body.as_bytes());
        assert_eq!((is_marked(&mail), mail.text.trim()), (true, "hello"), "{text}: {:?}", mail.defects);
        let file =
            format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: attachment\r\n{body}\r\n--b--");
        assert_eq!((is_marked(&parse(file.as_bytes())), parse(file.as_bytes()).attachments[0].size), (true, 5), "{text}");
    }
    let fine = parse(b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\naGVs\r\nbG8=\r\n");
    assert!(!is_marked(&fine), "{:?}", fine.defects);
}

#[test]
fn auto_1_every_sign() {
    for header in [
        "Auto-Submitted: Auto-Replied (vacation)",
        "auto-submitted: auto-generated; x=y",
        "X-Autoreply: yes",
        "X-Amazon-Mail-Relay-Type: notification",
        "X-Autorespond: a",
        "X-AutoResponse: a",
        "Precedence: Bulk",
        "Precedence: auto_reply",
        "List-Id: <news.example.org>",
        "List-Unsubscribe: <mailto:u@example.org>",
        "List-Post: NO",
        "Return-Path: <>",
        "From: MAILER-DAEMON@example.org",
        "From: Postmaster <postmaster@example.org>",
        "Content-Type: multipart/report; boundary=b",
        "Auto-Submitted: no\r\nAuto-Submitted: auto-replied",
        "From: Mail Delivery System <MAILER-DAEMON>",
        "From: MAILER-DAEMON (Mail Delivery System)",
    ] {
        let mail = parse(format!("{header}\r\nSubject: x\r\n\r\nhello").as_bytes());
        assert_eq!(mail.automatic.len(), 1, "{header}: {:?}", mail.automatic);
    }
    for header in ["Auto-Submitted: No", "Precedence: first-class", "Return-Path: <a@example.org>", "From: noreply@example.org"] {
        let mail = parse(format!("{header}\r\nSubject: x\r\n\r\nhello").as_bytes());
        assert!(mail.automatic.is_empty(), "{header}: {:?}", mail.automatic);
    }
}

#[test]
fn auto_1_what_asks_for_no_answer_is_not_automatic() {
    for header in [
        "X-Auto-Response-Suppress: DR, oof, RN",
        "X-Auto-Response-Suppress: All",
        "From: No-Reply <no-reply@example.org>",
        "From: do_not_reply@example.org",
    ] {
        let mail = parse(format!("{header}\r\nSubject: x\r\n\r\nhello").as_bytes());
        assert_eq!((mail.no_answer.len(), mail.automatic.len()), (1, 0), "{header}");
    }
    let mail = parse(b"From: a@example.org\r\nX-Auto-Response-Suppress: DR, RN\r\n\r\nhello");
    assert!(mail.no_answer.is_empty());
}

#[test]
fn dup_2_the_content_digest_is_of_what_is_said_and_not_of_how_it_came() {
    let plain = b"From: A <a@example.org>\r\nSubject: x\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\n\r\ncaf\xc3\xa9";
    let routed = b"Received: from x\r\nFrom: a@EXAMPLE.org\r\nSubject: x\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=C3=A9";
    let other = b"From: A <a@example.org>\r\nSubject: x\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\n\r\ntea";
    assert_eq!(parse(plain).content_digest, parse(routed).content_digest);
    assert_ne!(parse(plain).content_digest, parse(other).content_digest);
    assert_ne!(parse(plain).raw_digest, parse(routed).raw_digest);
}

#[test]
fn parse_2_malformed_mail_of_every_kind_is_parsed_with_its_defects() {
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty message", Vec::new(), "no-from"),
        ("no headers", b"\r\njust text".to_vec(), "no-from"),
        ("no From", b"Subject: x\r\n\r\nx".to_vec(), "no-from"),
        (
            "truncated MIME",
            b"From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Ty".to_vec(),
            "",
        ),
        ("unknown charset", b"From: a@x.example\r\nContent-Type: text/plain; charset=klingon\r\n\r\n\xff\xfe".to_vec(), ""),
        ("NUL", b"From: a\0@x.example\r\nSubject: a\0b\r\n\r\na\0b".to_vec(), ""),
        ("bare CR", b"From: a@x.example\rSubject: x\r\rbody".to_vec(), ""),
        ("8-bit headers", b"From: \xff\xfe <a@x.example>\r\nSubject: \xe4\xf6\r\n\r\nx".to_vec(), ""),
        ("long header line", [b"From: a@x.example\r\nSubject: ".as_slice(), &vec![b'x'; 100_000], b"\r\n\r\nx"].concat(), ""),
        ("huge header", [b"From: a@x.example\r\nSubject: ".as_slice(), &vec![b'x'; 300_000], b"\r\n\r\nx"].concat(), "limit"),
        ("5,000 parts", many_parts(5_000), "limit"),
        ("200 levels", nested(200), "limit"),
        ("5,000 messages", nested_messages(5_000), ""),
        ("20,000 addresses", [b"To: ".as_slice(), "a@x.example,\r\n ".repeat(15_000).as_bytes(), b"\r\n\r\n"].concat(), "limit"),
    ];
    for (what, raw, defect) in cases {
        let started = std::time::Instant::now();
        let mail = parse(&raw);
        assert!(mail.defects.iter().any(|found| found.starts_with(defect)) || defect.is_empty(), "{what}: {:?}", mail.defects);
        assert_eq!(mail.size, raw.len() as u64);
        assert!(started.elapsed().as_secs() < 10, "{what} took {:?}", started.elapsed());
        assert!(!serde_json::to_string(&mail).unwrap().contains("\\u0000"), "{what}");
    }
}

#[test]
fn parse_2_a_message_of_40_mb_passes() {
    let line = format!("{}\r\n", "QUJD".repeat(19));
    let mut raw = b"From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n--b\r\n\
        Content-Type: application/zip; name=big.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        .to_vec();
    while raw.len() < 40 << 20 {
        raw.extend(line.as_bytes());
    }
    raw.extend(b"--b--\r\n");
    let mail = parse(&raw);
    assert_eq!((mail.text.trim(), mail.attachments[0].name.as_str()), ("hi", "big.zip"));
    assert!(mail.attachments[0].size > 29 << 20);
}

#[test]
fn parse_2_honest_mail_is_not_taken_for_hostile() {
    let forwards =
        "--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c--\r\n".repeat(300);
    let dump = format!("--b\r\nContent-Type: text/plain; name=a.sql\r\n\r\n{}", "-- drop; boundary=x\r\n".repeat(3_000));
    let raw = format!(
        "From: a@x.example\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{forwards}{dump}--b--\r\n"
    );
    let mail = parse(raw.as_bytes());
    // The dump is the only text, so it is what the message says.
    assert_eq!((mail.attachments.len(), mail.text.len() > 50_000, mail.defects), (300, true, vec![]));
}

#[test]
fn parse_2_headers_that_cost_more_than_their_size() {
    let parameters: String = (0..600_000).map(|n| format!(";\r\n a*{n}=b")).collect();
    let part =
        format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain{parameters}\r\n\r\nx\r\n");
    let missing: String = (0..900).map(|n| format!("--b\r\nContent-Type: multipart/mixed; boundary=z{n}\r\n\r\n")).collect();
    let missing = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{missing}{}", "--dashes\r\n".repeat(500_000));
    let eight_bit = [b"To: ".as_slice(), &b"\xe9 <a@x.example>, ".repeat(9_000), b"\r\n\r\n"].concat();
    for (what, raw) in [("parameters", part.into_bytes()), ("boundaries", missing.into_bytes()), ("8-bit names", eight_bit)] {
        let started = std::time::Instant::now();
        parse(&raw);
        // What grows faster than its size takes minutes; a busy machine takes some seconds.
        assert!(started.elapsed().as_secs() < 20, "{what} took {:?}", started.elapsed());
    }
    assert_eq!(parse(&[b"To: ".as_slice(), &b"\xe9 <a@x.example>, ".repeat(3)].concat()).to[2].name, "é");
}

fn many_parts(count: usize) -> Vec<u8> {
    let part = "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n";
    format!("From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n", part.repeat(count)).into_bytes()
}

fn nested(levels: usize) -> Vec<u8> {
    use std::fmt::Write;
    let mut raw = "From: a@x.example\r\n".to_string();
    (0..levels).for_each(|n| write!(raw, "Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n").unwrap());
    raw.push_str("\r\ndeep");
    raw.into_bytes()
}

fn nested_messages(levels: usize) -> Vec<u8> {
    format!("From: a@x.example\r\n{}\r\ndeep", "Content-Type: message/rfc822\r\n\r\nFrom: a@x.example\r\n".repeat(levels))
        .into_bytes()
}
