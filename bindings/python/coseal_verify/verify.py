"""Steps 3 to 5 of reading (9.3 to 9.5), and what is told (7.6, 9.9)."""

from dataclasses import dataclass

from .bundle import DEFAULT_SKEW, Bundle, Record, later
from .cbor import Refusal, refuse
from .envelope import Envelope, Header, read_envelope
from .receipt import MOST_LEAVES, ROLE, leaf_of, read_later

DEFAULT_LIMIT = 64 << 20


@dataclass
class Facts:
    """9.9: told of a time without judging by it."""

    bundle_expired: bool
    expired: bool
    from_the_future: bool
    age_ms: int | None


@dataclass
class Verdict:
    """What may be told of an envelope whose receipt verified."""

    envelope: Envelope
    signer: Record
    bundle: Bundle
    skew: int

    @property
    def header(self) -> Header:
        return self.envelope.header

    @property
    def leaf(self) -> bytes:
        return leaf_of(self.envelope.protected, self.envelope.ciphertext)

    @property
    def claimed_time(self) -> str | None:
        """9.9, of a revoked key: before, in_doubt, after."""
        revocation = self.signer.revocation
        return None if revocation is None else revocation.claimed(self.header.sealed_at)

    def facts(self, now: int) -> Facts:
        t, expires = self.header.sealed_at, self.header.expires
        expired = expires is not None and now >= later(1000 * expires, self.skew)
        future, age = t > later(now, self.skew), now - t if t <= now else None
        return Facts(self.bundle.expired(now, self.skew), expired, future, age)

    def other_receipts(self) -> list[str]:
        """7.6, in wire order: trusted, unknown, invalid."""
        return [self.other_receipt(b) for b in self.envelope.later]

    def other_receipt(self, b: bytes) -> str:
        try:
            receipt, key_id = read_later(b)  # 1
        except Refusal:
            return "unknown"
        key, header = self.bundle.signer(key_id), self.header  # 2
        if key is None or key.revocation is not None or not key.covers(header.channel):
            return "unknown"
        if key.valid_until is not None and 1000 * key.valid_until <= header.sealed_at:
            return "unknown"
        if ROLE in receipt.labels or receipt.size > MOST_LEAVES or not receipt.fits:  # 3, 4
            return "invalid"
        return "trusted" if receipt.signs(key.public, self.leaf) else "invalid"  # 5, 6


@dataclass
class Question:
    """What the caller expects; any, where it is None. Times in milliseconds."""

    channel: str | None = None
    signer: str | None = None
    at: int | None = None  # no time is judged
    max_age: int | None = None  # age is not judged
    limit: int = DEFAULT_LIMIT
    skew: int = DEFAULT_SKEW


def verify(b: bytes, bundle: Bundle, asked: Question) -> Verdict:
    """Steps 1 to 5. Raises Refusal: where step 5 refuses, with the verdict in it."""
    envelope, at, skew = read_envelope(b, asked.limit), asked.at, asked.skew  # 1, 2
    refuse(at is not None and bundle.expired(at, skew), "untrusted/bundle_expired")  # 3
    key = bundle.signer(envelope.header.signer)
    if key is None:
        raise Refusal("untrusted/unknown_signer")
    verdict = Verdict(envelope, key, bundle, skew)
    refuse(not envelope.receipt.signs(key.public, verdict.leaf), "untrusted/bad_signature")  # 4
    try:
        judge(verdict, asked)
    except Refusal as refusal:
        refusal.verdict = verdict
        raise
    return verdict


def judge(verdict: Verdict, asked: Question) -> None:
    """Step 5: 9.5."""
    header, key = verdict.header, verdict.signer
    t, until = header.sealed_at, key.valid_until
    refuse(not key.covers(header.channel), "untrusted/not_allowed")
    not_valid = t < 1000 * key.valid_from or until is not None and t >= 1000 * until
    refuse(not_valid, "untrusted/not_valid_then")
    refuse(key.revocation is not None, "untrusted/revoked")
    refuse(asked.signer not in (None, key.subject), "untrusted/wrong_signer")
    refuse(asked.channel not in (None, header.channel), "misdirected/channel")
    if asked.at is None:
        return
    facts = verdict.facts(asked.at)
    refuse(facts.from_the_future, "stale/from_the_future")
    refuse(facts.expired, "stale/expired")
    if asked.max_age is not None and facts.age_ms is not None:
        refuse(facts.age_ms > later(asked.max_age, asked.skew), "stale/too_old")
