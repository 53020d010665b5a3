"""Every vector. Out of scope for a reader that only verifies: the `open` part of an
envelope case (the example that opens runs it), and `intermediate`, which no reader is
compared with. Trust bundles, the `verify` part and what it reports are compared in
full."""

from collections import Counter
from pathlib import Path
from typing import Any

import cbor2
import pytest
import vectors

from coseal_verify import Bundle, Loader, Question, Refusal, Verdict, verify
from coseal_verify.envelope import SUITES
from coseal_verify.keys import ED25519, thumbprint
from coseal_verify.verify import DEFAULT_LIMIT

RAN: Counter[str] = Counter()
USES = {1: "sign", 2: "receive"}
REASONS = {2: "superseded", 3: "ceased"}  # others count as compromised


@pytest.mark.parametrize("path", vectors.paths(), ids=vectors.name)
def test_vector(path: Path) -> None:
    case = vectors.read(path)
    run = {"envelope": run_envelope, "trust_bundle": run_bundle}[case["kind"]]
    RAN[run(case)] += 1


def test_that_vectors_were_found() -> None:
    """Stands behind the others in this file, and so runs after them."""
    if not vectors.paths() or sum(RAN.values()) not in (0, len(vectors.paths())):
        pytest.fail(f"not every vector ran: {RAN} of {len(vectors.paths())}")
    print(f"{RAN['verify']} verified, {RAN['bundle']} bundles, {RAN['open']} of cases that only open")


def run_envelope(case: dict[str, Any]) -> str:
    trust, asked = case["trust"], case["verify"]
    loader = Loader([bytes.fromhex(root) for root in trust["roots_hex"]], trust["domain"], case["skew_ms"])
    bundle = loader.load(vectors.octets(trust["bundle_hex"]), trust["now_ms"])
    if asked is None:
        return "open"
    verdict, result = None, "ok"
    try:
        verdict = verify(
            vectors.octets(case["envelope_hex"]),
            bundle,
            Question(
                channel=asked["channel"],
                signer=asked["signer"],
                at=asked["at_ms"],
                max_age=asked["max_age_ms"],
                limit=DEFAULT_LIMIT if case["max_len"] is None else case["max_len"],
                skew=case["skew_ms"],
            ),
        )
    except Refusal as refusal:
        verdict, result = refusal.verdict, refusal.result
    assert vectors.agrees(asked["expect"], result), f"{result} instead of {asked['expect']}"
    assert (verdict is None) == tells_nothing(result)
    if asked["claimed_time"] is not None:
        assert verdict is not None and verdict.claimed_time == asked["claimed_time"]
    if asked["facts"] is not None:
        assert verdict is not None
        at = asked["facts"]["at_ms"]
        assert {"at_ms": at} | vars(verdict.facts(at)) == asked["facts"]
    if asked["expect"] == "ok":
        assert verdict is not None and report(verdict) == case["reported"]
    return "verify"


def tells_nothing(result: str) -> bool:
    """What steps 1 to 4 refuse tells nothing of the header."""
    early = "untrusted/bundle_expired", "untrusted/unknown_signer", "untrusted/bad_signature"
    return result.split("/")[0] in ("malformed", "unsupported") or result in early


def run_bundle(case: dict[str, Any]) -> str:
    loader = Loader([bytes.fromhex(root) for root in case["roots_hex"]], case["domain"], case["skew_ms"])
    for earlier in case["earlier"]:
        _, result = load(loader, earlier["bundle_hex"], case["now_ms"])
        assert vectors.agrees(earlier["expect"], result)
    bundle, result = load(loader, case["bundle_hex"], case["now_ms"])
    assert vectors.agrees(case["expect"], result), f"{result} instead of {case['expect']}"
    if case["expect"] == "ok":
        assert bundle is not None and report_bundle(bundle) == case["reported"]
    return "bundle"


def load(loader: Loader, field: Any, now: int) -> tuple[Bundle | None, str]:
    try:
        return loader.load(vectors.octets(field), now), "ok"
    except Refusal as refusal:
        return None, refusal.result


def typed(value: str | bytes | int | bool) -> dict[str, Any]:
    if isinstance(value, bytes):
        return {"bytes_hex": value.hex()}
    return {{str: "text", bool: "bool", int: "int"}[type(value)]: value}


def report(v: Verdict) -> dict[str, Any]:
    h = v.header
    before = h.previous and {"epoch_id_hex": h.previous[0].hex(), "messages": h.previous[1]}
    return {
        "suite": SUITES[h.suite],
        "channel": h.channel,
        "signer": v.signer.subject,
        "key_id_hex": v.signer.key_id.hex(),
        "message_id_hex": h.message_id.hex(),
        "sealed_at_ms": h.sealed_at,
        "sequence": h.sequence,
        "epoch_id_hex": h.epoch.hex(),
        "previous": before,
        "content_type": h.content_type,
        "expires_at": h.expires,
        "headers": {name: typed(value) for name, value in h.application.items()},
        "extensions": [{"label": label, "value_hex": value.hex()} for label, value in h.extensions],
        "other_receipts": v.other_receipts(),
    }


def report_bundle(b: Bundle) -> dict[str, Any]:
    return {
        "domain": b.domain,
        "sequence": b.sequence,
        "issued_at": b.issued,
        "expires_at": b.expires,
        "root_key_id_hex": thumbprint(ED25519, b.root)[:8].hex(),
        "next_root_key_ids_hex": [thumbprint(ED25519, root)[:8].hex() for root in b.next_roots],
        "records": [
            {
                "key_id_hex": r.key_id.hex(),
                "thumbprint_hex": r.thumbprint.hex(),
                "public_key_hex": r.public.hex(),
                "use": USES[r.use],
                "subject": r.subject,
                "valid_from": r.valid_from,
                "valid_until": r.valid_until,
                "channels": r.patterns,
                "revocation": r.revocation
                and {
                    "revoked_at": r.revocation.at,
                    "reason": REASONS.get(r.revocation.reason, "compromised"),
                    "compromised_since": r.revocation.compromised_since,
                },
            }
            for r in b.records
        ],
        "skipped": len(b.skipped),
    }


def test_that_the_library_reads_the_same() -> None:
    """What is walked by hand is what `cbor2` decodes: for a sealer's envelopes."""
    read = 0
    for path in vectors.paths():
        if path.parent.name == "positive":
            whole = cbor2.loads(vectors.octets(vectors.read(path)["envelope_hex"]))
            assert whole.tag == 96 and len(whole.value) == 4
            header = cbor2.loads(whole.value[0])
            assert vectors.read(path)["reported"]["channel"] == header[15][3]
            read += 1
    assert read > 0
