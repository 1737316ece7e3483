//! `espomail account move`.

use anyhow::{Context as _, Result};
use serde_json::json;

use super::answers;
use super::change::{Options, RELISTED, Request, change};
use super::test::connect_for;
use crate::commands::argument;
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::output::Format;
use crate::pass::moving::{self, Counted};
use crate::store::account::{self, Account as Stored};
use crate::store::{Store, answer};
use crate::words::PasswordSource;

/// How long the new server may be looked at, in seconds.
const LONGEST_LOOK: u64 = 6 * 3_600;

#[derive(Debug, clap::Args)]
pub struct Move {
    /// Name or number
    account: String,
    #[command(flatten)]
    options: Options,
    /// Log in to the new server and count what it has of what is stored, and what would be new; change nothing
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
        let after = store.rehearse(|db| {
            let done = change(context, db, &actor, &request)?;
            account::find(db, &done.account.to_string())
        })?;
        let in_account = || format!("account {}", after.name);
        // The right to its mail is given by a person, behind the move.
        let has_token = after.password_source != PasswordSource::Stored || after.password_sealed.is_some();
        let needs_grant = after.imap_auth.is_token() && (after.reads_by_grant() || !has_token);
        if *dry_run {
            if needs_grant {
                let what = format!("{}: nothing can be counted before a person has let espomail in there", in_account());
                let hint = format!("move it, then: espomail account authorize {}", argument::quoted(&after.name));
                return Err(Fault::new(Class::Refused, what).hint(hint).into());
            }
            return count(context, store, &after).with_context(in_account);
        }
        if !needs_grant {
            open_all(context, &after).with_context(in_account)?;
        }
        let mute = answer::mute(store.connection())?;
        let done = store.alone(|db| change(context, db, &actor, &request))?;
        let (name, left) = (argument::quoted(&done.name), done.left.unwrap_or_default());
        let next = if needs_grant { format!("espomail account authorize {name}") } else { format!("espomail fetch {name}") };
        let told = json!({ "account": done.name, "server": after.imap_host, "mailboxes_left": left, "dry_run": false });
        let sentence = format!("Account {} moved to {}. {RELISTED} Next: {next}", done.name, after.imap_host);
        context.out.made(&told, &sentence);
        answers::announce(context, store.connection(), &mute, Some(&done.name))
    }
}

/// Opens every mailbox that will be read.
fn open_all(context: &Context, after: &Stored) -> Result<()> {
    let mut session = connect_for(context, after, u64::try_from(after.max_seconds).unwrap_or_default())?;
    for mailbox in &after.mailboxes {
        session.examine(mailbox)?;
    }
    session.logout();
    Ok(())
}

/// Says what the new server has.
fn count(context: &Context, store: &mut Store, after: &Stored) -> Result<()> {
    let mut session = connect_for(context, after, LONGEST_LOOK)?;
    let mut all: Vec<Counted> = Vec::new();
    for mailbox in &after.mailboxes {
        all.push(moving::count(&mut session, store, after, mailbox)?);
    }
    session.logout();
    let out = &context.out;
    if out.format == Format::Json {
        out.item(&json!({ "items": all, "dry_run": true }), String::new);
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
    out.say("Nothing was changed.");
    Ok(())
}
