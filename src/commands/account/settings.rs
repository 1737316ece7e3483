//! The options of `espomail account add` and `account set`: the same for both, and none has a default here, so that what
//! is not given stays.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::{ArgAction, ValueHint};

use crate::commands::argument;
use crate::commands::setting::{IfSo, Options, Setting, options, way};
use crate::context::{self, Context};
use crate::decide::access::{self, Denied};
use crate::decide::account as rules;
use crate::fault::{Class, Fault};
use crate::mail::address_key;
use crate::net;
use crate::pass::verdict::Names;
use crate::settings::{AccountRules, AfterFetch, account_rules};
use crate::store::account::{Own, Settings};
use crate::store::sending::Password;
use crate::store::{Database, account, folder, team, user};
use crate::words::{
    AccountId, AccountKind, Auth, AutomaticCases, Distribution, FolderId, PasswordSource, Security, ServerVerb, TeamId,
    UnknownSender, UserId,
};

#[derive(Debug, clap::Args)]
pub struct SettingsArguments {
    /// E-mail address; one that a user names is good for fetching alone, until an administrator gives it
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
    /// Folder that mail of a mailbox goes to, such as Lists=Later: the owner's, or for a group account a group folder; an empty one is
    /// none
    #[arg(long = "mailbox-folder", value_name = "MAILBOX=FOLDER", help_heading = "Server")]
    mailbox_folders: Vec<String>,
    /// How to log in, for reading and for sending alike: xoauth2 and oauthbearer say a token in the place of the password
    /// [default: password]
    #[arg(long, value_name = "HOW", help_heading = "Password")]
    auth: Option<Auth>,
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
    #[command(flatten)]
    rules: RuleArguments,
    /// Team of the account's mail, in place of those there are; may be given several times, an empty name clears them
    #[arg(long = "team", value_name = "TEAM", help_heading = "Inboxes")]
    teams: Vec<String>,
}

account_rules!(options RuleArguments, RulesShown of AccountRules);

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
    /// Run this command for an access token at each login, up to the next option; --auth is then xoauth2, unless it says otherwise
    #[arg(long, value_name = "COMMAND", num_args = 1.., value_terminator = ";", value_hint = ValueHint::CommandString, help_heading = "Password")]
    token_command: Vec<String>,
}

impl PasswordArguments {
    fn given(&self) -> bool {
        self.password_stdin
            || !self.token_command.is_empty()
            || !self.password_command.is_empty()
            || self.password_file.is_some()
            || self.password_credential.is_some()
    }
}

/// Returns the settings that a new account starts from.
pub fn defaults(context: &Context, name: &str) -> Result<Settings> {
    let fetch = &context.loaded.config.fetch;
    let own = Own {
        name: name.to_string(),
        kind: AccountKind::Group,
        owner: None,
        address: String::new(),
        address_vouched: false,
        active: true,
        imap_host: String::new(),
        imap_port: 0,
        imap_security: Security::Tls,
        imap_user: String::new(),
        imap_ca_file: None,
        imap_auth: Auth::Password,
        password_source: PasswordSource::Stored,
        password_reference: None,
        password_sealed: None,
        fetch_since: context.time("today")?,
        act_since: context.now(),
        max_seconds: fetch.max_seconds,
        max_message_size: fetch.max_message_mib << 20,
    };
    let (rules, mailboxes) = (AccountRules::default(), vec!["INBOX".to_string()]);
    Ok(Settings { own, rules, mailboxes, folders: BTreeMap::new(), teams: Vec::new() })
}

impl SettingsArguments {
    /// Reads the password where one must be read before the transaction; `ask` when there is none yet.
    pub fn read_password(&self, context: &Context, ask: bool) -> Result<Option<crate::secret::Secret>> {
        let has_token = self.auth.is_some_and(Auth::is_token);
        if self.password.password_stdin || (ask && !self.password.given() && !has_token) {
            // Without a key there is nowhere to keep it: say so before anybody types it.
            context.key()?;
            return context::read_password(self.password.password_stdin).map(Some);
        }
        Ok(None)
    }

    /// Whether a server is named.
    pub fn names_server(&self) -> bool {
        self.imap_host.is_some()
    }

    /// Whether a password, or what takes its place, is given.
    pub fn gives_password(&self) -> bool {
        self.password.given()
    }

    /// How to log in, where that is given.
    pub fn auth(&self) -> Option<Auth> {
        self.auth.or((!self.password.token_command.is_empty()).then_some(Auth::Xoauth2))
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
        self.over_address(settings, context, db)?;
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
        self.rules.over(&mut settings.rules, db)?;
        if let Some(teams) = argument::list(&self.teams) {
            settings.teams = team::find_all(db, &teams)?;
        }
        if self.rules.distribution.is_some_and(|rule| rule != Distribution::None) && !settings.rules.make_cases {
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
            (!password.token_command.is_empty(), "--token-command"),
            (password.password_file.is_some(), "--password-file"),
            (password.password_credential.is_some(), "--password-credential"),
            (self.max_seconds.is_some(), "--max-seconds"),
            (self.max_message_mib.is_some(), "--max-message-mib"),
            (!self.teams.is_empty(), "--team"),
        ];
        let given = given.iter().find(|(is_given, _)| *is_given).map(|(_, option)| (*option).to_string());
        reserved(context, given.or_else(|| self.rules.reserved()))
    }

    /// Takes an address, or refuses one of others (AUTO-2).
    fn over_address(&self, settings: &mut Settings, context: &Context, db: &mut Database) -> Result<()> {
        let Some(address) = self.address.as_deref().map(address_key) else { return Ok(()) };
        let actor = context.actor();
        if rules::must_be_nobodys(&actor, &settings.address, &address) && account::is_of_others(db, actor.user, &address)? {
            return Err(context.refused(&format!("<{address}> is an address of a group account or of another user")));
        }
        settings.address_vouched = rules::is_vouched(&actor, (&settings.address, settings.address_vouched), &address);
        settings.address = address;
        Ok(())
    }

    fn over_server(&self, settings: &mut Settings) -> Result<()> {
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
            settings.imap_user = self.address.clone().unwrap_or_else(|| settings.address.clone());
        }
        if let Some(file) = &self.ca_file {
            // Cron has another working directory.
            let file = if file.is_empty() { None } else { Some(std::path::absolute(file)?.display().to_string()) };
            settings.imap_ca_file = file;
        }
        if !self.mailboxes.is_empty() {
            settings.mailboxes = self.mailboxes.iter().map(|name| mailbox_name(name)).collect();
            let mut seen = std::collections::HashSet::new();
            settings.mailboxes.retain(|name| seen.insert(name.clone()));
            settings.folders.retain(|mailbox, _| seen.contains(mailbox));
        }
        Ok(())
    }

    /// INBOX-2: which mailboxes go to which folders: of the owner, or of the group.
    fn over_folders(&self, settings: &mut Settings, db: &mut Database) -> Result<()> {
        for given in &self.mailbox_folders {
            let wrong = |what: String| Fault::new(Class::Usage, what).hint("write it as MAILBOX=FOLDER");
            let (mailbox, name) = given.rsplit_once('=').ok_or_else(|| wrong(format!("{given:?} names no folder")))?;
            let mailbox = &mailbox_name(mailbox);
            if !settings.mailboxes.contains(mailbox) {
                return Err(wrong(format!("the mailbox {mailbox:?} is not monitored by this account")).into());
            }
            if name.is_empty() {
                settings.folders.remove(mailbox);
            } else {
                settings.folders.insert(mailbox.clone(), folder::find(db, settings.owner, name)?.id);
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
        let sealed = password.map(|password| context.seal(id, password)).transpose()?;
        let PasswordArguments { password_command, token_command, password_file, password_credential, .. } = &self.password;
        if self.auth == Some(Auth::Password) && !token_command.is_empty() {
            return Err(Fault::new(Class::Usage, "a token is no password: --token-command goes with --auth xoauth2").into());
        }
        put(&mut settings.imap_auth, self.auth());
        let password_command = if token_command.is_empty() { password_command } else { token_command };
        if let Some(given) = given_password(sealed, password_command, password_file.as_ref(), password_credential.as_ref())? {
            settings.password_source = given.source;
            settings.password_reference = given.reference;
            settings.password_sealed = given.sealed;
        }
        Ok(())
    }
}

/// Returns where a password comes from, by what was given of it; none where nothing was.
pub fn given_password(
    sealed: Option<Vec<u8>>,
    command: &[String],
    file: Option<&String>,
    credential: Option<&String>,
) -> Result<Option<Password>> {
    let (source, reference) = match (&sealed, command, file, credential) {
        (Some(_), ..) => (PasswordSource::Stored, None),
        // Cron has another working directory.
        (_, [], Some(file), _) => (PasswordSource::File, Some(std::path::absolute(file)?.display().to_string())),
        (_, [], None, Some(name)) => (PasswordSource::Credential, Some(name.clone())),
        (_, [], None, None) => return Ok(None),
        (_, command, ..) => (PasswordSource::Command, Some(serde_json::to_string(command)?)),
    };
    Ok(Some(Password { source, reference, sealed }))
}

/// RFC 3501, section 5.1: INBOX is one in any case of its letters; other names are as they are written.
fn mailbox_name(name: &str) -> String {
    if name.eq_ignore_ascii_case("INBOX") { "INBOX".to_string() } else { name.to_string() }
}

fn put<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// Refuses settings that cannot work.
fn check(settings: &Settings, internal_hosts: &[String]) -> Result<()> {
    let wrong = |what: &str| Err(Fault::new(Class::Usage, what).into());
    let rules = &settings.rules;
    let needs_team = matches!(rules.distribution, Distribution::RoundRobin | Distribution::LeastBusy);
    if !settings.address.contains('@') {
        return wrong("the account needs an e-mail address: --address");
    }
    if settings.imap_host.is_empty() {
        return wrong("the account needs a server: --imap-host");
    }
    if rules.group_folder.is_some() && settings.kind == AccountKind::Personal {
        return wrong(
            "only a group account has a group folder; a mailbox of yours can go to a folder of yours: --mailbox-folder",
        );
    }
    if rules.seen_back && settings.kind == AccountKind::Group {
        return wrong("many read a group account's mail: --seen-back is for a personal account");
    }
    if let Some((ServerVerb::Move, target)) = rules.after_fetch.action()
        && settings.mailboxes.iter().all(|mailbox| mailbox == target)
    {
        return wrong("the mailbox to move to is the one that is fetched: name another one, or more with --mailbox");
    }
    if rules.make_cases && settings.kind == AccountKind::Personal {
        return wrong("only a group account makes cases");
    }
    if rules.make_cases && needs_team && rules.case_team.is_none() {
        return wrong("round-robin and least-busy hand cases to a team: --case-team");
    }
    if rules.make_cases && rules.distribution == Distribution::Direct && rules.assigned_user.is_none() {
        return wrong("direct hands cases to one user: --assigned-user");
    }
    if settings.max_seconds <= 0 || settings.max_message_size <= 0 {
        return wrong("--max-seconds and --max-message-mib must be above zero");
    }
    not_internal(settings.kind, &settings.imap_host, internal_hosts)
}

/// Refuses an option of administrators to anybody else (ACCESS-1).
pub fn reserved(context: &Context, given: Option<String>) -> Result<()> {
    match given.filter(|_| access::administer(context.actor_ref()).is_err()) {
        Some(option) => Err(context.refused(&format!("only administrators give {option}"))),
        None => Ok(()),
    }
}

/// Refuses an internal server to a personal account (ACCESS-3).
pub fn not_internal(kind: AccountKind, host: &str, listed: &[String]) -> Result<()> {
    Ok(rules::connect(kind, host, listed).map_err(|Denied| {
        let what = format!("{host} is internal, and a personal account's server must not be");
        Fault::new(Class::Refused, what).hint("an administrator can list it in security.internal-hosts")
    })?)
}
