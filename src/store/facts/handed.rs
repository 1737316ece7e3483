//! THREAD-2: to which e-mails teams were handed on.

use std::collections::HashSet;

use anyhow::Result;
use diesel::dsl::{exists, not};
use diesel::prelude::*;

use super::named::in_lists;
use crate::decide::Facts;
use crate::store::Database;
use crate::store::schema::{account_teams, accounts, email_accounts, email_teams, emails, folder_teams, record_teams};
use crate::words::{EmailId, TeamId};

/// Gathers which teams the e-mails have by a filter, or from the e-mail that they answer.
pub(super) fn spread(db: &mut Database, facts: &mut Facts) -> Result<()> {
    let ids: HashSet<EmailId> = facts.emails.keys().copied().collect();
    let rows = in_lists(&ids, |some| {
        email_teams::table
            .filter(email_teams::email_id.eq_any(some))
            .filter(email_teams::given_by.is_not_null().or(email_teams::handed_by.is_not_null()))
            .select((email_teams::email_id, email_teams::team_id))
            .load::<(EmailId, TeamId)>(db)
    })?;
    facts.spread.extend(rows);
    Ok(())
}

/// Gathers which answers have a team from the e-mail that they answer and from nothing else, answer by answer, from these e-mails on.
pub(super) fn gather(db: &mut Database, from: impl IntoIterator<Item = EmailId>, facts: &mut Facts) -> Result<()> {
    let mut next: HashSet<EmailId> = from.into_iter().collect();
    let mut seen = next.clone();
    while !next.is_empty() {
        let handed = in_lists(&next, |some| {
            let of_record = record_teams::table
                .filter(record_teams::record_id.nullable().eq(emails::parent_id))
                .filter(record_teams::team_id.eq(email_teams::team_id));
            let of_folder = folder_teams::table
                .filter(folder_teams::folder_id.nullable().eq(emails::folder_id))
                .filter(folder_teams::team_id.eq(email_teams::team_id));
            let through = || email_accounts::table.filter(email_accounts::email_id.eq(emails::id));
            let of_account = account_teams::table
                .filter(account_teams::team_id.eq(email_teams::team_id))
                .filter(account_teams::account_id.eq_any(through().select(email_accounts::account_id)));
            let of_cases = accounts::table
                .filter(accounts::make_cases)
                .filter(accounts::case_team_id.eq(email_teams::team_id.nullable()))
                .filter(accounts::id.eq_any(through().select(email_accounts::account_id)));
            email_teams::table
                .inner_join(emails::table.on(emails::id.eq(email_teams::email_id)))
                .filter(emails::replied_id.eq_any(some))
                .filter(email_teams::handed_by.eq(emails::replied_id))
                .filter(not(exists(of_record)).and(not(exists(of_folder))))
                .filter(not(exists(of_account)).and(not(exists(of_cases))))
                .order(email_teams::email_id)
                .select((email_teams::handed_by.assume_not_null(), email_teams::team_id, email_teams::email_id))
                .load::<(EmailId, TeamId, EmailId)>(db)
        })?;
        next.clear();
        for (from, team, to) in handed {
            if seen.insert(to) {
                next.insert(to);
            }
            facts.handed.entry((from, team)).or_default().push(to);
        }
    }
    Ok(())
}
