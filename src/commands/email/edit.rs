//! `email edit`: a message of ours that has not left is written anew in its place.

use std::io::IsTerminal;

use anyhow::{Context as _, Result};

use super::compose::{Typed, deliver, sender, write};
use super::writing::{SendWhen, UNWRITTEN, Writing, addresses};
use crate::commands::{outbox, right};
use crate::context::{self, Context};
use crate::decide::outgoing::Order;
use crate::decide::sender::Sender;
use crate::fault::{Class, Fault};
use crate::mail::body::{Body, Signature};
use crate::mail::compose::File;
use crate::mail::{self, Address, Mail, attachment_content, text_as_written, text_from_html};
use crate::store::email::Email;
use crate::store::outbox::{Outgoing, drop_one, hold_like, on_its_way};
use crate::store::{Database, Store, account, email, raw, record, rights};
use crate::words::{EmailId, OutboxState, OutgoingKind, ParentBy, RoleAction};

/// Change a draft, or a message that waits for its time: what is not given stays
///
/// On a terminal, and with nothing else given, the text is changed in $EDITOR. The message is written anew, with a number and a
/// Message-ID of its own; the one before is gone. A draft stays one unless --at says when it goes out.
#[derive(Debug, clap::Args)]
#[command(mut_arg("text", |text| text.help("The text; else what there is stays, or is changed in $EDITOR where nothing else is given")))]
pub struct Edit {
    /// Number or Message-ID
    email: String,
    /// Recipients in place of those that it has; may be given several times. So are --cc and --bcc; '' is nobody
    #[arg(long, value_name = "ADDRESS")]
    to: Vec<String>,
    /// Subject
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
    /// Take out the attachment of this name; may be given several times
    #[arg(long, value_name = "NAME")]
    detach: Vec<String>,
    #[command(flatten)]
    writing: Writing,
}

/// A message of ours that has not left.
struct Waiting {
    id: EmailId,
    email: Email,
    outgoing: Outgoing,
    mail: Mail,
    bytes: Vec<u8>,
}

impl Waiting {
    /// Finds it for its author or an administrator.
    fn read(context: &Context, db: &mut Database, wanted: &str) -> Result<Self> {
        let (id, _) = right::email(db, context.actor_ref(), wanted, RoleAction::Read)?;
        let not_waiting = || {
            Fault::new(Class::Data, format!("e-mail {id} is no draft, and does not wait for its time"))
                .hint("try: espomail email list --drafts, or: espomail email list --scheduled")
        };
        let message = on_its_way(db, id)?.ok_or_else(not_waiting)?.message;
        // Whose it is not hears no more of it than of any that is no draft.
        let outgoing = outbox::find(context, db, message.0).map_err(|_| not_waiting())?.thing().clone();
        let is_persons = matches!(outgoing.kind, OutgoingKind::Message | OutgoingKind::Reply | OutgoingKind::Forward);
        if !is_persons || !matches!(outgoing.state, OutboxState::Draft | OutboxState::Queued) {
            return Err(not_waiting().into());
        }
        if outgoing.attempts > 0 {
            let what = format!("e-mail {id} was tried already, and is tried again: its recipients may know of it");
            let hint = format!("call it back and write it anew: espomail outbox drop {message}");
            return Err(Fault::new(Class::Data, what).hint(hint).into());
        }
        let bytes = raw::raw_of(db, id)?.with_context(|| format!("e-mail {id} has no raw message"))?;
        Ok(Self { id, email: email::show(db, id)?, outgoing, mail: mail::parse(&bytes), bytes })
    }

    /// Those whom nobody else sees.
    fn bcc(&self) -> Vec<Address> {
        let open: Vec<String> = self.mail.to.iter().chain(&self.mail.cc).map(Address::key).collect();
        let all = self.outgoing.recipients.iter().map(|one| Address { name: String::new(), address: one.address.clone() });
        all.filter(|one| !open.contains(&one.key())).collect()
    }

    /// The files that stay; of the pictures those that the HTML still shows.
    fn files(&self, detached: &[String], html: Option<&str>) -> Result<Vec<File>> {
        let names: Vec<&str> = self.mail.attachments.iter().map(|one| one.name.as_str()).collect();
        if let Some(absent) = detached.iter().find(|name| !names.contains(&name.as_str())) {
            let what = format!("e-mail {} has no attachment {absent:?}", self.id);
            return Err(Fault::new(Class::Data, what).hint(format!("try: espomail email attachments {}", self.id)).into());
        }
        let is_shown =
            |id: &Option<String>| id.as_ref().is_some_and(|id| html.is_some_and(|html| html.contains(&format!("cid:{id}"))));
        let stays = self.mail.attachments.iter().filter(|one| !detached.contains(&one.name));
        let stays = stays.filter(|one| !one.inline || is_shown(&one.content_id));
        let file = |one: &mail::Attachment| {
            let content = attachment_content(&self.bytes, &one.part);
            let content = content.with_context(|| format!("attachment {:?} of e-mail {} cannot be read", one.name, self.id))?;
            let (name, media_type, content_id) = (one.name.clone(), one.media_type.clone(), one.content_id.clone());
            Ok(File { name, media_type, content, content_id, inline: one.inline })
        };
        stays.map(file).collect()
    }
}

impl Edit {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        self.writing.keeping(context, || self.rewritten(context, store))
    }

    fn rewritten(&self, context: &Context, store: &mut Store) -> Result<()> {
        let db = store.connection();
        let before = Waiting::read(context, db, &self.email)?;
        let own = before.mail.from.as_ref().map(|from| from.address.clone());
        let from = self.writing.from.clone().or(own);
        // It stays its author's, whoever changes it.
        let author = before.email.author;
        let writer = author.map(|user| rights::actor(db, &context.actor_ref().os_account, user, true)).transpose()?;
        let writer = writer.unwrap_or_else(|| context.actor());
        let preferred = before.outgoing.account.as_ref().map(|name| account::find(db, name)).transpose()?.map(|found| found.id);
        // Said before anybody writes.
        let named = sender(&writer, db, from.as_deref(), preferred)?;
        let to = replaced(&self.to, &before.mail.to)?;
        let body = self.body(context, db, &before, to.first(), &named)?;
        let mut attachments = before.files(&self.detach, body.html.as_deref())?;
        attachments.extend(self.writing.attachments(&body)?);
        let subject = before.mail.header_values("Subject").next().unwrap_or_default();
        let typed = Typed {
            to,
            cc: replaced(&self.writing.cc, &before.mail.cc)?,
            bcc: replaced(&self.writing.bcc, &before.bcc())?,
            subject: self.subject.clone().unwrap_or(subject),
            text: body.text,
            html: body.html,
            attachments,
            calendar: None,
            in_reply_to: before.mail.in_reply_to.first().cloned(),
            references: before.mail.references.clone(),
        };
        let due_at = match (&self.writing.at, before.outgoing.state) {
            (Some(_), _) => self.writing.due_at(context)?,
            (None, OutboxState::Draft) => None,
            (None, _) if self.writing.draft => None,
            (None, _) => before.outgoing.due_at,
        };
        let random = context::random()?;
        let turn = if before.outgoing.is_held() { SendWhen::Held } else { self.writing.turn() };
        let replace = |db: &mut Database| {
            let message = outbox::find(context, db, before.outgoing.id.0)?;
            if message.thing() != &before.outgoing {
                let what = format!("message {} of the outbox was changed meanwhile", before.outgoing.id);
                return Err(Fault::new(Class::TempFail, what).hint("look at it, and try again").into());
            }
            drop_one(db, &message, context.now())?;
            let sender = sender(&writer, db, from.as_deref(), preferred)?;
            let parent = before.email.parent.map(|named| record::find(db, named, &[])).transpose()?;
            let unlinked = parent.is_none() && before.email.parent_by == Some(ParentBy::Hand);
            let order = Order { parent, unlinked, author, follows: before.email.replied };
            let queued = write(context, db, &typed, &sender, order, (before.outgoing.kind, "email edit"), due_at, random)?;
            hold_like(db, queued.id, &before.outgoing)?;
            Ok(queued)
        };
        self.writing.rehearsal.over(context, store, |store| {
            let queued = store.alone(replace)?;
            context.out.say(&format!("E-mail {} takes the place of e-mail {}.", queued.email, before.id));
            deliver(context, queued, due_at, turn, None)
        })
    }

    /// What it says now.
    fn body(
        &self,
        context: &Context,
        db: &mut Database,
        before: &Waiting,
        to: Option<&Address>,
        sender: &Sender,
    ) -> Result<Body> {
        let (writing, stored) = (&self.writing, text_as_written(&before.bytes));
        if writing.text.is_some() || writing.file.is_some() || writing.template.is_some() {
            let letter = writing.letter(context, db, to, before.email.parent, None, sender)?;
            let signature = writing.signature(before.email.author, sender, db)?;
            return Ok(writing.written(letter, "")?.with(&signature, None));
        }
        if let Some(html) = writing.html()? {
            return Ok(Body { text: text_from_html(&html), html: Some(html), ..Body::default() });
        }
        if self.changes_nothing_else() {
            if !std::io::stdin().is_terminal() {
                let what = "say what to change";
                return Err(Fault::new(Class::Usage, what).hint("see: espomail email edit --help").into());
            }
            let written = writing.written(None, &stored.0).map_err(|error| match error.downcast::<Fault>() {
                Ok(fault) if fault.to_string() == UNWRITTEN => {
                    let what = format!("nothing was changed, so e-mail {} stays as it is", before.id);
                    Fault::new(Class::Usage, what).into()
                }
                Ok(fault) => fault.into(),
                Err(error) => error,
            });
            let body = written?.with(&Signature::default(), None);
            if stored.1.is_some() {
                context.out.say("It is plain text now: its HTML said what stood there before.");
            }
            return Ok(body);
        }
        Ok(Body { text: stored.0, html: stored.1, ..Body::default() })
    }

    fn changes_nothing_else(&self) -> bool {
        let Writing { cc, bcc, from, attach, inline, at, draft, .. } = &self.writing;
        let lists = [&self.to, &self.detach, cc, bcc].iter().all(|list| list.is_empty());
        let files = attach.is_empty() && inline.is_empty();
        lists && files && self.subject.is_none() && from.is_none() && at.is_none() && !draft
    }
}

/// What was given in place of what there is: nothing leaves it, one empty value clears it.
fn replaced(given: &[String], there: &[Address]) -> Result<Vec<Address>> {
    if given.is_empty() {
        return Ok(there.to_vec());
    }
    addresses(&given.iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>())
}
