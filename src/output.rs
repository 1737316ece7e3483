//! The only place that writes to standard output and standard error.
//!
//! Answers go to standard output: text for people, `-o json` as one document, `-o jsonl` as a line an item. Faults go to
//! standard error, one line each, and whoever prints one here also sets the exit status. A failure is said once, where it
//! is handled; bodies and secrets never.
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::fault::{Class, Fault, note_panic, one_line};
use crate::store;
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

    /// Prints a fault and remembers its class for the exit status. It may quote a server: control characters are shown.
    pub fn complain(&self, error: &anyhow::Error) {
        match store::told(error) {
            Some(fault) => {
                self.remember(fault.class);
                last_words(&shown(&one_line(&fault.into())));
            }
            None => {
                self.remember(store::class_of(error));
                last_words(&shown(&one_line(error)));
            }
        }
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
            self.line(&shown(text));
        }
    }

    /// Says how something went; only when somebody looks.
    pub fn tell(&self, text: &str) {
        if self.talkative && self.format == Format::Text {
            self.line(&shown(text));
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
            Format::Text => self.line(&shown(text().trim_end())),
            Format::Json => self.document(item),
            Format::Jsonl => self.json_line(item),
        }
    }

    /// Says what is going on to whoever waits at a terminal; on standard error, as it is no answer.
    pub fn progress(&self, text: &str) {
        if !self.quiet && self.format == Format::Text && std::io::stderr().is_terminal() {
            last_words(&shown(text));
        }
    }

    /// Says what was made or changed: a sentence for people, the thing itself as JSON.
    pub fn made<T: Serialize>(&self, item: &T, sentence: &str) {
        match self.format {
            Format::Text => self.say(sentence),
            Format::Json => self.document(item),
            Format::Jsonl => self.json_line(item),
        }
    }

    /// Writes bytes as they are.
    pub fn bytes(&self, bytes: &[u8]) -> anyhow::Result<()> {
        let mut stdout = std::io::stdout().lock();
        let written = stdout.write_all(bytes).and_then(|()| stdout.flush()).or_else(|error| self.unless_closed(error));
        written.map_err(cannot_write)
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
        let heading: Vec<String> = headings.iter().map(|heading| heading.to_uppercase()).collect();
        let rows = rows.iter().map(|row| row.iter().map(|cell| shown(cell).replace('\n', " ")).collect::<Vec<_>>());
        let lines: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
        let mut widths: Vec<usize> = (0..headings.len())
            .map(|column| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.width()).max().unwrap_or(0))
            .collect();
        if let Some(terminal) = terminal_width() {
            narrow(&mut widths, terminal);
        }
        for line in lines {
            let cells = line.iter().zip(&widths).map(|(cell, width)| {
                let cell = fitted(cell, *width);
                let padding = width.saturating_sub(cell.width());
                cell + &" ".repeat(padding)
            });
            self.line(cells.collect::<Vec<_>>().join("  ").trim_end());
        }
    }

    fn line(&self, text: &str) {
        if !self.closed.load(Ordering::Relaxed) {
            let mut stdout = std::io::stdout().lock();
            if let Err(error) = writeln!(stdout, "{text}").or_else(|error| self.unless_closed(error)) {
                drop(stdout);
                self.complain(&cannot_write(error));
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

fn cannot_write(error: std::io::Error) -> anyhow::Error {
    Fault::new(Class::Io, format!("cannot write to standard output: {error}")).into()
}

/// Prints what clap has to say, to the stream it belongs to.
pub fn print_help(error: &clap::Error) {
    // Nobody may be listening.
    let _ = error.print();
}

/// Asks for a secret on the terminal.
pub fn ask_secret(question: &str) -> std::io::Result<String> {
    rpassword::prompt_password(format!("{question}: "))
}

/// Writes a line to standard error, also when there is no [`Output`] yet.
pub fn last_words(text: &str) {
    // When standard error is closed there is nobody left to tell; `eprintln!` would panic.
    let _ = writeln!(std::io::stderr(), "espomail: {text}");
}

/// Makes a panic say nothing by itself: who catches it says what it did, and where it was. Its message may quote a mail, so it is
/// for those who debug.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        note_panic(panic.location().map_or_else(String::new, |place| format!("{}:{}", place.file(), place.line())));
        log::debug!("{}", shown(&panic.to_string()));
    }));
}

/// Sends the log to standard error. A level such as `debug` is meant for espomail itself; other crates speak only when the
/// filter names them (`debug,diesel=info`).
pub fn start_log(filter: &str) {
    let (own, others) = filter.split_once(',').unwrap_or((filter, ""));
    let filter = if own.contains('=') { filter.to_string() } else { format!("off,espomail={own},{others}") };
    // A second logger in one process, as in tests, changes nothing.
    let _ = env_logger::Builder::new().parse_filters(&filter).format_timestamp_secs().try_init();
}

/// Makes mail content fit for a terminal: control characters and changes of direction are shown, never sent.
pub fn shown(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => clean.push('\n'),
            '\t' => clean.push(' '),
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
                clean.extend(c.escape_unicode());
            }
            c if c.is_control() => clean.extend(c.escape_default()),
            c => clean.push(c),
        }
    }
    clean
}

fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|width| *width > 0)
}

/// Takes from the widest column until the table fits, but leaves each a little.
fn narrow(widths: &mut [usize], terminal: usize) {
    const LEAST: usize = 8;
    let gaps = 2 * widths.len().saturating_sub(1);
    loop {
        let excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(terminal);
        let Some(widest) = widths.iter_mut().max().filter(|width| excess > 0 && **width > LEAST) else { return };
        *widest -= 1;
    }
}

/// Cuts a text at a width.
fn fitted(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_string();
    }
    let mut cut = String::new();
    for c in text.chars() {
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

    #[test]
    fn a_table_gives_way_at_its_widest_column() {
        let mut widths = [4, 90, 10];
        narrow(&mut widths, 60);
        assert_eq!(widths, [4, 42, 10]);
        narrow(&mut widths, 5);
        assert_eq!(widths, [4, 8, 8]);
    }
}
