//! Which record mail belongs to, and what it does to cases.

use super::*;
use crate::mail::token::{self, Key, KeyRing};
use crate::words::UnknownSender;

const DAY: i64 = 86_400;

fn ring() -> KeyRing {
    KeyRing { instance: "ours".into(), keys: vec![Key { id: 1, secret: [7; 32], expires_at: None }], good_for: 30 * DAY }
}

fn policy() -> Policy {
    Policy { tokens: ring(), authserv_ids: vec!["mx.example.com".into()], ..Policy::default() }
}

fn under(policy: &Policy, facts: &mut Facts, mail: &Mail) -> Plan {
    decide(&arrival(), mail, policy, facts)
}

fn with_header(mail: Mail, header: &str) -> Mail {
    Mail { header: header.as_bytes().to_vec(), ..mail }
}

fn from(id: &str, author: &str) -> Mail {
    Mail { from: Some(address(author)), ..mail(id) }
}

/// A world with one case of the customer's; closed `days` ago in another status if one is given.
fn with_case(status: CaseStatus, days: i64) -> (Facts, RecordId) {
    let mut facts = facts();
    let case = new_case(&go(&mut facts, &mail("a@x"))).unwrap().id;
    let known = facts.records.get_mut(&case).unwrap();
    (known.status, known.closed_at) = (Some(status), (!status.is_open()).then_some(NOW - days * DAY));
    (facts, case)
}

#[test]
fn link_1_a_token_in_an_id_or_an_address_names_the_record_before_all_else() {
    let (mut facts, case) = with_case(CaseStatus::Assigned, 0);
    let other = new_case(&go(&mut facts, &from("b@x", "other@example.net"))).unwrap().id;
    let token = token::make(&ring(), case, NOW).unwrap();
    let plus = token::plus_address("support@example.com", &token).unwrap();
    let mails = [
        Mail { in_reply_to: vec![format!("{token}.r@example.com")], ..from("c@x", "other@example.net") },
        Mail { references: vec![format!("{token}.r@example.com"), "b@x".into()], ..from("d@x", "stranger@example.net") },
        Mail { to: vec![address(&plus)], ..answer("e@x", &["b@x"]) },
        with_header(from("f@x", "stranger@example.net"), &format!("Delivered-To: {plus}\r\n")),
        with_header(from("g@x", "stranger@example.net"), &format!("X-Original-To: {}\r\n", plus.to_uppercase())),
    ];
    for mail in mails {
        let plan = under(&policy(), &mut facts, &mail);
        assert_eq!((new_email(&plan).parent, new_email(&plan).parent_by), (Some(case), Some(ParentBy::Token)), "{mail:?}");
        let taken = plan.candidates.iter().find(|candidate| candidate.taken).unwrap();
        assert_eq!((taken.record.as_str(), taken.by), ("case:1", ParentBy::Token));
    }
    let forged = Mail { to: vec![address(&plus.replace(&token[30..], "aaaaaaaaaa"))], ..answer("h@x", &["b@x"]) };
    let forged = Mail { from: Some(address("other@example.net")), ..forged };
    let plan = under(&policy(), &mut facts, &forged);
    assert_eq!(new_email(&plan).parent, Some(other));
    assert!(plan.notes.iter().any(|note| note.to_string().contains("forged")), "{:?}", plan.notes);
}

#[test]
fn link_1_a_token_that_is_older_than_its_record_was_made_for_another() {
    let (mut facts, case) = with_case(CaseStatus::Assigned, 0);
    facts.records.get_mut(&case).unwrap().created_at = NOW;
    for (age, parent) in [(3_600, None), (1, None), (0, Some(case))] {
        let token = token::make(&ring(), case, NOW - age).unwrap();
        let plus = token::plus_address("support@example.com", &token).unwrap();
        for (way, mail) in [
            ("id", Mail { in_reply_to: vec![format!("{token}.r@example.com")], ..from("c@x", "other@example.net") }),
            ("address", Mail { to: vec![address(&plus)], ..from("d@x", "other@example.net") }),
        ] {
            let plan = under(&policy(), &mut facts.clone(), &mail);
            let found = new_email(&plan).parent.filter(|found| *found == case);
            assert_eq!(found, parent, "{age} {way}");
            let is_said = plan.notes.iter().any(|note| note.to_string().contains("it is older than case:1"));
            assert_eq!(is_said, parent.is_none(), "{age} {way}: {:?}", plan.notes);
        }
    }
}

#[test]
fn auto_2_mail_whose_id_is_ours_does_nothing_to_cases() {
    let token = token::make(&ring(), RecordId(5), NOW - 300 * DAY).unwrap();
    let plan = under(&policy(), &mut facts(), &Mail { message_id: Some(format!("{token}.r@example.com")), ..mail("a@x") });
    assert!(new_case(&plan).is_none(), "an expired token is still ours");
    let other = KeyRing { instance: "another".into(), ..ring() };
    let token = token::make(&other, RecordId(5), NOW).unwrap();
    let plan = under(&policy(), &mut facts(), &Mail { message_id: Some(format!("{token}.r@example.com")), ..mail("a@x") });
    assert!(new_case(&plan).is_some(), "another installation's mail is ordinary mail");
}

#[test]
fn link_3_a_stranger_who_names_a_case_opens_one_that_refers_to_it_or_waits() {
    let stranger = Mail { subject: "[#1] mine".into(), ..from("b@x", "stranger@example.net") };
    let (mut facts, case) = with_case(CaseStatus::Assigned, 0);
    let plan = go(&mut facts, &stranger);
    assert_eq!(new_case(&plan).unwrap().refers_to, Some(case));
    assert!(plan.candidates.iter().any(|candidate| candidate.record == "case:1" && !candidate.taken));

    let (mut facts, case) = with_case(CaseStatus::Assigned, 0);
    facts.account.unknown_sender = UnknownSender::Hold;
    let plan = go(&mut facts, &stranger);
    assert_eq!((plan.fate, new_email(&plan).parent), (Fate::Held, None));
    assert!(new_case(&plan).is_none() && notes(&plan).is_empty());
    let held = plan.steps().iter().any(|step| matches!(step.change, Change::Hold { candidate, .. } if candidate == Some(case)));
    assert!(held, "{plan:?}");
    let automatic = Mail { automatic: vec![sign(Machine::Reply)], ..stranger };
    assert_eq!(go(&mut facts, &Mail { content_digest: [3; 32], ..automatic }).fate, Fate::Imported, "no queue of machines");
}

#[test]
fn link_3_mail_of_one_desk_is_not_anothers_by_a_number_that_somebody_wrote() {
    let stranger = Mail { subject: "[#1] mine".into(), ..from("b@x", "stranger@example.net") };
    for (is_shared, team) in [(true, TEAM), (false, TeamId(77))] {
        let (mut facts, case) = with_case(CaseStatus::Assigned, 0);
        let another = Some(AccountId(88));
        let set =
            |known: &mut RecordFacts| (known.teams, known.assigned_user, known.through) = (vec![team], Some(UserId(9)), another);
        facts.records.entry(case).and_modify(set);
        facts.account.unknown_sender = UnknownSender::Hold;
        let plan = go(&mut facts, &stranger);
        let of_case = (teams(&plan).contains(&team.0), users(&plan).iter().any(|(user, _)| *user == 9));
        assert_eq!((plan.fate, of_case), (Fate::Held, (is_shared, is_shared)));
    }
}

#[test]
fn case_4_a_follow_up_by_the_status_of_its_case() {
    enum Becomes {
        Stays,
        Reopened,
        New,
    }
    let table = [
        (CaseStatus::Pending, 0, Some(14), Becomes::Stays),
        (CaseStatus::Closed, 13, Some(14), Becomes::Reopened),
        (CaseStatus::Closed, 15, Some(14), Becomes::New),
        (CaseStatus::Closed, 1, None, Becomes::Stays),
        (CaseStatus::Rejected, 1, Some(14), Becomes::New),
        (CaseStatus::Duplicate, 1, Some(14), Becomes::New),
    ];
    for (status, days, within, becomes) in table {
        let (mut facts, case) = with_case(status, days);
        facts.account.reopen_within = within.map(|days: i64| days * DAY);
        let plan = go(&mut facts, &answer("b@x", &["a@x"]));
        let reopened = plan.steps().iter().any(|step| matches!(step.change, Change::Reopen { status: CaseStatus::Assigned, .. }));
        match becomes {
            Becomes::Stays => assert!(!reopened && new_case(&plan).is_none(), "{status} {days}"),
            Becomes::Reopened => {
                assert!(reopened && new_case(&plan).is_none(), "{status} {days}");
                assert_eq!(notes(&plan), [NoteKind::Status, NoteKind::EmailReceived]);
            }
            Becomes::New => {
                let new = new_case(&plan).unwrap();
                assert_eq!((reopened, new.refers_to), (false, Some(case)), "{status} {days}");
                // The conversation goes on in the new case, whichever e-mail is answered.
                let next = go(&mut facts, &answer("c@x", &["a@x"]));
                assert_eq!(new_email(&next).parent, Some(new.id), "{status} {days}");
                let of_letter = format!("{}.r@example.com", token::make(&ring(), case, NOW).unwrap());
                let next = under(&policy(), &mut facts, &answer("d@x", &["a@x", &of_letter]));
                assert_eq!(new_email(&next).parent, Some(new.id), "a letter of ours: {status} {days}");
            }
        }
    }
}

#[test]
fn case_4_mail_to_a_merged_case_belongs_to_the_one_that_is_left() {
    let (mut facts, case) = with_case(CaseStatus::Duplicate, 1);
    let left = new_case(&go(&mut facts, &from("b@x", "other@example.net"))).unwrap().id;
    facts.records.get_mut(&case).unwrap().merged_into = Some(left);
    // Its e-mails are in the other since the merge.
    facts.correspondents.insert((left, "customer@example.org".to_string()));
    for mail in [answer("c@x", &["a@x"]), Mail { subject: "[#1] again".into(), ..from("d@x", "other@example.net") }] {
        let plan = go(&mut facts, &mail);
        assert_eq!((new_email(&plan).parent, new_case(&plan)), (Some(left), None));
    }
}

#[test]
fn auto_3_automatic_mail_attaches_quietly_and_opens_and_reopens_nothing() {
    let (mut facts, case) = with_case(CaseStatus::Closed, 1);
    let automatic = Mail { automatic: vec![sign(Machine::Reply)], ..answer("b@x", &["a@x"]) };
    let plan = go(&mut facts, &automatic);
    assert_eq!(new_email(&plan).parent, Some(case));
    let changes: Vec<_> = plan.steps().iter().map(|step| &step.change).collect();
    assert!(changes.iter().any(|change| matches!(change, Change::AddNote { quiet: true, .. })), "{changes:?}");
    assert!(!changes.iter().any(|change| matches!(change, Change::Reopen { .. })), "{changes:?}");
}

#[test]
fn auto_3_list_mail_opens_cases_only_where_the_account_says_so() {
    let list = Mail { automatic: vec![sign(Machine::List), sign(Machine::List)], ..mail("a@x") };
    let machine = Mail { automatic: vec![sign(Machine::List), sign(Machine::Reply)], ..mail("b@x") };
    let mut facts = facts();
    assert!(new_case(&go(&mut facts, &list)).is_none());
    facts.account.list_cases = true;
    assert!(new_case(&go(&mut facts, &Mail { content_digest: [4; 32], ..list })).is_some());
    assert!(new_case(&go(&mut facts, &machine)).is_none());
}

#[test]
fn case_4_those_who_work_on_a_case_leave_it_closed() {
    let (mut facts, case) = with_case(CaseStatus::Closed, 1);
    let assigned = facts.records[&case].assigned_user.unwrap();
    facts.users.insert("agent@example.com".into(), assigned);
    let agent = Mail { from: Some(address("agent@example.com")), ..answer("b@x", &["a@x"]) };
    let plan = go(&mut facts, &vouched(agent));
    assert!(!plan.steps().iter().any(|step| matches!(step.change, Change::Reopen { .. })));
    assert_eq!(new_email(&plan).author, Some(assigned), "ACCESS-5: a label");
}

#[test]
fn thread_3_an_answer_without_references_finds_its_conversation_by_subject_and_people() {
    let (mut facts, case) = with_case(CaseStatus::Assigned, 0);
    facts.users.insert("agent@example.com".into(), UserId(2));
    let agent = Mail { to: vec![address("customer@example.org")], ..from("b@x", "agent@example.com") };
    let found = [
        Mail { subject: "AW: [desk] Printer on fire".into(), ..mail("c@x") },
        Mail { subject: "Re: printer on fire".into(), in_reply_to: vec!["never-seen@x".into()], ..mail("d@x") },
        vouched(Mail { subject: "RE: Printer on fire".into(), ..agent }),
    ];
    for mail in found {
        let plan = go(&mut facts, &mail);
        assert_eq!(
            (new_email(&plan).parent, new_email(&plan).parent_by),
            (Some(case), Some(ParentBy::Thread)),
            "{}",
            mail.subject
        );
    }
    let not = [
        mail("e@x"),
        Mail { subject: "Fwd: Printer on fire".into(), ..mail("f@x") },
        Mail { subject: "Re: Printer on fire".into(), ..from("g@x", "stranger@example.net") },
        Mail { subject: "Re: ".into(), ..mail("h@x") },
    ];
    for mail in not {
        assert!(new_case(&go(&mut facts, &mail)).is_some(), "{}", mail.subject);
    }
}

#[test]
fn thread_3_two_weeks_later_it_is_another_matter_and_a_thread_index_counts_like_a_prefix() {
    let answer = |id: &str| Mail { subject: "Re: Printer on fire".into(), ..mail(id) };
    for (days, found) in [(13, true), (15, false)] {
        let (mut facts, _) = with_case(CaseStatus::Assigned, 0);
        let arrival = Arrival { internal_date: Some(NOW + days * DAY), ..arrival() };
        let plan = decide(&arrival, &answer("b@x"), &Policy::default(), &mut facts);
        assert_eq!(new_case(&plan).is_none(), found, "{days}");
    }
    let mut facts = facts();
    let indexed = |id: &str, index: &str| Mail { thread_index: Some(index.into()), ..mail(id) };
    go(&mut facts, &indexed("a@x", "thread-index:one"));
    assert!(new_case(&go(&mut facts, &indexed("b@x", "thread-index:one"))).is_none());
    assert!(new_case(&go(&mut facts, &indexed("c@x", "thread-index:two"))).is_some());
}

#[test]
fn thread_1_a_stranger_cannot_mix_the_cases_of_others() {
    let mut facts = facts();
    go(&mut facts, &mail("a@x"));
    go(&mut facts, &Mail { subject: "Second".into(), ..mail("b@x") });
    let both = |id: &str, author: &str| Mail {
        from: Some(address(author)),
        cc: vec![address("customer@example.org")],
        ..answer(id, &["a@x", "b@x"])
    };
    let merged = |plan: &Plan| plan.steps().iter().any(|step| matches!(step.change, Change::MergeCases { .. }));
    // Writing into both first makes nobody a part of them.
    go(&mut facts, &Mail { from: Some(address("stranger@example.net")), ..answer("c@x", &["a@x"]) });
    go(&mut facts, &Mail { from: Some(address("stranger@example.net")), ..answer("d@x", &["b@x"]) });
    assert!(!merged(&go(&mut facts, &both("e@x", "stranger@example.net"))));
    let plan = go(&mut facts, &both("f@x", "customer@example.org"));
    assert!(merged(&plan), "{:?}", plan.notes);
    assert_eq!(
        facts.records.values().filter(|record| record.merged_into.is_some()).map(|record| record.number).collect::<Vec<_>>(),
        [2]
    );
}

#[test]
fn thread_1_a_case_that_is_over_is_not_merged() {
    let (mut facts, _) = with_case(CaseStatus::Closed, 1);
    go(&mut facts, &Mail { subject: "Second".into(), ..mail("b@x") });
    let plan = go(&mut facts, &answer("c@x", &["a@x", "b@x"]));
    assert!(plan.notes.iter().any(|note| note.to_string().contains("is over")), "{:?}", plan.notes);
}

#[test]
fn thread_1_a_chain_of_ten_thousand_references_counts_from_its_newer_end() {
    let mut facts = facts();
    let first = go(&mut facts, &mail("r9999@x")).email;
    let references: Vec<String> = (0..10_000).map(|number| format!("r{number}@x")).collect();
    let plan = go(&mut facts, &Mail { references, ..mail("z@x") });
    assert_eq!(new_email(&plan).replied, first);
    let remembered = plan.steps().iter().filter(|step| matches!(step.change, Change::RememberId { .. })).count();
    assert!(remembered <= 1_001, "{remembered}");
}

#[test]
fn thread_2_what_was_linked_by_address_comes_to_the_case_of_its_thread() {
    let mut facts = facts();
    let contact = know(&mut facts, 10, record(RecordKind::Contact, 1, None), "customer@example.org");
    let automatic = Mail { automatic: vec![sign(Machine::Reply)], ..answer("b@x", &["a@x"]) };
    let email = go(&mut facts, &automatic).email.unwrap();
    assert_eq!(facts.parent_of(email), Some((contact, ParentBy::Address)));
    let plan = go(&mut facts, &mail("a@x"));
    let case = new_case(&plan).unwrap().id;
    assert!(plan.steps().iter().any(|step| matches!(step.change, Change::AdoptThread { case: to, .. } if to == case)));
    assert_eq!(facts.parent_of(email), Some((case, ParentBy::Thread)));
}

#[test]
fn parse_10_the_one_behind_the_list_is_the_sender() {
    let via = |id: &str, author: &str, header: &str| {
        let from = Address { name: "'Dora Example' via Support".into(), address: author.into() };
        with_header(Mail { from: Some(from), ..mail(id) }, header)
    };
    let original = "X-Original-From: Dora Example <dora@example.org>\r\n";
    let mut facts = facts();
    let contact = know(&mut facts, 10, record(RecordKind::Contact, 1, None), "dora@example.org");
    let plan = go(&mut facts, &via("a@x", "support@example.com", original));
    assert_eq!((new_case(&plan).unwrap().contact, new_email(&plan).sender.as_str()), (Some(contact), "dora@example.org"));
    let plan = go(&mut facts, &via("b@x", "evil@example.net", original));
    assert_eq!(new_case(&plan).unwrap().contact, None, "a stranger's via says nothing");
    assert!(plan.notes.iter().any(|note| note.to_string().starts_with("PARSE-10")), "{:?}", plan.notes);
}

#[test]
fn parse_10_a_list_that_is_not_ours_enters_where_it_takes_part_itself_whomever_it_names() {
    let (own, evil) = ("List-Id: <l.example.org>\r\n", "List-Id: <l.evil.test>\r\n");
    let via = |id: &str, list: &str, header: &str| {
        let from = Address { name: "'Customer' via L".into(), address: list.into() };
        with_header(Mail { from: Some(from), ..mail(id) }, &format!("{header}X-Original-From: customer@example.org\r\n"))
    };
    let numbered = |mail: Mail, number: u32| Mail { subject: format!("Re: [#{number}] Fire"), ..mail };
    let enters = |facts: &mut Facts, mail: &Mail| new_case(&go(facts, mail)).is_none();

    let (mut facts, _) = with_case(CaseStatus::Assigned, 0);
    assert!(!enters(&mut facts, &numbered(via("b@x", "l@evil.test", evil), 1)), "by number");
    assert!(!enters(&mut facts, &Mail { references: vec!["a@x".into()], ..via("c@x", "l@evil.test", evil) }), "by Message-ID");
    assert!(enters(&mut facts, &numbered(via("d@x", "l@example.org", own), 1)), "whose domain is the customer's speaks for them");
    assert!(enters(&mut facts, &numbered(via("e@x", "support@example.com", ""), 1)), "so does ours");
    assert!(enters(&mut facts, &numbered(via("f@x", "l@evil.test", evil), 2)), "the case that it opened is its own");
}

#[test]
fn case_6_a_users_forward_makes_the_original_sender_the_contact_when_the_border_vouches_for_the_user() {
    let vouched = "Authentication-Results: mx.example.com; dmarc=pass header.from=example.com\r\n";
    let passed_on = |id: &str, text: &str, header: &str| {
        let block = "From: Dora Example <dora@example.org>\nDate: today\nTo: ada@example.com\nSubject: Fire\n\nHelp!\n";
        let mail = Mail { subject: "Fwd: Fire".into(), text: format!("{text}{block}"), ..from(id, "ada@example.com") };
        with_header(mail, header)
    };
    let mut facts = facts();
    facts.users.insert("ada@example.com".into(), UserId(1));
    let contact = know(&mut facts, 10, record(RecordKind::Contact, 1, None), "dora@example.org");
    let contact_of = |facts: &mut Facts, mail: &Mail| new_case(&under(&policy(), facts, mail)).unwrap().contact;
    assert_eq!(contact_of(&mut facts, &passed_on("a@x", "@fwd\n\n", vouched)), Some(contact));
    assert_eq!(contact_of(&mut facts, &passed_on("b@x", "@fwd\n\n", "")), None, "ACCESS-5");
    assert_eq!(contact_of(&mut facts, &passed_on("c@x", "", vouched)), None, "no mark");
    facts.account.take_forwards = true;
    assert_eq!(contact_of(&mut facts, &passed_on("d@x", "", vouched)), Some(contact));
    let stranger = Mail { from: Some(address("eve@example.com")), ..passed_on("e@x", "@fwd\n", vouched) };
    assert_eq!(contact_of(&mut facts, &stranger), None, "no user of ours");
}

#[test]
fn dup_3_mail_whose_thread_came_to_a_case_meanwhile_opens_none() {
    let mut facts = facts();
    know(&mut facts, 10, record(RecordKind::Contact, 1, None), "customer@example.org");
    let support = std::mem::replace(&mut facts.account, personal());
    go(&mut facts, &mail("a@x"));
    facts.account = support;
    let case = new_case(&go(&mut facts, &answer("b@x", &["a@x"]))).unwrap().id;
    let again = go(&mut facts, &mail("a@x"));
    assert_eq!((again.fate, new_case(&again)), (Fate::Duplicate, None));
    assert_eq!(facts.parent_of(again.email.unwrap()), Some((case, ParentBy::Thread)));
}
