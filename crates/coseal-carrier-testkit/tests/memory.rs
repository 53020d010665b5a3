//! The carriers in memory stand the whole list, and the list is whole.

use std::collections::BTreeSet;

use coseal_carrier_testkit::carrier_tests;
use coseal_carrier_testkit::memory::{ByEach, ByPrefix, Fleeting, MemoryCarrier};

mod by_prefix {
    use super::*;
    carrier_tests!(MemoryCarrier<ByPrefix>);
}

mod by_each {
    use super::*;
    carrier_tests!(MemoryCarrier<ByEach>);
}

mod fleeting {
    use super::*;
    carrier_tests!(MemoryCarrier<Fleeting>, replies);
}

/// A case that nobody plays would pass for ever.
#[test]
fn every_case_is_played() {
    let named = |source: &'static str| {
        source.lines().filter_map(|line| line.strip_prefix("pub async fn ")?.split('<').next())
    };
    let cases: BTreeSet<_> = named(include_str!("../src/attacks.rs"))
        .chain(named(include_str!("../src/faults.rs")))
        .collect();
    let list = include_str!("../src/lib.rs");
    let list = &list[list.find("macro_rules! carrier_tests").expect("the list")..];
    let played: BTreeSet<_> = list.split(|c: char| !c.is_ascii_lowercase() && c != '_').collect();
    let unplayed: Vec<_> = cases.difference(&played).collect();
    assert!(cases.len() > 15 && unplayed.is_empty(), "{unplayed:?}");
}
