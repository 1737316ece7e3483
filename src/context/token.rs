//! The keys of signed tokens (LINK-1): sealed in the database, opened and made here, where the key of secrets is known.

use anyhow::{Result, anyhow};
use base64::Engine;

use super::{Context, random, read_key};
use crate::decide::Policy;
use crate::mail::token::{Key, KeyRing};
use crate::secret::Secret;
use crate::store::token::{self, TokenKey};
use crate::store::{Database, vault};

const DAY: i64 = 86_400;

impl Context {
    /// Returns the switches that hold for every account, without the keys of tokens and without randomness.
    pub fn switches(&self) -> Policy {
        let config = &self.loaded.config;
        Policy {
            b2c: config.link.b2c,
            link_open_opportunity: config.link.link_open_opportunity,
            authserv_ids: config.security.authserv_id.clone(),
            tokens: KeyRing::default(),
            budgets: config.budgets,
            fields: config.fields.clone(),
            seed: [0; 32],
        }
    }

    /// Returns everything that holds for every account.
    pub fn policy(&self, db: &mut Database) -> Result<Policy> {
        Ok(Policy { tokens: self.key_ring(db)?, seed: random()?, ..self.switches() })
    }

    /// Opens the keys of tokens. Without keys, or without the key of secrets, there are no tokens.
    pub fn key_ring(&self, db: &mut Database) -> Result<KeyRing> {
        let sealed = token::keys(db)?;
        let instance = token::instance(db)?.unwrap_or_default();
        if sealed.is_empty() {
            log::debug!("there is no token key, so no token is made or read; see: espomail token rotate");
            return Ok(KeyRing::default());
        }
        let secrets = match self.key() {
            Ok(secrets) => secrets,
            Err(error) => {
                log::debug!("tokens are off: {error:#}");
                return Ok(KeyRing::default());
            }
        };
        let mut keys = Vec::new();
        for TokenKey { id, sealed, expires_at, .. } in sealed {
            let opened = vault::open(secrets, &place(id), &sealed).ok();
            match opened.and_then(|secret| Some(read_key(secret.reveal())?.into_bytes())) {
                Some(secret) => keys.push(Key { id, secret, expires_at }),
                None => log::warn!("the token key {id} does not open with the key of secrets; its tokens are not read"),
            }
        }
        Ok(KeyRing { instance, keys, good_for: self.loaded.config.link.token_days.saturating_mul(DAY) })
    }

    /// Makes a new key that signs from now on; the others verify for some days more.
    pub fn rotate_tokens(&self, db: &mut Database, days: i64) -> Result<TokenKey> {
        make(db, self.key()?, days, self.now())
    }
}

/// Makes a token key, sealed by the key of secrets.
pub fn make(db: &mut Database, secrets: &vault::Key, days: i64, now: i64) -> Result<TokenKey> {
    let seal = |id| {
        let secret = base64::engine::general_purpose::STANDARD.encode(random::<32>()?);
        vault::seal(secrets, &place(id), random()?, &Secret::new(&secret))
    };
    let instance = crate::mail::hex(&random::<8>()?);
    let until = days.checked_mul(DAY).and_then(|seconds| now.checked_add(seconds));
    token::rotate(db, &instance, seal, until.ok_or_else(|| anyhow!("{days} days are too many"))?, now)
}

fn place(id: u16) -> String {
    format!("token_keys/{id}")
}
