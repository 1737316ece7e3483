//! ACCESS-4: who is asking.

use crate::support::office::Office;
use crate::support::world::Done;

fn office() -> Office {
    let office = Office::on("sqlite");
    for login in ["ada", "ben", "gone"] {
        office.service(&["user", "add", login]).ok();
    }
    office.service(&["user", "set", "ben", "--administrator", "true"]).ok();
    office.service(&["user", "set", "gone", "--active", "false"]).ok();
    office
}

#[test]
fn access_4_who_comes_through_sudo_is_the_user_with_that_login() {
    let office = office();
    let own = "only administrators may do this; see what you may do: espomail user rights ada";
    assert!(office.asks("ada", &["team", "add", "x"]).fails(77).ends_with(own));
    office.asks("ben", &["team", "add", "x"]).ok();
    for stranger in ["nobody", "gone"] {
        let line = office.asks(stranger, &["case", "list"]).fails(77);
        let said = format!("there is no active user with the login {stranger:?}; an administrator adds one with: ");
        assert!(line.contains(&said), "{line}");
    }
    // Root and the account itself hold all its rights already; they may choose the configuration, too.
    let mut root = office.sudo("root", &["-c", &office.config().display().to_string(), "team", "add", "y"]);
    Done::of(&mut root, "").ok();
    let mut itself = office.sudo("espomail", &["team", "add", "z"]);
    itself.env("HOME", office.home());
    let uid = std::fs::read_to_string(office.home().join("passwd")).unwrap();
    let uid = uid.lines().nth(1).and_then(|line| line.split(':').nth(2)).unwrap();
    Done::of(itself.env("SUDO_UID", uid), "").ok();
    // So may who has a shell of the account: `sudo -iu espomail`.
    let mut shell = office.sudo("eve", &["team", "add", "w"]);
    Done::of(shell.env("HOME", office.home()).env("SUDO_COMMAND", "/bin/bash"), "").ok();
    // The passes and what looks after the whole.
    for whole in [
        &["fetch"][..],
        &["deliver", "--account", "a"],
        &["config", "show"],
        &["db", "status"],
        &["audit", "list"],
        &["quarantine", "list"],
        &["explain", "-"],
    ] {
        let done = office.asks("ada", whole);
        // An MTA keeps the message.
        let status = if whole[0] == "deliver" { 75 } else { 77 };
        assert!(done.fails(status).contains("only administrators may do this"), "{whole:?}");
    }
}

#[test]
fn access_4_administrators_act_for_others_and_the_audit_says_so() {
    let office = office();
    let line = office.asks("ada", &["--as", "ben", "team", "add", "x"]).fails(77);
    assert!(line.contains("only administrators act for another user"), "{line}");
    assert!(office.asks("ben", &["--as", "ada", "team", "add", "x"]).fails(77).contains("only administrators may do this"));
    assert!(office.service(&["--as", "gone", "case", "list"]).fails(77).contains("no active user"));
    assert!(office.service(&["--as", "adaa", "case", "list"]).fails(77).ends_with("\"adaa\"; did you mean ada?"));
    for asks in [&["--as", "ada", "user", "absence", "add", "ada", "--until", "2030-01-01"][..], &["team", "add", "y"]] {
        office.asks("ben", asks).ok();
    }
    office.service(&["team", "add", "z"]).ok();
    let changes = office.json(&["audit", "list", "--limit", "3"]);
    let of = |at: usize| {
        let change = &changes["items"][at];
        let text = |key: &str| change[key].as_str().unwrap_or("-").to_string();
        (text("os_account"), text("user"), change["on_behalf"].as_bool().unwrap(), text("action"), text("subject"))
    };
    let row = |os: &str, user: &str, on_behalf, action: &str, subject: &str| {
        (os.to_string(), user.to_string(), on_behalf, action.to_string(), subject.to_string())
    };
    assert_eq!(of(0), row("espomail", "-", false, "team add", "team:z"));
    assert_eq!(of(1), row("ben", "ben", false, "team add", "team:y"));
    assert_eq!(of(2), row("ben", "ada", true, "user absence add", "user:ada"));
    let text = office.service(&["audit", "list", "--subject", "user:ada", "--user", "ada"]).ok();
    assert!(text.contains("ada (by ben)") && text.contains("user absence add") && text.lines().count() == 2, "{text}");
    assert_eq!(office.json(&["audit", "list", "--since", "2026-11-24", "--user", "espomail"])["items"], serde_json::json!([]));
}

#[test]
fn access_4_through_sudo_the_caller_chooses_nothing_that_the_service_account_uses() {
    let office = office();
    let other = office.home().join("other.toml").display().to_string();
    std::fs::write(&other, "database = \"sqlite:other.sqlite\"\n").unwrap();
    for arguments in [
        &["-c", &other, "case", "list"][..],
        &["--database", "sqlite:other.sqlite", "case", "list"],
        &["init"],
        &["import", "/etc/hostname", "--account", "a"],
        &["test", "/tmp"],
        &["email", "attachments", "1", "--save", "/tmp"],
        &[
            "account",
            "add",
            "a",
            "--address",
            "a@example.com",
            "--imap-host",
            "imap.example.com",
            "--password-file",
            "/etc/shadow",
        ],
    ] {
        // An administrator through sudo is no more than a guest of the machine.
        let line = office.asks("ben", arguments).fails(77);
        assert!(line.starts_with("espomail: through sudo ") && line.ends_with("; see espomail-access(7)"), "{line}");
    }
    for (name, value) in [("ESPOMAIL_CONFIG", other.as_str()), ("ESPOMAIL_DATABASE", "sqlite:x"), ("PGHOSTADDR", "192.0.2.1")] {
        let line = Done::of(office.sudo("ben", &["case", "list"]).env(name, value), "").fails(77);
        assert_eq!(line, format!("espomail: through sudo the variable {name} must not be set; see espomail-access(7)"));
    }
    // A home that sudo was made to keep holds no configuration of ours, and a file is no message.
    let home = office.home().join("home");
    std::fs::create_dir_all(home.join(".config/espomail")).unwrap();
    std::fs::write(home.join(".config/espomail/config.toml"), "database = \"sqlite:other.sqlite\"\n").unwrap();
    let mut kept = office.sudo("ben", &["-o", "json", "config", "show"]);
    let shown = Done::of(kept.env("HOME", &home).env("XDG_CONFIG_HOME", home.join(".config")), "").ok();
    assert!(shown.contains(&office.config().display().to_string()) && !shown.contains("other.sqlite"), "{shown}");
    assert!(office.asks("ben", &["explain", "/etc/hostname"]).fails(65).contains("there is no e-mail"));
    let message = "From: a@example.com\r\nSubject: Hello\r\n\r\nHello\r\n";
    assert!(office.asks_with("ben", &["explain", "-"], message).ok().contains("Hello"));
}

#[test]
fn access_4_without_a_place_or_a_right_to_it_the_line_says_why() {
    let office = Office::empty();
    let line = office.asks("ada", &["case", "list"]).fails(78);
    let place = office.config().display().to_string();
    assert!(line.contains(&format!("through sudo the configuration is {place} or /etc/espomail/config.toml")), "{line}");
    let office = self::office();
    for tool in ["DOAS_USER", "PKEXEC_UID"] {
        let mut other = office.command(&["case", "list"]);
        let line = Done::of(other.env("HOME", office.home()).env(tool, "4711"), "").fails(77);
        assert!(line.contains("only sudo says who asks"), "{line}");
    }
}
