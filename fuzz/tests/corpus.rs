//! Runs every committed input through its target, without a fuzzer: what was
//! found once is not found again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use coseal_fuzz::TARGETS;

fn here(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

fn names_in(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(here(folder)).expect(folder);
    entries
        .map(|entry| entry.expect(folder).path())
        .map(|path| path.file_stem().expect("a name").to_str().expect("UTF-8").to_owned())
        .collect()
}

/// Runs all files of `folder/TARGET`; answers how many passed, and which did not.
fn replay(folder: &str, name: &str, check: fn(&[u8])) -> (usize, Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(here(folder).join(name)) else { return (0, Vec::new()) };
    let paths: Vec<_> = entries.map(|entry| entry.expect(name).path()).collect();
    let passes = |path: &PathBuf| {
        let input = fs::read(path).expect(name);
        std::panic::catch_unwind(|| check(&input)).is_ok()
    };
    let (passed, broken): (Vec<_>, Vec<_>) = paths.into_iter().partition(passes);
    (passed.len(), broken)
}

#[test]
fn the_three_lists_of_targets_are_one() {
    let known: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names_in("fuzz_targets"), known);
    assert_eq!(names_in("corpus"), known);
    let manifest = fs::read_to_string(here("Cargo.toml")).expect("Cargo.toml");
    for name in &known {
        let entry = format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"\n");
        assert!(manifest.contains(&entry), "{name} is no [[bin]]");
    }
    assert!(names_in("regressions").is_subset(&known));
}

/// What fuzz/README.md promises to whoever clones the project.
const LARGEST_CORPUS: u64 = 5 << 20;

#[test]
fn the_committed_inputs_are_few() {
    let files =
        TARGETS.iter().flat_map(|(name, _)| fs::read_dir(here("corpus").join(name)).expect(name));
    let size: u64 =
        files.map(|file| file.expect("a file").metadata().expect("its size").len()).sum();
    assert!(size <= LARGEST_CORPUS, "{size} bytes");
}

#[test]
fn every_committed_input_passes() {
    let mut broken = Vec::new();
    for (name, check) in TARGETS {
        let (corpus, mut broken_here) = replay("corpus", name, *check);
        let (_, regressions) = replay("regressions", name, *check);
        assert!(corpus + broken_here.len() > 0, "{name} has no inputs");
        broken_here.extend(regressions);
        broken.extend(broken_here);
    }
    assert!(broken.is_empty(), "these break a rule: {broken:#?}");
}
