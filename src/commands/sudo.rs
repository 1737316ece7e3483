//! What one who comes through sudo cannot name (ACCESS-4): the service account would read, write or run it with its own
//! rights. Standard input and output are the caller's own and stay open.

use clap::{Arg, ArgMatches, Command, ValueHint};

use crate::fault::{Class, Fault};

/// Variables that choose what the service account reads, whom it talks to or what time it is; `*` ends a beginning. What is
/// not here is not read: the home folder, `XDG_*`, `PATH`, editors and pagers.
const VARIABLES: &[&str] = &["ESPOMAIL_*", "CREDENTIALS_DIRECTORY", "PG*", "SSL_CERT_*", "OPENSSL_*"];

/// Arguments that name such a thing and are neither a path nor a command, which [`is_foreign`] knows by themselves.
const ARGUMENTS: &[&str] = &["database", "password_credential", "smtp_password_credential"];

/// Arguments for which "-" is standard input, the caller's own, each behind its command. For every other one "-" is a file of that name: what is
/// not here is refused.
const STANDARD_INPUT: &[&str] = &[
    "case reply file",
    "email compose file",
    "email edit file",
    "email forward file",
    "email reply file",
    "filter add sieve",
    "filter set sieve",
    "import paths",
    "template add file",
    "template set file",
];

/// Commands that are for the account itself.
const COMMANDS: &[&str] = &["init"];

/// Refuses what the caller names but must not.
pub fn refuse(command: &Command, matches: &ArgMatches, variables: &[String]) -> Result<(), Fault> {
    let fault = |what: String| Err(Fault::new(Class::Refused, what).hint("see espomail-access(7)"));
    if let Some(name) = variables.iter().find(|name| VARIABLES.iter().any(|pattern| matches_pattern(name, pattern))) {
        return fault(format!("through sudo the variable {name} must not be set"));
    }
    let (mut command, mut matches, mut path) = (command, matches, String::new());
    loop {
        for id in matches.ids() {
            let is_given = matches.value_source(id.as_str()) == Some(clap::parser::ValueSource::CommandLine);
            let argument = command.get_arguments().find(|argument| argument.get_id() == id).filter(|_| is_given);
            let values = || matches.try_get_raw(id.as_str()).ok().flatten().into_iter().flatten();
            if let Some(argument) = argument.filter(|argument| is_foreign(argument))
                && values().any(|value| value != "-" || !takes_standard_input(&path, argument))
            {
                let why = "the service account would use what you name";
                return fault(format!("through sudo {} cannot be given: {why}", shown(argument)));
            }
        }
        match matches.subcommand().and_then(|(name, matches)| command.find_subcommand(name).zip(Some(matches))) {
            Some((inner, _)) if COMMANDS.contains(&inner.get_name()) => {
                return fault(format!("through sudo there is no espomail {}", inner.get_name()));
            }
            Some(inner) => {
                (command, matches) = inner;
                path = format!("{path}{} ", command.get_name());
            }
            None => return Ok(()),
        }
    }
}

fn matches_pattern(name: &str, pattern: &str) -> bool {
    // Names the accounts of the system, in tests only.
    if cfg!(debug_assertions) && name == "ESPOMAIL_PASSWD" {
        return false;
    }
    pattern.strip_suffix('*').map_or(name == pattern, |beginning| name.starts_with(beginning))
}

/// Whether an argument names a path, a command, or something else that the service account would use for the caller.
fn is_foreign(argument: &Arg) -> bool {
    let by_hint = !matches!(argument.get_value_hint(), ValueHint::Unknown | ValueHint::Other);
    by_hint || ARGUMENTS.contains(&argument.get_id().as_str())
}

fn takes_standard_input(path: &str, argument: &Arg) -> bool {
    STANDARD_INPUT.contains(&format!("{path}{}", argument.get_id()).as_str())
}

fn shown(argument: &Arg) -> String {
    match argument.get_long() {
        Some(long) => format!("--{long}"),
        None => argument.get_value_names().and_then(<[_]>::first).map_or_else(String::new, ToString::to_string),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::command_line;

    fn refused(arguments: &[&str], variables: &[&str]) -> Option<String> {
        let mut command = command_line();
        let arguments = std::iter::once("espomail").chain(arguments.iter().copied());
        let matches = command.try_get_matches_from_mut(arguments).expect("they are well written");
        let variables: Vec<String> = variables.iter().map(ToString::to_string).collect();
        refuse(&command, &matches, &variables).err().map(|fault| fault.what)
    }

    #[test]
    fn access_4_what_the_service_account_would_use_is_refused() {
        for arguments in [
            &["-c", "x.toml", "case", "list"][..],
            &["case", "list", "--config", "x.toml"],
            &["--database", "sqlite:x", "case", "list"],
            &["init"],
            &["email", "attachments", "1", "--save", "/tmp"],
            &["import", "/etc", "--account", "a"],
            &["account", "add", "a", "--ca-file", "x"],
            &["filter", "add", "a", "--user", "ada", "--sieve", "x"],
            &["account", "set", "a", "--password-file", "x"],
            &["account", "set", "a", "--password-command", "id"],
            &["account", "set", "a", "--password-credential", "x"],
            &["account", "set", "a", "--smtp-password-credential", "x"],
            // A file of that name, which may be a link to anything, wherever the caller stands.
            &["email", "attachments", "1", "--save", "-"],
            &["case", "reply", "1", "--text", "x", "--attach", "-"],
            &["case", "reply", "1", "--text", "x", "--html", "-"],
            &["account", "set", "a", "--ca-file", "-"],
            &["account", "set", "a", "--password-file", "-"],
            &["db", "backup", "-"],
            &["db", "move", "--to", "-"],
            &["person", "export", "a@example.org", "-"],
            &["status", "--metrics-file", "-"],
            &["-c", "-", "case", "list"],
        ] {
            assert!(refused(arguments, &[]).is_some_and(|what| what.starts_with("through sudo ")), "{arguments:?}");
        }
        let variables =
            ["ESPOMAIL_CONFIG", "ESPOMAIL_NOW", "CREDENTIALS_DIRECTORY", "PGHOSTADDR", "SSL_CERT_FILE", "OPENSSL_CONF"];
        for name in variables {
            let what = refused(&["case", "list"], &["HOME", name]).expect("it is refused");
            assert_eq!(what, format!("through sudo the variable {name} must not be set"));
        }
    }

    #[test]
    fn access_4_what_is_the_callers_own_is_not() {
        for arguments in [
            &["case", "list", "-o", "json"][..],
            &["--as", "ada", "case", "show", "1"],
            &["email", "attachments", "1", "--extract", "1"],
            &["account", "add", "a", "--imap-host", "h", "--password-stdin"],
            &["filter", "add", "a", "--user", "ada", "--sieve", "-"],
            &["case", "reply", "1", "--file", "-"],
            &["import", "-"],
        ] {
            assert_eq!(refused(arguments, &["HOME", "XDG_CONFIG_HOME", "PATH", "EDITOR", "TERM"]), None, "{arguments:?}");
        }
    }

    #[test]
    fn access_4_only_what_reads_standard_input_takes_a_dash() {
        fn check(command: &Command, path: &str, known: &mut Vec<String>) {
            let is_file = |argument: &&Arg| is_foreign(argument) && argument.get_value_hint() != ValueHint::Url;
            for argument in command.get_arguments().filter(is_file) {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                let says = help.contains("standard input");
                assert_eq!(takes_standard_input(path, argument), says, "{path}{}: {help}", argument.get_id());
                known.extend(says.then(|| format!("{path}{}", argument.get_id())));
            }
            command.get_subcommands().for_each(|command| check(command, &format!("{path}{} ", command.get_name()), known));
        }
        let mut known = Vec::new();
        check(&command_line(), "", &mut known);
        known.sort();
        assert_eq!(known, STANDARD_INPUT);
    }

    #[test]
    fn access_4_no_path_or_command_escapes_the_rule() {
        fn check(command: &Command, found: &mut usize) {
            for argument in command.get_arguments() {
                if argument.get_long().is_some_and(|long| long.ends_with("-credential")) {
                    assert!(is_foreign(argument), "{} {}", command.get_name(), argument.get_id());
                }
                let names = argument.get_value_names().unwrap_or_default().iter().map(ToString::to_string);
                for name in names.filter(|name| ["FILE", "PATH", "DIRECTORY", "DIR", "COMMAND", "URL"].contains(&name.as_str())) {
                    *found += 1;
                    assert!(is_foreign(argument), "{} {}: {name}", command.get_name(), argument.get_id());
                }
            }
            command.get_subcommands().for_each(|command| check(command, found));
        }
        let mut found = 0;
        let mut command = command_line();
        command.build();
        check(&command, &mut found);
        assert!(found > 8, "{found}");
    }
}
