//! Trust bundles: what the body says, how much of it, and when.

use super::bundle::refuse;
use super::rules;
use super::test::{BundleTest, Cases};
use super::world::{ISSUED, NOW, SKEW, World};
use crate::build::bundle::BundleDraft;
use crate::build::cbor::{self, Fields, Item};
use crate::build::draft::sign1;
use crate::build::keys::{Signer, X25519, cose_key};
use crate::build::weak;
use crate::case::{Hex, LongHex, Run};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("bundle");
    body(cases);
    versions(cases);
    limits(cases);
    times(cases);
}

const STRUCTURE: &str = "malformed/structure";

fn body(cases: &mut Cases) {
    let rule = rules::BUNDLE_BODY;
    let public = Signer::labelled("next root").public();
    for label in 1..=6 {
        let name = format!("label_{label}_missing");
        let comment = format!("Label {label} is missing.");
        refuse(cases, &name, STRUCTURE, rule, &comment, |draft| draft.body.remove(label));
    }
    let values: [(&str, i64, Item, &str); 19] = [
        ("version_text", 1, cbor::text("1"), "The version as a text."),
        ("domain_bytes", 2, cbor::bytes(b"example.test"), "The domain as bytes."),
        ("sequence_negative", 3, cbor::int(-1), "A negative sequence."),
        ("sequence_text", 3, cbor::text("7"), "A sequence as a text."),
        ("sequence_2_63", 3, cbor::uint(1 << 63), "A sequence of 2^63."),
        ("issued_text", 4, cbor::text("2026-09-21"), "The issuing time as a text."),
        ("issued_2_53", 4, cbor::uint(1 << 53), "An issuing time of 2^53."),
        ("expires_negative", 5, cbor::int(-1), "An expiry before 1970."),
        ("expires_2_53", 5, cbor::uint(1 << 53), "An expiry of 2^53."),
        ("expires_nil", 5, cbor::nil(), "Nil as the expiry."),
        ("records_map", 6, cbor::map([]), "A map instead of the array of records."),
        ("records_nil", 6, cbor::nil(), "Nil instead of records."),
        ("next_roots_empty", 7, cbor::array([]), "An empty array of next roots."),
        ("next_roots_key", 7, cose_key(6, &[3; 32]).encode(), "A next root without an array."),
        ("next_roots_bytes", 7, cbor::array([cbor::bytes([3; 32])]), "A next root as bytes."),
        ("label_0", 0, cbor::uint(0), "The unknown label 0, before the version."),
        ("label_8", 8, cbor::uint(0), "The unknown label 8."),
        ("label_63", 63, cbor::uint(0), "The unknown label 63, the last below 64."),
        ("label_negative", -1, cbor::uint(0), "The unknown label -1."),
    ];
    for (name, label, value, comment) in values {
        refuse(cases, name, STRUCTURE, rule, comment, |draft| draft.body.set(label, value));
    }
    refuse(cases, "label_text", STRUCTURE, rule, "A text as a label.", |draft| {
        draft.body.set_key(cbor::text("a"), cbor::uint(0));
    });
    let comment = "A map of the label 0 alone.";
    refuse(cases, "label_0_alone", STRUCTURE, rule, comment, |draft| {
        draft.body_bytes = Some(cbor::map([(cbor::uint(0), cbor::uint(0))]));
    });
    refuse(cases, "body_array", STRUCTURE, rule, "An array instead of the body's map.", |draft| {
        draft.body_bytes = Some(cbor::array([]));
    });
    for (name, key, comment) in [
        ("next_root_type", cose_key(6, &public).with(1, cbor::uint(2)), "A next root of type 2."),
        ("next_root_curve", cose_key(7, &public), "A next root of curve 7."),
        (
            "next_root_more_labels",
            cose_key(6, &public).with(2, cbor::bytes([0; 8])),
            "A next root that names itself.",
        ),
    ] {
        refuse(cases, name, STRUCTURE, rule, comment, |draft| {
            draft.body.set(7, cbor::array([key.encode()]));
        });
    }
    for (name, public) in [
        ("next_root_small_order", [&[1u8], [0; 31].as_slice()].concat()),
        ("next_root_unreduced", weak::unreduced_large_order_ed25519().to_vec()),
    ] {
        let comment = "A next root that is no honest key.";
        refuse(cases, name, "malformed/weak_key", rules::WEAK_KEY, comment, |draft| {
            draft.body.set(7, cbor::array([cose_key(6, &public).encode()]));
        });
    }
    refuse(cases, "next_root_31_bytes", STRUCTURE, rule, "A next root of 31 bytes.", |draft| {
        draft.body.set(7, cbor::array([cose_key(6, &[3; 31]).encode()]));
    });
    refuse(cases, "next_root_x25519", STRUCTURE, rule, "A next root that cannot sign.", |draft| {
        let key = cose_key(X25519, &World::new().stock.public);
        draft.body.set(7, cbor::array([key.encode()]));
    });
}

const VERSION: &str = "unsupported/version";

fn versions(cases: &mut Cases) {
    let rule = rules::BUNDLE_VERSION;
    let versions = [
        ("version_0", cbor::int(0), "0"),
        ("version_2", cbor::int(2), "2"),
        ("version_minus_3", cbor::int(-3), "-3"),
        ("version_largest", cbor::int(i64::MAX), "2^63 - 1"),
        ("version_2_64", cbor::uint(u64::MAX), "2^64 - 1, beyond what any field may hold"),
        ("version_negative_2_64", cbor::head(cbor::NEGATIVE, u64::MAX), "-2^64"),
    ];
    for (name, version, value) in versions {
        let comment = format!("Format version {value}.");
        refuse(cases, name, VERSION, rule, &comment, |draft| draft.body.set(1, version));
    }
    // Of a later version nothing else is judged.
    let small_order = [&[1u8], [0; 31].as_slice()].concat();
    let shapes: [(&str, &dyn Fn(&mut Fields), &str); 10] = [
        (
            "version_2_alone",
            &|body| body.entries.truncate(1),
            "Version 2, and no other label in the body.",
        ),
        (
            "version_2_text_label",
            &|body| body.set_key(cbor::text("a"), cbor::uint(0)),
            "A text label.",
        ),
        ("version_2_label_0", &|body| body.set(0, cbor::uint(0)), "The label 0."),
        ("version_2_label_8", &|body| body.set(8, cbor::uint(0)), "The label 8."),
        (
            "version_2_label_array",
            &|body| body.set_key(cbor::array([]), cbor::nil()),
            "An array as a label.",
        ),
        (
            "version_2_records_map",
            &|body| body.set(6, cbor::map([])),
            "A map instead of the records.",
        ),
        ("version_2_float", &|body| body.set(64, cbor::half(0x3e00)), "A float."),
        ("version_2_tag", &|body| body.set(4, cbor::tag(1, cbor::uint(0))), "A tagged time."),
        (
            "version_2_deep_extension",
            &|body| body.set(64, cbor::nested(5, cbor::uint(0))),
            "An ignored value 5 deep.",
        ),
        (
            "version_2_weak_next_root",
            &|body| body.set(7, cbor::array([cose_key(6, &small_order).encode()])),
            "A next root of small order.",
        ),
    ];
    for (name, edit, comment) in shapes {
        let comment = if name == "version_2_alone" {
            comment.to_owned()
        } else {
            format!("Version 2, and in the body: {comment}")
        };
        refuse(cases, name, VERSION, rule, &comment, |draft| {
            draft.body.set(1, cbor::uint(2));
            edit(&mut draft.body);
        });
    }
    let comment = "Version 2, whose domain is another and whose records are no records.";
    refuse(cases, "version_2_other_domain", VERSION, rule, comment, |draft| {
        draft.body.set(1, cbor::uint(2));
        draft.body.set(2, cbor::text("example.org"));
        draft.set_records(vec![cbor::nil()]);
    });
    let comment = "Version 2, and labels out of order.";
    refuse(cases, "version_2_out_of_order", "malformed/cbor", rule, comment, |draft| {
        draft.body.set(1, cbor::uint(2));
        draft.body.entries.swap(1, 2);
    });
    let comment = "Version 2, and a byte after the body's map.";
    refuse(cases, "version_2_trailing", "malformed/cbor", rule, comment, |draft| {
        draft.body.set(1, cbor::uint(2));
        draft.body_bytes = Some([draft.body.encode(), vec![0]].concat());
    });
    // Where it is no bundle around, there is no payload that says a version.
    let mut draft = BundleDraft::new(&World::new().bundle());
    draft.body.set(1, cbor::uint(2));
    let signed = draft.sign();
    let (_, four) = signed.split_first().expect("a tag");
    let five = [&[0x85], four.split_first().expect("an array").1, &cbor::nil()].concat();
    for (name, bytes, comment) in [
        ("version_2_tag_98", cbor::tag(98, four), "Version 2 under tag 98."),
        ("version_2_untagged", four.to_vec(), "Version 2 without a tag."),
        ("version_2_five_items", cbor::tag(18, five), "Version 2 and a fifth item."),
    ] {
        cases.add_bundle(name, BundleTest::refused(STRUCTURE, rule, comment, &bytes));
    }
}

/// Sizes: 16 MiB, 65536 records.
fn limits(cases: &mut Cases) {
    let rule = rules::BUNDLE_LIMITS;
    let bundle = World::new().bundle().sign();
    let padded = |total: usize| {
        LongHex::Runs(vec![
            Run { hex: Hex::from(&bundle), times: 1 },
            Run { hex: Hex(vec![0]), times: total - bundle.len() },
        ])
    };
    let comment = "16 MiB and a byte, whatever is in them.";
    cases.add_bundle(
        "too_large",
        BundleTest::refused("malformed/too_large", rule, comment, padded((16 << 20) + 1)),
    );
    let comment = "16 MiB, of which all but the first bytes are trailing.";
    cases.add_bundle(
        "large",
        BundleTest::refused("malformed/cbor", rule, comment, padded(16 << 20)),
    );

    // Records of a kind to come: the shortest there are.
    let record = super::bundle_records::of_unknown_type().encode();
    for (name, records) in [("records_65536", 65_536u64), ("records_65537", 65_537)] {
        let count = usize::try_from(records).expect("few enough");
        let mut plan = World::new().bundle();
        plan.records.clear();
        let mut draft = BundleDraft::new(&plan);
        draft.body.set(6, cbor::array(vec![record.clone(); count]));
        let (protected, signature) = (draft.protected(), draft.signature());
        let body = draft.body();
        let whole = sign1(&protected, cbor::map([]), cbor::bytes(&body), &signature);
        let runs = runs(&whole, &record, count);
        let comment = format!("{records} records, all of a kind to come.");
        let test = if records == 65_536 {
            BundleTest::accepted(plan.report(records), rule, &comment, runs)
        } else {
            BundleTest::refused(STRUCTURE, rule, &comment, runs)
        };
        cases.add_bundle(name, test);
    }
}

/// `whole`, its `count` repetitions of `piece` written as one run.
fn runs(whole: &[u8], piece: &[u8], count: usize) -> LongHex {
    let middle = piece.repeat(count);
    let at = whole
        .windows(piece.len() * 2)
        .position(|window| window == piece.repeat(2))
        .expect("the piece is in there");
    let (before, rest) = whole.split_at(at);
    let after = rest.strip_prefix(middle.as_slice()).expect("so many of them");
    let run = |bytes: &[u8], times| Run { hex: Hex::from(bytes), times };
    LongHex::Runs(vec![run(before, 1), run(piece, count), run(after, 1)])
}

fn times(cases: &mut Cases) {
    let rule = rules::BUNDLE_FUTURE;
    let issued = |seconds: u64| {
        let mut bundle = World::new().bundle();
        bundle.issued_at = seconds;
        bundle
    };
    let at = |now: u64, mut test: BundleTest| {
        test.case.now_ms = now;
        test
    };
    let bundle = issued(ISSUED);
    let edge = ISSUED * 1000 - SKEW;
    let test = BundleTest::accepted(
        bundle.report(0),
        rule,
        "Issued a skew after the reader's clock.",
        &bundle.sign(),
    );
    cases.add_bundle("issued_at_skew", at(edge, test));
    let comment = "Issued a skew and a millisecond after the reader's clock.";
    let test = BundleTest::refused("stale/from_the_future", rule, comment, &bundle.sign());
    cases.add_bundle("issued_after_skew", at(edge - 1, test));
    let bundle = issued((1 << 53) - 1);
    let comment = "Issued at the last time there is: milliseconds do not overflow.";
    let test = BundleTest::refused("stale/from_the_future", rule, comment, &bundle.sign());
    cases.add_bundle("issued_at_the_end", test);
    let bundle = issued((1 << 53) - 1);
    let comment = "A skew of 2^64 - 1: nothing is issued too late.";
    let mut test = BundleTest::accepted(bundle.report(0), rules::SUMS, comment, &bundle.sign());
    test.case.skew_ms = u64::MAX;
    cases.add_bundle("issued_within_largest_skew", at(1, test));
    let mut bundle = issued(ISSUED);
    bundle.expires_at = NOW / 1000 - 600;
    let comment = "A bundle that has expired loads: it is judged where a message is.";
    let test =
        BundleTest::accepted(bundle.report(0), rules::BUNDLE_EXPIRED, comment, &bundle.sign());
    cases.add_bundle("expired", test);
}
