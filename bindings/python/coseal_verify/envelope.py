"""Section 3; steps 1 and 2 of reading: 9.1 and 9.2."""

import unicodedata
from dataclasses import dataclass

from .cbor import ARRAY, BYTES, MAP, TEXT, Item, Rules, decode, encode, extension, refuse, values
from .receipt import Receipt, read_receipt

SUITES = {-65541: "a256gcm", -65542: "chacha20poly1305"}
ORIGIN, APPLICATION = -65537, -65538
EXTENSIONS = range(-65663, -65599)
HPKE, A256KW = -65543, -5


@dataclass
class Header:
    """3.2. Times in milliseconds, expiries in seconds; extension values as encoded."""

    suite: int
    iv: bytes
    channel: str
    expires: int | None
    signer: bytes
    epoch: bytes
    previous: tuple[bytes, int] | None
    content_type: str | None
    application: dict[str, str | bytes | int | bool]
    extensions: list[tuple[int, bytes]]
    unlisted: bool

    @property
    def message_id(self) -> bytes:
        return self.iv[:16]

    @property
    def sealed_at(self) -> int:
        return int.from_bytes(self.iv[:6], "big")

    @property
    def sequence(self) -> int:
        return int.from_bytes(self.iv[16:], "big")


@dataclass
class Envelope:
    header: Header
    protected: bytes
    receipt: Receipt
    later: list[bytes]
    ciphertext: bytes
    recipients: list[Item]  # of the shape of 3.5


def read_envelope(b: bytes, limit: int) -> Envelope:
    """Steps 1 and 2."""
    refuse(len(b) > limit, "malformed/too_large")  # 1
    whole = decode(b)  # 2
    refuse_other_versions(whole)  # 3
    protected, unprotected, ciphertext, recipients = whole.tagged(96).array(4, 4)  # 4: 3.1
    header = read_header(decode(protected.bstr(0, 16384)))
    first, *later = unprotected.fields({394})[394].array(1, 4)
    receipt = read_receipt(first.bstr())
    others = [r.bstr(1, 16384) for r in later]
    detached = ciphertext == b"\xf6"
    content = b"" if detached else ciphertext.bstr(48)
    entries = recipients.array(1, 64)
    for entry in entries:
        check_recipient(entry)
    refuse(header.unlisted, "unsupported/header")
    refuse(header.suite not in SUITES, "unsupported/suite")
    refuse(detached, "unsupported/detached")
    refuse(not receipt.known, "unsupported/receipt")
    return Envelope(header, protected.bstr(), receipt, others, content, entries)


def refuse_other_versions(whole: Item) -> None:
    """9.1, point 3. What is not of this form is left to point 4."""

    def first(x: Item | None, major: int) -> Item | None:
        return next(x.children(), None) if x and x.major == major else None

    protected = first(Item(whole[2:]), ARRAY) if whole.startswith(b"\xd8\x60") else None
    if protected is not None and protected.major == BYTES:
        header = protected.embedded()
        version = first(header.entry(ORIGIN), ARRAY) if header.major == MAP else None
        other = version is not None and version.is_int() and not version.is_int(1)
        refuse(other, "unsupported/version")


def read_header(x: Item) -> Header:
    """3.2."""
    extensions: list[tuple[int, bytes]] = []
    unknown: list[Item] = []

    def other(key: Item, value: Item) -> None:
        if key.major != TEXT and key.integer() in EXTENSIONS:
            extension(value)
            extensions.append((key.integer(), bytes(value)))
        else:
            values(value, tags=True)
            unknown.append(key)

    rules: Rules = {1: Item.integer, 3: lambda x: x.tstr(1, 255), 5: read_iv, 15: read_claims,
                    ORIGIN: read_origin, APPLICATION: read_application}
    f = x.read(rules, {1, 5, 15, ORIGIN}, other)
    (channel, expires), (signer, epoch, previous) = f[15], f[ORIGIN]
    header = Header(f[1], f[5], channel, expires, signer, epoch, previous, f.get(3),
                    f.get(APPLICATION, {}), extensions, bool(unknown))
    refuse(header.previous is not None and header.sequence != 0)
    return header


def read_iv(x: Item) -> bytes:
    iv = x.bstr(24, 24)
    refuse(iv[6] >> 4 != 7 or iv[8] >> 6 != 2)
    return iv


def read_claims(x: Item) -> tuple[str, int | None]:
    """Label 15, with the channel name of 3.6."""
    claims = x.fields({3}, {4})
    name = claims[3].tstr(1, 255)
    refuse(any(c in "*>" or unicodedata.category(c) == "Cc" for c in name))
    return name, claims[4].time() if 4 in claims else None


def read_origin(x: Item) -> tuple[bytes, bytes, tuple[bytes, int] | None]:
    version, signer, epoch, *rest = x.array(3, 4)
    refuse(not version.is_int(1))
    pairs = [previous.array(2, 2) for previous in rest]
    names = [(before.bstr(8, 8), messages.uint()) for before, messages in pairs]
    return signer.bstr(8, 8), epoch.bstr(8, 8), names[0] if names else None


def read_application(x: Item) -> dict[str, str | bytes | int | bool]:
    x.want(MAP, 1, 32)
    return {name.tstr(1, 64): application_value(value) for name, value in x.entries()}


def application_value(x: Item) -> str | bytes | int | bool:
    if x in (b"\xf4", b"\xf5"):
        return x == b"\xf5"
    if x.major == TEXT:
        return x.tstr(0, 4096)
    return x.bstr(0, 4096) if x.major == BYTES else x.integer()


def check_recipient(x: Item) -> int | None:
    """3.5: shapes only, as whoever verifies needs no recipient. HPKE, A256KW or neither."""
    protected, unprotected, ciphertext = x.array(3, 3)
    inside = protected.embedded() if protected.bstr() else Item(b"\xa0")
    if inside.entry(1) == encode(HPKE):
        inside.fields({1})
        labels = unprotected.fields({4, -4})
        sizes = [len(part.bstr()) for part in (labels[4], labels[-4], ciphertext)]
        refuse(sizes != [8, 32, 48])
        return HPKE
    if not protected.bstr() and unprotected.entry(1) == encode(A256KW):
        unprotected.fields({1, 4})[4].bstr(1, 64)
        ciphertext.bstr(40, 40)
        return A256KW
    refuse(len(x) > 4096 or unprotected.major != MAP or ciphertext.major != BYTES)
    values(unprotected, tags=True)
    values(inside, tags=True)
    return None
