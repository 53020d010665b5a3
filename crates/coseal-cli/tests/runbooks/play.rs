//! Blocks of commands → what a shell made of them, in a folder of its own.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::document::Block;
use super::shown::fits;

/// Plays the blocks one after the other, all in one shell. What was wrong, if
/// anything was.
pub(crate) fn play(blocks: &[&Block]) -> Result<(), String> {
    let place = tempfile::tempdir().unwrap();
    let [work, logs, bin] = ["fleet", "logs", "bin"].map(|name| place.path().join(name));
    for folder in [&work, &logs, &bin] {
        fs::create_dir(folder).unwrap();
    }
    write_forge(&bin.join("forge"));
    let command = Path::new(env!("CARGO_BIN_EXE_coseal")).parent().unwrap();
    let path = format!(
        "{}:{}:{}",
        bin.display(),
        command.display(),
        std::env::var("PATH").unwrap_or_default()
    );
    fs::write(place.path().join("script"), script(blocks, &logs)).unwrap();
    let mut shell = Command::new("sh");
    shell.arg("-u").arg(place.path().join("script")).current_dir(&work).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COSEAL") {
            shell.env_remove(name);
        }
    }
    shell.env("PATH", path).env("LC_ALL", "C").env("TZ", "UTC");
    let ended = shell.output().unwrap();
    for (number, block) in blocks.iter().enumerate() {
        let log = fs::read(logs.join(format!("{number}"))).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        judge(block, &log, |command| {
            fs::read_to_string(logs.join(format!("{number}.{command}"))).ok()
        })?;
    }
    if !ended.status.success() {
        return Err(format!("the shell: {}", String::from_utf8_lossy(&ended.stderr)));
    }
    Ok(())
}

/// Each command with both outputs into the log of its block, and its exit code
/// beside it; the first that ends otherwise than it should is the last.
fn script(blocks: &[&Block], logs: &Path) -> String {
    let mut script = String::new();
    for (number, block) in blocks.iter().enumerate() {
        for (at, command) in block.commands.iter().enumerate() {
            let quoted = command.replace('\'', r"'\''");
            let log = logs.join(number.to_string());
            let (log, expected) = (log.display(), expected(block, at));
            writeln!(
                script,
                "eval '{quoted}' >>'{log}' 2>&1\ncode=$?; echo $code >'{log}.{at}'; [ $code = {expected} ] || exit 1"
            )
            .unwrap();
        }
    }
    script
}

fn expected(block: &Block, command: usize) -> i32 {
    if command + 1 == block.commands.len() { block.exit } else { 0 }
}

fn judge(block: &Block, log: &str, exit: impl Fn(usize) -> Option<String>) -> Result<(), String> {
    let here = format!("{}:{}", block.document, block.line);
    for (at, command) in block.commands.iter().enumerate() {
        let exit = exit(at).ok_or_else(|| format!("{here}: `{command}` did not end\n{log}"))?;
        let expected = expected(block, at).to_string();
        if exit.trim() != expected {
            let exit = exit.trim();
            return Err(format!("{here}: `{command}`: exit code {exit}, not {expected}\n{log}"));
        }
    }
    let lines: Vec<&str> = log.lines().collect();
    match &block.shown {
        Some(shown) if !fits(shown, &lines) => {
            Err(format!("{here} says:\n{}\n-- and shows:\n{log}", shown.join("\n")))
        }
        _ => Ok(()),
    }
}

/// `forge KEY TIME TO.pub OUT`, which is this program again.
fn write_forge(path: &Path) {
    let me = std::env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\nCOSEAL_FORGE=\"$*\" exec '{}' --exact what_a_thief_does >/dev/null\n",
        me.display()
    );
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
