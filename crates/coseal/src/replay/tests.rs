use super::*;

const WINDOW: Duration = Duration::from_secs(600);
const SKEW: Duration = Duration::from_secs(60);

fn signer() -> Thumbprint {
    *crate::key::SigningKey::from_bytes(&[1; 32]).verifying_key().thumbprint()
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
    assert_eq!(memory.state.lock().epochs.len(), 1);
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
