//! Lists ask no more of the database for many rows than for few.

use std::sync::atomic::Ordering;

use espomail::decide::access::Sight;
use espomail::store::case;
use espomail::store::email::{self, EmailFilter};
use espomail::store::record::{self, RecordFilter};
use espomail::store::review::{self, ReviewFilter};
use espomail::store::{Database, Store, account, folder, notification, role, team, user};
use espomail::words::{RecordKind, UserId};

use super::cases::everything;
use super::{run, settle, statements};

/// Adds one of everything that is listed, with what hangs on it.
fn one_more(store: &mut Store, n: i64) {
    run(
        store,
        &format!(
            "INSERT INTO teams (id, name) VALUES ({n}, 'team {n}');
             INSERT INTO users (id, login, name, active, administrator, default_team_id, last_assignment, notify_received, notify_by_mail, signature)
                VALUES ({n}, 'user{n}', '', TRUE, FALSE, {n}, 0, TRUE, FALSE, '');
             INSERT INTO user_addresses (user_id, address, place) VALUES ({n}, '{n}@example.com', 1);
             INSERT INTO team_members (team_id, user_id) VALUES ({n}, {n});
             INSERT INTO roles (id, name) VALUES ({n}, 'role {n}');
             INSERT INTO role_rights (role_id, scope, action, level) VALUES ({n}, 'case', 'read', 'all');
             INSERT INTO user_roles (user_id, role_id) VALUES ({n}, {n});
             INSERT INTO team_roles (team_id, role_id) VALUES ({n}, {n});
             INSERT INTO folders (id, user_id, name, place, skip_notifications) VALUES ({n}, 1, 'folder {n}', {n}, FALSE);
             INSERT INTO folder_teams (folder_id, team_id) VALUES ({n}, {n});
             INSERT INTO records (id, kind, number, name, active, description, created_at) VALUES ({n} * 10, 'account', {n}, '', TRUE, '', 0);
             INSERT INTO records (id, kind, number, name, active, description, account_id, assigned_user_id, created_at)
                VALUES ({n} * 10 + 1, 'contact', {n}, '', TRUE, '', {n} * 10, {n}, 0);
             INSERT INTO records (id, kind, number, name, active, status, description, account_id, contact_id, assigned_user_id, created_at)
                VALUES ({n} * 10 + 2, 'case', {n}, '', TRUE, 'new', '', {n} * 10, {n} * 10 + 1, {n}, 0);
             INSERT INTO record_addresses (record_id, address, place) VALUES ({n} * 10 + 1, 'c{n}@example.org', 1);
             INSERT INTO record_teams (record_id, team_id) VALUES ({n} * 10 + 1, {n}), ({n} * 10 + 2, {n});
             INSERT INTO followers (record_id, user_id) VALUES ({n} * 10 + 2, {n});
             INSERT INTO emails (id, thread_id, raw_id, message_id, content_digest, from_address, people, subject, date, arrived_at,
                text, is_replied, parent_id, parent_by, is_partial, is_archived, id_collision, filed_by_hand, is_ours, subject_from, subject_to,
                automatic, defects) VALUES ({n}, 1, 1, '{n}@x', '', 'd@x', '{{\"from\":[],\"reply_to\":[],\"to\":[],\"cc\":[],\"bcc\":[]}}',
                'Subject {n}', 0, 0, '', FALSE, {n} * 10 + 2, 'opened', FALSE, FALSE, FALSE, FALSE, FALSE, 0, 0, '[]', '[]');
             INSERT INTO email_users (email_id, user_id, is_read, is_important, is_archived, is_trashed) VALUES ({n}, 1, FALSE, FALSE, FALSE, FALSE);
             INSERT INTO reviews (id, email_id, candidate_id, because, created_at) VALUES ({n}, {n}, {n} * 10 + 2, '', 0);
             INSERT INTO notifications (id, user_id, kind, email_id, record_id, detail, created_at, is_read, is_held, is_mailed)
                VALUES ({n}, 1, 'email-received', {n}, {n} * 10 + 2, '', 50, FALSE, FALSE, FALSE)"
        ),
    );
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
        let kinds = vec![(RecordKind::Contact, Sight::Everything)];
        let listed = record::list(db, &RecordFilter { kinds, address: None, name_part: None, limit: 100, offset: 0 }).unwrap();
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
        run(store, "INSERT INTO raws (id, digest, size, packed) VALUES (1, '', 0, ''); INSERT INTO threads (id) VALUES (1)");
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
