//! NOTIFY-3: what users who want it are told by mail of what they have not read: one letter a user, which says no more than
//! their list of notifications does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use crate::mail::reply::line;
use crate::plural::{counted, doing};
use crate::words::{NotificationKind, RecordKind};

/// How old a notification is when it is mailed, in seconds: who reads it meanwhile needs no mail, and what is older is no news.
pub const YOUNGEST: i64 = 30;
pub const OLDEST: i64 = 5 * 3_600;

/// How often administrators hear of mail that reaches nobody, in seconds.
const DAILY: i64 = 86_400;

/// Whether a day has gone by since somebody heard of something. A clock that was ahead silences nobody.
fn is_due(told_at: Option<i64>, now: i64) -> bool {
    !told_at.is_some_and(|told| (told..told.saturating_add(DAILY)).contains(&now))
}

/// DIST-1: the same of cases that were to be somebody's and are nobody's.
pub fn for_nobody(count: i64, told_at: Option<i64>, now: i64) -> Option<String> {
    is_due(told_at, now).then(|| opened_for_nobody(count))
}

/// Says how many cases are nobody's, and what shows them.
pub fn opened_for_nobody(count: impl Display) -> String {
    format!("{} opened for nobody: espomail case list --unassigned", doing(count, "case", "was", "were"))
}

/// INBOX-1: what administrators are told of mail that reaches nobody; none where they heard of some less than a day ago.
pub fn of_nobody(count: i64, told_at: Option<i64>, now: i64) -> Option<String> {
    is_due(told_at, now).then(|| format!("{} reached nobody: espomail email list --of-nobody", counted(count, "e-mail")))
}

/// How many things one letter names.
const NAMED: usize = 100;
/// How many records that were handed over at once still have a line each.
const HANDED_ALONE: usize = 3;
/// The longest text of a stranger in a line, in characters.
const LONGEST: usize = 120;

/// One thing to tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Item {
    pub kind: Option<NotificationKind>,
    /// `kind:number` and name of its record.
    pub record: Option<(String, String)>,
    /// Of its e-mail, as far as the user may read it.
    pub from: Option<String>,
    pub subject: Option<String>,
    /// What the kind alone does not say.
    pub detail: String,
    /// How many records were handed over at once, where it stands for several.
    pub handed: usize,
    /// RFC 3339.
    pub at: String,
}

/// What a letter says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    pub subject: String,
    pub text: String,
    /// The record that all of it is about.
    pub record: Option<String>,
}

/// What of a notification says whether it stands in the letter, and in which line.
#[derive(Debug, Clone, Copy)]
pub struct Brief<'a> {
    pub record: Option<(RecordKind, i64)>,
    /// When somebody got the record, by whatever else was handed over at that moment.
    pub handed_at: Option<i64>,
    /// Who got its e-mail openly: To and Cc, in comparison form.
    pub recipients: &'a BTreeSet<String>,
}

/// What stands in the letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The notifications of each line, the newest first.
    pub lines: Vec<Vec<usize>>,
    /// How many there are, and how many of them are in no line.
    total: usize,
    left: usize,
    /// Whether all are about one record.
    is_of_one: bool,
}

/// Chooses what a letter names of some notifications, the oldest first: the newest, and in one line what was handed over at once; none where
/// the user got every e-mail in question themselves.
pub fn choose(all: &[Brief<'_>], own: &[String]) -> Option<Chosen> {
    let is_news = |one: &Brief<'_>| !own.iter().any(|address| one.recipients.contains(address));
    let news: Vec<(usize, &Brief<'_>)> = all.iter().enumerate().filter(|(_, one)| is_news(one)).collect();
    let (_, first) = news.first()?;
    let mut handed: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (at, one) in news.iter().rev().filter_map(|(at, one)| Some((*at, one.handed_at?))) {
        handed.entry(one).or_default().push(at);
    }
    handed.retain(|_, those| those.len() > HANDED_ALONE);
    let mut lines: Vec<Vec<usize>> = Vec::new();
    for (at, one) in news.iter().rev() {
        let is_one = one.handed_at.and_then(|moment| handed.get(&moment));
        match is_one {
            Some(those) if those.first() == Some(at) => lines.push(those.clone()),
            Some(_) => {}
            None => lines.push(vec![*at]),
        }
    }
    lines.truncate(NAMED);
    let named: usize = lines.iter().map(Vec::len).sum();
    let is_of_one = first.record.is_some() && news.iter().all(|(_, one)| one.record == first.record);
    Some(Chosen { lines, total: news.len(), left: news.len() - named, is_of_one })
}

/// Writes the letter, of an item a line.
pub fn digest(chosen: &Chosen, items: &[Item]) -> Digest {
    let record = items.first().and_then(|first| first.record.as_ref()).filter(|_| chosen.is_of_one);
    let about = record.map(|(record, name)| format!("[{record}] {}", line(name, LONGEST)));
    let told = items.first().map(what).unwrap_or_default();
    let subject = match (chosen.total, about) {
        (1, Some(about)) => format!("{about}: {told}"),
        (1, None) => told,
        (count, Some(about)) => format!("{about}: {count} things to read"),
        (count, None) => format!("{count} things to read"),
    };
    let mut text = String::new();
    for item in items {
        let about = item.record.as_ref().map(|(record, name)| format!("{record} ({}): ", line(name, LONGEST)));
        text.push_str(&format!("{}  {}{}\n", item.at, about.unwrap_or_default(), what(item)));
    }
    if chosen.left > 0 {
        text.push_str(&format!("and {} older\n", chosen.left));
    }
    text.push_str("\nespomail notification list --unread shows them.\n");
    Digest { subject: line(&subject, 300), text, record: record.map(|(record, _)| record.clone()) }
}

/// Says in a few words what a notification tells.
fn what(item: &Item) -> String {
    if item.handed > 1 {
        return format!("{} are yours now", counted(item.handed, "record"));
    }
    let said = |kind, detail: &str| phrase(kind, detail, item.from.as_deref(), item.subject.as_deref());
    line(&item.kind.map_or_else(|| item.detail.clone(), |kind| said(kind, &item.detail)), 2 * LONGEST)
}

/// Writes who an e-mail is from, and whether nothing vouches for it that it is one of us (ACCESS-5).
pub fn sender(from: &str, is_not_verified: bool) -> String {
    if is_not_verified { format!("{from} (sender not verified)") } else { from.to_string() }
}

/// Says what a notification tells; `from` and `subject` are those of its e-mail, as far as the user may read it.
pub fn phrase(kind: NotificationKind, detail: &str, from: Option<&str>, subject: Option<&str>) -> String {
    let mail = match (from, subject) {
        (Some(from), Some(subject)) if !from.is_empty() => format!("{subject} (from {from})"),
        (_, Some(subject)) => subject.to_string(),
        _ => String::new(),
    };
    let told = match kind {
        NotificationKind::Account | NotificationKind::Nobody => return detail.to_string(),
        NotificationKind::Bounce => return format!("not delivered: {detail}"),
        NotificationKind::Assigned => "it is yours",
        NotificationKind::Review => "it is held and waits for a word",
        NotificationKind::EmailReceived => "new e-mail",
        NotificationKind::Note if subject.is_some() => "e-mail",
        NotificationKind::Note => "a note in the stream",
    };
    if mail.is_empty() { told.to_string() } else { format!("{told}: {mail}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(record: &str, subject: &str) -> Item {
        Item {
            kind: Some(NotificationKind::Note),
            record: Some((record.to_string(), "Pump".to_string())),
            from: Some("dora@example.org".to_string()),
            subject: Some(subject.to_string()),
            at: "2026-11-23T10:00:00Z".to_string(),
            ..Item::default()
        }
    }

    /// What is chosen of notifications, each with its record and when that was handed over; no e-mail went to the user.
    fn chosen(all: &[(i64, Option<i64>)]) -> Chosen {
        let nobody = BTreeSet::new();
        let brief = |(record, handed_at): &(i64, Option<i64>)| Brief {
            record: Some((RecordKind::Case, *record)),
            handed_at: *handed_at,
            recipients: &nobody,
        };
        choose(&all.iter().map(brief).collect::<Vec<_>>(), &["ada@example.com".to_string()]).expect("all are news")
    }

    #[test]
    fn notify_3_one_letter_a_user_about_what_did_not_come_to_them_anyway() {
        let to = |address: &str| BTreeSet::from([address.to_string()]);
        let (theirs, others) = (to("ada@example.com"), to("support@example.com"));
        let brief = |recipients| Brief { record: Some((RecordKind::Case, 1)), handed_at: None, recipients };
        let own = ["ada@example.com".to_string()];
        let one = choose(&[brief(&others), brief(&theirs)], &own).expect("one is news");
        assert_eq!(one.lines, [[0]]);
        let letter = digest(&one, &[item("case:1", "It leaks")]);
        assert_eq!(letter.subject, "[case:1] Pump: e-mail: It leaks (from dora@example.org)");
        assert_eq!(letter.record.as_deref(), Some("case:1"));
        assert_eq!(choose(&[brief(&theirs)], &own), None);
        let items = [item("case:1", "It leaks"), item("case:1", "Hot")];
        assert_eq!(digest(&chosen(&[(1, None), (1, None)]), &items).subject, "[case:1] Pump: 2 things to read");
        let elsewhere = digest(&chosen(&[(1, None), (2, None)]), &items);
        assert_eq!((elsewhere.subject.as_str(), elsewhere.record), ("2 things to read", None));
    }

    #[test]
    fn notify_3_the_newest_stand_first_and_what_was_handed_over_at_once_is_one_line() {
        let mut all: Vec<(i64, Option<i64>)> = (0..500).map(|record| (record, Some(7))).collect();
        all.extend([(500, Some(8)), (501, None), (502, Some(8))]);
        let lines = chosen(&all).lines;
        assert_eq!((lines.len(), &lines[..3], lines[3].len()), (4, &[vec![502], vec![501], vec![500]][..], 500));
        let handed = Item { handed: 500, at: "then".to_string(), ..Item::default() };
        assert_eq!(digest(&chosen(&all[..500]), &[handed]).text.lines().next(), Some("then  500 records are yours now"));
    }

    #[test]
    fn notify_3_what_strangers_write_stays_one_line_and_short() {
        let hostile = item("case:1", &format!("x\r\nBcc: eve@example.net\u{202e}{}", "y".repeat(9_000)));
        let chosen = chosen(&[(1, None); 250]);
        assert_eq!(chosen.lines[0], [249], "the newest first");
        let letter = digest(&chosen, &vec![hostile; chosen.lines.len()]);
        assert!(letter.subject.chars().count() <= 300 && !letter.subject.contains(['\r', '\n']));
        assert_eq!(letter.text.lines().count(), NAMED + 3, "each is one line");
        assert!(letter.text.contains("and 150 older") && !letter.text.contains('\u{202e}'));
    }
}
