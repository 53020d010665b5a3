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
    openssl(&desk, "genpkey -algorithm ed25519 -aes256 -pass pass:secret -out encrypted");
    for name in ["ed448", "rsa", "encrypted"] {
        desk.chmod(name, 0o600);
        desk.run(&format!("key id {name}")).unusable("malformed/key");
        desk.pipe(&format!("seal --key {name} --to billing.pub --channel c"), "x")
            .unusable("malformed/key");
    }
    openssl(&desk, "pkey -in rsa -pubout -out rsa.pub");
    desk.pipe("seal --key shop --to rsa.pub --channel c", "x").unusable("malformed/key");
}
