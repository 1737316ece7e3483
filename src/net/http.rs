//! What HTTP goes over: a connection of ours, so that our trust, our limits and our deadline hold.

use std::fmt;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport};

use super::Stream;

/// How HTTP is spoken: one end for the whole, a header that is not endless, and nobody sends us elsewhere or stands between. As many
/// connections are kept for the next request as may rest.
pub fn http_config(limit: Duration, header: usize, resting: usize) -> Config {
    Agent::config_builder()
        .timeout_global(Some(limit))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_response_header_size(header)
        .http_status_as_error(false)
        .max_idle_connections(resting)
        .max_idle_connections_per_host(resting)
        .proxy(None)
        .user_agent("espomail")
        .build()
}

/// A connection, as ureq wants it.
pub struct Line {
    stream: Stream,
    buffers: LazyBuffers,
    /// For how long it is kept behind an answer, for the next request.
    kept: Duration,
    used: Instant,
}

impl Line {
    /// A connection for one request.
    pub fn once(stream: Stream, buffer: usize) -> Self {
        Self::kept(stream, buffer, Duration::ZERO)
    }

    /// One that the next request may take, unless it has rested too long.
    pub fn kept(stream: Stream, buffer: usize, kept: Duration) -> Self {
        Self { stream, buffers: LazyBuffers::new(buffer, buffer), kept, used: Instant::now() }
    }

    /// Each request that goes over a kept one has its own end.
    fn allow(&mut self, next: &NextTimeout) {
        if !self.kept.is_zero() && !next.after.is_not_happening() {
            self.used = Instant::now();
            self.stream.allow(*next.after, self.used + *next.after);
        }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

impl Transport for Line {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, next: NextTimeout) -> Result<(), ureq::Error> {
        self.allow(&next);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        self.stream.write_all(output)?;
        Ok(self.stream.flush()?)
    }

    fn await_input(&mut self, next: NextTimeout) -> Result<bool, ureq::Error> {
        self.allow(&next);
        let read = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        self.used.elapsed() < self.kept
    }
}

/// The connection is made elsewhere, so nobody looks up a name.
#[derive(Debug)]
pub struct Nowhere;

impl Resolver for Nowhere {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut found = self.empty();
        found.push(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
        Ok(found)
    }
}
