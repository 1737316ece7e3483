//! What people decide of an account and rules ask for: one row a setting, which is all that there is to write down of it. From the row
//! follow the field that rules read, the column (`store/account.rs`), the option of `account add` and `account set` with its help, the
//! line of `account show`, the key in JSON and with it what the audit tells (`commands/account/rules.rs`). All are an administrator's
//! (ACCESS-1). A row reads: help and option, field, column where it has another name, kind, what a new account has, how it is called.

use crate::words::{AutomaticCases, Distribution, FolderId, ServerVerb, TeamId, UnknownSender, UserId};

/// Hands the rows to a macro.
macro_rules! account_rules {
    ($then:ident) => {
        $then! {
            /// Open a case for the first e-mail of each thread (group accounts); --make-cases=false ends it
            #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Cases")]
            make_cases: bool = false, "makes cases";
            /// Who gets new cases [default: none]
            #[arg(long, value_name = "RULE", help_heading = "Cases")]
            distribution: Distribution = Distribution::None, "distribution";
            /// Team of new cases; with round-robin and least-busy its members get them; an empty name forgets it
            #[arg(long, value_name = "TEAM", help_heading = "Cases")]
            case_team [case_team_id]: Option<TeamId> = None, "case team";
            /// Only members with this position in the case team get cases (DIST-1); an empty one forgets it
            #[arg(long, value_name = "POSITION", help_heading = "Cases")]
            case_position: Option<String> = None, "case position";
            /// User who gets new cases with direct, and the account's mail; an empty name forgets it
            #[arg(long, value_name = "USER", help_heading = "Cases")]
            assigned_user [assigned_user_id]: Option<UserId> = None, "assigned user";
            /// What to do with mail that names a case of which its sender is no part [default: new-case]
            #[arg(long, value_name = "HOW", help_heading = "Cases")]
            unknown_sender: UnknownSender = UnknownSender::NewCase, "unknown sender";
            /// Re-open a closed case for a follow-up within this time, such as 14d, or never [default: 14d]
            #[arg(long, value_name = "TIME", value_parser = argument::span, help_heading = "Cases")]
            reopen_within: Option<i64> = Some(REOPEN_WITHIN), "re-open within";
            /// Which automatic mail may open cases: all of it, what is generated or passed on by itself, but no answers of machines,
            /// reports and bulk mail, or none [default: generated]
            #[arg(long, value_name = "WHICH", help_heading = "Cases")]
            automatic_cases: AutomaticCases = AutomaticCases::Generated, "automatic mail that makes cases";
            /// Whether mail of mailing lists may open cases; that of a list which is the account's own address does [default: false]
            #[arg(long, action = ArgAction::Set, value_name = "BOOL", help_heading = "Cases")]
            list_cases: bool = false, "list mail makes cases";
            /// Whether each forward by a user makes its original sender the contact, also without @fwd [default: false]
            #[arg(long, action = ArgAction::Set, value_name = "BOOL", help_heading = "Cases")]
            take_forwards: bool = false, "takes forwards";
            /// Whether members of the account's teams get the mail in their inboxes [default: true]
            #[arg(long, action = ArgAction::Set, value_name = "BOOL", help_heading = "Inboxes")]
            add_team_users: bool = true, "members get mail";
            /// Group folder that the account's mail goes to, and not into inboxes (group accounts); an empty name forgets it
            #[arg(long, value_name = "FOLDER", help_heading = "Inboxes")]
            group_folder [group_folder_id]: Option<FolderId> = None, "group folder";
        }
    };
}
pub(crate) use account_rules;

/// EspoCRM has no such limit; a case that was closed two weeks ago is another matter (CASE-4). In seconds.
const REOPEN_WITHIN: i64 = 14 * 86_400;

macro_rules! fields {
    ($($(#[doc = $doc:tt])+ #[arg($($arg:tt)*)] $field:ident $([$column:ident])?: $kind:ty = $default:expr, $label:literal;)+) => {
        /// The settings of an account that rules ask for, as options say what they are.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct AccountRules { $($(#[doc = $doc])+ pub $field: $kind,)+ }

        impl Default for AccountRules {
            fn default() -> Self { Self { $($field: $default,)+ } }
        }
    };
}
account_rules!(fields);

/// What is done with an account's messages on their server once they are stored (FETCH-9), as people write it: `leave`, `seen`,
/// `flag:KEYWORD`, `move:MAILBOX` or `delete`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct AfterFetch(String);

impl Default for AfterFetch {
    fn default() -> Self {
        Self("leave".to_string())
    }
}

impl AfterFetch {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is to be done, and with which keyword or mailbox; none where messages are left alone.
    pub fn action(&self) -> Option<(ServerVerb, &str)> {
        match self.0.split_once(':') {
            Some(("flag", keyword)) => Some((ServerVerb::Flag, keyword)),
            Some(("move", mailbox)) => Some((ServerVerb::Move, mailbox)),
            _ => match self.0.as_str() {
                "seen" => Some((ServerVerb::Seen, "")),
                "delete" => Some((ServerVerb::Delete, "")),
                _ => None,
            },
        }
    }
}

impl std::fmt::Display for AfterFetch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for AfterFetch {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let text = match text.split_once(':') {
            Some(("flag", keyword)) => format!("flag:{}", server_keyword(keyword)?),
            Some(("move", mailbox)) => format!("move:{}", server_mailbox(mailbox)?),
            _ if ["leave", "seen", "delete"].contains(&text) => text.to_string(),
            _ => return Err(format!("{text:?} is not one of leave, seen, flag:KEYWORD, move:MAILBOX, delete")),
        };
        Ok(Self(text))
    }
}

/// A keyword that servers take (RFC 9051, section 2.3.2): an atom; of the flags that are the protocol's own \Flagged alone, as the others
/// mean what nobody did.
fn server_keyword(text: &str) -> Result<String, String> {
    if text.eq_ignore_ascii_case("\\Flagged") {
        return Ok("\\Flagged".to_string());
    }
    let is_atom = |byte: u8| byte.is_ascii_graphic() && !br#"(){%*"\]"#.contains(&byte);
    if text.is_empty() || text.len() > 100 || !text.bytes().all(is_atom) {
        return Err(format!(
            "{text:?} is no keyword: up to 100 letters, digits and signs of ASCII without blanks, such as $Stored, or \\Flagged"
        ));
    }
    Ok(text.to_string())
}

/// The name of a mailbox as people write it. RFC 3501, section 5.1: INBOX is one in any case of its letters.
pub fn server_mailbox(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 1_000 || text.chars().any(char::is_control) {
        return Err(format!("{text:?} is no name of a mailbox"));
    }
    Ok(if text.eq_ignore_ascii_case("INBOX") { "INBOX".to_string() } else { text.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetch_9_what_is_done_is_read_and_what_no_server_takes_is_refused() {
        for (text, action) in [
            ("leave", None),
            ("seen", Some((ServerVerb::Seen, ""))),
            ("flag:$Stored", Some((ServerVerb::Flag, "$Stored"))),
            ("flag:\\Flagged", Some((ServerVerb::Flag, "\\Flagged"))),
            ("move:Archive/2026: all", Some((ServerVerb::Move, "Archive/2026: all"))),
            ("delete", Some((ServerVerb::Delete, ""))),
        ] {
            let read: AfterFetch = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((read.as_str(), read.action()), (text, action));
        }
        for wrong in ["", "move", "move:", "move:a\r\nb", "flag:", "flag:\\Deleted", "flag:a b", "flag:a)", "flag:ä", "purge"] {
            assert!(wrong.parse::<AfterFetch>().is_err(), "{wrong:?}");
        }
    }
}
