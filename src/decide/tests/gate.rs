//! Who is let into a case or a conversation, and who only knows its ids.

use super::*;
use crate::decide::outgoing::{self, Order};
use crate::mail::token::{self, Key, KeyRing};
use crate::words::{RoleAction, RoleLevel, RoleScope, UnknownSender};

const CUSTOMER: &str = "customer@example.org";
const ASSISTANT: &str = "assistant@example.org";
const STRANGER: &str = "mallory@example.net";
const AGENT: &str = "agent@example.com";

fn policy() -> Policy {
    let keys = vec![Key { id: 1, secret: [7; 32], expires_at: None }];
    Policy { tokens: KeyRing { instance: "ours".into(), keys, good_for: 86_400 }, ..Policy::default() }
}

fn from(author: &str, mail: Mail) -> Mail {
    Mail { from: Some(address(author)), ..mail }
}

fn parent(plan: &Plan) -> Option<RecordId> {
    new_email(plan).parent
}

/// A case that the customer opened with `a@x`; their assistant is in its Cc.
fn with_case() -> (Facts, RecordId) {
    let mut facts = facts();
    facts.users.insert(AGENT.to_string(), UserId(1));
    let plan = go(&mut facts, &Mail { cc: vec![address(ASSISTANT)], ..mail("a@x") });
    (facts, new_case(&plan).unwrap().id)
}

/// Writes a letter of ours that was sent; returns its Message-ID.
fn letter(facts: &mut Facts, to: &[&str], case: Option<RecordId>, follows: Option<EmailId>, id: &str) -> String {
    let token = token::make(&policy().tokens, case.unwrap_or(RecordId(0)), NOW).unwrap();
    let id = format!("{token}.{id}@example.com");
    let to = to.iter().map(|to| address(to)).collect();
    let mail = Mail { from: Some(address("support@example.com")), to, message_id: Some(id.clone()), ..mail("letter") };
    let plan = outgoing::queue(&mail, &Order { parent: case, author: Some(UserId(1)), follows, ..Order::default() }, facts);
    outgoing::sent(plan.email.unwrap(), &mail, facts);
    id
}

fn under(facts: &mut Facts, mail: &Mail) -> Plan {
    decide(&arrival(), mail, &policy(), facts)
}

#[test]
fn link_2_who_only_knows_a_message_id_gains_nothing() {
    let (mut facts, case) = with_case();
    let plan = go(&mut facts, &from(STRANGER, answer("b@x", &["a@x"])));
    let opened = new_case(&plan).unwrap();
    assert_eq!((opened.refers_to, new_email(&plan).replied), (Some(case), None));
    assert_ne!(new_email(&plan).thread, facts.emails[&EmailId(1)].thread, "a conversation of its own");
    assert!(!plan.steps().iter().any(|step| matches!(step.change, Change::MarkReplied { .. } | Change::AdoptThread { .. })));
    assert!(
        plan.notes.iter().any(|note| note.to_string().starts_with("LINK-2") && note.to_string().contains("takes no part")),
        "{:?}",
        plan.notes
    );
    // Having written makes nobody a participant, nor does the number of one's own case.
    let again = go(&mut facts, &from(STRANGER, answer("c@x", &["a@x", "b@x"])));
    assert_eq!((parent(&again), new_case(&again)), (Some(opened.id), None), "it goes on with its own matter");
    let numbered = go(&mut facts, &from(STRANGER, Mail { subject: "Re: [#1]".into(), ..mail("d@x") }));
    assert_eq!(new_case(&numbered).unwrap().refers_to, Some(case));
    // The customer's next answers stay where they belong.
    let next = go(&mut facts, &answer("e@x", &["a@x"]));
    assert_eq!(parent(&next), Some(case));

    let (mut facts, case) = with_case();
    facts.account.unknown_sender = UnknownSender::Hold;
    let held = go(&mut facts, &from(STRANGER, answer("b@x", &["a@x"])));
    assert_eq!((held.fate, parent(&held)), (Fate::Held, None));
    assert!(held.steps().iter().any(|step| matches!(step.change, Change::Hold { candidate: Some(of), .. } if of == case)));

    let (mut facts, _) = with_case();
    facts.account = personal();
    let elsewhere = go(&mut facts, &from(STRANGER, answer("b@x", &["a@x"])));
    assert_eq!((parent(&elsewhere), new_email(&elsewhere).replied), (None, None));
    assert_eq!(teams(&elsewhere), [7], "THREAD-2: the teams of a conversation are not theirs");
}

#[test]
fn access_2_mail_of_a_personal_account_enters_what_its_owner_may_change_or_what_answers_a_letter_of_ours() {
    let keeper = |facts: &mut Facts, level: Option<RoleLevel>, imports: bool| {
        let mut actor = Actor { user: Some(UserId(9)), teams: vec![TeamId(7)], ..Actor::default() };
        for action in [RoleAction::Read, RoleAction::Edit] {
            level.into_iter().for_each(|level| actor.rights.add(RoleScope::Case, action, level));
        }
        facts.people.insert(UserId(9), Person { actor, active: true, ..Person::default() });
        facts.account = AccountFacts { importer: imports.then_some(UserId(9)), ..personal() };
    };
    let own = |facts: &mut Facts, case| {
        facts.made_by.insert(case, UserId(9));
    };
    let shared = |facts: &mut Facts, case| facts.records.get_mut(&case).unwrap().teams.push(TeamId(7));
    let nothing = |_: &mut Facts, _| ();
    type Given<'a> = &'a dyn Fn(&mut Facts, RecordId);
    let rows: [(Option<RoleLevel>, Given<'_>, bool); 6] = [
        (None, &nothing, false),
        (Some(RoleLevel::Own), &nothing, false),
        (Some(RoleLevel::Own), &own, true),
        (Some(RoleLevel::Team), &own, true),
        (Some(RoleLevel::Team), &shared, true),
        (Some(RoleLevel::All), &nothing, true),
    ];
    for (level, given, enters) in rows {
        for imports in [false, true] {
            let (mut facts, case) = with_case();
            let id = letter(&mut facts, &[CUSTOMER], Some(case), Some(EmailId(1)), "one");
            keeper(&mut facts, level, imports);
            given(&mut facts, case);
            let is_in = |plan: &Plan| parent(plan) == Some(case);
            // A Message-ID of the case, the customer's or ours, whose token nobody reads.
            assert_eq!(is_in(&go(&mut facts, &answer("b@x", &["a@x"]))), enters, "{level:?} {imports}");
            assert_eq!(is_in(&go(&mut facts, &answer("c@x", &[&id]))), enters, "{level:?} {imports}");
            // A number names nothing in an account that makes no cases, and lets nobody in where it does.
            facts.account.make_cases = true;
            let numbered = go(&mut facts, &Mail { subject: "Re: [#1] Fire".into(), ..mail("d@x") });
            assert_eq!(is_in(&numbered), enters, "{level:?} {imports}");
            facts.account.make_cases = false;
            // With the token it is an answer to us, unless it stands in a file.
            assert_eq!(is_in(&under(&mut facts, &answer("e@x", &[&id]))), enters || !imports, "{level:?} {imports}");
            // So is what answers the owner's own letter.
            facts.emails.get_mut(&EmailId(2)).unwrap().author = Some(UserId(9));
            assert_eq!(is_in(&go(&mut facts, &answer("f@x", &[&id]))), enters || !imports, "{level:?} {imports}");
        }
    }
}

#[test]
fn dup_3_what_a_personal_account_brought_first_comes_to_its_case_by_an_account_that_may() {
    let (mut facts, case) = with_case();
    let support = std::mem::replace(&mut facts.account, personal());
    let first = go(&mut facts, &answer("b@x", &["a@x"]));
    assert_eq!((parent(&first), new_email(&first).replied), (None, None));
    // What else came into that conversation stays behind.
    facts.account = support;
    let plan = go(&mut facts, &answer("b@x", &["a@x"]));
    assert_eq!((plan.fate, plan.email, new_case(&plan)), (Fate::Duplicate, first.email, None));
    let moved = |change: &Change| matches!(change, Change::Relink { parent, .. } if *parent == Some(case));
    assert!(plan.steps().iter().any(|step| moved(&step.change)), "{:?}", plan.steps());
    assert!(plan.steps().iter().any(|step| step.change == Change::MarkReplied { email: EmailId(1) }));
    assert!(!plan.steps().iter().any(|step| matches!(step.change, Change::JoinThreads { .. } | Change::AdoptThread { .. })));
    assert!(users(&plan).contains(&(1, false)), "whose case it is");
}

#[test]
fn link_2_who_writes_as_one_of_the_cases_team_is_let_in_and_takes_no_part() {
    let member = |teams: &[i64]| {
        let mut actor = Actor { login: Some("ben".to_string()), ..Actor::default() };
        actor.teams = teams.iter().copied().map(TeamId).collect();
        actor.rights.add(RoleScope::Case, RoleAction::Read, RoleLevel::Team);
        Person { actor, active: true, notify_received: true, follows: Vec::new() }
    };
    for (teams, is_in) in [(&[1][..], true), (&[77], false)] {
        let (mut facts, case) = with_case();
        facts.users.insert("ben@example.com".to_string(), UserId(2));
        facts.people.insert(UserId(2), member(teams));
        facts.records.get_mut(&case).unwrap().assigned_user = None;
        let numbered = Mail { subject: "[#1] my answer".into(), ..mail("c@x") };
        for letter in [answer("b@x", &["a@x"]), numbered] {
            let plan = go(&mut facts, &from("ben@example.com", letter));
            assert_eq!((parent(&plan) == Some(case), new_case(&plan).is_none()), (is_in, is_in), "{:?}", plan.notes);
            assert!(!facts.correspondents.contains(&(case, "ben@example.com".to_string())));
            assert!(!plan.steps().iter().any(|step| matches!(step.change, Change::MarkReplied { .. })));
        }
    }
}

#[test]
fn link_2_to_be_named_in_cc_is_no_part_and_to_be_written_to_by_us_is() {
    let (mut facts, case) = with_case();
    let plan = go(&mut facts, &from(ASSISTANT, answer("b@x", &["a@x"])));
    assert_eq!(new_case(&plan).unwrap().refers_to, Some(case));
    let id = letter(&mut facts, &[CUSTOMER, ASSISTANT], Some(case), Some(EmailId(1)), "one");
    let plan = go(&mut facts, &from(ASSISTANT, answer("c@x", &[&id])));
    assert_eq!((parent(&plan), new_case(&plan)), (Some(case), None), "without a key that reads the token, too");
    let plan = go(&mut facts, &from(ASSISTANT, Mail { subject: "[#1] and this".into(), ..mail("d@x") }));
    assert_eq!(parent(&plan), Some(case));
}

#[test]
fn link_2_a_letter_of_one_of_us_from_their_own_program_lets_its_recipients_in() {
    let (mut facts, case) = with_case();
    let agents = Mail { to: vec![address(ASSISTANT)], ..from(AGENT, answer("b@x", &["a@x"])) };
    assert_eq!(parent(&go(&mut facts, &vouched(agents))), Some(case));
    assert_eq!(parent(&go(&mut facts, &from(ASSISTANT, answer("c@x", &["b@x"])))), Some(case));
    // Bulk of strangers does not.
    let strangers = Mail { to: vec![address("other@example.net")], ..from(STRANGER, answer("d@x", &["a@x"])) };
    go(&mut facts, &strangers);
    assert!(new_case(&go(&mut facts, &from("other@example.net", answer("e@x", &["a@x"])))).is_some());
}

#[test]
fn link_1_the_bearer_of_a_token_comes_in_and_takes_no_part() {
    let (mut facts, case) = with_case();
    let id = letter(&mut facts, &[CUSTOMER], Some(case), Some(EmailId(1)), "one");
    let plan = under(&mut facts, &from("colleague@example.org", answer("b@x", &[&id])));
    assert_eq!((parent(&plan), new_email(&plan).parent_by), (Some(case), Some(ParentBy::Token)));
    let taken = plan.candidates.iter().find(|candidate| candidate.taken).unwrap();
    assert!(taken.because.text.contains("takes no part") && taken.because.text.contains("token"), "{}", taken.because);
    assert!(new_email(&plan).invites.is_empty());
    let plan = under(&mut facts, &from("colleague@example.org", answer("c@x", &["a@x"])));
    assert_eq!(new_case(&plan).unwrap().refers_to, Some(case), "without the token they are a stranger");
    // A token of another case is no ticket for this one.
    let own = new_case(&under(&mut facts, &from(STRANGER, mail("m@x")))).unwrap().id;
    let id = letter(&mut facts, &[STRANGER], Some(own), None, "two");
    let plan = under(&mut facts, &from(STRANGER, answer("n@x", &[&id, "a@x"])));
    assert_eq!(parent(&plan), Some(own));
    assert_ne!(new_email(&plan).thread, facts.emails[&EmailId(1)].thread);
}

#[test]
fn link_1_a_token_leads_to_where_its_letter_is_now() {
    let (mut facts, case) = with_case();
    let other = new_case(&go(&mut facts, &from("other@example.net", mail("o@x")))).unwrap().id;
    let id = letter(&mut facts, &[CUSTOMER], Some(case), Some(EmailId(1)), "one");
    let place = facts.letter(&id).unwrap();
    let set = |facts: &mut Facts, parent| {
        let known = facts.emails.get_mut(&place).unwrap();
        (known.parent, known.parent_by) = (parent, Some(ParentBy::Hand));
    };
    // Split off, or linked elsewhere.
    set(&mut facts, Some(other));
    let plan = under(&mut facts, &answer("b@x", &["a@x", &id]));
    assert_eq!((parent(&plan), new_email(&plan).parent_by), (Some(other), Some(ParentBy::Token)));
    // A merge takes it along.
    set(&mut facts, Some(case));
    facts.records.get_mut(&case).unwrap().merged_into = Some(other);
    assert_eq!(parent(&under(&mut facts, &answer("c@x", &["a@x", &id]))), Some(other));
    facts.records.get_mut(&case).unwrap().merged_into = None;
    // Taken away by a person: neither token nor thread nor number leads anywhere.
    set(&mut facts, None);
    let plan = under(&mut facts, &Mail { subject: "Re: [#1] fire".into(), ..answer("d@x", &["a@x", &id]) });
    let opened = new_case(&plan).unwrap();
    assert!(opened.id != case && opened.id != other, "{:?}", plan.notes);
    assert!(plan.notes.iter().any(|note| note.to_string().contains("a person took from its record")), "{:?}", plan.notes);
    // CASE-1: from then on that is the case of the conversation, whatever of it is answered; it says which one it left.
    assert_eq!(opened.refers_to, Some(other));
    let opened = opened.id;
    assert_eq!(parent(&under(&mut facts, &answer("d2@x", &["a@x", &id]))), Some(opened));
    // Whatever case an e-mail of it came to last.
    facts.thread_parents.values_mut().for_each(|record| *record = case);
    assert_eq!(parent(&under(&mut facts, &answer("d4@x", &["a@x", &id]))), Some(opened));
    assert_eq!(new_case(&under(&mut facts, &from(STRANGER, answer("d3@x", &["d@x"])))).unwrap().refers_to, Some(opened));
    // Gone: the record that it was made for stands; also in a plus-address.
    facts.emails_by_message_id.remove(&id);
    assert_eq!(parent(&under(&mut facts, &answer("e@x", &["a@x", &id]))), Some(case));
    let plus = token::plus_address("support@example.com", &token::make(&policy().tokens, case, NOW).unwrap()).unwrap();
    set(&mut facts, Some(other));
    assert_eq!(parent(&under(&mut facts, &Mail { to: vec![address(&plus)], ..mail("f@x") })), Some(case));
}

#[test]
fn link_2_the_nearest_email_says_where_its_answers_belong_before_an_older_token() {
    let (mut facts, case) = with_case();
    let id = letter(&mut facts, &[CUSTOMER], Some(case), Some(EmailId(1)), "one");
    let plan = under(&mut facts, &answer("b@x", &["a@x", &id]));
    // A person splits the customer's answer off.
    let other = RecordId(500);
    facts.records.insert(other, record(RecordKind::Case, 50, None));
    facts.correspondents.insert((other, CUSTOMER.to_string()));
    let known = facts.emails.get_mut(&plan.email.unwrap()).unwrap();
    (known.parent, known.parent_by) = (Some(other), Some(ParentBy::Hand));
    assert_eq!(parent(&under(&mut facts, &answer("c@x", &["a@x", &id, "b@x"]))), Some(other));
    assert_eq!(parent(&under(&mut facts, &answer("d@x", &["a@x", &id]))), Some(case), "what stayed keeps its answers");
    // Somebody else with the token does not come to the new case by naming it.
    let plan = under(&mut facts, &from("colleague@example.org", answer("e@x", &["a@x", &id, "b@x"])));
    assert_eq!(parent(&plan), Some(case));
}

#[test]
fn thread_1_a_repeated_message_id_captures_no_answers() {
    let (mut facts, case) = with_case();
    let copy = Mail { content_digest: [9; 32], ..from(STRANGER, mail("a@x")) };
    assert!(new_email(&go(&mut facts, &copy)).id_collision);
    for (id, ids) in [("b@x", &["a@x"][..]), ("c@x", &["never@x", "a@x"]), ("d@x", &["a@x", "b@x"])] {
        assert_eq!(parent(&go(&mut facts, &answer(id, ids))), Some(case), "{id}");
    }
    // The copy came first: the customer's own e-mail is theirs all the same, and so are the answers to it.
    let mut facts = facts_with_copy_first();
    let case = new_case(&go(&mut facts, &mail("a@x"))).unwrap().id;
    assert_eq!(parent(&go(&mut facts, &answer("b@x", &["a@x"]))), Some(case));
}

fn facts_with_copy_first() -> Facts {
    let mut facts = facts();
    go(&mut facts, &Mail { content_digest: [9; 32], ..from(STRANGER, mail("a@x")) });
    facts
}

#[test]
fn thread_1_of_several_bearers_ours_comes_first_then_the_senders_then_the_oldest() {
    let mut facts = facts();
    let known = |ours, id_collision, people: &[&str]| EmailFacts {
        thread: ThreadId(1),
        arrived_at: NOW,
        ours,
        id_collision,
        people: people.iter().map(ToString::to_string).collect(),
        ..EmailFacts::default()
    };
    facts.emails.insert(EmailId(1), known(false, true, &[CUSTOMER]));
    facts.emails.insert(EmailId(2), known(false, false, &[STRANGER]));
    facts.emails.insert(EmailId(3), known(false, false, &[CUSTOMER]));
    facts.emails.insert(EmailId(4), known(true, false, &[]));
    facts.emails_by_message_id.insert("a@x".into(), [4, 3, 2, 1].map(EmailId).into());
    let ids = |facts: &Facts, sender: &str| facts.bearers("a@x", sender).iter().map(|id| id.0).collect::<Vec<_>>();
    assert_eq!(ids(&facts, CUSTOMER), [4, 3, 2, 1]);
    assert_eq!(ids(&facts, STRANGER), [4, 2, 3, 1]);
    assert_eq!(ids(&facts, ASSISTANT), [4, 2, 3, 1]);
    assert_eq!(facts.letter("a@x"), Some(EmailId(4)));
    facts.emails_by_message_id.insert("a@x".into(), [3, 2].map(EmailId).into());
    assert_eq!(facts.letter("a@x"), None);
}

#[test]
fn thread_1_to_name_an_id_before_it_is_there_captures_nothing() {
    let mut facts = facts();
    let theirs = new_case(&go(&mut facts, &from(STRANGER, answer("m@x", &["future@x"])))).unwrap().id;
    let plan = go(&mut facts, &mail("future@x"));
    let case = new_case(&plan).unwrap().id;
    assert_ne!(new_email(&plan).thread, facts.emails[&EmailId(1)].thread);
    assert!(
        plan.steps().iter().any(|step| matches!(&step.change, Change::MoveId { message_id, .. } if message_id == "future@x"))
    );
    for (id, ids) in [("b@x", &["future@x"][..]), ("c@x", &["future@x", "lost@x"])] {
        assert_eq!(parent(&go(&mut facts, &answer(id, ids))), Some(case));
    }
    assert_eq!(parent(&go(&mut facts, &from(STRANGER, answer("n@x", &["m@x"])))), Some(theirs));
}

#[test]
fn thread_1_a_strangers_mail_moves_nothing_of_others() {
    // Archived mail of two customers, linked by address alone.
    let mut facts = facts();
    facts.account.act_since = NOW + 1;
    go(&mut facts, &mail("a@x"));
    go(&mut facts, &from("other@example.net", mail("b@x")));
    facts.account.act_since = 0;
    let plan = go(&mut facts, &from(STRANGER, answer("m@x", &["a@x", "b@x"])));
    let moves = |plan: &Plan| {
        plan.steps().iter().any(|step| matches!(step.change, Change::JoinThreads { .. } | Change::AdoptThread { .. }))
    };
    assert!(new_case(&plan).is_some() && !moves(&plan), "{:?}", plan.steps());
    // A machine that was there before does not bring them in either.
    let machine = Mail { automatic: vec![sign(Machine::Generated)], ..from(STRANGER, answer("n@x", &["a@x"])) };
    assert!(!moves(&go(&mut facts, &machine)));
    let plan = go(&mut facts, &from(STRANGER, answer("o@x", &["a@x", "n@x"])));
    let theirs = [1, 2].map(|email| facts.emails[&EmailId(email)].thread);
    let adopts = |step: &Step| matches!(step.change, Change::AdoptThread { thread, .. } if theirs.contains(&thread));
    assert!(!plan.steps().iter().any(adopts), "{:?}", plan.steps());
    // The customer's own mail does: it is theirs.
    let plan = go(&mut facts, &answer("c@x", &["a@x"]));
    assert!(new_case(&plan).is_some() && moves(&plan));
}

#[test]
fn thread_1_a_case_of_ones_own_with_the_victim_in_cc_does_not_become_the_victims() {
    let merged = |plan: &Plan| plan.steps().iter().any(|step| matches!(step.change, Change::MergeCases { .. }));
    let (mut facts, case) = with_case();
    let own = Mail { cc: vec![address(CUSTOMER)], ..from(STRANGER, mail("m@x")) };
    let theirs = new_case(&go(&mut facts, &own)).unwrap().id;
    let both = Mail { cc: vec![address(CUSTOMER)], ..from(STRANGER, answer("n@x", &["a@x", "m@x"])) };
    let plan = go(&mut facts, &both);
    assert!(!merged(&plan));
    assert_eq!(parent(&plan), Some(theirs));
    // An agent's answer to that quotes both; that joins nothing, from here or from the agent's own program.
    let id = letter(&mut facts, &[STRANGER, CUSTOMER], Some(theirs), plan.email, "one");
    let quoting =
        Mail { to: vec![address(STRANGER)], cc: vec![address(CUSTOMER)], ..from(AGENT, answer("p@x", &["a@x", "n@x"])) };
    assert!(!merged(&under(&mut facts, &quoting)));
    let sent = facts.letter(&id).and_then(|letter| facts.parent_of(letter));
    assert_eq!(sent, Some((theirs, ParentBy::Hand)));
    // The customer, who was written to in it, may say that they are one.
    assert!(merged(&under(&mut facts, &answer("q@x", &["a@x", "n@x"]))));
    assert_eq!(facts.survivor(theirs), case);
}

#[test]
fn thread_1_mail_that_overtook_a_letter_of_ours_comes_together_with_it() {
    let (mut facts, case) = with_case();
    let waits = new_case(&go(&mut facts, &answer("c@x", &["agents@x"]))).unwrap().id;
    let agents = Mail { to: vec![address(CUSTOMER)], ..from(AGENT, answer("agents@x", &["a@x"])) };
    let plan = go(&mut facts, &vouched(agents.clone()));
    assert!(plan.steps().iter().any(|step| matches!(step.change, Change::MergeCases { .. })), "{:?}", plan.notes);
    assert_eq!(facts.survivor(waits), case);
    // Not where another one takes part in one of them.
    let (mut facts, case) = with_case();
    facts.correspondents.insert((case, STRANGER.to_string()));
    facts.participants.get_mut(&case).unwrap().insert(STRANGER.to_string());
    go(&mut facts, &answer("c@x", &["agents@x"]));
    let plan = go(&mut facts, &vouched(agents));
    assert!(!plan.steps().iter().any(|step| matches!(step.change, Change::MergeCases { .. })));
    assert!(plan.notes.iter().any(|note| note.to_string().contains("not the same people")), "{:?}", plan.notes);
}

#[test]
fn thread_3_whom_a_stranger_writes_to_is_not_found_by_that_subject() {
    let mut facts = facts();
    let case = new_case(&go(&mut facts, &mail("a@x"))).unwrap().id;
    let to_victim = Mail { to: vec![address(CUSTOMER), address("support@example.com")], ..from(STRANGER, mail("m@x")) };
    go(&mut facts, &to_victim);
    let plan = go(&mut facts, &Mail { subject: "Re: Printer on fire".into(), ..mail("b@x") });
    assert_eq!(parent(&plan), Some(case));
    // Nor does a stranger find what was written to them.
    let to_stranger =
        Mail { to: vec![address(STRANGER), address("support@example.com")], subject: "Secret".into(), ..mail("c@x") };
    let secret = new_case(&go(&mut facts, &to_stranger)).unwrap().id;
    let plan = go(&mut facts, &from(STRANGER, Mail { subject: "Re: Secret".into(), ..mail("n@x") }));
    assert!(new_case(&plan).is_some_and(|own| own.id != secret));
}

#[test]
fn thread_1_in_an_account_without_cases_those_who_are_named_go_on_in_the_conversation() {
    let mut facts = facts();
    facts.account.make_cases = false;
    let first = new_email(&go(&mut facts, &Mail { cc: vec![address(ASSISTANT)], ..mail("a@x") })).thread;
    assert_eq!(new_email(&go(&mut facts, &from(ASSISTANT, answer("b@x", &["a@x"])))).thread, first);
    assert_eq!(new_email(&go(&mut facts, &from(ASSISTANT, answer("c@x", &["lost@x"])))).thread, ThreadId(2));
    assert_eq!(new_email(&go(&mut facts, &answer("d@x", &["lost@x"]))).thread, ThreadId(2), "an ancestor never seen");
    assert_ne!(new_email(&go(&mut facts, &from(STRANGER, answer("e@x", &["a@x"])))).thread, first);
    // DUP-3: where one who was only named opens a case later, the others' mail does not come along.
    facts.account = AccountFacts { id: AccountId(3), ..AccountFacts::default() };
    facts.account.make_cases = true;
    let plan = go(&mut facts, &from(ASSISTANT, answer("b@x", &["a@x"])));
    let case = new_case(&plan).unwrap().id;
    assert!(plan.steps().iter().any(|step| matches!(step.change, Change::Relink { parent: Some(of), .. } if of == case)));
    assert!(!plan.steps().iter().any(|step| matches!(step.change, Change::SetParent { .. })));
}
