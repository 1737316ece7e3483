//! FETCH-16: logging in with tokens, through the real binary, against an authorisation server of our own and Dovecot's oauth2 passdb.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::dovecot;
use crate::support::imap::{ScriptedImap, Step, answer, say};
use crate::support::oauth::{AuthorizationServer, Instead, Manners, browse};
use crate::support::smtp::{self, SmtpSink};
use crate::support::world::World;

/// Declares tests that run in a world on SQLite and in one on PostgreSQL; each has a mail user of its own.
macro_rules! in_both_worlds {
    ($(fn $name:ident($world:ident: &mut World, $user:ident: &str) $body:block)+) => { $(
        mod $name {
            use super::*;

            fn test($world: &mut World, $user: &str) $body

            #[test]
            fn sqlite() {
                test(&mut World::on("sqlite"), concat!(stringify!($name), "-sqlite"));
            }

            #[test]
            fn postgresql() {
                test(&mut World::on("postgresql"), concat!(stringify!($name), "-postgresql"));
            }
        }
    )+ };
}

const LETTER: &[u8] =
    b"From: c@example.org\r\nTo: support@example.com\r\nSubject: x\r\nMessage-ID: <1@example.org>\r\n\r\nText\r\n";

/// Adds an account that logs in with tokens, and a file that says where they come from.
fn add_account(world: &World, server: &AuthorizationServer, user: &str, port: u16, auth: &str) {
    let port = port.to_string();
    let arguments = [
        &["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--imap-port", &port][..],
        &["--imap-security", "plain", "--imap-user", user, "--auth", auth, "--fetch-since", "2026-01-01"],
    ];
    let _ = world.run(&arguments.concat()).ok();
    world.write(&world.path("provider.toml"), &server.provider(), 0o600);
}

const AUTHORIZE: [&str; 5] = ["account", "authorize", "support", "--provider", "provider.toml"];

fn authorize(world: &World) {
    let done = world.run(&AUTHORIZE);
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    let what = "Open https://login.example.com/device on any device, log in as ";
    assert!(done.stderr.contains(what) && done.stderr.contains("enter the code WDJB-MJHT"), "{}", done.stderr);
}

/// At another time.
fn at(world: &mut World, time: &str) {
    world.set("ESPOMAIL_NOW", &format!("2026-11-23T{time}Z"));
}

/// Nothing secret stands in what was said.
fn assert_silent(said: &str) {
    for secret in ["-of-many-letters", "LW9mLW1hbnktbGV0dGVycw"] {
        assert!(!said.contains(secret), "{said}");
    }
}

in_both_worlds! {
    fn fetch_16_a_right_by_a_code_reads_mail_and_is_renewed_in_time(world: &mut World, user: &str) {
        let server = AuthorizationServer::start(user, Manners { rotates: true, ..Manners::default() });
        dovecot::server().append(user, "INBOX", [LETTER]);
        add_account(world, &server, user, dovecot::server().port, "oauthbearer");
        let line = world.run(&["account", "test", "support"]).fails(78);
        assert!(line.ends_with("neither a password nor a token is set; try: espomail account authorize support"), "{line}");
        // The person takes a while, and the server wants to be asked less often.
        server.change(|manners| manners.errors = vec!["authorization_pending", "authorization_pending", "slow_down"]);
        let began = Instant::now();
        authorize(world);
        assert!(began.elapsed() >= Duration::from_secs(5), "RFC 8628, section 3.5: five seconds more");
        let first = server.access();
        world.run(&["fetch"]).ok();
        assert_eq!(world.json(&["email", "list"])["items"].as_array().unwrap().len(), 1);
        assert_eq!(server.renewals(), 0, "it was good");
        let shown = world.json(&["account", "show", "support"]);
        assert_eq!((&shown["auth"], &shown["grant"]["given_at"]), (&"oauthbearer".into(), &"2026-11-23T10:00:00Z".into()));
        let listed = world.run(&["account", "list"]).ok();
        assert!(listed.contains("provider.toml 0 min ago"), "{listed}");
        // It lives for an hour: a quarter before its end it is renewed.
        at(world, "10:44:59");
        world.run(&["fetch"]).ok();
        assert_eq!(server.renewals(), 0);
        at(world, "10:45:00");
        for renewals in [1, 1] {
            world.run(&["fetch"]).ok();
            assert_eq!(server.renewals(), renewals);
        }
        assert_ne!(server.access(), first);
        // The one that was given with it is used from now on: the server takes each once. A rehearsal, which nobody could renew in,
        // comes behind.
        at(world, "12:00:00");
        let began = Instant::now();
        assert_eq!(world.run(&["fetch", "--dry-run"]).status, Some(0));
        assert!(began.elapsed() < Duration::from_secs(20));
        let used: Vec<String> = server.asked().iter().filter_map(|asked| asked.get("refresh_token").cloned()).collect();
        assert_eq!(used, ["refresh-1-of-many-letters", "refresh-2-of-many-letters"]);
        for arguments in [&["account", "show", "support"][..], &["account", "list"], &["config", "show"], &["audit", "list"]] {
            assert_silent(&world.run(arguments).ok());
        }
        assert!(world.run(&["audit", "list"]).ok().contains("account authorize"));
    }

    fn fetch_16_a_token_that_is_refused_before_its_time_is_renewed_and_a_right_that_ended_is_a_persons_to_give(world: &mut World, user: &str) {
        let server = AuthorizationServer::start(user, Manners { rotates: true, ..Manners::default() });
        dovecot::server().append(user, "INBOX", [LETTER]);
        add_account(world, &server, user, dovecot::server().port, "xoauth2");
        authorize(world);
        // The clocks differ, or it was withdrawn.
        server.end_access();
        world.run(&["fetch"]).ok();
        assert_eq!((world.json(&["email", "list"])["items"].as_array().unwrap().len(), server.renewals()), (1, 1));
        // A server that is away for a while ends nothing as long as the token is good.
        at(world, "10:50:00");
        server.change(|manners| manners.instead = Some(Instead::Unavailable));
        world.run(&["fetch"]).ok();
        at(world, "11:30:00");
        let line = world.run(&["fetch"]).fails(69);
        assert!(line.contains("account support: 127.0.0.1:") && line.contains("answers HTTP 503"), "{line}");
        server.change(|manners| manners.instead = None);
        assert_eq!(world.run(&["account", "test", "support"]).status, Some(0));
        // It says itself what is wrong with a token.
        server.revoke();
        at(world, "11:40:00");
        let wanted = "account support: the right to this account has ended: invalid_grant: invalid_grant, it says (authorised with ";
        for arguments in [&["fetch", "support"][..], &["account", "test", "support"]] {
            let line = world.run(arguments).fails(77);
            assert!(line.contains(wanted) && line.contains("provider.toml 100 min ago)"), "{line}");
            assert!(line.ends_with("; try: espomail account authorize support"), "{line}");
        }
        assert_eq!(world.json(&["account", "show", "support"])["grant"]["ended_at"], "2026-11-23T11:40:00Z");
        assert!(world.run(&["account", "show", "support"]).ok().contains("it has ended at 2026-11-23T11:40:00Z"));
        // As last time.
        assert_eq!(world.run(&["account", "authorize", "support"]).status, Some(0));
        let done = world.run(&["fetch", "support"]);
        assert_eq!((done.status, done.stderr.as_str()), (Some(0), "espomail: account support: works again\n"));
        // A password takes its place.
        world.run(&["account", "set", "support", "--auth", "password", "--password-command", "echo", dovecot::PASSWORD]).ok();
        world.run(&["fetch", "support"]).ok();
        assert_eq!(world.json(&["account", "show", "support"])["grant"], serde_json::Value::Null);
    }

    fn fetch_16_of_several_processes_one_renews(world: &mut World, user: &str) {
        let server = AuthorizationServer::start(user, Manners { rotates: true, ..Manners::default() });
        add_account(world, &server, user, dovecot::server().port, "xoauth2");
        authorize(world);
        at(world, "12:00:00");
        server.change(|manners| manners.pause = Duration::from_millis(700));
        let commands = (0..6).map(|_| {
            let mut command = world.command(&["account", "folders", "support"]);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        });
        for process in commands.collect::<Vec<_>>() {
            let output = process.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        assert_eq!(server.renewals(), 1);
        // One that died at it keeps nobody: another process sees that it is gone.
        at(world, "14:00:00");
        let mut dies = world.command(&["account", "folders", "support"]);
        dies.env("ESPOMAIL_DIE_AT_STEP", "1");
        assert_eq!(crate::support::world::Done::of(&mut dies, "").status, None);
        world.run(&["account", "folders", "support"]).ok();
        assert_eq!(server.renewals(), 2);
        // Behind the commit the next refresh token is there, whatever becomes of the process.
        at(world, "16:00:00");
        let mut dies = world.command(&["account", "folders", "support"]);
        dies.env("ESPOMAIL_DIE_AT_STEP", "3");
        assert_eq!(crate::support::world::Done::of(&mut dies, "").status, None);
        assert_eq!(server.renewals(), 3);
        world.run(&["account", "folders", "support"]).ok();
        assert_eq!(server.renewals(), 3);
    }
}

#[test]
fn fetch_16_a_browser_comes_back_to_this_machine_with_a_code() {
    let server = AuthorizationServer::start("browser", Manners::default());
    let world = World::new();
    add_account(&world, &server, "browser", dovecot::server().port, "xoauth2");
    let begin = || {
        let mut command = world.command(&[&AUTHORIZE[..], &["--flow", "browser"]].concat());
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut told = BufReader::new(process.stderr.take().unwrap());
        let (mut first, mut url) = (String::new(), String::new());
        told.read_line(&mut first).unwrap();
        told.read_line(&mut url).unwrap();
        assert!(first.contains("ssh -L "), "{first}{url}");
        let url = url.trim().trim_start_matches("espomail: ").to_string();
        assert!(url.contains("login_hint=browser") && url.contains("state=") && !url.contains("secret"), "{url}");
        (process, told, url)
    };
    let (process, _, url) = begin();
    // Somebody else's request, and one that never ends, are not ours.
    let port = url.split("127.0.0.1%3A").nth(1).unwrap().split("%2F").next().unwrap();
    for path in ["", "?code=stolen&state=guessed", "favicon.ico", "?code=stolen"] {
        assert!(browse(&format!("http://127.0.0.1:{port}/{path}")).starts_with("HTTP/1.1 404"), "{path}");
    }
    let mut endless = std::net::TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    std::io::Write::write_all(&mut endless, b"GET /?x=").unwrap();
    assert!(browse(&url).contains("espomail has what it needs"));
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success());
    world.run(&["account", "test", "support"]).ok();
    // Who says no has said no.
    server.change(|manners| manners.errors = vec!["access_denied"]);
    let (mut process, mut told, url) = begin();
    browse(&url);
    let mut line = String::new();
    told.read_to_string(&mut line).unwrap();
    assert_eq!(process.wait().unwrap().code(), Some(77));
    assert!(line.contains("account support: the server refuses it: access_denied"), "{line}");
}

#[test]
fn fetch_16_a_code_that_is_refused_or_too_old_and_answers_that_are_none_end_it_with_a_word() {
    let server = AuthorizationServer::start("refused", Manners::default());
    let world = World::new();
    add_account(&world, &server, "refused", dovecot::server().port, "xoauth2");
    for (error, status, words) in [
        ("access_denied", 77, "the server refuses it: access_denied: access_denied, it says"),
        ("expired_token", 77, "the server refuses it: expired_token"),
        ("invalid_client", 78, "does not know us: invalid_client: invalid_client, it says; check what the configuration says of"),
    ] {
        server.change(|manners| manners.errors = vec![error]);
        let done = world.run(&AUTHORIZE);
        let line = done.stderr.lines().last().unwrap();
        assert_eq!(done.status, Some(status), "{line}");
        assert!(line.contains(words), "{line}");
    }
    // A code that nobody types in.
    server.change(|manners| (manners.code_lives, manners.errors) = (1, vec!["authorization_pending"; 99]));
    let done = world.run(&AUTHORIZE);
    assert_eq!(done.status, Some(77), "{}", done.stderr);
    assert!(done.stderr.contains("expired_token"), "{}", done.stderr);
    server.change(|manners| (manners.code_lives, manners.errors) = (600, Vec::new()));
    // A server that would have us wait for ever.
    server.change(|manners| manners.interval = u64::MAX);
    let line = world.run(&AUTHORIZE).fails(76);
    assert!(line.contains("wants to be asked every"), "{line}");
    server.change(|manners| manners.interval = 0);
    authorize(&world);
    world.sql("UPDATE account_grants SET renew_at = 0, ends_at = 0");
    for (instead, status, words) in [
        (Instead::Garbage, 76, "gives no answer"),
        (Instead::EndlessBody, 76, "gives no answer"),
        (Instead::EndlessHeader, 76, "gives no answer"),
        (Instead::Elsewhere, 76, "sends us elsewhere (HTTP 307), and nobody follows"),
        (Instead::Unavailable, 69, "answers HTTP 503"),
        (Instead::HangUp, 69, "gives no answer"),
        (Instead::Echo, 78, "does not know us: invalid_scope"),
    ] {
        server.change(|manners| manners.instead = Some(instead));
        let mut command = world.command(&["account", "test", "support"]);
        command.env("ESPOMAIL_LOG", "trace,ureq=trace,ureq_proto=trace,oauth2=trace");
        let began = Instant::now();
        let done = crate::support::world::Done::of(&mut command, "");
        let line = done.stderr.lines().last().unwrap();
        assert_eq!(done.status, Some(status), "{instead:?}: {}", done.stderr);
        assert!(line.contains(words) && !line.contains('\u{1b}'), "{instead:?}: {line}");
        assert_silent(&done.stderr);
        assert!(began.elapsed() < Duration::from_secs(20), "{instead:?}");
    }
    assert_eq!(server.renewals(), 0, "nothing was followed");
}

#[test]
fn fetch_16_a_session_that_ends_with_its_token_goes_on_with_another() {
    let server = AuthorizationServer::start("middle", Manners { rotates: true, ..Manners::default() });
    let world = World::new();
    let hello = || {
        let [ask, capabilities] = answer("CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR\r\n{tag} OK done\r\n");
        vec![say("* OK hello\r\n"), ask, capabilities, Step::Hear("AUTHENTICATE XOAUTH2 ")]
    };
    let open = || {
        let opened = "* 2 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n* OK [UIDNEXT 3] ok\r\n{tag} OK done\r\n";
        [vec![say("{tag} OK welcome\r\n")], answer("EXAMINE", opened).to_vec()].concat()
    };
    let found = |uids: &str| answer("UID SEARCH", &format!("* SEARCH {uids}\r\n{{tag}} OK done\r\n")).to_vec();
    // All, those since a day, and surely later ones.
    let search = |uids: &str| [found(uids), found(uids), found(uids)].concat();
    let sizes = |uids: &[u32]| {
        let listed: String = uids.iter().map(|uid| format!("* {uid} FETCH (UID {uid} RFC822.SIZE 90)\r\n")).collect();
        answer("RFC822.SIZE", &format!("{listed}{{tag}} OK done\r\n")).to_vec()
    };
    let message = |uid: u32| {
        let text = format!("From: c@example.org\r\nSubject: x\r\nMessage-ID: <{uid}@example.org>\r\n\r\nText of {uid}\r\n");
        let length = text.len();
        let head = format!("* {uid} FETCH (UID {uid} INTERNALDATE \"23-Nov-2026 09:00:00 +0000\" BODY[] {{{length}}}\r\n");
        format!("{head}{text})\r\n")
    };
    let fetch = |words: &'static str, said: String| answer(words, &said).to_vec();
    let bye = "* BYE Session invalidated - AccessTokenExpired\r\n";
    let end = || answer("LOGOUT", "* BYE\r\n{tag} OK\r\n").to_vec();
    let imap = ScriptedImap::start_all(vec![
        // The session ends where a batch is asked for.
        [hello(), open(), search("1 2"), sizes(&[1, 2]), fetch("BODY.PEEK", format!("{}{bye}", message(1)))].concat(),
        // The token is good for nothing by now; why is said.
        [hello(), vec![say("+ eyJzdGF0dXMiOiI0MDEiLCJzY29wZSI6Im1haWwifQ==\r\n"), Step::Hear(""), say("e2 NO no\r\n")]].concat(),
        [
            hello(),
            open(),
            search("1 2"),
            sizes(&[1, 2]),
            fetch("UID FETCH 1 ", format!("{}{{tag}} OK done\r\n", message(1))),
            fetch("UID FETCH 2 ", format!("{}{{tag}} OK done\r\n", message(2))),
            end(),
        ]
        .concat(),
    ]);
    add_account(&world, &server, "middle", imap.port, "xoauth2");
    authorize(&world);
    let done = world.run(&["-vvv", "fetch"]);
    assert_eq!(done.status, Some(0), "{}\n{}", done.stderr, imap.heard().join("\n"));
    assert_eq!(world.json(&["email", "list"])["items"].as_array().unwrap().len(), 2);
    assert_eq!(server.renewals(), 1);
    let spoken: Vec<String> = imap.heard().into_iter().filter(|line| line.contains("AUTHENTICATE")).collect();
    assert!(spoken.len() == 3 && spoken[0].split(' ').next_back() == spoken[1].split(' ').next_back(), "{spoken:?}");
    assert_ne!(spoken[1].split(' ').next_back(), spoken[2].split(' ').next_back(), "another token");
}

#[test]
fn fetch_16_a_refused_token_is_explained_and_a_command_may_print_one() {
    let world = World::new();
    let token = "a-token-of-many-letters";
    let script = |challenge: &str, give_up: &'static str, mechanism: &'static str| {
        let [ask, capabilities] =
            answer("CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=XOAUTH2 AUTH=OAUTHBEARER\r\n{tag} OK done\r\n");
        vec![
            say("* OK hello\r\n"),
            ask,
            capabilities,
            Step::Hear(mechanism),
            say("+\r\n"),
            Step::Hear(""),
            say(&format!("+ {challenge}\r\n")),
            Step::Hear(give_up),
            // The tag of the last command that was heard is no tag any more: it is the second.
            say("e2 NO [AUTHENTICATIONFAILED] no\r\n"),
        ]
    };
    let challenge = "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJtYWlsIn0=";
    let imap = ScriptedImap::start_all(vec![
        script(challenge, "", "AUTHENTICATE XOAUTH2"),
        script(challenge, "AQ==", "AUTHENTICATE OAUTHBEARER"),
    ]);
    let port = imap.port.to_string();
    let server = ["--imap-host", "127.0.0.1", "--imap-port", &port, "--imap-security", "plain"];
    let add = ["account", "add", "support", "--address", "support@example.com", "--token-command", "echo", token];
    let _ = world.run(&[&add[..], &server].concat()).ok();
    assert_eq!(world.json(&["account", "show", "support"])["auth"], "xoauth2");
    let line = world.run(&["account", "test", "support"]).fails(77);
    let words = "login refused: [AUTHENTICATIONFAILED] no (invalid_token, scope mail); ";
    assert!(line.contains(words) && !line.contains(token), "{line}");
    world.run(&["account", "set", "support", "--auth", "oauthbearer"]).ok();
    let line = world.run(&["account", "test", "support"]).fails(77);
    assert!(line.contains(words), "{line}");
    let heard = imap.heard();
    let heard: Vec<&str> = heard.iter().map(String::as_str).collect();
    let bearer = "bixhPXN1cHBvcnRAZXhhbXBsZS5jb20sAWhvc3Q9MTI3LjAuMC4xAXBvcnQ9";
    assert_eq!((heard[1], heard[3]), ("e2 AUTHENTICATE XOAUTH2", ""), "{heard:?}");
    assert_eq!((heard[5], heard[7]), ("e2 AUTHENTICATE OAUTHBEARER", "AQ=="), "{heard:?}");
    assert!(heard[6].starts_with(bearer), "{heard:?}");
    // A server that offers none of it gets no token.
    let plain = ScriptedImap::start(
        [vec![say("* OK hello\r\n")], answer("CAPABILITY", "* CAPABILITY IMAP4rev1\r\n{tag} OK\r\n").to_vec()].concat(),
    );
    world.run(&["account", "set", "support", "--imap-port", &plain.port.to_string()]).ok();
    let line = world.run(&["account", "test", "support"]).fails(77);
    assert!(
        line.contains("the server offers no login by OAUTHBEARER on this connection; check --imap-security and --auth"),
        "{line}"
    );
    assert_eq!(plain.heard().len(), 1);
    let line = world.run(&["account", "set", "support", "--auth", "password", "--token-command", "echo", "x"]).fails(64);
    assert!(line.contains("--token-command goes with --auth xoauth2"), "{line}");
}

#[test]
fn fetch_16_sending_uses_the_same_token_and_goes_on_when_it_ends() {
    let server = AuthorizationServer::start("sends", Manners { rotates: true, ..Manners::default() });
    let world = World::new();
    let offers = Some("250-x\r\n250 AUTH XOAUTH2 OAUTHBEARER");
    let sink = SmtpSink::start(smtp::Manners { ehlo: offers, ..smtp::Manners::default() });
    add_account(&world, &server, "sends", dovecot::server().port, "xoauth2");
    let port = sink.port.to_string();
    world
        .run(&[
            "account",
            "set",
            "support",
            "--shared",
            "--smtp-host",
            "127.0.0.1",
            "--smtp-port",
            &port,
            "--smtp-security",
            "plain",
        ])
        .ok();
    authorize(&world);
    assert_eq!(world.json(&["account", "show", "support"])["smtp"]["auth"], "xoauth2");
    world.run(&["account", "test", "support", "--smtp"]).ok();
    world.run(&["account", "set", "support", "--auth", "oauthbearer"]).ok();
    world.run(&["account", "test", "support", "--smtp"]).ok();
    let spoken: Vec<String> = sink.heard().into_iter().filter(|line| line.starts_with("AUTH")).collect();
    assert!(spoken[0].starts_with("AUTH XOAUTH2 ") && spoken[1].starts_with("AUTH OAUTHBEARER "), "{spoken:?}");
    // A refused token is renewed, and the reason of the second refusal is said.
    let refused = vec![Some("334 eyJzdGF0dXMiOiI0MDAiLCJzY29wZSI6Im1haWwifQ=="), Some("535 5.7.8 no")];
    let strict = SmtpSink::start(smtp::Manners { ehlo: offers, auth: refused, ..smtp::Manners::default() });
    world.run(&["account", "set", "support", "--smtp-port", &strict.port.to_string()]).ok();
    let line = world.run(&["account", "test", "support", "--smtp"]).fails(77);
    assert!(line.contains("login refused: 535 5.7.8 no (400, scope mail; authorised with "), "{line}");
    assert_silent(&line);
    assert_eq!((server.renewals(), strict.count("AUTH"), strict.count("AQ==")), (1, 2, 2));
    // A server that ends the session behind the first message, as its token has ended.
    let brief = SmtpSink::start(smtp::Manners { ehlo: offers, per_connection: 1, ..smtp::Manners::default() });
    world.run(&["account", "set", "support", "--smtp-port", &brief.port.to_string()]).ok();
    for subject in ["one", "two"] {
        let compose = ["email", "compose", "--to", "d@example.org", "--subject", subject, "--text", "x", "--queue"];
        let _ = world.run(&compose).ok();
    }
    world.run(&["send"]).ok();
    assert_eq!((brief.taken().len(), brief.connections()), (2, 2));
}

#[test]
fn fetch_16_what_is_wrong_with_a_provider_is_said() {
    let world = World::new();
    let server = AuthorizationServer::start("wrong", Manners::default());
    add_account(&world, &server, "wrong", dovecot::server().port, "xoauth2");
    let tried = |provider: &str| world.run(&["account", "authorize", "support", "--provider", provider]);
    let line = world.run(&["account", "authorize", "support"]).fails(64);
    assert!(line.contains("nobody is named who gives the right; add --provider NAME: google, microsoft"), "{line}");
    for name in ["google", "microsoft"] {
        let line = tried(name).fails(78);
        let wanted =
            format!("of the authorisation server {name} no client-id is known; set it in [oauth.{name}] of the configuration");
        assert!(line.contains(&wanted), "{line}");
    }
    let write = |text: &str, mode| world.write(&world.path("provider.toml"), text, mode);
    for (text, words) in [
        ("client-id = \"x\"\ntoken-url = \"http://login.example.com/token\"\n", "`token-url` must be an https URL"),
        ("client-id = \"x\"\ntenant = \"a/b\"\n", "`tenant` must be a domain"),
        ("client-id = \"x\"\n", "no token-url is known"),
        ("client = \"x\"\n", "unknown field `client`"),
        ("client-id = \"x\"\ntoken-url = \"https://localhost/t\"\nclient-secret-file = \"none\"\n", "cannot read the secret in"),
    ] {
        write(text, 0o600);
        let line = tried("provider.toml").fails(78);
        assert!(line.contains(words), "{line}");
    }
    // Who may write it says which command is run.
    write(&server.provider(), 0o666);
    assert!(tried("provider.toml").fails(77).contains("the provider file"));
    // With a name of the configuration.
    let config = std::fs::read_to_string(world.config()).unwrap();
    let secret = world.config().with_file_name("client.secret");
    world.write(&secret, "client-secret-of-many-letters\n", 0o600);
    let own = server.provider().replace(
        "client-secret-command = [\"echo\", \"client-secret-of-many-letters\"]",
        "client-secret-file = \"client.secret\"",
    );
    world.write(&world.config(), &format!("{config}\n[oauth.own]\n{own}"), 0o600);
    assert_eq!(tried("own").status, Some(0));
    world.run(&["account", "test", "support"]).ok();
    world.run(&["config", "check"]).ok();
    assert_silent(&world.run(&["config", "show"]).ok());
    world.write(&secret, "client-secret-of-many-letters\n", 0o644);
    let done = world.run(&["config", "check"]);
    assert!(done.status == Some(77) && done.stderr.contains("oauth.own: others can read the secret in"), "{}", done.stderr);
    world.write(&world.config(), &format!("{config}\n[oauth.own]\ntoken-url = \"ftp://x\"\n"), 0o600);
    assert!(world.run(&["config", "show"]).fails(78).contains("`token-url` must be an https URL"));
}
