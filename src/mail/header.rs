//! Header fields: decoded text and address lists.

use mail_parser::{Header, HeaderName, HeaderValue, Message};

use super::{Address, charset};

/// Returns a field as it stands, on one line.
pub fn raw(message: &Message<'_>, header: &Header<'_>) -> String {
    let bytes = message.raw_message.get(header.offset_start as usize..header.offset_end as usize).unwrap_or_default();
    one_line(&charset::decode(bytes, None))
}

/// Returns the decoded text of the first such header; empty when there is none.
pub fn text(message: &Message<'_>, name: &HeaderName<'_>) -> String {
    let Some(header) = message.headers().iter().find(|header| header.name == *name) else { return String::new() };
    let bytes = message.raw_message.get(header.offset_start as usize..header.offset_end as usize).unwrap_or_default();
    match &header.value {
        HeaderValue::Text(text) => charset::without_nul(text).into_owned(),
        HeaderValue::TextList(list) => charset::without_nul(&list.join(", ")).into_owned(),
        HeaderValue::Empty => String::new(),
        _ => charset::decode(bytes, None),
    }
}

/// Returns the addresses of all such headers, groups flattened, in order; at most `room`, which shrinks.
pub fn addresses(message: &Message<'_>, name: &HeaderName<'_>, room: &mut usize) -> Vec<Address> {
    let mut addresses = Vec::new();
    for header in message.headers().iter().filter(|header| header.name == *name) {
        let Some(list) = header.value.as_address() else { continue };
        for entry in list.iter().take(*room) {
            let written = entry.address.as_deref().unwrap_or_default().trim();
            let name = entry.name.as_deref().unwrap_or_default();
            if written.is_empty() && name.is_empty() {
                continue;
            }
            addresses.push(Address {
                name: one_line(name),
                address: charset::without_nul(written).chars().filter(|c| !c.is_control()).collect(),
            });
            *room -= 1;
        }
    }
    addresses
}

/// Names are one line: a line break in one must never become a header of ours.
fn one_line(name: &str) -> String {
    let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}
