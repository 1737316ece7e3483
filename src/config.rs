//! The configuration: TOML into [`Config`], with a default for every key. Flags come first, then `ESPOMAIL_*`, then the
//! file: `-c`, `$ESPOMAIL_CONFIG`, `$XDG_CONFIG_HOME/espomail/config.toml`, `/etc/espomail/config.toml`.

mod oauth;

pub use oauth::{Provider, provider_of};

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::decide::budget::{Budgets, Limits};
use crate::decide::fields::Fields;
use crate::decide::host;
use crate::fault::{Class, Fault};
use crate::output::LogFormat;
use crate::words::{Hook, Pruning};
use crate::{clock, custody};

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
        Self { raw: None, trash: None, digests: None, notifications: None, reasons: None, finished: Some(90 * 86_400) }
    }
}

impl Keep {
    /// Returns for how many seconds something is kept; none is for good.
    pub const fn of(&self, pruning: Pruning) -> Option<i64> {
        match pruning {
            Pruning::Raw => self.raw,
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
        Self { level: "warn".to_string(), format: LogFormat::Text }
    }
}

/// The configuration with where it came from.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    pub config: Config,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// Keys that the file sets, dotted.
    pub set_in_file: Vec<String>,
    /// Where the database URL came from when not from the file: `--database` or `ESPOMAIL_DATABASE`.
    pub database_from: Option<&'static str>,
}

impl Loaded {
    /// Refuses a configuration that others could change: it says which commands are run.
    pub fn check_custody(&self) -> Result<(), Fault> {
        self.file.as_ref().map_or(Ok(()), |file| custody::check("the configuration", file))
    }
}

/// What the environment and the command line say of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    pub file: Option<PathBuf>,
    pub database: Option<String>,
    /// `ESPOMAIL_CONFIG` and `ESPOMAIL_DATABASE`.
    pub environment_file: Option<PathBuf>,
    pub environment_database: Option<String>,
    /// `$XDG_CONFIG_HOME`, else `$HOME/.config`.
    pub config_home: Option<PathBuf>,
}

impl Overrides {
    /// Returns the file that is asked for by name, if one is.
    pub fn named_file(&self) -> Option<&PathBuf> {
        self.file.as_ref().or(self.environment_file.as_ref())
    }

    /// Returns where the file is looked for, the first first.
    pub fn places(&self) -> Vec<PathBuf> {
        let home = self.config_home.iter().map(|home| home.join("espomail/config.toml"));
        home.chain([PathBuf::from("/etc/espomail/config.toml")]).collect()
    }
}

/// Reads the configuration. A named file must exist; without one, defaults hold. Whether others could have written it is a
/// question of its own ([`Loaded::check_custody`]).
pub fn load(overrides: &Overrides) -> Result<Loaded> {
    let file = match overrides.named_file() {
        Some(file) => Some(file.clone()),
        None => overrides.places().into_iter().find(|place| !matches!(place.try_exists(), Ok(false))),
    };
    let mut loaded = match file {
        Some(file) => read(&file)?,
        None => Loaded::default(),
    };
    if let Some(url) = &overrides.database {
        (loaded.config.database, loaded.database_from) = (url.clone(), Some("--database"));
    } else if let Some(url) = &overrides.environment_database {
        (loaded.config.database, loaded.database_from) = (url.clone(), Some("ESPOMAIL_DATABASE"));
    }
    Ok(loaded)
}

fn read(file: &Path) -> Result<Loaded> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| {
        let (class, hint) = match error.kind() {
            std::io::ErrorKind::NotFound => (Class::Config, "try: espomail init"),
            // Whoever may not read it is not the service account (ACCESS-4).
            std::io::ErrorKind::PermissionDenied => (Class::Refused, "try: sudo -u ACCOUNT espomail …; see espomail-access(7)"),
            _ => (Class::Config, "check who may read it"),
        };
        Fault::new(class, format!("cannot read the configuration {name}: {error}")).hint(hint)
    })?;
    if let Ok(metadata) = std::fs::metadata(file) {
        custody::trust_owner_of(&metadata);
    }
    let mut config = parse(&text).map_err(|(line, what)| Fault::new(Class::Config, format!("{name}:{line}: {what}")))?;
    if has_password(&config.database) {
        let mode = std::fs::metadata(file)?.mode();
        if mode & 0o077 != 0 {
            let what = format!("{name} has a password in its database URL and others can read it");
            return Err(Fault::new(Class::Refused, what).hint(format!("try: chmod 600 {name}")).into());
        }
    }
    let folder = file.parent().unwrap_or(Path::new("."));
    if let Some(path) = config.database.strip_prefix("sqlite:").filter(|path| Path::new(path).is_relative()) {
        config.database = format!("sqlite:{}", folder.join(path).display());
    }
    for dkim in config.send.dkim.values_mut().filter(|dkim| Path::new(&dkim.key_file).is_relative()) {
        dkim.key_file = folder.join(&dkim.key_file).display().to_string();
    }
    let of_oauth = config.oauth.values_mut().flat_map(|provider| [&mut provider.client_secret_file, &mut provider.ca_file]);
    let paths = of_oauth.chain([&mut config.security.key_file]).flatten();
    paths.filter(|path| Path::new(path).is_relative()).for_each(|path| *path = folder.join(&path).display().to_string());
    let set_in_file = text.parse::<toml::Table>().map(|table| keys(&table, "")).unwrap_or_default();
    Ok(Loaded { config, file: Some(file.to_path_buf()), set_in_file, database_from: None })
}

/// Reads TOML; an error has its line and says the nearest key.
pub fn parse(text: &str) -> Result<Config, (usize, String)> {
    let config: Config = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let line = text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        (line, explained(error.message()))
    })?;
    match wrong_value(&config) {
        Some(wrong) => Err((line_of(text, wrong.table, wrong.key), format!("`{}` {}", wrong.key, wrong.what))),
        None => Ok(config),
    }
}

/// Returns the line of a key in a table; that of the table where the key is not found, else the first.
fn line_of(text: &str, table: &str, key: &str) -> usize {
    let (mut inside, mut of_table) = (false, 1);
    for (number, line) in (1..).zip(text.lines().map(str::trim_start)) {
        if line.starts_with('[') {
            inside = line.trim_start_matches('[').starts_with(table);
            of_table = if inside { number } else { of_table };
        } else if inside && line.starts_with(key) {
            return number;
        }
    }
    of_table
}

/// A value that makes no sense, and why.
struct Wrong {
    table: &'static str,
    key: &'static str,
    what: String,
}

/// Returns the first one.
fn wrong_value(config: &Config) -> Option<Wrong> {
    let (fetch, send) = (&config.fetch, &config.send);
    let positive = |number: i64| u64::try_from(number).unwrap_or_default();
    let numbers = [
        ("fetch", "workers", fetch.workers as u64, 1_000),
        ("fetch", "wait-connections", fetch.wait_connections as u64, 1_000),
        ("fetch", "memory-mib", fetch.memory_mib, 1 << 20),
        ("fetch", "batch-messages", fetch.batch_messages as u64, 10_000),
        ("fetch", "batch-mib", fetch.batch_mib, 1 << 10),
        ("fetch", "connect-timeout", fetch.connect_timeout, 3_600),
        ("fetch", "read-timeout", fetch.read_timeout, 3_600),
        ("fetch", "max-seconds", positive(fetch.max_seconds), 86_400),
        ("fetch", "max-message-mib", positive(fetch.max_message_mib), 1 << 10),
        ("filters", "command-timeout", config.filters.command_timeout, 3_600),
        ("hooks", "timeout", config.hooks.timeout, 3_600),
        ("link", "token-days", positive(config.link.token_days), 36_500),
        ("send", "per-pass", send.per_pass as u64, 1_000_000),
        ("send", "workers", send.workers as u64, 1_000),
        ("send", "connect-timeout", send.connect_timeout, 3_600),
        ("send", "answer-timeout", send.answer_timeout, 3_600),
        ("send", "final-timeout", send.final_timeout, 3_600),
        ("send", "max-seconds", send.max_seconds, 86_400),
    ];
    let wrong = numbers.into_iter().find(|(.., value, most)| !(1..=*most).contains(value));
    if let Some((table, key, _, most)) = wrong {
        return Some(Wrong { table, key, what: format!("must be between 1 and {most}") });
    }
    let hosts = &config.security.internal_hosts;
    if let Some(wrong) = hosts.iter().find_map(|host| host::checked(host).err()) {
        return Some(Wrong { table: "security", key: "internal-hosts", what: format!("names servers: {wrong}") });
    }
    // RFC 8601, section 2.5: a token, as a domain is; what is quoted could hold anything.
    let is_token = |id: &String| {
        !id.is_empty() && !id.contains(|c: char| c.is_control() || c.is_whitespace() || "()<>@,;:\\\"/[]?=".contains(c))
    };
    if let Some(wrong) = config.security.authserv_id.iter().find(|id| !is_token(id)) {
        return Some(Wrong {
            table: "security",
            key: "authserv-id",
            what: format!("names servers: {wrong:?} is not such a name"),
        });
    }
    if config.filters.commands.values().any(|command| command.first().is_none_or(String::is_empty)) {
        let what = "must name a program in each command".to_string();
        return Some(Wrong { table: "filters.commands", key: "[filters.commands]", what });
    }
    if config.hooks.commands().values().any(|command| command.first().is_none_or(String::is_empty)) {
        return Some(Wrong { table: "hooks", key: "[hooks]", what: "must name a program in each command".to_string() });
    }
    if let Some((key, what)) = config.oauth.values().find_map(Provider::wrong) {
        return Some(Wrong { table: "oauth", key, what });
    }
    if !config.budgets.is_credible() {
        return Some(Wrong { table: "budgets", key: "[budgets]", what: "needs numbers from 0 to 1000000000".to_string() });
    }
    if let Some((kind, name, what)) = config.fields.wrong() {
        return Some(Wrong { table: "fields", key: "[fields]", what: format!("of {kind}: {name:?} {what}") });
    }
    let level = &config.log.level;
    let is_level = level.parse::<log::LevelFilter>().is_ok();
    let what = format!("must be error, warn, info, debug or trace, not {level:?}");
    (!is_level).then_some(Wrong { table: "log", key: "level", what })
}

/// Turns ``unknown field `x`, expected one of `a`, `b` `` into the nearest key.
fn explained(message: &str) -> String {
    let Some(rest) = message.strip_prefix("unknown field ") else { return message.to_string() };
    let mut names = rest.split('`').skip(1).step_by(2);
    let wrong = names.next().unwrap_or_default();
    let nearest = names.max_by(|a, b| strsim::jaro_winkler(a, wrong).total_cmp(&strsim::jaro_winkler(b, wrong)));
    match nearest {
        Some(nearest) => format!("unknown key `{wrong}`; did you mean `{nearest}`?"),
        None => format!("unknown key `{wrong}`"),
    }
}

/// Returns the dotted keys of a table.
pub fn keys(table: &toml::Table, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in table {
        let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            toml::Value::Table(inner) => found.extend(keys(inner, &key)),
            _ => found.push(key),
        }
    }
    found
}

/// Whether a URL has a password between `:` and `@`.
pub fn has_password(url: &str) -> bool {
    masked(url) != url
}

/// Returns a URL without its password.
pub fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_string() };
    // A password may hold an unescaped slash: everything before the last @ is suspect.
    let before_parameters = rest.split('?').next().unwrap_or_default();
    let mut shown = url.to_string();
    if let Some((credentials, _)) = before_parameters.rsplit_once('@')
        && let Some((user, password)) = credentials.split_once(':')
    {
        shown = format!("{scheme}://{user}:…{}", &rest[user.len() + 1 + password.len()..]);
    }
    // libpq also takes it as a parameter, and the one of a client key (`sslpassword`).
    let mut parts = shown.split("password=");
    let first = parts.next().unwrap_or_default().to_string();
    parts.fold(first, |all, after| format!("{all}password=…{}", after.find('&').map_or("", |end| &after[end..])))
}

#[cfg(test)]
mod tests;
