//! As whom to log in, how that is proved, and what must stand in no line of ours.

use std::fmt;
use std::sync::Arc;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Place, text};
use crate::fault::{Class, Fault, Reach};
use crate::secret::Secret;
use crate::words::Auth;

/// Where to connect, as whom, and how that is proved.
#[derive(Debug, Clone)]
pub struct Login<'a> {
    /// The account's name, for what to type next.
    pub account: String,
    pub place: Place,
    pub user: String,
    pub auth: Auth,
    pub proof: Proof<'a>,
}

/// What proves it.
#[derive(Debug, Clone)]
pub enum Proof<'a> {
    /// Nobody logs in.
    Nothing,
    Password(Secret),
    Token(Tokens<'a>),
}

/// Gives a token; behind one that the server has just refused another one, where there is one.
type Ask<'a> = dyn Fn(Option<&Secret>) -> Result<Option<Secret>> + Send + Sync + 'a;

/// Tokens end: one is asked for at each login.
#[derive(Clone)]
pub struct Tokens<'a> {
    pub ask: Arc<Ask<'a>>,
    /// Who gave the right to it, and how long ago; none where a command prints the token.
    pub grant: Option<String>,
}

impl fmt::Debug for Tokens<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(…)")
    }
}

/// What is said at one login.
pub struct Credentials {
    pub user: String,
    pub auth: Auth,
    secret: Secret,
}

/// The server does not take this token; another one may do.
#[derive(Debug)]
struct TokenRefused(String);

impl fmt::Display for TokenRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Login<'_> {
    /// Opens something by a login; with a token that the server refuses, once more with another, where there is one.
    pub fn open<T>(&self, mut attempt: impl FnMut(Option<&Credentials>) -> Result<T>) -> Result<T> {
        let tokens = match &self.proof {
            Proof::Nothing => return attempt(None),
            Proof::Password(secret) => return attempt(Some(&self.with(secret.clone()))),
            Proof::Token(tokens) => tokens,
        };
        let first = (tokens.ask)(None)?.ok_or_else(|| self.refused(Class::Config, "there is no token", None))?;
        match attempt(Some(&self.with(first.clone()))) {
            Err(error) if error.downcast_ref::<TokenRefused>().is_some() => match (tokens.ask)(Some(&first))? {
                Some(other) => attempt(Some(&self.with(other))),
                None => Err(error),
            },
            outcome => outcome,
        }
    }

    fn with(&self, secret: Secret) -> Credentials {
        Credentials { user: self.user.clone(), auth: self.auth, secret }
    }

    /// The server does not let us in. `explained` is what it said in its challenge of why a token is not taken.
    pub fn refused(&self, class: Class, said: &str, explained: Option<&str>) -> anyhow::Error {
        let grant = if let Proof::Token(Tokens { grant, .. }) = &self.proof { grant.as_deref() } else { None };
        let about: Vec<&str> = explained.into_iter().chain(grant).collect();
        let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join("; ")) };
        let what = format!("login refused: {said}{about}");
        let hint = match grant {
            Some(_) => format!("try: espomail account authorize {}", self.account),
            None => format!("try: espomail account test {}{}", self.account, self.place.options.test),
        };
        let error = anyhow::Error::from(Fault::new(class, &what).reach(Reach::Account).hint(hint));
        let is_of_token = matches!(self.proof, Proof::Token(_)) && class == Class::Refused;
        if is_of_token { error.context(TokenRefused(what)) } else { error }
    }
}

impl Credentials {
    /// Whether they cannot be said: a NUL ends a word of a login.
    pub fn have_nul(&self) -> bool {
        self.user.contains('\0') || self.secret().contains('\0')
    }

    pub fn secret(&self) -> &str {
        self.secret.reveal()
    }

    /// Returns the response of SASL PLAIN (RFC 4616).
    pub fn plain(&self) -> String {
        STANDARD.encode(format!("\0{}\0{}", self.user, self.secret()))
    }

    /// Returns the response of XOAUTH2.
    pub fn xoauth2(&self) -> String {
        STANDARD.encode(format!("user={}\x01auth=Bearer {}\x01\x01", self.user, self.secret()))
    }

    /// Returns the response of OAUTHBEARER (RFC 7628, section 3.1); a name in it has neither comma nor equals sign (RFC 5801).
    pub fn oauthbearer(&self, place: &Place) -> String {
        let (user, token) = (self.user.replace('=', "=3D").replace(',', "=2C"), self.secret());
        let (host, port) = (&place.host, place.port);
        STANDARD.encode(format!("n,a={user},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01"))
    }

    /// Returns what a server's words must not be repeated with.
    pub fn secrets(&self, place: &Place) -> Secrets {
        let secret = self.secret();
        // The longest first, so that none leaves a rest of another.
        let shapes = [self.oauthbearer(place), self.xoauth2(), self.plain(), STANDARD.encode(secret), escaped(secret)];
        Secrets::of(shapes.into_iter().chain([secret.to_string()]).filter(|_| !secret.is_empty()))
    }
}

/// What ends the explanation of a token that is not taken: nothing with XOAUTH2, a control character with OAUTHBEARER (RFC 7628,
/// section 3.2.3).
pub fn give_up(auth: Auth) -> &'static str {
    if auth == Auth::Oauthbearer { "AQ==" } else { "" }
}

/// Reads why a token is not taken: a challenge that is JSON in Base64, of XOAUTH2 as of OAUTHBEARER (RFC 7628, section 3.2.2).
pub fn why_refused(challenge: &[u8], secrets: &Secrets) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Challenge {
        status: Option<String>,
        scope: Option<String>,
        error_description: Option<String>,
    }
    // Of one that was cut, what is whole.
    let whole = challenge.trim_ascii();
    let whole = whole.get(..whole.len() / 4 * 4).unwrap_or_default();
    let json = STANDARD.decode(whole).ok().filter(|json| !json.is_empty())?;
    let known: Option<Challenge> = serde_json::from_slice(&json).ok();
    let told = known.map(|known| {
        let scope = known.scope.map(|scope| format!("scope {scope}"));
        [known.status, known.error_description, scope].into_iter().flatten().collect::<Vec<_>>().join(", ")
    });
    let words = told.filter(|told| !told.is_empty()).unwrap_or_else(|| String::from_utf8_lossy(&json).into_owned());
    Some(text(secrets.hide(&words).as_bytes()))
}

/// Writes a word as IMAP has it between quotes (RFC 3501, section 4.3).
pub fn escaped(word: &str) -> String {
    word.replace('\\', "\\\\").replace('"', "\\\"")
}

/// A password or token in all shapes in which it goes over the wire. A server that repeats one must not make us print it.
pub struct Secrets(Vec<String>);

impl Secrets {
    pub fn of(all: impl IntoIterator<Item = String>) -> Self {
        Self(all.into_iter().filter(|secret| !secret.is_empty()).collect())
    }

    /// What stands in the place of words with a secret in them.
    pub const UNSAID: &str = "what it said repeats the login";

    /// Whether a server's words repeat a secret, or a good part of one: of a token that was cut, or of a password in another shape,
    /// a run of eight characters is enough.
    pub fn are_in(&self, words: &str) -> bool {
        const RUN: usize = 8;
        self.0.iter().filter(|secret| !secret.is_empty()).any(|secret| {
            let runs: Vec<char> = secret.chars().collect();
            runs.windows(RUN.min(runs.len())).any(|run| words.contains(&run.iter().collect::<String>()))
        })
    }

    /// Takes the secrets out of a server's words.
    pub fn hide(&self, words: &str) -> String {
        let hidden = self.0.iter().fold(words.to_string(), |words, secret| words.replace(secret, "…"));
        if self.are_in(&hidden) { Self::UNSAID.to_string() } else { hidden }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_a_secret_in_any_length_is_found() {
        let secrets = Secrets(vec!["a-token-of-many-letters".to_string(), "hunter2".to_string()]);
        for words in ["no hunter2 here", "hunter2", "AUTH a-token-of-ma", "…any-letters"] {
            assert!(secrets.are_in(words), "{words}");
        }
        for words in ["hunter", "a-token", "", "login refused"] {
            assert!(!secrets.are_in(words), "{words}");
        }
        assert!(!Secrets(vec![String::new()]).are_in("anything"));
        assert_eq!(Secrets::of([String::new()]).hide("invalid_grant"), "invalid_grant");
        assert_eq!(secrets.hide("no hunter2 here"), "no … here");
        assert_eq!(secrets.hide("AUTH a-token-of-ma"), Secrets::UNSAID, "a part of it");
    }

    #[test]
    fn fetch_16_why_a_token_is_refused_is_read_and_never_repeats_it() {
        let secrets = Secrets::of(["a-token-of-many-letters".to_string()]);
        let told = |json: &str| why_refused(STANDARD.encode(json).as_bytes(), &secrets);
        for (json, words) in [
            (r#"{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}"#, "401, scope https://mail.google.com/"),
            (r#"{"status":"invalid_token","openid-configuration":"https://x.example/"}"#, "invalid_token"),
            ("{}", "{}"),
            ("\u{1b}[31mno JSON", "\\u{1b}[31mno JSON"),
            (r#"{"status":"a-token-of-many-letters"}"#, "…"),
        ] {
            assert_eq!(told(json).as_deref(), Some(words), "{json}");
        }
        assert!(why_refused(b"", &secrets).is_none() && why_refused(b"not base64!", &secrets).is_none());
        assert!(told(&"x".repeat(100_000)).is_some_and(|told| told.len() < 300));
    }
}
