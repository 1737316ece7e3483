//! What is another message, and what is the same one another way.

use base64::Engine;
use proptest::prelude::*;

use crate::mail::{attachment, parse};

fn content(raw: &str) -> [u8; 32] {
    parse(raw.as_bytes()).content_digest
}

/// A message with a text and two files; each place of it is a parameter.
struct Letter<'a> {
    from: &'a str,
    date: &'a str,
    subject: &'a str,
    text: &'a str,
    html: &'a str,
    files: Vec<(&'a str, &'a str, &'a [u8])>,
}

impl Letter<'_> {
    fn usual() -> Self {
        Letter {
            from: "Dora <dora@example.org>",
            date: "Fri, 20 Nov 2026 10:00:00 +0000",
            subject: "Pump 7 stands still",
            text: "It has stood since noon.\r\nCall me.\r\n",
            html: "<p>It has stood since noon.</p>\r\n<p>Call me.</p>\r\n",
            files: vec![("application/pdf", "a.pdf", b"%PDF one"), ("image/png", "b.png", b"\x89PNG\r\n")],
        }
    }

    fn header(&self) -> String {
        format!("From: {}\r\nTo: desk@example.com\r\nDate: {}\r\nSubject: {}\r\n", self.from, self.date, self.subject)
    }

    fn written(&self) -> String {
        let mut raw = format!("{}Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n", self.header());
        raw += "Content-Type: multipart/alternative; boundary=a\r\n\r\n";
        for (subtype, text) in [("plain", self.text), ("html", self.html)] {
            raw += &format!("--a\r\nContent-Type: text/{subtype}; charset=utf-8\r\n\r\n{text}\r\n");
        }
        raw += "--a--\r\n";
        for (media_type, name, bytes) in &self.files {
            raw += &format!("--m\r\nContent-Type: {media_type}\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n");
            raw += &format!("Content-Transfer-Encoding: base64\r\n\r\n{}\r\n", wrapped(bytes, 76));
        }
        raw + "--m--\r\n"
    }

    fn content(&self) -> [u8; 32] {
        content(&self.written())
    }
}

fn wrapped(bytes: &[u8], width: usize) -> String {
    let digits = base64::engine::general_purpose::STANDARD.encode(bytes);
    let lines: Vec<&str> = digits.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
    lines.join("\r\n")
}

#[test]
fn dup_2_every_part_of_a_message_counts() {
    let usual = Letter::usual().content();
    assert_eq!(usual, Letter::usual().content());
    let files = |files: &[(&'static str, &'static str, &'static [u8])]| files.to_vec();
    let pdf = ("application/pdf", "a.pdf", b"%PDF one".as_slice());
    let png = ("image/png", "b.png", b"\x89PNG\r\n".as_slice());
    let mut seen = std::collections::HashMap::from([(usual, "usual")]);
    for (what, letter) in [
        ("another author", Letter { from: "Dora <dora@example.com>", ..Letter::usual() }),
        ("no author", Letter { from: "nobody", ..Letter::usual() }),
        ("two authors", Letter { from: "a@example.org\r\nFrom: b@example.org", ..Letter::usual() }),
        ("two other authors", Letter { from: "a@example.org\r\nFrom: c@example.org", ..Letter::usual() }),
        ("a second later", Letter { date: "Fri, 20 Nov 2026 10:00:01 +0000", ..Letter::usual() }),
        ("a date that is none", Letter { date: "yesterday", ..Letter::usual() }),
        ("another date that is none", Letter { date: "tomorrow", ..Letter::usual() }),
        ("a tag in the subject", Letter { subject: "[EXTERNAL] Pump 7 stands still", ..Letter::usual() }),
        ("another letter in the text", Letter { text: "It has stood since Noon.\r\nCall me.\r\n", ..Letter::usual() }),
        ("no text", Letter { text: "", ..Letter::usual() }),
        ("more text", Letter { text: "It has stood since noon.\r\nCall me.\r\nBye.", ..Letter::usual() }),
        ("another letter in the HTML", Letter { html: "<p>It has stood since Noon.</p><p>Call me.</p>", ..Letter::usual() }),
        ("another link in the HTML", Letter { html: "<a href=x>It has stood since noon.</a><p>Call me.</p>", ..Letter::usual() }),
        ("no file", Letter { files: files(&[]), ..Letter::usual() }),
        ("one file", Letter { files: files(&[pdf]), ..Letter::usual() }),
        ("the other file", Letter { files: files(&[png]), ..Letter::usual() }),
        ("a file twice", Letter { files: files(&[pdf, pdf, png]), ..Letter::usual() }),
        ("another byte in a file", Letter { files: files(&[("application/pdf", "a.pdf", b"%PDF two"), png]), ..Letter::usual() }),
        ("a byte more", Letter { files: files(&[("application/pdf", "a.pdf", b"%PDF one "), png]), ..Letter::usual() }),
        ("a line end in a binary file", Letter { files: files(&[pdf, ("image/png", "b.png", b"\x89PNG\n")]), ..Letter::usual() }),
        ("an empty file", Letter { files: files(&[("application/pdf", "a.pdf", b""), png]), ..Letter::usual() }),
        ("another name", Letter { files: files(&[("application/pdf", "A.pdf", b"%PDF one"), png]), ..Letter::usual() }),
        (
            "names the other way round",
            Letter {
                files: files(&[("application/pdf", "b.png", b"%PDF one"), ("image/png", "a.pdf", b"\x89PNG\r\n")]),
                ..Letter::usual()
            },
        ),
        ("another type", Letter { files: files(&[("application/x-pdf", "a.pdf", b"%PDF one"), png]), ..Letter::usual() }),
        ("text in a file's place", Letter { files: files(&[("text/plain", "a.pdf", b"%PDF one"), png]), ..Letter::usual() }),
    ] {
        if let Some(other) = seen.insert(letter.content(), what) {
            panic!("{what:?} is the same as {other:?}");
        }
    }
}

#[test]
fn dup_2_what_lies_on_the_way_does_not_count() {
    let usual = Letter::usual().written();
    let digest = content(&usual);
    let mut letter = Letter::usual();
    letter.files.reverse();
    assert_eq!(letter.content(), digest, "the order of files");
    for (what, other) in [
        ("line ends", usual.replace("\r\n", "\n")),
        ("trace fields", format!("Received: from a\r\nX-Spam: no\r\nDelivered-To: ben@example.com\r\n{usual}")),
        ("other recipients", usual.replace("To: desk@example.com", "To: eve@example.net\r\nCc: desk@example.com")),
        ("white space in the text", usual.replace("since noon.\r\nCall me.\r\n", "since  noon. \r\n\r\nCall\r\nme.\r\n\r\n\r\n")),
        ("a folded subject", usual.replace("Subject: Pump 7 stands", "Subject: Pump 7\r\n\tstands")),
        ("an encoded subject", usual.replace("Pump 7 stands still", "=?utf-8?q?Pump_7_stands?=\r\n =?utf-8?b?IHN0aWxs?=")),
        ("a zone", usual.replace("10:00:00 +0000", "11:00:00 +0100")),
        ("quoted-printable", {
            let declared = "charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nIt has=20stood si=\r\nnce noon.";
            usual.replacen("charset=utf-8\r\n\r\nIt has stood since noon.", declared, 1)
        }),
        ("shorter lines of base64", usual.replace(&wrapped(b"%PDF one", 76), &wrapped(b"%PDF one", 4))),
        ("other boundaries", usual.replace("boundary=m", "boundary=zz").replace("--m", "--zz")),
        ("a blank line behind the end", format!("{usual}\r\n\r\n")),
    ] {
        assert_eq!(content(&other), digest, "{what}");
    }
    let bare = "From: a@example.org\r\nSubject: x\r\n";
    assert_eq!(content(&format!("{bare}\r\n")), content(&format!("{bare}\r\n\r\n")), "a line for an empty text");
    let csv = |lines: &str, encoding: &str| {
        content(&format!("{bare}Content-Type: text/csv; name=a.csv\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{lines}"))
    };
    assert_eq!(csv("a;b\r\nc\r\n", "7bit"), csv("a;b\nc", "7bit"));
    assert_eq!(csv("a;b\r\nc\r\n", "7bit"), csv(&wrapped(b"a;b\r\nc\r\n", 76), "base64"));
    assert_ne!(csv("a;b\r\nc\r\n", "7bit"), csv("a;b\r\n\r\nc\r\n", "7bit"));
    assert_ne!(csv("a;b\r\nc\r\n", "7bit"), csv(" a;b\r\nc\r\n", "7bit"));
}

#[test]
fn dup_2_no_white_space_counts_whatever_it_is() {
    for text in ["It has stood since noon.\r\nCall me.\r\n", "Sie läuft\r\nseit Mittag, bitte anrufen.\r\n"] {
        let plain = Letter { text, ..Letter::usual() }.content();
        for white in ["\t", "\u{b}", "\u{c}", "  ", "\r\n", "\u{85}", "\u{a0}", "\u{2003}", "\u{3000}", ""] {
            assert_eq!(Letter { text: &text.replace(' ', white), ..Letter::usual() }.content(), plain, "{white:?}");
        }
        assert_ne!(Letter { text: &text.replace(' ', "\u{200b}"), ..Letter::usual() }.content(), plain, "no white space");
    }
}

#[test]
fn dup_2_files_inside_a_text_and_what_lies_behind_a_limit_count() {
    let with = |data: &str| content(&format!("Subject: x\r\n\r\nhello\r\nbegin 644 a.txt\r\n{data}\r\n`\r\nend\r\nbye\r\n"));
    assert_eq!(with("#0V%T"), with("#0V%T "));
    assert_ne!(with("#0V%T"), with("#0V%U"));
    // To the decoder a blank is a digit; white space in a text is not.
    assert_ne!(with("%:&5L;& "), with("%:&5L; &"));
    let many = |last: &str| {
        let parts = "--b\r\n\r\nx\r\n".repeat(crate::mail::structure::PARTS);
        content(&format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b\r\n\r\n{last}\r\n--b--\r\n"))
    };
    assert_ne!(many("one"), many("two"));
    assert_eq!(many("one"), many("one\r\n"));
}

#[test]
fn dup_2_without_a_message_id_the_way_does_not_count_but_the_recipients_do() {
    let usual = Letter::usual().written();
    let identity = |raw: &str| parse(raw.as_bytes()).identity();
    let of = identity(&usual);
    assert!(of.starts_with("blake3:"), "{of}");
    for (what, field) in [
        ("received", "Received: from a by mx1.example.com; Mon, 5 Jan 2026 10:00:01 +0100"),
        ("a folded field", "Received: from a\r\n by mx1.example.com;\r\n\tMon, 5 Jan 2026 10:00:01 +0100"),
        ("delivered", "Delivered-To: ben@example.com"),
        ("return path", "Return-Path: <dora@example.org>"),
        ("anything of their own", "X-Spam-Flag: NO"),
        ("authentication", "Authentication-Results: mx1.example.com; spf=pass"),
        ("arc", "ARC-Seal: i=1"),
        ("dkim", "DKIM-Signature: v=1"),
        ("mbox", "Status: RO\r\nContent-Length: 17\r\nLines: 2"),
    ] {
        assert_eq!(identity(&format!("{field}\r\n{usual}")), of, "{what}");
    }
    assert_eq!(identity(&usual.replace("\r\n", "\n")), of);
    assert_eq!(identity(&format!("{usual}\r\n")), of, "a blank line at the end");
    for (what, other) in [
        ("another recipient", usual.replace("desk@example.com", "eve@example.net")),
        ("a further field", format!("Importance: high\r\n{usual}")),
        ("another text", usual.replace("noon", "dawn")),
        ("another file", usual.replace("a.pdf", "c.pdf")),
    ] {
        assert_ne!(identity(&other), of, "{what}");
    }
    assert_eq!(identity(&format!("Message-ID: <a@example.org>\r\n{usual}")), "a@example.org");
}

/// A leaf as a sender makes it.
#[derive(Debug, Clone)]
struct Leaf {
    media_type: &'static str,
    name: String,
    bytes: Vec<u8>,
}

/// How one MTA writes what another wrote in another way.
#[derive(Debug, Clone)]
struct Way {
    width: usize,
    boundary: String,
    line_end: &'static str,
    blanks: usize,
    trace: String,
}

fn leaf() -> impl Strategy<Value = Leaf> {
    let media_type = prop::sample::select(vec!["application/pdf", "image/png", "application/octet-stream", "audio/x-wav"]);
    (media_type, "[a-z0-9]{1,8}\\.[a-z]{3}", prop::collection::vec(any::<u8>(), 0..60))
        .prop_map(|(media_type, name, bytes)| Leaf { media_type, name, bytes })
}

fn way() -> impl Strategy<Value = Way> {
    (1..30_usize, "[a-zA-Z0-9]{4,12}", prop::sample::select(vec!["\n", "\r\n"]), 0..4_usize, "[a-z ]{0,20}")
        .prop_map(|(digits, boundary, line_end, blanks, trace)| Way { width: 4 * digits, boundary, line_end, blanks, trace })
}

fn write(words: &[String], leaves: &[Leaf], way: &Way) -> [u8; 32] {
    let blank = " ".repeat(way.blanks);
    let text = words.join(&format!("{blank}\r\n{blank}"));
    let mut raw = format!("Received: {}\r\nFrom: a@example.org\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\n", way.trace);
    raw += &format!("Content-Type: multipart/mixed; boundary={0}\r\n\r\n--{0}\r\n\r\n{text}\r\n", way.boundary);
    for leaf in leaves {
        raw += &format!("--{}\r\nContent-Type: {}; name=\"{}\"\r\n", way.boundary, leaf.media_type, leaf.name);
        raw += &format!("Content-Transfer-Encoding: base64\r\n\r\n{}\r\n", wrapped(&leaf.bytes, way.width));
    }
    raw += &format!("--{}--\r\n", way.boundary);
    content(&raw.replace("\r\n", way.line_end))
}

proptest! {
    #[test]
    fn dup_2_any_change_in_a_leaf_is_seen_and_no_change_of_its_dress(
        words in prop::collection::vec("[a-zA-Z]{1,9}", 1..8),
        leaves in prop::collection::vec(leaf(), 1..5),
        (one, other) in (way(), way()),
        (place, byte, what) in (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..6),
    ) {
        let digest = write(&words, &leaves, &one);
        prop_assert_eq!(digest, write(&words, &leaves, &other));
        let (mut words, mut leaves) = (words, leaves);
        let at = place.index(leaves.len());
        match what {
            0 => leaves[at].name.push('x'),
            1 => leaves[at].media_type = "video/mp4",
            2 => { leaves.remove(at); }
            3 => words.push("more".to_string()),
            _ if leaves[at].bytes.is_empty() => leaves[at].bytes.push(0),
            4 => {
                let byte = byte.index(leaves[at].bytes.len());
                leaves[at].bytes[byte] ^= 1;
            }
            _ => { leaves[at].bytes.pop(); }
        }
        prop_assert_ne!(digest, write(&words, &leaves, &other));
    }
}

#[test]
fn dup_2_blanks_among_the_digits_of_a_file_are_an_mta_s_business() {
    let bytes: Vec<u8> = (0..3_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let letter = Letter { files: vec![("application/pdf", "a.pdf", &bytes)], ..Letter::usual() };
    let written = letter.written();
    let line = wrapped(&bytes, 76).lines().nth(20).unwrap_or_default().to_string();
    for (what, broken) in [
        ("a blank", written.replace(&line, &format!("{} {}", &line[..30], &line[30..]))),
        ("lines joined", written.replace(&wrapped(&bytes, 76), &wrapped(&bytes, 76).replace("\r\n", " "))),
    ] {
        assert!(broken != written);
        assert_eq!(content(&broken), letter.content(), "{what}");
        let mail = parse(broken.as_bytes());
        let file = mail.attachments.first().map(|file| (file.size, attachment::content(broken.as_bytes(), &file.part)));
        assert!(file == Some((3_000, Some(bytes.clone()))), "parse_8: {what}");
    }
}
