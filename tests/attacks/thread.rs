//! To get into another customer's conversation, or to get its answers.

use espomail::decide::access::{Actor, administer};
use espomail::decide::outgoing::Order;
use espomail::decide::{Arrival, Policy, decide};
use espomail::mail::compose::Draft;
use espomail::mail::token::{Key, KeyRing};
use espomail::mail::{self, Address};
use espomail::pass::hand::{self, Said};
use espomail::pass::outgoing::{self, Outbound};
use espomail::store::apply::{Decided, apply};
use espomail::store::{Store, facts, raw};
use espomail::words::{EmailId, OutgoingKind, PositionId, RecordId};
use serde_json::json;

use super::{deliver, email, on_both, parent, reply};
use crate::store::{ACCOUNT, inbox, numbers, run, settle};
use crate::support::TestStore;

const DORA: &str = "Dora Example <dora@example.org>";
const MALLORY: &str = "Mallory <mallory@example.net>";

#[test]
fn link_2_a_stranger_with_a_message_id_enters_nothing_and_is_answered_nothing() {
    on_both(|world, sink| {
        deliver(world, "a", DORA, &["Subject: Pump", "Cc: carl@example.org"]);
        deliver(world, "m", MALLORY, &["Subject: Re: Pump", "In-Reply-To: <a@example.org>"]);
        assert_eq!(parent(world, "m"), "case:2");
        assert_eq!(world.json(&["case", "show", "2"])["refers_to"], "case:1");
        assert_eq!(email(world, "a")["is_replied"], false, "nobody has answered Dora");
        assert_ne!(email(world, "a")["thread"], email(world, "m")["thread"]);
        let why = world.run(&["explain", "<m@example.org>"]).ok();
        assert!(why.contains("takes no part in that"), "{why}");
        // Nor does whom the customer names become a participant by that, nor the stranger by writing twice.
        deliver(world, "n", "carl@example.org", &["Subject: Re: Pump", "In-Reply-To: <a@example.org>"]);
        deliver(
            world,
            "o",
            MALLORY,
            &["Subject: Re: [#1] Pump", "In-Reply-To: <a@example.org>", "References: <a@example.org> <m@example.org>"],
        );
        assert_eq!((parent(world, "n"), parent(world, "o")), (json!("case:3"), json!("case:2")));
        // A person lets them in; the answer still goes to the customer, unless it is asked for.
        world.run(&["email", "link", "<n@example.org>", "case:1"]).ok();
        let (made, id) = reply(world, &["1", "--to-email", "<a@example.org>"]);
        assert_eq!((&made["to"], &made["strangers"]), (&json!(["dora@example.org"]), &json!([])));
        // The bearer of our letter comes in by its token, and is no participant.
        deliver(world, "p", "boss@example.org", &["Subject: Fwd: thanks", &format!("In-Reply-To: <{id}>")]);
        assert_eq!(parent(world, "p"), "case:1");
        let (made, _) = reply(world, &["1"]);
        assert_eq!(made["to"], json!(["carl@example.org"]), "{made}");
        assert_eq!(
            (&made["passed_over"]["from"], &made["passed_over"]["email"]),
            (&json!("boss@example.org"), &email(world, "p")["id"])
        );
        let told = world.run(&["case", "reply", "1", "--to-newest", "--text", "Hello."]).ok();
        assert!(told.starts_with("To: boss@example.org\nNew to case:1: boss@example.org\n"), "{told}");
        // Whom one of us wrote to takes part from then on.
        deliver(world, "q", "boss@example.org", &["Subject: [#1] and this"]);
        assert_eq!(parent(world, "q"), "case:1");
        assert!(sink.taken().iter().all(|one| !one.to.iter().any(|to| to.contains("mallory"))));
    });
}

#[test]
fn link_2_unknown_sender_hold_waits_and_an_account_without_cases_links_nothing() {
    on_both(|world, _| {
        deliver(world, "a", DORA, &["Subject: Pump"]);
        world.run(&["account", "set", "support", "--unknown-sender", "hold"]).ok();
        deliver(world, "m", MALLORY, &["Subject: Re: Pump", "In-Reply-To: <a@example.org>"]);
        let held = world.json(&["review", "list"])["items"][0].clone();
        assert_eq!((&held["candidate"], &held["from"]), (&json!("case:1"), &json!("mallory@example.net")));
        assert_eq!(parent(world, "m"), serde_json::Value::Null);
        world.run(&["account", "set", "support", "--make-cases=false"]).ok();
        deliver(world, "n", MALLORY, &["Subject: Re: Pump", "References: <a@example.org>"]);
        assert_eq!(parent(world, "n"), serde_json::Value::Null);
        assert!(world.run(&["explain", "<n@example.org>"]).ok().contains("takes no part in that"));
    });
}

#[test]
fn thread_1_who_repeats_a_message_id_gets_none_of_its_answers() {
    on_both(|world, _| {
        deliver(world, "a", DORA, &["Subject: Pump"]);
        deliver(world, "a", MALLORY, &["Subject: Other words"]);
        assert_eq!(email(world, "a")["parent"], "case:1", "THREAD-1: the id stands for the first");
        for id in ["b", "c"] {
            deliver(world, id, DORA, &["Subject: Re: Pump", "In-Reply-To: <a@example.org>"]);
            assert_eq!(parent(world, id), "case:1");
        }
        // An agent who answers the copy writes into the copy's case, and that stays there.
        let (made, letter) = reply(world, &["2"]);
        assert_eq!(made["to"], json!(["mallory@example.net"]));
        deliver(world, "d", DORA, &["Subject: Re: Pump", "In-Reply-To: <a@example.org>"]);
        deliver(world, "e", MALLORY, &["Subject: Re: Other", &format!("In-Reply-To: <{letter}>"), "References: <a@example.org>"]);
        deliver(world, "f", MALLORY, &["Subject: Re: Pump", "In-Reply-To: <b@example.org>"]);
        assert_eq!((parent(world, "d"), parent(world, "e")), (json!("case:1"), json!("case:2")));
        assert_ne!(parent(world, "f"), "case:1");
    });
}

#[test]
fn thread_1_who_names_an_id_before_it_is_there_gets_nothing_of_it() {
    on_both(|world, _| {
        deliver(world, "m", MALLORY, &["Subject: First", "References: <a@example.org> <z@example.org>"]);
        deliver(world, "a", DORA, &["Subject: Pump"]);
        deliver(world, "b", DORA, &["Subject: Re: Pump", "References: <a@example.org>"]);
        deliver(world, "c", DORA, &["Subject: Re: Pump", "References: <z@example.org>"]);
        assert_eq!(
            (parent(world, "m"), parent(world, "a"), parent(world, "b")),
            (json!("case:1"), json!("case:2"), json!("case:2"))
        );
        assert_ne!(parent(world, "c"), "case:1");
        assert_ne!(email(world, "a")["thread"], email(world, "m")["thread"]);
        assert_eq!(email(world, "a")["thread"], email(world, "b")["thread"]);
    });
}

#[test]
fn case_5_reply_goes_to_a_person_who_takes_part_and_says_so_first() {
    on_both(|world, sink| {
        deliver(world, "a", DORA, &["Subject: Pump"]);
        deliver(world, "b", DORA, &["Subject: Away", "In-Reply-To: <a@example.org>", "Auto-Submitted: auto-replied"]);
        // From is hers as far as anybody can see, and answers are to go elsewhere.
        deliver(world, "c", DORA, &["Subject: [#1] New account", "Reply-To: mallory@example.net"]);
        let told = world.run(&["case", "reply", "1", "--text", "Hello."]).ok();
        assert!(told.contains("E-mail 3 asks for answers to mallory@example.net, who takes no part in the case."), "{told}");
        assert!(told.contains("\nTo: dora@example.org\n"), "{told}");
        let all = world.run(&["case", "reply", "1", "--to-email", "3", "--text", "Hello."]).ok();
        assert!(all.starts_with("To: mallory@example.net\nNew to case:1: mallory@example.net\n"), "{all}");
        let told =
            world.run(&["email", "reply", "3", "--to", "eve@example.org", "--cc", "dora@example.org", "--text", "Hm."]).ok();
        assert!(told.starts_with("To: eve@example.org\nCc: dora@example.org\nNew to case:1: eve@example.org\n"), "{told}");
        assert_eq!(sink.taken().len(), 3);
        let line = world.run(&["case", "reply", "1", "--to-email", "99", "--text", "x"]).fails(65);
        assert!(line.contains("there is no e-mail 99"), "{line}");
        // A form writes from one address for everybody; whoever filled it in opened the case.
        deliver(world, "f", "form@example.net", &["Subject: Form", "Reply-To: fay@example.org"]);
        let (made, _) = reply(world, &["2"]);
        assert_eq!((&made["to"], &made["passed_over"]), (&json!(["fay@example.org"]), &serde_json::Value::Null));
        let line = world.run(&["case", "reply", "2", "--to-email", "1", "--text", "x"]).fails(65);
        assert!(line.contains("e-mail 1 does not belong to case 2"), "{line}");
    });
}

/// What is done at random, always in the same way.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides.max(1)
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        of.get(self.throw(of.len())).copied()
    }
}

/// A letter of ours.
#[derive(Clone)]
struct Sent {
    email: i64,
    message_id: String,
    to: String,
}

struct Walk<'a> {
    store: &'a mut Store,
    position: PositionId,
    dice: Dice,
    policy: Policy,
    now: i64,
    written: i64,
    letters: Vec<Sent>,
    log: Vec<String>,
    /// Why the last message came to where it is.
    why: String,
}

const CUSTOMERS: [&str; 3] = ["dora@example.org", "eve@example.net", "fay@example.com.example"];

impl Walk<'_> {
    fn take(&mut self, message: &str) -> EmailId {
        let mail = mail::parse(message.as_bytes());
        let packed = raw::pack(message.as_bytes(), mail.raw_digest);
        let (now, position, uid) = (self.now, self.position, self.written);
        let arrival = Arrival { position, uid, internal_date: Some(now), partial: false };
        let policy = &self.policy;
        self.store
            .transaction(|db| {
                let mut facts = facts::gather(db, ACCOUNT, &[&mail], now)?;
                let plan = decide(&arrival, &mail, policy, &mut facts);
                apply(
                    db,
                    &facts.next,
                    &[Decided { arrival: &arrival, mail: &mail, packed: &packed, plan: &plan, is_only_one: false }],
                    now,
                )?;
                Ok(plan)
            })
            .map(|plan| {
                self.why = format!("{:?} {:?}", plan.notes, plan.candidates);
                plan.email.unwrap()
            })
            .unwrap()
    }

    fn number(&mut self, query: &str) -> i64 {
        numbers(self.store, query)[0]
    }

    fn parent(&mut self, email: i64) -> i64 {
        self.number(&format!("SELECT COALESCE(parent_id, 0) AS n FROM emails WHERE id = {email}"))
    }

    fn open_cases(&mut self) -> Vec<i64> {
        numbers(self.store, "SELECT id AS n FROM records WHERE kind = 'case' AND merged_into_id IS NULL ORDER BY id")
    }

    /// A customer writes: something new, or an answer to an e-mail of theirs or of ours.
    fn customer_writes(&mut self) -> i64 {
        let customer = self.dice.pick(&CUSTOMERS).unwrap();
        self.write(customer, "", "")
    }

    fn write(&mut self, from: &str, answers: &str, references: &str) -> i64 {
        self.written += 1;
        let id = self.written;
        let header = if answers.is_empty() {
            String::new()
        } else {
            format!("In-Reply-To: <{answers}>\r\nReferences: {references}<{answers}>\r\n")
        };
        let message = format!(
            "From: {from}\r\nTo: support@example.com\r\nSubject: Matter {id}\r\nMessage-ID: <w{id}@example.org>\r\n{header}\r\nText {id}.\r\n"
        );
        self.take(&message).0
    }

    /// One of us answers an e-mail that is in a case.
    fn we_answer(&mut self) {
        let all = numbers(self.store, "SELECT id AS n FROM emails WHERE is_ours = FALSE AND parent_id IS NOT NULL ORDER BY id");
        let Some(email) = self.dice.pick(&all) else { return };
        let case = self.parent(email);
        let to = crate::store::texts(self.store, &format!("SELECT from_address AS t FROM emails WHERE id = {email}"))[0].clone();
        let original =
            crate::store::texts(self.store, &format!("SELECT message_id AS t FROM emails WHERE id = {email}"))[0].clone();
        self.written += 1;
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.written.to_be_bytes());
        let message_id = outgoing::message_id(&self.policy, Some(RecordId(case)), "support@example.com", random, self.now);
        let address = |text: &str| Address { name: String::new(), address: text.to_string() };
        let draft = Draft {
            from: address("support@example.com"),
            sender: None,
            reply_to: Vec::new(),
            to: vec![address(&to)],
            cc: Vec::new(),
            bcc: Vec::new(),
            subject: "Re: Matter".to_string(),
            text: "We see to it.\n".to_string(),
            html: None,
            attachments: Vec::new(),
            calendar: None,
            message_id: message_id.clone(),
            date: self.now,
            in_reply_to: Some(original.clone()),
            references: vec![original],
            automatic: None,
            extra: Vec::new(),
        };
        let order = Order { parent: Some(RecordId(case)), author: None, follows: Some(EmailId(email)), ..Order::default() };
        let letter = Outbound::new(&draft, order, OutgoingKind::Reply, Some(self.now)).unwrap();
        let now = self.now;
        let queued = self.store.transaction(|db| outgoing::queue(db, ACCOUNT, &letter, now)).unwrap();
        self.log.push(format!("letter {} to {to} in {case}", queued.email));
        self.letters.push(Sent { email: queued.email.0, message_id, to });
    }

    /// A letter of ours is answered, by the customer or by whom they passed it on to: the answer is where the letter is, or in no
    /// case that was there before.
    fn a_letter_is_answered(&mut self) {
        if self.letters.is_empty() {
            return;
        }
        let place = self.dice.throw(self.letters.len());
        let Sent { email, message_id, to } = self.letters[place].clone();
        let older: Vec<String> =
            self.letters[..place].iter().filter(|one| one.to == to).map(|one| format!("<{}> ", one.message_id)).collect();
        let from = if self.dice.throw(5) == 0 { "boss@example.org".to_string() } else { to };
        let before = self.open_cases();
        let home = self.parent(email);
        let answer = self.write(&from, &message_id, &older.concat());
        let came_to = self.parent(answer);
        self.log.push(format!("answer {answer} of {from} to letter {email} in {home}: {came_to}"));
        let told = format!("{}\n{}", self.log.join("\n"), self.why);
        // Who takes part in two cases and names both brings them together (THREAD-1).
        if before.contains(&home) {
            let now_in = self.parent(email);
            assert_eq!(came_to, now_in, "{told}");
        } else if before.contains(&came_to) {
            // A person took the letter away; the conversation has gone on in a case that a later one opened (CASE-1).
            let opened = format!(
                "SELECT COUNT(*) AS n FROM notes WHERE record_id = {came_to} AND kind = 'created' AND email_id > {email}"
            );
            assert_eq!(self.number(&opened), 1, "{told}");
        }
    }

    /// A customer answers an e-mail of their own: it is where that is, if they take part in it.
    fn an_email_is_answered(&mut self) {
        let customer = self.dice.pick(&CUSTOMERS).unwrap();
        let own = numbers(self.store, &format!("SELECT id AS n FROM emails WHERE from_address = '{customer}' ORDER BY id"));
        let Some(email) = self.dice.pick(&own) else { return };
        let id = crate::store::texts(self.store, &format!("SELECT message_id AS t FROM emails WHERE id = {email}"))[0].clone();
        let (before, home) = (self.open_cases(), self.parent(email));
        let answer = self.write(customer, &id, "");
        let came_to = self.parent(answer);
        self.log.push(format!("answer {answer} of {customer} to e-mail {email} in {home}: {came_to}"));
        let taking_part = format!(
            "SELECT COUNT(*) AS n FROM participants JOIN emails ON emails.id = email_id
             WHERE parent_id = {home} AND address = '{customer}' AND emails.id <> {answer}"
        );
        if before.contains(&home) && self.number(&taking_part) > 0 {
            let now_in = self.parent(email);
            assert_eq!(came_to, now_in, "{}\n{}", self.log.join("\n"), self.why);
        }
    }

    fn a_person_changes_something(&mut self) {
        let cases = self.open_cases();
        let emails = numbers(self.store, "SELECT id AS n FROM emails ORDER BY id");
        let (Some(one), Some(other), Some(email)) = (self.dice.pick(&cases), self.dice.pick(&cases), self.dice.pick(&emails))
        else {
            return;
        };
        let root = Actor { os_account: "root".into(), administrator: true, ..Actor::default() };
        let permit = administer(&root).unwrap();
        let now = self.now;
        let what = self.dice.throw(4);
        let of_one = numbers(self.store, &format!("SELECT id AS n FROM emails WHERE parent_id = {one} ORDER BY id"));
        let chosen = self.dice.pick(&of_one);
        let is_linked = self.parent(email) != 0;
        let said = Said { permit: &permit, policy: &self.policy, now };
        self.store
            .transaction(|db| match what {
                0 if one != other => hand::merge(db, &said, RecordId(one), RecordId(other)).map(drop),
                1 if of_one.len() > 1 => hand::split(db, &said, RecordId(one), &[EmailId(chosen.unwrap())], None).map(drop),
                2 => hand::link(db, &said, EmailId(email), RecordId(one)).map(drop),
                3 if is_linked => hand::unlink(db, &said, EmailId(email)).map(drop),
                _ => Ok(()),
            })
            .unwrap();
        self.log.push(format!(
            "{}: case {one}, case {other}, e-mail {email}, {chosen:?}",
            ["merge", "split", "link", "unlink"][what]
        ));
    }
}

/// Walks through a world at random.
fn walk(store: &mut Store, seed: u64, steps: usize) {
    settle(store);
    run(store, "UPDATE accounts SET distribution = 'none', act_since = 0");
    let keys = vec![Key { id: 1, secret: [3; 32], expires_at: None }];
    let tokens = KeyRing { instance: "walk".into(), keys, good_for: 1_000_000 };
    let position = inbox(store);
    let policy = Policy { tokens, ..Policy::default() };
    let mut walk = Walk {
        store,
        position,
        dice: Dice(seed),
        policy,
        now: 1_000_000,
        written: 0,
        letters: Vec::new(),
        log: vec![format!("seed {seed}")],
        why: String::new(),
    };
    for _ in 0..steps {
        walk.now += 1;
        match walk.dice.throw(10) {
            0 | 1 => drop(walk.customer_writes()),
            2 | 3 => walk.we_answer(),
            4..=6 => walk.a_letter_is_answered(),
            7 => walk.an_email_is_answered(),
            _ => walk.a_person_changes_something(),
        }
    }
    assert!(walk.letters.len() * 20 > steps, "it did something");
}

#[test]
fn link_1_no_answer_ever_comes_to_a_case_that_its_letter_is_not_in() {
    for seed in 1..=4 {
        walk(&mut TestStore::sqlite(), seed, 120);
    }
    walk(&mut TestStore::postgresql(), 5, 80);
}
