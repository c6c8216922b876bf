"""Quota's log, followed: settlements are kept, so that a bundle can carry them.

Rights are not taken from it: most are never drawn on, and who draws on one carries it here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from monazite_provenance.contents import SettledDetails, decode_details
from monazite_provenance.errors import Undisclosed
from monazite_provenance.kinds import EventKind

from services.chassis.database import Connection
from services.chassis.follower import FollowedEntry
from services.registry.operations.presented import Presented
from services.registry.storage.following import Settlement, keep

KINDS: Final = (EventKind.SETTLED,)


@dataclass(frozen=True, slots=True)
class QuotaLog:
    """What is done with quota's entries: verified outside of a transaction, stored inside. `log`: the log's name."""

    presented: Presented
    log: str

    async def prepare(self, entries: Sequence[FollowedEntry]) -> list[Settlement]:
        """Verify every entry. Raises ProvenanceError: a log that does not verify is not followed any further."""
        settlements: list[Settlement] = []
        for entry in entries:
            statement = self.presented.check(entry.item, entry.kind, entry.statement_id)
            if statement.details is None:
                raise Undisclosed("details of an entry")
            details = decode_details(EventKind.SETTLED, statement.details)
            assert isinstance(details, SettledDetails)  # noqa: S101 - decode_details was told the kind
            settlements.append(Settlement(details.drawing_id, details.right_id, statement.id))
        return settlements

    async def apply(
        self, connection: Connection, entries: Sequence[FollowedEntry], settlements: list[Settlement]
    ) -> None:
        """Store them, in the transaction that moves the cursor."""
        await keep(connection, self.log, entries, settlements)
