"""An enterprise that signs its own statements: its key never leaves it, the registry only checks and takes in."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from monazite.registry.v1.registry_pb2 import (
    CertifyKeyRequest,
    PrepareStatementRequest,
    StepResponse,
    SubmitStatementRequest,
)
from monazite.type.v1.statement_pb2 import Outpoint as OutpointMessage
from monazite.type.v1.statement_pb2 import StatementItem
from monazite_provenance.conservation import apportion
from monazite_provenance.contents import (
    AcceptDetails,
    AcceptLine,
    Details,
    LotContent,
    SplitDetails,
    encode,
)
from monazite_provenance.draft import draft
from monazite_provenance.item import Item
from monazite_provenance.keys import SigningKey
from monazite_provenance.kinds import EventKind
from monazite_provenance.prepared import Prepared, read_prepared
from monazite_provenance.statement import Claims, Outpoint
from monazite_provenance.steps import accepted_outputs, subject
from monazite_provenance.trust import prove_possession

from clients.demo.actors import Desk, request_id


@dataclass(frozen=True, slots=True)
class Spend:
    """A head about to be spent: where it is and what it holds."""

    outpoint: Outpoint
    lot: LotContent


def library_outpoint(message: OutpointMessage) -> Outpoint:
    """An outpoint as the library has it."""
    return Outpoint(message.statement_id, message.output_index)


class OwnSignature:
    """Builds and signs the statements of one enterprise."""

    def __init__(self, desk: Desk, key: SigningKey) -> None:
        self.desk = desk
        self.key = key

    async def certify(self) -> None:
        """Has the registry certify the key, on proof that we hold it."""
        public = self.key.public
        await self.desk.ask(
            self.desk.enterprises.CertifyKey,
            CertifyKeyRequest(
                request_id=request_id(),
                cose_key=public.cose_key,
                proof_of_possession=prove_possession(self.key, self.desk.uri),
            ),
        )

    def sign(
        self, spends: Sequence[Spend], outputs: Sequence[LotContent], details: Details, refs: Sequence[bytes] = ()
    ) -> Item:
        """Signs one step. The statement stands whether or not the registry ever takes it in."""
        claims = Claims(
            issuer=self.desk.uri,
            subject=subject([each.lot for each in spends], outputs),
            issued_at=int(time.time()),
            kind=EventKind(details.KIND),
            spends=tuple(each.outpoint for each in spends),
            refs=tuple(refs),
        )
        return draft(claims, [encode(lot) for lot in outputs], encode(details), self.key.public).sign(self.key)

    async def prepare(self, request: PrepareStatementRequest) -> Prepared:
        """What the registry wrote for us to sign, read: the bytes to sign say this and nothing else.

        Raises CallError, and ProvenanceError where they do not.
        """
        request.kid = self.key.public.kid
        written = await self.desk.ask(self.desk.lots.PrepareStatement, request)
        return read_prepared(written.unsigned_item.item, written.signing_input, issuer=self.desk.uri)

    async def submit(self, item: Item, rights: Sequence[StatementItem] = ()) -> StepResponse:
        """Sends a signed statement in; raises CallError."""
        return await self.desk.ask(
            self.desk.lots.SubmitStatement,
            SubmitStatementRequest(request_id=request_id(), statement=StatementItem(item=item.encode()), rights=rights),
        )

    def accept(self, offered: Sequence[tuple[Spend, AcceptLine]], site: str) -> Item:
        """Our half of a transfer: what we found of each lot, in the order of the spends."""
        ordered = sorted(offered, key=lambda pair: pair[0].outpoint)
        outputs = [lot for spend, line in ordered for lot in accepted_outputs(spend.lot, line, site)]
        return self.sign([spend for spend, _ in ordered], outputs, AcceptDetails(tuple(line for _, line in ordered)))

    def split(self, whole: Spend, parts: Sequence[tuple[str, int]]) -> Item:
        """One lot into parts (id, grams gross), exact."""
        portions = apportion(whole.lot, [gross_g for _, gross_g in parts])
        outputs = [
            portion.fill(whole.lot._replace(lot_id=lot_id))
            for (lot_id, _), portion in zip(parts, portions, strict=True)
        ]
        return self.sign([whole], outputs, SplitDetails())
