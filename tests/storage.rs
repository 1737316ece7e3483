//! Raw bytes outside the database: written before the commit that names them, read by their digest, deleted behind the commit that
//! forgets them, moved while all else goes on. Through the real binary.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::dovecot::{self, PASSWORD};
use crate::support::s3::{self, Harm, S3};
use crate::support::world::{Done, World};

fn line(world: &World, line: &str) -> Done {
    world.run_with(&line.split(' ').collect::<Vec<_>>(), "hunter2\n")
}

fn mail(from: &str, id: &str) -> String {
    let words = "It leaks at the lower valve. ".repeat(9);
    format!("From: {from}\nTo: support@example.com\nSubject: About {id}\nMessage-ID: <{id}>\n\n{words} {id}\n")
        .replace('\n', "\r\n")
}

fn deliver(world: &World, from: &str, id: &str) -> Done {
    world.run_with(&["deliver", "--account", "support"], &mail(from, id))
}

fn configure(world: &World, table: &str) {
    let config = std::fs::read_to_string(world.config()).unwrap();
    let before = config.split("\n[storage]").next().unwrap();
    std::fs::write(world.config(), format!("{before}\n{table}")).unwrap();
}

/// A world with an account and a folder that new bytes go to.
fn office(database: &str) -> (World, PathBuf) {
    let world = World::on(database);
    let folder = world.path("objects");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    line(&world, "account add support --address support@example.com --imap-host imap.example.com --password-stdin").ok();
    configure(&world, &format!("[storage]\nurl = \"file://{}\"\n", folder.display()));
    (world, folder)
}

/// The objects that are there, in order.
fn objects(folder: &Path) -> Vec<PathBuf> {
    let below = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let shards = below(folder).into_iter().filter(|own| !own.ends_with("probe")).flat_map(|own| below(&own));
    let mut found: Vec<PathBuf> = shards.flat_map(|shard| below(&shard)).collect();
    found.sort();
    found
}

/// The object of a message.
fn object(folder: &Path, from: &str, id: &str) -> PathBuf {
    let digest = blake3::hash(mail(from, id).as_bytes()).to_hex().to_string();
    objects(folder).into_iter().find(|path| path.display().to_string().contains(&digest)).unwrap()
}

fn messages(world: &World) -> Value {
    let shown = world.json(&["storage", "show"]);
    shown["items"].as_array().unwrap().iter().map(|one| one["messages"].clone()).collect()
}

const DORA: &str = "dora@example.org";
const EVE: &str = "eve@example.net";

#[test]
fn raw_bytes_lie_where_the_configuration_says_and_are_what_was_written() {
    for database in ["sqlite", "postgresql"] {
        let (world, folder) = office(database);
        assert!(world.run(&["config", "check"]).ok().contains("sound"), "{database}");
        for (from, id) in [(DORA, "a"), (EVE, "b")] {
            deliver(&world, from, id).ok();
        }
        // DUP-2: the same bytes are there once.
        deliver(&world, DORA, "a").ok();
        assert_eq!((objects(&folder).len(), messages(&world)), (2, json!([0, 2])), "{database}");
        assert_eq!(world.run(&["email", "raw", "1"]).ok(), mail(DORA, "a"));
        world.run(&["doctor", "--prove", "--deep"]).ok();

        // What is in the place of an object is an error that names it, and never another's mail.
        let (a, b) = (object(&folder, DORA, "a"), object(&folder, EVE, "b"));
        let whole = std::fs::read(&a).unwrap();
        // As long, and another message.
        let other = zstd::bulk::compress(mail(DORA, "z").as_bytes(), 1).unwrap();
        for wrong in [other, std::fs::read(&b).unwrap(), whole[..whole.len() / 2].to_vec(), Vec::new(), vec![7; 100]] {
            std::fs::write(&a, wrong).unwrap();
            let said = world.run(&["email", "raw", "1"]).fails(74);
            assert!(said.contains(a.file_name().unwrap().to_str().unwrap()), "{database}: {said}");
        }
        let said = world.run(&["doctor", "--prove", "--deep"]).stdout;
        assert!(said.contains("digests: raw 1"), "{database}: {said}");
        std::fs::remove_file(&a).unwrap();
        for command in [&["doctor", "--prove"][..], &["storage", "check"]] {
            let done = world.run(command);
            assert!(done.status == Some(1) && done.stdout.contains("raw 1"), "{database}: {done:?}");
        }
        let checked = world.run(&["status", "--check"]).stdout;
        assert!(checked.contains("1 raw message was not where they lie at the last look: espomail storage check"), "{checked}");
        assert!(checked.starts_with("ESPOMAIL CRITICAL") && checked.contains("storage_down=0;1;1;0"), "{checked}");
        let shown = world.run(&["email", "show", "1"]);
        assert!(shown.status == Some(0) && shown.stderr.contains("as the database remembers it"), "{database}: {shown:?}");
        std::fs::write(&a, whole).unwrap();
        assert_eq!(world.run(&["email", "raw", "2"]).ok(), mail(EVE, "b"));

        // Where the storage is not there, nothing is taken in and nothing is lost.
        let away = world.path("away");
        std::fs::rename(&folder, &away).unwrap();
        let said = deliver(&world, EVE, "c").fails(75);
        assert!(said.contains("storage file://") && said.contains("is its disk mounted"), "{database}: {said}");
        world.run(&["email", "raw", "1"]).fails(69);
        assert_eq!(world.run(&["email", "show", "1"]).status, Some(0));
        assert!(!folder.exists(), "nobody makes it anew");
        let checked = world.run(&["status", "--check"]).stdout;
        assert!(checked.contains("is its disk mounted") && checked.contains("storage_down=1;1;1;0"), "{checked}");
        assert!(world.run(&["doctor", "--offline"]).stdout.contains("storage"), "{database}");
        // Where a disk is not mounted there is an empty folder.
        mount_point(&folder);
        let said = deliver(&world, EVE, "c").fails(75);
        assert!(said.contains("is its disk mounted") && said.contains("mkdir -m 700"), "{database}: {said}");
        world.run(&["email", "raw", "1"]).fails(69);
        assert!(world.run(&["doctor", "--offline"]).stdout.contains("is its disk mounted"), "{database}");
        assert!(world.run(&["status", "--check"]).stdout.contains("is its disk mounted"), "{database}");
        assert!(objects(&folder).is_empty(), "{database}: nothing is put where the disk will hide it");
        std::fs::remove_dir_all(&folder).unwrap();
        std::fs::rename(&away, &folder).unwrap();
        deliver(&world, EVE, "c").ok();
        world.run(&["doctor", "--prove", "--deep"]).ok();
        renamed(&world, &folder);
        deletions(database, world, &folder);
    }
}

/// A folder that was moved is believed once everything was seen there.
fn renamed(world: &World, folder: &Path) {
    let (old, new) = (format!("file://{}", folder.display()), format!("file://{}", world.path("renamed").display()));
    let rename = |options: &[&str]| world.run(&[&["storage", "rename"], options].concat());
    assert!(rename(&[&old, &new]).fails(64).contains("names no storage"));
    configure(world, &format!("[storage]\nurl = \"{new}\"\n[[storage.also]]\nurl = \"{old}\"\n"));
    assert!(rename(&[&old, &new]).fails(65).contains("may be in use there"));
    configure(world, &format!("[storage]\nurl = \"{new}\"\n"));
    assert!(world.run(&["email", "raw", "1"]).fails(78).contains("espomail storage rename file://"));
    // Nobody moved it yet; and where something comes before the two are known to be one.
    mount_point(&world.path("renamed"));
    assert!(rename(&[&old, &new]).fails(69).contains("is its disk mounted"));
    deliver(world, EVE, "e").ok();
    assert!(rename(&[&old, &new]).fails(65).contains("3 of 3 messages are not in"));
    let own = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).find(|own| !own.ends_with("probe")).unwrap();
    let moved = world.path("renamed").join(own.file_name().unwrap());
    for shard in std::fs::read_dir(&own).unwrap().map(|entry| entry.unwrap()) {
        std::fs::create_dir_all(moved.join(shard.file_name())).unwrap();
        for object in std::fs::read_dir(shard.path()).unwrap().map(|entry| entry.unwrap()) {
            std::fs::rename(object.path(), moved.join(shard.file_name()).join(object.file_name())).unwrap();
        }
    }
    rename(&[&old, &new, "--dry-run"]).ok();
    assert_eq!(messages(world), json!([0, 3, 1]));
    assert!(rename(&["file:///nowhere", &new]).fails(65).contains(&old));
    let said = rename(&[&old, &new]).ok();
    assert!(said.ends_with("from now on, with 3 messages.\n"), "{said}");
    assert_eq!(messages(world), json!([0, 4]));
    world.run(&["doctor", "--prove", "--deep"]).ok();
    assert!(world.run(&["audit", "list"]).ok().contains("storage rename"));
    // One that is lost: only by its owner's word.
    std::fs::rename(folder.join("probe"), world.path("renamed/probe")).unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    std::fs::rename(world.path("renamed"), folder).unwrap();
    configure(world, &format!("[storage]\nurl = \"{old}\"\n"));
    let lost = object(folder, EVE, "e");
    std::fs::rename(&lost, world.path("lost")).unwrap();
    assert!(rename(&[&new, &old]).fails(65).contains("1 of 4 messages are not in"));
    assert!(rename(&[&new, &old, "--anyway"]).ok().contains("Missing: 1."));
    std::fs::rename(world.path("lost"), &lost).unwrap();
    world.run(&["storage", "check"]).ok();
    world.run(&["email", "delete", "4"]).ok();
    world.run(&["prune"]).ok();
}

fn mount_point(folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
}

/// What is forgotten is deleted, and what a pass left that died.
fn deletions(database: &str, mut world: World, folder: &Path) {
    world.run(&["email", "delete", "2"]).ok();
    assert_eq!(objects(folder).len(), 3, "{database}: not before the commit");
    world.run(&["storage", "check"]).ok();
    // The same comes again, and is another object.
    let b = object(folder, EVE, "b");
    // Nor is anything deleted where the disk is not mounted.
    let away = world.path("away");
    std::fs::rename(folder, &away).unwrap();
    mount_point(folder);
    assert_ne!(world.run(&["prune"]).status, Some(0), "{database}");
    std::fs::remove_dir_all(folder).unwrap();
    std::fs::rename(&away, folder).unwrap();
    world.run(&["prune"]).ok();
    assert!(!b.exists() && objects(folder).len() == 2, "{database}");
    world.run(&["person", "erase", DORA]).ok();
    assert_eq!(objects(folder).len(), 1, "{database}: erased at once");
    world.run(&["doctor", "--prove", "--deep"]).ok();

    // What a filter skips lies there, too, as long as it is kept, and is read from there.
    line(&world, "filter add sk --account support --from skip@* --skip").ok();
    deliver(&world, "skip@example.net", "s").ok();
    let uid = world.json(&["fate", "list", "--filter", "sk"])["items"][0]["uid"].to_string();
    let place = format!("support/(delivered)/{uid}");
    assert_eq!((objects(folder).len(), world.run(&["fate", "raw", &place]).ok()), (2, mail("skip@example.net", "s")));
    assert!(world.run(&["fate", "retry", "--all"]).ok().contains("1 filtered"), "{database}");
    assert_eq!(objects(folder).len(), 2, "{database}: it is the same");
    let storage = world.json(&["status"])["storage"].clone();
    let told = (&storage["to_move"], &storage["to_delete"], &storage["missing"], &storage["unreached"]);
    assert_eq!(told, (&json!(0), &json!(0), &json!(0), &json!([])), "{storage}");
    world.run(&["fate", "drop", "--all"]).ok();
    assert_eq!(world.json(&["status"])["storage"]["to_delete"], 1, "{database}");
    world.run(&["prune"]).ok();
    assert_eq!(objects(folder).len(), 1, "{database}");

    // It dies between the object and the commit.
    world.set("ESPOMAIL_DIE_AT_STEP", "2");
    assert_eq!(deliver(&world, EVE, "d").status, None, "{database}");
    world.set("ESPOMAIL_DIE_AT_STEP", "0");
    deliver(&world, EVE, "d").ok();
    assert_eq!((objects(folder).len(), messages(&world)), (3, json!([0, 2])), "{database}");
    world.run(&["storage", "check", "--delete"]).ok();
    assert_eq!(objects(folder).len(), 3, "{database}: it may be one that is about to be named");
    // Or while it is written.
    let half = object(folder, EVE, "d").with_file_name(format!("{}-{:016x}.part", blake3::hash(b"half").to_hex(), 7));
    let half = folder
        .join(half.parent().unwrap().parent().unwrap())
        .join(&blake3::hash(b"half").to_hex()[..2])
        .join(half.file_name().unwrap());
    std::fs::create_dir_all(half.parent().unwrap()).unwrap();
    std::fs::write(&half, "From: dora").unwrap();
    world.set("ESPOMAIL_NOW", "2036-01-01T00:00:00Z");
    world.run(&["storage", "check", "--delete"]).ok();
    assert_eq!(objects(folder).len(), 2, "{database}");
    world.run(&["doctor", "--prove", "--deep"]).ok();
    moves(database, world, folder);
}

/// All goes into the database and back, whatever kills it.
fn moves(database: &str, mut world: World, folder: &Path) {
    line(&world, "account set support --smtp-host smtp.example.com --shared").ok();
    line(&world, "email compose --from support@example.com --to eve@example.net --subject Plan --text Here. --queue").ok();
    let shares = messages(&world);
    assert_eq!(shares, json!([1, 2]), "{database}: a letter of ours is in the database");
    let would = world.json(&["storage", "move", "--to", "database", "--dry-run"]);
    assert_eq!((&would["messages"], messages(&world)), (&json!(2), shares), "{database}");
    for (to, end) in [("database", json!([3, 0])), ("", json!([1, 2]))] {
        let command: Vec<&str> = if to.is_empty() { vec!["storage", "move"] } else { vec!["storage", "move", "--to", to] };
        for step in 1..=3 {
            world.set("ESPOMAIL_DIE_AT_STEP", &step.to_string());
            let died = world.run(&command);
            world.set("ESPOMAIL_DIE_AT_STEP", "0");
            // Where an earlier run has come to the end, there is one step less.
            assert!(died.status.is_none() || step == 3, "{database}: {died:?}");
            world.run(&["doctor", "--prove", "--deep"]).ok();
        }
        world.run(&command).ok();
        assert_eq!(messages(&world), end, "{database}: what is not sent stays");
        world.run(&["storage", "check", "--delete"]).ok();
        let held = usize::try_from(end[1].as_i64().unwrap()).unwrap();
        assert_eq!(objects(folder).len(), held, "{database}");
        world.run(&["doctor", "--prove", "--deep"]).ok();
    }
    let audit = world.json(&["audit", "list"]).to_string();
    assert!(audit.contains("storage move") && audit.contains("begun"), "{audit}");
}

#[test]
fn filter_7_what_is_kept_and_cannot_be_read_holds_up_no_other() {
    for database in ["sqlite", "postgresql"] {
        let (world, folder) = office(database);
        line(&world, "filter add sk --account support --from skip@* --skip").ok();
        let skip = "skip@example.net";
        for id in ["s1", "s2", "s3", "s4"] {
            deliver(&world, skip, id).ok();
        }
        line(&world, "filter remove sk").ok();
        // One whose object is gone, one whose row has lost its bytes.
        std::fs::remove_file(object(&folder, skip, "s2")).unwrap();
        world.sql("UPDATE raws SET storage_id = NULL, upload = NULL WHERE id = 3");
        let looked = line(&world, "reprocess --filter sk");
        assert!(looked.stdout.contains("would be taken again: 2 imported"), "{database}: {looked:?}");
        assert_eq!(looked.status, Some(74), "{database}");
        let away = world.path("away");
        std::fs::rename(&folder, &away).unwrap();
        line(&world, "fate retry --all").fails(69);
        std::fs::rename(&away, &folder).unwrap();
        let taken = line(&world, "fate retry --all");
        for part in
            ["2 messages that are kept here were taken again: 2 imported", " 2 messages that are kept here stay as they are.\n"]
        {
            assert!(taken.stdout.contains(part), "{database}: {taken:?}");
        }
        assert_eq!(taken.status, Some(74), "{database}");
        let said = taken.stderr;
        assert!(said.contains("UID 2: file://") && said.contains("there is no such object"), "{database}: {said}");
        assert!(said.contains("UID 3: row 3 of the database: "), "{database}: {said}");
        // Nor does an e-mail.
        std::fs::remove_file(object(&folder, skip, "s1")).unwrap();
        let looked = line(&world, "reprocess --all");
        assert!(looked.stdout.contains("0 of 2 e-mails would change"), "{database}: {looked:?}");
        assert!(looked.fails(65).contains("e-mail 1 stays as it is: "), "{database}");
        // Nor what is in quarantine.
        world.sql(
            "INSERT INTO quarantine (id, position_id, uid, raw_id, error, created_at, tries)
             SELECT 90 + uid, position_id, uid, raw_id, 'odd', 0, 0 FROM skipped_raws",
        );
        let said = line(&world, "reprocess --quarantine").ok();
        assert!(["message 92 stays in", "message 93 stays in"].iter().all(|part| said.contains(part)), "{database}: {said}");
    }
}

#[test]
fn a_storage_that_the_configuration_does_not_name_is_said_and_a_wrong_one_is_refused() {
    let (world, folder) = office("sqlite");
    deliver(&world, DORA, "a").ok();
    configure(&world, "[storage]\n");
    let said = world.run(&["email", "raw", "1"]).fails(78);
    assert!(said.contains("which the configuration does not name"), "{said}");
    assert!(world.run(&["doctor", "--offline"]).stdout.contains("does not name it"));
    configure(&world, &format!("[storage]\n[[storage.also]]\nurl = \"file://{}\"\n", folder.display()));
    assert_eq!(world.run(&["email", "raw", "1"]).ok(), mail(DORA, "a"));
    deliver(&world, DORA, "b").ok();
    assert_eq!(messages(&world), json!([1, 1]));
    for (url, status) in [("file://relative", 78), ("ftp://x/y", 78), ("file:///", 78)] {
        configure(&world, &format!("[storage]\nurl = \"{url}\"\n"));
        world.run(&["config", "check"]).fails(status);
    }
    configure(&world, &format!("[storage]\nurl = \"file://{}\"\n", folder.display()));
    std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert!(world.run(&["config", "check"]).fails(77).contains("chmod 700"));
}

#[test]
fn a_bucket_keeps_what_is_written_and_its_faults_lose_nothing() {
    let server = S3::start();
    let (mut world, folder) = office("sqlite");
    let secret = world.path("secret");
    world.write(&secret, &format!("{}\n", s3::SECRET_KEY), 0o600);
    let bucket = |name: &str, key: &str| {
        format!(
            "[storage]\nurl = \"s3://{name}/espomail\"\nregion = \"{}\"\nendpoint = \"http://127.0.0.1:{}\"\naccess-key = \"{key}\"\n\
             secret-key-file = \"{}\"\ntimeout = 20\n\n[[storage.also]]\nurl = \"file://{}\"\n",
            s3::REGION,
            server.port,
            secret.display(),
            folder.display()
        )
    };
    configure(&world, &bucket(s3::BUCKET, s3::ACCESS_KEY));
    assert!(world.run(&["config", "check"]).ok().contains("sound"));
    assert!(server.objects().is_empty(), "the probe is gone");
    for id in ["a", "b", "c"] {
        deliver(&world, DORA, id).ok();
    }
    assert_eq!((server.objects().len(), messages(&world)), (3, json!([0, 3])));
    assert_eq!(world.run(&["email", "raw", "1"]).ok(), mail(DORA, "a"));

    // What passes by itself is asked again.
    server.harm(&[Harm::Status(503, "SlowDown"), Harm::Status(500, "InternalError"), Harm::Cut]);
    assert_eq!(world.run(&["email", "raw", "1"]).ok(), mail(DORA, "a"));
    assert_eq!(server.asked().len(), 4);
    server.harm(&[Harm::Silent]);
    deliver(&world, DORA, "d").ok();
    world.run(&["doctor", "--prove", "--deep"]).ok();
    // What does not is said, and nothing is taken in.
    server.harm(&[Harm::Status(503, "SlowDown"); 4]);
    let said = deliver(&world, DORA, "e").fails(75);
    assert!(said.contains("HTTP 503 (SlowDown)") && !said.contains(s3::SECRET_KEY), "{said}");
    for (name, key, why) in
        [(s3::BUCKET, "AKIAOTHER", "403 (SignatureDoesNotMatch)"), ("other", s3::ACCESS_KEY, "404 (NoSuchBucket)")]
    {
        configure(&world, &bucket(name, key));
        let said = world.run(&["config", "check"]).fails(78);
        assert!(said.contains(why) && !said.contains(s3::SECRET_KEY) && !said.contains("Signature="), "{said}");
    }
    configure(&world, &bucket(s3::BUCKET, s3::ACCESS_KEY));
    deliver(&world, DORA, "e").ok();

    // Another's bytes are an error.
    let digest = blake3::hash(mail(DORA, "a").as_bytes()).to_hex().to_string();
    let name = server.objects().into_iter().find(|name| name.contains(&digest)).unwrap();
    let moved = format!("file://{}", folder.display());
    world.run(&["storage", "move", "--to", &moved]).ok();
    assert_eq!((server.objects().len(), objects(&folder).len()), (0, 5));
    let whole = std::fs::read(object(&folder, DORA, "a")).unwrap();
    world.run(&["storage", "move"]).ok();
    assert_eq!((server.objects().len(), objects(&folder).len()), (5, 0));
    let again = server.objects().into_iter().find(|name| name.contains(&digest)).unwrap();
    assert_ne!(name, again, "a name is given once");
    server.replace(&again, b"(\xb5/\xfd\x04\x00");
    assert!(world.run(&["email", "raw", "1"]).fails(74).contains(&digest));
    let done = world.run(&["storage", "move", "--to", "database"]);
    assert!(done.status == Some(74) && done.stdout.contains("raw 1") && messages(&world)[1] == 1, "{done:?}");
    server.replace(&again, &whole);
    world.run(&["storage", "move", "--to", "database"]).ok();
    world.set("ESPOMAIL_NOW", "2036-01-01T00:00:00Z");
    world.run(&["storage", "check", "--delete"]).ok();
    assert_eq!((server.objects().len(), messages(&world)[0].clone()), (0, json!(5)));
    world.run(&["doctor", "--prove", "--deep"]).ok();
}

#[test]
fn a_pass_takes_nothing_in_while_the_storage_is_away_and_all_of_it_afterwards() {
    let (mut world, folder) = office("sqlite");
    let (user, port) = ("storage-away", dovecot::server().port.to_string());
    let mails: Vec<String> = ["a", "b", "c"].iter().map(|id| mail(DORA, id)).collect();
    dovecot::server().append(user, "INBOX", mails.iter().map(String::as_bytes));
    let server = format!("--imap-host 127.0.0.1 --imap-port {port} --imap-security plain --imap-user {user} --password-stdin");
    let add = format!("account add mailbox --address mailbox@example.com {server} --fetch-since 2026-01-01");
    world.run(&["account", "disable", "support"]).ok();
    world.run_with(&add.split(' ').collect::<Vec<_>>(), PASSWORD).ok();
    assert!(world.run(&["fetch", "--dry-run"]).status == Some(0) && objects(&folder).is_empty(), "a rehearsal writes nothing");
    let away = world.path("away");
    std::fs::rename(&folder, &away).unwrap();
    let said = world.run(&["fetch"]).fails(69);
    assert!(said.contains("is its disk mounted") && said.contains("espomail doctor"), "{said}");
    assert_eq!(world.json(&["fate", "list"])["items"], json!([]));
    std::fs::rename(&away, &folder).unwrap();
    // The account rests for a while, as behind every failure.
    world.set("ESPOMAIL_NOW", "2026-11-23T13:00:00Z");
    // It dies, and not three times, which would be the message's fault (FETCH-6).
    for step in [4, 5] {
        world.set("ESPOMAIL_DIE_AT_STEP", &step.to_string());
        let _ = world.run(&["fetch"]);
        world.set("ESPOMAIL_DIE_AT_STEP", "0");
    }
    assert_eq!(world.run(&["fetch"]).status, Some(0));
    assert_eq!((world.json(&["fate", "list"])["items"].as_array().unwrap().len(), messages(&world)), (3, json!([0, 3])));
    assert_eq!(world.run(&["email", "raw", "3"]).ok().replace("\r\n", "\n"), mails[2].replace("\r\n", "\n"));
    world.run(&["doctor", "--prove", "--deep"]).ok();
}
