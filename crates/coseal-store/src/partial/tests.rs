#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeMap;
use std::fs;

use tempfile::TempDir;

use super::*;

/// A folder with an input of 100 lines.
struct Desk(TempDir);

const INPUT: &str = "in";

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        fs::write(desk.path(INPUT), line(0).repeat(100)).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Every file with its bytes.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entry = |entry: fs::DirEntry| {
            (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
        };
        fs::read_dir(self.0.path()).unwrap().map(|found| entry(found.unwrap())).collect()
    }

    fn names(&self) -> Vec<String> {
        self.files().into_keys().collect()
    }

    fn begin(&self, existing: Existing, options: &str) -> Result<Begun<u32>> {
        self.begin_at("out", existing, options)
    }

    fn begin_at(&self, out: &str, existing: Existing, options: &str) -> Result<Begun<u32>> {
        let input = self.path(INPUT);
        Partial::begin(&self.path(out), existing, &Job { input: &input, options })
    }

    fn new_job(&self) -> Box<Partial> {
        let begun = self.begin(Existing::Refuse, "a").unwrap();
        let Begun::New(partial) = begun else { panic!("not new: {begun:?}") };
        partial
    }

    /// Writes 60 lines, marks 40 of them, and stops.
    fn interrupt(&self) {
        let mut partial = self.new_job();
        partial.write_all(line(1).repeat(40).as_bytes()).unwrap();
        partial.mark(40 * 8, &40_u32).unwrap();
        partial.write_all(line(1).repeat(20).as_bytes()).unwrap();
        partial.flush().unwrap();
    }

    /// Why it cannot go on; nothing was touched.
    fn refused(&self, options: &str) -> String {
        let before = self.files();
        let error = self.begin(Existing::Refuse, options).map(drop).unwrap_err();
        assert_eq!(self.files(), before);
        error.to_string()
    }
}

fn line(number: u32) -> String {
    format!("line {number:02}\n")
}

fn again(begun: Result<Begun<u32>>) -> (Box<Partial>, Mark<u32>) {
    let begun = begun.unwrap();
    let Begun::Again(partial, mark) = begun else { panic!("not again: {begun:?}") };
    (partial, mark)
}

#[test]
fn an_output_has_its_name_when_it_is_whole() {
    let desk = Desk::new();
    let mut partial = desk.new_job();
    assert_eq!(desk.names(), ["in", "out.partial", "out.partial.state"]);
    assert_eq!(partial.path(), desk.path("out.partial"));
    partial.write_all(b"whole").unwrap();
    partial.commit(800, &7).unwrap();
    assert_eq!(desk.names(), ["in", "out"]);
    assert_eq!(fs::read(desk.path("out")).unwrap(), b"whole");
}

#[test]
fn what_was_marked_is_kept_and_what_was_not_is_cut_off() {
    let desk = Desk::new();
    desk.interrupt();
    assert_eq!(fs::read(desk.path("out.partial")).unwrap().len(), 60 * 8);
    for _ in 0..2 {
        let (partial, mark) = again(desk.begin(Existing::Refuse, "a"));
        assert_eq!(mark, Mark { read: 40 * 8, notes: 40 });
        assert_eq!(fs::read(partial.path()).unwrap(), line(1).repeat(40).as_bytes());
    }
    let (mut partial, _) = again(desk.begin(Existing::Refuse, "a"));
    partial.write_all(line(2).repeat(30).as_bytes()).unwrap();
    partial.mark(70 * 8, &70_u32).unwrap();
    drop(partial);
    let (mut partial, mark) = again(desk.begin(Existing::Refuse, "a"));
    assert_eq!(mark, Mark { read: 70 * 8, notes: 70 });
    partial.write_all(line(3).repeat(30).as_bytes()).unwrap();
    partial.commit(800, &100).unwrap();
    let expected = [line(1).repeat(40), line(2).repeat(30), line(3).repeat(30)].concat();
    assert_eq!(fs::read(desk.path("out")).unwrap(), expected.as_bytes());
    assert_eq!(desk.names(), ["in", "out"]);
}

#[test]
fn another_job_does_not_go_on_with_it() {
    let desk = Desk::new();
    desk.interrupt();
    assert!(desk.refused("b").contains("other options"));
    let (input, partial) = (desk.path(INPUT), desk.path("out.partial"));
    let state = desk.path("out.partial.state");
    let whole = desk.files();
    let restore = || {
        for (name, bytes) in &whole {
            fs::write(desk.path(name), bytes).unwrap();
        }
    };

    fs::write(&input, line(0).repeat(99)).unwrap();
    assert!(desk.refused("a").contains("another length"));
    fs::write(&input, line(0).repeat(101)).unwrap();
    assert!(desk.refused("a").contains("another length"));
    fs::write(&input, [line(9), line(0).repeat(99)].concat()).unwrap();
    assert!(desk.refused("a").contains("the input is not what it was"));
    restore();
    fs::write(&partial, line(1).repeat(39)).unwrap();
    assert!(desk.refused("a").contains("a part of it is gone"));
    fs::write(&partial, line(9).repeat(60)).unwrap();
    assert!(desk.refused("a").contains("not what was written"));
    restore();
    fs::remove_file(&state).unwrap();
    assert!(desk.refused("a").contains("its state is missing"));
    fs::write(&state, "{\"version\":1}").unwrap();
    assert!(desk.refused("a").contains("no state of an unfinished output"));
    fs::write(&state, "{\"version\":2}").unwrap();
    assert!(desk.refused("a").contains("version 2"));
    restore();
    // What was not read yet may differ: it is read as it is.
    fs::write(&input, [line(0).repeat(40), line(9).repeat(60)].concat()).unwrap();
    again(desk.begin(Existing::Refuse, "a"));
    // Without its output the job begins anew.
    restore();
    fs::remove_file(&partial).unwrap();
    assert!(matches!(desk.begin(Existing::Refuse, "b"), Ok(Begun::New(_))));
}

#[test]
fn two_processes_do_not_write_one_output() {
    let desk = Desk::new();
    let first = desk.new_job();
    let second = desk.begin(Existing::Refuse, "a");
    assert!(matches!(second, Err(StoreError::InUse { path }) if path == first.path()));
    drop(first);
    // Nothing was written: it is begun anew, and by whoever comes.
    assert!(matches!(desk.begin(Existing::Refuse, "b"), Ok(Begun::New(_))));
    desk.interrupt();
    let (first, _) = again(desk.begin(Existing::Refuse, "a"));
    let second = desk.begin(Existing::Refuse, "a");
    assert!(matches!(second, Err(StoreError::InUse { path }) if path == first.path()));
}

#[test]
fn what_is_there_is_replaced_only_where_told_and_only_at_the_end() {
    let desk = Desk::new();
    fs::write(desk.path("out"), "old").unwrap();
    assert!(desk.refused("a").contains("exists already"));
    let begun = desk.begin(Existing::Replace, "a").unwrap();
    let Begun::New(mut partial) = begun else { panic!("{begun:?}") };
    partial.write_all(b"new").unwrap();
    assert_eq!(fs::read(desk.path("out")).unwrap(), b"old");
    partial.commit(800, &0).unwrap();
    assert_eq!(fs::read(desk.path("out")).unwrap(), b"new");

    // Taken meanwhile: what was written stays.
    fs::remove_file(desk.path("out")).unwrap();
    let mut partial = desk.new_job();
    partial.write_all(b"ours").unwrap();
    fs::write(desk.path("out"), "theirs").unwrap();
    assert!(matches!(partial.commit(800, &9), Err(StoreError::Exists { .. })));
    assert_eq!(fs::read(desk.path("out")).unwrap(), b"theirs");
    assert!(desk.refused("a").contains("exists already"));
    let (partial, mark) = again(desk.begin(Existing::Replace, "a"));
    assert_eq!(mark, Mark { read: 800, notes: 9 });
    partial.commit(800, &9).unwrap();
    assert_eq!(fs::read(desk.path("out")).unwrap(), b"ours");
    assert_eq!(desk.names(), ["in", "out"]);
}

#[test]
fn the_input_itself_can_be_replaced() {
    let desk = Desk::new();
    let begin = || desk.begin_at(INPUT, Existing::Replace, "a");
    let begun = begin().unwrap();
    let Begun::New(mut partial) = begun else { panic!("{begun:?}") };
    partial.write_all(b"half").unwrap();
    partial.mark(400, &50).unwrap();
    drop(partial);
    assert_eq!(fs::read(desk.path(INPUT)).unwrap().len(), 800);
    let (mut partial, mark) = again(begin());
    assert_eq!(mark.read, 400);
    partial.write_all(b" and half").unwrap();
    partial.commit(800, &100).unwrap();
    assert_eq!(desk.names(), ["in"]);
    assert_eq!(fs::read(desk.path(INPUT)).unwrap(), b"half and half");
}

/// Killed when the output had its name, and the state was still there.
#[test]
fn a_job_that_was_done_is_done() {
    for out in ["out", INPUT] {
        let desk = Desk::new();
        let begin = || desk.begin_at(out, Existing::Replace, "a");
        let Begun::New(mut partial) = begin().unwrap() else { panic!("not new") };
        partial.write_all(b"whole").unwrap();
        partial.write_state(800, &5, true).unwrap();
        let state = desk.path(&format!("{out}.partial.state"));
        let left = fs::read(&state).unwrap();
        // Before the rename: there is nothing to read, and the end to write.
        drop(partial);
        let (partial, mark) = again(begin());
        assert_eq!(mark, Mark { read: 800, notes: 5 });
        partial.commit(800, &5).unwrap();
        // After it.
        fs::write(&state, &left).unwrap();
        let begun = desk.begin_at(out, Existing::Refuse, "a").unwrap();
        assert!(matches!(begun, Begun::Done(Mark { read: 800, notes: 5 })), "{begun:?}");
        assert_eq!(fs::read(desk.path(out)).unwrap(), b"whole");
        assert!(!state.exists(), "told once");
        // Another output, or another job, is none that was done.
        fs::write(&state, &left).unwrap();
        fs::write(desk.path(out), "other").unwrap();
        assert!(matches!(begin().unwrap(), Begun::New(_)));
    }
}

#[test]
fn what_was_done_with_another_input_is_not_done() {
    for (input, existing) in [("other", Existing::Replace), ("whole and more", Existing::Replace)] {
        let desk = Desk::new();
        let mut partial = desk.new_job();
        partial.write_all(b"whole").unwrap();
        partial.write_state(800, &5, true).unwrap();
        let state = desk.path("out.partial.state");
        let left = fs::read(&state).unwrap();
        partial.commit(800, &5).unwrap();
        fs::write(&state, &left).unwrap();
        fs::write(desk.path(INPUT), input.repeat(100)).unwrap();
        let refused = desk.begin(Existing::Refuse, "a").unwrap_err();
        assert!(matches!(refused, StoreError::Exists { .. }), "{refused}");
        assert!(matches!(desk.begin(existing, "a").unwrap(), Begun::New(_)), "{input}");
    }
}

#[test]
fn what_is_added_to_an_input_that_is_replaced_is_not_lost() {
    let desk = Desk::new();
    let begun = desk.begin_at(INPUT, Existing::Replace, "a").unwrap();
    let Begun::New(mut partial) = begun else { panic!("not new: {begun:?}") };
    partial.write_all(b"whole").unwrap();
    let mut longer = fs::read(desk.path(INPUT)).unwrap();
    longer.extend_from_slice(b"more");
    fs::write(desk.path(INPUT), &longer).unwrap();
    let refused = partial.commit(800, &5).unwrap_err();
    assert!(matches!(refused, StoreError::Unfinished { .. }), "{refused}");
    assert_eq!(fs::read(desk.path(INPUT)).unwrap(), longer);
    // Nor does it go on with what it had.
    let refused = desk.begin_at(INPUT, Existing::Replace, "a").unwrap_err();
    assert!(matches!(refused, StoreError::Unfinished { .. }), "{refused}");
}

#[test]
fn a_link_in_the_way_is_not_followed() {
    let desk = Desk::new();
    fs::write(desk.path("precious"), "precious").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(desk.path("precious"), desk.path("out.partial")).unwrap();
    #[cfg(not(unix))]
    fs::create_dir(desk.path("out.partial")).unwrap();
    let refused = desk.begin(Existing::Replace, "a");
    assert!(
        matches!(refused, Err(StoreError::Exists { path }) if path == desk.path("out.partial"))
    );
    assert_eq!(fs::read(desk.path("precious")).unwrap(), b"precious");
}

#[cfg(unix)]
#[test]
fn whoever_may_not_read_the_old_output_may_not_read_the_new_one() {
    use std::os::unix::fs::PermissionsExt;

    let desk = Desk::new();
    let mode = |name| fs::metadata(desk.path(name)).unwrap().permissions().mode() & 0o7777;
    fs::write(desk.path("out"), "old").unwrap();
    fs::set_permissions(desk.path("out"), fs::Permissions::from_mode(0o640)).unwrap();
    let Begun::New(partial) = desk.begin(Existing::Replace, "a").unwrap() else {
        panic!("not new")
    };
    assert_eq!(mode("out.partial"), 0o640);
    partial.commit(800, &0).unwrap();
    assert_eq!(mode("out"), 0o640);
}

#[test]
fn marks_are_due_by_share_of_the_work() {
    let desk = Desk::new();
    let mut partial = desk.new_job();
    let block = vec![7; usize::try_from(LEAST).unwrap() / 4];
    let mut marks = 0_u64;
    for _ in 0..4 * 64 {
        partial.write_all(&block).unwrap();
        if partial.is_due() {
            assert!(partial.written.length() - partial.marked >= LEAST);
            partial.mark(0, &0_u32).unwrap();
            assert!(!partial.is_due());
            marks += 1;
        }
    }
    // Each 64 KiB of the first 512, then each eighth: 8, and log(8) / log(8/7).
    assert!((8..=32).contains(&marks), "{marks}");
    partial.write_all(&block.repeat(4)).unwrap();
    assert!(!partial.is_due());
    partial.marked_at -= PAUSE;
    assert!(partial.is_due(), "however much was written before");
}
