"""Witnesses deliver what they co-signed of our own log, and everybody is shown what is kept of every log."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from monazite.transparency.v1 import transparency_pb2 as pb
from monazite_provenance.errors import LogForked
from monazite_provenance.log_keys import LogKeyRing
from monazite_provenance.receipts import Head
from monazite_provenance.trust import WITNESSES_MAX, TrustFile

from services.chassis import store
from services.chassis.call import current_call
from services.chassis.database import Connection, Database
from services.chassis.log import cosignatures, nodes
from services.chassis.log.cosignatures import Cosignature, joined, unknown_head, witnessed_size
from services.chassis.log.receipts import published
from services.chassis.turns import Turns

# Deliveries that may wait while one is verified, which takes some milliseconds where every line of it is false: each
# witness of a trust file may come twice at once.
QUEUED_MAX: Final = 2 * WITNESSES_MAX

_log = logging.getLogger(__name__)


class Cosignatures:
    """Takes in what witnesses co-signed of our own log, and shows what it has of every log."""

    def __init__(self, database: Database, log: str, keys: LogKeyRing, trust: TrustFile, turns: Turns) -> None:
        """`turns` are those of deliveries alone, which are verified beside all else."""
        self._turns = turns
        self._database = database
        self._log = log
        self._keys = keys
        self._trust = trust

    async def add(self, checkpoint: pb.Checkpoint) -> pb.AddCosignaturesResponse:
        """Keeps what is newer than what is known of its witnesses.

        Raises as `cosignatures.read`; under our own signature UNKNOWN_HEAD for a size that was not published, LogForked
        for another root than our tree has: both are logged with the evidence; OVERLOADED when too many wait already.
        """
        async with await self._turns.take() as turn:
            head, found = await turn.in_thread(
                lambda: cosignatures.read(checkpoint, self._log, self._keys, self._trust)
            )
        async with self._database.transaction() as connection:
            await self._check_ours(connection, head, checkpoint)
            if await cosignatures.keep(connection, self._log, found):
                done_by, method = store.Audit.current(), current_call().method
                await store.audit(connection, done_by, method, cosignatures.content_id(found))
            kept = await cosignatures.load(connection, self._keys, self._trust)
        return pb.AddCosignaturesResponse(witnessed_size=self._reach(kept.get(self._log, ())))

    async def _check_ours(self, connection: Connection, head: Head, checkpoint: pb.Checkpoint) -> None:
        newest = await published(connection, self._log)
        published_size = 0 if newest is None else newest.size
        if head.size <= published_size and (await nodes.edge(connection, head.size)).root == head.root:
            return
        # Our key signed it, and we know nothing of it: there are two histories, or the database was set back.
        known = [] if newest is None else [newest.checkpoint]
        evidence = [each.hex() for each in (*known, checkpoint.checkpoint)]
        _log.error(
            "%s: a witness brings a head of %d entries under our key that our tree does not lead to",
            self._log,
            head.size,
            extra={"log": self._log, "evidence": evidence},
        )
        if newest is None or head.size > newest.size:
            raise unknown_head("a head of more entries than were published", self._log, head.size)
        raise LogForked(
            "another root than this log's tree has, under the log's own signature",
            earlier=newest.checkpoint,
            later=checkpoint.checkpoint,
            size=head.size,
        )

    def _reach(self, found: Sequence[Cosignature]) -> int:
        return witnessed_size(found, self._trust.witness_threshold)

    async def list(self) -> pb.ListCosignaturesResponse:
        """The newest of each witness, by log."""
        async with self._database.connection() as connection:
            kept = await cosignatures.load(connection, self._keys, self._trust)
        return pb.ListCosignaturesResponse(
            cosignatures=[_message(each) for found in kept.values() for each in found],
            witnessed_size=self._reach(kept.get(self._log, ())),
            threshold=self._trust.witness_threshold,
        )

    async def with_lines(self, checkpoint: pb.Checkpoint, size: int) -> pb.Checkpoint:
        """A head of our log of this size, with the lines of those who co-signed just it."""
        if not self._trust.witnesses or not checkpoint.note:
            return checkpoint
        async with self._database.connection() as connection:
            kept = await cosignatures.load(connection, self._keys, self._trust)
        for each in kept.get(self._log, ()):
            if each.size == size:
                checkpoint.note = joined(checkpoint.note, each.note) or checkpoint.note
        return checkpoint


def _message(one: Cosignature) -> pb.Cosignature:
    checkpoint = pb.Checkpoint(log=one.log, checkpoint=one.checkpoint, note=one.note)
    return pb.Cosignature(witness=one.witness, checkpoint=checkpoint, cosigned_at_s=one.cosigned_at)
