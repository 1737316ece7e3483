//! How records are found.

use std::collections::HashMap;

use anyhow::Result;
use diesel::prelude::*;

use crate::fault::{Class, Fault};
use crate::store::Database;
use crate::store::named::RecordName;
use crate::store::noun::gathered;
use crate::store::schema::{record_teams, records, teams};
use crate::words::{RecordId, RecordKind};

/// Refuses a record that is of none of these kinds.
pub fn of_kind(named: RecordName, kinds: &[RecordKind]) -> Result<()> {
    if kinds.is_empty() || kinds.contains(&named.kind) {
        return Ok(());
    }
    let kinds = kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    Err(Fault::new(Class::Data, format!("{named} is no {kinds}")).into())
}

/// Finds a record by its name, which must be of one of these kinds; of any when none is given.
pub fn find(db: &mut Database, named: RecordName, kinds: &[RecordKind]) -> Result<RecordId> {
    of_kind(named, kinds)?;
    let id = records::table
        .filter(records::kind.eq(named.kind))
        .filter(records::number.eq(named.number))
        .select(records::id)
        .first(db)
        .optional()?;
    id.ok_or_else(|| missing(named))
}

/// Makes the error for a record that is not there, or not for the one who asks.
pub fn missing(named: RecordName) -> anyhow::Error {
    let hint = match named.kind {
        RecordKind::Case => "try: espomail case list".to_string(),
        kind => format!("try: espomail record list {kind}"),
    };
    Fault::new(Class::Data, format!("there is no {named}")).hint(hint).into()
}

/// Returns the names of the teams of records.
pub(in crate::store) fn teams_of(db: &mut Database, ids: &[RecordId]) -> Result<HashMap<RecordId, Vec<String>>> {
    let rows = record_teams::table
        .inner_join(teams::table.on(teams::id.eq(record_teams::team_id)))
        .filter(record_teams::record_id.eq_any(ids))
        .order(teams::name)
        .select((record_teams::record_id, teams::name))
        .load::<(RecordId, String)>(db)?;
    Ok(gathered(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_named_kind_and_number() {
        let named: RecordName = "contact:7".parse().expect("it is one");
        assert_eq!((named.kind, named.number, named.to_string().as_str()), (RecordKind::Contact, 7, "contact:7"));
        for wrong in ["contact", "contact:x", "thing:7", ""] {
            assert!(wrong.parse::<RecordName>().is_err(), "{wrong}");
        }
    }
}
