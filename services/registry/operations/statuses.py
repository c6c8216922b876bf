"""The registry's signed word on a head: unspent or not, what holds it, what its whole bundle consists of, and how the
logs stood. Nothing is stored of it: a replay of the logs up to those checkpoints shows whether it was true.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from monazite_provenance.contents import StatusDetails
from monazite_provenance.contents.vouching import CHECKPOINTS_MAX
from monazite_provenance.errors import ProvenanceError, TooLarge
from monazite_provenance.item import Item
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import lot_urn
from monazite_provenance.receipts import HeadVerifier, checkpoint_of, parse_checkpoint, parse_receipt
from monazite_provenance.statement import log_leaf, parse
from monazite_provenance.statuses import digest_of

from services.registry.domain.records import HeadRow
from services.registry.operations.signing import Signer


@dataclass(frozen=True, slots=True)
class Found:
    """A head as it stood at one moment: its row, its open holds ascending, the ids of its whole bundle, and the
    checkpoints of the logs (`newest_heads`)."""

    head: HeadRow
    holds: Sequence[bytes]
    statement_ids: Sequence[bytes]
    checkpoints: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Statuses:
    """Signs statuses that are good for `lifetime_s` seconds. `heads` verifies those of other logs."""

    signer: Signer
    heads: HeadVerifier
    lifetime_s: int

    def sign(self, found: Found) -> bytes:
        """The encoded item of a status. Raises TooLarge for one that would have to name more logs than it can."""
        if len(found.checkpoints) > CHECKPOINTS_MAX:
            raise TooLarge("the lot rests on more logs than a status can name", limit=CHECKPOINTS_MAX)
        target = found.head.outpoint
        details = StatusDetails(
            outpoint=target,
            spender=found.head.spent_by,
            holds=tuple(found.holds),
            digest=digest_of(found.statement_ids),
            count=len(found.statement_ids),
            checkpoints=tuple(found.checkpoints),
            expires_at=self.signer.now() + self.lifetime_s,
        )
        signed = self.signer.sign(
            EventKind.STATUS, lot_urn(found.head.lot_id), details, refs=(target.statement_id,), parents=()
        )
        return signed.item


Carried = dict[str, list[tuple[int, bytes, bytes]]]
"""Receipts that peers' statements carry, by log: the size that each says it is under, and the statement's leaf."""


def carry(into: Carried, items: Iterable[bytes]) -> None:
    """Add the receipts of these items (encoded). Nothing of them is verified."""
    for item in items:
        statement = Item.decode(item).statement
        receipts = parse(statement).receipts
        leaf = log_leaf(statement) if receipts else b""
        for receipt in receipts:
            with suppress(ProvenanceError):
                head = parse_receipt(receipt).head
                into.setdefault(head.log, []).append((head.size, receipt, leaf))


def newest_heads(verifier: HeadVerifier, own: bytes, taken: Iterable[bytes], peers: Carried) -> list[bytes]:
    """One checkpoint a log: the largest of those that were `taken` in and of those that receipts of `peers` are under,
    since their statements may have come here another way.

    Our `own` first, then the logs that these statements stand in, then others, each by name. A status that names no
    head of a log that its bundle rests on is not believed (STALE_HEAD), so that of too many the others are left out
    first, and these never.

    Beside the receipt with which a statement was taken here it may carry others, which nobody has looked at.
    """
    largest: dict[str, tuple[int, bytes]] = {}
    rested_on: set[str] = set()
    under = list(_under(verifier, peers))
    for number, checkpoint in enumerate((*under, *taken)):
        head = parse_checkpoint(checkpoint).head
        if number < len(under):
            rested_on.add(head.log)
        # Of two of one size that was taken in is kept, which comes behind.
        if head.size >= largest.get(head.log, (-1, b""))[0]:
            largest[head.log] = head.size, checkpoint
    mine = parse_checkpoint(own).head.log
    largest.pop(mine, None)
    rested_on.discard(mine)
    ordered = sorted(largest, key=lambda log: (log not in rested_on, log))
    return [own, *(largest[log][1] for log in ordered)][: max(CHECKPOINTS_MAX, 1 + len(rested_on))]


def _under(verifier: HeadVerifier, carried: Carried) -> Iterable[bytes]:
    """The checkpoint that the largest verified receipt of each log is under; of the others nothing is verified."""
    for candidates in carried.values():
        for _, receipt, leaf in sorted(candidates, reverse=True):
            with suppress(ProvenanceError):
                verifier.verify_receipt(receipt, leaf)
                yield checkpoint_of(receipt, leaf)
                break
