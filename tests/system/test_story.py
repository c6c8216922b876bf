"""The story of the issue, on three processes or on whatever MONAZITE_E2E_CONFIG points to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from google.protobuf.message import Message
from grpc import aio
from monazite.export_license.v1.export_license_pb2 import GetLicenceRequest
from monazite.quota.v1.quota_pb2 import GetRightRequest, ListBalancesRequest, Right
from monazite.registry.v1.registry_pb2 import GetLotRequest
from monazite.type.v1.material_pb2 import CUSTODY_STATE_ABROAD, CUSTODY_STATE_HELD
from monazite_provenance.elements import BY_SYMBOL
from monazite_provenance.names import parse_log
from monazite_provenance.report import Verdict

from clients.demo.__main__ import surroundings
from clients.demo.actors import EXPORTER, PLANT, QUOTA_OFFICER, Actor, Desk
from clients.demo.chapters.c5_export import LEFT_G, LICENSED_G
from clients.demo.story import Told
from tests.system.conftest import YEAR
from tools.local.deployment import Deployment

Q = TypeVar("Q", bound=Message)
R = TypeVar("R", bound=Message)

# Every attack of the issue, and the reason it must be refused with.
ATTACKS = {
    "One tonne more than the national total": "ALLOCATION_OVER_TOTAL",
    "A forged statement": "BAD_SIGNATURE",
    "A forged statement (offline)": "BAD_SIGNATURE",
    "A bundle with a parent removed (offline)": "MISSING_PARENT",
    "An opening altered": "OPENING_MISMATCH",
    "An opening altered (offline)": "OPENING_MISMATCH",
    "Dysprosium out of nothing": "MASS_NOT_CONSERVED",
    "A right drawn beyond its mass": "RIGHT_EXCEEDED",
    "A right used after CloseRight": "RIGHT_CLOSED",
    "A lot spent twice, by its own signature": "STALE",
    "A lot spent twice, through the registry": "STALE",
    "The second use, shown to somebody (offline)": "NO_TRUSTED_RECEIPT",
    "The lot that was used, shown as if it were still there (offline)": "HEAD_SPENT",
    "A receipt of another lot's bundle (offline)": "NO_TRUSTED_RECEIPT",
    "The status of another lot (offline)": "BAD_FIELD",
    "A write-off over the licence": "LICENCE_EXCEEDED",
    "One officer doing both signatures": "SAME_OFFICER",
    "An enterprise reading another's quota": "ACCESS_DENIED",
}


async def read(
    deployment: Deployment, actor: Actor, method: Callable[[Desk], aio.UnaryUnaryMultiCallable[Q, R]], request: Q
) -> R:
    """What an actor sees."""
    desk = Desk.open(actor, surroundings(deployment, YEAR))
    try:
        return await desk.ask(method(desk), request)
    finally:
        await desk.close()


async def test_every_attack_is_refused_with_its_reason(told: Told) -> None:
    refused = {each.title: each.reason for each in told.refusals}
    assert refused.items() >= ATTACKS.items()


async def test_numbers_stand_in_the_errors(told: Told) -> None:
    refused = {each.title: each.metadata for each in told.refusals}
    assert refused["Dysprosium out of nothing"]["element"] == "Dy"
    assert refused["Dysprosium out of nothing"]["input_mg"] == "0"
    assert refused["A right drawn beyond its mass"]["mass_mg"] == "10000000000"
    assert refused["One tonne more than the national total"]["smelting_separation_remaining_t"] == "0"


async def test_the_exported_lot_is_verified_with_no_gap(told: Told) -> None:
    report = told.plot.report
    assert report is not None
    assert report.verdict is Verdict.VERIFIED
    assert report.status is not None
    assert report.status.fresh
    # The last statement stands in the registry's log, below the head that the receipt leads to.
    place = report.registered[report.outpoint.statement_id]
    (head,) = [head for head in report.heads if head.log == place.log]
    assert place.index < head.size
    assert {parse_log(head.log)[0] for head in report.heads} == {"registry", "quota", "export_license"}
    own = {(step.kind, step.on_behalf) for step in report.steps if step.actor.endswith(PLANT.path)}
    assert own == {(kind, False) for kind in ("ACCEPT", "TRANSFORM", "SPLIT", "OFFER")}


async def test_origins_add_up_and_all_dysprosium_is_bayan_obo(told: Told) -> None:
    report = told.plot.report
    assert report is not None
    assert report.target is not None
    masses = report.target.element_masses()
    assert {element: sum(shares.values()) for element, shares in report.origins.items()} == masses
    (dysprosium,) = report.origins[BY_SYMBOL["Dy"].number]
    assert dysprosium.startswith("mined Bayan Obo")
    assert len(report.origins[BY_SYMBOL["Nd"].number]) == 2


async def test_licence_line_and_lots_agree(told: Told, deployment: Deployment) -> None:
    asked = GetLicenceRequest(licence_id=told.plot.licence.licence_id)
    licence = await read(deployment, EXPORTER, lambda desk: desk.licences.GetLicence, asked)
    (line,) = licence.lines
    # The attacks' declarations have been released again.
    assert (line.used_g, line.reserved_g, line.available_g) == (LEFT_G, 0, LICENSED_G - LEFT_G)
    asked_lot = GetLotRequest(lot_id=told.plot.abroad_lot)
    abroad = await read(deployment, EXPORTER, lambda desk: desk.lots.GetLot, asked_lot)
    assert (abroad.custody_state, abroad.material.gross_g) == (CUSTODY_STATE_ABROAD, LEFT_G)
    asked_lot = GetLotRequest(lot_id=told.plot.returned_lot)
    returned = await read(deployment, EXPORTER, lambda desk: desk.lots.GetLot, asked_lot)
    assert (returned.custody_state, returned.unspent) == (CUSTODY_STATE_HELD, True)


async def test_every_account_balances(told: Told, deployment: Deployment) -> None:
    asked = ListBalancesRequest(page_size=200, year=YEAR)
    found = await read(deployment, QUOTA_OFFICER, lambda desk: desk.ledger.ListBalances, asked)
    for each in found.balances:
        assert each.granted_mg == each.given_on_mg + each.reserved_mg + each.used_mg + each.available_mg
    used = sum(each.used_mg for each in found.balances)
    assert used == told.plot.mining_right.settled_mg + told.plot.separated_mg


async def test_the_plants_right_stays_open_with_its_rest(told: Told, deployment: Deployment) -> None:
    asked = GetRightRequest(right_id=told.plot.separation_right.right_id)
    right = await read(deployment, PLANT, lambda desk: desk.rights.GetRight, asked)
    assert (right.state, right.settled_mg) == (Right.STATE_OPEN, told.plot.separated_mg)
