//! What becomes of held mail by a person's word, and whose turn it is.

use super::*;
use crate::decide::hand::{Mails, assign, companions, file, mark, put, settle};
use crate::words::{FolderId, ReviewDecision, ReviewId};

const EMAIL: EmailId = EmailId(41);

/// A stored e-mail that waits, and the case 5 that its subject names.
fn waiting() -> Facts {
    let mut facts = facts();
    let known = EmailFacts {
        thread: ThreadId(8),
        arrived_at: NOW,
        users: vec![UserId(1)],
        accounts: vec![SUPPORT],
        at_desk: true,
        ..EmailFacts::default()
    };
    facts.emails.insert(EMAIL, known);
    facts.waiting.insert(EMAIL, vec![ReviewId(7)]);
    let mut case = record(RecordKind::Case, 5, None);
    (case.assigned_user, case.teams) = (Some(UserId(2)), vec![TeamId(4)]);
    facts.records.insert(RecordId(50), case);
    facts
}

fn changes(word: Word, facts: &mut Facts) -> Vec<Change> {
    let asked = Asked { user: Some(UserId(9)) };
    let plan = settle((ReviewId(7), EMAIL), &mail("a@x"), word, asked, &Policy::default(), facts).unwrap();
    assert!(plan.steps().iter().all(|step| !step.because.text.is_empty()));
    let mut changes: Vec<Change> = plan.steps().iter().map(|step| step.change.clone()).collect();
    let decision = if let Word::Accept(_) = word { ReviewDecision::Accepted } else { ReviewDecision::Split };
    assert_eq!(changes.remove(0), Change::Decide { review: ReviewId(7), decision });
    changes
}

fn set_parent(record: i64, account: Option<i64>) -> Change {
    let (parent, account) = (RecordId(record), account.map(RecordId));
    Change::SetParent { email: EMAIL, thread: ThreadId(8), parent, by: ParentBy::Hand, account, brought: Brought::Person }
}

fn received(id: i64, record: i64) -> Change {
    Change::AddNote {
        id: NoteId(id),
        record: RecordId(record),
        kind: NoteKind::EmailReceived,
        email: Some(EMAIL),
        detail: String::new(),
        quiet: false,
    }
}

#[test]
fn link_3_accepted_mail_belongs_to_the_case_and_its_people() {
    let mut facts = waiting();
    let expected = [
        set_parent(50, None),
        Change::Invite { email: EMAIL, addresses: vec!["customer@example.org".into()] },
        Change::AddTeam { email: EMAIL, team: TeamId(4) },
        Change::AddUser { email: EMAIL, user: UserId(2), read: false, trashed: false, folder: None, own: None, read_by: None },
        received(1, 50),
    ];
    assert_eq!(changes(Word::Accept(RecordId(50)), &mut facts), expected);
    assert_eq!(facts.parent_of(EMAIL), Some((RecordId(50), ParentBy::Hand)));
}

#[test]
fn case_4_accepted_mail_opens_a_closed_case_and_goes_to_the_one_that_is_left_of_a_merged_one() {
    let mut facts = waiting();
    facts.records.get_mut(&RecordId(50)).unwrap().status = Some(CaseStatus::Closed);
    let mut merged = record(RecordKind::Case, 6, None);
    (merged.status, merged.merged_into) = (Some(CaseStatus::Duplicate), Some(RecordId(50)));
    facts.records.insert(RecordId(60), merged);
    let done = changes(Word::Accept(RecordId(60)), &mut facts);
    assert_eq!(done[0], Change::Reopen { case: RecordId(50), status: CaseStatus::Assigned });
    assert!(done.contains(&set_parent(50, None)));
    // Rejected stays rejected.
    let mut facts = waiting();
    facts.records.get_mut(&RecordId(50)).unwrap().status = Some(CaseStatus::Rejected);
    assert_eq!(changes(Word::Accept(RecordId(50)), &mut facts)[0], set_parent(50, None));
}

#[test]
fn link_3_split_mail_opens_a_case_by_the_accounts_rules_that_refers_to_the_other() {
    let mut facts = waiting();
    know(&mut facts, 70, record(RecordKind::Account, 1, None), "elsewhere@example.org");
    let contact = know(&mut facts, 71, record(RecordKind::Contact, 1, Some(70)), "customer@example.org");
    let done = changes(Word::Split { refers_to: Some(RecordId(50)) }, &mut facts);
    let Change::OpenCase(case) = &done[0] else { panic!("{done:?}") };
    assert_eq!((case.contact, case.account_record), (Some(contact), Some(RecordId(70))));
    assert_eq!((case.refers_to, case.assigned_user, case.email), (Some(RecordId(50)), Some(UserId(1)), Some(EMAIL)));
    assert!(done.contains(&set_parent(100, Some(70))) && done.contains(&received(2, 100)), "{done:?}");
    assert!(done.contains(&Change::AdvanceRotation { account: SUPPORT, team: TEAM, user: UserId(1) }));
}

#[test]
fn link_3_a_person_says_once_what_becomes_of_all_that_several_accounts_held() {
    let decide = |word, facts: &mut Facts| {
        let asked = Asked { user: None };
        let plan = settle((ReviewId(7), EMAIL), &mail("a@x"), word, asked, &Policy::default(), facts)?;
        let reviews = plan.steps().iter().filter_map(|step| match step.change {
            Change::Decide { review, .. } => Some(review.0),
            _ => None,
        });
        Ok::<_, crate::fault::Fault>((reviews.collect::<Vec<_>>(), plan.steps().len()))
    };
    let both = || {
        let mut facts = waiting();
        facts.waiting.insert(EMAIL, vec![ReviewId(6), ReviewId(7)]);
        facts
    };
    assert_eq!(decide(Word::Accept(RecordId(50)), &mut both()).unwrap().0, [6, 7]);
    assert_eq!(decide(Word::Reject, &mut both()).unwrap(), (vec![7], 1), "the other account still waits");
    let mut facts = both();
    facts.waiting.insert(EMAIL, vec![ReviewId(6)]);
    assert!(decide(Word::Reject, &mut facts).unwrap_err().to_string().contains("review 7 was decided before"));
    let mut facts = both();
    facts.emails.get_mut(&EMAIL).unwrap().parent_by = Some(ParentBy::Hand);
    assert!(decide(Word::Accept(RecordId(50)), &mut facts).unwrap_err().to_string().contains("by hand meanwhile"));
}

#[test]
fn inbox_2_a_user_marks_and_moves_a_copy_that_is_there_and_a_group_folder_brings_its_teams() {
    let mut facts = waiting();
    let asked = Asked { user: Some(UserId(1)) };
    let marks = Marks { read: Some(true), important: None };
    let only = |plan: Plan| plan.steps().iter().map(|step| step.change.clone()).collect::<Vec<_>>();
    let done = only(mark(EMAIL, UserId(1), marks, asked, &facts).unwrap());
    assert_eq!(done, [Change::Mark { email: EMAIL, user: UserId(1), marks }]);
    let error = put(EMAIL, UserId(2), Spot::Trash, asked, &facts).unwrap_err();
    assert!(error.to_string().contains("e-mail 41 is not among"), "{error}");
    let folder = FolderId(3);
    facts.folder_teams.insert(folder, vec![TeamId(4), TEAM]);
    facts.emails.get_mut(&EMAIL).unwrap().teams = vec![TEAM];
    let done = only(file(EMAIL, Some(folder), None, asked, &facts));
    let expected = [Change::File { email: EMAIL, folder: Some(folder) }, Change::AddTeam { email: EMAIL, team: TeamId(4) }];
    assert_eq!(done, expected);
    assert_eq!(only(file(EMAIL, None, None, asked, &facts)).len(), 1);
}

#[test]
fn dist_2_asking_whose_turn_it_is_leaves_it_theirs() {
    let facts = waiting();
    let turn = next_turn(&facts);
    assert_eq!((turn.user, turn.candidates.len()), (Some(UserId(1)), 3));
    let mut facts = facts;
    facts.account.distribution = Distribution::Direct;
    let turn = next_turn(&facts);
    assert_eq!((turn.user, turn.candidates), (None, Vec::new()));
}

/// The same, in a conversation with others: 42 and 43 are loose, one by address alone; of 44 to 47 each has its own reason to stay.
fn conversation() -> Facts {
    let mut facts = waiting();
    let contact = know(&mut facts, 70, record(RecordKind::Contact, 1, None), "customer@example.org");
    let known = facts.emails[&EMAIL].clone();
    for (id, parent, parent_by, id_collision) in [
        (42, None, None, false),
        (43, Some(contact), Some(ParentBy::Address), false),
        (44, None, Some(ParentBy::Hand), false),
        (45, Some(RecordId(50)), Some(ParentBy::Thread), false),
        (46, None, None, true),
        (47, None, None, false),
    ] {
        facts.emails.insert(EmailId(id), EmailFacts { parent, parent_by, id_collision, ..known.clone() });
    }
    facts.emails.insert(EmailId(48), EmailFacts { thread: ThreadId(9), ..known });
    facts.waiting.insert(EmailId(47), vec![ReviewId(8)]);
    facts
}

#[test]
fn thread_2_what_has_no_place_comes_along_by_hand_and_what_has_one_stays() {
    let mut facts = conversation();
    facts.group_accounts = facts.emails[&EMAIL].accounts.iter().copied().collect();
    assert!(!facts.group_accounts.is_empty());
    assert_eq!(companions(EMAIL, RecordId(50), &facts), [42, 43].map(EmailId));
    // ACCESS-2: what came another way is not theirs who may read the case.
    let mut others = facts.clone();
    others.emails.get_mut(&EmailId(43)).unwrap().accounts = vec![AccountId(77)];
    assert_eq!(companions(EMAIL, RecordId(50), &others), [EmailId(42)]);
    // By address it belongs to the contact already, and another contact is no better a place.
    assert_eq!(companions(EMAIL, RecordId(70), &facts), [EmailId(42)]);
}

#[test]
fn case_1_who_is_handed_a_case_gets_its_emails_but_no_copy_and_no_turn_is_used() {
    let mut facts = conversation();
    for id in [42, 46, 47] {
        facts.emails.get_mut(&EmailId(id)).unwrap().parent = Some(RecordId(50));
    }
    facts.people.insert(UserId(3), Person { active: true, ..Person::default() });
    let asked = Asked { user: Some(UserId(3)) };
    let plan = assign(RecordId(50), UserId(3), &Mails::new(), asked, &Policy::default(), &mut facts).unwrap();
    let given = plan.steps().iter().filter_map(|step| match step.change {
        Change::AddUser { email, user, .. } => Some((email.0, user.0)),
        Change::AddTeam { .. } | Change::AdvanceRotation { .. } | Change::Notify { .. } => panic!("{step:?}"),
        _ => None,
    });
    // DUP-2: 46 is a copy with other content. Whoever takes a case needs not be told.
    assert_eq!(given.collect::<Vec<_>>(), [(42, 3), (45, 3), (47, 3)]);
    assert!(plan.steps().iter().all(|step| !step.because.text.is_empty()));
    let again = assign(RecordId(50), UserId(3), &Mails::new(), asked, &Policy::default(), &mut facts).unwrap();
    assert_eq!(again.steps(), []);
    facts.people.insert(UserId(4), Person::default());
    assert!(assign(RecordId(50), UserId(4), &Mails::new(), asked, &Policy::default(), &mut facts).is_err());
}
