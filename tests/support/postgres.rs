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
