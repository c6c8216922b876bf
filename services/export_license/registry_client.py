"""The registry as this service sees it: bundles that we verify ourselves, its word on heads and holds, export acts.

Whatever the registry answers to an act is a signed statement; it is verified, and matched against the act, before
anything is done with it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

from monazite.registry.v1 import registry_pb2, registry_pb2_grpc
from monazite.type.v1 import statement_pb2
from monazite_provenance import chain
from monazite_provenance.contents import (
    AcceptDetails,
    CustodyState,
    Details,
    ExportLockDetails,
    ExportVoidDetails,
    decode_details,
    decode_lot,
)
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.kinds import EventKind
from monazite_provenance.statement import Outpoint
from monazite_provenance.trust import TrustFile
from monazite_provenance.verifier import Statement, Verifier

from services.chassis import errors
from services.chassis.client import Peer
from services.chassis.clock import Clock
from services.chassis.fields import outpoint_message
from services.chassis.spool import Spool
from services.chassis.turns import Turns
from services.export_license import refusals
from services.export_license.domain.customs import Accepted, Act, Answer
from services.export_license.domain.lots import Evidence, Finding


@dataclass(frozen=True, slots=True)
class Answered:
    """A verified answer of the registry to an act."""

    answer: Answer
    statement_id: bytes
    kind: int
    item: bytes
    accepted: Accepted | None = None
    # Of a void.
    void_reason: str = ""


@dataclass(frozen=True, slots=True)
class Names:
    """Who signs what: the registry's issuer, and our own, for which the registry signs the acceptance of an export."""

    registry: str
    licensing: str


class RegistryClient:
    """Asks the registry, and believes only what verifies under the trust file."""

    def __init__(
        self,
        peer: Peer,
        trust: TrustFile,
        names: Names,
        turns: Turns,
        clock: Clock,
        *,
        timeout_s: float,
        fetch_timeout_s: float,
        bundle_bytes_max: int,
    ) -> None:
        """`fetch_timeout_s`: of fetching a bundle, all its pages."""
        self._peer = peer
        self._lots = registry_pb2_grpc.LotServiceStub(peer.channel)
        self._exports = registry_pb2_grpc.ExportServiceStub(peer.channel)
        self._trust = trust
        self._verifier = Verifier(trust.keyring())
        self._names = names
        self._timeout_s = timeout_s
        self._fetch_timeout_s = fetch_timeout_s
        self._bundle_bytes_max = bundle_bytes_max
        self._turns = turns
        self._clock = clock

    @property
    def name(self) -> str:
        """The peer's name."""
        return self._peer.name

    async def evidence(self, outpoint: Outpoint, *, visible_to: str, or_leaving: bool = False) -> Evidence:
        """Fetch the bundle of a head and verify it here, when its turn has come: only of a lot that the enterprise
        `visible_to` holds or is to receive, or with `or_leaving` one that is on its way out of the country or has left.

        Raises what the registry refuses with (NOT_FOUND), PEER_UNAVAILABLE or DEADLINE when it does not answer,
        OVERLOADED when too many wait for a turn.
        """
        async with await self._turns.take() as turn:
            spool = await Spool.of(self._bundle(outpoint, visible_to, or_leaving=or_leaving))
            return await turn.in_thread(lambda: self._verify(outpoint, spool))

    async def _bundle(self, outpoint: Outpoint, visible_to: str, *, or_leaving: bool) -> AsyncGenerator[bytes]:
        request = registry_pb2.GetBundleRequest(
            head=outpoint_message(outpoint),
            visible_to=visible_to,
            or_leaving=or_leaving,
            with_status=True,
            # From a cut on the verdict has a gap, and the gate takes none.
            extent=registry_pb2.BUNDLE_EXTENT_FULL,
        )
        size = 0
        async for response in self._peer.stream(self._lots.GetBundle, request, timeout_s=self._fetch_timeout_s):
            size += len(response.chunk)
            if size > self._bundle_bytes_max:
                raise errors.Error(errors.Kind.PRECONDITION, "TOO_LARGE", "the bundle of a lot is too large to verify")
            yield response.chunk

    def _verify(self, outpoint: Outpoint, spool: Spool) -> Evidence:
        try:
            with spool:
                report = chain.verify_bundle(spool.chunks(), self._trust, at=int(self._clock.now().timestamp()))
        except ProvenanceError as error:
            return _refuted(outpoint, error.code, error.message, error.details)
        if report.outpoint != outpoint:
            return _refuted(outpoint, "WRONG_TARGET", "the bundle is of another head", {})
        failure = report.failure
        findings = [
            Finding(found.finding.code, found.finding.message, found.finding.metadata) for found in report.findings
        ]
        if failure is not None:
            findings.insert(0, Finding(failure.code, failure.message, _texts(failure.details)))
        return Evidence(
            outpoint=outpoint,
            verdict=report.verdict.name,
            gaps=tuple(Finding(gap.code, gap.message, gap.metadata) for gap in report.not_checked),
            findings=tuple(findings),
            statements=report.statements,
            content=report.target,
        )

    async def head_of(self, lot_id: str) -> Outpoint:
        """The head that a lot has now. Raises as `evidence`."""
        request = registry_pb2.GetLotRequest(lot_id=lot_id)
        found = (await self._peer.call(self._lots.GetLot, request, timeout_s=self._timeout_s)).head
        return Outpoint(found.statement_id, found.output_index)

    async def locked_by(self, lot_id: str) -> bytes:
        """The export act that has locked a lot; empty for none. Raises as `evidence`."""
        request = registry_pb2.GetLotRequest(lot_id=lot_id)
        return (await self._peer.call(self._lots.GetLot, request, timeout_s=self._timeout_s)).export_act_id

    async def lock(self, act: Act) -> Answered:
        """Ask to lock the heads of a declaration. Raises what the registry refuses with, INTERNAL on a wrong answer."""
        request = registry_pb2.LockExportRequest(
            act_id=act.act_id,
            heads=[outpoint_message(lot.outpoint) for lot in act.declared],
            licence_id=act.licence_id,
        )
        response = await self._peer.call(self._exports.LockExport, request, timeout_s=self._timeout_s)
        return self._answered(act, response)

    async def complete(self, act: Act, intent: bytes, licence: bytes) -> Answered:
        """Ask to export under our signed intent and its licence (encoded items). Raises as `lock`."""
        request = registry_pb2.CompleteExportRequest(
            act_id=act.act_id,
            intent=statement_pb2.StatementItem(item=intent),
            licence=statement_pb2.StatementItem(item=licence),
        )
        response = await self._peer.call(self._exports.CompleteExport, request, timeout_s=self._timeout_s)
        return self._answered(act, response)

    async def void(self, act: Act) -> Answered:
        """Ask to end the act without export. Raises as `lock`."""
        request = registry_pb2.VoidExportRequest(act_id=act.act_id, reason_code=act.void_reason)
        response = await self._peer.call(self._exports.VoidExport, request, timeout_s=self._timeout_s)
        return self._answered(act, response)

    def _answered(self, act: Act, response: registry_pb2.ExportActResponse) -> Answered:
        try:
            statement = self._verifier.verify(response.statement.item)
            if statement.claims.issuer != self._names.registry:
                raise refusals.incident("the answer is not signed by the registry", act.act_id)
            details = self._details(statement)
            answer, accepted = self._match(act, response.state, statement, details)
        except ProvenanceError as error:
            raise refusals.incident(f"the registry's answer does not verify: {error.code}", act.act_id) from error
        void_reason = details.reason_code if isinstance(details, ExportVoidDetails) else ""
        return Answered(
            answer, statement.id, int(statement.claims.kind), response.statement.item, accepted, void_reason
        )

    @staticmethod
    def _details(statement: Statement) -> Details | None:
        return None if statement.details is None else decode_details(statement.claims.kind, statement.details)

    def _match(
        self,
        act: Act,
        state: registry_pb2.ExportActResponse.State.ValueType,
        statement: Statement,
        details: Details | None,
    ) -> tuple[Answer, Accepted | None]:
        """The statement says what the response claims, and says it of this act. Raises INTERNAL."""
        states = registry_pb2.ExportActResponse
        declared = {lot.outpoint for lot in act.declared}
        match details:
            case ExportLockDetails() if state == states.STATE_LOCKED and details.act_id == act.act_id:
                if details.licence_id == act.licence_id and set(details.outpoints) == declared:
                    return Answer.LOCKED, None
            case ExportVoidDetails() if state == states.STATE_VOID and details.act_id == act.act_id:
                return Answer.VOID, None
            case AcceptDetails() if state == states.STATE_EXPORTED and self._accepts(act, statement):
                return Answer.EXPORTED, _accepted(statement, details)
            case _:
                pass
        raise refusals.incident("the registry's statement is not about this act", act.act_id)

    def _accepts(self, act: Act, statement: Statement) -> bool:
        claims = statement.claims
        return (
            claims.kind is EventKind.ACCEPT
            and claims.on_behalf is not None
            and claims.on_behalf.principal == self._names.licensing
            and act.intent_id in claims.refs
            and set(claims.spends) == {lot.outpoint for lot in act.declared}
        )


def _refuted(outpoint: Outpoint, code: str, message: str, details: Mapping[str, str | int]) -> Evidence:
    return Evidence(outpoint, "REFUTED", (), (Finding(code, message, _texts(details)),), 0, None)


def _texts(details: Mapping[str, str | int]) -> dict[str, str]:
    return {name: str(value) for name, value in details.items()}


def _accepted(statement: Statement, details: AcceptDetails) -> Accepted:
    spends = statement.claims.spends
    masses = {spend: line.accepted_g for spend, line in zip(spends, details.lines, strict=False)}
    abroad: list[Outpoint] = []
    returned: list[Outpoint] = []
    for index, content in sorted(statement.outputs.items()):
        heads = abroad if decode_lot(content).custody_state is CustodyState.ABROAD else returned
        heads.append(Outpoint(statement.id, index))
    return Accepted(masses, tuple(abroad), tuple(returned))
