//! FETCH-9: what is done with a message on its server once it is stored, as the account or a filter says. What waits for a person's word
//! waits here, too; of what is not here whole, the only copy stays where it is.

use super::desk::Desk;
use super::facts::AccountFacts;
use super::occasion::Occasion;
use super::plan::Change;
use super::reason::{Reason, reason};
use crate::words::{AskedBy, Fate, ServerVerb};

/// One thing that somebody wants done.
struct Wanted {
    verb: ServerVerb,
    target: String,
    by: AskedBy,
    because: Reason,
}

/// Decides what is done on the server with a message that is stored with this plan.
pub fn decide(occasion: &Occasion<'_>, desk: &mut Desk<'_>) {
    let Some(mailbox) = desk.facts.account.mailbox.clone() else { return };
    let wanted = wanted(occasion, &desk.facts.account);
    if occasion.sent_by_us && !wanted.is_empty() {
        desk.plan.note(reason!(Fetch9, "it is our own letter, and stays as it is on the server"));
        return;
    }
    for Wanted { verb, target, by, because } in wanted {
        let takes_away = matches!(verb, ServerVerb::Move | ServerVerb::Delete);
        if takes_away && occasion.partial {
            desk.plan.note(reason!(Fetch9, "only a part of it is here: it stays on the server, which has the whole"));
        } else if verb == ServerVerb::Move && target == mailbox {
            desk.plan.note(reason!(Fetch9, "it stands in mailbox {mailbox} already"));
        } else {
            if desk.plan.fate == Fate::Held {
                desk.plan.note(reason!(Fetch9, "nothing is done on the server before a person has decided about it"));
            }
            desk.plan.add(Change::ActOnServer { email: occasion.email, verb, target, by }, because);
        }
    }
}

/// A filter says where a message goes, else the account does; seen and flagged it may be by both.
fn wanted(occasion: &Occasion<'_>, account: &AccountFacts) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    let filter = |verb, target: &str, because: &Reason| Wanted {
        verb,
        target: target.to_string(),
        by: AskedBy::Filter,
        because: because.clone(),
    };
    wanted.extend(occasion.choices.server_seen.as_ref().map(|because| filter(ServerVerb::Seen, "", because)));
    let moved = occasion.choices.server_move.as_ref().map(|(target, because)| filter(ServerVerb::Move, target, because));
    if let Some((verb, target)) = account.rules.after_fetch.action() {
        let is_said = match verb {
            ServerVerb::Seen => !wanted.is_empty(),
            ServerVerb::Flag => false,
            ServerVerb::Move | ServerVerb::Delete => moved.is_some(),
        };
        let because = reason!(Fetch9, "the account {}: after-fetch {}", account.name, account.rules.after_fetch);
        wanted.extend((!is_said).then(|| Wanted { verb, target: target.to_string(), by: AskedBy::Account, because }));
    }
    wanted.extend(moved);
    wanted
}
