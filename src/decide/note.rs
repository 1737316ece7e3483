//! NOTE-1: what the stream of a record tells of an e-mail.

use super::bounce;
use super::desk::Desk;
use super::facts::take;
use super::occasion::Occasion;
use super::plan::Change;
use super::reason::reason;
use crate::words::{EmailId, NoteId, NoteKind, RecordId};

/// NOTE-1: the record's stream tells of the e-mail; of what machines answer and report without telling anybody (AUTO-3).
/// Where it is a delivery report of an e-mail of ours, `outgoing` is that (BOUNCE-2).
pub fn note(record: RecordId, occasion: &Occasion<'_>, outgoing: Option<EmailId>, desk: &mut Desk<'_>) {
    let ours = occasion.origin.is_ours();
    let automatic = occasion.mail.reply_of_machine();
    let report = occasion.mail.bounce.as_ref().zip(outgoing);
    let (kind, because) = match (ours, automatic) {
        _ if report.is_some() => (NoteKind::Bounce, reason!(Bounce2, "it reports on an e-mail of ours that stands here")),
        (true, _) => (NoteKind::EmailSent, reason!(Note1, "one of us wrote it")),
        (false, None) => (NoteKind::EmailReceived, reason!(Note1, "the record's stream tells of it")),
        (false, Some(sign)) => (NoteKind::EmailReceived, reason!(Auto3, "the stream tells of it, and nobody else: {sign}")),
    };
    let quiet = automatic.is_some() || report.is_some();
    let detail = report.map(|(bounce, _)| bounce::summary(bounce)).unwrap_or_default();
    let id = NoteId(take(&mut desk.facts.next.note));
    desk.plan.add(Change::AddNote { id, record, kind, email: Some(occasion.email), detail, quiet }, because);
}
