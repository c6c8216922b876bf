"""Takes in what witnesses co-signed of a peer's log that is followed here."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from monazite.transparency.v1.transparency_pb2 import Checkpoint, ListCosignaturesRequest
from monazite.transparency.v1.transparency_pb2_grpc import TransparencyServiceStub
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.log_keys import LogKeyRing
from monazite_provenance.receipts import Head, HeadVerifier
from monazite_provenance.trust import WITNESSES_MAX, TrustFile

from services.chassis import errors
from services.chassis.client import Peer
from services.chassis.database import Connection, Database
from services.chassis.log import cosignatures, nodes
from services.chassis.log.asking import ask_on
from services.chassis.log.cosignatures import Cosignature
from services.chassis.log.peers import LogProblem, load_head

_POSITION: Final = "SELECT next_index FROM follower_cursor WHERE log = $1"

_log = logging.getLogger(__name__)


class CosignatureWatcher:
    """Asks a peer now and then for what witnesses co-signed of its log. The log is followed here, and its tree kept:
    a head counts once that has come to it, and only if it is of the same tree."""

    def __init__(
        self, database: Database, log: str, peer: Peer, keys: LogKeyRing, trust: TrustFile, *, interval_s: float
    ) -> None:
        self.log = log
        self._database = database
        self._peer = peer
        self._stub = TransparencyServiceStub(peer.channel)
        self._keys = keys
        self._trust = trust
        self._interval_s = interval_s

    async def run(self) -> None:
        """Until cancelled. Failures are logged and tried again. Raises LogProblem."""
        await ask_on(self.step, what=f"co-signatures of {self.log}", interval_s=self._interval_s)

    async def step(self) -> int:
        """What the peer has, as far as its log was followed; gives how many are newer than what was kept.

        Raises LogProblem for a head under the peer's key that is not of the tree that was followed, and what asking
        raises. What does not verify counts for nothing, and is in nobody's way.
        """
        response = await self._peer.call(self._stub.ListCosignatures, ListCosignaturesRequest())
        of_log = [each.checkpoint for each in response.cosignatures if each.checkpoint.log == self.log]
        # No service has more of one log: of a longer list the rest is not looked at.
        del of_log[WITNESSES_MAX:]
        found = await asyncio.to_thread(lambda: [read for each in of_log if (read := self._read(each))])
        kept: list[str] = []
        async with self._database.transaction() as connection:
            followed: int = await connection.fetchval(_POSITION, self.log) or 0
            for head, cosigned in found:
                if head.size <= followed:
                    await self._check_tree(connection, head, cosigned[0].checkpoint)
                    kept += await cosignatures.keep(connection, self.log, cosigned)
        return len(kept)

    def _read(self, checkpoint: Checkpoint) -> tuple[Head, tuple[Cosignature, ...]] | None:
        try:
            return cosignatures.read(checkpoint, self.log, self._keys, self._trust)
        except (ProvenanceError, errors.Error) as error:
            _log.warning("a co-signature of %s counts for nothing: %s", self.log, error)
            return None

    async def _check_tree(self, connection: Connection, head: Head, checkpoint: bytes) -> None:
        ours = await nodes.edge(connection, head.size, peer=self.log)
        if ours.root == head.root:
            return
        last = await load_head(connection, self.log, HeadVerifier(self._keys))
        message = f"{self.log}: a head of {head.size} entries that is not of the tree that was followed: it forked"
        raise LogProblem(message, *([] if last is None else [last.checkpoint]), checkpoint)
