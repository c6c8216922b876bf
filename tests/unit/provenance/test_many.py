"""Many statements with several workers: the same outcomes in the same order, whatever the workers do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monazite_provenance import CertifiedKey, Item, ProvenanceError, Statement, Verifier
from monazite_provenance.errors import BadField, BadSignature, EventNotAllowed, UnknownKey
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.kinds import EventKind
from monazite_provenance.many import AHEAD_MAX, WORKERS_MAX, attempts, verify_many
from monazite_provenance.remembering import RememberingVerifier
from monazite_provenance.verifier import Begun

from tests.unit.provenance.examples import ED25519, RING, Ring, an_item, certified

GOOD = [an_item(outputs=count).encode() for count in range(4)]
FORGED = [item[:150] + bytes((item[150] ^ 1,)) + item[151:] for item in GOOD]
STRANGERS = [an_item(key=SoftwareKey.generate()).encode() for _ in range(2)]


def codes(outcomes: Iterator[tuple[bytes, Statement | ProvenanceError]]) -> list[str]:
    return [each.code if isinstance(each, ProvenanceError) else each.id.hex() for _item, each in outcomes]


@given(st.lists(st.sampled_from([*GOOD, *FORGED, *STRANGERS, b"", b"\x80"]), max_size=40), st.integers(2, 4))
@settings(max_examples=50, deadline=None)
def test_workers_change_nothing_but_the_time(items: list[bytes], workers: int) -> None:
    alone = codes(attempts(items, Verifier(RING), workers=1))
    assert codes(attempts(items, Verifier(RING), workers=workers)) == alone
    assert [item for item, _ in attempts(items, Verifier(RING), workers=workers)] == items


def test_the_first_failure_is_raised_in_its_turn() -> None:
    item = an_item()
    forged = Item(item.statement[:-1] + bytes((item.statement[-1] ^ 1,)), item.openings, item.nodes, item.details)
    items: list[bytes | Item] = [*GOOD, forged, b"\x80"]
    statements = verify_many(items, Verifier(RING), workers=2)
    found = [next(statements).id for _ in GOOD]
    assert found == [Verifier(RING).verify(item).id for item in GOOD]
    with pytest.raises(BadSignature):
        next(statements)


def broken(items: Sequence[bytes]) -> Iterator[bytes]:
    yield from items
    raise BadField("the sequence ends within an item", field="bundle")


@pytest.mark.parametrize("workers", [1, 2])
def test_what_cannot_be_read_waits_for_its_turn_too(workers: int) -> None:
    outcomes = attempts(broken([*GOOD, FORGED[0]]), Verifier(RING), workers=workers)
    assert [isinstance(next(outcomes)[1], Statement) for _ in (*GOOD, FORGED[0])] == [True] * len(GOOD) + [False]
    with pytest.raises(BadField):
        next(outcomes)


@pytest.mark.parametrize("workers", [0, -1, WORKERS_MAX + 1])
def test_a_number_of_workers_that_is_none(workers: int) -> None:
    with pytest.raises(ValueError, match="workers"):
        next(verify_many(GOOD, Verifier(RING), workers=workers))


class Growing:
    """A ring that learns its key when the first statement has been taken."""

    def __init__(self) -> None:
        self.key: CertifiedKey | None = None

    def find(self, kid: bytes) -> CertifiedKey | None:
        """The key, once it is known."""
        return self.key if self.key is not None and kid == self.key.public.kid else None


@pytest.mark.parametrize("workers", [1, 2])
def test_a_key_that_becomes_known_on_the_way(workers: int) -> None:
    ring = Growing()
    outcomes: list[object] = []
    for _item, outcome in attempts([GOOD[0], GOOD[1], GOOD[2]], Verifier(ring), workers=workers):
        outcomes.append(outcome)
        ring.key = certified(ED25519)
    assert isinstance(outcomes[0], UnknownKey)
    assert all(isinstance(each, Statement) for each in outcomes[1:])


class Failing:
    """A verifier with a fault."""

    def begin(self, item: bytes) -> NoReturn:
        """Never comes back with anything."""
        raise RuntimeError("a fault", item)

    verify_unplaced = begin

    def complete(self, begun: Begun, *, dangerously_signed: bool = False) -> NoReturn:
        """Is never come to."""
        raise AssertionError(begun, dangerously_signed)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_fault_is_the_callers(workers: int) -> None:
    with pytest.raises(RuntimeError):
        list(attempts(GOOD, Failing(), workers=workers))


def test_no_more_is_read_ahead_than_the_bound() -> None:
    read = 0

    def items() -> Iterator[bytes]:
        nonlocal read
        for _ in range(10 * AHEAD_MAX):
            read += 1
            yield GOOD[0]

    several = attempts(items(), Verifier(RING), workers=2)
    next(several)
    assert read == AHEAD_MAX
    several.close()


# A verifier that remembers.


class Counting:
    """Counts what is asked of the ring behind it."""

    def __init__(self, keys: Sequence[CertifiedKey]) -> None:
        self.ring = Ring(*keys)
        self.asked = 0

    def find(self, kid: bytes) -> CertifiedKey | None:
        """What the ring says."""
        self.asked += 1
        return self.ring.find(kid)


def test_an_item_seen_again_is_the_same_statement() -> None:
    ring = Counting([certified(ED25519)])
    verifier = RememberingVerifier(ring)
    first = verifier.verify_unplaced(GOOD[1])
    assert verifier.verify_unplaced(bytes(bytearray(GOOD[1]))) is first
    assert ring.asked == 2
    for forged in FORGED:
        with pytest.raises(ProvenanceError):
            verifier.verify_unplaced(forged)


def test_what_is_remembered_says_nothing_of_a_key_that_is_gone_or_another() -> None:
    verifier = RememberingVerifier(Ring(certified(ED25519)))
    first = verifier.verify_unplaced(GOOD[1])
    with pytest.raises(UnknownKey):
        verifier.with_keys(Ring()).verify_unplaced(GOOD[1])
    # The same certification, read again; and another, which allows something else.
    assert verifier.with_keys(Ring(certified(ED25519))).verify_unplaced(GOOD[1]) is first
    other = certified(ED25519, kinds=frozenset({EventKind.SPLIT}))
    with pytest.raises(EventNotAllowed):
        verifier.with_keys(Ring(other)).verify_unplaced(GOOD[1])


@pytest.mark.parametrize(("bound", "most"), [("REMEMBERED_MAX", 2), ("REMEMBERED_BYTES_MAX", len(GOOD[2] + GOOD[3]))])
def test_memory_is_bounded(bound: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"monazite_provenance.remembering.{bound}", most)
    verifier = RememberingVerifier(RING)
    kept = [verifier.verify_unplaced(item) for item in GOOD]
    assert verifier.verify_unplaced(GOOD[3]) is kept[3]
    assert verifier.verify_unplaced(GOOD[0]) is not kept[0]
