//! `notify`: tells users by mail what they have not read (NOTIFY-3): user by user, what is due → the letter → the outbox, in one
//! transaction with the mark that it was told.

use anyhow::Result;

use crate::decide::Policy;
use crate::decide::access::{Actor, act};
use crate::decide::digest::{Brief, Digest, Item, OLDEST, YOUNGEST, choose, digest, sender};
use crate::decide::outgoing::Order;
use crate::decide::sender::Outlet;
use crate::fault::{Class, Fault, class_of};
use crate::mail::compose::{AutoKind, Draft};
use crate::mail::{Address, digest as hash};
use crate::store::notification::{self, Due};
use crate::store::record::{self, RecordName};
use crate::store::{Database, Store, relation, rights, sending, user};
use crate::words::{EmailId, NotificationKind, OutgoingKind, RecordId, RecordKind, RoleAction, UserId};

use super::outgoing::{self, Outbound, Queued};

/// What a pass did.
#[derive(Default)]
pub struct Report {
    pub queued: Vec<Told>,
    pub faults: Vec<anyhow::Error>,
}

/// A letter to a user.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Told {
    pub user: String,
    pub email: EmailId,
    pub outbox: crate::words::OutgoingId,
    pub subject: String,
}

/// Queues a letter to each user who wants mail and has something to read.
pub fn run(store: &mut Store, policy: &Policy, now: i64) -> Result<Report> {
    let mut report = Report::default();
    let period = (now - OLDEST, now - YOUNGEST);
    let waiting = notification::wanting_mail(store.connection(), period)?;
    if waiting.is_empty() {
        return Ok(report);
    }
    let outlets = sending::outlets(store.connection())?;
    let Some(system) = outlets.iter().find(|outlet| outlet.system && outlet.can_send) else {
        let (what, hint) = match outlets.iter().find(|outlet| outlet.system) {
            Some(mute) => (
                format!("the system account {} has no server to send through, so nobody is told by mail", mute.name),
                format!("try: espomail account set {} --smtp-host HOST", mute.name),
            ),
            None => match sending::system_account(store.connection())? {
                Some(off) => (
                    format!("the system account {off} is switched off, so nobody is told by mail"),
                    format!("try: espomail account enable {off}, or: espomail account set ANOTHER --system"),
                ),
                None => (
                    "there is no system account, so nobody is told by mail".to_string(),
                    "try: espomail account set ACCOUNT --system".to_string(),
                ),
            },
        };
        return Err(Fault::new(Class::Config, what).hint(hint).into());
    };
    for user in waiting {
        match store.transaction(|db| tell(db, user, system, period, policy, now)) {
            Ok(told) => report.queued.extend(told),
            // What is wrong with one letter holds up no other; a fault of the database is everybody's.
            Err(error) if class_of(&error) == Class::Data => {
                report.faults.push(error.context(format!("telling user {user} by mail")));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(report)
}

/// Tells one user.
fn tell(db: &mut Database, user: UserId, system: &Outlet, period: (i64, i64), policy: &Policy, now: i64) -> Result<Option<Told>> {
    crate::store::lock(db)?;
    let due = notification::due_by_mail(db, user, period)?;
    notification::mark_mailed(db, &due)?;
    let own = user::addresses_of(db, user)?;
    let Some(address) = own.first() else {
        log::info!("user {user} wants to be told by mail and has no address");
        return Ok(None);
    };
    let actor = rights::actor(db, "", user, false)?;
    let Some(chosen) = choose(&due.iter().map(brief).collect::<Vec<_>>(), &own) else { return Ok(None) };
    let mut items = Vec::with_capacity(chosen.lines.len());
    for line in &chosen.lines {
        items.extend(line.first().and_then(|first| due.get(*first)).map(|one| item(db, &actor, one, line.len())).transpose()?);
    }
    let letter = digest(&chosen, &items);
    let case = letter.record.as_deref().and_then(|record| record.parse::<RecordName>().ok());
    let case = match case.filter(|named| named.kind == RecordKind::Case) {
        Some(named) => Some(record::find(db, named, &[])?),
        None => None,
    };
    let to = Address { name: user::name_of(db, user)?, address: address.clone() };
    let draft = draft(db, to, &letter, case, (system, user), policy, now)?;
    let letter_out = Outbound::new(&draft, Order::default(), OutgoingKind::Notification, Some(now))?;
    let Queued { id, email } = outgoing::queue(db, system.account, &letter_out, now)?;
    let login = user::login(db, user)?;
    Ok(Some(Told { user: login, email, outbox: id, subject: letter.subject }))
}

/// What says where it stands in the letter.
fn brief(due: &Due) -> Brief<'_> {
    let one = &due.notification;
    let handed_at = (one.kind == NotificationKind::Assigned && one.email.is_none()).then_some(one.at);
    Brief { record: one.record.map(|named| (named.kind, named.number)), handed_at, recipients: &due.recipients }
}

/// What a user is told, alone or for as many that were handed over at once. A record that they may not read any more is not named (ACCESS-2).
fn item(db: &mut Database, actor: &Actor, due: &Due, handed: usize) -> Result<Item> {
    let one = &due.notification;
    let mut record = None;
    if let Some(named) = one.record.filter(|_| handed == 1) {
        let id = record::find(db, named, &[])?;
        if act(actor, named.kind.scope(), RoleAction::Read, relation::of_record(db, actor, id)?).is_ok() {
            record = Some((named.to_string(), record::show(db, id)?.name));
        }
    }
    Ok(Item {
        kind: Some(one.kind),
        record,
        from: one.from.as_deref().map(|from| sender(from, one.sender_not_verified)),
        subject: one.subject.clone(),
        detail: one.detail.clone(),
        handed,
        at: crate::clock::rfc3339(one.at),
    })
}

fn draft(
    db: &mut Database,
    to: Address,
    letter: &Digest,
    case: Option<RecordId>,
    (system, user): (&Outlet, UserId),
    policy: &Policy,
    now: i64,
) -> Result<Draft> {
    let random = hash(&[&policy.seed[..], b"notify", &user.0.to_le_bytes(), &now.to_le_bytes()].concat());
    let random = random.first_chunk().copied().unwrap_or_default();
    // What the user answers comes to the case, and from there to the customer's other readers.
    let reply_to = match case {
        Some(case) => sending::answers_to(db, case)?,
        None => None,
    };
    Ok(Draft {
        from: Address { name: system.from_name.clone(), address: system.address.clone() },
        sender: None,
        reply_to: reply_to.into_iter().map(|address| Address { name: String::new(), address }).collect(),
        to: vec![to],
        cc: Vec::new(),
        bcc: Vec::new(),
        subject: letter.subject.clone(),
        text: letter.text.clone(),
        html: None,
        attachments: Vec::new(),
        calendar: None,
        message_id: outgoing::message_id(policy, case, &system.address, random, now),
        date: now,
        in_reply_to: None,
        references: Vec::new(),
        automatic: Some(AutoKind::Generated),
        extra: Vec::new(),
    })
}
