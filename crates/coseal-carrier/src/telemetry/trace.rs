//! Trace context (W3C): where a message is part of a larger whole. It travels
//! as a signed header, so nobody can hang a message into another's trace.

use std::fmt;
use std::str::FromStr;

use coseal::{Error, HeaderValue, Verified};

use crate::headers;

/// The value of a `traceparent` header, of version 00: trace ID, parent ID and
/// flags in lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Traceparent([u8; LENGTH]);

const LENGTH: usize = 55;

impl Traceparent {
    /// What a message says, where it says anything of this form.
    #[must_use]
    pub fn of(verified: &Verified<'_>) -> Option<Self> {
        let HeaderValue::Text(text) = headers::find(verified, headers::TRACEPARENT)? else {
            return None;
        };
        text.parse().ok()
    }

    /// As it stands in the header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // ASCII, as it was parsed.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The trace: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        self.as_str().get(3..35).unwrap_or_default()
    }

    /// The span that sent the message: 16 hexadecimal digits.
    #[must_use]
    pub fn parent_id(&self) -> &str {
        self.as_str().get(36..52).unwrap_or_default()
    }
}

impl FromStr for Traceparent {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed = || Error::Misuse("a traceparent is 00-(32 digits)-(16)-(2)".into());
        let bytes: [u8; LENGTH] = text.as_bytes().try_into().map_err(|_| malformed())?;
        let mut parts = text.split('-');
        let mut digits = |count: usize| {
            let part = parts.next()?;
            let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            (part.len() == count && part.bytes().all(hex)).then_some(part)
        };
        let version = digits(2).filter(|version| *version == "00");
        let zero = |part: &str| part.bytes().all(|byte| byte == b'0');
        let ids = [digits(32), digits(16)];
        let named = ids.iter().all(|id| id.is_some_and(|id| !zero(id)));
        if version.is_none() || !named || digits(2).is_none() || parts.next().is_some() {
            return Err(malformed());
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Traceparent;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn only_what_the_recommendation_says_is_taken() {
        let parent: Traceparent = GOOD.parse().expect("good");
        assert_eq!(parent.to_string(), GOOD);
        assert_eq!(parent.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(parent.parent_id(), "b7ad6b7169203331");
        for (from, to) in [
            ("00-", "01-"),
            ("0af7", "0Af7"),
            ("-01", "-0"),
            ("-01", "-01-"),
            ("b7ad6b7169203331", "0000000000000000"),
            ("0af7651916cd43dd8448eb211c80319c", "00000000000000000000000000000000"),
            ("c-b", "cb-"),
            ("9c-", "ä-"),
        ] {
            let bad = GOOD.replacen(from, to, 1);
            assert!(bad != GOOD && bad.parse::<Traceparent>().is_err(), "{bad}");
        }
    }
}
