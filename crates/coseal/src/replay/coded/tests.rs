use alloc::vec;
use proptest::prelude::*;

use super::*;

const fn run(first: u8, last: u8, log: u64, offset: u64) -> Run {
    Run { first, last, log, offset }
}

#[test]
fn runs_come_back_and_cost_what_is_said() {
    let far = u64::MAX;
    let cases: [(&[Run], usize); 6] = [
        (&[run(0, 255, 0, 0)], 6),
        (&[run(0, 0, 0, 0)], 4),
        (&[run(255, 255, far, far)], 14),
        (&[run(0, 1, far, 0), run(3, 9, 0, far - 6), run(255, 255, far, far)], 21),
        (&[run(0, 0, 7, 5), run(1, 1, 7, 9), run(2, 2, 7, 8)], 8),
        (&[run(10, 10, 3, 100), run(11, 11, 3, 150), run(12, 12, 4, 99)], 11),
    ];
    for (runs, len) in cases {
        let bytes = encode(runs);
        assert_eq!(decode(&bytes).as_deref(), Some(runs));
        assert_eq!(bytes.len(), len, "{runs:?}");
        for cut in 0..bytes.len() {
            assert_ne!(decode(&bytes[..cut]).as_deref(), Some(runs));
        }
        assert_eq!(decode(&[&bytes[..], &[0x80]].concat()), None, "what follows is no run");
    }
}

#[test]
fn every_sequence_may_be_in_a_log_of_its_own() {
    let runs: Vec<Run> = (0..=255)
        .rev()
        .map(|low| run(255 - low, 255 - low, u64::from(low) << 56, u64::MAX))
        .collect();
    let bytes = encode(&runs);
    assert_eq!(decode(&bytes), Some(runs));
    assert!(bytes.len() <= 256 * 24, "{}", bytes.len());
}

#[test]
fn what_is_no_chunk_is_refused() {
    let cases: [&[u8]; 9] = [
        &[],
        // One log, but which?
        &[0],
        // No runs.
        &[0, 0],
        // 257 logs.
        &[0x80, 0x02, 0],
        // The second log is beyond the last number.
        &[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0, 0, 0],
        // A gap to sequence 256.
        &[0, 0, 0x80, 0x04, 0],
        // A run from 255 on, of two.
        &[0, 0, 0xff, 0x03, 0, 0],
        // Offsets beyond the last: from -1, two.
        &[0, 0, 1, 0, 1],
        // A number of more than 64 bits.
        &[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0],
    ];
    for bytes in cases {
        assert_eq!(decode(bytes), None, "{bytes:02x?}");
    }
}

#[test]
fn numbers_come_back() {
    for number in [0, 1, 127, 128, 1 << 32, u64::MAX - 1, u64::MAX, 1 << 63] {
        let mut bytes = vec![];
        put(&mut bytes, number);
        assert_eq!(take(&mut &bytes[..]), Some(number));
        assert_eq!(unzigzag(zigzag(number)), number);
    }
    assert_eq!((zigzag(0), zigzag(u64::MAX), zigzag(1)), (0, 1, 2));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Some(runs) = decode(&bytes) {
            prop_assert!(runs.windows(2).all(|two| two[0].last < two[1].first));
            prop_assert_eq!(decode(&encode(&runs)), Some(runs));
        }
    }
}
