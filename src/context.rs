//! What a command carries: the configuration, the clock, the output, and the store once it is opened. Time, environment,
//! host name, randomness and secrets enter here and nowhere else.

mod caller;
mod oauth;
mod secret;
mod storage;
mod token;

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, anyhow};
use base64::Engine;

use crate::clock;
use crate::config::{Loaded, Overrides, Security};
use crate::custody;
use crate::decide::access::{self as rights, Actor, Permit};
use crate::decide::caller::{Acts, Caller};
use crate::fault::{self, Class, Fault, Reach};
use crate::mail::dkim::SigningKey;
use crate::output::Output;
use crate::secret::Secret;
use crate::store::account::Account;
use crate::store::backup;
use crate::store::generation::Beside;
use crate::store::sending::{Password, Smtp};
use crate::store::vault::{self, Key};
use crate::store::{self, Store, dialect, user};
use crate::words::{AccountId, Auth, PasswordSource};

pub use oauth::check_provider;
pub use secret::{check_secret, check_secret_command, read_password};
pub use storage::check as check_storage;
pub use token::make as make_token_key;

use secret::{credential, credential_path, first_line_of_command, first_line_of_file, secret_of_file};

/// Everything a command works with.
pub struct Context {
    pub out: Output,
    pub loaded: Loaded,
    fixed_now: Option<i64>,
    key: OnceLock<Key>,
    actor: Actor,
}

/// Reads what the environment says of the configuration; of one who comes through sudo it says nothing.
pub fn overrides(file: Option<PathBuf>, database: Option<String>) -> Overrides {
    let caller = caller();
    if caller.guest().is_some() {
        return caller::fixed_places(&caller);
    }
    let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    Overrides {
        file,
        database,
        environment_file: path("ESPOMAIL_CONFIG"),
        environment_database: std::env::var("ESPOMAIL_DATABASE").ok().filter(|url| !url.is_empty()),
        config_home: path("XDG_CONFIG_HOME").or_else(|| path("HOME").map(|home| home.join(".config"))),
    }
}

/// Whether espomail finds this configuration by itself where cron starts it, which knows no more than HOME.
pub fn is_found_by_cron(file: &Path) -> bool {
    let config_home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"));
    Overrides { config_home, ..Overrides::default() }.places().iter().any(|place| place == file)
}

pub use caller::{caller, check_hook, hook_environment, variables};

/// A limit on the size of files is a full disk like any other, an error where it is met: its signal (SIGXFSZ) would end the process.
pub fn outlive_file_limits() {
    let signal = rustix::process::Signal::XFSZ.as_raw();
    if let Err(error) = signal_hook::flag::register(signal, std::sync::Arc::default()) {
        log::debug!("SIGXFSZ: {error}");
    }
}

/// Whether the effective user is root, whose files go to /etc and /var/lib.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns the folder for a user's data: `$XDG_DATA_HOME`, else `$HOME/.local/share`.
pub fn data_home() -> Option<PathBuf> {
    let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    path("XDG_DATA_HOME").or_else(|| path("HOME").map(|home| home.join(".local/share")))
}

/// Whether the journal of systemd reads standard error: it says by `JOURNAL_STREAM` which file that is.
pub fn is_journal() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else { return false };
    rustix::fs::fstat(std::io::stderr()).is_ok_and(|file| named == format!("{}:{}", file.st_dev, file.st_ino))
}

/// Returns the log level from the environment, such as `debug` or `info,diesel=debug`.
pub fn log_level() -> Option<String> {
    std::env::var("ESPOMAIL_LOG").ok().filter(|level| !level.is_empty())
}

impl Context {
    /// Makes a context. `ESPOMAIL_NOW` fixes the present, for tests and for replaying a day.
    pub fn new(out: Output, loaded: Loaded) -> Result<Self> {
        let fixed_now = match std::env::var("ESPOMAIL_NOW") {
            Ok(text) if !text.is_empty() => {
                Some(clock::parse(&text, 0).map_err(|error| Fault::new(Class::Usage, format!("ESPOMAIL_NOW: {error}")))?)
            }
            _ => None,
        };
        if let Ok(Some(database)) = backup::path_of(&loaded.config.database) {
            custody::keep_off(&database);
        }
        storage::learn(&loaded.config);
        Ok(Self { out, loaded, fixed_now, key: OnceLock::new(), actor: Actor::default() })
    }

    /// Finds out who is asking (ACCESS-4); until then it is nobody, who may do nothing. `--as` names another user.
    pub fn identify(&mut self, named: Option<&str>) -> Result<()> {
        let caller = caller();
        let file = self.loaded.file.as_ref();
        let owner = file.and_then(|file| std::fs::metadata(file).ok()).map(|metadata| metadata.uid());
        self.actor = match caller.acts(owner) {
            Acts::Service => Actor { os_account: caller.os_account().to_string(), administrator: true, ..Actor::default() },
            Acts::User(login) => self.user(&caller, login, false)?,
            Acts::Nobody => return Err(not_the_service(&caller, file.map(PathBuf::as_path))),
        };
        if let Some(login) = named {
            if !self.actor.administrator {
                return Err(Fault::new(Class::Refused, "only administrators act for another user: --as")
                    .hint("leave it out")
                    .into());
            }
            self.actor = self.user(&caller, login, true)?;
        }
        Ok(())
    }

    /// Returns an active user as the one who asks.
    fn user(&self, caller: &Caller, login: &str, on_behalf: bool) -> Result<Actor> {
        let mut store = self.store()?;
        let db = store.connection();
        match user::active(db, login)? {
            Some(id) => store::rights::actor(db, caller.os_account(), id, on_behalf),
            None => {
                // Who comes by their own name is to be added; whoever types one, an administrator, may hear which there are.
                let hint = match on_behalf.then(|| user::find(db, login)) {
                    None => format!("an administrator adds one with: espomail user add {login}; see espomail-access(7)"),
                    Some(Err(error)) => fault::hint_of(&error).unwrap_or_default().to_string(),
                    Some(Ok(_)) => "see: espomail user list".to_string(),
                };
                Err(Fault::new(Class::Refused, format!("there is no active user with the login {login:?}")).hint(hint).into())
            }
        }
    }

    /// Returns the present in seconds since 1970 UTC.
    pub fn now(&self) -> i64 {
        self.fixed_now.unwrap_or_else(|| jiff::Timestamp::now().as_second())
    }

    /// Reads a time from an argument.
    pub fn time(&self, text: &str) -> Result<i64> {
        clock::parse(text, self.now()).map_err(|error| Fault::new(Class::Usage, error).into())
    }

    /// Returns who is asking.
    pub fn actor(&self) -> Actor {
        self.actor.clone()
    }

    /// Returns who is asking, for a permit that lives as long as this.
    pub const fn actor_ref(&self) -> &Actor {
        &self.actor
    }

    /// Returns the permit for what only administrators do (ACCESS-1).
    pub fn administrator(&self) -> Result<Permit<'_>> {
        rights::administer(&self.actor).map_err(|_| self.refused("only administrators may do this"))
    }

    /// Makes the error for what the one who asks may not do.
    pub fn refused(&self, what: &str) -> anyhow::Error {
        let login = self.actor.login.as_deref().unwrap_or_default();
        Fault::new(Class::Refused, what).hint(format!("see what you may do: espomail user rights {login}")).into()
    }

    /// Returns the database URL.
    pub fn database(&self) -> &str {
        &self.loaded.config.database
    }

    /// Returns where this host writes how far it has come with the database.
    pub fn beside(&self) -> Beside {
        self.beside_of(self.database())
    }

    /// The same of another one.
    pub fn beside_of(&self, url: &str) -> Beside {
        Beside { url: url.to_string(), folder: caller::state_folder() }
    }

    /// Opens the store; its schema must be ours.
    pub fn store(&self) -> Result<Store> {
        Store::open(self.database())
    }

    /// Opens the store; none where nothing is set up: neither a configuration nor a database, and none was named.
    pub fn store_if_any(&self) -> Result<Option<Store>> {
        let loaded = &self.loaded;
        let is_default = loaded.file.is_none() && loaded.database_from.is_none();
        let is_there = dialect::sqlite_path(self.database())?.is_none_or(|path| Path::new(path).exists());
        if is_default && !is_there { Ok(None) } else { self.store().map(Some) }
    }

    /// Returns who takes leases: host, process, a number of this run, where the number of the process means anything, and when it began.
    pub fn owner(&self) -> Result<String> {
        let run = u32::from_le_bytes(random()?);
        let (processes, begun) = (processes().unwrap_or_default(), begun_at("self").unwrap_or_default());
        Ok(format!("{}/{}/{run:08x}/{processes}/{begun}", host(), std::process::id()))
    }

    /// Seals an account's password for the database.
    pub fn seal(&self, account: AccountId, password: &Secret) -> Result<Vec<u8>> {
        vault::seal(self.key()?, &place(account), random()?, password)
    }

    /// Seals an account's password for sending.
    pub fn seal_for_sending(&self, account: AccountId, password: &Secret) -> Result<Vec<u8>> {
        vault::seal(self.key()?, &place_for_sending(account), random()?, password)
    }

    /// Returns what proves that we may read an account: a token of its grant, else a password from wherever it is kept, which may be a
    /// token, too. Behind one that was refused there is another only of a grant.
    pub fn secret_of(&self, account: &Account, refused: Option<&Secret>) -> Result<Option<Secret>> {
        if account.reads_by_grant() {
            return self.token(account, refused);
        }
        if refused.is_some() { Ok(None) } else { self.password_of(account).map(Some) }
    }

    /// The same for sending: its own password, else what is there for reading.
    pub fn secret_for_sending(&self, account: &Account, smtp: &Smtp, refused: Option<&Secret>) -> Result<Option<Secret>> {
        let by_grant = smtp.password.is_none() && account.grant.is_some() && smtp.auth.auth().is_some_and(Auth::is_token);
        match &smtp.password {
            _ if by_grant => self.token(account, refused),
            _ if refused.is_some() => Ok(None),
            None => self.password_of(account).map(Some),
            Some(kept) => {
                let hint = || format!("try: espomail account set {} --smtp-password-stdin", account.name);
                self.password(kept, &place_for_sending(account.id), hint).map(Some)
            }
        }
    }

    fn password_of(&self, account: &Account) -> Result<Secret> {
        let hint = || match account.server.auth {
            Auth::Password => format!("try: espomail account set {} --password-stdin", account.name),
            Auth::Xoauth2 | Auth::Oauthbearer => format!("try: espomail account authorize {}", account.name),
        };
        self.password(&account.password, &place(account.id), hint)
    }

    fn password(&self, kept: &Password, place: &str, hint: impl Fn() -> String) -> Result<Secret> {
        let reference = kept.reference.as_deref().unwrap_or_default();
        let secret = match kept.source {
            PasswordSource::Stored => match &kept.sealed {
                Some(sealed) => vault::open(self.key()?, place, sealed),
                None => Err(Fault::new(Class::Config, "neither a password nor a token is set").hint(hint()).into()),
            },
            PasswordSource::Command => serde_json::from_str::<Vec<String>>(reference)
                .context("the stored password command")
                .and_then(|arguments| first_line_of_command(&arguments)),
            PasswordSource::File => first_line_of_file(Path::new(reference)),
            PasswordSource::Credential => credential(reference),
        };
        secret.map_err(|error| match error.downcast::<Fault>() {
            Ok(fault) => fault.reach(Reach::Account).into(),
            Err(other) => other,
        })
    }

    /// Returns the key of stored passwords: a systemd credential, a command or a file.
    pub fn key(&self) -> Result<&Key> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let key = key_of(&self.loaded.config.security)?;
        Ok(self.key.get_or_init(|| key))
    }
}

/// Reads the key of stored passwords from where the configuration says.
pub fn key_of(security: &Security) -> Result<Key> {
    let text = if credential_path("espomail-key").is_some_and(|path| path.exists()) {
        credential("espomail-key")?
    } else if !security.key_command.is_empty() {
        first_line_of_command(&security.key_command)?
    } else if let Some(file) = &security.key_file {
        first_line_of_file(Path::new(file))?
    } else {
        return Err(Fault::new(Class::Config, "there is no key to keep passwords in the database")
            .hint("set security.key-file, or use --password-command or --password-file")
            .into());
    };
    read_key(text.reveal())
        .ok_or_else(|| Fault::new(Class::Config, "the key is not 32 bytes in Base64 or hexadecimal digits").into())
}

/// The one who asks is neither the service account nor came through it.
fn not_the_service(caller: &Caller, file: Option<&Path>) -> anyhow::Error {
    let what = if caller.otherwise {
        "only sudo says who asks: doas and pkexec cannot be used to reach the service account".to_string()
    } else {
        let file = file.map(|file| file.display().to_string()).unwrap_or_default();
        format!("{} is not the service account, which owns {file}", caller.account)
    };
    Fault::new(Class::Refused, what).hint("try: sudo -u ACCOUNT espomail …; see espomail-access(7)").into()
}

/// Whether the owner of a lease was a process that is gone.
pub fn is_dead(owner: &str) -> bool {
    lives(owner) == Some(false)
}

/// Whether the owner of a lease is a process that is there, whatever the clock says of the lease.
pub fn is_alive(owner: &str) -> bool {
    lives(owner) == Some(true)
}

/// Whether the owner of a lease lives; none where nobody can tell. Only of our own kind is that known: two containers may have one
/// host's name, and see nothing of each other's processes. Of all others the lease runs out.
fn lives(owner: &str) -> Option<bool> {
    let parts: Vec<&str> = owner.split('/').collect();
    let &[its_host, process, _, its_processes, begun] = parts.as_slice() else { return None };
    let number = rustix::process::Pid::from_raw(i32::try_from(process.parse::<u32>().ok()?).ok()?)?;
    if its_host != host() || processes()? != its_processes {
        return None;
    }
    // Asked of the kernel: /proc may show nobody the processes of others. A number is given again.
    match rustix::process::test_kill_process(number) {
        Err(rustix::io::Errno::SRCH) => Some(false),
        _ => begun_at(process).map(|its| its == begun),
    }
}

/// When a process began, in ticks of the clock since the kernel did (proc_pid_stat(5)); none where that is hidden.
fn begun_at(process: &str) -> Option<String> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(process).join("stat")).ok()?;
    // Behind the name in parentheses, which may hold anything.
    stat.rsplit(')').next()?.split_ascii_whitespace().nth(19).map(str::to_string)
}

/// Names the kernel that runs and the namespace whose processes we see (pid_namespaces(7)); none where that cannot be read.
fn processes() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::metadata("/proc/self/ns/pid").ok()?;
    let boot: String = boot.chars().filter(char::is_ascii_hexdigit).take(12).collect();
    Some(format!("{boot}.{}", namespace.ino()))
}

/// Returns how we call ourselves to other servers.
pub fn own_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    if is_name { name } else { "localhost".to_string() }
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().replace('/', "_")
}

fn place_for_sending(account: AccountId) -> String {
    format!("accounts/{account}/smtp-password")
}

fn place(account: AccountId) -> String {
    format!("accounts/{account}/password")
}

/// Returns random bytes.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no randomness to be had: {error}"))?;
    Ok(bytes)
}

/// Makes a new key as text.
pub fn new_key() -> Result<String> {
    Ok(base64::engine::general_purpose::STANDARD.encode(random::<32>()?))
}

fn read_key(text: &str) -> Option<Key> {
    let text = text.trim();
    let bytes = if text.len() == 64 {
        (0..32)
            .map(|at| text.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
            .collect::<Option<Vec<u8>>>()?
    } else {
        base64::engine::general_purpose::STANDARD.decode(text).ok()?
    };
    Some(Key::new(bytes.try_into().ok()?))
}

/// Reads the keys with which domains sign what goes out.
pub fn signing_keys(send: &crate::config::Send) -> Result<Vec<SigningKey>> {
    send.dkim.iter().map(|(domain, dkim)| signing_key(domain, dkim)).collect()
}

/// Reads the key with which one domain signs.
pub fn signing_key(domain: &str, dkim: &crate::config::Dkim) -> Result<SigningKey> {
    let read = secret_of_file(Path::new(&dkim.key_file));
    let key = read.and_then(|pem| SigningKey::read(domain, &dkim.selector, pem.as_bytes()));
    key.with_context(|| format!("send.dkim.{domain:?}"))
}

/// Reads all of standard input.
pub fn read_stdin(max: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Ok(file) = rustix::fs::fstat(std::io::stdin()) {
        custody::check_free_file((file.st_dev, file.st_ino), "standard input")?;
    }
    std::io::stdin().lock().take(max + 1).read_to_end(&mut bytes).context("reading standard input")?;
    if bytes.len() as u64 > max {
        return Err(Fault::new(Class::Data, format!("the message on standard input is larger than {max} bytes")).into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetch_11_only_a_process_that_we_could_see_is_taken_for_dead() {
        let ours = processes().expect("Linux says so");
        let mut child = std::process::Command::new("true").spawn().expect("a process");
        child.wait().expect("its end");
        let (gone, here) = (child.id(), std::process::id());
        let begun = begun_at("self").expect("Linux says so");
        assert!(is_dead(&format!("{}/{gone}/0/{ours}/1", host())));
        assert!(is_dead(&format!("{}/{here}/0/{ours}/1", host())), "another one has its number");
        let own = format!("{}/{here}/0/{ours}/{begun}", host());
        assert!(is_alive(&own) && !is_dead(&own));
        for owner in [
            // Of another container, of the time before a restart, of another host, of an older program.
            format!("{}/{gone}/0/{ours}1/1", host()),
            format!("{}/{gone}/0//1", host()),
            format!("elsewhere/{gone}/0/{ours}/1"),
            format!("{}/{gone}/0", host()),
            format!("{}/0/0/{ours}/1", host()),
            format!("{}/-1/0/{ours}/1", host()),
            String::new(),
        ] {
            assert!(!is_dead(&owner) && !is_alive(&owner), "{owner}");
        }
    }

    #[test]
    fn a_key_is_32_bytes_in_either_writing() {
        assert!(read_key(&new_key().expect("random")).is_some() && read_key(&"0f".repeat(32)).is_some());
        for wrong in ["", "short", &"0g".repeat(32), &"é".repeat(32), "AAAA"] {
            assert!(read_key(wrong).is_none(), "{wrong}");
        }
    }
}
