//! A server that speaks as much S3 as is needed, and does wrong when it is told to. It looks at the signature of each request itself
//! (AWS Signature Version 4, in the query).

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;

pub const BUCKET: &str = "mail";
pub const ACCESS_KEY: &str = "AKIATEST";
pub const SECRET_KEY: &str = "top/secret+key";
pub const REGION: &str = "eu-central-1";

/// What it does instead of what it is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Harm {
    Status(u16, &'static str),
    /// The answer breaks off in the middle, and so does the connection.
    Cut,
    /// It does what it is asked for, and never says so.
    Silent,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    harms: VecDeque<Harm>,
    /// Each request: method, status.
    asked: Vec<(String, u16)>,
}

pub struct S3 {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

impl S3 {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, state) = (listener.local_addr().unwrap().port(), Arc::<Mutex<State>>::default());
        let of_server = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&of_server);
                // Whoever asked may be gone.
                std::thread::spawn(move || while let Some(true) = answer(&stream, &state) {});
            }
        });
        Self { port, state }
    }

    pub fn objects(&self) -> Vec<String> {
        self.state.lock().unwrap().objects.keys().cloned().collect()
    }

    pub fn replace(&self, name: &str, bytes: &[u8]) {
        self.state.lock().unwrap().objects.insert(name.to_string(), bytes.to_vec());
    }

    /// From now on the next requests come to harm.
    pub fn harm(&self, harms: &[Harm]) {
        let mut state = self.state.lock().unwrap();
        state.harms = harms.iter().copied().collect();
        state.asked.clear();
    }

    pub fn asked(&self) -> Vec<(String, u16)> {
        self.state.lock().unwrap().asked.clone()
    }
}

/// Reads a request and answers it; none where the connection is over.
fn answer(stream: &TcpStream, state: &Mutex<State>) -> Option<bool> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_string());
    }
    let header = |name: &str| {
        let of = |line: &String| {
            let (its, value) = line.split_once(':')?;
            its.eq_ignore_ascii_case(name).then(|| value.trim().to_string())
        };
        lines.iter().find_map(of)
    };
    let mut body = vec![0; header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let mut words = lines.first()?.split(' ');
    let (method, target) = (words.next()?.to_string(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut state = state.lock().unwrap();
    let harm = state.harms.pop_front();
    let (status, said) = match harm {
        Some(Harm::Status(status, code)) => (status, error(code)),
        _ if !is_signed(&method, path, query, &header("host").unwrap_or_default()) => (403, error("SignatureDoesNotMatch")),
        _ => done(&mut state, &method, path, query, body),
    };
    state.asked.push((method, status));
    drop(state);
    let mut bytes = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", said.len()).into_bytes();
    match harm {
        Some(Harm::Silent) => return None,
        Some(Harm::Cut) => {
            bytes.extend(&said[..said.len() / 2]);
            (&*stream).write_all(&bytes).ok()?;
            return None;
        }
        _ => bytes.extend(said),
    }
    (&*stream).write_all(&bytes).ok()?;
    Some(true)
}

fn error(code: &str) -> Vec<u8> {
    format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{SECRET_KEY}</Message></Error>").into_bytes()
}

fn done(state: &mut State, method: &str, path: &str, query: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
    let Some(name) = path.strip_prefix(&format!("/{BUCKET}")) else { return (404, error("NoSuchBucket")) };
    let name = name.trim_start_matches('/').to_string();
    match (method, name.is_empty()) {
        ("PUT", false) => {
            state.objects.insert(name, body);
            (200, Vec::new())
        }
        ("GET", false) => state.objects.get(&name).map_or_else(|| (404, error("NoSuchKey")), |bytes| (200, bytes.clone())),
        ("DELETE", false) => {
            state.objects.remove(&name);
            (204, Vec::new())
        }
        ("GET", true) => (200, list(state, query)),
        _ => (405, error("MethodNotAllowed")),
    }
}

/// One object a page, so that there are pages.
fn list(state: &State, query: &str) -> Vec<u8> {
    let query: BTreeMap<String, String> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let (prefix, after) = (query.get("prefix").cloned().unwrap_or_default(), query.get("continuation-token"));
    let mut found = state.objects.iter().filter(|(name, _)| name.starts_with(&prefix) && after.is_none_or(|after| *name > after));
    let one = found.next().map_or_else(String::new, |(name, bytes)| {
        let more =
            if found.next().is_some() { format!("<NextContinuationToken>{name}</NextContinuationToken>") } else { String::new() };
        format!(
            "<Contents><Key>{name}</Key><LastModified>2026-11-20T10:00:00.000Z</LastModified><ETag>\"x\"</ETag><Size>{}</Size>\
             <StorageClass>STANDARD</StorageClass></Contents>{more}",
            bytes.len()
        )
    });
    format!("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><MaxKeys>1</MaxKeys>{one}</ListBucketResult>")
        .into_bytes()
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let key = PKey::hmac(key).unwrap();
    let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
    signer.sign_oneshot_to_vec(text.as_bytes()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a request is signed with our key, as Amazon's documentation has it, and not for longer than an hour.
fn is_signed(method: &str, path: &str, query: &str, host: &str) -> bool {
    let (signature, mut rest): (Vec<&str>, Vec<&str>) = query.split('&').partition(|part| part.starts_with("X-Amz-Signature="));
    rest.sort_unstable();
    let of = |name: &str| rest.iter().find_map(|part| part.strip_prefix(&format!("{name}="))).unwrap_or_default();
    let date = of("X-Amz-Date");
    let (Some(signature), Some(day)) = (signature.first(), date.get(..8)) else { return false };
    let scope = format!("{day}/{REGION}/s3/aws4_request");
    if of("X-Amz-Credential") != format!("{ACCESS_KEY}/{scope}").replace('/', "%2F")
        || of("X-Amz-Expires").parse::<u32>().is_ok_and(|seconds| seconds > 3_600)
    {
        return false;
    }
    let asked = format!("{method}\n{path}\n{}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD", rest.join("&"));
    let digest = hex(&openssl::sha::sha256(asked.as_bytes()));
    let signed = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}");
    let key =
        [day, REGION, "s3", "aws4_request"].iter().fold(format!("AWS4{SECRET_KEY}").into_bytes(), |key, text| hmac(&key, text));
    *signature == format!("X-Amz-Signature={}", hex(&hmac(&key, &signed)))
}
