"""The gate: two gaps and no more, the holder and nobody else, unspent, without hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.chassis.errors import Error
from services.export_license.domain import lots
from services.export_license.domain.lots import Evidence, Finding, Status
from tests.unit.export_license.examples import EXPORTER, offered, outpoint

HELD = offered(in_transit=False)
GAPS = (Finding("REGISTRATION", "", {}), Finding("ABSENCE", "", {}))
STANDS = Evidence(outpoint(1), "VERIFIED_WITH_GAPS", GAPS, (), 5, HELD)
STATUS = Status("RE-1", outpoint(1), unspent=True, holds=(), export_act_id=b"")


def test_what_stands_passes_and_shows_its_facts() -> None:
    assert lots.verified(STANDS) is HELD
    lots.check_applicant(STANDS, HELD, EXPORTER + "/erp")
    lots.check_alive(STANDS, STATUS)
    assert lots.facts(HELD).elements == {"Nd": 3_000_000, "Dy": 90_000}


@pytest.mark.parametrize(
    "evidence",
    [
        replace(STANDS, gaps=(*GAPS, Finding("UNSETTLED_RIGHT", "", {"reo_mg": "77"}))),
        replace(STANDS, verdict="REFUTED", content=None, findings=(Finding("RIGHT_EXCEEDED", "", {"reo_mg": "77"}),)),
        replace(STANDS, verdict="CANNOT_TELL", findings=(Finding("UNKNOWN_KEY", "", {"reo_mg": "77"}),)),
    ],
)
def test_anything_else_is_refused_with_codes_and_numbers(evidence: Evidence) -> None:
    with pytest.raises(Error) as caught:
        lots.verified(evidence)
    assert caught.value.reason == "PROVENANCE_REFUSED"
    assert caught.value.metadata["verdict"] == evidence.verdict
    assert caught.value.metadata["reo_mg"] == "77"
    assert caught.value.metadata["findings"] or caught.value.metadata["gaps"] == "UNSETTLED_RIGHT"


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (replace(STATUS, unspent=False), "SPENT"),
        (replace(STATUS, head=outpoint(2)), "SPENT"),
        (replace(STATUS, holds=("QUOTA",)), "HELD"),
        (replace(STATUS, export_act_id=b"B" * 16), "EXPORT_LOCKED"),
    ],
)
def test_a_lot_that_is_spent_held_or_locked_is_refused(status: Status, problem: str) -> None:
    with pytest.raises(Error) as caught:
        lots.check_alive(STANDS, status, act_id=b"A" * 16)
    assert caught.value.metadata["findings"] == problem


def test_a_lot_locked_by_the_same_act_is_alive() -> None:
    lots.check_alive(STANDS, replace(STATUS, export_act_id=b"A" * 16), act_id=b"A" * 16)


def test_only_who_holds_it_in_hand_applies() -> None:
    stranger = EXPORTER + "2"
    for content, expected in (
        (HELD, "NOT_FOUND"),
        (offered(), "NOT_FOUND"),
        (offered()._replace(receiver=stranger, export=None), "APPLICANT_NOT_HOLDER"),
    ):
        with pytest.raises(Error) as caught:
            lots.check_applicant(STANDS, content, stranger)
        assert caught.value.reason == expected
    with pytest.raises(Error) as caught:
        lots.check_applicant(STANDS, offered(), EXPORTER)
    assert caught.value.metadata["findings"] == "IN_TRANSIT"
