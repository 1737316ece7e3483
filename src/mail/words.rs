//! Encoded words (RFC 2047): the one place that turns the bytes of a header field into text, wherever in it they stand.
//! Senders split characters between words, leave out padding, write spaces and raw bytes into words, and put words where
//! they may not be; whatever can mean only one thing is read.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::charset;

/// The longest name of a charset.
const CHARSET: usize = 60;
/// The longest word without an end that is read to the end of its field, in bytes.
const CUT: usize = 1_000;
/// How many words behind one are looked at for the rest of its digits.
const NEAR: usize = 16;

const TOLERANT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// An encoded word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<'a> {
    charset: &'a [u8],
    is_base64: bool,
    text: &'a [u8],
    /// How many bytes it takes in its field.
    pub length: usize,
}

/// Finds encoded words in a field without reading it twice.
pub struct Words<'a> {
    bytes: &'a [u8],
    /// From here on no word has an end.
    exhausted: usize,
}

impl<'a> Words<'a> {
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, exhausted: usize::MAX }
    }

    /// Returns the word that begins at a place.
    pub fn at(&mut self, start: usize) -> Option<Word<'a>> {
        let bytes = self.bytes.get(start..)?;
        let (charset, is_base64, text) = beginning(bytes)?;
        if start >= self.exhausted {
            return None;
        }
        let word = |end: usize, length| Word { charset, is_base64, text: bytes[text..end].trim_ascii(), length };
        let mut from = text;
        while let Some(mark) = memchr::memchr(b'?', &bytes[from..]).map(|at| from + at) {
            if bytes.get(mark + 1) == Some(&b'=') && (is_base64 || !goes_on(&bytes[mark + 2..])) {
                return Some(word(mark, mark + 2));
            }
            // The end of this word got lost, and the next one begins.
            if mark > text && bytes[mark - 1] == b'=' && beginning(&bytes[mark - 1..]).is_some() {
                return Some(word(mark - 1, mark - 1));
            }
            from = mark + 1;
        }
        // A field that was cut in its last word.
        let rest = bytes[text..].trim_ascii_end();
        let cut = rest.strip_suffix(b"?").unwrap_or(rest);
        let is_whole = if is_base64 { cut.iter().all(|byte| is_digit(*byte)) } else { cut.iter().all(u8::is_ascii_graphic) };
        if is_whole && !cut.is_empty() && cut.len() <= CUT {
            return Some(word(text + cut.len(), text + rest.len()));
        }
        self.exhausted = start;
        None
    }
}

/// Reads `=?charset?Q?`; returns where the text begins.
fn beginning(bytes: &[u8]) -> Option<(&[u8], bool, usize)> {
    let rest = bytes.strip_prefix(b"=?")?;
    let end = memchr::memchr(b'?', rest.get(..CHARSET).unwrap_or(rest))?;
    let name = rest[..end].trim_ascii();
    let is_base64 = match rest.get(end + 1..end + 3)? {
        b"B?" | b"b?" => true,
        b"Q?" | b"q?" => false,
        _ => return None,
    };
    // RFC 2231, section 5: a language may stand behind the charset.
    let name = name.split(|byte| *byte == b'*').next().unwrap_or_default();
    name.iter().all(u8::is_ascii_graphic).then_some((name, is_base64, end + 5))
}

/// Whether a question mark was left as it stands before an encoded byte (`Why?=C3=A4?=`): the word ends behind that.
fn goes_on(behind: &[u8]) -> bool {
    if !behind.get(..2).is_some_and(|hex| hex.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'))) {
        return false;
    }
    let near = behind.get(..76).unwrap_or(behind);
    let near = near.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let next_word = memchr::memmem::find(near, b"=?").unwrap_or(near.len());
    memchr::memmem::find(near, b"?=").is_some_and(|end| end < next_word)
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Turns a field, or a piece of one, into text. `fallback` is a charset for raw 8-bit text (PARSE-3).
pub fn decode(value: &[u8], fallback: Option<&str>) -> String {
    if memchr::memmem::find(value, b"=?").is_none() {
        return charset::header(value, fallback);
    }
    let mut words = Words::of(value);
    let mut text = String::with_capacity(value.len());
    let mut run = Run::default();
    let (mut raw, mut at) = (0, 0);
    while let Some(start) = memchr::memmem::find(&value[at..], b"=?").map(|found| at + found) {
        let Some(word) = words.at(start) else {
            at = start + 2;
            continue;
        };
        let between = &value[raw..start];
        // White space between words is not shown (RFC 2047, section 6.2).
        if !run.is_open() || !between.trim_ascii().is_empty() {
            run.close(&mut text);
            text.push_str(&charset::header(between, fallback));
        }
        run.add(&word, &mut text);
        at = start + word.length;
        raw = at;
    }
    run.close(&mut text);
    text.push_str(&charset::header(&value[raw..], fallback));
    text
}

/// Neighbouring words of one charset, which are decoded as one: many programs cut wherever the line ends.
#[derive(Default)]
struct Run<'a> {
    words: Vec<Word<'a>>,
}

impl<'a> Run<'a> {
    fn is_open(&self) -> bool {
        !self.words.is_empty()
    }

    fn add(&mut self, word: &Word<'a>, text: &mut String) {
        if self.words.first().is_some_and(|first| !first.charset.eq_ignore_ascii_case(word.charset)) {
            self.close(text);
        }
        self.words.push(*word);
    }

    fn close(&mut self, text: &mut String) {
        let Some(first) = self.words.first() else { return };
        let name = String::from_utf8_lossy(first.charset).into_owned();
        let mut bytes = Vec::new();
        let mut words = self.words.as_slice();
        while let [word, rest @ ..] = words {
            words = rest;
            if word.is_base64 {
                let mut digits = digits(word.text);
                let others = cut_digits(&digits, rest);
                for other in &rest[..others] {
                    digits.extend(self::digits(other.text));
                }
                words = &rest[others..];
                bytes.extend(from_base64(&digits));
            } else {
                from_quoted(word.text, &mut bytes);
            }
        }
        self.words.clear();
        text.push_str(&charset::decode(&bytes, Some(&name)));
    }
}

/// Returns how many of the words behind one have the rest of its digits: some programs cut between any two. A word that is
/// whole by itself begins anew.
fn cut_digits(digits: &[u8], rest: &[Word<'_>]) -> usize {
    let is_whole = |count: usize| count.is_multiple_of(4);
    if is_whole(digits.len()) || digits.ends_with(b"=") {
        return 0;
    }
    let mut sum = digits.len();
    for (place, word) in rest.iter().take(NEAR).enumerate() {
        let digits = self::digits(word.text);
        if !word.is_base64 || is_whole(digits.len()) && !is_whole(sum + digits.len()) && !digits.ends_with(b"=") {
            return 0;
        }
        sum += digits.len();
        if is_whole(sum) {
            return place + 1;
        }
    }
    0
}

fn digits(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| is_digit(*byte)).collect()
}

/// Decodes base64 without regard to its padding. Behind padding another run of digits may follow.
fn from_base64(digits: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 3);
    for run in digits.split(|byte| *byte == b'=').filter(|run| !run.is_empty()) {
        // A single digit is less than a byte.
        let run = if run.len() % 4 == 1 { &run[..run.len() - 1] } else { run };
        bytes.extend(TOLERANT.decode(run).unwrap_or_default());
    }
    bytes
}

/// RFC 2047, section 4.2. What is no code stands for itself.
fn from_quoted(text: &[u8], bytes: &mut Vec<u8>) {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut rest = text;
    while let [byte, behind @ ..] = rest {
        rest = behind;
        let code = match (byte, behind) {
            (b'=', [high, low, ..]) => digit(high).zip(digit(low)),
            _ => None,
        };
        match (byte, code) {
            (_, Some((high, low))) => {
                bytes.push(high << 4 | low);
                rest = &behind[2..];
            }
            (b'_', None) => bytes.push(b' '),
            // A fold inside a word.
            (b'\r' | b'\n', None) => {}
            (byte, None) => bytes.push(*byte),
        }
    }
}

/// Names are one line: a line break in one must never become a header of ours.
pub fn one_line(name: &str) -> String {
    let is_plain = |text: &str| !text.bytes().any(|byte| byte.is_ascii_control()) && !text.contains("  ");
    if name.is_ascii() && is_plain(name) {
        return name.trim().to_string();
    }
    let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn parse_3_encoded_words_as_senders_write_them() {
        for (written, text) in [
            ("plain", "plain"),
            ("=?UTF-8?Q?Gr=C3?=\r\n =?UTF-8?Q?=BC=C3=9Fe?=", "Grüße"),
            ("=?utf-8?Q?Pump_=F0=9F?= =?UTF-8?q?=92=A7_leaks?=", "Pump 💧 leaks"),
            ("=?utf-8?Q?Gr=C3?= =?utf-8?B?vMOfZQ==?=", "Grüße"),
            ("=?utf-8?B?R3LDvMOfZSE?=", "Grüße!"),
            ("=?utf-8?B?R3LDvMOfZSE?= =?utf-8?B?R3LDvMOfZSE?=", "Grüße!Grüße!"),
            ("=?utf-8?B?R3LDvMOfZS?= =?utf-8?B?E=?=", "Grüße!"),
            ("=?utf-8?B?R3LDvMOf?= =?utf-8?B?ZSE=?=", "Grüße!"),
            ("=?iso-2022-jp?B?GyRCQEE1YT1xGyhC?= =?ISO-2022-JP?B?GyRCQEE1YT1xGyhC?=", "請求書請求書"),
            ("=?utf-8?Q?with raw spaces?= and more", "with raw spaces and more"),
            ("=?utf-8?Q?Why?=C3=A4?=", "Why?ä"),
            ("=?utf-8*de?Q?Gr=C3=BC?=n", "Grün"),
            ("a=?utf-8?q?=C3=A4?=b", "aäb"),
            ("=?utf-8?Q??= x", " x"),
            ("=?utf-8?Q?=?=", "="),
            ("=?utf-8?Q?a=zz_b?=", "a=zz b"),
            ("=?utf-8?Q?cut=C3=A4", "cutä"),
            ("=?utf-8?B?R3LDvMOfZQ", "Grüße"),
            ("=?utf-8?Q?lost =?utf-8?Q?_end?=", "lost end"),
            ("=?utf-8?X?a?= =?no word", "=?utf-8?X?a?= =?no word"),
            ("=?iso-8859-1?Q?J=F6rg?= =?utf-8?Q?_J=C3=B6rg?=", "Jörg Jörg"),
            ("=?utf-8?Q?a?=\r\n\t=?utf-8?Q?b?=\r\n c", "ab\r\n c"),
            ("=? utf-8 ?Q?a?=", "a"),
        ] {
            assert_eq!(decode(written.as_bytes(), None), text, "{written}");
        }
        assert_eq!(decode(b"=?iso-8859-1?Q?J\xf6rg?= \xfc", None), "Jörg ü", "raw bytes in a word are of its charset");
    }

    #[test]
    fn parse_2_words_without_an_end_cost_in_proportion() {
        let started = std::time::Instant::now();
        for hostile in ["=?x?Q?", "=?x?Q?a?", "=?=?", "=?x?Q?=AA?=BB", "=?x?B?QQ?= ", "=?x?B?Q?= ", "?=", "=?x?Q? "] {
            decode(hostile.repeat(60_000).as_bytes(), None);
        }
        assert!(started.elapsed().as_secs() < 8, "{:?}", started.elapsed());
    }
}
