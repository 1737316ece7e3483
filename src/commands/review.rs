//! `espomail review`.

use anyhow::Result;
use clap::Subcommand;

use super::show::{lines, or_empty};
use super::{argument, right};
use crate::clock::rfc3339;
use crate::context::Context;
use crate::decide::Word;
use crate::decide::access::{Actor, Permit, sight};
use crate::fault::{Class, Fault};
use crate::output::shown;
use crate::pass::review::settle;
use crate::store::record::{self, RecordName};
use crate::store::review::{self, Review, ReviewFilter};
use crate::store::{Database, email};
use crate::words::{ReviewDecision, ReviewId, RoleAction, RoleScope};

/// Decide about e-mails that are held for a person's word
#[derive(Debug, clap::Args)]
pub struct ReviewArgs {
    #[command(subcommand)]
    command: ReviewCommand,
}

#[derive(Debug, Subcommand)]
enum ReviewCommand {
    /// List what waits, the oldest first
    List {
        /// Only what this e-mail account held
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
        /// Also what is decided
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        part: argument::Part,
    },
    /// Show an e-mail that waits, and why
    Show {
        /// Number of the review
        id: i64,
    },
    /// Say that e-mails belong to the record in question, as if their sender took part in it
    Accept {
        /// Numbers of the reviews
        #[arg(required = true)]
        ids: Vec<i64>,
        /// Another record, such as case:42
        #[arg(long, value_name = "RECORD")]
        record: Option<RecordName>,
    },
    /// Say that e-mails open cases of their own, by the rules of their account
    Split {
        /// Numbers of the reviews
        #[arg(required = true)]
        ids: Vec<i64>,
    },
    /// Say that e-mails stay as they are, without a record
    Reject {
        /// Numbers of the reviews
        #[arg(required = true)]
        ids: Vec<i64>,
    },
}

/// What waits, with what it says.
#[derive(serde::Serialize)]
struct Held {
    #[serde(flatten)]
    review: Review,
    text: String,
}

impl ReviewArgs {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        let (out, actor, now) = (&context.out, context.actor(), context.now());
        match self.command {
            ReviewCommand::List { account, all, part } => {
                let db = store.connection();
                let account = account.map(|name| right::through(db, &actor, &name)).transpose()?;
                let sight = sight(&actor, RoleScope::Email);
                let filter = ReviewFilter { sight, account, all, limit: part.limit(out), offset: part.offset };
                let reviews = review::list(db, &filter)?;
                out.list(&reviews, &["review", "email", "from", "candidate", "decision", "since", "subject"], |held| {
                    let dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_string());
                    vec![
                        held.id.to_string(),
                        held.email.to_string(),
                        held.from.clone(),
                        dash(held.candidate.map(|record| record.to_string())),
                        dash(held.decision.map(|decision| decision.to_string())),
                        rfc3339(held.created_at),
                        held.subject.clone(),
                    ]
                });
                part.tell_rest(out, reviews.len(), || review::count(db, &filter))?;
            }
            ReviewCommand::Show { id } => {
                let db = store.connection();
                let (review, _) = find(db, &actor, id, RoleAction::Read)?;
                let text = email::show(db, review.email)?.text;
                let held = Held { review, text };
                out.item(&held, || told(&held));
            }
            ReviewCommand::Accept { ids, record: chosen } => {
                let policy = context.policy(store.connection())?;
                let done = store.transaction(|db| {
                    let mut done = Vec::new();
                    for id in &ids {
                        let (held, permit) = find(db, &actor, *id, RoleAction::Edit)?;
                        let named = chosen.or(held.candidate).ok_or_else(|| {
                            Fault::new(Class::Data, format!("review {id} names no record"))
                                .hint(format!("try: espomail review accept {id} --record RECORD"))
                        })?;
                        let (record, _) = right::record(db, &actor, named, RoleAction::Edit)?;
                        settle(db, &permit, &held, Word::Accept(record), &policy, now)?;
                        done.push(format!("E-mail {} belongs to {named}.", held.email));
                    }
                    Ok(done)
                })?;
                done.iter().for_each(|line| out.say(line));
            }
            ReviewCommand::Split { ids } => {
                let policy = context.policy(store.connection())?;
                let done = store.transaction(|db| {
                    let mut done = Vec::new();
                    for id in &ids {
                        let (held, permit) = find(db, &actor, *id, RoleAction::Edit)?;
                        let refers_to = held.candidate.map(|named| record::find(db, named, &[])).transpose()?;
                        settle(db, &permit, &held, Word::Split { refers_to }, &policy, now)?;
                        let parent = email::show(db, held.email)?.parent;
                        done.push(format!("E-mail {} opened {}.", held.email, or_empty(parent.as_ref())));
                    }
                    Ok(done)
                })?;
                done.iter().for_each(|line| out.say(line));
            }
            ReviewCommand::Reject { ids } => {
                store.transaction(|db| {
                    for id in &ids {
                        let (held, permit) = find(db, &actor, *id, RoleAction::Edit)?;
                        let detail = format!("e-mail {}", held.email);
                        review::decide(db, &permit, held.id, ReviewDecision::Rejected, &detail, now)?;
                    }
                    Ok(())
                })?;
                ids.iter().for_each(|id| out.say(&format!("Review {id} is rejected; the e-mail stays as it is.")));
            }
        }
        Ok(())
    }
}

/// Finds a review for somebody who may read or change its e-mail.
fn find<'a>(db: &mut Database, actor: &'a Actor, id: i64, action: RoleAction) -> Result<(Review, Permit<'a>)> {
    let review = review::show(db, ReviewId(id))?;
    // An e-mail that one may not read is named nowhere.
    right::email(db, actor, &review.email.to_string(), RoleAction::Read).map_err(|_| review::missing(ReviewId(id)))?;
    let (_, permit) = right::email(db, actor, &review.email.to_string(), action)?;
    Ok((review, permit))
}

fn told(held: &Held) -> String {
    let review = &held.review;
    let mut text = lines(&[
        ("review", review.id.to_string()),
        ("e-mail", review.email.to_string()),
        ("from", review.from.clone()),
        ("subject", review.subject.clone()),
        ("came through", or_empty(review.account.as_ref())),
        ("candidate", or_empty(review.candidate.as_ref())),
        ("because", review.because.to_string()),
        ("since", rfc3339(review.created_at)),
        ("decision", or_empty(review.decision.as_ref())),
        ("decided", review.decided_at.map(rfc3339).unwrap_or_default()),
    ]);
    text.push_str(&format!("\n{}\n", shown(held.text.trim_end())));
    text
}
