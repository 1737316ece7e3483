//! One engine: the same event leaves the same rows, whether mail brings it about or a person. The worlds are made at random:
//! who is told, who reads what, what filters say, whose records there are.

use espomail::decide::access::{Actor, administer};
use espomail::decide::filter::{Action, Criterion};
use espomail::decide::{Arrival, Policy, decide};
use espomail::mail;
use espomail::pass::hand::{self, Said};
use espomail::store::apply::{Decided, apply};
use espomail::store::{Database, Store, facts, raw};
use espomail::words::{CaseStatus, EmailId, FolderId, PositionId, RecordId, UserId};

use super::{ACCOUNT, inbox, numbers, run, settle, texts};
use crate::support::TestStore;
use crate::support::rows::rows;

/// What is chosen at random, always in the same way.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.throw(of.len() as u64)).unwrap()]
    }

    fn flip(&mut self) -> bool {
        self.throw(2) == 0
    }
}

/// A world that is the same for the same seed.
struct World<'a> {
    store: &'a mut Store,
    position: PositionId,
    now: i64,
    cc: &'static str,
}

impl<'a> World<'a> {
    fn new(store: &'a mut Store, seed: u64) -> Self {
        let mut dice = Dice(seed);
        settle(store);
        let mut sql = String::from("UPDATE users SET active = TRUE, administrator = FALSE;");
        let assigned = dice.pick(&["1", "2", "3", "NULL"]);
        let distribution = dice.pick(&["direct", "round-robin", "least-busy", "none"]);
        sql.push_str(&format!(
            "UPDATE accounts SET act_since = 0, case_position = NULL, assigned_user_id = {assigned}, distribution = '{distribution}',
                add_team_users = {} WHERE id = 1; ",
            dice.pick(&["TRUE", "FALSE"])
        ));
        sql.push_str(&rows!(roles { id: 1, name: "one" } { id: 2, name: "two" }));
        for role in [1, 2] {
            for scope in ["case", "email"] {
                let level = dice.pick(&["own", "team", "all"]);
                sql.push_str(&rows!(role_rights { role_id: role, scope: scope, action: "read", level: level }));
            }
        }
        for user in 1..=3 {
            sql.push_str(&rows!(user_roles { user_id: user, role_id: dice.pick(&[1, 2]) }));
            if dice.flip() {
                sql.push_str(&rows!(auto_follows { user_id: user, kind: "case" }));
            }
            if dice.throw(3) == 0 {
                sql.push_str(&format!("UPDATE users SET notify_received = FALSE WHERE id = {user};"));
            }
            let silent = dice.pick(&[true, false]);
            sql.push_str(&rows!(folders { id: user, user_id: user, name: "Pumps", skip_notifications: silent }));
            let folder = Action::Folder(FolderId(user));
            let actions = match dice.throw(6) {
                0 => vec![Action::Skip],
                1 => vec![folder],
                2 => vec![folder, Action::MarkRead],
                3 => vec![Action::SkipNotification],
                _ => continue,
            };
            let criterion = dice.pick(&["Pump*", "Door*"]).to_string();
            let criteria = serde_json::to_string(&[Criterion::Subject(criterion)]).unwrap();
            let actions = serde_json::to_string(&actions).unwrap();
            sql.push_str(&rows!(filters { id: user, name: "own", user_id: user, criteria: criteria, actions: actions }));
        }
        if dice.flip() {
            // Dora is known, with or without an Account; somebody follows that.
            let account = dice.pick(&[None, Some(1)]);
            sql.push_str(&rows!(records
                { id: 1, kind: "account", number: 1, name: "Works" }
                { id: 2, kind: "contact", number: 1, name: "Dora", account_id: account }));
            sql.push_str(&rows!(record_addresses { record_id: 2, address: "dora@example.org" }));
            sql.push_str(&rows!(followers { record_id: 1, user_id: dice.pick(&[1, 2, 3]) }));
            sql.push_str("UPDATE counters SET value = 3 WHERE name = 'record';");
        }
        run(store, &sql);
        let position = inbox(store);
        let cc = dice.pick(&["", "Cc: ada@example.com\r\n", "Cc: cleo@example.com\r\n"]);
        Self { store, position, now: 1_000_000, cc }
    }

    /// A message of Dora's comes; each of `references` is the Message-ID of one before it.
    fn comes(&mut self, id: i64, subject: &str, references: &[i64]) -> EmailId {
        let references: String = references.iter().map(|id| format!(" <{id}@example.org>")).collect();
        let header = if references.is_empty() { String::new() } else { format!("References:{references}\r\n") };
        let message = format!(
            "From: Dora <dora@example.org>\r\nTo: support@example.com\r\n{}Subject: {subject}\r\n\
             Message-ID: <{id}@example.org>\r\n{header}\r\nIt drips.\r\n",
            self.cc
        );
        let mail = mail::parse(message.as_bytes());
        let packed = raw::pack(message.as_bytes(), mail.raw_digest);
        let (now, position) = (self.now, self.position);
        let arrival = Arrival { position, uid: id, internal_date: Some(now), partial: false };
        let plan = self.store.transaction(|db| {
            let mut facts = facts::gather(db, ACCOUNT, &[&mail], now)?;
            let plan = decide(&arrival, &mail, &Policy::default(), &mut facts);
            apply(
                db,
                &facts.next,
                &[Decided { arrival: &arrival, mail: &mail, packed: &packed, plan: &plan, is_only_one: false }],
                now,
            )?;
            Ok(plan)
        });
        plan.unwrap().email.unwrap()
    }

    /// The same while the account makes no cases.
    fn comes_without_case(&mut self, id: i64, subject: &str) -> EmailId {
        run(self.store, "UPDATE accounts SET make_cases = FALSE WHERE id = 1");
        let email = self.comes(id, subject, &[]);
        run(self.store, "UPDATE accounts SET make_cases = TRUE WHERE id = 1");
        email
    }

    /// The service account says something.
    fn says<T>(&mut self, word: impl Fn(&mut Database, &Said<'_>) -> anyhow::Result<T>) -> T {
        let root = Actor { os_account: "root".into(), administrator: true, ..Actor::default() };
        let (permit, policy, now) = (administer(&root).unwrap(), Policy::default(), self.now);
        self.store.transaction(|db| word(db, &Said { permit: &permit, policy: &policy, now })).unwrap()
    }

    fn number(&mut self, query: &str) -> i64 {
        numbers(self.store, query)[0]
    }

    /// Everything that matters of the rows. A person leaves notes of what they did, uses up no turn, and whatever they moved is
    /// where it is by their hand: these alone may differ, and in how many steps people heard of it.
    fn rows(&mut self) -> Vec<String> {
        let id = |column: &str| format!("COALESCE(CAST({column} AS TEXT), '-')");
        let is = |column: &str| format!("CASE WHEN {column} THEN 'yes' ELSE 'no' END");
        let queries = [
            (
                "record",
                "records",
                vec![
                    id("id"),
                    "kind".into(),
                    id("number"),
                    "name".into(),
                    "COALESCE(status, '-')".into(),
                    "description".into(),
                    id("account_id"),
                    id("contact_id"),
                    id("lead_id"),
                    id("assigned_user_id"),
                    id("through_account_id"),
                    id("merged_into_id"),
                    id("closed_at"),
                    "COALESCE(priority, '-')".into(),
                ],
            ),
            ("team of record", "record_teams", vec![id("record_id"), id("team_id")]),
            ("follower", "followers", vec![id("record_id"), id("user_id")]),
            ("e-mail", "emails", vec![id("id"), id("parent_id"), id("account_record_id")]),
            ("team of e-mail", "email_teams", vec![id("email_id"), id("team_id")]),
            (
                "reader",
                "email_users",
                vec![id("email_id"), id("user_id"), is("is_read"), is("is_trashed"), is("is_archived"), id("folder_id")],
            ),
            ("participant", "participants", vec![id("email_id"), "address".into()]),
            (
                "note",
                "notes WHERE kind NOT IN ('assigned', 'linked')",
                vec![id("record_id"), "kind".into(), id("email_id"), "detail".into()],
            ),
            ("told", "notifications", vec![id("user_id")]),
        ];
        let mut rows = Vec::new();
        for (what, from, columns) in queries {
            let columns = columns.join(" || ' ' || ");
            let found = texts(self.store, &format!("SELECT DISTINCT {columns} AS t FROM {from} ORDER BY 1"));
            rows.extend(found.into_iter().map(|row| format!("{what}: {row}")));
        }
        rows.sort();
        rows
    }
}

/// One event, brought about in two ways.
type Way = fn(&mut World<'_>, assigned: Option<UserId>);

fn opened_by_mail(world: &mut World<'_>, _: Option<UserId>) {
    world.comes(1, "Pump leaks", &[]);
}

fn opened_by_hand(world: &mut World<'_>, assigned: Option<UserId>) {
    let email = world.comes_without_case(1, "Pump leaks");
    let case = world.says(|db, said| hand::create_from(db, said, email)).opened().unwrap().id;
    if let Some(user) = assigned {
        world.says(|db, said| hand::assign(db, said, case, user));
    }
}

fn case(world: &mut World<'_>) -> RecordId {
    RecordId(world.number("SELECT MIN(id) AS n FROM records WHERE kind = 'case'"))
}

fn goes_on_by_mail(world: &mut World<'_>, _: Option<UserId>) {
    world.comes(1, "Door squeaks", &[]);
    world.comes(2, "Pump leaks", &[1]);
}

fn goes_on_by_hand(world: &mut World<'_>, _: Option<UserId>) {
    world.comes(1, "Door squeaks", &[]);
    let email = world.comes_without_case(2, "Pump leaks");
    let case = case(world);
    world.says(|db, said| hand::link(db, said, email, case));
}

fn merged_by_mail(world: &mut World<'_>, _: Option<UserId>) {
    world.comes(1, "Pump leaks", &[]);
    world.comes(2, "Door squeaks", &[]);
    world.comes(3, "Both", &[2, 1]);
}

fn merged_by_hand(world: &mut World<'_>, _: Option<UserId>) {
    world.comes(1, "Pump leaks", &[]);
    world.comes(2, "Door squeaks", &[]);
    world.comes(3, "Both", &[1]);
    let into = case(world);
    let from = RecordId(world.number("SELECT MAX(id) AS n FROM records WHERE kind = 'case'"));
    world.says(|db, said| hand::merge(db, said, from, into));
}

fn close(world: &mut World<'_>) {
    let case = case(world);
    world.says(|db, said| hand::set_status(db, said, case, Some(CaseStatus::Closed)));
}

fn reopened_by_mail(world: &mut World<'_>, _: Option<UserId>) {
    world.comes(1, "Pump leaks", &[]);
    close(world);
    world.comes(2, "Pump leaks", &[1]);
}

fn reopened_by_hand(world: &mut World<'_>, _: Option<UserId>) {
    world.comes(1, "Pump leaks", &[]);
    close(world);
    let case = case(world);
    world.says(|db, said| hand::set_status(db, said, case, None));
    world.comes(2, "Pump leaks", &[1]);
}

/// Goes both ways in worlds of this seed and holds what they leave behind to each other.
fn hold(stores: [&mut Store; 2], seed: u64, (by_mail, by_hand): (Way, Way), what: &str) {
    let [one, other] = stores;
    let mut world = World::new(one, seed);
    by_mail(&mut world, None);
    let rows = world.rows();
    let assigned =
        numbers(world.store, "SELECT COALESCE(assigned_user_id, 0) AS n FROM records WHERE kind = 'case' ORDER BY id")[0];
    let mut world = World::new(other, seed);
    by_hand(&mut world, Some(UserId(assigned)).filter(|user| user.0 != 0));
    let others = world.rows();
    let only = |some: &[String], others: &[String]| some.iter().filter(|row| !others.contains(row)).cloned().collect::<Vec<_>>();
    assert_eq!(
        (only(&rows, &others), only(&others, &rows)),
        (Vec::new(), Vec::new()),
        "{what}, seed {seed}: what mail alone leaves, and what a person alone"
    );
}

const EVENTS: [(&str, Way, Way); 4] = [
    ("a case is opened and assigned", opened_by_mail, opened_by_hand),
    ("an e-mail comes to a case", goes_on_by_mail, goes_on_by_hand),
    ("two cases are merged", merged_by_mail, merged_by_hand),
    ("a case is open again", reopened_by_mail, reopened_by_hand),
];

#[test]
fn case_5_and_link_7_mail_and_people_leave_the_same_rows() {
    for (what, by_mail, by_hand) in EVENTS {
        for seed in 1..=6 {
            hold([&mut TestStore::sqlite(), &mut TestStore::sqlite()], seed, (by_mail, by_hand), what);
        }
        hold([&mut TestStore::postgresql(), &mut TestStore::postgresql()], 21, (by_mail, by_hand), what);
    }
}
