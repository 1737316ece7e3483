//! Who reads an address, as far as its local part says: a mail server's own addresses, and those that nobody reads. However they are
//! written: `MAILER_DAEMON`, `post.master2`, `no_reply-17`, `bounces+x=y.example`.

/// What a local part says of who reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A mail server reports from here (RFC 5321, section 4.5.5; RFC 3464).
    Daemon,
    /// The people who run a mail server, and the server itself (RFC 2142, section 5).
    Postmaster,
    /// Nobody, or a program.
    Nobody,
}

/// What stands somewhere in a local part that nobody reads, without punctuation and digits.
const SAID: [&str; 33] = [
    "noreply",
    "noreplies",
    "donotreply",
    "dontreply",
    "notreply",
    "neverreply",
    "replynot",
    "noresponse",
    "donotrespond",
    "dontrespond",
    "norespond",
    "noanswer",
    "donotanswer",
    "donotemail",
    "unattended",
    "unmonitored",
    "notmonitored",
    "nichtantworten",
    "keineantwort",
    "nepasrepondre",
    "sansreponse",
    "noresponder",
    "norespondas",
    "naoresponda",
    "naoresponder",
    "nonrispondere",
    "nietbeantwoorden",
    "nietantwoorden",
    "nieodpowiadaj",
    "neodpovidat",
    "svarainte",
    "ikkesvar",
    "alavastaa",
];

/// Local parts that programs read or nobody does, without punctuation and digits.
const PROGRAMS: [&str; 53] = [
    "abuse",
    "alert",
    "alerts",
    "autoanswer",
    "automailer",
    "automated",
    "automatic",
    "autoreply",
    "autorespond",
    "autoresponder",
    "autoresponse",
    "bounce",
    "bounced",
    "bouncehandler",
    "bounces",
    "cron",
    "crondaemon",
    "daemon",
    "devnull",
    "dmarcreport",
    "dmarcreports",
    "fetchmail",
    "listproc",
    "listserv",
    "mailadmin",
    "mailadministrator",
    "mailbot",
    "maildelivery",
    "maildeliverysystem",
    "mailer",
    "mailerror",
    "mailgate",
    "mailgateway",
    "mailman",
    "mailmaster",
    "mailnotification",
    "mailresponder",
    "mailserver",
    "mailservice",
    "mailsystem",
    "majordomo",
    "newsletter",
    "nobody",
    "notification",
    "notifications",
    "notifier",
    "nullsender",
    "root",
    "spamfilter",
    "systemdaemon",
    "undeliverable",
    "undelivered",
    "uucp",
];

/// How the addresses of list software end behind the name of the list (RFC 2142, section 6), and how they begin.
const LIST_ENDS: [&str; 6] = ["owner", "request", "bounce", "bounces", "relay", "errors"];
const LIST_STARTS: [&str; 4] = ["owner", "bounce", "bounces", "bnc"];

/// How rewritten envelope addresses begin: SRS, BATV and what is like it.
const REWRITTEN: [&str; 6] = ["srs0", "srs1", "prvs", "btv", "msprvs", "batv"];

/// Says who reads an address, given whole or by its local part alone; none where it may be anybody.
pub fn reader(address: &str) -> Option<Reader> {
    let lower = address.trim().to_lowercase();
    let local = lower.rsplit_once('@').map_or(lower.as_str(), |(local, _)| local).trim_matches(['"', '\'']);
    let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
    // What stands behind a plus is a tag; nobody's own name has an equals sign.
    let name = letters(local.split(['+', '=']).next().unwrap_or_default());
    if is_daemon(&name, local) {
        return Some(Reader::Daemon);
    }
    if name == "postmaster" {
        return Some(Reader::Postmaster);
    }
    let whole = letters(local);
    let is_said = SAID.iter().any(|said| whole.contains(said));
    (is_said || PROGRAMS.contains(&name.as_str()) || is_of_list(local) || is_rewritten(local)).then_some(Reader::Nobody)
}

fn is_daemon(name: &str, local: &str) -> bool {
    // Exchange reports as `MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e`.
    let of_exchange = |rest: &str| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.starts_with("mailerdaemon")
        || ["maildaemon", "mdaemon", "maildeliverysubsystem"].contains(&name)
        || local.strip_prefix("microsoftexchange").is_some_and(of_exchange)
}

/// `owner-desk`, `desk-request`, `bounces+17`.
fn is_of_list(local: &str) -> bool {
    let begins = local.split_once(['-', '+', '=', '_', '.']).is_some_and(|(first, _)| LIST_STARTS.contains(&first));
    begins || local.split(['-', '+', '=']).skip(1).any(|word| LIST_ENDS.contains(&word))
}

/// An envelope address that is made for one message: `prvs=0123=ada`, `SRS0=x=y=example.org=dora`, `news-dora=example.org`.
fn is_rewritten(local: &str) -> bool {
    let begins = REWRITTEN.iter().any(|begin| {
        local
            .strip_prefix(begin)
            .is_some_and(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(['=', '+', '-']))
    });
    let names_another = local.split_once('=').is_some_and(|(before, behind)| !before.is_empty() && behind.contains('.'));
    begins || names_another
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_1_who_reads_an_address_however_it_is_written() {
        for (locals, expected) in [
            (
                "MAILER-DAEMON mailer_daemon Mailer.Daemon mailerdaemon mailer-daemon2 mailer-daemon+x mail-daemon MDaemon",
                Some(Reader::Daemon),
            ),
            ("MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e", Some(Reader::Daemon)),
            ("postmaster Post_Master post-master post.master postmaster1 postmaster+x", Some(Reader::Postmaster)),
            (
                "noreply no-reply no_reply no.reply NoReply2 no-reply+17 x-noreply noreply-x donotreply do-not-reply do_not_reply",
                Some(Reader::Nobody),
            ),
            (
                "dont.reply nicht-antworten ne-pas-repondre no-responder nao-responda non-rispondere no-response",
                Some(Reader::Nobody),
            ),
            (
                "mail-service mail_service mailservice mailgate mail-admin mail.system daemon root cron abuse listserv majordomo",
                Some(Reader::Nobody),
            ),
            ("bounce bounces bounce+x bounces-12-ab bounce-17 bounces+3-4-dora=example.org bounce_x bnc-3", Some(Reader::Nobody)),
            (
                "owner-desk desk-owner desk-request desk-bounces desk-bounces+dora=example.org list-return-3-dora=example.org",
                Some(Reader::Nobody),
            ),
            (
                "prvs=0123456789=ada btv1==0123==ada msprvs1=abc SRS0=hash=tt=example.org=dora SRS1=x=y SRS0+a=b",
                Some(Reader::Nobody),
            ),
            ("news-dora=example.org notifications alerts newsletter autoreply auto-responder \"no-reply\"", Some(Reader::Nobody)),
            ("dora support info sales desk rebounce.smith nora.reply.smith ada+x ada+shop mail service system", None),
            (
                "request owner return returns returns-desk service_request jan-erik dora.abuse.team daemonette rooty rootes lee=ann",
                None,
            ),
            ("\u{fc}lli", None),
        ] {
            for local in locals.split(' ') {
                assert_eq!(reader(local), expected, "{local}");
                assert_eq!(reader(&format!("{local}@example.org")), expected, "{local}");
            }
        }
    }
}
