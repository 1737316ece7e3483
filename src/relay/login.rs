//! How a session begins: greeting, EHLO, STARTTLS, login. Nothing secret is sent before the connection is what was asked for.

use std::io;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::session::{Session, broken, fault, unwelcome};
use super::{Reply, Server};
use crate::fault::{Class, Fault, Reach};
use crate::net::{self, Stream};
use crate::words::{Security, SmtpAuth};

impl Session {
    /// Connects, encrypts and logs in.
    pub fn open(server: &Server) -> Result<Self> {
        let place = &server.place;
        let tcp = net::connect(place)?;
        if place.security == Security::Plain && !place.allow_plain && !net::is_loopback(&tcp) {
            let what = format!("{} is not this machine, and clear text is not allowed", place.host);
            return Err(Fault::new(Class::Refused, what)
                .reach(Reach::Account)
                .hint("use --smtp-security tls, or set security.allow-plain")
                .into());
        }
        let stream = match place.security {
            Security::Tls => net::encrypt(place, tcp)?,
            Security::Plain | Security::Starttls => Stream::Clear(tcp),
        };
        let mut session = Self::on(stream, server);
        let greeting = session.answer().map_err(broken)?;
        if greeting.code != 220 {
            return Err(unwelcome("the server does not want to talk", &greeting));
        }
        session.hello()?;
        if place.security == Security::Starttls {
            session = session.start_tls(server)?;
        }
        session.log_in(server)?;
        Ok(session)
    }

    /// RFC 3207. Refused is an error, and so is anything that came in clear text behind the 220: it would be taken for an answer
    /// that came through TLS.
    fn start_tls(mut self, server: &Server) -> Result<Self> {
        let refused = |what: String| {
            let hint = "use --smtp-security tls with port 465 if the server offers it";
            anyhow::Error::new(fault(Class::Refused, what).hint(hint))
        };
        if !self.offers("STARTTLS") {
            return Err(refused("the server offers no STARTTLS".to_string()));
        }
        let answer = self.ask("STARTTLS").map_err(broken)?;
        if answer.code != 220 {
            return Err(refused(format!("STARTTLS was refused: {answer}")));
        }
        let Some(Stream::Clear(tcp)) = self.into_stream() else {
            return Err(refused("clear text came together with the answer to STARTTLS: somebody may be in between".to_string()));
        };
        let mut session = Self::on(net::encrypt(&server.place, tcp)?, server);
        // What was offered in clear text counts no more (RFC 3207, section 4.2).
        session.hello()?;
        Ok(session)
    }

    fn log_in(&mut self, server: &Server) -> Result<()> {
        let Some(secret) = &server.password else { return Ok(()) };
        let (user, secret) = (server.user.as_str(), secret.reveal());
        if user.contains('\0') || secret.contains('\0') {
            return Err(fault(Class::Config, "no user name or password can have a NUL".to_string()).into());
        }
        let offered = self.mechanisms();
        let has = |mechanism: &str| offered.iter().any(|one| one == mechanism);
        let bearer = STANDARD.encode(format!("user={user}\x01auth=Bearer {secret}\x01\x01"));
        let plain = STANDARD.encode(format!("\0{user}\0{secret}"));
        let answer = match server.auth {
            SmtpAuth::None => return Ok(()),
            SmtpAuth::Xoauth2 if has("XOAUTH2") => self.xoauth2(&bearer),
            SmtpAuth::Xoauth2 => return Err(no_mechanism("XOAUTH2")),
            SmtpAuth::Password if has("PLAIN") => self.ask(&format!("AUTH PLAIN {plain}")),
            SmtpAuth::Password if has("LOGIN") => self.login(user, secret),
            SmtpAuth::Password => return Err(no_mechanism("PLAIN or LOGIN")),
        };
        // A server that repeats what it was sent must not make us print it.
        let secrets = [secret.to_string(), STANDARD.encode(secret), plain, bearer];
        let unsaid = "what it said repeats the login";
        let answer = answer.map_err(|error| match error.to_string() {
            words if repeats(&words, &secrets) => broken(io::Error::new(error.kind(), format!("login: {unsaid}"))),
            _ => broken(error),
        })?;
        if answer.code == 235 {
            return Ok(());
        }
        let class = if answer.is_permanent() { Class::Refused } else { Class::TempFail };
        let said = if repeats(&answer.text, &secrets) { format!("{} ({unsaid})", answer.code) } else { answer.to_string() };
        Err(fault(class, format!("login refused: {said}"))
            .hint(format!("try: espomail account test {} --smtp", server.account))
            .into())
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

/// Whether a server's words repeat what it was told in secret, or a good part of it: of a token that was cut, or of a password in
/// another shape, a run of eight characters is enough.
fn repeats(words: &str, secrets: &[String]) -> bool {
    const RUN: usize = 8;
    secrets.iter().filter(|secret| !secret.is_empty()).any(|secret| {
        let runs: Vec<char> = secret.chars().collect();
        runs.windows(RUN.min(runs.len())).any(|run| words.contains(&run.iter().collect::<String>()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_a_secret_in_any_length_is_found() {
        let secrets = ["hunter2".to_string(), "a-token-of-many-letters".to_string()];
        for words in ["no hunter2 here", "hunter2", "AUTH a-token-of-ma", "…any-letters"] {
            assert!(repeats(words, &secrets), "{words}");
        }
        for words in ["hunter", "a-token", "", "login refused"] {
            assert!(!repeats(words, &secrets), "{words}");
        }
        assert!(!repeats("anything", &[String::new()]));
    }
}
