"""Export acts at the registry: what an intent may ask of the lots that were locked, and that an act ends once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from monazite_provenance.contents import AcceptLine, CustodyState, ExportIntentDetails, ExportLimit, Form
from monazite_provenance.contents.details import ExportedMass
from monazite_provenance.statement import Outpoint

from services.chassis.errors import Error
from services.registry.domain import exports
from services.registry.domain.change import ExportEnd
from services.registry.domain.records import ActRow, ActState, Rows
from services.registry.domain.refusals import Moved
from tests.unit.provenance.chains import lot, service

ACT_ID, LICENCE_ID, OTHER_ID = b"A" * 16, b"L" * 32, b"O" * 32
LICENSING = service("export_license")
HEADS = (Outpoint(b"1" * 32, 0), Outpoint(b"2" * 32, 0))
LOT = lot("exporter", Form.MAGNET, 10_000, {"Nd": 3_000_000, "Dy": 90_000})._replace(
    custody_state=CustodyState.IN_TRANSIT,
    receiver=LICENSING,
    export=ExportLimit(LICENCE_ID, 8_000),
)
LOTS = dict.fromkeys(HEADS, LOT)
ACT = ActRow(ACT_ID, ActState.LOCKED, LICENCE_ID, HEADS, b"K" * 32)


def left(outpoint: Outpoint, gross_g: int) -> ExportedMass:
    return ExportedMass(outpoint, gross_g, ("1C905.a",))


INTENT = ExportIntentDetails(ACT_ID, LICENCE_ID, (left(HEADS[0], 8_000), left(HEADS[1], 0)), "D-1", "tianjin", "DE")


def test_an_intent_lets_leave_what_was_offered_and_no_gram_more() -> None:
    exported = exports.check_intent(INTENT, ACT, LOTS)
    assert [(each.outpoint, each.gross_g) for each in exported] == [(HEADS[0], 8_000), (HEADS[1], 0)]
    assert exports.accept_lines(exported, "PART_EXPORTED") == (
        AcceptLine(8_000, 2_000, 0, "PART_EXPORTED"),
        AcceptLine(0, 10_000, 0, "PART_EXPORTED"),
    )


def test_what_leaves_whole_needs_no_reason() -> None:
    whole = {HEADS[0]: LOT._replace(export=ExportLimit(LICENCE_ID, 10_000))}
    intent = replace(INTENT, masses=(left(HEADS[0], 10_000),))
    exported = exports.check_intent(intent, replace(ACT, heads=HEADS[:1]), whole)
    assert exports.accept_lines(exported, "PART_EXPORTED") == (AcceptLine(10_000, 0, 0, ""),)


@pytest.mark.parametrize(
    ("intent", "words"),
    [
        (replace(INTENT, act_id=b"B" * 16), "another act"),
        (replace(INTENT, licence_id=OTHER_ID), "another act or licence"),
        (replace(INTENT, masses=INTENT.masses[:1]), "other lots"),
        (replace(INTENT, masses=(*INTENT.masses, left(Outpoint(b"3" * 32, 0), 1))), "other lots"),
        (replace(INTENT, masses=(*INTENT.masses, INTENT.masses[1])), "other lots"),
        (replace(INTENT, masses=(left(HEADS[0], 8_001), INTENT.masses[1])), "more leave"),
    ],
)
def test_an_intent_of_anything_else_is_refused(intent: ExportIntentDetails, words: str) -> None:
    with pytest.raises(Error, match=words) as refused:
        exports.check_intent(intent, ACT, LOTS)
    assert refused.value.reason == "STEP_NOT_ALLOWED"


def test_a_lot_without_an_offer_to_export_lets_nothing_leave() -> None:
    with pytest.raises(Error, match="more leave"):
        exports.check_intent(INTENT, ACT, {**LOTS, HEADS[0]: LOT._replace(export=None)})


def test_a_lot_is_offered_to_licensing_under_the_licence() -> None:
    exports.check_offered(LOT, licensing=LICENSING, licence_id=LICENCE_ID)
    for bad in (
        LOT._replace(custody_state=CustodyState.HELD),
        LOT._replace(receiver=service("quota")),
        LOT._replace(export=None),
        LOT._replace(export=ExportLimit(OTHER_ID, 8_000)),
    ):
        with pytest.raises(Error) as refused:
            exports.check_offered(bad, licensing=LICENSING, licence_id=LICENCE_ID)
        assert refused.value.reason == "NOT_IN_TRANSIT"


def test_an_act_ends_once() -> None:
    end, changed = ExportEnd(ACT_ID, b"I" * 32), Rows()
    exports.end(end, Rows(acts={ACT_ID: ACT}), changed, b"S" * 32)
    assert changed.acts == {
        ACT_ID: replace(ACT, state=ActState.EXPORTED, ended_by=b"S" * 32, intent_id=b"I" * 32),
    }
    for known in ({}, {ACT_ID: replace(ACT, state=ActState.VOID)}, changed.acts):
        again = Rows()
        with pytest.raises(Moved):
            exports.end(end, Rows(acts=dict(known)), again, b"S" * 32)
        assert again.acts == {}
