//! How a session begins: greeting, STARTTLS, login. Nothing secret is sent before the connection is what was asked for.

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Server;
use super::answer;
use super::session::{Said, Session, broken, fault, refused};
use super::wire::Wire;
use crate::fault::{Class, Fault, Reach};
use crate::net::{self, Stream};
use crate::words::Security;

/// The bytes that an answer may have before the login.
const ANSWER: u64 = 256 << 10;

impl Session {
    /// Connects, encrypts and logs in.
    pub fn open(server: &Server) -> Result<Self> {
        let place = server.place();
        let tcp = net::connect(&place)?;
        if server.security == Security::Plain && !server.allow_plain && !net::is_loopback(&tcp) {
            let what = format!("{} is not this machine, and clear text is not allowed", server.host);
            return Err(Fault::new(Class::Refused, what)
                .reach(Reach::Account)
                .hint("use --imap-security tls, or set security.allow-plain")
                .into());
        }
        let stream = match server.security {
            Security::Tls => net::encrypt(&place, tcp)?,
            Security::Plain | Security::Starttls => Stream::Clear(tcp),
        };
        let mut session = Self {
            wire: Wire::new(stream),
            account: server.account.clone(),
            max_response: server.max_response,
            tag: 0,
            secrets: secrets(server),
            opened: None,
            trouble: None,
        };
        session.greet()?;
        if server.security == Security::Starttls {
            session = session.start_tls(server)?;
        }
        session.log_in(server)?;
        Ok(session)
    }

    /// The greeting must be OK: PREAUTH would skip the login that says who we are, and before TLS it is an attack.
    fn greet(&mut self) -> Result<()> {
        self.wire.allow(ANSWER);
        let line = self.wire.answer(&mut |_| {}).map_err(broken)?;
        if let Some(words) = answer::bye(&line) {
            return Err(self.said_bye(words));
        }
        if answer::is_about(&line, "PREAUTH") {
            let what = "the server takes us for somebody it knows already, before any login";
            return Err(fault(Class::Refused, what.to_string()).hint("check host, port and --imap-security").into());
        }
        if answer::is_about(&line, "OK") { Ok(()) } else { Err(self.not_understood("the server's greeting", &line)) }
    }

    /// RFC 3501, section 6.2.1. Refused is an error, and so is anything that came in clear text behind the OK.
    fn start_tls(mut self, server: &Server) -> Result<Self> {
        let refused = |what: String| {
            let hint = "use --imap-security tls with port 993 if the server offers it";
            anyhow::Error::new(fault(Class::Refused, what).hint(hint))
        };
        self.converse(&[b"STARTTLS".to_vec()], ANSWER, &mut |_| {}).map_err(|error| match error.downcast::<Said>() {
            Ok(Said(words)) => refused(format!("STARTTLS was refused: {words}")),
            Err(other) => other,
        })?;
        let Self { wire, account, max_response, tag, secrets, .. } = self;
        let Some(Stream::Clear(tcp)) = wire.into_stream() else {
            return Err(refused("clear text came together with the answer to STARTTLS: somebody may be in between".to_string()));
        };
        let wire = Wire::new(net::encrypt(&server.place(), tcp)?);
        Ok(Self { wire, account, max_response, tag, secrets, opened: None, trouble: None })
    }

    fn log_in(&mut self, server: &Server) -> Result<()> {
        let mut capabilities = String::new();
        self.converse(&[b"CAPABILITY".to_vec()], ANSWER, &mut |line| {
            if answer::is_about(&line, "CAPABILITY") {
                capabilities = String::from_utf8_lossy(&line).to_ascii_uppercase();
            }
        })
        .map_err(|error| refused("CAPABILITY", error))?;
        let has = |word: &str| capabilities.split_ascii_whitespace().any(|capability| capability == word);
        let (user, password) = (server.user.as_str(), server.password.reveal());
        if user.contains('\0') || password.contains('\0') {
            return Err(self.login_refused(Said("no user name or password can have a NUL".to_string()).into()));
        }
        let command = if has("AUTH=PLAIN") {
            authenticate(user, password, has("SASL-IR"))
        } else if has("LOGINDISABLED") {
            return Err(fault(Class::Refused, "the server offers no password login on this connection".into())
                .hint("use --imap-security tls or starttls")
                .into());
        } else {
            login(user, password)
        };
        self.converse(&command, ANSWER, &mut |_| {}).map_err(|error| self.login_refused(error))
    }

    fn login_refused(&self, error: anyhow::Error) -> anyhow::Error {
        match error.downcast::<Said>() {
            Ok(Said(words)) => fault(Class::Refused, format!("login refused: {words}"))
                .hint(format!("try: espomail account test {}", self.account))
                .into(),
            Err(other) => other,
        }
    }
}

/// SASL PLAIN (RFC 4616), with the initial response where the server takes one (RFC 4959).
fn authenticate(user: &str, password: &str, initial: bool) -> Vec<Vec<u8>> {
    let response = credentials(user, password);
    if initial {
        vec![format!("AUTHENTICATE PLAIN {response}").into_bytes()]
    } else {
        vec![b"AUTHENTICATE PLAIN".to_vec(), response.into_bytes()]
    }
}

fn credentials(user: &str, password: &str) -> String {
    STANDARD.encode(format!("\0{user}\0{password}"))
}

/// RFC 3501, section 6.2.3: printable ASCII is quoted; everything else goes as a literal that the server asks for.
fn login(user: &str, password: &str) -> Vec<Vec<u8>> {
    let mut parts = vec![b"LOGIN".to_vec()];
    for word in [user, password] {
        let mut next = None;
        if let Some(part) = parts.last_mut() {
            if word.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                part.extend(format!(" {}", quoted(word)).into_bytes());
            } else {
                part.extend(format!(" {{{}}}", word.len()).into_bytes());
                next = Some(word.as_bytes().to_vec());
            }
        }
        parts.extend(next);
    }
    parts
}

fn quoted(word: &str) -> String {
    format!("\"{}\"", escaped(word))
}

fn escaped(word: &str) -> String {
    word.replace('\\', "\\\\").replace('"', "\\\"")
}

/// The password in all shapes in which it goes over the wire; the longest first, so that none leaves a rest of another.
fn secrets(server: &Server) -> Vec<String> {
    let password = server.password.reveal();
    if password.is_empty() {
        return Vec::new();
    }
    vec![credentials(&server.user, password), escaped(password), password.to_string()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(user: &str, password: &str) -> Vec<String> {
        login(user, password).into_iter().map(|part| String::from_utf8_lossy(&part).into_owned()).collect()
    }

    #[test]
    fn a_login_is_quoted_or_sent_as_literals() {
        assert_eq!(parts("ada", r#"a "b\c"#), [r#"LOGIN "ada" "a \"b\\c""#]);
        assert_eq!(parts("ada", "pässwörd"), [r#"LOGIN "ada" {10}"#, "pässwörd"]);
        assert_eq!(parts("bö", "a\r\nb"), ["LOGIN {3}", "bö {4}", "a\r\nb"]);
        assert_eq!(parts("bö", ""), ["LOGIN {3}", r#"bö """#]);
    }
}
