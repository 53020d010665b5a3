"""Opens coseal envelopes in Python: sections 5 and 6 of schemas/envelope.md, on top of
the verifier in bindings/python. Nothing is decrypted that did not verify.

    python open_envelope.py --trust trust.bundle --pin root.key.pub --key billing.key \\
        [--channel orders] FILE > payload

It opens as an archive does: replay is not judged, which takes a memory (9.8).
"""

import argparse
import hmac
import sys
import time
from pathlib import Path

from coseal_verify import Loader, Question, Refusal, Verdict, verify
from coseal_verify.__main__ import pinned
from coseal_verify.cbor import Item, encode
from coseal_verify.envelope import A256KW, HPKE, check_recipient
from coseal_verify.keys import X25519, thumbprint
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap
from cryptography.hazmat.primitives.serialization import load_pem_private_key

AEADS: dict[int, type[AESGCM] | type[ChaCha20Poly1305]] = {-65541: AESGCM, -65542: ChaCha20Poly1305}
KEM = b"KEM\x00\x20"
SUITE = b"HPKE\x00\x20\x00\x01\x00\x03"


class Keyring:
    """Receiving keys by key ID, KEKs by the ID that was agreed on."""

    def __init__(self, receiving: list[bytes], keks: dict[bytes, bytes] | None = None) -> None:
        keys = [X25519PrivateKey.from_private_bytes(secret) for secret in receiving]
        self.receiving = {thumbprint(X25519, k.public_key().public_bytes_raw())[:8]: k for k in keys}
        self.keks = keks or {}


def open_envelope(b: bytes, trust: Loader, asked: Question, keyring: Keyring) -> tuple[bytes, Verdict]:
    """Steps 1 to 7 of section 9, under the bundle that was loaded last. Raises Refusal."""
    if trust.state is None:
        raise ValueError("load a trust bundle first")
    verdict = verify(b, trust.state, asked)
    secret = epoch_secret(verdict, keyring)
    return decrypt(verdict, secret), verdict


def epoch_secret(verdict: Verdict, keyring: Keyring) -> bytes:
    """9.6: from the first entry that is ours, and no other is tried."""
    for entry in verdict.envelope.recipients:
        kind = check_recipient(entry)
        _, unprotected, encrypted = entry.array(3, 3)
        try:
            if kind == HPKE:
                labels = unprotected.fields({4, -4})
                key = keyring.receiving.get(labels[4].bstr())
                if key is not None:
                    return hpke_open(key, labels[-4].bstr(), encrypted.bstr(), hpke_info(verdict, entry))
            elif kind == A256KW:
                kek = keyring.keks.get(unprotected.fields({1, 4})[4].bstr())
                if kek is not None:
                    return aes_key_unwrap(kek, encrypted.bstr())  # 6.2
        except (InvalidTag, InvalidUnwrap, ValueError):  # ValueError: an all-zero dh
            raise Refusal("undecryptable") from None
    raise Refusal("no_key")


def extract(salt: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), ikm, "sha256")  # RFC 5869 §2.2


def expand(prk: bytes, info: bytes, length: int) -> bytes:
    return HKDFExpand(SHA256(), length, info).derive(prk)  # RFC 5869 §2.3


def labeled_extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return extract(salt, b"HPKE-v1" + suite + label + ikm)


def labeled_expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return expand(prk, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)


def hpke_info(verdict: Verdict, entry: Item) -> bytes:
    """6.1."""
    header = verdict.header
    extra = encode(["coseal/v1 epoch", header.epoch, verdict.signer.thumbprint])
    return encode(["HPKE Recipient", header.suite, entry.array(3, 3)[0].bstr(), extra])


def hpke_open(key: X25519PrivateKey, enc: bytes, ct: bytes, info: bytes) -> bytes:
    """6.1, written out."""
    dh = key.exchange(X25519PublicKey.from_public_bytes(enc))  # refuses all zero
    eae_prk = labeled_extract(KEM, b"", b"eae_prk", dh)
    public = key.public_key().public_bytes_raw()
    shared_secret = labeled_expand(KEM, eae_prk, b"shared_secret", enc + public, 32)
    psk_id_hash = labeled_extract(SUITE, b"", b"psk_id_hash", b"")
    context = b"\0" + psk_id_hash + labeled_extract(SUITE, b"", b"info_hash", info)
    secret = labeled_extract(SUITE, shared_secret, b"secret", b"")
    aead = ChaCha20Poly1305(labeled_expand(SUITE, secret, b"key", context, 32))
    return aead.decrypt(labeled_expand(SUITE, secret, b"base_nonce", context, 12), ct, b"")


def decrypt(verdict: Verdict, secret: bytes) -> bytes:
    """Section 5. The commitment is compared whole, in constant time, and first."""
    envelope, suite = verdict.envelope, verdict.header.suite
    prk = extract(verdict.header.iv, secret)
    data_key = expand(prk, b"coseal/v1 key" + encode(suite), 32)
    commitment = expand(prk, b"coseal/v1 commit" + encode(suite), 32)
    aad = encode(["Encrypt", envelope.protected, b""])
    if not hmac.compare_digest(commitment, envelope.ciphertext[:32]):
        raise Refusal("undecryptable")
    try:
        return AEADS[suite](data_key).decrypt(bytes(12), envelope.ciphertext[32:], aad)
    except InvalidTag:
        raise Refusal("undecryptable") from None


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--trust", type=Path, required=True)
    options.add_argument("--pin", type=Path, required=True)
    options.add_argument("--key", type=Path, required=True, help="a receiving key, not encrypted")
    options.add_argument("--channel")
    options.add_argument("file", type=Path)
    given = options.parse_args()
    key = load_pem_private_key(given.key.read_bytes(), None)
    if not isinstance(key, X25519PrivateKey):
        options.error(f"{given.key}: not a receiving key")
    try:
        trust = Loader([pinned(given.pin)])
        trust.load(given.trust.read_bytes(), time.time_ns() // 1_000_000)
        keyring = Keyring([key.private_bytes_raw()])
        asked = Question(channel=given.channel)
        payload, verdict = open_envelope(given.file.read_bytes(), trust, asked, keyring)
    except Refusal as refusal:
        print(f"refused: {refusal}", file=sys.stderr)
        return 1
    print(f"sealed by {verdict.signer.subject} for {verdict.header.channel}", file=sys.stderr)
    sys.stdout.buffer.write(payload)
    return 0


if __name__ == "__main__":
    sys.exit(main())
