//! Every case, built from nothing but labels; and their files.

#![allow(clippy::type_complexity, reason = "a table of closures is the plainest list of faults")]

mod bundle;
mod bundle_body;
mod bundle_cells;
mod bundle_order;
mod bundle_records;
mod bundle_refused;
mod bundle_skipped;
mod bundle_state;
mod by_hand;
mod cells;
mod cipher;
mod ed25519;
mod encoding;
mod entries;
mod frame;
mod header;
mod maps;
mod nesting;
mod order;
mod other_receipts;
mod positive;
mod proofs;
mod receipt;
mod recipients;
mod reference;
mod remembered;
mod replay;
mod replay_log;
mod rules;
mod signature;
mod test;
mod times;
mod told;
mod trust;
mod values;
mod version;
mod widths;
mod words;
mod world;
mod x25519;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Serialize as _;
use serde_json::ser::{PrettyFormatter, Serializer};

use crate::case::Case;

/// Every case, by its path below the folder, without `.json`. The same in
/// every run.
pub fn all() -> BTreeMap<String, Case> {
    let mut cases = test::Cases::default();
    for add in [
        positive::add,
        reference::add,
        encoding::add,
        nesting::add,
        widths::add,
        values::add,
        frame::add,
        header::add,
        version::add,
        receipt::add,
        proofs::add,
        signature::add,
        ed25519::add,
        trust::add,
        times::add,
        told::add,
        recipients::add,
        entries::add,
        x25519::add,
        cipher::add,
        replay::add,
        replay_log::add,
        remembered::add,
        other_receipts::add,
        order::add,
        bundle::add,
        bundle_body::add,
        bundle_order::add,
        bundle_records::add,
        bundle_skipped::add,
        bundle_state::add,
        bundle_refused::add,
        by_hand::add,
        cells::add,
        bundle_cells::add,
    ] {
        add(&mut cases);
    }
    cases.all
}

/// How many cases there are of each result.
pub fn counts<'a>(cases: impl IntoIterator<Item = &'a Case>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for case in cases {
        *counts.entry(case.expect().to_string()).or_default() += 1;
    }
    counts
}

/// The text of a case's file: JSON, a field a line.
///
/// # Panics
///
/// Never: a case is plain data.
pub fn file_text(case: &Case) -> Vec<u8> {
    let mut text = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b" "));
    case.serialize(&mut serializer).expect("a case is plain data");
    text.push(b'\n');
    text
}

/// Writes a file per case below `dir`.
///
/// # Errors
///
/// A file or folder cannot be written.
pub fn write(cases: &BTreeMap<String, Case>, dir: &Path) -> io::Result<()> {
    for (path, case) in cases {
        let path = dir.join(format!("{path}.json"));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, file_text(case))?;
    }
    Ok(())
}
