//! The store on both databases: transactions, leases, positions, raw, quarantine, status.

mod apply;
mod cases;
mod effects;
mod facts;
mod growth;
mod hand;
mod lists;
mod notify;
mod order;
mod speed;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use diesel::connection::{Connection as _, InstrumentationEvent, SimpleConnection};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use espomail::fault::{Class, class_of};
use espomail::store::{Store, attempt, fate, lease, lock, next_number, position, quarantine, raw, state};
use espomail::words::{AccountId, EmailId, Fate, PositionId};

use crate::support::rows::rows;

pub const ACCOUNT: AccountId = AccountId(1);

/// Runs statements that both databases understand.
pub fn run(store: &mut Store, statements: &str) {
    store.connection().batch_execute(statements).unwrap();
}

/// Counts the statements that a store runs from now on.
pub fn statements(store: &mut Store) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    store.connection().set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if matches!(event, InstrumentationEvent::StartQuery { .. }) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    count
}

/// Returns the numbers of a query with one column named `n`.
pub fn numbers(store: &mut Store, query: &str) -> Vec<i64> {
    #[derive(QueryableByName)]
    struct One {
        #[diesel(sql_type = Nullable<BigInt>)]
        n: Option<i64>,
    }
    diesel::sql_query(query).load::<One>(store.connection()).unwrap().into_iter().map(|row| row.n.unwrap_or(-1)).collect()
}

/// Returns the texts of a query with one column named `t`.
pub fn texts(store: &mut Store, query: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct One {
        #[diesel(sql_type = Text)]
        t: String,
    }
    diesel::sql_query(query).load::<One>(store.connection()).unwrap().into_iter().map(|row| row.t).collect()
}

/// Adds the group account 1 `support`, the personal account 2 of user 1, users 1 to 3, teams 1 and 2.
pub fn settle(store: &mut Store) {
    let rows = [
        rows!(teams { id: 1, name: "support" } { id: 2, name: "sales" }),
        rows!(users
            { id: 1, login: "ada", name: "Ada Example", administrator: true, default_team_id: 2, last_assignment: 7 }
            { id: 2, login: "bob", name: "Bob Example" }
            { id: 3, login: "cleo", name: "Cleo Example", active: false }),
        rows!(user_addresses { user_id: 1, address: "ada@example.com" } { user_id: 3, address: "cleo@example.com" }),
        rows!(team_members
            { team_id: 1, user_id: 1, position: "agent" } { team_id: 1, user_id: 2 } { team_id: 1, user_id: 3 }
            { team_id: 2, user_id: 2 }),
        rows!(accounts
            { id: 1, name: "support", address: "support@example.com", act_since: 5, make_cases: true,
              distribution: "least-busy", assigned_user_id: 3, case_team_id: 1, case_position: "agent" }
            { id: 2, name: "ada", kind: "personal", owner_id: 1, address: "ada@example.com", imap_user: "ada" }),
        rows!(account_teams { account_id: 1, team_id: 1 }),
    ];
    run(store, &rows.concat());
}

/// Starts the position that tests put messages at.
pub fn inbox(store: &mut Store) -> PositionId {
    store.transaction(|db| position::start(db, ACCOUNT, "INBOX", 77, 0)).unwrap().id
}

fn packed(raw: &[u8]) -> raw::Packed {
    raw::pack(raw, *blake3::hash(raw).as_bytes())
}

on_both_databases! {
    fn a_failed_transaction_leaves_nothing(store: &mut TestStore) {
        let failed = store.transaction(|db| {
            lock(db)?;
            next_number(db, "raw")?;
            anyhow::bail!("no");
            #[allow(unreachable_code)]
            Ok(())
        });
        assert_eq!(failed.unwrap_err().to_string(), "no");
        assert_eq!(numbers(store, "SELECT value AS n FROM counters WHERE name = 'raw'"), [1]);
        assert_eq!(store.transaction(|db| next_number(db, "raw")).unwrap(), 1);
        assert_eq!(store.transaction(|db| next_number(db, "never seen")).unwrap(), 1);
        assert_eq!(store.transaction(|db| next_number(db, "never seen")).unwrap(), 2);
    }

    fn a_panic_rolls_back_and_the_connection_goes_on(store: &mut TestStore) {
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            store.transaction(|db| -> anyhow::Result<()> {
                next_number(db, "raw")?;
                panic!("a bug");
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(store.transaction(|db| next_number(db, "raw")).unwrap(), 1);
    }

    fn a_database_that_others_hold_is_to_be_tried_later(store: &mut TestStore) {
        let mut other = store.another();
        run(&mut other, if store.is_sqlite() { "PRAGMA busy_timeout = 20" } else { "SET lock_timeout = 50" });
        store.transaction(|db| {
            lock(db)?;
            let error = other.transaction(lock).unwrap_err();
            assert_eq!(class_of(&error), Class::TempFail, "{error:#}");
            Ok(())
        }).unwrap();
        other.transaction(lock).unwrap();
    }

    fn a_server_that_went_away_is_unavailable(store: &mut TestStore) {
        if store.is_sqlite() { return; }
        let pid = numbers(store, "SELECT pg_backend_pid()::bigint AS n")[0];
        run(&mut store.another(), &format!("SELECT pg_terminate_backend({pid})"));
        let error = store.transaction(lock).unwrap_err();
        assert_eq!(class_of(&error), Class::Unavailable, "{error:#}");
    }

    fn the_lock_row_serialises_deciders(store: &mut TestStore) {
        let threads: Vec<_> = (0..4).map(|_| {
            let mut store = store.another();
            std::thread::spawn(move || (0..25).map(|_| store.transaction(|db| { lock(db)?; next_number(db, "raw") }).unwrap()).collect::<Vec<_>>())
        }).collect();
        let mut given: Vec<i64> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        given.sort_unstable();
        assert_eq!(given, (1..=100).collect::<Vec<_>>());
    }

    fn a_deadlock_is_tried_again(store: &mut TestStore) {
        run(store, "INSERT INTO settings (name, value) VALUES ('a', '0'), ('b', '0')");
        let bump = |db: &mut espomail::store::Database, name: &str| {
            db.batch_execute(&format!("UPDATE settings SET value = value || 'x' WHERE name = '{name}'"))
        };
        let (here, there) = (mpsc::channel::<()>(), mpsc::channel::<()>());
        let mut other = store.another();
        let sqlite = store.is_sqlite();
        let thread = std::thread::spawn(move || {
            other.transaction(|db| {
                bump(db, "b")?;
                let _ = here.0.send(());
                // SQLite has one writer, so the other cannot answer; on PostgreSQL both hold one row now.
                if !sqlite { let _ = there.1.recv_timeout(Duration::from_millis(500)); }
                Ok(bump(db, "a")?)
            }).unwrap();
        });
        here.1.recv().unwrap();
        store.transaction(|db| {
            bump(db, "a")?;
            let _ = there.0.send(());
            Ok(bump(db, "b")?)
        }).unwrap();
        thread.join().unwrap();
        assert_eq!(texts(store, "SELECT value AS t FROM settings WHERE name IN ('a', 'b') ORDER BY name"), ["0xx", "0xx"]);
    }

    fn a_serialisation_failure_is_tried_again(store: &mut TestStore) {
        if store.is_sqlite() { return; }
        let mut other = store.another();
        let mut attempts = 0;
        store.transaction(|db| {
            attempts += 1;
            db.batch_execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT * FROM counters")?;
            if attempts == 1 { other.transaction(lock)?; }
            lock(db)
        }).unwrap();
        assert_eq!(attempts, 2);
    }

    fn fetch_11_a_lease_keeps_others_out_and_is_given_back(store: &mut TestStore) {
        settle(store);
        let now = jiff::Timestamp::now().as_second();
        let first = lease::take(store, ACCOUNT, "host-a:1", &|_| false, now, 60).unwrap().unwrap();
        assert_eq!((first.fence, first.found_dead), (1, false));
        assert_eq!(lease::take(store, ACCOUNT, "host-b:1", &|_| false, now, 60).unwrap(), None);
        lease::renew(store.connection(), &first, now, 60).unwrap();
        lease::release(store.connection(), &first).unwrap();
        let second = lease::take(store, ACCOUNT, "host-b:1", &|_| false, now, 60).unwrap().unwrap();
        assert_eq!((second.fence, second.found_dead), (2, false));
        // Giving back what was lost changes nothing.
        lease::release(store.connection(), &first).unwrap();
        assert_eq!(lease::take(store, ACCOUNT, "host-c:1", &|_| false, now, 60).unwrap(), None);
        assert_eq!(lease::take(store, AccountId(99), "host-c:1", &|_| false, now, 60).unwrap(), None);
    }

    fn fetch_11_a_stale_lease_is_taken_over_and_the_first_cannot_commit(store: &mut TestStore) {
        settle(store);
        let now = jiff::Timestamp::now().as_second();
        let first = lease::take(store, ACCOUNT, "host-a:1", &|_| false, now, -1).unwrap().unwrap();
        let second = lease::take(store, ACCOUNT, "host-b:1", &|_| false, now, 60).unwrap().unwrap();
        assert_eq!((second.fence, second.found_dead), (2, true));
        for error in [
            store.transaction(|db| lease::hold(db, &first)).unwrap_err(),
            lease::renew(store.connection(), &first, now, 60).unwrap_err(),
        ] {
            assert_eq!(class_of(&error), Class::TempFail);
            assert_eq!(error.to_string(), "account support: another pass or a reset took over");
        }
        store.transaction(|db| lease::hold(db, &second)).unwrap();
        // A reset moves the fence (FETCH-13).
        run(store, "UPDATE account_states SET fence = fence + 1");
        assert!(store.transaction(|db| lease::hold(db, &second)).is_err());
    }

    fn fetch_11_of_many_takers_one_wins(store: &mut TestStore) {
        settle(store);
        let now = jiff::Timestamp::now().as_second();
        let threads: Vec<_> = (0..6).map(|number| {
            let mut store = store.another();
            std::thread::spawn(move || lease::take(&mut store, ACCOUNT, &format!("host:{number}"), &|_| false, now, 60).unwrap().is_some())
        }).collect();
        assert_eq!(threads.into_iter().filter_map(|thread| thread.join().unwrap().then_some(())).count(), 1);
    }

    fn fetch_1_a_position_moves_ahead_only(store: &mut TestStore) {
        settle(store);
        let id = inbox(store);
        let db = store.connection();
        position::advance(db, id, 9).unwrap();
        position::advance(db, id, 4).unwrap();
        let found = position::position(db, ACCOUNT, "INBOX", 77).unwrap().unwrap();
        assert_eq!((found.id, found.last_uid), (id, 9));
        assert_eq!(position::position(db, ACCOUNT, "INBOX", 78).unwrap(), None);
        store.transaction(|db| position::start(db, ACCOUNT, "INBOX", 78, 3)).unwrap();
        let all = position::positions_of(store.connection(), ACCOUNT, "INBOX").unwrap();
        assert_eq!(all.iter().map(|position| position.uidvalidity).collect::<Vec<_>>(), [77, 78]);
        let error = position::advance(store.connection(), PositionId(99), 1).unwrap_err();
        assert_eq!(class_of(&error), Class::TempFail);
    }

    fn fetch_2_a_uid_has_one_fate(store: &mut TestStore) {
        settle(store);
        let id = inbox(store);
        let rows = [(1, Fate::Gone, "{}"), (2, Fate::Filtered, "{\"filter\":1}")];
        let rows = rows.map(|(uid, fate, why)| fate::Settled { uid, fate, email: None, why: why.to_string(), skipped: None });
        store.transaction(|db| fate::record_fates(db, id, &rows, 5)).unwrap();
        assert_eq!(texts(store, "SELECT fate AS t FROM fates ORDER BY uid"), ["gone", "filtered"]);
        assert!(store.transaction(|db| fate::record_fates(db, id, &rows[1..], 6)).is_err());
        assert_eq!(fate::fates_of(store.connection(), EmailId(1)).unwrap(), []);
    }

    fn fetch_6_quarantine_keeps_the_bytes_and_an_attempt_that_nobody_died_of_does_not_count(store: &mut TestStore) {
        settle(store);
        let id = inbox(store);
        let raw = packed(b"poison \0 \xff");
        // Nobody was found dead at it, however often it was begun.
        for _ in 1..=3 {
            assert_eq!(attempt::begin(store.connection(), id, 8).unwrap(), 0);
        }
        attempt::set_careful(store.connection(), ACCOUNT, true).unwrap();
        assert!(attempt::is_careful(store.connection(), ACCOUNT).unwrap());
        store.transaction(|db| {
            quarantine::keep(db, id, 8, None, &raw, "it died\0 three times", 5)?;
            attempt::clear(db, id, 8)
        }).unwrap();
        assert_eq!(attempt::begin(store.connection(), id, 8).unwrap(), 0);
        assert_eq!(quarantine::list(store.connection(), None).unwrap().len(), 1);
        assert_eq!(texts(store, "SELECT error AS t FROM quarantine"), ["it died three times"]);
        assert_eq!(texts(store, "SELECT why AS t FROM fates WHERE fate = 'quarantined' AND uid = 8").len(), 1);
        // The same bytes under another UID are kept once (PARSE-1).
        store.transaction(|db| quarantine::keep(db, id, 9, None, &raw, "again", 5)).unwrap();
        assert_eq!(numbers(store, "SELECT count(*) AS n FROM raws"), [1]);
    }

    fn fetch_10_a_failure_is_said_at_once_then_hourly(store: &mut TestStore) {
        settle(store);
        let db = store.connection();
        let mut fails = |now, error| state::note_failure(db, ACCOUNT, now, (error, error), Some(now + 60)).unwrap();
        assert!(fails(1000, "login refused"));
        assert!(!fails(1060, "login refused"));
        assert!(fails(1120, "unknown host"));
        assert!(!fails(1180, "unknown host"));
        assert!(fails(4800, "unknown host"));
        assert_eq!(numbers(store, "SELECT failing_since AS n FROM account_states WHERE account_id = 1"), [1000]);
        assert_eq!(numbers(store, "SELECT failures AS n FROM account_states WHERE account_id = 1"), [5]);
        assert!(state::note_success(store.connection(), ACCOUNT, 5000).unwrap());
        assert!(!state::note_success(store.connection(), ACCOUNT, 5060).unwrap());
        assert_eq!(numbers(store, "SELECT failures + coalesce(retry_at, 0) AS n FROM account_states WHERE account_id = 1"), [0]);
        assert!(state::note_failure(store.connection(), ACCOUNT, 5120, ("unknown host", "unknown host"), Some(5180)).unwrap());
        // FETCH-6: what all accounts stand on is no fault of one: it is said, and the account does not rest.
        assert!(state::note_failure(store.connection(), ACCOUNT, 5240, ("the storage is full", "full"), None).unwrap());
        let state = "SELECT failures + coalesce(retry_at, 0) + coalesce(told_at, 0) AS n FROM account_states WHERE account_id = 1";
        assert_eq!(numbers(store, state), [1]);
    }
}

#[test]
fn what_keeps_a_database_from_opening_has_its_class() {
    let directory = tempfile::tempdir().unwrap();
    let other = directory.path().join("other");
    std::fs::write(&other, "this is no database, however long it may be made to look by a file of several lines\n".repeat(20))
        .unwrap();
    let somewhere = crate::support::postgres::fresh_database();
    let nowhere = somewhere.replace("postgresql:///test_", "postgresql:///absent_");
    for (url, class) in [
        (format!("sqlite:{}", directory.path().join("absent").display()), Class::Config),
        (format!("sqlite:{}", other.display()), Class::Config),
        ("mysql://root:secret@localhost/x".to_string(), Class::Config),
        (nowhere, Class::Config),
        (format!("postgresql:///x?host={}", directory.path().display()), Class::Unavailable),
    ] {
        let error = Store::open(&url).err().unwrap();
        assert_eq!(class_of(&error), class, "{error:#}");
        assert!(!format!("{error:#}").contains("secret"));
    }
}

#[test]
fn a_new_database_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new.db");
    let mut store = Store::create(&format!("sqlite:{}", path.display())).unwrap();
    store.migrate().unwrap();
    for suffix in ["", "-wal"] {
        let file = format!("{}{suffix}", path.display());
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(numbers(&mut store, "SELECT page_size AS n FROM pragma_page_size"), [16384]);
}

#[test]
fn parse_1_raw_bytes_come_back_unchanged_and_never_more_than_promised() {
    for raw in [&b""[..], b"Subject: a\r\n\r\nb", &vec![b'x'; 3_000_000]] {
        let packed = packed(raw);
        assert_eq!(packed.size, raw.len() as u64);
        assert_eq!(raw::unpack(&packed.packed, packed.size).unwrap(), raw);
        assert!(raw::unpack(&packed.packed, packed.size + 1).is_err());
        if !raw.is_empty() {
            assert!(raw::unpack(&packed.packed, packed.size - 1).is_err());
        }
    }
    assert!(raw::unpack(b"not zstd", 8).is_err());
    assert!(packed(&vec![0; 3_000_000]).packed.len() < 1000);
}

#[test]
fn why_2_others_write_between_the_windows_of_a_rehearsal() {
    let mut store = crate::support::TestStore::sqlite();
    let (mut other, (said, heard)) = (store.another(), mpsc::channel());
    let writer = std::thread::spawn(move || {
        heard.recv().unwrap();
        other.transaction(|db| next_number(db, "tried")).unwrap()
    });
    let things: Vec<u64> = (0..45).collect();
    let (mut seen, mut most) = (Vec::new(), 0);
    store
        .rehearse_each(&things, |store, thing| {
            if *thing == 0 {
                said.send(()).unwrap();
            }
            most = most.max(store.transaction(|db| next_number(db, "tried"))?);
            seen.push(*thing);
            std::thread::sleep(Duration::from_millis(25));
            Ok(())
        })
        .unwrap();
    // A window sees what it made, the next one begins anew; and the other was not kept until the end.
    assert_eq!((seen, writer.join().unwrap()), (things, 1));
    assert!((20..45).contains(&most), "{most}");
    assert_eq!(store.transaction(|db| next_number(db, "tried")).unwrap(), 2, "nothing of it is left");
}
