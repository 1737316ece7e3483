//! To stop the mail of everybody with one message: small bytes that take much memory or time (PARSE-2). Every message is read in
//! less than 256 MiB beside its own size and in two seconds of a processor; what would take more is left raw, and said.

use std::fs::{File, read_to_string};
use std::process::{Child, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::support::peak_of;
use crate::support::world::World;

const MEMORY: u64 = 256 << 20;
/// Of a program that is optimised. The crates that do most of the work are so in a debug build, too; our own code is not: there a third
/// of it is looked at.
const TIME: Duration = Duration::from_secs(if cfg!(debug_assertions) { 8 } else { 2 });

const fn some(all: usize) -> usize {
    if cfg!(debug_assertions) { all / 3 } else { all }
}

const HEAD: &str = "From: Dora <dora@example.org>\r\nTo: support@example.com\r\nMessage-ID: <a@example.org>\r\n\
                    Date: Mon, 23 Nov 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\n";

/// What a process has used so far: processor time, and the most memory it held at once. None of the latter once it has ended.
fn used(child: &Child) -> (Duration, Option<u64>, bool) {
    let peak = peak_of(child.id());
    let stat = read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    // Behind the name in parentheses, which may hold anything: state, and ten fields on user and system time.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
    // USER_HZ is 100 on every Linux.
    (Duration::from_millis(10 * (ticks(11) + ticks(12))), peak.map(|kilobytes| kilobytes << 10), fields.first() == Some(&"Z"))
}

/// Reads a message in a process of its own; returns what it took, and what was printed.
fn read(world: &World, raw: &[u8]) -> (Duration, u64, String) {
    let (file, out) = (world.path("bomb.eml"), world.path("out"));
    std::fs::write(&file, raw).unwrap();
    let mut command = world.command(&["-o", "json", "explain", file.to_str().unwrap()]);
    let mut child = command.stdin(Stdio::null()).stdout(File::create(&out).unwrap()).stderr(Stdio::piped()).spawn().unwrap();
    let mut peak = 0;
    // Not waited for until it was looked at: then its times are gone.
    let time = loop {
        let (time, memory, has_ended) = used(&child);
        peak = peak.max(memory.unwrap_or_default());
        if has_ended || time > 3 * TIME || peak > 8 * MEMORY {
            break time;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let _ = child.kill();
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{:?} {}", ended.status, String::from_utf8_lossy(&ended.stderr));
    (time, peak, read_to_string(&out).unwrap())
}

/// Every message is read within the limits; those that are marked so say that something was left raw.
fn are_read(messages: impl IntoIterator<Item = (&'static str, bool, Vec<u8>)>) {
    let world = World::new();
    let (_, idle, _) = read(&world, HEAD.as_bytes());
    let mut wrong = Vec::new();
    for (what, is_limited, raw) in messages {
        let (time, peak, printed) = read(&world, &raw);
        let memory = peak.saturating_sub(idle + raw.len() as u64);
        eprintln!("{what}: {} KiB read in {time:?} and {} MiB", raw.len() >> 10, memory >> 20);
        if time > TIME || memory > MEMORY {
            wrong.push(format!("{what}: {time:?}, {} MiB", memory >> 20));
        }
        if printed.contains("\"limit: ") != is_limited {
            wrong.push(format!("{what}: that something is left raw is {}", if is_limited { "not said" } else { "said" }));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn html(content: impl AsRef<[u8]>) -> Vec<u8> {
    [HEAD.as_bytes(), b"Content-Type: text/html; charset=utf-8\r\n\r\n", content.as_ref()].concat()
}

fn plain(content: impl AsRef<[u8]>) -> Vec<u8> {
    [HEAD.as_bytes(), b"Content-Type: text/plain; charset=utf-8\r\n\r\n", content.as_ref()].concat()
}

fn encoded(how: &str, content: impl AsRef<[u8]>) -> Vec<u8> {
    let head = format!("{HEAD}Content-Type: text/plain\r\nContent-Transfer-Encoding: {how}\r\n\r\n");
    [head.as_bytes(), content.as_ref()].concat()
}

/// A message with this field in the place of its own.
fn field(name: &str, value: &str) -> Vec<u8> {
    let others = HEAD.lines().filter(|line| !line.starts_with(name)).map(|line| format!("{line}\r\n")).collect::<String>();
    format!("{others}{name}: {value}\r\n\r\nhi\r\n").into_bytes()
}

fn multipart(subtype: &str, parts: impl IntoIterator<Item = String>) -> Vec<u8> {
    let parts = parts.into_iter().map(|part| format!("--b\r\n{part}\r\n")).collect::<String>();
    format!("{HEAD}Content-Type: multipart/{subtype}; boundary=b\r\n\r\n{parts}--b--\r\n").into_bytes()
}

fn part(head: &str, content: &str) -> String {
    format!("Content-Type: {head}\r\n\r\n{content}")
}

fn numbered(count: usize, text: impl Fn(usize) -> String) -> String {
    (0..count).map(text).collect()
}

#[test]
fn parse_2_bombs_of_html_take_no_more_than_the_limits() {
    are_read([
        ("less-than signs", true, html("<".repeat(3_900_000))),
        ("less-than signs and spaces", true, html("< ".repeat(1_900_000))),
        ("greater-than signs", false, html(">".repeat(some(1_900_000)))),
        ("items", true, html("<li>".repeat(400_000))),
        ("items with text", true, html("<li>x".repeat(400_000))),
        ("terms", true, html("<dd>x<dt>y".repeat(200_000))),
        ("lines", true, html("<br>".repeat(900_000))),
        ("ends that begin", true, html("</p>".repeat(900_000))),
        ("as many elements as are read", false, html("<h1>a</h1>".repeat(some(70_000)))),
        ("nested", true, html("<div>".repeat(100_000))),
        ("tables in tables", true, html("<table>".repeat(100_000))),
        ("formatting", true, html("<b>".repeat(100_000))),
        ("one tag of attributes", true, html(format!("<p {}>", numbered(200_000, |n| format!("a{n}=1 "))))),
        ("tags of attributes", false, html(format!("<p {}>", numbered(400, |n| format!("a{n}=1 "))).repeat(600))),
        ("entities", true, html("&amp;".repeat(700_000))),
        ("references without an end", false, html("cid:".repeat(some(900_000)))),
        ("an attribute of no-break spaces", true, html(format!("<p title='{}'>", "\u{a0}".repeat(1_900_000)))),
        ("no-break spaces that nothing divides", true, html("\u{a0}\u{a0}\u{a0}</x><tr>".repeat(70_000))),
        ("rows of no-break spaces", false, html(format!("<table>{}</table>", "<tr><td>\u{a0}\u{a0}</td></tr>".repeat(30_000)))),
        ("instructions", true, html("<?>".repeat(1_200_000))),
        ("entities in an attribute", true, html(format!("<p title=\"{}\">", "&lt;".repeat(450_000)))),
        ("styles", false, html(format!("<style>{}</style>", "a{b:c}".repeat(500_000)))),
        ("a style", false, html(format!("<div style=\"{}\">x</div>", "a:b;".repeat(500_000)))),
        ("comments", true, html("<!--".repeat(900_000))),
        ("comment ends", false, html(format!("<!--{}", "--!".repeat(1_000_000)))),
        ("scripts in scripts", true, html(format!("<script>{}", "<!--<script".repeat(300_000)))),
        ("below many open elements", true, html(format!("{}{}", "<span>".repeat(400), "<option>".repeat(400_000)))),
        ("items below many open elements", true, html(format!("{}{}", "<span>".repeat(400), "<li>x".repeat(145_000)))),
        ("quotations", false, html("<blockquote>x</blockquote>".repeat(some(75_000)))),
        ("no-break spaces", true, html("\u{a0}".repeat(1_000_000))),
        ("much of it", true, html("x".repeat(20 << 20))),
        ("in many parts", true, multipart("mixed", (0..990).map(|_| part("text/html", &"<b>x</b><div>".repeat(300))))),
        ("references to parts", false, {
            let all = part("text/html", &numbered(60_000, |n| format!("<img src=cid:{n}@b>")));
            let picture = |n| part(&format!("image/png\r\nContent-ID: <{n}@b>"), "x");
            multipart("related", std::iter::once(all).chain((0..900).map(picture)))
        }),
    ]);
}

#[test]
fn parse_2_bombs_of_text_take_no_more_than_the_limits() {
    are_read([
        ("one line", true, plain("x".repeat(12 << 20))),
        ("greater-than signs", false, plain(">".repeat(some(2 << 20)))),
        ("lines of them", false, plain(">\r\n".repeat(some(700_000)))),
        ("quoted lines", false, plain("> x\n".repeat(some(700_000)))),
        ("quoted and not", false, plain("> a\nb\n".repeat(some(300_000)))),
        ("deeper and deeper", false, plain(numbered(8_000, |n| format!("{}x\n", ">".repeat(n % 500))))),
        ("lines", false, plain("x\n".repeat(some(1_000_000)))),
        ("as many lines as are told apart", false, plain("--x\n".repeat(some(199_000)))),
        ("empty lines", false, plain("\n".repeat(some(3_000_000)))),
        ("spaces", false, plain(" ".repeat(some(3 << 20)))),
        ("attributions", false, plain("On 1 Jan 2026, Dora wrote:\n".repeat(some(50_000)))),
        ("attributions and quotations", false, plain("On 1 Jan 2026, Dora <d@example.org> wrote:\n\n> x\n".repeat(some(30_000)))),
        ("an attribution without end", false, plain(format!("On {}wrote:\n> x\n", "a ".repeat(1_000_000)))),
        ("beginnings of attributions", false, plain("On Mon\n".repeat(some(400_000)))),
        ("headers in the text", false, plain("From: a\nSent: b\nTo: c\nSubject: d\n".repeat(some(60_000)))),
        ("originals", false, plain("-----Original Message-----\n".repeat(some(100_000)))),
        ("forwards", false, plain("Begin forwarded message:\n\nFrom: a\n".repeat(some(60_000)))),
        ("signatures", false, plain("-- \n".repeat(some(500_000)))),
        ("dashes", false, plain("-".repeat(some(2_000_000)))),
        ("addresses", false, plain("a@b.example ".repeat(some(300_000)))),
        ("case numbers", false, plain("[#1]".repeat(some(500_000)))),
        ("files", false, plain("begin 644 a\n".repeat(some(100_000)))),
        ("files that end", true, plain("begin 644 a\n#0V%T\n`\nend\n".repeat(60_000))),
        ("bytes of no charset", false, plain(b"\xff\xfe".repeat(some(700_000)))),
        (
            "shifts",
            false,
            [HEAD.as_bytes(), b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n", &b"\x1b$B\x1b(B".repeat(400_000)]
                .concat(),
        ),
        (
            "flowed",
            false,
            [HEAD.as_bytes(), b"Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\n", &b"> x \r\n".repeat(400_000)]
                .concat(),
        ),
        ("equals signs in base64", false, encoded("base64", "=".repeat(some(3 << 20)))),
        ("equals signs in quoted-printable", false, encoded("quoted-printable", "=".repeat(some(3 << 20)))),
        ("soft ends of lines", false, encoded("quoted-printable", "=\r\n".repeat(some(1_500_000)))),
        ("much of it", true, plain("hello world\r\n".repeat(2_400_000))),
        ("a report about those it is to", true, {
            let head = HEAD.replace("Dora <dora@example.org>", "MAILER-DAEMON@example.org").replace("Subject", "X")
                + "Subject: failure notice\r\n";
            let head = head.replace("To: support@example.com", &format!("To: {}", numbered(11_000, |n| format!("a{n}@b.c,"))));
            let failed = format!("X-Failed-Recipients: {}\r\n", "a1@b.c,".repeat(11_000));
            format!("{head}{failed}\r\n{}", "a1@b.c could not be delivered\n".repeat(30_000)).into_bytes()
        }),
        ("a report", false, {
            let head = HEAD.replace("Dora <dora@example.org>", "MAILER-DAEMON@example.org")
                + "Subject: Undelivered Mail Returned to Sender\r\n\r\n";
            format!("{head}{}", numbered(30_000, |n| format!("<a{n}@b.example>: 550 5.1.1 unknown user\n"))).into_bytes()
        }),
    ]);
}

#[test]
fn parse_2_bombs_of_headers_take_no_more_than_the_limits() {
    are_read([
        ("words", false, field("Subject", &"=?utf-8?q?a?= ".repeat(17_000))),
        ("beginnings of words", false, field("Subject", &"=?utf-8?b?".repeat(24_000))),
        ("answers to answers", false, field("Subject", &"Re: ".repeat(60_000))),
        ("answers, counted", false, field("Subject", &"Re[2]: ".repeat(35_000))),
        ("case numbers", false, field("Subject", &"[#1] ".repeat(50_000))),
        ("lines of a field", false, field("Subject", &"a\r\n ".repeat(50_000))),
        ("ids", true, field("References", &numbered(20_000, |n| format!("<{n}@example.org> ")))),
        ("ids that do not end", false, field("References", &"<".repeat(250_000))),
        ("addresses", true, field("To", &numbered(12_000, |n| format!("a{n}@b.example, ")))),
        ("comments in comments", false, field("To", &"(".repeat(250_000))),
        ("comments", false, field("To", &("(a)".repeat(80_000) + " a@b.example"))),
        ("groups", true, field("To", &"g:a@b.example;".repeat(17_000))),
        ("groups in groups", false, field("To", &"g:".repeat(120_000))),
        ("quotation marks", false, field("To", &"\"".repeat(250_000))),
        ("backslashes", false, field("To", &format!("\"{}", "\\".repeat(250_000)))),
        ("angle brackets", false, field("From", &"<".repeat(250_000))),
        ("dates", false, field("Date", &"(".repeat(250_000))),
        ("fields", false, (HEAD.to_string() + &"X: y\r\n".repeat(40_000) + "\r\nhi").into_bytes()),
        ("a field that does not end", true, (HEAD.to_string() + "X: " + &"y".repeat(8 << 20)).into_bytes()),
        ("parameters", false, field("Content-Type", &format!("text/plain{}", "; a=b".repeat(50_000)))),
        (
            "pieces of a parameter",
            false,
            field("Content-Disposition", &format!("attachment{}", numbered(12_000, |n| format!("; filename*{n}*=%41")))),
        ),
        ("pieces with one number", false, field("Content-Type", &format!("text/plain{}", "; name*0=a".repeat(20_000)))),
        (
            "results",
            false,
            field("Authentication-Results", &format!("mx.example.com{}", "; dkim=pass (a) header.d=b".repeat(9_000))),
        ),
        ("a boundary", true, field("Content-Type", &format!("multipart/mixed; boundary=\"{}\"", "b".repeat(300_000)))),
    ]);
}

#[test]
fn parse_2_bombs_of_structure_take_no_more_than_the_limits() {
    let nested =
        |count: usize, head: &dyn Fn(usize) -> String| (HEAD.to_string() + &numbered(count, head) + "\r\nhi").into_bytes();
    let calendar =
        |lines: String| multipart("mixed", [part("text/calendar", &format!("BEGIN:VCALENDAR\r\n{lines}END:VCALENDAR"))]);
    let report = |lines: String| {
        let status = part("message/delivery-status", &format!("Reporting-MTA: dns; a.example\r\n\r\n{lines}"));
        multipart("report; report-type=delivery-status", [part("text/plain", "x"), status])
    };
    let tnef = |attributes: Vec<u8>| {
        let stream = STANDARD.encode([b"\x78\x9f\x3e\x22\x00\x00".to_vec(), attributes].concat());
        let head = "application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64";
        multipart("mixed", [part(head, &stream)])
    };
    are_read([
        ("parts in parts", true, nested(10_000, &|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"))),
        ("parts of one name", true, nested(20_000, &|_| "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n".to_string())),
        ("messages in messages", false, nested(20_000, &|_| "Content-Type: message/rfc822\r\n\r\n".to_string())),
        ("a large message in messages", false, {
            let heads = "Content-Type: message/rfc822\r\n\r\n".repeat(45);
            (HEAD.to_string() + &heads + "\r\n" + &"x\r\n".repeat(1_000_000)).into_bytes()
        }),
        ("parts", true, multipart("mixed", (0..50_000).map(|_| "\r\nx".to_string()))),
        (
            "delimiters",
            true,
            nested(1_000_000, &|n| {
                if n == 0 { "Content-Type: multipart/mixed; boundary=b\r\n\r\n" } else { "--b\r\n" }.to_string()
            }),
        ),
        ("messages of a digest", true, multipart("digest", (0..20_000).map(|_| part("message/rfc822", "Subject: x\r\n\r\nhi")))),
        ("blank forms of one text", false, {
            let form = |n: usize| part(if n.is_multiple_of(2) { "text/html" } else { "text/plain" }, &" \n".repeat(4_000));
            multipart("alternative", (0..990).map(form))
        }),
        ("texts", false, multipart("mixed", (0..990).map(|_| part("text/plain", "On 1 Jan, x wrote:\r\n> y")))),
        (
            "files with long names",
            true,
            multipart("mixed", (0..300).map(|_| part(&format!("image/png; name=\"{}.png\"", "a".repeat(60_000)), "x"))),
        ),
        (
            "events",
            false,
            calendar(
                "BEGIN:VEVENT\r\nSUMMARY:x\r\nDTSTART:20260101T000000Z\r\nRRULE:FREQ=SECONDLY\r\nEND:VEVENT\r\n".repeat(20_000),
            ),
        ),
        ("events that do not end", false, calendar("BEGIN:VEVENT\r\n".repeat(200_000))),
        ("a folded line", false, calendar(format!("BEGIN:VEVENT\r\nSUMMARY:{}\r\nEND:VEVENT\r\n", "x\r\n ".repeat(500_000)))),
        (
            "parameters of a line",
            false,
            calendar(format!("BEGIN:VEVENT\r\nSUMMARY{}:x\r\nEND:VEVENT\r\n", ";a=b".repeat(400_000))),
        ),
        ("zones", false, {
            let zone = |n| {
                format!(
                    "BEGIN:VTIMEZONE\r\nTZID:a{n}\r\nBEGIN:STANDARD\r\nDTSTART:16010101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
                )
            };
            let event = |n| {
                format!("BEGIN:VEVENT\r\nDTSTART;TZID=z{n}:20260101T000000\r\nDTEND;TZID=y{n}:20260101T000000\r\nEND:VEVENT\r\n")
            };
            calendar(numbered(10_000, zone) + &numbered(10_000, event))
        }),
        (
            "guests",
            false,
            calendar(format!("BEGIN:VEVENT\r\n{}END:VEVENT\r\n", "ATTENDEE;CN=x:mailto:a@b.example\r\n".repeat(100_000))),
        ),
        (
            "recipients of a report",
            false,
            report("Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n".repeat(30_000)),
        ),
        (
            "other recipients of a report",
            false,
            report(numbered(30_000, |n| {
                format!("Final-Recipient: rfc822; a{n}@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n")
            })),
        ),
        ("attributes of a TNEF stream", false, tnef(b"\x02\x10\x80\x01\x00\x01\x00\x00\x00x\x78\x00".repeat(150_000))),
        (
            "files of a TNEF stream",
            true,
            tnef(b"\x02\x02\x90\x06\x00\x01\x00\x00\x00x\x78\x00\x02\x0f\x80\x06\x00\x01\x00\x00\x00x\x78\x00".repeat(60_000)),
        ),
        ("a large file", false, {
            let head = "application/octet-stream; name=a\r\nContent-Transfer-Encoding: base64";
            multipart("mixed", ["\r\nhi".to_string(), part(head, &STANDARD.encode(vec![0; 15 << 20]))])
        }),
    ]);
}
