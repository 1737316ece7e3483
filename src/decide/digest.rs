//! NOTIFY-3: what users who want it are told by mail of what they have not read: one letter a user, which says no more than
//! their list of notifications does.

use std::collections::BTreeSet;

use crate::mail::reply::line;
use crate::plural::{counted, doing};
use crate::words::NotificationKind;

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
    let opened = doing(count, "case", "was", "were");
    is_due(told_at, now).then(|| format!("{opened} opened for nobody: espomail case list --unassigned"))
}

/// INBOX-1: what administrators are told of mail that reaches nobody; none where they heard of some less than a day ago.
pub fn of_nobody(count: i64, told_at: Option<i64>, now: i64) -> Option<String> {
    is_due(told_at, now).then(|| format!("{} reached nobody: espomail email list --of-nobody", counted(count, "e-mail")))
}

/// How many things one letter names.
const NAMED: usize = 100;
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
    /// Who got the e-mail openly: To and Cc, in comparison form.
    pub recipients: BTreeSet<String>,
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

/// Writes the letter; none where the user got every e-mail in question themselves.
pub fn digest(items: &[Item], own: &[String]) -> Option<Digest> {
    let items: Vec<&Item> = items.iter().filter(|item| !own.iter().any(|address| item.recipients.contains(address))).collect();
    let first = items.first()?;
    let record = first
        .record
        .as_ref()
        .filter(|(record, _)| items.iter().all(|item| item.record.as_ref().is_some_and(|(other, _)| other == record)));
    let about = record.map(|(record, name)| format!("[{record}] {}", line(name, LONGEST)));
    let subject = match (items.len(), about) {
        (1, Some(about)) => format!("{about}: {}", what(first)),
        (1, None) => what(first),
        (count, Some(about)) => format!("{about}: {count} things to read"),
        (count, None) => format!("{count} things to read"),
    };
    let mut text = String::new();
    for item in items.iter().take(NAMED) {
        let about = item.record.as_ref().map(|(record, name)| format!("{record} ({}): ", line(name, LONGEST)));
        text.push_str(&format!("{}  {}{}\n", item.at, about.unwrap_or_default(), what(item)));
    }
    let more = items.len().saturating_sub(NAMED);
    if more > 0 {
        text.push_str(&format!("and {more} more\n"));
    }
    text.push_str("\nespomail notification list --unread shows them.\n");
    Some(Digest { subject: line(&subject, 300), text, record: record.map(|(record, _)| record.clone()) })
}

/// Says in a few words what a notification tells.
fn what(item: &Item) -> String {
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

    fn item(record: &str, subject: &str, to: &[&str]) -> Item {
        Item {
            kind: Some(NotificationKind::Note),
            record: Some((record.to_string(), "Pump".to_string())),
            from: Some("dora@example.org".to_string()),
            subject: Some(subject.to_string()),
            recipients: to.iter().map(ToString::to_string).collect(),
            at: "2026-11-23T10:00:00Z".to_string(),
            ..Item::default()
        }
    }

    #[test]
    fn notify_3_one_letter_a_user_about_what_did_not_come_to_them_anyway() {
        let own = ["ada@example.com".to_string()];
        let items = [item("case:1", "It leaks", &["support@example.com"]), item("case:1", "Hot", &["ada@example.com"])];
        let one = digest(&items, &own).expect("one is news");
        assert_eq!(one.subject, "[case:1] Pump: e-mail: It leaks (from dora@example.org)");
        assert!(!one.text.contains("Hot") && one.record.as_deref() == Some("case:1"), "{}", one.text);
        assert_eq!(digest(&items[1..], &own), None);
        let two = digest(&items, &[]).expect("both are news");
        assert_eq!(two.subject, "[case:1] Pump: 2 things to read");
        let elsewhere = digest(&[items[0].clone(), item("case:2", "x", &[])], &[]).expect("both are news");
        assert_eq!((elsewhere.subject.as_str(), elsewhere.record), ("2 things to read", None));
    }

    #[test]
    fn notify_3_what_strangers_write_stays_one_line_and_short() {
        let hostile = item("case:1", &format!("x\r\nBcc: eve@example.net\u{202e}{}", "y".repeat(9_000)), &[]);
        let letter = digest(&vec![hostile; 250], &[]).expect("news");
        assert!(letter.subject.chars().count() <= 300 && !letter.subject.contains(['\r', '\n']));
        assert_eq!(letter.text.lines().count(), NAMED + 3, "each is one line");
        assert!(letter.text.contains("and 150 more") && !letter.text.contains('\u{202e}'));
    }
}
