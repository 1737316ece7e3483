//! One line of a text, and what it can be.

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Empty,
    Text,
    /// It begins with `>`.
    Quoted,
    /// Here begins a line "… wrote:" of so many lines.
    Attribution(usize),
    /// From here on everything is quoted: a line of dashes, a header block, "reply above this line".
    Rest,
    /// From here on everything is a message that is passed on or shown: content.
    Passed,
}

/// What a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Reply,
    Quoted,
    Signature,
}

/// Takes away what shows nothing: blanks, marks of direction, the no-break space.
pub fn clean(line: &str) -> &str {
    if let [first, .., last] = line.as_bytes()
        && first.is_ascii_graphic()
        && last.is_ascii_graphic()
    {
        return line;
    }
    line.trim_matches(|c: char| {
        c.is_whitespace()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{AD}')
    })
}

/// A character of which lines between parts are made.
pub fn is_rule(c: char) -> bool {
    matches!(c, '-' | '_' | '=' | '*' | '#' | '~' | '—' | '–' | '─' | '━' | '+' | '<' | '>' | '[' | ']' | '|')
        || c.is_whitespace()
}
