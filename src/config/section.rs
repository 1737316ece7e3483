//! Every key of the configuration, by the tables that it stands in, with its default and how it is read and shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::oauth::Provider;
use super::storage::Storage;
use crate::clock;
use crate::decide::budget::{Budgets, Limits};
use crate::decide::fields::Fields;
use crate::output::LogFormat;
use crate::words::{Hook, Pruning};

/// Every setting, effective.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// `sqlite:PATH` (relative to this file) or `postgresql://…`.
    pub database: String,
    pub fetch: Fetch,
    pub filters: Filters,
    pub hooks: Hooks,
    pub link: Link,
    pub send: Send,
    #[serde(deserialize_with = "budgets")]
    pub budgets: Budgets,
    pub keep: Keep,
    pub storage: Storage,
    /// Authorisation servers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub oauth: BTreeMap<String, Provider>,
    /// What records say beside what is usual.
    pub fields: Fields,
    pub security: Security,
    pub log: Log,
    pub metrics: Metrics,
}

/// How mail is fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Fetch {
    /// Accounts polled side by side.
    pub workers: usize,
    /// Accounts that `fetch --wait` keeps a connection to; more are polled each minute meanwhile.
    pub wait_connections: usize,
    /// What the messages of all of them may take in memory, in all their forms, in MiB.
    pub memory_mib: u64,
    /// Messages in one transaction at the most.
    pub batch_messages: usize,
    /// Their size in MiB at the most.
    pub batch_mib: u64,
    /// Seconds to wait for a connection.
    pub connect_timeout: u64,
    /// Seconds to wait for an answer.
    pub read_timeout: u64,
    /// Seconds that an account may take in one pass; for new accounts.
    pub max_seconds: i64,
    /// MiB beyond which only header and text of a message are fetched; for new accounts.
    pub max_message_mib: i64,
}

/// What filters may do beyond the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Filters {
    /// Seconds that a command may take.
    pub command_timeout: u64,
    /// The commands that filters may name (FILTER-4).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub commands: BTreeMap<String, Vec<String>>,
}

impl Default for Filters {
    fn default() -> Self {
        Self { command_timeout: 30, commands: BTreeMap::new() }
    }
}

/// Commands that hear of events (HOOK-1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Hooks {
    /// Seconds that one may take.
    pub timeout: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub email_imported: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub case_created: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answer_held: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub message_undelivered: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub account_failing: Vec<String>,
}

impl Default for Hooks {
    fn default() -> Self {
        let none = Vec::new;
        Self {
            timeout: 10,
            email_imported: none(),
            case_created: none(),
            answer_held: none(),
            message_undelivered: none(),
            account_failing: none(),
        }
    }
}

impl Hooks {
    /// The commands that there are, by event.
    pub fn commands(&self) -> BTreeMap<Hook, Vec<String>> {
        let of = |hook: Hook| match hook {
            Hook::EmailImported => &self.email_imported,
            Hook::CaseCreated => &self.case_created,
            Hook::AnswerHeld => &self.answer_held,
            Hook::MessageUndelivered => &self.message_undelivered,
            Hook::AccountFailing => &self.account_failing,
        };
        Hook::ALL.iter().map(|hook| (*hook, of(*hook).clone())).filter(|(_, argv)| !argv.is_empty()).collect()
    }
}

/// How records are found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Link {
    pub b2c: bool,
    pub link_open_opportunity: bool,
    /// Days for which a signed token leads back to its record.
    pub token_days: i64,
}

impl Default for Link {
    fn default() -> Self {
        Self { b2c: false, link_open_opportunity: false, token_days: 365 }
    }
}

/// How mail is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Send {
    /// Messages that one pass sends at the most (SEND-1).
    pub per_pass: usize,
    /// Accounts that send side by side.
    pub workers: usize,
    /// Seconds to wait for a connection.
    pub connect_timeout: u64,
    /// Seconds to wait for an answer (RFC 5321, section 4.5.3.2).
    pub answer_timeout: u64,
    /// Seconds to wait for the answer to a whole message (RFC 5321, section 4.5.3.2.6).
    pub final_timeout: u64,
    /// Seconds that an account may take in one pass.
    pub max_seconds: u64,
    /// Seconds for which what a person wrote waits, so that it can be called back; in the file `30s` or `5m`.
    #[serde(serialize_with = "shown_span", deserialize_with = "span")]
    pub delay: i64,
    /// Whether a reply whose answer was lost is sent again (SEND-6).
    pub repeat_replies: bool,
    /// The domains that sign what goes out (DKIM, RFC 6376).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dkim: BTreeMap<String, Dkim>,
}

/// How a domain signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Dkim {
    /// The public key is at SELECTOR._domainkey.DOMAIN.
    pub selector: String,
    /// RSA or Ed25519, in PEM.
    pub key_file: String,
}

impl Default for Send {
    fn default() -> Self {
        Self {
            per_pass: 50,
            workers: 8,
            connect_timeout: 20,
            answer_timeout: 300,
            final_timeout: 600,
            max_seconds: 1_800,
            delay: 0,
            repeat_replies: false,
            dkim: BTreeMap::new(),
        }
    }
}

/// How long what is not needed any more is kept; in the file `365d`, or `forever`, which is none here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Keep {
    #[serde(serialize_with = "shown_keeping", deserialize_with = "keeping")]
    pub raw: Option<i64>,
    #[serde(serialize_with = "shown_keeping", deserialize_with = "keeping")]
    pub skipped: Option<i64>,
    #[serde(serialize_with = "shown_keeping", deserialize_with = "keeping")]
    pub trash: Option<i64>,
    #[serde(serialize_with = "shown_keeping", deserialize_with = "keeping")]
    pub digests: Option<i64>,
    #[serde(serialize_with = "shown_keeping", deserialize_with = "keeping")]
    pub notifications: Option<i64>,
    #[serde(serialize_with = "shown_keeping", deserialize_with = "keeping")]
    pub reasons: Option<i64>,
    #[serde(serialize_with = "shown_keeping", deserialize_with = "keeping")]
    pub finished: Option<i64>,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            raw: None,
            skipped: Some(30 * 86_400),
            trash: None,
            digests: None,
            notifications: None,
            reasons: None,
            finished: Some(90 * 86_400),
        }
    }
}

impl Keep {
    /// Returns for how many seconds something is kept; none is for good.
    pub const fn of(&self, pruning: Pruning) -> Option<i64> {
        match pruning {
            Pruning::Raw => self.raw,
            Pruning::Skipped => self.skipped,
            Pruning::Trash => self.trash,
            Pruning::Digests => self.digests,
            Pruning::Notifications => self.notifications,
            Pruning::Reasons => self.reasons,
            Pruning::Finished => self.finished,
        }
    }
}

const FOREVER: &str = "forever";

fn keeping<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = || serde::de::Error::custom(format!("{text:?} is no time to keep something for; write 30d, 52w or {FOREVER}"));
    // Nothing goes on the day it comes: a slip of the pen, such as 1m for a month, would cost too much.
    let span = || clock::span(&text).filter(|span| *span >= 86_400);
    if text == FOREVER { Ok(None) } else { span().map(Some).ok_or_else(wrong) }
}

fn shown_keeping<S: serde::Serializer>(seconds: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&seconds.map_or_else(|| FOREVER.to_string(), clock::shown_span))
}

fn span<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = || serde::de::Error::custom(format!("{text:?} is no length of time; write 30s, 5m or 1h"));
    clock::span(&text).ok_or_else(wrong)
}

fn shown_span<S: serde::Serializer>(seconds: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&clock::shown_span(*seconds))
}

/// Reads the budgets (ACK-3). What a file does not say is as usual.
fn budgets<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Budgets, D::Error> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
    struct Given {
        per_address: Option<[i64; 2]>,
        per_domain: Option<[i64; 2]>,
        per_account: Option<[i64; 2]>,
        overall: Option<[i64; 2]>,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
    struct AllGiven {
        answers: Given,
        cases: Given,
        reopens: Given,
        notifications: Given,
    }
    let over = |given: Given, usual: Limits| Limits {
        per_address: given.per_address.unwrap_or(usual.per_address),
        per_domain: given.per_domain.unwrap_or(usual.per_domain),
        per_account: given.per_account.unwrap_or(usual.per_account),
        overall: given.overall.unwrap_or(usual.overall),
    };
    let (given, usual) = (AllGiven::deserialize(deserializer)?, Budgets::USUAL);
    Ok(Budgets {
        answers: over(given.answers, usual.answers),
        cases: over(given.cases, usual.cases),
        reopens: over(given.reopens, usual.reopens),
        notifications: over(given.notifications, usual.notifications),
    })
}

/// What is allowed, and the key of stored passwords.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Security {
    pub allow_plain: bool,
    /// How many personal accounts a user may add (ACCESS-1).
    pub personal_accounts: u32,
    /// Names and addresses of internal servers that personal accounts may have (ACCESS-3).
    pub internal_hosts: Vec<String>,
    /// 32 bytes in Base64 or hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<String>,
    /// The same, printed by a command.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_command: Vec<String>,
    /// The names by which our own border signs its Authentication-Results (ACCESS-5).
    pub authserv_id: Vec<String>,
}

/// What is logged to standard error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Log {
    /// error, warn, info, debug or trace.
    pub level: String,
    /// text or json.
    #[serde(serialize_with = "shown_format", deserialize_with = "format")]
    pub format: LogFormat,
    /// The sockets of syslog and of the journal.
    pub syslog: Option<String>,
    pub journal: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        let database = "sqlite:/var/lib/espomail/espomail.sqlite".to_string();
        Self {
            database,
            fetch: Fetch::default(),
            filters: Filters::default(),
            hooks: Hooks::default(),
            link: Link::default(),
            send: Send::default(),
            budgets: Budgets::USUAL,
            keep: Keep::default(),
            storage: Storage::default(),
            oauth: BTreeMap::new(),
            fields: Fields::default(),
            security: Security::default(),
            log: Log::default(),
            metrics: Metrics::default(),
        }
    }
}

impl Default for Fetch {
    fn default() -> Self {
        Self {
            workers: 16,
            wait_connections: 64,
            memory_mib: 64,
            batch_messages: 256,
            batch_mib: 8,
            connect_timeout: 20,
            read_timeout: 60,
            max_seconds: 600,
            max_message_mib: 50,
        }
    }
}

impl Default for Security {
    fn default() -> Self {
        Self {
            allow_plain: false,
            personal_accounts: 2,
            internal_hosts: Vec::new(),
            key_file: None,
            key_command: Vec::new(),
            authserv_id: Vec::new(),
        }
    }
}

/// How numbers for monitoring are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Metrics {
    /// Who may read the file; in the file octal, as chmod takes it: `0644`.
    #[serde(serialize_with = "shown_mode", deserialize_with = "mode")]
    pub mode: u32,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { mode: 0o644 }
    }
}

fn format<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<LogFormat, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

fn shown_format<S: serde::Serializer>(format: &LogFormat, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(format.as_str())
}

fn mode<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let text = String::deserialize(deserializer)?;
    let mode = u32::from_str_radix(&text, 8).ok().filter(|mode| *mode <= 0o777 && mode & 0o022 == 0 && mode & 0o400 != 0);
    mode.ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no mode that lets only us write; write 0644, 0640 or 0600")))
}

fn shown_mode<S: serde::Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{mode:04o}"))
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "warn".to_string(), format: LogFormat::Text, syslog: None, journal: None }
    }
}
