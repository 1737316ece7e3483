//! Who wrote a message, how far that is known, and what follows: mail that says to be from one of us, mail from our own addresses,
//! and mail that nobody wrote by hand.

use super::*;
use crate::mail::token::{self, Key, KeyRing};
use crate::words::AutomaticCases;

const ADA: &str = "ada@example.com";

/// Ada is a user, who has the case of the customer.
fn office() -> (Facts, RecordId) {
    let mut facts = facts();
    let case = new_case(&go(&mut facts, &mail("a@x"))).unwrap().id;
    facts.users.insert(ADA.to_string(), UserId(1));
    facts.records.get_mut(&case).unwrap().assigned_user = Some(UserId(1));
    let person = |login: &str| Person {
        actor: access::Actor { login: Some(login.to_string()), ..access::Actor::default() },
        active: true,
        notify_received: true,
        follows: Vec::new(),
    };
    facts.people = [(UserId(1), person("ada")), (UserId(2), person("ben")), (UserId(9), person("eve"))].into();
    (facts, case)
}

fn by(id: &str, author: &str) -> Mail {
    Mail { from: Some(address(author)), ..answer(id, &["a@x"]) }
}

fn replied(plan: &Plan) -> bool {
    plan.steps().iter().any(|step| matches!(step.change, Change::MarkReplied { .. }))
}

fn reopened(plan: &Plan) -> bool {
    plan.steps().iter().any(|step| matches!(step.change, Change::Reopen { .. }))
}

fn answered(plan: &Plan) -> Option<&str> {
    plan.steps().iter().find_map(|step| match &step.change {
        Change::Answer { to, .. } => Some(to.address.as_str()),
        _ => None,
    })
}

fn quiet(plan: &Plan) -> Vec<bool> {
    let of = |step: &Step| match step.change {
        Change::AddNote { quiet, email: Some(_), kind, .. } if kind != NoteKind::Created => Some(quiet),
        _ => None,
    };
    plan.steps().iter().filter_map(of).collect()
}

/// Answers of its own go out through this account.
fn answering(facts: &mut Facts) {
    facts.account.answering = Some(Answering { outlet: Some(SUPPORT), authenticated_only: false });
}

#[test]
fn access_5_who_says_to_be_one_of_us_is_received_mail_until_something_vouches_for_it() {
    let dmarc = |mail: Mail| vouched(mail);
    let plain = |mail: Mail| mail;
    let forged = |mail: Mail| Mail {
        header: b"Authentication-Results: evil.test; dmarc=pass header.from=example.com\r\n".to_vec(),
        ..mail
    };
    let commands = |mail: Mail| Mail { header: b"X-Espomail-User: ada\r\nX-Espomail-Origin: ours\r\n".to_vec(), ..mail };
    type Arrives = fn(Mail) -> Mail;
    let table: [(&str, Arrives, bool); 6] = [
        (ADA, plain, false),
        ("Ada@Example.com", dmarc, true),
        (ADA, forged, false),
        (ADA, commands, false),
        ("ada+x@example.com", plain, false),
        // The tag may be somebody else's.
        ("ada+x@example.com", dmarc, false),
    ];
    for (author, change, is_verified) in table {
        let (mut facts, case) = office();
        let plan = go(&mut facts, &change(by("b@x", author)));
        let new = new_email(&plan);
        let cell = format!("{author} {is_verified} {:?}", plan.notes);
        assert_eq!((new.ours, new.author, new.claimed), (is_verified, is_verified.then_some(UserId(1)), !is_verified), "{cell}");
        assert_eq!(notes(&plan), [if is_verified { NoteKind::EmailSent } else { NoteKind::EmailReceived }], "{cell}");
        assert_eq!(users(&plan), [(1, is_verified)], "unread for everybody, the claimed sender too: {cell}");
        assert_eq!(replied(&plan), is_verified, "{cell}");
        let told = plan.steps().iter().any(|step| matches!(step.change, Change::Notify { user: UserId(1), .. }));
        assert_eq!(told, !is_verified, "{cell}");
        assert_eq!(new.parent, Some(case), "{cell}");
        let is_marked = plan.notes.iter().any(|note| note.to_string().starts_with("ACCESS-5: sender not verified"));
        assert_eq!(is_marked, !is_verified, "{cell}");
        // Nobody takes part by saying so.
        let takes_part = facts.correspondents.contains(&(case, new.sender.clone()));
        assert_eq!(takes_part, is_verified, "{cell}");
    }
}

#[test]
fn access_5_a_claim_opens_a_closed_case_again_as_any_mail_does() {
    for (change, expected) in [(vouched as fn(Mail) -> Mail, false), (|mail| mail, true)] {
        let (mut facts, case) = office();
        let known = facts.records.get_mut(&case).unwrap();
        (known.status, known.closed_at) = (Some(CaseStatus::Closed), Some(NOW - 60));
        assert_eq!(reopened(&go(&mut facts, &change(by("b@x", ADA)))), expected);
    }
}

#[test]
fn access_5_what_stands_behind_a_list_or_a_form_is_never_verified() {
    // Our border vouches for the form's or the list's own From, and not for whom they name.
    let form = Mail { reply_to: vec![address(ADA)], ..by("b@x", "support@example.com") };
    let list = Mail {
        from: Some(Address { name: "'Ada' via Desk".into(), address: "support@example.com".into() }),
        reply_to: vec![address(ADA)],
        ..answer("c@x", &["a@x"])
    };
    for mail in [form, list] {
        let (mut facts, _) = office();
        let plan = go(&mut facts, &vouched(mail));
        let new = new_email(&plan);
        assert_eq!((new.sender.as_str(), new.ours, new.author, new.claimed), (ADA, false, None, true), "{:?}", plan.notes);
    }
}

#[test]
fn fetch_15_access_5_what_its_owner_put_into_a_personal_account_is_theirs() {
    let table = [
        (true, true, ADA, true),
        (false, true, ADA, false),
        // Whoever may write to the mailbox put it there.
        (false, false, ADA, true),
        (false, false, "ada+x@example.com", false),
        (false, false, "ben@example.com", false),
        (false, false, "support@example.com", false),
        (true, false, "ben@example.com", false),
        (true, false, "support@example.com", true),
    ];
    for (is_sent_mailbox, was_carried, author, verified) in table {
        let (mut facts, _) = office();
        facts.users.insert("ben@example.com".into(), UserId(2));
        facts.account = AccountFacts { owner: Some(UserId(1)), is_sent_mailbox, ..personal() };
        let trace: &[u8] = if was_carried { b"received: from evil.test by mx.example.com\r\n" } else { b"X: y\r\n" };
        let plan = go(&mut facts, &Mail { header: trace.to_vec(), ..by("b@x", author) });
        let new = new_email(&plan);
        let cell = format!("{author} {is_sent_mailbox} {was_carried}");
        assert_eq!((new.ours, new.author), (verified, verified.then_some(UserId(1))), "{cell}");
        assert_eq!(new.claimed, !verified);
    }
    // What a group account has sent elsewhere opens nothing.
    let (mut facts, _) = office();
    facts.account.is_sent_mailbox = true;
    let plan =
        go(&mut facts, &Mail { to: vec![address("eve@example.org")], from: Some(address("support@example.com")), ..mail("b@x") });
    assert_eq!((new_case(&plan), new_email(&plan).ours, new_email(&plan).author), (None, true, None));
}

#[test]
fn access_5_a_copy_in_the_sent_mailbox_shows_that_the_claim_was_true() {
    let (mut facts, _) = office();
    let letter = by("b@x", ADA);
    let first = go(&mut facts, &letter).email.unwrap();
    assert!(facts.emails[&first].claimed);
    facts.account = AccountFacts { owner: Some(UserId(1)), is_sent_mailbox: true, ..personal() };
    let plan = go(&mut facts, &letter);
    assert_eq!((plan.fate, plan.email), (Fate::Duplicate, Some(first)));
    let author = Some(UserId(1));
    assert!(plan.steps().iter().any(|step| step.change == Change::Verify { email: first, author }), "{plan:?}");
    let known = &facts.emails[&first];
    assert_eq!((known.ours, known.author, known.claimed), (true, author, false));
    // And no copy takes that back.
    facts.account = AccountFacts { id: AccountId(3), ..AccountFacts::default() };
    let plan = go(&mut facts, &letter);
    assert!(!plan.steps().iter().any(|step| matches!(step.change, Change::Verify { .. })));
    assert!(facts.emails[&first].ours);
}

#[test]
fn auto_2_a_form_writes_as_we_do_and_its_reply_to_is_the_customer() {
    let mut facts = facts();
    answering(&mut facts);
    let contact = know(&mut facts, 10, record(RecordKind::Contact, 1, None), "dora@example.org");
    let form = |id: &str, from: &str, reply_to: &[&str]| Mail {
        from: Some(address(from)),
        reply_to: reply_to.iter().map(|to| address(to)).collect(),
        ..mail(id)
    };
    let plan = go(&mut facts, &form("a@x", "Support@example.com", &["dora@example.org"]));
    let case = new_case(&plan).unwrap();
    assert_eq!((case.contact, new_email(&plan).sender.as_str()), (Some(contact), "dora@example.org"));
    assert_eq!((new_email(&plan).claimed, answered(&plan)), (false, Some("dora@example.org")), "{:?}", plan.notes);
    assert!(facts.correspondents.contains(&(case.id, "dora@example.org".to_string())));
    // Our own address may stand in front of the customer's.
    let plan = go(&mut facts, &form("b@x", "support+form@example.com", &["support@example.com", "dora@example.org"]));
    assert_eq!(new_email(&plan).sender, "dora@example.org");

    // Without a Reply-To of somebody else's there is no customer, though somebody gave them our address as theirs.
    know(&mut facts, 11, record(RecordKind::Contact, 2, None), "support@example.com");
    for (id, from, reply_to) in [
        ("c@x", "support@example.com", vec![]),
        ("d@x", "support@example.com", vec!["support@example.com"]),
        ("e@x", "support+scan@example.com", vec!["support+x@example.com"]),
        ("f@x", "support@example.com", vec!["nonsense"]),
    ] {
        let plan = go(&mut facts, &form(id, from, &reply_to));
        let case = new_case(&plan).unwrap_or_else(|| panic!("{id}: it opens its case"));
        assert_eq!((case.contact, case.lead, new_email(&plan).parent_by), (None, None, Some(ParentBy::Opened)), "{id}");
        assert_eq!(answered(&plan), None, "{id}");
        assert!(new_email(&plan).claimed, "{id}");
    }
    // Nobody reads what the form names.
    let plan = go(&mut facts, &form("g@x", "support@example.com", &["no-reply@shop.example"]));
    assert_eq!((new_case(&plan).is_some(), answered(&plan)), (true, None));
}

#[test]
fn auto_2_mail_of_users_is_a_persons_mail() {
    let (mut facts, _) = office();
    answering(&mut facts);
    for (id, mail) in [
        ("b@x", vouched(Mail { from: Some(address(ADA)), ..mail("b@x") })),
        ("c@x", Mail { from: Some(address(ADA)), ..mail("c@x") }),
    ] {
        let plan = go(&mut facts, &mail);
        assert!(new_case(&plan).is_some(), "{id}");
        assert_eq!(answered(&plan), Some(ADA), "{id}");
    }
}

#[test]
fn auto_2_a_message_id_of_ours_that_somebody_repeats_makes_nobody_one_of_us() {
    let keys = KeyRing { instance: "ours".into(), keys: vec![Key { id: 1, secret: [7; 32], expires_at: None }], good_for: 1_000 };
    let policy = Policy { tokens: keys.clone(), ..trusting() };
    let token = token::make(&keys, RecordId(0), NOW).unwrap();
    let (mut facts, _) = office();
    answering(&mut facts);
    let letter = Mail { message_id: Some(format!("{token}.other@evil.test")), from: Some(address(ADA)), ..mail("b@x") };
    let plan = decide(&arrival(), &letter, &policy, &mut facts);
    let new = new_email(&plan);
    assert_eq!((new.ours, new.author, new.claimed), (false, None, true));
    assert_eq!((new_case(&plan), answered(&plan)), (None, None), "it opens nothing and is not answered: it may be a loop");
    assert!(plan.steps().iter().any(|step| matches!(step.change, Change::AddUser { user: UserId(1), read: false, .. })));
}

#[test]
fn auto_2_no_loop_with_ourselves_nor_with_what_answers_our_answers() {
    let mut facts = facts();
    answering(&mut facts);
    facts.account.make_cases = false;
    for (id, author) in [("a@x", "support@example.com"), ("b@x", "support+x@example.com"), ("c@x", "SUPPORT+y@EXAMPLE.com")] {
        assert_eq!(answered(&go(&mut facts, &Mail { from: Some(address(author)), ..mail(id) })), None, "{author}");
    }
    // An answer of ours that went out by itself; a gateway writes of it in prose, from wherever.
    facts.account.make_cases = true;
    let ours = go(&mut facts, &mail("ack@x")).email.unwrap();
    let known = facts.emails.get_mut(&ours).unwrap();
    (known.ours, known.automatic, known.parent) = (true, true, None);
    facts.thread_parents.clear();
    let gateway = Mail { in_reply_to: vec!["ack@x".into()], from: Some(address("relay@gateway.example")), ..mail("d@x") };
    let plan = go(&mut facts, &gateway);
    assert_eq!((new_case(&plan).is_some(), answered(&plan)), (true, None), "{:?}", plan.notes);
}

#[test]
fn auto_1_nobody_who_reads_nothing_is_answered() {
    for author in
        ["post_master@x.example", "mail-service@x.example", "no_reply7@x.example", "bounces+1@x.example", "prvs=12=ada@x.example"]
    {
        let mut facts = facts();
        answering(&mut facts);
        let plan = go(&mut facts, &Mail { from: Some(address(author)), ..mail("a@x") });
        assert_eq!((new_case(&plan).is_some(), answered(&plan)), (true, None), "{author}");
    }
}

#[test]
fn auto_3_every_kind_of_automatic_mail_under_every_setting() {
    use AutomaticCases::{All, Generated, None as Nothing};
    use Machine::{Bulk, List, Reply, Report};
    let generated = Machine::Generated;
    let table: [(&[Machine], [bool; 6]); 9] = [
        // all, generated, none; then with list-cases.
        (&[Reply], [true, false, false, true, false, false]),
        (&[Report], [true, false, false, true, false, false]),
        (&[Bulk], [true, false, false, true, false, false]),
        (&[List], [true, false, false, true, true, true]),
        (&[generated], [true, true, false, true, true, false]),
        (&[List, generated], [true, false, false, true, true, false]),
        (&[generated, Reply], [true, false, false, true, false, false]),
        (&[List, Bulk], [true, false, false, true, false, false]),
        (&[], [true; 6]),
    ];
    for (kinds, expected) in table {
        for (place, expected) in expected.into_iter().enumerate() {
            let mut facts = facts();
            answering(&mut facts);
            facts.account.automatic_cases = [All, Generated, Nothing][place % 3];
            facts.account.list_cases = place > 2;
            let letter = Mail { automatic: kinds.iter().map(|kind| sign(*kind)).collect(), ..mail("a@x") };
            let plan = go(&mut facts, &letter);
            assert_eq!(new_case(&plan).is_some(), expected, "{kinds:?} {place}: {:?}", plan.notes);
            assert_eq!(answered(&plan).is_some(), kinds.is_empty(), "{kinds:?}: never answered");
            // And so of a case that was closed.
            let (mut facts, case) = office();
            facts.account.automatic_cases = [All, Generated, Nothing][place % 3];
            facts.account.list_cases = place > 2;
            let known = facts.records.get_mut(&case).unwrap();
            (known.status, known.closed_at) = (Some(CaseStatus::Closed), Some(NOW - 60));
            let follow_up = Mail { automatic: letter.automatic.clone(), ..answer("b@x", &["a@x"]) };
            let plan = go(&mut facts, &follow_up);
            assert_eq!((new_email(&plan).parent, reopened(&plan)), (Some(case), expected), "{kinds:?} {place}");
            let is_quiet = kinds.iter().any(|kind| matches!(kind, Reply | Report));
            assert_eq!(quiet(&plan), [is_quiet], "{kinds:?}");
        }
    }
}

#[test]
fn auto_3_a_list_that_is_the_desks_own_address_is_how_customers_write_to_it() {
    let mut facts = facts();
    facts.account.address = "support@example.com".into();
    let over = |id: &str, list: &str| Mail {
        automatic: vec![sign(Machine::List), sign(Machine::Bulk)],
        list: Some(list.to_string()),
        ..mail(id)
    };
    assert!(new_case(&go(&mut facts, &over("a@x", "support.example.com"))).is_some());
    assert!(new_case(&go(&mut facts, &over("b@x", "news.example.org"))).is_none());
    assert!(new_case(&go(&mut facts, &over("c@x", ""))).is_none());
    let machine = Mail { automatic: vec![sign(Machine::List), sign(Machine::Reply)], ..over("d@x", "support.example.com") };
    assert!(new_case(&go(&mut facts, &machine)).is_none());
}

#[test]
fn auto_3_followers_of_a_record_hear_of_invoices_but_not_of_absences_and_reports() {
    for (kind, hears) in [
        (Machine::Generated, true),
        (Machine::Bulk, true),
        (Machine::List, true),
        (Machine::Reply, false),
        (Machine::Report, false),
    ] {
        for record_kind in [RecordKind::Account, RecordKind::Contact, RecordKind::Lead] {
            let (mut facts, _) = office();
            facts.account.make_cases = false;
            let shop = know(&mut facts, 10, record(record_kind, 1, None), "billing@shop.example");
            facts.followers.insert((shop, UserId(2)));
            let of_email = |person: &mut Person| {
                person.actor.rights.add(
                    crate::words::RoleScope::Email,
                    crate::words::RoleAction::Read,
                    crate::words::RoleLevel::All,
                );
            };
            of_email(facts.people.get_mut(&UserId(2)).unwrap());
            let invoice = Mail { automatic: vec![sign(kind)], from: Some(address("billing@shop.example")), ..mail("b@x") };
            let plan = go(&mut facts, &invoice);
            assert_eq!(new_email(&plan).parent, Some(shop));
            let told = plan.steps().iter().any(|step| matches!(step.change, Change::Notify { user: UserId(2), .. }));
            assert_eq!(told, hears, "{kind} {record_kind}: {:?}", plan.notes);
        }
    }
}
