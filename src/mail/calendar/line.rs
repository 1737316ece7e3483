//! Content lines of a calendar (RFC 5545, section 3.1): unfolded, taken apart into name, parameters and value.

/// The longest content line that is read, in bytes; the rest of a longer one is left out.
const LONGEST: usize = 16 << 10;

/// One content line.
pub struct Property {
    /// In upper case.
    pub name: String,
    /// Names in upper case.
    parameters: Vec<(String, String)>,
    /// As it stands.
    pub value: String,
}

impl Property {
    /// Returns the value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Returns the value with its escapes read (RFC 5545, section 3.3.11).
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.value.len());
        let mut characters = self.value.chars();
        while let Some(c) = characters.next() {
            match c {
                '\\' => match characters.next() {
                    Some('n' | 'N') => text.push('\n'),
                    Some(other) => text.push(other),
                    None => text.push('\\'),
                },
                _ => text.push(c),
            }
        }
        text
    }
}

/// Returns the content lines of a text; what is none is left out.
pub fn properties(text: &str) -> impl Iterator<Item = Property> {
    let mut lines = text.lines().peekable();
    std::iter::from_fn(move || {
        loop {
            let mut whole = lines.next()?.to_string();
            while let Some(more) = lines.next_if(|line| line.starts_with([' ', '\t'])) {
                if whole.len() + more.len() <= LONGEST {
                    whole.push_str(&more[1..]);
                }
            }
            if let Some(property) = (whole.len() <= LONGEST).then(|| property(&whole)).flatten() {
                return Some(property);
            }
        }
    })
}

fn property(line: &str) -> Option<Property> {
    let line = line.trim_start_matches('\u{FEFF}');
    let end = line.find([':', ';'])?;
    let (name, mut rest) = line.split_at(end);
    let mut parameters = Vec::new();
    while let Some(parameter) = rest.strip_prefix(';') {
        let (key, behind) = parameter.split_once('=')?;
        let (value, behind) = match behind.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
            Some(quoted) => quoted,
            None => behind.split_at(behind.find([':', ';'])?),
        };
        parameters.push((key.trim().to_ascii_uppercase(), unescaped(value)));
        // A list of values: the first one counts.
        rest = behind.get(behind.find([':', ';'])?..)?;
    }
    let value = rest.strip_prefix(':')?;
    Some(Property { name: name.trim().to_ascii_uppercase(), parameters, value: value.to_string() })
}

/// RFC 6868: how a parameter says what it must not contain.
fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars().peekable();
    while let Some(c) = characters.next() {
        let meant = match (c, characters.peek()) {
            ('^', Some('n')) => '\n',
            ('^', Some('\'')) => '"',
            ('^', Some('^')) => '^',
            _ => {
                text.push(c);
                continue;
            }
        };
        characters.next();
        text.push(meant);
    }
    text
}
