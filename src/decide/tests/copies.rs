//! DUP-2: what copies bring along, and whom.

use super::*;

/// Ada is user 9, Ben 3 of the case team, and Fay 8 of no team.
fn office() -> Facts {
    let mut facts = facts();
    let users = [("ada", 9), ("ben", 3), ("fay", 8)];
    facts.users = users.map(|(name, id)| (format!("{name}@example.com"), UserId(id))).into();
    facts
}

/// The same mail, as somebody else addressed it.
fn addressed(mail: &Mail, cc: &[&str]) -> Mail {
    Mail { cc: cc.iter().map(|one| address(one)).collect(), raw_digest: [5; 32], ..mail.clone() }
}

fn keeps_bytes(plan: &Plan) -> bool {
    plan.steps().iter().any(|step| matches!(step.change, Change::KeepCopy { .. }))
}

/// The same Message-ID, author and date, and other content.
fn changed(mail: &Mail, content: u8) -> Mail {
    Mail { content_digest: [content; 32], raw_digest: [content; 32], ..mail.clone() }
}

#[test]
fn dup_2_to_and_cc_of_a_copy_count_for_the_people_of_its_account_alone() {
    let everybody = ["ada@example.com", "ben@example.com", "fay@example.com"];
    let mut facts = office();
    let first = go(&mut facts, &mail("a@x"));
    let copy = go(&mut facts, &addressed(&mail("a@x"), &everybody));
    assert_eq!((copy.fate, copy.email, users(&copy)), (Fate::Duplicate, first.email, vec![(3, false)]));
    to_personal(&mut facts);
    let copy = go(&mut facts, &addressed(&mail("a@x"), &everybody));
    assert_eq!(users(&copy), [(9, false)], "the account is hers");
    let new = go(&mut facts, &addressed(&mail("b@x"), &everybody));
    assert_eq!(users(&new), [(9, false), (3, false), (8, false)], "of a new one To and Cc count for all");
}

#[test]
fn dup_2_other_bytes_of_the_same_mail_are_kept_once() {
    let mut facts = office();
    assert!(!keeps_bytes(&go(&mut facts, &mail("a@x"))));
    assert!(!keeps_bytes(&go(&mut facts, &mail("a@x"))));
    let routed = Mail { raw_digest: [8; 32], ..mail("a@x") };
    assert!(keeps_bytes(&go(&mut facts, &routed)));
    assert!(!keeps_bytes(&go(&mut facts, &routed)));
}

#[test]
fn dup_2_a_changed_copy_is_filed_beside_the_first_without_a_case_an_answer_or_a_reader_of_its_own() {
    let mut facts = office();
    facts.account.answering = Some(Answering { outlet: Some(SUPPORT), authenticated_only: false });
    let first = go(&mut facts, &mail("a@x"));
    let case = new_case(&first).unwrap().id;
    let answers = |plan: &Plan| plan.steps().iter().any(|step| matches!(step.change, Change::Answer { .. }));
    assert!(answers(&first));
    let plan = go(&mut facts, &changed(&mail("a@x"), 1));
    let new = new_email(&plan);
    assert_eq!((new.thread, new.parent, new.id_collision), (new_email(&first).thread, Some(case), true));
    assert_eq!((new.subject_from, new.subject_to, new.replied), (0, 0, None), "answers by subject go to the first");
    assert!(new_case(&plan).is_none() && !answers(&plan));
    assert_eq!(notes(&plan), [NoteKind::EmailReceived], "it came to the same people");
    // Through an account of others it is theirs; the case hears that it exists.
    facts.account = AccountFacts { id: AccountId(3), name: "sales".to_string(), teams: vec![TeamId(5)], ..facts.account.clone() };
    facts.account.case_team = None;
    let plan = go(&mut facts, &changed(&mail("a@x"), 2));
    assert_eq!((new_email(&plan).parent, teams(&plan), users(&plan)), (Some(case), vec![5], vec![]));
    assert_eq!(notes(&plan), [NoteKind::Linked]);
    assert!(new_case(&plan).is_none() && !answers(&plan));
    // Through a person's own account not even that.
    to_personal(&mut facts);
    assert!(notes(&go(&mut facts, &changed(&mail("a@x"), 3))).is_empty());
}

#[test]
fn dup_2_another_author_or_date_or_none_is_another_conversation() {
    let mut facts = office();
    let first = new_email(&go(&mut facts, &mail("a@x"))).thread;
    let base = changed(&mail("a@x"), 1);
    for (content, other) in [
        (2, Mail { from: Some(address("mallory@example.net")), ..base.clone() }),
        (3, Mail { date: Some(NOW - 61), ..base.clone() }),
        (4, Mail { date: None, ..base.clone() }),
        (5, Mail { from: None, ..base.clone() }),
        (6, Mail { from: None, date: None, ..base }),
    ] {
        let plan = go(&mut facts, &changed(&other, content));
        assert!(new_email(&plan).id_collision && new_email(&plan).thread != first, "{other:?}");
    }
}

#[test]
fn dup_2_a_changed_copy_re_opens_nothing_and_its_references_lead_nowhere() {
    let mut facts = office();
    let first = go(&mut facts, &mail("a@x"));
    let case = new_case(&first).unwrap().id;
    let other = go(&mut facts, &Mail { from: Some(address("mallory@example.net")), ..mail("m@x") });
    facts.records.get_mut(&case).unwrap().status = Some(CaseStatus::Closed);
    facts.records.get_mut(&case).unwrap().closed_at = Some(NOW);
    let lead = Mail { in_reply_to: vec!["m@x".to_string()], subject: "[#2] Printer".to_string(), ..changed(&mail("a@x"), 1) };
    let plan = go(&mut facts, &lead);
    assert_eq!((new_email(&plan).parent, new_email(&plan).thread), (Some(case), new_email(&first).thread));
    assert_ne!(new_email(&other).thread, new_email(&first).thread);
    let told = plan
        .steps()
        .iter()
        .any(|step| matches!(step.change, Change::Reopen { .. } | Change::JoinThreads { .. } | Change::MarkReplied { .. }));
    assert!(!told && new_case(&plan).is_none(), "{plan:?}");
}

#[test]
fn dup_3_a_changed_copy_makes_the_case_that_the_first_did_not_make_and_leaves_the_first_where_it_is() {
    let mut facts = office();
    let support = to_personal(&mut facts);
    let first = go(&mut facts, &mail("a@x")).email.unwrap();
    facts.account = support;
    let plan = go(&mut facts, &changed(&mail("a@x"), 1));
    let case = new_case(&plan).unwrap().id;
    assert!(!plan.steps().iter().any(|step| matches!(step.change, Change::AdoptThread { .. } | Change::SetParent { .. })));
    assert_eq!(facts.emails[&first].parent, None);
    // The first one comes through the account as well: one case is enough, and its people are those of the account.
    facts.records.get_mut(&case).unwrap().assigned_user = Some(UserId(8));
    let again = go(&mut facts, &mail("a@x"));
    assert!(new_case(&again).is_none() && !users(&again).contains(&(8, false)), "{again:?}");
}

#[test]
fn dup_2_what_came_in_part_is_the_same_to_the_account_that_has_it_alone() {
    let mut facts = office();
    let partial = Arrival { partial: true, ..arrival() };
    let through = |facts: &mut Facts, arrival: &Arrival| decide(arrival, &mail("a@x"), &Policy::default(), facts);
    let first = through(&mut facts, &partial);
    assert_eq!(through(&mut facts, &partial).email, first.email);
    let support = to_personal(&mut facts);
    let other = through(&mut facts, &partial);
    assert_eq!((other.fate, new_email(&other).thread), (Fate::Imported, new_email(&first).thread));
    facts.account = AccountFacts { id: AccountId(4), ..support };
    assert_eq!(through(&mut facts, &arrival()).fate, Fate::Imported, "nobody has seen its files");
}

#[test]
fn fetch_2_a_deleted_mail_does_not_come_back_in_a_copy_but_another_content_is_another_mail() {
    let mut facts = office();
    facts.deleted.insert(("a@x".to_string(), mail("a@x").content_digest), NOW);
    assert_eq!(go(&mut facts, &addressed(&mail("a@x"), &["fay@example.com"])).fate, Fate::Duplicate);
    assert_eq!(go(&mut facts, &changed(&mail("a@x"), 1)).fate, Fate::Imported);
    assert_eq!(go(&mut facts, &mail("a@x")).fate, Fate::Duplicate);
}

#[test]
fn dup_2_a_copy_that_asks_for_answers_elsewhere_or_for_none_takes_nothing_from_the_letter_behind_it() {
    let letter = mail("a@x");
    let machine = Mail { automatic: vec![sign(Machine::Reply)], raw_digest: [5; 32], ..letter.clone() };
    let elsewhere = Mail { reply_to: vec![address("evil@z.example")], raw_digest: [6; 32], ..letter.clone() };
    let own = Mail { reply_to: letter.from.clone().into_iter().collect(), raw_digest: [7; 32], ..letter.clone() };
    let answers = |plan: &Plan| plan.steps().iter().any(|step| matches!(step.change, Change::Answer { .. }));
    let answering = || {
        let mut facts = office();
        facts.account.answering = Some(Answering { outlet: Some(SUPPORT), authenticated_only: false });
        facts
    };
    // It opened nothing: the letter goes its own way.
    let mut facts = answering();
    assert!(new_case(&go(&mut facts, &machine)).is_none());
    let plan = go(&mut facts, &letter);
    assert!(plan.fate == Fate::Imported && new_case(&plan).is_some() && answers(&plan), "{:?}", plan.notes);
    // What answers it comes to it and its case, not to the copy.
    let (case, thread) = (new_case(&plan).unwrap().id, new_email(&plan).thread);
    let plan = go(&mut facts, &answer("b@x", &["a@x"]));
    assert_eq!((new_email(&plan).parent, new_email(&plan).thread), (Some(case), thread), "{:?}", plan.notes);
    assert!(new_case(&plan).is_none() && !answers(&plan));
    // Another copy by which nobody is to be answered is one of the letter that opened the case.
    let bulk = Mail { content_digest: [9; 32], ..machine.clone() };
    let plan = go(&mut facts, &bulk);
    assert!(new_case(&plan).is_none() && new_email(&plan).parent == Some(case), "{:?}", plan.notes);
    // The other way round it is the same letter.
    assert_eq!(go(&mut facts, &machine).fate, Fate::Duplicate);
    assert_eq!(go(&mut facts, &letter).fate, Fate::Duplicate);

    // It opened a case: the letter is kept beside it, in that case.
    let mut facts = answering();
    let case = new_case(&go(&mut facts, &elsewhere)).unwrap().id;
    let plan = go(&mut facts, &letter);
    assert_eq!((plan.fate, new_email(&plan).parent, answers(&plan)), (Fate::Imported, Some(case), false));
    assert!(new_case(&plan).is_none());
    assert_eq!(go(&mut facts, &own).fate, Fate::Duplicate, "the author's own address asks for nothing");
    assert_eq!(go(&mut facts, &elsewhere).fate, Fate::Duplicate);
    // What came through a personal account first opens nothing in the group account's name.
    let mut facts = answering();
    let account = facts.account.clone();
    to_personal(&mut facts);
    go(&mut facts, &elsewhere);
    facts.account = account;
    let plan = go(&mut facts, &letter);
    assert!(plan.fate == Fate::Imported && new_case(&plan).is_some() && answers(&plan), "{:?}", plan.notes);
}

#[test]
fn fetch_2_what_a_device_without_a_clock_says_each_time_is_another_message_each_time() {
    let alarm = |above: &str, hour: i64, more: &str| {
        let head =
            format!("{above}Received: from dev by mx; hour {hour}\r\nFrom: dev@example.org\r\nTo: support@example.com\r\n{more}");
        crate::mail::parse(format!("{head}Subject: Water in the cellar\r\n\r\nALARM\r\n").as_bytes())
    };
    let at = |facts: &mut Facts, seconds: i64, mail: &Mail| {
        let arrival = Arrival { internal_date: Some(NOW + seconds), ..arrival() };
        decide(&arrival, mail, &Policy::default(), facts)
    };
    for clock in ["", "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n", "Date: Sat, 01 Jan 2005 00:00:00 +0000\r\n"] {
        let mut facts = office();
        let first = at(&mut facts, 0, &alarm("", 0, clock));
        let copy = at(&mut facts, 60, &alarm("Received: from mx by b; x\r\n", 0, clock));
        assert_eq!((copy.fate, copy.email), (Fate::Duplicate, first.email), "{clock}");
        let next = at(&mut facts, 3_600, &alarm("", 1, clock));
        assert_eq!((next.fate, new_case(&next).is_some()), (Fate::Imported, true), "{clock}");
        // In the same bytes, and by another way, at whatever time, it is what it was.
        for above in ["", "Received: from mx by b; y\r\n"] {
            let copy = at(&mut facts, 9_999, &alarm(above, 1, clock));
            assert_eq!((copy.fate, copy.email), (Fate::Duplicate, next.email), "{clock}");
        }
        assert!(new_case(&at(&mut facts, 90_000, &alarm("", 25, clock))).is_some(), "{clock}");
        facts.quiet_before = Some(NOW);
        assert_eq!(at(&mut facts, 7_200, &alarm("", 2, clock)).fate, Fate::Duplicate, "a mailbox that is listed again");
        // Who deletes one has deleted no later one.
        let mut facts = office();
        facts.deleted.insert((alarm("", 0, clock).identity(), alarm("", 0, clock).content_digest), NOW);
        assert_eq!(at(&mut facts, -60, &alarm("", 0, clock)).fate, Fate::Duplicate, "{clock}");
        assert!(new_case(&at(&mut facts, 3_600, &alarm("", 1, clock))).is_some(), "{clock}");
    }
    // A Date that can be is the sender's word that it is the same.
    let dated = "Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n";
    let mut facts = office();
    let dated_at = alarm("", 0, dated).date.unwrap() - NOW;
    at(&mut facts, dated_at + 60, &alarm("", 0, dated));
    assert_eq!(at(&mut facts, dated_at + 82_800, &alarm("", 23, dated)).fate, Fate::Duplicate);
}
