//! ACCESS-1 and -3: users' own accounts, the group accounts that they may send through, and what roles say of it all.

use serde_json::{Value, json};

use crate::support::office::Office;
use crate::support::smtp::{Manners, SmtpSink};

const PASSWORD: &str = "hunter2-and-more";

fn office() -> Office {
    let office = Office::on("sqlite");
    for team in ["front", "back"] {
        office.service(&["team", "add", team]).ok();
    }
    office.service(&["role", "add", "agents"]).ok();
    for login in ["ada", "cyd", "dan"] {
        office.service(&["user", "add", login]).ok();
    }
    office.service(&["user", "set", "dan", "--administrator", "true"]).ok();
    office.service(&["team", "join", "front", "ada"]).ok();
    office.service(&["team", "join", "back", "cyd"]).ok();
    for team in ["front", "back"] {
        office.service(&["role", "give", "agents", "--team", team]).ok();
    }
    for (name, more) in [("support", &["--team", "front"][..]), ("sales", &[])] {
        let address = format!("{name}@example.com");
        let fixed = ["account", "add", name, "--address", &address, "--imap-host", "127.0.0.1", "--password-credential", "x"];
        let sends = ["--shared", "--smtp-host", "smtp.example.com"];
        office.service(&[&fixed[..], &sends, more].concat()).ok();
    }
    office
}

fn listed(office: &Office, login: &str) -> Vec<String> {
    let text = office.asks(login, &["-o", "json", "account", "list"]).ok();
    let list: Value = serde_json::from_str(&text).unwrap();
    list["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_string()).collect()
}

fn add(office: &Office, login: &str, name: &str, more: &[&str]) -> crate::support::world::Done {
    let fixed = ["account", "add", name, "--address", "me@example.org", "--password-stdin"];
    office.asks_with(login, &[&fixed[..], more].concat(), PASSWORD)
}

#[test]
fn access_1_users_see_the_group_accounts_that_they_may_send_through() {
    let office = office();
    for (level, ada, cyd) in [
        (None, &[][..], &[][..]),
        (Some("no"), &[], &[]),
        (Some("team"), &["support"], &[]),
        (Some("all"), &["sales", "support"], &["sales", "support"]),
    ] {
        if let Some(level) = level {
            office.service(&["role", "grant", "agents", "group-account", "use", level]).ok();
        }
        assert_eq!((listed(&office, "ada"), listed(&office, "cyd")), (strings(ada), strings(cyd)), "{level:?}");
        assert_eq!(listed(&office, "dan"), ["sales", "support"], "{level:?}");
    }
    // Seen, and no more than that; what is not seen is not there, and no name is proposed.
    assert!(office.asks("ada", &["account", "show", "support"]).fails(77).contains("only administrators look after"));
    office.service(&["role", "grant", "agents", "group-account", "use", "no"]).ok();
    let line = office.asks("ada", &["account", "show", "suport"]).fails(65);
    assert!(line.ends_with("there is no account \"suport\"; try: espomail account list"), "{line}");
    office.service(&["role", "grant", "agents", "group-account", "use", "all"]).ok();
    office.service(&["account", "disable", "sales"]).ok();
    assert_eq!(listed(&office, "ada"), ["support"]);
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn access_1_users_keep_their_own_accounts_up_to_a_limit() {
    let office = office();
    let host = ["--imap-host", "imap.example.org"];
    assert!(add(&office, "ada", "mine", &host).fails(77).contains("no role lets you have a personal account"));
    office.service(&["role", "grant", "agents", "personal-account", "use", "own"]).ok();
    let said = add(&office, "ada", "mine", &host).ok();
    assert!(!said.contains(PASSWORD));
    assert_eq!(office.json(&["account", "show", "mine"])["owner"], "ada");
    assert!(add(&office, "ada", "his", &["--owner", "cyd", "--imap-host", "imap.example.org"]).fails(77).contains("--owner"));
    for option in [&["--make-cases"][..], &["--team", "front"], &["--max-seconds", "9999"], &["--assigned-user", "ada"]] {
        let line = add(&office, "ada", "more", &[&host[..], option].concat()).fails(77);
        assert!(line.contains(&format!("only administrators give {}", option[0])), "{line}");
    }
    add(&office, "ada", "second", &host).ok();
    let line = add(&office, "ada", "third", &host).fails(77);
    assert!(line.contains("you have as many personal accounts as one may: 2; remove one, or ask"), "{line}");
    // An administrator may add it.
    add(&office, "dan", "third", &["--owner", "ada", "--imap-host", "imap.example.org"]).ok();
    // To others it is not there, whatever they want to do.
    office.service(&["role", "grant", "agents", "group-account", "use", "all"]).ok();
    for verb in [&["show"][..], &["enable"], &["test"], &["folders"], &["reset", "--since", "today"], &["remove"], &["set"]] {
        let arguments = [&["account", verb[0], "mine"], &verb[1..]].concat();
        assert!(office.asks("cyd", &arguments).fails(65).contains("there is no account \"mine\""), "{verb:?}");
        let arguments = [&["account", verb[0], "support"], &verb[1..]].concat();
        assert!(office.asks("cyd", &arguments).fails(77).contains("only administrators look after"), "{verb:?}");
    }
    for verb in [&["disable"][..], &["enable"], &["set", "--mailbox", "Work"], &["reset", "--since", "today"], &["remove"]] {
        office.asks("ada", &[&["account", verb[0], "mine"], &verb[1..]].concat()).ok();
    }
}

#[test]
fn access_3_a_personal_accounts_server_is_not_internal_unless_it_is_listed() {
    let office = office();
    office.service(&["role", "grant", "agents", "personal-account", "use", "own"]).ok();
    for host in ["localhost", "127.0.0.1", "169.254.169.254", "10.0.0.1", "printer.local", "intranet", "::1"] {
        for who in ["ada", "dan"] {
            let line = add(&office, who, "mine", &["--owner", "ada", "--imap-host", host]).fails(77);
            assert!(line.contains(&format!("{host} is internal")) && line.contains("security.internal-hosts"), "{line}");
        }
    }
    let configuration = std::fs::read_to_string(office.config()).unwrap();
    let lists = |hosts: &str| {
        std::fs::write(office.config(), format!("{configuration}internal-hosts = [{hosts}]\n")).unwrap();
    };
    // A name that resolves to this machine is judged where it is connected to: 2130706433 is 127.0.0.1 to the resolver.
    lists("\"localhost\"");
    add(&office, "ada", "mine", &["--imap-host", "localhost", "--imap-port", "1"]).ok();
    assert!(office.asks("ada", &["account", "test", "mine"]).fails(69).contains("cannot connect to localhost:1"));
    lists("");
    assert!(office.asks("ada", &["account", "test", "mine"]).fails(77).contains("localhost is internal"));
    assert!(office.service(&["fetch", "mine"]).fails(77).contains("localhost is internal"));
    lists("\"127.0.0.1\", \"::1\"");
    assert!(office.asks("ada", &["account", "test", "mine"]).fails(69).contains("cannot connect to localhost:1"));
    // Group accounts are administrators' business.
    assert!(office.service(&["account", "test", "support"]).status != Some(77));
}

#[test]
fn access_3_a_stored_password_goes_to_no_other_server() {
    let office = office();
    office.service(&["role", "grant", "agents", "personal-account", "use", "own"]).ok();
    add(&office, "ada", "mine", &["--imap-host", "imap.example.org"]).ok();
    for (who, account) in [("ada", "mine"), ("dan", "mine"), ("dan", "support")] {
        for change in [["--imap-host", "evil.example.net"], ["--imap-port", "1993"], ["--imap-security", "plain"]] {
            let line = office.asks(who, &[&["account", "set", account][..], &change].concat()).fails(77);
            assert!(line.contains("another server needs the password again; add --password-stdin"), "{line}");
        }
    }
    let again = ["account", "set", "mine", "--imap-host", "mail.example.net", "--password-stdin"];
    office.asks_with("ada", &again, "another").ok();
    // The service account can read it anyway.
    office.service(&["account", "set", "mine", "--imap-host", "mail.example.com"]).ok();
}

#[test]
fn access_3_a_stored_password_goes_to_no_other_server_for_sending() {
    let office = office();
    office.service(&["role", "grant", "agents", "personal-account", "use", "own"]).ok();
    add(&office, "ada", "mine", &["--imap-host", "imap.example.org"]).ok();
    let evil = ["account", "set", "mine", "--smtp-host", "evil.example.net"];
    let needs = "another server for sending needs a password of its own; add --smtp-password-stdin";
    assert!(office.asks("ada", &evil).fails(77).contains(needs));
    // Nor in two steps.
    office.asks("ada", &[&evil[..], &["--smtp-auth", "none"]].concat()).ok();
    assert!(office.asks("ada", &["account", "set", "mine", "--smtp-auth", "password"]).fails(77).contains(needs));
    assert!(office.asks("ada", &["account", "set", "mine", "--smtp-auth", "xoauth2"]).fails(77).contains(needs));
    office.asks_with("ada", &[&evil[..], &["--smtp-auth", "password", "--smtp-password-stdin"]].concat(), "another").ok();
    for change in [["--smtp-host", "other.example.net"], ["--smtp-port", "1465"], ["--smtp-security", "starttls"]] {
        assert!(office.asks("ada", &[&["account", "set", "mine"][..], &change].concat()).fails(77).contains(needs), "{change:?}");
    }
    for host in ["localhost", "10.0.0.1"] {
        let set = ["account", "set", "mine", "--smtp-host", host, "--smtp-password-stdin"];
        let line = office.asks_with("ada", &set, "another").fails(77);
        assert!(line.contains(&format!("{host} is internal")), "{line}");
    }
}

#[test]
fn send_3_a_test_message_goes_out_as_nobody_else_either() {
    let office = office();
    office.service(&["role", "grant", "agents", "personal-account", "use", "own"]).ok();
    office.service(&["user", "set", "ada", "--address", "ada@example.com"]).ok();
    let sink = SmtpSink::start(Manners::default());
    let configuration = std::fs::read_to_string(office.config()).unwrap();
    std::fs::write(office.config(), format!("{configuration}internal-hosts = [\"127.0.0.1\"]\n")).unwrap();
    let port = sink.port.to_string();
    let more = ["--imap-host", "127.0.0.1", "--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-security", "plain"];
    let fixed = ["account", "add", "boss", "--address", "boss@example.com", "--from-name", "The Boss", "--password-stdin"];
    office.asks_with("ada", &[&fixed[..], &more].concat(), PASSWORD).ok();
    let test =
        |who: &str, account: &str| office.asks(who, &["account", "test", account, "--smtp", "--send-to", "dora@example.org"]);
    for who in ["ada", "dan"] {
        let line = test(who, "boss").fails(77);
        assert!(line.contains("<boss@example.com> is no address of its owner's, so nothing is sent as it"), "{line}");
        assert!(line.ends_with("espomail user set ada --address ada@example.com --address boss@example.com"), "{line}");
    }
    office.asks("ada", &["account", "test", "boss", "--smtp"]).ok();
    assert!(sink.taken().is_empty());
    let own = ["account", "add", "mine", "--address", "Ada@example.com", "--password-stdin"];
    office.asks_with("ada", &[&own[..], &more].concat(), PASSWORD).ok();
    assert!(test("ada", "mine").ok().contains("The server took the test message for dora@example.org"));
    assert_eq!(sink.taken().len(), 1);
}

#[test]
fn access_2_roles_are_shown_as_a_matrix_and_users_with_what_gives_them_each_right() {
    let office = office();
    for right in ["email read team", "case edit own", "group-account use team"] {
        office.service(&[&["role", "grant", "agents"][..], &right.split(' ').collect::<Vec<_>>()].concat()).ok();
    }
    office.service(&["role", "add", "readers"]).ok();
    office.service(&["role", "grant", "readers", "email", "read", "all"]).ok();
    office.service(&["role", "give", "readers", "--user", "ada"]).ok();
    let shown = office.asks("cyd", &["role", "show", "agents"]).ok();
    let line = |scope: &str| shown.lines().find(|line| line.starts_with(scope)).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(line("email"), ["email", "team", "-", "-"]);
    assert_eq!(line("case"), ["case", "-", "own", "-"]);
    assert_eq!(line("group-account"), ["group-account", "team"]);
    let rights = office.asks("ada", &["user", "rights"]).ok();
    let line = |words: &str| rights.lines().any(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") == words);
    assert!(line("email read all readers") && line("case edit own agents (team front)"), "{rights}");
    assert!(line("contact read no no role says so"), "{rights}");
    let of_cyd = office.json(&["user", "rights", "cyd"]);
    let first = &of_cyd["items"][0];
    assert_eq!((&first["scope"], &first["level"], &first["from"][0]["team"]), (&json!("email"), &json!("team"), &json!("back")));
    let of_dan = office.service(&["user", "rights", "dan"]).ok();
    assert!(of_dan.lines().skip(1).all(|line| line.contains(" all ") && line.ends_with("administrator")), "{of_dan}");
    for (wrong, part) in [
        ("group-account read all", "of group-account, roles say only: use"),
        ("email use all", "of email, roles say only: read, edit, delete"),
        ("group-account use own", "group-account use is one of no, team, all"),
    ] {
        let line = office.service(&[&["role", "grant", "agents"][..], &wrong.split(' ').collect::<Vec<_>>()].concat());
        assert!(line.fails(64).contains(part), "{wrong}");
    }
}

#[test]
fn filter_4_only_administrators_say_what_is_run() {
    let office = office();
    office.service(&["role", "grant", "agents", "personal-account", "use", "own"]).ok();
    add(&office, "ada", "mine", &["--imap-host", "imap.example.com"]).ok();
    let config = std::fs::read_to_string(office.config()).unwrap();
    std::fs::write(office.config(), format!("{config}\n[filters.commands]\nticket = [\"/usr/local/bin/ticket\"]\n")).unwrap();
    fn filter<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["filter", "add", "x", "--account", "mine", "--from", "*"], more].concat()
    }
    let line = office.asks("ada", &filter(&["--run", "ticket"])).fails(77);
    assert!(line.contains("a filter that runs a command is an administrator's"), "{line}");
    office.asks("ada", &filter(&["--mark-read"])).ok();
    office.asks("ada", &["filter", "set", "x", "--run", "ticket"]).fails(77);
    office.asks("dan", &["filter", "set", "x", "--run", "ticket"]).ok();
    // Nor may she choose the mail it is run for.
    office.asks("ada", &["filter", "set", "x", "--from", "ada@*"]).fails(77);
    office.asks("ada", &["filter", "retry"]).fails(77);
    // A script is her own to give, by standard input.
    office.asks("ada", &["filter", "set", "x", "--sieve", "/etc/hostname"]).fails(77);
    office.asks_with("ada", &["filter", "set", "x", "--sieve", "-"], "keep;").ok();
}
