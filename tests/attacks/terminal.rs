//! To make a terminal do something, or to make a person read what is not there: control characters, changes of direction, and
//! characters without width in mail, names, answers of servers, file names and arguments.

use serde_json::Value;

use crate::support::smtp::{Manners, SmtpSink};
use crate::support::world::World;

/// What no output may hold.
fn is_obeyed(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
            | '\u{E0000}'..='\u{E007F}')
}

const HOSTILE: &str = "a\u{1b}[2Jb\u{9b}31mc\u{202e}d\u{2066}e\u{200b}f\u{200d}g\u{e0041}h\u{7f}i\u{2028}j\u{feff}k\u{7}";

fn message() -> String {
    let word = HOSTILE.bytes().map(|byte| format!("={byte:02X}")).collect::<String>();
    let word: String =
        word.as_bytes().chunks(60).map(|part| format!("=?utf-8?Q?{}?=\r\n ", std::str::from_utf8(part).unwrap())).collect();
    let percent = HOSTILE.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    format!(
        "From: {word} <dora@example.org>\r\nTo: {word} <support@example.com>\r\nSubject: {word}\r\n\
         Message-ID: <a@example.org>\r\nAuto-Submitted: x {HOSTILE}\r\nList-Id: <{HOSTILE}>\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{HOSTILE}\r\n\
         --b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''{percent}.pdf\r\n\r\nx\r\n--b--\r\n"
    )
}

#[track_caller]
fn is_fit(text: &str) {
    let found: Vec<char> = text.chars().filter(|c| is_obeyed(*c)).collect();
    assert!(found.is_empty(), "{found:?} in {text:?}");
}

#[test]
fn parse_4_what_a_terminal_would_obey_is_shown_in_text_and_escaped_in_json() {
    let mut world = World::new();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--make-cases"];
    world.run(&[&add[..], &["--password-credential", "x", "--list-cases", "true"]].concat()).ok();
    // A name with control characters is refused; what is said of it must be fit, too.
    is_fit(&world.run(&["record", "add", "contact", HOSTILE, "--email", "dora@example.org"]).stderr);
    world.run_with(&["deliver", "--account", "support"], &message()).ok();
    world.write(&world.path("a.eml"), &message(), 0o600);
    let (file, odd) = (world.path("a.eml"), world.path(&format!("no{}", "\u{1b}]0;x\u{7}")));
    for arguments in [
        &["email", "list"][..],
        &["email", "show", "1"],
        &["email", "show", "1", "--full"],
        &["email", "attachments", "1"],
        &["case", "list"],
        &["case", "show", "1"],
        &["record", "list", "contact"],
        &["explain", "1"],
        &["explain", "<a@example.org>"],
        &["explain", file.to_str().unwrap(), "--account", "support"],
        &["explain", odd.to_str().unwrap()],
        &["email", "show", HOSTILE],
        &["case", HOSTILE],
        &[HOSTILE],
        &["email", "list", "--from", HOSTILE],
        &["-vvv", "deliver", "--account", HOSTILE],
    ] {
        for format in ["text", "json", "jsonl"] {
            let done = world.run(&[&["-o", format], arguments].concat());
            is_fit(&done.stdout);
            is_fit(&done.stderr);
        }
    }
    // The value stays: whoever reads the JSON gets what the mail says.
    let shown = world.json(&["email", "show", "1"]);
    assert!(shown["text"].as_str().unwrap().contains("\u{202e}d\u{2066}e\u{200b}f\u{200d}g\u{e0041}h"), "{shown}");
    assert!(world.run(&["email", "show", "1"]).ok().contains("\\u{1b}[2Jb"));
    world.set("ESPOMAIL_LOG", "trace");
    let done = world.run_with(&["deliver", "--account", "support"], &message().replace("<a@", "<b@"));
    is_fit(&done.stderr);
}

#[test]
fn parse_4_what_a_server_says_reaches_no_terminal() {
    let mut manners = Manners { auth: Vec::new(), ..Manners::default() };
    manners.greeting = Some("554 \u{1b}]0;owned\u{7} \u{9b}2J \u{202e}go away\u{2066}");
    let sink = SmtpSink::start(manners);
    let port = sink.port.to_string();
    let world = World::new();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--password-stdin"];
    let smtp = ["--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-security", "plain"];
    world.run_with(&[&add[..], &smtp].concat(), "hunter2\n").ok();
    for format in ["text", "json"] {
        let done = world.run(&["-vvv", "-o", format, "account", "test", "support", "--smtp"]);
        assert!(done.stderr.contains("go away"), "{}", done.stderr);
        is_fit(&done.stderr);
        is_fit(&done.stdout);
    }
}

#[test]
fn access_3_a_server_is_named_by_its_name_alone() {
    let world = World::new();
    let add = ["account", "add", "support", "--address", "support@example.com", "--password-credential", "x", "--imap-host"];
    for wrong in [
        "imap.example.com:993",
        "imaps://imap.example.com",
        "me@imap.example.com",
        "a b.example",
        "a\u{1b}[2J.example",
        "2130706433",
        "",
    ] {
        let done = world.run(&[&add[..], &[wrong]].concat());
        assert_eq!(done.status, Some(64), "{wrong:?}: {}{}", done.stdout, done.stderr);
        is_fit(&done.stderr);
    }
    world.run(&[&add[..], &["Imap.M\u{fc}ller.example."]].concat()).ok();
    let kept = |name: &str| -> Value { world.json(&["account", "show", "support"])[name].clone() };
    assert_eq!(kept("imap_host"), "imap.xn--mller-kva.example");
    world.run(&["account", "set", "support", "--imap-host", "[2001:DB8::1]"]).ok();
    assert_eq!(kept("imap_host"), "2001:db8::1");
    for wrong in ["smtp.example.com/x", "a,b", "-a.example"] {
        assert_eq!(world.run(&["account", "set", "support", "--smtp-host", wrong]).status, Some(64), "{wrong}");
    }
    let config = std::fs::read_to_string(world.config()).unwrap();
    for line in [
        "internal-hosts = [\"a b\"]",
        "internal-hosts = [\"10.0.0.0/8\"]",
        "authserv-id = [\"mx; dmarc=pass\"]",
        "authserv-id = [\"\"]",
    ] {
        world.write(&world.config(), &format!("{config}{line}\n"), 0o600);
        assert!(world.run(&["config", "check"]).fails(78).contains(line.split(' ').next().unwrap()), "{line}");
    }
}
