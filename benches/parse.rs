//! What parsing costs: time per message and bytes per second, for the kinds of mail that are common.
//! `cargo bench --bench parse`
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use espomail::mail;

/// How long each kind is measured.
const ENOUGH: Duration = Duration::from_secs(1);

const HEADER: &str = "Received: from mx.example.org (mx.example.org [192.0.2.1])\r\n\tby mail.example.com with ESMTPS id 4CF\r\n\
    \tfor <support@example.com>; Fri, 20 Nov 2026 10:00:01 +0000 (UTC)\r\nMessage-ID: <a@example.org>\r\n\
    In-Reply-To: <b@example.org>\r\nReferences: <c@example.org>\r\n <b@example.org>\r\nFrom: Ada Example <ada@example.org>\r\n\
    To: Support <support@example.com>, bob@example.net\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from Vienna\r\n\
    Date: Fri, 20 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n";
const LINE: &str = "Hello there, this is an ordinary line of text as people write it to support.\r\n";
const HTML: &str =
    "<div class=x style='color:red'><p>Hello <b>there</b>, see <a href='https://example.org/'>this</a>.<br></p></div>\r\n";
const BASE64: &str = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NTY3\r\n";

fn main() {
    let part = |fields: &str, body: String| format!("--b\r\n{fields}\r\n\r\n{body}");
    let text = |lines| part("Content-Type: text/plain; charset=utf-8", LINE.repeat(lines));
    let html = part("Content-Type: text/html; charset=utf-8", format!("<html><body>{}</body></html>\r\n", HTML.repeat(150)));
    let file =
        |lines| part("Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64", BASE64.repeat(lines));
    let multipart =
        |subtype: &str, parts: &str| format!("{HEADER}Content-Type: multipart/{subtype}; boundary=b\r\n\r\n{parts}--b--\r\n");
    let kinds = [
        ("text", format!("{HEADER}\r\n{}", LINE.repeat(70))),
        ("text and attachment", multipart("mixed", &(text(20) + &file(250)))),
        ("text and HTML", multipart("alternative", &(text(60) + &html))),
        ("text and 40 MB", multipart("mixed", &(text(20) + &file(490_000)))),
    ];
    for (kind, raw) in kinds {
        let (started, mut times) = (Instant::now(), 0_u32);
        while started.elapsed() < ENOUGH {
            black_box(mail::parse(black_box(raw.as_bytes())));
            times += 1;
        }
        let each = started.elapsed() / times;
        let rate = raw.len() as f64 / each.as_secs_f64() / 1e6;
        println!("{kind:<20} {:>9} bytes {:>9.1} µs {rate:>7.0} MB/s", raw.len(), each.as_secs_f64() * 1e6);
    }
}
