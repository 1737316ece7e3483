#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn text(body: &str, values: &Values) -> String {
    Template::check("x", body, false).unwrap().render(values).unwrap().text
}

fn values(value: &str) -> Values {
    let mut values = Values::default();
    for placeholder in Placeholder::ALL {
        values.set(*placeholder, value);
    }
    values
}

#[test]
fn send_9_both_ways_of_writing_placeholders() {
    let examples = Values::examples();
    for (body, expected) in [
        ("Dear {Person.name},", "Dear Dora Example,"),
        ("{ Person.name }{Case.number}", "Dora Example123"),
        ("{{ Person.name | upper }} {{Case.number}}", "DORA EXAMPLE 123"),
        ("{% if Account.name %}at {Account.name}{% else %}home{% endif %}", "at Example Inc"),
        ("{today} {{ now }} {currentYear}", "2026-11-23 2026-11-23 10:00 2026"),
        ("p { color: red; } {} { é\n", "p { color: red; } {} { é"),
        ("a } b", "a } b"),
    ] {
        assert_eq!(text(body, &examples).trim_end(), expected, "{body}");
    }
    for placeholder in Placeholder::ALL {
        let example = placeholder.about().1;
        assert_eq!(text(&format!("{{{placeholder}}}"), &examples), example);
        assert_eq!(text(&format!("{{{{ {placeholder} }}}}"), &examples), example);
    }
    let hello = "{{ Person.firstName | default('customer', true) }}{Case.name}";
    assert_eq!(text(hello, &Values::default()), "customer");
}

#[test]
fn send_9_an_unknown_placeholder_is_an_error_at_once() {
    for bad in [
        "{Person.nme}",
        "{ person.name }",
        "{Person}",
        "{Person name}",
        "{unknown}",
        "{{ Person }}",
        "{{ Person.nme }}",
        "{{ Person.name.first }}",
        "{{ Person['nme'] }}",
        "{{ unknown }}",
        "{{ debug() }}",
        "{{ range(9) }}",
        "{% if Lead.name %}x{% endif %}",
        "{% if today %}{% else %}{{ Lead.name }}{% endif %}",
        "{{ Person.name | nofilter }}",
        "{{ Person.name | safe }}",
        "{{ Person.name",
        "{{ Person.name }",
        "{Person.name",
        "{ Person.name and more",
        "{% if today %}",
        "{% endif %}",
        "{% for c in Person.name %}x{% endfor %}",
        "{% set x = today %}",
        "{%- set x = today -%}",
        "{% autoescape false %}{{ today }}{% endautoescape %}",
        "{% raw %}{{ today }}{% endraw %}",
        "{%raw%}{%endraw%}",
        "{% include 'x' %}",
        "{% macro m() %}{% endmacro %}",
        "{{ 'x' * 1000000 }}",
        "{%",
        "{#",
    ] {
        for (subject, body) in [("x", bad), (bad, "x")] {
            let error = Template::check(subject, body, true).expect_err(bad);
            assert_eq!(crate::fault::class_of(&error), Class::Data, "{bad}");
        }
    }
    let error = Template::check("x", "{Person.nme}", false).unwrap_err();
    assert!(crate::fault::one_line(&error).contains("\"Person.nme\"; there are Person.name, "), "{error}");
}

#[test]
fn send_9_what_strangers_write_is_data() {
    for hostile in ["{{ 7*7 }}", "{Person.name}", "{% if today %}x{% endif %}", "{{ User.emailAddress }}", "{#", "}}{{", "{%"] {
        let letter = Template::check("[#{Case.number}] {Email.subject}", "{Person.name}|{{ Email.subject }}", false).unwrap();
        let letter = letter.render(&values(hostile)).unwrap();
        assert_eq!(letter.subject, format!("[#{hostile}] {hostile}"));
        assert_eq!(letter.text, format!("{hostile}|{hostile}"));
    }
    let html = Template::check("{Email.subject}", "<p title=\"{Person.name}\">{{ Email.subject }}</p>", true).unwrap();
    let letter = html.render(&values("<script>\"'&\r\nBcc: eve@example.net")).unwrap();
    let written = letter.html.unwrap();
    assert_eq!(written.matches('<').count(), 2, "{written}");
    assert_eq!(written.matches('"').count(), 2, "{written}");
    assert_eq!(letter.subject, "<script>\"'& Bcc: eve@example.net", "a subject is one line, and no HTML");
    assert!(letter.text.contains("<script>\"'&"), "{}", letter.text);
}

#[test]
fn send_9_what_comes_out_is_bounded() {
    assert!(Template::check("x", &"x".repeat(LARGEST + 1), false).is_err());
    let long = Template::check("{Email.subject}{Email.subject}", &"{Person.name}".repeat(2_000), false).unwrap();
    let error = long.render(&values(&"x".repeat(1_000_000))).unwrap_err();
    assert!(error.to_string().contains("larger than"), "{error}");
    let short = Template::check("{Email.subject}{Email.subject}", "{Person.name}", false).unwrap();
    let letter = short.render(&values(&"x".repeat(1_000_000))).unwrap();
    assert_eq!((letter.subject.len(), letter.text.len()), (SUBJECT, VALUE));
    for deep in ["{{ ".to_string() + &"(".repeat(20_000), "{% if today %}".repeat(4_000), "{".repeat(60_000)] {
        assert!(Template::check("x", &deep, false).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn send_9_any_value_comes_out_as_it_went_in(value in "[ -~à-ÿ{}%#]{0,60}") {
        let shown = line(&value, VALUE);
        prop_assert_eq!(text("{Person.name}|{{ Email.subject }}", &values(&value)), format!("{shown}|{shown}"));
    }

    #[test]
    fn send_9_no_template_brings_anything_down(body in "([{}%# ]|if|endif|today|Person.name|['|.(~]){0,40}") {
        if let Ok(template) = Template::check("x", &body, true) {
            let _ = template.render(&values("{{ x }}"));
        }
    }
}
