//! What an error of a database means: whose fault it is, and what to do about it. Diesel keeps SQLSTATE and SQLite's extended code
//! to itself but for some kinds; the rest is told by its message, and what is not known is no message's fault and no bug of ours:
//! it is to be tried again (PostgreSQL may speak another language, `lc_messages`).

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};

use super::part;
use crate::fault::{self, Class, Fault};
use crate::plural::told_bytes;

/// Messages of SQLite and, in English, of PostgreSQL: a part of each, its class, and what to do.
const MESSAGES: [(&str, Class, &str); 29] = [
    // What triggers say of a database that is being moved, to those who had opened it before.
    (super::closed::SAID, Class::TempFail, "see: espomail db status"),
    // SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL, SQLITE_NOMEM, SQLITE_INTERRUPT.
    ("is locked", Class::TempFail, LATER),
    ("locking protocol", Class::TempFail, LATER),
    ("out of memory", Class::TempFail, LATER),
    ("interrupted", Class::TempFail, LATER),
    // SQLITE_FULL, SQLITE_IOERR, SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_CORRUPT, SQLITE_NOTADB.
    ("database or disk is full", Class::Io, "make room on its disk; nothing is lost meanwhile"),
    ("disk I/O error", Class::Io, "look at its disk: full, a limit reached, or failing"),
    ("attempt to write a readonly database", Class::Io, "look at who may write to it and to its folder"),
    ("unable to open database file", Class::Io, "look at who may write to its folder, and at its disk"),
    ("database disk image is malformed", Class::Io, "move it away, and restore a copy of it: espomail db restore FILE"),
    ("file is not a database", Class::Config, "name another file with --database or in the configuration"),
    // 40P01, 55P03, 57014.
    ("deadlock detected", Class::TempFail, LATER),
    ("due to lock timeout", Class::TempFail, LATER),
    ("could not obtain lock", Class::TempFail, LATER),
    ("due to statement timeout", Class::TempFail, "try later, and look at how busy the database is"),
    ("canceling statement", Class::TempFail, LATER),
    // 53100 and its kin: the disk of the server.
    ("No space left on device", Class::TempFail, "make room on its disk; nothing is lost meanwhile"),
    ("could not extend file", Class::TempFail, "make room on its disk; nothing is lost meanwhile"),
    ("could not write", Class::TempFail, "look at the disk of the server"),
    // 22P05: no message is at fault that another database would take.
    ("has no equivalent in encoding", Class::Config, "put the database into one of ENCODING 'UTF8'"),
    // 57P01 to 57P05, 53300, 08006, and what libpq says when nobody is there.
    ("terminating connection", Class::Unavailable, LATER),
    ("server closed the connection", Class::Unavailable, LATER),
    ("connection has been closed", Class::Unavailable, LATER),
    ("no connection to the server", Class::Unavailable, LATER),
    ("could not receive data from server", Class::Unavailable, LATER),
    ("could not send data to server", Class::Unavailable, LATER),
    ("the database system is", Class::Unavailable, LATER),
    ("too many clients", Class::Unavailable, LATER),
    // 42501.
    ("permission denied", Class::Refused, "give the role of the database its rights"),
];

/// What SQLite says where there may be no room.
const NO_ROOM: [&str; 2] = ["database or disk is full", "disk I/O error"];

/// How little room is none, in bytes: what SQLite needs beside a database to open it.
const NONE: u64 = 1 << 20;

/// Where the SQLite database of this process is.
static PLACE: OnceLock<PathBuf> = OnceLock::new();

/// Remembers where the database is: what is wrong with its disk is said with how much is free there.
pub fn note_place(path: &Path) {
    PLACE.get_or_init(|| path.to_path_buf());
}

const LATER: &str = "try later; nothing is lost meanwhile";

/// A statement of ours that is wrong: nothing to wait for.
const OURS: [&str; 12] = [
    "syntax error",
    "no such ",
    "does not exist",
    "has no column",
    "ambiguous",
    "mismatch",
    "too many SQL variables",
    "violates",
    "cannot be cast",
    "out of range",
    "invalid input syntax",
    "constraint failed",
];

/// What a message itself can be refused for (class 22 and 54): an encoding, a size.
const REFUSALS: [&str; 7] = [
    "invalid byte sequence",
    "string or blob too big",
    "index row size",
    "index row requires",
    "invalid memory alloc request size",
    "string buffer exceeds maximum",
    "value too long",
];

/// Gives an error of the database its class, so that it is not taken for ours or for a message's. Any other stays as it is.
pub fn classify(error: anyhow::Error) -> anyhow::Error {
    match told(&error) {
        Some(fault) => fault.into(),
        None => error,
    }
}

/// The same for what went wrong with a migration, of which nothing but its words is to be had.
pub fn of_migration(error: &(dyn std::error::Error + Send + Sync), context: &'static str) -> anyhow::Error {
    let error = DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(error.to_string()));
    classify(anyhow::Error::new(error).context(context))
}

/// Returns the class of an error; one that nobody has classified is our own bug.
pub fn class_of(error: &anyhow::Error) -> Class {
    told(error).map_or_else(|| fault::class_of(error), |fault| fault.class)
}

/// Returns what to say of an error that is the database's; none for any other, or where that was done.
pub fn told(error: &anyhow::Error) -> Option<Fault> {
    if error.chain().any(|cause| cause.is::<Fault>()) {
        return None;
    }
    let (class, hint) = meaning(of_diesel(error)?)?;
    // What libpq adds on further lines is guesswork.
    let text = format!("{error:#}");
    let first = text.lines().next().unwrap_or_default().trim_end();
    let fault = Fault::new(class, format!("the database: {first}")).hint(hint);
    let place = PLACE.get().filter(|_| class == Class::Io && NO_ROOM.iter().any(|part| first.contains(part)));
    let free = place.and_then(|path| Some((part::folder_of(path), part::room(path).ok()?)));
    Some(match free {
        Some((folder, room)) => with_room(fault, folder, room),
        None => fault,
    })
}

/// Says how much is free; where nothing is, what takes away needs room as well.
fn with_room(mut fault: Fault, folder: &Path, room: u64) -> Fault {
    fault.what = format!("{}: {} free at {}", fault.what, told_bytes(room), folder.display());
    if room < NONE {
        let hint = "free some MB of that disk with other means first: espomail prune needs room, too; nothing is lost meanwhile";
        fault.hint = Some(hint.to_string());
    }
    fault
}

/// Whether running the transaction again can help: PostgreSQL's 40001 and 40P01.
pub fn is_serialisation_failure(error: &anyhow::Error) -> bool {
    match of_diesel(error) {
        Some(DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => true,
        Some(DieselError::DatabaseError(_, information)) => information.message().contains("deadlock detected"),
        _ => false,
    }
}

/// Whether others held on to what was wanted for too long.
pub fn is_held(error: &anyhow::Error) -> bool {
    const HELD: [&str; 3] = ["database is locked", "due to lock timeout", "could not obtain lock"];
    matches!(of_diesel(error), Some(DieselError::DatabaseError(_, information))
        if HELD.iter().any(|held| information.message().contains(held)))
}

/// Whether there was no room for what was written.
pub fn is_full(error: &anyhow::Error) -> bool {
    matches!(of_diesel(error), Some(DieselError::DatabaseError(_, information))
        if information.message().contains("database or disk is full"))
}

/// Whether what was classified may be for want of room beside a database.
pub fn has_no_room(error: &anyhow::Error) -> bool {
    let said = format!("{error:#}");
    NO_ROOM.iter().chain(&["unable to open database file"]).any(|part| said.contains(part))
}

/// Whether the content of a row was refused: a constraint, an encoding, a size. A full disk or a lost connection is not it.
pub fn is_message_fault(error: &anyhow::Error) -> bool {
    match of_diesel(error) {
        Some(DieselError::SerializationError(_)) => true,
        Some(DieselError::DatabaseError(kind, information)) => match kind {
            DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation => true,
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ReadOnlyTransaction
            | DatabaseErrorKind::SerializationFailure => false,
            _ => REFUSALS.iter().any(|refusal| information.message().contains(refusal)),
        },
        _ => false,
    }
}

fn meaning(error: &DieselError) -> Option<(Class, &'static str)> {
    match error {
        DieselError::BrokenTransactionManager => Some((Class::Unavailable, LATER)),
        DieselError::DatabaseError(kind, information) => match kind {
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => Some((Class::Unavailable, LATER)),
            DatabaseErrorKind::SerializationFailure => Some((Class::TempFail, LATER)),
            DatabaseErrorKind::ReadOnlyTransaction => {
                Some((Class::Unavailable, "it takes no writes: name the primary server, or wait until this one is it"))
            }
            DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation
            | DatabaseErrorKind::RestrictViolation
            | DatabaseErrorKind::ExclusionViolation => None,
            _ => by_message(information.as_ref()),
        },
        _ => None,
    }
}

fn by_message(information: &(dyn DatabaseErrorInformation + Send + Sync)) -> Option<(Class, &'static str)> {
    let message = information.message();
    let known = MESSAGES.iter().find(|(part, ..)| message.contains(part)).map(|(_, class, hint)| (*class, *hint));
    let is_ours = || OURS.iter().chain(&REFUSALS).any(|part| message.contains(part));
    known.or_else(|| (!is_ours()).then_some((Class::TempFail, LATER)))
}

/// Finds the database's error in a chain; of a commit that failed and could not be undone, the commit's.
fn of_diesel(error: &anyhow::Error) -> Option<&DieselError> {
    match error.chain().find_map(|cause| cause.downcast_ref::<DieselError>()) {
        Some(DieselError::RollbackErrorOnCommit { commit_error, .. }) => Some(commit_error.as_ref()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(message: &str) -> anyhow::Error {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_string())).into()
    }

    #[test]
    fn fetch_6_a_fault_of_the_database_is_neither_a_messages_nor_ours() {
        for (message, status) in [
            ("database is locked", 75),
            ("database table is locked", 75),
            ("database or disk is full", 74),
            ("disk I/O error", 74),
            ("unable to open database file", 74),
            ("attempt to write a readonly database", 74),
            ("out of memory", 75),
            ("deadlock detected", 75),
            ("canceling statement due to lock timeout", 75),
            ("canceling statement due to statement timeout", 75),
            ("canceling statement due to user request", 75),
            ("could not extend file \"base/1/2\": No space left on device", 75),
            ("terminating connection due to administrator command", 69),
            ("server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally", 69),
            ("no connection to the server\n", 69),
            ("the database system is shutting down", 69),
            ("sorry, too many clients already", 69),
            ("breche Verbindung ab aufgrund von Anweisung des Administrators", 75),
            ("permission denied for table emails", 77),
            ("syntax error at or near \"FROM\"", 70),
            ("no such table: emails", 70),
        ] {
            let error = unknown(message).context("writing e-mails");
            assert_eq!(class_of(&error).exit_status(), status, "{message}");
            assert!(!is_message_fault(&error), "{message}");
            if let Some(fault) = told(&error) {
                assert!(
                    fault.what.starts_with("the database: writing e-mails: ") && !fault.what.contains('\n'),
                    "{}",
                    fault.what
                );
            }
        }
        for (kind, status) in [
            (DatabaseErrorKind::ClosedConnection, 69),
            (DatabaseErrorKind::UnableToSendCommand, 69),
            (DatabaseErrorKind::ReadOnlyTransaction, 69),
            (DatabaseErrorKind::SerializationFailure, 75),
        ] {
            // Whatever its words are.
            let error = DieselError::DatabaseError(kind, Box::new("value too long".to_string())).into();
            assert_eq!(class_of(&error).exit_status(), status);
            assert!(!is_message_fault(&error));
        }
        let both = DieselError::RollbackErrorOnCommit {
            rollback_error: Box::new(DieselError::BrokenTransactionManager),
            commit_error: Box::new(DieselError::DatabaseError(
                DatabaseErrorKind::Unknown,
                Box::new("disk I/O error".to_string()),
            )),
        };
        assert_eq!(class_of(&both.into()).exit_status(), 74);
    }

    #[test]
    fn fetch_6_a_full_disk_is_told_with_what_is_free() {
        let fault = || Fault::new(Class::Io, "the database: disk I/O error").hint("look at its disk");
        let told = [0, 5 << 30].map(|room| with_room(fault(), Path::new("/data"), room));
        assert_eq!(
            told.each_ref().map(|fault| fault.what.as_str()),
            ["the database: disk I/O error: 0 bytes free at /data", "the database: disk I/O error: 5368 MB free at /data"]
        );
        let hints = told.map(|fault| fault.hint.unwrap_or_default());
        assert!(hints[0].starts_with("free some MB") && hints[1] == "look at its disk", "{hints:?}");
    }

    #[test]
    fn fetch_6_what_a_message_is_refused_for_is_its_own_fault() {
        for message in ["invalid byte sequence for encoding \"UTF8\": 0x00", "string or blob too big", "index row size 9 exceeds"]
        {
            let error = unknown(message);
            assert!(is_message_fault(&error) && told(&error).is_none(), "{message}");
        }
    }
}
