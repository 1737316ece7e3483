//! Writes what was decided. One exhaustive match over [`Change`] gathers rows for the whole batch; then each table is
//! written once. Order: raw, threads, records; joins of threads; e-mails and what hangs on them; changes to rows of any
//! age; fates, positions, counters.

mod adopt;
mod amend;
mod hook;
mod merge;
mod record;
mod rows;
mod says;
mod sort;
mod write;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, Result};

use self::adopt::Adoption;
use self::amend::Amended;
pub use self::amend::Difference;
pub use self::merge::{Merge, belongings, merge};
pub use self::rows::Decided;
use self::rows::{AttachmentRow, CopyRow, EffectRow, EmailRow, EmailUserRow, NoteRow, RecordRow, ReviewRow};
use self::sort::Sorted;
use super::address::{AddressRow, DeliveryRow};
use super::event::EventRow;
use super::fate::{FateRow, Skipped};
use super::held::HeldRow;
use super::note::OF_EMAILS;
use super::notification::NotificationRow;
use super::packed::Packable;
use super::raw::Packed;
use super::server_action::ActionRow;
use super::skipped::KeptRow;
use super::texts::{Said, TextRow};
use super::{Database, clean, facts, raw, spending};
use crate::decide::reason::Reason;
use crate::decide::{Arrival, Brought, Change, Marks, NewCase, NewEmail, Next, Plan, RecordFields, Spot, Step};
use crate::mail::Mail;
use crate::words::{
    AccountId, BudgetAction, CaseStatus, EmailId, FilterId, FolderId, GroupPlace, ParentBy, PositionId, RecordId, RecordKind,
    ReviewDecision, ReviewId, TeamId, ThreadId, UserId,
};

/// A change to rows of any age; done in the order decided.
enum Later {
    Adopt(Adoption),
    Merge(Merge),
    SetStatus(RecordId, CaseStatus),
    Relink(EmailId, Relink),
    Assign(RecordId, UserId),
    SetRecord(RecordId, Box<RecordFields>),
    MoveEmails(RecordId, Relink),
    Delete(RecordId),
    DeleteEmail(EmailId),
    MergeRecords(Merge),
    SetTeams(RecordId, Vec<TeamId>),
    RemoveTeam(EmailId, TeamId),
    RemoveUser(EmailId, UserId),
    Mark(EmailId, UserId, Marks),
    Put(EmailId, UserId, Spot),
    File(EmailId, Option<FolderId>),
    FileCopy(EmailId, FolderId, Option<FilterId>),
    FileAway(EmailId, GroupPlace),
    Decide(ReviewId, ReviewDecision),
    /// Of one user.
    Unfollow(UserId, Vec<RecordId>),
    Sort(Sorted),
    ShareEmail(EmailId, Vec<TeamId>),
    AssignEmail(EmailId, Option<UserId>),
    MarkImportant(EmailId, bool),
    Verify(EmailId, Option<UserId>),
}

/// Where an e-mail belongs from now on.
struct Relink {
    parent: Option<RecordId>,
    by: Option<ParentBy>,
    account: Option<RecordId>,
}

/// The rows of one batch.
#[derive(Default)]
struct Batch<'a> {
    now: i64,
    raws: HashMap<[u8; 32], i64>,
    emails: Vec<EmailRow<'a>>,
    texts: Vec<TextRow>,
    /// The last e-mail so far: what is decided of a thread says nothing of e-mails behind it.
    last_email: EmailId,
    /// Where each e-mail of this batch stands in `emails`.
    places: HashMap<EmailId, usize>,
    attachments: Vec<AttachmentRow<'a>>,
    events: Vec<EventRow<'a>>,
    amended: Vec<Amended<'a>>,
    thread_ids: BTreeMap<&'a str, ThreadId>,
    /// Ids that lead elsewhere from now on.
    moved_ids: BTreeMap<&'a str, ThreadId>,
    /// Threads that ended in this batch, and where their e-mails went.
    joined: HashMap<ThreadId, ThreadId>,
    records: Vec<RecordRow>,
    record_teams: BTreeSet<(RecordId, TeamId)>,
    followers: BTreeSet<(RecordId, UserId)>,
    email_accounts: BTreeSet<(EmailId, AccountId)>,
    participants: BTreeSet<(EmailId, String)>,
    /// By e-mail and bytes.
    copies: BTreeMap<(EmailId, i64), CopyRow>,
    email_teams: BTreeMap<(EmailId, TeamId), (Option<FilterId>, Option<EmailId>)>,
    email_users: BTreeMap<(EmailId, UserId), EmailUserRow>,
    notes: Vec<NoteRow>,
    rotations: BTreeMap<(AccountId, TeamId), UserId>,
    assignments: BTreeMap<UserId, i64>,
    replied: Vec<EmailId>,
    later: Vec<Later>,
    reviews: Vec<ReviewRow>,
    notifications: BTreeMap<(UserId, Option<EmailId>, Option<RecordId>), NotificationRow>,
    deliveries: Vec<DeliveryRow>,
    addresses: BTreeMap<String, AddressRow>,
    effects: Vec<EffectRow>,
    server_actions: Vec<ActionRow>,
    spent: spending::Slot,
    held: Vec<HeldRow>,
    /// E-mails whose notifications wait, as a budget is spent (ACK-3).
    silenced: BTreeSet<EmailId>,
    fates: Vec<FateRow>,
    /// Of what a filter skipped, where nobody else has it (FILTER-7).
    kept: Vec<KeptRow>,
    positions: BTreeMap<PositionId, i64>,
}

/// Writes a batch, in the caller's transaction, after [`facts::gather`] took the lock row.
pub fn apply(db: &mut Database, next: &Next, decided: &[Decided<'_>], now: i64) -> Result<()> {
    let before = facts::next(db)?;
    let new: Vec<&Packed> =
        decided.iter().filter(|one| one.is_kept() || one.plan.steps().iter().any(has_bytes)).map(|one| one.packed).collect();
    let mut batch = Batch { now, raws: raw::store(db, &new)?, last_email: EmailId(before.email - 1), ..Batch::default() };
    for one in decided {
        batch.gather(one).with_context(|| format!("UID {}", one.arrival.uid))?;
    }
    batch.write(db, &before, next).map(|_| ())
}

/// Whether what is changed has the bytes of the message.
const fn has_bytes(step: &Step) -> bool {
    matches!(step.change, Change::AddEmail(_) | Change::KeepCopy { .. })
}

/// Writes messages of ours with their places (SEND-4). They came from nowhere, so they have no fates.
pub fn apply_outgoing(db: &mut Database, next: &Next, placed: &[(&Mail, &Packed, &Plan)], now: i64) -> Result<()> {
    let before = facts::next(db)?;
    let packed: Vec<&Packed> = placed.iter().map(|(_, packed, _)| *packed).collect();
    let mut batch = Batch { now, raws: raw::store(db, &packed)?, last_email: EmailId(before.email - 1), ..Batch::default() };
    let arrival = from_here(now);
    for (mail, packed, plan) in placed {
        batch.plan(&Decided { arrival: &arrival, mail, packed, plan, is_only_one: false })?;
    }
    batch.write(db, &before, next).map(|_| ())
}

/// Writes what was decided about an e-mail that is in the store, by a person's word or by today's rules: it has its fates
/// already. Says what is read in it now and was not.
pub fn apply_to_stored(
    db: &mut Database,
    next: &Next,
    arrival: &Arrival,
    mail: &Mail,
    plan: &Plan,
    now: i64,
) -> Result<Vec<Difference>> {
    let before = facts::next(db)?;
    let mut batch = Batch { now, last_email: EmailId(before.email - 1), ..Batch::default() };
    let packed = unpacked(mail);
    batch.plan(&Decided { arrival, mail, packed: &packed, plan, is_only_one: false })?;
    batch.write(db, &before, next)
}

/// Writes what follows from messages of ours that were sent (SEND-8).
pub fn apply_sent(db: &mut Database, next: &Next, sent: &[(&Mail, &Plan)], now: i64) -> Result<()> {
    let before = facts::next(db)?;
    let mut batch = Batch { now, last_email: EmailId(before.email - 1), ..Batch::default() };
    let arrival = from_here(now);
    let packed: Vec<Packed> = sent.iter().map(|(mail, _)| unpacked(mail)).collect();
    for ((mail, plan), packed) in sent.iter().zip(&packed) {
        batch.plan(&Decided { arrival: &arrival, mail, packed, plan, is_only_one: false })?;
    }
    batch.write(db, &before, next).map(|_| ())
}

/// A message of ours comes from no mailbox.
const fn from_here(now: i64) -> Arrival {
    Arrival { position: PositionId(0), uid: 0, internal_date: Some(now), partial: false }
}

/// Only a new e-mail is asked what its bytes are.
fn unpacked(mail: &Mail) -> Packed {
    Packed { digest: mail.raw_digest, size: mail.size, packed: Vec::new(), place: None, text: None }
}

impl<'a> Batch<'a> {
    fn plan(&mut self, one: &Decided<'a>) -> Result<()> {
        one.plan.steps().iter().try_for_each(|step| self.change(&step.change, &step.because, one))
    }

    fn gather(&mut self, one: &Decided<'a>) -> Result<()> {
        self.plan(one)?;
        let Arrival { position, uid, .. } = *one.arrival;
        // JSON writes NUL as an escape, so there is nothing to clean.
        let why = serde_json::to_string(one.plan).context("writing a plan as JSON")?;
        let skipped = one.plan.skipped_by.map(|filter| Skipped::of(one.mail, filter));
        let row = FateRow::new((position, uid), one.plan.fate, one.plan.email, why, self.now);
        self.fates.push(row.of(skipped.as_ref()));
        if one.is_kept() {
            self.kept.push(KeptRow {
                position_id: position,
                uid,
                raw_id: self.raws.get(&one.packed.digest).copied().context("its raw bytes were not stored")?,
                internal_date: one.arrival.internal_date,
                kept_at: self.now,
            });
        }
        let last = self.positions.entry(position).or_insert(uid);
        *last = (*last).max(uid);
        Ok(())
    }

    fn change(&mut self, change: &'a Change, because: &Reason, one: &Decided<'a>) -> Result<()> {
        match change {
            Change::AddEmail(email) => self.add_email(email, one)?,
            Change::AddAccount { email, account } => {
                self.email_accounts.insert((*email, *account));
            }
            Change::KeepCopy { email, account } => {
                let raw_id = self.raws.get(&one.packed.digest).copied().context("its raw bytes were not stored")?;
                let copy =
                    CopyRow { id: 0, email_id: *email, raw_id, account_id: Some(*account), arrived_at: one.arrived_at(self.now) };
                self.copies.entry((*email, raw_id)).or_insert(copy);
            }
            Change::AddTeam { email, team } => {
                self.email_teams.entry((*email, *team)).or_insert((because.filter, because.answered));
            }
            Change::AddUser { email, user, read, trashed, folder, own, read_by } => {
                self.email_users.entry((*email, *user)).or_insert(EmailUserRow {
                    email_id: *email,
                    user_id: *user,
                    is_read: *read,
                    is_important: false,
                    is_archived: false,
                    is_trashed: *trashed,
                    trashed_at: trashed.then_some(self.now),
                    folder_id: *folder,
                    given_by: because.filter,
                    read_by: *read_by,
                    sorted_by: own.as_ref().and_then(|own| own.filter),
                    is_placed_by_hand: false,
                    is_marked_by_hand: false,
                });
            }
            Change::ShareEmail { email, teams } => self.later.push(Later::ShareEmail(*email, teams.clone())),
            Change::AssignEmail { email, user } => self.later.push(Later::AssignEmail(*email, *user)),
            Change::MarkImportant { email, important } => self.later.push(Later::MarkImportant(*email, *important)),
            Change::Sort { email, user, place, read, by } => {
                self.later.push(Later::Sort(Sorted { email: *email, user: *user, place: *place, read: *read, by: *by }));
            }
            Change::RememberId { message_id, thread } => {
                self.thread_ids.entry(message_id).or_insert(*thread);
            }
            Change::MoveId { message_id, thread } => {
                self.moved_ids.insert(message_id, *thread);
            }
            Change::Invite { email, addresses } => self.invite(*email, addresses),
            Change::JoinThreads { from, into } => self.join(*from, *into),
            Change::MarkReplied { email } => match self.row(*email) {
                Some(row) => row.is_replied = true,
                None => self.replied.push(*email),
            },
            Change::Verify { email, author } => self.later.push(Later::Verify(*email, *author)),
            Change::SetParent { email, thread, parent, by, account, brought } => {
                self.adopt((*thread, *parent, *account), Some((*email, *by)), *brought);
            }
            Change::Amend(email) => {
                let amended = Amended {
                    row: EmailRow::new(email, one, 0, self.now)?,
                    said: Said::of(one.mail, email.disowned)?,
                    attachments: AttachmentRow::all(email.id, one.mail),
                    events: EventRow::all(email.id, one.mail),
                };
                self.amended.push(amended);
                self.invite(email.id, &email.invites);
            }
            Change::Relink { email, parent, by, account } => {
                self.later.push(Later::Relink(*email, Relink { parent: *parent, by: *by, account: *account }));
            }
            Change::AdoptThread { thread, case, account, brought } => self.adopt((*thread, *case, *account), None, *brought),
            Change::MergeCases { from, into, notes, apart: _ } => {
                let merge = Merge { from: *from, into: *into, notes: *notes, asked: one.plan.asked };
                self.later.push(Later::Merge(merge));
            }
            Change::Reopen { case, status } | Change::SetStatus { case, status } => {
                self.later.push(Later::SetStatus(*case, *status));
            }
            Change::Assign { case, user } => self.later.push(Later::Assign(*case, *user)),
            Change::SetRecord { record, fields } => self.later.push(Later::SetRecord(*record, Box::new(fields.clone()))),
            Change::MoveEmails { from, into, by, account, count: _ } => {
                self.later.push(Later::MoveEmails(*from, Relink { parent: *into, by: *by, account: *account }));
            }
            Change::DeleteRecord { record, name: _ } => self.later.push(Later::Delete(*record)),
            Change::DeleteEmail { email, message_id: _ } => self.later.push(Later::DeleteEmail(*email)),
            Change::MergeRecords { from, into, notes } => {
                let merge = Merge { from: *from, into: *into, notes: *notes, asked: one.plan.asked };
                self.later.push(Later::MergeRecords(merge));
            }
            Change::SetTeams { case, teams } => self.later.push(Later::SetTeams(*case, teams.clone())),
            Change::RemoveTeam { email, team } => self.later.push(Later::RemoveTeam(*email, *team)),
            Change::RemoveUser { email, user } => self.later.push(Later::RemoveUser(*email, *user)),
            Change::Mark { email, user, marks } => self.later.push(Later::Mark(*email, *user, *marks)),
            Change::Put { email, user, place } => self.later.push(Later::Put(*email, *user, *place)),
            Change::File { email, folder } => self.later.push(Later::File(*email, *folder)),
            Change::FileCopy { email, folder, filed_by } => self.later.push(Later::FileCopy(*email, *folder, *filed_by)),
            Change::FileAway { email, place } => self.later.push(Later::FileAway(*email, *place)),
            Change::Decide { review, decision } => self.later.push(Later::Decide(*review, *decision)),
            Change::Unfollow { record, user } => match self.later.last_mut() {
                Some(Later::Unfollow(same, records)) if same == user => records.push(*record),
                _ => self.later.push(Later::Unfollow(*user, vec![*record])),
            },
            Change::Hold { review, email, account, candidate } => self.reviews.push(ReviewRow {
                id: *review,
                email_id: *email,
                account_id: Some(*account),
                candidate_id: *candidate,
                because: because.to_string(),
                created_at: self.now,
            }),
            Change::Run { email, account, filter, command } => self.effects.push(EffectRow {
                id: 0,
                email_id: Some(*email),
                account_id: Some(*account),
                filter: filter.clone(),
                command: command.clone(),
                created_at: self.now,
                due_at: Some(self.now),
                attempts: 0,
                event: None,
                about: None,
            }),
            Change::ActOnServer { email, verb, target, by } => self.server_actions.push(ActionRow {
                position_id: one.arrival.position,
                uid: one.arrival.uid,
                verb: *verb,
                email_id: *email,
                target: target.clone(),
                asked_by: *by,
                created_at: self.now,
                due_at: Some(self.now),
                attempts: 0,
            }),
            // The pass writes the letter, and queues it in the same transaction.
            Change::Answer { .. } => {}
            Change::Spend { action, count, subjects } => self.spent.add(*action, *count, subjects),
            Change::HoldAction { email, account, action } => {
                if *action == BudgetAction::Notification {
                    self.silenced.insert(*email);
                }
                self.held.push(HeldRow::new(*email, *account, *action, because, self.now));
            }
            Change::OpenCase(case) => self.open_case(case, one),
            Change::AddRecord(new) => self.records.push(RecordRow::of(new, self.now)),
            Change::Follow { record, user } => {
                self.followers.insert((*record, *user));
            }
            Change::AdvanceRotation { account, team, user } => {
                self.rotations.insert((*account, *team), *user);
            }
            Change::NoteAssignment { user, assignment } => {
                self.assignments.insert(*user, *assignment);
            }
            Change::AddNote { id, record, kind, email, detail, quiet } => {
                // What a person moves is told of as what came when it came; what the person did stands in their name.
                let tells_of_email = OF_EMAILS.contains(kind);
                self.notes.push(NoteRow {
                    id: *id,
                    record_id: *record,
                    kind: *kind,
                    email_id: *email,
                    detail: clean(detail).into_owned(),
                    author_id: one.plan.asked.filter(|_| !tells_of_email).and_then(|asked| asked.user),
                    is_quiet: *quiet,
                    created_at: match one.plan.asked {
                        Some(_) if tells_of_email => one.arrived_at(self.now).min(self.now),
                        _ => self.now,
                    },
                });
            }
            Change::Notify { user, kind, email, note, record, detail } => {
                // Of an e-mail a user hears once, whatever is to be told of it.
                let key = (*user, *email, record.filter(|_| email.is_none()));
                let mut row = NotificationRow::new(*user, *kind, *record, detail, self.now);
                (row.email_id, row.note_id) = (*email, *note);
                self.notifications.entry(key).or_insert(row);
            }
            Change::SetDelivery { email, address, state, status, diagnostic, report } => self.deliveries.push(DeliveryRow {
                email: *email,
                address: clean(address).into_owned(),
                state: *state,
                status: status.as_deref().map(|text| clean(text).into_owned()),
                diagnostic: diagnostic.as_deref().map(|text| clean(text).into_owned()),
                report: *report,
            }),
            Change::SetAddress { address, state, soft } => {
                let soft = serde_json::to_string(soft)?;
                let row =
                    AddressRow { state: *state, soft, because: clean(&because.to_string()).into_owned(), changed_at: self.now };
                self.addresses.insert(clean(address).into_owned(), row);
            }
        }
        Ok(())
    }

    fn add_email(&mut self, email: &'a NewEmail, one: &Decided<'a>) -> Result<()> {
        let raw_id = self.raws.get(&one.packed.digest).copied().context("its raw bytes were not stored")?;
        self.places.insert(email.id, self.emails.len());
        self.last_email = email.id;
        self.emails.push(EmailRow::new(email, one, raw_id, self.now)?);
        self.texts.push(TextRow::of(email.id, (one.mail, one.packed.text()), email.disowned)?);
        self.attachments.extend(AttachmentRow::all(email.id, one.mail));
        self.events.extend(EventRow::all(email.id, one.mail));
        self.invite(email.id, &email.invites);
        Ok(())
    }

    fn invite(&mut self, email: EmailId, addresses: &[String]) {
        self.participants.extend(addresses.iter().map(|address| (email, clean(address).into_owned())));
    }

    fn open_case(&mut self, case: &NewCase, one: &Decided<'a>) {
        let described = one.packed.text().map_or_else(|| Packable::text(&clean(&one.mail.text)), Clone::clone);
        self.records.push(RecordRow {
            id: case.id,
            kind: RecordKind::Case,
            number: case.number,
            name: clean(&case.name).into_owned(),
            active: true,
            status: Some(case.status),
            priority: case.priority,
            description: described.plain,
            packed: described.packed,
            account_id: case.account_record,
            contact_id: case.contact,
            lead_id: case.lead,
            assigned_user_id: case.assigned_user,
            through_account_id: case.through,
            refers_to_id: case.refers_to,
            created_at: self.now,
        });
        if let Some(team) = case.team {
            self.record_teams.insert((case.id, team));
        }
    }

    fn row(&mut self, email: EmailId) -> Option<&mut EmailRow<'a>> {
        self.places.get(&email).and_then(|place| self.emails.get_mut(*place))
    }

    /// Follows joins to the thread that is left; there are no circles, as only threads that are left are ever joined.
    fn left(&self, thread: ThreadId) -> ThreadId {
        let mut thread = thread;
        while let Some(into) = self.joined.get(&thread) {
            thread = *into;
        }
        thread
    }

    fn adopt(
        &mut self,
        (thread, case, account): (ThreadId, RecordId, Option<RecordId>),
        email: Option<(EmailId, ParentBy)>,
        brought: Brought,
    ) {
        let last_email = self.last_email;
        self.later.push(Later::Adopt(Adoption { thread, case, account, email, brought, last_email }));
    }

    fn join(&mut self, from: ThreadId, into: ThreadId) {
        let (from, into) = (self.left(from), self.left(into));
        if from != into {
            self.joined.insert(from, into);
        }
    }
}
