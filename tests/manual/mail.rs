//! espomail-mail(7): how a message is read. Its examples are run, as a person types them, and each prints what stands below it.

use std::process::Command;

use crate::support::world::{Done, World};

const PAGE: &str = r#"espomail\-mail \- how a message is read
.SH DESCRIPTION
Mail is not written as the standards say. espomail reads what a person would read, never guesses where a guess may do harm, and keeps
the bytes as they came: \fBespomail email raw\fR has them, and \fBespomail reprocess\fR reads them again by the rules of a later
version. What is wrong with a message is a \fIdefect\fR; \fBexplain\fR prints the defects of a file, \fBemail show\fR those of
a stored e\-mail. No message is refused for what it says or how.
.PP
.EX
printf 'From: Example, Dora <dora@example.org>\en\enHello\en' | espomail explain \- \-o json
.EE
.SH CHARSETS
Text is UTF\-8 where it is valid UTF\-8 with any letter outside ASCII, whatever the label says; charsets that shift (iso\-2022\-jp,
iso\-2022\-kr, hz, utf\-7, utf\-16) are read by their label. Otherwise the label counts, and means what senders mean by it: gb2312 is
GB 18030, shift_jis is windows\-31j, ks_c_5601 is code page 949, iso\-8859\-1 is windows\-1252. A few bad bytes become
replacement characters; only where most of a text does not fit its label, the charset is detected. A label that nobody knows is the
defect \fBunknown\-charset\fR.
.PP
Encoded words (RFC 2047) are read in every field, also in names of files and in ids, where the standard forbids them; neighbours of
one charset are joined before they are decoded. Raw 8\-bit text in a header is read in the charset of the first part where all
of it fits.
.SH AUTHORS
The one address that stands somewhere in From is the author: in angle brackets or without, behind a name with a comma and no quotes, in
a field that is quoted or encoded whole, behind \fBmailto:\fR or a route. Two From fields, several addresses or none name no
author: the defect is \fBfrom\-ambiguous\fR (\fBno\-from\fR where there is no such field), no record is found by address, and
nobody is answered. A name without an address, such as that of a job of a machine, is shown.
.PP
Where a mailing list put its own address into From, and the name says \fBvia\fR, the author is X\-Original\-From, else Reply\-To.
.SH DATES
The Date field is read in the form of RFC 5322 with its obsolete forms, of asctime, of RFC 850 and of ISO 8601, with a zone by number
or by a name that is one zone everywhere. A time without a zone is UTC. Whatever could be another time, such as 03/02/2026, a
month in another language or the zone IST, is the defect \fBbad\-date\fR, and the time of arrival serves; so it does without a Date
(\fBno\-date\fR).
.SH STRUCTURE
A header ends at the first empty line, at one with nothing but blanks in it, or before a line that can be no field; a text without
any header is all text. A byte order mark, empty lines in front, a From line of an mbox, CR CR LF and CR alone are undone. A
delimiter may have text behind it. A multipart that is encoded whole is decoded, and one whose boundary is another one than it
says is read by the one that is there. Such repairs are the defect \fBbroken\-mime\fR.
.PP
Where two programs would read two things, espomail does always the same and says \fBmime\-ambiguous\fR: of two Content\-Type or
Content\-Transfer\-Encoding fields the last counts, of two boundaries the first; in base64 what is none is passed over, and a plain
text below it is text.
.PP
A header of more than 256 KiB, more than 1,000 parts, 50 multiparts in one another or 10,000 addresses are not read to the end: the
defect begins with \fBlimit\fR.
.SH TEXT
The text is that of the plain parts, joined; where there is none, where it shows nothing, or where it only says that there is HTML,
it is made of the HTML. Every part of type text is text, but for those that are files by themselves, such as text/calendar and text/csv.
A part that is declared an attachment or has a name is a file; where every text has a name, the first one is the text. Lines that
flow (RFC 3676) are joined. Forms for other programs, such as text/x\-amp\-html, are neither text nor files.
.PP
HTML is stored without scripts, forms and anything that loads from elsewhere. Pictures that came with the message stay: by
Content\-ID, Content\-Location or name, and as \fBdata:\fR URLs of pixels.
.PP
Mail that is signed in one part (S/MIME, smime.p7m) is read like any other; the signature is not checked, and the defect
\fBsignature\-not\-checked\fR says so. Mail that takes a key to read is \fBencrypted\fR. A winmail.dat is unpacked beside
itself; where a message has no other text, it is that of the winmail.dat.
.SH "NAMES OF FILES"
The extended form (RFC 2231) counts before the plain one. Paths, controls and marks that turn the direction of text are taken out
of names before anything looks at them.
.SH "REPLY TEXT"
The new text, the quotation and the signature are told apart, and all are kept; \fBemail show\fR prints the new text first. A line of
dashes alone ends nothing. A forwarded message is content and no quotation; so are journeys, orders, plans, logs, web forms and
files of settings that only look like the head of a message. Where less than a tenth would be left, or answers stand inside the
quotation, nothing is cut.
.SH "AUTOMATIC MAIL"
Auto\-Submitted, Precedence, the fields of mailing lists, an empty Return\-Path, the names of mail daemons and the
subjects of absence notes say that a machine wrote a message. Such mail is imported and never answered. \fBexplain\fR prints the signs.
Delivery reports are attached to the e\-mail that they are about; only those that name what we sent change an address. What only
speaks of a failed delivery, such as a courier's notice or the letter of a customer, is none: a mail daemon writes a report, or
it repeats what a server said, sends our message back, or names whom it did not reach.
.SH EVENTS
The events of calendar parts are kept: what, when, where, by whom, who was invited. \fBespomail event\fR lists those that are not over.
Several e-mails speak of one event when UID, organiser and RECURRENCE-ID are the same; the one with the highest SEQUENCE counts, then
the latest DTSTAMP, and a cancellation ends it. That goes only for e-mails from the organiser's address, or from whoever sent the
event first, as services do for organisers; what anybody else sends under that UID is an event beside it. What recurs is one event:
its rule is kept as it stands and never expanded.
.SH DUPLICATES
A message is one e\-mail however many accounts it comes through: when its Message\-ID and its content are the same. Without a
Message\-ID what it says stands in for it. The same Message\-ID with other content is another e\-mail, marked \fBid\-collision\fR.
.SH "SEE ALSO"
\fBespomail\-explain\fR(1), \fBespomail\-email\-show\fR(1), \fBespomail\-reprocess\fR(1), \fBespomail\-import\fR(1),
\fBespomail\-filters\fR(7)
"#;

/// Makes the page.
pub fn page() -> String {
    let head = format!(".TH espomail-mail 7 \"\" \"espomail {}\"\n.SH NAME\n", env!("CARGO_PKG_VERSION"));
    head + PAGE
}

#[test]
fn parse_11_the_example_of_the_manual_names_its_author() {
    let world = World::new();
    let example = PAGE.split(".EX\n").nth(1).unwrap().split(".EE\n").next().unwrap().replace("\\-", "-").replace("\\e", "\\");
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_espomail")).parent().unwrap();
    let model = world.command(&[]);
    let mut shell = Command::new("sh");
    shell.args(["-ec", &example]).env_clear().current_dir(world.path("."));
    shell.envs(model.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("PATH", format!("{}:/usr/bin:/bin", program.display()));
    let printed: serde_json::Value = serde_json::from_str(&Done::of(&mut shell, "").ok()).unwrap();
    assert_eq!(printed["message"]["from"][0]["address"], "dora@example.org");
    assert_eq!(printed["message"]["from"][0]["name"], "Example, Dora");
}

#[test]
fn parse_2_every_defect_stands_in_the_manual() {
    let rooms = ["parse", "structure", "text", "attachment"];
    for room in rooms {
        let code = std::fs::read_to_string(format!("{}/src/mail/{room}.rs", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let marks = code.split("mark(\"").chain(code.split("defects.push(\"")).skip(1);
        for defect in
            marks.filter_map(|rest| rest.split('"').next()).filter(|word| word.contains('-') && !word.contains([' ', '\n']))
        {
            assert!(PAGE.contains(&defect.replace('-', "\\-")), "{defect} of {room}.rs");
        }
    }
}
