//! Where raw bytes lie: in the database, in a folder, or in a bucket.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::depot::USUAL_WORKERS;

/// Where new raw bytes go, and where else some may lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Storage {
    /// `file:///FOLDER` or `s3://BUCKET/PREFIX`; none for the database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How many requests it gets at once.
    pub workers: usize,
    /// Of a bucket: where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The server of a bucket that is not Amazon's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// As whom we are known there, and the secret that goes with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key_file: Option<String>,
    /// The same, printed by a command.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secret_key_command: Vec<String>,
    /// The same, a systemd credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key_credential: Option<String>,
    /// Certificates to trust beside the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// Seconds that a request may take.
    pub timeout: u64,
    /// Storages that new bytes do not go to any more, and that still have some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Storage>,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            url: None,
            workers: USUAL_WORKERS,
            region: None,
            endpoint: None,
            access_key: None,
            secret_key_file: None,
            secret_key_command: Vec::new(),
            secret_key_credential: None,
            ca_file: None,
            timeout: 60,
            also: Vec::new(),
        }
    }
}

impl Storage {
    /// All that are named, the one that new bytes go to first.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.also).filter(|one| one.url.is_some())
    }

    /// The folder, where it is one.
    pub fn folder(&self) -> Option<PathBuf> {
        self.url.as_deref()?.strip_prefix("file://").map(PathBuf::from)
    }

    /// The bucket and what names in it begin with, where it is one.
    pub fn bucket(&self) -> Option<(&str, &str)> {
        let rest = self.url.as_deref()?.strip_prefix("s3://")?;
        Some(rest.split_once('/').unwrap_or((rest, "")))
    }

    /// The files that it names.
    pub fn files(&mut self) -> impl Iterator<Item = &mut String> {
        let also = self.also.iter_mut().flat_map(|one| [&mut one.secret_key_file, &mut one.ca_file]);
        [&mut self.secret_key_file, &mut self.ca_file].into_iter().chain(also).flatten()
    }

    /// Says what is wrong with what was written: a key, and why.
    pub fn wrong(&self) -> Option<(&'static str, String)> {
        if let Some(wrong) = std::iter::once(self).chain(&self.also).find_map(Self::wrong_alone) {
            return Some(wrong);
        }
        if self.also.iter().any(|one| one.url.is_none() || !one.also.is_empty()) {
            return Some(("[[storage.also]]", "needs a url, and none below it".to_string()));
        }
        let mut urls: Vec<&str> = self.all().filter_map(|one| one.url.as_deref()).collect();
        urls.sort_unstable();
        let is_twice = urls.iter().zip(urls.iter().skip(1)).any(|(one, next)| one == next);
        is_twice.then(|| ("url", "is there twice".to_string()))
    }

    fn wrong_alone(&self) -> Option<(&'static str, String)> {
        if !(1..=256).contains(&self.workers) {
            return Some(("workers", "must be between 1 and 256".to_string()));
        }
        if !(1..=3_600).contains(&self.timeout) {
            return Some(("timeout", "must be between 1 and 3600".to_string()));
        }
        match (self.folder(), self.bucket()) {
            (Some(folder), _) if is_plain(&folder) => None,
            (None, Some(bucket)) if is_name(bucket) => self.wrong_bucket(),
            (None, None) if self.url.is_none() => None,
            _ => Some(("url", "must be file:///FOLDER or s3://BUCKET/PREFIX, without a slash at its end".to_string())),
        }
    }

    fn wrong_bucket(&self) -> Option<(&'static str, String)> {
        let is_word = |text: &String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
        if !self.region.as_ref().is_some_and(is_word) {
            return Some(("region", "must be said of a bucket, such as eu-central-1".to_string()));
        }
        if !self.access_key.as_ref().is_some_and(is_word) {
            return Some(("access-key", "must be said of a bucket".to_string()));
        }
        let secrets = [self.secret_key_file.is_some(), !self.secret_key_command.is_empty(), self.secret_key_credential.is_some()];
        if secrets.iter().filter(|is_said| **is_said).count() != 1 {
            return Some(("secret-key-file", "or secret-key-command or secret-key-credential must say the secret".to_string()));
        }
        let is_url = |url: &String| {
            let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '@', '?', '#']))
        };
        let wrong = self.endpoint.as_ref().is_some_and(|url| !is_url(url));
        wrong.then(|| ("endpoint", "must be https://HOST or https://HOST:PORT".to_string()))
    }
}

/// Whether a path is written as it is compared.
fn is_plain(path: &Path) -> bool {
    let again: PathBuf = path.components().collect();
    let is_up = path.components().any(|part| part == Component::ParentDir);
    path.is_absolute() && !is_up && path.parent().is_some() && again.as_os_str() == path.as_os_str()
}

fn is_name((bucket, prefix): (&str, &str)) -> bool {
    let is_of = |text: &str, more: &[u8]| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte));
    let parts = || prefix.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    (3..=63).contains(&bucket.len()) && is_of(bucket, b".-") && is_of(prefix, b"._-/") && (prefix.is_empty() || parts())
}
