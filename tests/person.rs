//! `person erase` and `person export`: what there is of somebody goes, or is handed out, and others keep what is theirs. Through the real
//! binary, on both databases.

use serde_json::{Value, json};

use crate::support::world::World;

fn told(world: &World, line: &str) {
    world.run_with(&line.split(' ').collect::<Vec<_>>(), "hunter2\n").ok();
}

fn deliver(world: &World, mail: &str) {
    world.run_with(&["deliver", "--account", "support"], &mail.replace('\n', "\r\n")).ok();
}

const PUMP: &str = "From: Dora Example <Dora@example.org>\nTo: support@example.com\nSubject: Pump of Dora\nMessage-ID: <a@example.org>\n\n\
    It is broken. Could somebody please have a look at it today? We have tried to turn it off and on again, twice.\n-- \nDora Example\n";
const MEETING: &str = "From: Eve <eve@example.net>\nTo: support@example.com, Dora Example <dora@example.org>\nSubject: Meeting\n\
    Message-ID: <b@example.net>\n\nDora Example (dora@example.org) and pandora@example.org will come.\n\
    Please let us know if you need anything else; we are looking forward to your answer, and to seeing all of you.\n";
const OTHER: &str = "From: Eve <eve@example.net>\nTo: support@example.com\nSubject: Valve\nMessage-ID: <c@example.net>\n\nIt drips, says pandora@example.org.\n";
const SKIPPED: &str =
    "From: Dora Example <dora@example.org>\nTo: support@example.com\nSubject: SPAM\nMessage-ID: <d@example.org>\n\nBuy.\n";

/// Mail of Dora, mail of Eve that names her, mail of Eve alone, a letter to Dora that was not sent, and her record.
fn office(database: &str) -> World {
    let world = World::on(database);
    told(&world, "user add ada --address ada@example.com");
    told(&world, "role add agents");
    told(&world, "role grant agents case read all");
    told(&world, "role give agents --user ada");
    told(&world, "record add account Example --address info@example.org");
    world
        .run(&[
            "record",
            "add",
            "contact",
            "Dora Example",
            "--address",
            "dora@example.org",
            "--address",
            "dora@example.com",
            "--account",
            "account:1",
        ])
        .ok();
    told(
        &world,
        "account add support --address support@example.com --make-cases --distribution direct --assigned-user ada --shared \
         --imap-host imap.example.com --smtp-host smtp.example.com --password-stdin",
    );
    told(&world, "filter add spam --account support --subject SPAM* --skip");
    [PUMP, MEETING, OTHER, SKIPPED].iter().for_each(|mail| deliver(&world, mail));
    world.run(&["case", "note", "1", "Dora Example called, from dora@example.org."]).ok();
    told(&world, "case reply 1 --text Tomorrow. --queue");
    world
}

/// Everything that commands show, and every row.
fn seen(world: &World) -> String {
    let mut seen = String::new();
    let looks = [
        "email list",
        "email show 1",
        "email show 2",
        "email show 3",
        "email list --search dora",
        "case list",
        "case show 1",
        "case show 2",
        "record list contact",
        "explain 1",
        "explain 2",
        "fate list",
        "audit list --limit 1000",
        "outbox list",
        "notification list --user ada",
        "address list",
        "quarantine list",
        "trace dora@example.org",
    ];
    for look in looks {
        let done = world.run(&[&["-o", "json"], &look.split(' ').collect::<Vec<_>>()[..]].concat());
        seen += &format!("{look}: {}\n", done.stdout);
    }
    seen
}

#[test]
fn person_erase_leaves_nothing_of_somebody_and_all_of_others() {
    for database in ["sqlite", "postgresql"] {
        let world = office(database);
        if database == "postgresql" {
            world.write_reasons_as_text("2");
        }
        world.run(&["person", "erase", "ada@example.com"]).fails(65);
        assert!(seen(&world).to_lowercase().contains("dora@example.org"));
        let would = world.json(&["person", "erase", "dora@example.org", "--dry-run"]);
        let expected = json!([2, 1, ["contact:1"], ["case:1"], ["dora@example.com"]]);
        let told = |said: &Value| {
            json!([said["emails"], said["emails_of_others"], said["records"], said["cases"], said["other_addresses"]])
        };
        assert_eq!(told(&would), expected, "{database}: {would}");
        assert_eq!(would["kept"], 1, "{database}: what a filter skipped");
        assert_eq!(world.json(&["email", "list"])["items"].as_array().unwrap().len(), 4, "{database}: a dry run changes nothing");

        // It is stopped behind half of the work, and typed again.
        world.sql("UPDATE outbox SET state = 'sending'");
        assert!(world.run(&["person", "erase", "dora@example.org"]).fails(75).contains("being sent just now"));
        world.sql("UPDATE outbox SET state = 'queued'");
        let erased = world.json(&["person", "erase", "Dora@Example.org"]);
        assert_eq!(told(&erased), json!([2, 0, ["contact:1"], ["case:1"], ["dora@example.com"]]), "{database}: {erased}");
        assert!(erased["out_of_reach"].as_array().unwrap().len() > 3);
        let seen = seen(&world);
        let others = seen.replace("pandora@example.org", "").replace("trace dora@example.org", "");
        for gone in ["dora@example", "Dora Example", "It is broken", "Tomorrow.", "a@example.org"] {
            assert!(!others.to_lowercase().contains(&gone.to_lowercase()), "{database}: {gone} in {others}");
        }
        assert!(seen.contains("It drips") && seen.contains("pandora@example.org") && seen.contains("eve@example.net"), "{seen}");
        let case = world.json(&["case", "show", "1"]);
        assert_eq!((&case["number"], &case["name"]), (&json!(1), &json!("(erased)")), "{case}");
        world.run(&["email", "raw", "3"]).ok();
        assert!(world.run(&["email", "raw", "2"]).fails(65).contains("pruned"));
        let audit = world.json(&["audit", "list", "--limit", "1"]);
        assert_eq!(
            (&audit["items"][0]["action"], &audit["items"][0]["detail"]),
            (&json!("person erase"), &json!("2 e-mails, 0 of others, 1 record, 1 case"))
        );
        world.run(&["doctor", "--prove"]).ok();

        // FETCH-2: what comes again, from wherever, is known; new mail is mail like any other.
        world.write(&world.path("again.eml"), &PUMP.replace('\n', "\r\n"), 0o600);
        world.run(&["import", "--account", "support", "again.eml"]).ok();
        deliver(&world, PUMP);
        assert_eq!(world.json(&["email", "list"])["items"].as_array().unwrap().len(), 2, "{database}");
        deliver(&world, &PUMP.replace("<a@", "<new@"));
        assert_eq!(world.json(&["email", "list"])["items"].as_array().unwrap().len(), 3, "{database}");
        // Once more, and there is nothing but that.
        assert_eq!(world.json(&["person", "erase", "dora@example.org"])["emails"], 1);
        assert_eq!(world.json(&["person", "erase", "dora@example.org"])["emails"], 0);
    }
}

fn letter(from: &str, to: &str, id: &str, subject: &str, text: &str) -> String {
    format!("From: {from}\nTo: {to}\nSubject: {subject}\nMessage-ID: <{id}>\n\n{text}\n")
}

/// Dora's mail is in cases of others and in one made by hand, her letters have an alias of ours, others bear her name or write to her.
fn neighbours(database: &str) -> World {
    let world = World::on(database);
    told(&world, "user add ada --address ada@example.com");
    for address in ["dora@example.org", "dora@example.net"] {
        world.run(&["record", "add", "contact", "Dora Example", "--address", address]).ok();
    }
    told(
        &world,
        "account add support --address support@example.com --make-cases --distribution direct --assigned-user ada --shared \
         --imap-host imap.example.com --smtp-host smtp.example.com --reply-to help@example.com --password-stdin",
    );
    told(&world, "account add info --address info@example.com --imap-host imap.example.com --password-stdin");
    told(&world, "filter add offers --account info --subject *offer* --skip");
    let (dora, support) = ("Dora Example <dora@example.org>", "support@example.com");
    let to_both = format!("{support}, {dora}");
    for mail in [
        letter(
            "Dora Example <dora@example.net>",
            support,
            "1@x",
            "From the other Dora Example",
            "Words of the other Dora Example",
        ),
        letter(dora, support, "2@x", "Xylophone", "Zanzibar"),
        letter("Frank <frank@example.net>", &to_both, "3@x", "Franks matter", "Frank met _dora@example.org_ twice"),
    ] {
        deliver(&world, &mail);
    }
    for mail in [
        letter(dora, "info@example.com", "4@x", "Ylang", "Zebra"),
        letter("Eve <eve@example.net>", "info@example.com", "5@x", "An offer for dora@example.org", "Buy"),
    ] {
        world.run_with(&["deliver", "--account", "info"], &mail.replace('\n', "\r\n")).ok();
    }
    for line in [
        "case create --from-email 4",
        "case reply 2 --text Zinnia --queue",
        "case reply 3 --text=-dora@example.org --queue",
        "case merge 2 --into 3",
    ] {
        told(&world, line);
    }
    world.sql("UPDATE outbox SET state = 'sent', due_at = NULL, sent_at = 1 WHERE email_id = 5");
    world
}

#[test]
fn person_erase_takes_nothing_from_namesakes_and_nothing_that_is_to_go_out() {
    for database in ["sqlite", "postgresql"] {
        let world = neighbours(database);
        world.run(&["email", "list", "--search", "zanzibar"]).ok();
        let done = world.run(&["-o", "json", "person", "erase", "dora@example.org"]);
        assert_eq!(done.status, Some(75), "{database}: {}", done.stderr);
        let erased: Value = serde_json::from_str(&done.stdout).unwrap();
        let told = json!([erased["emails"], erased["emails_of_others"], erased["waiting"], erased["cases"]]);
        assert_eq!(told, json!([3, 1, [6], ["case:2", "case:4"]]), "{database}: {erased}");
        // Whoever bears the name keeps it, and so does the case that hers was merged into.
        let names = ["1", "2", "3", "4"].map(|case| world.json(&["case", "show", case])["name"].clone());
        let expected = ["From the other Dora Example", "(erased)", "Franks matter", "(erased)"].map(|name| json!(name));
        assert_eq!(names, expected, "{database}");
        assert_eq!(world.json(&["record", "show", "contact:2"])["name"], "Dora Example");
        assert!(world.run(&["email", "show", "1"]).ok().contains("Words of the other Dora Example"));
        assert!(world.run(&["email", "show", "3"]).ok().contains("Frank met _(erased)_ twice"));
        // The answer to Frank goes out as it was written; then it names her no more, either.
        assert!(world.run(&["email", "raw", "6"]).ok().contains("-dora@example.org"));
        world.sql("UPDATE outbox SET state = 'sent', due_at = NULL, sent_at = 1");
        world.run(&["person", "erase", "dora@example.org"]).ok();
        // No other copy of his mail brings her back.
        let to_both = "support@example.com, Dora Example <dora@example.org>";
        let again = letter("Frank <frank@example.net>", to_both, "3@x", "Franks matter", "Frank met _dora@example.org_ twice");
        for again in [format!("X-Spam: no\n{again}"), again] {
            deliver(&world, &again);
        }
        for line in [&["email", "raw", "3"][..], &["email", "raw", "3", "--copy", "2"]] {
            assert!(world.run(line).fails(65).contains("were pruned"), "{database}: {line:?}");
        }
        world.run(&["doctor", "--prove"]).ok();

        let mut left = seen(&world) + &world.run(&["-o", "json", "fate", "list", "--account", "info"]).stdout;
        if database == "sqlite" {
            world.run(&["db", "vacuum"]).ok();
            left += &String::from_utf8_lossy(&std::fs::read(world.database()).unwrap());
        }
        let left = left.to_lowercase().replace("trace dora@example.org", "");
        for gone in ["dora@example.org", "anzibar", "ylophone", "zinnia", "ylang", "zebra"] {
            let at = left.find(gone).map(|at| left[..at + gone.len()].chars().rev().take(300).collect::<String>());
            assert_eq!(at.map(|text| text.chars().rev().collect::<String>()), None, "{database}: {gone}");
        }
    }
}

#[test]
fn person_export_hands_out_what_there_is_of_somebody() {
    use std::os::unix::fs::PermissionsExt;
    for database in ["sqlite", "postgresql"] {
        let world = office(database);
        let export =
            |more: &[&str]| world.run(&[&["-o", "json", "person", "export", "dora@example.org", "dora.zip"], more].concat());
        let made: Value = serde_json::from_str(&export(&[]).ok()).unwrap();
        assert_eq!(
            json!([made["emails"], made["raw"], made["records"], made["cases"], made["kept"]]),
            json!([3, 3, 1, 1, 1]),
            "{database}: {made}"
        );
        let file = world.path("dora.zip");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let mut archive = zip::ZipArchive::new(std::fs::File::open(&file).unwrap()).unwrap();
        let mut read = |name: &str| std::io::read_to_string(archive.by_name(name).unwrap()).unwrap();
        let person: Value = serde_json::from_str(&read("espomail-person.json")).unwrap();
        assert_eq!(person["records"][0]["name"], "Dora Example");
        assert_eq!(person["skipped"][0]["subject"], "SPAM");
        assert!(
            person["cases"][0]["stream"].to_string().contains("She called")
                || person["cases"][0].to_string().contains("called, from"),
            "{person}"
        );
        let lines: Vec<Value> = read("emails.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((lines.len(), &lines[0]["message_id"]), (3, &json!("a@example.org")));
        assert_eq!(read("emails/1.eml"), PUMP.replace('\n', "\r\n"));
        assert_eq!(read("skipped/1.eml"), SKIPPED.replace('\n', "\r\n"));
        assert!(!lines.iter().any(|line| line["id"] == 3), "what others wrote to others stays");
        // What is there is replaced only where that is said, and only what was made here.
        assert!(export(&[]).fails(73).contains("--force"));
        export(&["--force"]).ok();
        world.write(&file, "PK, and something else that nobody wants to lose", 0o600);
        assert!(export(&["--force"]).fails(73).contains("it is left as it is"));
        let audit = world.json(&["audit", "list"]).to_string();
        assert!(audit.contains("person export") && audit.contains("3 e-mails"), "{audit}");
    }
}
