//! The keys of signed tokens, sealed (LINK-1), and the installation's own id that stands in each token (AUTO-2).

use anyhow::{Context, Result};
use diesel::prelude::*;

use super::Database;
use super::noun::number;
use super::schema::{settings, token_keys};

/// A key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TokenKey {
    pub id: u16,
    #[serde(skip)]
    pub sealed: Vec<u8>,
    /// Seconds since 1970 UTC.
    #[serde(serialize_with = "crate::clock::time")]
    pub created_at: i64,
    /// None for the key that signs.
    #[serde(serialize_with = "crate::clock::optional")]
    pub expires_at: Option<i64>,
}

/// The setting that holds the installation's id.
const INSTANCE: &str = "instance";

/// Returns the installation's id; none before the first key was made.
pub fn instance(db: &mut Database) -> Result<Option<String>> {
    Ok(settings::table.find(INSTANCE).select(settings::value).first(db).optional()?)
}

/// Returns all keys, the newest first.
pub fn keys(db: &mut Database) -> Result<Vec<TokenKey>> {
    let rows = token_keys::table
        .order(token_keys::id.desc())
        .select((token_keys::id, token_keys::sealed, token_keys::created_at, token_keys::expires_at))
        .load::<(i64, Vec<u8>, i64, Option<i64>)>(db)?;
    rows.into_iter()
        .map(|(id, sealed, created_at, expires_at)| {
            let id = u16::try_from(id).with_context(|| format!("the token key {id} has no place in a token"))?;
            Ok(TokenKey { id, sealed, created_at, expires_at })
        })
        .collect()
}

/// Adds a key that signs from now on; the others verify until `old_until`, and those that had expired go. `seal` gets the
/// number of the new key; `instance` names the installation where it has no id yet.
pub fn rotate(
    db: &mut Database,
    instance_id: &str,
    seal: impl Fn(u16) -> Result<Vec<u8>>,
    old_until: i64,
    now: i64,
) -> Result<TokenKey> {
    let next = number(db, "token-key")?;
    let id = u16::try_from(next).context("there are no more numbers for token keys")?;
    if instance(db)?.is_none() {
        diesel::insert_into(settings::table)
            .values((settings::name.eq(INSTANCE), settings::value.eq(instance_id)))
            .execute(db)?;
    }
    diesel::delete(token_keys::table.filter(token_keys::expires_at.le(now))).execute(db)?;
    diesel::update(token_keys::table.filter(token_keys::expires_at.is_null()))
        .set(token_keys::expires_at.eq(old_until))
        .execute(db)?;
    let key = TokenKey { id, sealed: seal(id)?, created_at: now, expires_at: None };
    diesel::insert_into(token_keys::table)
        .values((
            token_keys::id.eq(next),
            token_keys::sealed.eq(&key.sealed),
            token_keys::created_at.eq(now),
            token_keys::expires_at.eq(None::<i64>),
        ))
        .execute(db)?;
    Ok(key)
}
