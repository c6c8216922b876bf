"""What the committer commits: a request with its signed statements, and what it asks of the rows."""

from __future__ import annotations

from dataclasses import dataclass

from monazite_provenance.statement import Outpoint

from services.chassis.store import Write
from services.registry.domain.change import Change


@dataclass(frozen=True, slots=True)
class PeerStatement:
    """A peer's verified statement to keep: a right that was presented, an export-intent."""

    statement_id: bytes
    kind: int
    item: bytes


@dataclass(frozen=True, slots=True)
class HoldPlaced:
    """A signed hold on a head."""

    hold_id: bytes
    outpoint: Outpoint
    reason_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryWrite(Write):
    """`statements[0]` is the statement of `change`, where it has one. `signer_kid`: of the enterprise's key, if it
    signed.
    """

    change: Change
    holds: tuple[HoldPlaced, ...] = ()
    peers: tuple[PeerStatement, ...] = ()
    signer_kid: bytes | None = None

    @property
    def statement_id(self) -> bytes:
        """Id of the statement of `change`; 32 zero bytes of a change that is not a statement."""
        return self.statements[0].statement_id if self.statements else bytes(32)
