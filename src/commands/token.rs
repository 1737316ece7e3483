//! `espomail token`.

use anyhow::Result;
use clap::Subcommand;

use super::rehearsal::Rehearsal;
use super::right;
use crate::clock::rfc3339;
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::mail;
use crate::plural::counted;
use crate::store::record::RecordName;
use crate::store::{Store, access as trace, account, token};
use crate::words::RoleAction;

/// Manage the keys of signed tokens, which lead answers back to their records
///
/// A token stands in a Message-ID or behind a plus in an address, such as the one that "espomail case show" prints, and names
/// a record. The newest key signs; older ones are good for reading until they expire.
#[derive(Debug, clap::Args)]
pub struct Token {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a new key that signs from now on
    Rotate {
        /// Days for which tokens of the keys before it are still good
        #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(i64).range(0..=3_650))]
        keep: i64,
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
    /// List all keys, the one that signs first
    List,
    /// Make an address for a record: mail to it belongs to the record, whoever writes
    Make {
        /// Record, such as case:42 or opportunity:3
        record: RecordName,
        /// Account whose address takes the token behind a plus
        #[arg(long, value_name = "ACCOUNT")]
        account: String,
    },
}

impl Token {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        match self.command {
            TokenCommand::Rotate { keep, rehearsal } => {
                rehearsal.over(context, &mut store, |store| rotate(context, store, keep))?;
            }
            TokenCommand::List => {
                context.administrator()?;
                let keys = token::keys(store.connection())?;
                context.out.list(&keys, &["key", "made", "expires"], |key| {
                    let expires = key.expires_at.map_or_else(|| "signs".to_string(), rfc3339);
                    vec![key.id.to_string(), rfc3339(key.created_at), expires]
                });
            }
            TokenCommand::Make { record: name, account } => {
                let db = store.connection();
                let account = account::find(db, &account)?;
                let actor = context.actor();
                let (id, _) = right::record(db, &actor, name, RoleAction::Edit)?;
                let ring = context.key_ring(db)?;
                let token = mail::token::make(&ring, id, context.now()).ok_or_else(|| {
                    Fault::new(Class::Config, "there is no key that signs tokens").hint("try: espomail token rotate")
                })?;
                let address = mail::token::plus_address(&account.address, &token).ok_or_else(|| {
                    let what = format!("the address {} has no room for a token of {} characters", account.address, token.len());
                    Fault::new(Class::Data, what)
                })?;
                let made = serde_json::json!({ "record": name, "address": address, "token": token });
                context.out.item(&made, || format!("{address}\n"));
            }
        }
        Ok(())
    }
}

fn rotate(context: &Context, store: &mut Store, keep: i64) -> Result<()> {
    let permit = context.administrator()?;
    let detail = format!("those before it are good for {}", counted(keep, "day"));
    let key = store.alone(|db| {
        let key = context.rotate_tokens(db, keep)?;
        trace::record(db, &permit, "token rotate", &format!("token-key:{}", key.id), &detail, context.now())?;
        Ok(key)
    })?;
    context.out.made(&key, &format!("Token key {} signs; {detail}.", key.id));
    Ok(())
}
