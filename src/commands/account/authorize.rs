//! `espomail account authorize`.

use anyhow::{Context as _, Result};

use crate::commands::{argument, right};
use crate::config::provider_of;
use crate::context::{self, Context};
use crate::fault::{Class, Fault};
use crate::oauth::{Browser, Client, Device, Tokens};
use crate::store::sending::{self, Sending};
use crate::store::{Store, access as trace, account, grant, state, trouble};
use crate::words::{Auth, SmtpAuth};

#[derive(Debug, clap::Args)]
pub struct Authorize {
    /// Name or number
    account: String,
    /// Who gives the right: google, microsoft, another name of the configuration, or a file that ends with .toml [default: as
    /// last time, else by the name of the server for reading]
    #[arg(long, value_name = "NAME|FILE")]
    provider: Option<String>,
    /// With a browser on this machine, or with a code to type in on any device [default: device where the provider has that]
    #[arg(long, value_name = "HOW")]
    flow: Option<Flow>,
    /// Port of this machine that the browser comes back to, such as the one that ssh -L leads here [default: any that is free]
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Flow {
    Browser,
    Device,
}

impl Authorize {
    pub fn run(self, context: &Context, mut store: Store) -> Result<()> {
        let (actor, wanted) = (context.actor(), &self.account);
        let (account, _) = right::account(store.connection(), context, &actor, wanted)?;
        drop(store);
        let name = &account.name;
        let provider = match (&self.provider, &account.grant) {
            (Some(named), _) => named.clone(),
            (None, Some(grant)) => grant.provider.clone(),
            (None, None) => provider_of(&account.server.imap_host).map(ToString::to_string).ok_or_else(|| {
                let what = format!("account {name}: nobody is named who gives the right");
                Fault::new(Class::Usage, what)
                    .hint("add --provider NAME: google, microsoft, or what the configuration says in [oauth.NAME]; or a file")
            })?,
        };
        let is_file = provider.contains('/') || provider.ends_with(".toml");
        // The service account would read what they name.
        if is_file && (!actor.administrator || context::caller().guest().is_some()) {
            return Err(context.refused("through sudo no file is named with --provider, nor by who is no administrator"));
        }
        // A pass has another working directory.
        let provider = if is_file { std::path::absolute(&provider)?.display().to_string() } else { provider };
        // Without a key there is nowhere to keep what comes: say so before anybody takes pains.
        context.key()?;
        let client = context.authorisation_server(&provider)?;
        let tokens = self.ask(context, &client, &account.server.imap_user).with_context(|| format!("account {name}"))?;
        let mut store = context.store()?;
        let (id, now) = (account.id, context.now());
        store.alone(|db| {
            // Meanwhile much may have happened.
            let (account, permit) = right::account(db, context, &actor, &id.to_string())?;
            let mut settings = account.settings.clone();
            if settings.server.auth == Auth::Password {
                settings.server.auth = Auth::Xoauth2;
                account::set(db, &permit, &account, &settings)?;
            }
            let mut with = sending::of(db, id)?;
            if follow(&mut with, settings.server.auth) {
                sending::set(db, &permit, id, &with)?;
            }
            grant::keep(db, &permit, id, &provider, &context.seal_tokens(id, &tokens)?, now)?;
            state::try_again(db, &permit, id)?;
            trouble::try_again(db, &permit, id, now)?;
            trace::record(db, &permit, "account authorize", &format!("account:{}", account.name), &provider, now)
        })?;
        if tokens.refresh.is_none() {
            let lasts = tokens.seconds.map(|seconds| format!(" of {} minutes", seconds / 60)).unwrap_or_default();
            context.out.announce(&format!(
                "account {name}: {provider} gave no token to renew the right with, so it ends with the access token{lasts}; \
                 look at the scopes"
            ));
        }
        let quoted = argument::quoted(name);
        context.out.made(
            &serde_json::json!({ "account": name, "provider": provider }),
            &format!("Account {name} is authorised with {provider}. Next: espomail account test {quoted}"),
        );
        Ok(())
    }

    fn ask(&self, context: &Context, client: &Client, user: &str) -> Result<Tokens> {
        let usual = if client.device_url.is_some() { Flow::Device } else { Flow::Browser };
        let tokens = match self.flow.unwrap_or(usual) {
            Flow::Device => {
                let device = Device::begin(client)?;
                context.out.announce(&format!(
                    "Open {} on any device, log in as {user}, and enter the code {}",
                    device.url(),
                    device.code()
                ));
                device.wait()
            }
            Flow::Browser => {
                let browser = Browser::begin(client, self.port, user)?;
                let port = browser.port()?;
                context.out.announce(&format!(
                    "Open this page in a browser of this machine and log in as {user}; from elsewhere, first: \
                     ssh -L {port}:127.0.0.1:{port} THIS-MACHINE"
                ));
                context.out.announce(browser.url());
                browser.wait()
            }
        };
        Ok(tokens?)
    }
}

/// Whether the server for sending is to be logged in to with the same token from now on: not one that has its own way.
fn follow(with: &mut Sending, auth: Auth) -> bool {
    match &mut with.smtp {
        Some(smtp) if smtp.password.is_none() && smtp.auth == SmtpAuth::Password => {
            smtp.auth = auth.into();
            true
        }
        _ => false,
    }
}
