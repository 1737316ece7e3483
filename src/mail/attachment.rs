//! Files that came with a message (PARSE-8). Their content is read from the raw bytes when somebody wants it.

use mail_parser::{HeaderName, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::{Attachment, charset, header, limit, tnef};

/// The longest file name that is kept, in bytes: what file systems take.
const LONGEST_NAME: usize = 255;

/// Lists the attachments. An inline part that the HTML does not refer to counts as an attachment.
pub fn list(message: &Message<'_>, html: &str) -> Vec<Attachment> {
    let mut attachments = Vec::new();
    for id in &message.attachments {
        let Some(part) = message.parts.get(*id as usize) else { continue };
        let content_id = part.content_id().map(|id| charset::without_nul(id.trim_matches(['<', '>', ' '])).into_owned());
        let inline = content_id.as_deref().is_some_and(|id| !id.is_empty() && html.contains(&format!("cid:{id}")));
        let attachment = Attachment {
            name: name_of(part),
            media_type: media_type(part),
            size: contents(part).len() as u64,
            content_id,
            inline,
            part: id.to_string(),
        };
        let is_tnef = attachment.media_type.ends_with("/ms-tnef") || attachment.name.eq_ignore_ascii_case("winmail.dat");
        attachments.push(attachment);
        if is_tnef {
            attachments.extend(tnef::files(contents(part)).into_iter().enumerate().map(|(place, file)| Attachment {
                name: clean_name(&file.name),
                media_type: "application/octet-stream".to_string(),
                size: file.content.len() as u64,
                content_id: None,
                inline: false,
                part: format!("{id}/{place}"),
            }));
        }
    }
    attachments
}

/// Returns the content of an attachment by its [`Attachment::part`].
pub fn content(raw: &[u8], part: &str) -> Option<Vec<u8>> {
    let (bytes, _) = limit::within(raw);
    let message = MessageParser::default().parse(bytes.as_ref())?;
    let (id, inner) = match part.split_once('/') {
        Some((id, inner)) => (id, Some(inner.parse::<usize>().ok()?)),
        None => (part, None),
    };
    let outer = contents(message.parts.get(id.parse::<usize>().ok()?)?);
    match inner {
        None => Some(outer.to_vec()),
        Some(place) => tnef::files(outer).into_iter().nth(place).map(|file| file.content.to_vec()),
    }
}

fn contents<'m>(part: &'m MessagePart<'_>) -> &'m [u8] {
    match &part.body {
        PartType::Message(message) => {
            let start = message.parts.first().map_or(0, |root| root.offset_header as usize);
            let end = message.parts.first().map_or(0, |root| root.offset_end as usize);
            message.raw_message.get(start..end).filter(|bytes| !bytes.is_empty()).unwrap_or(&message.raw_message)
        }
        _ => part.contents(),
    }
}

fn media_type(part: &MessagePart<'_>) -> String {
    match part.content_type() {
        Some(content_type) => {
            let subtype = content_type.subtype().unwrap_or("octet-stream");
            charset::without_nul(&format!("{}/{subtype}", content_type.ctype())).to_lowercase()
        }
        None if part.is_message() => "message/rfc822".to_string(),
        None => "application/octet-stream".to_string(),
    }
}

fn name_of(part: &MessagePart<'_>) -> String {
    let given = part.attachment_name().map(clean_name).filter(|name| !name.is_empty());
    if let PartType::Message(message) = &part.body {
        let subject = || clean_name(&header::text(message, &HeaderName::Subject));
        let name = given.unwrap_or_else(subject);
        let name = if name.is_empty() { "message".to_string() } else { name };
        return if name.to_ascii_lowercase().ends_with(".eml") { name } else { format!("{name}.eml") };
    }
    given.unwrap_or_else(|| {
        let media_type = media_type(part);
        match media_type.as_str() {
            "text/plain" => "attachment.txt".to_string(),
            "text/html" => "attachment.html".to_string(),
            "text/calendar" => "invitation.ics".to_string(),
            "image/jpeg" => "image.jpg".to_string(),
            "image/png" => "image.png".to_string(),
            "application/pdf" => "attachment.pdf".to_string(),
            _ => "attachment.bin".to_string(),
        }
    })
}

/// Cleans a name of paths and of everything that makes it look like another one. Checks run on what this returns.
pub fn clean_name(name: &str) -> String {
    let invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{00AD}' | '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
    };
    let visible: String = name.chars().filter(|c| !invisible(*c)).collect();
    let last = visible.rsplit(['/', '\\']).find(|part| !part.trim().is_empty()).unwrap_or_default();
    let mut clean = last.trim().trim_start_matches('.').trim().to_string();
    while clean.len() > LONGEST_NAME {
        clean.pop();
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_8_names_are_cleaned_of_paths_controls_and_direction() {
        for (name, clean) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\Temp\\a.doc", "a.doc"),
            ("invoice\u{202E}fdp.exe", "invoicefdp.exe"),
            ("a\r\nb\0.txt", "ab.txt"),
            (".htaccess", "htaccess"),
            ("..", ""),
            ("dir/", "dir"),
        ] {
            assert_eq!(clean_name(name), clean);
        }
        assert!(clean_name(&"ü".repeat(300)).len() <= LONGEST_NAME);
    }
}
