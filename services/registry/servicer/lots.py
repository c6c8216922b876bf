"""LotService."""

# ruff: noqa: N802, ARG002 - the generated stubs name methods and arguments

from __future__ import annotations

from collections.abc import AsyncGenerator

from monazite.registry.v1 import registry_pb2 as pb
from monazite.registry.v1.registry_pb2_grpc import LotServiceServicer

from services.chassis.call import current_call
from services.registry.messages import lots as messages
from services.registry.messages.attestations import parse_attest
from services.registry.messages.prepared import parse_prepare, render_prepared
from services.registry.messages.replies import give
from services.registry.messages.requests import asked_by
from services.registry.messages.steps import parse_step
from services.registry.messages.views import render_lot, render_lots, render_status
from services.registry.operations.attestations import Attestations
from services.registry.operations.bundles import Asked, Bundles
from services.registry.operations.cuts import Cuts
from services.registry.operations.holds import Holds
from services.registry.operations.lots import LotOperations
from services.registry.operations.reading import Reading
from services.registry.operations.submitted import Submissions


class LotServicer(LotServiceServicer):
    """Lots: every mutation is one signed statement."""

    def __init__(
        self,
        lots: LotOperations,
        submissions: Submissions,
        holds: Holds,
        reading: Reading,
        *,
        bundles: Bundles,
        cuts: Cuts,
        attestations: Attestations,
    ) -> None:
        self._attestations = attestations
        self._cuts = cuts
        self._lots = lots
        self._submissions = submissions
        self._holds = holds
        self._reading = reading
        self._bundles = bundles

    async def IssueLotIds(self, request: pb.IssueLotIdsRequest, context: object) -> pb.IssueLotIdsResponse:
        """New lot ids for the caller."""
        request_id, count = messages.parse_issue(request)
        return pb.IssueLotIdsResponse.FromString((await self._lots.issue(asked_by(request, request_id), count)).reply)

    async def RegisterLot(self, request: pb.RegisterLotRequest, context: object) -> pb.StepResponse:
        """First entry of material."""
        request_id, command = parse_step(request)
        asked, validate_only = asked_by(request, request_id), request.validate_only
        return give(pb.StepResponse, await self._lots.step("register", asked, command, validate_only=validate_only))

    async def SplitLot(self, request: pb.SplitLotRequest, context: object) -> pb.StepResponse:
        """One lot into parts."""
        request_id, command = parse_step(request)
        return give(pb.StepResponse, await self._lots.step("split", asked_by(request, request_id), command))

    async def MergeLots(self, request: pb.MergeLotsRequest, context: object) -> pb.StepResponse:
        """Several lots into one."""
        request_id, command = parse_step(request)
        return give(pb.StepResponse, await self._lots.step("merge", asked_by(request, request_id), command))

    async def TransformLots(self, request: pb.TransformLotsRequest, context: object) -> pb.StepResponse:
        """A process step."""
        request_id, command = parse_step(request)
        asked, validate_only = asked_by(request, request_id), request.validate_only
        return give(pb.StepResponse, await self._lots.step("transform", asked, command, validate_only=validate_only))

    async def OfferLots(self, request: pb.OfferLotsRequest, context: object) -> pb.StepResponse:
        """Shipper's half of a transfer."""
        request_id, command = parse_step(request)
        return give(pb.StepResponse, await self._lots.step("offer", asked_by(request, request_id), command))

    async def CancelOffer(self, request: pb.CancelOfferRequest, context: object) -> pb.StepResponse:
        """Shipper takes lots back."""
        request_id, command = parse_step(request)
        return give(pb.StepResponse, await self._lots.step("cancel", asked_by(request, request_id), command))

    async def AcceptLots(self, request: pb.AcceptLotsRequest, context: object) -> pb.StepResponse:
        """Receiver's half of a transfer."""
        request_id, command = parse_step(request)
        return give(pb.StepResponse, await self._lots.step("accept", asked_by(request, request_id), command))

    async def PrepareStatement(self, request: pb.PrepareStatementRequest, context: object) -> pb.PreparedStatement:
        """A step for the enterprise to sign itself."""
        asked = parse_prepare(request)
        return render_prepared(await self._submissions.preparation.prepare(current_call().principal, asked))

    async def SubmitStatement(self, request: pb.SubmitStatementRequest, context: object) -> pb.StepResponse:
        """A step that the enterprise signed itself."""
        request_id, command = messages.parse_submit(request)
        return give(pb.StepResponse, await self._submissions.submit(request_id, command))

    async def GetLot(self, request: pb.GetLotRequest, context: object) -> pb.Lot:
        """One lot."""
        lot_id = messages.parse_lot_id(request)
        return render_lot(*await self._reading.get(current_call().principal, lot_id))

    async def ListLots(self, request: pb.ListLotsRequest, context: object) -> pb.ListLotsResponse:
        """A page of lots."""
        query = messages.parse_list(request)
        return render_lots(await self._reading.page(current_call().principal, query))

    async def GetBundle(self, request: pb.GetBundleRequest, context: object) -> AsyncGenerator[pb.GetBundleResponse]:
        """The bundle of a head, in pieces."""
        asked = Asked(current_call().principal, *messages.parse_head(request), or_leaving=request.or_leaving)
        async for chunk in self._bundles.stream(asked, with_status=request.with_status):
            yield pb.GetBundleResponse(chunk=chunk)

    async def GetStatus(self, request: pb.GetStatusRequest, context: object) -> pb.GetStatusResponse:
        """The signed status of a head."""
        asked = Asked(current_call().principal, *messages.parse_head(request))
        return render_status(*await self._bundles.status(asked))

    async def PlaceHold(self, request: pb.PlaceHoldRequest, context: object) -> pb.StepResponse:
        """An inspector stops a lot."""
        request_id, hold = messages.parse_hold(request)
        return give(pb.StepResponse, await self._holds.place(asked_by(request, request_id), hold))

    async def ReleaseHold(self, request: pb.ReleaseHoldRequest, context: object) -> pb.StepResponse:
        """An inspector lets a lot go."""
        request_id, hold = messages.parse_hold(request)
        return give(pb.StepResponse, await self._holds.release(asked_by(request, request_id), hold))

    async def CutLot(self, request: pb.CutLotRequest, context: object) -> pb.StepResponse:
        """The registry vouches for all that a head rests on."""
        request_id, command = messages.parse_cut(request)
        asked, validate_only = asked_by(request, request_id), request.validate_only
        return give(pb.StepResponse, await self._cuts.cut(asked, command, validate_only=validate_only))

    async def AttestLot(self, request: pb.AttestLotRequest, context: object) -> pb.StepResponse:
        """What an inspector had measured."""
        request_id, command = parse_attest(request)
        return give(pb.StepResponse, await self._attestations.attest(asked_by(request, request_id), command))
