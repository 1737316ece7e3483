//! To be answered more often than the budgets allow (ACK-3): by other addresses that cost nothing.

use serde_json::Value;

use crate::support::world::World;

/// A group account that answers new cases, with these budgets for answers.
fn world_on(database: &str, budgets: &str) -> World {
    let world = World::on(database);
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--make-cases"];
    let smtp = ["--smtp-host", "127.0.0.1", "--password-credential", "x"];
    world.run(&[&add[..], &smtp].concat()).ok();
    world.run_with(&["template", "add", "ack", "--subject", "We have got it", "--file", "-"], "Thank you.\n").ok();
    world.run(&["account", "set", "support", "--auto-reply", "ack"]).ok();
    let config = std::fs::read_to_string(world.config()).unwrap();
    world.write(&world.config(), &format!("{config}\n[budgets.answers]\n{budgets}\n"), 0o600);
    world
}

/// Delivers one message from each of these addresses; returns how many were answered, and the last reason for holding one.
fn answered(world: &World, senders: &[&str]) -> (usize, String) {
    for (number, sender) in senders.iter().enumerate() {
        let mail = format!(
            "From: {sender}\r\nTo: support@example.com\r\nSubject: Pump {number}\r\nMessage-ID: <{number}@mua.example>\r\n\r\nIt leaks.\r\n"
        );
        world.run_with(&["deliver", "--account", "support"], &mail).ok();
    }
    let outbox = world.json(&["outbox", "list", "--all"])["items"].as_array().unwrap().len();
    let held = world.json(&["budget", "list"])["items"].as_array().unwrap().clone();
    assert_eq!(outbox + held.len(), senders.len(), "each is answered or held: {held:?}");
    (outbox, held.last().and_then(|one| one["because"].as_str()).unwrap_or_default().to_string())
}

#[test]
fn ack_3_other_writings_of_one_address_are_no_way_round_its_budget() {
    let senders = [
        "dora@example.org",
        "dora+1@example.org",
        "Dora+2@EXAMPLE.org",
        "\"dora\"@example.org",
        "\"dora+3\"@example.org",
        "<dora+4+5@example.org>",
        "carl@example.org",
    ];
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, "per-address = [2, 0]");
        let (answers, why) = answered(&world, &senders);
        assert_eq!(answers, 3, "two for dora, one for carl: {why}");
        assert!(why.contains("the budget of dora@example.org is spent"), "{why}");
    }
}

#[test]
fn ack_3_names_below_a_domain_are_no_way_round_its_budget() {
    let senders: Vec<String> = (0..6).map(|n| format!("u{n}@h{n}.mail.example.co.uk")).collect();
    let senders: Vec<&str> = senders.iter().map(String::as_str).chain(["x@other.co.uk"]).collect();
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, "per-address = [0, 0]\nper-domain = [2, 0]");
        let (answers, why) = answered(&world, &senders);
        assert_eq!(answers, 3, "two for example.co.uk, one for its neighbour: {why}");
        assert!(why.contains("the budget of example.co.uk is spent"), "{why}");
    }
}

#[test]
fn ack_3_other_writings_of_one_domain_are_no_way_round_its_budget() {
    let senders = ["a@xn--bcher-kva.example", "b@B\u{fc}cher.example", "c@XN--BCHER-KVA.example", "d@shop.b\u{fc}cher.example"];
    let world = world_on("sqlite", "per-domain = [2, 0]");
    let (answers, why) = answered(&world, &senders);
    assert_eq!((answers, why.contains("the budget of xn--bcher-kva.example is spent")), (2, true), "{why}");
    let explained: Value = world.json(&["explain", "<3@mua.example>"]);
    assert!(explained.to_string().contains("hold-action"), "{explained}");
}
