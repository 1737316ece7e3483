//! Somebody holds on to the database: whoever waits has an end, hears who it is, and tries later.

use espomail::fault::{Class, class_of, hint_of};
use espomail::store::lock;

use crate::store::{run, texts};

on_both_databases! {
    fn whoever_waits_too_long_hears_who_holds_the_database(store: &mut TestStore) {
        let mut other = store.another();
        run(&mut other, if store.is_sqlite() { "PRAGMA busy_timeout = 20" } else { "SET lock_timeout = 50" });
        let is_sqlite = store.is_sqlite();
        store.transaction(|db| {
            lock(db)?;
            let error = other.transaction(lock).unwrap_err();
            let text = format!("{error:#}");
            assert_eq!(class_of(&error), Class::TempFail, "{text}");
            assert!(hint_of(&error).is_some_and(|hint| hint.contains("try later")), "{text}");
            // A process knows no lock of its own, and this test is both.
            let holder = if is_sqlite { "held it for more than 30 seconds" } else { "the session " };
            assert!(text.contains(holder) && (is_sqlite || text.contains("(espomail ")), "{text}");
            Ok(())
        }).unwrap();
        other.transaction(lock).unwrap();
    }

    fn every_wait_of_a_session_has_an_end(store: &mut TestStore) {
        if store.is_sqlite() {
            assert_eq!(crate::store::numbers(store, "SELECT timeout AS n FROM pragma_busy_timeout"), [30_000]);
            return;
        }
        for (setting, value) in [("lock_timeout", "30s"), ("statement_timeout", "10min")] {
            assert_eq!(texts(store, &format!("SELECT current_setting('{setting}') AS t")), [value]);
        }
        run(store, "SET statement_timeout = 50");
        let error = store.transaction(|db| {
            use diesel::RunQueryDsl;
            Ok(diesel::sql_query("SELECT pg_sleep(5)").execute(db)?)
        }).unwrap_err();
        assert_eq!(class_of(&error), Class::TempFail, "{error:#}");
    }
}
