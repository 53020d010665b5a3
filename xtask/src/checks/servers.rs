//! Servers that tests start: found where they were named, else built once.

use crate::checkout::Checkout;
use crate::run::Run;
use crate::step::{Failure, Finding};

/// As the tests read it.
const NAMED: &str = "COSEAL_NATS_SERVER";

/// The one version that is used, so that a new release cannot turn a green
/// check red.
const MODULE: &str = "github.com/nats-io/nats-server/v2";
const VERSION: &str = "v2.15.2";

/// The server of NATS, below the target folder, where the tests look for it.
pub(super) fn nats(checkout: &Checkout) -> Result<Finding, Failure> {
    if let Some(named) = std::env::var_os(NAMED) {
        let version = Run::new(&named, checkout.root()).args(["--version"]).output()?;
        return Ok(Finding::Passed(format!("{}, as {NAMED} says", version.trim())));
    }
    let folder = checkout.target().join("tools").join("bin");
    let server = folder.join("nats-server");
    let version = || Run::new(&server, checkout.root()).args(["--version"]).output();
    let wanted = format!("nats-server: {VERSION}");
    let mut found = version().ok().filter(|version| version.trim() == wanted);
    if found.is_none() {
        Run::new("go", checkout.root())
            .args(["install".to_owned(), format!("{MODULE}@{VERSION}")])
            .env("GOBIN", &folder)
            .output()
            .map_err(|failure| {
                let words = "the tests of NATS need its server, which is built with Go";
                Failure::new(format!("{words} (or name one: {NAMED})\n{failure}"))
            })?;
        found = Some(version()?);
    }
    match found.as_deref().map(str::trim) {
        Some(version) if version == wanted => Ok(Finding::Passed(version.to_owned())),
        other => Err(Failure::new(format!("built {MODULE}@{VERSION}, found {other:?}"))),
    }
}
