//! `espomail config`.

use std::path::Path;

use anyhow::{Context as _, Error, Result};
use clap::Subcommand;

use crate::config::{keys, masked};
use crate::context::{self, Context};
use crate::custody;
use crate::mail::template::{Names, Template as Checked};
use crate::store::account::Account;
use crate::store::sending::Sending;
use crate::store::template::{self, Stored};
use crate::store::{account, dialect, fields, sending};
use crate::words::PasswordSource;

/// Look at the configuration
#[derive(Debug, clap::Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print every setting in force and where it came from; passwords are left out
    Show,
    /// Say whether the configuration is sound, and whose its files are
    ///
    /// Reads the configuration and the keys that it names, and looks at every file that is trusted: none may be written by others,
    /// nor a folder above it. That is the configuration, the keys, the database, the commands of filters, the secrets by which
    /// authorisation servers know us, and the password commands, password files and CA files of the accounts, where the database can
    /// be read. There it also looks whether templates name only what letters have: fields of records may have gone from the
    /// configuration. Says everything that is wrong.
    Check,
}

#[derive(serde::Serialize)]
struct Setting {
    key: String,
    value: toml::Value,
    from: String,
}

impl ConfigArgs {
    /// Whether it only looks, also at what could not be used.
    pub const fn is_check(&self) -> bool {
        matches!(self.command, ConfigCommand::Check)
    }

    pub fn run(self, context: &Context) -> Result<()> {
        let loaded = &context.loaded;
        let file = loaded.file.as_ref().map_or_else(|| "defaults".to_string(), |file| file.display().to_string());
        match self.command {
            // What cannot be read of it was said before we came here.
            ConfigCommand::Check => {
                let (faults, unseen) = faults(context);
                faults.iter().for_each(|fault| context.out.complain(fault));
                if faults.is_empty() {
                    let unseen = unseen.map(|why| format!(" The accounts' files were not looked at: {why}.")).unwrap_or_default();
                    context
                        .out
                        .made(&serde_json::json!({ "file": loaded.file, "sound": true }), &format!("{file}: sound.{unseen}"));
                }
            }
            ConfigCommand::Show => {
                let mut shown = loaded.config.clone();
                shown.database = masked(&shown.database);
                let table = toml::Table::try_from(&shown)?;
                let settings: Vec<Setting> = keys(&table, "")
                    .into_iter()
                    .map(|key| Setting {
                        value: value_of(&table, &key),
                        from: match loaded.database_from {
                            Some(from) if key == "database" => from.to_string(),
                            _ if loaded.set_in_file.contains(&key) => file.clone(),
                            _ => "default".to_string(),
                        },
                        key,
                    })
                    .collect();
                context.out.list(&settings, &["key", "value", "from"], |setting| {
                    vec![setting.key.clone(), setting.value.to_string(), setting.from.clone()]
                });
            }
        }
        Ok(())
    }
}

/// Returns everything that is wrong with the configuration and with the files that are trusted, and why those of the accounts
/// were not looked at where they were not.
pub fn faults(context: &Context) -> (Vec<Error>, Option<String>) {
    let config = &context.loaded.config;
    let mut faults: Vec<Error> = Vec::new();
    let mut look = |outcome: Result<()>| faults.extend(outcome.err());
    look(context.loaded.check_custody().map_err(Error::from));
    let security = &config.security;
    if security.key_file.is_some() || !security.key_command.is_empty() {
        look(context.key().map(drop));
    }
    for (domain, dkim) in &config.send.dkim {
        look(context::signing_key(domain, dkim).map(drop));
    }
    for (name, provider) in &config.oauth {
        look(context::check_provider(provider).with_context(|| format!("oauth.{name}")));
    }
    for storage in config.storage.all() {
        look(context::check_storage(config, storage));
    }
    for (name, command) in &config.filters.commands {
        look(context::check_hook(command).with_context(|| format!("filters.commands.{name}")));
    }
    for (hook, command) in &config.hooks.commands() {
        look(context::check_hook(command).with_context(|| format!("hooks.{hook}")));
    }
    let path = match dialect::sqlite_path(context.database()) {
        Ok(path) => path.map(Path::new),
        Err(error) => return (faults.into_iter().chain([error]).collect(), None),
    };
    let is_refused = path.map(custody::check_database).and_then(Result::err).map(Error::from);
    if let Some(refused) = is_refused {
        faults.push(refused);
        return (faults, None);
    }
    if path.is_some_and(|path| !path.exists()) {
        return (faults, Some("there is no database yet".to_string()));
    }
    let stored = context.store().and_then(|mut store| {
        let db = store.connection();
        let accounts = account::list(db)?.into_iter().map(|account| Ok((sending::of(db, account.id)?, account)));
        Ok((accounts.collect::<Result<Vec<_>>>()?, template::list(db)?))
    });
    match stored {
        Ok((accounts, templates)) => {
            faults.extend(accounts.iter().flat_map(|(sending, account)| of_account(context, account, sending)));
            faults.extend(of_templates(context, &templates));
            (faults, None)
        }
        Err(error) => (faults, Some(format!("{error:#}"))),
    }
}

/// Returns what is wrong with the files that an account names.
fn of_account(context: &Context, account: &Account, sending: &Sending) -> Vec<Error> {
    let smtp = sending.smtp.as_ref();
    let password = smtp.and_then(|smtp| smtp.password.as_ref());
    let secrets = [Some(&account.password), password].into_iter().flatten();
    let of_secrets = secrets.map(|kept| match (kept.source, kept.reference.as_deref()) {
        (PasswordSource::File, Some(file)) => context::check_secret(Path::new(file)),
        (PasswordSource::Command, Some(command)) => {
            let command: Vec<String> = serde_json::from_str(command).context("the stored password command")?;
            context::check_secret_command(&command)
        }
        _ => Ok(()),
    });
    let files = [account.server.ca_file.as_deref(), smtp.and_then(|smtp| smtp.ca_file.as_deref())];
    let of_files = files.into_iter().flatten().map(|file| Ok(custody::check("the CA file", Path::new(file))?));
    let of_grant = account.grant.iter().map(|grant| context.authorisation_server(&grant.provider).map(drop));
    let faults = of_secrets.chain(of_files).chain(of_grant).filter_map(Result::err);
    faults.map(|fault| fault.context(format!("account {}", account.name))).collect()
}

/// Returns which templates name what no letter has any more, such as a field that was taken out of the configuration.
fn of_templates(context: &Context, templates: &[Stored]) -> Vec<Error> {
    let names = Names::new(fields::names(&context.switches().fields));
    let check =
        |one: &Stored| Checked::check(&one.source(), &names).err().map(|fault| fault.context(format!("template {}", one.name)));
    templates.iter().filter_map(check).collect()
}

fn value_of(table: &toml::Table, key: &str) -> toml::Value {
    let mut value = toml::Value::Table(table.clone());
    for part in key.split('.') {
        value = value.get(part).cloned().unwrap_or_else(|| toml::Value::String(String::new()));
    }
    value
}
