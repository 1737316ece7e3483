//! Moving everything to the other kind of database. Promises: the old one takes no changes from before the first row until the end, so
//! what is compared is what there was; how far each table has come stands in the new one, in the transaction that its rows came with, so a
//! move that ended goes on where it was; the new one opens after the old one is marked as moved away, so nobody ever works with both.

mod end;
mod file;
mod server;
mod side;
mod table;
mod value;

pub use end::{abandon, arrive, depart, finish, new_id};
pub use side::{Side, Target};
pub use table::Table;
pub use value::Sum;
