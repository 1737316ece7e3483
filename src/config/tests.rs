use super::*;

#[test]
fn an_unknown_key_names_its_line_and_the_nearest() {
    let error = parse("database = \"sqlite:x\"\n[fetch]\nworkrs = 3\n").expect_err("no such key");
    assert_eq!(error, (3, "unknown key `workrs`; did you mean `workers`?".to_string()));
    assert_eq!(parse("database = 3\n").expect_err("no text").0, 1);
    assert_eq!(parse("\n\nx = [").expect_err("no TOML").0, 3);
    assert_eq!(
        parse("[fetch]\nworkers = 0\n").expect_err("nobody would work"),
        (2, "`workers` must be between 1 and 1000".into())
    );
    let zero = "[fetch]\nworkers = 3\n\n[send.dkim]\n[send]\nworkers = 0\n";
    assert_eq!(parse(zero).expect_err("nobody would send"), (6, "`workers` must be between 1 and 1000".into()));
    assert_eq!(parse("send.per-pass = 0\n").expect_err("nothing would be sent").0, 1);
    assert_eq!(parse("[log]\nlevel = \"loud\"\n").expect_err("no level").0, 2);
}

#[test]
fn a_password_is_never_shown() {
    assert_eq!(masked("postgresql://me:secret@host/db?x=1"), "postgresql://me:…@host/db?x=1");
    assert_eq!(masked("postgresql:///db?user=me&password=secret&host=x"), "postgresql:///db?user=me&password=…&host=x");
    assert_eq!(masked("postgresql://me:s/e@c@host/db"), "postgresql://me:…@host/db");
    assert_eq!(masked("postgresql:///db?sslpassword=one&password=two"), "postgresql:///db?sslpassword=…&password=…");
    assert!(!has_password("postgresql://me@host/db") && !has_password("sqlite:/a:b@c"));
}

#[test]
fn the_example_has_every_key_and_no_other() {
    let example = include_str!("../../config.example.toml");
    // Commented keys are examples too: uncommented they must load.
    let whole: String =
        example.lines().map(|line| line.strip_prefix("#= ").unwrap_or(line)).fold(String::new(), |all, line| all + line + "\n");
    parse(&whole).expect("the example loads");
    let mut shown = keys(&whole.parse().expect("it is TOML"), "");
    let client = Provider { client_id: "x".into(), ..Provider::default() };
    let text = || Some("x".to_string());
    let google = Provider { client_secret_file: text(), ..client.clone() };
    let microsoft = Provider { tenant: text(), ..client.clone() };
    let other = Provider {
        client_secret_command: vec!["x".into()],
        authorize_url: text(),
        device_url: text(),
        token_url: text(),
        scopes: vec!["x".into()],
        ca_file: text(),
        ..client
    };
    let full = Config {
        oauth: [("google".into(), google), ("microsoft".into(), microsoft), ("example".into(), other)].into(),
        fields: toml::from_str("contact = { customer-number = \"text\", level = [\"gold\", \"silver\"] }")
            .expect("they are fields"),
        filters: Filters { commands: [("ticket".into(), vec!["x".into()])].into(), ..Filters::default() },
        hooks: Hooks {
            email_imported: vec!["x".into()],
            case_created: vec!["x".into()],
            answer_held: vec!["x".into()],
            message_undelivered: vec!["x".into()],
            account_failing: vec!["x".into()],
            ..Hooks::default()
        },
        storage: Storage {
            url: text(),
            region: text(),
            endpoint: text(),
            access_key: text(),
            secret_key_file: text(),
            ca_file: text(),
            also: vec![Storage::default()],
            ..Storage::default()
        },
        send: Send {
            dkim: [("example.com".into(), Dkim { selector: "x".into(), key_file: "x".into() })].into(),
            ..Send::default()
        },
        log: Log { syslog: text(), journal: text(), ..Log::default() },
        security: Security { key_file: Some("x".into()), key_command: vec!["x".into()], ..Security::default() },
        ..Config::default()
    };
    let mut known = keys(&toml::Table::try_from(&full).expect("it serialises"), "");
    shown.sort();
    known.sort();
    assert_eq!(shown, known);
    let defaults = Config { security: Security::default(), ..parse(example).expect("it loads") };
    assert_eq!(defaults, Config::default(), "what is not commented out is the default");
}

#[test]
fn fetch_16_who_gives_the_right_is_known_by_the_host() {
    for (host, provider) in [
        ("imap.gmail.com", Some("google")),
        ("GMAIL.com", Some("google")),
        ("outlook.office365.com", Some("microsoft")),
        ("imap.notgmail.com", None),
        ("mail.example.com", None),
        ("é.com", None),
        ("", None),
    ] {
        assert_eq!(provider_of(host), provider, "{host}");
    }
}

#[test]
fn fetch_16_two_servers_are_known_and_what_is_said_of_them_comes_first() {
    let config =
        parse("[oauth.microsoft]\nclient-id = \"x\"\ntenant = \"example.com\"\nscopes = [\"one\"]\n").expect("it is one");
    let microsoft = config.oauth["microsoft"].clone().completed("microsoft");
    let url = "https://login.microsoftonline.com/example.com/oauth2/v2.0/token";
    assert_eq!((microsoft.token_url.as_deref(), microsoft.scopes.as_slice()), (Some(url), &["one".to_string()][..]));
    let google = Provider::default().completed("google");
    assert_eq!((google.scopes.as_slice(), google.device_url), (&["https://mail.google.com/".to_string()][..], None));
    assert_eq!(Provider::default().completed("other"), Provider::default());
    for wrong in
        ["token-url = \"http://x.example\"", "tenant = \"../x\"", "client-secret-file = \"x\"\nclient-secret-command = [\"x\"]"]
    {
        assert!(parse(&format!("[oauth.x]\n{wrong}\n")).is_err_and(|(line, _)| line == 2), "{wrong}");
    }
}

#[test]
fn a_storage_is_a_folder_or_a_bucket_with_one_secret() {
    let bucket = "url = \"s3://mail/x\"\nregion = \"r\"\naccess-key = \"k\"\n";
    let secret = "secret-key-file = \"s\"\n";
    let one = |text: &str| parse(&format!("[storage]\n{text}")).map(|config| config.storage);
    let found = one(&format!("{bucket}{secret}")).expect("it is one");
    assert_eq!((found.bucket(), found.folder()), (Some(("mail", "x")), None));
    assert!(one("url = \"file:///srv/mail\"\n").expect("it is one").folder().is_some());
    for wrong in [
        "url = \"file:///srv/mail/\"",
        "url = \"file://srv\"",
        "url = \"file:///srv/../etc\"",
        "url = \"/srv\"",
        "workers = 0",
        bucket,
        &format!("{bucket}{secret}secret-key-credential = \"s\""),
        &format!("{}{secret}", bucket.replace("mail/x", "mail/../x")),
        &format!("{}{secret}", bucket.replace("region", "ca-file")),
        &format!("{bucket}{secret}endpoint = \"ftp://x\""),
        &format!("{bucket}{secret}endpoint = \"https://user@x\""),
        "[[storage.also]]\nworkers = 3",
        "url = \"file:///a\"\n[[storage.also]]\nurl = \"file:///a\"",
    ] {
        assert!(one(wrong).is_err(), "{wrong}");
    }
    assert_eq!(one("urk = \"x\"").expect_err("no such key").1, "unknown key `urk`; did you mean `url`?");
}
