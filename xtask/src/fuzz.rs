//! The fuzz targets: their committed inputs replayed, on stable, and each run for
//! a while, which takes a nightly toolchain.
//!
//! What the fuzzer adds to a corpus stays below the target folder; inputs that
//! broke something are left in `fuzz/artifacts/`.

use std::fs;
use std::time::Duration;

use crate::checkout::Checkout;
use crate::run::Run;
use crate::step::{Failure, Finding, Step, Tally};
use crate::tool::Tool;

const CARGO_FUZZ: Tool = Tool { name: "cargo-fuzz", version: "0.13.2", options: &[] };
const MANIFEST: &str = "fuzz/Cargo.toml";
const TARGETS: &str = "fuzz/fuzz_targets";

/// What is committed: part of every test.
pub(crate) fn committed() -> [Step; 2] {
    [
        Step::new("fuzz: cargo clippy", lints),
        Step::new("fuzz: every committed input, replayed", replay),
    ]
}

/// A step for each target, or for each that was named.
pub(crate) fn running(
    checkout: &Checkout,
    named: &[&str],
    time: Duration,
) -> Result<Vec<Step>, Failure> {
    let known = targets(checkout)?;
    if let Some(unknown) = named.iter().find(|name| !known.iter().any(|known| known == *name)) {
        return Err(Failure::new(format!("no fuzz target {unknown}; there are {known:?}")));
    }
    let mut steps = Vec::new();
    for target in known {
        if named.is_empty() || named.contains(&target.as_str()) {
            let name = format!("fuzz: {target}, {} s", time.as_secs());
            steps.push(Step::new(name, move |checkout| fuzz(checkout, &target, time)));
        }
    }
    Ok(steps)
}

/// The targets are the files of their folder.
fn targets(checkout: &Checkout) -> Result<Vec<String>, Failure> {
    let failed = |e| Failure::new(format!("{TARGETS}: {e}"));
    let mut targets = Vec::new();
    for entry in fs::read_dir(checkout.root().join(TARGETS)).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        targets.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    targets.sort();
    Ok(targets)
}

fn lints(checkout: &Checkout) -> Result<Finding, Failure> {
    checkout
        .cargo()
        .args(["clippy", "--manifest-path", MANIFEST, "--all-targets", "--", "-D", "warnings"])
        .output()?;
    Ok(Finding::Passed(String::new()))
}

fn replay(checkout: &Checkout) -> Result<Finding, Failure> {
    let output = checkout.cargo().args(["test", "--manifest-path", MANIFEST]).output()?;
    let tally = Tally::of(&output);
    if tally.passed == 0 {
        return Err(Failure::new("no test ran"));
    }
    Ok(Finding::Tested(tally))
}

fn fuzz(checkout: &Checkout, target: &str, time: Duration) -> Result<Finding, Failure> {
    let program = CARGO_FUZZ.program(checkout)?;
    let found = checkout.scratch("fuzz").join(target);
    fs::create_dir_all(&found).map_err(|e| Failure::new(format!("{}: {e}", found.display())))?;
    let output = Run::new(program, checkout.root())
        // The sanitizer is a nightly matter; the rest of the project is not.
        .env("RUSTUP_TOOLCHAIN", "nightly")
        .without_env("CARGO")
        // Without a sanitizer: fuzz/README.md says why.
        .args(["fuzz", "run", "--release", "-s", "none", target])
        // New inputs go to the first folder.
        .args([&found, &checkout.root().join("fuzz/corpus").join(target)])
        .args(["--", "-max_len=4096", "-rss_limit_mb=1024", "-timeout=20"])
        .args([format!("-max_total_time={}", time.as_secs())])
        .args(["-print_final_stats=1"])
        .output()?;
    let runs = executions(&output).ok_or_else(|| {
        Failure::new(format!("the fuzzer did not say how often it ran:\n{output}"))
    })?;
    Ok(Finding::Passed(format!("{runs} executions")))
}

/// How often the fuzzer ran its target, from what it prints at its end.
fn executions(output: &str) -> Option<u64> {
    let (_, rest) = output.rsplit_once("stat::number_of_executed_units:")?;
    rest.split_whitespace().next()?.parse().ok().filter(|runs| *runs > 0)
}

#[cfg(test)]
mod tests {
    use super::executions;

    #[test]
    fn executions_are_read_and_none_is_no_answer() {
        assert_eq!(executions("a\nstat::number_of_executed_units: 4711\nb: 1\n"), Some(4711));
        assert_eq!(executions("stat::number_of_executed_units: 0\n"), None);
        assert_eq!(executions("Done"), None);
    }
}
