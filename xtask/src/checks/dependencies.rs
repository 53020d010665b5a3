//! What the project depends on: allowed by `deny.toml`; and what the generator
//! of vectors does not depend on.

use std::collections::BTreeSet;

use crate::checkout::Checkout;
use crate::run::Run;
use crate::step::{Failure, Finding};
use crate::tool::Tool;

const CARGO_DENY: Tool =
    Tool { name: "cargo-deny", version: "0.20.2", options: &["--no-default-features"] };

/// What is measured beside coseal is not depended on: it is neither shipped nor
/// built by a check, and what it needs in its turn is for its makers to answer.
const PEERS: &str = "benches/peers/Cargo.toml";

/// Vectors made with the code they judge would prove nothing.
pub(super) fn generator_stands_alone(checkout: &Checkout) -> Result<Finding, Failure> {
    let tree = checkout
        .cargo()
        .args(["tree", "--quiet", "--package", "coseal-testkit", "--edges", "all"])
        .args(["--all-features", "--target", "all", "--prefix", "none", "--format", "{p}"])
        .output()?;
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    if !names.contains("coseal-testkit") {
        return Err(Failure::new(format!("cargo tree said something else:\n{tree}")));
    }
    let ours: Vec<String> = names
        .iter()
        .filter(|name| {
            **name == "coseal" || (name.starts_with("coseal-") && **name != "coseal-testkit")
        })
        .map(|name| format!("coseal-testkit depends on {name}"))
        .collect();
    Failure::unless_empty(&ours)?;
    Ok(Finding::Passed(format!("{} crates below it", names.len() - 1)))
}

pub(super) fn allowed(checkout: &Checkout) -> Result<Finding, Failure> {
    deny(checkout, &["licenses", "bans", "sources"])
}

/// Needs the network: the database is a git repository of its own.
pub(super) fn advisories(checkout: &Checkout) -> Result<Finding, Failure> {
    deny(checkout, &["advisories"])
}

pub(super) fn no_advisories(_: &Checkout) -> Result<Finding, Failure> {
    Ok(Finding::Skipped(
        "Whether a dependency has a known vulnerability was NOT asked: the advisory database is a\n\
         git repository that must be fetched. With a network: cargo xtask test --advisories"
            .to_owned(),
    ))
}

fn deny(checkout: &Checkout, checks: &[&str]) -> Result<Finding, Failure> {
    let program = CARGO_DENY.program(checkout)?;
    let peers = checkout.root().join(PEERS);
    for manifest in checkout.workspaces()?.into_iter().filter(|manifest| *manifest != peers) {
        Run::new(&program, checkout.root())
            .args(["--all-features", "--manifest-path"])
            .args([&manifest])
            .args(["check", "--hide-inclusion-graph"])
            .args(checks)
            .output()?;
    }
    Ok(Finding::Passed(format!("{} {}", CARGO_DENY.name, CARGO_DENY.version)))
}
