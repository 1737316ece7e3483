//! ACCESS-2: to learn from the traces of one's own mail what others have. Eve has a server of her own, which hands over whatever she
//! wants it to say; what she is told of it must read the same whether or not others have what it names.

use serde_json::Value;

use crate::support::office::Office;
use crate::support::world::{Done, NOW};

const DATE: &str = "Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n";

/// Support has mail of Dora's, of which a case was made; Eve has nothing but her own account.
fn office(database: &str) -> Office {
    let office = Office::on(database);
    office.service(&["role", "add", "own"]).ok();
    for scope in ["email", "case"] {
        office.service(&["role", "grant", "own", scope, "read", "own"]).ok();
    }
    office.service(&["user", "add", "eve", "--address", "eve@example.com"]).ok();
    office.service(&["role", "give", "own", "--user", "eve"]).ok();
    for (name, more) in [("support", "--make-cases"), ("eve-own", "--owner=eve")] {
        let address = format!("{name}@example.com");
        let fixed = ["account", "add", name, "--address", &address, "--imap-host", "imap.example.org"];
        office.service(&[&fixed[..], &["--password-credential", "x", more]].concat()).ok();
    }
    // One for each thing that is tried.
    for place in 0..8 {
        let subject = if place == 6 { "Valve" } else { "Pump" };
        deliver(&office, "support", &letter(&format!("Message-ID: <known{place}@example.org>\r\nSubject: {subject}\r\n")));
    }
    office
}

fn letter(more: &str) -> String {
    format!("From: Dora <dora@example.org>\r\nTo: support@example.com\r\n{DATE}{more}\r\nThe pump is hot.\r\n")
}

fn deliver(office: &Office, account: &str, letter: &str) {
    let mut command = office.command(&["deliver", "--account", account]);
    command.env("HOME", office.home()).env("ESPOMAIL_NOW", NOW);
    Done::of(&mut command, letter).ok();
}

/// All that Eve is told of the newest that came, without numbers.
fn told(office: &Office) -> String {
    let newest = office.json(&["email", "list"])["items"].as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).max();
    let newest = newest.unwrap().to_string();
    let roads: [&[&str]; 4] = [&["-o", "json", "explain"], &["explain"], &["-o", "json", "email", "show"], &["email", "show"]];
    let all: String = roads.iter().map(|road| office.asks("eve", &[*road, &[newest.as_str()]].concat()).ok()).collect();
    // Subjects have keys, which may be below zero.
    all.replace(|mark: char| mark.is_ascii_digit() || mark == '-', "")
}

#[test]
fn access_2_what_ones_own_mail_names_tells_nothing_of_what_others_have() {
    let probes: [&dyn Fn(&str) -> String; 8] = [
        // Its Message-ID alone, with the same author, date and content, and with others.
        &|id| letter(&format!("Message-ID: <{id}@example.org>\r\nSubject: Pump\r\n")),
        &|id| letter(&format!("Message-ID: <{id}@example.org>\r\nSubject: Another\r\n")),
        &|id| letter(&format!("Message-ID: <{id}@example.org>\r\nSubject: Another\r\n")).replace("09:00", "10:00"),
        &|id| letter(&format!("Message-ID: <a.{id}@example.net>\r\nSubject: Hi\r\nIn-Reply-To: <{id}@example.org>\r\n")),
        &|id| letter(&format!("Message-ID: <b.{id}@example.net>\r\nSubject: Hi\r\nReferences: <x@y> <{id}@example.org>\r\n")),
        &|id| {
            let report =
                letter(&format!("Message-ID: <e.{id}@example.net>\r\nSubject: Hi\r\nIn-Reply-To: <{id}@example.org>\r\n"));
            report.replace("Dora <dora@example.org>", "mallory@example.net").replace("support@", "mallory@")
        },
        // Its subject and its sender.
        &|id| {
            let subject = if id.starts_with("known") { "Re: Valve" } else { "Re: Nothing" };
            letter(&format!("Message-ID: <c.{id}@example.net>\r\nSubject: {subject}\r\n"))
        },
        // A number.
        &|id| {
            let number = if id.starts_with("known") { 1 } else { 77 };
            letter(&format!("Message-ID: <d.{id}@example.net>\r\nSubject: [#{number}] Hi\r\n"))
        },
    ];
    for database in ["sqlite", "postgresql"] {
        let office = office(database);
        for (place, probe) in probes.iter().enumerate() {
            let [unknown, known] = ["nobody", "known"].map(|id| {
                deliver(&office, "eve-own", &probe(&format!("{id}{place}")));
                told(&office).replace("Re: Nothing", "Re: Valve").replace(id, "ID")
            });
            assert_eq!(known, unknown, "{database}: {place}");
        }
    }
}

#[test]
fn access_2_a_place_of_others_reads_as_one_that_is_not_there() {
    for database in ["sqlite", "postgresql"] {
        let office = office(database);
        let fates = office.json(&["fate", "list"]);
        let Value::String(mailbox) = &fates["items"][0]["mailbox"] else { panic!("{fates}") };
        let asked = |what: &str| {
            let done = office.asks("eve", &["explain", what]);
            let line = done.fails(65);
            line.replace(what, "PLACE")
        };
        let nowhere = asked("nobody/INBOX/1");
        for what in [format!("support/{mailbox}/1"), format!("support/{mailbox}/99"), "support/Other/1".to_string()] {
            assert_eq!(asked(&what), nowhere, "{database}: {what}");
        }
    }
}

#[test]
fn access_2_an_e_mail_that_may_be_read_does_not_name_a_record_that_may_not() {
    for database in ["sqlite", "postgresql"] {
        let office = office(database);
        office.service(&["team", "add", "support"]).ok();
        let copy = letter("Message-ID: <copy@example.org>\r\nSubject: Copy\r\n").replace("To: ", "Cc: eve@example.com\r\nTo: ");
        deliver(&office, "support", &copy);
        let id = office.json(&["email", "show", "<copy@example.org>"])["id"].to_string();
        let case = office.json(&["email", "show", "<copy@example.org>"])["parent"].as_str().unwrap().to_string();
        let roads: [&[&str]; 8] = [
            &["email", "show", &id],
            &["-o", "json", "email", "show", &id],
            &["email", "list"],
            &["-o", "json", "email", "list"],
            &["notification", "list"],
            &["-o", "json", "notification", "list"],
            &["explain", &id],
            &["-o", "json", "explain", &id],
        ];
        let all = || roads.map(|road| office.asks("eve", road).ok());
        let number = case.strip_prefix("case:").unwrap();
        for (road, told) in roads.iter().zip(all()) {
            assert!(!told.contains(&case) && !told.contains(&format!("case {number}")), "{database}: {road:?}: {told}");
        }
        // Who may read the record is told of it, and of it alone.
        office.service(&["case", "assign", number, "eve"]).ok();
        let told = all();
        assert!(told[0].contains(&case) && told[2].contains(&case) && told[1].contains(&case), "{database}: {}", told[0]);
        let other = office.json(&["case", "create", "Secret"])["number"].to_string();
        office.service(&["email", "link", &id, &format!("case:{other}")]).ok();
        let stream = office.asks("eve", &["case", "show", number]).ok();
        assert!(!stream.contains(&format!("case:{other}")), "{database}: {stream}");
        let told = office.service(&["case", "show", number]).ok();
        assert_eq!(told.contains(&format!("case:{other}")), stream.contains("another record"), "{database}: {told} {stream}");
        // Nor does a case name the one that it refers to.
        let made = office.json(&["case", "split", &other, "--email", &id])["number"].to_string();
        office.service(&["case", "assign", &made, "eve"]).ok();
        for format in ["text", "json"] {
            let case = |told: String| told.contains(&format!("case:{other}\n")) || told.contains(&format!("\"case:{other}\""));
            assert!(case(office.service(&["-o", format, "case", "show", &made]).ok()), "{database}");
            assert!(!case(office.asks("eve", &["-o", format, "case", "show", &made]).ok()), "{database}");
        }
    }
}
