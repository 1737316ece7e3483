//! How a session begins: greeting, STARTTLS, login. Nothing secret is sent before the connection is what was asked for.

use std::collections::VecDeque;

use anyhow::Result;

use super::Server;
use super::answer;
use super::session::{Said, Session, broken, fault};
use super::wire::Wire;
use crate::fault::Class;
use crate::net::{Credentials, Login, Secrets, escaped, give_up, why_refused};
use crate::words::{Auth, Security};

/// The bytes that an answer may have before the login.
const ANSWER: u64 = 256 << 10;

impl Session {
    /// Connects, encrypts and logs in; a token that has ended is followed by another.
    pub fn open(server: &Server<'_>) -> Result<Self> {
        server.login.open(|credentials| Self::open_with(server, credentials))
    }

    fn open_with(server: &Server<'_>, credentials: Option<&Credentials>) -> Result<Self> {
        let login = &server.login;
        let place = &login.place;
        let mut session = Self {
            wire: Wire::new(place.connect()?),
            account: login.account.clone(),
            max_response: server.max_response,
            tag: 0,
            secrets: credentials.map_or_else(|| Secrets::of([]), |credentials| credentials.secrets(place)),
            opened: None,
            has_news: false,
            trouble: None,
            offered: None,
            ahead: VecDeque::new(),
            unsent: Vec::new(),
        };
        session.greet()?;
        if place.security == Security::Starttls {
            session = session.start_tls(login)?;
        }
        if let Some(credentials) = credentials {
            session.log_in(login, credentials)?;
        }
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
        // A server that says so at once need not be asked.
        self.offered = line.strip_prefix(b"* OK").and_then(answer::offered);
        if answer::is_about(&line, "OK") { Ok(()) } else { Err(self.not_understood("the server's greeting", &line)) }
    }

    /// RFC 3501, section 6.2.1. Refused is an error, and so is anything that came in clear text behind the OK.
    fn start_tls(mut self, login: &Login<'_>) -> Result<Self> {
        self.converse(&[b"STARTTLS".to_vec()], ANSWER, &mut |_| {}).map_err(|error| match error.downcast::<Said>() {
            Ok(Said(words)) => login.place.no_tls(format!("STARTTLS was refused: {words}")),
            Err(other) => other,
        })?;
        let Self { wire, account, max_response, tag, secrets, .. } = self;
        let wire = Wire::new(login.place.start_tls(wire.into_stream())?);
        // What was offered in clear text counts no more.
        let (opened, trouble, offered, ahead, unsent) = (None, None, None, VecDeque::new(), Vec::new());
        Ok(Self { wire, account, max_response, tag, secrets, opened, trouble, offered, ahead, unsent, has_news: false })
    }

    fn log_in(&mut self, login: &Login<'_>, credentials: &Credentials) -> Result<()> {
        let needed = match credentials.auth {
            Auth::Password => "IMAP4REV1",
            Auth::Xoauth2 => "AUTH=XOAUTH2",
            Auth::Oauthbearer => "AUTH=OAUTHBEARER",
        };
        let has_greeted = self.offered.is_some();
        if !self.offers(needed)? && has_greeted {
            // The greeting may not have said all.
            self.offered = None;
            self.offers(needed)?;
        }
        // What is offered to somebody may be more than what is offered to anybody.
        let capabilities = self.offered.take().unwrap_or_default();
        let has = |word: &str| capabilities.iter().any(|capability| capability == word);
        if credentials.have_nul() {
            return Err(login.refused(Class::Refused, "no user name or password can have a NUL", None));
        }
        let command = match credentials.auth {
            Auth::Password => by_password(&has, credentials)?,
            auth => by_token(&has, auth, login, credentials)?,
        };
        let mut challenge = Vec::new();
        let said = self.converse(&command, ANSWER, &mut |line| {
            // What is asked for without a word of why is empty.
            if let Some(asked) = line.strip_prefix(b"+").filter(|asked| !asked.trim_ascii().is_empty()) {
                challenge = asked.to_vec();
            }
        });
        said.map_err(|error| match error.downcast::<Said>() {
            Ok(Said(words)) => {
                let explained = credentials.auth.is_token().then(|| why_refused(&challenge, &self.secrets)).flatten();
                // RFC 5530: it cannot be said now whether we may come in.
                let class = if words.contains("[UNAVAILABLE]") { Class::Unavailable } else { Class::Refused };
                login.refused(class, &words, explained.as_deref())
            }
            Err(other) => other,
        })?;
        if has("ID") {
            // RFC 2971: some want to know with whom they speak before they open a mailbox. The line is not crossed for that.
            self.send_ahead(format!("ID (\"name\" \"espomail\" \"version\" \"{}\")", env!("CARGO_PKG_VERSION")), true);
        }
        Ok(())
    }
}

fn by_password(has: &dyn Fn(&str) -> bool, credentials: &Credentials) -> Result<Vec<Vec<u8>>> {
    if has("AUTH=PLAIN") {
        Ok(authenticate("PLAIN", credentials.plain(), has("SASL-IR")))
    } else if has("LOGINDISABLED") {
        Err(fault(Class::Refused, "the server offers no password login on this connection".into())
            .hint("use --imap-security tls or starttls")
            .into())
    } else {
        Ok(login(&credentials.user, credentials.secret()))
    }
}

/// The server explains in another challenge why it does not take a token, and waits for an answer to that.
fn by_token(has: &dyn Fn(&str) -> bool, auth: Auth, login: &Login<'_>, credentials: &Credentials) -> Result<Vec<Vec<u8>>> {
    let (mechanism, response) = match auth {
        Auth::Oauthbearer => ("OAUTHBEARER", credentials.oauthbearer(&login.place)),
        Auth::Xoauth2 | Auth::Password => ("XOAUTH2", credentials.xoauth2()),
    };
    if !has(&format!("AUTH={mechanism}")) {
        return Err(fault(Class::Refused, format!("the server offers no login by {mechanism} on this connection"))
            .hint("check --imap-security and --auth")
            .into());
    }
    let mut command = authenticate(mechanism, response, has("SASL-IR"));
    command.push(give_up(auth).as_bytes().to_vec());
    Ok(command)
}

/// SASL (RFC 4422), with the initial response where the server takes one (RFC 4959).
fn authenticate(mechanism: &str, response: String, initial: bool) -> Vec<Vec<u8>> {
    if initial {
        vec![format!("AUTHENTICATE {mechanism} {response}").into_bytes()]
    } else {
        vec![format!("AUTHENTICATE {mechanism}").into_bytes(), response.into_bytes()]
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
