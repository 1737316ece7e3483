//! Mailbox names: Unicode to people, modified UTF-7 on the wire (RFC 3501, section 5.1.3).

use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Writes a name for the wire.
pub fn encode(name: &str) -> String {
    let mut wire = String::new();
    let mut shifted: Vec<u8> = Vec::new();
    let flush = |wire: &mut String, shifted: &mut Vec<u8>| {
        if !shifted.is_empty() {
            wire.push('&');
            wire.push_str(&BASE64.encode(&shifted));
            wire.push('-');
            shifted.clear();
        }
    };
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            flush(&mut wire, &mut shifted);
            wire.push(c);
            if c == '&' {
                wire.push('-');
            }
        } else {
            let mut units = [0; 2];
            shifted.extend(c.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    flush(&mut wire, &mut shifted);
    wire
}

/// Reads a name from the wire; one that is not modified UTF-7 stands for itself.
pub fn decode(wire: &str) -> String {
    try_decode(wire).unwrap_or_else(|| wire.to_string())
}

fn try_decode(wire: &str) -> Option<String> {
    let mut name = String::new();
    let mut rest = wire;
    while let Some((before, behind)) = rest.split_once('&') {
        name.push_str(before);
        let (shifted, after) = behind.split_once('-')?;
        if shifted.is_empty() {
            name.push('&');
        } else {
            let bytes = BASE64.decode(shifted).ok()?;
            let units = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            name.push_str(&char::decode_utf16(units).collect::<Result<String, _>>().ok()?);
        }
        rest = after;
    }
    name.push_str(rest);
    Some(name)
}

/// Writes a name as a quoted string of a command.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", escaped(name))
}

/// The same without the quotation marks around it.
pub fn escaped(name: &str) -> String {
    crate::net::escaped(&encode(name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fetch_4_names_of_the_rfc_and_of_life() {
        for (name, wire) in [
            ("INBOX", "INBOX"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("A&B", "A&-B"),
            ("😀", "&2D3eAA-"),
        ] {
            assert_eq!((encode(name).as_str(), decode(wire).as_str()), (wire, name));
        }
        assert_eq!(decode("broken &"), "broken &");
        assert_eq!(quoted("a\"b\\c"), r#""a\"b\\c""#);
    }

    proptest! {
        #[test]
        fn fetch_4_every_name_comes_back(name in "\\PC*") {
            prop_assert_eq!(decode(&encode(&name)), name.clone());
            prop_assert!(encode(&name).bytes().all(|byte| (0x20..0x7F).contains(&byte)));
        }
    }
}
