//! DUP: one e-mail, once.

use super::{Facts, Plan};
use crate::mail::Mail;
use crate::words::EmailId;

/// What the store knows of a message.
pub enum Known {
    New,
    /// The same e-mail, by Message-ID and content.
    Same(EmailId),
    /// A person deleted it.
    Deleted,
    /// Another e-mail used its Message-ID.
    Collision,
}

/// DUP-2: the same Message-ID and the same content digest. Without a Message-ID the digest of all bytes stands for it.
pub fn find(mail: &Mail, facts: &Facts, plan: &mut Plan) -> Known {
    let identity = mail.identity();
    let Some(candidates) = facts.emails_by_message_id.get(&identity).filter(|found| !found.is_empty()) else {
        return deleted(identity, mail, facts, plan).unwrap_or(Known::New);
    };
    let same = candidates.iter().find(|id| facts.emails.get(id).is_some_and(|known| known.content_digest == mail.content_digest));
    match same {
        Some(email) => {
            plan.note(format!("DUP-2: same Message-ID and content as e-mail {email}"));
            Known::Same(*email)
        }
        None => deleted(identity, mail, facts, plan).unwrap_or_else(|| {
            plan.note(format!("DUP-2: Message-ID was used by e-mail {} with other content", candidates[0]));
            Known::Collision
        }),
    }
}

/// FETCH-2: what a person deleted does not come back from a server.
fn deleted(identity: String, mail: &Mail, facts: &Facts, plan: &mut Plan) -> Option<Known> {
    facts.deleted.contains(&(identity, mail.content_digest)).then(|| {
        plan.note("DUP-1: it was here, and a person deleted it for everybody; to have it again, import it from a file");
        Known::Deleted
    })
}
