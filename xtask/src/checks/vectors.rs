//! The generator of vectors in: the committed vectors, byte for byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::checkout::Checkout;
use crate::step::{Failure, Finding};

/// Where they stand. The reference vectors beside it came from outside.
const COMMITTED: &str = "test-vectors/cases";

pub(super) fn regenerated(checkout: &Checkout) -> Result<Finding, Failure> {
    let folder = checkout.scratch("vectors");
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .map_err(|e| Failure::new(format!("{}: {e}", folder.display())))?;
    }
    fs::create_dir_all(&folder).map_err(|e| Failure::new(format!("{}: {e}", folder.display())))?;
    checkout
        .cargo()
        .args(["run", "--quiet", "--package", "coseal-testkit", "--bin", "generate-vectors", "--"])
        .args([&folder])
        .output()?;
    let made = contents(&folder)?;
    let committed = contents(&checkout.root().join(COMMITTED))?;
    if made.is_empty() {
        return Err(Failure::new("the generator made no vectors"));
    }
    Failure::unless_empty(&differences(&made, &committed))?;
    Ok(Finding::Passed(format!("{} vectors", made.len())))
}

type Contents = BTreeMap<String, Vec<u8>>;

/// Every JSON file below a folder, by its path below it.
fn contents(folder: &Path) -> Result<Contents, Failure> {
    let mut found = Contents::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        let failed = |e: std::io::Error| Failure::new(format!("{}: {e}", next.display()));
        for entry in fs::read_dir(&next).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                let name =
                    path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
                found.insert(name, fs::read(&path).map_err(failed)?);
            }
        }
    }
    Ok(found)
}

fn differences(made: &Contents, committed: &Contents) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, bytes) in made {
        match committed.get(path) {
            Some(same) if same == bytes => {}
            Some(_) => {
                faults.push(format!("{COMMITTED}/{path}: the generator makes it differently"))
            }
            None => faults.push(format!("{COMMITTED}/{path}: generated, and not committed")),
        }
    }
    let strays = committed.keys().filter(|path| !made.contains_key(*path));
    faults.extend(strays.map(|path| format!("{COMMITTED}/{path}: committed, and not generated")));
    if !faults.is_empty() {
        faults.push(format!(
            "regenerate them: cargo run -p coseal-testkit --bin generate-vectors -- {COMMITTED}"
        ));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::{Contents, differences};

    fn folder(files: &[(&str, &str)]) -> Contents {
        files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn every_difference_is_told() {
        let made = folder(&[("a.json", "1"), ("b.json", "2"), ("c.json", "3")]);
        assert!(differences(&made, &made).is_empty());
        let committed = folder(&[("a.json", "1"), ("b.json", "x"), ("d.json", "4")]);
        let faults = differences(&made, &committed).join("\n");
        for told in ["b.json: the generator", "c.json: generated", "d.json: committed"] {
            assert!(faults.contains(told), "{faults}");
        }
        assert!(!faults.contains("a.json"), "{faults}");
    }
}
