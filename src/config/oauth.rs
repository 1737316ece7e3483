//! Authorisation servers, by the names that people give them: what is known of two by itself, and what the configuration says.

use serde::{Deserialize, Serialize};

/// An authorisation server, and as whom we ask it (FETCH-16).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Provider {
    pub client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<String>,
    /// The same, printed by a command.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub client_secret_command: Vec<String>,
    /// Whose users log in, as Microsoft has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Where a browser goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorize_url: Option<String>,
    /// Where codes to type in elsewhere are had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Certificates to trust beside the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
}

impl Provider {
    /// Fills in what is known of a server by its name, where nothing else was said.
    #[must_use]
    pub fn completed(mut self, name: &str) -> Self {
        let Some(known) = known(name, self.tenant.as_deref().unwrap_or("common")) else { return self };
        self.authorize_url = self.authorize_url.or(known.authorize_url);
        self.device_url = self.device_url.or(known.device_url);
        self.token_url = self.token_url.or(known.token_url);
        if self.scopes.is_empty() {
            self.scopes = known.scopes;
        }
        self
    }

    /// Says what is wrong with what was written: a key, and why.
    pub fn wrong(&self) -> Option<(&'static str, String)> {
        let is_tenant = |tenant: &String| {
            !tenant.is_empty() && tenant.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        };
        if self.tenant.as_ref().is_some_and(|tenant| !is_tenant(tenant)) {
            return Some(("tenant", "must be a domain, an id, or common, organizations or consumers".to_string()));
        }
        if self.client_secret_file.is_some() && !self.client_secret_command.is_empty() {
            return Some(("client-secret-file", "and client-secret-command are two places for one secret".to_string()));
        }
        let urls = [("authorize-url", &self.authorize_url), ("device-url", &self.device_url), ("token-url", &self.token_url)];
        let is_safe =
            |url: &str| url.starts_with("https://") || url.starts_with("http://127.0.0.1:") || url.starts_with("http://[::1]:");
        let wrong = urls.into_iter().find(|(_, url)| url.as_ref().is_some_and(|url| !is_safe(url)));
        wrong.map(|(key, _)| (key, "must be an https URL".to_string()))
    }
}

/// Returns the name of the server that gives rights to the mailboxes of a host, where that is known.
pub fn provider_of(host: &str) -> Option<&'static str> {
    let is_of = |domain: &str| {
        let rest = host.len().checked_sub(domain.len()).and_then(|at| host.split_at_checked(at));
        rest.is_some_and(|(rest, end)| end.eq_ignore_ascii_case(domain) && (rest.is_empty() || rest.ends_with('.')))
    };
    let known = [("google", ["gmail.com", "googlemail.com"]), ("microsoft", ["office365.com", "outlook.com"])];
    known.into_iter().find(|(_, domains)| domains.iter().any(|domain| is_of(domain))).map(|(name, _)| name)
}

/// What is known of a server by its name.
fn known(name: &str, tenant: &str) -> Option<Provider> {
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    match name {
        // It gives no codes to type in elsewhere for this scope. Without these two words it gives no refresh token the second time.
        "google" => Some(Provider {
            authorize_url: Some("https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent".to_string()),
            token_url: Some("https://oauth2.googleapis.com/token".to_string()),
            scopes: texts(&["https://mail.google.com/"]),
            ..Provider::default()
        }),
        "microsoft" => {
            let of = |end: &str| Some(format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/{end}"));
            Some(Provider {
                authorize_url: of("authorize"),
                device_url: of("devicecode"),
                token_url: of("token"),
                scopes: texts(&[
                    "offline_access",
                    "https://outlook.office.com/IMAP.AccessAsUser.All",
                    "https://outlook.office.com/SMTP.Send",
                ]),
                ..Provider::default()
            })
        }
        _ => None,
    }
}
