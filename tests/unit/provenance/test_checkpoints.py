"""Text checkpoints: the published example, a note of Go's that verifies, and everything that is no checkpoint."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import checkpoints
from monazite_provenance._cbor import encode
from monazite_provenance.checkpoints import (
    LINES_MAX,
    checkpoint_text,
    cosign,
    parse_checkpoint_text,
    sign_checkpoint,
    verify_cosignature,
    verify_log_signature,
)
from monazite_provenance.errors import BadField, BadSignature, ProvenanceError, TooLarge, UnsupportedAlgorithm
from monazite_provenance.keys import Algorithm, PublicKey, SoftwareKey

# C2SP tlog-cosignature, "Below is an example of a checkpoint that contains a cosignature"; its keys are not published.
PUBLISHED = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE"
    "+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+"
    "mbIUBkBIfZ+qnA==\n"
)
# The first example of Go's golang.org/x/mod/sumdb/note, whose key is published with it.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="

ORIGIN = "urn:monazite:log:registry:0"
ROOT = sha256(b"root").digest()
KEY = SoftwareKey.generate()
WITNESS = SoftwareKey.generate()
CHECKPOINT = sign_checkpoint(ORIGIN, 1000, ROOT, KEY)
NOW_S = 1_790_000_000


def test_the_published_example() -> None:
    found = parse_checkpoint_text(PUBLISHED)
    assert (found.origin, found.size) == ("example.com/behind-the-sofa", 20852163)
    assert found.text == PUBLISHED.partition("\n\n")[0] + "\n"
    assert checkpoint_text(found.origin, found.size, found.root) == found.text
    log, witness = found.signatures
    assert (log.name, len(log.signature)) == ("example.com/behind-the-sofa", 64)
    assert (witness.name, len(witness.signature)) == ("witness.example.com/w1", 8 + 64)
    # The specification writes out what this witness signed: "time 1679315147".
    assert int.from_bytes(witness.signature[:8], "big") == 1679315147
    for name in (log.name, witness.name):
        with pytest.raises(BadSignature):
            verify_cosignature(found, name, WITNESS.public)
    with pytest.raises(BadSignature):
        verify_log_signature(found, KEY.public)


def test_a_note_of_another_implementation() -> None:
    name, key_hash, encoded = GO_KEY.split("+", 2)
    raw = base64.b64decode(encoded)
    assert raw[0] == 1
    key = PublicKey(Ed25519PublicKey.from_public_bytes(raw[1:]))
    # Not a checkpoint, so that the reader of those does not take it; its line and its key hash are of the same form.
    line = checkpoints.NoteSignature(name, bytes.fromhex(key_hash), base64.b64decode(GO_SIGNATURE)[4:])
    assert base64.b64decode(GO_SIGNATURE)[:4] == line.key_hash
    verify_log_signature(checkpoints.Checkpoint(name, 0, ROOT, GO_TEXT, (line,)), key)
    with pytest.raises(BadSignature):
        verify_log_signature(checkpoints.Checkpoint(name, 0, ROOT, GO_TEXT + " ", (line,)), key)


@given(st.integers(0, 2**62), st.binary(min_size=32, max_size=32))
def test_a_log_signs_and_a_witness_cosigns(size: int, root: bytes) -> None:
    signed = sign_checkpoint(ORIGIN, size, root, KEY)
    found = parse_checkpoint_text(signed)
    assert (found.origin, found.size, found.root) == (ORIGIN, size, root)
    verify_log_signature(found, KEY.public)
    both = parse_checkpoint_text(cosign(signed, "w.example/1", WITNESS, timestamp_s=NOW_S))
    verify_log_signature(both, KEY.public)
    assert verify_cosignature(both, "w.example/1", WITNESS.public) == NOW_S
    for name, key in (("w.example/2", WITNESS.public), ("w.example/1", KEY.public)):
        with pytest.raises(BadSignature):
            verify_cosignature(both, name, key)


def test_ml_dsa_co_signs_too() -> None:
    key = SoftwareKey.generate(Algorithm.ML_DSA_44)
    # A log that signs with both: Ed25519 as a log, ML-DSA as C2SP has it, as a co-signature by its own name.
    signed = parse_checkpoint_text(cosign(CHECKPOINT, ORIGIN, key, timestamp_s=NOW_S))
    verify_log_signature(signed, KEY.public)
    assert verify_cosignature(signed, ORIGIN, key.public) == NOW_S
    # What is signed is written out in tlog-cosignature, "ML-DSA-44 signed message".
    message = (
        b"subtree/v1\n\x00" + bytes((len(ORIGIN),)) + ORIGIN.encode() + NOW_S.to_bytes(8, "big")
        + bytes((len(ORIGIN),)) + ORIGIN.encode() + bytes(8) + (1000).to_bytes(8, "big") + ROOT
    )  # fmt: skip
    key.public.verify(signed.signatures[-1].signature[8:], message)
    other = parse_checkpoint_text(cosign(CHECKPOINT, "w.example/1", key, timestamp_s=NOW_S))
    moved = checkpoints.Checkpoint(
        ORIGIN, 1000, ROOT, other.text, (signed.signatures[-1]._replace(name="w.example/1"), *other.signatures[:1])
    )
    with pytest.raises(BadSignature):
        verify_cosignature(moved, "w.example/1", key.public)


def test_other_algorithms_sign_no_text() -> None:
    for algorithm in (Algorithm.ESP256, Algorithm.ML_DSA_65):
        key = SoftwareKey.generate(algorithm)
        with pytest.raises(UnsupportedAlgorithm):
            sign_checkpoint(ORIGIN, 1, ROOT, key)
        with pytest.raises(UnsupportedAlgorithm):
            cosign(CHECKPOINT, "w", key, timestamp_s=NOW_S)
        with pytest.raises(UnsupportedAlgorithm):
            verify_log_signature(parse_checkpoint_text(CHECKPOINT), key.public)
        with pytest.raises(UnsupportedAlgorithm):
            verify_cosignature(parse_checkpoint_text(CHECKPOINT), "w", key.public)


def test_a_bad_line_does_not_veto_and_the_latest_time_counts() -> None:
    signed = cosign(CHECKPOINT, "w", WITNESS, timestamp_s=NOW_S)
    later = cosign(signed, "w", WITNESS, timestamp_s=NOW_S + 60)
    found = parse_checkpoint_text(later)
    assert verify_cosignature(found, "w", WITNESS.public) == NOW_S + 60
    log, first, _ = found.signatures
    bad = (log._replace(signature=bytes(64)), first._replace(signature=first.signature[:-1] + b"\0"))
    short = (log._replace(signature=b"s"), first._replace(signature=b"s"))
    spoiled = checkpoints.Checkpoint(found.origin, found.size, found.root, found.text, (*bad, *short, log, first))
    verify_log_signature(spoiled, KEY.public)
    assert verify_cosignature(spoiled, "w", WITNESS.public) == NOW_S
    backdated = first._replace(signature=(NOW_S - 1).to_bytes(8, "big") + first.signature[8:])
    endless = first._replace(signature=b"\xff" * 8 + first.signature[8:])
    with pytest.raises(BadSignature):
        verify_cosignature(
            checkpoints.Checkpoint(found.origin, found.size, found.root, found.text, (backdated, endless)),
            "w",
            WITNESS.public,
        )


BODY, LINES = CHECKPOINT.split("\n\n")
ROOT_TEXT = base64.b64encode(ROOT).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        BODY,
        BODY + "\n\n",
        BODY + "\n\n" + LINES[:-1],
        BODY + "\n" + LINES,
        BODY + "\nextension\n\n" + LINES,
        BODY + "\n\n\n" + LINES,
        f"{ORIGIN}\n01000\n{ROOT_TEXT}\n\n{LINES}",
        f"{ORIGIN}\n-1\n{ROOT_TEXT}\n\n{LINES}",
        f"{ORIGIN}\n+1\n{ROOT_TEXT}\n\n{LINES}",
        f"{ORIGIN}\n\N{FULLWIDTH DIGIT ONE}\n{ROOT_TEXT}\n\n{LINES}",
        f"{ORIGIN}\n{2**62 + 1}\n{ROOT_TEXT}\n\n{LINES}",
        f"{ORIGIN}\n{10**30}\n{ROOT_TEXT}\n\n{LINES}",
        f"{ORIGIN}\n1\n{ROOT_TEXT[:-1]}\n\n{LINES}",
        f"{ORIGIN}\n1\n{ROOT_TEXT}=\n\n{LINES}",
        f"{ORIGIN}\n1\n {ROOT_TEXT}\n\n{LINES}",
        f"{ORIGIN}\n1\n{base64.b64encode(bytes(31)).decode()}\n\n{LINES}",
        f"{ORIGIN}\n1\n{base64.b64encode(bytes(33)).decode()}\n\n{LINES}",
        f"go.sum database tree\n1\n{ROOT_TEXT}\n\n{LINES}",
        f"a+b\n1\n{ROOT_TEXT}\n\n{LINES}",
        f"\n1\n{ROOT_TEXT}\n\n{LINES}",
        f"{'o' * 256}\n1\n{ROOT_TEXT}\n\n{LINES}",
        f"{ORIGIN}\r\n1\n{ROOT_TEXT}\n\n{LINES}",
        f"{ORIGIN}\n1\n{ROOT_TEXT}\n\n{LINES.replace(chr(0x2014), '-')}",
        f"{ORIGIN}\n1\n{ROOT_TEXT}\n\n— {ORIGIN}\n",
        f"{ORIGIN}\n1\n{ROOT_TEXT}\n\n— {ORIGIN} AAAA\n",
        f"{ORIGIN}\n1\n{ROOT_TEXT}\n\n— {ORIGIN} AAAAAA==\n",
        f"{ORIGIN}\n1\n{ROOT_TEXT}\n\n— a b AAAAAAAA\n",
        f"{ORIGIN}\n1\n{ROOT_TEXT}\n\n—  AAAAAAAA\n",
        f"{ORIGIN}\n1\n{ROOT_TEXT}\n\n{LINES}\n{LINES}",
        f"{ORIGIN}\n1\n{ROOT_TEXT}\n\n{LINES[:-2]}\x07\n",
        f"{ORIGIN}\n1\n{ROOT_TEXT}\n\n— {ORIGIN} AAAAAAB=\n",
        "\ud800\n1\n",
    ],
)
def test_what_is_no_checkpoint(text: str) -> None:
    with pytest.raises(BadField):
        parse_checkpoint_text(text)


def test_bounds() -> None:
    with pytest.raises(TooLarge):
        parse_checkpoint_text(BODY + "\n\n" + LINES * (LINES_MAX + 1))
    with pytest.raises(TooLarge):
        parse_checkpoint_text("o" * (128 * 1024 + 1))
    assert len(parse_checkpoint_text(BODY + "\n\n" + LINES * LINES_MAX).signatures) == LINES_MAX


def test_what_cannot_be_written() -> None:
    for origin, size, root in (("a b", 1, ROOT), ("a+b", 1, ROOT), ("", 1, ROOT), (ORIGIN, -1, ROOT), (ORIGIN, 1, b"")):
        with pytest.raises(BadField):
            sign_checkpoint(origin, size, root, KEY)
    for name, timestamp_s in (("w 1", NOW_S), ("", NOW_S), ("w", -1), ("w", 2**63)):
        with pytest.raises(BadField):
            cosign(CHECKPOINT, name, WITNESS, timestamp_s=timestamp_s)


def test_a_signer_that_answers_nonsense() -> None:
    class Broken:
        """Answers with nothing."""

        public = KEY.public

        def sign(self, message: bytes) -> bytes:
            """Wrong, whatever is asked."""
            return bytes(len(message[:64]))

    with pytest.raises(BadSignature):
        sign_checkpoint(ORIGIN, 1, ROOT, Broken())
    with pytest.raises(BadSignature):
        cosign(CHECKPOINT, "w", Broken(), timestamp_s=NOW_S)


@given(st.one_of(st.text(), st.text().map(lambda text: f"{ORIGIN}\n1\n{ROOT_TEXT}\n\n{text}\n")))
def test_any_text_gives_a_provenance_error(text: str) -> None:
    try:
        found = parse_checkpoint_text(text)
    except ProvenanceError:
        return
    with pytest.raises(BadSignature):
        verify_log_signature(found, KEY.public)


def test_keys_of_low_order_are_no_keys() -> None:
    with pytest.raises(BadField):
        PublicKey.from_cose_key(encode({1: 1, -1: 6, -2: bytes(32)}))
