//! Rights to mailboxes, from authorisation servers: OAuth 2.0 (RFC 6749), by a code that a person types in elsewhere (RFC 8628) or by
//! a browser on this machine (RFC 8252, with PKCE, RFC 7636). The crate `oauth2` knows the requests and answers, `ureq` speaks HTTP,
//! over connections of [`crate::net`].
//!
//! Promises: every wait has an end, every answer a limit, and no server sends us to another one. Nothing secret goes out in clear text,
//! or stands in an error. Who may ask, and what is kept, is the business of others.

mod browser;
mod client;
mod device;
mod http;

pub use browser::Browser;
pub use client::{Client, Failure, Tokens};
pub use device::Device;
