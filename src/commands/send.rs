//! `espomail send`.

use std::time::Duration;

use anyhow::Result;

use crate::clock::rfc3339;
use crate::context::{self, Context};
use crate::output::Format;
use crate::pass::send::{self, Connection, Report, Sent, Setting};
use crate::pass::{Stop, copies};
use crate::store;
use crate::store::round::Round;
use crate::words::OutgoingId;

/// Deliver what is queued in the outbox and due
///
/// Silent unless something needs a person: an account that fails (said at once, then hourly, while it rests longer after each
/// failure; its people are notified after ten minutes), a message of which nobody knows whether it arrived (maybe-sent), or
/// one whose author may not send it any more. What a server refuses for good is told to its author; see espomail-outbox(1). Any
/// number of passes may run at once, on several hosts with PostgreSQL: each message is sent by one of them. Then what was sent is
/// copied into the Sent mailboxes of accounts that ask for it ("account set --save-sent").
#[derive(Debug, clap::Args)]
pub struct Send {
    /// Send this many messages at the most; the next pass goes on [default: send.per-pass]
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
}

/// What became of one message, or an account that was left alone.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Sent(&'a Sent),
    /// Until when, after which failure.
    Resting {
        account: &'a str,
        resting_until: String,
        error: &'a str,
    },
}

impl Line<'_> {
    fn cells(&self) -> Vec<String> {
        match self {
            Self::Sent(sent) => {
                let error = sent.error.clone().unwrap_or_default();
                vec![sent.outbox.to_string(), sent.email.to_string(), sent.account.clone(), sent.state.to_string(), error]
            }
            Self::Resting { account, resting_until, error } => {
                let (dash, state) = ("-".to_string(), "resting".to_string());
                vec![dash.clone(), dash, (*account).to_string(), state, format!("tried again at {resting_until}: {error}")]
            }
        }
    }
}

impl Send {
    pub fn run(self, context: &Context) -> Result<()> {
        let stop = Stop::default();
        for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
            signal_hook::flag::register_usize(signal, stop.place(), usize::try_from(signal)?)?;
        }
        super::round::begin(context, Round::Send)?;
        let report = with_setting(context, &stop, self.limit, |setting| send::run(setting, None));
        let Some(report) = super::round::begun(context, &mut context.store()?, Round::Send, report)? else { return Ok(()) };
        report.faults.iter().for_each(|fault| context.out.complain(fault));
        report.known.iter().for_each(|fault| context.out.remember(store::class_of(fault)));
        report.learned.iter().for_each(|learned| context.out.announce(learned));
        report.resting.iter().for_each(|resting| context.out.remember(resting.class));
        report.recovered.iter().for_each(|account| context.out.announce(&format!("account {account}: sends again")));
        file_copies(context, &stop)?;
        if !context.loaded.config.hooks.commands().is_empty() {
            super::fetch::run_commands(context, &stop, None)?;
        }
        if context.out.talkative || context.out.format != Format::Text {
            let resting = report.resting.iter().map(|one| Line::Resting {
                account: &one.name,
                resting_until: rfc3339(one.until),
                error: &one.error,
            });
            let lines: Vec<Line<'_>> = report.sent.iter().map(Line::Sent).chain(resting).collect();
            if lines.is_empty() && context.out.is_text() {
                context.out.tell("Nothing was due.");
            } else {
                context.out.list(&lines, &["outbox", "e-mail", "account", "state", "error"], Line::cells);
            }
        }
        if let Some(signal) = stop.signal() {
            context.out.ended_by(signal);
        }
        Ok(())
    }
}

/// SEND-7: files what was sent, now that it is.
fn file_copies(context: &Context, stop: &Stop) -> Result<()> {
    let setting = copies::Setting {
        database: context.database(),
        now: &|| context.now(),
        secret_of: &|account, refused| context.secret_of(account, refused),
        stop,
        workers: context.loaded.config.send.workers,
        connection: super::fetch::connection(context, stop),
    };
    for failure in copies::run(&setting)? {
        if failure.say {
            context.out.complain(&failure.error);
        } else {
            context.out.remember(store::class_of(&failure.error));
        }
    }
    Ok(())
}

/// Sends one message now; what its server says is in the report.
pub fn send_one(context: &Context, id: OutgoingId) -> Result<Report> {
    with_setting(context, &Stop::default(), Some(1), |setting| send::run(setting, Some(id)))
}

/// Makes what a pass is run with.
pub fn with_setting<T>(
    context: &Context,
    stop: &Stop,
    limit: Option<usize>,
    work: impl FnOnce(&Setting<'_>) -> Result<T>,
) -> Result<T> {
    let config = &context.loaded.config;
    let owner = context.owner()?;
    let keys = context::signing_keys(&config.send)?;
    let beside = context.beside();
    let setting = Setting {
        database: context.database(),
        beside: &beside,
        owner: &owner,
        is_dead: &context::is_dead,
        is_alive: &context::is_alive,
        now: &|| context.now(),
        secret_of: &|account, smtp, refused| context.secret_for_sending(account, smtp, refused),
        stop,
        workers: config.send.workers,
        limit: limit.unwrap_or(config.send.per_pass),
        connection: Connection {
            terms: super::fetch::terms(context, stop, config.send.connect_timeout, config.send.answer_timeout),
            final_timeout: Duration::from_secs(config.send.final_timeout),
            account_timeout: Duration::from_secs(config.send.max_seconds),
            own_name: context::own_name(),
        },
        keys: &keys,
        repeat_replies: config.send.repeat_replies,
    };
    work(&setting)
}
