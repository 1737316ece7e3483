//! Files that people name, to go out with letters.

use std::io::Read;
use std::path::Path;

use anyhow::Result;

use crate::custody;
use crate::fault::{Class, Fault};
use crate::mail::compose::{File, is_id};

/// The largest attachment, and the largest text from standard input, in bytes.
pub const LARGEST: u64 = 50 << 20;

/// Reads a file to go out; one that HTML shows is named there by its name.
pub fn read(path: &Path, inline: bool) -> Result<File> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if inline && !is_id(&name) {
        let what = format!("a picture that HTML shows has a name of ASCII letters without spaces, not {name:?}");
        return Err(Fault::new(Class::Usage, what).hint("rename the file").into());
    }
    let media_type = media_type(&name).to_string();
    Ok(File { content_id: inline.then(|| name.clone()), name, media_type, content: bytes(path)?, inline })
}

/// Reads a file whole, within what a letter can carry.
pub fn bytes(path: &Path) -> Result<Vec<u8>> {
    let unreadable = |error: std::io::Error| Fault::new(Class::Data, format!("cannot read {}: {error}", path.display()));
    let mut bytes = Vec::new();
    custody::check_free(path)?;
    std::fs::File::open(path).map_err(unreadable)?.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(Fault::new(Class::Data, format!("{} is larger than {LARGEST} bytes", path.display())).into());
    }
    Ok(bytes)
}

/// The media type of a file, by the ending of its name.
fn media_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "txt" | "log" | "md" => "text/plain",
        "html" | "htm" => "text/html",
        "csv" => "text/csv",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "svg" => "image/svg+xml",
        "zip" => "application/zip",
        "json" => "application/json",
        "xml" => "application/xml",
        "ics" => "text/calendar",
        "eml" => "message/rfc822",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "odt" => "application/vnd.oasis.opendocument.text",
        "ods" => "application/vnd.oasis.opendocument.spreadsheet",
        _ => "application/octet-stream",
    }
}
