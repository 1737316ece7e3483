//! How a session begins: greeting, EHLO, STARTTLS, login. Nothing secret is sent before the connection is what was asked for.

use std::io;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::session::{Session, broken, fault, unwelcome};
use super::{Reply, Server};
use crate::fault::Class;
use crate::net::{Credentials, Secrets, give_up, why_refused};
use crate::words::{Auth, Security};

/// The bytes of a command line with its end (RFC 5321, section 4.5.3.1.4).
const LINE: usize = 512;

impl Session {
    /// Connects, encrypts and logs in; a token that has ended is followed by another.
    pub fn open(server: &Server<'_>) -> Result<Self> {
        server.login.open(|credentials| Self::open_with(server, credentials))
    }

    fn open_with(server: &Server<'_>, credentials: Option<&Credentials>) -> Result<Self> {
        let mut session = Self::on(server.login.place.connect()?, server);
        let greeting = session.answer().map_err(broken)?;
        if greeting.code != 220 {
            return Err(unwelcome("the server does not want to talk", &greeting));
        }
        session.hello()?;
        if server.login.place.security == Security::Starttls {
            session = session.start_tls(server)?;
        }
        if let Some(credentials) = credentials {
            session.log_in(server, credentials)?;
        }
        Ok(session)
    }

    /// RFC 3207. Refused is an error, and so is anything that came in clear text behind the 220.
    fn start_tls(mut self, server: &Server<'_>) -> Result<Self> {
        let place = &server.login.place;
        if !self.offers("STARTTLS") {
            return Err(place.no_tls("the server offers no STARTTLS".to_string()));
        }
        let answer = self.ask("STARTTLS").map_err(broken)?;
        if answer.code != 220 {
            return Err(place.no_tls(format!("STARTTLS was refused: {answer}")));
        }
        let mut session = Self::on(place.start_tls(self.into_stream())?, server);
        // What was offered in clear text counts no more (RFC 3207, section 4.2).
        session.hello()?;
        Ok(session)
    }

    fn log_in(&mut self, server: &Server<'_>, credentials: &Credentials) -> Result<()> {
        let login = &server.login;
        if credentials.have_nul() {
            return Err(fault(Class::Config, "no user name or password can have a NUL".to_string()).into());
        }
        let offered = self.mechanisms();
        let has = |mechanism: &str| offered.iter().any(|one| one == mechanism);
        let mut challenge = None;
        let answer = match credentials.auth {
            Auth::Xoauth2 if has("XOAUTH2") => self.token("XOAUTH2", &credentials.xoauth2(), credentials, &mut challenge),
            Auth::Xoauth2 => return Err(no_mechanism("XOAUTH2")),
            Auth::Oauthbearer if has("OAUTHBEARER") => {
                self.token("OAUTHBEARER", &credentials.oauthbearer(&login.place), credentials, &mut challenge)
            }
            Auth::Oauthbearer => return Err(no_mechanism("OAUTHBEARER")),
            Auth::Password if has("PLAIN") => self.ask(&format!("AUTH PLAIN {}", credentials.plain())),
            Auth::Password if has("LOGIN") => self.login(&credentials.user, credentials.secret()),
            Auth::Password => return Err(no_mechanism("PLAIN or LOGIN")),
        };
        let (secrets, unsaid) = (credentials.secrets(&login.place), Secrets::UNSAID);
        let answer = answer.map_err(|error| match error.to_string() {
            words if secrets.are_in(&words) => broken(io::Error::new(error.kind(), format!("login: {unsaid}"))),
            _ => broken(error),
        })?;
        if answer.code == 235 {
            return Ok(());
        }
        let class = if answer.is_permanent() { Class::Refused } else { Class::TempFail };
        let said = if secrets.are_in(&answer.text) { format!("{} ({unsaid})", answer.code) } else { answer.to_string() };
        let explained = challenge.and_then(|challenge| why_refused(challenge.as_bytes(), &secrets));
        Err(login.refused(class, &said, explained.as_deref()))
    }

    /// The server asks for user and password in turn.
    fn login(&mut self, user: &str, password: &str) -> io::Result<Reply> {
        let mut answer = self.ask("AUTH LOGIN")?;
        for word in [user, password] {
            if answer.code != 334 {
                return Ok(answer);
            }
            answer = self.ask(&STANDARD.encode(word))?;
        }
        Ok(answer)
    }

    /// A refused token is explained in a challenge, which has to be answered.
    fn token(
        &mut self,
        mechanism: &str,
        response: &str,
        credentials: &Credentials,
        challenge: &mut Option<String>,
    ) -> io::Result<Reply> {
        let whole = format!("AUTH {mechanism} {response}");
        // RFC 4954, section 4: a response that makes the line too long is asked for.
        let answer = if whole.len() + 2 <= LINE {
            self.ask(&whole)?
        } else {
            match self.ask(&format!("AUTH {mechanism}"))? {
                asked if asked.code == 334 => self.ask(response)?,
                other => other,
            }
        };
        if answer.code != 334 {
            return Ok(answer);
        }
        *challenge = Some(answer.text);
        self.ask(give_up(credentials.auth))
    }
}

fn no_mechanism(wanted: &str) -> anyhow::Error {
    fault(Class::Refused, format!("the server offers no login by {wanted} on this connection"))
        .hint("check --smtp-security and --smtp-auth")
        .into()
}
