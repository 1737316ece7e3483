//! `record list`.

use anyhow::Result;
use clap::ArgAction;

use super::fields::Fields;
use crate::commands::show::{or_empty, yes};
use crate::commands::{argument, right};
use crate::context::Context;
use crate::decide::access::sight;
use crate::decide::fields::digits;
use crate::fault::Fault;
use crate::store::record::{self, RecordFilter, RecordName, Wanted};
use crate::store::{Store, team, user};
use crate::words::{RecordKind, RoleAction};

#[derive(Debug, clap::Args)]
pub struct List {
    /// Only this kind
    kind: Option<RecordKind>,
    /// Only those with this e-mail address
    #[arg(long, value_parser = argument::one_address)]
    address: Option<String>,
    /// Only those whose phone number has these digits
    #[arg(long, value_name = "NUMBER", value_parser = some_digits)]
    phone: Option<String>,
    /// Only those with this in their name
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Only those with this in their name, description, addresses, phone numbers or fields
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only those of this account, such as account:3, or about this contact
    #[arg(long, value_name = "RECORD", visible_alias = "account", visible_alias = "contact")]
    of: Option<RecordName>,
    /// Only those assigned to this user
    #[arg(long, value_name = "USER")]
    assigned_user: Option<String>,
    /// Only those that nobody has
    #[arg(long, conflicts_with = "assigned_user")]
    unassigned: bool,
    /// Only those of this team
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// Only those that are active, or that are not
    #[arg(long, action = ArgAction::Set, value_name = "BOOL")]
    active: Option<bool>,
    #[command(flatten)]
    fields: Fields,
    #[command(flatten)]
    part: argument::Part,
}

/// Reads a part of a phone number.
fn some_digits(text: &str) -> Result<String, String> {
    if digits(text).is_empty() { Err(format!("{text:?} has no digits to look for")) } else { Ok(text.to_string()) }
}

impl List {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        argument::within_limit([self.phone.as_ref(), self.name.as_ref(), self.search.as_ref()])?;
        let (out, actor, db) = (&context.out, context.actor(), store.connection());
        let filter = RecordFilter {
            kinds: self.kinds(context)?,
            address: self.address,
            phone: self.phone,
            name_part: self.name,
            search: self.search,
            of: self.of.map(|of| right::record(db, &actor, of, RoleAction::Read).map(|(id, _)| id)).transpose()?,
            assigned_user: self.assigned_user.map(|login| user::find(db, &login)).transpose()?,
            unassigned: self.unassigned,
            team: self.team.map(|name| team::find(db, &name)).transpose()?,
            active: self.active,
            limit: self.part.limit(out),
            offset: self.part.offset,
        };
        let records = record::list(db, &filter)?;
        self.kind.iter().for_each(|kind| right::tell_if_blind(context, kind.scope(), records.len()));
        out.list(&records, &["record", "name", "account", "active", "addresses"], |record| {
            let account = or_empty(record.account.as_ref());
            vec![record.named.to_string(), record.name.clone(), account, yes(record.active), record.addresses.join(", ")]
        });
        self.part.tell_rest(out, records.len(), |most| record::count(db, &filter, most))
    }

    /// The kinds to list: those that have the fields that are asked for.
    fn kinds(&self, context: &Context) -> Result<Vec<Wanted>> {
        let (actor, known, given) = (context.actor(), context.switches().fields, self.fields.given());
        let mut wrong: Option<Fault> = None;
        let mut kinds = Vec::new();
        let all = RecordKind::ALL.iter().copied().filter(|kind| self.kind.map_or(*kind != RecordKind::Case, |one| one == *kind));
        for kind in all {
            let values = given.iter().map(|(name, value)| Ok((name.clone(), known.read(kind, name, value)?)));
            match values.collect::<Result<Vec<_>, Fault>>() {
                Ok(values) => kinds.push(Wanted { kind, sight: sight(&actor, kind.scope()), values }),
                Err(fault) => wrong = wrong.or(Some(fault)),
            }
        }
        match wrong.filter(|_| kinds.is_empty()) {
            Some(fault) => Err(fault.into()),
            None => Ok(kinds),
        }
    }
}
