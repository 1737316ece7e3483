//! PARSE-7 over replies that we wrote in the styles of many programs and languages, and over what nobody should send.

use std::path::Path;
use std::time::Instant;

use proptest::prelude::*;

use super::split;

/// Reads a fixture: `=== reply`, `=== quotation` and `=== signature` stand before what belongs there; without these lines it is
/// the text of the message.
fn fixture(content: &str) -> (String, [String; 3]) {
    let mut text = String::new();
    let mut expected = [String::new(), String::new(), String::new()];
    let mut part = 0;
    for line in content.lines() {
        match line {
            "=== reply" => part = 0,
            "=== quotation" => part = 1,
            "=== signature" => part = 2,
            line => {
                text.push_str(&format!("{line}\n"));
                expected[part].push_str(&format!("{}\n", line.trim_end()));
            }
        }
    }
    (text, expected.map(|part| squeezed(&part)))
}

/// Empty lines between lines count for one.
fn squeezed(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if !line.trim().is_empty() || lines.last().is_some_and(|last| !last.is_empty()) {
            lines.push(line.trim_end());
        }
    }
    lines.join("\n").trim_end().to_string()
}

#[test]
fn parse_7_replies_of_many_programs_are_told_apart() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/replies");
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        let (text, [reply, quoted, signature]) = fixture(&std::fs::read_to_string(&path).expect("it can be read"));
        let found = split(&text, false);
        count += 1;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for (what, found, expected) in
            [("reply", found.reply, reply), ("quotation", found.quoted, quoted), ("signature", found.signature, signature)]
        {
            if squeezed(&found) != expected {
                wrong.push(format!("{name}: {what}\n--- expected\n{expected}\n--- found\n{found}\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 120, "{count} replies");
}

#[test]
fn parse_7_in_doubt_nothing_is_cut() {
    for text in [
        // Nothing of one's own.
        "> only a quotation\n> of two lines\n",
        "On 1 January 2026 Ada <ada@example.org> wrote:\n> all of it\n",
        // Answers inside.
        "> Shall we?\n> Today?\n\nYes.\n\n> And tomorrow?\n> Early?\n\nNo.\n",
        // Less than a tenth would be left, and no program says that it is a quotation.
        &format!("ok\n\n{}", "> a line of what was said before\n".repeat(20)),
        // It only sounds like an attribution.
        "As the manual wrote:\nturn the key twice.\nThen wait.\n",
        "On Monday at 10:30 we met and she said:\nfix it.\n",
        "From: the beginning it leaked.\nSo we called.\n",
        "I compared the two - original message and copy - and found:\nnothing.\n",
        "Best regards to your team, they did well.\nThe pump runs.\n",
        "A list:\n- one\n- two\n",
        "Dear all,\n-----Original Message----- is shown in my mail, why?\nDora\n",
        "Guten Tag,\n-----Ursprüngliche Nachricht----- steht überall. Warum: das weiß niemand.\nDora\n",
        // A log is shown.
        "Log:\nOn Nov 27, 2026, at 10:00, the pump wrote:\nE42\nWhat is E42?\n",
        "This came:\nOn Nov 27, 2026, at 10:00, the pump\nwrote:\nE42\n",
    ] {
        let found = split(text, false);
        assert_eq!((found.quoted.as_str(), found.signature.as_str()), ("", ""), "{text}");
    }
}

#[test]
fn parse_7_what_the_subject_says_is_passed_on_is_content() {
    let block = "From: Ada Example <ada@example.org>\nSent: Monday, 5 January 2026 10:00\nTo: Ben\nSubject: Pump\n\nThe pump stands still.\n";
    let text = format!("Can you take this one?\n\n{block}");
    let (passed, answered) = (split(&text, true), split(&text, false));
    assert_eq!((passed.reply.as_str(), passed.quoted.as_str()), (text.trim_end(), ""));
    assert_eq!(answered.reply, "Can you take this one?");
    // An answer that has kept the subject of a forward quotes as any other does.
    let read = |subject: &str| crate::mail::parse(format!("Subject: {subject}\n\n{text}").as_bytes()).reply_text;
    for subject in ["Fwd: Pump", "WG: Pump", "[EXTERNAL] FW: Re: Pump", "TR: Pump"] {
        assert_eq!(read(subject), text.trim_end(), "{subject}");
    }
    for subject in ["Re: Fwd: Pump", "AW: WG: Pump", "Pump", "Re: Pump"] {
        assert_eq!(read(subject), "Can you take this one?", "{subject}");
    }
}

#[test]
fn parse_7_the_head_of_a_quotation_may_share_the_line_of_dashes() {
    let found = split("Yes.\n-----Original Message----- From: Ada <ada@example.org> Sent: Monday\nShall we?\n", false);
    assert_eq!(found.reply, "Yes.");
    // With an address, or marks below, a colon above changes nothing.
    for attribution in ["Ada <ada@example.org> wrote:\nShall we?", "Ada wrote:\n> Shall we?\n> Today?"] {
        let found = split(&format!("My answer:\nOn Nov 27, 2026, at 10:00, {attribution}\n"), false);
        assert_eq!(found.reply, "My answer:", "{attribution}");
    }
}

fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text.lines().map(|line| line.trim().to_string()).filter(|line| !line.is_empty()).collect();
    words.sort();
    words
}

proptest! {
    #[test]
    fn parse_7_no_line_is_lost(lines in proptest::collection::vec(prop_oneof![
        Just("> quoted".to_string()), Just(String::new()), Just("-- ".to_string()), Just("Sent from my iPhone".to_string()),
        Just("On 1 January 2026 at 10:00 Ada <ada@example.org> wrote:".to_string()), Just("-----Original Message-----".to_string()),
        Just("From: Ada".to_string()), Just("To: Ben".to_string()), Just("Subject: x".to_string()), Just("Sent: today".to_string()),
        Just("---------- Forwarded message ---------".to_string()), Just("Best regards,".to_string()), "\\PC{0,40}",
    ], 0..40)) {
        let text = lines.join("\n");
        let found = split(&text, false);
        let all = format!("{}\n{}\n{}", found.reply, found.quoted, found.signature);
        prop_assert_eq!(words(&all), words(&text));
        prop_assert!(words(&text).is_empty() || !words(&found.reply).is_empty(), "something is left");
    }
}

#[test]
fn parse_7_hostile_texts_cost_in_proportion() {
    for line in [
        "> >>>> x",
        "On 1 January 2026 Ada <ada@example.org> wrote:",
        "On x",
        "From: a",
        "From: a\nTo: b\nSubject: c\nDate: d",
        "--",
        "Best regards,",
        "a:",
        "____________",
        "wrote:",
        "-- original message --",
    ] {
        let text = format!("{line}\n").repeat(100_000);
        let started = Instant::now();
        split(&text, false);
        assert!(started.elapsed().as_secs() < 20, "{line}: {:?}", started.elapsed());
    }
}
