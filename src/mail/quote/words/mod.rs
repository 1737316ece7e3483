//! The words by which mail programs mark what they quote and sign, one line a language or two; all in lower case.

mod attribution;
mod header;
mod separator;
mod signature;

pub use attribution::{INNER_OPENERS, OPENERS, OWN, SAID, WROTE};
pub use header::{Label, label};
pub use separator::{ABOVE, FORWARDED, ORIGINAL};
pub use signature::{CLOSINGS, DEVICES, NOTES, SENT_FROM, SENT_FROM_END};
