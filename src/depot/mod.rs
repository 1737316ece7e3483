//! Where raw bytes lie outside the database: a folder of this machine, or a bucket that speaks S3.
//!
//! Promises: what [`Depot::put`] has taken is there after a power cut; an object has its name only when it is whole; every wait has an
//! end. A name is given once and never to other bytes: it has the digest of the message and a number of its own, so whoever deletes
//! one object never deletes what somebody else has just written. Nothing here knows the database; what an object is worth, the one who
//! reads it finds out by its digest.

mod folder;
mod known;
mod object;
mod place;
mod s3;

pub use known::{Known, at, current, learn};
pub use object::{Listed, Name};
pub use place::{Depot, USUAL_WORKERS};
pub use s3::{Bucket, Server};
