//! Re-wrapping: other recipients, the same messages, nothing lost.

use std::io::Read;
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use coseal::{Envelope, RecipientId};

use super::desk::{Desk, TRUST, envelopes, wait};

/// A desk with `sealed`, and `ledger`, the key that shall open it from now on.
pub(crate) fn desk(text: &str) -> Desk {
    let desk = Desk::with_sealed(text);
    desk.run("key new receiving ledger").fine();
    desk
}

/// Everything in an envelope but its recipients, which stand last.
pub(crate) fn kept(envelope: &[u8]) -> Vec<u8> {
    let ciphertext = Envelope::decode(envelope).unwrap().ciphertext().unwrap().to_vec();
    let at = envelope.windows(ciphertext.len()).position(|window| window == ciphertext).unwrap();
    envelope[..at + ciphertext.len()].to_vec()
}

/// Whom an envelope names.
pub(crate) fn names(envelope: &[u8]) -> Vec<String> {
    let decoded = Envelope::decode(envelope).unwrap();
    decoded.recipients().map(|entry| RecipientId::from(entry).to_string()).collect()
}

fn rewrap(words: &str) -> String {
    format!("rewrap --key billing {TRUST} {words}")
}

/// From billing to ledger.
pub(crate) fn moving(desk: &Desk, words: &str) -> String {
    rewrap(&format!("--to ledger.pub --remove {} {words}", desk.key_id("billing")))
}

#[test]
fn recipients_change_and_nothing_else_does() {
    let desk = desk(&"line\n".repeat(200));
    let done = desk.run(&moving(&desk, "sealed -o out")).fine();
    assert!(done.err.contains("200 re-wrapped, 0 unchanged, 0 refused"), "{}", done.err);
    let (old, new) = (envelopes(&desk.read("sealed")), envelopes(&desk.read("out")));
    assert_eq!(new.len(), 200);
    let ledger = desk.key_id("ledger");
    for (old, new) in old.iter().zip(&new) {
        assert_eq!(kept(old), kept(new));
        assert_eq!(names(new), [ledger.as_str()]);
    }
    desk.verify("out").fine();
    let opened = desk.run(&format!("open --key ledger {TRUST} --lines out")).fine();
    assert_eq!(opened.out, "line\n".repeat(200).into_bytes());
    assert_eq!(desk.open("--lines out").exit, Some(1), "billing opens the copy no more");
    assert_eq!(desk.names().iter().filter(|name| name.contains("partial")).count(), 0);
    // A second time: there is nothing to do, and nobody needs to open anything.
    let again = desk.run(&moving(&desk, "out -o again")).fine();
    assert!(again.err.contains("0 re-wrapped, 200 unchanged"), "{}", again.err);
    assert!(
        again.says("of 200 envelopes a recipient was to be taken out that was none").exit
            == Some(0)
    );
    assert_eq!(desk.read("again"), desk.read("out"));
}

#[test]
fn keks_are_added_open_and_go() {
    let desk = desk("a\nb\n");
    desk.run("key new kek kek").fine();
    desk.run(&rewrap("--to-kek hsm-1=kek sealed -o both")).fine();
    let both = envelopes(&desk.read("both"));
    assert_eq!(names(&both[0]), [desk.key_id("billing"), "hsm-1".to_owned()]);
    let by_kek = format!("rewrap --kek hsm-1=kek {TRUST} --to ledger.pub");
    desk.run(&format!("{by_kek} --remove-kek hsm-1 both -o out")).fine();
    let out = envelopes(&desk.read("out"));
    assert_eq!(names(&out[1]), [desk.key_id("billing"), desk.key_id("ledger")]);
    desk.run(&format!("{by_kek} --replace both -o alone")).fine();
    assert_eq!(names(&envelopes(&desk.read("alone"))[0]), [desk.key_id("ledger")]);
}

#[test]
fn base64_stays_base64() {
    let desk = desk("a\nb\nc\n");
    let lines: Vec<String> =
        envelopes(&desk.read("sealed")).iter().map(|envelope| BASE64.encode(envelope)).collect();
    // The second is cut, the third one's line has no end.
    desk.write("lines", format!("{}\r\n\n{}\r\n{}", lines[0], &lines[1][..100], lines[2]));
    let done = desk.run(&moving(&desk, "--encoding base64 lines -o out"));
    let done = done.refused(&["malformed/cbor"]);
    assert!(done.err.contains("envelope 1 at byte"), "{}", done.err);
    let out = String::from_utf8(desk.read("out")).unwrap();
    let out: Vec<&str> = out.split('\n').collect();
    assert_eq!((out.len(), out[1], out[3]), (4, &*format!("{}\r", &lines[1][..100]), ""));
    for (at, line) in [(0, out[0]), (2, out[2])] {
        let new = BASE64.decode(line).unwrap();
        assert_eq!(kept(&new), kept(&envelopes(&desk.read("sealed"))[at]));
        assert_eq!(names(&new), [desk.key_id("ledger")]);
    }
    // What is as it shall be is the same to the last byte of its line.
    let again = desk.run(&moving(&desk, "--encoding base64 out -o again"));
    again.refused(&["malformed/cbor"]);
    assert_eq!(desk.read("again"), desk.read("out"));
}

/// A refusal is told, counted and copied; the rest of the file is re-wrapped.
#[test]
fn what_cannot_be_rewrapped_is_copied_as_it_is() {
    let desk = desk("a\nb\nc\n");
    desk.run("key new signing stranger").fine();
    let [one, two, three] = &envelopes(&desk.read("sealed"))[..] else { panic!("not three") };
    let mut forged = two.clone();
    let at = kept(two).len() - 1;
    forged[at] ^= 1;
    let seal = "seal --to billing.pub --channel orders.eu";
    let stranger = desk.pipe(&format!("{seal} --key stranger"), "x").fine().out;
    let other = desk.pipe("seal --to ledger.pub --channel orders.eu --key shop", "x").fine().out;
    let foreign = [0x82, 0x01, 0x62, b'h', b'i'];
    let rest = [0xff, 0x00, 0xd8];
    let parts: [&[u8]; 8] = [one, &forged, &stranger, &foreign, &other, three, &rest, three];
    desk.write("mixed", parts.concat());
    let words = rewrap("--to ledger.pub --remove 0000000000000000 mixed -o out");
    let done = desk.run(&words).refused(&[
        "untrusted/bad_signature",
        "untrusted/unknown_signer",
        "malformed/structure",
        "malformed/not_a_sequence",
    ]);
    let done = done.says(&format!("envelope 1 at byte {} of mixed is refused", one.len()));
    let rest_at = parts[..6].concat().len();
    let done = done.says(&format!("mixed from byte {rest_at} on is refused"));
    done.says("2 re-wrapped, 1 unchanged, 4 refused and copied as they were");
    let out = desk.read("out");
    let grown = envelopes(&out[..out.len() - rest.len() - three.len()]);
    assert_eq!(grown.len(), 6);
    for (at, part) in parts.iter().take(6).enumerate() {
        if [0, 5].contains(&at) {
            assert_eq!(kept(&grown[at]), kept(part));
            assert_eq!(names(&grown[at]).len(), 2);
        } else {
            assert_eq!(grown[at], **part, "part {at}");
        }
    }
    assert!(out.ends_with(&[&rest, &three[..]].concat()), "what follows is copied too");
    // The same through pipes.
    let piped = desk.pipe(&rewrap("--to ledger.pub --remove 0000000000000000"), parts.concat());
    assert_eq!((piped.exit, piped.out.len()), (Some(1), out.len()));
}

#[test]
fn a_message_that_would_be_left_to_nobody_stays_as_it_is() {
    let desk = desk("a\n");
    let words = rewrap(&format!("--remove {} sealed -o out", desk.key_id("billing")));
    desk.run(&words).refused(&["misuse"]).says("without a recipient");
    assert_eq!(desk.read("out"), desk.read("sealed"));
}

#[test]
fn a_reader_without_the_key_or_with_other_wishes_changes_nothing() {
    let desk = desk("a\nb\n");
    desk.run("key new receiving other").fine();
    let other = format!("rewrap --key other {TRUST} --to ledger.pub sealed");
    desk.run(&format!("{other} -o out")).refused(&["no_key", "no_key"]).says("2 refused");
    assert_eq!(desk.read("out"), desk.read("sealed"));
    for (words, code) in [
        ("--channel orders.us", "misdirected/channel"),
        ("--signer spiffe://example.org/other", "untrusted/wrong_signer"),
    ] {
        let done = desk.run(&rewrap(&format!("--to ledger.pub {words} sealed -o out --force")));
        done.refused(&[code, code]);
        assert_eq!(desk.read("out"), desk.read("sealed"));
    }
    let shop = desk.key_id("shop");
    desk.run(&format!("trust revoke bundle --root root --key-id {shop} --reason compromised"))
        .fine();
    desk.run(&rewrap("--to ledger.pub sealed -o out --force"))
        .refused(&["untrusted/revoked", "untrusted/revoked"]);
    assert_eq!(desk.read("out"), desk.read("sealed"));
}

#[test]
fn wrong_usage_is_told_before_anything_is_read() {
    let desk = desk("a\n");
    let billing = desk.key_id("billing");
    desk.run("key new kek kek").fine();
    for (words, says) in [
        ("sealed -o out".to_owned(), "nothing is to be changed"),
        ("--replace sealed -o out".to_owned(), "nobody would be left"),
        (format!("--to billing.pub --remove {billing} sealed -o out"), "both added and removed"),
        ("--to shop.pub sealed -o out".to_owned(), "a recipient's key is X25519"),
        ("--to nowhere.pub sealed -o out".to_owned(), "nowhere.pub"),
        ("--to-kek kek sealed -o out".to_owned(), "ID=FILE"),
        ("--remove short sealed -o out".to_owned(), "16 hexadecimal digits"),
        ("--to ledger.pub nowhere -o out".to_owned(), "nowhere"),
        ("--to ledger.pub sealed -o bundle --force".to_owned(), "would be written over"),
        ("--to ledger.pub sealed -o ledger.pub --force".to_owned(), "would be written over"),
        ("--to-kek k=kek sealed -o kek --force".to_owned(), "would be written over"),
    ] {
        let done = desk.run(&rewrap(&words));
        assert_eq!(done.exit, Some(2), "{words}: {}", done.err);
        let done = done.says(says);
        assert_eq!((done.out.len(), desk.exists("out")), (0, false), "{words}");
    }
    assert!(!desk.names().iter().any(|name| name.contains("partial")), "{:?}", desk.names());
    desk.run(&format!("rewrap {TRUST} --to ledger.pub sealed")).fails(2, &["misuse"]).says("--key");
}

#[test]
fn an_existing_output_needs_force_and_the_input_may_be_it() {
    let desk = desk("a\nb\n");
    desk.write("out", "precious");
    desk.run(&moving(&desk, "sealed -o out")).unusable("misuse").hints("--force");
    assert_eq!(desk.read("out"), b"precious");
    desk.run(&moving(&desk, "sealed -o out --force")).fine();
    assert_eq!(envelopes(&desk.read("out")).len(), 2);
    // In place, through a link as well; who may read it stays.
    desk.chmod("sealed", 0o640);
    std::os::unix::fs::symlink("sealed", desk.path("link")).unwrap();
    desk.run(&moving(&desk, "sealed -o sealed")).unusable("misuse");
    desk.run(&moving(&desk, "sealed -o link --force")).fine();
    assert!(desk.path("link").symlink_metadata().unwrap().is_symlink());
    assert_eq!(desk.mode("sealed"), 0o640);
    let ledger = desk.key_id("ledger");
    for envelope in envelopes(&desk.read("sealed")) {
        assert_eq!(names(&envelope), [ledger.as_str()]);
    }
    assert!(!desk.names().iter().any(|name| name.contains("partial")), "{:?}", desk.names());
}

#[test]
fn pipes_devices_and_terminals_are_written_as_by_the_other_commands() {
    let desk = desk(&"line\n".repeat(5000));
    let words = moving(&desk, "");
    let piped = desk.pipe(&words, desk.read("sealed")).fine();
    assert_eq!(envelopes(&piped.out).len(), 5000);
    desk.pipe(&format!("{words} -o out"), desk.read("sealed")).fine();
    assert_eq!(envelopes(&desk.read("out")).len(), 5000);
    desk.run(&moving(&desk, "sealed -o /dev/null")).fine();
    desk.run(&moving(&desk, "sealed -o /dev/full")).fails(2, &["carrier"]);
    desk.pipe(&words, "").fine().says("there was no envelope");
    // Nobody reads on.
    let mut child = desk
        .command(&moving(&desk, "sealed"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut some = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    assert_eq!(wait(child).fine().err, "");
    // An input that cannot be read on makes no file.
    let cut = desk.run(&moving(&desk, "/proc/self/mem -o cut")).fails(2, &["carrier"]);
    assert!(!desk.exists("cut"), "{}", cut.err);
}
