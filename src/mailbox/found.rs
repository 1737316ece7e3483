//! What a search finds, of whatever a server says of it: UIDs in their range, and of very many the lowest, or the highest.

use super::answer::{self, Searched};

/// The most UIDs that one listing returns, mostly the lowest; the next one goes on behind them.
pub const MOST_LISTED: usize = 20_000;

/// The most UIDs that are taken of ranges, those named twice counted twice: a server that names more, in line after line, would take the
/// time of all others.
const MOST_NAMED: usize = 10 * MOST_LISTED;

/// The UIDs above one that were found.
#[derive(Debug, Default)]
pub struct Found {
    last: u32,
    uids: Vec<u32>,
    /// Of very many, the highest are kept.
    keeps_highest: bool,
    /// The highest of all that were found, also of those that are not kept; 0 where there is none.
    pub highest: u32,
    /// Whether the server named any message, also one that was not looked for.
    pub is_any: bool,
    is_answered: bool,
    /// How many UIDs ranges have named.
    named: usize,
    /// A line that should say what is found, and cannot be read.
    pub unread: Option<Vec<u8>>,
}

impl Found {
    pub fn above(last: u32) -> Self {
        Self { last, ..Self::default() }
    }

    /// Of all, and of very many the highest.
    pub fn newest() -> Self {
        Self { keeps_highest: true, ..Self::default() }
    }

    /// Takes a UID. RFC 3501: a UID is a non-zero number, and the last one is no message's in practice but every overflow's. Of very
    /// many, some are kept: a server may find as many as it likes, in whatever order.
    pub fn take(&mut self, number: u64) {
        let Some(uid) = u32::try_from(number).ok().filter(|uid| (1..u32::MAX).contains(uid)) else { return };
        self.is_any = true;
        if uid > self.last {
            self.uids.push(uid);
            self.highest = self.highest.max(uid);
        }
        if self.uids.len() >= 2 * MOST_LISTED {
            self.uids = self.sorted();
        }
    }

    /// Hears one untagged response, whose numbers were taken out of it.
    pub fn hear(&mut self, line: Vec<u8>) {
        match answer::searched(&line) {
            Searched::Answered => self.is_answered = true,
            Searched::Ranges(text) => match answer::ranges(&text) {
                Some(ranges) if self.named < MOST_NAMED => self.take_ranges(ranges),
                _ => self.unread = Some(line),
            },
            Searched::Unreadable => self.unread = Some(line),
            Searched::Other => {}
        }
    }

    /// Takes of ranges no more than can be kept, whatever they claim to have.
    fn take_ranges(&mut self, mut ranges: Vec<(u32, u32)>) {
        ranges.sort_unstable_by_key(|(first, end)| if self.keeps_highest { (u32::MAX - end, *first) } else { (*first, *end) });
        let above = self.last.saturating_add(1);
        let end = ranges.iter().map(|(_, end)| *end).max().unwrap_or_default().min(u32::MAX - 1);
        if end >= above {
            self.highest = self.highest.max(end);
        }
        let uids = ranges.into_iter().map(|(first, end)| first.max(above)..=end);
        let uids: Vec<u32> = if self.keeps_highest {
            uids.flat_map(Iterator::rev).take(MOST_LISTED).collect()
        } else {
            uids.flatten().take(MOST_LISTED).collect()
        };
        for uid in uids {
            self.named += 1;
            self.take(uid.into());
        }
    }

    /// Whether the server said anything of what is found.
    pub fn is_answered(&self) -> bool {
        self.is_answered || self.is_any
    }

    pub fn sorted(&mut self) -> Vec<u32> {
        let mut uids = std::mem::take(&mut self.uids);
        uids.sort_unstable();
        uids.dedup();
        if self.keeps_highest {
            uids.drain(..uids.len().saturating_sub(MOST_LISTED));
        }
        uids.truncate(MOST_LISTED);
        uids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetch_3_of_all_that_a_server_names_the_lowest_in_range_are_kept() {
        let mut found = Found::above(5);
        assert!(!found.is_answered());
        for number in [9, 0, u64::from(u32::MAX), u64::MAX, 5, 7, 7, 6] {
            found.take(number);
        }
        found.hear(b"* ESEARCH (TAG \"e5\") UID ALL 8,1:6,4294967295\r\n".to_vec());
        assert_eq!((found.sorted(), found.is_any, found.is_answered()), (vec![6, 7, 8, 9], true, true));
        let mut found = Found::above(10);
        (1..=100_000).rev().for_each(|number| found.take(number));
        found.hear(b"* ESEARCH (TAG \"e5\") UID ALL 1:4294967294\r\n".to_vec());
        let uids = found.sorted();
        assert_eq!((uids.len(), uids.first(), uids.last()), (MOST_LISTED, Some(&11), Some(&20_010)));
        assert_eq!(found.highest, u32::MAX - 1, "also of those that are not kept");
        let mut found = Found::newest();
        (1..=100_000).for_each(|number| found.take(number));
        found.hear(b"* ESEARCH (TAG \"e5\") UID ALL 1:9,100001:100003\r\n".to_vec());
        let uids = found.sorted();
        assert_eq!((uids.len(), uids.first(), uids.last()), (MOST_LISTED, Some(&80_004), Some(&100_003)));
        let mut flood = Found::above(0);
        (0..12).for_each(|_| flood.hear(format!("* ESEARCH UID ALL {}1\r\n", "1:4294967294,".repeat(90_000)).into_bytes()));
        assert!(flood.unread.is_some(), "it would take minutes");
        assert_eq!(flood.sorted().len(), MOST_LISTED - 1, "of each line so many, one of them twice");
        let mut silent = Found::above(0);
        silent.hear(b"* SEARCH \r\n".to_vec());
        silent.hear(b"* SEARCH x\r\n".to_vec());
        assert!(silent.is_answered() && !silent.is_any && silent.unread.is_some());
    }
}
