#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn names() -> Names {
    Names::new([
        (RecordKind::Case, "status"),
        (RecordKind::Case, "description"),
        (RecordKind::Contact, "phone-work"),
        (RecordKind::Contact, "address"),
    ])
}

fn check(subject: &str, body: &str, is_html: bool) -> anyhow::Result<Template> {
    Template::check(&Source { subject, body, plain: None, is_html }, &names())
}

fn text(body: &str, values: &Values) -> String {
    check("x", body, false).unwrap().render(values).unwrap().text
}

fn values(value: &str) -> Values {
    let mut values = Values::default();
    for placeholder in Placeholder::ALL {
        values.set(*placeholder, value);
    }
    values
}

#[test]
fn send_9_every_field_of_a_record_has_a_name_and_what_has_lines_keeps_them() {
    let fields = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let case: Fields = fields(&[("name", "Pump"), ("status", "new"), ("description", "It <leaks>.\n\u{202e}{Case.name}")]);
    let contact: Fields = fields(&[("name", "Dora Example"), ("phone-work", "+49 30 1234567"), ("address", "d@example.org")]);
    let to = Address { name: "Somebody".into(), address: "dora@example.org".into() };
    let values = Values::of(&Matter {
        person: Some(&to),
        known_as: Some(&contact),
        parent: Some((RecordKind::Case, 7)),
        records: &[(RecordKind::Case, &case), (RecordKind::Contact, &contact)],
        ..Matter::default()
    });
    let body =
        "{Person.name} {Person.phoneWork} {Contact.phoneWork} {Parent.status} {Parent.kind}:{Parent.number} {Case.description}";
    let expected = "Dora Example +49 30 1234567 +49 30 1234567 new case:7 It <leaks>.\n{Case.name}";
    assert_eq!(text(body, &values), expected);
    let html = check("{Case.description}", "<p>{Case.description}</p>", true).unwrap().render(&values).unwrap();
    assert_eq!(html.subject, "It <leaks>. {Case.name}");
    assert_eq!(html.html.unwrap(), "<p>It &lt;leaks&gt;.<br>\n{Case.name}</p>");
    assert_eq!(html.text.trim_end(), "It <leaks>.\n{Case.name}");
    assert!(check("x", "{Contact.status}", false).is_err(), "a contact has none");
    // As EspoCRM calls it, and as the record does; the person is at the address that is written to.
    assert_eq!(
        text("{Contact.emailAddress} {Contact.address} {Person.emailAddress}", &values),
        "d@example.org d@example.org dora@example.org"
    );
    // What one may not read says its number alone.
    let unread = Values::of(&Matter { parent: Some((RecordKind::Case, 7)), ..Matter::default() });
    assert_eq!(text("{Case.number} {Parent.status}{Case.name}.", &unread), "7 .");
}

#[test]
fn send_9_html_has_a_text_of_its_own_or_one_that_is_made_of_it() {
    let source = Source {
        subject: "x",
        body: "<p>Dear <b>{Person.name}</b></p>",
        plain: Some("Hello {Person.name} & all"),
        is_html: true,
    };
    let letter = Template::check(&source, &names()).unwrap().render(&values("<Dora>")).unwrap();
    assert_eq!((letter.text.as_str(), letter.html.as_deref()), ("Hello <Dora> & all", Some("<p>Dear <b>&lt;Dora&gt;</b></p>")));
    let made = Template::check(&Source { plain: None, ..source }, &names()).unwrap().render(&values("<Dora>")).unwrap();
    assert_eq!(made.text, "Dear <Dora>\n");
    assert!(Template::check(&Source { plain: Some("{Person.nme}"), ..source }, &names()).is_err());
}

#[test]
fn send_9_both_ways_of_writing_placeholders() {
    let examples = Values::examples(&names());
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
            let error = check(subject, body, true).expect_err(bad);
            assert_eq!(crate::fault::class_of(&error), Class::Data, "{bad}");
        }
    }
    let error = check("x", "{Person.nme}", false).unwrap_err();
    assert!(crate::fault::one_line(&error).contains("\"Person.nme\"; did you mean {Person.name}?"), "{error}");
}

#[test]
fn send_9_what_strangers_write_is_data() {
    for hostile in ["{{ 7*7 }}", "{Person.name}", "{% if today %}x{% endif %}", "{{ User.emailAddress }}", "{#", "}}{{", "{%"] {
        let letter = check("[#{Case.number}] {Email.subject}", "{Person.name}|{{ Email.subject }}", false).unwrap();
        let letter = letter.render(&values(hostile)).unwrap();
        assert_eq!(letter.subject, format!("[#{hostile}] {hostile}"));
        assert_eq!(letter.text, format!("{hostile}|{hostile}"));
    }
    let html = check("{Email.subject}", "<p title=\"{Person.name}\">{{ Email.subject }}</p>", true).unwrap();
    let letter = html.render(&values("<script>\"'&\r\nBcc: eve@example.net")).unwrap();
    let written = letter.html.unwrap();
    assert_eq!(written.matches('<').count(), 2, "{written}");
    assert_eq!(written.matches('"').count(), 2, "{written}");
    assert_eq!(letter.subject, "<script>\"'& Bcc: eve@example.net", "a subject is one line, and no HTML");
    assert!(letter.text.contains("<script>\"'&"), "{}", letter.text);
}

#[test]
fn send_9_what_comes_out_is_bounded() {
    assert!(check("x", &"x".repeat(LARGEST + 1), false).is_err());
    let long = check("{Email.subject}{Email.subject}", &"{Person.name}".repeat(2_000), false).unwrap();
    let error = long.render(&values(&"x".repeat(1_000_000))).unwrap_err();
    assert!(error.to_string().contains("larger than"), "{error}");
    let short = check("{Email.subject}{Email.subject}", "{Person.name}", false).unwrap();
    let letter = short.render(&values(&"x".repeat(1_000_000))).unwrap();
    assert_eq!((letter.subject.len(), letter.text.len()), (SUBJECT, VALUE));
    for deep in ["{{ ".to_string() + &"(".repeat(20_000), "{% if today %}".repeat(4_000), "{".repeat(60_000)] {
        assert!(check("x", &deep, false).is_err());
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
        if let Ok(template) = check("x", &body, true) {
            let _ = template.render(&values("{{ x }}"));
        }
    }
}
