"""A step that was signed, as the command that it would have been; and a command on other heads."""

from __future__ import annotations

from collections.abc import Mapping

import hypothesis.strategies as st
import pytest
from hypothesis import given
from monazite_provenance.contents import (
    AcceptDetails,
    AcceptLine,
    CustodyState,
    Form,
    Imported,
    Loss,
    LotContent,
    MergeDetails,
    OfferDetails,
    RegisterDetails,
    SplitDetails,
)
from monazite_provenance.statement import Outpoint

from services.registry.domain.commands import (
    AcceptLots,
    CancelOffer,
    Consignment,
    DrawAsked,
    MergeLots,
    OfferLots,
    Receipt,
    RegisterLot,
    SplitLot,
    StepCommand,
    TransformLots,
    spends_of,
)
from services.registry.domain.drafting import draft
from services.registry.domain.restating import command_of, respend
from tests.unit.registry.lots import LICENSING, LOG, A, B, born, lot_id, new_lot

HEADS = [Outpoint(bytes([number]) * 32, number) for number in range(3)]
RIGHT, RIGHT_ITEM = b"r" * 32, b"the right as quota signed it"


def held(number: int) -> LotContent:
    """A lot of A of its own name."""
    return born()._replace(lot_id=lot_id(number))


HELD = {head: held(number) for number, head in enumerate(HEADS)}
MOVING = {
    head: lot._replace(custody_state=CustodyState.IN_TRANSIT, receiver=B, remainder_lot_id=lot_id(10 + head.index))
    for head, lot in HELD.items()
}
consignments = st.permutations(HEADS).map(
    lambda heads: tuple(Consignment(head, lot_id(20 + head.index), 0) for head in heads)
)


@st.composite
def receipts(draw: st.DrawFn) -> tuple[Receipt, ...]:
    """What was found of each, the 1 000 g of it somewhere."""
    found: list[Receipt] = []
    for head in HEADS:
        accepted = draw(st.sampled_from([0, 400, 1_000]))
        returned = draw(st.sampled_from([0, 1_000 - accepted]))
        found.append(Receipt(head, accepted, returned, 1_000 - accepted - returned, "REASON"))
    return tuple(found)


steps: st.SearchStrategy[tuple[StepCommand, Mapping[Outpoint, LotContent]]] = st.one_of(
    st.integers(1, 999).map(lambda g: (SplitLot(HEADS[0], ((lot_id(5), g), (lot_id(6), 1_000 - g))), HELD)),
    st.just((MergeLots(tuple(HEADS), lot_id(5), "elsewhere", held(0).custody_model), HELD)),
    st.sampled_from([(), (DrawAsked(RIGHT, 400, RIGHT_ITEM),)]).map(
        lambda draws: (
            TransformLots(
                tuple(HEADS),
                (new_lot(5, form=Form.SEPARATED_COMPOUND), new_lot(6, form=Form.RESIDUE)),
                (Loss(60, 10),),
                "SPILLED",
                "separation-rock",
                draws,
            ),
            HELD,
        )
    ),
    consignments.map(lambda each: (OfferLots(each, B, "CMR", None), HELD)),
    consignments.map(lambda each: (OfferLots(each, LICENSING, "", b"l" * 32), HELD)),
    st.permutations(HEADS).map(lambda heads: (CancelOffer(tuple(heads)), MOVING)),
    receipts().map(lambda each: (AcceptLots(each, "yard"), MOVING)),
)


@given(steps)
def test_a_signed_step_says_its_command(step: tuple[StepCommand, Mapping[Outpoint, LotContent]]) -> None:
    command, lots = step
    drafted = draft(command, lots, holder=A, home_log=LOG)
    said = command_of(drafted.spends, drafted.outputs, drafted.details, {RIGHT: RIGHT_ITEM})
    assert said is not None
    assert draft(said, lots, holder=A, home_log=LOG) == drafted
    if isinstance(command, TransformLots):
        assert isinstance(said, TransformLots)
        assert said.draws == command.draws


@given(steps)
def test_a_step_on_other_heads_is_the_same_step(step: tuple[StepCommand, Mapping[Outpoint, LotContent]]) -> None:
    command, lots = step
    # The heads change places: what came of the first one is now what came of the last one.
    present = dict(zip(HEADS, (Outpoint(bytes([9 - head.index]) * 32, 7) for head in HEADS), strict=True))
    moved = respend(command, present)
    assert spends_of(moved) == tuple(sorted(present[spend] for spend in spends_of(command)))
    before = draft(command, lots, holder=A, home_log=LOG)
    after = draft(moved, {present[head]: lot for head, lot in lots.items()}, holder=A, home_log=LOG)
    assert sorted(after.inputs) == sorted(before.inputs)
    assert after.details.KIND is before.details.KIND
    assert respend(moved, {new: old for old, new in present.items()}) == command


def test_a_register_spends_nothing_to_put_in_place() -> None:
    command = RegisterLot(Imported("US", "D"), (new_lot(1),), ())
    assert respend(command, {}) == command


OFFERED = tuple(MOVING.values())


@pytest.mark.parametrize(
    ("spends", "outputs", "details"),
    [
        (HEADS[:2], (held(1), held(2)), SplitDetails()),
        (HEADS, (held(1), held(2)), MergeDetails()),
        (HEADS, OFFERED[:2], OfferDetails("CMR")),
        (HEADS, (), OfferDetails("CMR")),
        (HEADS[:2], (OFFERED[0], OFFERED[1]._replace(receiver=A)), OfferDetails("CMR")),
        (HEADS[:1], (held(1),), OfferDetails("CMR")),
        (HEADS[:1], (OFFERED[0]._replace(remainder_lot_id=None),), OfferDetails("CMR")),
        (HEADS[:2], (held(1),), AcceptDetails((AcceptLine(1_000, 0, 0),))),
        (HEADS[:1], (held(1), held(2)), AcceptDetails((AcceptLine(1_000, 0, 0),))),
        (
            HEADS[:2],
            (held(1), held(2)._replace(site="elsewhere")),
            AcceptDetails((AcceptLine(1_000, 0, 0), AcceptLine(1_000, 0, 0))),
        ),
        ((), (held(1),), RegisterDetails(Imported("US", "D"))),
    ],
)
def test_what_no_one_command_says(
    spends: tuple[Outpoint, ...],
    outputs: tuple[LotContent, ...],
    details: SplitDetails | MergeDetails | OfferDetails | AcceptDetails | RegisterDetails,
) -> None:
    assert command_of(spends, outputs, details, {}) is None
