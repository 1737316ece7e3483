//! espomail-rules(7): what the ids mean that reasons begin with. The page and the program know the same rules, and each has a test.

use espomail::words::Rule;
use regex::Regex;

use crate::support::{source_files, source_text};

/// Every rule that the program names, with what it says.
const RULES: &[(&str, &[(&str, &str)])] = &[
    (
        "FETCHING",
        &[
            (
                "FETCH-2",
                "Each message of a mailbox gets one fate, and none is asked for twice; what people deleted does not come back.",
            ),
            ("FETCH-3", "A new mailbox begins with the account's fetch-since, by the server's date of arrival."),
            (
                "FETCH-5",
                "A mailbox that is another one than it was, or was put back, is compared by Message-ID, size and date: nothing doubles, and what came meanwhile is not lost.",
            ),
            (
                "FETCH-6",
                "What cannot be processed is kept aside whole, and what a server does not hand over is tried again; neither holds up the rest.",
            ),
            (
                "FETCH-9",
                "On its server a message is left alone, unless the account or a filter says otherwise; that is done once it is stored, never before.",
            ),
            ("FETCH-14", "Mail from before the account's act-since is archive: no case, no answer, nobody is told."),
            ("FETCH-15", "What stands in a user's own Sent mailbox was written by that user."),
        ],
    ),
    (
        "READING",
        &[("PARSE-10", "Behind a list that writes its own address into From, the author is X-Original-From, else Reply-To.")],
    ),
    (
        "AUTOMATIC MAIL",
        &[
            ("AUTO-1", "Signs that a machine wrote it: it is never answered by itself."),
            (
                "AUTO-2",
                "Mail is ours by its Message-ID, not by its From; a form that writes as us is its Reply-To's; a colleague is a person.",
            ),
            (
                "AUTO-3",
                "Replies of machines and bulk mail do nothing to cases; what machines write of themselves goes by automatic-cases, lists by list-cases.",
            ),
        ],
    ),
    (
        "DELIVERY REPORTS",
        &[
            ("BOUNCE-2", "A report belongs to the e-mail of ours that it names, and says how its delivery went."),
            ("BOUNCE-3", "Only a report on what we sent to that address marks the address invalid or doubtful."),
        ],
    ),
    (
        "COPIES",
        &[
            ("DUP-1", "One e-mail through several accounts is one e-mail: accounts, teams and users add up."),
            (
                "DUP-2",
                "The same is what has the same Message-ID and the same whole content; nobody gets more than what came to them.",
            ),
            ("DUP-3", "What came to a person first makes its case when it comes to a group account that makes cases."),
        ],
    ),
    (
        "FILTERS",
        &[
            ("FILTER-4", "What filters of an account and global filters do when mail is imported."),
            ("FILTER-5", "What users' filters do in their own inboxes."),
            ("FILTER-6", "Which filter comes first: by the header, then by the whole; the account's, then the global ones."),
            ("FILTER-7", "What a filter skips stays on the server as it is; what is here already stays here."),
        ],
    ),
    (
        "CONVERSATIONS",
        &[
            (
                "THREAD-1",
                "A message answers the e-mail that In-Reply-To names, else the nearest known one of References; one ancestor is one conversation, as far as its author takes part in it.",
            ),
            ("THREAD-2", "An answer takes over the teams of what it answers."),
            ("THREAD-3", "Without References: the same subject, a known participant, within 14 days, and the look of an answer."),
        ],
    ),
    (
        "WHICH RECORD",
        &[
            ("LINK-1", "A signed token of ours leads to where the letter that carries it is now."),
            ("LINK-2", "An answer comes to the record of what it answers; into a case only by those who take part in it."),
            ("LINK-3", "A case number in the subject leads into that case, again only those who take part in it."),
            ("LINK-4", "By address: of From, then Reply-To, then To: a Contact or its Account, an Account, a Lead."),
            ("LINK-5", "Our own addresses are nobody's record."),
            ("LINK-7", "A person said where it belongs: no rule moves it."),
        ],
    ),
    (
        "WHO GETS IT AND WHO HEARS OF IT",
        &[
            ("TEAM-1", "The teams of the account, of what it answers, of its group folder and of its case."),
            ("INBOX-1", "The users of the account's teams, its assigned user, and whoever of us it is from or to."),
            (
                "INBOX-2",
                "Each user marks and moves a copy of their own; an e-mail in a group folder is there for everybody, and in no inbox.",
            ),
            ("NOTE-1", "One line in the stream of the record that it belongs to."),
            ("FOLLOW-1", "Whoever has a record follows it; others follow by command; who may not read it follows no more."),
            ("NOTIFY-1", "Followers of the record and of its Account hear of it, as far as they may read it."),
            ("NOTIFY-2", "Whoever has it newly in the inbox hears of it, once, unless they wrote it, read it, or silenced it."),
        ],
    ),
    (
        "CASES",
        &[
            ("CASE-1", "The first e-mail of a conversation opens a case; the others come to it."),
            ("CASE-2", "What a new case has from its e-mail: number, name, text, team, Account, Contact or Lead."),
            (
                "CASE-4",
                "A case that is over is opened again by its customer's answer within reopen-within; later there is a new one that refers to it.",
            ),
            ("CASE-5", "What people do to cases and e-mails by command, and what follows from it."),
            ("CASE-6", "What one of us passes on with a mark is the matter of whoever wrote it."),
            (
                "DIST-1",
                "Who gets the case: the assigned user, or an active and present member of the case team in turn, or the least busy one.",
            ),
            ("DIST-2", "The turn goes round in a fixed order; hands do not move it."),
            ("DIST-3", "Least busy is who has the fewest open cases, then who got one the longest ago."),
        ],
    ),
    (
        "AUTOMATIC ANSWERS",
        &[
            (
                "ACK-1",
                "A group account answers new cases, or every e-mail where it makes none; not follow-ups, copies and archive.",
            ),
            ("ACK-2", "As whom it answers."),
            ("ACK-3", "Never to machines, to ourselves, or beyond a budget: that is held; see espomail budget list."),
            ("ACK-4", "With require-authenticated-sender, only where the border says that the sender is who it says."),
        ],
    ),
    (
        "MAIL GOING OUT",
        &[
            ("SEND-2", "Through which account a letter goes out."),
            ("SEND-3", "Who may write as whom, by role."),
            ("SEND-6", "What becomes of a letter that a server does not take, or may have taken."),
            ("SEND-7", "Copies for the account's Sent mailbox."),
            ("SEND-10", "To whom answers and forwards go, and what they say."),
            (
                "SEND-11",
                "Limits: 100 recipients a field, and so many messages an hour through an account; signed where the domain has a key.",
            ),
            (
                "SEND-12",
                "What was queued in a database that was put back from a copy waits for a person: it may have gone out since.",
            ),
        ],
    ),
    ("RECORDS", &[("RECORD-1", "What people do to records by command, and what follows from it; no e-mail is lost by that.")]),
    (
        "RIGHTS",
        &[
            ("ACCESS-2", "What a person said of an e-mail: which teams it is of, whose it is to look after, who has it."),
            (
                "ACCESS-5",
                "Mail never acts with a user's rights: From is anybody's word, and what only says to be one of us is marked.",
            ),
        ],
    ),
    ("AGAIN", &[("WHY-2", "What reprocess changed by the rules of today; what a person set by hand stays.")]),
];

const HEAD: &str = "espomail\\-rules \\- what the reasons of espomail begin with
.SH DESCRIPTION
espomail writes down why it did what it did with a message. Each reason begins with the id of a rule: \\fBespomail explain\\fR prints
them for a stored e\\-mail, or for a file, and \\fB\\-o json\\fR has the id as \\fIrule\\fR beside the text; \\fBespomail reprocess\\fR prints what rules would do otherwise today. This page says what
each rule is about.
";

pub fn page() -> String {
    let head = format!(".TH espomail-rules 7 \"\" \"espomail {}\"\n.SH NAME\n", env!("CARGO_PKG_VERSION"));
    let mut text = head + HEAD;
    for (about, rules) in RULES {
        text.push_str(&format!(".SH \"{about}\"\n"));
        for (id, meaning) in *rules {
            text.push_str(&format!(".TP\n\\fB{}\\fR\n{}\n", super::roff(id), super::roff(meaning)));
        }
    }
    text + ".SH \"SEE ALSO\"\n\\fBespomail\\-explain\\fR(1), \\fBespomail\\-mail\\fR(7), \\fBespomail\\-filters\\fR(7), \\fBespomail\\-access\\fR(7)\n"
}

fn ids() -> impl Iterator<Item = &'static str> {
    RULES.iter().flat_map(|(_, rules)| rules.iter().map(|(id, _)| *id))
}

#[test]
fn why_1_every_rule_that_a_reason_names_stands_in_the_manual() {
    let rules: Vec<&str> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    assert_eq!(ids().collect::<Vec<_>>(), rules, "every rule once, in the order of the page");
    let src = source_text(&["src"]);
    let is_used = |rule: &Rule| Regex::new(&format!(r"\b(reason!\(\s*|Rule::){rule:?}\b")).unwrap().is_match(&src);
    assert_eq!(Rule::ALL.iter().filter(|rule| !is_used(rule)).collect::<Vec<_>>(), Vec::<&Rule>::new(), "no reason names them");
}

#[test]
fn why_1_no_text_carries_a_rule_by_hand() {
    let by_hand = |text: &str| {
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap().lines();
        let code = code.map(|line| line.split("//").next().unwrap());
        let words = code.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-'));
        words.filter(|word| word.parse::<Rule>().is_ok()).map(str::to_string).collect::<Vec<_>>()
    };
    assert_eq!(by_hand("// LINK-4\nfn f() -> &str { \"LINK-4: x (LINK-5)\" }").len(), 2, "a planted one is found");
    for file in source_files("src") {
        let is_exempt = file.iter().any(|part| part == "tests") || file.ends_with("tests.rs") || file.ends_with("src/words.rs");
        let found = by_hand(&std::fs::read_to_string(&file).unwrap());
        assert!(is_exempt || found.is_empty(), "{}: {found:?}: say it with reason! or Rule", file.display());
    }
}

#[test]
fn why_1_every_rule_has_a_test() {
    let tests = source_text(&["src", "tests"]);
    // One test may show several rules.
    let has_none = |rule: &&Rule| {
        let id = rule.as_str().to_lowercase().replace('-', "_");
        !tests.contains(&format!("fn {id}_")) && !tests.contains(&format!("_{id}_"))
    };
    assert_eq!(Rule::ALL.iter().filter(has_none).collect::<Vec<_>>(), Vec::<&Rule>::new());
}
