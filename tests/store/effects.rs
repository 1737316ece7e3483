//! What is done outside the database (FILTER-4): one pass claims it, and none of it is forgotten.

use espomail::decide::Change;
use espomail::decide::access::{Actor, administer};
use espomail::store::Store;
use espomail::store::effect::{self, Claimed};
use espomail::words::{AccountId, EffectId, EmailId};

use super::apply::{after, email, message, write};
use super::{ACCOUNT, inbox, numbers, settle, texts};

/// Three e-mails that a filter wants a command for.
fn prepare(store: &mut Store) {
    settle(store);
    let position = inbox(store);
    let messages: Vec<_> = (1..=3)
        .map(|id| {
            let (filter, command) = ("urgent".to_string(), "ticket".to_string());
            let run = Change::Run { email: EmailId(id), account: ACCOUNT, filter, command };
            message(id, vec![Change::AddEmail(email(id, 1)), run])
        })
        .collect();
    write(store, position, &after(3, 1), &messages).unwrap();
}

fn claim(store: &mut Store, now: i64) -> Option<Claimed> {
    store.transaction(|db| effect::claim(db, now, now + 90)).unwrap()
}

on_both_databases! {
    fn filter_4_a_command_is_written_with_the_decision_and_claimed_once(store: &mut TestStore) {
        prepare(store);
        assert_eq!(claim(store, 999), None, "before its time");
        let first = claim(store, 1000).unwrap();
        let expected = Claimed {
            id: EffectId(1),
            email: Some(EmailId(1)),
            account: Some(AccountId(1)),
            filter: "urgent".into(),
            command: "ticket".into(),
            event: None,
            about: None,
            attempts: 1,
        };
        assert_eq!(first, expected);
        let background = effect::background(store.connection(), &first).unwrap().unwrap();
        assert_eq!((background.account.as_deref(), background.record), (Some("support"), None));
        assert_eq!(background.raw.as_deref().unwrap(), b"Subject: 1\r\n\r\ntext");
        let mut other = store.another();
        let (second, third) = (claim(&mut other, 1000).unwrap(), claim(store, 1000).unwrap());
        assert_eq!((second.email, third.email, claim(store, 1000)), (Some(EmailId(2)), Some(EmailId(3)), None));
        store.transaction(|db| effect::finish(db, &first, 1001)).unwrap();
        store.transaction(|db| effect::fail(db, &second, "no\0", Some(1060))).unwrap();
        assert_eq!(texts(store, "SELECT last_error AS t FROM effects WHERE id = 2"), ["no"]);
        assert_eq!(claim(store, 1060).unwrap().attempts, 2);
        // Whoever ran the third died: another pass has it, and what the first one says of it comes too late.
        let again = claim(store, 1090).unwrap();
        assert_eq!((again.email, again.attempts), (Some(EmailId(3)), 2));
        store.transaction(|db| effect::finish(db, &third, 1091)).unwrap();
        assert_eq!(numbers(store, "SELECT COUNT(*) AS n FROM effects WHERE done_at IS NOT NULL"), [1]);
    }

    fn filter_4_two_passes_side_by_side_never_run_one_twice(store: &mut TestStore) {
        prepare(store);
        let mut others: Vec<Store> = (0..4).map(|_| store.another()).collect();
        let mut claimed: Vec<i64> = std::thread::scope(|scope| {
            let running: Vec<_> = others
                .iter_mut()
                .map(|other| scope.spawn(|| std::iter::from_fn(|| claim(other, 1000)).map(|one| one.id.0).collect::<Vec<_>>()))
                .collect();
            running.into_iter().flat_map(|one| one.join().unwrap()).collect()
        });
        claimed.sort_unstable();
        assert_eq!(claimed, [1, 2, 3]);
    }

    fn filter_4_what_was_given_up_is_kept_and_run_again_when_asked(store: &mut TestStore) {
        prepare(store);
        for _ in 0..2 {
            let claimed = claim(store, 1000).unwrap();
            store.transaction(|db| effect::fail(db, &claimed, "no", None)).unwrap();
        }
        let done = claim(store, 1000).unwrap();
        store.transaction(|db| effect::finish(db, &done, 1000)).unwrap();
        assert_eq!(claim(store, 5000), None);
        let retry = |store: &mut Store, of: &[i64]| {
            let of: Vec<EmailId> = of.iter().copied().map(EmailId).collect();
            let actor = Actor { administrator: true, ..Actor::default() };
            let permit = administer(&actor).unwrap();
            store.transaction(|db| effect::retry(db, &permit, &of, 5000)).unwrap()
        };
        assert_eq!((retry(store, &[3]), retry(store, &[2])), (0, 1), "what is done is done");
        let again = claim(store, 5000).unwrap();
        assert_eq!((again.email, again.attempts), (Some(EmailId(2)), 1));
        assert_eq!((retry(store, &[]), retry(store, &[])), (1, 0));
    }
}
