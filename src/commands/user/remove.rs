//! `espomail user remove`: what a user had goes to another or to nobody. Where it is much, some at a time, each lot in a transaction of its own:
//! others work in between. Whoever is stopped half-way types it again.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::commands::people;
use crate::commands::rehearsal::{Rehearsal, Told};
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::output::{Format, shown_line};
use crate::pass::hand::Said;
use crate::pass::record as pass;
use crate::plural::{counted, doing, first_of};
use crate::store::leaving::{self, Own};
use crate::store::naming::{self, Naming};
use crate::store::record::{self, RecordName};
use crate::store::taker::Takers;
use crate::store::{Database, Store, user};
use crate::words::{RecordKind, UserId};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example: espomail user remove ben --to ada --dry-run")]
pub struct Remove {
    /// Login or number
    user: String,
    /// User who gets the open cases and active records
    #[arg(long, value_name = "USER")]
    to: Option<String>,
    /// Leave them to nobody: cases that were only assigned are new again
    #[arg(long, conflicts_with = "to")]
    unassign: bool,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

/// What became of a user's work.
struct Left {
    handed: usize,
    held: usize,
    naming: Naming,
    own: Own,
    /// What is said of those who get cases from then on.
    without: Vec<String>,
}

/// A user who goes, and what is to become of their work.
struct Going {
    id: UserId,
    login: String,
    to: Option<(UserId, String)>,
    theirs: Vec<RecordName>,
    naming: Naming,
    own: Own,
}

/// As many records go over in one transaction with all the rest.
const FEW: usize = 100;

impl Remove {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let permit = context.administrator()?;
        let policy = context.policy(store.connection())?;
        let said = Said { permit: &permit, policy: &policy, now: context.now() };
        if self.rehearsal.is_one() {
            return self.rehearse(context, store, &said);
        }
        let left = self.go(context, store, &said).inspect_err(|_| self.tell_half(context, store.connection()))?;
        context.out.say(&self.told(&left));
        Ok(())
    }

    fn go(&self, context: &Context, store: &mut Store, said: &Said<'_>) -> Result<Left> {
        let takers = Takers::of(store.connection())?;
        let before = self.clear(context, store, said)?;
        let left = store.alone(|db| {
            let going = self.look(db)?;
            for record in record::assigned_to(db, going.id)? {
                pass::hand_over(db, said, record, going.to())?;
            }
            let left = going.end(db, said)?;
            Ok(Left { without: people::since(db, &takers, said.now)?, ..left })
        })?;
        Ok(match before {
            Some((handed, naming)) => left.and(handed, naming),
            None => left,
        })
    }

    /// Says what is half done where it went no further: the user gets nothing any more, and nobody looks after what is still theirs.
    fn tell_half(&self, context: &Context, db: &mut Database) {
        let Ok(user) = user::find(db, &self.user).and_then(|id| user::show(db, id)) else { return };
        let theirs = record::assigned_to(db, user.id).map_or(0, |theirs| theirs.len());
        if !user.settings.active && theirs > 0 {
            let still = doing(theirs, "record", "is", "are");
            context
                .out
                .announce(&format!("{} is switched off, and {still} still theirs: type it again", shown_line(&user.login)));
        }
    }

    /// Does what is much beforehand, some at a time; the user gets nothing new from then on. Returns what was done.
    fn clear(&self, context: &Context, store: &mut Store, said: &Said<'_>) -> Result<Option<(usize, Naming)>> {
        let going = self.look(store.connection())?;
        if going.theirs.len() <= FEW && !leaving::has_much(store.connection(), going.id)? {
            return Ok(None);
        }
        let going = store.alone(|db| {
            let going = self.look(db)?;
            leaving::check(db, going.id)?;
            going.hand_on(db, said)?;
            leaving::begin(db, said.permit, going.id, said.now)?;
            Ok(going)
        })?;
        let (all, mut handed) = (going.theirs.len(), 0);
        let records = record::assigned_to(store.connection(), going.id)?;
        store.each(
            &records,
            |db, record| {
                // Somebody may have taken it meanwhile.
                if record::is_assigned_to(db, *record, going.id)? {
                    pass::hand_over(db, said, *record, going.to())?;
                }
                Ok(())
            },
            &mut |done| {
                handed = done;
                context.out.progress(&format!("{done} of {} handed over.", counted(all, "record")));
            },
        )?;
        store.in_lots(|db| leaving::let_go(db, going.id))?;
        Ok(Some((handed, going.naming)))
    }

    /// What would become of it, some records at a time: of thousands others would wait.
    fn rehearse(&self, context: &Context, store: &mut Store, said: &Said<'_>) -> Result<()> {
        let going = self.look(store.connection())?;
        let mut told = Told::begin(store.connection())?;
        // First what may be refused.
        leaving::check(store.connection(), going.id)?;
        let held = leaving::waiting(store.connection(), going.id)?;
        let without = store.rehearse(|db| {
            let before = Takers::of(db)?;
            going.hand_on(db, said)?;
            leaving::begin(db, said.permit, going.id, said.now)?;
            people::since(db, &before, said.now)
        })?;
        let records = record::assigned_to(store.connection(), going.id)?;
        let is_told = context.out.wordy || context.out.format != Format::Text;
        store.rehearse_each(&records, |store, record| {
            let db = store.connection();
            let plan = pass::hand_over(db, said, *record, going.to())?;
            if is_told {
                told.add(db, &plan);
            }
            Ok(())
        })?;
        told.print(context, &format!("{}{}\n", going.would(held).trim_end(), people::lines(&without)));
        Ok(())
    }

    /// Finds out what there is to be done, and refuses what would be left to nobody.
    fn look(&self, db: &mut Database) -> Result<Going> {
        let id = user::find(db, &self.user)?;
        let login = user::login(db, id)?;
        let (theirs, naming) = (record::names_assigned_to(db, id)?, naming::of_user(db, id)?);
        let is_kept = self.to.is_none() && !naming.may_be_without();
        if is_kept || (self.to.is_none() && !self.unassign && !(theirs.is_empty() && naming.is_empty())) {
            return Err(has_work(&self.user, &theirs, &naming).into());
        }
        let to = self.to.as_deref().map(|login| user::find(db, login)).transpose()?;
        if to == Some(id) {
            return Err(Fault::new(Class::Usage, "a user who goes keeps nothing: name another with --to").into());
        }
        let to = to.map(|to| user::show(db, to)).transpose()?;
        if let Some(to) = to.as_ref().filter(|to| !to.settings.active) {
            return Err(Fault::new(Class::Data, format!("{} is not active", to.login))
                .hint(format!("try: espomail user set {} --active true", to.login))
                .into());
        }
        let own = leaving::own(db, id)?;
        Ok(Going { id, login, to: to.map(|to| (to.id, to.login)), theirs, naming, own })
    }

    fn told(&self, left: &Left) -> String {
        let whose = self.to.as_deref().unwrap_or("nobody");
        let mut told = format!("User {} removed.", self.user);
        if left.handed > 0 {
            told.push_str(&format!(" {} now {whose}'s.", doing(left.handed, "record", "is", "are")));
        }
        if !left.naming.is_empty() {
            told.push_str(&format!(" Given to {whose} now by {}.", left.naming.told()));
        }
        if left.held > 0 {
            told.push_str(&format!(
                " {}: espomail outbox list --held",
                doing(left.held, "message", "of theirs waits", "of theirs wait")
            ));
        }
        if !left.own.is_empty() {
            told.push_str(&format!(" Gone with them: {}.", left.own.told()));
        }
        if self.unassign && left.handed > 0 {
            told.push_str(" Cases among them: espomail case list --unassigned");
        }
        told + &people::lines(&left.without)
    }
}

impl Left {
    /// With what was done before.
    fn and(self, handed: usize, naming: Naming) -> Self {
        Self { handed: self.handed + handed, naming, ..self }
    }
}

impl Going {
    fn to(&self) -> Option<UserId> {
        self.to.as_ref().map(|(id, _)| *id)
    }

    fn hand_on(&self, db: &mut Database, said: &Said<'_>) -> Result<()> {
        let to = self.to.as_ref().map(|(id, login)| (*id, login.as_str()));
        naming::hand_on(db, said.permit, &self.naming, ((self.id, &self.login), to), said.now)
    }

    /// Hands on what names the user, and removes the user.
    fn end(self, db: &mut Database, said: &Said<'_>) -> Result<Left> {
        self.hand_on(db, said)?;
        let held = user::remove(db, said.permit, self.id, said.now)?;
        Ok(Left { handed: self.theirs.len(), held, naming: self.naming, own: self.own, without: Vec::new() })
    }

    /// What would become of it: a line for each kind.
    fn would(&self, held: i64) -> String {
        let whose = self.to.as_ref().map_or("nobody", |(_, login)| login);
        let mut kinds: BTreeMap<RecordKind, usize> = BTreeMap::new();
        self.theirs.iter().for_each(|named| *kinds.entry(named.kind).or_default() += 1);
        let mut told = String::new();
        for (kind, count) in kinds {
            told.push_str(&format!("{} would be {whose}'s.\n", counted(count, kind.as_str())));
        }
        if !self.naming.is_empty() {
            told.push_str(&format!("Given to {whose} by {}.\n", self.naming.told()));
        }
        if held > 0 {
            told.push_str(&format!("{} of theirs would wait.\n", counted(held, "message")));
        }
        if !self.own.is_empty() {
            told.push_str(&format!("With them would go: {}.\n", self.own.told()));
        }
        told + &format!("User {} would be removed.\n", self.login)
    }
}

/// What a user has must not be left to nobody without a word.
fn has_work(login: &str, theirs: &[RecordName], naming: &Naming) -> Fault {
    const SHOWN: usize = 5;
    let has = (!theirs.is_empty()).then(|| format!("{login} has {}", first_of(theirs, SHOWN)));
    let given = (!naming.is_empty()).then(|| format!("{login} is given mail or cases by {}", naming.told()));
    let or = if naming.may_be_without() { ", or --unassign" } else { "" };
    Fault::new(Class::Data, has.into_iter().chain(given).collect::<Vec<_>>().join("; "))
        .hint(format!("try: espomail user remove {login} --to USER{or}"))
}
