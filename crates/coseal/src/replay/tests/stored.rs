//! What is written and read back, without a file: durable memories are made of
//! this.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

use super::*;

/// What a database would hold.
#[derive(Debug, Default, Clone)]
pub(super) struct Store(pub(super) BTreeMap<Vec<u8>, Vec<u8>>);

impl Store {
    pub(super) fn write(&mut self, records: Vec<ReplayRecord>) {
        for ReplayRecord { key, value } in records {
            assert!(key.len() <= 49 && value.as_ref().is_none_or(|value| value.len() <= 16 << 10));
            match value {
                Some(value) => self.0.insert(key, value),
                None => self.0.remove(&key),
            };
        }
    }

    pub(super) fn index(&self, window: Duration, skew: Duration) -> ReplayIndex {
        let mut index = ReplayIndex::durable(window, skew);
        for (key, value) in &self.0 {
            index.restore(key, value).unwrap();
        }
        index
    }
}

/// Every kind of record.
fn filled() -> ReplayIndex {
    let mut index = ReplayIndex::durable(WINDOW, SKEW);
    for sequence in 0..3000 {
        let place = Some(Position { log: sequence % 5, offset: sequence * sequence });
        index.observe(&sighting(sequence, 1000, place));
        index.observe(&sighting((1 << 32) + sequence * 2, 1000, None));
    }
    for sequence in 0..40_000 {
        index.observe(&sighting((1 << 33) + sequence * 7919 % 65_536, 1000, None));
    }
    index
}

#[test]
fn only_what_changed_is_written() {
    let mut index = filled();
    let all = index.take_changes();
    let kinds = |records: &[ReplayRecord]| {
        let mut kinds = [0; 4];
        records.iter().for_each(|record| kinds[usize::from(record.key[0])] += 1);
        kinds
    };
    assert_eq!(kinds(&all), [1, 5, 12, 2]);
    assert_eq!(index.take_changes(), []);
    index.observe(&sighting(77, 1000, None));
    index.observe(&sighting(78, 1000, Some(Position { log: 3, offset: 78 * 78 })));
    assert_eq!(index.take_changes(), [], "neither a replay nor a redelivery changes anything");

    index.observe(&sighting(9999, 1000, Some(Position { log: 3, offset: 0 })));
    index.observe(&sighting(9998, 1000, Some(Position { log: 3, offset: 1 })));
    let taken = index.take_changes();
    assert_eq!(kinds(&taken), [0, 0, 1, 0]);
    // It could not be written; meanwhile more came.
    index.observe(&sighting(9997, 1000, Some(Position { log: 3, offset: 2 })));
    index.put_back(&taken);
    index.put_back(&taken);
    let again = index.take_changes();
    assert_eq!(kinds(&again), [0, 0, 1, 0]);
    assert_ne!(again, taken, "as it is now, not as it was");

    // As early as can be, in a log of its own.
    let first = Sighting {
        sealed_at: Time::default(),
        ..sighting(5, 1000, Some(Position { log: 9, offset: 0 }))
    };
    index.observe(&Sighting { epoch: EpochId::from_bytes([8; 8]), ..first });
    assert_eq!(kinds(&index.take_changes()), [0, 1, 1, 0]);

    // Everything is forgotten: its records are removed.
    let mut store = Store::default();
    store.write(all);
    store.write(again);
    let far = |log| Sighting {
        epoch: EpochId::from_bytes([7; 8]),
        ..sighting(log, 90_000, Some(Position { log, offset: 0 }))
    };
    for log in [0, 1, 2, 3, 4, 9] {
        assert_eq!(index.observe(&far(log)), Observed::New);
    }
    let later = Sighting { now: Time::from_secs(99_000), ..far(0) };
    assert_eq!(index.observe(&later), Observed::Redelivery);
    store.write(index.take_changes());
    let left: Vec<u8> = store.0.keys().map(|key| key[0]).collect();
    assert_eq!(left, [0, 1, 1, 1, 1, 1, 1, 2], "horizon, six logs, one chunk");
}

#[test]
fn what_is_no_record_is_refused() {
    let mut store = Store::default();
    store.write(filled().take_changes());
    let refused = |key: &[u8], value: &[u8]| {
        let error = ReplayIndex::durable(WINDOW, SKEW).restore(key, value).unwrap_err();
        assert_eq!((error.code(), error.kind()), ("malformed", Some("structure")));
    };
    for (key, value) in &store.0 {
        ReplayIndex::durable(WINDOW, SKEW).restore(key, value).unwrap();
        refused(&key[1..], value);
        refused(&key[..key.len() - 1], value);
        refused(&[&key[..], &[0]].concat(), value);
        refused(&[&[4], &key[1..]].concat(), value);
        refused(key, &value[..7]);
        refused(key, &[&value[..], &[0x80]].concat());
    }
    let span = |number: u64| [&[3], &[0; 40][..], &number.to_be_bytes()].concat();
    let chunk = |number: u64| [&[2], &[0; 40][..], &number.to_be_bytes()].concat();
    let time = [0; 8];
    // Pages that no sequence leads to.
    refused(&span(1 << 48), &[&time[..], &[0, 0, 0]].concat());
    refused(&chunk(1 << 56), &[&time[..], &[0, 0, 0, 0]].concat());
    // Spans: none seen, beyond the end, an unknown form, too few bits, no bits.
    for bytes in [&[][..], &[0], &[0, 0x80, 0x80, 0x04, 0], &[0, 0xff, 0xff, 0x03, 1], &[2, 0, 0]] {
        refused(&span(0), &[&time, bytes].concat());
    }
    refused(&span(0), &[&time[..], &[1], &[0xff; 8191]].concat());
    refused(&span(0), &[&time[..], &[1], &[0; 8192]].concat());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_span_comes_back(
        lows in prop_oneof![
            prop::collection::vec(any::<u16>(), 1..200),
            prop::collection::vec(prop::sample::select(vec![0, 1, 2, 255, 65_533, 65_534, 65_535]), 1..20),
            (any::<u16>(), 1..6_u16).prop_map(|(start, step)| {
                (0..30_000).map(|index: u16| start.wrapping_add(index.wrapping_mul(step))).collect()
            }),
        ],
    ) {
        let mut index = ReplayIndex::durable(WINDOW, SKEW);
        let mut model = alloc::collections::BTreeSet::new();
        for (turn, &low) in lows.iter().enumerate() {
            let expected = if model.insert(low) { Observed::New } else { Observed::Replay };
            prop_assert_eq!(index.observe(&sighting(low.into(), 1000, None)), expected);
            if turn % 4000 == 3999 {
                // Packed, and added to again.
                let now = Time::from_secs(1000 + 90 * (turn as u64 / 4000 + 1));
                index.observe(&Sighting { now, ..sighting(u64::MAX, 1000, None) });
            }
        }
        let mut store = Store::default();
        store.write(index.take_changes());
        let mut index = store.index(WINDOW, SKEW);
        for low in 0..=u16::MAX {
            let seen = index.observe(&sighting(low.into(), 1000, None)) == Observed::Replay;
            prop_assert_eq!(seen, model.contains(&low), "{}", low);
        }
    }
}
