//! What the rules get to know, and in how many statements.

use std::sync::atomic::Ordering;

use espomail::decide::{Facts, Load};
use espomail::mail::{Address, Mail};
use espomail::store::{Store, facts};
use espomail::words::{AccountId, EmailId, RecordId, TeamId, ThreadId, UserId};

use super::{ACCOUNT, run, settle, statements};

fn address(address: &str) -> Address {
    Address { name: String::new(), address: address.to_string() }
}

fn mail(id: &str, from: &str, subject: &str) -> Mail {
    Mail {
        message_id: Some(id.to_string()),
        from: Some(address(from)),
        to: vec![address("Support@Example.com")],
        subject: subject.to_string(),
        ..Mail::default()
    }
}

fn gather(store: &mut Store, account: AccountId, mails: &[Mail]) -> Facts {
    let mails: Vec<&Mail> = mails.iter().collect();
    store.transaction(|db| facts::gather(db, account, &mails, 1000)).unwrap()
}

/// A world with every kind of record and two stored e-mails of one thread.
fn furnish(store: &mut Store) {
    settle(store);
    run(
        store,
        "INSERT INTO records (id, kind, number, name, active, status, description, account_id, contact_id,
            converted_account_id, converted_contact_id, assigned_user_id, created_at) VALUES
            (1, 'account', 1, 'Works', TRUE, NULL, '', NULL, NULL, NULL, NULL, NULL, 0),
            (2, 'contact', 1, 'Dora Example', TRUE, NULL, '', 1, NULL, NULL, NULL, NULL, 0),
            (3, 'lead', 1, 'Eve Example', TRUE, NULL, '', NULL, NULL, 4, 5, NULL, 0),
            (4, 'account', 2, 'Shop', TRUE, NULL, '', NULL, NULL, NULL, NULL, NULL, 0),
            (5, 'contact', 2, 'Eve Example', TRUE, NULL, '', 4, NULL, NULL, NULL, NULL, 0),
            (6, 'case', 12, 'Broken', TRUE, 'assigned', '', 1, 2, NULL, NULL, 1, 0),
            (7, 'case', 13, 'Done', TRUE, 'closed', '', NULL, NULL, NULL, NULL, 1, 0),
            (8, 'opportunity', 1, 'Big', TRUE, NULL, '', 1, NULL, NULL, NULL, NULL, 0),
            (9, 'opportunity', 2, 'Lost', FALSE, NULL, '', 1, NULL, NULL, NULL, NULL, 0),
            (10, 'opportunity', 3, 'One', TRUE, NULL, '', 4, 5, NULL, NULL, NULL, 0),
            (11, 'opportunity', 4, 'Two', TRUE, NULL, '', 4, NULL, NULL, NULL, NULL, 0),
            (12, 'opportunity', 5, 'Three', TRUE, NULL, '', 4, NULL, NULL, NULL, NULL, 0);
         INSERT INTO record_addresses (record_id, address, place) VALUES
            (2, 'dora@example.org', 1), (3, 'eve@example.org', 1), (5, 'eve@example.org', 1);
         INSERT INTO record_teams (record_id, team_id) VALUES (6, 2);
         INSERT INTO followers (record_id, user_id) VALUES (6, 2), (7, 1);
         INSERT INTO threads (id) VALUES (1), (2);
         INSERT INTO thread_ids (message_id, thread_id) VALUES ('a@x', 1), ('b@x', 1), ('unseen@x', 2);
         INSERT INTO raws (id, digest, size, packed) VALUES (1, '00000000000000000000000000000000', 0, '');
         INSERT INTO emails (id, thread_id, raw_id, message_id, content_digest, from_address, people, subject, date, arrived_at,
            text, is_replied, parent_id, is_partial, is_archived, id_collision, filed_by_hand, is_ours, subject_from, subject_to, automatic, defects) VALUES
            (1, 1, 1, 'a@x', '00000000000000000000000000000001', 'dora@example.org', '{}', 's', 9, 9, '', FALSE, 7, FALSE, FALSE, FALSE, FALSE, FALSE, 0, 0, '', ''),
            (2, 1, 1, 'b@x', '00000000000000000000000000000002', 'dora@example.org', '{}', 's', 8, 9, '', FALSE, 6, FALSE, FALSE, FALSE, FALSE, FALSE, 0, 0, '', ''),
            (3, 1, 1, 'b@x', '00000000000000000000000000000003', 'else@example.org', '{}', 's', 8, 9, '', FALSE, NULL, FALSE, FALSE, TRUE, FALSE, FALSE, 0, 0, '', '');
         INSERT INTO email_accounts (email_id, account_id) VALUES (2, 2), (2, 1);
         INSERT INTO participants (email_id, address) VALUES (1, 'dora@example.org'), (2, 'dora@example.org');
         INSERT INTO email_teams (email_id, team_id) VALUES (2, 1);
         INSERT INTO email_users (email_id, user_id, is_read, is_important, is_archived, is_trashed) VALUES
            (2, 1, TRUE, FALSE, FALSE, FALSE), (2, 2, FALSE, FALSE, FALSE, FALSE);
         INSERT INTO absences (id, user_id, starts_at, ends_at) VALUES (1, 2, 900, 1001), (2, 1, 100, 1000);
         INSERT INTO rotations (account_id, team_id, user_id) VALUES (1, 1, 2), (2, 2, 1);
         UPDATE counters SET value = 4 WHERE name = 'email';
         UPDATE counters SET value = 14 WHERE name = 'number:case'",
    );
}

on_both_databases! {
    fn the_account_speaks_for_itself(store: &mut TestStore) {
        furnish(store);
        let support = gather(store, ACCOUNT, &[]).account;
        assert_eq!((support.name.as_str(), support.make_cases, support.act_since), ("support", true, 5));
        assert_eq!((support.case_team, support.case_position.clone(), support.teams.clone()), (Some(TeamId(1)), Some("agent".into()), vec![TeamId(1)]));
        // The assigned user is not active.
        assert_eq!(support.assigned_user, None);
        let personal = gather(store, AccountId(2), &[]).account;
        assert_eq!((personal.owner, personal.owner_team), (Some(UserId(1)), Some(TeamId(2))));
        assert!(store.transaction(|db| facts::gather(db, AccountId(9), &[], 0)).is_err());
    }

    fn numbers_are_the_next_free_ones(store: &mut TestStore) {
        furnish(store);
        let next = gather(store, ACCOUNT, &[]).next;
        assert_eq!((next.email, next.case_number, next.thread, next.record, next.note, next.assignment), (4, 14, 1, 1, 1, 1));
    }

    fn link_5_our_own_addresses_are_known_in_any_case(store: &mut TestStore) {
        furnish(store);
        let mut one = mail("n@x", "ADA@example.com", "hello");
        one.cc = vec![address("cleo@example.com"), address("nobody@example.com")];
        let facts = gather(store, ACCOUNT, &[one]);
        let mut own: Vec<_> = facts.own_addresses.iter().map(String::as_str).collect();
        own.sort_unstable();
        // That of a personal account is a person's (AUTO-2).
        assert_eq!(own, ["support@example.com"]);
        // Cleo is not active.
        assert_eq!(facts.users, [("ada@example.com".to_string(), UserId(1))].into());
    }

    fn dup_2_and_thread_1_stored_mail_is_found_by_every_id(store: &mut TestStore) {
        furnish(store);
        let mut one = mail("b@x", "dora@example.org", "hello");
        one.references = vec!["unseen@x".into(), "never@x".into()];
        let facts = gather(store, ACCOUNT, &[one]);
        assert_eq!(facts.emails_by_message_id, [("b@x".to_string(), vec![EmailId(2), EmailId(3)])].into());
        let email = &facts.emails[&EmailId(2)];
        assert_eq!((email.thread, email.parent, &email.content_digest[31]), (ThreadId(1), Some(RecordId(6)), &b'2'));
        assert_eq!((&email.teams, &email.users), (&vec![TeamId(1)], &vec![UserId(1), UserId(2)]));
        assert_eq!(email.accounts, [AccountId(1), AccountId(2)]);
        assert_eq!(facts.thread_of, [("b@x".to_string(), ThreadId(1)), ("unseen@x".to_string(), ThreadId(2))].into());
        // Of the thread's e-mails with a parent, the one stored last.
        assert_eq!(facts.thread_parents, [(ThreadId(1), RecordId(6))].into());
        let mut known: Vec<i64> = facts.records.keys().map(|id| id.0).collect();
        known.sort_unstable();
        assert_eq!(known, [1, 2, 6, 8]);
    }

    fn dup_2_of_a_message_id_used_many_times_the_same_content_is_found(store: &mut TestStore) {
        furnish(store);
        for id in 4..500 {
            run(store, &format!(
                "INSERT INTO emails (id, thread_id, raw_id, message_id, content_digest, from_address, people, subject, date, arrived_at,
                    text, is_replied, is_partial, is_archived, id_collision, filed_by_hand, is_ours, subject_from, subject_to, automatic, defects) VALUES
                    ({id}, 1, 1, 'b@x', '{id:032}', '', '', '', 0, 0, '', FALSE, FALSE, FALSE, TRUE, FALSE, FALSE, 0, 0, '', '')"));
        }
        // SQLite keeps a text literal as text, and a text is never equal to bytes.
        if store.is_sqlite() {
            run(store, "UPDATE emails SET content_digest = CAST(content_digest AS BLOB)");
        }
        let mut one = mail("b@x", "dora@example.org", "hello");
        one.content_digest = *b"00000000000000000000000000000250";
        let facts = gather(store, ACCOUNT, &[one]);
        assert_eq!(facts.emails_by_message_id["b@x"], [EmailId(2), EmailId(250), EmailId(499)]);
    }

    fn link_4_records_come_with_all_they_name(store: &mut TestStore) {
        furnish(store);
        let mut one = mail("n@x", "Eve@Example.org", "hello");
        one.reply_to = vec![address("dora@example.org")];
        let facts = gather(store, ACCOUNT, &[one]);
        assert_eq!(facts.records_by_address["eve@example.org"], [RecordId(3), RecordId(5)]);
        assert_eq!(facts.records_by_address["dora@example.org"], [RecordId(2)]);
        let lead = &facts.records[&RecordId(3)];
        assert_eq!((lead.converted_account, lead.converted_contact), (Some(RecordId(4)), Some(RecordId(5))));
        assert_eq!(facts.records[&RecordId(5)].account, Some(RecordId(4)));
        assert_eq!(facts.records[&RecordId(1)].open_opportunities, [RecordId(8)]);
        assert_eq!(facts.records[&RecordId(4)].open_opportunities, [RecordId(10), RecordId(12)]);
        assert_eq!(facts.records[&RecordId(5)].open_opportunities, [RecordId(10)]);
        assert_eq!(facts.records[&RecordId(10)].name, "One");
    }

    fn link_3_a_number_in_the_subject_brings_the_case_and_who_takes_part(store: &mut TestStore) {
        furnish(store);
        let facts = gather(store, ACCOUNT, &[mail("n@x", "dora@example.org", "Re: [#12] and [#99] [#x] [#]")]);
        assert_eq!(facts.cases_by_number, [(12, RecordId(6))].into());
        assert_eq!(facts.correspondents, [(RecordId(6), "dora@example.org".to_string())].into());
        assert_eq!(facts.followers, [(RecordId(6), UserId(2))].into());
        assert_eq!((facts.records[&RecordId(6)].contact, &facts.records[&RecordId(6)].teams), (Some(RecordId(2)), &vec![TeamId(2)]));
        assert_eq!(facts.teams[&TeamId(2)].len(), 1);
    }

    fn dist_3_members_come_with_their_load(store: &mut TestStore) {
        furnish(store);
        let facts = gather(store, ACCOUNT, &[]);
        let team: Vec<_> = facts.teams[&TeamId(1)].iter().map(|member| (member.user.0, member.active, member.absent)).collect();
        assert_eq!(team, [(1, true, false), (2, true, true), (3, false, false)]);
        assert_eq!(facts.load[&UserId(1)], Load { open_cases: 1, last_assignment: 7 });
        assert_eq!(facts.load[&UserId(2)], Load::default());
        assert_eq!(facts.rotation, [(TeamId(1), UserId(2))].into());
    }

    fn nul_in_what_mail_names_is_harmless(store: &mut TestStore) {
        furnish(store);
        let facts = gather(store, ACCOUNT, &[mail("a\0@x", "dora\0@example.org", "hello\0")]);
        assert!(facts.emails.is_empty() && facts.records_by_address.is_empty());
    }

    fn the_number_of_statements_does_not_depend_on_the_batch(store: &mut TestStore) {
        furnish(store);
        let batch = |size: usize| -> Vec<Mail> {
            (0..size).map(|number| {
                let mut one = mail(&format!("{number}@x"), &format!("{number}@example.org"), &format!("[#{number}]"));
                one.references = vec!["b@x".into(), format!("r{number}@x")];
                one.reply_to = vec![address("eve@example.org")];
                one
            }).collect()
        };
        let count = statements(store);
        let mut asked = |size| {
            count.store(0, Ordering::Relaxed);
            gather(store, ACCOUNT, &batch(size));
            count.load(Ordering::Relaxed)
        };
        let few = asked(13);
        assert_eq!(asked(256), few);
        assert!(few < 46, "{few} statements");
        assert!(asked(1) <= few);
    }

    fn ten_thousand_addresses_and_many_references_pass(store: &mut TestStore) {
        furnish(store);
        let mut one = mail("n@x", "dora@example.org", "hello");
        one.to = (0..10_000).map(|number| address(&format!("{number}@example.net"))).collect();
        one.cc = vec![address("ada@example.com")];
        one.references = (0..70_000).map(|number| format!("r{number}@x")).chain(["b@x".to_string()]).collect();
        let facts = gather(store, ACCOUNT, &[one]);
        assert_eq!((facts.users.len(), facts.emails.len()), (1, 2));
    }
}
