//! Events that several e-mails speak of: which of them is in force, what became of it, and what somebody said to it (RFC 5546).
//! Nothing here changes anything: an invitation is what its sender says, for those who may read the e-mail.

use std::collections::{BTreeMap, HashSet};

use crate::mail::calendar::{Answer, Attendee, Event};
use crate::mail::{Address, address_key};
use crate::words::{EmailId, UserId};

/// An event as one e-mail says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub email: EmailId,
    /// Which event of the e-mail, from 1.
    pub place: i64,
    /// The e-mail has no other.
    pub is_only: bool,
    pub event: Event,
    /// Who wrote the e-mail, in comparison form.
    pub from: String,
    /// It only says to be from one of us, or our border says that it is not from whom it says (ACCESS-5).
    pub is_claimed: bool,
    /// The user who wrote it here.
    pub author: Option<UserId>,
}

/// An event in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub said: Said,
    pub is_cancelled: bool,
    /// The e-mails that said it otherwise before.
    pub replaces: Vec<EmailId>,
    /// What attendees said to it, by address in comparison form, in the order in which they said it.
    pub answers: Vec<(String, Answer)>,
    /// What the one who asks said to it.
    pub own_answer: Option<Answer>,
}

/// What makes events one: UID, organiser, which one of those that recur, and, where it is neither the organiser's nor the first
/// sender's, who says so: nobody moves or ends the event of another by knowing its UID.
type Key = (String, String, Option<String>, String);

impl Said {
    /// Returns how people name it: by its e-mail, and which of several.
    pub fn number(&self) -> String {
        if self.is_only { self.email.to_string() } else { format!("{}.{}", self.email, self.place) }
    }

    fn organizer(&self) -> String {
        self.event.organizer.as_ref().map_or_else(String::new, Address::key)
    }

    /// Whether it says that something takes place, or does not.
    fn is_of_organizer(&self) -> bool {
        matches!(self.event.wants(), "" | "REQUEST" | "PUBLISH" | "CANCEL")
    }

    fn order(&self) -> (i64, Option<&String>, EmailId, i64) {
        (self.event.sequence, self.event.stamp.as_ref(), self.email, self.place)
    }
}

/// Puts together what e-mails say of events; `asking` is who wants to know.
pub fn standing(said: Vec<Said>, asking: Option<UserId>) -> Vec<Standing> {
    let (said, others): (Vec<Said>, Vec<Said>) = said.into_iter().partition(Said::is_of_organizer);
    // Who sent an event first may go on with it: services write for organisers.
    let mut first: BTreeMap<(String, String), &Said> = BTreeMap::new();
    for one in said.iter().filter(|one| !one.is_claimed) {
        let known = first.entry((one.event.uid.clone().unwrap_or_default(), one.organizer())).or_insert(one);
        if one.email < known.email {
            *known = one;
        }
    }
    let first: BTreeMap<(String, String), String> = first.into_iter().map(|(key, one)| (key, one.from.clone())).collect();
    let mut groups: BTreeMap<Key, Vec<Said>> = BTreeMap::new();
    for one in said {
        let (uid, organizer) = (one.event.uid.clone().unwrap_or_default(), one.organizer());
        let begun = (uid, organizer);
        let is_theirs = !one.is_claimed && (one.from == begun.1 || first.get(&begun) == Some(&one.from));
        // Without a UID nothing says that it is the same.
        let apart = if begun.0.is_empty() { format!("{}.{}", one.email, one.place) } else { String::new() };
        let by = if is_theirs { apart } else { format!("{} {apart}", one.from) };
        groups.entry((begun.0, begun.1, one.event.recurrence.clone(), by)).or_default().push(one);
    }
    let mut events = Vec::with_capacity(groups.len());
    for (key, mut group) in groups {
        group.sort_by(|a, b| a.order().cmp(&b.order()));
        let Some(mut last) = group.pop() else { continue };
        let is_cancelled = is_over(&last.event);
        // A cancellation need not repeat what it ends.
        if let Some(before) = group.iter().rev().find(|before| !is_over(&before.event)).filter(|_| is_cancelled) {
            fill(&mut last.event, &before.event);
        }
        let mut replaces: Vec<EmailId> = group.iter().map(|one| one.email).filter(|email| *email != last.email).collect();
        replaces.sort_unstable();
        replaces.dedup();
        let mut event = Standing { said: last, is_cancelled, replaces, answers: Vec::new(), own_answer: None };
        event.hear(&others, &key, asking);
        events.push((key, event));
    }
    // What ends a series ends each of it.
    let ended: HashSet<(String, String, String)> = events
        .iter()
        .filter(|((_, _, recurrence, _), event)| event.is_cancelled && recurrence.is_none())
        .map(|((uid, organizer, _, by), _)| (uid.clone(), organizer.clone(), by.clone()))
        .collect();
    let standing = events.into_iter().map(|((uid, organizer, _, by), mut event)| {
        event.is_cancelled |= ended.contains(&(uid, organizer, by));
        event
    });
    standing.collect()
}

fn is_over(event: &Event) -> bool {
    event.wants() == "CANCEL" || event.status.as_deref() == Some("CANCELLED")
}

fn fill(event: &mut Event, before: &Event) {
    if event.start.is_none() {
        (event.start, event.end) = (before.start.clone(), before.end.clone());
        (event.all_day, event.time_zone, event.rule) = (before.all_day, before.time_zone.clone(), before.rule.clone());
    }
    if event.summary.is_empty() {
        event.summary.clone_from(&before.summary);
    }
    if event.description.is_empty() {
        event.description.clone_from(&before.description);
    }
    if event.attendees.is_empty() {
        event.attendees.clone_from(&before.attendees);
    }
}

impl Standing {
    /// Takes the answers to it: each attendee's own, the newest last; an answer to what it was before is one to it still where the
    /// organiser did not ask again with a higher sequence.
    fn hear(&mut self, others: &[Said], (uid, organizer, recurrence, _): &Key, asking: Option<UserId>) {
        if uid.is_empty() {
            return;
        }
        let is_to_it = |one: &&Said| {
            one.event.wants() == "REPLY"
                && one.event.uid.as_deref() == Some(uid)
                && one.organizer() == *organizer
                && one.event.recurrence == *recurrence
                && one.event.sequence >= self.said.event.sequence
        };
        let mut replies: Vec<&Said> = others.iter().filter(is_to_it).collect();
        replies.sort_by(|a, b| a.order().cmp(&b.order()));
        for reply in replies {
            for Attendee { address, answer, .. } in &reply.event.attendees {
                let key = address_key(address);
                let answer =
                    answer.as_deref().and_then(|said| Answer::ALL.iter().find(|known| known.partstat() == said)).copied();
                let Some(answer) = answer else { continue };
                if asking.is_some() && reply.author == asking {
                    self.own_answer = Some(answer);
                }
                // Nobody answers for another, but one of us for whom they write.
                if reply.author.is_some() || (reply.from == key && !reply.is_claimed) {
                    self.answers.retain(|(known, _)| *known != key);
                    self.answers.push((key, answer));
                }
            }
        }
    }

    /// Returns what is known of an attendee's answer: what we were told, else what the organiser knows.
    pub fn answer_of(&self, attendee: &Attendee) -> Option<Answer> {
        let key = address_key(&attendee.address);
        let said = self.answers.iter().find(|(of, _)| *of == key).map(|(_, answer)| *answer);
        said.or_else(|| Answer::ALL.iter().find(|known| attendee.answer.as_deref() == Some(known.partstat())).copied())
    }

    /// Returns the event with every answer that is known; these addresses are those of the one who asks.
    pub fn answered(&self, own: &[String]) -> Event {
        let mut event = self.said.event.clone();
        for attendee in &mut event.attendees {
            let own = self.own_answer.filter(|_| own.contains(&address_key(&attendee.address)));
            if let Some(answer) = own.or_else(|| self.answer_of(attendee)) {
                attendee.answer = Some(answer.partstat().to_string());
            }
        }
        event
    }

    /// Returns as whom somebody with these addresses, in comparison form, was invited.
    pub fn invited(&self, addresses: &[String]) -> Option<&Attendee> {
        self.said.event.attendees.iter().find(|attendee| addresses.contains(&address_key(&attendee.address)))
    }

    /// Why it cannot be answered, where it cannot.
    pub fn refuses_answer(&self) -> Option<&'static str> {
        let event = &self.said.event;
        if self.is_cancelled {
            return Some("it was cancelled");
        }
        if event.uid.is_none() {
            return Some("it has no UID, so nobody could tell what is answered");
        }
        match (event.wants(), &event.organizer) {
            ("" | "REQUEST", Some(organizer)) if !organizer.address.is_empty() => None,
            ("" | "REQUEST", _) => Some("it names nobody whom an answer could go to"),
            _ => Some("its sender asks for no answer"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(email: i64, from: &str, method: &str, sequence: i64) -> Said {
        let organizer = Some(Address { name: String::new(), address: "Org@example.org".into() });
        let attendees = vec![Attendee { address: "ada@example.com".into(), ..Attendee::default() }];
        let event = Event {
            method: Some(method.into()),
            uid: Some("u".into()),
            sequence,
            summary: format!("{email}"),
            start: Some("2026-12-01T10:00:00Z".into()),
            organizer,
            attendees,
            ..Event::default()
        };
        Said { email: EmailId(email), place: 1, is_only: true, event, from: from.into(), is_claimed: false, author: None }
    }

    fn told(events: &[Standing]) -> Vec<(i64, bool, usize)> {
        events.iter().map(|one| (one.said.email.0, one.is_cancelled, one.replaces.len())).collect()
    }

    #[test]
    fn parse_9_an_update_replaces_what_was_in_whatever_order_they_come() {
        let mut all = vec![
            said(1, "org@example.org", "REQUEST", 0),
            said(2, "org@example.org", "REQUEST", 2),
            said(3, "org@example.org", "REQUEST", 1),
        ];
        for _ in 0..3 {
            all.rotate_left(1);
            assert_eq!(told(&standing(all.clone(), None)), [(2, false, 2)]);
        }
        let mut cancel = said(4, "org@example.org", "CANCEL", 2);
        cancel.event.stamp = Some("2026-11-23T10:00:00Z".into());
        (cancel.event.start, cancel.event.summary) = (None, String::new());
        all.push(cancel);
        let events = standing(all, None);
        assert_eq!(told(&events), [(4, true, 3)]);
        assert_eq!((events[0].said.event.summary.as_str(), events[0].refuses_answer()), ("2", Some("it was cancelled")));
    }

    #[test]
    fn parse_9_nobody_moves_or_ends_the_event_of_another() {
        let invited = said(1, "service@calendar.example", "REQUEST", 0);
        let forged = said(2, "mallory@example.net", "CANCEL", 9);
        let claimed = Said { is_claimed: true, ..said(3, "org@example.org", "CANCEL", 9) };
        let all = [invited.clone(), forged, claimed];
        assert_eq!(told(&standing(all.to_vec(), None)), [(1, false, 0), (2, true, 0), (3, true, 0)].map(|one| one));
        // The service goes on for the organiser, and so does the organiser.
        for from in ["service@calendar.example", "org@example.org"] {
            assert_eq!(told(&standing(vec![invited.clone(), said(4, from, "CANCEL", 1)], None)), [(4, true, 1)], "{from}");
        }
        let mut other = said(5, "other@example.org", "REQUEST", 5);
        other.event.organizer = Some(Address { name: String::new(), address: "other@example.org".into() });
        assert_eq!(standing(vec![invited, other], None).len(), 2, "one UID of two organisers is two events");
    }

    #[test]
    fn parse_9_what_ends_a_series_ends_each_of_it_and_one_alone_ends_alone() {
        let series = said(1, "org@example.org", "REQUEST", 0);
        let mut one = said(2, "org@example.org", "CANCEL", 0);
        one.event.recurrence = Some("2026-12-08T10:00:00Z".into());
        assert_eq!(told(&standing(vec![series.clone(), one.clone()], None)), [(1, false, 0), (2, true, 0)]);
        one.event.method = Some("REQUEST".into());
        let end = said(3, "org@example.org", "CANCEL", 1);
        assert_eq!(told(&standing(vec![series, one, end], None)), [(3, true, 1), (2, true, 0)]);
    }

    #[test]
    fn parse_9_an_answer_is_its_attendees_own_and_to_what_was_asked_last() {
        let mut reply = said(2, "ada@example.com", "REPLY", 0);
        reply.event.attendees[0].answer = Some("ACCEPTED".into());
        reply.author = Some(UserId(7));
        let forged = Said { from: "mallory@example.net".into(), author: None, email: EmailId(3), ..reply.clone() };
        let asked = said(1, "org@example.org", "REQUEST", 0);
        let events = standing(vec![asked.clone(), reply.clone()], Some(UserId(7)));
        assert_eq!((events[0].own_answer, events[0].answers.len()), (Some(Answer::Accepted), 1));
        assert_eq!(standing(vec![asked.clone(), forged], Some(UserId(7)))[0].answers, []);
        let again = said(4, "org@example.org", "REQUEST", 1);
        let events = standing(vec![asked, reply, again], Some(UserId(7)));
        assert_eq!((events[0].own_answer, events[0].said.email), (None, EmailId(4)), "it was asked again");
        assert!(events[0].invited(&["ada@example.com".to_string()]).is_some() && events[0].invited(&[]).is_none());
    }
}
