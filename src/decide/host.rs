//! ACCESS-3: which servers are internal. A user names the server of a personal account, and the service account connects to
//! it: so nothing that only this machine or its network reaches, unless the configuration lists it. And what is a server's name
//! at all: it is connected to, compared with certificates and printed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Endings of names that mean something inside a network only (RFC 6761, 6762, 8375; the metadata servers of clouds).
const INTERNAL_ENDINGS: &[&str] = &["localhost", "local", "localdomain", "internal", "intranet", "lan", "home.arpa"];

/// The longest name of a host (RFC 1035, section 2.3.4), and of a label of it.
const LONGEST: usize = 253;
const LONGEST_LABEL: usize = 63;

/// Reads the name or the address of a server as somebody wrote it, and returns it as it is kept: a name in lower case and ASCII
/// (RFC 5890) without the final dot, an IPv6 address without brackets. An error says what is wrong.
pub fn checked(text: &str) -> Result<String, String> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    if let Ok(address) = bare.unwrap_or(text).parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    if text.contains("://") || text.contains(['/', '@']) {
        return Err(format!("{text:?} is not the name of a server; leave out all but the name"));
    }
    if text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        return Err(format!("{text:?} has a port in it; there is an option of its own for that"));
    }
    let wrong = || format!("{text:?} is not the name of a server");
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(wrong());
    }
    let name = idna::domain_to_ascii(text).map_err(|_| wrong())?.to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name);
    let is_label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // The resolver takes a name that ends in a number for an address: 2130706433 and 0x7f.1 are 127.0.0.1.
    let is_number = |label: &str| {
        label.bytes().all(|byte| byte.is_ascii_digit())
            || label.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let is_name = name.len() <= LONGEST && name.split('.').all(is_label) && !name.rsplit('.').next().is_some_and(is_number);
    if is_name { Ok(name.to_string()) } else { Err(wrong()) }
}

/// Whether the configuration lists a host: by its name or by its address.
pub fn is_listed(listed: &[String], host: &str) -> bool {
    listed.iter().any(|one| plain(one) == plain(host))
}

/// Whether a name or an address, as somebody wrote it, is internal. What a name resolves to is judged when it is known.
pub fn is_internal_name(host: &str) -> bool {
    let host = plain(host);
    if let Ok(address) = host.parse::<IpAddr>() {
        return is_internal(address);
    }
    let ends = |ending: &str| host.strip_suffix(ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    // A name without a dot is looked up in the network's own domain.
    !host.contains('.') || INTERNAL_ENDINGS.iter().any(|ending| ends(ending))
}

/// Whether an address is internal: loopback, private, link-local (metadata servers), or none that a mail server has.
pub fn is_internal(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_internal_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => is_internal_v4(inner),
            None => is_internal_v6(address),
        },
    }
}

fn is_internal_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || a == 0
        // Shared by a provider (RFC 6598), protocols (RFC 6890), benchmarks (RFC 2544), multicast and what is behind it.
        || (a == 100 && b & 0xC0 == 64)
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && b & 0xFE == 18)
        || a >= 224
}

fn is_internal_v6(address: Ipv6Addr) -> bool {
    let [first, ..] = address.segments();
    // Loopback and unspecified; unique local (fc00::/7), link-local and site-local (fe80::/9), multicast.
    address.is_loopback() || address.is_unspecified() || first & 0xFE00 == 0xFC00 || first & 0xFF80 == 0xFE80 || first >= 0xFF00
}

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, NAT64 (RFC 6052), 6to4 (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xFFFF) | (0x64, 0xFF9B, 0, 0, 0, 0) => Some(of(g, h)),
        (0, 0, 0, 0, 0, 0) if g != 0 => Some(of(g, h)),
        (0x2002, ..) => Some(of(b, c)),
        _ => None,
    }
}

fn plain(host: &str) -> String {
    let bare = host.trim().trim_end_matches('.').trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    // One name, however it is written.
    if bare.is_ascii() { bare } else { idna::domain_to_ascii(&bare).unwrap_or(bare) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_3_internal_servers() {
        for internal in [
            "localhost",
            "LOCALHOST.",
            "mail.localhost",
            "printer.local",
            "metadata.google.internal",
            "mail",
            "nas.lan",
            "",
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.0.8",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::1",
            "[::1]",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12:3456::1",
            "fec0::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "::127.0.0.1",
        ] {
            assert!(is_internal_name(internal), "{internal}");
        }
        for public in [
            "imap.example.com",
            "example.org.",
            "notlocal.example",
            "mylocalhost.com",
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "192.0.2.1",
            "198.20.0.1",
            "2001:db8::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::",
        ] {
            assert!(!is_internal_name(public), "{public}");
        }
    }

    #[test]
    fn access_3_a_server_has_a_name_and_nothing_else() {
        for (written, kept) in [
            ("imap.example.com", "imap.example.com"),
            (" IMAP.Example.COM. ", "imap.example.com"),
            ("m\u{fc}ller.example", "xn--mller-kva.example"),
            ("localhost", "localhost"),
            ("my_host.example", "my_host.example"),
            ("192.0.2.1", "192.0.2.1"),
            ("2001:DB8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("163.com", "163.com"),
        ] {
            assert_eq!(checked(written).as_deref(), Ok(kept), "{written}");
        }
        let long = format!("{}.example", "a".repeat(64));
        let longer = vec!["a".repeat(60); 5].join(".");
        for wrong in [
            "",
            " ",
            ".",
            "..",
            "a..b",
            "imap.example.com:993",
            "imaps://imap.example.com",
            "me@imap.example.com",
            "imap.example.com/x",
            "imap example.com",
            "imap.example.com\u{7}",
            "imap.\u{1b}[31mexample.com",
            "a\nb.example",
            "\u{202e}moc.elpmaxe",
            "-a.example",
            "a-.example",
            "[imap.example.com]",
            "fe80::1%eth0",
            "2130706433",
            "0x7f.1",
            "127.1",
            "a,b.example",
            "a;b",
            "$(id).example",
            "*.example.com",
            "a\0b.example",
            &long,
            &longer,
        ] {
            assert!(checked(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn access_3_a_listed_host_is_named_as_it_is_written() {
        let listed = ["Mail.Example.lan".to_string(), "10.0.0.5".to_string()];
        assert!(is_listed(&listed, "mail.example.lan.") && is_listed(&listed, "10.0.0.5"));
        assert!(!is_listed(&listed, "10.0.0.50") && !is_listed(&listed, "example.lan"));
    }
}
