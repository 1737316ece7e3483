//! Cases: what they are. What people and mail do to them is decided in `decide` and written by [`super::apply`].

mod list;
mod show;
mod stream;

pub use list::{CaseFilter, count, list};
pub use show::{Case, is_one, left_of, merged_into, show};
pub use stream::{Entry, stream};
