//! A stream as text: a line for what happened, what was written below it.

use crate::clock::rfc3339;
use crate::decide::digest::sender;
use crate::output::shown;
use crate::store::case::Entry;
use crate::words::NoteKind;

/// Writes a stream, the newest entry last.
pub fn text(entries: &[Entry]) -> String {
    let mut text = String::new();
    for entry in entries {
        text.push_str(&format!("  {}  {}\n", rfc3339(entry.at), told(entry)));
        if entry.kind == NoteKind::Note {
            text.push_str(&indented(&entry.detail));
        }
        if let Some(reply) = &entry.reply_text {
            text.push_str(&indented(reply));
            text.push_str(&folded(entry));
        }
        for file in &entry.attachments {
            text.push_str(&format!("      attached: {} ({}, {} bytes)\n", line(&file.name), line(&file.media_type), file.size));
        }
    }
    text
}

/// Says what is left out of an e-mail.
fn folded(entry: &Entry) -> String {
    let lines = |count: usize, what: &str| match count {
        0 => None,
        1 => Some(format!("1 line of {what}")),
        count => Some(format!("{count} lines of {what}")),
    };
    let parts: Vec<String> =
        [lines(entry.quoted_lines, "quotation"), lines(entry.signature_lines, "signature")].into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!("      [{}]\n", parts.join(", ")) }
}

fn told(entry: &Entry) -> String {
    let by = entry.by.as_deref().map(|author| format!(" by {}", line(author))).unwrap_or_default();
    let email = || {
        if entry.email_withheld {
            return format!("e-mail {}, which is not yours to read", entry.email.unwrap_or_default());
        }
        let from = entry.from.as_deref().filter(|from| !from.is_empty()).unwrap_or("an unknown sender");
        let subject = line(entry.subject.as_deref().unwrap_or_default());
        let from = sender(&line(from), entry.sender_not_verified);
        format!("e-mail {} from {from}: {subject}", entry.email.unwrap_or_default())
    };
    match entry.kind {
        NoteKind::Created => match entry.email {
            Some(id) => format!("opened{by} by e-mail {id}"),
            None if by.is_empty() => "opened by hand".to_string(),
            None => format!("opened{by}"),
        },
        NoteKind::EmailReceived => format!("received {}", email()),
        NoteKind::EmailSent => format!("sent {}", email().replacen(" from ", &format!("{by} from "), 1)),
        NoteKind::Assigned => format!("assigned to {}{by}", line(&entry.detail)),
        NoteKind::Status => format!("status {}{by}", line(&entry.detail)),
        NoteKind::Note => format!("note{by}"),
        NoteKind::Merged | NoteKind::Split | NoteKind::Linked => format!("{}{by}", line(&entry.detail)),
        NoteKind::Bounce => match entry.detail.is_empty() {
            true => format!("delivery report: {}", email()),
            false => format!("delivery report: {}; {}", email(), line(&entry.detail)),
        },
    }
}

/// Makes text of others fit for one line of the stream, which nothing in it can leave.
fn line(text: &str) -> String {
    shown(text).replace('\n', " ")
}

/// Sets text off from the lines of the stream, so that none of it can look like one.
fn indented(text: &str) -> String {
    let line = |line: &str| if line.trim().is_empty() { "\n".to_string() } else { format!("      {line}\n") };
    shown(text.trim()).lines().map(line).collect()
}
