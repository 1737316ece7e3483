//! What the rules know about the world: one plain struct for a whole batch, filled by `store::facts` in a fixed number
//! of queries and kept current by [`super::decide`] as each plan is made. It can be written by hand in a test.

use std::collections::{HashMap, HashSet};

use crate::words::{
    AccountId, AccountKind, CaseStatus, Distribution, EmailId, ParentBy, PositionId, RecordId, RecordKind, TeamId, ThreadId,
    UserId,
};

/// What is known of a message beyond its bytes: how it reached us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    pub position: PositionId,
    pub uid: i64,
    /// INTERNALDATE in seconds since 1970 UTC.
    pub internal_date: Option<i64>,
    /// Only header and text parts were fetched (FETCH-8).
    pub partial: bool,
}

/// The switches that hold for every account (`[link]` in the configuration).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// A Contact stands for itself instead of for its Account (LINK-4).
    pub b2c: bool,
    /// A single open Opportunity is taken instead of its Account or Contact (LINK-4).
    pub link_open_opportunity: bool,
}

/// Everything the rules may ask about, for one batch from one account.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Seconds since 1970 UTC.
    pub now: i64,
    /// The next free numbers; written back when the plans are applied, so there are no holes.
    pub next: Next,
    pub account: AccountFacts,
    /// Addresses of our e-mail accounts, of those that occur in the batch.
    pub own_addresses: HashSet<String>,
    /// Active users by address, of those that occur in the batch.
    pub users: HashMap<String, UserId>,
    /// Stored e-mails whose Message-ID is named in the batch.
    pub emails: HashMap<EmailId, EmailFacts>,
    /// The same by identity, oldest first; more than one when a Message-ID was used twice (DUP-2): then the first, the last
    /// and those with the content of a message of this batch.
    pub emails_by_message_id: HashMap<String, Vec<EmailId>>,
    /// Remembered Message-IDs, seen or only referred to, and their threads (THREAD-1).
    pub thread_of: HashMap<String, ThreadId>,
    /// The parent of each of these threads: that of its newest e-mail that has one (LINK-2).
    pub thread_parents: HashMap<ThreadId, RecordId>,
    /// Every record named by anything else in here.
    pub records: HashMap<RecordId, RecordFacts>,
    /// Records by address, oldest first.
    pub records_by_address: HashMap<String, Vec<RecordId>>,
    /// Cases by the numbers that occur in subjects of the batch.
    pub cases_by_number: HashMap<i64, RecordId>,
    /// Who has written to which of those cases before.
    pub correspondents: HashSet<(RecordId, String)>,
    /// Who follows which of those cases.
    pub followers: HashSet<(RecordId, UserId)>,
    /// Teams of the account and of the records above, with all their members.
    pub teams: HashMap<TeamId, Vec<Member>>,
    /// How busy each member of the case team is.
    pub load: HashMap<UserId, Load>,
    /// Who had the account's last turn in each team (DIST-2).
    pub rotation: HashMap<TeamId, UserId>,
}

impl Facts {
    /// Knows nothing but the time: an empty store, and a group account without settings.
    pub fn alone(now: i64) -> Self {
        let next = Next { email: 1, thread: 1, record: 1, note: 1, case_number: 1, assignment: 1 };
        Self { now, next, account: AccountFacts { name: "(none)".to_string(), ..AccountFacts::default() }, ..Self::default() }
    }
}

/// The next free number of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Next {
    pub email: i64,
    pub thread: i64,
    pub record: i64,
    pub note: i64,
    pub case_number: i64,
    /// Orders assignments, so that the oldest can be told (DIST-3).
    pub assignment: i64,
}

/// The account that the batch came through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFacts {
    pub id: AccountId,
    pub name: String,
    pub kind: AccountKind,
    /// The owner of a personal account.
    pub owner: Option<UserId>,
    /// The owner's default team (TEAM-1).
    pub owner_team: Option<TeamId>,
    pub teams: Vec<TeamId>,
    /// Whether members of the account's teams get its mail in their inboxes (INBOX-1).
    pub add_team_users: bool,
    /// Active only.
    pub assigned_user: Option<UserId>,
    pub make_cases: bool,
    pub distribution: Distribution,
    pub case_team: Option<TeamId>,
    /// Only members with this position in the case team get cases (DIST-1).
    pub case_position: Option<String>,
    /// Mail older than this is archived without actions (FETCH-14); seconds since 1970 UTC.
    pub act_since: i64,
}

impl Default for AccountFacts {
    fn default() -> Self {
        Self {
            id: AccountId(0),
            name: String::new(),
            kind: AccountKind::Group,
            owner: None,
            owner_team: None,
            teams: Vec::new(),
            add_team_users: true,
            assigned_user: None,
            make_cases: false,
            distribution: Distribution::None,
            case_team: None,
            case_position: None,
            act_since: 0,
        }
    }
}

/// A stored e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailFacts {
    pub thread: ThreadId,
    pub content_digest: [u8; 32],
    pub parent: Option<RecordId>,
    pub parent_by: Option<ParentBy>,
    pub teams: Vec<TeamId>,
    pub users: Vec<UserId>,
    /// The accounts it came through.
    pub accounts: Vec<AccountId>,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFacts {
    pub kind: RecordKind,
    pub number: i64,
    pub name: String,
    pub active: bool,
    /// The Account it belongs to.
    pub account: Option<RecordId>,
    /// The Contact of a case.
    pub contact: Option<RecordId>,
    /// The Account and the Contact that a Lead was converted into.
    pub converted_account: Option<RecordId>,
    pub converted_contact: Option<RecordId>,
    /// The case's status; none for other kinds.
    pub status: Option<CaseStatus>,
    pub assigned_user: Option<UserId>,
    pub teams: Vec<TeamId>,
    /// Open Opportunities of an Account or Contact, at most two (LINK-4 asks whether there is exactly one).
    pub open_opportunities: Vec<RecordId>,
}

impl RecordFacts {
    /// A record that nothing else is known of.
    pub fn new(kind: RecordKind, number: i64, name: &str, account: Option<RecordId>) -> Self {
        Self {
            kind,
            number,
            name: name.to_string(),
            active: true,
            account,
            contact: None,
            converted_account: None,
            converted_contact: None,
            status: None,
            assigned_user: None,
            teams: Vec::new(),
            open_opportunities: Vec::new(),
        }
    }
}

/// A member of a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub user: UserId,
    pub position: Option<String>,
    pub active: bool,
    /// Absent now (`user absence add`).
    pub absent: bool,
}

/// How busy a user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Cases assigned that are not Closed, Rejected or Duplicate.
    pub open_cases: i64,
    /// When the user last got one, by [`Next::assignment`]; 0 for never.
    pub last_assignment: i64,
}
