//! Addresses that go out: read by the strict part of RFC 5321 and 5322 and written anew.

use super::check::{is_forbidden, wrong};
use crate::mail::{Address, address};

/// RFC 5321, section 4.5.3.1, in bytes.
const LOCAL: usize = 64;
const DOMAIN: usize = 253;
const WHOLE: usize = 254;

/// Returns the address as it goes out: quoted only where it must be, the domain in IDNA form where the local part is ASCII.
pub fn checked(field: &str, address: &Address) -> anyhow::Result<String> {
    let written = &address.address;
    rewritten(written).ok_or_else(|| {
        let shown: String = written.chars().take(WHOLE).collect();
        wrong(format!("{field}: {shown:?} is no address that can be written to"))
    })
}

/// Reads the recipients that a person typed: `ada@example.com`, `Ada <ada@example.com>`, or several with commas between them.
/// None when any of it is no address that can be written to: whoever is left out would not know.
pub fn typed(text: &str) -> Option<Vec<Address>> {
    if text.chars().any(is_forbidden) {
        return None;
    }
    let mut room = usize::MAX;
    let list = address::list(text, &mut room);
    // Two with no comma between them may be one that was written wrong.
    let is_told_apart = list.len() <= text.matches([',', ';']).count() + 1;
    (!list.is_empty() && is_told_apart && list.iter().all(|one| rewritten(&one.address).is_some())).then_some(list)
}

fn rewritten(written: &str) -> Option<String> {
    // Longer ones are not even looked through.
    if written.len() > 2 * WHOLE || written.chars().any(|c| is_forbidden(c) || is_invisible(c)) {
        return None;
    }
    let (local, domain) = written.rsplit_once('@')?;
    let local = local_part(local)?;
    let domain = domain_part(domain, local.is_ascii())?;
    let whole = format!("{local}@{domain}");
    (local.len() <= LOCAL && whole.len() <= WHOLE).then_some(whole)
}

/// Reads a local part, in quotes or without. Comments are not part of an address, and `%` and `!` were asked of servers to
/// pass mail on to others.
fn local_part(text: &str) -> Option<String> {
    let Some(quoted) = text.strip_prefix('"') else { return is_dot_atom(text).then(|| text.to_string()) };
    let mut inner = String::new();
    let mut chars = quoted.strip_suffix('"')?.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => inner.push(chars.next()?),
            '"' => return None,
            _ => inner.push(c),
        }
    }
    if is_dot_atom(&inner) {
        return Some(inner);
    }
    if inner.is_empty() || inner.contains(['%', '!', '@', '\t']) {
        return None;
    }
    Some(format!("\"{}\"", inner.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// RFC 5322, section 3.2.3, and RFC 6531, section 3.3.
fn is_dot_atom(text: &str) -> bool {
    let is_atom = |c: char| c.is_ascii_alphanumeric() || "#$&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii() && !c.is_whitespace();
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom))
}

fn domain_part(text: &str, as_ascii: bool) -> Option<String> {
    let ascii = idna::domain_to_ascii(text).ok()?;
    let is_label = |label: &str| {
        let is_letters = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_letters && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = ascii.split('.').all(is_label) && !ascii.rsplit('.').next().is_some_and(is_number);
    if !is_name || ascii.len() > DOMAIN {
        return None;
    }
    if as_ascii { Some(ascii) } else { Some(text.to_string()) }
}

/// Marks that nobody sees: two addresses would look the same.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2065}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}
