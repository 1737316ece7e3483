//! What people see, word by word: a small office, and what the commands that look print of it, as text and as JSON. Both databases
//! show the same. A change of it is a change of these snapshots, to be seen in review: `INSTA_UPDATE=always cargo test shown` writes
//! them anew.

use regex::Regex;

use crate::support::world::World;

const MAIL: &str = "From: Dora Example <dora@example.org>\nTo: support@example.com\nSubject: Pump\nMessage-ID: <a@example.org>\n\
    Date: Mon, 23 Nov 2026 09:00:00 +0000\n\nIt is broken.\n\n-- \nDora\n";
const ANSWER: &str = "From: dora@example.org\nTo: support@example.com\nSubject: Re: Pump\nMessage-ID: <b@example.org>\nIn-Reply-To: <a@example.org>\n\
    Date: Mon, 23 Nov 2026 09:10:00 +0000\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n\
    <p>It is the <b>red</b> one.</p><script>x()</script>\n--b\nContent-Type: image/png\nContent-Disposition: attachment; filename=pump.png\n\
    Content-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b--\n";
const LIST: &str = "From: news@shop.example\nTo: support@example.com\nSubject: Offers\nMessage-ID: <c@shop.example>\nList-Id: <news.shop.example>\n\
    Date: Mon, 23 Nov 2026 09:20:00 +0000\n\nBuy now.\n";
const CLAIM: &str = "From: Ada <ada@example.com>\nTo: support@example.com\nSubject: Keys\nMessage-ID: <d@example.net>\n\
    Date: Mon, 23 Nov 2026 09:30:00 +0000\n\nSend me the keys.\n";
const STRANGER: &str = "From: eve@example.net\nTo: support@example.com\nSubject: Re: Pump\nMessage-ID: <e@example.net>\nIn-Reply-To: <a@example.org>\n\
    Date: Mon, 23 Nov 2026 09:40:00 +0000\n\nMe, too.\n";
const SKIPPED: &str = "From: spam@example.net\nTo: support@example.com\nSubject: Spam\nMessage-ID: <f@example.net>\n\
    Date: Mon, 23 Nov 2026 09:50:00 +0000\n\nSpam.\n";

fn office(database: &str) -> World {
    let world = World::on(database);
    let told = |line: &str| drop(world.run(&line.split(' ').collect::<Vec<_>>()).ok());
    told("user add ada --name Ada --address ada@example.com");
    told("user add boss --administrator");
    told("team add desk");
    told("team join desk ada");
    told("role add agents");
    for right in ["case read", "case edit", "email read", "group-account use"] {
        told(&format!("role grant agents {right} team"));
    }
    told("role give agents --team desk");
    told("record add account Example --address info@example.org");
    told("record add contact Dora --address dora@example.org --account account:1");
    told("template add received --subject Received:{Email.subject}");
    let add = "account add support --address support@example.com --imap-host imap.example.com --make-cases --distribution round-robin \
               --case-team desk --team desk --shared --unknown-sender hold --smtp-host smtp.example.com --password-stdin";
    world.run_with(&add.split_ascii_whitespace().collect::<Vec<_>>(), "hunter2\n").ok();
    told("filter add spam --account support --subject spam* --skip");
    told("folder add Offers --group");
    told("filter add offers --global --from *@shop.example --folder Offers");
    for mail in [MAIL, ANSWER, LIST, CLAIM, STRANGER, SKIPPED, MAIL] {
        world.run_with(&["deliver", "--account", "support"], &mail.replace('\n', "\r\n")).ok();
    }
    world.run(&["case", "note", "1", "She called."]).ok();
    told("case reply 1 --text Tomorrow. --queue");
    told("email compose --from support@example.com --to carl@example.org --subject Plan --text Here. --draft");
    world
}

/// Commands that look, by the noun that they are about.
const LOOKS: [(&str, &[&str]); 9] = [
    ("account", &["account list", "account show support", "case next --account support"]),
    (
        "email",
        &[
            "email list",
            "email show 1",
            "email show 2",
            "email show 4",
            "email attachments 2",
            "email list --of-nobody",
            "email list --drafts",
        ],
    ),
    ("case", &["case list", "case show 1"]),
    ("explain", &["explain 1", "explain 2", "explain 3", "explain 4", "explain 5", "explain <f@example.net>"]),
    ("filter", &["filter list", "filter show spam", "filter test 3"]),
    ("outbox", &["outbox list", "outbox show 1", "outbox show 2"]),
    ("people", &["user list", "user rights ada", "team show desk", "role show agents", "notification list --user ada"]),
    ("record", &["record list contact", "record show contact:1", "record show account:1", "review list", "address list"]),
    ("rest", &["quarantine list", "budget list", "template show received", "folder list", "reprocess --all"]),
];

#[test]
fn what_people_see_is_what_it_was() {
    // What nobody can know beforehand: the random part of an id that leads back to its record.
    let random = Regex::new(r"<?[0-9a-z.+=-]{12,}@example\.com>?").expect("it is one");
    for database in ["sqlite", "postgresql"] {
        let world = office(database);
        // Nor who runs this.
        let who = world.json(&["audit", "list", "--limit", "1"])["items"][0]["os_account"].as_str().unwrap().to_string();
        let operator = Regex::new(&format!(r#"("by": "|note by |author: +){}("?)"#, regex::escape(&who))).expect("it is one");
        for (noun, looks) in LOOKS {
            for format in ["text", "json"] {
                let mut shown = String::new();
                for look in looks {
                    let words: Vec<&str> = ["-o", format].into_iter().chain(look.split(' ')).collect();
                    let done = world.run(&words);
                    shown += &format!("$ espomail {look}\n{}{}\n", done.stdout, done.stderr);
                }
                let shown = random.replace_all(&shown, "<TOKEN@example.com>");
                let shown = operator.replace_all(&shown, "${1}OPERATOR$2");
                insta::with_settings!({ snapshot_path => "shown", prepend_module_to_snapshot => false, omit_expression => true }, {
                    insta::assert_snapshot!(format!("{noun}.{format}"), shown);
                });
            }
        }
    }
}
