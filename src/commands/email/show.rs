//! `email show`: what is new in the message first; the quotation and the signature are folded (PARSE-7).

use anyhow::Result;

use crate::clock::rfc3339;
use crate::commands::show::{lines, or_empty, yes};
use crate::commands::{hearsay, right};
use crate::context::Context;
use crate::decide::digest::sender;
use crate::mail::{self, Address, Event, Sign};
use crate::output::shown;
use crate::store::address::Delivery;
use crate::store::email::{self, Reader};
use crate::store::outbox::{self, OnItsWay};
use crate::store::raw::Copy;
use crate::store::{Database, account, case, remembered, user};
use crate::words::{EmailId, RoleAction};

#[derive(Debug, clap::Args)]
pub struct Show {
    /// Number or Message-ID
    email: String,
    /// Print the whole text, with quotation and signature
    #[arg(long)]
    full: bool,
}

/// An e-mail with its text told apart.
#[derive(serde::Serialize)]
struct Shown {
    #[serde(flatten)]
    email: email::Email,
    /// The same in other bytes, see `email raw --copy`.
    copies: Vec<Copy>,
    /// Who of us wrote it: a login, or where it was no user the account of the operating system.
    author: Option<String>,
    /// One of ours that is not sent, or not yet.
    outbox: Option<OnItsWay>,
    /// Sanitised (PARSE-6).
    html: Option<String>,
    reply_text: String,
    quoted_text: String,
    signature: String,
}

impl Show {
    pub fn run(self, context: &Context, db: &mut Database) -> Result<()> {
        let actor = context.actor_ref();
        let (id, _) = right::email(db, actor, &self.email, RoleAction::Read)?;
        let mut email = email::show(db, id)?;
        if !actor.administrator {
            // That others have something of this Message-ID is theirs to know, too.
            email.id_collision = email.id_collision && hearsay::knows_collision(db, actor, &email)?;
            // Through which accounts of their own it came, and where others keep their copy, is theirs to know.
            let others = account::of_others(db, &email.accounts, actor.user)?;
            email.accounts.retain(|account| !others.contains(account));
            for reader in email.users.iter_mut().filter(|reader| Some(&reader.login) != actor.login.as_ref()) {
                *reader = Reader { login: std::mem::take(&mut reader.login), read: reader.read, ..Reader::default() };
            }
        }
        let had_parent = email.parent.is_some();
        hearsay::hide(db, actor, vec![&mut email.parent, &mut email.account_record])?;
        email.parent_by = email.parent_by.filter(|_| email.parent.is_some() == had_parent);
        let parsed = remembered::shown(db, id, true)?.unwrap_or_default();
        let is_author = actor.user.is_some() && actor.user == email.author;
        // A Bcc that came in a header was sent to all readers.
        if !actor.administrator && !is_author && parsed.bcc.is_empty() {
            let hidden = forget_hidden_recipients(&mut email);
            let hidden = user::logins_at(db, &hidden)?;
            email.users.retain(|reader| Some(&reader.login) == actor.login.as_ref() || !hidden.contains(&reader.login));
        }
        let outbox = outbox::on_its_way(db, id)?;
        let mail::Mail { html, reply_text, quoted_text, signature, .. } = parsed;
        let copies = right::copies(db, actor, id)?;
        let author = case::wrote(db, &[id])?.remove(&id);
        let shown = Shown { email, copies, author, outbox, html, reply_text, quoted_text, signature };
        context.out.item(&shown, || head(&shown) + &body(&shown, self.full));
        Ok(())
    }
}

/// Who is in Bcc of a letter of ours is its author's to know (SEND-4): to others it went to its To and Cc. Returns whom they do not know
/// of, in comparison form.
fn forget_hidden_recipients(email: &mut email::Email) -> Vec<String> {
    let open: Vec<String> = email.people.to.iter().chain(&email.people.cc).map(Address::key).collect();
    let all = email.people.bcc.iter().map(Address::key).chain(email.deliveries.iter().map(|one| mail::address_key(&one.address)));
    let hidden = all.filter(|key| !open.contains(key)).collect();
    email.deliveries.retain(|one| open.contains(&mail::address_key(&one.address)));
    email.people.bcc.clear();
    hidden
}

fn people(list: &[Address]) -> String {
    let one = |person: &Address| {
        if person.name.is_empty() { person.address.clone() } else { format!("{} <{}>", person.name, person.address) }
    };
    list.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn event(event: &Event) -> String {
    let times: Vec<&str> = event.start.iter().chain(&event.end).map(String::as_str).collect();
    let mut words = vec![event.method.clone().unwrap_or_default(), event.summary.clone(), times.join(" to ")];
    // A time that could not be told in UTC is one of the zone that stands behind it.
    let is_local = event.start.as_ref().is_some_and(|start| !start.ends_with('Z'));
    words.extend(event.time_zone.clone().filter(|_| is_local));
    words.extend(event.organizer.as_ref().map(|organizer| format!("by {}", people(std::slice::from_ref(organizer)))));
    words.retain(|word| !word.is_empty());
    words.join(", ")
}

fn reader(reader: &Reader) -> String {
    let mut marks = Vec::new();
    for (is, word) in [
        (!reader.read, "unread"),
        (reader.important == Some(true), "important"),
        (reader.archived == Some(true), "archive"),
        (reader.trashed == Some(true), "trash"),
    ] {
        if is {
            marks.push(word.to_string());
        }
    }
    marks.extend(reader.folder.as_ref().map(|folder| format!("folder {folder}")));
    if marks.is_empty() { reader.login.clone() } else { format!("{} ({})", reader.login, marks.join(", ")) }
}

fn delivery(one: &Delivery) -> String {
    let status = one.status.as_ref().map(|status| format!(" ({status})")).unwrap_or_default();
    let report = one.report.map(|report| format!(", see e-mail {report}")).unwrap_or_default();
    format!("{}: {}{status}{report}", one.address, one.state)
}

/// How a copy came, and how to see it.
fn copy(email: EmailId, copy: &Copy) -> String {
    let account = copy.account.as_ref().map(|account| format!(" through {account}")).unwrap_or_default();
    format!("{} bytes{account}, {}: espomail email raw {email} --copy {}", copy.size, rfc3339(copy.arrived_at), copy.number)
}

fn head(shown: &Shown) -> String {
    let Shown { email, copies, author, outbox, .. } = shown;
    let parent = email.parent.map(|parent| match email.parent_by {
        Some(by) => format!("{parent} (by {by})"),
        None => parent.to_string(),
    });
    lines(&[
        ("e-mail", email.id.to_string()),
        ("thread", email.thread.to_string()),
        ("message-id", email.message_id.clone()),
        ("from", sender(&people(&email.people.from), email.sender_not_verified)),
        ("author", or_empty(author.as_ref())),
        ("reply-to", people(&email.people.reply_to)),
        ("to", people(&email.people.to)),
        ("cc", people(&email.people.cc)),
        ("bcc", people(&email.people.bcc)),
        ("subject", email.subject.clone()),
        ("date", rfc3339(email.date)),
        ("arrived", rfc3339(email.arrived_at)),
        ("parent", or_empty(parent.as_ref())),
        ("account", or_empty(email.account_record.as_ref())),
        ("answers", or_empty(email.replied.as_ref())),
        ("answered", yes(email.is_replied)),
        ("came through", email.accounts.join(", ")),
        ("copies", copies.iter().map(|copy| self::copy(email.id, copy)).collect::<Vec<_>>().join("; ")),
        ("id collision", if email.id_collision { "another e-mail has this Message-ID".to_string() } else { String::new() }),
        ("teams", email.teams.join(", ")),
        ("users", email.users.iter().map(reader).collect::<Vec<_>>().join(", ")),
        ("not sent", outbox.map(|one| format!("message {} of the outbox is {}", one.message, one.state)).unwrap_or_default()),
        ("delivery", email.deliveries.iter().map(delivery).collect::<Vec<_>>().join("; ")),
        ("assigned user", or_empty(email.assigned_user.as_ref())),
        (
            "group folder",
            match (&email.group_folder, email.group_place) {
                (Some(folder), Some(place)) => format!("{folder} ({place})"),
                (folder, _) => or_empty(folder.as_ref()),
            },
        ),
        ("acted upon", if email.archived { "no, it is older than the account acts upon".to_string() } else { String::new() }),
        ("partial", if email.partial { format!("yes; try: espomail email fetch-body {}", email.id) } else { String::new() }),
        ("raw bytes", email.raw_pruned_at.map(|at| format!("pruned on {}", rfc3339(at))).unwrap_or_default()),
        ("automatic", email.automatic.iter().map(Sign::to_string).collect::<Vec<_>>().join("; ")),
        ("defects", email.defects.join("; ")),
        ("calendar", email.calendar.iter().map(event).collect::<Vec<_>>().join("; ")),
        (
            "attachments",
            email.attachments.iter().map(|file| format!("{} ({} bytes)", file.name, file.size)).collect::<Vec<_>>().join(", "),
        ),
    ])
}

fn body(shown_email: &Shown, full: bool) -> String {
    let text = shown_email.email.text.trim_end();
    let reply = shown_email.reply_text.trim_end();
    if full || reply.is_empty() {
        return format!("\n{}\n", shown(text));
    }
    let count = |text: &str| text.lines().filter(|line| !line.trim().is_empty()).count();
    let folded: Vec<String> = [(count(&shown_email.quoted_text), "quotation"), (count(&shown_email.signature), "signature")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {} of {what}", if count == 1 { "line" } else { "lines" }))
        .collect();
    let mut body = format!("\n{}\n", shown(reply));
    if !folded.is_empty() {
        body.push_str(&format!("\n[{}; --full prints all]\n", folded.join(", ")));
    }
    body
}
