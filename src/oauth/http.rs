//! One request, one answer, over a connection of ours: so our trust, our limits and our deadline hold.

use std::cell::RefCell;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Error, Result};
use oauth2::{HttpRequest, HttpResponse};
use serde_json::Value;
use ureq::http::Uri;
use ureq::unversioned::transport::{ConnectionDetails, Connector};
use ureq::{Agent, Body};

use crate::fault::{Class, Fault, Reach, class_of};
use crate::net::http::{Line, Nowhere, http_config};
use crate::net::{OAUTH, Place, text};
use crate::words::Security;

/// How long a request may take, with its answer.
const LIMIT: Duration = Duration::from_secs(30);

/// The bytes that an answer may have, and its header: tokens of Microsoft have a few thousand.
const ANSWER: u64 = 64 << 10;
const HEADER: usize = 16 << 10;

/// Asks a server.
pub struct Http {
    place: Place,
    /// Why the last request has no answer.
    error: RefCell<Option<Error>>,
}

/// There is no answer; why is kept where it was asked.
#[derive(Debug)]
pub struct Unheard;

impl fmt::Display for Unheard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no answer")
    }
}

impl std::error::Error for Unheard {}

impl Http {
    pub fn new(place: Place) -> Self {
        Self { place, error: RefCell::new(None) }
    }

    /// Takes why the last request has no answer.
    pub fn take_error(&self) -> Option<Error> {
        self.error.borrow_mut().take()
    }

    /// Whether the last request has no answer for a reason that does not pass by itself.
    pub fn is_hopeless(&self) -> bool {
        self.error.borrow().as_ref().is_some_and(|error| class_of(error) != Class::Unavailable)
    }

    /// Sends a request and reads its answer.
    pub fn ask(&self, request: HttpRequest) -> Result<HttpResponse, Unheard> {
        let answer = self.exchange(request);
        let (answer, error) = match answer {
            Ok(answer) => (Ok(answer), None),
            Err(error) => (Err(Unheard), Some(error)),
        };
        *self.error.borrow_mut() = error;
        answer
    }

    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse> {
        let place = self.place_of(request.uri())?;
        let named = format!("{}:{}", place.host, place.port);
        let unheard = |error: ureq::Error| {
            let class = match error {
                ureq::Error::Io(_) | ureq::Error::Timeout(_) => Class::Unavailable,
                _ => Class::Protocol,
            };
            fault(class, format!("{named} gives no answer: {}", text(error.to_string().as_bytes())))
        };
        let line = Line::once(place.connect()?, HEADER);
        let answer = Agent::with_parts(http_config(LIMIT, HEADER, 0), Made(Mutex::new(Some(line))), Nowhere)
            .run(request)
            .map_err(unheard)?;
        match answer.status().as_u16() {
            // What is secret was meant for this server.
            status @ 300..=399 => {
                Err(fault(Class::Protocol, format!("{named} sends us elsewhere (HTTP {status}), and nobody follows")).into())
            }
            status @ (429 | 500..) => Err(fault(Class::Unavailable, format!("{named} answers HTTP {status}")).into()),
            _ => {
                let (head, body): (_, Body) = answer.into_parts();
                let body = body.into_with_config().limit(ANSWER).read_to_vec().map_err(unheard)?;
                Ok(HttpResponse::from_parts(head, with_numbers(body)))
            }
        }
    }

    /// Says where a URL leads: by TLS, or, on this machine alone, in clear text.
    fn place_of(&self, uri: &Uri) -> Result<Place> {
        let security = match uri.scheme_str() {
            Some("https") => Security::Tls,
            Some("http") => Security::Plain,
            _ => return Err(fault(Class::Config, format!("{uri} is no https URL")).into()),
        };
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_string();
        let usual = u16::try_from(OAUTH.usual_port(security))?;
        let port = uri.port_u16().unwrap_or(usual);
        Ok(Place { host, port, security, deadline: Instant::now() + LIMIT, ..self.place.clone() })
    }
}

/// What RFC 6749 (section 5.1) and RFC 8628 (section 3.2) have as numbers some servers write as text.
fn with_numbers(body: Vec<u8>) -> Vec<u8> {
    let Ok(Value::Object(mut answer)) = serde_json::from_slice(&body) else { return body };
    let mut has_changed = false;
    for key in ["expires_in", "interval"] {
        if let Some(value) = answer.get_mut(key)
            && let Some(number) = value.as_str().and_then(|text| text.trim().parse::<u64>().ok())
        {
            *value = number.into();
            has_changed = true;
        }
    }
    if has_changed { Value::Object(answer).to_string().into_bytes() } else { body }
}

/// The connection that is there already; there is no other.
#[derive(Debug)]
struct Made(Mutex<Option<Line>>);

impl Connector for Made {
    type Out = Line;

    fn connect(&self, _: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Line>, ureq::Error> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).take())
    }
}

/// A fault that ends the account's turn.
pub fn fault(class: Class, what: String) -> Fault {
    Fault::new(class, what).reach(Reach::Account)
}
