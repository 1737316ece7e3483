//! `espomail outbox`.

use std::collections::HashMap;

use anyhow::Result;
use clap::Subcommand;

use super::argument;
use super::rehearsal::Rehearsal;
use super::show::{lines, or_empty};
use crate::clock::rfc3339;
use crate::context::Context;
use crate::decide::access::{self, Permitted};
use crate::output::shown_line;
use crate::pass::send::mark_sent;
use crate::plural::first_of;
use crate::store::copy::SentCopy;
use crate::store::outbox::{self, ByHand, OutboxFilter, Outgoing};
use crate::store::{Database, Store, WHOLE, account};
use crate::words::{OutboxState, OutgoingId, Rule};

/// Look after messages that go out
///
/// "espomail send" delivers what is queued and due. Users see what they wrote, administrators everything. A message is
///
/// draft: until "outbox release";
///
/// queued: sent when it is due, and tried again for five days, with pauses from a minute to four hours, when a server is down or says
/// "later"; also held, until "outbox release";
///
/// sending: on its way at this moment;
///
/// sent: each recipient is served: "outbox show" says who took it and who refused it;
///
/// failed: refused for good, or tried in vain for five days, and its author was told; "outbox retry" asks once more;
///
/// maybe-sent: it was handed over whole, and then the connection broke or the pass died before the server's answer came. SMTP has no way
/// to find out whether it was taken, so it is never sent again by itself: somebody asks the recipient or looks into the server's
/// log, and says "outbox mark-sent" or "outbox retry", which keeps the Message-ID. With send.repeat-replies in the configuration a
/// person's reply is tried again by itself.
#[derive(Debug, clap::Args)]
pub struct Outbox {
    #[command(subcommand)]
    command: OutboxCommand,
}

#[derive(Debug, Subcommand)]
enum OutboxCommand {
    /// List messages, the newest first: those that are not sent yet, unless you say otherwise
    List {
        /// Only those in this state; may be given several times
        #[arg(long = "state", value_name = "STATE")]
        states: Vec<OutboxState>,
        /// Those that were sent, too
        #[arg(long, conflicts_with = "states")]
        all: bool,
        /// Only those that are held
        #[arg(long)]
        held: bool,
        /// Only those that go out through this e-mail account
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
        #[command(flatten)]
        part: argument::Part,
    },
    /// Show a message and how far it came at each recipient
    Show {
        /// Number, as listed
        #[arg(value_name = "ID")]
        id: i64,
    },
    /// Try messages again now, with the same Message-ID
    Retry(Which),
    /// Drop messages that were not sent, for good; one that has reached somebody is given up for the others
    #[command(visible_alias = "cancel")]
    Drop(HeldMessages),
    /// Say that messages were sent after all
    MarkSent(HeldMessages),
    /// Keep messages back until they are released; what a person holds, "release --restored" leaves alone
    Hold(Which),
    /// Let messages go that are held, and drafts
    Release(HeldMessages),
}

#[derive(Debug, clap::Args)]
struct Which {
    /// Numbers, as listed
    #[arg(value_name = "ID", required = true)]
    ids: Vec<i64>,
    /// Only what this rule still holds when it comes to that
    #[arg(skip)]
    rule: Option<Rule>,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

#[derive(Debug, clap::Args)]
struct HeldMessages {
    /// Numbers, as listed
    #[arg(value_name = "ID", required_unless_present = "restored")]
    ids: Vec<i64>,
    /// All that are held because the database was put back from a copy
    #[arg(long, conflicts_with = "ids")]
    restored: bool,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

impl Outbox {
    pub fn run(self, context: &Context) -> Result<()> {
        match self.command {
            OutboxCommand::List { states, all, held, account, part } => list(context, states, all, held, account, part),
            OutboxCommand::Show { id } => {
                let mut store = context.store()?;
                let message = find(context, store.connection(), id)?;
                context.out.item(message.thing(), || told(message.thing()));
                Ok(())
            }
            OutboxCommand::Retry(which) => which.change(context, Some(ByHand::Retry), ["is tried again", "are tried again"]),
            OutboxCommand::Drop(which) => which.chosen(context)?.change(context, None, ["is dropped", "are dropped"]),
            OutboxCommand::MarkSent(which) => {
                which.chosen(context)?.change(context, Some(ByHand::MarkSent), ["counts as sent", "count as sent"])
            }
            OutboxCommand::Hold(which) => which.change(context, Some(ByHand::Hold), ["is held", "are held"]),
            OutboxCommand::Release(which) => {
                let delay = context.loaded.config.send.delay;
                which.chosen(context)?.change(context, Some(ByHand::Release { delay }), ["is released", "are released"])
            }
        }
    }
}

impl HeldMessages {
    /// Those that are named, or all of the one who asks that wait for that.
    fn chosen(self, context: &Context) -> Result<Which> {
        let rehearsal = self.rehearsal;
        if !self.restored {
            return Ok(Which { ids: self.ids, rule: None, rehearsal });
        }
        let actor = context.actor_ref();
        let author = actor.user.filter(|_| !actor.administrator);
        let filter = OutboxFilter { author, held: true, rule: Some(Rule::Send12), limit: WHOLE, ..OutboxFilter::default() };
        let mut ids: Vec<i64> = outbox::list(context.store()?.connection(), &filter)?.iter().map(|one| one.id.0).collect();
        ids.sort_unstable();
        Ok(Which { ids, rule: Some(Rule::Send12), rehearsal })
    }
}

impl Which {
    /// Does the same to each; without a verb it is dropped. `done` says it of one, and of several.
    fn change(self, context: &Context, verb: Option<ByHand>, done: [&str; 2]) -> Result<()> {
        self.rehearsal.over(context, &mut context.store()?, |store| self.change_each(context, store, verb, done))
    }

    fn change_each(&self, context: &Context, store: &mut Store, verb: Option<ByHand>, done: [&str; 2]) -> Result<()> {
        if self.ids.is_empty() {
            context.out.say("No message is held because the database was put back.");
        }
        let changed = store.alone(|db| {
            let mut changed = Vec::new();
            for id in &self.ids {
                let message = find(context, db, *id)?;
                // Somebody may have decided about it meanwhile.
                if self.rule.is_none() || message.thing().held_rule == self.rule {
                    changed.push((*id, change_one(context, db, &message, verb)?));
                }
            }
            Ok(changed)
        })?;
        for line in told_changes(&changed, done, context.out.wordy) {
            context.out.say(&line);
        }
        Ok(())
    }
}

/// What became of a message by a person's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changed {
    /// As it was said; when it is released, perhaps not before some time.
    Done(Option<i64>),
    /// Not as it was said: somebody has it.
    GivenUp,
    /// As it was said of those who had it; others get it still.
    PutOff,
}

fn change_one(context: &Context, db: &mut Database, message: &Permitted<'_, Outgoing>, verb: Option<ByHand>) -> Result<Changed> {
    let now = context.now();
    match verb {
        Some(ByHand::MarkSent) => {
            mark_sent(db, message, now)?;
            let is_queued = outbox::show(db, message.thing().id)?.state == OutboxState::Queued;
            Ok(if is_queued { Changed::PutOff } else { Changed::Done(None) })
        }
        Some(verb) => {
            outbox::change(db, message, verb, now)?;
            let due_at = match verb {
                ByHand::Release { .. } => outbox::show(db, message.thing().id)?.due_at,
                _ => None,
            };
            Ok(Changed::Done(due_at.filter(|at| *at > now)))
        }
        None if outbox::drop_one(db, message, now)? => Ok(Changed::Done(None)),
        None => Ok(Changed::GivenUp),
    }
}

/// How many messages are told of one by one.
const FEW: usize = 10;

/// A line for each message; of many that have come to the same one for all of them, unless somebody wants to hear of each.
fn told_changes(changed: &[(i64, Changed)], [one, several]: [&str; 2], is_each: bool) -> Vec<String> {
    let when = |goes: &str, at: &Option<i64>| at.map(|at| format!(", and {goes} out at {}", rfc3339(at))).unwrap_or_default();
    let mut alike: HashMap<Option<i64>, usize> = HashMap::new();
    for (_, changed) in changed {
        if let Changed::Done(at) = changed {
            *alike.entry(*at).or_default() += 1;
        }
    }
    alike.retain(|_, count| !is_each && *count > FEW);
    let mut told: Vec<String> = changed
        .iter()
        .filter_map(|(id, changed)| match changed {
            Changed::Done(at) if alike.contains_key(at) => None,
            Changed::Done(at) => Some(format!("Message {id} {one}{}.", when("goes", at))),
            Changed::GivenUp => Some(format!("Message {id} has reached somebody; it is given up for the others.")),
            Changed::PutOff => Some(format!("Message {id} {one}; whom its server had put off gets it by the next pass.")),
        })
        .collect();
    let mut many: Vec<_> = alike.into_iter().collect();
    many.sort_unstable();
    told.extend(many.iter().map(|(at, count)| format!("{count} messages {several}{}.", when("go", at))));
    told
}

/// Finds a message for its author or an administrator; to others it is not there.
pub fn find<'a>(context: &'a Context, db: &mut Database, id: i64) -> Result<Permitted<'a, Outgoing>> {
    let id = OutgoingId(id);
    access::keep(context.actor_ref(), outbox::show(db, id)?).map_err(|_| outbox::missing(id))
}

fn list(
    context: &Context,
    states: Vec<OutboxState>,
    all: bool,
    held: bool,
    account: Option<String>,
    part: argument::Part,
) -> Result<()> {
    let mut store = context.store()?;
    let db = store.connection();
    let actor = context.actor_ref();
    let states = if all || !states.is_empty() {
        states
    } else {
        OutboxState::ALL.iter().copied().filter(|state| *state != OutboxState::Sent).collect()
    };
    let account = account.map(|name| account::find_seen(db, actor, &name)).transpose()?.map(|account| account.id);
    let author = actor.user.filter(|_| !actor.administrator);
    let (limit, offset) = (part.limit(&context.out), part.offset);
    let filter = OutboxFilter { states, account, author, held, rule: None, limit, offset };
    let messages = outbox::list(db, &filter)?;
    context.out.list(&messages, &["id", "state", "~due", "~account", "to", "subject", "error"], |message| {
        let to: Vec<&str> = message.recipients.iter().map(|one| one.address.as_str()).collect();
        let to = if to.is_empty() { "-".to_string() } else { first_of(&to, 1) };
        let state = if message.is_held() { "held".to_string() } else { message.state.to_string() };
        vec![
            message.id.to_string(),
            state,
            message.due_at.map_or_else(|| "-".to_string(), rfc3339),
            message.account.clone().unwrap_or_else(|| "-".to_string()),
            to,
            message.subject.clone(),
            message.held_because.clone().or_else(|| message.last_error.clone()).unwrap_or_default(),
        ]
    });
    part.tell_rest(&context.out, messages.len(), |most| outbox::count(db, &filter, most))
}

fn told(message: &Outgoing) -> String {
    let mut text = lines(&[
        ("message", message.id.to_string()),
        ("e-mail", message.email.to_string()),
        ("message-id", message.message_id.clone()),
        ("kind", message.kind.to_string()),
        ("state", message.state.to_string()),
        ("held", or_empty(message.held_because.as_ref())),
        ("account", or_empty(message.account.as_ref())),
        ("author", or_empty(message.by.as_ref())),
        ("envelope from", format!("<{}>", message.envelope_from)),
        ("subject", message.subject.clone()),
        ("due", message.due_at.map(rfc3339).unwrap_or_default()),
        ("attempts", message.attempts.to_string()),
        ("last error", or_empty(message.last_error.as_ref())),
        ("created", rfc3339(message.created_at)),
        ("sent", message.sent_at.map(rfc3339).unwrap_or_default()),
        ("sent copy", message.sent_copy.as_ref().map(told_copy).unwrap_or_default()),
    ]);
    for one in &message.recipients {
        let code = one.code.map(|code| format!(" {code}")).unwrap_or_default();
        let status = one.status.as_ref().map(|status| format!(" {status}")).unwrap_or_default();
        let said = one.said.as_ref().map(|said| format!(": {said}")).unwrap_or_default();
        text.push_str(&format!("  {} {}{code}{status}{}\n", one.address, one.state, shown_line(&said)));
    }
    text
}

fn told_copy(copy: &SentCopy) -> String {
    let error = copy.last_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    match (copy.done_at, copy.due_at) {
        (Some(done_at), _) => format!("in the Sent mailbox since {}", rfc3339(done_at)),
        (None, Some(due_at)) => format!("due {}{error}", rfc3339(due_at)),
        (None, None) => format!("given up{error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_messages_that_come_to_the_same_are_told_of_in_one_line() {
        let few: Vec<(i64, Changed)> = (1..=10).map(|id| (id, Changed::Done(None))).collect();
        let (many, done) =
            ([&few[..], &[(11, Changed::PutOff), (12, Changed::Done(None))]].concat(), ["is dropped", "are dropped"]);
        assert_eq!(told_changes(&few, done, false).len(), 10);
        assert_eq!(told_changes(&many, done, true).len(), 12);
        let told = told_changes(&many, done, false);
        assert_eq!(told.len(), 2);
        assert_eq!(told[1], "11 messages are dropped.");
    }
}
