//! Of `man/`, what is about commands is generated, a page a command from the command line's own definitions, and so is espomail.toml(5), from
//! `config.example.toml`; `make man` writes them, and this test fails when they are stale. The pages of section 7 are written by hand:
//! the tests beside this one hold them to the program, and run their examples.

mod access;
mod filters;
mod mail;
mod rules;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use espomail::fault::Class;

const EXAMPLE: &str = include_str!("../config.example.toml");

/// What each exit status means, the sections that espomail(1) has beside those of every command.
const STATUSES: [(Class, &str); 11] = [
    (Class::No, "A question was answered no, such as \\fBdb status\\fR when the tables do not fit."),
    (Class::Usage, "The command was used wrongly."),
    (Class::Data, "The input was bad, a name is unknown, or a message was newly quarantined or is held for a person's word."),
    (Class::Unavailable, "A server is unavailable."),
    (Class::Software, "A bug in espomail; please report it with the line it printed."),
    (Class::CannotCreate, "A file cannot be made, or a file or record is there already."),
    (Class::Io, "Reading or writing failed."),
    (Class::TempFail, "Try again later."),
    (Class::Protocol, "A server broke the protocol."),
    (
        Class::Refused,
        "Refused: not allowed, a password that was not accepted, a secret that others can read, or a file that others can write.",
    ),
    (Class::Config, "The configuration is wrong, or the schema of the database does not fit."),
];

const MORE: &str = "\
.PP
When several accounts fail, the gravest counts. SIGTERM and SIGINT end \\fBfetch\\fR, \\fBsend\\fR and \\fBreconcile\\fR within a
second, with 143 or 130, also while a server stalls; only the answer to a message that was handed over is waited for.
.SH ENVIRONMENT
.TP
\\fBESPOMAIL_CONFIG\\fR
The configuration file; \\fB\\-\\-config\\fR comes first.
.TP
\\fBESPOMAIL_DATABASE\\fR
The database; \\fB\\-\\-database\\fR comes first, the configuration last.
.TP
\\fBESPOMAIL_LOG\\fR
What goes to standard error: error, warn, info, debug or trace. Other crates are named after a comma, such as
\\fBdebug,diesel=debug\\fR. \\fB\\-v\\fR and \\fB\\-q\\fR come first.
.TP
\\fBESPOMAIL_NOW\\fR
A time to take for the present, for tests and to see what would have been.
.TP
\\fBCREDENTIALS_DIRECTORY\\fR
Where systemd puts credentials: those of \\fB\\-\\-password\\-credential\\fR, and \\fIespomail\\-key\\fR, the key of stored passwords.
.TP
\\fBSTATE_DIRECTORY\\fR, \\fBXDG_STATE_HOME\\fR
Where a host writes how far it has come with a PostgreSQL database, the first in the place of \\fI~/.local/state/espomail\\fR.
.TP
\\fBXDG_CONFIG_HOME\\fR, \\fBXDG_DATA_HOME\\fR, \\fBHOME\\fR
Where configuration and database are by default.
.SH FILES
.TP
\\fI$XDG_CONFIG_HOME/espomail/config.toml\\fR, \\fI/etc/espomail/config.toml\\fR
The configuration: the first of them that is there. See \\fBespomail.toml\\fR(5).
.TP
\\fIespomail.key\\fR
Beside the configuration: the key of stored passwords. Without it they cannot be read.
.TP
\\fI/var/lib/espomail/espomail.sqlite\\fR, \\fI~/.local/share/espomail/espomail.sqlite\\fR
The database that \\fBinit\\fR makes for root and for others. Beside it stands \\fIespomail.sqlite\\-passes\\fR, by which a pass knows that
a copy was put back: take it along when the database moves, and leave it out of copies.
.SH \"SEE ALSO\"
\\fBespomail.toml\\fR(5), \\fBespomail\\-access\\fR(7), \\fBespomail\\-filters\\fR(7), \\fBespomail\\-mail\\fR(7), \\fBespomail\\-rules\\fR(7), \\fBcrontab\\fR(5)
";

/// Writes text so that roff takes none of it for its own.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

/// What stands beside a command's options has a name of its own, and a synopsis has the command's own options.
fn in_order(name: &str, page: &str) -> String {
    let page = page.replace(".SH EXTRA", ".SH NOTES");
    let (head, rest) = page.split_once(".SH SYNOPSIS\n").unwrap();
    let (_, rest) = rest.split_once('\n').unwrap();
    let words: Vec<&str> = name.trim_end_matches(".1").split('-').collect();
    format!("{head}.SH SYNOPSIS\n{}\n{rest}", synopsis(&words))
}

/// The line that shows how a command is typed. What every command takes is named by one word, but for espomail itself.
fn synopsis(page: &[&str]) -> String {
    let mut command = espomail::commands::command_line();
    let (mut words, mut name) = (vec![page[0].to_string()], String::new());
    for part in &page[1..] {
        // A command may have a dash in its name.
        name += part;
        match command.find_subcommand(&name).cloned() {
            Some(found) => {
                command = found;
                words.push(std::mem::take(&mut name));
            }
            None => name += "-",
        }
    }
    let mut line = format!("\\fB{}\\fR", roff(&words.join(" ")));
    if words.len() > 1 {
        line += " [\\fIglobal options\\fR]";
    }
    let is_shown = |argument: &&clap::Arg| !argument.is_hide_set() && argument.get_id() != "help";
    for argument in command.get_arguments().filter(is_shown).filter(|argument| !argument.is_positional()) {
        let long = argument.get_long().map(|long| format!("\\fB\\-\\-{}\\fR", roff(long)));
        let short = argument.get_short().map(|short| format!("\\fB\\-{short}\\fR"));
        let mut option = short.into_iter().chain(long).collect::<Vec<_>>().join("|");
        if argument.get_action().takes_values() {
            option += &format!(" {}", taken(argument));
        }
        let again = if is_many(argument) || matches!(argument.get_action(), clap::ArgAction::Count) { "..." } else { "" };
        line += &if argument.is_required_set() { format!(" {option}{again}") } else { format!(" [{option}]{again}") };
    }
    for argument in command.get_positionals().filter(is_shown) {
        let (value, again) = (taken(argument), if is_many(argument) { "..." } else { "" });
        line += &if argument.is_required_set() { format!(" {value}{again}") } else { format!(" [{value}]{again}") };
    }
    if command.has_subcommands() {
        line += " \\fICOMMAND\\fR";
    }
    line
}

/// What an option or an argument takes.
fn taken(argument: &clap::Arg) -> String {
    let names = argument.get_value_names().map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    format!("\\fI{}\\fR", roff(&names.unwrap_or_else(|| argument.get_id().as_str().to_uppercase())))
}

fn is_many(argument: &clap::Arg) -> bool {
    matches!(argument.get_action(), clap::ArgAction::Append)
}

fn sections() -> String {
    let mut text = ".SH \"EXIT STATUS\"\n.TP\n\\fB0\\fR\nDone, nothing to do, or another pass is at work.\n".to_string();
    for (class, meaning) in STATUSES {
        text += &format!(".TP\n\\fB{}\\fR\n{meaning}\n", class.exit_status());
    }
    text + MORE
}

/// Makes espomail.toml(5) of the example: comments describe the key below them.
fn settings() -> String {
    let mut page = format!(".TH espomail.toml 5 \"\" \"espomail {}\"\n.SH NAME\n", env!("CARGO_PKG_VERSION"));
    page += "espomail.toml \\- the configuration of espomail\n.SH DESCRIPTION\n";
    let mut comment = String::new();
    let mut keys = 0;
    for line in EXAMPLE.lines() {
        let line = line.strip_prefix("#= ").unwrap_or(line);
        if let Some(text) = line.strip_prefix("# ") {
            comment += &format!("{}\n", roff(text));
        } else if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            page += &format!(".SH \"[{}]\"\n", roff(section));
        } else if let Some((key, value)) = line.split_once(" = ") {
            if keys == 0 {
                page += ".SH \"TOP LEVEL\"\n";
            }
            keys += 1;
            page += &format!(".TP\n\\fB{}\\fR = {}\n{}", roff(key), roff(value), std::mem::take(&mut comment));
        } else if line.is_empty() && keys == 0 {
            page += &std::mem::take(&mut comment);
        }
    }
    page + ".SH \"SEE ALSO\"\n\\fBespomail\\fR(1)\n"
}

fn pages(folder: &Path) -> BTreeMap<String, String> {
    let page = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
    };
    fs::read_dir(folder).into_iter().flatten().map(page).collect()
}

#[test]
fn manual_is_what_the_commands_say() {
    let generated = tempfile::tempdir().unwrap();
    clap_mangen::generate_to(espomail::commands::command_line().disable_help_subcommand(true), generated.path()).unwrap();
    let mut wanted = pages(generated.path());
    assert!(wanted.contains_key("espomail-account-add.1"), "{:?}", wanted.keys());
    wanted.iter_mut().for_each(|(name, page)| *page = in_order(name, page));
    *wanted.get_mut("espomail.1").unwrap() += &sections();
    wanted.insert("espomail.toml.5".to_string(), settings());

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    for (name, page) in pages(&folder).into_iter().filter(|(name, _)| name.ends_with(".7")) {
        // Of what is written by hand, the head alone is ours: it has the version.
        let (_, rest) = page.split_once('\n').unwrap();
        let head = format!(".TH {} 7 \"\" \"espomail {}\"\n", name.trim_end_matches(".7"), env!("CARGO_PKG_VERSION"));
        wanted.insert(name, head + rest);
    }
    if std::env::var_os("ESPOMAIL_WRITE_MAN").is_some() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        for (name, text) in &wanted {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    let found = pages(&folder);
    let names = |pages: &BTreeMap<String, String>| pages.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&wanted), "man/ is stale; try: make man");
    for (name, text) in &wanted {
        assert!(found.get(name) == Some(text), "man/{name} is stale; try: make man");
    }
}

/// The style of help: imperative or a noun, one line that says it all, no full stop; nothing without a word.
#[test]
fn every_command_and_option_has_help_that_reads_well() {
    fn check(command: &clap::Command, wrong: &mut Vec<String>) {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        if about.is_empty() || about.ends_with('.') || !about.starts_with(char::is_uppercase) {
            wrong.push(format!("{}: {about:?}", command.get_name()));
        }
        for argument in command.get_arguments() {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            if help.is_empty() || help.ends_with('.') {
                wrong.push(format!("{} {}: {help:?}", command.get_name(), argument.get_id()));
            }
        }
        command.get_subcommands().for_each(|command| check(command, wrong));
    }
    let mut wrong = Vec::new();
    check(&espomail::commands::command_line(), &mut wrong);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
