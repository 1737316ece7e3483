//! How a session begins: greeting, EHLO, STARTTLS, login. Nothing secret is sent before the connection is what was asked for.

use std::io;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::session::{Session, broken, fault, unwelcome};
use super::{Reply, Server};
use crate::fault::Class;
use crate::net::Secrets;
use crate::words::{Security, SmtpAuth};

impl Session {
    /// Connects, encrypts and logs in.
    pub fn open(server: &Server) -> Result<Self> {
        let mut session = Self::on(server.login.connect()?, server);
        let greeting = session.answer().map_err(broken)?;
        if greeting.code != 220 {
            return Err(unwelcome("the server does not want to talk", &greeting));
        }
        session.hello()?;
        if server.login.place.security == Security::Starttls {
            session = session.start_tls(server)?;
        }
        session.log_in(server)?;
        Ok(session)
    }

    /// RFC 3207. Refused is an error, and so is anything that came in clear text behind the 220.
    fn start_tls(mut self, server: &Server) -> Result<Self> {
        let login = &server.login;
        if !self.offers("STARTTLS") {
            return Err(login.no_tls("the server offers no STARTTLS".to_string()));
        }
        let answer = self.ask("STARTTLS").map_err(broken)?;
        if answer.code != 220 {
            return Err(login.no_tls(format!("STARTTLS was refused: {answer}")));
        }
        let mut session = Self::on(login.start_tls(self.into_stream())?, server);
        // What was offered in clear text counts no more (RFC 3207, section 4.2).
        session.hello()?;
        Ok(session)
    }

    fn log_in(&mut self, server: &Server) -> Result<()> {
        let login = &server.login;
        let Some(secret) = &login.password else { return Ok(()) };
        let (user, secret) = (login.user.as_str(), secret.reveal());
        if user.contains('\0') || secret.contains('\0') {
            return Err(fault(Class::Config, "no user name or password can have a NUL".to_string()).into());
        }
        let offered = self.mechanisms();
        let has = |mechanism: &str| offered.iter().any(|one| one == mechanism);
        let answer = match server.auth {
            SmtpAuth::None => return Ok(()),
            SmtpAuth::Xoauth2 if has("XOAUTH2") => self.xoauth2(&login.bearer()),
            SmtpAuth::Xoauth2 => return Err(no_mechanism("XOAUTH2")),
            SmtpAuth::Password if has("PLAIN") => self.ask(&format!("AUTH PLAIN {}", login.plain())),
            SmtpAuth::Password if has("LOGIN") => self.login(user, secret),
            SmtpAuth::Password => return Err(no_mechanism("PLAIN or LOGIN")),
        };
        let (secrets, unsaid) = (login.secrets(), Secrets::UNSAID);
        let answer = answer.map_err(|error| match error.to_string() {
            words if secrets.are_in(&words) => broken(io::Error::new(error.kind(), format!("login: {unsaid}"))),
            _ => broken(error),
        })?;
        if answer.code == 235 {
            return Ok(());
        }
        let class = if answer.is_permanent() { Class::Refused } else { Class::TempFail };
        let said = if secrets.are_in(&answer.text) { format!("{} ({unsaid})", answer.code) } else { answer.to_string() };
        Err(login.refused(class, &said))
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

    /// A refused token is explained in a challenge, which an empty line ends.
    fn xoauth2(&mut self, response: &str) -> io::Result<Reply> {
        let answer = self.ask(&format!("AUTH XOAUTH2 {response}"))?;
        if answer.code == 334 { self.ask("") } else { Ok(answer) }
    }
}

fn no_mechanism(wanted: &str) -> anyhow::Error {
    fault(Class::Refused, format!("the server offers no login by {wanted} on this connection"))
        .hint("check --smtp-security and --smtp-auth")
        .into()
}
