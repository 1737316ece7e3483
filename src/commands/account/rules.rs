//! The options of `account add` and `account set` that say what rules ask for, and how they are shown: one for each row of
//! `settings.rs`.

use anyhow::Result;
use clap::ArgAction;

use crate::commands::argument;
use crate::commands::show::{or_empty, yes};
use crate::pass::verdict::Names;
use crate::settings::{AccountRules, account_rules};
use crate::store::{Database, folder, team, user};
use crate::words::{AutomaticCases, Distribution, FolderId, TeamId, UnknownSender, UserId};

/// How a kind of setting is given, how it stands in JSON, and how people read that.
pub trait Setting: Sized {
    type Given;
    type Shown: serde::Serialize;
    fn read(given: &Self::Given, db: &mut Database) -> Result<Self>;
    fn show(&self, names: &Names) -> Self::Shown;
    fn tell(shown: &Self::Shown) -> String;
}

/// What is given, kept and shown alike.
macro_rules! plain {
    ($($kind:ty: $tell:expr),+ $(,)?) => { $(
        impl Setting for $kind {
            type Given = Self;
            type Shown = Self;
            fn read(given: &Self, _db: &mut Database) -> Result<Self> { Ok(*given) }
            fn show(&self, _names: &Names) -> Self { *self }
            fn tell(shown: &Self) -> String { $tell(*shown) }
        }
    )+ };
}
plain! {
    bool: yes,
    AutomaticCases: |word: AutomaticCases| word.to_string(),
    Distribution: |word: Distribution| word.to_string(),
    UnknownSender: |word: UnknownSender| word.to_string(),
}

/// What is given by name; an empty one is none.
macro_rules! named {
    ($($kind:ty: $find:expr, $name:expr);+ $(;)?) => { $(
        impl Setting for Option<$kind> {
            type Given = String;
            type Shown = Option<String>;
            fn read(given: &String, db: &mut Database) -> Result<Self> {
                argument::or_none(given, |_| $find(db, given))
            }
            fn show(&self, names: &Names) -> Option<String> { self.as_ref().and_then(|kept| $name(names, kept)) }
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
    type Given = argument::Span;
    type Shown = String;
    fn read(given: &argument::Span, _db: &mut Database) -> Result<Self> {
        Ok(given.0)
    }
    fn show(&self, _names: &Names) -> String {
        argument::Span(*self).to_string()
    }
    fn tell(shown: &String) -> String {
        shown.clone()
    }
}

macro_rules! options {
    ($($(#[doc = $doc:tt])+ #[arg($($arg:tt)*)] $field:ident $([$column:ident])?: $kind:ty = $default:expr, $label:literal;)+) => {
        #[derive(Debug, clap::Args)]
        pub struct RuleArguments {
            $($(#[doc = $doc])+ #[arg($($arg)*)] pub $field: Option<<$kind as Setting>::Given>,)+
        }

        impl RuleArguments {
            /// Puts what was given over what there is.
            pub fn over(&self, rules: &mut AccountRules, db: &mut Database) -> Result<()> {
                $(if let Some(given) = &self.$field {
                    rules.$field = Setting::read(given, db)?;
                })+
                Ok(())
            }

            /// Which of the options was given.
            pub fn given(&self) -> Option<String> {
                let all = [$((self.$field.is_some(), stringify!($field))),+];
                all.into_iter().find(|(is_given, _)| *is_given).map(|(_, field)| format!("--{}", field.replace('_', "-")))
            }
        }

        #[derive(serde::Serialize)]
        pub struct RulesShown { $($field: <$kind as Setting>::Shown,)+ }

        impl RulesShown {
            pub fn new(rules: &AccountRules, names: &Names) -> Self {
                Self { $($field: rules.$field.show(names),)+ }
            }

            /// As lines for people.
            pub fn lines(&self) -> Vec<(&'static str, String)> {
                vec![$(($label, <$kind as Setting>::tell(&self.$field))),+]
            }
        }
    };
}
account_rules!(options);
