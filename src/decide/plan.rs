//! Everything the rules decided for one message, with reasons.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::along::Brought;
use super::budget::Subject;
use super::facts::{Facts, take};
use super::filter::FilterTrial;
use super::reason::{Reason, reason};
use crate::mail::Address;
use crate::words::{
    AccountId, AddressState, AskedBy, BudgetAction, CaseStatus, DeliveryState, EmailId, Fate, FilterId, FolderId, GroupPlace,
    NoteId, NoteKind, NotificationId, NotificationKind, ParentBy, Priority, RecordId, RecordKind, ReviewDecision, ReviewId, Rule,
    ServerVerb, TeamId, ThreadId, UserId,
};

/// One thing to write into the database. `store::apply` has one arm for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Change {
    /// Store the message itself.
    AddEmail(NewEmail),
    /// The e-mail came through this account too (DUP-1).
    AddAccount {
        email: EmailId,
        account: AccountId,
    },
    /// Keep the bytes of a copy, too (DUP-2).
    KeepCopy {
        email: EmailId,
        account: AccountId,
    },
    AddTeam {
        email: EmailId,
        team: TeamId,
    },
    /// Put the e-mail into a user's inbox.
    AddUser {
        email: EmailId,
        user: UserId,
        read: bool,
        trashed: bool,
        /// The user's own folder; none is the inbox (INBOX-2).
        folder: Option<FolderId>,
        /// What the user's own filter says to that; theirs to know (FILTER-5).
        own: Option<Reason>,
        /// The import filter that marks it as read for everybody (FILTER-4).
        #[serde(skip_serializing_if = "Option::is_none")]
        read_by: Option<FilterId>,
    },
    /// A person says which teams an e-mail is of, and no rule adds others (ACCESS-2).
    ShareEmail {
        email: EmailId,
        teams: Vec<TeamId>,
    },
    /// A person says whose an e-mail is to look after; none for nobody (ACCESS-2).
    AssignEmail {
        email: EmailId,
        user: Option<UserId>,
    },
    /// It is important, or not, to everybody who has it.
    MarkImportant {
        email: EmailId,
        important: bool,
    },
    /// A user's copy goes elsewhere, or is read or not, as a filter says now, or does not say any more (WHY-2).
    Sort {
        email: EmailId,
        user: UserId,
        #[serde(skip_serializing_if = "Option::is_none")]
        place: Option<Place>,
        #[serde(skip_serializing_if = "Option::is_none")]
        read: Option<bool>,
        /// The user's own filter that says so, or the import filter; none where none does any more.
        by: Sorter,
    },
    /// A team or a user loses what an earlier word of a person gave them (LINK-7).
    RemoveTeam {
        email: EmailId,
        team: TeamId,
    },
    RemoveUser {
        email: EmailId,
        user: UserId,
    },
    /// A user marks their copy, and who has read it has heard of it (INBOX-2).
    Mark {
        email: EmailId,
        user: UserId,
        #[serde(flatten)]
        marks: Marks,
    },
    /// A user moves their copy (INBOX-2).
    Put {
        email: EmailId,
        user: UserId,
        place: Spot,
    },
    /// A person puts the e-mail into a group folder or takes it out; filters leave it there from now on.
    File {
        email: EmailId,
        folder: Option<FolderId>,
    },
    /// The account that it came through later puts it into a group folder, where it is in none and no person took it out of one.
    FileCopy {
        email: EmailId,
        folder: FolderId,
        filed_by: Option<FilterId>,
    },
    /// A person puts it into the archive or the trash of its group folder.
    FileAway {
        email: EmailId,
        place: GroupPlace,
    },
    /// A person says what becomes of an e-mail that waited for it (LINK-3).
    Decide {
        review: ReviewId,
        decision: ReviewDecision,
    },
    /// Remember to which thread a Message-ID belongs (THREAD-1).
    RememberId {
        message_id: String,
        thread: ThreadId,
    },
    /// The message that bears an id is here, and belongs elsewhere than those thought who named the id before it came.
    MoveId {
        message_id: String,
        thread: ThreadId,
    },
    /// These take part in the case that the e-mail is in, now or later (LINK-2).
    Invite {
        email: EmailId,
        addresses: Vec<String>,
    },
    /// Two threads turned out to be one: move everything.
    JoinThreads {
        from: ThreadId,
        into: ThreadId,
    },
    MarkReplied {
        email: EmailId,
    },
    /// A copy of the e-mail shows who wrote it: one of us, as it says (ACCESS-5). Its notes tell of it as sent.
    Verify {
        email: EmailId,
        author: Option<UserId>,
    },
    /// Give a stored e-mail its parent, and the e-mails of its thread as [`Change::AdoptThread`] does (THREAD-2).
    SetParent {
        email: EmailId,
        thread: ThreadId,
        parent: RecordId,
        by: ParentBy,
        account: Option<RecordId>,
        #[serde(skip)]
        brought: Brought,
    },
    /// The thread came to a case: its e-mails that have no parent, or one by address alone, are the case's, notes included. Whoever may
    /// read the case will read them: `along.rs` says which may come.
    AdoptThread {
        thread: ThreadId,
        case: RecordId,
        account: Option<RecordId>,
        #[serde(skip)]
        brought: Brought,
    },
    /// Two cases turned out to be one conversation (THREAD-1); the notes are those of the two streams.
    MergeCases {
        from: RecordId,
        into: RecordId,
        notes: [NoteId; 2],
        /// What both were before; none where mail did it, which nobody undoes as a whole.
        #[serde(skip_serializing_if = "Option::is_none")]
        apart: Option<Box<Apart>>,
    },
    /// A follow-up opens the case again (CASE-4).
    Reopen {
        case: RecordId,
        status: CaseStatus,
    },
    /// The e-mail waits for a person's word (LINK-3).
    Hold {
        review: ReviewId,
        email: EmailId,
        account: AccountId,
        candidate: Option<RecordId>,
    },
    OpenCase(NewCase),
    /// A person adds a record of another kind; what it says comes behind it.
    AddRecord(NewRecord),
    /// The case is this user's now, and has been New or was somebody else's (FOLLOW-1).
    Assign {
        case: RecordId,
        user: UserId,
    },
    /// A person says how far the case is; a closed one says since when (CASE-4).
    SetStatus {
        case: RecordId,
        status: CaseStatus,
    },
    /// What a record says of itself; what is none stays, and none inside clears it.
    SetRecord {
        record: RecordId,
        #[serde(flatten)]
        fields: RecordFields,
    },
    /// All e-mails of a record belong to another from now on, or to none, with what streams tell of them (NOTE-1).
    MoveEmails {
        from: RecordId,
        into: Option<RecordId>,
        /// None leaves it as it was.
        by: Option<ParentBy>,
        /// Their Account from now on (LINK-6).
        account: Option<RecordId>,
        count: usize,
    },
    /// A record is gone, with its stream, its followers and what it says; what referred to it does so no longer.
    DeleteRecord {
        record: RecordId,
        /// As people type it.
        name: String,
    },
    /// An e-mail is gone for everybody, with what streams tell of it; its fates stay (FETCH-2).
    DeleteEmail {
        email: EmailId,
        message_id: String,
    },
    /// A record was there twice: what belonged to one belongs to the other; the notes are those of the two streams.
    MergeRecords {
        from: RecordId,
        into: RecordId,
        notes: [NoteId; 2],
    },
    /// A case has these teams and no others.
    SetTeams {
        case: RecordId,
        teams: Vec<TeamId>,
    },
    /// Whoever may not read a record, or does not want to hear of it, follows it no longer (FOLLOW-1).
    Unfollow {
        record: RecordId,
        user: UserId,
    },
    /// Run a command of the configuration for the e-mail, once everything is stored (FILTER-4).
    Run {
        email: EmailId,
        account: AccountId,
        filter: String,
        command: String,
    },
    /// Do something with the message on its server, once everything is stored (FETCH-9).
    ActOnServer {
        email: EmailId,
        verb: ServerVerb,
        /// The keyword or the mailbox.
        #[serde(skip_serializing_if = "String::is_empty")]
        target: String,
        by: AskedBy,
    },
    /// The user follows the record (FOLLOW-1).
    Follow {
        record: RecordId,
        user: UserId,
    },
    /// An e-mail that is there is read again: what is derived from its bytes is as the rules see it now (WHY-2).
    Amend(NewEmail),
    /// An e-mail that is there comes to another record, or to none (WHY-2, LINK-7); what streams tell of it comes along (NOTE-1).
    Relink {
        email: EmailId,
        parent: Option<RecordId>,
        by: Option<ParentBy>,
        account: Option<RecordId>,
    },
    /// The account's turn in this team has come to this user (DIST-2).
    AdvanceRotation {
        account: AccountId,
        team: TeamId,
        user: UserId,
    },
    /// When the user last got a case (DIST-3).
    NoteAssignment {
        user: UserId,
        assignment: i64,
    },
    AddNote {
        id: NoteId,
        record: RecordId,
        kind: NoteKind,
        email: Option<EmailId>,
        /// What the kind alone does not say.
        detail: String,
        /// Nobody is told of it (AUTO-3).
        quiet: bool,
    },
    /// Tell a user; at most once of an e-mail (NOTIFY-2).
    Notify {
        user: UserId,
        kind: NotificationKind,
        email: Option<EmailId>,
        note: Option<NoteId>,
        record: Option<RecordId>,
        /// What the kind alone does not say.
        detail: String,
    },
    /// Answer the e-mail by itself (ACK-1); the pass writes the letter and queues it in the same transaction.
    Answer {
        email: EmailId,
        to: Address,
        /// The case that it opened.
        record: Option<RecordId>,
        /// The account that the answer goes out through.
        through: AccountId,
    },
    /// Something was done that budgets count (ACK-3).
    Spend {
        action: BudgetAction,
        count: i64,
        subjects: Vec<Subject>,
    },
    /// A budget is spent: what would be done waits for a person's word (ACK-3).
    HoldAction {
        email: EmailId,
        account: AccountId,
        action: BudgetAction,
    },
    /// A report says how far an e-mail of ours came on its way to a recipient (BOUNCE-2).
    SetDelivery {
        email: EmailId,
        address: String,
        state: DeliveryState,
        status: Option<String>,
        diagnostic: Option<String>,
        report: EmailId,
    },
    /// What a report says of an address (BOUNCE-3).
    SetAddress {
        address: String,
        state: AddressState,
        /// When it was out of reach for now; seconds since 1970 UTC.
        soft: Vec<i64>,
    },
}

/// Where a user has an e-mail: in the trash, in a folder of theirs, or in the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Place {
    pub trashed: bool,
    pub folder: Option<FolderId>,
}

/// Which filter sorts a user's copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sorter {
    Own(Option<FilterId>),
    Import(Option<FilterId>),
}

/// What a user says of a copy; what is not given stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Marks {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub important: Option<bool>,
}

impl std::fmt::Display for Marks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = |value: Option<bool>, word: &str| value.map(|is| format!("{}{word}", if is { "" } else { "not " }));
        let words = [word(self.read, "read"), word(self.important, "important")];
        f.write_str(&words.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

/// Where a user keeps a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spot {
    Inbox,
    Archive,
    /// From here it can go back to where it was.
    Trash,
    Folder(FolderId),
}

/// The message as a row; everything else about it is read from the `Mail`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewEmail {
    pub id: EmailId,
    pub thread: ThreadId,
    /// Message-ID or what stands in for it (DUP-2).
    pub identity: String,
    /// The date to sort by (PARSE-5); seconds since 1970 UTC.
    pub date: i64,
    pub replied: Option<EmailId>,
    pub parent: Option<RecordId>,
    pub parent_by: Option<ParentBy>,
    /// The e-mail's Account field (LINK-6).
    pub account_record: Option<RecordId>,
    /// The Message-ID was used before with other content (DUP-2).
    pub id_collision: bool,
    pub partial: bool,
    pub archived: bool,
    /// The group folder (INBOX-2).
    pub folder: Option<FolderId>,
    /// The filter that puts it there (FILTER-4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filed_by: Option<FilterId>,
    /// Who is taken to have written it (PARSE-10); empty when nobody says so.
    pub sender: String,
    /// One of us wrote it (AUTO-2), and which of our users (ACCESS-5).
    pub ours: bool,
    pub author: Option<UserId>,
    /// Who takes part in its case on its account (LINK-2).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub invites: Vec<String>,
    /// From says that one of us wrote it, and nothing vouches for that: the sender is not verified (ACCESS-5).
    pub claimed: bool,
    /// Our border says that From did not write it (ACCESS-5).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disowned: bool,
    /// By base subject and From, and by base subject and first To (THREAD-3); 0 for none.
    pub subject_from: i64,
    pub subject_to: i64,
}

/// A case to open (CASE-2). Its description is the e-mail's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewCase {
    pub id: RecordId,
    pub number: i64,
    pub name: String,
    pub status: CaseStatus,
    pub priority: Option<Priority>,
    pub team: Option<TeamId>,
    pub account_record: Option<RecordId>,
    pub contact: Option<RecordId>,
    pub lead: Option<RecordId>,
    pub assigned_user: Option<UserId>,
    /// The e-mail account it came through.
    pub through: Option<AccountId>,
    /// The case that it goes on from, or that the subject names (CASE-4, LINK-3).
    pub refers_to: Option<RecordId>,
    /// None where a person opens it empty.
    pub email: Option<EmailId>,
}

/// A record to add that is no case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewRecord {
    pub id: RecordId,
    pub kind: RecordKind,
    pub number: i64,
    pub name: String,
}

/// What a record says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RecordFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Option<RecordId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<Option<RecordId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead: Option<Option<RecordId>>,
    /// Whether it gets mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converted_account: Option<Option<RecordId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converted_contact: Option<Option<RecordId>>,
    /// Nobody has it any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unassigned: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phones: Option<Vec<String>>,
    /// Further Accounts of a Contact, further Contacts of a case or Opportunity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others: Option<Vec<RecordId>>,
    /// Fields by name; none clears one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, Option<String>>,
    /// Where one that was merged away leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<Option<RecordId>>,
    /// The case that it refers to from now on, where neither refers to any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refers_to: Option<RecordId>,
    /// When it was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Option<i64>>,
    /// What comes back to it from the case that it was merged into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returned: Option<Belongings>,
}

/// What two cases were before a person merged one into the other: with this the merge can be undone (CASE-5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Apart {
    /// Of the one that is merged away.
    pub status: Option<CaseStatus>,
    pub closed_at: Option<i64>,
    pub teams: Vec<TeamId>,
    pub followers: Vec<UserId>,
    pub emails: Vec<(EmailId, Option<ParentBy>)>,
    pub belongings: Belongings,
    /// The cases that were merged into it before.
    pub merged: Vec<RecordId>,
    /// Of the one that is left.
    pub into_teams: Vec<TeamId>,
    pub into_followers: Vec<UserId>,
    pub into_account: Option<RecordId>,
    pub into_contact: Option<RecordId>,
    pub into_lead: Option<RecordId>,
    /// E-mails with this number or a greater one were written since.
    pub next_email: i64,
}

/// What goes with a case that is merged away, beside e-mails and what is told of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Belongings {
    /// What people noted.
    pub notes: Vec<NoteId>,
    pub notifications: Vec<NotificationId>,
    /// What waits for a person's word with the case in question (LINK-3).
    pub reviews: Vec<ReviewId>,
}

impl NewCase {
    /// One that says nothing and is nobody's, with the next numbers.
    pub fn numbered(facts: &mut Facts) -> Self {
        Self {
            id: RecordId(take(&mut facts.next.record)),
            number: take(&mut facts.next.case_number),
            name: String::new(),
            status: CaseStatus::New,
            priority: None,
            team: None,
            account_record: None,
            contact: None,
            lead: None,
            assigned_user: None,
            through: None,
            refers_to: None,
            email: None,
        }
    }
}

/// One change and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    #[serde(flatten)]
    pub change: Change,
    #[serde(flatten)]
    pub because: Reason,
}

/// What becomes of one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    pub fate: Fate,
    /// The e-mail it became, or already was.
    pub email: Option<EmailId>,
    #[serde(serialize_with = "told")]
    steps: Vec<Step>,
    /// What was tried and did not hold: near misses, ambiguities, choices (WHY-1).
    pub notes: Vec<Note>,
    /// The filter that skipped it (FETCH-2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped_by: Option<FilterId>,
    /// Why it is not answered, beyond what the message itself says (FILTER-4, ACK-3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_answer: Option<Reason>,
    /// Why it opens no case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_case: Option<Reason>,
    /// The person who asked for it; none where mail did.
    #[serde(skip)]
    pub asked: Option<Asked>,
    /// Users whom nobody tells of it: a filter or a folder of theirs says so (NOTIFY-2), see [`super::notify`].
    #[serde(skip)]
    pub silent_for: Vec<UserId>,
    /// Who has the e-mail only because of a record.
    #[serde(skip)]
    pub(super) given: Option<Given>,
    /// It reaches nobody (INBOX-1).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub of_nobody: bool,
    /// It opens a case that was to be somebody's, and is nobody's (DIST-1).
    #[serde(skip)]
    pub for_nobody: bool,
    /// The filters that were tried, in order (FILTER-6).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<FilterTrial>,
    /// The records that were in question as parent, the one taken included (LINK).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
}

/// Whom an e-mail goes to because it belongs to a record, or is held for it, and for no other reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub record: RecordId,
    pub teams: Vec<TeamId>,
    pub users: Vec<UserId>,
}

/// What was tried and did not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    #[serde(flatten)]
    pub reason: Reason,
    /// Whose own matter it is; none where it is everybody's.
    pub user: Option<UserId>,
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.reason.fmt(f)
    }
}

/// A record that was in question as parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// `kind:number`.
    pub record: String,
    pub by: ParentBy,
    pub taken: bool,
    #[serde(flatten)]
    pub because: Reason,
}

impl Change {
    /// WHY-2: whether a further account that an e-mail came through brings it again where the rules are asked again. What was done when it came
    /// through it is done: commands ran, servers are left alone (FILTER-4, FETCH-9).
    pub(super) const fn comes_again(&self) -> bool {
        match self {
            Self::AddAccount { .. } | Self::KeepCopy { .. } | Self::Run { .. } | Self::ActOnServer { .. } => false,
            // It was done when it came, and people may have done otherwise since.
            Self::Hold { .. } | Self::FileCopy { .. } => false,
            Self::AddTeam { .. }
            | Self::AddUser { .. }
            | Self::Notify { .. }
            | Self::AddEmail(_)
            | Self::Invite { .. }
            | Self::RememberId { .. }
            | Self::MoveId { .. }
            | Self::JoinThreads { .. }
            | Self::AdoptThread { .. }
            | Self::MergeCases { .. }
            | Self::MarkReplied { .. }
            | Self::Verify { .. }
            | Self::SetParent { .. }
            | Self::Reopen { .. }
            | Self::OpenCase(_)
            | Self::Follow { .. }
            | Self::Amend(_)
            | Self::Relink { .. }
            | Self::AdvanceRotation { .. }
            | Self::NoteAssignment { .. }
            | Self::AddNote { .. }
            | Self::Answer { .. }
            | Self::Spend { .. }
            | Self::HoldAction { .. }
            | Self::SetDelivery { .. }
            | Self::SetAddress { .. }
            | Self::ShareEmail { .. }
            | Self::AssignEmail { .. }
            | Self::MarkImportant { .. }
            | Self::Sort { .. }
            | Self::RemoveTeam { .. }
            | Self::RemoveUser { .. }
            | Self::Mark { .. }
            | Self::Put { .. }
            | Self::File { .. }
            | Self::FileAway { .. }
            | Self::Decide { .. }
            | Self::AddRecord(_)
            | Self::Assign { .. }
            | Self::SetStatus { .. }
            | Self::SetRecord { .. }
            | Self::MoveEmails { .. }
            | Self::DeleteRecord { .. }
            | Self::DeleteEmail { .. }
            | Self::MergeRecords { .. }
            | Self::SetTeams { .. }
            | Self::Unfollow { .. } => true,
        }
    }
}

fn is_bookkeeping(change: &Change) -> bool {
    matches!(change, Change::RememberId { .. } | Change::MoveId { .. } | Change::Spend { .. })
}

/// Leaves out of the trace what is bookkeeping: a message can refer to a thousand others.
fn told<S: serde::Serializer>(steps: &[Step], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(steps.iter().filter(|step| !is_bookkeeping(&step.change)))
}

impl Plan {
    /// Starts an empty plan.
    pub fn new() -> Self {
        Self {
            fate: Fate::Imported,
            email: None,
            steps: Vec::new(),
            notes: Vec::new(),
            skipped_by: None,
            no_answer: None,
            no_case: None,
            asked: None,
            silent_for: Vec::new(),
            given: None,
            of_nobody: false,
            for_nobody: false,
            filters: Vec::new(),
            candidates: Vec::new(),
        }
    }

    /// Adds a change; there is none without a reason.
    pub fn add(&mut self, change: Change, because: impl Into<Reason>) {
        self.steps.push(Step { change, because: because.into() });
    }

    /// Adds a change before others that lean on it.
    pub(super) fn add_at(&mut self, place: usize, change: Change, because: impl Into<Reason>) {
        self.steps.insert(place, Step { change, because: because.into() });
    }

    /// Takes all changes out, to be held against what is there.
    pub(super) fn take_steps(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.steps)
    }

    /// Puts a change back that is to be made.
    pub(super) fn put_back(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// Keeps some of the changes.
    pub(super) fn keep(&mut self, is_kept: impl Fn(&Step) -> bool) {
        self.steps.retain(is_kept);
    }

    /// Starts the plan of what a person asks for.
    pub fn asked(by: Asked) -> Self {
        Self { asked: Some(by), ..Self::new() }
    }

    /// Returns the changes, in order, each with its reason.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// WHY-2: says what was found to differ when an e-mail was read again; where nothing was, it was not amended.
    pub fn say_found(&mut self, fields: &[String]) {
        self.steps.retain(|step| !fields.is_empty() || !matches!(step.change, Change::Amend(_)));
        for step in self.steps.iter_mut().filter(|step| matches!(step.change, Change::Amend(_))) {
            step.because = reason!(Why2, "read again, these differ: {}", fields.join(", "));
        }
    }

    /// Whether this user asked for it.
    pub fn is_asked_by(&self, user: UserId) -> bool {
        self.asked.is_some_and(|asked| asked.user == Some(user))
    }

    /// The case that it opens.
    pub fn opened(&self) -> Option<&NewCase> {
        self.steps.iter().find_map(|step| if let Change::OpenCase(case) = &step.change { Some(case) } else { None })
    }

    /// The records that it adds.
    pub fn all_added(&self) -> impl Iterator<Item = RecordId> {
        self.steps.iter().filter_map(|step| if let Change::AddRecord(new) = &step.change { Some(new.id) } else { None })
    }

    /// The first of them.
    pub fn added(&self) -> Option<RecordId> {
        self.all_added().next()
    }

    /// The e-mails that it moves or gives to people.
    pub fn emails(&self) -> BTreeSet<EmailId> {
        let of = |change: &Change| match change {
            Change::Relink { email, .. }
            | Change::SetParent { email, .. }
            | Change::AddTeam { email, .. }
            | Change::RemoveTeam { email, .. }
            | Change::AddUser { email, .. }
            | Change::Sort { email, .. }
            | Change::ShareEmail { email, .. }
            | Change::AssignEmail { email, .. }
            | Change::MarkImportant { email, .. }
            | Change::AddNote { email: Some(email), .. } => Some(*email),
            _ => None,
        };
        self.steps.iter().filter_map(|step| of(&step.change)).collect()
    }

    /// What it takes from e-mails that answer the one that it is about (THREAD-2), as a plan for each.
    pub fn taken_from_answers(&self, about: EmailId) -> BTreeMap<EmailId, Self> {
        let mut taken: BTreeMap<EmailId, Self> = BTreeMap::new();
        for step in &self.steps {
            if let Change::RemoveTeam { email, .. } = step.change
                && email != about
            {
                taken.entry(email).or_default().steps.push(step.clone());
            }
        }
        taken
    }

    /// Whether a case was not opened, or not opened again, because a budget is spent (ACK-3).
    pub fn holds_a_case(&self) -> bool {
        let of_case = [BudgetAction::Case, BudgetAction::Reopen];
        self.steps.iter().any(|step| matches!(step.change, Change::HoldAction { action, .. } if of_case.contains(&action)))
    }

    /// The records that it deletes, as people type them.
    pub fn deleted(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match &step.change {
            Change::DeleteRecord { name, .. } => Some(name.as_str()),
            _ => None,
        })
    }

    /// The Message-ID of the e-mail that it deletes.
    pub fn deletes(&self) -> Option<&str> {
        self.steps.iter().find_map(|step| match &step.change {
            Change::DeleteEmail { message_id, .. } => Some(message_id.as_str()),
            _ => None,
        })
    }

    /// Whether it waits for a person's word (LINK-3).
    pub fn waits(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.change, Change::Hold { .. }))
    }

    /// Writes down a record that was in question as parent.
    pub fn consider(&mut self, record: String, by: ParentBy, taken: bool, because: impl Into<Reason>) {
        self.candidates.push(Candidate { record, by, taken, because: because.into() });
    }

    /// Notes what was tried and did not hold.
    pub fn note(&mut self, reason: impl Into<Reason>) {
        self.notes.push(Note { reason: reason.into(), user: None });
    }

    /// The same of what is a user's own to know: their filters, and what they want to hear of.
    pub fn note_of(&mut self, user: UserId, reason: Reason) {
        self.notes.push(Note { reason, user: Some(user) });
    }

    /// Notes why it opens no case.
    pub fn opens_none(&mut self, because: Reason) {
        self.note(reason!(Case1, "no new case: {}", because.behind(Rule::Case1)));
        self.no_case.get_or_insert(because);
    }
}

/// A person asked for it: what they write stands in their name, and they know of it already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// None for the service account itself.
    pub user: Option<UserId>,
}

impl Default for Plan {
    fn default() -> Self {
        Self::new()
    }
}
