//! What can go wrong, how far it reaches, what to do about it, and the exit status it ends in (sysexits).
//!
//! A [`Fault`] travels as an `anyhow::Error`; whoever is to blame for a class wraps the cause in one. An error without
//! a fault in its chain is our own bug or the operating system's and ends in 70.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

/// The classes of failure, each with one exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// A question answered no.
    No,
    /// The command was used wrongly.
    Usage,
    /// The input was bad, or something was newly quarantined.
    Data,
    /// A server is unavailable.
    Unavailable,
    /// Our bug.
    Software,
    /// An output file cannot be created.
    CannotCreate,
    /// Reading or writing failed.
    Io,
    /// Try again later.
    TempFail,
    /// A server broke the protocol.
    Protocol,
    /// Refused: not allowed, or a password that was not accepted.
    Refused,
    /// The configuration, or the schema of the database.
    Config,
}

impl Class {
    const ALL: [Self; 11] = [
        Self::No,
        Self::Usage,
        Self::Data,
        Self::Unavailable,
        Self::Software,
        Self::CannotCreate,
        Self::Io,
        Self::TempFail,
        Self::Protocol,
        Self::Refused,
        Self::Config,
    ];

    /// Returns the process exit status (`sysexits.h`).
    pub const fn exit_status(self) -> u8 {
        match self {
            Self::No => 1,
            Self::Usage => 64,
            Self::Data => 65,
            Self::Unavailable => 69,
            Self::Software => 70,
            Self::CannotCreate => 73,
            Self::Io => 74,
            Self::TempFail => 75,
            Self::Protocol => 76,
            Self::Refused => 77,
            Self::Config => 78,
        }
    }

    /// Orders classes by how much they need a person: what passes by itself is the least.
    pub const fn gravity(self) -> u8 {
        match self {
            Self::No => 0,
            Self::TempFail => 1,
            Self::Unavailable => 2,
            Self::Data => 3,
            Self::Protocol => 4,
            Self::Refused => 5,
            Self::Usage => 6,
            Self::CannotCreate => 7,
            Self::Io => 8,
            Self::Config => 9,
            Self::Software => 10,
        }
    }
}

/// How much of a pass a failure ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// One mailbox of one account.
    Mailbox,
    /// One account.
    Account,
    /// The whole run.
    Run,
}

/// One failure, as a person reads it: what happened, and what to do next.
#[derive(Debug, Clone)]
pub struct Fault {
    pub class: Class,
    pub reach: Reach,
    /// What happened, without a full stop; names the account, the mailbox and the UID where there is one.
    pub what: String,
    /// What to type or do next.
    pub hint: Option<String>,
}

impl Fault {
    /// Makes a fault that ends the run.
    pub fn new(class: Class, what: impl Into<String>) -> Self {
        Self { class, reach: Reach::Run, what: what.into(), hint: None }
    }

    /// Makes the fault for a file that cannot be made or written: a full disk, a quota and a limit are no matter of the name.
    pub fn unwritable(what: impl Into<String>, error: &io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull, WriteZero};
        let is_full = matches!(error.kind(), FileTooLarge | QuotaExceeded | StorageFull | WriteZero);
        let class = if is_full { Class::Io } else { Class::CannotCreate };
        Self::new(class, format!("{}: {error}", what.into()))
    }

    /// Sets how far the fault reaches.
    #[must_use]
    pub fn reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Fault {}

/// Returns the gravest fault class in an error's chain; an unclassified error is our own bug.
pub fn class_of(error: &anyhow::Error) -> Class {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<Fault>())
        .map(|fault| fault.class)
        .max_by_key(|class| class.gravity())
        .unwrap_or(Class::Software)
}

/// Returns how far an error reaches; an unclassified one ends the account it happened in.
pub fn reach_of(error: &anyhow::Error) -> Reach {
    error.chain().filter_map(|cause| cause.downcast_ref::<Fault>()).map(|fault| fault.reach).max().unwrap_or(Reach::Account)
}

/// Returns the first hint in an error's chain.
pub fn hint_of(error: &anyhow::Error) -> Option<&str> {
    error.chain().filter_map(|cause| cause.downcast_ref::<Fault>()).find_map(|fault| fault.hint.as_deref())
}

/// Writes an error as one line: the chain of causes, then what to try.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        // A wrapper that repeats its cause would say everything twice.
        if line.ends_with(&text) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&text);
    }
    if let Some(hint) = hint_of(error) {
        line.push_str("; ");
        line.push_str(hint);
    }
    line.replace(['\r', '\n'], " ")
}

/// A panic that was caught: a bug of ours, which ended one piece of work and nothing else.
#[derive(Debug)]
pub struct Panicked {
    /// File and line, as far as they are known.
    place: Option<String>,
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("espomail failed on it; this is a bug")?;
        self.place.iter().try_for_each(|place| write!(f, " (at {place})"))
    }
}

impl std::error::Error for Panicked {}

thread_local! {
    /// Where this thread panicked last.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Where any thread did: one whose panic is handed on to another.
static LAST_PLACE: Mutex<Option<String>> = Mutex::new(None);

/// Remembers where a panic happened, for whoever catches it. The hook itself says nothing: a panic that is caught is told as what
/// it did, with the account and the message, where that is known.
pub fn note_panic(place: String) {
    LAST_PLACE.lock().unwrap_or_else(PoisonError::into_inner).replace(place.clone());
    PLACE.with(|own| own.replace(Some(place)));
}

/// Runs work whose panic is an error of its own.
pub fn contain<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    PLACE.with(|own| own.take());
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| {
        let own = PLACE.with(|own| own.take());
        Panicked { place: own.or_else(|| LAST_PLACE.lock().unwrap_or_else(PoisonError::into_inner).take()) }
    })
}

/// Returns what an error has in common with the same failure at another time: its class and its place. Whatever stands behind a
/// colon is left out: there a server speaks, and its words have times, sessions and hosts in them, or the UIDs of the moment.
pub fn sameness(error: &anyhow::Error) -> String {
    let mut same = class_of(error).exit_status().to_string();
    for cause in error.chain() {
        let text = cause.to_string();
        same.push(' ');
        same.push_str(text.split_once(": ").map_or(text.as_str(), |(own, _)| own));
    }
    same
}

/// Returns the class of the failure that has this in common with the same one at another time.
pub fn class_of_sameness(same: &str) -> Class {
    let status = same.split(' ').next().and_then(|word| word.parse::<u8>().ok());
    Class::ALL.into_iter().find(|class| Some(class.exit_status()) == status).unwrap_or(Class::Software)
}

/// A place where a test lets the program die or panic, to see that nothing is lost there. Debug builds count these places
/// and heed `ESPOMAIL_DIE_AT_STEP` and `ESPOMAIL_PANIC_AT_STEP`; in a release build there is nothing here.
#[inline]
pub fn step() {
    #[cfg(debug_assertions)]
    {
        use std::sync::atomic::{AtomicU64, Ordering};
        static STEPS: AtomicU64 = AtomicU64::new(0);
        let step = STEPS.fetch_add(1, Ordering::SeqCst) + 1;
        let is_asked = |name: &str| std::env::var(name).ok().and_then(|at| at.parse().ok()) == Some(step);
        if is_asked("ESPOMAIL_DIE_AT_STEP") {
            std::process::abort();
        }
        assert!(!is_asked("ESPOMAIL_PANIC_AT_STEP"), "asked to panic at step {step}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_the_chain_once_and_then_the_hint() {
        let error = anyhow::Error::new(Fault::new(Class::Refused, "login refused").hint("try: espomail account test a"))
            .context("account a");
        assert_eq!(one_line(&error), "account a: login refused; try: espomail account test a");
        assert_eq!(class_of(&error).exit_status(), 77);
    }

    #[test]
    fn fetch_12_a_failure_is_the_same_whatever_the_server_says() {
        let error = |class, words: &str, uids: &str| {
            sameness(
                &anyhow::Error::new(Fault::new(class, format!("UID FETCH was refused: {words}")))
                    .context(format!("mailbox INBOX: {uids}")),
            )
        };
        let same = error(Class::Unavailable, "internal error, session 4711 at 10:00:01", "UIDs 3 to 9");
        assert_eq!(same, error(Class::Unavailable, "internal error, session 4712 at 10:01:01", "UIDs 3 to 10"));
        assert_eq!(class_of_sameness(&same), Class::Unavailable);
        assert_ne!(same, error(Class::Protocol, "internal error, session 4711 at 10:00:01", "UIDs 3 to 9"));
    }

    #[test]
    fn an_unclassified_error_is_our_bug() {
        assert_eq!(class_of(&anyhow::anyhow!("odd")), Class::Software);
    }
}
