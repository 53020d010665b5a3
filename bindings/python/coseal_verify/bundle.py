"""Section 8: the trust bundle."""

from dataclasses import dataclass
from typing import Any

from .cbor import BYTES, TEXT, Item, Refusal, Rules, decode, extension, refuse, values
from .keys import ED25519, X25519, accepted, signed, sound_point, sound_u, thumbprint
from .receipt import EDDSA, sha

DEFAULT_SKEW = 60_000


def later(time: int, span: int) -> int:
    """A sum that does not wrap: 9.9."""
    return min(time + span, (1 << 64) - 1)


@dataclass
class Revocation:
    """Label 7 of a record, in seconds. Reasons: 1 compromised, 2 superseded, 3 ceased."""

    at: int
    reason: int
    compromised_since: int | None = None

    def claimed(self, t: int) -> str:
        """9.9: where the sealing time t lies that a message of this key claims."""
        since = self.at if self.compromised_since is None else self.compromised_since
        return "after" if t >= 1000 * self.at else "in_doubt" if t >= 1000 * since else "before"


@dataclass
class Record:
    """8.2, times in seconds."""

    curve: int
    public: bytes
    subject: str
    use: int  # 1: sign, 2: receive
    valid_from: int
    valid_until: int | None
    patterns: list[str]
    revocation: Revocation | None

    def __post_init__(self) -> None:
        self.thumbprint = thumbprint(self.curve, self.public)
        self.key_id = self.thumbprint[:8]

    def covers(self, channel: str) -> bool:
        """8.3, for any of the patterns."""
        return any(covers(pattern, channel) for pattern in self.patterns)


def covers(pattern: str, channel: str) -> bool:
    """8.3."""
    p, c = pattern.split("."), channel.split(".")
    for i, token in enumerate(p):
        if i < len(c) and token == ">":
            return True
        if i >= len(c) or token not in ("*", c[i]):
            return False
    return len(p) == len(c)


@dataclass
class Bundle:
    """8.1, times in seconds; and what 8.4 makes of the records."""

    domain: str
    sequence: int
    issued: int
    expires: int
    next_roots: list[bytes]
    root: bytes  # the public key that signed it
    digest: bytes
    records: list[Record]
    skipped: list[int]  # positions of records of other kinds

    def __post_init__(self) -> None:
        self.by_id = {record.key_id: record for record in self.records}
        refuse(len(self.by_id) != len(self.records), "malformed/duplicate_key")

    def signer(self, key_id: bytes) -> Record | None:
        record = self.by_id.get(key_id)
        return record if record is not None and record.use == 1 else None

    def expired(self, now: int, skew: int) -> bool:
        return now >= later(1000 * self.expires, skew)


@dataclass
class Loader:
    """Loads trust bundles one after the other: 8.4. It keeps the state in memory;
    whoever keeps it longer stores the last bundle and loads it first."""

    pinned: list[bytes]
    domain: str | None = None
    skew: int = DEFAULT_SKEW
    state: Bundle | None = None

    def load(self, b: bytes, now: int) -> Bundle:
        """8.4; now in milliseconds."""
        refuse(not all(map(sound_point, self.pinned)), "malformed/weak_key")
        refuse(len(b) > 16 << 20, "malformed/too_large")  # 1
        protected, unprotected, payload, signature = decode(b).tagged(18).array(4, 4)  # 2
        if protected.major == BYTES:
            protected.embedded()
        body = payload.embedded()
        version = body.entry(1)  # 3
        other = version is not None and version.is_int() and not version.is_int(1)
        refuse(other, "unsupported/version")
        header = protected.embedded().fields({1, 4})  # 4
        refuse(not header[1].is_int(EDDSA))
        key_id = header[4].bstr(8, 8)
        unprotected.fields(set())
        signature.want(BYTES, 64, 64)
        found = read_body(body)
        domain, sequence, issued = found[2], found[3], found[4]
        last, digest = self.state, sha(b)  # 5
        roots = self.pinned if last is None else [last.root, *last.next_roots]
        root = next((r for r in roots if thumbprint(ED25519, r)[:8] == key_id), None)
        if root is None:
            raise Refusal("untrusted/unknown_root")
        message = signed(protected.bstr(), b"coseal/v1 trust-bundle", payload.bstr())  # 6
        refuse(not accepted(root, message, signature.bstr()), "untrusted/bad_signature")
        refuse(self.domain is not None and domain != self.domain, "untrusted/wrong_domain")  # 7
        if last is not None:
            refuse(domain != last.domain, "untrusted/wrong_domain")
            again = sequence == last.sequence and digest == last.digest
            refuse(sequence <= last.sequence and not again, "untrusted/rolled_back")  # 8
        refuse(1000 * issued > later(now, self.skew), "stale/from_the_future")  # 9
        records = [read_record(x) for x in found[6]]  # 10
        skipped = [i for i, r in enumerate(records) if r is None]
        self.state = Bundle(domain, sequence, issued, found[5], found.get(7, []), root, digest,
                            [r for r in records if r is not None], skipped)
        return self.state


def read_body(x: Item) -> dict[int, Any]:
    """8.1. Of records, 2.2 alone is looked at here."""

    def records(x: Item) -> list[Item]:
        values(x, tags=True)
        return x.array(0, 65536)

    def next_roots(x: Item) -> list[bytes]:
        keys = [read_key(root) for root in x.array(1)]
        refuse(any(curve != ED25519 for curve, _ in keys))
        return [public for _, public in keys]

    rules: Rules = {1: lambda x: refuse(not x.is_int(1)), 2: Item.tstr, 3: Item.uint,
                    4: Item.time, 5: Item.time, 6: records, 7: next_roots}
    return x.read(rules, {1, 2, 3, 4, 5, 6}, ignored)


def ignored(key: Item, value: Item) -> None:
    """A label that 8.1 or 8.2 does not list."""
    key.uint(64)
    extension(value)


def read_key(x: Item) -> tuple[int, bytes]:
    """A COSE_Key of section 4 that 4.1 takes."""
    labels = x.fields({1, -1, -2})
    curve, public = labels[-1].integer(), labels[-2].bstr(32, 32)
    refuse(not labels[1].is_int(1) or curve not in (ED25519, X25519))
    sound = sound_point if curve == ED25519 else sound_u
    refuse(not sound(public), "malformed/weak_key")
    return curve, public


class Skipped(Exception):
    """A record of a kind that this version does not know."""


def read_record(x: Item) -> Record | None:
    """8.2, in the order that 8.4 states; None where it is skipped."""

    def known(x: Item | None, *among: int) -> None:
        if x is None or not x.is_int() and x.major != TEXT:
            raise Refusal("malformed/structure")
        if not x.is_int(*among):
            raise Skipped

    def key(x: Item) -> tuple[int, bytes]:
        known(x.entry(1), 1)
        known(x.entry(-1), X25519, ED25519)
        return read_key(x)

    def use(x: Item) -> int:
        x.uint()
        known(x, 1, 2)
        return x.uint()

    rules: Rules = {1: key, 2: lambda x: x.tstr(1, 2048), 3: use, 4: Item.time, 5: Item.time,
                    6: lambda x: [read_pattern(p) for p in x.array(0, 256)],
                    7: lambda x: read_revocation(*x.array(2, 3))}
    try:
        f = x.read(rules, {1, 2, 3, 4, 6}, ignored)
        refuse((f[1][0], f[3]) not in ((ED25519, 1), (X25519, 2)))
    except Skipped:
        return None
    except Refusal as refusal:  # what is a fault of shape elsewhere
        refuse(refusal.result == "malformed/structure", "malformed/record")
        raise
    curve, public = f[1]
    return Record(curve, public, f[2], f[3], f[4], f.get(5), f[6], f.get(7))


def read_revocation(at: Item, reason: Item, since: Item | None = None) -> Revocation:
    return Revocation(at.time(), reason.uint(), None if since is None else since.time())


def read_pattern(x: Item) -> str:
    """8.3."""
    pattern = x.tstr(1, 255)
    tokens = pattern.split(".")
    refuse(any(len(token) > 1 and ("*" in token or ">" in token) for token in tokens))
    refuse(">" in tokens[:-1])
    return pattern
