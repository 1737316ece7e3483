//! The vocabularies: every word that stands in the database, in JSON and on the command line is written once, here.

/// Declares an enum whose variants have one text each, read and written the same way everywhere.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// Every word, in the order of the manual.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// Returns the text of the word.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok($name::$variant),)+
                    _ => Err(format!(
                        "{text:?} is not one of {}",
                        [$($text),+].join(", ")
                    )),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl clap::ValueEnum for $name {
            fn value_variants<'a>() -> &'a [Self] { Self::ALL }
            fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
                Some(clap::builder::PossibleValue::new(self.as_str()))
            }
        }
    };
}

pub(crate) use words;

/// Declares a number that names one kind of row and cannot be mixed up with another.
macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl From<i64> for $name {
            fn from(number: i64) -> Self { Self(number) }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
        }
    )+ };
}

ids! {
    /// An e-mail account.
    AccountId,
    /// An action that is held because a budget was spent.
    HeldId,
    /// An e-mail in the store.
    EmailId,
    /// A stream note.
    NoteId,
    /// One (account, mailbox, UIDVALIDITY) and the last UID taken from it.
    PositionId,
    /// A record of any kind; people see `kind:number` instead.
    RecordId,
    /// A team.
    TeamId,
    /// A conversation.
    ThreadId,
    /// A notification of a user.
    NotificationId,
    /// A folder of espomail's own.
    FolderId,
    /// An e-mail filter.
    FilterId,
    /// Something to do outside the database.
    EffectId,
    /// A message that goes out.
    OutgoingId,
    /// An e-mail that waits for a person's word.
    ReviewId,
    /// A user.
    UserId,
}

words! {
    /// What an e-mail account is for.
    AccountKind { Group = "group", Personal = "personal" }
}

words! {
    /// How the connection to a server is protected.
    Security {
        /// TLS from the first byte.
        Tls = "tls",
        /// TLS after STARTTLS; refused or stripped is an error.
        Starttls = "starttls",
        /// No protection; loopback only unless the configuration allows it.
        Plain = "plain",
    }
}

words! {
    /// Where an account's password comes from.
    PasswordSource {
        /// Encrypted in the database.
        Stored = "stored",
        /// The first line of a command's output.
        Command = "command",
        /// The first line of a file.
        File = "file",
        /// A file in `$CREDENTIALS_DIRECTORY`.
        Credential = "credential",
    }
}

words! {
    /// What became of one UID of one mailbox (FETCH-2).
    Fate {
        Imported = "imported",
        Duplicate = "duplicate",
        Filtered = "filtered",
        Held = "held",
        Quarantined = "quarantined",
        /// Imported without actions (FETCH-14).
        Archived = "archived",
        /// Expunged before it could be read.
        Gone = "gone",
        /// The server lists it and does not hand it over (FETCH-6).
        Undelivered = "undelivered",
    }
}

words! {
    /// A kind of record.
    RecordKind {
        Account = "account",
        Contact = "contact",
        Lead = "lead",
        Opportunity = "opportunity",
        Case = "case",
    }
}

words! {
    /// How far a case has come.
    CaseStatus {
        New = "new",
        Assigned = "assigned",
        Pending = "pending",
        Closed = "closed",
        Rejected = "rejected",
        Duplicate = "duplicate",
    }
}

words! {
    /// Who gets a new case (DIST-1).
    Distribution {
        None = "none",
        Direct = "direct",
        RoundRobin = "round-robin",
        LeastBusy = "least-busy",
    }
}

words! {
    /// How an e-mail came to its parent.
    ParentBy {
        /// A signed token of ours (LINK-1).
        Token = "token",
        /// The parent of the replied e-mail or of its thread (LINK-2).
        Thread = "thread",
        /// A case number in the subject (LINK-3).
        Number = "number",
        /// An address alone, not authenticated (LINK-4, LINK-8).
        Address = "address",
        /// The case this e-mail opened (CASE-1).
        Opened = "opened",
        /// A person's choice; never overwritten (LINK-7).
        Hand = "hand",
    }
}

words! {
    /// What a stream note tells.
    NoteKind {
        EmailReceived = "email-received",
        EmailSent = "email-sent",
        Created = "created",
        Assigned = "assigned",
        Status = "status",
        /// A person's words.
        Note = "note",
        /// Another case was merged into this one, or this one into another.
        Merged = "merged",
        /// An e-mail left for a case of its own, or this case began so.
        Split = "split",
        /// A person linked an e-mail or took it away (LINK-7).
        Linked = "linked",
        /// A delivery report came (BOUNCE-2).
        Bounce = "bounce",
    }
}

words! {
    /// Where in its group folder an e-mail is, for everybody (INBOX-2).
    GroupPlace {
        Archive = "archive",
        Trash = "trash",
    }
}

words! {
    /// What goes when it is old, as far as the configuration says so.
    Pruning {
        /// Raw bytes of e-mails; the e-mails stay.
        Raw = "raw",
        /// Bytes of what filters skipped and no server has (FILTER-7); the fates stay.
        Skipped = "skipped",
        /// E-mails that all who have them threw away.
        Trash = "trash",
        /// Letters that told users of notifications (NOTIFY-3).
        Digests = "digests",
        /// Notifications that were read.
        Notifications = "notifications",
        /// Why fates are what they are (WHY-1); the fates stay (FETCH-2).
        Reasons = "reasons",
        /// Notes that commands of filters were run and copies were put into Sent mailboxes.
        Finished = "finished",
    }
}

words! {
    /// What a notification tells.
    NotificationKind {
        EmailReceived = "email-received",
        Note = "note",
        Assigned = "assigned",
        Bounce = "bounce",
        Account = "account",
        /// It is held, and waits for a person's word (LINK-3).
        Review = "review",
        /// Mail came in that reached nobody (INBOX-1).
        Nobody = "nobody",
    }
}

words! {
    /// What is done by itself because of mail, each kind with a budget of its own (ACK-3).
    BudgetAction {
        Answer = "answer",
        Case = "case",
        Reopen = "reopen",
        Notification = "notification",
    }
}

words! {
    /// What wrote a message that no person wrote by hand, the strongest first (AUTO-3).
    Machine {
        /// It answers, as somebody is away or a desk has got a letter.
        Reply = "reply",
        /// It reports on a letter: a mail server, or a program that was read with.
        Report = "report",
        /// It goes to many who did not ask one by one.
        Bulk = "bulk",
        /// It came over a mailing list or a group.
        List = "list",
        /// A program wrote it of itself, or a server passed on what a person wrote.
        Generated = "generated",
    }
}

words! {
    /// Which automatic mail may open cases, and open them again (AUTO-3).
    AutomaticCases {
        /// All of it, but for reports on what we sent.
        All = "all",
        /// What programs write of themselves, and what servers pass on for people.
        Generated = "generated",
        None = "none",
    }
}

words! {
    /// What happens to mail that names a case of which its sender is no part (LINK-3).
    UnknownSender {
        /// A new case that names the other.
        NewCase = "new-case",
        /// It waits for a person's word.
        Hold = "hold",
    }
}

words! {
    /// How urgent a case is.
    Priority { Low = "low", Normal = "normal", High = "high", Urgent = "urgent" }
}

words! {
    /// What is known of an address from delivery reports (BOUNCE-3).
    AddressState { Good = "good", Doubtful = "doubtful", Invalid = "invalid" }
}

words! {
    /// What a delivery report says was done (RFC 3464, section 2.3.3).
    DeliveryAction {
        Failed = "failed",
        Delayed = "delayed",
        Delivered = "delivered",
        Relayed = "relayed",
        Expanded = "expanded",
    }
}

words! {
    /// What became of an e-mail of ours at one recipient (BOUNCE-2).
    DeliveryState { Sent = "sent", Delivered = "delivered", Delayed = "delayed", Failed = "failed" }
}

words! {
    /// An event that the configuration may have a command for (HOOK-1).
    Hook {
        /// An e-mail came in that is acted upon.
        EmailImported = "email-imported",
        /// A case was opened, by mail or by a person.
        CaseCreated = "case-created",
        /// An answer that would have gone out by itself waits for a person's word (ACK-3).
        AnswerHeld = "answer-held",
        /// A message of ours does not arrive, or nobody knows whether it did (SEND-6, BOUNCE-1).
        MessageUndelivered = "message-undelivered",
        /// An account has failed long enough for people to be told (FETCH-12).
        AccountFailing = "account-failing",
    }
}

words! {
    /// How a server is logged in to.
    Auth {
        /// By a password, in the way that the server offers.
        Password = "password",
        /// By a token, as Gmail and Microsoft 365 take it.
        Xoauth2 = "xoauth2",
        /// By a token, as RFC 7628 has it.
        Oauthbearer = "oauthbearer",
    }
}

impl Auth {
    /// Whether a token takes the place of a password.
    pub const fn is_token(self) -> bool {
        !matches!(self, Self::Password)
    }
}

words! {
    /// How a server for sending is logged in to.
    SmtpAuth {
        /// AUTH PLAIN or LOGIN, as the server offers.
        Password = "password",
        /// A token in the place of the password, as Gmail and Microsoft 365 take it.
        Xoauth2 = "xoauth2",
        /// A token in the place of the password, as RFC 7628 has it.
        Oauthbearer = "oauthbearer",
        /// Not at all.
        None = "none",
    }
}

impl SmtpAuth {
    /// Returns how; none where nobody logs in.
    pub const fn auth(self) -> Option<Auth> {
        match self {
            Self::Password => Some(Auth::Password),
            Self::Xoauth2 => Some(Auth::Xoauth2),
            Self::Oauthbearer => Some(Auth::Oauthbearer),
            Self::None => None,
        }
    }
}

impl From<Auth> for SmtpAuth {
    fn from(auth: Auth) -> Self {
        match auth {
            Auth::Password => Self::Password,
            Auth::Xoauth2 => Self::Xoauth2,
            Auth::Oauthbearer => Self::Oauthbearer,
        }
    }
}

words! {
    /// Why a message goes out.
    OutgoingKind {
        Message = "message",
        Reply = "reply",
        Forward = "forward",
        /// An automatic answer (ACK-1).
        Answer = "answer",
        Notification = "notification",
    }
}

words! {
    /// How far a message has come on its way out (SEND-6).
    OutboxState {
        Draft = "draft",
        Queued = "queued",
        Sending = "sending",
        Sent = "sent",
        Failed = "failed",
        /// It was handed over, and the connection broke before the answer: it is never repeated by itself.
        MaybeSent = "maybe-sent",
    }
}

words! {
    /// What became of a message at one recipient of its envelope.
    RecipientState { Pending = "pending", Sent = "sent", Failed = "failed" }
}

words! {
    /// What a person said of an e-mail that was held.
    ReviewDecision { Accepted = "accepted", Split = "split", Rejected = "rejected" }
}

words! {
    /// What is done with a message on its server once it is stored (FETCH-9); in the order in which it is done.
    ServerVerb { Seen = "seen", Flag = "flag", Move = "move", Delete = "delete" }
}

words! {
    /// Who wants something done on a server: the account's own setting, a filter, or a user who has read the e-mail.
    AskedBy { Account = "account", Filter = "filter", Reader = "reader" }
}

words! {
    /// How far a move has come where the server copies and expunges.
    MoveStage { Copying = "copying", Copied = "copied" }
}

words! {
    /// What a role speaks of.
    RoleScope {
        Email = "email",
        Account = "account",
        Contact = "contact",
        Lead = "lead",
        Opportunity = "opportunity",
        Case = "case",
        /// Sending through group accounts (SEND-3).
        GroupAccount = "group-account",
        /// Keeping personal accounts of one's own (ACCESS-1).
        PersonalAccount = "personal-account",
        /// Importing mail into one's own inbox (FETCH-17).
        Import = "import",
    }
}

words! {
    /// What a role lets a user do.
    RoleAction { Read = "read", Edit = "edit", Delete = "delete", Use = "use" }
}

words! {
    /// On how much a role lets a user do it; a later level includes the earlier ones.
    RoleLevel { No = "no", Own = "own", Team = "team", All = "all" }
}

impl RecordKind {
    /// Returns what roles call this kind.
    pub const fn scope(self) -> RoleScope {
        match self {
            Self::Account => RoleScope::Account,
            Self::Contact => RoleScope::Contact,
            Self::Lead => RoleScope::Lead,
            Self::Opportunity => RoleScope::Opportunity,
            Self::Case => RoleScope::Case,
        }
    }
}

impl RoleScope {
    /// Returns what a role can let a user do there.
    pub const fn actions(self) -> &'static [RoleAction] {
        match self {
            Self::GroupAccount | Self::PersonalAccount | Self::Import => &[RoleAction::Use],
            _ => &[RoleAction::Read, RoleAction::Edit, RoleAction::Delete],
        }
    }

    /// Returns on how much a role can let a user do it. A group account is nobody's own, a personal one and
    /// what is imported nobody else's.
    pub const fn levels(self) -> &'static [RoleLevel] {
        match self {
            Self::GroupAccount => &[RoleLevel::No, RoleLevel::Team, RoleLevel::All],
            Self::PersonalAccount | Self::Import => &[RoleLevel::No, RoleLevel::Own],
            _ => RoleLevel::ALL,
        }
    }
}

impl CaseStatus {
    /// Returns those that are open.
    pub fn open() -> Vec<Self> {
        Self::ALL.iter().copied().filter(|status| status.is_open()).collect()
    }

    /// Whether the case still counts as work for its assigned user (DIST-3).
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Closed | Self::Rejected | Self::Duplicate)
    }
}

words! {
    /// A rule that a reason names; espomail-rules(7) says what each is about.
    Rule {
        Fetch2 = "FETCH-2", Fetch3 = "FETCH-3", Fetch5 = "FETCH-5", Fetch6 = "FETCH-6", Fetch9 = "FETCH-9", Fetch14 = "FETCH-14",
        Fetch15 = "FETCH-15",
        Parse10 = "PARSE-10",
        Auto1 = "AUTO-1", Auto2 = "AUTO-2", Auto3 = "AUTO-3",
        Bounce2 = "BOUNCE-2", Bounce3 = "BOUNCE-3",
        Dup1 = "DUP-1", Dup2 = "DUP-2", Dup3 = "DUP-3",
        Filter4 = "FILTER-4", Filter5 = "FILTER-5", Filter6 = "FILTER-6", Filter7 = "FILTER-7",
        Thread1 = "THREAD-1", Thread2 = "THREAD-2", Thread3 = "THREAD-3",
        Link1 = "LINK-1", Link2 = "LINK-2", Link3 = "LINK-3", Link4 = "LINK-4", Link5 = "LINK-5", Link7 = "LINK-7",
        Team1 = "TEAM-1",
        Inbox1 = "INBOX-1",
        Inbox2 = "INBOX-2",
        Note1 = "NOTE-1",
        Follow1 = "FOLLOW-1",
        Notify1 = "NOTIFY-1", Notify2 = "NOTIFY-2",
        Case1 = "CASE-1", Case2 = "CASE-2", Case4 = "CASE-4", Case5 = "CASE-5", Case6 = "CASE-6",
        Dist1 = "DIST-1", Dist2 = "DIST-2", Dist3 = "DIST-3",
        Ack1 = "ACK-1", Ack2 = "ACK-2", Ack3 = "ACK-3", Ack4 = "ACK-4",
        Send2 = "SEND-2", Send3 = "SEND-3", Send6 = "SEND-6", Send7 = "SEND-7", Send10 = "SEND-10", Send11 = "SEND-11",
        Send12 = "SEND-12",
        Record1 = "RECORD-1",
        Access2 = "ACCESS-2", Access5 = "ACCESS-5",
        Why2 = "WHY-2",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_reads_back_as_itself_and_a_stranger_names_the_choices() {
        for word in Fate::ALL {
            assert_eq!(word.as_str().parse(), Ok(*word));
        }
        let error = "often".parse::<Distribution>().expect_err("no such word");
        assert_eq!(error, "\"often\" is not one of none, direct, round-robin, least-busy");
    }
}
