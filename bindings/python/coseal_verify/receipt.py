"""Sections 3.3 and 7: statement, tree, receipts."""

import hashlib
from dataclasses import dataclass, field

from .cbor import Item, decode, encode, extension, refuse
from .keys import accepted, signed

EDDSA, ED25519_ALGORITHM = -8, -19
ROLE = -65537
MOST_LEAVES = 1 << 32


def sha(b: bytes) -> bytes:
    return hashlib.sha256(b).digest()


def leaf_of(protected: bytes, ciphertext: bytes) -> bytes:
    """7.1."""
    return sha(b"\0" + encode(["coseal/v1", protected, sha(ciphertext)]))


def path_length(index: int, size: int) -> int:
    """7.3."""
    fn, sn, length = index, size - 1, 0
    while sn > 0:
        length += bool(fn & 1 or fn < sn)
        fn, sn = fn >> 1, sn >> 1
    return length


def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """7.4. Index and length were checked, so nothing fails."""
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if fn & 1 or fn == sn:
            r = sha(b"\1" + p + r)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sha(b"\1" + r + p)
        fn, sn = fn >> 1, sn >> 1
    return r


@dataclass
class Receipt:
    algorithm: int
    protected: bytes
    signature: bytes
    labels: dict[int, Item]
    size: int = 1
    index: int = 0
    path: list[bytes] = field(default_factory=list)

    @property
    def known(self) -> bool:
        return self.algorithm in (EDDSA, ED25519_ALGORITHM)

    @property
    def fits(self) -> bool:
        """The index is below the size, and the path as long as 7.3 says."""
        return self.index < self.size and len(self.path) == path_length(self.index, self.size)

    def signs(self, public: bytes, leaf: bytes) -> bool:
        """7.5, over the root that the path gives."""
        root = root_of(leaf, self.index, self.size, self.path)
        return accepted(public, signed(self.protected, b"", root), self.signature)

    def read_proof(self, unprotected: Item) -> None:
        """Label 396 of 3.3 and 7.6."""
        (proof,) = unprotected.fields({396})[396].fields({-1})[-1].array(1, 1)
        size, index, path = proof.embedded().array(3, 3)
        self.size, self.index = size.uint(), index.uint()
        self.path = [p.bstr(32, 32) for p in path.array(0, 32)]


def read_sign1(b: bytes, required: set[int], optional: set[int]) -> tuple[Receipt, Item]:
    """What 3.3 and 7.6 have in common; and the unprotected map."""
    protected, unprotected, payload, signature = decode(b).tagged(18).array(4, 4)
    labels = protected.embedded().fields(required, optional)
    refuse(payload != b"\xf6" or not labels[395].is_int(1))
    receipt = Receipt(labels[1].integer(), protected.bstr(), signature.bstr(), labels)
    return receipt, unprotected


def read_receipt(b: bytes) -> Receipt:
    """3.3, the sender's. The algorithm is judged in step 2."""
    receipt, unprotected = read_sign1(b, {1, 395, ROLE}, set())
    mark, size = receipt.labels[ROLE].array(2, 2)
    refuse(not mark.is_int(1) or receipt.known and len(receipt.signature) != 64)
    if size.uint(1, MOST_LEAVES) == 1:
        unprotected.fields(set())
    else:
        receipt.read_proof(unprotected)
        refuse(receipt.size != size.uint() or not receipt.fits)
    return receipt


def read_later(b: bytes) -> tuple[Receipt, bytes]:
    """The shape of 7.6, and the key ID."""
    receipt, unprotected = read_sign1(b, {1, 4, 395}, {ROLE})
    refuse(not receipt.known)
    extension(receipt.labels.get(ROLE, b"\xf6"))
    receipt.read_proof(unprotected)
    return receipt, receipt.labels[4].bstr(8, 8)
