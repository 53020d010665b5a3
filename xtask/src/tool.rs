//! Programs that check or fuzz: found where installed, else built once.

use std::fs;
use std::path::PathBuf;

use crate::checkout::Checkout;
use crate::run::Run;
use crate::step::Failure;

/// A program from the registry, in the one version that is used, so that a new
/// release cannot turn a green check red.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// What `cargo install` is told besides.
    pub(crate) options: &'static [&'static str],
}

impl Tool {
    /// The installed one where it is the right one, else one below the target
    /// folder, so that nothing is installed on anybody's machine. Unoptimised
    /// it builds in a third of the time, and answers within seconds all the same.
    pub(crate) fn program(&self, checkout: &Checkout) -> Result<PathBuf, Failure> {
        let wanted = format!("{} {}", self.name, self.version);
        let folder = checkout.target().join("tools");
        let ours = folder.join("bin").join(self.name);
        for program in [PathBuf::from(self.name), ours.clone()] {
            let version = Run::new(&program, checkout.root()).args(["--version"]).output();
            if version.is_ok_and(|version| version.trim() == wanted) {
                return Ok(program);
            }
        }
        let build = folder.join("build");
        checkout
            .cargo()
            .args(["install", "--locked", "--debug", "--force", "--version", self.version])
            .args(self.options)
            .args([self.name, "--root"])
            .args([&folder])
            .env("CARGO_TARGET_DIR", &build)
            .output()?;
        // Up to seven hundred megabytes that nobody needs again.
        fs::remove_dir_all(&build)
            .map_err(|e| Failure::new(format!("{}: {e}", build.display())))?;
        Ok(ours)
    }
}
