//! BOUNCE-1: reports as they are sent, in our words, and mail that only looks like one.

use crate::mail::{Bounce, parse};

fn read(head: &str, body: &str) -> Option<Bounce> {
    parse(format!("To: support@example.com\n{head}\n\n{body}").as_bytes()).bounce
}

/// The first recipient with its status, and whether the report is hard.
fn told(head: &str, body: &str) -> Option<(String, String, bool)> {
    let bounce = read(head, body)?;
    let first = bounce.recipients.first()?;
    Some((first.address.clone(), first.status.clone().unwrap_or_default(), bounce.hard))
}

fn report(status: &str, returned: &str) -> Option<Bounce> {
    let head = "From: MAILER-DAEMON@mx.example.com\nSubject: Undelivered Mail Returned to Sender\nReturn-Path: <>\n\
        Content-Type: multipart/report; report-type=delivery-status; boundary=b";
    let body = format!(
        "--b\nContent-Type: text/plain\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\n{status}\n\
         --b\nContent-Type: message/rfc822\n\n{returned}\n--b--\n"
    );
    read(head, &body)
}

#[test]
fn bounce_1_a_standard_report_is_read_whole() {
    let bounce = report(
        "Reporting-MTA: dns; mx.example.com\nOriginal-Envelope-Id: QQ4711\n\nOriginal-Recipient: rfc822;ada+2Bpump@example.org\n\
         Final-Recipient: rfc822; ada@inside.example.org\nAction: failed\nStatus: 5.1.1 (no such user)\n\
         Diagnostic-Code: smtp; 550 5.1.1 <ada@inside.example.org>: Recipient\n address rejected\n\n\
         Final-Recipient: rfc822; ben@example.org\nAction: delayed\nStatus: 4.4.1\n",
        "From: support@example.com\nMessage-ID: <one@example.com>\nSubject: x\n\ntext",
    )
    .expect("it is a report");
    assert_eq!((bounce.message_id.as_deref(), bounce.envelope_id.as_deref()), (Some("one@example.com"), Some("QQ4711")));
    let told: Vec<_> =
        bounce.recipients.iter().map(|one| (one.address.as_str(), one.action.as_str(), one.status.as_deref())).collect();
    assert_eq!(told, [("ada+pump@example.org", "failed", Some("5.1.1")), ("ben@example.org", "delayed", Some("4.4.1"))]);
    assert_eq!(
        bounce.recipients[0].diagnostic.as_deref(),
        Some("550 5.1.1 <ada@inside.example.org>: Recipient address rejected")
    );
    assert!(bounce.hard && bounce.recipients[0].means_address() && !bounce.recipients[1].means_address());
}

#[test]
fn bounce_1_hard_is_what_stays() {
    for (status, hard, failure) in [
        ("Final-Recipient: rfc822;a@example.org\nAction: failed\nStatus: 5.2.2", false, true),
        ("Final-Recipient: rfc822;a@example.org\nAction: failed\nStatus: 5.7.1", true, true),
        ("Final-Recipient: rfc822;a@example.org\nAction: failed\nStatus: 4.4.7", false, true),
        ("Final-Recipient: rfc822;a@example.org\nAction: delayed\nStatus: 4.2.0", false, true),
        ("Final-Recipient: rfc822;a@example.org\nAction: relayed\nStatus: 2.0.0", false, false),
        (
            "Final-Recipient: rfc822;a@example.org\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp;550 5.1.1 none",
            true,
            true,
        ),
        // Two recipients without an empty line between them.
        (
            "Final-Recipient: rfc822;b@example.org\nAction: delivered\nFinal-Recipient: a@example.org\nAction: failed\nStatus: 5.1.1",
            true,
            true,
        ),
        ("Final-Recipient: utf-8;j\\x{F6}rg@example.org\nAction: failed\nStatus: 5.1.1", true, true),
    ] {
        let bounce = report(status, "Message-ID: <one@example.com>\n\n").expect("it is a report");
        assert_eq!((bounce.hard, bounce.is_failure()), (hard, failure), "{status}");
    }
}

const QMAIL: &str = "Hi. This is the qmail-send program at mx.example.net.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n\
    This is a permanent error; I've given up. Sorry it didn't work out.\n\n<ada@example.org>:\n192.0.2.1 does not like recipient.\n\
    Remote host said: 550 no such user here\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <support@example.com>\nMessage-ID: <one@example.com>\n";
const EXIM: &str = "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\n\
    recipients. This is a permanent error. The following address(es) failed:\n\n  ada@example.org\n    SMTP error from remote mail server after RCPT TO:<ada@example.org>:\n\
    host mx.example.org [192.0.2.1]: 550 5.1.1 unknown or illegal alias\n\n------ This is a copy of the message, including all the headers. ------\n\nMessage-ID: <one@example.com>\n";
const SENDMAIL: &str = "The original message was received at Mon, 23 Nov 2026 09:12:00 GMT\n\n   ----- The following addresses had permanent fatal errors -----\n<ada@example.org>\n\
    \x20   (reason: 550 5.1.1 <ada@example.org>... User unknown)\n\n   ----- Transcript of session follows -----\n... while talking to mx.example.org.:\n";
const EXCHANGE: &str = "Your message did not reach some or all of the intended recipients.\n\n      Subject:\tPump\n      Sent:\t23.11.2026 09:12\n\n\
    The following recipient(s) could not be reached:\n\n      ada@example.org on 23.11.2026 09:12\n            The e-mail account does not exist at the organization this message was sent to.\n            <mx.example.org #5.1.1>\n";
const OFFICE: &str = "Delivery has failed to these recipients or groups:\n\nada@example.org\nThe email address you entered couldn't be found. Please check it and try to resend.\n\n\
    Diagnostic information for administrators:\n\nRemote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound'\n\nOriginal message headers:\n\nMessage-ID: <one@example.com>\n";
const GMAIL: &str = "** Address not found **\n\nYour message wasn't delivered to ada@example.org because the address couldn't be found, or is unable to receive mail.\n\n\
    The response was:\n\n550 5.1.1 The email account that you tried to reach does not exist.\n";
const GMAIL_OLD: &str = "Delivery to the following recipient failed permanently:\n\n     ada@example.org\n\nTechnical details of permanent failure: \nThe recipient server did not accept our requests. 550-5.1.1 try\n\n----- Original message -----\nMessage-ID: <one@example.com>\n";
const POSTFIX: &str = "This is the mail system at host mx.example.com.\n\nI'm sorry to have to inform you that your message could not\nbe delivered to one or more recipients.\n\n\
    <ada@example.org>: host mx.example.org[192.0.2.1] said: 550 5.1.1 User unknown\n    (in reply to RCPT TO command)\n";
const DOMINO: &str = "Your Document:\n\nPump\n\ncould not be delivered to:\n\nada@example.org\n\nbecause:\n\nUser ada (ada@example.org) not listed in Domino Directory\n";
const FULL: &str = "Your message could not be delivered.\n\n<ada@example.org>: mailbox is full, retry later\n";
const DELAY: &str = "This is a warning message only.\nYOU DO NOT NEED TO RESEND YOUR MESSAGE.\n\nThe message has not yet been delivered to:\n\n  ada@example.org\n    Delay reason: connection timed out\n";
const SES: &str = "An error occurred while trying to deliver the mail to the following recipients:\nada@example.org\n\nThe address does not exist.\n";
const GERMAN: &str =
    "Die Nachricht konnte nicht zugestellt werden:\n\n<ada@example.org>: 550 Requested action not taken: mailbox unavailable\n";

#[test]
fn bounce_1_the_forms_of_many_systems_are_read() {
    let daemon = |subject: &str| format!("From: Mail Delivery System <MAILER-DAEMON@mx.example.net>\nSubject: {subject}");
    let postmaster = |subject: &str| format!("From: postmaster@example.net\nSubject: {subject}");
    for (name, head, body, status, hard) in [
        ("qmail", daemon("failure notice"), QMAIL, "5.1.1", true),
        ("exim", daemon("Mail delivery failed: returning message to sender"), EXIM, "5.1.1", true),
        (
            "exim by header",
            "From: x@example.net\nSubject: y\nX-Failed-Recipients: ada@example.org".to_string(),
            EXIM,
            "5.1.1",
            true,
        ),
        ("sendmail", daemon("Returned mail: see transcript for details"), SENDMAIL, "5.1.1", true),
        (
            "exchange",
            "From: System Administrator <postmaster@example.org>\nSubject: Undeliverable: Pump".to_string(),
            EXCHANGE,
            "5.1.1",
            true,
        ),
        ("office", postmaster("Undeliverable: Pump"), OFFICE, "5.1.10", true),
        ("gmail", daemon("Delivery Status Notification (Failure)"), GMAIL, "5.1.1", true),
        ("gmail before", daemon("Delivery Status Notification (Failure)"), GMAIL_OLD, "5.1.1", true),
        ("postfix", daemon("Undelivered Mail Returned to Sender"), POSTFIX, "5.1.1", true),
        (
            "domino",
            postmaster("DELIVERY FAILURE: User ada (ada@example.org) not listed in Domino Directory"),
            DOMINO,
            "5.1.1",
            true,
        ),
        ("full", daemon("failure notice"), FULL, "5.2.2", false),
        ("delay", daemon("Warning: message delayed 24 hours"), DELAY, "4.4.7", false),
        ("ses", daemon("Delivery Status Notification (Failure)"), SES, "5.1.1", true),
        (
            "german",
            "From: postmaster@example.net\nSubject: Unzustellbar: Pumpe\nReturn-Path: <>".to_string(),
            GERMAN,
            "5.1.0",
            true,
        ),
    ] {
        assert_eq!(told(&head, body), Some(("ada@example.org".to_string(), status.to_string(), hard)), "{name}");
    }
    assert_eq!(read(&daemon("failure notice"), QMAIL).and_then(|bounce| bounce.message_id).as_deref(), Some("one@example.com"));
}

#[test]
fn bounce_1_what_only_speaks_of_a_failure_is_no_report() {
    for (name, head, body) in [
        (
            "a person asks",
            "From: ada@example.org\nSubject: Undeliverable: Pump",
            "I got this:\n\n<ben@example.org>: user unknown\n",
        ),
        ("an answer", "From: ada@example.org\nSubject: Re: Mail delivery failed", EXIM),
        (
            "absence",
            "From: ada@example.org\nSubject: Automatic reply: Pump\nAuto-Submitted: auto-replied\nReturn-Path: <>",
            "I am away. My mailbox is not read.\n",
        ),
        (
            "a postmaster writes",
            "From: postmaster@example.org\nSubject: New rules",
            "Dear users,\n\nplease choose a new password.\n",
        ),
        (
            "a receipt",
            "From: ada@example.org\nSubject: Read: Pump\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b",
            "--b\n\nYour message was read.\n--b\nContent-Type: message/disposition-notification\n\nDisposition: manual-action/MDN-sent-manually; displayed\n--b--\n",
        ),
        (
            "an abuse report",
            "From: postmaster@example.org\nSubject: Complaint\nContent-Type: multipart/report; report-type=feedback-report; boundary=b",
            "--b\n\nThis message was rejected.\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n--b--\n",
        ),
    ] {
        assert_eq!(read(head, body), None, "{name}");
    }
}

#[test]
fn bounce_1_hostile_reports_cost_in_proportion() {
    for body in
        ["a@b.c ".repeat(100_000), "<a@b.c>:\n".repeat(50_000), "550 ".repeat(200_000), "-- message headers\n".repeat(50_000)]
    {
        let started = std::time::Instant::now();
        let _ = read("From: mailer-daemon@example.org\nSubject: failure notice", &format!("could not be delivered\n{body}"));
        assert!(started.elapsed().as_secs() < 4, "{:?}", started.elapsed());
    }
    let groups = "Final-Recipient: rfc822;a@example.org\nAction: failed\n\n".repeat(50_000);
    let bounce = report(&groups, "").expect("it is a report");
    assert!(bounce.recipients.len() <= 1_001);
}

#[test]
fn bounce_1_a_report_that_writes_the_action_before_the_name() {
    let bounce = report(
        "Reporting-MTA: dns; mx.example.com\n\nAction: failed\nFinal-Recipient: rfc822; ada@example.org\n\
         Original-Recipient: rfc822; ada@example.org\nStatus: 5.1.1\n\nAction: delayed\n\
         Final-Recipient: rfc822; ben@example.org\nOriginal-Recipient: rfc822; ben@example.org\nStatus: 4.2.0",
        "",
    )
    .expect("it is a report");
    let told: Vec<_> =
        bounce.recipients.iter().map(|one| (one.address.as_str(), one.action.as_str(), one.status.as_deref())).collect();
    assert_eq!(told, [("ada@example.org", "failed", Some("5.1.1")), ("ben@example.org", "delayed", Some("4.2.0"))]);
}

#[test]
fn bounce_1_words_make_a_vague_status_precise_but_never_final() {
    for (status, diagnostic, expected) in [
        ("5.0.0", "550 blocked by our policy", "5.0.0"),
        ("5.0.0", "550 no such user", "5.1.1"),
        ("4.0.0", "450 no such user yet", "4.0.0"),
        ("4.0.0", "450 4.7.1 later", "4.7.1"),
    ] {
        let fields = format!(
            "Final-Recipient: rfc822;ada@example.org\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp; {diagnostic}"
        );
        let bounce = report(&fields, "").expect("it is a report");
        assert_eq!(bounce.recipients[0].status.as_deref(), Some(expected), "{diagnostic}");
    }
}

#[test]
fn bounce_1_daemons_without_an_address_write_reports() {
    for from in ["MAILER-DAEMON <>", "\"Mail Delivery System\" <>", "<>\nReturn-Path: <>"] {
        let told = told(
            &format!("From: {from}\nSubject: Mail delivery failed"),
            "There was an error delivering your mail to <ada@example.org>.\n\nmx.example.org did not like it:\n\
             550 5.7.9 Not from there.\n\nMessage headers follow.\n\nTo: <ben@example.org>\n",
        );
        assert_eq!(told, Some(("ada@example.org".to_string(), "5.7.9".to_string(), true)), "{from}");
    }
}

#[test]
fn bounce_1_a_daemon_that_sends_a_message_back_needs_no_known_words() {
    let head = "From: MAILER-DAEMON@example.org\nSubject: Processing error";
    let body = "Intended recipient: ada@example.net\n\nIt was not to be.\n\n------RETURNED MAIL FOLLOWS------\nSubject: Pump\n";
    assert_eq!(told(head, body), Some(("ada@example.net".to_string(), String::new(), true)));
    // Neither the message nor an address by itself: a person may read the mail of the daemon.
    assert_eq!(read(head, "Intended for you: we move on Monday.\n"), None);
    assert_eq!(read(head, "Write to ada@example.net from Monday on.\n"), None);
    // A person who sends a message on is no daemon.
    assert_eq!(read("From: ben@example.org\nSubject: Returned mail", body), None);
    let part =
        "--b\n\nsorry:\n<ada@example.net>\n\n--b\nContent-Type: message/rfc822\n\nMessage-ID: <one@example.com>\n\ntext\n--b--\n";
    let bounce = read("From: postmaster@example.org\nContent-Type: multipart/mixed; boundary=b", part).expect("it is a report");
    assert_eq!((bounce.message_id.as_deref(), bounce.recipients.len()), (Some("one@example.com"), 1));
}

#[test]
fn bounce_1_recipients_stand_behind_the_line_that_introduces_them() {
    let head = "From: postmaster@example.org\nSubject: Undeliverable: Pump";
    let body = "Your message\n\n  To:      list@example.com\n  Subject: Pump\n\ndid not reach the following recipient(s):\n\n\
        c=US;a= ;p=X;dda:SMTP=ADA@EXAMPLE.NET; on Fri, 2 Jan 2026 10:00:00 +0000\n";
    let bounce = read(head, body).expect("it is a report");
    let addresses: Vec<&str> = bounce.recipients.iter().map(|one| one.address.as_str()).collect();
    assert_eq!(addresses, ["ADA@EXAMPLE.NET"]);
}

#[test]
fn bounce_1_other_ways_to_write_nobody() {
    let body = "Unable to deliver message to <ada@example.net>.\n";
    for from in [
        "<>",
        "<\"System Administrator\"@example.org>",
        "scan@example.org\nReturn-Path: <MAILER-DAEMON@example.com>",
        "scan@example.org\nReturn-Path: <MAILER-DAEMON>",
    ] {
        let told = told(&format!("From: {from}\nSubject: Mail could not be delivered"), body);
        assert_eq!(told.map(|told| told.0).as_deref(), Some("ada@example.net"), "{from}");
    }
    assert_eq!(read("From: scan@example.org\nReturn-Path: <scan@example.org>\nSubject: Mail could not be delivered", body), None);
}

#[test]
fn bounce_1_a_full_mailbox_has_many_names() {
    for words in ["the user's mailfolder is full", "it has a full mailbox", "the recipient is over disk quota"] {
        let body = format!("<ada@example.net>:\ncould not be delivered: {words}.\n");
        let told = told("From: MAILER-DAEMON@example.org\nSubject: failure notice", &body);
        assert_eq!(told, Some(("ada@example.net".to_string(), "5.2.2".to_string(), false)), "{words}");
    }
}

#[test]
fn bounce_1_a_command_of_the_session_is_no_label() {
    let body = "554 <ada@example.net>... 550 Host unknown\n>>> RCPT To:<ben@example.net>\n<<< 550 no such user\n550 <ben@example.net>... User unknown\n";
    let bounce = read("From: MAILER-DAEMON@example.org\nSubject: Returned mail: User unknown", body).expect("it is a report");
    assert_eq!(bounce.recipients.len(), 2);
}

#[test]
fn bounce_3_which_status_codes_mean_the_address_itself() {
    let recipient = |action: &str, status: &str| {
        let of = format!("Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; ada@example.org\nAction: {action}\nStatus: {status}");
        report(&of, "Message-ID: <one@example.com>\n").expect("it is a report").recipients[0].clone()
    };
    for status in ["5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.4.1"] {
        assert!(recipient("failed", status).means_address(), "{status}");
        assert!(!recipient("delayed", status).means_address(), "{status}");
    }
    for status in ["5.0.0", "5.1.7", "5.2.2", "5.3.4", "5.7.1", "4.1.1", "4.2.1", "2.1.5"] {
        assert!(!recipient("failed", status).means_address(), "{status}");
    }
}

#[test]
fn bounce_1_a_gateway_that_reports_in_prose() {
    let case =
        "From: mail-service@gateway.example.net\nSubject: Your mail could not be delivered\nIn-Reply-To: <order-17@example.com>";
    let words = "Error: no such address here\n\nAnswer of the server:\n550 Requested action not taken: mailbox unavailable\n\n\
        Details:\n  Subject: Your order\n  MAIL FROM: desk@example.com\n  RCPT TO: nobody@customer.example.com\n";
    let bounce = read(case, words).expect("it is a report");
    let addresses: Vec<&str> = bounce.recipients.iter().map(|one| one.address.as_str()).collect();
    assert_eq!((addresses, bounce.hard), (vec!["nobody@customer.example.com"], true));
    assert_eq!(bounce.ids().collect::<Vec<_>>(), ["order-17@example.com"]);

    for (name, head, body, hard) in [
        (
            "a gateway that answers",
            "From: post_master@sms.example\nSubject: Re:Your order\nIn-Reply-To: <order-17@example.com>",
            "Error: Invalid user address\n\nError message below:\n550 - Requested action not taken: no such user here\n\n\
             Message details:\n  Subject: Your order\n  MAIL FROM: support@example.com\n  RCPT TO: ada@example.org\n",
            true,
        ),
        (
            "a provider that nobody can answer",
            "From: no-reply@provider.example\nSubject: Mail\nReturn-Path: <>\nContent-Type: multipart/mixed; boundary=b",
            "--b\nContent-Type: text/plain\n\nYour mail sent on: Mon, 5 Jan 2026 10:00:00 +0100\n\
             \x20    Could not be delivered to: <ada@example.org>\n     As their mailbox is full.\n\
             --b\nContent-Type: message/rfc822\n\nMessage-ID: <one@example.com>\nTo: ada@example.org\n\nx\n--b--\n",
            false,
        ),
        (
            "a virus scanner",
            "From: Antivirus_for_SMTP_Gateways@scan.example\nSubject: Delivery failure notification",
            "Your message with Subject: Pump\ncould not be delivered to the following recipients:\n\nada@example.org\n\n\
             Please do not resend your message.\n",
            true,
        ),
        (
            "a server without a name",
            "From: <>\nAuto-Submitted: auto-replied\nIn-Reply-To: <one@example.com>",
            "You sent mail to ada@example.org. That's not a valid user here.\n",
            true,
        ),
        (
            "Japanese",
            "From: no-reply@provider.example\nSubject: =?utf-8?b?44Oh44O844Or44Ko44Op44O86YCa55+l?=\nContent-Type: text/plain; charset=utf-8",
            "送信先のメールボックスが一杯のため、送信できませんでした。\n\n宛先: ada@example.org\n",
            false,
        ),
    ] {
        let told = told(head, body);
        assert_eq!(told.map(|(address, _, hard)| (address, hard)), Some(("ada@example.org".to_string(), hard)), "{name}");
    }
}

#[test]
fn bounce_1_mail_about_reports_is_none() {
    for (name, head, body) in [
        (
            "a person shows a report",
            "From: dora@example.org\nSubject: Fwd: Undelivered Mail Returned to Sender",
            "What shall I do?\n\n> <ben@example.org>: host mx said: 550 5.1.1 User unknown\n",
        ),
        (
            "a person asks",
            "From: dora@example.org\nSubject: Undeliverable mail",
            "When I write to sales@example.com I get\n\n550 5.1.1 <sales@example.com>: User unknown\n\nCan you mend it?\n",
        ),
        (
            "a person attaches one",
            "From: dora@example.org\nSubject: Delivery failed\nContent-Type: multipart/mixed; boundary=b",
            "--b\n\nWhat is this?\n--b\nContent-Type: message/rfc822\n\nFrom: MAILER-DAEMON@example.net\nSubject: failure notice\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=r\n\n--r\nContent-Type: message/delivery-status\n\n\
             Final-Recipient: rfc822; ben@example.org\nAction: failed\nStatus: 5.1.1\n--r--\n--b--\n",
        ),
        (
            "goods",
            "From: shop-noreply@parcel.example\nSubject: Undeliverable goods",
            "Your parcel 4711 could not be delivered to Ada Example. The address does not exist.\n\nhelp@parcel.example\n",
        ),
        (
            "a parcel",
            "From: noreply@parcel.example\nSubject: Delivery failed: your parcel",
            "We were unable to deliver your parcel. Please choose another day:\n\nada@example.org\n",
        ),
        (
            "absence of somebody who has left",
            "From: noreply@example.org\nSubject: Automatic reply: Pump\nAuto-Submitted: auto-replied\nIn-Reply-To: <a@example.com>",
            "I am no longer with the company and this mailbox is not read. Please write to:\n\nben@example.org\n",
        ),
        (
            "the postmaster to all",
            "From: postmaster@example.org\nSubject: Space",
            "Dear users,\n\nyour mailbox is full when it has over 2 GB. Write to help@example.org.\n",
        ),
        (
            "a digest",
            "From: list-bounces@example.org\nSubject: list Digest, Vol 4, Issue 1",
            "Message: 1\nFrom: ada@example.org\nSubject: User unknown\n\n550 5.1.1 user unknown is what I get for ben@example.org\n",
        ),
        (
            "a form",
            "From: no-reply@forms.example\nSubject: New request",
            "E-Mail: dora@example.org\nMessage: My message could not be delivered, error 550 user unknown. Why?\n",
        ),
        (
            "a person whose mail a mailbox rule passes on",
            "From: Dora <dora@example.org>\nReturn-Path: <>\nSubject: Message not delivered - what now?",
            "Your e-mail to billing was returned, user unknown they said. My mailbox is not full.\n\nDora\ndora@example.org\n",
        ),
        (
            "a person with the name of a server",
            "From: fred.postmaster@example.net\nSubject: Undelivered parcel 4711\nAuto-Submitted: auto-generated",
            "I get the error 'mailbox full' when I write to ben@example.org.\n\nFred\nTel. +43 1 2345678\nfred@example.net\n",
        ),
        (
            "a courier who writes as nobody",
            "From: noreply@parcel.example\nReturn-Path: <>\nSubject: Delivery failed",
            "Your parcel 4711 could not be delivered, the address is unknown.\n\nThis e-mail was sent automatically.\n\n\
             service@courier.example\n",
        ),
        (
            "a courier who speaks of mail",
            "From: info@courier.example\nReturn-Path: <>\nAuto-Submitted: auto-generated\nSubject: Zustellung fehlgeschlagen",
            "Die Zustellung ist fehlgeschlagen, Empfänger unbekannt. Ihre E-Mail haben wir erhalten.\n\nDiese E-Mail wurde \
             automatisch erstellt.\n\nservice@courier.example\n",
        ),
        (
            "a form in which somebody tells of a report",
            "From: www-data@example.com\nReturn-Path: <>\nSubject: Delivery problem\nReply-To: dora@example.org",
            "Mein Postfach ist voll, und Ihre Nachricht kam zurück: Benutzer unbekannt.\n\ndora@example.org\n",
        ),
        ("numbers", "From: orders@example.org\nSubject: Delivery note", "550 pieces were rejected.\n\nada@example.org\n"),
    ] {
        assert_eq!(read(head, body), None, "{name}");
    }
}

#[test]
fn bounce_1_a_machine_that_answers_in_a_sentence() {
    for (from, body) in [
        ("no-reply@provider.example", "Your message to ada@example.org could not be delivered: user unknown.\n"),
        ("mail-service@provider.example", "Hello,\n\nyour e-mail to <ada@example.org> could not be\ndelivered: unknown user.\n"),
        ("mailgate@provider.example", "Ihre Nachricht an ada@example.org konnte nicht zugestellt werden: Benutzer unbekannt.\n"),
        ("system@provider.example", "Su mensaje a ada@example.org no pudo ser entregado: usuario desconocido.\n"),
        ("no-reply@provider.example", "ada@example.org宛のメールは配信できませんでした。宛先が存在しません。\n"),
    ] {
        let head = format!("From: {from}\nSubject: Re: Order 17\nContent-Type: text/plain; charset=utf-8");
        let answers = format!("{head}\nIn-Reply-To: <order-17@example.com>");
        assert_eq!(told(&answers, body), Some(("ada@example.org".into(), "5.1.1".into(), true)), "{body}");
        let bounce = read(&answers, body).expect("it is a report");
        assert_eq!(bounce.ids().collect::<Vec<_>>(), ["order-17@example.com"]);
        assert_eq!(read(&head, body), None, "it names no letter: {body}");
    }
    let answers = "In-Reply-To: <order-17@example.com>\nSubject: Re: Order 17";
    for (name, from, body) in [
        ("a customer", "dora@example.org", "Your message to ben@example.org could not be delivered: user unknown, I was told.\n"),
        ("who runs a server", "admin@example.org", "Your message to ben@example.org could not be delivered. What shall we do?\n"),
        ("about themselves", "system@example.org", "Your message could not be delivered. Write to system@example.org.\n"),
        ("a shop", "no-reply@shop.example", "Your parcel for ada@example.org could not be delivered.\n"),
        ("far down", "system@example.org", "a\nb\nc\nd\ne\nf\nYour message to ben@example.org could not be delivered.\n"),
    ] {
        assert_eq!(read(&format!("From: {from}\n{answers}"), body), None, "{name}");
    }
}

#[test]
fn auto_1_what_may_be_a_report_is_never_answered() {
    let answered = |head: &str, body: &str| {
        let mail = parse(format!("To: support@example.com\n{head}\n\n{body}").as_bytes());
        mail.automatic.is_empty() && mail.no_answer.is_empty()
    };
    for from in ["mailgate", "mail-gate2", "system", "mailadmin", "server", "smtp.gw", "mail-relay"] {
        for subject in ["Undeliverable: Pump", "Zustellung fehlgeschlagen", "Returned mail"] {
            let head = format!("From: {from}@example.org\nSubject: {subject}");
            assert!(!answered(&head, "The message is returned to you.\n"), "{head}");
        }
    }
    let answer = "Subject: Re: Pump\nIn-Reply-To: <a@example.com>";
    assert!(!answered(&format!("From: system@example.org\n{answer}"), "Your message could not be delivered.\n"));
    for (head, body) in [
        (format!("From: system@example.org\n{answer}"), "The pump stands still.\n"),
        (format!("From: dora@example.org\n{answer}"), "Your message to ben@example.org could not be delivered.\n"),
        ("From: dora@example.org\nSubject: Undeliverable: Pump".into(), "What does it mean?\n"),
        ("From: system@example.org\nSubject: Pump".into(), "Your message could not be delivered.\n"),
    ] {
        assert!(answered(&head, body), "{head}");
    }
}

#[test]
fn bounce_1_a_report_that_another_machine_passed_on_as_a_file() {
    let inner = "From: Mail Delivery System <MAILER-DAEMON@mx.example.net>\nSubject: Undelivered Mail Returned to Sender\n\
        Message-ID: <inner@mx.example.net>\nContent-Type: multipart/report; report-type=delivery-status; boundary=r\n\n\
        --r\nContent-Type: text/plain\n\nUser unknown.\n--r\nContent-Type: message/delivery-status\n\n\
        Final-Recipient: rfc822; ada@example.org\nAction: failed\nStatus: 5.1.1\n\
        --r\nContent-Type: message/rfc822\n\nTo: ada@example.org\nMessage-ID: <order-17@example.com>\n\nHello\n--r--";
    let body = format!(
        "--o\nContent-Type: text/plain\n\nThe message was checked.\n--o\nContent-Type: message/rfc822\n\n{inner}\n--o--\n"
    );
    for head in [
        "From: postmaster@example.net\nSubject: Delivery Status Notification (Failure)",
        "From: scanner@example.net\nSubject: Checked\nAuto-Submitted: auto-generated",
        "From: scanner@example.net\nSubject: Checked\nReturn-Path: <>",
    ] {
        let bounce = read(&format!("{head}\nContent-Type: multipart/mixed; boundary=o"), &body).expect("it is a report");
        let first = &bounce.recipients[0];
        assert_eq!((first.address.as_str(), first.status.as_deref(), bounce.hard), ("ada@example.org", Some("5.1.1"), true));
        assert_eq!(bounce.message_id.as_deref(), Some("order-17@example.com"), "{head}");
    }
}

#[test]
fn bounce_1_what_the_other_server_said_is_exact() {
    for (status, diagnostic, expected) in [
        ("5.0.0", "550 5.7.1 not from there", "5.7.1"),
        ("5.1.1", "550 5.7.1 IP address blacklisted by recipient", "5.7.1"),
        ("5.1.1", "552 5.2.2 Over quota", "5.2.2"),
        ("5.1.0", "5.1.0 - Unknown address error 550-'5.7.1 Access denied' (delivery attempts: 0)", "5.7.1"),
        ("5.0.0", "550 #5.1.1 RESOLVER.ADR.RecipNotFound; not found #SMTP#", "5.1.1"),
        ("4.4.7", "450 4.7.1 Access denied", "4.7.1"),
        ("4.0.0", "550 5.1.1 no such user", "4.0.0"),
        ("5.1.10", "550 5.1.1 no such user", "5.1.1"),
        ("5.4.1", "550 Recipient address rejected: Access denied", "5.4.1"),
    ] {
        let fields = format!(
            "Final-Recipient: rfc822;ada@example.org\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp; {diagnostic}"
        );
        assert_eq!(report(&fields, "").expect("it is a report").recipients[0].status.as_deref(), Some(expected), "{diagnostic}");
    }
    // The words for people say it where the part for programs does not.
    let head = "From: MAILER-DAEMON@mx.example.com\nSubject: Delivery failed\nContent-Type: multipart/report; report-type=delivery-status; boundary=b";
    let body = "--b\nContent-Type: text/plain\n\nada@example.org: 550 5.1.1 User unknown\n\nben@example.org: 552 5.2.2 Mailbox full\n\
        --b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; ada@example.org\nAction: failed\nStatus: 5.0.0\n\n\
        Final-Recipient: rfc822; ben@example.org\nAction: failed\nStatus: 5.0.0\n--b--\n";
    let bounce = read(head, body).expect("it is a report");
    let status: Vec<_> = bounce.recipients.iter().map(|one| (one.status.as_deref(), one.is_hard())).collect();
    assert_eq!(status, [(Some("5.1.1"), true), (Some("5.2.2"), false)]);
}

#[test]
fn bounce_1_hard_and_soft_in_the_words_of_many_languages() {
    for (words, status, hard) in [
        ("Empfänger unbekannt", "5.1.1", true),
        ("Das Postfach ist voll", "5.2.2", false),
        ("Das Konto wurde gesperrt", "5.2.1", true),
        ("Adresse inconnue", "5.1.1", true),
        ("La boîte aux lettres est pleine", "5.2.2", false),
        ("El usuario no existe", "5.1.1", true),
        ("El buzón está lleno", "5.2.2", false),
        ("L'indirizzo non esiste", "5.1.1", true),
        ("La casella è piena", "5.2.2", false),
        ("Usuário desconhecido", "5.1.1", true),
        ("A caixa de entrada está cheia", "5.2.2", false),
        ("Het adres bestaat niet", "5.1.1", true),
        ("Skrzynka jest pełna", "5.2.2", false),
        ("Пользователь не найден", "5.1.1", true),
        ("Почтовый ящик переполнен", "5.2.2", false),
        ("Mottagaren finns inte", "5.1.1", true),
        ("Kullanıcı bulunamadı", "5.1.1", true),
        ("ユーザーが見つかりません", "5.1.1", true),
        ("容量を超えています", "5.2.2", false),
        ("收件人不存在", "5.1.1", true),
        ("邮箱已满", "5.2.2", false),
        ("존재하지 않는 계정", "5.1.1", true),
        ("용량 초과", "5.2.2", false),
        ("this account has been disabled", "5.2.1", true),
        ("Envelope expired", "4.4.7", false),
        ("all hosts have been failing for a long time", "4.4.7", false),
        ("connection refused", "4.4.1", false),
        ("Unable to deliver message after multiple retries, giving up.", "4.4.7", false),
        ("User has too many messages on the server", "5.2.2", false),
        ("The domain doesn't receive email: returned Null MX", "5.1.10", true),
    ] {
        let body = format!("Could not be delivered:\n\n<ada@example.org>: {words}\n");
        let head = "From: MAILER-DAEMON@example.net\nSubject: failure notice\nContent-Type: text/plain; charset=utf-8";
        assert_eq!(told(head, &body), Some(("ada@example.org".to_string(), status.to_string(), hard)), "{words}");
    }
}

#[test]
fn bounce_3_a_refusal_of_the_message_does_not_mean_the_address() {
    for words in ["550 blocked by our policy", "550 spam", "554 relay access denied", "550 message too large"] {
        let body = format!("Could not be delivered:\n\n<ada@example.org>: {words}\n");
        let bounce = read("From: MAILER-DAEMON@example.net\nSubject: failure notice", &body).expect("it is a report");
        assert!(bounce.hard && !bounce.recipients[0].means_address(), "{words}: {:?}", bounce.recipients[0].status);
    }
}

#[test]
fn bounce_1_a_notification_of_a_sending_service() {
    let told = |kind: &str, what: &str| {
        format!(
            "{{\"notificationType\":\"{kind}\",{what},\"mail\":{{\"messageId\":\"x\",\"destination\":[\"ada@example.org\"],\
             \"headers\":[{{\"name\":\"Message-ID\",\"value\":\"<one@example.com>\"}}]}}}}"
        )
    };
    let gone = told(
        "Bounce",
        "\"bounce\":{\"bounceType\":\"Permanent\",\"bouncedRecipients\":[{\"emailAddress\":\"ada@example.org\",\"action\":\"failed\",\
         \"status\":\"5.1.1\",\"diagnosticCode\":\"smtp; 550 5.1.1 user unknown\"}]}",
    );
    let wrapped = serde_json::json!({"Type": "Notification", "Message": gone}).to_string();
    let full = told(
        "Bounce",
        "\"bounce\":{\"bounceType\":\"Transient\",\"bouncedRecipients\":[{\"emailAddress\":\"ada@example.org\"}]}",
    );
    let done = told("Delivery", "\"delivery\":{\"recipients\":[\"ada@example.org\"]}");
    for (name, text, action, hard) in [
        ("gone", &gone, "failed", true),
        ("wrapped", &wrapped, "failed", true),
        ("full", &full, "failed", false),
        ("done", &done, "delivered", false),
    ] {
        let body = format!("{text}\n\n--\nIf you wish to stop receiving notifications, open this page\n");
        let bounce = read("From: no-reply@service.example\nSubject: Notification Message", &body).expect("it is a report");
        let first = &bounce.recipients[0];
        assert_eq!((first.address.as_str(), first.action.as_str(), bounce.hard), ("ada@example.org", action, hard), "{name}");
        assert_eq!(bounce.message_id.as_deref(), Some("one@example.com"), "{name}");
    }
    for body in ["{\"notificationType\":\"Complaint\",\"mail\":{},\"complaint\":{}}", "{\"a\": [1, 2]}", "{broken", "{}"] {
        assert_eq!(read("From: no-reply@service.example\nSubject: Notification Message", body), None, "{body}");
    }
}

#[test]
fn bounce_1_both_names_of_a_recipient_are_kept() {
    let bounce = report(
        "Original-Recipient: rfc822;sales@example.org\nFinal-Recipient: rfc822;ada@inside.example.org\nAction: failed\nStatus: 5.1.1",
        "",
    )
    .expect("it is a report");
    assert_eq!(bounce.recipients[0].names().collect::<Vec<_>>(), ["sales@example.org", "ada@inside.example.org"]);
    // An address of another network names nobody whom we wrote to.
    let bounce =
        report("Original-Recipient: x400; C=at;O=x\nFinal-Recipient: rfc822;ada@example.org\nAction: failed\nStatus: 5.1.1", "")
            .expect("it is a report");
    assert_eq!(bounce.recipients[0].names().collect::<Vec<_>>(), ["ada@example.org"]);
    let head = "From: MAILER-DAEMON@example.net\nSubject: Returned mail: see transcript for details";
    let body = "   ----- The following addresses had permanent fatal errors -----\n<ada@inside.example.org>\n\
        \x20   (reason: 550 5.1.1 User unknown)\n    (expanded from: <sales@example.org>)\n";
    let bounce = read(head, body).expect("it is a report");
    assert_eq!(bounce.recipients[0].names().collect::<Vec<_>>(), ["sales@example.org", "ada@inside.example.org"]);
}

#[test]
fn bounce_1_a_recipient_that_is_a_program_is_named_by_the_rest() {
    let head = "From: MAILER-DAEMON@example.net\nSubject: Mail delivery failed\nX-Failed-Recipients: ada@example.org\n\
        Content-Type: multipart/report; report-type=delivery-status; boundary=b";
    let body = "--b\n\nThe following address(es) failed:\n\n  pipe to |/usr/bin/filter\n    generated by ada@example.org\n\
        --b\nContent-Type: message/delivery-status\n\nAction: failed\nFinal-Recipient: rfc822;|/usr/bin/filter\nStatus: 5.0.0\n--b--\n";
    assert_eq!(told(head, body).map(|told| told.0).as_deref(), Some("ada@example.org"));
    // Nobody is named but by the message that came back.
    let body = "Your message could not be delivered.\n\n--- Original message ---\n\nFrom: support@example.com\nTo: ada@example.org\nMessage-ID: <one@example.com>\n";
    let bounce = read("From: MAILER-DAEMON@example.net\nSubject: Undeliverable", body).expect("it is a report");
    assert_eq!(
        (bounce.recipients[0].address.as_str(), bounce.message_id.as_deref()),
        ("ada@example.org", Some("one@example.com"))
    );
}

#[test]
fn bounce_1_the_part_for_programs_may_stand_in_the_text() {
    let body = "Sorry.\n\n --broken\ncontent-type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n\
        Final-Recipient: rfc822;ada@example.org\nAction: failed\nStatus: 5.1.1\n\nFinal-Recipient: rfc822;ben@example.org\nAction: delayed\nStatus: 4.4.1\n";
    let bounce = read("From: MAILER-DAEMON@example.net\nSubject: Returned mail", body).expect("it is a report");
    let told: Vec<_> = bounce.recipients.iter().map(|one| (one.address.as_str(), one.action.as_str())).collect();
    assert_eq!(told, [("ada@example.org", "failed"), ("ben@example.org", "delayed")]);
}

#[test]
fn bounce_1_a_rejection_in_the_form_of_a_receipt() {
    let head = "From: Mail Delivery Subsystem <admin@example.org>\nSubject: Automatically rejected mail\n\
        Content-Type: multipart/report; report-type=disposition-notification; boundary=b";
    let body = |words: &str, disposition: &str| {
        format!(
            "--b\n\n{words}\n--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; ada@example.org\n\
             Original-Message-ID: <one@example.com>\nDisposition: {disposition}\n--b--\n"
        )
    };
    let rejected = "Your message to <ada@example.org> was automatically rejected:\nQuota exceeded";
    let bounce = read(head, &body(rejected, "automatic-action/MDN-sent-automatically; deleted")).expect("it is a report");
    assert_eq!((bounce.recipients[0].status.as_deref(), bounce.hard), (Some("5.2.2"), false));
    assert_eq!(bounce.message_id.as_deref(), Some("one@example.com"));
    assert_eq!(read(head, &body("It was read.", "manual-action/MDN-sent-manually; displayed")), None);
    assert_eq!(read(head, &body("It was deleted without being read.", "automatic-action/MDN-sent-automatically; deleted")), None);
}
