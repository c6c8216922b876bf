"""Heads and receipts: one signature a batch, and every way to misuse one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import cast

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monazite_provenance import _cbor, _cose, tree
from monazite_provenance._cbor import Encodable
from monazite_provenance.errors import (
    AlgorithmMismatch,
    BadField,
    BadSignature,
    Compromised,
    CriticalHeader,
    EventNotAllowed,
    IssuerMismatch,
    LogProblem,
    NotDeterministic,
    NotYetCertified,
    ProofMismatch,
    ProvenanceError,
    Retired,
    TooLarge,
    TrailingBytes,
    UnknownKey,
    UnsupportedAlgorithm,
    UnsupportedLogStructure,
)
from monazite_provenance.keys import LOW_ORDER_POINTS, Algorithm, PublicKey, SoftwareKey
from monazite_provenance.log_keys import LogKey
from monazite_provenance.names import log_urn, service_uri
from monazite_provenance.places import LogSpan
from monazite_provenance.receipts import (
    HEADS_REMEMBERED,
    MULTI_RECEIPT_ENTRIES_MAX,
    Head,
    HeadVerifier,
    Registration,
    sign_head,
)
from monazite_provenance.statement import RECEIPT_BYTES_MAX

from tests.unit.provenance.logs import DOMAIN, KEY, LOG, NOW_S, RING, SERVICE, Log, LogRing, entries, leaf, log_key

LOG_OF_100 = Log(entries(100))
HEAD = LOG_OF_100.head()
VERIFIER = HeadVerifier(RING)


def changed_header(**changed: Encodable) -> dict[int, Encodable]:
    """The header of a head, with `alg`, `kid`, `claims`, `typ` or `vds` changed."""
    claims: dict[int, Encodable] = {1: SERVICE, 2: LOG, 6: NOW_S, -70010: 100}
    return {
        1: changed.get("alg", -19),
        4: changed.get("kid", KEY.public.kid),
        15: changed.get("claims", claims),
        16: changed.get("typ", 278),
        395: changed.get("vds", 1),
    }


@dataclass
class Forge:
    """A receipt in its parts, signed by the log's own key, so that only its form can be wrong."""

    header: dict[int, Encodable] = field(default_factory=changed_header)
    proof: Encodable = field(default_factory=lambda: (100, 3, LOG_OF_100.path(3, 100)))
    protected: bytes | None = None
    encoded_proof: bytes | None = None
    unprotected: dict[int, Encodable] | None = None
    payload: bytes | None = None
    signature: bytes | None = None
    key: SoftwareKey = KEY

    def receipt(self) -> bytes:
        """All of it."""
        protected = _cbor.encode(self.header) if self.protected is None else self.protected
        proof = _cbor.encode(self.proof) if self.encoded_proof is None else self.encoded_proof
        unprotected = {396: {-1: [proof]}} if self.unprotected is None else self.unprotected
        signed = _cose.signing_input(protected, HEAD.head.root)
        signature = self.key.sign(signed) if self.signature is None else self.signature
        return b"\xd2" + _cbor.encode([protected, unprotected, self.payload, signature])


def check_refused(raw: bytes, error: type[ProvenanceError], name: str = "entry 3") -> None:
    """The receipt raises just this."""
    with pytest.raises(ProvenanceError) as caught:
        HeadVerifier(RING).verify_receipt(raw, leaf(name))
    assert type(caught.value) is error, caught.value


def test_a_receipt_and_its_checkpoint_share_one_signature() -> None:
    assert VERIFIER.verify_checkpoint(HEAD.checkpoint()) == HEAD.head
    for index in (0, 3, 63, 64, 99):
        receipt = HEAD.receipt(index, LOG_OF_100.path(index, 100))
        assert VERIFIER.verify_receipt(receipt, leaf(f"entry {index}")) == Registration(HEAD.head, index)
        assert receipt.endswith(HEAD.signature)
        assert HEAD.checkpoint().endswith(HEAD.signature)
    assert Forge().receipt()[:-64] == HEAD.receipt(3, LOG_OF_100.path(3, 100))[:-64]


@settings(max_examples=20)
@given(st.integers(1, 40), st.data())
def test_every_entry_of_every_log(size: int, data: st.DataObject) -> None:
    log = Log(entries(size))
    index = data.draw(st.integers(0, size - 1))
    registration = HeadVerifier(RING).verify_receipt(log.receipt(index), leaf(f"entry {index}"))
    assert (registration.index, registration.head.size, registration.head.root) == (index, size, tree.root(log.leaves))


def test_a_log_of_one_has_an_empty_path() -> None:
    log = Log(["only"])
    assert log.path(0, 1) == []
    assert VERIFIER.verify_receipt(log.receipt(0), leaf("only")).index == 0


def test_an_empty_log_has_a_checkpoint_and_no_receipt() -> None:
    head = Log().head()
    assert VERIFIER.verify_checkpoint(head.checkpoint()).root == tree.EMPTY_ROOT
    with pytest.raises(ProofMismatch):
        head.receipt(0, [])


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_heads_of_every_algorithm(algorithm: Algorithm) -> None:
    key = SoftwareKey.generate(algorithm)
    log = Log(entries(9), key=key)
    verifier = HeadVerifier(LogRing(log_key(key)))
    assert verifier.verify_receipt(log.receipt(5), leaf("entry 5")).index == 5
    assert verifier.verify_checkpoint(log.head().checkpoint()).size == 9


def test_a_log_signs_one_head_with_two_keys() -> None:
    lasting = SoftwareKey.generate(Algorithm.ML_DSA_44)
    verifier = HeadVerifier(LogRing(log_key(), log_key(lasting)))
    both = [sign_head(HEAD.head, key).checkpoint() for key in (KEY, lasting)]
    assert [verifier.verify_checkpoint(raw) for raw in both] == [HEAD.head, HEAD.head]
    # A receipt goes by either; the small one is the usual one.
    path = LOG_OF_100.path(3, 100)
    sizes = [len(sign_head(HEAD.head, key).receipt(3, path)) for key in (KEY, lasting)]
    assert sizes[1] - sizes[0] == 2420 - 64 + 2


def test_the_largest_receipt_stays_within_its_bound() -> None:
    issuer, log = "urn:" + "i" * 508, "urn:" + "l" * 508
    key = SoftwareKey.generate(Algorithm.ML_DSA_65)
    size = tree.SIZE_MAX
    path = [bytes(32)] * tree.path_length(size - 1, size)
    head = sign_head(Head(log, size, tree.root_of_path(size - 1, size, bytes(32), path), issuer, NOW_S), key)
    receipt = head.receipt(size - 1, path)
    assert len(receipt) <= RECEIPT_BYTES_MAX
    ring = LogRing(LogKey(key.public, issuer, {log: LogSpan(0)}))
    assert HeadVerifier(ring).verify_receipt(receipt, bytes(32)).index == size - 1


def test_statement_receipt_bytes_of_a_log_of_a_million() -> None:
    path = [bytes(32)] * 20
    head = sign_head(Head(LOG, 1 << 20, tree.root_of_path(0, 1 << 20, bytes(32), path), SERVICE, NOW_S), KEY)
    assert len(head.receipt(0, path)) == 891


# One signature a batch, and what is remembered.


class CountingKey(SoftwareKey):
    """Counts what it is asked to sign."""

    signed = 0

    def sign(self, message: bytes) -> bytes:
        """Sign once more."""
        self.signed += 1
        return super().sign(message)


def test_a_batch_costs_its_log_one_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    key = CountingKey.generate()
    assert isinstance(key, CountingKey)
    log = Log(entries(50), key=key)
    head = log.head()
    receipts = [head.receipt(index, log.path(index, 50)) for index in range(50)]
    assert key.signed == 1
    verified: list[bytes] = []
    verify = PublicKey.verify

    def counting(self: PublicKey, signature: bytes, message: bytes) -> None:
        verified.append(signature)
        verify(self, signature, message)

    monkeypatch.setattr(PublicKey, "verify", counting)
    verifier = HeadVerifier(LogRing(log_key(key)))
    for index, receipt in enumerate(receipts):
        assert verifier.verify_receipt(receipt, leaf(f"entry {index}")).index == index
    assert verifier.verify_checkpoint(head.checkpoint()) == head.head
    assert len(verified) == 1


def test_what_does_not_verify_is_not_remembered() -> None:
    verifier = HeadVerifier(RING)
    bad = HEAD.receipt(3, LOG_OF_100.path(3, 100))
    for _ in range(2):
        with pytest.raises(BadSignature):
            verifier.verify_receipt(bad, leaf("another"))
    assert verifier.verify_receipt(bad, leaf("entry 3")).index == 3
    with pytest.raises(BadSignature):
        verifier.verify_receipt(bad, leaf("another"))


def test_a_key_that_is_compromised_later_is_not_believed_from_memory() -> None:
    keys = {KEY.public.kid: log_key()}

    class Changing:
        """A ring that learns."""

        def find_log_key(self, kid: bytes) -> LogKey | None:
            """What is known now."""
            return keys.get(kid)

    verifier = HeadVerifier(Changing())
    receipt = LOG_OF_100.receipt(3)
    verifier.verify_receipt(receipt, leaf("entry 3"))
    keys[KEY.public.kid] = log_key(span=LogSpan(0, compromised_from=90))
    with pytest.raises(Compromised):
        verifier.verify_receipt(receipt, leaf("entry 3"))
    del keys[KEY.public.kid]
    with pytest.raises(UnknownKey):
        verifier.verify_receipt(receipt, leaf("entry 3"))


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monazite_provenance.receipts.HEADS_REMEMBERED", 2)
    verifier = HeadVerifier(RING)
    heads = [Log(entries(size)).head() for size in range(1, 6)]
    for head in heads * 2:
        assert verifier.verify_checkpoint(head.checkpoint()) == head.head
    assert HEADS_REMEMBERED == 4096


# Traps: every change is signed by the log's own key wherever a signature covers it.


def test_another_leaf() -> None:
    check_refused(LOG_OF_100.receipt(3), BadSignature, "entry 4")


def test_the_path_of_another_entry() -> None:
    check_refused(Forge(proof=[100, 3, LOG_OF_100.path(4, 100)]).receipt(), BadSignature)
    check_refused(Forge(proof=[100, 4, LOG_OF_100.path(3, 100)]).receipt(), BadSignature)


@pytest.mark.parametrize("wrong", [[], [bytes(32)] * 6, [bytes(32)] * 8, [bytes(32)] * 63])
def test_a_proof_of_the_wrong_length(wrong: list[Encodable]) -> None:
    check_refused(Forge(proof=[100, 3, wrong]).receipt(), ProofMismatch)
    with pytest.raises(ProofMismatch):
        HEAD.receipt(3, cast("list[bytes]", wrong))


def test_longer_paths_than_any_tree_has() -> None:
    check_refused(Forge(proof=[100, 3, [bytes(32)] * 64]).receipt(), TooLarge)
    check_refused(bytes(RECEIPT_BYTES_MAX + 1), TooLarge)


@pytest.mark.parametrize(
    ("proof", "error"),
    [
        ([99, 3, LOG_OF_100.path(3, 99)], ProofMismatch),
        ([128, 3, LOG_OF_100.path(3, 100)], ProofMismatch),
        ([100, 100, LOG_OF_100.path(3, 100)], ProofMismatch),
        ([100, -1, LOG_OF_100.path(3, 100)], ProofMismatch),
        ([2**64 - 1, 3, LOG_OF_100.path(3, 100)], ProofMismatch),
        ([True, 3, LOG_OF_100.path(3, 100)], BadField),
        ([100, True, LOG_OF_100.path(3, 100)], BadField),
        ([100, b"3", LOG_OF_100.path(3, 100)], BadField),
        ([100, 3, [bytes(31)] * 7], BadField),
        ([100, 3, ["0" * 32] * 7], BadField),
        ([100, 3, b""], BadField),
        ([100, 3], BadField),
        ([100, 3, LOG_OF_100.path(3, 100), 0], BadField),
        ({1: 100}, BadField),
        (None, BadField),
    ],
)
def test_sizes_that_disagree_and_proofs_that_are_none(proof: Encodable, error: type[ProvenanceError]) -> None:
    check_refused(Forge(proof=proof).receipt(), error)


def test_a_receipt_of_another_log() -> None:
    other = Log(entries(100), name=log_urn("registry", 1))
    check_refused(other.receipt(3), EventNotAllowed)
    # The path of one log under the head of another.
    strangers = Log(entries(100, "stranger"))
    check_refused(HEAD.receipt(3, strangers.path(3, 100)), BadSignature, "stranger 3")
    # A key that is good for both logs: the verifier says in which one it stands, as signed.
    ring = LogRing(replace(log_key(), logs={LOG: LogSpan(0), other.name: LogSpan(0)}))
    assert HeadVerifier(ring).verify_receipt(other.receipt(3), leaf("entry 3")).head.log == other.name


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (changed_header(alg=-9), BadSignature),
        (changed_header(alg=-48), BadField),
        (changed_header(alg=-8), UnsupportedAlgorithm),
        (changed_header(alg=-50), UnsupportedAlgorithm),
        (changed_header(alg="Ed25519"), UnsupportedAlgorithm),
        (changed_header(alg=None), UnsupportedAlgorithm),
        ({k: v for k, v in changed_header().items() if k != 1}, BadField),
        ({k: v for k, v in changed_header().items() if k != 4}, BadField),
        ({k: v for k, v in changed_header().items() if k != 395}, BadField),
        ({k: v for k, v in changed_header().items() if k != 15}, BadField),
        (changed_header(kid=KEY.public.thumbprint), BadField),
        (changed_header(kid="k" * 16), BadField),
        (changed_header(kid=bytes(16)), UnknownKey),
        (changed_header(typ=277), BadField),
        (changed_header(vds=2), UnsupportedLogStructure),
        (changed_header(vds=True), UnsupportedLogStructure),
        ({**changed_header(), 2: [15]}, CriticalHeader),
        ({**changed_header(), 2: [-70011], -70011: 1}, CriticalHeader),
        ({**changed_header(), 33: b"certificate"}, BadField),
        ({**changed_header(), -1: 1}, BadField),
        (changed_header(claims={1: SERVICE, 2: LOG, 6: NOW_S}), BadField),
        (changed_header(claims={1: SERVICE, 2: LOG, 6: NOW_S, -70010: 100, -70011: 1}), BadField),
        (changed_header(claims={1: SERVICE, 2: LOG, 6: NOW_S, -70010: "100"}), BadField),
        (changed_header(claims={1: SERVICE, 2: LOG, 6: NOW_S, -70010: -1}), BadField),
        (changed_header(claims={1: SERVICE, 2: LOG, 6: NOW_S, -70010: 2**63}), BadField),
        (changed_header(claims={1: SERVICE, 2: LOG, 6: True, -70010: 100}), BadField),
        (changed_header(claims={1: SERVICE, 2: LOG, 6: 2**40, -70010: 100}), BadField),
        (changed_header(claims={1: "registry", 2: LOG, 6: NOW_S, -70010: 100}), BadField),
        (changed_header(claims={1: SERVICE, 2: 7, 6: NOW_S, -70010: 100}), BadField),
        (changed_header(claims=[]), BadField),
        (changed_header(claims={1: service_uri(DOMAIN, "quota"), 2: LOG, 6: NOW_S, -70010: 100}), IssuerMismatch),
        (changed_header(claims={1: SERVICE, 2: LOG, 6: NOW_S, -70010: 101}), ProofMismatch),
    ],
)
def test_headers_of_another_form(header: dict[int, Encodable], error: type[ProvenanceError]) -> None:
    if error is BadSignature:
        # alg of another key: found before any arithmetic.
        error = AlgorithmMismatch
    check_refused(Forge(header=header).receipt(), error)


@pytest.mark.parametrize(
    "header",
    [b"", b"\x80", b"\x40", _cbor.encode([changed_header()])],
)
def test_a_header_that_is_no_map(header: bytes) -> None:
    check_refused(Forge(protected=header).receipt(), BadField)


PROOF = _cbor.encode([100, 3, LOG_OF_100.path(3, 100)])


UNPROTECTED: list[dict[int, Encodable]] = [
    {},
    {396: {}},
    {396: {-1: []}},
    {396: {-1: PROOF}},
    {396: {-1: [PROOF, PROOF]}},
    {396: {-1: [[100, 3, []]]}},
    {396: {-2: [PROOF]}},
    {396: {-70020: [PROOF]}},
    {396: {-1: [PROOF], -2: [PROOF]}},
    {396: [PROOF]},
    {1: -19, 396: {-1: [PROOF]}},
    {4: KEY.public.kid, 396: {-1: [PROOF]}},
    {395: 1, 396: {-1: [PROOF]}},
    {394: [b"receipt"], 396: {-1: [PROOF]}},
    {396: {-1: [PROOF]}, 397: bytes(16)},
    {394: [b"receipt"]},
]


@pytest.mark.parametrize("unprotected", UNPROTECTED)
def test_anything_else_that_is_unprotected(unprotected: dict[int, Encodable]) -> None:
    """Several proofs, alg or kid in the wrong header, filler."""
    check_refused(Forge(unprotected=unprotected).receipt(), BadField)


def test_alg_and_kid_that_are_only_unprotected() -> None:
    for label, value in ((1, -19), (4, KEY.public.kid)):
        header = {k: v for k, v in changed_header().items() if k != label}
        check_refused(Forge(header=header, unprotected={label: value, 396: {-1: [PROOF]}}).receipt(), BadField)


def test_a_root_that_travels_with_the_receipt() -> None:
    check_refused(Forge(payload=HEAD.head.root).receipt(), BadField)
    check_refused(HEAD.checkpoint(), BadField)
    with pytest.raises(BadField):
        VERIFIER.verify_checkpoint(LOG_OF_100.receipt(3))
    with pytest.raises(BadField):
        VERIFIER.verify_checkpoint(_cose.encode_sign1(HEAD.protected, HEAD.head.root[:31], HEAD.signature))


def test_longer_forms_of_the_same() -> None:
    good = LOG_OF_100.receipt(3)
    assert good[2:4] == b"\x58" + bytes([len(HEAD.protected)])
    check_refused(good[:2] + b"\x59\x00" + good[3:], NotDeterministic)
    check_refused(good + b"\x00", TrailingBytes)
    check_refused(b"\xd8\x12" + good[1:], NotDeterministic)
    check_refused(good[1:], BadField)
    # In the header: a size of one byte more, and the keys in the order of shorter ones first.
    size_label = cbor2.dumps(-70010)
    long_size = HEAD.protected.replace(size_label + b"\x18\x64", size_label + b"\x19\x00\x64")
    assert len(long_size) == len(HEAD.protected) + 1
    check_refused(Forge(protected=long_size).receipt(), NotDeterministic)
    length_first = cbor2.dumps(dict(reversed(changed_header().items())))
    check_refused(Forge(protected=length_first).receipt(), NotDeterministic)
    # In the proof: the same, and bytes after it.
    check_refused(
        Forge(encoded_proof=PROOF.replace(b"\x18\x64\x03", b"\x19\x00\x64\x03", 1)).receipt(), NotDeterministic
    )
    check_refused(
        Forge(encoded_proof=PROOF.replace(b"\x18\x64\x03", b"\x18\x64\x18\x03", 1)).receipt(), NotDeterministic
    )
    check_refused(Forge(encoded_proof=PROOF + b"\x00").receipt(), TrailingBytes)
    check_refused(Forge(encoded_proof=b"\x9f" + PROOF[1:] + b"\xff").receipt(), NotDeterministic)
    check_refused(Forge(encoded_proof=b"\xd8\x18" + PROOF).receipt(), BadField)


def test_signatures_that_are_none() -> None:
    for point in LOW_ORDER_POINTS:
        check_refused(Forge(signature=point + bytes(32)).receipt(), BadSignature)
    check_refused(Forge(signature=bytes(63)).receipt(), BadField)
    check_refused(Forge(signature=bytes(65)).receipt(), BadField)
    check_refused(Forge(key=SoftwareKey.generate()).receipt(), BadSignature)
    flipped = bytearray(LOG_OF_100.receipt(3))
    flipped[-1] ^= 1
    check_refused(bytes(flipped), BadSignature)


@given(st.integers(0), st.integers(0, 7))
def test_no_bit_may_change(at: int, bit: int) -> None:
    raw = bytearray(LOG_OF_100.receipt(3))
    raw[at % len(raw)] ^= 1 << bit
    with pytest.raises(ProvenanceError):
        HeadVerifier(RING).verify_receipt(bytes(raw), leaf("entry 3"))


@given(st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(lambda raw: b"\xd2\x84" + raw)))
def test_any_bytes_give_a_provenance_error(raw: bytes) -> None:
    asks: list[Callable[[bytes], object]] = [
        VERIFIER.verify_checkpoint,
        lambda raw: VERIFIER.verify_receipt(raw, bytes(32)),
        lambda raw: VERIFIER.verify_multi_receipt(raw, [bytes(32)]),
        lambda raw: VERIFIER.verify_consistency(raw, HEAD.head),
    ]
    for ask in asks:
        with pytest.raises(ProvenanceError):
            ask(raw)


# The key, judged by the size that is signed.


@pytest.mark.parametrize(
    ("span", "error"),
    [
        (LogSpan(100), None),
        (LogSpan(0, 100), None),
        (LogSpan(0, None, 101), None),
        (LogSpan(101), NotYetCertified),
        (LogSpan(0, 99), Retired),
        (LogSpan(0, None, 100), Compromised),
        (LogSpan(0, 50, 60), Compromised),
        (LogSpan(0, 50, 200), Retired),
    ],
)
def test_sizes_at_which_a_key_is_good(span: LogSpan, error: type[ProvenanceError] | None) -> None:
    verifier = HeadVerifier(LogRing(log_key(span=span)))
    if error is None:
        assert verifier.verify_receipt(LOG_OF_100.receipt(3), leaf("entry 3")).index == 3
    else:
        with pytest.raises(error):
            verifier.verify_receipt(LOG_OF_100.receipt(3), leaf("entry 3"))
        with pytest.raises(error):
            verifier.verify_checkpoint(HEAD.checkpoint())


def test_a_bad_signature_is_told_before_the_key_is_judged() -> None:
    verifier = HeadVerifier(LogRing(log_key(span=LogSpan(0, 1))))
    with pytest.raises(BadSignature):
        verifier.verify_receipt(Forge(signature=bytes(64)).receipt(), leaf("entry 3"))


# Many entries at once.


@settings(max_examples=30)
@given(st.integers(1, 60), st.data())
def test_one_receipt_of_many(size: int, data: st.DataObject) -> None:
    log = Log(entries(size))
    indexes = sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1)))
    head = log.head()
    raw = head.multi_receipt(indexes, log.nodes(indexes, size))
    leaves = [leaf(f"entry {index}") for index in indexes]
    verifier = HeadVerifier(RING)
    found = verifier.verify_multi_receipt(raw, leaves)
    assert (found.head, found.indexes) == (head.head, tuple(indexes))
    wrong = [leaves[:-1], [*leaves, bytes(32)], [*leaves[:-1], b"short"]]
    for bad in wrong:
        with pytest.raises(ProofMismatch):
            verifier.verify_multi_receipt(raw, bad)
    at = data.draw(st.integers(0, len(leaves) - 1))
    with pytest.raises(BadSignature):
        verifier.verify_multi_receipt(raw, [*leaves[:at], leaf("another"), *leaves[at + 1 :]])
    if len(leaves) > 1:
        with pytest.raises(BadSignature):
            verifier.verify_multi_receipt(raw, leaves[::-1])


INDEXES = [3, 50, 99]
NODES = LOG_OF_100.nodes(INDEXES, 100)
LEAVES = [leaf(f"entry {index}") for index in INDEXES]


@pytest.mark.parametrize(
    ("proof", "error"),
    [
        ([99, INDEXES, NODES], ProofMismatch),
        ([100, [3, 50, 100], NODES], ProofMismatch),
        ([100, [-1, 50, 99], NODES], ProofMismatch),
        ([100, INDEXES, NODES[:-1]], ProofMismatch),
        ([100, INDEXES, [*NODES, bytes(32)]], ProofMismatch),
        ([100, [4, 50, 99], NODES], BadSignature),
        ([100, INDEXES, [bytes(32), *NODES[1:]]], BadSignature),
        ([100, [3, 99, 50], NODES], BadField),
        ([100, [3, 3, 99], NODES], BadField),
        ([100, [True, 50, 99], NODES], BadField),
        ([100, [], NODES], BadField),
        ([100, 3, NODES], BadField),
        ([100, INDEXES, [*NODES[:-1], bytes(31)]], BadField),
        ([100, INDEXES], BadField),
        ([100, list(range(MULTI_RECEIPT_ENTRIES_MAX + 1)), NODES], TooLarge),
        ([100, INDEXES, [bytes(32)] * 200], TooLarge),
    ],
)
def test_receipts_of_many_that_are_wrong(proof: Encodable, error: type[ProvenanceError]) -> None:
    raw = Forge(unprotected={396: {-70020: [_cbor.encode(proof)]}}).receipt()
    with pytest.raises(ProvenanceError) as caught:
        HeadVerifier(RING).verify_multi_receipt(raw, LEAVES)
    assert type(caught.value) is error


def test_receipts_of_many_that_no_log_makes() -> None:
    for indexes, nodes in (([], NODES), ([50, 3, 99], NODES), ([3, 3, 99], NODES), (INDEXES, NODES[:-1])):
        with pytest.raises(ProofMismatch):
            HEAD.multi_receipt(indexes, nodes)
    with pytest.raises(TooLarge):
        HEAD.multi_receipt(range(MULTI_RECEIPT_ENTRIES_MAX + 1), [])


def test_a_receipt_of_many_is_smaller_than_theirs() -> None:
    log = Log(entries(1000))
    indexes = list(range(500, 600))
    head = log.head()
    together = len(head.multi_receipt(indexes, log.nodes(indexes, 1000)))
    apart = sum(len(head.receipt(index, log.path(index, 1000))) for index in indexes)
    assert together * 50 < apart


# From one head to the next.


@settings(max_examples=30)
@given(st.integers(1, 40), st.integers(1, 40))
def test_consistency(first: int, second: int) -> None:
    size, old_size = max(first, second), min(first, second)
    log = Log(entries(old_size))
    old = log.head().head
    log.append(entries(size)[old_size:])
    head = log.head()
    raw = head.consistency(old_size, log.consistency(old_size, size))
    verifier = HeadVerifier(RING)
    assert verifier.verify_consistency(raw, old) == head.head
    if size > old_size:
        # (Of a size that is a power of two the path does not hold the older root: the newer one comes out wrong.)
        with pytest.raises((BadSignature, ProofMismatch)):
            verifier.verify_consistency(raw, replace(old, root=bytes(32)))
        fork = Log([*entries(size - 1), "other"])
        path = fork.consistency(old_size, size)
        if path != log.consistency(old_size, size):
            with pytest.raises((BadSignature, ProofMismatch)):
                verifier.verify_consistency(head.consistency(old_size, path), old)
    with pytest.raises(ProofMismatch):
        verifier.verify_consistency(raw, replace(old, size=old_size - 1))
    with pytest.raises(LogProblem):
        verifier.verify_consistency(raw, replace(old, log=log_urn("quota")))


def test_consistency_that_is_none() -> None:
    old = Log(entries(40)).head().head
    path = LOG_OF_100.consistency(40, 100)
    for proof, error in (
        ([40, 100, path[:-1]], ProofMismatch),
        ([40, 99, path], ProofMismatch),
        ([True, 100, path], BadField),
        ([101, 100, path], ProofMismatch),
        ([40, 100], BadField),
    ):
        raw = Forge(unprotected={396: {-2: [_cbor.encode(cast("Encodable", proof))]}}).receipt()
        with pytest.raises(error):
            VERIFIER.verify_consistency(raw, old)
    with pytest.raises(ProofMismatch):
        HEAD.consistency(40, path[:-1])
    empty = Log().head().head
    with pytest.raises(ProofMismatch, match="empty"):
        VERIFIER.verify_consistency(HEAD.consistency(0, []), empty)


# Signing.


def test_heads_that_no_verifier_would_read() -> None:
    good = HEAD.head
    for bad in (
        replace(good, issuer="registry"),
        replace(good, log=""),
        replace(good, size=-1),
        replace(good, size=2**63),
        replace(good, signed_at=-1),
        replace(good, root=bytes(31)),
    ):
        with pytest.raises(BadField):
            sign_head(bad, KEY)


def test_a_signer_that_answers_nonsense() -> None:
    class Broken:
        """Answers with another key's signature."""

        public = KEY.public

        def sign(self, message: bytes) -> bytes:
            """Wrong."""
            return SoftwareKey.generate().sign(message)

    with pytest.raises(BadSignature):
        sign_head(HEAD.head, Broken())
