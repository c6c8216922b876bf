"""Drafts of steps and what they ask of the rows, without any IO."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given
from monazite_provenance.contents import (
    CustodyState,
    DepositType,
    Form,
    Imported,
    LotContent,
    MassSource,
    Mined,
    Origin,
    Recycled,
    encode,
)
from monazite_provenance.errors import ProvenanceError, StepNotAllowed
from monazite_provenance.names import log_urn
from monazite_provenance.settings import DEFAULT_SETTINGS
from monazite_provenance.statement import Outpoint

from services.chassis.errors import Error
from services.registry.domain.change import NameUse
from services.registry.domain.commands import (
    AcceptLots,
    CancelOffer,
    Consignment,
    DrawAsked,
    OfferLots,
    Receipt,
    RegisterLot,
    SplitLot,
    StepCommand,
    TransformLots,
)
from services.registry.domain.deciding import Actor, Decided, decide
from services.registry.domain.drafting import draft
from services.registry.domain.records import Activity
from tests.unit.registry.lots import LICENSING, LOG, A, B, born, lot_id, new_lot


def decided(command: StepCommand, *lots: LotContent, holder: str = A) -> Decided:
    """A command of `holder` decided over lots."""
    inputs = {Outpoint(bytes([number]) * 32, 0): lot for number, lot in enumerate(lots)}
    drafted = draft(command, inputs, holder=holder, home_log=LOG)
    contents = [encode(output) for output in drafted.outputs]
    actor = Actor(holder.rsplit("/", 1)[-1], holder, holder, on_behalf=True)
    return decide(drafted, contents, actor, {}, home_log=LOG, settings=DEFAULT_SETTINGS)


FIRST = Outpoint(bytes(32), 0)


@pytest.mark.parametrize(
    ("origin", "form", "activity"),
    [
        (Mined("m", "l", DepositType.ROCK), Form.ORE_CONCENTRATE, Activity.MINE),
        (Imported("US", "D"), Form.ORE_CONCENTRATE, Activity.IMPORT),
        (Recycled("scrap"), Form.SECONDARY_MATERIAL, Activity.RECYCLE),
    ],
)
def test_who_may_register_what(origin: Origin, form: Form, activity: Activity) -> None:
    step = decided(RegisterLot(origin, (new_lot(1, form=form),), ())).step
    assert step.activities == {activity}
    assert [name.use for name in step.names] == [NameUse.BEAR]
    assert step.outputs[0].born


def test_uncertainty_comes_from_the_table_where_none_is_given() -> None:
    row = born().rows[0]
    assert row.u_random_mg > 0
    assert row.u_common_mg > 0


def test_a_step_refers_to_the_attestations_that_its_masses_name() -> None:
    attestation = bytes(range(32))
    new = new_lot(1)._replace(sources=(MassSource("lab", "ICP-MS", attestation),))
    drafted = draft(RegisterLot(Imported("US", "7"), (new,), ()), {}, holder=A, home_log=LOG)
    assert drafted.refs == (attestation,)
    actor = Actor("a", A, A, on_behalf=False)
    contents = [encode(output) for output in drafted.outputs]
    decide(drafted, contents, actor, {}, home_log=LOG, settings=DEFAULT_SETTINGS)
    with pytest.raises(Error, match="attestation"):
        decide(replace(drafted, refs=()), contents, actor, {}, home_log=LOG, settings=DEFAULT_SETTINGS)


def test_mining_without_a_right_is_held() -> None:
    step = decided(RegisterLot(Mined("m", "l", DepositType.IONIC), (new_lot(1), new_lot(2)), ())).step
    assert [output.hold for output in step.outputs] == ["QUOTA_NOT_COVERED"] * 2


def test_draws_on_one_right_are_one() -> None:
    draws = (DrawAsked(b"r" * 32, 400, None), DrawAsked(b"r" * 32, 600, None))
    step = decided(RegisterLot(Mined("m", "l", DepositType.ROCK), (new_lot(1),), draws)).step
    assert [(draw.right_id, draw.reo_mg) for draw in step.draws] == [(b"r" * 32, 1_000)]
    assert step.outputs[0].hold is None


def test_separating_ore_needs_to_be_listed_for_it() -> None:
    oxide = new_lot(2, form=Form.SEPARATED_COMPOUND)
    step = decided(TransformLots((FIRST,), (oxide,), (), None, "separation-rock", ()), born()).step
    assert step.activities == {Activity.SEPARATE}


def test_an_offer_reserves_the_remainder_and_keeps_the_id() -> None:
    command = OfferLots((Consignment(FIRST, lot_id(2), 0),), B, "CMR", None)
    result = decided(command, born())
    assert [(name.lot_id, name.use) for name in result.step.names] == [
        (lot_id(1), NameUse.KEEP),
        (lot_id(2), NameUse.RESERVE),
    ]
    assert result.step.outputs[0].receiver == B
    assert not result.step.outputs[0].born


def test_an_offer_to_customs_names_the_licence_and_asks_for_an_exporter() -> None:
    export = OfferLots((Consignment(FIRST, lot_id(2), 0),), LICENSING, "CMR", b"l" * 32)
    assert decided(export, born()).step.activities == {Activity.EXPORT}
    with pytest.raises(ProvenanceError):
        decided(replace(export, licence_id=None), born())


def offered() -> LotContent:
    """A's lot in transit to B."""
    command = OfferLots((Consignment(FIRST, lot_id(2), 0),), B, "CMR", None)
    return draft(command, {FIRST: born()}, holder=A, home_log=LOG).outputs[0]


@given(accepted=st.integers(0, 1_000), returned=st.integers(0, 1_000))
def test_every_gram_of_an_acceptance_is_somewhere(accepted: int, returned: int) -> None:
    returned = min(returned, 1_000 - accepted)
    shortage = 1_000 - accepted - returned
    receipt = Receipt(FIRST, accepted, returned, shortage, "OTHER" if accepted < 1_000 else "")
    step = decided(AcceptLots((receipt,), "dock"), offered(), holder=B).step

    uses = {name.lot_id: name.use for name in step.names}
    assert sum(output.gross_g for output in step.outputs) + shortage == 1_000
    assert (uses.get(lot_id(1)) is NameUse.KEEP) is bool(accepted)
    assert uses[lot_id(2)] is (NameUse.BEAR_RESERVED if returned else NameUse.GIVE_BACK)
    assert [output.holder for output in step.outputs] == [B] * bool(accepted) + [A] * bool(returned)


def test_taking_back_and_accepting_want_a_lot_in_transit() -> None:
    for command in (CancelOffer((FIRST,)), AcceptLots((Receipt(FIRST, 1_000, 0, 0, ""),), "dock")):
        with pytest.raises(Error) as refused:
            decided(command, born())
        assert refused.value.reason == "NOT_IN_TRANSIT"


def test_cancelling_gives_the_reserved_id_back() -> None:
    step = decided(CancelOffer((FIRST,)), offered()).step
    assert {name.lot_id: name.use for name in step.names} == {
        lot_id(1): NameUse.KEEP,
        lot_id(2): NameUse.GIVE_BACK,
    }
    assert step.outputs[0].state is CustodyState.HELD


@given(st.lists(st.integers(1, 1_000 // 6), min_size=2, max_size=6))
def test_parts_of_a_split_add_up(parts: list[int]) -> None:
    # Of 1 000 mg in at most 1 000 g every part holds something: one that holds nothing is no lot.
    whole = born()._replace(gross_g=sum(parts), net_g=sum(parts))
    command = SplitLot(FIRST, tuple((lot_id(number + 2), part) for number, part in enumerate(parts)))
    outputs = decided(command, whole).step.outputs
    assert sum(output.reo_mg for output in outputs) == whole.reo_mg


def test_a_part_without_a_milligram_of_anything_is_refused() -> None:
    whole = born()._replace(gross_g=10**6, net_g=10**6)
    command = SplitLot(FIRST, ((lot_id(2), 10**6 - 1), (lot_id(3), 1)))
    with pytest.raises(StepNotAllowed, match="too small"):
        decided(command, whole)


def test_a_lot_of_another_registry_is_refused() -> None:
    drafted = draft(RegisterLot(Imported("US", "D"), (new_lot(1),), ()), {}, holder=A, home_log=log_urn("registry", 3))
    with pytest.raises(Error) as refused:
        decide(
            drafted,
            [encode(output) for output in drafted.outputs],
            Actor("a", A, A, on_behalf=True),
            {},
            home_log=LOG,
            settings=DEFAULT_SETTINGS,
        )
    assert refused.value.reason == "STEP_NOT_ALLOWED"
