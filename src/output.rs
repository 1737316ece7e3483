//! The only place that writes to standard output and standard error.
//!
//! Answers go to standard output: text for people, `-o json` as one document, `-o jsonl` as a line an item. Faults go to
//! standard error, one line each, and whoever prints one here also sets the exit status. A failure is said once, where it
//! is handled; bodies and secrets never.
#![expect(clippy::print_stderr, reason = "this is the place")]

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::fault::{Class, class_of, one_line};
use crate::words::words;

/// The version of everything that `-o json` prints.
const SCHEMA: &str = "espomail/1";

words! {
    /// How answers are written.
    Format { Text = "text", Json = "json", Jsonl = "jsonl" }
}

/// Where answers and faults go.
pub struct Output {
    pub format: Format,
    /// `-v` given, or a terminal looks: say what went well, too.
    pub talkative: bool,
    pub quiet: bool,
    worst: Mutex<Option<Class>>,
    /// 128 and the number of the signal that ended the pass; 0 for none.
    signal: AtomicU8,
    closed: AtomicBool,
}

impl Output {
    /// Makes an output.
    pub fn new(format: Format, verbose: bool, quiet: bool) -> Self {
        let talkative = !quiet && (verbose || std::io::stdout().is_terminal());
        Self { format, talkative, quiet, worst: Mutex::new(None), signal: AtomicU8::new(0), closed: AtomicBool::new(false) }
    }

    /// Prints a fault and remembers its class for the exit status.
    pub fn complain(&self, error: &anyhow::Error) {
        eprintln!("espomail: {}", one_line(error));
        self.remember(class_of(error));
    }

    /// Remembers a class for the exit status without saying anything: it was said before.
    pub fn remember(&self, class: Class) {
        let mut worst = self.worst.lock().unwrap_or_else(PoisonError::into_inner);
        if worst.is_none_or(|worst| class.gravity() > worst.gravity()) {
            *worst = Some(class);
        }
    }

    /// Remembers the signal that ended a pass: the exit status is then 128 and its number.
    pub fn ended_by(&self, signal: usize) {
        let status = u8::try_from(signal).ok().and_then(|signal| signal.checked_add(128)).unwrap_or(0);
        self.signal.store(status, Ordering::Relaxed);
    }

    /// Returns the exit status: of the signal that ended us, else of everything that was complained of.
    pub fn status(&self) -> u8 {
        let signal = self.signal.load(Ordering::Relaxed);
        if signal != 0 {
            return signal;
        }
        self.worst.lock().unwrap_or_else(PoisonError::into_inner).map_or(0, Class::exit_status)
    }

    /// Says that something was done; only to people, and not in cron.
    pub fn say(&self, text: &str) {
        if self.format == Format::Text && !self.quiet {
            self.line(text);
        }
    }

    /// Says how something went; only when somebody looks.
    pub fn tell(&self, text: &str) {
        if self.talkative && self.format == Format::Text {
            self.line(text);
        }
    }

    /// Prints items: a table for people, else JSON.
    pub fn list<T: Serialize>(&self, items: &[T], headings: &[&str], row: impl Fn(&T) -> Vec<String>) {
        match self.format {
            Format::Text => self.table(headings, &items.iter().map(row).collect::<Vec<_>>()),
            Format::Json => self.document(&serde_json::json!({ "items": items })),
            Format::Jsonl => items.iter().for_each(|item| self.json_line(item)),
        }
    }

    /// Prints one item: lines for people, else JSON.
    pub fn item<T: Serialize>(&self, item: &T, text: impl FnOnce() -> String) {
        match self.format {
            Format::Text => self.line(text().trim_end()),
            Format::Json => self.document(item),
            Format::Jsonl => self.json_line(item),
        }
    }

    /// Writes bytes as they are.
    pub fn bytes(&self, bytes: &[u8]) -> std::io::Result<()> {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).or_else(|error| self.unless_closed(error))
    }

    fn document<T: Serialize>(&self, item: &T) {
        let value = match serde_json::to_value(item) {
            Ok(serde_json::Value::Object(fields)) => {
                let mut document = serde_json::Map::from_iter([("schema".to_string(), SCHEMA.into())]);
                document.extend(fields);
                serde_json::Value::Object(document)
            }
            Ok(other) => other,
            Err(error) => return self.complain(&anyhow::Error::new(error).context("writing JSON")),
        };
        self.line(&format!("{value:#}"));
    }

    fn json_line<T: Serialize>(&self, item: &T) {
        match serde_json::to_string(item) {
            Ok(line) => self.line(&line),
            Err(error) => self.complain(&anyhow::Error::new(error).context("writing JSON")),
        }
    }

    fn table(&self, headings: &[&str], rows: &[Vec<String>]) {
        if rows.is_empty() {
            return self.tell("nothing");
        }
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|cell| shown(cell).replace('\n', " ")).collect()).collect();
        let widths: Vec<usize> = (0..headings.len())
            .map(|column| {
                rows.iter()
                    .filter_map(|row| row.get(column))
                    .map(|cell| cell.width())
                    .chain([headings[column].len()])
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let terminal =
            rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| usize::from(size.ws_col)).filter(|width| *width > 0);
        let write = |cells: &[String]| {
            let mut line = String::new();
            for (column, cell) in cells.iter().enumerate() {
                line.push_str(cell);
                if column + 1 < cells.len() {
                    line.push_str(&" ".repeat(widths[column].saturating_sub(cell.width()) + 2));
                }
            }
            self.line(&terminal.map_or_else(|| line.clone(), |width| fitted(&line, width)));
        };
        write(&headings.iter().map(|heading| heading.to_uppercase()).collect::<Vec<_>>());
        rows.iter().for_each(|row| write(row));
    }

    fn line(&self, text: &str) {
        if !self.closed.load(Ordering::Relaxed) {
            let mut stdout = std::io::stdout().lock();
            if let Err(error) = writeln!(stdout, "{text}").or_else(|error| self.unless_closed(error)) {
                drop(stdout);
                self.complain(&anyhow::Error::new(error).context("writing to standard output"));
                self.remember(Class::Io);
                self.closed.store(true, Ordering::Relaxed);
            }
        }
    }

    /// A closed pipe is not an error: whoever read has seen enough.
    fn unless_closed(&self, error: std::io::Error) -> std::io::Result<()> {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            self.closed.store(true, Ordering::Relaxed);
            return Ok(());
        }
        Err(error)
    }
}

/// Prints what clap has to say, to the stream it belongs to.
pub fn print_help(error: &clap::Error) {
    // Nobody may be listening.
    let _ = error.print();
}

/// Asks for a secret on the terminal.
pub fn ask_secret(question: &str) -> std::io::Result<String> {
    eprint!("{question}: ");
    rpassword::read_password()
}

/// Reports our own failure when there is no output yet.
pub fn last_words(text: &str) {
    eprintln!("espomail: {text}");
}

/// Makes mail content fit for a terminal: control characters and changes of direction are shown, never sent.
pub fn shown(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => clean.push('\n'),
            '\t' => clean.push(' '),
            '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => clean.extend(c.escape_unicode()),
            c if c.is_control() => clean.extend(c.escape_default()),
            c => clean.push(c),
        }
    }
    clean
}

/// Cuts a line at a width.
fn fitted(line: &str, width: usize) -> String {
    if line.width() <= width {
        return line.to_string();
    }
    let mut cut = String::new();
    for c in line.chars() {
        cut.push(c);
        if cut.width() >= width {
            cut.pop();
            break;
        }
    }
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_never_sent() {
        assert_eq!(shown("a\u{1b}[31mb\u{202e}c\r"), "a\\u{1b}[31mb\\u{202e}c\\r");
        assert_eq!(fitted("Grüße aus Köln", 8), "Grüße a…");
    }
}
