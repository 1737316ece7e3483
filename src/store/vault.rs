//! Sealing of secrets that are kept in the database: XChaCha20-Poly1305 under a key from outside, bound to row and field,
//! so that a sealed value copied to another row does not open there.

use anyhow::{Result, anyhow};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use crate::fault::{Class, Fault};
use crate::secret::Secret;

/// The length of a nonce in bytes.
const NONCE: usize = 24;

/// The key that seals.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    /// Takes a key into keeping.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Gives the key out, for what is derived from it or was kept like it.
    pub const fn into_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Seals a secret for one place, such as `accounts/7/password`. The nonce must be random.
pub fn seal(key: &Key, place: &str, nonce: [u8; NONCE], secret: &Secret) -> Result<Vec<u8>> {
    let payload = Payload { msg: secret.reveal().as_bytes(), aad: place.as_bytes() };
    let sealed = XChaCha20Poly1305::new(&key.0.into())
        .encrypt(XNonce::from_slice(&nonce), payload)
        .map_err(|_| anyhow!("sealing a secret failed"))?;
    Ok([nonce.as_slice(), &sealed].concat())
}

/// Opens what was sealed for the same place with the same key.
pub fn open(key: &Key, place: &str, sealed: &[u8]) -> Result<Secret> {
    let wrong = || {
        Fault::new(Class::Config, "the stored password does not open with this key")
            .hint("check security.key-file, or set the password again with: espomail account set NAME --password-stdin")
    };
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or_else(wrong)?;
    let payload = Payload { msg: sealed, aad: place.as_bytes() };
    let opened = XChaCha20Poly1305::new(&key.0.into()).decrypt(XNonce::from_slice(nonce), payload).map_err(|_| wrong())?;
    Ok(Secret::new(String::from_utf8(opened).map_err(|_| wrong())?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_secret_opens_only_at_its_place_with_its_key_and_unchanged() {
        let key = Key::new([7; 32]);
        let sealed = seal(&key, "accounts/1/password", [1; NONCE], &Secret::new("hunter2")).unwrap();
        assert!(!sealed.windows(7).any(|bytes| bytes == b"hunter2"));
        assert_eq!(open(&key, "accounts/1/password", &sealed).unwrap().reveal(), "hunter2");
        assert!(open(&key, "accounts/2/password", &sealed).is_err());
        assert!(open(&Key::new([8; 32]), "accounts/1/password", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&key, "accounts/1/password", &changed).is_err());
        }
        assert!(open(&key, "accounts/1/password", b"short").is_err());
    }
}
