//! The only place that writes to standard output and standard error.
//!
//! Answers go to standard output: text for people, `-o json` as one document, `-o jsonl` as a line an item. Faults go to
//! standard error, one line each, and whoever prints one here also sets the exit status. A failure is said once, where it
//! is handled; bodies and secrets never.
//!
//! Mail, servers and file names are written by strangers. What a terminal would obey (control characters, changes of direction),
//! and what it would not show, leaves here as its number: in text as `\u{202e}`, in JSON as `\u202e`, which is the same value.
mod beside;
mod log;
mod rehearsed;

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::fault::{Class, Fault, note_panic, one_line};
use crate::store;
use crate::whereabouts::Here;
use crate::words::words;

pub use self::beside::write_to;
use self::log::{ERROR, NOTICE, say};
pub use self::log::{LogFormat, set_log_format};
use self::rehearsed::Rehearsed;

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
    /// `-v` given: say each thing, too.
    pub wordy: bool,
    pub quiet: bool,
    worst: Mutex<Option<Class>>,
    /// 128 and the number of the signal that ended the pass; 0 for none.
    signal: AtomicU8,
    /// A status that is none of ours, and whether there is one.
    own: AtomicU8,
    is_own: AtomicBool,
    closed: AtomicBool,
    /// What was said since all is only rehearsed.
    rehearsed: Mutex<Option<Rehearsed>>,
}

impl Output {
    /// Makes an output.
    pub fn new(format: Format, verbose: bool, quiet: bool) -> Self {
        let wordy = verbose && !quiet;
        let talkative = wordy || (!quiet && std::io::stdout().is_terminal());
        let (signal, own) = (AtomicU8::new(0), AtomicU8::new(0));
        let (is_own, closed) = (AtomicBool::new(false), AtomicBool::new(false));
        let (worst, rehearsed) = (Mutex::new(None), Mutex::new(None));
        Self { format, talkative, wordy, quiet, worst, signal, own, is_own, closed, rehearsed }
    }

    /// Prints a fault and remembers its class for the exit status. It may quote a server: control characters are shown.
    pub fn complain(&self, error: &anyhow::Error) {
        let at = error.downcast_ref::<Here>();
        match store::told(error) {
            Some(fault) => {
                self.remember(fault.class);
                say(ERROR, &one_line(&fault.into()), at);
            }
            None => {
                self.remember(store::class_of(error));
                say(ERROR, &one_line(error), at);
            }
        }
    }

    /// Says on standard error what somebody should know, in cron, too; it is no failure.
    pub fn announce(&self, text: &str) {
        if !self.is_kept(|kept| kept.so.push(text.to_string())) {
            say(NOTICE, text, None);
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

    /// Ends with a status that means what somebody else says, such as that of a plugin.
    pub fn end_with(&self, status: u8) {
        self.own.store(status, Ordering::Relaxed);
        self.is_own.store(true, Ordering::Relaxed);
    }

    /// Returns the exit status: of the signal that ended us, else of everything that was complained of.
    pub fn status(&self) -> u8 {
        let signal = self.signal.load(Ordering::Relaxed);
        if signal != 0 {
            return signal;
        }
        if self.is_own.load(Ordering::Relaxed) {
            return self.own.load(Ordering::Relaxed);
        }
        self.worst.lock().unwrap_or_else(PoisonError::into_inner).map_or(0, Class::exit_status)
    }

    /// Says that something was done; only to people, and not in cron.
    pub fn say(&self, text: &str) {
        if !self.is_kept(|kept| kept.so.push(text.to_string())) && self.format == Format::Text && !self.quiet {
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

    /// Whether people read it.
    pub fn is_text(&self) -> bool {
        self.format == Format::Text
    }

    /// Says that a list goes on: so many more, or more than that.
    pub fn rest(&self, more: i64, is_least: bool) {
        if more > 0 && self.format == Format::Text {
            let more = if is_least { format!("more than {more}") } else { more.to_string() };
            self.line(&format!("… {more} more: --limit, --offset"));
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
            // Not a line of any log: it is for the one who looks.
            let _ = writeln!(std::io::stderr(), "espomail: {}", shown(text));
        }
    }

    /// Says what was made or changed: a sentence for people, the thing itself as JSON.
    pub fn made<T: Serialize>(&self, item: &T, sentence: &str) {
        match self.format {
            _ if self.is_kept(|kept| kept.make(item, sentence)) => {}
            Format::Text => self.say(sentence),
            Format::Json => self.document(item),
            Format::Jsonl => self.json_line(item),
        }
    }

    /// The same of several: a sentence for each, or all things in one document.
    pub fn all_made<T: Serialize>(&self, made: &[(T, String)]) {
        match self.format {
            Format::Json => self.document(&serde_json::json!({ "items": made.iter().map(|(item, _)| item).collect::<Vec<_>>() })),
            Format::Text | Format::Jsonl => made.iter().for_each(|(item, sentence)| self.made(item, sentence)),
        }
    }

    /// Writes bytes as they are; to a terminal, which would obey them, as text.
    pub fn bytes(&self, bytes: &[u8]) -> anyhow::Result<()> {
        let mut stdout = std::io::stdout().lock();
        let text = stdout.is_terminal().then(|| shown(&String::from_utf8_lossy(bytes).replace("\r\n", "\n")));
        let bytes = text.as_ref().map_or(bytes, String::as_bytes);
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
        self.line(&in_json(format!("{value:#}")));
    }

    fn json_line<T: Serialize>(&self, item: &T) {
        match serde_json::to_string(item) {
            Ok(line) => self.line(&in_json(line)),
            Err(error) => self.complain(&anyhow::Error::new(error).context("writing JSON")),
        }
    }

    fn table(&self, headings: &[&str], rows: &[Vec<String>]) {
        if rows.is_empty() {
            return self.tell("Nothing to list.");
        }
        let heading: Vec<String> = headings.iter().map(|heading| heading.trim_start_matches(LESSER).to_uppercase()).collect();
        let rows = rows.iter().map(|row| row.iter().map(|cell| shown_line(cell)).collect::<Vec<_>>());
        let mut lines: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
        let mut widths = widths_of(&lines);
        if let Some(terminal) = terminal_width() {
            widths = fit(&mut lines, headings, terminal);
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
    let text = error.render().to_string();
    let fit = shown(&text);
    // Nobody may be listening.
    let _ = if error.use_stderr() && fit != text {
        // It quotes an argument that a terminal would obey: then without colours.
        std::io::stderr().write_all(fit.as_bytes())
    } else {
        error.print()
    };
}

/// Asks for a secret on the terminal.
pub fn ask_secret(question: &str) -> std::io::Result<String> {
    rpassword::prompt_password(format!("{question}: "))
}

/// Writes a line to standard error, also when there is no [`Output`] yet.
pub fn last_words(text: &str) {
    say(ERROR, text, None);
}

/// Makes a panic say nothing by itself: who catches it says what it did, and where it was. Its message may quote a mail, so it is
/// for those who debug.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        note_panic(panic.location().map_or_else(String::new, |place| format!("{}:{}", place.file(), place.line())));
        ::log::debug!("{}", shown(&panic.to_string()));
    }));
}

/// Sends the log to standard error. A level such as `debug` is meant for espomail itself; other crates speak only when the
/// filter names them (`debug,diesel=info`).
pub fn start_log(filter: &str) {
    let (own, others) = filter.split_once(',').unwrap_or((filter, ""));
    let filter = if own.contains('=') { filter.to_string() } else { format!("off,espomail={own},{others}") };
    // A second logger in one process, as in tests, changes nothing.
    let _ = env_logger::Builder::new().parse_filters(&filter).format(log::write).try_init();
}

/// Makes mail content fit for a terminal: what it would obey or hide is shown, never sent.
pub fn shown(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\n' => clean.push('\n'),
            '\t' => clean.push(' '),
            c if c.is_control() => clean.extend(c.escape_default()),
            c if is_obeyed(c) => clean.extend(c.escape_unicode()),
            c if is_joiner(c) && !(joins(before) && (is_variant(c) || rest.clone().next().is_some_and(joins))) => {
                clean.extend(c.escape_unicode());
            }
            c => clean.push(c),
        }
        before = c;
    }
    clean
}

/// The same for what stands on one line.
pub fn shown_line(text: &str) -> String {
    shown(text).replace('\n', " ")
}

/// Makes JSON fit for a terminal: such characters stand in its strings only, and are written there as their numbers.
fn in_json(json: String) -> String {
    // Serde has done so with those below a space; a line end between values is none of a string.
    let is_written =
        |c: char| c >= '\u{7F}' && (c.is_control() || is_obeyed(c) || is_joiner(c) || matches!(c, '\u{AD}' | '\u{34F}'));
    if !json.contains(is_written) {
        return json;
    }
    let mut fit = String::with_capacity(json.len());
    let mut units = [0; 2];
    for c in json.chars() {
        if is_written(c) {
            fit.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            fit.push(c);
        }
    }
    fit
}

/// Whether a character, control characters aside, makes a terminal turn its text around, end a line, or show nothing: marks and
/// changes of direction (UAX 9), separators, spaces without width, invisible operators, annotations, tags.
const fn is_obeyed(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E00FF}')
}

/// Whether a character has no width but a meaning between letters of some scripts and between emoji (zero-width joiner and
/// non-joiner), or behind an ideograph (variation selectors). Anywhere else it only hides.
const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}') || is_variant(c)
}

const fn is_variant(c: char) -> bool {
    matches!(c, '\u{E0100}'..='\u{E01EF}')
}

/// Whether a joiner may stand beside a character.
const fn joins(c: char) -> bool {
    !c.is_ascii() && !is_joiner(c) && !is_obeyed(c)
}

/// What the heading of a lesser column begins with: one that goes first where the terminal is narrow.
const LESSER: char = '~';
/// What a column keeps at least, and what the last one does.
const LEAST: usize = 8;
const SUBJECT: usize = 30;

fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|width| *width > 0)
}

fn widths_of(lines: &[Vec<String>]) -> Vec<usize> {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.width()).max().unwrap_or(0);
    (0..columns).map(width).collect()
}

/// Makes a table fit: times lose their seconds, then lesser columns go from the left, then columns give way from the widest on. The
/// last column, which says what it is about, keeps [`SUBJECT`]. Returns how wide each column is.
fn fit(lines: &mut [Vec<String>], headings: &[&str], terminal: usize) -> Vec<usize> {
    let mut lesser: Vec<bool> = headings.iter().map(|heading| heading.starts_with(LESSER)).collect();
    let excess = |widths: &[usize]| widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1) > terminal;
    // What is left when the others have what they need, and the last column what it wants or may claim.
    let wanted = |widths: &[usize]| {
        let mut widths = widths.to_vec();
        widths.iter_mut().rev().take(1).for_each(|last| *last = (*last).min(SUBJECT));
        widths
    };
    let mut widths = widths_of(lines);
    if excess(&widths) {
        lines.iter_mut().flatten().for_each(|cell| {
            if let Some(short) = to_minutes(cell) {
                *cell = short;
            }
        });
        widths = widths_of(lines);
    }
    while excess(&wanted(&widths)) {
        let Some(column) = lesser.iter().position(|is| *is) else { break };
        lesser.remove(column);
        lines.iter_mut().filter(|line| column < line.len()).for_each(|line| drop(line.remove(column)));
        widths = widths_of(lines);
    }
    let is_time = |column: usize| lines.iter().skip(1).any(|line| line.get(column).is_some_and(|cell| is_minutes(cell)));
    let last = widths.len().saturating_sub(1);
    let least: Vec<usize> = (0..widths.len())
        .map(|column| match column {
            _ if is_time(column) => widths.get(column).copied().unwrap_or_default(),
            _ if column == last => SUBJECT,
            _ => LEAST,
        })
        .collect();
    narrow(&mut widths, &least, terminal);
    widths
}

/// A time of RFC 3339 without its seconds and its zone, which is UTC; none where it is no time.
fn to_minutes(cell: &str) -> Option<String> {
    let (minutes, seconds) = cell.split_at_checked(16)?;
    let minutes = minutes.replacen('T', " ", 1);
    (seconds.starts_with(':') && seconds.ends_with('Z') && is_minutes(&minutes)).then_some(minutes)
}

fn is_minutes(cell: &str) -> bool {
    let shape = |(at, c): (usize, char)| match at {
        4 | 7 => c == '-',
        10 => c == ' ',
        13 => c == ':',
        _ => c.is_ascii_digit(),
    };
    cell.len() == 16 && cell.chars().enumerate().all(shape)
}

/// Takes from the widest column that has more than its least until the table fits.
fn narrow(widths: &mut [usize], least: &[usize], terminal: usize) {
    let gaps = 2 * widths.len().saturating_sub(1);
    loop {
        if widths.iter().sum::<usize>() + gaps <= terminal {
            return;
        }
        let wide = widths.iter_mut().zip(least).filter(|(width, least)| **width > **least);
        let Some((widest, _)) = wide.max_by_key(|(width, _)| **width) else { return };
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
        assert_eq!(shown("\u{9b}31m\u{7f}\u{2028}\u{e0041}"), "\\u{9b}31m\\u{7f}\\u{2028}\\u{e0041}");
        assert_eq!(fitted("Grüße aus Köln", 8), "Grüße a…");
    }

    #[test]
    fn joiners_stand_where_they_join_and_are_shown_where_they_hide() {
        for kept in ["می\u{200c}خواهم", "👩\u{200d}💻", "葛\u{e0100}城", "❤\u{fe0f}\u{200d}🔥"] {
            assert_eq!(shown(kept), kept);
        }
        for hides in
            ["sup\u{200b}port", "pay\u{200d}pal", "\u{200c}", "é\u{200d}", "x\u{e0100}", "é\u{e0100}\u{e0101}", "a\u{feff}"]
        {
            assert!(shown(hides).contains("\\u{"), "{hides:?}");
        }
    }

    #[test]
    fn json_keeps_its_value_and_sends_nothing_to_a_terminal() {
        let all: String = (1..=0x0010_FFFF).filter_map(char::from_u32).filter(|c| !c.is_alphanumeric()).collect();
        let json = serde_json::to_string(&[&all]).expect("a list of text");
        let fit = in_json(json);
        assert_eq!(serde_json::from_str::<Vec<String>>(&fit).expect("still JSON"), [all]);
        assert!(!fit.chars().any(|c| c.is_control() || is_obeyed(c) || is_joiner(c)));
        assert_eq!(in_json("{\n  \"a\": \"\u{202e}b\u{e0041}\"\n}".to_string()), "{\n  \"a\": \"\\u202eb\\udb40\\udc41\"\n}");
        assert_eq!(in_json("\"Grüße, 日本語 👍\"".to_string()), "\"Grüße, 日本語 👍\"");
    }

    #[test]
    fn a_table_gives_way_at_its_widest_column() {
        let mut widths = [4, 90, 10];
        narrow(&mut widths, &[8, 8, 8], 60);
        assert_eq!(widths, [4, 42, 10]);
        narrow(&mut widths, &[8, 8, 8], 5);
        assert_eq!(widths, [4, 8, 8]);
    }

    #[test]
    fn at_80_columns_a_date_is_whole_and_a_subject_has_30() {
        let headings = ["id", "~thread", "date", "from", "~parent", "subject"];
        let row = |subject: &str| {
            let cells = ["12345", "12345", "2026-01-05T10:30:41Z", "purchasing@foundry.example", "case:1234", subject];
            cells.map(str::to_string).to_vec()
        };
        let mut lines =
            vec![headings.map(str::to_string).to_vec(), row("A subject that is rather longer than all the others are")];
        let widths = fit(&mut lines, &headings, 80);
        assert_eq!(lines[1].len(), 4, "the lesser ones are gone: {lines:?}");
        assert_eq!(lines[1][1], "2026-01-05 10:30");
        assert!(widths[1] == 16 && *widths.last().expect("columns") >= 30, "{widths:?}");
        assert!(widths.iter().sum::<usize>() + 6 <= 80, "{widths:?}");
        // Where there is room, nothing is left out.
        let mut lines = vec![headings.map(str::to_string).to_vec(), row("Short")];
        assert_eq!(fit(&mut lines, &headings, 200).len(), 6);
        assert_eq!(lines[1][2], "2026-01-05T10:30:41Z");
    }
}
