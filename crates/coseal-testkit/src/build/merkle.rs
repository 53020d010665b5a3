//! Merkle trees of RFC 9162 §2.1, written down as the RFC defines them.

use super::cbor::{self, Item};
use super::keys::sha256;

pub(crate) type Node = [u8; 32];

/// CBOR `["coseal/v1", protected, SHA-256(ciphertext)]`.
pub(crate) fn statement(protected: &[u8], ciphertext: &[u8]) -> Item {
    cbor::array([
        cbor::text("coseal/v1"),
        cbor::bytes(protected),
        cbor::bytes(sha256(&[ciphertext])),
    ])
}

pub(crate) fn leaf(statement: &[u8]) -> Node {
    sha256(&[&[0], statement])
}

pub(crate) fn node(left: &Node, right: &Node) -> Node {
    sha256(&[&[1], left, right])
}

/// MTH of §2.1.1, over leaves that are hashed already.
pub(crate) fn root(leaves: &[Node]) -> Node {
    match leaves {
        [] => unreachable!("no tree is empty"),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node(&root(left), &root(right))
        }
    }
}

/// PATH of §2.1.3.1.
pub(crate) fn path(leaves: &[Node], index: usize) -> Vec<Node> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let at = split(leaves.len());
    let (left, right) = leaves.split_at(at);
    let (mut path, sibling) = if index < at {
        (path(left, index), root(right))
    } else {
        (path(right, index - at), root(left))
    };
    path.push(sibling);
    path
}

/// The largest power of two below `n`.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

/// For each sibling on the way from leaf to root: whether it stands on the left.
pub(crate) fn turns(mut index: u64, mut size: u64) -> Vec<bool> {
    let mut turns = Vec::new();
    while size > 1 {
        let at = size.next_power_of_two() / 2;
        let right = index >= at;
        turns.push(right);
        (index, size) = if right { (index - at, size - at) } else { (index, at) };
    }
    turns.reverse();
    turns
}

/// A leaf's place in a tree, and its siblings.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    pub(crate) size: u64,
    pub(crate) index: u64,
    pub(crate) path: Vec<Node>,
}

impl Proof {
    /// A tree of one leaf.
    pub(crate) fn alone() -> Self {
        Self { size: 1, index: 0, path: Vec::new() }
    }

    /// A place among leaves of which we hold all.
    pub(crate) fn among(leaves: &[Node], index: usize) -> Self {
        Self { size: leaves.len() as u64, index: index as u64, path: path(leaves, index) }
    }

    /// A place in a tree too large to hold: siblings are made up from `label`.
    pub(crate) fn imagined(size: u64, index: u64, label: &str) -> Self {
        let sibling = |level| super::keys::seed(&format!("{label}: sibling {level}"));
        Self { size, index, path: (0..turns(index, size).len()).map(sibling).collect() }
    }

    /// The root that `leaf` has by this proof.
    pub(crate) fn root(&self, leaf: &Node) -> Node {
        self.root_with(leaf, node)
    }

    /// The same, with nodes hashed in another way.
    pub(crate) fn root_with(&self, leaf: &Node, node: impl Fn(&Node, &Node) -> Node) -> Node {
        turns(self.index, self.size).into_iter().zip(&self.path).fold(
            *leaf,
            |below, (left, sibling)| {
                if left { node(sibling, &below) } else { node(&below, sibling) }
            },
        )
    }

    /// CBOR `[tree-size, leaf-index, [siblings]]`.
    pub(crate) fn encode(&self) -> Item {
        cbor::array([
            cbor::uint(self.size),
            cbor::uint(self.index),
            cbor::array(self.path.iter().map(cbor::bytes)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_leads_to_the_root() {
        let leaves: Vec<Node> = (0..20).map(|n| sha256(&[&[n]])).collect();
        for size in 1..=leaves.len() {
            let (tree, _) = leaves.split_at(size);
            for (index, leaf) in tree.iter().enumerate() {
                assert_eq!(
                    Proof::among(tree, index).root(leaf),
                    root(tree),
                    "leaf {index} of {size}"
                );
            }
        }
    }
}
