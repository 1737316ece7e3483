//! `espomail filter test`: filters held against messages, criterion by criterion (FILTER-8).

use anyhow::Result;
use serde_json::json;

use super::scope::{ScopeArguments, kept};
use crate::commands::argument;
use crate::context::{self, Context};
use crate::custody;
use crate::decide::access;
use crate::decide::filter::{FilterTrial, trial};
use crate::fault::{Class, Fault};
use crate::mail::{self, Mail};
use crate::output::shown;
use crate::plural::counted;
use crate::store::email::EmailFilter;
use crate::store::email::known::known_among;
use crate::store::{Database, email, raw, remembered, reprocess};
use crate::words::{EmailId, RoleAction, RoleScope};

/// How many stored e-mails are listed at once.
const PAGE: i64 = 500;

/// What filters say of one message.
#[derive(serde::Serialize)]
struct Tested {
    message: String,
    subject: String,
    filters: Vec<FilterTrial>,
}

pub fn test(
    context: &Context,
    messages: &[String],
    last: Option<&str>,
    wanted: &[String],
    scope: &ScopeArguments,
    all: bool,
) -> Result<()> {
    let mut store = context.store()?;
    let db = store.connection();
    let owner = scope.owner(context, db)?;
    let mut filters = Vec::new();
    for stored in kept(context, db, owner)? {
        let is_wanted =
            wanted.is_empty() || wanted.iter().any(|one| *one == stored.filter.name || *one == stored.filter.id.to_string());
        if is_wanted {
            filters.push(stored.filter);
        }
    }
    if filters.is_empty() {
        return Err(Fault::new(Class::Data, "there is no such filter to test").hint("try: espomail filter list").into());
    }
    let mut tested = Vec::new();
    let (mut seen, mut matched): (usize, Vec<Option<EmailId>>) = (0, Vec::new());
    let mut hold = |name: String, id: Option<EmailId>, mail: &Mail| {
        let mut trials: Vec<FilterTrial> = filters.iter().map(|filter| trial(filter, mail)).collect();
        seen += 1;
        if trials.iter().any(|trial| trial.matched) {
            matched.push(id);
        }
        trials.retain(|trial| all || trial.matched || messages.len() == 1);
        if last.is_none() || !trials.is_empty() {
            tested.push(Tested { message: name, subject: mail.subject.clone(), filters: trials });
        }
    };
    for message in messages {
        hold(message.clone(), None, &mail::parse_for_rules(&bytes_of(context, db, message)?));
    }
    if let Some(since) = last {
        // Stored mail goes through one by one: there may be much of it.
        let sight = access::sight(context.actor_ref(), RoleScope::Email);
        let since = Some(context.time(since)?);
        let mut filter = EmailFilter { sight, received_since: since, limit: PAGE, ..EmailFilter::default() };
        loop {
            let page = email::list(db, &filter)?;
            for line in &page {
                // Where its raw bytes were pruned its header says nothing any more; the rest does.
                hold(format!("e-mail {}", line.id), Some(line.id), &remembered::mail(db, line.id, false)?.unwrap_or_default());
            }
            if page.is_empty() {
                break;
            }
            filter.offset += PAGE;
        }
    }
    let ids: Vec<EmailId> = matched.iter().copied().flatten().collect();
    // Which people have records is not everybody's to know.
    let known = if last.is_some() && context.actor_ref().administrator { Some(known_among(db, &ids)?) } else { None };
    // What they skipped is nowhere among the stored.
    let mut skipped = Vec::new();
    if known.is_some() {
        for filter in &filters {
            let count: i64 = reprocess::skipped_by(db, filter.id)?.values().sum();
            if count > 0 {
                skipped.push((&filter.name, count));
            }
        }
    }
    let mut document = json!({ "messages": tested, "seen": seen, "matched": matched.len() });
    if let Some(known) = known {
        document["known"] = json!(known);
        document["skipped"] = skipped.iter().map(|(_, count)| count).sum::<i64>().into();
    }
    context.out.item(&document, || {
        let all: String = tested.iter().map(told_test).collect();
        match last {
            Some(since) => all + &told_all((matched.len(), seen), since, known) + &told_skipped(&skipped),
            None => all,
        }
    });
    Ok(())
}

/// How many match, and of how many of them people are known here: what a filter that skips would cost.
fn told_all((matched, seen): (usize, usize), since: &str, known: Option<i64>) -> String {
    let known = match known {
        Some(known) if matched > 0 => format!("; {known} of these from senders whom a record knows, or of open cases"),
        _ => String::new(),
    };
    let match_ = if matched == 1 { "matches" } else { "match" };
    format!("{matched} of {} since {since} {match_}{known}.\n", counted(seen, "e-mail"))
}

/// What is not stored, as a filter has skipped it.
fn told_skipped(skipped: &[(&String, i64)]) -> String {
    let told = |(name, count): &(&String, i64)| {
        let skipped = counted(count, "message");
        format!("Not among these: {skipped} that {name} has skipped: espomail fate list --filter {}\n", argument::quoted(name))
    };
    skipped.iter().map(told).collect()
}

fn bytes_of(context: &Context, db: &mut Database, message: &str) -> Result<Vec<u8>> {
    if message == "-" {
        return context::read_stdin(1 << 30);
    }
    // Through sudo a file would be read with the rights of the service account.
    let is_guest = context::caller().guest().is_some();
    if !is_guest && std::path::Path::new(message).is_file() {
        custody::check_free(message.as_ref())?;
        return std::fs::read(message).map_err(|error| Fault::new(Class::Data, format!("cannot read {message}: {error}")).into());
    }
    let (id, _) = crate::commands::right::email(db, context.actor_ref(), message, RoleAction::Read)?;
    Ok(raw::raw_of(db, id)?.unwrap_or_default())
}

fn told_test(tested: &Tested) -> String {
    let mut text = format!("{}: {}\n", shown(&tested.message), shown(&tested.subject));
    for trial in &tested.filters {
        text.push_str(&format!("  {} {}\n", if trial.matched { "matches" } else { "no match" }, shown(&trial.name)));
        for criterion in &trial.criteria {
            let sign = if criterion.matched { "+" } else { "-" };
            text.push_str(&format!("    {sign} {}: {}\n", shown(&criterion.criterion), shown(&criterion.because)));
        }
    }
    text
}
