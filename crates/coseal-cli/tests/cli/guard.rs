//! What the system is asked for while a command holds secrets: no core dump, no
//! tracing, no swap. Looked at from outside, while it waits for its input.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use super::desk::{COSEAL, Desk, TRUST, wait};

/// Who runs the command where the tests are root's: what root may do shows nothing.
const NOBODY: u32 = 65_534;

const SEAL: &str = "seal --key shop --to billing.pub --channel orders.eu --lines --batch 1";

/// A desk that a user other than root can use, with the command in it.
struct Theirs {
    desk: Desk,
    user: u32,
}

impl Theirs {
    fn new() -> Self {
        let desk = Desk::new();
        fs::copy(COSEAL, desk.path("coseal")).unwrap();
        let ours = fs::metadata(desk.path("")).unwrap().uid();
        if ours == 0 {
            for name in desk.names().iter().map(String::as_str).chain([""]) {
                chown(desk.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        Self { desk, user: if ours == 0 { NOBODY } else { ours } }
    }

    /// Starts it, its standard input open.
    fn start(&self, words: &str, root: bool) -> Child {
        let script = "ulimit -S -l 64; exec ./coseal \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).args(words.split(' ')).current_dir(self.desk.path(""));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if !root && self.user == NOBODY {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.spawn().unwrap()
    }
}

/// A line of a file of /proc, without its name.
fn line(process: u32, file: &str, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{process}/{file}")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn locked(process: u32) -> u64 {
    line(process, "status", "VmLck:").split(' ').next().unwrap().parse().unwrap()
}

/// A process that cannot be traced has its files in /proc owned by root.
fn is_hidden(process: u32) -> bool {
    fs::metadata(format!("/proc/{process}/fd")).unwrap().uid() == 0
}

/// Hands it one message and waits for what it makes of it: by then it holds all
/// that it will hold.
fn until_it_works(child: &mut Child, message: &[u8]) {
    child.stdin.as_mut().unwrap().write_all(message).unwrap();
    let mut first = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
}

#[test]
fn a_command_that_holds_a_key_leaves_no_core_and_is_not_traced() {
    let theirs = Theirs::new();
    theirs.desk.seal("-o sealed", "hello").fine();
    let sealed = theirs.desk.read("sealed");
    for (words, input, holds) in [
        (SEAL.to_owned(), &b"a line\n"[..], true),
        (format!("open --key billing {TRUST} --lines"), &sealed, true),
        (format!("verify {TRUST}"), &sealed, false),
    ] {
        let mut child = theirs.start(&words, false);
        let process = child.id();
        until_it_works(&mut child, input);
        let core = line(process, "limits", "Max core file size");
        // Without a key: as it was inherited.
        let inherited = line(std::process::id(), "limits", "Max core file size");
        assert_eq!(core, if holds { "0 0 bytes".to_owned() } else { inherited }, "{words}");
        assert_eq!(is_hidden(process), holds, "{words}");
        drop(child.stdin.take());
        wait(child).fine();
    }
}

/// Where memory cannot be locked without a limit none is, and the limit is as
/// it was: allocations would fail in the middle of the work.
#[test]
fn memory_is_locked_only_where_no_limit_can_be_hit() {
    let theirs = Theirs::new();
    for root in [false, true] {
        let mut child = theirs.start(SEAL, root);
        let process = child.id();
        until_it_works(&mut child, b"a line\n");
        let limit = line(process, "limits", "Max locked memory");
        let locked = locked(process);
        println!("as root, if it can: {root}; limit {limit}; {locked} KiB locked");
        match limit.split(' ').next().unwrap() {
            "65536" => assert_eq!(locked, 0, "the limit would be hit"),
            "unlimited" | "0" => assert!(locked > 1024, "nothing is locked"),
            other => panic!("a limit of {other}"),
        }
        drop(child.stdin.take());
        wait(child).fine();
    }
}
