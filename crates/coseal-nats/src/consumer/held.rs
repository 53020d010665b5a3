//! What is out: with the caller, or with its dead letter.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use async_nats::Subject;
use coseal::Result;
use tokio::sync::oneshot;

/// After how long a message that was given back comes again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BackOff {
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

impl Default for BackOff {
    /// Short enough for a hiccup, and not so long that a mended fault is not
    /// noticed.
    fn default() -> Self {
        Self { first: Duration::from_millis(100), longest: Duration::from_secs(30) }
    }
}

impl BackOff {
    /// The wait after so many deliveries.
    pub(crate) fn after(&self, deliveries: u64) -> Duration {
        let doubled = u32::try_from(deliveries.saturating_sub(1)).unwrap_or(u32::MAX).min(31);
        self.first.saturating_mul(1 << doubled).min(self.longest)
    }
}

/// Where to tell the server about a message, and when that was done last.
pub(super) struct Out {
    /// Nowhere, where nothing is acknowledged.
    pub(super) reply: Option<Subject>,
    pub(super) deliveries: u64,
    pub(super) since: Instant,
    pub(super) told_at: Instant,
    /// Whoever waits for its acknowledgement.
    pub(super) waits: Option<oneshot::Sender<Result<()>>>,
}

impl Out {
    pub(super) fn new(reply: Option<Subject>, deliveries: u64) -> Self {
        let now = Instant::now();
        Self { reply, deliveries, since: now, told_at: now, waits: None }
    }
}

/// By the number of the ticket.
pub(super) type Held = HashMap<u64, Out>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let back_off = BackOff::default();
        let waits: Vec<_> = [0, 1, 2, 3, 9, 10, u64::MAX].map(|n| back_off.after(n)).into();
        let millis = [100, 100, 200, 400, 25_600, 30_000, 30_000].map(Duration::from_millis);
        assert_eq!(waits, millis);
    }
}
