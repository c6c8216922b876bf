"""TransparencyService, as every service serves it for its own log."""

# ruff: noqa: N802, ARG002 - the generated stubs name methods and arguments

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final

from monazite.transparency.v1 import transparency_pb2 as pb
from monazite.transparency.v1.transparency_pb2_grpc import TransparencyServiceServicer
from monazite.type.v1.statement_pb2 import Admission
from monazite_provenance.statement import STATEMENT_ID_BYTES

from services.chassis import errors
from services.chassis.access import AccessTable, Caller, method_names
from services.chassis.errors import Violation
from services.chassis.log.reading import Log, checkpoint
from services.chassis.log.receipts import Receipts, Registered
from services.chassis.log.witnesses import Cosignatures

WAIT_MS_MAX: Final = 20_000
SERVICE: Final = pb.DESCRIPTOR.services_by_name["TransparencyService"]
_STREAM: Final = f"/{SERVICE.full_name}/StreamEntries"
_ADD: Final = f"/{SERVICE.full_name}/AddCosignatures"
_WITNESS: Final = Caller.witness()
_EVERYBODY: Final = frozenset({Caller.enterprise(), Caller.officer(), Caller.customs(), Caller.service(), _WITNESS})


def access(entries: frozenset[Caller]) -> AccessTable:
    """Heads and proofs are everybody's who has a certificate: they disclose hashes. Entries hold the openings of
    statements, so that only `entries` may read them. What was co-signed a witness delivers, and whose it is its
    signature says."""
    special = {_STREAM: entries, _ADD: frozenset({_WITNESS})}
    return {name: special.get(name, _EVERYBODY) for name in method_names([SERVICE])}


class TransparencyServicer(TransparencyServiceServicer):
    """The log for everybody."""

    def __init__(self, log: Log, receipts: Receipts, cosignatures: Cosignatures, keys: pb.KeySet) -> None:
        self._log = log
        self._cosignatures = cosignatures
        self._receipts = receipts
        self._keys = keys

    async def GetKeySet(self, request: pb.GetKeySetRequest, context: object) -> pb.KeySet:
        """The service's public keys."""
        return self._keys

    async def GetCheckpoint(self, request: pb.GetCheckpointRequest, context: object) -> pb.Checkpoint:
        """The latest head."""
        head = await self._log.head()
        return await self._cosignatures.with_lines(checkpoint(self._log.name, head), head.size)

    async def GetReceipt(self, request: pb.GetReceiptRequest, context: object) -> Admission:
        """The receipt of a statement."""
        _check(request)
        admission = await self._log.admission(request.statement_id)
        if admission is None:
            raise errors.not_found("statement", request.statement_id.hex())
        registered = await self._receipts.obtain(request.statement_id, wait_s=request.wait_ms / 1000)
        return admit(admission, registered)

    async def GetInclusion(self, request: pb.GetInclusionRequest, context: object) -> pb.Inclusion:
        """An inclusion path."""
        return await self._log.inclusion(request)

    async def GetConsistency(self, request: pb.GetConsistencyRequest, context: object) -> pb.Consistency:
        """A consistency path."""
        return await self._log.consistency(request)

    async def StreamEntries(
        self, request: pb.StreamEntriesRequest, context: object
    ) -> AsyncGenerator[pb.StreamEntriesResponse]:
        """Entries from an index on."""
        async for page in self._log.stream(request):
            yield page

    async def ListPeerCheckpoints(
        self, request: pb.ListPeerCheckpointsRequest, context: object
    ) -> pb.ListPeerCheckpointsResponse:
        """Heads of other logs."""
        return await self._log.peers()

    async def AddCosignatures(self, request: pb.AddCosignaturesRequest, context: object) -> pb.AddCosignaturesResponse:
        """What a witness co-signed."""
        return await self._cosignatures.add(request.checkpoint)

    async def ListCosignatures(
        self, request: pb.ListCosignaturesRequest, context: object
    ) -> pb.ListCosignaturesResponse:
        """The newest of each witness."""
        return await self._cosignatures.list()


def admit(admission: Admission, registered: Registered | None) -> Admission:
    """The admission with place and receipt, where they are known."""
    admission.receipt_pending = registered is None
    if registered is not None:
        admission.index = registered.index
        admission.receipt = registered.receipt
    return admission


def _check(request: pb.GetReceiptRequest) -> None:
    violations: list[Violation] = []
    if len(request.statement_id) != STATEMENT_ID_BYTES:
        violations.append(Violation("statement_id", f"must have {STATEMENT_ID_BYTES} bytes"))
    if not 0 <= request.wait_ms <= WAIT_MS_MAX:
        violations.append(Violation("wait_ms", f"must be from 0 to {WAIT_MS_MAX}"))
    if violations:
        raise errors.invalid(violations)
