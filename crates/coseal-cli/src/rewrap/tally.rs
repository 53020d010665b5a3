//! How many envelopes came to what. It outlives an interruption: the job's state
//! holds it.

use std::collections::BTreeMap;

use coseal::Rewrapped;
use serde::{Deserialize, Serialize};

use crate::failure::Exit;
use crate::report;

/// How many of what, up to the envelope that comes next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tally {
    /// The envelope that comes next, counted from 0.
    pub next: u64,
    rewrapped: u64,
    unchanged: u64,
    /// Envelopes of which a recipient was to be taken out that was none.
    absent: u64,
    /// Refusals by code.
    refused: BTreeMap<String, u64>,
}

impl Tally {
    /// An envelope was re-wrapped, or is as it was.
    pub(super) fn count(&mut self, counts: &Rewrapped) {
        if counts.is_unchanged() {
            self.unchanged += 1;
        } else {
            self.rewrapped += 1;
        }
        self.absent += u64::from(counts.absent > 0);
    }

    /// Something was refused.
    pub(super) fn refuse(&mut self, code: &str) {
        *self.refused.entry(code.to_owned()).or_default() += 1;
    }

    /// Whether something was refused with this code.
    pub(super) fn has_refused(&self, code: &str) -> bool {
        self.refused.contains_key(code)
    }

    /// Adds what was found in a later part.
    pub(super) fn add(&mut self, other: &Self) {
        self.rewrapped += other.rewrapped;
        self.unchanged += other.unchanged;
        self.absent += other.absent;
        for (code, count) in &other.refused {
            *self.refused.entry(code.clone()).or_default() += count;
        }
    }

    /// How the command ends.
    pub(super) fn exit(&self) -> Exit {
        if self.refused.is_empty() { Exit::Fine } else { Exit::Refused }
    }

    /// Says on standard error what it came to.
    pub(super) fn tell(&self) {
        let refused: u64 = self.refused.values().sum();
        if self.rewrapped + self.unchanged + refused == 0 {
            return report::warning("there was no envelope in the input");
        }
        let mut text = format!(
            "{} re-wrapped, {} unchanged, {refused} refused",
            self.rewrapped, self.unchanged
        );
        if refused > 0 {
            let by_code: Vec<String> =
                self.refused.iter().map(|(code, count)| format!("{code} {count}")).collect();
            text.push_str(&format!(" and copied as they were ({})", by_code.join(", ")));
        }
        report::note(&text);
        if self.absent > 0 {
            report::note(&format!(
                "of {} envelopes a recipient was to be taken out that was none",
                self.absent
            ));
        }
    }
}
