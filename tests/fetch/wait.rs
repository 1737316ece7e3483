//! `fetch --wait`: news within a second, bounded by what was asked for, whatever a server does.

use std::process::Child;

use super::*;
use crate::support::imap::{BentImap, Mailbox};

/// How a server answers a command; none as a good one does.
type Answer = fn(&Mailbox, &str) -> Option<Vec<u8>>;

/// Starts a pass that waits.
fn start(world: &World, arguments: &[&str]) -> Child {
    let mut command = world.command(&[&["fetch"], arguments].concat());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for something to hold.
fn until(seconds: u64, what: &str, holds: &mut dyn FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(seconds);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Ends a wait by a signal; returns its exit status and what it said.
fn end(child: Child, signal: &str) -> (Option<i32>, String) {
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// A server that offers IDLE, and does what the test bends it to.
fn idling(bend: impl Fn(&Mailbox, &str) -> Option<Vec<u8>> + Send + Sync + 'static) -> BentImap {
    let server = BentImap::start();
    server.bend(move |mailbox, command| match command {
        "CAPABILITY" => Some(b"* CAPABILITY IMAP4rev1 IDLE\r\n{tag} OK done\r\n".to_vec()),
        command => bend(mailbox, command),
    });
    server
}

fn heard(server: &BentImap, word: &str) -> usize {
    server.with(|mailbox| mailbox.heard.iter().filter(|line| line.starts_with(word)).count())
}

/// The seconds of a processor that a process has used so far.
fn processor_seconds(child: &Child) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

/// The largest memory that a process has had, in MiB.
fn peak(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() >> 10
}

in_both_worlds! {
    fn fetch_7_a_wait_hears_of_mail_within_a_second_and_ends_when_it_is_told_to(world: &mut World, user: &str) {
        let server = dovecot::server();
        server.append(user, "INBOX", [letter("a", "").as_slice()]);
        add_account(world, "support", user, server.port, &[]);
        let child = start(world, &["--wait", "30"]);
        until(10, "the pass itself", &mut || emails(world).len() == 1);
        // It may not wait yet: what comes meanwhile is not forgotten either.
        server.append(user, "INBOX", [letter("b", "").as_slice()]);
        until(10, "what came before it waited", &mut || emails(world).len() == 2);
        std::thread::sleep(Duration::from_millis(1_500));
        assert_eq!(world.run(&["fetch"]).ok(), "", "another pass meanwhile");
        server.append(user, "INBOX", [letter("c", "").as_slice()]);
        let came = Instant::now();
        until(10, "what came while it waited", &mut || emails(world).len() == 3);
        assert!(came.elapsed() < Duration::from_secs(3), "{:?}, on a machine that has other things to do", came.elapsed());
        let asked = Instant::now();
        let (status, said) = end(child, "-TERM");
        assert_eq!((status, said.as_str()), (Some(143), ""));
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
        assert_eq!(fetched(world), serde_json::json!({}));
    }
}

in_both_worlds! {
    fn fetch_7_a_wait_takes_no_more_than_its_account_has_to_be_read_for_now(world: &mut World, user: &str) {
        let server = dovecot::server();
        server.run(user, &["CREATE Later"]);
        add_account(world, "support", user, server.port, &[]);
        let child = start(world, &["--wait", "30"]);
        let is_watched = |world: &World| !world.json(&["account", "show", "support"])["last_success"].is_null();
        until(10, "the pass itself", &mut || is_watched(world));
        std::thread::sleep(Duration::from_millis(1_000));
        // Whoever waits has not looked since.
        let _ = world.run(&["account", "set", "support", "--mailbox", "Later"]).ok();
        server.append(user, "Later", [letter("later", "").as_slice()]);
        server.append(user, "INBOX", [letter("a", "").as_slice()]);
        until(10, "what is in the mailbox that is watched now", &mut || emails(world).len() == 1);
        assert_eq!(emails(world)[0]["subject"], "About later");
        std::thread::sleep(Duration::from_millis(1_500));
        let _ = world.run(&["account", "disable", "support"]).ok();
        server.append(user, "Later", [letter("b", "").as_slice()]);
        // Nobody is left to wait for.
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
        assert_eq!(emails(world).len(), 1, "it was switched off");
        let _ = world.run(&["account", "enable", "support"]).ok();
        assert_eq!(fetched(world), serde_json::json!({ "imported": 1 }));
    }
}

#[test]
fn fetch_7_a_signal_ends_a_pass_within_a_second_wherever_its_server_stalls() {
    let stalls: [(&str, &str, &[&str], &str); 6] = [
        ("LOGIN", "", &["fetch"], "-TERM"),
        ("EXAMINE", "", &["fetch"], "-INT"),
        ("BODY.PEEK[]", "* 1 FETCH (UID 1 BODY[] {500}\r\nFrom: a", &["fetch"], "-TERM"),
        ("BODY.PEEK[]", "* 1 FETCH (UID 1 BO", &["fetch", "--wait", "60"], "-TERM"),
        ("UID SEARCH", "", &["reconcile"], "-TERM"),
        ("UID STORE", "", &["fetch"], "-TERM"),
    ];
    let one = |(word, said, arguments, signal): (&'static str, &'static str, &[&str], &str)| {
        let (world, server) = (World::new(), BentImap::start());
        for uid in 1..=2 {
            server.put(uid, &letter(&uid.to_string(), ""));
        }
        // What is said is no whole answer, and nothing follows.
        let said = if said.is_empty() { "* OK wait" } else { said };
        server.bend(move |_, command| command.contains(word).then(|| said.as_bytes().to_vec()));
        add_account(&world, "support", "anybody", server.port, &["--after-fetch", "seen"]);
        let mut command = world.command(arguments);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        until(10, word, &mut || server.with(|mailbox| mailbox.heard.iter().any(|line| line.contains(word))));
        std::thread::sleep(Duration::from_millis(200));
        let asked = Instant::now();
        let status = if signal == "-TERM" { 143 } else { 130 };
        assert_eq!(end(child, signal), (Some(status), String::new()), "{word} {arguments:?}");
        assert!(asked.elapsed() < Duration::from_millis(1_800), "{word} {arguments:?}: {:?}", asked.elapsed());
        // Nobody is to blame, neither the server nor the message.
        server.straighten();
        let account = world.json(&["account", "show", "support"]);
        assert_eq!((&account["last_error"], &account["failing_since"]), (&Value::Null, &Value::Null), "{word} {arguments:?}");
        assert_eq!(world.run(&["fetch"]).ok(), "", "{word} {arguments:?}");
        assert_eq!(emails(&world).len(), 2, "{word} {arguments:?}");
        assert_eq!(world.json(&["account", "actions", "support"])["items"], serde_json::json!([]), "{word} {arguments:?}");
        // Both came together.
        let asked = heard(&server, "UID FETCH 1:2 ");
        assert!(asked > 1, "{word} {arguments:?}: asked {asked} times");
    };
    // Nobody asks for the end here: it is reached.
    let bounded = || {
        let (world, server) = (World::new(), BentImap::start());
        server.bend(|_, command| command.starts_with("EXAMINE").then(|| b"* OK wait".to_vec()));
        add_account(&world, "support", "anybody", server.port, &[]);
        let begun = Instant::now();
        let output = start(&world, &["--wait", "2"]).wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(69) && said.contains("the account's time is over"), "{said}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    };
    std::thread::scope(|scope| {
        stalls.iter().for_each(|stall| drop(scope.spawn(|| one(*stall))));
        scope.spawn(bounded);
    });
}

#[test]
fn fetch_7_a_wait_is_never_longer_than_asked_whatever_a_server_does() {
    let flood = || b"* OK nothing new\r\n".repeat(200_000);
    let bends: [(&str, Answer); 6] = [
        ("waits", |_, command| (command == "IDLE").then(|| b"+ idling\r\n".to_vec())),
        ("says nothing", |_, command| (command == "IDLE").then(|| b"* OK well\r\n".to_vec())),
        ("refuses", |_, command| (command == "IDLE").then(|| b"{tag} NO not here\r\n".to_vec())),
        ("hangs up", |_, command| (command == "IDLE").then(Vec::new)),
        ("stops in a line", |_, command| (command == "IDLE").then(|| b"+ idling\r\n* 7 EXI".to_vec())),
        ("cries wolf", |_, command| (command == "IDLE").then(|| b"+ idling\r\n* 99 EXISTS\r\n".to_vec())),
    ];
    let one = |name: &str, bend: Answer| {
        let (world, server) = (World::new(), idling(bend));
        add_account(&world, "support", "anybody", server.port, &[]);
        let begun = Instant::now();
        let output = start(&world, &["--wait", "2"]).wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{name}");
        assert!(begun.elapsed() < Duration::from_millis(3_500), "{name}: {:?}", begun.elapsed());
        let asked = heard(&server, "IDLE");
        assert!((1..=4).contains(&asked), "{name}: asked {asked} times");
    };
    std::thread::scope(|scope| bends.iter().for_each(|(name, bend)| drop(scope.spawn(|| one(name, *bend)))));
    // One that floods neither keeps a processor busy nor fills memory.
    let world = World::new();
    let server = idling(move |_, command| (command == "IDLE").then(|| [b"+ idling\r\n".to_vec(), flood()].concat()));
    add_account(&world, "support", "anybody", server.port, &[]);
    let mut child = start(&world, &["--wait", "3"]);
    std::thread::sleep(Duration::from_millis(2_200));
    assert!(child.try_wait().unwrap().is_none(), "it has not ended yet");
    let (used, most) = (processor_seconds(&child), peak(&child));
    assert!(used < 1.5 && most < 100, "{used} s, {most} MiB");
    assert!(child.wait().unwrap().success());
    assert!(heard(&server, "IDLE") <= 4);
}

#[test]
fn fetch_7_news_told_with_another_answer_is_not_forgotten() {
    // A server tells of a message once, with whatever it answers; it does not say it again in IDLE.
    let server = idling(|_, command| match command {
        "IDLE" => Some(b"+ idling\r\n".to_vec()),
        search if search.starts_with("UID SEARCH") => Some(b"* SEARCH\r\n* 1000 EXISTS\r\n{tag} OK done\r\n".to_vec()),
        _ => None,
    });
    let world = World::new();
    add_account(&world, "support", "anybody", server.port, &[]);
    let output = start(&world, &["--wait", "3"]).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let opened = heard(&server, "EXAMINE");
    assert!(opened > 2, "opened {opened} times: by the pass, to wait, and for the news");
}

#[test]
fn fetch_7_a_wait_over_tls_is_not_misled_by_what_comes_behind_the_handshake() {
    let (server, world) = (dovecot::server(), World::new());
    let (authority, port) = (server.authority(), server.tls_port.to_string());
    let add = ["account", "add", "tls", "--address", "tls@example.com", "--imap-host", "127.0.0.1", "--imap-port", &port];
    let more = ["--ca-file", authority.path().to_str().unwrap(), "--imap-user", "fetch-7-tls", "--password-stdin"];
    let _ = world.run_with(&[&add[..], &more, &["--fetch-since", "2026-01-01"]].concat(), PASSWORD).ok();
    server.append("fetch-7-tls", "INBOX", [letter("a", "").as_slice()]);
    let child = start(&world, &["--wait", "30"]);
    until(10, "the pass itself", &mut || emails(&world).len() == 1);
    std::thread::sleep(Duration::from_millis(1_500));
    server.append("fetch-7-tls", "INBOX", [letter("b", "").as_slice()]);
    let came = Instant::now();
    until(10, "what came while it waited", &mut || emails(&world).len() == 2);
    assert!(came.elapsed() < Duration::from_secs(3), "{:?}", came.elapsed());
    assert_eq!(end(child, "-INT"), (Some(130), String::new()));
}
