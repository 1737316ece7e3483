//! Places outside the database that raw bytes lie in, as the configuration has them.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::secret::{check_secret, check_secret_command, credential, first_line_of_command, first_line_of_file};
use crate::config::{Config, Storage};
use crate::custody;
use crate::depot::{self, Bucket, Depot, Known, Server};
use crate::fault::{Class, Fault};
use crate::net::{Place, STORAGE, Stop, Terms};
use crate::secret::Secret;
use crate::store::storage::new_upload;
use crate::words::Security;

/// Makes them known to all that reads or writes raw bytes.
pub(super) fn learn(config: &Config) {
    let depots = config.storage.all().filter_map(|storage| made(config, storage)).collect();
    depot::learn(Known { depots, has_current: config.storage.url.is_some() });
}

fn made(config: &Config, storage: &Storage) -> Option<Depot> {
    let url = storage.url.as_deref()?;
    if let Some(path) = storage.folder() {
        return Some(Depot::folder(url, path, storage.workers));
    }
    let (name, prefix) = storage.bucket()?;
    let region = storage.region.clone().unwrap_or_default();
    // The names of Amazon's buckets are hosts; a server of one's own has seldom a name for each.
    let amazon = || format!("https://s3.{region}.amazonaws.com");
    let server = Server {
        endpoint: storage.endpoint.clone().unwrap_or_else(amazon),
        is_path_style: storage.endpoint.is_some() || name.contains('.'),
        region,
    };
    let bucket = Bucket {
        place: place(config, storage, &server, name),
        name: name.to_string(),
        prefix: prefix.to_string(),
        access_key: storage.access_key.clone().unwrap_or_default(),
        secret: secret_of(storage),
        limit: Duration::from_secs(storage.timeout),
        server,
    };
    Some(Depot::bucket(url, bucket, storage.workers))
}

/// Where the server of a bucket is.
fn place(config: &Config, storage: &Storage, server: &Server, bucket: &str) -> Place {
    let terms = Terms {
        connect_timeout: Duration::from_secs(config.fetch.connect_timeout.min(storage.timeout)),
        read_timeout: Duration::from_secs(storage.timeout),
        allow_plain: config.security.allow_plain,
        internal_hosts: Vec::new(),
        // What was begun to be written is written.
        stop: Stop::default(),
    };
    let mut place = terms.place(false, Instant::now(), STORAGE);
    let (security, rest) = match server.endpoint.split_once("://") {
        Some(("http", rest)) => (Security::Plain, rest),
        other => (Security::Tls, other.map_or("", |(_, rest)| rest)),
    };
    // An IPv6 address has colons of its own.
    let (host, port) = match rest.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
        Some((host, port)) => (host, port.parse().ok()),
        None => (rest, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    place.host = if server.is_path_style { host.to_string() } else { format!("{bucket}.{host}") };
    place.port = port.unwrap_or_else(|| u16::try_from(STORAGE.usual_port(security)).unwrap_or_default());
    place.security = security;
    place.ca_file = storage.ca_file.as_ref().map(Into::into);
    place
}

/// Says how the secret is read, once it is needed.
fn secret_of(storage: &Storage) -> Box<dyn Fn() -> Result<Secret> + Send + Sync> {
    let (file, command) = (storage.secret_key_file.clone(), storage.secret_key_command.clone());
    let named = storage.secret_key_credential.clone();
    Box::new(move || match (&file, &named) {
        (Some(file), _) => first_line_of_file(Path::new(file)),
        (None, Some(name)) => credential(name),
        (None, None) => first_line_of_command(&command),
    })
}

/// Looks whether nobody else can change what lies in a storage, or read it or its secret, and whether it can be written, read and deleted
/// in.
pub fn check(config: &Config, storage: &Storage) -> Result<()> {
    let Some(depot) = made(config, storage) else { return Ok(()) };
    if let Some(path) = depot.path() {
        custody::check("the storage", path)?;
        if let Ok(metadata) = std::fs::metadata(path)
            && metadata.mode() & 0o077 != 0
        {
            let what = format!("others can look into the storage {}", path.display());
            return Err(Fault::new(Class::Refused, what).hint(format!("try: chmod 700 {}", path.display())).into());
        }
    }
    check_secret_command(&storage.secret_key_command)?;
    storage.secret_key_file.iter().try_for_each(|file| check_secret(Path::new(file)))?;
    storage.ca_file.iter().try_for_each(|file| custody::check("the CA file", Path::new(file)))?;
    depot.probe(new_upload()?).with_context(|| "looking whether it can be worked with")
}
