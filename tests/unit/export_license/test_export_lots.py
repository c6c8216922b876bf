"""The gate: VERIFIED and nothing less, the holder and nobody else, not locked by another act."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.chassis.errors import Error, from_status, to_status
from services.export_license import refusals
from services.export_license.domain import lots
from services.export_license.domain.lots import Evidence, Finding
from tests.unit.export_license.examples import EXPORTER, offered, outpoint

HELD = offered(in_transit=False)
STANDS = Evidence(outpoint(1), "VERIFIED", (), (), 5, HELD)
REMARK = Finding("LOW_RECOVERY", "", {"reo_mg": "77"})


def test_what_stands_passes_and_shows_its_facts() -> None:
    assert lots.verified(STANDS) is HELD
    assert lots.verified(replace(STANDS, findings=(REMARK,))) is HELD, "a finding alone is for the officers to weigh"
    lots.check_applicant(STANDS, HELD, EXPORTER + "/erp")
    lots.check_unlocked(STANDS, b"")
    assert lots.facts(HELD).elements == {"Nd": 3_000_000, "Dy": 90_000}


@pytest.mark.parametrize(
    "code", ["ABSENCE", "STATUS_EXPIRED", "INCOMPLETE", "ON_HOLD", "UNSETTLED_RIGHT", "VOUCHED", "NOT_WITNESSED"]
)
def test_any_gap_closes_the_gate(code: str) -> None:
    gap = Finding(code, "", {"reo_mg": "77", "lot_id": "RE-1"})
    for verdict in ("VERIFIED_WITH_GAPS", "VERIFIED"):
        with pytest.raises(Error) as caught:
            lots.verified(replace(STANDS, verdict=verdict, gaps=(gap,)))
        assert caught.value.reason == "PROVENANCE_REFUSED"
        assert (caught.value.metadata["verdict"], caught.value.metadata["gaps"]) == (verdict, code)
        assert (caught.value.metadata["reo_mg"], caught.value.metadata["findings"]) == ("77", "")


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        ("REFUTED", "RIGHT_EXCEEDED"),
        ("REFUTED", "HEAD_SPENT"),
        ("CANNOT_TELL", "UNKNOWN_KEY"),
        ("CANNOT_TELL", "NO_TRUSTED_RECEIPT"),
        ("CANNOT_TELL", "STALE_HEAD"),
    ],
)
def test_anything_else_is_refused_with_its_code_and_numbers(verdict: str, code: str) -> None:
    failure = Finding(code, "", {"reo_mg": "78"})
    with pytest.raises(Error) as caught:
        lots.verified(replace(STANDS, verdict=verdict, content=None, findings=(failure, REMARK)))
    assert caught.value.reason == "PROVENANCE_REFUSED"
    assert caught.value.metadata["findings"] == f"{code},LOW_RECOVERY"
    assert caught.value.metadata["reo_mg"] == "78", "of the failure, which comes first"


def test_a_verdict_without_a_content_opens_nothing() -> None:
    with pytest.raises(Error) as caught:
        lots.verified(replace(STANDS, content=None))
    assert caught.value.reason == "PROVENANCE_REFUSED"


def test_a_lot_that_another_act_has_locked_is_refused() -> None:
    for act_id in (b"", b"A" * 16):
        with pytest.raises(Error) as caught:
            lots.check_unlocked(STANDS, b"B" * 16, act_id=act_id)
        assert caught.value.reason == "PROVENANCE_REFUSED"
        assert caught.value.metadata["findings"] == "EXPORT_LOCKED"
    lots.check_unlocked(STANDS, b"A" * 16, act_id=b"A" * 16)


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


def test_of_many_findings_the_gaps_are_told_first_and_none_is_cut() -> None:
    gap = Finding("NOT_WITNESSED", "", {"log": "urn:monazite:log:registry:0", "threshold": "2", "witnessed_size": "77"})
    found = [Finding(f"FINDING_NUMBER_{number}", "", {}) for number in range(60)]
    seen = replace(STANDS, verdict="VERIFIED_WITH_GAPS", gaps=(gap,), findings=(*found, *found))
    with pytest.raises(Error) as caught:
        lots.verified(seen)
    codes = caught.value.metadata["findings"].split(",")
    told = codes[:-1]
    assert told == [each.code for each in found[: len(told)]], "each once"
    assert codes[-1] == f"and {60 - len(told)} more"
    error = from_status(to_status(refusals.together([("lots[0]", caught.value)])))
    assert error is not None
    assert "…" not in str((error.violations, error.metadata))
    said = error.violations[0].description
    assert "does not stand (verdict VERIFIED_WITH_GAPS, gaps NOT_WITNESSED, log " in said
    assert said.index("witnessed_size 77") < said.index("findings FINDING_NUMBER_0")
    shown = said.partition("findings ")[2].removesuffix(" more)").split(",")
    assert shown[-1] == f"and {60 - len(shown) + 1}", "of all, not of those that the metadata hold"
