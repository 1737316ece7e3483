//! espomail-mail(7): how a message is read. Its examples are run, as a person types them, and each prints what stands below it.

use std::process::Command;

use crate::support::world::{Done, World};

const PAGE: &str = include_str!("../../man/espomail-mail.7");

#[test]
fn parse_11_the_example_of_the_manual_names_its_author() {
    let world = World::new();
    let example = PAGE.split(".EX\n").nth(1).unwrap().split(".EE\n").next().unwrap().replace("\\-", "-").replace("\\e", "\\");
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_espomail")).parent().unwrap();
    let model = world.command(&[]);
    let mut shell = Command::new("sh");
    shell.args(["-ec", &example]).env_clear().current_dir(world.path("."));
    shell.envs(model.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("PATH", format!("{}:/usr/bin:/bin", program.display()));
    let printed: serde_json::Value = serde_json::from_str(&Done::of(&mut shell, "").ok()).unwrap();
    assert_eq!(printed["message"]["from"][0]["address"], "dora@example.org");
    assert_eq!(printed["message"]["from"][0]["name"], "Example, Dora");
}

#[test]
fn parse_2_every_defect_stands_in_the_manual() {
    let rooms = ["parse", "structure", "text", "attachment"];
    for room in rooms {
        let code = std::fs::read_to_string(format!("{}/src/mail/{room}.rs", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let marks = code.split("mark(\"").chain(code.split("defects.push(\"")).skip(1);
        for defect in
            marks.filter_map(|rest| rest.split('"').next()).filter(|word| word.contains('-') && !word.contains([' ', '\n']))
        {
            assert!(PAGE.contains(&defect.replace('-', "\\-")), "{defect} of {room}.rs");
        }
    }
}
