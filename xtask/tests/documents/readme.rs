//! The README: its shell commands run, from the document itself; its table
//! of crates is complete. Its Rust code is a doc test of the core.

use crate::command::{read, root, run, told};

/// The text of all blocks fenced with this word, in order.
fn blocks(document: &str, word: &str) -> Vec<String> {
    let fence = format!("```{word}");
    let mut blocks = Vec::new();
    let mut lines = document.lines();
    while lines.by_ref().any(|line| line.trim_end() == fence) {
        let block: Vec<&str> = lines.by_ref().take_while(|line| line.trim_end() != "```").collect();
        blocks.push(block.join("\n") + "\n");
    }
    blocks
}

#[test]
fn the_shell_commands_of_the_readme_run_as_they_stand() {
    let script = blocks(&read("README.md"), "sh").concat();
    for verb in ["coseal key", "coseal trust", "coseal seal", "coseal open", "coseal verify"] {
        assert!(script.contains(verb), "the README does not show {verb}");
    }
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), "sh", &["-euxc", &script]);
    assert!(output.status.success(), "{}", told(&output));
    // What the consumer got is what the producer had.
    let sealed = std::fs::read(folder.path().join("orders.jsonl")).unwrap();
    let opened = std::fs::read(folder.path().join("opened.jsonl")).unwrap();
    assert!(!sealed.is_empty());
    assert_eq!(opened, sealed);
}

#[test]
fn the_readme_knows_every_crate() {
    let readme = read("README.md");
    for entry in std::fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(readme.contains(&format!("| `{name}` |")), "the table of crates lacks {name}");
    }
}

#[test]
fn the_rust_of_the_readme_is_a_doc_test_of_the_core() {
    assert!(!blocks(&read("README.md"), "rust").is_empty());
    assert!(read("crates/coseal/src/lib.rs").contains("include_str!(\"../../../README.md\")"));
}

#[test]
fn blocks_are_found_by_their_word() {
    let document = "a\n```sh\none\n```\n```text\ntwo\n```\n```sh\nthree\n\nfour\n```\n";
    assert_eq!(blocks(document, "sh"), ["one\n", "three\n\nfour\n"]);
    assert_eq!(blocks(document, "rust"), [""; 0]);
}
