//! Every change by a person leaves a line in the audit, and nobody but administrators changes what concerns all.

use crate::support::office::Office;

/// Changes in an order in which each finds what it needs, and what the audit says of them.
const CHANGES: &[(&str, &str, &str)] = &[
    ("team add front", "team:front", ""),
    ("team set front --name first", "team:front", "name: front -> first"),
    ("user add ada --address ada@example.com", "user:ada", ""),
    ("user set ada --name Ada --administrator false", "user:ada", "name: ada -> Ada"),
    (
        "user set ada --notify-received false --auto-follow case",
        "user:ada",
        "auto-follow: - -> case; notify-received: true -> false",
    ),
    ("user set ada --notify-by-mail true", "user:ada", "notify-by-mail: false -> true"),
    ("user set ada --signature Ada", "user:ada", "signature: - -> Ada"),
    ("user set ada --signature-html <b>Ada</b>", "user:ada", "signature-html: - -> <b>Ada</b>"),
    ("user set ada --no-auto-follow case", "user:ada", "auto-follow: case -> -"),
    ("user absence add ada --from 2026-12-24 --until 2026-12-27", "user:ada", "2026-12-24T00:00:00Z until 2026-12-27T00:00:00Z"),
    ("user absence remove 1", "user:ada", "absence 1"),
    ("team join first ada --position agent", "team:first", "ada (agent)"),
    ("role add agents", "role:agents", ""),
    ("role grant agents email read team", "role:agents", "email read: - -> team"),
    ("role give agents --team first", "role:agents", "team:first"),
    ("role take agents --team first", "role:agents", "team:first"),
    ("role remove agents", "role:agents", ""),
    ("record add contact Vera", "contact:1", "Vera"),
    (
        "record set contact:1 --assigned-user ada --active false",
        "contact:1",
        "active: true -> false; assigned-user: - -> ada; followers: - -> ada",
    ),
    ("record unfollow contact:1 --user ada", "contact:1", "ada"),
    ("record follow contact:1 --user ada", "contact:1", "ada"),
    ("record delete contact:1", "contact:1", "Vera"),
    ("record add contact Wim", "contact:2", "Wim"),
    ("record add contact Wam", "contact:3", "Wam"),
    ("record merge contact:2 contact:3", "contact:3", "into contact:2"),
    ("record add lead Lee", "lead:1", "Lee"),
    ("record convert lead:1", "lead:1", "into contact:4"),
    (
        "account add support --address s@example.com --imap-host imap.example.com --password-command echo hunter2",
        "account:support",
        "group",
    ),
    (
        "account set support --imap-host mail.example.com --password-command echo hunter3",
        "account:support",
        "imap-host: imap.example.com -> mail.example.com; password",
    ),
    ("filter add spam --account support --subject SPAM* --skip", "filter:spam", "account support"),
    ("filter set spam --active false", "filter:spam", "account support: active: true -> false"),
    ("filter add ham --account support --subject HAM* --skip", "filter:ham", "account support"),
    ("filter move ham --first", "filter:ham", "account support: place: 2 -> 1"),
    ("filter remove spam", "filter:spam", "account support"),
    ("folder add Bills --user ada", "folder:1", "Bills"),
    ("folder set Bills --user ada --skip-notifications true", "folder:1", "Bills: skip-notifications: false -> true"),
    ("folder remove Bills --user ada", "folder:1", "Bills"),
    ("template add hello --subject Hi", "template:hello", ""),
    ("template set hello --subject Dear", "template:hello", "subject: Hi -> Dear"),
    ("account set support --auto-reply hello", "account:support", "auto-reply-template: - -> hello"),
    ("account set support --auto-reply ", "account:support", "auto-reply-template: hello -> -"),
    ("template remove hello", "template:hello", ""),
    ("account set support --after-fetch move:Done", "account:support", "after-fetch: leave -> move:Done"),
    ("account actions support --retry", "account:support", "0 due again"),
    ("account actions support --drop", "account:support", "0 dropped"),
    ("account disable support", "account:support", ""),
    ("account enable support", "account:support", ""),
    ("account reset support --since 2026-11-01", "account:support", "since 2026-11-01T00:00:00Z"),
    ("account remove support", "account:support", ""),
    ("token rotate --keep 30", "token-key:2", "those before it are good for 30 days"),
    ("case create Broken", "case:1", ""),
    ("case assign 1 ada", "case:1", "ada"),
    ("case note 1 Words", "case:1", "note 13"),
    ("case unfollow 1 --user ada", "case:1", "ada"),
    ("case follow 1 --user ada", "case:1", "ada"),
    ("case set 1 --name Mended", "case:1", "name: Broken -> Mended"),
    ("case close 1", "case:1", "closed"),
    ("case reopen 1", "case:1", "assigned"),
    ("case status 1 rejected", "case:1", "rejected"),
    ("notification read --all --user ada", "user:ada", "1 notification"),
    ("team leave first ada", "team:first", "ada"),
    ("user remove ada", "user:ada", ""),
    ("case delete 1", "case:1", "Mended"),
    ("team remove first", "team:first", ""),
];

/// What some of them say when they are only rehearsed; on both databases nothing of it is done, or the next time it would not be found so.
const REHEARSED: &[(&str, &str)] = &[
    ("team add", "Team front added."),
    ("account reset", "Account support is read anew from 2026-11-01T00:00:00Z on at the next pass."),
    (
        "account remove",
        "Account support would be removed, with its passwords and how far it was read (0 mailboxes). Its e-mails (0)",
    ),
    ("team remove", "Team first would be removed; its 0 members, records and e-mails would stay."),
];

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// The verbs of a command that was typed: `user absence add`.
fn verbs(line: &str) -> String {
    let count = if line.starts_with("user absence") { 3 } else { 2 };
    words(line)[..count].join(" ")
}

#[test]
fn access_4_every_change_by_a_person_is_written_down() {
    ["sqlite", "postgresql"].map(Office::on).iter().for_each(every_change);
}

fn every_change(office: &Office) {
    for (line, subject, detail) in CHANGES {
        if let Some((_, would)) = REHEARSED.iter().find(|(command, _)| verbs(line) == *command) {
            let told = office.service(&[&words(line)[..], &["--dry-run"]].concat()).ok();
            assert!(told.contains(would) && told.ends_with("Nothing was changed.\n"), "{line}: {told}");
            let told = office.json(&[&words(line)[..], &["--dry-run"]].concat());
            assert!(told["dry_run"] == true && told["says"].as_str().unwrap().contains(would), "{line}: {told}");
        }
        // What is to answer and cannot send is said, and done.
        assert_eq!(office.service(&words(line)).status, Some(0), "{line}");
        let newest = &office.json(&["audit", "list", "--limit", "1"])["items"][0];
        let wanted = (verbs(line), subject.to_string(), detail.to_string(), "2026-11-23T10:00:00Z".to_string());
        let text = |key: &str| newest[key].as_str().unwrap().to_string();
        assert_eq!((text("action"), text("subject"), text("detail"), text("at")), wanted, "{line}");
    }
    let changes = office.json(&["audit", "list", "--limit", "1000"]);
    assert_eq!(changes["items"].as_array().unwrap().len(), CHANGES.len(), "one line for each");
    assert!(!changes.to_string().contains("hunter"));
    // What fails leaves nothing.
    office.service(&["team", "remove", "first"]).fails(65);
    assert_eq!(office.json(&["audit", "list", "--limit", "1000"])["items"].as_array().unwrap().len(), CHANGES.len());
}

#[test]
fn access_1_only_administrators_change_what_concerns_all() {
    let office = Office::on("sqlite");
    let all = ["account", "user", "team", "role"];
    for (line, ..) in CHANGES.iter().filter(|(line, ..)| all.contains(&words(line)[0])) {
        // A user without any role, in the world before that change.
        if !line.starts_with("user add ada") {
            // After the first time she is there.
            let _ = office.service(&["user", "add", "eve"]);
            let _ = office.service(&["template", "add", "hello", "--subject", "Hi"]);
            // `--password-command` is refused for another reason.
            let arguments: Vec<&str> = words(line).into_iter().take_while(|word| *word != "--password-command").collect();
            let arguments =
                if arguments.len() < words(line).len() { [&arguments[..], &["--password-stdin"]].concat() } else { arguments };
            let done = office.asks_with("eve", &arguments, "x");
            // Of an account there is not even a hint.
            let of_account = line.starts_with("account") && !line.starts_with("account add");
            // Before the account is looked for, the option is refused.
            let status = if of_account && !line.contains("--auto-reply") { 65 } else { 77 };
            done.fails(status);
        }
        // What is to answer and cannot send is said, and done.
        assert_eq!(office.service(&words(line)).status, Some(0), "{line}");
    }
}

/// Commands that change something and are not in [`CHANGES`]: other tests look at their audit. What only looks stands in `rehearsed.rs`.
const OTHERS: &[&str] = &[
    "fetch",
    // In tests/keep.rs and tests/fetch.rs.
    "import",
    // In tests/prune.rs and tests/person.rs.
    "prune",
    "person erase",
    // In tests/moving.rs.
    "account move",
    // In tests/keep.rs.
    "db restored",
    // In tests/transfer.rs.
    "db move",
    // In tests/storage.rs.
    "storage move",
    "storage rename",
    // In tests/events.rs.
    "event accept",
    "event decline",
    "event tentative",
    "filter retry",
    "email mark",
    "email move",
    "email delete",
    // In tests/answers.rs.
    "budget release",
    "budget drop",
    // In tests/send.rs: who sends as whom, and what becomes of it.
    "email compose",
    "email reply",
    "email edit",
    "email forward",
    "email resend",
    "case reply",
    "outbox retry",
    "outbox drop",
    "outbox mark-sent",
    "outbox hold",
    "outbox release",
    // In tests/shell/: `filter retry`, `case merge`, `case split`, what is done to e-mails, and what waits for a person's word.
    "case merge",
    "case split",
    "case unmerge",
    "address clear",
    "email link",
    // In tests/shell/sharing.rs.
    "email set",
    "email unlink",
    "quarantine retry",
    "quarantine drop",
    // In tests/traces.rs.
    "fate retry",
    "fate drop",
    "review accept",
    "review split",
    "review reject",
];

#[test]
fn access_4_no_command_is_forgotten() {
    let commands = crate::support::commands();
    let others = OTHERS.iter().copied().chain(super::rehearsed::listed()).map(ToString::to_string);
    let known: Vec<String> = CHANGES.iter().map(|(line, ..)| verbs(line)).chain(others).collect();
    let forgotten: Vec<&String> = commands.iter().filter(|command| !known.contains(command)).collect();
    assert!(forgotten.is_empty(), "does it change anything, and who may? Put it into CHANGES or OTHERS: {forgotten:?}");
    let gone: Vec<&String> = known.iter().filter(|command| !commands.contains(command)).collect();
    assert!(gone.is_empty(), "there is no such command: {gone:?}");
}
