//! An authorisation server: it gives tokens, renews and withdraws them, and misbehaves where it is told to. Dovecot asks one that
//! knows the tokens of all whether one is good (RFC 7662).

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};
use std::time::Duration;

use base64::Engine;
use serde_json::{Value, json};

/// Whose the access tokens of all servers are, as long as they are good.
static GOOD: LazyLock<Mutex<HashMap<String, String>>> = LazyLock::new(Mutex::default);

/// How a server answers.
#[derive(Clone)]
pub struct Manners {
    /// How long it says that an access token lives.
    pub seconds: Option<u64>,
    /// Each renewal gives another refresh token, and the earlier one is good for nothing.
    pub rotates: bool,
    /// What is said in the place of tokens, one after the other: errors of RFC 6749 and RFC 8628.
    pub errors: Vec<&'static str>,
    /// Seconds between two questions for a code.
    pub interval: u64,
    /// Seconds that a code is good for.
    pub code_lives: u64,
    /// A pause before tokens are given.
    pub pause: Duration,
    /// What is said in the place of any answer.
    pub instead: Option<Instead>,
}

/// What is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instead {
    Garbage,
    /// A body, or a header, without an end.
    EndlessBody,
    EndlessHeader,
    /// To where the same would be answered.
    Elsewhere,
    Unavailable,
    HangUp,
    /// JSON, but no token: it repeats what it was asked.
    Echo,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            seconds: Some(3_600),
            rotates: false,
            errors: Vec::new(),
            interval: 0,
            code_lives: 600,
            pause: Duration::ZERO,
            instead: None,
        }
    }
}

pub struct AuthorizationServer {
    pub port: u16,
    kept: Arc<Kept>,
}

struct Kept {
    user: String,
    manners: Mutex<Manners>,
    /// The parameters of all requests for tokens.
    asked: Mutex<Vec<HashMap<String, String>>>,
    refresh: Mutex<Vec<String>>,
    /// The code that the next browser gets, with its challenge.
    code: Mutex<Option<(String, String)>>,
    access: Mutex<String>,
    number: Mutex<usize>,
    port: OnceLock<u16>,
}

impl AuthorizationServer {
    /// Starts one whose tokens are a user's.
    pub fn start(user: &str, manners: Manners) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let kept = Arc::new(Kept {
            user: user.to_string(),
            manners: Mutex::new(manners),
            asked: Mutex::default(),
            refresh: Mutex::default(),
            code: Mutex::default(),
            access: Mutex::default(),
            number: Mutex::default(),
            port: OnceLock::from(port),
        });
        let keeping = Arc::clone(&kept);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let Ok(connection) = connection else { return };
                let keeping = Arc::clone(&keeping);
                std::thread::spawn(move || drop(serve(connection, &keeping)));
            }
        });
        Self { port, kept }
    }

    /// Changes how it answers from now on.
    pub fn change(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.kept.manners.lock().unwrap());
    }

    /// Returns what it was asked for tokens with.
    pub fn asked(&self) -> Vec<HashMap<String, String>> {
        self.kept.asked.lock().unwrap().clone()
    }

    /// How often it was asked to renew.
    pub fn renewals(&self) -> usize {
        self.asked().iter().filter(|asked| asked["grant_type"] == "refresh_token").count()
    }

    /// The access token that it gave last.
    pub fn access(&self) -> String {
        self.kept.access.lock().unwrap().clone()
    }

    /// No access token that it gave is good any more.
    pub fn end_access(&self) {
        let user = &self.kept.user;
        GOOD.lock().unwrap().retain(|_, whose| whose != user);
    }

    /// The right is withdrawn: nothing that it gave is good any more.
    pub fn revoke(&self) {
        self.end_access();
        self.kept.refresh.lock().unwrap().clear();
    }

    /// A file that says where it is.
    pub fn provider(&self) -> String {
        let at = |place: &str| format!("http://127.0.0.1:{}/{place}", self.port);
        format!(
            "client-id = \"the-client\"\nclient-secret-command = [\"echo\", \"client-secret-of-many-letters\"]\n\
             authorize-url = \"{}\"\ndevice-url = \"{}\"\ntoken-url = \"{}\"\nscopes = [\"mail\", \"offline_access\"]\n",
            at("authorize?access_type=offline"),
            at("device"),
            at("token")
        )
    }
}

/// The port of a server that says whose any token is.
pub fn introspection() -> u16 {
    static SERVER: OnceLock<AuthorizationServer> = OnceLock::new();
    SERVER.get_or_init(|| AuthorizationServer::start("", Manners::default())).port
}

/// What a browser does with an address: it goes there, and where it is sent. Returns what the last one said.
pub fn browse(url: &str) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut said = String::new();
    drop(stream.read_to_string(&mut said));
    match said.lines().find_map(|line| line.strip_prefix("Location: ")) {
        Some(next) if said.starts_with("HTTP/1.1 302") => browse(next),
        _ => said,
    }
}

fn parameters(text: &str) -> HashMap<String, String> {
    url::form_urlencoded::parse(text.as_bytes()).map(|(key, value)| (key.into_owned(), value.into_owned())).collect()
}

fn serve(connection: TcpStream, kept: &Kept) -> std::io::Result<()> {
    let mut mouth = connection.try_clone()?;
    let mut reader = BufReader::new(connection);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let target = line.split(' ').nth(1).unwrap_or_default().to_string();
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header == "\r\n" {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8(body).unwrap();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let manners = kept.manners.lock().unwrap().clone();
    if path != "/introspect"
        && let Some(instead) = manners.instead
    {
        return misbehave(&mut mouth, instead, &body, *kept.port.get().unwrap());
    }
    let (status, answer) = match path {
        "/introspect" => {
            let good = GOOD.lock().unwrap();
            let whose = good.get(&parameters(&body)["token"]);
            ("200 OK", whose.map_or(json!({ "active": false }), |user| json!({ "active": true, "username": user })))
        }
        "/authorize" => {
            let asked = parameters(query);
            assert_eq!((&*asked["code_challenge_method"], &*asked["access_type"]), ("S256", "offline"));
            assert_eq!((&*asked["client_id"], &*asked["scope"]), ("the-client", "mail offline_access"));
            let back = format!("{}?state={}", asked["redirect_uri"], asked["state"]);
            let code = "code-of-many-letters".to_string();
            *kept.code.lock().unwrap() = Some((code.clone(), asked["code_challenge"].clone()));
            let end = manners.errors.first().map_or(format!("code={code}"), |error| format!("error={error}"));
            return write!(mouth, "HTTP/1.1 302 Found\r\nLocation: {back}&{end}\r\nContent-Length: 0\r\n\r\n");
        }
        "/device" => (
            "200 OK",
            json!({
                "device_code": "device-code-of-many-letters",
                "user_code": "WDJB-MJHT",
                "verification_uri": "https://login.example.com/device",
                "expires_in": manners.code_lives,
                "interval": manners.interval,
            }),
        ),
        "/token" => tokens(kept, &manners, parameters(&body)),
        _ => ("404 Not Found", json!({})),
    };
    let answer = answer.to_string();
    write!(mouth, "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{answer}", answer.len())
}

fn tokens(kept: &Kept, manners: &Manners, asked: HashMap<String, String>) -> (&'static str, Value) {
    kept.asked.lock().unwrap().push(asked.clone());
    std::thread::sleep(manners.pause);
    let refused = |error: &str| ("400 Bad Request", json!({ "error": error, "error_description": format!("{error}, it says") }));
    if let Some(error) = manners.errors.first() {
        kept.manners.lock().unwrap().errors.remove(0);
        return refused(error);
    }
    if asked["client_id"] != "the-client" || asked["client_secret"] != "client-secret-of-many-letters" {
        return refused("invalid_client");
    }
    let is_good = match asked["grant_type"].as_str() {
        "refresh_token" => kept.refresh.lock().unwrap().contains(&asked["refresh_token"]),
        "authorization_code" => kept.code.lock().unwrap().take().is_some_and(|(code, challenge)| {
            let digest = openssl::sha::sha256(asked["code_verifier"].as_bytes());
            let known = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest);
            code == asked["code"] && known == challenge && asked["redirect_uri"].starts_with("http://127.0.0.1:")
        }),
        _ => asked["device_code"] == "device-code-of-many-letters",
    };
    if !is_good {
        return refused("invalid_grant");
    }
    let mut number = kept.number.lock().unwrap();
    *number += 1;
    let (user, number) = (&kept.user, *number);
    let port = kept.port.get().unwrap();
    let access = format!("access-{port}-{number}-of-many-letters");
    GOOD.lock().unwrap().insert(access.clone(), user.clone());
    *kept.access.lock().unwrap() = access.clone();
    let mut answer = json!({ "access_token": access, "token_type": "Bearer" });
    if let Some(seconds) = manners.seconds {
        // As text, which some have there.
        answer["expires_in"] = if number % 2 == 0 { seconds.to_string().into() } else { seconds.into() };
    }
    if asked["grant_type"] != "refresh_token" || manners.rotates {
        let mut refresh = kept.refresh.lock().unwrap();
        *refresh = vec![format!("refresh-{number}-of-many-letters")];
        answer["refresh_token"] = refresh[0].clone().into();
    } else if number % 2 == 0 {
        // The earlier one goes on to be good: no word of it, or an empty one.
        answer["refresh_token"] = "".into();
    }
    ("200 OK", answer)
}

fn misbehave(mouth: &mut TcpStream, instead: Instead, body: &str, port: u16) -> std::io::Result<()> {
    const JSON: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    match instead {
        Instead::Garbage => mouth.write_all(b"\x16\x03\x01 what?\r\n\r\n"),
        Instead::EndlessBody => {
            write!(mouth, "{JSON}\r\n{{\"access_token\": \"")?;
            loop {
                mouth.write_all(&[b'x'; 4_096])?;
            }
        }
        Instead::EndlessHeader => {
            mouth.write_all(JSON.as_bytes())?;
            loop {
                mouth.write_all(b"X-More: of it\r\n")?;
            }
        }
        Instead::Elsewhere => {
            write!(mouth, "HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:{port}/token\r\nContent-Length: 0\r\n\r\n")
        }
        Instead::Unavailable => mouth.write_all(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"),
        Instead::HangUp => Ok(()),
        Instead::Echo => {
            let answer = json!({ "error": "invalid_scope", "error_description": format!("\u{1b}[31m{body}") }).to_string();
            let head = JSON.replace("200 OK", "400 Bad Request");
            write!(mouth, "{head}Content-Length: {}\r\n\r\n{answer}", answer.len())
        }
    }
}
