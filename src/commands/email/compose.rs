//! `email compose`: a new message, into the outbox.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::Result;

use super::writing::{SendWhen, Writing, addresses};
use crate::clock::rfc3339;
use crate::commands::rehearsal::Rehearsal;
use crate::commands::right;
use crate::commands::send::send_one;
use crate::context::{self, Context};
use crate::decide::access::{self, Actor};
use crate::decide::outgoing::Order;
use crate::decide::sender::{self, Sender};
use crate::fault::{Class, Fault};
use crate::mail::Address;
use crate::mail::body::below;
use crate::mail::compose::{Calendar, Draft, File};
use crate::pass::outgoing::{self, Queued};
use crate::pass::send::Report;
use crate::store::access as trace;
use crate::store::case::Answered;
use crate::store::participant::Written;
use crate::store::record::RecordName;
use crate::store::{Database, Store, outbox, sending, user};
use crate::words::{AccountId, EmailId, OutboxState, OutgoingId, OutgoingKind, RoleAction};

#[derive(Debug, clap::Args)]
pub struct Compose {
    /// Recipient, or several with commas between them; may be given several times
    #[arg(long, value_name = "ADDRESS", required_unless_present_any = ["cc", "bcc"])]
    to: Vec<String>,
    /// Subject [default: the template's]
    #[arg(long, value_name = "TEXT", required_unless_present = "template")]
    subject: Option<String>,
    /// Record that it belongs to, such as case:42
    #[arg(long, value_name = "RECORD")]
    parent: Option<RecordName>,
    #[command(flatten)]
    writing: Writing,
}

/// A message as somebody typed it.
pub struct Typed {
    pub to: Vec<Address>,
    pub cc: Vec<Address>,
    pub bcc: Vec<Address>,
    pub subject: String,
    pub text: String,
    pub html: Option<String>,
    pub attachments: Vec<File>,
    pub calendar: Option<Calendar>,
    pub in_reply_to: Option<String>,
    pub references: Vec<String>,
}

/// To whom an answer goes.
pub struct Told {
    pub to: Vec<Address>,
    pub cc: Vec<Address>,
    /// A newer e-mail that is not answered: its author takes no part in the case (LINK-2).
    pub passed_over: Option<Written>,
    /// Those who take no part in the case so far.
    pub strangers: Vec<String>,
    /// The e-mail was answered a short while ago.
    pub answered: Option<Answered>,
}

impl Told {
    fn shown(&self) -> Addressed {
        let keys = |list: &[Address]| list.iter().map(|one| one.address.clone()).collect();
        let passed_over = self.passed_over.as_ref().map(|over| PassedOver { email: over.email, from: over.from.clone() });
        let (strangers, answered) = (self.strangers.clone(), self.answered.clone());
        Addressed { to: keys(&self.to), cc: keys(&self.cc), strangers, passed_over, answered }
    }
}

#[derive(serde::Serialize)]
struct Addressed {
    to: Vec<String>,
    cc: Vec<String>,
    strangers: Vec<String>,
    passed_over: Option<PassedOver>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<Answered>,
}

#[derive(serde::Serialize)]
struct PassedOver {
    email: EmailId,
    from: String,
}

/// What became of a message that was written.
#[derive(serde::Serialize)]
struct Made {
    outbox: OutgoingId,
    email: EmailId,
    state: OutboxState,
    error: Option<String>,
    #[serde(flatten)]
    to: Option<Addressed>,
}

impl Compose {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        self.writing.keeping(context, || self.written(context, store))
    }

    fn written(&self, context: &Context, store: &mut Store) -> Result<()> {
        let to = addresses(&self.to)?;
        if let Some(named) = self.parent {
            right::record(store.connection(), context.actor_ref(), named, RoleAction::Read)?;
        }
        let actor = context.actor_ref();
        // Said before anybody writes.
        let from = sender(actor, store.connection(), self.writing.from.as_deref(), None)?;
        let letter = self.writing.letter(context, store.connection(), to.first(), self.parent, None, &from)?;
        let subject =
            self.subject.clone().or_else(|| letter.as_ref().map(|filled| filled.letter.subject.clone())).unwrap_or_default();
        let signature = self.writing.signature(actor.user, &from, store.connection())?;
        let body = self.writing.written(letter, &below(&signature, None))?.with(&signature, None);
        let attachments = self.writing.attachments(&body)?;
        let typed = Typed {
            to,
            cc: addresses(&self.writing.cc)?,
            bcc: addresses(&self.writing.bcc)?,
            subject,
            text: body.text,
            attachments,
            calendar: None,
            html: body.html,
            in_reply_to: None,
            references: Vec::new(),
        };
        let due_at = self.writing.due_at(context)?;
        let random = context::random()?;
        let order = (self.writing.rehearsal, due_at, self.writing.turn());
        send(context, store, order, None, |db| {
            let parent = match self.parent {
                Some(named) => Some(right::record(db, context.actor_ref(), named, RoleAction::Read)?.0),
                None => None,
            };
            let sender = sender(actor, db, self.writing.from.as_deref(), None)?;
            let order = Order { parent, author: actor.user, ..Order::default() };
            write(context, db, &typed, &sender, order, (OutgoingKind::Message, "email compose"), due_at, random)
        })
    }
}

/// SEND-2, SEND-3: as whom somebody sends, and through which account.
pub fn sender(actor: &Actor, db: &mut Database, from: Option<&str>, preferred: Option<AccountId>) -> Result<Sender> {
    let own = match actor.user {
        Some(user) => user::addresses_of(db, user)?,
        None => Vec::new(),
    };
    let outlets = sending::outlets(db)?;
    let hint = if actor.administrator {
        "see: espomail account set --help (--smtp-host, --shared)"
    } else {
        "an administrator sees to it: espomail account set ACCOUNT --shared --team TEAM, and a role with group-account use team"
    };
    sender::choose(actor, &own, from, preferred, &outlets).map_err(|wrong| Fault::new(Class::Refused, wrong).hint(hint).into())
}

/// Puts what somebody typed into the outbox, and writes down who did, with which command.
#[expect(clippy::too_many_arguments, reason = "a message, its sender, its place and its time")]
pub fn write(
    context: &Context,
    db: &mut Database,
    typed: &Typed,
    sender: &Sender,
    order: Order,
    (kind, action): (OutgoingKind, &str),
    due_at: Option<i64>,
    random: [u8; 10],
) -> Result<Queued> {
    let now = context.now();
    if let Some(author) = order.author
        && !user::is_there(db, author)?
    {
        return Err(Fault::new(Class::Refused, "you are no user here any more").hint("ask an administrator").into());
    }
    let policy = context.policy(db)?;
    let with = sending::of(db, sender.account)?;
    // SEND-5: whatever belongs to a case is answered to its group account, whoever of us writes.
    let answers_to = order.parent.map(|record| sending::answers_to(db, record)).transpose()?.flatten();
    let name = match (sender.from_name.is_empty(), order.author) {
        (true, Some(user)) => user::name_of(db, user)?,
        _ => sender.from_name.clone(),
    };
    let draft = Draft {
        from: Address { name, address: sender.from.clone() },
        sender: None,
        reply_to: answers_to
            .or(with.settings.reply_to)
            .into_iter()
            .map(|address| Address { name: String::new(), address })
            .collect(),
        to: typed.to.clone(),
        cc: typed.cc.clone(),
        bcc: typed.bcc.clone(),
        subject: typed.subject.clone(),
        text: typed.text.clone(),
        html: typed.html.clone(),
        attachments: typed.attachments.clone(),
        calendar: typed.calendar.clone(),
        message_id: outgoing::message_id(&policy, order.parent, &sender.from, random, now),
        date: now,
        in_reply_to: typed.in_reply_to.clone(),
        references: typed.references.clone(),
        automatic: None,
        extra: Vec::new(),
    };
    let letter = outgoing::Outbound::new(&draft, order, kind, due_at)?;
    let queued = outgoing::queue(db, sender.account, &letter, now)?;
    let permit = access::send(context.actor_ref(), sender);
    trace::record(db, &permit, action, &format!("email:{}", queued.email), &sender.because.to_string(), now)?;
    if context.out.is_rehearsing() {
        context.out.say(&format!("From: {} ({})", sender.from, sender.because));
    }
    Ok(queued)
}

/// How long a server may take before whoever waits at a terminal hears of it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends one message; where that takes long it says so, and what becomes of the message when nobody waits.
fn patiently(context: &Context, id: OutgoingId) -> Result<Report> {
    let (done, waits) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if waits.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                context.out.progress(&not_answered(context, id));
            }
        });
        let report = send_one(context, id);
        drop(done);
        report
    })
}

fn not_answered(context: &Context, id: OutgoingId) -> String {
    let is_handed_over = context.store().and_then(|mut store| outbox::is_handed_over(store.connection(), id));
    if !is_handed_over.unwrap_or_default() {
        return format!("the server does not answer yet; Ctrl-C leaves message {id} of the outbox to the next espomail send");
    }
    let longest = i64::try_from(context.loaded.config.send.final_timeout).unwrap_or_default();
    let until = rfc3339(context.now() + longest);
    format!(
        "the server has the letter and does not answer yet; it is waited for until {until} at the latest; Ctrl-C leaves message {id} of the \
         outbox as maybe-sent"
    )
}

/// Has a letter written, tries to send it at once, unless it is for later, and says where it is.
pub fn send(
    context: &Context,
    store: &mut Store,
    (rehearsal, due_at, turn): (Rehearsal, Option<i64>, SendWhen),
    to: Option<&Told>,
    work: impl FnMut(&mut Database) -> Result<Queued>,
) -> Result<()> {
    rehearsal.over(context, store, |store| {
        let queued = store.alone(work)?;
        deliver(context, queued, due_at, turn, to)
    })
}

/// The same of one that is written. Where all is only rehearsed, nothing is sent: it would be queued.
pub fn deliver(context: &Context, queued: Queued, due_at: Option<i64>, turn: SendWhen, to: Option<&Told>) -> Result<()> {
    let turn = if context.out.is_rehearsing() && turn == SendWhen::Now { SendWhen::Queue } else { turn };
    let Queued { id, email } = queued;
    let is_due = due_at.is_some_and(|at| at <= context.now());
    let (mut sent, mut is_said) = (None, false);
    if is_due && turn == SendWhen::Now {
        // The server may take its time: whoever loses patience must not write it again.
        context.out.progress(&format!("E-mail {email} is stored as message {id} of the outbox; it is being sent …"));
        match patiently(context, id) {
            Ok(report) => {
                is_said = !report.faults.is_empty();
                report.faults.iter().for_each(|fault| context.out.complain(fault));
                sent = report.sent.into_iter().find(|sent| sent.outbox == id);
            }
            // It is queued all the same: whoever wrote it must not write it again.
            Err(error) => context.out.complain(&error),
        }
    }
    let waits = if due_at.is_some() { OutboxState::Queued } else { OutboxState::Draft };
    // A pass may have been faster.
    let by_others = || {
        let states = context.store().and_then(|mut store| outbox::states(store.connection(), &[id])).unwrap_or_default();
        states.get(&id).copied().filter(|state| is_due && turn == SendWhen::Now && *state != waits)
    };
    let fares = sent.as_ref().map(|sent| sent.state).or_else(by_others);
    let error = sent.and_then(|sent| sent.error);
    let told = match fares {
        Some(state) => {
            let error = error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
            format!("E-mail {email} {} (message {id} of the outbox){error}", fared(state))
        }
        None => waiting(context, queued, due_at, turn),
    };
    let state = fares.unwrap_or(waits);
    if state == OutboxState::MaybeSent && is_said && context.out.is_text() {
        // The fault says the same, and what to type.
        return Ok(());
    }
    if state == OutboxState::Failed && context.out.quiet {
        context.out.complain(&Fault::new(Class::Data, told.clone()).into());
    } else if state == OutboxState::Failed {
        context.out.remember(Class::Data);
    }
    let made = Made { outbox: id, email, state, error, to: to.map(Told::shown) };
    context.out.made(&made, &told);
    Ok(())
}

/// How a message that was tried fared.
fn fared(state: OutboxState) -> String {
    match state {
        OutboxState::Failed => "could not be sent".to_string(),
        OutboxState::MaybeSent => "may have been sent".to_string(),
        OutboxState::Queued => "is queued, and tried again".to_string(),
        OutboxState::Sending => "is being sent by another pass".to_string(),
        other => format!("is {other}"),
    }
}

fn waiting(context: &Context, queued: Queued, due_at: Option<i64>, turn: SendWhen) -> String {
    let Queued { id, email } = queued;
    match due_at {
        _ if turn == SendWhen::Held => {
            format!("E-mail {email} is held: message {id} of the outbox. Next: espomail outbox release {id}")
        }
        None => format!("E-mail {email} is a draft. Next: espomail outbox release {id}"),
        Some(at) if at > context.now() => format!(
            "E-mail {email} goes out at {}: message {id} of the outbox. To call it back: espomail outbox drop {id}",
            rfc3339(at)
        ),
        Some(_) => format!("E-mail {email} is queued: message {id} of the outbox."),
    }
}
