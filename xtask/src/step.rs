//! Steps in, announcements with their times and a summary in plain words out.

use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::checkout::Checkout;

/// One check.
pub(crate) struct Step {
    name: String,
    run: Box<Check>,
}

type Check = dyn Fn(&Checkout) -> Result<Finding, Failure>;

impl Step {
    pub(crate) fn new(
        name: impl Into<String>,
        run: impl Fn(&Checkout) -> Result<Finding, Failure> + 'static,
    ) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }
}

/// What a step that did not fail has to say.
#[derive(Debug)]
pub(crate) enum Finding {
    /// It passed; what was looked at, in a few words.
    Passed(String),
    /// It passed, and it ran tests.
    Tested(Tally),
    /// It could not be done here; why, and what does it.
    Skipped(String),
}

/// Tests that ran.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// Adds up what `cargo test` prints at the end of each program.
    pub(crate) fn of(output: &str) -> Self {
        let mut tally = Self::default();
        for line in output.lines().filter(|line| line.starts_with("test result:")) {
            for part in line.split([';', '.']) {
                let mut words = part.split_whitespace();
                if let (Some(Ok(count)), Some(what)) =
                    (words.next().map(str::parse::<u64>), words.next())
                {
                    match what {
                        "passed" => tally.passed += count,
                        "failed" => tally.failed += count,
                        "ignored" => tally.skipped += count,
                        _ => {}
                    }
                }
            }
        }
        tally
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// Why a step failed: everything that helps to mend it.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A failure where there are faults, each a line.
    pub(crate) fn unless_empty(faults: &[String]) -> Result<(), Self> {
        if faults.is_empty() {
            return Ok(());
        }
        Err(Self(faults.join("\n")))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Runs the steps in order, up to the first that fails: all of them, or those
/// whose name contains one of the words. Tells `out` what happens; whether
/// nothing failed is the answer.
///
/// The last line counts tests, in the form that CI reads.
pub(crate) fn run_all(
    checkout: &Checkout,
    all: &[Step],
    words: &[&str],
    out: &mut impl Write,
) -> io::Result<bool> {
    let chosen = |step: &&Step| words.is_empty() || words.iter().any(|w| step.name.contains(w));
    let steps: Vec<&Step> = all.iter().filter(chosen).collect();
    if steps.is_empty() {
        writeln!(out, "No step has such a name.")?;
        return Ok(false);
    }
    let started = Instant::now();
    let mut tests = Tally::default();
    let mut passed = 0_usize;
    let mut skipped = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        write!(out, "[{:>2}/{}] {:<44}", number + 1, steps.len(), step.name)?;
        out.flush()?;
        let begun = Instant::now();
        let outcome = (step.run)(checkout);
        let took = seconds(begun.elapsed());
        match outcome {
            Ok(Finding::Passed(what)) => {
                passed += 1;
                writeln!(out, " ok       {took}  {what}")?;
            }
            Ok(Finding::Tested(tally)) => {
                passed += 1;
                tests.add(tally);
                writeln!(out, " ok       {took}  {tally}")?;
            }
            Ok(Finding::Skipped(why)) => {
                writeln!(out, " SKIPPED  {took}")?;
                skipped.push((&step.name, why));
            }
            Err(failure) => {
                tests.add(Tally::of(&failure.to_string()));
                // A step that failed without a test counts as one.
                tests.failed = tests.failed.max(1);
                writeln!(out, " FAILED   {took}\n\n{failure}\n")?;
                writeln!(out, "Failed: {}. Steps after it were not run.\n{tests}", step.name)?;
                return Ok(false);
            }
        }
    }
    for (name, why) in &skipped {
        writeln!(out, "\nNot checked: {name}.\n{why}")?;
    }
    let took = seconds(started.elapsed());
    let (all, skipped) = (all.len(), skipped.len());
    writeln!(
        out,
        "\nNothing failed: {passed} of {all} steps passed, {skipped} skipped, in {}.\n{tests}",
        took.trim()
    )?;
    Ok(true)
}

fn seconds(duration: Duration) -> String {
    format!("{:>6.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_results_add_up() {
        let output = "running 3 tests\n\
            test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s\n\
            noise\n\
            test result: FAILED. 1 passed; 2 failed; 4 ignored; 0 measured; 0 filtered out; finished in 1.00s\n";
        let expected = Tally { passed: 4, failed: 2, skipped: 4 };
        assert_eq!(Tally::of(output), expected);
        assert_eq!(expected.to_string(), "4 passed, 2 failed, 4 skipped");
    }

    #[test]
    fn faults_make_a_failure() {
        assert!(Failure::unless_empty(&[]).is_ok());
        assert!(Failure::unless_empty(&["a".to_owned()]).is_err());
    }

    fn told(steps: &[Step], words: &[&str]) -> (bool, String) {
        let checkout = Checkout::of_this_program().expect("the project");
        let mut out = Vec::new();
        let fine = run_all(&checkout, steps, words, &mut out).expect("writes to memory");
        (fine, String::from_utf8(out).expect("text"))
    }

    fn good() -> Step {
        Step::new("good", |_| Ok(Finding::Passed("seen".to_owned())))
    }

    fn far() -> Step {
        Step::new("far", |_| Ok(Finding::Skipped("no way".to_owned())))
    }

    fn bad() -> Step {
        Step::new("bad", |_| Err(Failure::new("because")))
    }

    #[test]
    fn the_first_failure_ends_the_run_with_its_output() {
        let (fine, text) = told(&[good(), bad(), far()], &[]);
        assert!(!fine);
        assert!(text.contains("because") && text.contains("Failed: bad"), "{text}");
        assert!(!text.contains("far"), "{text}");
        assert!(text.ends_with("\n0 passed, 1 failed\n"), "{text}");
    }

    #[test]
    fn what_was_skipped_is_said_and_why() {
        let (fine, text) = told(&[good(), far()], &[]);
        assert!(fine);
        assert!(text.contains("Not checked: far.\nno way"), "{text}");
        assert!(text.contains("1 of 2 steps passed, 1 skipped"), "{text}");
    }

    #[test]
    fn words_choose_steps_and_a_word_for_none_is_a_failure() {
        assert!(told(&[good(), bad()], &["go"]).0);
        assert!(!told(&[good(), bad()], &["ugly"]).0);
    }
}
