//! What a person types: one file a noun or pass. Each has a clap structure, whose doc comments are the help, and a
//! function that calls and prints. No rules, no SQL.

mod account;
mod address;
mod argument;
mod audit;
mod budget;
mod case;
mod config;
mod db;
mod deliver;
mod doctor;
mod email;
mod event;
mod example;
mod explain;
mod fate;
mod fetch;
mod file;
mod filter;
mod folder;
mod follow;
mod hearsay;
mod import;
mod init;
mod measure;
mod metrics;
mod notification;
mod notify;
mod outbox;
mod outlet;
mod people;
mod person;
mod pick;
mod place;
mod prune;
mod quarantine;
mod reconcile;
mod record;
mod rehearsal;
mod reprocess;
mod review;
mod right;
mod role;
mod round;
mod send;
mod setting;
mod show;
mod status;
mod storage;
mod stream;
mod sudo;
mod team;
mod template;
mod test;
mod token;
mod trace;
mod transfer;
mod user;

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{Config, Loaded, load};
use crate::context::{self, Context};
use crate::fault::{Class, Fault, contain};
use crate::output::{self, Format, LogFormat, Output};
use crate::store::{self, dialect};

/// A mail-to-CRM engine for the command line
#[derive(Debug, Parser)]
#[command(name = "espomail", version, max_term_width = 100, arg_required_else_help = true, subcommand_required = true)]
#[command(after_help = "Exit status: 0 done, 1 a question answered no, 64 usage, 65 bad input,\n\
                  69 server unavailable, 70 our bug, 73 and 74 cannot write, 75 try later,\n\
                  76 protocol, 77 refused, 78 configuration. See espomail(1).")]
pub struct Cli {
    /// Read this configuration file instead of looking for one
    #[arg(short, long, value_name = "FILE", global = true, help_heading = "Global options")]
    config: Option<PathBuf>,
    /// Use this database: sqlite:PATH or postgresql://USER@HOST/NAME
    #[arg(long, value_name = "URL", global = true, help_heading = "Global options")]
    database: Option<String>,
    /// Act for this user; for administrators
    #[arg(long = "as", value_name = "USER", global = true, help_heading = "Global options")]
    acting: Option<String>,
    /// Write answers as text, json (one document) or jsonl (one line an item) [default: text]
    #[arg(short, long, value_name = "FORMAT", global = true, help_heading = "Global options", hide_possible_values = true)]
    output: Option<Format>,
    /// Write lines on standard error as text or json (one object a line) [default: log.format]
    #[arg(long, value_name = "FORMAT", global = true, help_heading = "Global options", hide_possible_values = true)]
    log_format: Option<LogFormat>,
    /// Print nothing but answers and faults
    #[arg(short, long, global = true, help_heading = "Global options", conflicts_with = "verbose")]
    quiet: bool,
    /// Say what is done; twice for each message, three times for everything
    #[arg(short, long, global = true, help_heading = "Global options", action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

/// Every command, in the order of the manual.
#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    Fetch(fetch::Fetch),
    Send(send::Send),
    Notify(notify::Notify),
    Prune(prune::Prune),
    Deliver(deliver::Deliver),
    Import(import::Import),
    Explain(explain::Explain),
    Trace(trace::Trace),
    Reprocess(reprocess::Reprocess),
    Reconcile(reconcile::Reconcile),
    Test(test::Test),
    Account(account::Account),
    User(user::User),
    Team(team::Team),
    Role(role::Role),
    Token(token::Token),
    Record(record::Record),
    Case(case::Case),
    Review(review::ReviewArgs),
    Email(email::Email),
    Event(event::EventArgs),
    Filter(filter::FilterArgs),
    Folder(folder::FolderArgs),
    Notification(notification::NotificationArgs),
    Address(address::Address),
    Person(person::Person),
    Template(template::TemplateArgs),
    Outbox(outbox::Outbox),
    Budget(budget::BudgetArgs),
    Quarantine(quarantine::Quarantine),
    Fate(fate::FateArgs),
    Audit(audit::Audit),
    Config(config::ConfigArgs),
    Db(db::Db),
    Storage(storage::StorageArgs),
    Doctor(doctor::Doctor),
    Status(status::Status),
}

/// What must be there before a command starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// Not even a configuration that can be read.
    Nothing,
    /// The configuration; the store is opened by the command itself where it needs it.
    Config,
    /// The same, and an administrator: the passes, and what looks after the whole (ACCESS-1).
    Administrator,
}

impl Command {
    const fn needs(&self) -> Needs {
        match self {
            Self::Init(_) => Needs::Nothing,
            Self::Fetch(_) | Self::Send(_) | Self::Notify(_) | Self::Deliver(_) | Self::Test(_) | Self::Reconcile(_) => {
                Needs::Administrator
            }
            Self::Budget(_) | Self::Quarantine(_) | Self::Fate(_) | Self::Trace(_) | Self::Audit(_) => Needs::Administrator,
            Self::Config(_) | Self::Db(_) | Self::Storage(_) | Self::Prune(_) | Self::Person(_) => Needs::Administrator,
            Self::Doctor(_) | Self::Status(_) => Needs::Administrator,
            // These ask for the right to what they do, each by itself. All are named: a new command is open to nobody by default.
            Self::Explain(_)
            | Self::Reprocess(_)
            | Self::Import(_)
            | Self::Account(_)
            | Self::User(_)
            | Self::Team(_)
            | Self::Role(_)
            | Self::Token(_)
            | Self::Record(_)
            | Self::Case(_)
            | Self::Review(_)
            | Self::Email(_)
            | Self::Event(_)
            | Self::Filter(_)
            | Self::Folder(_)
            | Self::Notification(_)
            | Self::Address(_)
            | Self::Template(_)
            | Self::Outbox(_) => Needs::Config,
        }
    }

    /// Whether cron starts it again in a while: one that meets a database that is being moved leaves it alone, as it leaves an account
    /// that another pass is at.
    const fn is_pass(&self) -> bool {
        matches!(self, Self::Fetch(_) | Self::Send(_) | Self::Notify(_))
    }

    /// Whether it works with the database by several connections at once.
    const fn has_several_stores(&self) -> bool {
        self.is_pass()
            || matches!(self, Self::Deliver(_) | Self::Import(_) | Self::Reconcile(_) | Self::Reprocess(_) | Self::Storage(_))
            || matches!(self, Self::Db(db) if !db.is_reading())
    }

    /// Whether the command itself says whose the files are, of all of them at once.
    const fn tells_custody(&self) -> bool {
        matches!(self, Self::Config(config) if config.is_check()) || matches!(self, Self::Doctor(_))
    }

    /// What a fault before the command is told as.
    fn told(&self, error: anyhow::Error) -> anyhow::Error {
        if let Self::Deliver(deliver) = self { deliver.put_off(error) } else { error }
    }

    fn run(self, context: &Context) -> Result<()> {
        match self {
            Self::Init(command) => command.run(context),
            Self::Fetch(command) => match command.picked() {
                Some(picked) => pick::take(context, &picked),
                None => command.run(context),
            },
            Self::Send(command) => command.run(context),
            Self::Notify(command) => command.run(context),
            Self::Prune(command) => command.run(context),
            Self::Deliver(command) => command.run(context),
            Self::Import(command) => command.run(context),
            Self::Explain(command) => command.run(context),
            Self::Trace(command) => command.run(context),
            Self::Reprocess(command) => command.run(context),
            Self::Reconcile(command) => command.run(context),
            Self::Test(command) => command.run(context),
            Self::Account(command) => command.run(context),
            Self::User(command) => command.run(context),
            Self::Team(command) => command.run(context),
            Self::Role(command) => command.run(context),
            Self::Token(command) => command.run(context),
            Self::Record(command) => command.run(context),
            Self::Case(command) => command.run(context),
            Self::Review(command) => command.run(context),
            Self::Email(command) => command.run(context),
            Self::Event(command) => command.run(context),
            Self::Filter(command) => command.run(context),
            Self::Folder(command) => command.run(context),
            Self::Notification(command) => command.run(context),
            Self::Address(command) => command.run(context),
            Self::Person(command) => command.run(context),
            Self::Template(command) => command.run(context),
            Self::Outbox(command) => command.run(context),
            Self::Budget(command) => command.run(context),
            Self::Quarantine(command) => command.run(context),
            Self::Fate(command) => command.run(context),
            Self::Audit(command) => command.run(context),
            Self::Config(command) => command.run(context),
            Self::Db(command) => command.run(context),
            Self::Storage(command) => command.run(context),
            Self::Doctor(command) => command.run(context),
            Self::Status(command) => command.run(context),
        }
    }
}

/// Returns the whole command line as clap knows it, for the manual.
pub fn command_line() -> clap::Command {
    example::with_examples(Cli::command())
}

/// Runs espomail and returns its exit status. A panic is our bug and says so in one line.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let asks_for_help = arguments.iter().any(|argument| argument == "--help" || argument == "-h" || argument == "help");
    let mut command = if asks_for_help { command_line() } else { Cli::command() };
    // FETCH-17: an MTA would bounce to the sender on most other statuses, whatever was wrong, its own arguments included.
    let is_delivery = subcommand(&command, &arguments) == Some("deliver");
    let is_check = subcommand(&command, &arguments) == Some("status") && arguments.iter().any(|argument| argument == "--check");
    match run_as(&mut command, arguments) {
        0 => 0,
        // A plugin has no other words.
        4.. if is_check => status::UNKNOWN,
        _ if is_delivery => Class::TempFail.exit_status(),
        status => status,
    }
}

/// Returns the command that a command line names, also one that cannot be read otherwise.
fn subcommand<'a>(command: &clap::Command, arguments: &'a [OsString]) -> Option<&'a str> {
    let valued: Vec<&clap::Arg> = command.get_arguments().filter(|known| known.get_action().takes_values()).collect();
    // In `-vo json`, the last letter has its value in the next word; in `-ojson`, an earlier one has it in the same.
    let waits = |word: &str| match word.strip_prefix("--") {
        Some(long) => valued.iter().any(|known| known.get_long() == Some(long)),
        None => word.find(|letter| valued.iter().any(|known| known.get_short() == Some(letter))) == Some(word.len() - 1),
    };
    let mut words = arguments.iter().skip(1).map(|argument| argument.to_str().unwrap_or_default());
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            return Some(word);
        }
        if waits(word) {
            words.next();
        }
    }
    None
}

fn run_as(command: &mut clap::Command, arguments: Vec<OsString>) -> u8 {
    let parsed = command.try_get_matches_from_mut(arguments).and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(command))?;
        Ok((cli, matches))
    });
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            output::print_help(&error);
            return if error.use_stderr() { Class::Usage.exit_status() } else { 0 };
        }
    };
    output::report_panics();
    context::outlive_file_limits();
    contain(|| start(cli, command, &matches)).unwrap_or_else(|panicked| {
        output::last_words(&format!("{panicked}; please report it with this line and what you did"));
        Class::Software.exit_status()
    })
}

fn start(cli: Cli, command: &clap::Command, matches: &ArgMatches) -> u8 {
    // What is wrong with the configuration is said so, too.
    output::set_log_format(cli.log_format.unwrap_or(LogFormat::Text), context::is_journal());
    let out = || Output::new(cli.output.unwrap_or(Format::Text), cli.verbose > 0, cli.quiet);
    if !cli.command.has_several_stores() {
        dialect::allow_alone();
    }
    let context = match prepare(&cli, command, matches, out()) {
        Ok(context) => context,
        Err(error) => {
            let (out, error) = (out(), store::classify(error));
            match &cli.command {
                Command::Status(status) if status.is_check() => status::unknown(&out, &error),
                command => out.complain(&command.told(error)),
            }
            return out.status();
        }
    };
    let is_pass = cli.command.is_pass();
    match cli.command.run(&context) {
        Err(error) if is_pass && store::closed::is_under_way(&error) => log::info!("{error:#}"),
        Err(error) => context.out.complain(&store::classify(error)),
        Ok(()) => {}
    }
    context.out.status()
}

/// Finds out who asks and what for, and reads the configuration, in an order that one who comes through sudo cannot disturb.
fn prepare(cli: &Cli, command: &clap::Command, matches: &ArgMatches, out: Output) -> Result<Context> {
    let is_guest = context::caller().guest().is_some();
    if is_guest {
        sudo::refuse(command, matches, &context::variables())?;
    }
    let overrides = context::overrides(cli.config.clone(), cli.database.clone());
    let needs = cli.command.needs();
    let loaded = match needs {
        Needs::Nothing => {
            let database_from = overrides.database.as_ref().map(|_| "--database");
            let file = overrides.named_file().cloned();
            let database = overrides.database.clone().or(overrides.environment_database.clone()).unwrap_or_default();
            let config = Config { database, ..Config::default() };
            Loaded { config, file, set_in_file: Vec::new(), database_from }
        }
        Needs::Config | Needs::Administrator => load(&overrides)?,
    };
    if is_guest && loaded.file.is_none() {
        let places = overrides.places().iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(" or ");
        return Err(Fault::new(Class::Config, format!("through sudo the configuration is {places}, which is not there"))
            .hint("see espomail-access(7)")
            .into());
    }
    output::set_log_format(cli.log_format.unwrap_or(loaded.config.log.format), context::is_journal());
    output::write_to(loaded.config.log.syslog.as_deref(), loaded.config.log.journal.as_deref());
    begin_log(cli.verbose, cli.quiet, &loaded.config);
    if !cli.command.tells_custody() {
        loaded.check_custody()?;
    }
    let mut context = Context::new(out, loaded)?;
    context.identify(cli.acting.as_deref())?;
    if needs != Needs::Config {
        context.administrator()?;
    }
    Ok(context)
}

/// A flag comes before the environment, the environment before the file.
fn begin_log(verbose: u8, quiet: bool, config: &Config) {
    let level = match (quiet, verbose) {
        (true, _) => "error".to_string(),
        (_, 0) => context::log_level().unwrap_or_else(|| config.log.level.clone()),
        (_, 1) => "info".to_string(),
        (_, 2) => "debug".to_string(),
        _ => "trace".to_string(),
    };
    output::start_log(&level);
}
