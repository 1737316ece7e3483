//! What all nouns share: finding one by its name or number, and saying so when there is none.

use std::collections::HashMap;
use std::hash::Hash;

use anyhow::Result;

use super::{Database, IN_LIST, lock, next_number};
use crate::fault::{Class, Fault};

/// Makes the error for a thing that is not there, with the nearest name that is.
pub(super) fn not_found(noun: &str, wanted: &str, names: &[String]) -> anyhow::Error {
    let nearest = names.iter().max_by(|a, b| strsim::jaro_winkler(a, wanted).total_cmp(&strsim::jaro_winkler(b, wanted)));
    let hint = match nearest.filter(|name| strsim::jaro_winkler(name, wanted) > 0.7) {
        Some(name) => format!("did you mean {name}?"),
        None => format!("try: espomail {noun} list"),
    };
    Fault::new(Class::Data, format!("there is no {noun} {wanted:?}")).hint(hint).into()
}

/// Finds a thing by the name that it has in a column, else by its number; fails with the nearest name.
macro_rules! find {
    ($db:expr, $noun:literal, $table:ident.$name:ident, $wanted:expr) => {{
        let by_name = $table::table.filter($table::$name.eq($wanted)).select($table::id).first($db).optional()?;
        let by_number = match ($wanted.parse::<i64>(), by_name) {
            (Ok(id), None) => $table::table.filter($table::id.eq(id)).select($table::id).first($db).optional()?,
            (_, by_name) => by_name,
        };
        match by_number {
            Some(id) => Ok(id),
            None => Err(not_found($noun, $wanted, &$table::table.select($table::$name).load::<String>($db)?)),
        }
    }};
}
pub(super) use find;

/// Counts the rows of a query by a number that each has, no more than so many: what is behind them costs nothing.
macro_rules! counted {
    ($db:expr, $query:expr, $key:expr, $most:expr) => {
        anyhow::Ok(i64::try_from($query.select($key).limit($most).load::<i64>($db)?.len())?)
    };
}
pub(super) use counted;

/// How many things are few: those are found by their numbers. Of more a list is soon full, read in its own order.
pub(super) const FEW: i64 = 2_000;

/// Returns what was found where it is few; asked for is one more than that at the most.
pub(super) fn few<T>(found: Vec<T>) -> Option<Vec<T>> {
    is_few(&found).then_some(found)
}

pub(super) fn is_few<T>(found: &[T]) -> bool {
    i64::try_from(found.len()).is_ok_and(|found| found <= FEW)
}

/// Makes the error for a name that is taken.
pub(super) fn taken(noun: &str, name: &str) -> anyhow::Error {
    Fault::new(Class::CannotCreate, format!("there is already a {noun} {name:?}"))
        .hint(format!("try: espomail {noun} show {name}"))
        .into()
}

/// Fails where another thing has a name that somebody wants for one.
macro_rules! free {
    ($db:expr, $noun:literal, $table:ident.$name:ident, $wanted:expr $(, but $id:expr)?) => {
        let others = $table::table.filter($table::$name.eq($wanted))$(.filter($table::id.ne($id)))?;
        if others.count().get_result::<i64>($db)? > 0 {
            return Err(taken($noun, $wanted));
        }
    };
}
pub(super) use free;

/// The names of what a table links with some things, by thing: `linked!(db, team_roles.team_id: TeamId, role_id of roles.name, ids)`.
macro_rules! linked {
    ($db:expr, $link:ident.$of:ident: $key:ty, $by:ident of $other:ident.$name:ident, $ids:expr) => {
        gathered(
            $link::table
                .inner_join($other::table.on($other::id.eq($link::$by)))
                .filter($link::$of.eq_any($ids))
                .order($other::$name)
                .select(($link::$of, $other::$name))
                .load::<($key, String)>($db)?,
        )
    };
}
pub(super) use linked;

/// Takes the lock row and the next number of a kind.
pub(super) fn number(db: &mut Database, name: &str) -> Result<i64> {
    lock(db)?;
    next_number(db, name)
}

/// Puts together, in their order, what belongs to one thing each.
pub(super) fn gathered<K: Eq + Hash, V>(rows: Vec<(K, V)>) -> HashMap<K, Vec<V>> {
    let mut of: HashMap<K, Vec<V>> = HashMap::new();
    rows.into_iter().for_each(|(key, value)| of.entry(key).or_default().push(value));
    of
}

/// Reads things in as many queries as one for each [`IN_LIST`] of them takes.
pub(super) fn in_lists<K, T>(
    db: &mut Database,
    ids: &[K],
    mut load: impl FnMut(&mut Database, &[K]) -> Result<Vec<T>>,
) -> Result<Vec<T>> {
    let mut all = Vec::with_capacity(ids.len());
    for some in ids.chunks(IN_LIST) {
        all.extend(load(db, some)?);
    }
    Ok(all)
}

/// Leaves out what stands there twice.
pub(super) fn once<T: PartialEq>(all: Vec<T>) -> Vec<T> {
    let mut kept: Vec<T> = Vec::with_capacity(all.len());
    for one in all {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    kept
}
