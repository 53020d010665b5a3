//! Every command that changes files, killed in the midst of it and on a full
//! disk: each file is the old one or the new one, whole, and the same command
//! goes through afterwards. What changes files is told by the command's help, so
//! that none is forgotten.
//!
//! Killed 10 times each, or as often as `COSEAL_KILLS` says:
//! `COSEAL_KILLS=200 cargo test -p coseal-cli --test kill -- --nocapture`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[path = "kill/full.rs"]
mod full;
#[path = "kill/killed.rs"]
mod killed;
#[path = "kill/place.rs"]
mod place;
#[path = "kill/table.rs"]
mod table;

use std::collections::BTreeSet;

use place::Place;
use table::{CHANGES, Change, FOR_ITSELF, READ, UNCHANGING};

/// The commands that have none below them, as words.
fn leaves(place: &Place, above: &str) -> Vec<String> {
    let help = place.run(&format!("{above} --help")).fine();
    let listed = help.out.split_once("\nCommands:\n").map_or("", |(_, rest)| rest);
    let names = listed.lines().take_while(|line| !line.is_empty());
    let names: Vec<&str> = names
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    if names.is_empty() {
        return vec![above.trim().to_owned()];
    }
    names.into_iter().flat_map(|name| leaves(place, &format!("{above} {name}"))).collect()
}

/// The options of a command that take the name of a file.
fn files(place: &Place, leaf: &str) -> Vec<String> {
    let help = place.run(&format!("{leaf} --help")).fine();
    let option = |line: &str| {
        let (name, value) = line.trim().split_once(" <")?;
        let name = name.rsplit(", ").next()?;
        let is_file = ["FILE", "OUT", "DIR", "BUNDLE", "ROOT", "NEW", ".pub"];
        let value = value.split('>').next()?;
        (name.starts_with("--") && is_file.iter().any(|word| value.contains(word)))
            .then(|| name.to_owned())
    };
    help.out.lines().filter_map(option).collect()
}

fn is_of(change: &Change, leaf: &str) -> bool {
    change.words.split_whitespace().zip(leaf.split_whitespace()).all(|(one, two)| one == two)
}

#[test]
fn no_command_and_no_file_is_forgotten() {
    let place = Place::empty();
    let leaves: BTreeSet<String> = leaves(&place, "").into_iter().collect();
    assert!(leaves.contains("trust root promote") && leaves.contains("seal"), "{leaves:?}");
    for leaf in &leaves {
        let changes: Vec<_> = CHANGES.iter().filter(|change| is_of(change, leaf)).collect();
        let is_still = UNCHANGING.contains(&&**leaf) || FOR_ITSELF.contains(&&**leaf);
        assert!(is_still == changes.is_empty(), "{leaf}: does it change files?");
        for option in files(&place, leaf) {
            let short = if option == "--out" { "-o" } else { &*option };
            let is_played =
                changes.iter().any(|change| change.words.split(' ').any(|word| word == short));
            let is_known = READ.contains(&&*option) || is_played || FOR_ITSELF.contains(&&**leaf);
            assert!(is_known, "{leaf} {option}: does that change a file?");
        }
    }
    for words in CHANGES.iter().map(|change| change.words) {
        let is_leaf = leaves.iter().any(|leaf| words.starts_with(leaf.as_str()));
        assert!(is_leaf, "{words} is no command");
    }
}
