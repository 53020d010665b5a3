//! `schemas/envelope.md` against what it describes: the worked example against
//! the reference vectors, the tables against the code.

mod derived;
mod example;

use coseal::limits;
use coseal_testkit::case::CODES;

use crate::command::read;

/// The text of a section, up to the next heading of its depth or above.
fn section(heading: &str) -> String {
    let text = read("schemas/envelope.md");
    let depth = heading.split(' ').next().unwrap().len();
    let mut lines = text.lines().skip_while(|line| !line.starts_with(heading));
    let first = lines.next().unwrap_or_else(|| panic!("no section {heading}"));
    let ends = |line: &str| {
        let marks = line.bytes().take_while(|byte| *byte == b'#').count();
        marks > 0 && marks <= depth
    };
    let rest: Vec<_> = lines.take_while(|line| !ends(line)).collect();
    format!("{first}\n{}\n", rest.join("\n"))
}

/// The cells of the rows of all tables, without the rows of their heads.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in text.lines().filter(|line| line.starts_with('|')) {
        let cells = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        if line.starts_with("|---") {
            rows.pop();
        } else {
            rows.push(cells);
        }
    }
    rows
}

/// The words that a cell has as code.
fn code(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_table_of_codes_is_that_of_the_vectors() {
    let mut told: Vec<(String, Vec<String>)> = Vec::new();
    for row in rows(&section("## 11 ")) {
        if let [name] = code(&row[0])[..] {
            told.push((name.to_owned(), Vec::new()));
        }
        let kinds = code(&row[1]).into_iter().map(str::to_owned);
        told.last_mut().expect("a code before its kinds").1.extend(kinds);
    }
    let known: Vec<(String, Vec<String>)> = CODES
        .iter()
        .map(|(code, kinds)| {
            ((*code).to_owned(), kinds.iter().map(|kind| (*kind).to_owned()).collect())
        })
        .collect();
    assert_eq!(told, known);
}

/// 65536 as 65,536; four digits stay together.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn the_table_of_limits_is_that_of_the_library() {
    let mib = |bytes: usize| format!("{} MiB = {} bytes", bytes >> 20, grouped(bytes));
    let two_to = |number: u64| {
        assert!(number.is_power_of_two());
        format!("2^{}", number.ilog2())
    };
    let receipts = 1 + limits::OTHER_RECEIPTS;
    // One that is no constant: a commitment and a tag.
    let least_ciphertext = 32 + 16;
    let known = [
        ("envelope", format!("{}; a reader may configure another", mib(limits::ENVELOPE))),
        ("protected header", format!("{} bytes", grouped(limits::PROTECTED))),
        ("nesting", limits::DEPTH.to_string()),
        ("nesting of an extension value", limits::EXTENSION_DEPTH.to_string()),
        ("content type", format!("1 … {} bytes", limits::CONTENT_TYPE)),
        ("channel", format!("1 … {} bytes", limits::CHANNEL)),
        ("application headers", format!("1 … {}", limits::HEADERS)),
        (
            "name, value of one",
            format!("1 … {}, 0 … {} bytes", limits::HEADER_NAME, limits::HEADER_VALUE),
        ),
        ("receipts", format!("1 … {receipts}")),
        ("a later receipt", format!("1 … {} bytes", grouped(limits::OTHER_RECEIPT))),
        ("tree size", format!("1 … {}", two_to(limits::TREE_SIZE))),
        ("messages under one signature", format!("{} (sealing)", grouped(limits::BATCH))),
        ("ciphertext", format!("at least {least_ciphertext} bytes")),
        ("recipients", format!("1 … {}", limits::RECIPIENTS)),
        ("KEK ID", format!("1 … {} bytes", limits::KEK_ID)),
        ("other recipient", format!("{} bytes", limits::OTHER_RECIPIENT)),
        ("messages in an epoch", format!("{} (sealing)", two_to(limits::EPOCH_MESSAGES))),
        ("times", format!("0 … {} − 1 s", two_to(limits::TIME + 1))),
        ("trust bundle", mib(limits::BUNDLE)),
        ("records", grouped(limits::RECORDS)),
        (
            "channel patterns of a record",
            format!("{}, each 1 … {} bytes", limits::PATTERNS, limits::CHANNEL),
        ),
        ("subject", format!("1 … {} bytes", limits::SUBJECT)),
    ];
    let told: Vec<_> = rows(&section("## 12 ")).into_iter().map(|row| row[..2].to_vec()).collect();
    assert_eq!(told, known.map(|(what, limit)| vec![what.to_owned(), limit]));
}

#[test]
fn the_table_of_encodings_is_right() {
    let mut checked = 0;
    for row in rows(&section("### 1.1 ")) {
        // Twice a number and its encoding, with an empty cell between.
        if row.len() != 5 {
            continue;
        }
        for (number, encoded) in [(&row[0], &row[1]), (&row[3], &row[4])] {
            let number: i64 = number.replace('−', "-").parse().unwrap();
            let [encoded] = code(encoded)[..] else { panic!("no code in {encoded}") };
            assert_eq!(encoded.replace(' ', ""), hex::encode(derived::int(number)), "{number}");
            checked += 1;
        }
    }
    assert_eq!(checked, 14);
}
