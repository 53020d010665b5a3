//! What is refused, and that nothing of it is released.

use super::desk::{Desk, TRUST, envelopes};

#[test]
fn every_flipped_bit_is_refused_and_releases_nothing() {
    let desk = Desk::new();
    let sealed = desk.seal("", "the payload").fine().out;
    // One bit in each byte here; the library's tests flip them all.
    let flipped: Vec<u8> = (0..sealed.len())
        .flat_map(|at| {
            let mut copy = sealed.clone();
            copy[at] ^= 1 << (at % 8);
            copy
        })
        .collect();
    let recipients = recipients_at(&sealed);
    let mut all = Vec::new();
    for (at, envelope) in flipped.chunks(sealed.len()).enumerate() {
        // Only what is still one CBOR item can stand in a sequence.
        if envelopes_or_none(envelope) {
            all.push((at, envelope.to_vec()));
        }
    }
    assert!(all.len() > sealed.len() / 2);
    desk.write(
        "flipped",
        all.iter().flat_map(|(_, envelope)| envelope.clone()).collect::<Vec<u8>>(),
    );
    let opened = desk.open("--lines flipped");
    assert_eq!((opened.exit, opened.text()), (Some(1), ""));
    let verified = desk.verify("--json flipped");
    assert_eq!(verified.exit, Some(1));
    for ((at, _), row) in all.iter().zip(verified.rows()) {
        // Recipients lie outside the signature: such a flip may verify, and did not open.
        assert!(
            row["verdict"] == "refused" || *at >= recipients,
            "bit flipped in byte {at}: {row}"
        );
    }
}

fn envelopes_or_none(bytes: &[u8]) -> bool {
    coseal::sequence::Scanner::new().push(bytes) == Ok(Some(bytes.len()))
}

/// Where the recipients begin: after the ciphertext.
fn recipients_at(envelope: &[u8]) -> usize {
    let ciphertext = coseal::Envelope::decode(envelope).unwrap().ciphertext().unwrap().to_vec();
    envelope.windows(ciphertext.len()).position(|window| window == ciphertext).unwrap()
        + ciphertext.len()
}

#[test]
fn each_reason_has_its_code() {
    let desk = Desk::with_sealed("hello\n");
    let both = |words: &str, codes: &[&str]| {
        desk.verify(&format!("{words} sealed")).refused(codes);
        desk.verify(&format!("{words} --json sealed")).refused(codes);
        let opened = desk.open(&format!("{words} sealed -o opened")).refused(codes);
        assert_eq!(opened.out, b"");
        desk.open(&format!("{words} --lines sealed -o lines --force")).refused(codes);
        assert!(!desk.exists("opened"), "nothing of a refused envelope is written");
        assert!(!desk.exists("lines"), "no file is made where everything was refused");
    };
    both("--channel orders.us", &["misdirected/channel"]);
    both("--signer spiffe://example.org/other", &["untrusted/wrong_signer"]);
    // The signer is judged before the channel.
    both("--signer spiffe://example.org/other --channel x", &["untrusted/wrong_signer"]);
    desk.verify("--channel orders.eu --signer spiffe://example.org/shop sealed").fine();
    assert_eq!(
        desk.open("--channel orders.eu --signer spiffe://example.org/shop sealed").fine().out,
        b"hello"
    );

    let shop = desk.key_id("shop");
    desk.run(&format!("trust revoke bundle --root root --key-id {shop} --reason compromised --compromised-since 2020-01-01T00:00:00Z")).fine();
    both("", &["untrusted/revoked"]);
    both("--channel x", &["untrusted/revoked"]);
    let row = &desk.verify("--json sealed").refused(&["untrusted/revoked"]).rows()[0];
    assert!(row["claimed_time"] == "in_doubt" || row["claimed_time"] == "after", "{row}");
    assert_eq!(row["channel"], "orders.eu", "what a known key signed is reported");
}

#[test]
fn a_stranger_and_a_key_without_that_right_are_refused() {
    let desk = Desk::new();
    desk.run("key new signing stranger").fine();
    let seal = |key: &str, channel: &str| {
        desk.pipe(
            &format!("seal --key {key} --to billing.pub --channel {channel} -o sealed --force"),
            "x",
        )
        .fine();
    };
    seal("stranger", "orders.eu");
    let row = &desk.verify("--json sealed").refused(&["untrusted/unknown_signer"]).rows()[0];
    assert!(row["channel"].is_null(), "nothing of the header before the receipt verified: {row}");
    desk.open("sealed").refused(&["untrusted/unknown_signer"]).hints("coseal trust show");
    seal("shop", "payments.eu");
    desk.open("sealed").refused(&["untrusted/not_allowed"]);
    // A key that may only receive signs nothing.
    desk.run("key new signing young").fine();
    desk.run("trust add bundle --root root --key young.pub --subject spiffe://y --channel orders.* --from 2100-01-01T00:00:00Z").fine();
    seal("young", "orders.eu");
    desk.verify("sealed").refused(&["untrusted/not_valid_then"]);
}

#[test]
fn a_retired_key_keeps_what_it_sealed() {
    let desk = Desk::with_sealed("hello\n");
    let shop = desk.key_id("shop");
    desk.run(&format!("trust retire bundle --root root --key-id {shop} --at 2100-01-01T00:00:00Z"))
        .fine();
    desk.verify("sealed").fine();
    // Bundles count in whole seconds: what was sealed within this one stays valid.
    let second = std::time::Duration::from_millis(1100);
    std::thread::sleep(second);
    desk.run(&format!("trust retire bundle --root root --key-id {shop}")).fine();
    desk.verify("sealed").fine();
    std::thread::sleep(second);
    desk.seal("-o late", "x").fine();
    desk.verify("late").refused(&["untrusted/not_valid_then"]);
}

#[test]
fn good_payloads_are_written_next_to_refused_ones() {
    let desk = Desk::with_sealed("a\nb\nc\n");
    let mut sealed = envelopes(&desk.read("sealed"));
    let last = sealed[1].len() / 2;
    sealed[1][last] ^= 1;
    desk.write("sealed", sealed.concat());
    let done = desk
        .open("--lines sealed -o opened")
        .refused(&["untrusted/bad_signature"])
        .says("2 valid, 1 refused");
    assert!(
        done.err.contains(&format!("envelope 1 at byte {} of sealed is refused", sealed[0].len()))
    );
    assert_eq!(desk.read("opened"), b"a\nc\n");
    // Asked for one and refused it: what was there stays.
    desk.write("one", &sealed[1]);
    desk.open("one -o opened --force").refused(&["untrusted/bad_signature"]);
    assert_eq!(desk.read("opened"), b"a\nc\n");
}

#[test]
fn a_flag_wins_over_the_environment() {
    let desk = Desk::with_sealed("hello\n");
    let run = |words: &str, environment: &[(&str, &str)]| {
        let mut command = desk.command(words);
        command.envs(environment.iter().copied());
        super::desk::finish(command, b"x")
    };
    let good = [("COSEAL_KEY", "billing"), ("COSEAL_TRUST", "bundle"), ("COSEAL_PIN", "root.pub")];
    assert_eq!(run("open sealed", &good).fine().out, b"hello");
    run("verify sealed", &good).fine();
    assert!(run("trust show bundle", &good).fine().text().contains("bundle 3, verified"));
    assert_eq!(run("seal --to billing.pub --channel c", &[("COSEAL_KEY", "shop")]).fine().err, "");
    run(
        "seal --to spiffe://example.org/billing --channel orders.eu",
        &[("COSEAL_KEY", "shop"), good[1], good[2]],
    )
    .fine();

    let bad = [("COSEAL_KEY", "nowhere"), ("COSEAL_TRUST", "nowhere"), ("COSEAL_PIN", "nowhere")];
    run("open sealed", &bad).unusable("misuse");
    assert_eq!(run(&format!("open --key billing {TRUST} sealed"), &bad).fine().out, b"hello");
    run(&format!("verify {TRUST} sealed"), &bad).fine();
    run("verify sealed", &[]).unusable("misuse").says("--trust");
}

#[test]
fn a_flood_of_refusals_is_summed_up() {
    let desk = Desk::with_sealed("a\nb\n");
    let flood = [vec![0; 3000], desk.read("sealed")].concat();
    desk.write("flood", &flood);
    let base64 = ["AA==\n".repeat(3000).as_bytes(), b"#\n"].concat();
    desk.write("base64", &base64);
    for (words, last) in [
        (format!("verify {TRUST} --channel x flood"), &["misdirected/channel"; 2][..]),
        (format!("verify {TRUST} --json --channel x flood"), &["misdirected/channel"; 2]),
        (
            format!("open --key billing {TRUST} --lines --channel x flood"),
            &["misdirected/channel"; 2],
        ),
        ("inspect flood".to_owned(), &[]),
        (format!("verify {TRUST} --encoding base64 base64"), &["malformed/cbor"]),
    ] {
        let done = desk.run(&words);
        let codes = done.codes();
        assert_eq!(done.exit, Some(1), "{words}");
        assert_eq!(codes.len(), 100 + last.len(), "{words}: {codes:?}");
        assert_eq!(&codes[100..], last, "{words}: other codes are told");
        assert!(done.err.len() < 20_000, "{words}: {} bytes", done.err.len());
        assert_eq!(done.err.matches("are not told one by one").count(), 1, "{words}: {}", done.err);
        if words.contains("--json") {
            assert_eq!(done.rows().len(), 3002, "every refusal is a row");
        }
        if words.starts_with("verify") {
            done.says(&format!("3{:03} refused", last.len()));
        }
    }
}
