//! Trust bundles, one after the other: sequences and roots.

use super::rules;
use super::test::{BundleTest, Cases, expect};
use super::world::{EXPIRES, World};
use crate::build::bundle::BundlePlan;
use crate::build::keys::Signer;
use crate::case::{EarlierBundle, Hex};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("bundle_state");
    sequences(cases);
    roots(cases);
    domains(cases);
}

pub(super) fn numbered(sequence: u64) -> BundlePlan {
    BundlePlan { sequence, ..World::new().bundle() }
}

/// A bundle that the reader was given before, and what came of it.
pub(super) fn given(bundle: &[u8], result: &str) -> EarlierBundle {
    EarlierBundle { bundle_hex: Hex::from(bundle), expect: expect(result) }
}

/// A reader who loaded `earlier`, of these pins.
fn after(earlier: &[&BundlePlan], pins: &[&Signer], mut test: BundleTest) -> BundleTest {
    test.case.earlier = earlier.iter().map(|bundle| given(&bundle.sign(), "ok")).collect();
    test.case.roots_hex = pins.iter().map(|root| Hex::from(&root.public())).collect();
    test
}

fn accepted(rule: &str, comment: &str, bundle: &BundlePlan) -> BundleTest {
    BundleTest::accepted(bundle.report(0), rule, comment, &bundle.sign())
}

fn sequences(cases: &mut Cases) {
    let rule = rules::ROLLED_BACK;
    let refused = |comment: &str, bundle: &BundlePlan| {
        BundleTest::refused("untrusted/rolled_back", rule, comment, &bundle.sign())
    };
    let root = World::new().root;
    let pins = [&root];
    let seen = numbered(7);
    let add = |cases: &mut Cases, name: &str, earlier: &[&BundlePlan], test: BundleTest| {
        cases.add_bundle(name, after(earlier, &pins, test));
    };
    add(cases, "next", &[&seen], accepted(rule, "The next sequence.", &numbered(8)));
    add(cases, "same", &[&seen], accepted(rule, "The same bundle again.", &seen));
    add(cases, "before", &[&seen], refused("The sequence before.", &numbered(6)));
    add(cases, "zero", &[&seen], refused("Sequence 0.", &numbered(0)));
    let other = BundlePlan { expires_at: EXPIRES + 1, ..numbered(7) };
    add(cases, "fork", &[&seen], refused("The same sequence with another expiry.", &other));
    let next = numbered(8);
    let comment = "A bundle that was right, before its successor came.";
    add(cases, "back_to_an_earlier", &[&seen, &next], refused(comment, &seen));
    let largest = numbered(i64::MAX.cast_unsigned());
    let new = Signer::labelled("next root");
    let names_new = BundlePlan { next_roots: vec![new.clone()], ..numbered(7) };
    let by_new = BundlePlan { root: new, ..names_new.clone() };
    let comment = "The same sequence and body, signed by the next root: other bytes.";
    add(cases, "same_body_by_next_root", &[&names_new], refused(comment, &by_new));
    let comment = "The largest sequence.";
    add(cases, "largest", &[], accepted(rule, comment, &largest));
    let comment = "A reader without state takes any sequence.";
    add(cases, "first_zero", &[], accepted(rule, comment, &numbered(0)));
    let before_largest = numbered(i64::MAX.cast_unsigned() - 1);
    let comment = "The last sequence but one, after the last.";
    add(cases, "before_largest", &[&largest], refused(comment, &before_largest));
}

fn roots(cases: &mut Cases) {
    let rule = rules::NEXT_ROOT;
    let old = World::new().root;
    let new = Signer::labelled("next root");
    let other = Signer::labelled("another root");
    let unknown = |comment: &str, bundle: &BundlePlan| {
        BundleTest::refused("untrusted/unknown_root", rule, comment, &bundle.sign())
    };
    let by = |root: &Signer, sequence: u64, next_roots: &[&Signer]| BundlePlan {
        root: root.clone(),
        next_roots: next_roots.iter().map(|&root| root.clone()).collect(),
        ..numbered(sequence)
    };
    let names_new = by(&old, 7, &[&new]);
    let add = |cases: &mut Cases,
               name: &str,
               earlier: &[&BundlePlan],
               pins: &[&Signer],
               test: BundleTest| {
        cases.add_bundle(name, after(earlier, pins, test));
    };
    let comment = "Signed by the root that the bundle before names; it is not pinned.";
    add(cases, "handed_over", &[&names_new], &[&old], accepted(rule, comment, &by(&new, 8, &[])));
    let comment = "The bundle before names another root; the present one signs once more.";
    add(
        cases,
        "not_handed_over",
        &[&names_new],
        &[&old],
        accepted(rule, comment, &by(&old, 8, &[])),
    );
    let by_new = by(&new, 8, &[]);
    let comment = "Signed by the root before, after it was handed over; it is still pinned.";
    add(
        cases,
        "old_root_after_handing_over",
        &[&names_new, &by_new],
        &[&old],
        unknown(comment, &by(&old, 9, &[])),
    );
    let comment = "The next bundle under the root that took over.";
    add(
        cases,
        "new_root_goes_on",
        &[&names_new, &by_new],
        &[&old],
        accepted(rule, comment, &by(&new, 9, &[])),
    );
    let plain = by(&old, 7, &[]);
    let comment = "Signed by a pinned root that the bundle before does not name.";
    add(
        cases,
        "pinned_but_not_named",
        &[&plain],
        &[&old, &other],
        unknown(comment, &by(&other, 8, &[])),
    );
    let withdrawn = by(&old, 8, &[]);
    let comment = "Signed by a root that was named two bundles before, and no longer.";
    add(
        cases,
        "withdrawn",
        &[&names_new, &withdrawn],
        &[&old],
        unknown(comment, &by(&new, 9, &[])),
    );
    let names_two = by(&old, 7, &[&new, &other]);
    let comment = "Signed by the second of two roots that the bundle before names.";
    add(
        cases,
        "second_of_two",
        &[&names_two],
        &[&old],
        accepted(rule, comment, &by(&other, 8, &[])),
    );
    let comment = "Signed by a root that nobody named.";
    let stranger = Signer::labelled("stranger");
    add(cases, "stranger", &[&names_two], &[&old], unknown(comment, &by(&stranger, 8, &[])));
}

/// The domain of the state counts as much as a configured one.
fn domains(cases: &mut Cases) {
    let rule = rules::DOMAIN;
    let root = World::new().root;
    let seen = numbered(7);
    let other = BundlePlan { domain: "example.org".to_owned(), ..numbered(8) };
    let no_domain = |mut test: BundleTest| {
        test.case.domain = None;
        test
    };
    let comment = "No domain is configured; the bundle before was of another.";
    let test = BundleTest::refused("untrusted/wrong_domain", rule, comment, &other.sign());
    cases.add_bundle("other_domain", after(&[&seen], &[&root], no_domain(test)));
    let other = BundlePlan { domain: "Example.test".to_owned(), ..numbered(8) };
    let comment = "No domain is configured; the bundle before was of this one in small letters.";
    let test = BundleTest::refused("untrusted/wrong_domain", rule, comment, &other.sign());
    cases.add_bundle("other_domain_case", after(&[&seen], &[&root], no_domain(test)));
    let comment = "No domain is configured; the bundle before was of this one.";
    let test = accepted(rule, comment, &numbered(8));
    cases.add_bundle("same_domain", after(&[&seen], &[&root], no_domain(test)));
}
