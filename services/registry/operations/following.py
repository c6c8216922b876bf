"""Peers' logs, followed: what they say of statements that bundles carry is kept, so that bundles can carry it too.

Of quota the settlements: rights are not taken from its log, since most are never drawn on, and who draws on one carries
it here. Of licensing the changes of licences: a licence comes with the export under it, and that it was suspended
afterwards nobody would present.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from monazite_provenance.contents import Details, LicenceChangeDetails, SettledDetails, decode_details
from monazite_provenance.errors import BadField, Undisclosed
from monazite_provenance.kinds import EventKind
from monazite_provenance.verifier import Statement

from services.chassis.database import Connection
from services.chassis.follower import FollowedEntry
from services.registry.operations.presented import Presented
from services.registry.storage.following import LicenceChange, Settlement, keep_changes, keep_settlements

SETTLED: Final = (EventKind.SETTLED,)
CHANGED: Final = (EventKind.LICENCE_CHANGE,)


@dataclass(frozen=True, slots=True)
class QuotaLog:
    """What is done with quota's entries: verified outside of a transaction, stored inside. `log`: the log's name."""

    presented: Presented
    log: str

    async def prepare(self, entries: Sequence[FollowedEntry]) -> list[Settlement]:
        """Verify every entry. Raises ProvenanceError: a log that does not verify is not followed any further."""
        settlements: list[Settlement] = []
        for statement, details in _read(self.presented, entries):
            assert isinstance(details, SettledDetails)  # noqa: S101 - nothing else was asked for
            settlements.append(Settlement(details.drawing_id, details.right_id, statement.id))
        return settlements

    async def apply(
        self, connection: Connection, entries: Sequence[FollowedEntry], settlements: list[Settlement]
    ) -> None:
        """Store them, in the transaction that moves the cursor."""
        await keep_settlements(connection, self.log, entries, settlements)


@dataclass(frozen=True, slots=True)
class LicensingLog:
    """The same with licensing's entries."""

    presented: Presented
    log: str

    async def prepare(self, entries: Sequence[FollowedEntry]) -> list[LicenceChange]:
        """Verify every entry. Raises as that of quota's."""
        changes: list[LicenceChange] = []
        for statement, details in _read(self.presented, entries):
            assert isinstance(details, LicenceChangeDetails)  # noqa: S101 - nothing else was asked for
            if details.licence_id not in statement.claims.refs:
                raise BadField("a change that does not refer to its licence", field="refs")
            changes.append(LicenceChange(statement.id, details.licence_id))
        return changes

    async def apply(
        self, connection: Connection, entries: Sequence[FollowedEntry], changes: list[LicenceChange]
    ) -> None:
        """Store them, in the transaction that moves the cursor."""
        await keep_changes(connection, self.log, entries, changes)


def _read(presented: Presented, entries: Sequence[FollowedEntry]) -> Iterator[tuple[Statement, Details]]:
    for entry in entries:
        statement = presented.check(entry.item, entry.kind, entry.statement_id)
        if statement.details is None:
            raise Undisclosed("details of an entry")
        yield statement, decode_details(statement.claims.kind, statement.details)
