//! Builds a Maildir of known shape: sizes log-normal with a median of 6 KB and a mean of about 23 KB, text, text with HTML,
//! and attachments for the large ones, two of five in a thread, from 2,000 senders. The same seed gives the same bytes.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use base64::Engine as _;

const SENDERS: u64 = 2_000;
/// The mean of a log-normal distribution is its median times e^(σ²/2): 6 KB becomes about 23 KB.
const MEDIAN_SIZE: f64 = 6_144.0;
const SIGMA: f64 = 1.64;
const LARGEST: f64 = 24_000_000.0;
/// 2026-01-05 08:00 UTC; one message every seven minutes or so from there.
const FIRST_DATE: i64 = 1_767_600_000;

/// SplitMix64: small, and the same everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// Above 0, up to 1.
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 1.0) / (1_u64 << 53) as f64
    }

    /// Standard normal, by Box and Muller.
    fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
}

const WORDS: &[&str] = &[
    "account",
    "address",
    "after",
    "again",
    "answer",
    "arrived",
    "attached",
    "because",
    "before",
    "broken",
    "button",
    "cable",
    "cannot",
    "change",
    "check",
    "close",
    "colleague",
    "confirm",
    "contract",
    "could",
    "customer",
    "date",
    "delivery",
    "device",
    "document",
    "error",
    "every",
    "export",
    "factory",
    "failed",
    "figure",
    "first",
    "follow",
    "from",
    "garden",
    "house",
    "import",
    "invoice",
    "item",
    "kindly",
    "last",
    "letter",
    "little",
    "login",
    "machine",
    "manual",
    "message",
    "minute",
    "missing",
    "month",
    "morning",
    "number",
    "office",
    "open",
    "order",
    "page",
    "paper",
    "part",
    "password",
    "payment",
    "phone",
    "please",
    "price",
    "print",
    "problem",
    "project",
    "question",
    "quick",
    "receive",
    "refund",
    "regards",
    "repair",
    "reply",
    "report",
    "return",
    "screen",
    "second",
    "send",
    "server",
    "since",
    "still",
    "street",
    "support",
    "system",
    "table",
    "thank",
    "the",
    "their",
    "there",
    "this",
    "ticket",
    "today",
    "tomorrow",
    "twice",
    "until",
    "update",
    "version",
    "wait",
    "warranty",
    "week",
    "when",
    "which",
    "window",
    "with",
    "without",
    "work",
    "would",
    "wrong",
    "year",
    "yesterday",
    "your",
];

/// What a later message needs to answer an earlier one.
struct Sent {
    id: String,
    references: Vec<String>,
    subject: String,
}

/// Writes `count` messages into the Maildir and returns their bytes as they go over the wire.
pub fn build(maildir: &Path, count: usize, seed: u64) -> std::io::Result<u64> {
    for folder in ["cur", "new", "tmp"] {
        fs::create_dir_all(maildir.join(folder))?;
    }
    let mut random = Random(seed);
    let mut sent: Vec<Sent> = Vec::with_capacity(count);
    let mut bytes = 0;
    for index in 0..count {
        let (message, as_sent) = message(&mut random, index, &sent);
        sent.push(as_sent);
        let lines = message.bytes().filter(|byte| *byte == b'\n').count();
        let (size, on_wire) = (message.len(), message.len() + lines);
        bytes += on_wire as u64;
        let date = FIRST_DATE + 420 * index as i64;
        // Dovecot's delivery names files so; it then need not open a file to know its sizes.
        let name = format!("{date}.M{}P1_{index}.bench,S={size},W={on_wire}", index % 1_000_000);
        fs::write(maildir.join("new").join(name), message)?;
    }
    Ok(bytes)
}

fn message(random: &mut Random, index: usize, sent: &[Sent]) -> (String, Sent) {
    let size = (MEDIAN_SIZE.ln() + SIGMA * random.normal()).exp().clamp(700.0, LARGEST) as usize;
    let sender = random.below(SENDERS);
    let id = format!("{:016x}.{index}@mail{}.example", random.next(), sender % 200);
    // People answer what is recent: one of the last 500.
    let replied = (random.below(5) < 2)
        .then(|| sent.len().checked_sub(1 + random.below(500) as usize))
        .flatten()
        .and_then(|place| sent.get(place));
    let (subject, references) = match replied {
        Some(to) => {
            let mut references = to.references.clone();
            references.push(to.id.clone());
            let surplus = references.len().saturating_sub(12);
            references.drain(..surplus);
            let subject = if to.subject.starts_with("Re: ") { to.subject.clone() } else { format!("Re: {}", to.subject) };
            (subject, references)
        }
        None => (sentence(random, 5), Vec::new()),
    };
    let mut text = header(random, index, sender, &id, &subject, &references);
    if size < 3_000 {
        text.push_str("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n");
        prose(random, &mut text, size);
    } else if size < 32_000 {
        text.push_str("Content-Type: multipart/alternative; boundary=\"alt\"\n\n");
        alternative(random, &mut text, size);
    } else {
        text.push_str("Content-Type: multipart/mixed; boundary=\"mixed\"\n\n--mixed\n");
        text.push_str("Content-Type: multipart/alternative; boundary=\"alt\"\n\n");
        let body = text.len() + 6_000;
        alternative(random, &mut text, body);
        attachment(random, &mut text, size);
    }
    (text, Sent { id, references, subject })
}

fn header(random: &mut Random, index: usize, sender: u64, id: &str, subject: &str, references: &[String]) -> String {
    let date = jiff::Timestamp::from_second(FIRST_DATE + 420 * index as i64).unwrap().strftime("%a, %d %b %Y %H:%M:%S +0000");
    let host = sender % 200;
    let mut text = String::with_capacity(8_192);
    let out = &mut text;
    let _ = writeln!(out, "Return-Path: <sender{sender}@customer{host}.example>");
    let _ = writeln!(out, "Received: from mail{host}.example (mail{host}.example [192.0.2.{host}])");
    let _ = writeln!(out, "\tby mx.example.com (MTA) with ESMTPS id {:016X}", random.next());
    let _ = writeln!(out, "\tfor <support@example.com>; {date}");
    let _ = writeln!(out, "From: Sender {sender} <sender{sender}@customer{host}.example>");
    let _ = writeln!(out, "To: Support <support@example.com>\nDate: {date}\nMessage-ID: <{id}>\nSubject: {subject}");
    if let Some(last) = references.last() {
        let _ = writeln!(out, "In-Reply-To: <{last}>");
        let all: Vec<String> = references.iter().map(|id| format!("<{id}>")).collect();
        let _ = writeln!(out, "References: {}", all.join("\n\t"));
    }
    let _ = writeln!(out, "X-Mailer: Example Mailer 7.{}\nMIME-Version: 1.0", sender % 10);
    text
}

pub fn sentence(random: &mut Random, words: usize) -> String {
    let chosen: Vec<&str> = (0..words).filter_map(|_| WORDS.get(random.below(WORDS.len() as u64) as usize).copied()).collect();
    chosen.join(" ")
}

/// Appends sentences until the whole has the size.
fn prose(random: &mut Random, text: &mut String, until: usize) {
    while text.len() < until {
        text.push_str(&sentence(random, 10));
        text.push_str(if random.below(6) == 0 { ".\n\n" } else { ".\n" });
    }
}

/// A plain text of a third of the size and HTML for the rest.
fn alternative(random: &mut Random, text: &mut String, until: usize) {
    text.push_str("--alt\nContent-Type: text/plain; charset=utf-8\n\n");
    let plain = text.len() + until.saturating_sub(text.len()) / 3;
    prose(random, text, plain);
    text.push_str("\n--alt\nContent-Type: text/html; charset=utf-8\n\n<html><body>\n");
    while text.len() < until {
        let line = sentence(random, 10);
        let _ = writeln!(text, "<p style=\"margin:0;font-family:sans-serif\">{line} <b>{}</b></p>", sentence(random, 1));
    }
    text.push_str("</body></html>\n\n--alt--\n");
}

/// Bytes that do not compress, as PDF and JPEG files do not.
fn attachment(random: &mut Random, text: &mut String, until: usize) {
    text.push_str("\n--mixed\nContent-Type: application/pdf; name=\"invoice.pdf\"\nContent-Transfer-Encoding: base64\n");
    text.push_str("Content-Disposition: attachment; filename=\"invoice.pdf\"\n\n");
    let mut line = [0_u8; 57];
    while text.len() < until {
        for chunk in line.chunks_mut(8) {
            let bytes = random.next().to_le_bytes();
            let length = chunk.len();
            chunk.copy_from_slice(&bytes[..length]);
        }
        base64::engine::general_purpose::STANDARD.encode_string(line, text);
        text.push('\n');
    }
    text.push_str("\n--mixed--\n");
}
