//! What is asked of an authorisation server, and what its answers mean.

use std::fmt::Display;

use anyhow::{Error, Result};
use oauth2::basic::BasicClient;
use oauth2::{
    AuthType, AuthUrl, ClientId, ClientSecret, DeviceAuthorizationUrl, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    ErrorResponseType, RefreshToken, RequestTokenError, Scope, StandardErrorResponse, TokenResponse, TokenUrl,
};

use super::http::{Http, Unheard, fault};
use crate::fault::Class;
use crate::net::{Place, Secrets, text};
use crate::secret::Secret;

/// An authorisation server, and as whom we ask it.
#[derive(Debug, Clone)]
pub struct Client {
    /// As people name it.
    pub name: String,
    pub id: String,
    pub secret: Option<Secret>,
    pub authorize_url: Option<String>,
    pub device_url: Option<String>,
    pub token_url: String,
    pub scopes: Vec<String>,
    /// How it is connected to, wherever it stands.
    pub place: Place,
}

/// What a server gives.
#[derive(Debug, Clone)]
pub struct Tokens {
    pub access: Secret,
    /// None where the earlier one goes on to be good, or where there is none.
    pub refresh: Option<Secret>,
    /// How many seconds the access token is good for.
    pub seconds: Option<u64>,
}

/// Why there are none.
#[derive(Debug)]
pub enum Failure {
    /// The right has ended, and only a person can give it anew: the server's words.
    Ended(String),
    Other(Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Ended(words) => fault(Class::Refused, format!("the server refuses it: {words}")).into(),
            Failure::Other(error) => error,
        }
    }
}

pub(super) type Oauth = BasicClient<EndpointMaybeSet, EndpointMaybeSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

impl Client {
    /// Asks for another access token.
    pub fn refresh(&self, token: &Secret) -> Result<Tokens, Failure> {
        let (oauth, http) = self.begin().map_err(Failure::Other)?;
        let refresh = RefreshToken::new(token.reveal().to_string());
        let answer = oauth.exchange_refresh_token(&refresh).request(&|request| http.ask(request));
        self.taken(&http, answer, &[token])
    }

    pub(super) fn begin(&self) -> Result<(Oauth, Http)> {
        let wrong = |_| {
            let what = format!("the authorisation server {} has an address that cannot be read", self.name);
            fault(Class::Config, what).hint(self.where_it_is_set())
        };
        let mut oauth = BasicClient::new(ClientId::new(self.id.clone()))
            // As Google and Microsoft have it, and others take it (RFC 6749, section 2.3.1).
            .set_auth_type(AuthType::RequestBody)
            .set_auth_uri_option(self.authorize_url.clone().map(AuthUrl::new).transpose().map_err(wrong)?)
            .set_device_authorization_url_option(
                self.device_url.clone().map(DeviceAuthorizationUrl::new).transpose().map_err(wrong)?,
            )
            .set_token_uri(TokenUrl::new(self.token_url.clone()).map_err(wrong)?);
        if let Some(secret) = &self.secret {
            oauth = oauth.set_client_secret(ClientSecret::new(secret.reveal().to_string()));
        }
        Ok((oauth, Http::new(self.place.clone())))
    }

    pub(super) fn scopes(&self) -> impl Iterator<Item = Scope> + '_ {
        self.scopes.iter().cloned().map(Scope::new)
    }

    /// What to look at where the server does not know us.
    pub(super) fn where_it_is_set(&self) -> String {
        format!("check what the configuration says of {}; see espomail.toml(5)", self.name)
    }

    /// Reads the answer to a request for tokens.
    pub(super) fn taken<T: TokenResponse, E: ErrorResponseType + Display + 'static>(
        &self,
        http: &Http,
        answer: Result<T, RequestTokenError<Unheard, StandardErrorResponse<E>>>,
        said: &[&Secret],
    ) -> Result<Tokens, Failure> {
        let answer = answer.map_err(|error| self.failure(http, error, said))?;
        // A line of ours has it, or a header.
        let is_token = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_token(answer.access_token().secret()) {
            return Err(Failure::Other(fault(Class::Protocol, format!("{} gives no token", self.name)).into()));
        }
        Ok(Tokens {
            access: Secret::new(answer.access_token().secret()),
            // Some say with an empty one that the earlier one goes on.
            refresh: answer.refresh_token().filter(|token| is_token(token.secret())).map(|token| Secret::new(token.secret())),
            seconds: answer.expires_in().map(|time| time.as_secs()),
        })
    }

    /// Tells what a failed request means. What the server says of it is cut, made fit for a line, and repeats nothing secret.
    pub(super) fn failure<E: ErrorResponseType + Display + 'static>(
        &self,
        http: &Http,
        error: RequestTokenError<Unheard, StandardErrorResponse<E>>,
        said: &[&Secret],
    ) -> Failure {
        let server = &self.name;
        if let Some(error) = http.take_error() {
            return Failure::Other(error);
        }
        let secrets = said.iter().copied().chain(&self.secret).map(|secret| secret.reveal().to_string());
        let secrets = Secrets::of(secrets);
        let (class, what, hint) = match error {
            RequestTokenError::ServerResponse(answer) => {
                let code = text(secrets.hide(&answer.error().to_string()).as_bytes());
                let words = answer.error_description().map(|words| text(secrets.hide(words).as_bytes()));
                let words = words.map_or_else(|| code.clone(), |words| format!("{code}: {words}"));
                match code.as_str() {
                    "invalid_grant" | "access_denied" | "expired_token" => return Failure::Ended(words),
                    "temporarily_unavailable" | "server_error" | "slow_down" => {
                        (Class::Unavailable, format!("{server} gives no token now: {words}"), None)
                    }
                    _ => (Class::Config, format!("{server} does not know us: {words}"), Some(self.where_it_is_set())),
                }
            }
            RequestTokenError::Parse(..) => (Class::Protocol, format!("the answer of {server} cannot be understood"), None),
            RequestTokenError::Request(_) => (Class::Unavailable, format!("{server} does not answer"), None),
            RequestTokenError::Other(words) => {
                (Class::Protocol, format!("the answer of {server} is none: {}", text(secrets.hide(&words).as_bytes())), None)
            }
        };
        let fault = fault(class, what);
        Failure::Other(if let Some(hint) = hint { fault.hint(hint) } else { fault }.into())
    }
}
