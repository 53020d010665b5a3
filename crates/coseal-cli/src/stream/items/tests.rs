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

proptest! {
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
