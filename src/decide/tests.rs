//! The rules, by table: each test names the rule it proves.
#![allow(clippy::unwrap_used)]

mod bounce;
mod copies;
mod desks;
mod gate;
mod hand;
mod linking;
mod notify;
mod order;
mod origin;

use std::collections::HashSet;

use super::access::Actor;
use super::*;
use crate::mail::{Address, Mail, Sign};
use crate::settings::AccountRules;
use crate::words::{
    AccountId, AccountKind, CaseStatus, Distribution, EmailId, Fate, Machine, NoteId, NoteKind, ParentBy, PositionId, RecordId,
    RecordKind, TeamId, ThreadId, UserId,
};

const NOW: i64 = 1_800_000_000;
const SUPPORT: AccountId = AccountId(1);
const TEAM: TeamId = TeamId(1);

fn address(text: &str) -> Address {
    Address { name: String::new(), address: text.to_string() }
}

/// A mail whose content follows from its id, so that equal ids are equal mails.
fn mail(id: &str) -> Mail {
    let mut content_digest = [0; 32];
    content_digest[..id.len()].copy_from_slice(id.as_bytes());
    Mail {
        message_id: Some(id.to_string()),
        from: Some(address("customer@example.org")),
        to: vec![address("support@example.com")],
        subject: "Printer on fire".to_string(),
        date: Some(NOW - 60),
        content_digest,
        raw_digest: content_digest,
        ..Mail::default()
    }
}

fn answer(id: &str, references: &[&str]) -> Mail {
    Mail {
        in_reply_to: references.last().iter().map(ToString::to_string).collect(),
        references: references.iter().map(ToString::to_string).collect(),
        ..mail(id)
    }
}

fn arrival() -> Arrival {
    Arrival { position: PositionId(1), uid: 1, internal_date: Some(NOW), partial: false }
}

/// A group account that makes cases, with a team of three.
fn facts() -> Facts {
    let member = |user| Member { user: UserId(user), position: None, active: true, absent: false };
    Facts {
        now: NOW,
        next: Next { email: 1, thread: 1, record: 100, note: 1, case_number: 1, assignment: 1, review: 1 },
        account: AccountFacts {
            id: SUPPORT,
            name: "support".to_string(),
            rules: AccountRules {
                make_cases: true,
                distribution: Distribution::RoundRobin,
                case_team: Some(TEAM),
                ..AccountRules::default()
            },
            ..AccountFacts::default()
        },
        own_addresses: HashSet::from(["support@example.com".to_string()]),
        teams: [(TEAM, vec![member(3), member(1), member(2)])].into(),
        ..Facts::default()
    }
}

fn personal() -> AccountFacts {
    AccountFacts {
        id: AccountId(2),
        name: "ada".to_string(),
        kind: AccountKind::Personal,
        owner: Some(UserId(9)),
        owner_team: Some(TeamId(7)),
        ..AccountFacts::default()
    }
}

/// Mail comes through a personal account from now on, whose owner may do anything.
fn to_personal(facts: &mut Facts) -> AccountFacts {
    let actor = Actor { user: Some(UserId(9)), administrator: true, ..Actor::default() };
    facts.people.insert(UserId(9), Person { actor, active: true, ..Person::default() });
    std::mem::replace(&mut facts.account, personal())
}

fn record(kind: RecordKind, number: i64, account: Option<i64>) -> RecordFacts {
    RecordFacts {
        status: (kind == RecordKind::Case).then_some(CaseStatus::Assigned),
        ..RecordFacts::new(kind, number, &format!("{kind} {number}"), account.map(RecordId))
    }
}

fn sign(kind: Machine) -> Sign {
    Sign::new(kind, format!("a sign of {kind}"))
}

/// Gives the customer a record; returns its id.
fn know(facts: &mut Facts, id: i64, record: RecordFacts, address: &str) -> RecordId {
    facts.records.insert(RecordId(id), record);
    facts.records_by_address.entry(address.to_string()).or_default().push(RecordId(id));
    RecordId(id)
}

fn go(facts: &mut Facts, mail: &Mail) -> Plan {
    decide(&arrival(), mail, &trusting(), facts)
}

/// Our border writes its Authentication-Results.
fn trusting() -> Policy {
    Policy { authserv_ids: vec!["mx.example.com".to_string()], ..Policy::default() }
}

/// Our border vouches for From (ACCESS-5).
fn vouched(mail: Mail) -> Mail {
    let domain = mail.from.as_ref().and_then(Address::domain).unwrap();
    let header = format!("Authentication-Results: mx.example.com; dmarc=pass header.from={domain}\r\n");
    Mail { header: header.into_bytes(), ..mail }
}

fn new_email(plan: &Plan) -> &NewEmail {
    plan.steps().iter().find_map(|step| if let Change::AddEmail(email) = &step.change { Some(email) } else { None }).unwrap()
}

fn new_case(plan: &Plan) -> Option<&NewCase> {
    plan.steps().iter().find_map(|step| if let Change::OpenCase(case) = &step.change { Some(case) } else { None })
}

fn users(plan: &Plan) -> Vec<(i64, bool)> {
    let of = |step: &Step| if let Change::AddUser { user, read, .. } = step.change { Some((user.0, read)) } else { None };
    plan.steps().iter().filter_map(of).collect()
}

fn teams(plan: &Plan) -> Vec<i64> {
    plan.steps()
        .iter()
        .filter_map(|step| if let Change::AddTeam { team, .. } = step.change { Some(team.0) } else { None })
        .collect()
}

fn notes(plan: &Plan) -> Vec<NoteKind> {
    plan.steps()
        .iter()
        .filter_map(|step| if let Change::AddNote { kind, .. } = step.change { Some(kind) } else { None })
        .collect()
}

#[test]
fn parse_5_a_date_in_the_future_or_before_1990_sorts_by_arrival() {
    for (date, sorted) in [(Some(NOW - 60), NOW - 60), (Some(NOW + 60), NOW), (Some(0), NOW), (None, NOW)] {
        let plan = go(&mut facts(), &Mail { date, ..mail("a@x") });
        assert_eq!(new_email(&plan).date, sorted, "{date:?}");
    }
}

#[test]
fn fetch_14_older_than_act_since_is_archived_without_a_case() {
    let mut facts = facts();
    facts.account.act_since = NOW + 1;
    let plan = go(&mut facts, &mail("a@x"));
    assert_eq!(plan.fate, Fate::Archived);
    assert!(new_case(&plan).is_none());
    assert!(new_email(&plan).archived);
}

#[test]
fn dup_1_the_same_mail_through_another_account_is_one_email() {
    let mut facts = facts();
    let first = go(&mut facts, &mail("a@x"));
    to_personal(&mut facts);
    let second = go(&mut facts, &mail("a@x"));
    assert_eq!((second.fate, second.email), (Fate::Duplicate, first.email));
    assert_eq!((users(&second), teams(&second)), (vec![(9, false)], vec![7]));
    assert!(notes(&second).is_empty() && new_case(&second).is_none());
    let third = go(&mut facts, &mail("a@x"));
    assert!(third.steps().is_empty(), "nothing is left to add: {third:?}");
}

#[test]
fn dup_2_a_used_message_id_with_other_content_is_another_email_in_a_thread_of_its_own() {
    let mut facts = facts();
    let first = new_email(&go(&mut facts, &mail("a@x"))).thread;
    let other = Mail { content_digest: [9; 32], from: Some(address("other@example.org")), ..mail("a@x") };
    let plan = go(&mut facts, &other);
    assert!(new_email(&plan).id_collision);
    assert_ne!(new_email(&plan).thread, first);
    assert_eq!(go(&mut facts, &other).fate, Fate::Duplicate);
}

#[test]
fn dup_2_without_a_message_id_a_digest_stands_in() {
    let mut facts = facts();
    let bare = Mail { message_id: None, ..mail("a@x") };
    assert_eq!(go(&mut facts, &bare).fate, Fate::Imported);
    assert_eq!(go(&mut facts, &bare).fate, Fate::Duplicate);
}

#[test]
fn dup_3_first_seen_by_a_personal_account_it_makes_its_case_at_the_group_account_once() {
    let mut facts = facts();
    let support = std::mem::replace(&mut facts.account, personal());
    assert!(new_case(&go(&mut facts, &mail("a@x"))).is_none());
    facts.account = support;
    let plan = go(&mut facts, &mail("a@x"));
    let case = new_case(&plan).unwrap().id;
    assert!(plan.steps().iter().any(|step| matches!(step.change, Change::SetParent { parent, .. } if parent == case)));
    assert_eq!(notes(&plan), [NoteKind::Created, NoteKind::EmailReceived]);
    assert!(new_case(&go(&mut facts, &mail("a@x"))).is_none());
}

#[test]
fn dup_3_a_parent_chosen_by_hand_stays() {
    let mut facts = facts();
    let support = std::mem::replace(&mut facts.account, personal());
    let email = go(&mut facts, &mail("a@x")).email.unwrap();
    let entry = facts.emails.get_mut(&email).unwrap();
    (entry.parent, entry.parent_by) = (Some(RecordId(5)), Some(ParentBy::Hand));
    facts.account = support;
    let mut of_desk = facts.clone();
    of_desk.emails.get_mut(&email).unwrap().at_desk = true;
    assert!(new_case(&go(&mut of_desk, &mail("a@x"))).is_none());
    // What was said of a private copy says nothing of the desk's.
    assert!(new_case(&go(&mut facts, &mail("a@x"))).is_some());
}

#[test]
fn thread_1_in_reply_to_first_then_the_newest_known_reference() {
    let mut facts = facts();
    let a = go(&mut facts, &mail("a@x")).email;
    let b = go(&mut facts, &answer("b@x", &["a@x"])).email;
    let c = go(&mut facts, &answer("c@x", &["a@x", "b@x", "lost@x"]));
    assert_eq!(new_email(&c).replied, b);
    let d = go(&mut facts, &Mail { in_reply_to: vec!["a@x".to_string()], ..answer("d@x", &["a@x", "b@x"]) });
    assert_eq!(new_email(&d).replied, a);
    assert_eq!(new_email(&c).thread, new_email(&d).thread);
}

#[test]
fn thread_1_any_order_of_arrival_gives_one_thread_and_one_case() {
    let mails =
        [mail("a@x"), answer("b@x", &["a@x"]), answer("c@x", &["a@x", "b@x"]), answer("d@x", &["unseen@x", "a@x", "c@x"])];
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2], [3, 0, 2, 1]] {
        let mut facts = facts();
        let cases = order.iter().filter(|index| new_case(&go(&mut facts, &mails[**index])).is_some()).count();
        let threads: HashSet<ThreadId> = facts.emails.values().map(|email| email.thread).collect();
        assert_eq!((cases, threads.len()), (1, 1), "order {order:?}");
    }
}

#[test]
fn thread_1_a_common_ancestor_never_seen_joins_two_answers() {
    let mut facts = facts();
    let first = new_email(&go(&mut facts, &answer("b@x", &["unseen@x"]))).thread;
    assert_eq!(new_email(&go(&mut facts, &answer("c@x", &["unseen@x"]))).thread, first);
}

#[test]
fn thread_1_two_halves_without_records_join_and_two_cases_stay_apart() {
    let mut loose = facts();
    loose.account.make_cases = false;
    go(&mut loose, &mail("a@x"));
    go(&mut loose, &mail("b@x"));
    let plan = go(&mut loose, &answer("c@x", &["a@x", "b@x"]));
    assert!(plan.steps().iter().any(|step| matches!(step.change, Change::JoinThreads { .. })));

    let mut cases = facts();
    go(&mut cases, &mail("a@x"));
    go(&mut cases, &Mail { from: Some(address("other@example.net")), ..mail("b@x") });
    let plan = go(&mut cases, &answer("c@x", &["a@x", "b@x"]));
    assert!(!plan.steps().iter().any(|step| matches!(step.change, Change::JoinThreads { .. })));
    assert!(plan.notes.iter().any(|note| note.to_string().contains("its sender takes no part in that")), "{:?}", plan.notes);
}

#[test]
fn thread_1_a_message_that_refers_to_itself_answers_nothing() {
    let plan = go(&mut facts(), &answer("a@x", &["a@x"]));
    assert_eq!(new_email(&plan).replied, None);
}

#[test]
fn thread_2_an_answer_takes_over_the_teams_and_marks_the_answered() {
    let mut facts = facts();
    let first = go(&mut facts, &mail("a@x")).email.unwrap();
    to_personal(&mut facts);
    let plan = go(&mut facts, &answer("b@x", &["a@x"]));
    assert_eq!(teams(&plan), [7, 1]);
    assert!(plan.steps().iter().any(|step| step.change == Change::MarkReplied { email: first }));
}

#[test]
fn link_2_an_answer_belongs_to_the_record_of_what_it_answers() {
    let mut facts = facts();
    let case = new_case(&go(&mut facts, &mail("a@x"))).unwrap().id;
    let plan = go(&mut facts, &answer("b@x", &["a@x"]));
    assert_eq!((new_email(&plan).parent, new_email(&plan).parent_by), (Some(case), Some(ParentBy::Thread)));
    assert!(new_case(&plan).is_none(), "CASE-1");
}

#[test]
fn link_3_a_case_number_counts_only_from_somebody_who_takes_part() {
    let mut facts = facts();
    let case = new_case(&go(&mut facts, &mail("a@x"))).unwrap().id;
    let numbered = |id: &str, from: &str| Mail { subject: "Re: [#1] Fire".into(), from: Some(address(from)), ..mail(id) };
    let known = go(&mut facts, &numbered("b@x", "Customer@Example.org"));
    assert_eq!((new_email(&known).parent, new_email(&known).parent_by), (Some(case), Some(ParentBy::Number)));
    let stranger = go(&mut facts, &numbered("c@x", "stranger@example.net"));
    assert_ne!(new_case(&stranger).unwrap().id, case);
    assert!(stranger.notes.iter().any(|note| note.to_string().contains("takes no part")), "{:?}", stranger.notes);
}

#[test]
fn link_3_a_colleague_from_the_same_account_takes_part() {
    let mut facts = facts();
    know(&mut facts, 10, record(RecordKind::Account, 1, None), "office@example.org");
    know(&mut facts, 11, record(RecordKind::Contact, 1, Some(10)), "customer@example.org");
    know(&mut facts, 12, record(RecordKind::Contact, 2, Some(10)), "colleague@example.org");
    let case = new_case(&go(&mut facts, &mail("a@x"))).unwrap().id;
    let colleague = Mail { subject: "[#1] more".into(), from: Some(address("colleague@example.org")), ..mail("b@x") };
    assert_eq!(new_email(&go(&mut facts, &colleague)).parent, Some(case));
}

#[test]
fn link_3_an_unknown_number_means_a_new_case() {
    let plan = go(&mut facts(), &Mail { subject: "[#77] hello".into(), ..mail("a@x") });
    assert!(new_case(&plan).is_some());
}

#[test]
fn link_4_contact_for_its_account_then_account_then_lead() {
    let kinds = [RecordKind::Lead, RecordKind::Account, RecordKind::Contact];
    for most in 1..=kinds.len() {
        let mut facts = facts();
        facts.account.make_cases = false;
        facts.records.insert(RecordId(50), record(RecordKind::Account, 50, None));
        for (place, kind) in kinds[..most].iter().enumerate() {
            let of = (*kind == RecordKind::Contact).then_some(50);
            know(&mut facts, 10 + place as i64, record(*kind, 1, of), "customer@example.org");
        }
        let expected = if most == 3 { RecordId(50) } else { RecordId(9 + most as i64) };
        let plan = go(&mut facts, &mail("a@x"));
        assert_eq!(new_email(&plan).parent, Some(expected));
        assert_eq!(new_email(&plan).parent_by, Some(ParentBy::Address));
    }
}

#[test]
fn link_4_b2c_a_contact_stands_for_itself() {
    let mut facts = facts();
    facts.account.make_cases = false;
    facts.records.insert(RecordId(50), record(RecordKind::Account, 50, None));
    let contact = know(&mut facts, 10, record(RecordKind::Contact, 1, Some(50)), "customer@example.org");
    let plan = decide(&arrival(), &mail("a@x"), &Policy { b2c: true, ..Policy::default() }, &mut facts);
    assert_eq!(new_email(&plan).parent, Some(contact));
    assert_eq!(new_email(&plan).account_record, Some(RecordId(50)), "LINK-6");
}

#[test]
fn link_4_a_converted_lead_stands_for_what_was_made_of_it() {
    for (b2c, expected) in [(false, 50), (true, 51)] {
        let mut facts = facts();
        facts.account.make_cases = false;
        facts.records.insert(RecordId(50), record(RecordKind::Account, 50, None));
        facts.records.insert(RecordId(51), record(RecordKind::Contact, 51, None));
        let lead = RecordFacts {
            converted_account: Some(RecordId(50)),
            converted_contact: Some(RecordId(51)),
            ..record(RecordKind::Lead, 1, None)
        };
        know(&mut facts, 10, lead, "customer@example.org");
        let plan = decide(&arrival(), &mail("a@x"), &Policy { b2c, ..Policy::default() }, &mut facts);
        assert_eq!(new_email(&plan).parent, Some(RecordId(expected)));
    }
}

#[test]
fn link_4_an_ambiguous_address_is_the_oldest_active_records() {
    let mut facts = facts();
    facts.account.make_cases = false;
    know(&mut facts, 10, RecordFacts { active: false, ..record(RecordKind::Contact, 1, None) }, "customer@example.org");
    let second = know(&mut facts, 11, record(RecordKind::Contact, 2, None), "customer@example.org");
    know(&mut facts, 12, record(RecordKind::Contact, 3, None), "customer@example.org");
    let plan = go(&mut facts, &mail("a@x"));
    assert_eq!(new_email(&plan).parent, Some(second));
    assert!(plan.notes.iter().any(|note| note.to_string().contains("ambiguous: 1 more")), "{:?}", plan.notes);
}

#[test]
fn link_4_from_then_reply_to_then_to_and_never_cc() {
    let mut facts = facts();
    facts.account.make_cases = false;
    let known = know(&mut facts, 10, record(RecordKind::Account, 1, None), "known@example.net");
    let cc = Mail { cc: vec![address("known@example.net")], ..mail("a@x") };
    assert_eq!(new_email(&go(&mut facts, &cc)).parent, None);
    let reply_to = Mail { reply_to: vec![address("known@example.net")], ..mail("b@x") };
    assert_eq!(new_email(&go(&mut facts, &reply_to)).parent, Some(known));
    let to = Mail { to: vec![address("known@example.net")], ..mail("c@x") };
    assert_eq!(new_email(&go(&mut facts, &to)).parent, Some(known));
}

#[test]
fn link_4_a_single_open_opportunity_is_taken_when_the_policy_says_so() {
    for (open, expected) in [(vec![RecordId(60)], 60), (vec![RecordId(60), RecordId(61)], 10)] {
        let mut facts = facts();
        facts.account.make_cases = false;
        facts.records.insert(RecordId(60), record(RecordKind::Opportunity, 1, Some(10)));
        let account = RecordFacts { open_opportunities: open, ..record(RecordKind::Account, 1, None) };
        know(&mut facts, 10, account, "customer@example.org");
        let policy = Policy { link_open_opportunity: true, ..Policy::default() };
        let plan = decide(&arrival(), &mail("a@x"), &policy, &mut facts);
        assert_eq!(new_email(&plan).parent, Some(RecordId(expected)));
    }
}

#[test]
fn link_5_internal_addresses_are_not_looked_up() {
    let mut facts = facts();
    facts.account.make_cases = false;
    facts.users.insert("customer@example.org".to_string(), UserId(1));
    know(&mut facts, 10, record(RecordKind::Contact, 1, None), "customer@example.org");
    assert_eq!(new_email(&go(&mut facts, &mail("a@x"))).parent, None);
}

#[test]
fn team_1_account_teams_and_case_team() {
    let mut facts = facts();
    facts.account.teams = vec![TeamId(4)];
    assert_eq!(teams(&go(&mut facts, &mail("a@x"))), [4, 1]);
}

#[test]
fn inbox_1_team_members_assigned_user_and_addressed_users() {
    let mut facts = facts();
    facts.account.make_cases = false;
    facts.account.teams = vec![TEAM];
    facts.account.assigned_user = Some(UserId(8));
    facts.teams.get_mut(&TEAM).unwrap()[0].active = false;
    facts.users = [("customer@example.org".to_string(), UserId(5)), ("cc@example.com".to_string(), UserId(6))].into();
    let letter = vouched(Mail { cc: vec![address("CC@example.com")], ..mail("a@x") });
    let plan = go(&mut facts, &letter);
    assert_eq!(users(&plan), [(1, false), (2, false), (8, false), (5, true), (6, false)], "unread but for the sender");
    facts.account.add_team_users = false;
    assert_eq!(users(&go(&mut facts, &vouched(mail("b@x")))), [(8, false), (5, true)]);
    assert_eq!(users(&go(&mut facts, &mail("c@x"))), [(8, false), (5, false)], "ACCESS-5: the sender may not have written it");
}

#[test]
fn inbox_1_a_personal_account_is_its_owners() {
    let mut facts = Facts { account: personal(), ..facts() };
    assert_eq!(users(&go(&mut facts, &mail("a@x"))), [(9, false)]);
}

#[test]
fn note_1_received_or_sent_by_one_of_us() {
    let mut facts = facts();
    assert_eq!(notes(&go(&mut facts, &mail("a@x"))), [NoteKind::Created, NoteKind::EmailReceived]);
    facts.users.insert("agent@example.com".to_string(), UserId(1));
    let ours = Mail { from: Some(address("agent@example.com")), ..answer("b@x", &["a@x"]) };
    assert_eq!(notes(&go(&mut facts, &vouched(ours.clone()))), [NoteKind::EmailSent]);
    let claimed = Mail { message_id: Some("c@x".to_string()), ..ours };
    assert_eq!(notes(&go(&mut facts, &claimed)), [NoteKind::EmailReceived], "ACCESS-5");
}

#[test]
fn case_1_a_follow_up_adds_the_cases_user_and_teams() {
    let mut facts = facts();
    go(&mut facts, &mail("a@x"));
    to_personal(&mut facts);
    let plan = go(&mut facts, &answer("b@x", &["a@x"]));
    assert_eq!(users(&plan), [(9, false), (1, false)]);
    assert_eq!(teams(&plan), [7, 1]);
}

#[test]
fn case_2_fields_of_a_new_case() {
    let mut facts = facts();
    know(&mut facts, 10, record(RecordKind::Account, 1, None), "office@example.org");
    let contact = know(&mut facts, 11, record(RecordKind::Contact, 1, Some(10)), "customer@example.org");
    let plan = go(&mut facts, &mail("a@x"));
    let case = new_case(&plan).unwrap();
    assert_eq!((case.number, case.name.as_str(), case.status), (1, "Printer on fire", CaseStatus::Assigned));
    assert_eq!((case.account_record, case.contact, case.lead), (Some(RecordId(10)), Some(contact), None));
    assert_eq!((case.team, case.through, case.assigned_user), (Some(TEAM), Some(SUPPORT), Some(UserId(1))));
    assert_eq!(new_email(&plan).parent_by, Some(ParentBy::Opened));
    assert!(plan.steps().iter().any(|step| matches!(step.change, Change::Follow { user: UserId(1), .. })), "FOLLOW-1");
}

#[test]
fn case_2_a_lead_only_where_there_is_neither_contact_nor_account() {
    let mut facts = facts();
    let lead = know(&mut facts, 10, record(RecordKind::Lead, 1, None), "customer@example.org");
    assert_eq!(new_case(&go(&mut facts, &mail("a@x"))).unwrap().lead, Some(lead));
    know(&mut facts, 11, record(RecordKind::Contact, 1, None), "customer@example.org");
    let plan = go(&mut facts, &mail("b@x"));
    let case = new_case(&plan).unwrap();
    assert_eq!((case.contact, case.lead), (Some(RecordId(11)), None));
}

#[test]
fn auto_3_a_reply_of_a_machine_never_opens_a_case() {
    let automatic = Mail { automatic: vec![sign(Machine::Reply)], ..mail("a@x") };
    assert!(new_case(&go(&mut facts(), &automatic)).is_none());
}

#[test]
fn dist_1_direct_and_nobody() {
    for (user, status) in [(Some(UserId(8)), CaseStatus::Assigned), (None, CaseStatus::New)] {
        let mut facts = facts();
        facts.account.distribution = Distribution::Direct;
        facts.account.assigned_user = user;
        let plan = go(&mut facts, &mail("a@x"));
        let case = new_case(&plan).unwrap();
        assert_eq!((case.assigned_user, case.status), (user, status));
    }
}

#[test]
fn dist_1_only_active_present_members_with_the_position() {
    let mut facts = facts();
    facts.account.case_position = Some("agent".to_string());
    let members = facts.teams.get_mut(&TEAM).unwrap();
    members.iter_mut().for_each(|member| member.position = Some("agent".to_string()));
    (members[1].absent, members[2].position) = (true, Some("lead".to_string()));
    assert_eq!(new_case(&go(&mut facts, &mail("a@x"))).unwrap().assigned_user, Some(UserId(3)));
    facts.teams.get_mut(&TEAM).unwrap()[0].active = false;
    let plan = go(&mut facts, &mail("b@x"));
    assert_eq!((new_case(&plan).unwrap().assigned_user, new_case(&plan).unwrap().status), (None, CaseStatus::New));
}

#[test]
fn dist_2_turns_go_round_within_a_batch_and_a_gone_member_is_stepped_over() {
    let mut facts = facts();
    let mut turns = Vec::new();
    for id in ["a@x", "b@x", "c@x", "d@x"] {
        turns.push(new_case(&go(&mut facts, &mail(id))).unwrap().assigned_user.unwrap().0);
    }
    assert_eq!(turns, [1, 2, 3, 1]);
    facts.teams.get_mut(&TEAM).unwrap().retain(|member| member.user != UserId(2));
    assert_eq!(new_case(&go(&mut facts, &mail("e@x"))).unwrap().assigned_user, Some(UserId(3)));
}

#[test]
fn dist_3_fewest_open_cases_and_ties_to_the_oldest_assignment() {
    let mut facts = facts();
    facts.account.distribution = Distribution::LeastBusy;
    facts.next.assignment = 10;
    let load = |open_cases, last_assignment| Load { open_cases, last_assignment };
    facts.load = [(UserId(1), load(2, 1)), (UserId(2), load(1, 9)), (UserId(3), load(1, 5))].into();
    let mut turns = Vec::new();
    for id in ["a@x", "b@x", "c@x"] {
        turns.push(new_case(&go(&mut facts, &mail(id))).unwrap().assigned_user.unwrap().0);
    }
    assert_eq!(turns, [3, 2, 1], "cases made earlier in the same batch count");
}

#[test]
fn why_1_every_change_has_a_reason_and_reasons_name_no_bookkeeping() {
    let plan = go(&mut facts(), &answer("b@x", &["a@x"]));
    assert!(plan.steps().iter().all(|step| !step.because.text.is_empty()));
    let trace = serde_json::to_string(&plan).unwrap();
    assert!(!trace.contains("remember-id"), "{trace}");
}
