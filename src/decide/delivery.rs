//! SEND-6: what one attempt to send makes of a message: sent, tried again, failed, or perhaps sent.

use crate::words::{OutboxState, RecipientState};

/// The pauses before the next attempt, in seconds; the last one is repeated.
const PAUSES: [i64; 8] = [60, 120, 300, 900, 1_800, 3_600, 7_200, 14_400];

/// How long a message is tried, in seconds.
const GIVE_UP: i64 = 5 * 86_400;

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
    /// It was handed over, and the answer was lost.
    Unknown { error: String },
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
}

/// Decides. `attempts` counts this one; `pending` are those who were to be reached, `reached` whether it had reached somebody
/// before.
pub fn settle(attempt: Attempt, pending: &[String], reached: bool, attempts: i64, first_tried_at: i64, now: i64) -> Settled {
    match attempt {
        Attempt::Unknown { error } => {
            Settled { state: OutboxState::MaybeSent, due_at: None, error: Some(error), recipients: Vec::new() }
        }
        Attempt::Broken { error, permanent } if permanent || is_over(attempts, first_tried_at, now) => {
            let recipients = pending.iter().map(|address| failed(address, &error)).collect();
            let state = if reached { OutboxState::Sent } else { OutboxState::Failed };
            Settled { state, due_at: None, error: Some(error), recipients }
        }
        Attempt::Broken { error, .. } => {
            let due_at = Some(now + pause(attempts));
            Settled { state: OutboxState::Queued, due_at, error: Some(error), recipients: Vec::new() }
        }
        Attempt::Answered(recipients) => answered(recipients, reached, attempts, first_tried_at, now),
    }
}

fn answered(mut recipients: Vec<Recipient>, reached: bool, attempts: i64, first_tried_at: i64, now: i64) -> Settled {
    if is_over(attempts, first_tried_at, now) {
        for one in recipients.iter_mut().filter(|one| one.state == RecipientState::Pending) {
            one.state = RecipientState::Failed;
        }
    }
    let any = |state: RecipientState| recipients.iter().any(|one| one.state == state);
    let (state, due_at) = if any(RecipientState::Pending) {
        (OutboxState::Queued, Some(now + pause(attempts)))
    } else if reached || any(RecipientState::Sent) {
        (OutboxState::Sent, None)
    } else {
        (OutboxState::Failed, None)
    };
    let refused = recipients.iter().find(|one| one.state != RecipientState::Sent);
    let error = refused.map(|one| format!("{}: {}", one.address, one.said.as_deref().unwrap_or("refused")));
    Settled { state, due_at, error, recipients }
}

/// Whether the next attempt would come after five days.
fn is_over(attempts: i64, first_tried_at: i64, now: i64) -> bool {
    now + pause(attempts) > first_tried_at + GIVE_UP
}

fn pause(attempts: i64) -> i64 {
    let place = usize::try_from(attempts.max(1) - 1).unwrap_or(usize::MAX);
    PAUSES.get(place).copied().unwrap_or(PAUSES[PAUSES.len() - 1])
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

    #[test]
    fn send_6_pauses_grow_to_four_hours_and_end_after_five_days() {
        let broken = || Attempt::Broken { error: "down".to_string(), permanent: false };
        let (mut now, mut attempts) = (0, 0);
        let mut pauses = Vec::new();
        loop {
            attempts += 1;
            let settled = settle(broken(), &["a".to_string()], false, attempts, 0, now);
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
        let settled = |recipients: Vec<Recipient>| settle(Attempt::Answered(recipients), &[], false, 1, 0, 0);
        let sent = one("a", RecipientState::Sent);
        let refused = one("b", RecipientState::Failed);
        let later = one("c", RecipientState::Pending);
        assert_eq!(settled(vec![sent.clone()]).state, OutboxState::Sent);
        assert_eq!(settled(vec![sent.clone(), refused.clone()]).state, OutboxState::Sent);
        assert_eq!(settled(vec![sent.clone(), refused.clone()]).error.as_deref(), Some("b: no"));
        assert_eq!(settled(vec![refused.clone()]).state, OutboxState::Failed);
        let again = settled(vec![sent, refused, later.clone()]);
        assert_eq!((again.state, again.due_at), (OutboxState::Queued, Some(60)));
        let over = settle(Attempt::Answered(vec![later]), &[], true, 30, 0, 5 * 86_400);
        assert_eq!((over.state, over.recipients[0].state), (OutboxState::Sent, RecipientState::Failed));
    }

    #[test]
    fn send_6_what_was_handed_over_without_an_answer_is_never_repeated() {
        let unknown = Attempt::Unknown { error: "gone".to_string() };
        let settled = settle(unknown, &["a".to_string()], false, 1, 0, 0);
        assert_eq!((settled.state, settled.due_at), (OutboxState::MaybeSent, None));
        let permanent = Attempt::Broken { error: "too large".to_string(), permanent: true };
        assert_eq!(settle(permanent, &["a".to_string()], false, 1, 0, 0).state, OutboxState::Failed);
    }
}
