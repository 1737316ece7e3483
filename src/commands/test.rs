//! `espomail test`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::json;

use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::mail;
use crate::output::shown;
use crate::pass::policy::{record, run};
use crate::store::{Store, account, email, fate, raw, user};

/// Run policy tests: messages with the decisions that are expected of today's accounts, users and filters
///
/// DIR has a NAME.eml and a NAME.toml for each test. The TOML file names under [expect] what "explain -o json" must say, such
/// as decision.case.opened = true or decision.users = ["ada"]; account, arrives, after (other .eml files) and [[record]] (kind,
/// name, addresses, account) set the scene. Nothing stored is seen and nothing is changed. Exit status 1 when a test fails.
#[derive(Debug, clap::Args)]
pub struct Test {
    /// Folder of the tests
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Make a test from a stored e-mail, with everybody's address masked, expecting what is decided today
    #[arg(long, value_name = "ID")]
    record: Option<String>,
}

impl Test {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        if let Some(wanted) = &self.record {
            return record_one(context, &mut store, &self.folder, wanted);
        }
        let policy = context.policy(store.connection())?;
        let outcomes = run(&mut store, &self.folder, &policy, context.now())?;
        if outcomes.is_empty() {
            return Err(Fault::new(Class::Data, format!("there is no test (NAME.toml) in {}", self.folder.display())).into());
        }
        let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
        if failed > 0 {
            context.out.remember(Class::No);
        }
        let document = json!({ "passed": outcomes.len() - failed, "failed": failed, "tests": outcomes });
        context.out.item(&document, || {
            let mut text = String::new();
            for outcome in &outcomes {
                text.push_str(&format!("{} {}\n", if outcome.passed { "ok    " } else { "FAILED" }, shown(&outcome.test)));
                outcome.differences.iter().for_each(|difference| text.push_str(&format!("       {}\n", shown(difference))));
            }
            format!("{text}{} passed, {failed} failed", outcomes.len() - failed)
        });
        Ok(())
    }
}

fn record_one(context: &Context, store: &mut Store, folder: &Path, wanted: &str) -> Result<()> {
    let id = email::find(store.connection(), wanted)?;
    let bytes = raw::raw_of(store.connection(), id)?.unwrap_or_default();
    let Some(came) = fate::fates_of(store.connection(), id)?.into_iter().next() else {
        let what = format!("e-mail {id} came through no account that is still there");
        return Err(Fault::new(Class::Data, what).into());
    };
    let account = account::find(store.connection(), &came.account.to_string())?;
    let mut ours: Vec<String> = account::list(store.connection())?.into_iter().map(|account| account.address.clone()).collect();
    ours.extend(user::list(store.connection())?.into_iter().flat_map(|user| user.addresses));
    let message = mail::masked(&mail::parse(&bytes), &|address| ours.iter().any(|own| own == address));
    let policy = context.policy(store.connection())?;
    let path = record(store, folder, &format!("email-{id}"), &account.name, &message, &policy, context.now())?;
    let sentence = format!("Recorded {}: read both files before you keep them.", path.display());
    context.out.made(&json!({ "test": path }), &sentence);
    Ok(())
}
