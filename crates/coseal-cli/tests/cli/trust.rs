//! `coseal trust`: what each edit does, and what is never lost or overwritten.

use std::process::{Command, Stdio};

use ciborium::Value as Cbor;
use serde_json::Value;

use super::desk::{Desk, wait};

fn show(desk: &Desk) -> Value {
    desk.run("trust show bundle --pin root.pub --json").fine().rows().remove(0)
}

fn record<'a>(view: &'a Value, key_id: &str) -> &'a Value {
    view["records"].as_array().unwrap().iter().find(|record| record["key_id"] == key_id).unwrap()
}

fn days(view: &Value, from: &str, to: &str) -> i64 {
    let second =
        |name: &str| view[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    (second(to) - second(from)) / 86_400
}

#[test]
fn a_bundle_lives_through_its_edits() {
    let desk = Desk::empty();
    desk.run("key new signing root").fine();
    desk.run("key new signing shop").fine();
    desk.run("trust new bundle --root root --domain example.org")
        .fine()
        .says("bundle 1 of example.org, 0 keys");
    let view = show(&desk);
    assert_eq!(
        (&view["verified"], &view["domain"], &view["sequence"]),
        (&true.into(), &"example.org".into(), &1.into())
    );
    assert_eq!(days(&view, "issued_at", "expires_at"), 365);
    assert_eq!(view["root"], desk.key_id("root"));

    desk.run("trust add bundle --root root --key shop.pub --subject spiffe://example.org/shop --channel orders.* a.> --channel b --from 2026-01-01T00:00:00Z --until 2100-01-01T00:00:00Z").fine().says("bundle 2 of example.org, 1 key,");
    let id = desk.key_id("shop");
    let view = show(&desk);
    let shop = record(&view, &id);
    assert_eq!(shop["channels"], serde_json::json!(["orders.*", "a.>", "b"]));
    assert_eq!(
        (&shop["use"], &shop["status"], &shop["subject"]),
        (&"sign".into(), &"valid".into(), &"spiffe://example.org/shop".into())
    );
    assert_eq!(
        (&shop["valid_from"], &shop["valid_until"]),
        (&"2026-01-01T00:00:00.000Z".into(), &"2100-01-01T00:00:00.000Z".into())
    );

    desk.run(&format!("trust retire bundle --root root --key-id {id} --at 2026-02-01T00:00:00Z"))
        .fine();
    assert_eq!(record(&show(&desk), &id)["status"], "retired");
    desk.run(&format!("trust revoke bundle --root root --key-id {id} --reason compromised --compromised-since 2026-01-15T00:00:00Z")).fine();
    let view = show(&desk);
    let shop = record(&view, &id);
    assert_eq!(
        (&shop["status"], &shop["revocation"]["reason"]),
        (&"revoked".into(), &"compromised".into())
    );
    assert_eq!(shop["revocation"]["compromised_since"], "2026-01-15T00:00:00.000Z");
    let table = desk.run("trust show bundle --pin root.pub").fine();
    for text in [
        &id,
        "KEY ID",
        "revoked",
        "compromised since 2026-01-15T00:00:00Z",
        "spiffe://example.org/shop",
        "orders.* a.> b",
        "bundle 4, verified",
    ] {
        assert!(table.text().contains(text), "{text}: {}", table.text());
    }
    assert_eq!(table.err, "");

    // A renewal sets the expiry anew, all else keeps it.
    desk.run("trust renew bundle --root root --valid-for 20d").fine().says("bundle 5");
    let view = show(&desk);
    assert_eq!(
        (days(&view, "issued_at", "expires_at"), view["records"].as_array().unwrap().len()),
        (20, 1)
    );
    desk.run("key new receiving billing").fine();
    desk.run("trust add bundle --root root --key billing --subject spiffe://b --channel x").fine();
    let after = show(&desk);
    assert_eq!(after["expires_at"], view["expires_at"]);
    assert_eq!(record(&after, &desk.key_id("billing"))["use"], "receive");
    let shown = desk.run("trust show bundle --pin root.pub").fine();
    assert!(shown.text().contains("Z  in 19d 23h\n"), "{}", shown.text());
    shown.says("warning: the bundle expires in 19d 23h");
}

#[test]
fn a_bundle_that_has_expired_says_so() {
    let desk = Desk::new();
    desk.expire_bundle();
    let shown = desk.run("trust show bundle --pin root.pub").fine().says("has expired");
    assert!(shown.text().contains("Z  EXPIRED\n"), "{}", shown.text());
    let view = show(&desk);
    assert_eq!((&view["expired"], &view["expires_in"]), (&true.into(), &0.into()));
}

#[test]
fn wrong_edits_change_nothing() {
    let desk = Desk::new();
    let (before, id) = (desk.read("bundle"), desk.key_id("shop"));
    desk.run("trust new bundle --root root --domain other")
        .unusable("misuse")
        .says("exists already")
        .hints("--force");
    for words in [
        "add bundle --root root --key shop.pub --subject spiffe://x --channel y",
        "add bundle --root root --key root.pub --subject spiffe://x --channel a*b",
        "add bundle --root root --key root.pub --subject spiffe://x --channel y --from 2027-01-01T00:00:00Z --until 2026-01-01T00:00:00Z",
        "retire bundle --root root --key-id 0011223344556677",
        "revoke bundle --root root --key-id 0011223344556677 --reason ceased",
    ] {
        desk.run(&format!("trust {words}")).unusable("misuse");
    }
    desk.run(&format!("trust retire bundle --root root --key-id {id} --at 2020-01-01T00:00:00Z"))
        .unusable("misuse");
    desk.run(&format!("trust revoke bundle --root root --key-id {id} --reason ceased --compromised-since 2100-01-01T00:00:00Z")).unusable("misuse");
    // Another root's bundle is not ours to change.
    desk.run("trust renew bundle --root shop").unusable("untrusted/unknown_root");
    desk.run("trust renew nowhere --root root").unusable("misuse");
    assert_eq!(desk.read("bundle"), before);
    assert_eq!(
        desk.names(),
        ["billing", "billing.pub", "bundle", "root", "root.pub", "shop", "shop.pub"]
    );
    desk.run("trust new bundle --root root --domain other --force --valid-for 1h").fine();
    assert_eq!(show(&desk)["domain"], "other");
}

#[test]
fn a_broken_bundle_is_refused_everywhere_and_left_alone() {
    let desk = Desk::with_sealed("a\n");
    let good = desk.read("bundle");
    let mut cases: Vec<(Vec<u8>, &str)> = vec![
        (Vec::new(), "malformed/cbor"),
        (b"hello".to_vec(), "malformed/cbor"),
        (good[..good.len() - 1].to_vec(), "malformed/cbor"),
        ([&good[..], b"\0"].concat(), "malformed/cbor"),
        (desk.read("sealed"), "malformed/structure"),
        (desk.read("root.pub"), "malformed/cbor"),
        (vec![0; (16 << 20) + 1], "malformed/too_large"),
    ];
    for at in [good.len() / 2, good.len() - 70, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        cases.push((flipped, "untrusted/bad_signature"));
    }
    for (bytes, code) in cases {
        desk.write("bundle", &bytes);
        for words in [
            "verify --trust bundle --pin root.pub sealed",
            "open --key billing --trust bundle --pin root.pub sealed -o opened",
            "seal --key shop --to spiffe://example.org/billing --trust bundle --pin root.pub --channel orders.eu",
            "trust show bundle --pin root.pub",
            "trust renew bundle --root root",
            "trust add bundle --root root --key root.pub --subject spiffe://x --channel y",
        ] {
            desk.run(words).unusable(code);
        }
        assert!(desk.read("bundle") == bytes && !desk.exists("opened"));
    }
}

#[test]
fn a_later_version_is_named_as_such() {
    let desk = Desk::with_sealed("a\n");
    resign(&desk, |body| set(body, 1, Cbor::from(2)));
    let before = desk.read("bundle");
    desk.verify("sealed").unusable("unsupported/version").hints("update");
    desk.run("trust renew bundle --root root").unusable("unsupported/version");
    assert_eq!(desk.read("bundle"), before);
    desk.run("trust show bundle").fails(2, &["malformed/structure"]);
}

#[test]
fn what_this_version_does_not_know_is_kept() {
    let desk = Desk::with_sealed("a\n");
    let note = Cbor::from("note of a later version");
    let unknown = Cbor::Map(vec![
        (1.into(), Cbor::Map(vec![(1.into(), 7.into()), ((-1).into(), 99.into())])),
        (2.into(), "spiffe://example.org/quantum".into()),
        (3.into(), 9.into()),
        (4.into(), 0.into()),
        (6.into(), Cbor::Array(vec![])),
    ]);
    resign(&desk, |body| {
        let Some((_, Cbor::Array(records))) = body.iter_mut().find(|(label, _)| *label == 6.into())
        else {
            panic!("records")
        };
        records.push(unknown.clone());
        body.push((100.into(), note.clone()));
    });
    let done =
        desk.run("trust show bundle --pin root.pub").fine().says("warning: record 2 is skipped");
    assert!(done.text().contains("orders.*"));
    desk.verify("sealed").fine();
    desk.run("trust renew bundle --root root").fine();
    desk.run("key new signing new").fine();
    desk.trust("new", "spiffe://example.org/new");
    let body = body(&desk.read("bundle"));
    let find = |label: i64| &body.iter().find(|(found, _)| *found == label.into()).unwrap().1;
    assert_eq!(find(100), &note);
    let Cbor::Array(records) = find(6) else { panic!("records") };
    assert!(records.contains(&unknown) && records.len() == 4);
}

#[test]
fn without_a_pin_nothing_is_verified_and_that_is_said() {
    let desk = Desk::new();
    let done = desk.run("trust show bundle").fine().says("warning: NOTHING BELOW IS VERIFIED");
    assert!(done.text().contains("NOT VERIFIED") && done.text().contains(&desk.key_id("shop")));
    let mut unverified = desk.run("trust show bundle --json").fine().rows().remove(0);
    assert_eq!(unverified["verified"], false);
    // It says the same, only without proof.
    let mut verified = show(&desk);
    verified["verified"] = false.into();
    for view in [&mut verified, &mut unverified] {
        let left = view.as_object_mut().unwrap().remove("expires_in").unwrap().as_u64().unwrap();
        assert!((365 * 86_400 - 600..=365 * 86_400).contains(&left), "{left}");
    }
    assert_eq!(unverified, verified);
    let other = Desk::new();
    other.write("bundle", desk.read("bundle"));
    other.run("trust show bundle --pin root.pub").unusable("untrusted/unknown_root").hints("--pin");
    other.run("trust show bundle").fine();
    desk.run("trust show root.pub").unusable("malformed/structure");
}

#[test]
fn another_trust_domain_is_refused() {
    let desk = Desk::with_sealed("a\n");
    desk.verify("--domain example.org sealed").fine();
    desk.open("--domain example.org sealed").fine();
    desk.verify("--domain example.com sealed").unusable("untrusted/wrong_domain");
    desk.open("--domain example.com sealed").unusable("untrusted/wrong_domain");
    desk.run("trust show bundle --pin root.pub --domain example.com")
        .unusable("untrusted/wrong_domain");
}

#[test]
fn no_edit_is_lost() {
    let desk = Desk::new();
    for number in 0..8 {
        desk.run(&format!("key new signing k{number}")).fine();
    }
    let children: Vec<_> = (0..8)
        .map(|number| {
            let words = format!("trust add bundle --root root --key k{number}.pub --subject spiffe://k/{number} --channel c");
            desk.command(&words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        wait(child).fine();
    }
    let view = show(&desk);
    assert_eq!(view["sequence"], 11);
    for number in 0..8 {
        record(&view, &desk.key_id(&format!("k{number}")));
    }
    assert!(desk.names().iter().all(|name| !name.starts_with('.')), "nothing is left aside");
}

/// The signed map of a bundle.
pub(crate) fn body(bundle: &[u8]) -> Vec<(Cbor, Cbor)> {
    let Cbor::Tag(18, message) = ciborium::from_reader(bundle).unwrap() else { panic!("tag 18") };
    let payload = message.as_array().unwrap()[2].as_bytes().unwrap().clone();
    ciborium::from_reader::<Cbor, _>(payload.as_slice()).unwrap().into_map().unwrap()
}

pub(crate) fn set(body: &mut [(Cbor, Cbor)], label: i64, value: Cbor) {
    body.iter_mut().find(|(found, _)| *found == label.into()).unwrap().1 = value;
}

fn encode(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

/// The bundle with another map, under a signature that does not fit it.
pub(crate) fn with_body(bundle: &[u8], map: Vec<(Cbor, Cbor)>) -> Vec<u8> {
    let Cbor::Tag(18, message) = ciborium::from_reader(bundle).unwrap() else { panic!("tag 18") };
    let mut message = message.into_array().unwrap();
    message[2] = Cbor::Bytes(encode(&Cbor::Map(map)));
    encode(&Cbor::Tag(18, Cbor::Array(message).into()))
}

/// Changes the map and has openssl sign it as the root: the library makes no such bundles.
fn resign(desk: &Desk, change: impl FnOnce(&mut Vec<(Cbor, Cbor)>)) {
    let bundle = desk.read("bundle");
    let mut map = body(&bundle);
    change(&mut map);
    let payload = encode(&Cbor::Map(map));
    let Cbor::Tag(18, message) = ciborium::from_reader(bundle.as_slice()).unwrap() else {
        panic!("tag 18")
    };
    let mut message = message.into_array().unwrap();
    let purpose = Cbor::Bytes(b"coseal/v1 trust-bundle".to_vec());
    desk.write(
        "to-sign",
        encode(&Cbor::Array(vec![
            "Signature1".into(),
            message[0].clone(),
            purpose,
            Cbor::Bytes(payload.clone()),
        ])),
    );
    let words = "pkeyutl -sign -rawin -inkey root -in to-sign -out signature";
    let signed = Command::new("openssl").args(words.split(' ')).current_dir(desk.path("")).status();
    assert!(signed.expect("this test needs the command openssl").success());
    message[2] = Cbor::Bytes(payload);
    message[3] = Cbor::Bytes(desk.read("signature"));
    desk.write("bundle", encode(&Cbor::Tag(18, Cbor::Array(message).into())));
}
