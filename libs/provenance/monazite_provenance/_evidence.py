"""Statements of a bundle that stand beside the lots: rights and their settlement, export intents, holds."""

from __future__ import annotations

from collections.abc import Mapping

from monazite_provenance.contents import (
    Details,
    ExportIntentDetails,
    HoldDetails,
    ReleaseDetails,
    RightClosedDetails,
    RightDetails,
    SettledDetails,
    decode_details,
)
from monazite_provenance.errors import BadField, StepNotAllowed, Undisclosed
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import parse_spiffe
from monazite_provenance.statement import Outpoint
from monazite_provenance.verifier import Statement

# Signed, and of no weight for a lot's history in this version: nothing is concluded from them.
_UNREAD = frozenset({EventKind.ATTEST, EventKind.STATUS, EventKind.CUT})


class Evidence:
    """What the services said, by what it is about. Whether a key may say it was judged before by its certification."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self.unread: list[bytes] = []
        self._rights: dict[bytes, RightDetails] = {}
        self._settled: dict[tuple[bytes, bytes], int] = {}
        self._closed: dict[bytes, int] = {}
        self._intents: dict[bytes, ExportIntentDetails] = {}
        self._held: dict[Outpoint, int] = {}

    @property
    def rights(self) -> Mapping[bytes, RightDetails]:
        """Rights by statement id."""
        return self._rights

    @property
    def intents(self) -> Mapping[bytes, ExportIntentDetails]:
        """Export intents by statement id."""
        return self._intents

    @property
    def held(self) -> tuple[Outpoint, ...]:
        """Outpoints with more holds than releases in the bundle."""
        return tuple(outpoint for outpoint, count in self._held.items() if count > 0)

    def settled_mg(self, right_id: bytes, drawing_id: bytes) -> int:
        """What quota settled of one statement's draw on one right, milligrams REO; 0 when nothing."""
        return self._settled.get((right_id, drawing_id), 0)

    def take(self, statement: Statement) -> None:
        """Take in a verified statement that spends and makes nothing. Raises StepNotAllowed, Undisclosed, Malformed."""
        claims = statement.claims
        self.seen.add(statement.id)
        if claims.spends or statement.outputs_count:
            raise StepNotAllowed("this kind of statement spends nothing and makes nothing", kind=int(claims.kind))
        if claims.kind in _UNREAD:
            self.unread.append(statement.id)
            return
        if statement.details is None:
            raise Undisclosed("details of a statement that the lot rests on")
        self._record(statement, decode_details(claims.kind, statement.details))

    def _record(self, statement: Statement, details: Details) -> None:
        refs = statement.claims.refs
        match details:
            case RightDetails():
                self._rights[statement.id] = details
            case SettledDetails():
                _require_refs(refs, details.right_id, details.drawing_id)
                key = (details.right_id, details.drawing_id)
                if key in self._settled:
                    raise StepNotAllowed("one draw settled twice")
                self._settled[key] = details.mass_mg
            case RightClosedDetails():
                _require_refs(refs, details.right_id)
                self._closed[details.right_id] = details.total_drawn_mg
            case ExportIntentDetails():
                _require_refs(refs, details.licence_id)
                if statement.claims.on_behalf is None or parse_spiffe(statement.claims.actor).kind != "customs":
                    raise StepNotAllowed("an export intent that is not on behalf of customs")
                self._intents[statement.id] = details
            case HoldDetails():
                self._held[details.outpoint] = self._held.get(details.outpoint, 0) + 1
            case ReleaseDetails():
                self._held[details.outpoint] = self._held.get(details.outpoint, 0) - 1
            case _:
                # Licences, locks and voids are verified and kept; no step of a lot's history rests on them.
                pass

    def closed_mg(self, right_id: bytes) -> int | None:
        """What the registry said was drawn in all on a right it closed; None while open or unknown."""
        return self._closed.get(right_id)


def _require_refs(refs: tuple[bytes, ...], *needed: bytes) -> None:
    if any(statement_id not in refs for statement_id in needed):
        raise BadField("a statement does not refer to what it speaks about", field="refs")
