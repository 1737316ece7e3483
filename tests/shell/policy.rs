//! `test`: policy tests with the accounts, users and filters of the database, and nothing else of it.

use crate::support::world::World;

const FIRST: &str = "From: Cleo Example <cleo@example.org>\nTo: support@example.com\nSubject: Pump\n\
    Date: Mon, 23 Nov 2026 09:00:00 +0000\nMessage-ID: <one@example.org>\n\nIt leaks. Write to cleo@example.org.\n";
const SECOND: &str = "From: Cleo Example <cleo@example.org>\nTo: support@example.com\nSubject: Re: Pump\n\
    Date: Mon, 23 Nov 2026 09:30:00 +0000\nMessage-ID: <two@example.org>\nIn-Reply-To: <one@example.org>\n\nStill.\n";

fn world() -> World {
    let world = World::new();
    world.run(&["user", "add", "ada"]).ok();
    world.run(&["team", "add", "support"]).ok();
    world.run(&["team", "join", "support", "ada"]).ok();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--make-cases"];
    let cases = ["--distribution", "round-robin", "--case-team", "support", "--act-since", "2026-01-01", "--password-stdin"];
    world.run_with(&[&add[..], &cases].concat(), "hunter2\n").ok();
    world
}

#[test]
fn policy_tests_tell_what_holds_and_what_does_not() {
    let world = world();
    let file = |name: &str, text: &str| world.write(&world.path("policy").join(name), text, 0o600);
    file("first.eml", FIRST);
    file("first.toml", "[expect]\ndecision.case.opened = true\ndecision.assignee.user = \"ada\"\nmessage.automatic.is = false\n");
    file("second.eml", SECOND);
    file(
        "second.toml",
        "after = [\"first.eml\"]\n[expect]\ndecision.case.opened = false\ndecision.parent.record = \"case:1\"\n\
         decision.users = [\"ada\"]\n",
    );
    file("third.eml", FIRST);
    file(
        "third.toml",
        "[[record]]\nkind = \"account\"\nname = \"Works\"\n[[record]]\nkind = \"contact\"\nname = \"Cleo\"\naccount = \"Works\"\n\
         addresses = [\"cleo@example.org\"]\n[expect.decision]\ncase.opened = true\nparent.record = \"case:1\"\n",
    );
    assert!(world.run(&["test", "policy"]).ok().contains("3 passed, 0 failed"));

    // What is stored does not show: the same message is new in each test.
    world.run_with(&["deliver", "--account", "support"], FIRST).ok();
    assert!(world.run(&["test", "policy"]).ok().contains("3 passed, 0 failed"));

    file("first.toml", "[expect]\ndecision.case.opened = false\n");
    let failed = world.run(&["test", "policy"]);
    assert_eq!(failed.status, Some(1));
    assert!(failed.stdout.contains("decision.case.opened: expected false, found true"), "{}", failed.stdout);
    file("first.toml", "[expect\n");
    assert_eq!(world.run(&["test", "policy"]).status, Some(1), "a test that cannot be read fails alone");
    world.run(&["test", "nowhere"]).fails(65);
}

#[test]
fn a_test_is_recorded_without_the_people_and_passes() {
    let world = world();
    world.run_with(&["deliver", "--account", "support"], FIRST).ok();
    std::fs::create_dir(world.path("recorded")).unwrap();
    world.run(&["test", "recorded", "--record", "1"]).ok();
    let message = std::fs::read_to_string(world.path("recorded/email-1.eml")).unwrap();
    assert!(
        !message.contains("cleo@") && !message.contains("Cleo") && message.contains("Write to person-1@example.net."),
        "{message}"
    );
    assert!(world.run(&["test", "recorded"]).ok().contains("1 passed, 0 failed"));
    world.run(&["test", "recorded", "--record", "1"]).fails(73);
}

#[test]
fn filter_8_policy_tests_and_explain_tell_every_filter_criterion_by_criterion() {
    let world = world();
    world.run(&["folder", "add", "Later", "--user", "ada"]).ok();
    world.run(&["filter", "add", "spam", "--global", "--subject", "SPAM*", "--skip"]).ok();
    world.run(&["filter", "add", "leaks", "--account", "support", "--body", "leaks", "--priority", "urgent", "--no-reply"]).ok();
    world.run(&["filter", "add", "later", "--user", "ada", "--subject", "Pump", "--folder", "Later"]).ok();
    let file = |name: &str, text: &str| world.write(&world.path("policy").join(name), text, 0o600);
    file("first.eml", FIRST);
    file(
        "first.toml",
        "[expect.decision]\ncase.priority = \"urgent\"\nanswer.allowed = false\nfilters = [\"leaks\", \"spam\", \"later\"]\n",
    );
    assert!(world.run(&["test", "policy"]).ok().contains("1 passed, 0 failed"), "{}", world.run(&["test", "policy"]).stdout);

    let path = world.path("policy/first.eml");
    let explained = world.json(&["explain", path.to_str().unwrap()]);
    let decision = &explained["decision"];
    assert_eq!(explained["message"]["subject"], "Pump");
    let spam = decision["filters"].as_array().unwrap().iter().find(|filter| filter["name"] == "spam").unwrap();
    assert_eq!((&spam["matched"], &spam["criteria"][0]["matched"]), (&false.into(), &false.into()));
    let ada = &decision["users"][0];
    assert_eq!((&ada["name"], &ada["folder"]), (&"ada".into(), &"Later".into()));
    assert_eq!(decision["answer"]["allowed"], false);

    world.run_with(&["deliver", "--account", "support"], FIRST).ok();
    let stored = world.json(&["explain", "1"]);
    assert_eq!((&stored["message"]["subject"], &stored["email"]), (&"Pump".into(), &1.into()));
    let told = world.run(&["explain", "1"]).ok();
    assert!(told.contains("into folder Later of ada") && told.contains("case:1 was opened and given to ada"), "{told}");
}

#[test]
fn auto_2_auto_3_access_5_a_policy_test_for_each_kind_of_mail_that_looks_automatic_or_ours() {
    let world = world();
    world.run(&["user", "add", "ben", "--address", "ben@example.com"]).ok();
    world.run(&["account", "set", "support", "--team", "support"]).ok();
    let opens = |opens: bool, kind: &str| format!("decision.case.opened = {opens}\nmessage.automatic.kind = \"{kind}\"\n");
    let rows = [
        ("rule", "From: dora@example.org\nAuto-Submitted: auto-generated\nX-MS-Exchange-Inbox-Rules-Loop: info@example.com", opens(true, "generated")),
        ("absence", "From: dora@example.org\nAuto-Submitted: auto-replied", opens(false, "reply")),
        ("absence-by-subject", "From: dora@example.org\nX-Note: x\nSubject: Abwesenheitsnotiz: Pump", opens(false, "reply")),
        ("newsletter", "From: shop@example.org\nList-Unsubscribe: <https://shop.example/u>", opens(false, "bulk")),
        ("list", "From: dora@example.org\nList-Id: <users.lists.example.org>\nList-Post: <mailto:users@lists.example.org>", opens(false, "list")),
        ("own-list", "From: dora@example.org\nList-Id: <support.example.com>\nPrecedence: list", opens(true, "list")),
        ("report", "From: mailer-daemon@mx.example.org", opens(false, "report")),
        (
            "form",
            "From: Website <support@example.com>\nReply-To: dora@example.org",
            "decision.case.opened = true\ndecision.sender.address = \"dora@example.org\"\ndecision.sender.sender_not_verified = false\n".to_string(),
        ),
        (
            "scanner",
            "From: support@example.com",
            "decision.case.opened = true\ndecision.answer.given = false\ndecision.sender.sender_not_verified = true\n".to_string(),
        ),
        (
            "colleague",
            "From: ben@example.com",
            "decision.case.opened = true\ndecision.sender.user = \"none\"\ndecision.sender.sender_not_verified = true\n\
             decision.sender.ours = false\ndecision.notifications = [\"ada\", \"ben\"]\n"
                .to_string(),
        ),
    ];
    for (name, headers, expected) in &rows {
        let file = |end: &str, text: &str| world.write(&world.path("policy").join(format!("{name}.{end}")), text, 0o600);
        let subject = if headers.contains("Subject:") { "" } else { "\nSubject: Pump" };
        file(
            "eml",
            &format!(
                "{headers}{subject}\nTo: support@example.com\nDate: Mon, 23 Nov 2026 09:00:00 +0000\nMessage-ID: <{name}@x.example>\n\nHello.\n"
            ),
        );
        file("toml", &format!("[expect]\n{expected}"));
    }
    let done = world.run(&["test", "policy"]);
    assert!(done.stdout.contains(&format!("{} passed, 0 failed", rows.len())), "{}", done.stdout);
    // Every setting of AUTO-3.
    for (setting, opened) in [("all", ["rule", "absence", "newsletter", "list", "report"].as_slice()), ("none", &[])] {
        world.run(&["account", "set", "support", "--automatic-cases", setting]).ok();
        for name in ["rule", "absence", "newsletter", "list", "report"] {
            let path = world.path(&format!("policy/{name}.eml"));
            let explained = world.json(&["explain", path.to_str().unwrap()]);
            assert_eq!(
                explained["decision"]["case"]["opened"],
                opened.contains(&name),
                "{setting} {name}: {}",
                explained["decision"]["case"]
            );
            assert_eq!(explained["decision"]["answer"]["allowed"], false, "{name}");
        }
        assert_eq!(world.json(&["account", "show", "support"])["automatic_cases"], setting);
    }
    world.run(&["account", "set", "support", "--automatic-cases", "generated", "--list-cases", "true"]).ok();
    let list = world.path("policy/list.eml");
    assert_eq!(world.json(&["explain", list.to_str().unwrap()])["decision"]["case"]["opened"], true);
    let told = world.run(&["explain", world.path("policy/rule.eml").to_str().unwrap()]).ok();
    assert!(told.contains("automatic: Auto-Submitted: auto-generated (generated)"), "{told}");
}
