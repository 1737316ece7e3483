//! The options of `espomail account add` and `account set`: the same for both, and none has a default here, so that what
//! is not given stays.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::{ArgAction, ValueHint};

use crate::commands::argument;
use crate::context::{self, Context};
use crate::decide::host;
use crate::fault::{Class, Fault};
use crate::net;
use crate::store::account::Settings;
use crate::store::{Database, folder, team, user};
use crate::words::{AccountId, AccountKind, AutomaticCases, Distribution, PasswordSource, Security, UnknownSender};

#[derive(Debug, clap::Args)]
pub struct SettingsArguments {
    /// E-mail address
    #[arg(long, value_parser = argument::one_address)]
    address: Option<String>,
    /// Owner; the account is then personal, else it is a group account [default: you, unless you are an administrator]
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// IMAP server
    #[arg(long, value_name = "HOST", value_parser = argument::one_host, help_heading = "Server")]
    imap_host: Option<String>,
    /// IMAP port [default: 993 with tls, else 143]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Server")]
    imap_port: Option<u16>,
    /// Protection of the connection [default: tls]
    #[arg(long, value_name = "HOW", help_heading = "Server")]
    imap_security: Option<Security>,
    /// IMAP user [default: the address]
    #[arg(long, value_name = "NAME", help_heading = "Server")]
    imap_user: Option<String>,
    /// Trust the certificates in this PEM file, too; an empty name forgets it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Server")]
    ca_file: Option<String>,
    /// Mailbox to monitor; may be given several times [default: INBOX]
    #[arg(long = "mailbox", value_name = "NAME", help_heading = "Server")]
    mailboxes: Vec<String>,
    /// The owner's folder that mail of a mailbox goes to, such as Lists=Later; an empty folder is the inbox (personal accounts)
    #[arg(long = "mailbox-folder", value_name = "MAILBOX=FOLDER", help_heading = "Server")]
    mailbox_folders: Vec<String>,
    #[command(flatten)]
    password: PasswordArguments,
    /// Take mail that arrived at the server since then: 2026-11-23, RFC 3339, today, 30d [default: today]
    #[arg(long, value_name = "TIME", help_heading = "Fetching")]
    fetch_since: Option<String>,
    /// Archive mail that arrived before then: no cases, no answers [default: now]
    #[arg(long, value_name = "TIME", help_heading = "Fetching")]
    act_since: Option<String>,
    /// Seconds that one pass may take [default: fetch.max-seconds]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(1..=86_400), help_heading = "Fetching")]
    max_seconds: Option<i64>,
    /// MiB beyond which only header and text are fetched [default: fetch.max-message-mib]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(i64).range(1..=1_024), help_heading = "Fetching")]
    max_message_mib: Option<i64>,
    /// Open a case for the first e-mail of each thread (group accounts); --make-cases=false ends it
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Cases")]
    make_cases: Option<bool>,
    /// Who gets new cases [default: none]
    #[arg(long, value_name = "RULE", help_heading = "Cases")]
    distribution: Option<Distribution>,
    /// Team of new cases; with round-robin and least-busy its members get them; an empty name forgets it
    #[arg(long, value_name = "TEAM", help_heading = "Cases")]
    case_team: Option<String>,
    /// Only members with this position in the case team get cases; an empty one forgets it
    #[arg(long, value_name = "POSITION", help_heading = "Cases")]
    case_position: Option<String>,
    /// What to do with mail that names a case of which its sender is no part [default: new-case]
    #[arg(long, value_name = "HOW", help_heading = "Cases")]
    unknown_sender: Option<UnknownSender>,
    /// Re-open a closed case for a follow-up within this time, such as 14d, or never [default: 14d]
    #[arg(long, value_name = "TIME", value_parser = argument::span, help_heading = "Cases")]
    reopen_within: Option<argument::Span>,
    /// Which automatic mail may open cases: all of it, what is generated or passed on by itself, but no answers of machines,
    /// reports and bulk mail, or none [default: generated]
    #[arg(long, value_name = "WHICH", help_heading = "Cases")]
    automatic_cases: Option<AutomaticCases>,
    /// Whether mail of mailing lists may open cases; that of a list which is the account's own address does [default: false]
    #[arg(long, action = ArgAction::Set, value_name = "BOOL", help_heading = "Cases")]
    list_cases: Option<bool>,
    /// Whether each forward by a user makes its original sender the contact, also without @fwd [default: false]
    #[arg(long, action = ArgAction::Set, value_name = "BOOL", help_heading = "Cases")]
    take_forwards: Option<bool>,
    /// User who gets new cases with direct, and the account's mail; an empty name forgets it
    #[arg(long, value_name = "USER", help_heading = "Cases")]
    assigned_user: Option<String>,
    /// Team of the account's mail, in place of those there are; may be given several times, an empty name clears them
    #[arg(long = "team", value_name = "TEAM", help_heading = "Inboxes")]
    teams: Vec<String>,
    /// Whether members of these teams get the mail in their inboxes [default: true]
    #[arg(long, action = ArgAction::Set, value_name = "BOOL", help_heading = "Inboxes")]
    add_team_users: Option<bool>,
}

#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct PasswordArguments {
    /// Read the password from standard input and keep it encrypted in the database
    #[arg(long, help_heading = "Password")]
    password_stdin: bool,
    /// Run this command for the password at each pass, up to the next option; no shell is involved
    #[arg(long, value_name = "COMMAND", num_args = 1.., value_terminator = ";", value_hint = ValueHint::CommandString, help_heading = "Password")]
    password_command: Vec<String>,
    /// Read the password from the first line of this file at each pass
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Password")]
    password_file: Option<String>,
    /// Read the password from this systemd credential at each pass
    #[arg(long, value_name = "NAME", help_heading = "Password")]
    password_credential: Option<String>,
}

impl PasswordArguments {
    fn given(&self) -> bool {
        self.password_stdin
            || !self.password_command.is_empty()
            || self.password_file.is_some()
            || self.password_credential.is_some()
    }
}

/// Returns the settings that a new account starts from.
pub fn defaults(context: &Context, name: &str) -> Result<Settings> {
    let fetch = &context.loaded.config.fetch;
    Ok(Settings {
        name: name.to_string(),
        kind: AccountKind::Group,
        owner: None,
        address: String::new(),
        active: true,
        imap_host: String::new(),
        imap_port: 0,
        imap_security: Security::Tls,
        imap_user: String::new(),
        imap_ca_file: None,
        password_source: PasswordSource::Stored,
        password_reference: None,
        password_sealed: None,
        fetch_since: context.time("today")?,
        act_since: context.now(),
        max_seconds: fetch.max_seconds,
        max_message_size: fetch.max_message_mib << 20,
        make_cases: false,
        distribution: Distribution::None,
        assigned_user: None,
        case_team: None,
        case_position: None,
        add_team_users: true,
        unknown_sender: UnknownSender::NewCase,
        reopen_within: Some(14 * 86_400),
        automatic_cases: AutomaticCases::Generated,
        list_cases: false,
        take_forwards: false,
        mailboxes: vec!["INBOX".to_string()],
        folders: BTreeMap::new(),
        teams: Vec::new(),
    })
}

impl SettingsArguments {
    /// Reads the password where one must be read before the transaction; `ask` when there is none yet.
    pub fn read_password(&self, context: &Context, ask: bool) -> Result<Option<crate::secret::Secret>> {
        if self.password.password_stdin || (ask && !self.password.given()) {
            // Without a key there is nowhere to keep it: say so before anybody types it.
            context.key()?;
            return context::read_password(self.password.password_stdin).map(Some);
        }
        Ok(None)
    }

    /// Puts what was given over the settings, and completes what follows from it.
    pub fn over(
        &self,
        settings: &mut Settings,
        context: &Context,
        db: &mut Database,
        id: AccountId,
        password: Option<&crate::secret::Secret>,
    ) -> Result<()> {
        self.over_server(settings)?;
        self.over_password(settings, context, id, password)?;
        let own = context.actor().user.filter(|_| !context.actor().administrator);
        let owner = self.owner.as_ref().map(|login| user::find(db, login)).transpose()?.or(own);
        if owner.is_some() {
            (settings.kind, settings.owner) = (AccountKind::Personal, owner);
        }
        self.over_folders(settings, db)?;
        if let Some(text) = &self.fetch_since {
            settings.fetch_since = context.time(text)?;
        }
        if let Some(text) = &self.act_since {
            settings.act_since = context.time(text)?;
        }
        put(&mut settings.max_seconds, self.max_seconds);
        put(&mut settings.max_message_size, self.max_message_mib.map(|mib| mib.saturating_mul(1 << 20)));
        put(&mut settings.make_cases, self.make_cases);
        put(&mut settings.distribution, self.distribution);
        put(&mut settings.add_team_users, self.add_team_users);
        put(&mut settings.unknown_sender, self.unknown_sender);
        put(&mut settings.reopen_within, self.reopen_within.map(|span| span.0));
        put(&mut settings.automatic_cases, self.automatic_cases);
        put(&mut settings.list_cases, self.list_cases);
        put(&mut settings.take_forwards, self.take_forwards);
        if let Some(name) = &self.case_team {
            settings.case_team = if name.is_empty() { None } else { Some(team::find(db, name)?) };
        }
        if let Some(position) = &self.case_position {
            settings.case_position = (!position.is_empty()).then(|| position.clone());
        }
        if let Some(login) = &self.assigned_user {
            settings.assigned_user = if login.is_empty() { None } else { Some(user::find(db, login)?) };
        }
        if let Some(teams) = argument::list(&self.teams) {
            settings.teams = teams.iter().map(|name| team::find(db, name)).collect::<Result<_>>()?;
        }
        if self.distribution.is_some_and(|rule| rule != Distribution::None) && !settings.make_cases {
            let what = "--distribution says who gets new cases, and this account makes none";
            return Err(Fault::new(Class::Usage, what).hint("add --make-cases").into());
        }
        check(settings, &context.loaded.config.security.internal_hosts)
    }

    /// ACCESS-1: what a user decides about a personal account: where it is and what is taken from it. What costs the service,
    /// runs something or concerns others is for administrators.
    pub fn allowed(&self, context: &Context) -> Result<()> {
        let actor = context.actor();
        let password = &self.password;
        let given = [
            (self.owner.as_ref().is_some_and(|login| Some(login) != actor.login.as_ref()), "--owner"),
            (self.ca_file.is_some(), "--ca-file"),
            (!password.password_command.is_empty(), "--password-command"),
            (password.password_file.is_some(), "--password-file"),
            (password.password_credential.is_some(), "--password-credential"),
            (self.max_seconds.is_some(), "--max-seconds"),
            (self.max_message_mib.is_some(), "--max-message-mib"),
            (self.make_cases.is_some(), "--make-cases"),
            (self.distribution.is_some(), "--distribution"),
            (self.case_team.is_some(), "--case-team"),
            (self.case_position.is_some(), "--case-position"),
            (self.unknown_sender.is_some(), "--unknown-sender"),
            (self.reopen_within.is_some(), "--reopen-within"),
            (self.automatic_cases.is_some(), "--automatic-cases"),
            (self.list_cases.is_some(), "--list-cases"),
            (self.take_forwards.is_some(), "--take-forwards"),
            (self.assigned_user.is_some(), "--assigned-user"),
            (!self.teams.is_empty(), "--team"),
            (self.add_team_users.is_some(), "--add-team-users"),
        ];
        match given.iter().find(|(is_given, _)| *is_given && !actor.administrator) {
            Some((_, option)) => Err(context.refused(&format!("only administrators give {option}"))),
            None => Ok(()),
        }
    }

    fn over_server(&self, settings: &mut Settings) -> Result<()> {
        put(&mut settings.address, self.address.clone());
        put(&mut settings.imap_host, self.imap_host.clone());
        let usual = settings.imap_port == 0 || settings.imap_port == net::IMAP.usual_port(settings.imap_security);
        put(&mut settings.imap_security, self.imap_security);
        put(&mut settings.imap_port, self.imap_port.map(i64::from));
        // A port of one's own stays when only the protection changes.
        if usual && self.imap_port.is_none() {
            settings.imap_port = net::IMAP.usual_port(settings.imap_security);
        }
        put(&mut settings.imap_user, self.imap_user.clone());
        if settings.imap_user.is_empty() {
            settings.imap_user.clone_from(&settings.address);
        }
        if let Some(file) = &self.ca_file {
            // Cron has another working directory.
            let file = if file.is_empty() { None } else { Some(std::path::absolute(file)?.display().to_string()) };
            settings.imap_ca_file = file;
        }
        if !self.mailboxes.is_empty() {
            settings.mailboxes.clone_from(&self.mailboxes);
            let mut seen = std::collections::HashSet::new();
            settings.mailboxes.retain(|name| seen.insert(name.clone()));
            settings.folders.retain(|mailbox, _| seen.contains(mailbox));
        }
        Ok(())
    }

    /// INBOX-2: which mailboxes go to which folders of the owner.
    fn over_folders(&self, settings: &mut Settings, db: &mut Database) -> Result<()> {
        for given in &self.mailbox_folders {
            let wrong = |what: String| Fault::new(Class::Usage, what).hint("write it as MAILBOX=FOLDER");
            let (mailbox, name) = given.rsplit_once('=').ok_or_else(|| wrong(format!("{given:?} names no folder")))?;
            if !settings.mailboxes.iter().any(|known| known == mailbox) {
                return Err(wrong(format!("the mailbox {mailbox:?} is not monitored by this account")).into());
            }
            let Some(owner) = settings.owner else {
                return Err(wrong("only mailboxes of personal accounts go to folders".to_string())
                    .hint("for a group account: espomail filter add NAME --account ACCOUNT --folder FOLDER")
                    .into());
            };
            if name.is_empty() {
                settings.folders.remove(mailbox);
            } else {
                settings.folders.insert(mailbox.to_string(), folder::find(db, Some(owner), name)?.id);
            }
        }
        Ok(())
    }

    fn over_password(
        &self,
        settings: &mut Settings,
        context: &Context,
        id: AccountId,
        password: Option<&crate::secret::Secret>,
    ) -> Result<()> {
        let given = &self.password;
        let (source, reference, sealed) = if let Some(password) = password {
            (PasswordSource::Stored, None, Some(context.seal(id, password)?))
        } else if !given.password_command.is_empty() {
            (PasswordSource::Command, Some(serde_json::to_string(&given.password_command)?), None)
        } else if let Some(file) = &given.password_file {
            (PasswordSource::File, Some(std::path::absolute(file)?.display().to_string()), None)
        } else if let Some(name) = &given.password_credential {
            (PasswordSource::Credential, Some(name.clone()), None)
        } else {
            return Ok(());
        };
        settings.password_source = source;
        settings.password_reference = reference;
        settings.password_sealed = sealed;
        Ok(())
    }
}

fn put<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// Refuses settings that cannot work.
fn check(settings: &Settings, internal_hosts: &[String]) -> Result<()> {
    let wrong = |what: &str| Err(Fault::new(Class::Usage, what).into());
    let needs_team = matches!(settings.distribution, Distribution::RoundRobin | Distribution::LeastBusy);
    if !settings.address.contains('@') {
        return wrong("the account needs an e-mail address: --address");
    }
    if settings.imap_host.is_empty() {
        return wrong("the account needs a server: --imap-host");
    }
    if settings.make_cases && settings.kind == AccountKind::Personal {
        return wrong("only a group account makes cases");
    }
    if settings.make_cases && needs_team && settings.case_team.is_none() {
        return wrong("round-robin and least-busy hand cases to a team: --case-team");
    }
    if settings.make_cases && settings.distribution == Distribution::Direct && settings.assigned_user.is_none() {
        return wrong("direct hands cases to one user: --assigned-user");
    }
    if settings.max_seconds <= 0 || settings.max_message_size <= 0 {
        return wrong("--max-seconds and --max-message-mib must be above zero");
    }
    let is_internal = host::is_internal_name(&settings.imap_host) && !host::is_listed(internal_hosts, &settings.imap_host);
    if settings.kind == AccountKind::Personal && is_internal {
        let what = format!("{} is internal, and a personal account's server must not be", settings.imap_host);
        let hint = "an administrator can list it in security.internal-hosts";
        return Err(Fault::new(Class::Refused, what).hint(hint).into());
    }
    Ok(())
}
