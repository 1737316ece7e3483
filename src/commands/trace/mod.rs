//! `espomail trace`.

mod found;
mod servers;

use anyhow::Result;

use self::found::{Found, LARGEST_HEADER, is_by};
use super::argument;
use super::fate::reading;
use crate::clock::rfc3339;
use crate::context::Context;
use crate::fault::{Class, Fault, contain};
use crate::mail::{self, address_key};
use crate::output::Format;
use crate::store::fate::{self, FateFilter};
use crate::store::filter;
use crate::store::quarantine;
use crate::store::trace::{self, SentLetter, Span, Wanted, Whereabouts};
use crate::store::{Database, access, account};
use crate::words::{Fate, OutboxState};

/// Find out where somebody's mail is
///
/// Given an address, a Message-ID, or a part of a subject or of a sender's name, this looks wherever a message can be: among the e-mails and the letters
/// that were sent or wait, in what filters skipped, in the quarantine, and by its Message-ID in what people deleted, of which nothing
/// else is kept; and says for each what to type next. Where nothing is found, it says which accounts are behind: what lies unread on a
/// server nobody knows here, unless --servers asks them.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  espomail trace dora@example.org\n  espomail trace '<20261123.1@example.org>'\n  espomail trace 'pump 4'\n  espomail trace dora@example.org --servers"
)]
pub struct Trace {
    /// An address, a Message-ID, or a part of the subject or of the sender's name, also as a record has it
    #[arg(value_name = "ADDRESS|MESSAGE-ID|WORDS")]
    what: String,
    /// Only what came not before this time: 2026-11-23, RFC 3339, today, 3d
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only what came before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Ask the servers, too: all their mailboxes, also those that no pass reads, such as Junk. Nothing there is changed; what is not here
    /// is named, with what takes it in
    #[arg(long)]
    servers: bool,
    /// How many of each kind at the most
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = argument::limit)]
    limit: i64,
}

/// Of how many addresses of people who are called so mail is looked for.
const NAMED: i64 = 20;

impl Trace {
    pub fn run(self, context: &Context) -> Result<()> {
        argument::within_limit([Some(&self.what)])?;
        let time = |text: &Option<String>| text.as_ref().map(|text| context.time(text)).transpose();
        let span = Span { since: time(&self.since)?, until: time(&self.until)? };
        let mut store = context.store()?;
        let db = store.connection();
        let bare = self.what.trim().trim_start_matches('<').trim_end_matches('>');
        if bare.is_empty() {
            return Err(Fault::new(Class::Usage, "there is nothing to look for")
                .hint("give an address, a Message-ID, or a part of the subject or of a name")
                .into());
        }
        let wanted = if bare.contains('@') && !bare.contains(' ') {
            Wanted::Sign(bare.to_string())
        } else {
            Wanted::Subject(self.what.trim().to_string())
        };
        let (stored, skipped) = (self.stored(db, &wanted, span)?, self.skipped(db, &wanted, span)?);
        let is_more = [&stored, &skipped].iter().any(|some| i64::try_from(some.len()).is_ok_and(|count| count >= self.limit));
        let mut found = [stored, skipped].concat();
        found.extend(quarantined(db, &wanted, span)?);
        if let Wanted::Sign(id) = &wanted {
            found.extend(deleted(db, id, span)?);
        }
        let asked = if self.servers { Some(servers::ask(context, &wanted, span, self.limit)?) } else { None };
        if let Some(asked) = &asked {
            found.extend(asked.found.iter().cloned());
            asked.faults.iter().for_each(|fault| context.out.complain(fault));
        }
        found.sort_by_key(|one| std::cmp::Reverse(one.at));
        let behind = behind(store.connection())?;
        if found.is_empty() {
            return Err(self.nothing(store.connection(), asked.as_ref(), &behind)?.into());
        }
        if context.out.format != Format::Text {
            context.out.list(&found, &[], |_| Vec::new());
            return Ok(());
        }
        context.out.item(&found, || found.iter().map(Found::told).collect());
        if is_more {
            context
                .out
                .tell(&format!("there may be more than {} of a kind: --limit NUMBER, --since TIME, --until TIME", self.limit));
        }
        for account in behind {
            context.out.tell(&account);
        }
        Ok(())
    }

    /// Says that nothing was found, and what was not looked at.
    fn nothing(&self, db: &mut Database, asked: Option<&servers::Asked>, behind: &[String]) -> Result<Fault> {
        const DELETED: &str =
            "nor is what never reached a server; what people deleted is known by its Message-ID alone: ask the sender for that";
        let hint = match asked {
            Some(asked) if asked.faults.is_empty() && !asked.places.is_empty() => {
                format!("the servers have none either; asked were {}{}; {DELETED}", asked.places.join("; "), asked.told_off())
            }
            Some(asked) if asked.places.is_empty() => format!("no server could be asked{}", asked.told_off()),
            Some(asked) => {
                format!("what could be asked of the servers has none either: {}{}", asked.places.join("; "), asked.told_off())
            }
            None if behind.is_empty() => format!(
                "{}; what lies in other mailboxes there, such as Junk, is not known here: espomail trace --servers; {DELETED}",
                read(db)?
            ),
            None => format!("it may lie on a server: {}", behind.join("; ")),
        };
        Ok(Fault::new(Class::Data, format!("no mail of {:?} is known", self.what)).hint(hint))
    }

    fn stored(&self, db: &mut Database, wanted: &Wanted, span: Span) -> Result<Vec<Found>> {
        let mut emails = trace::emails(db, wanted, span, self.limit)?;
        match wanted {
            Wanted::Sign(sign) => {
                // An address is compared in its plain form; a Message-ID as it stands.
                let key = address_key(sign);
                if key != *sign {
                    emails.extend(trace::emails(db, &Wanted::Sign(key), span, self.limit)?);
                }
                emails.extend(trace::of_several(db, span, self.limit, &|raw| is_by(raw, sign))?);
            }
            // On the phone one has a name.
            Wanted::Subject(part) => {
                for address in trace::addresses_named(db, part, NAMED)? {
                    emails.extend(trace::emails(db, &Wanted::Sign(address), span, self.limit)?);
                }
                if i64::try_from(emails.len()).is_ok_and(|found| found < self.limit) {
                    emails.extend(trace::by_name(db, part, span, self.limit)?);
                }
                emails.sort_by_key(|one| std::cmp::Reverse((one.arrived_at, one.email)));
                emails.dedup_by_key(|one| one.email);
            }
        }
        Ok(emails.into_iter().map(of_email).collect())
    }

    fn skipped(&self, db: &mut Database, wanted: &Wanted, span: Span) -> Result<Vec<Found>> {
        // What was asked for again is still found by what was kept of it.
        let fates = vec![Fate::Filtered, Fate::Undelivered, Fate::Gone];
        let Span { since, until } = span;
        let of = FateFilter { fates, since, until, limit: self.limit, ..FateFilter::default() };
        let asked = match wanted {
            Wanted::Sign(sign) => vec![
                FateFilter { author: Some(address_key(sign)), ..of.clone() },
                FateFilter { message_id: Some(sign.clone()), ..of },
            ],
            Wanted::Subject(part) => {
                let named = trace::addresses_named(db, part, NAMED)?.into_iter();
                let named = named.map(|author| FateFilter { author: Some(author), ..of.clone() });
                named.chain([FateFilter { subject_part: Some(part.clone()), ..of.clone() }]).collect()
            }
        };
        let mut lines: Vec<fate::Line> = Vec::new();
        for filter in asked {
            for line in fate::list(db, &filter)? {
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
        let ids: Vec<&str> = lines.iter().filter_map(|line| line.message_id.as_deref()).collect();
        let stored = trace::stored_among(db, ids.into_iter())?;
        let (past, accounts) = (filter::past(db)?, account::list(db)?);
        let retry = |line: &fate::Line| {
            let by = past.iter().find(|one| Some(one.id) == line.skipped_by);
            by.map(|one| format!("espomail fate retry --filter {}", argument::quoted(&filter::reference(&past, one))))
        };
        let told = |line: fate::Line| {
            let explain =
                format!("espomail explain {}", argument::quoted(&format!("{}/{}/{}", line.account, line.mailbox, line.uid)));
            let place = format!("on the server: {} UID {}", line.mailbox, line.uid);
            // As things are, no pass reads it.
            let reading =
                accounts.iter().find(|account| account.name == line.account).map(|account| reading(account, &line.mailbox));
            let reading = reading.filter(|ways| !ways.is_empty());
            let (whereabouts, next) = match (line.fate, reading) {
                (Fate::Gone, _) => ("gone from the server when it was asked for again".to_string(), explain),
                (Fate::Undelivered, Some(ways)) => (format!("{place}, which no pass reads"), ways),
                (Fate::Undelivered, None) => (format!("{place}, asked for again"), "espomail quarantine list".to_string()),
                _ if line.kept => ("kept here, as no server keeps it".to_string(), retry(&line).unwrap_or(explain)),
                // It came in by another way.
                _ if line.message_id.as_ref().is_some_and(|id| stored.contains(id)) => {
                    ("it is stored by now: an e-mail has its Message-ID".to_string(), explain)
                }
                _ if line.is_left => {
                    let place = format!("on the server that the account has left: {} UID {}", line.mailbox, line.uid);
                    (place, "espomail import FILE, with a copy of it".to_string())
                }
                _ if !line.on_server => ("not kept any more: espomail deliver or import was given it".to_string(), explain),
                (_, Some(ways)) => (format!("{place}, which no pass reads"), ways),
                (_, None) => (place, retry(&line).unwrap_or(explain)),
            };
            Found {
                place: None,
                at: line.at,
                what: "skipped".to_string(),
                whereabouts,
                next,
                account: line.account,
                from: line.from.unwrap_or_default(),
                sender_not_verified: false,
                subject: line.subject.unwrap_or_default(),
            }
        };
        Ok(lines.into_iter().map(told).collect())
    }
}

fn of_email(one: Whereabouts) -> Found {
    let id = one.email;
    let mut places = one.places;
    let next = match (&one.letter, one.review) {
        (Some(letter), _) => {
            places.insert(0, sent(letter));
            format!("espomail outbox show {}", letter.id)
        }
        (None, Some(review)) => {
            places.insert(0, format!("held: review {review}"));
            format!("espomail review show {review}")
        }
        (None, None) => format!("espomail explain {id}"),
    };
    if places.is_empty() {
        places.push("reached nobody".to_string());
    }
    Found {
        at: one.arrived_at,
        what: format!("e-mail {id}"),
        account: one.accounts.join(" "),
        from: one.from,
        sender_not_verified: one.sender_not_verified,
        subject: one.subject,
        whereabouts: places.join(", "),
        next,
        place: None,
    }
}

/// How far a letter of ours is.
fn sent(letter: &SentLetter) -> String {
    match (&letter.held_because, letter.state) {
        (Some(because), OutboxState::Draft | OutboxState::Queued) => format!("held: {because}"),
        (_, OutboxState::Sent) => match letter.sent_at {
            Some(at) => format!("sent {}", rfc3339(at)),
            None => "sent".to_string(),
        },
        (_, state) => match &letter.last_error {
            Some(error) => format!("{state}: {error}"),
            None => state.to_string(),
        },
    }
}

/// The quarantine is short: each message in it is read.
fn quarantined(db: &mut Database, wanted: &Wanted, span: Span) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for kept in quarantine::list(db, None)? {
        if kept.size.is_none() || !span.has(kept.since) {
            continue;
        }
        // What brought a parser down is looked at as far as its header.
        let raw = quarantine::raw_of(db, kept.id)?;
        let Ok(mail) = contain(|| mail::parse(&raw[..raw.len().min(LARGEST_HEADER)])) else { continue };
        let from = mail.from.as_ref().map(|from| from.address.clone()).unwrap_or_default();
        let is_meant = match wanted {
            Wanted::Sign(sign) => is_by(&raw, sign) || mail.message_id.as_ref() == Some(sign),
            Wanted::Subject(part) => mail.subject.to_lowercase().contains(&part.to_lowercase()),
        };
        if is_meant {
            found.push(Found {
                at: kept.since,
                what: format!("quarantine {}", kept.id),
                account: kept.account,
                from,
                sender_not_verified: false,
                subject: mail.subject,
                whereabouts: kept.error,
                next: format!("espomail quarantine retry {}", kept.id),
                place: None,
            });
        }
    }
    Ok(found)
}

fn deleted(db: &mut Database, message_id: &str, span: Span) -> Result<Vec<Found>> {
    let mut traces = access::deletions_of(db, message_id)?;
    traces.retain(|trace| span.has(trace.at));
    let told = |trace: access::Trace| Found {
        at: trace.at,
        what: "deleted".to_string(),
        account: String::new(),
        from: String::new(),
        sender_not_verified: false,
        subject: String::new(),
        whereabouts: format!(
            "{} was deleted by {}; espomail import FILE brings a copy of it back",
            trace.subject,
            trace.user.unwrap_or(trace.os_account)
        ),
        next: format!("espomail explain '{message_id}'"),
        place: None,
    };
    Ok(traces.into_iter().map(told).collect())
}

/// What is read, in words.
fn read(db: &mut Database) -> Result<String> {
    let told = |account: account::Account| format!("account {}: {}", account.name, account.settings.mailboxes.join(", "));
    let read: Vec<String> = account::list(db)?.into_iter().map(told).collect();
    Ok(if read.is_empty() { "there is no account".to_string() } else { format!("read were {}", read.join("; ")) })
}

/// The accounts on whose servers mail may lie that nobody has read, in words.
fn behind(db: &mut Database) -> Result<Vec<String>> {
    let told = |account: account::Account| {
        let name = argument::quoted(&account.name);
        if !account.active {
            return Some(format!("account {name} is switched off; try: espomail account enable {name}"));
        }
        if account.state.last_success_at.is_some() && account.state.failing_since.is_none() {
            return None;
        }
        let since = match account.state.last_success_at {
            Some(at) => format!("since {}", rfc3339(at)),
            None => "yet".to_string(),
        };
        let error = account.state.last_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        Some(format!("account {name} was not read {since}{error}; try: espomail account test {name}"))
    };
    let mut behind: Vec<String> = account::list(db)?.into_iter().filter_map(told).collect();
    let late = quarantine::list(db, None)?.into_iter().filter(|kept| kept.size.is_none());
    let mut late: Vec<String> = late
        .map(|kept| {
            format!(
                "account {} has messages that its server does not hand over; see: espomail quarantine list",
                argument::quoted(&kept.account)
            )
        })
        .collect();
    late.dedup();
    behind.extend(late);
    Ok(behind)
}
