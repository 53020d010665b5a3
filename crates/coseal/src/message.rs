//! What is to be sealed: a payload, and what is said about it in the open.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::clock::Time;
use crate::error::{Error, Result};
use crate::header::{HeaderValue, check_application_header, write_value};
use crate::limits;
use crate::wire::write::{Items, Sink, shortest};

/// A message to be sealed. Everything but the payload is readable by anyone;
/// all of it is signed.
///
/// ```
/// # use coseal::Message;
/// # use core::time::Duration;
/// let message = Message::new(b"{}")
///     .content_type("application/json")
///     .header("tenant", "a")
///     .expires_in(Duration::from_secs(3600));
/// ```
#[derive(Clone, Default)]
pub struct Message<'a> {
    payload: &'a [u8],
    content_type: Option<&'a str>,
    headers: Vec<(&'a str, HeaderValue<'a>)>,
    /// A carrier speaks, too: it may use the reserved names.
    carried: bool,
    expiry: Option<Expiry>,
}

#[derive(Debug, Clone, Copy)]
enum Expiry {
    At(Time),
    In(Duration),
}

impl<'a> Message<'a> {
    /// A message without content type, headers and expiry.
    #[must_use]
    pub const fn new(payload: &'a [u8]) -> Self {
        Self { payload, content_type: None, headers: Vec::new(), carried: false, expiry: None }
    }

    /// The payload's media type, 1..255 bytes.
    #[must_use]
    pub const fn content_type(mut self, content_type: &'a str) -> Self {
        self.content_type = Some(content_type);
        self
    }

    /// An application header: a name of 1..64 bytes, a value of at most 4096;
    /// at most 32 of them, each name once. Names that begin with `coseal.` are
    /// reserved for this project's carriers.
    #[must_use]
    pub fn header(mut self, name: &'a str, value: impl Into<HeaderValue<'a>>) -> Self {
        // Deterministic order: bytewise by encoding, so shorter names first.
        let at =
            self.headers.partition_point(|(other, _)| (other.len(), *other) <= (name.len(), name));
        self.headers.insert(at, (name, value.into()));
        self
    }

    /// A header of a carrier, under a name that begins with `coseal.`. For this
    /// project's carriers: applications that write such names say things about
    /// themselves that a carrier would believe.
    #[must_use]
    pub fn carrier_header(mut self, name: &'a str, value: impl Into<HeaderValue<'a>>) -> Self {
        self.carried = true;
        self.header(name, value)
    }

    /// Expires this long after it is sealed (whole seconds, rounded up).
    #[must_use]
    pub const fn expires_in(mut self, duration: Duration) -> Self {
        self.expiry = Some(Expiry::In(duration));
        self
    }

    /// Expires at this time (whole seconds).
    #[must_use]
    pub const fn expires_at(mut self, time: Time) -> Self {
        self.expiry = Some(Expiry::At(time));
        self
    }

    /// The payload.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    pub(crate) const fn media_type(&self) -> Option<&'a str> {
        self.content_type
    }

    pub(crate) const fn has_headers(&self) -> bool {
        !self.headers.is_empty()
    }

    /// Checks the rules of the format; `misuse` where one is broken.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(content_type) = self.content_type
            && !(1..=limits::CONTENT_TYPE).contains(&content_type.len())
        {
            return Err(Error::misuse("a content type is 1..255 bytes long"));
        }
        if self.headers.len() > limits::HEADERS {
            return Err(Error::misuse("a message has at most 32 headers"));
        }
        for (name, value) in &self.headers {
            check_application_header(name, value).map_err(Error::misuse)?;
            if name.starts_with("coseal.") && !self.carried {
                let detail = alloc::format!("the header name {name:?} is reserved for carriers");
                return Err(Error::misuse(detail));
            }
        }
        let doubled = self.headers.windows(2).find_map(|pair| match pair {
            [(one, _), (two, _)] if one == two => Some(*one),
            _ => None,
        });
        if let Some(name) = doubled {
            return Err(Error::misuse(alloc::format!("header {name:?} is given twice")));
        }
        Ok(())
    }

    /// The expiry in seconds, if sealed at `now`.
    pub(crate) fn expiry(&self, now: Time) -> Result<Option<u64>> {
        let Some(expiry) = self.expiry else {
            return Ok(None);
        };
        let time = match expiry {
            Expiry::At(time) => time,
            Expiry::In(duration) => now.plus(duration).plus(Duration::from_millis(999)),
        };
        match time.as_secs() {
            secs if secs <= limits::TIME => Ok(Some(secs)),
            _ => Err(Error::misuse("the expiry lies beyond 2^53 seconds")),
        }
    }

    /// Appends the map of application headers.
    pub(crate) fn write_headers(&self, out: &mut impl Items) {
        out.map(self.headers.len());
        for (name, value) in &self.headers {
            out.text(name);
            write_value(out, value);
        }
    }

    /// Bytes that [`Self::write_headers`] writes.
    pub(crate) fn headers_len(&self) -> usize {
        let mut count = Count(0);
        self.write_headers(&mut count);
        count.0
    }
}

impl fmt::Debug for Message<'_> {
    /// Everything but the payload, of which only the length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("payload_len", &self.payload.len())
            .field("content_type", &self.content_type)
            .field("headers", &self.headers)
            .field("expiry", &self.expiry)
            .finish()
    }
}

/// Counts bytes instead of keeping them.
struct Count(usize);

impl Sink for Count {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

impl<'a> From<&'a [u8]> for Message<'a> {
    fn from(payload: &'a [u8]) -> Self {
        Self::new(payload)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Message<'a> {
    fn from(payload: &'a [u8; N]) -> Self {
        Self::new(payload)
    }
}

impl<'a> From<&'a Vec<u8>> for Message<'a> {
    fn from(payload: &'a Vec<u8>) -> Self {
        Self::new(payload)
    }
}

impl<'a> From<&'a str> for Message<'a> {
    fn from(payload: &'a str) -> Self {
        Self::new(payload.as_bytes())
    }
}

impl<'a> From<&Message<'a>> for Message<'a> {
    fn from(message: &Message<'a>) -> Self {
        message.clone()
    }
}

/// Bytes of a text or byte string of this length, with its head.
pub(crate) const fn string_len(length: usize) -> usize {
    shortest(length as u64) + length
}
