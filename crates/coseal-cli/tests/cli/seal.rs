//! `coseal seal` and back: recipients, suites, headers, sizes, limits.

use super::desk::{Desk, TRUST, envelopes};

#[test]
fn one_message_goes_round() {
    let desk = Desk::new();
    for payload in [&b""[..], b"hello", b"a\nb\n", &[0xff, 0, 10, 13], &[7; 100_000]] {
        for suite in ["a256gcm", "chacha20poly1305"] {
            let sealed = desk.seal(&format!("--suite {suite}"), payload).fine();
            assert_eq!(envelopes(&sealed.out).len(), 1);
            desk.write("sealed", &sealed.out);
            let opened = desk.open("sealed").fine();
            assert_eq!(opened.out, payload, "no byte more or less");
            assert_eq!(opened.err, "");
            let row = &desk.verify("--json sealed").fine().rows()[0];
            assert_eq!(row["suite"], suite);
        }
    }
}

#[test]
fn standard_input_and_output_are_named_by_a_dash() {
    let desk = Desk::new();
    let sealed = desk.seal("- -o -", "hello").fine().out;
    let opened = desk.pipe(&format!("open --key billing {TRUST} - -o -"), &sealed).fine();
    assert_eq!(opened.out, b"hello");
    let verified = desk.pipe(&format!("verify {TRUST} -"), &sealed).fine();
    assert!(verified.text().starts_with("valid  - 0  20"), "{}", verified.text());
    assert!(desk.names().iter().all(|name| name != "-"));
}

#[test]
fn any_recipient_can_open_and_nobody_else() {
    let desk = Desk::new();
    desk.run("key new receiving other").fine();
    desk.run("key new receiving stranger").fine();
    desk.run("key new kek kek").fine();
    desk.run("key new kek wrong").fine();
    desk.seal("--to other.pub --to-kek vault=kek -o sealed", "hello").fine();
    let open = |words: &str| desk.run(&format!("open {TRUST} {words} sealed"));
    for words in [
        "--key billing",
        "--key other",
        "--kek vault=kek",
        "--key stranger --kek vault=kek",
        "--key stranger --key other",
    ] {
        assert_eq!(open(words).fine().out, b"hello", "{words}");
    }
    assert_eq!(open("--key stranger").refused(&["no_key"]).out, b"");
    assert_eq!(open("--kek cellar=kek").refused(&["no_key"]).out, b"");
    assert_eq!(open("--kek vault=wrong").refused(&["undecryptable"]).out, b"");
    desk.verify("sealed").fine();
}

#[test]
fn a_subject_stands_for_its_receiving_keys_on_that_channel() {
    let desk = Desk::new();
    let seal = |channel: &str, words: &str| {
        desk.pipe(&format!("seal --key shop --to spiffe://example.org/billing --channel {channel} {words} -o sealed --force"), "hello")
    };
    seal("orders.eu", TRUST).fine();
    assert_eq!(desk.open("sealed").fine().out, b"hello");
    // A second key of the same subject, and one that is no longer good.
    desk.run("key new receiving second").fine();
    desk.trust("second", "spiffe://example.org/billing");
    desk.run(&format!(
        "trust revoke bundle --root root --key-id {} --reason superseded",
        desk.key_id("billing")
    ))
    .fine();
    seal("orders.eu", TRUST).fine();
    assert_eq!(desk.run(&format!("open --key second {TRUST} sealed")).fine().out, b"hello");
    desk.open("sealed").refused(&["no_key"]);

    let before = desk.read("sealed");
    seal("payments.eu", TRUST).unusable("no_key").says("payments.eu");
    seal("orders.eu", "").unusable("misuse").hints("--trust");
    seal("orders.eu", "--trust bundle").unusable("misuse").hints("--pin");
    seal("orders.eu", "--trust bundle --pin shop.pub").unusable("untrusted/unknown_root");
    seal("orders.eu", &format!("{TRUST} --domain example.com")).unusable("untrusted/wrong_domain");
    assert_eq!(desk.read("sealed"), before);
}

#[test]
fn an_expired_bundle_names_no_recipients() {
    let desk = Desk::new();
    desk.expire_bundle();
    let seal =
        format!("seal --key shop --to spiffe://example.org/billing --channel orders.eu {TRUST}");
    desk.pipe(&seal, "x").unusable("untrusted/bundle_expired").hints("renew");
}

#[test]
fn what_a_message_says_is_signed_and_shown() {
    let desk = Desk::new();
    desk.seal(
        "--content-type text/plain --header tenant=a --header note=x=y --expires-in 90d -o sealed",
        "hello",
    )
    .fine();
    let row = &desk.verify("--json sealed").fine().rows()[0];
    assert_eq!(row["content_type"], "text/plain");
    assert_eq!(row["headers"], serde_json::json!({ "tenant": "a", "note": "x=y" }));
    let (sealed, expires) =
        (row["sealed_at"].as_str().unwrap(), row["expires_at"].as_str().unwrap());
    let time = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
    assert!(
        (90 * 86_400..=90 * 86_400 + 1).contains(&(time(expires) - time(sealed))),
        "{sealed} {expires}"
    );
}

#[test]
fn what_breaks_a_rule_is_not_sealed() {
    let desk = Desk::new();
    let mut cases = vec![
        ("seal --key shop --channel orders.eu".to_owned(), "--to FILE.pub"),
        ("seal --key shop --to billing.pub --channel orders.*".to_owned(), ""),
        ("seal --key shop --to billing.pub --to billing.pub --channel orders.eu".to_owned(), ""),
    ];
    for words in ["--header coseal.x=1", "--header a=1 --header a=2", "--header =1"] {
        cases.push((format!("seal --key shop --to billing.pub --channel orders.eu {words}"), ""));
    }
    let long = format!(
        "seal --key shop --to billing.pub --channel orders.eu --header a={}",
        "x".repeat(4097)
    );
    cases.push((long, ""));
    for (words, hint) in cases {
        for lines in ["", " --lines"] {
            let done = desk.pipe(&format!("{words}{lines} -o sealed"), "x").unusable("misuse");
            if !hint.is_empty() {
                done.hints(hint);
            }
            assert!(!desk.exists("sealed"));
        }
    }
}

#[test]
fn wrong_usage_is_misuse() {
    let desk = Desk::new();
    for words in [
        "",
        "seal",
        "weld",
        "seal --key shop --to billing.pub --channel c --suite rot13",
        "seal --key shop --to billing.pub --channel c --header novalue",
        "seal --key shop --to billing.pub --channel c --expires-in soon",
        "seal --key shop --to billing.pub --channel c --batch 4",
        "seal --key shop --to billing.pub --channel c --lines --batch 0",
        "seal --key shop --to billing.pub --channel c --lines --batch 65537",
        "seal --key shop --to billing.pub --channel c --encoding morse",
        "seal --key shop --to billing.pub --channel c --force",
        "seal --key shop --to-kek kek --channel c",
        "key new lock out",
        "trust revoke bundle --root root --key-id 0011223344556677 --reason bored",
        "trust revoke bundle --root root --key-id xyz --reason ceased",
        "trust retire bundle --root root --key-id 0011223344556677 --at yesterday",
        "open --key billing --trust bundle --pin root.pub --max-age 1d",
        "verify --trust bundle --pin root.pub --max-age 1d",
        "verify --trust bundle",
        "verify --pin root.pub",
        "open --trust bundle --pin root.pub",
    ] {
        let done = desk.pipe(words, "x");
        if words.is_empty() {
            // Without a word there is nothing wrong to name: the help is the answer.
            let done = done.fails(2, &[]);
            assert!(done.err.contains("Usage: coseal"), "{}", done.err);
        } else {
            done.unusable("misuse").says("error: ");
        }
    }
    for words in ["--help", "--version", "seal --help", "help trust add"] {
        assert!(!desk.run(words).fine().out.is_empty());
    }
}

#[test]
fn sealing_adds_no_more_than_it_may() {
    let desk = Desk::new();
    desk.run(
        "trust add bundle --root root --key billing.pub --subject spiffe://x --channel orders",
    )
    .fails(2, &["misuse"]);
    for size in [0, 256, 10_000] {
        let payload = "x".repeat(size);
        let seal = |words: &str, input: &str| {
            let words = format!("seal --key shop --to billing.pub --channel orders {words}");
            envelopes(&desk.pipe(&words, input).fine().out)
        };
        let alone = seal("", &payload);
        assert!(alone[0].len() <= size + 325, "{}", alone[0].len() - size);
        let batch = seal("--lines --batch 16", &format!("{payload}\n").repeat(16));
        assert_eq!(batch.len(), 16);
        for envelope in batch {
            assert!(envelope.len() <= size + 480, "{}", envelope.len() - size);
        }
    }
}

#[test]
fn more_than_64_mib_is_not_one_message() {
    let desk = Desk::new();
    let large = vec![b'x'; 64 << 20];
    desk.seal("-o sealed", &large).unusable("misuse").says("64 MiB").hints("--lines");
    assert!(!desk.exists("sealed"));

    // Lines: what came before is sealed, whole.
    let mut input = b"one\ntwo\nthree\n".to_vec();
    input.extend_from_slice(&large);
    input.extend_from_slice(b"\nfour\n");
    let done = desk
        .seal("--lines --batch 2", &input)
        .fails(2, &["misuse"])
        .says("line 4 of")
        .hints("64 MiB");
    assert_eq!(envelopes(&done.out).len(), 3);
    // A file that would not be whole gets no name.
    desk.seal("--lines -o sealed", &input).unusable("misuse");
    assert!(!desk.exists("sealed"));
    assert!(desk.names().iter().all(|name| !name.starts_with('.')), "nothing is left aside");

    // The largest that fits goes round.
    let fits = vec![b'x'; (64 << 20) - 400];
    desk.seal("-o sealed", &fits).fine();
    assert_eq!(desk.open("sealed").fine().out, fits);
}
