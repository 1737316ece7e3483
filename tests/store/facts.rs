//! What the rules get to know, and in how many statements.

use std::sync::atomic::Ordering;

use espomail::decide::{Facts, Load};
use espomail::mail::{Address, Mail};
use espomail::store::{Store, facts};
use espomail::words::{AccountId, EmailId, RecordId, TeamId, ThreadId, UserId};

use super::{ACCOUNT, run, settle, statements};
use crate::support::rows::rows;

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
    let rows = [
        rows!(records
            { id: 1, kind: "account", number: 1, name: "Works" }
            { id: 2, kind: "contact", number: 1, name: "Dora Example", account_id: 1 }
            { id: 4, kind: "account", number: 2, name: "Shop" }
            { id: 5, kind: "contact", number: 2, name: "Eve Example", account_id: 4 }
            { id: 3, kind: "lead", number: 1, name: "Eve Example", converted_account_id: 4, converted_contact_id: 5 }
            { id: 6, kind: "case", number: 12, name: "Broken", status: "assigned", account_id: 1, contact_id: 2,
              assigned_user_id: 1 }
            { id: 7, kind: "case", number: 13, name: "Done", status: "closed", assigned_user_id: 1 }
            { id: 8, kind: "opportunity", number: 1, name: "Big", account_id: 1 }
            { id: 9, kind: "opportunity", number: 2, name: "Lost", active: false, account_id: 1 }
            { id: 10, kind: "opportunity", number: 3, name: "One", account_id: 4, contact_id: 5 }
            { id: 11, kind: "opportunity", number: 4, name: "Two", account_id: 4 }
            { id: 12, kind: "opportunity", number: 5, name: "Three", account_id: 4 }),
        rows!(open_cases { user_id: 1, cases: 1 }),
        rows!(record_addresses
            { record_id: 2, address: "dora@example.org" } { record_id: 3, address: "eve@example.org" }
            { record_id: 5, address: "eve@example.org" }),
        rows!(record_teams { record_id: 6, team_id: 2 }),
        rows!(followers { record_id: 6, user_id: 2 } { record_id: 7, user_id: 1 }),
        rows!(threads { id: 1 } { id: 2 }),
        rows!(thread_ids
            { message_id: "a@x", thread_id: 1 } { message_id: "b@x", thread_id: 1 } { message_id: "unseen@x", thread_id: 2 }),
        rows!(raws { id: 1, digest: format!("{:032}", 0) }),
        rows!(emails
            { id: 1, message_id: "a@x", content_digest: format!("{:032}", 1), subject: "s", date: 9, arrived_at: 9, parent_id: 7 }
            { id: 2, message_id: "b@x", content_digest: format!("{:032}", 2), subject: "s", date: 8, arrived_at: 9, parent_id: 6 }
            { id: 3, message_id: "b@x", content_digest: format!("{:032}", 3), from_address: "else@example.org", subject: "s",
              date: 8, arrived_at: 9, id_collision: true }),
        rows!(email_accounts { email_id: 2, account_id: 2 } { email_id: 2, account_id: 1 }),
        rows!(participants
            { email_id: 1, address: "dora@example.org" } { email_id: 2, address: "dora@example.org" }),
        rows!(email_teams { email_id: 2, team_id: 1 }),
        rows!(email_users { email_id: 2, user_id: 1, is_read: true } { email_id: 2, user_id: 2 }),
        rows!(absences
            { id: 1, user_id: 2, starts_at: 900, ends_at: 1001 } { id: 2, user_id: 1, starts_at: 100, ends_at: 1000 }),
        rows!(rotations { account_id: 1, team_id: 1, user_id: 2 } { account_id: 2, team_id: 2, user_id: 1 }),
    ];
    let counters =
        "UPDATE counters SET value = 4 WHERE name = 'email'; UPDATE counters SET value = 14 WHERE name = 'number:case'";
    run(store, &format!("{}{counters}", rows.concat()));
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
        assert_eq!(facts.thread_cases, [(ThreadId(1), vec![RecordId(7)])].into());
        let mut known: Vec<i64> = facts.records.keys().map(|id| id.0).collect();
        known.sort_unstable();
        assert_eq!(known, [1, 2, 6, 7, 8]);
    }

    fn dup_2_of_a_message_id_used_many_times_the_same_content_is_found(store: &mut TestStore) {
        furnish(store);
        for id in 4_i64..500 {
            run(store, &rows!(emails { id: id, message_id: "b@x", content_digest: format!("{id:032}"), from_address: "", people: "",
                id_collision: true }));
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
        assert!(few < 49, "{few} statements");
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
