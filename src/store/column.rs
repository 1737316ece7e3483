//! How words and ids stand in columns: a word as its text, an id as its number, so that rows and conditions hold them as they are.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{BigInt, Text};
use diesel::{AsExpression, FromSqlRow};

use crate::settings::AfterFetch;
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

/// Gives each id its number.
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
    RoleAction, RoleLevel, RoleScope, Security, ServerVerb, SmtpAuth, UnknownSender,
}

ids! {
    AccountId, EffectId, EmailId, FilterId, FolderId, HeldId, NoteId, NotificationId, OutgoingId, PositionId, RecordId, ReviewId,
    TeamId, ThreadId, UserId,
}
