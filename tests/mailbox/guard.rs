//! What the crate `imap` could not bear does not reach it: every command that it does, answered as no good server would.

use std::io::{Cursor, Read, Write};
use std::time::{Duration, Instant};

use espomail::fault::{Class, Reach, contain};
use espomail::mailbox::{Appended, Changed, Session};

use super::{assert_fault, plain, refusal, with_password};
use crate::support::imap::{ScriptedImap, Step, answer, logged_in, opened, say};

/// What may stand before any answer, or instead of one: the crate panics on it, takes it for another, or overflows the stack.
fn nonsense() -> String {
    let deep = "(".repeat(200_000);
    format!(
        "* NO [ALERT] the disk is full\r\n* BAD what\r\n* OK [UIDNEXT 7]\u{e4}\r\n* OK [x {{9}}\r\na3 OK x\r\n] y\r\n* 1 FETCH (INTERNALDATE NIL)\r\n\
         * 1 FETCH (UID 1 BODYSTRUCTURE {deep}\r\n* LIST (\\Sent\r\n* SEARCH x\r\n* CAPABILITY\r\n* STATUS (\r\n* 99999999999 EXISTS\r\n\
         * OK {{3}}\r\nabc\r\n* \r\n* OK \u{fc}\r\n"
    )
}

fn session(script: impl IntoIterator<Item = Step>) -> (Session, ScriptedImap) {
    let server = ScriptedImap::start(opened().into_iter().chain(script).collect());
    let mut session = Session::open(&plain(server.port, "x")).unwrap();
    assert_eq!(session.examine("INBOX").unwrap().exists, 9);
    (session, server)
}

#[test]
fn fetch_6_nonsense_before_any_answer_costs_nothing() {
    let with = |words: &'static str, ending: &str| answer(words, &format!("{}{ending}", nonsense()));
    let selected = "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n{tag} OK \u{fc}\r\n";
    let (mut session, server) = session(
        [
            with("SELECT \"Entw&APw-rfe\"", selected),
            with("UID STORE 1:2 +FLAGS.SILENT (\\Seen)", "{tag} OK\r\n"),
            with("UID COPY 1 \"a\\\"b\"", "{tag} NO [TRYCREATE] \u{fc}\r\n"),
            with("UID MOVE 1 \"a\\\"b\"", "{tag} BAD\r\n"),
            with("UID EXPUNGE 1", "* 1 EXPUNGE\r\n* VANISHED x\r\n{tag} OK [COPYUID x] y\r\n"),
            with("CAPABILITY", "* CAPABILITY UIDPLUS (MOVE\r\n{tag} OK\r\n"),
        ]
        .concat(),
    );
    assert_eq!(
        session.select("Entwürfe").map(|opened| (opened.uidvalidity, opened.uidnext, opened.exists)).unwrap(),
        (7, Some(7), 3)
    );
    assert_eq!(session.add_flag(&[1, 2], "\\Seen").unwrap(), Changed::Done);
    assert_eq!(session.copy(&[1], "a\"b").unwrap(), Changed::Refused("[TRYCREATE] ü".to_string()));
    assert_eq!(session.relocate(&[1], "a\"b").unwrap(), Changed::Refused("no reason given".to_string()));
    assert_eq!(session.expunge(&[1]).unwrap(), Changed::Done);
    assert_eq!((session.offers("UIDPLUS").unwrap(), session.offers("MOVE").unwrap()), (true, false));
    assert_eq!(server.heard().len(), 9, "{:?}", server.heard());
}

#[test]
fn fetch_6_nonsense_instead_of_an_answer_is_a_fault_of_ours() {
    for (words, class) in [
        ("a4 OK the tag of the crate\r\n", Class::Protocol),
        ("+ nobody asked for more\r\n", Class::Protocol),
        ("{tag} BYE\r\n", Class::Protocol),
        ("{tag}\r\n", Class::Protocol),
        ("* BYE\r\n", Class::Unavailable),
        ("", Class::Unavailable),
    ] {
        let commands: [fn(&mut Session) -> anyhow::Result<()>; 5] = [
            |session| session.add_flag(&[1], "x").map(drop),
            |session| session.expunge(&[1]).map(drop),
            |session| session.uids_above(1).map(drop),
            |session| session.examine("x").map(drop),
            |session| session.offers("x").map(drop),
        ];
        for change in commands {
            let (mut session, _server) = session(answer(" ", words));
            assert_fault(&change(&mut session).unwrap_err(), class, Reach::Account, "");
        }
    }
}

#[test]
fn send_7_lines_before_the_server_asks_for_the_message_shift_no_answer() {
    let asks = |words: &'static str| answer(words, &format!("{}+ \u{fc}\r\n", nonsense()));
    let (mut session, server) = session(
        [
            &asks("APPEND \"Sent\" (\\Seen) \"01-Jul-2026 09:44:25 +0000\" {3}")[..],
            &[Step::Hear("a b"), say("* 10 EXISTS\r\ne4 OK [APPENDUID 1] x\r\n")],
            &answer("APPEND", "{tag} NO full\r\n"),
            &answer("APPEND", "+\r\n+ more\r\n"),
        ]
        .concat(),
    );
    assert_eq!(session.append("Sent", 1_782_899_065, b"a b").unwrap(), Appended::Done, "{:?}", server.heard());
    assert_eq!(session.append("Sent", 0, b"a b").unwrap(), Appended::Refused("full".to_string()));
    assert_fault(
        &session.append("Sent", 0, b"a b").unwrap_err(),
        Class::Protocol,
        Reach::Account,
        "cannot be understood: + more",
    );
}

#[test]
fn fetch_16_a_password_of_any_letters_logs_in_or_is_said_to_be_none() {
    let capable = |words: &str| {
        [&[say("* OK hello\r\n")], &answer("CAPABILITY", &format!("* CAPABILITY {words}\r\n{{tag}} OK\r\n"))[..]].concat()
    };
    // What stands behind `+` need not be Base64.
    let plain_auth = [
        &answer("AUTHENTICATE PLAIN", "* OK \u{fc}\r\n+ go on, please\r\n")[..],
        &[Step::Hear("AHgAcMOkCnM="), say("e2 OK\r\n")],
    ];
    let server = ScriptedImap::start([capable("IMAP4rev2 AUTH=PLAIN"), plain_auth.concat()].concat());
    Session::open(&with_password(plain(server.port, "x"), "pä\ns")).unwrap();
    let server = ScriptedImap::start(capable("IMAP4rev1"));
    let error = refusal(&with_password(plain(server.port, "x"), "p\ns"));
    assert_fault(&error, Class::Refused, Reach::Account, "login refused: no user name or password can have a line break here");
    // A server that asks without end gets no further answer.
    let asking = vec![say("+\r\n"), Step::Hear("AHgAcA=="), say("+\r\n"), Step::Hear(""), say("+\r\n")];
    let server = ScriptedImap::start([capable("AUTH=PLAIN"), vec![Step::Hear("AUTHENTICATE PLAIN")], asking].concat());
    assert_fault(
        &refusal(&with_password(plain(server.port, "x"), "p")),
        Class::Protocol,
        Reach::Account,
        "cannot be understood: +",
    );
}

#[test]
fn fetch_7_idle_ends_by_news_or_by_a_fault_of_ours() {
    let wait = |said: &str| {
        let offer = answer("CAPABILITY", "* CAPABILITY IDLE\r\n{tag} OK\r\n");
        let (session, server) = session([&offer[..], &answer("IDLE", said), &[Step::Stall]].concat());
        (session.await_news(Instant::now() + Duration::from_secs(1), || false), server)
    };
    for (said, is_news) in [
        (format!("{}+ idling\r\n{}* 9 EXISTS\r\n", nonsense(), nonsense()), false),
        ("+ idling\r\n* 1 EXPUNGE\r\n* 9 EXISTS\r\n".to_string(), true),
        ("* 10 EXISTS\r\n+ idling\r\n".to_string(), true),
        ("".to_string(), false),
    ] {
        let said = said.replace(&"(".repeat(200_000), "(");
        let begun = Instant::now();
        assert_eq!(wait(&said).0.unwrap(), is_news, "{said}");
        assert!(begun.elapsed() < Duration::from_millis(if is_news { 900 } else { 1_900 }), "{said}: {:?}", begun.elapsed());
    }
    for (said, words) in [
        ("{tag} OK done\r\n", "IDLE ends before it has begun"),
        ("+ idling\r\n{tag} OK done\r\n", "cannot be understood"),
        ("+ idling\r\n+ idling\r\n", "cannot be understood: + idling"),
        ("+ idling\r\nwhat\r\n", "cannot be understood: what"),
        ("+ idling\r\n* BYE\r\n", "closes the connection"),
    ] {
        let error = wait(said).0.unwrap_err();
        assert!(espomail::fault::one_line(&error).contains(words), "{said}: {error:#}");
    }
}

#[test]
fn fetch_7_a_server_that_floods_an_answer_of_the_crate_is_stopped() {
    for (verb, line) in
        [("EXAMINE", "* 7 EXISTS\r\n".to_string()), ("CAPABILITY", format!("* CAPABILITY{}\r\n", " X".repeat(500)))]
    {
        let mut script = if verb == "EXAMINE" { logged_in() } else { vec![say("* OK hello\r\n")] };
        script.extend([Step::Hear(verb), Step::Flood(line.repeat(100).into_bytes())]);
        let server = plain(ScriptedImap::start(script).port, "x");
        let error = Session::open(&server).and_then(|mut session| session.examine("x").map(drop)).unwrap_err();
        assert_fault(&error, Class::Protocol, Reach::Account, "larger than any");
    }
}

/// What a server has said already.
struct Spoken(Cursor<Vec<u8>>);

impl Read for Spoken {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Spoken {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl imap::extensions::idle::SetReadTimeout for Spoken {
    fn set_read_timeout(&mut self, _: Option<Duration>) -> imap::Result<()> {
        Ok(())
    }
}

/// Why there is a guard, and what goes past the crate. Where one of these no longer fails, another look is worth it.
#[test]
fn what_the_crate_cannot_do_alone() {
    let session = |said: &[u8]| {
        let said = [b"a1 OK\r\n", said, b"a2 OK done\r\n"].concat();
        imap::Client::new(Spoken(Cursor::new(said))).login("x", "y").map_err(|(error, _)| error).unwrap()
    };
    let whole = "* 1 FETCH (UID 1 BODY[] {1}\r\na)\r\n";
    let two = |second: &str| session(format!("{whole}{second}").as_bytes()).uid_fetch("1:2", "(BODY[])").map(|all| all.len());
    assert_eq!(two("* 2 FETCH (UID 2 FLAGS ())\r\n").unwrap(), 2);
    assert!(two("* 2 FETCH (UID 2 NONSENSE)\r\n").is_err(), "FETCH: one malformed message costs the batch");
    assert!(contain(|| two("* 2 FETCH (UID 2 INTERNALDATE NIL)\r\n")).is_err(), "FETCH: a date that is none panics");
    let names = |second: &[u8]| {
        let list = [b"* LIST () \"/\" a\r\n* LIST () \"/\" ", second, b"\r\n"].concat();
        session(&list).list(None, Some("*")).map(|names| names.len())
    };
    assert_eq!(names(b"b").unwrap(), 2);
    assert!(names(b"\"Entw\xfcrfe\"").is_err(), "LIST: one name hides all others");
    let alert = || session(b"* NO [ALERT] full\r\n").examine("x").map(drop);
    assert!(contain(alert).is_err(), "EXAMINE: an alert panics");
    let search = |found: &[u8]| session(found).uid_search("ALL");
    assert!(search(b"* SEARCH 0 4294967295\r\n").is_ok_and(|uids| uids.len() == 2), "UID SEARCH: out of range");
    assert!(search(b"* SEARCH 1 4294967296\r\n").is_err(), "UID SEARCH: one number costs all");
    let idle = || session(b"").idle().wait_while(|_| true).map(drop);
    assert!(contain(idle).is_err(), "IDLE: an end without a beginning panics");
}
