//! Handing out what there is of a person: a ZIP archive that is written as it is read, one message after the other.

use std::collections::{BTreeSet, HashSet};
use std::io::{Result as Written, Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::clock::rfc3339;
use crate::plural::counted;
use crate::store::erase::{self, Person};
use crate::store::handout::{self, Bytes};
use crate::store::{Database, belongings, skipped};
use crate::words::EmailId;

/// How the archive begins: what is not one is not replaced.
pub const FIRST: &str = "espomail-person.json";

/// How many e-mails are told of at once.
const PAGE: usize = 200;

/// What is in it.
#[derive(Debug, Default, serde::Serialize)]
pub struct HandedOut {
    pub emails: usize,
    pub raw: usize,
    /// What filters skipped and is kept here.
    pub kept: usize,
    /// E-mails whose raw bytes were pruned.
    pub pruned: usize,
    pub records: usize,
    pub cases: usize,
}

/// How many cases.
const CASES: usize = 50;

/// Writes an archive of what there is of somebody; `progress` hears how far it is.
pub fn write(db: &mut Database, address: &str, now: i64, to: impl Write + Seek, progress: &dyn Fn(&str)) -> Result<HandedOut> {
    let person = Person::find(db, address)?;
    let (mentioned, of) = (person.mentioned(db)?, belongings::of(db, &person)?);
    let mut emails = [&mentioned.whole[..], &mentioned.part].concat();
    emails.sort_unstable();
    let mut out = HandedOut { emails: emails.len(), ..HandedOut::default() };
    let mut archive = ZipWriter::new(Once { to, is_broken: false });
    let theirs: HashSet<EmailId> = emails.iter().copied().collect();
    let mut cases: BTreeSet<_> = of.cases.iter().copied().collect();
    cases.extend(erase::cases_of(db, &mentioned.whole)?);
    archive.start_file(FIRST, plain().large_file(true))?;
    let head = json!({ "schema": "espomail/1", "address": person.address, "made_at": rfc3339(now) }).to_string();
    // The lists follow, item by item, within the same document.
    write!(archive, "{}", head.trim_end_matches('}'))?;
    let records: Vec<_> = of.records.iter().map(|(id, _)| *id).chain(of.others.iter().copied()).collect();
    (out.records, out.cases) = (records.len(), cases.len());
    let mut records = records.into_iter();
    list(&mut archive, "records", &mut || records.next().map(|id| handout::record_of(db, id)).transpose())?;
    let cases: Vec<_> = cases.into_iter().collect();
    let (mut pages, mut page) = (cases.chunks(CASES), Vec::new().into_iter());
    list(&mut archive, "cases", &mut || {
        while page.len() == 0 {
            let Some(next) = pages.next() else { return Ok(None) };
            page = handout::told_cases(db, next, &theirs)?.into_iter();
        }
        Ok(page.next())
    })?;
    progress(&format!("{} with what was said in them.", counted(out.cases, "case")));
    let mut skipped = handout::skipped_of(db, &person.address)?.into_iter();
    list(&mut archive, "skipped", &mut || Ok(skipped.next()))?;
    writeln!(archive, "}}")?;

    archive.start_file("emails.jsonl", plain().large_file(true))?;
    for page in emails.chunks(PAGE) {
        for told in handout::emails_of(db, page)? {
            out.pruned += usize::from(!told["raw_pruned_at"].is_null());
            writeln!(archive, "{told}")?;
        }
    }
    out.raw = messages(&mut archive, db, &emails, progress)?;
    let kept = belongings::in_skipped(db, &person.redaction(&[])?)?.concat();
    for (number, kept) in (1..).zip(&kept) {
        let Some(bytes) = skipped::bytes(db, std::slice::from_ref(kept))?.remove(&kept.uid) else { continue };
        archive.start_file(format!("skipped/{number}.eml"), plain())?;
        archive.write_all(&bytes)?;
        out.kept += 1;
    }
    archive.finish()?.flush()?;
    Ok(out)
}

/// Writes the messages themselves. Returns how many it was.
fn messages<W: Write + Seek>(
    archive: &mut ZipWriter<W>,
    db: &mut Database,
    emails: &[EmailId],
    progress: &dyn Fn(&str),
) -> Result<usize> {
    let mut count = 0;
    let mut pace = Pace { progress, told_at: Instant::now() };
    for (page, done) in emails.chunks(PAGE).zip((0..).step_by(PAGE)) {
        pace.tell(done, emails.len());
        let (mut last, mut copy) = (EmailId(0), 1);
        for lot in handout::raws_of(db, page)? {
            for (Bytes { email, .. }, bytes) in lot.iter().zip(handout::bytes(db, &lot)?) {
                copy = if *email == last { copy + 1 } else { 1 };
                last = *email;
                let Some(bytes) = bytes else { continue };
                let name = if copy == 1 { format!("emails/{email}.eml") } else { format!("emails/{email}-copy-{copy}.eml") };
                archive.start_file(name, plain())?;
                archive.write_all(&bytes)?;
                count += 1;
            }
        }
    }
    Ok(count)
}

/// Stored as it is, for its owner alone.
fn plain() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored).unix_permissions(0o600)
}

/// Says every few seconds how far it is.
struct Pace<'p> {
    progress: &'p dyn Fn(&str),
    told_at: Instant,
}

impl Pace<'_> {
    fn tell(&mut self, done: usize, all: usize) {
        if self.told_at.elapsed() >= BETWEEN {
            (self.progress)(&format!("{done} of {all} e-mails are written."));
            self.told_at = Instant::now();
        }
    }
}

const BETWEEN: Duration = Duration::from_secs(2);

/// What fails once is the fault; after it nothing is written, and nothing said: the writer of the archive ends it wherever it is left, and
/// would complain on standard error.
struct Once<W> {
    to: W,
    is_broken: bool,
}

impl<W: Write> Write for Once<W> {
    fn write(&mut self, bytes: &[u8]) -> Written<usize> {
        if self.is_broken {
            return Ok(bytes.len());
        }
        self.to.write(bytes).inspect_err(|error| self.is_broken = error.kind() != std::io::ErrorKind::Interrupted)
    }

    fn flush(&mut self) -> Written<()> {
        if self.is_broken { Ok(()) } else { self.to.flush().inspect_err(|_| self.is_broken = true) }
    }
}

impl<W: Seek> Seek for Once<W> {
    fn seek(&mut self, to: SeekFrom) -> Written<u64> {
        if self.is_broken { Ok(0) } else { self.to.seek(to).inspect_err(|_| self.is_broken = true) }
    }
}

fn list(archive: &mut impl Write, name: &str, next: &mut dyn FnMut() -> Result<Option<Value>>) -> Result<()> {
    write!(archive, ",\n\"{name}\": [")?;
    let mut separator = "";
    while let Some(item) = next()? {
        write!(archive, "{separator}\n{item}")?;
        separator = ",";
    }
    write!(archive, "]")?;
    Ok(())
}
