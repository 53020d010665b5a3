#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::path::Path;

use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_appears_whole_or_not_at_all() {
    let folder = folder();
    let target = folder.path().join("file");
    let mut aside = Aside::create(&target, Existing::Refuse, Mode::Shared).unwrap();
    aside.write_all(b"half").unwrap();
    assert!(!target.exists() && aside.path().parent() == Some(folder.path()));
    drop(aside);
    assert_eq!(names(folder.path()), [""; 0], "nothing is left behind");

    let mut aside = Aside::create(&target, Existing::Refuse, Mode::Shared).unwrap();
    aside.write_all(b"whole").unwrap();
    aside.commit().unwrap();
    assert_eq!(
        (names(folder.path()), fs::read(&target).unwrap()),
        (vec!["file".to_owned()], b"whole".to_vec())
    );
}

#[test]
fn what_is_there_stays_unless_told() {
    let folder = folder();
    let target = folder.path().join("file");
    fs::write(&target, "old").unwrap();
    let refused = Aside::create(&target, Existing::Refuse, Mode::Shared);
    assert!(matches!(refused, Err(StoreError::Exists { path }) if path == target));
    write(&target, b"new", Existing::Replace, Mode::Shared).unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"new");

    // Somebody else takes the name while we write.
    let other = folder.path().join("other");
    let aside = Aside::create(&other, Existing::Refuse, Mode::Shared).unwrap();
    fs::write(&other, "theirs").unwrap();
    assert!(matches!(aside.commit(), Err(StoreError::Exists { path }) if path == other));
    assert_eq!(fs::read(&other).unwrap(), b"theirs");
    assert_eq!(names(folder.path()), ["file", "other"]);
}

#[test]
fn the_longest_name_can_be_written() {
    let folder = folder();
    let target = folder.path().join("n".repeat(255));
    write(&target, b"x", Existing::Refuse, Mode::Shared).unwrap();
    assert_eq!(fs::read(target).unwrap(), b"x");
}

#[test]
fn folders_and_missing_folders_are_refused() {
    let folder = folder();
    let create = |path: &Path| Aside::create(path, Existing::Replace, Mode::Shared);
    assert!(matches!(create(folder.path()), Err(StoreError::Exists { .. })));
    assert!(matches!(create(&folder.path().join("no/file")), Err(StoreError::Io { .. })));
    assert!(matches!(create(&folder.path().join("no/..")), Err(StoreError::Io { .. })));
}

#[cfg(unix)]
#[test]
fn private_files_are_private_from_the_first_byte() {
    use std::os::unix::fs::PermissionsExt;

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let folder = folder();
    let target = folder.path().join("key");
    fs::write(&target, "old").unwrap();
    for bits in [0o666, 0o4755, 0o640] {
        fs::set_permissions(&target, Permissions::from_mode(bits)).unwrap();
        let aside = Aside::create(&target, Existing::Replace, Mode::Private).unwrap();
        assert_eq!(mode(aside.path()), 0o600);
        drop(aside);
        let aside = Aside::create(&target, Existing::Replace, Mode::Shared).unwrap();
        assert_eq!(mode(aside.path()), bits & 0o777, "as the replaced file had it, without set-id");
    }
    write(&target, b"new", Existing::Replace, Mode::Private).unwrap();
    assert_eq!(mode(&target), 0o600);
    // A new shared file has what the mask leaves.
    let plain = folder.path().join("plain");
    fs::write(&plain, "").unwrap();
    write(&folder.path().join("shared"), b"", Existing::Refuse, Mode::Shared).unwrap();
    assert_eq!(mode(&folder.path().join("shared")), mode(&plain));
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_and_stays() {
    use std::os::unix::fs::symlink;

    let folder = folder();
    fs::create_dir(folder.path().join("elsewhere")).unwrap();
    let (real, link) = (folder.path().join("elsewhere/real"), folder.path().join("link"));
    fs::write(&real, "old").unwrap();
    symlink("elsewhere/real", &link).unwrap();
    assert!(matches!(
        write(&link, b"x", Existing::Refuse, Mode::Shared),
        Err(StoreError::Exists { .. })
    ));
    write(&link, b"new", Existing::Replace, Mode::Shared).unwrap();
    assert_eq!(fs::read(&real).unwrap(), b"new");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());

    let dangling = folder.path().join("dangling");
    symlink("nothing", &dangling).unwrap();
    assert!(matches!(
        write(&dangling, b"x", Existing::Refuse, Mode::Shared),
        Err(StoreError::Exists { .. })
    ));
    assert!(matches!(
        write(&dangling, b"x", Existing::Replace, Mode::Shared),
        Err(StoreError::Io { .. })
    ));
    assert!(!folder.path().join("nothing").exists());
}
