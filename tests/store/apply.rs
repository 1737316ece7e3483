//! Every change is written as decided, also where it concerns rows of the same batch.

use diesel::prelude::*;
use espomail::decide::{Arrival, Brought, Change, Facts, NewCase, NewEmail, Next, Plan};
use espomail::mail::{Address, Attachment, Mail, Sign};
use espomail::store::apply::{Decided, apply};
use espomail::store::{Store, facts, fate, position, raw};
use espomail::words::{
    AccountId, CaseStatus, EmailId, Fate, Machine, NoteId, NoteKind, ParentBy, PositionId, RecordId, TeamId, ThreadId, UserId,
};

use super::{ACCOUNT, inbox, numbers, run, settle, texts};

/// A message with what was decided about it.
pub struct Message {
    uid: i64,
    mail: Mail,
    raw: raw::Packed,
    plan: Plan,
}

pub fn message(uid: i64, changes: Vec<Change>) -> Message {
    let bytes = format!("Subject: {uid}\r\n\r\ntext");
    let mail = Mail {
        message_id: Some(format!("{uid}@x")),
        from: Some(Address { name: "Dora Example".into(), address: "Dora@Example.org".into() }),
        to: vec![Address { name: String::new(), address: "support@example.com".into() }],
        subject: format!("Subject {uid}\0"),
        text: "text\0 more".into(),
        date: Some(50),
        content_digest: [7; 32],
        automatic: vec![Sign::new(Machine::Bulk, "precedence")],
        ..Mail::default()
    };
    let mut plan = Plan::new();
    for change in changes {
        if let Change::AddEmail(email) = &change {
            plan.email = Some(email.id);
        }
        plan.add(change, "because");
    }
    Message { uid, raw: raw::pack(bytes.as_bytes(), *blake3::hash(bytes.as_bytes()).as_bytes()), mail, plan }
}

pub fn email(id: i64, thread: i64) -> NewEmail {
    NewEmail {
        id: EmailId(id),
        thread: ThreadId(thread),
        identity: format!("{id}@x"),
        date: 100 + id,
        replied: None,
        parent: None,
        parent_by: None,
        account_record: None,
        id_collision: false,
        partial: false,
        archived: false,
        folder: None,
        filed_by: None,
        sender: "dora@example.org".into(),
        ours: false,
        author: None,
        invites: Vec::new(),
        claimed: false,
        disowned: false,
        subject_from: 0,
        subject_to: 0,
    }
}

pub fn case(id: i64, number: i64, email: i64) -> NewCase {
    NewCase {
        id: RecordId(id),
        number,
        name: "Broken\0".into(),
        status: CaseStatus::Assigned,
        priority: None,
        team: Some(TeamId(1)),
        account_record: None,
        contact: None,
        lead: None,
        assigned_user: Some(UserId(2)),
        through: Some(ACCOUNT),
        refers_to: None,
        email: Some(EmailId(email)),
    }
}

/// The next numbers after so many new e-mails and threads, from the first on.
pub fn after(emails: i64, threads: i64) -> Next {
    Next { email: emails + 1, thread: threads + 1, record: 1, note: 1, case_number: 1, assignment: 1, review: 1 }
}

pub fn write(store: &mut Store, position: PositionId, next: &Next, messages: &[Message]) -> anyhow::Result<Facts> {
    store.transaction(|db| {
        let facts = facts::gather(db, ACCOUNT, &[], 1000)?;
        let arrivals: Vec<Arrival> = messages
            .iter()
            .map(|message| Arrival { position, uid: message.uid, internal_date: Some(900), partial: false })
            .collect();
        let decided: Vec<Decided<'_>> = messages
            .iter()
            .zip(&arrivals)
            .map(|(message, arrival)| Decided {
                arrival,
                mail: &message.mail,
                packed: &message.raw,
                plan: &message.plan,
                is_only_one: false,
            })
            .collect();
        apply(db, next, &decided, 1000)?;
        Ok(facts)
    })
}

fn came(email: i64) -> Change {
    Change::AddAccount { email: EmailId(email), account: ACCOUNT }
}

fn parent(email: i64, thread: i64, parent: i64) -> Change {
    Change::SetParent {
        email: EmailId(email),
        thread: ThreadId(thread),
        parent: RecordId(parent),
        by: ParentBy::Opened,
        account: None,
        brought: Brought::Person,
    }
}

const TABLES: [&str; 15] = [
    "raws",
    "threads",
    "thread_ids",
    "emails",
    "email_texts",
    "attachments",
    "email_accounts",
    "email_teams",
    "email_users",
    "records",
    "record_teams",
    "followers",
    "notes",
    "rotations",
    "fates",
];

fn counts(store: &mut Store) -> Vec<i64> {
    TABLES.iter().flat_map(|table| numbers(store, &format!("SELECT count(*) AS n FROM {table}"))).collect()
}

on_both_databases! {
    fn case_3_a_first_message_becomes_everything_at_once(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        let mut one = message(5, vec![
            Change::AddEmail(NewEmail { parent: Some(RecordId(1)), parent_by: Some(ParentBy::Opened), ..email(1, 1) }),
            Change::RememberId { message_id: "1@x".into(), thread: ThreadId(1) },
            Change::RememberId { message_id: "ancestor@x".into(), thread: ThreadId(1) },
            Change::AddAccount { email: EmailId(1), account: ACCOUNT },
            Change::AddTeam { email: EmailId(1), team: TeamId(1) },
            Change::AddUser { email: EmailId(1), user: UserId(1), read: true, trashed: false, folder: None, own: None, read_by: None },
            Change::AddUser { email: EmailId(1), user: UserId(2), read: false, trashed: false, folder: None, own: None, read_by: None },
            Change::OpenCase(case(1, 1, 1)),
            Change::Follow { record: RecordId(1), user: UserId(2) },
            Change::AdvanceRotation { account: ACCOUNT, team: TeamId(1), user: UserId(2) },
            Change::NoteAssignment { user: UserId(2), assignment: 1 },
            Change::AddNote { id: NoteId(1), record: RecordId(1), kind: NoteKind::Created, email: None, detail: String::new(), quiet: false },
            Change::AddNote { id: NoteId(2), record: RecordId(1), kind: NoteKind::EmailReceived, email: Some(EmailId(1)), detail: String::new(), quiet: false },
        ]);
        one.mail.attachments = vec![Attachment {
            name: "a\0.png".into(), media_type: "image/png".into(), size: 12, content_id: Some("c@x".into()), inline: true, part: "2".into(),
        }];
        let next = Next { email: 2, thread: 2, record: 2, note: 3, case_number: 2, assignment: 2, review: 1 };
        write(store, position, &next, std::slice::from_ref(&one)).unwrap();
        assert_eq!(counts(store), [1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 2, 1, 1]);
        assert_eq!(texts(store, "SELECT subject || '|' || text || '|' || from_address || '|' || message_id || '|' || parent_by || '|' || automatic AS t FROM emails JOIN email_texts ON email_id = id"),
            ["Subject 5|text more|dora@example.org|1@x|opened|[{\"kind\":\"bulk\",\"sign\":\"precedence\"}]"]);
        assert_eq!(texts(store, "SELECT people AS t FROM email_texts"),
            [r#"{"from":[{"name":"Dora Example","address":"Dora@Example.org"}],"reply_to":[],"to":[{"name":"","address":"support@example.com"}],"cc":[],"bcc":[]}"#]);
        assert_eq!(numbers(store, "SELECT date + header_date * 1000 + arrived_at * 1000000 AS n FROM emails"), [900_050_101]);
        assert_eq!(texts(store, "SELECT name || '|' || status || '|' || description AS t FROM records WHERE kind = 'case' AND number = 1 AND created_at = 1000"),
            ["Broken|assigned|text more"]);
        assert_eq!(texts(store, "SELECT name || content_id AS t FROM attachments"), ["a.pngc@x"]);
        assert_eq!(numbers(store, "SELECT last_uid AS n FROM positions"), [5]);
        assert_eq!(numbers(store, "SELECT last_assignment AS n FROM users ORDER BY id"), [7, 1, 0]);
        assert_eq!(raw::raw_of(store.connection(), EmailId(1)).unwrap().unwrap(), b"Subject: 5\r\n\r\ntext");
        assert_eq!(raw::raw_of(store.connection(), EmailId(9)).unwrap(), None);
        let fates = fate::fates_of(store.connection(), EmailId(1)).unwrap();
        assert_eq!((fates.len(), fates[0].uid, fates[0].fate, fates[0].mailbox.as_str()), (1, 5, Fate::Imported, "INBOX"));
        let why: serde_json::Value = serde_json::from_str(&fates[0].why).unwrap();
        assert_eq!((&why["steps"][0]["do"], &why["steps"][0]["because"]), (&"add-email".into(), &"because".into()));
        assert_eq!(store.transaction(|db| facts::gather(db, ACCOUNT, &[], 0)).unwrap().next, next);
    }

    fn fetch_1_a_failing_batch_leaves_nothing(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        let before = counts(store);
        // The second message puts its e-mail into a thread that does not exist.
        let messages = [message(1, vec![Change::AddEmail(email(1, 1))]), message(2, vec![Change::AddEmail(email(2, 99))])];
        assert!(write(store, position, &after(2, 1), &messages).is_err());
        assert_eq!(counts(store), before);
        assert_eq!(numbers(store, "SELECT last_uid AS n FROM positions"), [0]);
        assert_eq!(numbers(store, "SELECT value AS n FROM counters WHERE name IN ('email', 'raw')"), [1, 1]);
        // A UID that has its fate cannot get another.
        write(store, position, &after(1, 1), &messages[..1]).unwrap();
        assert!(write(store, position, &after(2, 2), &[message(1, vec![Change::AddEmail(email(2, 2))])]).is_err());
        // A reset takes the position away under a running pass (FETCH-13).
        run(store, "DELETE FROM fates; DELETE FROM positions");
        assert!(write(store, position, &after(2, 2), &[message(3, vec![Change::AddEmail(email(2, 2))])]).is_err());
        assert_eq!(numbers(store, "SELECT count(*) AS n FROM emails"), [1]);
    }

    fn dup_1_a_second_account_adds_and_removes_nothing(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        write(store, position, &after(1, 1), &[message(1, vec![
            Change::AddEmail(email(1, 1)),
            Change::AddAccount { email: EmailId(1), account: ACCOUNT },
            Change::AddUser { email: EmailId(1), user: UserId(1), read: true, trashed: false, folder: None, own: None, read_by: None },
        ])]).unwrap();
        let mut again = message(2, vec![
            Change::AddAccount { email: EmailId(1), account: ACCOUNT },
            Change::AddAccount { email: EmailId(1), account: AccountId(2) },
            Change::AddUser { email: EmailId(1), user: UserId(1), read: false, trashed: false, folder: None, own: None, read_by: None },
            Change::AddUser { email: EmailId(1), user: UserId(2), read: false, trashed: false, folder: None, own: None, read_by: None },
            Change::AddTeam { email: EmailId(1), team: TeamId(2) },
            Change::RememberId { message_id: "1@x".into(), thread: ThreadId(1) },
            Change::RememberId { message_id: "1@x".into(), thread: ThreadId(1) },
        ]);
        again.plan.fate = Fate::Duplicate;
        again.plan.email = Some(EmailId(1));
        write(store, position, &after(1, 1), &[again]).unwrap();
        assert_eq!(numbers(store, "SELECT count(*) AS n FROM emails"), [1]);
        assert_eq!(numbers(store, "SELECT account_id AS n FROM email_accounts ORDER BY account_id"), [1, 2]);
        assert_eq!(numbers(store, "SELECT CAST(CASE WHEN is_read THEN 1 ELSE 0 END AS BIGINT) AS n FROM email_users ORDER BY user_id"), [1, 0]);
        assert_eq!(fate::fates_of(store.connection(), EmailId(1)).unwrap().len(), 2);
    }

    fn fetch_5_what_the_mailbox_brought_is_known_under_another_uidvalidity(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        let messages: Vec<Message> = (1..=3).map(|id| message(id, vec![Change::AddEmail(email(id, id))])).collect();
        write(store, position, &after(3, 3), &messages).unwrap();
        let ids = ["1@x".to_string(), "3@x".to_string(), "4@x".to_string()];
        let known = position::known_elsewhere(store.connection(), ACCOUNT, Some("INBOX"), &ids).unwrap();
        let known: Vec<_> = known.into_iter().map(|one| (one.message_id, one.raw_size, one.arrived_at, one.email)).collect();
        assert_eq!(known, [("1@x".to_string(), 18, 900, EmailId(1)), ("3@x".to_string(), 18, 900, EmailId(3))]);
        assert_eq!(position::known_elsewhere(store.connection(), ACCOUNT, Some("Other"), &ids).unwrap(), []);
        assert_eq!(position::known_elsewhere(store.connection(), AccountId(2), Some("INBOX"), &ids).unwrap(), []);
    }

    fn parse_1_the_same_bytes_are_kept_once(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        let mut messages: Vec<Message> = (1..=3).map(|id| message(id, vec![Change::AddEmail(email(id, id))])).collect();
        let same = messages[0].raw.clone();
        for message in &mut messages[..2] {
            message.raw = same.clone();
        }
        write(store, position, &after(2, 2), &messages[..2]).unwrap();
        messages[2].raw = same;
        write(store, position, &after(3, 3), &messages[2..]).unwrap();
        assert_eq!(numbers(store, "SELECT count(*) AS n FROM raws"), [1]);
    }

    fn thread_1_joined_threads_take_everything_along(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        let remember = |id: &str, thread| Change::RememberId { message_id: id.into(), thread: ThreadId(thread) };
        let join = |from, into| Change::JoinThreads { from: ThreadId(from), into: ThreadId(into) };
        write(store, position, &after(2, 2), &[
            message(1, vec![Change::AddEmail(email(1, 1)), remember("1@x", 1)]),
            message(2, vec![Change::AddEmail(email(2, 2)), remember("2@x", 2)]),
        ]).unwrap();
        // In one batch: a new thread joins an old one, the other old one joins the new one, and more follow the dead.
        write(store, position, &after(6, 4), &[
            message(3, vec![Change::AddEmail(email(3, 3)), remember("3@x", 3)]),
            message(4, vec![join(1, 3), Change::AddEmail(email(4, 3))]),
            message(5, vec![join(3, 2), Change::AddEmail(email(5, 3)), remember("5@x", 1)]),
            message(6, vec![Change::AddEmail(email(6, 4)), join(2, 4), join(1, 2)]),
        ]).unwrap();
        assert_eq!(numbers(store, "SELECT DISTINCT thread_id AS n FROM emails"), [4]);
        assert_eq!(numbers(store, "SELECT DISTINCT thread_id AS n FROM thread_ids"), [4]);
        assert_eq!(numbers(store, "SELECT id AS n FROM threads"), [4]);
        assert_eq!(numbers(store, "SELECT count(*) AS n FROM thread_ids"), [4]);
    }

    fn thread_2_a_reply_marks_what_it_replies_to_stored_or_not(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        write(store, position, &after(1, 1), &[message(1, vec![Change::AddEmail(email(1, 1))])]).unwrap();
        let reply = |id: i64, to: i64| message(id, vec![
            Change::AddEmail(NewEmail { replied: Some(EmailId(to)), ..email(id, 1) }),
            Change::MarkReplied { email: EmailId(to) },
        ]);
        write(store, position, &after(3, 1), &[reply(2, 1), reply(3, 2)]).unwrap();
        assert_eq!(numbers(store, "SELECT CAST(CASE WHEN is_replied THEN 1 ELSE 0 END AS BIGINT) AS n FROM emails ORDER BY id"), [1, 1, 0]);
        assert_eq!(numbers(store, "SELECT replied_id AS n FROM emails ORDER BY id"), [-1, 1, 2]);
    }

    fn thread_2_a_parent_goes_to_the_thread_but_not_to_what_comes_later(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        write(store, position, &after(3, 2), &[
            message(1, vec![Change::AddEmail(email(1, 1)), came(1)]),
            message(2, vec![Change::AddEmail(email(2, 1)), came(2)]),
            message(3, vec![Change::AddEmail(email(3, 2)), came(3)]),
        ]).unwrap();
        let mut next = after(6, 2);
        next.record = 2;
        next.case_number = 2;
        write(store, position, &next, &[
            message(4, vec![Change::AddEmail(email(4, 1)), came(4)]),
            message(5, vec![Change::AddEmail(email(5, 1)), came(5), Change::OpenCase(case(1, 1, 1)), parent(1, 1, 1)]),
            message(6, vec![Change::AddEmail(email(6, 1)), came(6)]),
        ]).unwrap();
        assert_eq!(numbers(store, "SELECT parent_id AS n FROM emails ORDER BY id"), [1, 1, -1, 1, 1, -1]);
    }

    fn thread_2_a_parent_reaches_earlier_mail_of_threads_joined_in_the_same_batch(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        write(store, position, &after(1, 1), &[message(1, vec![Change::AddEmail(email(1, 1)), came(1)])]).unwrap();
        let next = Next { record: 2, case_number: 2, ..after(2, 2) };
        write(store, position, &next, &[message(2, vec![
            Change::AddEmail(email(2, 2)),
            came(2),
            Change::JoinThreads { from: ThreadId(1), into: ThreadId(2) },
            Change::OpenCase(case(1, 1, 2)),
            parent(2, 2, 1),
        ])]).unwrap();
        assert_eq!(numbers(store, "SELECT parent_id AS n FROM emails ORDER BY id"), [1, 1]);
    }

    fn link_7_a_parent_set_by_hand_stays(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        let next = Next { record: 3, case_number: 3, ..after(1, 1) };
        write(store, position, &next, &[
            message(1, vec![Change::AddEmail(email(1, 1)), Change::OpenCase(case(1, 1, 1)), Change::OpenCase(case(2, 2, 1))]),
        ]).unwrap();
        run(store, "UPDATE emails SET parent_id = 1, parent_by = 'hand'");
        write(store, position, &next, &[message(2, vec![parent(1, 1, 2)])]).unwrap();
        assert_eq!(numbers(store, "SELECT parent_id AS n FROM emails"), [1]);
    }

    fn note_1_there_is_one_note_for_a_record_and_an_email(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        let note = |id| Change::AddNote { id: NoteId(id), record: RecordId(1), kind: NoteKind::EmailReceived, email: Some(EmailId(1)), detail: String::new(), quiet: false };
        let next = Next { record: 2, case_number: 2, note: 2, ..after(1, 1) };
        write(store, position, &next, &[message(1, vec![Change::AddEmail(email(1, 1)), Change::OpenCase(case(1, 1, 1)), note(1)])]).unwrap();
        write(store, position, &Next { note: 3, ..next }, &[message(2, vec![note(2)])]).unwrap();
        assert_eq!(numbers(store, "SELECT id AS n FROM notes"), [1]);
    }

    fn dist_2_the_last_turn_of_the_batch_is_kept(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        let turn = |user| Change::AdvanceRotation { account: ACCOUNT, team: TeamId(1), user: UserId(user) };
        write(store, position, &after(0, 0), &[message(1, vec![turn(1)]), message(2, vec![turn(2)])]).unwrap();
        assert_eq!(numbers(store, "SELECT user_id AS n FROM rotations"), [2]);
        write(store, position, &after(0, 0), &[message(3, vec![turn(1)])]).unwrap();
        assert_eq!(numbers(store, "SELECT user_id AS n FROM rotations"), [1]);
    }

    fn fetch_2_a_fate_outlives_its_email(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        write(store, position, &after(1, 1), &[message(1, vec![Change::AddEmail(email(1, 1)), Change::RememberId { message_id: "1@x".into(), thread: ThreadId(1) }])]).unwrap();
        run(store, "DELETE FROM emails");
        assert_eq!(numbers(store, "SELECT email_id AS n FROM fates"), [-1]);
    }

    fn every_number_of_rows_passes(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        let mut changes = vec![Change::AddEmail(email(1, 1))];
        changes.extend((0..25_000).map(|number| Change::RememberId { message_id: format!("r{number}@x"), thread: ThreadId(1) }));
        write(store, position, &after(1, 1), &[message(1, changes)]).unwrap();
        assert_eq!(numbers(store, "SELECT count(*) AS n FROM thread_ids"), [25_000]);
        let none = store.connection();
        assert!(diesel::sql_query("SELECT 1").execute(none).is_ok());
    }
}
