//! What a person asks for is done, or with `--dry-run` told with its reasons (WHY-1).

use anyhow::Result;
use serde_json::json;

use super::explain;
use crate::context::Context;
use crate::decide::{Plan, Policy};
use crate::pass::verdict::Names;
use crate::store::{Database, Store, record};

#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Rehearsal {
    /// Print what would change and why, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Rehearsal {
    /// Does the work in one transaction. When it is only rehearsed, what it would do is printed, and nothing is returned.
    pub fn act<T>(
        self,
        context: &Context,
        store: &mut Store,
        work: impl FnMut(&mut Database, &Policy) -> Result<(T, Vec<Plan>)>,
    ) -> Result<Option<T>> {
        self.act_and_tell(context, store, |_| String::new(), work)
    }

    /// The same; `tell` says what plans do not.
    pub fn act_and_tell<T>(
        self,
        context: &Context,
        store: &mut Store,
        tell: impl Fn(&T) -> String,
        mut work: impl FnMut(&mut Database, &Policy) -> Result<(T, Vec<Plan>)>,
    ) -> Result<Option<T>> {
        let policy = context.policy(store.connection())?;
        if !self.dry_run {
            return store.alone(|db| work(db, &policy)).map(|(done, _)| Some(done));
        }
        let names = Names::all(store.connection())?;
        let (plans, text, said) = store.rehearse(|db| {
            let (done, plans) = work(db, &policy)?;
            let said = tell(&done);
            let plans: Vec<_> = plans.iter().map(|plan| json!({ "steps": plan.steps(), "notes": plan.notes })).collect();
            let mut record = |id| match record::name_of(db, Some(id)) {
                Ok(Some(named)) => named.to_string(),
                Ok(None) | Err(_) => names.record(id),
            };
            let text: String = plans.iter().map(|plan| explain::told(plan, &mut record, &names)).collect();
            Ok((plans, text, said))
        })?;
        let mut told = json!({ "dry_run": true, "plans": plans });
        if !said.is_empty() {
            told["says"] = json!(said.trim_end());
        }
        context.out.item(&told, || text + &said + "Nothing was changed.\n");
        Ok(None)
    }
}
