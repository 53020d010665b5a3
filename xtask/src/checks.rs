//! What `cargo xtask test` checks, the cheap before the dear.

use crate::checkout::Checkout;
use crate::step::{Failure, Finding, Step, Tally};

mod bindings;
mod dependencies;
mod no_std;
mod repository;
mod servers;
mod threats;
mod vectors;

/// What the caller chose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Fetch the advisory database and ask it.
    pub(crate) advisories: bool,
}

/// All steps, in order.
pub(crate) fn steps(options: Options) -> Vec<Step> {
    let advisories =
        if options.advisories { dependencies::advisories } else { dependencies::no_advisories };
    [
        ("repository: paths, ignored tests, notes", repository::tidy as Check),
        ("threats: SECURITY.md names tests that exist", threats::named_tests_exist),
        ("format: cargo fmt, every workspace", format),
        ("generator: does not depend on coseal", dependencies::generator_stands_alone),
        ("lints: cargo clippy, warnings are errors", lints),
        ("servers: nats-server, for the tests", servers::nats),
        ("tests, doc tests, schemas, README", tests),
        ("aws-lc: the other backend makes the same bytes", other_backend),
        ("documentation: cargo doc, no warnings", documentation),
        ("no_std: the core without std", no_std::core_links_without_std),
        ("vectors: regenerated, byte for byte", vectors::regenerated),
        ("go: vet, format, every vector", bindings::go),
        ("python: types, every vector, the example", bindings::python),
        ("dependencies: licences, bans, sources", dependencies::allowed),
        ("dependencies: advisories", advisories),
    ]
    .map(|(name, run)| Step::new(name, run))
    .into()
}

type Check = fn(&Checkout) -> Result<Finding, Failure>;

fn format(checkout: &Checkout) -> Result<Finding, Failure> {
    let workspaces = checkout.workspaces()?;
    for manifest in &workspaces {
        checkout
            .cargo()
            .args(["fmt", "--all", "--check", "--manifest-path"])
            .args([manifest])
            .args(["--", "--color", "never"])
            .output()?;
    }
    Ok(Finding::Passed(format!("{} workspaces", workspaces.len())))
}

fn lints(checkout: &Checkout) -> Result<Finding, Failure> {
    checkout
        .cargo()
        .args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
        .output()?;
    Ok(Finding::Passed(String::new()))
}

/// Doc tests run with the others: `--all-targets` would leave them out.
fn tests(checkout: &Checkout) -> Result<Finding, Failure> {
    let output = checkout
        .cargo()
        .args(["test", "--workspace", "--no-fail-fast"])
        // Built by this very call, before the tests that need it run.
        .env("COSEAL_BIN", checkout.target().join("debug").join("coseal"))
        .output()?;
    let tally = Tally::of(&output);
    if tally.passed == 0 {
        return Err(Failure::new("no test ran"));
    }
    Ok(Finding::Tested(tally))
}

/// Whoever computes, the vectors and every refusal stay the same.
fn other_backend(checkout: &Checkout) -> Result<Finding, Failure> {
    let targets = ["--lib", "--test=reference", "--test=vectors", "--test=hostile"];
    let output = checkout
        .cargo()
        .args(["test", "--package", "coseal", "--features", "aws-lc", "--no-fail-fast"])
        .args(targets)
        .output()?;
    let tally = Tally::of(&output);
    if tally.passed == 0 {
        return Err(Failure::new("no test ran"));
    }
    Ok(Finding::Tested(tally))
}

/// The command and the library are both named `coseal`, and their pages have
/// one place: the command's are made first, so that the library's stay.
fn documentation(checkout: &Checkout) -> Result<Finding, Failure> {
    let command: &[&str] = &["--package", "coseal-cli"];
    let others: &[&str] = &["--workspace", "--exclude", "coseal-cli"];
    for packages in [command, others] {
        checkout
            .cargo()
            .args(["doc", "--no-deps"])
            .args(packages)
            .env("RUSTDOCFLAGS", "-D warnings")
            .output()?;
    }
    Ok(Finding::Passed(String::new()))
}
