use super::*;

fn mail() -> Mail {
    crate::mail::parse(
        b"From: Ada <Ada@Example.org>\nTo: x@example.com, support@example.com\nSubject: Pump [7] Stands *still*\n\
          X-Spam-Flag: YES\nX-Spam-Flag: maybe\n\nThe Pump stands still.\n",
    )
}

fn filter(criteria: Vec<Criterion>) -> Filter {
    let (id, name) = (FilterId(1), "a".to_string());
    Filter { id, name, scope: Scope::Global, match_case: false, regex: false, criteria, actions: vec![Action::Skip], sieve: None }
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
}

#[test]
fn filter_3_case_counts_where_it_is_asked_for_and_expressions_are_linear() {
    let mut one = filter(vec![Criterion::Subject(text("pump*"))]);
    one.match_case = true;
    assert!(!trial(&one, &mail()).matched);
    let mut regex = filter(vec![Criterion::Subject(text(r"^pump \[\d\]")), Criterion::Body(vec![text("(?i)PUMP\\b")])]);
    regex.regex = true;
    assert!(trial(&regex, &mail()).matched);
    assert!(compile("(", false).is_err() && compile(&"(a{1000}){1000}".repeat(3), false).is_err());
    let mut long = mail();
    long.subject = "a".repeat(50_000);
    let mut hostile = filter(vec![Criterion::Subject(text("(a*)*b"))]);
    hostile.regex = true;
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
    let facts = Facts { filters, ..Facts::default() };
    let mut plan = Plan::new();
    let choices = import(&mail, &facts, &mut plan);
    assert!(choices.skip.is_none() && choices.no_case.is_some(), "on the whole, the first wins");
    assert_eq!(choices.priority.map(|(priority, _)| priority), Some(Priority::High));
    let tried: Vec<&str> = plan.filters.iter().map(|trial| trial.name.as_str()).collect();
    assert_eq!(tried, ["body", "all"]);
}
