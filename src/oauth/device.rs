//! A code that a person types in on any other machine (RFC 8628).

use std::time::Duration;

use anyhow::Result;
use oauth2::{DeviceAuthorizationResponse, EmptyExtraDeviceAuthorizationFields, HttpResponse};

use super::client::{Client, Failure, Oauth, Tokens};
use super::http::{Http, fault};
use crate::fault::{Class, Fault};
use crate::net::text;

/// How long the server may have us wait between two questions, how long we do at least, and how long for a person.
const INTERVAL: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(1_800);

/// What a person is to type in.
pub struct Device<'a> {
    client: &'a Client,
    oauth: Oauth,
    http: Http,
    asked: DeviceAuthorizationResponse<EmptyExtraDeviceAuthorizationFields>,
}

impl<'a> Device<'a> {
    /// Asks for a code.
    pub fn begin(client: &'a Client) -> Result<Self> {
        let (oauth, http) = client.begin()?;
        let none = || -> Fault {
            let what = format!("{} gives no codes to type in elsewhere for mail", client.name);
            fault(Class::Usage, what).hint("use --flow browser")
        };
        let request = oauth.exchange_device_code().map_err(|_| none())?.add_scopes(client.scopes());
        let asked: DeviceAuthorizationResponse<EmptyExtraDeviceAuthorizationFields> =
            request.request(&|request| http.ask(request)).map_err(|error| client.failure(&http, error, &[]))?;
        if asked.interval() > INTERVAL {
            let what = format!("{} wants to be asked every {} seconds only", client.name, asked.interval().as_secs());
            return Err(fault(Class::Protocol, what).into());
        }
        Ok(Self { client, oauth, http, asked })
    }

    /// Where to type the code in. A person opens it: it must be a page, and say nothing to a terminal.
    pub fn url(&self) -> String {
        text(self.asked.verification_uri().as_bytes())
    }

    pub fn code(&self) -> String {
        text(self.asked.user_code().secret().as_bytes())
    }

    /// Waits until the person has done so, as long as the code is good.
    pub fn wait(&self) -> Result<Tokens, Failure> {
        let ask = |request| match self.http.ask(request) {
            // An answer that is none ends it; what passes is tried again.
            Err(_) if self.http.is_hopeless() => {
                let mut end = HttpResponse::new(Vec::new());
                *end.status_mut() = oauth2::http::StatusCode::BAD_GATEWAY;
                Ok(end)
            }
            answer => answer,
        };
        let limit = self.asked.expires_in().min(LONGEST);
        let pause = |time: Duration| std::thread::sleep(time.max(PAUSE));
        let answer = self.oauth.exchange_device_access_token(&self.asked).request(&ask, pause, Some(limit));
        self.client.taken(&self.http, answer, &[])
    }
}
