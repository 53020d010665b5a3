//! A key of a key-value bucket → trust bundles for whoever keeps them. The
//! bucket is not trusted: what it brings is offered, and the keeper judges it.
//! So nothing that is written, deleted or put back there displaces a good
//! bundle.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::kv::{Operation, Store};
use bytes::Bytes;
use coseal::{Error, Result};
use futures_util::StreamExt;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{sleep, timeout};

use crate::error::carrier;

/// How long to wait before the bucket is watched again.
const AGAIN: Duration = Duration::from_secs(1);

/// The bucket is read by itself so often: a watch that fell silent would look
/// like a bundle that does not change.
const BETWEEN: Duration = Duration::from_secs(60);

type Offer = Arc<dyn Fn(&[u8]) -> Result<()> + Send + Sync>;

/// Watches a key and offers each value of it. Ends when dropped.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use coseal_nats::TrustFeed;
/// # async fn feed(
/// #     context: async_nats::jetstream::Context,
/// #     keeper: coseal_store::TrustKeeper,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// let keeper = Arc::new(keeper);
/// let offered = Arc::clone(&keeper);
/// let bucket = context.get_key_value("trust").await?;
/// let feed = TrustFeed::start(bucket, "bundle", move |bytes| offered.offer(bytes).map(drop));
/// // A consumer asks it with `refresh(feed.asking())`.
/// # Ok(())
/// # }
/// ```
pub struct TrustFeed {
    key: Key,
    watching: JoinHandle<()>,
}

#[derive(Clone)]
struct Key {
    bucket: Store,
    key: Arc<str>,
    offer: Offer,
}

impl TrustFeed {
    /// Begins to watch `key`. `offer` takes the bytes of a bundle, and may
    /// block; what it refuses is reported by whoever keeps bundles. Call this
    /// inside a tokio runtime.
    pub fn start(
        bucket: Store,
        key: impl Into<Arc<str>>,
        offer: impl Fn(&[u8]) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        let key = Key { bucket, key: key.into(), offer: Arc::new(offer) };
        let watching = tokio::spawn(key.clone().watch());
        Self { key, watching }
    }

    /// Reads the key now, and offers what it holds.
    ///
    /// # Errors
    ///
    /// `carrier` where the bucket cannot be read; why the bundle was refused.
    pub async fn refresh(&self) -> Result<()> {
        self.key.read().await
    }

    /// The same, for [`ConsumerBuilder::refresh`](crate::ConsumerBuilder::refresh):
    /// what goes wrong is told to `tracing`.
    pub fn asking(
        &self,
    ) -> impl Fn() -> futures_util::future::BoxFuture<'static, ()> + Send + Sync + 'static {
        let key = self.key.clone();
        move || {
            let key = key.clone();
            Box::pin(async move { key.try_read().await })
        }
    }
}

impl Key {
    async fn watch(self) {
        loop {
            // What was put while nobody watched.
            self.try_read().await;
            match self.bucket.watch(&*self.key).await {
                Ok(mut changes) => {
                    loop {
                        match timeout(BETWEEN, changes.next()).await {
                            Ok(Some(Ok(entry))) if entry.operation == Operation::Put => {
                                self.tell(self.offer(entry.value).await);
                            }
                            // Deleted: what is in force stays.
                            Ok(Some(Ok(_))) => {}
                            Ok(Some(Err(error))) => {
                                tracing::debug!("the trust bucket is watched anew: {error}");
                                break;
                            }
                            Ok(None) => break,
                            Err(_) => self.try_read().await,
                        }
                    }
                }
                Err(error) => tracing::warn!("the trust bucket cannot be watched: {error}"),
            }
            sleep(AGAIN).await;
        }
    }

    async fn read(&self) -> Result<()> {
        match self.bucket.get(&*self.key).await.map_err(carrier)? {
            Some(bundle) => self.offer(bundle).await,
            None => Ok(()),
        }
    }

    async fn try_read(&self) {
        self.tell(self.read().await);
    }

    async fn offer(&self, bundle: Bytes) -> Result<()> {
        let offer = Arc::clone(&self.offer);
        spawn_blocking(move || offer(&bundle)).await.map_err(carrier)?
    }

    fn tell(&self, offered: Result<()>) {
        match offered {
            Ok(()) => {}
            Err(Error::Carrier(error)) => {
                tracing::warn!(key = &*self.key, "the trust bucket cannot be read: {error}");
            }
            Err(error) => {
                let code = error.code();
                tracing::warn!(key = &*self.key, code, "a trust bundle was refused: {error}");
            }
        }
    }
}

impl Drop for TrustFeed {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl fmt::Debug for TrustFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustFeed").field("key", &self.key.key).finish_non_exhaustive()
    }
}
