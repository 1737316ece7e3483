//! `espomail account test`.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::answers::mute;
use crate::commands::send::with_setting;
use crate::commands::{argument, right};
use crate::context::{self, Context};
use crate::fault::{Class, Fault};
use crate::mail::compose::{self, AutoKind, Draft};
use crate::mail::{Address, address_key};
use crate::mailbox::Session;
use crate::output::Format;
use crate::pass::fetch::server_for;
use crate::pass::{Stop, copies, outgoing, send};
use crate::plural::counted;
use crate::relay::{Envelope, Reply};
use crate::store::account::Account as Stored;
use crate::store::sending::{self, Sending};
use crate::store::{Database, Store, access as trace, answer, state, user};
use crate::words::SmtpAuth;

/// What was found of one mailbox.
#[derive(serde::Serialize)]
struct Tested<'a> {
    mailbox: &'a str,
    messages: u32,
    uidvalidity: u32,
}

/// Logs in to the server for reading and opens every mailbox; also the one for copies of what was sent, where there are any.
pub fn reading(context: &Context, mut store: Store, wanted: &str) -> Result<()> {
    let (account, permit) = right::account(store.connection(), context, context.actor_ref(), wanted)?;
    let with = sending::of(store.connection(), account.id)?;
    let is_mute = answer::mute(store.connection())?.iter().any(|(id, _)| *id == account.id);
    drop(store);
    if is_mute {
        context.out.complain(&mute(&account.name).into());
    }
    open_all(context, &account, &with).with_context(|| format!("account {}", account.name))?;
    // What it rested for is over.
    context.store()?.alone(|db| state::try_again(db, &permit, account.id))
}

fn open_all(context: &Context, account: &Stored, with: &Sending) -> Result<()> {
    let mut session = connect(context, account).map_err(|error| advised(error, account, "--password-stdin"))?;
    let out = &context.out;
    out.say(&format!(
        "Logged in to {}:{} ({}) as {}.",
        account.server.imap_host, account.server.imap_port, account.server.imap_security, account.server.imap_user
    ));
    let mut tested = Vec::new();
    for mailbox in &account.mailboxes {
        match session.examine(mailbox) {
            Ok(opened) => {
                out.say(&format!("Mailbox {mailbox}: {}.", counted(opened.exists, "message")));
                tested.push(Tested { mailbox, messages: opened.exists, uidvalidity: opened.uidvalidity });
            }
            Err(error) => out.complain(&error.context(format!("account {}", account.name))),
        }
    }
    if with.settings.save_sent {
        match copies::find(&mut session, &account.name, with.settings.sent_mailbox.as_deref()) {
            Ok(mailbox) => out.say(&format!("Copies of what is sent go to mailbox {mailbox}.")),
            Err(error) => out.complain(&error.context(format!("account {}", account.name))),
        }
    }
    session.logout();
    if out.format != Format::Text {
        out.list(&tested, &[], |_| Vec::new());
    }
    Ok(())
}

/// What a pass advises on a refused login is what was just done; `option` sets the password.
fn advised(error: anyhow::Error, account: &Stored, option: &str) -> anyhow::Error {
    match error.downcast::<Fault>() {
        Ok(fault) if fault.hint.as_ref().is_some_and(|hint| hint.contains("account test")) => {
            let set = format!("try: espomail account set {} {option}", argument::quoted(&account.name));
            fault.hint(format!("check the user and the password; {set}")).into()
        }
        Ok(fault) => fault.into(),
        Err(other) => other,
    }
}

/// What the server for sending said of one recipient.
#[derive(serde::Serialize)]
struct Answered<'a> {
    address: &'a str,
    taken: bool,
    code: u16,
    status: Option<&'a str>,
    text: &'a str,
}

impl<'a> Answered<'a> {
    fn new((address, reply): (&'a String, &'a Reply)) -> Self {
        let (status, text) = (reply.status.as_deref(), reply.text.as_str());
        Self { address, taken: reply.is_good(), code: reply.code, status, text }
    }
}

/// SEND-3: a test message goes out as somebody, too. A group account's address is the administrators' to try, a personal one's
/// its owner's, if it is theirs.
fn may_write_as(db: &mut Database, account: &Stored) -> Result<()> {
    let Some(owner) = account.owner else { return Ok(()) };
    let own = user::addresses_of(db, owner)?;
    if own.contains(&address_key(&account.address)) {
        return Ok(());
    }
    let what = format!("account {}: <{}> is no address of its owner's, so nothing is sent as it", account.name, account.address);
    // All of them: what is set takes the place of what was.
    let all: Vec<String> = own.iter().chain([&account.address]).map(|address| format!("--address {address}")).collect();
    let hint = format!("if it is, an administrator says: espomail user set {} {}", user::login(db, owner)?, all.join(" "));
    Err(Fault::new(Class::Refused, what).hint(hint).into())
}

/// Logs in to the server for sending, and sends a test message where addresses are given.
pub fn sending(context: &Context, mut store: Store, wanted: &str, to: &[String]) -> Result<()> {
    let (account, permit) = right::account(store.connection(), context, context.actor_ref(), wanted)?;
    let with = sending::of(store.connection(), account.id)?;
    let draft = if to.is_empty() {
        None
    } else {
        may_write_as(store.connection(), &account)?;
        let policy = context.policy(store.connection())?;
        let message_id = outgoing::message_id(&policy, None, &account.address, context::random()?, context.now());
        store.alone(|db| {
            let subject = format!("account:{}", account.name);
            trace::record(db, &permit, "account test", &subject, &format!("a message to {}", to.join(", ")), context.now())
        })?;
        Some(letter(&account, &with, to, message_id, context.now()))
    };
    drop(store);
    send_to(context, &account, &with, draft.as_ref()).with_context(|| format!("account {}", account.name))
}

/// A message that says what it is, to people and to programs.
fn letter(account: &Stored, with: &Sending, to: &[String], message_id: String, now: i64) -> Draft {
    let nameless = |address: &String| Address { name: String::new(), address: address.clone() };
    Draft {
        from: Address { name: with.settings.from_name.clone(), address: account.address.clone() },
        sender: None,
        reply_to: Vec::new(),
        to: to.iter().map(nameless).collect(),
        cc: Vec::new(),
        bcc: Vec::new(),
        subject: "espomail test message".to_string(),
        text: format!("This is a test of the e-mail account {}. Nobody needs to answer.\n", account.name),
        html: None,
        attachments: Vec::new(),
        calendar: None,
        message_id,
        date: now,
        in_reply_to: None,
        references: Vec::new(),
        automatic: Some(AutoKind::Generated),
        extra: Vec::new(),
    }
}

/// Logs in to the server for sending, and hands over a letter where there is one.
pub(super) fn send_to(context: &Context, account: &Stored, with: &Sending, draft: Option<&Draft>) -> Result<()> {
    let out = &context.out;
    let Some(smtp) = &with.smtp else {
        return Err(Fault::new(Class::Config, "it has no server to send through")
            .hint(format!("try: espomail account set {} --smtp-host HOST", argument::quoted(&account.name)))
            .into());
    };
    let written = draft.map(|draft| Ok::<_, anyhow::Error>((draft, compose::compose(draft)?, compose::envelope(draft)?)));
    let written = written.transpose()?;
    let replies = with_setting(context, &Stop::default(), None, |setting| match &written {
        Some((draft, bytes, envelope)) => {
            let envelope = Envelope { from: &envelope.from, to: &envelope.recipients, id: &draft.message_id };
            send::test(setting, account, smtp, Some((bytes, &envelope)))
        }
        None => send::test(setting, account, smtp, None),
    });
    let option = if smtp.password.is_some() { "--smtp-password-stdin" } else { "--password-stdin" };
    let replies = replies.map_err(|error| advised(error, account, option))?;
    let user = smtp.user.as_ref().unwrap_or(&account.server.imap_user);
    let how = if smtp.auth == SmtpAuth::None { "Connected".to_string() } else { format!("Logged in as {user}") };
    out.say(&format!("{how} to {}:{} ({}).", smtp.host, smtp.port, smtp.security));
    let recipients = written.iter().flat_map(|(.., envelope)| &envelope.recipients);
    let answers: Vec<Answered<'_>> = recipients.zip(&replies).map(Answered::new).collect();
    for (answer, reply) in answers.iter().zip(&replies) {
        if answer.taken {
            out.say(&format!("The server took the test message for {}: {reply}", answer.address));
        } else {
            let class = if reply.is_permanent() { Class::Refused } else { Class::TempFail };
            let what = format!("account {}: the server refused the test message for {}: {reply}", account.name, answer.address);
            out.complain(&Fault::new(class, what).into());
        }
    }
    if draft.is_some() && out.format != Format::Text {
        out.list(&answers, &[], |_| Vec::new());
    }
    Ok(())
}

pub fn connect(context: &Context, account: &Stored) -> Result<Session> {
    connect_for(context, account, u64::try_from(account.fetching.max_seconds).unwrap_or_default())
}

/// The same, for so many seconds at the most.
pub fn connect_for(context: &Context, account: &Stored, seconds: u64) -> Result<Session> {
    let secret_of = |account: &_, refused: Option<&_>| context.secret_of(account, refused);
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let connection = crate::commands::fetch::connection(context, &Stop::default());
    Session::open(&server_for(account, &secret_of, &connection, deadline, context.now())?)
}
