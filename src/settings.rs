//! What people decide of accounts, users, folders and filters: one row a setting, which is all that there is to write down of it. From
//! the row follow the field that rules read, the column (`store/column.rs`), the option of `add` and `set` with its help, who may give it
//! (ACCESS-1), the line of `show`, the key in JSON and with it what the audit tells (`commands/setting.rs`). A row reads: help and
//! option, who may, field, column where it has another name, kind, how it is given and told where the kind does not say so
//! (`commands/setting.rs`), what a new thing has, how it is called; what has no name is told in a line with others. An `owner` is whoever may change the thing.

use crate::words::{Auth, AutomaticCases, Distribution, FolderId, Security, ServerVerb, TeamId, UnknownSender, UserId};

/// Where an account's mailboxes are, and how to log in there; where the password comes from stands beside it, as nobody is shown one.
macro_rules! server_settings {
    ($then:ident $($names:tt)*) => {
        $then! { [$($names)*]
            /// IMAP server
            #[arg(long, value_name = "HOST", value_parser = argument::one_host, help_heading = "Server")]
            owner imap_host: String = String::new(), "";
            /// IMAP port [default: 993 with tls, else 143]
            #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(i64).range(1..=65_535), help_heading = "Server")]
            owner imap_port: i64 = 0, "";
            /// Protection of the connection [default: tls]
            #[arg(long, value_name = "HOW", help_heading = "Server")]
            owner imap_security: Security = Security::Tls, "";
            /// IMAP user [default: the address]
            #[arg(long, value_name = "NAME", help_heading = "Server")]
            owner imap_user: String = String::new(), "user";
            /// Trust the certificates in this PEM file, too; an empty name forgets it
            #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Server")]
            administrator ca_file [imap_ca_file]: Option<String> as File = None, "CA file";
            /// How to log in, for reading and for sending alike: xoauth2 and oauthbearer say a token in the place of the password
            /// [default: password]
            #[arg(long, value_name = "HOW", help_heading = "Password")]
            owner auth [imap_auth]: Auth = Auth::Password, "login by";
        }
    };
}

/// What is taken from an account's server. What a new account has is the present and the configuration's.
macro_rules! fetch_settings {
    ($then:ident $($names:tt)*) => {
        $then! { [$($names)*]
            /// Take mail that arrived at the server since then: 2026-11-23, RFC 3339, today, 30d [default: today]
            #[arg(long, value_name = "TIME", help_heading = "Fetching")]
            owner fetch_since: i64 as Moment = 0, "fetch since";
            /// Archive mail that arrived before then: no cases, no answers [default: now]
            #[arg(long, value_name = "TIME", help_heading = "Fetching")]
            owner act_since: i64 as Moment = 0, "act since";
            /// Seconds that one pass may take [default: fetch.max-seconds]
            #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(1..=86_400), help_heading = "Fetching")]
            administrator max_seconds: i64 = 0, "max seconds";
            /// MiB beyond which only header and text are fetched [default: fetch.max-message-mib]
            #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(i64).range(1..=1_024), help_heading = "Fetching")]
            administrator max_message_mib [max_message_size]: Size = Size(0), "max message";
        }
    };
}

/// What rules ask of an account.
macro_rules! account_rules {
    ($then:ident $($names:tt)*) => {
        $then! { [$($names)*]
            /// What to do with messages on the server once they are stored: leave them, mark them as seen, give them a keyword, move
            /// them to another mailbox, or delete them there [default: leave]
            #[arg(long, value_name = "leave|seen|flag:KEYWORD|move:MAILBOX|delete", help_heading = "On the server")]
            owner after_fetch: AfterFetch = AfterFetch::default(), "after fetch";
            /// Whether what the owner of a personal account reads here is marked as seen on the server, too [default: false]
            #[arg(long, action = ArgAction::Set, value_name = "BOOL", help_heading = "On the server")]
            owner seen_back: bool as IfSo = false, "seen back";
            /// Open a case for the first e-mail of each thread (group accounts); --make-cases=false ends it
            #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Cases")]
            administrator make_cases: bool = false, "makes cases";
            /// Who gets new cases [default: none]
            #[arg(long, value_name = "RULE", help_heading = "Cases")]
            administrator distribution: Distribution = Distribution::None, "distribution";
            /// Team of new cases; with round-robin and least-busy its members get them; an empty name forgets it
            #[arg(long, value_name = "TEAM", help_heading = "Cases")]
            administrator case_team [case_team_id]: Option<TeamId> = None, "case team";
            /// Only members with this position in the case team get cases (DIST-1); an empty one forgets it
            #[arg(long, value_name = "POSITION", help_heading = "Cases")]
            administrator case_position: Option<String> = None, "case position";
            /// User who gets new cases with direct, and the account's mail; an empty name forgets it
            #[arg(long, value_name = "USER", help_heading = "Cases")]
            administrator assigned_user [assigned_user_id]: Option<UserId> = None, "assigned user";
            /// What to do with mail that names a case of which its sender is no part [default: new-case]
            #[arg(long, value_name = "HOW", help_heading = "Cases")]
            administrator unknown_sender: UnknownSender = UnknownSender::NewCase, "unknown sender";
            /// Re-open a closed case for a follow-up within this time, such as 14d, or never [default: 14d]
            #[arg(long, value_name = "TIME", value_parser = argument::span, help_heading = "Cases")]
            administrator reopen_within: Option<i64> = Some(REOPEN_WITHIN), "re-open within";
            /// Which automatic mail may open cases: all of it, what is generated or passed on by itself, but no answers of machines,
            /// reports and bulk mail, or none [default: generated]
            #[arg(long, value_name = "WHICH", help_heading = "Cases")]
            administrator automatic_cases: AutomaticCases = AutomaticCases::Generated, "automatic mail that makes cases";
            /// Whether mail of mailing lists may open cases; that of a list which is the account's own address does [default: false]
            #[arg(long, action = ArgAction::Set, value_name = "BOOL", help_heading = "Cases")]
            administrator list_cases: bool = false, "list mail makes cases";
            /// Whether each forward by a user makes its original sender the contact, also without @fwd [default: false]
            #[arg(long, action = ArgAction::Set, value_name = "BOOL", help_heading = "Cases")]
            administrator take_forwards: bool = false, "takes forwards";
            /// Whether members of the account's teams get the mail in their inboxes [default: true]
            #[arg(long, action = ArgAction::Set, value_name = "BOOL", help_heading = "Inboxes")]
            administrator add_team_users: bool = true, "members get mail";
            /// Group folder that the account's mail goes to, and not into inboxes (group accounts); an empty name forgets it
            #[arg(long, value_name = "FOLDER", help_heading = "Inboxes")]
            administrator group_folder [group_folder_id]: Option<FolderId> = None, "group folder";
        }
    };
}

/// How an account sends (SEND-2), beside its server.
macro_rules! sending_settings {
    ($then:ident $($names:tt)*) => {
        $then! { [$($names)*]
            /// Name that goes with the address in From
            #[arg(long, value_name = "NAME", value_parser = argument::line)]
            owner from_name: String = String::new(), "from name";
            /// What stands below letters that go out through it, whose writers have no signature; plain text, an empty one ends it
            #[arg(long, value_name = "TEXT", value_parser = argument::text)]
            owner signature: String as Lines = String::new(), "signature";
            /// The same for letters that have HTML: sanitised, without pictures from elsewhere; an empty one is made of the text
            #[arg(long, value_name = "HTML", value_parser = argument::html)]
            owner signature_html: String = String::new(), "as HTML";
            /// Where answers go; an empty address is the account's own
            #[arg(long, value_name = "ADDRESS", value_parser = argument::address)]
            owner reply_to: Option<String> = None, "answers go to";
            /// Users may send through it, as far as their roles allow (group accounts)
            #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
            administrator shared [is_shared]: bool as IfSo = false, "shared";
            /// It is the system's own account: for notifications, and for whatever has no other
            #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
            administrator system [is_system]: bool as IfSo = false, "system account";
            /// A reply to all leaves its address out
            #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
            owner exclude_from_reply: bool as IfSo = false, "not in reply to all";
            /// Automatic answers go with an empty envelope sender, so that nobody answers them (RFC 3834); false, which it becomes by
            /// itself where the server refuses that, is with the account's address [default: true]
            #[arg(long, action = ArgAction::Set, value_name = "BOOL")]
            owner empty_sender: bool as EmptySender = true, "answers by itself as";
            /// Put a copy of what was sent into the account's Sent mailbox, unless the server has put one there itself
            #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
            owner save_sent: bool as IfSo = false, "copies of sent mail";
            /// Which mailbox that is; an empty name is the one that the server calls so [default: that one]
            #[arg(long, value_name = "MAILBOX")]
            owner sent_mailbox: Option<String> = None, "Sent mailbox";
            /// How many messages may go out in an hour; 0 is no limit
            #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(0..=1_000_000))]
            owner max_per_hour: Option<i64> as Most = None, "most per hour";
        }
    };
}

/// How an account answers by itself (ACK), beside the template.
macro_rules! answer_settings {
    ($then:ident $($names:tt)*) => {
        $then! { [$($names)*]
            /// Answer as this address; an empty one is the account's own, or the system account's where that one sends
            #[arg(id = "auto_reply_from", long = "auto-reply-from", value_name = "ADDRESS", value_parser = argument::address)]
            administrator from [from_address]: Option<String> = None, "as";
            /// Name that goes with the address of answers; an empty one is that of the account
            #[arg(id = "auto_reply_name", long = "auto-reply-name", value_name = "NAME", value_parser = argument::line)]
            administrator name [from_name]: Option<String> = None, "by the name of";
            /// Where answers to answers go; an empty address is where those to the account go
            #[arg(id = "auto_reply_reply_to", long = "auto-reply-reply-to", value_name = "ADDRESS", value_parser = argument::address)]
            administrator reply_to: Option<String> = None, "with answers to";
            /// Answer only senders whom security.authserv-id vouches for
            #[arg(long = "require-authenticated-sender", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
            administrator authenticated_only: bool as IfSo = false, "authenticated senders only:";
        }
    };
}

/// What people decide of a user.
macro_rules! user_settings {
    ($then:ident $($names:tt)*) => {
        $then! { [$($names)*]
            /// Full name [default: the login]
            #[arg(long)]
            administrator name: String = String::new(), "name";
            /// Whether the user is active [default: true]
            #[arg(long, action = ArgAction::Set, value_name = "BOOL")]
            administrator active: bool = true, "active";
            /// Whether the user is an administrator [default: false]
            #[arg(long, action = ArgAction::Set, value_name = "BOOL")]
            administrator administrator: bool = false, "administrator";
            /// Team that e-mails of the user's personal accounts get; an empty name forgets it
            #[arg(long, value_name = "TEAM")]
            administrator default_team [default_team_id]: Option<TeamId> = None, "default team";
            /// Whether the user is told of e-mails that are new in the inbox [default: true]
            #[arg(long, action = ArgAction::Set, value_name = "BOOL")]
            owner notify_received: bool = true, "told of new e-mail";
            /// Whether the user is told by mail of notifications that are not read, see espomail-notify(1) [default: false]
            #[arg(long, action = ArgAction::Set, value_name = "BOOL")]
            owner notify_by_mail: bool = false, "told by mail";
            /// What stands below the letters that the user writes, plain text of any number of lines; an empty one ends it
            #[arg(long, value_name = "TEXT", value_parser = argument::text)]
            owner signature: String as Lines = String::new(), "signature";
            /// The same for letters that have HTML: sanitised, without pictures from elsewhere; an empty one is made of the text
            #[arg(long, value_name = "HTML", value_parser = argument::html)]
            owner signature_html: String = String::new(), "as HTML";
        }
    };
}

/// What people decide of a folder.
macro_rules! folder_settings {
    ($then:ident $($names:tt)*) => {
        $then! { [$($names)*]
            /// Whether nobody is told of mail in it [default: false]
            #[arg(long, action = ArgAction::Set, value_name = "BOOL")]
            owner skip_notifications: bool = false, "nobody is told";
        }
    };
}

/// What people decide of a filter, beside what it asks and does.
macro_rules! filter_settings {
    ($then:ident $($names:tt)*) => {
        $then! { [$($names)*]
            /// Use it, or keep it unused [default: true]
            #[arg(long, action = ArgAction::Set, value_name = "BOOL")]
            owner active: bool = true, "active";
            /// Capital and small letters differ in subject, text and header fields
            #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Criteria")]
            owner match_case: bool = false, "case counts";
            /// Patterns and phrases are regular expressions, found anywhere
            #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Criteria")]
            owner regex [is_regex]: bool = false, "regular expressions";
        }
    };
}
pub(crate) use {
    account_rules, answer_settings, fetch_settings, filter_settings, folder_settings, sending_settings, server_settings,
    user_settings,
};

/// EspoCRM has no such limit; a case that was closed two weeks ago is another matter (CASE-4). In seconds.
const REOPEN_WITHIN: i64 = 14 * 86_400;

macro_rules! fields {
    ([$noun:ident] $($(#[doc = $doc:tt])+ #[arg($($arg:tt)*)] $who:ident $field:ident $([$column:ident])?: $kind:ty $(as $way:ident)? = $default:expr, $label:literal;)+) => {
        /// The settings, as options say what they are.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $noun { $($(#[doc = $doc])+ pub $field: $kind,)+ }

        impl Default for $noun {
            fn default() -> Self { Self { $($field: $default,)+ } }
        }
    };
}
server_settings!(fields ServerSettings);
fetch_settings!(fields FetchSettings);
account_rules!(fields AccountRules);
sending_settings!(fields SendingSettings);
answer_settings!(fields AnswerSettings);
user_settings!(fields UserSettings);
folder_settings!(fields FolderSettings);
filter_settings!(fields FilterSettings);

/// How large something may be, in bytes; people say MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub i64);

impl Size {
    pub const fn of_mib(mib: i64) -> Self {
        Self(mib.saturating_mul(1 << 20))
    }

    pub const fn mib(self) -> i64 {
        self.0 >> 20
    }

    pub fn bytes(self) -> u64 {
        u64::try_from(self.0).unwrap_or_default()
    }
}

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
