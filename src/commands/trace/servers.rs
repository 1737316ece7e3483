//! `espomail trace --servers`: where somebody's mail lies on the servers, also in mailboxes that no pass reads. Nothing there is changed, and
//! nothing of what a server says is believed before it was looked at.

use std::collections::HashSet;

use anyhow::Result;

use super::found::{Found, is_by};
use crate::commands::account::connect_for;
use crate::commands::{argument, place};
use crate::context::Context;
use crate::fault::{Class, Fault, contain};
use crate::mail::{self, Mail, address_key};
use crate::mailbox::{HeaderOnly, Session, Sighted, Sought};
use crate::output::shown_line;
use crate::plural::counted;
use crate::store::account::{self, Account};
use crate::store::position::{self, Position};
use crate::store::trace::{self, Span, Wanted};
use crate::store::{Database, fate};

/// For how many seconds one server is asked at the most, and how many of its mailboxes.
const SECONDS: u64 = 120;
const MAILBOXES: usize = 500;
/// What to type where a subject cannot be asked for.
const OTHERWISE: &str = "give the sender's address or the Message-ID";

/// What the servers have.
#[derive(Default)]
pub struct Asked {
    pub found: Vec<Found>,
    /// How many more of it are stored here, or have their fate.
    pub known: usize,
    /// The mailboxes that were asked, in words.
    pub places: Vec<String>,
    /// What could not be asked.
    pub faults: Vec<anyhow::Error>,
    /// The accounts that are switched off, whose servers were not asked.
    pub off: Vec<String>,
}

impl Asked {
    /// Whose servers were not asked, behind what else is said.
    pub fn told_off(&self) -> String {
        let told = |name: &String| {
            let name = argument::quoted(name);
            format!("; account {name} is switched off and was not asked; try: espomail account enable {name}")
        };
        self.off.iter().map(told).collect()
    }
}

/// A message that lies on a server, and whose author, Message-ID or subject is what is looked for.
struct Sight {
    mailbox: String,
    uidvalidity: u32,
    uid: u32,
    at: Option<i64>,
    /// INTERNALDATE.
    came_at: Option<i64>,
    from: String,
    subject: String,
    message_id: String,
}

/// Asks all servers, one after the other; of each mailbox the newest are named, so many at the most.
pub fn ask(context: &Context, wanted: &Wanted, span: Span, limit: i64) -> Result<Asked> {
    let sought = match wanted {
        Wanted::Sign(sign) => Sought::Sign(if sign.is_ascii() { sign.clone() } else { address_key(sign) }),
        Wanted::Subject(part) => Sought::Subject(part.clone()),
    };
    if !sought.can_be_asked() {
        let what = "there is nothing in it that a server can be asked for";
        return Err(Fault::new(Class::Usage, what).hint(OTHERWISE).into());
    }
    let mut store = context.store()?;
    let accounts = account::list(store.connection())?;
    // Servers may be slow, and nothing is held meanwhile.
    drop(store);
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let off = accounts.iter().filter(|account| !account.active).map(|account| account.name.clone()).collect();
    let mut asked = Asked { off, ..Asked::default() };
    for account in accounts.iter().filter(|account| account.active) {
        context.out.progress(&format!("asking the server of account {}", account.name));
        let mut sights = Vec::new();
        let outcome = contain(|| one(context, account, &sought, most, &mut sights, &mut asked));
        if let Err(error) = outcome.unwrap_or_else(|panicked| Err(panicked.into())) {
            asked.faults.push(error.context(format!("account {}", account.name)));
        }
        sights.retain(|sight| sight.at.is_none_or(|at| span.has(at)));
        let mut store = context.store()?;
        tell(store.connection(), account, sights, &mut asked)?;
    }
    Ok(asked)
}

/// Asks one server. What was found before a fault counts.
fn one(
    context: &Context,
    account: &Account,
    sought: &Sought,
    most: usize,
    sights: &mut Vec<Sight>,
    asked: &mut Asked,
) -> Result<()> {
    let mut session = connect_for(context, account, SECONDS)?;
    let mut mailboxes = session.mailboxes()?;
    // What passes read, also where the server does not list it.
    mailboxes.extend(account.mailboxes.iter().filter(|read| !mailboxes.contains(read)).cloned().collect::<Vec<_>>());
    if mailboxes.len() > MAILBOXES {
        let what = format!("{} of its mailboxes were not asked", mailboxes.len() - MAILBOXES);
        asked.faults.push(Fault::new(Class::Unavailable, format!("account {}: {what}", account.name)).into());
        mailboxes.truncate(MAILBOXES);
    }
    let mut read = Vec::new();
    for mailbox in mailboxes {
        match look(&mut session, &mailbox, sought, most) {
            Ok((seen, more)) => {
                sights.extend(seen);
                if let Some(more) = more {
                    let what = format!("mailbox {mailbox}: {more} may be meant, too: --limit NUMBER");
                    asked.faults.push(Fault::new(Class::Unavailable, format!("account {}: {what}", account.name)).into());
                }
                read.push(shown_line(&mailbox));
            }
            // It is so in all of its mailboxes, and other servers are asked.
            Err(_) if !sought.is_plain_asked() && session.trouble().is_some_and(|trouble| trouble.is_of_charset()) => {
                let what = "its server can be asked in the letters of ASCII alone, of which there are none in it";
                let fault = Fault::new(Class::Unavailable, format!("account {}: {what}", account.name)).hint(OTHERWISE);
                asked.faults.push(fault.into());
                break;
            }
            // The session goes on where a mailbox alone does not open, or the server will not search it.
            Err(error) if session.trouble().is_none_or(|trouble| trouble.is_refusal()) => {
                asked.faults.push(error.context(format!("account {}: mailbox {mailbox}", account.name)));
            }
            Err(error) => {
                asked.places.push(format!("account {}: {}", account.name, read.join(", ")));
                return Err(error.context(format!("mailbox {mailbox}")));
            }
        }
    }
    session.logout();
    if !read.is_empty() {
        asked.places.push(format!("account {}: {}", account.name, read.join(", ")));
    }
    Ok(())
}

/// Returns what one mailbox has, and in words what more the server found that nobody looked at.
fn look(session: &mut Session, mailbox: &str, sought: &Sought, most: usize) -> Result<(Vec<Sight>, Option<String>)> {
    let Sighted { uidvalidity, headers, more, is_cut } = session.look_for(mailbox, sought, most)?;
    let sight = |HeaderOnly { uid, internal_date, header, .. }: HeaderOnly| {
        let letter = contain(|| mail::parse(&header)).unwrap_or_default();
        is_meant(&letter, &header, sought).then(|| Sight {
            mailbox: mailbox.to_string(),
            uidvalidity,
            uid,
            at: internal_date.or(letter.date),
            came_at: internal_date,
            from: letter.from.as_ref().map(|from| from.key()).unwrap_or_default(),
            message_id: letter.identity(),
            subject: letter.subject,
        })
    };
    let at_least = if is_cut { "at least " } else { "" };
    let more = (more > 0).then(|| format!("{at_least}{}", counted(more, "older message")));
    Ok((headers.into_iter().filter_map(sight).collect(), more))
}

/// Whether a message is what is looked for: a server may find more, or anything.
fn is_meant(letter: &Mail, header: &[u8], sought: &Sought) -> bool {
    match sought {
        Sought::Sign(sign) => {
            letter.message_id.as_ref() == Some(sign)
                || letter.from.as_ref().is_some_and(|from| from.key() == address_key(sign))
                || is_by(header, sign)
        }
        Sought::Subject(part) => letter.subject.to_lowercase().contains(&part.to_lowercase()),
    }
}

/// Tells of what is not here; of what has its fate, or is stored under its Message-ID, the rest tells.
fn tell(db: &mut Database, account: &Account, sights: Vec<Sight>, asked: &mut Asked) -> Result<()> {
    let ids: HashSet<&str> = sights.iter().map(|sight| sight.message_id.as_str()).collect();
    let stored = trace::stored_among(db, ids.into_iter())?;
    for of_mailbox in sights.chunk_by(|one, other| one.mailbox == other.mailbox) {
        let mailbox = &of_mailbox[0].mailbox;
        let known = position::position(db, account.id, mailbox, i64::from(of_mailbox[0].uidvalidity))?;
        let uids: Vec<i64> = of_mailbox.iter().map(|sight| i64::from(sight.uid)).collect();
        let fates: HashSet<i64> = match &known {
            Some(position) => fate::settled_among(db, position.id, &uids)?,
            None => HashSet::new(),
        };
        for sight in of_mailbox {
            let uid = i64::from(sight.uid);
            if fates.contains(&uid) || stored.contains(&sight.message_id) {
                asked.known += 1;
                continue;
            }
            let is_read = account.mailboxes.contains(mailbox);
            let name = argument::quoted(&account.name);
            let is_older = |position: &Position| position.is_older(uid, sight.came_at, account.fetching.fetch_since);
            let next = match known.as_ref().filter(|position| uid <= position.last_uid) {
                None if is_read => format!("espomail fetch {name}"),
                Some(position) if is_read && !is_older(position) => format!("espomail reconcile {name}"),
                _ => format!("espomail fetch {name} --mailbox {} --uid {uid}", argument::quoted(mailbox)),
            };
            let not_read = if is_read { "" } else { ", which no pass reads" };
            asked.found.push(Found {
                at: sight.at.unwrap_or_default(),
                what: "on the server".to_string(),
                account: account.name.clone(),
                from: sight.from.clone(),
                sender_not_verified: false,
                subject: sight.subject.clone(),
                whereabouts: format!("mailbox {mailbox} UID {uid}{not_read}"),
                next,
                place: Some(place::written(&account.name, mailbox, uid)),
            });
        }
    }
    Ok(())
}
