"""The registry's API in a test's words. Refusals come as the suite's Error."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from monazite.registry.v1 import registry_pb2 as pb
from monazite.registry.v1 import registry_pb2_grpc as rpc
from monazite.transparency.v1.transparency_pb2_grpc import TransparencyServiceStub
from monazite.type.v1 import material_pb2, statement_pb2
from monazite_provenance.item import Item
from monazite_provenance.statement import Outpoint

from services.chassis.errors import decode
from services.chassis.fields import outpoint_message as message
from services.registry.messages.steps import StepRequest
from tests.service.calling import Calls, new_id
from tests.service.registry.peers import Signed

KG = 1_000_000
"""Milligrams."""
ORE = material_pb2.FORM_ORE_CONCENTRATE
OXIDE = material_pb2.FORM_SEPARATED_COMPOUND
RESIDUE = material_pb2.FORM_RESIDUE
ROCK = material_pb2.DEPOSIT_TYPE_ROCK
MINED = pb.Origin(mined=pb.Mined(mine="Bayan Obo", mining_licence="C100", deposit_type=ROCK))
IMPORTED = pb.Origin(imported=pb.Imported(country="US", customs_declaration="D-1"))
CE, ND, DY = material_pb2.ELEMENT_CE, material_pb2.ELEMENT_ND, material_pb2.ELEMENT_DY
SITE = "bayan-obo"


def material(
    masses: Mapping[material_pb2.Element.ValueType, int],
    *,
    gross_g: int = 2_000,
    form: material_pb2.Form.ValueType = ORE,
    method: str = "ICP-MS",
) -> material_pb2.Material:
    """Material with one source; masses in milligrams REO."""
    return material_pb2.Material(
        form=form,
        gross_g=gross_g,
        net_g=gross_g,
        moisture_g=0,
        elements=[material_pb2.ElementMass(element=element, reo_mg=mass) for element, mass in masses.items()],
        sources=[material_pb2.MassSource(laboratory="assay-1", method=method)],
        custody_model=material_pb2.CUSTODY_MODEL_SEGREGATED,
    )


def draw(right: Signed, reo_mg: int, *, carried: bool = True) -> pb.Draw:
    """A draw with the right itself, or by its id alone."""
    if carried:
        return pb.Draw(right=statement_pb2.StatementItem(item=right.item), reo_mg=reo_mg)
    return pb.Draw(right_id=right.statement_id, reo_mg=reo_mg)


def outpoint(head: pb.Head | pb.Lot) -> Outpoint:
    """The outpoint of a head."""
    message = head.outpoint if isinstance(head, pb.Head) else head.head
    return Outpoint(message.statement_id, message.output_index)


class Api(Calls):
    """One principal's view."""

    peer = "registry"

    def __init__(self, channel: grpc.aio.Channel, domain: str, path: str) -> None:
        self.lots = rpc.LotServiceStub(channel)
        self.rights = rpc.RightServiceStub(channel)
        self.exports = rpc.ExportServiceStub(channel)
        self.enterprises = rpc.EnterpriseServiceStub(channel)
        self.log = TransparencyServiceStub(channel)
        self.uri = f"spiffe://{domain}/" + "/".join(path.split("/")[:2])

    async def register_enterprise(
        self, enterprise_id: str, activities: Sequence[str], *, request_id: str = ""
    ) -> pb.Enterprise:
        """RegisterEnterprise."""
        request = pb.RegisterEnterpriseRequest(
            request_id=request_id or new_id(),
            enterprise_id=enterprise_id,
            display_name=enterprise_id.title(),
            activities=activities,
        )
        return await self.call(self.enterprises.RegisterEnterprise, request)

    async def ids(self, count: int = 1) -> list[str]:
        """IssueLotIds."""
        request = pb.IssueLotIdsRequest(request_id=new_id(), count=count)
        return list((await self.call(self.lots.IssueLotIds, request)).lot_ids)

    async def register(
        self,
        masses: Mapping[material_pb2.Element.ValueType, int] | None = None,
        *,
        draws: Sequence[pb.Draw] = (),
        origin: pb.Origin = MINED,
        lot_id: str = "",
        request_id: str = "",
        site: str = SITE,
        gross_g: int = 2_000,
        form: material_pb2.Form.ValueType = ORE,
        validate_only: bool = False,
    ) -> pb.StepResponse:
        """RegisterLot of one lot; by default 1 kg REO of cerium and neodymium."""
        contained = masses or {CE: 600_000, ND: 400_000}
        lot = pb.NewLot(
            lot_id=lot_id or (await self.ids())[0],
            site=site,
            material=material(contained, gross_g=gross_g, form=form),
        )
        request = pb.RegisterLotRequest(
            request_id=request_id or new_id(), origin=origin, lots=[lot], draws=draws, validate_only=validate_only
        )
        return await self.call(self.lots.RegisterLot, request)

    async def split(self, head: Outpoint, parts_g: Sequence[int], *, request_id: str = "") -> pb.StepResponse:
        """SplitLot."""
        ids = await self.ids(len(parts_g))
        parts = [pb.Part(lot_id=lot_id, gross_g=gross_g) for lot_id, gross_g in zip(ids, parts_g, strict=True)]
        request = pb.SplitLotRequest(request_id=request_id or new_id(), spend=message(head), parts=parts)
        return await self.call(self.lots.SplitLot, request)

    async def merge(self, heads: Sequence[Outpoint], *, site: str = SITE) -> pb.StepResponse:
        """MergeLots."""
        request = pb.MergeLotsRequest(
            request_id=new_id(),
            spends=[message(head) for head in heads],
            lot_id=(await self.ids())[0],
            site=site,
            custody_model=material_pb2.CUSTODY_MODEL_SEGREGATED,
        )
        return await self.call(self.lots.MergeLots, request)

    async def transform(
        self,
        heads: Sequence[Outpoint],
        outputs: Sequence[material_pb2.Material],
        *,
        draws: Sequence[pb.Draw] = (),
        reason_code: str = "",
        losses: Mapping[material_pb2.Element.ValueType, int] | None = None,
        site: str = SITE,
        validate_only: bool = False,
    ) -> pb.StepResponse:
        """TransformLots."""
        ids = await self.ids(len(outputs))
        request = pb.TransformLotsRequest(
            request_id=new_id(),
            spends=[message(head) for head in heads],
            outputs=[
                pb.NewLot(lot_id=lot_id, site=site, material=each) for lot_id, each in zip(ids, outputs, strict=True)
            ],
            losses=[pb.DeclaredLoss(element=element, reo_mg=mass) for element, mass in (losses or {}).items()],
            process="separation-rock",
            reason_code=reason_code,
            draws=draws,
            validate_only=validate_only,
        )
        return await self.call(self.lots.TransformLots, request)

    async def offer(
        self,
        head: Outpoint,
        receiver: str,
        *,
        licence_id: bytes = b"",
        max_gross_g: int = 0,
        remainder: str = "",
    ) -> pb.StepResponse:
        """OfferLots of one lot."""
        consignment = pb.Consignment(
            spend=message(head), remainder_lot_id=remainder or (await self.ids())[0], max_gross_g=max_gross_g
        )
        request = pb.OfferLotsRequest(
            request_id=new_id(),
            consignments=[consignment],
            receiver=receiver,
            transport_document="CMR-1",
            licence_id=licence_id,
        )
        return await self.call(self.lots.OfferLots, request)

    async def cancel(self, head: Outpoint) -> pb.StepResponse:
        """CancelOffer of one lot."""
        request = pb.CancelOfferRequest(request_id=new_id(), spends=[message(head)])
        return await self.call(self.lots.CancelOffer, request)

    async def accept(
        self,
        head: Outpoint,
        accepted_g: int,
        *,
        returned_g: int = 0,
        shortage_g: int = 0,
        reason_code: str = "",
        site: str = SITE,
        request_id: str = "",
    ) -> pb.StepResponse:
        """AcceptLots of one lot."""
        receipt = pb.Receipt(
            spend=message(head),
            accepted_gross_g=accepted_g,
            returned_gross_g=returned_g,
            shortage_gross_g=shortage_g,
            reason_code=reason_code,
        )
        request = pb.AcceptLotsRequest(request_id=request_id or new_id(), receipts=[receipt], site=site)
        return await self.call(self.lots.AcceptLots, request)

    async def hold(self, lot_id: str, reason_code: str = "INSPECTION") -> pb.StepResponse:
        """PlaceHold."""
        request = pb.PlaceHoldRequest(request_id=new_id(), lot_id=lot_id, reason_code=reason_code)
        return await self.call(self.lots.PlaceHold, request)

    async def release(self, lot_id: str, reason_code: str = "INSPECTION") -> pb.StepResponse:
        """ReleaseHold."""
        request = pb.ReleaseHoldRequest(request_id=new_id(), lot_id=lot_id, reason_code=reason_code)
        return await self.call(self.lots.ReleaseHold, request)

    async def attest(
        self,
        head: Outpoint,
        masses: Mapping[material_pb2.Element.ValueType, int],
        *,
        u_mg: int = 1_000,
        dry_g: int = 2_000,
        request_id: str = "",
    ) -> pb.StepResponse:
        """AttestLot, measured a minute ago; masses and their random uncertainty in milligrams REO."""
        request = pb.AttestLotRequest(
            request_id=request_id or new_id(),
            head=message(head),
            laboratory="assay-2",
            method="ICP-MS",
            sample="S-1",
            measure_time=Timestamp(seconds=int(time.time()) - 60),
            dry_g=dry_g,
            rows=[
                pb.AssayRow(element=element, reo_mg=mass, u_random_mg=u_mg) for element, mass in sorted(masses.items())
            ],
        )
        return await self.call(self.lots.AttestLot, request)

    async def cut(self, head: Outpoint, *, request_id: str = "", validate_only: bool = False) -> pb.StepResponse:
        """CutLot."""
        request = pb.CutLotRequest(request_id=request_id or new_id(), head=message(head), validate_only=validate_only)
        return await self.call(self.lots.CutLot, request)

    async def prepare(self, kid: bytes, step: StepRequest, *, on_present_heads: bool = False) -> pb.PreparedStatement:
        """PrepareStatement."""
        request = pb.PrepareStatementRequest(kid=kid, on_present_heads=on_present_heads)
        named = next(
            field for field in request.DESCRIPTOR.oneofs_by_name["step"].fields if field.message_type is step.DESCRIPTOR
        )
        getattr(request, named.name).CopyFrom(step)
        return await self.call(self.lots.PrepareStatement, request)

    async def submit(self, item: bytes, *, rights: Sequence[Signed] = (), request_id: str = "") -> pb.StepResponse:
        """SubmitStatement."""
        request = pb.SubmitStatementRequest(
            request_id=request_id,
            statement=statement_pb2.StatementItem(item=item),
            rights=[statement_pb2.StatementItem(item=right.item) for right in rights],
        )
        return await self.call(self.lots.SubmitStatement, request)

    @staticmethod
    def item_of(done: pb.StepResponse) -> Item:
        """The statement of a step, with its openings."""
        return Item.decode(done.statement.item)

    async def lot(self, lot_id: str) -> pb.Lot:
        """GetLot."""
        return await self.call(self.lots.GetLot, pb.GetLotRequest(lot_id=lot_id))

    async def bundle(
        self,
        head: Outpoint,
        *,
        visible_to: str = "",
        or_leaving: bool = False,
        with_status: bool = False,
        extent: pb.BundleExtent.ValueType = pb.BUNDLE_EXTENT_UNSPECIFIED,
    ) -> list[bytes]:
        """GetBundle."""
        try:
            request = pb.GetBundleRequest(
                head=message(head),
                visible_to=visible_to,
                or_leaving=or_leaving,
                with_status=with_status,
                extent=extent,
            )
            stream = self.lots.GetBundle(request, timeout=20)
            return [response.chunk async for response in stream]
        except grpc.aio.AioRpcError as failure:
            raise decode(failure, peer="registry") from failure

    async def status(
        self,
        head: Outpoint,
        *,
        visible_to: str = "",
        extent: pb.BundleExtent.ValueType = pb.BUNDLE_EXTENT_UNSPECIFIED,
    ) -> bytes:
        """GetStatus: the encoded item."""
        request = pb.GetStatusRequest(head=message(head), visible_to=visible_to, extent=extent)
        return (await self.call(self.lots.GetStatus, request)).status.item

    async def right(self, right_id: bytes) -> pb.Right:
        """GetRight."""
        return await self.call(self.rights.GetRight, pb.GetRightRequest(right_id=right_id))

    async def close_right(
        self, right_id: bytes, reason_code: str = "RELEASED", *, request_id: str = ""
    ) -> pb.CloseRightResponse:
        """CloseRight."""
        request = pb.CloseRightRequest(request_id=request_id or new_id(), right_id=right_id, reason_code=reason_code)
        return await self.call(self.rights.CloseRight, request)

    async def lock(self, act_id: bytes, heads: Sequence[Outpoint], licence_id: bytes) -> pb.ExportActResponse:
        """LockExport."""
        request = pb.LockExportRequest(act_id=act_id, heads=[message(head) for head in heads], licence_id=licence_id)
        return await self.call(self.exports.LockExport, request)

    async def complete(self, act_id: bytes, intent: Signed, licence: Signed) -> pb.ExportActResponse:
        """CompleteExport."""
        request = pb.CompleteExportRequest(
            act_id=act_id,
            intent=statement_pb2.StatementItem(item=intent.item),
            licence=statement_pb2.StatementItem(item=licence.item),
        )
        return await self.call(self.exports.CompleteExport, request)

    async def void(self, act_id: bytes, reason_code: str = "CUSTOMS_CANCELLED") -> pb.ExportActResponse:
        """VoidExport."""
        return await self.call(self.exports.VoidExport, pb.VoidExportRequest(act_id=act_id, reason_code=reason_code))
