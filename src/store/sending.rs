//! What e-mail accounts send with (SEND-2).

use std::collections::HashSet;

use anyhow::Result;
use diesel::prelude::*;

use super::Database;
use super::column::columns;
use super::schema::{account_answers, account_sending, account_servers, account_teams, accounts, records};
use crate::decide::access::Permit;
use crate::decide::sender::Outlet;
use crate::mail::address_key;
use crate::mail::body::Signature;
use crate::settings::{SendingSettings, sending_settings};
use crate::words::{AccountId, AccountKind, PasswordSource, RecordId, Security, SmtpAuth, TeamId, UserId};

/// What an account sends with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sending {
    /// None where it has no server to send through.
    pub smtp: Option<Smtp>,
    pub settings: SendingSettings,
}

/// A server to send through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    pub host: String,
    pub port: i64,
    pub security: Security,
    pub auth: SmtpAuth,
    /// None is the IMAP user.
    pub user: Option<String>,
    pub ca_file: Option<String>,
    /// None is the IMAP password.
    pub password: Option<Password>,
}

/// Where a password comes from. Where one is for sending alone, its row is part of [`Row`].
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = account_servers, treat_none_as_null = true)]
pub struct Password {
    #[diesel(column_name = password_source)]
    pub source: PasswordSource,
    /// The command as a JSON list, the file's path or the credential's name.
    #[diesel(column_name = password_reference)]
    pub reference: Option<String>,
    #[diesel(column_name = password_sealed)]
    pub sealed: Option<Vec<u8>>,
}

impl Sending {
    /// What stands below letters that go out through it, whose writers have no signature of their own (SEND-10).
    pub fn signature(self) -> Signature {
        Signature { text: self.settings.signature, html: self.settings.signature_html }
    }
}

sending_settings!(columns Settings in account_sending is SendingSettings);

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = account_sending, treat_none_as_null = true, treat_none_as_default_value = false)]
struct Row {
    smtp_host: Option<String>,
    smtp_port: i64,
    smtp_security: Security,
    smtp_auth: SmtpAuth,
    smtp_user: Option<String>,
    smtp_ca_file: Option<String>,
    password_source: Option<PasswordSource>,
    password_reference: Option<String>,
    password_sealed: Option<Vec<u8>>,
}

impl Row {
    fn of(sending: &Sending) -> Self {
        let smtp = sending.smtp.as_ref();
        let password = smtp.and_then(|smtp| smtp.password.as_ref());
        Self {
            smtp_host: smtp.map(|smtp| smtp.host.clone()),
            smtp_port: smtp.map_or(0, |smtp| smtp.port),
            smtp_security: smtp.map_or(Security::Tls, |smtp| smtp.security),
            smtp_auth: smtp.map_or(SmtpAuth::Password, |smtp| smtp.auth),
            smtp_user: smtp.and_then(|smtp| smtp.user.clone()),
            smtp_ca_file: smtp.and_then(|smtp| smtp.ca_file.clone()),
            password_source: password.map(|password| password.source),
            password_reference: password.and_then(|password| password.reference.clone()),
            password_sealed: password.and_then(|password| password.sealed.clone()),
        }
    }

    fn sending(self, settings: Settings) -> Sending {
        let (reference, sealed) = (self.password_reference, self.password_sealed);
        let password = self.password_source.map(|source| Password { source, reference, sealed });
        let smtp = self.smtp_host.map(|host| Smtp {
            host,
            port: self.smtp_port,
            security: self.smtp_security,
            auth: self.smtp_auth,
            user: self.smtp_user,
            ca_file: self.smtp_ca_file,
            password,
        });
        Sending { smtp, settings: settings.into() }
    }
}

/// Returns what an account sends with.
pub fn of(db: &mut Database, id: AccountId) -> Result<Sending> {
    let of = account_sending::table.find(id).select((Row::as_select(), Settings::as_select()));
    Ok(of.first::<(Row, Settings)>(db).optional()?.map_or_else(Sending::default, |(row, settings)| row.sending(settings)))
}

/// Sets what an account sends with. There is one system account: another one is so no more.
pub fn set(db: &mut Database, _permit: &Permit<'_>, id: AccountId, sending: &Sending) -> Result<()> {
    if sending.settings.system {
        let others = account_sending::table.filter(account_sending::account_id.ne(id));
        diesel::update(others).set(account_sending::is_system.eq(false)).execute(db)?;
    }
    let row = || (Row::of(sending), Settings::from(&sending.settings));
    if diesel::update(account_sending::table.find(id)).set(row()).execute(db)? == 0 {
        let (server, settings) = row();
        diesel::insert_into(account_sending::table).values((server, settings, account_sending::account_id.eq(id))).execute(db)?;
    }
    Ok(())
}

/// ACK-2: the account's server takes no empty sender: its automatic answers go with its address from now on. Says whether that is new.
pub fn refuse_empty_sender(db: &mut Database, id: AccountId) -> Result<bool> {
    let trusting = account_sending::table.find(id).filter(account_sending::empty_sender.eq(true));
    Ok(diesel::update(trusting).set(account_sending::empty_sender.eq(false)).execute(db)? > 0)
}

/// Returns every account that could send, in order of its number, for the rules (SEND-2).
pub fn outlets(db: &mut Database) -> Result<Vec<Outlet>> {
    type Found = (AccountId, String, String, AccountKind, Option<UserId>, (Option<String>, String, bool, bool));
    let rows = accounts::table
        .inner_join(account_sending::table.on(account_sending::account_id.eq(accounts::id)))
        .filter(accounts::active.eq(true))
        .order(accounts::id)
        .select((
            accounts::id,
            accounts::name,
            accounts::address,
            accounts::kind,
            accounts::owner_id,
            (account_sending::smtp_host, account_sending::from_name, account_sending::is_shared, account_sending::is_system),
        ))
        .load::<Found>(db)?;
    let teams = account_teams::table.load::<(AccountId, TeamId)>(db)?;
    let outlet = |(account, name, address, kind, owner, (host, from_name, shared, system)): Found| {
        let teams = teams.iter().filter(|(of, _)| *of == account).map(|(_, team)| *team).collect();
        Outlet { account, name, address, from_name, kind, owner, teams, can_send: host.is_some(), shared, system }
    };
    Ok(rows.into_iter().map(outlet).collect())
}

/// The name of the system account, also where it is switched off.
pub fn system_account(db: &mut Database) -> Result<Option<String>> {
    let system = accounts::table.inner_join(account_sending::table.on(account_sending::account_id.eq(accounts::id)));
    Ok(system.filter(account_sending::is_system).select(accounts::name).first(db).optional()?)
}

/// SEND-5: where the customer of a case answers to, whoever of us writes: to the group account that the case came through. Other
/// records came through none.
pub fn answers_to(db: &mut Database, record: RecordId) -> Result<Option<String>> {
    let found = records::table
        .inner_join(accounts::table.on(accounts::id.nullable().eq(records::through_account_id)))
        .left_join(account_sending::table.on(account_sending::account_id.eq(accounts::id)))
        .filter(records::id.eq(record))
        .select((account_sending::reply_to.nullable(), accounts::address))
        .first::<(Option<String>, String)>(db)
        .optional()?;
    Ok(found.map(|(reply_to, address)| reply_to.unwrap_or(address)))
}

/// Where group accounts are answered, beside their own addresses; in comparison form. Few have such addresses, and nobody looks them
/// up by one.
pub fn answered_at(db: &mut Database) -> Result<HashSet<String>> {
    let of_group = accounts::kind.eq(AccountKind::Group);
    let mut found = account_sending::table
        .inner_join(accounts::table.on(accounts::id.eq(account_sending::account_id)))
        .filter(of_group)
        .filter(account_sending::reply_to.is_not_null())
        .select(account_sending::reply_to)
        .load::<Option<String>>(db)?;
    let answers = account_answers::table.select((account_answers::from_address, account_answers::reply_to));
    found.extend(answers.load::<(Option<String>, Option<String>)>(db)?.into_iter().flat_map(|(from, to)| [from, to]));
    Ok(found.into_iter().flatten().map(|address| address_key(&address)).collect())
}

/// The addresses that a reply to all leaves out (SEND-10): of every account that says so.
pub fn excluded(db: &mut Database) -> Result<Vec<String>> {
    Ok(accounts::table
        .inner_join(account_sending::table.on(account_sending::account_id.eq(accounts::id)))
        .filter(account_sending::exclude_from_reply.eq(true))
        .filter(accounts::address_vouched.eq(true))
        .select(accounts::address)
        .load(db)?)
}
