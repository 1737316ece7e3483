//! What delivery reports do, and what forged ones do not.

use super::*;
use crate::mail::{Bounce, Recipient};
use crate::words::{AddressState, DeliveryAction, DeliveryState, NotificationKind};

const SENT: EmailId = EmailId(41);
const CASE: RecordId = RecordId(50);
const DORA: &str = "dora@example.org";

/// An e-mail of ours in the case 5, written by user 1, that went to Dora and to Eve.
fn sent() -> Facts {
    let mut facts = facts();
    let known = EmailFacts {
        thread: ThreadId(8),
        arrived_at: NOW - 60,
        parent: Some(CASE),
        parent_by: Some(ParentBy::Thread),
        teams: vec![TeamId(4)],
        users: vec![UserId(1)],
        accounts: vec![SUPPORT],
        at_desk: true,
        ours: true,
        author: Some(UserId(1)),
        ..EmailFacts::default()
    };
    facts.emails.insert(SENT, known);
    facts.emails_by_message_id.insert("ours@x".to_string(), vec![SENT]);
    facts.thread_of.insert("ours@x".to_string(), ThreadId(8));
    facts.thread_parents.insert(ThreadId(8), CASE);
    let to = [DORA, "eve@example.org"].map(|address| (address.to_string(), DeliveryState::Sent));
    facts.deliveries.insert(SENT, to.into());
    facts.records.insert(CASE, record(RecordKind::Case, 5, None));
    facts.people.insert(UserId(1), Person { active: true, notify_received: true, ..Person::default() });
    facts.followers.insert((CASE, UserId(1)));
    facts
}

fn recipient(address: &str, action: DeliveryAction, status: &str) -> Recipient {
    Recipient { address: address.to_string(), also: None, action, status: Some(status.to_string()), diagnostic: None }
}

fn report(id: &str, about: &str, recipients: Vec<Recipient>) -> Mail {
    let hard = recipients.iter().any(Recipient::is_hard);
    let bounce = Bounce { hard, recipients, message_id: Some(about.to_string()), envelope_id: None, answered: Vec::new() };
    Mail {
        from: Some(address("mailer-daemon@example.org")),
        automatic: vec![sign(Machine::Report)],
        bounce: Some(bounce),
        ..mail(id)
    }
}

fn failed(id: &str, address: &str, status: &str) -> Mail {
    report(id, "ours@x", vec![recipient(address, DeliveryAction::Failed, status)])
}

/// States of addresses.
type States<T> = Vec<(String, T)>;

/// The states of deliveries and addresses that a plan sets.
fn states(plan: &Plan) -> (States<DeliveryState>, States<AddressState>) {
    let mut states = (Vec::new(), Vec::new());
    for step in plan.steps() {
        match &step.change {
            Change::SetDelivery { email: SENT, address, state, report, .. } if Some(*report) == plan.email => {
                states.0.push((address.clone(), *state));
            }
            Change::SetAddress { address, state, .. } => states.1.push((address.clone(), *state)),
            _ => {}
        }
    }
    states
}

fn told(plan: &Plan) -> Vec<(i64, NotificationKind, String)> {
    let of = |step: &Step| match &step.change {
        Change::Notify { user, kind, detail, .. } => Some((user.0, *kind, detail.clone())),
        _ => None,
    };
    plan.steps().iter().filter_map(of).collect()
}

#[test]
fn bounce_2_a_report_stands_with_the_email_it_names_and_says_how_far_that_came() {
    let mut facts = sent();
    let plan = go(&mut facts, &failed("r@x", "Dora@Example.org", "5.1.1"));
    let email = new_email(&plan);
    assert_eq!((email.parent, email.replied, email.thread), (Some(CASE), Some(SENT), ThreadId(8)));
    assert!(!plan.steps().iter().any(|step| matches!(step.change, Change::MarkReplied { .. })), "it is no answer");
    assert_eq!(teams(&plan), [TEAM.0, 4]);
    let note = plan.steps().iter().find_map(|step| match &step.change {
        Change::AddNote { kind, record, detail, quiet, .. } => Some((*kind, *record, detail.as_str(), *quiet)),
        _ => None,
    });
    assert_eq!(note, Some((NoteKind::Bounce, CASE, "Dora@Example.org: failed (5.1.1)", true)));
    assert_eq!(states(&plan).0, [(DORA.to_string(), DeliveryState::Failed)]);
    // Who wrote it hears of it; followers do not, and there is no case.
    let said = "Dora@Example.org: failed (5.1.1)".to_string();
    assert_eq!(told(&plan), [(1, NotificationKind::Bounce, said)]);
    assert!(new_case(&plan).is_none());
    // The envelope id names it as well.
    let mut by_envelope = failed("e@x", "eve@example.org", "5.1.1");
    let bounce = by_envelope.bounce.as_mut().unwrap();
    (bounce.message_id, bounce.envelope_id) = (None, Some("ours@x".to_string()));
    let plan = go(&mut facts, &by_envelope);
    assert_eq!((new_email(&plan).parent, states(&plan).0.len()), (Some(CASE), 1));
}

#[test]
fn bounce_2_where_its_author_has_left_those_hear_who_have_the_case_follow_it_or_look_after_the_house() {
    let with = |change: &dyn Fn(&mut Facts)| {
        let mut facts = sent();
        facts.people.get_mut(&UserId(1)).unwrap().active = false;
        let actor = access::Actor { administrator: true, ..access::Actor::default() };
        for user in [2, 3, 4] {
            facts.people.insert(UserId(user), Person { actor: actor.clone(), active: true, ..Person::default() });
        }
        facts.administrators = vec![UserId(4)];
        change(&mut facts);
        told(&go(&mut facts, &failed("d@x", DORA, "5.1.1"))).into_iter().map(|(user, ..)| user).collect::<Vec<_>>()
    };
    let assign = |facts: &mut Facts| facts.records.get_mut(&CASE).unwrap().assigned_user = Some(UserId(2));
    let follow = |facts: &mut Facts| facts.followers.extend([(CASE, UserId(3))]);
    let both = |facts: &mut Facts| {
        assign(facts);
        follow(facts);
    };
    let by_itself = |facts: &mut Facts| facts.emails.get_mut(&SENT).unwrap().automatic = true;
    assert_eq!([with(&assign), with(&follow), with(&both), with(&|_| ())], [vec![2], vec![3], vec![2], vec![4]]);
    assert!(with(&by_itself).is_empty());
}

#[test]
fn bounce_2_reports_overtake_one_another() {
    use DeliveryAction::{Delayed, Delivered, Expanded, Failed, Relayed};
    use DeliveryState as State;
    for (actions, last) in [
        (vec![Delayed], Some(State::Delayed)),
        (vec![Delayed, Failed], Some(State::Failed)),
        (vec![Failed, Delayed], Some(State::Failed)),
        (vec![Delayed, Delivered, Delayed], Some(State::Delivered)),
        (vec![Failed, Delivered], Some(State::Failed)),
        (vec![Relayed, Expanded], None),
    ] {
        let mut facts = sent();
        let mut found = None;
        for (number, action) in actions.iter().enumerate() {
            let mail = report(&format!("{number}@x"), "ours@x", vec![recipient(DORA, *action, "4.0.0")]);
            found = states(&go(&mut facts, &mail)).0.pop().map(|(_, state)| state).or(found);
        }
        assert_eq!(found, last, "{actions:?}");
    }
}

#[test]
fn bounce_3_what_means_the_address_makes_it_invalid() {
    for (status, expected) in [
        ("5.1.1", Some(AddressState::Invalid)),
        ("5.2.1", Some(AddressState::Invalid)),
        ("5.4.1", Some(AddressState::Invalid)),
        // Refused for another reason: the address may be good.
        ("5.7.1", None),
        // Soft, once.
        ("5.2.2", Some(AddressState::Good)),
        ("4.2.2", Some(AddressState::Good)),
    ] {
        let plan = go(&mut sent(), &failed("r@x", DORA, status));
        assert_eq!(states(&plan).1.first().map(|(_, state)| *state), expected, "{status}");
    }
}

#[test]
fn bounce_3_three_soft_ones_within_a_week_make_it_doubtful() {
    let day = 86_400;
    for (times, expected) in [
        (vec![NOW - 2 * day, NOW - day, NOW], AddressState::Doubtful),
        (vec![NOW - day, NOW], AddressState::Good),
        (vec![NOW - 8 * day, NOW - day, NOW], AddressState::Good),
    ] {
        let mut facts = sent();
        let mut last = None;
        for (number, at) in times.iter().enumerate() {
            // Each reports on another e-mail.
            facts.deliveries.insert(SENT, [(DORA.to_string(), DeliveryState::Sent)].into());
            let arrival = Arrival { internal_date: Some(*at), ..arrival() };
            let plan = decide(&arrival, &failed(&format!("{number}@x"), DORA, "4.4.7"), &Policy::default(), &mut facts);
            last = states(&plan).1.pop();
        }
        assert_eq!(last, Some((DORA.to_string(), expected)), "{times:?}");
    }
    // Several of one e-mail count once.
    let mut facts = sent();
    for number in 0..5 {
        let _ = go(&mut facts, &failed(&format!("{number}@x"), DORA, "4.4.7"));
    }
    assert_eq!(facts.address_states[DORA], AddressFacts { state: AddressState::Good, soft: vec![NOW] });
}

#[test]
fn bounce_3_a_forged_report_is_only_filed() {
    // It names nothing of ours; it names an e-mail of ours that went to others; it names one that we did not send.
    let stranger = report("a@x", "never@x", vec![recipient(DORA, DeliveryAction::Failed, "5.1.1")]);
    let others = failed("b@x", "victim@example.net", "5.1.1");
    let mut facts = sent();
    let received = EmailFacts { ours: false, author: None, ..facts.emails[&SENT].clone() };
    facts.emails.insert(EmailId(42), received);
    facts.emails_by_message_id.insert("theirs@x".to_string(), vec![EmailId(42)]);
    let theirs = report("c@x", "theirs@x", vec![recipient(DORA, DeliveryAction::Failed, "5.1.1")]);
    for mail in [stranger, others, theirs] {
        let plan = go(&mut facts, &mail);
        assert_eq!(plan.fate, Fate::Imported);
        assert_eq!((states(&plan), told(&plan)), ((vec![], vec![]), vec![]), "{mail:?}");
        assert!(
            plan.notes.iter().any(|note| note.to_string().starts_with("BOUNCE-3") && note.to_string().contains("filed")),
            "{:?}",
            plan.notes
        );
    }
    assert!(facts.address_states.is_empty());
    // One of ours that somebody sent from elsewhere: it stands there, and that is all.
    facts.deliveries.clear();
    let plan = go(&mut facts, &failed("d@x", DORA, "5.1.1"));
    assert_eq!((notes(&plan), states(&plan)), (vec![NoteKind::Bounce], (vec![], vec![])));
}

#[test]
fn bounce_2_a_report_that_names_our_mail_only_as_what_it_answers() {
    let mut facts = sent();
    let mut mail = failed("r@x", DORA, "5.1.10");
    let bounce = mail.bounce.as_mut().unwrap();
    (bounce.message_id, bounce.answered) = (None, vec!["unknown@x".to_string(), "ours@x".to_string()]);
    let plan = go(&mut facts, &mail);
    assert_eq!(states(&plan).0, [(DORA.to_string(), DeliveryState::Failed)]);
    assert_eq!(states(&plan).1, [(DORA.to_string(), AddressState::Invalid)]);
    // Of somebody to whom that e-mail did not go it is only filed.
    let mut facts = sent();
    let mut mail = failed("f@x", "fred@example.org", "5.1.1");
    let bounce = mail.bounce.as_mut().unwrap();
    (bounce.message_id, bounce.answered) = (None, vec!["ours@x".to_string()]);
    assert_eq!(states(&go(&mut facts, &mail)), (Vec::new(), Vec::new()));
}

#[test]
fn bounce_2_a_report_may_name_the_address_that_we_wrote_to_second() {
    let mut facts = sent();
    let behind =
        Recipient { also: Some(DORA.to_string()), ..recipient("dora@inside.example.org", DeliveryAction::Failed, "5.1.1") };
    let plan = go(&mut facts, &report("r@x", "ours@x", vec![behind]));
    assert_eq!(states(&plan), (vec![(DORA.to_string(), DeliveryState::Failed)], vec![(DORA.to_string(), AddressState::Invalid)]));
}

#[test]
fn bounce_3_who_writes_has_an_address_and_is_answered_from_the_next_letter_on() {
    let mut facts = facts();
    facts.account.answering = Some(Answering { outlet: Some(SUPPORT), authenticated_only: false });
    let dora = || mail("a@x").from.unwrap().key();
    let invalid = AddressFacts { state: AddressState::Invalid, soft: vec![NOW] };
    facts.address_states.insert(dora(), invalid.clone());
    let answers = |plan: &Plan| plan.steps().iter().any(|step| matches!(step.change, Change::Answer { .. }));
    let plan = go(&mut facts, &mail("a@x"));
    assert_eq!((states(&plan).1, answers(&plan)), (vec![(dora(), AddressState::Good)], false));
    let plan = go(&mut facts, &mail("b@x"));
    assert_eq!((states(&plan).1, answers(&plan)), (vec![], true));
    // What a machine writes says nothing of who reads it.
    facts.address_states.insert(dora(), invalid);
    let plan = go(&mut facts, &Mail { automatic: vec![sign(Machine::Reply)], ..mail("c@x") });
    assert_eq!(states(&plan).1, []);
}
