//! A private PostgreSQL cluster for this test process: made on first use in a temporary directory, reached by a Unix
//! socket, stopped and removed by a watchdog when the process ends, however it ends.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use espomail::store::Store;

/// Makes the cluster, says where, and waits: its standard input ends when the test process does.
const WATCHDOG: &str = r#"
set -eu
dir=$(mktemp -d "${TMPDIR:-/tmp}/espomail-pg.XXXXXX")
trap 'rm -rf "$dir"' EXIT
"$1/initdb" -D "$dir/data" -U espomail -A trust -E UTF8 --locale=C --no-sync >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
"$1/postgres" -D "$dir/data" -k "$dir" -F -c listen_addresses= -c full_page_writes=off -c max_connections=200 \
    -c autovacuum=off -c deadlock_timeout=100ms >>"$dir/log" 2>&1 &
server=$!
chmod 755 "$dir"
echo "directory $dir"
read -r _ || true
kill -QUIT "$server" 2>/dev/null || true
wait "$server" || true
"#;

struct Cluster {
    directory: PathBuf,
    /// Its standard input must stay open as long as this process lives.
    _watchdog: Child,
}

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static DATABASES: AtomicUsize = AtomicUsize::new(1);

/// Makes a migrated database that no other test has and returns its URL.
pub fn fresh_database() -> String {
    make_database("migrated")
}

/// The same with a name of its own, as `init` finds one that is there.
pub fn named_database() -> String {
    let url = fresh_database();
    let name = "UPDATE settings SET value = substr(md5(random()::text), 1, 16) WHERE name = 'store'";
    PgConnection::establish(&url).unwrap().batch_execute(name).unwrap();
    url
}

/// Makes a database without any table that no other test has and returns its URL.
pub fn empty_database() -> String {
    make_database("template0")
}

fn make_database(template: &str) -> String {
    let cluster = CLUSTER.get_or_init(start);
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let mut admin = PgConnection::establish(&cluster.url("postgres")).unwrap();
    admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).unwrap();
    cluster.url(&name)
}

impl Cluster {
    fn url(&self, database: &str) -> String {
        format!("postgresql:///{database}?user=espomail&host={}", self.directory.display())
    }
}

fn start() -> Cluster {
    let binaries = binaries();
    let mut command = as_ordinary_user();
    command.args(["sh", "-c", WATCHDOG, "sh"]).arg(&binaries);
    command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    // A Ctrl-C meant for the tests must not reach the watchdog, which still has to clean up.
    let mut watchdog = command.process_group(0).spawn().unwrap();
    let mut output = BufReader::new(watchdog.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let Some(directory) = line.trim_end().strip_prefix("directory ") else {
        output.read_to_string(&mut line).unwrap();
        panic!("PostgreSQL did not start:\n{line}");
    };
    let cluster = Cluster { directory: PathBuf::from(directory), _watchdog: watchdog };
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut admin = loop {
        match PgConnection::establish(&cluster.url("postgres")) {
            Ok(connection) => break connection,
            Err(error) if Instant::now() > deadline => panic!("PostgreSQL does not answer: {error}"),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    admin.batch_execute("CREATE DATABASE migrated").unwrap();
    Store::connect(&cluster.url("migrated")).unwrap().migrate().unwrap();
    cluster
}

/// PostgreSQL refuses to run as root.
fn as_ordinary_user() -> Command {
    let root = String::from_utf8_lossy(&Command::new("id").arg("-u").output().unwrap().stdout).trim() == "0";
    let mut command = Command::new(if root { "setpriv" } else { "env" });
    if root {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]);
    }
    command
}

/// Finds the folder with `initdb` and `postgres`: in PATH, else Debian's newest.
fn binaries() -> PathBuf {
    let has_both = |folder: &Path| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(folder) = std::env::split_paths(&path).find(|folder| has_both(folder)) {
        return folder;
    }
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|folder| has_both(folder))
        .collect();
    versions.sort_by_key(|folder| {
        let version = folder.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        version.and_then(|version| version.parse::<u32>().ok())
    });
    versions.pop().expect("no initdb in PATH or /usr/lib/postgresql/*/bin; try: apt install postgresql")
}

/// A cluster that can be killed and started again, of one test alone.
pub struct Mortal {
    directory: PathBuf,
    output: std::sync::Mutex<BufReader<std::process::ChildStdout>>,
    watchdog: std::sync::Mutex<Child>,
}

/// Obeys `start` and `kill` (an immediate shutdown: no goodbye to anybody, recovery on the next start), and says when it has done so.
const MORTAL_WATCHDOG: &str = r#"
set -u
dir=$(mktemp -d "${TMPDIR:-/tmp}/espomail-pg.XXXXXX")
trap 'rm -rf "$dir"' EXIT
"$1/initdb" -D "$dir/data" -U espomail -A trust -E UTF8 --locale=C --no-sync >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
chmod 755 "$dir"
echo "directory $dir"
server=
while read -r word; do
    case $word in
    start)
        "$1/postgres" -D "$dir/data" -k "$dir" -F -c listen_addresses= -c max_connections=100 -c deadlock_timeout=100ms \
            >>"$dir/log" 2>&1 &
        server=$! ;;
    kill)
        kill -QUIT "$server" 2>/dev/null
        wait "$server" ;;
    esac
    echo "$word"
done
kill -QUIT "$server" 2>/dev/null || true
wait "$server" || true
"#;

impl Mortal {
    /// Makes it and starts it.
    pub fn start() -> Self {
        let mut command = as_ordinary_user();
        command.args(["sh", "-c", MORTAL_WATCHDOG, "sh"]).arg(binaries());
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut watchdog = command.process_group(0).spawn().unwrap();
        let mut output = BufReader::new(watchdog.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let directory = PathBuf::from(line.trim_end().strip_prefix("directory ").expect("PostgreSQL starts"));
        let cluster = Self { directory, output: std::sync::Mutex::new(output), watchdog: std::sync::Mutex::new(watchdog) };
        cluster.rise();
        PgConnection::establish(&cluster.url("postgres")).unwrap().batch_execute("CREATE DATABASE torture").unwrap();
        cluster
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgresql:///{database}?user=espomail&host={}", self.directory.display())
    }

    /// Ends every session at once, whatever it does.
    pub fn kill(&self) {
        self.obey("kill");
    }

    /// Starts it again, and waits until it answers.
    pub fn rise(&self) {
        self.obey("start");
        let deadline = Instant::now() + Duration::from_secs(60);
        while let Err(error) = PgConnection::establish(&self.url("postgres")) {
            assert!(Instant::now() < deadline, "PostgreSQL does not answer: {error}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn obey(&self, word: &str) {
        use std::io::Write;
        writeln!(self.watchdog.lock().unwrap().stdin.as_mut().unwrap(), "{word}").unwrap();
        let mut line = String::new();
        self.output.lock().unwrap().read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), word);
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        let mut watchdog = self.watchdog.lock().unwrap();
        drop(watchdog.stdin.take());
        let _ = watchdog.wait();
    }
}

/// A door in front of the cluster: open, or cut after so many bytes of a client and shut from then on.
pub struct Door {
    folder: tempfile::TempDir,
    /// The bytes that may still go in; none is no limit.
    left: std::sync::Arc<std::sync::Mutex<Option<usize>>>,
}

impl Door {
    pub fn open() -> Self {
        use std::os::unix::net::{UnixListener, UnixStream};
        let behind = CLUSTER.get_or_init(start).directory.join(".s.PGSQL.5432");
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let left = std::sync::Arc::new(std::sync::Mutex::new(None));
        let limit = std::sync::Arc::clone(&left);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if *limit.lock().unwrap() == Some(0) {
                    continue;
                }
                let server = UnixStream::connect(&behind).unwrap();
                let (mut from_server, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || {
                    drop(std::io::copy(&mut from_server, &mut to_client));
                    drop(to_client.shutdown(std::net::Shutdown::Both));
                });
                let limit = std::sync::Arc::clone(&limit);
                std::thread::spawn(move || drop(let_in(client, server, &limit)));
            }
        });
        Self { folder, left }
    }

    /// The URL of a database of the cluster, through this door.
    pub fn url(&self, url: &str) -> String {
        let (before, _) = url.split_once("&host=").unwrap();
        format!("{before}&host={}", self.folder.path().display())
    }

    /// Whether some of the bytes that may go in are left.
    pub fn is_left(&self) -> bool {
        self.left.lock().unwrap().is_none_or(|left| left > 0)
    }

    /// Lets so many bytes in, then nobody; without a limit, everybody.
    pub fn let_in(&self, bytes: Option<usize>) {
        *self.left.lock().unwrap() = bytes;
    }
}

fn let_in(
    mut client: std::os::unix::net::UnixStream,
    mut server: std::os::unix::net::UnixStream,
    left: &std::sync::Mutex<Option<usize>>,
) -> std::io::Result<()> {
    use std::io::Write;
    let mut buffer = vec![0; 16 << 10];
    loop {
        let length = client.read(&mut buffer)?;
        let allowed = match &mut *left.lock().unwrap() {
            None => length,
            Some(left) => {
                let allowed = length.min(*left);
                *left -= allowed;
                allowed
            }
        };
        server.write_all(&buffer[..allowed])?;
        if length == 0 || allowed < length {
            drop(server.shutdown(std::net::Shutdown::Both));
            return client.shutdown(std::net::Shutdown::Both);
        }
    }
}
