"""Every vector whose `open` part is within the reach of this example: whatever the mode,
what a reader without a memory comes to. Left out is what depends on messages that the
same reader opened before."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import vectors
from coseal_verify import Loader, Question, Refusal
from coseal_verify.verify import DEFAULT_LIMIT
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from open_envelope import Keyring, open_envelope

RAN: Counter[str] = Counter()


def opens(path: Path) -> bool:
    case = vectors.read(path)
    return case["kind"] == "envelope" and case["open"] is not None and not case["open"]["earlier"]


CASES = [path for path in vectors.paths() if opens(path)]


@pytest.mark.parametrize("path", CASES, ids=vectors.name)
def test_vector(path: Path) -> None:
    case = vectors.read(path)
    trust, asked = case["trust"], case["open"]
    loader = Loader([bytes.fromhex(root) for root in trust["roots_hex"]], trust["domain"], case["skew_ms"])
    loader.load(vectors.octets(trust["bundle_hex"]), trust["now_ms"])
    live = asked["mode"] == "live"
    question = Question(
        channel=asked["channel"],
        signer=asked["signer"],
        at=asked["now_ms"] if live else None,
        # With a position the reference is what was opened before in that log: nothing (9.9).
        max_age=asked["window_ms"] if asked["position"] is None else None,
        limit=DEFAULT_LIMIT if case["max_len"] is None else case["max_len"],
        skew=case["skew_ms"],
    )
    payload, result = None, "ok"
    try:
        payload, _ = open_envelope(vectors.octets(case["envelope_hex"]), loader, question, keyring(asked))
    except Refusal as refusal:
        result = refusal.result
    assert vectors.agrees(asked["expect"], result), f"{result} instead of {asked['expect']}"
    if asked["expect"] == "ok":
        assert payload == vectors.octets(asked["payload_hex"])
    else:
        assert payload is None
    RAN["opened" if payload is not None else "refused"] += 1


def keyring(asked: dict[str, Any]) -> Keyring:
    keks = {bytes.fromhex(k["id_hex"]): bytes.fromhex(k["key_hex"]) for k in asked["keyring"]["keks"]}
    return Keyring([bytes.fromhex(key) for key in asked["keyring"]["receiving_keys_hex"]], keks)


def test_that_vectors_were_opened() -> None:
    """Stands behind the vectors, and so runs after them."""
    assert CASES
    print(f"{len(CASES)} of {len(vectors.paths())} cases are opened")
    if sum(RAN.values()) == len(CASES):
        assert RAN["opened"] > 0 and RAN["refused"] > 0, RAN


def test_the_program_prints_the_payload(tmp_path: Path) -> None:
    case = vectors.read(vectors.CASES / "positive" / "archive.json")
    root = Ed25519PublicKey.from_public_bytes(bytes.fromhex(case["trust"]["roots_hex"][0]))
    key = X25519PrivateKey.from_private_bytes(bytes.fromhex(case["open"]["keyring"]["receiving_keys_hex"][0]))
    (tmp_path / "root").write_bytes(root.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (tmp_path / "key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "trust").write_bytes(vectors.octets(case["trust"]["bundle_hex"]))
    (tmp_path / "file").write_bytes(vectors.octets(case["envelope_hex"]))
    here = Path(__file__).resolve().parent
    call = [sys.executable, str(here / "open_envelope.py"), "--trust", "trust", "--pin", "root", "--key", "key", "file"]
    package = str(here.parents[1] / "bindings" / "python")
    ended = subprocess.run(call, cwd=tmp_path, env={"PYTHONPATH": package}, capture_output=True)
    assert ended.stdout == vectors.octets(case["open"]["payload_hex"]), ended.stderr
    assert ended.stderr.decode().startswith("sealed by spiffe://example.test/orders for ")
