//! `espomail reprocess`.

use anyhow::Result;
use serde_json::json;

use super::explain::told;
use super::{argument, right};
use crate::context::Context;
use crate::decide::Policy;
use crate::decide::access::{Permitted, keep, may_keep};
use crate::fault::{Class, Fault};
use crate::output::shown;
use crate::pass::hand::{self, Said};
use crate::pass::quarantine::{retry, retry_one};
use crate::pass::reprocess::{Reprocessed, Rules, all};
use crate::pass::skipped::{Taken, take_again};
use crate::pass::verdict::Names;
use crate::plural::{counted, doing};
use crate::store::fate::FateFilter;
use crate::store::filter::{self, Owner, Past};
use crate::store::raw::raw_of;
use crate::store::reprocess::{self, Selection, held, select, skipped};
use crate::store::skipped::list as kept_of;
use crate::store::{Database, Store, access, account, quarantine};
use crate::words::{EmailId, Fate, RoleAction, UserId};

/// Run today's rules over stored mail and print what would differ; --apply makes it so
///
/// Each e-mail is held against what the rules of today would make of it, had it just come: its text, its thread, its record,
/// its teams and users, its case. Of what is an e-mail here nothing is ever sent, nobody is told, and what a person set by hand stays; nothing is taken
/// from a team or a user. Without --apply nothing changes: it is done for some e-mails at a time and undone, and others write in
/// between. An e-mail whose raw bytes are gone stays as it is.
///
/// With --filter it is done for what one filter matches, also of mail that came before the filter, and for what it did to mail: what a
/// filter that was changed, or is not used any more, put into a folder, gave to a team or user or marked as read is taken back, unless
/// a person changed it since. What it skipped and is kept here, as no server has it, comes in as new mail does, with cases and answers, and so
/// does what is in quarantine. A user's own filter sorts what that user has and did not sort by hand; users may do that themselves.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true).multiple(true)))]
pub struct Reprocess {
    /// Numbers or Message-IDs of e-mails
    #[arg(value_name = "EMAIL", group = "which", conflicts_with_all = ["account", "since", "until", "all", "quarantine"])]
    emails: Vec<String>,
    /// Those that came through this e-mail account
    #[arg(long, value_name = "ACCOUNT", group = "which")]
    account: Option<String>,
    /// Those not before this time: 2026-11-23, RFC 3339, today, 3d
    #[arg(long, value_name = "TIME", group = "which")]
    since: Option<String>,
    /// Those before this time
    #[arg(long, value_name = "TIME", group = "which")]
    until: Option<String>,
    /// All of them
    #[arg(long, group = "which")]
    all: bool,
    /// Those that this filter matches, or did something to; also one that was removed
    #[arg(long, value_name = "FILTER", group = "which", conflicts_with_all = ["emails", "all"])]
    filter: Option<String>,
    /// The messages in quarantine
    #[arg(long, group = "which", conflicts_with_all = ["account", "since", "until", "all", "filter"])]
    quarantine: bool,
    /// Make it so
    #[arg(long)]
    apply: bool,
    /// Tell people of e-mails and cases that are new to them
    #[arg(long, requires = "apply")]
    notify: bool,
}

/// Finds a filter that is there, or was, for whoever keeps it; no name of another's is proposed.
fn find<'a>(context: &'a Context, db: &mut Database, wanted: &str) -> Result<Permitted<'a, Past>> {
    let mut kept = filter::past(db)?;
    kept.retain(|one| may_keep(context.actor_ref(), one));
    let found = filter::choose_past(kept, wanted)?;
    keep(context.actor_ref(), found).map_err(|_| context.refused("this filter is another's, or an administrator's"))
}

/// What a filter did that is not undone by looking again at what is here, and how it is.
fn elsewhere(filter: &str, skipped: &[(String, i64)], held: i64) -> String {
    let mut text = String::new();
    for (account, count) in skipped {
        let (messages, are) = if *count == 1 { ("message", "is") } else { ("messages", "are") };
        text.push_str(&format!(
            "{count} {messages} that it skipped {are} not here, and may be on the server of {account}. Once it skips them no more: \
             espomail fate retry --filter {}\n",
            argument::quoted(filter)
        ));
    }
    if held > 0 {
        let held = doing(held, "e-mail", "that it held waits", "that it held wait");
        text.push_str(&format!("{held} for a word: espomail review list\n"));
    }
    text
}

/// How many e-mails are listed at once.
const PAGE: i64 = 500;
/// How many copies of a user are sorted in one transaction.
const PAGE_OF_COPIES: i64 = 100;
/// From how many on people want to know that it takes long, and how to look at fewer.
const MANY: i64 = 20_000;

/// What cannot be decided anew.
fn told_pruned(pruned: i64) -> String {
    let stays = |pruned| doing(pruned, "e-mail", "stays as it is: its", "stay as they are: their");
    if pruned > 0 { format!("{} raw bytes were pruned.\n", stays(pruned)) } else { String::new() }
}

impl Reprocess {
    pub fn run(self, context: &Context) -> Result<()> {
        // Users may hold their own filters against their own mail.
        if self.filter.is_none() {
            context.administrator()?;
        }
        let mut store = context.store()?;
        let store = &mut store;
        if self.quarantine {
            return self.quarantined(context, store);
        }
        let past = self.filter.as_ref().map(|wanted| find(context, store.connection(), wanted)).transpose()?;
        if let Some(past) = &past
            && let Owner::User(user) = past.thing().owner
        {
            return self.sort(context, store, past, user);
        }
        let past = past.as_ref().map(Permitted::thing);
        let permit = context.administrator()?;
        let (policy, names) = (context.policy(store.connection())?, Names::all(store.connection())?);
        let rules =
            Rules { policy: &policy, tell: self.notify, names: &names, filter: past, apply: self.apply, now: context.now() };
        let (mut seen, mut different, mut failed) = (0, Vec::new(), 0);
        let (mut pruned, mut named) = (0, Vec::new());
        let mut hear = |id: EmailId, outcome: Result<Reprocessed>| {
            seen += 1;
            match outcome {
                Ok(one) if one.is_different() || one.plans.iter().any(|plan| plan.fate == Fate::Filtered) => different.push(one),
                Ok(_) => {}
                Err(error) => {
                    failed += 1;
                    let what = format!("e-mail {id} stays as it is: {error:#}");
                    context.out.complain(&Fault::new(Class::Data, what).hint(format!("see: espomail email raw {id}")).into());
                }
            }
        };
        if self.emails.is_empty() {
            let mut selection = self.selection(context, store)?;
            if let Some(Owner::Account(account)) = past.map(|past| past.owner) {
                selection.account.get_or_insert(account);
            }
            let mut last = EmailId(0);
            pruned += reprocess::pruned(store.connection(), selection)?;
            self.warn(context, store, selection)?;
            loop {
                let page = select(store.connection(), selection, last, PAGE)?;
                pruned += all(store, &permit, &page, rules, &mut hear)?;
                match page.last() {
                    Some(id) => last = *id,
                    None => break,
                }
            }
        } else {
            for wanted in &self.emails {
                named.push(right::email(store.connection(), context.actor_ref(), wanted, RoleAction::Edit)?.0);
            }
            pruned += all(store, &permit, &named, rules, &mut hear)?;
        }
        let kept = past.map(|past| self.kept(context, store, past, &policy)).transpose()?.unwrap_or_default();
        let (skipped, held) = match past {
            Some(past) => (skipped(store.connection(), past.id, false)?, held(store.connection(), &past.name)?),
            None => (Vec::new(), 0),
        };
        let mut document =
            json!({ "applied": self.apply, "seen": seen, "failed": failed, "pruned": pruned, "emails": different });
        if past.is_some() {
            let skipped: Vec<_> = skipped.iter().map(|(account, count)| json!({ "account": account, "count": count })).collect();
            document["skipped"] = json!(skipped);
            document["held"] = json!(held);
            let Taken { tally, unread } = &kept.1;
            document["kept"] = json!({ "messages": kept.0, "unreadable": unread.len(), "fates": tally });
        }
        context.out.item(&document, || {
            self.told(seen, &different)
                + &told_pruned(pruned)
                + &self.told_kept(&kept)
                + &elsewhere(past.map_or("", |past| &past.name), &skipped, held)
        });
        kept.1.unread.iter().for_each(|fault| context.out.complain(fault));
        // Who named it hears of it as of an error.
        named.iter().try_for_each(|id| raw_of(store.connection(), *id).map(|_| ()))
    }

    /// FILTER-7: what the filter skipped and is kept here comes by the rules of today. Returns how much it is, and what became of it.
    fn kept(&self, context: &Context, store: &mut Store, past: &Past, policy: &Policy) -> Result<(usize, Taken)> {
        let Selection { account, since, until } = self.selection(context, store)?;
        let wanted = FateFilter { account, since, until, skipped_by: Some(past.id), ..FateFilter::default() };
        let kept = kept_of(store.connection(), &wanted)?;
        let taken = take_again(store, &kept, policy, !self.apply, context.now())?;
        if self.apply && !kept.is_empty() {
            let permit = context.administrator()?;
            let (subject, detail) =
                (format!("filter:{}", past.name), format!("{} kept: {}", counted(kept.len(), "message"), taken.tally));
            store.alone(|db| access::record(db, &permit, "reprocess", &subject, &detail, context.now()))?;
        }
        Ok((kept.len(), taken))
    }

    fn told_kept(&self, (count, Taken { tally, unread }): &(usize, Taken)) -> String {
        let count = count - unread.len();
        let would = if self.apply { ["was", "were"] } else { ["would be", "would be"] };
        let [one, many] = would.map(|would| format!("that it skipped and that is kept here {would} taken again: {tally}."));
        if count == 0 { String::new() } else { doing(count, "message", &one, &many.replace("is kept", "are kept")) + "\n" }
    }

    /// FILTER-5: a user's own filter sorts what that user has.
    fn sort(&self, context: &Context, store: &mut Store, past: &Permitted<'_, Past>, user: UserId) -> Result<()> {
        let policy = context.policy(store.connection())?;
        let said = Said { permit: past.permit(), policy: &policy, now: context.now() };
        let Past { id, name, .. } = past.thing();
        let selection = self.selection(context, store)?;
        let pruned = reprocess::pruned(store.connection(), selection)?;
        let (mut seen, mut different, mut last) = (0, Vec::new(), EmailId(0));
        self.warn(context, store, selection)?;
        loop {
            let page = select(store.connection(), selection, last, PAGE_OF_COPIES)?;
            let Some(end) = page.last() else { break };
            last = *end;
            let work = |db: &mut Database| {
                let mut sorted = Vec::new();
                hand::sort(db, &said, (user, *id, name), &page, &mut |email, subject, plan| {
                    sorted.push((email, subject.to_string(), plan));
                })?;
                Ok(sorted)
            };
            let sorted = if self.apply { store.alone(work)? } else { store.rehearse(work)? };
            seen += sorted.len();
            different.extend(sorted.into_iter().filter(|(.., plan)| !plan.steps().is_empty()));
        }
        let names = Names::all(store.connection())?;
        let different: Vec<Reprocessed> = different
            .into_iter()
            .map(|(email, subject, plan)| Reprocessed::by_plan(email, subject, plan, names.clone()))
            .collect();
        let document = json!({ "applied": self.apply, "seen": seen, "failed": 0, "pruned": pruned, "emails": different });
        context.out.item(&document, || self.told(seen, &different) + &told_pruned(pruned));
        Ok(())
    }

    /// Says that it looks at very much, before it does.
    fn warn(&self, context: &Context, store: &mut Store, selection: Selection) -> Result<()> {
        const WEEK: i64 = 7 * 86_400;
        let seen = reprocess::count(store.connection(), selection)?;
        if seen > MANY && selection.since.is_none() {
            let of_late = Selection { since: Some(context.now() - WEEK), ..selection };
            let few = reprocess::count(store.connection(), of_late)?;
            context.out.say(&format!("Looking at {seen} e-mails. --since 7d looks at {few}."));
        }
        Ok(())
    }

    fn selection(&self, context: &Context, store: &mut Store) -> Result<Selection> {
        let db = store.connection();
        Ok(Selection {
            account: self.account.as_ref().map(|name| account::find(db, name)).transpose()?.map(|account| account.id),
            since: self.since.as_ref().map(|text| context.time(text)).transpose()?,
            until: self.until.as_ref().map(|text| context.time(text)).transpose()?,
        })
    }

    /// What became, or would become, of messages in quarantine.
    fn quarantined(&self, context: &Context, store: &mut Store) -> Result<()> {
        let policy = context.policy(store.connection())?;
        let permit = context.administrator()?;
        let by = (&permit, "reprocess");
        let mut retried = Vec::new();
        if self.apply {
            retried = retry(store, by, &policy, context.now())?;
        } else {
            let kept = quarantine::list(store.connection(), None)?;
            store.rehearse_each(&kept, |store, kept| {
                retried.push(retry_one(store, by, kept, &policy, context.now())?);
                Ok(())
            })?;
        }
        let document = json!({ "applied": self.apply, "messages": retried });
        context.out.item(&document, || {
            let line = |one: &crate::pass::quarantine::Retried| match &one.error {
                Some(error) => format!("message {} stays in quarantine: {}\n", one.id, shown(error)),
                None => format!("message {} is {}\n", one.id, one.fate),
            };
            let lines: String = retried.iter().map(line).collect();
            match (self.apply, retried.is_empty()) {
                (_, true) => "Nothing is in quarantine.\n".to_string(),
                (true, _) => lines,
                (false, _) => lines + "Nothing was changed. To make it so: --apply\n",
            }
        });
        Ok(())
    }

    fn told(&self, seen: usize, different: &[Reprocessed]) -> String {
        let mut text = String::new();
        for one in different {
            text.push_str(&format!("e-mail {}: {}\n", one.email, shown(&one.subject).replace('\n', " ")));
            for plan in &one.plans {
                text.push_str(&told(&json!(plan), &mut |id| one.names.record(id), &one.names));
            }
        }
        let count = different.len();
        let said = format!("{count} of {}", counted(seen, "e-mail"));
        match (self.apply, count) {
            (true, _) => text.push_str(&format!("{said} changed.\n")),
            (false, 0) => text.push_str(&format!("{said} would change.\n")),
            (false, _) => text.push_str(&format!("{said} would change. To make it so: --apply\n")),
        }
        text
    }
}
