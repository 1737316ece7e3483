//! An example for each command that has none beside its options: what one types most often.

/// Each begins with the command.
const EXAMPLES: &[&str] = &[
    "account actions support --retry",
    "account add support --address support@example.com --imap-host mail.example.com --make-cases",
    "account authorize support --provider microsoft",
    "account disable support",
    "account enable support",
    "account folders support",
    "account list",
    "account move support --imap-host imap.example.net --password-stdin --dry-run",
    "account remove support --dry-run",
    "account reset support --since 30d --dry-run",
    "account set support --auto-reply received",
    "account show support",
    "account test support --smtp --send-to you@example.com",
    "address clear dora@example.org",
    "address list",
    "address show dora@example.org",
    "audit list --subject case:42",
    "budget drop --all --dry-run",
    "budget list",
    "budget release 1",
    "case assign 42 ben",
    "case close 42",
    "case create --from-email 107",
    "case delete 42 --dry-run",
    "case follow 42 --user ada",
    "case list --unassigned --team support",
    "case merge 43 44 --into 42 --dry-run",
    "case next --account support",
    "case note 42 'Called back, a part is missing'",
    "case reopen 42",
    "case reply 42 --text 'A technician comes this afternoon.'",
    "case set 42 --contact contact:1 --type incident",
    "case show 42",
    "case split 42 --email 107 --name 'The door squeaks, too'",
    "case status 42 pending",
    "case unfollow 42 --user ada",
    "case unmerge 43 --dry-run",
    "config check",
    "config show",
    "db migrate",
    "deliver --account support < message.eml",
    "email attachments 107 --save .",
    "email compose --to dora@example.org --subject Hello --text 'Are you there?'",
    "email delete 107 --dry-run",
    "email edit 107 --subject 'Your pump'",
    "email fetch-body 107",
    "email forward 107 --to vera@example.org",
    "email link 107 case:42 --dry-run",
    "email list --inbox --unread --user ada",
    "email mark 107 --read --user ada",
    "email move 107 --folder Later --user ada",
    "email raw 107 > message.eml",
    "email reply 107 --text 'It is on its way.'",
    "email set 107 --team support --assigned-user ada",
    "email show 107",
    "email unlink 107 --dry-run",
    "event accept 12 --comment 'I bring the spare part.'",
    "event decline 12",
    "event export --all > ada.ics",
    "event list",
    "event show 12",
    "event tentative 12",
    "explain '<pump-1@foundry.example>'",
    "filter add bills --account support --body invoice --folder Bills",
    "filter list",
    "filter move bills --first",
    "filter remove bills",
    "filter retry 107",
    "filter set bills --active false",
    "filter show bills",
    "filter test --last 7d --filter bills",
    "folder add Bills --group --team support",
    "folder list",
    "folder remove Bills",
    "folder set Bills --name Invoices",
    "folder show Bills",
    "import old.mbox --account support --dry-run",
    "init",
    "notification list --unread --user ada",
    "notification read --all --user ada",
    "notify",
    "outbox drop 5",
    "outbox hold 5",
    "outbox list --held",
    "outbox mark-sent --restored --dry-run",
    "outbox release 5",
    "outbox retry 5",
    "outbox show 5",
    "quarantine drop 1 --dry-run",
    "quarantine list",
    "quarantine retry 1",
    "quarantine show 1",
    "record add contact 'Dora Example' --address dora@example.org",
    "record convert lead:1 --dry-run",
    "record delete contact:2 --dry-run",
    "record follow account:1 --user ada",
    "record list contact --search dora",
    "record merge contact:1 contact:2 --dry-run",
    "record set contact:1 --phone '+49 30 1234'",
    "record show contact:1",
    "record unfollow account:1 --user ada",
    "reprocess --filter bills --since 7d",
    "review accept 1",
    "review list",
    "review reject 1",
    "review show 1",
    "review split 1",
    "role add agents",
    "role give agents --team support",
    "role grant agents case read team",
    "role list",
    "role remove agents",
    "role show agents",
    "role take agents --team support",
    "send",
    "team add support",
    "team join support ada ben",
    "team leave support ben",
    "team list",
    "team remove support --dry-run",
    "team set support --name desk",
    "team show support",
    "template add received --subject 'We have got it' --file ack.txt",
    "template list",
    "template placeholders",
    "template preview received --email 107",
    "template remove received",
    "template set received --subject 'It is here'",
    "template show received",
    "test policies",
    "token list",
    "token make case:42 --account support",
    "token rotate",
    "user absence add ada --from 2026-12-24 --until 2026-12-27",
    "user absence list",
    "user absence remove 1",
    "user add ada --name 'Ada Example' --address ada@example.com",
    "user list",
    "user rights ada",
    "user set ada --notify-by-mail true",
    "user show ada",
];

/// Gives each command that has nothing behind its options an example.
pub fn with_examples(command: clap::Command) -> clap::Command {
    shown(command, "")
}

fn shown(command: clap::Command, path: &str) -> clap::Command {
    if command.has_subcommands() {
        return command.mut_subcommands(|inner| {
            let path = format!("{path}{} ", inner.get_name());
            shown(inner, &path)
        });
    }
    let command_of =
        |line: &&&str| line.strip_prefix(path.trim_end()).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    match EXAMPLES.iter().find(command_of).filter(|_| command.get_after_help().is_none()) {
        Some(line) => command.after_help(format!("Example: espomail {line}")),
        None => command,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::command_line;

    /// The commands with what is shown behind their options.
    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, String)>) {
        if command.has_subcommands() {
            return command.get_subcommands().for_each(|inner| leaves(inner, &format!("{path}{} ", inner.get_name()), found));
        }
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        found.push((path.trim().to_string(), help));
    }

    /// The words of a line as a shell has them.
    fn words(line: &str) -> Vec<String> {
        let line = line.split([' ', '\n']).take_while(|word| !["<", ">"].contains(word)).collect::<Vec<_>>().join(" ");
        let parts = line.split('\'').enumerate();
        parts
            .flat_map(|(at, part)| match at % 2 {
                0 => part.split_whitespace().map(ToString::to_string).collect(),
                _ => vec![part.to_string()],
            })
            .collect()
    }

    #[test]
    fn every_command_has_an_example_that_can_be_typed() {
        let mut found = Vec::new();
        leaves(&command_line(), "", &mut found);
        let without: Vec<&String> = found.iter().filter(|(_, help)| !help.contains("Example")).map(|(path, _)| path).collect();
        assert_eq!(without, [""; 0]);
        for line in EXAMPLES {
            let is_shown = |(_, help): &(String, String)| *help == format!("Example: espomail {line}");
            assert!(found.iter().any(is_shown), "{line}");
            let typed = words(&format!("espomail {line}"));
            if let Err(error) = command_line().try_get_matches_from(typed) {
                panic!("{line}: {error}");
            }
        }
    }
}
