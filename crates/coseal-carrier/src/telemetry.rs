//! What is told to whoever watches: every span and every metric, named once,
//! here. Neither payloads nor keys nor anything secret is in any of them; of a
//! refused message its code and its place.
//!
//! Counters and histograms go to the recorder that the program installed for
//! the crate `metrics`, spans and events to the subscriber it installed for
//! `tracing`. All metrics have the label `carrier`.

mod trace;

use std::time::Duration;

use coseal::{Error, KeyId, Opened, Time, TrustBundle};
use metrics::{Counter, Histogram, Unit};
use tracing::Span;
use tracing::field::{Empty, display};

pub use trace::Traceparent;

/// Counter: messages sealed.
pub const SEALED: &str = "coseal_sealed_total";
/// Counter: messages that could not be sealed, with the label `code`.
pub const NOT_SEALED: &str = "coseal_not_sealed_total";
/// Histogram: seconds that sealing a batch took.
pub const SEAL_SECONDS: &str = "coseal_seal_seconds";
/// Histogram: messages in a batch.
pub const BATCH_MESSAGES: &str = "coseal_batch_messages";
/// Counter: messages opened.
pub const OPENED: &str = "coseal_opened_total";
/// Counter: those of them that the carrier delivered again.
pub const REDELIVERED: &str = "coseal_redelivered_total";
/// Histogram: seconds that opening a message took.
pub const OPEN_SECONDS: &str = "coseal_open_seconds";
/// Counter: messages refused for good, with the labels `code` and `kind`.
pub const REFUSED: &str = "coseal_refused_total";
/// Counter: dead letters that were written and acknowledged.
pub const DEAD_LETTERS: &str = "coseal_dead_letters_total";
/// Counter: times that reading paused because our trust bundle had expired.
pub const PAUSES: &str = "coseal_pauses_total";
/// Gauge: seconds until the trust bundle expires; negative since it has.
pub const BUNDLE_EXPIRES: &str = "coseal_trust_bundle_expires_in_seconds";
/// Gauge: seconds until an own key is no longer valid, with the label `key`:
/// its key ID.
pub const KEY_EXPIRES: &str = "coseal_key_expires_in_seconds";

/// The span around the sealing of a batch.
pub const SEAL_SPAN: &str = "coseal.seal";
/// The span around the opening of a message.
pub const OPEN_SPAN: &str = "coseal.open";

/// Describes the metrics to the recorder that is installed.
pub fn describe() {
    metrics::describe_counter!(SEALED, Unit::Count, "messages sealed");
    metrics::describe_counter!(NOT_SEALED, Unit::Count, "messages that could not be sealed");
    metrics::describe_histogram!(SEAL_SECONDS, Unit::Seconds, "time to seal a batch");
    metrics::describe_histogram!(BATCH_MESSAGES, Unit::Count, "messages in a batch");
    metrics::describe_counter!(OPENED, Unit::Count, "messages opened");
    metrics::describe_counter!(REDELIVERED, Unit::Count, "messages delivered again");
    metrics::describe_histogram!(OPEN_SECONDS, Unit::Seconds, "time to open a message");
    metrics::describe_counter!(REFUSED, Unit::Count, "messages refused for good");
    metrics::describe_counter!(DEAD_LETTERS, Unit::Count, "dead letters written");
    metrics::describe_counter!(PAUSES, Unit::Count, "pauses with an expired trust bundle");
    metrics::describe_gauge!(BUNDLE_EXPIRES, Unit::Seconds, "life left of the trust bundle");
    metrics::describe_gauge!(KEY_EXPIRES, Unit::Seconds, "life left of an own key");
}

/// Tells how long the bundle and the own keys still live. A key without an end,
/// or without a record, is not told.
pub fn tell_expiry(carrier: &'static str, now: Time, bundle: &TrustBundle, own: &[KeyId]) {
    metrics::gauge!(BUNDLE_EXPIRES, "carrier" => carrier).set(seconds(now, bundle.expires_at()));
    for key in own {
        if let Some(until) = bundle.record(key).and_then(|record| record.valid_until()) {
            metrics::gauge!(KEY_EXPIRES, "carrier" => carrier, "key" => key.to_string())
                .set(seconds(now, until));
        }
    }
}

fn seconds(now: Time, then: Time) -> f64 {
    then.since(now).as_secs_f64() - now.since(then).as_secs_f64()
}

pub(crate) fn open_span(carrier: &'static str) -> Span {
    tracing::debug_span!(
        OPEN_SPAN,
        carrier,
        message_id = Empty,
        signer = Empty,
        channel = Empty,
        redelivered = Empty,
        traceparent = Empty,
        code = Empty,
        kind = Empty,
    )
}

pub(crate) fn record_opened(span: &Span, opened: &Opened<'_>) {
    if span.is_disabled() {
        return;
    }
    span.record("message_id", display(opened.id()));
    span.record("signer", opened.signer());
    span.record("channel", opened.channel());
    span.record("redelivered", opened.redelivered());
    if let Some(parent) = Traceparent::of(opened.verified()) {
        span.record("traceparent", parent.as_str());
    }
}

pub(crate) fn record_refused(span: &Span, error: &Error) {
    span.record("code", error.code());
    span.record("kind", error.kind());
}

pub(crate) fn seal_span(carrier: &'static str, messages: usize) -> Span {
    tracing::debug_span!(SEAL_SPAN, carrier, messages)
}

/// What an inbox counts. The recorder is asked for them once.
pub(crate) struct InboxMeters {
    carrier: &'static str,
    opened: Counter,
    redelivered: Counter,
    open_seconds: Histogram,
    dead_letters: Counter,
    pauses: Counter,
}

impl InboxMeters {
    pub(crate) fn new(carrier: &'static str) -> Self {
        Self {
            carrier,
            opened: metrics::counter!(OPENED, "carrier" => carrier),
            redelivered: metrics::counter!(REDELIVERED, "carrier" => carrier),
            open_seconds: metrics::histogram!(OPEN_SECONDS, "carrier" => carrier),
            dead_letters: metrics::counter!(DEAD_LETTERS, "carrier" => carrier),
            pauses: metrics::counter!(PAUSES, "carrier" => carrier),
        }
    }

    pub(crate) fn opened(&self, took: Duration, redelivered: bool) {
        self.opened.increment(1);
        self.redelivered.increment(redelivered.into());
        self.open_seconds.record(took);
    }

    pub(crate) fn refused(&self, error: &Error) {
        let (code, kind) = (error.code(), error.kind().unwrap_or_default());
        metrics::counter!(REFUSED, "carrier" => self.carrier, "code" => code, "kind" => kind)
            .increment(1);
        tracing::debug!(carrier = self.carrier, code, kind, "a message was refused");
    }

    pub(crate) fn dead_lettered(&self) {
        self.dead_letters.increment(1);
    }

    /// Loud: nothing goes on until somebody does something.
    pub(crate) fn paused(&self, error: &Error) {
        self.pauses.increment(1);
        tracing::error!(carrier = self.carrier, code = error.code(), "reading pauses: {error}");
    }
}

/// What a batcher counts.
pub(crate) struct BatchMeters {
    carrier: &'static str,
    sealed: Counter,
    seconds: Histogram,
    messages: Histogram,
}

impl BatchMeters {
    pub(crate) fn new(carrier: &'static str) -> Self {
        Self {
            carrier,
            sealed: metrics::counter!(SEALED, "carrier" => carrier),
            seconds: metrics::histogram!(SEAL_SECONDS, "carrier" => carrier),
            messages: metrics::histogram!(BATCH_MESSAGES, "carrier" => carrier),
        }
    }

    pub(crate) fn sealed(&self, took: Duration, messages: usize) {
        self.sealed.increment(messages as u64);
        self.seconds.record(took);
        // No batch has more than 65,536.
        self.messages.record(u32::try_from(messages).unwrap_or(u32::MAX));
    }

    pub(crate) fn failed(&self, error: &Error) {
        metrics::counter!(NOT_SEALED, "carrier" => self.carrier, "code" => error.code())
            .increment(1);
        tracing::warn!(carrier = self.carrier, code = error.code(), "not sealed: {error}");
    }
}
