//! `espomail config`.

use anyhow::Result;
use clap::Subcommand;

use crate::config::{keys, masked};
use crate::context::{Context, signing_keys};

/// Look at the configuration
#[derive(Debug, clap::Args)]
pub struct ConfigCommand {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print every setting in force and where it came from; passwords are left out
    Show,
    /// Read the configuration and the keys that it names and say whether they are sound; leave the database alone
    Check,
}

#[derive(serde::Serialize)]
struct Setting {
    key: String,
    value: toml::Value,
    from: String,
}

impl ConfigCommand {
    pub fn run(self, context: &Context) -> Result<()> {
        let loaded = &context.loaded;
        let file = loaded.file.as_ref().map_or_else(|| "defaults".to_string(), |file| file.display().to_string());
        match self.command {
            // Whatever is wrong with it was said before we came here; what is left are the keys it names.
            Verb::Check => {
                let security = &loaded.config.security;
                if security.key_file.is_some() || !security.key_command.is_empty() {
                    context.key()?;
                }
                signing_keys(&loaded.config.send)?;
                context.out.made(&serde_json::json!({ "file": loaded.file, "sound": true }), &format!("{file}: sound."));
            }
            Verb::Show => {
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

fn value_of(table: &toml::Table, key: &str) -> toml::Value {
    let mut value = toml::Value::Table(table.clone());
    for part in key.split('.') {
        value = value.get(part).cloned().unwrap_or_else(|| toml::Value::String(String::new()));
    }
    value
}
