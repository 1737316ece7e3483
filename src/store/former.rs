//! What outlives an account that is removed: which e-mails came through it, and which of those people deleted. Its mailbox is known by whose
//! it was, its address and its login, so that another account on it does not bring back what was deleted (FETCH-2).

use anyhow::Result;
use diesel::prelude::*;

use super::account::Account;
use super::schema::{account_servers, accounts, email_accounts, former_accounts, positions, users};
use super::{Database, access, next_number, undone};
use crate::decide::access::Permit;
use crate::words::{AccountId, UserId};

/// What a mailbox is known by. What a personal account says of itself counts for its owner's alone: users name addresses as they like.
struct Mailbox {
    owner: Option<UserId>,
    /// The owner's login; empty is nobody's.
    login: String,
    address: String,
    imap_host: String,
    imap_user: String,
}

fn mailbox(db: &mut Database, account: AccountId) -> Result<Option<Mailbox>> {
    type Row = (Option<UserId>, Option<String>, String, (String, String));
    let login = (account_servers::imap_host, account_servers::imap_user);
    let row = accounts::table
        .inner_join(account_servers::table.on(account_servers::account_id.eq(accounts::id)))
        .left_join(users::table.on(users::id.nullable().eq(accounts::owner_id)))
        .filter(accounts::id.eq(account))
        .select((accounts::owner_id, users::login.nullable(), accounts::address, login))
        .first::<Row>(db)
        .optional()?;
    Ok(row.map(|(owner, login, address, (imap_host, imap_user))| {
        let login = login.unwrap_or_default();
        Mailbox { owner, login, address, imap_host: imap_host.to_ascii_lowercase(), imap_user }
    }))
}

/// What there was of an account that was removed.
#[derive(Debug, Clone, Copy)]
pub struct Left {
    /// How far these were read is forgotten.
    pub mailboxes: i64,
    /// These stay.
    pub emails: i64,
}

/// Removes an account with its positions and fates; e-mails and cases stay, and what was deleted does not come back (FETCH-2). Refuses it
/// as long as there is anything left to do. Call it under the lock row.
pub fn remove(db: &mut Database, permit: &Permit<'_>, account: &Account, now: i64) -> Result<()> {
    undone::must_be_done(db, &[(account.id, account.name.clone())])?;
    remember(db, account.id)?;
    diesel::delete(accounts::table.find(account.id)).execute(db)?;
    access::record(db, permit, "account remove", &format!("account:{}", account.name), "", now)
}

/// What there is of an account; refuses one that has anything left to do.
pub fn look(db: &mut Database, account: &Account) -> Result<Left> {
    undone::must_be_done(db, &[(account.id, account.name.clone())])?;
    let read = positions::table.filter(positions::account_id.eq(account.id)).filter(positions::is_left.eq(false));
    Ok(Left {
        // UIDVALIDITY 0 is no server's.
        mailboxes: read.filter(positions::uidvalidity.ne(0)).count().get_result(db)?,
        emails: email_accounts::table.filter(email_accounts::account_id.eq(account.id)).count().get_result(db)?,
    })
}

/// Refuses to remove a user whose personal accounts have anything left to do, and writes down what is to be known of these.
pub(super) fn leave_all_of(db: &mut Database, owner: UserId) -> Result<()> {
    must_be_done_of(db, owner)?.iter().try_for_each(|(id, _)| remember(db, *id))
}

/// Refuses to remove such a user; returns the accounts.
pub(super) fn must_be_done_of(db: &mut Database, owner: UserId) -> Result<Vec<(AccountId, String)>> {
    let own = accounts::table.filter(accounts::owner_id.eq(owner)).order(accounts::name).select((accounts::id, accounts::name));
    let own = own.load::<(AccountId, String)>(db)?;
    undone::must_be_done(db, &own)?;
    Ok(own)
}

/// Writes down what is to be known of an account that is about to be removed, as far as it is not written down. Call it under the lock row.
fn remember(db: &mut Database, account: AccountId) -> Result<()> {
    let Some(mailbox) = mailbox(db, account)? else { return Ok(()) };
    let id = named(db, account)?;
    // Only numbers of ours are put in. Of what its owner wrote, their server may have a copy.
    let owner = mailbox.owner.map_or_else(|| "NULL".to_string(), |owner| owner.to_string());
    remember_emails(
        db,
        id,
        &format!(
            "SELECT email_id FROM email_accounts WHERE account_id = {account}
             UNION SELECT email_id FROM outbox WHERE account_id = {account}
             UNION SELECT id FROM emails WHERE author_id = {owner}"
        ),
    )?;
    diesel::sql_query(format!(
        "INSERT INTO former_account_deletions (message_id, content_digest, former_id)
         SELECT d.message_id, d.content_digest, {id} FROM deletion_accounts d WHERE d.account_id = {account}
         AND NOT EXISTS (SELECT 1 FROM former_account_deletions f
                         WHERE f.message_id = d.message_id AND f.content_digest = d.content_digest AND f.former_id = {id})"
    ))
    .execute(db)?;
    Ok(())
}

/// Writes down that e-mails came through an account that goes.
pub(super) fn remember_emails(db: &mut Database, former: i64, emails: &str) -> Result<()> {
    diesel::sql_query(format!(
        "INSERT INTO former_account_emails (email_id, former_id)
         SELECT c.email_id, {former} FROM ({emails}) AS c
         WHERE NOT EXISTS (SELECT 1 FROM former_account_emails f WHERE f.email_id = c.email_id AND f.former_id = {former})"
    ))
    .execute(db)?;
    Ok(())
}

/// Returns under which number the mailbox of an account is remembered: one that it has for good.
pub(super) fn named(db: &mut Database, account: AccountId) -> Result<i64> {
    let Some(mailbox) = mailbox(db, account)? else { return Ok(0) };
    let known = former_accounts::table
        .filter(former_accounts::owner.eq(&mailbox.login))
        .filter(former_accounts::address.eq(&mailbox.address))
        .filter(former_accounts::imap_host.eq(&mailbox.imap_host))
        .filter(former_accounts::imap_user.eq(&mailbox.imap_user))
        .select(former_accounts::id);
    if let Some(id) = known.first(db).optional()? {
        return Ok(id);
    }
    let id = next_number(db, "former")?;
    diesel::insert_into(former_accounts::table)
        .values((
            former_accounts::id.eq(id),
            former_accounts::owner.eq(&mailbox.login),
            former_accounts::address.eq(&mailbox.address),
            former_accounts::imap_host.eq(&mailbox.imap_host),
            former_accounts::imap_user.eq(&mailbox.imap_user),
        ))
        .execute(db)?;
    Ok(id)
}

/// The accounts on the mailbox of one, that one included, and those that were there before.
#[derive(Debug, Default)]
pub(super) struct Same {
    pub accounts: Vec<AccountId>,
    pub former: Vec<i64>,
}

/// Returns which accounts have, or had, the mailbox of one.
pub(super) fn same(db: &mut Database, account: AccountId) -> Result<Same> {
    let Some(mailbox) = mailbox(db, account)? else { return Ok(Same::default()) };
    let of_address = accounts::table.filter(accounts::address.eq(&mailbox.address)).select((accounts::id, accounts::owner_id));
    let mut found = of_address.load::<(AccountId, Option<UserId>)>(db)?;
    found.retain(|(_, owner)| *owner == mailbox.owner);
    let is_login = former_accounts::imap_host
        .eq(&mailbox.imap_host)
        .and(former_accounts::imap_user.eq(&mailbox.imap_user))
        .and(former_accounts::imap_host.ne(""));
    let former = former_accounts::table
        .filter(former_accounts::owner.eq(&mailbox.login))
        .filter(former_accounts::address.eq(&mailbox.address).or(is_login))
        .select(former_accounts::id)
        .load(db)?;
    Ok(Same { accounts: found.into_iter().map(|(id, _)| id).collect(), former })
}
