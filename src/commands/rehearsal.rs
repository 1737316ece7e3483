//! What a person asks for is done, or with `--dry-run` told with its reasons (WHY-1).

use anyhow::Result;
use serde_json::{Value, json};

use super::explain;
use crate::context::Context;
use crate::decide::{Plan, Policy};
use crate::pass::verdict::Names;
use crate::store::{Database, Store, record};

#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Rehearsal {
    /// Print what would change, and change nothing
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
        let told = Told::begin(store.connection())?;
        let (told, said) = store.rehearse(|db| {
            let mut told = told;
            let (done, plans) = work(db, &policy)?;
            let said = tell(&done);
            plans.iter().for_each(|plan| told.add(db, plan));
            Ok((told, said))
        })?;
        told.print(context, &said);
        Ok(None)
    }

    /// Does what a command does and says, in as many transactions as it takes. When it is only rehearsed, all of them are rolled back, and
    /// what it says is told as what would be so.
    pub fn over(self, context: &Context, store: &mut Store, work: impl FnOnce(&mut Store) -> Result<()>) -> Result<()> {
        if !self.dry_run {
            return work(store);
        }
        context.out.rehearse();
        let done = store.rehearse_all(work);
        context.out.rehearsed(done.is_ok());
        done
    }

    /// The same of what is done to each of many things by itself: others write in between.
    pub fn over_each<T>(
        self,
        context: &Context,
        store: &mut Store,
        things: &[T],
        mut work: impl FnMut(&mut Store, &T) -> Result<()>,
    ) -> Result<()> {
        if !self.dry_run {
            return things.iter().try_for_each(|thing| work(store, thing));
        }
        context.out.rehearse();
        let done = store.rehearse_each(things, work);
        context.out.rehearsed(done.is_ok());
        done
    }

    /// Whether it is only rehearsed: for what takes long, and is done in parts then.
    pub fn is_one(self) -> bool {
        self.dry_run
    }
}

/// What would change, as it is told.
pub struct Told {
    names: Names,
    plans: Vec<Value>,
    text: String,
}

impl Told {
    pub fn begin(db: &mut Database) -> Result<Self> {
        Ok(Self { names: Names::all(db)?, plans: Vec::new(), text: String::new() })
    }

    /// Tells a plan, in the transaction that made it true.
    pub fn add(&mut self, db: &mut Database, plan: &Plan) {
        let Self { names, plans, text } = self;
        let mut record = |id| match record::name_of(db, Some(id)) {
            Ok(Some(named)) => named.to_string(),
            Ok(None) | Err(_) => names.record(id),
        };
        let plan = json!({ "steps": plan.steps(), "notes": plan.notes });
        text.push_str(&explain::told(&plan, &mut record, names));
        plans.push(plan);
    }

    /// Prints it, with what plans do not say.
    pub fn print(self, context: &Context, said: &str) {
        let mut told = json!({ "dry_run": true, "plans": self.plans });
        if !said.is_empty() {
            told["says"] = json!(said.trim_end());
        }
        context.out.item(&told, || self.text + said + "Nothing was changed.\n");
    }
}
