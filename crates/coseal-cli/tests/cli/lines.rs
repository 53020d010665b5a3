//! `--lines`: what a line is, batches, and payloads that are no lines.

use super::desk::{Desk, TRUST, envelopes};

#[test]
fn lines_end_at_lf_only() {
    let cases: &[(&str, &str, usize)] = &[
        ("", "", 0),
        ("a", "a\n", 1),
        ("a\n", "a\n", 1),
        ("\n", "\n", 1),
        ("a\n\nb", "a\n\nb\n", 3),
        ("a\r\nb\r\n", "a\r\nb\r\n", 2),
        ("a\rb\n", "a\rb\n", 1),
        ("\r\n\n\n", "\r\n\n\n", 3),
        ("a\u{2028}b\u{b}c\u{c}d\u{85}e\n", "a\u{2028}b\u{b}c\u{c}d\u{85}e\n", 1),
        (" a \n\t\n", " a \n\t\n", 2),
    ];
    let desk = Desk::new();
    for (input, opened, count) in cases {
        for batch in [1, 2, 64] {
            let sealed = desk.seal(&format!("--lines --batch {batch}"), input).fine();
            assert_eq!(envelopes(&sealed.out).len(), *count, "{input:?}");
            let done =
                desk.pipe(&format!("open --key billing {TRUST} --lines"), &sealed.out).fine();
            assert_eq!(done.text(), *opened, "{input:?}");
        }
    }
}

#[test]
fn a_batch_shares_one_signature() {
    let desk = Desk::new();
    let input = "x\n".repeat(150);
    for (words, sizes) in [
        ("", &[64, 64, 22][..]),
        ("--batch 100", &[100, 50]),
        ("--batch 1", &[1; 150]),
        ("--batch 65536", &[150]),
    ] {
        desk.seal(&format!("--lines {words} -o sealed --force"), &input).fine();
        let rows = desk.run("inspect --json sealed").fine().rows();
        let mut expected = sizes.iter().flat_map(|size| (0..*size).map(move |leaf| (*size, leaf)));
        for (index, row) in rows.iter().enumerate() {
            let unproven = &row["unproven"];
            let (size, leaf) = expected.next().unwrap();
            assert_eq!(unproven["receipt"]["tree_size"], size);
            assert_eq!(unproven["receipt"]["leaf_index"], leaf);
            assert_eq!(unproven["sequence"], index, "numbered in the order of the lines");
        }
        assert_eq!(expected.next(), None);
        desk.verify("sealed").fine().says("150 valid, 0 refused");
    }
}

#[test]
fn a_payload_with_a_line_feed_is_told() {
    let desk = Desk::new();
    let mut sealed = desk.seal("", "one").fine().out;
    sealed.extend(desk.seal("", "two\nlines").fine().out);
    sealed.extend(desk.seal("", "end\n").fine().out);
    desk.write("sealed", &sealed);
    let first = envelopes(&sealed)[0].len();
    let done = desk.open("--lines sealed").fine();
    assert_eq!(done.text(), "one\ntwo\nlines\nend\n\n");
    let done = done.says(&format!(
        "warning: 2 payloads contain a line feed, the first is envelope 1 at byte {first} of sealed"
    ));
    assert!(done.err.contains("3 valid, 0 refused"));
    // JSON keeps them apart, so there is nothing to warn of.
    let done = desk.open("--lines --json sealed").fine();
    assert!(!done.err.contains("warning"), "{}", done.err);
    let payloads: Vec<Vec<u8>> = done.rows().iter().map(payload).collect();
    assert_eq!(payloads, [&b"one"[..], b"two\nlines", b"end\n"]);
    // Alone, a payload is written as it is.
    desk.write("two", &envelopes(&sealed)[1]);
    assert_eq!(desk.open("two").fine().out, b"two\nlines");
}

fn payload(row: &serde_json::Value) -> Vec<u8> {
    let text = row["payload_base64"].as_str().unwrap();
    base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap()
}

#[test]
fn without_lines_there_is_exactly_one_envelope() {
    let desk = Desk::with_sealed("a\nb\n");
    desk.open("sealed -o opened")
        .unusable("misuse")
        .says("more than one envelope")
        .hints("--lines");
    assert!(!desk.exists("opened"));
    desk.open("--json sealed").unusable("misuse");
    let one = envelopes(&desk.read("sealed"))[0].clone();
    for junk in [&b"\n"[..], b"\0", b"\xff", b"junk", b"\xd8"] {
        desk.write("trailing", [&one, junk].concat());
        assert_eq!(desk.open("trailing").refused(&["malformed/cbor"]).out, b"");
    }
    desk.write("cut", &one[..one.len() - 1]);
    assert_eq!(desk.open("cut").refused(&["malformed/cbor"]).out, b"");
    desk.write("empty", b"");
    desk.open("empty").refused(&["malformed/cbor"]);
    // None is as good as any number, with --lines.
    desk.open("--lines empty").fine().says("no envelope");
    desk.verify("empty").fine().says("no envelope");
}

#[test]
fn base64_is_one_envelope_a_line() {
    let desk = Desk::new();
    let sealed = desk.seal("--lines --encoding base64", "a\n\nb\n").fine();
    let lines: Vec<&str> = sealed.text().lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(sealed.text().ends_with('\n'));
    desk.write("sealed", &sealed.out);
    assert_eq!(desk.open("--lines --encoding base64 sealed").fine().text(), "a\n\nb\n");
    let rows = desk.verify("--json --encoding base64 sealed").fine().rows();
    let offsets: Vec<u64> = rows.iter().map(|row| row["offset"].as_u64().unwrap()).collect();
    assert_eq!(
        offsets,
        [0, lines[0].len() as u64 + 1, (lines[0].len() + lines[1].len()) as u64 + 2]
    );
    assert_eq!(desk.run("inspect --json --encoding base64 sealed").fine().rows().len(), 3);

    // Line ends of other systems, blank lines, no padding, no final LF; a line
    // that is no envelope is refused by itself.
    let cut = lines[1].trim_end_matches('=');
    desk.write("mixed", format!("{}\r\n\n  {cut}\n!!!!\nAAAA\n{}", lines[0], lines[2]));
    let done =
        desk.open("--lines --encoding base64 mixed").refused(&["malformed/cbor", "malformed/cbor"]);
    assert_eq!(done.text(), "a\n\nb\n");

    // Alone.
    let one = desk.seal("--encoding base64", "hello").fine();
    desk.write("one", &one.out);
    assert_eq!(desk.open("--encoding base64 one").fine().out, b"hello");
    desk.open("--encoding base64 sealed").unusable("misuse").hints("--lines");
    desk.write("bad", b"hello!");
    desk.open("--encoding base64 bad").refused(&["malformed/cbor"]);
}
