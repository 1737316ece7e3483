//! ACCESS-2: a thread may be of several desks, and of somebody's own mail; what a copy brings that comes later through another account.

use super::*;
use crate::words::{RoleAction, RoleLevel, RoleScope, UnknownSender};

/// The desk of the law: another team, which makes cases or not.
fn law(make_cases: bool) -> AccountFacts {
    let team = TeamId(70);
    AccountFacts {
        id: AccountId(7),
        name: "law".to_string(),
        teams: vec![team],
        rules: AccountRules { make_cases, case_team: Some(team).filter(|_| make_cases), ..AccountRules::default() },
        ..AccountFacts::default()
    }
}

/// An account that makes no cases, and is nobody's.
fn info() -> AccountFacts {
    AccountFacts { id: AccountId(6), name: "info".to_string(), ..AccountFacts::default() }
}

fn through(account: &AccountFacts, mail: &Mail, facts: &mut Facts) -> Plan {
    facts.account = account.clone();
    go(facts, mail)
}

/// The case that a plan puts the e-mail into, which is here.
fn comes_to(plan: &Plan) -> Option<RecordId> {
    plan.steps().iter().find_map(|step| match step.change {
        Change::Relink { parent, .. } => parent,
        _ => None,
    })
}

fn holds(plan: &Plan) -> bool {
    plan.steps().iter().any(|step| matches!(step.change, Change::Hold { .. }))
}

#[test]
fn access_2_each_desk_of_a_thread_has_a_case_of_its_own() {
    let mut facts = facts();
    let support = facts.account.clone();
    through(&info(), &mail("l1@x"), &mut facts);
    let of_law = new_case(&through(&law(true), &answer("h1@x", &["l1@x"]), &mut facts)).unwrap().id;
    let plan = through(&support, &answer("s1@x", &["l1@x"]), &mut facts);
    let case = new_case(&plan).unwrap_or_else(|| panic!("it is another desk's: {:?}", plan.notes));
    assert_eq!((case.refers_to, teams(&plan)), (Some(of_law), vec![1]));
    let of_support = case.id;
    // What answers what is of neither goes to the case of its desk, and opens no further one.
    for (desk, case, id) in [(&support, of_support, "s2@x"), (&law(true), of_law, "h2@x"), (&support, of_support, "s3@x")] {
        let plan = through(desk, &answer(id, &["l1@x"]), &mut facts);
        assert_eq!((new_email(&plan).parent, new_case(&plan)), (Some(case), None), "{id}: {:?}", plan.notes);
    }
    let plan = through(&law(false), &answer("h3@x", &["l1@x"]), &mut facts);
    assert_eq!(new_email(&plan).parent, Some(of_law), "the team of that case");
}

#[test]
fn access_2_a_letter_of_a_desk_that_makes_cases_and_has_none_for_it_is_of_no_other_desks_case() {
    let mut facts = facts();
    let support = facts.account.clone();
    let history = AccountFacts { act_since: NOW + 1, ..law(true) };
    let first = through(&history, &mail("l1@x"), &mut facts).email.unwrap();
    let of_support = new_case(&through(&support, &answer("s1@x", &["l1@x"]), &mut facts)).unwrap().id;
    assert_eq!(facts.parent_of(first), None);
    let plan = through(&law(true), &answer("l2@x", &["l1@x"]), &mut facts);
    assert!(new_email(&plan).parent != Some(of_support) && teams(&plan) == [70], "{:?}", plan.notes);
}

#[test]
fn access_2_one_letter_that_names_two_desks_cases_does_not_make_them_one() {
    let mut facts = facts();
    let support = facts.account.clone();
    through(&support, &mail("s1@x"), &mut facts);
    through(&law(true), &Mail { subject: "My divorce".into(), ..mail("h1@x") }, &mut facts);
    let plan = through(&support, &answer("s2@x", &["h1@x", "s1@x"]), &mut facts);
    assert!(!plan.steps().iter().any(|step| matches!(step.change, Change::MergeCases { .. })), "{:?}", plan.notes);
}

#[test]
fn dup_3_a_copy_that_comes_behind_the_follow_up_is_of_its_case_and_told() {
    for first in [personal(), info()] {
        let mut facts = facts();
        let support = facts.account.clone();
        let follow_up = answer("m2@x", &["m1@x"]);
        // What answers it opened the case before.
        through(&first, &mail("m1@x"), &mut facts);
        let case = new_case(&through(&support, &follow_up, &mut facts)).unwrap().id;
        facts.records.get_mut(&case).unwrap().assigned_user = Some(UserId(3));
        let plan = through(&support, &mail("m1@x"), &mut facts);
        assert_eq!((comes_to(&plan), new_case(&plan)), (Some(case), None), "{}: {:?}", first.name, plan.notes);
        assert_eq!((notes(&plan), users(&plan)), (vec![NoteKind::EmailReceived], vec![(3, false)]));

        // Or it answers what opened the case.
        let mut facts = super::facts();
        through(&first, &follow_up, &mut facts);
        let case = new_case(&through(&support, &mail("m1@x"), &mut facts)).unwrap().id;
        let plan = through(&support, &follow_up, &mut facts);
        assert_eq!((comes_to(&plan), new_case(&plan)), (Some(case), None), "{}: {:?}", first.name, plan.notes);
        assert_eq!(notes(&plan), [NoteKind::EmailReceived]);
    }
    // The case of another desk is no case of this one.
    let mut facts = facts();
    let support = facts.account.clone();
    through(&info(), &mail("m1@x"), &mut facts);
    let of_law = new_case(&through(&law(true), &answer("h1@x", &["m1@x"]), &mut facts)).unwrap().id;
    let plan = through(&support, &mail("m1@x"), &mut facts);
    assert_eq!(new_case(&plan).map(|case| case.refers_to), Some(Some(of_law)), "{:?}", plan.notes);
}

#[test]
fn dup_3_what_another_account_brought_first_is_found_by_an_id_of_the_thread_and_by_its_subject() {
    let lost = Mail { references: vec!["lost@x".to_string()], ..mail("m3@x") };
    let by_subject = Mail { subject: "Re: Printer on fire".into(), ..mail("m4@x") };
    for later in [lost, by_subject] {
        let mut facts = facts();
        let support = facts.account.clone();
        let case = new_case(&through(&support, &answer("m1@x", &["lost@x"]), &mut facts)).unwrap().id;
        let eve = AccountFacts { id: AccountId(5), owner: Some(UserId(8)), owner_team: None, ..personal() };
        let first = through(&eve, &later, &mut facts);
        assert_eq!(new_email(&first).parent, None);
        let plan = through(&support, &later, &mut facts);
        assert_eq!((comes_to(&plan), new_case(&plan)), (Some(case), None), "{:?}", plan.notes);
    }
}

#[test]
fn dup_3_a_changed_copy_behind_the_follow_up_is_the_letter_itself_to_the_desk() {
    let mut facts = facts();
    let support = facts.account.clone();
    through(&personal(), &mail("m1@x"), &mut facts);
    let case = new_case(&through(&support, &answer("m2@x", &["m1@x"]), &mut facts)).unwrap().id;
    facts.records.get_mut(&case).unwrap().assigned_user = Some(UserId(3));
    let tagged = Mail { content_digest: [9; 32], raw_digest: [9; 32], ..mail("m1@x") };
    let plan = through(&support, &tagged, &mut facts);
    assert_eq!((new_email(&plan).parent, new_case(&plan)), (Some(case), None), "{:?}", plan.notes);
    assert_eq!((notes(&plan), users(&plan)), (vec![NoteKind::EmailReceived], vec![(3, false)]));
    // Through the account of others it is not.
    let plan = through(&law(false), &Mail { content_digest: [8; 32], ..tagged }, &mut facts);
    assert!(teams(&plan) == [70] && !users(&plan).contains(&(3, false)), "{:?}", plan.notes);
}

#[test]
fn dup_3_what_another_account_brought_first_is_held_and_refers_as_any_mail() {
    let stranger = Mail { subject: "[#1] mine".into(), from: Some(address("stranger@example.net")), ..mail("b@x") };
    for (unknown_sender, waits) in [(UnknownSender::Hold, true), (UnknownSender::NewCase, false)] {
        let mut facts = facts();
        facts.account.unknown_sender = unknown_sender;
        let support = facts.account.clone();
        let case = new_case(&go(&mut facts, &mail("a@x"))).unwrap().id;
        through(&info(), &stranger, &mut facts);
        let plan = through(&support, &stranger, &mut facts);
        let refers_to = new_case(&plan).and_then(|case| case.refers_to);
        assert_eq!((holds(&plan), refers_to), (waits, Some(case).filter(|_| !waits)), "{:?}", plan.notes);
        assert!(!holds(&through(&support, &stranger, &mut facts)), "once");
    }
}

#[test]
fn thread_3_a_guess_by_the_subject_leads_to_nobody_elses_mail() {
    let hello = Mail { subject: "Hello".into(), ..mail("a@x") };
    let again = Mail { subject: "Re: Hello".into(), ..mail("b@x") };
    let support = facts().account;
    let desks = [support.clone(), law(false), personal()];
    for (first, second) in [(0, 1), (1, 0), (0, 2), (2, 0), (2, 1), (1, 2)] {
        let mut facts = facts();
        let one = through(&desks[first], &hello, &mut facts);
        let other = through(&desks[second], &again, &mut facts);
        let (one, other, teams) = (new_email(&one), new_email(&other), teams(&other));
        assert!(one.thread != other.thread && other.replied.is_none() && teams.len() == 1, "{first} {second}");
        assert!(other.parent.is_none() || other.parent_by == Some(ParentBy::Opened), "{first} {second}");
    }
    // Behind mail of others their own is found, and nobody gets it for the guess.
    let mut facts = facts();
    let case = new_case(&through(&support, &hello, &mut facts)).unwrap().id;
    through(&law(false), &hello, &mut facts);
    through(&law(false), &Mail { subject: "Hello".into(), ..mail("c@x") }, &mut facts);
    let plan = through(&support, &again, &mut facts);
    assert_eq!((new_email(&plan).parent, teams(&plan)), (Some(case), vec![1]), "{:?}", plan.notes);
}

#[test]
fn why_2_a_look_with_todays_rules_takes_nothing_of_others_into_a_case() {
    let mut facts = facts();
    let support = facts.account.clone();
    through(&law(false), &mail("m1@x"), &mut facts);
    let private = answer("p@x", &["m1@x"]);
    let p = through(&law(false), &private, &mut facts).email.unwrap();
    let case = new_case(&through(&support, &mail("m1@x"), &mut facts)).unwrap().id;
    facts.account = law(false);
    let known = facts.emails.remove(&p).unwrap();
    facts.emails_by_message_id.remove("p@x");
    facts.taken_at = Some(NOW);
    let stored = |teams: &[i64]| Stored {
        id: p,
        thread: known.thread,
        replied: known.replied,
        parent: None,
        parent_by: None,
        id_collision: false,
        folder: None,
        filed_by_hand: false,
        filed_by: None,
        teams: teams.iter().copied().map(TeamId).collect(),
        teams_by_hand: false,
        users: Vec::new(),
        reviewed: false,
        holds_case: false,
        ours: false,
        author: None,
        is_letter: false,
        done: None,
    };
    let look =
        |stored: &Stored, facts: &Facts| again(&arrival(), &private, stored, false, &Policy::default(), &mut facts.clone());
    let plan = look(&stored(&[70]), &facts);
    assert_eq!((comes_to(&plan), teams(&plan)), (None, vec![]), "{:?}", plan.notes);
    // What a filter gave is news, and so is the case to who has its team.
    facts.spread.extend(facts.emails.keys().map(|email| (*email, TEAM)));
    assert_eq!(teams(&look(&stored(&[70]), &facts)), [1]);
    assert_eq!(comes_to(&look(&stored(&[70, 1]), &facts)), Some(case));
}

#[test]
fn notify_2_a_follower_who_could_not_read_the_first_copy_hears_of_the_second() {
    let mut facts = facts();
    know(&mut facts, 10, record(RecordKind::Contact, 1, None), "customer@example.org");
    facts.followers.insert((RecordId(10), UserId(1)));
    let mut actor = Actor { login: Some("ben".to_string()), teams: vec![TEAM], ..Actor::default() };
    actor.rights.add(RoleScope::Email, RoleAction::Read, RoleLevel::Team);
    facts.people.insert(UserId(1), Person { actor, active: true, notify_received: true, follows: Vec::new() });
    let mut desk = AccountFacts { teams: vec![TEAM], ..info() };
    desk.rules.add_team_users = true;
    through(&personal(), &mail("a@x"), &mut facts);
    let plan = through(&desk, &mail("a@x"), &mut facts);
    let told = plan.steps().iter().any(|step| matches!(step.change, Change::Notify { user: UserId(1), .. }));
    assert!(told, "{:?}", plan.notes);
}
