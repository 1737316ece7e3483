//! CASE-5, LINK-7: what people do by hand takes the road of mail: facts in, a plan out. The door of this room; inside, imports go
//! one way.

mod case;
mod email;
mod ending;
mod inbox;
mod link;
mod open;
mod record;
mod sort;
mod unmerge;
mod word;

pub use self::case::*;
pub use email::*;
pub use ending::*;
pub use inbox::*;
pub use link::*;
pub use open::*;
pub use record::*;
pub use sort::*;
pub use unmerge::*;
pub use word::*;
