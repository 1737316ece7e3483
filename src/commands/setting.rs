//! The options of `add` and `set`, and how settings are shown: one for each row of a noun in `settings.rs`.

use anyhow::Result;

use super::argument;
use super::show::{or_empty, yes};
use crate::clock;
use crate::fault::{Class, Fault};
use crate::pass::verdict::Names;
use crate::settings::{AfterFetch, Size};
use crate::store::{Database, folder, team, user};
use crate::words::{Auth, AutomaticCases, Distribution, FolderId, Security, TeamId, UnknownSender, UserId};

/// How a kind of setting is given, how it stands in JSON, and how people read that.
pub trait Setting {
    type Stored;
    type Given: Clone + Send + Sync;
    type Shown: serde::Serialize;
    fn read(given: &Self::Given, now: i64, db: &mut Database) -> Result<Self::Stored>;
    fn show(kept: &Self::Stored, names: &Names) -> Self::Shown;
    fn tell(shown: &Self::Shown) -> String;
}

/// What is given, kept and shown alike.
macro_rules! plain {
    ($($way:ty: $kind:ty, $tell:expr;)+) => { $(
        impl Setting for $way {
            type Stored = $kind;
            type Given = $kind;
            type Shown = $kind;
            fn read(given: &$kind, _now: i64, _db: &mut Database) -> Result<$kind> { Ok(given.clone()) }
            fn show(kept: &$kind, _names: &Names) -> $kind { kept.clone() }
            fn tell(shown: &$kind) -> String { $tell(shown) }
        }
    )+ };
}
plain! {
    bool: bool, |so: &bool| yes(*so);
    IfSo: bool, |so: &bool| if *so { yes(true) } else { String::new() };
    EmptySender: bool, |empty: &bool| if *empty { "" } else { "its address on the envelope, not with an empty sender" }.to_string();
    String: String, String::clone;
    Lines: String, |text: &String| text.trim_end().replace('\n', " / ");
    i64: i64, i64::to_string;
    Security: Security, ToString::to_string;
    Auth: Auth, ToString::to_string;
    AfterFetch: AfterFetch, |after: &AfterFetch| after.action().map(|_| after.to_string()).unwrap_or_default();
    AutomaticCases: AutomaticCases, ToString::to_string;
    Distribution: Distribution, ToString::to_string;
    UnknownSender: UnknownSender, ToString::to_string;
}

/// People hear of it only where it is so.
pub struct IfSo;

/// People hear of it only where there is a sender on the envelope (ACK-2).
pub struct EmptySender;

/// Lines of text, which people see in one.
pub struct Lines;

/// What is given by name; an empty one is none.
macro_rules! named {
    ($($kind:ty: $find:expr, $name:expr);+ $(;)?) => { $(
        impl Setting for Option<$kind> {
            type Stored = Self;
            type Given = String;
            type Shown = Option<String>;
            fn read(given: &String, _now: i64, db: &mut Database) -> Result<Self> {
                argument::or_none(given, |_| $find(db, given))
            }
            fn show(kept: &Self, names: &Names) -> Option<String> { kept.as_ref().and_then(|kept| $name(names, kept)) }
            fn tell(shown: &Option<String>) -> String { or_empty(shown.as_ref()) }
        }
    )+ };
}
named! {
    TeamId: team::find, |names: &Names, team| names.teams.get(team).cloned();
    FolderId: |db: &mut Database, name: &str| folder::find(db, None, name).map(|folder| folder.id),
        |names: &Names, folder| names.folders.get(folder).cloned();
    UserId: user::find, |names: &Names, user| names.users.get(user).cloned();
    String: |_: &mut Database, text: &String| Ok(text.clone()), |_: &Names, text: &String| Some(text.clone());
}

/// A length of time in seconds; none is never.
impl Setting for Option<i64> {
    type Stored = Self;
    type Given = argument::Span;
    type Shown = String;
    fn read(given: &argument::Span, _now: i64, _db: &mut Database) -> Result<Self> {
        Ok(given.0)
    }
    fn show(kept: &Self, _names: &Names) -> String {
        argument::Span(*kept).to_string()
    }
    fn tell(shown: &String) -> String {
        shown.clone()
    }
}

/// How many at the most; 0 is no limit.
pub struct Most;

impl Setting for Most {
    type Stored = Option<i64>;
    type Given = i64;
    type Shown = Option<i64>;
    fn read(given: &i64, _now: i64, _db: &mut Database) -> Result<Option<i64>> {
        Ok(Some(*given).filter(|most| *most > 0))
    }
    fn show(kept: &Option<i64>, _names: &Names) -> Option<i64> {
        *kept
    }
    fn tell(shown: &Option<i64>) -> String {
        or_empty(shown.as_ref())
    }
}

/// A moment, which people may say as one ago.
pub struct Moment;

impl Setting for Moment {
    type Stored = i64;
    type Given = String;
    type Shown = String;
    fn read(given: &String, now: i64, _db: &mut Database) -> Result<i64> {
        clock::parse(given, now).map_err(|error| Fault::new(Class::Usage, error).into())
    }
    fn show(kept: &i64, _names: &Names) -> String {
        clock::rfc3339(*kept)
    }
    fn tell(shown: &String) -> String {
        shown.clone()
    }
}

/// MiB.
impl Setting for Size {
    type Stored = Self;
    type Given = i64;
    type Shown = i64;
    fn read(given: &i64, _now: i64, _db: &mut Database) -> Result<Self> {
        Ok(Self::of_mib(*given))
    }
    fn show(kept: &Self, _names: &Names) -> i64 {
        kept.mib()
    }
    fn tell(shown: &i64) -> String {
        format!("{shown} MiB")
    }
}

/// The path of a file; an empty one is none.
pub struct File;

impl Setting for File {
    type Stored = Option<String>;
    type Given = String;
    type Shown = Option<String>;
    fn read(given: &String, _now: i64, _db: &mut Database) -> Result<Option<String>> {
        argument::or_none(given, absolute)
    }
    fn show(kept: &Option<String>, _names: &Names) -> Option<String> {
        kept.clone()
    }
    fn tell(shown: &Option<String>) -> String {
        or_empty(shown.as_ref())
    }
}

/// A path as it is from everywhere: cron has another working directory.
pub fn absolute(file: &str) -> Result<String> {
    Ok(std::path::absolute(file)?.display().to_string())
}

/// The options for the settings of a noun.
pub trait Options: clap::Args {
    type Stored;

    /// Puts what was given over what there is.
    fn over(&self, kept: &mut Self::Stored, now: i64, db: &mut Database) -> Result<()>;

    /// For each option in its order, who may give it and whether it was given.
    fn given(&self) -> Vec<(&'static str, bool)>;

    /// Which of those that are an administrator's was given (ACCESS-1).
    fn reserved(&self) -> Option<String> {
        let at = self.given().iter().position(|(who, is_given)| *is_given && *who == "administrator")?;
        let command = Self::augment_args(clap::Command::new(""));
        command.get_arguments().nth(at).and_then(clap::Arg::get_long).map(|long| format!("--{long}"))
    }
}

/// The kind of a setting, or the way in which it is given and told where that is another.
macro_rules! way {
    ($kind:ty) => {
        $kind
    };
    ($kind:ty, $way:ident) => {
        $way
    };
}
pub(super) use way;

/// Makes the options of a noun, and what is shown of it: `user_settings!(options UserOptions, UserShown of UserSettings)`.
macro_rules! options {
    ([$options:ident, $shown:ident of $noun:ident] $($(#[doc = $doc:tt])+ #[arg($($arg:tt)*)] $who:ident $field:ident $([$column:ident])?: $kind:ty $(as $way:ident)? = $default:expr, $label:literal;)+) => {
        #[derive(Debug, clap::Args)]
        pub struct $options {
            $($(#[doc = $doc])+ #[arg($($arg)*)] pub $field: Option<<way!($kind $(, $way)?) as Setting>::Given>,)+
        }

        impl Options for $options {
            type Stored = $noun;

            fn over(&self, kept: &mut $noun, now: i64, db: &mut Database) -> Result<()> {
                $(if let Some(given) = &self.$field {
                    kept.$field = <way!($kind $(, $way)?) as Setting>::read(given, now, db)?;
                })+
                Ok(())
            }

            fn given(&self) -> Vec<(&'static str, bool)> {
                vec![$((stringify!($who), self.$field.is_some())),+]
            }
        }

        #[derive(serde::Serialize)]
        pub struct $shown { $(pub $field: <way!($kind $(, $way)?) as Setting>::Shown,)+ }

        impl $shown {
            pub fn new(settings: &$noun, names: &Names) -> Self {
                Self { $($field: <way!($kind $(, $way)?) as Setting>::show(&settings.$field, names),)+ }
            }

            /// As lines for people.
            pub fn lines(&self) -> Vec<(&'static str, String)> {
                let all = [$(($label, <way!($kind $(, $way)?) as Setting>::tell(&self.$field))),+];
                all.into_iter().filter(|(label, _)| !label.is_empty()).collect()
            }
        }
    };
}
pub(super) use options;

/// A thing with its settings, as people see them.
#[derive(serde::Serialize)]
pub struct Shown<T: serde::Serialize, S: serde::Serialize> {
    #[serde(flatten)]
    pub thing: T,
    #[serde(flatten)]
    pub settings: S,
}

/// Makes what is given as a value with `set` a switch of `add`, too.
pub fn switch(arg: clap::Arg) -> clap::Arg {
    arg.num_args(0..=1).require_equals(true).default_missing_value("true")
}
