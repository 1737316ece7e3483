//! SEND-6: what one attempt to send makes of a message: sent, tried again, failed, or perhaps sent.

use crate::words::{OutboxState, OutgoingKind, RecipientState};

/// The pauses before the next attempt, in seconds; the last one is repeated.
const PAUSES: [i64; 8] = [60, 120, 300, 900, 1_800, 3_600, 7_200, LONGEST_PAUSE];

/// The longest of the pauses: nothing rests longer, whatever the clock said when it was tried.
pub const LONGEST_PAUSE: i64 = 14_400;

/// How long a message is tried, in seconds.
const GIVE_UP: i64 = 5 * 86_400;

/// How often a reply has been tried at the most when it goes out again although its answer was lost.
const REPEATS: i64 = 3;

/// A recipient of the envelope, and the last answer about it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Recipient {
    pub address: String,
    pub state: RecipientState,
    pub code: Option<i64>,
    /// Enhanced status code (RFC 3463).
    pub status: Option<String>,
    pub said: Option<String>,
}

/// How one attempt went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The server answered for each recipient: taken, refused for good, or `pending` when it may be asked again.
    Answered(Vec<Recipient>),
    /// Nothing was handed over.
    Broken { error: String, permanent: bool },
    /// It was handed over, and the answer was lost; not to those whom the server had refused, for good or `pending`.
    Unknown { error: String, refused: Vec<Recipient> },
}

/// What becomes of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub state: OutboxState,
    /// When it is tried again; seconds since 1970 UTC.
    pub due_at: Option<i64>,
    pub error: Option<String>,
    /// The recipients of which something is known now.
    pub recipients: Vec<Recipient>,
    /// It has reached somebody now, and nobody before: what follows from that, follows (SEND-8).
    pub is_first: bool,
}

/// What was tried before, and how often.
#[derive(Debug, Clone, Copy)]
pub struct Tried<'a> {
    /// Those who were to be reached.
    pub pending: &'a [String],
    /// Whether somebody has it.
    pub reached: bool,
    /// Whether it goes out once more: what follows from it has followed.
    pub is_resent: bool,
    /// This attempt included.
    pub attempts: i64,
    /// Seconds since 1970 UTC.
    pub first_tried_at: i64,
    /// Whether it goes out again when its answer is lost.
    pub may_repeat: bool,
}

/// Whether a message may go out again although it may have been sent: a reply of a person's, where that is wanted, a few times.
pub fn may_repeat(is_wanted: bool, kind: OutgoingKind, attempts: i64) -> bool {
    is_wanted && kind == OutgoingKind::Reply && attempts < REPEATS
}

/// Decides.
pub fn settle(attempt: Attempt, tried: &Tried<'_>, now: i64) -> Settled {
    let again = |error: String| {
        let due_at = Some(now + pause(tried.attempts));
        Settled { state: OutboxState::Queued, due_at, error: Some(error), recipients: Vec::new(), is_first: false }
    };
    let is_over = is_over(tried.attempts, tried.first_tried_at, now);
    match attempt {
        Attempt::Unknown { error, refused } if tried.may_repeat && !is_over => Settled { recipients: refused, ..again(error) },
        Attempt::Unknown { error, refused } => {
            let state = OutboxState::MaybeSent;
            Settled { state, due_at: None, error: Some(error), recipients: refused, is_first: false }
        }
        Attempt::Broken { error, permanent } if permanent || is_over => {
            let recipients = tried.pending.iter().map(|address| failed(address, &error)).collect();
            let state = if tried.reached { OutboxState::Sent } else { OutboxState::Failed };
            Settled { state, due_at: None, error: Some(error), recipients, is_first: false }
        }
        Attempt::Broken { error, .. } => again(error),
        Attempt::Answered(recipients) => answered(recipients, tried, is_over, now),
    }
}

fn answered(mut recipients: Vec<Recipient>, tried: &Tried<'_>, is_over: bool, now: i64) -> Settled {
    if is_over {
        for one in recipients.iter_mut().filter(|one| one.state == RecipientState::Pending) {
            one.state = RecipientState::Failed;
        }
    }
    let any = |state: RecipientState| recipients.iter().any(|one| one.state == state);
    let (state, due_at) = if any(RecipientState::Pending) {
        (OutboxState::Queued, Some(now + pause(tried.attempts)))
    } else if tried.reached || any(RecipientState::Sent) {
        (OutboxState::Sent, None)
    } else {
        (OutboxState::Failed, None)
    };
    let refused = recipients.iter().find(|one| one.state != RecipientState::Sent);
    let error = refused.map(|one| format!("{}: {}", one.address, one.said.as_deref().unwrap_or("refused")));
    let is_first = !tried.reached && !tried.is_resent && any(RecipientState::Sent);
    Settled { state, due_at, error, is_first, recipients }
}

/// How far a message had come when its pass died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// Before the mark that it is handed over.
    Before,
    /// Behind the mark: nobody knows.
    After,
    /// Its server had taken it for everybody.
    Taken,
}

/// What becomes of a message whose pass died at work. The first death is made good at once; a message that kills its passes again and again waits longer each time, and fails at last.
pub fn after_death(death: Death, tried: &Tried<'_>, now: i64) -> Settled {
    let error = |when: &str| format!("the pass died {when} the message was handed over");
    let attempt = match death {
        // Whom the server refused was written down with the mark.
        Death::After => Attempt::Unknown { error: error("after"), refused: Vec::new() },
        Death::Before => Attempt::Broken { error: error("before"), permanent: false },
        // What it said died with the pass.
        Death::Taken => Attempt::Answered(tried.pending.iter().map(|address| taken(address)).collect()),
    };
    let settled = settle(attempt, tried, now);
    let due_at = settled.due_at.map(|due_at| if tried.attempts < 2 { now } else { due_at });
    Settled { due_at, ..settled }
}

/// Whether the next attempt would come after five days.
fn is_over(attempts: i64, first_tried_at: i64, now: i64) -> bool {
    now + pause(attempts) > first_tried_at + GIVE_UP
}

fn pause(attempts: i64) -> i64 {
    let place = usize::try_from(attempts.max(1) - 1).unwrap_or(usize::MAX);
    PAUSES.get(place).copied().unwrap_or(PAUSES[PAUSES.len() - 1])
}

fn taken(address: &str) -> Recipient {
    Recipient { address: address.to_string(), state: RecipientState::Sent, code: None, status: None, said: None }
}

fn failed(address: &str, error: &str) -> Recipient {
    let said = Some(error.to_string());
    Recipient { address: address.to_string(), state: RecipientState::Failed, code: None, status: None, said }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(address: &str, state: RecipientState) -> Recipient {
        Recipient { address: address.to_string(), state, code: None, status: None, said: Some("no".to_string()) }
    }

    fn tried(pending: &[String], attempts: i64) -> Tried<'_> {
        Tried { pending, reached: false, is_resent: false, attempts, first_tried_at: 0, may_repeat: false }
    }

    #[test]
    fn send_6_pauses_grow_to_four_hours_and_end_after_five_days() {
        let broken = || Attempt::Broken { error: "down".to_string(), permanent: false };
        let (mut now, mut attempts) = (0, 0);
        let mut pauses = Vec::new();
        loop {
            attempts += 1;
            let settled = settle(broken(), &tried(&["a".to_string()], attempts), now);
            match settled.due_at {
                Some(due) => pauses.push(due - now),
                None => {
                    assert_eq!((settled.state, settled.recipients.len()), (OutboxState::Failed, 1));
                    break;
                }
            }
            now += pauses[pauses.len() - 1];
        }
        assert_eq!(pauses[..9], [60, 120, 300, 900, 1_800, 3_600, 7_200, 14_400, 14_400]);
        assert!((4 * 86_400..=5 * 86_400).contains(&now), "{now}");
    }

    #[test]
    fn send_6_each_recipient_has_an_answer_of_its_own() {
        let settled = |recipients: Vec<Recipient>| settle(Attempt::Answered(recipients), &tried(&[], 1), 0);
        let sent = one("a", RecipientState::Sent);
        let refused = one("b", RecipientState::Failed);
        let later = one("c", RecipientState::Pending);
        assert_eq!(settled(vec![sent.clone()]).state, OutboxState::Sent);
        assert_eq!(settled(vec![sent.clone(), refused.clone()]).state, OutboxState::Sent);
        assert_eq!(settled(vec![sent.clone(), refused.clone()]).error.as_deref(), Some("b: no"));
        assert_eq!(settled(vec![refused.clone()]).state, OutboxState::Failed);
        let again = settled(vec![sent.clone(), refused.clone(), later.clone()]);
        assert_eq!((again.state, again.due_at, again.is_first), (OutboxState::Queued, Some(60), true));
        assert!(!settled(vec![later.clone()]).is_first, "it has reached nobody");
        // What goes out once more, and nobody has, failed.
        let resent = Tried { is_resent: true, ..tried(&[], 1) };
        assert_eq!(settle(Attempt::Answered(vec![refused.clone()]), &resent, 0).state, OutboxState::Failed);
        let taken = settle(Attempt::Answered(vec![sent.clone()]), &resent, 0);
        assert_eq!((taken.state, taken.is_first), (OutboxState::Sent, false));
        let over = settle(Attempt::Answered(vec![later]), &Tried { reached: true, ..tried(&[], 30) }, 5 * 86_400);
        assert_eq!((over.state, over.recipients[0].state), (OutboxState::Sent, RecipientState::Failed));
    }

    #[test]
    fn send_6_a_message_that_kills_its_passes_waits_longer_and_fails_at_last() {
        let after = |death, tried: Tried<'_>, now| {
            let settled = after_death(death, &tried, now);
            (settled.state, settled.due_at)
        };
        assert_eq!(after(Death::Before, tried(&[], 1), 7), (OutboxState::Queued, Some(7)));
        assert_eq!(after(Death::Before, tried(&[], 2), 7), (OutboxState::Queued, Some(7 + 120)));
        assert_eq!(after(Death::Before, tried(&[], 40), GIVE_UP), (OutboxState::Failed, None));
        assert_eq!(after(Death::Before, Tried { reached: true, ..tried(&[], 40) }, GIVE_UP), (OutboxState::Sent, None));
        assert_eq!(after(Death::After, tried(&[], 1), 7), (OutboxState::MaybeSent, None));
        let wanted = Tried { may_repeat: true, ..tried(&[], 1) };
        assert_eq!(after(Death::After, wanted, 7), (OutboxState::Queued, Some(7)));
        assert_eq!(
            after(Death::After, wanted, GIVE_UP),
            (OutboxState::MaybeSent, None),
            "it may have been sent, however late it is"
        );
        let (to, wanted) = (["a".to_string()], Tried { may_repeat: true, ..tried(&[], 1) });
        let settled = after_death(Death::Taken, &Tried { pending: &to, ..wanted }, 7);
        assert_eq!((settled.state, settled.is_first, settled.error), (OutboxState::Sent, true, None), "its server had said so");
    }

    #[test]
    fn send_6_what_was_handed_over_without_an_answer_is_never_repeated() {
        let unknown = Attempt::Unknown { error: "gone".to_string(), refused: Vec::new() };
        let settled = settle(unknown.clone(), &tried(&[], 1), 0);
        assert_eq!((settled.state, settled.due_at), (OutboxState::MaybeSent, None));
        let permanent = Attempt::Broken { error: "too large".to_string(), permanent: true };
        assert_eq!(settle(permanent, &tried(&["a".to_string()], 1), 0).state, OutboxState::Failed);
        // But for a reply, where that is wanted, a few times.
        let again = settle(unknown, &Tried { may_repeat: true, ..tried(&[], 1) }, 0);
        assert_eq!((again.state, again.due_at), (OutboxState::Queued, Some(60)));
        let may = |kind, attempts| may_repeat(true, kind, attempts);
        assert!(may(OutgoingKind::Reply, 1) && may(OutgoingKind::Reply, 2) && !may(OutgoingKind::Reply, 3));
        assert!(!may(OutgoingKind::Answer, 1) && !may(OutgoingKind::Message, 1));
        assert!(!may_repeat(false, OutgoingKind::Reply, 1));
    }
}
