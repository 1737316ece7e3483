//! The full-text index follows the mail: whoever has taken mail in goes on with it afterwards, for a while that is small beside what the
//! mail took, and as long as nobody else is at work. What is left then is done by the next pass, or by whoever searches first.

use std::time::{Duration, Instant};

use crate::store::search::{self, Step};
use crate::store::{self, Store};

/// How long a pass goes on with the index that took in little, or nothing.
const LEAST: Duration = Duration::from_millis(250);
/// How much of the time of a pass that took in much.
const SHARE: u32 = 4;

/// Goes on with the index after a pass that began then, until it is over. It is derived: what goes wrong here is no fault of the pass.
pub fn follow(store: &mut Store, begun: Instant, is_over: &dyn Fn() -> bool) {
    let until = Instant::now() + (begun.elapsed() / SHARE).max(LEAST);
    let followed = (|| {
        let turn = store::turn(store.connection())?;
        // Who takes mail in meanwhile goes on with the index, too, and had to wait for us.
        while Instant::now() < until && !is_over() && store::turn(store.connection())? == turn {
            if !matches!(search::step(store, false)?, Step::Indexed(_)) {
                break;
            }
        }
        anyhow::Ok(())
    })();
    if let Err(error) = followed {
        log::info!("the full-text index is left behind, until the next pass or search: {error:#}");
    }
}
