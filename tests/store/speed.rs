//! How fast the store takes mail: gather and apply, 200 messages a batch, 8 KB packed each, 13 rows a message, durable.
//! `cargo test --release --test main speed -- --ignored --nocapture --test-threads 1`

use std::time::{Duration, Instant};

use espomail::decide::{Arrival, Change, NewCase, NewEmail, Plan};
use espomail::mail::{Address, Mail};
use espomail::store::apply::{Decided, apply};
use espomail::store::{facts, raw};
use espomail::words::{CaseStatus, EmailId, NoteId, NoteKind, ParentBy, RecordId, TeamId, ThreadId, UserId};

use super::{ACCOUNT, inbox, settle};

const BATCH: i64 = 200;
const BATCHES: i64 = 100;

/// Every third message answers the one before it; the others open cases.
fn message(uid: i64) -> (Mail, raw::Packed) {
    let mut bytes = vec![0; 8_000];
    blake3::Hasher::new().update(&uid.to_le_bytes()).finalize_xof().fill(&mut bytes);
    let digest = *blake3::hash(&bytes).as_bytes();
    let id = |uid: i64| format!("{}.{uid}@mail.example.org", &blake3::hash(&uid.to_le_bytes()).to_hex()[..20]);
    let mail = Mail {
        message_id: Some(id(uid)),
        references: if uid % 3 == 0 { vec![id(uid - 1)] } else { vec![id(-uid)] },
        from: Some(Address { name: "Dora Example".into(), address: format!("dora{}@example.org", uid % 5_000) }),
        to: vec![Address { name: "Support".into(), address: "support@example.com".into() }],
        subject: format!("Something about number {uid} is broken"),
        text: "A line of text that a customer wrote about the thing.\n".repeat(30),
        date: Some(uid),
        raw_digest: digest,
        content_digest: digest,
        ..Mail::default()
    };
    (mail, raw::pack(&bytes, digest))
}

fn plan(uid: i64, mail: &Mail) -> Plan {
    let mut plan = Plan::new();
    let reply = uid % 3 == 0;
    let (email, thread) = (EmailId(uid), ThreadId(if reply { uid - 1 } else { uid }));
    let record = RecordId(if reply { uid - 1 } else { uid });
    plan.email = Some(email);
    plan.add(
        Change::AddEmail(NewEmail {
            id: email,
            thread,
            identity: mail.identity(),
            date: uid,
            replied: reply.then(|| EmailId(uid - 1)),
            parent: Some(record),
            parent_by: Some(ParentBy::Opened),
            account_record: None,
            id_collision: false,
            partial: false,
            archived: false,
            folder: None,
            filed_by: None,
            sender: "dora@example.org".into(),
            ours: false,
            author: None,
            invites: vec!["dora@example.org".into()],
            claimed: false,
            disowned: false,
            subject_from: 0,
            subject_to: 0,
        }),
        "no e-mail has this Message-ID",
    );
    plan.add(Change::RememberId { message_id: mail.identity(), thread }, "its Message-ID");
    plan.add(Change::RememberId { message_id: mail.references[0].clone(), thread }, "named in References");
    plan.add(Change::AddAccount { email, account: ACCOUNT }, "it came through this account");
    plan.add(Change::AddTeam { email, team: TeamId(1) }, "the account's team");
    for user in 1..=3 {
        plan.add(
            Change::AddUser { email, user: UserId(user), read: false, trashed: false, folder: None, own: None, read_by: None },
            "member of the account's team",
        );
    }
    if reply {
        plan.add(Change::MarkReplied { email: EmailId(uid - 1) }, "this e-mail replies to it");
    } else {
        plan.add(
            Change::OpenCase(NewCase {
                id: record,
                number: uid,
                name: mail.subject.clone(),
                status: CaseStatus::Assigned,
                priority: None,
                team: Some(TeamId(1)),
                account_record: None,
                contact: None,
                lead: None,
                assigned_user: Some(UserId(1)),
                through: Some(ACCOUNT),
                refers_to: None,
                email: Some(email),
            }),
            "the first e-mail of its thread",
        );
        plan.add(Change::Follow { record, user: UserId(1) }, "the assigned user");
    }
    plan.add(
        Change::AddNote {
            id: NoteId(uid),
            record,
            kind: NoteKind::EmailReceived,
            email: Some(email),
            detail: String::new(),
            quiet: false,
        },
        "it has a parent",
    );
    plan
}

on_both_databases! {
    #[ignore = "measures; needs a release build"]
    fn speed(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        let (mut gathering, mut applying, mut all) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        let mut quarter = Duration::ZERO;
        for batch in 0..BATCHES {
            let uids: Vec<i64> = (batch * BATCH + 1..=(batch + 1) * BATCH).collect();
            let messages: Vec<_> = uids.iter().map(|uid| message(*uid)).collect();
            let plans: Vec<Plan> = uids.iter().zip(&messages).map(|(uid, (mail, _))| plan(*uid, mail)).collect();
            let arrivals: Vec<Arrival> =
                uids.iter().map(|uid| Arrival { position, uid: *uid, internal_date: Some(*uid), partial: false }).collect();
            let mails: Vec<&Mail> = messages.iter().map(|(mail, _)| mail).collect();
            let begin = Instant::now();
            store.transaction(|db| {
                let begin = Instant::now();
                let mut next = facts::gather(db, ACCOUNT, &mails, 1000)?.next;
                gathering += begin.elapsed();
                for number in [&mut next.email, &mut next.thread, &mut next.record, &mut next.note, &mut next.case_number] {
                    *number += BATCH;
                }
                let decided: Vec<Decided<'_>> = (messages.iter().zip(&plans).zip(&arrivals))
                    .map(|(((mail, packed), plan), arrival)| Decided { arrival, mail, packed, plan, is_only_one: false })
                    .collect();
                let begin = Instant::now();
                apply(db, &next, &decided, 1000)?;
                applying += begin.elapsed();
                Ok(())
            }).unwrap();
            all += begin.elapsed();
            if batch == BATCHES / 4 - 1 { quarter = all; }
        }
        let rate = |messages: i64, time: Duration| messages as f64 / time.as_secs_f64();
        eprintln!(
            "{}: {:.0} messages/s (first quarter {:.0}); a batch: gather {:.1} ms, apply {:.1} ms, commit {:.1} ms",
            if store.is_sqlite() { "sqlite" } else { "postgresql" },
            rate(BATCH * BATCHES, all), rate(BATCH * BATCHES / 4, quarter),
            gathering.as_secs_f64() * 1e3 / BATCHES as f64, applying.as_secs_f64() * 1e3 / BATCHES as f64,
            (all - gathering - applying).as_secs_f64() * 1e3 / BATCHES as f64,
        );
    }
}
