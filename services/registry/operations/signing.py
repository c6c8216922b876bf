"""The registry's signature. Nothing is signed while a transaction is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monazite_provenance.contents import Details, encode
from monazite_provenance.draft import Draft, draft
from monazite_provenance.keys import SigningKey
from monazite_provenance.kinds import EventKind
from monazite_provenance.statement import Claims, OnBehalf, Outpoint

from services.chassis.clock import Clock
from services.chassis.store import SignedStatement


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs as the registry (`issuer`, its URI) with a key that was loaded once."""

    key: SigningKey
    issuer: str
    clock: Clock

    def sign(
        self,
        kind: EventKind,
        subject: str,
        details: Details,
        *,
        spends: Sequence[Outpoint] = (),
        refs: Sequence[bytes] = (),
        outputs: Sequence[bytes] = (),
        on_behalf: OnBehalf | None = None,
        parents: Sequence[bytes] = (),
    ) -> SignedStatement:
        """A signed statement for our log. `parents`: statements of our log, beside those it spends, that must come
        before it.
        """
        claims = Claims(
            issuer=self.issuer,
            subject=subject,
            issued_at=self.now(),
            kind=kind,
            spends=tuple(spends),
            refs=tuple(sorted(set(refs))),
            on_behalf=on_behalf,
        )
        ordered = {*(spend.statement_id for spend in spends), *parents}
        return self.finish(draft(claims, outputs, encode(details), self.key.public), sorted(ordered))

    def finish(self, drafted: Draft, parents: Sequence[bytes]) -> SignedStatement:
        """A drafted statement of ours, signed."""
        return SignedStatement.of(drafted.claims, drafted.statement_id, drafted.sign(self.key), parents)

    def now(self) -> int:
        """Whole Unix seconds: what we put into `iat`."""
        return int(self.clock.now().timestamp())
