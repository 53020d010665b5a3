//! The signed headers that this project's carriers write, each named once.
//! Their names begin with `coseal.`, which applications cannot use.

use coseal::{HeaderValue, Verified};

/// W3C trace context: the value of `traceparent`, as text.
pub const TRACEPARENT: &str = "coseal.traceparent";

/// The partition that the message was sealed for, as an integer.
pub const PARTITION: &str = "coseal.partition";

/// SHA-256 of the record key that the message was sealed for, as bytes.
pub const RECORD_KEY: &str = "coseal.record-key";

/// The message ID of the request that this is the reply to, as bytes.
pub const REQUEST: &str = "coseal.request";

/// The carrier's own message ID, where the caller chose one, as text.
pub const CARRIER_ID: &str = "coseal.carrier-id";

/// What the channel of a reply ends with, behind the channel of its request.
pub const REPLY_SUFFIX: &str = ".reply";

/// The value of a header that a carrier signed.
#[must_use]
pub fn find<'a>(verified: &Verified<'a>, name: &str) -> Option<HeaderValue<'a>> {
    verified.headers().find(|(found, _)| *found == name).map(|(_, value)| value)
}
