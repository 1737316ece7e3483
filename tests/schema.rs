//! The two schemas are one: same tables, columns, keys, delete rules and words, also after going down and up again.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::Text;
use espomail::store::{Database, SchemaState, Store};
use espomail::words::{
    AccountKind, Auth, CaseStatus, Distribution, Fate, Hook, NoteKind, ParentBy, PasswordSource, RecordKind, RoleAction,
    RoleLevel, RoleScope, Security, SmtpAuth,
};

use crate::support::TestStore;
use crate::support::world::World;

const SQLITE_UP: &str = include_str!("../migrations/sqlite/2026-11-27-000000_initial/up.sql");
const IMPORT_UP: &str = include_str!("../migrations/sqlite/2026-11-27-200003_import_right/up.sql");
const SERVERS_UP: &str = include_str!("../migrations/sqlite/2026-12-05-200002_account_servers/up.sql");
const HOOKS_UP: &str = include_str!("../migrations/sqlite/2026-12-01-400001_hooks/up.sql");
const SQLITE_OAUTH_UP: &str = include_str!("../migrations/sqlite/2026-11-27-400001_oauth/up.sql");
const POSTGRESQL_OAUTH_UP: &str = include_str!("../migrations/postgresql/2026-11-27-400001_oauth/up.sql");
const POSTGRESQL_UP: &str = include_str!("../migrations/postgresql/2026-11-27-000000_initial/up.sql");
const TABLES: &str = include_str!("../src/store/schema.rs");

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn lines(store: &mut Store, queries: &[&str]) -> BTreeSet<String> {
    let database: &mut Database = store.connection();
    let load = |query: &&str| diesel::sql_query(*query).load::<Line>(database).unwrap();
    queries.iter().flat_map(load).map(|row| row.line).collect()
}

/// Describes a SQLite schema, one fact a line.
fn of_sqlite(store: &mut Store) -> BTreeSet<String> {
    const OURS: &str =
        "m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '__diesel%' AND m.name NOT LIKE 'email_search%'";
    let columns = format!(
        "SELECT m.name || '.' || c.name || ' '
                || CASE c.type WHEN 'INTEGER' THEN 'bigint' WHEN 'BLOB' THEN 'bytea' ELSE lower(c.type) END || ' '
                || CASE c.\"notnull\" WHEN 1 THEN 'NO' ELSE 'YES' END AS line
         FROM sqlite_master m, pragma_table_info(m.name) c WHERE {OURS}"
    );
    let primary = format!(
        "SELECT name || ' PRIMARY (' || group_concat(col, ',') || ')' AS line FROM
            (SELECT m.name AS name, c.name AS col FROM sqlite_master m, pragma_table_info(m.name) c
             WHERE {OURS} AND c.pk > 0 ORDER BY m.name, c.pk) GROUP BY name"
    );
    let foreign = format!(
        "SELECT m.name || '.' || f.\"from\" || ' -> ' || f.\"table\" || '.' || f.\"to\" || ' ' || f.on_delete AS line
         FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE {OURS}"
    );
    let unique = format!(
        "SELECT name || ' UNIQUE (' || group_concat(col, ',') || ')' AS line FROM
            (SELECT m.name AS name, l.name AS idx, i.name AS col
             FROM sqlite_master m, pragma_index_list(m.name) l, pragma_index_info(l.name) i
             WHERE {OURS} AND l.origin = 'u' ORDER BY m.name, l.name, i.seqno) GROUP BY name, idx"
    );
    let indexes = format!(
        "SELECT name || ' INDEX ' || idx || ' (' || group_concat(col, ',') || ')' AS line FROM
            (SELECT m.name AS name, l.name AS idx, i.name AS col
             FROM sqlite_master m, pragma_index_list(m.name) l, pragma_index_info(l.name) i
             WHERE {OURS} AND l.origin = 'c' ORDER BY m.name, l.name, i.seqno) GROUP BY name, idx"
    );
    lines(store, &[&columns, &primary, &foreign, &unique, &indexes])
}

/// Describes a PostgreSQL schema in the same words.
fn of_postgresql(store: &mut Store) -> BTreeSet<String> {
    const COLUMNS: &str = "SELECT c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, NULL) || ' '
            || CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END AS line
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE '\\_\\_diesel%' AND c.relname NOT LIKE 'email_search%'";
    const KEYS: &str = "SELECT c.relname || CASE k.contype WHEN 'p' THEN ' PRIMARY (' ELSE ' UNIQUE (' END ||
            (SELECT string_agg(a.attname, ',' ORDER BY n.i) FROM unnest(k.conkey) WITH ORDINALITY n (num, i)
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = n.num) || ')' AS line
         FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
         WHERE k.contype IN ('p', 'u') AND c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE '\\_\\_diesel%' AND c.relname NOT LIKE 'email_search%'";
    const FOREIGN: &str = "SELECT c.relname || '.' || a.attname || ' -> ' || f.relname || '.' || b.attname || ' ' ||
            CASE k.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'r' THEN 'RESTRICT' ELSE 'NO ACTION' END AS line
         FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
         JOIN pg_attribute b ON b.attrelid = f.oid AND b.attnum = k.confkey[1]
         WHERE k.contype = 'f' AND c.relname NOT LIKE 'email_search%'";
    const INDEXES: &str = "SELECT c.relname || ' INDEX ' || i.relname || ' (' ||
            (SELECT string_agg(a.attname, ',' ORDER BY n.i) FROM unnest(x.indkey::int2[]) WITH ORDINALITY n (num, i)
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = n.num) || ')' AS line
         FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
         WHERE NOT x.indisunique AND c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'email_search%'";
    lines(store, &[COLUMNS, KEYS, FOREIGN, INDEXES])
}

fn of(store: &mut TestStore) -> BTreeSet<String> {
    if store.is_sqlite() { of_sqlite(store) } else { of_postgresql(store) }
}

#[test]
fn both_schemas_are_equal() {
    let sqlite = of(&mut TestStore::sqlite());
    let postgresql = of(&mut TestStore::postgresql());
    let only = |here: &BTreeSet<String>, there: &BTreeSet<String>| here.difference(there).cloned().collect::<Vec<_>>();
    assert_eq!((only(&sqlite, &postgresql), only(&postgresql, &sqlite)), (vec![], vec![]));
    assert!(sqlite.len() > 200, "{} facts", sqlite.len());
}

#[test]
fn every_foreign_key_says_what_happens_on_delete_and_has_an_index() {
    let facts = of(&mut TestStore::sqlite());
    for foreign in facts.iter().filter(|fact| fact.contains(" -> ")) {
        assert!(!foreign.ends_with("NO ACTION"), "{foreign}");
        let (table, column) = foreign.split(' ').next().unwrap().split_once('.').unwrap();
        let begins = |fact: &&String| {
            fact.starts_with(&format!("{table} "))
                && (fact.contains(&format!("({column},")) || fact.contains(&format!("({column})")))
        };
        assert!(facts.iter().any(|fact| begins(&fact)), "no index begins with {table}.{column}");
    }
}

#[test]
fn the_tables_of_the_program_are_those_of_the_database() {
    let mut expected = BTreeSet::new();
    let mut table = "";
    for line in TABLES.lines().map(str::trim) {
        if let Some((column, kind)) = line.split_once(" -> ") {
            let kind = kind.trim_end_matches(',');
            let (kind, null) = match kind.strip_prefix("Nullable<") {
                Some(inner) => (inner.trim_end_matches('>'), "YES"),
                None => (kind, "NO"),
            };
            let kind = match kind {
                "BigInt" => "bigint",
                "Bool" => "boolean",
                "Binary" => "bytea",
                _ => "text",
            };
            expected.insert(format!("{table}.{column} {kind} {null}"));
        } else if let Some((name, key)) = line.strip_suffix(") {").and_then(|line| line.split_once(" (")) {
            table = name;
            expected.insert(format!("{table} PRIMARY ({})", key.replace(", ", ",")));
        }
    }
    let keep = |fact: &String| fact.contains(" PRIMARY ") || fact.ends_with(" YES") || fact.ends_with(" NO");
    let found: BTreeSet<String> = of(&mut TestStore::postgresql()).into_iter().filter(keep).collect();
    assert_eq!(expected, found);
}

#[test]
fn both_migrations_read_the_same_but_for_the_types() {
    // The search is each database's own; its statement stands in one paragraph.
    let without_search = |text: &str| -> String {
        text.split("\n\n").filter(|paragraph| !paragraph.contains("email_search")).collect::<Vec<_>>().join("\n\n")
    };
    let plain = |text: &str| -> Vec<String> {
        without_search(text)
            .replace("BYTEA", "BLOB")
            .replace("id INTEGER NOT NULL PRIMARY", "id BIGINT NOT NULL PRIMARY")
            .replace(") WITHOUT ROWID;", ");")
            .lines()
            .filter(|line| !line.starts_with("--") && !line.starts_with("ALTER"))
            .map(str::to_string)
            .collect()
    };
    for (sqlite, postgresql) in plain(SQLITE_UP).iter().zip(&plain(POSTGRESQL_UP)) {
        assert_eq!(sqlite, postgresql);
    }
    assert_eq!(plain(SQLITE_UP).len(), plain(POSTGRESQL_UP).len());
}

#[test]
fn checks_name_the_words_of_the_program() {
    macro_rules! same {
        ($table:literal, $column:literal, $words:ty) => {
            // A later migration may have made the table anew.
            let ups = [SQLITE_UP, IMPORT_UP, HOOKS_UP, SERVERS_UP].concat();
            let table = ups.rsplit(concat!("CREATE TABLE ", $table, " (")).next().unwrap();
            let list = table.split(concat!("CHECK (", $column, " IN (")).nth(1).unwrap().split("))").next().unwrap();
            let words: Vec<String> = <$words>::ALL.iter().map(|word| format!("'{word}'")).collect();
            assert_eq!(list, words.join(", "), "{}.{}", $table, $column);
        };
    }
    same!("accounts", "kind", AccountKind);
    same!("account_servers", "imap_security", Security);
    same!("account_servers", "password_source", PasswordSource);
    same!("accounts", "distribution", Distribution);
    same!("records", "kind", RecordKind);
    same!("records", "status", CaseStatus);
    same!("emails", "parent_by", ParentBy);
    same!("notes", "kind", NoteKind);
    same!("fates", "fate", Fate);
    same!("role_rights", "scope", RoleScope);
    same!("role_rights", "action", RoleAction);
    same!("role_rights", "level", RoleLevel);
    same!("new_effects", "event", Hook);
    let all = |words: &[&str]| words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ");
    let reads = all(&Auth::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>());
    let sends = all(&SmtpAuth::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>());
    for (sql, column, words) in [
        (SERVERS_UP, "imap_auth", &reads),
        (SQLITE_OAUTH_UP, "imap_auth", &reads),
        (SQLITE_OAUTH_UP, "smtp_login", &sends),
        (POSTGRESQL_OAUTH_UP, "imap_auth", &reads),
        (POSTGRESQL_OAUTH_UP, "smtp_auth", &sends),
    ] {
        assert!(sql.contains(&format!("CHECK ({column} IN ({words}))")), "{column}");
    }
}

on_both_databases! {
    fn up_down_up_leaves_the_same(store: &mut TestStore) {
        let before = of(store);
        assert_eq!(store.schema_state().unwrap(), SchemaState::Current);
        let mut reverted = Vec::new();
        while store.schema_state().unwrap() != SchemaState::Empty {
            reverted.push(store.revert().unwrap());
        }
        assert!(of(store).is_empty(), "{:?}", of(store));
        let error = Store::open(&store.url).err().unwrap();
        assert_eq!(espomail::fault::class_of(&error).exit_status(), 78);
        reverted.reverse();
        assert_eq!(store.migrate().unwrap(), reverted);
        assert_eq!(of(store), before);
    }
}

/// Whoever has a store of the first schema takes it along: no release is out yet, so that one stands for the last one that was tagged.
#[test]
fn a_store_of_the_first_schema_is_migrated_with_all_that_is_in_it() {
    for database in ["sqlite", "postgresql"] {
        let world = World::on(database);
        let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--make-cases"];
        let sends = ["--smtp-host", "127.0.0.1", "--smtp-port", "9", "--smtp-security", "plain", "--shared"];
        world.run_with(&[&add[..], &sends, &["--password-stdin", "--act-since", "2026-01-01"]].concat(), "hunter2\n").ok();
        for line in ["user add ada", "team add desk", "team join desk ada", "filter add news --global --subject News* --no-case"]
        {
            world.run(&line.split(' ').collect::<Vec<_>>()).ok();
        }
        for (id, subject) in [("a", "Pump"), ("b", "News of pumps")] {
            let mail = format!(
                "From: dora@example.org\r\nTo: support@example.com\r\nSubject: {subject}\r\nMessage-ID: <{id}@example.org>\r\n\r\nX\r\n"
            );
            world.run_with(&["deliver", "--account", "support"], &mail).ok();
        }
        world.run(&["email", "reply", "1", "--text", "Soon.", "--queue"]).ok();
        let seen = || {
            let lists = "email list,case list,outbox list,filter list,fate list,email show 1,account list,account show 1";
            lists.split(',').map(|line| world.json(&line.split(' ').collect::<Vec<_>>())).collect::<Vec<_>>()
        };
        // How it fares goes along, too.
        world.sql("UPDATE account_states SET failing_since = 1795428000, last_error = 'login refused', failures = 3");
        let before = seen();
        assert_eq!(before[7]["last_error"], "login refused");
        let mut names: Vec<_> = std::fs::read_dir("migrations/sqlite").unwrap().map(|one| one.unwrap().file_name()).collect();
        names.sort();
        let mut store = Store::connect(&world.url()).unwrap();
        names[1..].iter().for_each(|_| drop(store.revert().unwrap()));
        drop(store);
        assert!(world.run(&["status"]).fails(78).contains("try: espomail db migrate"), "{database}");
        world.run(&["db", "migrate"]).ok();
        assert_eq!(seen(), before, "{database}");
        world.sql("UPDATE account_states SET failing_since = NULL");
        world.run(&["doctor", "--prove", "--deep"]).ok();
    }
}
