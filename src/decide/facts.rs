//! What the rules know about the world: one plain struct for a whole batch, filled by `store::facts` in a fixed number
//! of queries and kept current by [`super::decide`] as each plan is made. It can be written by hand in a test.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::access::{Actor, Relation, act};
use super::along::Part;
use super::budget::{Budgets, Spent};
use super::fields::Fields;
use super::filter::Filter;
use crate::mail::token::KeyRing;
use crate::mail::{LetterKey, Mail, untagged};
use crate::settings::AccountRules;
use crate::words::{
    AccountId, AccountKind, AddressState, CaseStatus, DeliveryState, EmailId, FilterId, FolderId, ParentBy, PositionId, Priority,
    RecordId, RecordKind, ReviewId, RoleAction, RoleScope, TeamId, ThreadId, UserId,
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
    /// The keys of signed tokens (LINK-1).
    pub tokens: KeyRing,
    /// The names by which our border signs its Authentication-Results (ACCESS-5).
    pub authserv_ids: Vec<String>,
    /// How much is done by itself (ACK-3).
    pub budgets: Budgets,
    /// What records say beside what is usual.
    pub fields: Fields,
    /// Random bytes of this run, from which the Message-IDs of answers are made.
    pub seed: [u8; 32],
}

/// Everything the rules may ask about, for one batch from one account.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Seconds since 1970 UTC.
    pub now: i64,
    /// When the e-mail that is looked at again was taken in, where one is (WHY-2): its Date is held against that (PARSE-5). Seconds since
    /// 1970 UTC.
    pub taken_at: Option<i64>,
    /// The mailbox was listed again: what is older than this is not answered (FETCH-5). Seconds since 1970 UTC.
    pub quiet_before: Option<i64>,
    /// The next free numbers; written back when the plans are applied, so there are no holes.
    pub next: Next,
    pub account: AccountFacts,
    /// Addresses of our group accounts, and those that they are answered at, of those that occur in the batch; see
    /// [`Facts::is_own`].
    pub own_addresses: HashSet<String>,
    /// Active users by address, of those that occur in the batch; also by that of their personal accounts. See
    /// [`Facts::user_of`].
    pub users: HashMap<String, UserId>,
    /// Stored e-mails whose Message-ID is named in the batch.
    pub emails: HashMap<EmailId, EmailFacts>,
    /// The same by identity, oldest first; more than one when a Message-ID was used twice (DUP-2): then the first, the last
    /// and those with the content of a message of this batch.
    pub emails_by_message_id: HashMap<String, Vec<EmailId>>,
    /// Those of them that we moved into this mailbox, or were about to (FETCH-9).
    pub moved_here: HashSet<EmailId>,
    /// Message-IDs and contents of e-mails that people deleted, of those that a server brings in this batch (FETCH-2), and when they did.
    pub deleted: HashMap<(String, [u8; 32]), i64>,
    /// The same of what was answered by itself (ACK-1), also before somebody deleted it, whatever brings it.
    pub answered: Bygone,
    /// The same of what was answered or of a case before somebody deleted it, or the case: what else there is of it opens nothing (DUP-1).
    pub settled: Bygone,
    /// The same of e-mails of people who were erased, whatever brings them.
    pub erased: Bygone,
    /// Remembered Message-IDs, seen or only referred to, and their threads (THREAD-1).
    pub thread_of: HashMap<String, ThreadId>,
    /// The parent of each of these threads: the case of its newest e-mail that has one (CASE-1), else that one's record (LINK-2).
    pub thread_parents: HashMap<ThreadId, RecordId>,
    /// The other cases of these threads, that of the newest e-mail first: a thread may be of several desks.
    pub thread_cases: HashMap<ThreadId, Vec<RecordId>>,
    /// Threads that ended since the facts were gathered, and where they went.
    pub joined: HashMap<ThreadId, ThreadId>,
    /// The newest e-mails of late with a base subject from or to an address, by [`crate::mail::subject::key`], of each account that any came
    /// through; the newest first (THREAD-3).
    pub by_subject: HashMap<i64, Vec<EmailId>>,
    /// Everybody from outside who takes part in cases that a message of this batch may bring together (THREAD-1).
    pub participants: HashMap<RecordId, HashSet<String>>,
    /// The same of threads, whether they have a case or not.
    pub thread_people: HashMap<ThreadId, HashSet<String>>,
    /// Every record named by anything else in here.
    pub records: HashMap<RecordId, RecordFacts>,
    /// Records by address, oldest first.
    pub records_by_address: HashMap<String, Vec<RecordId>>,
    /// Cases by the numbers that occur in subjects of the batch.
    pub cases_by_number: HashMap<i64, RecordId>,
    /// Which senders of the batch take part in which cases by their e-mails: they wrote the opening one, or one while they took
    /// part, or one of us wrote to them (LINK-2).
    pub correspondents: HashSet<(RecordId, String)>,
    /// The same of threads.
    pub in_threads: HashSet<(ThreadId, String)>,
    /// The threads above of which the owner of the personal account has an e-mail (ACCESS-2).
    pub reached: HashSet<ThreadId>,
    /// The threads above in which anybody takes part.
    pub peopled: HashSet<ThreadId>,
    /// The next free number of each kind of record that people add; asked where a person says something.
    pub record_numbers: BTreeMap<RecordKind, i64>,
    /// Which user made which of the records above; asked likewise, and of the owner of a personal account.
    pub made_by: HashMap<RecordId, UserId>,
    /// The e-mail that opened each of the cases above, and who wrote it; asked likewise.
    pub openers: HashMap<RecordId, (EmailId, String)>,
    /// The cases that a conversation opened, each with the e-mail that did; of those that a person took an e-mail from (LINK-7).
    pub begun: HashMap<ThreadId, Vec<(EmailId, RecordId)>>,
    /// Whose copies of the e-mails above are not read; asked likewise.
    pub unread: HashSet<(EmailId, UserId)>,
    /// E-mails that have a team because the one that they answer has it, and for nothing else (THREAD-2): by the latter and the team; asked
    /// likewise, and of what is read again (WHY-2).
    pub handed: HashMap<(EmailId, TeamId), Vec<EmailId>>,
    /// Which teams the e-mails above have by a filter, or from the e-mail that they answer; asked of what is read again.
    pub spread: HashSet<(EmailId, TeamId)>,
    /// Which of the e-mails above wait for a person's word (LINK-3), with their reviews; asked likewise.
    pub waiting: HashMap<EmailId, Vec<ReviewId>>,
    /// The accounts that are nobody's own; asked likewise.
    pub group_accounts: HashSet<AccountId>,
    /// Which of the e-mails above went out from here, or are to; asked likewise.
    pub letters: HashSet<EmailId>,
    /// Who follows which of the records above.
    pub followers: BTreeSet<(RecordId, UserId)>,
    /// Everybody who may get mail of this batch or be told of it.
    pub people: BTreeMap<UserId, Person>,
    /// Active administrators, all of whom are among the people above.
    pub administrators: Vec<UserId>,
    /// To whom those of the e-mails above went that we sent, and how far they came (BOUNCE-2).
    pub deliveries: HashMap<EmailId, HashMap<String, DeliveryState>>,
    /// What is known of the addresses that delivery reports of the batch speak of (BOUNCE-3), and of those that may be answered.
    pub address_states: HashMap<String, AddressFacts>,
    /// Import filters: those of the account, then the global ones, each in the order that people gave them (FILTER-6).
    pub filters: Vec<Filter>,
    /// The filters of users who may get mail of this batch (FILTER-5).
    pub user_filters: HashMap<UserId, Vec<Filter>>,
    /// What these filters name and what was removed since: a user, a team or a folder.
    pub gone: HashMap<FilterId, Vec<&'static str>>,
    /// Whether the trace has every filter that was tried, not just those that matched (FILTER-8).
    pub trace_filters: bool,
    /// Teams of group folders that filters move mail to (TEAM-1).
    pub folder_teams: HashMap<FolderId, Vec<TeamId>>,
    /// Folders whose mail nobody is told of (INBOX-2).
    pub silent_folders: HashSet<FolderId>,
    /// Teams of the account, of the records above, and those that filters may give, with all their members.
    pub teams: HashMap<TeamId, Vec<Member>>,
    /// How busy each member of the case team is.
    pub load: HashMap<UserId, Load>,
    /// Who had the account's last turn in each team (DIST-2).
    pub rotation: HashMap<TeamId, UserId>,
    /// How much is done by itself (ACK-3); without limits for what people ask for.
    pub budgets: Budgets,
    /// How much was; none where that cannot be read.
    pub spent: Option<Spent>,
}

/// Messages that were here, by Message-ID and content, and as letters: something on the way may have changed the content (DUP-2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bygone {
    pub contents: HashSet<(String, [u8; 32])>,
    pub letters: HashSet<LetterKey>,
}

impl Bygone {
    /// Whether a message is one of them, in whatever shape it came then.
    pub fn has(&self, mail: &Mail) -> bool {
        self.contents.contains(&(mail.identity(), mail.content_digest)) || mail.letters().any(|one| self.letters.contains(&one))
    }
}

impl Facts {
    /// Knows nothing but the time: an empty store, and a group account without settings.
    pub fn alone(now: i64) -> Self {
        let next = Next { email: 1, thread: 1, record: 1, note: 1, case_number: 1, assignment: 1, review: 1 };
        Self { now, next, account: AccountFacts { name: "(none)".to_string(), ..AccountFacts::default() }, ..Self::default() }
    }
}

impl Facts {
    /// Whether an address is our own accounts'; a plus-address of one is, too (AUTO-2).
    pub fn is_own(&self, address: &str) -> bool {
        self.own_addresses.contains(address) || self.own_addresses.contains(&*untagged(address))
    }

    /// Whether an address belongs to one of us: a user or an e-mail account, or is a plus-address of theirs.
    pub fn is_internal(&self, address: &str) -> bool {
        self.user_of(address).is_some() || self.is_own(address)
    }

    /// The login of a user of whom something is known.
    pub fn login(&self, user: UserId) -> Option<&str> {
        self.people.get(&user)?.actor.login.as_deref()
    }

    /// The user whose address it is, or a plus-address of it.
    pub fn user_of(&self, address: &str) -> Option<UserId> {
        self.users.get(address).or_else(|| self.users.get(&*untagged(address))).copied()
    }

    /// Returns the thread that is left of a thread.
    pub fn thread(&self, thread: ThreadId) -> ThreadId {
        let mut thread = thread;
        // Only threads that are left are ever joined, so there are no circles.
        while let Some(into) = self.joined.get(&thread) {
            thread = *into;
        }
        thread
    }

    /// Returns the case that is left of a merged one; any other record stands for itself.
    pub fn survivor(&self, record: RecordId) -> RecordId {
        let mut record = record;
        // Each step leads to another record; a circle in the database must not hold up a pass.
        for _ in 0..self.records.len() {
            let into = self.records.get(&record).and_then(|known| known.merged_into);
            let Some(into) = into.filter(|into| self.records.contains_key(into)) else { break };
            record = into;
        }
        record
    }

    /// Returns the parent of a thread: the case of it that mail of this account may be of, else that of its newest e-mail that has one.
    pub fn parent_of_thread(&self, thread: ThreadId) -> Option<RecordId> {
        let first = || self.thread_parents.get(&self.thread(thread)).map(|record| self.survivor(*record));
        self.case_here(thread).or_else(first)
    }

    /// Returns the case of a thread that mail of this account may be of by the thread alone (ACCESS-2).
    pub fn case_here(&self, thread: ThreadId) -> Option<RecordId> {
        self.case_of_part(thread, || self.part())
    }

    fn case_of_part(&self, thread: ThreadId, part: impl FnOnce() -> Part) -> Option<RecordId> {
        let mut cases = self.records_of(thread).filter(|record| self.is_case(*record)).peekable();
        cases.peek()?;
        let part = part();
        cases.find(|record| self.is_of_part(*record, &part))
    }

    /// The record of a thread's newest e-mail, and the other cases of the thread.
    pub fn records_of(&self, thread: ThreadId) -> impl Iterator<Item = RecordId> + '_ {
        let thread = self.thread(thread);
        let others = self.thread_cases.get(&thread).into_iter().flatten();
        self.thread_parents.get(&thread).into_iter().chain(others).map(|record| self.survivor(*record))
    }

    /// From now on a record is that of a thread's newest e-mail.
    pub fn lead(&mut self, thread: ThreadId, record: RecordId) {
        let thread = self.thread(thread);
        if let Some(before) = self.thread_parents.insert(thread, record).filter(|before| *before != record) {
            self.thread_cases.entry(thread).or_default().insert(0, before);
        }
    }

    /// Returns the parent of a stored e-mail. What was linked by address alone belongs to the case that its thread came to, if it is
    /// no other desk's and nobody's own (ACCESS-2); what a person chose stays (LINK-7).
    pub fn parent_of(&self, email: EmailId) -> Option<(RecordId, ParentBy)> {
        let known = self.emails.get(&email)?;
        let by = known.parent_by.unwrap_or(ParentBy::Address);
        let own = known.parent.map(|record| (self.survivor(record), by));
        if by == ParentBy::Hand || own.is_some_and(|(record, _)| self.is_firm(record)) {
            return own;
        }
        let thread = self.case_of_part(known.thread, || known.part());
        thread.map(|record| (record, ParentBy::Thread)).or(own)
    }

    /// Whose what comes through this account is. What is read again came before the cases that there are (WHY-2).
    fn part(&self) -> Part {
        let account = &self.account;
        let case_team = account.case_team.filter(|_| account.make_cases);
        Part {
            accounts: vec![account.id],
            teams: account.teams.iter().copied().chain(case_team).collect(),
            makes_cases: account.make_cases && self.taken_at.is_none(),
        }
    }

    /// ACCESS-2: whether something may be of a case by its thread alone.
    pub fn is_of_part(&self, case: RecordId, part: &Part) -> bool {
        self.records.get(&case).is_some_and(|case| part.is_of(case.through, &case.teams))
    }

    /// THREAD-3: whether what comes through the account may be guessed to answer an e-mail: it and its case came for the same desk; somebody's
    /// own mail answers nothing but their own.
    pub fn may_guess(&self, email: EmailId) -> bool {
        let Some(known) = self.emails.get(&email) else { return false };
        if let Some((case, _)) = self.parent_of(email).filter(|(record, _)| self.is_case(*record)) {
            return self.may_enter_by_thread(case);
        }
        let teams = self.part().teams;
        let shares = || self.account.kind == AccountKind::Group && known.teams.iter().any(|team| teams.contains(team));
        known.accounts.contains(&self.account.id) || shares()
    }

    /// The same of a message that comes through the account.
    pub fn may_enter_by_thread(&self, case: RecordId) -> bool {
        self.is_of_part(case, &self.part())
    }

    /// Whether two cases are of one desk, so that what belongs to one may go on in the other.
    pub fn are_of_one_desk(&self, one: RecordId, other: RecordId) -> bool {
        self.records.get(&one).is_some_and(|one| self.is_of_part(other, &one.part()))
    }

    /// THREAD-1: returns the e-mails that bear a Message-ID, the one that it stands for first: ours, then one whose people include
    /// the sender, then one that is of a case, then the oldest; one that repeats the id of another (DUP-2) comes behind it, whoever sends it.
    pub fn bearers(&self, message_id: &str, sender: &str) -> Vec<EmailId> {
        let mut bearers = self.emails_by_message_id.get(message_id).cloned().unwrap_or_default();
        bearers.sort_by_key(|id| {
            let known = self.emails.get(id);
            let is = |of: &dyn Fn(&EmailFacts) -> bool| known.is_some_and(of);
            let names = is(&|known| known.people.iter().any(|person| person == sender));
            let has_case = self.parent_of(*id).is_some_and(|(record, _)| self.is_case(record));
            (!is(&|known| known.ours), is(&|known| known.id_collision), !names, !has_case, *id)
        });
        bearers
    }

    /// Returns the e-mail of ours that bears a Message-ID.
    pub fn letter(&self, message_id: &str) -> Option<EmailId> {
        let first = self.bearers(message_id, "").into_iter().next();
        first.filter(|email| self.emails.get(email).is_some_and(|known| known.ours))
    }

    /// Returns who follows a record.
    pub fn followers_of(&self, record: RecordId) -> impl Iterator<Item = UserId> {
        self.followers.range((record, UserId(i64::MIN))..=(record, UserId(i64::MAX))).map(|(_, user)| *user)
    }

    /// Names a record as people type it.
    pub fn name(&self, record: RecordId) -> String {
        match self.records.get(&record) {
            Some(known) => format!("{}:{}", known.kind, known.number),
            None => format!("record {record}"),
        }
    }

    /// LINK-6: the record itself when it is an Account, else the Account it belongs to.
    pub fn account_of(&self, record: RecordId) -> Option<RecordId> {
        let known = self.records.get(&record)?;
        if known.kind == RecordKind::Account { Some(record) } else { known.account }
    }

    /// ACCESS-2: whether a user may read a case: it is their own where they have it or made it.
    pub fn may_read(&self, user: UserId, case: RecordId) -> bool {
        self.may(RoleAction::Read, user, case)
    }

    /// The same of changing it, or any other record.
    pub fn may_edit(&self, user: UserId, record: RecordId) -> bool {
        self.may(RoleAction::Edit, user, record)
    }

    fn may(&self, action: RoleAction, user: UserId, record: RecordId) -> bool {
        let (Some(person), Some(known)) = (self.people.get(&user), self.records.get(&record)) else { return false };
        let relation = Relation {
            own: known.assigned_user == Some(user) || self.made_by.get(&record) == Some(&user),
            team: known.teams.iter().any(|team| person.actor.teams.contains(team)),
        };
        act(&person.actor, known.kind.scope(), action, relation).is_ok()
    }

    /// ACCESS-2: whether a user may read an e-mail; `as_reader` counts that it may be in their inbox.
    pub fn may_read_email(&self, user: UserId, email: EmailId, as_reader: bool) -> bool {
        self.may_email(RoleAction::Read, user, email, as_reader)
    }

    /// The same of changing it.
    pub fn may_edit_email(&self, user: UserId, email: EmailId) -> bool {
        self.may_email(RoleAction::Edit, user, email, true)
    }

    /// Whether a user may read an e-mail as it is told here, not counting that it is in their inbox.
    pub fn may_read_as(&self, user: UserId, known: &EmailFacts) -> bool {
        let Some(person) = self.people.get(&user) else { return false };
        let team = known.teams.iter().any(|team| person.actor.teams.contains(team));
        act(&person.actor, RoleScope::Email, RoleAction::Read, Relation { own: false, team }).is_ok()
    }

    fn may_email(&self, action: RoleAction, user: UserId, email: EmailId, as_reader: bool) -> bool {
        let (Some(person), Some(known)) = (self.people.get(&user), self.emails.get(&email)) else { return false };
        let relation = Relation {
            own: as_reader && known.users.contains(&user),
            team: known.teams.iter().any(|team| person.actor.teams.contains(team)),
        };
        act(&person.actor, RoleScope::Email, action, relation).is_ok()
    }

    /// Whether a record is of this Account: by its own, or as a Contact by a further one.
    pub fn is_of_account(&self, record: RecordId, account: RecordId) -> bool {
        let further = |known: &RecordFacts| known.kind == RecordKind::Contact && known.others.contains(&account);
        self.account_of(record) == Some(account) || self.records.get(&record).is_some_and(further)
    }

    /// Whether a record is a case.
    pub fn is_case(&self, record: RecordId) -> bool {
        self.records.get(&record).is_some_and(|known| known.kind == RecordKind::Case)
    }

    /// Whether a record is a matter of its own, not just somebody: a conversation has one of these.
    pub fn is_firm(&self, record: RecordId) -> bool {
        let kind = self.records.get(&record).map(|known| known.kind);
        matches!(kind, Some(RecordKind::Case | RecordKind::Opportunity))
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
    pub review: i64,
}

/// Returns the next number of a kind and moves on.
pub fn take(next: &mut i64) -> i64 {
    let number = *next;
    *next += 1;
    number
}

/// The account that the batch came through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFacts {
    pub id: AccountId,
    pub name: String,
    pub address: String,
    pub kind: AccountKind,
    /// The owner of a personal account.
    pub owner: Option<UserId>,
    /// The owner's default team (TEAM-1).
    pub owner_team: Option<TeamId>,
    /// The folder that mail of this mailbox goes to: the owner's, or a group folder (INBOX-2).
    pub folder: Option<FolderId>,
    /// The mailbox of its server that the batch stands in; none where it came from none.
    pub mailbox: Option<String>,
    /// The mailbox is the one in which its server keeps what went out (FETCH-15).
    pub is_sent_mailbox: bool,
    /// Whose import into a personal account it is, rather than mail that its server had (ACCESS-2).
    pub importer: Option<UserId>,
    pub teams: Vec<TeamId>,
    /// The assigned user is an active one.
    pub rules: AccountRules,
    /// Mail older than this is archived without actions (FETCH-14); seconds since 1970 UTC.
    pub act_since: i64,
    /// How it answers by itself; none where it does not (ACK-1).
    pub answering: Option<Answering>,
}

impl Default for AccountFacts {
    fn default() -> Self {
        Self {
            id: AccountId(0),
            name: String::new(),
            address: String::new(),
            kind: AccountKind::Group,
            owner: None,
            owner_team: None,
            folder: None,
            mailbox: None,
            is_sent_mailbox: false,
            importer: None,
            teams: Vec::new(),
            rules: AccountRules::default(),
            act_since: 0,
            answering: None,
        }
    }
}

impl std::ops::Deref for AccountFacts {
    type Target = AccountRules;
    fn deref(&self) -> &AccountRules {
        &self.rules
    }
}

impl std::ops::DerefMut for AccountFacts {
    fn deref_mut(&mut self) -> &mut AccountRules {
        &mut self.rules
    }
}

/// That an account answers by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answering {
    /// The account that answers go out through (SEND-2); none where there is none that can send.
    pub outlet: Option<AccountId>,
    /// Only senders whom our border vouches for are answered (ACK-4).
    pub authenticated_only: bool,
}

/// Somebody who may be told of mail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Person {
    /// Their login, teams, and what they may read of e-mails and cases.
    pub actor: Actor,
    pub active: bool,
    /// Whether they are told of e-mails that are new in their inbox (NOTIFY-2).
    pub notify_received: bool,
    /// The kinds of records of which they follow every new one that they may read (FOLLOW-1).
    pub follows: Vec<RecordKind>,
}

/// What delivery reports said of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressFacts {
    pub state: AddressState,
    /// When it was said to be out of reach for now; seconds since 1970 UTC.
    pub soft: Vec<i64>,
}

/// A stored e-mail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EmailFacts {
    /// Who is taken to have written it, in comparison form; empty when nobody says so.
    pub sender: String,
    /// The Date header in seconds since 1970 UTC.
    pub header_date: Option<i64>,
    /// Only header and text parts are here (FETCH-8).
    pub partial: bool,
    pub thread: ThreadId,
    /// Seconds since 1970 UTC.
    pub arrived_at: i64,
    pub content_digest: [u8; 32],
    /// Digests of the bytes that are kept of it, its copies' as well; gathered where the batch has its Message-ID.
    pub raws: Vec<[u8; 32]>,
    pub parent: Option<RecordId>,
    pub parent_by: Option<ParentBy>,
    pub teams: Vec<TeamId>,
    pub users: Vec<UserId>,
    /// The accounts it came through.
    pub accounts: Vec<AccountId>,
    /// One of them makes cases, or is gone and may have.
    pub at_desk: bool,
    /// One of us wrote it, and which of our users (BOUNCE-2).
    pub ours: bool,
    pub author: Option<UserId>,
    /// The e-mail that it answers.
    pub replied: Option<EmailId>,
    /// Its Message-ID was used before (DUP-2).
    pub id_collision: bool,
    /// The addresses in its From, To and Cc; gathered where several e-mails bear its Message-ID, and in accounts that make no
    /// cases.
    pub people: Vec<String>,
    /// It says that one of us wrote it, and nothing vouches for that (ACCESS-5).
    pub claimed: bool,
    /// Nobody wrote it by hand (AUTO-1).
    pub automatic: bool,
    /// Where it asks for answers, other than its author; gathered where the batch has its content.
    pub answers_to: Vec<String>,
}

impl EmailFacts {
    fn part(&self) -> Part {
        Part { accounts: self.accounts.clone(), teams: self.teams.clone(), makes_cases: self.at_desk }
    }

    /// None of its accounts makes cases, so what a person said of it says nothing of those (DUP-3).
    pub const fn is_private(&self) -> bool {
        !self.at_desk && !self.accounts.is_empty()
    }
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFacts {
    pub kind: RecordKind,
    pub number: i64,
    pub name: String,
    pub active: bool,
    /// Seconds since 1970 UTC.
    pub created_at: i64,
    /// The Account it belongs to.
    pub account: Option<RecordId>,
    /// The Contact or Lead of a case.
    pub contact: Option<RecordId>,
    pub lead: Option<RecordId>,
    /// The Account and the Contact that a Lead was converted into.
    pub converted_account: Option<RecordId>,
    pub converted_contact: Option<RecordId>,
    /// The case's status; none for other kinds.
    pub status: Option<CaseStatus>,
    pub priority: Option<Priority>,
    /// The e-mail account that a case came through.
    pub through: Option<AccountId>,
    /// When a closed case was closed.
    pub closed_at: Option<i64>,
    /// The case that this one was merged into; that one is never merged itself.
    pub merged_into: Option<RecordId>,
    pub assigned_user: Option<UserId>,
    pub teams: Vec<TeamId>,
    /// Further Accounts of a Contact, further Contacts of a case or Opportunity.
    pub others: Vec<RecordId>,
    /// Open Opportunities of an Account or Contact, at most two (LINK-4 asks whether there is exactly one).
    pub open_opportunities: Vec<RecordId>,
}

impl RecordFacts {
    fn part(&self) -> Part {
        Part { accounts: self.through.into_iter().collect(), teams: self.teams.clone(), makes_cases: true }
    }

    /// A record that nothing else is known of.
    pub fn new(kind: RecordKind, number: i64, name: &str, account: Option<RecordId>) -> Self {
        Self {
            kind,
            number,
            name: name.to_string(),
            active: true,
            created_at: 0,
            account,
            contact: None,
            lead: None,
            converted_account: None,
            converted_contact: None,
            status: None,
            priority: None,
            through: None,
            closed_at: None,
            merged_into: None,
            assigned_user: None,
            teams: Vec::new(),
            others: Vec::new(),
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
