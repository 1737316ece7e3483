//! What people see of an e-mail account: a line, or the whole.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;

use crate::clock::rfc3339;
use crate::commands::argument;
use crate::commands::show::{lines, or_empty, yes};
use crate::store::account::Account as Stored;
use crate::store::answer::{self, Answers};
use crate::store::sending::Smtp;
use crate::store::trouble::{self, Trouble};
use crate::store::{Database, folder, sending, team, template, user};
use crate::words::{AccountKind, FolderId, PasswordSource, Security, SmtpAuth};

#[derive(serde::Serialize)]
pub struct Line {
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
    /// The owner of a personal account, who is switched off: it is not fetched.
    pub left_by: Option<String>,
}

impl Line {
    pub fn new(account: &Stored, trouble: Option<&Trouble>, left_by: Option<&String>, now: i64, is_theirs: bool) -> Self {
        let trouble = trouble.filter(|_| is_theirs);
        let failing_since = account.failing_since.filter(|_| is_theirs);
        Self {
            name: account.name.clone(),
            kind: account.kind.to_string(),
            address: account.address.clone(),
            active: account.active,
            last_success: account.last_success_at.filter(|_| is_theirs).map(rfc3339),
            failing_since: failing_since.map(rfc3339),
            failing_seconds: failing_since.map(|since| (now - since).max(0)),
            last_error: failing_since.and(account.last_error.clone()),
            next_attempt: account.retry_at.filter(|_| is_theirs).map(rfc3339),
            cannot_send: trouble.map(|known| known.last_error.clone()),
            cannot_send_seconds: trouble.map(|known| (now - known.since).max(0)),
            left_by: left_by.cloned(),
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
        let all: Vec<String> = left.into_iter().chain(reading).chain(sending).collect();
        if all.is_empty() { "-".to_string() } else { all.join("; ") }
    }
}

#[derive(serde::Serialize)]
pub struct Whole {
    name: String,
    kind: AccountKind,
    owner: Option<String>,
    address: String,
    active: bool,
    imap_host: String,
    imap_port: i64,
    imap_security: String,
    imap_user: String,
    ca_file: Option<String>,
    password: String,
    mailboxes: Vec<String>,
    /// Mailboxes and the owner's folders that their mail goes to.
    mailbox_folders: BTreeMap<String, String>,
    fetch_since: String,
    act_since: String,
    max_seconds: i64,
    max_message_mib: i64,
    make_cases: bool,
    distribution: String,
    case_team: Option<String>,
    case_position: Option<String>,
    assigned_user: Option<String>,
    teams: Vec<String>,
    add_team_users: bool,
    unknown_sender: String,
    reopen_within: String,
    automatic_cases: String,
    list_cases: bool,
    take_forwards: bool,
    smtp: Option<SmtpShown>,
    from_name: String,
    reply_to: Option<String>,
    shared: bool,
    system: bool,
    exclude_from_reply: bool,
    empty_sender: bool,
    save_sent: bool,
    sent_mailbox: Option<String>,
    max_per_hour: Option<i64>,
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
}

impl Whole {
    pub fn new(account: &Stored, db: &mut Database) -> Result<Self> {
        let (logins, teams) = (user::logins(db)?, team::names(db)?);
        let login = |user: Option<crate::words::UserId>| user.and_then(|user| logins.get(&user).cloned());
        let sending = sending::of(db, account.id)?;
        let folders: HashMap<FolderId, String> = folder::names(db)?.into_iter().collect();
        let mapped = account.folders.iter().filter_map(|(mailbox, id)| Some((mailbox.clone(), folders.get(id)?.clone())));
        let mailbox_folders = mapped.collect();
        Ok(Self {
            name: account.name.clone(),
            kind: account.kind,
            owner: login(account.owner),
            address: account.address.clone(),
            active: account.active,
            imap_host: account.imap_host.clone(),
            imap_port: account.imap_port,
            imap_security: account.imap_security.to_string(),
            imap_user: account.imap_user.clone(),
            ca_file: account.imap_ca_file.clone(),
            password: told_password(
                account.password_source,
                account.password_reference.as_deref(),
                account.password_sealed.is_some(),
            ),
            mailboxes: account.mailboxes.clone(),
            mailbox_folders,
            fetch_since: rfc3339(account.fetch_since),
            act_since: rfc3339(account.act_since),
            max_seconds: account.max_seconds,
            max_message_mib: account.max_message_size >> 20,
            make_cases: account.make_cases,
            distribution: account.distribution.to_string(),
            case_team: account.case_team.and_then(|team| teams.get(&team).cloned()),
            case_position: account.case_position.clone(),
            assigned_user: login(account.assigned_user),
            teams: account.teams.iter().filter_map(|team| teams.get(team).cloned()).collect(),
            add_team_users: account.add_team_users,
            unknown_sender: account.unknown_sender.to_string(),
            reopen_within: argument::Span(account.reopen_within).to_string(),
            automatic_cases: account.automatic_cases.to_string(),
            list_cases: account.list_cases,
            take_forwards: account.take_forwards,
            smtp: sending.smtp.as_ref().map(|smtp| SmtpShown::new(smtp, account)),
            from_name: sending.from_name,
            reply_to: sending.reply_to,
            shared: sending.shared,
            system: sending.system,
            exclude_from_reply: sending.exclude_from_reply,
            empty_sender: sending.empty_sender,
            save_sent: sending.save_sent,
            sent_mailbox: sending.sent_mailbox,
            max_per_hour: sending.max_per_hour,
            auto_reply: AutoReplyShown::read(account, db)?,
            created_at: rfc3339(account.created_at),
            last_success: account.last_success_at.map(rfc3339),
            cannot_send: trouble::of(db, account.id)?.map(|known| {
                let (since, retry_at) = (rfc3339(known.since), rfc3339(known.retry_at));
                format!("since {since}: {}; tried again at {retry_at}", known.last_error)
            }),
            failing_since: account.failing_since.map(rfc3339),
            last_error: account.last_error.clone(),
            last_error_at: account.last_error_at.map(rfc3339),
            next_attempt: account.retry_at.map(rfc3339),
            in_work_by: account.lease_owner.clone(),
        })
    }

    fn told_mailbox(&self, name: &str) -> String {
        self.mailbox_folders.get(name).map_or_else(|| name.to_string(), |folder| format!("{name} (to folder {folder})"))
    }

    fn told_sender(&self) -> String {
        format!("<{}> on the envelope, not with an empty sender", self.address)
    }

    fn told_copies(&self) -> String {
        let mailbox =
            self.sent_mailbox.as_deref().map_or_else(|| "the Sent mailbox".to_string(), |name| format!("mailbox {name}"));
        if self.save_sent { format!("go to {mailbox}") } else { String::new() }
    }

    pub fn text(&self) -> String {
        lines(&[
            ("account", self.name.clone()),
            ("kind", self.kind.to_string()),
            ("owner", or_empty(self.owner.as_ref())),
            ("address", self.address.clone()),
            ("active", yes(self.active)),
            ("server", format!("{}:{} ({})", self.imap_host, self.imap_port, self.imap_security)),
            ("user", self.imap_user.clone()),
            ("CA file", or_empty(self.ca_file.as_ref())),
            ("password", self.password.clone()),
            ("mailboxes", self.mailboxes.iter().map(|name| self.told_mailbox(name)).collect::<Vec<_>>().join(", ")),
            ("fetch since", self.fetch_since.clone()),
            ("act since", self.act_since.clone()),
            ("max seconds", self.max_seconds.to_string()),
            ("max message", format!("{} MiB", self.max_message_mib)),
            ("makes cases", yes(self.make_cases)),
            ("distribution", self.distribution.clone()),
            ("case team", or_empty(self.case_team.as_ref())),
            ("case position", or_empty(self.case_position.as_ref())),
            ("assigned user", or_empty(self.assigned_user.as_ref())),
            ("teams", self.teams.join(", ")),
            ("members get mail", yes(self.add_team_users)),
            ("unknown sender", self.unknown_sender.clone()),
            ("re-open within", self.reopen_within.clone()),
            ("automatic mail that makes cases", self.automatic_cases.clone()),
            ("list mail makes cases", yes(self.list_cases)),
            ("takes forwards", yes(self.take_forwards)),
            ("sends through", self.smtp.as_ref().map(SmtpShown::text).unwrap_or_default()),
            ("SMTP password", self.smtp.as_ref().map(|smtp| smtp.password.clone()).unwrap_or_default()),
            ("from name", self.from_name.clone()),
            ("answers go to", or_empty(self.reply_to.as_ref())),
            ("shared", if self.shared { yes(true) } else { String::new() }),
            ("system account", if self.system { yes(true) } else { String::new() }),
            ("not in reply to all", if self.exclude_from_reply { yes(true) } else { String::new() }),
            ("answers by itself as", if self.empty_sender { String::new() } else { self.told_sender() }),
            ("copies of sent mail", self.told_copies()),
            ("most per hour", or_empty(self.max_per_hour.as_ref())),
            ("answers by itself", self.auto_reply.as_ref().map(AutoReplyShown::text).unwrap_or_default()),
            ("created", self.created_at.clone()),
            ("cannot send", or_empty(self.cannot_send.as_ref())),
            ("last success", self.last_success.clone().unwrap_or_else(|| "never".to_string())),
            ("failing since", or_empty(self.failing_since.as_ref())),
            ("last error", or_empty(self.last_error.as_ref())),
            ("last error at", or_empty(self.last_error_at.as_ref())),
            ("next attempt", or_empty(self.next_attempt.as_ref())),
            ("in work by", or_empty(self.in_work_by.as_ref())),
        ])
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
        let own = |password: &sending::Password| {
            told_password(password.source, password.reference.as_deref(), password.sealed.is_some())
        };
        Self {
            host: smtp.host.clone(),
            port: smtp.port,
            security: smtp.security,
            auth: smtp.auth,
            user: smtp.user.clone().unwrap_or_else(|| account.imap_user.clone()),
            ca_file: smtp.ca_file.clone(),
            password: smtp.password.as_ref().map_or_else(|| "that for reading".to_string(), own),
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
    from: Option<String>,
    name: Option<String>,
    reply_to: Option<String>,
    authenticated_only: bool,
}

impl AutoReplyShown {
    fn read(account: &Stored, db: &mut Database) -> Result<Option<Self>> {
        let Some(answers) = answer::of(db, account.id)? else { return Ok(None) };
        let template = template::find(db, &answers.template.to_string())?.name;
        let Answers { from, from_name: name, reply_to, authenticated_only, .. } = answers;
        Ok(Some(Self { template, from, name, reply_to, authenticated_only }))
    }

    fn text(&self) -> String {
        let optional = [
            ("as ", self.from.as_deref()),
            ("by the name of ", self.name.as_deref()),
            ("with answers to ", self.reply_to.as_deref()),
            ("", Some("authenticated senders only").filter(|_| self.authenticated_only)),
        ];
        let told = optional.into_iter().filter_map(|(before, what)| Some(format!(", {before}{}", what?)));
        format!("with template {}{}", self.template, told.collect::<String>())
    }
}

/// Says where a password comes from, never what it is (ACCESS-3).
fn told_password(source: PasswordSource, reference: Option<&str>, is_sealed: bool) -> String {
    let reference = reference.unwrap_or_default();
    match source {
        PasswordSource::Stored if is_sealed => "kept encrypted in the database".to_string(),
        PasswordSource::Stored => "none".to_string(),
        PasswordSource::Command => format!("from the command {reference}"),
        PasswordSource::File => format!("from the file {reference}"),
        PasswordSource::Credential => format!("from the credential {reference}"),
    }
}
