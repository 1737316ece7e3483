//! What the rules ask of a message: when it reached us, who wrote it, what filters chose for it.

use super::author::{self, Origin, Seen};
use super::facts::{Arrival, EmailFacts, Facts, Policy};
use super::filter::Choices;
use crate::mail::{Address, Mail};
use crate::words::EmailId;

/// 1990-01-01 UTC: no mail in the store is older, so an earlier Date is an error of its sender (PARSE-5).
const FIRST_CREDIBLE_DATE: i64 = 631_152_000;

/// By how much the clock or the zone of a server may be behind, in seconds. A Date that is later by more is its sender's error.
const BEHIND: i64 = 86_400;

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

impl Arrival {
    /// The same with an INTERNALDATE that can be: none of before 1990, as of mail that was put back without its times, none in the future,
    /// and none of the hours before a message was written, as of a server whose clock or zone is behind. History stays history.
    pub fn believed(&self, mail: &Mail, now: i64) -> Self {
        let is_credible = |date: &i64| (FIRST_CREDIBLE_DATE..=now).contains(date);
        let written = mail.date.filter(is_credible);
        let internal_date = self.internal_date.map(|date| date.min(now)).filter(is_credible);
        let is_late = |date: i64, written: &i64| (1..=BEHIND).contains(&(written - date));
        let internal_date = internal_date.map(|date| written.filter(|written| is_late(date, written)).unwrap_or(date));
        Self { internal_date, ..self.clone() }
    }
}

/// Returns when the message reached us: INTERNALDATE, else its Date, else now; seconds since 1970 UTC.
pub(super) fn arrived_at(arrival: &Arrival, mail: &Mail, now: i64) -> i64 {
    arrival.internal_date.or_else(|| mail.date.filter(|date| (FIRST_CREDIBLE_DATE..=now).contains(date))).unwrap_or(now)
}

/// PARSE-5: the date to sort by. A Date in the future, as it was then, or before 1990 sorts by arrival.
pub fn sort_date(occasion: &Occasion<'_>, taken_at: i64) -> i64 {
    occasion.mail.date.filter(|date| (FIRST_CREDIBLE_DATE..=taken_at).contains(date)).unwrap_or(occasion.arrived_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::PositionId;

    const NOW: i64 = 1_795_428_000;
    const HOUR: i64 = 3_600;

    #[test]
    fn fetch_14_a_date_of_a_server_that_cannot_be_makes_no_history_of_what_is_new() {
        for (internal_date, written, arrived) in [
            // Put back without its times; with a Date, without one, with one that is no better.
            (Some(0), Some(NOW - 60), NOW - 60),
            (Some(0), None, NOW),
            (Some(0), Some(NOW + HOUR), NOW),
            // A clock, or a zone, that is behind; one that is ahead.
            (Some(NOW - 2 * HOUR), Some(NOW - 60), NOW - 60),
            (Some(NOW + 480 * HOUR), Some(NOW - 60), NOW),
            // History, moved here or not, whose Date agrees, is missing, or was wrong.
            (Some(NOW - 480 * HOUR), Some(NOW - 480 * HOUR - 60), NOW - 480 * HOUR),
            (Some(NOW - 480 * HOUR), Some(NOW - 60), NOW - 480 * HOUR),
            (Some(NOW - 480 * HOUR), None, NOW - 480 * HOUR),
            (Some(NOW - 480 * HOUR), Some(NOW + HOUR), NOW - 480 * HOUR),
            (Some(0), Some(NOW - 480 * HOUR), NOW - 480 * HOUR),
            (None, Some(NOW - 480 * HOUR), NOW - 480 * HOUR),
        ] {
            let arrival = Arrival { position: PositionId(1), uid: 1, internal_date, partial: false };
            let mail = Mail { date: written, ..Mail::default() };
            assert_eq!(arrived_at(&arrival.believed(&mail, NOW), &mail, NOW), arrived, "{internal_date:?} {written:?}");
        }
    }
}
