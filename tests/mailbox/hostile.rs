//! A scripted server: everything that a good one never says. The traps are those of the design, section 9.

use std::time::{Duration, Instant};

use espomail::fault::{Class, Reach};
use espomail::mailbox::{Server, Session};
use espomail::words::Security;

use super::{assert_fault, at, plain, refusal, with_password};
use crate::support::dovecot::PASSWORD;
use crate::support::imap::{ScriptedImap, Step, answer, logged_in, opened, say};

/// A session with a mailbox open, in which the script goes on.
fn session(script: impl IntoIterator<Item = Step>) -> Session {
    session_within(1 << 20, script)
}

fn session_within(max_response: u64, script: impl IntoIterator<Item = Step>) -> Session {
    let server = ScriptedImap::start(opened().into_iter().chain(script).collect());
    let mut session = Session::open(&Server { max_response, ..plain(server.port, "x") }).unwrap();
    assert_eq!(session.examine("INBOX").unwrap().exists, 9);
    session
}

/// The error of a login to a server that plays a script.
fn refused_by(script: Vec<Step>) -> anyhow::Error {
    refusal(&plain(ScriptedImap::start(script).port, "x"))
}

fn uids_and_bytes(session: &mut Session, uids: &[u32]) -> Vec<(u32, String)> {
    let messages = session.fetch(uids).unwrap();
    messages.into_iter().map(|message| (message.uid, String::from_utf8(message.bytes).unwrap())).collect()
}

#[test]
fn a_greeting_may_be_bye_preauth_or_nothing_of_the_kind() {
    for (greeting, class, words) in [
        ("* BYE too \x1b[31mmany\r\n", Class::Unavailable, r"the server closes the connection: too \u{1b}[31mmany"),
        ("* PREAUTH hello root\r\n", Class::Refused, "takes us for somebody it knows"),
        ("220 mx.example.org ESMTP\r\n", Class::Protocol, "the server's greeting cannot be understood: 220 mx.example.org"),
        ("", Class::Unavailable, "the connection was cut"),
    ] {
        assert_fault(&refused_by(vec![say(greeting)]), class, Reach::Account, words);
    }
}

#[test]
fn an_alert_while_a_mailbox_opens_is_passed_over() {
    let mut script = logged_in();
    script.extend(answer(
        "EXAMINE",
        "* NO [ALERT] the disk is nearly full\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* FLAGS ()\r\n{tag} OK [READ-ONLY] x\r\n",
    ));
    script.extend(answer("EXAMINE", "* 3 EXISTS\r\n{tag} OK no word of the UIDs\r\n"));
    let mut session = Session::open(&plain(ScriptedImap::start(script).port, "x")).unwrap();
    let opened = session.examine("INBOX").unwrap();
    assert_eq!((opened.uidvalidity, opened.uidnext, opened.exists), (7, None, 3));
    let error = session.examine("Other").unwrap_err();
    assert_fault(&error, Class::Protocol, Reach::Mailbox, "mailbox Other has no UIDVALIDITY");
}

#[test]
fn a_line_without_end_and_a_literal_of_4_gib_are_refused() {
    let flood = Step::Flood(vec![b'x'; 64 << 10]);
    assert_fault(&refused_by(vec![say("* OK "), flood.clone()]), Class::Protocol, Reach::Account, "is larger than");
    let mut endless = session([Step::Hear("UID FETCH"), say("* 1 FETCH (UID 1 BODY[] "), flood.clone()]);
    assert_fault(&endless.fetch(&[1]).unwrap_err(), Class::Protocol, Reach::Account, "is larger than");
    let mut giant = session([Step::Hear("UID FETCH"), say("* 1 FETCH (UID 1 BODY[] {4294967295}\r\n"), flood.clone()]);
    assert_fault(&giant.fetch(&[1]).unwrap_err(), Class::Protocol, Reach::Account, "is larger than");
    let mut many = session([Step::Hear("UID FETCH"), Step::Flood(b"* 1 FETCH (FLAGS ())\r\n".repeat(1_000))]);
    assert_fault(&many.fetch(&[1]).unwrap_err(), Class::Protocol, Reach::Account, "is larger than");
    let mut search = session_within(1 << 30, [Step::Hear("UID SEARCH"), say("* SEARCH "), flood]);
    assert_fault(&search.uids_above(0).unwrap_err(), Class::Protocol, Reach::Account, "a line without end");
}

#[test]
fn fetch_3_uids_out_of_range_or_out_of_turn_are_dropped() {
    let mut session = session(
        [
            answer("UID 6:*", "* SEARCH 9 0 4294967295 5 7 7\r\n* SEARCH 6\r\n{tag} OK\r\n"),
            answer("UID FETCH 7 ", "* 1 FETCH (UID 8 BODY[] {1}\r\na)\r\n* 2 FETCH (BODY[] {1}\r\nb)\r\n* 3 FETCH (BODY[] {1}\r\nc UID 7)\r\n{tag} OK\r\n"),
            answer("UID SEARCH", "* SEARCH 9 x\r\n{tag} OK\r\n"),
        ]
        .concat(),
    );
    assert_eq!(session.uids_above(5).unwrap(), [6, 7, 9]);
    assert_eq!(uids_and_bytes(&mut session, &[7]), [(7, "c".to_string())]);
    assert_fault(&session.uids_above(0).unwrap_err(), Class::Protocol, Reach::Account, "UID SEARCH cannot be understood");
}

#[test]
fn fetch_6_a_malformed_item_spoils_only_itself() {
    let mut session = session(
        [
            answer(
                "UID FETCH 1:5",
                "* 1 FETCH (UID 1 BODY[] {3}\r\none)\r\n\
                 * 2 FETCH (UID 2 BODY[] {3}\r\ntwo NONSENSE)\r\n\
                 * 3 FETCH (UID 3 INTERNALDATE NIL BODY[] {5}\r\nthree)\r\n\
                 * NO [ALERT] odd\r\n* 4 FETCH (UID 4 FLAGS (\\Seen))\r\n\
                 * 5 FETCH (UID 5 BODY[] \"fi\\\"ve\")\r\n{tag} OK\r\n",
            ),
            answer("UID FETCH 2 ", "* 2 FETCH (UID 2 BODY[] {3}\r\ntwo)\r\n{tag} OK\r\n"),
        ]
        .concat(),
    );
    assert_eq!(uids_and_bytes(&mut session, &[1, 2, 3, 4, 5]), [(1, "one".to_string()), (5, "fi\"ve".to_string())]);
    // The session is as good as before.
    assert_eq!(uids_and_bytes(&mut session, &[2]), [(2, "two".to_string())]);
}

#[test]
fn fetch_2_nil_is_an_empty_message_only_where_the_size_says_so() {
    let mut session = session(
        [
            answer("UID FETCH 1:2", "* 1 FETCH (UID 1 BODY[] NIL)\r\n* 2 FETCH (UID 2 BODY[] NIL)\r\n{tag} OK\r\n"),
            answer("RFC822.SIZE", "* 1 FETCH (UID 1 RFC822.SIZE 0)\r\n* 2 FETCH (UID 2 RFC822.SIZE 7)\r\n{tag} OK\r\n"),
        ]
        .concat(),
    );
    assert_eq!(uids_and_bytes(&mut session, &[1, 2]), [(1, String::new())]);
}

#[test]
fn fetch_8_a_structure_too_deep_to_read_leaves_the_header() {
    let deep = format!("* 1 FETCH (UID 1 BODYSTRUCTURE {}\r\n{{tag}} OK\r\n", "(".repeat(200_000));
    let header = "* 1 FETCH (UID 1 RFC822.SIZE 99 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" BODY[HEADER] {8}\r\nA: b\r\n\r\n)\r\n\
                  * 1 FETCH (UID 1 FLAGS (\\Seen))\r\n{tag} OK\r\n";
    let mut session = session(
        [
            answer("BODY.PEEK[HEADER]", header),
            answer("BODYSTRUCTURE", &deep),
            answer("BODY.PEEK[HEADER]", header),
            answer("BODYSTRUCTURE", "{tag} NO I cannot\r\n"),
            answer("BODY.PEEK[HEADER]", header),
            answer("BODYSTRUCTURE", "* 1 FETCH (UID 1 BODYSTRUCTURE (\"text\" \"plain\" NIL NIL NIL \"7bit\" 2 1))\r\n* 1 FETCH (UID 1 FLAGS ())\r\n{tag} OK\r\n"),
            answer("BODY.PEEK[1]", "* 1 FETCH (UID 1 BODY[1] \"hi\")\r\n{tag} OK\r\n"),
        ]
        .concat(),
    );
    for whole in ["A: b\r\n\r\n", "A: b\r\n\r\n", "A: b\r\n\r\nhi"] {
        let message = session.fetch_partial(1).unwrap().unwrap();
        assert_eq!((String::from_utf8(message.bytes).unwrap().as_str(), message.partial), (whole, true));
        assert_eq!(message.internal_date, Some(837_596_665));
    }
}

#[test]
fn a_bye_in_the_middle_and_a_hang_up_inside_a_literal_end_the_account() {
    let mut bye = session(answer("UID FETCH", "* 1 FETCH (UID 1 BODY[] {1}\r\na)\r\n* BYE maintenance\r\n"));
    assert_fault(&bye.fetch(&[1, 2]).unwrap_err(), Class::Unavailable, Reach::Account, "closes the connection: maintenance");
    let mut cut = session(answer("UID FETCH", "* 1 FETCH (UID 1 BODY[] {100}\r\nabc"));
    assert_fault(&cut.fetch(&[1]).unwrap_err(), Class::Unavailable, Reach::Account, "the connection was cut");
    let mut no = session(answer("UID FETCH", "{tag} NO [SERVERBUG] sorry\r\n"));
    assert_fault(&no.fetch(&[1]).unwrap_err(), Class::Unavailable, Reach::Account, "UID FETCH was refused: [SERVERBUG] sorry");
    let mut garbage = session(answer("UID FETCH", "HTTP/1.1 400 Bad Request\r\n"));
    assert_fault(&garbage.fetch(&[1]).unwrap_err(), Class::Protocol, Reach::Account, "cannot be understood: HTTP/1.1 400");
    let mut other = session(answer("UID FETCH", "x9 OK done\r\n"));
    assert_fault(&other.fetch(&[1]).unwrap_err(), Class::Protocol, Reach::Account, "cannot be understood: x9 OK");
}

#[test]
fn fetch_10_a_trickling_server_is_stopped_by_the_deadline() {
    let drip = Step::Trickle(b"* OK still here\r\n".repeat(1_000), Duration::from_millis(20));
    let server = ScriptedImap::start(vec![say("* OK hello\r\n"), Step::Hear("CAPABILITY"), drip]);
    let started = Instant::now();
    let error = refusal(&at(plain(server.port, "x"), |place| place.deadline = started + Duration::from_millis(500)));
    assert_fault(&error, Class::Unavailable, Reach::Account, "the account's time is over");
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[test]
fn fetch_10_a_silent_server_is_stopped_by_the_read_limit() {
    let server = ScriptedImap::start(vec![Step::Stall]);
    let error = refusal(&at(plain(server.port, "x"), |place| place.read_timeout = Duration::from_millis(200)));
    assert_fault(&error, Class::Unavailable, Reach::Account, "the server does not answer");
}

#[test]
fn fetch_16_starttls_refused_stripped_or_injected_into_is_an_error() {
    let begin = |last: &str| vec![say("* OK hello\r\n"), Step::Hear("STARTTLS"), say(last), Step::Stall];
    for (last, class, words) in [
        ("{tag} BAD what?\r\n", Class::Refused, "STARTTLS was refused: what?"),
        ("{tag} OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", Class::Refused, "clear text came together with the answer"),
        ("* BYE\r\n", Class::Unavailable, "the server closes the connection: no reason given"),
    ] {
        let server = ScriptedImap::start(begin(last));
        let error = refusal(&at(plain(server.port, "x"), |place| place.security = Security::Starttls));
        assert_fault(&error, class, Reach::Account, words);
        assert_eq!(server.heard().len(), 1, "nothing follows in clear text");
    }
    let late = vec![
        say("* OK hello\r\n"),
        Step::Hear("STARTTLS"),
        say("{tag} OK go\r\n"),
        Step::Trickle(b"* OK what?\r\n".to_vec(), Duration::from_millis(20)),
    ];
    let server = ScriptedImap::start(late);
    let error = refusal(&at(plain(server.port, "x"), |place| place.security = Security::Starttls));
    assert_fault(&error, Class::Refused, Reach::Account, "TLS with 127.0.0.1");
}

#[test]
fn fetch_16_the_password_is_sent_whole_and_never_repeated() {
    let capable = |words: &str| {
        vec![say("* OK hello\r\n"), Step::Hear("CAPABILITY"), say(&format!("* CAPABILITY {words}\r\n{{tag}} OK\r\n"))]
    };
    let credentials = "AHgAcGFzcyAid29yZFwgMQ==";

    let mut script = capable("IMAP4rev1 AUTH=PLAIN");
    script.extend(answer("AUTHENTICATE PLAIN", "+ \r\n"));
    script.extend([Step::Hear(credentials), say(&format!("e2 NO [X] {credentials} {PASSWORD} is not it\r\n"))]);
    assert_fault(&refused_by(script), Class::Refused, Reach::Account, "login refused: [X] … … is not it; try:");

    let mut script = capable("IMAP4rev1 AUTH=PLAIN SASL-IR");
    script.extend([Step::Hear("AUTHENTICATE PLAIN AHgA"), say("* BYE you are banned\r\n")]);
    assert_fault(&refused_by(script), Class::Unavailable, Reach::Account, "closes the connection: you are banned");

    let mut script = capable("IMAP4rev1");
    script.extend([Step::Hear(r#"LOGIN "x" "pass \"word\\ 1""#), say("{tag} BAD LOGIN \"x\" \"pass \\\"word\\\\ 1\"\r\n")]);
    assert_fault(&refused_by(script), Class::Refused, Reach::Account, r#"login refused: LOGIN "x" "…""#);

    let mut script = capable("IMAP4rev1");
    script.extend(answer("LOGIN \"x\" {10}", "+ go on\r\n"));
    script.extend([Step::Hear("pässwörd"), say("e2 OK\r\n")]);
    let server = ScriptedImap::start(script);
    Session::open(&with_password(plain(server.port, "x"), "pässwörd")).unwrap();

    let error = refused_by(capable("IMAP4rev1 STARTTLS LOGINDISABLED"));
    assert_fault(&error, Class::Refused, Reach::Account, "no password login on this connection");
    let server = ScriptedImap::start(logged_in());
    let error = refusal(&with_password(plain(server.port, "x"), "a\0b"));
    assert_fault(&error, Class::Refused, Reach::Account, "login refused: ");
    assert_eq!(server.heard().len(), 1);
}
