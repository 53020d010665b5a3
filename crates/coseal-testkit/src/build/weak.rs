//! Points and signatures that honest libraries never make.

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use sha2::{Digest as _, Sha512};

use super::keys::{Signer, seed};

/// A point, and what to call it in a file name.
pub(crate) struct Point {
    pub(crate) name: &'static str,
    pub(crate) bytes: [u8; 32],
}

/// Every encoding of an Ed25519 point of small order that some decoder takes:
/// the eight points, then other spellings of them (y not reduced, or a sign
/// where x is zero).
pub(crate) fn small_order_ed25519() -> Vec<Point> {
    [
        ("identity", "0100000000000000000000000000000000000000000000000000000000000000"),
        ("order_2", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ("order_4_a", "0000000000000000000000000000000000000000000000000000000000000000"),
        ("order_4_b", "0000000000000000000000000000000000000000000000000000000000000080"),
        ("order_8_a", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        ("order_8_b", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
        ("order_8_c", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        ("order_8_d", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
        ("identity_signed", "0100000000000000000000000000000000000000000000000000000000000080"),
        ("identity_unreduced", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        (
            "identity_unreduced_signed",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        ),
        ("order_2_signed", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
        ("order_4_a_unreduced", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ("order_4_b_unreduced", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    ]
    .map(point)
    .into()
}

/// Encodings of X25519 points of small order: every result with them is zero.
/// The top bit is ignored by X25519 (RFC 7748 §5), so each comes twice.
pub(crate) fn small_order_x25519() -> Vec<Point> {
    [
        ("zero", "0000000000000000000000000000000000000000000000000000000000000000"),
        ("one", "0100000000000000000000000000000000000000000000000000000000000000"),
        ("order_8_a", "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        ("order_8_b", "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
        ("p_minus_1", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ("p", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ("p_plus_1", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ("zero_top_bit", "0000000000000000000000000000000000000000000000000000000000000080"),
        ("one_top_bit", "0100000000000000000000000000000000000000000000000000000000000080"),
        ("order_8_a_top_bit", "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880"),
        ("order_8_b_top_bit", "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7"),
        ("p_minus_1_top_bit", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
        ("p_top_bit", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
        ("p_plus_1_top_bit", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    ]
    .map(point)
    .into()
}

fn point((name, hex): (&'static str, &str)) -> Point {
    let mut bytes = [0; 32];
    hex::decode_to_slice(hex, &mut bytes).expect("64 digits");
    Point { name, bytes }
}

/// y = p + 3: on the curve, of large order, and not reduced.
pub(crate) fn unreduced_large_order_ed25519() -> [u8; 32] {
    point(("", "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")).bytes
}

/// u = p + 9, the base point spelt another way: of large order, not reduced.
pub(crate) fn unreduced_x25519() -> [u8; 32] {
    point(("", "f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")).bytes
}

/// y = 2 is not on the curve.
pub(crate) fn no_point_ed25519() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = 2;
    bytes
}

/// The order of the prime-order subgroup, L, little-endian.
fn group_order() -> [u8; 32] {
    point(("", "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")).bytes
}

/// The same signature with S + L in the place of S.
pub(crate) fn malleated(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(32);
    let mut carry = 0;
    let sum = s.iter().zip(group_order()).map(|(&s, l)| {
        let [low, high] = (u16::from(s) + u16::from(l) + carry).to_le_bytes();
        carry = u16::from(high);
        low
    });
    [r, &sum.collect::<Vec<u8>>()].concat()
}

/// A private scalar, used by hand.
#[derive(Clone)]
pub(crate) struct Scalars {
    a: Scalar,
    public: [u8; 32],
}

impl Scalars {
    /// A key without torsion, made by hand.
    pub(crate) fn plain(label: &str) -> Self {
        Self::with_torsion(label, &point(("", IDENTITY)).bytes)
    }

    /// A = [a]B + T: of mixed order if T is not the identity.
    pub(crate) fn with_torsion(label: &str, torsion: &[u8; 32]) -> Self {
        let torsion = decompress(torsion);
        let a = Scalar::from_bytes_mod_order(seed(&format!("scalar {label}")));
        let public = (EdwardsPoint::mul_base(&a) + torsion).compress().to_bytes();
        Self { a, public }
    }

    /// A = T: anybody knows that a is zero.
    pub(crate) fn of_small_order(public: [u8; 32]) -> Self {
        Self { a: Scalar::ZERO, public }
    }

    pub(crate) fn signer(&self) -> Signer {
        Signer::public_only(self.public)
    }

    /// R = [r]B + T and S = r + k·a.
    ///
    /// Right by the equation without cofactor only where [k]T_A + T is the
    /// identity; `None` unless k mod 8 is `k_mod_8`, whether k is reduced by L
    /// or not, so that no reader sees it differently.
    pub(crate) fn sign(
        &self,
        message: &[u8],
        nonce: &str,
        torsion_of_r: &[u8; 32],
        k_mod_8: Option<u8>,
    ) -> Option<Vec<u8>> {
        let r = Scalar::from_bytes_mod_order(seed(&format!("nonce {nonce}")));
        let encoded = (EdwardsPoint::mul_base(&r) + decompress(torsion_of_r)).compress().to_bytes();
        self.finish(message, encoded, r, k_mod_8)
    }

    /// R = these bytes, S = k·a: as if r were zero.
    pub(crate) fn sign_with_r(
        &self,
        message: &[u8],
        r: [u8; 32],
        k_mod_8: Option<u8>,
    ) -> Option<Vec<u8>> {
        self.finish(message, r, Scalar::ZERO, k_mod_8)
    }

    fn finish(
        &self,
        message: &[u8],
        r: [u8; 32],
        nonce: Scalar,
        k_mod_8: Option<u8>,
    ) -> Option<Vec<u8>> {
        let hash = Sha512::new()
            .chain_update(r)
            .chain_update(self.public)
            .chain_update(message)
            .finalize();
        let whole: [u8; 64] = hash.into();
        let k = Scalar::from_bytes_mod_order_wide(&whole);
        let low_bits = |byte: Option<&u8>| byte.map(|byte| byte & 7);
        if k_mod_8.is_some_and(|wanted| {
            [low_bits(k.as_bytes().first()), low_bits(whole.first())] != [Some(wanted); 2]
        }) {
            return None;
        }
        let s = nonce + k * self.a;
        Some([r, s.to_bytes()].concat())
    }
}

/// How far a signature satisfies the equation of Ed25519, by a verifier that
/// checks nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// The encoding of [S]B - [k]A is R.
    Bytewise,
    /// They are the same point in two spellings.
    Decoded,
    /// They differ by a point of small order.
    WithCofactor,
    /// Not at all.
    Nowhere,
}

impl Holds {
    pub(crate) fn of(public: &[u8; 32], message: &[u8], signature: &[u8]) -> Self {
        let (r, s) = signature.split_at(32);
        let hash = Sha512::new().chain_update(r).chain_update(public).chain_update(message);
        let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        let s = Scalar::from_bytes_mod_order(s.try_into().expect("64 bytes"));
        let right = EdwardsPoint::mul_base(&s) - decompress(public) * k;
        let r: [u8; 32] = r.try_into().expect("64 bytes");
        match CompressedEdwardsY(r).decompress() {
            _ if right.compress().to_bytes() == r => Self::Bytewise,
            Some(left) if left == right => Self::Decoded,
            Some(left) if (left - right).is_small_order() => Self::WithCofactor,
            _ => Self::Nowhere,
        }
    }
}

const IDENTITY: &str = "0100000000000000000000000000000000000000000000000000000000000000";

fn decompress(bytes: &[u8; 32]) -> EdwardsPoint {
    CompressedEdwardsY(*bytes).decompress().expect("a point of the curve")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_order_points_are_what_their_names_say() {
        for (at, Point { name, bytes }) in small_order_ed25519().into_iter().enumerate() {
            let point = decompress(&bytes);
            assert!(point.is_small_order(), "{name}");
            assert_eq!(point.compress().to_bytes() == bytes, at < 8, "{name} is canonical");
        }
        for Point { name, bytes } in small_order_x25519() {
            assert_eq!(x25519_dalek::x25519(seed("any scalar"), bytes), [0; 32], "{name}");
        }
    }

    #[test]
    fn other_points_are_what_their_names_say() {
        let point = decompress(&unreduced_large_order_ed25519());
        assert!(!point.is_small_order());
        assert_ne!(point.compress().to_bytes(), unreduced_large_order_ed25519());
        assert!(CompressedEdwardsY(no_point_ed25519()).decompress().is_none());
        let mut nine = [0; 32];
        nine[0] = 9;
        let scalar = seed("any scalar");
        assert_eq!(
            x25519_dalek::x25519(scalar, unreduced_x25519()),
            x25519_dalek::x25519(scalar, nine)
        );
    }

    #[test]
    fn a_malleated_signature_differs_by_the_group_order() {
        let signature = Signer::labelled("test").sign(b"message");
        let (_, s) = signature.split_at(32);
        let malleated = malleated(&signature);
        let (_, more) = malleated.split_at(32);
        let reduce = |s: &[u8]| Scalar::from_bytes_mod_order(s.try_into().expect("32 bytes"));
        assert_ne!(s, more);
        assert_eq!(reduce(s), reduce(more));
    }
}
