//! Rows of figures in, tables for people out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::step::Failure;

/// What the times of a group are of and, where that is not the plain
/// cryptography of a message, what its floor does.
const NOTES: [(&str, &str); 8] = [
    ("open", "in place; roots and epoch secret known"),
    ("verify", "a new auditor; one signature a batch"),
    ("known", "the trees are known, and the floor hashes no node either"),
    ("decode", "the floor reads the head of every CBOR item and checks nothing"),
    ("trust", "times of a bundle; the floor: its signature, its keys' points and thumbprints"),
    (
        "order",
        "64 batches (long: 512) read for the first time; the floor hashes every path in full",
    ),
    ("command", "reading a file; the floor is the library on as many threads, all in memory"),
    ("threads", "two on one sealer or opener; the floor is one thread: 0.556 is 1.8 times as fast"),
];

/// One case.
struct Row<'a> {
    group: &'a str,
    case: &'a str,
    ns: f64,
    floor_ns: f64,
    ratio: f64,
    bytes_added: Option<u64>,
}

impl<'a> Row<'a> {
    fn read(value: &'a Value) -> Result<Self, Failure> {
        let wrong = || Failure::new(format!("not a row of figures: {value}"));
        let text = |field| value.get(field).and_then(Value::as_str).ok_or_else(wrong);
        let number = |field| value.get(field).and_then(Value::as_f64).ok_or_else(wrong);
        Ok(Self {
            group: text("group")?,
            case: text("case")?,
            ns: number("ns")?,
            floor_ns: number("floor_ns")?,
            ratio: number("ratio")?,
            bytes_added: value.get("bytes_added").and_then(Value::as_u64),
        })
    }
}

/// coseal against the floor: a line a case, in groups.
pub(super) fn floor(rows: &[Value]) -> Result<String, Failure> {
    let rows = rows.iter().map(Row::read).collect::<Result<Vec<_>, _>>()?;
    let width = rows.iter().map(|row| row.case.len()).max().unwrap_or(0);
    let mut out = String::from(
        "coseal against the floor: the same cryptography with the same crates, and nothing else.\n\
         Times of a message, measured in turns in one run; ratio = coseal / floor.\n",
    );
    let mut group = "";
    for row in &rows {
        if row.group != group {
            group = row.group;
            let note = NOTES.iter().find(|(name, _)| *name == group).map_or("", |(_, note)| note);
            let title = if note.is_empty() { group.into() } else { format!("{group}: {note}") };
            line(&mut out, format_args!("\n{title}"));
            line(
                &mut out,
                format_args!("  {:width$}  {:>9}  {:>9}  {:>6}", "", "coseal", "floor", "ratio"),
            );
        }
        let (ns, floor) = (time(row.ns), time(row.floor_ns));
        line(
            &mut out,
            format_args!("  {:width$}  {ns:>9}  {floor:>9}  {:>6.2}", row.case, row.ratio),
        );
    }
    Ok(out)
}

/// coseal beside its peers: a line a way and size, sealing and opening abreast.
pub(super) fn peers(rows: &[Value]) -> Result<String, Failure> {
    let rows = rows.iter().map(Row::read).collect::<Result<Vec<_>, _>>()?;
    let mut out = String::from(
        "coseal beside its peers: times of a message, and how many times as long that is as\n\
         coseal takes in batches of 64 (1 MiB: alone). Opening is verifying and decrypting.\n",
    );
    // Cases are verb/size/way; the sizes and ways stand in the order of sealing.
    let mut parts = Vec::new();
    for row in &rows {
        let mut words = row.case.splitn(3, '/');
        match (words.next(), words.next(), words.next()) {
            (Some(verb), Some(size), Some(way)) => parts.push((verb, size, way, row)),
            _ => return Err(Failure::new(format!("not verb/size/way: {}", row.case))),
        }
    }
    let opened: BTreeMap<_, _> = parts
        .iter()
        .filter(|(verb, ..)| *verb == "open")
        .map(|(_, size, way, row)| ((*size, *way), *row))
        .collect();
    let mut last = "";
    for (_, size, way, seal) in parts.iter().filter(|(verb, ..)| *verb == "seal") {
        let Some(open) = opened.get(&(*size, *way)) else {
            return Err(Failure::new(format!("sealed but not opened: {size}/{way}")));
        };
        if last != *size {
            last = size;
            line(
                &mut out,
                format_args!(
                    "\n  {size:14}  {:>17}  {:>17}  {:>11}",
                    "seal", "open", "bytes added"
                ),
            );
        }
        let [sealing, opening] =
            [seal, *open].map(|row| format!("{:>9} {:>6.1}×", time(row.ns), row.ratio));
        let bytes = seal.bytes_added.map_or_else(String::new, |bytes| bytes.to_string());
        line(&mut out, format_args!("  {way:14}  {sealing}  {opening}  {bytes:>11}"));
    }
    Ok(out)
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to memory cannot fail.
    let _written = writeln!(out, "{text}");
}

/// Three digits that count.
fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        ..1e3 => (ns, "ns"),
        ..1e6 => (ns / 1e3, "µs"),
        _ => (ns / 1e6, "ms"),
    };
    let digits = match value {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_have_three_digits() {
        for (ns, told) in [
            (8.125, "8.12 ns"),
            (99.97, "100 ns"),
            (999.0, "999 ns"),
            (2135.2, "2.14 µs"),
            (360_683.0, "361 µs"),
            (12_345_678.0, "12.3 ms"),
        ] {
            assert_eq!(time(ns), told);
        }
    }

    #[test]
    fn cases_stand_in_their_groups_with_their_ratios() {
        let row = |group, case, ns, floor_ns, ratio| json!({"group": group, "case": case, "ns": ns, "floor_ns": floor_ns, "ratio": ratio});
        let rows = [
            row("seal", "256B/batch64/a256gcm", 2000.0, 1600.0, 1.25),
            row("seal", "1MiB/alone/a256gcm", 1_100_000.0, 1_000_000.0, 1.1),
            row("threads", "seal/256B/alone/a256gcm/2threads", 50.0, 100.0, 0.5),
        ];
        let table = floor(&rows).expect("rows");
        let expected = [
            "seal",
            "coseal floor ratio",
            "256B/batch64/a256gcm 2.00 µs 1.60 µs 1.25",
            "1MiB/alone/a256gcm 1.10 ms 1.00 ms 1.10",
            "threads: two on one sealer or opener; the floor is one thread: 0.556 is 1.8 times as fast",
            "coseal floor ratio",
            "seal/256B/alone/a256gcm/2threads 50.0 ns 100 ns 0.50",
        ];
        assert_eq!(lines(&table), expected);
    }

    #[test]
    fn peers_seal_and_open_on_one_line() {
        // What is null counts as absent.
        let row = |case, ns, ratio, bytes: Option<u64>| {
            json!({
                "group": "peers", "case": case, "ns": ns, "floor_ns": 2000.0, "ratio": ratio,
                "bytes_added": bytes,
            })
        };
        let mut rows = vec![
            row("seal/256B/coseal-batch64", 2000.0, 1.0, Some(440)),
            row("seal/256B/aws-signed", 500_000.0, 250.0, Some(580)),
            row("open/256B/aws-signed", 400_000.0, 200.0, None),
            row("open/256B/coseal-batch64", 3000.0, 1.0, None),
        ];
        let table = peers(&rows).expect("rows");
        let expected = [
            "256B seal open bytes added",
            "coseal-batch64 2.00 µs 1.0× 3.00 µs 1.0× 440",
            "aws-signed 500 µs 250.0× 400 µs 200.0× 580",
        ];
        assert_eq!(lines(&table), expected);
        rows.pop();
        assert!(peers(&rows).is_err(), "a way that does not open is no way");
    }

    #[test]
    fn what_is_no_row_is_refused() {
        assert!(floor(&[json!({"group": "seal", "case": "x", "ns": 1.0})]).is_err());
        assert!(
            peers(&[json!({"group": "peers", "case": "seal", "ns": 1, "floor_ns": 1, "ratio": 1})])
                .is_err()
        );
    }

    /// Below the first paragraph; columns one space apart, empty lines left out.
    fn lines(table: &str) -> Vec<String> {
        let (_, body) = table.split_once("\n\n").expect("a paragraph, then the table");
        body.lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|line| !line.is_empty())
            .collect()
    }
}
