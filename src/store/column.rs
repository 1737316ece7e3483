//! How words and ids stand in columns: a word as its text, an id as its number, so that rows and conditions hold them as they are.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{BigInt, Text};
use diesel::{AsExpression, FromSqlRow};

use crate::settings::{AfterFetch, Size};
use crate::words::*;

/// Gives each word the text of its vocabulary. What is no word of it is an error of whoever reads the row.
macro_rules! words {
    ($($word:ident),+ $(,)?) => { $( const _: () = {
        #[derive(AsExpression, FromSqlRow)]
        #[diesel(foreign_derive, sql_type = Text)]
        #[expect(dead_code, reason = "it stands for the word while its traits are derived")]
        struct Column($word);

        impl<DB: Backend> ToSql<Text, DB> for $word
        where
            str: ToSql<Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                self.as_str().to_sql(out)
            }
        }

        impl<DB: Backend> FromSql<Text, DB> for $word
        where
            String: FromSql<Text, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
                Ok(String::from_sql(value)?.parse()?)
            }
        }
    }; )+ };
}

/// Gives each id its number, and what is counted, too.
macro_rules! ids {
    ($($id:ident),+ $(,)?) => { $( const _: () = {
        #[derive(AsExpression, FromSqlRow)]
        #[diesel(foreign_derive, sql_type = BigInt)]
        #[expect(dead_code, reason = "it stands for the id while its traits are derived")]
        struct Column($id);

        impl<DB: Backend> ToSql<BigInt, DB> for $id
        where
            i64: ToSql<BigInt, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                self.0.to_sql(out)
            }
        }

        impl<DB: Backend> FromSql<BigInt, DB> for $id
        where
            i64: FromSql<BigInt, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
                Ok(Self(i64::from_sql(value)?))
            }
        }
    }; )+ };
}

words! {
    AccountKind, AddressState, AfterFetch, AskedBy, Auth, AutomaticCases, BudgetAction, CaseStatus, DeliveryState, Distribution, Fate, GroupPlace, Hook,
    MoveStage, NoteKind,
    NotificationKind, OutboxState, OutgoingKind, ParentBy, PasswordSource, Priority, RecipientState, RecordKind, ReviewDecision,
    RoleAction, RoleLevel, RoleScope, Rule, Security, ServerVerb, SmtpAuth, UnknownSender,
}

ids! {
    AccountId, EffectId, EmailId, FilterId, FolderId, HeldId, NoteId, NotificationId, OutgoingId, PositionId, RecordId, ReviewId,
    Size, TeamId, ThreadId, UserId,
}

/// The columns of a noun's settings, by its rows in `settings.rs`: `user_settings!(columns Row in users is UserSettings)`.
macro_rules! columns {
    ([$row:ident in $table:ident is $noun:ident] $($(#[doc = $doc:tt])+ #[arg($($arg:tt)*)] $who:ident $field:ident $([$column:ident])?: $kind:ty $(as $way:ident)? = $default:expr, $label:literal;)+) => {
        #[derive(Queryable, Selectable, Insertable, AsChangeset)]
        #[diesel(table_name = $table, treat_none_as_null = true, treat_none_as_default_value = false)]
        pub(super) struct $row { $($(#[diesel(column_name = $column)])? $field: $kind,)+ }

        impl From<$row> for $noun {
            fn from(row: $row) -> Self { Self { $($field: row.$field,)+ } }
        }

        impl From<&$noun> for $row {
            fn from(settings: &$noun) -> Self { Self { $($field: settings.$field.clone(),)+ } }
        }
    };
}
pub(super) use columns;
