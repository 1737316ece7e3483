//! What a sending service tells of our mail as JSON: Amazon SES, by itself or inside a notification of SNS.

use serde_json::Value;

use super::report::{Bounce, Recipient, bare_id};
use crate::words::DeliveryAction;

/// The longest notification, in bytes.
const LONGEST: usize = 256 << 10;
/// The most recipients that are read from one.
const RECIPIENTS: usize = 1_000;

/// Reads a text that is such a notification.
pub fn read(text: &str) -> Option<Bounce> {
    let text = text.trim_start_matches(['\u{FEFF}', ' ', '\t', '\r', '\n']);
    if !text.starts_with('{') || text.len() > LONGEST {
        return None;
    }
    // Old servers cut long lines, with a mark; between the words of JSON line ends say nothing.
    let text = text.replace("\r\n", "\n").replace("!\n ", "").replace('\n', "");
    // What stands behind it tells how to cancel the notifications.
    let whole: Value = serde_json::Deserializer::from_str(&text).into_iter().next()?.ok()?;
    let told = match whole.get("Message").and_then(Value::as_str) {
        Some(inner) => serde_json::from_str(inner).ok()?,
        None => whole,
    };
    let sent = told.get("mail")?;
    let kind = told.get("notificationType").or_else(|| told.get("eventType"))?.as_str()?;
    let (recipients, what) = match kind {
        "Bounce" => ("bouncedRecipients", told.get("bounce")?),
        "DeliveryDelay" => ("delayedRecipients", told.get("deliveryDelay")?),
        "Delivery" => ("recipients", told.get("delivery")?),
        _ => return None,
    };
    let is_passing = what.get("bounceType").and_then(Value::as_str).is_some_and(|kind| kind != "Permanent");
    let one = |entry: &Value| {
        let of = |name: &str| entry.get(name).and_then(Value::as_str).map(str::to_string);
        let address = entry.as_str().map(str::to_string).or_else(|| of("emailAddress"))?;
        let (action, class) = match kind {
            "Delivery" => (DeliveryAction::Delivered, None),
            "DeliveryDelay" => (DeliveryAction::Delayed, Some("4.0.0")),
            _ if is_passing => (DeliveryAction::Failed, Some("4.0.0")),
            _ => (DeliveryAction::Failed, Some("5.0.0")),
        };
        let status = of("status").or_else(|| class.map(str::to_string));
        let diagnostic = of("diagnosticCode").map(|said| match said.split_once(';') {
            Some((kind, said)) if !kind.contains(' ') => said.trim().to_string(),
            _ => said,
        });
        Some(Recipient { address, also: None, action, status, diagnostic })
    };
    let recipients: Vec<Recipient> = what.get(recipients)?.as_array()?.iter().take(RECIPIENTS).filter_map(one).collect();
    let common = sent.pointer("/commonHeaders/messageId").and_then(Value::as_str);
    let in_fields = || {
        let mut fields = sent.get("headers")?.as_array()?.iter();
        let field = fields
            .find(|field| field.get("name").and_then(Value::as_str).is_some_and(|name| name.eq_ignore_ascii_case("Message-ID")));
        field?.get("value")?.as_str()
    };
    let message_id = common.or_else(in_fields).and_then(bare_id);
    (!recipients.is_empty()).then(|| Bounce { recipients, message_id, ..Bounce::default() })
}
