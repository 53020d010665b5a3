//! Where a stream holds a message, as the server says in the subject on which
//! it wants to be answered; and which subjects a pattern covers.

/// What stands in an acknowledgement subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    /// How often this message was delivered, this time included.
    pub(crate) deliveries: u64,
    /// Its place in the stream.
    pub(crate) sequence: u64,
    /// Its place in what the consumer was sent.
    pub(crate) consumer_sequence: u64,
    /// When the stream took it, in nanoseconds.
    pub(crate) stored_at: i128,
    /// What the consumer has yet to be sent.
    pub(crate) pending: u64,
}

impl Spot {
    /// `$JS.ACK.<stream>.<consumer>.<5 numbers>`, or the same with a domain and
    /// an account in front of the stream and whatever behind (ADR-15).
    pub(crate) fn of(reply: &str) -> Option<Self> {
        let tokens: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
        let numbers = if tokens.len() == 7 { tokens.get(2..7)? } else { tokens.get(4..9)? };
        let [deliveries, sequence, consumer_sequence, stored_at, pending] = numbers else {
            return None;
        };
        Some(Self {
            deliveries: deliveries.parse().ok()?,
            sequence: sequence.parse().ok()?,
            consumer_sequence: consumer_sequence.parse().ok()?,
            stored_at: stored_at.parse().ok()?,
            pending: pending.parse().ok()?,
        })
    }
}

/// Whether one of these patterns covers a subject; none of them covers any.
pub(crate) fn covers<P: AsRef<str>>(patterns: &[P], subject: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| covers_one(pattern.as_ref(), subject))
}

fn covers_one(pattern: &str, subject: &str) -> bool {
    let mut tokens = subject.split('.');
    let mut wanted = pattern.split('.').peekable();
    while let Some(want) = wanted.next() {
        if want == ">" && wanted.peek().is_none() {
            return tokens.next().is_some();
        }
        match tokens.next() {
            Some(token) if want == "*" || want == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_subject_says_where() {
        let spot = Spot {
            deliveries: 2,
            sequence: 31,
            consumer_sequence: 7,
            stored_at: 1_700_000_000_123_456_789,
            pending: 4,
        };
        let numbers = "2.31.7.1700000000123456789.4";
        for reply in [
            format!("$JS.ACK.S.c.{numbers}"),
            format!("$JS.ACK._.hash.S.c.{numbers}"),
            format!("$JS.ACK.hub.hash.S.c.{numbers}.token"),
        ] {
            assert_eq!(Spot::of(&reply), Some(spot), "{reply}");
        }
        for reply in [
            "",
            "_INBOX.a",
            "$JS.ACK.",
            "$JS.ACK.S.c.2.31.7.1.x",
            "$JS.ACK.S.c.-2.31.7.1.4",
            "$JS.ACK.S.c.2.31.7.1",
            "$JS.ACK.S.c.2.31.7.1.4.5",
        ] {
            assert_eq!(Spot::of(reply), None, "{reply}");
        }
    }

    #[test]
    fn patterns_cover_as_the_server_says() {
        for (pattern, subject, covered) in [
            ("a.b", "a.b", true),
            ("a.b", "a.b.c", false),
            ("a.b.c", "a.b", false),
            ("a.*", "a.b", true),
            ("a.*", "a", false),
            ("a.*", "a.b.c", false),
            ("*.b", "a.b", true),
            ("a.>", "a.b.c", true),
            ("a.>", "a", false),
            (">", "a", true),
            ("a.>.b", "a.>.b", true),
            ("a.>.b", "a.c.b", false),
        ] {
            assert_eq!(covers(&[pattern], subject), covered, "{pattern} {subject}");
        }
        assert!(covers::<&str>(&[], "a"));
        assert!(covers(&["x", "a.*"], "a.b"));
    }
}
