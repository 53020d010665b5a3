//! What must not be in the repository: paths of somebody's machine, tests that
//! are switched off, notes to oneself.

use std::fs;

use crate::checkout::Checkout;
use crate::step::{Failure, Finding};

/// Folders that exist on one machine only. Where one of them begins a word, it
/// is a path of that machine; inside a longer path or an address it is not.
const MACHINE_FOLDERS: [&str; 6] =
    ["/home/", "/root/", "/Users/", "/tmp/", "/work/", "C:\\Users\\"];

// Put together from halves, so that this file does not contain what it looks for.
const SWITCHED_OFF: [&str; 2] = [concat!("#[ig", "nore"), concat!("```ig", "nore")];
const NOTES: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("todo", "!(")];

pub(super) fn tidy(checkout: &Checkout) -> Result<Finding, Failure> {
    let mut faults = Vec::new();
    let mut looked_at = 0_usize;
    for path in checkout.files()? {
        let bytes = fs::read(checkout.root().join(&path))
            .map_err(|e| Failure::new(format!("{path}: {e}")))?;
        // What is not text (a fuzzing corpus, a sample) holds no notes.
        let Ok(text) = String::from_utf8(bytes) else {
            continue;
        };
        looked_at += 1;
        for (number, line) in text.lines().enumerate() {
            if path != "xtask/src/checks/repository.rs"
                && let Some(what) = fault(line)
            {
                faults.push(format!("{path}:{}: {what}", number + 1));
            }
        }
    }
    if looked_at == 0 {
        return Err(Failure::new("the repository holds no text files"));
    }
    Failure::unless_empty(&faults)?;
    Ok(Finding::Passed(format!("{looked_at} files")))
}

fn fault(line: &str) -> Option<String> {
    if let Some(folder) = MACHINE_FOLDERS.iter().find(|folder| begins_a_word(line, folder)) {
        return Some(format!("names a folder of one machine: {folder}"));
    }
    if let Some(mark) = SWITCHED_OFF.iter().find(|mark| line.contains(**mark)) {
        return Some(format!("a test that does not run: {mark}"));
    }
    let note = NOTES.iter().find(|note| line.contains(**note))?;
    Some(format!("a note to oneself: {note}"))
}

fn begins_a_word(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        line.get(..at)
            .and_then(|before| before.chars().next_back())
            .is_none_or(|c| c.is_whitespace() || "\"'`=(<[:,".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn machine_folders_are_found_at_the_beginning_of_words_only() {
        for bad in ["/home/ann/x", "see `/tmp/x`", "PATH=/root/bin", "file:/work/a"] {
            assert!(fault(bad).is_some(), "{bad}");
        }
        for good in ["https://example.com/home/x", "target/tmp/x", "a/root/b"] {
            assert_eq!(fault(good), None, "{good}");
        }
    }

    #[test]
    fn notes_and_switched_off_tests_are_found() {
        for bad in
            ["#[ignore]", "    #[ignore = \"slow\"]", "```ignore", "// TODO: x", "FIXME", "todo!()"]
        {
            assert!(fault(bad).is_some(), "{bad}");
        }
        assert_eq!(fault("what is ignored, to do, or fixed"), None);
    }
}
