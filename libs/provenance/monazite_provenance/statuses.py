"""The registry's status of a bundle's target: unspent, not on hold, nothing left out, as of one moment of its log."""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256
from typing import Final

from monazite_provenance._frozen import dataclass
from monazite_provenance._registration import Heads
from monazite_provenance.contents import LotContent, StatusDetails
from monazite_provenance.errors import (
    BadField,
    HeadSpent,
    NoTrustedReceipt,
    ProvenanceError,
    StaleHead,
)
from monazite_provenance.names import lot_urn
from monazite_provenance.places import Place
from monazite_provenance.receipts import Head, HeadVerifier, parse_checkpoint
from monazite_provenance.report import Gap, StatusView
from monazite_provenance.verifier import Statement

FUTURE_S_MAX: Final = 300
"""How far the registry's clock may be ahead of the verifier's, seconds."""
LIFETIME_S_MAX: Final = 7 * 24 * 3600
"""Longest that a status may say that it is good for, seconds."""
CHECKPOINT_AGE_S_MAX: Final = 24 * 3600
"""How much older than a status its home log's checkpoint may be, seconds: a status stands in no log, so that a stolen
key is told by this alone, and signs no fresh ones under a checkpoint of before the theft."""
_OTHERS: Final = "the registry knows other statements than these: the bundle is to be got anew"


def digest_of(statement_ids: Collection[bytes]) -> bytes:
    """What a status says of its full bundle: SHA-256 over the ascending ids of its statements, itself left out."""
    return sha256(b"".join(sorted(statement_ids))).digest()


@dataclass(frozen=True, slots=True)
class Judged:
    """What a status comes to: how it reads, and what it leaves unchecked."""

    view: StatusView
    gaps: tuple[Gap, ...]


def judge(
    statement: Statement,
    details: StatusDetails,
    *,
    lot: LotContent,
    known: Collection[bytes],
    heads: Heads,
    verifier: HeadVerifier,
    at: int,
) -> Judged:
    """What a status (`check_word` has passed) says of a bundle of the statements `known`, whose receipts are under
    `heads`.

    `at`: the moment to judge freshness by, Unix seconds. Raises HeadSpent for a target that was spent;
    NoTrustedReceipt, StaleHead where it does not speak of the logs that the bundle rests on; LogForked; the KeyProblem
    family; BadField.
    """
    claims = statement.claims
    if claims.subject != lot_urn(lot.lot_id):
        raise BadField("subject is not the lot", field="sub")
    newest = _checkpoints(details, lot.home_log, heads, verifier)
    statement.key.check(Place(lot.home_log, newest[lot.home_log].size))
    _check_heads(heads, newest)
    if details.spender is not None:
        raise HeadSpent("the target was spent", spender=details.spender.hex())
    complete = details.count == len(known) and details.digest == digest_of(known)
    fresh = _is_fresh(claims.issued_at, details.expires_at, newest[lot.home_log].signed_at, at)
    gaps: list[Gap] = []
    if not fresh:
        times = {"issued_at": str(claims.issued_at), "expires_at": str(details.expires_at), "at": str(at)}
        message = "the status is not of now, is good for too long, or rests on a checkpoint of long before"
        gaps.append(Gap("STATUS_EXPIRED", message, statement.id, times))
    if not complete:
        counts = {"statements": str(len(known)), "registry": str(details.count)}
        gaps.append(
            Gap(
                "INCOMPLETE",
                _OTHERS,
                statement.id,
                counts,
            )
        )
    view = StatusView(statement.id, claims.issued_at, details.expires_at, fresh, complete, tuple(newest.values()))
    return Judged(view, tuple(gaps))


def _is_fresh(issued_at: int, expires_at: int, checkpoint_at: int, at: int) -> bool:
    """Whether a status is of the moment `at`, and of that of its checkpoint. All in Unix seconds."""
    return (
        issued_at <= at + FUTURE_S_MAX
        and at < expires_at <= issued_at + LIFETIME_S_MAX
        and issued_at <= checkpoint_at + CHECKPOINT_AGE_S_MAX
    )


def _checkpoints(details: StatusDetails, home: str, heads: Heads, verifier: HeadVerifier) -> dict[str, Head]:
    """The heads that a status carries, by log, the lot's home first; others that cannot be believed count for nothing.

    Raises NoTrustedReceipt, LogForked; BadField for two of one log, or another log than the home's first.
    """
    newest: dict[str, Head] = {}
    for raw in details.checkpoints:
        head = _believed(raw, verifier)
        if head is None:
            if not newest:
                raise NoTrustedReceipt("a status without a checkpoint of its own log that is to be believed")
            continue
        if head.log in newest or (not newest and head.log != home):
            raise BadField("the checkpoint of the lot's home first, and of each log one", field="status.checkpoints")
        heads.compare(head, parse_checkpoint(raw).head)
        newest[head.log] = head
    return newest


def _believed(raw: bytes, verifier: HeadVerifier) -> Head | None:
    try:
        return verifier.verify_checkpoint(raw)
    except ProvenanceError:
        return None


def _check_heads(heads: Heads, newest: dict[str, Head]) -> None:
    """What the bundle rests on, the status has seen; a newer status may take the place of one that has expired."""
    for head in heads.used:
        latest = newest.get(head.log)
        if latest is None or head.size > latest.size:
            raise StaleHead("a receipt under a head that the status has not seen", size=head.size)
