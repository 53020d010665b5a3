"""Verifies files of envelopes, one after the other in each (section 13): a line for
each envelope. Ends with 1 where one was refused, with 2 where there is no trust."""

import argparse
import sys
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from . import Loader, Question, Refusal, verify
from .cbor import strict


def pinned(path: Path) -> bytes:
    key = load_pem_public_key(path.read_bytes())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError(f"{path}: not an Ed25519 key")
    return key.public_bytes_raw()


def main() -> int:
    options = argparse.ArgumentParser(prog="coseal_verify", description=__doc__)
    options.add_argument("--trust", type=Path, required=True, metavar="BUNDLE")
    options.add_argument("--pin", type=Path, action="append", required=True, metavar="ROOT.pub")
    options.add_argument("--channel", help="the one to expect")
    options.add_argument("--at", type=int, metavar="MS", help="judge time, too: since 1970")
    options.add_argument("files", type=Path, nargs="+", metavar="FILE")
    given = options.parse_args()
    try:
        loader = Loader([pinned(path) for path in given.pin])
        bundle = loader.load(given.trust.read_bytes(), time.time_ns() // 1_000_000)
    except (OSError, ValueError, Refusal) as refused:
        print(f"no trust: {refused}", file=sys.stderr)
        return 2
    failed, asked = 0, Question(channel=given.channel, at=given.at)
    for path in given.files:
        b, begin = path.read_bytes(), 0
        while begin < len(b):
            end = len(b)  # what is not deterministic is refused with all behind it
            try:
                end = strict(b, begin)
                verdict = verify(b[begin:end], bundle, asked)
                told = f"valid, {verdict.signer.subject}, {verdict.header.channel}"
            except Refusal as refused:
                failed, told = 1, f"refused, {refused}"
            print(f"{path}:{begin}: {told}")
            begin = end
    return failed


if __name__ == "__main__":
    sys.exit(main())
