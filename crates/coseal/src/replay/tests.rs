mod costs;
mod model;
mod stored;

use alloc::vec::Vec;

use super::*;

const WINDOW: Duration = Duration::from_secs(600);
const SKEW: Duration = Duration::from_secs(60);

fn signer() -> Thumbprint {
    Thumbprint::of_ed25519(&[1; 32])
}

fn sighting(sequence: u64, secs: u64, position: Option<Position>) -> Sighting {
    let now = Time::from_secs(secs);
    let epoch = EpochId::from_bytes([1; 8]);
    Sighting { signer: signer(), epoch, sequence, sealed_at: now, position, now }
}

#[test]
fn without_positions_every_repetition_is_a_replay() {
    let memory = InMemoryReplay::new(WINDOW, SKEW);
    for sequence in [5, 3, 4, 0, 9, 1, u64::MAX, 2] {
        assert_eq!(memory.observe(&sighting(sequence, 1000, None)).unwrap(), Observed::New);
        assert_eq!(memory.observe(&sighting(sequence, 1000, None)).unwrap(), Observed::Replay);
    }
    for sequence in [0, 1, 2, 3, 4, 5, 9, u64::MAX] {
        assert_eq!(memory.observe(&sighting(sequence, 1000, None)).unwrap(), Observed::Replay);
    }
    assert_eq!(memory.observe(&sighting(6, 1000, None)).unwrap(), Observed::New);
}

#[test]
fn at_the_same_position_it_is_a_redelivery() {
    let memory = InMemoryReplay::new(WINDOW, SKEW);
    let here = Some(Position { log: 0, offset: 7 });
    let elsewhere = Some(Position { log: 1, offset: 7 });
    assert_eq!(memory.observe(&sighting(1, 1000, here)).unwrap(), Observed::New);
    assert_eq!(memory.observe(&sighting(1, 1000, elsewhere)).unwrap(), Observed::Replay);
    assert_eq!(memory.observe(&sighting(1, 1000, here)).unwrap(), Observed::Redelivery);
    assert_eq!(memory.latest(0, &signer()), Some(Time::from_secs(1000)));
    assert_eq!(memory.latest(1, &signer()), None);
}

#[test]
fn nothing_within_the_window_is_forgotten() {
    let memory = InMemoryReplay::new(WINDOW, SKEW);
    assert_eq!(memory.observe(&sighting(1, 1000, None)).unwrap(), Observed::New);
    for secs in (1000..=1000 + 600 + 120).step_by(30) {
        let again = Sighting { sealed_at: Time::from_secs(1000), ..sighting(1, secs, None) };
        assert_eq!(memory.observe(&again).unwrap(), Observed::Replay, "{secs}");
    }
    // Long after, the epoch is gone; by then its messages are too old.
    let other = Sighting { epoch: EpochId::from_bytes([2; 8]), ..sighting(1, 9000, None) };
    assert_eq!(memory.observe(&other).unwrap(), Observed::New);
    let index = memory.index.lock();
    assert_eq!(index.signers.values().map(|signer| signer.epochs.len()).sum::<usize>(), 1);
}

#[test]
fn a_refused_replay_is_refused_again() {
    let memory = InMemoryReplay::new(WINDOW, SKEW);
    let here = Some(Position { log: 0, offset: 7 });
    assert_eq!(memory.observe(&sighting(1, 1000, None)).unwrap(), Observed::New);
    for _ in 0..3 {
        assert_eq!(memory.observe(&sighting(1, 1000, here)).unwrap(), Observed::Replay);
    }
    assert_eq!(memory.latest(0, &signer()), None, "a replay moved the log's time");
}

#[test]
fn a_log_that_lags_keeps_what_others_left_behind() {
    let memory = InMemoryReplay::new(WINDOW, SKEW);
    let at = |log, offset| Some(Position { log, offset });
    let other = |id: u8, sequence, secs, position| Sighting {
        epoch: EpochId::from_bytes([id; 8]),
        ..sighting(sequence, secs, position)
    };
    // Seen in log 0; log 1 stands at the same time and stays there.
    assert_eq!(memory.observe(&other(1, 0, 1000, at(0, 1))).unwrap(), Observed::New);
    assert_eq!(memory.observe(&other(2, 0, 1000, at(1, 1))).unwrap(), Observed::New);
    for secs in (2000..9000).step_by(500) {
        let seen = memory.observe(&other(3, secs, secs, at(0, secs))).unwrap();
        assert_eq!(seen, Observed::New);
    }
    let copied = Sighting { sealed_at: Time::from_secs(1000), ..other(1, 0, 9000, at(1, 2)) };
    assert_eq!(memory.observe(&copied).unwrap(), Observed::Replay);
}

#[test]
fn a_clock_that_went_back_brings_nothing_back() {
    let memory = InMemoryReplay::new(WINDOW, SKEW);
    assert_eq!(memory.observe(&sighting(1, 1000, None)).unwrap(), Observed::New);
    let ahead = Sighting { epoch: EpochId::from_bytes([2; 8]), ..sighting(1, 5000, None) };
    assert_eq!(memory.observe(&ahead).unwrap(), Observed::New);
    assert_eq!(memory.observe(&sighting(1, 1000, None)).unwrap(), Observed::Replay);
}

#[test]
fn borders_are_exact() {
    let borders = [0, 1 << 8, 1 << 16, 1 << 24, 1 << 32, 1 << 63, u64::MAX];
    let around: Vec<u64> = borders
        .iter()
        .flat_map(|border: &u64| {
            (0..3).flat_map(|by| [border.wrapping_add(by), border.wrapping_sub(by)])
        })
        .collect();
    for with_positions in [true, false] {
        let mut index = ReplayIndex::new(WINDOW, SKEW);
        let mut seen = alloc::collections::BTreeSet::new();
        for round in 0..2 {
            // Closed chunks have to answer as open ones do.
            index.most_open_runs = if round == 0 { 0 } else { 1 << 10 };
            for &sequence in &around {
                let at = |by: u64| {
                    let offset = sequence.wrapping_add(by);
                    with_positions.then_some(Position { log: sequence >> 62, offset })
                };
                let expected = match (seen.insert(sequence), with_positions) {
                    (true, _) => Observed::New,
                    (false, true) => Observed::Redelivery,
                    (false, false) => Observed::Replay,
                };
                assert_eq!(index.observe(&sighting(sequence, 1000, at(0))), expected, "{sequence}");
                assert_eq!(index.observe(&sighting(sequence, 1000, at(1))), Observed::Replay);
                assert_eq!(index.observe(&sighting(sequence, 1000, None)), Observed::Replay);
            }
        }
        assert_eq!(seen.len(), 7 * 5 - 4, "0 and the largest lie beside each other");
    }
}

#[test]
fn positions_that_nobody_can_ask_for_are_dropped_but_not_what_was_seen() {
    let mut index = ReplayIndex::new(WINDOW, SKEW);
    let at = |log, offset| Some(Position { log, offset });
    let other = Sighting { epoch: EpochId::from_bytes([9; 8]), ..sighting(0, 1000, at(1, 0)) };
    assert_eq!(index.observe(&other), Observed::New);
    // Log 1 stands still; log 0 goes on for a day, its offsets hard to predict.
    for secs in 1000..87_400 {
        let place = at(0, secs * 1000 + secs * secs % 997);
        assert_eq!(index.observe(&sighting(secs, secs, place)), Observed::New);
    }
    // Of a thousand the positions are known, in lists; and which others were seen.
    assert!(index.bytes() < 32_000, "{}", index.bytes());
    for secs in 1000..87_400 {
        let copied =
            Sighting { sealed_at: Time::from_secs(secs), ..sighting(secs, 87_400, at(1, secs)) };
        assert_eq!(index.observe(&copied), Observed::Replay);
    }
    let recent = Sighting { now: Time::from_secs(87_400), ..sighting(87_000, 87_000, None) };
    let here = at(0, 87_000 * 1000 + 87_000 * 87_000 % 997);
    assert_eq!(index.observe(&Sighting { position: here, ..recent }), Observed::Redelivery);
}

#[test]
fn a_log_that_is_new_and_lags_is_no_reason_to_refuse() {
    let mut index = ReplayIndex::new(WINDOW, SKEW);
    let at = |log, offset| Some(Position { log, offset });
    for secs in 1000..9000 {
        assert_eq!(index.observe(&sighting(secs, secs, at(0, secs))), Observed::New);
    }
    // Another log is taken over, a long way behind: nothing of it was seen.
    for secs in 2000..3000 {
        let late =
            Sighting { now: Time::from_secs(9000), ..sighting(100_000 + secs, secs, at(1, secs)) };
        assert_eq!(index.observe(&late), Observed::New);
        assert_eq!(index.observe(&late), Observed::Redelivery);
    }
}

#[test]
fn what_was_forgotten_stays_refused_when_the_window_grows() {
    let mut store = stored::Store::default();
    let mut index = ReplayIndex::durable(WINDOW, SKEW);
    for secs in (1000..9000).step_by(10) {
        for log in [0, 1] {
            let place = Some(Position { log, offset: secs });
            let seen = sighting(2 * secs + log, secs, place);
            assert_eq!(index.observe(&seen), Observed::New);
        }
    }
    store.write(index.take_changes());
    let mut index = store.index(WINDOW * 100, SKEW);
    let mut refused = 0;
    for secs in (1000..9000).step_by(10) {
        let place = Some(Position { log: 1, offset: 10_000 + secs });
        let copied = Sighting { now: Time::from_secs(9000), ..sighting(2 * secs, secs, place) };
        assert_eq!(index.observe(&copied), Observed::Replay, "{secs}");
        refused += 1;
    }
    assert_eq!(refused, 800);
}

#[test]
fn an_epoch_that_never_ends_is_forgotten_in_parts() {
    for log in [Some(0), None] {
        let mut index = ReplayIndex::new(WINDOW, SKEW);
        let mut most = 0;
        for sequence in 0..600_000_u64 {
            // Ten a second, every seventh is missing.
            let place = log.map(|log| Position { log, offset: sequence * 3 });
            index.observe(&sighting(sequence + sequence / 6, 1000 + sequence / 10, place));
            if sequence % 10_000 == 0 {
                most = most.max(index.bytes());
            }
        }
        // 9,000 messages lie in the window and its margin, and the page that
        // the oldest of them share with older ones.
        let allowed = if log.is_some() { 256_000 } else { 48_000 };
        assert!(most < allowed, "{most}");
    }
}
