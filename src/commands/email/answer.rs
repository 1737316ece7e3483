//! `email reply`, `email forward` and `case reply`: messages that go on from a stored one (SEND-10).

use std::collections::HashSet;

use anyhow::{Context as _, Result};

use super::compose::{Told, Typed, send, sender, write};
use super::writing::{Writing, addresses};
use crate::clock::told_span;
use crate::commands::right;
use crate::context::{self, Context};
use crate::decide::access::sight;
use crate::decide::outgoing::Order;
use crate::fault::{Class, Fault};
use crate::mail::body::{Quoted, below};
use crate::mail::compose::{File, is_id};
use crate::mail::reply::{Original, forward_subject, reply_subject};
use crate::mail::{Address, Mail, address_key, attachment_content};
use crate::output::shown_line;
use crate::store::case::{self, Answered};
use crate::store::email::Email;
use crate::store::participant::{self, Written};
use crate::store::raw::Left;
use crate::store::record::RecordName;
use crate::store::{Database, Store, account, email, raw, record, remembered, sending, user};
use crate::words::{AccountId, EmailId, OutgoingKind, RecordId, RecordKind, RoleAction, RoleScope};

/// The most bytes of pictures that are quoted along with the HTML that shows them.
const PICTURES: usize = 5 << 20;
/// How long ago a first answer is worth a word to whoever writes a second one, in seconds.
const SHORT_WHILE: i64 = 86_400;

/// Answer an e-mail: to Reply-To, where that is none of our own addresses, else From; the answer belongs to the same record
#[derive(Debug, clap::Args)]
pub struct Reply {
    /// Number or Message-ID
    email: String,
    /// To everybody whom it names, too
    #[arg(long)]
    all: bool,
    /// To this address instead; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    to: Vec<String>,
    /// Leave the quotation out
    #[arg(long)]
    no_quote: bool,
    #[command(flatten)]
    writing: Writing,
}

/// Pass an e-mail on, with its attachments
#[derive(Debug, clap::Args)]
pub struct Forward {
    /// Number or Message-ID
    email: String,
    /// Recipient, or several with commas between them; may be given several times
    #[arg(long, value_name = "ADDRESS", required = true)]
    to: Vec<String>,
    #[command(flatten)]
    writing: Writing,
}

/// Answer a case: the newest e-mail of a person who takes part in it
///
/// Who takes part: who wrote the e-mail that opened the case, the case's contact and the people of its account, and whomever one
/// of you wrote to in it. To whom the answer goes is printed before it is sent.
#[derive(Debug, clap::Args)]
pub struct CaseReply {
    /// Number of the case
    case: String,
    /// Answer the newest e-mail of a person, though its author takes no part in the case
    #[arg(long, conflicts_with = "to_email")]
    to_newest: bool,
    /// Answer this e-mail of the case: its number or Message-ID
    #[arg(long, value_name = "ID")]
    to_email: Option<String>,
    /// To everybody whom that e-mail names, too
    #[arg(long)]
    all: bool,
    /// Leave the quotation out
    #[arg(long)]
    no_quote: bool,
    #[command(flatten)]
    writing: Writing,
}

/// A stored message that another one goes on from.
struct Found {
    id: EmailId,
    email: Email,
    mail: Mail,
    original: Original,
}

impl Found {
    fn read(context: &Context, db: &mut Database, wanted: &str) -> Result<Self> {
        let (id, _) = right::email(db, context.actor_ref(), wanted, RoleAction::Read)?;
        let email = email::show(db, id)?;
        let mail = remembered::mail(db, id, true)?.with_context(|| format!("e-mail {id} has no raw message"))?;
        let mut original = Original::from(&mail);
        participant::drop_ours(db, &mut original.reply_to)?;
        Ok(Self { id, email, mail, original })
    }

    /// Whether the one who writes may still answer it, and write into the case that they named: writing takes its time.
    fn is_still_theirs(&self, context: &Context, db: &mut Database, case: Option<&str>) -> Result<()> {
        let actor = context.actor_ref();
        right::email(db, actor, &self.id.to_string(), RoleAction::Read)?;
        case.map_or(Ok(()), |case| right::case(db, actor, case, RoleAction::Read).map(|_| ()))
    }

    /// What is quoted of it below an answer.
    fn quoted(&self) -> Quoted {
        let original = &self.original;
        Quoted { text: original.quotation(), html: original.html_quotation(), is_html: original.html.is_some() }
    }

    /// The pictures that its HTML shows, where that goes out again: as many as a letter can well carry.
    fn pictures(&self, db: &mut Database, html: Option<&str>) -> Result<Vec<File>> {
        let Some(html) = html else { return Ok(Vec::new()) };
        let Some(Left::Kept(bytes)) = raw::left_of(db, self.id)? else { return Ok(Vec::new()) };
        let mut pictures = Vec::new();
        let mut room = PICTURES;
        for one in self.mail.attachments.iter().filter(|one| one.inline && one.media_type.starts_with("image/")) {
            let Some(id) = one.content_id.as_ref().filter(|id| is_id(id) && html.contains(&format!("cid:{id}"))) else {
                continue;
            };
            let Some(content) = attachment_content(&bytes, &one.part).filter(|content| content.len() <= room) else { continue };
            room -= content.len();
            let (name, media_type) = (one.name.clone(), one.media_type.clone());
            pictures.push(File { name, media_type, content, content_id: Some(id.clone()), inline: true });
        }
        Ok(pictures)
    }

    /// The account that it came through, which a reply goes out through where it may.
    fn account(&self, db: &mut Database) -> Result<Option<AccountId>> {
        let Some(name) = self.email.accounts.first() else { return Ok(None) };
        Ok(Some(account::find(db, name)?.id))
    }
}

impl Reply {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let found = Found::read(context, store.connection(), &self.email)?;
        let answer = Replying {
            action: "email reply",
            all: self.all,
            to: &self.to,
            no_quote: self.no_quote,
            passed_over: None,
            case: None,
        };
        self.writing.keeping(context, || reply(context, store, &found, &answer, &self.writing))
    }
}

impl CaseReply {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let db = store.connection();
        let (case, _) = right::case(db, context.actor_ref(), &self.case, RoleAction::Read)?;
        let (chosen, passed_over) = self.choose(context, db, case)?;
        let mut found = Found::read(context, db, &chosen.email.to_string())?;
        if self.to_email.is_none() && !self.to_newest && !chosen.opens {
            found.keep_to(&chosen, case, context, db)?;
        }
        let answer = Replying {
            action: "case reply",
            all: self.all,
            to: &[],
            no_quote: self.no_quote,
            passed_over,
            case: Some(&self.case),
        };
        self.writing.keeping(context, || reply(context, store, &found, &answer, &self.writing))
    }

    /// Returns the e-mail to answer, and the newer one that is not answered, as its author takes no part in the case (LINK-2).
    fn choose(&self, context: &Context, db: &mut Database, case: RecordId) -> Result<(Written, Option<Written>)> {
        let named = &self.case;
        if let Some(wanted) = &self.to_email {
            let (email, _) = right::email(db, context.actor_ref(), wanted, RoleAction::Read)?;
            let parent = email::show(db, email)?.parent.map(|parent| record::find(db, parent, &[])).transpose()?;
            if parent != Some(case) {
                return Err(Fault::new(Class::Data, format!("e-mail {email} does not belong to case {named}"))
                    .hint(format!("try: espomail email list --parent case:{named}, or: espomail email reply {email}"))
                    .into());
            }
            return Ok((Written { email, from: String::new(), opens: false }, None));
        }
        let waiting = participant::waiting(db, case)?;
        let nothing = || Fault::new(Class::Data, format!("case {named} has no e-mail to answer"));
        match (waiting.of_participant, waiting.newest) {
            (_, None) => Err(nothing().hint("try: espomail email compose --parent case:NUMBER").into()),
            (_, Some(newest)) if self.to_newest => Ok((newest, None)),
            (Some(chosen), newest) => {
                let passed_over = newest.filter(|newest| newest.email != chosen.email);
                Ok((chosen, passed_over))
            }
            (None, Some(newest)) => {
                let Written { email, from, .. } = newest;
                Err(nothing()
                    .hint(format!("e-mail {email} is of <{from}>, who takes no part in it; to answer that: --to-newest"))
                    .into())
            }
        }
    }
}

/// How somebody answers.
struct Replying<'a> {
    /// What the audit calls it.
    action: &'static str,
    all: bool,
    to: &'a [String],
    no_quote: bool,
    passed_over: Option<Written>,
    /// The case that is answered.
    case: Option<&'a str>,
}

impl Found {
    /// Anybody can write From a participant's address and have the answer go elsewhere: it goes to Reply-To where that takes part
    /// in the case, too, else to From.
    fn keep_to(&mut self, chosen: &Written, case: RecordId, context: &Context, db: &mut Database) -> Result<()> {
        let wanted: HashSet<String> = self.original.reply_to.iter().map(Address::key).collect();
        let mut known = participant::of_case(db, case, &wanted)?;
        known.insert(chosen.from.clone());
        if wanted.iter().all(|address| known.contains(address)) {
            return Ok(());
        }
        let named = list(&self.original.reply_to);
        self.original.reply_to.clear();
        let Self { id, .. } = self;
        context.out.say(&format!(
            "E-mail {id} asks for answers to {named}, who takes no part in the case. To answer there: --to-email {id}"
        ));
        Ok(())
    }
}

/// Names addresses.
fn list(addresses: &[Address]) -> String {
    addresses.iter().map(|one| one.address.as_str()).collect::<Vec<_>>().join(", ")
}

/// Says to whom an answer goes, before anything is written or sent; and of a case, who of them takes no part in it so far.
fn tell(context: &Context, db: &mut Database, told: &Told, parent: Option<RecordName>) -> Result<Vec<String>> {
    context.out.say(&format!("To: {}", list(&told.to)));
    if !told.cc.is_empty() {
        context.out.say(&format!("Cc: {}", list(&told.cc)));
    }
    if let Some(Written { email, from, .. }) = &told.passed_over {
        context.out.say(&format!(
            "Not to {from}, who wrote e-mail {email} later and takes no part in the case. To answer that: --to-newest"
        ));
    }
    let Some(named) = parent.filter(|named| named.kind == RecordKind::Case) else { return Ok(Vec::new()) };
    let case = record::find(db, named, &[])?;
    let all: HashSet<String> = told.to.iter().chain(&told.cc).map(Address::key).collect();
    let mut known = participant::of_case(db, case, &all)?;
    let answered_at = sending::answered_at(db)?;
    known.extend(participant::internal(db, &all, &answered_at)?);
    let mut strangers: Vec<String> = all.difference(&known).cloned().collect();
    strangers.sort_unstable();
    if !strangers.is_empty() {
        context.out.say(&format!("New to {named}: {}", strangers.join(", ")));
    }
    Ok(strangers)
}

/// Says that somebody was quicker.
fn tell_answered(context: &Context, Answered { email, by, at }: &Answered) {
    let by = by.as_ref().map(|by| format!(" by {}", shown_line(by))).unwrap_or_default();
    let ago = told_span((context.now() - at).max(0));
    context.out.say(&format!("It was answered{by} {ago} ago, by e-mail {email}: espomail email show {email}"));
}

fn reply(context: &Context, store: &mut Store, found: &Found, answer: &Replying<'_>, writing: &Writing) -> Result<()> {
    let quoted = (!answer.no_quote).then(|| found.quoted());
    let db = store.connection();
    let preferred = found.account(db)?;
    // Said before anybody writes.
    let actor = context.actor_ref();
    let named = sender(actor, db, writing.from.as_deref(), preferred)?;
    let (to, cc) = found.recipients(context, db, answer, writing, &named.from)?;
    let sight = sight(actor, RoleScope::Email);
    let answered = case::answered(db, found.id, &sight)?.filter(|one| (0..SHORT_WHILE).contains(&(context.now() - one.at)));
    let mut told = Told { to, cc, passed_over: answer.passed_over.clone(), strangers: Vec::new(), answered };
    told.strangers = tell(context, db, &told, found.email.parent)?;
    told.answered.iter().for_each(|answered| tell_answered(context, answered));
    let from = found.original.reply_to.first().or(found.original.from.as_ref());
    let letter = writing.letter(context, db, from, found.email.parent, Some(&found.original), &named)?;
    let signature = writing.signature(actor.user, &named, db)?;
    let body = writing.written(letter, &below(&signature, quoted.as_ref()))?.with(&signature, quoted.as_ref());
    let mut attachments = writing.attachments(&body)?;
    attachments.extend(found.pictures(store.connection(), body.html.as_deref())?);
    let due_at = writing.due_at(context)?;
    let random = context::random()?;
    let order = (writing.rehearsal, due_at, writing.turn());
    send(context, store, order, Some(&told), |db| {
        found.is_still_theirs(context, db, answer.case)?;
        let sender = sender(actor, db, writing.from.as_deref(), preferred)?;
        let typed = Typed {
            to: told.to.clone(),
            cc: told.cc.clone(),
            bcc: addresses(&writing.bcc)?,
            subject: reply_subject(&found.original.subject),
            text: body.text.clone(),
            html: body.html.clone(),
            attachments: attachments.clone(),
            calendar: None,
            in_reply_to: found.original.message_id.clone(),
            references: found.original.chain(),
        };
        let parent = found.email.parent.map(|named| record::find(db, named, &[])).transpose()?;
        let order = Order { parent, author: actor.user, follows: Some(found.id), ..Order::default() };
        write(context, db, &typed, &sender, order, (OutgoingKind::Reply, answer.action), due_at, random)
    })
}

impl Found {
    /// To whom an answer goes, and to whom its copies (SEND-10).
    fn recipients(
        &self,
        context: &Context,
        db: &mut Database,
        answer: &Replying<'_>,
        writing: &Writing,
        from: &str,
    ) -> Result<(Vec<Address>, Vec<Address>)> {
        let mut ours: HashSet<String> = sending::excluded(db)?.into_iter().collect();
        ours.insert(address_key(from));
        if let Some(user) = context.actor_ref().user {
            ours.extend(user::addresses_of(db, user)?);
        }
        let preferred = self.account(db)?;
        ours.extend(preferred.map(|id| account::find(db, &id.to_string())).transpose()?.map(|account| account.address.clone()));
        let mut recipients = self.original.recipients(answer.all, &ours);
        if !answer.to.is_empty() {
            recipients.to = addresses(answer.to)?;
        }
        if recipients.to.is_empty() && recipients.cc.is_empty() {
            let what = format!("e-mail {} names nobody whom an answer could go to", self.id);
            return Err(Fault::new(Class::Data, what).hint("name somebody: --to ADDRESS").into());
        }
        recipients.cc.extend(addresses(&writing.cc)?);
        Ok((recipients.to, recipients.cc))
    }
}

impl Forward {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        self.writing.keeping(context, || self.pass_on(context, store))
    }

    fn pass_on(&self, context: &Context, store: &mut Store) -> Result<()> {
        let found = Found::read(context, store.connection(), &self.email)?;
        let original = &found.original;
        let (text, html) = (original.forwarded(), original.html_forwarded());
        let passed_on = Quoted { text, html, is_html: original.html.is_some() };
        let db = store.connection();
        let to = addresses(&self.to)?;
        let preferred = found.account(db)?;
        // Said before anybody writes.
        let actor = context.actor_ref();
        let from = sender(actor, db, self.writing.from.as_deref(), preferred)?;
        let letter = self.writing.letter(context, db, to.first(), found.email.parent, Some(&found.original), &from)?;
        let signature = self.writing.signature(actor.user, &from, db)?;
        let begin = below(&signature, Some(&passed_on));
        let body = self.writing.written(letter, &begin)?.with(&signature, Some(&passed_on));
        let mut attachments = self.writing.attachments(&body)?;
        attachments.extend(found.pictures(store.connection(), body.html.as_deref())?);
        let files: Vec<_> = found.mail.attachments.iter().filter(|one| !one.inline).collect();
        let bytes = match files.is_empty() {
            true => Vec::new(),
            // Without its files it would be another letter.
            false => raw::raw_of(store.connection(), found.id)?.unwrap_or_default(),
        };
        for one in files {
            let content = attachment_content(&bytes, &one.part).with_context(|| {
                format!("attachment {:?} was not fetched; try: espomail email fetch-body {}", one.name, found.id)
            })?;
            let (name, media_type) = (one.name.clone(), one.media_type.clone());
            attachments.push(File { name, media_type, content, content_id: None, inline: false });
        }
        let due_at = self.writing.due_at(context)?;
        let random = context::random()?;
        let order = (self.writing.rehearsal, due_at, self.writing.turn());
        send(context, store, order, None, |db| {
            let sender = sender(actor, db, self.writing.from.as_deref(), preferred)?;
            let typed = Typed {
                to: to.clone(),
                cc: addresses(&self.writing.cc)?,
                bcc: addresses(&self.writing.bcc)?,
                subject: forward_subject(&found.original.subject),
                text: body.text.clone(),
                html: body.html.clone(),
                attachments: attachments.clone(),
                calendar: None,
                in_reply_to: None,
                references: found.original.chain(),
            };
            let parent = found.email.parent.map(|named| record::find(db, named, &[])).transpose()?;
            let order = Order { parent, author: actor.user, follows: Some(found.id), ..Order::default() };
            write(context, db, &typed, &sender, order, (OutgoingKind::Forward, "email forward"), due_at, random)
        })
    }
}
