//! To bring another customer's matter into one's own, or oneself into it.

use serde_json::{Value, json};

use super::{deliver, email, on_both, parent, reply};
use crate::support::world::World;

const DORA: &str = "Dora Example <dora@example.org>";
const EVE: &str = "Eve Example <eve@example.net>";
const MALLORY: &str = "Mallory <mallory@example.net>";

/// A case of Dora's, 1, and one of Eve's, 2, each with a letter of ours; returns the ids of the letters.
fn two_customers(world: &World) -> (String, String) {
    for (id, name) in [("account:1", "Dora's"), ("account:2", "Eve's")] {
        world.run(&["record", "add", "account", &format!("{name} works")]).ok();
        let (person, address) = if id == "account:1" { ("Dora", "dora@example.org") } else { ("Eve", "eve@example.net") };
        world.run(&["record", "add", "contact", person, "--address", address, "--account", id]).ok();
    }
    deliver(world, "a", DORA, &["Subject: Pump"]);
    deliver(world, "b", EVE, &["Subject: Door"]);
    (reply(world, &["1"]).1, reply(world, &["2"]).1)
}

fn answer(world: &World, id: &str, from: &str, letter: &str) -> Value {
    deliver(world, id, from, &["Subject: Re: thanks", &format!("In-Reply-To: <{letter}>"), &format!("References: <{letter}>")]);
    parent(world, id)
}

#[test]
fn link_1_a_merge_by_mistake_that_is_split_back_holds() {
    on_both(|world, _| {
        let (to_dora, to_eve) = two_customers(world);
        world.run(&["case", "merge", "1", "--into", "2"]).ok();
        assert_eq!(answer(world, "c", DORA, &to_dora), "case:2", "merged is merged");
        world.run(&["case", "split", "2", "--email", "1"]).ok();
        // Dora's answers, whatever they carry, come to her case, and Eve's stay.
        assert_eq!(answer(world, "d", DORA, &to_dora), "case:3");
        assert_eq!(answer(world, "e", EVE, &to_eve), "case:2");
        deliver(world, "f", DORA, &["Subject: Re: [#1] Pump"]);
        assert_eq!(parent(world, "f"), "case:3", "her number leads to her case again");
        let plus = world.json(&["token", "make", "case:1", "--account", "support"]);
        let plus = plus["address"].as_str().unwrap().to_string();
        deliver(world, "g", DORA, &["Subject: By address", &format!("Delivered-To: {plus}")]);
        assert_eq!(parent(world, "g"), "case:3");
        // Neither has a part in the other's: not by number, not as its contact or Account.
        deliver(world, "h", DORA, &["Subject: [#2] hm"]);
        deliver(world, "i", EVE, &["Subject: [#3] hm"]);
        assert!(!["case:1", "case:2", "case:3"].contains(&parent(world, "h").as_str().unwrap()), "{}", parent(world, "h"));
        assert!(!["case:1", "case:2", "case:3"].contains(&parent(world, "i").as_str().unwrap()), "{}", parent(world, "i"));
        let case = |number: &str| world.json(&["case", "show", number]);
        assert_eq!((&case("3")["account"], &case("2")["account"]), (&json!("account:1"), &json!("account:2")));
        assert_eq!(case("1")["merged_into"], "case:3");
    });
}

#[test]
fn link_1_what_the_surviving_case_had_from_the_other_goes_back_with_it() {
    on_both(|world, _| {
        world.run(&["record", "add", "contact", "Dora", "--address", "dora@example.org"]).ok();
        deliver(world, "a", DORA, &["Subject: Pump"]);
        deliver(world, "b", EVE, &["Subject: Door"]);
        world.run(&["case", "merge", "1", "--into", "2"]).ok();
        assert_eq!(world.json(&["case", "show", "2"])["contact"], "contact:1");
        world.run(&["case", "split", "2", "--email", "1"]).ok();
        let case = |number: &str| world.json(&["case", "show", number])["contact"].clone();
        assert_eq!((case("2"), case("3")), (Value::Null, json!("contact:1")));
        deliver(world, "c", DORA, &["Subject: [#2] hm"]);
        assert_eq!(parent(world, "c"), "case:4");
    });
}

#[test]
fn link_1_a_split_takes_the_answers_to_its_letters_and_leaves_the_others() {
    on_both(|world, _| {
        deliver(world, "a", DORA, &["Subject: Pump"]);
        let (_, first) = reply(world, &["1"]);
        deliver(world, "b", DORA, &["Subject: Re: Pump", &format!("In-Reply-To: <{first}>"), &format!("References: <{first}>")]);
        let (_, second) = reply(world, &["1"]);
        world.run(&["case", "split", "1", "--email", &email(world, "b")["id"].to_string()]).ok();
        assert_eq!(answer(world, "c", DORA, &second), "case:2");
        assert_eq!(answer(world, "d", DORA, &first), "case:1");
        // An answer to one's own e-mail that was split off, with the older letter in its References.
        deliver(
            world,
            "e",
            DORA,
            &["Subject: Re: Pump", "In-Reply-To: <b@example.org>", &format!("References: <{first}> <b@example.org>")],
        );
        assert_eq!(parent(world, "e"), "case:2");
    });
}

#[test]
fn link_7_answers_to_a_letter_that_a_person_took_away_or_gave_elsewhere() {
    on_both(|world, _| {
        let (to_dora, _) = two_customers(world);
        world.run(&["email", "unlink", &to_dora]).ok();
        let opened = answer(world, "c", DORA, &to_dora);
        assert_eq!(opened, "case:3", "a matter of its own");
        world.run(&["email", "link", &to_dora, "case:2"]).ok();
        assert_eq!(answer(world, "d", DORA, &to_dora), "case:2", "where a person put it");
        // Deleted: the record that the token was made for.
        world.run(&["email", "delete", &to_dora]).ok();
        assert_eq!(answer(world, "e", DORA, &to_dora), "case:1");
    });
}

#[test]
fn case_1_what_a_person_gives_to_somebody_leaves_its_conversation_to_the_case() {
    on_both(|world, _| {
        let (to_dora, _) = two_customers(world);
        world.run(&["email", "link", &to_dora, "contact:1"]).ok();
        assert_eq!(answer(world, "c", DORA, &to_dora), "case:1", "by the thread of the letter");
        deliver(world, "d", DORA, &["Subject: Re: [#1] Pump"]);
        assert_eq!(parent(world, "d"), "case:1", "by number");
        world.run(&["email", "link", "<c@example.org>", "contact:1"]).ok();
        deliver(world, "e", DORA, &["Subject: Re: Pump", "References: <unknown@example.org> <c@example.org>"]);
        assert_eq!(parent(world, "e"), "case:1", "by the thread of her own");
        world.run(&["email", "delete", "<d@example.org>", "<e@example.org>"]).ok();
        deliver(world, "f", DORA, &["Subject: Re: Pump", "References: <unknown@example.org>"]);
        assert_eq!(parent(world, "f"), "case:1", "by an id of the thread");
        // Another copy of the first one, as a gateway changes it.
        let date = "Date: Sat, 28 Nov 2026 10:00:00 +0000";
        deliver(world, "g", DORA, &["Subject: Roof", date]);
        world.run(&["email", "link", &reply(world, &["3"]).1, "contact:1"]).ok();
        deliver(world, "g", DORA, &["Subject: [EXT] Roof", date]);
        assert_eq!(world.json(&["case", "list", "--all"])["items"].as_array().unwrap().len(), 3);
        world.run(&["doctor", "--prove"]).ok();
    });
}

#[test]
fn thread_1_a_case_of_ones_own_with_the_victim_in_cc_does_not_merge_into_the_victims() {
    on_both(|world, _| {
        two_customers(world);
        deliver(world, "m", MALLORY, &["Subject: Hello", "Cc: dora@example.org"]);
        assert_eq!(parent(world, "m"), "case:3");
        let both = ["Subject: Re: Hello", "Cc: dora@example.org", "In-Reply-To: <m@example.org>"];
        deliver(world, "n", MALLORY, &[&both[..], &["References: <a@example.org> <b@example.org> <m@example.org>"]].concat());
        deliver(world, "o", MALLORY, &[&both[..1], &["References: <m@example.org> <a@example.org>"]].concat());
        assert_eq!((parent(world, "n"), parent(world, "o")), (json!("case:3"), json!("case:3")));
        // The agent answers all of them, and their own program quotes the same ids.
        reply(world, &["3", "--all"]);
        let by_ada = "From: ada@example.com\r\nTo: mallory@example.net\r\nCc: support@example.com, dora@example.org\r\nSubject: Re: Hello\r\n\
            Message-ID: <p@example.org>\r\nReferences: <a@example.org> <n@example.org>\r\nIn-Reply-To: <n@example.org>\r\n\r\nHm.\r\n";
        world.run_with(&["deliver", "--account", "support"], by_ada).ok();
        let cases = world.json(&["case", "list", "--all"])["items"].clone();
        assert!(
            cases.as_array().unwrap().iter().all(|case| case["merged_into"].is_null() && case["status"] != "duplicate"),
            "{cases}"
        );
        let (made, _) = reply(world, &["1"]);
        assert_eq!(made["to"], json!(["dora@example.org"]));
    });
}

#[test]
fn thread_1_who_only_says_to_be_the_agent_of_two_cases_brings_nothing_together() {
    on_both(|world, _| {
        two_customers(world);
        // Ada writes into both from her own program, which nothing vouches for: she stands in both.
        deliver(world, "c", "ada@example.com", &["Subject: Re: Pump", "In-Reply-To: <a@example.org>"]);
        deliver(world, "d", "ada@example.com", &["Subject: Re: Door", "In-Reply-To: <b@example.org>"]);
        let ids = ["In-Reply-To: <a@example.org>", "References: <b@example.org> <d@example.org> <c@example.org> <a@example.org>"];
        for (id, from) in [("m", "ada@example.com"), ("n", "Ada <ada+x@example.com>"), ("o", "support@example.com")] {
            deliver(world, id, from, &[&["Subject: Re: Pump"], &ids[..]].concat());
        }
        let cases = world.json(&["case", "list", "--all"])["items"].clone();
        let is_merged = |case: &Value| !case["merged_into"].is_null() || case["status"] == "duplicate";
        assert!(!cases.as_array().unwrap().iter().any(is_merged), "{cases}");
    });
}
