//! `espomail doctor`.

mod finding;
mod measured;

use std::io;
use std::sync::Mutex;

use anyhow::Result;

use self::finding::{Finding, text};
use super::argument;
use super::measure::{Measure, room_limits};
use super::people::{self, Said};
use crate::config::masked;
use crate::context::{self, Context};
use crate::decide::health::Level;
use crate::fault::{Class, Fault};
use crate::net::dns;
use crate::pass::{Stop, crew, send};
use crate::plural::{counted, doing, told_bytes};
use crate::store::account::{self, Account};
use crate::store::generation;
use crate::store::overview::overview;
use crate::store::proof::{self, Proved};
use crate::store::sending::{self, Sending};
use crate::store::server_action::{self, Stuck};
use crate::store::taker::Takers;
use crate::store::{Database, SchemaState, Store, backup, dialect, load, part, storage, upkeep};

/// How far clocks may differ, in seconds.
const SKEW: i64 = 60;
/// Servers that are asked at once.
const WORKERS: usize = 8;

/// Look at everything that espomail needs, or prove that the database holds together
///
/// One line for each: configuration and files, clock, database, room on the disk, passes, accounts that fail, what waits in the outbox or
/// failed, quarantine, reviews, budgets, cases that nobody has and who may not read theirs, DKIM keys, and the login of each account for reading and sending; with what to type next. What
/// "espomail status --check" measures has the same limits here: WARNING is "warning", and CRITICAL is "fault". The exit status is 1 where something is strange, and that of the gravest
/// fault where there is one.
///
/// With --prove it looks at what must hold in the database whatever happened: each law with how many things it was held against and how many
/// break it, then the rows that do. Passes may be at work meanwhile. The exit status is 1 where a law is broken.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples: espomail doctor --offline\n          espomail doctor --prove --deep")]
pub struct Doctor {
    /// Leave the servers of the accounts alone
    #[arg(long, conflicts_with = "prove")]
    offline: bool,
    /// Prove that the database holds together
    #[arg(long)]
    prove: bool,
    /// Read all raw messages and make their digests anew; takes as long as reading the whole database
    #[arg(long, requires = "prove")]
    deep: bool,
}

impl Doctor {
    pub fn run(self, context: &Context) -> Result<()> {
        if self.prove {
            context.loaded.check_custody()?;
            let proved = proof::prove(context.store()?.connection(), self.deep)?;
            tell(context, &proved);
            return Ok(());
        }
        let findings = self.look(context);
        for class in findings.iter().filter_map(|finding| finding.class) {
            context.out.remember(class);
        }
        if context.out.is_text() {
            context.out.say(&text(&findings));
        } else {
            context.out.list(&findings, &[], |_| Vec::new());
        }
        Ok(())
    }

    fn look(&self, context: &Context) -> Vec<Finding> {
        let mut findings = configuration(context);
        // Of what others may have written, nothing is done.
        if context.loaded.check_custody().is_err() {
            return findings;
        }
        let mut store = match open(context) {
            Ok((store, finding)) => {
                findings.push(finding);
                store
            }
            Err(error) => {
                findings.push(Finding::fault("database", error));
                // Often it is the disk; where that is not there either, the line above says so.
                findings.extend(disk(context, None).unwrap_or_default());
                return findings;
            }
        };
        let db = store.connection();
        let looks: [(&str, Look); 5] = [
            ("clock", clock),
            ("disk", |context, db| disk(context, Some(upkeep::size(db)?))),
            ("copy", put_back),
            ("passes", numbers),
            ("on servers", on_servers),
        ];
        for (what, look) in looks {
            findings.extend(look(context, db).unwrap_or_else(|error| vec![Finding::fault(what, error)]));
        }
        findings.extend(keys(context, self.offline));
        findings.extend(storages(context, db));
        match accounts(db) {
            Ok(accounts) if accounts.is_empty() => {
                findings.push(Finding::warning("accounts", "there is none", "espomail account add --help"));
            }
            Ok(accounts) if !self.offline => findings.extend(servers(context, &accounts)),
            Ok(_) => {}
            Err(error) => findings.push(Finding::fault("accounts", error)),
        }
        findings
    }
}

type Look = fn(&Context, &mut Database) -> Result<Vec<Finding>>;

/// Prints what was proved: the laws, then what breaks them.
fn tell(context: &Context, proved: &[Proved]) {
    context.out.list(proved, &["law", "things", "broken", "says"], |one| {
        vec![one.law.to_string(), one.things.to_string(), one.broken.to_string(), one.says.to_string()]
    });
    for one in proved.iter().filter(|one| one.broken > 0) {
        context.out.remember(Class::No);
        one.rows.iter().for_each(|row| context.out.say(&format!("{}: {row}", one.law)));
        let more = one.broken - i64::try_from(one.rows.len()).unwrap_or_default();
        if more > 0 {
            context.out.say(&format!("{}: … {more} more", one.law));
        }
    }
}

fn configuration(context: &Context) -> Vec<Finding> {
    let file = context.loaded.file.as_ref().map_or_else(|| "defaults".to_string(), |file| file.display().to_string());
    let (faults, unseen) = super::config::faults(context);
    let mut findings: Vec<Finding> = faults.into_iter().map(|fault| Finding::fault("configuration", fault)).collect();
    if findings.is_empty() {
        let unseen = unseen.map(|why| format!("; the accounts' files were not looked at: {why}")).unwrap_or_default();
        findings.push(Finding::ok("configuration", format!("{file}: sound, and nobody else can change its files{unseen}")));
    }
    findings
}

fn open(context: &Context) -> Result<(Store, Finding)> {
    let mut store = Store::connect(context.database())?;
    if store.schema_state()? != SchemaState::Current {
        // Says why, and what to type.
        store = context.store()?;
    }
    let size = u64::try_from(upkeep::size(store.connection())?).unwrap_or_default();
    let said = format!("{}: the tables fit, {}", masked(context.database()), told_bytes(size));
    Ok((store, Finding::ok("database", said)))
}

/// The clock of this host against the database's own, and against what was written before.
fn clock(context: &Context, db: &mut Database) -> Result<Vec<Finding>> {
    let now = context.now();
    let away = dialect::clock(db, now)? - now;
    let newest = account::list(db)?.iter().filter_map(|account| account.state.last_success_at).max().unwrap_or(now);
    let next = "set the clock of this host (timedatectl set-ntp true)";
    Ok(vec![if away.abs() > SKEW {
        Finding::warning("clock", format!("the database's clock is {} away", counted(away, "second")), next)
    } else if newest > now + SKEW {
        Finding::warning("clock", format!("a pass was at work {} from now", counted(newest - now, "second")), next)
    } else {
        Finding::ok("clock", "fits the database's")
    }])
}

/// Room for the database, and for another one of its size: a copy, or what `db vacuum` needs. It is asked of the disk alone where the
/// database cannot be opened.
fn disk(context: &Context, size: Option<i64>) -> Result<Vec<Finding>> {
    let Some(path) = backup::path_of(context.database())? else { return Ok(Vec::new()) };
    let size = size.or_else(|| std::fs::metadata(&path).ok().and_then(|file| i64::try_from(file.len()).ok())).unwrap_or_default();
    let folder = part::folder_of(&path);
    let room = part::room(&path).map_err(|error| Fault::new(Class::Io, format!("{}: {error}", folder.display())))?;
    let said = format!("{} free at {}", told_bytes(room), folder.display());
    let left = part::left_in(folder).into_iter().map(|left| {
        let what = "left behind by a db restore or db backup that was killed: mail may be in it";
        let file = argument::quoted(&left.display().to_string());
        Finding::warning(
            "disk",
            format!("{}: {what}", left.display()),
            format!("rm -f {file} {file}-wal {file}-shm {file}-journal"),
        )
    });
    let level = Measure::DiskFree.judge(room_limits(size), i64::try_from(room).unwrap_or(i64::MAX));
    let of = (level, Measure::DiskFree.class());
    let room = match level {
        Level::Ok => Finding::ok("disk", said),
        Level::Warning => {
            let said = format!("{said}, less than the database has");
            Finding::measured("disk", of, said, "make room for a copy, and for espomail db vacuum")
        }
        Level::Critical => {
            Finding::measured("disk", of, said, "make room: a pass that finds none stores nothing and ends with 74")
        }
    };
    Ok(std::iter::once(room).chain(left).collect())
}

/// Whether the database was put back from a copy, and no pass has seen it yet.
fn put_back(context: &Context, db: &mut Database) -> Result<Vec<Finding>> {
    Ok(match generation::behind(db, &context.beside())? {
        Some(why) => {
            let what = format!("the database was put back from a copy: {why}");
            let fault =
                Fault::new(Class::TempFail, what).hint("the next pass holds what is queued; or type: espomail db restored");
            vec![Finding::fault("copy", fault.into())]
        }
        None => vec![Finding::ok("copy", "the database is as new as what this host knows of it")],
    })
}

/// How cron starts this program: by its path, and with the configuration where it would not find that by itself.
fn command(context: &Context) -> String {
    let program = std::env::current_exe().map_or_else(|_| "espomail".to_string(), |path| path.display().to_string());
    let file = context
        .loaded
        .file
        .as_ref()
        .filter(|file| !context::is_found_by_cron(file))
        .and_then(|file| std::path::absolute(file).ok());
    let file = file.map(|file| format!(" -c {}", argument::quoted(&file.display().to_string())));
    format!("{}{}", argument::quoted(&program), file.unwrap_or_default())
}

/// What `status --check` measures: whether the passes are at work that cron starts, what waits for a person, and what failed.
fn numbers(context: &Context, db: &mut Database) -> Result<Vec<Finding>> {
    let now = context.now();
    let overview = overview(db, context.database(), now)?;
    let mut findings = measured::passes(&overview, &command(context), now);
    findings.extend(measured::rows(&overview, now));
    findings.extend(people(db, now)?);
    Ok(findings)
}

/// Accounts that have nobody to give a case to, users who are switched off and have some (DIST-1), and users who may not read those that they
/// get (ACCESS-2).
fn people(db: &mut Database, now: i64) -> Result<Vec<Finding>> {
    let takers = Takers::of(db)?;
    let mut said: Vec<Said> = takers.idle(now).iter().map(|one| people::idle(one, now)).collect();
    for one in takers.blind() {
        said.push(people::blind(db, one)?);
    }
    said.extend(people::gone(&load::left(db)?));
    Ok(said.into_iter().map(|one| Finding::warning(measured::PEOPLE, one.said, one.next)).collect())
}

/// What was to be done with messages on their servers, and does not go on by itself (FETCH-9).
fn on_servers(context: &Context, db: &mut Database) -> Result<Vec<Finding>> {
    let (due, stuck) = server_action::stuck(db, context.now())?;
    if stuck.is_empty() {
        return Ok(vec![Finding::ok("on servers", format!("{due} due, nothing is given up"))]);
    }
    let told = |(account, stuck): (String, Stuck)| {
        let (what, name) = (format!("on servers: {account}"), argument::quoted(&account));
        let see = format!("espomail account actions {name}");
        let given_up = (stuck.given_up > 0).then(|| {
            let why = stuck.last_error.map(|why| format!(": {why}")).unwrap_or_default();
            let next = format!("{see}; then with --retry or --drop");
            Finding::warning(what.clone(), format!("{} given up{why}", stuck.given_up), next)
        });
        let unwatched = (stuck.unwatched > 0).then(|| {
            let said = format!("{} in mailboxes that are not read any more", doing(stuck.unwatched, "action", "waits", "wait"));
            let mailbox = argument::quoted(stuck.mailbox.as_deref().unwrap_or_default());
            let next = format!("have it read again: espomail account set {name} --mailbox; or: {see} --mailbox {mailbox} --drop");
            Finding::warning(what.clone(), said, next)
        });
        given_up.into_iter().chain(unwatched).collect::<Vec<_>>()
    };
    Ok(stuck.into_iter().flat_map(told).collect())
}

/// The keys of domains that sign; one that cannot be read was said with the configuration.
fn keys(context: &Context, is_offline: bool) -> Vec<Finding> {
    let keys = context.loaded.config.send.dkim.iter();
    let sound = keys.filter_map(|(domain, dkim)| Some((domain, dkim, context::signing_key(domain, dkim).ok()?.record().ok()?)));
    sound
        .map(|(domain, dkim, (name, wanted))| {
            let (what, signs) = (format!("dkim {domain}"), format!("{} signs", dkim.key_file));
            if is_offline {
                return Finding::ok(what, format!("{signs}; its record is {name}"));
            }
            published(what, &signs, (&name, &wanted), dns::texts(&name))
        })
        .collect()
}

/// Whether DNS has the key that signs. Where it does not answer, as nobody outside is asked here, that is said, and no fault of the key.
fn published(what: String, signs: &str, (name, wanted): (&str, &str), texts: io::Result<Vec<String>>) -> Finding {
    let key = |text: &str| {
        let part = text.split(';').map(str::trim).find_map(|part| part.strip_prefix("p="));
        part.map(|key| key.split_whitespace().collect::<String>())
    };
    let publish = format!("publish the TXT record {name}: {wanted}");
    match texts {
        Ok(texts) if texts.iter().any(|text| key(text) == key(wanted)) => {
            Finding::ok(what, format!("{signs}; DNS has its record {name}"))
        }
        Ok(texts) if texts.is_empty() => {
            Finding::warning(what, format!("{signs}, and DNS has no record {name}: nobody can verify it"), publish)
        }
        Ok(_) => Finding::warning(what, format!("{signs}, and the record {name} has another key: what it signs fails"), publish),
        Err(error) => Finding::ok(what, format!("{signs}; its record is {name}, which DNS was asked for in vain: {error}")),
    }
}

/// Where raw bytes lie outside the database. That it can be worked with was looked at with the configuration.
fn storages(context: &Context, db: &mut Database) -> Vec<Finding> {
    let known: Vec<&str> = context.loaded.config.storage.all().filter_map(|one| one.url.as_deref()).collect();
    let shares = match storage::shares(db) {
        Ok(shares) => shares,
        Err(error) => return vec![Finding::fault("storage", error)],
    };
    let told = |share: &storage::Share| {
        let said = format!("{}: {} messages, {} to be deleted", share.place, share.messages, share.to_delete);
        let next = "name it in [storage] or [[storage.also]]; see espomail.toml(5)";
        if !known.contains(&share.place.as_str()) {
            return Finding::warning("storage", format!("{said}, and the configuration does not name it"), next);
        }
        let there = storage::find(db, &share.place).and_then(|row| row.map_or(Ok(()), |row| row.depot()?.is_there(&row.folder)));
        there.map_or_else(|error| Finding::fault("storage", error), |()| Finding::ok("storage", said))
    };
    let outside = shares.iter().skip(1);
    outside.filter(|one| one.messages + one.to_delete > 0 || known.contains(&one.place.as_str())).map(told).collect()
}

/// The accounts that are in use, with what they send through.
fn accounts(db: &mut Database) -> Result<Vec<(Account, Sending)>> {
    let active = account::list(db)?.into_iter().filter(|account| account.active);
    active.map(|account| Ok((account.clone(), sending::of(db, account.id)?))).collect()
}

/// Logs in everywhere, several at once.
fn servers(context: &Context, accounts: &[(Account, Sending)]) -> Vec<Finding> {
    let found = Mutex::new(Vec::new());
    let work = |(): &mut (), (at, (account, sending)): (usize, &(Account, Sending))| {
        let findings = server(context, account, sending);
        found.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((at, findings));
    };
    crew::each(WORKERS, accounts.iter().enumerate().collect(), &|| (), &work);
    let mut found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().flat_map(|(_, findings)| findings).collect()
}

fn server(context: &Context, account: &Account, sending: &Sending) -> Vec<Finding> {
    let what = format!("account {}", account.name);
    let reads = super::account::connect(context, account).map(|session| {
        session.logout();
        format!("reads from {}:{} ({})", account.server.imap_host, account.server.imap_port, account.server.imap_security)
    });
    let mut findings = vec![reads.map_or_else(|error| Finding::fault(&what, error), |said| Finding::ok(&what, said))];
    if let Some(smtp) = &sending.smtp {
        let tried =
            super::send::with_setting(context, &Stop::default(), None, |setting| send::test(setting, account, smtp, None));
        findings.push(match tried {
            Ok(_) => Finding::ok(&what, format!("sends through {}:{} ({})", smtp.host, smtp.port, smtp.security)),
            Err(error) => Finding::fault(&what, error),
        });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::State;

    #[test]
    fn a_key_that_signs_is_compared_with_what_dns_has() {
        let record = ("desk._domainkey.example.com", "v=DKIM1; k=rsa; p=AB+C=");
        let found = |texts: io::Result<Vec<String>>| {
            let finding = published("dkim example.com".to_string(), "dkim.pem signs", record, texts);
            (finding.state, finding.said, finding.next)
        };
        let texts = |texts: &[&str]| Ok(texts.iter().map(ToString::to_string).collect());
        for good in ["k=rsa;p=AB+C=", "v=DKIM1; t=s; p=AB +C="] {
            assert_eq!(found(texts(&["other", good])).0, State::Ok);
        }
        let publish = Some("publish the TXT record desk._domainkey.example.com: v=DKIM1; k=rsa; p=AB+C=".to_string());
        for (bad, words) in
            [(texts(&[]), "no record"), (texts(&["v=DKIM1; p="]), "another key"), (texts(&["v=spf1 -all"]), "another key")]
        {
            let (state, said, next) = found(bad);
            assert!(state == State::Warning && said.contains(words) && next == publish, "{said}");
        }
        let (state, said, _) = found(Err(io::ErrorKind::TimedOut.into()));
        assert!(state == State::Ok && said.contains("asked for in vain"), "{said}");
    }
}
