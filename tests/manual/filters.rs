//! espomail-filters(7): what filters ask and do. Its examples are run: those that begin with a name in a comment are files,
//! the others are what a person types.

use std::process::Command;

use crate::support::world::{Done, World};

const PAGE: &str = r#"espomail\-filters \- which mail comes in, and where it goes
.SH DESCRIPTION
A filter has criteria and actions: what a message must have, and what is done with it then.
\fBespomail filter\fR adds, lists, changes, moves, removes and tests filters.
.SS Scopes
.TP
Global
filters (\fB\-\-global\fR) look at what comes through any account. They are administrators'.
.TP
An account's
filters (\fB\-\-account\fR \fIACCOUNT\fR) look at what comes through that account. Those of group accounts are administrators',
those of a personal account its owner's.
.TP
A user's
filters (\fB\-\-user\fR \fIUSER\fR) look at what is new in that user's inbox, whatever account it came through. They are that
user's, and say nothing of mail that the user wrote.
.SS Order
The filters of a scope are tried in the order that \fBfilter list\fR shows, and the first that matches wins; the others of that
scope are not asked. The account's filters come first, then the global ones; both scopes may match one message, and where
both choose the same thing the account's choice counts. Where any of the two skips it, it is skipped.
.PP
.EX
espomail filter add spam \-\-global \-\-header 'X\-Spam\-Flag: YES' \-\-skip
espomail filter add newsletters \-\-account support \-\-list\-id '*' \-\-no\-case \-\-no\-reply
espomail filter move spam \-\-first
espomail filter list
.EE
.PP
Where a filter may skip by the header alone, headers are fetched first, and the body of a skipped message is never
downloaded. The filters are asked twice then: on the header, where one that asks for the body cannot match, and on the whole message.
.SH CRITERIA
All that are given must hold; a filter without criteria is refused.
.TP
\fB\-\-from\fR, \fB\-\-to\fR, \fB\-\-cc\fR, \fB\-\-list\-id\fR
The address, or any of them, is like the pattern. Capital and small letters never differ here.
.TP
\fB\-\-subject\fR, \fB\-\-header\fR \fI'Name: pattern'\fR
The whole subject, or any field of that name, is like the pattern.
.TP
\fB\-\-body\fR, \fB\-\-body\-all\fR
The text has any of the phrases, or all of them.
.TP
\fB\-\-has\-attachment\fR, \fB\-\-automatic\fR, each \fB[=false]\fR
It has files; a machine wrote it.
.TP
\fB\-\-larger\fR, \fB\-\-smaller\fR
Its size in bytes; K and M count in 1024.
.PP
In a pattern, \fB*\fR stands for any run of characters; all others stand for themselves, and the pattern is like the whole text.
With \fB\-\-regex\fR patterns and phrases are regular expressions that are found anywhere; they cost no more for a hostile text than
for any other. With \fB\-\-match\-case\fR capital and small letters differ in subjects, texts and header fields.
.PP
.EX
espomail folder add Billing \-\-group
espomail filter add bills \-\-account support \-\-subject '*invoice*' \-\-has\-attachment \-\-folder Billing
espomail filter add serials \-\-account support \-\-regex \-\-body '\ebSN\-[0\-9]{6}\eb' \-\-priority high
.EE
.SH ACTIONS
.SS "Of global and account filters"
.TP
\fB\-\-skip\fR
This account does not import it. It stays on the server as it is, with the fate \fBfiltered\fR; another account may import it. What comes
by \fBespomail deliver\fR or \fBespomail import\fR and is skipped is on no server: it is kept nowhere.
.TP
\fB\-\-folder\fR
Into a group folder, whose teams get it, too.
.TP
\fB\-\-assign\fR, \fB\-\-assign\-team\fR
Somebody, or a team, gets it and the case that it opens.
.TP
\fB\-\-priority\fR, \fB\-\-status\fR, \fB\-\-no\-case\fR
Of the case that it opens; or it opens none.
.TP
\fB\-\-no\-reply\fR, \fB\-\-mark\-read\fR
It gets no automatic answer; it counts as read.
.TP
\fB\-\-hold\fR
It waits for a person's word: \fBespomail review list\fR.
.TP
\fB\-\-run\fR \fINAME\fR
Runs a command; see below.
.TP
\fB\-\-server\-move\fR \fIMAILBOX\fR, \fB\-\-server\-seen\fR
Moves it into another mailbox of its server, or marks it as seen there, once it is stored. It goes before what the account does with all
mail (\fBaccount set \-\-after\-fetch\fR), and not with \fB\-\-skip\fR: what is skipped is left alone.
.SS "Of users' filters"
\fB\-\-skip\fR puts it into that user's trash, \fB\-\-folder\fR into one of their folders; \fB\-\-mark\-read\fR and
\fB\-\-skip\-notification\fR go with these or alone.
.PP
.EX
espomail folder add Later \-\-user ada
espomail filter add later \-\-user ada \-\-from '*@lists.example.org' \-\-folder Later \-\-mark\-read
.EE
.SH COMMANDS
A filter names a command; what is run stands in the configuration, so that who can write the database cannot make the
service account run anything else. There are none by default, and only administrators may use \fB\-\-run\fR.
.PP
.EX
.\" file: config
[filters.commands]
ticket = ["/usr/local/bin/ticket", "\-\-from\-mail"]
.EE
.PP
.EX
espomail filter add escalate \-\-account support \-\-subject '*urgent*' \-\-run ticket
.EE
.PP
The command is written down in the transaction that stores the e\-mail, and run by \fBespomail fetch\fR, behind the accounts;
\fBdeliver\fR and \fBimport\fR leave it to the next \fBfetch\fR. No shell is involved. It runs in the folder / and gets nothing of
espomail's variables (ESPOMAIL_*, PG*, CREDENTIALS_DIRECTORY). Its standard input is one JSON document in one line, with
\fBeffect\fR (a number that is the same each time it is tried), \fBattempt\fR, \fBfilter\fR, \fBaccount\fR, \fBemail\fR (its number),
\fBrecord\fR (such as case:42, or null), \fBfrom\fR, \fBto\fR and \fBcc\fR (name and address), \fBsubject\fR, \fBdate\fR,
\fBmessage_id\fR and \fBtext\fR. What it prints is dropped; the last line of its standard error is kept when it fails.
.PP
It fails with an exit status other than 0, or when it takes longer than \fBfilters.command\-timeout\fR (30 seconds): then its process
group is killed. It is tried again after 1, 2, 4 and 8 minutes. When the fifth attempt fails, \fBfetch\fR says so and gives it up;
\fBespomail filter retry\fR has it tried again. A command may be run twice for one e\-mail, when the pass that runs it dies:
let it look at \fBeffect\fR. It is not run by \fBfetch \-\-dry\-run\fR, \fBexplain\fR, \fBtest\fR and \fBreprocess\fR, nor for
mail older than the account's \fBact\-since\fR.
.SH SIEVE
A Sieve script (RFC 5228) may stand in the place of criteria and actions.
.PP
.EX
.\" file: billing.sieve
require ["fileinto", "body"];
if header :is "X\-Spam\-Flag" "YES" {
    discard;
} elsif anyof (address :domain :is "from" "billing.example.org",
               body :contains "purchase order") {
    fileinto "Billing";
}
.EE
.PP
.EX
espomail filter add billing \-\-account support \-\-sieve billing.sieve
espomail filter show billing
.EE
.TP
\fBdiscard\fR
is \fB\-\-skip\fR.
.TP
\fBfileinto\fR
is \fB\-\-folder\fR, the group folder or that user's by name. Where there is no such folder any more, the filter does not match.
.TP
\fBkeep\fR, \fBstop\fR, or the end of the script
leave the message to the next filter. A \fBkeep\fR that is said counts before every \fBdiscard\fR (RFC 5228, section 4.4), and \fBfileinto\fR before both.
.PP
The tests header, address, exists, size, allof, anyof, not, true and false are there, and the extensions fileinto, body, relational,
subaddress and the three comparators of RFC 5228 and RFC 4790. Everything else is refused with its line when the script is given:
filters answer nobody and send nothing. \fBbody\fR looks at the first 64 KiB of the text. A script without it may skip by the header
alone. It has at most 64 KiB and may take 5,000 steps for a message.
.PP
With \fB\-\-sieve \-\fR the script comes from standard input; through sudo that is the only way.
.SH "TRYING THEM OUT"
\fBfilter test\fR holds filters against a file, a stored e\-mail or everything since some time, criterion by criterion, and changes
nothing. \fBexplain\fR says what all rules make of a message.
.PP
.EX
espomail filter test \-\-last 7d \-\-filter spam
printf 'Subject: Your invoice\en\enSN\-123456' | espomail filter test \-
.EE
.SH "STORED MAIL"
\fBespomail reprocess \-\-filter\fR \fINAME\fR holds a filter against stored mail, also of before it was made, and prints what would
differ; \fB\-\-apply\fR makes it so. A user's filter sorts what that user has: where the user chose a place, or marked it as read or
unread, that stays. Of a filter that was changed, is not used any more or was removed, what it did is taken back in the same way: the
group folder, the teams and users it gave the e\-mail to, read marks, the place in an inbox; what a person changed since stays. Cases,
priorities and assigned users of cases stay as they are, and nothing is run or answered.
.SH "SEE ALSO"
\fBespomail\-filter\fR(1), \fBespomail\-review\fR(1), \fBespomail\-explain\fR(1), \fBespomail\-access\fR(7), \fBespomail.toml\fR(5)
"#;

/// Makes the page.
pub fn page() -> String {
    let head = format!(".TH espomail-filters 7 \"\" \"espomail {}\"\n.SH NAME\n", env!("CARGO_PKG_VERSION"));
    head + PAGE
}

/// Returns the examples as they are read: the name of the file, where it is one, and the text.
fn examples() -> Vec<(Option<String>, String)> {
    let blocks = PAGE.split(".EX\n").skip(1).map(|block| block.split(".EE\n").next().unwrap());
    let read = |block: &str| {
        let text = block.replace("\\-", "-").replace("\\e", "\\");
        match text.strip_prefix(".\\\" file: ").and_then(|text| text.split_once('\n')) {
            Some((name, text)) => (Some(name.to_string()), text.to_string()),
            None => (None, text),
        }
    };
    blocks.map(read).collect()
}

#[test]
fn filter_examples_of_the_manual_do_what_they_say() {
    let world = World::new();
    world.run(&["user", "add", "ada"]).ok();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--password-stdin"];
    world.run_with(&add, "hunter2\n").ok();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_espomail")).parent().unwrap();
    let mut typed = String::new();
    for (file, text) in examples() {
        match file.as_deref() {
            Some("config") => {
                let config = std::fs::read_to_string(world.config()).unwrap();
                world.write(&world.config(), &format!("{config}\n{text}"), 0o600);
            }
            Some(name) => world.write(&world.path(name), &text, 0o600),
            None => {
                let model = world.command(&[]);
                let mut shell = Command::new("sh");
                shell.args(["-ec", &text]).env_clear().current_dir(world.path("."));
                shell.envs(model.get_envs().filter_map(|(name, value)| Some((name, value?))));
                shell.env("PATH", format!("{}:/usr/bin:/bin", program.display()));
                typed += &Done::of(&mut shell, "").ok();
            }
        }
    }
    for part in ["fileinto \"Billing\";", "  matches bills", "  matches serials"] {
        // A message without files is no bill.
        assert_eq!(typed.contains(part), part != "  matches bills", "{part}: {typed}");
    }
    let listed = world.json(&["filter", "list"]);
    assert_eq!(listed["items"].as_array().unwrap().len(), 7, "{listed}");
}
