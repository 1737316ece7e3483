//! ACCESS-2 through the program, on records: every level, action and person. Cases and e-mails go the same way.

use serde_json::json;

use crate::support::office::Office;

/// Ada has it, Ben shares a team with her, Cyd does not, and Dan is an administrator.
const PEOPLE: [&str; 4] = ["ada", "ben", "cyd", "dan"];

/// Who of [`PEOPLE`] may, by level.
const LEVELS: [(&str, [bool; 4]); 4] = [
    ("no", [false, false, false, true]),
    ("own", [true, false, false, true]),
    ("team", [true, true, false, true]),
    ("all", [true, true, true, true]),
];

fn office(database: &str) -> Office {
    let office = Office::on(database);
    for team in ["front", "back"] {
        office.service(&["team", "add", team]).ok();
    }
    office.service(&["role", "add", "agents"]).ok();
    for login in PEOPLE {
        office.service(&["user", "add", login]).ok();
        office.service(&["role", "give", "agents", "--user", login]).ok();
    }
    office.service(&["user", "set", "dan", "--administrator", "true"]).ok();
    office.service(&["team", "join", "front", "ada", "ben"]).ok();
    office.service(&["team", "join", "back", "cyd", "dan"]).ok();
    office
}

fn grant(office: &Office, action: &str, level: &str) {
    office.service(&["role", "grant", "agents", "contact", action, level]).ok();
}

/// Adds a contact of Ada's and her team's, and returns its name.
fn contact(office: &Office) -> String {
    let made =
        office.json(&["record", "add", "contact", "Vera Example", "--duplicate", "--assigned-user", "ada", "--team", "front"]);
    made["record"].as_str().unwrap().to_string()
}

#[test]
fn access_2_read_edit_and_delete_by_level_and_person() {
    ["sqlite", "postgresql"].map(office).iter().for_each(read_edit_and_delete);
}

fn read_edit_and_delete(office: &Office) {
    let named = contact(office);
    // What is not there, for comparison.
    let missing = office.asks("dan", &["record", "show", "contact:99"]).fails(65).replace("contact:99", &named);
    for (level, allowed) in LEVELS {
        grant(office, "read", level);
        for (login, may) in PEOPLE.into_iter().zip(allowed) {
            let listed = office.asks(login, &["-o", "json", "record", "list"]).ok();
            assert_eq!(listed.contains(&format!("\"{named}\"")), may, "{login} lists, level {level}: {listed}");
            let shown = office.asks(login, &["record", "show", &named]);
            match may {
                true => assert!(shown.ok().contains("Vera Example"), "{login} reads, level {level}"),
                false => assert_eq!(shown.fails(65), missing, "{login} reads, level {level}"),
            }
        }
    }
    // What may be read is refused as what it is.
    for (level, allowed) in LEVELS {
        grant(office, "edit", level);
        grant(office, "delete", level);
        for (login, may) in PEOPLE.into_iter().zip(allowed) {
            let other = contact(office);
            for (verb, done) in [
                ("edit", office.asks(login, &["record", "set", &other, "--active", "false"])),
                ("delete", office.asks(login, &["record", "delete", &other])),
            ] {
                match may {
                    true => drop(done.ok()),
                    false => {
                        let line = done.fails(77);
                        assert!(line.contains(&format!("your roles do not let you {verb} {other}")), "{level} {login}: {line}");
                    }
                }
            }
        }
    }
    // Without the right to read, one does not learn that it is there.
    grant(office, "read", "no");
    assert_eq!(office.asks("cyd", &["record", "set", &named, "--active", "false"]).fails(65), missing);
}

#[test]
fn access_2_what_one_makes_is_ones_own_and_what_one_refers_to_one_must_read() {
    let office = office("sqlite");
    let line = office.asks("ada", &["record", "add", "contact", "Wim Example"]).fails(77);
    assert!(line.contains("your roles do not let you add a record of the kind contact"), "{line}");
    grant(&office, "read", "own");
    grant(&office, "edit", "own");
    office.asks("ada", &["record", "add", "contact", "Wim Example"]).ok();
    assert!(office.asks("ada", &["record", "show", "contact:1"]).ok().contains("Wim Example"));
    assert!(office.asks("ada", &["record", "list"]).ok().contains("Wim Example"));
    assert!(office.asks("ben", &["record", "show", "contact:1"]).fails(65).contains("there is no contact:1"));
    office.service(&["record", "add", "account", "Secret Ltd"]).ok();
    let line = office.asks("ada", &["record", "set", "contact:1", "--account", "account:1"]).fails(65);
    assert!(line.contains("there is no account:1"), "{line}");
}

#[test]
fn records_and_users_forget_what_an_empty_value_clears() {
    let office = office("sqlite");
    let account = office.json(&["record", "add", "account", "Example Ltd"])["record"].clone();
    let named = contact(&office);
    let show = || office.json(&["record", "show", &named]);
    office.service(&["record", "set", &named, "--account", account.as_str().unwrap(), "--address", "v@example.com"]).ok();
    assert_eq!((&show()["account"], &show()["assigned_user"], &show()["teams"]), (&account, &json!("ada"), &json!(["front"])));
    let clear = ["--account", "", "--assigned-user", "", "--team", "", "--address", ""];
    office.service(&[&["record", "set", &named][..], &clear].concat()).ok();
    let now = show();
    assert_eq!((&now["account"], &now["assigned_user"], &now["teams"]), (&json!(null), &json!(null), &json!([])));
    office.service(&["user", "set", "ada", "--default-team", "front"]).ok();
    assert_eq!(office.json(&["user", "show", "ada"])["default_team"], "front");
    office.service(&["user", "set", "ada", "--default-team", ""]).ok();
    assert_eq!(office.json(&["user", "show", "ada"])["default_team"], json!(null));
    office.service(&["case", "create", "A case"]).ok();
    for verb in ["set", "remove"] {
        assert!(office.service(&["record", verb, "case:1"]).fails(64).contains("case:1 is a case; try: espomail case "));
    }
}

#[test]
fn access_2_a_records_stream_tells_nothing_of_mail_that_one_may_not_read() {
    for database in ["sqlite", "postgresql"] {
        let office = office(database);
        let named = contact(&office);
        office.service(&["record", "set", &named, "--address", "vera@example.org"]).ok();
        grant(&office, "read", "team");
        office.service(&["role", "grant", "agents", "email", "read", "team"]).ok();
        let add = ["account", "add", "adas", "--owner", "ada", "--address", "ada@example.com", "--imap-host", "imap.example.org"];
        office.service_with(&[&add[..], &["--password-stdin"]].concat(), "x\n").ok();
        let letter = "From: Vera <vera@example.org>\r\nTo: ada@example.com\r\nSubject: Private-matter\r\nMessage-ID: <v@x.example>\r\n\r\nOur-secret.\r\n";
        office.service_with(&["deliver", "--account", "adas"], letter).ok();
        office.service(&["email", "link", "1", &named]).ok();
        let hers = office.asks("ada", &["record", "show", &named, "--stream"]).ok();
        assert!(hers.contains("Private-matter") && hers.contains("Our-secret"), "{database}: {hers}");
        let his = office.asks("ben", &["record", "show", &named, "--stream"]).ok();
        assert!(his.contains("received e-mail 1, which is not yours to read"), "{database}: {his}");
        let json = office.asks("ben", &["-o", "json", "record", "show", &named, "--stream"]).ok();
        for secret in ["Private-matter", "Our-secret"] {
            assert!(!his.contains(secret) && !json.contains(secret), "{database}: {his}{json}");
        }
        assert!(json.contains("\"email_withheld\": true") || json.contains("\"email_withheld\":true"), "{json}");
    }
}

#[test]
fn record_1_what_no_record_can_say_is_refused() {
    for database in ["sqlite", "postgresql"] {
        let office = office(database);
        let named = contact(&office);
        office.service(&["record", "add", "opportunity", "Pumps", "--probability", "100"]).ok();
        office.service(&["case", "create", "Pump"]).ok();
        let long = "x".repeat(501);
        for wrong in [
            &["record", "list", "--phone", "abc"][..],
            &["record", "list", "--phone", "%"],
            &["record", "set", "opportunity:1", "--probability", "150"],
            &["record", "set", "opportunity:1", "--probability", "-1"],
            &["record", "set", "opportunity:1", "--field", "probability=100.5"],
            &["record", "add", "contact", ""],
            &["record", "add", "contact", " \t "],
            &["record", "add", "contact", &long],
            &["record", "set", &named, "--name", " "],
            &["case", "create", " "],
            &["case", "set", "1", "--name", ""],
            &["case", "set", "1", "--name", &long],
        ] {
            let done = office.service(wrong);
            assert_eq!(done.status, Some(64), "{database}: {wrong:?}: {}{}", done.stdout, done.stderr);
        }
        office.service(&["record", "set", "opportunity:1", "--probability", "12.5"]).ok();
        office.service(&["record", "set", &named, "--phone", "+49 30 1234"]).ok();
        assert!(office.service(&["record", "list", "--phone", "301"]).ok().contains(&named));
    }
}
