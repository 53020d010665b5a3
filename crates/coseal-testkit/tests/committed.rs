//! The committed cases are those that the generator writes, and the reader
//! reads what they say and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use coseal_testkit::case::{Case, Expect};
use coseal_testkit::{generate, walk};
use serde_json::Value;

/// What the generator makes, made once.
static ALL: LazyLock<BTreeMap<String, Case>> = LazyLock::new(generate::all);

/// Every file below `dir`, by its path from there.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir).expect("below the folder").to_path_buf();
                found.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

/// A folder of our own, removed when the test is done.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("coseal-testkit-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing depends on it: the next run has another folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn generator_writes_what_is_committed() {
    let scratch = Scratch::new("generated");
    generate::write(&ALL, &scratch.0).expect("files");
    let (generated, committed) = (files(&scratch.0), files(&walk::cases()));
    let differing: Vec<_> = generated
        .iter()
        .filter(|(name, bytes)| committed.get(*name) != Some(*bytes))
        .map(|(name, _)| name)
        .chain(committed.keys().filter(|name| !generated.contains_key(*name)))
        .collect();
    assert!(differing.is_empty(), "to be generated anew: {differing:?}");
    assert!(committed.len() >= 200, "{} cases", committed.len());
}

#[test]
fn every_case_is_read_and_written_the_same() {
    let mut read = 0;
    for file in walk(&walk::cases()).expect("the folder") {
        let (path, case) = file.expect("a case");
        let text = fs::read(&path).expect("a file");
        assert!(generate::file_text(&case) == text, "{} is written otherwise", path.display());
        read += 1;
    }
    assert_eq!(read, ALL.len());
}

/// All of the list of codes that bytes can provoke.
#[test]
fn every_code_has_a_case() {
    let mut counts = generate::counts(ALL.values());
    let mut missing = Vec::new();
    for (code, kinds) in coseal_testkit::case::CODES {
        let kinds = kinds.iter().map(|kind| format!("{code}/{kind}"));
        let whole = if kinds.len() == 0 { Some((*code).to_owned()) } else { None };
        missing.extend(kinds.chain(whole).filter(|expect| counts.remove(expect).is_none()));
    }
    // Told by streams, key files, carriers, the caller and the platform.
    let elsewhere = [
        "malformed/not_a_sequence",
        "malformed/key",
        "misdirected/partition",
        "misdirected/record_key",
        "misdirected/reply",
        "entropy",
        "misuse",
        "carrier",
    ];
    assert_eq!(missing, elsewhere);
    // What is left: successes, and codes where either of two kinds is right.
    counts.remove("ok");
    assert!(counts.keys().all(|expect| !expect.contains('/')), "{counts:?}");
}

#[test]
fn an_unknown_key_refuses_the_file() {
    for path in ["positive/alone", "bundle/good"] {
        let text = generate::file_text(ALL.get(path).expect("a case"));
        let text = String::from_utf8(text).expect("JSON");
        let longer = text.replacen("{\n", "{\n \"unknown\": null,\n", 1);
        serde_json::from_str::<Case>(&text).expect("a case");
        let error = serde_json::from_str::<Case>(&longer).expect_err("a key too many").to_string();
        assert!(error.contains("unknown field `unknown`"), "{error}");
    }
    let text = generate::file_text(ALL.get("positive/alone").expect("a case"));
    let text = String::from_utf8(text).expect("JSON");
    let inner = text.replacen("\"verify\": {", "\"verify\": { \"unknown\": null,", 1);
    let error = serde_json::from_str::<Case>(&inner).expect_err("a key too many").to_string();
    assert!(error.contains("unknown field `unknown`"), "{error}");
}

/// The names of the fields in `value`. Under `headers` and `keks` an object has
/// names of another kind.
fn fields(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                found.insert(name.clone());
                if !(matches!(name.as_str(), "headers" | "keks") && value.is_object()) {
                    fields(value, found);
                }
            }
        }
        Value::Array(array) => array.iter().for_each(|value| fields(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_readme_names_every_field() {
    let readme = fs::read_to_string(walk::cases().join("../README.md")).expect("the README");
    let mut found = BTreeSet::new();
    for folder in [walk::cases(), walk::reference()] {
        for file in walk::walk_as::<Value>(&folder).expect("the folder") {
            fields(&file.expect("JSON").1, &mut found);
        }
    }
    let unnamed = |name: &String| {
        !readme.contains(&format!("`{name}`")) && !readme.contains(&format!("\"{name}\""))
    };
    let unnamed: Vec<String> = found.iter().filter(|name| unnamed(name)).cloned().collect();
    assert!(unnamed.is_empty(), "of {} fields not in the README: {unnamed:?}", found.len());
    assert!(found.len() > 60, "only {} fields were found", found.len());
}

#[test]
fn a_file_that_is_no_case_is_an_error() {
    let scratch = Scratch::new("no-case");
    fs::create_dir(scratch.0.join("theme")).expect("a folder");
    fs::write(scratch.0.join("theme/wrong.json"), "{}").expect("a file");
    fs::write(scratch.0.join("README.md"), "no case").expect("a file");
    let read: Vec<_> = walk(&scratch.0).expect("the folder").collect();
    assert_eq!(read.len(), 1);
    assert!(read.iter().all(Result::is_err));
}

#[test]
fn expectations_are_codes_of_the_format() {
    for text in ["ok", "malformed", "malformed/cbor", "no_key"] {
        assert_eq!(text.parse::<Expect>().expect("an expectation").to_string(), text);
    }
    for text in ["", "OK", "ok/ok", "malformed/", "malformed/suite", "no_key/no_key", "unknown"] {
        assert!(text.parse::<Expect>().is_err(), "{text}");
    }
    let code_alone: Expect = "malformed".parse().expect("a code");
    assert!(code_alone.is_met_by("malformed", Some("cbor")));
    assert!(!code_alone.is_met_by("unsupported", Some("suite")));
    let with_kind: Expect = "malformed/cbor".parse().expect("a code and a kind");
    assert!(with_kind.is_met_by("malformed", Some("cbor")));
    assert!(!with_kind.is_met_by("malformed", Some("structure")));
    assert!(!with_kind.is_met_by("malformed", None));
    assert!(!Expect::Ok.is_met_by("malformed", None));
}
