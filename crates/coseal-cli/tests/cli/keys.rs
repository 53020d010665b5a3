//! `coseal key`, and what is refused as a key file.

use super::desk::{Desk, TRUST};

#[test]
fn a_private_key_is_for_its_owner_alone() {
    let desk = Desk::empty();
    desk.run("key new signing s").fine().says("signing key");
    desk.run("key new receiving r").fine();
    desk.run("key new kek k").fine();
    assert_eq!(desk.names(), ["k", "r", "r.pub", "s", "s.pub"], "nothing else, and no k.pub");
    for private in ["s", "r", "k"] {
        assert_eq!(desk.mode(private), 0o600, "{private}");
    }
    assert!(desk.read("s").starts_with(b"-----BEGIN PRIVATE KEY-----\n"));
    assert!(desk.read("r.pub").starts_with(b"-----BEGIN PUBLIC KEY-----\n"));
    let kek = String::from_utf8(desk.read("k")).unwrap();
    assert!(
        kek.len() == 65
            && kek.ends_with('\n')
            && kek.trim_end().bytes().all(|byte| byte.is_ascii_hexdigit())
    );
}

#[test]
fn keys_differ() {
    let desk = Desk::empty();
    for kind in ["signing", "receiving", "kek"] {
        desk.run(&format!("key new {kind} one")).fine();
        desk.run(&format!("key new {kind} two --force")).fine();
        assert_ne!(desk.read("one"), desk.read("two"));
        std::fs::remove_file(desk.path("one")).unwrap();
        let _ = std::fs::remove_file(desk.path("one.pub"));
    }
}

#[test]
fn the_key_id_is_the_same_of_both_halves() {
    let desk = Desk::new();
    for key in ["shop", "billing"] {
        let id = desk.run(&format!("key id {key}")).fine();
        assert_eq!(id.out, desk.run(&format!("key id {key}.pub")).fine().out);
        let text = id.text();
        assert!(
            text.len() == 17
                && text.trim_end().bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
            "{text}"
        );
        assert_eq!(
            desk.run(&format!("key public {key}")).fine().out,
            desk.read(&format!("{key}.pub"))
        );
        assert_eq!(
            desk.run(&format!("key public {key}.pub")).fine().out,
            desk.read(&format!("{key}.pub"))
        );
    }
    assert_ne!(desk.key_id("shop"), desk.key_id("billing"));
}

#[test]
fn nothing_is_overwritten_unless_told() {
    let desk = Desk::empty();
    for kind in ["signing", "receiving", "kek"] {
        desk.write("taken", "precious");
        desk.run(&format!("key new {kind} taken"))
            .unusable("misuse")
            .says("taken exists already")
            .hints("--force");
        assert_eq!(desk.read("taken"), b"precious");
        assert_eq!(desk.names(), ["taken"]);
    }
    // The public half counts too, before the private one is written.
    desk.write("half.pub", "precious");
    desk.run("key new signing half").unusable("misuse").says("half.pub exists already");
    assert!(!desk.exists("half"));

    desk.chmod("taken", 0o644);
    desk.run("key new signing taken --force").fine();
    assert_eq!(desk.mode("taken"), 0o600, "not the mode of what was there");
    desk.key_id("taken");
}

#[test]
fn a_private_key_that_others_can_reach_is_refused() {
    let desk = Desk::new();
    desk.run("key new kek kek").fine();
    for mode in [0o604, 0o640, 0o620, 0o602, 0o644, 0o601] {
        for key in ["root", "shop", "billing", "kek"] {
            desk.chmod(key, mode);
        }
        let shown = format!("(mode {mode:04o})");
        let refused = |words: &str, key: &str| {
            desk.pipe(words, "x")
                .unusable("misuse")
                .says(&shown)
                .hints(&format!("chmod 600 {key}"));
        };
        refused("key id shop", "shop");
        refused("key public billing", "billing");
        refused("seal --key shop --to billing.pub --channel orders.eu -o out", "shop");
        refused("trust renew bundle --root root", "root");
        refused(&format!("open --key billing {TRUST}"), "billing");
        refused(&format!("open --kek k=kek {TRUST}"), "kek");
        assert!(!desk.exists("out"));
    }
    desk.chmod("shop", 0o400);
    desk.run("key id shop").fine();
    // A public key is everybody's.
    desk.chmod("billing.pub", 0o666);
    desk.run("key id billing.pub").fine();
}

#[test]
fn a_key_of_the_wrong_kind_is_named() {
    let desk = Desk::new();
    desk.run("key new kek kek").fine();
    let seal = |words: &str| format!("seal --channel orders.eu {words}");
    let open = |words: &str| format!("open {TRUST} {words}");
    let cases = [
        (seal("--key billing --to billing.pub"), "X25519"),
        (seal("--key shop.pub --to billing.pub"), "this is a public key"),
        (seal("--key kek --to billing.pub"), "this is a KEK"),
        (seal("--key shop --to shop.pub"), "Ed25519"),
        (seal("--key shop --to kek"), "this is a KEK"),
        (seal("--key shop --to-kek k=shop"), "PEM private key"),
        (seal("--key shop --to-kek k=billing.pub"), "this is a public key"),
        (open("--key shop"), "Ed25519"),
        (open("--key billing.pub"), "this is a public key"),
        (open("--kek k=billing"), "PEM private key"),
        ("verify --trust bundle --pin billing.pub".to_owned(), "X25519"),
        ("verify --trust bundle --pin kek".to_owned(), "this is a KEK"),
        ("trust renew bundle --root billing".to_owned(), "X25519"),
        ("trust renew bundle --root root.pub".to_owned(), "this is a public key"),
        ("key id kek".to_owned(), "no key ID"),
        ("key public kek".to_owned(), "no public key"),
    ];
    let before = desk.read("bundle");
    for (words, says) in cases {
        desk.pipe(&words, "x").unusable("malformed/key").says(says);
    }
    assert_eq!(desk.read("bundle"), before);
}

#[test]
fn what_is_no_key_file_is_refused() {
    let desk = Desk::new();
    let pem = String::from_utf8(desk.read("shop")).unwrap();
    let broken = [
        ("empty", Vec::new()),
        ("text", b"hello\n".to_vec()),
        ("binary", vec![0xff; 100]),
        ("cut", pem.as_bytes()[..60].to_vec()),
        ("flipped", pem.replacen("MC4C", "MC5C", 1).into_bytes()),
        ("short-kek", vec![b'a'; 63]),
        ("bundle-copy", desk.read("bundle")),
    ];
    for (name, bytes) in broken {
        desk.write(name, bytes);
        desk.chmod(name, 0o600);
        desk.run(&format!("key id {name}")).unusable("malformed/key");
        desk.pipe(&format!("seal --key {name} --to billing.pub --channel c"), "x")
            .unusable("malformed/key");
        desk.pipe(&format!("seal --key shop --to-kek k={name} --channel c"), "x")
            .unusable("malformed/key");
    }
    desk.write("large", vec![b'a'; (64 << 10) + 1]);
    desk.chmod("large", 0o600);
    desk.run("key id large").unusable("malformed/too_large").says("64 KiB");
    desk.run("key id nowhere").unusable("misuse").says("nowhere");
    desk.run("key id .").unusable("misuse");
}

#[test]
fn a_weak_public_key_is_refused() {
    let desk = Desk::new();
    // SPKI of X25519 and of Ed25519, followed by a point of small order.
    for (name, prefix) in
        [("x25519", "302a300506032b656e032100"), ("ed25519", "302a300506032b6570032100")]
    {
        let der: Vec<u8> = (0..prefix.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&prefix[at..at + 2], 16).unwrap())
            .chain([0; 32])
            .collect();
        let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
        desk.write(
            name,
            format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n"),
        );
        desk.run(&format!("key id {name}")).unusable("malformed/weak_key");
    }
    desk.pipe("seal --key shop --to x25519 --channel c", "x").unusable("malformed/weak_key");
}

#[test]
fn keys_go_to_standard_output_where_asked() {
    let desk = Desk::empty();
    let private = desk.run("key new signing -").fine();
    desk.write("s", &private.out);
    desk.chmod("s", 0o600);
    desk.key_id("s");
    assert_eq!(desk.run("key new kek -").fine().out.len(), 65);
    assert_eq!(desk.names(), ["s"]);
}
