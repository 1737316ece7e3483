//! `espomail email`.

use anyhow::Result;
use clap::Subcommand;

use super::argument;
use super::show::{lines, or_empty, yes};
use crate::clock::rfc3339;
use crate::context::Context;
use crate::decide::access;
use crate::mail::Address;
use crate::output::shown;
use crate::pass::complete;
use crate::store::email::{self, EmailFilter, Place, View};
use crate::store::record::{self, RecordName};
use crate::store::{account, raw, user};
use crate::words::RoleScope;

/// Look at stored e-mails
#[derive(Debug, clap::Args)]
pub struct Email {
    #[command(subcommand)]
    command: EmailCommand,
}

#[derive(Debug, Subcommand)]
enum EmailCommand {
    /// List e-mails, the newest first
    List(List),
    /// Show an e-mail
    Show {
        /// Number or Message-ID
        email: String,
    },
    /// Write the message as it was received to standard output
    Raw {
        /// Number or Message-ID
        email: String,
    },
    /// List the attachments, save them, or write one to standard output
    Attachments(super::attachments::Attachments),
    /// Fetch the whole of an e-mail of which only header and text were taken
    FetchBody {
        /// Number or Message-ID
        email: String,
    },
    /// Say which record an e-mail belongs to; no rule overwrites it
    Link(super::link::Link),
    /// Say that an e-mail belongs to no record; no rule overwrites it
    Unlink(super::link::Unlink),
}

#[derive(Debug, clap::Args)]
struct List {
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
    /// Only those in this user's inbox
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only those not before this time: 2026-11-23, RFC 3339, today, 3d
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only those before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// How many at the most
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = argument::limit)]
    limit: i64,
    /// How many to pass over
    #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    offset: i64,
}

impl Email {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        let out = &context.out;
        match self.command {
            EmailCommand::List(list) => {
                let db = store.connection();
                let filter = EmailFilter {
                    through: list.account.map(|name| account::find(db, &name)).transpose()?.map(|account| account.id),
                    from: list.from,
                    subject_part: list.subject,
                    since: list.since.map(|text| context.time(&text)).transpose()?,
                    until: list.until.map(|text| context.time(&text)).transpose()?,
                    parent: list.parent.map(|named| record::find(db, named, &[])).transpose()?,
                    thread: list.thread,
                    sight: access::sight(context.actor_ref(), RoleScope::Email),
                    view: match list.user {
                        Some(login) => {
                            Some(View { user: user::find(db, &login)?, place: Place::Anywhere, unread: false, important: false })
                        }
                        None => None,
                    },
                    limit: list.limit,
                    offset: list.offset,
                    ..EmailFilter::default()
                };
                let emails = email::list(db, &filter)?;
                out.list(&emails, &["id", "thread", "date", "from", "parent", "subject"], |email| {
                    let parent = email.parent.map_or_else(|| "-".to_string(), |parent| parent.to_string());
                    let from = email.from.clone();
                    vec![email.id.to_string(), email.thread.to_string(), rfc3339(email.date), from, parent, email.subject.clone()]
                });
            }
            EmailCommand::Show { email: wanted } => {
                let id = email::find(store.connection(), &wanted)?;
                let email = email::show(store.connection(), id)?;
                out.item(&email, || text(&email));
            }
            EmailCommand::Raw { email: wanted } => {
                let id = email::find(store.connection(), &wanted)?;
                out.bytes(&raw::raw_of(store.connection(), id)?.unwrap_or_default())?;
            }
            EmailCommand::Attachments(attachments) => attachments.run(context, store.connection())?,
            EmailCommand::FetchBody { email: wanted } => {
                let id = email::find(store.connection(), &wanted)?;
                let setting = super::fetch::connection(context);
                complete::complete(&mut store, id, &setting, &|account| context.password_of(account))?;
                out.say(&format!("E-mail {id} is complete."));
            }
            EmailCommand::Link(command) => command.run(context, &mut store)?,
            EmailCommand::Unlink(command) => command.run(context, &mut store)?,
        }
        Ok(())
    }
}

fn people(list: &[Address]) -> String {
    let one = |person: &Address| {
        if person.name.is_empty() { person.address.clone() } else { format!("{} <{}>", person.name, person.address) }
    };
    list.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn text(email: &email::Email) -> String {
    let parent = email.parent.map(|parent| match email.parent_by {
        Some(by) => format!("{parent} (by {by})"),
        None => parent.to_string(),
    });
    let readers = email.users.iter().map(|user| if user.read { user.login.clone() } else { format!("{} (unread)", user.login) });
    let mut text = lines(&[
        ("e-mail", email.id.to_string()),
        ("thread", email.thread.to_string()),
        ("message-id", email.message_id.clone()),
        ("from", people(&email.people.from)),
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
        ("teams", email.teams.join(", ")),
        ("users", readers.collect::<Vec<_>>().join(", ")),
        ("archived", if email.archived { yes(true) } else { String::new() }),
        ("partial", if email.partial { format!("yes; try: espomail email fetch-body {}", email.id) } else { String::new() }),
        ("automatic", email.automatic.join("; ")),
        ("defects", email.defects.join("; ")),
        (
            "attachments",
            email.attachments.iter().map(|file| format!("{} ({} bytes)", file.name, file.size)).collect::<Vec<_>>().join(", "),
        ),
    ]);
    text.push_str(&format!("\n{}\n", shown(email.text.trim_end())));
    text
}
