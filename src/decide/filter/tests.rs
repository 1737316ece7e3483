use super::super::choices::import;
use super::super::facts::Facts;
use super::super::plan::Plan;
use super::*;
use crate::mail::Address;
use crate::words::Priority;

fn mail() -> Mail {
    crate::mail::parse(
        b"From: Ada <Ada@Example.org>\nTo: x@example.com, support@example.com\nSubject: Pump [7] Stands *still*\n\
          X-Spam-Flag: YES\nX-Spam-Flag: maybe\n\nThe Pump stands still.\n",
    )
}

fn filter(criteria: Vec<Criterion>) -> Filter {
    let (id, name) = (FilterId(1), "a".to_string());
    Filter {
        id,
        name,
        scope: Scope::Global,
        settings: crate::settings::FilterSettings::default(),
        criteria,
        actions: vec![Action::Skip],
        sieve: None,
    }
}

fn text(text: &str) -> String {
    text.to_string()
}

#[test]
fn filter_2_a_pattern_is_the_whole_string_and_only_the_star_is_special() {
    for (pattern, given, holds) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a*", "ab", true),
        ("*b", "ab", true),
        ("*", "", true),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-c", false),
        ("a*a", "a", false),
        ("[7]?", "[7]?", true),
        ("[7]?", "7", false),
        ("", "", true),
        ("", "a", false),
    ] {
        assert_eq!(glob(pattern, given), holds, "{pattern} {given}");
    }
}

#[test]
fn filter_2_all_criteria_must_hold_and_none_never_matches() {
    let holds = |criteria: Vec<Criterion>| trial(&filter(criteria), &mail()).matched;
    assert!(!holds(vec![]));
    for (criterion, matched) in [
        (Criterion::From(text("ADA@example.org")), true),
        (Criterion::From(text("*@example.org")), true),
        (Criterion::From(text("example.org")), false),
        (Criterion::To(text("support@*")), true),
        (Criterion::Cc(text("*")), false),
        (Criterion::Subject(text("pump [7] *")), true),
        (Criterion::Subject(text("pump")), false),
        (Criterion::Body(vec![text("valve"), text("STANDS")]), true),
        (Criterion::BodyAll(vec![text("valve"), text("stands")]), false),
        (Criterion::Header { name: text("x-spam-flag"), value: text("yes") }, true),
        (Criterion::Header { name: text("X-Other"), value: text("*") }, false),
        (Criterion::ListId(text("*")), false),
        (Criterion::HasAttachment(false), true),
        (Criterion::Larger(10), true),
        (Criterion::Smaller(10), false),
        (Criterion::Automatic(true), false),
        (Criterion::Automatic(false), true),
    ] {
        assert_eq!(holds(vec![criterion.clone()]), matched, "{criterion}");
        assert!(!holds(vec![criterion, Criterion::From(text("else"))]));
    }
    // PARSE-4: a domain in letters and in ASCII is one.
    for address in ["dora@b\u{fc}cher.example", "Dora@xn--bcher-kva.example"] {
        let from = Some(Address { name: String::new(), address: address.into() });
        for pattern in ["*@B\u{dc}CHER.example", "dora@xn--bcher-kva.example"] {
            assert!(
                trial(&filter(vec![Criterion::From(text(pattern))]), &Mail { from: from.clone(), ..mail() }).matched,
                "{address} {pattern}"
            );
        }
    }
}

#[test]
fn filter_3_case_counts_where_it_is_asked_for_and_expressions_are_linear() {
    let mut one = filter(vec![Criterion::Subject(text("pump*"))]);
    one.settings.match_case = true;
    assert!(!trial(&one, &mail()).matched);
    let mut regex = filter(vec![Criterion::Subject(text(r"^pump \[\d\]")), Criterion::Body(vec![text("(?i)PUMP\\b")])]);
    regex.settings.regex = true;
    assert!(trial(&regex, &mail()).matched);
    assert!(compile("(", false).is_err() && compile(&"(a{1000}){1000}".repeat(3), false).is_err());
    let mut long = mail();
    long.subject = "a".repeat(50_000);
    let mut hostile = filter(vec![Criterion::Subject(text("(a*)*b"))]);
    hostile.settings.regex = true;
    assert!(!trial(&hostile, &long).matched);
    assert!(!glob(&"*a".repeat(1_000), &"b".repeat(50_000)));
}

#[test]
fn filter_6_the_first_of_a_scope_wins_and_the_header_alone_may_skip() {
    let named = |name: &str, scope: Scope, criteria: Vec<Criterion>, actions: Vec<Action>| Filter {
        name: name.to_string(),
        scope,
        actions,
        ..filter(criteria)
    };
    let filters = vec![
        named("body", Scope::Account, vec![Criterion::Body(vec![text("stands")])], vec![Action::NoCase]),
        named(
            "spam",
            Scope::Account,
            vec![Criterion::Header { name: text("X-Spam-Flag"), value: text("YES") }],
            vec![Action::Skip],
        ),
        named("all", Scope::Global, vec![Criterion::From(text("*"))], vec![Action::Priority(Priority::High)]),
    ];
    let mail = mail();
    assert!(may_screen(&filters));
    assert_eq!(screen(&mail, 10, &filters).map(|filter| filter.name.as_str()), Some("spam"), "the body cannot match then");
    let mut facts = Facts { filters, ..Facts::default() };
    let skip = import(&mail, &facts, &mut Plan::new()).skip;
    assert!(skip.is_some_and(|(_, because)| because.to_string().contains("spam")), "what comes whole is decided alike");
    facts.filters[1].criteria.clear();
    let mut plan = Plan::new();
    let choices = import(&mail, &facts, &mut plan);
    assert!(choices.skip.is_none() && choices.no_case.is_some(), "on the whole, the first wins");
    assert_eq!(choices.priority.map(|(priority, _)| priority), Some(Priority::High));
    let tried: Vec<&str> = plan.filters.iter().map(|trial| trial.name.as_str()).collect();
    assert_eq!(tried, ["body", "all"]);
}

fn letter() -> Mail {
    crate::mail::parse(
        "From: Ada <ada@example.com>\nTo: support@example.com\nSubject: Your invoice 7\nX-Spam-Flag: YES\n\
         Content-Type: text/plain; charset=utf-8\n\nWe owe you thirty Äpfel.\n"
            .as_bytes(),
    )
}

fn script(text: &str) -> Filter {
    let mut script = Script::new(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
    script.folders = [("Billing".to_string(), crate::words::FolderId(7))].into();
    Filter { sieve: Some(script), ..Filter::named("script", Scope::Global) }
}

#[test]
fn filter_3_a_sieve_script_skips_files_or_leaves_it_to_the_next() {
    let filed = Some(Action::Folder(crate::words::FolderId(7)));
    for (text, expected) in [
        ("discard;", Some(Action::Skip)),
        ("keep;", None),
        ("", None),
        ("stop; discard;", None),
        ("discard; keep;", None),
        ("keep; if size :over 1K { discard; }", None),
        ("if header :contains \"subject\" \"INVOICE\" { discard; }", Some(Action::Skip)),
        ("if not header :is \"x-spam-flag\" \"YES\" { discard; }", None),
        ("if address :domain :is [\"from\", \"to\"] \"example.com\" { discard; stop; } keep;", Some(Action::Skip)),
        ("if size :over 1K { discard; }", Some(Action::Skip)),
        ("if size :over 2K { discard; }", None),
        ("if size :under 2K { discard; }", Some(Action::Skip)),
        ("if size :under 1K { discard; }", None),
        ("require \"body\"; if body :text :contains \"forty\" { discard; }", None),
        ("require \"body\"; if body :text :contains \"thirty Äpfel\" { discard; }", Some(Action::Skip)),
        ("require \"body\"; if body :contains \"we OWE you\" { discard; }", Some(Action::Skip)),
        ("require [\"fileinto\"]; fileinto \"Billing\";", filed.clone()),
        ("require [\"fileinto\"]; discard; fileinto \"Billing\"; keep;", filed),
        ("require [\"fileinto\"]; fileinto \"Nowhere\";", None),
    ] {
        let mail = Mail { size: 1_500, ..letter() };
        assert_eq!(script(text).wants(&Examined::new(&mail)).and_then(|actions| actions.first().cloned()), expected, "{text}");
        assert_eq!(trial(&script(text), &mail).matched, expected.is_some(), "{text}");
    }
}

#[test]
fn filter_3_what_a_script_may_not_do_is_refused_with_its_line() {
    for (text, expected) in [
        ("redirect \"x@example.org\";", "line 1: \"redirect\""),
        ("# a\n/* b\n*/ keep;\nREDIRECT \"x@example.org\";", "line 4: \"redirect\""),
        ("require [\"fileinto\",\n\"vacation\"];", "line 2: the extension \"vacation\""),
        ("require \"regex\"; if header :regex \"a\" \"b\" { discard; }", "line 1: the extension"),
        ("if header :regex \"a\" \"b\" { discard; }", "line 1: \":regex\""),
        ("keep;\nfileinto \"Billing\";", "line 2"),
        ("keep;\nif true {", "line 2"),
        ("keep; \"", "line 1: the string does not end"),
        ("/* keep;", "line 1: the comment does not end"),
        ("if size :over 1G { discard; }", "line 1: a filter cannot ask for more than 128M"),
        ("if size :over 99999999999999999999999K { discard; }", "line 1: a filter"),
    ] {
        let wrong = Script::new(text).expect_err(text);
        assert!(wrong.starts_with(expected), "{text}: {wrong}");
    }
    assert!(Script::new(&"keep;".repeat(20_000)).is_err(), "its size");
    let text = "require \"fileinto\"; # fileinto \"No\"\nif true { fileinto \"A \\\"b\\\"\"; } else { fileinto \"C\"; }";
    assert_eq!(Script::new(text).expect("it is well written").folder_names(), ["A \"b\"", "C"]);
}

#[test]
fn filter_6_a_script_without_body_tests_is_run_on_the_header() {
    for (text, may, skipped) in [
        ("if header :is \"x-spam-flag\" \"YES\" { discard; }", true, true),
        ("if size :over 4K { discard; }", true, true),
        ("if size :over 5K { discard; }", true, false),
        ("require \"body\"; if not body :contains \"x\" { discard; }", false, false),
        ("keep;", false, false),
    ] {
        let filters = [script(text)];
        assert_eq!((may_screen(&filters), screen(&letter(), 5_000, &filters).is_some()), (may, skipped), "{text}");
    }
    let huge = [script("if size :over 1K { discard; }")];
    assert!(screen(&letter(), u64::MAX, &huge).is_some(), "a server may say any size");
}

#[test]
fn filter_3_a_script_has_a_limit_of_steps() {
    let text = "keep;".repeat(12_000) + "discard;";
    let trial = trial(&script(&text), &letter());
    assert!(!trial.matched && trial.criteria[0].because.contains("steps"), "{trial:?}");
}

#[test]
fn filter_4_commands_of_both_scopes_are_run_but_not_for_history() {
    let run = |name: &str, scope: Scope| Filter {
        criteria: vec![Criterion::From(text("*"))],
        actions: vec![Action::Run(name.to_string())],
        ..Filter::named(name, scope)
    };
    let facts = || Facts { filters: vec![run("own", Scope::Account), run("all", Scope::Global)], ..Facts::default() };
    let commands = |facts: &mut Facts| {
        let arrival = crate::decide::Arrival {
            position: crate::words::PositionId(1),
            uid: 1,
            internal_date: Some(1_000_000_000),
            partial: false,
        };
        let plan = crate::decide::decide(&arrival, &letter(), &crate::decide::Policy::default(), facts);
        let named = |step: &crate::decide::Step| match &step.change {
            crate::decide::Change::Run { command, .. } => Some(command.clone()),
            _ => None,
        };
        plan.steps().iter().filter_map(named).collect::<Vec<_>>()
    };
    let mut known = facts();
    assert_eq!(commands(&mut known), ["own", "all"]);
    assert!(commands(&mut known).is_empty(), "it came before, and through this account");
    known.account.id = crate::words::AccountId(2);
    assert_eq!(commands(&mut known), ["own"], "the global filters spoke when it came first");
    let mut old = facts();
    old.account.act_since = 2_000_000_000;
    assert!(commands(&mut old).is_empty());
}

#[test]
fn filter_3_a_hostile_message_takes_a_script_no_time() {
    let patterns = ["*a".repeat(2_000), "*?*a*?*a*?*a*?*a*b".to_string(), "a*".repeat(20_000)];
    let long = "a".repeat(100_000);
    let mail = crate::mail::parse(format!("Subject: {long}\nFrom: {long}@example.org\n\n{long}").as_bytes());
    let begin = std::time::Instant::now();
    for pattern in patterns {
        let tests = format!("header :matches \"subject\" \"{pattern}\", body :matches \"{pattern}\"");
        let text = format!("require \"body\"; if anyof ({tests}) {{ discard; }}");
        if let Ok(script) = Script::new(&text) {
            trial(&Filter { sieve: Some(script), ..Filter::named("script", Scope::Global) }, &mail);
        }
    }
    assert!(begin.elapsed() < std::time::Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[test]
fn filter_8_a_look_says_where_a_phrase_stands_and_what_is_kept_does_not() {
    let text_of = |text: &str| Mail { text: text.to_string(), ..mail() };
    let because = |criterion: Criterion, text: &str| trial(&filter(vec![criterion]), &text_of(text)).criteria[0].because.clone();
    let has = |phrases: &[&str]| Criterion::Body(phrases.iter().map(|phrase| text(phrase)).collect());
    let has_all = |phrases: &[&str]| Criterion::BodyAll(phrases.iter().map(|phrase| text(phrase)).collect());
    assert_eq!(because(has(&["invoice"]), "The Invoice."), r#"it says "The Invoice.""#);
    assert_eq!(because(has(&["offer", "invoice"]), "No\n invoice"), r#"it says "No invoice""#);
    assert_eq!(because(has(&["offer", "bill"]), "The invoice."), "nowhere in its 12 characters");
    assert_eq!(because(has_all(&["the", "invoice"]), "The invoice."), r#"it says "The invoice." and "The invoice.""#);
    assert_eq!(because(has_all(&["the", "offer"]), "The invoice."), r#""offer" is nowhere in its 12 characters"#);
    // In small letters İ has a character more, and a text may be long.
    let long = format!("{}İİİ PUMPE Ärger {}", "x ".repeat(50), "y ".repeat(50));
    assert_eq!(
        because(has(&["pumpe ärger"]), &long),
        format!(r#"it says "…{}İİİ PUMPE Ärger {}…""#, "x ".repeat(13), "y ".repeat(14) + "y")
    );
    let mut regex = filter(vec![has(&["x.*y"])]);
    regex.settings.regex = true;
    let said = trial(&regex, &text_of(&long)).criteria[0].because.clone();
    assert!(said.starts_with(r#"it says "x x"#) && said.chars().count() < 140, "{said}");
    let kept = filter(vec![has(&["invoice"])]).trial(&Examined::new(&text_of("The invoice.")), false);
    assert_eq!(kept.criteria[0].because, "the text has 12 characters");
}
