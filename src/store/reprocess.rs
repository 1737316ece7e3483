//! What `reprocess` reads of a stored e-mail, and the trace it leaves (WHY-2).

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use diesel::dsl::{count_star, exists, not};
use diesel::prelude::*;
use serde_json::{Value, json};

use super::reasons::PackedReasons;
use super::schema::{
    account_mailboxes, accounts, email_accounts, email_teams, email_users, emails, fates, held_actions, outbox, positions, raws,
    reviews, skipped_raws,
};
use super::{Backend, Database, clean};
use crate::decide::hand::Copy;
use crate::decide::{Arrival, Done, Place, Plan, Stored};
use crate::words::{
    AccountId, BudgetAction, EmailId, Fate, FilterId, FolderId, ParentBy, PositionId, RecordId, Rule, ThreadId, UserId,
};

/// An e-mail account that an e-mail came through, and in which mailbox it stood first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Through {
    pub account: AccountId,
    pub position: Option<PositionId>,
}

/// Which e-mails to reprocess. Times are seconds since 1970 UTC.
#[derive(Debug, Clone, Copy, Default)]
pub struct Selection {
    pub account: Option<AccountId>,
    pub since: Option<i64>,
    pub until: Option<i64>,
}

/// Lists e-mails behind one, in the order in which they came; none whose raw bytes were pruned, as most of what rules ask is not known.
pub fn select(db: &mut Database, selection: Selection, behind: EmailId, limit: i64) -> Result<Vec<EmailId>> {
    let kept = not(exists(is_pruned()));
    Ok(selected(selection)
        .filter(emails::id.gt(behind))
        .filter(kept)
        .order(emails::id)
        .limit(limit)
        .select(emails::id)
        .load(db)?)
}

/// Counts all of them.
pub fn count(db: &mut Database, selection: Selection) -> Result<i64> {
    Ok(selected(selection).count().get_result(db)?)
}

/// Counts those whose raw bytes were pruned.
pub fn pruned(db: &mut Database, selection: Selection) -> Result<i64> {
    Ok(selected(selection).filter(exists(is_pruned())).count().get_result(db)?)
}

#[diesel::dsl::auto_type(no_type_alias)]
fn is_pruned() -> _ {
    raws::table.filter(raws::id.eq(emails::raw_id)).filter(raws::pruned_at.is_not_null())
}

fn selected(selection: Selection) -> emails::BoxedQuery<'static, Backend> {
    let mut query = emails::table.into_boxed();
    if let Some(account) = selection.account {
        let of = email_accounts::table.filter(email_accounts::account_id.eq(account)).select(email_accounts::email_id);
        query = query.filter(emails::id.eq_any(of));
    }
    if let Some(since) = selection.since {
        query = query.filter(emails::date.ge(since));
    }
    if let Some(until) = selection.until {
        query = query.filter(emails::date.lt(until));
    }
    query
}

/// What an import filter skipped, by account, as far as it may still be had: kept here, or else from the server.
pub fn skipped(db: &mut Database, filter: FilterId, is_kept: bool) -> Result<Vec<(String, i64)>> {
    macro_rules! counted {
        ($which:expr) => {
            fates::table
                .inner_join(positions::table.on(positions::id.eq(fates::position_id)))
                .inner_join(accounts::table.on(accounts::id.eq(positions::account_id)))
                .filter(fates::skipped_by.eq(filter))
                .filter(fates::fate.eq(Fate::Filtered))
                .filter($which)
                .group_by(accounts::name)
                .order(accounts::name)
                .select((accounts::name, count_star()))
                .load(db)
        };
    }
    Ok(match is_kept {
        true => counted!(exists(kept())),
        false => counted!(positions::uidvalidity.ne(0).and(not(exists(kept())))),
    }?)
}

/// How many messages of each account a filter has skipped that are not stored.
pub fn skipped_by(db: &mut Database, filter: FilterId) -> Result<BTreeMap<String, i64>> {
    let mut by_account: BTreeMap<String, i64> = BTreeMap::new();
    for (account, count) in [skipped(db, filter, false)?, skipped(db, filter, true)?].concat() {
        *by_account.entry(account).or_default() += count;
    }
    Ok(by_account)
}

#[diesel::dsl::auto_type(no_type_alias)]
fn kept() -> _ {
    skipped_raws::table.filter(skipped_raws::position_id.eq(fates::position_id)).filter(skipped_raws::uid.eq(fates::uid))
}

/// How many e-mails a filter put into a folder, gave to somebody or marked as read, as far as that may be so still.
pub fn touched(db: &mut Database, filter: FilterId) -> Result<i64> {
    let given = email_teams::table.filter(email_teams::given_by.eq(filter)).select(email_teams::email_id);
    let by = email_users::given_by.eq(filter).or(email_users::read_by.eq(filter)).or(email_users::sorted_by.eq(filter));
    let copied = email_users::table.filter(by).select(email_users::email_id);
    let any = emails::filed_by.eq(filter).or(emails::id.eq_any(given)).or(emails::id.eq_any(copied));
    Ok(emails::table.filter(any).count().get_result(db)?)
}

/// How many e-mails wait for a person's word because of a filter.
pub fn held(db: &mut Database, name: &str) -> Result<i64> {
    let because = format!("{}: the filter {name:?} holds it for review", Rule::Filter4);
    let waiting = reviews::table.filter(reviews::decision.is_null()).filter(reviews::because.eq(because));
    Ok(waiting.count().get_result(db)?)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = emails)]
struct Row {
    thread_id: ThreadId,
    replied_id: Option<EmailId>,
    parent_id: Option<RecordId>,
    parent_by: Option<ParentBy>,
    id_collision: bool,
    folder_id: Option<FolderId>,
    filed_by_hand: bool,
    filed_by: Option<FilterId>,
    teams_by_hand: bool,
    arrived_at: i64,
    is_partial: bool,
    is_ours: bool,
    author_id: Option<UserId>,
}

/// Reads an e-mail as it is, and how it arrived.
pub fn read(db: &mut Database, id: EmailId) -> Result<(Stored, Arrival)> {
    let row = emails::table.find(id).select(Row::as_select()).first::<Row>(db)?;
    let teams = email_teams::table.filter(email_teams::email_id.eq(id)).select(email_teams::team_id).load(db)?;
    let users = email_users::table.filter(email_users::email_id.eq(id)).select(email_users::user_id).load(db)?;
    let stored = Stored {
        id,
        thread: row.thread_id,
        replied: row.replied_id,
        parent: row.parent_id,
        parent_by: row.parent_by,
        id_collision: row.id_collision,
        folder: row.folder_id,
        filed_by_hand: row.filed_by_hand,
        filed_by: row.filed_by,
        teams_by_hand: row.teams_by_hand,
        teams,
        users,
        ours: row.is_ours,
        author: row.author_id,
        is_letter: outbox::table.filter(outbox::email_id.eq(id)).count().get_result::<i64>(db)? > 0,
        done: None,
        reviewed: reviews::table.filter(reviews::email_id.eq(id)).count().get_result::<i64>(db)? > 0,
        holds_case: held_case(db, id)?,
    };
    let arrival = Arrival { position: PositionId(0), uid: 0, internal_date: Some(row.arrived_at), partial: row.is_partial };
    Ok((stored, arrival))
}

fn held_case(db: &mut Database, id: EmailId) -> Result<bool> {
    let held = held_actions::table.filter(held_actions::email_id.eq(id)).filter(held_actions::action.eq(BudgetAction::Case));
    Ok(held.count().get_result::<i64>(db)? > 0)
}

/// Whether an import filter did something to an e-mail that may be there still.
pub fn was_touched(db: &mut Database, id: EmailId, filter: FilterId) -> Result<bool> {
    let filed = emails::table.find(id).filter(emails::filed_by.eq(filter)).count().get_result::<i64>(db)?;
    Ok(filed > 0 || done(db, id, (filter, ""))?.is_any())
}

/// Reads what an import filter did to an e-mail, without what people changed since.
pub fn done(db: &mut Database, id: EmailId, (filter, name): (FilterId, &str)) -> Result<Done> {
    let gave_teams = email_teams::table.filter(email_teams::email_id.eq(id)).filter(email_teams::given_by.eq(filter));
    let copies = || email_users::table.filter(email_users::email_id.eq(id)).select(email_users::user_id);
    let as_given = email_users::is_placed_by_hand.eq(false).and(email_users::is_marked_by_hand.eq(false));
    let unmarked = || email_users::is_marked_by_hand.eq(false);
    Ok(Done {
        filter,
        name: name.to_string(),
        gave_teams: gave_teams.select(email_teams::team_id).load(db)?,
        gave_users: copies().filter(email_users::given_by.eq(filter)).filter(as_given).load(db)?,
        marked: copies().filter(email_users::read_by.eq(filter)).filter(email_users::is_read).filter(unmarked()).load(db)?,
        unread: copies().filter(email_users::is_read.eq(false)).filter(unmarked()).load(db)?,
    })
}

/// Lists a user's copies of some e-mails, in the order in which these came; of letters of ours there are none.
pub fn copies(db: &mut Database, user: UserId, of: &[EmailId]) -> Result<Vec<Copy>> {
    #[derive(Queryable)]
    struct Row {
        email: EmailId,
        author: Option<UserId>,
        place: (bool, Option<FolderId>),
        is_read: bool,
        by_hand: (bool, bool),
        by: (Option<FilterId>, Option<FilterId>),
    }
    let letters: Vec<EmailId> = outbox::table.filter(outbox::email_id.eq_any(of)).select(outbox::email_id).load(db)?;
    let mut rows = email_users::table
        .inner_join(emails::table.on(emails::id.eq(email_users::email_id)))
        .filter(email_users::user_id.eq(user))
        .filter(email_users::email_id.eq_any(of))
        .order(emails::id)
        .select((
            emails::id,
            emails::author_id,
            (email_users::is_trashed, email_users::folder_id),
            email_users::is_read,
            (email_users::is_placed_by_hand, email_users::is_marked_by_hand),
            (email_users::sorted_by, email_users::read_by),
        ))
        .load::<Row>(db)?;
    rows.retain(|row| !letters.contains(&row.email));
    let mapped: HashMap<EmailId, FolderId> = fates::table
        .inner_join(positions::table.on(positions::id.eq(fates::position_id)))
        .inner_join(accounts::table.on(accounts::id.eq(positions::account_id)))
        .inner_join(
            account_mailboxes::table
                .on(account_mailboxes::account_id.eq(positions::account_id).and(account_mailboxes::name.eq(positions::mailbox))),
        )
        .filter(accounts::owner_id.eq(user))
        .filter(fates::email_id.eq_any(of.iter().copied().map(Some)))
        .filter(account_mailboxes::folder_id.is_not_null())
        .order((fates::at.desc(), fates::uid.desc()))
        .select((fates::email_id.assume_not_null(), account_mailboxes::folder_id.assume_not_null()))
        .load(db)?
        .into_iter()
        .collect();
    let copy = |row: Row| Copy {
        email: row.email,
        user,
        place: Place { trashed: row.place.0, folder: row.place.1 },
        is_read: row.is_read,
        is_placed_by_hand: row.by_hand.0,
        is_marked_by_hand: row.by_hand.1,
        sorted_by: row.by.0,
        read_by: row.by.1,
        is_author: row.author == Some(user),
        mapped: mapped.get(&row.email).copied(),
    };
    Ok(rows.into_iter().map(copy).collect())
}

/// Returns the accounts that an e-mail came through, the first one first.
pub fn through(db: &mut Database, id: EmailId) -> Result<Vec<Through>> {
    let by_fate = fates::table
        .inner_join(positions::table.on(positions::id.eq(fates::position_id)))
        .filter(fates::email_id.eq(id))
        .order((fates::at, fates::position_id, fates::uid))
        .select((positions::account_id, positions::id.nullable()))
        .load(db)?;
    let accounts = email_accounts::table
        .filter(email_accounts::email_id.eq(id))
        .order(email_accounts::account_id)
        .select(email_accounts::account_id)
        .load(db)?;
    let mut found: Vec<Through> = Vec::new();
    for (account, position) in by_fate.into_iter().chain(accounts.into_iter().map(|account| (account, None))) {
        if !found.iter().any(|one| one.account == account) {
            found.push(Through { account, position });
        }
    }
    Ok(found)
}

/// Returns when an e-mail was taken in, in seconds since 1970 UTC; none where no account brought it.
pub fn taken_at(db: &mut Database, id: EmailId) -> Result<Option<i64>> {
    Ok(fates::table.filter(fates::email_id.eq(id)).select(diesel::dsl::min(fates::at)).first(db)?)
}

/// WHY-1: writes what was changed and why behind the reasons of the e-mail's first fate, in an account where it matters which.
pub fn trace(db: &mut Database, id: EmailId, account: Option<AccountId>, plan: &Plan, now: i64) -> Result<()> {
    let mut of_email = fates::table
        .inner_join(positions::table.on(positions::id.eq(fates::position_id)))
        .filter(fates::email_id.eq(id))
        .into_boxed::<Backend>();
    if let Some(account) = account {
        of_email = of_email.filter(positions::account_id.eq(account));
    }
    let first = of_email
        .order((fates::at, fates::position_id, fates::uid))
        .select((fates::position_id, fates::uid, (fates::why, fates::reasons)))
        .first::<(PositionId, i64, (String, Option<Vec<u8>>))>(db)
        .optional()?;
    let Some((position, uid, (why, reasons))) = first else { return Ok(()) };
    let mut why: Value = serde_json::from_str(&PackedReasons { why, reasons }.read()?)?;
    let again = json!({ "at": crate::clock::rfc3339(now), "steps": serde_json::to_value(plan)?["steps"], "notes": plan.notes });
    if let Value::Object(document) = &mut why {
        match document.entry("again").or_insert_with(|| json!([])) {
            Value::Array(list) => list.push(again),
            other => *other = json!([again]),
        }
    }
    let PackedReasons { why, reasons } = PackedReasons::of(clean(&why.to_string()).into_owned());
    diesel::update(fates::table.find((position, uid))).set((fates::why.eq(why), fates::reasons.eq(reasons))).execute(db)?;
    Ok(())
}
