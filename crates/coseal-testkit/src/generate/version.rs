//! Versions and algorithms that this format does not know, and what comes
//! before what.

use super::rules;
use super::test::{Cases, Test};
use crate::build::cbor::{self, Fields, Item};
use crate::build::draft::Draft;
use crate::build::plan::label;

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("version");
    versions(cases);
    large_versions(cases);
    precedence(cases);
    not_versions(cases);
    cases.theme("algorithms");
    suites(cases);
    receipts(cases);
}

const VERSION: &str = "unsupported/version";

/// Puts another version in the place of 1.
fn version(draft: &mut Draft, version: Item) {
    let mut origin = draft.plan.origin();
    *origin.first_mut().expect("a version") = version;
    draft.header.set(label::ORIGIN, cbor::array(origin));
}

fn versions(cases: &mut Cases) {
    let rule = rules::VERSION;
    for (name, number) in [
        ("version_0", 0),
        ("version_2", 2),
        ("version_minus_1", -1),
        ("version_minus_3", -3),
        ("version_largest", i64::MAX),
        ("version_smallest", i64::MIN),
    ] {
        let comment = format!("Version {number}, and nothing else is wrong.");
        cases.fault(name, VERSION, rule, &comment, |draft| version(draft, cbor::int(number)));
    }
}

/// Any integer that CBOR has is a version.
fn large_versions(cases: &mut Cases) {
    let rule = rules::VERSION;
    for (name, number, value) in [
        ("version_2_63", cbor::uint(1 << 63), "2^63"),
        ("version_2_64", cbor::uint(u64::MAX), "2^64 - 1"),
        ("version_negative_2_63", cbor::head(cbor::NEGATIVE, 1 << 63), "-2^63 - 1"),
        ("version_negative_2_64", cbor::head(cbor::NEGATIVE, u64::MAX), "-2^64"),
    ] {
        let comment = format!("Version {value}, beyond what any field may hold.");
        cases.fault(name, VERSION, rule, &comment, |draft| version(draft, number));
    }
}

/// What a later version may look like: none of it is judged.
fn precedence(cases: &mut Cases) {
    let rule = rules::VERSION;
    let two = |draft: &mut Draft| version(draft, cbor::uint(2));
    cases.fault(
        "version_2_alone",
        VERSION,
        rule,
        "Version 2, whose array has nothing else.",
        |draft| {
            draft.header.set(label::ORIGIN, cbor::array([cbor::uint(2)]));
        },
    );
    cases.fault(
        "version_2_long",
        VERSION,
        rule,
        "Version 2, whose array has six items.",
        |draft| {
            let more = [cbor::uint(2)].into_iter().chain((0..5).map(|_| cbor::nil()));
            draft.header.set(label::ORIGIN, cbor::array(more));
        },
    );
    cases.fault(
        "version_2_unlisted_label",
        VERSION,
        rule,
        "Version 2 and an unlisted label.",
        |draft| {
            two(draft);
            draft.header.set(99, cbor::uint(0));
        },
    );
    cases.fault("version_2_text_label", VERSION, rule, "Version 2 and a text label.", |draft| {
        two(draft);
        draft.header.set_key(cbor::text("a"), cbor::uint(0));
    });
    cases.fault("version_2_no_algorithm", VERSION, rule, "Version 2 and no suite.", |draft| {
        two(draft);
        draft.header.remove(label::ALG);
    });
    cases.fault(
        "version_2_other_suite",
        VERSION,
        rule,
        "Version 2 and an unknown suite.",
        |draft| {
            two(draft);
            draft.header.set(label::ALG, cbor::int(-65550));
        },
    );
    cases.fault("version_2_short_iv", VERSION, rule, "Version 2 and an iv of 12 bytes.", |draft| {
        two(draft);
        draft.header.set(label::IV, cbor::bytes([0; 12]));
    });
    cases.fault(
        "version_2_no_channel",
        VERSION,
        rule,
        "Version 2 and claims without a channel.",
        |draft| {
            two(draft);
            draft.header.set(label::CLAIMS, cbor::map([]));
        },
    );
    cases.fault("version_2_detached", VERSION, rule, "Version 2 and a nil ciphertext.", |draft| {
        two(draft);
        draft.frame.ciphertext = Some(cbor::nil());
    });
    cases.fault(
        "version_2_short_ciphertext",
        VERSION,
        rule,
        "Version 2 and a ciphertext of 16 bytes.",
        |draft| {
            two(draft);
            draft.ciphertext = Some(vec![0; 16]);
        },
    );
    cases.fault("version_2_no_receipts", VERSION, rule, "Version 2 and no receipt.", |draft| {
        two(draft);
        draft.frame.unprotected = Some(Fields::new().encode());
    });
    cases.fault("version_2_no_recipients", VERSION, rule, "Version 2 and no recipient.", |draft| {
        two(draft);
        draft.recipients.clear();
    });
    cases.fault(
        "version_2_bad_signature",
        VERSION,
        rule,
        "Version 2 and a signature of zeros.",
        |draft| {
            two(draft);
            draft.receipt.signature = Some(vec![0; 64]);
        },
    );
    cases.fault("version_2_five_items", VERSION, rule, "Version 2 and a fifth item.", |draft| {
        two(draft);
        draft.frame.more = vec![cbor::nil()];
    });
    let sealed = cases.drafted("version_2_one_item", two);
    let alone = cbor::tag(96, cbor::array([cbor::bytes(&sealed.protected)]));
    let comment = "Version 2 and nothing but the protected header.";
    cases.refuse("version_2_one_item", VERSION, rule, comment, &alone);
    for (name, bytes, comment) in [
        ("version_2_tag_98", cbor::tag(98, &sealed.untagged), "Version 2 under tag 98."),
        ("version_2_untagged", sealed.untagged.clone(), "Version 2 without a tag."),
    ] {
        cases.refuse(name, "malformed/structure", rule, comment, &bytes);
    }
    let comment = "Version 2 and an extension's value 5 deep.";
    cases.fault("version_2_deep_extension", VERSION, rule, comment, |draft| {
        two(draft);
        draft.header.set(label::EXTENSION, cbor::nested(5, cbor::uint(0)));
    });
    let comment = "Version 2 and a protected header of more than 16384 bytes.";
    cases.fault("version_2_long_header", VERSION, rule, comment, |draft| {
        two(draft);
        draft.header.set(label::EXTENSION, cbor::bytes([7; 16384]));
    });
    cases.fault("version_2_float", VERSION, rule, "Version 2 and a float.", |draft| {
        two(draft);
        draft.header.set(99, cbor::half(0x3e00));
    });
    // CBOR comes before the version.
    cases.fault(
        "version_2_out_of_order",
        "malformed/cbor",
        rule,
        "Version 2 and labels out of order.",
        |draft| {
            two(draft);
            draft.header.entries.swap(0, 1);
        },
    );
    let sealed = cases.drafted("version_2_trailing_byte", two);
    let envelope = [sealed.envelope.as_slice(), &[0]].concat();
    let comment = "A protected header of more than 16384 bytes, and a byte after its map.";
    cases.fault("long_header_trailing_byte", "malformed/cbor", rule, comment, |draft| {
        draft.header.set(label::EXTENSION, cbor::bytes([7; 16384]));
        draft.protected = Some([draft.header.encode(), vec![0]].concat());
    });
    let comment = "A fifth item, and a byte after the protected header's map.";
    cases.fault("five_items_header_trailing", "malformed/cbor", rule, comment, |draft| {
        draft.protected = Some([draft.header.encode(), vec![0]].concat());
        draft.frame.more = vec![cbor::nil()];
    });
    cases.refuse(
        "version_2_trailing_byte",
        "malformed/cbor",
        rule,
        "Version 2 and a trailing byte.",
        &envelope,
    );
    // So does size.
    let sealed = cases.drafted("version_2_too_large", two);
    let mut test =
        Test::new(rule, "Version 2 and more bytes than the reader takes.", &sealed.envelope);
    test.case.max_len = Some(sealed.envelope.len() as u64 - 1);
    cases.add("version_2_too_large", test.refused("malformed/too_large"));
}

/// What does not start with an integer names no version: its shape is wrong.
fn not_versions(cases: &mut Cases) {
    for (name, item, comment) in [
        ("version_text", cbor::text("2"), "The text 2 instead of a version."),
        ("version_nil", cbor::nil(), "Nil instead of a version."),
        ("version_true", cbor::boolean(true), "True instead of a version."),
        ("version_array", cbor::array([cbor::uint(2)]), "A version in an array."),
        ("version_bignum", cbor::tag(2, cbor::bytes([1; 9])), "A big number instead of a version."),
    ] {
        cases.fault(name, "malformed/structure", rules::ORIGIN, comment, |draft| {
            version(draft, item)
        });
    }
}

fn suites(cases: &mut Cases) {
    let rule = rules::SUITE;
    for (name, alg, comment) in [
        ("suite_a256gcm", 3, "A256GCM without a commitment."),
        ("suite_chacha20poly1305", 24, "ChaCha20/Poly1305 without a commitment."),
        ("suite_before", -65540, "The number before the first suite."),
        ("suite_after", -65543, "The number after the last suite: an algorithm of recipients."),
        ("suite_eddsa", -8, "An algorithm of signatures."),
        ("suite_zero", 0, "The reserved algorithm 0."),
        ("suite_largest", i64::MAX, "The largest number."),
        ("suite_smallest", i64::MIN, "The smallest number."),
    ] {
        cases.fault(name, "unsupported/suite", rule, comment, |draft| {
            draft.header.set(label::ALG, cbor::int(alg));
        });
    }
    cases.fault(
        "detached",
        "unsupported/detached",
        rules::DETACHED,
        "A nil ciphertext.",
        |draft| {
            draft.frame.ciphertext = Some(cbor::nil());
        },
    );
}

fn receipts(cases: &mut Cases) {
    let rule = rules::RECEIPT_ALG;
    for (name, alg, len) in [
        ("receipt_es256", -7, 64),
        ("receipt_es384", -35, 96),
        ("receipt_ed448", -53, 114),
        ("receipt_ml_dsa_44", -48, 2420),
        ("receipt_zero", 0, 0),
        ("receipt_largest", i64::MAX, 1),
    ] {
        let comment = format!("Algorithm {alg} with a signature of {len} bytes.");
        cases.fault(name, "unsupported/receipt", rule, &comment, |draft| {
            draft.receipt.protected.set(1, cbor::int(alg));
            draft.receipt.signature = Some(vec![7; len]);
        });
    }
    cases.variation("receipt_ed25519", rule, "Algorithm -19 is as good as -8.", |draft| {
        draft.receipt.protected.set(1, cbor::int(-19));
    });
}
