//! Trust bundles: the frame, the signature, the body.

use super::rules;
use super::test::{BundleTest, Cases, Row};
use super::world::World;
use crate::build::bundle::{BundleDraft, BundlePlan};
use crate::build::cbor::{self, Fields, Item};
use crate::build::keys::{Signer, sig_structure};
use crate::build::weak;
use crate::case::{Hex, LongHex, Run};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("bundle");
    good(cases);
    encoding(cases);
    frame(cases);
    signature(cases);
}

/// The bundle of most cases after `fault`.
pub(crate) fn faulty(fault: impl FnOnce(&mut BundleDraft)) -> Vec<u8> {
    let mut draft = BundleDraft::new(&World::new().bundle());
    fault(&mut draft);
    draft.sign()
}

/// Adds the bundle of most cases after `fault`; it is refused.
pub(crate) fn refuse(
    cases: &mut Cases,
    name: &str,
    expect: &str,
    rule: &str,
    comment: &str,
    fault: impl FnOnce(&mut BundleDraft),
) {
    cases.add_bundle(name, BundleTest::refused(expect, rule, comment, &faulty(fault)));
}

const STRUCTURE: &str = "malformed/structure";
const CBOR: &str = "malformed/cbor";

fn good(cases: &mut Cases) {
    let bundle = World::new().bundle();
    let test = BundleTest::accepted(
        bundle.report(0),
        rules::BUNDLE_SHAPE,
        "The bundle of most cases.",
        &bundle.sign(),
    );
    cases.add_bundle("good", test);
    let mut empty = bundle.clone();
    empty.records.clear();
    let test = BundleTest::accepted(
        empty.report(0),
        rules::BUNDLE_BODY,
        "A bundle without records.",
        &empty.sign(),
    );
    cases.add_bundle("no_records", test);
    let comment = "A loader that no domain was configured for takes any.";
    let mut test = BundleTest::accepted(bundle.report(0), rules::DOMAIN, comment, &bundle.sign());
    test.case.domain = None;
    cases.add_bundle("no_domain", test);
    let mut next = bundle.clone();
    next.next_roots = vec![Signer::labelled("next root"), Signer::labelled("another next root")];
    let test = BundleTest::accepted(
        next.report(0),
        rules::NEXT_ROOT,
        "A bundle that names two next roots.",
        &next.sign(),
    );
    cases.add_bundle("next_roots", test);
    lenient(cases);
    let mut draft = BundleDraft::new(&bundle);
    let value = cbor::nested(4, cbor::text("to come"));
    draft.body.set(64, value.clone());
    draft.body.set(i64::MAX, value);
    let comment = "Labels 64 and 2^63 - 1 with values 4 deep.";
    let test = BundleTest::accepted(bundle.report(0), rules::IGNORED, comment, &draft.sign());
    cases.add_bundle("extensions", test);
}

/// What looks odd and is not refused.
fn lenient(cases: &mut Cases) {
    let bundle = World::new().bundle();
    let next = Signer::labelled("next root");
    for (name, next_roots, comment) in [
        ("next_roots_equal", vec![next.clone(), next], "A bundle that names a next root twice."),
        ("next_root_is_root", vec![bundle.root.clone()], "A bundle that names its own root."),
    ] {
        let plan = BundlePlan { next_roots, ..bundle.clone() };
        let rule = rules::NEXT_ROOT;
        cases.add_bundle(name, BundleTest::accepted(plan.report(0), rule, comment, &plan.sign()));
    }
    for (name, domain, configured, comment) in [
        ("domain_empty", String::new(), true, "A trust domain of no byte, the configured one."),
        ("domain_empty_unconfigured", String::new(), false, "A trust domain of no byte."),
        ("domain_long", "d".repeat(4096), true, "A trust domain of 4096 bytes."),
        ("domain_control", "a\0\n\u{85}".to_owned(), true, "A trust domain of control characters."),
    ] {
        let plan = BundlePlan { domain: domain.clone(), ..bundle.clone() };
        let mut test = BundleTest::accepted(plan.report(0), rules::DOMAIN, comment, &plan.sign());
        test.case.domain = configured.then_some(domain);
        cases.add_bundle(name, test);
    }
}

fn encoding(cases: &mut Cases) {
    let bundle = World::new().bundle().sign();
    let add = |cases: &mut Cases, name: &str, rule: &str, comment: &str, bytes: &[u8]| {
        cases.add_bundle(name, BundleTest::refused(CBOR, rule, comment, bytes));
    };
    let rule = rules::WELL_FORMED;
    add(cases, "empty_input", rule, "No byte at all.", &[]);
    let (_, short) = bundle.split_last().expect("a bundle of some bytes");
    add(cases, "last_byte_missing", rule, "The last byte is missing.", short);
    add(
        cases,
        "trailing_byte",
        rule,
        "A zero byte follows the bundle.",
        &[bundle.as_slice(), &[0]].concat(),
    );
    let (_, untagged) = bundle.split_first().expect("a tag");
    let tag = [cbor::head_wide(cbor::TAG, 18, 1), untagged.to_vec()].concat();
    add(cases, "tag_not_shortest", rules::SHORTEST, "Tag 18 takes a byte.", &tag);
    refuse(
        cases,
        "body_out_of_order",
        CBOR,
        rules::KEY_ORDER,
        "Label 2 comes before label 1.",
        |draft| {
            draft.body.entries.swap(0, 1);
        },
    );
    refuse(
        cases,
        "body_trailing",
        CBOR,
        rules::EMBEDDED,
        "A byte follows the body's map.",
        |draft| {
            draft.body_bytes = Some([draft.body.encode(), vec![0]].concat());
        },
    );
    refuse(
        cases,
        "protected_trailing",
        CBOR,
        rules::EMBEDDED,
        "A byte follows the protected map.",
        |draft| {
            draft.protected_bytes = Some([draft.protected.encode(), vec![0]].concat());
        },
    );
    refuse(cases, "body_empty", CBOR, rules::EMBEDDED, "The body has no bytes.", |draft| {
        draft.body_bytes = Some(Vec::new());
    });
    refuse(cases, "domain_not_utf8", CBOR, rules::UTF8, "The domain is not UTF-8.", |draft| {
        draft.body.set(2, cbor::string(cbor::TEXT, b"example\xff"));
    });
    refuse(
        cases,
        "indefinite_records",
        CBOR,
        rules::DEFINITE,
        "The array of records has no length.",
        |draft| {
            let items = draft.records.concat();
            draft.body.set(6, [cbor::indefinite(cbor::ARRAY), items, cbor::stop()].concat());
        },
    );
    refuse(
        cases,
        "extension_5_deep",
        CBOR,
        rules::EXTENSION_NESTING,
        "An ignored value 5 deep.",
        |draft| {
            draft.body.set(64, cbor::nested(5, cbor::uint(0)));
        },
    );
    refuse(
        cases,
        "extension_tag",
        STRUCTURE,
        rules::EXTENSION_TAGS,
        "A tag in an ignored value.",
        |draft| {
            draft.body.set(64, cbor::tag(1, cbor::uint(0)));
        },
    );
    refuse(
        cases,
        "extension_float",
        STRUCTURE,
        rules::SIMPLE,
        "A float in an ignored value.",
        |draft| {
            draft.body.set(64, cbor::half(0x3e00));
        },
    );
    let deep = LongHex::Runs(vec![
        Run { hex: Hex(vec![0x81]), times: 100_000 },
        Run { hex: Hex(vec![0]), times: 1 },
    ]);
    cases.add_bundle(
        "deep_arrays",
        BundleTest::refused(CBOR, rules::NESTING, "100000 arrays, one inside the other.", deep),
    );
}

fn frame(cases: &mut Cases) {
    let rule = rules::BUNDLE_SHAPE;
    let parts = || {
        let draft = BundleDraft::new(&World::new().bundle());
        [
            cbor::bytes(draft.protected()),
            cbor::map([]),
            cbor::bytes(draft.body()),
            cbor::bytes(draft.signature()),
        ]
    };
    let frames: [Row<Item>; 6] = [
        ("untagged", cbor::array(parts()), "No tag."),
        ("tag_98", cbor::tag(98, cbor::array(parts())), "Tag 98 instead of 18."),
        ("three_items", cbor::tag(18, cbor::array(parts().into_iter().take(3))), "No signature."),
        (
            "five_items",
            cbor::tag(18, cbor::array(parts().into_iter().chain([cbor::nil()]))),
            "A fifth item.",
        ),
        ("a_map", cbor::tag(18, cbor::map([])), "A map instead of the array."),
        ("an_envelope", cases.drafted("an_envelope", |_| ()).envelope, "An envelope."),
    ];
    for (name, bytes, comment) in frames {
        cases.add_bundle(name, BundleTest::refused(STRUCTURE, rule, comment, &bytes));
    }
    let protected: [Row<Item>; 3] = [
        ("protected_nil", cbor::nil(), "Nil instead of the protected header."),
        ("protected_text", cbor::text("EdDSA"), "A text instead of the protected header."),
        (
            "protected_unwrapped",
            BundleDraft::new(&World::new().bundle()).protected.encode(),
            "The protected header not in a byte string.",
        ),
    ];
    for (name, item, comment) in protected {
        let rest = parts().into_iter().skip(1);
        let bytes = cbor::tag(18, cbor::array([item].into_iter().chain(rest)));
        cases.add_bundle(name, BundleTest::refused(STRUCTURE, rule, comment, &bytes));
    }
    // Protected header and payload stand in an array of four, or nowhere.
    let broken =
        cbor::bytes([BundleDraft::new(&World::new().bundle()).protected(), vec![0]].concat());
    let more = parts().into_iter().skip(1).chain([cbor::nil()]);
    let bytes = cbor::tag(18, cbor::array([broken].into_iter().chain(more)));
    let comment = "A fifth item, and a first that would be no protected header.";
    cases.add_bundle(
        "five_items_protected_trailing",
        BundleTest::refused(STRUCTURE, rule, comment, &bytes),
    );
    refuse(
        cases,
        "unprotected_label",
        STRUCTURE,
        rule,
        "A label in the unprotected map.",
        |draft| {
            draft.unprotected = Fields::new().with(4, cbor::bytes([0; 8])).encode();
        },
    );
    refuse(
        cases,
        "unprotected_nil",
        STRUCTURE,
        rule,
        "Nil instead of the unprotected map.",
        |draft| {
            draft.unprotected = cbor::nil();
        },
    );
    refuse(cases, "payload_nil", STRUCTURE, rule, "A detached body.", |draft| {
        draft.payload = Some(cbor::nil())
    });
    refuse(
        cases,
        "payload_unwrapped",
        STRUCTURE,
        rule,
        "The body not in a byte string.",
        |draft| {
            draft.payload = Some(draft.body.encode());
        },
    );
    let protected: [Row<fn(&mut Fields)>; 9] = [
        ("algorithm_missing", |fields| fields.remove(1), "No algorithm."),
        (
            "algorithm_ed25519",
            |fields| fields.set(1, cbor::int(-19)),
            "Algorithm -19: bundles have -8.",
        ),
        ("algorithm_es256", |fields| fields.set(1, cbor::int(-7)), "Algorithm -7."),
        ("algorithm_text", |fields| fields.set(1, cbor::text("EdDSA")), "The algorithm as a text."),
        ("key_id_missing", |fields| fields.remove(4), "No key ID."),
        ("key_id_7", |fields| fields.set(4, cbor::bytes([0; 7])), "A key ID of 7 bytes."),
        ("key_id_9", |fields| fields.set(4, cbor::bytes([0; 9])), "A key ID of 9 bytes."),
        (
            "key_id_text",
            |fields| fields.set(4, cbor::text("the root")),
            "A key ID as a text of 8 bytes.",
        ),
        ("protected_more_labels", |fields| fields.set(3, cbor::text("a/b")), "A label more."),
    ];
    for (name, edit, comment) in protected {
        refuse(cases, name, STRUCTURE, rule, comment, |draft| edit(&mut draft.protected));
    }
    for len in [0, 63, 65] {
        let comment = format!("A signature of {len} bytes.");
        refuse(cases, &format!("signature_of_{len}"), STRUCTURE, rule, &comment, |draft| {
            let mut signature = draft.signature().repeat(2);
            signature.truncate(len);
            draft.signature = Some(signature);
        });
    }
}

fn signature(cases: &mut Cases) {
    let rule = rules::ROOT;
    let bad = "untrusted/bad_signature";
    refuse(cases, "signature_bit", bad, rule, "A bit of the signature is flipped.", |draft| {
        let mut signature = draft.signature();
        *signature.first_mut().expect("64 bytes") ^= 1;
        draft.signature = Some(signature);
    });
    refuse(
        cases,
        "signature_of_another_body",
        bad,
        rule,
        "The signature of the bundle before.",
        |draft| {
            draft.signature = Some(draft.signature());
            draft.body.set(3, cbor::uint(8));
        },
    );
    refuse(
        cases,
        "signed_by_another",
        bad,
        rule,
        "Names the root, signed by another key.",
        |draft| {
            draft.signer = Signer::labelled("another root");
        },
    );
    refuse(
        cases,
        "no_external_aad",
        bad,
        rule,
        "Signed without the external_aad of bundles.",
        |draft| {
            draft.external_aad.clear();
        },
    );
    refuse(cases, "other_external_aad", bad, rule, "Signed with another external_aad.", |draft| {
        draft.external_aad = b"coseal/v2 trust-bundle".to_vec();
    });
    refuse(
        cases,
        "signed_without_structure",
        bad,
        rule,
        "The body is signed without a structure around it.",
        |draft| {
            draft.signature = Some(draft.signer.sign(&draft.body()).to_vec());
        },
    );
    refuse(cases, "signed_as_receipt", bad, rule, "Signed as receipts are.", |draft| {
        let signed = sig_structure(&draft.protected(), b"", &draft.body());
        draft.signature = Some(draft.signer.sign(&signed).to_vec());
    });
    refuse(cases, "malleable_signature", bad, rule, "S + L in the place of S.", |draft| {
        draft.signature = Some(weak::malleated(&draft.signature()));
    });
    refuse(cases, "signature_r_unreduced", bad, rule, "R is not reduced (y = p + 3).", |draft| {
        let signature = draft.signature();
        let (_, s) = signature.split_at(32);
        draft.signature = Some([&weak::unreduced_large_order_ed25519(), s].concat());
    });
    let mut bundle = World::new().bundle();
    bundle.root = Signer::labelled("another root");
    let comment = "Signed by a root that is not pinned.";
    cases.add_bundle(
        "unknown_root",
        BundleTest::refused("untrusted/unknown_root", rule, comment, &bundle.sign()),
    );
    let mut test = BundleTest::accepted(
        bundle.report(0),
        rule,
        "Signed by the second of two pinned roots.",
        &bundle.sign(),
    );
    test.case.roots_hex.push(Hex::from(&bundle.root.public()));
    cases.add_bundle("second_pinned_root", test);
    let mut test = BundleTest::refused(
        "untrusted/unknown_root",
        rule,
        "No root is pinned.",
        &World::new().bundle().sign(),
    );
    test.case.roots_hex.clear();
    cases.add_bundle("no_pinned_root", test);
    let mut bundle = World::new().bundle();
    bundle.next_roots = vec![Signer::labelled("next root")];
    bundle.root = Signer::labelled("next root");
    let comment = "Signed by a root that only the bundle itself names.";
    cases.add_bundle(
        "root_named_by_itself",
        BundleTest::refused("untrusted/unknown_root", rule, comment, &bundle.sign()),
    );
    for (name, domain) in [
        ("wrong_domain", "example.org"),
        ("wrong_domain_case", "Example.test"),
        ("wrong_domain_longer", "example.test."),
    ] {
        let mut bundle = World::new().bundle();
        domain.clone_into(&mut bundle.domain);
        let comment = format!("The domain {domain:?}, the configured one being \"example.test\".");
        let test =
            BundleTest::refused("untrusted/wrong_domain", rules::DOMAIN, &comment, &bundle.sign());
        cases.add_bundle(name, test);
    }
}
