//! Cases as people change them: what moves in a merge, whose a case is, and that every change is on record.

use espomail::decide::Policy;
use espomail::decide::access::{Actor, Relation, Rights, Sight, administer, sight};
use espomail::pass::hand::{self, Said};
use espomail::store::apply::{self, Merge};
use espomail::store::case::{self, CaseFilter};
use espomail::store::{Store, relation};
use espomail::words::{EmailId, NoteId, RecordId, RoleAction, RoleLevel, RoleScope, TeamId, UserId};

use super::{numbers, run, settle, texts};
use crate::support::rows::rows;

/// Two cases, 1 of team 1 assigned to user 1, 2 of team 2 assigned to user 2, each with an e-mail; e-mail 3 is told of in both
/// streams.
fn two_cases(store: &mut Store) {
    settle(store);
    let rows = [
        rows!(records
            { id: 1, kind: "case", number: 1, name: "One", status: "assigned", assigned_user_id: 1 }
            { id: 4, kind: "account", number: 1, name: "Example Ltd" }
            { id: 2, kind: "case", number: 2, name: "Two", status: "closed", assigned_user_id: 2, account_id: 4, closed_at: 9 }
            { id: 3, kind: "case", number: 3, name: "Three", status: "duplicate", merged_into_id: 2 }),
        rows!(record_teams { record_id: 1, team_id: 1 } { record_id: 2, team_id: 1 } { record_id: 2, team_id: 2 }),
        rows!(followers { record_id: 1, user_id: 1 } { record_id: 2, user_id: 1 } { record_id: 2, user_id: 2 }),
        rows!(raws { id: 1 }),
        rows!(threads { id: 1 }),
        rows!(emails
            { id: 1, message_id: "1@x", content_digest: format!("{:032}", 1), subject: "One", parent_id: 1, parent_by: "opened" }
            { id: 2, message_id: "2@x", content_digest: format!("{:032}", 2), subject: "Two", parent_id: 2, parent_by: "opened" }
            { id: 3, message_id: "3@x", content_digest: format!("{:032}", 3), subject: "Two", parent_id: 2, parent_by: "thread" }),
        rows!(email_users { email_id: 1, user_id: 2 }),
        rows!(email_teams { email_id: 2, team_id: 1 }),
        rows!(notes
            { id: 11, record_id: 1, kind: "created", email_id: 1, author_id: 2 }
            { id: 12, record_id: 1, kind: "email-received", email_id: 1 }
            { id: 13, record_id: 2, kind: "created", email_id: 2 }
            { id: 14, record_id: 2, kind: "email-received", email_id: 2 }
            { id: 15, record_id: 1, kind: "email-received", email_id: 3 }
            { id: 16, record_id: 2, kind: "email-received", email_id: 3 }
            { id: 17, record_id: 2, kind: "note", detail: "words", created_at: 1 }
            { id: 18, record_id: 2, kind: "status", detail: "closed", created_at: 1 }),
        rows!(reviews { id: 1, email_id: 1, candidate_id: 2 } { id: 2, email_id: 2, candidate_id: 2, decision: "rejected" }),
        rows!(notifications { id: 1, user_id: 1, kind: "note", note_id: 17, record_id: 2 }),
    ];
    run(store, &format!("{}UPDATE counters SET value = 100 WHERE name IN ('note', 'notification')", rows.concat()));
}

/// A user of team 2 whose roles let them do this much with cases.
fn actor(user: i64, level: RoleLevel) -> Actor {
    let mut rights = Rights::default();
    rights.add(RoleScope::Case, RoleAction::Read, level);
    Actor { user: Some(UserId(user)), teams: vec![TeamId(2)], rights, ..Actor::default() }
}

on_both_databases! {
    fn case_5_a_merge_moves_what_belongs_to_the_case_and_doubles_nothing(store: &mut TestStore) {
        two_cases(store);
        let merge = Merge { from: RecordId(2), into: RecordId(1), notes: [101, 102].map(NoteId), asked: None };
        store.transaction(|db| apply::merge(db, &merge, 50)).unwrap();
        assert_eq!(numbers(store, "SELECT parent_id AS n FROM emails ORDER BY id"), [1, 1, 1]);
        // LINK-6: the case that is left took over the Account, and its e-mails have it.
        assert_eq!(numbers(store, "SELECT account_record_id AS n FROM emails ORDER BY id"), [-1, 4, 4]);
        assert_eq!(numbers(store, "SELECT account_id AS n FROM records WHERE id = 1"), [4]);
        assert_eq!(numbers(store, "SELECT id AS n FROM notes WHERE record_id = 1 ORDER BY id"), [11, 12, 14, 15, 17, 102]);
        assert_eq!(numbers(store, "SELECT id AS n FROM notes WHERE record_id = 2 ORDER BY id"), [13, 18, 101]);
        assert_eq!(numbers(store, "SELECT record_id * 10 + user_id AS n FROM followers ORDER BY 1"), [11, 12]);
        assert_eq!(numbers(store, "SELECT record_id * 10 + team_id AS n FROM record_teams ORDER BY 1"), [11, 12, 21, 22]);
        assert_eq!(numbers(store, "SELECT merged_into_id AS n FROM records WHERE kind = 'case' ORDER BY id"), [-1, 1, 1]);
        assert_eq!(texts(store, "SELECT status AS t FROM records WHERE kind = 'case' ORDER BY id"), ["assigned", "duplicate", "duplicate"]);
        assert_eq!(numbers(store, "SELECT closed_at AS n FROM records WHERE id = 2"), [-1]);
        // What waits for a word is about the case that is left; what is decided says what was decided.
        assert_eq!(numbers(store, "SELECT candidate_id AS n FROM reviews ORDER BY id"), [1, 2]);
        assert_eq!(numbers(store, "SELECT record_id AS n FROM notifications"), [1]);
        // The numbers were the caller's.
        assert_eq!(numbers(store, "SELECT value AS n FROM counters WHERE name = 'note'"), [100]);
    }

    fn access_2_a_case_is_ones_own_or_ones_teams(store: &mut TestStore) {
        two_cases(store);
        let db = store.connection();
        let own = Relation { own: true, team: false };
        let team = Relation { own: false, team: true };
        let both = Relation { own: true, team: true };
        for (user, case, expected) in [
            (1, 1, own),
            // User 2 made it.
            (2, 1, own),
            (2, 2, both),
            (1, 2, team),
            (3, 1, Relation::default()),
            (1, 3, Relation::default()),
        ] {
            assert_eq!(relation::of_record(db, &actor(user, RoleLevel::All), RecordId(case)).unwrap(), expected, "{user} {case}");
        }
        assert_eq!(relation::of_record(db, &Actor::default(), RecordId(1)).unwrap(), Relation::default());
        let of_email = |db: &mut _, user, email| relation::of_email(db, &actor(user, RoleLevel::All), EmailId(email)).unwrap();
        assert_eq!((of_email(db, 2, 1), of_email(db, 1, 1)), (own, Relation::default()));
        let first_team = Actor { teams: vec![TeamId(1)], ..actor(1, RoleLevel::All) };
        assert_eq!(relation::of_email(db, &first_team, EmailId(2)).unwrap(), team);
    }

    fn access_2_a_list_shows_what_one_may_read(store: &mut TestStore) {
        two_cases(store);
        for (user, level, expected) in [
            (1, RoleLevel::All, &[3, 2, 1][..]),
            (1, RoleLevel::Team, &[2, 1]),
            (3, RoleLevel::Team, &[2]),
            (1, RoleLevel::Own, &[1]),
            (2, RoleLevel::Own, &[2, 1]),
            (1, RoleLevel::No, &[]),
        ] {
            let filter = CaseFilter { sight: sight(&actor(user, level), RoleScope::Case), all: true, limit: 9, offset: 0, ..everything() };
            let listed: Vec<i64> = case::list(store.connection(), &filter).unwrap().iter().map(|case| case.number).collect();
            assert_eq!(listed, expected, "{user} {level}");
        }
    }

    fn every_change_of_a_case_is_on_record_with_who_asked(store: &mut TestStore) {
        two_cases(store);
        let ada = Actor {
            os_account: "root".into(), user: Some(UserId(1)), login: Some("ada".into()), on_behalf: true, administrator: true,
            ..Actor::default()
        };
        let permit = administer(&ada).unwrap();
        let policy = Policy::default();
        let said = |now| Said { permit: &permit, policy: &policy, now };
        store.transaction(|db| {
            hand::set_status(db, &said(60), RecordId(1), Some(espomail::words::CaseStatus::Closed))?;
            hand::note(db, &said(61), RecordId(1), "words")?;
            hand::assign(db, &said(62), RecordId(1), UserId(2))?;
            // Nothing changes, and nothing is recorded.
            hand::assign(db, &said(63), RecordId(1), UserId(2))?;
            hand::merge(db, &said(64), RecordId(1), RecordId(2))
        }).unwrap();
        let told = "SELECT os_account || ' ' || acting || ' ' || action || ' ' || subject || ' ' || detail AS t FROM audit ORDER BY id";
        assert_eq!(texts(store, told), [
            "root ada case close case:1 closed",
            "root ada case note case:1 note 101",
            "root ada case assign case:1 bob",
            "root ada case merge case:1 into case:2",
        ]);
        let authors = "SELECT author_id AS n FROM notes WHERE id >= 100 ORDER BY id";
        assert_eq!(numbers(store, authors), [1, 1, 1, 1, 1]);
        assert_eq!(texts(store, "SELECT parent_by AS t FROM emails WHERE id = 1"), ["hand"]);
    }
}

pub fn everything() -> CaseFilter {
    CaseFilter {
        sight: Sight::Everything,
        status: None,
        all: false,
        assigned_user: None,
        unassigned: false,
        team: None,
        through: None,
        priority: None,
        search: None,
        values: Vec::new(),
        from: Vec::new(),
        of: None,
        limit: 100,
        offset: 0,
    }
}
