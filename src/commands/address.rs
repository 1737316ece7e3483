//! `espomail address`.

use anyhow::Result;
use clap::Subcommand;

use super::argument;
use super::rehearsal::Rehearsal;
use super::show::lines;
use crate::clock::rfc3339;
use crate::context::Context;
use crate::store::address;
use crate::words::AddressState;

/// Look after addresses that delivery reports say are no good
#[derive(Debug, clap::Args)]
pub struct Address {
    #[command(subcommand)]
    command: AddressCommand,
}

#[derive(Debug, Subcommand)]
enum AddressCommand {
    /// List doubtful and invalid addresses; for administrators
    List {
        /// Only those in this state: doubtful, invalid, or good (few reports yet)
        #[arg(long, value_name = "STATE", hide_possible_values = true)]
        state: Option<AddressState>,
    },
    /// Show what delivery reports said of an address
    Show {
        /// Address
        #[arg(value_parser = argument::one_address)]
        address: String,
    },
    /// Forget what delivery reports said of an address: it is good again
    Clear {
        /// Address
        #[arg(value_parser = argument::one_address)]
        address: String,
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
}

impl Address {
    pub fn run(self, context: &Context) -> Result<()> {
        let out = &context.out;
        let mut store = context.store()?;
        match self.command {
            AddressCommand::List { state } => {
                context.administrator()?;
                let list = address::list(store.connection(), state)?;
                out.list(&list, &["address", "state", "since", "because"], |one| {
                    vec![one.address.clone(), one.state.to_string(), rfc3339(one.changed_at), one.because.to_string()]
                });
            }
            AddressCommand::Show { address } => {
                let known = address::show(store.connection(), &address)?;
                out.item(&known, || {
                    lines(&[
                        ("address", known.address.clone()),
                        ("state", known.state.to_string()),
                        ("since", rfc3339(known.changed_at)),
                        ("because", known.because.to_string()),
                        ("out of reach", if known.soft > 0 { format!("{} of late", known.soft) } else { String::new() }),
                    ])
                });
            }
            AddressCommand::Clear { address, rehearsal } => {
                let permit = context.administrator()?;
                rehearsal.over(context, &mut store, |store| {
                    store.alone(|db| address::clear(db, &permit, &address, context.now()))?;
                    out.say(&format!("Address {address} is good again."));
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}
