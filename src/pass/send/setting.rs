//! What a pass is run with: whose it is, how it connects, with what it signs.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::mail;
use crate::mail::dkim::{self, SigningKey};
use crate::net::{self, Login, Place, Proof, Terms};
use crate::pass::Stop;
use crate::pass::fetch::proof;
use crate::relay::Server;
use crate::secret::Secret;
use crate::store::account::Account;
use crate::store::generation::Beside;
use crate::store::sending::Smtp;
use crate::words::{AccountKind, Auth};

/// Gives what proves that we may send through an account; behind a token that its server has just refused another one, where there is
/// one.
pub type SecretOf<'a> = dyn Fn(&Account, &Smtp, Option<&Secret>) -> Result<Option<Secret>> + Sync + 'a;

/// What a pass is run with.
pub struct Setting<'a> {
    pub database: &'a str,
    /// Where this host writes how far it has come.
    pub beside: &'a Beside,
    /// Who sends: host, process and a number of its own.
    pub owner: &'a str,
    /// Whether the owner of a claim is known to be dead.
    pub is_dead: &'a (dyn Fn(&str) -> bool + Sync),
    /// Tells owners that are at work, whatever the clock says.
    pub is_alive: &'a (dyn Fn(&str) -> bool + Sync),
    /// Seconds since 1970 UTC.
    pub now: &'a (dyn Fn() -> i64 + Sync),
    pub secret_of: &'a SecretOf<'a>,
    pub stop: &'a Stop,
    pub workers: usize,
    /// How many messages one pass sends.
    pub limit: usize,
    pub connection: Connection,
    /// The keys of domains that sign what they send.
    pub keys: &'a [SigningKey],
    /// Whether a reply whose answer was lost is sent again.
    pub repeat_replies: bool,
}

/// How connections are made.
#[derive(Debug, Clone)]
pub struct Connection {
    /// With how long each answer may take (RFC 5321, section 4.5.3.2).
    pub terms: Terms,
    /// How long the answer to a whole message may take.
    pub final_timeout: Duration,
    /// How long one account may take.
    pub account_timeout: Duration,
    /// How we call ourselves.
    pub own_name: String,
}

/// Signs a message when the domain of its author has a key (SEND-11); the time of the signature is that of the attempt.
pub(super) fn signed<'m>(setting: &Setting<'_>, bytes: &'m [u8]) -> Result<Cow<'m, [u8]>> {
    if setting.keys.is_empty() {
        return Ok(Cow::Borrowed(bytes));
    }
    let from = mail::parse_for_rules(bytes).from.map(|from| from.address).unwrap_or_default();
    // Of a domain and one below it, the nearer one signs.
    match setting.keys.iter().filter(|key| key.is_for(&from)).max_by_key(|key| key.domain().len()) {
        Some(key) => dkim::sign(bytes, key, (setting.now)()).map(Cow::Owned),
        None => Ok(Cow::Borrowed(bytes)),
    }
}

pub(super) fn server<'a>(
    setting: &'a Setting<'_>,
    account: &'a Account,
    smtp: &'a Smtp,
    deadline: Instant,
) -> Result<Server<'a>> {
    let connection = &setting.connection;
    let secret_of = setting.secret_of;
    let (auth, proof) = match smtp.auth.auth() {
        None => (Auth::Password, Proof::Nothing),
        Some(auth) => {
            let grant = account.grant.as_ref().filter(|_| smtp.password.is_none());
            (auth, proof(auth, grant, (setting.now)(), move |refused| secret_of(account, smtp, refused))?)
        }
    };
    let place = Place {
        host: smtp.host.clone(),
        port: u16::try_from(smtp.port).context("the port is not one")?,
        security: smtp.security,
        ca_file: smtp.ca_file.as_ref().map(PathBuf::from),
        ..connection.terms.place(account.kind == AccountKind::Personal, deadline, net::SMTP)
    };
    let user = smtp.user.clone().unwrap_or_else(|| account.server.imap_user.clone());
    Ok(Server {
        login: Login { account: account.name.clone(), place, user, auth, proof },
        own_name: connection.own_name.clone(),
        final_timeout: connection.final_timeout,
    })
}
