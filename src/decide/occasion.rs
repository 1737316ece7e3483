//! What the rules ask of a message: when it reached us, who wrote it, what filters chose for it.

use super::author::{self, Origin, Seen};
use super::facts::{Arrival, EmailFacts, Facts, Policy};
use super::filter::Choices;
use crate::mail::{Address, Mail};
use crate::words::EmailId;

/// 1990-01-01 UTC: no mail in the store is older, so an earlier Date is an error of its sender (PARSE-5).
const FIRST_CREDIBLE_DATE: i64 = 631_152_000;

/// What the rules ask of a message, and what is known of it beside.
pub struct Occasion<'a> {
    /// The e-mail that it is, or becomes.
    pub email: EmailId,
    pub mail: &'a Mail,
    /// Only header and text parts are here (FETCH-8).
    pub partial: bool,
    pub archived: bool,
    /// Seconds since 1970 UTC.
    pub arrived_at: i64,
    /// What filters chose for it (FILTER-4).
    pub choices: Choices,
    /// Its Message-ID is one that we gave, or it stood where only we put anything (AUTO-2): it opens nothing, and is not answered.
    pub sent_by_us: bool,
    /// Who wrote it, as far as that is known (ACCESS-5).
    pub origin: Origin,
    /// The list that takes part in place of whom it names (PARSE-10).
    pub list: Option<&'a Address>,
    /// Our border says that From did not write it.
    pub disowned: bool,
    /// It may have been answered long ago: its mailbox was listed again (FETCH-5).
    pub quiet: bool,
}

impl<'a> Occasion<'a> {
    /// That of an e-mail that has been here for a while.
    pub fn of_stored(email: EmailId, mail: &'a Mail, known: &EmailFacts, choices: Choices) -> Self {
        Self { choices, partial: known.partial, ..Self::at(known.arrived_at, email, mail, Origin::of_stored(known)) }
    }

    /// That of an e-mail of which nothing else is to be said.
    pub fn at(arrived_at: i64, email: EmailId, mail: &'a Mail, origin: Origin) -> Self {
        let choices = Choices::default();
        Self {
            email,
            mail,
            partial: false,
            archived: false,
            arrived_at,
            choices,
            sent_by_us: false,
            origin,
            list: None,
            disowned: false,
            quiet: false,
        }
    }
}

/// The occasion of a message that comes in.
pub fn occasion<'a>(
    email: EmailId,
    arrival: &Arrival,
    seen: &'a Seen<'_>,
    policy: &Policy,
    choices: Choices,
    facts: &Facts,
) -> Occasion<'a> {
    let (mail, origin) = (&*seen.mail, seen.origin);
    let arrived_at = arrived_at(arrival, mail, facts.now);
    Occasion {
        email,
        mail,
        partial: arrival.partial,
        // FETCH-14: mail older than the account's `act-since` is history, not work.
        archived: arrived_at < facts.account.act_since,
        arrived_at,
        choices,
        sent_by_us: matches!(origin, Origin::Ours(_)) || author::is_token_ours(mail, policy),
        origin,
        list: seen.list.as_ref(),
        disowned: !origin.is_ours() && mail.is_disowned(&policy.authserv_ids),
        quiet: facts.quiet_before.is_some_and(|before| arrival.internal_date.is_none_or(|date| date < before)),
    }
}

/// Returns when the message reached us: INTERNALDATE, else its Date, else now; seconds since 1970 UTC.
fn arrived_at(arrival: &Arrival, mail: &Mail, now: i64) -> i64 {
    arrival.internal_date.or_else(|| mail.date.filter(|date| (FIRST_CREDIBLE_DATE..=now).contains(date))).unwrap_or(now)
}

/// PARSE-5: the date to sort by. A Date in the future, as it was then, or before 1990 sorts by arrival.
pub fn sort_date(occasion: &Occasion<'_>, taken_at: i64) -> i64 {
    occasion.mail.date.filter(|date| (FIRST_CREDIBLE_DATE..=taken_at).contains(date)).unwrap_or(occasion.arrived_at)
}
