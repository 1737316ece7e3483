//! `espomail account move`.

use anyhow::{Context as _, Result};
use serde_json::json;

use super::answers;
use super::change::{Options, RELISTED, Request, change};
use super::test::{connect_for, send_to};
use crate::commands::argument;
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::output::{Format, shown_line};
use crate::pass::moving::{self, Counted};
use crate::plural::doing;
use crate::store::account::{self, Account as Stored};
use crate::store::sending::{self, Sending};
use crate::store::{Store, answer};
use crate::words::{Auth, PasswordSource, SmtpAuth};

/// How long the new server may be looked at, in seconds.
const LONGEST_LOOK: u64 = 6 * 3_600;

#[derive(Debug, clap::Args)]
pub struct Move {
    /// Name or number
    account: String,
    #[command(flatten)]
    options: Options,
    /// Log in to the new server and count what it has of what is stored, and what would be new; also to the one that it would send
    /// through, where that gets to know no new password; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Move {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let Self { account: wanted, options, dry_run } = &self;
        if !options.settings.names_server() {
            let what = "an account moves to another server, which has to be named";
            return Err(Fault::new(Class::Usage, what).hint("add --imap-host HOST").into());
        }
        let (actor, passwords) = (context.actor(), options.passwords(context, false)?);
        let request = Request { wanted, name: None, options, passwords: &passwords, moves: true };
        // As it would be: before anything is changed, somebody has logged in there.
        let (after, outlet) = store.rehearse(|db| {
            let moved = account::find_seen(db, &actor, wanted)?.id;
            let before = sending::of(db, moved)?;
            let done = change(context, db, &actor, &request)?;
            let after = account::find(db, &done.account.to_string())?;
            let with = sending::of(db, after.id)?;
            Ok((after, Outlet { before, with, has_new_password: options.settings.gives_password() }))
        })?;
        let in_account = || format!("account {}", after.name);
        // The right to its mail is given by a person, behind the move.
        let has_token = after.password.source != PasswordSource::Stored || after.password.sealed.is_some();
        let needs_grant = after.server.auth.is_token() && (after.reads_by_grant() || !has_token);
        if *dry_run {
            if needs_grant {
                let what = format!("{}: nothing can be counted before a person has let espomail in there", in_account());
                let hint = format!("move it, then: espomail account authorize {}", argument::quoted(&after.name));
                return Err(Fault::new(Class::Refused, what).hint(hint).into());
            }
            return count(context, store, &after, &outlet).with_context(in_account);
        }
        if !needs_grant {
            open_all(context, &after).with_context(in_account)?;
        }
        let mute = answer::mute(store.connection())?;
        let done = store.alone(|db| change(context, db, &actor, &request))?;
        let (name, left) = (argument::quoted(&done.name), done.left.unwrap_or_default());
        let next = if needs_grant { format!("espomail account authorize {name}") } else { format!("espomail fetch {name}") };
        let still = outlet.still(&done.name);
        let mut told =
            json!({ "account": done.name, "server": after.server.imap_host, "mailboxes_left": left, "dry_run": false });
        if let Some(still) = &still {
            told["says"] = json!(still);
        }
        let still = still.map(|still| format!("\n{still}")).unwrap_or_default();
        let sentence = format!("Account {} moved to {}. {RELISTED} Next: {next}{still}", done.name, after.server.imap_host);
        context.out.made(&told, &sentence);
        answers::announce(context, store.connection(), &mute, Some(&done.name))
    }
}

/// What an account sends with, before and after the move.
struct Outlet {
    before: Sending,
    with: Sending,
    /// Whether the password for reading is another one afterwards.
    has_new_password: bool,
}

impl Outlet {
    /// Whether it goes on sending through the server of before.
    fn is_same(&self) -> bool {
        let place = |sending: &Sending| sending.smtp.as_ref().map(|smtp| (smtp.host.clone(), smtp.port));
        place(&self.before) == place(&self.with)
    }

    /// Says through what it sends all the same, and what that server gets to know; none where it sends through another one, or none.
    fn still(&self, name: &str) -> Option<String> {
        let smtp = self.with.smtp.as_ref().filter(|_| self.is_same())?;
        let with = match (smtp.auth, &smtp.password) {
            (SmtpAuth::None, _) => "without a login",
            (_, Some(_)) => "with a password of its own, as before",
            (auth, None) if auth.auth().is_some_and(Auth::is_token) => "with the token that it reads with",
            (_, None) if self.has_new_password => {
                "with the password for reading, so from now on with the new one: that server gets to know it with the next letter"
            }
            (_, None) => "with the password for reading",
        };
        let set = format!("espomail account set {} --smtp-host HOST", argument::quoted(name));
        let place = format!("{}:{}", shown_line(&smtp.host), smtp.port);
        Some(format!("It still sends through {place}, {with}; where the new provider sends, too: {set}"))
    }

    /// Logs in to the server that it will send through, where that gets no password that was not meant for it.
    fn test(&self, context: &Context, after: &Stored) -> Result<()> {
        let has_own = self.with.smtp.as_ref().is_some_and(|smtp| smtp.password.is_some());
        let may_know = !self.is_same() || has_own || !self.has_new_password;
        if self.with.smtp.is_some() && may_know { send_to(context, after, &self.with, None) } else { Ok(()) }
    }
}

/// Opens every mailbox that will be read.
fn open_all(context: &Context, after: &Stored) -> Result<()> {
    let mut session = connect_for(context, after, u64::try_from(after.fetching.max_seconds).unwrap_or_default())?;
    for mailbox in &after.mailboxes {
        session.examine(mailbox)?;
    }
    session.logout();
    Ok(())
}

/// Says what the new server has.
fn count(context: &Context, store: &mut Store, after: &Stored, outlet: &Outlet) -> Result<()> {
    let mut session = connect_for(context, after, LONGEST_LOOK)?;
    let mut all: Vec<Counted> = Vec::new();
    for mailbox in &after.mailboxes {
        all.push(moving::count(&mut session, store, after, mailbox)?);
    }
    session.logout();
    let (out, still) = (&context.out, outlet.still(&after.name));
    if out.format == Format::Json {
        let mut told = json!({ "items": all, "dry_run": true });
        if let Some(still) = &still {
            told["says"] = json!(still);
        }
        out.item(&told, String::new);
    } else {
        out.list(&all, &["mailbox", "on server", "stored", "older", "new"], |one| {
            let numbers = [one.on_server, one.stored, one.older, one.new].map(|number| number.to_string());
            [vec![one.mailbox.clone()], numbers.to_vec()].concat()
        });
    }
    let (differs, late) = all.iter().fold((0, 0), |(differs, late), one| (differs + one.differs, late + one.late));
    if differs > 0 {
        let what = "bear the Message-ID of a stored e-mail, with another date or size: they are read, and compared whole";
        out.say(&format!("Of the new ones, {differs} {what}."));
    }
    if late > 0 {
        let what =
            "were written more than two days before they came, says the server. Where it has not kept the dates, archive them";
        out.say(&format!("Of the new ones, {late} {what}: --act-since {}", crate::clock::rfc3339(context.now())));
    }
    let (skipped, missing): (u64, u64) = (all.iter().map(|one| one.skipped).sum(), all.iter().map(|one| one.missing).sum());
    if skipped > 0 {
        out.say(&format!(
            "Of the new ones, {skipped} were skipped by a filter so far; what filters skip now is skipped there, too."
        ));
    }
    if missing > 0 {
        let are = doing(missing, "e-mail", "that came so far is not there", "that came so far are not there");
        out.say(&format!("{are}: deleted on the old server since, or not copied by the provider."));
    }
    still.iter().for_each(|still| out.say(still));
    if let Err(error) = outlet.test(context, after) {
        out.complain(&error.context(format!("account {}", after.name)));
    }
    out.say("Nothing was changed.");
    Ok(())
}
