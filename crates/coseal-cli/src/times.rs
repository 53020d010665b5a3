//! RFC 3339 and durations like `90d` ⇄ the library's times.

use std::time::Duration;

use coseal::Time;
use jiff::{Span, SpanRelativeTo, Timestamp};

/// A point in time, as RFC 3339.
pub(crate) fn parse(text: &str) -> Result<Time, String> {
    let timestamp: Timestamp = text.parse().map_err(|_| "write it as 2026-01-31T12:00:00Z")?;
    let millis = u64::try_from(timestamp.as_millisecond()).map_err(|_| "times begin in 1970")?;
    Ok(Time::from_millis(millis))
}

/// A duration such as `90d`, `10m` or `1h30m`; a day is 24 hours.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let span: Span = text.parse().map_err(|_| "write it as 90d, 12h, 10m or 30s")?;
    let duration = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| "use weeks, days and smaller units")?;
    match Duration::try_from(duration) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("it must be longer than nothing".to_owned()),
    }
}

/// As RFC 3339, in UTC; milliseconds only where there are some.
pub(crate) fn format(time: Time) -> String {
    let millis = time.as_millis();
    match i64::try_from(millis).ok().and_then(|millis| Timestamp::from_millisecond(millis).ok()) {
        Some(timestamp) if millis.is_multiple_of(1000) => timestamp.to_string(),
        Some(timestamp) => format!("{timestamp:.3}"),
        // Bundles and headers may hold times beyond the year 9999.
        None => format!("{} s after 1970", time.as_secs()),
    }
}

/// The same for rows of millions: neighbours were often sealed in the same
/// millisecond.
#[derive(Debug, Default)]
pub(crate) struct Repeated {
    last: Option<(Time, String)>,
}

impl Repeated {
    /// The same text.
    pub(crate) fn format(&mut self, time: Time) -> &str {
        if self.last.as_ref().is_none_or(|(last, _)| *last != time) {
            self.last = None;
        }
        &self.last.get_or_insert_with(|| (time, format(time))).1
    }
}

/// A duration in its two largest units: `364d 23h`.
pub(crate) fn format_duration(duration: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let mut left = duration.as_secs();
    let mut parts = Vec::new();
    for (seconds, unit) in UNITS {
        let count = left / seconds;
        left %= seconds;
        if count > 0 {
            parts.push(format!("{count}{unit}"));
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        let time = parse("2026-01-31T12:00:00+01:00").unwrap();
        assert_eq!(time, Time::from_secs(1_769_857_200));
        assert_eq!(format(time), "2026-01-31T11:00:00Z");
        assert_eq!(format(Time::from_millis(1_769_857_200_120)), "2026-01-31T11:00:00.120Z");
        for wrong in [
            "",
            "yesterday",
            "2026-01-31",
            "2026-01-31T12:00:00",
            "1769857200",
            "1960-01-01T00:00:00Z",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(format(Time::from_millis(u64::MAX)), "18446744073709551 s after 1970");
    }

    #[test]
    fn a_repeated_time_is_the_one_asked_for() {
        let mut repeated = Repeated::default();
        for millis in [5, 5, 6, 5, 1000] {
            let time = Time::from_millis(millis);
            assert_eq!(repeated.format(time), format(time));
        }
    }

    #[test]
    fn durations_are_short() {
        for (text, seconds) in [
            ("90d", 7_776_000),
            ("365d", 31_536_000),
            ("10m", 600),
            ("1h30m", 5400),
            ("2w", 1_209_600),
            ("30s", 30),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        for wrong in ["", "0s", "-1d", "1y", "3 fortnights", "90"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_are_told_in_two_units() {
        for (seconds, text) in
            [(0, "0s"), (59, "59s"), (3600, "1h"), (86_399, "23h 59m"), (31_535_999, "364d 23h")]
        {
            assert_eq!(format_duration(Duration::from_secs(seconds)), text);
        }
    }
}
