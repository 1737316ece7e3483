//! `espomail event`: invitations and other events that came with mail (PARSE-9).

use anyhow::{Context as _, Result};
use clap::Subcommand;

use super::argument::Part;
use super::email::compose::{Typed, send, sender, write};
use super::email::writing::SendWhen;
use super::rehearsal::Rehearsal;
use super::show::{lines, or_empty};
use super::{argument, right};
use crate::context::{self, Context};
use crate::decide::access::sight;
use crate::decide::event::{Said, Standing, standing};
use crate::decide::outgoing::Order;
use crate::fault::{Class, Fault};
use crate::mail::calendar::{Answer, Attendee, write as calendar};
use crate::mail::compose::Calendar;
use crate::mail::reply::{Original, line};
use crate::mail::{Address, address_key};
use crate::output::shown;
use crate::store::record::{self, RecordName};
use crate::store::{Database, Store, account, email, event, remembered, sending, user};
use crate::words::{EmailId, OutgoingKind, RoleAction, RoleScope};

/// The longest summary in a line of ours, in characters.
const SUMMARY: usize = 200;

/// Look at invitations and other events that came with mail, and answer them
///
/// An event is named by the e-mail that it came with, as 12, or 12.2 where that has several. Updates and cancellations take the place
/// of what they update, where they come from the organiser or from whoever sent the event first; what anybody else sends under the
/// same UID stands beside it. What recurs is one event: nothing is expanded.
#[derive(Debug, clap::Args)]
pub struct EventArgs {
    #[command(subcommand)]
    command: EventCommand,
}

#[derive(Debug, Subcommand)]
enum EventCommand {
    /// List the events that are not over, of your own mail
    List {
        /// Of all mail that you may read
        #[arg(long)]
        all: bool,
        /// Those that were not over then: 2026-12-24, or 10m, 2h, 3d or 1w ago [default: now]
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        #[command(flatten)]
        part: Part,
    },
    /// Show an event, and who said what to it
    Show {
        /// Number of its e-mail, or that and which of several: 12.2
        event: String,
    },
    /// Accept an invitation: its organiser is told
    Accept(Reply),
    /// Decline an invitation: its organiser is told
    Decline(Reply),
    /// Accept an invitation with reservations: its organiser is told
    Tentative(Reply),
    /// Write events to standard output for other calendars (iCalendar)
    Export {
        /// Number of its e-mail, or that and which of several: 12.2
        #[arg(required_unless_present = "all")]
        event: Option<String>,
        /// All that are not over, of your own mail
        #[arg(long, conflicts_with = "event")]
        all: bool,
    },
}

#[derive(Debug, clap::Args)]
struct Reply {
    /// Number of its e-mail, or that and which of several: 12.2
    event: String,
    /// What to say beside it
    #[arg(long, value_name = "TEXT", value_parser = argument::text)]
    comment: Option<String>,
    /// Leave it to the next "espomail send" instead of trying at once
    #[arg(long)]
    queue: bool,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

/// An event as it is shown.
#[derive(serde::Serialize)]
struct Shown {
    event: String,
    email: EmailId,
    summary: String,
    start: Option<String>,
    end: Option<String>,
    all_day: bool,
    time_zone: Option<String>,
    recurs: Option<String>,
    recurrence: Option<String>,
    location: String,
    description: String,
    cancelled: bool,
    organizer: Option<Address>,
    /// As whom the one who asks was invited, and what they said.
    invited: Option<String>,
    answer: Option<Answer>,
    attendees: Vec<Invited>,
    replaces: Vec<EmailId>,
}

/// An attendee as it is shown.
#[derive(serde::Serialize)]
struct Invited {
    name: String,
    address: String,
    answer: Option<Answer>,
}

impl Shown {
    fn of(standing: &Standing, own: &[String]) -> Self {
        let Standing { said: Said { email, event, .. }, .. } = standing;
        let answer = |attendee: &Attendee| standing.answer_of(attendee);
        let invited = |one: &Attendee| Invited { name: one.name.clone(), address: one.address.clone(), answer: answer(one) };
        let own = standing.invited(own);
        Self {
            event: standing.said.number(),
            email: *email,
            summary: event.summary.clone(),
            start: event.start.clone(),
            end: event.end.clone(),
            all_day: event.all_day,
            time_zone: event.time_zone.clone(),
            recurs: event.rule.clone(),
            recurrence: event.recurrence.clone(),
            location: event.location.clone(),
            description: event.description.clone(),
            cancelled: standing.is_cancelled,
            organizer: event.organizer.clone(),
            invited: own.map(|attendee| attendee.address.clone()),
            answer: own.and_then(|attendee| standing.own_answer.or_else(|| answer(attendee))),
            attendees: event.attendees.iter().map(invited).collect(),
            replaces: standing.replaces.clone(),
        }
    }

    /// What became of it, in a word.
    fn state(&self) -> String {
        match (self.cancelled, self.answer, &self.invited) {
            (true, ..) => "cancelled".to_string(),
            (_, Some(answer), _) => answer.to_string(),
            (_, None, Some(_)) => "not answered".to_string(),
            _ => "-".to_string(),
        }
    }

    fn text(&self) -> String {
        let person =
            |name: &str, address: &str| if name.is_empty() { address.to_string() } else { format!("{name} <{address}>") };
        let attendee = |one: &Invited| match one.answer {
            Some(answer) => format!("{} ({answer})", person(&one.name, &one.address)),
            None => person(&one.name, &one.address),
        };
        let replaces: Vec<String> = self.replaces.iter().map(|email| format!("e-mail {email}")).collect();
        let mut text = lines(&[
            ("event", self.event.clone()),
            ("summary", self.summary.clone()),
            ("start", or_empty(self.start.as_ref())),
            ("end", or_empty(self.end.as_ref())),
            ("time zone", or_empty(self.time_zone.as_ref())),
            ("recurs", or_empty(self.recurs.as_ref())),
            ("which one", or_empty(self.recurrence.as_ref())),
            ("location", self.location.clone()),
            ("organizer", self.organizer.as_ref().map(|one| person(&one.name, &one.address)).unwrap_or_default()),
            ("state", self.state()),
            ("invited as", or_empty(self.invited.as_ref())),
            ("attendees", self.attendees.iter().map(attendee).collect::<Vec<_>>().join(", ")),
            ("in place of", replaces.join(", ")),
        ]);
        if !self.description.is_empty() {
            text.push_str(&format!("\n{}\n", shown(&self.description)));
        }
        text
    }
}

impl EventArgs {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        let db = store.connection();
        match self.command {
            EventCommand::List { all, since, part } => {
                let since = since.map_or(Ok(context.now()), |text| context.time(&text))?;
                let own = own_addresses(context, db)?;
                let mut shown: Vec<Shown> = to_come(context, db, all, since)?.iter().map(|one| Shown::of(one, &own)).collect();
                let whole = shown.len();
                let (offset, limit) = (usize::try_from(part.offset)?, usize::try_from(part.limit(&context.out))?);
                shown = shown.into_iter().skip(offset).take(limit).collect();
                context.out.list(&shown, &["event", "start", "end", "state", "organizer", "summary"], |one| {
                    let time = |time: &Option<String>| time.clone().unwrap_or_else(|| "-".to_string());
                    let organizer = one.organizer.as_ref().map_or("-", |organizer| organizer.address.as_str()).to_string();
                    vec![one.event.clone(), time(&one.start), time(&one.end), one.state(), organizer, one.summary.clone()]
                });
                part.tell_rest(&context.out, shown.len(), |_| Ok(i64::try_from(whole)?))
            }
            EventCommand::Show { event } => {
                let own = own_addresses(context, db)?;
                let shown = Shown::of(&find(context, db, &event)?, &own);
                context.out.item(&shown, || shown.text());
                Ok(())
            }
            EventCommand::Accept(reply) => reply.send(context, &mut store, Answer::Accepted),
            EventCommand::Decline(reply) => reply.send(context, &mut store, Answer::Declined),
            EventCommand::Tentative(reply) => reply.send(context, &mut store, Answer::Tentative),
            EventCommand::Export { event, .. } => {
                let mut events = match &event {
                    Some(event) => vec![find(context, db, event)?],
                    None => to_come(context, db, false, context.now())?,
                };
                // RFC 5545, section 3.6.1: without a start the whole file may be refused.
                events.retain(|one| one.said.event.start.is_some());
                if let Some(event) = event.filter(|_| events.is_empty()) {
                    let what = format!("event {event} says no start, so no other calendar could take it");
                    return Err(Fault::new(Class::Data, what).into());
                }
                let own = own_addresses(context, db)?;
                let events: Vec<_> = events.iter().map(|one| (one.answered(&own), one.is_cancelled)).collect();
                let said = events.iter().map(|(event, is_cancelled)| (event, *is_cancelled));
                context.out.bytes(calendar::export(said, context.now()).as_bytes())
            }
        }
    }
}

/// The addresses at which the one who asks is invited, in comparison form.
fn own_addresses(context: &Context, db: &mut Database) -> Result<Vec<String>> {
    let Some(user) = context.actor_ref().user else { return Ok(Vec::new()) };
    let mut own: Vec<String> = user::addresses_of(db, user)?.iter().map(|address| address_key(address)).collect();
    own.extend(sending::outlets(db)?.into_iter().filter(|outlet| outlet.owner == Some(user)).map(|outlet| outlet.address));
    Ok(own)
}

/// The events in force that are not over, by their start.
fn to_come(context: &Context, db: &mut Database, all: bool, since: i64) -> Result<Vec<Standing>> {
    let actor = context.actor_ref();
    let sight = sight(actor, RoleScope::Email);
    let emails = event::to_come(db, &sight, actor.user.filter(|_| !all), since)?;
    let mut events = standing(event::said_with(db, &sight, &emails)?, actor.user);
    events.retain(|one| one.said.event.ends_at().is_some_and(|ends| ends >= since));
    events.sort_by(|a, b| (&a.said.event.start, a.said.email).cmp(&(&b.said.event.start, b.said.email)));
    Ok(events)
}

/// Finds the event that an e-mail speaks of, as it is in force.
fn find(context: &Context, db: &mut Database, wanted: &str) -> Result<Standing> {
    let actor = context.actor_ref();
    let parts = wanted.split_once('.').and_then(|(email, place)| Some((email.parse::<i64>().ok()?, place.parse::<i64>().ok()?)));
    let (named, place) = parts.map_or((wanted.to_string(), None), |(email, place)| (email.to_string(), Some(place)));
    let (id, _) = right::email(db, actor, &named, RoleAction::Read)?;
    let said = event::said_with(db, &sight(actor, RoleScope::Email), &[id])?;
    let of_email: Vec<&Said> = said.iter().filter(|one| one.email == id).collect();
    let missing = |what: String| Fault::new(Class::Data, what).hint("try: espomail event list --all");
    let meant = match (of_email.as_slice(), place) {
        ([], _) => return Err(missing(format!("there is no event in e-mail {id}")).into()),
        ([only], None) => *only,
        (several, None) => {
            let numbers: Vec<String> = several.iter().map(|one| one.number()).collect();
            let what = format!("e-mail {id} has {} events", several.len());
            return Err(Fault::new(Class::Data, what).hint(format!("name one: {}", numbers.join(", "))).into());
        }
        (several, Some(place)) => {
            let found = several.iter().find(|one| one.place == place);
            *found.ok_or_else(|| missing(format!("there is no event {place} in e-mail {id}")))?
        }
    };
    let (uid, recurrence, place) = (meant.event.uid.clone(), meant.event.recurrence.clone(), meant.place);
    let events = standing(said, actor.user);
    let is_itself = |one: &&Standing| one.said.email == id && one.said.place == place;
    let is_same = |one: &&Standing| uid.is_some() && one.said.event.uid == uid && one.said.event.recurrence == recurrence;
    let found = events.iter().find(is_itself);
    let found = found.or_else(|| events.iter().filter(is_same).find(|one| one.replaces.contains(&id)));
    // An answer is about the invitation.
    let found = found.or_else(|| events.iter().find(is_same));
    found.cloned().ok_or_else(|| missing(format!("e-mail {id} answers an invitation that is not here")).into())
}

impl Reply {
    /// Tells the organiser, in the conversation of the invitation (RFC 6047).
    fn send(&self, context: &Context, store: &mut Store, answer: Answer) -> Result<()> {
        let db = store.connection();
        let actor = context.actor_ref();
        let standing = find(context, db, &self.event)?;
        let number = standing.said.number();
        let Some(user) = actor.user else {
            let what = "only a user answers an invitation, as one of the addresses that are theirs";
            return Err(Fault::new(Class::Usage, what).hint("say for whom: --as USER").into());
        };
        if let Some(why) = standing.refuses_answer() {
            return Err(Fault::new(Class::Data, format!("event {number} cannot be answered: {why}")).into());
        }
        if standing.own_answer == Some(answer) && self.comment.is_none() {
            context.out.say(&format!("Event {number}: already {answer}; nothing is sent."));
            return Ok(());
        }
        let own = own_addresses(context, db)?;
        let attendee = standing.invited(&own).cloned().ok_or_else(|| {
            let what = format!("event {number} invites none of your addresses");
            Fault::new(Class::Data, what).hint(format!("see whom it invites: espomail event show {number}"))
        })?;
        let event = standing.said.event.clone();
        let organizer = event.organizer.clone().context("it has an organizer")?;
        let id = standing.said.email;
        let invitation = email::show(db, id)?;
        let original = Original::from(&remembered::mail(db, id, true)?.unwrap_or_default());
        let through = invitation.accounts.first().map(|name| account::find(db, name)).transpose()?.map(|account| account.id);
        // As the one who was invited where that can be, else as whatever they write as.
        let as_invited = address_key(&attendee.address);
        let from = sender(actor, db, Some(&as_invited), through).is_ok().then_some(as_invited);
        let named = sender(actor, db, from.as_deref(), through)?;
        let to = Address { name: line(&organizer.name, SUMMARY), address: organizer.address.trim().to_string() };
        context.out.say(&format!("To: {}", to.address));
        let sent_by = Some(named.from.as_str()).filter(|address| *address != address_key(&attendee.address));
        let comment = self.comment.as_deref().unwrap_or_default();
        let now = context.now();
        let written = calendar::reply(&calendar::Reply { event: &event, attendee: &attendee, sent_by, answer, comment, now });
        let summary = line(&event.summary, SUMMARY);
        let name = user::name_of(db, user)?;
        let (subject, said) = match answer {
            Answer::Accepted => ("Accepted", "has accepted"),
            Answer::Declined => ("Declined", "has declined"),
            Answer::Tentative => ("Tentative", "has accepted, with reservations,"),
        };
        let when = event.start.as_ref().map(|start| format!(" ({start})")).unwrap_or_default();
        let mut text = format!("{name} {said} this invitation: {summary}{when}\n");
        if !comment.is_empty() {
            text.push_str(&format!("\n{comment}\n"));
        }
        let typed = Typed {
            to: vec![to],
            cc: Vec::new(),
            bcc: Vec::new(),
            subject: format!("{subject}: {summary}"),
            text,
            html: None,
            attachments: Vec::new(),
            calendar: Some(Calendar { method: "REPLY", text: written }),
            in_reply_to: original.message_id.clone(),
            references: original.chain(),
        };
        let (random, due_at) = (context::random()?, Some(now + context.loaded.config.send.delay));
        let turn = if self.queue { SendWhen::Queue } else { SendWhen::Now };
        send(context, store, (self.rehearsal, due_at, turn), None, |db| {
            let sender = sender(actor, db, from.as_deref(), through)?;
            let parent = invitation.parent.map(|named: RecordName| record::find(db, named, &[])).transpose()?;
            let order = Order { parent, author: Some(user), follows: Some(id), ..Order::default() };
            let action = match answer {
                Answer::Accepted => "event accept",
                Answer::Declined => "event decline",
                Answer::Tentative => "event tentative",
            };
            write(context, db, &typed, &sender, order, (OutgoingKind::Reply, action), due_at, random)
        })
    }
}
