//! `case list`, `case show` and `case next`.

use anyhow::Result;

use super::part::{self, taking_part};
use crate::clock::rfc3339;
use crate::commands::record::fields::pair;
use crate::commands::show::{lines, listed, or_empty, told};
use crate::commands::{argument, hearsay, right, stream};
use crate::context::Context;
use crate::decide::access::{Sight, sight};
use crate::decide::fields::Fields;
use crate::decide::reason::Reason;
use crate::decide::{self, NextCase};
use crate::fault::{Class, Fault};
use crate::mail::address_key;
use crate::output::shown;
use crate::store::case::{self, CaseFilter, Entry, Part};
use crate::store::record::RecordName;
use crate::store::{Store, account, facts, team, user};
use crate::words::{CaseStatus, Priority, RecordKind, RoleAction, RoleScope, UserId};

#[derive(Debug, clap::Args)]
pub struct List {
    /// Only those with this status
    #[arg(long)]
    status: Option<CaseStatus>,
    /// Only those that are not closed, rejected or duplicate, which is the default
    #[arg(long, conflicts_with_all = ["status", "all"])]
    open: bool,
    /// Also those that are closed, rejected or duplicate
    #[arg(long)]
    all: bool,
    /// Only those assigned to this user
    #[arg(long, value_name = "USER", visible_alias = "assigned-user")]
    assigned: Option<String>,
    /// Only those that nobody has
    #[arg(long, conflicts_with = "assigned")]
    unassigned: bool,
    /// Only those of this team
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// Only those that came through this e-mail account
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Only those with this priority
    #[arg(long)]
    priority: Option<Priority>,
    /// Only those of this account, such as account:3, or about this contact
    #[arg(long, value_name = "RECORD", visible_alias = "contact")]
    of: Option<RecordName>,
    /// Only those of this type
    #[arg(long = "type", value_name = "TYPE")]
    of_type: Option<String>,
    /// Only those of which a field has this value; may be given several times
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = pair)]
    fields: Vec<(String, String)>,
    /// Only those in which this address wrote an e-mail; may be given several times
    #[arg(long, value_name = "ADDRESS", value_parser = argument::one_address)]
    from: Vec<String>,
    /// Only those with this in their name, description or fields
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    #[command(flatten)]
    part: argument::Part,
}

impl List {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        argument::within_limit([self.search.as_ref()])?;
        let (db, actor, known) = (store.connection(), context.actor(), context.switches().fields);
        let fields = self.of_type.map(|value| ("type".to_string(), value)).into_iter().chain(self.fields);
        let values = fields.map(|(name, value)| known.read(RecordKind::Case, &name, &value).map(|value| (name, value)));
        let values = values.collect::<Result<Vec<_>, Fault>>()?;
        let filter = CaseFilter {
            sight: sight(&actor, RoleScope::Case),
            status: self.status,
            all: self.all,
            assigned_user: self.assigned.map(|login| user::find(db, &login)).transpose()?,
            unassigned: self.unassigned,
            team: self.team.map(|name| team::find(db, &name)).transpose()?,
            through: self.account.map(|name| right::through(db, context.actor_ref(), &name)).transpose()?,
            priority: self.priority,
            search: self.search,
            values,
            from: self.from.iter().map(|address| address_key(address)).collect(),
            of: self.of.map(|of| right::record(db, &actor, of, RoleAction::Read).map(|(id, _)| id)).transpose()?,
            limit: self.part.limit(&context.out),
            offset: self.part.offset,
        };
        let cases = case::list(db, &filter)?;
        context.out.list(&cases, &["case", "~priority", "status", "assigned", "~from", "~created", "name"], |case| {
            let dash = || "-".to_string();
            let record = case.contact.or(case.lead).or(case.account);
            let from = record.map(|record| record.to_string()).or_else(|| case.from.clone());
            vec![
                case.number.to_string(),
                case.priority.map_or_else(dash, |priority| priority.to_string()),
                case.status.to_string(),
                case.assigned_user.clone().unwrap_or_else(dash),
                from.unwrap_or_else(dash),
                rfc3339(case.created_at),
                case.name.clone(),
            ]
        });
        right::tell_if_blind(context, RoleScope::Case, cases.len());
        self.part.tell_rest(&context.out, cases.len(), |most| case::count(db, &filter, most))
    }
}

#[derive(Debug, clap::Args)]
pub struct Show {
    /// Number, or case:NUMBER
    case: String,
    /// Without description and stream
    #[arg(long)]
    short: bool,
}

/// A case with its stream, as JSON has it.
#[derive(serde::Serialize)]
struct Whole {
    #[serde(flatten)]
    case: case::Case,
    /// Who from outside may write into it (LINK-2).
    taking_part: Vec<Part>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<Vec<Entry>>,
}

impl Show {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let db = store.connection();
        let (id, _) = right::case(db, context.actor_ref(), &self.case, RoleAction::Read)?;
        // Who may read a case sees its e-mails in its stream.
        let mut stream = if self.short { None } else { Some(case::stream(db, id, &Sight::Everything)?) };
        hearsay::mask_stream(db, context.actor_ref(), stream.as_deref_mut().unwrap_or_default())?;
        let taking_part = taking_part(db, context.actor_ref(), id)?;
        let mut case = case::show(db, id)?;
        // What it refers to may be another desk's.
        hearsay::hide(db, context.actor_ref(), vec![&mut case.refers_to])?;
        let whole = Whole { case, taking_part, stream };
        context.out.item(&whole, || text(&whole, &context.switches().fields));
        Ok(())
    }
}

fn text(whole: &Whole, fields: &Fields) -> String {
    let case = &whole.case;
    let known = fields.of(RecordKind::Case);
    let mut pairs = vec![
        ("case", case.number.to_string()),
        ("name", case.name.clone()),
        ("status", case.status.to_string()),
        ("priority", or_empty(case.priority.as_ref())),
        ("assigned user", or_empty(case.assigned_user.as_ref())),
        ("account", or_empty(case.account.as_ref())),
        (if case.contacts.len() > 1 { "contacts" } else { "contact" }, listed(&case.contacts)),
        ("lead", or_empty(case.lead.as_ref())),
        ("came through", or_empty(case.through.as_ref())),
        ("teams", case.teams.join(", ")),
        ("followers", case.followers.join(", ")),
        ("takes part", part::told(&whole.taking_part)),
        ("merged into", or_empty(case.merged_into.as_ref())),
        ("refers to", or_empty(case.refers_to.as_ref())),
    ];
    pairs.extend(told(&known, &case.fields));
    pairs.push(("created", rfc3339(case.created_at)));
    pairs.push(("closed", case.closed_at.map(rfc3339).unwrap_or_default()));
    let mut text = lines(&pairs);
    let Some(entries) = &whole.stream else { return text };
    // The e-mail that opened the case says the same in the stream.
    let opened = entries.iter().any(|entry| entry.reply_text.is_some());
    if !opened && !case.description.trim().is_empty() {
        text.push_str(&format!("\n{}\n", shown(case.description.trim())));
    }
    text.push_str("\nStream\n");
    text.push_str(&stream::text(entries));
    text
}

#[derive(Debug, clap::Args)]
pub struct Next {
    /// E-mail account
    #[arg(long, value_name = "ACCOUNT")]
    account: String,
}

/// Who is next, as JSON has it.
#[derive(serde::Serialize)]
struct Said {
    account: String,
    user: Option<String>,
    #[serde(flatten)]
    because: Reason,
    candidates: Vec<Candidate>,
}

#[derive(serde::Serialize)]
struct Candidate {
    login: String,
    open_cases: i64,
    /// Orders the candidates by when they last got a case: the lower the longer ago, 0 for never.
    last_assignment: i64,
}

impl Next {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        if sight(&context.actor(), RoleScope::Case) == Sight::Nothing {
            return Err(Fault::new(Class::Refused, "your roles do not let you read cases").into());
        }
        let account = right::through(store.connection(), context.actor_ref(), &self.account)?;
        let account = account::find(store.connection(), &account.to_string())?;
        // Looks as a fetch would, and changes nothing: the turn stays.
        let facts = store.rehearse(|db| {
            let mut facts = facts::gather(db, account.id, &[], context.now())?;
            // Of interest whether the rule asks for it or not.
            facts::gather_load(db, &mut facts)?;
            Ok(facts)
        })?;
        let NextCase { user, because, candidates } = decide::next_turn(&facts);
        let logins: std::collections::HashMap<UserId, String> = user::logins(store.connection())?.into_iter().collect();
        let login = |user: UserId| logins.get(&user).cloned().unwrap_or_else(|| format!("user {user}"));
        let said = Said {
            account: account.name.clone(),
            user: user.map(login),
            because,
            candidates: candidates
                .into_iter()
                .map(|(user, load)| Candidate {
                    login: login(user),
                    open_cases: load.open_cases,
                    last_assignment: load.last_assignment,
                })
                .collect(),
        };
        context.out.item(&said, || {
            let mut text = lines(&[
                ("account", said.account.clone()),
                ("next", said.user.clone().unwrap_or_else(|| "nobody".to_string())),
                ("because", said.because.to_string()),
            ]);
            for one in &said.candidates {
                let noun = if one.open_cases == 1 { "case" } else { "cases" };
                text.push_str(&format!("  {}: {} open {noun}\n", one.login, one.open_cases));
            }
            text
        });
        Ok(())
    }
}
