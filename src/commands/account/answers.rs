//! The options of `account add` and `account set` that say what a group account answers by itself (ACK).

use anyhow::Result;
use clap::ArgAction;

use crate::commands::argument;
use crate::context::Context;
use crate::fault::{Class, Fault, one_line};
use crate::store::answer::{self, Answers};
use crate::store::{Database, template};
use crate::words::{AccountId, AccountKind};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Answers")]
pub struct AnswerArguments {
    /// Answer by itself with this template: new cases, or every first e-mail where no cases are made (group accounts); an empty
    /// name ends it
    #[arg(long, value_name = "TEMPLATE")]
    auto_reply: Option<String>,
    /// Answer as this address; an empty one is the account's own, or the system account's where that one sends
    #[arg(long, value_name = "ADDRESS", value_parser = argument::address)]
    auto_reply_from: Option<String>,
    /// Name that goes with the address of answers; an empty one is that of the account
    #[arg(long, value_name = "NAME", value_parser = argument::line)]
    auto_reply_name: Option<String>,
    /// Where answers to answers go; an empty address is where those to the account go
    #[arg(long, value_name = "ADDRESS", value_parser = argument::address)]
    auto_reply_reply_to: Option<String>,
    /// Answer only senders whom security.authserv-id vouches for
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    require_authenticated_sender: Option<bool>,
}

/// ACK-2: an account that is to answer and cannot send would say nothing to its customers, and nobody would know.
pub fn mute(name: &str) -> Fault {
    let what = format!("account {name}: it is to answer by itself, but neither it nor the system has a server to send through");
    Fault::new(Class::Config, what).hint(format!("try: espomail account set {} --smtp-host HOST", argument::quoted(name)))
}

/// Says that of the accounts of which it is new, or of the one that is worked on.
pub fn announce(context: &Context, db: &mut Database, before: &[(AccountId, String)], of: Option<&str>) -> Result<()> {
    for (id, name) in answer::mute(db)? {
        if of == Some(name.as_str()) || !before.iter().any(|(known, _)| *known == id) {
            context.out.announce(&one_line(&mute(&name).into()));
        }
    }
    Ok(())
}

impl AnswerArguments {
    /// Which of the options was given; all are an administrator's (ACCESS-1).
    pub fn given(&self) -> Option<&'static str> {
        [
            (self.auto_reply.is_some(), "--auto-reply"),
            (self.auto_reply_from.is_some(), "--auto-reply-from"),
            (self.auto_reply_name.is_some(), "--auto-reply-name"),
            (self.auto_reply_reply_to.is_some(), "--auto-reply-reply-to"),
            (self.require_authenticated_sender.is_some(), "--require-authenticated-sender"),
        ]
        .into_iter()
        .find(|(is_given, _)| *is_given)
        .map(|(_, option)| option)
    }

    /// Puts what was given over what there is.
    pub fn over(&self, answers: Option<Answers>, kind: AccountKind, db: &mut Database) -> Result<Option<Answers>> {
        let template = match self.auto_reply.as_deref() {
            Some("") => return Ok(None),
            Some(name) => Some(template::find(db, name)?.id),
            None => None,
        };
        let wrong = |what: &str, hint: &str| Err(Fault::new(Class::Usage, what).hint(hint).into());
        let Some(template) = template.or(answers.as_ref().map(|answers| answers.template)) else {
            return match self.given() {
                Some(option) => {
                    wrong(&format!("{option} says how the account answers, and it answers nothing"), "add --auto-reply TEMPLATE")
                }
                None => Ok(None),
            };
        };
        if kind == AccountKind::Personal {
            return wrong("only group accounts answer by themselves", "leave --auto-reply out");
        }
        let mut answers =
            answers.unwrap_or(Answers { template, from: None, from_name: None, reply_to: None, authenticated_only: false });
        answers.template = template;
        let text = |given: &Option<String>, kept: &mut Option<String>| {
            if let Some(given) = given {
                *kept = Some(given.clone()).filter(|text| !text.is_empty());
            }
        };
        text(&self.auto_reply_from, &mut answers.from);
        text(&self.auto_reply_name, &mut answers.from_name);
        text(&self.auto_reply_reply_to, &mut answers.reply_to);
        answers.authenticated_only = self.require_authenticated_sender.unwrap_or(answers.authenticated_only);
        Ok(Some(answers))
    }
}
