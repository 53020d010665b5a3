//! How many envelopes came to what, and what is said about it in the end.

use std::collections::BTreeMap;
use std::time::Duration;

use coseal::Time;

use super::Place;
use crate::failure::Exit;
use crate::trust::SKEW;
use crate::{report, times};

/// From this age on it is told: what is younger surprises nobody.
const OLD: Duration = Duration::from_secs(86_400);

/// How many of what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Envelopes that were accepted.
    valid: u64,
    /// Those of them that a live reader would find expired by now.
    expired: u64,
    /// Those of them that claim to be sealed later than now.
    from_the_future: u64,
    /// The age of the oldest of them.
    oldest: Duration,
    /// Refusals by code.
    refused: BTreeMap<String, u64>,
    /// An input could not be read to its end.
    is_cut: bool,
    /// Nobody reads our output any more.
    is_closed: bool,
    /// Payloads that are more than one line, and where the first of them is.
    broken_lines: u64,
    first_broken_line: Option<String>,
}

impl Tally {
    /// An envelope was accepted. Counts what a live reader would have minded.
    pub(crate) fn accept(&mut self, sealed_at: Time, expires_at: Option<Time>, now: Time) {
        self.valid += 1;
        self.expired += u64::from(expires_at.is_some_and(|expiry| now >= expiry.plus(SKEW)));
        self.from_the_future += u64::from(sealed_at > now.plus(SKEW));
        self.oldest = self.oldest.max(now.since(sealed_at));
    }

    /// An envelope was shown, not judged.
    pub(crate) const fn show(&mut self) {
        self.valid += 1;
    }

    /// An envelope was refused: how many were with this code.
    pub(super) fn refuse(&mut self, code: &str) -> u64 {
        let count = self.refused.entry(code.to_owned()).or_default();
        *count += 1;
        *count
    }

    /// An input could not be read to its end.
    pub(super) const fn cut(&mut self) {
        self.is_cut = true;
    }

    /// Nobody reads our output any more: nothing needs to be said either.
    pub(super) const fn close(&mut self) {
        self.is_closed = true;
    }

    /// A payload has a line feed in it.
    pub(crate) fn break_line(&mut self, place: Place<'_>) {
        self.broken_lines += 1;
        self.first_broken_line.get_or_insert_with(|| place.in_words());
    }

    /// Whether an input could not be read to its end.
    pub(crate) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether somebody stopped reading our output before its end.
    pub(crate) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Whether anything was accepted.
    pub(crate) const fn accepted(&self) -> bool {
        self.valid > 0
    }

    /// How many envelopes were refused.
    pub(crate) fn refusals(&self) -> u64 {
        self.refused.values().sum()
    }

    /// How the command ends.
    pub(crate) fn exit(&self) -> Exit {
        match (self.is_cut, self.refusals()) {
            (true, _) => Exit::Unusable,
            (false, 0) => Exit::Fine,
            (false, _) => Exit::Refused,
        }
    }

    /// Adds what was found in a later part.
    pub(super) fn add(&mut self, other: &Self) {
        self.valid += other.valid;
        self.expired += other.expired;
        self.from_the_future += other.from_the_future;
        self.oldest = self.oldest.max(other.oldest);
        self.is_cut |= other.is_cut;
        self.broken_lines += other.broken_lines;
        if self.first_broken_line.is_none() {
            self.first_broken_line.clone_from(&other.first_broken_line);
        }
        for (code, count) in &other.refused {
            *self.refused.entry(code.clone()).or_default() += count;
        }
    }

    /// Says that there was nothing, where there was nothing.
    pub(crate) fn tell_nothing(&self) {
        if self.valid == 0 && self.refusals() == 0 && !self.is_cut && !self.is_closed {
            report::warning("there was no envelope in the input");
        }
    }

    /// Says on standard error what it came to, unless a single envelope speaks for itself.
    pub(crate) fn tell(&self) {
        if self.is_closed {
            return;
        }
        let refusals = self.refusals();
        self.tell_nothing();
        if self.valid + refusals > 1 {
            let mut text = format!("{} valid, {refusals} refused", self.valid);
            if refusals > 0 {
                let by_code: Vec<String> =
                    self.refused.iter().map(|(code, count)| format!("{code} {count}")).collect();
                text.push_str(&format!(" ({})", by_code.join(", ")));
            }
            report::note(&text);
        }
        self.tell_times();
        if let Some(first) = &self.first_broken_line {
            let what = if self.broken_lines == 1 {
                "1 payload contains".to_owned()
            } else {
                format!("{} payloads contain", self.broken_lines)
            };
            report::warning(&format!(
                "{what} a line feed, the first is {first}: lines and messages are not the same; --json keeps them apart"
            ));
        }
    }

    /// Says what a live reader would have minded.
    pub(crate) fn tell_times(&self) {
        let messages = |count| {
            if count == 1 {
                "1 valid message".to_owned()
            } else {
                format!("{count} valid messages")
            }
        };
        if self.expired > 0 {
            report::warning(&format!(
                "{} expired since: a live reader refuses that",
                messages(self.expired)
            ));
        }
        if self.oldest >= OLD {
            let age = times::format_duration(self.oldest);
            let which = if self.valid == 1 { "the message" } else { "the oldest valid message" };
            report::note(&format!(
                "{which} was sealed {age} ago: a live reader judges that by its window"
            ));
        }
        if self.from_the_future > 0 {
            report::warning(&format!(
                "{} later than now by this machine's clock: a live reader refuses that",
                messages(self.from_the_future)
            ));
        }
    }
}
