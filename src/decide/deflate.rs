//! Whether what a server hands over is to come deflated (FETCH-10). Text becomes a third of what it was; for that the line is crossed once more,
//! and both processors have work. So it is for slow lines, over which much is still to come.

use std::time::Duration;

/// A line that brings more bytes than this in a second is not slow: about 8 Mbit/s.
const SLOW: u64 = 1 << 20;
/// Less than this is not worth it, in bytes.
const MUCH: u64 = 512 << 10;
/// From how many bytes on it is known what a line brings.
const KNOWN: u64 = 128 << 10;

/// Whether it is worth it: after so many bytes of messages, which took so long, with so many to come.
pub fn is_worth_it(came: u64, took: Duration, left: u64) -> bool {
    let in_a_second = u128::from(came) * 1_000 / took.as_millis().max(1);
    left >= MUCH && came >= KNOWN && in_a_second < u128::from(SLOW)
}

/// How much is to come first, to see what the line brings; none where that is known, or would change nothing.
pub fn sample(came: u64, left: u64) -> Option<u64> {
    (came < KNOWN && left >= MUCH + 2 * KNOWN).then_some(2 * KNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetch_10_slow_lines_with_much_to_come_are_worth_it() {
        let second = Duration::from_secs(1);
        for (came, took, left, is_worth) in [
            (SLOW - 1, second, MUCH, true),
            (SLOW, second, MUCH, false),
            (SLOW - 1, second, MUCH - 1, false),
            (KNOWN, second, MUCH, true),
            (KNOWN - 1, second, u64::MAX, false),
            (0, Duration::ZERO, u64::MAX, false),
            (u64::MAX, Duration::ZERO, u64::MAX, false),
            (10 * SLOW, 11 * second, MUCH, true),
        ] {
            assert_eq!(is_worth_it(came, took, left), is_worth, "{came} in {took:?}, {left} left");
        }
        assert_eq!((sample(0, MUCH), sample(0, 1 << 30), sample(KNOWN, 1 << 30)), (None, Some(2 * KNOWN), None));
    }
}
