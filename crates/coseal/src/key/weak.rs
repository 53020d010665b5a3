//! X25519 public keys that no honest party publishes.

use crate::error::{Error, Malformed, Result};

/// 2^255 − 19, little-endian.
const P: [u8; 32] = {
    let mut p = [0xff; 32];
    p[0] = 0xed;
    p[31] = 0x7f;
    p
};

/// The canonical u-coordinates whose order divides the cofactor 8: 0, 1, p − 1
/// and the two of order 8. Clamped scalars are multiples of 8, so each gives
/// the all-zero shared secret (RFC 7748 §6.1).
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
    {
        let mut minus_one = P;
        minus_one[0] = 0xec;
        minus_one
    },
];

pub(super) fn check_x25519(bytes: &[u8; 32]) -> Result<()> {
    let weak = |why| Err(Error::Malformed(Malformed::WeakKey, why));
    // Little-endian: compare from the last byte to the first.
    if !bytes.iter().rev().lt(P.iter().rev()) {
        return weak("the X25519 public key is not encoded canonically".into());
    }
    if SMALL_ORDER.contains(bytes) {
        return weak("the X25519 public key is of small order".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_listed_point_gives_the_all_zero_secret() {
        for point in SMALL_ORDER {
            let shared = x25519_dalek::x25519([0x55; 32], point);
            assert_eq!(shared, [0; 32], "{point:02x?}");
            let error = check_x25519(&point).expect_err("weak");
            assert_eq!(error.kind(), Some("weak_key"));
        }
    }

    #[test]
    fn encodings_from_p_upwards_are_refused() {
        let mut above = P;
        for low in 0xed..=0xff {
            above[0] = low;
            assert!(check_x25519(&above).is_err());
        }
        let mut high_bit = [9; 32];
        assert!(check_x25519(&high_bit).is_ok());
        high_bit[31] |= 0x80;
        assert!(check_x25519(&high_bit).is_err());
    }
}
