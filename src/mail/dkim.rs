//! DKIM (RFC 6376): the domain of the account signs what goes out, with RSA or Ed25519 (RFC 8463), relaxed/relaxed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Private};
use openssl::sha::Sha256;
use openssl::sign::Signer;

use super::header::fields;
use crate::fault::{Class, Fault};

/// The fields that are signed where they are there.
const SIGNED: [&str; 15] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Unsubscribe",
];

/// The fields that are named once more than they are there, so that nobody can add one (RFC 6376, section 8.15).
const SEALED: [&str; 8] = ["From", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "Content-Type"];

/// The shortest RSA key that verifiers accept, in bits (RFC 8301, section 3.2).
const RSA_BITS: u32 = 1_024;

/// The key of a domain.
#[derive(Clone)]
pub struct SigningKey {
    domain: String,
    selector: String,
    algorithm: Algorithm,
    key: PKey<Private>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Rsa,
    Ed25519,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({}._domainkey.{}, …)", self.selector, self.domain)
    }
}

impl SigningKey {
    /// Reads a private key in PEM form, PKCS#8 or PKCS#1, without a passphrase.
    pub fn read(domain: &str, selector: &str, pem: &[u8]) -> anyhow::Result<Self> {
        let wrong = |what: String| anyhow::Error::new(Fault::new(Class::Config, what));
        let domain = name(domain).ok_or_else(|| wrong(format!("DKIM: {domain:?} is no domain")))?;
        let selector = name(selector).ok_or_else(|| wrong(format!("DKIM: {selector:?} is no selector")))?;
        // The empty answer keeps OpenSSL from asking at the terminal.
        let key = PKey::private_key_from_pem_callback(pem, |_| Ok(0)).map_err(|_| {
            let fault = Fault::new(Class::Config, format!("DKIM: the key of {domain} is no private key in PEM form"));
            fault.hint("a passphrase is not supported; make a key with: openssl genrsa 2048")
        })?;
        let algorithm = match key.id() {
            Id::RSA if key.bits() >= RSA_BITS => Algorithm::Rsa,
            Id::RSA => return Err(wrong(format!("DKIM: the key of {domain} has {} bits; {RSA_BITS} are the least", key.bits()))),
            Id::ED25519 => Algorithm::Ed25519,
            _ => return Err(wrong(format!("DKIM: the key of {domain} is neither RSA nor Ed25519"))),
        };
        Ok(Self { domain, selector, algorithm, key })
    }

    /// Returns the name and the text of the TXT record that the domain must publish (RFC 6376, section 3.6).
    pub fn record(&self) -> anyhow::Result<(String, String)> {
        // RFC 8463, section 4: an Ed25519 key stands there without its wrapping.
        let (kind, public) = match self.algorithm {
            Algorithm::Rsa => ("rsa", self.key.public_key_to_der()?),
            Algorithm::Ed25519 => ("ed25519", self.key.raw_public_key()?),
        };
        let name = format!("{}._domainkey.{}", self.selector, self.domain);
        Ok((name, format!("v=DKIM1; k={kind}; p={}", STANDARD.encode(public))))
    }

    /// The domain that it signs for, in IDNA form.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Whether the key may sign for an author's address: the domain is that of the address, or above it.
    pub fn is_for(&self, address: &str) -> bool {
        let key = super::address_key(address);
        let domain = key.rsplit_once('@').map(|(_, domain)| domain);
        domain.and_then(|domain| domain.strip_suffix(&self.domain)).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

/// Puts a signature before a message. Its lines must end in CRLF, as [`super::compose`] writes them.
pub fn sign(message: &[u8], key: &SigningKey, now: i64) -> anyhow::Result<Vec<u8>> {
    let end = memchr::memmem::find(message, b"\r\n\r\n");
    let (Some(end), false) = (end, has_bare_break(message)) else {
        return Err(Fault::new(Class::Software, "a message to be signed must have a header, and lines that end in CRLF").into());
    };
    let (header, body) = message.split_at(end + 2);
    let body_hash = body_digest(body.get(2..).unwrap_or_default());
    let (names, mut signed) = signed_fields(header);
    let algorithm = match key.algorithm {
        Algorithm::Rsa => "rsa-sha256",
        Algorithm::Ed25519 => "ed25519-sha256",
    };
    let mut signature = format!(
        "v=1; a={algorithm}; c=relaxed/relaxed; t={now};\r\n d={};\r\n s={};\r\n h={};\r\n bh={};\r\n b=",
        key.domain,
        key.selector,
        names.join(":\r\n "),
        STANDARD.encode(body_hash)
    );
    signed.extend(relaxed_field("DKIM-Signature", signature.as_bytes()));
    let value = STANDARD.encode(key.signature(&signed)?);
    for (at, piece) in value.as_bytes().chunks(72).enumerate() {
        signature.push_str(if at == 0 { "" } else { "\r\n " });
        signature.push_str(&String::from_utf8_lossy(piece));
    }
    let mut out = Vec::with_capacity(message.len() + signature.len() + 32);
    out.extend(b"DKIM-Signature: ");
    out.extend(signature.as_bytes());
    out.extend(b"\r\n");
    out.extend(message);
    Ok(out)
}

impl SigningKey {
    fn signature(&self, signed: &[u8]) -> anyhow::Result<Vec<u8>> {
        Ok(match self.algorithm {
            Algorithm::Rsa => Signer::new(MessageDigest::sha256(), &self.key)?.sign_oneshot_to_vec(signed)?,
            // RFC 8463, section 3: the digest itself is what is signed.
            Algorithm::Ed25519 => Signer::new_without_digest(&self.key)?.sign_oneshot_to_vec(&openssl::sha::sha256(signed))?,
        })
    }
}

/// Returns the names of the signed fields, and the fields as they are signed (RFC 6376, section 3.7).
fn signed_fields(header: &[u8]) -> (Vec<String>, Vec<u8>) {
    let present: Vec<(&str, &[u8])> = fields(header).collect();
    let (mut names, mut signed) = (Vec::new(), Vec::new());
    for name in SIGNED {
        // Section 5.4.2: of fields with one name, the lowest is signed first.
        for (_, value) in present.iter().rev().filter(|(other, _)| other.eq_ignore_ascii_case(name)) {
            names.push(name.to_ascii_lowercase());
            signed.extend(relaxed_field(name, value));
            signed.extend(b"\r\n");
        }
    }
    names.extend(SEALED.iter().map(|name| name.to_ascii_lowercase()));
    (names, signed)
}

/// RFC 6376, section 3.4.2, without the line break.
fn relaxed_field(name: &str, value: &[u8]) -> Vec<u8> {
    let mut field = name.to_ascii_lowercase().into_bytes();
    field.push(b':');
    for (at, word) in value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).enumerate() {
        if at > 0 {
            field.push(b' ');
        }
        field.extend(word);
    }
    field
}

/// Returns the digest of the body in its relaxed form (RFC 6376, section 3.4.4).
fn body_digest(body: &[u8]) -> [u8; 32] {
    // Section 2.8: white space is the space and the tab, nothing else.
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let mut hasher = Sha256::new();
    let mut empty_lines = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r\n").unwrap_or(line);
        let end = line.iter().rposition(|byte| !is_space(byte)).map_or(0, |last| last + 1);
        let line = line.get(..end).unwrap_or_default();
        if line.is_empty() {
            empty_lines += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut empty_lines) {
            hasher.update(b"\r\n");
        }
        for run in line.chunk_by(|one, next| is_space(one) == is_space(next)) {
            hasher.update(if run.first().is_some_and(is_space) { b" " } else { run });
        }
        hasher.update(b"\r\n");
    }
    hasher.finish()
}

fn has_bare_break(message: &[u8]) -> bool {
    let is_bare = |at: usize| match message.get(at) {
        Some(b'\n') => at.checked_sub(1).and_then(|before| message.get(before)) != Some(&b'\r'),
        _ => message.get(at + 1) != Some(&b'\n'),
    };
    memchr::memchr2_iter(b'\r', b'\n', message).any(is_bare)
}

/// Reads a domain, or a selector, which looks like one.
fn name(text: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii(text).ok()?;
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    (ascii.len() <= 253 && ascii.split('.').all(is_label)).then_some(ascii)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use openssl::rsa::Rsa;

    use super::*;

    fn pem(bits: u32) -> Vec<u8> {
        Rsa::generate(bits).unwrap().private_key_to_pem().unwrap()
    }

    #[test]
    fn send_11_only_keys_that_verifiers_accept_are_taken() {
        let good = pem(1_024);
        assert!(SigningKey::read("example.com", "desk", &good).is_ok());
        for (domain, selector, pem) in [
            ("example.com\r\nx", "desk", &good),
            ("example.com; d=example.net", "desk", &good),
            ("", "desk", &good),
            ("example.com", "a;b", &good),
            ("example.com", "desk", &pem(768)),
            ("example.com", "desk", &b"no key".to_vec()),
        ] {
            let error = SigningKey::read(domain, selector, pem).unwrap_err();
            assert_eq!(crate::fault::class_of(&error), Class::Config);
        }
        let rsa = Rsa::generate(1_024).unwrap();
        let locked = rsa.private_key_to_pem_passphrase(openssl::symm::Cipher::aes_128_cbc(), b"secret").unwrap();
        assert!(SigningKey::read("example.com", "desk", &locked).is_err(), "it does not ask at the terminal");
    }

    #[test]
    fn send_11_a_key_signs_for_its_domain_and_those_below() {
        let key = SigningKey::read("bücher.example", "desk", &pem(1_024)).unwrap();
        assert_eq!(format!("{key:?}"), "SigningKey(desk._domainkey.xn--bcher-kva.example, …)");
        for (address, is_for) in [
            ("ada@bücher.example", true),
            ("ada@Mail.xn--bcher-kva.example", true),
            ("ada@badxn--bcher-kva.example", false),
            ("ada@example", false),
            ("ada", false),
        ] {
            assert_eq!(key.is_for(address), is_for, "{address}");
        }
    }

    #[test]
    fn send_11_lines_that_a_server_would_change_are_not_signed() {
        let key = SigningKey::read("example.com", "desk", &pem(1_024)).unwrap();
        for message in ["From: a@b\r\n\r\na\nb", "From: a@b\r\n\r\na\rb", "From: a@b\n\nx\n", "From: a@b\r\n", "", "\n", "\r"] {
            assert!(sign(message.as_bytes(), &key, 0).is_err(), "{message:?}");
        }
    }
}
