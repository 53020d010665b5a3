//! Signatures that lax verifiers take: small order, other spellings, S + L,
//! the cofactor.

use super::rules;
use super::test::{Cases, Test};
use super::words;
use super::world::{ORDERS, VALID_FROM, World};
use crate::build::bundle::{BundlePlan, Record};
use crate::build::draft::{Draft, Sealed};
use crate::build::plan::{Plan, Recipient};
use crate::build::weak::{self, Holds, Scalars};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("ed25519");
    malleable(cases);
    small_r(cases);
    mixed_order(cases);
}

const BAD: &str = "untrusted/bad_signature";

/// A message by a key that is used by hand, and a bundle that holds it.
fn by_hand(cases: &Cases, name: &str, key: &Scalars, attempt: u32) -> (Draft, BundlePlan) {
    let world = World::new();
    let label = format!("{} {attempt}", cases.label(name));
    let plan = Plan { signer: key.signer(), ..world.plan(&label) };
    // The entry is bound to the signer, so it is made anew.
    let plan = Plan { recipients: vec![Recipient::x25519(&world.stock, &label)], ..plan };
    let mut draft = Draft::new(plan);
    // Until there is one: what is to be signed can be asked for.
    draft.receipt.signature = Some(vec![0; 64]);
    let mut bundle = world.bundle();
    bundle.records = vec![Record::sign(&key.signer(), ORDERS, VALID_FROM, &["orders"])];
    (draft, bundle)
}

/// Seals messages until `sign` makes a signature for one, which satisfies the
/// equation as far as `holds` says and no further.
fn sealed_by_hand(
    cases: &Cases,
    name: &str,
    key: &Scalars,
    holds: Holds,
    sign: impl Fn(&[u8], &str) -> Option<Vec<u8>>,
) -> (Sealed, BundlePlan) {
    (0..)
        .find_map(|attempt| {
            let (mut draft, bundle) = by_hand(cases, name, key, attempt);
            let message = draft.seal().sig_structure;
            let signature = sign(&message, &format!("{name} {attempt}"))?;
            assert_eq!(Holds::of(&key.signer().public(), &message, &signature), holds, "{name}");
            draft.receipt.signature = Some(signature);
            Some((draft.seal(), bundle))
        })
        .expect("one in some tens")
}

fn malleable(cases: &mut Cases) {
    let rule = rules::ED25519;
    let comment = "S + L in the place of S.";
    cases.fault("s_plus_l", BAD, rule, comment, |draft| {
        draft.receipt.signature = Some(weak::malleated(&draft.seal().signature));
    });
    cases.fault("s_top_bit", BAD, rule, "The top bit of S is set: S is far from L.", |draft| {
        let mut signature = draft.seal().signature;
        *signature.last_mut().expect("64 bytes") |= 0x80;
        draft.receipt.signature = Some(signature);
    });
    let comment =
        "Made by hand as RFC 8032 says, to show that the cases beside this one are made rightly.";
    let key = Scalars::plain("made_by_hand");
    let (sealed, bundle) =
        sealed_by_hand(cases, "made_by_hand", &key, Holds::Bytewise, |message, nonce| {
            key.sign(message, nonce, &identity(), None)
        });
    cases.add("made_by_hand", Test::of(rule, comment, &sealed).bundle(&bundle));
}

fn identity() -> [u8; 32] {
    point("identity")
}

fn point(name: &str) -> [u8; 32] {
    weak::small_order_ed25519()
        .into_iter()
        .find(|point| point.name == name)
        .expect("a point of that name")
        .bytes
}

/// R of small order. Where the equation holds, only the check of R refuses.
fn small_r(cases: &mut Cases) {
    let rule = rules::ED25519;
    let name = "r_identity";
    let key = Scalars::plain(name);
    let comment = "R is the identity and S = k·a: the equation holds, R is of small order.";
    let (sealed, bundle) = sealed_by_hand(cases, name, &key, Holds::Bytewise, |message, _| {
        key.sign_with_r(message, identity(), None)
    });
    cases.add(name, Test::new(rule, comment, &sealed.envelope).bundle(&bundle).refused(BAD));

    // [S]B - [k]A = -[k]T = R, where A = [a]B + T, R = T and k = -1 mod 8.
    for name in
        ["order_2", "order_4_a", "order_4_b", "order_8_a", "order_8_b", "order_8_c", "order_8_d"]
    {
        let file = format!("r_{name}");
        let torsion = point(name);
        let key = Scalars::with_torsion(&file, &torsion);
        let (sealed, bundle) = sealed_by_hand(cases, &file, &key, Holds::Bytewise, |message, _| {
            key.sign_with_r(message, torsion, Some(7))
        });
        let comment = format!(
            "R is of small order ({}), and the equation holds without a cofactor.",
            words::of(name)
        );
        cases.add(&file, Test::new(rule, &comment, &sealed.envelope).bundle(&bundle).refused(BAD));
    }
    // Other spellings of the identity: right if R is decoded, wrong bytewise.
    for name in ["identity_signed", "identity_unreduced", "identity_unreduced_signed"] {
        let file = format!("r_{name}");
        let key = Scalars::plain(&file);
        let r = point(name);
        let (sealed, bundle) = sealed_by_hand(cases, &file, &key, Holds::Decoded, |message, _| {
            key.sign_with_r(message, r, None)
        });
        let comment = format!("R is the identity in another spelling ({}).", words::of(name));
        cases.add(&file, Test::new(rule, &comment, &sealed.envelope).bundle(&bundle).refused(BAD));
    }
    for name in ["order_2_signed", "order_4_a_unreduced", "order_4_b_unreduced"] {
        let file = format!("r_{name}");
        let r = point(name);
        let key = Scalars::with_torsion(&file, &r);
        let (sealed, bundle) = sealed_by_hand(cases, &file, &key, Holds::Decoded, |message, _| {
            key.sign_with_r(message, r, Some(7))
        });
        let comment =
            format!("R is of small order, and in another spelling ({}).", words::of(name));
        cases.add(&file, Test::new(rule, &comment, &sealed.envelope).bundle(&bundle).refused(BAD));
    }
    // Not reduced and of large order: nobody knows its logarithm, so that no
    // equation holds; a decoder of R still must not take it.
    cases.fault("r_unreduced", BAD, rule, "R is not reduced (y = p + 3).", |draft| {
        let signature = draft.seal().signature;
        let (_, s) = signature.split_at(32);
        draft.receipt.signature = Some([&weak::unreduced_large_order_ed25519(), s].concat());
    });
    cases.fault("r_no_point", BAD, rule, "R is not on the curve (y = 2).", |draft| {
        let signature = draft.seal().signature;
        let (_, s) = signature.split_at(32);
        draft.receipt.signature = Some([&weak::no_point_ed25519(), s].concat());
    });
}

/// A or R with a part of small order: the equation has no cofactor.
fn mixed_order(cases: &mut Cases) {
    let rule = rules::ED25519;
    let torsion = point("order_8_a");
    let name = "r_mixed_order";
    let key = Scalars::plain(name);
    let (sealed, bundle) =
        sealed_by_hand(cases, name, &key, Holds::WithCofactor, |message, nonce| {
            key.sign(message, nonce, &torsion, None)
        });
    let comment =
        "R has a part of order 8: the equation holds only if it is multiplied by the cofactor.";
    cases.add(name, Test::new(rule, comment, &sealed.envelope).bundle(&bundle).refused(BAD));

    let name = "a_mixed_order_cofactored";
    let key = Scalars::with_torsion(name, &torsion);
    let (sealed, bundle) =
        sealed_by_hand(cases, name, &key, Holds::WithCofactor, |message, nonce| {
            key.sign(message, nonce, &identity(), Some(3))
        });
    let comment =
        "A has a part of order 8: the equation holds only if it is multiplied by the cofactor.";
    cases.add(name, Test::new(rule, comment, &sealed.envelope).bundle(&bundle).refused(BAD));

    let name = "a_mixed_order_cofactorless";
    let key = Scalars::with_torsion(name, &torsion);
    let (sealed, bundle) = sealed_by_hand(cases, name, &key, Holds::Bytewise, |message, nonce| {
        key.sign(message, nonce, &identity(), Some(0))
    });
    let comment = "A has a part of order 8 that vanishes for this message: canonical, not of small order, accepted.";
    cases.add(name, Test::of(rule, comment, &sealed).bundle(&bundle));
}
