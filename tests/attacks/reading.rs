//! ACCESS-2: to read what one may not read. Everybody asks for everything on every road. Who may is worked out here from the
//! rule and not from the program; to whoever may not, the thing is not there: status and output are byte for byte those of a
//! thing that does not exist, and no output of any command has a word of it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::Connection;
use diesel::connection::SimpleConnection;

use crate::support::office::Office;
use crate::support::smtp::{Manners, SmtpSink};
use crate::support::world::Done;

/// The most permissive level that somebody's roles give for reading e-mails, cases and records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// No role: one's own inbox, and nothing else.
    Silent,
    No,
    Own,
    Team,
    All,
    Administrator,
    /// No user of espomail, or one that is not active.
    Nobody,
}

/// Somebody who comes through sudo.
struct Who {
    login: &'static str,
    /// For whom an administrator asks.
    on_behalf_of: Option<&'static str>,
    level: Level,
    teams: &'static [&'static str],
}

const fn who(login: &'static str, level: Level, teams: &'static [&'static str]) -> Who {
    Who { login, on_behalf_of: None, level, teams }
}

const PEOPLE: [Who; 16] = [
    who("nobody", Level::Nobody, &[]),
    who("gone", Level::Nobody, &["front"]),
    who("nil", Level::Silent, &[]),
    who("nat", Level::Silent, &["front"]),
    who("una", Level::Silent, &[]),
    who("nix", Level::No, &["front"]),
    who("oto", Level::Own, &["front"]),
    who("ada", Level::Own, &["front"]),
    who("tea", Level::Team, &[]),
    who("tim", Level::Team, &["front"]),
    who("tod", Level::Team, &["back"]),
    who("past", Level::Team, &[]),
    who("chief", Level::All, &["chiefs"]),
    who("all", Level::All, &[]),
    who("dan", Level::Administrator, &[]),
    Who { login: "dan", on_behalf_of: Some("nat"), level: Level::Silent, teams: &["front"] },
];

impl Who {
    /// As whom the program acts.
    fn user(&self) -> &'static str {
        self.on_behalf_of.unwrap_or(self.login)
    }

    /// ACCESS-2. An e-mail in one's own inbox needs no role; nothing else is open without one.
    fn may_read(&self, thing: &Thing) -> bool {
        let own = thing.users.contains(&self.user());
        match self.level {
            Level::Nobody | Level::No => false,
            Level::Silent => own && thing.noun == Noun::Email,
            Level::Own => own,
            Level::Team => own || thing.teams.iter().any(|team| self.teams.contains(team)),
            Level::All | Level::Administrator => true,
        }
    }

    /// What is somebody's own affair (ACCESS-1).
    fn keeps(&self, owner: &str) -> bool {
        self.level == Level::Administrator || (self.level != Level::Nobody && self.user() == owner)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Noun {
    Email,
    Case,
    Record,
}

/// Something that has readers by role.
struct Thing {
    noun: Noun,
    /// As it is named on the command line.
    name: &'static str,
    /// The same of what is not there.
    missing: &'static str,
    /// Whose it is: in whose inbox, or to whom it is assigned.
    users: &'static [&'static str],
    teams: &'static [&'static str],
    /// What a reader sees of it first.
    title: &'static str,
}

const fn email(name: &'static str, users: &'static [&'static str], teams: &'static [&'static str], title: &'static str) -> Thing {
    Thing { noun: Noun::Email, name, missing: "99", users, teams, title }
}

const EMAILS: [Thing; 6] = [
    // Through support (front), with una, nix and ada in Cc; it opened case 1.
    email("1", &["una", "nix", "ada"], &["front"], "Subj-E1"),
    // Through rear (back); it opened case 2.
    email("2", &[], &["back"], "Subj-E2"),
    // Through Ada's own account.
    email("3", &["ada"], &[], "Subj-E3"),
    // Another copy of the first, which came to Ada alone, with a file of its own.
    email("4", &["ada"], &[], "Subj-E4"),
    // A stranger's, held for review.
    email("5", &[], &["front"], "Subj-E5"),
    // Ada wrote it to Tim.
    email("6", &["ada", "tim"], &[], "Subj-E6"),
];

const CASES: [Thing; 2] = [
    Thing { noun: Noun::Case, name: "1", missing: "99", users: &["ada"], teams: &["front"], title: "Subj-E1" },
    Thing { noun: Noun::Case, name: "2", missing: "99", users: &[], teams: &["back"], title: "Subj-E2" },
];

const RECORDS: [Thing; 3] = [
    Thing { noun: Noun::Record, name: "account:1", missing: "account:99", users: &[], teams: &["back"], title: "Name-A1" },
    Thing { noun: Noun::Record, name: "contact:1", missing: "contact:99", users: &["ada"], teams: &["front"], title: "Name-K1" },
    Thing { noun: Noun::Record, name: "lead:1", missing: "lead:99", users: &[], teams: &[], title: "Name-L1" },
];

/// A road: what is typed, with `{}` for the name of the thing, and what a reader finds on it: this word of it, or its title.
type Road = (&'static [&'static str], &'static str);

const EMAIL_SHOWS: [Road; 8] = [
    (&["-o", "json", "email", "show", "{}"], "Text"),
    (&["email", "raw", "{}"], "Content"),
    (&["-o", "json", "explain", "{}"], "Text"),
    (&["email", "show", "{}"], "Subj"),
    (&["email", "attachments", "{}"], "File"),
    (&["email", "attachments", "{}", "--extract", "1"], "Content"),
    (&["email", "show", "<{}@example.org>"], "Subj"),
    (&["explain", "{}@example.org"], ""),
];

/// Roads that change something, or show it in passing; only those ask who may not, so that nothing changes.
const EMAIL_ACTS: [&[&str]; 11] = [
    &["email", "fetch-body", "{}"],
    &["email", "reply", "{}", "--text", "x", "--draft"],
    &["email", "forward", "{}", "--to", "x@example.org", "--text", "x", "--draft"],
    &["email", "mark", "{}", "--read"],
    &["email", "move", "{}", "--archive"],
    &["email", "link", "{}", "contact:1"],
    &["email", "unlink", "{}"],
    &["email", "delete", "{}"],
    &["case", "create", "--from-email", "{}"],
    &["case", "split", "1", "--email", "{}"],
    &["filter", "test", "{}"],
];

const CASE_SHOWS: [Road; 3] = [
    (&["-o", "json", "case", "show", "{}"], "title"),
    (&["record", "show", "case:{}"], "title"),
    (&["email", "list", "--parent", "case:{}"], ""),
];

const CASE_ACTS: [&[&str]; 7] = [
    &["case", "note", "{}", "x"],
    &["case", "reply", "{}", "--text", "x", "--draft"],
    &["case", "close", "{}"],
    &["case", "assign", "{}", "nat"],
    &["case", "set", "{}", "--name", "x"],
    &["case", "follow", "{}"],
    &["email", "compose", "--to", "x@example.org", "--subject", "x", "--text", "x", "--draft", "--parent", "case:{}"],
];

const RECORD_SHOWS: [Road; 2] = [(&["record", "show", "{}"], "title"), (&["email", "list", "--parent", "{}"], "")];

const RECORD_ACTS: [&[&str]; 3] =
    [&["record", "set", "{}", "--name", "x"], &["record", "remove", "{}"], &["record", "follow", "{}"]];

/// What only the owner and administrators see: what is typed, its name, the name of one that is not there, and whether it is
/// Ada's; of what has no owner, only administrators see anything.
type Affair = (&'static [&'static str], &'static str, &'static str, bool);

const AFFAIRS: [Affair; 15] = [
    (&["-o", "json", "outbox", "show", "{}"], "1", "99", true),
    (&["filter", "show", "{}"], "Filter-Ada", "Filter-Eve", true),
    (&["filter", "show", "{}", "--user", "ada"], "1", "99", true),
    (&["filter", "list", "--account", "{}"], "ada-own", "eve-own", true),
    (&["filter", "show", "{}"], "Filter-All", "Filter-Any", false),
    (&["folder", "show", "{}", "--user", "ada"], "Folder-Ada", "Folder-Eve", true),
    (&["email", "list", "--user", "ada", "--folder", "{}"], "Folder-Ada", "Folder-Eve", true),
    (&["account", "show", "{}"], "ada-own", "eve-own", true),
    (&["email", "raw", "1", "--copy", "{}"], "2", "99", true),
    (&["quarantine", "show", "{}", "--raw"], "1", "99", false),
    (&["audit", "list", "--subject", "email:{}"], "1", "99", false),
    (&["notification", "list", "--user", "{}"], "ada", "eva", true),
    (&["email", "list", "--inbox", "--user", "{}"], "ada", "eva", true),
    (&["email", "list", "--account", "{}"], "hidden", "hedden", false),
    (&["case", "next", "--account", "{}"], "hidden", "hedden", false),
];

/// The same where something would change.
const AFFAIR_ACTS: [Affair; 7] = [
    (&["outbox", "drop", "{}"], "1", "99", true),
    (&["filter", "remove", "{}"], "Filter-Ada", "Filter-Eve", true),
    (&["folder", "remove", "{}", "--user", "ada"], "Folder-Ada", "Folder-Eve", true),
    (&["account", "remove", "{}"], "ada-own", "eve-own", true),
    (&["quarantine", "drop", "{}"], "1", "99", false),
    (&["budget", "drop", "{}"], "1", "99", false),
    (&["reprocess", "{}"], "1", "99", false),
];

const REVIEW_SHOWS: [&[&str]; 1] = [&["-o", "json", "review", "show", "{}"]];
const REVIEW_ACTS: [&[&str]; 1] = [&["review", "accept", "{}"]];

/// Lists, and whose things stand in them.
const LISTS: [(&[&str], &[Noun]); 12] = [
    (&["email", "list"], &[Noun::Email]),
    (&["-o", "json", "email", "list"], &[Noun::Email]),
    (&["email", "list", "--search", "everywhere"], &[Noun::Email]),
    (&["-o", "json", "case", "list", "--all", "--search", "subj"], &[Noun::Case]),
    (&["record", "list"], &[Noun::Record]),
    (&["-o", "jsonl", "record", "list", "--name", "name"], &[Noun::Record]),
    (&["-o", "json", "review", "list", "--all"], &[]),
    (&["-o", "json", "outbox", "list", "--all"], &[]),
    (&["-o", "json", "notification", "list"], &[]),
    (&["-o", "json", "folder", "list"], &[]),
    (&["-o", "json", "filter", "list"], &[]),
    (&["filter", "test", "--last", "30d", "--all"], &[]),
];

/// Words that stand in things, and who may come to see each on any road.
fn may_see(who: &Who, word: &str) -> bool {
    let number = word.chars().last().and_then(|last| last.to_digit(10)).map_or(0, |number| number as usize);
    let email = |at: usize| who.may_read(&EMAILS[at - 1]);
    match word.split_once('-').unwrap_or_default() {
        // NOTE-1: the stream of a case has the text of its e-mails, and names their files.
        ("Subj" | "Text" | "File", "E1" | "E2") => email(number) || who.may_read(&CASES[number - 1]),
        ("Subj" | "Text" | "File" | "Content", _) => email(number),
        ("Note", _) => who.may_read(&CASES[0]),
        ("Name", _) => RECORDS.iter().any(|record| record.title == word && who.may_read(record)),
        (_, "Ada") => who.keeps("ada"),
        _ => who.level == Level::Administrator,
    }
}

const WORDS: [&str; 35] = [
    "Subj-E1",
    "Text-E1",
    "File-E1",
    "Content-E1",
    "Subj-E2",
    "Text-E2",
    "File-E2",
    "Content-E2",
    "Subj-E3",
    "Text-E3",
    "File-E3",
    "Content-E3",
    "Subj-E4",
    "Text-E4",
    "File-E4",
    "Content-E4",
    "Subj-E5",
    "Text-E5",
    "File-E5",
    "Content-E5",
    "Subj-E6",
    "Text-E6",
    "File-E6",
    "Content-E6",
    "Note-C1",
    "Name-A1",
    "Name-K1",
    "Name-L1",
    "Folder-Ada",
    "Filter-Ada",
    "Trace-Ada",
    "Hidden-Ada",
    "Filter-All",
    "Error-Quarantine",
    "Because-Budget",
];

fn account(office: &Office, name: &str, more: &[&str]) {
    let address = format!("{name}@example.com");
    let add = ["account", "add", name, "--address", &address, "--imap-host", "127.0.0.1", "--password-command", "echo", "x"];
    office.service(&[&add[..], more].concat()).ok();
}

fn deliver(office: &Office, account: &str, (number, from): (usize, &str), header: &str) {
    let id = if number == 4 { 1 } else { number };
    let message = format!(
        "{header}From: {from}\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <{id}@example.org>\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nText-E{number} everywhere\r\n--b\r\n\
         Content-Type: application/pdf; name=\"File-E{number}.pdf\"\r\nContent-Disposition: attachment\r\n\r\n\
         Content-E{number}\r\n--b--\r\n"
    );
    let mut command = office.command(&["deliver", "--account", account]);
    command.env("HOME", office.home()).env("ESPOMAIL_NOW", crate::support::world::NOW);
    Done::of(&mut command, &message).ok();
}

/// Everything that there is to read.
fn office(sink: &SmtpSink) -> Office {
    let office = Office::on("sqlite");
    let config = std::fs::read_to_string(office.config()).unwrap();
    std::fs::write(office.config(), format!("{config}internal-hosts = [\"127.0.0.1\"]\n")).unwrap();
    for team in ["front", "back", "chiefs"] {
        office.service(&["team", "add", team]).ok();
    }
    for (role, level) in [("no", "no"), ("own", "own"), ("team", "team"), ("all", "all")] {
        office.service(&["role", "add", role]).ok();
        for scope in ["email", "case", "account", "contact", "lead"] {
            office.service(&["role", "grant", role, scope, "read", level]).ok();
        }
    }
    for one in PEOPLE.iter().filter(|one| one.login != "nobody" && one.on_behalf_of.is_none()) {
        let (address, own) = (format!("{}@example.com", one.login), format!("{}-own@example.com", one.login));
        office.service(&["user", "add", one.login, "--address", &address, "--address", &own]).ok();
        for team in one.teams {
            office.service(&["team", "join", team, one.login]).ok();
        }
        let role = match one.level {
            Level::No => "no",
            Level::Own => "own",
            Level::Team => "team",
            Level::All => "all",
            Level::Silent | Level::Administrator | Level::Nobody => continue,
        };
        // The most permissive role wins, of one's own and of one's teams'.
        match one.login {
            "chief" => {
                office.service(&["role", "give", "no", "--user", "chief"]).ok();
                office.service(&["role", "give", "all", "--team", "chiefs"]).ok();
            }
            login => drop(office.service(&["role", "give", role, "--user", login]).ok()),
        }
    }
    office.service(&["user", "add", "eva"]).ok();
    office.service(&["user", "set", "dan", "--administrator", "true"]).ok();
    office.service(&["user", "set", "gone", "--active", "false"]).ok();
    office.service(&["team", "join", "front", "past"]).ok();

    let port = sink.port.to_string();
    let case = ["--make-cases", "--add-team-users", "false"];
    account(&office, "support", &[&case[..], &["--team", "front", "--case-team", "front", "--unknown-sender", "hold"]].concat());
    account(&office, "rear", &[&case[..], &["--team", "back", "--case-team", "back"]].concat());
    account(&office, "hidden", &["--make-cases"]);
    let smtp = ["--owner", "ada", "--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-security", "plain"];
    account(&office, "ada-own", &smtp);
    office.service(&["folder", "add", "Folder-Ada", "--user", "ada"]).ok();
    office.service(&["filter", "add", "Filter-Ada", "--user", "ada", "--subject", "Subj-E1*", "--folder", "Folder-Ada"]).ok();
    office.service(&["filter", "add", "Filter-All", "--global", "--subject", "nothing of the kind", "--skip"]).ok();
    office.service(&["filter", "add", "Filter-Desk", "--account", "support", "--subject", "nothing of the kind", "--skip"]).ok();

    let first = "To: support@example.com\r\nCc: una@example.com, nix@example.com, ada@example.com\r\nSubject: Subj-E1\r\n";
    deliver(&office, "support", (1, "dora@example.org"), first);
    deliver(&office, "rear", (2, "eve@example.org"), "To: rear@example.com\r\nSubject: Subj-E2\r\n");
    deliver(&office, "ada-own", (3, "fay@example.org"), "To: ada-own@example.com\r\nSubject: Subj-E3\r\n");
    deliver(&office, "ada-own", (4, "dora@example.org"), "To: ada-own@example.com\r\nSubject: Subj-E4\r\n");
    deliver(&office, "support", (5, "gus@example.net"), "To: support@example.com\r\nSubject: [#1] Subj-E5\r\n");
    deliver(&office, "ada-own", (1, "dora@example.org"), "X-Way: Trace-Ada\r\nTo: ada-own@example.com\r\nSubject: Subj-E1\r\n");
    let letter =
        ["email", "compose", "--from", "ada-own@example.com", "--to", "tim@example.com", "--bcc", "Hidden-Ada@example.org"];
    let file = office.home().join("File-E6.pdf");
    std::fs::write(&file, "Content-E6").unwrap();
    let file = file.display().to_string();
    let written = ["--subject", "Subj-E6", "--text", "Text-E6 everywhere", "--attach", &file, "--no-signature"];
    office.service(&[&["--as", "ada"][..], &letter, &written].concat()).ok();

    office.service(&["case", "assign", "1", "ada"]).ok();
    office.service(&["case", "note", "1", "Note-C1"]).ok();
    office.service(&["record", "add", "account", "Name-A1", "--team", "back"]).ok();
    office.service(&["record", "add", "contact", "Name-K1", "--assigned-user", "ada", "--team", "front"]).ok();
    office.service(&["record", "add", "lead", "Name-L1"]).ok();
    office.service(&["team", "leave", "front", "past"]).ok();
    // What only a broken message and a flood would bring.
    let status = office.json(&["db", "status"]);
    diesel::SqliteConnection::establish(status["database"].as_str().unwrap().trim_start_matches("sqlite:"))
        .unwrap()
        .batch_execute(
            "INSERT INTO quarantine (id, position_id, uid, raw_id, error, created_at, tries)
                 SELECT 1, min(positions.id), 777, (SELECT raw_id FROM emails WHERE id = 5), 'Error-Quarantine', 0, 0 FROM positions;
             INSERT INTO held_actions (id, email_id, account_id, action, because, created_at)
                 VALUES (1, 5, 1, 'answer', 'Because-Budget', 0);",
        )
        .unwrap();
    office
}

/// Status, standard output and standard error.
type Said = (Option<i32>, String, String);

/// Somebody at the prompt.
struct Prompt<'o> {
    office: &'o Office,
    who: &'o Who,
    /// What is said of things that are not there, by what was typed and by the level of who did.
    missing: &'o Mutex<HashMap<String, Said>>,
    cells: usize,
    /// What is not as it must be.
    wrong: Vec<String>,
}

impl Prompt<'_> {
    fn type_in(&mut self, road: &[&str], name: &str) -> Said {
        let road: Vec<String> = road.iter().map(|word| word.replace("{}", name)).collect();
        let acting = self.who.on_behalf_of.map(|user| ["--as", user]);
        let words: Vec<&str> = acting.iter().flatten().copied().chain(road.iter().map(String::as_str)).collect();
        let done = self.office.asks(self.who.login, &words);
        let (said, told) = (done.stdout.to_lowercase(), done.stderr.to_lowercase());
        for word in WORDS.iter().filter(|word| !may_see(self.who, word)) {
            // Who types a name is told of it.
            let is_typed = road.iter().any(|typed| typed.contains(word));
            let word = word.to_lowercase();
            let shown = said.contains(&word) || (told.contains(&word) && !is_typed);
            if shown {
                let what = format!("{} sees {word} by {words:?}: {}{}", self.named(), done.stdout, done.stderr);
                self.wrong.push(what);
            }
        }
        (done.status, done.stdout, done.stderr)
    }

    fn named(&self) -> String {
        format!("{} (as {})", self.who.login, self.who.user())
    }

    /// It is shown.
    fn is_shown(&mut self, road: &[&str], name: &str, word: &str) {
        let (status, stdout, stderr) = self.type_in(road, name);
        if (status, stderr.as_str()) != (Some(0), "") || !stdout.contains(word) {
            let what = format!("{} by {road:?} {name} wants {word:?}: {status:?} {stdout}{stderr}", self.named());
            self.wrong.push(what);
        }
        self.cells += 1;
    }

    /// It is not there.
    fn is_not_there(&mut self, road: &[&str], name: &str, missing: &str) {
        let (status, stdout, stderr) = self.type_in(road, name);
        let key = format!("{:?} {road:?} {missing}", self.who.level);
        let is_said_of = |(of, out, err): &Said| {
            (*of, out.replace(missing, name), err.replace(missing, name)) == (status, stdout.clone(), stderr.clone())
        };
        let known = self.missing.lock().unwrap().get(&key).cloned();
        if !known.as_ref().is_some_and(is_said_of) {
            let said = self.type_in(road, missing);
            if !is_said_of(&said) {
                let what =
                    format!("{} by {road:?} tells {name} from {missing}: {status:?} {stdout}{stderr} {said:?}", self.named());
                self.wrong.push(what);
            }
            self.missing.lock().unwrap().insert(key, said);
        }
        self.cells += 1;
    }

    fn ask(&mut self, thing: &Thing, shows: &[Road], acts: &[&[&str]]) {
        let may = self.who.may_read(thing);
        for (road, word) in shows {
            // Two e-mails bear one Message-ID: a reader of either finds that one.
            let by_id = road.iter().any(|word| word.contains('@'));
            // The fourth shares the first one's; a letter of ours has one that nobody can guess.
            if by_id && ["4", "6"].contains(&thing.name) {
                continue;
            }
            let title = format!("{word}-E{}", thing.name);
            let wanted = match *word {
                "title" => thing.title,
                "" => "",
                _ => &title,
            };
            match may {
                true if thing.name == "6" && wanted.starts_with("Content") && road[1] == "raw" => {
                    self.is_shown(road, thing.name, "");
                }
                true => self.is_shown(road, thing.name, wanted),
                false => self.is_not_there(road, thing.name, thing.missing),
            }
        }
        if !may {
            acts.iter().for_each(|road| self.is_not_there(road, thing.name, thing.missing));
        }
    }

    fn ask_for_everything(&mut self) {
        self.lists();
        if self.who.level == Level::Nobody {
            // It is refused at the door, whatever is asked.
            self.ask(&EMAILS[0], &EMAIL_SHOWS, &EMAIL_ACTS);
            return;
        }
        // One thing of each kind on every road, the others on the roads that show most.
        for thing in &EMAILS {
            let (all, acts) = (["1", "3"].contains(&thing.name), thing.name == "3");
            self.ask(thing, &EMAIL_SHOWS[..if all { 8 } else { 3 }], &EMAIL_ACTS[..if acts { 11 } else { 0 }]);
        }
        for thing in &CASES {
            self.ask(thing, &CASE_SHOWS, &CASE_ACTS[..if thing.name == "1" { 7 } else { 0 }]);
        }
        for thing in &RECORDS {
            self.ask(thing, &RECORD_SHOWS, &RECORD_ACTS[..if thing.name == "contact:1" { 3 } else { 0 }]);
        }
        let may_review = self.who.may_read(&EMAILS[4]);
        for road in REVIEW_SHOWS {
            if may_review { self.is_shown(road, "1", "Subj-E5") } else { self.is_not_there(road, "1", "99") }
        }
        for road in REVIEW_ACTS.iter().filter(|_| !may_review) {
            self.is_not_there(road, "1", "99");
        }
        let keeps = |who: &Who, own: bool| if own { who.keeps("ada") } else { who.level == Level::Administrator };
        for (road, name, missing, own) in AFFAIRS {
            // Ada looks for a copy of an e-mail that she has; another reader of it does not find hers.
            if keeps(self.who, own) { self.is_shown(road, name, "") } else { self.is_not_there(road, name, missing) }
        }
        for (road, name, missing, own) in AFFAIR_ACTS {
            if !keeps(self.who, own) {
                self.is_not_there(road, name, missing);
            }
        }
    }

    fn lists(&mut self) {
        for (road, nouns) in LISTS {
            let (_, stdout, _) = self.type_in(road, "");
            let things = EMAILS.iter().chain(&CASES).chain(&RECORDS).filter(|thing| nouns.contains(&thing.noun));
            for thing in things {
                let listed = stdout.contains(thing.title);
                if listed != self.who.may_read(thing) {
                    self.wrong.push(format!("{} by {road:?}, {}: {stdout}", self.named(), thing.title));
                }
                self.cells += 1;
            }
            // Each word that must not be seen was looked for.
            self.cells += WORDS.iter().filter(|word| !may_see(self.who, word)).count();
        }
    }
}

#[test]
fn access_2_who_may_not_read_a_thing_finds_it_on_no_road() {
    let sink = SmtpSink::start(Manners::default());
    let office = office(&sink);
    // The index is made by the first who searches, and that is a matter of its own.
    office.service(&["email", "list", "--search", "everywhere"]).ok();
    let (next, cells, wrong) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let missing = Mutex::new(HashMap::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(who) = PEOPLE.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut prompt = Prompt { office: &office, who, missing: &missing, cells: 0, wrong: Vec::new() };
                    prompt.ask_for_everything();
                    cells.fetch_add(prompt.cells, Ordering::Relaxed);
                    wrong.lock().unwrap().extend(prompt.wrong);
                }
            });
        }
    });
    let (cells, wrong) = (cells.into_inner(), wrong.into_inner().unwrap());
    assert!(wrong.is_empty(), "{} of {cells} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cells >= 2_000, "{cells} cells");
    // Nobody has changed anything.
    let seen = office.json(&["email", "list", "--limit", "1000"]);
    assert_eq!(seen["items"].as_array().unwrap().len(), EMAILS.len());
}
