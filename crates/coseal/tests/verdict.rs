//! The verdict of every vector as an object: what it announces is what it
//! writes, in formats that need the count of members and in those that do not.
#![cfg(feature = "serde")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod cases;

use cases::trust;
use coseal::{Time, Verifier};
use coseal_testkit::case::{Case, EnvelopeCase};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// CBOR writes the count of members in front of them: too many announced, and
/// the end is missing; too few, and something is left over.
fn written(value: &impl serde::Serialize) -> Value {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    let mut rest = &bytes[..];
    let read: Value = ciborium::from_reader(&mut rest).expect("more was announced than written");
    assert!(rest.is_empty(), "more was written than announced");
    assert_eq!(read, serde_json::to_value(value).unwrap());
    read
}

fn judge(case: &EnvelopeCase) -> [Value; 2] {
    let now = Time::from_millis(case.trust.now_ms);
    let skew = Duration::from_millis(case.skew_ms);
    let verdict = Verifier::new(trust(case).unwrap()).judge(&case.envelope_hex.to_vec());
    [written(&verdict), written(&verdict.facts(now, skew))]
}

#[test]
fn an_object_has_the_members_that_it_announces() {
    let mut seen = BTreeSet::new();
    for case in coseal_testkit::walk(&coseal_testkit::walk::cases()).unwrap() {
        let (path, Case::Envelope(case)) = case.unwrap() else { continue };
        let [verdict, facts] = judge(&case);
        let told = path.display();
        let members = verdict.as_object().unwrap();
        assert_eq!(members.len(), 19, "{told}");
        assert_eq!(facts.is_null(), verdict["signer"].is_null(), "{told}");
        assert!(facts.is_null() || facts.as_object().unwrap().len() == 4, "{told}");
        // Which members said something, and what was said of later receipts.
        let said = members.iter().filter(|(_, value)| !value.is_null());
        seen.extend(said.map(|(name, _)| name.clone()));
        let receipts = verdict["other_receipts"].as_array().into_iter().flatten();
        seen.extend(receipts.map(|receipt| format!("receipt {}", receipt["status"])));
    }
    assert_eq!(seen.len(), 19 + 3, "not every member was seen: {seen:?}");
}
