"""Heads of other logs: each is taken in only if it goes on from the one taken before."""

from __future__ import annotations

from typing import Final, NamedTuple

from monazite.transparency.v1.transparency_pb2 import Checkpoint
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.receipts import Head, HeadVerifier

from services.chassis.database import Connection

_LOAD: Final = "SELECT checkpoint FROM peer_checkpoint WHERE log = $1"
# Never an older one, whatever another process took in meanwhile.
_TAKE: Final = """
    INSERT INTO peer_checkpoint AS held (log, size, root, signed_at, checkpoint, note, cosigned, taken_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp())
    ON CONFLICT (log) DO UPDATE SET size = excluded.size, root = excluded.root, signed_at = excluded.signed_at,
        checkpoint = excluded.checkpoint, note = excluded.note, cosigned = excluded.cosigned,
        taken_at = excluded.taken_at
    WHERE (held.size, held.signed_at) < (excluded.size, excluded.signed_at)
"""


class LogProblem(Exception):  # noqa: N818  (says what it is)
    """The peer's log contradicts itself, what we saw of it before, or its own signatures: it must be looked at, not
    followed. Asking again would not help, and going on would build on what may be forged. `evidence` is what the peer
    signed: of a fork both heads."""

    def __init__(self, message: str, *evidence: bytes) -> None:
        super().__init__(message)
        self.evidence = evidence


class Taken(NamedTuple):
    """A verified head, and the COSE checkpoint that it was read from."""

    head: Head
    checkpoint: bytes


def check_newer(log: str, now: Taken, last: Taken | None) -> None:
    """Returns if the head may follow the one taken in last. Raises LogProblem."""
    if now.head.log != log:
        raise LogProblem(f"asked for {log}, got the head of another log", now.checkpoint)
    if last is None:
        return
    evidence = last.checkpoint, now.checkpoint
    if now.head.size < last.head.size:
        raise LogProblem(f"{log} has {now.head.size} entries, {last.head.size} were signed: it shrank", *evidence)
    if now.head.size == last.head.size and now.head.root != last.head.root:
        raise LogProblem(f"{log} has two roots of {now.head.size} entries: it forked", *evidence)


async def load_head(connection: Connection, log: str, verifier: HeadVerifier) -> Taken | None:
    """The head that was taken in last. Raises LogProblem for one whose key counts no longer."""
    checkpoint: bytes | None = await connection.fetchval(_LOAD, log)
    if checkpoint is None:
        return None
    try:
        return Taken(verifier.verify_checkpoint(checkpoint), checkpoint)
    except ProvenanceError as error:
        raise LogProblem(f"{log}: the head that was taken in does not stand any more: {error}", checkpoint) from error


async def take_head(connection: Connection, head: Head, checkpoint: Checkpoint) -> None:
    """Stores a head that was verified and goes on from the last, in the transaction of what was read under it."""
    await connection.execute(
        _TAKE,
        head.log,
        head.size,
        head.root,
        head.signed_at,
        checkpoint.checkpoint,
        checkpoint.note,
        checkpoint.cosigned,
    )
