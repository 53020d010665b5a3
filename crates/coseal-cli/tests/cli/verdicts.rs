//! `verify --json`, `open --json`, `inspect --json`: the members of each row.

use serde_json::json;

use super::desk::Desk;

#[test]
fn a_row_has_every_member() {
    let desk = Desk::new();
    desk.seal(
        "--lines --header tenant=a --content-type text/plain --expires-in 1d -o sealed",
        "a\nb\n",
    )
    .fine();
    let rows = desk.verify("--json sealed").fine().rows();
    let row = &rows[1];
    let mut members: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    let mut expected = vec![
        "input",
        "index",
        "offset",
        "verdict",
        "code",
        "kind",
        "detail",
        "signer",
        "channel",
        "message_id",
        "sealed_at",
        "sequence",
        "epoch",
        "previous",
        "suite",
        "content_type",
        "headers",
        "extensions",
        "expires_at",
        "other_receipts",
        "claimed_time",
        "bundle",
        "facts",
    ];
    expected.sort_unstable();
    assert_eq!(members, expected);
    assert_eq!((&row["input"], &row["index"]), (&json!("sealed"), &json!(1)));
    assert_eq!(
        (&row["verdict"], &row["code"], &row["kind"], &row["detail"]),
        (&json!("valid"), &json!(null), &json!(null), &json!(null))
    );
    assert_eq!(
        row["signer"],
        json!({ "key_id": desk.key_id("shop"), "subject": "spiffe://example.org/shop" })
    );
    assert_eq!(
        (&row["channel"], &row["suite"], &row["sequence"]),
        (&json!("orders.eu"), &json!("a256gcm"), &json!(1))
    );
    assert_eq!(row["epoch"], rows[0]["epoch"]);
    assert_ne!(row["message_id"], rows[0]["message_id"]);
    assert_eq!(row["message_id"].as_str().unwrap().len(), 36);
    assert_eq!(row["headers"], json!({ "tenant": "a" }));
    assert_eq!(row["other_receipts"], json!([]));
    assert_eq!(row["bundle"]["domain"], "example.org");
    assert_eq!(row["bundle"]["sequence"], 3);
    for fact in ["bundle_expired", "expired", "from_the_future"] {
        assert_eq!(row["facts"][fact], false);
    }
}

#[test]
fn every_row_is_as_the_published_schema_says() {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/verdict.schema.json");
    let schema = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let desk = Desk::new();
    desk.seal("--lines --header tenant=a --expires-in 1d -o sealed", "a\nb\nc\n").fine();
    let mut sealed = desk.read("sealed");
    let last = sealed.len() - 200;
    sealed[last] ^= 1;
    sealed.extend([0x18, 0x00, 0xff]);
    desk.write("sealed", sealed);
    let mut rows = 0;
    for words in
        ["--json sealed", "--json --channel x sealed", "--json --at 2100-01-01T00:00:00Z sealed"]
    {
        for row in desk.verify(words).rows() {
            let wrong: Vec<String> =
                schema.iter_errors(&row).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{row}: {wrong:?}");
            rows += 1;
        }
    }
    assert_eq!(rows, 15);
}

#[test]
fn open_adds_the_payload_of_what_it_opened() {
    let desk = Desk::with_sealed("hello\n");
    desk.run("key new receiving stranger").fine();
    let row = &desk.open("--json sealed").fine().rows()[0];
    assert_eq!((&row["verdict"], &row["payload_base64"]), (&json!("valid"), &json!("aGVsbG8=")));
    let done = desk
        .run("open --key stranger --trust bundle --pin root.pub --json sealed")
        .refused(&["no_key"]);
    let row = &done.rows()[0];
    assert_eq!(
        (&row["verdict"], &row["code"], &row["kind"]),
        (&json!("refused"), &json!("no_key"), &json!(null))
    );
    assert_eq!(row["channel"], "orders.eu", "it is genuine");
    assert!(row.get("payload_base64").is_none());
    let row = &desk.open("--json --channel x sealed").refused(&["misdirected/channel"]).rows()[0];
    assert_eq!((&row["code"], &row["kind"]), (&json!("misdirected"), &json!("channel")));
    assert!(row.get("payload_base64").is_none());
}

#[test]
fn inspect_marks_everything_as_unproven() {
    let desk = Desk::new();
    desk.run("key new kek kek").fine();
    desk.seal("--lines --to-kek vault=kek --header tenant=a -o sealed", "a\nb\n").fine();
    let rows = desk.run("inspect --json sealed").fine().rows();
    let row = &rows[1];
    let mut outside: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
    outside.sort_unstable();
    assert_eq!(outside, ["index", "input", "length", "offset", "unproven"]);
    let unproven = &row["unproven"];
    assert_eq!(unproven["channel"], "orders.eu");
    assert_eq!(unproven["signer_key_id"], desk.key_id("shop"));
    assert_eq!(unproven["headers"], json!({ "tenant": "a" }));
    assert_eq!(
        unproven["recipients"],
        json!([
            { "type": "x25519", "key_id": desk.key_id("billing") },
            { "type": "kek", "id": "vault", "id_hex": "7661756c74" },
        ])
    );
    assert_eq!(unproven["receipt"], json!({ "algorithm": -8, "tree_size": 2, "leaf_index": 1 }));
    assert_eq!(unproven["ciphertext_bytes"], 49);
    let text = desk.run("inspect sealed").fine();
    assert_eq!(text.text().matches("UNPROVEN").count(), 2);
    for word in ["orders.eu", "tenant = ", "key-encryption key vault", &desk.key_id("billing")] {
        assert!(text.text().contains(word), "{word}");
    }
    // What was changed still says what it says.
    let mut changed = desk.read("sealed");
    let at = changed.windows(9).position(|window| window == b"orders.eu").unwrap();
    changed[at] = b'x';
    assert!(desk.pipe("inspect", changed).fine().text().contains("xrders.eu"));
}

#[test]
fn people_get_a_line_for_each_valid_one_and_a_summary() {
    let desk = Desk::with_sealed("a\nb\n");
    let done = desk.verify("sealed").fine();
    assert_eq!(done.err, "2 valid, 0 refused\n");
    let first = done.text().lines().next().unwrap();
    let words: Vec<&str> = first.split_whitespace().collect();
    assert_eq!(&words[..3], ["valid", "sealed", "0"]);
    assert_eq!(&words[4..6], ["orders.eu", "spiffe://example.org/shop"]);
    desk.seal("-o one", "x").fine();
    assert_eq!(desk.verify("one").fine().err, "", "a single one speaks for itself");
}
