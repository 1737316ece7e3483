//! `espomail email attachments`.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::commands::right;
use crate::commands::show::yes;
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::mail::{Attachment, attachment_content, shorter};
use crate::store::{Database, email, raw};
use crate::words::{EmailId, RoleAction};

#[derive(Debug, clap::Args)]
pub struct Attachments {
    /// Number or Message-ID
    email: String,
    /// Save all of them into this directory, which must exist; a file that is there is never overwritten
    #[arg(long, value_name = "DIRECTORY")]
    save: Option<PathBuf>,
    /// Write the one with this number to standard output
    #[arg(long, value_name = "NUMBER", conflicts_with = "save")]
    extract: Option<usize>,
}

#[derive(serde::Serialize)]
struct Listed<'a> {
    number: usize,
    #[serde(flatten)]
    attachment: &'a Attachment,
    #[serde(skip_serializing_if = "Option::is_none")]
    saved_as: Option<PathBuf>,
}

impl Attachments {
    pub fn run(self, context: &Context, db: &mut Database) -> Result<()> {
        let actor = context.actor();
        let (id, _) = right::email(db, &actor, &self.email, RoleAction::Read)?;
        let attachments = email::attachments_of(db, id)?;
        let raw = || format!("e-mail {id} has no raw message");
        if let Some(number) = self.extract {
            let attachment = number.checked_sub(1).and_then(|at| attachments.get(at)).ok_or_else(|| {
                Fault::new(Class::Data, format!("e-mail {id} has no attachment {number}"))
                    .hint(format!("try: espomail email attachments {id}"))
            })?;
            let raw = raw::raw_of(db, id)?.with_context(raw)?;
            return context.out.bytes(&content(&raw, id, attachment)?);
        }
        let mut failed = None;
        let mut listed: Vec<Listed<'_>> =
            (1..).zip(&attachments).map(|(number, attachment)| Listed { number, attachment, saved_as: None }).collect();
        if let Some(folder) = &self.save
            && !listed.is_empty()
        {
            let raw = raw::raw_of(db, id)?.with_context(raw)?;
            for one in &mut listed {
                let saved = content(&raw, id, one.attachment).and_then(|bytes| save(folder, &one.attachment.name, &bytes));
                match saved {
                    Ok(path) => one.saved_as = Some(path),
                    // One that cannot be saved holds up no other.
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
        }
        context.out.list(&listed, &["number", "type", "size", "inline", "name"], |one| {
            let name = one.saved_as.as_ref().map_or_else(|| one.attachment.name.clone(), |path| path.display().to_string());
            let (size, inline) = (one.attachment.size.to_string(), yes(one.attachment.inline));
            vec![one.number.to_string(), one.attachment.media_type.clone(), size, inline, name]
        });
        failed.map_or(Ok(()), Err)
    }
}

fn content(raw: &[u8], id: EmailId, attachment: &Attachment) -> Result<Vec<u8>> {
    attachment_content(raw, &attachment.part).ok_or_else(|| {
        let what = format!("attachment {:?} of e-mail {id} is not in what was fetched of the message", attachment.name);
        Fault::new(Class::Data, what).hint(format!("try: espomail email fetch-body {id}")).into()
    })
}

/// The most bytes of a file's name, nearly everywhere.
const LONGEST_NAME: usize = 255;

/// Writes a file that was not there. A message may have several attachments of one name: the later ones get a number.
fn save(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let cannot = |path: &Path, error: std::io::Error| {
        Fault::unwritable(format!("cannot save the attachment as {}", path.display()), &error)
    };
    // The name was cleaned when it was stored; a path in it would still leave the folder.
    let name = Path::new(name).file_name().unwrap_or("attachment.bin".as_ref());
    let name = name.to_string_lossy();
    for copy in 1..1_000 {
        let number = if copy > 1 { format!(".{copy}") } else { String::new() };
        let path = folder.join(format!("{}{number}", shorter(&name, LONGEST_NAME - number.len())));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut file) => {
                return file.write_all(bytes).map(|()| path.clone()).map_err(|error| {
                    // Half an attachment would be taken for a whole one.
                    let _ = std::fs::remove_file(&path);
                    cannot(&path, error).into()
                });
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(cannot(&path, error).into()),
        }
    }
    Err(Fault::new(Class::CannotCreate, format!("there are too many files {name:?} in {}", folder.display())).into())
}
