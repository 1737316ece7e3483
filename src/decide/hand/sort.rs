//! A user's own filter over what that user has already (FILTER-5, WHY-2): copies go where it says today, and what it did and does not
//! do any more is taken back. What the user chose stays.

use super::super::choices;
use super::super::facts::Facts;
use super::super::filter::Examined;
use super::super::plan::{Asked, Change, Place, Plan, Sorter};
use super::super::reason::reason;
use super::link::begin;
use crate::mail::Mail;
use crate::words::{EmailId, FilterId, FolderId, UserId};

/// A user's copy of an e-mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copy {
    pub email: EmailId,
    pub user: UserId,
    pub place: Place,
    pub is_read: bool,
    /// Whether the user chose its place, and whether it is read.
    pub is_placed_by_hand: bool,
    pub is_marked_by_hand: bool,
    /// The user's own filter that sorted it last.
    pub sorted_by: Option<FilterId>,
    /// The import filter that marked it as read (FILTER-4).
    pub read_by: Option<FilterId>,
    /// They wrote it: no filter of theirs is asked.
    pub is_author: bool,
    /// The folder that its mailbox is mapped to (INBOX-2).
    pub mapped: Option<FolderId>,
}

/// Sorts a copy by the filters of its user, as far as this one of them is, or was, concerned.
pub fn sort(copy: &Copy, mail: &Mail, (filter, name): (FilterId, &str), asked: Asked, facts: &Facts) -> Plan {
    let Copy { email, user, .. } = *copy;
    let mut plan = begin(email, asked);
    let own = choices::of_user(user, &Examined::new(mail), facts, &mut Plan::new());
    let by = own.because.as_ref().and_then(|because| because.filter);
    let (is_now, was) = (by == Some(filter), copy.sorted_by == Some(filter));
    if copy.is_author || !(is_now || was) {
        return plan;
    }
    let wanted = Place { trashed: own.trash, folder: own.folder.or(copy.mapped) };
    let place = Some(wanted).filter(|wanted| *wanted != copy.place && !copy.is_placed_by_hand);
    let was_marked = was && copy.is_read && copy.read_by.is_none();
    let read = match own.read {
        true if !copy.is_read => Some(true),
        false if was_marked => Some(false),
        _ => None,
    };
    let read = read.filter(|_| !copy.is_marked_by_hand);
    if place.is_none() && read.is_none() {
        return plan;
    }
    let because = match own.because {
        Some(because) if is_now => because,
        _ => reason!(Why2, "their filter {name:?} did that, and does not any more"),
    };
    plan.add(Change::Sort { email, user, place, read, by: Sorter::Own(by) }, because);
    plan
}
