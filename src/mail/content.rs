//! DUP-2: what makes two messages the same: From, Date, Subject, what they say without white space, and every file in them.
//! White space, transfer encodings and the order of files are an MTA's business; everything else is the author's, and whoever
//! can repeat all of it has all of it. To and Cc are not part of it: they say who gets a message, not what it is.

use super::structure::{Leaf, Structure};
use super::text::Role;
use super::transfer::{self, Encoding};
use super::{Address, Mail, attachment, header, text, uuencode};

/// Ends a field: no UTF-8 has this byte.
const END: &[u8] = b"\xFF";

/// The two digests of a message.
pub struct Digests {
    /// Of everything that makes two messages the same.
    pub content: [u8; 32],
    /// Of that and of the header without the fields that each way writes: stands in for a Message-ID.
    pub untraced: [u8; 32],
}

/// Computes them. Of a message that goes on behind a limit (PARSE-2) every byte counts: nobody has looked at the rest.
pub fn digests(raw: &[u8], structure: &Structure<'_>, roles: &[Role], mail: &Mail, is_cut: bool) -> Digests {
    let mut content = blake3::Hasher::new();
    // Where nobody can be told as author, or no time, what stands there tells two messages apart.
    let as_written = |name: &str| mail.header_values(name).collect::<Vec<_>>().join("\n");
    let from = mail.from.as_ref().map_or_else(|| as_written("From"), Address::key);
    let date = mail.date.map_or_else(|| as_written("Date"), |date| date.to_string());
    for field in [&from, &date, &mail.subject] {
        add_words(&mut content, field);
    }
    let mut files: Vec<[u8; 32]> = Vec::new();
    for (leaf, role) in structure.leaves.iter().zip(roles) {
        let head = structure.head_of(leaf);
        let encoding = head.encoding();
        let name = attachment::name_of(leaf, head);
        if !role.is_body()
            && let Some(digest) = file_in_pieces(leaf, encoding, &name)
        {
            files.push(digest);
            continue;
        }
        let (bytes, footer) = encoding.split(leaf.body);
        // A text beyond the limit is read in part (PARSE-2): every byte of it counts.
        if !role.is_body() || bytes.len() > text::LARGEST {
            files.push(file(&leaf.media_type, &name, &as_sent(leaf, encoding, &bytes), footer));
            continue;
        }
        let is_html = text::kind(&leaf.media_type).unwrap_or_default();
        if !is_html {
            let inside = uuencode::files(&bytes);
            files.extend(inside.iter().map(|inner| file("uuencode", &inner.name, &inner.content, &[])));
        }
        let bytes = if is_html { bytes } else { uuencode::without_files(bytes) };
        let text = text::decoded(head, is_html, &bytes, footer);
        // A blank part is as good as none: some MTAs add a line to an empty body.
        if !text.trim().is_empty() {
            add_words(&mut content, &leaf.media_type);
            add_words(&mut content, &name);
            add_words(&mut content, &text);
        }
    }
    files.sort_unstable();
    // How many there are ends the texts, which are of any number.
    content.update(END).update(&(files.len() as u64).to_le_bytes());
    for file in &files {
        content.update(file);
    }
    if is_cut {
        let body = raw.get(structure.header.len()..).unwrap_or_default();
        add_runs(&mut content, body);
    }
    let content = *content.finalize().as_bytes();
    Digests { content, untraced: untraced(&content, mail) }
}

/// Adds a text without its white space.
fn add_words(hasher: &mut blake3::Hasher, text: &str) {
    // At once: word by word takes the hash several times as long.
    let mut words = Vec::with_capacity(text.len() + END.len());
    for line in text.split_inclusive('\n') {
        if line.is_ascii() {
            // No characters have to be told apart; and without a branch it is several times as fast.
            let start = words.len();
            let mut end = start;
            words.extend_from_slice(line.as_bytes());
            for at in start..words.len() {
                let byte = words[at];
                words[end] = byte;
                end += usize::from(!matches!(byte, b'\t'..=b'\r' | b' '));
            }
            words.truncate(end);
        } else {
            line.split_whitespace().for_each(|word| words.extend_from_slice(word.as_bytes()));
        }
    }
    words.extend_from_slice(END);
    hasher.update(&words);
}

/// Adds bytes without what is white space among them.
fn add_runs(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    for run in bytes.split(u8::is_ascii_whitespace) {
        hasher.update(run);
    }
}

/// The digest of a file, as [`file`] makes it, that is never there as a whole: a large one is most of what there is to read. None
/// where it is a text, or anything but base64 in order.
fn file_in_pieces(leaf: &Leaf<'_>, encoding: Encoding, name: &str) -> Option<[u8; 32]> {
    let mut hasher = file_named(&leaf.media_type, name);
    let is_bytes = encoding == Encoding::Base64 && !is_text(leaf);
    let is_whole = is_bytes && transfer::in_pieces(leaf.body, |piece| _ = hasher.update(piece));
    is_whole.then(|| *hasher.finalize().as_bytes())
}

/// Begins the digest of a file.
fn file_named(media_type: &str, name: &str) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new();
    hasher.update(media_type.as_bytes()).update(END).update(name.as_bytes()).update(END);
    hasher
}

/// `footer` is what stands behind the end of base64, and is in no file.
fn file(media_type: &str, name: &str, content: &[u8], footer: &[u8]) -> [u8; 32] {
    let mut hasher = file_named(media_type, name);
    hasher.update(content);
    if !footer.trim_ascii().is_empty() {
        hasher.update(END);
        add_runs(&mut hasher, footer);
    }
    *hasher.finalize().as_bytes()
}

/// What a file is whichever way it came: lines end as each system ends them, and blanks at their ends get lost or come along
/// (RFC 2045, section 6.7, rule 3). What base64 wraps is not lines but bytes, each of which counts, unless it is text.
fn as_sent<'b>(leaf: &Leaf<'_>, encoding: Encoding, bytes: &'b [u8]) -> std::borrow::Cow<'b, [u8]> {
    if !is_text(leaf) && matches!(encoding, Encoding::Base64 | Encoding::Uuencode) {
        return bytes.into();
    }
    let mut lines = Vec::with_capacity(bytes.len());
    for line in bytes.split(|byte| *byte == b'\n') {
        let end = line.iter().rposition(|byte| !matches!(byte, b' ' | b'\t' | b'\r')).map_or(0, |last| last + 1);
        lines.extend_from_slice(&line[..end]);
        lines.push(b'\n');
    }
    let end = lines.iter().rposition(|byte| *byte != b'\n').map_or(0, |last| last + 1);
    lines.truncate(end);
    lines.into()
}

fn is_text(leaf: &Leaf<'_>) -> bool {
    leaf.media_type.starts_with("text/") || leaf.media_type.starts_with("message/")
}

/// The content, and what the header says to whom and beside it.
fn untraced(content: &[u8; 32], mail: &Mail) -> [u8; 32] {
    let mut fields: Vec<[u8; 32]> = Vec::new();
    for (name, value) in header::fields(&mail.header) {
        let name = name.to_ascii_lowercase();
        if is_of_the_way(&name) || is_content(&name) {
            continue;
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(name.as_bytes()).update(END);
        add_runs(&mut hasher, value);
        fields.push(*hasher.finalize().as_bytes());
    }
    // An MTA may put them into another order.
    fields.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    hasher.update(content);
    for field in &fields {
        hasher.update(field);
    }
    *hasher.finalize().as_bytes()
}

/// Whether a field, in lower case, is written by servers, by the last program that kept the message, or for one recipient alone.
fn is_of_the_way(name: &str) -> bool {
    const WRITTEN: [&str; 6] = ["bcc", "content-length", "dkim-signature", "domainkey-signature", "lines", "status"];
    name.starts_with("x-") || header::is_trace(name) || WRITTEN.contains(&name)
}

/// Whether the digest of the content has what a field says.
fn is_content(name: &str) -> bool {
    matches!(name, "from" | "date" | "subject" | "mime-version") || name.starts_with("content-")
}

#[cfg(test)]
mod tests;
