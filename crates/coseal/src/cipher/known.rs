//! Known vectors through our own calls: Wycheproof's for both AEADs and for
//! HKDF.
//!
//! A message's key and nonce are derived, never given, so the vectors enter
//! below [`MessageKey`]: in the two functions that it encrypts and decrypts
//! with, and in [`derive`], with the info cut in two as [`MessageKey::with`]
//! hands it over. What that makes of its inputs is compared byte for byte with
//! another implementation's in `tests/reference.rs`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use alloc::vec;
use wycheproof::TestResult;
use wycheproof::aead::{Test, TestName, TestSet};

/// Runs the vectors of one suite and answers how many there were: those that
/// our types can hold, and those that they cannot.
fn run(name: TestName, suite: Suite) -> (usize, usize) {
    let (mut run, mut outside) = (0, 0);
    for group in TestSet::load(name).unwrap().test_groups {
        for test in group.tests {
            // Our keys have 32 bytes, our nonces 12, our tags 16: other sizes
            // are no question that can be asked here.
            let (Ok(key), Ok(nonce), Ok(tag)) =
                (test.key[..].try_into(), test.nonce[..].try_into(), test.tag[..].try_into())
            else {
                outside += 1;
                continue;
            };
            check(suite, &test, key, nonce, tag);
            run += 1;
        }
    }
    (run, outside)
}

fn check(suite: Suite, test: &Test, key: &[u8; 32], nonce: &[u8; 12], tag: &[u8; TAG]) {
    let input = Input { nonce, aad: &test.aad };
    let mut encrypted = vec![0; test.pt.len()];
    let made = aeads::seal(suite, key, &input, &test.pt, &mut encrypted).unwrap();
    let mut opened = vec![0xee; test.ct.len()];
    let apart = aeads::open(suite, key, &input, &test.ct, tag, &mut opened).is_some();
    let mut in_place = test.ct.to_vec();
    let there = aeads::open_in_place(suite, key, &input, tag, &mut in_place).is_some();
    let told = alloc::format!("{suite}, case {}: {}", test.tc_id, test.comment);
    match test.result {
        TestResult::Valid => {
            assert_eq!(encrypted, test.ct[..], "{told}");
            assert_eq!(made, *tag, "{told}");
            assert!(apart && there, "{told}");
            assert_eq!(opened, test.pt[..], "{told}");
            assert_eq!(in_place, test.pt[..], "{told}");
        }
        TestResult::Invalid => {
            assert_ne!((&encrypted[..], &made), (&test.ct[..], tag), "{told}");
            assert!(!apart && !there, "{told}");
            // Nothing is released: the buffers are as they were, or wiped.
            let is = |bytes: &[u8], value| bytes.iter().all(|byte| *byte == value);
            assert!(is(&opened, 0xee) || is(&opened, 0), "{told}");
            assert!(in_place == test.ct[..] || is(&in_place, 0), "{told}");
        }
        TestResult::Acceptable => panic!("{told}: a case that was not expected"),
    }
}

#[test]
fn wycheproof_aes_gcm() {
    // The others have shorter keys, or nonces that are not 96 bits long.
    assert_eq!(run(TestName::AesGcm, Suite::A256Gcm), (66, 250));
}

#[test]
fn wycheproof_chacha20_poly1305() {
    // The others have nonces that are not 96 bits long.
    assert_eq!(run(TestName::ChaCha20Poly1305, Suite::ChaCha20Poly1305), (316, 9));
}

#[test]
fn wycheproof_hkdf_sha256() {
    let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha256).unwrap();
    let mut run = 0;
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        // The info whole, and cut in two wherever it can be.
        for cut in 0..=test.info.len() {
            let (head, tail) = test.info.split_at(cut);
            // Twice: a second output of one extraction is as good as the first.
            let (mut made, mut again) = (vec![0; test.size], vec![0; test.size]);
            let outputs = [([head, tail], &mut made[..]), ([head, tail], &mut again[..])];
            let derived = derive(&test.salt, &test.ikm, outputs);
            assert_eq!(made, again, "case {}", test.tc_id);
            match test.result {
                TestResult::Valid => {
                    assert_eq!(derived, Some(()), "case {}", test.tc_id);
                    assert_eq!(made, test.okm[..], "case {}", test.tc_id);
                }
                TestResult::Invalid => {
                    assert_eq!(derived, None, "case {}", test.tc_id);
                    assert!(made.iter().all(|byte| *byte == 0), "case {}", test.tc_id);
                }
                TestResult::Acceptable => panic!("case {} was not expected", test.tc_id),
            }
        }
        run += 1;
    }
    assert_eq!(run, 86);
}
