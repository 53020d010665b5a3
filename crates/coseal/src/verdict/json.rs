//! A verdict as an object: every member always there, null where nothing is
//! known. `schemas/verdict.schema.json` describes it.

use alloc::string::{String, ToString};
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use super::{Findings, OwnedValue, Verdict, VerdictBundle, VerdictSigner};
use crate::authorize::{ClaimedTime, Facts};
use crate::clock::Time;
use crate::header::Previous;
use crate::receipt::OtherReceipt;
use crate::suite::Suite;

impl Serialize for Time {
    /// As it is displayed: RFC 3339.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let findings = self.findings.as_ref();
        let mut out = serializer.serialize_struct("Verdict", 19)?;
        out.serialize_field("verdict", if self.is_valid() { "valid" } else { "refused" })?;
        out.serialize_field("code", &self.error.as_ref().map(|error| error.code()))?;
        out.serialize_field("kind", &self.error.as_ref().and_then(|error| error.kind()))?;
        out.serialize_field("detail", &self.error.as_ref().map(ToString::to_string))?;
        out.serialize_field("signer", &findings.map(|p| &p.signer))?;
        out.serialize_field("channel", &findings.map(|p| &p.channel))?;
        out.serialize_field("message_id", &findings.map(|p| p.message_id.to_string()))?;
        out.serialize_field("sealed_at", &findings.map(|p| p.sealed_at))?;
        out.serialize_field("sequence", &findings.map(|p| p.sequence))?;
        out.serialize_field("epoch", &findings.map(|p| p.epoch.to_string()))?;
        out.serialize_field("previous", &findings.and_then(|p| p.previous))?;
        out.serialize_field("suite", &findings.and_then(|p| p.suite).map(Suite::as_str))?;
        out.serialize_field("content_type", &findings.and_then(|p| p.content_type.as_ref()))?;
        out.serialize_field("headers", &findings.map(Headers))?;
        out.serialize_field("extensions", &findings.map(Extensions))?;
        out.serialize_field("expires_at", &findings.and_then(|p| p.expires_at))?;
        out.serialize_field("other_receipts", &findings.map(|p| &p.other_receipts))?;
        let claimed = findings.and_then(|p| p.claimed_time).map(ClaimedTime::as_str);
        out.serialize_field("claimed_time", &claimed)?;
        out.serialize_field("bundle", &findings.map(|p| &p.bundle))?;
        out.end()
    }
}

impl Serialize for VerdictSigner {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Signer", 2)?;
        out.serialize_field("key_id", &self.key_id.to_string())?;
        out.serialize_field("subject", &self.subject)?;
        out.end()
    }
}

impl Serialize for VerdictBundle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Bundle", 3)?;
        out.serialize_field("domain", &self.domain)?;
        out.serialize_field("sequence", &self.sequence)?;
        out.serialize_field("expires_at", &self.expires_at)?;
        out.end()
    }
}

impl Serialize for Previous {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Previous", 2)?;
        out.serialize_field("epoch", &self.epoch.to_string())?;
        out.serialize_field("messages", &self.messages)?;
        out.end()
    }
}

impl Serialize for OtherReceipt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (status, key_id, subject) = match self {
            Self::Trusted { key_id, subject } => ("trusted", Some(key_id), Some(subject)),
            Self::Unknown => ("unknown", None, None),
            Self::Invalid { key_id } => ("invalid", Some(key_id), None),
        };
        let mut out = serializer.serialize_struct("OtherReceipt", 3)?;
        out.serialize_field("status", status)?;
        out.serialize_field("key_id", &key_id.map(ToString::to_string))?;
        out.serialize_field("subject", &subject)?;
        out.end()
    }
}

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Facts", 4)?;
        out.serialize_field("bundle_expired", &self.bundle_expired)?;
        out.serialize_field("expired", &self.expired)?;
        out.serialize_field("from_the_future", &self.from_the_future)?;
        out.serialize_field("age_seconds", &self.age.map(|age| age.as_secs()))?;
        out.end()
    }
}

/// Application headers as an object.
struct Headers<'a>(&'a Findings);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(Some(self.0.headers.len()))?;
        for (name, value) in &self.0.headers {
            out.serialize_entry(name, value)?;
        }
        out.end()
    }
}

impl Serialize for OwnedValue {
    /// Bytes become `{"hex": "…"}`, so that they are not taken for text.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Int(int) => serializer.serialize_i64(*int),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Bytes(bytes) => {
                let mut out = serializer.serialize_map(Some(1))?;
                out.serialize_entry("hex", &hex::encode(bytes))?;
                out.end()
            }
        }
    }
}

/// Extensions as an object: label to encoded value in hexadecimal.
struct Extensions<'a>(&'a Findings);

impl Serialize for Extensions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(Some(self.0.extensions.len()))?;
        for (label, value) in &self.0.extensions {
            let label: String = label.to_string();
            out.serialize_entry(&label, &hex::encode(value))?;
        }
        out.end()
    }
}
