"""Who calls in the benchmark, and what: enterprises with quota, lots of 17 elements, reservations."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, TypeVar

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from monazite.quota.v1 import quota_pb2, quota_pb2_grpc
from monazite.registry.v1 import registry_pb2, registry_pb2_grpc
from monazite.type.v1 import material_pb2
from monazite.type.v1.statement_pb2 import StatementItem

from benchmarks.fixtures.make_statement import ATOMIC_NUMBERS
from benchmarks.load import Call
from clients.connection import Identity, open_channel
from tools.local.suite import Suite

TIMEOUT_S: Final = 30.0
YEAR: Final = 2024
ROCK: Final = material_pb2.QUOTA_KIND_MINING_ROCK
MG_PER_TONNE: Final = 10**9
# More than any number of rounds uses; of the order of the State's own.
GRANTED_MG: Final = 200_000 * MG_PER_TONNE
RESERVED_MG: Final = 1_000_000
"""One reservation: 1 kg REO."""
RIGHT_MG: Final = 10_000 * MG_PER_TONNE
"""The right that mined lots draw on."""
LOT_REO_MG: Final = {number: (72 - number) * 10_000 for number in ATOMIC_NUMBERS}
"""A lot: 17 elements, 2.04 kg REO in 96 kg of dry concentrate."""
IDS_A_CALL: Final = 1000
MINE: Final = "benchmark-mine"
IMPORTER: Final = "benchmark-importer"

Q = TypeVar("Q")
R = TypeVar("R")


def identity(suite: Suite, path: str) -> Identity:
    """The certificate of a principal."""
    files = suite.certificate(path)
    return Identity(files.certificate, files.key, files.authority)


def request_id() -> str:
    """A fresh request id."""
    return str(uuid.uuid4())


def prepared(method: Callable[..., grpc.aio.UnaryUnaryCall[Q, R]], request: Q) -> Call:
    """A call to make later, with the deadline that every call of the suite has."""
    return partial(method, request, timeout=TIMEOUT_S)


@dataclass(frozen=True, slots=True)
class Enterprise:
    """An enterprise at its registry and its quota, one connection each."""

    registry: grpc.aio.Channel
    quota: grpc.aio.Channel

    @classmethod
    def open(cls, suite: Suite, enterprise_id: str) -> Enterprise:
        """Connect with its certificate."""
        own = identity(suite, f"enterprise/{enterprise_id}")
        return cls(open_channel(suite.address("registry"), own), open_channel(suite.address("quota"), own))

    async def close(self) -> None:
        """Close both connections."""
        await self.registry.close()
        await self.quota.close()

    async def lot_ids(self, count: int) -> list[str]:
        """Fresh lot ids."""
        issue = registry_pb2_grpc.LotServiceStub(self.registry).IssueLotIds
        ids: list[str] = []
        while len(ids) < count:
            request = registry_pb2.IssueLotIdsRequest(request_id=request_id(), count=min(IDS_A_CALL, count - len(ids)))
            ids.extend((await issue(request, timeout=TIMEOUT_S)).lot_ids)
        return ids

    async def imports(self, count: int) -> Sequence[Call]:
        """Calls that register one imported lot each."""
        register = registry_pb2_grpc.LotServiceStub(self.registry).RegisterLot
        origin = registry_pb2.Origin(
            imported=registry_pb2.Imported(country="US", customs_declaration="020220241000123456")
        )
        return [prepared(register, _registration(lot_id, origin)) for lot_id in await self.lot_ids(count)]

    async def minings(self, count: int, right: quota_pb2.Right) -> Sequence[Call]:
        """Calls that register one mined lot each and draw on `right`, which comes along with every one."""
        register = registry_pb2_grpc.LotServiceStub(self.registry).RegisterLot
        deposit = material_pb2.DEPOSIT_TYPE_ROCK
        origin = registry_pb2.Origin(
            mined=registry_pb2.Mined(mine="main pit", mining_licence="C1000002011", deposit_type=deposit)
        )
        draw = registry_pb2.Draw(
            right=StatementItem(item=right.statement.item), right_id=right.right_id, reo_mg=sum(LOT_REO_MG.values())
        )
        return [prepared(register, _registration(lot_id, origin, draw)) for lot_id in await self.lot_ids(count)]

    async def reservations(self, count: int) -> Sequence[Call]:
        """Calls that reserve a kilogram each, all of the same account."""
        reserve = quota_pb2_grpc.RightServiceStub(self.quota).Reserve
        return [prepared(reserve, _reservation(RESERVED_MG)) for _ in range(count)]

    async def right(self) -> quota_pb2.Right:
        """A right over `RIGHT_MG`."""
        reserve = quota_pb2_grpc.RightServiceStub(self.quota).Reserve
        return (await reserve(_reservation(RIGHT_MG), timeout=TIMEOUT_S)).right


def _registration(
    lot_id: str, origin: registry_pb2.Origin, *draws: registry_pb2.Draw
) -> registry_pb2.RegisterLotRequest:
    material = material_pb2.Material(
        form=material_pb2.FORM_ORE_CONCENTRATE,
        gross_g=100_000,
        net_g=98_000,
        moisture_g=2_000,
        elements=[
            material_pb2.ElementMass(element=material_pb2.Element.ValueType(number), reo_mg=reo_mg)
            for number, reo_mg in LOT_REO_MG.items()
        ],
        sources=[material_pb2.MassSource(laboratory="baotou-assay-1", method="ICP-MS")],
        custody_model=material_pb2.CUSTODY_MODEL_IDENTITY_PRESERVED,
    )
    return registry_pb2.RegisterLotRequest(
        request_id=request_id(),
        origin=origin,
        lots=[registry_pb2.NewLot(lot_id=lot_id, site="bayan-obo", material=material)],
        draws=draws,
    )


def _reservation(reo_mg: int) -> quota_pb2.ReserveRequest:
    expires = Timestamp()
    expires.FromDatetime(datetime.now(UTC) + timedelta(days=30))
    return quota_pb2.ReserveRequest(
        request_id=request_id(), year=YEAR, kind=ROCK, reo_mg=reo_mg, site="bayan-obo", expire_time=expires
    )


async def establish(suite: Suite) -> None:
    """List the two enterprises and give the mine its quota."""
    registrar = open_channel(suite.address("registry"), identity(suite, "officer/registrar/zhao"))
    officer = open_channel(suite.address("quota"), identity(suite, "officer/quota/li"))
    enterprises = registry_pb2_grpc.EnterpriseServiceStub(registrar)
    for enterprise_id, activity in ((MINE, "MINE"), (IMPORTER, "IMPORT")):
        request = registry_pb2.RegisterEnterpriseRequest(
            request_id=request_id(), enterprise_id=enterprise_id, display_name=enterprise_id, activities=[activity]
        )
        await enterprises.RegisterEnterprise(request, timeout=TIMEOUT_S)
    masses = [quota_pb2.KindMass(kind=ROCK, reo_mg=GRANTED_MG)]
    allocations = quota_pb2_grpc.AllocationServiceStub(officer)
    await allocations.EnterIndicator(
        quota_pb2.EnterIndicatorRequest(
            request_id=request_id(), year=YEAR, batch=1, masses=masses, document="benchmark"
        ),
        timeout=TIMEOUT_S,
    )
    await allocations.Allocate(
        quota_pb2.AllocateRequest(request_id=request_id(), year=YEAR, batch=1, enterprise_id=MINE, masses=masses),
        timeout=TIMEOUT_S,
    )
    await registrar.close()
    await officer.close()
