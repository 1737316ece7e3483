//! A message as JSON: what `explain` prints and policy tests compare.

use serde_json::{Value, json};

use super::{Bounce, Mail};
use crate::clock::rfc3339;

impl Mail {
    /// Returns what the message says, field by field. Times are RFC 3339.
    pub fn document(&self) -> Value {
        json!({
            "from": self.from.as_ref().or(self.signed_by.as_ref()).as_slice(),
            "reply_to": self.reply_to,
            "to": self.to,
            "cc": self.cc,
            "bcc": self.bcc,
            "subject": self.subject,
            "message_id": self.message_id,
            "in_reply_to": self.in_reply_to,
            "references": self.references,
            "date": self.date.map(rfc3339),
            "text": self.text,
            "html": self.html,
            "reply_text": self.reply_text,
            "quoted_text": self.quoted_text,
            "signature": self.signature,
            "attachments": self.attachments,
            "automatic": {
                "is": !self.automatic.is_empty(),
                "kind": self.machine().map(|sign| sign.kind),
                "reasons": self.automatic.iter().map(|sign| &sign.sign).collect::<Vec<_>>(),
                "signs": self.automatic,
            },
            "bounce": {
                "is": self.bounce.as_ref().is_some_and(Bounce::is_failure),
                "hard": self.bounce.as_ref().is_some_and(|bounce| bounce.hard),
                "recipients": self.bounce.as_ref().map(|bounce| bounce.recipients.as_slice()).unwrap_or_default(),
                "message_id": self.bounce.as_ref().and_then(|bounce| bounce.message_id.as_deref()),
            },
            "calendar": self.calendar,
            "list": { "is": self.list.is_some(), "id": self.list.as_deref().filter(|id| !id.is_empty()) },
            "no_answer": self.no_answer,
            "defects": self.defects,
            "size": self.size,
        })
    }
}
