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

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.as_bytes().to_vec())
}

#[test]
fn an_encrypted_key_is_nothing_without_its_passphrase() {
    let desk = Desk::new();
    let signing = PrivateKey::Signing(SigningKey::generate().unwrap());
    let receiving = PrivateKey::Receiving(ReceivingKey::generate().unwrap());
    let kek = Kek::generate().unwrap();
    let right = passphrase("correct horse");
    let keys = [
        ("s", StoredKey::of(Path::new("name"), &signing)),
        ("r", StoredKey::of(Path::new("name"), &receiving)),
        ("k", StoredKey::of_kek(Path::new("name"), &kek)),
    ];
    for (name, key) in keys {
        assert!(!key.is_encrypted());
        let path = desk.path(name);
        let encrypted = key.encrypt(&right).unwrap();
        encrypted.write(&path, Existing::Refuse).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), "{text}");
        let refused = [
            read_signing_key(&path).err(),
            read_receiving_key(&path).err(),
            read_private_key(&path).err(),
            read_public_key(&path).err(),
            read_verifying_key(&path).err(),
            read_kek(&path).err(),
        ];
        for error in refused {
            let error = error.unwrap();
            assert!(matches!(&error, StoreError::Encrypted { path: of } if *of == path), "{error}");
        }
        let stored = StoredKey::read(&path).unwrap();
        assert!(stored.is_encrypted() && stored.name() == path);
        let error = stored.decrypt(&passphrase("wrong horse")).unwrap_err();
        assert!(matches!(&error, StoreError::Passphrase { path: of } if *of == path), "{error}");
        assert_eq!(stored.decrypt(&right).unwrap().expose(), key.expose());
        // Once is enough.
        let StoreError::Core { source, .. } = stored.encrypt(&right).unwrap_err() else { panic!() };
        assert_eq!(source.to_string(), "the private key is encrypted already");
    }
    let opened = |name| StoredKey::read(&desk.path(name)).unwrap().decrypt(&right).unwrap();
    assert_eq!(
        opened("s").signing_key().unwrap().verifying_key().to_pem(),
        signing.public_key().to_pem()
    );
    assert_eq!(opened("r").public_key().unwrap(), receiving.public_key());
    assert_eq!(*opened("k").kek().unwrap().to_hex(), *kek.to_hex());
    assert_eq!(malformed(opened("k").signing_key()), "key");
    assert_eq!(malformed(opened("s").kek()), "key");
}

#[test]
fn nothing_is_encrypted_under_an_empty_passphrase_and_nothing_that_is_no_secret() {
    let signing = PrivateKey::Signing(SigningKey::generate().unwrap());
    let StoreError::Core { source, .. } =
        StoredKey::of(Path::new("name"), &signing).encrypt(&passphrase("")).unwrap_err()
    else {
        panic!()
    };
    assert_eq!(
        (source.code(), source.to_string().as_str()),
        ("misuse", "the new passphrase is empty")
    );
    let name = Path::new("variable");
    let pem = signing.public_key().to_pem();
    for text in [pem.as_str(), "text", "", "-----BEGIN PRIVATE KEY-----\n"] {
        let stored = StoredKey::from_text(name, text);
        assert_eq!(malformed(stored.encrypt(&passphrase("x"))), "key", "{text}");
    }
}

#[test]
fn neither_a_passphrase_nor_a_stored_key_prints_itself() {
    let key = StoredKey::from_text(Path::new("name"), "s3cret");
    assert_eq!(format!("{key:?}"), "StoredKey { name: \"name\", .. }");
    assert_eq!(format!("{:?}", passphrase("s3cret")), "Passphrase(..)");
}

#[test]
fn an_edit_replaces_a_key_whole_or_leaves_it_alone() {
    let desk = Desk::new();
    let path = desk.path("key");
    let key = PrivateKey::Signing(SigningKey::generate().unwrap());
    write_private_key(&path, &key, Existing::Refuse).unwrap();
    let (old, new) = (passphrase("old"), passphrase("new"));
    let opens = |with: &Passphrase| StoredKey::read(&path).unwrap().decrypt(with).is_ok();

    edit(&path, |stored| stored.encrypt(&old)).unwrap();
    assert!(opens(&old) && !opens(&new));
    edit(&path, |stored| stored.decrypt(&old)?.encrypt(&new)).unwrap();
    assert!(opens(&new) && !opens(&old));
    let before = std::fs::read(&path).unwrap();
    let failed = edit(&path, |stored| stored.decrypt(&old)?.encrypt(&new));
    assert!(matches!(failed, Err(StoreError::Passphrase { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    edit(&path, |stored| stored.decrypt(&new)).unwrap();
    assert_eq!(read_private_key(&path).unwrap().public_key(), key.public_key());

    let gone = edit(&desk.path("nowhere"), Ok::<_, StoreError>);
    assert!(matches!(gone, Err(StoreError::Io { action: "open", .. })));
    let folder = edit(desk.0.path(), Ok::<_, StoreError>);
    assert!(matches!(folder, Err(StoreError::Io { action: "change", .. })));
    assert_eq!(std::fs::read_dir(desk.0.path()).unwrap().count(), 1, "nothing is left behind");
}

#[cfg(unix)]
#[test]
fn an_edit_keeps_permissions_owner_and_links() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

    let desk = Desk::new();
    let (path, link) = (desk.path("key"), desk.path("link"));
    let key = PrivateKey::Signing(SigningKey::generate().unwrap());
    write_private_key(&path, &key, Existing::Refuse).unwrap();
    symlink("key", &link).unwrap();
    // Only root may give files away, and only then another's key can be read.
    let other = chown(&path, Some(65_534), Some(65_534)).is_ok();
    for mode in [0o400, 0o600] {
        set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let inode = std::fs::metadata(&path).unwrap().ino();
        edit(&link, Ok::<_, StoreError>).unwrap();
        let found = std::fs::metadata(&path).unwrap();
        assert_ne!(found.ino(), inode, "replaced, not written over");
        assert_eq!(found.permissions().mode() & 0o7777, mode);
        if other {
            assert_eq!((found.uid(), found.gid()), (65_534, 65_534));
        }
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    }
    set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(edit(&path, Ok::<_, StoreError>), Err(StoreError::Permissions { .. })));
}

#[test]
fn edits_at_once_each_see_what_the_one_before_left() {
    let desk = Desk::new();
    let path = desk.path("key");
    let key = PrivateKey::Signing(SigningKey::generate().unwrap());
    write_private_key(&path, &key, Existing::Refuse).unwrap();
    let inside = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    edit(&path, |stored| {
                        use std::sync::atomic::Ordering::SeqCst;
                        assert_eq!(inside.fetch_add(1, SeqCst), 0, "two at once");
                        std::thread::yield_now();
                        assert_eq!(inside.fetch_sub(1, SeqCst), 1);
                        Ok::<_, StoreError>(stored)
                    })
                    .unwrap();
                }
            });
        }
    });
    assert_eq!(read_private_key(&path).unwrap().public_key(), key.public_key());
}
