//! What the rules ask about the account that a batch came through.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use diesel::prelude::*;

use super::named::in_lists;
use crate::decide::Answering;
use crate::decide::{AccountFacts, Facts, sender};
use crate::fault::{Class, Fault};
use crate::settings::AccountRules;
use crate::store::account::Rules;
use crate::store::position::IMPORTED;
use crate::store::schema::{account_sending, account_teams, accounts, positions, users};
use crate::store::{Database, answer, sending};
use crate::words::{AccountId, AccountKind, PositionId, TeamId, UserId};

#[derive(Queryable, Selectable)]
#[diesel(table_name = accounts)]
struct Row {
    name: String,
    address: String,
    kind: AccountKind,
    owner_id: Option<UserId>,
    act_since: i64,
    #[diesel(embed)]
    rules: Rules,
}

/// Gathers the settings of an account that rules ask about.
pub(super) fn gather(db: &mut Database, id: AccountId) -> Result<AccountFacts> {
    let row = accounts::table.find(id).select(Row::as_select()).first::<Row>(db).optional()?;
    // It was removed while a pass had it in hand.
    let row = row.ok_or_else(|| Fault::new(Class::TempFail, format!("there is no account {id} any more")))?;
    let mut rules = AccountRules::from(row.rules);
    let teams = account_teams::table.filter(account_teams::account_id.eq(id)).order(account_teams::team_id);
    let teams = teams.select(account_teams::team_id).load(db)?;
    let people: HashMap<UserId, (bool, Option<TeamId>)> = users::table
        .filter(users::id.eq_any(row.owner_id.into_iter().chain(rules.assigned_user)))
        .select((users::id, (users::active, users::default_team_id)))
        .load(db)?
        .into_iter()
        .collect();
    rules.assigned_user = rules.assigned_user.filter(|user| people.get(user).is_some_and(|(active, _)| *active));
    let answering = match answer::of(db, id)? {
        Some(answers) => {
            let outlet = sender::internal(id, &sending::outlets(db)?).map(|outlet| outlet.account);
            Some(Answering { outlet, authenticated_only: answers.settings.authenticated_only })
        }
        None => None,
    };
    Ok(AccountFacts {
        id,
        kind: row.kind,
        owner: row.owner_id,
        folder: None,
        mailbox: None,
        is_sent_mailbox: false,
        importer: None,
        owner_team: row.owner_id.and_then(|owner| people.get(&owner)?.1),
        teams,
        rules,
        act_since: row.act_since,
        answering,
        address: row.address,
        name: row.name,
    })
}

/// Gathers which of some addresses are our own accounts': those of group accounts and where they are answered are the house's, that of
/// a personal account is its owner's, who is a person (AUTO-2), where an administrator gave it: else a user would have the mail of
/// everybody whose address they name. Call it when users are known.
pub(super) fn gather_addresses(
    db: &mut Database,
    people: &HashSet<String>,
    answered_at: &HashSet<String>,
    facts: &mut Facts,
) -> Result<()> {
    let rows = in_lists(people, |some| {
        accounts::table
            .left_join(users::table.on(users::id.nullable().eq(accounts::owner_id)))
            .filter(accounts::address.eq_any(some))
            .filter(accounts::address_vouched.eq(true))
            .order(accounts::id)
            .select((accounts::address, accounts::owner_id, users::active.nullable()))
            .load::<(String, Option<UserId>, Option<bool>)>(db)
    })?;
    for (address, owner, active) in rows {
        match owner.filter(|_| active == Some(true)) {
            Some(owner) => {
                facts.users.entry(address).or_insert(owner);
            }
            None => {
                facts.own_addresses.insert(address);
            }
        }
    }
    facts.own_addresses.extend(answered_at.iter().filter(|address| people.contains(*address)).cloned());
    Ok(())
}

/// What servers and mail programs call the mailbox of what went out, in lower case, without what stands above it.
const SENT: &str = "sent, sent items, sent messages, sent mail, sent-mail, sentmail, sent objects, sentitems, gesendet, \
    gesendete elemente, gesendete objekte, gesendete nachrichten, envoyés, éléments envoyés, messages envoyés, enviados, \
    elementos enviados, correo enviado, mensajes enviados, inviati, inviata, posta inviata, messaggi inviati, \
    itens enviados, mensagens enviadas, e-mails enviados, verzonden, verzonden items, verzonden objecten, \
    verzonden berichten, wysłane, elementy wysłane, skickat, skickade, skickade objekt, sendt, sendt post, \
    sendte elementer, lähetetyt, odeslané, odeslaná pošta, odoslané, отправленные, надіслані, gönderilmiş öğeler, \
    gönderilmiş postalar, 送信済み, 送信済みアイテム, 送信済みメール, 已发送, 已发送邮件, 已傳送郵件, 寄件備份, 보낸편지함, 보낸 편지함, elküldött elemek";

/// The mailbox of a server that a position is of; none where mail is imported.
pub(super) fn mailbox(db: &mut Database, position: PositionId) -> Result<Option<String>> {
    let of_server = positions::table.find(position).filter(positions::uidvalidity.ne(0));
    Ok(of_server.select(positions::mailbox).first::<String>(db).optional()?)
}

/// Whether a mailbox is the one of what went out (FETCH-15): the one that a person named, else the one that is called so.
pub(super) fn is_sent_mailbox(db: &mut Database, account: AccountId, mailbox: Option<&str>) -> Result<bool> {
    let Some(mailbox) = mailbox else { return Ok(false) };
    let named = account_sending::table.find(account).select(account_sending::sent_mailbox);
    let named = named.first::<Option<String>>(db).optional()?.flatten();
    Ok(match named {
        Some(named) => mailbox == named,
        None => {
            let name = mailbox.rsplit(['/', '.', '\\']).next().unwrap_or_default().trim().to_lowercase();
            SENT.split(", ").any(|known| known == name)
        }
    })
}

/// Whose import it is that has its fates at a position: that of the owner of a personal account (ACCESS-2).
pub(super) fn importer(db: &mut Database, facts: &AccountFacts, position: PositionId) -> Result<Option<UserId>> {
    let Some(owner) = facts.owner else { return Ok(None) };
    let mailbox = positions::table.find(position).filter(positions::uidvalidity.eq(0)).filter(positions::mailbox.eq(IMPORTED));
    Ok((mailbox.count().get_result::<i64>(db)? > 0).then_some(owner))
}
