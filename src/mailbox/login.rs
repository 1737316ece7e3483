//! How a session begins: greeting, STARTTLS, login. Nothing secret is sent before the connection is what was asked for.

use anyhow::Result;

use super::Server;
use super::answer;
use super::session::{Said, Session, broken, fault, refused};
use super::wire::Wire;
use crate::fault::Class;
use crate::net::{Login, escaped};
use crate::words::Security;

/// The bytes that an answer may have before the login.
const ANSWER: u64 = 256 << 10;

impl Session {
    /// Connects, encrypts and logs in.
    pub fn open(server: &Server) -> Result<Self> {
        let login = &server.login;
        let mut session = Self {
            wire: Wire::new(login.connect()?),
            account: login.account.clone(),
            max_response: server.max_response,
            tag: 0,
            secrets: login.secrets(),
            opened: None,
            trouble: None,
        };
        session.greet()?;
        if login.place.security == Security::Starttls {
            session = session.start_tls(login)?;
        }
        session.log_in(login)?;
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
    fn start_tls(mut self, login: &Login) -> Result<Self> {
        self.converse(&[b"STARTTLS".to_vec()], ANSWER, &mut |_| {}).map_err(|error| match error.downcast::<Said>() {
            Ok(Said(words)) => login.no_tls(format!("STARTTLS was refused: {words}")),
            Err(other) => other,
        })?;
        let Self { wire, account, max_response, tag, secrets, .. } = self;
        let wire = Wire::new(login.start_tls(wire.into_stream())?);
        Ok(Self { wire, account, max_response, tag, secrets, opened: None, trouble: None })
    }

    fn log_in(&mut self, as_whom: &Login) -> Result<()> {
        let mut capabilities = String::new();
        self.converse(&[b"CAPABILITY".to_vec()], ANSWER, &mut |line| {
            if answer::is_about(&line, "CAPABILITY") {
                capabilities = String::from_utf8_lossy(&line).to_ascii_uppercase();
            }
        })
        .map_err(|error| refused("CAPABILITY", error))?;
        let has = |word: &str| capabilities.split_ascii_whitespace().any(|capability| capability == word);
        let (user, password) = (as_whom.user.as_str(), as_whom.secret());
        if user.contains('\0') || password.contains('\0') {
            return Err(as_whom.refused(Class::Refused, "no user name or password can have a NUL"));
        }
        let command = if has("AUTH=PLAIN") {
            authenticate(as_whom.plain(), has("SASL-IR"))
        } else if has("LOGINDISABLED") {
            return Err(fault(Class::Refused, "the server offers no password login on this connection".into())
                .hint("use --imap-security tls or starttls")
                .into());
        } else {
            login(user, password)
        };
        self.converse(&command, ANSWER, &mut |_| {}).map_err(|error| match error.downcast::<Said>() {
            Ok(Said(words)) => as_whom.refused(Class::Refused, &words),
            Err(other) => other,
        })
    }
}

/// SASL PLAIN (RFC 4616), with the initial response where the server takes one (RFC 4959).
fn authenticate(response: String, initial: bool) -> Vec<Vec<u8>> {
    if initial {
        vec![format!("AUTHENTICATE PLAIN {response}").into_bytes()]
    } else {
        vec![b"AUTHENTICATE PLAIN".to_vec(), response.into_bytes()]
    }
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
