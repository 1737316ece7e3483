//! What a plan comes to, question by question, each answer with its reason: the `decision` of `explain` and what policy
//! tests compare. Names stand where the plan has numbers.

use crate::decide::reason::{Reason, reason};
use std::collections::HashMap;

use anyhow::Result;
use serde::Serialize;

use crate::decide::filter::FilterTrial;
use crate::decide::{Candidate, Change, Facts, Note, Plan};
use crate::mail::{Address, Mail};
use crate::store::{Database, folder, team, user};
use crate::words::{
    BudgetAction, CaseStatus, EmailId, Fate, FolderId, ParentBy, Priority, RecordId, Rule, TeamId, ThreadId, UserId,
};

/// Names of what plans speak of by number.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Logins.
    pub users: HashMap<UserId, String>,
    pub teams: HashMap<TeamId, String>,
    /// `kind:number`.
    pub records: HashMap<RecordId, String>,
    pub folders: HashMap<FolderId, String>,
}

impl Names {
    /// Knows all users, teams and folders.
    pub fn all(db: &mut Database) -> Result<Self> {
        let (users, teams, folders) = (user::logins(db)?, team::names(db)?, folder::names(db)?);
        Ok(Self { users, teams, folders, ..Self::default() })
    }

    /// Adds the records that the facts know, those that were opened meanwhile included.
    pub fn add_records(&mut self, facts: &Facts) {
        let named = facts.records.iter().map(|(id, record)| (*id, format!("{}:{}", record.kind, record.number)));
        self.records.extend(named);
    }

    pub fn user(&self, id: UserId) -> String {
        self.users.get(&id).cloned().unwrap_or_else(|| format!("user {id}"))
    }

    pub fn team(&self, id: TeamId) -> String {
        self.teams.get(&id).cloned().unwrap_or_else(|| format!("team {id}"))
    }

    pub fn folder(&self, id: FolderId) -> String {
        self.folders.get(&id).cloned().unwrap_or_else(|| format!("folder {id}"))
    }

    pub fn record(&self, id: RecordId) -> String {
        self.records.get(&id).cloned().unwrap_or_else(|| format!("record {id}"))
    }
}

/// Everything decided about one message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    pub fate: Fate,
    pub filters: Vec<FilterTrial>,
    pub duplicate: Duplicate,
    pub sender: Sender,
    pub thread: Thread,
    pub parent: Parent,
    /// The group folder.
    pub folder: Option<String>,
    pub teams: Vec<Named>,
    pub users: Vec<Reader>,
    pub case: Case,
    pub assignee: Assignee,
    pub answer: Answer,
    /// The commands that are run for it (FILTER-4).
    pub commands: Vec<Named>,
    /// What is done with it on its server (FETCH-9).
    pub on_server: Vec<Named>,
    pub notifications: Vec<Named>,
    /// What was tried and did not hold.
    pub notes: Vec<Note>,
}

/// Whether the e-mail is in the store already (DUP).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Duplicate {
    pub is: bool,
    pub of: Option<EmailId>,
    #[serde(flatten)]
    pub because: Reason,
}

/// Who is taken to have written it (ACCESS-5).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sender {
    /// Whoever stands behind a list or a form is it (PARSE-10, AUTO-2).
    pub address: Option<String>,
    /// The user of ours who wrote it, beyond doubt.
    pub user: Option<String>,
    /// One of us wrote it, beyond doubt.
    pub ours: bool,
    /// From is one of us, and nothing vouches for that: to us it is received mail.
    pub sender_not_verified: bool,
    #[serde(flatten)]
    pub because: Reason,
}

/// The conversation (THREAD).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Thread {
    pub id: Option<ThreadId>,
    /// The stored e-mail that it answers.
    pub replies_to: Option<EmailId>,
    #[serde(flatten)]
    pub because: Reason,
}

/// The record it belongs to (LINK).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Parent {
    pub record: Option<String>,
    pub by: Option<ParentBy>,
    #[serde(flatten)]
    pub because: Reason,
    pub candidates: Vec<Candidate>,
}

/// Somebody or something by name, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Named {
    pub name: String,
    #[serde(flatten)]
    pub because: Reason,
}

/// Somebody who gets it, and where (INBOX-1, FILTER-5).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reader {
    pub name: String,
    pub read: bool,
    pub trashed: bool,
    /// The user's own folder; none is the inbox.
    pub folder: Option<String>,
    #[serde(flatten)]
    pub because: Reason,
}

/// The case that it opens, or opens again (CASE).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Case {
    pub opened: bool,
    pub reopened: bool,
    /// It waits for a person's word.
    pub held: bool,
    pub record: Option<String>,
    pub status: Option<CaseStatus>,
    pub priority: Option<Priority>,
    #[serde(flatten)]
    pub because: Reason,
}

/// Who gets the case (DIST).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assignee {
    pub user: Option<String>,
    #[serde(flatten)]
    pub because: Reason,
}

/// Whether it may be answered by itself (AUTO, ACK).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    pub allowed: bool,
    /// An answer goes out by itself, as the account is set.
    pub given: bool,
    #[serde(flatten)]
    pub because: Reason,
}

impl Verdict {
    /// Reads a plan.
    pub fn of(plan: &Plan, mail: &Mail, names: &Names) -> Self {
        let mut verdict = Self {
            fate: plan.fate,
            filters: plan.filters.clone(),
            duplicate: duplicate(plan),
            sender: Sender {
                address: mail.from.as_ref().map(Address::key),
                user: None,
                ours: false,
                sender_not_verified: false,
                because: sender(plan),
            },
            thread: Thread { id: None, replies_to: None, because: noted(plan, "THREAD", "it refers to nothing that is known") },
            parent: Parent {
                record: None,
                by: None,
                because: noted(plan, "LINK", "no record was found for it"),
                candidates: plan.candidates.clone(),
            },
            folder: None,
            teams: Vec::new(),
            users: Vec::new(),
            case: Case {
                opened: false,
                reopened: false,
                held: false,
                record: None,
                status: None,
                priority: None,
                because: plan.no_case.clone().unwrap_or_else(|| "the message was not new".into()),
            },
            assignee: Assignee { user: None, because: noted(plan, "DIST", "no case was opened") },
            answer: answer(plan, mail),
            commands: Vec::new(),
            on_server: Vec::new(),
            notifications: Vec::new(),
            notes: plan.notes.clone(),
        };
        for step in plan.steps() {
            verdict.read(&step.change, &step.because, names);
        }
        verdict
    }

    fn read(&mut self, change: &Change, because: &Reason, names: &Names) {
        let named = |name| Named { name, because: because.clone() };
        match change {
            Change::AddEmail(email) => {
                self.sender.address = Some(email.sender.clone()).filter(|sender| !sender.is_empty());
                self.sender.user = email.author.map(|user| names.user(user));
                (self.sender.ours, self.sender.sender_not_verified) = (email.ours, email.claimed);
                self.thread.id = Some(email.thread);
                self.thread.replies_to = email.replied;
                self.folder = email.folder.map(|folder| names.folder(folder));
                if let Some(record) = email.parent {
                    self.parent.record = Some(names.record(record));
                    self.parent.by = email.parent_by;
                    self.parent.because = because.clone();
                }
            }
            Change::SetParent { parent, by, .. } | Change::Relink { parent: Some(parent), by: Some(by), .. } => {
                self.parent.record = Some(names.record(*parent));
                self.parent.by = Some(*by);
                self.parent.because = because.clone();
            }
            Change::OpenCase(case) => {
                self.case.opened = true;
                self.case.record = Some(format!("case:{}", case.number));
                (self.case.status, self.case.priority) = (Some(case.status), case.priority);
                self.case.because = because.clone();
                self.assignee.user = case.assigned_user.map(|user| names.user(user));
            }
            Change::NoteAssignment { .. } => self.assignee.because = because.clone(),
            Change::Run { command, .. } => self.commands.push(named(command.clone())),
            Change::ActOnServer { verb, target, .. } => {
                self.on_server.push(named(format!("{verb} {target}").trim_end().to_string()));
            }
            Change::AddTeam { team, .. } => self.teams.push(named(names.team(*team))),
            Change::AddUser { user, read, trashed, folder, own, .. } => self.users.push(Reader {
                name: names.user(*user),
                read: *read,
                trashed: *trashed,
                folder: folder.map(|folder| names.folder(folder)),
                because: own.as_ref().map_or_else(|| because.clone(), |own| because.and(format_args!("; {own}"))),
            }),
            Change::Notify { user, .. } => self.notifications.push(named(names.user(*user))),
            Change::Reopen { case, status } => {
                self.case.reopened = true;
                (self.case.record, self.case.status) = (Some(names.record(*case)), Some(*status));
                self.case.because = because.clone();
            }
            Change::Hold { candidate, .. } => {
                self.case.held = true;
                self.case.record = candidate.map(|record| names.record(record));
                self.case.because = because.clone();
            }
            Change::Answer { .. } => {
                self.answer.given = true;
                self.answer.because = because.clone();
            }
            Change::HoldAction { action, .. } => {
                if *action == BudgetAction::Notification {
                    self.notifications.clear();
                }
                let text = format!("held, see espomail budget list: {action}: {}", because.text);
                self.notes.push(Note { reason: Reason { text, ..because.clone() }, user: None });
            }
            // The steps themselves tell of the rest.
            _ => {}
        }
    }
}

fn duplicate(plan: &Plan) -> Duplicate {
    let is = plan.fate == Fate::Duplicate;
    let because = noted(plan, "DUP", "no stored e-mail has its Message-ID");
    Duplicate { is, of: plan.email.filter(|_| is), because }
}

/// ACCESS-5: why it is taken to be whose.
fn sender(plan: &Plan) -> Reason {
    let is_of_it = |rule| matches!(rule, Rule::Access5 | Rule::Auto2 | Rule::Parse10 | Rule::Fetch15);
    told(plan, is_of_it, "From is neither a user's address nor an account's")
}

/// AUTO-1: what forbids an answer.
fn answer(plan: &Plan, mail: &Mail) -> Answer {
    let forbidden = mail.automatic.iter().map(|sign| &sign.sign).chain(&mail.no_answer).next();
    let because = match (forbidden, &plan.no_answer) {
        (Some(sign), _) => reason!(Auto1, "{sign}"),
        (None, Some(because)) => because.clone(),
        (None, None) if plan.fate != Fate::Imported => reason!(Ack1, "its fate is {}", plan.fate),
        (None, None) => reason!(Auto1, "no sign forbids it"),
    };
    let allowed = forbidden.is_none() && plan.no_answer.is_none() && plan.fate == Fate::Imported;
    Answer { allowed, given: false, because }
}

/// Returns the notes of a rule family, else what holds when there are none.
fn noted(plan: &Plan, family: &str, otherwise: &str) -> Reason {
    told(plan, |rule| rule.family() == family, otherwise)
}

fn told(plan: &Plan, of: impl Fn(Rule) -> bool, otherwise: &str) -> Reason {
    let notes = plan.notes.iter().map(|note| &note.reason);
    Reason::all(notes.filter(|reason| reason.rule.is_some_and(&of))).unwrap_or_else(|| otherwise.into())
}
