//! `verdict.schema.json` against the verdicts of all vectors: it takes them, and
//! none that was broken at one place.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use coseal::Time;
use coseal_testkit::case::{Case, EnvelopeCase, Verify};
use coseal_testkit::walk;
use serde_json::{Map, Value, json};

use crate::cases::trust;
use crate::verifier::verifier;

use super::mutate::{BELOW_I64, Members, TWO_63, TWO_64};
use super::{accepted, codes_and_kinds, contradiction, faults, schema, text, with};

const SCHEMA: &str = "schemas/verdict.schema.json";

/// What is told of an envelope once its receipt verified.
const HEADER: &[&str] = &[
    "channel",
    "message_id",
    "sealed_at",
    "sequence",
    "epoch",
    "previous",
    "suite",
    "content_type",
    "headers",
    "extensions",
    "expires_at",
    "other_receipts",
    "bundle",
    "facts",
];

const MEMBERS: Members = Members {
    nullable: &[
        "age_seconds",
        "claimed_time",
        "code",
        "content_type",
        "detail",
        "expires_at",
        "facts",
        "key_id",
        "kind",
        "previous",
        "subject",
        // All of these, or none: `a_verdict_that_contradicts_itself_does_not_match`.
        "bundle",
        "channel",
        "epoch",
        "extensions",
        "headers",
        "message_id",
        "other_receipts",
        "sealed_at",
        "sequence",
        "signer",
        "suite",
    ],
    text: &["channel", "content_type", "detail", "domain", "input", "subject"],
    maps: &[("headers", 32), ("extensions", 0)],
    scalars: &["headers"],
    integers: &[
        ("*", BELOW_I64, Some(TWO_63)),
        ("age_seconds", -1.0, None),
        ("index", -1.0, None),
        ("messages", -1.0, Some(TWO_63)),
        ("offset", -1.0, None),
        ("sequence", -1.0, Some(TWO_64)),
    ],
    longest: &[("other_receipts", 3)],
    long_hex: &["hex"],
};

/// The rows of all envelopes, as `coseal verify --json` writes them. Not by the
/// command, whose clock is today's: the bundles are of another day.
fn rows() -> &'static [(String, Value)] {
    static ROWS: LazyLock<Vec<(String, Value)>> = LazyLock::new(|| {
        let mut rows = Vec::new();
        for case in walk(&walk::cases()).unwrap() {
            let (path, case) = case.unwrap();
            if let Case::Envelope(case) = case
                && let Some(verify) = &case.verify
            {
                rows.push((path.display().to_string(), row(&case, verify)));
            }
        }
        rows
    });
    assert!(!ROWS.is_empty());
    &ROWS
}

fn row(case: &EnvelopeCase, verify: &Verify) -> Value {
    let skew = Duration::from_millis(case.skew_ms);
    let bundle = trust(case).unwrap();
    let verdict = verifier(case, verify, &bundle).judge(&case.envelope_hex.to_vec());
    let mut row = json!({"input": "-", "index": 0, "offset": 0});
    let members = row.as_object_mut().unwrap();
    let Value::Object(told) = serde_json::to_value(&verdict).unwrap() else { panic!("no object") };
    members.extend(told);
    let now = Time::from_millis(verify.at_ms.unwrap_or(case.trust.now_ms));
    members.insert("facts".to_owned(), serde_json::to_value(verdict.facts(now, skew)).unwrap());
    row
}

#[test]
fn the_verdict_of_every_vector_matches() {
    let schema = schema(SCHEMA);
    let mut wrong = Vec::new();
    let mut codes = BTreeSet::new();
    for (path, row) in rows() {
        wrong.extend(faults(&schema, row).into_iter().map(|e| format!("{path}: {e}")));
        codes.insert(text(row, "code").to_owned());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What `verify` can come to, and nothing at all.
    let all = ["", "malformed", "misdirected", "stale", "unsupported", "untrusted"];
    assert!(codes.iter().eq(all), "{codes:?}");
}

#[test]
fn a_verdict_broken_at_any_place_does_not_match() {
    let schema = schema(SCHEMA);
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for (_, row) in rows() {
        wrong.extend(accepted(&schema, MEMBERS.broken(row, text(row, "verdict"), &mut seen)));
    }
    assert!(seen.len() > 50, "only {} places", seen.len());
    assert!(wrong.is_empty(), "{SCHEMA} accepts\n{}", wrong.join("\n"));
}

/// The first row of which this holds.
fn one(what: impl Fn(&Value) -> bool) -> Value {
    rows().iter().map(|(_, row)| row).find(|row| what(row)).unwrap().clone()
}

#[test]
fn a_verdict_that_contradicts_itself_does_not_match() {
    let schema = schema(SCHEMA);
    let full = |row: &Value| !row["previous"].is_null() && !row["content_type"].is_null();
    let valid = one(|row| row["verdict"] == "valid" && full(row));
    let refused = one(|row| row["code"] == "malformed");
    let told = one(|row| row["code"] == "misdirected");
    let revoked = one(|row| row["claimed_time"] == "before");

    let mut broken = vec![
        contradiction(&valid, &[("/code", json!("misuse"))]),
        contradiction(&valid, &[("/kind", json!("channel"))]),
        contradiction(&valid, &[("/detail", json!("why"))]),
        contradiction(&valid, &[("/claimed_time", json!("before"))]),
        contradiction(&valid, &[("/verdict", json!("refused"))]),
        contradiction(&refused, &[("/verdict", json!("valid"))]),
        contradiction(&refused, &[("/code", json!(null)), ("/kind", json!(null))]),
        contradiction(&refused, &[("/detail", json!(null))]),
        contradiction(&refused, &[("/signer", valid["signer"].clone())]),
        contradiction(&refused, &[("/claimed_time", json!("before"))]),
        contradiction(&revoked, &[("/signer", json!(null))]),
    ];
    let everything: Map<_, _> =
        HEADER.iter().map(|name| ((*name).to_owned(), valid[*name].clone())).collect();
    for (name, value) in everything {
        let pointer = format!("/{name}");
        // An envelope without an expiry has none.
        let value = if name == "expires_at" { valid["sealed_at"].clone() } else { value };
        assert!(!value.is_null(), "{name}");
        broken.push(contradiction(&refused, &[(&pointer, value)]));
        let optional = ["content_type", "expires_at", "facts", "previous"];
        if !optional.contains(&name.as_str()) {
            broken.push(contradiction(&valid, &[(&pointer, json!(null))]));
            broken.push(contradiction(&told, &[(&pointer, json!(null))]));
        }
    }
    broken.push(contradiction(&valid, &[("/signer", json!(null))]));
    broken.push(contradiction(&told, &[("/signer", json!(null))]));
    let labels = ["-65599", "-65664", "65600", "name"];
    broken.extend(
        labels.map(|label| contradiction(&valid, &[("/extensions", json!({label: "f6"}))])),
    );
    assert!(schema.is_valid(&with(&valid, &[("/extensions", json!({"-65663": "f6"}))])));
    let wrong = accepted(&schema, broken);
    assert!(wrong.is_empty(), "{SCHEMA} accepts\n{}", wrong.join("\n"));
}

#[test]
fn a_verdict_has_a_code_with_a_kind_of_its_own() {
    let schema = schema(SCHEMA);
    let refused = one(|row| row["code"] == "malformed");
    for (code, kind, belongs) in codes_and_kinds() {
        let row = with(&refused, &[("/code", json!(code)), ("/kind", json!(kind))]);
        assert_eq!(schema.is_valid(&row), belongs, "{code}/{kind:?}");
    }
}
