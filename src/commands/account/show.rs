//! What people see of an e-mail account: a line, or the whole.

use std::collections::BTreeMap;

use anyhow::Result;

use super::answers::AnswerShown;
use super::sending::SendingShown;
use super::settings::{FetchShown, RulesShown, ServerShown};
use crate::clock::rfc3339;
use crate::commands::right;
use crate::commands::show::{lines, or_empty, yes};
use crate::context::Context;
use crate::decide::access::Actor;
use crate::pass::verdict::Names;
use crate::store::account::{self, Account as Stored};
use crate::store::answer;
use crate::store::grant::Granted;
use crate::store::sending::{Password, Smtp};
use crate::store::server_action::{self, Waiting};
use crate::store::trouble::{self, Trouble};
use crate::store::{Database, Store, sending, template};
use crate::words::{AccountId, AccountKind, Auth, PasswordSource, Security, SmtpAuth};

/// Lists the accounts that somebody may know of.
pub fn list(context: &Context, store: &mut Store) -> Result<()> {
    let (actor, now) = (context.actor_ref(), context.now());
    let accounts = account::seen(store.connection(), actor)?;
    let troubles = trouble::all(store.connection())?;
    let left = account::left(store.connection())?;
    let theirs: Vec<AccountId> = accounts.iter().filter(|one| is_theirs(actor, one)).map(|one| one.id).collect();
    let mut waiting = server_action::waiting(store.connection(), &theirs)?;
    let line = |one: &Stored| {
        let undone = waiting.remove(&one.id).filter(|waiting| waiting.failing + waiting.given_up > 0);
        Line { undone, ..Line::new(one, troubles.get(&one.id), left.get(&one.id), now, is_theirs(actor, one)) }
    };
    let shown: Vec<Line> = accounts.iter().map(line).collect();
    // Of accounts that are not theirs, how they fare is nothing to them.
    if !accounts.iter().any(|one| is_theirs(actor, one)) {
        context.out.list(&shown, &["name", "kind", "address", "active"], |line| {
            vec![line.name.clone(), line.kind.clone(), line.address.clone(), yes(line.active)]
        });
        return Ok(());
    }
    context.out.list(&shown, &["name", "kind", "address", "active", "last success", "right", "error"], |line| {
        let success = line.last_success.as_deref().unwrap_or(if line.is_theirs { "never" } else { "-" });
        let (right, trouble) = (line.authorised.clone(), line.trouble());
        vec![line.name.clone(), line.kind.clone(), line.address.clone(), yes(line.active), success.to_string(), right, trouble]
    });
    Ok(())
}

/// Shows an account.
pub fn one(context: &Context, store: &mut Store, wanted: &str) -> Result<()> {
    let (account, _) = right::account(store.connection(), context, context.actor_ref(), wanted)?;
    let shown = Whole::new(&account, store.connection())?;
    context.out.item(&shown, || shown.text(context.now()));
    Ok(())
}

/// The group accounts that a user may send through are named to them; how they fare is not their business.
fn is_theirs(actor: &Actor, account: &Stored) -> bool {
    actor.administrator || (account.owner.is_some() && account.owner == actor.user)
}

#[derive(serde::Serialize)]
struct Line {
    pub name: String,
    pub kind: String,
    pub address: String,
    pub active: bool,
    pub last_success: Option<String>,
    pub failing_since: Option<String>,
    pub failing_seconds: Option<i64>,
    pub last_error: Option<String>,
    pub next_attempt: Option<String>,
    pub cannot_send: Option<String>,
    pub cannot_send_seconds: Option<i64>,
    grant: Option<GrantShown>,
    #[serde(skip)]
    authorised: String,
    /// The owner of a personal account, who is switched off: it is not fetched.
    pub left_by: Option<String>,
    /// What could not be done on its server (FETCH-9).
    #[serde(rename = "on_server")]
    undone: Option<Waiting>,
    /// Whether how it fares is theirs to know.
    #[serde(skip)]
    is_theirs: bool,
}

impl Line {
    pub fn new(account: &Stored, trouble: Option<&Trouble>, left_by: Option<&String>, now: i64, is_theirs: bool) -> Self {
        let trouble = trouble.filter(|_| is_theirs);
        let failing_since = account.state.failing_since.filter(|_| is_theirs);
        let grant = account.grant.as_ref().filter(|_| is_theirs);
        Self {
            name: account.name.clone(),
            kind: account.kind.to_string(),
            address: account.address.clone(),
            active: account.active,
            last_success: account.state.last_success_at.filter(|_| is_theirs).map(rfc3339),
            failing_since: failing_since.map(rfc3339),
            failing_seconds: failing_since.map(|since| (now - since).max(0)),
            last_error: failing_since.and(account.state.last_error.clone()),
            next_attempt: account.state.retry_at.filter(|_| is_theirs).map(rfc3339),
            cannot_send: trouble.map(|known| known.last_error.clone()),
            cannot_send_seconds: trouble.map(|known| (now - known.since).max(0)),
            authorised: grant.map_or_else(|| "-".to_string(), |grant| grant.told(now)),
            grant: grant.cloned().map(GrantShown::from),
            left_by: left_by.cloned(),
            undone: None,
            is_theirs,
        }
    }

    pub fn trouble(&self) -> String {
        let told = |what: &str, error: &Option<String>, seconds: Option<i64>| {
            error.as_ref().zip(seconds).map(|(error, seconds)| format!("{what}for {} min: {error}", seconds / 60))
        };
        let reading = told("", &self.last_error, self.failing_seconds);
        let sending = told("cannot send ", &self.cannot_send, self.cannot_send_seconds);
        let left = self.left_by.as_ref().map(|owner| format!("not fetched: its owner {owner} is switched off"));
        let rests = self.next_attempt.as_ref().filter(|_| reading.is_some());
        let reading = reading.map(|told| rests.map_or_else(|| told.clone(), |at| format!("{told}; tried again at {at}")));
        let undone = self.undone.as_ref().map(|waiting| format!("on the server: {}", told_waiting(waiting)));
        let all: Vec<String> = left.into_iter().chain(reading).chain(sending).chain(undone).collect();
        if all.is_empty() { "-".to_string() } else { all.join("; ") }
    }
}

#[derive(serde::Serialize)]
pub struct Whole {
    name: String,
    kind: AccountKind,
    owner: Option<String>,
    address: String,
    address_vouched: bool,
    active: bool,
    #[serde(flatten)]
    server: ServerShown,
    grant: Option<GrantShown>,
    password: String,
    mailboxes: Vec<String>,
    /// Mailboxes and the owner's folders that their mail goes to.
    mailbox_folders: BTreeMap<String, String>,
    #[serde(flatten)]
    fetching: FetchShown,
    #[serde(flatten)]
    rules: RulesShown,
    teams: Vec<String>,
    smtp: Option<SmtpShown>,
    #[serde(flatten)]
    sending: SendingShown,
    auto_reply: Option<AutoReplyShown>,
    created_at: String,
    last_success: Option<String>,
    /// Since when, why, and when it is tried again.
    cannot_send: Option<String>,
    failing_since: Option<String>,
    last_error: Option<String>,
    last_error_at: Option<String>,
    next_attempt: Option<String>,
    in_work_by: Option<String>,
    /// What is to be done on the server, and waits (FETCH-9).
    on_server: Waiting,
}

impl Whole {
    pub fn new(account: &Stored, db: &mut Database) -> Result<Self> {
        let names = Names::all(db)?;
        let sending = sending::of(db, account.id)?;
        let mapped = account.folders.iter().filter_map(|(mailbox, id)| Some((mailbox.clone(), names.folders.get(id)?.clone())));
        let mailbox_folders = mapped.collect();
        Ok(Self {
            name: account.name.clone(),
            kind: account.kind,
            owner: account.owner.and_then(|owner| names.users.get(&owner).cloned()),
            address: account.address.clone(),
            address_vouched: account.address_vouched,
            active: account.active,
            server: ServerShown::new(&account.server, &names),
            grant: account.grant.clone().map(GrantShown::from),
            password: if account.reads_by_grant() {
                "none: the token of the right".to_string()
            } else {
                told_password(&account.password)
            },
            mailboxes: account.mailboxes.clone(),
            mailbox_folders,
            fetching: FetchShown::new(&account.fetching, &names),
            rules: RulesShown::new(&account.rules, &names),
            teams: account.teams.iter().filter_map(|team| names.teams.get(team).cloned()).collect(),
            smtp: sending.smtp.as_ref().map(|smtp| SmtpShown::new(smtp, account)),
            sending: SendingShown::new(&sending.settings, &names),
            auto_reply: AutoReplyShown::read(account, db, &names)?,
            created_at: rfc3339(account.created_at),
            last_success: account.state.last_success_at.map(rfc3339),
            cannot_send: trouble::of(db, account.id)?.map(|known| {
                let (since, retry_at) = (rfc3339(known.since), rfc3339(known.retry_at));
                format!("since {since}: {}; tried again at {retry_at}", known.last_error)
            }),
            failing_since: account.state.failing_since.map(rfc3339),
            last_error: account.state.last_error.clone(),
            last_error_at: account.state.last_error_at.map(rfc3339),
            next_attempt: account.state.retry_at.map(rfc3339),
            in_work_by: account.state.lease_owner.clone(),
            on_server: server_action::waiting(db, &[account.id])?.remove(&account.id).unwrap_or_default(),
        })
    }

    fn told_mailbox(&self, name: &str) -> String {
        self.mailbox_folders.get(name).map_or_else(|| name.to_string(), |folder| format!("{name} (to folder {folder})"))
    }

    pub fn text(&self, now: i64) -> String {
        let mut all = vec![
            ("account", self.name.clone()),
            ("kind", self.kind.to_string()),
            ("owner", or_empty(self.owner.as_ref())),
            ("address", self.address.clone()),
            (
                "",
                if self.address_vouched { String::new() } else { "named by its owner, and not given by an administrator".into() },
            ),
            ("active", yes(self.active)),
            ("server", format!("{}:{} ({})", self.server.imap_host, self.server.imap_port, self.server.imap_security)),
        ];
        all.extend(self.server.lines());
        all.extend([
            ("right", self.grant.as_ref().map(|grant| grant.text(now)).unwrap_or_default()),
            ("password", self.password.clone()),
            ("mailboxes", self.mailboxes.iter().map(|name| self.told_mailbox(name)).collect::<Vec<_>>().join(", ")),
        ]);
        all.extend(self.fetching.lines());
        all.extend(self.rules.lines());
        all.extend([
            ("teams", self.teams.join(", ")),
            ("sends through", self.smtp.as_ref().map(SmtpShown::text).unwrap_or_default()),
            ("SMTP password", self.smtp.as_ref().map(|smtp| smtp.password.clone()).unwrap_or_default()),
        ]);
        all.extend(self.sending.lines());
        all.extend([
            ("answers by itself", self.auto_reply.as_ref().map(AutoReplyShown::text).unwrap_or_default()),
            ("created", self.created_at.clone()),
            ("cannot send", or_empty(self.cannot_send.as_ref())),
            ("last success", self.last_success.clone().unwrap_or_else(|| "never".to_string())),
            ("failing since", or_empty(self.failing_since.as_ref())),
            ("last error", or_empty(self.last_error.as_ref())),
            ("last error at", or_empty(self.last_error_at.as_ref())),
            ("next attempt", or_empty(self.next_attempt.as_ref())),
            ("in work by", or_empty(self.in_work_by.as_ref())),
            ("on the server", told_waiting(&self.on_server)),
        ]);
        lines(&all)
    }
}

/// Says how much is to be done on a server (FETCH-9).
pub fn told_waiting(waiting: &Waiting) -> String {
    let Waiting { due, failing, given_up, last_error } = waiting;
    let told = [(*due, "due"), (*failing, "of these failing"), (*given_up, "given up")];
    let told = told.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    let told = told.collect::<Vec<_>>().join(", ");
    match last_error.as_ref().filter(|_| !told.is_empty()) {
        Some(error) => format!("{told}: {error}"),
        None => told,
    }
}

/// The right to it that a person gave at an authorisation server (FETCH-16).
#[derive(serde::Serialize)]
struct GrantShown {
    provider: String,
    given_at: String,
    /// When the server said that it has ended.
    ended_at: Option<String>,
    #[serde(skip)]
    granted: Granted,
}

impl From<Granted> for GrantShown {
    fn from(granted: Granted) -> Self {
        let (given_at, ended_at) = (rfc3339(granted.granted_at), granted.ended_at.map(rfc3339));
        Self { provider: granted.provider.clone(), given_at, ended_at, granted }
    }
}

impl GrantShown {
    fn text(&self, now: i64) -> String {
        let ended = self.ended_at.as_ref().map(|at| format!("; it has ended at {at}")).unwrap_or_default();
        format!("{} ({}){ended}", self.granted.told(now), self.given_at)
    }
}

/// The server to send through.
#[derive(serde::Serialize)]
struct SmtpShown {
    host: String,
    port: i64,
    security: Security,
    auth: SmtpAuth,
    user: String,
    ca_file: Option<String>,
    password: String,
}

impl SmtpShown {
    fn new(smtp: &Smtp, account: &Stored) -> Self {
        Self {
            host: smtp.host.clone(),
            port: smtp.port,
            security: smtp.security,
            auth: smtp.auth,
            user: smtp.user.clone().unwrap_or_else(|| account.server.imap_user.clone()),
            ca_file: smtp.ca_file.clone(),
            password: match &smtp.password {
                None if account.grant.is_some() && smtp.auth.auth().is_some_and(Auth::is_token) => {
                    "none: the token of the right".to_string()
                }
                None => "that for reading".to_string(),
                Some(password) => told_password(password),
            },
        }
    }

    fn text(&self) -> String {
        format!("{}:{} ({}) as {} ({})", self.host, self.port, self.security, self.user, self.auth)
    }
}

/// What the account answers by itself (ACK-1).
#[derive(serde::Serialize)]
struct AutoReplyShown {
    template: String,
    #[serde(flatten)]
    settings: AnswerShown,
}

impl AutoReplyShown {
    fn read(account: &Stored, db: &mut Database, names: &Names) -> Result<Option<Self>> {
        let Some(answers) = answer::of(db, account.id)? else { return Ok(None) };
        let template = template::find(db, &answers.template.to_string())?.name;
        Ok(Some(Self { template, settings: AnswerShown::new(&answers.settings, names) }))
    }

    fn text(&self) -> String {
        let told = self.settings.lines().into_iter().filter(|(_, what)| !what.is_empty());
        let told = told.map(|(label, what)| format!(", {label} {what}"));
        format!("with template {}{}", self.template, told.collect::<String>())
    }
}

/// Says where a password comes from, never what it is (ACCESS-3).
fn told_password(password: &Password) -> String {
    let reference = password.reference.as_deref().unwrap_or_default();
    match password.source {
        PasswordSource::Stored if password.sealed.is_some() => "kept encrypted in the database".to_string(),
        PasswordSource::Stored => "none".to_string(),
        PasswordSource::Command => format!("from the command {reference}"),
        PasswordSource::File => format!("from the file {reference}"),
        PasswordSource::Credential => format!("from the credential {reference}"),
    }
}
