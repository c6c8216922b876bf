"""What comes back from abroad, and what a receiver sends on: the rules, and their histories in bundles."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import lot_ids
from monazite_provenance.contents import (
    CustodyState,
    Details,
    DivertDetails,
    ExportLimit,
    Form,
    LotContent,
    ReturnDetails,
)
from monazite_provenance.errors import BadField, MassNotConserved, NotHolder, ProvenanceError, StepNotAllowed
from monazite_provenance.kinds import EventKind
from monazite_provenance.report import LotReport, Verdict
from monazite_provenance.settings import DEFAULT_SETTINGS
from monazite_provenance.statement import Outpoint
from monazite_provenance.steps import StepVerdict, check_step, returned_outputs

from tests.unit.provenance.chains import ORE, World, enterprise, lot, scaled, service

ABROAD = lot("exporter", Form.MAGNET, 1_000, scaled(ORE, 5))._replace(custody_state=CustodyState.ABROAD)


def run(
    inputs: Sequence[LotContent], outputs: Sequence[LotContent], details: Details, actor: str = "exporter"
) -> StepVerdict:
    return check_step(details.KIND, inputs, outputs, details, actor=enterprise(actor), settings=DEFAULT_SETTINGS)


def came(returned_g: int) -> ReturnDetails:
    return ReturnDetails(returned_g, "declaration-9", "UNSOLD")


def home(returned_g: int) -> tuple[LotContent, ...]:
    return returned_outputs(ABROAD, returned_g, site="exporter-2", lot_id=lot_ids.new())


# Return


@given(st.integers(1, 1_000))
def test_every_gram_is_back_or_still_abroad(returned_g: int) -> None:
    outputs = home(returned_g)
    assert run([ABROAD], outputs, came(returned_g)) == StepVerdict()
    assert sum(each.gross_g for each in outputs) == 1_000
    total: dict[int, int] = {}
    for each in outputs:
        for element, mass in each.element_masses().items():
            total[element] = total.get(element, 0) + mass
    assert total == ABROAD.element_masses()
    assert [each.custody_state for each in outputs] == [CustodyState.HELD, CustodyState.ABROAD][: len(outputs)]
    assert outputs[-1].lot_id == ABROAD.lot_id


BAD_RETURNS: list[tuple[Callable[[tuple[LotContent, ...]], Sequence[LotContent]], type[ProvenanceError]]] = [
    (lambda both: both[:1], StepNotAllowed),
    (lambda both: both[1:], MassNotConserved),
    (lambda both: (both[1], both[0]), MassNotConserved),
    (lambda both: (both[0]._replace(gross_g=both[0].gross_g + 1), both[1]), MassNotConserved),
    (lambda both: (both[0]._replace(rows=both[0].rows[1:]), both[1]), MassNotConserved),
    (lambda both: (both[0]._replace(holder=enterprise("maker")), both[1]), StepNotAllowed),
    (lambda both: (both[0]._replace(custody_state=CustodyState.ABROAD), both[1]), StepNotAllowed),
    (lambda both: (both[0], both[1]._replace(site="elsewhere")), StepNotAllowed),
    (lambda both: (both[0], both[1]._replace(custody_state=CustodyState.HELD)), StepNotAllowed),
    (lambda both: (both[0]._replace(lot_id=ABROAD.lot_id), both[1]), StepNotAllowed),
    (lambda both: (both[0]._replace(lot_id="RE-0000-0000-0000-0"), both[1]), BadField),
]


@pytest.mark.parametrize(("change", "error"), BAD_RETURNS)
def test_a_return_is_refused(
    change: Callable[[tuple[LotContent, ...]], Sequence[LotContent]], error: type[ProvenanceError]
) -> None:
    with pytest.raises(error):
        run([ABROAD], change(home(400)), came(400))


def test_returns_of_what_is_not_abroad_or_not_ones_own() -> None:
    held = ABROAD._replace(custody_state=CustodyState.HELD)
    with pytest.raises(StepNotAllowed, match="not abroad"):
        run([held], home(400), came(400))
    with pytest.raises(NotHolder):
        run([ABROAD], home(400), came(400), actor="maker")
    with pytest.raises(MassNotConserved):
        run([ABROAD], home(400), came(1_001))
    renamed = home(1_000)[0]._replace(lot_id=lot_ids.new())
    with pytest.raises(StepNotAllowed):
        run([ABROAD], [renamed], came(1_000))


# Divert

AWAY = lot("plant", Form.MAGNET, 1_000, scaled(ORE, 5))._replace(
    custody_state=CustodyState.IN_TRANSIT, receiver=enterprise("maker"), remainder_lot_id=lot_ids.new()
)
SENT_ON = AWAY._replace(receiver=enterprise("trader"))
DIVERT = DivertDetails("FULL", "waybill-2")


def test_the_receiver_sends_goods_on() -> None:
    (found,) = run([AWAY], [SENT_ON], DIVERT, "maker").findings
    assert found.code == "DIVERTED"
    assert found.metadata == {
        "lot_id": AWAY.lot_id,
        "shipper": enterprise("plant"),
        "from": enterprise("maker"),
        "to": enterprise("trader"),
        "reason_code": "FULL",
    }


PARTIES = st.sampled_from(["plant", "maker", "trader", "smelter"])


@given(shipper=PARTIES, receiver=PARTIES, onward=PARTIES, actor=PARTIES)
def test_goods_go_on_from_their_receiver_to_a_third(shipper: str, receiver: str, onward: str, actor: str) -> None:
    away = AWAY._replace(holder=enterprise(shipper), receiver=enterprise(receiver))
    sent_on = away._replace(receiver=enterprise(onward))
    if actor == receiver and onward not in {shipper, receiver}:
        assert run([away], [sent_on], DIVERT, actor).findings
    else:
        with pytest.raises((NotHolder, StepNotAllowed)):
            run([away], [sent_on], DIVERT, actor)


TO_CUSTOMS = AWAY._replace(receiver=service("export_license"), export=ExportLimit(bytes(32), 1_000))
BAD_DIVERSIONS: list[tuple[LotContent, LotContent, str, type[ProvenanceError]]] = [
    (AWAY, SENT_ON, "plant", NotHolder),
    (AWAY, SENT_ON, "trader", NotHolder),
    (AWAY, AWAY, "maker", StepNotAllowed),
    (AWAY, AWAY._replace(receiver=enterprise("maker") + "/erp"), "maker", StepNotAllowed),
    (AWAY, AWAY._replace(receiver=enterprise("plant")), "maker", StepNotAllowed),
    (AWAY, AWAY._replace(receiver=service("quota")), "maker", StepNotAllowed),
    (AWAY, TO_CUSTOMS, "maker", StepNotAllowed),
    (AWAY, AWAY._replace(receiver=None, custody_state=CustodyState.HELD), "maker", StepNotAllowed),
    (AWAY, SENT_ON._replace(holder=enterprise("maker")), "maker", StepNotAllowed),
    (AWAY, SENT_ON._replace(remainder_lot_id=lot_ids.new()), "maker", StepNotAllowed),
    (AWAY, SENT_ON._replace(gross_g=999), "maker", MassNotConserved),
    (AWAY._replace(custody_state=CustodyState.HELD), SENT_ON, "maker", StepNotAllowed),
]


@pytest.mark.parametrize(("away", "sent_on", "actor", "error"), BAD_DIVERSIONS)
def test_a_diversion_is_refused(
    away: LotContent, sent_on: LotContent, actor: str, error: type[ProvenanceError]
) -> None:
    with pytest.raises(error):
        run([away], [sent_on], DIVERT, actor)


def test_customs_sends_nothing_on() -> None:
    with pytest.raises(StepNotAllowed, match="customs"):
        check_step(
            EventKind.DIVERT,
            [TO_CUSTOMS],
            [SENT_ON._replace(export=TO_CUSTOMS.export)],
            DIVERT,
            actor=service("export_license"),
            settings=DEFAULT_SETTINGS,
        )
    with pytest.raises(StepNotAllowed, match="number"):
        run([AWAY], [], DIVERT, "maker")


# In bundles


def a_world() -> tuple[World, Outpoint]:
    """Magnets abroad under a licence for just their mass: 1 000 g."""
    world = World.new()
    imported = world.bring_in("exporter", lot("exporter", Form.MAGNET, 1_000, scaled(ORE, 5)))
    return world, world.export("exporter", imported, 1_000)[0]


def bring_home(world: World, abroad: Outpoint, returned_g: int) -> tuple[Outpoint, ...]:
    outputs = returned_outputs(world.lots[abroad], returned_g, site="exporter-1", lot_id=lot_ids.new())
    return world.step(EventKind.RETURN, "exporter", came(returned_g), outputs, [abroad])


def code(report: LotReport) -> tuple[Verdict, str | None]:
    return report.verdict, None if report.failure is None else report.failure.code


def test_what_came_back_and_what_is_still_abroad_have_their_origin() -> None:
    world, abroad = a_world()
    back, left = bring_home(world, abroad, 400)
    for target in (back, left):
        report = world.verify(target)
        assert report.failure is None
        (shares,) = {tuple(each) for each in report.origins.values()}
        assert shares == ("imported US (declaration declaration-7)",)
        assert report.target == world.lots[target]
        assert report.steps[-1].facts == {"declaration": "declaration-9", "reason": "UNSOLD"}
    (rest,) = bring_home(world, left, 600)
    assert world.verify(rest).failure is None
    with pytest.raises(KeyError):
        bring_home(world, Outpoint(rest.statement_id, 1), 1)


def test_an_id_is_born_of_a_part_that_came_back() -> None:
    world, abroad = a_world()
    taken = world.lots[world.bring_in("maker", lot("maker", Form.MAGNET, 10, {"Nd": 1_000}))].lot_id
    outputs = returned_outputs(world.lots[abroad], 400, site="exporter-1", lot_id=taken)
    back, _ = world.step(EventKind.RETURN, "exporter", came(400), outputs, [abroad])
    assert code(world.verify(back)) == (Verdict.REFUTED, "DOUBLE_SPEND")


@pytest.mark.parametrize(("returned_g", "again_g", "expected"), [(400, 400, None), (400, 401, "LICENCE_EXCEEDED")])
def test_what_came_back_credits_the_licence(returned_g: int, again_g: int, expected: str | None) -> None:
    world, abroad = a_world()
    (licence_id,) = {lot.export.licence_id for lot in world.lots.values() if lot.export is not None}
    bring_home(world, abroad, returned_g)
    more = world.bring_in("exporter", lot("exporter", Form.MAGNET, again_g, {"Nd": 1_000}))
    offered = world.offer_out("exporter", more, licence_id)
    intent = world.intent(licence_id, {offered: again_g}, act_id=b"\2" * 16)
    (out,) = world.take_out(offered, again_g, [intent])
    report = world.verify(out)
    assert (None if report.failure is None else report.failure.code) == expected


def test_goods_sent_on_are_accepted_by_who_has_them_now() -> None:
    world = World.new()
    imported = world.bring_in("plant", lot("plant", Form.MAGNET, 1_000, scaled(ORE, 5)))
    away = world.offer("plant", imported, enterprise("maker"))
    sent_on = world.lots[away]._replace(receiver=enterprise("trader"))
    (diverted,) = world.step(EventKind.DIVERT, "maker", DIVERT, [sent_on], [away])
    (accepted,) = world.accept("trader", diverted)
    report = world.verify(accepted)
    assert report.failure is None
    assert [each.finding.code for each in report.findings] == ["DIVERTED"]
    assert report.steps[-2].facts == {"reason": "FULL", "transport document": "waybill-2"}
    assert report.origins.keys() == world.lots[imported].element_masses().keys()
