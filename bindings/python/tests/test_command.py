"""The command line, on files made of vectors."""

import subprocess
import sys
from pathlib import Path

import pytest
import vectors
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PACKAGE = Path(__file__).resolve().parents[1]


@pytest.fixture
def good(tmp_path: Path) -> bytes:
    """Writes a trust bundle and the root's key; the result is an envelope."""
    case = vectors.read(vectors.CASES / "positive" / "alone.json")
    root = Ed25519PublicKey.from_public_bytes(bytes.fromhex(case["trust"]["roots_hex"][0]))
    pem = root.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "root.pub").write_bytes(pem)
    (tmp_path / "trust").write_bytes(vectors.octets(case["trust"]["bundle_hex"]))
    return vectors.octets(case["envelope_hex"])


def run(folder: Path, content: bytes, *options: str) -> tuple[int, list[str]]:
    (folder / "file").write_bytes(content)
    call = [sys.executable, "-m", "coseal_verify", "--trust", "trust", "--pin", "root.pub", *options, "file"]
    ended = subprocess.run(call, cwd=folder, env={"PYTHONPATH": str(PACKAGE)}, capture_output=True, text=True)
    return ended.returncode, ended.stdout.splitlines()


def test_a_sequence_is_told_envelope_by_envelope(tmp_path: Path, good: bytes) -> None:
    bad = good[:120] + bytes([good[120] ^ 1]) + good[121:]
    code, lines = run(tmp_path, good + bad + good)
    told = "valid, spiffe://example.test/orders, orders"
    assert lines == [
        f"file:0: {told}",
        f"file:{len(good)}: refused, untrusted/bad_signature",
        f"file:{2 * len(good)}: {told}",
    ]
    assert code == 1
    assert run(tmp_path, good) == (0, [f"file:0: {told}"])


def test_what_is_expected_is_compared(tmp_path: Path, good: bytes) -> None:
    assert run(tmp_path, good, "--channel", "other") == (1, ["file:0: refused, misdirected/channel"])
    late = str(1 << 50)
    assert run(tmp_path, good, "--at", late) == (1, ["file:0: refused, untrusted/bundle_expired"])
    assert run(tmp_path, good + b"\x1f") == (1, run(tmp_path, good)[1] + [f"file:{len(good)}: refused, malformed/cbor"])


def test_without_trust_nothing_is_verified(tmp_path: Path, good: bytes) -> None:
    (tmp_path / "trust").write_bytes(good)
    assert run(tmp_path, good) == (2, [])
