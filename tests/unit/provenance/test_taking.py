"""Items that are verified over threads and taken in their order, by whichever thread has the next one ready."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monazite_provenance import CertifiedKey, ProvenanceError, SoftwareKey, Statement, Verifier
from monazite_provenance._taking import take_each
from monazite_provenance.errors import BadField
from monazite_provenance.many import AHEAD_MAX, THREADS_MAX, attempts

from tests.unit.provenance.examples import ED25519, RING, an_item, certified

GOOD = [an_item(outputs=count).encode() for count in range(4)]
FORGED = [item[:150] + bytes((item[150] ^ 1,)) + item[151:] for item in GOOD]
STRANGERS = [an_item(key=SoftwareKey.generate()).encode() for _ in range(2)]
THREADS = [1, 2, 3]


class Taken:
    """Takes items, and sees to it that nobody else does at the same time."""

    def __init__(self, most: int | None = None) -> None:
        self.outcomes: list[tuple[bytes, str]] = []
        self._most = most
        self._busy = threading.Lock()

    def __call__(self, item: bytes, outcome: Statement | ProvenanceError) -> bool:
        """Remember it; go on until there are enough."""
        assert self._busy.acquire(blocking=False)
        self.outcomes.append((item, outcome.code if isinstance(outcome, ProvenanceError) else outcome.id.hex()))
        self._busy.release()
        return len(self.outcomes) != self._most


def alone(items: list[bytes]) -> list[tuple[bytes, str]]:
    taken = Taken()
    for item, outcome in attempts(items, Verifier(RING), threads=1):
        taken(item, outcome)
    return taken.outcomes


@given(
    st.lists(st.sampled_from([*GOOD, *FORGED, *STRANGERS, b"", b"\x80"]), max_size=40),
    st.integers(1, 4),
    st.integers(1, 50),
)
@settings(max_examples=50, deadline=None)
def test_all_are_taken_in_order_until_it_is_enough(items: list[bytes], threads: int, most: int) -> None:
    taken = Taken(most)
    take_each(items, Verifier(RING), taken, threads=threads)
    assert taken.outcomes == alone(items)[:most]


def test_more_than_may_be_ahead() -> None:
    items = GOOD * AHEAD_MAX
    taken = Taken()
    take_each(items, Verifier(RING), taken, threads=3)
    assert taken.outcomes == alone(items)


def broken(items: list[bytes]) -> Iterator[bytes]:
    yield from items
    raise BadField("the sequence ends within an item", field="bundle")


@pytest.mark.parametrize("threads", THREADS)
def test_what_cannot_be_read_is_raised_in_its_turn(threads: int) -> None:
    items = [*GOOD, FORGED[0]]
    taken = Taken()
    with pytest.raises(BadField):
        take_each(broken(items), Verifier(RING), taken, threads=threads)
    assert taken.outcomes == alone(items)
    # Which may not come: enough was seen before.
    take_each(broken(items), Verifier(RING), Taken(len(items)), threads=threads)


@pytest.mark.parametrize("threads", [0, -1, THREADS_MAX + 1])
def test_a_number_of_threads_that_is_none(threads: int) -> None:
    with pytest.raises(ValueError, match="threads"):
        take_each(GOOD, Verifier(RING), Taken(), threads=threads)


class Growing:
    """A ring that learns its key when the first statement has been taken."""

    def __init__(self) -> None:
        self.key: CertifiedKey | None = None

    def find(self, kid: bytes) -> CertifiedKey | None:
        """The key, once it is known."""
        return self.key if self.key is not None and kid == self.key.public.kid else None


@pytest.mark.parametrize("threads", THREADS)
def test_a_key_that_becomes_known_on_the_way(threads: int) -> None:
    ring, taken = Growing(), Taken()

    def take(item: bytes, outcome: Statement | ProvenanceError) -> bool:
        ring.key = certified(ED25519)
        return taken(item, outcome)

    take_each(GOOD, Verifier(ring), take, threads=threads)
    first, *others = alone(GOOD)
    assert taken.outcomes == [(first[0], "UNKNOWN_KEY"), *others]


class Failing:
    """A verifier with a fault."""

    def verify_unplaced(self, _item: bytes) -> Statement:
        """Never comes back with anything."""
        raise RuntimeError("a fault")


@pytest.mark.parametrize("threads", THREADS)
def test_a_fault_is_the_callers_and_no_thread_is_left_behind(threads: int) -> None:
    before = threading.active_count()
    with pytest.raises(RuntimeError):
        take_each(GOOD, Failing(), Taken(), threads=threads)

    def fails(_item: bytes, _outcome: Statement | ProvenanceError) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_each(GOOD * AHEAD_MAX, Verifier(RING), fails, threads=threads)

    def interrupted() -> Iterator[bytes]:
        yield from GOOD
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_each(interrupted(), Verifier(RING), Taken(), threads=threads)
    assert threading.active_count() == before


@pytest.mark.parametrize("threads", [2, 3])
def test_items_are_read_by_the_caller_and_no_more_ahead_than_the_bound(threads: int) -> None:
    read = taken = 0

    def items() -> Iterator[bytes]:
        nonlocal read
        for _ in range(3 * AHEAD_MAX):
            assert threading.current_thread() is threading.main_thread()
            read += 1
            assert read - taken <= AHEAD_MAX
            yield GOOD[0]

    def take(_item: bytes, _outcome: Statement | ProvenanceError) -> bool:
        nonlocal taken
        taken += 1
        return True

    take_each(items(), Verifier(RING), take, threads=threads)
    assert read == taken == 3 * AHEAD_MAX
