//! What people decide of an account and rules ask for: one row a setting, which is all that there is to write down of it. From the row
//! follow the field that rules read, the column (`store/account.rs`), the option of `account add` and `account set` with its help, the
//! line of `account show`, the key in JSON and with it what the audit tells (`commands/account/rules.rs`). All are an administrator's
//! (ACCESS-1). A row reads: help and option, field, column where it has another name, kind, what a new account has, how it is called.

use crate::words::{AutomaticCases, Distribution, FolderId, TeamId, UnknownSender, UserId};

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
