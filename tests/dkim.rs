//! What we sign, an independent verifier accepts: Debian's python3-dkim (SEND-11).

use std::io::Write;
use std::process::{Command, Stdio};

use espomail::mail::Address;
use espomail::mail::compose::{Draft, File, compose};
use espomail::mail::dkim::{SigningKey, sign};

const NOW: i64 = 1_795_392_000;

/// The verifier asks no name server: the record is given.
const VERIFIER: &str = "
import sys, dkim
name, text = sys.argv[1].encode(), sys.argv[2].encode()
def record(asked, timeout=5):
    return text if asked.rstrip(b'.') == name else None
print(dkim.verify(sys.stdin.buffer.read(), dnsfunc=record))
";

/// Debian's own Python, since another one on the path does not know Debian's packages.
pub fn is_accepted(message: &[u8], record: &(String, String)) -> bool {
    let command = Command::new("/usr/bin/python3")
        .args(["-c", VERIFIER, &record.0, &record.1])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = command.expect("python3 of Debian; see packaging/install-build-deps test");
    child.stdin.take().unwrap().write_all(message).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "python3-dkim and python3-nacl of Debian; see packaging/install-build-deps test");
    String::from_utf8(output.stdout).unwrap().trim() == "True"
}

fn key(arguments: &[&str]) -> SigningKey {
    let made = Command::new("openssl").arg("genpkey").args(arguments).output().unwrap();
    SigningKey::read("Example.com", "desk", &made.stdout).unwrap()
}

fn draft(text: &str) -> Draft {
    let address = |name: &str, address: &str| Address { name: name.into(), address: address.into() };
    Draft {
        from: address("Büro", "support@example.com"),
        sender: None,
        reply_to: vec![address("", "desk@example.com")],
        to: (0..30).map(|n| address("Dora  Example", &format!("dora{n}@example.org"))).collect(),
        cc: Vec::new(),
        bcc: Vec::new(),
        subject: "Grüße: a subject that is long enough to be folded over more than one line of the header".into(),
        text: text.into(),
        html: Some("<p>Hello</p>".into()),
        attachments: vec![File {
            name: "a.bin".into(),
            media_type: "application/octet-stream".into(),
            content: (0..=255).collect(),
            content_id: None,
            inline: false,
        }],
        calendar: None,
        message_id: "abc@example.com".into(),
        date: NOW,
        in_reply_to: None,
        references: (0..20).map(|n| format!("{n}@example.org")).collect(),
        automatic: None,
        extra: Vec::new(),
    }
}

#[test]
fn send_11_an_independent_verifier_accepts_what_is_signed() {
    let rsa = key(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    let ed25519 = key(&["-algorithm", "ED25519"]);
    for key in [&rsa, &ed25519] {
        let record = key.record().unwrap();
        assert_eq!(record.0, "desk._domainkey.example.com");
        let two_spaces = b"From: a@example.com\r\nSubject:  x \t y \r\n\r\na  b \t\r\n\r\n  c\r\n\r\n\r\n".to_vec();
        let bodiless = b"From: a@example.com\r\nSubject: x\r\n\r\n".to_vec();
        for message in [compose(&draft("Hello,\n\n  a  b  \n\n\n")).unwrap(), two_spaces, bodiless] {
            let signed = sign(&message, key, NOW).unwrap();
            assert!(signed.ends_with(&message));
            let text = String::from_utf8(signed.clone()).unwrap();
            assert!(text.lines().all(|line| line.len() <= 78), "{text}");
            assert!(is_accepted(&signed, &record), "{text}");
            for (from, to) in [
                ("Subject:", "Subject: Paid"),
                ("From:", "From: eve@example.net\r\nFrom:"),
                ("Subject:", "Cc: e@e.test\r\nSubject:"),
            ] {
                assert!(!is_accepted(text.replacen(from, to, 1).as_bytes(), &record), "{from} was changed");
            }
            assert!(!is_accepted(format!("{text}more\r\n").as_bytes(), &record), "the body was changed");
        }
    }
    assert!(!is_accepted(
        &sign(&compose(&draft("x")).unwrap(), &rsa, NOW).unwrap(),
        &key(&["-algorithm", "RSA"]).record().unwrap()
    ));
}
