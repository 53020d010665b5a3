//! Merkle trees as in RFC 9162 §2.1: leaves hashed behind 0x00, nodes behind
//! 0x01, an odd node carried up as it is, never doubled.

use alloc::vec::Vec;
use sha2::Digest;

use crate::hash::Sha256;

/// A SHA-256 hash.
pub(crate) type Hash = [u8; 32];

/// SHA-256(0x01 || left || right).
pub(crate) fn node(left: &Hash, right: &Hash) -> Hash {
    let hash = Sha256::new().chain_update([0x01]).chain_update(left).chain_update(right);
    hash.finalize().into()
}

/// A step on the way from a leaf to its root: two nodes of one level, by their
/// numbers in the whole tree (its levels one after the other, leaves first).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// The node that the way comes through.
    pub(crate) own: u64,
    /// Its sibling, which the path tells.
    pub(crate) sibling: u64,
}

impl Step {
    /// The node above both.
    pub(crate) fn parent(&self, own: &Hash, sibling: &Hash) -> Hash {
        if self.own < self.sibling { node(own, sibling) } else { node(sibling, own) }
    }
}

/// The steps from leaf `index` of `size`. On levels where a node has no
/// sibling it is carried up, without a step.
pub(crate) fn steps(index: u64, size: u64) -> impl Iterator<Item = Step> {
    let (mut index, mut width, mut start) = (index, size, 0);
    core::iter::from_fn(move || {
        while width > 1 {
            let (own, sibling, first) = (index, index ^ 1, start);
            start += width;
            index >>= 1;
            let has_sibling = sibling < width;
            width = width.div_ceil(2);
            if has_sibling {
                return Some(Step { own: first + own, sibling: first + sibling });
            }
        }
        None
    })
}

/// The root that `path` gives for `leaf` (RFC 9162 §2.1.3.2). The length of the
/// path was checked against index and size when it was read.
pub(crate) fn root_of<'a>(
    leaf: &Hash,
    index: u64,
    size: u64,
    path: impl Iterator<Item = &'a Hash>,
) -> Hash {
    steps(index, size).zip(path).fold(*leaf, |hash, (step, sibling)| step.parent(&hash, sibling))
}

/// A whole tree, all its levels one after the other, leaves first.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<Hash>,
    leaves: usize,
}

impl Tree {
    /// Hashes `leaves` up to the root. There is at least one.
    pub(crate) fn of(leaves: Vec<Hash>) -> Self {
        let count = leaves.len();
        let mut nodes = leaves;
        let mut start = 0;
        let mut width = count;
        while width > 1 {
            for pair in 0..width / 2 {
                let at = start + 2 * pair;
                if let [left, right] = nodes.get(at..at + 2).unwrap_or_default() {
                    let parent = node(left, right);
                    nodes.push(parent);
                }
            }
            if width % 2 == 1 {
                let odd = nodes.get(start + width - 1).copied().unwrap_or_default();
                nodes.push(odd);
            }
            start += width;
            width = width.div_ceil(2);
        }
        Self { nodes, leaves: count }
    }

    /// Nodes that a tree of `leaves` holds: what to reserve beforehand.
    pub(crate) const fn nodes(leaves: usize) -> usize {
        let mut total = leaves;
        let mut width = leaves;
        while width > 1 {
            width = width.div_ceil(2);
            total += width;
        }
        total
    }

    pub(crate) fn root(&self) -> Hash {
        self.nodes.last().copied().unwrap_or_default()
    }

    /// The path of leaf `index`, from its sibling upwards.
    pub(crate) fn path(&self, index: usize) -> impl Iterator<Item = &Hash> {
        steps(index as u64, self.leaves as u64)
            .filter_map(|step| self.nodes.get(usize::try_from(step.sibling).ok()?))
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "tests")]
mod tests {
    use super::*;
    use alloc::vec;

    /// MTH of RFC 9162 §2.1.1, over leaf hashes.
    fn by_definition(leaves: &[Hash]) -> Hash {
        if let [leaf] = leaves {
            return *leaf;
        }
        let split = leaves.len().next_power_of_two() / 2;
        node(&by_definition(&leaves[..split]), &by_definition(&leaves[split..]))
    }

    /// PATH of RFC 9162 §2.1.3.1.
    fn path_by_definition(index: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return vec![];
        }
        let split = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(split);
        if index < split {
            let mut path = path_by_definition(index, left);
            path.push(by_definition(right));
            path
        } else {
            let mut path = path_by_definition(index - split, right);
            path.push(by_definition(left));
            path
        }
    }

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|i| [i as u8; 32]).collect()
    }

    #[test]
    fn trees_and_paths_follow_the_definition() {
        for size in 1..=64 {
            let leaves = leaves(size);
            let tree = Tree::of(leaves.clone());
            assert_eq!(tree.nodes.len(), Tree::nodes(size));
            assert_eq!(tree.root(), by_definition(&leaves), "{size}");
            for index in 0..size {
                let path: Vec<Hash> = tree.path(index).copied().collect();
                assert_eq!(path, path_by_definition(index, &leaves), "{index}/{size}");
                let root = root_of(&leaves[index], index as u64, size as u64, path.iter());
                assert_eq!(root, tree.root(), "{index}/{size}");
            }
        }
    }

    #[test]
    fn a_path_proves_no_other_place() {
        for size in 2..=64_u64 {
            let leaves = leaves(size as usize);
            let tree = Tree::of(leaves.clone());
            for index in 0..size {
                let path: Vec<Hash> = tree.path(index as usize).copied().collect();
                let leaf = &leaves[index as usize];
                for other in (0..size).filter(|other| *other != index) {
                    // A path of another length is refused when it is read.
                    let expected = tree.path(other as usize).count();
                    if expected == path.len() {
                        let root = root_of(leaf, other, size, path.iter());
                        assert_ne!(root, tree.root(), "{index} as {other} of {size}");
                    }
                }
                for changed in 0..path.len() {
                    let mut path = path.clone();
                    path[changed][31] ^= 1;
                    assert_ne!(root_of(leaf, index, size, path.iter()), tree.root());
                }
            }
        }
    }
}
