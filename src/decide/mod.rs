//! The rules. Pure: values in, a [`Plan`] out, every change with its reason.

mod facts;
mod plan;

pub use facts::*;
pub use plan::*;
