//! Who is told, and who is not.

use super::*;
use crate::words::{FolderId, NotificationKind, RoleAction, RoleLevel, RoleScope};

/// Somebody whose roles let them read e-mails and cases this far; none is what holds without any role.
fn person(login: &str, level: Option<RoleLevel>, teams: &[i64]) -> Person {
    let mut actor = Actor { login: Some(login.to_string()), ..Actor::default() };
    actor.teams = teams.iter().copied().map(TeamId).collect();
    for scope in [RoleScope::Email, RoleScope::Case] {
        level.into_iter().for_each(|level| actor.rights.add(scope, RoleAction::Read, level));
    }
    Person { actor, active: true, notify_received: true, follows: Vec::new() }
}

/// The case 5 of the customer's Account, with people: 1 has it, 2 follows it, 3 follows the Account, 4 is in the inbox.
fn office() -> Facts {
    let mut facts = facts();
    facts.account.make_cases = false;
    facts.account.teams = vec![TEAM];
    facts.account.add_team_users = true;
    let member = |user| Member { user: UserId(user), position: None, active: true, absent: false };
    facts.teams = [(TEAM, vec![member(4)])].into();
    facts.records.insert(RecordId(60), record(RecordKind::Account, 6, None));
    let through = Some(facts.account.id);
    let case = RecordFacts { assigned_user: Some(UserId(1)), through, ..record(RecordKind::Case, 5, Some(60)) };
    facts.records.insert(RecordId(50), case);
    facts.thread_of.insert("case@x".to_string(), ThreadId(8));
    facts.thread_parents.insert(ThreadId(8), RecordId(50));
    facts.correspondents.insert((RecordId(50), "customer@example.org".to_string()));
    facts.followers = [(50, 1), (50, 2), (60, 3)].map(|(record, user)| (RecordId(record), UserId(user))).into();
    for (id, login) in [(1, "ada"), (2, "ben"), (3, "cleo"), (4, "dan")] {
        facts.people.insert(UserId(id), person(login, Some(RoleLevel::All), &[]));
    }
    facts
}

fn about_case(id: &str) -> Mail {
    answer(id, &["case@x"])
}

/// Who is told of what.
fn told(plan: &Plan) -> Vec<(i64, NotificationKind)> {
    let of = |step: &Step| match &step.change {
        Change::Notify { user, kind, .. } if !step.because.text.is_empty() => Some((user.0, *kind)),
        _ => None,
    };
    plan.steps().iter().filter_map(of).collect()
}

fn noted(plan: &Plan, words: &str) -> bool {
    plan.notes.iter().any(|note| note.to_string().contains(words))
}

use NotificationKind::{Assigned, EmailReceived, Note};

#[test]
fn notify_1_followers_of_the_record_and_its_account_hear_of_the_note() {
    let mut facts = office();
    let plan = go(&mut facts, &about_case("a@x"));
    // Dan is in the inbox and follows nothing.
    assert_eq!(told(&plan), [(1, Note), (2, Note), (3, Note), (4, EmailReceived)]);
    let step = plan.steps().iter().find(|step| matches!(step.change, Change::Notify { user: UserId(3), .. })).unwrap();
    assert_eq!(step.because.to_string(), "NOTIFY-1: they follow account:6");
    let Change::Notify { email, note, record, .. } = &step.change else { panic!() };
    assert_eq!((*email, note.is_some(), *record), (plan.email, true, Some(RecordId(50))));
}

#[test]
fn notify_1_only_those_who_may_read_the_email() {
    use RoleLevel::{All, No, Own, Team};
    // Ben's level, and whether he shares a team with the e-mail and is one of its users.
    for (level, shares, is_user, hears) in [
        (Some(All), false, false, true),
        (Some(Team), false, false, false),
        (Some(Team), true, false, true),
        (Some(Team), false, true, true),
        (Some(Own), true, false, false),
        (Some(Own), false, true, true),
        (None, true, false, false),
        (None, false, true, true),
        (Some(No), true, true, false),
    ] {
        let mut facts = office();
        let teams = if shares { vec![TEAM.0] } else { vec![] };
        facts.people.insert(UserId(2), person("ben", level, &teams));
        if is_user {
            facts.users.insert("ben@example.com".to_string(), UserId(2));
        }
        let plan = go(&mut facts, &Mail { cc: vec![address("ben@example.com")], ..about_case("a@x") });
        let cell = format!("{level:?} {shares} {is_user}");
        assert_eq!(told(&plan).contains(&(2, Note)), hears, "{cell}");
        assert_eq!(noted(&plan, "NOTIFY-1: ben is not told"), !hears, "{cell}");
        assert!(told(&plan).iter().filter(|(user, _)| *user == 2).count() < 2, "{cell}");
    }
}

#[test]
fn notify_1_not_the_author_nor_whom_nobody_may_disturb_nor_those_who_left() {
    let mut facts = office();
    facts.users.insert("ben@example.com".to_string(), UserId(2));
    facts.people.get_mut(&UserId(3)).unwrap().active = false;
    let plan = go(&mut facts, &vouched(Mail { from: Some(address("ben@example.com")), ..answer("b@x", &[]) }));
    assert!(!told(&plan).contains(&(2, EmailReceived)), "the author");
    let first = go(&mut facts, &about_case("c@x"));
    assert_eq!(told(&first), [(1, Note), (2, Note), (4, EmailReceived)]);
    let plan = go(&mut facts, &vouched(Mail { from: Some(address("ben@example.com")), ..answer("d@x", &["c@x"]) }));
    assert_eq!(told(&plan), [(1, Note), (4, EmailReceived)]);
    // Ada's folder keeps quiet.
    let silent = FolderId(3);
    facts.silent_folders.insert(silent);
    facts.account.kind = AccountKind::Personal;
    (facts.account.owner, facts.account.folder) = (Some(UserId(1)), Some(silent));
    facts.people.entry(UserId(1)).and_modify(|ada| ada.actor.rights.add(RoleScope::Case, RoleAction::Edit, RoleLevel::All));
    let plan = go(&mut facts, &about_case("e@x"));
    assert_eq!(told(&plan), [(2, Note)]);
    assert!(noted(&plan, "NOTIFY-1: ada is not told: a filter or folder"), "{:?}", plan.notes);
}

#[test]
fn notify_2_readers_hear_of_what_is_new_to_them_and_the_trace_says_why_not() {
    let dan = |facts: &mut Facts, change: &dyn Fn(&mut Person)| change(facts.people.get_mut(&UserId(4)).unwrap());
    let plain = office;
    let mut opted_out = office();
    dan(&mut opted_out, &|dan| dan.notify_received = false);
    let mut may_not = office();
    dan(&mut may_not, &|dan| dan.actor.rights = Actor::default().rights);
    dan(&mut may_not, &|dan| dan.actor.rights.add(RoleScope::Email, RoleAction::Read, RoleLevel::No));
    let mut sender = office();
    sender.users.insert("customer@example.org".to_string(), UserId(4));
    let days = |days: i64| Arrival { internal_date: Some(NOW - days * 86_400), ..arrival() };
    for (mut facts, arrival, why_not) in [
        (plain(), arrival(), None),
        (plain(), days(2), None),
        (plain(), days(3), Some("over 2 days old")),
        (opted_out, arrival(), Some("they do not want to be")),
        (may_not, arrival(), Some("they may not read it")),
    ] {
        let plan = decide(&arrival, &mail("a@x"), &Policy::default(), &mut facts);
        assert_eq!(told(&plan), if why_not.is_none() { vec![(4, EmailReceived)] } else { vec![] }, "{why_not:?}");
        if let Some(why_not) = why_not {
            assert!(plan.notes.iter().any(|note| note.to_string().starts_with("NOTIFY-2: dan is not told: ") && note.to_string().contains(why_not)));
        }
    }
    assert_eq!(told(&go(&mut sender, &vouched(mail("a@x")))), []);
    assert_eq!(told(&go(&mut sender, &mail("b@x"))), [(4, EmailReceived)], "ACCESS-5: they may not have written it");
}

#[test]
fn notify_2_what_a_filter_trashed_read_or_silenced_is_no_news() {
    use crate::decide::filter::{Action, Criterion, Filter, Scope};
    use crate::words::FilterId;
    for (action, why) in [
        (Action::Skip, "it went to their trash"),
        (Action::MarkRead, "it is marked as read"),
        (Action::SkipNotification, "a filter or folder of theirs says so"),
    ] {
        let mut facts = office();
        let filter = Filter {
            id: FilterId(1),
            name: "quiet".to_string(),
            scope: Scope::User(UserId(4)),
            settings: crate::settings::FilterSettings::default(),
            criteria: vec![Criterion::From("*".to_string())],
            actions: vec![action],
            sieve: None,
        };
        facts.user_filters.insert(UserId(4), vec![filter]);
        let plan = go(&mut facts, &mail("a@x"));
        assert_eq!(told(&plan), [], "{why}");
        assert!(noted(&plan, &format!("NOTIFY-2: dan is not told: {why}")), "{:?}", plan.notes);
    }
}

#[test]
fn fetch_14_nobody_hears_of_archived_mail() {
    let mut facts = office();
    facts.account.act_since = NOW + 1;
    let plan = go(&mut facts, &about_case("a@x"));
    assert_eq!(told(&plan), []);
    assert!(noted(&plan, "nobody is told of it: FETCH-14"));
}

#[test]
fn auto_3_automatic_mail_of_a_case_is_quiet_and_elsewhere_only_readers_hear_of_it() {
    let mut facts = office();
    let automatic = |mail: Mail| Mail { automatic: vec![sign(Machine::Reply)], ..mail };
    assert_eq!(told(&go(&mut facts, &automatic(about_case("a@x")))), []);
    assert_eq!(told(&go(&mut facts, &automatic(mail("b@x")))), [(4, EmailReceived)]);
    know(&mut facts, 70, record(RecordKind::Contact, 7, Some(60)), "customer@example.org");
    // Cleo follows the Account; its note is quiet.
    assert_eq!(told(&go(&mut facts, &automatic(mail("c@x")))), [(4, EmailReceived)]);
    assert_eq!(told(&go(&mut facts, &mail("d@x"))), [(3, Note), (4, EmailReceived)]);
}

#[test]
fn dup_1_users_that_another_account_adds_hear_of_it_and_nobody_twice() {
    let mut facts = office();
    assert_eq!(told(&go(&mut facts, &about_case("a@x"))), [(1, Note), (2, Note), (3, Note), (4, EmailReceived)]);
    facts.account = personal();
    facts.people.insert(UserId(9), person("eve", None, &[]));
    assert_eq!(told(&go(&mut facts, &about_case("a@x"))), [(9, EmailReceived)]);
    // Ben heard of it as a follower; Cleo could not read it until it came to her.
    for (owner, level, expected) in [(2, Some(RoleLevel::All), vec![]), (3, None, vec![(3, EmailReceived)]), (3, None, vec![])] {
        facts.account = AccountFacts { id: AccountId(owner), owner: Some(UserId(owner)), ..personal() };
        facts.people.insert(UserId(owner), person("x", level, &[]));
        assert_eq!(told(&go(&mut facts, &about_case("a@x"))), expected, "{owner}");
    }
}

#[test]
fn dist_1_who_gets_a_case_hears_that_it_is_theirs_and_of_its_email_once() {
    let mut facts = facts();
    facts.account.teams = vec![TEAM];
    for user in 1..=3 {
        facts.people.insert(UserId(user), person("x", None, &[]));
    }
    let plan = go(&mut facts, &mail("a@x"));
    let assigned = new_case(&plan).unwrap().assigned_user.unwrap().0;
    let mut told = told(&plan);
    told.sort_unstable();
    let expected: Vec<_> = (1..=3).map(|user| (user, if user == assigned { Assigned } else { EmailReceived })).collect();
    assert_eq!(told, expected);
}

#[test]
fn follow_1_users_who_follow_every_case_follow_those_they_may_read() {
    use RoleLevel::{All, No, Own, Team};
    for (level, teams, follows) in [
        (Some(All), vec![], true),
        (Some(Team), vec![TEAM.0], true),
        (Some(Team), vec![8], false),
        (Some(Own), vec![TEAM.0], false),
        (Some(No), vec![TEAM.0], false),
        (None, vec![TEAM.0], false),
    ] {
        let mut facts = facts();
        let cell = format!("{level:?} {teams:?}");
        facts.people.insert(UserId(7), Person { follows: vec![RecordKind::Case], ..person("gus", level, &teams) });
        facts.people.insert(UserId(8), person("hal", Some(All), &[]));
        let plan = go(&mut facts, &mail("a@x"));
        let case = new_case(&plan).unwrap().id;
        let follow = Change::Follow { record: case, user: UserId(7) };
        assert_eq!(plan.steps().iter().any(|step| step.change == follow), follows, "{cell}");
        assert_eq!(told(&plan), if follows { vec![(7, Note)] } else { vec![] }, "{cell}");
    }
}
