#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::time::{Duration, Instant};

use coseal::{PrivateKey, SigningKey};
use pkcs8::der::AnyRef;
use pkcs8::der::Encode;
use pkcs8::pkcs5::pbes2::Pbkdf2Params;
use pkcs8::spki::AlgorithmIdentifierRef;

use super::*;

fn key() -> SecretDocument {
    let pem = PrivateKey::Signing(SigningKey::from_bytes(&[7; 32])).to_pem();
    SecretDocument::from_pem(&pem).unwrap().1
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.as_bytes().to_vec())
}

/// A file that asks for this work, with nothing true in it.
fn asking(kdf: impl Into<Kdf>) -> String {
    let encryption = EncryptionScheme::Aes256Cbc { iv: [0; 16] };
    let info = EncryptedPrivateKeyInfoRef {
        encryption_algorithm: Parameters { kdf: kdf.into(), encryption }.into(),
        encrypted_data: OctetStringRef::new(&[0; 48]).unwrap(),
    };
    SecretDocument::encode_msg(&info).unwrap().to_pem(LABEL, LineEnding::LF).unwrap().to_string()
}

fn scrypt(n: u64, r: u16, p: u16) -> ScryptParams {
    ScryptParams {
        salt: Salt::new([1; 16]).unwrap(),
        cost_parameter: n,
        block_size: r,
        parallelization: p,
        key_length: None,
    }
}

fn pbkdf2(iterations: u32, prf: Pbkdf2Prf) -> Pbkdf2Params {
    let salt = Salt::new([1; 16]).unwrap();
    Pbkdf2Params { salt, iteration_count: iterations, key_length: None, prf }
}

/// Why a file is refused whatever the passphrase.
#[track_caller]
fn refused(pem: &str) -> String {
    match decrypt(pem, &passphrase("x")) {
        Err(Closed::File(error)) => {
            assert_eq!((error.code(), error.kind()), ("malformed", Some("key")));
            error.to_string()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_encrypted_opens_with_its_passphrase_and_no_other() {
    let (key, right) = (key(), passphrase("correct horse"));
    let pem = encrypt(&key, &right).unwrap();
    assert_eq!(decrypt(&pem, &right).unwrap().as_bytes(), key.as_bytes());
    for wrong in ["", "correct hors", "correct horse ", "Correct horse"] {
        let opened = decrypt(&pem, &passphrase(wrong));
        // Padding may fit by chance; a key it is not.
        assert!(opened.is_err_and(|closed| matches!(closed, Closed::Passphrase)), "{wrong:?}");
    }
    assert_ne!(encrypt(&key, &right).unwrap(), pem, "the same salt and IV twice");
}

#[test]
fn the_cost_that_is_written_is_the_stated_one_and_openssl_can_pay_it() {
    let pem = encrypt(&key(), &passphrase("x")).unwrap();
    let (_, document) = SecretDocument::from_pem(&pem).unwrap();
    let info = EncryptedPrivateKeyInfoRef::from_der(document.as_bytes()).unwrap();
    let parameters = info.encryption_algorithm.pbes2().unwrap();
    assert_eq!(parameters.encryption.key_size(), 32);
    let scrypt = parameters.kdf.scrypt().unwrap();
    assert_eq!((scrypt.cost_parameter, scrypt.block_size, scrypt.parallelization), (16_384, 8, 5));
    // As openssl 3 counts it: EVP_PBE_scrypt with its limit of 32 MiB.
    let (n, r, p) = (N, u64::from(R), u64::from(P));
    assert!(128 * r * p + 128 * r * (n + 2) <= 32 << 20);
}

#[test]
fn no_file_costs_gigabytes_or_minutes() {
    let started = Instant::now();
    let too_much = [
        (1 << 18, 9, 1),
        (1 << 19, 8, 1),
        (1 << 17, 8, 5),
        (1 << 14, 8, 33),
        (2, 65_535, 32),
        (2, 65_535, 65_535),
        (1 << 62, 65_535, 65_535),
        (1 << 63, 1, 1),
    ];
    for (n, r, p) in too_much {
        let why = refused(&asking(scrypt(n, r, p)));
        assert_eq!(
            why,
            format!(
                "scrypt with N = {n}, r = {r}, p = {p} would take more than 256 MiB or two seconds"
            )
        );
    }
    for (n, r, p) in [(0, 8, 1), (1, 8, 1), (3, 8, 1), (u64::MAX, 8, 1), (16, 0, 1), (16, 8, 0)] {
        let why = refused(&asking(scrypt(n, r, p)));
        assert_eq!(why, "the parameters of scrypt are not as RFC 7914 says");
    }
    for iterations in [ITERATIONS + 1, u32::MAX] {
        let why = refused(&asking(pbkdf2(iterations, Pbkdf2Prf::HmacWithSha256)));
        assert_eq!(
            why,
            format!("PBKDF2 with {iterations} iterations would take more than two seconds")
        );
    }
    assert!(started.elapsed() < Duration::from_secs(1), "nothing was derived");
    // What is advised today is taken.
    for (n, r, p) in [(1 << 17, 8, 1), (1 << 17, 8, 4), (1 << 18, 8, 2), (1 << 14, 8, 32)] {
        check_cost(&scrypt(n, r, p).into()).unwrap();
    }
    check_cost(&pbkdf2(ITERATIONS, Pbkdf2Prf::HmacWithSha512).into()).unwrap();
}

#[test]
fn other_ways_to_encrypt_are_refused_by_name() {
    let sha_1 = refused(&asking(pbkdf2(2048, Pbkdf2Prf::HmacWithSha1)));
    assert_eq!(sha_1, "the private key is encrypted with PBKDF2 and SHA-1");
    // PBES1 with MD5 and DES (RFC 8018 §A.3).
    let parameters = [0x30, 0x0d, 0x04, 0x08, 1, 2, 3, 4, 5, 6, 7, 8, 0x02, 0x01, 0x10];
    let algorithm = AlgorithmIdentifierRef {
        oid: "1.2.840.113549.1.5.3".parse().unwrap(),
        parameters: Some(AnyRef::try_from(&parameters[..]).unwrap()),
    };
    let data = OctetStringRef::new(&[0; 48]).unwrap();
    let body = [algorithm.to_der().unwrap(), data.to_der().unwrap()].concat();
    let der = [&[0x30, u8::try_from(body.len()).unwrap()], &body[..]].concat();
    let pbes1 = SecretDocument::try_from(der).unwrap().to_pem(LABEL, LineEnding::LF).unwrap();
    assert!(refused(&pbes1).starts_with("the private key is encrypted in an unknown way"));
    assert!(refused("-----BEGIN ENCRYPTED PRIVATE KEY-----\n").ends_with("damaged"));
}

/// No length and no content makes the reader panic; none of it is a key.
#[test]
fn damaged_files_are_refused() {
    let parameters = || Parameters {
        kdf: scrypt(2, 1, 1).into(),
        encryption: EncryptionScheme::Aes256Cbc { iv: [0; 16] },
    };
    let right = passphrase("x");
    let encrypted = parameters().encrypt(right.expose(), key().as_bytes()).unwrap();
    for length in 0..encrypted.len() {
        let info = EncryptedPrivateKeyInfoRef {
            encryption_algorithm: parameters().into(),
            encrypted_data: OctetStringRef::new(encrypted.get(..length).unwrap()).unwrap(),
        };
        let document = SecretDocument::encode_msg(&info).unwrap();
        let pem = document.to_pem(LABEL, LineEnding::LF).unwrap();
        assert!(matches!(decrypt(&pem, &right), Err(Closed::Passphrase)), "{length}");
    }
    let info = EncryptedPrivateKeyInfoRef {
        encryption_algorithm: parameters().into(),
        encrypted_data: OctetStringRef::new(&encrypted).unwrap(),
    };
    let document = SecretDocument::encode_msg(&info).unwrap();
    for at in 0..document.as_bytes().len() {
        for bit in 0..8 {
            let mut der = document.as_bytes().to_vec();
            *der.get_mut(at).unwrap() ^= 1 << bit;
            let Ok(flipped) = SecretDocument::try_from(der) else { continue };
            let pem = flipped.to_pem(LABEL, LineEnding::LF).unwrap();
            let same =
                decrypt(&pem, &right).is_ok_and(|opened| opened.as_bytes() == key().as_bytes());
            assert!(!same, "bit {bit} of byte {at} means nothing");
        }
    }
}
