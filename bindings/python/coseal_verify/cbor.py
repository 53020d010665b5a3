"""Section 2: one encoding only, values, nesting, embedded items.

`cbor2` writes what is hashed and signed. What is read is walked by hand: a decoder
tells neither whether lengths were shortest nor which bytes an item came from, and
turns tags into values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from typing import Any, NoReturn

import cbor2

ANY = 1 << 62  # a limit for what no rule limits
UINT = (1 << 63) - 1
INT, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)  # RFC 8949 §3.1


class Refusal(Exception):
    """A code and a kind of section 11, as "code/kind"; and, where step 5 refused, the
    verdict, which may be told."""

    def __init__(self, result: str) -> None:
        super().__init__(result)
        self.result = result
        self.verdict: Any = None


def refuse(broken: bool, result: str = "malformed/structure") -> None:
    if broken:
        raise Refusal(result)


def encode(x: object) -> bytes:
    """`CBOR x` of section 1."""
    return cbor2.dumps(x, canonical=True)


def head(b: bytes, at: int) -> tuple[int, int, int, int]:
    """RFC 8949 §3: major type, additional information, argument, where it ends."""
    refuse(at >= len(b), "malformed/cbor")
    major, info, at = b[at] >> 5, b[at] & 31, at + 1
    if info < 24:
        return major, info, info, at
    end = at + (1 << (info & 3))
    refuse(info > 27 or end > len(b), "malformed/cbor")  # reserved; indefinite; cut off
    return major, info, int.from_bytes(b[at:end], "big"), end


def children(major: int, arg: int) -> int:
    """How many items stand in one."""
    return {ARRAY: arg, MAP: 2 * arg, TAG: 1}.get(major, 0)


def strict(b: bytes, at: int = 0, levels: int = 16) -> int:
    """2.1 and 2.3 for one item, nested at most so deep; where it ends. The shortest
    form of floats is not looked at: 2.2 refuses them."""
    major, info, arg, at = head(b, at)
    if major == SIMPLE:
        refuse(info == 24 and arg < 32, "malformed/cbor")
        return at
    least = 0 if info < 24 else (24, 1 << 8, 1 << 16, 1 << 32)[info - 24]
    too_deep = major in (ARRAY, MAP, TAG) and levels == 0
    refuse(arg < least or too_deep, "malformed/cbor")
    if major in (BYTES, TEXT):
        refuse(arg > len(b) - at, "malformed/cbor")
        try:
            b[at : at + arg].decode() if major == TEXT else None
        except UnicodeDecodeError:
            raise Refusal("malformed/cbor") from None
        return at + arg
    last = b""
    for n in range(children(major, arg)):
        begin, at = at, strict(b, at, levels - 1)
        if major == MAP and n % 2 == 0:
            refuse(b[begin:at] <= last, "malformed/cbor")
            last = b[begin:at]
    return at


def values(b: bytes, at: int = 0, tags: bool = False) -> int:
    """2.2 for an item and all in it; where it ends."""
    first = b[at]
    major, _, arg, at = head(b, at)
    refuse(major <= NEGATIVE and arg > UINT or major == TAG and not tags)
    refuse(major == SIMPLE and not 0xF4 <= first <= 0xF6)
    if major in (BYTES, TEXT):
        return at + arg
    for _ in range(children(major, arg)):
        at = values(b, at, tags)
    return at


def extension(x: bytes) -> None:
    """2.2 and 2.3 for the value of an extension."""
    strict(x, levels=4)
    values(x)


def decode(b: bytes) -> Item:
    """2.1 and 2.3: one item, nothing behind it."""
    refuse(strict(b) != len(b), "malformed/cbor")
    return Item(b)


class Item(bytes):
    """The encoding of one item that `decode` has checked: the bytes as they came.
    The methods say malformed/structure where it is of another shape."""

    @property
    def major(self) -> int:
        return self[0] >> 5

    def is_int(self, *among: int) -> bool:
        """An integer, one of these if some are given. Each has one encoding."""
        return self.major <= NEGATIVE and (not among or any(self == encode(n) for n in among))

    def want(self, major: int, low: int = 0, high: int = ANY) -> tuple[int, int]:
        found, _, arg, at = head(self, 0)
        refuse(found != major or not low <= arg <= high)
        return arg, at

    def uint(self, low: int = 0, high: int = UINT) -> int:
        return self.want(INT, low, high)[0]

    def time(self) -> int:
        return self.uint(high=(1 << 53) - 1)

    def integer(self) -> int:
        if self.major == INT:
            return self.uint()
        return -1 - self.want(NEGATIVE, 0, UINT)[0]

    def bstr(self, low: int = 0, high: int = ANY) -> bytes:
        return bytes(self[self.want(BYTES, low, high)[1] :])

    def tstr(self, low: int = 0, high: int = ANY) -> str:
        return self[self.want(TEXT, low, high)[1] :].decode()

    def embedded(self) -> Item:
        """2.4."""
        return decode(self.bstr())

    def tagged(self, number: int) -> Item:
        return Item(self[self.want(TAG, number, number)[1] :])

    def children(self) -> Iterator[Item]:
        major, _, arg, at = head(self, 0)
        for _ in range(children(major, arg)):
            begin, at = at, strict(self, at)
            yield Item(self[begin:at])

    def array(self, low: int, high: int = ANY) -> list[Item]:
        self.want(ARRAY, low, high)
        return list(self.children())

    def entries(self) -> Iterator[tuple[Item, Item]]:
        """Of a map, in wire order."""
        self.want(MAP)
        both = self.children()
        return zip(both, both)

    def entry(self, label: int) -> Item | None:
        wanted = encode(label)
        return next((value for key, value in self.entries() if key == wanted), None)

    def read(self, rules: Rules, required: Set[int], other: Rest) -> dict[int, Any]:
        """A map, label by label in wire order, each by its rule, `other` for those without
        one. What is missing is told last."""
        labels, found = {encode(label): label for label in rules}, {}
        for key, value in self.entries():
            if key in labels:
                found[labels[key]] = rules[labels[key]](value)
            else:
                other(key, value)
        refuse(not required <= found.keys())
        return found

    def fields(self, required: Set[int], optional: Set[int] = frozenset()) -> dict[int, Item]:
        """A map of exactly these labels; those of `optional` may be absent."""
        return self.read(dict.fromkeys(required | optional, lambda x: x), required, unlisted)


Rules = dict[int, Callable[[Item], Any]]
Rest = Callable[[Item, Item], object]


def unlisted(key: Item, value: Item) -> NoReturn:
    raise Refusal("malformed/structure")
