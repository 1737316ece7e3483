//! `espomail reconcile`.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::{argument, fetch};
use crate::context::Context;
use crate::fault::{Class, Fault, one_line};
use crate::output::Format;
use crate::pass::Stop;
use crate::pass::fetch::Setting;
use crate::pass::mailbox::{Compared, Wanted};
use crate::pass::reconcile::{self, Report};
use crate::store::round::Round;
use crate::words::Fate;

/// Prove that every message on the servers is accounted for
///
/// Compares every UID that the server of each account lists in the monitored mailboxes with what became of it, and ends with how many are
/// missing: messages that should have been read and were not. That must be 0; else the exit status is 1, and each of them is named on
/// standard error, with what to type. It is no miss where a message is older than the account's fetch-since and was there when the mailbox was first read, where it came since the last
/// pass, or where the mailbox was numbered anew or put back from a copy since: the next pass reads it, or finds it among what is stored.
/// What a server lists and does not hand over is told as undelivered (espomail quarantine list).
///
/// Nothing is changed without --import-missing. A server that lists fewer messages than it says that it has is asked in another way; where
/// that does not help, exit status 76 says that nothing is proved. Where another pass works on an account for longer than --patience, or its time was over, it is 75:
/// what was not compared is never called complete. What people deleted from espomail, and what filters skip, has its fate and is not missing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples: espomail reconcile\n          espomail reconcile support --import-missing")]
pub struct Reconcile {
    /// Only these accounts, also when they are switched off; else every active one
    #[arg(value_name = "ACCOUNT")]
    accounts: Vec<String>,
    /// Fetch first, and then take in what is missing, each message once, by today's rules; what is older than the last pass is not
    /// answered
    #[arg(long)]
    import_missing: bool,
    /// Read the headers, too, and compare Message-IDs: finds a mailbox that was put back and filled again, where a UID is another
    /// message's now. With --import-missing such a mailbox is listed again, and what is stored is found in it
    #[arg(long)]
    deep: bool,
    /// For how long an account that another pass works on is asked again; 0 is not at all
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,
}

impl Reconcile {
    pub fn run(self, context: &Context) -> Result<()> {
        let stop = Stop::default();
        for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
            signal_hook::flag::register_usize(signal, stop.place(), usize::try_from(signal)?)?;
        }
        if self.import_missing {
            super::round::begin(context, Round::Fetch)?;
        }
        let wanted = Wanted { import: self.import_missing, deep: self.deep };
        let run = |setting: Setting<'_>| {
            reconcile::run(&Setting { named: true, ..setting }, &self.accounts, wanted, Duration::from_secs(self.patience))
        };
        let (reports, fetched) = fetch::with_setting(context, &stop, run)?;
        fetch::complain_of_all(context, &fetched);
        for compared in reports.iter().flat_map(|report| &report.mailboxes) {
            fetch::complain_of(context, &compared.account, &compared.taken);
        }
        Self::tell(context, &reports, stop.signal().is_some());
        if self.import_missing {
            fetch::run_commands(context, &stop, None)?;
        }
        if let Some(signal) = stop.signal() {
            context.out.ended_by(signal);
        }
        Ok(())
    }

    fn tell(context: &Context, reports: &[Report], is_cut: bool) {
        let out = &context.out;
        for report in reports {
            report.faults.iter().for_each(|fault| out.complain(fault));
            if report.busy {
                let what = format!("account {}: another pass is at work, so nothing was compared", report.account);
                out.complain(&Fault::new(Class::TempFail, what).hint("try again").into());
            }
        }
        let all: Vec<&Compared> = reports.iter().flat_map(|report| &report.mailboxes).collect();
        let missing: u64 = all.iter().map(|one| one.missing).sum();
        let is_whole = !is_cut
            && all.iter().all(|one| one.is_whole)
            && reports.iter().all(|report| !report.busy && report.faults.is_empty());
        if out.format == Format::Json {
            let accounts = reports.iter().map(|report| {
                let errors: Vec<String> = report.faults.iter().map(one_line).collect();
                json!({ "account": report.account, "busy": report.busy, "errors": errors })
            });
            let accounts: Vec<_> = accounts.collect();
            out.item(&json!({ "items": all, "accounts": accounts, "missing": missing, "is_whole": is_whole }), String::new);
        } else {
            out.list(&all, &["account", "mailbox", "on server", "fates", "older", "waiting", "missing"], |one| {
                let fates = if one.fates.is_empty() { "-".to_string() } else { one.fates.to_string() };
                let numbers = [one.older, one.waiting, one.missing].map(|number| number.to_string());
                [vec![one.account.clone(), one.mailbox.clone(), one.on_server.to_string(), fates], numbers.to_vec()].concat()
            });
        }
        all.iter().for_each(|one| tell_of(context, one));
        let least = if is_whole { "" } else { ", and not everything was compared" };
        out.say(&format!("Missing: {missing}{least}"));
    }
}

/// What there is to say of one mailbox, and what to type.
fn tell_of(context: &Context, one: &Compared) {
    let out = &context.out;
    let (account, place) = (argument::quoted(&one.account), format!("account {}, mailbox {}", one.account, one.mailbox));
    if !one.taken.is_empty() {
        out.say(&format!("{place}: of what was missing: {}", one.taken));
    }
    if let Some(because) = &one.because {
        out.say(&format!("{place}: {because}, so the next pass looks at all of it: espomail fetch {account}"));
    } else if one.waiting > 0 {
        out.say(&format!("{place}: {} wait for the next pass: espomail fetch {account}", one.waiting));
    }
    let undelivered = one.fates.of(Fate::Undelivered);
    if undelivered > 0 {
        out.say(&format!("{place}: the server does not hand over {undelivered}: espomail quarantine list"));
    }
    if one.missing > 0 {
        let more = if one.missing_not_told > 0 { format!(", and {} more", one.missing_not_told) } else { String::new() };
        let deep = if one.replaced > 0 { " --deep" } else { "" };
        let what = format!("{place}: missing: UID {}{more}", one.missing_uids.join(" "));
        let hint = format!("try: espomail reconcile {account} --import-missing{deep}");
        out.complain(&Fault::new(Class::No, what).hint(hint).into());
    }
}
