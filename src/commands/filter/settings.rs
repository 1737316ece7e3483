//! The options of `espomail filter add` and `filter set`: what a filter asks and what it does.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use anyhow::Result;
use clap::ArgAction;

use crate::commands::setting::{Options, Setting, options, way};
use crate::context::{self, Context};
use crate::custody;
use crate::decide::filter::{Action, Criterion, Filter, Script, compile};
use crate::fault::{Class, Fault};
use crate::pass::verdict::Names;
use crate::settings::{FilterSettings, filter_settings, server_mailbox};
use crate::store::filter::Owner;
use crate::store::{Database, account, folder, team, user};
use crate::words::{CaseStatus, Priority, UserId};

/// The largest file that is read as a script, in bytes; what a script may have is less.
const LARGEST_FILE: u64 = 1 << 20;

/// What the options name outside the database.
pub struct Named<'a> {
    pub now: i64,
    script: Option<Script>,
    commands: &'a BTreeMap<String, Vec<String>>,
}

#[derive(Debug, clap::Args)]
pub struct FilterArguments {
    #[command(flatten)]
    criteria: CriteriaArguments,
    #[command(flatten)]
    settings: FilterOptions,
    #[command(flatten)]
    actions: ActionArguments,
    /// A Sieve script in the place of criteria and actions (- for standard input)
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = "Sieve")]
    #[arg(conflicts_with_all = ["CriteriaArguments", "ActionArguments", "match_case", "regex"])]
    sieve: Option<String>,
}

filter_settings!(options FilterOptions, FilterShown of FilterSettings);

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Criteria")]
struct CriteriaArguments {
    /// The From address is like this; * stands for any run of characters
    #[arg(long, value_name = "PATTERN")]
    from: Option<String>,
    /// One of the To addresses is like this
    #[arg(long, value_name = "PATTERN")]
    to: Option<String>,
    /// One of the Cc addresses is like this
    #[arg(long, value_name = "PATTERN")]
    cc: Option<String>,
    /// The whole subject is like this
    #[arg(long, value_name = "PATTERN")]
    subject: Option<String>,
    /// The text has this phrase; given several times, any of them
    #[arg(long, value_name = "PHRASE")]
    body: Vec<String>,
    /// The text has this phrase; given several times, all of them
    #[arg(long, value_name = "PHRASE")]
    body_all: Vec<String>,
    /// A header field is like this, such as 'X-Spam-Flag: YES'; may be given several times
    #[arg(long = "header", value_name = "NAME: PATTERN", value_parser = header)]
    headers: Vec<(String, String)>,
    /// The List-Id is like this
    #[arg(long, value_name = "PATTERN")]
    list_id: Option<String>,
    /// It has files, or has none
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    has_attachment: Option<bool>,
    /// It is larger than so many bytes; K and M count in 1024
    #[arg(long, value_name = "SIZE", value_parser = size)]
    larger: Option<u64>,
    /// It is smaller than so many bytes
    #[arg(long, value_name = "SIZE", value_parser = size)]
    smaller: Option<u64>,
    /// It is automatic mail, or is not
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    automatic: Option<bool>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Actions")]
struct ActionArguments {
    /// Do not import it, and leave it on its server; the bytes of what comes by deliver or import are kept for as long as [keep] skipped
    /// says. With --user, put it into that user's trash
    #[arg(long)]
    skip: bool,
    /// Put it into this group folder; with --user, into that user's folder
    #[arg(long, value_name = "FOLDER")]
    folder: Option<String>,
    /// Give it, and the case that it opens, to this user
    #[arg(long, value_name = "USER")]
    assign: Option<String>,
    /// Give it, and the case that it opens, to this team
    #[arg(long, value_name = "TEAM")]
    assign_team: Option<String>,
    /// Priority of the case that it opens
    #[arg(long, value_name = "PRIORITY")]
    priority: Option<Priority>,
    /// Status of the case that it opens
    #[arg(long, value_name = "STATUS")]
    status: Option<CaseStatus>,
    /// It opens no case
    #[arg(long)]
    no_case: bool,
    /// It gets no automatic answer
    #[arg(long)]
    no_reply: bool,
    /// It counts as read
    #[arg(long)]
    mark_read: bool,
    /// It waits for a person's word; see review list
    #[arg(long)]
    hold: bool,
    /// Run this command of the configuration once it is stored; may be given several times
    #[arg(long, value_name = "NAME")]
    run: Vec<String>,
    /// Move it into this mailbox of its server, once it is stored; see --after-fetch of "account set"
    #[arg(long, value_name = "MAILBOX", value_parser = server_mailbox)]
    server_move: Option<String>,
    /// Mark it as seen on its server, once it is stored
    #[arg(long)]
    server_seen: bool,
    /// Nobody is told of it (with --user)
    #[arg(long)]
    skip_notification: bool,
}

fn read(path: &str) -> Result<Vec<u8>> {
    let fault = |error| Fault::new(Class::Data, format!("cannot read {path}: {error}"));
    let mut text = Vec::new();
    custody::check_free(path.as_ref())?;
    File::open(path).and_then(|file| file.take(LARGEST_FILE).read_to_end(&mut text)).map_err(fault)?;
    Ok(text)
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write it as 'Name: pattern'")?;
    let name = name.trim();
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("{name:?} is no name of a header field"));
    }
    Ok((name.to_string(), value.trim().to_string()))
}

fn size(text: &str) -> Result<u64, String> {
    let (number, factor) = match text.strip_suffix(['K', 'k']) {
        Some(number) => (number, 1 << 10),
        None => text.strip_suffix(['M', 'm']).map_or((text, 1), |number| (number, 1 << 20)),
    };
    let number: u64 = number.parse().map_err(|_| format!("{text:?} is no size; write 4096, 64K or 10M"))?;
    number.checked_mul(factor).ok_or_else(|| format!("{text:?} is too large"))
}

impl FilterArguments {
    /// Reads what the options name outside the database.
    pub fn named<'a>(&self, context: &'a Context) -> Result<Named<'a>> {
        let text = match self.sieve.as_deref() {
            None => None,
            Some("-") => Some(context::read_stdin(LARGEST_FILE)?),
            Some(path) => Some(read(path)?),
        };
        let wrong = |what: String| Fault::new(Class::Data, format!("the Sieve script: {what}")).hint("see espomail-filters(7)");
        let script = text.map(|text| {
            let text = String::from_utf8(text).map_err(|_| wrong("it is not written in UTF-8".to_string()))?;
            Script::new(&text).map_err(wrong)
        });
        Ok(Named { now: context.now(), script: script.transpose()?, commands: &context.loaded.config.filters.commands })
    }

    /// Puts what was given over a filter. Criteria take the place of all it had, and so do actions; a script that of both.
    pub fn over(&self, db: &mut Database, filter: &mut Filter, owner: Owner, named: &Named<'_>) -> Result<()> {
        self.settings.over(&mut filter.settings, named.now, db)?;
        if let Some(script) = &named.script {
            let folders = script.folder_names();
            only_ones_own(db, owner, !folders.is_empty(), None)?;
            for name in folders {
                folder::find(db, folder_owner(owner), &name)?;
            }
            filter.sieve = Some(script.clone());
            filter.criteria.clear();
            filter.actions.clear();
            (filter.settings.match_case, filter.settings.regex) = (false, false);
            return Ok(());
        }
        let (criteria, actions) = (self.criteria.criteria(), self.actions.actions(db, owner)?);
        if !criteria.is_empty() || !actions.is_empty() {
            filter.sieve = None;
        }
        if !criteria.is_empty() {
            filter.criteria = criteria;
        }
        if !actions.is_empty() {
            filter.actions = actions;
        }
        check(filter, owner)?;
        let files = filter.actions.iter().any(|action| matches!(action, Action::Folder(_) | Action::AssignTeam(_)));
        let gives = filter.actions.iter().find_map(|action| match action {
            Action::AssignUser(user) => Some(*user),
            _ => None,
        });
        only_ones_own(db, owner, files, gives)?;
        for name in &self.actions.run {
            if !named.commands.contains_key(name) {
                let known: Vec<&str> = named.commands.keys().map(String::as_str).collect();
                let there = if known.is_empty() { "none".to_string() } else { known.join(", ") };
                let what = format!("the configuration has no command {name:?}; there is {there}");
                return Err(Fault::new(Class::Data, what).hint("see [filters.commands] in espomail.toml(5)").into());
            }
        }
        Ok(())
    }
}

impl CriteriaArguments {
    fn criteria(&self) -> Vec<Criterion> {
        let mut criteria = Vec::new();
        criteria.extend(self.from.clone().map(Criterion::From));
        criteria.extend(self.to.clone().map(Criterion::To));
        criteria.extend(self.cc.clone().map(Criterion::Cc));
        criteria.extend(self.subject.clone().map(Criterion::Subject));
        criteria.extend((!self.body.is_empty()).then(|| Criterion::Body(self.body.clone())));
        criteria.extend((!self.body_all.is_empty()).then(|| Criterion::BodyAll(self.body_all.clone())));
        criteria.extend(self.headers.iter().map(|(name, value)| Criterion::Header { name: name.clone(), value: value.clone() }));
        criteria.extend(self.list_id.clone().map(Criterion::ListId));
        criteria.extend(self.has_attachment.map(Criterion::HasAttachment));
        criteria.extend(self.larger.map(Criterion::Larger));
        criteria.extend(self.smaller.map(Criterion::Smaller));
        criteria.extend(self.automatic.map(Criterion::Automatic));
        criteria
    }
}

impl ActionArguments {
    fn actions(&self, db: &mut Database, owner: Owner) -> Result<Vec<Action>> {
        let mut actions = Vec::new();
        let mut on = |given: bool, action: Action| actions.extend(given.then_some(action));
        on(self.skip, Action::Skip);
        on(self.no_case, Action::NoCase);
        on(self.no_reply, Action::NoReply);
        on(self.mark_read, Action::MarkRead);
        on(self.hold, Action::Hold);
        on(self.skip_notification, Action::SkipNotification);
        actions.extend(self.run.iter().cloned().map(Action::Run));
        actions.extend(self.server_seen.then_some(Action::ServerSeen));
        actions.extend(self.server_move.clone().map(Action::ServerMove));
        actions.extend(self.priority.map(Action::Priority));
        actions.extend(self.status.map(Action::Status));
        if let Some(name) = &self.folder {
            actions.push(Action::Folder(folder::find(db, folder_owner(owner), name)?.id));
        }
        if let Some(login) = &self.assign {
            actions.push(Action::AssignUser(user::find(db, login)?));
        }
        if let Some(name) = &self.assign_team {
            actions.push(Action::AssignTeam(team::find(db, name)?));
        }
        Ok(actions)
    }
}

const fn folder_owner(owner: Owner) -> Option<crate::words::UserId> {
    match owner {
        Owner::User(user) => Some(user),
        Owner::Global | Owner::Account(_) => None,
    }
}

/// FILTER-4: a filter of a personal account files and gives away nothing that others have as well: its mail is what its owner, or a server
/// of theirs, wants it to be.
fn only_ones_own(db: &mut Database, owner: Owner, files: bool, gives: Option<UserId>) -> Result<()> {
    let Owner::Account(account) = owner else { return Ok(()) };
    let Some(person) = account::find(db, &account.to_string())?.owner else { return Ok(()) };
    if files || gives.is_some_and(|user| user != person) {
        return Err(Fault::new(
            Class::Usage,
            "a personal account's filter puts mail into no group folder and gives it to nobody else",
        )
        .hint("for one's own folders: espomail filter add NAME --user LOGIN --folder FOLDER …")
        .into());
    }
    Ok(())
}

/// FILTER-4, FILTER-5: refuses what the scope cannot do, and patterns that cannot be read.
fn check(filter: &Filter, owner: Owner) -> Result<()> {
    let wrong = |what: String| Err(Fault::new(Class::Usage, what).into());
    if filter.sieve.is_some() {
        return match filter.settings.match_case || filter.settings.regex {
            true => wrong("--match-case and --regex are not for a Sieve script, which says so itself".to_string()),
            false => Ok(()),
        };
    }
    if filter.criteria.is_empty() {
        return wrong("a filter without criteria never matches: give one, such as --from".to_string());
    }
    if filter.actions.is_empty() {
        return wrong("say what it does, such as --skip; see espomail-filters(7)".to_string());
    }
    for action in &filter.actions {
        if matches!(owner, Owner::User(_)) && !action.is_users() {
            return wrong("a user's filter can --skip, put into a --folder, --mark-read and --skip-notification".to_string());
        }
        if !matches!(owner, Owner::User(_)) && *action == Action::SkipNotification {
            return wrong("--skip-notification is for a user's filter".to_string());
        }
    }
    let is_on_server = |action: &Action| matches!(action, Action::ServerMove(_) | Action::ServerSeen);
    if filter.actions.contains(&Action::Skip) && filter.actions.iter().any(is_on_server) {
        return wrong(
            "what is skipped is left alone on the server: --skip goes without --server-move and --server-seen".to_string(),
        );
    }
    let phrases = filter.criteria.iter().filter(|one| matches!(one, Criterion::Body(_) | Criterion::BodyAll(_)));
    if phrases.flat_map(Criterion::patterns).any(|phrase| phrase.trim().is_empty()) {
        return wrong("an empty phrase stands in every text: say what it is to have".to_string());
    }
    for pattern in filter.criteria.iter().flat_map(Criterion::patterns).filter(|_| filter.settings.regex) {
        match compile(pattern, filter.settings.match_case) {
            Ok(regex) if regex.is_match("") => return wrong(format!("{pattern:?} is like every text, an empty one as well")),
            Ok(_) => {}
            Err(error) => {
                let line = error.lines().last().unwrap_or_default().trim().to_string();
                return wrong(format!("{pattern:?} is no regular expression: {line}"));
            }
        }
    }
    Ok(())
}

/// Says what an action does, with names for numbers.
pub fn action_text(names: &Names, action: &Action, owner: Owner) -> String {
    let is_users = matches!(owner, Owner::User(_));
    match action {
        Action::Skip if is_users => "put it into the trash".to_string(),
        Action::Skip => "skip it".to_string(),
        Action::Folder(id) => {
            format!("put it into folder {}", names.folders.get(id).map_or("that was removed", String::as_str))
        }
        Action::AssignUser(id) => format!("give it to {}", names.users.get(id).cloned().unwrap_or_default()),
        Action::AssignTeam(id) => format!("give it to team {}", names.teams.get(id).cloned().unwrap_or_default()),
        Action::Priority(priority) => format!("case priority {priority}"),
        Action::Status(status) => format!("case status {status}"),
        Action::NoCase => "no case".to_string(),
        Action::NoReply => "no automatic answer".to_string(),
        Action::MarkRead => "mark it as read".to_string(),
        Action::Hold => "hold it for review".to_string(),
        Action::SkipNotification => "tell nobody".to_string(),
        Action::Run(name) => format!("run {name}"),
        Action::ServerMove(mailbox) => format!("move it to mailbox {mailbox} of its server"),
        Action::ServerSeen => "mark it as seen on its server".to_string(),
    }
}
