//! `espomail notify`.

use anyhow::Result;

use crate::context::Context;
use crate::output::Format;
use crate::pass::notify;
use crate::store::round::Round;

/// Tell users by mail what they have not read
///
/// Queues one letter to each user who wants it ("user set LOGIN --notify-by-mail true") about notifications that are between half a
/// minute and five hours old; "espomail send" delivers it. Each is told of once, and not where the user got the e-mail in To or
/// Cc. The letter goes out through the system account ("account set NAME --system"); when all of it is about one case, answers
/// go to that case.
#[derive(Debug, clap::Args)]
pub struct Notify {}

impl Notify {
    pub fn run(self, context: &Context) -> Result<()> {
        super::round::begin(context, Round::Notify)?;
        let mut store = context.store()?;
        let policy = context.policy(store.connection())?;
        let report = notify::run(&mut store, &policy, context.now());
        let Some(report) = super::round::begun(context, &mut store, Round::Notify, report)? else { return Ok(()) };
        report.faults.iter().for_each(|fault| context.out.complain(fault));
        if context.out.talkative || context.out.format != Format::Text {
            if report.queued.is_empty() && context.out.is_text() {
                context.out.tell("Nobody is to be told of anything by mail.");
                return Ok(());
            }
            context.out.list(&report.queued, &["user", "e-mail", "outbox", "subject"], |told| {
                vec![told.user.clone(), told.email.to_string(), told.outbox.to_string(), told.subject.clone()]
            });
        }
        Ok(())
    }
}
