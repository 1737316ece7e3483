//! A browser on this machine, which the server sends back to a port of ours with a code (RFC 8252, section 7.3; RFC 7636).

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use constant_time_eq::constant_time_eq;
use oauth2::url::Url;
use oauth2::{AuthorizationCode, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl};

use super::client::{Client, Failure, Oauth, Tokens};
use super::http::{Http, fault};
use crate::fault::{Class, Fault};
use crate::net::text;
use crate::secret::Secret;

/// How long a person may take.
const LONGEST: Duration = Duration::from_secs(600);
/// How long a browser that has connected may take to say what it wants, and how many bytes that may have.
const REQUEST: Duration = Duration::from_secs(2);
const LARGEST: usize = 16 << 10;

/// What waits for the browser.
pub struct Browser<'a> {
    client: &'a Client,
    oauth: Oauth,
    http: Http,
    listener: TcpListener,
    url: Url,
    state: CsrfToken,
    verifier: PkceCodeVerifier,
}

/// What a request to our port says.
enum Said {
    Code(String),
    Refused(String),
    /// It is not about us.
    Nothing,
}

impl<'a> Browser<'a> {
    /// Listens on a port of this machine, 0 for any that is free. `user` is who is to log in there.
    pub fn begin(client: &'a Client, port: u16, user: &str) -> Result<Self> {
        let (oauth, http) = client.begin()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
            let what = format!("cannot listen on port {port} of this machine: {error}");
            Fault::new(Class::Unavailable, what).hint("name another one: --port PORT")
        })?;
        let port = listener.local_addr()?.port();
        let oauth = oauth.set_redirect_uri(RedirectUrl::new(format!("http://127.0.0.1:{port}/"))?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let none = || -> Fault {
            fault(Class::Config, format!("of {} no authorize-url is known", client.name)).hint(client.where_it_is_set())
        };
        let request = oauth.authorize_url(CsrfToken::new_random).map_err(|_| none())?;
        let (url, state) =
            request.add_scopes(client.scopes()).set_pkce_challenge(challenge).add_extra_param("login_hint", user).url();
        Ok(Self { client, oauth, http, listener, url, state, verifier })
    }

    /// The page that the person is to open.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    pub fn port(&self) -> Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    /// Waits until the browser comes back, and asks for the tokens.
    pub fn wait(self) -> Result<Tokens, Failure> {
        let code = Secret::new(self.code().map_err(Failure::Other)?);
        let asked = self.oauth.exchange_code(AuthorizationCode::new(code.reveal().to_string()));
        let verifier = Secret::new(self.verifier.secret().clone());
        let answer = asked.set_pkce_verifier(self.verifier).request(&|request| self.http.ask(request));
        self.client.taken(&self.http, answer, &[&code, &verifier])
    }

    fn code(&self) -> Result<String> {
        let until = Instant::now() + LONGEST;
        self.listener.set_nonblocking(true)?;
        while Instant::now() < until {
            let Ok((stream, _)) = self.listener.accept() else {
                std::thread::sleep(Duration::from_millis(50));
                continue;
            };
            // A browser that hangs up has said nothing; another connection may.
            match self.hear(stream).unwrap_or(Said::Nothing) {
                Said::Code(code) => return Ok(code),
                Said::Refused(words) => return Err(fault(Class::Refused, format!("the server refuses it: {words}")).into()),
                Said::Nothing => {}
            }
        }
        Err(fault(Class::TempFail, format!("nobody came back from {} within ten minutes", self.client.name)).into())
    }

    fn hear(&self, mut stream: TcpStream) -> Result<Said> {
        stream.set_nonblocking(false)?;
        let (until, mut heard) = (Instant::now() + REQUEST, Vec::new());
        while memchr::memmem::find(&heard, b"\r\n\r\n").is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || heard.len() > LARGEST {
                return Ok(Said::Nothing);
            }
            stream.set_read_timeout(Some(left))?;
            let mut chunk = [0; 1_024];
            let read = stream.read(&mut chunk)?;
            if read == 0 {
                return Ok(Said::Nothing);
            }
            heard.extend_from_slice(chunk.get(..read).unwrap_or_default());
        }
        let said = self.read(&heard).unwrap_or(Said::Nothing);
        let (status, words) = match &said {
            Said::Code(_) => ("200 OK", "espomail has what it needs. You may close this page."),
            Said::Refused(_) => ("200 OK", "It was refused. You may close this page."),
            Said::Nothing => ("404 Not Found", "There is nothing here."),
        };
        let length = words.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{words}\n"
        );
        stream.set_write_timeout(Some(REQUEST))?;
        // The code counts, whether the browser waits for our words or not.
        if let Err(error) = stream.write_all(answer.as_bytes()) {
            log::debug!("the browser: {error}");
        }
        Ok(said)
    }

    /// Reads a request. What does not know the state of this very question is from somebody else (RFC 6749, section 10.12).
    fn read(&self, request: &[u8]) -> Result<Said> {
        let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = std::str::from_utf8(line)?;
        let target = line.strip_prefix("GET ").and_then(|rest| rest.split(' ').next()).context("no GET")?;
        let url = Url::parse("http://127.0.0.1/")?.join(target)?;
        let of = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let is_ours = of("state").is_some_and(|state| constant_time_eq(state.as_bytes(), self.state.secret().as_bytes()));
        Ok(match (is_ours, of("code"), of("error")) {
            (true, Some(code), _) => Said::Code(code),
            (true, None, Some(error)) => {
                let words = of("error_description").map(|words| format!(": {}", text(words.as_bytes()))).unwrap_or_default();
                Said::Refused(format!("{}{words}", text(error.as_bytes())))
            }
            _ => Said::Nothing,
        })
    }
}
