//! `espomail review`.

use anyhow::Result;
use clap::Subcommand;

use super::rehearsal::Rehearsal;
use super::show::{lines, or_empty};
use super::{argument, hearsay, right};
use crate::clock::rfc3339;
use crate::context::Context;
use crate::decide::Word;
use crate::decide::access::{Actor, Permit, sight};
use crate::decide::reason::Reason;
use crate::fault::{Class, Fault};
use crate::output::shown;
use crate::pass::hand::{self, Said};
use crate::store::record::{self, RecordName};
use crate::store::review::{self, Review, ReviewFilter};
use crate::store::{Database, Store, email};
use crate::words::{ReviewId, RoleAction, RoleScope};

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
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
    /// Say that e-mails open cases of their own, by the rules of their account
    Split {
        /// Numbers of the reviews
        #[arg(required = true)]
        ids: Vec<i64>,
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
    /// Say that e-mails stay as they are, without a record
    Reject {
        /// Numbers of the reviews
        #[arg(required = true)]
        ids: Vec<i64>,
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
}

/// What waits, with what it says.
#[derive(serde::Serialize)]
struct WithText {
    #[serde(flatten)]
    review: Review,
    text: String,
}

impl ReviewArgs {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        let (out, actor) = (&context.out, context.actor());
        match self.command {
            ReviewCommand::List { account, all, part } => {
                let db = store.connection();
                let account = account.map(|name| right::through(db, &actor, &name)).transpose()?;
                let sight = sight(&actor, RoleScope::Email);
                let filter = ReviewFilter { sight, account, all, limit: part.limit(out), offset: part.offset };
                let mut reviews = review::list(db, &filter)?;
                withhold(db, &actor, &mut reviews)?;
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
                part.tell_rest(out, reviews.len(), |most| review::count(db, &filter, most))?;
            }
            ReviewCommand::Show { id } => {
                let db = store.connection();
                let (mut review, _) = find(db, &actor, id, RoleAction::Read)?;
                withhold(db, &actor, std::slice::from_mut(&mut review))?;
                let text = email::show(db, review.email)?.text;
                let held = WithText { review, text };
                out.item(&held, || told(&held));
            }
            ReviewCommand::Accept { ids, record: chosen, rehearsal } => {
                say(context, &mut store, rehearsal, &ids, |db, held| {
                    let id = held.id;
                    let named = chosen.or(held.candidate).ok_or_else(|| {
                        Fault::new(Class::Data, format!("review {id} names no record"))
                            .hint(format!("try: espomail review accept {id} --record RECORD"))
                    })?;
                    let (record, _) = right::record(db, &actor, named, RoleAction::Edit)?;
                    Ok((Word::Accept(record), format!("E-mail {} belongs to {named}.", held.email)))
                })?;
            }
            ReviewCommand::Split { ids, rehearsal } => say(context, &mut store, rehearsal, &ids, |db, held| {
                let refers_to = held.candidate.map(|named| record::find(db, named, &[])).transpose()?;
                Ok((Word::Split { refers_to }, format!("E-mail {} opened", held.email)))
            })?,
            ReviewCommand::Reject { ids, rehearsal } => say(context, &mut store, rehearsal, &ids, |_, held| {
                Ok((Word::Reject, format!("Review {} is rejected; the e-mail stays as it is.", held.id)))
            })?,
        }
        Ok(())
    }
}

/// Says the same of several, or tells what would follow from that.
fn say(
    context: &Context,
    store: &mut Store,
    rehearsal: Rehearsal,
    ids: &[i64],
    word: impl Fn(&mut Database, &Review) -> Result<(Word, String)>,
) -> Result<()> {
    let done = rehearsal.act(context, store, |db, policy| {
        let (mut done, mut plans) = (Vec::new(), Vec::new());
        for id in ids {
            let (held, permit) = find(db, context.actor_ref(), *id, RoleAction::Edit)?;
            let (word, mut told) = word(db, &held)?;
            let plan = hand::settle(db, &Said { permit: &permit, policy, now: context.now() }, &held, word)?;
            if let Some(case) = plan.opened() {
                told.push_str(&format!(" case:{}.", case.number));
            }
            done.push(told);
            plans.push(plan);
        }
        Ok((done, plans))
    })?;
    done.into_iter().flatten().for_each(|line| context.out.say(&line));
    Ok(())
}

/// Finds a review for somebody who may read or change its e-mail.
fn find<'a>(db: &mut Database, actor: &'a Actor, id: i64, action: RoleAction) -> Result<(Review, Permit<'a>)> {
    let review = review::show(db, ReviewId(id))?;
    // An e-mail that one may not read is named nowhere.
    right::email(db, actor, &review.email.to_string(), RoleAction::Read).map_err(|_| review::missing(ReviewId(id)))?;
    let (_, permit) = right::email(db, actor, &review.email.to_string(), action)?;
    Ok((review, permit))
}

/// ACCESS-2: who may look at an e-mail that waits need not know the record that it may belong to.
fn withhold(db: &mut Database, actor: &Actor, held: &mut [Review]) -> Result<()> {
    let mut because: Vec<String> = held.iter().map(|held| held.because.to_string()).collect();
    hearsay::mask(db, actor, because.iter_mut().collect())?;
    held.iter_mut().zip(&because).for_each(|(held, because)| held.because = Reason::read(because));
    hearsay::hide(db, actor, held.iter_mut().map(|held| &mut held.candidate).collect())
}

fn told(held: &WithText) -> String {
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
