//! CBOR sequences: what is no envelope, what is no CBOR, several inputs.

use serde_json::{Value, json};

use super::desk::{Desk, envelopes};

/// (index, offset, verdict, code, kind) of a row.
fn told(row: &Value) -> (u64, u64, &str, &str, &str) {
    let text = |name: &str| row[name].as_str().unwrap_or("");
    (
        row["index"].as_u64().unwrap(),
        row["offset"].as_u64().unwrap(),
        text("verdict"),
        text("code"),
        text("kind"),
    )
}

#[test]
fn what_is_no_envelope_is_skipped_and_the_others_are_judged() {
    let desk = Desk::with_sealed("a\nb\nc\n");
    let [a, b, c] = <[_; 3]>::try_from(envelopes(&desk.read("sealed"))).unwrap();
    // An integer longer than needed: an item, but not deterministic. Then an
    // item that is no envelope, one of indefinite length, and text that is not UTF-8.
    let mixed =
        [&a[..], &[0x18, 0x00], &b, &[0x83, 1, 2, 3], &[0x9f, 0xff], &[0x61, 0xff], &c].concat();
    desk.write("mixed", &mixed);
    let codes = ["malformed/cbor", "malformed/structure", "malformed/cbor", "malformed/cbor"];
    let done = desk.open("--lines mixed").refused(&codes);
    assert_eq!(done.text(), "a\nb\nc\n");
    let done = done.says("3 valid, 4 refused (malformed/cbor 3, malformed/structure 1)");
    drop(done);
    let at = |before: &[&[u8]]| before.iter().map(|part| part.len() as u64).sum::<u64>();
    let second = at(&[&a]) + 2;
    let third = second + at(&[&b]);
    let expected = [
        (0, 0, "valid", "", ""),
        (1, at(&[&a]), "refused", "malformed", "cbor"),
        (2, second, "valid", "", ""),
        (3, third, "refused", "malformed", "structure"),
        (4, third + 4, "refused", "malformed", "cbor"),
        (5, third + 6, "refused", "malformed", "cbor"),
        (6, third + 8, "valid", "", ""),
    ];
    for words in [("verify", "--json mixed"), ("open", "--lines --json mixed")] {
        let done = if words.0 == "verify" { desk.verify(words.1) } else { desk.open(words.1) };
        let rows = done.refused(&codes).rows();
        assert_eq!(rows.iter().map(told).collect::<Vec<_>>(), expected, "{words:?}");
    }
    desk.verify("mixed").refused(&codes);
    desk.run("inspect mixed").refused(&codes);
}

#[test]
fn bytes_that_are_no_item_end_the_input() {
    let desk = Desk::with_sealed("a\nb\n");
    let sealed = desk.read("sealed");
    let end = sealed.len() as u64;
    // A reserved first byte, a break, half an envelope; and what comes after is not looked for.
    let cut = &sealed[..sealed.len() / 2 - 1];
    for tail in [&[0x1c][..], &[0xff], cut, &[0x58, 0x20, 1], &[0xfe, 0xd8, 0x60]] {
        desk.write("broken", [&sealed, tail].concat());
        let expected = [
            (0, 0, "valid", "", ""),
            (1, end / 2, "valid", "", ""),
            (2, end, "refused", "malformed", "not_a_sequence"),
        ];
        let rows = desk.verify("--json broken").refused(&["malformed/not_a_sequence"]).rows();
        assert_eq!(rows.iter().map(told).collect::<Vec<_>>(), expected);
        let done = desk.verify("broken").refused(&["malformed/not_a_sequence"]);
        let done = done
            .says(&format!("broken from byte {end} on is refused: no CBOR item at byte {end}: "));
        assert_eq!(done.text().lines().count(), 2);
        let done = desk.open("--lines broken").refused(&["malformed/not_a_sequence"]);
        assert_eq!(done.text(), "a\nb\n", "what came before is judged");
        let rows = desk.open("--lines --json broken").refused(&["malformed/not_a_sequence"]).rows();
        assert_eq!(rows.len(), 3);
        desk.run("inspect broken").refused(&["malformed/not_a_sequence"]);
    }
}

#[test]
fn a_row_about_what_is_no_envelope_has_every_member() {
    let desk = Desk::with_sealed("a\n");
    desk.write("broken", [&desk.read("sealed")[..], &[0x18, 0, 0xff]].concat());
    let rows = desk
        .verify("--json broken")
        .refused(&["malformed/cbor", "malformed/not_a_sequence"])
        .rows();
    let members = |row: &Value| row.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&rows[1]), members(&rows[0]));
    assert_eq!(members(&rows[2]), members(&rows[0]));
    assert_eq!(rows[2]["signer"], json!(null));
}

#[test]
fn an_envelope_over_64_mib_is_passed_over() {
    let desk = Desk::with_sealed("a\nb\n");
    let [a, b] = <[_; 2]>::try_from(envelopes(&desk.read("sealed"))).unwrap();
    let mut input = a.clone();
    input.extend([0x5a, 0x04, 0, 0, 0]);
    input.resize(input.len() + (64 << 20), 0);
    input.extend(&b);
    desk.write("large", &input);
    let rows = desk.verify("--json large").refused(&["malformed/too_large"]).rows();
    let end = (a.len() + 5 + (64 << 20)) as u64;
    let expected = [
        (0, 0, "valid", "", ""),
        (1, a.len() as u64, "refused", "malformed", "too_large"),
        (2, end, "valid", "", ""),
    ];
    assert_eq!(rows.iter().map(told).collect::<Vec<_>>(), expected);
    desk.write("alone", &input[a.len()..input.len() - b.len()]);
    desk.open("alone").refused(&["malformed/too_large"]);
}

#[test]
fn several_inputs_are_judged_each() {
    let desk = Desk::with_sealed("a\nb\n");
    desk.seal("-o other", "c").fine();
    let done = desk.verify("--json sealed other").fine().says("3 valid, 0 refused");
    let places: Vec<(String, u64)> = done
        .rows()
        .iter()
        .map(|row| (row["input"].as_str().unwrap().to_owned(), row["index"].as_u64().unwrap()))
        .collect();
    assert_eq!(
        places,
        [("sealed".to_owned(), 0), ("sealed".to_owned(), 1), ("other".to_owned(), 0)]
    );

    // One that is not there, and one that is a folder: told, and the others judged.
    std::fs::create_dir(desk.path("folder")).unwrap();
    let done = desk
        .verify("sealed nowhere folder other")
        .fails(2, &["misuse", "misuse"])
        .says("nowhere")
        .says("folder");
    assert_eq!(done.text().lines().count(), 3);
    // An input that cannot be read counts more than a message that is refused.
    desk.write("junk", [0x00]);
    desk.verify("junk nowhere").fails(2, &["malformed/structure", "misuse"]);
    desk.verify("nowhere junk sealed").fails(2, &["misuse", "malformed/structure"]);
    desk.verify("junk sealed").refused(&["malformed/structure"]);
    desk.open("nowhere").unusable("misuse");
    desk.open("--lines nowhere -o opened").unusable("misuse");
    assert!(!desk.exists("opened"));
}
