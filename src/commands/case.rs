//! `espomail case`.

use anyhow::Result;
use clap::Subcommand;

use super::argument;
use super::show::{lines, or_empty};
use crate::clock::rfc3339;
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::output::shown;
use crate::store::case::{self, CaseFilter, Note};
use crate::store::record::{self, RecordName};
use crate::store::{Database, account, email, user};
use crate::words::{CaseStatus, NoteKind, RecordId, RecordKind};

/// Work on cases
#[derive(Debug, clap::Args)]
pub struct Case {
    #[command(subcommand)]
    command: CaseCommand,
}

#[derive(Debug, Subcommand)]
enum CaseCommand {
    /// List open cases, the newest first
    List {
        /// Only those with this status
        #[arg(long)]
        status: Option<CaseStatus>,
        /// Also those that are closed, rejected or duplicate
        #[arg(long)]
        all: bool,
        /// Only those assigned to this user
        #[arg(long, value_name = "USER")]
        assigned_user: Option<String>,
        /// Only those that came through this e-mail account
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
        /// How many at the most
        #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = argument::limit)]
        limit: i64,
    },
    /// Show a case with its stream
    Show {
        /// Number, or case:NUMBER
        case: String,
    },
    /// Open a case by hand
    Create {
        /// Name [default: the e-mail's subject]
        #[arg(required_unless_present = "from_email")]
        name: Option<String>,
        /// E-mail to open it from; it and its thread become the case's
        #[arg(long, value_name = "ID", conflicts_with = "name")]
        from_email: Option<String>,
        /// User to assign it to
        #[arg(long, value_name = "USER")]
        assigned_user: Option<String>,
    },
    /// Hand a case to a user
    Assign {
        /// Number, or case:NUMBER
        case: String,
        /// Login or number
        user: String,
    },
    /// Set the status of a case
    Status {
        /// Number, or case:NUMBER
        case: String,
        /// New status
        status: CaseStatus,
    },
}

#[derive(serde::Serialize)]
struct Whole {
    #[serde(flatten)]
    case: case::Case,
    stream: Vec<Note>,
}

impl Case {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        let (out, now) = (&context.out, context.now());
        match self.command {
            CaseCommand::List { status, all, assigned_user, account: through, limit } => {
                let db = store.connection();
                let assigned_user = assigned_user.map(|login| user::find(db, &login)).transpose()?;
                let through = through.map(|name| account::find(db, &name)).transpose()?.map(|account| account.id);
                let cases = case::list(db, &CaseFilter { status, all, assigned_user, through, limit })?;
                out.list(&cases, &["case", "status", "assigned", "from", "created", "name"], |case| {
                    let from = case.contact.or(case.lead).or(case.account);
                    vec![
                        case.number.to_string(),
                        case.status.to_string(),
                        case.assigned_user.clone().unwrap_or_else(|| "-".to_string()),
                        from.map_or_else(|| "-".to_string(), |record| record.to_string()),
                        rfc3339(case.created_at),
                        case.name.clone(),
                    ]
                });
            }
            CaseCommand::Show { case: wanted } => {
                let id = find(store.connection(), &wanted)?;
                let whole = Whole { case: case::show(store.connection(), id)?, stream: case::stream(store.connection(), id)? };
                out.item(&whole, || text(&whole));
            }
            CaseCommand::Create { name, from_email, assigned_user } => {
                let case = store.transaction(|db| {
                    let id = match (&from_email, &name) {
                        (Some(wanted), _) => {
                            let email = email::find(db, wanted)?;
                            case::create_from_email(db, email, now)?
                        }
                        (None, Some(name)) => case::create(db, name, now)?,
                        (None, None) => return Err(Fault::new(Class::Usage, "give a name or --from-email").into()),
                    };
                    if let Some(login) = &assigned_user {
                        let user = user::find(db, login)?;
                        case::assign(db, id, user, now)?;
                    }
                    case::show(db, id)
                })?;
                out.made(&case, &format!("case:{} opened: {}.", case.number, case.name));
            }
            CaseCommand::Assign { case: wanted, user: login } => {
                store.transaction(|db| {
                    let (id, user) = (find(db, &wanted)?, user::find(db, &login)?);
                    case::assign(db, id, user, now)
                })?;
                out.say(&format!("Case {wanted} is {login}'s."));
            }
            CaseCommand::Status { case: wanted, status } => {
                store.transaction(|db| {
                    let id = find(db, &wanted)?;
                    case::set_status(db, id, status, now)
                })?;
                out.say(&format!("Case {wanted} is {status}."));
            }
        }
        Ok(())
    }
}

fn find(db: &mut Database, wanted: &str) -> Result<RecordId> {
    let number = wanted.strip_prefix("case:").or_else(|| wanted.strip_prefix('#')).unwrap_or(wanted);
    let number =
        number.parse().map_err(|_| Fault::new(Class::Usage, format!("{wanted:?} is no case number, such as 42 or case:42")))?;
    record::find(db, RecordName { kind: RecordKind::Case, number }, &[RecordKind::Case])
}

fn text(whole: &Whole) -> String {
    let case = &whole.case;
    let mut text = lines(&[
        ("case", case.number.to_string()),
        ("name", case.name.clone()),
        ("status", case.status.to_string()),
        ("assigned user", or_empty(case.assigned_user.as_ref())),
        ("account", or_empty(case.account.as_ref())),
        ("contact", or_empty(case.contact.as_ref())),
        ("lead", or_empty(case.lead.as_ref())),
        ("came through", or_empty(case.through.as_ref())),
        ("teams", case.teams.join(", ")),
        ("followers", case.followers.join(", ")),
        ("created", rfc3339(case.created_at)),
    ]);
    if !case.description.trim().is_empty() {
        text.push_str(&format!("\n{}\n", shown(case.description.trim())));
    }
    text.push_str("\nStream\n");
    for note in &whole.stream {
        text.push_str(&format!("  {}  {}\n", rfc3339(note.at), told(note)));
    }
    text
}

fn told(note: &Note) -> String {
    let email = || {
        let from = note.from.as_deref().filter(|from| !from.is_empty()).unwrap_or("an unknown sender");
        format!(
            "e-mail {} from {}: {}",
            note.email.unwrap_or_default(),
            shown(from),
            shown(note.subject.as_deref().unwrap_or_default())
        )
    };
    match note.kind {
        NoteKind::Created => match note.email {
            Some(id) => format!("opened by e-mail {id}"),
            None => "opened by hand".to_string(),
        },
        NoteKind::EmailReceived => format!("received {}", email()),
        NoteKind::EmailSent => format!("sent {}", email()),
        NoteKind::Assigned => format!("assigned to {}", note.detail),
        NoteKind::Status => format!("status {}", note.detail),
        NoteKind::Note => format!("note: {}", shown(&note.detail)),
        NoteKind::Merged | NoteKind::Split | NoteKind::Linked => shown(&note.detail).to_string(),
        NoteKind::Bounce => format!("delivery report: {}", email()),
    }
}
