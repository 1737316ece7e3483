//! A conversation through facts, rules and store, in several orders of arrival, in one batch and in many.

use espomail::decide::{Arrival, Plan, Policy, decide};
use espomail::mail::{self, Mail};
use espomail::store::apply::{Decided, apply};
use espomail::store::{Store, facts, raw};
use espomail::words::{EmailId, Fate, PositionId, RecordId, ThreadId};

use super::{ACCOUNT, inbox, numbers, run, settle, texts};
use crate::support::rows::rows;

const NOW: i64 = 1_000_000;

/// What our border says of mail that one of us wrote elsewhere (ACCESS-5).
const VOUCHED: &str = "Authentication-Results: mx.example.com; dmarc=pass header.from=example.com\r\n";

/// Decides and writes one batch.
fn take(store: &mut Store, position: PositionId, first_uid: i64, messages: &[String]) -> Vec<Plan> {
    let mails: Vec<Mail> = messages.iter().map(|message| mail::parse(message.as_bytes())).collect();
    let packed: Vec<raw::Packed> =
        mails.iter().zip(messages).map(|(mail, message)| raw::pack(message.as_bytes(), mail.raw_digest)).collect();
    store
        .transaction(|db| {
            let mut facts = facts::gather(db, ACCOUNT, &mails.iter().collect::<Vec<_>>(), NOW)?;
            let arrivals: Vec<Arrival> = (first_uid..)
                .zip(&mails)
                .map(|(uid, _)| Arrival { position, uid, internal_date: Some(NOW), partial: false })
                .collect();
            let policy = Policy { authserv_ids: vec!["mx.example.com".to_string()], ..Policy::default() };
            let plans: Vec<Plan> =
                arrivals.iter().zip(&mails).map(|(arrival, mail)| decide(arrival, mail, &policy, &mut facts)).collect();
            let decided: Vec<Decided<'_>> = arrivals
                .iter()
                .zip(&mails)
                .zip(packed.iter().zip(&plans))
                .map(|((arrival, mail), (packed, plan))| Decided { arrival, mail, packed, plan, is_only_one: false })
                .collect();
            apply(db, &facts.next, &decided, NOW)?;
            Ok(plans)
        })
        .unwrap()
}

fn letter(id: &str, from: &str, to: &str, more: &str) -> String {
    format!("Message-ID: <{id}@x>\r\nFrom: {from}\r\nTo: {to}\r\nSubject: Re: Fire {id}\r\n{more}\r\ntext {id}\r\n")
}

/// A customer asks, a colleague, an agent and a machine answer; clients write References, In-Reply-To, or both.
fn conversation() -> Vec<String> {
    let (customer, colleague, support) = ("dora@example.org", "carl@example.org", "support@example.com");
    vec![
        letter("m0", customer, support, &format!("Cc: {colleague}\r\n")),
        letter("m1", "ada@example.com", customer, &format!("{VOUCHED}Cc: {support}, {colleague}\r\nReferences: <m0@x>\r\n")),
        letter("m2", colleague, support, &format!("Cc: {customer}\r\nIn-Reply-To: <m1@x>\r\n")),
        letter("m3", customer, support, "Auto-Submitted: auto-replied\r\nIn-Reply-To: <m1@x>\r\n"),
        letter(
            "m4",
            customer,
            support,
            &format!("Cc: {colleague}\r\nReferences: <m0@x> <m1@x> <m2@x>\r\nIn-Reply-To: <m2@x>\r\n"),
        ),
        letter("m5", "ada@example.com", customer, &format!("{VOUCHED}Cc: {colleague}\r\nIn-Reply-To: <m4@x>\r\n")),
    ]
}

const ORDERS: [[usize; 6]; 6] =
    [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [2, 0, 4, 1, 5, 3], [3, 5, 0, 2, 4, 1], [4, 2, 5, 3, 0, 1], [3, 1, 0, 5, 2, 4]];

fn is_one(store: &mut Store, told: &str) {
    assert_eq!(numbers(store, "SELECT COUNT(*) AS n FROM emails"), [6], "{told}");
    assert_eq!(numbers(store, "SELECT COUNT(DISTINCT thread_id) AS n FROM emails"), [1], "{told}");
    let left = numbers(store, "SELECT id AS n FROM records WHERE kind = 'case' AND merged_into_id IS NULL");
    assert_eq!(left.len(), 1, "{told}");
    assert_eq!(numbers(store, "SELECT DISTINCT parent_id AS n FROM emails"), left, "{told}");
    let merged = "SELECT COUNT(*) AS n FROM records WHERE kind = 'case' AND merged_into_id IS NOT NULL AND status <> 'duplicate'";
    assert_eq!(numbers(store, merged), [0], "{told}");
    let noted =
        format!("SELECT COUNT(*) AS n FROM notes WHERE kind IN ('email-received', 'email-sent') AND record_id = {}", left[0]);
    assert_eq!(numbers(store, &noted), [6], "one note an e-mail, in the stream of the case that is left: {told}");
    assert_eq!(numbers(store, "SELECT COUNT(*) AS n FROM notes WHERE kind IN ('email-received', 'email-sent')"), [6], "{told}");
    let next = numbers(store, "SELECT value AS n FROM counters WHERE name = 'note'");
    let highest = numbers(store, "SELECT MAX(id) AS n FROM notes");
    assert!(next[0] > highest[0], "{told}");
}

/// Takes everything away that mail made.
fn clear(store: &mut Store) {
    run(
        store,
        "DELETE FROM fates; DELETE FROM notes; DELETE FROM followers; DELETE FROM record_teams; DELETE FROM email_users;
         DELETE FROM email_teams; DELETE FROM email_accounts; DELETE FROM emails; DELETE FROM thread_ids; DELETE FROM threads;
         DELETE FROM records WHERE kind = 'case'; DELETE FROM raws",
    );
}

on_both_databases! {
    fn thread_1_any_order_of_arrival_is_one_conversation_and_one_case_in_the_store(store: &mut TestStore) {
        settle(store);
        let rows = [
            rows!(records
                { id: 899, kind: "account", number: 1, name: "Example" }
                { id: 900, kind: "contact", number: 1, name: "Dora Example", account_id: 899 }
                { id: 901, kind: "contact", number: 2, name: "Carl Example", account_id: 899 }),
            rows!(record_addresses
                { record_id: 900, address: "dora@example.org" } { record_id: 901, address: "carl@example.org" }),
        ];
        run(store, &rows.concat());
        let position = inbox(store);
        let letters = conversation();
        let mut uid = 1;
        for order in ORDERS {
            for size in [1, 2, 6] {
                for batch in order.chunks(size) {
                    let some: Vec<String> = batch.iter().map(|place| letters[*place].clone()).collect();
                    take(store, position, uid, &some);
                    uid += 6;
                }
                is_one(store, &format!("{order:?} by {size}"));
                clear(store);
            }
        }
    }

    fn case_4_a_closed_case_is_opened_again(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        let letters = conversation();
        take(store, position, 1, &letters[..1]);
        run(store, &format!("UPDATE records SET status = 'closed', closed_at = {} WHERE kind = 'case'", NOW - 86_400));
        take(store, position, 2, &letters[4..5]);
        assert_eq!(texts(store, "SELECT status AS t FROM records WHERE kind = 'case' AND closed_at IS NULL"), ["assigned"]);
        assert_eq!(texts(store, "SELECT detail AS t FROM notes WHERE kind = 'status'"), ["assigned"]);
        run(store, &format!("UPDATE records SET status = 'closed', closed_at = {} WHERE kind = 'case'", NOW - 30 * 86_400));
        take(store, position, 3, &letters[2..3]);
        assert_eq!(numbers(store, "SELECT COUNT(*) AS n FROM records WHERE kind = 'case'"), [2]);
        assert_eq!(numbers(store, "SELECT refers_to_id AS n FROM records WHERE kind = 'case' ORDER BY id"), [-1, 1]);
    }

    fn link_3_what_is_held_waits_without_a_parent(store: &mut TestStore) {
        settle(store);
        run(store, "UPDATE accounts SET unknown_sender = 'hold'");
        let position = inbox(store);
        take(store, position, 1, &conversation()[..1]);
        let stranger = letter("s", "eve@example.net", "support@example.com", "").replace("Re: Fire", "[#1] Fire");
        let plans = take(store, position, 2, std::slice::from_ref(&stranger));
        assert_eq!(plans[0].fate, Fate::Held);
        assert_eq!(texts(store, "SELECT fate AS t FROM fates ORDER BY uid"), ["imported", "held"]);
        assert_eq!(numbers(store, "SELECT candidate_id AS n FROM reviews WHERE email_id = 2 AND account_id = 1 AND decision IS NULL"), [1]);
        assert_eq!(numbers(store, "SELECT parent_id AS n FROM emails ORDER BY id"), [1, -1]);
        // Its thread comes to a case; what waits goes on waiting.
        let participant = letter("t", "dora@example.org", "support@example.com", "In-Reply-To: <s@x>\r\n");
        take(store, position, 3, std::slice::from_ref(&participant));
        assert_eq!(numbers(store, "SELECT parent_id AS n FROM emails WHERE id = 2"), [-1]);
    }

    fn thread_3_and_link_1_facts_come_with_the_batch(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        take(store, position, 1, &conversation()[..1]);
        let mut answer = mail::parse(letter("m0", "dora@example.org", "support@example.com", "").as_bytes());
        answer.message_id = Some("other@x".into());
        let ring = mail::token::KeyRing {
            instance: "one".into(),
            keys: vec![mail::token::Key { id: 1, secret: [1; 32], expires_at: None }],
            good_for: 100,
        };
        let token = mail::token::make(&ring, RecordId(1), NOW).unwrap();
        answer.references = vec![format!("{token}.x@x")];
        let facts = store.transaction(|db| facts::gather(db, ACCOUNT, &[&answer], NOW)).unwrap();
        assert!(facts.records.contains_key(&RecordId(1)), "a token brings its record");
        assert!(facts.by_subject.values().all(|emails| *emails == [EmailId(1)]) && !facts.by_subject.is_empty());
        assert_eq!(facts.emails[&EmailId(1)].thread, ThreadId(1));
        let late = store.transaction(|db| facts::gather(db, ACCOUNT, &[&answer], NOW + 17 * 86_400)).unwrap();
        assert!(late.by_subject.is_empty());
        assert!(facts.participants.is_empty(), "nothing can meet");
    }

    fn thread_1_participants_come_where_cases_may_meet(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        let second = letter("n0", "eve@example.net", "support@example.com", "");
        take(store, position, 1, &[conversation()[0].clone(), second]);
        let both = letter("both", "dora@example.org", "support@example.com", "References: <m0@x> <n0@x>\r\n");
        let both = mail::parse(both.as_bytes());
        let facts = store.transaction(|db| facts::gather(db, ACCOUNT, &[&both], NOW)).unwrap();
        let mut people: Vec<&str> = facts.participants[&RecordId(1)].iter().map(String::as_str).collect();
        people.sort_unstable();
        assert_eq!(people, ["dora@example.org"], "who is named only, and our own addresses, are nobody");
        assert_eq!(facts.participants[&RecordId(2)].len(), 1);
        // A message that opens a case in this batch may bring it together with one that is there.
        let waits = mail::parse(letter("w", "dora@example.org", "support@example.com", "In-Reply-To: <link@x>\r\n").as_bytes());
        let link = mail::parse(letter("link", "dora@example.org", "support@example.com", "In-Reply-To: <m0@x>\r\n").as_bytes());
        let facts = store.transaction(|db| facts::gather(db, ACCOUNT, &[&waits, &link], NOW)).unwrap();
        assert_eq!(facts.participants.keys().collect::<Vec<_>>(), [&RecordId(1)]);
        let alone = store.transaction(|db| facts::gather(db, ACCOUNT, &[&link], NOW)).unwrap();
        assert!(alone.participants.is_empty());
    }
}
