//! Answers that go out by themselves (ACK-2): what the rules decided to answer is written from the account's template and
//! queued in the transaction that takes the message in. One that cannot be written is held, and the message is in all the same.

use std::collections::HashMap;

use anyhow::{Context, Result, anyhow};

use crate::decide::outgoing::Order;
use crate::decide::{Change, Facts, Plan, Policy};
use crate::mail::compose::{AutoKind, Draft, File};
use crate::mail::reply::Original;
use crate::mail::template::{Fields, Matter, Names, Template, Values, Writer};
use crate::mail::{Address, Mail, digest};
use crate::store::account::{self, Account};
use crate::store::answer::{self, Answers};
use crate::store::sending::{self, Sending};
use crate::store::user::{self, User};
use crate::store::{Database, fields, generation, held, outbox, template};
use crate::words::{AccountId, BudgetAction, EmailId, OutgoingKind, RecordId, RecordKind, UserId};

use super::outgoing::{self, Outbound};
use super::restored;

/// The most bytes of answers that wait in memory to be queued together: each carries the files of its template.
const TOGETHER: usize = 16 << 20;

/// An answer that was decided.
#[derive(Clone, Copy)]
struct Decided<'a> {
    email: EmailId,
    mail: &'a Mail,
    to: &'a Address,
    /// The case that the e-mail opened.
    record: Option<RecordId>,
}

/// Queues every answer of the plans, in the caller's transaction, after they were applied.
pub fn queue<'a>(
    db: &mut Database,
    decided: impl IntoIterator<Item = (&'a Mail, &'a Plan)>,
    facts: &Facts,
    policy: &Policy,
    now: i64,
) -> Result<()> {
    let mut answers = Vec::new();
    let mut outlet = None;
    for (mail, plan) in decided {
        for step in plan.steps() {
            if let Change::Answer { email, to, record, through } = &step.change {
                answers.push(Decided { email: *email, mail, to, record: *record });
                outlet = Some(*through);
            }
        }
    }
    let Some(outlet) = outlet else { return Ok(()) };
    let style = Style::read(db, facts.account.id, outlet, policy)?;
    let known = Known::gather(db, &answers, facts)?;
    let (mut letters, mut originals) = (Vec::new(), Vec::new());
    let most = (TOGETHER / style.size().max(1)).max(1);
    for one in &answers {
        if letters.len() >= most {
            send_off(db, outlet, &std::mem::take(&mut letters), &std::mem::take(&mut originals), now)?;
        }
        let random = random(policy, one.email, now);
        match style.draft(one, facts, &known, policy, random, now).and_then(|draft| {
            let order = Order { parent: one.record, follows: Some(one.email), ..Order::default() };
            Outbound::new(&draft, order, OutgoingKind::Answer, Some(now))
        }) {
            Ok(letter) => {
                letters.push(letter);
                originals.push(one.email);
            }
            Err(error) => {
                let because = format!("the answer cannot be written: {error:#}");
                log::warn!("account {}: e-mail {}: {because}; see: espomail budget list", facts.account.name, one.email);
                held::hold(db, one.email, facts.account.id, BudgetAction::Answer, &because.as_str().into(), now)?;
            }
        }
    }
    if !letters.is_empty() {
        send_off(db, outlet, &letters, &originals, now)?;
    }
    Ok(())
}

/// Queues answers to e-mails. What came before the database was put back may be answered already (SEND-12).
fn send_off(db: &mut Database, outlet: AccountId, letters: &[Outbound], originals: &[EmailId], now: i64) -> Result<()> {
    let queued = outgoing::queue_all(db, outlet, letters, now)?;
    // Asked here, as a pass may be older than that.
    let Some(restored_at) = generation::restored_at(db)? else { return Ok(()) };
    let answers: Vec<_> = queued.iter().map(|one| one.id).zip(originals.iter().copied()).collect();
    outbox::hold_answers(db, &answers, restored_at, &restored::because())
}

/// Makes bytes that nobody can guess and that no other answer has.
fn random(policy: &Policy, email: EmailId, now: i64) -> [u8; 10] {
    let text = [&policy.seed[..], &email.0.to_le_bytes(), &now.to_le_bytes()].concat();
    digest(&text).first_chunk().copied().unwrap_or_default()
}

/// What templates can name: of those who got the cases, and of the records.
struct Known {
    users: HashMap<UserId, User>,
    said: HashMap<RecordId, Fields>,
}

impl Known {
    fn gather(db: &mut Database, answers: &[Decided<'_>], facts: &Facts) -> Result<Self> {
        let mut users = HashMap::new();
        let mut concerned = Vec::new();
        for one in answers {
            concerned.extend(one.concerned(facts).into_iter().map(|(_, id)| id));
            concerned.extend(one.person(facts));
            let assigned = one.record.and_then(|case| facts.records.get(&case)?.assigned_user);
            let Some(user) = assigned.filter(|user| !users.contains_key(user)) else { continue };
            users.insert(user, user::show(db, user)?);
        }
        concerned.sort_unstable();
        concerned.dedup();
        Ok(Self { users, said: fields::of(db, &concerned, &mut |_, _, _| Ok(true))? })
    }
}

impl Decided<'_> {
    /// The case, with its Account, Contact and Lead.
    fn concerned(&self, facts: &Facts) -> Vec<(RecordKind, RecordId)> {
        let Some((id, case)) = self.record.and_then(|id| Some((id, facts.records.get(&id)?))) else { return Vec::new() };
        let others = [(RecordKind::Account, case.account), (RecordKind::Contact, case.contact), (RecordKind::Lead, case.lead)];
        let others = others.into_iter().filter_map(|(kind, id)| Some((kind, id?)));
        std::iter::once((RecordKind::Case, id)).chain(others).collect()
    }

    /// The Contact, else the Lead, whose address is written to.
    fn person(&self, facts: &Facts) -> Option<RecordId> {
        let known = facts.records_by_address.get(&self.to.key())?;
        let of = |kind| known.iter().find(|id| facts.records.get(id).is_some_and(|one| one.active && one.kind == kind)).copied();
        of(RecordKind::Contact).or_else(|| of(RecordKind::Lead))
    }
}

/// How an account's answers look: the same for all of a batch.
struct Style {
    account: Account,
    /// Or why it cannot be used any more.
    template: Result<Template, String>,
    files: Vec<File>,
    from: Address,
    reply_to: Vec<Address>,
}

impl Style {
    fn read(db: &mut Database, id: AccountId, outlet: AccountId, policy: &Policy) -> Result<Self> {
        let account = account::find(db, &id.to_string())?;
        let answers = answer::of(db, id)?.with_context(|| format!("account {}: it answers nothing", account.name))?;
        let stored = template::find(db, &answers.template.to_string())?;
        let names = Names::new(fields::names(&policy.fields));
        let template = Template::check(&stored.source(), &names).map_err(|error| format!("{error:#}"));
        let own = sending::of(db, id)?;
        let from = sender(db, &account, &answers, &own, outlet)?;
        let reply_to = answers.settings.reply_to.or(own.settings.reply_to).unwrap_or_else(|| account.address.clone());
        let reply_to = Some(reply_to).filter(|address| *address != from.address);
        let reply_to = reply_to.into_iter().map(|address| Address { name: String::new(), address }).collect();
        Ok(Self { account, template, files: template::files(db, stored.id)?, from, reply_to })
    }

    /// About how many bytes one answer has.
    fn size(&self) -> usize {
        self.files.iter().map(|file| file.content.len() * 4 / 3).sum::<usize>() + (64 << 10)
    }

    /// Writes one answer.
    fn draft(
        &self,
        one: &Decided<'_>,
        facts: &Facts,
        known: &Known,
        policy: &Policy,
        random: [u8; 10],
        now: i64,
    ) -> Result<Draft> {
        let case = one.record.and_then(|case| facts.records.get(&case));
        let original = Original::from(one.mail);
        let user = case.and_then(|case| known.users.get(&case.assigned_user?));
        let concerned = one.concerned(facts);
        let records: Vec<_> = concerned.iter().filter_map(|(kind, id)| Some((*kind, known.said.get(id)?))).collect();
        let template = self.template.as_ref().map_err(|why| anyhow!("{why}"))?;
        let letter = template.render(&Values::of(&Matter {
            person: Some(one.to),
            known_as: one.person(facts).and_then(|id| known.said.get(&id)),
            parent: case.map(|case| (RecordKind::Case, case.number)),
            records: &records,
            user: user.map(|user| Writer {
                login: &user.login,
                name: &user.settings.name,
                address: user.addresses.first().map_or("", String::as_str),
                default_team: user.default_team.as_deref().unwrap_or_default(),
            }),
            original: Some(&original),
            mailbox: (&self.account.name, &self.account.address),
            now,
        }))?;
        let references = original.chain();
        let subject = case.map_or_else(|| letter.subject.clone(), |case| format!("[#{}] {}", case.number, letter.subject));
        Ok(Draft {
            from: self.from.clone(),
            sender: None,
            reply_to: self.reply_to.clone(),
            // What a stranger calls themselves stays out of our header.
            to: vec![Address { name: String::new(), address: one.to.address.trim().to_string() }],
            cc: Vec::new(),
            bcc: Vec::new(),
            subject,
            text: letter.text,
            html: letter.html,
            attachments: self.files.clone(),
            calendar: None,
            message_id: outgoing::message_id(policy, one.record, &self.from.address, random, now),
            date: now,
            in_reply_to: references.last().filter(|id| Some(*id) == one.mail.message_id.as_ref()).cloned(),
            references,
            automatic: Some(AutoKind::Replied),
            extra: Vec::new(),
        })
    }
}

/// ACK-2: as whom the account answers: as it is set, else as itself, else as the system account that its answers go through.
fn sender(db: &mut Database, account: &Account, answers: &Answers, own: &Sending, outlet: AccountId) -> Result<Address> {
    let address = |address: &str, name: &str| Address { name: name.to_string(), address: address.to_string() };
    if let Some(from) = &answers.settings.from {
        return Ok(address(from, answers.settings.name.as_deref().unwrap_or(&own.settings.from_name)));
    }
    let (account, sending) = if outlet == account.id {
        (account.clone(), own.clone())
    } else {
        (account::find(db, &outlet.to_string())?, sending::of(db, outlet)?)
    };
    Ok(address(&account.address, answers.settings.name.as_deref().unwrap_or(&sending.settings.from_name)))
}
