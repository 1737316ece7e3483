//! Bodies: the plain text part or parts, and the HTML part or parts (PARSE-6).

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::html::html_to_text;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Encoding, Message, MessagePart, MimeHeaders, PartType};

use super::{charset, html};

/// What a message says.
pub struct Bodies {
    pub text: String,
    /// As received; sanitise it before anybody sees it.
    pub html: Option<String>,
}

/// Returns the bodies; several of a kind are joined. Text is derived from the HTML where there is none.
pub fn bodies(message: &Message<'_>, defects: &mut Vec<String>) -> Bodies {
    let of = |ids: &[u32]| -> Vec<&MessagePart<'_>> { ids.iter().filter_map(|id| message.parts.get(*id as usize)).collect() };
    let texts: Vec<String> = of(&message.text_body)
        .into_iter()
        .filter_map(|part| if let PartType::Text(text) = &part.body { Some(decoded(message, part, text)) } else { None })
        .collect();
    let htmls: Vec<String> = of(&message.html_body)
        .into_iter()
        .filter_map(|part| if let PartType::Html(text) = &part.body { Some(decoded(message, part, text)) } else { None })
        .collect();
    let html = (!htmls.is_empty()).then(|| htmls.join("\n"));
    let text = match &html {
        Some(html) if texts.iter().all(|text| text.trim().is_empty()) => {
            if html::is_reasonable(html) {
                html_to_text(html)
            } else {
                defects.push("limit: the HTML is too deep to be read as text".to_string());
                String::new()
            }
        }
        _ => texts.join("\n"),
    };
    Bodies { text: charset::without_nul(&text.replace("\r\n", "\n")).into_owned(), html }
}

/// Returns a part's text. The parser has decoded it by its declared charset; where that is missing, unknown or wrong,
/// it is decoded again from its bytes (PARSE-3).
fn decoded(message: &Message<'_>, part: &MessagePart<'_>, text: &str) -> String {
    let declared = part.content_type().and_then(|content_type| content_type.attribute("charset"));
    let chinese = declared.is_some_and(|name| name.to_ascii_lowercase().starts_with("gb"));
    let escapes = declared.is_none() && text.contains('\u{1B}');
    if !text.contains('\u{FFFD}') && !escapes && !chinese {
        return charset::without_nul(text).into_owned();
    }
    let bytes = message.raw_message.get(part.offset_body as usize..part.offset_end as usize).unwrap_or_default();
    let decoded = match part.encoding {
        Encoding::None => Some(bytes.to_vec()),
        Encoding::QuotedPrintable => quoted_printable_decode(bytes),
        Encoding::Base64 => base64_decode(bytes),
    };
    decoded.map_or_else(|| charset::without_nul(text).into_owned(), |bytes| charset::decode(&bytes, declared))
}
