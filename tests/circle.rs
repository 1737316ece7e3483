//! The whole circle over a real SMTP server and a real IMAP server: a customer writes, a case is opened and acknowledged, an agent
//! answers from an account of their own, the customer's program answers in its own way, and the answer is in the case.

use serde_json::{Value, json};

use espomail::mail::{self, Mail};

use crate::support::dovecot::{self, PASSWORD, is_root};
use crate::support::postfix::{self, DOMAINS, Postfix};
use crate::support::world::World;

/// Returns the server; where it cannot run the test is left out, but not where it could and all tests must run.
fn postfix() -> Option<&'static Postfix> {
    match postfix::server() {
        Ok(server) => Some(server),
        Err(why) => {
            let could = is_root() && !std::path::Path::new("/usr/sbin/sendmail").exists();
            assert!(!could || std::env::var_os("CI").is_none(), "{why}");
            eprintln!("left out: {why}");
            None
        }
    }
}

/// One domain and the world that serves it.
struct Circle {
    world: World,
    domain: &'static str,
    postfix: &'static Postfix,
}

impl Circle {
    fn new(database: &str, domain: &'static str, postfix: &'static Postfix) -> Self {
        let mut circle = Self { world: World::on(database), domain, postfix };
        circle.tick(0);
        let world = &circle.world;
        let config = std::fs::read_to_string(world.config()).unwrap();
        world.write(&world.config(), &format!("{config}internal-hosts = [\"localhost\"]\n"), 0o600);
        for user in ["ada", "ben"] {
            world.run(&["user", "add", user, "--name", &format!("{user} Example"), "--address", &circle.address(user)]).ok();
        }
        world.run(&["user", "set", "ben", "--notify-by-mail", "true"]).ok();
        world.run(&["role", "add", "agents"]).ok();
        for scope in ["case", "email"] {
            world.run(&["role", "grant", "agents", scope, "read", "all"]).ok();
        }
        world.run(&["role", "give", "agents", "--user", "ada"]).ok();
        world.run(&["role", "give", "agents", "--user", "ben"]).ok();
        world.run(&["team", "add", "desk"]).ok();
        world.run(&["team", "join", "desk", "ada"]).ok();
        world.run_with(&["template", "add", "ack", "--subject", "We have got it"], "Your case is {Case.number}.\n").ok();
        let cases = ["--make-cases", "--distribution", "round-robin", "--case-team", "desk", "--auto-reply", "ack"];
        circle.account("support", "starttls", &[&cases[..], &["--shared", "--system", "--from-name", "Support"]].concat());
        circle.account("ada", "tls", &["--owner", "ada"]);
        circle
    }

    /// An account that reads from Dovecot and sends through Postfix, both over TLS.
    fn account(&self, name: &str, security: &str, more: &[&str]) {
        let (dovecot, is_tls) = (dovecot::server(), security == "tls");
        // It is looked at in every pass, so it lies in the world's own folder.
        let ca_file = self.world.path("authority.pem");
        std::fs::copy(dovecot.authority().path(), &ca_file).unwrap();
        let ca_file = ca_file.to_str().unwrap();
        let imap = if is_tls { dovecot.tls_port } else { dovecot.port }.to_string();
        let smtp = if is_tls { self.postfix.tls_port } else { self.postfix.port }.to_string();
        let address = self.address(name);
        let add = ["account", "add", name, "--address", &address, "--fetch-since", "2d", "--act-since", "2d", "--password-stdin"];
        let reading = ["--imap-host", "localhost", "--imap-port", &imap, "--imap-security", security, "--ca-file", ca_file];
        let sending = ["--smtp-host", "localhost", "--smtp-port", &smtp, "--smtp-security", security, "--smtp-ca-file", ca_file];
        self.world.run_with(&[&add[..], &reading, &sending, more].concat(), PASSWORD).ok();
    }

    fn address(&self, person: &str) -> String {
        format!("{person}@{}", self.domain)
    }

    /// The servers have the real time, so this world has it, too, or is ahead of it.
    fn tick(&mut self, ahead: i64) {
        let now = jiff::Timestamp::now().as_second() + ahead;
        self.world.set("ESPOMAIL_NOW", &jiff::Timestamp::from_second(now).unwrap().to_string());
    }

    fn inbox(&self, person: &str, count: usize) -> Vec<String> {
        self.postfix.await_messages(&self.address(person), count)
    }

    /// Waits for the account's messages, takes them in, and returns the newest as it is stored.
    fn fetch(&mut self, count: usize) -> Value {
        let messages = self.inbox("support", count);
        self.tick(0);
        self.world.run(&["fetch"]).ok();
        let id = mail::parse(messages[count - 1].as_bytes()).message_id.unwrap();
        self.world.json(&["email", "show", &format!("<{id}>")])
    }

    fn cases(&self) -> usize {
        self.world.json(&["case", "list", "--all"])["items"].as_array().unwrap().len()
    }

    fn unread(&self, user: &str) -> Vec<Value> {
        self.world.json(&["notification", "list", "--unread", "--user", user])["items"].as_array().unwrap().clone()
    }
}

/// A mail program of the customer's.
#[derive(Debug, Clone, Copy)]
enum Program {
    Thunderbird,
    Outlook,
    Gmail,
}

impl Program {
    /// Answers a message as this program does when nothing is set up in it.
    fn answer(self, original: &Mail, from: &str, words: &str) -> String {
        let to = original.reply_to.first().or(original.from.as_ref()).unwrap().address.clone();
        let id = original.message_id.as_ref().unwrap();
        let references: Vec<String> = original.references.iter().chain([id]).map(|id| format!("<{id}>")).collect();
        let subject = original.subject.strip_prefix("Re: ").unwrap_or(&original.subject);
        let author = original.from.as_ref().unwrap();
        let quoted: String = original.text.trim_end().lines().map(|line| format!("> {line}\n")).collect();
        let (prefix, more, text, html) = match self {
            Self::Thunderbird => (
                "Re:",
                "User-Agent: Mozilla Thunderbird\r\nContent-Language: en-US\r\n".to_string(),
                format!("On 11/26/26 10:00, {} wrote:\n{quoted}\n{words}\n", author.name),
                None,
            ),
            Self::Outlook => {
                let head = format!(
                    "From: {} <{}>\nSent: Thursday, November 26, 2026 10:00 AM\nTo: {from}\nSubject: {}\n",
                    author.name, author.address, original.subject
                );
                let html = format!(
                    "<html xmlns:o=\"urn:schemas-microsoft-com:office:office\"><body><div class=\"WordSection1\"><p class=\"MsoNormal\">{words}</p>\
                     <div style=\"border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in\"><p class=\"MsoNormal\">\
                     <b>From:</b> {} &lt;{}&gt;<br><b>Sent:</b> Thursday, November 26, 2026 10:00 AM<br><b>To:</b> {from}<br>\
                     <b>Subject:</b> {}</p></div><p class=\"MsoNormal\">{}</p></div></body></html>",
                    author.name, author.address, original.subject, original.text
                );
                let thread =
                    "Thread-Topic: x\r\nThread-Index: AdUxMjM0NTY3ODkwMTIzNDU2Nzg5MA==\r\nX-Mailer: Microsoft Outlook 16.0\r\n";
                ("RE:", thread.to_string(), format!("{words}\n\n{head}\n{}\n", original.text), Some(html))
            }
            Self::Gmail => {
                let line = format!("On Thu, Nov 26, 2026 at 10:00 AM {} <\n{}> wrote:", author.name, author.address);
                let html = format!(
                    "<div dir=\"ltr\">{words}</div><br><div class=\"gmail_quote\"><div dir=\"ltr\" class=\"gmail_attr\">On Thu, Nov 26, 2026 at \
                     10:00 AM {} &lt;{}&gt; wrote:<br></div><blockquote class=\"gmail_quote\">{}</blockquote></div>",
                    author.name, author.address, original.text
                );
                ("Re:", String::new(), format!("{words}\n\n{line}\n\n{quoted}"), Some(html))
            }
        };
        let body = match html {
            None => format!("Content-Type: text/plain; charset=UTF-8; format=flowed\n\n{text}"),
            Some(html) => format!(
                "Content-Type: multipart/alternative; boundary=\"b1\"\n\n--b1\nContent-Type: text/plain; charset=\"UTF-8\"\n\n{text}\n\
                 --b1\nContent-Type: text/html; charset=\"UTF-8\"\n\n{html}\n--b1--\n"
            ),
        };
        format!(
            "From: Dora Example <{from}>\r\nTo: {to}\r\nSubject: {prefix} {subject}\r\nDate: {}\r\nMessage-ID: <{self:?}.{from}>\r\n\
             In-Reply-To: <{id}>\r\nReferences: {}\r\n{more}MIME-Version: 1.0\r\n{}",
            jiff::fmt::rfc2822::to_string(&jiff::Zoned::now()).unwrap(),
            references.join("\r\n "),
            body.replace('\n', "\r\n")
        )
    }
}

fn go_round(database: &str, domain: &'static str) {
    let Some(postfix) = postfix() else { return };
    let mut circle = Circle::new(database, domain, postfix);
    let [dora, support] = ["dora", "support"].map(|person| circle.address(person));
    let question = format!(
        "From: Dora Example <{dora}>\r\nTo: {support}\r\nSubject: =?utf-8?q?Pumpe_f=C3=BCr_K=C3=B6ln?=\r\nDate: {}\r\n\
         Message-ID: <question.{dora}>\r\n\r\nIt leaks.\r\n",
        jiff::fmt::rfc2822::to_string(&jiff::Zoned::now()).unwrap()
    );
    postfix.deliver(&dora, &support, &question);
    let stored = circle.fetch(1);
    assert_eq!((&stored["parent"], circle.cases()), (&json!("case:1"), 1));
    assert_eq!(circle.world.run(&["send"]).ok(), "");
    let acknowledged = mail::parse(circle.inbox("dora", 1)[0].as_bytes());
    assert_eq!(acknowledged.subject, "[#1] We have got it");
    circle.world.run(&["--as", "ben", "case", "follow", "1"]).ok();

    // Ada has the case, and answers from her own account; the customer's answers go to the group.
    let sent = circle.world.json(&["--as", "ada", "case", "reply", "1", "--text", "Turn it off.\nWe come on Friday."]);
    assert_eq!(sent["state"], "sent", "{sent}");
    let answered = mail::parse(circle.inbox("dora", 2)[1].as_bytes());
    assert_eq!(answered.from.as_ref().map(|from| from.address.clone()), Some(circle.address("ada")));
    assert_eq!((answered.reply_to[0].address.as_str(), answered.subject.as_str()), (support.as_str(), "Re: Pumpe für Köln"));

    let mut count = 1;
    for (program, original) in [
        (Program::Outlook, &acknowledged),
        (Program::Thunderbird, &answered),
        (Program::Gmail, &answered),
        (Program::Outlook, &answered),
    ] {
        count += 1;
        let words = format!("Thank you, says {program:?} {count}.");
        let from = if count == 2 { circle.address("outlook") } else { dora.clone() };
        let message = program.answer(original, &from, &words);
        postfix.deliver(&from, &support, &message);
        let stored = circle.fetch(count);
        assert_eq!((&stored["parent"], &stored["parent_by"]), (&json!("case:1"), &json!("token")), "{program:?}: {stored}");
        assert_eq!(stored["reply_text"].as_str().map(str::trim), Some(words.as_str()), "{program:?}: {stored}");
        let case = circle.world.json(&["case", "show", "1"]).to_string();
        assert!(case.contains(&words), "NOTE-1: {case}");
        for user in ["ada", "ben"] {
            let heard = circle.unread(user);
            assert!(heard.iter().any(|one| one["email"] == stored["id"]), "{program:?}: {user} {heard:?}");
        }
    }
    assert_eq!(circle.cases(), 1, "every answer came to the case");
    // Nothing of it is answered by itself: they are follow-ups.
    let outgoing = |circle: &Circle| circle.world.json(&["outbox", "list", "--all"])["items"].as_array().unwrap().len();
    assert_eq!((circle.world.run(&["send"]).ok().as_str(), outgoing(&circle)), ("", 2), "the acknowledgement and Ada's reply");
    circle.inbox("dora", 2);

    // Ben wants to be told by mail; what he answers comes to the case.
    circle.tick(60);
    circle.world.run(&["notify"]).ok();
    circle.world.run(&["send"]).ok();
    let told = mail::parse(circle.inbox("ben", 1)[0].as_bytes());
    assert_eq!(told.reply_to.first().map(|to| &to.address), Some(&support), "NOTIFY-3");
    assert!(told.text.contains("case:1") && !told.automatic.is_empty(), "{}", told.text);

    // One recipient does not exist here, another nowhere; the report comes back, and is no case.
    let refused = circle.world.run(&["email", "compose", "--to", &circle.address("nobody"), "--subject", "x", "--text", "x"]);
    assert_eq!(refused.status, Some(65));
    assert!(refused.stdout.contains("could not be sent") && refused.stdout.contains("User unknown"), "{}", refused.stdout);
    let lost = circle.world.json(&["email", "compose", "--to", "eve@elsewhere.test", "--subject", "Offer", "--text", "x"]);
    assert_eq!(lost["state"], "sent", "{lost}");
    circle.fetch(count + 1);
    let shown = circle.world.json(&["email", "show", &lost["email"].to_string()]);
    assert_eq!(
        (&shown["deliveries"][0]["state"], &shown["deliveries"][0]["status"]),
        (&json!("failed"), &json!("5.1.1")),
        "{shown}"
    );
    assert_eq!(circle.world.json(&["address", "show", "eve@elsewhere.test"])["state"], "invalid");
    assert_eq!(circle.cases(), 1, "AUTO-3");
    // Nothing is taken twice, and nothing more goes out.
    let emails = |circle: &Circle| circle.world.json(&["email", "list"])["items"].as_array().unwrap().len();
    let before = (emails(&circle), outgoing(&circle));
    assert_eq!((circle.world.run(&["fetch"]).ok().as_str(), circle.world.run(&["send"]).ok().as_str()), ("", ""));
    assert_eq!((emails(&circle), outgoing(&circle)), before);
}

#[test]
fn send_5_ack_5_bounce_3_the_whole_circle_over_postfix_and_dovecot_sqlite() {
    go_round("sqlite", DOMAINS[0]);
}

#[test]
fn send_5_ack_5_bounce_3_the_whole_circle_over_postfix_and_dovecot_postgresql() {
    go_round("postgresql", DOMAINS[1]);
}
