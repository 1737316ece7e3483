//! SEND-4, SEND-8: what a message of ours does here: its place when it is written, and what follows once it was sent.

use super::author::Origin;
use super::delivery::Recipient;
use super::desk::Desk;
use super::facts::{Facts, Policy, take};
use super::occasion::Occasion;
use super::parent::Link;
use super::plan::{Change, Plan};
use super::reason::{Reason, reason};
use super::road::{News, new_email, remember, tell};
use super::{note::note, people, thread};
use crate::mail::Mail;
use crate::plural::and_more;
use crate::words::{EmailId, NotificationKind, ParentBy, RecordId, UserId};

/// How many recipients a notification names.
const NAMED: usize = 3;

/// What its author, or the rule that made it, says of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Order {
    /// The record that it belongs to; none is that of its conversation.
    pub parent: Option<RecordId>,
    /// A person took it from its record, so it belongs to none (LINK-7).
    pub unlinked: bool,
    /// The user who writes it; none for what goes out by itself.
    pub author: Option<UserId>,
    /// The e-mail that it answers or passes on.
    pub follows: Option<EmailId>,
}

/// Gives a message its place: conversation, record, teams; nobody hears of it yet.
pub fn queue(mail: &Mail, order: &Order, facts: &mut Facts) -> Plan {
    let mut plan = Plan::new();
    // What it says places it, and no switch.
    let desk = &mut Desk { facts, plan: &mut plan, policy: &Policy::default() };
    let email = EmailId(take(&mut desk.facts.next.email));
    desk.plan.email = Some(email);
    let occasion = occasion(email, mail, order.author, desk.facts);
    let conversation = thread::place_letter(mail, order.follows, desk);
    let by_thread = || {
        let (record, _) = desk.facts.parent_of(conversation.replied?)?;
        let because = reason!(Link2, "the e-mail that it goes on from belongs to {}", desk.facts.name(record));
        Some(Link { record, by: ParentBy::Thread, because })
    };
    let ordered = order.parent.map(|record| desk.facts.survivor(record)).filter(|record| desk.facts.records.contains_key(record));
    let link = match ordered {
        Some(record) => Some(Link { record, by: ParentBy::Hand, because: reason!(Send10, "it was written for this record") }),
        None if order.unlinked => None,
        None => by_thread(),
    };
    let mut teams = people::teams(&conversation, &occasion.choices, desk.facts);
    let mut users = people::Users::new();
    if let Some(author) = order.author {
        users.push((author, reason!(Inbox1, "they wrote it")));
    }
    if let Some(link) = &link {
        people::add_case_people(link.record, desk.facts, &mut teams, &mut people::Users::new());
    }
    let account_record = link.as_ref().and_then(|link| desk.facts.account_of(link.record));
    let because = link.as_ref().map_or_else(|| "it belongs to no record".into(), |link| link.because.clone());
    let mut new = new_email(&occasion, &conversation, link.as_ref(), account_record, None, desk.facts);
    if order.unlinked {
        new.parent_by = Some(ParentBy::Hand);
    }
    desk.plan.add_at(0, Change::AddEmail(new.clone()), because);
    let account = desk.facts.account.id;
    desk.plan.add(Change::AddAccount { email, account }, reason!(Send2, "it goes out through this account"));
    for (team, because) in &teams {
        desk.plan.add(Change::AddTeam { email, team: *team }, because);
    }
    for (user, because) in &users {
        let change = Change::AddUser { email, user: *user, read: true, trashed: false, folder: None, own: None, read_by: None };
        desk.plan.add(change, because);
    }
    remember(&new, &occasion, &teams, &users, desk.facts);
    plan
}

/// What follows once it has reached somebody: the stream tells of it, those of us who are in To, Cc or Bcc get it with their filters
/// and hear of it, and what it answers is answered.
pub fn sent(email: EmailId, mail: &Mail, facts: &mut Facts) -> Plan {
    let mut plan = Plan::new();
    let desk = &mut Desk { facts, plan: &mut plan, policy: &Policy::default() };
    desk.plan.email = Some(email);
    let Some(known) = desk.facts.emails.get(&email).cloned() else { return plan };
    let occasion = occasion(email, mail, known.author, desk.facts);
    let invited = people::written_to(mail, None, desk.facts);
    let record = desk.facts.parent_of(email).map(|(record, _)| record);
    people::let_in(&invited, record.filter(|record| desk.facts.is_case(*record)), known.thread, desk.facts);
    desk.plan.add(Change::Invite { email, addresses: invited }, reason!(Link2, "one of us wrote to them"));
    // An answer by itself answers for nobody: the e-mail still waits for a person.
    let replied = known.replied.filter(|replied| *replied != email && mail.automatic.is_empty());
    if let Some(replied) = replied {
        desk.plan.add(Change::MarkReplied { email: replied }, reason!(Thread2, "this e-mail answers it"));
    }
    let mut users = people::recipients(mail, desk.facts);
    users.retain(|(user, _)| !known.users.contains(user));
    people::join(&people::Teams::new(), &users, &occasion, desk);
    if let Some(record) = record {
        note(record, &occasion, None, desk);
    }
    if let Some(entry) = desk.facts.emails.get_mut(&email) {
        entry.users.extend(users.iter().map(|(user, _)| *user));
    }
    tell(record, &occasion, News::New, desk);
    plan
}

/// SEND-6: who wrote it hears of those whom it does not reach.
pub fn tell_of_failure(email: EmailId, author: UserId, failed: &[&Recipient], facts: &Facts, plan: &mut Plan) {
    let mut named: Vec<String> =
        failed.iter().take(NAMED).map(|one| format!("{}: {}", one.address, one.said.as_deref().unwrap_or("refused"))).collect();
    named.extend(and_more(failed.len().saturating_sub(NAMED)));
    tell_author(email, author, named.join("; "), reason!(Send6, "they wrote it, and it does not arrive"), facts, plan);
}

/// SEND-6: who wrote it hears that nobody knows whether it arrived.
pub fn tell_of_doubt(email: EmailId, author: UserId, error: &str, facts: &Facts, plan: &mut Plan) {
    let detail = format!("it may have been sent: {error}; see espomail outbox list");
    tell_author(
        email,
        author,
        detail,
        reason!(Send6, "they wrote it, and only a person can find out whether it arrived"),
        facts,
        plan,
    );
}

fn tell_author(email: EmailId, author: UserId, detail: String, because: Reason, facts: &Facts, plan: &mut Plan) {
    let record = facts.parent_of(email).map(|(record, _)| record);
    let kind = NotificationKind::Bounce;
    plan.add(Change::Notify { user: author, kind, email: Some(email), note: None, record, detail }, because);
}

fn occasion<'m>(email: EmailId, mail: &'m Mail, author: Option<UserId>, facts: &Facts) -> Occasion<'m> {
    Occasion { sent_by_us: true, ..Occasion::at(facts.now, email, mail, Origin::Ours(author)) }
}
