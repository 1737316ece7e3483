//! To change a file that the program trusts: the configuration names commands, a key opens passwords, a command is run.

use std::fs::{Permissions, create_dir, rename, set_permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use crate::support::office::own_uid;
use crate::support::smtp::{Manners, SmtpSink};
use crate::support::world::World;

fn chmod(path: &Path, mode: u32) {
    set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// The command fails with 77 and says what to type about this path; typed, it works.
#[track_caller]
fn is_refused(world: &World, arguments: &[&str], path: &Path, what: &str) {
    let line = world.run(arguments).fails(77);
    assert!(line.contains(what), "{line}");
    assert!(line.ends_with(&format!("; try: chmod go-w {}", path.display())), "{line}");
}

#[test]
fn access_4_a_configuration_that_others_may_write_is_not_heeded() {
    let world = World::new();
    let config = world.config();
    for (mode, who) in [(0o620, "its group"), (0o602, "others"), (0o666, "others"), (0o664, "its group")] {
        chmod(&config, mode);
        for command in [&["account", "list"][..], &["fetch"], &["config", "show"], &["config", "check"], &["db", "status"]] {
            is_refused(&world, command, &config, &format!("the configuration {} can be written by {who}", config.display()));
        }
    }
    chmod(&config, 0o644);
    world.run(&["account", "list"]).ok();
}

#[test]
fn access_4_a_folder_that_others_may_write_is_as_bad_as_the_file() {
    let world = World::new();
    let config = world.config();
    for folder in [config.parent().unwrap(), world.path(".config").as_path()] {
        for mode in [0o775, 0o757, 0o777] {
            chmod(folder, mode);
            is_refused(
                &world,
                &["account", "list"],
                folder,
                &format!("the configuration {}: {}", config.display(), folder.display()),
            );
        }
        // As in /tmp, nobody else can put another file there.
        chmod(folder, 0o1777);
        world.run(&["account", "list"]).ok();
        chmod(folder, 0o755);
    }
}

#[test]
fn access_4_a_symbolic_link_is_looked_at_from_both_ends() {
    let world = World::new();
    let (config, real) = (world.config(), world.path("real"));
    create_dir(&real).unwrap();
    rename(&config, real.join("config.toml")).unwrap();
    symlink("../../real/config.toml", &config).unwrap();
    let text = std::fs::read_to_string(real.join("config.toml")).unwrap();
    let key = config.with_file_name("espomail.key");
    world.write(&real.join("config.toml"), &text.replace("espomail.key", key.to_str().unwrap()), 0o600);
    world.run(&["account", "list"]).ok();
    chmod(&real, 0o777);
    is_refused(&world, &["account", "list"], &real, "can be written by others");
    chmod(&real, 0o755);
    // Where the link stands, somebody could put another one.
    let folder = config.parent().unwrap();
    chmod(folder, 0o775);
    is_refused(&world, &["account", "list"], folder, "can be written by its group");
    chmod(folder, 0o755);
    // A ring of links is left to who opens it.
    std::fs::remove_file(&config).unwrap();
    symlink("config.toml", &config).unwrap();
    assert!(world.run(&["account", "list"]).fails(78).contains("cannot read the configuration"));
}

#[test]
fn access_4_a_database_that_others_may_write_is_not_opened() {
    let world = World::new();
    let database = world.database();
    for name in ["espomail.sqlite", "espomail.sqlite-wal", "espomail.sqlite-shm", "espomail.sqlite-journal"] {
        let file = database.with_file_name(name);
        if !file.exists() {
            world.write(&file, "", 0o600);
        }
        chmod(&file, 0o660);
        for command in [&["account", "list"][..], &["db", "status"], &["fetch"], &["send"], &["config", "check"]] {
            is_refused(&world, command, &file, "the database");
        }
        chmod(&file, 0o600);
        world.run(&["account", "list"]).ok();
    }
    // One that is named on the command line, too.
    let other = world.path("other/espomail.sqlite");
    world.write(&other, "", 0o600);
    chmod(other.parent().unwrap(), 0o777);
    let url = format!("sqlite:{}", other.display());
    is_refused(&world, &["--database", &url, "db", "status"], other.parent().unwrap(), "the database");
}

#[test]
fn access_4_init_makes_nothing_where_others_could_change_it() {
    let world = World::empty();
    for mode in [0o777, 0o775] {
        let folder = world.path("open");
        std::fs::create_dir_all(&folder).unwrap();
        chmod(&folder, mode);
        let config = folder.join("config.toml");
        is_refused(&world, &["-c", config.to_str().unwrap(), "init"], &folder, "the configuration");
        let url = format!("sqlite:{}", folder.join("x.sqlite").display());
        is_refused(&world, &["init", "--database", &url], &folder, "the database");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "nothing was made");
        assert!(!world.config().exists());
    }
    // Whatever the umask, what it makes is its owner's alone.
    let mut command = std::process::Command::new("sh");
    let init = world.command(&["init"]);
    command.args(["-c", "umask 0; exec \"$0\" init"]).arg(init.get_program()).env_clear();
    command.envs(init.get_envs().filter_map(|(name, value)| Some((name, value?))));
    crate::support::world::Done::of(&mut command, "").ok();
    world.run(&["account", "list"]).ok();
    for name in ["config.toml", "espomail.key", "espomail.sqlite"] {
        let mode = std::fs::metadata(world.config().with_file_name(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
}

fn script(world: &World, name: &str, text: &str) -> PathBuf {
    let file = world.path(name);
    world.write(&file, text, 0o755);
    file
}

/// An account whose password a command prints, and what came of a test of it.
fn password_by(world: &World, port: u16, command: &[&str]) {
    // Of the turn before, if there was one.
    let _ = world.run(&["account", "remove", "out"]);
    let (port, fixed) = (port.to_string(), ["account", "add", "out", "--address", "out@example.com", "--imap-host", "127.0.0.1"]);
    let smtp = ["--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-security", "plain", "--password-command"];
    world.run(&[&fixed[..], &smtp, command].concat()).ok();
}

#[test]
fn access_4_a_command_that_others_may_write_is_not_run() {
    let mut world = World::new();
    let sink = SmtpSink::start(Manners::default());
    let folder = world.path("bin");
    let good = "#!/bin/sh\necho hunter2\n";
    let program = script(&world, "bin/secret", good);
    let path = program.to_str().unwrap();
    let test = ["account", "test", "out", "--smtp"];
    world.set("PATH", &format!("{}:/usr/bin:/bin", folder.display()));
    let interpreted = script(&world, "bin/lines", "echo hunter2\n");
    let by_own = script(
        &world,
        "bin/own",
        &format!("#!{} -e\necho hunter2\n", script(&world, "bin/interpreter", "#!/bin/sh\nexec sh \"$@\"\n").display()),
    );
    script(&world, "bin/env-own", "#!/usr/bin/env interpreter\necho hunter2\n");
    for (command, trusted) in [
        (vec![path], &program),
        // By the folders of PATH, by a path from here, through others.
        (vec!["secret"], &program),
        (vec!["bin/secret"], &program),
        (vec!["env", "secret"], &program),
        (vec!["sh", interpreted.to_str().unwrap()], &interpreted),
        (vec![by_own.to_str().unwrap()], &world.path("bin/interpreter")),
        (vec!["env-own"], &world.path("bin/interpreter")),
    ] {
        password_by(&world, sink.port, &command);
        let worked = world.run(&test);
        assert_ne!(worked.status, Some(77), "{command:?}: {}", worked.stderr);
        for mode in [0o775, 0o757] {
            chmod(trusted, mode);
            is_refused(&world, &test, trusted, "can be written by");
            chmod(trusted, 0o755);
            chmod(&folder, mode);
            is_refused(&world, &test, &folder, "can be written by");
            chmod(&folder, 0o755);
        }
    }
}

#[test]
fn access_4_keys_password_files_and_authorities_are_looked_at_too() {
    let world = World::new();
    let folder = world.path("keys");
    let file = folder.join("password");
    world.write(&file, "hunter2\n", 0o600);
    let sink = SmtpSink::start(Manners::default());
    let (port, path) = (sink.port.to_string(), file.display().to_string());
    let fixed = ["account", "add", "out", "--address", "out@example.com", "--imap-host", "127.0.0.1", "--password-file", &path];
    world.run(&[&fixed[..], &["--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-security", "plain"]].concat()).ok();
    let test = ["account", "test", "out", "--smtp"];
    chmod(&folder, 0o777);
    is_refused(&world, &test, &folder, "the secret");
    chmod(&folder, 0o755);
    // The key of stored passwords.
    let key = world.config().with_file_name("espomail.key");
    let elsewhere = folder.join("espomail.key");
    rename(&key, &elsewhere).unwrap();
    symlink(&elsewhere, &key).unwrap();
    chmod(&folder, 0o775);
    is_refused(&world, &["token", "rotate"], &folder, "the secret");
    chmod(&folder, 0o755);
    world.run(&["token", "rotate"]).ok();
}

#[test]
fn access_4_a_filters_command_that_others_may_write_is_not_run() {
    let world = World::new();
    let made = world.path("made");
    let program = script(&world, "hooks/ticket", &format!("#!/bin/sh\ncat > {}\n", made.display()));
    let config = std::fs::read_to_string(world.config()).unwrap();
    world.write(&world.config(), &format!("{config}\n[filters.commands]\nticket = [\"{}\"]\n", program.display()), 0o600);
    world.run(&["filter", "add", "f", "--global", "--subject", "pump*", "--run", "ticket"]).ok();
    let mail = "From: dora@example.org\r\nTo: support@example.com\r\nSubject: pump\r\nMessage-ID: <1@example.org>\r\n\r\nhi\r\n";
    let account = [
        "account",
        "add",
        "support",
        "--address",
        "support@example.com",
        "--imap-host",
        "127.0.0.1",
        "--password-credential",
        "x",
    ];
    world.run(&account).ok();
    world.run(&["account", "disable", "support"]).ok();
    world.run_with(&["deliver", "--account", "support"], mail).ok();
    chmod(&program, 0o777);
    for _ in 0..3 {
        is_refused(&world, &["fetch"], &program, "filters.commands.ticket");
    }
    assert!(!made.exists());
    // Nothing is lost by it.
    chmod(&program, 0o755);
    world.run(&["fetch"]).ok();
    assert!(made.exists());
}

#[test]
fn access_4_config_check_says_all_of_it_at_once() {
    let world = World::new();
    let files: Vec<PathBuf> =
        ["hook", "secret", "smtp-secret"].map(|name| script(&world, &format!("bin/{name}"), "#!/bin/sh\necho x\n")).into();
    let password = world.path("keys/password");
    world.write(&password, "x\n", 0o600);
    let authority = world.path("keys/ca.pem");
    world.write(&authority, "", 0o644);
    let config = std::fs::read_to_string(world.config()).unwrap();
    let hook = format!("ticket = [\"/bin/sh\", \"-c\", \"exec {}; true\"]", files[0].display());
    world.write(&world.config(), &format!("{config}\n[filters.commands]\n{hook}\n"), 0o600);
    let fixed = ["account", "add"];
    let (one, two) = (files[1].to_str().unwrap(), files[2].to_str().unwrap());
    let ca = authority.to_str().unwrap();
    world
        .run(
            &[
                &fixed[..],
                &["a", "--address", "a@example.com", "--imap-host", "127.0.0.1", "--ca-file", ca, "--password-command", one],
            ]
            .concat(),
        )
        .ok();
    let more = ["b", "--address", "b@example.com", "--imap-host", "127.0.0.1", "--password-file", password.to_str().unwrap()];
    world.run(&[&fixed[..], &more, &["--smtp-host", "127.0.0.1", "--smtp-password-command", two]].concat()).ok();
    world.run(&["config", "check"]).ok();
    let key = world.config().with_file_name("espomail.key");
    for file in files.iter().chain([&password, &authority, &key, &world.config()]) {
        chmod(file, 0o722);
    }
    let done = world.run(&["config", "check"]);
    assert_eq!(done.status, Some(77), "{}", done.stderr);
    for file in files.iter().chain([&password, &authority, &key, &world.config()]) {
        assert!(
            done.stderr.lines().any(|line| line.contains(&file.display().to_string()) && line.contains("; try: chmod ")),
            "{}",
            done.stderr
        );
    }
    assert_eq!(done.stderr.lines().count(), 7, "{}", done.stderr);
}

#[test]
fn access_4_a_file_of_another_account_is_not_trusted() {
    if own_uid() != 0 {
        // Only root can give files away.
        return;
    }
    let world = World::new();
    // Root looks after the service account's configuration and database.
    for path in [world.config(), world.database(), world.config().with_file_name("espomail.key")] {
        chown(path, Some(4711), None).unwrap();
    }
    chown(world.config().parent().unwrap(), Some(4711), None).unwrap();
    world.run(&["account", "list"]).ok();
    world.run(&["config", "check"]).ok();
    // A third one's database or folder is not.
    chown(world.database(), Some(4712), None).unwrap();
    let line = world.run(&["account", "list"]).fails(77);
    assert!(line.contains("belongs to another account (uid 4712); try: chown 0 "), "{line}");
    chown(world.database(), Some(0), None).unwrap();
    chown(world.path(".config"), Some(4712), None).unwrap();
    assert!(world.run(&["account", "list"]).fails(77).contains("belongs to another account (uid 4712)"));
    chown(world.path(".config"), Some(0), None).unwrap();
    // In a folder like /tmp, a link of somebody else leads where they want.
    let shared = world.path("shared");
    create_dir(&shared).unwrap();
    chmod(&shared, 0o1777);
    let link = shared.join("config.toml");
    symlink(world.config(), &link).unwrap();
    let list = ["-c", link.to_str().unwrap(), "account", "list"];
    world.run(&list).ok();
    std::os::unix::fs::lchown(&link, Some(4712), None).unwrap();
    assert!(world.run(&list).fails(77).contains("belongs to another account (uid 4712)"));
}
