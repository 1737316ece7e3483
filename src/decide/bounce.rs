//! BOUNCE: what a delivery report does. It is attached to the e-mail of ours that it names (its Message-ID is among the
//! report's ancestors), but only what we really sent to somebody lets it speak of that address: the rest is filed.

use super::desk::Desk;
use super::facts::{AddressFacts, Facts};
use super::occasion::Occasion;
use super::plan::Change;
use super::reason::reason;
use crate::mail::{Address, Bounce, Mail, Recipient, address_key};
use crate::plural::and_more;
use crate::words::{AddressState, DeliveryAction, DeliveryState, EmailId, NotificationKind, RecordId, UserId};

/// So many reports within so many seconds that an address is out of reach for now make it doubtful (BOUNCE-3).
const SOFT: usize = 3;
const SOFT_WITHIN: i64 = 7 * 86_400;

/// How much is kept of what other servers say, in characters.
const SAID: usize = 500;

/// How many recipients a note names.
const NAMED: usize = 3;

/// Finds the e-mail of ours that the message is a delivery report of.
pub fn outgoing(mail: &Mail, facts: &Facts) -> Option<EmailId> {
    let bounce = mail.bounce.as_ref()?;
    let named: Vec<EmailId> = bounce.ids().filter_map(|id| facts.letter(id)).collect();
    let sent = named.iter().find(|email| facts.deliveries.contains_key(email));
    sent.or_else(|| named.first()).copied()
}

/// Writes down what the report says of each recipient; returns whether we did send to one of them.
pub fn file(outgoing: Option<EmailId>, record: Option<RecordId>, occasion: &Occasion<'_>, desk: &mut Desk<'_>) -> bool {
    let report = occasion.email;
    let Some(bounce) = &occasion.mail.bounce else { return false };
    let Some(outgoing) = outgoing else {
        desk.plan.note(reason!(Bounce3, "it is a delivery report that names no e-mail of ours: it is filed, and that is all"));
        return false;
    };
    if occasion.archived {
        return false;
    }
    let mut strangers = 0_usize;
    let mut failed = Vec::new();
    let mut is_genuine = false;
    for recipient in &bounce.recipients {
        // A report may name an alias that we wrote to and the address behind it.
        let sent = desk.facts.deliveries.get(&outgoing);
        let known = recipient.names().map(|name| address_key(name)).find_map(|name| Some((sent?.get(&name).copied()?, name)));
        let Some((before, address)) = known else {
            strangers += 1;
            continue;
        };
        is_genuine = true;
        judge(&address, before, recipient, occasion.arrived_at.min(desk.facts.now), desk);
        let Some(state) = state_after(before, recipient.action) else { continue };
        desk.facts.deliveries.entry(outgoing).or_default().insert(address.clone(), state);
        if state == DeliveryState::Failed {
            failed.push(recipient);
        }
        let short = |text: &Option<String>| text.as_ref().map(|text| text.chars().take(SAID).collect());
        let (status, diagnostic) = (short(&recipient.status), short(&recipient.diagnostic));
        let because = reason!(Bounce2, "the report says so of e-mail {outgoing}");
        desk.plan.add(Change::SetDelivery { email: outgoing, address, state, status, diagnostic, report }, because);
    }
    if strangers > 0 {
        desk.plan
            .note(reason!(Bounce3, "e-mail {outgoing} did not go to {strangers} of those it names: of them it is only filed"));
    }
    if !failed.is_empty() {
        tell(outgoing, record, said(&failed), report, desk);
    }
    is_genuine
}

/// BOUNCE-2: who wrote it hears that it did not arrive; where they have left, whoever has its case, else who follows it, else the
/// administrators. What goes out by itself has no author, and nobody hears of that.
fn tell(outgoing: EmailId, record: Option<RecordId>, detail: String, report: EmailId, desk: &mut Desk<'_>) {
    let Some(letter) = desk.facts.emails.get(&outgoing) else { return };
    let facts = &*desk.facts;
    let is_active = |user: &UserId| facts.people.get(user).is_some_and(|one| one.active);
    let (users, because) = match letter.author.filter(is_active) {
        Some(author) => (vec![author], reason!(Bounce2, "they wrote e-mail {outgoing}, which did not arrive")),
        None if letter.automatic => return,
        None => {
            let case = record.and_then(|record| Some((record, facts.records.get(&record)?)));
            let assigned = case.and_then(|(_, known)| known.assigned_user).filter(is_active);
            let followers = || case.into_iter().flat_map(|(record, _)| facts.followers_of(record)).filter(is_active);
            let may_read = |user: &UserId| case.is_some_and(|(record, _)| facts.may_read(*user, record));
            let mut users: Vec<UserId> = assigned.map_or_else(|| followers().filter(may_read).collect(), |user| vec![user]);
            if users.is_empty() {
                users.clone_from(&facts.administrators);
            }
            (users, reason!(Bounce2, "e-mail {outgoing} did not arrive, and who wrote it is no longer here"))
        }
    };
    for user in users {
        let (kind, detail) = (NotificationKind::Bounce, detail.clone());
        let change = Change::Notify { user, kind, email: Some(report), note: None, record, detail };
        desk.plan.add(change, because.clone());
    }
}

/// Says in short what a report says, for its note.
pub fn summary(bounce: &Bounce) -> String {
    said(&bounce.recipients.iter().collect::<Vec<_>>())
}

fn said(recipients: &[&Recipient]) -> String {
    let one = |recipient: &&Recipient| {
        let status = recipient.status.as_ref().map(|status| format!(" ({status})")).unwrap_or_default();
        let text = format!("{}: {}{status}", recipient.address, recipient.action);
        text.chars().take(SAID).collect::<String>()
    };
    let mut said: Vec<String> = recipients.iter().take(NAMED).map(one).collect();
    said.extend(and_more(recipients.len().saturating_sub(NAMED)));
    said.join("; ")
}

/// How far the e-mail came, now that a report says what was done; none where that is nothing new. Reports overtake one
/// another: a delay is no news of what was delivered or failed.
fn state_after(before: DeliveryState, action: DeliveryAction) -> Option<DeliveryState> {
    let state = match action {
        DeliveryAction::Failed => DeliveryState::Failed,
        DeliveryAction::Delayed if before == DeliveryState::Sent => DeliveryState::Delayed,
        DeliveryAction::Delivered if before != DeliveryState::Failed => DeliveryState::Delivered,
        DeliveryAction::Delayed | DeliveryAction::Delivered | DeliveryAction::Relayed | DeliveryAction::Expanded => return None,
    };
    (state != before).then_some(state)
}

/// BOUNCE-3: what the report makes of the address.
fn judge(address: &str, before: DeliveryState, recipient: &Recipient, at: i64, desk: &mut Desk<'_>) {
    let unknown = AddressFacts { state: AddressState::Good, soft: Vec::new() };
    let mut known = desk.facts.address_states.get(address).cloned().unwrap_or(unknown);
    let status = recipient.status.as_deref().unwrap_or("no status");
    let because = if known.state == AddressState::Invalid {
        return;
    } else if recipient.means_address() {
        known.state = AddressState::Invalid;
        reason!(Bounce3, "the report says that there is no such address: {}", short(status))
    } else if is_soft(recipient) && matches!(before, DeliveryState::Sent | DeliveryState::Delivered) {
        // Several reports of one e-mail count once.
        known.soft.retain(|time| *time > at.saturating_sub(SOFT_WITHIN));
        known.soft.push(at);
        if known.soft.len() >= SOFT {
            known.state = AddressState::Doubtful;
        }
        reason!(Bounce3, "out of reach for now, {} within a week: {}", times(known.soft.len()), short(status))
    } else {
        return;
    };
    let change = Change::SetAddress { address: address.to_string(), state: known.state, soft: known.soft.clone() };
    desk.plan.add(change, because);
    desk.facts.address_states.insert(address.to_string(), known);
}

/// BOUNCE-3: who writes has an address, whatever a report said of it; anybody who got a copy of our letter could have written that. This
/// message is not answered (ACK-3), the next one is.
pub fn hear_from(occasion: &Occasion<'_>, desk: &mut Desk<'_>) {
    let mail = occasion.mail;
    let Some(address) = mail.from.as_ref().map(Address::key).filter(|_| mail.automatic.is_empty() && !occasion.archived) else {
        return;
    };
    let Some(known) = desk.facts.address_states.get_mut(&address).filter(|known| known.state != AddressState::Good) else {
        return;
    };
    *known = AddressFacts { state: AddressState::Good, soft: Vec::new() };
    let change = Change::SetAddress { address, state: AddressState::Good, soft: Vec::new() };
    desk.plan.add(change, reason!(Bounce3, "mail comes from it"));
}

/// Whether it is out of reach for now, by the report's own word: a delay, or a failure that need not last.
fn is_soft(recipient: &Recipient) -> bool {
    match recipient.action {
        DeliveryAction::Delayed => true,
        DeliveryAction::Failed => !recipient.is_hard(),
        DeliveryAction::Delivered | DeliveryAction::Relayed | DeliveryAction::Expanded => false,
    }
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_string() } else { format!("{count} times") }
}

fn short(status: &str) -> String {
    status.chars().take(SAID).collect()
}
