//! What a letter of ours says, through the real binary: signature, quotation, HTML, pictures (SEND-10); and what strangers cannot
//! make of it (SEND-4, SEND-9).

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::smtp::{Manners, SmtpSink};
use crate::support::world::World;

/// A world with the agent ada, who has an account and a signature of her own, and a customer's HTML letter, number 1.
fn world(sink: &SmtpSink) -> World {
    world_on("sqlite", sink)
}

fn world_on(database: &str, sink: &SmtpSink) -> World {
    let world = World::on(database);
    let port = sink.port.to_string();
    let more = ["--signature", "Ada Example\nExample Inc <b>&</b> Co"];
    world.run(&["user", "add", "ada", "--name", "Ada Example", "--address", "ada@example.com", "--administrator"]).ok();
    world.run(&[&["user", "set", "ada"], &more[..]].concat()).ok();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--password-stdin"];
    let smtp = ["--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-security", "plain", "--shared", "--make-cases"];
    world.run_with(&[&add[..], &smtp].concat(), "hunter2\n").ok();
    world
}

fn deliver(world: &World, message: &str) {
    world.run_with(&["deliver", "--account", "support"], &message.replace('\n', "\r\n")).ok();
}

const HTML: &str = "From: Dora <dora@example.org>\nTo: support@example.com\nSubject: Pump\nMessage-ID: <a@example.org>\nMIME-Version: 1.0\n\
Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>It <b>burns</b>.</p><img src=\"cid:pic@x\">\
<script>alert(1)</script><img src=\"http://tracker.example/a.gif\"></blockquote></body><p onclick=\"x()\">Look.</p>\n--b\nContent-Type: image/png\n\
Content-ID: <pic@x>\nContent-Disposition: inline; filename=pic.png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b--\n";

/// What Python's own parser, which is not ours, makes of a message: a list of content types with texts.
fn as_others_read_it(message: &[u8]) -> Value {
    const READ: &str = "import sys,json,email,email.policy\nm=email.message_from_bytes(sys.stdin.buffer.read(),policy=email.policy.default)\n\
        def tree(p):\n  if p.is_multipart(): return [p.get_content_type(),[tree(c) for c in p.iter_parts()]]\n\
        \x20 c=p.get_content(); return [p.get_content_type(),c.replace('\\r\\n','\\n') if isinstance(c,str) else c.hex(),p['Content-ID']]\n\
        print(json.dumps({'defects':[str(d) for d in m.defects],'subject':m['Subject'],'to':m['To'],'tree':tree(m),'headers':m.keys()}))";
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", READ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    python.stdin.take().unwrap().write_all(message).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn send_10_an_answer_has_the_signature_between_text_and_quotation_and_answers_html_in_html() {
    let sink = SmtpSink::start(Manners::default());
    let world = world(&sink);
    deliver(&world, HTML);
    world.run(&["--as", "ada", "email", "reply", "1", "--text", "We <come>."]).ok();
    let read = as_others_read_it(&sink.taken()[0].bytes);
    assert_eq!(read["defects"], serde_json::json!([]));
    let parts = &read["tree"][1];
    assert_eq!(
        (&read["tree"][0], &parts[0][0], &parts[1][0]),
        (&"multipart/alternative".into(), &"text/plain".into(), &"multipart/related".into())
    );
    let text = parts[0][1].as_str().unwrap();
    assert!(
        text.starts_with(
            "We <come>.\n\n-- \nAda Example\nExample Inc <b>&</b> Co\n\nDora <dora@example.org> wrote:\n> It burns."
        ),
        "{text}"
    );
    let html = parts[1][1][0][1].as_str().unwrap();
    assert!(html.contains("We &lt;come&gt;.") && html.contains("Example Inc &lt;b&gt;&amp;&lt;&#47;b&gt; Co"), "{html}");
    assert!(html.contains("<b>burns</b>") && html.contains("cid:pic@x"), "{html}");
    for bad in ["<script", "alert", "tracker", "onclick"] {
        assert!(!html.contains(bad), "{bad}: {html}");
    }
    assert_eq!(html.matches("</blockquote>").count(), 1, "the quotation ends where we end it: {html}");
    assert!(html.trim_end().ends_with("</blockquote>"), "{html}");
    assert_eq!(
        (&parts[1][1][1][1], &parts[1][1][1][2]),
        (&"89504e470d0a1a0a".into(), &"<pic@x>".into()),
        "its picture comes along"
    );
    // Without, and for who has none.
    world.run(&["--as", "ada", "email", "reply", "1", "--text", "Soon.", "--no-signature", "--no-quote"]).ok();
    let read = as_others_read_it(&sink.taken()[1].bytes);
    assert_eq!(read["tree"], serde_json::json!(["text/plain", "Soon.\n", null]));
    world.run(&["email", "forward", "1", "--to", "carl@example.org", "--text", "FYI", "--from", "support@example.com"]).ok();
    let read = as_others_read_it(&sink.taken()[2].bytes).to_string();
    assert!(read.contains("---------- Forwarded message") && read.contains("<b>burns</b>") && !read.contains("-- \\n"), "{read}");
}

#[test]
fn send_10_pictures_that_the_html_shows_and_files_beside_it() {
    let sink = SmtpSink::start(Manners::default());
    let world = world(&sink);
    for (name, text) in [("a.html", "<p>Grüße</p><img src=\"cid:logo.png\">"), ("logo.png", "PNG"), ("b.txt", "file")] {
        world.write(&world.path(name), text, 0o600);
    }
    let compose =
        ["--as", "ada", "email", "compose", "--to", "Jörg Ä <joerg@exämple.org>", "--subject", "Grüße 🌍", "--text", "Grüße"];
    world.run(&[&compose[..], &["--html", "a.html", "--inline", "logo.png", "--attach", "b.txt"]].concat()).ok();
    let read = as_others_read_it(&sink.taken()[0].bytes);
    assert_eq!(
        (&read["subject"], &read["to"]),
        (&"Grüße 🌍".into(), &"Jörg Ä <joerg@xn--exmple-cua.org>".into()),
        "IDN needs no SMTPUTF8"
    );
    let tree = &read["tree"];
    let kinds =
        [&tree[0], &tree[1][0][0], &tree[1][0][1][0][0], &tree[1][0][1][1][0], &tree[1][0][1][1][1][1][0], &tree[1][1][0]];
    assert_eq!(
        kinds.map(|kind| kind.as_str().unwrap()),
        ["multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "image/png", "text/plain"]
    );
    assert!(tree.to_string().contains("-- <br>\\nAda Example<br>"), "{tree}");
    let line = world.run(&[&compose[..], &["--inline", "logo.png"]].concat()).fails(64);
    assert!(line.contains("no HTML shows \"cid:logo.png\""), "{line}");
}

#[test]
fn send_10_letters_with_html_carry_the_signature_as_html_and_its_account_signs_for_who_has_none() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        deliver(&world, HTML);
        let hers = "<p onclick=\"x()\">Ada <b>Example</b></p><script>alert(1)</script><img src=\"http://tracker.example/a.gif\">";
        world.run(&["user", "set", "ada", "--signature", "Ada, plainly", "--signature-html", hers]).ok();
        let kept = world.json(&["user", "show", "ada"])["signature_html"].to_string();
        assert!(
            kept.contains("<b>Example</b>") && !["script", "onclick", "tracker"].iter().any(|bad| kept.contains(bad)),
            "{kept}"
        );
        world.run(&["account", "set", "support", "--signature", "The desk", "--signature-html", "<i>The desk</i>"]).ok();
        let parts = |number: usize| {
            let tree = as_others_read_it(&sink.taken()[number].bytes)["tree"].clone();
            let html = if tree[1][1][0] == "text/html" { tree[1][1][1].clone() } else { tree[1][1][1][0][1].clone() };
            (tree[1][0][1].as_str().unwrap_or_default().to_string(), html.as_str().unwrap_or_default().to_string())
        };
        // HTML of one's own, for a case: `case reply` is no other.
        world.write(&world.path("own.html"), "<p>We <u>come</u>.</p>", 0o600);
        world.run(&["--as", "ada", "case", "reply", "1", "--html", "own.html"]).ok();
        let (text, html) = parts(0);
        assert!(text.starts_with("We come.\n\n-- \nAda, plainly\n\nDora"), "{database}: {text}");
        assert!(html.starts_with("<p>We <u>come</u>.</p>\n<div>-- <br>\n<p>Ada <b>Example</b></p>"), "{database}: {html}");
        // The service account has no signature, so it is the account's.
        world.run(&["email", "reply", "1", "--text", "Soon."]).ok();
        let (text, html) = parts(1);
        assert!(
            text.starts_with("Soon.\n\n-- \nThe desk\n\nDora") && html.contains("<i>The desk</i>"),
            "{database}: {text} {html}"
        );
        world.run(&["email", "reply", "1", "--text", "Soon.", "--no-signature"]).ok();
        assert!(!parts(2).1.contains("The desk"), "{database}");
        // A letter without HTML has the text alone, made of the HTML where there is none.
        world.run(&["user", "set", "ada", "--signature", ""]).ok();
        world.run(&["--as", "ada", "email", "compose", "--to", "x@example.org", "--subject", "x", "--text", "Hi."]).ok();
        let read = as_others_read_it(&sink.taken()[3].bytes);
        assert_eq!(read["tree"], serde_json::json!(["text/plain", "Hi.\n\n-- \nAda Example\n", null]), "{database}");
    }
}

#[test]
fn send_10_a_signature_is_its_users_own_affair_and_plain_text() {
    let world = World::new();
    world.run(&["user", "add", "ben"]).ok();
    let refused = world.run(&["user", "set", "ben", "--signature", "a\u{1b}[31mb"]);
    assert!(refused.status == Some(64) && refused.stderr.contains("no control characters"), "{}", refused.stderr);
    world.run(&["user", "set", "ben", "--signature", "Ben\nDesk"]).ok();
    assert_eq!(world.json(&["user", "show", "ben"])["signature"], "Ben\nDesk");
    world.run(&["--as", "ben", "user", "set", "ben", "--signature", ""]).ok();
    assert_eq!(world.json(&["user", "show", "ben"])["signature"], "");
}
