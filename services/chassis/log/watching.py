"""Takes in the heads of a peer's log whose entries are not followed: each must begin with the one before."""

from __future__ import annotations

from collections.abc import Sequence

from monazite.transparency.v1.transparency_pb2 import Checkpoint, GetCheckpointRequest, GetConsistencyRequest
from monazite.transparency.v1.transparency_pb2_grpc import TransparencyServiceStub
from monazite_provenance import tree
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.log_keys import LogKeyRing
from monazite_provenance.receipts import Head, HeadVerifier

from services.chassis.client import Peer
from services.chassis.database import Database
from services.chassis.log.asking import ask_on
from services.chassis.log.peers import LogProblem, Taken, check_newer, load_head, take_head


class HeadWatcher:
    """Asks a peer for its head now and then."""

    def __init__(self, database: Database, log: str, peer: Peer, keys: LogKeyRing, *, interval_s: float) -> None:
        self.log = log
        self._database = database
        self._peer = peer
        self._stub = TransparencyServiceStub(peer.channel)
        self._verifier = HeadVerifier(keys)
        self._interval_s = interval_s

    async def run(self) -> None:
        """Until cancelled. Failures are logged and tried again. Raises LogProblem: then nothing was taken in."""
        await ask_on(self.step, what=f"heads of {self.log}", interval_s=self._interval_s)

    async def step(self) -> None:
        """The latest head, if it goes on from the last. Raises LogProblem, and what asking raises."""
        # Before asking, so that another process cannot take in a later head than the one that is answered here.
        async with self._database.connection() as connection:
            last = await load_head(connection, self.log, self._verifier)
        checkpoint = await self._peer.call(self._stub.GetCheckpoint, GetCheckpointRequest())
        head = await self._checked(checkpoint, last)
        async with self._database.transaction() as connection:
            await take_head(connection, head, checkpoint)

    async def _checked(self, checkpoint: Checkpoint, last: Taken | None) -> Head:
        evidence = [checkpoint.checkpoint] if last is None else [last.checkpoint, checkpoint.checkpoint]
        try:
            head = self._verifier.verify_checkpoint(checkpoint.checkpoint)
            check_newer(self.log, Taken(head, checkpoint.checkpoint), last)
            if last is not None:
                path = await self._path(last.head.size, head.size)
                tree.check_consistency(last.head.size, last.head.root, head.size, head.root, path)
        except ProvenanceError as error:
            raise LogProblem(f"{self.log}: a head that does not go on from the last: {error}", *evidence) from error
        return head

    async def _path(self, old_size: int, size: int) -> Sequence[bytes]:
        if old_size == size:
            return ()
        request = GetConsistencyRequest(old_size=old_size, size=size)
        return (await self._peer.call(self._stub.GetConsistency, request)).path
