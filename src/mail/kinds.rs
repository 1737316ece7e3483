//! Kinds of ordinary mail that no specification has, in variations: one test a kind, one table a test.
#![allow(clippy::unwrap_used)]

use super::*;

/// A message with these fields and this body.
fn message(fields: &str, body: &str) -> Mail {
    parse(raw(fields, body).as_slice())
}

fn raw(fields: &str, body: &str) -> Vec<u8> {
    let fields: String = fields.lines().map(|line| format!("{line}\r\n")).collect();
    let head = "From: Dora Example <dora@example.org>\r\nDate: Mon, 5 Jan 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n";
    format!("{head}{fields}\r\n{}", body.replace('\n', "\r\n")).into_bytes()
}

fn files(mail: &Mail) -> Vec<&str> {
    mail.attachments.iter().map(|file| file.name.as_str()).collect()
}

const MIXED: &str = "Content-Type: multipart/mixed; boundary=b1";
const ALTERNATIVE: &str = "Content-Type: multipart/alternative; boundary=b1";
const RELATED: &str = "Content-Type: multipart/related; boundary=b1";

#[test]
fn parse_3_the_header_takes_the_charset_of_the_first_part_where_it_fits() {
    for (charset, encoding, subject) in [
        ("gbk", encoding_rs::GBK, "报价单"),
        ("gb2312", encoding_rs::GBK, "询价"),
        ("big5", encoding_rs::BIG5, "報價單"),
        ("euc-kr", encoding_rs::EUC_KR, "견적서"),
        ("shift_jis", encoding_rs::SHIFT_JIS, "見積書"),
        ("windows-1251", encoding_rs::WINDOWS_1251, "Счёт"),
        ("iso-8859-2", encoding_rs::ISO_8859_2, "Żółw"),
        ("utf-8", encoding_rs::UTF_8, "报价单"),
        // The label says Chinese, the header is UTF-8.
        ("gb2312", encoding_rs::UTF_8, "报价单"),
        ("windows-1252", encoding_rs::UTF_8, "Grüße"),
        // No header is UTF-16.
        ("utf-16", encoding_rs::UTF_8, "Grüße"),
    ] {
        let written = encoding.encode(subject).0;
        let fields = format!("Content-Type: text/plain; charset={charset}\r\n\r\nx\r\n");
        let raw = [b"From: ", written.as_ref(), b" <a@example.org>\r\nSubject: ", &written, b"\r\n", fields.as_bytes()].concat();
        let mail = parse(&raw);
        assert_eq!((mail.subject.as_str(), mail.from.unwrap().name.as_str()), (subject, subject), "{charset}");
        let in_parts = format!("{MIXED}\r\n\r\n--b1\r\n{fields}--b1--\r\n");
        let raw = [b"Subject: ", written.as_ref(), b"\r\n", in_parts.as_bytes()].concat();
        assert_eq!(parse(&raw).subject, subject, "{charset} in a part");
    }
}

#[test]
fn parse_3_a_label_is_kept_in_spite_of_bad_bytes_and_given_up_when_nothing_fits() {
    let japanese = "請求書をお送りします。ご確認をお願いします。";
    let (chinese, korean) = ("您好，水泵今天停了，请尽快来看看。", "안녕하세요. 펌프가 멈췄습니다.");
    for (charset, encoding, text) in [
        ("shift_jis", encoding_rs::SHIFT_JIS, japanese),
        ("euc-jp", encoding_rs::EUC_JP, japanese),
        ("iso-2022-jp", encoding_rs::ISO_2022_JP, japanese),
        ("gb2312", encoding_rs::GB18030, chinese),
        ("gbk", encoding_rs::GB18030, chinese),
        ("big5", encoding_rs::BIG5, "您好，水泵今天停了"),
        ("ks_c_5601-1987", encoding_rs::EUC_KR, korean),
        ("cp949", encoding_rs::EUC_KR, korean),
        ("utf-8", encoding_rs::UTF_8, "Die Pumpe läuft wieder. Grüße"),
    ] {
        let whole = encoding.encode(text).0.into_owned();
        let start: String = text.chars().take(8).collect();
        let is_shifted = charset.starts_with("iso-2022");
        for bad in [whole[..whole.len() - if is_shifted { 4 } else { 1 }].to_vec(), [whole.as_slice(), b"\n\xff\n"].concat()] {
            let read = charset::decode(&bad, Some(charset));
            assert!(read.starts_with(&start), "{charset}: {read}");
        }
    }
    for (charset, bytes, text) in [
        (
            "utf-8",
            encoding_rs::WINDOWS_1251.encode("Добрый день, как ваши дела сегодня?").0,
            "Добрый день, как ваши дела сегодня?",
        ),
        ("utf-8", encoding_rs::WINDOWS_1252.encode("Schöne Grüße für Jörg").0, "Schöne Grüße für Jörg"),
        ("us-ascii", encoding_rs::WINDOWS_1252.encode("Schöne Grüße für Jörg").0, "Schöne Grüße für Jörg"),
        ("iso-8859-1", encoding_rs::UTF_8.encode("• Grüße").0, "• Grüße"),
        ("windows-1252", encoding_rs::UTF_8.encode("Привет").0, "Привет"),
        ("iso-8859-15", encoding_rs::UTF_8.encode("€ 5").0, "€ 5"),
        ("gb2312", encoding_rs::UTF_8.encode("Grüße aus Köln").0, "Grüße aus Köln"),
        ("big5", encoding_rs::UTF_8.encode("您好").0, "您好"),
        ("utf-7", encoding_rs::UTF_8.encode("Gr+APw-n").0, "Grün"),
        ("iso-2022-kr", encoding_rs::UTF_8.encode("\u{1b}$)C\u{e}F_GA0!\u{f} ok").0, "펌프가 ok"),
        ("hz-gb-2312", encoding_rs::UTF_8.encode("~{<:Ky2;SP~} a~~b").0, "己所不有 a~b"),
        ("none", encoding_rs::UTF_8.encode("\u{1b}$)C\u{e}F_GA0!\u{f} ok").0, "펌프가 ok"),
        ("3D\"utf-8\"", encoding_rs::UTF_8.encode("Grüße").0, "Grüße"),
        ("cp-1252", encoding_rs::WINDOWS_1252.encode("Grüße").0, "Grüße"),
        ("win-1251", encoding_rs::WINDOWS_1251.encode("Привет").0, "Привет"),
        ("iso8859_15", encoding_rs::ISO_8859_15.encode("5 €").0, "5 €"),
    ] {
        assert_eq!(charset::decode(&bytes, Some(charset)), text, "{charset}");
    }
    // Two bytes of a Chinese charset that would be a letter in UTF-8 as well.
    assert_eq!(charset::decode(&encoding_rs::GBK.encode("联通").0, Some("gb2312")), "联通");
    let meta = message("Content-Type: text/html", "<meta charset=windows-1251><p>x</p>");
    assert_eq!(meta.text.trim(), "x");
    let raw = [
        b"Content-Type: text/html\r\n\r\n<meta charset=\"windows-1251\"><p>".as_slice(),
        &encoding_rs::WINDOWS_1251.encode("Счёт").0,
    ]
    .concat();
    assert_eq!(parse(&raw).text.trim(), "Счёт");
}

#[test]
fn parse_2_a_header_ends_where_a_person_sees_its_end() {
    for (head, text) in [
        ("Subject: x\nFrom: dora@example.org\n\nHello\n", "Hello"),
        ("Subject: x\nFrom: dora@example.org\n \nHello\n \nworld\n", "Hello\n \nworld"),
        ("Subject: x\n\t\nFrom: dora@example.org\n\nHello\n", "Hello"),
        ("Subject: x\nFrom: dora@example.org\nHello Desk,\n\nplease call.\n", "Hello Desk,\n\nplease call."),
        ("Subject: x\nFrom: dora@example.org\nhttps://example.org/pump\n", "https://example.org/pump"),
        ("Subject: x\nno field\nFrom: dora@example.org\n\nHello\n", "Hello"),
        (">From dora@example.org Mon Jan  5 10:00:00 2026\nSubject: x\nFrom: dora@example.org\n\nHello\n", "Hello"),
        ("From dora@example.org Mon Jan  5 10:00:00 2026\nSubject: x\nFrom: dora@example.org\n\nHello\n", "Hello"),
        ("\n\nSubject: x\nFrom: dora@example.org\n\nHello\n", "Hello"),
        ("\u{feff}Subject: x\nFrom: dora@example.org\n\nHello\n", "Hello"),
        ("\u{feff}\nSubject: x\nFrom: dora@example.org\n\nHello\n", "Hello"),
        ("\n\u{feff}Subject: x\nFrom: dora@example.org\n\nHello\n", "Hello"),
        ("From x@y Mon Jan  5 10:00:00 2026\n\u{feff}Subject: x\nFrom: dora@example.org\n\nHello\n", "Hello"),
        ("\u{feff}From x@y Mon Jan  5 10:00:00 2026\n\nSubject: x\nFrom: dora@example.org\n\nHello\n", "Hello"),
        ("Subject : x\nFrom : dora@example.org\n\nHello\n", "Hello"),
        ("Subject: x\nFrom: dora@example.org\n\n\nHello\n", "\nHello"),
    ] {
        for written in [head.to_string(), head.replace('\n', "\r\n"), head.replace('\n', "\r\r\n"), head.replace('\n', "\r")] {
            let mail = parse(written.as_bytes());
            let author = mail.from.map(|from| from.address);
            assert_eq!((mail.subject.as_str(), author.as_deref()), ("x", Some("dora@example.org")), "{written:?}");
            assert_eq!(mail.text.trim_end(), text, "{written:?}");
        }
    }
    for text in ["Hello\n\nworld\n", "Dear desk: hello\n\nworld\n", " indented\n\nworld\n", "--\nHello\n", "Hello"] {
        assert_eq!(parse(text.as_bytes()).text, text, "a text without a header");
    }
    let utf_16: Vec<u8> = "\u{feff}Subject: Grüße\r\n\r\nHello".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!((parse(&utf_16).subject, parse(&utf_16).text), ("Grüße".to_string(), "Hello".to_string()));
}

#[test]
fn parse_2_parts_are_told_apart_as_senders_mean_it() {
    let two = |text: &str| text.replace("one", "first part").replace("two", "second part");
    for (what, body) in [
        ("in order", "--b1\n\none\n--b1\n\ntwo\n--b1--\n"),
        ("text behind", "preamble\n--b1 and words\n\none\n--b1 \n\ntwo\n--b1-- end\nepilogue\n"),
        ("no end", "--b1\n\none\n--b1\n\ntwo\n"),
        ("an end too early", "--b1\n\none\n--b1--\n\n--b1\n\ntwo\n--b1--\n"),
        ("two ends", "--b1\n\none\n--b1\n\ntwo\n--b1--\n--b1--\n"),
        ("another boundary", "--other\nContent-Type: text/plain\n\none\n--other\nContent-Type: text/plain\n\ntwo\n--other--\n"),
        ("no empty line", "--b1\nContent-Type: text/plain\none\n--b1\nContent-Type: text/plain\ntwo\n--b1--\n"),
        ("a blank in the empty line", "--b1\nContent-Type: text/plain\n \none\n--b1\n \ntwo\n--b1--\n"),
        ("tags behind the end", "--b1\n\none\n--b1\n\ntwo\n--b1--<br>\n"),
    ] {
        let mail = message(MIXED, &two(body));
        let said: Vec<&str> = mail.text.lines().filter(|line| !line.trim().is_empty()).collect();
        assert_eq!(said, ["first part", "second part"], "{what}");
    }
    let parts = "--b1\nContent-Type: text/plain\n\none\n--b1\nContent-Type: text/html\n\n<p>two</p>\n--b1--\n";
    for (what, fields, body) in [
        ("no boundary", "Content-Type: multipart/alternative", parts.to_string()),
        ("no type", "X-Mailer: x", format!("This is a multi-part message in MIME format.\n\n{parts}")),
        ("no type and no preamble", "X-Mailer: x", parts.to_string()),
        ("a folded boundary", "Content-Type: multipart/alternative;\n boundary=\n b1", parts.to_string()),
        ("a comment", "Content-Type: multipart/alternative; boundary=\"b1\" (x)", parts.to_string()),
        ("no semicolon", "Content-Type: multipart/alternative boundary=\"b1\"", parts.to_string()),
        (
            "quoted-printable around it",
            &format!("{ALTERNATIVE}\nContent-Transfer-Encoding: quoted-printable"),
            parts.replace("text/", "text=2F"),
        ),
        ("a false label", &format!("{ALTERNATIVE}\nContent-Transfer-Encoding: quoted-printable"), parts.to_string()),
        ("a false label of base64", &format!("{ALTERNATIVE}\nContent-Transfer-Encoding: base64"), parts.to_string()),
    ] {
        let mail = message(fields, &body);
        assert!(
            mail.text.starts_with("one") && mail.html.as_deref().is_some_and(|html| html.contains("<p>two</p>")),
            "{what}: {mail:?}"
        );
        assert!(mail.attachments.is_empty(), "{what}");
    }
    use base64::Engine;
    let encoded = |text: &str| base64::engine::general_purpose::STANDARD.encode(text.replace('\n', "\r\n"));
    let file = "--b1\nContent-Type: application/pdf; name=a.pdf\n\nx\n";
    let whole = message(&format!("{MIXED}\nContent-Transfer-Encoding: base64"), &encoded(&format!("{file}{parts}")));
    assert_eq!((files(&whole), whole.text.trim()), (vec!["a.pdf"], "one\ntwo"));
    let inner = format!(
        "--b2\n{ALTERNATIVE}\nContent-Transfer-Encoding: base64\n\n{}\n--b2\nContent-Type: text/csv; name=a.csv\n\n1\n--b2--\n",
        encoded(parts)
    );
    let inside = raw("Content-Type: multipart/mixed; boundary=b2", &inner);
    let mail = parse(&inside);
    assert_eq!((mail.text.trim(), files(&mail)), ("one", vec!["a.csv"]));
    assert_eq!(attachment_content(&inside, &mail.attachments[0].part).as_deref(), Some(b"1".as_slice()));
}

#[test]
fn parse_6_a_related_whose_root_is_elsewhere() {
    let picture = "--b1\nContent-Type: image/png; name=p.png\nContent-ID: <p@x>\n\nx\n";
    let html = |id: &str| format!("--b1\nContent-Type: text/html\n{id}\n<p>Call me. <img src=\"cid:p@x\"></p>\n");
    let plain = "--b1\nContent-Type: text/plain\n\nCall me.\n";
    for (what, fields, body, names) in [
        ("first", RELATED.to_string(), format!("{}{picture}", html("")), vec!["p.png"]),
        ("by start", format!("{RELATED}; start=\"<r@x>\""), format!("{picture}{}", html("Content-ID: <r@x>\n")), vec!["p.png"]),
        ("by type", format!("{RELATED}; type=\"text/html\""), format!("{picture}{}", html("Content-ID: <r@x>\n")), vec!["p.png"]),
        ("by nothing", RELATED.to_string(), format!("{picture}{}", html("")), vec!["p.png"]),
        ("by a false start", format!("{RELATED}; start=\"<none@x>\""), format!("{picture}{}", html("")), vec!["p.png"]),
        ("as alternative", RELATED.to_string(), format!("{plain}{}{picture}", html("")), vec!["p.png"]),
        ("html first", RELATED.to_string(), format!("{}{plain}{picture}", html("")), vec!["p.png"]),
    ] {
        let mail = message(&fields, &format!("{body}--b1--\n"));
        assert_eq!((mail.text.trim(), files(&mail)), ("Call me.", names), "{what}");
        assert!(
            mail.html.as_deref().is_some_and(|html| html.contains("Call me.")) && mail.attachments[0].inline,
            "{what}: {mail:?}"
        );
    }
    // What the HTML may refer to stays a file.
    let frame = message(
        RELATED,
        &format!("{}--b1\nContent-Type: text/html; name=frame.html\nContent-ID: <f@x>\n\n<p>frame</p>\n--b1--\n", html("")),
    );
    assert_eq!((frame.text.trim(), files(&frame)), ("Call me.", vec!["frame.html"]));
}

#[test]
fn parse_6_texts_that_have_names() {
    let text = |fields: &str, text: &str| format!("--b1\n{fields}\n\n{text}\n");
    let pdf = text("Content-Type: application/pdf; name=a.pdf\nContent-Disposition: attachment", "x");
    let named = text("Content-Type: text/plain; name=body.txt\nContent-Disposition: inline; filename=body.txt", "Call me.");
    let log = text("Content-Type: text/plain; name=log.txt\nContent-Disposition: attachment; filename=log.txt", "12:00 ok");
    let unnamed = text("Content-Type: text/plain", "Hello.");
    let html = text("Content-Type: text/html; name=body.html", "<p>Call me.</p>");
    for (what, fields, body, said, names) in [
        ("inline and a file", MIXED, format!("{named}{pdf}"), "Call me.", vec!["a.pdf"]),
        ("behind a file", MIXED, format!("{pdf}{named}"), "Call me.", vec!["a.pdf"]),
        ("beside a text without a name", MIXED, format!("{unnamed}{named}"), "Hello.", vec!["body.txt"]),
        ("a file is a file", MIXED, format!("{unnamed}{log}"), "Hello.", vec!["log.txt"]),
        ("a file beside a named text", MIXED, format!("{log}{named}"), "Call me.", vec!["log.txt"]),
        ("forms of an alternative", ALTERNATIVE, format!("{named}{html}"), "Call me.", vec![]),
        (
            "a named form of HTML",
            ALTERNATIVE,
            format!("{}{html}", text("Content-Type: text/plain", "Call me.")),
            "Call me.",
            vec![],
        ),
        ("nothing but a file", MIXED, log.clone(), "12:00 ok", vec!["log.txt"]),
        ("a text among files", MIXED, format!("{log}{pdf}"), "", vec!["log.txt", "a.pdf"]),
    ] {
        let mail = message(fields, &format!("{body}--b1--\n"));
        assert_eq!((mail.text.trim(), files(&mail)), (said, names), "{what}");
    }
    let alone =
        message("Content-Type: text/html; name=mail.html\nContent-Disposition: attachment; filename=mail.html", "<p>Still.</p>");
    assert_eq!((alone.text.trim(), files(&alone)), ("Still.", vec!["mail.html"]));
}

#[test]
fn parse_6_other_types_of_text_and_forms_for_programs() {
    for (media_type, body, said) in [
        ("text/x-plain", "Still.", "Still."),
        ("text/markdown", "**Still.**", "**Still.**"),
        ("text", "Still.", "Still."),
        ("TEXT/PLAIN", "Still.", "Still."),
        ("text/enriched", "<bold>Still</bold> <<ok>.", "Still <ok>."),
        ("text/richtext", "<param>x</param>Still<nl>", "Still"),
        ("application/xhtml+xml", "<p>Still.</p>", "Still."),
        ("html", "<p>Still.</p>", "Still."),
    ] {
        let mail = message(&format!("Content-Type: {media_type}"), body);
        assert_eq!((mail.text.trim(), mail.attachments.len()), (said, 0), "{media_type}");
    }
    let form = |media_type: &str| format!("--b1\nContent-Type: {media_type}\n\n<p>{media_type}</p>\n");
    for (media_type, names) in [
        ("text/x-amp-html", vec![]),
        ("text/watch-html", vec![]),
        ("text/enriched", vec![]),
        ("text/calendar", vec!["invitation.ics"]),
        ("application/pdf", vec!["attachment.pdf"]),
    ] {
        let mail = message(ALTERNATIVE, &format!("--b1\n\nHello\n{}{}--b1--\n", form(media_type), form("text/html")));
        assert_eq!((mail.text.trim(), files(&mail)), ("Hello", names), "{media_type}");
    }
    for (fields, name) in [
        ("Content-Type: ; name=\"a.pdf\"", "a.pdf"),
        ("Content-Type: ???; name=\"a.pdf\"", "a.pdf"),
        ("Content-Disposition: attachment; filename=a.pdf", "a.pdf"),
        ("Content-Type: pdf; name=a.pdf", "a.pdf"),
        ("Content-Disposition: inline; filename=\"a.eml\"", "a.eml"),
    ] {
        let mail = message(MIXED, &format!("--b1\n\nSee.\n--b1\n{fields}\n\n%PDF\n--b1--\n"));
        assert_eq!((mail.text.trim(), files(&mail)), ("See.", vec![name]), "{fields}");
    }
}

#[test]
fn parse_6_a_plain_part_that_says_nothing() {
    let said = |plain: &str, html: &str| {
        let body = format!(
            "--b1\nContent-Type: text/plain; charset=utf-8\n\n{plain}\n--b1\nContent-Type: text/html; charset=utf-8\n\n{html}\n--b1--\n"
        );
        message(ALTERNATIVE, &body).text.trim().to_string()
    };
    let html = "<p>The pump has stood still since noon. Call 4711.</p>";
    for plain in [
        "This mail needs a program that shows HTML.",
        "Your e-mail client does not support HTML messages.",
        "If you cannot read this, view it in your browser: https://example.org/42",
        "Diese Nachricht ist im HTML-Format.",
        "Ce message est au format HTML, ouvrez-le dans votre navigateur.",
        "このメールはHTMLメールです。",
        "\u{a0}\n\u{200b}",
        "\u{feff}",
        "-",
        "",
    ] {
        assert_eq!(said(plain, html), "The pump has stood still since noon. Call 4711.", "{plain}");
    }
    for plain in [
        "The HTML page of pump 7 is broken.",
        "The pump has stood still since noon. View this in your browser: https://example.org/",
        "Call me.",
        "Order 17 is on its way.",
    ] {
        let own = format!("<p>{plain}</p>");
        assert_eq!(said(plain, &own), plain, "{plain}");
    }
    assert_eq!(said("Order 17 is on its way.", html), "Order 17 is on its way.", "it says something else");
    assert_eq!(said("Please use HTML.", "<img src=x>"), "Please use HTML.");
}

#[test]
fn parse_6_pictures_of_a_message_stay_in_its_html() {
    let picture = |fields: &str| format!("--b1\nContent-Type: image/png; name=p.png\n{fields}\nx\n--b1--\n");
    for (src, fields) in [
        ("cid:p@x", "Content-ID: <p@x>\n"),
        (" CID:p@x ", "Content-ID: p@x\n"),
        ("cid:a&amp;b@x", "Content-ID: <a&b@x>\n"),
        ("cid:a&#38;b@x", "Content-ID: <a&b@x>\n"),
        ("cid:%3Cp%40x%3E", "Content-ID: <p@x>\n"),
        ("cid:My Pic@x", "Content-ID: <My Pic@x>\n"),
        ("p@x", "Content-ID: <p@x>\n"),
        ("p.png", "Content-ID: <p.png>\n"),
        ("p.png", ""),
        ("./p.png", "Content-Location: p.png\n"),
        ("http://example.org/p.png", "Content-Location: http://example.org/p.png\n"),
        ("http://example.org/a%20b.png", "Content-Location: http://example.org/a b.png\n"),
    ] {
        let fields = fields.replace("a b.png", "a%20b.png");
        let mail =
            message(RELATED, &format!("--b1\nContent-Type: text/html\n\n<p>See <img src=\"{src}\"></p>\n{}", picture(&fields)));
        assert!(mail.attachments[0].inline, "{src}: {mail:?}");
        let html = mail.html.unwrap();
        assert!(html.to_lowercase().contains("src=\"") && html.to_lowercase().contains("cid:"), "{src}: {html}");
        assert!(!html.contains("\"http:"), "{src}: {html}");
    }
    for (src, shown) in [
        ("data:image/png;base64,iVBORw0KGgo=", true),
        ("data:image/jpeg;base64,xx", true),
        (" DATA:IMAGE/GIF;base64,xx", true),
        ("data:image/svg+xml;base64,xx", false),
        ("data:text/html,<script>x</script>", false),
        ("http://tracker.example/p.png", false),
        ("//tracker.example/p.png", false),
        ("p.png", false),
    ] {
        let mail = message("Content-Type: text/html", &format!("<img src=\"{src}\" alt=x><a href=\"{src}\">x</a>"));
        let html = mail.html.unwrap();
        assert_eq!(html.contains("src="), shown, "{html}");
        assert!(!html.to_lowercase().contains("href=\"data"), "{html}");
    }
    let hidden = message(
        "Content-Type: text/html",
        "<a href=\" \u{1}d\u{9}ata:text/html,x\">x</a><a href=\"da&#10;ta:text/html,x\">x</a>",
    );
    assert!(!hidden.html.unwrap().contains("ta:"), "a scheme with white space in it");
}

#[test]
fn parse_4_ids_however_they_are_written() {
    for (written, ids) in [
        ("<a@x>", vec!["a@x"]),
        ("a@x", vec!["a@x"]),
        ("<<a@x>>", vec!["a@x"]),
        ("<a@x", vec!["a@x"]),
        ("< a@x >", vec!["a@x"]),
        ("<a\n b@x>", vec!["ab@x"]),
        ("<a@x><b@x>,<c@x>", vec!["a@x", "b@x", "c@x"]),
        ("a@x b@x", vec!["a@x", "b@x"]),
        ("a@x,b@x\n\tc@x", vec!["a@x", "b@x", "c@x"]),
        ("Your message of \"Mon, 5 Jan\" <a@x>", vec!["a@x"]),
        ("<a@x> (dora@example.org's message)", vec!["a@x"]),
        ("=?utf-8?q?=3Ca=40x=3E?=", vec!["a@x"]),
        ("=?us-ascii?Q?=3Ca=40x=3E=0D=0A_=3Cb=40x=3E?=", vec!["a@x", "b@x"]),
        ("=?utf-8?b?PGFAeD4=?= <b@x>", vec!["a@x", "b@x"]),
        ("no-at-sign", vec!["no-at-sign"]),
        ("<no-at-sign>", vec!["no-at-sign"]),
        ("", vec![]),
        ("<>", vec![]),
    ] {
        let mail = message(&format!("References: {written}\nIn-Reply-To: {written}\nMessage-ID: {written}"), "x");
        assert_eq!(
            (&mail.references, &mail.in_reply_to),
            (&ids.iter().map(ToString::to_string).collect(), &mail.references),
            "{written}"
        );
        assert_eq!(mail.message_id.as_deref(), ids.first().copied(), "{written}");
    }
}

#[test]
fn parse_11_whom_a_sender_without_an_address_names() {
    for (written, name, address) in [
        ("Backup Job <backup>", "Backup Job", "backup"),
        ("Backup Job", "Backup Job", ""),
        ("root", "", "root"),
        ("\"Backup Job\" <>", "Backup Job", ""),
    ] {
        let mail = parse(format!("From: {written}\r\nSubject: x\r\n\r\nx").as_bytes());
        assert_eq!((mail.from.as_ref(), mail.defects.contains(&"from-ambiguous".to_string())), (None, true), "{written}");
        let by = mail.signed_by.as_ref().unwrap();
        assert_eq!((by.name.as_str(), by.address.as_str()), (name, address), "{written}");
        assert_eq!(mail.document()["from"][0]["name"], name);
    }
    for written in ["", "<>", "a@example.org, b@example.org"] {
        assert_eq!(parse(format!("From: {written}\r\n\r\nx").as_bytes()).signed_by, None, "{written}");
    }
}

#[test]
fn parse_6_signed_mail_is_read_and_encrypted_mail_says_so() {
    use base64::Engine;
    // ContentInfo, SignedData, the content in pieces (BER).
    let entity = b"Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\nCall me.\r\n--i\r\nContent-Type: text/csv; name=a.csv\r\n\r\n1\r\n--i--\r\n";
    let signed = |entity: &[u8]| {
        let mut der = b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80\x02\x01\x01\x31\x00\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x80\x24\x80".to_vec();
        for piece in entity.chunks(50) {
            der.extend([0x04, u8::try_from(piece.len()).unwrap()]);
            der.extend(piece);
        }
        der.extend([0; 12]);
        der
    };
    let part = |der: &[u8]| base64::engine::general_purpose::STANDARD.encode(der);
    let fields =
        "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\nContent-Transfer-Encoding: base64";
    let raw_mail = raw(fields, &part(&signed(entity)));
    let mail = parse(&raw_mail);
    assert_eq!((mail.text.trim(), files(&mail)), ("Call me.", vec!["smime.p7m", "a.csv"]));
    assert_eq!(mail.defects, ["signature-not-checked"]);
    assert_eq!(attachment_content(&raw_mail, &mail.attachments[1].part).as_deref(), Some(b"1".as_slice()));
    let twice = [
        fields.replace('\n', "\r\n").as_bytes(),
        b"\r\n\r\n",
        part(&signed(b"Content-Type: text/plain\r\n\r\nInner.")).as_bytes(),
    ]
    .concat();
    assert_eq!(message(fields, &part(&signed(&twice))).text.trim(), "Inner.");
    let mut deep = b"Content-Type: text/plain\r\n\r\nDeep.".to_vec();
    for _ in 0..20 {
        deep = [fields.replace('\n', "\r\n").as_bytes(), b"\r\n\r\n", part(&signed(&deep)).as_bytes()].concat();
    }
    assert!(parse(&deep).defects.iter().any(|defect| defect.starts_with("limit")), "layers have an end");
    let enveloped = message(fields, &part(b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"));
    assert_eq!((files(&enveloped), enveloped.defects.join(";")), (vec!["smime.p7m"], "encrypted".to_string()));
    let named = message(
        &fields.replace("application/pkcs7-mime; smime-type=signed-data", "application/octet-stream"),
        &part(&signed(entity)),
    );
    assert_eq!(named.text.trim(), "Call me.");
}
