//! The token of a grant (FETCH-16): renewed in time, by one process at a time. A pair of tokens is committed before either is used:
//! where the server takes a refresh token once, the next one must not be lost.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::fault::{Class, Fault, Reach, step};
use crate::oauth::{Client, Failure, Tokens};
use crate::secret::Secret;
use crate::store::Store;
use crate::store::account::Account;
use crate::store::grant::{self, Grant, Sealed};

/// How long a claim to renew lasts, in seconds: longer than any answer takes.
const CLAIM: i64 = 90;
/// How long somebody else's renewal is waited for.
const WAIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);

/// Seconds before its end in which a token is renewed: a pass that begins now should get along with it. Of one that lives shorter, half
/// its life.
const IN_TIME: i64 = 900;

/// Which of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Access,
    Refresh,
}

/// What it takes to renew.
pub struct Setting<'a> {
    pub database: &'a str,
    /// Who renews: host, process and a number of its own.
    pub owner: &'a str,
    pub is_dead: &'a dyn Fn(&str) -> bool,
    pub now: &'a dyn Fn() -> i64,
    pub open: &'a dyn Fn(Which, &[u8]) -> Result<Secret>,
    pub seal: &'a dyn Fn(&Tokens) -> Result<Sealed>,
    /// Finds the authorisation server by its name.
    pub client: &'a dyn Fn(&str) -> Result<Client>,
}

/// Says when a token is to be renewed and when it ends; none where the server does not say how long it lives.
pub fn times(seconds: Option<u64>, now: i64) -> Option<(i64, i64)> {
    let seconds = i64::try_from(seconds?).unwrap_or(i64::MAX);
    let ends_at = now.saturating_add(seconds);
    Some((ends_at.saturating_sub(IN_TIME.min(seconds / 2)), ends_at))
}

/// Returns the access token of an account. `refused` is one that its server does not take, whatever we think of it: the clocks may
/// differ, or it was withdrawn.
pub fn current(setting: &Setting<'_>, account: &Account, refused: Option<&Secret>) -> Result<Option<Secret>> {
    let mut store = Store::open(setting.database)?;
    let until = Instant::now() + WAIT;
    loop {
        let Some(grant) = grant::of(store.connection(), account.id)? else { return Ok(None) };
        let now = (setting.now)();
        let access = (setting.open)(Which::Access, &grant.tokens.access_sealed)?;
        let is_refused = refused.is_some_and(|refused| *refused == access);
        if !is_refused && grant.tokens.renew_at.is_none_or(|at| now < at) {
            return Ok(Some(access));
        }
        let lives = !is_refused && grant.tokens.ends_at.is_none_or(|at| now < at);
        let Some(sealed) = &grant.tokens.refresh_sealed else {
            return if lives { Ok(Some(access)) } else { Err(ended(account, now, "the server gave no token to renew it with")) };
        };
        let refresh = (setting.open)(Which::Refresh, sealed)?;
        let this = (account.id, grant.generation);
        if store.transaction(|db| grant::claim(db, this, setting.owner, setting.is_dead, now, CLAIM))? {
            step();
            match renew(setting, &mut store, account, &grant, &refresh) {
                Ok(Some(access)) => return Ok(Some(access)),
                // Another pair is there by now.
                Ok(None) => {}
                Err(error) if lives => {
                    log::info!("account {}: its token is good for now: {error:#}", account.name);
                    return Ok(Some(access));
                }
                Err(error) => return Err(error),
            }
        } else if lives {
            return Ok(Some(access));
        } else if Instant::now() >= until {
            let what = "another process renews the token, and does not come to an end";
            return Err(Fault::new(Class::TempFail, what).reach(Reach::Account).into());
        } else {
            std::thread::sleep(PAUSE);
        }
    }
}

/// Renews a pair of tokens, and keeps the new one; none where that was not the pair any more.
fn renew(setting: &Setting<'_>, store: &mut Store, account: &Account, grant: &Grant, refresh: &Secret) -> Result<Option<Secret>> {
    let (this, owner) = ((account.id, grant.generation), setting.owner);
    let asked = (setting.client)(&grant.provider).map_err(Failure::Other).and_then(|client| client.refresh(refresh));
    let tokens = match asked {
        Ok(tokens) => tokens,
        Err(failure) => {
            let (error, ended_at) = match failure {
                Failure::Ended(words) => (ended(account, (setting.now)(), &words), Some((setting.now)())),
                Failure::Other(error) => (error, None),
            };
            store.transaction(|db| grant::let_go(db, this, owner, ended_at))?;
            return Err(error);
        }
    };
    step();
    let mut sealed = (setting.seal)(&tokens)?;
    if tokens.refresh.is_none() {
        // It goes on to be good (RFC 6749, section 6).
        sealed.refresh_sealed.clone_from(&grant.tokens.refresh_sealed);
    }
    let kept = match store.transaction(|db| grant::renew(db, this, &sealed)) {
        // The connection alone may be gone, and the earlier refresh token be good for nothing.
        Err(_) => Store::open(setting.database)?.transaction(|db| grant::renew(db, this, &sealed)),
        kept => kept,
    }?;
    step();
    Ok(kept.then_some(tokens.access))
}

/// Only a person can go on from here.
fn ended(account: &Account, now: i64, words: &str) -> anyhow::Error {
    let told = account.grant.as_ref().map(|grant| format!(" ({})", grant.told(now))).unwrap_or_default();
    Fault::new(Class::Refused, format!("the right to this account has ended: {words}{told}"))
        .reach(Reach::Account)
        .hint(format!("try: espomail account authorize {}", account.name))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetch_16_a_token_is_renewed_in_time_and_a_short_one_not_at_once() {
        assert_eq!(times(Some(3_600), 1_000), Some((3_700, 4_600)));
        assert_eq!(times(Some(60), 1_000), Some((1_030, 1_060)));
        assert_eq!(times(Some(0), 1_000), Some((1_000, 1_000)));
        assert_eq!(times(None, 1_000), None);
        let (renew_at, ends_at) = times(Some(u64::MAX), 1_000).expect("it says so");
        assert!(renew_at > 1_000 && ends_at == i64::MAX);
    }
}
