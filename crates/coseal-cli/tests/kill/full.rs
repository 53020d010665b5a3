//! A full disk: a small file system in memory, in a namespace of its own, so
//! that nobody has to be root and nothing is left mounted.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::place::Place;
use super::table::{CHANGES, Change, Whole};

const MOUNTED: &str = "COSEAL_TEST_FULL";

/// No test by itself: what the next one starts. The runner starts it as well,
/// without a place.
#[test]
fn in_the_room_that_is_full() {
    let Some(room) = std::env::var_os(MOUNTED).map(PathBuf::from) else { return };
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(&room);
    assert!(mount.status().unwrap().success(), "no small file system could be mounted");
    let template = Place::new();
    for change in CHANGES {
        fill(&template, change, &room);
    }
    println!("{} commands on a full disk", CHANGES.len());
}

#[test]
fn a_full_disk_is_told_and_changes_nothing() {
    let room = tempfile::tempdir().unwrap();
    let me = std::env::current_exe().unwrap();
    let mut told = Vec::new();
    // As root of a namespace of its own; where those are forbidden, as the root that one is.
    for namespace in ["-rm", "-m"] {
        let mut unshare = Command::new("unshare");
        if !unshare.args([namespace, "true"]).status().is_ok_and(|status| status.success()) {
            continue;
        }
        let mut unshare = Command::new("unshare");
        unshare.arg(namespace).arg(&me).args(["--exact", "full::in_the_room_that_is_full"]);
        let done = unshare.arg("--nocapture").env(MOUNTED, room.path()).output().unwrap();
        let text = [done.stdout, done.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        if done.status.success() && text.contains("commands on a full disk") {
            return;
        }
        told.push(text);
    }
    panic!("no full disk could be made, or a command failed on it:\n{}", told.join("\n"));
}

/// To open a database is to write into it. That nothing was remembered in it
/// shows when the command goes through afterwards: it would refuse a replay.
fn is_database(change: &Change, name: &str) -> bool {
    change.writes.iter().any(|(file, whole)| *file == name && matches!(whole, Whole::Memory))
}

/// Runs a command where there is no room for a byte, and again where there is.
fn fill(template: &Place, change: &Change, room: &Path) {
    let place = template.copy(Some(room));
    let words = place.words(change.words);
    let before = place.files();
    let filler = room.join("filler");
    let mut file = File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    let done = place.run(&words);
    let is_named = change.writes.iter().any(|(name, _)| {
        done.err.lines().any(|line| line.starts_with("error: ") && line.contains(name))
    });
    assert_eq!(done.exit, Some(2), "{words}: {done:?}");
    assert!(is_named && done.err.contains("No space left"), "{words}: {done:?}");
    assert!(done.has_code("carrier"), "{words}: {done:?}");
    let after = place.files();
    for (name, bytes) in &before {
        if is_database(change, name) {
            continue;
        }
        assert!(after.get(name) == Some(bytes), "{words}: {name} is changed");
    }
    // A re-wrapping that was begun goes on when there is room: what it did is not lost.
    let is_kept = |name: &str| words.starts_with("rewrap") && name.contains(".partial");
    let litter: Vec<_> =
        after.keys().filter(|name| !before.contains_key(*name) && !is_kept(name)).collect();
    assert!(litter.is_empty(), "{words}: {litter:?} are left");
    drop(file);
    std::fs::remove_file(filler).unwrap();
    place.run(&words).fine();
    for (name, whole) in change.writes {
        let fault = place.fault(name, *whole);
        assert!(fault.is_none(), "{words}: {name}: {fault:?}");
    }
    assert!(!place.files().keys().any(|name| name.contains(".partial")), "{words}");
}
