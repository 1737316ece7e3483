//! What those look at who run it: `doctor`, its proof, `status`, and the numbers for monitoring; through the real binary, on both
//! databases.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::support::dovecot::{self, PASSWORD};
use crate::support::smtp::{Manners, SmtpSink};
use crate::support::world::World;

const MAIL: &str =
    "From: dora@example.org\r\nTo: support@example.com\r\nSubject: Pump\r\nMessage-ID: <a@example.org>\r\n\r\nIt leaks.\r\n";

/// A world with an account that reads from the test's Dovecot, makes cases and answers.
fn world_on(database: &str, user: &str, sink: &SmtpSink) -> World {
    let world = World::on(database);
    let (imap, smtp) = (dovecot::server().port.to_string(), sink.port.to_string());
    dovecot::server().append(user, "INBOX", []);
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--imap-port", &imap];
    let reads = ["--imap-security", "plain", "--imap-user", user, "--password-stdin", "--make-cases"];
    let sends = ["--smtp-host", "127.0.0.1", "--smtp-port", &smtp, "--smtp-security", "plain", "--smtp-auth", "none", "--shared"];
    world.run_with(&[&add[..], &reads, &sends].concat(), PASSWORD).ok();
    world.run_with(&["template", "add", "ack", "--subject", "We have got it", "--file", "-"], "It is here.").ok();
    world.run(&["account", "set", "support", "--auto-reply", "ack"]).ok();
    world
}

/// What is broken, by the laws, and the rows that are told.
fn proved(world: &World, more: &[&str]) -> (Option<i32>, BTreeSet<String>, String) {
    let done = world.run(&[&["-o", "json", "doctor", "--prove"], more].concat());
    let found: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {done:?}"));
    let broken = found["items"].as_array().unwrap().iter().filter(|law| law["broken"] != 0);
    let laws = broken.clone().map(|law| law["law"].as_str().unwrap().to_string()).collect();
    (done.status, laws, broken.map(|law| law["rows"].to_string()).collect())
}

#[test]
fn doctor_proves_what_must_hold_and_names_the_rows_that_break_it() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &format!("prove-{database}"), &sink);
        for id in ["a", "b", "c"] {
            let mail = MAIL.replace("<a@", &format!("<{id}@")).replace("Pump", id).replace("leaks", &format!("leaks, {id}"));
            world.run_with(&["deliver", "--account", "support"], &mail).ok();
        }
        world.run(&["send"]).ok();
        world.run(&["email", "compose", "--to", "eve@example.net", "--subject", "X", "--text", "Words", "--queue"]).ok();
        let whole = (Some(0), BTreeSet::new(), String::new());
        assert_eq!(proved(&world, &["--deep"]), whole, "{database}");
        let counted = world.json(&["doctor", "--prove"])["items"].clone();
        let things = |law: &str| counted.as_array().unwrap().iter().find(|one| one["law"] == law).unwrap()["things"].clone();
        assert_eq!(
            (things("emails"), things("fates"), things("cases"), things("outbox")),
            (json!(7), json!(3), json!(3), json!(4))
        );

        // Each law is broken, and mended again.
        let queued = "state = 'queued'";
        let effect = "INSERT INTO effects (id, email_id, filter, command, created_at, attempts) VALUES (0, 1, 'f', 'x', 0, 0)";
        let action = "INSERT INTO server_actions (position_id, uid, verb, email_id, target, asked_by, created_at, attempts) \
                      SELECT MIN(id), 1, 'seen', 1, '', 'account', 0, 0 FROM positions";
        let breaks: [(&str, &str, String, String); 13] = [
            ("fates", "4 messages", "UPDATE positions SET last_uid = 4".into(), "UPDATE positions SET last_uid = 3".into()),
            (
                "fates",
                "beyond its position",
                "UPDATE fates SET uid = 9 WHERE uid = 3".into(),
                "UPDATE fates SET uid = 3 WHERE uid = 9".into(),
            ),
            (
                "raw",
                "raw 0 is of nothing",
                "INSERT INTO raws (id, digest, size, packed) VALUES (0, 'x', 1, 'x')".into(),
                "DELETE FROM raws WHERE id = 0".into(),
            ),
            (
                "cases",
                "above the next number, 3",
                "UPDATE counters SET value = 3 WHERE name = 'number:case'".into(),
                "UPDATE counters SET value = 4 WHERE name = 'number:case'".into(),
            ),
            (
                "threads",
                "thread 1 opened 2 cases",
                "UPDATE emails SET thread_id = 1 WHERE message_id = 'b@example.org'".into(),
                "UPDATE emails SET thread_id = 2 WHERE message_id = 'b@example.org'".into(),
            ),
            (
                "answers",
                "e-mail 1 has 3 automatic answers",
                "UPDATE emails SET replied_id = 1 WHERE replied_id > 1".into(),
                String::new(),
            ),
            (
                "outbox",
                "neither due nor held",
                format!("UPDATE outbox SET due_at = NULL WHERE {queued}"),
                format!("UPDATE outbox SET due_at = 0 WHERE {queued}"),
            ),
            (
                "outbox",
                "nobody sends it",
                format!("UPDATE outbox SET state = 'sending', due_at = NULL WHERE {queued}"),
                "UPDATE outbox SET state = 'queued', due_at = 0 WHERE state = 'sending'".into(),
            ),
            ("effects", "effect 0 (x of e-mail 1)", effect.into(), "DELETE FROM effects".into()),
            ("servers", "seen of UID 1 (e-mail 1)", action.into(), "DELETE FROM server_actions".into()),
            (
                "numbers",
                "the next email is 2",
                "UPDATE counters SET value = 2 WHERE name = 'email'".into(),
                "UPDATE counters SET value = 100 WHERE name = 'email'".into(),
            ),
            ("digests", "other bytes", "UPDATE raws SET digest = 'y' WHERE id = 2".into(), String::new()),
            ("emails", "e-mail 1 has no text", "DELETE FROM email_texts WHERE email_id = 1".into(), String::new()),
        ];
        for (law, row, sql, undo) in breaks {
            world.sql(&sql);
            let (status, laws, rows) = proved(&world, if law == "digests" { &["--deep"] } else { &[] });
            // What was not mended stays broken.
            assert!(
                status == Some(1) && laws.contains(law) && rows.contains(row),
                "{database}: {law}: {status:?} {laws:?} {rows}"
            );
            assert!(laws.iter().all(|other| other == law || other == "answers"), "{database}: {law}: {laws:?}");
            if !undo.is_empty() {
                world.sql(&undo);
            }
        }
        let said = world.run(&["doctor", "--prove"]);
        assert!(said.stdout.contains("answers: e-mail 1 has 3 automatic answers"), "{said:?}");
    }
}

#[test]
fn doctor_says_how_everything_is_and_what_to_type_next() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let mut world = world_on(database, &format!("doctor-{database}"), &sink);
        let look = |world: &World, more: &[&str]| {
            let done = world.run(&[&["-o", "json", "doctor"], more].concat());
            let found: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {done:?}"));
            (done.status, found["items"].as_array().unwrap().clone())
        };
        let of =
            |found: &[Value], what: &str| -> Vec<Value> { found.iter().filter(|one| one["what"] == what).cloned().collect() };
        // Cron was never there: well for a quarter of an hour, as for "status --check".
        let (_, found) = look(&world, &["--offline"]);
        assert_eq!(of(&found, "pass: send")[0]["state"], "ok", "{found:?}");
        world.set("ESPOMAIL_NOW", "2026-11-23T10:16:00Z");
        let (status, found) = look(&world, &["--offline"]);
        let send = &of(&found, "pass: send")[0];
        assert_eq!((&send["state"], &send["said"]), (&json!("warning"), &json!("was never at work")), "{found:?}");
        let checked = world.run(&["status", "--check"]);
        assert_eq!((status, checked.status), (Some(1), Some(1)), "{checked:?}");
        assert!(checked.stdout.contains("send was never at work: is cron running?"), "{checked:?}");
        world.set("ESPOMAIL_NOW", "2026-11-23T10:00:00Z");
        let next = |found: &[Value]| of(found, "pass: send")[0]["next"].as_str().unwrap().to_string();
        assert!(next(&found).starts_with("crontab -e: * * * * *  /") && next(&found).ends_with("/espomail send"), "{found:?}");
        // One that cron does not find by itself.
        let other = world.path("other.toml").display().to_string();
        std::fs::copy(world.config(), &other).unwrap();
        let (_, named) = look(&world, &["--offline", "-c", &other]);
        assert!(next(&named).ends_with(&format!("/espomail -c {other} send")), "{named:?}");
        assert_eq!(of(&found, "pass: notify")[0]["said"], "no user is told by mail");
        assert_eq!(of(&found, "account support").len(), 0);
        for pass in ["fetch", "send", "notify"] {
            world.run(&[pass]).ok();
        }
        let (status, mut found) = look(&world, &[]);
        // The clock of a server is not to be stopped.
        let away = i32::from(database == "postgresql");
        found.retain(|one| one["what"] != "clock" || away == 0);
        assert!(found.iter().all(|one| one["state"] == "ok"), "{database}: {found:?}");
        assert_eq!((status, of(&found, "account support").len()), (Some(away), 2), "reading and sending");
        assert_eq!(of(&found, "outbox")[0]["said"], "nothing is held, failed or overdue");
        // A wrong password, and a server that is not there.
        world.run_with(&["account", "set", "support", "--password-stdin"], "wrong").ok();
        world.run(&["account", "set", "support", "--smtp-port", "1"]).ok();
        let (status, found) = look(&world, &[]);
        let accounts = of(&found, "account support");
        assert_eq!(
            (status, &accounts[0]["state"], &accounts[1]["state"]),
            (Some(77), &json!("fault"), &json!("fault")),
            "{found:?}"
        );
        assert!(accounts[0]["next"].as_str().unwrap().contains("espomail account"), "{accounts:?}");
        // Cron stopped.
        world.set("ESPOMAIL_NOW", "2026-11-25T10:00:00Z");
        let (status, found) = look(&world, &["--offline"]);
        assert_eq!((status, &of(&found, "pass: fetch")[0]["said"]), (Some(78), &json!("was at work 2 d ago")), "{found:?}");
        let text = world.run(&["doctor", "--offline"]).stdout;
        assert!(
            text.contains("pass: fetch") && text.contains("fault") && text.contains("\n") && text.contains("next:    crontab -e"),
            "{text}"
        );
        // A configuration that others may write is a line, not the end.
        std::fs::set_permissions(world.config(), PermissionsExt::from_mode(0o666)).unwrap();
        let (status, found) = look(&world, &["--offline"]);
        assert_eq!(of(&found, "configuration")[0]["state"], "fault", "{found:?}");
        assert_eq!((status, found.len()), (Some(77), 1), "nothing that it says is done");
        world.run(&["doctor", "--prove"]).fails(77);
    }
}

/// Whether `status --check` ends so, and `doctor` has these rows, and no others, that are not well. Returns these.
fn agree(world: &World, level: i32, rows: &[&str]) -> Vec<Value> {
    let checked = world.run(&["status", "--check"]);
    let looked = world.run(&["-o", "json", "doctor", "--offline"]);
    let found: Value = serde_json::from_str(&looked.stdout).unwrap_or_else(|error| panic!("{error}: {looked:?}"));
    // The clock of a server is not to be stopped, and nobody has seen this disk.
    let bad = |one: &&Value| one["state"] != "ok" && one["what"] != "clock";
    let bad: Vec<Value> = found["items"].as_array().unwrap().iter().filter(bad).cloned().collect();
    let names: Vec<&str> = bad.iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!((checked.status, names.as_slice()), (Some(level), rows), "{checked:?} {bad:?}");
    assert!(bad.iter().all(|one| one["state"] == ["ok", "warning", "fault"][level as usize]), "{bad:?}");
    bad
}

#[test]
fn status_says_what_waits_and_checks_it_for_monitoring() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let mut world = world_on(database, &format!("status-{database}"), &sink);
        world.run(&["fetch"]).ok();
        world.run(&["send"]).ok();
        let check = |world: &World, more: &[&str]| world.run(&[&["status", "--check"], more].concat());
        let done = check(&world, &[]);
        assert_eq!((done.status, done.stdout.lines().count(), done.stderr.as_str()), (Some(0), 1, ""), "{done:?}");
        assert!(done.stdout.starts_with("ESPOMAIL OK - 1 account | fetch_age=0s;900;3600;0 failing=0;1;;0"), "{done:?}");
        world.run_with(&["deliver", "--account", "support"], MAIL).ok();
        let told = world.json(&["status"]);
        assert_eq!(
            (&told["outbox"]["queued"], &told["outbox_due"], &told["emails"], &told["open_cases"]),
            (&json!(1), &json!(1), &json!(2), &json!(1))
        );
        assert_eq!(told["passes"]["send"], "2026-11-23T10:00:00Z", "{told}");
        assert!(world.run(&["status"]).ok().contains("1 queued, 1 due since 2026-11-23T10:00:00Z"));
        world.run(&["outbox", "hold", "1"]).ok();
        let done = check(&world, &[]);
        let said = "ESPOMAIL WARNING - 1 message is held: espomail outbox list --held | ";
        assert_eq!((done.status, done.stdout.starts_with(said)), (Some(1), true), "{done:?}");
        agree(&world, 1, &["outbox"]);
        world.sql("UPDATE outbox SET state = 'failed', due_at = NULL, held_because = NULL");
        let list = "espomail outbox list --state failed";
        assert!(check(&world, &[]).stdout.contains(&format!("1 message was not sent: {list} | ")));
        assert!(agree(&world, 1, &["outbox"])[0]["next"].as_str().unwrap().starts_with(list));
        world.sql("UPDATE outbox SET state = 'maybe-sent'");
        assert_eq!(agree(&world, 1, &["outbox"])[0]["said"], "1 message may have been sent");
        world.sql("UPDATE outbox SET state = 'queued', due_at = 1795428000");
        // What waits for a person's word does so for four hours.
        let review = "INSERT INTO reviews (id, email_id, because, created_at) VALUES (1, 1, 'x', ";
        world.sql(&format!("{review}1795428000 - 4 * 3600 + 1)"));
        agree(&world, 0, &[]);
        world.sql("UPDATE reviews SET created_at = created_at - 1");
        let waits = "1 e-mail waits for a person's word, the oldest for 4 h";
        assert!(check(&world, &[]).stdout.starts_with(&format!("ESPOMAIL WARNING - {waits}: espomail review list | ")));
        assert_eq!(agree(&world, 1, &["reviews"])[0]["said"], waits);
        world.sql("UPDATE reviews SET created_at = created_at - 20 * 3600");
        agree(&world, 2, &["reviews"]);
        world.sql("DELETE FROM reviews");
        // Who fails first, for how long and why, and what stands behind a bar is data.
        world.sql("UPDATE account_states SET failing_since = 1795428000 - 720, last_error = 'login refused: a|b'");
        let fails = "account support fails for 12 min: login refused: a/b: espomail status | ";
        assert!(check(&world, &[]).stdout.starts_with(&format!("ESPOMAIL WARNING - {fails}")), "{:?}", check(&world, &[]));
        agree(&world, 1, &["accounts"]);
        world.sql("UPDATE account_states SET failing_since = NULL, last_error = NULL");
        let is_file = database == "sqlite";
        assert_eq!(check(&world, &[]).stdout.contains(" disk_free="), is_file);
        assert!(check(&world, &[]).stdout.contains(" database_bytes="));
        let little = check(&world, &["--threshold", "disk_free=9000000000000000000,1"]);
        assert_eq!(
            (little.status, little.stdout.contains("free on the disk of the database")),
            (Some(i32::from(is_file)), is_file)
        );
        world.run(&["outbox", "hold", "1"]).ok();
        assert_eq!(check(&world, &["--threshold", "outbox_held=,"]).status, Some(0));
        assert_eq!(check(&world, &["--threshold", "outbox_held=1,1"]).status, Some(2));
        for wrong in ["outbox_held", "nothing=1,2", "outbox_held=x,", "outbox_held=1h,", "outbox_held=-1,"] {
            assert_eq!(check(&world, &["--threshold", wrong]).status, Some(3), "{wrong}");
        }
        world.set("ESPOMAIL_NOW", "2026-11-23T10:20:00Z");
        let done = check(&world, &["--threshold", "outbox_held=,", "--threshold", "send_age=10m,15m"]);
        let quiet = |pass| format!("no {pass} for 20 min: is cron running? espomail doctor --offline");
        let said = format!("ESPOMAIL CRITICAL - {}; {} |", quiet("send"), quiet("fetch"));
        assert!(done.stdout.starts_with(&said), "{done:?}");
        // A database that is away was there: an empty one in its place would take in today's mail.
        if is_file {
            let (there, away) = (world.database(), world.path("away"));
            std::fs::rename(&there, &away).unwrap();
            let done = check(&world, &[]);
            let said = format!("ESPOMAIL UNKNOWN - there is no database at {} any more; is its disk mounted", there.display());
            assert!(done.stdout.starts_with(&said) && done.stdout.contains("espomail db restore FILE"), "{done:?}");
            let doctor = world.run(&["doctor", "--offline"]).stdout;
            assert!(doctor.contains(" free at ") && !doctor.contains("init"), "{doctor}");
            std::fs::rename(&away, &there).unwrap();
        }
        // Without a database nothing is known.
        world.set("ESPOMAIL_DATABASE", "sqlite:/nowhere/x.sqlite");
        let done = check(&world, &[]);
        assert_eq!(
            (done.status, done.stdout.starts_with("ESPOMAIL UNKNOWN - there is no database at")),
            (Some(3), true),
            "{done:?}"
        );
        std::fs::write(world.config(), "nonsense").unwrap();
        let done = check(&world, &[]);
        assert_eq!((done.status, done.stdout.starts_with("ESPOMAIL UNKNOWN - ")), (Some(3), true), "{done:?}");
    }
}

/// Reads the text format as strictly as it is described: HELP and TYPE before the lines of a family, each series once, a line end last.
/// Returns the series with their values.
fn series(text: &str) -> Vec<(String, f64)> {
    assert!(text.ends_with('\n'), "{text}");
    let is_name = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_:".contains(&b))
            && !name.as_bytes()[0].is_ascii_digit()
    };
    let (mut family, mut typed, mut seen, mut found) = (String::new(), false, BTreeSet::new(), Vec::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').unwrap();
            assert!(is_name(name) && !words.is_empty() && seen.insert(format!("# {name}")), "{line}");
            (family, typed) = (name.to_string(), false);
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            assert_eq!(kind, format!("{family} gauge"));
            typed = true;
        } else {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = match name.split_once('{') {
                Some((name, labels)) => (name, Some(labels.strip_suffix("\"}").unwrap())),
                None => (name, None),
            };
            assert!(typed && name == family, "{line}");
            if let Some(labels) = labels {
                let (label, value) = labels.split_once("=\"").unwrap();
                let mut escaped = false;
                for c in value.chars() {
                    assert!(escaped == ("\\\"n".contains(c) && escaped) && (c != '"' || escaped), "{line}");
                    escaped = c == '\\' && !escaped;
                }
                assert!(is_name(label) && !escaped, "{line}");
            }
            assert!(seen.insert(line.rsplit_once(' ').unwrap().0.to_string()), "twice: {line}");
            found.push((line.rsplit_once(' ').unwrap().0.to_string(), value.parse().unwrap()));
        }
    }
    found
}

#[test]
fn metrics_are_written_in_one_piece_also_by_a_pass_that_fails() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let mut world = world_on(database, &format!("metrics-{database}"), &sink);
        // A name that would end a label.
        world
            .run_with(
                &[
                    "account",
                    "add",
                    "a\"\\b",
                    "--address",
                    "b@example.com",
                    "--imap-host",
                    "127.0.0.1",
                    "--imap-port",
                    "1",
                    "--password-stdin",
                ],
                "x",
            )
            .ok();
        world.run(&["fetch", "support", "--metrics-file", "m.prom"]).ok();
        let file = world.path("m.prom");
        let read = || series(&std::fs::read_to_string(&file).unwrap());
        let value = |found: &[(String, f64)], name: &str| found.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
        let found = read();
        assert_eq!(value(&found, "espomail_up"), Some(1.0));
        assert_eq!(value(&found, "espomail_pass_exit_status{pass=\"fetch\"}"), Some(0.0));
        assert_eq!(value(&found, "espomail_account_failing{account=\"a\\\"\\\\b\"}"), Some(0.0), "{found:?}");
        assert_eq!(value(&found, "espomail_account_last_success_timestamp_seconds{account=\"support\"}"), Some(1_795_428_000.0));
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
        // One that fails says so, too; who may read it is a setting.
        let config = std::fs::read_to_string(world.config()).unwrap();
        world.write(&world.config(), &format!("{config}\n[metrics]\nmode = \"0600\"\n"), 0o600);
        let status = world.run(&["fetch", "--metrics-file", "m.prom"]).status.unwrap();
        let found = read();
        assert!(status > 0);
        assert_eq!(value(&found, "espomail_pass_exit_status{pass=\"fetch\"}"), Some(f64::from(status)));
        assert_eq!(value(&found, "espomail_account_failing{account=\"a\\\"\\\\b\"}"), Some(1.0));
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        world.run_with(&["deliver", "--account", "support"], MAIL).ok();
        world.run(&["status", "--metrics-file", "m.prom"]).ok();
        let found = read();
        assert_eq!(
            (value(&found, "espomail_outbox_messages{state=\"queued\"}"), value(&found, "espomail_emails")),
            (Some(1.0), Some(2.0))
        );
        assert_eq!(value(&found, "espomail_pass_exit_status{pass=\"fetch\"}"), None);
        world.run(&["status", "--metrics-file", "nowhere/m.prom"]).fails(73);
        // Without a database the file says that.
        world.set("ESPOMAIL_DATABASE", "sqlite:/nowhere/x.sqlite");
        world.run(&["fetch", "--metrics-file", "m.prom"]).fails(78);
        let found = read();
        assert_eq!((value(&found, "espomail_up"), value(&found, "espomail_emails")), (Some(0.0), None));
        assert_eq!(value(&found, "espomail_pass_exit_status{pass=\"fetch\"}"), Some(78.0));
        std::fs::write(world.config(), "[metrics]\nmode = \"0666\"\n").unwrap();
        assert!(world.run(&["status"]).fails(78).contains("lets only us write"));
    }
}
