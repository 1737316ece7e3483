//! How a session begins: greeting, STARTTLS, login. Nothing secret is sent before the connection is what was asked for.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;

use super::Server;
use super::Trouble;
use super::answer;
use super::guard::{Guard, Guarded, offers};
use super::session::{Foreseen, Session};
use super::talk::{Ahead, Said, Talk, fault};
use super::wire::Wire;
use crate::fault::Class;
use crate::net::{Credentials, Login, give_up};
use crate::words::{Auth, Security};

/// The bytes that an answer may have before the login.
const ANSWER: u64 = 256 << 10;
/// Whose greeting has this name in it takes commands behind a login. Courier loses them, Cyrus answers AUTHENTICATE twice and loses them
/// (`docs/servers.md`).
const BEARS_FLIGHTS: &[u8] = b"Dovecot";
/// How long it may take until something comes of what went out behind a login: then it is taken for lost.
const LOST: Duration = Duration::from_secs(5);

impl Session {
    /// Connects, encrypts and logs in; a token that has ended is followed by another.
    pub fn open(server: &Server<'_>) -> Result<Self> {
        Self::open_for(server, None)
    }

    /// The same. What is foreseen goes out behind the login where the server is known to bear that, so that the line is crossed once for both.
    pub fn open_for(server: &Server<'_>, foreseen: Option<&Foreseen<'_>>) -> Result<Self> {
        server.login.open(|credentials| Self::open_with(server, credentials, foreseen))
    }

    fn open_with(server: &Server<'_>, credentials: Option<&Credentials>, foreseen: Option<&Foreseen<'_>>) -> Result<Self> {
        let login = &server.login;
        let place = &login.place;
        let Some(credentials) = credentials else { return Err(login.refused(Class::Config, "there is no password", None)) };
        let mut talk = Talk::new(Wire::new(place.connect()?), credentials.secrets(place));
        let bears_flights = greet(&mut talk)?;
        if place.security == Security::Starttls {
            talk = start_tls(talk, login)?;
        }
        let guard = Guard::of(talk);
        let flight = foreseen.filter(|_| bears_flights).and_then(Foreseen::flight).unwrap_or_default();
        let outcome = log_in(&guard, login, credentials, flight);
        let is_lost = is_lost(&mut guard.borrow_mut().talk, outcome.is_ok());
        if is_lost {
            log::info!("account {}: the server does not bear what goes out behind a login; going on without", login.account);
            return Self::open_with(server, Some(credentials), None);
        }
        Ok(Self::of(outcome?, guard, &login.account, server.max_response))
    }
}

/// Whether what went out behind a login confused the server, or was lost. A refusal is one: nobody logs in twice for that.
fn is_lost(talk: &mut Talk, is_in: bool) -> bool {
    if !talk.ahead.iter().any(Ahead::is_asked) {
        return false;
    }
    if !is_in {
        return matches!(talk.trouble, Some(Trouble::Garbled | Trouble::Cut));
    }
    let has_come = talk.wire.comes_within(LOST).unwrap_or(false);
    let comes = talk.wire.waiting();
    !has_come || !(comes.starts_with(b"*") || talk.ahead.iter().any(|one| one.is_of(comes)))
}

/// The greeting must be OK: PREAUTH would skip the login that says who we are, and before TLS it is an attack. The crate looks at none
/// of it. Returns whether the server bears commands behind a login.
fn greet(talk: &mut Talk) -> Result<bool> {
    talk.wire.allow(ANSWER);
    let line = talk.wire.answer(&mut |_| {}).map_err(|error| talk.broken(error))?;
    if let Some(words) = answer::bye(&line) {
        return Err(talk.said_bye(words).into());
    }
    if answer::is_about(&line, "PREAUTH") {
        let what = "the server takes us for somebody it knows already, before any login";
        return Err(fault(Class::Refused, what.to_string()).hint("check host, port and --imap-security").into());
    }
    // A server that says so at once need not be asked.
    talk.offered = line.strip_prefix(b"* OK").and_then(answer::offered);
    if !answer::is_about(&line, "OK") {
        return Err(talk.not_understood("the server's greeting", &line).into());
    }
    Ok(memmem::find(&line, BEARS_FLIGHTS).is_some())
}

/// RFC 3501, section 6.2.1. Refused is an error, and so is anything that came in clear text behind the OK. The crate has the command only
/// together with a connection of its own.
fn start_tls(mut talk: Talk, login: &Login<'_>) -> Result<Talk> {
    talk.command("STARTTLS", ANSWER, &mut |_| {}).map_err(|error| match error.downcast::<Said>() {
        Ok(Said(words)) => login.place.no_tls(format!("STARTTLS was refused: {words}")),
        Err(other) => other,
    })?;
    // What was offered in clear text counts no more.
    talk.over(|wire| Ok(Wire::new(login.place.start_tls(wire.into_stream())?)))
}

fn log_in(
    guard: &Rc<RefCell<Guard>>,
    login: &Login<'_>,
    credentials: &Credentials,
    flight: Vec<String>,
) -> Result<imap::Session<Guarded>> {
    let mut client = imap::Client::new(Guarded(Rc::clone(guard)));
    let needed = match credentials.auth {
        Auth::Password => "IMAP4REV1",
        Auth::Xoauth2 => "AUTH=XOAUTH2",
        Auth::Oauthbearer => "AUTH=OAUTHBEARER",
    };
    let has_greeted = guard.borrow().talk.offered.is_some();
    if !offers(guard, needed, || client.capabilities())? && has_greeted {
        // The greeting may not have said all.
        guard.borrow_mut().talk.offered = None;
        offers(guard, needed, || client.capabilities())?;
    }
    // What is offered to somebody may be more than what is offered to anybody.
    let capabilities = guard.borrow_mut().talk.offered.take().unwrap_or_default();
    let has = |word: &str| capabilities.iter().any(|capability| capability == word);
    if credentials.have_nul() {
        return Err(login.refused(Class::Refused, "no user name or password can have a NUL", None));
    }
    let way = way(&has, login, credentials)?;
    // RFC 2971: some want to know with whom they speak before they open a mailbox. The line is not crossed for that.
    let id = has("ID").then(|| format!("ID (\"name\" \"espomail\" \"version\" \"{}\")", env!("CARGO_PKG_VERSION")));
    let is_ahead = !flight.is_empty() && way.is_one_line(credentials);
    if is_ahead {
        let commands = id.iter().map(|id| (id.clone(), true)).chain(flight.into_iter().map(|command| (command, false)));
        guard.borrow_mut().talk.behind = commands.collect();
    }
    guard.borrow_mut().talk.budget = ANSWER;
    let outcome = match way {
        Way::Login => client.login(&credentials.user, credentials.secret()),
        Way::Sasl(command, answers) => client.authenticate(command, &answers),
    };
    let mut guard = guard.borrow_mut();
    let outcome = guard.talk.judge(outcome.map_err(|(error, _)| error));
    let imap = outcome.map_err(|error| match error.downcast::<Said>() {
        Ok(Said(words)) => {
            let explained = credentials.auth.is_token().then(|| guard.talk.why_refused(&guard.challenge)).flatten();
            // RFC 5530: it cannot be said now whether we may come in.
            let class = if words.contains("[UNAVAILABLE]") { Class::Unavailable } else { Class::Refused };
            login.refused(class, &words, explained.as_deref())
        }
        Err(other) => other,
    })?;
    if let Some(id) = id.filter(|_| !is_ahead) {
        guard.talk.send_ahead(id, true);
    }
    Ok(imap)
}

/// How to log in.
enum Way {
    Login,
    /// The words behind AUTHENTICATE, and what is answered to each challenge.
    Sasl(String, Answers),
}

impl Way {
    /// Whether the server asks for nothing more before it knows whether we may come in. Why it does not take a token, it does ask.
    fn is_one_line(&self, credentials: &Credentials) -> bool {
        match self {
            Self::Login => credentials.user.chars().chain(credentials.secret().chars()).all(|c| (' '..='~').contains(&c)),
            Self::Sasl(command, _) => !credentials.auth.is_token() && command.contains(' '),
        }
    }
}

fn way(has: &dyn Fn(&str) -> bool, login: &Login<'_>, credentials: &Credentials) -> Result<Way> {
    let (mechanism, response) = match credentials.auth {
        Auth::Password if has("AUTH=PLAIN") => ("PLAIN", credentials.plain()),
        Auth::Password if has("LOGINDISABLED") => {
            return Err(fault(Class::Refused, "the server offers no password login on this connection".into())
                .hint("use --imap-security tls or starttls")
                .into());
        }
        Auth::Password if format!("{}{}", credentials.user, credentials.secret()).contains(['\r', '\n']) => {
            return Err(login.refused(Class::Refused, "no user name or password can have a line break here", None));
        }
        Auth::Password => return Ok(Way::Login),
        Auth::Oauthbearer => ("OAUTHBEARER", credentials.oauthbearer(&login.place)),
        Auth::Xoauth2 => ("XOAUTH2", credentials.xoauth2()),
    };
    if !has(&format!("AUTH={mechanism}")) {
        return Err(fault(Class::Refused, format!("the server offers no login by {mechanism} on this connection"))
            .hint("check --imap-security and --auth")
            .into());
    }
    // The server explains in another challenge why it does not take a token, and waits for an answer to that.
    let given_up = give_up(credentials.auth).to_string();
    // RFC 4959: where the server takes it, the response goes with the command.
    Ok(if has("SASL-IR") {
        Way::Sasl(format!("{mechanism} {response}"), Answers::of([given_up]))
    } else {
        Way::Sasl(mechanism.to_string(), Answers::of([response, given_up]))
    })
}

/// What is answered to each challenge, whatever it says, in Base64; behind that nothing.
struct Answers(RefCell<VecDeque<String>>);

impl Answers {
    fn of(answers: impl IntoIterator<Item = String>) -> Self {
        Self(RefCell::new(answers.into_iter().collect()))
    }
}

impl imap::Authenticator for Answers {
    type Response = Vec<u8>;

    fn process(&self, _: &[u8]) -> Vec<u8> {
        STANDARD.decode(self.0.borrow_mut().pop_front().unwrap_or_default()).unwrap_or_default()
    }
}
