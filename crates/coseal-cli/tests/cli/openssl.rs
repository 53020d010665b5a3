//! Keys go both ways between this command and openssl 3.

use std::process::Command;

use super::desk::{Desk, TRUST};

/// Runs openssl in the folder; the test fails where there is none.
fn openssl(desk: &Desk, words: &str) -> Vec<u8> {
    let done =
        Command::new("openssl").args(words.split_whitespace()).current_dir(desk.path("")).output();
    let done = done.expect("this test needs the command openssl");
    assert!(done.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

/// The public key in hexadecimal, as openssl prints it.
fn public_hex(desk: &Desk, words: &str) -> String {
    let text = String::from_utf8(openssl(desk, words)).unwrap();
    let (_, after) = text.split_once("pub:").unwrap();
    after.chars().filter(char::is_ascii_hexdigit).take(64).collect()
}

#[test]
fn openssl_keys_work_everywhere() {
    let desk = Desk::empty();
    for (name, algorithm) in [("root", "ed25519"), ("shop", "ed25519"), ("billing", "x25519")] {
        openssl(&desk, &format!("genpkey -algorithm {algorithm} -out {name}"));
        openssl(&desk, &format!("pkey -in {name} -pubout -out {name}.pub"));
        desk.chmod(name, 0o600);
        assert_eq!(desk.key_id(name), desk.key_id(&format!("{name}.pub")));
        assert_eq!(
            desk.run(&format!("key public {name}")).fine().out,
            desk.read(&format!("{name}.pub"))
        );
    }
    desk.run("trust new bundle --root root --domain example.org").fine();
    desk.trust("shop", "spiffe://example.org/shop");
    desk.trust("billing", "spiffe://example.org/billing");
    desk.pipe(&format!("seal --key shop --to spiffe://example.org/billing {TRUST} --channel orders.eu -o sealed"), "hello").fine();
    desk.verify("sealed").fine();
    assert_eq!(desk.open("sealed").fine().out, b"hello");
}

#[test]
fn our_keys_load_in_openssl() {
    let desk = Desk::new();
    for (name, algorithm) in [("shop", "ED25519 Private-Key"), ("billing", "X25519 Private-Key")] {
        let text =
            String::from_utf8(openssl(&desk, &format!("pkey -in {name} -noout -text"))).unwrap();
        assert!(text.starts_with(algorithm), "{text}");
        let of_private = public_hex(&desk, &format!("pkey -in {name} -noout -text"));
        let of_public = public_hex(&desk, &format!("pkey -pubin -in {name}.pub -noout -text"));
        assert_eq!(of_private, of_public);
        assert_eq!(
            openssl(&desk, &format!("pkey -in {name} -pubout")),
            desk.read(&format!("{name}.pub"))
        );
        // PKCS#8 version 1: openssl 3.0 does not load version 2.
        let parsed = String::from_utf8(openssl(&desk, &format!("asn1parse -in {name}"))).unwrap();
        assert!(
            parsed.lines().nth(1).unwrap().trim_end().ends_with("INTEGER           :00"),
            "{parsed}"
        );
    }
}

#[test]
fn other_keys_of_openssl_are_refused_by_name() {
    let desk = Desk::new();
    openssl(&desk, "genpkey -algorithm ed448 -out ed448");
    openssl(&desk, "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out rsa");
    openssl(&desk, "genpkey -algorithm ed25519 -out plain");
    openssl(
        &desk,
        "pkcs8 -topk8 -in plain -v2 aes-256-cbc -v2prf hmacWithSHA1 -passout pass:secret -out sha1",
    );
    desk.write_private("passphrase", "secret\n");
    desk.chmod("sha1", 0o600);
    desk.run("key id sha1 --passphrase-file passphrase").unusable("malformed/key").says("SHA-1");
    for name in ["ed448", "rsa"] {
        desk.chmod(name, 0o600);
        desk.run(&format!("key id {name}")).unusable("malformed/key");
        desk.pipe(&format!("seal --key {name} --to billing.pub --channel c"), "x")
            .unusable("malformed/key");
    }
    openssl(&desk, "pkey -in rsa -pubout -out rsa.pub");
    desk.pipe("seal --key shop --to rsa.pub --channel c", "x").unusable("malformed/key");
}

#[test]
fn our_encrypted_keys_load_in_openssl() {
    let desk = Desk::empty();
    desk.write_private("passphrase", "correct horse\n");
    for (kind, algorithm) in
        [("signing", "ED25519 Private-Key"), ("receiving", "X25519 Private-Key")]
    {
        desk.run(&format!("key new {kind} key --force --encrypt --passphrase-file passphrase"))
            .fine();
        let of_private = public_hex(&desk, "pkey -in key -passin file:passphrase -noout -text");
        let of_public = public_hex(&desk, "pkey -pubin -in key.pub -noout -text");
        assert_eq!(of_private, of_public);
        let text = openssl(&desk, "pkey -in key -passin file:passphrase -noout -text");
        assert!(String::from_utf8(text).unwrap().starts_with(algorithm));
        let parsed = String::from_utf8(openssl(&desk, "asn1parse -in key")).unwrap();
        for part in ["PBES2", "1.3.6.1.4.1.11591.4.11", "INTEGER           :4000", "aes-256-cbc"] {
            let known =
                parsed.contains(part) || parsed.contains("scrypt") && part.starts_with("1.3");
            assert!(known, "{part} is not in {parsed}");
        }
        let wrong = Command::new("openssl")
            .args(["pkey", "-in", "key", "-passin", "pass:wrong", "-noout"])
            .current_dir(desk.path(""))
            .output()
            .unwrap();
        assert!(!wrong.status.success());
    }
}

#[test]
fn encrypted_keys_of_openssl_work() {
    let desk = Desk::empty();
    desk.write_private("passphrase", "correct horse\n");
    openssl(&desk, "genpkey -algorithm ed25519 -out plain");
    desk.chmod("plain", 0o600);
    let id = desk.key_id("plain");
    let ways = [
        "genpkey",
        "pkcs8 -topk8 -in plain -out key -passout file:passphrase",
        "pkcs8 -topk8 -in plain -out key -passout file:passphrase -scrypt",
        "pkcs8 -topk8 -in plain -out key -passout file:passphrase -scrypt -scrypt_N 1024 -scrypt_r 4 -scrypt_p 2",
        "pkcs8 -topk8 -in plain -out key -passout file:passphrase -v2 aes-128-cbc",
        "pkcs8 -topk8 -in plain -out key -passout file:passphrase -v2 aes-256-cbc -v2prf hmacWithSHA512 -iter 10000",
        "pkey -in plain -out key -aes256 -passout file:passphrase",
    ];
    for way in ways {
        let expected = if way == "genpkey" {
            openssl(&desk, "genpkey -algorithm ed25519 -aes256 -pass file:passphrase -out key");
            let public = openssl(&desk, "pkey -in key -passin file:passphrase -pubout");
            desk.write("key.pub", public);
            desk.key_id("key.pub")
        } else {
            openssl(&desk, way);
            id.clone()
        };
        desk.chmod("key", 0o600);
        let found = desk.run("key id key --passphrase-file passphrase").fine();
        assert_eq!(found.text().trim(), expected, "{way}");
    }
    // What would take too long is refused before it is begun.
    openssl(&desk, "pkcs8 -topk8 -in plain -out key -passout file:passphrase -iter 4194305");
    desk.chmod("key", 0o600);
    desk.run("key id key --passphrase-file passphrase")
        .unusable("malformed/key")
        .says("key: PBKDF2 with 4194305 iterations would take more than two seconds");
    openssl(
        &desk,
        "pkcs8 -topk8 -in plain -out key -passout file:passphrase -scrypt -scrypt_N 16384 -scrypt_r 1 -scrypt_p 257",
    );
    desk.run("key id key --passphrase-file passphrase")
        .unusable("malformed/key")
        .says("scrypt with N = 16384, r = 1, p = 257 would take more than 256 MiB or two seconds");
}
