//! What attackers want, one file a class.

mod bombs;
mod budget;
mod bytes;
mod clock;
mod disk;
mod duplicate;
mod files;
mod hearsay;
mod locks;
mod merge;
mod outage;
mod reading;
mod server;
mod spoof;
mod terminal;
mod thread;

use serde_json::Value;

use crate::support::smtp::{Manners, SmtpSink};
use crate::support::world::World;

/// A world with an agent and a group account that makes cases and sends through the sink.
fn world_on(database: &str, sink: &SmtpSink) -> World {
    let world = World::on(database);
    world.run(&["user", "add", "ada", "--address", "ada@example.com"]).ok();
    let port = sink.port.to_string();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--password-stdin"];
    let smtp = ["--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-security", "plain", "--shared", "--make-cases"];
    world.run_with(&[&add[..], &smtp].concat(), "hunter2\n").ok();
    world
}

/// Runs a test on both databases.
fn on_both(test: impl Fn(&World, &SmtpSink)) {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        test(&world_on(database, &sink), &sink);
    }
}

/// Delivers a message; `more` are header lines.
fn deliver(world: &World, id: &str, from: &str, more: &[&str]) {
    let more: String = more.iter().map(|line| format!("{line}\r\n")).collect();
    let message =
        format!("From: {from}\r\nTo: support@example.com\r\nMessage-ID: <{id}@example.org>\r\n{more}\r\nText {id}.\r\n");
    world.run_with(&["deliver", "--account", "support"], &message).ok();
}

fn email(world: &World, id: &str) -> Value {
    world.json(&["email", "show", &format!("<{id}@example.org>")])
}

fn parent(world: &World, id: &str) -> Value {
    email(world, id)["parent"].clone()
}

/// Answers a case; returns what is printed as JSON and the Message-ID of the letter.
fn reply(world: &World, more: &[&str]) -> (Value, String) {
    let made = world.json(&[&["case", "reply"], more, &["--text", "Words of ours."]].concat());
    let letter = world.json(&["email", "show", &made["email"].to_string()]);
    let id = letter["message_id"].as_str().unwrap().to_string();
    (made, id)
}
