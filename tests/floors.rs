//! The dependency directions of the house: a file names only lower floors and its own room (see the head of `main.rs`), and in its
//! own room nobody that names it.

mod circles;

use std::path::Path;

/// The rooms by floor, the lowest first. Rooms on one floor do not know each other, but for those of the lists marked so.
const FLOORS: &[&[&str]] = &[
    &["words", "fault", "secret", "settings", "clock", "custody", "room", "plural", "whereabouts"],
    &["mail"],
    &["decide"],
    &["net"],
    &["depot"],
    &["mailbox", "oauth", "relay", "store"],
    &["pass"],
    &["config", "context", "output"],
    &["commands"],
    &["main", "lib"],
];

/// Floors whose rooms may know each other: the ground and the three files that every command stands on.
const OPEN: [usize; 2] = [0, 7];

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Returns the rooms that a source text names by `crate::`, also in groups such as `crate::{mail, words}`.
fn named(text: &str) -> Vec<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => rooms.push(word(rest)),
            Some(group) => {
                let mut depth = 0;
                for item in group.split_inclusive([',', '{', '}']) {
                    if depth == 0 && !word(item.trim_start()).is_empty() {
                        rooms.push(word(item.trim_start()));
                    }
                    depth += i32::from(item.ends_with('{')) - i32::from(item.ends_with('}'));
                    if depth < 0 {
                        break;
                    }
                }
            }
        }
    }
    rooms
}

fn arrows_that_are_wrong(file: &Path, text: &str) -> Vec<String> {
    let room = file.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_string();
    let Some(own) = floor(&room) else { return vec![format!("{} is in no room of the house", file.display())] };
    let wrong = |other: &String| match floor(other) {
        _ if *other == room => false,
        // A macro or item at the root; `lib.rs` has none but the rooms.
        None => true,
        Some(its) => its > own || (its == own && !OPEN.contains(&own)),
    };
    named(text).into_iter().filter(wrong).map(|other| format!("{}: {room} must not know {other}", file.display())).collect()
}

#[test]
fn no_arrow_runs_up_or_across() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = crate::support::source_files("src");
    assert!(files.len() > 30, "the sources were found");
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let file = file.strip_prefix(&src).unwrap();
        wrong.extend(arrows_that_are_wrong(file, &text));
        if text.contains("diesel::") && !file.starts_with("store") {
            wrong.push(format!("{}: only store/ knows diesel", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_planted_arrow_is_found() {
    let planted = |file: &str, text: &str| arrows_that_are_wrong(Path::new(file), text).len();
    assert_eq!(planted("decide/thread.rs", "use crate::pass::Stop;"), 1);
    assert_eq!(planted("store/mod.rs", "use crate::{fault::Fault, mailbox::{Session, Server}, words};"), 1);
    assert_eq!(planted("mail/text.rs", "fn f() -> crate::store::Store {}"), 1);
    assert_eq!(planted("words.rs", "use crate::mail;"), 1);
    assert_eq!(planted("attic/old.rs", ""), 1);
    assert_eq!(planted("pass/fetch.rs", "use crate::store::Store; use crate::pass::Stop; // crate::commands"), 1);
    assert_eq!(planted("pass/fetch.rs", "//! crate::commands\nuse crate::store::Store;"), 0);
}
