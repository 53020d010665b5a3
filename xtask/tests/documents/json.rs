//! `schemas/*.schema.json` against the vectors and what the command prints.

mod mutate;
mod vectors;
mod verdicts;

use std::path::Path;

use coseal_testkit::case::CODES;
use jsonschema::Validator;
use serde_json::Value;

use crate::command::{coseal, read_json, root, run, succeed, told};
use mutate::Broken;

fn schema(path: &str) -> Validator {
    let text = read_json(&root().join(path));
    jsonschema::validator_for(&text).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn faults(schema: &Validator, value: &Value) -> Vec<String> {
    schema.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

/// What a schema accepts though it must not.
fn accepted(schema: &Validator, values: impl IntoIterator<Item = Broken>) -> Vec<String> {
    values.into_iter().filter(|broken| schema.is_valid(&broken.value)).map(|b| b.how).collect()
}

/// A value with some of its members set to others, by JSON pointer.
fn with(value: &Value, members: &[(&str, Value)]) -> Value {
    let mut value = value.clone();
    for (pointer, other) in members {
        *value.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = other.clone();
    }
    value
}

/// Sets several members at once that must not stand together.
fn contradiction(value: &Value, members: &[(&str, Value)]) -> Broken {
    Broken { how: format!("{members:?} in {value}"), value: with(value, members) }
}

/// Every code with every kind there is, and whether they belong together. A
/// code stands without a kind only where it has none.
fn codes_and_kinds() -> Vec<(&'static str, Option<&'static str>, bool)> {
    let mut pairs = Vec::new();
    for (code, own) in CODES {
        pairs.push((*code, None, own.is_empty()));
        for (_, kinds) in CODES {
            pairs.extend(kinds.iter().map(|kind| (*code, Some(*kind), own.contains(kind))));
        }
    }
    pairs
}

/// Makes keys, a trust bundle and two sealed messages; the second has all
/// headers there are.
fn seal_two(folder: &Path) -> Vec<u8> {
    let day = "1d";
    for key in ["root", "orders"] {
        succeed(folder, &["key", "new", "signing", key]);
    }
    succeed(folder, &["key", "new", "receiving", "billing"]);
    succeed(folder, &["trust", "new", "bundle", "--root", "root", "--domain", "example.org"]);
    succeed(
        folder,
        &[
            "trust",
            "add",
            "bundle",
            "--root",
            "root",
            "--key",
            "orders.pub",
            "--subject",
            "spiffe://example.org/orders",
            "--channel",
            "orders.>",
        ],
    );
    std::fs::write(folder.join("payload"), b"one").unwrap();
    let seal = ["seal", "--key", "orders", "--to", "billing.pub", "--channel", "orders.eu"];
    succeed(folder, &[&seal[..], &["payload", "-o", "plain"]].concat());
    let rich = ["--content-type", "text/plain", "--header", "tenant=a", "--expires-in", day];
    succeed(folder, &[&seal[..], &rich, &["payload", "-o", "rich"]].concat());
    let mut both = std::fs::read(folder.join("plain")).unwrap();
    both.extend(std::fs::read(folder.join("rich")).unwrap());
    both
}

#[test]
fn every_row_of_verify_matches_its_schema() {
    let schema = schema("schemas/verdict.schema.json");
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let good = seal_two(folder);
    let mut input = good.clone();
    // A third that is refused for its signature, a fourth that is no
    // envelope, and bytes that are no CBOR item.
    let mut flipped = std::fs::read(folder.join("plain")).unwrap();
    let ciphertext = flipped.len() - 120;
    flipped[ciphertext] ^= 1;
    input.extend(flipped);
    input.extend([0xa0, 0xff, 0xff]);
    std::fs::write(folder.join("sealed"), input).unwrap();

    let verify = ["verify", "--json", "--trust", "bundle", "--pin", "root.pub"];
    let output = run(folder, coseal(), &[&verify[..], &["sealed"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let rows = rows(&output.stdout);
    let verdicts: Vec<_> =
        rows.iter().map(|row| (text(row, "verdict"), text(row, "code"))).collect();
    assert_eq!(
        verdicts,
        [
            ("valid", ""),
            ("valid", ""),
            ("refused", "untrusted"),
            ("refused", "malformed"),
            ("refused", "malformed")
        ],
        "{}",
        told(&output)
    );
    // What else there is to say: a live reader's judgement, a revoked signer.
    let later =
        run(folder, coseal(), &[&verify[..], &["--at", "2100-01-01T00:00:00Z", "rich"]].concat());
    assert_eq!(later.status.code(), Some(1), "{}", told(&later));
    let id = String::from_utf8(succeed(folder, &["key", "id", "orders.pub"]).stdout).unwrap();
    let revoke = ["trust", "revoke", "bundle", "--root", "root", "--key-id", id.trim()];
    succeed(folder, &[&revoke[..], &["--reason", "compromised"]].concat());
    let revoked = run(folder, coseal(), &[&verify[..], &["rich"]].concat());
    assert_eq!(revoked.status.code(), Some(1), "{}", told(&revoked));

    let later = self::rows(&later.stdout);
    let revoked = self::rows(&revoked.stdout);
    assert_eq!((later.len(), revoked.len()), (1, 1));
    for row in rows.iter().chain(&later).chain(&revoked) {
        assert_eq!(faults(&schema, row), [""; 0], "{row}");
    }
}

#[test]
fn what_needed_prints_matches_its_schema() {
    let schema = schema("schemas/needed.schema.json");
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut input = seal_two(folder);
    succeed(folder, &["key", "new", "kek", "kek"]);
    let rewrap = ["rewrap", "--key", "billing", "--trust", "bundle", "--pin", "root.pub"];
    succeed(folder, &[&rewrap[..], &["--to-kek", "k=kek", "plain", "-o", "kek-too"]].concat());
    let both = std::fs::read(folder.join("kek-too")).unwrap();
    // Of a KEK entry, the algorithm's number is changed: -5 into -6, which is
    // a recipient that this version does not know. The rest is no envelope.
    let mut other = both.clone();
    let at = other.windows(4).rposition(|window| window == [0xa2, 0x01, 0x24, 0x04]).unwrap();
    other[at + 2] = 0x25;
    for more in [&both[..], &other, &[0xa0]] {
        input.extend(more);
    }
    std::fs::write(folder.join("all"), &input).unwrap();
    let output = run(folder, coseal(), &["trust", "needed", "--json", "all"]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let rows = rows(&output.stdout);
    let [row] = &rows[..] else { panic!("not one: {rows:?}") };
    assert_eq!(faults(&schema, row), [""; 0], "{row}");
    let kinds: Vec<_> =
        row["keys"].as_array().unwrap().iter().map(|key| text(key, "type")).collect();
    assert_eq!(kinds, ["x25519", "kek", "other"], "{row}");
    assert_eq!((&row["envelopes"], &row["complete"]), (&4.into(), &false.into()));
    for at in [None, Some(0), Some(1), Some(2)] {
        let mut more = row.clone();
        let place = match at {
            None => &mut more,
            Some(at) => &mut more["keys"][at],
        };
        place.as_object_mut().unwrap().insert("unheard_of".to_owned(), Value::Null);
        assert!(!schema.is_valid(&more), "an unknown field passes");
    }
}

fn rows(output: &[u8]) -> Vec<Value> {
    std::str::from_utf8(output)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row.get(field).and_then(Value::as_str).unwrap_or_default()
}
