//! Templates (SEND-9): every field of the records that a letter has to do with, HTML with its text, files that go along, and a look
//! at what one makes of a stored e-mail; through the real binary, on both databases.

use serde_json::{Value, json};

use crate::support::smtp::{Manners, SmtpSink};
use crate::support::world::World;

const QUESTION: &str = "From: Dora <dora@example.org>\r\nTo: support@example.com\r\nSubject: Pump {today}\r\nMessage-ID: <a@example.org>\r\n\r\n\
    It <leaks>.\r\nSee {{ User.name }}.\r\n";

/// A world with the agent ada of the team desk, the customer Dora of Example Inc, and a group account that makes cases.
fn world_on(database: &str, sink: &SmtpSink) -> World {
    let world = World::on(database);
    let port = sink.port.to_string();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--password-stdin"];
    let smtp = ["--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-security", "plain", "--make-cases", "--shared"];
    world.run(&["team", "add", "desk"]).ok();
    world.run_with(&[&add[..], &smtp, &["--case-team", "desk", "--team", "desk"]].concat(), "hunter2\n").ok();
    let ada = ["user", "add", "ada", "--name", "Ada Example", "--address", "ada@example.com", "--default-team", "desk"];
    world.run(&ada).ok();
    world.run(&["team", "join", "desk", "ada"]).ok();
    world.run(&["role", "add", "agents"]).ok();
    for right in [["email", "read", "team"], ["case", "read", "team"], ["group-account", "use", "team"]] {
        world.run(&[&["role", "grant", "agents"][..], &right].concat()).ok();
    }
    world.run(&["role", "give", "agents", "--team", "desk"]).ok();
    world.run(&["record", "add", "account", "Example Inc"]).ok();
    let dora = ["--address", "dora@example.org", "--account", "account:1", "--assigned-user", "ada"];
    world.run(&[&["record", "add", "contact", "Dora Example"][..], &dora].concat()).ok();
    world
}

fn template(world: &World, name: &str, subject: &str, body: &str, more: &[&str]) {
    world.run_with(&[&["template", "add", name, "--subject", subject], more].concat(), body).ok();
}

fn preview(world: &World, who: &[&str], name: &str, email: &str) -> Value {
    world.json(&[who, &["template", "preview", name, "--email", email]].concat())
}

#[test]
fn send_9_a_template_names_every_field_and_one_may_look_at_it_over_a_stored_letter() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        world.run_with(&["deliver", "--account", "support"], QUESTION).ok();
        let body = "{Person.firstName}|{Person.assignedUser}|{Account.name}|{Parent.status}|{Parent.kind}:{Parent.number}|{Contact.number}|\
            {User.login}|{User.defaultTeam}|{Mailbox.name}|{Parent.description}";
        template(&world, "all", "Re: {Case.name}", body, &[]);
        let ada = ["--as", "ada"];
        let seen = preview(&world, &[], "all", "<a@example.org>");
        // What strangers write is data; a description keeps its lines.
        let lines = "It <leaks>.\nSee {{ User.name }}.";
        let known = format!("Dora|ada|Example Inc|new|case:1|1|||support|{lines}");
        assert_eq!((&seen["subject"], seen["text"].as_str()), (&json!("Re: Pump {today}"), Some(known.as_str())), "{database}");
        // ACCESS-2: of records that ada may not read there is the name that the letter itself has, and the case's number.
        let hers = format!("Dora|||new|case:1||ada|desk|support|{lines}");
        assert_eq!(preview(&world, &ada, "all", "1")["text"], hers, "{database}");
        world.run(&["role", "grant", "agents", "contact", "read", "own"]).ok();
        let hers = format!("Dora|ada||new|case:1|1|ada|desk|support|{lines}");
        assert_eq!(preview(&world, &ada, "all", "1")["text"], hers, "{database}");
        world.run(&["--as", "ada", "case", "reply", "1", "--template", "all"]).ok();
        let sent = String::from_utf8(sink.taken()[0].bytes.clone()).unwrap();
        assert!(sent.contains("Dora|ada||new|case:1|1|ada|desk|support|It <leaks>."), "{database}: {sent}");
        world.run(&["role", "grant", "agents", "case", "read", "no"]).ok();
        let hers = "Dora|ada|||case:1|1|ada|desk|support|";
        assert_eq!(preview(&world, &ada, "all", "1")["text"], hers, "{database}");
        // Whose e-mail one may not read one does not look into this way.
        world.run(&["user", "add", "eve"]).ok();
        world.run(&["--as", "eve", "template", "preview", "all", "--email", "1"]).fails(65);
        let line = world.run(&["template", "set", "all", "--subject", "{Contact.nmae}"]).fails(65);
        assert!(line.contains("unknown placeholder \"Contact.nmae\"; did you mean {Contact.name}?"), "{line}");
        let names = world.json(&["template", "placeholders"])["items"].to_string();
        assert!(names.contains("\"Parent.description\"") && names.contains("\"Opportunity.assignedUser\""), "{names}");
    }
}

#[test]
fn send_9_html_and_files_of_a_template_go_out_with_every_letter_and_every_answer() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        world.write(&world.path("logo.png"), "PNG", 0o600);
        world.write(&world.path("terms.txt"), "Our terms", 0o600);
        world.write(&world.path("text.txt"), "Hello {Person.name}, plainly.", 0o600);
        let html = "<p>Dear <b>{Person.name}</b></p><img src=\"cid:logo.png\">";
        let files = ["--attach", "terms.txt", "--inline", "logo.png"];
        template(&world, "ack", "Thanks", html, &[&["--html", "--plain", "text.txt"], &files[..]].concat());
        world.run(&["account", "set", "support", "--auto-reply", "ack"]).ok();
        let mallory = QUESTION.replace("Dora <dora@", "\"<script>x</script>\" <mallory@").replace("<a@", "<b@");
        world.run_with(&["deliver", "--account", "support"], &mallory).ok();
        world.run(&["send"]).ok();
        world.run(&["email", "compose", "--to", "dora@example.org", "--template", "ack", "--attach", "text.txt"]).ok();
        let letter = |number: usize| {
            let bytes = sink.taken()[number].bytes.clone();
            world.write(&world.path("sent.eml"), &String::from_utf8(bytes).unwrap(), 0o600);
            world.json(&["explain", "sent.eml"]);
            String::from_utf8(sink.taken()[number].bytes.clone()).unwrap()
        };
        let answer = letter(0);
        for part in ["Auto-Submitted: auto-replied", "Hello <script>x</script>, plainly.", "terms.txt", "Content-ID: <logo.png>"]
        {
            assert!(answer.contains(part), "{database}: {part}: {answer}");
        }
        assert!(answer.contains("&lt;script&gt;") && !answer.contains("<b><script>"), "{database}: {answer}");
        let written = letter(1);
        assert!(
            written.contains("Hello Dora Example, plainly.") && written.contains("<b>Dora Example</b>"),
            "{database}: {written}"
        );
        assert_eq!(written.matches("Content-Disposition: attachment").count(), 2, "{written}");
        let stored = world.json(&["email", "list", "--limit", "1"])["items"][0]["id"].to_string();
        let names: Vec<Value> = world.json(&["email", "attachments", &stored])["items"].as_array().unwrap().clone();
        assert_eq!(names.len(), 3, "{names:?}");
        // Other HTML does not show the template's picture: it stays here.
        world.write(&world.path("own.html"), "<p>Mine</p>", 0o600);
        world.run(&["email", "compose", "--to", "dora@example.org", "--template", "ack", "--html", "own.html"]).ok();
        assert!(!letter(2).contains("logo.png") && letter(2).contains("terms.txt"));
        // Changing them; the audit says what.
        assert_eq!(world.json(&["template", "show", "ack"])["attachments"][1]["name"], "terms.txt");
        world.write(&world.path("terms.txt"), "Our new terms", 0o600);
        world.run(&["template", "set", "ack", "--attach", "terms.txt", "--plain", ""]).ok();
        let said = world.json(&["audit", "list", "--limit", "1"])["items"][0]["detail"].to_string();
        assert!(said.contains("terms.txt (9 bytes)") && said.contains("terms.txt (13 bytes)"), "{said}");
        let made = preview(&world, &[], "ack", "1");
        assert_eq!(
            (&made["text"], &made["attachments"]),
            (&json!("Dear <script>x</script>\n"), &json!(["logo.png", "terms.txt"]))
        );
        assert!(
            world.run(&["template", "set", "ack", "--detach", "nothing.txt"]).fails(65).contains("no attachment \"nothing.txt\"")
        );
        let unseen = world.run_with(&["template", "set", "ack", "--file", "-"], "<p>No picture</p>").fails(65);
        assert!(unseen.contains("does not show \"cid:logo.png\""), "{unseen}");
        world.write(&world.path("large.bin"), &"x".repeat((5 << 20) + 1), 0o600);
        assert!(world.run(&["template", "set", "ack", "--attach", "large.bin"]).fails(65).contains("5242880 are the most"));
        assert_eq!(world.json(&["template", "show", "ack"])["attachments"].as_array().unwrap().len(), 2, "nothing of it is kept");
        world.run(&["template", "set", "ack", "--detach", "terms.txt"]).ok();
        assert_eq!(world.json(&["template", "show", "ack"])["attachments"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn access_2_a_template_names_no_record_that_the_writer_may_not_read() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        world.run_with(&["deliver", "--account", "support"], QUESTION).ok();
        let body = "{Contact.accountName}|{Person.accountName}|{Case.accountName}|{Case.account}|{Case.contactName}";
        template(&world, "names", "Names", body, &[]);
        assert_eq!(preview(&world, &[], "names", "1")["text"], "Example Inc|Example Inc|Example Inc|account:1|Dora Example");
        let ada = ["--as", "ada"];
        assert_eq!(preview(&world, &ada, "names", "1")["text"], "||||", "{database}");
        world.run(&["role", "grant", "agents", "contact", "read", "own"]).ok();
        assert_eq!(preview(&world, &ada, "names", "1")["text"], "||||Dora Example", "{database}");
        world.run(&["role", "grant", "agents", "account", "read", "all"]).ok();
        let all = "Example Inc|Example Inc|Example Inc|account:1|Dora Example";
        assert_eq!(preview(&world, &ada, "names", "1")["text"], all, "{database}");
    }
}
