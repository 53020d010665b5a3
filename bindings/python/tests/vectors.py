"""Reads the files of test-vectors/cases. A field that is not known, or that is not
there, is an error."""

import json
from pathlib import Path
from typing import Any

CASES = Path(__file__).resolve().parents[3] / "test-vectors" / "cases"

FIELDS = {
    "envelope": "kind comment rule envelope_hex max_len skew_ms trust verify open reported intermediate",
    "trust_bundle": "kind comment rule bundle_hex roots_hex domain now_ms skew_ms earlier expect reported",
    "trust": "bundle_hex roots_hex domain now_ms",
    "verify": "channel signer at_ms max_age_ms expect claimed_time facts",
    "open": "mode channel signer now_ms window_ms keyring earlier position expect payload_hex redelivered",
}


def paths() -> list[Path]:
    return sorted(path for path in CASES.rglob("*") if path.is_file())


def name(path: Path) -> str:
    return path.relative_to(CASES).as_posix()


def read(path: Path) -> dict[str, Any]:
    case: dict[str, Any] = json.loads(path.read_text())
    has_fields(case, case["kind"])
    for part in ("trust", "verify", "open"):
        if case.get(part) is not None:
            has_fields(case[part], part)
    return case


def has_fields(part: dict[str, Any], shape: str) -> None:
    expected = set(FIELDS[shape].split())
    assert part.keys() == expected, f"{shape}: {part.keys() ^ expected}"


def octets(field: str | list[dict[str, Any]]) -> bytes:
    """Hexadecimal digits; or, where a file would be long, runs of them."""
    if isinstance(field, str):
        return bytes.fromhex(field)
    return b"".join(bytes.fromhex(run["hex"]) * run["times"] for run in field)


def agrees(expected: str, result: str) -> bool:
    """Where a code that has kinds stands alone, the specification says that either of two
    kinds is right."""
    return expected == result or expected == result.split("/")[0]
