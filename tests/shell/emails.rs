//! `email`: what was taken in is listed, shown, and given back byte for byte.

use std::process::Stdio;

use serde_json::json;

use crate::support::world::World;

const MAIL: &str = "From: Cleo Example <cleo@example.org>\r\nTo: support@example.com\r\n\
    Subject: =?utf-8?q?Fire=1B[31m_and?=\r\n water\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <one@example.org>\r\n\
    MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/plain\r\n\r\nIt burns.\r\n\
    --b\r\nContent-Type: text/csv; name=\"../../list.csv\"\r\nContent-Disposition: attachment\r\n\r\na,b\r\n\
    --b\r\nContent-Type: text/csv; name=\"list.csv\"\r\nContent-Disposition: attachment\r\n\r\nc,d\r\n--b--\r\n";

fn world_with_mail() -> World {
    let world = World::new();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1"];
    world.run_with(&[&add[..], &["--password-stdin"]].concat(), "hunter2\n").ok();
    world.run_with(&["deliver", "--account", "support"], MAIL).ok();
    world
}

#[test]
fn an_email_is_listed_shown_and_raw_as_it_came() {
    let world = world_with_mail();
    let listed = world.json(&["email", "list", "--from", "CLEO@example.org", "--subject", "FIRE", "--since", "2026-11-23"]);
    assert_eq!(listed["items"][0]["date"], "2026-11-23T09:00:00Z");
    for nothing in [&["--from", "ada@example.org"][..], &["--until", "2026-11-23"], &["--thread", "9"], &["--offset", "1"]] {
        assert_eq!(world.json(&[&["email", "list"], nothing].concat())["items"], json!([]), "{nothing:?}");
    }
    let shown = world.run(&["email", "show", "<one@example.org>"]).ok();
    assert!(shown.contains("It burns.") && shown.contains("cleo@example.org") && !shown.contains('\u{1b}'), "{shown}");
    assert_eq!(world.run(&["email", "raw", "1"]).ok(), MAIL);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = world.command(&["email", "raw", "1"]).stdout(full).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(74));
}

#[test]
fn parse_8_attachments_are_listed_saved_under_clean_names_and_never_over_another_file() {
    let world = world_with_mail();
    let listed = world.json(&["email", "attachments", "1"]);
    assert_eq!((&listed["items"][0]["number"], &listed["items"][0]["type"]), (&json!(1), &json!("text/csv")));
    assert_eq!(world.run(&["email", "attachments", "1", "--extract", "2"]).ok().trim_end(), "c,d");
    for wrong in ["0", "3"] {
        let line = world.run(&["email", "attachments", "1", "--extract", wrong]).fails(65);
        assert!(line.ends_with("; try: espomail email attachments 1"), "{line}");
    }
    let folder = world.path("saved/deep");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("list.csv"), "mine").unwrap();
    world.run(&["email", "attachments", "1", "--save", folder.to_str().unwrap()]).ok();
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(std::fs::read_to_string(folder.join("list.csv")).unwrap(), "mine");
    let above = std::fs::read_dir(world.path("saved")).unwrap().count();
    assert_eq!(above, 1, "nothing leaves the folder");
    world.run(&["email", "attachments", "1", "--save", "nowhere"]).fails(73);
    // Two of one name that is as long as a name can be.
    let file = format!("--b\r\nContent-Type: text/plain; name=\"{}\"\r\n\r\nx\r\n", "n".repeat(300));
    let long = format!("From: dora@example.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{file}{file}{file}--b--\r\n");
    world.run_with(&["deliver", "--account", "support"], &long).ok();
    std::fs::create_dir(world.path("long")).unwrap();
    world.run(&["email", "attachments", "2", "--save", world.path("long").to_str().unwrap()]).ok();
    // The first one is the text of the message.
    assert_eq!(std::fs::read_dir(world.path("long")).unwrap().count(), 2);
}
