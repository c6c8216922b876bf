"""Which head a bundle rests on: one that enough witnesses have come to.

The newest head has no witness yet, for they come by now and then. So a bundle is put under the newest that enough of
them have come to, where that has all of its entries and is not old; else under the newest of all, and says how far they
are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from monazite_provenance import tree
from monazite_provenance.bundle import Cosigned, Joint
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.item import Item, encoded_with_receipts
from monazite_provenance.key_book import HOME_SERVICES
from monazite_provenance.log_keys import LogKeyRing
from monazite_provenance.names import parse_log
from monazite_provenance.receipts import parse_receipt
from monazite_provenance.statement import log_leaf, parse
from monazite_provenance.statuses import CHECKPOINT_AGE_S_MAX
from monazite_provenance.tree import Range
from monazite_provenance.trust import TrustFile

from services.chassis.database import Connection
from services.chassis.log import cosignatures, nodes
from services.chassis.log.cosignatures import Cosignature, joined, witnessed_size
from services.chassis.log.heads import Published
from services.chassis.log.receipts import receipts

# How much older than the newest head one may be that something rests on: an hour less than what a verifier takes from a
# status, whether it demands witnesses or not (STATUS_EXPIRED).
AGE_S_MAX: Final = CHECKPOINT_AGE_S_MAX - 3_600

# Items that are given other receipts before anything else has its turn: a third of a millisecond each.
RESTATED_AT_ONCE: Final = 50


class Resting(NamedTuple):
    """The head that something is put under, and what witnesses said of it and of those before."""

    head: Published
    cosigned: tuple[Cosigned, ...] = ()


class PeerHeads(NamedTuple):
    """Of each peer's log the newest head that enough witnesses have come to, by name, and what they said of these and
    of those before."""

    reached: Mapping[str, Cosignature]
    cosigned: tuple[Cosigned, ...] = ()


class Witnesses:
    """Chooses heads that enough witnesses of the trust file have come to; where it demands none, the newest."""

    def __init__(self, trust: TrustFile, keys: LogKeyRing, log: str) -> None:
        """`keys` know who may sign the logs' heads; `log` is our own."""
        self._trust = trust
        self._keys = keys
        self._log = log
        self._threshold = trust.witness_threshold

    async def rest(self, connection: Connection, newest: Published, entries: int) -> Resting:
        """The head of our log to put so many of its entries under: the `newest` where no witnessed one has them that is
        not old.
        """
        if not self._threshold:
            return Resting(newest)
        found = (await cosignatures.load(connection, self._keys, self._trust)).get(self._log, [])
        reached = _reached(found, self._threshold)
        if reached is None or reached.size < entries:
            return Resting(newest, _said(found, self._threshold))
        # Of a log that stands still the head is signed anew now and then: a status wants one that is not old.
        head = newest if reached.size == newest.size else _head(reached)
        if newest.signed_at > head.signed_at + AGE_S_MAX:
            return Resting(newest, _said(found, self._threshold))
        return Resting(head, await _cosigned(connection, found, reached.size))

    async def peers(self, connection: Connection) -> PeerHeads:
        """Heads of the logs that are followed, whose trees are kept here, to put peers' statements under."""
        if not self._threshold:
            return PeerHeads({})
        kept = await cosignatures.load(connection, self._keys, self._trust)
        heads, cosigned = dict[str, Cosignature](), list[Cosigned]()
        for log in sorted(kept.keys() - {self._log}):
            reached = _reached(kept[log], self._threshold)
            if reached is None:
                cosigned += _said(kept[log], self._threshold)
            else:
                heads[log] = reached
                cosigned += await _cosigned(connection, kept[log], reached.size, log)
        return PeerHeads(heads, tuple(cosigned))

    @staticmethod
    async def restate(connection: Connection, items: Sequence[bytes], heads: PeerHeads) -> list[bytes]:
        """Peers' items (encoded), with receipts under these heads in the place of others where they stand there. The
        others stay as they are. Gives way to others between so many.
        """
        if not heads.reached:
            return list(items)
        made: list[bytes] = []
        for start in range(0, len(items), RESTATED_AT_ONCE):
            made += await _restated(connection, items[start : start + RESTATED_AT_ONCE], heads)
        return made


async def _restated(connection: Connection, items: Sequence[bytes], heads: PeerHeads) -> list[bytes]:
    made = list(items)
    places = [_places(item) for item in items]
    for log, reached in heads.reached.items():
        under = {n: each[log] for n, each in enumerate(places) if log in each and each[log] < reached.size}
        for number, receipt in (await _proven(connection, reached, under, items)).items():
            made[number] = encoded_with_receipts(items[number], [receipt])
    return made


def _reached(found: Sequence[Cosignature], threshold: int) -> Cosignature | None:
    """Of heads of one size that the log signed again and again, the one that it signed last."""
    size = witnessed_size(found, threshold)
    return max((each for each in found if each.size == size), key=lambda each: each.signed_at, default=None)


def _head(one: Cosignature) -> Published:
    return Published.stored(one.checkpoint, one.note, b"")


def _said(found: Sequence[Cosignature], threshold: int) -> tuple[Cosigned, ...]:
    """What covers nothing here and says how far enough witnesses are; of others who are behind them nothing, since a
    bundle has room for so many texts (`COSIGNED_MAX`) of all logs.
    """
    size = witnessed_size(found, threshold)
    return tuple(Cosigned(note) for _, note in _texts([each for each in found if each.size >= size]))


async def _cosigned(
    connection: Connection, found: Sequence[Cosignature], size: int, peer: str | None = None
) -> tuple[Cosigned, ...]:
    """What was co-signed of a head and of those that go on from it, with the paths there."""
    made: list[Cosigned] = []
    for larger, note in _texts([each for each in found if each.size >= size]):
        path = await nodes.range_hashes(connection, tree.consistency_ranges(size, larger), peer=peer)
        made.append(Cosigned(note, (Joint(size, tuple(path)),) if larger > size else ()))
    return tuple(made)


def _texts(found: Sequence[Cosignature]) -> list[tuple[int, str]]:
    """A text for each size, with the lines of all who co-signed it; more than one where that is too many lines."""
    texts: list[tuple[int, str]] = []
    for each in sorted(found, key=lambda one: (one.size, one.witness)):
        both = joined(texts[-1][1], each.note) if texts and texts[-1][0] == each.size else None
        if both is None:
            texts.append((each.size, each.note))
        else:
            texts[-1] = each.size, both
    return texts


def _places(item: bytes) -> dict[str, int]:
    """By log the index that the item's receipts claim in a log of the service that owns its kind; nothing of it is
    verified."""
    statement = Item.decode(item).statement
    parsed = parse(statement)
    places: dict[str, int] = {}
    for raw in parsed.receipts:
        try:
            receipt = parse_receipt(raw)
            service = parse_log(receipt.head.log)[0]
        except ProvenanceError:
            continue
        if service == HOME_SERVICES.get(parsed.claims.kind):
            places.setdefault(receipt.head.log, receipt.index)
    return places


async def _proven(
    connection: Connection, reached: Cosignature, places: dict[int, int], items: Sequence[bytes]
) -> dict[int, bytes]:
    """Receipts under the witnessed head of those items that do stand where they claim to, by their number."""
    leaves = await nodes.range_hashes(
        connection, [Range(place, place + 1) for place in places.values()], peer=reached.log
    )
    numbers = [
        number
        for number, leaf in zip(places, leaves, strict=True)
        if log_leaf(Item.decode(items[number]).statement) == leaf
    ]
    indexes = [places[number] for number in numbers]
    made = await receipts(connection, _head(reached), indexes, peer=reached.log)
    return dict(zip(numbers, made, strict=True))
