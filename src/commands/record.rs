//! `espomail record`.

use anyhow::Result;
use clap::{ArgAction, Subcommand};

use super::argument::{self, Clearable};
use super::rehearsal::Rehearsal;
use super::show::{lines, or_empty, yes};
use super::{follow, right};
use crate::clock::rfc3339;
use crate::context::Context;
use crate::decide::access::{Actor, Relation, act, sight};
use crate::fault::{Class, Fault};
use crate::store::record::{self, RecordChanges, RecordFilter, RecordName};
use crate::store::{Database, team, user};
use crate::words::{RecordKind, RoleAction};

/// Manage Accounts, Contacts, Leads and Opportunities
#[derive(Debug, clap::Args)]
pub struct Record {
    #[command(subcommand)]
    command: RecordCommand,
}

#[derive(Debug, Subcommand)]
enum RecordCommand {
    /// Add a record
    Add {
        /// account, contact, lead or opportunity
        kind: RecordKind,
        /// Name
        name: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// List records, the newest first
    List {
        /// Only this kind
        kind: Option<RecordKind>,
        /// Only those with this e-mail address
        #[arg(long, value_parser = argument::one_address)]
        address: Option<String>,
        /// Only those with this in their name
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        #[command(flatten)]
        part: argument::Part,
    },
    /// Show a record
    Show {
        /// Kind and number, such as contact:7
        record: RecordName,
    },
    /// Change a record; what is not given stays
    Set {
        /// Kind and number, such as contact:7
        record: RecordName,
        /// Name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        fields: Fields,
    },
    /// Remove a record; its e-mails and cases stay
    Remove {
        /// Kind and number, such as contact:7
        record: RecordName,
    },
    /// Follow a record, to be told of what happens to it
    Follow(Follow),
    /// Follow a record no longer
    Unfollow(Follow),
}

#[derive(Debug, clap::Args)]
struct Follow {
    /// Kind and number, such as contact:7
    record: RecordName,
    /// Another user; for administrators
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

#[derive(Debug, clap::Args)]
struct Fields {
    /// E-mail address, in place of those there are; may be given several times, an empty one clears them
    #[arg(long = "address", value_name = "ADDRESS", value_parser = argument::address)]
    addresses: Vec<String>,
    /// Account it belongs to, such as account:3; an empty name forgets it
    #[arg(long, value_name = "RECORD")]
    account: Option<Clearable<RecordName>>,
    /// Account that a lead was converted into; an empty name forgets it
    #[arg(long, value_name = "RECORD")]
    converted_account: Option<Clearable<RecordName>>,
    /// Contact that a lead was converted into; an empty name forgets it
    #[arg(long, value_name = "RECORD")]
    converted_contact: Option<Clearable<RecordName>>,
    /// User it is assigned to; an empty name forgets it
    #[arg(long, value_name = "USER")]
    assigned_user: Option<String>,
    /// Team, in place of those there are; may be given several times, an empty one clears them
    #[arg(long = "team", value_name = "TEAM")]
    teams: Vec<String>,
    /// Whether it is active; inactive records get no mail
    #[arg(long, action = ArgAction::Set, value_name = "BOOL")]
    active: Option<bool>,
}

impl Fields {
    fn changes(&self, db: &mut Database, actor: &Actor, name: Option<String>) -> Result<RecordChanges> {
        let mut of = |named: Option<Clearable<RecordName>>, kind| match named {
            None => Ok(None),
            Some(Clearable(None)) => Ok(Some(None)),
            Some(Clearable(Some(named))) => {
                record::of_kind(named, &[kind])?;
                right::record(db, actor, named, RoleAction::Read).map(|(id, _)| Some(Some(id)))
            }
        };
        let account = of(self.account, RecordKind::Account)?;
        let converted_account = of(self.converted_account, RecordKind::Account)?;
        let converted_contact = of(self.converted_contact, RecordKind::Contact)?;
        let teams = argument::list(&self.teams);
        let teams = teams.map(|names| names.iter().map(|name| team::find(db, name)).collect()).transpose()?;
        let mut user = |login: &str| if login.is_empty() { Ok(None) } else { user::find(db, login).map(Some) };
        Ok(RecordChanges {
            name,
            active: self.active,
            addresses: argument::list(&self.addresses),
            account,
            converted_account,
            converted_contact,
            assigned_user: self.assigned_user.as_deref().map(&mut user).transpose()?,
            teams,
        })
    }
}

impl Record {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        let (out, actor, now) = (&context.out, context.actor(), context.now());
        match self.command {
            RecordCommand::Add { kind: RecordKind::Case, .. } => {
                return Err(Fault::new(Class::Usage, "cases are made with: espomail case create").into());
            }
            RecordCommand::Add { kind, name, fields } => {
                let record = store.transaction(|db| {
                    // What one makes is one's own.
                    let own = Relation { own: true, team: false };
                    let permit = act(&actor, kind.scope(), RoleAction::Edit, own)
                        .map_err(|_| context.refused(&format!("your roles do not let you add a record of the kind {kind}")))?;
                    let changes = fields.changes(db, &actor, None)?;
                    let named = record::add(db, &permit, (kind, &name), &changes, now)?;
                    let id = record::find(db, named, &[])?;
                    record::show(db, id)
                })?;
                out.made(&record, &format!("{} added: {name}.", record.named));
            }
            RecordCommand::List { kind, address, name, part } => {
                let all = RecordKind::ALL.iter().copied().filter(|kind| *kind != RecordKind::Case);
                let kinds = kind.map_or_else(|| all.collect(), |kind| vec![kind]);
                let kinds = kinds.into_iter().map(|kind| (kind, sight(&actor, kind.scope()))).collect();
                let (limit, offset) = (part.limit(out), part.offset);
                let filter = RecordFilter { kinds, address, name_part: name, limit, offset };
                let records = record::list(store.connection(), &filter)?;
                out.list(&records, &["record", "name", "account", "active", "addresses"], |record| {
                    let account = or_empty(record.account.as_ref());
                    vec![record.named.to_string(), record.name.clone(), account, yes(record.active), record.addresses.join(", ")]
                });
                part.tell_rest(out, records.len(), || record::count(store.connection(), &filter))?;
            }
            RecordCommand::Show { record: named } => {
                let (id, _) = right::record(store.connection(), &actor, named, RoleAction::Read)?;
                let record = record::show(store.connection(), id)?;
                out.item(&record, || {
                    lines(&[
                        ("record", record.named.to_string()),
                        ("name", record.name.clone()),
                        ("active", yes(record.active)),
                        ("addresses", record.addresses.join(", ")),
                        ("account", or_empty(record.account.as_ref())),
                        ("converted account", or_empty(record.converted_account.as_ref())),
                        ("converted contact", or_empty(record.converted_contact.as_ref())),
                        ("assigned user", or_empty(record.assigned_user.as_ref())),
                        ("teams", record.teams.join(", ")),
                        ("created", rfc3339(record.created_at)),
                    ])
                });
            }
            RecordCommand::Set { record: named, name, fields } => {
                not_a_case(named, "set")?;
                store.transaction(|db| {
                    let (id, permit) = right::record(db, &actor, named, RoleAction::Edit)?;
                    let changes = fields.changes(db, &actor, name.clone())?;
                    record::set(db, &permit, id, &changes, now)
                })?;
                out.say(&format!("{named} changed."));
            }
            RecordCommand::Remove { record: named } => {
                not_a_case(named, "close")?;
                store.transaction(|db| {
                    let (id, permit) = right::record(db, &actor, named, RoleAction::Delete)?;
                    record::remove(db, &permit, id, now)
                })?;
                out.say(&format!("{named} removed. Its e-mails and cases stay."));
            }
            RecordCommand::Follow(Follow { record, user, rehearsal }) => {
                follow::run(context, &mut store, rehearsal, record, user.as_deref(), true)?;
            }
            RecordCommand::Unfollow(Follow { record, user, rehearsal }) => {
                follow::run(context, &mut store, rehearsal, record, user.as_deref(), false)?;
            }
        }
        Ok(())
    }
}

/// A case has a life of its own: what is done to it is told in its stream.
fn not_a_case(named: RecordName, verb: &str) -> Result<()> {
    if named.kind == RecordKind::Case {
        let hint = format!("try: espomail case {verb} {}", named.number);
        return Err(Fault::new(Class::Usage, format!("{named} is a case")).hint(hint).into());
    }
    Ok(())
}
