//! `espomail db`.

use anyhow::Result;
use clap::Subcommand;

use crate::config;
use crate::context::Context;
use crate::fault::Class;
use crate::store::{SchemaState, Store};

/// Look after the database
#[derive(Debug, clap::Args)]
pub struct Db {
    #[command(subcommand)]
    command: DbCommand,
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// Bring the tables up to this version of espomail
    Migrate,
    /// Say which database this is and whether its tables fit (exit 1 when they do not)
    Status,
}

#[derive(serde::Serialize)]
struct Status {
    database: String,
    state: &'static str,
    migrations: Vec<String>,
}

impl Db {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = Store::connect(context.database())?;
        match self.command {
            DbCommand::Migrate => {
                if matches!(store.schema_state()?, SchemaState::Newer(_)) {
                    // Says so, and what to install.
                    return Store::open(context.database()).map(|_| ());
                }
                let ran = store.migrate()?;
                let text = if ran.is_empty() { "Nothing to do.".to_string() } else { format!("Applied {}.", ran.join(", ")) };
                context.out.made(&serde_json::json!({ "applied": ran }), &text);
            }
            DbCommand::Status => {
                let (state, migrations) = match store.schema_state()? {
                    SchemaState::Current => ("current", Vec::new()),
                    SchemaState::Empty => ("empty", Vec::new()),
                    SchemaState::Older(missing) => ("older", missing),
                    SchemaState::Newer(unknown) => ("newer", unknown),
                };
                if state != "current" {
                    context.out.remember(Class::No);
                }
                let status = Status { database: config::masked(context.database()), state, migrations };
                context.out.item(&status, || match state {
                    "current" => format!("{}: the tables fit.", status.database),
                    "empty" => format!("{}: there are no tables; try: espomail init", status.database),
                    "older" => format!("{}: {} missing; try: espomail db migrate", status.database, status.migrations.join(", ")),
                    _ => format!("{}: made by a newer espomail ({})", status.database, status.migrations.join(", ")),
                });
            }
        }
        Ok(())
    }
}
