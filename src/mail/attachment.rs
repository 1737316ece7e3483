//! Files that came with a message (PARSE-8). Their content is read from the raw bytes when somebody wants it.

use serde::Serialize;

use super::header::Head;
use super::html::References;
use super::structure::{self, Decoded, Leaf, PARTS, Structure};
use super::text::{Role, shorter};
use super::{text, tnef, uuencode};

/// A file that came with a message; its content is read from the raw bytes on demand (PARSE-8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// The cleaned file name; never empty.
    pub name: String,
    /// The media type in lower case, such as `image/png`.
    #[serde(rename = "type")]
    pub media_type: String,
    /// The size of the decoded content in bytes.
    pub size: u64,
    /// Content-ID without angle brackets.
    pub content_id: Option<String>,
    /// Whether the HTML refers to it.
    pub inline: bool,
    /// Where it stands: the part's number in the parsed message, and below it the file inside a `winmail.dat`.
    pub part: String,
}

/// The longest file name that is kept, in bytes: what file systems take.
const LONGEST_NAME: usize = 255;
/// How much of an encoded message inside the message is read for its subject.
const SUBJECT_WITHIN: usize = 16 << 10;

/// Lists the attachments. An inline part that the HTML does not refer to counts as an attachment.
pub fn list(structure: &Structure<'_>, roles: &[Role], references: &References, defects: &mut Vec<String>) -> Vec<Attachment> {
    let mut attachments = Vec::new();
    for (id, (leaf, role)) in structure.leaves.iter().zip(roles).enumerate() {
        let head = structure.head_of(leaf);
        let encoding = head.encoding();
        if !role.is_file() {
            if *role == Role::Body && leaf.media_type == "text/plain" {
                let files = uuencode::files(&encoding.decode(leaf.body));
                extend(&mut attachments, id, files.iter().map(|file| (file.name.as_str(), file.content.len())), defects);
            }
            continue;
        }
        let (size, in_order) = encoding.measure(leaf.body);
        if !in_order && !defects.iter().any(|defect| defect == "mime-ambiguous") {
            defects.push("mime-ambiguous".to_string());
        }
        // The HTML may name it by something else, which is its id then.
        let id_in_html = text::names(structure, leaf).into_iter().next().filter(|name| references.contains(name));
        let inline = id_in_html.is_some();
        let content_id = head.content_id().or(id_in_html);
        let attachment = Attachment {
            name: name_of(leaf, head),
            media_type: leaf.media_type.clone(),
            size,
            inline,
            content_id,
            part: id.to_string(),
        };
        let is_tnef = tnef::is_one(&leaf.media_type, head);
        attachments.push(attachment);
        if is_tnef {
            let stream = encoding.decode(leaf.body);
            let files = tnef::files(&stream);
            extend(&mut attachments, id, files.iter().map(|file| (file.name.as_str(), file.content.len())), defects);
        }
    }
    attachments
}

/// Lists the files inside a part by name and size.
fn extend<'f>(
    attachments: &mut Vec<Attachment>,
    id: usize,
    files: impl ExactSizeIterator<Item = (&'f str, usize)>,
    defects: &mut Vec<String>,
) {
    let room = PARTS.saturating_sub(attachments.len());
    let defect = format!("limit: more than {PARTS} attachments; the rest is left raw");
    if files.len() > room && !defects.contains(&defect) {
        defects.push(defect);
    }
    attachments.extend(files.take(room).enumerate().map(|(place, (name, size))| Attachment {
        name: Some(clean_name(name)).filter(|name| !name.is_empty()).unwrap_or_else(|| "attachment.bin".into()),
        media_type: "application/octet-stream".to_string(),
        size: size as u64,
        content_id: None,
        inline: false,
        part: format!("{id}/{place}"),
    }));
}

/// Returns the content of an attachment by its [`Attachment::part`].
pub fn content(raw: &[u8], part: &str) -> Option<Vec<u8>> {
    let decoded = Decoded::default();
    let structure = structure::of(raw, &decoded, &mut Vec::new());
    let (id, inner) = match part.split_once('/') {
        Some((id, inner)) => (id, Some(inner.parse::<usize>().ok()?)),
        None => (part, None),
    };
    let id: usize = id.parse().ok()?;
    let leaf = structure.leaves.get(id)?;
    let outer = structure.head_of(leaf).encoding().decode(leaf.body);
    match inner {
        None => Some(outer.into_owned()),
        Some(place) if text::roles(&structure).get(id) == Some(&Role::Body) => {
            uuencode::files(&outer).into_iter().nth(place).map(|file| file.content)
        }
        Some(place) => tnef::files(&outer).into_iter().nth(place).map(|file| file.content.to_vec()),
    }
}

/// The name that a part is shown by; never empty.
pub fn name_of(leaf: &Leaf<'_>, head: &Head<'_>) -> String {
    let given = head.file_name().map(|name| clean_name(&name)).filter(|name| !name.is_empty());
    if leaf.media_type == "message/rfc822" || leaf.media_type == "message/global" {
        let subject = || clean_name(&inner_subject(leaf, head));
        let name = given.unwrap_or_else(subject);
        let name = if name.is_empty() { "message".to_string() } else { name };
        return if name.to_ascii_lowercase().ends_with(".eml") {
            name
        } else {
            format!("{}.eml", shorter(&name, LONGEST_NAME - 4))
        };
    }
    given.unwrap_or_else(|| {
        match leaf.media_type.as_str() {
            "text/plain" => "attachment.txt",
            "text/html" => "attachment.html",
            "text/calendar" => "invitation.ics",
            "text/rfc822-headers" => "headers.txt",
            "message/delivery-status" => "delivery-status.txt",
            "image/jpeg" => "image.jpg",
            "image/png" => "image.png",
            "image/gif" => "image.gif",
            "application/pdf" => "attachment.pdf",
            _ => "attachment.bin",
        }
        .to_string()
    })
}

/// Reads the subject of a message inside the message, without reading more of it.
fn inner_subject(leaf: &Leaf<'_>, head: &Head<'_>) -> String {
    let start = &leaf.body[..leaf.body.len().min(SUBJECT_WITHIN)];
    structure::subject(&head.encoding().decode(start))
}

/// Cleans a name of paths and of everything that makes it look like another one. Checks run on what this returns.
pub fn clean_name(name: &str) -> String {
    let invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{00AD}' | '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{180E}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
    };
    let visible: String = name.chars().filter(|c| !invisible(*c)).collect();
    let last = visible.rsplit(['/', '\\']).find(|part| !part.trim().is_empty()).unwrap_or_default();
    let clean = last.trim().trim_start_matches('.').trim_end_matches('.').trim();
    if clean.len() <= LONGEST_NAME {
        return clean.to_string();
    }
    // The ending says what the file is.
    let ending = clean.rfind('.').and_then(|dot| clean.get(dot..)).filter(|ending| ending.len() <= 16).unwrap_or_default();
    format!("{}{ending}", shorter(clean, LONGEST_NAME - ending.len()))
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
        let long = clean_name(&format!("{}.pdf", "ü".repeat(300)));
        assert!(long.len() <= LONGEST_NAME && long.ends_with("ü.pdf"), "{long}");
    }
}
