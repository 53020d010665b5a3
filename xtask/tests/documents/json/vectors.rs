//! `vector.schema.json` against the vectors: it takes them all, and none that
//! was broken at one place.

use std::collections::BTreeSet;

use coseal_testkit::case::CODES;
use coseal_testkit::walk;
use serde_json::{Value, json};

use super::mutate::{BELOW_I64, Members, TWO_53, TWO_63, TWO_64};
use super::{accepted, codes_and_kinds, contradiction, faults, schema, with};
use crate::command::read_json;

const SCHEMA: &str = "schemas/vector.schema.json";

const MEMBERS: Members = Members {
    nullable: &[
        "age_ms",
        "at_ms",
        "channel",
        "claimed_time",
        "compromised_since",
        "content_type",
        "domain",
        "expires_at",
        "facts",
        "intermediate",
        "max_age_ms",
        "max_len",
        "open",
        "payload_hex",
        "position",
        "previous",
        "reported",
        "revocation",
        "signer",
        "valid_until",
        "verify",
        "window_ms",
    ],
    text: &[
        "channel",
        "channels[]",
        "comment",
        "content_type",
        "domain",
        "log",
        "rule",
        "signer",
        "subject",
        "text",
    ],
    maps: &[("headers", 32)],
    scalars: &[],
    integers: &[
        ("age_ms", -1.0, Some(TWO_64)),
        ("at_ms", -1.0, Some(TWO_64)),
        ("compromised_since", -1.0, Some(TWO_53)),
        ("expires_at", -1.0, Some(TWO_53)),
        ("int", BELOW_I64, Some(TWO_63)),
        ("issued_at", -1.0, Some(TWO_53)),
        ("label", -65_664.0, Some(-65_599.0)),
        ("max_age_ms", -1.0, Some(TWO_64)),
        ("max_len", -1.0, None),
        ("messages", -1.0, Some(TWO_63)),
        ("now_ms", -1.0, Some(TWO_64)),
        ("offset", -1.0, Some(TWO_64)),
        ("revoked_at", -1.0, Some(TWO_53)),
        ("sealed_at_ms", -1.0, Some(281_474_976_710_656.0)),
        // Of an envelope to 2^64 - 1, of a bundle to 2^63 - 1.
        ("sequence", -1.0, Some(TWO_64)),
        ("skew_ms", -1.0, Some(TWO_64)),
        ("skipped", -1.0, None),
        ("times", -1.0, None),
        ("valid_from", -1.0, Some(TWO_53)),
        ("valid_until", -1.0, Some(TWO_53)),
        ("window_ms", -1.0, Some(TWO_64)),
    ],
    longest: &[("channels", 256), ("extensions", 64), ("other_receipts", 3)],
    long_hex: &[
        "bundle_hex",
        "bytes_hex",
        "earlier_hex[]",
        "enc_structure_hex",
        "envelope_hex",
        "hex",
        "id_hex",
        "payload_hex",
        "protected_hex",
        "sig_structure_hex",
        "statement_hex",
        "value_hex",
    ],
};

fn vectors() -> Vec<(String, Value)> {
    let paths = walk::json_files(&walk::cases()).unwrap();
    assert!(!paths.is_empty());
    paths.iter().map(|path| (path.display().to_string(), read_json(path))).collect()
}

#[test]
fn every_vector_matches_its_schema() {
    let schema = schema(SCHEMA);
    let mut wrong = Vec::new();
    for (path, vector) in vectors() {
        wrong.extend(faults(&schema, &vector).into_iter().map(|e| format!("{path}: {e}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_vector_broken_at_any_place_does_not_match() {
    let schema = schema(SCHEMA);
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for (_, vector) in vectors() {
        // The two kinds have members of the same name.
        let kind = vector["kind"].as_str().unwrap();
        wrong.extend(accepted(&schema, MEMBERS.broken(&vector, kind, &mut seen)));
    }
    assert!(seen.len() > 100, "only {} places", seen.len());
    assert!(wrong.is_empty(), "{SCHEMA} accepts\n{}", wrong.join("\n"));
}

/// The first vector of which this holds.
fn one(what: impl Fn(&Value) -> bool) -> Value {
    vectors().into_iter().map(|(_, vector)| vector).find(what).unwrap()
}

#[test]
fn a_vector_that_contradicts_itself_does_not_match() {
    let schema = schema(SCHEMA);
    let sound = one(|v| v["verify"]["expect"] == "ok" && v["open"]["expect"] == "ok");
    let refused = one(|v| v["verify"]["expect"] == "malformed/cbor");
    let bundle = one(|v| v["kind"] == "trust_bundle" && v["expect"] == "ok");
    let other_bundle = one(|v| v["kind"] == "trust_bundle" && v["expect"] == "malformed/cbor");
    assert_eq!(sound["open"]["mode"], "live");
    let told = |field: &str| sound[field].clone();

    let archive =
        with(&sound, &[("/open/mode", json!("archive")), ("/open/window_ms", json!(null))]);
    assert!(schema.is_valid(&archive));
    let wrong = accepted(
        &schema,
        [
            contradiction(&sound, &[("/reported", json!(null))]),
            contradiction(&sound, &[("/intermediate", json!(null))]),
            contradiction(&sound, &[("/verify", json!(null))]),
            contradiction(
                &sound,
                &[("/verify/at_ms", json!(null)), ("/verify/max_age_ms", json!(1))],
            ),
            contradiction(&sound, &[("/verify/claimed_time", json!("before"))]),
            contradiction(&sound, &[("/open/mode", json!("archive"))]),
            contradiction(&sound, &[("/open/channel", json!(null))]),
            contradiction(&sound, &[("/open/window_ms", json!(null))]),
            contradiction(&sound, &[("/open/payload_hex", json!(null))]),
            contradiction(&archive, &[("/open/window_ms", json!(1))]),
            contradiction(&refused, &[("/reported", told("reported"))]),
            contradiction(&refused, &[("/intermediate", told("intermediate"))]),
            contradiction(&refused, &[("/open/payload_hex", json!(""))]),
            contradiction(&refused, &[("/open/redelivered", json!(true))]),
            contradiction(&bundle, &[("/reported", json!(null))]),
            contradiction(&bundle, &[("/reported/sequence", json!(TWO_63))]),
            contradiction(&other_bundle, &[("/reported", bundle["reported"].clone())]),
        ],
    );
    assert!(wrong.is_empty(), "{SCHEMA} accepts\n{}", wrong.join("\n"));
}

#[test]
fn results_are_the_codes_with_their_own_kinds() {
    let schema = schema(SCHEMA);
    let refused = one(|v| v["verify"]["expect"] == "malformed/cbor");
    let takes =
        |expect: String| schema.is_valid(&with(&refused, &[("/open/expect", json!(expect))]));
    for (code, kind, belongs) in codes_and_kinds() {
        if let Some(kind) = kind {
            assert_eq!(takes(format!("{code}/{kind}")), belongs, "{code}/{kind}");
        }
    }
    for (code, _) in CODES {
        // A code alone: either of its kinds.
        assert!(takes((*code).to_owned()), "{code}");
        assert!(
            !takes(format!("{code}/")) && !takes(format!("{code}s")) && !takes(format!("/{code}"))
        );
    }
}
