//! Known vectors through our own calls: RFC 8032 and Wycheproof for Ed25519,
//! and Wycheproof's X25519 points as keys that somebody publishes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use alloc::format;
use alloc::vec::Vec;
use wycheproof::TestResult;
use wycheproof::eddsa;
use wycheproof::xdh;

fn array<const N: usize>(hex: &str) -> [u8; N] {
    hex::decode(hex).unwrap().try_into().unwrap()
}

/// RFC 8032 §7.1: secret key, public key, message, signature. The test of 1023
/// bytes is left to Wycheproof, which has longer ones.
const RFC_8032: [[&str; 4]; 4] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
    [
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ],
];

#[test]
fn rfc_8032_signatures_come_out_and_verify() {
    for [seed, public, message, signature] in RFC_8032 {
        let key = SigningKey::from_bytes(&array(seed));
        let message = hex::decode(message).unwrap();
        assert_eq!(hex::encode(key.verifying_key().as_bytes()), public);
        assert_eq!(hex::encode(key.sign(&message)), signature);
        let public = VerifyingKey::from_bytes(&array(public)).unwrap();
        assert!(public.verifies(&message, &array(signature)));
        let mut other = message.clone();
        other.push(0);
        assert!(!public.verifies(&other, &array(signature)));
    }
}

/// Every case is valid or invalid, none merely acceptable, and there is no
/// difference to be listed: our rule, stricter than RFC 8032's, refuses none
/// of the valid ones. Where it differs from laxer rules (points of small
/// order, equations with the cofactor) Wycheproof asks nothing; the vectors of
/// this project do.
#[test]
fn wycheproof_ed25519() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let (mut valid, mut invalid, mut wrong_length) = (0, 0, 0);
    for group in set.test_groups {
        let public: &[u8; 32] = group.key.pk[..].try_into().unwrap();
        let key = VerifyingKey::from_bytes(public).unwrap();
        for test in group.tests {
            let told = format!("case {}: {}", test.tc_id, test.comment);
            let signature = signature_from(&test.sig);
            wrong_length += usize::from(signature.is_none());
            let accepted = signature.is_some_and(|signature| key.verifies(&test.msg, &signature));
            match test.result {
                TestResult::Valid => {
                    assert!(accepted, "{told}");
                    valid += 1;
                }
                TestResult::Invalid => {
                    assert!(!accepted, "{told}");
                    invalid += 1;
                }
                TestResult::Acceptable => panic!("{told}: was not expected"),
            }
        }
    }
    assert_eq!((valid, invalid, wrong_length), (88, 63, 12));
}

/// As a published key, every point that gives zero and every encoding that is
/// not canonical is refused; Wycheproof's flags say which those are. Points on
/// the twist are no danger to X25519 and are taken.
#[test]
fn wycheproof_x25519_points_as_published_keys() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    let (mut taken, mut refused) = (0, 0);
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let public: &[u8; 32] = test.public_key[..].try_into().unwrap();
        let weak = [xdh::TestFlag::ZeroSharedSecret, xdh::TestFlag::NonCanonicalPublic];
        let weak = test.flags.iter().any(|flag| weak.contains(flag)) || public[31] & 0x80 != 0;
        match RecipientKey::from_bytes(public) {
            Ok(key) => {
                assert!(!weak, "case {}: {}", test.tc_id, test.comment);
                assert_eq!(key.as_bytes(), public);
                taken += 1;
            }
            Err(error) => {
                assert!(weak, "case {}: {}", test.tc_id, test.comment);
                assert_eq!((error.code(), error.kind()), ("malformed", Some("weak_key")));
                refused += 1;
            }
        }
    }
    assert_eq!(taken + refused, 518);
    assert!(refused >= 44, "{refused}");
}

/// A signature is 64 bytes; what has others is none, however it begins.
#[test]
fn signatures_of_any_other_length_are_none() {
    let signature: Vec<u8> = (0..130).collect();
    let lengths: Vec<usize> =
        (0..130).filter(|length| signature_from(&signature[..*length]).is_some()).collect();
    assert_eq!(lengths, [64]);
}
