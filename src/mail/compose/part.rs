//! The body: text and HTML side by side, with the pictures that the HTML shows, and the files behind them (RFC 2046).
//! Everything is 7-bit, so that no server on the way has to change it.

use lettre::message::header::{ContentDisposition, ContentId, ContentTransferEncoding, ContentType};
use lettre::message::{Body, MultiPart, MultiPartKind, SinglePart};

use super::check::{check_value, wrong};
use super::draft::{Draft, File};
use super::field::is_id;
use crate::mail::attachment::clean_name;

/// The longest line of text that goes out as it is, in bytes (RFC 5322, section 2.1.1).
const LINE: usize = 78;
/// The longest line of a message inside the message (RFC 5321, section 4.5.3.1.6).
const LONGEST: usize = 998;

enum Part {
    Single(SinglePart),
    Multi(MultiPart),
}

/// Writes the body behind the header, with its own header fields.
pub fn body(draft: &Draft) -> anyhow::Result<Vec<u8>> {
    let (inline, files): (Vec<&File>, Vec<&File>) =
        draft.attachments.iter().partition(|file| file.inline && file.content_id.is_some() && draft.html.is_some());
    let whole = with_files(draft, MultiPartKind::Mixed, alternative(draft, &inline)?, &files)?;
    Ok(match whole {
        Part::Multi(parts) => parts.formatted(),
        Part::Single(text) => {
            let mut written = format!("{}\r\n", text.headers()).into_bytes();
            written.extend_from_slice(text.raw_body());
            if !written.ends_with(b"\r\n") {
                written.extend_from_slice(b"\r\n");
            }
            written
        }
    })
}

fn alternative(draft: &Draft, inline: &[&File]) -> anyhow::Result<Part> {
    let plain = text(ContentType::TEXT_PLAIN, &draft.text);
    if draft.html.is_none() && draft.calendar.is_none() {
        return Ok(Part::Single(plain));
    }
    let mut parts = multipart(draft, MultiPartKind::Alternative).singlepart(plain);
    if let Some(html) = &draft.html {
        let html = Part::Single(text(ContentType::TEXT_HTML, html));
        parts = with(parts, with_files(draft, MultiPartKind::Related, html, inline)?);
    }
    // RFC 6047, section 2.4: the method stands in the type, too.
    if let Some(calendar) = &draft.calendar {
        let kind = format!("text/calendar; method={}; charset=utf-8", calendar.method);
        parts = parts.singlepart(text(ContentType::parse(&kind)?, &calendar.text));
    }
    Ok(Part::Multi(parts))
}

/// Puts files behind a part, where there are any.
fn with_files(draft: &Draft, kind: MultiPartKind, first: Part, files: &[&File]) -> anyhow::Result<Part> {
    if files.is_empty() {
        return Ok(first);
    }
    let mut parts = with(multipart(draft, kind), first);
    for each in files {
        parts = parts.singlepart(file(each)?);
    }
    Ok(Part::Multi(parts))
}

fn with(parts: MultiPart, part: Part) -> MultiPart {
    match part {
        Part::Single(part) => parts.singlepart(part),
        Part::Multi(part) => parts.multipart(part),
    }
}

/// What stands between its parts is not to be guessed, since the Message-ID is not, and `=_` is never in encoded text.
fn multipart(draft: &Draft, kind: MultiPartKind) -> MultiPart {
    let digest = blake3::hash(format!("{kind:?} {}", draft.message_id).as_bytes()).to_hex();
    let boundary = format!("=_{}", digest.get(..40).unwrap_or_default());
    MultiPart::builder().kind(kind).boundary(boundary).build()
}

/// Makes a text part. What programs on the way leave alone goes as it is, in somewhat longer lines than lettre would leave, so that what
/// reads calendars line by line can; of itself it would leave blanks at the end of lines, which are cut on the way.
fn text(kind: ContentType, text: &str) -> SinglePart {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let is_safe = |line: &str| {
        let is_printable = line.bytes().all(|byte| byte == b'\t' || byte == b' ' || byte.is_ascii_graphic());
        // Some write `>` before `From `.
        is_printable && line.len() <= LINE && !line.ends_with([' ', '\t']) && !line.starts_with("From ") && !line.starts_with('.')
    };
    let part = SinglePart::builder().content_type(kind);
    if text.split('\n').all(is_safe) {
        let lines = text.replace('\n', "\r\n").into_bytes();
        return part.body(Body::dangerous_pre_encoded(lines, ContentTransferEncoding::SevenBit));
    }
    let part = if text.is_ascii() { part.header(ContentTransferEncoding::QuotedPrintable) } else { part };
    part.body(text)
}

/// Makes a part of a file.
fn file(file: &File) -> anyhow::Result<SinglePart> {
    check_value("the media type of a file", &file.media_type)?;
    check_value("the name of a file", &file.name)?;
    let name = Some(clean_name(&file.name)).filter(|name| !name.is_empty()).unwrap_or_else(|| "attachment.bin".to_string());
    // RFC 2046, section 5.2.1: a message inside the message is never encoded, so one that would need it is a file.
    let is_message = file.media_type.eq_ignore_ascii_case("message/rfc822") && is_7bit(&file.content);
    let is_told = is_message || !["message/", "multipart/"].iter().any(|kind| has_prefix(&file.media_type, kind));
    let kind = Some(&*file.media_type).filter(|kind| is_told && is_media_type(kind)).unwrap_or("application/octet-stream");
    let mut part = SinglePart::builder().content_type(ContentType::parse(kind)?);
    if let Some(id) = &file.content_id {
        if !is_id(id) {
            return Err(wrong(format!("the Content-ID of {name:?} is no id")));
        }
        part = part.header(ContentId::from(format!("<{id}>")));
    }
    let part = match file.inline && file.content_id.is_some() {
        true => part.header(ContentDisposition::inline_with_name(&name)),
        false => part.header(ContentDisposition::attachment(&name)),
    };
    let content = file.content.clone();
    Ok(match is_message {
        true => part.body(Body::dangerous_pre_encoded(content, ContentTransferEncoding::SevenBit)),
        // Of itself, lettre would send bytes in short lines of ASCII as they are, with whatever ends their lines.
        false => part.header(ContentTransferEncoding::Base64).body(content),
    })
}

fn has_prefix(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// RFC 6838, section 4.2.
fn is_media_type(text: &str) -> bool {
    let is_name = |name: &str| {
        (1..=127).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    text.split_once('/').is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype))
}

/// Whether bytes can go as they are: ASCII in lines that end in CRLF.
fn is_7bit(content: &[u8]) -> bool {
    let is_line = |line: &[u8]| line.len() <= LONGEST && line.iter().all(|byte| byte.is_ascii() && !b"\0\r\n".contains(byte));
    content.split_inclusive(|byte| *byte == b'\n').all(|line| match line {
        [line @ .., b'\r', b'\n'] => is_line(line),
        line => !line.ends_with(b"\n") && is_line(line),
    })
}
