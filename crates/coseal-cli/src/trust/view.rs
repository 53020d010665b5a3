//! A trust bundle, verified or not → what is shown of it.

use coseal::{KeyRecord, Time, TrustBundle, Usage};
use serde::Serialize;

use super::SKEW;

/// A trust bundle as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    /// Whether a pinned root signed it. If not, everything else is hearsay.
    pub verified: bool,
    pub domain: String,
    pub sequence: u64,
    pub issued_at: Time,
    pub expires_at: Time,
    pub expired: bool,
    /// Seconds until then; 0 from then on.
    pub expires_in: u64,
    /// Key IDs.
    pub root: String,
    pub next_roots: Vec<String>,
    pub records: Vec<Record>,
    pub skipped: Vec<Skipped>,
}

/// A key as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    pub key_id: String,
    pub thumbprint: String,
    #[serde(rename = "use")]
    pub usage: &'static str,
    pub status: &'static str,
    pub subject: String,
    pub channels: Vec<String>,
    pub valid_from: Time,
    pub valid_until: Option<Time>,
    pub revocation: Option<Revoked>,
}

/// A revocation as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct Revoked {
    pub revoked_at: Time,
    pub reason: &'static str,
    pub compromised_since: Option<Time>,
}

/// A record that this version does not understand.
#[derive(Debug, Serialize)]
pub(crate) struct Skipped {
    pub index: usize,
    pub reason: String,
}

impl View {
    /// Of a bundle that a pinned root signed.
    pub(crate) fn of(bundle: &TrustBundle, now: Time) -> Self {
        let skipped = bundle.skipped().iter();
        Self {
            verified: true,
            domain: bundle.domain().to_owned(),
            sequence: bundle.sequence(),
            issued_at: bundle.issued_at(),
            expires_at: bundle.expires_at(),
            expired: bundle.is_expired(now, SKEW),
            expires_in: bundle.expires_at().since(now).as_secs(),
            root: bundle.root().key_id().to_string(),
            next_roots: bundle.next_roots().iter().map(|root| root.key_id().to_string()).collect(),
            records: bundle.records().iter().map(|record| Record::of(record, now)).collect(),
            skipped: skipped
                .map(|skipped| Skipped { index: skipped.index, reason: skipped.reason.to_owned() })
                .collect(),
        }
    }
}

impl Record {
    fn of(record: &KeyRecord, now: Time) -> Self {
        Self {
            key_id: record.key_id().to_string(),
            thumbprint: record.thumbprint().to_string(),
            usage: match record.usage() {
                Usage::Sign => "sign",
                Usage::Receive => "receive",
            },
            status: status(
                record.revocation().is_some(),
                record.valid_from(),
                record.valid_until(),
                now,
            ),
            subject: record.subject().to_owned(),
            channels: record.channels().iter().map(ToString::to_string).collect(),
            valid_from: record.valid_from(),
            valid_until: record.valid_until(),
            revocation: record.revocation().map(|revoked| Revoked {
                revoked_at: revoked.revoked_at,
                reason: revoked.reason.as_str(),
                compromised_since: revoked.compromised_since,
            }),
        }
    }
}

/// What a key is good for at `now`, in a word.
pub(crate) fn status(is_revoked: bool, from: Time, until: Option<Time>, now: Time) -> &'static str {
    if is_revoked {
        "revoked"
    } else if now < from {
        "not_yet_valid"
    } else if until.is_some_and(|until| now >= until) {
        "retired"
    } else {
        "valid"
    }
}
