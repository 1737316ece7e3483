//! Records: Accounts, Contacts, Leads and Opportunities, and what they share with cases. People name one `kind:number`. What is done
//! to them is decided in `decide` and written by [`super::apply`].

mod fields;
mod list;
mod name;
mod search;
mod show;

pub(super) use fields::{addresses_of, followers_of, links_of, phones_of, values_of};
pub use list::{
    Alike, RecordFilter, Wanted, alike, assigned_to, cases_of_lead, count, hanging_on, is_assigned_to, list, names_assigned_to,
    sharing,
};
pub(super) use list::{belongs, says};
pub(super) use name::teams_of;
pub use name::{find, missing, of_kind};
pub(super) use search::{Window, first};
pub use show::{Record, show};

pub use super::named::{RecordName, name_of};
