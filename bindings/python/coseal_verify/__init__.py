"""Verifies coseal envelopes, version 1, with public keys only. It opens nothing.

It was written from schemas/envelope.md and from nothing else. Every function names
the section that it follows. Read the files in the order of the reading: cbor.py
(section 2), envelope.py (steps 1 and 2), receipt.py (3.3 and 7), keys.py (4 and
7.5), bundle.py (8), verify.py (steps 3 to 5).
"""

from .bundle import Bundle, Loader, Record
from .cbor import Refusal
from .verify import Facts, Question, Verdict, verify

__all__ = ["Bundle", "Facts", "Loader", "Question", "Record", "Refusal", "Verdict", "verify"]
