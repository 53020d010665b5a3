#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use alloc::string::ToString;

/// RFC 8410 §10.3, with and without the public key.
const RFC8410_V1: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";
const RFC8410_V2: &str = "-----BEGIN PRIVATE KEY-----
MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB
Z9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PRIVATE KEY-----
";
const RFC8410_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
";

#[test]
fn reads_both_versions_of_rfc_8410_and_writes_the_first() {
    let first = SigningKey::from_pem(RFC8410_V1).unwrap();
    let second = SigningKey::from_pem(RFC8410_V2).unwrap();
    let public = VerifyingKey::from_pem(RFC8410_PUBLIC).unwrap();
    assert_eq!(first.verifying_key(), &public);
    assert_eq!(second.verifying_key(), &public);
    assert_eq!(&*second.to_pem(), RFC8410_V1);
    assert_eq!(public.to_pem(), RFC8410_PUBLIC);
}

#[test]
fn a_public_key_of_another_is_refused() {
    // The last byte of the public key changed.
    let other = RFC8410_V2.replace("Z9w7lshQhqowtrbLDFw4rXAxZuE=", "Z9w7lshQhqowtrbLDFw4rXAxZuA=");
    let error = SigningKey::from_pem(&other).unwrap_err();
    assert_eq!((error.code(), error.kind()), ("malformed", Some("key")));
}

#[test]
fn kinds_are_not_confused() {
    let receiving = ReceivingKey::from_bytes(&[3; 32]);
    let error = SigningKey::from_pem(&receiving.to_pem()).unwrap_err();
    assert!(error.to_string().contains("X25519"), "{error}");
    let error = VerifyingKey::from_pem(&receiving.recipient_key().to_pem()).unwrap_err();
    assert!(error.to_string().contains("X25519"), "{error}");
    let error = PublicKey::from_pem(&receiving.to_pem()).unwrap_err();
    assert!(error.to_string().contains("private"), "{error}");
    assert!(PrivateKey::from_pem("nonsense").unwrap_err().to_string().contains("PEM"));
}

#[test]
fn receiving_keys_come_back_from_pem() {
    let key = ReceivingKey::from_bytes(&[9; 32]);
    let back = ReceivingKey::from_pem(&key.to_pem()).unwrap();
    assert_eq!(back.recipient_key(), key.recipient_key());
    assert_eq!(back.secret(), key.secret());
}

#[test]
fn secrets_do_not_print() {
    let key = SigningKey::from_bytes(&[0x41; 32]);
    let printed = alloc::format!("{key:?} {:?}", Kek::from_bytes(&[0x41; 32]));
    assert!(!printed.contains("41, "), "{printed}");
    assert!(printed.contains(&key.verifying_key().key_id().to_string()));
}

#[test]
fn a_kek_is_64_digits() {
    let kek = Kek::from_hex(&alloc::format!("{}\n", "ab".repeat(32))).unwrap();
    assert_eq!(&*kek.to_hex(), &"ab".repeat(32));
    assert!(Kek::from_hex("ab").is_err());
    assert!(Kek::from_hex(&"zz".repeat(32)).is_err());
}

#[test]
fn weak_ed25519_keys_are_refused() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let error = VerifyingKey::from_bytes(&identity).unwrap_err();
    assert_eq!(error.kind(), Some("weak_key"));
    // y = p + 3: not canonical, and the point of y = 3 is of large order.
    let mut non_canonical = [0xff; 32];
    non_canonical[0] = 0xf0;
    non_canonical[31] = 0x7f;
    let error = VerifyingKey::from_bytes(&non_canonical).unwrap_err();
    assert_eq!(error.kind(), Some("weak_key"));
}
