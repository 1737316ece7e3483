//! Passes are killed at random instants and at random steps, several at once, while mail is delivered, moved and expunged and, on
//! PostgreSQL, the server is killed and started again; then everything is compared with the mail server. A short run is one of the
//! tests; `make torture MINUTES=30` is a long one, and `TORTURE_SEED=N` repeats a run as far as the clock allows.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::Duration;

use espomail::store::Store;

use crate::store::{numbers, texts};
use crate::support::dovecot::{self, PASSWORD};
use crate::support::postgres::Mortal;
use crate::support::smtp::{Manners, SmtpSink};
use crate::support::world::World;

/// How long a run is where nobody says it.
const SHORT: Duration = Duration::from_secs(7);

/// How many quarters of that time are added where it was not enough.
const PATIENCE: u32 = 12;

/// The accounts, each with the mailboxes it reads.
const ACCOUNTS: [(&str, &[&str]); 2] = [("support", &["INBOX", "Second"]), ("sales", &["INBOX"])];

const AGENTS: [&str; 3] = ["ada", "ben", "cleo"];

/// The messages that a pass is at, or died at.
const IN_HAND: &str = "SELECT COUNT(*) AS n FROM attempts WHERE under_way OR count > 0";

/// Passes at once.
const PASSES: u64 = 3;

/// Numbers that look random and can be had again (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }
}

/// What is tortured.
struct Rack {
    database: &'static str,
    world: World,
    cluster: Option<Mortal>,
    sink: SmtpSink,
    seed: u64,
    over: AtomicBool,
    /// Its time is over, and too little was done.
    is_late: AtomicBool,
    /// A message was in hand when its pass was killed: the next pass is let through, so that none dies twice at one message, and
    /// whatever is quarantined is so for no fault of its own.
    spared: Mutex<bool>,
    /// Held for writing by a pass that dies at a step: nobody else is at work then.
    steps: RwLock<()>,
    done: Figures,
}

#[derive(Default)]
struct Figures {
    passes: AtomicU64,
    kills: AtomicU64,
    in_hand: AtomicU64,
    steps: AtomicU64,
    outages: AtomicU64,
    failed: AtomicU64,
    delivered: AtomicU64,
    moved: AtomicU64,
    expunged: AtomicU64,
}

fn count(figure: &AtomicU64) {
    figure.fetch_add(1, Ordering::Relaxed);
}

impl Rack {
    fn user(&self, account: &str) -> String {
        format!("torture-{}-{account}-{}", self.database, self.seed)
    }

    fn start(database: &'static str, seed: u64) -> Self {
        let cluster = (database == "postgresql").then(Mortal::start);
        let mut world = match &cluster {
            Some(cluster) => World::at(&cluster.url("torture")),
            None => World::on("sqlite"),
        };
        // The clock goes, so that pauses end.
        world.set("ESPOMAIL_NOW", "");
        let sink = SmtpSink::start(Manners::default());
        let rack = Self {
            database,
            world,
            cluster,
            sink,
            seed,
            over: AtomicBool::new(false),
            is_late: AtomicBool::new(false),
            spared: Mutex::new(false),
            steps: RwLock::new(()),
            done: Figures::default(),
        };
        rack.set_up();
        rack
    }

    fn set_up(&self) {
        let (world, server) = (&self.world, dovecot::server());
        let config = std::fs::read_to_string(world.config()).unwrap();
        let all = "[1000000, 1000000]";
        let budgets: String = ["answers", "cases", "reopens", "notifications"]
            .map(|what| {
                format!("[budgets.{what}]\nper-address = {all}\nper-domain = {all}\nper-account = {all}\noverall = {all}\n")
            })
            .concat();
        world.write(&world.config(), &format!("{config}\n[fetch]\nbatch-messages = 4\n{budgets}"), 0o600);
        for login in AGENTS {
            world.run(&["user", "add", login]).ok();
        }
        world.run(&["team", "add", "support"]).ok();
        world.run(&[&["team", "join", "support"][..], &AGENTS].concat()).ok();
        world.run_with(&["template", "add", "ack", "--subject", "Thanks"], "It is here.").ok();
        let (imap, smtp) = (server.port.to_string(), self.sink.port.to_string());
        for (name, mailboxes) in ACCOUNTS {
            let user = self.user(name);
            for mailbox in mailboxes {
                server.append(&user, mailbox, []);
            }
            let address = format!("{name}@example.com");
            let mailboxes: Vec<&str> = mailboxes.iter().flat_map(|mailbox| ["--mailbox", mailbox]).collect();
            let reads = ["--imap-host", "127.0.0.1", "--imap-port", &imap, "--imap-security", "plain", "--imap-user", &user];
            let since = ["--password-stdin", "--fetch-since", "2026-01-01", "--act-since", "2026-01-01"];
            let cases = ["--make-cases", "--distribution", "round-robin", "--case-team", "support"];
            let sends = ["--smtp-host", "127.0.0.1", "--smtp-port", &smtp, "--smtp-security", "plain", "--auto-reply", "ack"];
            let all =
                [&["account", "add", name, "--address", &address][..], &reads, &since, &cases, &sends, &mailboxes[..]].concat();
            world.run_with(&all, PASSWORD).ok();
        }
    }

    /// Asks the database for a number; none while it cannot be had.
    fn ask(&self, query: &str) -> Option<i64> {
        #[derive(diesel::QueryableByName)]
        struct One {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            n: i64,
        }
        use diesel::RunQueryDsl;
        let mut store = Store::open(&self.world.url()).ok()?;
        diesel::sql_query(query).load::<One>(store.connection()).ok()?.first().map(|row| row.n)
    }

    /// Delivers, moves and expunges until it is over.
    fn mail(&self) {
        let (server, mut dice) = (dovecot::server(), Dice(self.seed));
        let mut known: Vec<(usize, String)> = Vec::new();
        let mut number = 0;
        while !self.over.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(dice.roll(60)));
            let at = dice.roll(ACCOUNTS.len() as u64) as usize;
            let (name, mailboxes) = ACCOUNTS[at];
            let user = self.user(name);
            match dice.roll(10) {
                0 => {
                    // The last one of a mailbox goes to another one, or away.
                    let found = server.ask(&user, "INBOX", "UID SEARCH ALL");
                    let Some(uid) = found.split(' ').skip(2).last().filter(|uid| !uid.is_empty()) else { continue };
                    if mailboxes.len() > 1 && dice.roll(2) == 0 {
                        server.run(&user, &["SELECT INBOX", &format!("UID MOVE {uid} Second")]);
                        count(&self.done.moved);
                    } else {
                        let flag = format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)");
                        server.run(&user, &["SELECT INBOX", &flag, &format!("UID EXPUNGE {uid}")]);
                        count(&self.done.expunged);
                    }
                }
                roll => {
                    number += 1;
                    let id = format!("{number}.{}", self.seed);
                    // A third are replies within an account; a tenth come twice.
                    let parent = known.get(dice.roll(known.len().max(1) as u64) as usize).filter(|_| roll < 4);
                    let parent = parent.filter(|(account, _)| *account == at).map(|(_, id)| id.clone());
                    let references = parent.as_ref().map(|parent| format!("In-Reply-To: <{parent}@example.org>\r\n"));
                    let author = parent.as_deref().unwrap_or(&id).split('.').next().unwrap_or_default().to_string();
                    let letter = format!(
                        "From: <c{author}@customer.example>\r\nTo: {name}@example.com\r\nSubject: About {id}\r\n\
                         Message-ID: <{id}@example.org>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n{}\r\nText of {id}\r\n",
                        references.unwrap_or_default()
                    );
                    let mailbox = mailboxes[dice.roll(mailboxes.len() as u64) as usize];
                    for _ in 0..=u64::from(roll == 9) {
                        server.append(&user, mailbox, [letter.as_bytes()]);
                        count(&self.done.delivered);
                    }
                    if parent.is_none() {
                        known.push((at, id));
                    }
                }
            }
        }
    }

    /// Runs passes until it is over: most are killed at a random instant, some at a random step, some come through.
    fn passes(&self, number: u64) {
        let mut dice = Dice(self.seed ^ (number + 1).wrapping_mul(0xD1B5_4A32_D192_ED03));
        while !self.over.load(Ordering::SeqCst) {
            let arguments: &[&str] = if dice.roll(4) == 0 { &["send"] } else { &["fetch", "support", "sales"] };
            count(&self.done.passes);
            let is_late = self.is_late.load(Ordering::SeqCst);
            if dice.roll(if is_late { 2 } else { 5 }) == 0 {
                self.die_at_a_step(arguments, 1 + dice.roll(24));
                continue;
            }
            let _shared = self.steps.read().unwrap();
            let mut pass =
                self.world.command(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            if dice.roll(5) > 0 {
                std::thread::sleep(Duration::from_millis(dice.roll(700)));
                self.kill(&mut pass);
            }
            self.see_off(pass, arguments);
        }
    }

    /// Kills a pass, unless another one's message is waiting to be made good.
    fn kill(&self, pass: &mut Child) {
        let mut spared = self.spared.lock().unwrap();
        // Where nobody can say what is in hand, nobody is killed.
        let died_at = self.ask("SELECT COUNT(*) AS n FROM attempts WHERE count > 0");
        if *spared || died_at != Some(0) || pass.try_wait().unwrap().is_some() {
            return;
        }
        pass.kill().unwrap();
        pass.wait().unwrap();
        count(&self.done.kills);
        *spared = self.is_in_hand();
    }

    fn is_in_hand(&self) -> bool {
        let in_hand = self.ask(IN_HAND) != Some(0);
        if in_hand {
            count(&self.done.in_hand);
        }
        in_hand
    }

    fn die_at_a_step(&self, arguments: &[&str], step: u64) {
        let _alone = self.steps.write().unwrap();
        let mut spared = self.spared.lock().unwrap();
        if *spared {
            return;
        }
        let mut command = self.world.command(arguments);
        let output = command.env("ESPOMAIL_DIE_AT_STEP", step.to_string()).stdin(Stdio::null()).output().unwrap();
        if output.status.code().is_none() {
            count(&self.done.steps);
            *spared = self.is_in_hand();
        }
    }

    /// Waits for a pass that was not killed, or was, and hears what it says.
    fn see_off(&self, pass: Child, arguments: &[&str]) {
        let output = pass.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) if arguments[0] == "fetch" && self.is_settled() => *self.spared.lock().unwrap() = false,
            None | Some(0) => {}
            // What may have been sent is said; an outage is, too.
            Some(69 | 75) => count(&self.done.failed),
            Some(status) => panic!("{}: {arguments:?} ended with {status}: {said}", self.database),
        }
        assert!(!said.contains("bug") && !said.contains("panicked"), "{}: {said}", self.database);
    }

    /// Nothing was in hand of a pass that died, any more.
    fn is_settled(&self) -> bool {
        self.ask(IN_HAND) == Some(0)
    }

    /// Kills PostgreSQL and starts it again.
    fn outages(&self) {
        let (Some(cluster), mut dice) = (&self.cluster, Dice(self.seed ^ 0xABCD)) else { return };
        while !self.over.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1_500 + dice.roll(2_500)));
            if self.is_late.load(Ordering::SeqCst) {
                continue;
            }
            cluster.kill();
            count(&self.done.outages);
            std::thread::sleep(Duration::from_millis(dice.roll(600)));
            cluster.rise();
        }
    }

    fn run(&self, time: Duration) {
        std::thread::scope(|scope| {
            scope.spawn(|| self.mail());
            scope.spawn(|| self.outages());
            for number in 0..PASSES {
                scope.spawn(move || self.passes(number));
            }
            std::thread::sleep(time);
            // On a machine that is slow or busy little may have happened by then: what is missing comes about where the database stays.
            self.is_late.store(true, Ordering::SeqCst);
            for _ in 0..PATIENCE {
                if self.has_done_enough() {
                    break;
                }
                std::thread::sleep(time / 4);
            }
            self.over.store(true, Ordering::SeqCst);
        });
        // Undisturbed, everything is made good.
        for _ in 0..3 {
            self.world.run(&["fetch", "support", "sales"]).ok();
        }
        for hours in [1, 8, 24] {
            let later = jiff::Timestamp::now() + Duration::from_secs(hours * 3_600);
            let mut command = self.world.command(&["send", "--limit", "1000000"]);
            let output = command.env("ESPOMAIL_NOW", later.to_string()).output().unwrap();
            assert!(matches!(output.status.code(), Some(0 | 75)), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// Passes died in both ways: without that a run says nothing.
    fn has_done_enough(&self) -> bool {
        self.done.kills.load(Ordering::Relaxed) > 0 && self.done.steps.load(Ordering::Relaxed) > 0
    }

    /// Compares with the mail server, and says what was found.
    fn judge(&self) {
        let mut store = Store::open(&self.world.url()).unwrap();
        let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let mut fault = |what: &'static str, which: String| found.entry(what).or_default().push(which);
        let server = dovecot::server();
        let stored = texts(&mut store, "SELECT message_id AS t FROM emails WHERE is_ours = FALSE");
        let ids: BTreeSet<&String> = stored.iter().collect();
        if ids.len() < stored.len() {
            fault("doubled", format!("{} e-mails with {} ids", stored.len(), ids.len()));
        }
        for (name, mailboxes) in ACCOUNTS {
            let user = self.user(name);
            for mailbox in mailboxes {
                for letter in server.messages(&user, mailbox) {
                    let id = letter.split("Message-ID: <").nth(1).and_then(|rest| rest.split('>').next()).unwrap().to_string();
                    if !ids.contains(&id) {
                        fault("lost", format!("{name} {mailbox} {id}"));
                    }
                }
                let uids = server.ask(&user, mailbox, "UID SEARCH ALL");
                let uids: Vec<&str> = uids.split(' ').skip(2).filter(|uid| !uid.is_empty()).collect();
                let place = format!("a.name = '{name}' AND p.mailbox = '{mailbox}'");
                let from = "FROM fates f JOIN positions p ON p.id = f.position_id JOIN accounts a ON a.id = p.account_id";
                let fates = texts(&mut store, &format!("SELECT CAST(f.uid AS TEXT) AS t {from} WHERE {place}"));
                let known: BTreeSet<&str> = fates.iter().map(String::as_str).collect();
                for uid in uids.into_iter().filter(|uid| !known.contains(uid)) {
                    fault("without a fate", format!("{name} {mailbox} UID {uid}"));
                }
                if known.len() < fates.len() {
                    fault("with two fates", format!("{name} {mailbox}"));
                }
            }
        }
        let mut count_of = |query: &str| numbers(&mut store, query)[0];
        // A letter and its replies are one thread, and a thread is one case.
        let threads = "SELECT COUNT(*) AS n FROM (SELECT e.thread_id FROM emails e JOIN records r ON r.id = e.parent_id
                       WHERE r.kind = 'case' GROUP BY e.thread_id HAVING COUNT(DISTINCT r.id) <> 1) AS several";
        let answers = "SELECT COUNT(*) AS n FROM (SELECT r.id FROM records r LEFT JOIN (SELECT e.parent_id FROM outbox o
                       JOIN emails e ON e.id = o.email_id WHERE o.kind = 'answer') AS a ON a.parent_id = r.id
                       WHERE r.kind = 'case' GROUP BY r.id HAVING COUNT(a.parent_id) <> 1) AS several";
        for (what, query) in [
            ("threads without their one case", threads),
            ("without a case", "SELECT COUNT(*) AS n FROM emails WHERE parent_id IS NULL"),
            ("cases without their one answer", answers),
            ("quarantined for no fault of theirs", "SELECT COUNT(*) AS n FROM quarantine"),
            ("messages not settled", "SELECT COUNT(*) AS n FROM outbox WHERE state NOT IN ('sent', 'maybe-sent')"),
            ("attempts left", "SELECT COUNT(*) AS n FROM attempts"),
            ("leases left", "SELECT COUNT(*) AS n FROM account_states WHERE lease_owner IS NOT NULL"),
        ] {
            let several = count_of(query);
            if several > 0 {
                fault(what, several.to_string());
            }
        }
        let proof = self.world.run(&["doctor", "--prove", "--deep"]);
        if proof.status != Some(0) {
            fault("laws broken", format!("{}{}", proof.stdout, proof.stderr));
        }
        let cases = count_of("SELECT COUNT(*) AS n FROM records WHERE kind = 'case'");
        let (sent, unsure) = (
            count_of("SELECT COUNT(*) AS n FROM outbox WHERE state = 'sent'"),
            count_of("SELECT COUNT(*) AS n FROM outbox WHERE state = 'maybe-sent'"),
        );
        let mut unfair = 0;
        for (name, _) in ACCOUNTS {
            let of_each: Vec<i64> = AGENTS
                .iter()
                .map(|login| {
                    count_of(&format!(
                        "SELECT COUNT(*) AS n FROM records r JOIN users u ON u.id = r.assigned_user_id
                         JOIN accounts a ON a.id = r.through_account_id WHERE u.login = '{login}' AND a.name = '{name}'"
                    ))
                })
                .collect();
            let spread = of_each.iter().max().unwrap() - of_each.iter().min().unwrap();
            unfair = unfair.max(spread);
            if spread > 1 {
                fault("turns lost or doubled", format!("{name}: {of_each:?}"));
            }
        }
        let taken = self.sink.taken();
        let sent_ids: BTreeSet<String> = taken
            .iter()
            .map(|taken| {
                let text = String::from_utf8_lossy(&taken.bytes).into_owned();
                text.split("Message-ID: ").nth(1).and_then(|rest| rest.lines().next()).unwrap_or_default().to_string()
            })
            .collect();
        if sent_ids.len() < taken.len() {
            fault("answers sent twice", format!("{} of {}", taken.len() - sent_ids.len(), taken.len()));
        }
        if (sent_ids.len() as i64) < sent || (sent_ids.len() as i64) > sent + unsure {
            fault("answers said to be sent", format!("{sent} sent, {unsure} maybe, {} taken", sent_ids.len()));
        }
        let of = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let done = &self.done;
        let figures = format!(
            "torture on {}: seed {}: {} delivered, {} moved, {} expunged; {} passes, {} killed at an instant, {} at a step ({} with a \
             message in hand), {} ended with 69 or 75, {} outages; {} e-mails, {cases} cases, {sent} answers sent, {unsure} maybe; \
             rotation within {unfair}; lost, doubled, or quarantined for no fault of theirs: {}",
            self.database,
            self.seed,
            of(&done.delivered),
            of(&done.moved),
            of(&done.expunged),
            of(&done.passes),
            of(&done.kills),
            of(&done.steps),
            of(&done.in_hand),
            of(&done.failed),
            of(&done.outages),
            stored.len(),
            found.values().map(Vec::len).sum::<usize>(),
        );
        eprintln!("{figures}");
        assert!(found.is_empty(), "{figures}\n{found:#?}");
        assert!(self.has_done_enough() && cases > 0, "{figures}: too little was done");
    }
}

fn torture(database: &'static str) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("TORTURE_SEED").unwrap_or_else(|| jiff::Timestamp::now().as_millisecond().unsigned_abs() % 1_000_000_000);
    let time = number("TORTURE_MINUTES").map_or(SHORT, |minutes| Duration::from_secs(60 * minutes));
    eprintln!("torture on {database}: to repeat it: TORTURE_SEED={seed}");
    let rack = Rack::start(database, seed);
    rack.run(time);
    rack.judge();
}

#[test]
fn torture_on_sqlite_loses_doubles_and_quarantines_nothing() {
    torture("sqlite");
}

#[test]
fn torture_on_postgresql_loses_doubles_and_quarantines_nothing() {
    torture("postgresql");
}
