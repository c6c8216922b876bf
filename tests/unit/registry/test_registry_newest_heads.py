"""Which heads of logs a status carries: of each log the largest that the registry has seen, its own first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import lot_ids
from monazite_provenance.contents import CustodyState
from monazite_provenance.contents.vouching import CHECKPOINTS_MAX
from monazite_provenance.errors import TooLarge
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.log_keys import LogKey
from monazite_provenance.names import enterprise_uri, log_urn, service_uri
from monazite_provenance.places import LogSpan
from monazite_provenance.receipts import HeadVerifier, parse_checkpoint
from monazite_provenance.statement import Outpoint, log_leaf

from services.registry.domain.records import HeadRow
from services.registry.operations import statuses
from services.registry.operations.signing import Signer
from tests.fakes.clock import MovableClock
from tests.fakes.log_keys import Ring
from tests.unit.provenance.chains import DOMAIN, NOW_S, tell
from tests.unit.provenance.registers import Register

KEY = SoftwareKey.generate()
ISSUER = service_uri(DOMAIN, "registry")
NAMES = ("registry", "quota", "export_license")
SHARDS = [log_urn("quota", shard) for shard in range(2 * CHECKPOINTS_MAX)]
"""More logs than a status can name."""
ITEMS = tell().world.items
"""Statements, of whatever kind: nothing is asked of them but their leaf."""
SIZE = 6


def log(urn: str, key: SoftwareKey = KEY) -> Register:
    """A log of six entries."""
    made = Register(urn, ISSUER, key)
    for item in ITEMS[:SIZE]:
        made.append(log_leaf(item.statement))
    return made


def newest_heads(own: bytes, taken: list[bytes], peers: list[bytes]) -> list[bytes]:
    """As the registry would, with fresh eyes."""
    carried: statuses.Carried = {}
    statuses.carry(carried, peers)
    return statuses.newest_heads(HeadVerifier(RING), own, taken, carried)


LOGS = {name: log(name) for name in {*SHARDS, *map(log_urn, NAMES)}}
RING = Ring({KEY.public.kid: LogKey(KEY.public, ISSUER, {name: LogSpan(0) for name in LOGS})})
OWN, QUOTA, LICENSING = (log_urn(name) for name in NAMES)


def head(name: str, size: int) -> bytes:
    """A head of a log."""
    return LOGS[name].head(NOW_S, size).checkpoint()


def under(*heads: tuple[str, int]) -> bytes:
    """A statement with receipts under these heads, all of the log's first entry."""
    return carrying(*(LOGS[name].receipt(0, NOW_S, size) for name, size in heads))


def carrying(*receipts: bytes) -> bytes:
    """A statement with these receipts."""
    return (ITEMS[0].with_receipts(receipts) if receipts else ITEMS[0]).encode()


def sizes(checkpoints: list[bytes]) -> list[tuple[str, int]]:
    """Logs and sizes, in order."""
    return [(found.log, found.size) for found in (parse_checkpoint(each).head for each in checkpoints)]


SEEN = st.lists(st.tuples(st.sampled_from([log_urn(name) for name in NAMES]), st.integers(1, SIZE)), max_size=6)


@given(st.integers(1, SIZE), SEEN, st.lists(SEEN, max_size=3))
def test_of_each_log_the_largest_and_our_own_first(
    own: int, taken: list[tuple[str, int]], presented: list[list[tuple[str, int]]]
) -> None:
    found = newest_heads(head(OWN, own), [head(*each) for each in taken], [under(*each) for each in presented])

    seen = [*taken, *(each for heads in presented for each in heads)]
    expected = {name: max(size for log, size in seen if log == name) for name, _ in seen if name != OWN}
    rested_on = {name for heads in presented for name, _ in heads}
    ordered = sorted(expected.items(), key=lambda each: (each[0] not in rested_on, each[0]))
    assert sizes(found) == [(OWN, own), *ordered]
    assert all(each == head(*named) for each, named in zip(found, sizes(found), strict=True)), "and under its root"


def test_of_two_heads_of_one_size_what_was_taken_in_is_kept() -> None:
    # Signed at another time: as good, and one of them is enough.
    later = LOGS[QUOTA].head(NOW_S + 60, 3).checkpoint()
    assert newest_heads(head(OWN, 6), [later], [under((QUOTA, 3))]) == [head(OWN, 6), later]


def test_a_larger_head_of_our_own_that_was_presented_is_not_ours_to_say() -> None:
    assert newest_heads(head(OWN, 2), [head(OWN, 5)], [under((OWN, 6))]) == [head(OWN, 2)]


def test_a_receipt_that_does_not_verify_counts_for_nothing_however_large() -> None:
    """Whoever presents a right may put receipts beside the good one."""
    good, stranger = LOGS[QUOTA].receipt(0, NOW_S, 4), log(QUOTA, SoftwareKey.generate())
    elsewhere = Register("urn:monazite:log:nobody:0", ISSUER, KEY)
    elsewhere.append(log_leaf(ITEMS[0].statement))
    others = [
        b"no receipt",
        stranger.receipt(0, NOW_S, SIZE),
        LOGS[QUOTA].receipt(1, NOW_S, SIZE),
        elsewhere.receipt(0, NOW_S, 1),
    ]
    for other in others:
        for receipts in ([good, other], [other, good]):
            assert newest_heads(head(OWN, 1), [], [carrying(*receipts)]) == [head(OWN, 1), head(QUOTA, 4)]
        assert newest_heads(head(OWN, 1), [], [carrying(other)]) == [head(OWN, 1)]
    assert newest_heads(head(OWN, 1), [], [carrying()]) == [head(OWN, 1)]


@given(
    st.lists(st.sampled_from(SHARDS), max_size=len(SHARDS), unique=True),
    st.lists(st.sampled_from(SHARDS), max_size=CHECKPOINTS_MAX + 1, unique=True),
)
def test_of_too_many_logs_those_are_named_that_the_bundle_rests_on(taken: list[str], rested_on: list[str]) -> None:
    found = newest_heads(head(OWN, 1), [head(name, 1) for name in taken], [under((name, 1)) for name in rested_on])

    named = [log for log, _ in sizes(found)]
    assert named[0] == OWN
    assert named[1 : 1 + len(rested_on)] == sorted(rested_on)
    assert len(named) == max(1 + len(rested_on), min(CHECKPOINTS_MAX, 1 + len({*taken, *rested_on})))
    if len(rested_on) < CHECKPOINTS_MAX:
        assert sign(found)
    else:
        with pytest.raises(TooLarge, match="more logs than a status can name"):
            sign(found)


def sign(checkpoints: list[bytes]) -> bytes:
    """A status with these checkpoints."""
    row = HeadRow(Outpoint(bytes(32), 0), lot_ids.new(), enterprise_uri(DOMAIN, "a"), None, CustodyState.HELD)
    signer = Signer(KEY, ISSUER, MovableClock())
    return statuses.Statuses(signer, HeadVerifier(RING), 60).sign(statuses.Found(row, (), (bytes(32),), checkpoints))
