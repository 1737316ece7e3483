//! The options of `espomail account add` and `account set`: the same for both, and none has a default here, so that what
//! is not given stays.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::{ArgAction, ValueHint};

use crate::commands::argument;
use crate::commands::setting::{File, IfSo, Moment, Options, Setting, absolute, options, way};
use crate::context::{self, Context};
use crate::decide::access::{self, Denied};
use crate::decide::account as rules;
use crate::fault::{Class, Fault};
use crate::mail::address_key;
use crate::net;
use crate::pass::verdict::Names;
use crate::settings::{
    AccountRules, AfterFetch, FetchSettings, ServerSettings, Size, account_rules, fetch_settings, server_settings,
};
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
    #[command(flatten)]
    server: ServerOptions,
    /// Mailbox to monitor; may be given several times [default: INBOX]
    #[arg(long = "mailbox", value_name = "NAME", help_heading = "Server")]
    mailboxes: Vec<String>,
    /// Folder that mail of a mailbox goes to, such as Lists=Later: the owner's, or for a group account a group folder; an empty one is
    /// none
    #[arg(long = "mailbox-folder", value_name = "MAILBOX=FOLDER", help_heading = "Server")]
    mailbox_folders: Vec<String>,
    #[command(flatten)]
    password: PasswordArguments,
    #[command(flatten)]
    fetching: FetchOptions,
    #[command(flatten)]
    rules: RuleArguments,
    /// Team of the account's mail, in place of those there are; may be given several times, an empty name clears them
    #[arg(long = "team", value_name = "TEAM", help_heading = "Inboxes")]
    teams: Vec<String>,
}

server_settings!(options ServerOptions, ServerShown of ServerSettings);
fetch_settings!(options FetchOptions, FetchShown of FetchSettings);
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
    };
    let fetching = FetchSettings {
        fetch_since: context.time("today")?,
        act_since: context.now(),
        max_seconds: fetch.max_seconds,
        max_message_mib: Size::of_mib(fetch.max_message_mib),
    };
    let password = Password { source: PasswordSource::Stored, reference: None, sealed: None };
    let (server, rules, mailboxes) = (ServerSettings::default(), AccountRules::default(), vec!["INBOX".to_string()]);
    Ok(Settings { own, server, password, fetching, rules, mailboxes, folders: BTreeMap::new(), teams: Vec::new() })
}

impl SettingsArguments {
    /// Reads the password where one must be read before the transaction; `ask` when there is none yet.
    pub fn read_password(&self, context: &Context, ask: bool) -> Result<Option<crate::secret::Secret>> {
        let has_token = self.server.auth.is_some_and(Auth::is_token);
        if self.password.password_stdin || (ask && !self.password.given() && !has_token) {
            // Without a key there is nowhere to keep it: say so before anybody types it.
            context.key()?;
            return context::read_password(self.password.password_stdin).map(Some);
        }
        Ok(None)
    }

    /// Whether a server is named.
    pub fn names_server(&self) -> bool {
        self.server.imap_host.is_some()
    }

    /// Whether a password, or what takes its place, is given.
    pub fn gives_password(&self) -> bool {
        self.password.given()
    }

    /// How to log in, where that is given.
    pub fn auth(&self) -> Option<Auth> {
        self.server.auth.or((!self.password.token_command.is_empty()).then_some(Auth::Xoauth2))
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
        self.over_server(settings, context.now(), db)?;
        self.over_password(settings, context, id, password)?;
        let own = context.actor().user.filter(|_| !context.actor().administrator);
        let owner = self.owner.as_ref().map(|login| user::find(db, login)).transpose()?.or(own);
        if owner.is_some() {
            (settings.kind, settings.owner) = (AccountKind::Personal, owner);
        }
        self.over_folders(settings, db)?;
        self.fetching.over(&mut settings.fetching, context.now(), db)?;
        self.rules.over(&mut settings.rules, context.now(), db)?;
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
            (!password.password_command.is_empty(), "--password-command"),
            (!password.token_command.is_empty(), "--token-command"),
            (password.password_file.is_some(), "--password-file"),
            (password.password_credential.is_some(), "--password-credential"),
            (!self.teams.is_empty(), "--team"),
        ];
        let given = given.iter().find(|(is_given, _)| *is_given).map(|(_, option)| (*option).to_string());
        let of_tables = || self.server.reserved().or_else(|| self.fetching.reserved()).or_else(|| self.rules.reserved());
        reserved(context, given.or_else(of_tables))
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

    fn over_server(&self, settings: &mut Settings, now: i64, db: &mut Database) -> Result<()> {
        let server = &mut settings.server;
        let usual = server.imap_port == 0 || server.imap_port == net::IMAP.usual_port(server.imap_security);
        self.server.over(server, now, db)?;
        // A port of one's own stays when only the protection changes.
        if usual && self.server.imap_port.is_none() {
            server.imap_port = net::IMAP.usual_port(server.imap_security);
        }
        if server.imap_user.is_empty() {
            server.imap_user = self.address.clone().unwrap_or_else(|| settings.own.address.clone());
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
        if self.server.auth == Some(Auth::Password) && !token_command.is_empty() {
            return Err(Fault::new(Class::Usage, "a token is no password: --token-command goes with --auth xoauth2").into());
        }
        put(&mut settings.server.auth, self.auth());
        let password_command = if token_command.is_empty() { password_command } else { token_command };
        put(
            &mut settings.password,
            given_password(sealed, password_command, password_file.as_ref(), password_credential.as_ref())?,
        );
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
        (_, [], Some(file), _) => (PasswordSource::File, Some(absolute(file)?)),
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
    if settings.server.imap_host.is_empty() {
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
    if settings.fetching.max_seconds <= 0 || settings.fetching.max_message_mib.bytes() == 0 {
        return wrong("--max-seconds and --max-message-mib must be above zero");
    }
    not_internal(settings.kind, &settings.server.imap_host, internal_hosts)
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
