//! `espomail explain`.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::output::shown;
use crate::pass::explain::explain;
use crate::store::{Store, account, email, fate, record, team, user};

/// Say what became of an e-mail and why, or what would become of a message
///
/// For a stored e-mail the reasons that were written down when it arrived are printed, once for each account it came
/// through. For a file, today's rules are run without changing anything.
#[derive(Debug, clap::Args)]
pub struct Explain {
    /// File with a message, or the number or Message-ID of a stored e-mail
    #[arg(value_name = "FILE|ID")]
    what: String,
    /// Account that the file's message would come through
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
}

impl Explain {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        if Path::new(&self.what).is_file() {
            return self.file(context, &mut store);
        }
        let id = email::find(store.connection(), &self.what)?;
        let names = Names::read(&mut store)?;
        let mut arrivals = Vec::new();
        for arrival in fate::fates_of(store.connection(), id)? {
            let through = account::find(store.connection(), &arrival.account.to_string())?.settings.name;
            let why: Value = serde_json::from_str(&arrival.why)?;
            arrivals.push(json!({
                "account": through, "mailbox": arrival.mailbox, "uid": arrival.uid, "at": rfc3339(arrival.at),
                "fate": arrival.fate, "why": why,
            }));
        }
        let document = json!({ "email": id, "arrivals": arrivals });
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
                format!("{head}\n{}", told(&arrival["why"], &names, &mut store))
            };
            let mut of = of;
            arrivals.iter().map(&mut of).collect::<Vec<_>>().join("\n")
        });
        Ok(())
    }

    fn file(self, context: &Context, store: &mut Store) -> Result<()> {
        let account = match &self.account {
            Some(name) => account::find(store.connection(), name)?,
            None => {
                let mut accounts = account::list(store.connection())?;
                match (accounts.pop(), accounts.is_empty()) {
                    (Some(only), true) => only,
                    _ => return Err(Fault::new(Class::Usage, "say which account it would come through: --account NAME").into()),
                }
            }
        };
        let bytes =
            std::fs::read(&self.what).map_err(|error| Fault::new(Class::Data, format!("cannot read {}: {error}", self.what)))?;
        let (mail, plan) = explain(store, &account, &bytes, &super::fetch::policy(context), context.now())?;
        let names = Names::read(store)?;
        let document = json!({ "message": mail, "decision": plan });
        context.out.item(&document, || {
            let from = mail.from.as_ref().map(|from| from.address.clone()).unwrap_or_default();
            let head = format!("{} from {}: it would be {}\n", shown(&mail.subject), shown(&from), plan.fate);
            let defects = mail.defects.iter().map(|defect| format!("  defect: {defect}\n")).collect::<String>();
            format!("{head}{defects}{}", told(&document["decision"], &names, store))
        });
        Ok(())
    }
}

/// Users and teams by number, for people.
struct Names {
    users: HashMap<i64, String>,
    teams: HashMap<i64, String>,
}

impl Names {
    fn read(store: &mut Store) -> Result<Self> {
        Ok(Self { users: user::logins(store.connection())?, teams: team::names(store.connection())? })
    }
}

/// Writes the steps and notes of a plan, one a line.
fn told(plan: &Value, names: &Names, store: &mut Store) -> String {
    let mut text = String::new();
    for step in plan["steps"].as_array().into_iter().flatten() {
        let because = step["because"].as_str().unwrap_or_default();
        text.push_str(&format!("  {}\n      because {}\n", did(step, names, store), shown(because)));
    }
    for note in plan["notes"].as_array().into_iter().flatten() {
        text.push_str(&format!("  note: {}\n", shown(note.as_str().unwrap_or_default())));
    }
    text
}

fn did(step: &Value, names: &Names, store: &mut Store) -> String {
    let number = |key: &str| step[key].as_i64().unwrap_or_default();
    let user = |key: &str| names.users.get(&number(key)).cloned().unwrap_or_else(|| format!("user {}", number(key)));
    let team = || names.teams.get(&number("team")).cloned().unwrap_or_else(|| format!("team {}", number("team")));
    let mut record = |key: &str| match record::name_of(store.connection(), step[key].as_i64()) {
        Ok(Some(named)) => named.to_string(),
        // It was never written (a rehearsal), or is gone.
        Ok(None) | Err(_) => "the record".to_string(),
    };
    match step["do"].as_str().unwrap_or_default() {
        "add-email" => match step["parent"].as_i64() {
            Some(_) => format!("stored as e-mail {} in thread {}, of {}", number("id"), number("thread"), record("parent")),
            None => format!("stored as e-mail {} in thread {}", number("id"), number("thread")),
        },
        "add-account" => "the account was added to the e-mail".to_string(),
        "add-team" => format!("team {} was added to the e-mail", team()),
        "add-user" if step["read"].as_bool() == Some(true) => format!("into the inbox of {}, read", user("user")),
        "add-user" => format!("into the inbox of {}", user("user")),
        "join-threads" => format!("thread {} was joined into thread {}", number("from"), number("into")),
        "mark-replied" => format!("e-mail {} was marked as answered", number("email")),
        "set-parent" => format!("the e-mail now belongs to {}", record("parent")),
        "open-case" => match step["assigned_user"].as_i64() {
            Some(_) => format!("case:{} was opened and given to {}", number("number"), user("assigned_user")),
            None => format!("case:{} was opened, for nobody yet", number("number")),
        },
        "follow" => format!("{} follows {}", user("user"), record("record")),
        "advance-rotation" => format!("the turn in team {} was {}'s", team(), user("user")),
        "note-assignment" => format!("{} got it", user("user")),
        "add-note" => format!("a note \"{}\" in the stream of {}", step["kind"].as_str().unwrap_or_default(), record("record")),
        other => other.to_string(),
    }
}
