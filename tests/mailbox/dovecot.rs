//! A real Dovecot: what works, and what it refuses.

use std::path::PathBuf;

use tempfile::NamedTempFile;

use espomail::fault::{Class, Reach};
use espomail::mailbox::{Server, Session};
use espomail::words::Security;

use super::{assert_fault, at, plain, refusal, with_password};
use crate::support::dovecot::server;

fn letter(number: usize) -> Vec<u8> {
    format!("Subject: {number}\r\nMessage-ID: <{number}@example.org>\r\n\r\n{}\r\n", "x".repeat(number % 3_000)).into_bytes()
}

fn tls(authority: &NamedTempFile, host: &str, user: &str) -> Server<'static> {
    let ca_file = Some(authority.path().to_path_buf());
    let server = plain(server().tls_port, user);
    at(server, |place| (place.host, place.security, place.ca_file) = (host.to_string(), Security::Tls, ca_file))
}

#[test]
fn fetch_1_every_way_in_reads_the_same_and_marks_nothing() {
    let authority = server().authority();
    let dovecot = server();
    let letters: Vec<Vec<u8>> = (1..=3).map(letter).collect();
    dovecot.append("ways", "INBOX", letters.iter().map(Vec::as_slice));
    let clear = plain(dovecot.port, "ways");
    let starttls = at(tls(&authority, "localhost", "ways"), |place| {
        (place.security, place.port) = (Security::Starttls, dovecot.port);
    });
    for server in [clear, starttls, tls(&authority, "localhost", "ways"), tls(&authority, "127.0.0.1", "ways")] {
        let mut session = Session::open(&server).unwrap();
        let opened = session.examine("INBOX").unwrap();
        assert_eq!((opened.uidnext, opened.exists), (Some(4), 3));
        let messages = session.fetch(&[1, 2, 3]).unwrap();
        assert_eq!(messages.iter().map(|message| message.bytes.clone()).collect::<Vec<_>>(), letters);
        session.logout();
    }
    dovecot.run("ways", &["SELECT INBOX"]);
    let mut session = Session::open(&plain(dovecot.port, "ways")).unwrap();
    session.examine("INBOX").unwrap();
    // Had a body been read without PEEK, the flag would be there.
    assert_eq!(dovecot.ask("ways", "INBOX", "UID SEARCH UNSEEN"), "* SEARCH 1 2 3");
}

#[test]
fn fetch_16_a_certificate_must_be_trusted_current_and_the_hosts() {
    let authority = server().authority();
    for (host, words) in [
        ("127.0.0.2", "its certificate has expired"),
        ("127.0.0.3", "its certificate is not signed by a known authority; name the authority with --ca-file"),
        ("127.0.0.4", "its certificate is for another host name"),
    ] {
        for security in [Security::Tls, Security::Starttls] {
            let port = if security == Security::Tls { server().tls_port } else { server().port };
            let error = refusal(&at(tls(&authority, host, "nobody"), |place| (place.security, place.port) = (security, port)));
            assert_fault(&error, Class::Refused, Reach::Account, words);
        }
    }
    let without = refusal(&at(tls(&authority, "localhost", "nobody"), |place| place.ca_file = None));
    assert_fault(&without, Class::Refused, Reach::Account, "name the authority with --ca-file");
    let nowhere = Some(PathBuf::from("/nowhere.pem"));
    let missing = refusal(&at(tls(&authority, "localhost", "nobody"), |place| place.ca_file = nowhere));
    assert_fault(&missing, Class::Config, Reach::Account, "cannot read the CA file /nowhere.pem");
    let clear = refusal(&at(tls(&authority, "localhost", "nobody"), |place| place.port = server().port));
    assert_fault(
        &clear,
        Class::Refused,
        Reach::Account,
        "the server does not speak TLS at once on this port; try --imap-security starttls",
    );
}

#[test]
fn a_wrong_password_says_what_to_type() {
    let error = refusal(&with_password(plain(server().port, "wrong"), "wrong"));
    assert_fault(&error, Class::Refused, Reach::Account, "login refused: [AUTHENTICATIONFAILED] Authentication failed.");
    assert_fault(&error, Class::Refused, Reach::Account, "; try: espomail account test support");
}

#[test]
fn fetch_4_unicode_names_are_listed_and_opened() {
    let dovecot = server();
    dovecot.append("names", "Entw&APw-rfe/&U,BTFw-", [letter(1).as_slice()]);
    dovecot.run("names", &[r#"CREATE "a \"b\" &- c&-d""#]);
    let mut session = Session::open(&plain(dovecot.port, "names")).unwrap();
    let names = session.mailboxes().unwrap();
    for name in names.iter().map(String::as_str).chain(["Entwürfe/台北"]) {
        session.examine(name).unwrap();
    }
    // The folder above was made for the one below, and holds no mail itself.
    assert_eq!(names, ["Entwürfe/台北", "INBOX", r#"a "b" & c&d"#]);
    assert_eq!(session.examine("Entwürfe/台北").unwrap().exists, 1);
}

#[test]
fn a_missing_mailbox_ends_only_itself() {
    let mut session = Session::open(&plain(server().port, "missing")).unwrap();
    let error = session.examine("Nowhere\r\n").unwrap_err();
    assert_fault(&error, Class::Unavailable, Reach::Mailbox, "; try: espomail account folders support");
    let error = session.examine("Nowhere").unwrap_err();
    assert_fault(&error, Class::Unavailable, Reach::Mailbox, "mailbox Nowhere does not open: Mailbox doesn't exist");
    session.examine("INBOX").unwrap();
}

#[test]
fn fetch_3_uids_sizes_headers_and_messages_of_many() {
    let dovecot = server();
    let letters: Vec<Vec<u8>> = (1..=1_000).map(letter).collect();
    dovecot.append("many", "INBOX", letters.iter().map(Vec::as_slice));
    dovecot.run("many", &["SELECT INBOX", "UID STORE 10,20:22 +FLAGS.SILENT (\\Deleted)", "EXPUNGE"]);
    let mut session = Session::open(&plain(dovecot.port, "many")).unwrap();
    session.examine("INBOX").unwrap();
    let uids = session.uids_above(0).unwrap();
    assert_eq!(uids.len(), 996);
    assert_eq!(session.uids_above(998).unwrap(), [999, 1_000]);
    // `n:*` names the last message also when n is beyond it.
    assert!(session.uids_above(1_000).unwrap().is_empty());
    assert!(session.uids_above(u32::MAX).unwrap().is_empty());

    let all: Vec<u32> = (1..=1_001).collect();
    let sizes = session.sizes(&all).unwrap();
    let headers = session.headers(&all).unwrap();
    let messages = session.fetch(&all).unwrap();
    assert_eq!((sizes.len(), headers.len(), messages.len()), (996, 996, 996));
    for ((listed, header), (message, uid)) in sizes.iter().zip(&headers).zip(messages.iter().zip(uids)) {
        let letter = &letters[uid as usize - 1];
        assert_eq!((listed.uid, header.uid, message.uid), (uid, uid, uid));
        assert_eq!((listed.size, header.size, &message.bytes), (letter.len() as u64, listed.size, letter));
        assert!(letter.starts_with(&header.header) && header.header.ends_with(b"\r\n\r\n"));
    }
    assert!(session.fetch(&[]).unwrap().is_empty());
}

#[test]
fn fetch_3_since_goes_by_the_second() {
    let dovecot = server();
    for date in ["17-Jul-2026 23:59:59 -1100", "18-Jul-2026 10:59:59 +0000", "18-Jul-2026 11:00:00 +0000"] {
        dovecot.append_at("since", "INBOX", date, &letter(1));
    }
    let mut session = Session::open(&plain(dovecot.port, "since")).unwrap();
    session.examine("INBOX").unwrap();
    // 18 July 2026, 11:00 UTC, which the first message misses by a second in a zone of its own.
    assert_eq!(session.uids_since(1_784_372_400).unwrap(), [3]);
    assert_eq!(session.uids_since(1_784_372_399).unwrap(), [1, 2, 3]);
    assert!(session.uids_since(1_784_372_401).unwrap().is_empty());
    assert_eq!(session.uids_since(0).unwrap(), [1, 2, 3]);
    assert_eq!(session.fetch(&[3]).unwrap()[0].internal_date, Some(1_784_372_400));
}

#[test]
fn fetch_8_a_giant_comes_by_its_text() {
    let dovecot = server();
    let file = "QUJD".repeat(1_000_000);
    let giant = format!(
        "Subject: giant\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"a b\"\r\n\r\n--a b\r\n\
         Content-Type: multipart/alternative; boundary=in\r\n\r\n--in\r\nContent-Type: text/plain\r\n\r\nHello \"you\"\r\n\
         --in\r\nContent-Type: text/html\r\n\r\n<p>Hello\r\n--in--\r\n--a b\r\nContent-Type: application/pdf; name=a.pdf\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{file}\r\n--a b\r\nContent-Type: text/plain\r\n\
         Content-Disposition: attachment; filename=log.txt\r\n\r\nlines of a log\r\n--a b--\r\n"
    );
    let single = format!("Subject: single\r\nMIME-Version: 1.0\r\nContent-Type: image/png\r\n\r\n{file}\r\n");
    dovecot.append("giant", "INBOX", [giant.as_bytes(), single.as_bytes(), b"Subject: text\r\n\r\nshort\r\n".as_slice()]);
    let mut session = Session::open(&plain(dovecot.port, "giant")).unwrap();
    session.examine("INBOX").unwrap();

    let partial = session.fetch_partial(1).unwrap().unwrap();
    let text = String::from_utf8(partial.bytes.clone()).unwrap();
    assert!(partial.partial && partial.bytes.len() < 2_000, "{text}");
    let mail = espomail::mail::parse(&partial.bytes);
    assert_eq!(mail.subject, "giant");
    assert!(mail.text.contains("Hello \"you\"") && !text.contains("lines of a log"), "{text}");
    let names: Vec<_> = mail.attachments.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["a.pdf", "log.txt"]);

    let single = session.fetch_partial(2).unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&single.bytes), "Subject: single\r\nMIME-Version: 1.0\r\nContent-Type: image/png\r\n\r\n");
    let text = session.fetch_partial(3).unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&text.bytes), "Subject: text\r\n\r\nshort\r\n");
    assert_eq!(session.fetch_partial(4).unwrap(), None);
}
