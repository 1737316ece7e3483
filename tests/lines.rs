//! Lines on standard error for machines: objects, and priorities in the journal. Through the real binary.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::support::world::World;

#[test]
fn lines_of_the_log_are_objects_where_that_is_asked_for_and_have_priorities_in_the_journal() {
    let mut world = World::new();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--imap-port", "1"];
    world.run_with(&[&add[..], &["--imap-security", "plain", "--password-stdin"]].concat(), "hunter2\n").ok();
    let done = world.run(&["--log-format", "json", "-vv", "fetch"]);
    assert_eq!(done.status, Some(69));
    let lines: Vec<Value> = done.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let error = lines.iter().find(|line| line["level"] == "error").unwrap();
    assert_eq!(error["account"], "support");
    assert!(error["message"].as_str().unwrap().starts_with("account support: ") && error["time"].is_string(), "{error}");
    world.write(&world.path("old/a.eml"), "From: dora@example.org\r\nSubject: Pump\r\n\r\nIt leaks.\r\n", 0o600);
    let done = world.run(&["--log-format", "json", "-vv", "import", "--account", "support", world.path("old").to_str().unwrap()]);
    let lines: Vec<Value> = done.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(
        lines.iter().any(|line| line["level"] == "debug" && line["target"].as_str().unwrap().starts_with("espomail::")),
        "{done:?}"
    );
    // By the configuration, and also where that cannot be read to its end.
    let config = std::fs::read_to_string(world.config()).unwrap();
    world.write(&world.config(), &format!("{config}\n[log]\nformat = \"json\"\n"), 0o600);
    let line: Value = serde_json::from_str(&world.run(&["case", "show", "9"]).stderr).unwrap();
    assert_eq!(line["level"], "error");
    world.write(&world.config(), &format!("{config}\n[log]\nformat = \"xml\"\n"), 0o600);
    let line: Value = serde_json::from_str(&world.run(&["--log-format", "json", "case", "list"]).stderr).unwrap();
    assert!(line["message"].as_str().unwrap().contains("xml"), "{line}");
    world.write(&world.config(), &config, 0o600);
    // As the journal is told apart: by the file that standard error is.
    let (mut reader, writer) = std::io::pipe().unwrap();
    let about = std::fs::metadata(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&writer))).unwrap();
    for (stream, begins) in [(format!("{}:{}", about.dev(), about.ino()), "<3>espomail: "), ("1:1".to_string(), "espomail: ")] {
        let mut command = world.command(&["case", "show", "9"]);
        let stderr = Stdio::from(writer.try_clone().unwrap());
        command.env("JOURNAL_STREAM", stream).stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).status().unwrap();
        let mut said = vec![0; 4_096];
        let read = reader.read(&mut said).unwrap();
        let said = String::from_utf8_lossy(&said[..read]).into_owned();
        assert!(said.starts_with(begins), "{said}");
    }
    // Syslog gets the same lines, and the journal their fields; where it reads standard error, too, it gets each once.
    let sockets = ["syslog", "journal"].map(|name| (name, UnixDatagram::bind(world.path(name)).unwrap()));
    let keys = sockets.iter().map(|(name, _)| format!("{name} = {:?}\n", world.path(name))).collect::<String>();
    world.write(&world.config(), &format!("{config}\n[log]\n{keys}"), 0o600);
    let heard = |at: usize| {
        let mut said = vec![0; 16_384];
        sockets[at].1.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let read = sockets[at].1.recv(&mut said).unwrap();
        String::from_utf8_lossy(&said[..read]).into_owned()
    };
    world.set("ESPOMAIL_NOW", "2026-11-23T13:00:00Z");
    let line = world.run(&["fetch", "support"]).fails(69);
    let (words, fields) = (line.strip_prefix("espomail: ").unwrap(), heard(1));
    let syslog = heard(0);
    assert!(syslog.starts_with("<19>") && syslog.contains(" espomail[") && syslog.ends_with(&format!("]: {words}")), "{syslog}");
    let begins = "PRIORITY=3\nSYSLOG_IDENTIFIER=espomail\nSYSLOG_FACILITY=2\nESPOMAIL_ACCOUNT=support\n";
    assert!(fields.starts_with(begins) && fields.ends_with(&format!("MESSAGE={words}\n")), "{fields}");
    let mut command = world.command(&["case", "show", "9"]);
    let stderr = Stdio::from(writer.try_clone().unwrap());
    let stream = format!("{}:{}", about.dev(), about.ino());
    command.env("JOURNAL_STREAM", stream).stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).status().unwrap();
    assert!(heard(1).contains("MESSAGE=there is no case:9"));
    drop((writer, command));
    let mut said = String::new();
    reader.read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
}
