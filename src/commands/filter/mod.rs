//! `espomail filter`.

mod scope;
mod settings;
mod shown;
mod test;

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use self::scope::{ScopeArguments, kept};
use self::settings::{FilterArguments, Named};
use self::shown::Shown;
use super::argument;
use super::rehearsal::Rehearsal;
use super::show::changed;
use crate::context::Context;
use crate::decide::access::{self, Permitted};
use crate::decide::filter::{Action, Filter};
use crate::fault::{Class, Fault};
use crate::pass::verdict::Names;
use crate::plural::counted;
use crate::store::access as trace;
use crate::store::filter::{self, Owner, Stored};
use crate::store::{Database, Store, effect, reprocess};
use crate::words::RoleAction;

/// Manage e-mail filters
///
/// A filter has criteria, which must all hold, and actions. Import filters are global (every account) or one account's; a user's
/// filters look after that user's inbox. Of each scope the first that matches wins, in the order that "filter list" shows: first
/// those of the account, then the global ones. See espomail-filters(7).
#[derive(Debug, clap::Args)]
pub struct FilterArgs {
    #[command(subcommand)]
    command: FilterCommand,
}

#[derive(Debug, Subcommand)]
enum FilterCommand {
    /// Add a filter behind the others of its scope
    Add {
        /// Name
        #[arg(value_parser = argument::name)]
        name: String,
        #[command(flatten)]
        scope: ScopeArguments,
        #[command(flatten)]
        settings: Box<FilterArguments>,
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
    /// List filters in the order in which they are tried
    List {
        #[command(flatten)]
        scope: ScopeArguments,
    },
    /// Show a filter
    Show {
        /// Name or number
        filter: String,
        #[command(flatten)]
        scope: ScopeArguments,
    },
    /// Change a filter; criteria that are given take the place of all it has, and so do actions
    Set(Box<Set>),
    /// Move a filter among those of its scope
    Move {
        /// Name or number
        filter: String,
        #[command(flatten)]
        scope: ScopeArguments,
        #[command(flatten)]
        place: PlaceArguments,
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
    /// Remove a filter
    Remove {
        /// Name or number
        filter: String,
        #[command(flatten)]
        scope: ScopeArguments,
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
    /// Run the commands and hooks again that were given up, with the next fetch, or forget them
    Retry {
        /// Numbers or Message-IDs of e-mails; without any, all of them
        #[arg(value_name = "EMAIL")]
        emails: Vec<String>,
        /// Forget them: what they were wanted for stays as it is
        #[arg(long)]
        drop: bool,
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
    /// Hold filters against messages and print what matches, criterion by criterion; nothing changes
    Test {
        /// Files with messages (- for standard input), or numbers or Message-IDs of stored e-mails
        #[arg(value_name = "FILE|ID", required_unless_present = "last")]
        messages: Vec<String>,
        /// Every e-mail that came in since then, such as 7d; none of your own letters
        #[arg(long, value_name = "TIME", conflicts_with = "messages")]
        last: Option<String>,
        /// Only this filter; may be given several times
        #[arg(long = "filter", value_name = "FILTER")]
        filters: Vec<String>,
        #[command(flatten)]
        scope: ScopeArguments,
        /// Print the filters that do not match, too
        #[arg(long)]
        all: bool,
    },
}

#[derive(Debug, clap::Args)]
struct Set {
    /// Name or number
    filter: String,
    #[command(flatten)]
    scope: ScopeArguments,
    /// New name
    #[arg(long, value_parser = argument::name)]
    name: Option<String>,
    #[command(flatten)]
    settings: Box<FilterArguments>,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct PlaceArguments {
    /// To this place, from 1
    #[arg(long, value_name = "PLACE", value_parser = clap::value_parser!(u32).range(1..))]
    to: Option<u32>,
    /// Before all others
    #[arg(long)]
    first: bool,
    /// Behind all others
    #[arg(long)]
    last: bool,
    /// Before this one
    #[arg(long, value_name = "FILTER")]
    before: Option<String>,
    /// Behind this one
    #[arg(long, value_name = "FILTER")]
    after: Option<String>,
}

impl FilterArgs {
    pub fn run(self, context: &Context) -> Result<()> {
        let store = &mut context.store()?;
        match self.command {
            FilterCommand::Add { name, scope, settings, rehearsal } => {
                let named = settings.named(context)?;
                rehearsal.over(context, store, |store| add(context, store, &name, &scope, (&settings, &named)))
            }
            FilterCommand::List { scope } => list(context, store, &scope),
            FilterCommand::Show { filter, scope } => show(context, store, &filter, &scope),
            FilterCommand::Set(command) => {
                let named = command.settings.named(context)?;
                command.rehearsal.over(context, store, |store| command.run(context, store, &named))
            }
            FilterCommand::Move { filter, scope, place, rehearsal } => {
                rehearsal.over(context, store, |store| shift(context, store, &filter, &scope, &place))
            }
            FilterCommand::Remove { filter, scope, rehearsal } => {
                rehearsal.over(context, store, |store| remove(context, store, &filter, &scope))
            }
            FilterCommand::Retry { emails, drop, rehearsal } => {
                rehearsal.over(context, store, |store| retry(context, store, &emails, drop))
            }
            FilterCommand::Test { messages, last, filters, scope, all } => {
                test::test(context, &messages, last.as_deref(), &filters, &scope, all)
            }
        }
    }
}

impl PlaceArguments {
    fn of(&self, db: &mut Database, moved: &Stored) -> Result<usize> {
        if self.first {
            return Ok(1);
        }
        if let Some(place) = self.to {
            return Ok(place as usize);
        }
        let others: Vec<Stored> =
            filter::list(db, Some(moved.owner))?.into_iter().filter(|one| one.filter.id != moved.filter.id).collect();
        let of = |wanted: &str| {
            let at = others.iter().position(|one| one.filter.name == wanted || one.filter.id.to_string() == wanted);
            at.ok_or_else(|| Fault::new(Class::Data, format!("there is no other filter {wanted:?} in {}", moved.scope)))
        };
        Ok(match (&self.before, &self.after) {
            (Some(wanted), _) => of(wanted)? + 1,
            (_, Some(wanted)) => of(wanted)? + 2,
            _ => others.len() + 1,
        })
    }
}

/// What those who ask may not keep.
fn refused(context: &Context) -> anyhow::Error {
    context.refused("these filters are another's, or an administrator's")
}

/// Finds a filter that the one who asks may keep; no name of another's is proposed.
fn find<'a>(context: &'a Context, db: &mut Database, wanted: &str, owner: Option<Owner>) -> Result<Permitted<'a, Stored>> {
    let found = filter::choose(kept(context, db, owner)?, wanted)?;
    access::keep(context.actor_ref(), found).map_err(|_| refused(context))
}

/// FILTER-4: only administrators say what the service account runs, and for which mail.
fn may_run(context: &Context, filter: &Filter) -> Result<()> {
    if filter.actions.iter().any(|action| matches!(action, Action::Run(_))) {
        access::administer(context.actor_ref())
            .map_err(|_| context.refused("a filter that runs a command is an administrator's"))?;
    }
    Ok(())
}

fn add(
    context: &Context,
    store: &mut Store,
    name: &str,
    scope: &ScopeArguments,
    (settings, named): (&FilterArguments, &Named<'_>),
) -> Result<()> {
    let now = context.now();
    let added = store.alone(|db| {
        let Some(owner) = scope.owner(context, db)? else {
            return Err(Fault::new(Class::Usage, "say whose filter it is: --global, --account or --user").into());
        };
        let filters = access::keep(context.actor_ref(), filter::of(db, owner)?).map_err(|_| refused(context))?;
        let mut made = Filter::named(name, owner.scope());
        settings.over(db, &mut made, owner, named)?;
        may_run(context, &made)?;
        let id = filter::add(db, &filters, &made)?;
        let stored = filter::find(db, &id.to_string(), Some(owner))?;
        trace::record(db, filters.permit(), "filter add", &format!("filter:{name}"), &stored.scope, now)?;
        Ok(Shown::new(&Names::all(db)?, &stored))
    })?;
    context
        .out
        .made(&added, &format!("Filter {name} added. Next: espomail filter test --last 7d --filter {}", argument::quoted(name)));
    Ok(())
}

fn list(context: &Context, store: &mut Store, scope: &ScopeArguments) -> Result<()> {
    let db = store.connection();
    let owner = scope.owner(context, db)?;
    let names = Names::all(db)?;
    let filters: Vec<Shown> = kept(context, db, owner)?.iter().map(|stored| Shown::new(&names, stored)).collect();
    context.out.list(&filters, &["id", "scope", "place", "filter", "criteria", "actions"], |filter| {
        let name = if filter.settings.active { filter.name.clone() } else { format!("{} (unused)", filter.name) };
        let criteria = if filter.sieve.is_some() { "a Sieve script".to_string() } else { filter.criteria.join(" and ") };
        let (id, place, actions) = (filter.id.to_string(), filter.place.to_string(), filter.actions.join(", "));
        vec![id, filter.scope.clone(), place, name, criteria, actions]
    });
    Ok(())
}

fn show(context: &Context, store: &mut Store, wanted: &str, scope: &ScopeArguments) -> Result<()> {
    let db = store.connection();
    let owner = scope.owner(context, db)?;
    let found = find(context, db, wanted, owner)?;
    let shown = Shown::new(&Names::all(db)?, found.thing());
    context.out.item(&shown, || shown.text());
    Ok(())
}

impl Set {
    fn run(&self, context: &Context, store: &mut Store, named: &Named<'_>) -> Result<()> {
        change((context, store), "filter set", &self.filter, &self.scope, |db, kept| {
            let stored = kept.thing();
            let mut new = stored.filter.clone();
            self.settings.over(db, &mut new, stored.owner, named)?;
            may_run(context, &new)?;
            if let Some(name) = &self.name {
                new.name.clone_from(name);
            }
            filter::set(db, kept, &new)?;
            let stored = filter::find(db, &stored.filter.id.to_string(), Some(stored.owner))?;
            Ok(format!("Filter {} {}.{}", new.name, changed(true), way_back(context, db, &stored)?))
        })
    }
}

fn shift(context: &Context, store: &mut Store, wanted: &str, scope: &ScopeArguments, place: &PlaceArguments) -> Result<()> {
    change((context, store), "filter move", wanted, scope, |db, kept| {
        let place = place.of(db, kept.thing())?;
        filter::move_to(db, kept, place)?;
        Ok(format!("Filter {} moved.", kept.thing().filter.name))
    })
}

fn remove(context: &Context, store: &mut Store, wanted: &str, scope: &ScopeArguments) -> Result<()> {
    change((context, store), "filter remove", wanted, scope, |db, kept| {
        let way_back = way_back(context, db, kept.thing())?;
        filter::remove(db, kept)?;
        Ok(format!("Filter {} removed.{way_back}", kept.thing().filter.name))
    })
}

/// What takes back what a filter did before it was changed or removed, with how much that is.
fn way_back(context: &Context, db: &mut Database, stored: &Stored) -> Result<String> {
    let (id, is_users) = (stored.filter.id, matches!(stored.owner, Owner::User(_)));
    // Of what is everybody's, that is an administrator's.
    if !is_users && !context.actor_ref().administrator {
        return Ok(String::new());
    }
    let past = filter::past(db)?;
    let name =
        past.iter().find(|one| one.id == id).map(|one| argument::quoted(&filter::reference(&past, one))).unwrap_or_default();
    let skipped: Vec<String> = reprocess::skipped_by(db, id)?
        .into_iter()
        .map(|(account, count)| format!("{} of account {}", counted(count, "message"), argument::quoted(&account)))
        .collect();
    let touched = reprocess::touched(db, id)?;
    let mut text = String::new();
    if !skipped.is_empty() {
        text.push_str(&format!(" It skipped {}: espomail fate retry --filter {name}", skipped.join(", ")));
    }
    if touched > 0 {
        let and = if text.is_empty() { " It" } else { "; it" };
        let emails = counted(touched, "e-mail");
        text.push_str(&format!("{and} filed, gave away or marked {emails}: espomail reprocess --filter {name}"));
    }
    Ok(text)
}

/// Does something to a filter and writes down what is otherwise now; where nothing is, it says so.
fn change(
    (context, store): (&Context, &mut Store),
    action: &str,
    wanted: &str,
    scope: &ScopeArguments,
    mut work: impl FnMut(&mut Database, &Permitted<'_, Stored>) -> Result<String>,
) -> Result<()> {
    let done = store.alone(|db| {
        let owner = scope.owner(context, db)?;
        let kept = find(context, db, wanted, owner)?;
        let stored = kept.thing();
        let before = Shown::new(&Names::all(db)?, stored);
        let done = work(db, &kept)?;
        let changes = match filter::list(db, Some(stored.owner))?.iter().find(|one| one.filter.id == stored.filter.id) {
            Some(now) => match trace::differences(&before, &Shown::new(&Names::all(db)?, now))? {
                changes if changes.is_empty() && matches!(action, "filter set" | "filter move") => {
                    return Ok(format!("Filter {} {}.", stored.filter.name, changed(false)));
                }
                changes => changes,
            },
            None => String::new(),
        };
        let detail = if changes.is_empty() { stored.scope.clone() } else { format!("{}: {changes}", stored.scope) };
        trace::record(db, kept.permit(), action, &format!("filter:{}", stored.filter.name), &detail, context.now())?;
        Ok(done)
    })?;
    context.out.say(&done);
    Ok(())
}

fn retry(context: &Context, store: &mut Store, emails: &[String], drop: bool) -> Result<()> {
    let now = context.now();
    let again = store.alone(|db| {
        let permit = access::administer(context.actor_ref()).map_err(|_| context.refused("commands are an administrator's"))?;
        let mut ids = Vec::new();
        for wanted in emails {
            ids.push(super::right::email(db, context.actor_ref(), wanted, RoleAction::Read)?.0);
        }
        if drop { effect::drop(db, &permit, &ids, now) } else { effect::retry(db, &permit, &ids, now) }
    })?;
    if again == 0 {
        return Err(Fault::new(Class::Data, "there is no command that was given up").into());
    }
    let (key, done) = if drop { ("dropped", "Forgotten") } else { ("commands", "With the next fetch") };
    context.out.made(&json!({ key: again }), &format!("{done}: {}.", counted(again, "command")));
    Ok(())
}
