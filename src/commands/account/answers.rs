//! The options of `account add` and `account set` that say what a group account answers by itself (ACK).

use anyhow::Result;
use clap::ArgAction;

use crate::commands::argument;
use crate::commands::setting::{IfSo, Options, Setting, options, way};
use crate::context::Context;
use crate::fault::{Class, Fault, one_line};
use crate::pass::verdict::Names;
use crate::settings::{AnswerSettings, answer_settings};
use crate::store::answer::{self, Answers};
use crate::store::{Database, template};
use crate::words::{AccountId, AccountKind};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Answers")]
pub struct AnswerArguments {
    /// Answer by itself with this template: new cases, or every first e-mail where no cases are made (group accounts); the answers
    /// go out with "espomail send"; an empty name ends it
    #[arg(long, value_name = "TEMPLATE")]
    auto_reply: Option<String>,
    #[command(flatten)]
    settings: AnswerOptions,
}

answer_settings!(options AnswerOptions, AnswerShown of AnswerSettings);

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
    pub fn given(&self) -> Option<String> {
        self.auto_reply.as_ref().map(|_| "--auto-reply".to_string()).or_else(|| self.settings.reserved())
    }

    /// Puts what was given over what there is.
    pub fn over(&self, answers: Option<Answers>, kind: AccountKind, now: i64, db: &mut Database) -> Result<Option<Answers>> {
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
        let mut answers = answers.unwrap_or_else(|| Answers { template, settings: AnswerSettings::default() });
        answers.template = template;
        self.settings.over(&mut answers.settings, now, db)?;
        Ok(Some(answers))
    }
}
