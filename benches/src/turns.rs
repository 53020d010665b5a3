//! How sides are measured against each other: in turns, so that noise hits all.

use std::time::{Duration, Instant};

/// Which turn of a side counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// The fastest: noise only ever adds.
    Fastest,
    /// The one in the middle, where the work itself is left to chance: the
    /// fastest would be a lucky one.
    Median,
}

/// How much time a measurement may take.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Turns of each side.
    pub turns: u32,
    /// Which of them counts.
    pub counts: Counts,
    /// How long a turn lasts at least.
    pub turn: Duration,
    /// Bytes of payload in a batch.
    pub most: usize,
    /// Batches of the streams that are read in some order.
    pub stream: usize,
    /// Records of the largest trust bundle.
    pub records: u32,
}

impl Effort {
    /// For figures.
    pub const FULL: Self = Self {
        turns: 41,
        counts: Counts::Fastest,
        turn: Duration::from_millis(4),
        most: crate::shape::MOST,
        stream: 64,
        records: 10_000,
    };

    /// To see that everything runs: seconds, without optimisation too.
    pub const QUICK: Self = Self {
        turns: 1,
        counts: Counts::Fastest,
        turn: Duration::ZERO,
        most: 64 << 10,
        stream: 8,
        records: 100,
    };

    /// The same with turns so many times as long.
    #[must_use]
    pub const fn longer(self, times: u32) -> Self {
        Self { turn: self.turn.saturating_mul(times), ..self }
    }
}

/// Does something so many times, and answers how long that took.
pub type Side<'a> = dyn FnMut(u32) -> Duration + 'a;

/// A side that does nothing but this.
pub fn repeat(mut work: impl FnMut()) -> impl FnMut(u32) -> Duration {
    move |rounds| {
        let start = Instant::now();
        for _ in 0..rounds {
            work();
        }
        start.elapsed()
    }
}

/// Nanoseconds a round, of each side.
pub fn in_turns(effort: Effort, sides: &mut [&mut Side<'_>]) -> Vec<f64> {
    let mut told: Vec<(u32, Vec<f64>)> =
        sides.iter_mut().map(|side| (rounds(side, effort.turn), Vec::new())).collect();
    for _ in 0..effort.turns {
        for (side, (rounds, turns)) in sides.iter_mut().zip(&mut told) {
            let ns = side(*rounds).as_secs_f64() * 1e9;
            turns.push(ns / f64::from(*rounds));
        }
    }
    let counts = |mut turns: Vec<f64>| {
        turns.sort_by(f64::total_cmp);
        let index = match effort.counts {
            Counts::Fastest => 0,
            Counts::Median => turns.len() / 2,
        };
        turns.get(index).copied().unwrap_or(f64::NAN)
    };
    told.into_iter().map(|(_, turns)| counts(turns)).collect()
}

/// As many as fill a turn: found by doubling, so that what a side does once a
/// turn is not taken for what it does once a round.
fn rounds(side: &mut Side<'_>, turn: Duration) -> u32 {
    side(1);
    let mut rounds = 1_u32;
    while side(rounds) < turn {
        rounds = rounds.saturating_mul(2);
    }
    rounds
}
