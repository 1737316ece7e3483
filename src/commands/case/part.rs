//! Who may write into a case.

use anyhow::Result;

use crate::decide::access::Actor;
use crate::output::shown_line;
use crate::store::case::{self, Part, Why};
use crate::store::{Database, relation};
use crate::words::RecordId;

/// How many a line names.
const NAMED: usize = 20;

/// Returns who from outside takes part in a case; of a Contact that the one who asks may not read there is the name alone (ACCESS-2).
pub fn taking_part(db: &mut Database, actor: &Actor, id: RecordId) -> Result<Vec<Part>> {
    let reader = actor.user.filter(|_| !actor.administrator);
    let mut all = case::taking_part(db, id, reader)?;
    let readable = relation::readable(db, actor, all.iter().filter_map(|one| one.record))?;
    for one in &mut all {
        one.address = one.address.take().filter(|_| one.record.is_none_or(|record| readable.contains(&record)));
    }
    all.dedup();
    Ok(all)
}

/// Says it in one line.
pub fn told(all: &[Part]) -> String {
    let one = |part: &Part| {
        let email = part.email.map(|email| email.to_string()).unwrap_or_default();
        let record = part.record.map(|record| record.to_string()).unwrap_or_default();
        let why = match part.why {
            Why::Opened => "opened it".to_string(),
            Why::Wrote => format!("wrote e-mail {email}"),
            Why::WrittenTo => format!("was sent e-mail {email}"),
            Why::Contact => record.clone(),
            Why::Account => return format!("everybody of {record}"),
        };
        part.address.as_ref().map_or(record, |address| format!("{} ({why})", shown_line(address)))
    };
    let more = all.len().saturating_sub(NAMED);
    let named = all.iter().take(NAMED).map(one).collect::<Vec<_>>().join(", ");
    if more == 0 { named } else { format!("{named} and {more} more: -o json") }
}
