//! DUP: one e-mail, once.

use std::borrow::Cow;

use super::author::Seen;
use super::facts::{Arrival, EmailFacts, Facts};
use super::occasion::arrived_at;
use super::plan::Plan;
use super::reason::reason;
use crate::mail::{Address, Mail};
use crate::words::EmailId;

/// What the store knows of a message.
pub enum Known {
    New,
    /// The same e-mail, by Message-ID and content.
    Same(EmailId),
    /// A person deleted it.
    Deleted,
    /// Another e-mail used its Message-ID.
    Collision(Other),
}

/// What another e-mail with the same Message-ID and other content is to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Other {
    /// Nothing.
    Stranger,
    /// The same, which others have: what comes through a personal account shows nothing of theirs, see [`may_have`].
    Apart,
    /// The same author wrote it at the same time: something on the way changed one of them, see [`super::twin`].
    Twin(EmailId),
    /// The same, but that copy asks for no answer, or for answers elsewhere, and opened nothing: the letter goes its own way, and what
    /// answers it comes to the letter. The conversation of the copy is not its own: anybody may have taken part in that.
    Behind(EmailId),
}

impl Other {
    /// Returns the e-mail that the message is another copy of.
    pub fn twin(self) -> Option<EmailId> {
        match self {
            Self::Stranger | Self::Apart | Self::Behind(_) => None,
            Self::Twin(email) => Some(email),
        }
    }
}

/// How far apart copies of one message reach an account, in seconds.
const COPIES_ARE_APART: u64 = 900;

/// How long a message may be on its way, in seconds.
pub const LONG_ON_ITS_WAY: i64 = 30 * 86_400;

/// FETCH-2: what an alarm, a fax box or a controller without a clock sends has neither a Message-ID nor a Date, and is the same each time.
/// The next one is a message of its own, known by what the first server wrote of it. Returns it so, where it is one.
pub fn another<'m>(arrival: &Arrival, seen: Seen<'m>, facts: &Facts, plan: &mut Plan) -> Seen<'m> {
    let Some(own) = seen.mail.identity_of_passage() else { return seen };
    let is_here = facts.emails_by_message_id.contains_key(&own);
    let is_deleted = facts.deleted.contains_key(&(own.clone(), seen.mail.content_digest));
    if !is_here && !is_deleted && !is_another(arrival, &seen.mail, facts) {
        return seen;
    }
    plan.note(reason!(
        Fetch2,
        "the same was here before, without Message-ID and Date, but came at another time: it is another message"
    ));
    Seen { mail: Cow::Owned(Mail { message_id: Some(own), ..seen.mail.into_owned() }), ..seen }
}

/// Whether what is here of the same content, or was deleted, came to the account at another time, and in other bytes. A Date that is
/// believed (PARSE-5) is the sender's word that it is the same; of a mailbox that is listed again most was here.
fn is_another(arrival: &Arrival, mail: &Mail, facts: &Facts) -> bool {
    let at = arrived_at(arrival, mail, facts.now);
    if facts.quiet_before.is_some() || mail.date.is_some_and(|date| (0..=LONG_ON_ITS_WAY).contains(&at.saturating_sub(date))) {
        return false;
    }
    let identity = mail.identity();
    let bearers = facts.emails_by_message_id.get(&identity).into_iter().flatten().filter_map(|email| facts.emails.get(email));
    let mut here = bearers.filter(|known| known.content_digest == mail.content_digest).peekable();
    if here.peek().is_none() {
        let deleted_at = facts.deleted.get(&(identity, mail.content_digest));
        return deleted_at.is_some_and(|deleted_at| at > *deleted_at && at.abs_diff(*deleted_at) > COPIES_ARE_APART);
    }
    here.all(|known| {
        let is_apart = known.arrived_at.abs_diff(at) > COPIES_ARE_APART && !known.raws.contains(&mail.raw_digest);
        known.accounts.contains(&facts.account.id) && is_apart
    })
}

/// DUP-2: the same Message-ID and the same content digest; what stands in for a missing Message-ID is the digest of all that is
/// the same whichever way it came.
pub fn find(arrival: &Arrival, mail: &Mail, facts: &Facts, plan: &mut Plan) -> Known {
    let identity = mail.identity();
    let Some(candidates) = facts.emails_by_message_id.get(&identity).filter(|found| !found.is_empty()) else {
        return deleted(identity, mail, facts, plan).unwrap_or(Known::New);
    };
    let is_same = |known: &EmailFacts| {
        known.content_digest == mail.content_digest && is_all_known(arrival, known, facts) && !says_otherwise(known, mail)
    };
    let same = candidates.iter().filter(|id| facts.emails.get(id).is_some_and(is_same));
    if let Some(email) = same.clone().find(|email| may_have(**email, facts)) {
        plan.note(reason!(Dup2, "same Message-ID and content as e-mail {email}"));
        return Known::Same(*email);
    }
    deleted(identity, mail, facts, plan).unwrap_or_else(|| {
        let other = other(mail, facts);
        plan.note(match other {
            Other::Apart => {
                reason!(Dup2, "others have the same, of which the account's owner may not read, so this is one of its own")
            }
            Other::Stranger => reason!(Dup2, "Message-ID was used by e-mail {} with other content", candidates[0]),
            Other::Behind(copy) => {
                reason!(Dup2, "as e-mail {copy}, but that one asks for no answers, or for answers elsewhere, and opened nothing")
            }
            Other::Twin(twin) if is_content(twin, mail, facts) => {
                reason!(
                    Dup2,
                    "as e-mail {twin}, but that one asks for no answers, or for answers elsewhere; it joins that one's thread"
                )
            }
            Other::Twin(twin) => {
                reason!(Dup2, "same Message-ID, author and date as e-mail {twin}, but other content; it joins that one's thread")
            }
        });
        Known::Collision(other)
    })
}

/// Finds the e-mail that a message is another copy of, although its content is another. From, Date and Message-ID can be
/// written by anybody who has seen them once, so this decides where the copy is filed, and nothing else.
pub fn other(mail: &Mail, facts: &Facts) -> Other {
    let candidates = facts.emails_by_message_id.get(&mail.identity()).map(Vec::as_slice).unwrap_or_default();
    if candidates.iter().any(|email| is_content(*email, mail, facts) && !may_have(*email, facts)) {
        return Other::Apart;
    }
    let twins = || twins(mail, facts);
    let has_case = |email: EmailId| facts.parent_of(email).is_some_and(|(record, _)| facts.is_case(record));
    let is_other =
        |email| is_content(email, mail, facts) && facts.emails.get(&email).is_some_and(|known| says_otherwise(known, mail));
    // Nothing is opened or answered twice: behind a copy that opened something, whatever it says, the letter is another copy.
    match twins().find(|twin| has_case(*twin)).or_else(|| twins().next()) {
        None => Other::Stranger,
        Some(twin) if has_case(twin) || !is_other(twin) => Other::Twin(twin),
        Some(twin) => Other::Behind(twin),
    }
}

/// The e-mails that are here of a letter, whatever was changed in them: those of its Message-ID, author and Date.
pub fn twins<'f>(mail: &Mail, facts: &'f Facts) -> impl Iterator<Item = EmailId> + use<'f> {
    let author = mail.from.as_ref().map(Address::key).filter(|author| !author.is_empty());
    let letter = author.zip(mail.date);
    let candidates = facts.emails_by_message_id.get(&mail.identity()).map(Vec::as_slice).unwrap_or_default();
    let is_twin = move |known: &EmailFacts| {
        letter.as_ref().is_some_and(|(author, date)| known.sender == *author && known.header_date == Some(*date))
    };
    candidates.iter().copied().filter(move |id| facts.emails.get(id).is_some_and(&is_twin))
}

fn is_content(email: EmailId, mail: &Mail, facts: &Facts) -> bool {
    facts.emails.get(&email).is_some_and(|known| known.content_digest == mail.content_digest)
}

/// Whether a stored copy asks for answers where the message does not, or for none where the message does not (AUTO-1). Who has seen
/// a letter can hand over a copy with such a field before the letter itself comes: answers would go to them, or to nobody. Whom both of
/// them name, neither says otherwise, be it as the one to answer or as the author, whom each account sees for itself (PARSE-10, AUTO-2).
fn says_otherwise(known: &EmailFacts, mail: &Mail) -> bool {
    let asked: Vec<String> = mail.from.iter().chain(&mail.reply_to).map(Address::key).collect();
    !known.ours && (known.automatic && mail.automatic.is_empty() || known.answers_to.iter().any(|to| !asked.contains(to)))
}

/// Where answers are asked to go, in comparison form, when it is not the author.
pub fn answers_to(from: &[Address], reply_to: &[Address]) -> Vec<String> {
    reply_to.iter().map(Address::key).filter(|to| from.iter().all(|from| from.key() != *to)).collect()
}

/// Whether equal digests mean equal messages. Of what came in part nobody has seen the files (FETCH-8), so it is the same only
/// to an account that has it already: others could be given files that were never sent to them.
fn is_all_known(arrival: &Arrival, known: &EmailFacts, facts: &Facts) -> bool {
    (!arrival.partial && !known.partial) || known.accounts.contains(&facts.account.id)
}

/// Whether what comes through the account may be the same e-mail as a stored one. A personal account brings what its owner, or a
/// server of theirs, wants it to: who knows a message whole would come to see by a copy of it which case it is of and who else has it.
/// So it is only that of those who have it anyway: it is to them, it is theirs, or they may read it.
fn may_have(email: EmailId, facts: &Facts) -> bool {
    let (Some(owner), Some(known)) = (facts.account.owner, facts.emails.get(&email)) else { return true };
    known.accounts.contains(&facts.account.id)
        || known.users.contains(&owner)
        || known.author == Some(owner)
        || known.people.iter().any(|person| facts.user_of(person) == Some(owner))
        || facts.may_read_email(owner, email, true)
}

/// FETCH-2: what a person deleted does not come back from a server.
fn deleted(identity: String, mail: &Mail, facts: &Facts, plan: &mut Plan) -> Option<Known> {
    if facts.erased.has(mail) {
        plan.note(reason!(Dup1, "it was here, and it was erased with the person whose it is"));
        return Some(Known::Deleted);
    }
    facts.deleted.contains_key(&(identity, mail.content_digest)).then(|| {
        plan.note(reason!(Dup1, "it was here, and a person deleted it for everybody; to have it again, import it from a file"));
        Known::Deleted
    })
}
