//! What a filter does.

use serde::{Deserialize, Serialize};

use crate::words::{CaseStatus, FolderId, Priority, TeamId, UserId};

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
