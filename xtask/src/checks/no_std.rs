//! The core without std: built, and linked into a program that has no std.
//!
//! What this proves: with its default features off, neither the core nor
//! anything below it links std (std brings a panic handler, and so does the
//! probe: two are an error), and nothing in it calls the operating system (the
//! only symbols left open are those any compiler expects). What it does not
//! prove: that it builds for a machine with other integers or atomics than
//! this one; for that, build it with `--target` where that target's library is
//! installed.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use crate::checkout::Checkout;
use crate::run::Run;
use crate::step::{Failure, Finding};

/// What a compiler may call without being asked (`__floattidf` turns an i128
/// into a float; it comes with every compiler's own library), plus the unwinder's names:
/// the library `core` of a machine that has std is built to unwind.
const EXPECTED: [&str; 10] = [
    "_GLOBAL_OFFSET_TABLE_",
    "_Unwind_Resume",
    "__floattidf",
    "bcmp",
    "memcmp",
    "memcpy",
    "memmove",
    "memset",
    "rust_eh_personality",
    "strlen",
];

pub(super) fn core_links_without_std(checkout: &Checkout) -> Result<Finding, Failure> {
    let folder = checkout.scratch("no-std");
    checkout
        .cargo()
        .args(["build", "--package", "coseal", "--no-default-features", "--lib", "--target-dir"])
        .args([&folder])
        .output()?;
    let built = folder.join("debug");
    let library = folder.join("libprobe.a");
    let core = pair("coseal=", &built.join("libcoseal.rlib"));
    let below = pair("dependency=", &built.join("deps"));
    Run::new("rustc", checkout.root())
        .args(["--edition", "2024", "--crate-name", "probe", "--crate-type", "staticlib"])
        .args(["-C", "panic=abort", "-D", "warnings", "xtask/no-std/probe.rs", "-o"])
        .args([&library])
        .args(["--extern".into(), core, "-L".into(), below])
        .output()?;
    let foreign: Vec<String> = open_symbols(checkout, &library)?
        .into_iter()
        .filter(|name| !is_expected(name))
        .map(|name| format!("the core without std calls {name}, which is not in it"))
        .collect();
    Failure::unless_empty(&foreign)?;
    Ok(Finding::Passed("for this machine; calls nothing of the system".to_owned()))
}

/// Rust's own names are mangled and cannot be the system's; nor can the
/// arithmetic that a processor lacks (`__udivti3`).
fn is_expected(name: &str) -> bool {
    let of_rust = name.starts_with("_R") || name.starts_with("_ZN");
    let arithmetic =
        name.starts_with("__") && ["ti2", "ti3", "ti4"].iter().any(|end| name.ends_with(end));
    of_rust || arithmetic || EXPECTED.contains(&name)
}

fn pair(name: &str, path: &Path) -> OsString {
    let mut pair = OsString::from(name);
    pair.push(path);
    pair
}

/// The names that the library calls and does not hold itself.
fn open_symbols(checkout: &Checkout, library: &Path) -> Result<BTreeSet<String>, Failure> {
    let listed = Run::new("nm", checkout.root())
        .args(["--extern-only", "--format=posix"])
        .args([library])
        .output()?;
    let mut held = BTreeSet::new();
    let mut called = BTreeSet::new();
    for line in listed.lines() {
        let mut words = line.split(' ');
        match (words.next(), words.next()) {
            (Some(name), Some("U")) => called.insert(name.to_owned()),
            (Some(name), Some(_)) => held.insert(name.to_owned()),
            _ => false,
        };
    }
    if held.is_empty() {
        return Err(Failure::new(format!("nm found no symbols in {}", library.display())));
    }
    Ok(&called - &held)
}

#[cfg(test)]
mod tests {
    use super::is_expected;

    #[test]
    fn calls_of_the_system_are_not_expected() {
        for name in ["malloc", "getrandom", "syscall", "pthread_self", "__errno_location", "open64"]
        {
            assert!(!is_expected(name), "{name}");
        }
        for name in ["memcpy", "__udivti3", "_RNvNtCs0_4core9panicking9panic_fmt"] {
            assert!(is_expected(name), "{name}");
        }
    }
}
