//! `espomail init`.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::json;

use crate::config;
use crate::context::{self, Context};
use crate::custody;
use crate::fault::{Class, Fault};
use crate::store::{SchemaState, Store, generation, token};

/// Make a configuration, a key and a database
///
/// Writes config.toml and a key file that only you can read, and makes the tables. The configuration goes to the file of -c,
/// else to /etc/espomail (as root) or ~/.config/espomail; a SQLite database goes beside the file of -c, else to
/// /var/lib/espomail or ~/.local/share/espomail. A configuration that is there is kept; only missing tables are made.
#[derive(Debug, clap::Args)]
pub struct Init {}

impl Init {
    pub fn run(self, context: &Context) -> Result<()> {
        let overrides = context::overrides(context.loaded.file.clone(), None);
        let file = match (&context.loaded.file, context::is_root()) {
            (Some(file), _) => file.clone(),
            (None, true) => PathBuf::from("/etc/espomail/config.toml"),
            (None, false) => overrides.places().into_iter().next().unwrap_or_else(|| PathBuf::from("/etc/espomail/config.toml")),
        };
        if file.exists() {
            return complete(context, &file);
        }
        let database = database_for(context, &file)?;
        // What is made there could be changed by others.
        custody::check("the configuration", &file)?;
        if let Some(path) = database.strip_prefix("sqlite:") {
            custody::check("the database", Path::new(path))?;
        }
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        make_folder(folder)?;
        if let Some(path) = database.strip_prefix("sqlite:").and_then(|path| Path::new(path).parent()) {
            make_folder(path)?;
        }
        // The database first: when it cannot be had, nothing is left behind.
        let mut store = Store::create(&database)?;
        if store.schema_state()? == SchemaState::Empty {
            store.migrate()?;
        } else {
            // One that was there is kept; an older or newer one is refused.
            Store::open(&database)?;
        }
        let key = folder.join("espomail.key");
        let made_key = write_private(&key, &format!("{}\n", context::new_key()?))?;
        write_private(&file, &configuration(&database))?;
        first_token_key(context, &file, &mut store)?;
        generation::begin(&mut store, &context.beside_of(&database))?;
        let mut said = vec![format!("Configuration: {}", file.display())];
        if made_key {
            said.push(format!(
                "Key:           {}\n               Keep a copy: stored passwords cannot be read without it.",
                key.display()
            ));
        }
        said.push(format!("Database:      {}", config::masked(&database)));
        said.push("Next: espomail account add --help".to_string());
        let made = json!({ "config": file, "key": key, "database": config::masked(&database) });
        context.out.made(&made, &said.join("\n"));
        Ok(())
    }
}

/// The configuration is there: make what is missing of the database.
fn complete(context: &Context, file: &Path) -> Result<()> {
    let loaded = config::load(&context::overrides(Some(file.to_path_buf()), None))?;
    loaded.check_custody()?;
    if !context.database().is_empty() && context.database() != loaded.config.database {
        return Err(Fault::new(Class::CannotCreate, format!("{} is there already and names another database", file.display()))
            .hint("edit it, or name another file with -c")
            .into());
    }
    let database = loaded.config.database;
    if let Some(path) = database.strip_prefix("sqlite:").map(Path::new) {
        custody::check("the database", path)?;
        path.parent().map_or(Ok(()), make_folder)?;
    }
    let mut store = Store::create(&database)?;
    let is_made = store.schema_state()? != SchemaState::Empty;
    // An init that was cut short may have come as far as the tables.
    if is_made && !(store.schema_state()? == SchemaState::Current && first_token_key(context, file, &mut store)?) {
        return Err(Fault::new(
            Class::CannotCreate,
            format!("{} and its database are there already; nothing was changed", file.display()),
        )
        .hint("try: espomail db status")
        .into());
    }
    if !is_made {
        store.migrate()?;
        first_token_key(context, file, &mut store)?;
        generation::begin(&mut store, &context.beside_of(&database))?;
    }
    let database = config::masked(&database);
    let sentence = format!("Configuration: {} (kept)\nDatabase:      {database}", file.display());
    context.out.made(&json!({ "config": file, "database": database }), &sentence);
    Ok(())
}

/// Makes the key that signs tokens, where there is none and secrets can be kept in the database (LINK-1). Returns whether it did.
fn first_token_key(context: &Context, file: &Path, store: &mut Store) -> Result<bool> {
    let loaded = config::load(&context::overrides(Some(file.to_path_buf()), None))?;
    if !token::keys(store.connection())?.is_empty() {
        return Ok(false);
    }
    match context::key_of(&loaded.config.security) {
        Ok(key) => store.transaction(|db| context::make_token_key(db, &key, 0, context.now())).map(|_| true),
        Err(error) => {
            log::debug!("no token key was made: {error:#}");
            Ok(false)
        }
    }
}

fn database_for(context: &Context, file: &Path) -> Result<String> {
    let given = context.database();
    if !given.is_empty() {
        // Relative to where the command runs, as a person means it.
        return Ok(match given.strip_prefix("sqlite:").filter(|path| Path::new(path).is_relative()) {
            Some(path) => format!("sqlite:{}", std::path::absolute(path)?.display()),
            None => given.to_string(),
        });
    }
    let folder = if context.loaded.file.is_some() {
        std::path::absolute(file)?.parent().map(Path::to_path_buf)
    } else if context::is_root() {
        Some(PathBuf::from("/var/lib/espomail"))
    } else {
        context::data_home().map(|home| home.join("espomail"))
    };
    let folder = folder
        .ok_or_else(|| Fault::new(Class::Usage, "there is no home folder for a database").hint("name one with --database"))?;
    Ok(format!("sqlite:{}", folder.join("espomail.sqlite").display()))
}

fn configuration(database: &str) -> String {
    let database = toml::Value::String(database.to_string());
    format!(
        "# espomail; see espomail.toml(5) for every key.\n\ndatabase = {database}\n\n[security]\n\
         # Encrypts the passwords that are kept in the database.\nkey-file = \"espomail.key\"\n"
    )
}

fn make_folder(folder: &Path) -> Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| Fault::unwritable(format!("cannot make the folder {}", folder.display()), &error).into())
}

/// Writes a file that only its owner can read; returns false when it was there.
fn write_private(path: &Path, text: &str) -> Result<bool> {
    let failed = |error: std::io::Error| Fault::unwritable(format!("cannot write {}", path.display()), &error);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| {
                // Half a file would be taken for a whole one the next time.
                let _ = std::fs::remove_file(path);
                failed(error)
            })?;
            Ok(true)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error).into()),
    }
}
