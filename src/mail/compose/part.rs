//! The body: text and HTML side by side, with the pictures that the HTML shows, and the files behind them (RFC 2046).
//! Everything is 7-bit, so that no server on the way has to change it.

use email_encoding::body::base64;

use super::check::{check_value, wrong};
use super::draft::{Draft, File};
use super::field::{Header, is_id};
use crate::mail::attachment::clean_name;

/// The longest line of text that goes out as it is, in bytes (RFC 5322, section 2.1.1).
const LINE: usize = 78;
/// The longest line of a message inside the message (RFC 5321, section 4.5.3.1.6).
const LONGEST: usize = 998;

/// Writes the body behind the header, with its own header fields.
pub fn write(draft: &Draft, out: &mut String) -> anyhow::Result<()> {
    let (inline, files): (Vec<&File>, Vec<&File>) =
        draft.attachments.iter().partition(|file| file.inline && file.content_id.is_some() && draft.html.is_some());
    let body = |out: &mut String| alternative(draft, &inline, out);
    if files.is_empty() {
        return body(out);
    }
    let boundary = Boundary::open(draft, "mixed", out);
    boundary.next(out);
    body(out)?;
    for each in files {
        boundary.next(out);
        file(each, out)?;
    }
    boundary.close(out);
    Ok(())
}

fn alternative(draft: &Draft, inline: &[&File], out: &mut String) -> anyhow::Result<()> {
    if draft.html.is_none() && draft.calendar.is_none() {
        return text("text/plain", &draft.text, out);
    }
    let boundary = Boundary::open(draft, "alternative", out);
    boundary.next(out);
    text("text/plain", &draft.text, out)?;
    if let Some(html) = &draft.html {
        boundary.next(out);
        related(draft, html, inline, out)?;
    }
    // RFC 6047, section 2.4: the method stands in the type, too.
    if let Some(calendar) = &draft.calendar {
        boundary.next(out);
        text(&format!("text/calendar; method={}", calendar.method), &calendar.text, out)?;
    }
    boundary.close(out);
    Ok(())
}

/// HTML with the pictures that it shows.
fn related(draft: &Draft, html: &str, inline: &[&File], out: &mut String) -> anyhow::Result<()> {
    if inline.is_empty() {
        return text("text/html", html, out);
    }
    let boundary = Boundary::open(draft, "related", out);
    boundary.next(out);
    text("text/html", html, out)?;
    for each in inline {
        boundary.next(out);
        file(each, out)?;
    }
    boundary.close(out);
    Ok(())
}

/// What stands between parts. It is not to be guessed, since the Message-ID is not, and `=_` is never in encoded text.
struct Boundary(String);

impl Boundary {
    fn open(draft: &Draft, kind: &str, out: &mut String) -> Self {
        let digest = blake3::hash(format!("{kind} {}", draft.message_id).as_bytes()).to_hex();
        let boundary = format!("=_{}", digest.get(..40).unwrap_or_default());
        let mut header = Header::default();
        header.raw("Content-Type", &format!("multipart/{kind};\r\n boundary=\"{boundary}\""));
        header.close(out);
        Self(boundary)
    }

    fn next(&self, out: &mut String) {
        out.push_str("\r\n--");
        out.push_str(&self.0);
        out.push_str("\r\n");
    }

    fn close(&self, out: &mut String) {
        out.push_str("\r\n--");
        out.push_str(&self.0);
        out.push_str("--\r\n");
    }
}

/// Writes a text part.
fn text(media_type: &str, text: &str, out: &mut String) -> anyhow::Result<()> {
    let text = with_crlf(text);
    let is_safe = |line: &str| {
        let is_printable = line.bytes().all(|byte| byte == b'\t' || byte == b' ' || byte.is_ascii_graphic());
        // Programs on the way cut spaces at a line's end and write `>` before `From `.
        is_printable && line.len() <= LINE && !line.ends_with([' ', '\t']) && !line.starts_with("From ") && !line.starts_with('.')
    };
    let (encoding, body) = if text.split("\r\n").all(is_safe) {
        ("7bit", text)
    } else if text.chars().filter(|c| !c.is_ascii()).count() * 4 > text.chars().count() {
        let mut encoded = String::new();
        base64::encode(text.as_bytes(), &mut encoded)?;
        ("base64", encoded)
    } else {
        ("quoted-printable", quoted_printable::encode_to_str(&text))
    };
    let mut header = Header::default();
    header.raw("Content-Type", &format!("{media_type}; charset=utf-8"));
    header.raw("Content-Transfer-Encoding", encoding);
    header.close(out);
    out.push_str(&body);
    if !out.ends_with("\r\n") {
        out.push_str("\r\n");
    }
    Ok(())
}

/// Writes a file.
fn file(file: &File, out: &mut String) -> anyhow::Result<()> {
    check_value("the media type of a file", &file.media_type)?;
    check_value("the name of a file", &file.name)?;
    let name = Some(clean_name(&file.name)).filter(|name| !name.is_empty()).unwrap_or_else(|| "attachment.bin".to_string());
    let mut header = Header::default();
    // RFC 2046, section 5.2.1: a message inside the message is never encoded, so one that would need it is a file.
    let is_message = file.media_type.eq_ignore_ascii_case("message/rfc822") && is_7bit(&file.content);
    let media_type = match file.media_type.to_ascii_lowercase() {
        own if is_message => own,
        own if is_media_type(&own) && !own.starts_with("message/") && !own.starts_with("multipart/") => own,
        _ => "application/octet-stream".to_string(),
    };
    header.raw("Content-Type", &media_type);
    header.raw("Content-Transfer-Encoding", if is_message { "7bit" } else { "base64" });
    if let Some(id) = &file.content_id {
        if !is_id(id) {
            return Err(wrong(format!("the Content-ID of {name:?} is no id")));
        }
        header.raw("Content-ID", &format!("<{id}>"));
    }
    let kind = if file.inline && file.content_id.is_some() { "inline" } else { "attachment" };
    header.with_parameter("Content-Disposition", kind, "filename", &name)?;
    header.close(out);
    if is_message {
        out.push_str(std::str::from_utf8(&file.content)?);
    } else {
        out.reserve(base64::encoded_len(file.content.len()));
        base64::encode(&file.content, out)?;
    }
    Ok(())
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

fn with_crlf(text: &str) -> String {
    let mut lines = String::with_capacity(text.len() + text.len() / 32);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                lines.push_str("\r\n");
            }
            '\n' => lines.push_str("\r\n"),
            _ => lines.push(c),
        }
    }
    lines
}
