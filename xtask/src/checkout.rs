//! The working copy: its root, its files, its workspaces.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::Run;
use crate::step::Failure;

/// A working copy of the project.
#[derive(Debug)]
pub(crate) struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// The one that this program was built from.
    pub(crate) fn of_this_program() -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
        root.join("Cargo.toml").is_file().then(|| Self { root: root.to_path_buf() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A folder for what steps leave behind, below the target folder.
    pub(crate) fn scratch(&self, name: &str) -> PathBuf {
        self.target().join("xtask").join(name)
    }

    /// Where cargo builds.
    pub(crate) fn target(&self) -> PathBuf {
        std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| self.root.join("target"), |dir| self.root.join(dir))
    }

    /// Cargo, as it was called to run this program.
    pub(crate) fn cargo(&self) -> Run {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Run::new(cargo, &self.root)
    }

    /// A file of the project, by its path below the root.
    pub(crate) fn read(&self, path: &str) -> Result<String, Failure> {
        fs::read_to_string(self.root.join(path)).map_err(|e| Failure::new(format!("{path}: {e}")))
    }

    /// Every file that is or would be in the repository, as paths below the
    /// root. Git knows which files are ours; a walk of the folder does not.
    pub(crate) fn files(&self) -> Result<Vec<String>, Failure> {
        let listed = Run::new("git", &self.root)
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .output()?;
        let mut files: Vec<String> = listed
            .split('\0')
            .filter(|path| !path.is_empty() && self.root.join(path).is_file())
            .map(str::to_owned)
            .collect();
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// The manifest of every workspace: the one of the root and those that
    /// stand beside it so that what they need never slows its build.
    pub(crate) fn workspaces(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut manifests = Vec::new();
        for path in self.files()? {
            let is_manifest = path == "Cargo.toml" || path.ends_with("/Cargo.toml");
            if is_manifest && self.read(&path)?.lines().any(|line| line.trim() == "[workspace]") {
                manifests.push(self.root.join(path));
            }
        }
        if manifests.is_empty() {
            return Err(Failure::new("no Cargo.toml with a [workspace]"));
        }
        Ok(manifests)
    }
}
