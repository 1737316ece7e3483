//! `espomail audit`.

use anyhow::Result;
use clap::Subcommand;

use super::argument;
use crate::clock::rfc3339;
use crate::context::Context;
use crate::store::access::{self, Trace, TraceFilter};

/// Look at what people changed
///
/// Every change by a person leaves a line: when, which account of the operating system asked, as which user, and what was done
/// to what; of settings, from what to what, but for passwords. The passes change things, too, and write down why with each e-mail: see espomail explain.
#[derive(Debug, clap::Args)]
pub struct Audit {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// List changes, the newest first
    List {
        /// Only those of one thing, such as case:42, user:ada, role:agents, account:support, filter:spam
        #[arg(long, value_name = "KIND:NAME")]
        subject: Option<String>,
        /// Only those of one person: a user's login, or an account of the operating system
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// Only those not before this time: 2026-11-23, RFC 3339, today, 3d
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        #[command(flatten)]
        part: argument::Part,
    },
}

impl Audit {
    pub fn run(self, context: &Context) -> Result<()> {
        let AuditCommand::List { subject, user, since, part } = self.command;
        let since = since.map(|text| context.time(&text)).transpose()?;
        let mut store = context.store()?;
        let (limit, offset) = (part.limit(&context.out), part.offset);
        let filter = TraceFilter { subject, who: user, since, limit, offset };
        let changes = access::list(store.connection(), &filter)?;
        context.out.list(&changes, &["at", "who", "action", "subject", "detail"], |change| {
            vec![rfc3339(change.at), who(change), change.action.clone(), change.subject.clone(), change.detail.clone()]
        });
        part.tell_rest(&context.out, changes.len(), |most| access::count(store.connection(), &filter, most))
    }
}

fn who(change: &Trace) -> String {
    match &change.user {
        Some(login) if *login == change.os_account => login.clone(),
        Some(login) => format!("{login} (by {})", change.os_account),
        None => change.os_account.clone(),
    }
}
