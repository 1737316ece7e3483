//! Authorisation servers and the tokens that they give: where the secrets of the one and the others are, and how they are kept.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};

use super::secret::{check_secret, check_secret_command, first_line_of_command, first_line_of_file};
use super::{Context, is_dead, random};
use crate::config::Provider;
use crate::custody;
use crate::fault::{Class, Fault, Reach};
use crate::net::{OAUTH, Stop, Terms};
use crate::oauth::{Client, Tokens};
use crate::pass::token::{self, Which};
use crate::secret::Secret;
use crate::store::account::Account;
use crate::store::grant::Sealed;
use crate::store::vault;
use crate::words::AccountId;

/// The bytes that a file which says where a server is may have.
const LARGEST: u64 = 64 << 10;

impl Context {
    /// Returns the token of an account's grant; behind one that was refused another, where there is one.
    pub(super) fn token(&self, account: &Account, refused: Option<&Secret>) -> Result<Option<Secret>> {
        let setting = token::Setting {
            database: self.database(),
            owner: &self.owner()?,
            is_dead: &is_dead,
            now: &|| self.now(),
            open: &|which, sealed| self.open_token(account, which, sealed),
            seal: &|tokens| self.seal_tokens(account.id, tokens),
            client: &|provider| self.authorisation_server(provider),
        };
        token::current(&setting, account, refused)
    }

    /// Seals tokens for the database, with when the one is to be renewed.
    pub fn seal_tokens(&self, account: AccountId, tokens: &Tokens) -> Result<Sealed> {
        let seal = |which: Which, token: &Secret| vault::seal(self.key()?, &place(account, which), random()?, token);
        let (renew_at, ends_at) = token::times(tokens.seconds, self.now()).unzip();
        Ok(Sealed {
            access_sealed: seal(Which::Access, &tokens.access)?,
            refresh_sealed: tokens.refresh.as_ref().map(|token| seal(Which::Refresh, token)).transpose()?,
            renew_at,
            ends_at,
        })
    }

    fn open_token(&self, account: &Account, which: Which, sealed: &[u8]) -> Result<Secret> {
        let key = self.key()?;
        vault::open(key, &place(account.id, which), sealed).map_err(|_| {
            Fault::new(Class::Config, "the stored token does not open with this key")
                .reach(Reach::Account)
                .hint(format!("check security.key-file, or try: espomail account authorize {}", account.name))
                .into()
        })
    }

    /// Returns an authorisation server: one of the configuration by its name, or of a file by its path.
    pub fn authorisation_server(&self, name: &str) -> Result<Client> {
        let (provider, shown) = self.provider(name)?;
        let missing = |key: &str| {
            let what = format!("of the authorisation server {name} no {key} is known");
            Fault::new(Class::Config, what).reach(Reach::Account).hint(format!("set it in {shown}; see espomail.toml(5)"))
        };
        if provider.client_id.is_empty() {
            return Err(missing("client-id").into());
        }
        let fetch = &self.loaded.config.fetch;
        let terms = Terms {
            connect_timeout: std::time::Duration::from_secs(fetch.connect_timeout),
            read_timeout: std::time::Duration::from_secs(fetch.read_timeout),
            // A token is worth as much as a password.
            allow_plain: false,
            internal_hosts: Vec::new(),
            // A refresh token that was given anew would be lost with the answer.
            stop: Stop::default(),
        };
        let mut place = terms.place(false, Instant::now(), OAUTH);
        place.ca_file = provider.ca_file.as_ref().map(Into::into);
        Ok(Client {
            name: name.to_string(),
            id: provider.client_id.clone(),
            secret: client_secret(&provider).with_context(|| format!("the client secret of {name}"))?,
            authorize_url: provider.authorize_url,
            device_url: provider.device_url,
            token_url: provider.token_url.ok_or_else(|| missing("token-url"))?,
            scopes: provider.scopes,
            place,
        })
    }

    /// Returns what is known of a server, and where it is to be set.
    fn provider(&self, name: &str) -> Result<(Provider, String)> {
        if name.contains('/') {
            return Ok((read(Path::new(name))?, name.to_string()));
        }
        let said = self.loaded.config.oauth.get(name).cloned().unwrap_or_default();
        Ok((said.completed(name), format!("[oauth.{name}] of the configuration")))
    }
}

/// Reads a file that says where a server is. It says which command is run: as of the configuration, nobody else may write it.
fn read(path: &Path) -> Result<Provider> {
    custody::check("the provider file", path)?;
    custody::check_free(path)?;
    let shown = path.display();
    let bad = |what: String| Fault::new(Class::Config, what).reach(Reach::Account);
    let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    if length > LARGEST {
        return Err(bad(format!("{shown} is no file that says where an authorisation server is")).into());
    }
    let text = std::fs::read_to_string(path).map_err(|error| bad(format!("cannot read {shown}: {error}")))?;
    let mut provider: Provider = toml::from_str(&text).map_err(|error| bad(format!("{shown}: {}", error.message())))?;
    if let Some((key, what)) = provider.wrong() {
        return Err(bad(format!("{shown}: `{key}` {what}")).into());
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    for file in [&mut provider.client_secret_file, &mut provider.ca_file].into_iter().flatten() {
        *file = folder.join(&file).display().to_string();
    }
    Ok(provider)
}

/// Reads the secret by which a server knows us; those that run on people's own machines may have none.
fn client_secret(provider: &Provider) -> Result<Option<Secret>> {
    match (&provider.client_secret_file, provider.client_secret_command.as_slice()) {
        (Some(file), _) => first_line_of_file(Path::new(file)).map(Some),
        (None, []) => Ok(None),
        (None, command) => first_line_of_command(command).map(Some),
    }
}

/// Refuses a client secret that others could read or change.
pub fn check_provider(provider: &Provider) -> Result<()> {
    check_secret_command(&provider.client_secret_command)?;
    provider.ca_file.iter().try_for_each(|file| custody::check("the CA file", Path::new(file)))?;
    provider.client_secret_file.iter().try_for_each(|file| check_secret(Path::new(file)))
}

fn place(account: AccountId, which: Which) -> String {
    match which {
        Which::Access => format!("accounts/{account}/access-token"),
        Which::Refresh => format!("accounts/{account}/refresh-token"),
    }
}
