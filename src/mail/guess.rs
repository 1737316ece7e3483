//! Whether bytes are a message at all. Whatever a server hands over is one; a file may be anything.

/// Fields of which every message has one or another.
const KNOWN: [&str; 16] = [
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "date",
    "subject",
    "message-id",
    "in-reply-to",
    "references",
    "received",
    "return-path",
    "delivered-to",
    "mime-version",
    "content-type",
];

/// How much of a file is looked at.
const HEAD: usize = 64 << 10;

/// FETCH-17: says why bytes are no message: nothing in them is a field that messages have, in a header that begins at their start.
pub fn no_message(bytes: &[u8]) -> Option<&'static str> {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if head.is_empty() {
        return Some("it is empty");
    }
    let (mut has_field, mut has_begun) = (false, false);
    for line in lines(head) {
        if line.contains(&0) {
            return Some("it is no text");
        }
        match line.first() {
            None if has_begun => break,
            // What a server, or an editor, put in front of the header.
            None | Some(b' ' | b'\t') => continue,
            Some(_) if line.starts_with(b"From ") || line.starts_with(b">From ") => continue,
            Some(_) => has_begun = true,
        }
        let name = line.iter().position(|byte| *byte == b':').and_then(|at| line.get(..at)).map(<[u8]>::trim_ascii_end);
        let Some(name) = name.filter(|name| !name.is_empty() && name.iter().all(u8::is_ascii_graphic)) else { break };
        has_field |= KNOWN.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
    }
    (!has_field).then_some("it has no field of a message in front, such as From, Date or Subject")
}

/// Lines, however they end: in LF, CR LF, CR CR LF, or in CR where there is no LF.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = if text.contains(&b'\n') { b'\n' } else { b'\r' };
    text.split(move |byte| *byte == end).map(|line| {
        let end = line.iter().rposition(|byte| *byte != b'\r').map_or(0, |last| last + 1);
        &line[..end]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetch_17_a_message_is_told_from_other_files() {
        for message in [
            "From: a@example.org\r\n\r\nx",
            "Received: x\r\n\tby y\r\nX-Odd: 1\r\nSubject: x\r\n\r\n",
            "\u{feff}Subject: x",
            "\r\nDate : x\n\n",
            "From dora@example.org Mon Jan  5 10:00:00 2026\nX-Spam: no\nto: ada\n\n",
            "X-Only: 1\rSubject: x\r\rx",
            "Subject: no empty line\nbelow it",
        ] {
            assert_eq!(no_message(message.as_bytes()), None, "{message:?}");
        }
        for other in [
            "",
            " \r\n ",
            "name,address\nDora,dora@example.org\n",
            "Hello,\nSubject: x\n",
            "X-Only: 1\n\nSubject: in the text\n",
            "\u{7f}ELF\0\0",
            "<!DOCTYPE html>\n",
            "2026-11-23T10:00:00Z: it works\n",
        ] {
            assert!(no_message(other.as_bytes()).is_some(), "{other:?}");
        }
        assert!(no_message(b"From: a\0b\n\n").is_some());
        let noise: Vec<u8> = (0..5_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert!(no_message(&noise).is_some());
    }
}
