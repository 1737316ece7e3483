//! Files that stand uuencoded in a plain text (POSIX, uuencode), as programs wrote them before MIME. Only what has its
//! whole frame from `begin` to `end` counts; anything else is text.

use std::borrow::Cow;
use std::ops::Range;

use super::transfer;

/// A file inside a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub content: Vec<u8>,
    /// Where it stands, in whole lines.
    lines: Range<usize>,
}

/// Returns the files in a text, from above.
pub fn files(text: &[u8]) -> Vec<File> {
    let mut files = Vec::new();
    let mut from = 0;
    while let Some(at) = memchr::memmem::find(&text[from..], b"begin ").map(|at| from + at) {
        let starts_line = at == 0 || text.get(at - 1) == Some(&b'\n');
        from = at + b"begin ".len();
        if starts_line && let Some(file) = file(text, at) {
            from = file.lines.end;
            files.push(file);
        }
    }
    files
}

/// Returns a text without its files.
pub fn without_files(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let files = files(&text);
    if files.is_empty() {
        return text;
    }
    let mut left = Vec::with_capacity(text.len());
    let mut from = 0;
    for file in files {
        left.extend_from_slice(text.get(from..file.lines.start).unwrap_or_default());
        from = file.lines.end;
    }
    left.extend_from_slice(text.get(from..).unwrap_or_default());
    Cow::Owned(left)
}

/// Reads the file that begins with the line at `start`. No line inside a file can be a `begin`, so no line is read twice.
fn file(text: &[u8], start: usize) -> Option<File> {
    let mut end = start;
    let mut lines = text[start..].split_inclusive(|byte| *byte == b'\n').map(|line| {
        end += line.len();
        (end, line.strip_suffix(b"\n").unwrap_or(line))
    });
    let (_, head) = lines.next()?;
    let name = name(head.trim_ascii_end())?;
    let mut is_over = false;
    let end = loop {
        let (end, line) = lines.next()?;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line.trim_ascii_end() {
            b"end" if is_over => break end,
            b"" | b"`" => is_over = true,
            _ if is_over || !is_data(line) => return None,
            _ => {}
        }
    };
    Some(File { name, content: transfer::uudecode(&text[start..end]), lines: start..end })
}

/// Reads `begin 644 name`.
fn name(line: &[u8]) -> Option<String> {
    let (mode, name) = std::str::from_utf8(line).ok()?.strip_prefix("begin ")?.split_once(' ')?;
    let is_mode = matches!(mode.len(), 3 | 4) && mode.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    (is_mode && !name.trim().is_empty()).then(|| name.trim().to_string())
}

/// Whether a line is its length and at most as many digits as that needs, with a check digit.
fn is_data(line: &[u8]) -> bool {
    let Some((length, digits)) = line.split_first() else { return false };
    let most = usize::from(length.wrapping_sub(b' ') & 63).div_ceil(3) * 4 + 1;
    digits.len() <= most && line.iter().all(|byte| (b' '..=b'`').contains(byte))
}

#[cfg(test)]
mod tests {
    use crate::mail::{attachment, parse};

    #[test]
    fn parse_8_uuencoded_files_in_a_text_are_attachments() {
        let raw = b"Subject: x\r\n\r\nhello\r\n\r\nbegin 644 ../a.txt\r\n#0V%T\r\n`\r\nend\r\nbye\r\nbegin 600 b.txt\r\n%:&5L;&\\\r\n`\r\nend\r\n";
        let mail = parse(raw);
        assert_eq!(mail.text, "hello\n\nbye\n");
        let listed: Vec<_> = mail.attachments.iter().map(|one| (one.name.as_str(), one.size, one.part.as_str())).collect();
        assert_eq!(listed, [("a.txt", 3, "0/0"), ("b.txt", 5, "0/1")]);
        assert_eq!(attachment::content(raw, "0/1").as_deref(), Some(b"hello".as_slice()));
        assert_eq!(attachment::content(raw, "0/2"), None);
    }

    #[test]
    fn parse_8_what_only_begins_like_a_uuencoded_file_is_text() {
        for body in [
            "begin 644 a.txt\n#0V%T\n`\n",
            "begin 644 a.txt\n#0V%T\nend\n",
            "begin 644 a.txt\nthen stop\n`\nend\n",
            "We begin 644 a.txt\n#0V%T\n`\nend\n",
            "begin work today\n`\nend\n",
            "begin 644 \n`\nend\n",
            "begin 644 a.txt",
        ] {
            let mail = parse(format!("Subject: x\n\n{body}").as_bytes());
            assert_eq!((mail.text.as_str(), mail.attachments.len()), (body, 0));
        }
    }

    #[test]
    fn parse_2_many_beginnings_cost_in_proportion() {
        let started = std::time::Instant::now();
        super::files("begin 644 a\n#0V%T\n".repeat(200_000).as_bytes());
        super::files("begin 644 a\n`\nend\n".repeat(200_000).as_bytes());
        assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    }
}
