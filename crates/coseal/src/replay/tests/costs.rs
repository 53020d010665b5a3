//! What a message costs, counted by the allocator.

use super::*;

const MESSAGES: u64 = 1_000_000;

/// Bytes a message, of `messages` shown as `place` says: (epoch, sequence,
/// position).
fn cost(messages: u64, place: impl Fn(u64, u64) -> (u64, u64, Option<Position>)) -> f64 {
    let mut state = 88_172_645_463_325_252_u64;
    let mut index = ReplayIndex::new(WINDOW, SKEW);
    let signer = signer();
    let mut accepted = 0;
    let held = allocation_counter::measure(|| {
        for number in 0..messages {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let (epoch, sequence, position) = place(number, state);
            let now = Time::from_millis(number / 10);
            let epoch = EpochId::from_bytes(epoch.to_be_bytes());
            let sighting = Sighting { signer, epoch, sequence, sealed_at: now, position, now };
            accepted += u64::from(index.observe(&sighting) == Observed::New);
        }
    });
    assert!(accepted > messages * 9 / 10, "{accepted}");
    let real = usize::try_from(held.bytes_current).unwrap();
    // What it says of itself is an estimate, never much too low.
    let said = index.bytes();
    assert!(said * 10 >= real * 9 && said <= real * 3 / 2 + 4096, "{said}, in truth {real}");
    real as f64 / messages as f64
}

const fn at(log: u64, offset: u64) -> Option<Position> {
    Some(Position { log, offset })
}

#[test]
fn in_order_with_positions_a_message_costs_at_most_four_bytes() {
    let alone = cost(MESSAGES, |n, _| (n >> 20, n & 0xf_ffff, at(0, n)));
    assert!(alone <= 1.5, "{alone}");
    let spread = cost(MESSAGES, |n, _| (0, n, at(n % 12, n / 12)));
    assert!(spread <= 4.0, "{spread}");
    let among_others = cost(MESSAGES, |n, random| (0, n, at(0, 64 * n + random % 64)));
    assert!(among_others <= 4.0, "{among_others}");
    let both = cost(MESSAGES, |n, random| (0, n, at(random % 12, 8 * n + random % 7)));
    assert!(both <= 4.0, "{both}");
}

#[test]
fn in_order_without_positions_a_message_costs_at_most_half_a_byte() {
    let dense = cost(MESSAGES, |n, _| (n >> 20, n & 0xf_ffff, None));
    assert!(dense <= 0.01, "{dense}");
    let every_other = cost(MESSAGES, |n, _| (0, 2 * n, None));
    assert!(every_other <= 0.5, "{every_other}");
    let lossy = cost(MESSAGES, |n, _| (0, n + n / 20, None));
    assert!(lossy <= 0.5, "{lossy}");
}

#[test]
fn reordered_redelivered_and_lossy_it_stays_compact() {
    // One in twenty comes up to 1000 later; of what comes, one in twenty comes
    // again; one in a hundred was lost.
    let shuffled = |n: u64, random: u64| match random % 100 {
        0..5 => n.saturating_sub(random >> 54),
        5..10 => n.saturating_sub(3),
        _ => n + n / 100,
    };
    let positions = cost(MESSAGES, |n, random| (0, shuffled(n, random), at(0, n)));
    assert!(positions <= 4.0, "{positions}");
    let bare = cost(MESSAGES, |n, random| (0, shuffled(n, random), None));
    assert!(bare <= 0.5, "{bare}");
}

#[test]
fn whatever_a_signer_does_a_message_costs_at_most_250_bytes() {
    const HOSTILE: u64 = 200_000;
    let far = 0xffff_fff1;
    let worst = [
        cost(HOSTILE, |_, random| (random, random, at(random, !random))),
        cost(HOSTILE, |n, random| (n, u64::MAX, at(random, random))),
        cost(HOSTILE, |_, random| (random, random, None)),
        cost(HOSTILE, |n, random| (0, n * far, at(random, !random))),
        cost(HOSTILE, |n, random| (0, u64::MAX - n * far, at(random, !random))),
        cost(HOSTILE, |_, random| (0, random, at(random, !random))),
        cost(HOSTILE, |_, random| (0, random, None)),
        cost(HOSTILE, |n, random| (0, u64::MAX - n * far, at(0, random))),
        cost(HOSTILE, |n, random| {
            (0, (n / 2 * far) << 16 | (n % 2 * 77), None).min((0, random, None))
        }),
        cost(HOSTILE, |n, random| (0, n * 3 % HOSTILE * 128, at(random, !random))),
        // Two each in epochs of their own, far enough apart for a bitmap.
        cost(HOSTILE, |n, _| (n / 2, n % 2 * 77, None)),
        cost(HOSTILE, |n, random| (n / 2, n % 2 * 77, at(random, !random))),
    ];
    // Some 20 of them are what is held open, whatever there is.
    assert!(worst.iter().all(|&bytes| bytes <= 250.0), "{worst:?}");
}
