//! Refusals in words: which number it was that this reader does not know, and
//! which of two rules was broken.
#![allow(clippy::unwrap_used, reason = "tests")]

mod cases;

use cases::{anchor, trust};
use coseal::{Error, Time, TrustBundle, Verifier};
use coseal_testkit::case::Case;

fn case(name: &str) -> Case {
    let wanted = coseal_testkit::walk::cases().join(format!("{name}.json"));
    coseal_testkit::walk(wanted.parent().unwrap())
        .unwrap()
        .map(Result::unwrap)
        .find_map(|(path, case)| (path == wanted).then_some(case))
        .expect(name)
}

fn refusal(name: &str) -> Error {
    match case(name) {
        Case::Envelope(case) => {
            let verifier = Verifier::new(trust(&case).unwrap());
            verifier.verify(&case.envelope_hex.to_vec()).map(drop).unwrap_err()
        }
        Case::TrustBundle(case) => {
            let now = Time::from_millis(case.now_ms);
            let anchor = anchor(&case.roots_hex, case.domain.as_deref(), case.skew_ms).unwrap();
            TrustBundle::load(&case.bundle_hex.to_vec(), &anchor, now).map(drop).unwrap_err()
        }
    }
}

#[test]
fn refusals_say_what_was_found() {
    for (name, words) in [
        ("version/version_2", "format version 2"),
        ("version/version_minus_3", "format version -3"),
        ("bundle/version_2", "bundle version 2"),
        ("bundle/version_negative_2_64", "bundle version -18446744073709551616"),
        ("algorithms/suite_eddsa", "suite -8"),
        ("algorithms/receipt_es256", "receipt algorithm -7"),
        ("bundle/indefinite_records", "indefinite"),
        ("bundle_records/label_3_missing", "no use"),
        ("bundle_records/use_sign_for_x25519", "the use does not fit"),
        ("bundle_records/key_without_type", "has no key type"),
        ("bundle_records/key_without_curve", "has no curve"),
        ("recipients/other_4097", "longer than 4096 bytes"),
        ("trust/receiving_key", "is not a signing key"),
    ] {
        let told = refusal(name).to_string();
        assert!(told.contains(words), "{name}: {told}");
    }
}
