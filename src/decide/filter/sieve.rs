//! FILTER-3: a Sieve script (RFC 5228) as a filter: `discard` skips, `fileinto` moves to a folder, `keep` and `stop` leave
//! the message to the next filter. What else a script could do is refused when it is added, with its line.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use mail_parser::{Message, MessageParser, PartType};
use sieve::{Compiler, Event, Input, Runtime, Sieve};

use super::action::Action;
use super::examined::Examined;
use crate::mail::shorter;
use crate::words::FolderId;

/// The largest script, in bytes.
const LARGEST: usize = 64 << 10;

/// How many instructions one message may cost.
const INSTRUCTIONS: usize = 5_000;

/// How much of the text a script sees, in bytes.
const SEEN: usize = 64 << 10;

/// The largest size that a script may ask for, in bytes.
const LARGEST_SIZE: usize = 128 << 20;

/// Commands and tests that a script may use.
const WORDS: [&str; 17] = [
    "require", "if", "elsif", "else", "stop", "keep", "discard", "fileinto", "allof", "anyof", "not", "true", "false", "header",
    "address", "exists", "size",
];

/// Their tagged arguments.
const TAGS: [&str; 14] = [
    "is",
    "contains",
    "matches",
    "over",
    "under",
    "count",
    "value",
    "localpart",
    "domain",
    "all",
    "user",
    "detail",
    "comparator",
    "text",
];

/// The extensions that `require` may name.
const EXTENSIONS: [&str; 7] = [
    "fileinto",
    "body",
    "relational",
    "subaddress",
    "comparator-i;octet",
    "comparator-i;ascii-casemap",
    "comparator-i;ascii-numeric",
];

/// A script as it is kept, with the folders that it names and that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    pub text: String,
    pub folders: BTreeMap<String, FolderId>,
}

/// What a script uses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Uses {
    /// The folders of its `fileinto`, in order.
    folders: Vec<String>,
    body: bool,
    discard: bool,
    /// The largest size that it asks for; none when it asks for no size.
    size: Option<usize>,
}

/// Reads what a script uses, or says in which line it uses something else.
fn uses(text: &str) -> Result<Uses, String> {
    if text.len() > LARGEST {
        return Err(format!("a Sieve script has at most {LARGEST} bytes"));
    }
    let mut uses = Uses::default();
    let mut command = String::new();
    for (line, token) in Tokens::of(text) {
        match token {
            Token::Word(word) => {
                match word.as_str() {
                    "body" => uses.body = true,
                    word if WORDS.contains(&word) => {}
                    word => return Err(format!("line {line}: \"{word}\" cannot be used in a filter")),
                }
                uses.discard |= word == "discard";
                command = word;
            }
            Token::Tag(tag) if TAGS.contains(&tag.as_str()) => {}
            Token::Tag(tag) => return Err(format!("line {line}: \":{tag}\" cannot be used in a filter")),
            Token::Text(text) if command == "require" && !EXTENSIONS.contains(&text.as_str()) => {
                return Err(format!("line {line}: the extension {text:?} cannot be used in a filter"));
            }
            Token::Text(text) if command == "fileinto" => uses.folders.push(text),
            Token::Text(_) => {}
            Token::Number(size) if size > LARGEST_SIZE => {
                return Err(format!("line {line}: a filter cannot ask for more than {}M", LARGEST_SIZE >> 20));
            }
            Token::Number(size) if command == "size" => uses.size = uses.size.max(Some(size)),
            Token::Number(_) => {}
            Token::Open(what) => return Err(format!("line {line}: the {what} does not end")),
        }
    }
    Ok(uses)
}

/// Where a script keeps a message by a word of its own.
const KEPT: &str = "espomail:keep";

/// Writes each `keep` so that it is heard when it is run. The crate tells of one only where no `discard` came behind it, and RFC 5228 (section
/// 4.4) has that cancel nothing but what is kept without a word.
fn keep_told(text: &str) -> String {
    let (mut told, mut rest) = (String::new(), 0);
    let mut tokens = Tokens::of(text);
    while let Some((_, token)) = tokens.next() {
        let end = text.len() - tokens.rest.len();
        if matches!(token, Token::Word(word) if word == "keep") {
            told.push_str(text.get(rest..end - "keep".len()).unwrap_or_default());
            told.push_str(&format!("fileinto {KEPT:?}"));
            rest = end;
        }
    }
    told + text.get(rest..).unwrap_or_default()
}

/// A script ready to run.
struct Program {
    compiled: Arc<Sieve>,
    runtime: Runtime,
    uses: Uses,
}

impl Program {
    fn new(text: &str) -> Result<Self, String> {
        let uses = uses(text)?;
        let wrong = |error: sieve::compiler::CompileError| format!("line {}: {error}", error.line_num());
        Compiler::new().with_max_script_size(LARGEST).compile(text.as_bytes()).map_err(wrong)?;
        let compiler = Compiler::new().with_max_script_size(8 * LARGEST).with_no_capability_check(true);
        let compiled = compiler.compile(keep_told(text).as_bytes()).map_err(wrong)?;
        Ok(Self { compiled: Arc::new(compiled), runtime: Runtime::new().with_cpu_limit(INSTRUCTIONS), uses })
    }
}

/// Returns a program, compiled once in a thread, or what is wrong with its script and in which line.
fn program(text: &str) -> Result<Rc<Program>, String> {
    thread_local! {
        static COMPILED: RefCell<HashMap<String, Result<Rc<Program>, String>>> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|compiled| match compiled.get(text) {
        Some(known) => known.clone(),
        None => compiled.entry(text.to_string()).or_insert(Program::new(text).map(Rc::new)).clone(),
    })
}

impl Script {
    /// Reads a script, or says what is wrong with it and in which line. Its folders are yet to be found.
    pub fn new(text: &str) -> Result<Self, String> {
        program(text)?;
        Ok(Self { text: text.to_string(), folders: BTreeMap::new() })
    }

    /// The names of the folders that it puts mail into.
    pub fn folder_names(&self) -> Vec<String> {
        program(&self.text).map_or_else(|_| Vec::new(), |program| program.uses.folders.clone())
    }

    /// Whether the header alone does not tell.
    pub fn needs_body(&self) -> bool {
        program(&self.text).is_ok_and(|program| program.uses.body)
    }

    /// Whether it could skip a message by its header.
    pub fn may_screen(&self) -> bool {
        !self.needs_body() && program(&self.text).is_ok_and(|program| program.uses.discard)
    }

    /// Runs it: what it wants, if anything, and how it came to that.
    pub(super) fn run(&self, held: &Examined<'_>) -> (Option<Action>, String) {
        let program = match program(&self.text) {
            Ok(program) => program,
            Err(wrong) => return (None, format!("the script cannot be read: {wrong}")),
        };
        let Some(message) = seen(held, &program.uses) else { return (None, "it has no header".to_string()) };
        let mut instance = program.runtime.filter_parsed(message);
        let mut input = Input::script("filter", program.compiled.clone());
        let (mut folder, mut discarded, mut kept) = (None, false, false);
        while let Some(event) = instance.run(input) {
            match event {
                Ok(Event::Discard) => discarded = true,
                Ok(Event::FileInto { folder: name, .. }) if name == KEPT => kept = true,
                Ok(Event::FileInto { folder: name, .. }) => folder = folder.or(Some(name)),
                Ok(_) => {}
                Err(_) => return (None, format!("the script takes more than {INSTRUCTIONS} steps")),
            }
            input = true.into();
        }
        match folder {
            Some(name) => match self.folders.get(&name) {
                Some(id) => (Some(Action::Folder(*id)), format!("the script says fileinto {name:?}")),
                None => (None, format!("the script says fileinto {name:?}, and there is no such folder")),
            },
            // `discard` takes back what is kept without a word (RFC 5228, section 4.4), and no `keep` that was said.
            None if discarded && !kept => (Some(Action::Skip), "the script says discard".to_string()),
            None => (None, "the script keeps it".to_string()),
        }
    }
}

/// The message as a script sees it: its own header, and its text as the only part.
fn seen<'m>(held: &Examined<'m>, uses: &Uses) -> Option<Message<'m>> {
    let mut message = MessageParser::default().parse_headers(held.mail.header.as_slice())?;
    let part = message.parts.first_mut()?;
    part.body = PartType::Text(shorter(&held.mail.text, SEEN).into());
    if let Some(largest) = uses.size {
        // The size is that of the raw bytes, and there is no other way to tell it. A server may say any.
        let size = usize::try_from(held.size).unwrap_or(usize::MAX).min(largest.saturating_add(1));
        let header = &held.mail.header;
        let mut raw = vec![0; size.max(header.len())];
        raw.get_mut(..header.len())?.copy_from_slice(header);
        message.raw_message = raw.into();
    }
    Some(message)
}

/// A part of a script that names something (RFC 5228, section 8.1).
enum Token {
    /// A command or test, in lower case.
    Word(String),
    Tag(String),
    Text(String),
    Number(usize),
    /// Something that does not end.
    Open(&'static str),
}

/// Reads the words, tags and strings of a script with their lines.
struct Tokens<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Tokens<'a> {
    const fn of(rest: &'a str) -> Self {
        Self { rest, line: 1 }
    }

    /// Takes so many bytes.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        self.line += taken.bytes().filter(|byte| *byte == b'\n').count();
        taken
    }

    /// Takes everything up to the end of a piece of text, and that too; none when it does not come.
    fn take_through(&mut self, end: &str) -> Option<&'a str> {
        let at = self.rest.find(end);
        let taken = self.take(at.map_or(self.rest.len(), |at| at + end.len()));
        at.map(|_| taken)
    }

    fn word(&mut self) -> String {
        let length = self.rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        self.take(length).to_ascii_lowercase()
    }

    /// A number, which may end in K, M or G.
    fn number(&mut self) -> Token {
        let word = self.word();
        let digits = word.trim_end_matches(|c: char| !c.is_ascii_digit());
        let shift = match word.get(digits.len()..) {
            Some("k") => 10,
            Some("m") => 20,
            Some("g") => 30,
            _ => 0,
        };
        // What is too large for a number is refused like one that is too large for a filter.
        Token::Number(digits.parse::<usize>().unwrap_or(usize::MAX).saturating_mul(1 << shift))
    }

    fn quoted(&mut self) -> Token {
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        let mut end = None;
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    end = Some(at + 1);
                    break;
                }
                '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
                other => text.push(other),
            }
        }
        self.take(end.unwrap_or(self.rest.len()));
        if end.is_some() { Token::Text(text) } else { Token::Open("string") }
    }

    /// A string over several lines, which ends with a line that is a dot.
    fn multi_line(&mut self) -> Token {
        match self.take_through("\n.\n").or_else(|| self.take_through("\n.\r\n")) {
            Some(text) => Token::Text(text.trim_start_matches(|c| c != '\n').trim().trim_end_matches('.').trim_end().to_string()),
            None => Token::Open("string"),
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = (usize, Token);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = self.line;
            let first = self.rest.chars().next()?;
            match first {
                '#' => {
                    self.take_through("\n");
                }
                '/' if self.rest.starts_with("/*") => {
                    if self.take_through("*/").is_none() {
                        return Some((line, Token::Open("comment")));
                    }
                }
                '"' => {
                    self.take(1);
                    return Some((line, self.quoted()));
                }
                ':' => {
                    self.take(1);
                    return Some((line, Token::Tag(self.word())));
                }
                '0'..='9' => return Some((line, self.number())),
                'a'..='z' | 'A'..='Z' | '_' => {
                    let word = self.word();
                    if word == "text" && self.rest.starts_with(':') {
                        return Some((line, self.multi_line()));
                    }
                    return Some((line, Token::Word(word)));
                }
                other => {
                    self.take(other.len_utf8());
                }
            }
        }
    }
}
