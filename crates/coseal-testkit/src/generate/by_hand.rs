//! Signatures made by hand where a bundle or a later receipt is signed: what the
//! sender's receipt is refused for is refused there, too. And roots that are
//! pinned and no sound keys.

use super::other_receipts::carried;
use super::rules;
use super::test::{BundleTest, Cases};
use super::words;
use super::world::{VALID_FROM, World};
use crate::build::bundle::{BundleDraft, BundlePlan, Record};
use crate::build::cbor;
use crate::build::merkle::Proof;
use crate::build::weak::{self, Holds, Scalars};
use crate::case::ReceiptVerdict::{Invalid, Trusted};
use crate::case::{Hex, LongHex};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("bundle");
    bundles(cases);
    pins(cases);
    cases.theme("other_receipts");
    notaries(cases);
}

/// A way to sign by hand.
struct Way {
    name: &'static str,
    /// The part of small order that A has.
    torsion: &'static str,
    /// How far the equation holds.
    holds: Holds,
    /// R, and k mod 8 where it matters.
    r: R,
    k_mod_8: Option<u8>,
    is_accepted: bool,
    what: &'static str,
}

enum R {
    /// These bytes; S = k·a.
    Given(&'static str),
    /// An honest one with a part of small order.
    Mixed(&'static str),
}

const IDENTITY: &str = "identity";

const WAYS: [Way; 11] = [
    small("ed25519_r_identity", IDENTITY, None, "R is the identity and S = k·a"),
    small("ed25519_r_order_2", "order_2", Some(7), "R has order 2"),
    small("ed25519_r_order_4_a", "order_4_a", Some(7), "R has order 4"),
    small("ed25519_r_order_4_b", "order_4_b", Some(7), "R has order 4"),
    small("ed25519_r_order_8_a", "order_8_a", Some(7), "R has order 8"),
    small("ed25519_r_order_8_d", "order_8_d", Some(7), "R has order 8"),
    Way {
        name: "ed25519_r_identity_unreduced",
        torsion: IDENTITY,
        holds: Holds::Decoded,
        r: R::Given("identity_unreduced"),
        k_mod_8: None,
        is_accepted: false,
        what: "R is the identity in another spelling: the equation holds if R is decoded",
    },
    Way {
        name: "ed25519_r_identity_signed",
        torsion: IDENTITY,
        holds: Holds::Decoded,
        r: R::Given("identity_signed"),
        k_mod_8: None,
        is_accepted: false,
        what: "R is the identity with a sign: the equation holds if R is decoded",
    },
    Way {
        name: "ed25519_r_mixed_order",
        torsion: IDENTITY,
        holds: Holds::WithCofactor,
        r: R::Mixed("order_8_a"),
        k_mod_8: None,
        is_accepted: false,
        what: "R has a part of order 8: the equation holds only with the cofactor",
    },
    Way {
        name: "ed25519_a_mixed_order_cofactored",
        torsion: "order_8_a",
        holds: Holds::WithCofactor,
        r: R::Mixed(IDENTITY),
        k_mod_8: Some(3),
        is_accepted: false,
        what: "A has a part of order 8: the equation holds only with the cofactor",
    },
    Way {
        name: "ed25519_a_mixed_order_cofactorless",
        torsion: "order_8_a",
        holds: Holds::Bytewise,
        r: R::Mixed(IDENTITY),
        k_mod_8: Some(0),
        is_accepted: true,
        what: "A has a part of order 8 that vanishes for these bytes",
    },
];

/// R = T and A = [a]B + T, k = -1 mod 8: the equation holds bytewise.
const fn small(
    name: &'static str,
    point: &'static str,
    k_mod_8: Option<u8>,
    what: &'static str,
) -> Way {
    let r = R::Given(point);
    Way { name, torsion: point, holds: Holds::Bytewise, r, k_mod_8, is_accepted: false, what }
}

fn point(name: &str) -> [u8; 32] {
    let mut points = weak::small_order_ed25519().into_iter();
    points.find(|point| point.name == name).expect("a point of that name").bytes
}

impl Way {
    fn key(&self, label: &str) -> Scalars {
        Scalars::with_torsion(label, &point(self.torsion))
    }

    /// `None` where these bytes cannot be signed so.
    fn sign(&self, key: &Scalars, message: &[u8], nonce: &str) -> Option<Vec<u8>> {
        let signature = match self.r {
            R::Given(r) => key.sign_with_r(message, point(r), self.k_mod_8),
            R::Mixed(torsion) => key.sign(message, nonce, &point(torsion), self.k_mod_8),
        }?;
        let holds = Holds::of(&key.signer().public(), message, &signature);
        assert_eq!(holds, self.holds, "{}", self.name);
        Some(signature)
    }
}

fn bundles(cases: &mut Cases) {
    for way in &WAYS {
        let label = cases.label(way.name);
        let key = way.key(&label);
        let (plan, signed) = (0..)
            .find_map(|sequence| {
                let root = key.signer();
                let plan = BundlePlan { root, sequence, ..World::new().bundle() };
                let mut draft = BundleDraft::new(&plan);
                let nonce = format!("{label} {sequence}");
                draft.signature = Some(way.sign(&key, &draft.sig_structure(), &nonce)?);
                Some((plan, draft.sign()))
            })
            .expect("one in some tens");
        let comment = format!("In the signature of the bundle: {}.", way.what);
        let mut test = if way.is_accepted {
            BundleTest::accepted(plan.report(0), rules::ED25519, &comment, &signed)
        } else {
            BundleTest::refused("untrusted/bad_signature", rules::ED25519, &comment, &signed)
        };
        test.case.roots_hex = vec![Hex::from(&key.signer().public())];
        cases.add_bundle(way.name, test);
    }
}

fn notaries(cases: &mut Cases) {
    for way in &WAYS {
        let label = cases.label(way.name);
        let key = way.key(&label);
        let mut bundle = World::new().bundle();
        let subject = "spiffe://example.test/notary/by-hand";
        bundle.records.push(Record::sign(&key.signer(), subject, VALID_FROM, &["orders"]));
        let comment = format!("In the signature of a later receipt: {}.", way.what);
        carried(cases, way.name, &comment, &bundle, |good| {
            let receipt = (0..)
                .find_map(|attempt| {
                    let mut receipt = good.clone();
                    receipt.signer = key.signer();
                    receipt.protected.set(4, cbor::bytes(key.signer().key_id()));
                    let nonce = format!("{label} {attempt}");
                    receipt.proof = Proof::imagined(11, 5, &nonce);
                    receipt.signature = Some(way.sign(&key, &receipt.signed_bytes(), &nonce)?);
                    Some(receipt.encode())
                })
                .expect("one in some tens");
            vec![(receipt, if way.is_accepted { Trusted } else { Invalid })]
        });
    }
}

/// Under a key of small order anybody can sign: it is refused where it is pinned.
fn pins(cases: &mut Cases) {
    let (rule, weak_key) = (rules::WEAK_ROOT, "malformed/weak_key");
    let pinned = |comment: &str, public: [u8; 32], bundle: LongHex| {
        let mut test = BundleTest::refused(weak_key, rule, comment, bundle);
        test.case.roots_hex = vec![Hex::from(&public)];
        test
    };
    for point in weak::small_order_ed25519() {
        let name = format!("pinned_{}", point.name);
        let label = cases.label(&name);
        let key = Scalars::of_small_order(point.bytes);
        let signed = (0..)
            .find_map(|sequence| {
                let root = key.signer();
                let plan = BundlePlan { root, sequence, ..World::new().bundle() };
                let mut draft = BundleDraft::new(&plan);
                let message = draft.sig_structure();
                let nonce = format!("{label} {sequence}");
                let signature = key.sign(&message, &nonce, &self::point(IDENTITY), Some(0))?;
                assert_eq!(Holds::of(&point.bytes, &message, &signature), Holds::Bytewise);
                draft.signature = Some(signature);
                Some(draft.sign())
            })
            .expect("one in some tens");
        let comment = format!(
            "A pinned root of small order ({}), and a bundle that anybody signed: the equation holds.",
            words::of(point.name)
        );
        cases.add_bundle(&name, pinned(&comment, point.bytes, LongHex::from(&signed)));
    }
    let good = World::new().bundle().sign();
    for (name, public, comment) in [
        (
            "pinned_unreduced",
            weak::unreduced_large_order_ed25519(),
            "A pinned root of large order that is not reduced (y = p + 3).",
        ),
        ("pinned_no_point", weak::no_point_ed25519(), "A pinned root that is not on the curve."),
    ] {
        cases.add_bundle(name, pinned(comment, public, LongHex::from(&good)));
    }
    let comment = "The bundle's root is pinned, and beside it one of small order.";
    let mut test = BundleTest::refused(weak_key, rule, comment, &good);
    test.case.roots_hex.push(Hex::from(&point(IDENTITY)));
    cases.add_bundle("pinned_beside_a_good_one", test);
}
