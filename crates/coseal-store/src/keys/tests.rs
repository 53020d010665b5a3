#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::path::PathBuf;

use super::*;

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file that its owner alone can read.
    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        aside::write(&self.path(name), bytes, Existing::Replace, Mode::Private).unwrap();
        self.path(name)
    }
}

/// The kind of `malformed` that reading came to.
#[track_caller]
fn malformed<T>(read: Result<T>) -> &'static str {
    let error = read.err().unwrap();
    let StoreError::Core { source, .. } = &error else { panic!("{error}") };
    source.kind().unwrap()
}

#[test]
fn keys_come_back_as_they_were_written() {
    let desk = Desk::new();
    let signing = PrivateKey::Signing(SigningKey::generate().unwrap());
    let receiving = PrivateKey::Receiving(ReceivingKey::generate().unwrap());
    for (name, key) in [("s", &signing), ("r", &receiving)] {
        let (path, public) = (desk.path(name), desk.path(&format!("{name}.pub")));
        write_private_key(&path, key, Existing::Refuse).unwrap();
        write_public_key(&public, &key.public_key(), Existing::Refuse).unwrap();
        assert_eq!(read_private_key(&path).unwrap().public_key(), key.public_key());
        assert_eq!(read_public_key(&path).unwrap(), key.public_key());
        assert_eq!(read_public_key(&public).unwrap(), key.public_key());
        assert!(matches!(
            write_private_key(&path, key, Existing::Refuse),
            Err(StoreError::Exists { .. })
        ));
    }
    read_signing_key(&desk.path("s")).unwrap();
    read_receiving_key(&desk.path("r")).unwrap();
    read_verifying_key(&desk.path("s.pub")).unwrap();
    assert_eq!(malformed(read_signing_key(&desk.path("r"))), "key");
    assert_eq!(malformed(read_receiving_key(&desk.path("s"))), "key");
    assert_eq!(malformed(read_verifying_key(&desk.path("r.pub"))), "key");

    let kek = Kek::generate().unwrap();
    write_kek(&desk.path("k"), &kek, Existing::Refuse).unwrap();
    assert_eq!(*read_kek(&desk.path("k")).unwrap().to_hex(), *kek.to_hex());
    for read in
        [malformed(read_private_key(&desk.path("k"))), malformed(read_public_key(&desk.path("k")))]
    {
        assert_eq!(read, "key");
    }
    for name in ["s", "s.pub"] {
        assert_eq!(malformed(read_kek(&desk.path(name))), "key");
    }
    assert_eq!(malformed(read_private_key(&desk.path("s.pub"))), "key");
}

#[cfg(unix)]
#[test]
fn a_secret_that_others_can_reach_is_refused() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    let desk = Desk::new();
    let signing = PrivateKey::Signing(SigningKey::generate().unwrap());
    write_private_key(&desk.path("s"), &signing, Existing::Refuse).unwrap();
    write_kek(&desk.path("k"), &Kek::generate().unwrap(), Existing::Refuse).unwrap();
    // Whatever is no public key may be a secret, so the mode is told first.
    desk.write("unknown", b"something");
    for bits in [0o610, 0o620, 0o640, 0o601, 0o602, 0o604, 0o777] {
        for name in ["s", "k", "unknown"] {
            set_permissions(desk.path(name), Permissions::from_mode(bits)).unwrap();
        }
        let refused = [
            read_signing_key(&desk.path("s")).err(),
            read_private_key(&desk.path("s")).err(),
            read_public_key(&desk.path("s")).err(),
            read_kek(&desk.path("k")).err(),
            read_kek(&desk.path("unknown")).err(),
        ];
        for error in refused {
            let error = error.unwrap();
            assert!(
                matches!(error, StoreError::Permissions { mode, .. } if mode == bits),
                "{error}"
            );
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
    }
    // A secret behind a public key in one file is still a secret.
    let both = [signing.public_key().to_pem().as_bytes(), signing.to_pem().as_bytes()].concat();
    desk.write("both", &both);
    set_permissions(desk.path("both"), Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(read_public_key(&desk.path("both")), Err(StoreError::Permissions { .. })));
}

#[test]
fn what_is_no_key_file_is_refused() {
    let desk = Desk::new();
    for bytes in [
        &b""[..],
        b"hello",
        b"\xff\xfe",
        &[b'a'; 63],
        &[b'g'; 64],
        b"-----BEGIN PRIVATE KEY-----\n",
    ] {
        let path = desk.write("file", bytes);
        assert_eq!(malformed(read_private_key(&path)), "key");
        assert_eq!(malformed(read_public_key(&path)), "key");
        assert_eq!(malformed(read_kek(&path)), "key");
    }
    let large = desk.write("large", &vec![b' '; LIMIT + 1]);
    assert_eq!(malformed(read_kek(&large)), "too_large");
    let padded = [&b" \n"[..], &[b'A'; 64], &vec![b'\n'; LIMIT - 66]].concat();
    read_kek(&desk.write("padded", &padded)).unwrap();
    assert!(matches!(read_kek(&desk.path("nowhere")), Err(StoreError::Io { .. })));
    assert!(matches!(read_kek(desk.0.path()), Err(StoreError::Io { .. })));
}
