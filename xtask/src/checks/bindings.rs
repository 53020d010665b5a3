//! The verifiers in other languages, and the example that opens: each in its own
//! language's tools, against every vector.
//!
//! A tool that is missing is a failure, and no reason to skip: these are the proof
//! that the specification suffices. What they depend on is pinned, by `go.sum` and by
//! `requirements-test.txt`, and Python's is installed below the target folder.

use std::fs;
use std::path::{Path, PathBuf};

use crate::checkout::Checkout;
use crate::run::Run;
use crate::step::{Failure, Finding, Tally};

const GO: &str = "bindings/go";
const PYTHON: [&str; 2] = ["bindings/python", "examples/open_in_python"];
const REQUIREMENTS: &str = "bindings/python/requirements-test.txt";

const GO_IS_NEEDED: &str = "Install Go 1.24 or later, so that `go` and `gofmt` are on the path.";
const PYTHON_IS_NEEDED: &str =
    "Install Python 3.11 or later with its modules venv and pip, as `python3` on the path.";

pub(super) fn go(checkout: &Checkout) -> Result<Finding, Failure> {
    let folder = checkout.root().join(GO);
    let go = |args: &[&str]| Run::new("go", &folder).args(args).output();
    with_advice(go(&["version"]), GO_IS_NEEDED)?;
    let unformatted =
        with_advice(Run::new("gofmt", &folder).args(["-l", "."]).output(), GO_IS_NEEDED)?;
    Failure::unless_empty(&unformatted.lines().map(str::to_owned).collect::<Vec<_>>())?;
    go(&["vet", "./..."])?;
    // Run anew, whatever the cache of results says.
    ran(go_tally(&go(&["test", "-count=1", "-v", "./..."])?))
}

pub(super) fn python(checkout: &Checkout) -> Result<Finding, Failure> {
    let python = environment(checkout)?;
    let mut tally = Tally::default();
    for folder in PYTHON.map(|folder| checkout.root().join(folder)) {
        let module = |args: &[&str]| {
            Run::new(&python, &folder)
                .args(["-m"])
                .args(args)
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .env("MYPY_CACHE_DIR", checkout.scratch("mypy"))
                .output()
        };
        module(&["mypy"])?;
        let found = pytest_tally(&module(&["pytest", "-q", "-p", "no:cacheprovider"])?);
        ran(found)?;
        tally.passed += found.passed;
        tally.failed += found.failed;
        tally.skipped += found.skipped;
    }
    ran(tally)
}

/// A Python that has exactly what is pinned, made anew when that changed.
fn environment(checkout: &Checkout) -> Result<PathBuf, Failure> {
    let wanted = checkout.read(REQUIREMENTS)?;
    let folder = checkout.scratch("python");
    let programs = folder.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let python = programs.join("python");
    let installed = folder.join("installed.txt");
    let answers = Run::new(&python, checkout.root()).args(["--version"]).output().is_ok();
    if answers && fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let made = Run::new("python3", checkout.root()).args(["-m", "venv", "--clear"]).args([&folder]);
    with_advice(made.output(), PYTHON_IS_NEEDED)?;
    // Without dependencies: the file lists them, and nothing else gets in.
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"];
    let filled = Run::new(&python, checkout.root()).args(pip).args([REQUIREMENTS]);
    with_advice(filled.output(), PYTHON_IS_NEEDED)?;
    write(&installed, &wanted)?;
    Ok(python)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|e| Failure::new(format!("{}: {e}", path.display())))
}

fn with_advice(outcome: Result<String, Failure>, advice: &str) -> Result<String, Failure> {
    outcome.map_err(|failure| Failure::new(format!("{failure}\n{advice}")))
}

fn ran(tally: Tally) -> Result<Finding, Failure> {
    if tally.passed == 0 {
        return Err(Failure::new("no test ran"));
    }
    if tally.skipped > 0 {
        return Err(Failure::new(format!("{tally}: none may be skipped")));
    }
    Ok(Finding::Tested(tally))
}

/// Counts what `go test -v` prints of each test, of subtests too.
fn go_tally(output: &str) -> Tally {
    let mut tally = Tally::default();
    for line in output.lines().map(str::trim_start) {
        match line.split_once(':') {
            Some(("--- PASS", _)) => tally.passed += 1,
            Some(("--- FAIL", _)) => tally.failed += 1,
            Some(("--- SKIP", _)) => tally.skipped += 1,
            _ => {}
        }
    }
    tally
}

/// Reads the last line of pytest: `3 failed, 1719 passed, 1 skipped in 50.12s`.
fn pytest_tally(output: &str) -> Tally {
    let mut tally = Tally::default();
    let last = output.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    for part in last.split(", ") {
        let mut words = part.split(' ');
        if let (Some(Ok(count)), Some(what)) = (words.next().map(str::parse::<u64>), words.next()) {
            match what {
                "passed" => tally.passed += count,
                "failed" | "error" | "errors" => tally.failed += count,
                "skipped" | "xfailed" | "deselected" => tally.skipped += count,
                _ => {}
            }
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_tells_of_tests_and_subtests_is_counted() {
        let output = "=== RUN   TestA\n=== RUN   TestA/x.json\n--- PASS: TestA (0.10s)\n    \
            --- PASS: TestA/x.json (0.00s)\n    --- SKIP: TestA/y.json (0.00s)\nPASS\nok  \tcoseal\t0.1s\n";
        assert_eq!(go_tally(output), Tally { passed: 2, failed: 0, skipped: 1 });
        assert!(ran(go_tally(output)).is_err());
        assert!(ran(go_tally("ok  \tcoseal\t0.1s [no tests to run]\n")).is_err());
    }

    #[test]
    fn what_pytest_tells_last_is_counted() {
        let output = "....  [100%]\n5 skipped by hand\n1719 passed in 50.12s\n";
        assert_eq!(pytest_tally(output), Tally { passed: 1719, failed: 0, skipped: 0 });
        let mixed = "1 failed, 3 passed, 2 skipped, 1 error in 1.00s (0:00:01)\n";
        assert_eq!(pytest_tally(mixed), Tally { passed: 3, failed: 2, skipped: 2 });
        assert!(ran(pytest_tally("no tests ran in 0.00s\n")).is_err());
    }

    #[test]
    fn a_missing_tool_is_told_with_what_to_install() {
        let failure = with_advice(Err(Failure::new("go version: not found")), GO_IS_NEEDED)
            .expect_err("it was one");
        assert!(failure.to_string().contains("Install Go"), "{failure}");
    }
}
