//! What a filter asks of a message, and how it is said (FILTER-2, FILTER-3).

use serde::{Deserialize, Serialize};

use crate::mail::{Address, Mail};
use crate::plural::counted;

/// What a message must have; all that are given must hold (FILTER-2, FILTER-3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criterion {
    From(String),
    /// Any To address.
    To(String),
    Cc(String),
    Subject(String),
    /// Any of these phrases stands in the text.
    Body(Vec<String>),
    /// All of them do.
    BodyAll(Vec<String>),
    Header {
        name: String,
        value: String,
    },
    ListId(String),
    HasAttachment(bool),
    /// Larger than so many bytes.
    Larger(u64),
    Smaller(u64),
    Automatic(bool),
}

impl Criterion {
    /// Whether the header alone cannot tell.
    pub const fn needs_body(&self) -> bool {
        matches!(self, Self::Body(_) | Self::BodyAll(_) | Self::HasAttachment(_))
    }

    /// What is compared with texts.
    pub fn patterns(&self) -> impl Iterator<Item = &String> {
        let (one, several): (Option<&String>, &[String]) = match self {
            Self::From(pattern) | Self::To(pattern) | Self::Cc(pattern) | Self::Subject(pattern) | Self::ListId(pattern) => {
                (Some(pattern), &[])
            }
            Self::Header { value, .. } => (Some(value), &[]),
            Self::Body(phrases) | Self::BodyAll(phrases) => (None, phrases),
            Self::HasAttachment(_) | Self::Larger(_) | Self::Smaller(_) | Self::Automatic(_) => (None, &[]),
        };
        one.into_iter().chain(several)
    }

    /// What the message has there.
    pub fn found(&self, mail: &Mail) -> String {
        let list = |list: &[Address]| list.iter().map(|one| one.address.as_str()).collect::<Vec<_>>().join(", ");
        match self {
            Self::From(_) => format!("From is {}", list(mail.from.as_slice())),
            Self::To(_) => format!("To is {}", list(&mail.to)),
            Self::Cc(_) => format!("Cc is {}", list(&mail.cc)),
            Self::Subject(_) => format!("the subject is {:?}", mail.subject),
            Self::Body(_) | Self::BodyAll(_) => format!("the text has {} characters", mail.text.chars().count()),
            Self::Header { name, .. } => {
                let values: Vec<String> = mail.header_values(name).collect();
                if values.is_empty() { format!("there is no {name}") } else { format!("{name} is {}", values.join("; ")) }
            }
            Self::ListId(_) => match &mail.list {
                Some(id) => format!("List-Id is {id:?}"),
                None => "it is no list mail".to_string(),
            },
            Self::HasAttachment(_) => {
                format!("it has {}", counted(mail.attachments.iter().filter(|file| !file.inline).count(), "file"))
            }
            Self::Larger(_) | Self::Smaller(_) => format!("it has {} bytes", mail.size),
            Self::Automatic(_) => match mail.automatic.first() {
                Some(sign) => format!("it is automatic: {sign}"),
                None => "it is not automatic".to_string(),
            },
        }
    }
}

impl std::fmt::Display for Criterion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let phrases = |phrases: &[String]| phrases.iter().map(|phrase| format!("{phrase:?}")).collect::<Vec<_>>();
        match self {
            Self::From(pattern) => write!(f, "from {pattern:?}"),
            Self::To(pattern) => write!(f, "to {pattern:?}"),
            Self::Cc(pattern) => write!(f, "cc {pattern:?}"),
            Self::Subject(pattern) => write!(f, "subject {pattern:?}"),
            Self::Body(list) => write!(f, "body has {}", phrases(list).join(" or ")),
            Self::BodyAll(list) => write!(f, "body has {}", phrases(list).join(" and ")),
            Self::Header { name, value } => write!(f, "header {name}: {value:?}"),
            Self::ListId(pattern) => write!(f, "list-id {pattern:?}"),
            Self::HasAttachment(true) => f.write_str("has an attachment"),
            Self::HasAttachment(false) => f.write_str("has no attachment"),
            Self::Larger(bytes) => write!(f, "larger than {bytes} bytes"),
            Self::Smaller(bytes) => write!(f, "smaller than {bytes} bytes"),
            Self::Automatic(true) => f.write_str("automatic"),
            Self::Automatic(false) => f.write_str("not automatic"),
        }
    }
}
