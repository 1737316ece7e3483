//! The options of `account add` and `account set` that say how an account sends (SEND-2).

use anyhow::Result;
use clap::{ArgAction, ValueHint};

use super::settings::given_password;
use crate::commands::argument;
use crate::commands::setting::{EmptySender, IfSo, Lines, Most, Options, Setting, absolute, options, way};
use crate::context::{self, Context};
use crate::fault::{Class, Fault};
use crate::net;
use crate::pass::verdict::Names;
use crate::secret::Secret;
use crate::settings::{SendingSettings, sending_settings};
use crate::store::Database;
use crate::store::sending::{Sending, Smtp};
use crate::words::{AccountId, Auth, Security, SmtpAuth};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Sending")]
pub struct SendingArguments {
    /// SMTP server; an empty name ends sending
    #[arg(long, value_name = "HOST", value_parser = argument::host)]
    smtp_host: Option<String>,
    /// SMTP port [default: 465 with tls, else 587]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    smtp_port: Option<u16>,
    /// Protection of the connection [default: tls]
    #[arg(long, value_name = "HOW")]
    smtp_security: Option<Security>,
    /// How to log in for sending, where that is not as for reading [default: that of --auth]
    #[arg(long, value_name = "HOW")]
    smtp_auth: Option<SmtpAuth>,
    /// SMTP user; an empty name is the IMAP user [default: the IMAP user]
    #[arg(long, value_name = "NAME")]
    smtp_user: Option<String>,
    /// Trust the certificates in this PEM file, too; an empty name forgets it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    smtp_ca_file: Option<String>,
    #[command(flatten)]
    password: SmtpPasswordArguments,
    #[command(flatten)]
    settings: SendingOptions,
}

sending_settings!(options SendingOptions, SendingShown of SendingSettings);

/// Where the password for sending comes from; else it is that for reading.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct SmtpPasswordArguments {
    /// Read the password for sending from standard input and keep it encrypted [default: the one for reading]
    #[arg(long, conflicts_with = "password_stdin")]
    smtp_password_stdin: bool,
    /// Run this command for it, up to the next option; no shell is involved
    #[arg(long, value_name = "COMMAND", num_args = 1.., value_terminator = ";", value_hint = ValueHint::CommandString)]
    smtp_password_command: Vec<String>,
    /// Read it from the first line of this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    smtp_password_file: Option<String>,
    /// Read it from this systemd credential
    #[arg(long, value_name = "NAME")]
    smtp_password_credential: Option<String>,
}

impl SendingArguments {
    /// Reads the password from standard input where that was asked for, before the transaction.
    pub fn read_password(&self, context: &Context) -> Result<Option<Secret>> {
        if !self.password.smtp_password_stdin {
            return Ok(None);
        }
        // Without a key there is nowhere to keep it: say so before anybody types it.
        context.key()?;
        context::read_password(true).map(Some)
    }

    /// Which of the options that are an administrator's were given (ACCESS-1).
    pub fn reserved(&self) -> Option<String> {
        let password = &self.password;
        let given = [
            (self.smtp_ca_file.is_some(), "--smtp-ca-file"),
            (!password.smtp_password_command.is_empty(), "--smtp-password-command"),
            (password.smtp_password_file.is_some(), "--smtp-password-file"),
            (password.smtp_password_credential.is_some(), "--smtp-password-credential"),
        ]
        .into_iter()
        .find(|(is_given, _)| *is_given)
        .map(|(_, option)| option.to_string());
        given.or_else(|| self.settings.reserved())
    }

    /// Puts what was given over what there is. `reads` is how the server for reading is logged in to, and whether that was given.
    pub fn over(
        &self,
        sending: &mut Sending,
        (context, db): (&Context, &mut Database),
        id: AccountId,
        password: Option<&Secret>,
        reads: (Auth, bool),
    ) -> Result<()> {
        self.settings.over(&mut sending.settings, context.now(), db)?;
        self.over_server(sending, context, id, password, reads)
    }

    fn over_server(
        &self,
        sending: &mut Sending,
        context: &Context,
        id: AccountId,
        password: Option<&Secret>,
        (reads, is_given): (Auth, bool),
    ) -> Result<()> {
        match self.smtp_host.as_deref() {
            Some("") => sending.smtp = None,
            Some(host) => {
                let smtp = sending.smtp.get_or_insert_with(|| Smtp {
                    host: String::new(),
                    port: 0,
                    security: Security::Tls,
                    auth: reads.into(),
                    user: None,
                    ca_file: None,
                    password: None,
                });
                smtp.host = host.to_string();
            }
            None => {}
        }
        let sealed = password.map(|password| context.seal_for_sending(id, password)).transpose()?;
        let given = &self.password;
        let (file, credential) = (given.smtp_password_file.as_ref(), given.smtp_password_credential.as_ref());
        let password = given_password(sealed, &given.smtp_password_command, file, credential)?;
        let Some(smtp) = &mut sending.smtp else {
            let names_server = self.smtp_port.is_some()
                || self.smtp_security.is_some()
                || self.smtp_auth.is_some()
                || self.smtp_user.is_some()
                || self.smtp_ca_file.is_some()
                || password.is_some();
            return if names_server && self.smtp_host.is_none() {
                Err(Fault::new(Class::Usage, "the account has no server to send through").hint("give --smtp-host").into())
            } else {
                Ok(())
            };
        };
        let usual = smtp.port == 0 || smtp.port == net::SMTP.usual_port(smtp.security);
        smtp.security = self.smtp_security.unwrap_or(smtp.security);
        // A server with a password of its own has its own way, as one has that asks for none.
        let follows = is_given && smtp.password.is_none() && smtp.auth != SmtpAuth::None;
        let usual_auth = if follows { reads.into() } else { smtp.auth };
        smtp.auth = self.smtp_auth.unwrap_or(usual_auth);
        match self.smtp_port {
            Some(port) => smtp.port = i64::from(port),
            // A port of one's own stays when only the protection changes.
            None if usual => smtp.port = net::SMTP.usual_port(smtp.security),
            None => {}
        }
        if let Some(user) = &self.smtp_user {
            smtp.user = Some(user.clone()).filter(|user| !user.is_empty());
        }
        if let Some(file) = &self.smtp_ca_file {
            smtp.ca_file = argument::or_none(file, absolute)?;
        }
        if password.is_some() {
            smtp.password = password;
        }
        Ok(())
    }
}
