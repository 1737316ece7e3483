//! Text whose lines flow (RFC 3676): a line that ends with a space goes on in the next one.

/// Joins the lines of each paragraph. With `deletes` (DelSp) the space at the end of a line is not part of the text. The marks
/// of quotations stay, as plain text has them.
pub fn joined(text: &str, deletes: bool) -> String {
    let mut joined = String::with_capacity(text.len());
    // The quotation that the open paragraph stands in.
    let mut open: Option<usize> = None;
    for line in text.lines() {
        let depth = line.bytes().take_while(|byte| *byte == b'>').count();
        let content = &line[depth..];
        // A space was put before lines that begin with one, with `>` or with `From ` (section 4.4).
        let content = match content.strip_prefix(' ') {
            // Without that space it would read as a quotation.
            Some(rest) if depth == 0 && rest.starts_with('>') => content,
            Some(rest) => rest,
            None => content,
        };
        let is_signature = content == "-- ";
        if open.is_some() && (open != Some(depth) || is_signature) {
            joined.push('\n');
            open = None;
        }
        if open.is_none() {
            joined.extend(std::iter::repeat_n('>', depth));
            if depth > 0 && !content.is_empty() {
                joined.push(' ');
            }
        }
        if content.ends_with(' ') && !is_signature {
            joined.push_str(if deletes { &content[..content.len() - 1] } else { content });
            open = Some(depth);
        } else {
            joined.push_str(content);
            joined.push('\n');
            open = None;
        }
    }
    if open.is_some() {
        joined.push('\n');
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn parse_6_lines_that_flow_are_joined() {
        for (text, deletes, expected) in [
            ("One \nline.\nTwo\n", false, "One line.\nTwo\n"),
            ("ポンプが止まって \nいます。\n", true, "ポンプが止まっています。\n"),
            ("> quoted \n> text\nAnswer \nto it\n", false, "> quoted text\nAnswer to it\n"),
            (">> a \n> b \n> c\n", false, ">> a \n> b c\n"),
            ("Text \n-- \nDora\n", false, "Text \n-- \nDora\n"),
            (" From here\n > no quote\n", false, "From here\n > no quote\n"),
            ("cut \n", false, "cut \n"),
            (">\n> a\n", false, ">\n> a\n"),
            ("\n\na\n", false, "\n\na\n"),
            ("  indented\n", false, " indented\n"),
            ("", false, ""),
        ] {
            assert_eq!(joined(text, deletes), expected, "{text:?}");
        }
    }
}
