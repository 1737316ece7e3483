//! Where the rules work: what is known, the plan so far, and the switches that hold for every account. A rule that changes what the next
//! one may ask takes all three.

use super::facts::{Facts, Policy, take};
use super::plan::{Change, Plan};
use super::reason::Reason;
use crate::words::{EmailId, NoteId, NoteKind, RecordId};

pub struct Desk<'a> {
    pub facts: &'a mut Facts,
    pub plan: &'a mut Plan,
    pub policy: &'a Policy,
}

impl Desk<'_> {
    /// Adds a note that everybody may hear of; a person's word stands in their name.
    pub fn add_note(
        &mut self,
        record: RecordId,
        kind: NoteKind,
        email: Option<EmailId>,
        detail: impl Into<String>,
        because: Reason,
    ) {
        let (id, detail) = (NoteId(take(&mut self.facts.next.note)), detail.into());
        self.plan.add(Change::AddNote { id, record, kind, email, detail, quiet: false }, because);
    }
}
