//! Small letters by the hundred thousand: of 1.1 KB, from 20,000 senders; one of ten answers one of the last 500, the others open a
//! case each. The same seed gives the same bytes.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Result;

use crate::mailbox::{Random, sentence};

const SENDERS: u64 = 20_000;
const SIZE: usize = 1_100;
/// 2026-01-05 08:00 UTC; one letter every twenty seconds from there.
const FIRST_DATE: i64 = 1_767_600_000;
/// How many letters back somebody answers.
const RECENT: usize = 500;

/// The address of a sender.
pub fn sender(number: u64) -> String {
    format!("sender{number}@customer{}.example", number % 200)
}

pub struct Letters {
    random: Random,
    number: u64,
    /// Identity and subject of the last ones.
    recent: VecDeque<(String, String)>,
}

impl Letters {
    pub fn new(seed: u64) -> Self {
        Self { random: Random(seed), number: 0, recent: VecDeque::new() }
    }

    /// Writes the next letters into an mbox.
    pub fn write(&mut self, mbox: &Path, count: u64) -> Result<()> {
        let mut file = BufWriter::new(File::create(mbox)?);
        for _ in 0..count {
            file.write_all(self.next().as_bytes())?;
        }
        Ok(file.flush()?)
    }

    fn next(&mut self) -> String {
        let random = &mut self.random;
        let number = self.number;
        self.number += 1;
        let from = sender(random.below(SENDERS));
        let date = jiff::Timestamp::from_second(FIRST_DATE + 20 * number as i64).unwrap();
        let answered = (random.below(10) == 0 && !self.recent.is_empty())
            .then(|| self.recent.get(random.below(self.recent.len() as u64) as usize).cloned())
            .flatten();
        let id = format!("{:016x}.{number}@mail.example", random.next());
        let (subject, references) = match answered {
            Some((id, subject)) => (format!("Re: {subject}"), format!("In-Reply-To: <{id}>\nReferences: <{id}>\n")),
            None => (format!("{} {number}", sentence(random, 4)), String::new()),
        };
        let mut text = format!(
            "From {from} {}\nReturn-Path: <{from}>\nFrom: Sender <{from}>\nTo: Support <support@example.com>\nDate: {}\nMessage-ID: \
             <{id}>\nSubject: {subject}\n{references}MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\nword{number}\n",
            date.strftime("%a %b %d %H:%M:%S %Y"),
            date.strftime("%a, %d %b %Y %H:%M:%S +0000"),
        );
        while text.len() < SIZE {
            text.push_str(&sentence(random, 10));
            text.push_str(".\n");
        }
        text.push('\n');
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((id, subject.trim_start_matches("Re: ").to_string()));
        text
    }
}
