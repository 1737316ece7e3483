//! `espomail explain`.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::right;
use crate::clock::rfc3339;
use crate::context::{self, Context};
use crate::fault::{Class, Fault};
use crate::mail;
use crate::output::shown;
use crate::pass::explain::{Explained, explain};
use crate::pass::verdict::{Names, Verdict};
use crate::store::account::Account;
use crate::store::{Store, account, fate, raw, record};
use crate::words::{FolderId, RecordId, RoleAction, TeamId, UserId};

/// Say what became of an e-mail and why, or what would become of a message
///
/// For a stored e-mail the reasons that were written down when it arrived are printed, once for each account it came
/// through. For a file, today's rules are run without changing anything; where nothing is set up yet, as if it came through
/// a group account without settings.
#[derive(Debug, clap::Args)]
pub struct Explain {
    /// File with a message (- for standard input), or the number or Message-ID of a stored e-mail
    #[arg(value_name = "FILE|ID")]
    what: String,
    /// Account that the file's message would come through [default: the one that it is addressed to, or the only one]
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
}

impl Explain {
    pub fn run(self, context: &Context) -> Result<()> {
        // Through sudo a file would be read with the rights of the service account.
        let is_guest = context::caller().guest().is_some();
        if self.what == "-" || (!is_guest && Path::new(&self.what).is_file()) {
            // It shows what the rules know, of whomever it is.
            context.administrator()?;
            return self.file(context);
        }
        let mut store = context.store()?;
        let actor = context.actor();
        let (id, _) = right::email(store.connection(), &actor, &self.what, RoleAction::Read)?;
        let names = Names::all(&mut store)?;
        let mut arrivals = Vec::new();
        for arrival in fate::fates_of(store.connection(), id)? {
            let through = account::find(store.connection(), &arrival.account.to_string())?.settings.name;
            let why: Value = serde_json::from_str(&arrival.why)?;
            arrivals.push(json!({
                "account": through, "mailbox": arrival.mailbox, "uid": arrival.uid, "at": rfc3339(arrival.at),
                "fate": arrival.fate, "why": why,
            }));
        }
        let raw = raw::raw_of(store.connection(), id)?.unwrap_or_default();
        let document = json!({ "email": id, "message": mail::parse(&raw).document(), "arrivals": arrivals });
        context.out.item(&document, || {
            let of = |arrival: &Value| {
                let text = |key: &str| arrival[key].as_str().unwrap_or_default().to_string();
                let head = format!(
                    "{} through account {}, mailbox {}, UID {}: {}",
                    text("at"),
                    text("account"),
                    text("mailbox"),
                    arrival["uid"],
                    text("fate")
                );
                let mut record = |id| match record::name_of(store.connection(), Some(id)) {
                    Ok(Some(named)) => named.to_string(),
                    // It is gone.
                    Ok(None) | Err(_) => format!("record {id}"),
                };
                format!("{head}\n{}", told(&arrival["why"], &mut record, &names))
            };
            let mut of = of;
            arrivals.iter().map(&mut of).collect::<Vec<_>>().join("\n")
        });
        Ok(())
    }

    fn file(self, context: &Context) -> Result<()> {
        let bytes = if self.what == "-" { context::read_stdin(LARGEST)? } else { read(&self.what)? };
        let explained = match context.store_if_any()? {
            None => explain(None, &bytes, &context.switches(), context.now())?,
            Some(mut store) => {
                let policy = context.policy(store.connection())?;
                let account = self.account_for(&mut store, &bytes)?;
                explain(account.as_ref().map(|account| (&mut store, account)), &bytes, &policy, context.now())?
            }
        };
        let verdict = Verdict::of(&explained.plan, &explained.mail, &explained.names);
        let document = json!({ "message": explained.mail.document(), "decision": verdict });
        context.out.item(&document, || told_file(&explained));
        Ok(())
    }

    /// The account named, else the one that the message is addressed to, else the only one there is; none when there is none.
    fn account_for(&self, store: &mut Store, bytes: &[u8]) -> Result<Option<Account>> {
        if let Some(name) = &self.account {
            return account::find(store.connection(), name).map(Some);
        }
        let found = account::addressed(store.connection(), &mail::parse(bytes))?;
        if found.is_none() && !account::list(store.connection())?.is_empty() {
            return Err(Fault::new(Class::Usage, "the message is addressed to none of the accounts")
                .hint("say which one it would come through: --account NAME")
                .into());
        }
        Ok(found)
    }
}

/// The largest message that is read from standard input, in bytes.
const LARGEST: u64 = 1 << 30;

fn read(path: &str) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Fault::new(Class::Data, format!("cannot read {path}: {error}")).into())
}

fn told_file(explained: &Explained) -> String {
    let (mail, plan) = (&explained.mail, &explained.plan);
    let author = mail.from.as_ref().map(|from| from.address.clone());
    let from = author.or_else(|| mail.signed_by.as_ref().map(|by| by.name.clone())).unwrap_or_default();
    let head = format!("{} from {}: it would be {}\n", shown(&mail.subject), shown(&from), plan.fate);
    let defects = mail.defects.iter().map(|defect| format!("  defect: {defect}\n")).collect::<String>();
    format!("{head}{defects}{}", told(&json!(plan), &mut |id| explained.names.record(RecordId(id)), &explained.names))
}

/// Writes the steps and notes of a plan, one a line.
pub fn told(plan: &Value, record: &mut dyn FnMut(i64) -> String, names: &Names) -> String {
    let mut text = String::new();
    for step in plan["steps"].as_array().into_iter().flatten() {
        let because = step["because"].as_str().unwrap_or_default();
        text.push_str(&format!("  {}\n      because {}\n", did(step, record, names), shown(because)));
    }
    for note in plan["notes"].as_array().into_iter().flatten() {
        text.push_str(&format!("  note: {}\n", shown(note.as_str().unwrap_or_default())));
    }
    for again in plan["again"].as_array().into_iter().flatten() {
        text.push_str(&format!("  {} reprocessed:\n", again["at"].as_str().unwrap_or_default()));
        text.push_str(&told(again, record, names));
    }
    text
}

fn did(step: &Value, record: &mut dyn FnMut(i64) -> String, names: &Names) -> String {
    let number = |key: &str| step[key].as_i64().unwrap_or_default();
    let user = |key: &str| names.user(UserId(number(key)));
    let team = || names.team(TeamId(number("team")));
    let text = |key: &str| step[key].as_str().unwrap_or_default();
    let mut record = |key: &str| record(number(key));
    match step["do"].as_str().unwrap_or_default() {
        "add-email" => match step["parent"].as_i64() {
            Some(_) => format!("stored as e-mail {} in thread {}, of {}", number("id"), number("thread"), record("parent")),
            None => format!("stored as e-mail {} in thread {}", number("id"), number("thread")),
        },
        "add-account" => "the account was added to the e-mail".to_string(),
        "add-team" => format!("team {} was added to the e-mail", team()),
        "add-user" if step["trashed"].as_bool() == Some(true) => format!("into the trash of {}", user("user")),
        "add-user" if step["folder"].is_i64() => {
            format!("into folder {} of {}", names.folder(FolderId(number("folder"))), user("user"))
        }
        "add-user" if step["read"].as_bool() == Some(true) => format!("into the inbox of {}, read", user("user")),
        "add-user" => format!("into the inbox of {}", user("user")),
        "join-threads" => format!("thread {} was joined into thread {}", number("from"), number("into")),
        "answer" => "an answer was queued".to_string(),
        "hold-action" => format!("a budget is spent: {} is held; see espomail budget list", text("action")),
        "mark-replied" => format!("e-mail {} was marked as answered", number("email")),
        "amend" => "it was read again".to_string(),
        "relink" => match step["parent"].as_i64() {
            Some(_) => format!("the e-mail came to {}", record("parent")),
            None => "the e-mail belongs to no record any more".to_string(),
        },
        "set-parent" => format!("the e-mail now belongs to {}", record("parent")),
        "adopt-thread" => format!("what its thread has by address alone came to {}", record("case")),
        "merge-cases" => format!("{} was merged into {}", record("from"), record("into")),
        "reopen" => format!("{} was opened again, {}", record("case"), step["status"].as_str().unwrap_or_default()),
        "hold" => format!("it waits for a person's word: espomail review show {}", number("review")),
        "open-case" => match step["assigned_user"].as_i64() {
            Some(_) => format!("case:{} was opened and given to {}", number("number"), user("assigned_user")),
            None => format!("case:{} was opened, for nobody yet", number("number")),
        },
        "notify" => format!("{} is told ({})", user("user"), text("kind")),
        "set-delivery" => format!("e-mail {} to {}: {}", number("email"), shown(text("address")), text("state")),
        "set-address" => format!("the address {} is {}", shown(text("address")), text("state")),
        "follow" => format!("{} follows {}", user("user"), record("record")),
        "advance-rotation" => format!("the turn in team {} was {}'s", team(), user("user")),
        "note-assignment" => format!("{} got it", user("user")),
        "add-note" => format!("a note \"{}\" in the stream of {}", step["kind"].as_str().unwrap_or_default(), record("record")),
        other => other.to_string(),
    }
}
