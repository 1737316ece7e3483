//! Signed tokens that lead an answer back to its record (LINK-1). A token is 40 letters and digits, fit for the local part
//! of a Message-ID and of a plus-address, where case may be lost:
//!
//! ```text
//! kind 1 | key 2 | instance 3 | record 5 | issued 4 | signature 10 bytes, in base 32
//! ```

use crate::words::RecordId;

/// The length of a token in characters.
pub const LENGTH: usize = 40;

/// The kind of a token, so that a later one can look different.
const KIND: u8 = 0xE5;

/// What is signed, and the signature behind it: 80 bits.
const CONTENT: usize = 15;
const SIGNATURE: usize = 10;

const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A key that signs or verifies.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    pub id: u16,
    pub secret: [u8; 32],
    /// Seconds since 1970 UTC; none for the key that signs.
    pub expires_at: Option<i64>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({}, …)", self.id)
    }
}

/// The keys of an installation, the newest first. Empty where there are none: then no token is made or valid.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyRing {
    /// The installation's own id: another one's tokens are not ours.
    pub instance: String,
    pub keys: Vec<Key>,
    /// Seconds for which a token is good.
    pub good_for: i64,
}

/// Why what looks like a token names no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyNot {
    /// It is text of another kind.
    NoToken,
    /// Another installation made it.
    Foreign,
    /// Its key was never ours, or is gone.
    UnknownKey,
    ExpiredKey,
    Expired,
    /// The signature is wrong.
    Forged,
}

impl std::fmt::Display for WhyNot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoToken => "it is no token",
            Self::Foreign => "another installation made it",
            Self::UnknownKey => "its key is unknown",
            Self::ExpiredKey => "its key has expired",
            Self::Expired => "it has expired",
            Self::Forged => "it is forged",
        })
    }
}

/// Makes a token for a record with the newest key; none where there is no key.
pub fn make(ring: &KeyRing, record: RecordId, now: i64) -> Option<String> {
    let key = ring.keys.iter().find(|key| key.expires_at.is_none())?;
    let mut bytes = Vec::with_capacity(CONTENT + SIGNATURE);
    bytes.push(KIND);
    bytes.extend(key.id.to_be_bytes());
    bytes.extend(short(&ring.instance));
    bytes.extend(u64::try_from(record.0).ok()?.to_be_bytes().last_chunk::<5>()?);
    bytes.extend(u32::try_from(now).ok()?.to_be_bytes());
    let signature = signature(key, &ring.instance, &bytes);
    bytes.extend(signature);
    Some(encode(&bytes))
}

/// Reads a token and checks it.
pub fn read(ring: &KeyRing, text: &str, now: i64) -> Result<RecordId, WhyNot> {
    let token = Token::of(text).ok_or(WhyNot::NoToken)?;
    if token.instance() != short(&ring.instance) {
        return Err(WhyNot::Foreign);
    }
    let key = ring.keys.iter().find(|key| key.id == token.key()).ok_or(WhyNot::UnknownKey)?;
    let content = token.0.get(..CONTENT).unwrap_or_default();
    let signed = token.0.get(CONTENT..).unwrap_or_default();
    if !constant_time_eq::constant_time_eq(&signature(key, &ring.instance, content), signed) {
        return Err(WhyNot::Forged);
    }
    if key.expires_at.is_some_and(|at| at <= now) {
        return Err(WhyNot::ExpiredKey);
    }
    if token.issued().saturating_add(ring.good_for) <= now {
        return Err(WhyNot::Expired);
    }
    Ok(token.record())
}

/// Whether a Message-ID is one that went out from here, however long ago (AUTO-2).
pub fn is_ours(ring: &KeyRing, message_id: &str) -> bool {
    parts(message_id).any(|part| matches!(read(ring, part, 0), Ok(_) | Err(WhyNot::Expired | WhyNot::ExpiredKey)))
}

/// Returns the record that a token would name if it is genuine: enough to look the record up before [`read`] decides.
pub fn claimed(text: &str) -> Option<RecordId> {
    Token::of(text).map(|token| token.record())
}

/// Returns when a token says that it was made, in seconds since 1970 UTC.
pub fn issued(text: &str) -> Option<i64> {
    Token::of(text).map(|token| token.issued())
}

/// Returns what may be tokens in the local part of a Message-ID or an address: `TOKEN.RANDOM@…`, `support+TOKEN@…`.
pub fn parts(text: &str) -> impl Iterator<Item = &str> {
    let local = text.rsplit_once('@').map_or(text, |(local, _)| local);
    local.split(['.', '+', '=', '-']).filter(|part| part.len() == LENGTH)
}

/// Puts a token into an address behind a plus.
pub fn plus_address(address: &str, token: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    // RFC 5321, section 4.5.3.1.1.
    (local.len() + 1 + token.len() <= 64).then(|| format!("{local}+{token}@{domain}"))
}

/// Makes the Message-ID of a letter that goes out, without angle brackets: `TOKEN.RANDOM@DOMAIN` (SEND-4). The token makes it
/// ours and the record's, the random part makes it this letter's alone.
pub fn message_id(token: Option<&str>, domain: &str, random: [u8; 10]) -> String {
    let random = encode(&random);
    match token {
        Some(token) => format!("{token}.{random}@{domain}"),
        None => format!("{random}@{domain}"),
    }
}

/// The bytes of what looks like a token.
struct Token([u8; CONTENT + SIGNATURE]);

impl Token {
    fn of(text: &str) -> Option<Self> {
        let bytes = decode(text)?;
        (bytes[0] == KIND).then_some(Self(bytes))
    }

    fn number(&self, from: usize, to: usize) -> u64 {
        self.0.get(from..to).unwrap_or_default().iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn key(&self) -> u16 {
        u16::try_from(self.number(1, 3)).unwrap_or_default()
    }

    fn instance(&self) -> [u8; 3] {
        [self.0[3], self.0[4], self.0[5]]
    }

    fn record(&self) -> RecordId {
        RecordId(i64::try_from(self.number(6, 11)).unwrap_or_default())
    }

    fn issued(&self) -> i64 {
        i64::try_from(self.number(11, 15)).unwrap_or_default()
    }
}

fn short(instance: &str) -> [u8; 3] {
    let [first, second, third, ..] = *blake3::hash(instance.as_bytes()).as_bytes();
    [first, second, third]
}

fn signature(key: &Key, instance: &str, content: &[u8]) -> [u8; SIGNATURE] {
    let mut hasher = blake3::Hasher::new_keyed(&key.secret);
    hasher.update(b"espomail token 1\0");
    hasher.update(&(instance.len() as u64).to_be_bytes());
    hasher.update(instance.as_bytes());
    hasher.update(content);
    hasher.finalize().as_bytes().first_chunk::<SIGNATURE>().copied().unwrap_or_default()
}

fn encode(bytes: &[u8]) -> String {
    let letter = |five: u64| char::from(LETTERS.get((five & 31) as usize).copied().unwrap_or(b'a'));
    // Five bytes make eight letters, and a token is a whole number of fives.
    bytes
        .chunks_exact(5)
        .flat_map(|five| {
            let number = five.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
            (0..8).rev().map(move |place| letter(number >> (5 * place)))
        })
        .collect()
}

fn decode(text: &str) -> Option<[u8; CONTENT + SIGNATURE]> {
    if text.len() != LENGTH {
        return None;
    }
    let mut bytes = [0; CONTENT + SIGNATURE];
    for (letters, five) in text.as_bytes().chunks_exact(8).zip(bytes.chunks_exact_mut(5)) {
        let mut number = 0u64;
        for letter in letters {
            let place = LETTERS.iter().position(|known| *known == letter.to_ascii_lowercase())?;
            number = number << 5 | place as u64;
        }
        five.copy_from_slice(number.to_be_bytes().last_chunk::<5>()?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn ring(expires_at: Option<i64>) -> KeyRing {
        let key = |id, byte, expires_at| Key { id, secret: [byte; 32], expires_at };
        KeyRing { instance: "one".into(), keys: vec![key(2, 2, None), key(1, 1, expires_at)], good_for: 100 }
    }

    #[test]
    fn link_1_a_token_leads_back_to_its_record_in_any_case() {
        for record in [1, 42, (1 << 40) - 1] {
            let token = make(&ring(None), RecordId(record), NOW).unwrap();
            assert_eq!(token.len(), LENGTH);
            assert!(token.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()), "{token}");
            assert_eq!(read(&ring(None), &token.to_uppercase(), NOW), Ok(RecordId(record)));
            assert_eq!(claimed(&token), Some(RecordId(record)));
            assert_eq!(issued(&token), Some(NOW));
        }
        assert_eq!(make(&KeyRing::default(), RecordId(1), NOW), None);
    }

    #[test]
    fn link_1_forged_foreign_and_expired_tokens_name_nothing() {
        let ours = ring(None);
        let token = make(&ours, RecordId(42), NOW).unwrap();
        assert_eq!(read(&ours, &token, NOW + 99), Ok(RecordId(42)));
        assert_eq!(read(&ours, &token, NOW + 100), Err(WhyNot::Expired));
        assert_eq!(read(&KeyRing { instance: "two".into(), ..ours.clone() }, &token, NOW), Err(WhyNot::Foreign));
        assert_eq!(read(&KeyRing { keys: Vec::new(), ..ours.clone() }, &token, NOW), Err(WhyNot::UnknownKey));
        let old = KeyRing { keys: vec![Key { id: 1, secret: [1; 32], expires_at: None }], ..ours.clone() };
        let old = make(&old, RecordId(7), NOW).unwrap();
        assert_eq!(read(&ring(Some(NOW + 1)), &old, NOW), Ok(RecordId(7)), "old keys verify");
        assert_eq!(read(&ring(Some(NOW)), &old, NOW), Err(WhyNot::ExpiredKey));
        for (at, letter) in token.char_indices() {
            let other = if letter == 'a' { 'b' } else { 'a' };
            let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
            assert!(read(&ours, &changed, NOW).is_err(), "{changed}");
        }
        for text in ["", "é", "short", &"é".repeat(20), &"1".repeat(40), &"a".repeat(40)] {
            assert_eq!(read(&ours, text, NOW), Err(WhyNot::NoToken), "{text}");
        }
    }

    #[test]
    fn link_1_tokens_are_found_in_ids_and_plus_addresses() {
        let token = make(&ring(None), RecordId(42), NOW).unwrap();
        let address = plus_address("support@example.com", &token).unwrap();
        let id = message_id(Some(&token), "example.com", [7; 10]);
        assert!(is_ours(&ring(None), &id), "send_4: {id}");
        assert_ne!(id, message_id(Some(&token), "example.com", [8; 10]));
        assert!(!is_ours(&ring(None), &message_id(None, "example.com", [7; 10])));
        for text in [id, address, token.clone()] {
            assert_eq!(parts(&text).collect::<Vec<_>>(), [token.as_str()]);
        }
        assert_eq!(plus_address(&format!("{}@example.com", "a".repeat(24)), &token), None, "a local part ends at 64");
    }
}
