//! ACCESS: who may do what, asked of the real program by people who come through sudo.

mod accounts;
mod asking;
mod newcomer;
mod records;
mod rehearsed;
mod table;
mod trace;
mod unsent;
