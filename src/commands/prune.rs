//! `espomail prune`.

use anyhow::Result;

use crate::clock::rfc3339;
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::output::Format;
use crate::pass::{prune, storage};
use crate::plural::told_bytes;
use crate::store::round;
use crate::words::Pruning;

/// Take away what is older than the configuration keeps it
///
/// What goes, and when, stands in [keep] of the configuration: raw bytes of e-mails, those of what filters skipped and no server has, trash,
/// letters of "espomail notify", notifications that were read, reasons, notes of what was finished. By default only what was skipped goes,
/// after 30 days, and the last, after 90. What became of each message is never forgotten, so a server that still has one does not bring it back. Raw bytes stay as long as somebody needs them: of what is
/// in quarantine, on its way out, waiting for a person or for the rest of itself, and of mail of cases that are not finished and of
/// events to come. An e-mail without them keeps its text, subject, people and the names of its files.
///
/// What of it lay in a storage outside the database is deleted there, with what other commands have forgotten since; what cannot be
/// deleted now is tried again by the next "espomail prune".
///
/// Where the clock went ahead by more than 30 days between two passes nothing is taken until passes have gone by it for a day: it may be
/// wrong, and what is taken does not come back.
///
/// For cron, at night: it prints nothing, works in short transactions beside all else, and may be killed and typed again. On a disk that is
/// almost full it keeps the log of SQLite short; where it ends all the same it says how much is left. The room is used for what comes; the
/// file gets smaller with "espomail db vacuum".
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: espomail prune --dry-run")]
pub struct Prune {
    /// Say how much would go, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// The clock is right, although it went ahead by more than 30 days
    #[arg(long)]
    anyway: bool,
}

impl Prune {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        let (permit, keep, now) = (context.administrator()?, &context.loaded.config.keep, context.now());
        if let Some(until) = round::doubted_until(store.connection(), now)?.filter(|_| !self.dry_run && !self.anyway) {
            let until = rfc3339(until);
            let what = format!("the clock went ahead by more than 30 days, and may be wrong: nothing is taken before {until}");
            return Err(Fault::new(Class::TempFail, what).hint("if it is right: espomail prune --anyway").into());
        }
        let mut pruned = Vec::with_capacity(Pruning::ALL.len());
        for what in Pruning::ALL {
            pruned.push(prune::one(&mut store, &permit, *what, keep.of(*what), (now, self.dry_run))?);
        }
        if !self.dry_run {
            round::note_pruned(&mut store, now)?;
            prune::pack_reasons(&mut store, &|text| context.out.progress(text))?;
        }
        // What nothing names any more, whoever forgot it.
        let failed = if self.dry_run { None } else { storage::clean(&mut store)?.1 };
        if let Some(error) = failed {
            context.out.complain(&error);
        }
        if !self.dry_run && !context.out.talkative && context.out.format == Format::Text {
            return Ok(());
        }
        let gone = if self.dry_run { "would go" } else { "gone" };
        context.out.list(&pruned, &["what", "of before", gone, "about"], |one| {
            let before = one.before.map_or_else(|| "kept forever".to_string(), rfc3339);
            let bytes = if one.count > 0 { told_bytes(one.bytes.unsigned_abs()) } else { "-".to_string() };
            vec![one.what.to_string(), before, one.count.to_string(), bytes]
        });
        if pruned.iter().any(|one| one.count > 0) {
            context.out.say(
                "The room is used for what comes. To make the database smaller: espomail db vacuum; what takes room: espomail db status --room",
            );
        }
        Ok(())
    }
}
