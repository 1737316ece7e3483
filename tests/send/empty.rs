//! ACK-2: servers that take no empty sender, as those do that bind the sender to the login.

use serde_json::json;

use crate::support::smtp::{Manners, SmtpSink, Stage};
use crate::support::world::World;

fn world_on(database: &str, sink: &SmtpSink) -> World {
    let world = super::world_on(database, sink);
    world.run(&["account", "set", "support", "--make-cases"]).ok();
    world.run_with(&["template", "add", "ack", "--subject", "We have it", "--file", "-"], "We have your message.\n").ok();
    world.run(&["account", "set", "support", "--auto-reply", "ack"]).ok();
    world
}

fn deliver(world: &World, id: &str) {
    let text = format!(
        "From: {id}@example.org\r\nTo: support@example.com\r\nSubject: {id}\r\nMessage-ID: <{id}@example.org>\r\n\r\nIt leaks.\r\n"
    );
    world.run_with(&["deliver", "--account", "support"], &text).ok();
}

fn froms(sink: &SmtpSink) -> Vec<String> {
    sink.taken().iter().map(|taken| taken.from.split(' ').next().unwrap_or_default().to_string()).collect()
}

#[test]
fn ack_2_where_an_empty_sender_is_refused_the_accounts_address_takes_its_place_from_then_on() {
    for (database, refusal) in [
        ("sqlite", (Stage::Mail, "550 5.7.60 Client does not have permissions to send as this sender")),
        ("postgresql", (Stage::Mail, "501 Invalid MAIL FROM address provided")),
        ("sqlite", (Stage::Mail, "553 sorry")),
        ("sqlite", (Stage::Recipient, "550 5.1.8 who are you?")),
        ("sqlite", (Stage::Dot, "554 5.2.252 SendAsDenied; not allowed to send as <>")),
    ] {
        let sink = SmtpSink::start(Manners { refuses_empty: Some(refusal), ..Manners::default() });
        let world = world_on(database, &sink);
        deliver(&world, "a");
        deliver(&world, "b");
        let said = world.run(&["send"]);
        assert_eq!(said.status, Some(0), "{said:?}");
        assert!(
            said.stderr.starts_with("espomail: account support: its server takes no empty sender")
                && said.stderr.lines().count() == 1,
            "said once: {said:?}"
        );
        let sent = if refusal.0 == Stage::Dot { 1 } else { 0 };
        let own = "<support@example.com>".to_string();
        assert_eq!(froms(&sink).iter().filter(|from| **from == own).count(), 2, "{:?}", sink.heard());
        assert_eq!(
            (sink.count("MAIL FROM:<>"), froms(&sink).len() - 2),
            (1, sent.min(froms(&sink).len() - 2)),
            "in the same attempt"
        );
        let states: Vec<_> = world.json(&["outbox", "list", "--all"])["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["state"].clone())
            .collect();
        assert_eq!(states, [json!("sent"), json!("sent")]);
        // It stays so, and is shown; a person can put it back.
        deliver(&world, "c");
        assert_eq!(world.run(&["send"]).ok(), "", "said once");
        assert_eq!(sink.count("MAIL FROM:<>"), 1);
        let shown = world.json(&["account", "show", "support"]);
        assert_eq!(shown["empty_sender"], false);
        assert!(world.run(&["account", "show", "support"]).ok().contains("its address on the envelope"));
        world.run(&["account", "set", "support", "--empty-sender", "true"]).ok();
        deliver(&world, "d");
        assert!(world.run(&["send"]).stderr.contains("takes no empty sender"));
        assert_eq!(sink.count("MAIL FROM:<>"), 2);
    }
}

#[test]
fn ack_2_what_is_not_about_the_empty_sender_changes_nothing() {
    for (manners, state) in [
        (Manners { refuses_empty: Some((Stage::Mail, "451 4.7.1 later")), ..Manners::default() }, "queued"),
        (Manners { refuses_empty: Some((Stage::Mail, "554 5.7.1 go away")), ..Manners::default() }, "failed"),
        (Manners { refuses_empty: Some((Stage::Recipient, "550 5.1.1 no such user")), ..Manners::default() }, "failed"),
        // The account's address is refused as well: it is not the emptiness.
        (Manners { mail: Some("550 5.7.1 you are on a list"), ..Manners::default() }, "failed"),
    ] {
        let sink = SmtpSink::start(manners);
        let world = world_on("sqlite", &sink);
        deliver(&world, "a");
        let _ = world.run(&["send"]);
        let one = &world.json(&["outbox", "list", "--all"])["items"][0];
        assert_eq!((&one["state"], one["last_error"].is_string()), (&json!(state), true), "{one}");
        assert_eq!(world.json(&["account", "show", "support"])["empty_sender"], true);
    }
}
