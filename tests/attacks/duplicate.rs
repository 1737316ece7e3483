//! DUP: to be given what was sent to somebody else by sending a copy of it; to make a message vanish behind one that has its
//! Message-ID; to enter a case, and to be answered in another's place, with a Message-ID, an author and a date that were seen
//! once.

use serde_json::{Value, json};

use crate::support::office::Office;

/// Ada's and Ben's mail comes through support, Cyd's through sales; Eve is a user with an account of her own, and Fay is only
/// named in headers. All may read what is in their own inbox or in that of their team, and the cases of their team.
fn office(database: &str) -> Office {
    let office = Office::on(database);
    office.service(&["role", "add", "agents"]).ok();
    for scope in ["email", "case"] {
        office.service(&["role", "grant", "agents", scope, "read", "team"]).ok();
    }
    for team in ["support", "sales"] {
        office.service(&["team", "add", team]).ok();
    }
    for (login, team) in [("ada", "support"), ("ben", "support"), ("cyd", "sales"), ("eve", ""), ("fay", "")] {
        office.service(&["user", "add", login, "--address", &format!("{login}@example.com")]).ok();
        office.service(&["role", "give", "agents", "--user", login]).ok();
        if !team.is_empty() {
            office.service(&["team", "join", team, login]).ok();
        }
    }
    account(&office, "support", &["--team", "support", "--make-cases", "--case-team", "support"]);
    account(&office, "sales", &["--team", "sales"]);
    for owner in ["ada", "eve"] {
        account(&office, &format!("{owner}-own"), &["--owner", owner]);
    }
    office
}

fn account(office: &Office, name: &str, more: &[&str]) {
    let address = format!("{name}@example.com");
    let fixed = ["account", "add", name, "--address", &address, "--imap-host", "imap.example.org", "--password-credential", "x"];
    office.service(&[&fixed[..], more].concat()).ok();
}

/// A message with parts that can be changed one at a time.
#[derive(Clone)]
struct Letter {
    id: Option<&'static str>,
    from: &'static str,
    more: String,
    subject: &'static str,
    text: &'static str,
    file: Option<(&'static str, &'static str)>,
}

impl Letter {
    /// A scan: nothing in it but a file.
    fn scan() -> Self {
        let more = "To: support@example.com\r\n".to_string();
        let (from, subject) = ("Dora <dora@example.org>", "Scan");
        Self { id: Some("scan@example.org"), from, more, subject, text: "", file: Some(("scan.pdf", "SECRET-OF-DORA")) }
    }

    fn named(&self, more: &str) -> Self {
        Self { more: more.to_string(), ..self.clone() }
    }

    fn bytes(&self) -> String {
        let id = self.id.map(|id| format!("Message-ID: <{id}>\r\n")).unwrap_or_default();
        let head = format!(
            "{}{id}From: {}\r\nSubject: {}\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n",
            self.more, self.from, self.subject
        );
        let Some((name, content)) = self.file else { return format!("{head}\r\n{}\r\n", self.text) };
        format!(
            "{head}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n{}\r\n--b\r\n\
             Content-Type: application/pdf; name=\"{name}\"\r\nContent-Disposition: attachment\r\n\r\n{content}\r\n--b--\r\n",
            self.text
        )
    }
}

fn deliver(office: &Office, account: &str, letter: &Letter) {
    let mut command = office.command(&["deliver", "--account", account]);
    command.env("HOME", office.home()).env("ESPOMAIL_NOW", crate::support::world::NOW);
    crate::support::world::Done::of(&mut command, &letter.bytes()).ok();
}

fn ids(office: &Office, login: &str) -> Vec<i64> {
    let listed: Value = serde_json::from_str(&office.asks(login, &["-o", "json", "email", "list"]).ok()).unwrap();
    let mut ids: Vec<i64> = listed["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    ids
}

/// All that somebody gets to see, on every road.
fn everything(office: &Office, login: &str) -> String {
    let mut seen = String::new();
    for id in 1..9 {
        let id = id.to_string();
        for road in [
            &["-o", "json", "email", "show"][..],
            &["email", "show"],
            &["email", "raw"],
            &["email", "raw", "--copy", "2"],
            &["email", "attachments"],
            &["email", "attachments", "--extract", "1"],
            &["-o", "json", "explain"],
            &["case", "show"],
        ] {
            seen += &office.asks(login, &[road, &[id.as_str()]].concat()).stdout;
        }
    }
    seen + &office.asks(login, &["email", "list", "--search", "scan"]).stdout
}

fn cases(office: &Office) -> usize {
    office.json(&["case", "list", "--all"])["items"].as_array().unwrap().len()
}

/// What is long, and no matter of the database: the others see that both say the same.
fn on_one(test: impl Fn(&Office)) {
    test(&office("sqlite"));
}

fn on_both(test: impl Fn(&Office)) {
    for database in ["sqlite", "postgresql"] {
        test(&office(database));
    }
}

#[test]
fn dup_2_a_copy_without_the_file_opens_nothing_to_whom_it_names_or_whose_account_it_comes_through() {
    on_one(|office| {
        let scan = Letter::scan();
        deliver(office, "support", &scan);
        let visible = Letter { file: None, ..scan.clone() };
        let to_all = "To: support@example.com\r\nCc: cyd@example.com, eve@example.com, fay@example.com\r\n";
        for copy in [
            visible.named(to_all),
            Letter { file: Some(("scan.pdf", "something else")), ..scan.named(to_all) },
            Letter { file: Some(("other.pdf", "SECRET-OF-DOR")), ..scan.named(to_all) },
        ] {
            for account in ["eve-own", "sales", "support"] {
                deliver(office, account, &copy);
            }
        }
        for login in ["cyd", "eve", "fay"] {
            let seen = everything(office, login);
            assert!(!seen.contains("SECRET-OF-DORA"), "{login}: {seen}");
            assert!(!ids(office, login).contains(&1), "{login}");
        }
        assert!(ids(office, "ada").contains(&1));
        assert_eq!(cases(office), 1, "nor does a copy open another case");
    });
}

#[test]
fn dup_2_whoever_is_named_in_a_whole_copy_gets_nothing_by_it_but_the_people_of_its_account_do() {
    on_both(|office| {
        let scan = Letter::scan();
        deliver(office, "support", &scan);
        let named = "Received: from x\r\nTo: fay@example.com\r\nCc: cyd@example.com, eve@example.com\r\n";
        deliver(office, "support", &scan.named(named));
        for login in ["cyd", "eve", "fay"] {
            assert!(ids(office, login).is_empty(), "{login}");
        }
        // Who brings the whole content has that, and sees nothing of who else has it; nor does anybody whom it names.
        deliver(office, "eve-own", &scan.named(named));
        assert_eq!((ids(office, "eve"), ids(office, "fay"), ids(office, "cyd")), (vec![2], vec![], vec![]));
        assert_eq!(office.json(&["email", "show", "2"])["parent"], Value::Null);
        office.service(&["reprocess", "2", "--apply"]).ok();
        assert_eq!((ids(office, "eve"), ids(office, "fay"), ids(office, "cyd")), (vec![2], vec![], vec![]));
        deliver(office, "sales", &scan.named(named));
        assert_eq!((ids(office, "cyd"), ids(office, "fay")), (vec![1], vec![]));
        let shown = office.json(&["email", "show", "1"]);
        assert_eq!(shown["accounts"], json!(["sales", "support"]));
        assert_eq!(cases(office), 1);
        // A new e-mail still goes to everybody in To and Cc.
        deliver(office, "support", &Letter { id: Some("new@example.org"), ..scan.named(named) });
        assert_eq!(ids(office, "fay"), [3]);
    });
}

#[test]
fn dup_2_of_three_copies_with_other_files_none_is_lost() {
    on_both(|office| {
        let scan = Letter { text: "See the file.", ..Letter::scan() };
        for file in [None, Some(("a.pdf", "ONE")), Some(("a.pdf", "TWO"))] {
            deliver(office, "support", &Letter { file, ..scan.clone() });
        }
        let shown: Vec<Value> = (1..4).map(|id: i64| office.json(&["email", "show", &id.to_string()])).collect();
        let of = |key: &str| shown.iter().map(|one| one[key].clone()).collect::<Vec<_>>();
        assert_eq!(of("id_collision"), [json!(false), json!(true), json!(true)]);
        assert_eq!(of("thread"), vec![of("thread")[0].clone(); 3], "one conversation");
        assert_eq!(of("parent"), vec![json!("case:1"); 3], "one case");
        for (id, content) in [("2", "ONE"), ("3", "TWO")] {
            assert_eq!(office.asks("ada", &["email", "attachments", id, "--extract", "1"]).ok(), content);
        }
        let stream = office.asks("ada", &["case", "show", "1"]).ok();
        assert_eq!(stream.matches("attached: a.pdf").count(), 2, "{stream}");
        // Each of them is known when it comes again.
        for file in [None, Some(("a.pdf", "ONE")), Some(("a.pdf", "TWO"))] {
            deliver(office, "support", &Letter { file, ..scan.clone() });
        }
        assert_eq!(office.json(&["email", "list"])["items"].as_array().unwrap().len(), 3);
    });
}

#[test]
fn dup_2_the_people_of_one_copy_do_not_get_the_others() {
    on_one(|office| {
        let to_sales = Letter { text: "Our offer.", file: Some(("offer.pdf", "FOR-SALES-ALONE")), ..Letter::scan() };
        let to_support = Letter { text: "Our offer.", file: None, subject: "[EXTERNAL] Scan", ..to_sales.clone() };
        deliver(office, "support", &to_support);
        deliver(office, "sales", &to_sales);
        let second = office.json(&["email", "show", "2"]);
        assert_eq!((&second["parent"], &second["teams"]), (&json!("case:1"), &json!(["sales"])));
        assert_eq!((ids(office, "ada"), ids(office, "cyd")), (vec![1], vec![2]));
        assert!(!everything(office, "ada").contains("FOR-SALES-ALONE"));
        let stream = office.asks("ada", &["case", "show", "1"]).ok();
        assert!(
            !stream.contains("offer.pdf") && stream.contains("e-mail 2 is another copy of e-mail 1, came through sales"),
            "{stream}"
        );
        // The other way round: what came first through a person's own account does not come to the case of the second.
        let private = Letter { id: Some("p@example.org"), file: Some(("p.pdf", "FOR-ADA-ALONE")), ..Letter::scan() };
        deliver(office, "ada-own", &private);
        deliver(office, "support", &Letter { file: None, ..private.clone() });
        deliver(office, "ada-own", &private.named("Received: again\r\nTo: ada@example.com\r\n"));
        assert_eq!(cases(office), 2);
        assert!(!everything(office, "ben").contains("FOR-ADA-ALONE") && !ids(office, "ben").contains(&3));
        let stream = office.asks("ben", &["case", "show", "2"]).ok();
        assert!(!stream.contains("p.pdf"), "{stream}");
        assert_eq!(
            office.json(&["email", "list", "--thread", &office.json(&["email", "show", "3"])["thread"].to_string()])["items"]
                .as_array()
                .unwrap()
                .len(),
            2
        );
    });
}

#[test]
fn dup_2_one_mail_by_two_routes_is_one_case_whichever_comes_first() {
    let usual = Letter { text: "The pump has stood still.\r\nCall me.", file: Some(("a.pdf", "ONE")), ..Letter::scan() };
    let bare = Letter { id: None, ..usual.clone() };
    let route =
        |letter: &Letter, field: &str| letter.named(&format!("{field}\r\nTo: support@example.com, sales@example.com\r\n"));
    let pairs = [
        (usual.clone(), Letter { text: "The pump has stood\r\nstill. \r\nCall me.\r\n\r\n", ..usual.clone() }, 1),
        (route(&usual, "Received: a"), route(&usual, "Received: b"), 1),
        (route(&bare, "Received: a\r\nX-Spam: no"), route(&bare, "Received: b\r\nDelivered-To: sales@example.com"), 1),
        (usual.clone(), Letter { subject: "[EXTERNAL] Scan", ..usual.clone() }, 2),
        (usual.clone(), Letter { text: "CAUTION: from outside!\r\nThe pump has stood still.\r\nCall me.", ..usual.clone() }, 2),
        (usual.clone(), Letter { file: Some(("a.pdf.removed.txt", "A virus was removed")), ..usual }, 2),
    ];
    on_one(|office| {
        account(office, "desk", &["--team", "sales", "--make-cases"]);
        let (mut emails, mut made) = (0, 0);
        for (place, (one, other, kept)) in pairs.iter().enumerate() {
            for (turn, (first, second)) in [(one, other), (other, one)].into_iter().enumerate() {
                // Each pair is a matter of its own.
                let id: &'static str = Box::leak(format!("{place}-{turn}@example.org").into_boxed_str());
                let (mut first, mut second) = (first.clone(), second.clone());
                match first.id {
                    Some(_) => (first.id, second.id) = (Some(id), Some(id)),
                    None => [&mut first, &mut second].into_iter().for_each(|one| one.more += &format!("Comments: {id}\r\n")),
                }
                for (account, letter) in [("ada-own", &first), ("support", &second), ("desk", &first), ("desk", &second)] {
                    deliver(office, account, letter);
                }
                (emails, made) = (emails + kept, made + 1);
                let listed = office.json(&["email", "list", "--limit", "1000"]);
                assert_eq!(listed["items"].as_array().unwrap().len(), emails, "pair {place}, turn {turn}: {}", second.bytes());
                assert_eq!(cases(office), made, "pair {place}, turn {turn}: {}", second.bytes());
            }
        }
    });
}

#[test]
fn dup_2_within_one_batch_it_is_the_same() {
    on_both(|office| {
        let usual = Letter { text: "Our offer.", ..Letter::scan() };
        let letters = [
            usual.clone(),
            usual.named("Received: another way\r\nTo: support@example.com\r\n"),
            Letter { subject: "[EXTERNAL] Scan", ..usual.clone() },
            Letter { file: Some(("scan.pdf", "ANOTHER")), ..usual.clone() },
            Letter { id: None, ..usual.clone() },
            Letter { id: None, ..usual.named("Received: b\r\nTo: support@example.com\r\n") },
        ];
        let folder = office.home().join("mail");
        std::fs::create_dir(&folder).unwrap();
        let names: Vec<String> = (0..letters.len()).map(|at| folder.join(format!("{at}.eml")).display().to_string()).collect();
        for (name, letter) in names.iter().zip(&letters) {
            std::fs::write(name, letter.bytes()).unwrap();
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        office.service(&["account", "set", "support", "--act-since", "2026-01-01"]).ok();
        office.service(&[&["import", "--account", "support"][..], &names].concat()).ok();
        let shown: Vec<Value> = (1..5).map(|id: i64| office.json(&["email", "show", &id.to_string()])).collect();
        assert_eq!(office.json(&["email", "list"])["items"].as_array().unwrap().len(), 4);
        let parents: Vec<&Value> = shown.iter().map(|one| &one["parent"]).collect();
        assert_eq!(parents[..3], [&json!("case:1"), &json!("case:1"), &json!("case:1")]);
        assert_eq!(shown[0]["copies"].as_array().unwrap().len(), 1);
        assert_eq!(shown[3]["copies"].as_array().unwrap().len(), 1, "without a Message-ID as well");
    });
}

#[test]
fn link_3_what_is_held_is_told_to_the_team_that_a_filter_gave_to_what_came_before_it_in_the_batch() {
    on_one(|office| {
        for right in ["read", "edit"] {
            for scope in ["email", "case"] {
                office.service(&["role", "grant", "agents", scope, right, "team"]).ok();
            }
        }
        office.service(&["account", "set", "support", "--act-since", "2026-01-01", "--unknown-sender", "hold"]).ok();
        office.service(&["filter", "add", "law", "--account", "support", "--subject", "*law*", "--assign-team", "sales"]).ok();
        let law = Letter { subject: "A law", ..Letter::scan() };
        let more = "To: support@example.com\r\nIn-Reply-To: <scan@example.org>\r\n";
        let about = Letter { id: Some("about@example.net"), from: "carl@example.net", ..law.named(more) };
        let names = [("0.eml", &law), ("1.eml", &Letter { subject: "About it", ..about })].map(|(name, letter)| {
            let name = office.home().join(name);
            std::fs::write(&name, letter.bytes()).unwrap();
            name.display().to_string()
        });
        let held = office.service(&["import", "--account", "support", &names[0], &names[1]]).fails(65);
        assert!(held.contains("is held"), "{held}");
        let told = |login: &str| office.asks(login, &["-o", "json", "notification", "list"]).ok().matches("review").count();
        assert!(told("cyd") > 0 && told("ada") == 0, "{}", office.service(&["explain", "<about@example.net>"]).ok());
    });
}

#[test]
fn dup_3_a_tagged_copy_makes_the_case_that_the_first_did_not_make_and_is_answered_once() {
    on_both(|office| {
        let usual = Letter { text: "Our offer.", ..Letter::scan() };
        deliver(office, "ada-own", &usual);
        assert_eq!(cases(office), 0);
        deliver(office, "support", &Letter { subject: "[EXTERNAL] Scan", ..usual.clone() });
        assert_eq!(cases(office), 1);
        deliver(office, "support", &usual);
        deliver(office, "support", &Letter { subject: "[SPAM?] Scan", ..usual.clone() });
        assert_eq!(cases(office), 1);
        // What people say of their own mail, and do with it, takes no case from the desk that gets the same later.
        office.service(&["record", "add", "contact", "Con", "--address", "con@example.net"]).ok();
        for (at, (deleted, tag)) in [(false, ""), (false, "[EXT] "), (true, ""), (true, "[EXT] ")].into_iter().enumerate() {
            let leaked = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
            let own = Letter { id: Some(leaked(format!("own{at}@example.org"))), ..usual.clone() };
            deliver(office, "ada-own", &own);
            let email = format!("<own{at}@example.org>");
            office.service(&["email", "link", &email, "contact:1"]).ok();
            if deleted {
                office.service(&["email", "delete", &email]).ok();
            }
            deliver(office, "support", &Letter { subject: leaked(format!("{tag}Scan")), ..own });
            assert_eq!(cases(office), 2 + at, "{deleted} {tag}");
        }
    });
}

#[test]
fn dup_1_what_was_dealt_with_opens_and_answers_nothing_once_it_or_its_case_is_deleted() {
    let usual = |letter: &Letter| letter.clone();
    let footer = |letter: &Letter| Letter { text: "It leaks.\r\n--\r\nof a list", ..letter.clone() };
    let tagged = |letter: &Letter| Letter { subject: "[EXT] Scan", ..letter.clone() };
    type Shape<'a> = &'a dyn Fn(&Letter) -> Letter;
    // Its author stands behind a form of ours (AUTO-2), or behind a list of ours (PARSE-10).
    let by = |from: &'static str, letter: &Letter| Letter {
        from,
        more: format!("Reply-To: {}\r\nTo: support@example.com\r\n", letter.from),
        ..letter.clone()
    };
    let form = |letter: &Letter| by("Support <support@example.com>", letter);
    let list = |letter: &Letter| by("Dora via Support <support@example.com>", letter);
    let steps: [(Shape<'_>, &[&str], &str, Shape<'_>); 8] = [
        // An MTA hands it over again, as its pipe timed out behind our commit.
        (&usual, &["close", "email"], "support", &usual),
        (&usual, &["close", "email"], "desk", &usual),
        (&footer, &["close", "email"], "support", &usual),
        (&usual, &["email"], "desk", &tagged),
        (&tagged, &["case"], "desk", &usual),
        (&tagged, &["case", "email"], "desk", &footer),
        (&form, &["case", "email"], "desk", &|letter| tagged(&form(letter))),
        (&list, &["case"], "desk", &|letter| tagged(&list(letter))),
    ];
    on_both(|office| {
        office.service_with(&["template", "add", "ack", "--subject", "Got it", "--file", "-"], "We have it.").ok();
        let answers = ["--auto-reply", "ack", "--smtp-host", "smtp.example.org", "--shared"];
        account(office, "desk", &[&["--make-cases"], &answers[..]].concat());
        office.service(&[&["account", "set", "support"], &answers[..]].concat()).ok();
        let count = |noun: &str, more: &[&str]| office.json(&[&[noun, "list"], more].concat())["items"].as_array().unwrap().len();
        for (at, (first, done, account, again)) in steps.into_iter().enumerate() {
            let leaked = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
            let (id, from) = (leaked(format!("{at}@example.org")), leaked(format!("Dora <dora{at}@example.org>")));
            let letter = Letter { id: Some(id), from, text: "It leaks.", file: None, ..Letter::scan() };
            deliver(office, "support", &first(&letter));
            let email = format!("<{id}>");
            let case =
                office.json(&["email", "show", &email])["parent"].as_str().unwrap().trim_start_matches("case:").to_string();
            for what in done {
                match *what {
                    "close" => office.service(&["case", "close", &case]),
                    "case" => office.service(&["case", "delete", &case]),
                    _ => office.service(&["email", "delete", &email]),
                }
                .ok();
            }
            let before = (count("case", &["--status", "closed"]), cases(office), count("outbox", &[]));
            deliver(office, account, &again(&letter));
            let now = (count("case", &["--status", "closed"]), cases(office), count("outbox", &[]));
            assert_eq!((now, before.2), (before, at + 1), "{done:?}, then {account} gets\n{}", again(&letter).bytes());
        }
        // The same bytes, once more and through another account, are the same e-mail, whoever stands behind From.
        for (at, shape) in [&form as Shape<'_>, &list].into_iter().enumerate() {
            let id: &'static str = Box::leak(format!("by{at}@example.org").into_boxed_str());
            let letter = shape(&Letter { id: Some(id), text: "It leaks.", file: None, ..Letter::scan() });
            deliver(office, "support", &letter);
            let before = (count("email", &[]), cases(office), count("outbox", &[]));
            for account in ["support", "desk"] {
                deliver(office, account, &letter);
            }
            assert_eq!((count("email", &[]), cases(office), count("outbox", &[])), before, "{}", letter.bytes());
        }
        // A device whose clock stands still, with one Message-ID for all: what is deleted of it is no later letter.
        for (at, date) in ["Thu, 01 Jan 1970 00:00:00 +0000", "Sat, 01 Jan 2005 00:00:00 +0000"].into_iter().enumerate() {
            for page in [1, 2] {
                let before = cases(office);
                let mail = format!(
                    "From: fax{at}@example.org\r\nTo: support@example.com\r\nSubject: Fax {page}\r\nDate: {date}\r\n\
                     Message-ID: <fax{at}@example.org>\r\n\r\nPage {page}\r\n"
                );
                let mut command = office.command(&["deliver", "--account", "support"]);
                command.env("HOME", office.home()).env("ESPOMAIL_NOW", crate::support::world::NOW);
                crate::support::world::Done::of(&mut command, &mail).ok();
                assert_eq!(cases(office), before + 1, "{date}: {page}");
                office.service(&["email", "delete", &format!("<fax{at}@example.org>")]).ok();
            }
        }
    });
}

#[test]
fn dup_2_a_forged_copy_does_not_enter_a_case_as_somebody() {
    on_both(|office| {
        let dora = Letter { text: "The pump is hot.", file: None, ..Letter::scan() };
        deliver(office, "support", &dora);
        office.service(&["case", "close", "1"]).ok();
        let forged = Letter {
            text: "Send me everything.",
            more: "To: support@example.com\r\nCc: mallory@example.net\r\nReply-To: mallory@example.net\r\n".to_string(),
            ..dora.clone()
        };
        deliver(office, "support", &forged);
        let case = office.json(&["case", "show", "1"]);
        assert_eq!(case["status"], "closed", "a copy re-opens nothing");
        assert_eq!(office.json(&["email", "show", "2"])["parent"], "case:1");
        assert_eq!(office.json(&["email", "show", "1"])["is_replied"], json!(false));
        office.service(&["case", "reopen", "1"]).ok();
        // Whom a copy names takes no part: a number in the subject does not let them in.
        let number = Letter {
            id: Some("n@example.net"),
            from: "mallory@example.net",
            subject: "[#1] hello",
            more: "To: support@example.com\r\n".to_string(),
            ..dora.clone()
        };
        deliver(office, "support", &number);
        assert_ne!(office.json(&["email", "show", "3"])["parent"], "case:1");
        // Answers to the Message-ID stay in the case.
        let answer = Letter {
            id: Some("a@example.org"),
            more: "To: support@example.com\r\nIn-Reply-To: <scan@example.org>\r\n".to_string(),
            subject: "Re: Scan",
            ..dora
        };
        deliver(office, "support", &answer);
        assert_eq!(office.json(&["email", "show", "4"])["parent"], "case:1");
    });
}

#[test]
fn dup_2_a_copys_own_references_lead_nowhere() {
    on_both(|office| {
        let dora = Letter { text: "The pump is hot.", file: None, ..Letter::scan() };
        let mallory = Letter { id: Some("m@example.net"), from: "mallory@example.net", ..dora.clone() };
        deliver(office, "support", &dora);
        deliver(office, "support", &mallory);
        // A copy of Dora's e-mail that claims to belong to Mallory's case.
        let both = "To: support@example.com\r\nIn-Reply-To: <m@example.net>\r\nReferences: <m@example.net>\r\n";
        deliver(office, "support", &Letter { text: "x", subject: "[#2] Scan", ..dora.named(both) });
        let later = "To: support@example.com\r\nReferences: <unseen@example.org> <scan@example.org>\r\n";
        deliver(office, "support", &Letter { id: Some("l@example.org"), subject: "Re: Scan", ..dora.named(later) });
        let parents: Vec<Value> =
            (1..5).map(|id: i64| office.json(&["email", "show", &id.to_string()])["parent"].clone()).collect();
        assert_eq!(parents, ["case:1", "case:2", "case:1", "case:1"]);
    });
}

#[test]
fn dup_2_the_bytes_of_every_copy_are_kept_for_whom_they_came() {
    on_both(|office| {
        let scan = Letter::scan();
        deliver(office, "support", &scan);
        deliver(office, "support", &scan);
        let ada = scan.named("Delivered-To: ada-private@example.com\r\nTo: support@example.com\r\n");
        deliver(office, "ada-own", &ada);
        let sales = scan.named("Received: by way of sales\r\nTo: support@example.com\r\n");
        deliver(office, "sales", &sales);
        deliver(office, "sales", &sales);
        let raw = |login: &str, copy: &str| office.asks(login, &["email", "raw", "1", "--copy", copy]);
        assert_eq!(office.asks("ada", &["email", "raw", "1"]).ok(), scan.bytes());
        assert_eq!(raw("ada", "1").ok(), scan.bytes());
        assert_eq!(raw("ada", "2").ok(), ada.bytes());
        for login in ["ada", "ben", "cyd"] {
            assert_eq!(raw(login, "3").ok(), sales.bytes(), "{login}");
        }
        // What came to a person's own account is the person's.
        let missing = raw("ben", "9").fails(65).replace('9', "2");
        for login in ["ben", "cyd"] {
            assert_eq!(raw(login, "2").fails(65), missing, "{login}");
            let shown = office.asks(login, &["email", "show", "1"]).ok();
            assert!(shown.contains("email raw 1 --copy 3") && !shown.contains("--copy 2"), "{shown}");
        }
        let shown = office.json(&["email", "show", "1"]);
        let copies: Vec<(&Value, &Value)> =
            shown["copies"].as_array().unwrap().iter().map(|one| (&one["number"], &one["account"])).collect();
        assert_eq!(copies, [(&json!(2), &json!("ada-own")), (&json!(3), &json!("sales"))]);
        assert_eq!(raw("ada", "4").fails(65), raw("ada", "77").fails(65).replace("77", "4"));
        // With the account goes the knowledge whose it was; the bytes stay.
        office.service(&["account", "remove", "ada-own"]).ok();
        assert_eq!(raw("ada", "2").status, Some(65));
        assert_eq!(office.service(&["email", "raw", "1", "--copy", "2"]).ok(), ada.bytes());
        // Deleted, nothing of it is left, and no copy brings it back.
        office.service(&["email", "delete", "1"]).ok();
        assert_eq!(raw("ada", "3").status, Some(65));
    });
}

#[test]
fn dup_2_a_message_id_that_others_used_first_does_not_hide_ones_own() {
    on_both(|office| {
        let scan = Letter::scan();
        deliver(office, "sales", &Letter { from: "mallory@example.net", text: "first", file: None, ..scan.clone() });
        deliver(office, "support", &scan);
        for (login, id) in [("cyd", 1), ("ada", 2)] {
            let shown = office.asks(login, &["-o", "json", "email", "show", "<scan@example.org>"]).ok();
            assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["id"], id, "{login}");
        }
        let strangers = office.asks("eve", &["email", "show", "scan@example.org"]).fails(65);
        assert_eq!(strangers, office.asks("eve", &["email", "show", "none@example.org"]).fails(65).replace("none", "scan"));
        let parents: Vec<Value> =
            (1..3).map(|id: i64| office.json(&["email", "show", &id.to_string()])["thread"].clone()).collect();
        assert_ne!(parents[0], parents[1], "another author's is another conversation");
    });
}
