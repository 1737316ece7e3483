//! Moving everything to another database, table by table and piece by piece, and comparing it. The order is what makes it safe: the new
//! database is made ready, the old one is closed, everything is copied and compared, the old one is marked as moved away, the new one opens.

use anyhow::Result;

use super::{Stop, restored};
use crate::decide::access::Permit;
use crate::fault::{Class, Fault};
use crate::store::closed::{self, AWAY, HERE, Mark};
use crate::store::generation::Beside;
use crate::store::transfer::{self, Side, Sum, Table, Target};
use crate::store::{Store, backup, farewell};

/// What a move is done with.
pub struct Setting<'a> {
    pub from: &'a Beside,
    pub to: &'a Beside,
    /// Both as people may see them, without passwords.
    pub from_shown: &'a str,
    pub to_shown: &'a str,
    pub is_dead: &'a dyn Fn(&str) -> bool,
    pub permit: &'a Permit<'a>,
    pub now: i64,
    pub stop: &'a Stop,
    /// Hears of what is done, for whoever waits.
    pub progress: &'a dyn Fn(&str),
}

/// One table, and how many of its rows are there.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Moved {
    pub table: String,
    pub rows: u64,
    /// Of those the ones that an earlier run had brought.
    pub were_there: u64,
    /// The sum of the digests of its rows; none where nothing was compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// What is in the old database, and what of it is in the new one.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub tables: Vec<Moved>,
    /// Everything is there and was compared; else it was told to stop.
    pub is_done: bool,
}

impl Report {
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|one| one.rows).sum()
    }

    pub fn were_there(&self) -> u64 {
        self.tables.iter().map(|one| one.were_there).sum()
    }
}

/// What has been found before anything is done.
enum Begin {
    /// The old one takes changes.
    Anew,
    /// The old one is closed.
    GoOn(Mark),
}

/// Counts what there is to move, and what of it is there, and changes nothing.
pub fn rehearse(setting: &Setting<'_>) -> Result<Report> {
    let mut from = Side::open(&setting.from.url)?;
    let mut to = target(&setting.to.url)?;
    let begin = begin(setting, &mut from, to.as_mut())?;
    let goes_on = matches!(begin, Begin::GoOn(_));
    let mut tables = Vec::new();
    for table in from.tables()? {
        let come = to.as_mut().filter(|_| goes_on).map(|to| to.come(&table)).transpose()?.unwrap_or_default();
        tables.push(Moved { rows: from.count(&table)?, were_there: come.rows, table: table.name, digest: None });
    }
    Ok(Report { tables, is_done: false })
}

/// Moves everything, or goes on with it.
pub fn run(setting: &Setting<'_>) -> Result<Report> {
    let mut from = Side::open(&setting.from.url)?;
    let mut to = target(&setting.to.url)?;
    let begin = begin(setting, &mut from, to.as_mut())?;
    let mark = match begin {
        Begin::GoOn(mark) => mark,
        Begin::Anew => {
            // SEND-12: what was put back from a copy is not to look like new.
            if let Some(noticed) = restored::notice(&mut from.store, setting.from, None, setting.now)? {
                return Err(noticed);
            }
            farewell::carry_out(&mut from.store, &setting.from.url)?;
            to = Some(ready(setting, to)?);
            let id = transfer::new_id()?;
            let of = |other: &str| Mark { id: id.clone(), other: other.to_string(), is_done: false };
            to.as_mut().map_or(Ok(()), |to| to.begin(&of(setting.from_shown)))?;
            let mark = of(setting.to_shown);
            transfer::depart(&mut from, &mark, setting.is_dead, setting.now)?;
            mark
        }
    };
    let Some(mut to) = to else { return Err(gone(setting)) };
    let tables = from.tables()?;
    anyhow::ensure!(tables == to.tables()?, "the two databases do not have the same tables");
    let Some(moved) = copy(setting, &mut from, &mut to, &tables)? else { return partly(&mut to, &tables) };
    // What is marked as done was compared before, and nobody could change it since.
    let moved = if mark.is_done { Some(moved) } else { compare(setting, &mut from, &mut to, &tables, moved)? };
    let Some(moved) = moved else { return partly(&mut to, &tables) };
    let moved = tables.iter().zip(moved).map(|(table, (sum, were_there))| Moved {
        table: table.name.clone(),
        rows: sum.rows,
        were_there,
        digest: Some(sum.digest()),
    });
    let moved = moved.collect();
    transfer::arrive(&mut to)?;
    transfer::finish(&mut from, &mut to, setting.to, &mark, setting.permit, setting.now)?;
    Ok(Report { tables: moved, is_done: true })
}

/// Opens what is at the place where everything goes; none where there is no file yet.
fn target(url: &str) -> Result<Option<Side>> {
    let is_missing = backup::path_of(url)?.is_some_and(|path| !path.exists());
    if is_missing { Ok(None) } else { Side::new(Store::connect(url)?, url).map(Some) }
}

/// Makes the tables.
fn ready(setting: &Setting<'_>, to: Option<Side>) -> Result<Side> {
    let url = &setting.to.url;
    drop(to);
    let mut store = Store::create(url)?;
    store.migrate()?;
    Side::new(store, url)
}

/// Looks whether it may begin or go on.
fn begin(setting: &Setting<'_>, from: &mut Side, to: Option<&mut Side>) -> Result<Begin> {
    let refused = |what: String, hint: &str| Err(Fault::new(Class::Config, what).hint(hint).into());
    if closed::mark(from.store.connection(), HERE)?.is_some() {
        closed::check(from.store.connection())?;
    }
    let away = closed::mark(from.store.connection(), AWAY)?;
    let target = to.map_or(Ok(Target::Empty), Side::look)?;
    let shown = setting.to_shown;
    match (away, target) {
        (Some(away), Target::Begun(here)) if away.id == here.id => Ok(Begin::GoOn(away)),
        (Some(away), _) if away.is_done => closed::check(from.store.connection()).map(|()| Begin::GoOn(away)),
        (Some(away), _) => refused(
            format!("the database is being moved to {}, and {shown} has not what has come", away.other),
            "go on with that one, or take the move back: espomail db move --abandon",
        ),
        (None, Target::Empty | Target::Fresh) => Ok(Begin::Anew),
        // What came there is of a move that was taken back, or never began: it goes.
        (None, Target::Begun(here)) if here.other == setting.from_shown => Ok(Begin::Anew),
        (None, _) => refused(format!("{shown} has something in it"), "name an empty database; nothing was changed"),
    }
}

fn gone(setting: &Setting<'_>) -> anyhow::Error {
    Fault::new(Class::Config, format!("there is nothing at {} any more", setting.to_shown)).into()
}

/// What has come when it was told to stop.
fn partly(to: &mut Side, tables: &[Table]) -> Result<Report> {
    let moved = |table: &Table| {
        let come = to.come(table)?;
        Ok(Moved { table: table.name.clone(), rows: come.rows, were_there: 0, digest: None })
    };
    Ok(Report { tables: tables.iter().map(moved).collect::<Result<_>>()?, is_done: false })
}

/// Copies all tables; none when it was told to stop.
fn copy(setting: &Setting<'_>, from: &mut Side, to: &mut Side, tables: &[Table]) -> Result<Option<Vec<(Sum, u64)>>> {
    let mut moved = Vec::new();
    for table in tables {
        let there = to.come(table)?;
        let mut sum = there;
        loop {
            if setting.stop.requested() {
                return Ok(None);
            }
            match to.take_some(from, table)? {
                Some(new) => sum = new,
                None => break,
            }
            (setting.progress)(&format!("{}: {} rows …", table.name, sum.rows));
        }
        moved.push((sum, there.rows));
    }
    Ok(Some(moved))
}

/// Reads all that has come, and compares it with what was read and with how many rows there are; none when it was told to stop.
fn compare(
    setting: &Setting<'_>,
    from: &mut Side,
    to: &mut Side,
    tables: &[Table],
    moved: Vec<(Sum, u64)>,
) -> Result<Option<Vec<(Sum, u64)>>> {
    for (table, (read, _)) in tables.iter().zip(&moved) {
        (setting.progress)(&format!("{}: comparing …", table.name));
        let Some(come) = to.sum(table, &|| !setting.stop.requested())? else { return Ok(None) };
        let there = from.count(table)?;
        if come != *read || there != come.rows {
            let what =
                format!("the table {}: {there} rows there, {} read, {} here, and they differ", table.name, read.rows, come.rows);
            let hint = "nothing was lost: take the move back with espomail db move --abandon, and report this line";
            return Err(Fault::new(Class::Software, what).hint(hint).into());
        }
    }
    Ok(Some(moved))
}
