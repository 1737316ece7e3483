//! The messages of `tests/corpus`, and those of `tests/cases`, which programs in the world write and specifications do not
//! have: each against what `expected.txt` beside it says of it, and damaged in many ways.
#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

static CORPUS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| messages("corpus"));
static CASES: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| messages("cases"));

fn messages(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut corpus: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|ending| ending == "eml"))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    corpus.sort();
    corpus
}

/// Writes what matters of a message, one line each, and nothing for what is not there.
fn summary(raw: &[u8]) -> String {
    let mail = parse(raw);
    let mut lines = String::new();
    let mut line = |what: &str, value: &str| {
        if !value.is_empty() {
            writeln!(lines, "{what}: {}", value.escape_debug()).unwrap();
        }
    };
    let list = |list: &[Address]| list.iter().map(|a| format!("{} <{}>", a.name, a.address)).collect::<Vec<_>>().join(", ");
    line("from", &list(mail.from.as_slice()));
    line("reply-to", &list(&mail.reply_to));
    line("to", &list(&mail.to));
    line("cc", &list(&mail.cc));
    line("bcc", &list(&mail.bcc));
    line("subject", &mail.subject);
    line("references", &[mail.in_reply_to, mail.references].concat().join(" "));
    line("date", &mail.date.map(|date| date.to_string()).unwrap_or_default());
    line("text", &mail.text);
    line("html", mail.html.as_deref().unwrap_or_default());
    for file in &mail.attachments {
        let inline = if file.inline { " inline" } else { "" };
        line("file", &format!("{} {} {} {}{inline}", file.part, file.name, file.media_type, file.size));
        assert_eq!(attachment_content(raw, &file.part).unwrap().len() as u64, file.size);
    }
    line("automatic", &mail.automatic.iter().map(|sign| sign.sign.as_str()).collect::<Vec<_>>().join("; "));
    line("no answer", &mail.no_answer.join("; "));
    line("defects", &mail.defects.join("; "));
    lines
}

/// What else matters of the messages that show how ids and invitations are written.
fn ids_and_events(raw: &[u8]) -> String {
    let mail = parse(raw);
    let id = mail.message_id.as_ref().map(|id| format!("id: {id}\n"));
    let signed = mail.signed_by.as_ref().map(|by| format!("signed by: {} <{}>\n", by.name, by.address));
    let events =
        mail.calendar.iter().map(|event| format!("event: {} {}\n", event.start.as_deref().unwrap_or("-"), event.summary));
    id.into_iter().chain(signed).chain(events).collect()
}

/// One table of what is right, in sections by message; lines that begin with `#` say what kind of mail comes next.
#[test]
fn parse_2_to_11_the_cases_read_as_a_person_reads_them() {
    let expected = include_str!("../../tests/cases/expected.txt");
    let expected: Vec<&str> = expected.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    let found: String = CASES.iter().map(|(name, raw)| format!("== {name}\n{}{}", ids_and_events(raw), summary(raw))).collect();
    let found: Vec<&str> = found.lines().collect();
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn parse_2_the_corpus_reads_as_expected() {
    let expected = include_str!("../../tests/corpus/expected.txt");
    let mut sections = expected.split("== ").skip(1);
    for (name, raw) in CORPUS.iter() {
        let found = format!("{name}\n{}", summary(raw));
        let expected = sections.next().map(str::trim_end).unwrap_or_default();
        assert_eq!(found.trim_end(), expected, "\n{found}");
    }
    assert_eq!(sections.next(), None);
}

/// What holds of every message, however damaged (PARSE-2, PARSE-3).
fn is_sound(raw: &[u8]) -> bool {
    let mail = parse(raw);
    let names = mail.attachments.iter().map(|file| file.name.as_str());
    let addresses = [mail.from.as_slice(), &mail.to, &mail.cc, &mail.bcc, &mail.reply_to].concat();
    let texts = [mail.text.as_str(), &mail.subject, mail.html.as_deref().unwrap_or_default()].into_iter().chain(names);
    let ids = mail.message_id.iter().chain(&mail.references).chain(&mail.in_reply_to).map(String::as_str);
    let all = texts.chain(ids).chain(addresses.iter().flat_map(|a| [a.name.as_str(), &a.address]));
    all.clone().all(|text| !text.contains('\0'))
        && mail.attachments.iter().all(|file| {
            !file.name.is_empty()
                && !file.media_type.contains('\0')
                && attachment_content(raw, &file.part).is_some_and(|content| content.len() as u64 == file.size)
        })
}

proptest! {
    #[test]
    fn parse_2_any_bytes_are_read(raw in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(is_sound(&raw));
    }

    #[test]
    fn parse_2_damaged_messages_are_read(
        which in 0..CORPUS.len() + CASES.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        (from, to, into) in any::<(prop::sample::Index, prop::sample::Index, prop::sample::Index)>(),
    ) {
        let mut raw = CORPUS.iter().chain(CASES.iter()).nth(which).map(|(_, raw)| raw.clone()).unwrap_or_default();
        if !raw.is_empty() {
            let length = raw.len();
            changes.into_iter().for_each(|(at, byte)| raw[at.index(length)] = byte);
            let (from, to, into) = (from.index(raw.len()), to.index(raw.len()), into.index(raw.len()));
            let piece = raw[from.min(to)..from.max(to)].to_vec();
            prop_assert!(is_sound(&piece));
            raw.splice(into..into, piece);
        }
        prop_assert!(is_sound(&raw));
    }
}
