//! A stream read back → what was seen there: so that a consumer that starts
//! again knows what a copy is.
//!
//! Read back is what the stream took in the window before the place where the
//! consumer stands. Of what was sealed before that, nobody can tell any more
//! whether it was delivered: it is refused as too old, unless all of the stream
//! was read.

use std::time::{Duration, SystemTime};

use async_nats::Client;
use async_nats::datetime::from_nanos;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::{RetentionPolicy, Stream};
use coseal::{Error, Result, Time};
use coseal_carrier::{LogStart, log_id};

use super::work::Work;
use super::{Event, Pull, Spot};
use crate::CARRIER;
use crate::error::{carrier, ended};

/// The server forgets a reader that asks for nothing for so long.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// Reads messages of a stream, acknowledging nothing.
pub(super) struct Reader {
    pub(super) client: Client,
    pub(super) stream: Stream,
    pub(super) filters: Vec<String>,
}

/// What a consumer has seen.
pub(super) struct Range {
    /// Where it stands: the first that it may have to be brought.
    pub(super) next: u64,
    /// The last that it may have been brought.
    pub(super) begun: u64,
    /// It has a memory that outlived it.
    pub(super) kept: bool,
}

impl Reader {
    /// A pull from `start` on, and how many messages there are now.
    pub(super) async fn begin(&self, start: DeliverPolicy) -> Result<(Pull, u64)> {
        let config = pull::Config {
            deliver_policy: start,
            ack_policy: AckPolicy::None,
            filter_subjects: self.filters.clone(),
            inactive_threshold: FORGOTTEN_AFTER,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = self.stream.create_consumer(config).await.map_err(carrier)?;
        let pending = consumer.cached_info().num_pending;
        Ok((Pull::new(&self.client, consumer).await?, pending))
    }

    async fn next(pull: &mut Pull) -> Result<(async_nats::Message, Spot)> {
        loop {
            pull.ask(usize::MAX).await?;
            match pull.next().await {
                Event::Message(message, Some(spot)) => return Ok((message, spot)),
                Event::Gone => pull.check().await?,
                Event::Ended => return Err(ended()),
                Event::Message(_, None) | Event::Unanswered | Event::Nothing => {}
            }
        }
    }

    /// When the stream took the first message at or behind this place.
    async fn stored_at(&self, sequence: u64) -> Result<Option<i128>> {
        let start = DeliverPolicy::ByStartSequence { start_sequence: sequence.max(1) };
        let (mut pull, pending) = self.begin(start).await?;
        if pending == 0 {
            return Ok(None);
        }
        let (_, spot) = Self::next(&mut pull).await?;
        Ok(Some(spot.stored_at))
    }
}

/// Tells the inbox where a consumer stands, and shows it what was seen.
pub(super) async fn read_back(work: &mut Work, reader: &Reader, range: Range) -> Result<()> {
    let Range { next, begun, kept } = range;
    let info = reader.stream.get_info().await.map_err(carrier)?;
    if info.config.retention != RetentionPolicy::Limits && !kept {
        let detail = "a stream that forgets what is acknowledged cannot be read back: give a \
                      memory that outlives the process";
        return Err(Error::Misuse(detail.into()));
    }
    let log = log_id(&[CARRIER, &info.config.name, &nanos(info.created.into()).to_string()]);
    let begin =
        |work: &mut Work, back_to| work.begin_log(LogStart { log, back_to, next, memory: None });
    if kept || begun == 0 {
        return begin(work, next);
    }
    let span = i128::try_from(work.span().as_nanos()).unwrap_or(i128::MAX);
    let stood = match reader.stored_at(next.saturating_sub(1)).await? {
        Some(stored_at) => stored_at,
        None => nanos(SystemTime::now()),
    };
    let from = stood.saturating_sub(span).max(0);
    let whole = info.state.first_sequence <= 1 && from <= nanos(info.state.first_timestamp.into());
    let start = if whole {
        DeliverPolicy::All
    } else {
        DeliverPolicy::ByStartTime { start_time: from_nanos(from).map_err(carrier)? }
    };
    let (mut pull, mut pending) = reader.begin(start).await?;
    let mut begun_at = None;
    while pending > 0 {
        let (message, spot) = Reader::next(&mut pull).await?;
        if spot.sequence > begun {
            break;
        }
        if begun_at.is_none() {
            begin(work, spot.sequence.min(next))?;
            begun_at = Some(spot.sequence);
        }
        pending = spot.pending;
        work.rebuild(&message, &spot).await?;
    }
    if begun_at.is_none() {
        begin(work, next)?;
    }
    if !whole {
        // A signer's clock may have been ahead.
        let from = Time::from_millis(u64::try_from(from / 1_000_000).unwrap_or_default());
        work.reaches_back_to(from);
    }
    Ok(())
}

fn nanos(time: SystemTime) -> i128 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i128::try_from(since.as_nanos()).unwrap_or(i128::MAX)
}
