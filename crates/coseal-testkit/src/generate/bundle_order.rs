//! Trust bundles with two faults: that of the earlier point is told.

use super::bundle_state::given;
use super::rules;
use super::test::{BundleTest, Cases};
use super::world::World;
use crate::build::bundle::{BundleDraft, BundlePlan};
use crate::build::cbor::{self, Fields, Item};
use crate::build::keys::{ED25519, Signer, cose_key};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("bundle_order");
    pairs(cases);
    encoding(cases);
}

/// What is wrong with a bundle, and what it is refused for if that is all.
struct Fault {
    name: &'static str,
    expect: &'static str,
    what: &'static str,
    make: fn(&mut BundleDraft),
}

const fn fault(
    name: &'static str,
    expect: &'static str,
    what: &'static str,
    make: fn(&mut BundleDraft),
) -> Fault {
    Fault { name, expect, what, make }
}

// The points of loading, in their order. What is wrong in the payload is not
// paired with what is wrong around it: which of them is told is left open.

const AROUND: [Fault; 3] = [
    fault("structure", "malformed/structure", "a label in the unprotected map", |draft| {
        draft.unprotected = Fields::new().with(4, cbor::bytes([0; 8])).encode();
    }),
    fault("root", "untrusted/unknown_root", "an unknown root", |draft| {
        let stranger = Signer::labelled("stranger");
        draft.protected.set(4, cbor::bytes(stranger.key_id()));
        draft.signer = stranger;
    }),
    fault("signature", "untrusted/bad_signature", "a bad signature", |draft| {
        draft.signature = Some(vec![7; 64]);
    }),
];

const INSIDE: [Fault; 4] = [
    fault("body", "malformed/structure", "the unknown label 8 in the body", |draft| {
        draft.body.set(8, cbor::uint(0));
    }),
    fault("next_root", "malformed/weak_key", "a next root of small order", |draft| {
        draft.body.set(7, cbor::array([small_order()]));
    }),
    fault("float", "malformed/structure", "a float inside a record", |draft| {
        push(draft, 2, cbor::half(0x3e00));
    }),
    fault("extension", "malformed/cbor", "an ignored value of the body 5 deep", |draft| {
        draft.body.set(64, cbor::nested(5, cbor::uint(0)));
    }),
];

const LATER: [Fault; 4] = [
    fault("domain", "untrusted/wrong_domain", "another domain", |draft| {
        draft.body.set(2, cbor::text("example.org"));
    }),
    fault("sequence", "untrusted/rolled_back", "a sequence that was passed", |draft| {
        draft.body.set(3, cbor::uint(3));
    }),
    fault("future", "stale/from_the_future", "an issuing time to come", |draft| {
        draft.body.set(4, cbor::uint((1 << 53) - 1));
    }),
    fault("record", "malformed/record", "a record with the unknown label 8", |draft| {
        push(draft, 8, cbor::uint(0));
    }),
];

/// What else is told of a record, in the same point as the last.
const RECORDS: [Fault; 3] = [
    fault("weak_key", "malformed/weak_key", "a record with a weak key", |draft| {
        push(draft, 1, small_order());
    }),
    fault("record_extension", "malformed/cbor", "an ignored value of a record 5 deep", |draft| {
        push(draft, 64, cbor::nested(5, cbor::uint(0)));
    }),
    fault("record_tag", "malformed/record", "a tag in a record", |draft| {
        push(draft, 64, cbor::tag(1, cbor::uint(0)));
    }),
];

fn small_order() -> Item {
    cose_key(ED25519, &[&[1u8], [0; 31].as_slice()].concat()).encode()
}

/// Another record, with this under a label.
fn push(draft: &mut BundleDraft, label: i64, value: Item) {
    let record = super::bundle_records::record().with(label, value).encode();
    let records = draft.records.iter().cloned().chain([record]).collect();
    draft.set_records(records);
}

fn pairs(cases: &mut Cases) {
    for (at, first) in AROUND.iter().enumerate() {
        AROUND.iter().skip(at + 1).chain(&LATER).for_each(|second| pair(cases, first, second));
    }
    for first in &INSIDE {
        LATER.iter().for_each(|second| pair(cases, first, second));
    }
    let [.., signature] = &AROUND;
    let [domain, sequence, future, _] = &LATER;
    for (at, first) in [domain, sequence, future].into_iter().enumerate() {
        LATER.iter().skip(at + 1).for_each(|second| pair(cases, first, second));
    }
    for first in [signature, domain, sequence, future] {
        RECORDS.iter().for_each(|second| pair(cases, first, second));
    }
}

/// Two faults in one bundle. The reader has seen sequence 7, so that 3 is a step
/// back and 8 is none.
fn pair(cases: &mut Cases, first: &Fault, second: &Fault) {
    let mut draft = BundleDraft::new(&BundlePlan { sequence: 8, ..World::new().bundle() });
    (second.make)(&mut draft);
    (first.make)(&mut draft);
    let (head, rest) = first.what.split_at(1);
    let comment = format!("{}{rest}, and {}.", head.to_uppercase(), second.what);
    let mut test = BundleTest::refused(first.expect, rules::BUNDLE_ORDER, &comment, &draft.sign());
    test.case.earlier = vec![given(&World::new().bundle().sign(), "ok")];
    cases.add_bundle(&format!("{}_before_{}", first.name, second.name), test);
}

/// 2.1 comes before everything else that is said of the same bytes.
fn encoding(cases: &mut Cases) {
    let rule = rules::BUNDLE_ORDER;
    let mut refuse = |name: &str, comment: &str, bytes: Vec<u8>| {
        cases.add_bundle(name, BundleTest::refused("malformed/cbor", rule, comment, &bytes));
    };
    let bundle = World::new().bundle().sign();
    let (_, untagged) = bundle.split_first().expect("a tag");
    let bytes = [cbor::tag(98, untagged), vec![0]].concat();
    refuse("cbor_before_tag", "A byte after the bundle, and tag 98.", bytes);
    let unknown_root = BundlePlan { root: Signer::labelled("stranger"), ..World::new().bundle() };
    let bytes = [unknown_root.sign(), vec![0]].concat();
    refuse("cbor_before_root", "A byte after the bundle, and an unknown root.", bytes);
    let mut draft = BundleDraft::new(&unknown_root);
    draft.protected_bytes = Some([draft.protected.encode(), vec![0]].concat());
    let comment = "A byte after the protected map, and an unknown root.";
    refuse("protected_before_root", comment, draft.sign());
    draft.unprotected = cbor::nil();
    let comment = "A byte after the protected map, and nil for the unprotected one.";
    refuse("protected_before_unprotected", comment, draft.sign());
    let mut draft = BundleDraft::new(&World::new().bundle());
    draft.body.set(2, cbor::text("example.org"));
    let mut record = super::bundle_records::record();
    record.double(2);
    draft.set_records(vec![record.encode()]);
    let comment = "Two subjects in a record, and another domain.";
    refuse("label_twice_before_domain", comment, draft.sign());
    let mut draft = BundleDraft::new(&World::new().bundle());
    draft.body.remove(3);
    draft.body.entries.swap(0, 1);
    refuse("body_order_before_label", "Labels out of order, and no sequence.", draft.sign());
}
