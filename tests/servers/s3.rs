//! A server that speaks S3 as Amazon does, and that others wrote.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::ports::free_ports;
use crate::support::world::World;

/// A server that ends with the test.
struct Moto {
    port: u16,
    folder: tempfile::TempDir,
    process: Child,
}

impl Moto {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [port] = free_ports();
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/moto"));
        command.args(["run", &port.to_string()]).current_dir(folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0);
        let server = Self { port, folder, process: command.spawn().unwrap() };
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = || std::fs::read_to_string(server.folder.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "it does not answer:\n{}", log());
            std::thread::sleep(Duration::from_millis(100));
        }
        server
    }

    /// Asks something that needs no signature there, and returns the answer.
    fn ask(&self, method: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // The script ends what it began.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn deliver(world: &World, id: &str) {
    let mail = format!(
        "From: dora@example.org\r\nTo: support@example.com\r\nSubject: {id}\r\nMessage-ID: <{id}@example.org>\r\n\r\nIt leaks.\r\n"
    );
    world.run_with(&["deliver", "--account", "support"], &mail).ok();
}

#[test]
#[ignore = "make servers"]
fn a_bucket_of_moto_has_what_was_written_and_gives_it_back() {
    let server = Moto::start();
    assert!(server.ask("PUT", "/mail").starts_with("HTTP/1.1 200"), "a bucket");
    let world = World::on("sqlite");
    let add = "account add support --address support@example.com --imap-host imap.example.com --password-stdin";
    world.run_with(&add.split(' ').collect::<Vec<_>>(), "hunter2\n").ok();
    let secret = world.path("secret");
    world.write(&secret, "secret\n", 0o600);
    let config = std::fs::read_to_string(world.config()).unwrap();
    let table = format!(
        "[storage]\nurl = \"s3://mail/espo/mail\"\nregion = \"eu-central-1\"\nendpoint = \"http://127.0.0.1:{}\"\naccess-key = \"AKIATEST\"\n\
         secret-key-file = \"{}\"\n",
        server.port,
        secret.display()
    );
    std::fs::write(world.config(), format!("{config}\n{table}")).unwrap();
    world.run(&["config", "check"]).ok();
    world.run(&["filter", "add", "sk", "--account", "support", "--subject", "skip*", "--skip"]).ok();
    ["a", "b", "skip"].iter().for_each(|id| deliver(&world, id));
    let messages = || {
        let shown = world.json(&["storage", "show"]);
        shown["items"].as_array().unwrap().iter().map(|one| one["messages"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(messages(), [0, 3]);
    assert!(world.run(&["email", "raw", "1"]).ok().contains("It leaks."));
    assert!(world.run(&["fate", "raw", "support/(delivered)/3"]).ok().contains("Subject: skip"));
    assert!(world.run(&["status", "--check"]).stdout.contains("storage_down=0;1;1;0"));
    world.run(&["storage", "check"]).ok();
    world.run(&["doctor", "--prove", "--deep"]).ok();
    // Into the database and back, and what is of no use any more is gone.
    world.run(&["storage", "move", "--to", "database"]).ok();
    assert_eq!((messages(), server.ask("GET", "/mail?list-type=2").contains("<Key>")), (vec![3, 0], false));
    world.run(&["storage", "move"]).ok();
    assert_eq!(messages(), [0, 3]);
    world.run(&["email", "delete", "2"]).ok();
    world.run(&["prune"]).ok();
    assert_eq!(server.ask("GET", "/mail?list-type=2").matches("<Key>").count(), 2);
    world.run(&["storage", "check"]).ok();
    assert_eq!(world.json(&["status"])["storage"]["missing"], json!(0));
    // It is away.
    drop(server);
    let checked = world.run(&["status", "--check"]);
    assert!(checked.status == Some(2) && checked.stdout.contains("storage_down=1"), "{checked:?}");
}
