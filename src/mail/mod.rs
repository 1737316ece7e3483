//! Letters. Pure: bytes in, [`Mail`] out. Parsing cannot fail and cannot panic (PARSE-2): what is wrong with a message
//! is listed on it. What goes out is made the other way round: a [`compose::Draft`] in, bytes out. Nothing here knows
//! accounts, records or the database.

mod address;
mod attachment;
mod author;
mod automatic;
pub mod body;
mod bounce;
pub mod calendar;
mod charset;
mod cms;
pub mod compose;
mod content;
#[cfg(test)]
mod corpus;
mod date;
mod digest;
pub mod dkim;
mod document;
mod flowed;
mod guess;
mod header;
mod html;
#[cfg(test)]
mod kinds;
mod letter;
mod markup;
mod mask;
mod nobody;
mod parameter;
mod parse;
mod quote;
mod redact;
pub mod reply;
#[cfg(test)]
mod roundtrip;
mod rtf;
mod structure;
pub mod subject;
pub mod template;
#[cfg(test)]
mod tests;
mod text;
mod tnef;
pub mod token;
mod transfer;
mod uuencode;
mod words;

pub use address::{Address, address_key, address_spellings, untagged};
pub use attachment::{Attachment, content as attachment_content};
pub use author::{LetterKey, letter_digest};
pub use automatic::Sign;
pub use bounce::{Bounce, Recipient};
pub use calendar::Event;
pub use digest::{digest, hex};
pub use guess::no_message;
pub use header::block as header_block;
pub use html::to_text as text_from_html;
pub use letter::Mail;
pub use mask::masked;
pub use parse::{claimed_authors, parse, parse_for_rules, split};
pub use redact::{NOBODY, Redaction};
pub use subject::case_numbers;
pub use text::{as_written as text_as_written, shorter};
