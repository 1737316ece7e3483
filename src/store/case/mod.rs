//! Cases: what they are. What people and mail do to them is decided in `decide` and written by [`super::apply`].

mod list;
mod part;
mod show;
mod stream;
mod who;

pub use list::{CaseFilter, count, list, opened_by};
pub use part::{CaseEmail, Part, Why, letters, taking_part};
pub(super) use show::load;
pub use show::{Case, is_one, left_of, merged_into, show};
pub use stream::{Entry, Texts, stream, streams};
pub use who::{Answered, answered, wrote};
