//! What has not gone out is its author's, and so is to whom it went in Bcc (SEND-1, SEND-4).

use crate::support::office::Office;

#[test]
fn send_1_a_draft_is_its_authors_and_so_is_whom_a_letter_went_to_in_bcc() {
    for database in ["sqlite", "postgresql"] {
        let office = Office::on(database);
        for user in ["ada", "bob", "cyd"] {
            office.service(&["user", "add", user, "--address", &format!("{user}@example.com")]).ok();
        }
        office.service(&["team", "add", "desk"]).ok();
        office.service(&["team", "join", "desk", "ada", "bob"]).ok();
        for (role, level) in [("mates", "team"), ("readers", "all")] {
            office.service(&["role", "add", role]).ok();
            for action in ["read", "edit", "delete"] {
                office.service(&["role", "grant", role, "email", action, level]).ok();
                office.service(&["role", "grant", role, "case", action, level]).ok();
            }
            office.service(&["role", "grant", role, "group-account", "use", "team"]).ok();
        }
        for (role, user) in [("mates", "ada"), ("mates", "bob"), ("readers", "cyd")] {
            office.service(&["role", "give", role, "--user", user]).ok();
        }
        let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "imap.example.com"];
        let cases = ["--make-cases", "--team", "desk", "--case-team", "desk", "--password-stdin"];
        let sending = ["--smtp-host", "127.0.0.1", "--smtp-port", "9", "--smtp-security", "plain", "--shared"];
        office.service_with(&[&add[..], &cases, &sending].concat(), "hunter2\n").ok();
        let letter = "From: dora@example.org\r\nSubject: Pump\r\nMessage-ID: <a@example.org>\r\n\r\nIt drips.\r\n";
        office.service_with(&["deliver", "--account", "support"], letter).ok();
        let ada = |arguments: &[&str]| office.asks("ada", arguments);
        // ACCESS-1: what came through Ada's own account as well is the desk's to read, and that account is hers alone.
        let add =
            ["account", "add", "xhome", "--owner", "ada", "--address", "ada@example.com", "--imap-host", "imap.example.com"];
        office.service_with(&[&add[..], &["--password-stdin"]].concat(), "hunter2\n").ok();
        office.service_with(&["deliver", "--account", "xhome"], letter).ok();
        assert!(ada(&["email", "show", "1"]).ok().contains("support, xhome"), "{database}");
        for command in [&["email", "show", "1"][..], &["-o", "json", "email", "show", "1"], &["explain", "1"]] {
            let seen = office.asks("bob", command).ok();
            assert!(!seen.contains("xhome"), "{database}: {command:?}: {seen}");
        }
        for command in [&["email", "list", "--account", "xhome"][..], &["case", "list", "--account", "xhome"]] {
            assert!(office.asks("bob", command).fails(65).contains("there is no account"), "{database}: {command:?}");
        }
        let place = ["explain", "xhome/(delivered)/1"];
        assert!(ada(&place).ok().contains("xhome") && !office.asks("bob", &place).fails(65).contains("UID 1"), "{database}");
        let hidden = |id: &str, words: &str| {
            for user in ["bob", "cyd"] {
                for command in [&["email", "show", id][..], &["email", "raw", id], &["email", "delete", id], &["explain", id]] {
                    let line = office.asks(user, command).fails(65);
                    assert!(line.contains(&format!("there is no e-mail {id}")), "{database}: {user} {command:?}: {line}");
                }
                for list in [&["email", "list"][..], &["email", "list", "--search", words], &["case", "show", "1"]] {
                    let seen = office.asks(user, &[&["-o", "json"], list].concat()).ok();
                    assert!(!seen.contains(words), "{database}: {user} {list:?}: {seen}");
                }
            }
        };
        ada(&["case", "reply", "1", "--text", "Halfwritten.", "--draft", "--bcc", "cyd@example.com"]).ok();
        hidden("2", "Halfwritten");
        assert!(ada(&["email", "show", "2"]).ok().contains("Halfwritten"), "{database}");
        ada(&["case", "reply", "1", "--text", "Tomorrow.", "--at", "2099-01-01"]).ok();
        hidden("3", "Tomorrow");
        assert!(office.service(&["email", "show", "3"]).ok().contains("Tomorrow"), "an administrator's to see");
        // It has gone out: those of the case read it, and not to whom else it went.
        ada(&["outbox", "release", "1"]).ok();
        office.service(&["outbox", "hold", "1"]).ok();
        office.service(&["outbox", "mark-sent", "1"]).ok();
        let seen = office.asks("bob", &["-o", "json", "email", "show", "2"]).ok();
        assert!(seen.contains("Halfwritten") && !seen.contains("cyd"), "{database}: {seen}");
        assert!(ada(&["-o", "json", "email", "show", "2"]).ok().contains("cyd@example.com"), "{database}");
        // What goes out once more is known as before, also as an answer.
        office.service(&["email", "resend", "2"]).ok();
        assert!(office.asks("bob", &["-o", "json", "email", "show", "2"]).ok().contains("Halfwritten"), "{database}");
        let said = office.asks("bob", &["case", "reply", "1", "--text", "No.", "--dry-run"]);
        assert!(format!("{said:?}").contains("answered by ada"), "{database}: {said:?}");
        // Whoever wrote it may be gone, or be no user: it is nobody else's by that.
        office.service(&["case", "reply", "1", "--text", "Unfinished.", "--draft"]).ok();
        hidden("4", "Unfinished");
        office.service(&["user", "remove", "ada", "--to", "bob"]).ok();
        hidden("3", "Tomorrow");
    }
}
