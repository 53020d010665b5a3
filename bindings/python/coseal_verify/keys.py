"""Sections 4 and 7.5: keys, and which signatures are accepted."""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .cbor import encode

X25519, ED25519 = 4, 6

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P  # RFC 8032 §5.1

# The points of small order (4.1): u of X25519, and y of Ed25519 for either sign.
ORDER_8_U = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"
ORDER_8_U_2 = "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"
ORDER_8_Y = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
SMALL_U = {0, 1, P - 1} | {int.from_bytes(bytes.fromhex(u), "little") for u in (ORDER_8_U, ORDER_8_U_2)}
SMALL_Y = {0, 1, P - 1} | {y % P for y in [int.from_bytes(bytes.fromhex(ORDER_8_Y), "little")] for y in (y, -y)}


def thumbprint(curve: int, public: bytes) -> bytes:
    """Section 4; a key ID is its first 8 bytes."""
    return hashlib.sha256(encode({1: 1, -1: curve, -2: public})).digest()


def sound_point(b: bytes) -> bool:
    """4.1 for Ed25519, and rules 2 and 3 of 7.5: the canonical encoding of a point (RFC
    8032 §5.1.3) that is not of small order. Where x is 0, y is 1 or -1: of small order,
    whatever the sign bit says."""
    y = int.from_bytes(b, "little") & ((1 << 255) - 1)
    if len(b) != 32 or y >= P or y in SMALL_Y:
        return False
    x_squared = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    return pow(x_squared, (P - 1) // 2, P) == 1  # it has a root (Euler)


def sound_u(b: bytes) -> bool:
    """4.1 for X25519."""
    u = int.from_bytes(b, "little")
    return len(b) == 32 and u < P and u not in SMALL_U


def accepted(public: bytes, message: bytes, signature: bytes) -> bool:
    """7.5. The library (OpenSSL) checks rules 1 and 4, and no others."""
    if len(signature) != 64 or not sound_point(public) or not sound_point(signature[:32]):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def signed(protected: bytes, external: bytes, payload: bytes) -> bytes:
    """The Sig_structure of RFC 9052 §4.4."""
    return encode(["Signature1", protected, external, payload])
