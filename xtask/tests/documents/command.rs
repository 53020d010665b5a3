//! The command `coseal`, built, and the folders it is run in.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

/// The root of the working copy.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A document of the project.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// A file of the project or an error that names it.
pub(crate) fn read_json(path: &Path) -> serde_json::Value {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The built command. `COSEAL_BIN` names it where it is built already, as
/// `cargo test --workspace` does; else it is built here.
pub(crate) fn coseal() -> &'static Path {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        if let Some(named) = std::env::var_os("COSEAL_BIN") {
            return named.into();
        }
        // This program is target/PROFILE/deps/NAME; the command goes beside deps.
        let here = std::env::current_exe().unwrap();
        let folder = here.ancestors().nth(2).unwrap();
        let profile = match folder.file_name().and_then(OsStr::to_str) {
            Some("debug") | None => "dev",
            Some(other) => other,
        };
        let built = Command::new(env!("CARGO"))
            .current_dir(root())
            .args(["build", "--quiet", "--package", "coseal-cli", "--bin", "coseal"])
            .args(["--profile", profile, "--target-dir"])
            .arg(folder.parent().unwrap())
            .output()
            .unwrap();
        assert!(built.status.success(), "{}", told(&built));
        folder.join("coseal")
    });
    &BUILT
}

/// Runs a program in a folder, with the command `coseal` found by its name and
/// none of the caller's settings.
pub(crate) fn run(folder: &Path, program: impl AsRef<OsStr>, args: &[&str]) -> Output {
    let mut path = vec![coseal().parent().unwrap().to_path_buf()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .args(args)
        .env("PATH", std::env::join_paths(path).unwrap())
        .stdin(std::process::Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("COSEAL_")) {
            command.env_remove(name);
        }
    }
    command.output().unwrap()
}

/// Runs `coseal` and expects it to end with 0.
pub(crate) fn succeed(folder: &Path, args: &[&str]) -> Output {
    let output = run(folder, coseal(), args);
    assert!(output.status.success(), "coseal {args:?}: {}", told(&output));
    output
}

/// Everything a program said.
pub(crate) fn told(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
