//! espomail-filters(7): what filters ask and do. Its examples are run: those that begin with a name in a comment are files,
//! the others are what a person types.

use std::process::Command;

use crate::support::world::{Done, World};

const PAGE: &str = include_str!("../../man/espomail-filters.7");

/// Returns the examples as they are read: the name of the file, where it is one, and the text.
fn examples() -> Vec<(Option<String>, String)> {
    let blocks = PAGE.split(".EX\n").skip(1).map(|block| block.split(".EE\n").next().unwrap());
    let read = |block: &str| {
        let text = block.replace("\\-", "-").replace("\\e", "\\");
        match text.strip_prefix(".\\\" file: ").and_then(|text| text.split_once('\n')) {
            Some((name, text)) => (Some(name.to_string()), text.to_string()),
            None => (None, text),
        }
    };
    blocks.map(read).collect()
}

#[test]
fn filter_examples_of_the_manual_do_what_they_say() {
    let world = World::new();
    world.run(&["user", "add", "ada"]).ok();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--password-stdin"];
    world.run_with(&add, "hunter2\n").ok();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_espomail")).parent().unwrap();
    let mut typed = String::new();
    for (file, text) in examples() {
        match file.as_deref() {
            Some("config") => {
                let config = std::fs::read_to_string(world.config()).unwrap();
                world.write(&world.config(), &format!("{config}\n{text}"), 0o600);
            }
            Some(name) => world.write(&world.path(name), &text, 0o600),
            None => {
                let model = world.command(&[]);
                let mut shell = Command::new("sh");
                shell.args(["-ec", &text]).env_clear().current_dir(world.path("."));
                shell.envs(model.get_envs().filter_map(|(name, value)| Some((name, value?))));
                shell.env("PATH", format!("{}:/usr/bin:/bin", program.display()));
                typed += &Done::of(&mut shell, "").ok();
            }
        }
    }
    for part in ["fileinto \"Billing\";", "  matches bills", "  matches serials"] {
        // A message without files is no bill.
        assert_eq!(typed.contains(part), part != "  matches bills", "{part}: {typed}");
    }
    let listed = world.json(&["filter", "list"]);
    assert_eq!(listed["items"].as_array().unwrap().len(), 7, "{listed}");
}
