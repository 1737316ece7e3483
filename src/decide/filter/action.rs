//! What a filter does, and what that chooses for a message.

use serde::{Deserialize, Serialize};

use crate::decide::reason::Reason;
use crate::words::{CaseStatus, FilterId, FolderId, Priority, TeamId, UserId};

/// Whose mail a filter is for (FILTER-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Account,
    Global,
    User(UserId),
}

/// What a filter does (FILTER-4, FILTER-5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Not imported by this account; of a user's filter: to that user's trash.
    Skip,
    /// Into a group folder, or the user's own.
    Folder(FolderId),
    AssignUser(UserId),
    AssignTeam(TeamId),
    Priority(Priority),
    Status(CaseStatus),
    NoCase,
    NoReply,
    MarkRead,
    Hold,
    SkipNotification,
    /// Run a command that the configuration has under this name, once the e-mail is stored.
    Run(String),
    /// Into this mailbox of its server, once the e-mail is stored (FETCH-9).
    ServerMove(String),
    /// Seen on its server, once the e-mail is stored (FETCH-9).
    ServerSeen,
}

/// What the import filters chose for one message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choices {
    /// The filter that skips it.
    pub skip: Option<(FilterId, Reason)>,
    pub folder: Option<(FolderId, Reason)>,
    pub assign_user: Option<(UserId, Reason)>,
    pub assign_team: Option<(TeamId, Reason)>,
    pub priority: Option<(Priority, Reason)>,
    pub status: Option<(CaseStatus, Reason)>,
    pub no_case: Option<Reason>,
    pub no_reply: Option<Reason>,
    pub mark_read: Option<Reason>,
    pub hold: Option<Reason>,
    pub run: Vec<Run>,
    /// Where it goes on its server, and whether it is seen there (FETCH-9).
    pub server_move: Option<(String, Reason)>,
    pub server_seen: Option<Reason>,
}

/// A command to run, by its name in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub command: String,
    pub filter: String,
    pub scope: Scope,
    pub because: Reason,
}

/// What a user's own filters chose for that user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserChoices {
    pub trash: bool,
    pub folder: Option<FolderId>,
    pub read: bool,
    /// Nobody tells them of it (NOTIFY-2).
    pub silent: bool,
    /// The filter that chose; none where none did.
    pub because: Option<Reason>,
}

impl Choices {
    /// FILTER-4: takes what an action of an import filter says. Of several places or people the first filter's counts.
    pub fn take(&mut self, action: &Action, (id, filter, scope): (FilterId, &str, Scope), because: &Reason) {
        let because = || because.clone();
        match action {
            Action::Skip => self.skip = Some((id, because())),
            Action::Folder(folder) => self.folder = self.folder.take().or(Some((*folder, because()))),
            Action::AssignUser(user) => self.assign_user = self.assign_user.take().or(Some((*user, because()))),
            Action::AssignTeam(team) => self.assign_team = self.assign_team.take().or(Some((*team, because()))),
            Action::Priority(priority) => self.priority = self.priority.take().or(Some((*priority, because()))),
            Action::Status(status) => self.status = self.status.take().or(Some((*status, because()))),
            Action::NoCase => self.no_case = Some(because()),
            Action::NoReply => self.no_reply = Some(because()),
            Action::MarkRead => self.mark_read = Some(because()),
            Action::Hold => self.hold = Some(because()),
            Action::Run(command) => {
                self.run.push(Run { command: command.clone(), filter: filter.to_string(), scope, because: because() });
            }
            Action::ServerMove(mailbox) => {
                self.server_move = self.server_move.take().or_else(|| Some((mailbox.clone(), because())));
            }
            Action::ServerSeen => self.server_seen = Some(because()),
            // `filter add` refuses it here.
            Action::SkipNotification => {}
        }
    }
}

impl Action {
    /// Whether a user's own filters can do it; the others are for import filters.
    pub fn is_users(&self) -> bool {
        UserChoices::default().take(self)
    }
}

impl UserChoices {
    /// FILTER-5: takes what an action of a user's filter says; false where it says nothing to users, which `filter add` refuses.
    pub fn take(&mut self, action: &Action) -> bool {
        match action {
            Action::Skip => self.trash = true,
            Action::Folder(folder) => self.folder = Some(*folder),
            Action::MarkRead => self.read = true,
            Action::SkipNotification => self.silent = true,
            _ => return false,
        }
        true
    }
}
