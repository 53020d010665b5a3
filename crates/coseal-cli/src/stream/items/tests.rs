#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::io;

use coseal::sequence::Fault;
use proptest::prelude::*;

use super::*;

/// Gives its bytes in pieces of the given sizes, as a pipe may.
struct Trickle<'a>(&'a [u8], Vec<usize>);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = self.1.pop().unwrap_or(BLOCK).max(1);
        let take = want.min(self.0.len()).min(buffer.len());
        buffer[..take].copy_from_slice(&self.0[..take]);
        self.0 = &self.0[take..];
        Ok(take)
    }
}

/// (offset, bytes) of every item, `None` for one passed over; and how it ended.
type Read_ = (Vec<(u64, Option<Vec<u8>>)>, Option<NotASequence>);

fn items(input: &[u8], sizes: Vec<usize>, encoding: Encoding, limit: usize) -> Read_ {
    let (mut all, mut end) = (Vec::new(), None);
    for block in Items::new("-", Trickle(input, sizes), encoding, limit) {
        assert!(end.is_none(), "nothing follows the end");
        for item in &block.items {
            assert_eq!(item.index, all.len() as u64);
            all.push((item.offset, block.bytes(item).map(<[u8]>::to_vec)));
        }
        match block.end {
            Some(End::NotASequence(fault, index)) => {
                assert_eq!(index, all.len() as u64);
                end = Some(fault);
            }
            Some(End::Failed(failure)) => panic!("{failure:?}"),
            None => {}
        }
    }
    (all, end)
}

fn here(offset: u64, bytes: &[u8]) -> (u64, Option<Vec<u8>>) {
    (offset, Some(bytes.to_vec()))
}

#[test]
fn a_sequence_is_cut_where_its_items_end() {
    let input = [0x01, 0x82, 0x02, 0x03, 0x41, 0xff];
    let expected = vec![here(0, &[1]), here(1, &[0x82, 2, 3]), here(4, &[0x41, 0xff])];
    assert_eq!(items(&input, vec![], Encoding::Cbor, 100), (expected, None));
    assert_eq!(items(&[], vec![], Encoding::Cbor, 100), (vec![], None));
}

#[test]
fn what_is_no_item_ends_the_input() {
    let (all, end) = items(&[0x01, 0x02, 0x1c, 0x03], vec![], Encoding::Cbor, 100);
    assert_eq!(all.len(), 2);
    let end = end.unwrap();
    assert_eq!((end.start, end.at, end.fault), (2, 2, Fault::Reserved));
    let (all, end) = items(&[0x01, 0x42, 0x1c], vec![], Encoding::Cbor, 100);
    assert_eq!((all.len(), end.unwrap().fault), (1, Fault::Ended));
}

#[test]
fn what_is_too_large_is_passed_over() {
    let mut input = vec![0x41, 7, 0x59, 0x01, 0x00];
    input.extend([7; 256]);
    input.extend([0x62, b'h', b'i']);
    for sizes in [vec![], vec![1; 400], vec![100; 9]] {
        let expected = vec![here(0, &[0x41, 7]), (2, None), here(261, b"\x62hi")];
        assert_eq!(items(&input, sizes.clone(), Encoding::Cbor, 258), (expected, None));
        assert_eq!(items(&input, sizes, Encoding::Cbor, 259).0[1].1.as_ref().unwrap().len(), 259);
    }
}

#[test]
fn base64_is_cut_at_lines() {
    let input = b"AAAA\r\n\n  BBBB \nCC";
    let expected = vec![here(0, b"AAAA"), here(7, b"BBBB"), here(15, b"CC")];
    assert_eq!(items(input, vec![1; 30], Encoding::Base64, 100), (expected, None));
    // 3 bytes are 4 characters, and two may end the line.
    let input = b"AAAABBBBCCCC\nAAAA\r\n";
    assert_eq!(
        items(input, vec![2; 30], Encoding::Base64, 3).0,
        vec![(0, None), here(13, b"AAAA")]
    );
    assert_eq!(items(b"AAAABBBBCCCC", vec![2; 30], Encoding::Base64, 3).0, vec![(0, None)]);
}

#[test]
fn many_small_items_come_in_bounded_blocks() {
    let input = vec![0; 3 * BLOCK];
    let blocks: Vec<Block> = Items::new("-", input.as_slice(), Encoding::Cbor, 100).collect();
    assert!(blocks.iter().all(|block| block.items.len() <= ITEMS));
    assert_eq!(blocks.iter().map(|block| block.items.len()).sum::<usize>(), input.len());
    assert_eq!(blocks.last().unwrap().items.last().unwrap().offset, input.len() as u64 - 1);
}

#[test]
fn large_items_grow_the_buffer_once() {
    let mut input = vec![0x5a, 0, 0x10, 0, 0];
    input.resize(5 + (1 << 20), 9);
    input.push(0);
    let (all, end) = items(&input, vec![], Encoding::Cbor, 2 << 20);
    assert_eq!((all.len(), end), (2, None));
    assert_eq!(all[0].1.as_ref().unwrap(), &input[..input.len() - 1]);
}

/// Passed on from an item on: every byte in order, the items among them, and
/// how it ended.
fn passed_on(
    input: &[u8],
    sizes: Vec<usize>,
    encoding: Encoding,
    limit: usize,
    (index, offset): (u64, u64),
) -> (Vec<u8>, Vec<Item>, Option<NotASequence>) {
    let (mut raw, mut all, mut end) = (Vec::new(), Vec::new(), None);
    let rest = Trickle(&input[usize::try_from(offset).unwrap()..], sizes);
    for block in Items::new("-", rest, encoding, limit).from(index, offset) {
        assert!(end.is_none(), "nothing follows the end");
        for item in &block.items {
            assert_eq!(item.is_piece(), item.end.is_none());
            raw.extend_from_slice(block.raw(item));
            if let Some(bytes) = block.bytes(item) {
                let whole = &input[usize::try_from(item.offset).unwrap()..];
                assert!(encoding == Encoding::Base64 || whole.starts_with(bytes));
            }
            if !item.is_piece() {
                // Where it lies in memory depends on how it was read.
                all.push(Item { raw: 0..0, content: Content::Piece, ..item.clone() });
            }
        }
        match block.end {
            Some(End::NotASequence(fault, _)) => end = Some(fault),
            Some(End::Failed(failure)) => panic!("{failure:?}"),
            None => {}
        }
    }
    (raw, all, end)
}

#[test]
fn what_is_too_large_is_passed_on_in_pieces() {
    let mut input = vec![0x41, 7, 0x5a, 0, 8, 0, 0];
    input.resize(7 + (8 << 16), 9);
    input.extend([0x62, b'h', b'i', 0xff, 1, 2, 3]);
    for sizes in [vec![], vec![1000; 2000]] {
        let (raw, all, end) = passed_on(&input, sizes, Encoding::Cbor, 100, (0, 0));
        assert_eq!(raw, input);
        let ends: Vec<_> = all.iter().map(|item| (item.offset, item.end.unwrap())).collect();
        assert_eq!(ends, [(0, 2), (2, 7 + (8 << 16)), (7 + (8 << 16), 10 + (8 << 16))]);
        assert_eq!(end.unwrap().start, 10 + (8 << 16));
    }
}

proptest! {
    /// Not a byte of a sequence is lost, and whoever goes on at an item finds
    /// what whoever began at the beginning finds there.
    #[test]
    fn everything_is_passed_on_from_any_item_on(
        input in prop::collection::vec(prop::sample::select(&[0x01_u8, 0x82, 0x43, 0x58, 0x20, 0x9f, 0xff, b'\n', b' ', b'A'][..]), 0..300),
        sizes in prop::collection::vec(1..40_usize, 0..200),
        limit in 1..60_usize,
        at: prop::sample::Index,
    ) {
        for encoding in [Encoding::Cbor, Encoding::Base64] {
            let (raw, all, end) = passed_on(&input, sizes.clone(), encoding, limit, (0, 0));
            if encoding == Encoding::Cbor {
                prop_assert_eq!(&raw, &input);
            } else {
                // Empty lines are no messages.
                let text = |bytes: &[u8]| {
                    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty() || line.len() > limit.div_ceil(3) * 4 + 2);
                    lines.map(<[u8]>::to_vec).collect::<Vec<_>>()
                };
                prop_assert_eq!(text(&raw), text(&input));
            }
            let (found, fault) = items(&input, sizes.clone(), encoding, limit);
            prop_assert_eq!(end, fault);
            prop_assert_eq!(all.len(), found.len());
            prop_assert!(all.iter().zip(&found).all(|(item, (offset, _))| item.offset == *offset));
            if all.is_empty() {
                continue;
            }
            let from = at.index(all.len());
            let here = (all[from].index, all[from].offset);
            let (_, rest, end) = passed_on(&input, sizes.clone(), encoding, limit, here);
            prop_assert_eq!(&rest[..], &all[from..]);
            prop_assert_eq!(end, fault);
        }
    }

    #[test]
    fn the_sizes_of_reads_change_nothing(
        input in prop::collection::vec(prop::sample::select(&[0x01_u8, 0x82, 0x43, 0x58, 0x20, 0x9f, 0xff, b'\n', b' ', b'A'][..]), 0..300),
        sizes in prop::collection::vec(1..40_usize, 0..200),
        limit in 1..60_usize,
    ) {
        for encoding in [Encoding::Cbor, Encoding::Base64] {
            let whole = items(&input, vec![], encoding, limit);
            prop_assert_eq!(items(&input, sizes.clone(), encoding, limit), whole);
        }
    }
}
