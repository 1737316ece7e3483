//! What the fuzz targets do with their bytes: each a function, so that a finding can be tried without a fuzzer. A target fails by
//! a panic, by a promise that is not kept (the `assert`s), or by taking long.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use espomail::decide::filter::{Filter, Scope, Script, compile, trial};
use espomail::decide::{Arrival, Facts, Policy, decide};
use espomail::mail::token::{Key, KeyRing};
use espomail::mail::{self, Mail, attachment_content};
use espomail::mailbox;
use espomail::net::{IMAP, Login, Options, Place, Proof, SMTP, Stop};
use espomail::relay::{self, Envelope};
use espomail::secret::Secret;
use espomail::words::{Auth, PositionId, RecordId, Security};
use espomail::{clock, config, output};

/// A target by its name.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 14] = [
    ("addresses", addresses),
    ("calendar", calendar),
    ("cms", cms),
    ("configuration", configuration),
    ("dates", dates),
    ("filters", filters),
    ("html", html),
    ("imap", imap),
    ("parse", parse),
    ("report", report),
    ("rules", rules),
    ("smtp", smtp),
    ("tnef", tnef),
    ("tokens", tokens),
];

/// The present of all targets.
const NOW: i64 = 1_795_000_000;

/// Any bytes are a message (PARSE-2).
pub fn parse(raw: &[u8]) {
    sound(&mail::parse(raw), raw);
}

/// What holds for every message, however broken.
fn sound(mail: &Mail, raw: &[u8]) {
    assert!(!mail.text.contains('\0') && !mail.subject.contains('\0'));
    assert!(!mail.subject.contains(['\r', '\n']));
    for file in &mail.attachments {
        let content = attachment_content(raw, &file.part).expect("every listed attachment can be read");
        assert_eq!(content.len() as u64, file.size);
        assert!(!file.name.is_empty() && !file.name.contains(['/', '\0', '\n']), "{:?}", file.name);
    }
    let lists = [&mail.reply_to, &mail.to, &mail.cc, &mail.bcc];
    for address in lists.into_iter().flatten().chain(&mail.from) {
        assert!(!address.address.chars().any(char::is_control) && !address.name.chars().any(char::is_control), "{address:?}");
        let _ = (address.key(), address.domain());
    }
    assert!(output::shown(&mail.text).chars().all(|c| c == '\n' || !c.is_control()));
}

/// The rules, over two messages that stand in the bytes one behind the other: the second is decided after the first.
pub fn rules(bytes: &[u8]) {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let (policy, mut facts) = (Policy { tokens: ring(), ..Policy::default() }, Facts::alone(NOW));
    facts.account.make_cases = bytes.first().is_some_and(|byte| byte % 2 == 0);
    for (uid, raw) in (1..).zip([first, second, first]) {
        let arrival = Arrival { position: PositionId(1), uid, internal_date: Some(NOW), partial: false };
        let mail = mail::parse(raw);
        let plan = decide(&arrival, &mail, &policy, &mut facts);
        let again = serde_json::to_string(&plan).expect("a plan can be written down");
        assert!(!again.is_empty());
    }
}

/// One part of a message, of a given type.
fn part(head: &str, bytes: &[u8]) {
    let mut raw = b"From: a@example.org\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n".to_vec();
    raw.extend_from_slice(head.as_bytes());
    raw.extend_from_slice(b"\r\n\r\n");
    raw.extend_from_slice(bytes);
    sound(&mail::parse(&raw), &raw);
}

/// TNEF, as in `winmail.dat`.
pub fn tnef(bytes: &[u8]) {
    // The signature: without it nothing is read.
    part("Content-Type: application/ms-tnef; name=winmail.dat", &[b"\x78\x9f\x3e\x22\x01\x00", bytes].concat());
    part("Content-Type: application/ms-tnef; name=winmail.dat", bytes);
}

/// iCalendar.
pub fn calendar(bytes: &[u8]) {
    part("Content-Type: text/calendar; charset=utf-8; method=REQUEST", bytes);
}

/// CMS, as in `smime.p7m`.
pub fn cms(bytes: &[u8]) {
    part("Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m", bytes);
}

/// HTML: nothing that acts is left, and its text can be told.
pub fn html(bytes: &[u8]) {
    part("Content-Type: text/html; charset=utf-8", bytes);
    let _ = mail::text_from_html(&String::from_utf8_lossy(bytes));
}

/// Delivery reports, by the standard and in prose.
pub fn report(bytes: &[u8]) {
    let head = "From: MAILER-DAEMON@example.org\r\nSubject: Undelivered Mail Returned to Sender\r\nContent-Type: ";
    part(&format!("{head}text/plain"), bytes);
    part(&format!("{head}multipart/report; report-type=delivery-status; boundary=b"), bytes);
    let status = [b"--b\r\nContent-Type: message/delivery-status\r\n\r\n", bytes].concat();
    part(&format!("{head}multipart/report; report-type=delivery-status; boundary=b"), &status);
}

/// The fields that hold addresses.
pub fn addresses(bytes: &[u8]) {
    for name in ["From", "To", "Reply-To"] {
        let raw = [name.as_bytes(), b": ", bytes, b"\r\n\r\nhi\r\n"].concat();
        sound(&mail::parse(&raw), &raw);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = mail::Address::written(text);
        let key = mail::address_key(text);
        assert_eq!(mail::address_key(&key), key, "a key is its own key");
        if let Ok(host) = espomail::decide::host::checked(text) {
            assert!(host.is_ascii() && espomail::decide::host::checked(&host).as_ref() == Ok(&host), "{host:?}");
        }
    }
}

/// The Date field, and times as people type them.
pub fn dates(bytes: &[u8]) {
    let raw = [b"Date: ", bytes, b"\r\n\r\nhi\r\n"].concat();
    if let Some(date) = mail::parse(&raw).date {
        let _ = clock::rfc3339(date);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = (clock::parse(text, NOW), clock::parse_ahead(text, NOW));
    }
}

/// The configuration: an error has its line.
pub fn configuration(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match config::parse(text) {
        Ok(config) => drop(config::masked(&config.database)),
        Err((line, what)) => assert!((1..=text.lines().count() + 1).contains(&line) && !what.is_empty(), "{line}: {what}"),
    }
}

fn ring() -> KeyRing {
    KeyRing { instance: "fuzz".to_string(), keys: vec![Key { id: 1, secret: [7; 32], expires_at: None }], good_for: 86_400 }
}

/// Signed tokens: nothing but what we made names a record.
pub fn tokens(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (ring, record) = (ring(), RecordId(77));
    let real = mail::token::make(&ring, record, NOW).expect("there is a key");
    for candidate in mail::token::parts(text) {
        if let Ok(found) = mail::token::read(&ring, candidate, NOW) {
            assert!(found == record && candidate.to_ascii_lowercase().contains(&real), "{candidate} names {found}");
        }
    }
    let _ = (mail::token::claimed(text), mail::token::is_ours(&ring, text), mail::token::plus_address(text, &real));
    assert_eq!(mail::token::read(&ring, &real, NOW), Ok(record));
}

/// Sieve scripts and patterns of filters, tried on a message.
pub fn filters(bytes: &[u8]) {
    static MAIL: OnceLock<Mail> = OnceLock::new();
    let mail = MAIL.get_or_init(|| mail::parse(include_bytes!("../../tests/corpus/plain.eml")));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(script) = Script::new(text) {
        let mut filter = Filter::named("fuzz", Scope::Global);
        let _ = (script.folder_names(), script.may_screen());
        filter.sieve = Some(script);
        let _ = trial(&filter, mail);
    }
    let _ = compile(text, false).map(|pattern| pattern.is_match(&mail.subject));
}

/// A server that says these bytes, whatever it is asked, and hangs up.
fn server_that_says() -> (u16, &'static Sender<Vec<u8>>) {
    static SERVER: OnceLock<(u16, Sender<Vec<u8>>)> = OnceLock::new();
    let (port, say) = SERVER.get_or_init(|| {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let (say, said) = channel::<Vec<u8>>();
        std::thread::spawn(move || {
            for bytes in said {
                let Ok((mut stream, _)) = listener.accept() else { continue };
                // The client hangs up when it likes.
                let _ = stream.set_read_timeout(Some(Duration::from_millis(500)));
                let _ = stream.write_all(&bytes).and_then(|()| stream.shutdown(std::net::Shutdown::Write));
                let _ = stream.read_to_end(&mut Vec::new());
            }
        });
        (port, say)
    });
    (*port, say)
}

/// A server on this machine, and as whom to log in.
fn login(port: u16, options: Options, user: &str, password: Option<&str>) -> Login<'static> {
    let place = Place {
        host: "127.0.0.1".to_string(),
        port,
        security: Security::Plain,
        ca_file: None,
        allow_plain: true,
        internal_hosts: None,
        connect_timeout: Duration::from_secs(2),
        read_timeout: Duration::from_secs(2),
        deadline: Instant::now() + Duration::from_secs(5),
        stop: Stop::default(),
        options,
    };
    let proof = password.map_or(Proof::Nothing, |password| Proof::Password(Secret::new(password)));
    Login { account: "fuzz".to_string(), place, user: user.to_string(), auth: Auth::Password, proof }
}

/// What an IMAP server answers, from the greeting on.
pub fn imap(bytes: &[u8]) {
    let (port, say) = server_that_says();
    say.send(bytes.to_vec()).expect("the server is there");
    let server = mailbox::Server { login: login(port, IMAP, "u", Some("p")), max_response: 1 << 20 };
    let Ok(mut session) = mailbox::Session::open(&server) else { return };
    let _ = session.mailboxes();
    let _ = session.examine("INBOX");
    let uids = session.uids_above(0).unwrap_or_default();
    let _ = session.sizes(&uids);
    let _ = session.headers(&uids);
    for message in session.fetch(&uids).unwrap_or_default() {
        sound(&mail::parse(&message.bytes), &message.bytes);
    }
    let _ = session.fetch_partial(1);
    let _ = session.select("INBOX");
    let _ = (session.add_flag(&uids, "\\Seen"), session.copy(&uids, "x"), session.relocate(&uids, "x"), session.expunge(&uids));
    let _ = (session.append("Sent", 0, b"Subject: x\r\n\r\nhi\r\n"), session.offers("MOVE"), session.sent_mailbox());
    let _ = session.await_news(Instant::now() + Duration::from_millis(10), || false);
}

/// What an SMTP server answers, from the greeting on.
pub fn smtp(bytes: &[u8]) {
    let (port, say) = server_that_says();
    say.send(bytes.to_vec()).expect("the server is there");
    let server = relay::Server {
        login: login(port, SMTP, "", None),
        own_name: "fuzz.example".to_string(),
        final_timeout: Duration::from_secs(2),
    };
    let Ok(mut session) = relay::Session::open(&server) else { return };
    let to = ["a@example.org".to_string(), "b@example.org".to_string()];
    let envelope = Envelope { from: "c@example.com", to: &to, id: "1@example.com" };
    let _ = session.send(&envelope, b"Subject: x\r\n\r\nhi\r\n", &mut |_| Ok(()));
    session.quit();
}
