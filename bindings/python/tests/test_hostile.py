"""Whatever is done to an envelope, it is refused with a code, or what was changed is not
signed: the recipients."""

import vectors

from coseal_verify import Loader, Question, Refusal, verify


def test_every_bit_and_every_length() -> None:
    case = vectors.read(vectors.CASES / "positive" / "batch_3_1.json")
    loader = Loader([bytes.fromhex(case["trust"]["roots_hex"][0])])
    bundle = loader.load(vectors.octets(case["trust"]["bundle_hex"]), case["trust"]["now_ms"])
    envelope = vectors.octets(case["envelope_hex"])
    good = verify(envelope, bundle, Question()).envelope
    shorter = [envelope[:n] for n in range(len(envelope))]
    number = int.from_bytes(envelope, "big")
    changed = [(number ^ 1 << bit).to_bytes(len(envelope), "big") for bit in range(8 * len(envelope))]
    refused = 0
    for other in shorter + changed:
        try:
            found = verify(other, bundle, Question()).envelope
            assert (found.protected, found.ciphertext) == (good.protected, good.ciphertext)
            assert len(other) == len(envelope)
        except Refusal:
            refused += 1
    assert refused > len(envelope)
