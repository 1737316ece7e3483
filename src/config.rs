//! The configuration: TOML into [`Config`], with a default for every key. Flags come first, then `ESPOMAIL_*`, then the
//! file: `-c`, `$ESPOMAIL_CONFIG`, `$XDG_CONFIG_HOME/espomail/config.toml`, `/etc/espomail/config.toml`.

mod oauth;
mod section;
mod storage;

pub use oauth::{Provider, provider_of};
pub use section::{Config, Dkim, Fetch, Filters, Hooks, Keep, Link, Log, Metrics, Security, Send};
pub use storage::Storage;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::custody;
use crate::decide::host;
use crate::fault::{Class, Fault};

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
    let paths = of_oauth.chain([&mut config.security.key_file]).flatten().chain(config.storage.files());
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
    if let Some((key, what)) = config.storage.wrong() {
        return Some(Wrong { table: "storage", key, what });
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
