//! Dead letters under way. Where one cannot be written, nothing more is judged
//! until it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coseal_carrier::Refused;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::time::sleep;

use crate::dead_letters::{DeadLetters, Letters};

/// Letters written at once: what somebody sends at full speed is not to wait
/// for one answer of the server after the other.
const AT_ONCE: usize = 256;

/// The first wait before a letter is written again, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Writes letters until they are written.
pub(super) struct Writing {
    target: Arc<DeadLetters>,
    under_way: FuturesUnordered<BoxFuture<'static, Refused>>,
    /// One of them could not be written, as far as is known.
    failing: Arc<AtomicBool>,
}

impl Writing {
    pub(super) fn new(target: DeadLetters) -> Self {
        Self {
            target: Arc::new(target),
            under_way: FuturesUnordered::new(),
            failing: Arc::default(),
        }
    }

    pub(super) fn target(&self) -> &DeadLetters {
        &self.target
    }

    pub(super) fn write(&self, letters: Letters, refused: Refused) {
        let (target, failing) = (Arc::clone(&self.target), Arc::clone(&self.failing));
        self.under_way.push(Box::pin(async move {
            let mut wait = FIRST_WAIT;
            while let Err(error) = target.write(&letters).await {
                failing.store(true, Ordering::Relaxed);
                // Loud: nothing goes on until somebody does something.
                tracing::error!(target = ?target, "a dead letter is not written: {error}");
                sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            failing.store(false, Ordering::Relaxed);
            refused
        }));
    }

    /// Whether to judge nothing more for now.
    pub(super) fn is_blocked(&self) -> bool {
        self.failing.load(Ordering::Relaxed) || self.under_way.len() >= AT_ONCE
    }

    /// The next one that was written; `None` where none is under way.
    pub(super) async fn next(&mut self) -> Option<Refused> {
        self.under_way.next().await
    }
}
