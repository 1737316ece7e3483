//! To bring a parser down with bytes that nobody sends (PARSE-2). The targets of `make fuzz`, fed with their seeds and with what a
//! blind hand makes of them; more of it with `ESPOMAIL_MUTATIONS=100000`, for one target with `ESPOMAIL_TARGET=calendar`.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// The same numbers in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % most.max(1)
    }
}

/// Changes bytes at a few places: one is another, some are gone, doubled or moved, or stand where they mean something.
fn mutated(seed: &[u8], others: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    const WORDS: [&[u8]; 16] = [
        b"\r\n",
        b"\n\n",
        b"\0",
        b"\xff",
        b"\xe2\x80\xae",
        b"<",
        b"\"",
        b"(",
        b"=?utf-8?b?",
        b"--b\r\n",
        b"{99999999999}\r\n",
        b"4294967296",
        b"-1",
        b"%",
        b"=",
        b";",
    ];
    let mut bytes = seed.to_vec();
    for _ in 0..=numbers.below(6) {
        let at = numbers.below(bytes.len() + 1);
        let end = (at + 1 + numbers.below(40)).min(bytes.len());
        match numbers.below(7) {
            0 if at < bytes.len() => bytes[at] = u8::try_from(numbers.below(256)).unwrap(),
            1 if at < bytes.len() => bytes[at] ^= 1 << numbers.below(8),
            2 => drop(bytes.drain(at.min(end)..end)),
            3 => {
                let some = bytes.get(at..end).unwrap_or_default().repeat(1 + numbers.below(20));
                bytes.splice(at..at, some);
            }
            4 => drop(bytes.splice(at..at, WORDS[numbers.below(WORDS.len())].iter().copied())),
            5 => bytes.truncate(at),
            _ => {
                let other = &others[numbers.below(others.len())];
                let from = numbers.below(other.len() + 1);
                bytes.splice(at..at, other[from..(from + 200).min(other.len())].iter().copied());
            }
        }
    }
    bytes
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder =
        if matches!(target, "parse" | "rules") { root.join("tests/corpus") } else { root.join("fuzz/seeds").join(target) };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

#[test]
fn parse_2_no_bytes_bring_a_parser_down() {
    let variable = |name: &str| std::env::var(name).ok();
    let mutations = variable("ESPOMAIL_MUTATIONS").and_then(|number| number.parse().ok()).unwrap_or(300);
    let wanted = variable("ESPOMAIL_TARGET");
    for (name, target) in targets::TARGETS {
        if wanted.as_ref().is_some_and(|wanted| wanted != name) {
            continue;
        }
        let seeds = seeds(name);
        let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
        let mutated = (0..mutations).map(|number| mutated(&seeds[number % seeds.len()], &seeds, &mut numbers));
        let mut executions = 0;
        for bytes in seeds.iter().cloned().chain(mutated) {
            assert!(catch_unwind(|| target(&bytes)).is_ok(), "{name}: {}", bytes.escape_ascii());
            executions += 1;
        }
        eprintln!("{name}: {executions} executions");
    }
}
