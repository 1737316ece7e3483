//! Lists ask no more of the database for many rows than for few.

use std::sync::atomic::Ordering;

use espomail::decide::access::Sight;
use espomail::store::case;
use espomail::store::email::{self, EmailFilter};
use espomail::store::record::{self, RecordFilter, Wanted};
use espomail::store::review::{self, ReviewFilter};
use espomail::store::{Database, Store, account, folder, notification, role, team, user};
use espomail::words::{RecordKind, UserId};

use super::cases::everything;
use super::{run, settle, statements};
use crate::support::rows::rows;

/// Adds one of everything that is listed, with what hangs on it.
fn one_more(store: &mut Store, n: i64) {
    let (account, contact, case) = (n * 10, n * 10 + 1, n * 10 + 2);
    let rows = [
        rows!(teams { id: n, name: format!("team {n}") }),
        rows!(users { id: n, login: format!("user{n}"), default_team_id: n }),
        rows!(user_addresses { user_id: n, address: format!("{n}@example.com") }),
        rows!(team_members { team_id: n, user_id: n }),
        rows!(roles { id: n, name: format!("role {n}") }),
        rows!(role_rights { role_id: n, scope: "case", action: "read", level: "all" }),
        rows!(user_roles { user_id: n, role_id: n }),
        rows!(team_roles { team_id: n, role_id: n }),
        rows!(folders { id: n, user_id: 1, name: format!("folder {n}"), place: n }),
        rows!(folder_teams { folder_id: n, team_id: n }),
        rows!(records
            { id: account, kind: "account", number: n }
            { id: contact, kind: "contact", number: n, account_id: account, assigned_user_id: n }
            { id: case, kind: "case", number: n, status: "new", account_id: account, contact_id: contact, assigned_user_id: n }),
        rows!(record_addresses { record_id: contact, address: format!("c{n}@example.org") }),
        rows!(record_teams { record_id: contact, team_id: n } { record_id: case, team_id: n }),
        rows!(followers { record_id: case, user_id: n }),
        rows!(emails {
            id: n,
            message_id: format!("{n}@x"),
            subject: format!("Subject {n}"),
            parent_id: case,
            parent_by: "opened"
        }),
        rows!(email_users { email_id: n, user_id: 1 }),
        rows!(reviews { id: n, email_id: n, candidate_id: case }),
        rows!(notifications { id: n, user_id: 1, kind: "email-received", email_id: n, record_id: case, created_at: 50 }),
    ];
    run(store, &rows.concat());
}

/// Reads a list, and says how many rows it has.
type List = fn(&mut Database) -> usize;

const LISTS: [(&str, List); 11] = [
    ("accounts", |db| account::list(db).unwrap().len()),
    ("teams", |db| team::list(db).unwrap().len()),
    ("users", |db| user::list(db).unwrap().len()),
    ("roles", |db| role::list(db).unwrap().len()),
    ("folders", |db| folder::list(db, Some(UserId(1))).unwrap().len()),
    ("contacts", |db| {
        let kinds = vec![Wanted { kind: RecordKind::Contact, sight: Sight::Everything, values: Vec::new() }];
        let listed = record::list(db, &RecordFilter { kinds, limit: 100, ..RecordFilter::default() }).unwrap();
        assert!(listed.iter().all(|one| one.account.is_some() && one.assigned_user.is_some() && one.teams.len() == 1));
        listed.len()
    }),
    ("cases", |db| {
        let listed = case::list(db, &everything()).unwrap();
        assert!(listed.iter().all(|one| one.contact.is_some() && one.followers.len() == 1 && one.teams.len() == 1));
        listed.len()
    }),
    ("e-mails", |db| {
        let listed = email::list(db, &EmailFilter { sight: Sight::Everything, limit: 100, ..EmailFilter::default() }).unwrap();
        assert!(listed.iter().all(|line| line.parent.is_some()));
        listed.len()
    }),
    ("reviews", |db| {
        let filter = ReviewFilter { sight: Sight::Everything, account: None, all: true, limit: 100, offset: 0 };
        review::list(db, &filter).unwrap().len()
    }),
    ("notifications", |db| {
        let listed = notification::list(db, UserId(1), false, (100, 0)).unwrap();
        assert!(listed.iter().all(|one| one.record.is_some()));
        listed.len()
    }),
    ("notifications to mail", |db| notification::due_by_mail(db, UserId(1), (0, 100)).unwrap().len()),
];

on_both_databases! {
    fn no_list_asks_again_for_each_row(store: &mut TestStore) {
        settle(store);
        run(store, &[rows!(raws { id: 1 }), rows!(threads { id: 1 })].concat());
        let count = statements(store);
        let measure = |store: &mut Store| {
            LISTS.map(|(what, list)| {
                count.store(0, Ordering::Relaxed);
                let rows = list(store.connection());
                (what, rows, count.load(Ordering::Relaxed))
            })
        };
        (10..12).for_each(|n| one_more(store, n));
        let few = measure(store);
        (12..30).for_each(|n| one_more(store, n));
        for ((what, few_rows, few), (_, many_rows, many)) in few.into_iter().zip(measure(store)) {
            assert!(few <= 13, "{what}: {few} statements");
            assert_eq!(few, many, "{what}: statements for {few_rows} and {many_rows} rows");
        }
    }
}
