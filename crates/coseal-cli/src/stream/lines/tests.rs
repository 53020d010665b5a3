#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::io;

use proptest::prelude::*;

use super::*;

struct Trickle<'a>(&'a [u8], Vec<usize>);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = self.1.pop().unwrap_or(buffer.len()).max(1);
        let take = want.min(self.0.len()).min(buffer.len());
        buffer[..take].copy_from_slice(&self.0[..take]);
        self.0 = &self.0[take..];
        Ok(take)
    }
}

fn gather(input: &[u8], sizes: Vec<usize>, rules: Rules) -> (Vec<Vec<Vec<u8>>>, Option<Failure>) {
    let (mut all, mut end) = (Vec::new(), None);
    for block in Lines::new("-", Trickle(input, sizes), rules) {
        assert!(end.is_none(), "nothing follows the end");
        all.extend(block.batches().map(|batch| batch.map(<[u8]>::to_vec).collect::<Vec<_>>()));
        end = block.end;
    }
    (all, end)
}

fn lines(input: &[u8]) -> Vec<Vec<u8>> {
    let (batches, end) = gather(input, vec![], Rules { batch: 2, overhead: 300, limit: 1 << 20 });
    assert_eq!(end, None);
    batches.concat()
}

#[test]
fn lines_end_at_lf_only() {
    assert_eq!(lines(b""), Vec::<Vec<u8>>::new());
    assert_eq!(lines(b"a"), [b"a"]);
    assert_eq!(lines(b"a\n"), [b"a"]);
    assert_eq!(lines(b"\n"), [b""]);
    assert_eq!(lines(b"a\r\n\n\rb\x0bc\n\n"), [&b"a\r"[..], b"", b"\rb\x0bc", b""]);
    assert_eq!(lines("a\u{2028}b\u{85}\n".as_bytes()), ["a\u{2028}b\u{85}".as_bytes()]);
}

#[test]
fn batches_are_full_but_the_last() {
    let input = b"1\n2\n3\n4\n5\n6\n7";
    let (batches, _) = gather(input, vec![], Rules { batch: 3, overhead: 300, limit: 99 });
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
}

#[test]
fn a_batch_closes_at_16_mib_sealed() {
    let line = vec![b'x'; (5 << 20) - 301];
    let input = [line.as_slice(); 8].join(&b'\n');
    let (batches, end) =
        gather(&input, vec![], Rules { batch: 64, overhead: 300, limit: 64 << 20 });
    assert_eq!((batches.iter().map(Vec::len).collect::<Vec<_>>(), end), (vec![3, 3, 2], None));
    let (batches, _) =
        gather(&vec![b'\n'; 100_000], vec![], Rules { batch: 65_536, overhead: 1024, limit: 99 });
    assert_eq!(
        batches.iter().map(Vec::len).collect::<Vec<_>>(),
        [16_384, 16_384, 16_384, 16_384, 16_384, 16_384, 1696]
    );
}

#[test]
fn what_came_before_a_line_that_is_too_large_is_sealed() {
    for input in [&b"a\nb\nc\n0123456789\nd\n"[..], b"a\nb\nc\n0123456789"] {
        let (batches, end) =
            gather(input, vec![1; 30], Rules { batch: 2, overhead: 300, limit: 9 });
        assert_eq!(batches.concat(), [b"a", b"b", b"c"]);
        assert!(end.unwrap().what.starts_with("line 4 of - is larger than 64 MiB"));
    }
}

proptest! {
    #[test]
    fn lines_are_what_splitting_at_lf_gives(
        input in prop::collection::vec(prop::sample::select(&b"ab\r\n\n"[..]), 0..200),
        sizes in prop::collection::vec(1..20_usize, 0..200),
        batch in 1..9_usize,
    ) {
        let mut expected: Vec<Vec<u8>> = input.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        if expected.last().is_some_and(Vec::is_empty) {
            expected.pop();
        }
        let (batches, end) = gather(&input, sizes, Rules { batch, overhead: 300, limit: 1000 });
        prop_assert_eq!(end, None);
        for (at, lines) in batches.iter().enumerate() {
            let is_last = at + 1 == batches.len();
            prop_assert!(lines.len() == batch || (is_last && !lines.is_empty() && lines.len() < batch));
        }
        prop_assert_eq!(batches.concat(), expected);
    }
}
