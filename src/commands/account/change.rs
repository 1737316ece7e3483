//! `espomail account`: what changes an account.

use anyhow::Result;

use super::answers::{self, AnswerArguments};
use super::sending::SendingArguments;
use super::settings::{SettingsArguments, defaults, not_internal, reserved};
use super::show::Whole;
use crate::clock::rfc3339;
use crate::commands::rehearsal::Rehearsal;
use crate::commands::show::changed;
use crate::commands::{argument, people, right};
use crate::config::provider_of;
use crate::context::Context;
use crate::decide::access::{self, Actor, Denied, NoAccount, Permit};
use crate::decide::account::{self as rules, Hearer};
use crate::fault::{Class, Fault};
use crate::plural::{counted, doing};
use crate::secret::Secret;
use crate::settings::ServerSettings;
use crate::store::account::{self, Settings};
use crate::store::sending::{self as kept, Password, Sending};
use crate::store::taker::Takers;
use crate::store::{
    Database, Store, access as trace, answer, copy, former, grant, outbox, parting, position, server_action, state, trouble,
};
use crate::words::{AccountId, AccountKind, Auth, SmtpAuth};

#[derive(Debug, clap::Args)]
pub struct Add {
    /// Name, such as support
    #[arg(value_parser = argument::name)]
    name: String,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

#[derive(Debug, clap::Args)]
pub struct Remove {
    /// Name or number
    account: String,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

#[derive(Debug, clap::Args)]
pub struct Set {
    /// Name or number
    account: String,
    /// New name
    #[arg(long, value_parser = argument::name)]
    name: Option<String>,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

/// For reading and for sending.
pub type Passwords = (Option<Secret>, Option<Secret>);

/// What an account can be told.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    pub settings: SettingsArguments,
    #[command(flatten)]
    sending: SendingArguments,
    #[command(flatten)]
    answers: AnswerArguments,
}

impl Options {
    /// Reads the passwords for reading and for sending, once it is known that whoever asks may say all this.
    pub fn passwords(&self, context: &Context, is_new: bool) -> Result<Passwords> {
        self.settings.allowed(context)?;
        allowed(context, &self.sending, &self.answers)?;
        Ok((self.settings.read_password(context, is_new)?, self.sending.read_password(context)?))
    }
}

#[derive(Debug, clap::Args)]
pub struct Reset {
    /// Name or number
    account: String,
    /// Read mail that arrived at the server since then: 2026-11-23, RFC 3339, today, 30d
    #[arg(long, value_name = "TIME")]
    since: String,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

impl Add {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        // Whoever types one must not hold up others.
        let passwords = self.options.passwords(context, true)?;
        self.rehearsal.over(context, store, |store| self.add(context, store, &passwords))
    }

    fn add(&self, context: &Context, store: &mut Store, (password, smtp_password): &Passwords) -> Result<()> {
        let (actor, now) = (context.actor(), context.now());
        let Self { name, options: Options { settings, sending, answers }, .. } = self;
        let people = store.alone(|db| {
            let (id, before) = (account::next_id(db)?, Takers::of(db)?);
            let mut new = defaults(context, name)?;
            settings.over(&mut new, context, db, id, password.as_ref())?;
            let permit = may_add(context, db, &actor, &new)?;
            account::add(db, &permit, id, &new, now)?;
            let mut with = Sending::default();
            sending.over(&mut with, (context, db), id, smtp_password.as_ref(), (new.server.auth, settings.auth().is_some()))?;
            check(context, &new, &with)?;
            if with != Sending::default() {
                kept::set(db, &permit, id, &with)?;
            }
            let answers = answers.over(None, new.kind, now, db)?;
            answer::set(db, &permit, id, answers.as_ref())?;
            people::since(db, &before, now)
        })?;
        let added = account::find(store.connection(), name)?;
        let shown = Whole::new(&added, store.connection())?;
        let is_missing = added.server.auth.is_token() && !settings.gives_password();
        let (next, more) = match (is_missing, provider_of(&added.server.imap_host)) {
            (false, _) => ("test", ""),
            (true, Some(_)) => ("authorize", ""),
            (true, None) => ("authorize", " --provider PROVIDER"),
        };
        let next = format!("Next: espomail account {next} {}{more}", argument::quoted(name));
        context.out.made(&shown, &format!("Account {name} added. {next}{}", people::lines(&people)));
        let mute = answer::mute(store.connection())?;
        answers::announce(context, store.connection(), &mute, Some(name))
    }
}

impl Set {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let passwords = self.options.passwords(context, false)?;
        self.rehearsal.over(context, store, |store| self.set(context, store, &passwords))
    }

    fn set(&self, context: &Context, store: &mut Store, passwords: &Passwords) -> Result<()> {
        let actor = context.actor();
        let Self { account: wanted, name, options, .. } = self;
        let mute = answer::mute(store.connection())?;
        let request = Request { wanted, name: name.as_deref(), options, passwords, moves: false };
        let (done, people) = store.alone(|db| {
            let before = Takers::of(db)?;
            let done = change(context, db, &actor, &request)?;
            Ok((done, people::since(db, &before, context.now())?))
        })?;
        let said = format!("Account {} {}.", name.as_ref().unwrap_or(wanted), changed(done.is_changed));
        let left = done.left.filter(|mailboxes| *mailboxes > 0).map(|_| format!(" {RELISTED}")).unwrap_or_default();
        context.out.say(&format!("{said}{left}{}", people::lines(&people)));
        answers::announce(context, store.connection(), &mute, Some(&done.name))
    }
}

/// What follows from another server, or another user there.
pub const RELISTED: &str = "It reads from elsewhere now: the next pass lists its mailboxes again, and finds what is stored by Message-ID, date and size.";

/// What is to be changed of an account.
pub struct Request<'a> {
    pub wanted: &'a str,
    pub name: Option<&'a str>,
    pub options: &'a Options,
    pub passwords: &'a Passwords,
    /// It moves to another server, whatever that is called.
    pub moves: bool,
}

/// What was changed.
pub struct Done {
    pub account: AccountId,
    pub name: String,
    pub is_changed: bool,
    /// How many mailboxes were read on the server that it has left.
    pub left: Option<usize>,
}

/// Changes an account, and all that follows from it. Call it in a transaction.
pub fn change(context: &Context, db: &mut Database, actor: &Actor, request: &Request<'_>) -> Result<Done> {
    let now = context.now();
    let Options { settings, sending, answers } = request.options;
    let (password, smtp_password) = request.passwords;
    let (account, permit) = right::account(db, context, actor, request.wanted)?;
    let shown = Whole::new(&account, db)?;
    let mut new = account.settings.clone();
    if let Some(name) = request.name {
        new.name = name.to_string();
    }
    settings.over(&mut new, context, db, account.id, password.as_ref())?;
    not_elsewhere(actor, [&account, &new])?;
    let before = kept::of(db, account.id)?;
    let mut with = before.clone();
    sending.over(&mut with, (context, db), account.id, smtp_password.as_ref(), (new.server.auth, settings.auth().is_some()))?;
    check(context, &new, &with)?;
    not_sent_elsewhere(actor, [&before, &with])?;
    if with != before {
        kept::set(db, &permit, account.id, &with)?;
    }
    let sends_by_token = with.smtp.as_ref().and_then(|smtp| smtp.auth.auth()).is_some_and(Auth::is_token);
    if settings.gives_password() || !(new.server.auth.is_token() || sends_by_token) {
        grant::forget(db, &permit, account.id)?;
    }
    // Whatever was changed, a password among it, may be what it waited for.
    trouble::try_again(db, &permit, account.id, now)?;
    state::try_again(db, &permit, account.id)?;
    // What waits for a copy may have waited for this change.
    if with.settings.save_sent {
        copy::retry(db, &permit, account.id, now)?;
    } else {
        copy::forget(db, &permit, account.id)?;
    }
    let answered = answer::of(db, account.id)?;
    let answers = answers.over(answered.clone(), new.kind, now, db)?;
    if answers != answered {
        answer::set(db, &permit, account.id, answers.as_ref())?;
    }
    account::set(db, &permit, &account, &new)?;
    // The same UIDVALIDITY there may be chance: what a UID means is not taken over.
    let place = |settings: &Settings| (settings.server.imap_host.clone(), settings.server.imap_user.clone());
    let is_elsewhere = request.moves || place(&account) != place(&new);
    let left = is_elsewhere.then(|| position::leave(db, &permit, account.id)).transpose()?;
    let now_shown = Whole::new(&account::find(db, &account.id.to_string())?, db)?;
    let changes = trace::differences(&shown, &now_shown)?;
    if new.rules.after_fetch != account.rules.after_fetch {
        server_action::forget(db, &permit, account.id)?;
    }
    server_action::try_again(db, &permit, account.id, now)?;
    let others = [("password", account.password != new.password), ("smtp-password", smtp_secret(&before) != smtp_secret(&with))];
    // A new password is kept where the old one was.
    let others = others.into_iter().filter(|(name, differs)| *differs && !changes.split("; ").any(|one| one == *name));
    let others = others.map(|(name, _)| name.to_string());
    let all: Vec<String> = Some(changes.clone()).filter(|told| !told.is_empty()).into_iter().chain(others).collect();
    let is_changed = !all.is_empty() || request.moves;
    if is_changed {
        let verb = if request.moves { "account move" } else { "account set" };
        account::note_change(db, &permit, verb, &account, &all.join("; "), now)?;
    }
    Ok(Done { account: account.id, name: new.own.name, is_changed, left })
}

impl Reset {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        self.rehearsal.over(context, store, |store| self.reset(context, store))
    }

    fn reset(&self, context: &Context, store: &mut Store) -> Result<()> {
        let (actor, wanted) = (context.actor(), &self.account);
        let since = context.time(&self.since)?;
        if !store.is_rehearsing() {
            self.forget(context, store)?;
        }
        store.alone(|db| {
            let (account, permit) = right::account(db, context, &actor, wanted)?;
            account::reset(db, &permit, &account, since, context.now())
        })?;
        context.out.say(&format!("Account {wanted} is read anew from {} on at the next pass.", rfc3339(since)));
        Ok(())
    }

    /// Forgets beforehand what is known of its messages, some at a time, where that is much.
    fn forget(&self, context: &Context, store: &mut Store) -> Result<()> {
        let (account, _) = right::account(store.connection(), context, context.actor_ref(), &self.account)?;
        account::may_reset(store.connection(), &account)?;
        if parting::has_much(store.connection(), account.id)? {
            store.in_lots(|db| parting::forget(db, account.id, true))?;
        }
        Ok(())
    }
}

impl Remove {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        self.rehearsal.over(context, store, |store| self.remove(context, store))
    }

    fn remove(&self, context: &Context, store: &mut Store) -> Result<()> {
        let (actor, wanted) = (context.actor(), &self.account);
        let mute = answer::mute(store.connection())?;
        let (account, permit) = right::account(store.connection(), context, &actor, wanted)?;
        let left = former::look(store.connection(), &account)?;
        if !store.is_rehearsing() {
            self.clear(context, store, &account, &permit)?;
            store.alone(|db| {
                let (account, permit) = right::account(db, context, &actor, wanted)?;
                former::remove(db, &permit, &account, context.now())
            })?;
        }
        let (read, emails) = (format!("how far it was read ({})", counted(left.mailboxes, "mailbox")), left.emails);
        let back = "what was deleted of its mail does not come back with another account on its mailbox.";
        context.out.say_or_would(
            &format!("Account {wanted} removed, with {read}. Its e-mails ({emails}) and cases stay, and {back}"),
            &format!(
                "Account {wanted} would be removed, with its passwords and {read}. Its e-mails ({emails}) and cases would stay, and \
                 {back}\nTo stop it for a while: espomail account disable {}",
                argument::quoted(wanted)
            ),
        );
        answers::announce(context, store.connection(), &mute, None)
    }

    /// Does what is much beforehand, some at a time: the account is switched off from then on, and others work in between.
    fn clear(&self, context: &Context, store: &mut Store, account: &account::Account, permit: &Permit<'_>) -> Result<()> {
        if !parting::has_much(store.connection(), account.id)? {
            return Ok(());
        }
        let former = store.alone(|db| parting::begin(db, permit, account, context.now()))?;
        store.in_lots(|db| parting::let_go(db, account.id, former))
    }
}

/// Switches an account on or off.
pub fn switch(context: &Context, store: &mut Store, wanted: &str, active: bool) -> Result<()> {
    let actor = context.actor();
    let mute = answer::mute(store.connection())?;
    let (is_changed, waiting) = store.alone(|db| {
        let (account, permit) = right::account(db, context, &actor, wanted)?;
        let is_changed = account::set_active(db, &permit, &account, active, context.now())?;
        Ok((is_changed, outbox::waiting(db, account.id)?))
    })?;
    let waiting = match waiting {
        0 => String::new(),
        _ if active => format!(
            " The next pass sends what is due of {} to go out through it.",
            doing(waiting, "message", "that waits", "that wait")
        ),
        _ => format!(
            " {} until it is on: espomail outbox list --account {wanted}",
            doing(waiting, "message", "that goes out through it waits", "that go out through it wait")
        ),
    };
    let (is, already) = (if active { "on" } else { "off" }, if is_changed { "" } else { " already" });
    context.out.say(&format!("Account {wanted} is {is}{already}.{waiting}"));
    answers::announce(context, store.connection(), &mute, active.then_some(wanted))
}

/// ACCESS-1: group accounts are administrators'; of personal ones users add their own, up to a limit.
fn may_add<'a>(context: &Context, db: &mut Database, actor: &'a Actor, new: &Settings) -> Result<Permit<'a>> {
    let Some(owner) = new.owner else {
        return access::administer(actor).map_err(|_| context.refused("only administrators add group accounts"));
    };
    let limit = context.loaded.config.security.personal_accounts;
    access::add_account(actor, owner, account::kept(db, owner)?, limit).map_err(|why| match why {
        NoAccount::Denied => context.refused("no role lets you have a personal account, or it would be another user's"),
        NoAccount::Enough => Fault::new(Class::Refused, format!("you have as many personal accounts as one may: {limit}"))
            .hint("remove one, or ask an administrator to add it")
            .into(),
    })
}

/// The password for sending, where that is one of its own.
fn smtp_secret(sending: &Sending) -> Option<Password> {
    sending.smtp.as_ref().and_then(|smtp| smtp.password.clone())
}

/// The server for reading hears the password.
fn reader(settings: &Settings) -> Hearer<'_> {
    let ServerSettings { imap_host, imap_port, imap_security, ca_file, .. } = &settings.server;
    Hearer { host: imap_host, port: *imap_port, security: *imap_security, ca_file: ca_file.as_deref() }
}

/// The server to send through may get the password for reading. One that nobody logs in to gets none.
fn sender(sending: &Sending) -> Option<Hearer<'_>> {
    let smtp = sending.smtp.as_ref().filter(|smtp| smtp.auth != SmtpAuth::None)?;
    Some(Hearer { host: &smtp.host, port: smtp.port, security: smtp.security, ca_file: smtp.ca_file.as_deref() })
}

/// Refuses to tell another server a stored password (ACCESS-3).
fn not_elsewhere(actor: &Actor, [before, new]: [&Settings; 2]) -> Result<()> {
    let both = [before, new].map(|settings| Some(reader(settings)));
    Ok(rules::tell_password(actor, both, before.password != new.password)
        .map_err(|Denied| Fault::new(Class::Refused, "another server needs the password again").hint("add --password-stdin"))?)
}

/// The same of the server to send through.
fn not_sent_elsewhere(actor: &Actor, both: [&Sending; 2]) -> Result<()> {
    let [before, new] = both.map(smtp_secret);
    Ok(rules::tell_password(actor, both.map(sender), new.is_some() && before != new).map_err(|Denied| {
        let what = "another server for sending needs a password of its own";
        Fault::new(Class::Refused, what).hint("add --smtp-password-stdin")
    })?)
}

/// ACCESS-1: what concerns others than the owner of a personal account is for administrators.
fn allowed(context: &Context, sending: &SendingArguments, answers: &AnswerArguments) -> Result<()> {
    reserved(context, sending.reserved().or(answers.given()))
}

/// Whether an account can send like that.
fn check(context: &Context, settings: &Settings, sending: &Sending) -> Result<()> {
    let is_personal = settings.kind == AccountKind::Personal;
    if is_personal && (sending.settings.shared || sending.settings.system) {
        return Err(Fault::new(Class::Usage, "a personal account is nobody else's: only group accounts are shared").into());
    }
    let Some(smtp) = &sending.smtp else { return Ok(()) };
    not_internal(settings.kind, &smtp.host, &context.loaded.config.security.internal_hosts)
}
