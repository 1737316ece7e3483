//! `email list`: by what stands in the e-mails, and by where a user has them (INBOX-2).

use anyhow::Result;

use super::inbox;
use crate::clock::rfc3339;
use crate::commands::{argument, hearsay, right};
use crate::context::Context;
use crate::decide::access::{self, Inbox};
use crate::decide::digest::sender;
use crate::fault::Class;
use crate::store::email::{self, EmailFilter, Place, Unsent, View};
use crate::store::record::RecordName;
use crate::store::search::{self, Query, Step};
use crate::store::{Database, Store, class_of, folder, user};
use crate::words::{EmailId, GroupPlace, RoleAction, RoleScope, ThreadId};

#[derive(Debug, clap::Args)]
pub struct List {
    /// Only those with these words in subject, text or addresses: words, "phrases", begin*, -without
    #[arg(long, value_name = "WORDS", allow_hyphen_values = true)]
    search: Option<String>,
    /// Only those that came through this e-mail account
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Only those from this address
    #[arg(long, value_name = "ADDRESS", value_parser = argument::one_address)]
    from: Option<String>,
    /// Only those with this in the subject
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
    /// Only those of a record, such as case:42
    #[arg(long, value_name = "RECORD")]
    parent: Option<RecordName>,
    /// Only those of a thread
    #[arg(long, value_name = "NUMBER")]
    thread: Option<i64>,
    /// Only those not before this time: 2026-11-23, RFC 3339, today, 3d
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only those before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only those in this group folder; with --archived or --trash those in its archive or trash
    #[arg(long, value_name = "FOLDER")]
    group_folder: Option<String>,
    /// Only those that this user is to look after
    #[arg(long, value_name = "USER")]
    assigned_user: Option<String>,
    /// Only what reached nobody: it is in nobody's inbox, in no group folder, and of no case that an active user has
    #[arg(long, conflicts_with_all = ["user", "place", "unread", "important", "group_folder"])]
    of_nobody: bool,
    /// Only drafts: your own, or all of them for an administrator
    #[arg(long)]
    drafts: bool,
    /// Only what waits for its time to go out: your own, or all of it for an administrator
    #[arg(long)]
    scheduled: bool,
    #[command(flatten)]
    part: argument::Part,
    #[command(flatten)]
    copies: Copies,
}

/// Where a user has them.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "A user's e-mails")]
struct Copies {
    /// Only those that this user has [default, with what stands below: the one who asks]
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only those in the user's inbox: not what the user wrote, nor what lies in a group folder
    #[arg(long, group = "place")]
    inbox: bool,
    /// Only those that the user put into the archive
    #[arg(long, group = "place")]
    archived: bool,
    /// Only those in the user's trash
    #[arg(long, group = "place")]
    trash: bool,
    /// Only those in this folder of the user
    #[arg(long, value_name = "FOLDER", group = "place")]
    folder: Option<String>,
    /// Only those that the user wrote
    #[arg(long, group = "place")]
    sent: bool,
    /// Only those that the user has not read
    #[arg(long)]
    unread: bool,
    /// Only those that are important to the user
    #[arg(long)]
    important: bool,
}

impl List {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        argument::within_limit([self.search.as_ref(), self.subject.as_ref()])?;
        let found = self.search.as_deref().map(|text| self::find(context, store, text)).transpose()?;
        let db = store.connection();
        let parent = self.parent.map(|named| right::record(db, context.actor_ref(), named, RoleAction::Read)).transpose()?;
        let parent = parent.map(|(record, _)| record);
        let actor = context.actor_ref();
        let unsent = Unsent {
            drafts: self.drafts,
            scheduled_after: self.scheduled.then(|| context.now()),
            author: actor.user.filter(|_| !actor.administrator),
        };
        let mut filter = EmailFilter {
            unsent: (self.drafts || self.scheduled).then_some(unsent),
            through: self.account.map(|name| right::through(db, context.actor_ref(), &name)).transpose()?,
            from: self.from,
            subject_part: self.subject,
            since: self.since.map(|text| context.time(&text)).transpose()?,
            until: self.until.map(|text| context.time(&text)).transpose()?,
            parent,
            thread: self.thread.map(ThreadId),
            sight: access::sight(context.actor_ref(), RoleScope::Email),
            group_folder: self
                .group_folder
                .map(|name| folder::find(db, None, &name))
                .transpose()?
                .map(|folder| (folder.id, self.copies.group_place())),
            assigned_user: self.assigned_user.map(|login| user::find(db, &login)).transpose()?,
            found,
            of_nobody: self.of_nobody,
            limit: self.part.limit(&context.out),
            offset: self.part.offset,
            ..EmailFilter::default()
        };
        if filter.group_folder.is_none() || self.copies.user.is_some() {
            self.copies.restrict(context, db, &mut filter)?;
        }
        let mut emails = email::list(db, &filter)?;
        right::tell_if_blind(context, RoleScope::Email, emails.len());
        hearsay::hide(db, context.actor_ref(), emails.iter_mut().map(|email| &mut email.parent).collect())?;
        if filter.unsent.is_some() {
            context.out.list(&emails, &["id", "goes out", "to", "~parent", "subject"], |email| {
                let waits = email.waits.as_ref();
                let at = waits.and_then(|waits| waits.goes_out_at).map_or_else(|| "draft".to_string(), rfc3339);
                let to = waits.map(|waits| waits.to.join(", ")).unwrap_or_default();
                vec![email.id.to_string(), at, to, or_dash(email.parent.as_ref()), email.subject.clone()]
            });
            return self.part.tell_rest(&context.out, emails.len(), |most| email::count(db, &filter, most));
        }
        context.out.list(&emails, &["id", "~thread", "date", "from", "~parent", "subject"], |email| {
            let from = sender(&email.from, email.sender_not_verified);
            vec![
                email.id.to_string(),
                email.thread.to_string(),
                rfc3339(email.date),
                from,
                or_dash(email.parent.as_ref()),
                email.subject.clone(),
            ]
        });
        self.part.tell_rest(&context.out, emails.len(), |most| email::count(db, &filter, most))
    }
}

fn or_dash(record: Option<&RecordName>) -> String {
    record.map_or_else(|| "-".to_string(), ToString::to_string)
}

impl Copies {
    /// The same words for the places of a group folder.
    fn group_place(&self) -> Option<GroupPlace> {
        if self.user.is_some() {
            return None;
        }
        if self.archived { Some(GroupPlace::Archive) } else { self.trash.then_some(GroupPlace::Trash) }
    }

    fn restrict(self, context: &Context, db: &mut Database, filter: &mut EmailFilter) -> Result<()> {
        let has_place = self.inbox || self.archived || self.trash || self.sent || self.folder.is_some();
        if !has_place && !self.unread && !self.important && self.user.is_none() {
            return Ok(());
        }
        let Inbox(user) = *inbox::inbox(context, db, self.user.as_deref())?.thing();
        if self.sent {
            filter.sent_by = Some(user);
        }
        let place = match self.folder {
            Some(name) => Place::Folder(folder::find(db, Some(user), &name)?.id),
            None if self.inbox => Place::Inbox,
            None if self.archived => Place::Archive,
            None if self.trash => Place::Trash,
            None => Place::Anywhere,
        };
        filter.view = Some(View { user, place, unread: self.unread, important: self.important });
        Ok(())
    }
}

/// Finds what somebody searches for, after the index knows everything; where its disk has no room for that, what it knows.
fn find(context: &Context, store: &mut Store, text: &str) -> Result<Vec<EmailId>> {
    let query = Query::parse(text)?;
    loop {
        match search::step(store, true) {
            Ok(Step::Indexed(done)) => log::info!("{done} more e-mails are in the index"),
            Ok(Step::Held) => {}
            Ok(Step::Done) => break,
            Err(error) if class_of(&error) == Class::Io => {
                log::warn!("the newest e-mails are not in the index yet, and not found: {error:#}");
                break;
            }
            Err(error) => return Err(error),
        }
    }
    let found = search::find(store.connection(), &query)?;
    if found.len() >= usize::from(search::MOST) {
        context.out.tell(&format!("more than {} e-mails have these words; only the newest are looked at", search::MOST));
    }
    Ok(found)
}
