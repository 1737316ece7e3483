//! `man/` is generated from the command line's own definitions. `make man` writes it; this test fails when it is stale.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

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
    let wanted = pages(generated.path());
    assert!(wanted.contains_key("espomail.1") && wanted.contains_key("espomail-account-add.1"), "{:?}", wanted.keys());

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
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
