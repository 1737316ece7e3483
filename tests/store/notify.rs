//! What people hear of, what delivery reports leave behind, and who follows what.

use espomail::decide::access::{Actor, Inbox, Permit, administer, keep};
use espomail::decide::hand::RecordChanges;
use espomail::decide::{Change, Facts, Marks, Next, Policy};
use espomail::mail::{Address, Bounce, Mail, Recipient};
use espomail::pass::hand::{self, Said};
use espomail::pass::{record, rights};
use espomail::store::role::Holder;
use espomail::store::user::{self, Lists};
use espomail::store::{Store, address, facts, notification, state};
use espomail::words::{
    AccountId, AddressState, DeliveryAction, DeliveryState, EmailId, NoteId, NoteKind, NotificationId, NotificationKind,
    RecordId, RecordKind, RoleAction, RoleLevel, RoleScope, TeamId, UserId,
};

use super::apply::{after, email, message, write};
use super::{ACCOUNT, inbox, numbers, run, settle, texts};
use crate::support::rows::rows;

fn administrator() -> Actor {
    Actor { administrator: true, user: Some(UserId(1)), ..Actor::default() }
}

fn said<'a>(permit: &'a Permit<'a>) -> Said<'a> {
    static POLICY: std::sync::LazyLock<Policy> = std::sync::LazyLock::new(Policy::default);
    Said { permit, policy: &POLICY, now: 9 }
}

fn notify(user: i64, email: Option<i64>, kind: NotificationKind) -> Change {
    Change::Notify { user: UserId(user), kind, email: email.map(EmailId), note: None, record: None, detail: "so\0".into() }
}

/// A case of team 1, which user 1 has, and three who follow it.
fn one_case(store: &mut Store) {
    settle(store);
    let rows = [
        rows!(roles { id: 1, name: "agent" } { id: 2, name: "boss" }),
        rows!(role_rights
            { role_id: 1, scope: "case", action: "read", level: "team" }
            { role_id: 1, scope: "email", action: "read", level: "team" }
            { role_id: 1, scope: "email", action: "edit", level: "all" }
            { role_id: 2, scope: "case", action: "read", level: "all" }),
        rows!(user_roles { user_id: 3, role_id: 2 }),
        rows!(team_roles { team_id: 1, role_id: 1 }),
        rows!(records { id: 1, kind: "case", number: 1, name: "One", status: "assigned", assigned_user_id: 1 }),
        rows!(record_teams { record_id: 1, team_id: 1 }),
        rows!(followers { record_id: 1, user_id: 1 } { record_id: 1, user_id: 2 } { record_id: 1, user_id: 3 }),
    ];
    let users = "UPDATE users SET administrator = FALSE, active = TRUE;";
    let counters = "UPDATE counters SET value = 2 WHERE name IN ('record', 'number:case')";
    run(store, &format!("{users}{}{counters}", rows.concat()));
}

fn followers(store: &mut Store) -> Vec<i64> {
    numbers(store, "SELECT record_id * 10 + user_id AS n FROM followers ORDER BY 1")
}

fn bounce(id: &str, about: &str, address: &str) -> Mail {
    let recipient = Recipient {
        address: address.into(),
        also: None,
        action: DeliveryAction::Failed,
        status: Some("5.1.1".into()),
        diagnostic: None,
    };
    Mail {
        message_id: Some(id.into()),
        from: Some(Address { name: String::new(), address: "mailer-daemon@example.org".into() }),
        bounce: Some(Bounce {
            hard: true,
            recipients: vec![recipient],
            message_id: Some(about.into()),
            envelope_id: None,
            answered: Vec::new(),
        }),
        ..Mail::default()
    }
}

fn gather(store: &mut Store, mail: &Mail) -> Facts {
    store.transaction(|db| facts::gather(db, ACCOUNT, &[mail], 1000)).unwrap()
}

on_both_databases! {
    fn notify_2_a_user_hears_of_an_email_once(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        use NotificationKind::{Assigned, EmailReceived, Note};
        write(store, position, &after(1, 1), &[
            message(1, vec![Change::AddEmail(email(1, 1)), notify(1, Some(1), Note), notify(1, Some(1), EmailReceived), notify(2, Some(1), Note)]),
            message(2, vec![notify(1, Some(1), EmailReceived), notify(1, None, Assigned)]),
        ]).unwrap();
        write(store, position, &after(1, 1), &[message(3, vec![notify(2, Some(1), EmailReceived), notify(3, Some(1), EmailReceived)])]).unwrap();
        let told = "SELECT user_id || ' ' || kind || ' ' || detail AS t FROM notifications WHERE created_at = 1000 ORDER BY user_id, kind";
        assert_eq!(texts(store, told), ["1 assigned so", "1 note so", "2 note so", "3 email-received so"]);
        let administrator = administrator();
        // Reading: some, all, none that are another's; and who reads the e-mail has heard of it.
        let list = |store: &mut Store, user| notification::list(store.connection(), UserId(user), true, (9, 0)).unwrap();
        let ada = list(store, 1);
        assert_eq!(ada.len(), 2);
        assert!(notification::mark_read(store.connection(), &keep(&administrator, Inbox(UserId(2))).unwrap(), &[ada[0].id], 0).is_err());
        assert_eq!(notification::mark_read(store.connection(), &keep(&administrator, Inbox(UserId(1))).unwrap(), &[ada[0].id], 0).unwrap(), 1);
        assert_eq!(notification::mark_read(store.connection(), &keep(&administrator, Inbox(UserId(1))).unwrap(), &[], 0).unwrap(), 1);
        assert_eq!(list(store, 1), []);
        run(store, &rows!(email_users { email_id: 1, user_id: 2 }));
        assert_eq!(list(store, 2)[0].subject.as_deref(), Some("Subject 1"));
        let marks = Marks { read: Some(true), important: None };
        let theirs = keep(&administrator, Inbox(UserId(2))).unwrap();
        store.transaction(|db| hand::mark(db, &said(theirs.permit()), &theirs, &[EmailId(1)], marks)).unwrap();
        assert_eq!(list(store, 2), []);
        // Cleo has it not: that there was something, not what.
        assert_eq!(list(store, 3)[0].subject, None);
        assert!(notification::mark_read(store.connection(), &keep(&administrator, Inbox(UserId(3))).unwrap(), &[NotificationId(99)], 0).is_err());
    }

    fn note_1_a_note_that_was_there_before_keeps_nobody_from_hearing(store: &mut TestStore) {
        one_case(store);
        let position = inbox(store);
        let note = |id| Change::AddNote { id: NoteId(id), record: RecordId(1), kind: NoteKind::EmailReceived, email: Some(EmailId(1)), detail: String::new(), quiet: false };
        let next = |note| Next { record: 2, case_number: 2, note, ..after(1, 1) };
        write(store, position, &next(2), &[message(1, vec![Change::AddEmail(email(1, 1)), note(1)])]).unwrap();
        let Change::Notify { user, kind, email, record, detail, .. } = notify(2, Some(1), NotificationKind::Note) else { panic!() };
        let told = Change::Notify { user, kind, email, note: Some(NoteId(2)), record, detail };
        write(store, position, &next(3), &[message(2, vec![note(2), told])]).unwrap();
        assert_eq!(numbers(store, "SELECT coalesce(note_id, 0) * 10 + user_id AS n FROM notifications"), [2]);
    }

    fn bounce_2_and_3_what_a_report_says_is_written_and_known_to_the_next(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        write(store, position, &after(2, 1), &[message(1, vec![Change::AddEmail(email(1, 1))]), message(2, vec![Change::AddEmail(email(2, 1))])]).unwrap();
        run(store, &rows!(deliveries
            { email_id: 1, address: "dora@example.org", state: "sent", changed_at: 5 }
            { email_id: 1, address: "eve@example.org", state: "sent", changed_at: 5 }));
        run(store, "UPDATE emails SET is_ours = TRUE, author_id = 2 WHERE id = 1");
        let sent = Change::SetDelivery {
            email: EmailId(1), address: "dora@example.org".into(), state: DeliveryState::Failed, status: Some("5.1.1".into()),
            diagnostic: Some("no\0 such user".into()), report: EmailId(2),
        };
        let soft = |state, soft| Change::SetAddress { address: "dora@example.org".into(), state, soft };
        write(store, position, &after(2, 1), &[message(3, vec![sent, soft(AddressState::Good, vec![8]), soft(AddressState::Doubtful, vec![8, 9])])]).unwrap();
        let rows = address::deliveries_of(store.connection(), EmailId(1)).unwrap();
        let told: Vec<_> = rows.iter().map(|row| (row.address.as_str(), row.state, row.diagnostic.as_deref(), row.report, row.changed_at)).collect();
        assert_eq!(told, [
            ("dora@example.org", DeliveryState::Failed, Some("no such user"), Some(EmailId(2)), 1000),
            ("eve@example.org", DeliveryState::Sent, None, None, 5),
        ]);
        // Who wrote it, to whom it went, and what is known of the address that the report is about.
        let known = gather(store, &bounce("r@x", "1@x", "Dora@Example.org"));
        assert_eq!((known.emails[&EmailId(1)].ours, known.emails[&EmailId(1)].author), (true, Some(UserId(2))));
        assert_eq!(known.deliveries[&EmailId(1)].len(), 2);
        assert_eq!((known.address_states["dora@example.org"].state, known.address_states["dora@example.org"].soft.as_slice()), (AddressState::Doubtful, &[8, 9][..]));
        assert!(known.people.contains_key(&UserId(2)));
        let other = gather(store, &bounce("s@x", "2@x", "dora@example.org"));
        assert!(other.deliveries.is_empty() && other.address_states.is_empty(), "e-mail 2 went to nobody");
        // Cleared by an administrator, with a trace.
        assert_eq!(address::list(store.connection(), None).unwrap()[0].soft, 2);
        assert_eq!(address::list(store.connection(), Some(AddressState::Invalid)).unwrap(), []);
        let by = administrator();
        store.transaction(|db| address::clear(db, &administer(&by).unwrap(), "DORA@example.org", 7)).unwrap();
        assert!(address::show(store.connection(), "dora@example.org").is_err());
        assert_eq!(texts(store, "SELECT action || ' ' || subject || ' ' || detail AS t FROM audit"), ["address clear address:dora@example.org doubtful"]);
    }

    fn notify_1_people_come_with_their_teams_and_what_they_may_read(store: &mut TestStore) {
        one_case(store);
        run(store, "INSERT INTO auto_follows (user_id, kind) VALUES (2, 'case'), (3, 'lead'); UPDATE users SET notify_received = FALSE WHERE id = 2");
        run(store, &[rows!(raws { id: 1 }), rows!(threads { id: 1 })].concat());
        let mail = Mail { subject: "[#1]".into(), ..bounce("a@x", "b@x", "c@x") };
        let known = gather(store, &mail);
        assert_eq!(known.followers_of(RecordId(1)).collect::<Vec<_>>(), [UserId(1), UserId(2), UserId(3)]);
        let of = |user: i64| {
            let person = &known.people[&UserId(user)];
            let level = |scope| person.actor.rights.level(scope, RoleAction::Read);
            (person.actor.login.clone().unwrap(), level(RoleScope::Email), level(RoleScope::Case), person.notify_received, person.follows.contains(&RecordKind::Case))
        };
        use RoleLevel::{All, Team};
        assert_eq!(of(2), ("bob".into(), Team, Team, false, true));
        // Of two levels the most permissive: Cleo is in the team and has a role of her own.
        assert_eq!(of(3), ("cleo".into(), Team, All, true, false));
        assert_eq!(known.people[&UserId(2)].actor.teams, [TeamId(1), TeamId(2)]);
    }

    fn fetch_12_people_hear_once_that_an_account_fails_and_once_that_it_works(store: &mut TestStore) {
        settle(store);
        let (support, own) = (ACCOUNT, AccountId(2));
        let fails = |store: &mut Store, account, now| state::note_failure(store.connection(), account, now, ("login refused", "login refused"), Some(now + 60)).unwrap();
        let told = |store: &mut Store| texts(store, "SELECT user_id || ' ' || kind || ' ' || detail AS t FROM notifications ORDER BY id");
        for now in [1000, 1300, 1599] {
            fails(store, support, now);
        }
        assert_eq!(told(store), [""; 0], "not before ten minutes");
        state::note_success(store.connection(), support, 1599).unwrap();
        assert_eq!(told(store), [""; 0], "nobody knew");
        for now in [2000, 2600, 2700, 9000] {
            fails(store, support, now);
        }
        // Ada is the only active administrator.
        let failing = "1 account account support has failed since 1970-01-01T00:33:20Z: login refused";
        assert_eq!(told(store), [failing]);
        for now in [9100, 9200] {
            state::note_success(store.connection(), support, now).unwrap();
        }
        assert_eq!(told(store), [failing, "1 account account support works again"]);
        // A personal account is its owner's concern.
        run(store, "DELETE FROM notifications; UPDATE accounts SET owner_id = 2 WHERE id = 2");
        fails(store, own, 20_000);
        fails(store, own, 20_600);
        assert_eq!(numbers(store, "SELECT user_id AS n FROM notifications"), [2]);
    }

    fn follow_1_who_loses_access_follows_no_longer_but_for_the_one_who_has_it(store: &mut TestStore) {
        let by = administrator();
        let permit = administer(&by).unwrap();
        let ways: [&dyn Fn(&mut Store); 4] = [
            &|store| store.transaction(|db| rights::leave_team(db, &permit, TeamId(1), UserId(2), 9).map(|_| ())).unwrap(),
            &|store| store.transaction(|db| rights::take(db, &permit, 1, Holder::Team(TeamId(1)), 9).map(|_| ())).unwrap(),
            &|store| {
                let own = (RoleScope::Case, RoleAction::Read, RoleLevel::Own);
                store.transaction(|db| rights::grant(db, &permit, 1, own, 9).map(|_| ())).unwrap();
            },
            &|store| {
                let changes = RecordChanges { teams: Some(vec![]), ..RecordChanges::default() };
                store.transaction(|db| record::change(db, &said(&permit), RecordId(1), &changes)).unwrap();
            },
        ];
        one_case(store);
        for (number, way) in ways.iter().enumerate() {
            run(store, "DELETE FROM followers; DELETE FROM team_members; DELETE FROM team_roles; DELETE FROM record_teams; DELETE FROM role_rights;
                INSERT INTO followers (record_id, user_id) VALUES (1, 1), (1, 2), (1, 3);
                INSERT INTO team_members (team_id, user_id) VALUES (1, 1), (1, 2);
                INSERT INTO team_roles (team_id, role_id) VALUES (1, 1);
                INSERT INTO record_teams (record_id, team_id) VALUES (1, 1);
                INSERT INTO role_rights (role_id, scope, action, level) VALUES (1, 'case', 'read', 'team'), (2, 'case', 'read', 'all')");
            way(store);
            // Ada has the case; Cleo reads all of them.
            assert_eq!(followers(store), [11, 13], "way {number}");
            // It is a plan like any other, and stands in the audit with what was done.
            let audit = texts(store, "SELECT action || ': ' || detail || ' ' || why AS t FROM audit ORDER BY id DESC LIMIT 1");
            assert!(audit[0].contains("FOLLOW-1: they may not read it any more"), "way {number}: {audit:?}");
            assert!(number == 3 || audit[0].contains("; followed no more: case:1 by "), "way {number}: {audit:?}");
        }
        // Handed on, it is Ada's no longer.
        store.transaction(|db| hand::assign(db, &said(&permit), RecordId(1), UserId(3))).unwrap();
        assert_eq!(followers(store), [13]);
    }

    fn follow_1_a_kind_is_followed_from_the_beginning_by_those_who_may_read_it(store: &mut TestStore) {
        one_case(store);
        let by = administrator();
        let permit = administer(&by).unwrap();
        let lists = Lists { auto_follow: vec![RecordKind::Case, RecordKind::Lead], ..Lists::default() };
        for user in [2, 3] {
            let user = user::show(store.connection(), UserId(user)).unwrap();
            store.transaction(|db| user::set(db, &permit, &user, &user.settings, &lists)).unwrap();
        }
        assert_eq!(user::show(store.connection(), UserId(2)).unwrap().auto_follow, [RecordKind::Lead, RecordKind::Case]);
        let made = store.transaction(|db| hand::create(db, &said(&permit), "Two")).unwrap().opened().unwrap().id;
        // Bob's role lets him read his team's cases, and this one has no team.
        let following = numbers(store, &format!("SELECT user_id AS n FROM followers WHERE record_id = {made} ORDER BY 1"));
        assert_eq!(following, [3]);
    }

    fn notify_1_what_people_do_with_a_case_is_told_to_others(store: &mut TestStore) {
        one_case(store);
        let by = administrator();
        let permit = administer(&by).unwrap();
        let told = |store: &mut Store| texts(store, "SELECT user_id || ' ' || kind AS t FROM notifications WHERE record_id = 1 ORDER BY id");
        // Ada wrote it; Bob and Cleo follow.
        store.transaction(|db| hand::note(db, &said(&permit), RecordId(1), "Words")).unwrap();
        assert_eq!(told(store), ["2 note", "3 note"]);
        run(store, "DELETE FROM notifications");
        store.transaction(|db| hand::assign(db, &said(&permit), RecordId(1), UserId(2))).unwrap();
        assert_eq!(told(store), ["2 assigned"]);
        // Who takes a case knows it.
        store.transaction(|db| hand::assign(db, &said(&permit), RecordId(1), UserId(1))).unwrap();
        assert_eq!(told(store), ["2 assigned"]);
    }
}
