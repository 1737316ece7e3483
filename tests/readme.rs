//! The README from top to bottom: its console blocks are typed into one world, in order, and each line that a block shows comes out,
//! but for numbers and dates. A block that cannot be run here stands below by its first line, with the reason.

use std::process::Command;

use crate::support::dovecot::{self, PASSWORD};
use crate::support::smtp::{Manners, SmtpSink};
use crate::support::world::{Done, NOW, World};

const README: &str = include_str!("../README.md");

/// Blocks that are not run, by how they begin, and why.
const NOT_RUN: &[(&str, &str)] = &[
    ("$ espomail reconcile support\n", "no message of the demo is missing"),
    ("$ espomail -v fetch\nACCOUNT  MESSAGES\nada", "the middle part of the demo, which has a test of its own"),
    ("make test", "it would run this test"),
    ("make build", "it installs the program and adds an account to the system"),
    ("* * * * *", "lines of a crontab"),
    ("espomail: account support: cannot connect", "what cron mails, and no command"),
    ("[oauth.google]", "a part of the configuration; what it means is tested in oauth.rs"),
    ("$ espomail account add support --address support@example.com --imap-host outlook", "a server of Microsoft; see oauth.rs"),
    ("espomail: account support: the right", "what cron mails, and no command"),
    ("[storage]", "a part of the configuration; what it means is tested in storage.rs"),
    ("[hooks]", "a part of the configuration; what it means is tested in hooks.rs"),
    ("30 2 * * *", "a line of a crontab"),
    ("$ espomail db backup", "it puts the database back; keep.rs does it on both databases"),
    ("$ espomail db move", "it needs a second database; transfer.rs does it both ways"),
    ("$ espomail budget list", "it takes five answers to one address within two hours"),
];

/// What stands in an example and is otherwise here: the part of a command, and what is typed.
fn typed(command: &str, imap: &str, smtp: &str) -> String {
    let mut command = command.to_string();
    for (shown, here) in [
        // Cases and e-mails of an example that are none of these seven.
        (" 43 44 --into 42", " 1 3 --into 4"),
        ("--email 107", "--email 1"),
        (" 42", " 4"),
        ("event accept 12", "event accept '<visit@example.org>'"),
        // The newsletter is asked for below.
        ("email delete 4", "email delete 6"),
        // Last: the number of a port may begin like that of a case.
        ("--imap-host mail.example.com", imap),
        ("--smtp-host mail.example.com", smtp),
    ] {
        command = command.replace(shown, here);
    }
    command
}

/// Blocks of commands and of other text, each with its language.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let mut blocks = Vec::new();
    for (at, part) in README.split("```").enumerate() {
        if at % 2 == 1 {
            blocks.push(part.split_once('\n').unwrap());
        }
    }
    blocks
}

/// The commands of a block, each with the lines that it is shown to print.
fn commands(block: &str) -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    let mut goes_on = false;
    for line in block.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_string(), Vec::new())),
            (None, Some((command, _))) if goes_on => command.push_str(&format!("\n{line}")),
            (None, Some((_, shown))) => shown.push(line.to_string()),
            (None, None) => panic!("a block begins with {line:?}"),
        }
        goes_on = line.ends_with('\\');
    }
    commands
}

/// A line without what differs from day to day and from place to place.
fn plain(line: &str, places: &[(String, &str)]) -> String {
    let line = places.iter().fold(line.to_string(), |line, (here, shown)| line.replace(here, shown));
    let words = line.split_whitespace().map(|word| match word.rsplit_once('/') {
        // A path.
        Some((_, name)) if word.starts_with('/') || word.starts_with("sqlite:") || word.starts_with("postgresql:") => {
            if name.contains("sqlite") || word.starts_with("postgresql:") { "DATABASE".to_string() } else { name.to_string() }
        }
        _ => word.to_string(),
    });
    let line = words.collect::<Vec<_>>().join(" ");
    let mut plain = String::new();
    for c in line.chars() {
        match c {
            '0'..='9' if plain.ends_with('#') => {}
            '0'..='9' => plain.push('#'),
            other => plain.push(other),
        }
    }
    plain
}

const INVITATION: &str = "From: dora@example.org
To: ada@example.com
Subject: Visit
Message-ID: <visit@example.org>
Content-Type: text/calendar; method=REQUEST

BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//EN
METHOD:REQUEST
BEGIN:VEVENT
UID:visit
DTSTAMP:20261123T090000Z
DTSTART:20261224T090000Z
DTEND:20261224T100000Z
SUMMARY:Visit
ORGANIZER:mailto:dora@example.org
ATTENDEE:mailto:ada@example.com
END:VEVENT
END:VCALENDAR
";

fn letter(from: &str, subject: &str) -> String {
    format!(
        "From: {from}\r\nTo: support@example.com\r\nSubject: {subject}\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\nWords.\r\n"
    )
}

struct Walk {
    world: World,
    imap: String,
    smtp: String,
    places: Vec<(String, &'static str)>,
}

impl Walk {
    fn shell(&self, command: &str) -> Done {
        let mut shell = Command::new("sh");
        let path = format!("{}:/usr/bin:/bin", self.world.path("bin").display());
        shell.env_clear().env("HOME", self.world.path("")).env("PATH", path).env("ESPOMAIL_NOW", NOW);
        shell.env("ESPOMAIL_CONFIG", self.world.config()).current_dir(self.world.path("")).args(["-c", command]);
        Done::of(&mut shell, &format!("{PASSWORD}\n"))
    }

    fn walk(&self, command: &str, shown: &[String]) {
        let done = self.shell(&typed(command, &self.imap, &self.smtp));
        // A letter that nobody takes is what one example shows.
        let status = if shown.iter().any(|line| line.contains("could not be sent")) { 65 } else { 0 };
        assert_eq!(done.status, Some(status), "{command}\n{}{}", done.stdout, done.stderr);
        let said = format!("{}{}", done.stdout, done.stderr);
        let came: Vec<String> = said.lines().map(|line| plain(line, &self.places)).collect();
        let mut rest = came.iter();
        for line in shown.iter().map(|line| plain(line, &[])).filter(|line| !line.is_empty()) {
            assert!(rest.any(|came| *came == line), "$ {command}\nshows: {line}\ncame:\n{said}");
        }
    }
}

fn walked(database: &str) {
    let world = World::empty();
    std::fs::create_dir(world.path("bin")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_espomail"), world.path("bin/espomail")).unwrap();
    let (server, user) = (dovecot::server(), format!("readme-{database}"));
    let old = b"From: old@example.org\r\nTo: support@example.com\r\nSubject: Old\r\n\r\nWords.\r\n";
    for _ in 0..3 {
        server.append_at(&user, "INBOX", "18-Jul-2026 11:00:00 +0000", old);
    }
    let sink = SmtpSink::start(Manners { recipients: vec![("nobody@", Some("550 5.1.1 no such user"))], ..Manners::default() });
    let walk = Walk {
        imap: format!(
            "--imap-host 127.0.0.1 --imap-port {} --imap-security plain --imap-user {user} --password-stdin",
            server.port
        ),
        smtp: format!("--smtp-host 127.0.0.1 --smtp-port {} --smtp-security plain", sink.port),
        places: vec![
            (format!("127.0.0.1:{} (plain)", server.port), "mail.example.com:993 (tls)"),
            (format!("127.0.0.1:{} (plain)", sink.port), "mail.example.com:465 (tls)"),
            (user.clone(), "support@example.com"),
        ],
        world,
    };
    let url = (database == "postgresql").then(crate::support::postgres::empty_database);
    let mut ran = 0;
    for (language, block) in blocks() {
        if NOT_RUN.iter().any(|(begins, _)| block.starts_with(begins)) {
            continue;
        }
        assert_eq!(language, "console", "a block that is neither run nor named: {block}");
        if block.starts_with("$ espomail case list --unassigned") {
            // Seven messages arrive, and Ada is not alone any more.
            for login in ["ben", "cleo"] {
                walk.shell(&format!("espomail user add {login} --address {login}@example.com")).ok();
                walk.shell(&format!("espomail team join support {login}")).ok();
            }
            walk.shell("espomail account set support --team support").ok();
            walk.shell(&format!(
                "for mail in {}/tests/demo/mail/*.eml; do espomail deliver --account support <$mail; done",
                env!("CARGO_MANIFEST_DIR")
            ))
            .ok();
        }
        if block.starts_with("$ espomail trace orders@") {
            server.run(&user, &["CREATE Junk"]);
            server.append(&user, "Junk", [letter("orders@foundry.example", "Our order").as_bytes()]);
        }
        if block.starts_with("$ espomail fate list --filter offers") {
            walk.shell("espomail filter add offers --global --subject '*offer*' --skip").ok();
            let skipped = letter("purchasing@foundry.example", "Your offer 4711");
            server.append(&user, "INBOX", [skipped.as_bytes()]);
            walk.shell("espomail fetch").ok();
        }
        if block.starts_with("$ espomail --as ada event list") {
            std::fs::write(walk.world.path("visit.eml"), INVITATION.replace('\n', "\r\n")).unwrap();
            walk.shell("espomail deliver --account support <visit.eml").ok();
        }
        for (command, shown) in commands(block) {
            if command == "cat ack.txt" {
                std::fs::write(walk.world.path("ack.txt"), shown.join("\n") + "\n").unwrap();
            }
            if command == "espomail outbox list" && shown.iter().any(|line| line.contains("We have got it")) {
                let letter = "From: dora@example.org\\r\\nTo: support@example.com\\r\\nSubject: Pump 1\\r\\nMessage-ID: <p1@example.org>\\r\\n\\r\\nx\\r\\n";
                walk.shell(&format!("printf '{letter}' | espomail deliver --account support")).ok();
            }
            // A server's disk is its own matter.
            let is_file = |field: &str| !field.starts_with("disk_free=") || url.is_none();
            let fields = |line: String| line.split(' ').filter(|field| is_file(field)).collect::<Vec<_>>().join(" ");
            let shown: Vec<String> = shown.into_iter().map(fields).collect();
            match &url {
                Some(url) if command == "espomail init" => walk.walk(&format!("espomail init --database '{url}'"), &shown),
                _ => walk.walk(&command, &shown),
            }
            ran += 1;
        }
    }
    assert!(ran > 50, "{ran}");
}

#[test]
fn the_readme_does_what_it_says_on_sqlite() {
    walked("sqlite");
}

#[test]
fn the_readme_does_what_it_says_on_postgresql() {
    walked("postgresql");
}
