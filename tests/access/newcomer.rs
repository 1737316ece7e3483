//! What a user may take in, and what somebody meets who is new here.

use serde_json::Value;

use crate::support::office::Office;
use crate::support::world::World;

const LETTER: &str = "From: Dora Example <dora@example.org>\r\nTo: ada@example.com\r\nSubject: Old\r\n\
                      Date: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <old@example.org>\r\n\r\nWords.\r\n";

#[test]
fn access_2_users_import_into_their_own_inbox_where_a_role_lets_them() {
    for database in ["sqlite", "postgresql"] {
        let office = Office::on(database);
        for user in ["ada", "ben"] {
            office.service(&["user", "add", user, "--address", &format!("{user}@example.com")]).ok();
        }
        office.service(&["role", "add", "agents"]).ok();
        for user in ["ada", "ben"] {
            office.service(&["role", "give", "agents", "--user", user]).ok();
        }
        for (name, more) in [("hers", &["--owner", "ada"][..]), ("support", &[])] {
            let address = if name == "hers" { "ada@example.com" } else { "support@example.com" };
            let fixed = ["account", "add", name, "--address", address, "--imap-host", "imap.example.com"];
            office.service_with(&[&fixed[..], more, &["--password-stdin"]].concat(), "hunter2\n").ok();
        }
        let import = |user: &str, more: &[&str]| office.asks_with(user, &[&["import"], more].concat(), LETTER);
        assert!(import("ada", &["-"]).fails(77).contains("role grant ROLE import use own"), "{database}: by default no");
        office.service(&["role", "grant", "agents", "import", "use", "own"]).ok();
        // No file with the rights of the service account, no account of others, and none without one.
        assert!(import("ada", &["/etc/passwd"]).fails(77).contains("through sudo PATH cannot be given"));
        import("ada", &["-", "--account", "support"]).fails(65);
        import("ben", &["-", "--account", "hers"]).fails(65);
        assert!(import("ben", &["-"]).fails(77).contains("no personal account"));
        assert_eq!(import("ada", &["-"]).ok(), "Account hers: 1 archived.\n", "{database}: it is older than the account");
        assert_eq!(import("ada", &["-", "--account", "hers"]).ok(), "Account hers: 1 duplicate.\n");
        let text = office.asks("ada", &["-o", "json", "email", "list", "--inbox"]).ok();
        let list: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(list["items"][0]["subject"], "Old");
        office.asks("ben", &["email", "show", "1"]).fails(65);
        let newest = &office.json(&["audit", "list", "--limit", "1"])["items"][0];
        let line = [&newest["action"], &newest["user"], &newest["subject"]].map(|part| part.as_str().unwrap().to_string());
        assert_eq!(line, ["import", "ada", "account:hers"]);
        let rights = office.asks("ada", &["user", "rights", "ada"]).ok();
        assert!(rights.lines().any(|line| line.starts_with("import ") && line.contains("own")), "{rights}");
        office.service(&["role", "grant", "agents", "import", "use", "team"]).fails(64);
    }
}

/// An office with ada and ben, whose roles let them have personal accounts and import; dan is an administrator. Support makes cases.
fn desk(database: &str) -> Office {
    let office = Office::on(database);
    for user in ["ada", "ben", "dan"] {
        office.service(&["user", "add", user, "--address", &format!("{user}@example.com")]).ok();
    }
    office.service(&["user", "set", "dan", "--administrator", "true"]).ok();
    office.service(&["role", "add", "agents"]).ok();
    for user in ["ada", "ben"] {
        office.service(&["role", "give", "agents", "--user", user]).ok();
    }
    for right in [["personal-account", "use"], ["import", "use"], ["email", "read"], ["case", "edit"]] {
        office.service(&["role", "grant", "agents", right[0], right[1], "own"]).ok();
    }
    let fixed = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "imap.example.com"];
    let cases = ["--make-cases", "--distribution", "direct", "--assigned-user", "ben", "--password-stdin"];
    let since = ["--act-since", "2026-01-01"];
    office.service_with(&[&fixed[..], &cases, &since].concat(), "hunter2\n").ok();
    office
}

fn add_own(office: &Office, address: &str) -> crate::support::world::Done {
    let fixed = ["account", "add", "hers", "--address", address, "--imap-host", "imap.example.org", "--password-stdin"];
    office.asks_with("ada", &[&fixed[..], &["--act-since", "2026-01-01"]].concat(), "hunter2")
}

fn letter(from: &str, to: &str, id: &str, more: &str) -> String {
    format!(
        "{more}From: {from}\r\nTo: {to}\r\nSubject: Pump {id}\r\nMessage-ID: <{id}@x.example>\r\n\
         Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\nText {id}.\r\n"
    )
}

#[test]
fn inbox_1_whoever_names_an_address_has_not_its_mail_until_an_administrator_gives_it() {
    for database in ["sqlite", "postgresql"] {
        let office = desk(database);
        for taken in ["support@example.com", "Support+x@example.com", "ben@example.com"] {
            let line = add_own(&office, taken).fails(77);
            assert!(line.contains("is an address of a group account or of another user"), "{database}: {line}");
        }
        add_own(&office, "ceo@example.com").ok();
        let line = office.asks("ada", &["account", "set", "hers", "--address", "support@example.com"]).fails(77);
        assert!(line.contains("of a group account"), "{line}");
        let deliver = |id: &str, from: &str, to: &str| {
            office.service_with(&["deliver", "--account", "support"], &letter(from, to, id, "")).ok();
            office.json(&["email", "show", &format!("<{id}@x.example>")])
        };
        let has = |email: &Value| email["users"].as_array().unwrap().iter().any(|user| user["login"] == "ada");
        // Named by her: neither what is to it, nor what is from it.
        for (id, from, to) in [("a", "dora@example.org", "ceo@example.com"), ("b", "ceo@example.com", "support@example.com")] {
            let email = deliver(id, from, to);
            assert!(!has(&email) && email["sender_not_verified"] == false, "{database}: {email}");
            office.asks("ada", &["email", "show", &format!("<{id}@x.example>")]).fails(65);
        }
        // Nor is a customer's mail any less the customer's.
        office.asks("ada", &["account", "set", "hers", "--address", "fay@foundry.example"]).ok();
        office.service(&["record", "add", "contact", "Fay", "--address", "fay@foundry.example"]).ok();
        let email = deliver("c", "fay@foundry.example", "support@example.com");
        assert!(!has(&email) && email["parent"].as_str().unwrap().starts_with("case:"), "{database}: {email}");
        // What is said again by the user changes nothing; an administrator's word does.
        office.asks("ada", &["account", "set", "hers", "--address", "ceo@example.com"]).ok();
        assert!(!has(&deliver("d", "dora@example.org", "ceo@example.com")), "{database}");
        assert_eq!(office.json(&["account", "show", "hers"])["address_vouched"], false);
        let said = office.asks("dan", &["account", "set", "hers", "--address", "ceo@example.com"]).ok();
        assert!(!said.contains("unchanged"), "{said}");
        assert!(has(&deliver("e", "dora@example.org", "ceo@example.com")), "{database}");
        // It stays given while she repeats it, and ends with another.
        office.asks("ada", &["account", "set", "hers", "--address", "Ceo@example.com"]).ok();
        assert!(has(&deliver("f", "dora@example.org", "ceo@example.com")), "{database}");
        office.asks("ada", &["account", "set", "hers", "--address", "cfo@example.com"]).ok();
        assert!(!has(&deliver("g", "dora@example.org", "cfo@example.com")), "{database}");
        office.service(&["user", "set", "ada", "--address", "ada@example.com", "--address", "cfo@example.com"]).ok();
        assert!(has(&deliver("h", "dora@example.org", "cfo@example.com")), "{database}");
    }
}

#[test]
fn access_5_what_a_user_imports_is_vouched_for_by_nobody() {
    for database in ["sqlite", "postgresql"] {
        let office = desk(database);
        let config = std::fs::read_to_string(office.config()).unwrap();
        let trusting = config.replacen("[security]", "[security]\nauthserv-id = [\"mx.example.com\"]", 1);
        let trusting = if trusting == config { config + "\n[security]\nauthserv-id = [\"mx.example.com\"]\n" } else { trusting };
        std::fs::write(office.config(), trusting).unwrap();
        add_own(&office, "ada@example.com").ok();
        let border = "Authentication-Results: mx.example.com; dmarc=pass header.from=example.com\r\n\
                      Received: from mx.example.com by mx.example.com; Mon, 23 Nov 2026 09:00:00 +0000\r\n";
        let is_verified =
            |id: &str| office.json(&["email", "show", &format!("<{id}@x.example>")])["sender_not_verified"] == false;
        for (id, from, is_believed) in [("a", "ben", false), ("b", "support", false), ("c", "ada", true)] {
            let text = letter(&format!("{from}@example.com"), "ada@example.com", id, border);
            office.asks_with("ada", &["import", "-"], &text).ok();
            assert_eq!(is_verified(id), is_believed, "{database}: import {from}");
            // So it is with what her server says, which is of her own choice.
            let id = format!("{id}2");
            let text = letter(&format!("{from}@example.com"), "ada@example.com", &id, border);
            office.service_with(&["deliver", "--account", "hers"], &text).ok();
            assert_eq!(is_verified(&id), is_believed, "{database}: {from}");
            let id = format!("{id}3");
            let text = letter(&format!("{from}@example.com"), "support@example.com", &id, border);
            office.service_with(&["deliver", "--account", "support"], &text).ok();
            assert!(is_verified(&id), "{database}: our own account, {from}");
        }
        let shown = office.asks("ada", &["email", "list", "--sent"]).ok();
        assert!(!shown.contains("ben@"), "{database}: {shown}");
    }
}

#[test]
fn access_2_an_import_enters_no_case_nor_conversation_that_is_not_its_users() {
    for database in ["sqlite", "postgresql"] {
        let office = desk(database);
        office.service(&["record", "add", "contact", "Fay", "--address", "fay@foundry.example"]).ok();
        let deliver = |account: &str, text: &str| office.service_with(&["deliver", "--account", account], text).ok();
        deliver("support", &letter("fay@foundry.example", "support@example.com", "a", ""));
        assert_eq!(office.json(&["case", "show", "1"])["assigned_user"], "ben");
        add_own(&office, "ada@example.com").ok();
        let fixed = ["account", "add", "his", "--address", "ben@example.com", "--imap-host", "imap.example.org"];
        let since = ["--act-since", "2026-01-01", "--password-stdin"];
        office.asks_with("ben", &[&fixed[..], &since].concat(), "hunter2").ok();
        // A conversation without a case, which is in ben's inbox alone.
        deliver("his", &letter("fay@foundry.example", "ben@example.com", "p", ""));
        let show = |id: &str| office.json(&["email", "show", &format!("<{id}@x.example>")]);
        let reply = |to: &str, id: &str| letter("fay@foundry.example", to, id, "");
        let answers = |id: &str, to: &str| {
            reply("ada@example.com", id).replacen(
                "Subject: Pump",
                &format!("In-Reply-To: <{to}@x.example>\r\nReferences: <{to}@x.example>\r\nSubject: Re: [#1] Pump"),
                1,
            )
        };
        let streamed = || office.json(&["case", "show", "1"])["stream"].as_array().unwrap().len();
        let before = streamed();
        for (id, of) in [("b", "a"), ("q", "p")] {
            office.asks_with("ada", &["import", "-"], &answers(id, of)).ok();
            let (imported, first) = (show(id), show(of));
            assert!(!imported["parent"].as_str().unwrap_or_default().starts_with("case:"), "{database}: {imported}");
            assert!(imported["thread"] != first["thread"] && first["is_replied"] == false, "{database}: {imported} {first}");
            let logins: Vec<_> = imported["users"].as_array().unwrap().iter().map(|user| user["login"].clone()).collect();
            assert_eq!(logins, ["ada"], "{database}");
            let explained = office.asks("ada", &["explain", &format!("<{id}@x.example>")]).ok();
            assert!(!explained.contains("case:1"), "{database}: {explained}");
            // Nor when today's rules are asked again.
            office.service(&["reprocess", &imported["id"].to_string(), "--apply"]).ok();
            assert_eq!((&show(id)["thread"], &show(id)["parent"]), (&imported["thread"], &imported["parent"]), "{database}");
        }
        // Nor as another copy of what is in the case.
        let twin = reply("ada@example.com", "a").replacen("Text a.", "Another text.", 1);
        office.asks_with("ada", &["import", "-"], &twin).ok();
        let shown = office.asks("ada", &["-o", "json", "email", "list", "--inbox"]).ok();
        assert!(shown.contains("Pump a") && !shown.contains("case:1"), "{database}: {shown}");
        assert_eq!(streamed(), before, "{database}");
        // Whose case it is, whose import enters it.
        office.asks_with("ben", &["import", "-"], &answers("c", "a")).ok();
        assert_eq!(show("c")["parent"], "case:1", "{database}");
        office.asks_with("ben", &["import", "-"], &answers("r", "p")).ok();
        assert_eq!(show("r")["thread"], show("p")["thread"], "{database}");
    }
}

#[test]
fn access_2_mail_of_a_users_own_server_enters_no_case_nor_conversation_that_is_not_its_owners() {
    for database in ["sqlite", "postgresql"] {
        let office = desk(database);
        office.service(&["record", "add", "contact", "Fay", "--address", "fay@foundry.example"]).ok();
        let deliver = |account: &str, text: &str| office.service_with(&["deliver", "--account", account], text).ok();
        let show = |id: &str| office.json(&["email", "show", &format!("<{id}@x.example>")]);
        let logins = |email: &Value| -> Vec<String> {
            let users = email["users"].as_array().unwrap().iter();
            users.map(|user| user["login"].as_str().unwrap().to_string()).collect()
        };
        let answers = |id: &str, to: &str| {
            let names = format!("In-Reply-To: <{to}>\r\nReferences: <{to}>\r\nSubject: Re: [#1] Pump");
            letter("fay@foundry.example", "ada@example.com", id, "").replacen("Subject: Pump", &names, 1)
        };
        deliver("support", &letter("fay@foundry.example", "support@example.com", "a", ""));
        add_own(&office, "ada@example.com").ok();
        let streamed = || office.json(&["case", "show", "1"])["stream"].as_array().unwrap().len();
        let before = streamed();
        deliver("hers", &answers("b", "a@x.example"));
        let (forged, first) = (show("b"), show("a"));
        assert!(!forged["parent"].as_str().unwrap_or_default().starts_with("case:"), "{database}: {forged}");
        assert!(forged["thread"] != first["thread"] && first["is_replied"] == false, "{database}: {forged} {first}");
        assert_eq!((logins(&forged), streamed()), (vec!["ada".to_string()], before), "{database}");
        let explained = office.asks("ada", &["explain", "<b@x.example>"]).ok();
        assert!(!explained.contains("case:1"), "{database}: {explained}");
        office.service(&["reprocess", &forged["id"].to_string(), "--apply"]).ok();
        assert_eq!((&show("b")["thread"], &show("b")["parent"]), (&forged["thread"], &forged["parent"]), "{database}");
        // A conversation of her own goes on, also by an id that nobody has seen.
        for id in ["c", "d"] {
            deliver("hers", &answers(id, "unseen@x.example"));
        }
        assert_eq!(show("c")["thread"], show("d")["thread"], "{database}");
        // What the desk got as well is in the case, with its people; her other mail stays where it was.
        deliver("hers", &answers("e", "b@x.example"));
        deliver("support", &answers("b", "a@x.example"));
        let genuine = show("b");
        assert_eq!(
            (genuine["parent"].as_str(), logins(&genuine)),
            (Some("case:1"), vec!["ada".into(), "ben".into()]),
            "{database}"
        );
        assert!(show("a")["is_replied"] == true && streamed() > before, "{database}");
        assert!(!show("e")["parent"].as_str().unwrap_or_default().starts_with("case:"), "{database}: {}", show("e"));
        // What a customer answers to a letter of ours is, whoever gets it.
        office.service(&["account", "set", "support", "--smtp-host", "smtp.example.com", "--shared"]).ok();
        let made = office.json(&["case", "reply", "1", "--text", "Words of ours.", "--draft"]);
        let sent = office.json(&["email", "show", &made["email"].to_string()])["message_id"].as_str().unwrap().to_string();
        deliver("hers", &answers("f", &sent));
        assert_eq!(show("f")["parent"], "case:1", "{database}");
        let forged = format!("{}{}", if sent.starts_with('a') { "b" } else { "a" }, &sent[1..]);
        deliver("hers", &answers("g", &forged));
        assert!(!show("g")["parent"].as_str().unwrap_or_default().starts_with("case:"), "{database}: {forged}");
    }
}

#[test]
fn dup_2_who_brings_a_message_that_others_have_learns_nothing_of_theirs() {
    for database in ["sqlite", "postgresql"] {
        let office = desk(database);
        let deliver = |account: &str, text: &str| office.service_with(&["deliver", "--account", account], text).ok();
        deliver("support", &letter("fay@foundry.example", "support@example.com", "a", ""));
        add_own(&office, "ada@example.com").ok();
        let copy = letter("fay@foundry.example", "ada@example.com, ben@example.com", "a", "");
        deliver("hers", &copy);
        office.asks_with("ada", &["import", "-"], &copy).ok();
        let list: Value = serde_json::from_str(&office.asks("ada", &["-o", "json", "email", "list"]).ok()).unwrap();
        let [hers] = list["items"].as_array().unwrap().as_slice() else { panic!("{database}: {list}") };
        assert!(hers["parent"].is_null(), "{database}: {hers}");
        let all = office.json(&["email", "list"]);
        assert_eq!(all["items"].as_array().unwrap().len(), 2, "{database}: {all}");
        let of_desk = all["items"].as_array().unwrap().iter().find(|email| email["parent"] == "case:1").unwrap();
        let shown = office.json(&["email", "show", &of_desk["id"].to_string()]);
        assert!(
            !shown["users"].to_string().contains("ada") && shown["accounts"] == serde_json::json!(["support"]),
            "{database}: {shown}"
        );
        // Nor can she do anything with theirs, nor ben with hers.
        office.asks("ada", &["email", "show", &of_desk["id"].to_string()]).fails(65);
        office.asks("ben", &["email", "show", &hers["id"].to_string()]).fails(65);
        for told in [&["email", "show", "<a@x.example>"][..], &["explain", "<a@x.example>"], &["email", "raw", "<a@x.example>"]] {
            let told = office.asks("ada", told).ok();
            assert!(!told.contains("case:1") && !told.contains("support"), "{database}: {told}");
        }
        // Who may read the first has one e-mail, by whichever way it came.
        let fixed = ["account", "add", "his", "--address", "ben@example.com", "--imap-host", "imap.example.org"];
        let since = ["--act-since", "2026-01-01", "--password-stdin"];
        office.asks_with("ben", &[&fixed[..], &since].concat(), "hunter2").ok();
        deliver("his", &copy);
        assert_eq!(office.json(&["email", "list"])["items"].as_array().unwrap().len(), 2, "{database}");
    }
}

#[test]
fn filter_8_the_last_days_are_those_in_which_it_came_in_from_outside() {
    for database in ["sqlite", "postgresql"] {
        let world = World::on(database);
        world.run(&["user", "add", "ada", "--address", "ada@example.com"]).ok();
        let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1"];
        let sends = ["--smtp-host", "127.0.0.1", "--shared", "--password-stdin"];
        world.run_with(&[&add[..], &sends].concat(), "x\n").ok();
        // Its Date is years ago, and it came today.
        let letter = LETTER.replace("2026", "2020");
        world.run_with(&["deliver", "--account", "support"], &letter).ok();
        world.run(&["email", "compose", "--to", "dora@example.org", "--subject", "Old", "--text", "x", "--queue"]).ok();
        world.run(&["filter", "add", "old", "--global", "--subject", "Old", "--no-case"]).ok();
        let tested = world.json(&["filter", "test", "--last", "1d"]);
        let messages: Vec<&str> =
            tested["messages"].as_array().unwrap().iter().map(|one| one["message"].as_str().unwrap()).collect();
        assert_eq!(messages, ["e-mail 1"], "{database}");
        // What waits says to whom and when it goes (SEND-1).
        let later = ["email", "compose", "--to", "dora@example.org", "--subject", "Later", "--text", "x", "--at", "3d"];
        world.run(&later).ok();
        let listed = world.run(&["email", "list", "--scheduled"]).ok();
        let heads: Vec<&str> = listed.lines().next().unwrap().split("  ").filter(|head| !head.is_empty()).collect();
        assert_eq!(heads.iter().map(|head| head.trim()).collect::<Vec<_>>(), ["ID", "GOES OUT", "TO", "PARENT", "SUBJECT"]);
        assert!(listed.contains("2026-11-26T10:00:00Z  dora@example.org"), "{listed}");
        let item = &world.json(&["email", "list", "--scheduled"])["items"][0];
        assert_eq!((&item["goes_out_at"], &item["to"][0]), (&"2026-11-26T10:00:00Z".into(), &"dora@example.org".into()));
    }
}

#[test]
fn what_is_typed_wrong_is_answered_with_what_to_type() {
    for database in ["sqlite", "postgresql"] {
        let world = World::on(database);
        world.run(&["user", "add", "ada", "--address", "Ada@example.com"]).ok();
        let line = world.run(&["user", "add", "ben", "--address", "ada@EXAMPLE.com"]).fails(65);
        assert!(line.contains("the address ada@example.com is ada's"), "{database}: {line}");
        world.run(&["user", "add", "ben", "--address", "ben@example.com"]).ok();
        world.run(&["user", "set", "ben", "--address", "ada@example.com"]).fails(65);
        world.run(&["user", "set", "ada", "--address", "ada@example.com"]).ok();
        let line = world.run(&["explain", "nofile"]).fails(65);
        assert!(line.contains("there is neither a file nor an e-mail nofile"), "{line}");
        assert!(world.run(&["explain", "nobody@example.org"]).fails(65).contains("there is no e-mail nobody@example.org"));
        let said = world.run(&["user", "absence", "add", "ada", "--from", "1d", "--until", "3d"]).ok();
        assert_eq!(said, "Absence 1 added: ada from 2026-11-24T10:00:00Z until 2026-11-26T10:00:00Z.\n");
    }
    // What PostgreSQL lacks is said with the line that makes it.
    let url = crate::support::postgres::empty_database();
    let world = World::empty();
    let (server, rest) = url.split_once("///").unwrap();
    let (_, place) = rest.split_once('?').unwrap();
    let line = world.run(&["init", "--database", &format!("{server}///nothing_of_that_name?{place}")]).fails(78);
    assert!(line.contains("createdb --owner=ROLE nothing_of_that_name"), "{line}");
}

#[test]
fn access_2_nothing_comes_to_a_case_with_its_conversation_that_was_not_of_its_mailbox_or_team() {
    for database in ["sqlite", "postgresql"] {
        let office = desk(database);
        add_own(&office, "ada@example.com").ok();
        let fixed = ["account", "add", "sales", "--address", "sales@example.com", "--imap-host", "imap.example.com"];
        office.service_with(&[&fixed[..], &["--act-since", "2026-01-01", "--password-stdin"]].concat(), "hunter2\n").ok();
        let deliver = |account: &str, id: &str, of: &[&str]| {
            let ids: Vec<String> = of.iter().map(|id| format!("<{id}@x.example>")).collect();
            let named = of.last().map(|last| format!("In-Reply-To: <{last}@x.example>\r\nReferences: {}\r\n", ids.join(" ")));
            let text = letter("fay@foundry.example", &format!("{account}@example.com"), id, &named.unwrap_or_default());
            office.service_with(&["deliver", "--account", account], &text).ok();
        };
        let parent = |id: &str| office.json(&["email", "show", &format!("<{id}@x.example>")])["parent"].clone();
        office.service(&["role", "grant", "agents", "case", "read", "own"]).ok();
        // Private mail, mail of another desk, mail of this one that opened nothing: all of one customer and one conversation.
        deliver("hers", "p1", &[]);
        deliver("hers", "p2", &["p1"]);
        deliver("sales", "s1", &["p1"]);
        office.service(&["account", "set", "support", "--make-cases=false"]).ok();
        deliver("support", "g0", &["p1"]);
        office.service(&["account", "set", "support", "--make-cases"]).ok();
        deliver("support", "g1", &["p1", "p2", "s1", "g0"]);
        assert_eq!(parent("g1"), "case:1", "{database}: {}", office.service(&["explain", "<g1@x.example>"]).ok());
        let seen = office.asks("ben", &["case", "show", "1"]).ok();
        for (id, comes) in [("p1", false), ("p2", false), ("s1", false), ("g0", true), ("g1", true)] {
            assert_eq!(parent(id) == "case:1", comes, "{database}: {id}");
            assert_eq!(seen.contains(&format!("Text {id}.")), comes, "{database}: {id}: {seen}");
        }
        // What is written on in those goes on there, and the rules of today take none of it along.
        deliver("hers", "p5", &["p1"]);
        deliver("sales", "s5", &["s1"]);
        office.service(&["reprocess", "--all", "--apply"]).ok();
        let seen = office.asks("ben", &["case", "show", "1"]).ok();
        for id in ["p1", "p5", "s1", "s5"] {
            assert_ne!(parent(id), "case:1", "{database}: {}", office.service(&["explain", &format!("<{id}@x.example>")]).ok());
            assert!(!seen.contains(&format!("Text {id}.")), "{database}: {id}: {seen}");
        }
        // To somebody who is no case ben brings nothing that he may not have to do with.
        office.service(&["record", "add", "contact", "Gus", "--address", "gus@example.net"]).ok();
        office.service(&["email", "link", "<g1@x.example>", "contact:1"]).ok();
        assert_eq!((parent("p5"), parent("s5")), (Value::Null, Value::Null), "{database}");
        office.service(&["email", "link", "<g1@x.example>", "case:1"]).ok();
        // By hand neither: not with what a user says, nor with what the service account says; and the one is not carried by the other.
        deliver("hers", "p3", &[]);
        deliver("hers", "p4", &["p3"]);
        deliver("sales", "s3", &["p3"]);
        deliver("sales", "s4", &["s3"]);
        let said = office.service(&["email", "link", "<p3@x.example>", "case:1"]).ok();
        assert!(!said.contains("another of its thread"), "{database}: {said}");
        let said = office.service(&["email", "link", "<s3@x.example>", "case:1"]).ok();
        assert!(said.contains("and so does another of its thread"), "{database}: {said}");
        assert_eq!((parent("s4"), parent("p4")), ("case:1".into(), Value::Null), "{database}");
        office.asks("ben", &["email", "show", "<s4@x.example>"]).ok();
        // What a link took along is taken back with it.
        office.service(&["email", "unlink", "<s3@x.example>"]).ok();
        assert_eq!((parent("s3"), parent("s4")), (Value::Null, Value::Null), "{database}");
        office.asks("ben", &["email", "show", "<s4@x.example>"]).fails(65);
        let seen = office.asks("ben", &["case", "show", "1"]).ok();
        assert!(!seen.contains("Text s4."), "{database}: {seen}");
    }
}
