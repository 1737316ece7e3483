//! `record show`.

use anyhow::Result;

use crate::clock::rfc3339;
use crate::commands::show::{lines, listed, or_empty, told, yes};
use crate::commands::{hearsay, right, stream};
use crate::context::Context;
use crate::decide::access::{Sight, sight};
use crate::decide::fields::Fields;
use crate::output::shown;
use crate::store::Store;
use crate::store::case::{self, Entry};
use crate::store::record::{self, Record, RecordName};
use crate::words::{RecordKind, RoleAction, RoleScope};

#[derive(Debug, clap::Args)]
pub struct Show {
    /// Kind and number, such as contact:7
    record: RecordName,
    /// With its stream: e-mails, notes and what was done, the newest last
    #[arg(long)]
    stream: bool,
}

/// A record with its stream, as JSON has it.
#[derive(serde::Serialize)]
struct Whole {
    #[serde(flatten)]
    record: Record,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<Vec<Entry>>,
}

impl Show {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let db = store.connection();
        let (id, _) = right::record(db, &context.actor(), self.record, RoleAction::Read)?;
        // Who may read a case sees its e-mails in its stream; those of other records are of their accounts alone (ACCESS-2).
        let seen = match self.record.kind {
            RecordKind::Case => Sight::Everything,
            _ => sight(context.actor_ref(), RoleScope::Email),
        };
        let mut stream = if self.stream { Some(case::stream(db, id, &seen)?) } else { None };
        hearsay::mask_stream(db, context.actor_ref(), stream.as_deref_mut().unwrap_or_default())?;
        let whole = Whole { record: record::show(db, id)?, stream };
        context.out.item(&whole, || text(&whole, &context.switches().fields));
        Ok(())
    }
}

fn text(whole: &Whole, fields: &Fields) -> String {
    let record = &whole.record;
    let mut pairs = vec![
        ("record", record.named.to_string()),
        ("name", record.name.clone()),
        ("active", yes(record.active)),
        ("merged into", or_empty(record.merged_into.as_ref())),
        ("addresses", record.addresses.join(", ")),
        ("phones", record.phones.join(", ")),
        (if record.accounts.len() > 1 { "accounts" } else { "account" }, listed(&record.accounts)),
        ("contacts", listed(&record.contacts)),
        ("converted account", or_empty(record.converted_account.as_ref())),
        ("converted contact", or_empty(record.converted_contact.as_ref())),
    ];
    let known = fields.of(record.named.kind);
    pairs.extend(told(&known, &record.fields));
    pairs.extend([
        ("assigned user", or_empty(record.assigned_user.as_ref())),
        ("teams", record.teams.join(", ")),
        ("followers", record.followers.join(", ")),
        ("created", rfc3339(record.created_at)),
    ]);
    let mut text = lines(&pairs);
    if !record.description.trim().is_empty() {
        text.push_str(&format!("\n{}\n", shown(record.description.trim())));
    }
    if let Some(entries) = &whole.stream {
        text.push_str("\nStream\n");
        text.push_str(&stream::text(entries));
    }
    text
}
