//! `docs/runbooks/`: every command of every runbook, played as it is written,
//! in a fresh folder, by a shell.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[path = "runbooks/document.rs"]
mod document;
#[path = "runbooks/play.rs"]
mod play;
#[path = "runbooks/shown.rs"]
mod shown;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use coseal::{RecipientKey, Sealer, SigningKey, Time};

use document::{Block, Document};
use play::play;

/// What whoever is woken at night looks for, in this order.
const SECTIONS: [&str; 6] = [
    "When",
    "What you need",
    "Steps",
    "How to tell that it worked",
    "How to go back",
    "What it cannot do",
];

/// What has to have happened before, where something has; it is played first.
const DRILL: &str = "In the drill";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/runbooks")
}

/// Every runbook there is: what is in the folder, but for the index and the fleet.
fn runbooks() -> Vec<Document> {
    let mut paths: Vec<_> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.retain(|path| !path.ends_with("README.md") && !path.ends_with("before.md"));
    paths.iter().map(|path| Document::read(path)).collect()
}

/// In order, and as far back as one can go from: the steps, and what follows
/// them; and for each way back the steps until there, and that way.
fn plays(runbook: &Document) -> Vec<(String, Vec<&Block>)> {
    let of = |section: &'static str| runbook.blocks.iter().filter(move |at| at.section == section);
    let mut plays = Vec::new();
    let worked = of("How to tell that it worked");
    let all = of(DRILL).chain(of("Steps")).chain(worked).collect();
    plays.push((runbook.name.clone(), all));
    let mut backs: Vec<u32> = of("How to go back").map(|block| block.step).collect();
    backs.dedup();
    for step in backs {
        let until = of("Steps").filter(|block| block.step <= step);
        let back = of("How to go back").filter(|block| block.step == step);
        let blocks = of(DRILL).chain(until).chain(back).collect();
        plays.push((format!("{}, back after step {step}", runbook.name), blocks));
    }
    plays
}

#[test]
fn every_runbook_does_what_it_says() {
    let before = Document::read(&folder().join("before.md"));
    assert!(!before.blocks.is_empty());
    let runbooks = runbooks();
    let plays: Vec<_> = runbooks.iter().flat_map(plays).collect();
    let failures: Vec<String> = thread::scope(|scope| {
        let start = |(name, blocks)| {
            let blocks: Vec<_> = before.blocks.iter().chain(blocks).collect();
            scope.spawn(move || play(&blocks).map_err(|why| format!("{name}: {why}")))
        };
        let played: Vec<_> = plays.into_iter().map(start).collect();
        played.into_iter().filter_map(|play| play.join().unwrap().err()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn every_runbook_has_what_is_looked_for_at_night() {
    let runbooks = runbooks();
    assert!(!runbooks.is_empty());
    for runbook in &runbooks {
        let name = &runbook.name;
        let sections: Vec<_> =
            runbook.sections.iter().map(String::as_str).filter(|each| *each != DRILL).collect();
        assert_eq!(sections, SECTIONS, "{name}");
        let steps: Vec<u32> = runbook.blocks_of("Steps").map(|block| block.step).collect();
        let last = *steps.last().unwrap_or_else(|| panic!("{name} has no commands"));
        assert!((1..=last).all(|step| steps.contains(&step)), "{name}: a step has no commands");
        let worked = runbook.blocks_of("How to tell that it worked");
        assert!(worked.filter(|block| block.shown.is_some()).count() > 0, "{name} shows nothing");
        for block in runbook.blocks_of("How to go back") {
            assert!((1..=last).contains(&block.step), "{name}:{}: after which step?", block.line);
        }
    }
}

#[test]
fn the_index_names_every_runbook_and_nothing_else() {
    let index = Document::read(&folder().join("README.md"));
    assert!(index.blocks.is_empty(), "the index is read, not played");
    let mut linked: Vec<&str> =
        index.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    linked.sort_unstable();
    linked.dedup();
    let mut there: Vec<String> = runbooks().iter().map(|each| each.name.clone()).collect();
    there.push("before.md".to_owned());
    there.sort_unstable();
    let linked: Vec<_> = linked.into_iter().filter(|each| !each.starts_with("..")).collect();
    assert_eq!(linked, there);
}

/// What the word `forge` of the drill does: seals with a clock that lies, which
/// the command cannot. The runner starts it as well, without a task.
#[test]
fn what_a_thief_does() {
    let Ok(words) = std::env::var("COSEAL_FORGE") else { return };
    let words: Vec<&str> = words.split_whitespace().collect();
    let [key, claimed, to, out] = words[..] else { panic!("forge KEY TIME TO.pub OUT") };
    let pem = |path: &str| fs::read_to_string(path).unwrap();
    let claimed: jiff::Timestamp = claimed.parse().unwrap();
    let claimed = Time::from_millis(claimed.as_millisecond().try_into().unwrap());
    let sealer = Sealer::builder(SigningKey::from_pem(&pem(key)).unwrap(), "orders.eu")
        .recipient(&RecipientKey::from_pem(&pem(to)).unwrap())
        .clock(move || claimed)
        .build()
        .unwrap();
    fs::write(out, sealer.seal(b"{\"order\":\"forged\"}").unwrap()).unwrap();
}
