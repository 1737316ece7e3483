//! What is measured of an installation, from where on it is one to worry about, and what to say of it: `status --check` and `doctor` take
//! it from here, so that neither warns of what the other calls well.

use crate::clock::told_span;
use crate::decide::health::{Level, Limits};
use crate::fault::Class;
use crate::output::shown_line;
use crate::pass::restored;
use crate::plural::{counted, doing, told_bytes};
use crate::store::overview::{AccountState, Overview};
use crate::words::words;

/// The least room that a database needs, in bytes.
const LEAST_ROOM: i64 = 100 << 20;

/// How much of what a server said of a failure stands in a line, in characters.
const LONGEST_ERROR: usize = 120;

/// How much room a database of a size needs: that of another one, a copy or what "db vacuum" makes.
pub const fn room_limits(size: i64) -> Limits {
    Limits::of(size, LEAST_ROOM)
}

words! {
    /// What is measured.
    Measure {
        /// Seconds since mail of the active account that waits longest was fetched.
        FetchAge = "fetch_age",
        /// Active accounts that fail, in reading or sending.
        Failing = "failing",
        /// Seconds that the oldest message has been due.
        OutboxAge = "outbox_age",
        OutboxHeld = "outbox_held",
        OutboxFailed = "outbox_failed",
        MaybeSent = "maybe_sent",
        Quarantine = "quarantine",
        Reviews = "reviews",
        HeldActions = "held_actions",
        /// What was to be done with messages on servers and does not go on by itself.
        ServerActions = "server_actions",
        /// Seconds since "send" was at work; where it never was, since there is an account.
        SendAge = "send_age",
        /// Seconds that the oldest e-mail has waited for a person's word.
        ReviewsAge = "reviews_age",
        /// Seconds since "notify" was at work, where somebody is told by mail.
        NotifyAge = "notify_age",
        /// Kinds of passes that cannot begin their work.
        Stuck = "stuck",
        /// Bytes that are free where a SQLite database is.
        DiskFree = "disk_free",
        DatabaseBytes = "database_bytes",
        /// Open cases that nobody has.
        Unassigned = "unassigned",
        /// Seconds since the oldest of them was opened, of those whose account gives cases to somebody.
        UnassignedAge = "unassigned_age",
        /// Places outside the database that are not reached.
        StorageDown = "storage_down",
        /// Raw messages that the last look there missed.
        StorageMissing = "storage_missing",
        StorageToMove = "storage_to_move",
    }
}

/// What is said of a measure.
pub struct Told {
    pub said: String,
    /// The command that shows more.
    pub see: String,
    /// What can be done then.
    pub then: Option<String>,
}

impl Told {
    fn new(said: String, see: &str) -> Self {
        Self { said, see: see.to_string(), then: None }
    }

    fn then(self, then: impl Into<String>) -> Self {
        Self { then: Some(then.into()), ..self }
    }

    /// What to type next.
    pub fn next(&self) -> String {
        let then = self.then.iter().map(|then| format!("; then {then}")).collect::<String>();
        format!("{}{then}", self.see)
    }
}

impl Measure {
    pub const fn is_time(self) -> bool {
        matches!(
            self,
            Self::FetchAge | Self::OutboxAge | Self::SendAge | Self::ReviewsAge | Self::NotifyAge | Self::UnassignedAge
        )
    }

    /// The unit, as plugins write it.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::DiskFree | Self::DatabaseBytes => "B",
            _ if self.is_time() => "s",
            _ => "",
        }
    }

    /// Whether too little of it is bad.
    pub const fn is_room(self) -> bool {
        matches!(self, Self::DiskFree)
    }

    /// From where on it is one to worry about unless somebody says otherwise.
    pub const fn usual(self, overview: &Overview) -> Limits {
        match self {
            Self::FetchAge | Self::SendAge | Self::NotifyAge => Limits::of(15 * 60, 3_600),
            Self::OutboxAge => Limits::of(30 * 60, 4 * 3_600),
            Self::ReviewsAge | Self::UnassignedAge => Limits::of(4 * 3_600, 24 * 3_600),
            Self::DiskFree => room_limits(overview.bytes),
            Self::Failing
            | Self::Stuck
            | Self::OutboxHeld
            | Self::OutboxFailed
            | Self::MaybeSent
            | Self::Quarantine
            | Self::HeldActions
            | Self::ServerActions => Limits { warning: Some(1), critical: None },
            Self::StorageDown | Self::StorageMissing => Limits { warning: Some(1), critical: Some(1) },
            Self::Reviews | Self::DatabaseBytes | Self::Unassigned | Self::StorageToMove => {
                Limits { warning: None, critical: None }
            }
        }
    }

    /// Says how a value is.
    pub fn judge(self, limits: Limits, value: i64) -> Level {
        if self.is_room() { limits.judge_room(value) } else { limits.judge(value) }
    }

    /// What kind of fault it is where it is critical.
    pub const fn class(self) -> Class {
        match self {
            // Nobody starts them.
            Self::FetchAge | Self::SendAge | Self::NotifyAge | Self::Stuck => Class::Config,
            Self::DiskFree | Self::StorageMissing => Class::Io,
            Self::StorageDown => Class::Unavailable,
            Self::OutboxAge => Class::TempFail,
            Self::Failing
            | Self::OutboxHeld
            | Self::OutboxFailed
            | Self::MaybeSent
            | Self::Quarantine
            | Self::Reviews
            | Self::HeldActions
            | Self::ServerActions
            | Self::ReviewsAge
            | Self::DatabaseBytes
            | Self::Unassigned
            | Self::UnassignedAge
            | Self::StorageToMove => Class::No,
        }
    }

    /// Takes it from what is there; none where there is nothing to measure.
    pub fn of(self, overview: &Overview, now: i64) -> Option<i64> {
        let state = |state: &str| overview.outbox.get(state).copied();
        let since = |at: i64| (now - at).max(0);
        let passed = |pass: &str| {
            let added = active(overview).map(|account| account.added_at).min();
            overview.passed_at.get(pass).copied().flatten().or(added).map(since)
        };
        match self {
            Self::FetchAge => active(overview).map(|account| since(account.fetched_at)).max(),
            Self::Failing => i64::try_from(active(overview).filter(|account| account.is_failing()).count()).ok(),
            Self::OutboxAge => Some(overview.outbox_due_since.map_or(0, since)),
            Self::OutboxHeld => Some(overview.outbox_held),
            Self::OutboxFailed => state("failed"),
            Self::MaybeSent => state("maybe-sent"),
            Self::Quarantine => Some(overview.quarantined + overview.undelivered),
            Self::Reviews => Some(overview.reviews),
            Self::HeldActions => Some(overview.held_actions),
            Self::ServerActions => Some(overview.server_actions_given_up + overview.server_actions_unwatched),
            Self::SendAge if !overview.sends && overview.passed_at.get("send").copied().flatten().is_none() => None,
            Self::SendAge => passed("send"),
            Self::ReviewsAge => Some(overview.reviews_since.map_or(0, since)),
            Self::NotifyAge => overview.notifies.then(|| passed("notify")).flatten(),
            Self::Stuck => i64::try_from(overview.stuck.len()).ok(),
            Self::DiskFree => overview.disk_free,
            Self::DatabaseBytes => Some(overview.bytes),
            Self::Unassigned => Some(overview.unassigned),
            Self::UnassignedAge => Some(overview.unassigned_since.map_or(0, since)),
            Self::StorageDown => overview.storage.as_ref().and_then(|storage| i64::try_from(storage.unreached.len()).ok()),
            Self::StorageMissing => overview.storage.as_ref().map(|storage| storage.missing),
            Self::StorageToMove => overview.storage.as_ref().map(|storage| storage.to_move),
        }
    }

    /// Says it in words, with what to type next.
    pub fn told(self, overview: &Overview, value: i64, now: i64) -> Told {
        match self {
            Self::FetchAge => fetched(overview, value, now),
            Self::Failing => failing(overview, now),
            Self::OutboxAge => {
                Told::new(format!("mail has been due for {}", told_span(value)), "espomail outbox list").then("espomail -v send")
            }
            Self::OutboxHeld => held(value, overview.outbox_held_restored),
            Self::OutboxFailed => Told::new(doing(value, "message", "was not sent", "were not sent"), "espomail outbox list --state failed")
                .then("espomail outbox retry ID or drop ID"),
            Self::MaybeSent => Told::new(doing(value, "message", "may", "may") + " have been sent", "espomail outbox list --state maybe-sent")
                .then("by the log of your SMTP server: espomail outbox mark-sent ID or retry ID"),
            Self::Quarantine => quarantine(overview),
            Self::Reviews => Told::new(format!("{} for a person's word", waiting(value)), "espomail review list")
                .then("espomail review accept ID, split ID or reject ID"),
            Self::ReviewsAge => {
                let said = format!("{} for a person's word, the oldest for {}", waiting(overview.reviews), told_span(value));
                Told::new(said, "espomail review list").then("espomail review accept ID, split ID or reject ID")
            }
            Self::HeldActions => Told::new(doing(value, "action", "is", "are") + " held by budgets", "espomail budget list").then(
                "espomail budget release ID or drop ID; where machines answer each other: espomail filter add NAME --global --from ADDRESS --no-reply",
            ),
            Self::ServerActions => {
                let said = format!("{} on servers given up, or of mailboxes that are not read", counted(value, "action"));
                Told::new(said, "espomail doctor --offline")
            }
            Self::SendAge => quiet("send", value, overview),
            Self::NotifyAge => quiet("notify", value, overview),
            Self::Stuck => {
                let (pass, why) = overview.stuck.first_key_value().map_or(("", ""), |(pass, why)| (*pass, why.as_str()));
                Told::new(format!("{pass} cannot do anything: {}", shown_line(why)), &format!("espomail {pass}"))
            }
            Self::DiskFree => Told::new(format!("{} free on the disk of the database", bytes(value)), "espomail doctor --offline"),
            Self::Unassigned => Told::new(nobodys(value), "espomail case list --unassigned").then("espomail case assign NUMBER USER"),
            Self::UnassignedAge => {
                let said = format!("{}, the oldest for {}", nobodys(overview.unassigned), told_span(value));
                Told::new(said, "espomail case list --unassigned").then("espomail case assign NUMBER USER")
            }
            Self::StorageDown => {
                let unreached = overview.storage.as_ref().and_then(|storage| storage.unreached.first());
                Told::new(shown_line(unreached.map_or("", String::as_str)), "espomail config check")
            }
            Self::StorageMissing => {
                let said = doing(value, "raw message", "was", "were") + " not where they lie at the last look";
                Told::new(said, "espomail storage check")
            }
            Self::StorageToMove => {
                let said = doing(value, "raw message", "does not lie", "do not lie") + " where new ones go";
                Told::new(said, "espomail storage move --dry-run")
            }
            Self::DatabaseBytes => Told::new(format!("the database has {}", bytes(value)), "espomail prune --dry-run"),
        }
    }
}

fn active(overview: &Overview) -> impl Iterator<Item = &AccountState> {
    overview.accounts.iter().filter(|account| account.active)
}

fn bytes(value: i64) -> String {
    told_bytes(u64::try_from(value).unwrap_or_default())
}

fn waiting(count: i64) -> String {
    doing(count, "e-mail", "waits", "wait")
}

fn nobodys(count: i64) -> String {
    doing(count, "open case", "is", "are") + " nobody's"
}

/// That a pass was not at work.
fn quiet(pass: &str, value: i64, overview: &Overview) -> Told {
    let said = match overview.passed_at.get(pass).copied().flatten() {
        Some(_) => format!("no {pass} for {}", told_span(value)),
        None => format!("{pass} was never at work"),
    };
    Told::new(said, "is cron running? espomail doctor --offline")
}

/// That nothing is fetched, or only one account is not.
fn fetched(overview: &Overview, value: i64, now: i64) -> Told {
    let is_quiet = |at: i64| now - at >= value;
    let longest = active(overview).min_by_key(|account| account.fetched_at);
    let others = active(overview).filter(|account| !is_quiet(account.fetched_at)).count();
    let pass = overview.passed_at.get("fetch").copied().flatten();
    match longest.filter(|_| others > 0 || pass.is_some_and(|at| now - at < 15 * 60)) {
        Some(account) => {
            let said = format!("account {} was not fetched for {}", shown_line(&account.account), told_span(value));
            Told::new(said, "espomail account list").then("espomail account test NAME")
        }
        None => quiet("fetch", value, overview),
    }
}

/// The first account that fails, for how long and why, and how many others do.
fn failing(overview: &Overview, now: i64) -> Told {
    let mut all = active(overview).filter(|account| account.is_failing());
    let Some(first) = all.next() else { return Told::new("no account fails".to_string(), "espomail status") };
    let why = first.last_error.as_deref().filter(|_| first.failing_since.is_some()).map(|why| {
        let short: String = why.chars().take(LONGEST_ERROR).collect();
        let end = if short.len() < why.len() { "…" } else { "" };
        format!(": {short}{end}")
    });
    let does = if first.failing_since.is_some() { "fails" } else { "cannot send" };
    let since = first.failing_since.or(first.sending_failing_since).unwrap_or(now);
    let more = match all.count() {
        0 => String::new(),
        more => format!(", and {}", doing(more, "other", "does", "do")),
    };
    let span = told_span((now - since).max(0));
    let said = format!("account {} {does} for {span}{}{more}", first.account, why.unwrap_or_default());
    Told::new(shown_line(&said), "espomail status").then("espomail account test NAME")
}

/// What is held in the outbox, for whatever reason.
fn held(all: i64, restored: i64) -> Told {
    let held = doing(all, "message", "is", "are") + " held";
    let said = match restored {
        0 => held,
        restored if restored == all => format!("{held} because the database was put back"),
        restored => format!("{held}, {restored} of them because the database was put back"),
    };
    let then = if restored > 0 { restored::THEN } else { "espomail outbox release ID or drop ID" };
    Told::new(said, restored::LOOK).then(then)
}

fn quarantine(overview: &Overview) -> Told {
    let put_aside = doing(overview.quarantined, "message", "is", "are") + " put aside";
    let said = match (overview.quarantined, overview.undelivered) {
        (_, 0) => put_aside,
        (0, undelivered) => doing(undelivered, "message", "is", "are") + " not handed over by their servers",
        (_, undelivered) => format!("{put_aside}, {} not handed over by their servers", counted(undelivered, "message")),
    };
    Told::new(said, "espomail quarantine list").then("espomail quarantine retry ID or drop ID")
}
