//! A bucket that speaks S3. The crate `rusty-s3` signs requests (AWS Signature Version 4); they go over connections of ours, kept from one
//! to the next. What a busy server puts off is asked again a few times; each object has one name and one content, so that does no harm.

use std::fmt;
use std::io;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::Result;
use rusty_s3::actions::{ListObjectsV2, S3Action};
use rusty_s3::{Credentials, UrlStyle};
use ureq::http::{Method, Request};
use ureq::unversioned::transport::{ConnectionDetails, Connector};
use ureq::{Agent, Body};

use super::object::{Listed, Trouble, read_name};
use crate::fault::{Class, Fault, class_of, one_line};
use crate::net::http::{Line, Nowhere, http_config};
use crate::net::{Place, text};
use crate::secret::Secret;

/// How often something is tried, and the first of the pauses between, each of which is four times as long as the one before.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(100);
/// How long a connection is kept that rests: servers end them sooner or later, and say nothing.
const KEPT: Duration = Duration::from_secs(4);
/// The bytes that a header and an answer which is no object may have: a thousand names have some 300,000.
const HEADER: usize = 16 << 10;
const ANSWER: u64 = 4 << 20;
/// How much of a message goes through memory at once.
const BUFFER: usize = 64 << 10;

/// The server of a bucket.
#[derive(Debug, Clone)]
pub struct Server {
    /// An http or https URL.
    pub endpoint: String,
    /// Whether the bucket stands in the path, and not in the name of the host.
    pub is_path_style: bool,
    pub region: String,
}

/// A bucket, and who we are there.
pub struct Bucket {
    pub server: Server,
    pub name: String,
    /// What our names begin with, without a slash at its end; empty for nothing.
    pub prefix: String,
    pub access_key: String,
    /// Read when it is needed first.
    pub secret: Box<dyn Fn() -> Result<Secret> + Send + Sync>,
    /// How a server is connected to, wherever it stands.
    pub place: Place,
    /// How long a request may take, with its answer.
    pub limit: Duration,
}

pub struct S3 {
    bucket: Bucket,
    agent: Agent,
    credentials: OnceLock<Credentials>,
}

/// What came of a request that was answered.
enum Answer {
    Done(Vec<u8>),
    Missing,
}

/// Why a request was not done, and whether it is worth asking again.
struct Failure {
    trouble: Trouble,
    passes: bool,
}

impl S3 {
    pub fn new(bucket: Bucket, workers: usize) -> Self {
        let config = http_config(bucket.limit, HEADER, workers);
        let connect = Connect { place: bucket.place.clone(), limit: bucket.limit };
        Self { agent: Agent::with_parts(config, connect, Nowhere), credentials: OnceLock::new(), bucket }
    }

    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Trouble> {
        let key = self.key(name);
        self.ask(Method::PUT, Some(bytes), ANSWER, &|bucket, who, limit| bucket.put_object(Some(who), &key).sign(limit))
            .and_then(|answer| if matches!(answer, Answer::Done(_)) { Ok(()) } else { Err(no_bucket("NoSuchKey")) })
    }

    pub fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, Trouble> {
        let key = self.key(name);
        let answer = self.ask(Method::GET, None, most, &|bucket, who, limit| bucket.get_object(Some(who), &key).sign(limit))?;
        Ok(if let Answer::Done(bytes) = answer { Some(bytes) } else { None })
    }

    pub fn delete(&self, name: &str) -> Result<(), Trouble> {
        let key = self.key(name);
        self.ask(Method::DELETE, None, ANSWER, &|bucket, who, limit| bucket.delete_object(Some(who), &key).sign(limit))?;
        Ok(())
    }

    pub fn list(&self, folder: &str) -> Result<Vec<Listed>, Trouble> {
        let prefix = format!("{}/", self.key(folder));
        let (mut listed, mut token, mut last) = (Vec::new(), None::<String>, String::new());
        loop {
            let answer = self.ask(Method::GET, None, ANSWER, &|bucket, who, limit| {
                let mut list = bucket.list_objects_v2(Some(who));
                list.with_prefix(prefix.as_str());
                if let Some(token) = &token {
                    list.with_continuation_token(token.as_str());
                }
                list.sign(limit)
            })?;
            let Answer::Done(bytes) = answer else { return Err(no_bucket("NoSuchKey")) };
            let strange = |what: &str| Trouble { class: Class::Protocol, what: format!("{}: {what}", self.named()) };
            let document = std::str::from_utf8(&bytes).map_err(|_| strange("its list is no text"))?;
            let page = ListObjectsV2::parse_response(document).map_err(|_| strange("its list cannot be read"))?;
            for one in page.contents {
                // Each page goes on where the one before ended: there is an end to it.
                if one.key <= last {
                    return Err(strange("its list is in no order"));
                }
                let name = one.key.strip_prefix(&prefix).and_then(read_name);
                last = one.key;
                let Some((digest, upload)) = name else { continue };
                let written = one.last_modified.parse::<jiff::Timestamp>().map_err(|_| strange("a time in its list is none"))?;
                listed.push(Listed { digest, upload, bytes: one.size, written_at: written.as_second() });
            }
            let is_same = page.next_continuation_token == token;
            token = page.next_continuation_token;
            if token.is_none() || is_same {
                return Ok(listed);
            }
        }
    }

    fn key(&self, name: &str) -> String {
        if self.bucket.prefix.is_empty() { name.to_string() } else { format!("{}/{name}", self.bucket.prefix) }
    }

    fn named(&self) -> String {
        format!("{}:{}", self.bucket.place.host, self.bucket.place.port)
    }

    /// Returns as whom requests are signed.
    fn credentials(&self) -> Result<&Credentials, Trouble> {
        if let Some(known) = self.credentials.get() {
            return Ok(known);
        }
        let secret = (self.bucket.secret)().map_err(|error| Trouble { class: Class::Config, what: one_line(&error) })?;
        Ok(self.credentials.get_or_init(|| Credentials::new(&self.bucket.access_key, secret.reveal())))
    }

    /// Sends a request, again where the server is busy or the connection breaks.
    fn ask(
        &self,
        method: Method,
        bytes: Option<&[u8]>,
        most: u64,
        sign: &dyn Fn(&rusty_s3::Bucket, &Credentials, Duration) -> url::Url,
    ) -> Result<Answer, Trouble> {
        let Server { endpoint, is_path_style, region } = &self.bucket.server;
        let style = if *is_path_style { UrlStyle::Path } else { UrlStyle::VirtualHost };
        let wrong = |what: String| Trouble { class: Class::Config, what };
        let endpoint = endpoint.parse().map_err(|error| wrong(format!("the endpoint is no URL: {error}")))?;
        let bucket = rusty_s3::Bucket::new(endpoint, style, self.bucket.name.clone(), region.clone());
        let bucket = bucket.map_err(|error| wrong(format!("the endpoint: {error}")))?;
        let credentials = self.credentials()?;
        let (mut pause, begun) = (PAUSE, Instant::now());
        for attempt in 1.. {
            // Good for as long as the request may take, and for clocks that differ a little.
            let url = sign(&bucket, credentials, self.bucket.limit + Duration::from_secs(300));
            let failure = match self.once(&method, url.as_str(), bytes, most) {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            if !failure.passes || attempt >= ATTEMPTS || begun.elapsed() + pause >= self.bucket.limit {
                return Err(failure.trouble);
            }
            log::debug!("{}; asking again", failure.trouble.what);
            std::thread::sleep(pause);
            pause *= 4;
        }
        Err(wrong("nothing was asked".to_string()))
    }

    fn once(&self, method: &Method, url: &str, bytes: Option<&[u8]>, most: u64) -> Result<Answer, Failure> {
        let request = Request::builder().method(method).uri(url);
        let answer = match bytes {
            Some(bytes) => request.body(bytes).map_err(ureq::Error::from).and_then(|request| self.agent.run(request)),
            None => request.body(()).map_err(ureq::Error::from).and_then(|request| self.agent.run(request)),
        };
        let (head, body): (_, Body) = answer.map_err(|error| self.unheard(error))?.into_parts();
        let status = head.status.as_u16();
        let read = |most: u64| body.into_with_config().limit(most).read_to_vec();
        if matches!(status, 200 | 204) {
            return match read(most) {
                // There is more than it can have: it is not what was written.
                Err(ureq::Error::BodyExceedsLimit(_)) => Ok(Answer::Done(Vec::new())),
                read => read.map(Answer::Done).map_err(|error| self.unheard(error)),
            };
        }
        let said = read(HEADER as u64).unwrap_or_default();
        let code = code_of(&said);
        if status == 404 && code != "NoSuchBucket" {
            return Ok(Answer::Missing);
        }
        let (class, passes) = match status {
            408 | 429 | 500.. => (Class::Unavailable, true),
            // Whom it does not know or let in, and where it is not.
            _ => (Class::Config, false),
        };
        let code = if code.is_empty() { String::new() } else { format!(" ({code})") };
        Err(Failure { trouble: Trouble { class, what: format!("{} answers HTTP {status}{code}", self.named()) }, passes })
    }

    fn unheard(&self, error: ureq::Error) -> Failure {
        if let ureq::Error::Io(io) = &error
            && let Some(Unconnected(class, what)) = io.get_ref().and_then(|inner| inner.downcast_ref())
        {
            let class = if *class == Class::Unavailable { Class::Unavailable } else { Class::Config };
            return Failure { trouble: Trouble { class, what: what.clone() }, passes: false };
        }
        let class = match error {
            ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed => Class::Unavailable,
            _ => Class::Protocol,
        };
        let passes = class == Class::Unavailable && !matches!(error, ureq::Error::Timeout(_));
        let what = format!("{} gives no answer: {}", self.named(), text(error.to_string().as_bytes()));
        Failure { trouble: Trouble { class, what }, passes }
    }
}

fn no_bucket(code: &str) -> Trouble {
    Trouble { class: Class::Config, what: format!("there is no such bucket ({code})") }
}

/// Returns the word of an answer that says what is wrong, such as `SlowDown`; nothing where it has none that is a word.
fn code_of(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let code = said.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map_or("", |(code, _)| code);
    let is_word = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_word { code.to_string() } else { String::new() }
}

/// Makes connections.
#[derive(Debug)]
struct Connect {
    place: Place,
    limit: Duration,
}

/// Why there is no connection.
#[derive(Debug)]
struct Unconnected(Class, String);

impl fmt::Display for Unconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.1)
    }
}

impl std::error::Error for Unconnected {}

impl Connector for Connect {
    type Out = Line;

    fn connect(&self, _: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Line>, ureq::Error> {
        let place = Place { deadline: Instant::now() + self.limit, ..self.place.clone() };
        match place.connect() {
            Ok(stream) => Ok(Some(Line::kept(stream, BUFFER, KEPT))),
            Err(error) => {
                let what = error.downcast_ref::<Fault>().map_or_else(|| one_line(&error), |fault| fault.what.clone());
                Err(ureq::Error::Io(io::Error::other(Unconnected(class_of(&error), what))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_word_is_repeated_of_what_a_server_says() {
        assert_eq!(code_of(b"<Error><Code>SlowDown</Code></Error>"), "SlowDown");
        for other in [&b"<Code>\x1b[2J</Code>"[..], b"<Code>", b"", b"\xff", b"<Code>a b</Code>"] {
            assert_eq!(code_of(other), "", "{other:?}");
        }
    }
}
