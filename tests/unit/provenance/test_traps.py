"""The ten traps of the design, each of which caught somebody."""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path

import cbor2
import monazite_provenance
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from monazite_provenance import (
    Algorithm,
    CertifiedKey,
    PublicKey,
    SoftwareKey,
    Verifier,
    _cbor,
    _forms,
    _usual,
    ecdsa_raw_from_der,
    parse,
    tree,
)
from monazite_provenance.errors import (
    AlgorithmMismatch,
    BadField,
    BadSignature,
    KeyProblem,
    NotDeterministic,
    ProofMismatch,
    TrailingBytes,
    UnknownKey,
)
from monazite_provenance.keys import LOW_ORDER_POINTS

from tests.unit.provenance.examples import (
    CLAIMS,
    ED25519,
    ESP256,
    RING,
    Ring,
    a_draft,
    an_item,
    certified,
    header,
    payload,
    signed,
)

VERIFIER = Verifier(RING)
PACKAGE = Path(inspect.getfile(monazite_provenance)).parent


def test_trap_1_bytes_are_deterministic_and_nothing_follows() -> None:
    # What cbor2 calls canonical sorts shorter keys first; a statement encoded so is refused, well signed though it is.
    claims = {1: "urn:a", 2: "urn:b", 6: 0, -70001: 5}
    length_first = cbor2.dumps({**header(), 15: {-1: 0, 100: 0}}, canonical=True)
    with pytest.raises(NotDeterministic):
        VERIFIER.verify_statement(signed(length_first))
    shuffled = cbor2.dumps({**header(), 15: dict(reversed(claims.items()))})
    with pytest.raises(NotDeterministic):
        VERIFIER.verify_statement(signed(shuffled))
    raw = an_item().statement
    assert cbor2.loads(raw + b"\x00")
    with pytest.raises(TrailingBytes):
        VERIFIER.verify_statement(raw + b"\x00")
    for inside in (signed(_cbor.encode(header()) + b"\x00"), signed(header(), payload() + b"\x00")):
        with pytest.raises(TrailingBytes):
            VERIFIER.verify_statement(inside)


def test_trap_1_the_unprotected_map_holds_receipts_alone() -> None:
    head, body = _cbor.encode(header()), payload()
    signature = ED25519.sign(_cbor.encode(["Signature1", head, b"", body]))
    cases: list[dict[int, _cbor.Encodable]] = [
        {1: -9},
        {4: ESP256.public.kid},
        {15: {}},
        {393: [b"r"]},
        {394: [b"r"], 396: {}},
    ]
    for unprotected in cases:
        with pytest.raises(BadField):
            VERIFIER.verify_statement(b"\xd2" + _cbor.encode([head, unprotected, body, signature]))


def test_trap_2_the_key_decides_and_is_asked_for_once() -> None:
    asked: list[bytes] = []

    class Counting(Ring):
        """Notes what it is asked."""

        def find(self, kid: bytes) -> CertifiedKey | None:
            asked.append(kid)
            return super().find(kid)

    verifier = Verifier(Counting(certified(ED25519), certified(ESP256)))
    verifier.verify(an_item())
    assert asked == [ED25519.public.kid]
    # Signed by another key of the same owner: that key would verify it, and is not tried.
    with pytest.raises(BadSignature):
        Verifier(RING).verify_statement(signed(header(), key=SoftwareKey.generate()))
    with pytest.raises(AlgorithmMismatch):
        VERIFIER.verify_statement(signed(header(alg=-9)))


def test_trap_3_points_of_low_order() -> None:
    # With A of order 1, R of order 1 and S = 0, OpenSSL takes this for a signature over any message whatsoever.
    identity = (1).to_bytes(32, "little")
    forged = identity + bytes(32)
    Ed25519PublicKey.from_public_bytes(identity).verify(forged, b"any message")
    with pytest.raises(BadField):
        PublicKey.from_cose_key(_cbor.encode({1: 1, -1: 6, -2: identity}))
    for point in LOW_ORDER_POINTS:
        with pytest.raises(BadSignature):
            ED25519.public.verify(point + bytes(32), b"any message")


def test_trap_4_a_bad_receipt_does_not_veto() -> None:
    head, body = _cbor.encode(header()), payload()
    signature = ED25519.sign(_cbor.encode(["Signature1", head, b"", body]))
    for receipts in ([b""], [b"not a receipt"], [b"\xd2\x84", b"\x00" * 4096]):
        raw = b"\xd2" + _cbor.encode([head, {394: receipts}, body, signature])
        assert VERIFIER.verify_statement(raw).receipts == tuple(receipts)


def test_trap_5_a_path_fits_its_tree() -> None:
    leaf = tree.leaf_hash(b"")
    assert tree.Disclosure(1, {0: leaf}, ()).root == tree.root_of_path(0, 1, leaf, ()) == leaf
    for count, index, nodes in ((1, 0, 1), (2, 0, 0), (2, 0, 2), (3, 2, 2), (128, 0, 6), (128, 0, 8)):
        with pytest.raises(ProofMismatch):
            tree.Disclosure(count, {index: leaf}, (leaf,) * nodes)
        with pytest.raises(ProofMismatch):
            tree.root_of_path(index, count, leaf, (leaf,) * nodes)


def test_trap_6_no_tag_has_a_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    # 35 is a regular expression, 2 a big number, 28 and 29 shared references, 0 a date, 37 a UUID, 260 an address.
    def never(*_: object) -> None:
        raise AssertionError("a tag was given a meaning")

    for _ in range(_forms.ASKED_BEFORE_COMPILING + 1):
        _usual.read(b"")  # from here on our own expression is compiled
    monkeypatch.setattr("re.compile", never)
    for tagged in (
        "d82363282b29",
        "c249010000000000000000",
        "d81c80",
        "d81d00",
        "c06161",
        "d82550" + "00" * 16,
        "d9010441ff",
    ):
        for protected in (bytes.fromhex(tagged), b"\xa1\x01" + bytes.fromhex(tagged)):
            with pytest.raises(BadField):
                VERIFIER.verify_statement(signed(protected))
        with pytest.raises(BadField):
            VERIFIER.verify_statement(b"\xd2" + bytes.fromhex(tagged))


def test_trap_7_an_unknown_key_never_looks_like_a_bad_signature() -> None:
    raw = an_item().statement
    broken = raw[:-1] + bytes((raw[-1] ^ 1,))
    for raw in (an_item().statement, broken):
        with pytest.raises(UnknownKey) as caught:
            Verifier(Ring()).verify_statement(raw)
        assert isinstance(caught.value, KeyProblem)
        assert not isinstance(caught.value, BadSignature)
    assert not issubclass(BadSignature, KeyProblem)


class Hsm:
    """A device that answers DER, with whichever s it pleases."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.public = PublicKey(self._key.public_key())
        self.answers = self._low

    def sign(self, message: bytes) -> bytes:
        """What the device's driver gives."""
        return self.answers(self._key.sign(message, ec.ECDSA(hashes.SHA256())))

    @staticmethod
    def _low(der: bytes) -> bytes:
        return ecdsa_raw_from_der(der)


def test_trap_8_what_an_hsm_answers_is_verified_before_use() -> None:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

    def high(der: bytes) -> bytes:
        raw = ecdsa_raw_from_der(der)
        return raw[:32] + (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")

    def plain(der: bytes) -> bytes:
        return der

    def broken(der: bytes) -> bytes:
        return bytes(64)

    hsm = Hsm()
    drafted = monazite_provenance.draft(CLAIMS, [], _cbor.encode({}), hsm.public)
    assert drafted.sign(hsm).statement
    for answer in (high, plain, broken):
        hsm.answers = answer
        with pytest.raises(BadSignature):
            drafted.sign(hsm)
    raw = ecdsa_raw_from_der(encode_dss_signature(5, order - 7))
    assert raw == (5).to_bytes(32, "big") + (7).to_bytes(32, "big")
    assert hsm.public.algorithm is Algorithm.ESP256


def test_trap_9_what_came_in_is_what_is_kept() -> None:
    item = an_item()
    statement = VERIFIER.verify(item)
    assert statement.raw is item.statement
    assert parse(item.statement).raw is item.statement
    assert statement.item.redact(()).statement is item.statement


def test_trap_10_no_module_shadows_the_standard_library() -> None:
    names = {path.stem for path in PACKAGE.rglob("*.py")} - {"__init__", "__main__"}
    assert not names & sys.stdlib_module_names


def test_nothing_is_fetched_and_no_clock_is_read() -> None:
    # Verification is a function of its bytes and its keys; whoever imports one of these makes it something else. The
    # command alone knows what time it is, and says so to what it calls.
    banned = {"socket", "urllib", "http", "ssl", "asyncio", "time", "subprocess", "grpc", "requests"}
    for path in set(PACKAGE.rglob("*.py")) - {PACKAGE / "_tool" / "judging.py"}:
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            # Another worker is a process (docs/decisions/0012), which is handed signatures and gives answers.
            allowed = {"subprocess"} if path.name == "_checkers.py" else set[str]()
            assert not {module.split(".")[0] for module in modules} & banned - allowed, path.name


def test_drafts_show_what_will_be_signed() -> None:
    # A client decodes prepared bytes before it signs them: blind signing is no evidence.
    drafted = a_draft()
    assert drafted.claims == parse(drafted.sign(ED25519).statement).claims
    assert [opening.content for opening in drafted.openings] == [_cbor.encode({1: index}) for index in range(3)]
