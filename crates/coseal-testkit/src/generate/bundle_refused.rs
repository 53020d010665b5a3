//! Trust bundles, one after the other: one that does not load leaves no trace.

use super::bundle_records::record;
use super::bundle_state::{given, numbered};
use super::rules;
use super::test::{BundleTest, Cases};
use super::world::NOW;
use crate::build::bundle::{BundleDraft, BundlePlan};
use crate::build::cbor;
use crate::build::keys::{ED25519, Signer, cose_key};
use crate::case::{EarlierBundle, Hex};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("bundle_state");
    sequences(cases);
    steps_back(cases);
    roots(cases);
    without_state(cases);
}

/// Adds a case of a reader that was given these before.
fn add_after(
    cases: &mut Cases,
    name: &str,
    comment: &str,
    earlier: Vec<EarlierBundle>,
    bundle: &BundlePlan,
    result: &str,
) {
    let rule = rules::NO_TRACE;
    let mut test = if result == "ok" {
        BundleTest::accepted(bundle.report(0), rule, comment, &bundle.sign())
    } else {
        BundleTest::refused(result, rule, comment, &bundle.sign())
    };
    test.case.earlier = earlier;
    cases.add_bundle(name, test);
}

fn loaded(bundle: &BundlePlan) -> EarlierBundle {
    given(&bundle.sign(), "ok")
}

/// The bundle after `fault`, signed, and what it is refused for.
fn faulty(
    bundle: &BundlePlan,
    result: &str,
    fault: impl FnOnce(&mut BundleDraft),
) -> EarlierBundle {
    let mut draft = BundleDraft::new(bundle);
    fault(&mut draft);
    given(&draft.sign(), result)
}

/// Puts one more record at the end.
fn push(draft: &mut BundleDraft, record: cbor::Item) {
    let records = draft.records.iter().cloned().chain([record]).collect();
    draft.set_records(records);
}

fn push_faulty(draft: &mut BundleDraft) {
    push(draft, record().with(8, cbor::uint(0)).encode());
}

/// After 7 loaded and 9 did not, 8 loads.
fn sequences(cases: &mut Cases) {
    let faults: [(&str, &str, &str, fn(&mut BundleDraft)); 11] = [
        ("record", "malformed/record", "a faulty record", push_faulty),
        ("weak_key", "malformed/weak_key", "a record with a weak key", |draft| {
            let key = cose_key(ED25519, &[&[1u8], [0; 31].as_slice()].concat());
            push(draft, record().with(1, key.encode()).encode());
        }),
        ("deep_record", "malformed/cbor", "a record with a value 5 deep", |draft| {
            push(draft, record().with(64, cbor::nested(5, cbor::uint(0))).encode());
        }),
        ("double", "malformed/duplicate_key", "a record twice", |draft| {
            let first = draft.records.first().cloned().expect("a record");
            push(draft, first);
        }),
        ("future", "stale/from_the_future", "an issuing time to come", |draft| {
            draft.body.set(4, cbor::uint(NOW / 1000 + 3600));
        }),
        ("domain", "untrusted/wrong_domain", "another domain", |draft| {
            draft.body.set(2, cbor::text("example.org"));
        }),
        ("signature", "untrusted/bad_signature", "a bad signature", |draft| {
            draft.signature = Some(vec![7; 64]);
        }),
        ("root", "untrusted/unknown_root", "an unknown root", |draft| {
            let stranger = Signer::labelled("stranger");
            draft.protected.set(4, cbor::bytes(stranger.key_id()));
            draft.signer = stranger;
        }),
        ("body", "malformed/structure", "the unknown label 8", |draft| {
            draft.body.set(8, cbor::uint(0));
        }),
        ("version", "unsupported/version", "format version 2", |draft| {
            draft.body.set(1, cbor::uint(2));
        }),
        ("order", "malformed/cbor", "labels out of order", |draft| draft.body.entries.swap(1, 2)),
    ];
    for (what, result, comment, fault) in faults {
        let name = format!("after_refused_{what}");
        let earlier = vec![loaded(&numbered(7)), faulty(&numbered(9), result, fault)];
        let comment = format!("After sequence 7, and a sequence 9 that was refused for {comment}.");
        add_after(cases, &name, &comment, earlier, &numbered(8), "ok");
    }
    let name = "after_refused_domain_unconfigured";
    let earlier = vec![
        loaded(&numbered(7)),
        faulty(&numbered(9), "untrusted/wrong_domain", |draft| {
            draft.body.set(2, cbor::text("example.org"));
        }),
    ];
    let comment =
        "After a bundle of this domain, and one of another that was refused; none is configured.";
    let next = numbered(8);
    let mut test = BundleTest::accepted(next.report(0), rules::NO_TRACE, comment, &next.sign());
    test.case.earlier = earlier;
    test.case.domain = None;
    cases.add_bundle(name, test);
}

/// What was refused as a step back is one again.
fn steps_back(cases: &mut Cases) {
    let back = "untrusted/rolled_back";
    let before = || given(&numbered(6).sign(), back);
    let fork = BundlePlan { expires_at: numbered(7).expires_at + 1, ..numbered(7) };
    let rows = [
        ("rolled_back_twice", before(), numbered(6), back, "The sequence before, again."),
        ("rolled_back_then_same", before(), numbered(7), "ok", "After a step back the same again."),
        (
            "fork_twice",
            given(&fork.sign(), back),
            fork.clone(),
            back,
            "Another bundle of the same sequence, again.",
        ),
        (
            "fork_then_same",
            given(&fork.sign(), back),
            numbered(7),
            "ok",
            "After another bundle of the same sequence, the same again.",
        ),
    ];
    for (name, second, bundle, result, comment) in rows {
        let earlier = vec![loaded(&numbered(7)), second];
        add_after(cases, name, comment, earlier, &bundle, result);
    }
}

/// The roots of a refused bundle sign nothing, those of the one before still do.
fn roots(cases: &mut Cases) {
    let new = Signer::labelled("next root");
    let naming_new = |sequence| BundlePlan { next_roots: vec![new.clone()], ..numbered(sequence) };
    let by_new = |sequence| BundlePlan { root: new.clone(), ..numbered(sequence) };
    let refused = |bundle: &BundlePlan| faulty(bundle, "malformed/record", push_faulty);
    let earlier = vec![loaded(&numbered(7)), refused(&naming_new(9))];
    let comment = "Signed by a root that only a refused bundle names.";
    let unknown = "untrusted/unknown_root";
    add_after(cases, "named_by_refused", comment, earlier, &by_new(10), unknown);
    let earlier = vec![loaded(&naming_new(7)), refused(&by_new(9))];
    let comment = "The next root's first bundle was refused; the present one signs once more.";
    add_after(cases, "not_taken_over", comment, earlier, &numbered(8), "ok");
    let earlier = vec![loaded(&naming_new(7)), refused(&numbered(9))];
    let comment = "Signed by the next root, after a bundle was refused that names none.";
    add_after(cases, "named_before_refused", comment, earlier, &by_new(8), "ok");
}

/// Where nothing loaded, the pins hold, and any sequence is the first.
fn without_state(cases: &mut Cases) {
    let other = Signer::labelled("another root");
    let next = BundlePlan { root: other.clone(), ..numbered(3) };
    let comment = "Nothing loaded before: another pinned root, and a lower sequence than that of the bundle that was refused.";
    let mut test = BundleTest::accepted(next.report(0), rules::NO_TRACE, comment, &next.sign());
    test.case.earlier = vec![faulty(&numbered(9), "malformed/record", push_faulty)];
    test.case.roots_hex.push(Hex::from(&other.public()));
    cases.add_bundle("nothing_loaded_before", test);
}
