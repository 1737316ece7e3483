//! ACCESS-1 to ACCESS-4: every command, and who may. Nobody is let through by being forgotten: what is not in the table fails.

use super::rehearsed::{can_be_rehearsed, files, rows, wrongly_written};
use crate::support::office::Office;

/// Who asks: nobody that espomail knows, a user without a role, a team-mate of Ada's whose role reaches as far as the team does, and an
/// administrator.
const WHO: [&str; 4] = ["mallory", "eve", "ben", "boss"];

/// What comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comes {
    /// Refused, or not there for the one who asks.
    No,
    /// Done.
    Yes,
    /// Let through, and then it fails for want of a server, or because there is nothing to do.
    Tries,
}

use Comes::{No, Tries, Yes};

/// Only administrators.
const BOSS: [Comes; 3] = [No, No, Yes];
/// The same, where there is nothing for it to do here.
const BOSS_TRIES: [Comes; 3] = [No, No, Tries];
/// Nobody through sudo: it would be with the files of the service account.
const NOBODY: [Comes; 3] = [No, No, No];
/// Those whom roles let, as far as the team.
const TEAM: [Comes; 3] = [No, Yes, Yes];
/// Every user; each sees or changes what is theirs.
const ALL: [Comes; 3] = [Yes, Yes, Yes];

/// Every command, on what is Ada's or everybody's, and what comes of it for a user, a team-mate and an administrator.
const TABLE: &[(&str, [Comes; 3])] = &[
    ("init", NOBODY),
    ("fetch", BOSS_TRIES),
    ("fetch support --mailbox Junk --uid 1", BOSS_TRIES),
    ("send", BOSS_TRIES),
    ("notify", BOSS),
    ("prune", BOSS),
    ("deliver --account support", BOSS),
    ("import --account support /nowhere", NOBODY),
    ("explain 1", TEAM),
    ("explain -", BOSS),
    ("reprocess 1", BOSS),
    ("reprocess --filter hers", BOSS),
    ("test /nowhere", NOBODY),
    ("account add more --address more@example.com --imap-host imap.example.com --password-stdin", BOSS),
    ("account list", ALL),
    ("account show support", BOSS),
    ("account show adas", BOSS),
    ("account set support --from-name X", BOSS),
    ("account move support --imap-host 127.0.0.1 --imap-port 9 --password-command true", NOBODY),
    ("account set adas --from-name X", BOSS),
    ("account remove adas", BOSS_TRIES),
    ("account enable adas", BOSS),
    ("account disable adas", BOSS),
    ("account test adas", BOSS_TRIES),
    ("account authorize adas --provider google", BOSS_TRIES),
    ("account folders adas", BOSS_TRIES),
    ("account reset adas --since 2026-11-01", BOSS),
    ("account actions adas", BOSS),
    ("account actions support", BOSS),
    ("account actions support --retry", BOSS),
    ("account actions support --drop", BOSS),
    ("user add more", BOSS),
    ("user list", ALL),
    ("user show ada", ALL),
    ("user rights ada", ALL),
    ("user set ada --name X", BOSS),
    ("user remove eve", BOSS),
    ("user absence add ada --from 2026-12-24 --until 2026-12-27", BOSS),
    ("user absence list", ALL),
    ("user absence remove 1", BOSS),
    ("team add more", BOSS),
    ("team list", ALL),
    ("team show desk", ALL),
    ("team set desk --name more", BOSS),
    ("team remove other", BOSS),
    ("team join desk eve", BOSS),
    ("team leave desk ben", BOSS),
    ("role add more", BOSS),
    ("role list", ALL),
    ("role show agents", ALL),
    ("role remove agents", BOSS_TRIES),
    ("role grant agents email read all", BOSS),
    ("role give agents --user eve", BOSS),
    ("role take agents --team desk", BOSS),
    ("token rotate", BOSS),
    ("token list", BOSS),
    ("token make case:1 --account support", TEAM),
    ("record add contact More", BOSS),
    ("record list contact", ALL),
    ("record show contact:1", BOSS),
    ("record set contact:1 --name More", BOSS),
    ("record delete contact:1", BOSS),
    ("record merge contact:1 contact:2", BOSS),
    ("record convert lead:1", BOSS),
    ("record follow contact:1 --user boss", BOSS),
    ("record unfollow contact:1 --user ada", BOSS),
    ("case list", ALL),
    ("case show 1", TEAM),
    ("case next --account support", TEAM),
    ("case create More", TEAM),
    ("case create --from-email 2", BOSS),
    ("case set 1 --name More", TEAM),
    ("case assign 1 ben", TEAM),
    ("case status 1 pending", TEAM),
    ("case close 1", TEAM),
    ("case reopen 2", [No, Yes, Yes]),
    ("case note 1 Words", TEAM),
    ("case reply 1 --text Words --queue", TEAM),
    ("case merge 2 --into 1", TEAM),
    ("case unmerge 1", [No, Tries, Tries]),
    ("case split 1 --email 1", TEAM),
    ("case delete 1", BOSS),
    ("case follow 1 --user ada", BOSS),
    ("case unfollow 1 --user ada", BOSS),
    ("review list", ALL),
    ("review show 1", BOSS_TRIES),
    ("review accept 1", BOSS_TRIES),
    ("review split 1", BOSS_TRIES),
    ("review reject 1", BOSS_TRIES),
    ("email list", ALL),
    ("email list --inbox --user ada", BOSS),
    ("email show 1", TEAM),
    ("email raw 1", TEAM),
    ("email attachments 1", TEAM),
    ("email fetch-body 1", [No, Tries, Tries]),
    ("email compose --from support@example.com --subject X --to dora@example.org --text Words --queue", TEAM),
    ("email reply 1 --text Words --queue", TEAM),
    ("email resend 1", [No, Tries, Tries]),
    ("email forward 1 --to vera@example.org --text Words --queue", TEAM),
    ("email list --drafts", ALL),
    // It stays ada's.
    ("email edit 4 --subject X", BOSS),
    ("email mark 1 --read --user ada", BOSS),
    ("email move 1 --archive --user ada", BOSS),
    ("email move 1 --group-folder Shelf", TEAM),
    ("email set 1 --important true", TEAM),
    ("email link 1 case:2", TEAM),
    ("email unlink 1", TEAM),
    ("email delete 1", [No, No, Yes]),
    ("event list", ALL),
    ("event show 5", [No, No, Yes]),
    ("event accept 5 --queue", [No, No, Tries]),
    ("event decline 5 --queue", [No, No, Tries]),
    ("event tentative 5 --queue", [No, No, Tries]),
    ("event export 5", [No, No, Yes]),
    ("filter add more --user ada --subject x --mark-read", BOSS),
    ("filter add more --global --subject x --skip", BOSS),
    ("filter list", ALL),
    ("filter list --user ada", ALL),
    ("filter show hers", BOSS),
    ("filter set hers --active false", BOSS),
    ("filter move hers --first", BOSS),
    ("filter remove hers", BOSS),
    ("filter remove all", BOSS),
    ("filter retry", BOSS_TRIES),
    ("filter test 1 --filter hers", BOSS),
    ("folder add More --user ada", BOSS),
    ("folder add More --group", BOSS),
    ("folder list", ALL),
    ("folder list --user ada", BOSS),
    ("folder show Hers --user ada", BOSS),
    ("folder set Hers --user ada --name More", BOSS),
    ("folder remove Hers --user ada", BOSS),
    ("folder remove Shelf --group", BOSS),
    ("notification list", ALL),
    ("notification list --user ada", BOSS),
    ("notification read --all", ALL),
    ("notification read --all --user ada", BOSS),
    ("address list", BOSS),
    ("address show dora@example.org", BOSS_TRIES),
    ("address clear dora@example.org", BOSS_TRIES),
    ("person erase dora@example.org --dry-run", BOSS),
    ("person export dora@example.org /nowhere", NOBODY),
    ("template add more --subject X", BOSS),
    ("template list", ALL),
    ("template show hello", ALL),
    ("template set hello --subject X", BOSS),
    ("template remove hello", BOSS),
    ("template preview hello", ALL),
    ("template placeholders", ALL),
    ("outbox list", ALL),
    ("outbox show 1", BOSS),
    ("outbox retry 1", BOSS),
    ("outbox drop 1", BOSS),
    ("outbox mark-sent 1", BOSS_TRIES),
    ("outbox hold 1", BOSS),
    ("outbox release 2", BOSS),
    ("budget list", BOSS),
    ("budget release --all", BOSS),
    ("budget drop 1", BOSS_TRIES),
    ("quarantine list", BOSS),
    ("quarantine show 1", BOSS_TRIES),
    ("quarantine retry 1", BOSS_TRIES),
    ("quarantine drop 1", BOSS_TRIES),
    ("reconcile", BOSS_TRIES),
    ("reconcile --import-missing", BOSS_TRIES),
    ("fate list", BOSS),
    ("fate retry --filter all", BOSS_TRIES),
    ("fate raw support/INBOX/1", BOSS_TRIES),
    ("fate drop --all", BOSS),
    ("trace dora@example.org", BOSS),
    ("audit list", BOSS),
    ("config show", BOSS),
    ("config check", BOSS),
    ("db migrate", BOSS),
    ("db status", BOSS),
    ("db backup /nowhere", NOBODY),
    ("db restore /nowhere", NOBODY),
    ("db restored", BOSS),
    ("db move --abandon", BOSS),
    ("db move --to sqlite:/nowhere", NOBODY),
    ("db check", BOSS),
    ("db vacuum", BOSS),
    ("storage show", BOSS),
    ("storage move --dry-run", BOSS),
    ("storage rename file:///nowhere file:///elsewhere", NOBODY),
    ("storage check", BOSS),
    ("status", BOSS),
    ("doctor --offline", BOSS_TRIES),
    ("doctor --prove", BOSS),
];

const MAIL: &str = "From: Dora <dora@example.org>\r\nTo: support@example.com\r\nSubject: Pump\r\nMessage-ID: <a@example.org>\r\n\
    Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\nIt is broken.\r\n";

fn office() -> Office {
    let office = Office::on("sqlite");
    let config = std::fs::read_to_string(office.config()).unwrap();
    std::fs::write(office.config(), format!("{config}internal-hosts = [\"127.0.0.1\"]\n")).unwrap();
    let told = |line: &str| drop(office.service(&words(line)).ok());
    ["ada", "ben", "eve"].iter().for_each(|login| told(&format!("user add {login} --address {login}@example.com")));
    told("user add boss --administrator");
    told("user absence add ada --from 2026-12-01 --until 2026-12-02");
    told("team add desk");
    told("team add other");
    told("team join desk ada ben");
    told("role add agents");
    for right in ["case read", "case edit", "email read", "email edit", "group-account use"] {
        told(&format!("role grant agents {right} team"));
    }
    told("role give agents --team desk");
    told("template add hello --subject Hi");
    let server = "--imap-host 127.0.0.1 --imap-port 9 --smtp-host 127.0.0.1 --smtp-port 9 --smtp-security plain --smtp-auth none";
    let add = |line: &str| {
        let typed = format!("account add {line} {server} --password-stdin");
        drop(office.service_with(&words(&typed), "hunter2").ok());
    };
    add(
        "support --address support@example.com --make-cases --distribution direct --assigned-user ada --case-team desk --team desk --shared",
    );
    add("adas --owner ada --address ada@example.com");
    office.service_with(&["deliver", "--account", "support"], MAIL).ok();
    told("case create Second");
    told("case set 2 --team desk");
    told("case close 2");
    told("record add contact Dora --address dora@example.org");
    told("record add contact Dan");
    told("record add lead Lee");
    told("record follow contact:1 --user ada");
    office
        .service_with(
            &["deliver", "--account", "adas"],
            &MAIL.replace("support@", "ada@").replace("<a@", "<b@").replace("Pump", "Own"),
        )
        .ok();
    told("filter add hers --user ada --subject x --mark-read");
    told("filter add all --global --subject x --skip");
    told("folder add Hers --user ada");
    told("folder add Shelf --group --team desk");
    let written = "email compose --from ada@example.com --subject X --to dora@example.org --text Words";
    told(&format!("--as ada {written} --queue"));
    told(&format!("--as ada {written} --draft"));
    let invitation = "From: Vera <vera@example.org>\r\nTo: ada@example.com\r\nSubject: Meeting\r\nMessage-ID: <m@example.org>\r\n\
        Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTART:20261201T090000Z\r\n\
        ORGANIZER:mailto:vera@example.org\r\nATTENDEE:mailto:ada@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    office.service_with(&["deliver", "--account", "adas"], invitation).ok();
    office
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

#[test]
fn access_2_every_command_asks_who_may() {
    let office = office();
    let store = office.home().join(".local/share/espomail/espomail.sqlite");
    let passes = std::path::PathBuf::from(format!("{}-passes", store.display()));
    let whole = [&store, &passes].map(|file| (file.clone(), std::fs::read(file).unwrap()));
    let (before, (said, all)) = (files(office.home()), rows(&store));
    let mut wrong = Vec::new();
    for (line, expected) in TABLE {
        for (who, expected) in WHO.into_iter().zip([&[No], &expected[..]].concat()) {
            let input = if line.starts_with("account") { "hunter2" } else { MAIL };
            let rehearsed = (who == "boss" && can_be_rehearsed(line))
                .then(|| office.asks_with(who, &[&words(line)[..], &["--dry-run"]].concat(), input));
            if rehearsed.is_some() && files(office.home()) != before {
                wrong.push(format!("espomail {line} --dry-run changes something"));
                restore(&store, &whole);
            }
            let done = office.asks_with(who, &words(line), input);
            if let Some(rehearsed) = rehearsed {
                let told = ["Nothing was changed.", "would ", "WOULD "].iter().any(|words| rehearsed.stdout.contains(words));
                if rehearsed.status != done.status || (done.status == Some(0)) != told {
                    wrong.push(format!(
                        "espomail {line} --dry-run: {:?}: {}{}",
                        rehearsed.status, rehearsed.stdout, rehearsed.stderr
                    ));
                }
            }
            let comes = match (done.status.unwrap_or_default(), line.starts_with("deliver")) {
                // An MTA keeps the message.
                (75, true) => No,
                (0, _) => Yes,
                (77, _) => No,
                _ if is_hidden(&done.stderr) && who != "boss" => No,
                _ => Tries,
            };
            if comes != expected {
                wrong.push(format!(
                    "{who}: espomail {line}: {comes:?}, not {expected:?}: {:?} {}",
                    done.status,
                    done.stderr.trim()
                ));
            }
            if comes != No {
                if who == "boss" {
                    let (now_said, now) = rows(&store);
                    wrong.extend(wrongly_written(line, now != all, &now_said[said.len()..]));
                }
                restore(&store, &whole);
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{} of {} cells", wrong.join("\n"), wrong.len(), 4 * TABLE.len());
}

/// What others have is not there.
fn is_hidden(said: &str) -> bool {
    ["there is no ", "there are no ", "no delivery report has spoken of "].iter().any(|words| said.contains(words))
}

fn restore(store: &std::path::Path, whole: &[(std::path::PathBuf, Vec<u8>)]) {
    for more in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{more}", store.display()));
    }
    whole.iter().for_each(|(file, bytes)| std::fs::write(file, bytes).unwrap());
}

#[test]
fn access_2_every_command_is_in_the_table() {
    let mut commands = crate::support::commands();
    let is_in = |command: &str| TABLE.iter().any(|(line, _)| *line == command || line.starts_with(&format!("{command} ")));
    commands.retain(|command| !is_in(command));
    assert!(commands.is_empty(), "who may? Put into the table: {commands:?}");
}
