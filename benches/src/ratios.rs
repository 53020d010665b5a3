//! coseal beside the floor, case by case: which cases there are, and what of
//! each is kept.

use crate::turns::{Effort, Side, in_turns};
use coseal::Result;
use serde::Serialize;

mod decode;
mod known;
mod messages;
mod order;
mod threads;
mod trust;

/// What one case came to. Times are those of a message; in group `trust`, of a
/// bundle.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What was done.
    pub group: &'static str,
    /// With what.
    pub case: String,
    /// By coseal.
    pub ns: f64,
    /// By the floor.
    pub floor_ns: f64,
    /// The one divided by the other.
    pub ratio: f64,
}

/// Measures every case whose name, `group/case`, contains one of the words, or
/// every case where there are no words.
///
/// # Errors
///
/// `entropy`; any other where coseal does not open what it sealed.
pub fn measure(effort: Effort, words: &[String]) -> Result<Vec<Row>> {
    let mut bench = Bench { effort, words, rows: Vec::new() };
    messages::measure(&mut bench)?;
    known::measure(&mut bench)?;
    decode::measure(&mut bench)?;
    trust::measure(&mut bench)?;
    order::measure(&mut bench)?;
    threads::measure(&mut bench)?;
    // Measured shape by shape, read group by group.
    bench.rows.sort_by_key(|row| GROUPS.iter().position(|group| *group == row.group));
    Ok(bench.rows)
}

const GROUPS: [&str; 8] =
    ["seal", "open", "verify", "known", "decode", "trust", "order", "threads"];

struct Bench<'a> {
    effort: Effort,
    words: &'a [String],
    rows: Vec<Row>,
}

impl Bench<'_> {
    fn wants(&self, group: &str, case: &str) -> bool {
        let name = format!("{group}/{case}");
        self.words.is_empty() || self.words.iter().any(|word| name.contains(word.as_str()))
    }

    /// Measures one case; a round of either side is so many messages.
    fn add(
        &mut self,
        group: &'static str,
        case: &str,
        messages: usize,
        ours: &mut Side<'_>,
        floor: &mut Side<'_>,
    ) {
        self.add_with(self.effort, group, case, messages, ours, floor);
    }

    fn add_with(
        &mut self,
        effort: Effort,
        group: &'static str,
        case: &str,
        messages: usize,
        ours: &mut Side<'_>,
        floor: &mut Side<'_>,
    ) {
        let messages = f64::from(u32::try_from(messages).unwrap_or(1));
        let mut times = in_turns(effort, &mut [ours, floor]).into_iter().map(|ns| ns / messages);
        let (Some(ns), Some(floor_ns)) = (times.next(), times.next()) else { return };
        let ratio = ns / floor_ns;
        eprintln!("{group:7} {case:36} {ns:12.0} ns {floor_ns:12.0} ns {ratio:6.2}");
        self.rows.push(Row { group, case: case.into(), ns, floor_ns, ratio });
    }
}
