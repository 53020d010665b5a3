//! SECURITY.md in: every threat names tests, and every test it names exists.
//!
//! A threat is a row of a table whose last column is headed `Tests`. A test is
//! named in backquotes: as `file.rs::function`, as `file.rs::compile_fail` where
//! an example in the documentation must not compile, as a case of the carrier
//! test kit in the same form, as a vector's file, or as a folder of vectors; the
//! runner of vectors picks those up by itself. Of a path its end is enough, if no
//! other file ends so.

use crate::checkout::Checkout;
use crate::step::{Failure, Finding};

const DOCUMENT: &str = "SECURITY.md";
const HEADING: &str = "Tests";
const VECTORS: &str = "test-vectors/cases/";
/// Cases that are played against every carrier; a test beside them fails where
/// one is left out.
const CASES: [&str; 2] =
    ["crates/coseal-carrier-testkit/src/attacks.rs", "crates/coseal-carrier-testkit/src/faults.rs"];

pub(super) fn named_tests_exist(checkout: &Checkout) -> Result<Finding, Failure> {
    let document = checkout.read(DOCUMENT)?;
    let rows = rows(&document);
    if rows.is_empty() {
        return Err(Failure::new(format!("{DOCUMENT}: no table with a column {HEADING}")));
    }
    let files = checkout.files()?;
    let mut faults = Vec::new();
    let mut named = 0_usize;
    for row in &rows {
        if row.tests.is_empty() {
            faults.push(format!("{DOCUMENT}:{}: a threat without a test", row.line));
        }
        for test in &row.tests {
            named += 1;
            if let Some(what) = fault(checkout, &files, test)? {
                faults.push(format!("{DOCUMENT}:{}: {test}: {what}", row.line));
            }
        }
    }
    Failure::unless_empty(&faults)?;
    Ok(Finding::Passed(format!("{} threats, {named} tests named", rows.len())))
}

/// What is wrong with the name of a test.
fn fault(
    checkout: &Checkout,
    files: &[String],
    test: &str,
) -> Result<Option<&'static str>, Failure> {
    if let Some(folder) = test.strip_suffix('/') {
        let inside = format!("{VECTORS}{}/", folder.strip_prefix("cases/").unwrap_or(folder));
        let found = files.iter().any(|file| file.starts_with(&inside));
        return Ok((!found).then_some("no such folder of vectors"));
    }
    let (end, function) = test.split_once("::").map_or((test, None), |(p, f)| (p, Some(f)));
    let mut found = files.iter().filter(|file| ends_with_path(file, end));
    let (Some(path), None) = (found.next(), found.next()) else {
        return Ok(Some("no such file, or more than one"));
    };
    Ok(match function {
        None if path.starts_with(VECTORS) && path.ends_with(".json") => None,
        None => Some("neither a vector nor file.rs::function"),
        Some(function) if has_test(&checkout.read(path)?, function) => None,
        Some(case) if CASES.contains(&&**path) && has_case(&checkout.read(path)?, case) => None,
        Some(_) => Some("no such test in that file"),
    })
}

fn ends_with_path(file: &str, end: &str) -> bool {
    file.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

struct Row<'a> {
    line: usize,
    tests: Vec<&'a str>,
}

fn rows(document: &str) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut in_table = false;
    for (number, line) in document.lines().enumerate() {
        let Some(inner) = line.trim().strip_prefix('|').and_then(|l| l.strip_suffix('|')) else {
            in_table = false;
            continue;
        };
        let last = inner.rsplit('|').next().unwrap_or_default().trim();
        if last == HEADING {
            in_table = true;
        } else if in_table && !last.chars().all(|c| "-: ".contains(c)) {
            rows.push(Row {
                line: number + 1,
                tests: last.split('`').skip(1).step_by(2).collect(),
            });
        } else if in_table && last.is_empty() {
            rows.push(Row { line: number + 1, tests: Vec::new() });
        }
    }
    rows
}

/// Whether the source holds this function with `#[test]` among the attributes
/// just above it.
fn has_test(source: &str, function: &str) -> bool {
    if function == "compile_fail" {
        return source.lines().any(|line| line.trim().starts_with("/// ```compile_fail"));
    }
    let openings = [format!("fn {function}("), format!("async fn {function}(")];
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    lines.iter().enumerate().any(|(at, line)| {
        openings.iter().any(|opening| line.starts_with(opening))
            && lines
                .get(..at)
                .unwrap_or_default()
                .iter()
                .rev()
                .take_while(|above| above.starts_with("#[") || above.starts_with("//"))
                .any(|above| *above == "#[test]" || above.starts_with("#[tokio::test"))
    })
}

/// Whether the source holds this case of the carrier test kit.
fn has_case(source: &str, case: &str) -> bool {
    let opening = format!("pub async fn {case}<");
    source.lines().any(|line| line.starts_with(&opening))
}

#[cfg(test)]
mod tests {
    use super::{ends_with_path, has_case, has_test, rows};

    #[test]
    fn rows_of_tables_with_tests_are_found() {
        let document = "| a | b |\n|---|---|\n| not | this |\n\n\
            | Threat | Tests |\n|---|---|\n| x | `a.rs::b`, `c.json` |\n| y | |\n\n| z | `d` |\n";
        let found = rows(document);
        let tests: Vec<_> = found.iter().map(|row| (row.line, row.tests.clone())).collect();
        assert_eq!(tests, [(7, vec!["a.rs::b", "c.json"]), (8, vec![])]);
    }

    #[test]
    fn only_a_function_that_is_a_test_counts() {
        let source = "#[test]\n// why\n#[cfg(unix)]\nfn one() {}\nfn two() {}\n  #[test]\n  fn three(bits in any::<u8>()) {}\n";
        assert!(has_test(source, "one"));
        assert!(!has_test(source, "two"));
        assert!(has_test(source, "three"));
        assert!(!has_test(source, "on"));
    }

    #[test]
    fn only_a_case_that_can_be_played_counts() {
        let source = "pub async fn one<C: Carrier>() {\nasync fn two<C>() {}\n";
        assert!(has_case(source, "one"));
        assert!(!has_case(source, "on") && !has_case(source, "two"));
    }

    #[test]
    fn a_path_is_known_by_its_end_at_a_slash() {
        assert!(ends_with_path("a/b/c.rs", "c.rs"));
        assert!(ends_with_path("a/b/c.rs", "b/c.rs"));
        assert!(ends_with_path("c.rs", "c.rs"));
        assert!(!ends_with_path("a/abc.rs", "c.rs"));
    }
}
