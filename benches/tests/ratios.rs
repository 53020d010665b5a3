//! `ratios`, run for as short as it can be: the cases it measures and the shape
//! of its answer. Never a time: this runs without optimisation, and beside
//! other tests.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

fn ratios(words: &[&str]) -> Vec<Value> {
    let output =
        Command::new(env!("CARGO_BIN_EXE_ratios")).arg("--quick").args(words).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn name(row: &Value) -> String {
    format!("{}/{}", row["group"].as_str().unwrap(), row["case"].as_str().unwrap())
}

/// Every case there must be, in no order. Batches over 64 KiB are left out of a
/// quick run, as is the largest bundle.
fn expected() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut add = |name: String| assert!(names.insert(name.clone()), "{name} is listed twice");
    let sizes =
        [("64B", 64), ("256B", 256), ("1KiB", 1 << 10), ("16KiB", 1 << 14), ("1MiB", 1 << 20)];
    let batches = [("alone", 1), ("batch16", 16), ("batch64", 64), ("batch256", 256)];
    for group in ["seal", "open", "verify"] {
        for (size, bytes) in sizes {
            for (batch, messages) in batches {
                if messages > 1 && bytes * messages > 64 << 10 {
                    continue;
                }
                for suite in ["a256gcm", "chacha20poly1305"] {
                    add(format!("{group}/{size}/{batch}/{suite}"));
                }
                if bytes <= 1 << 10 && (messages == 1 || messages == 64) {
                    add(format!("{group}/{size}/{batch}/a256gcm/8recipients"));
                }
            }
        }
    }
    for case in ["alone", "batch16", "batch64", "batch256"] {
        add(format!("decode/256B/{case}/a256gcm"));
    }
    add("decode/256B/batch64/a256gcm/8recipients".into());
    add("decode/1MiB/alone/a256gcm".into());
    add("trust/load/1record".into());
    add("trust/load/100records".into());
    for verb in ["open", "verify"] {
        add(format!("known/{verb}/256B/batch64/a256gcm"));
        add(format!("known/{verb}/256B/batch256/a256gcm"));
    }
    for verb in ["verify", "open", "open-live"] {
        for order in ["in-order", "shuffled", "8producers", "long-shuffled"] {
            add(format!("order/{verb}/256B/batch64/a256gcm/{order}"));
        }
    }
    for verb in ["seal", "open"] {
        for shape in ["256B/alone", "256B/batch64", "16KiB/batch64", "1MiB/alone"] {
            add(format!("threads/{verb}/{shape}/a256gcm/2threads"));
        }
    }
    names
}

#[test]
fn every_case_is_measured_once_and_told_in_five_fields() {
    let rows = ratios(&[]);
    for row in &rows {
        let fields: BTreeSet<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, BTreeSet::from(["group", "case", "ns", "floor_ns", "ratio"]), "{row}");
        let [ns, floor, ratio] =
            ["ns", "floor_ns", "ratio"].map(|field| row[field].as_f64().unwrap());
        assert!(ns > 0.0 && floor > 0.0, "{row}");
        assert!((ratio - ns / floor).abs() <= 1e-9 * ratio, "{row}");
    }
    let names: Vec<String> = rows.iter().map(name).collect();
    let once: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(names.len(), once.len(), "a case is told twice");
    assert_eq!(once, expected());
}

#[test]
fn words_choose_cases() {
    let names: Vec<String> =
        ratios(&["seal/256B/batch64/a256gcm", "decode/1MiB"]).iter().map(name).collect();
    assert_eq!(
        names,
        [
            "seal/256B/batch64/a256gcm",
            "seal/256B/batch64/a256gcm/8recipients",
            "decode/1MiB/alone/a256gcm",
            "threads/seal/256B/batch64/a256gcm/2threads",
        ]
    );
    assert_eq!(ratios(&["no such case"]), [Value::Null; 0]);
}
