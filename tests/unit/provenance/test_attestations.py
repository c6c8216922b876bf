"""Assays in bundles: what rests on them must agree, a missing one is a gap, a later one is a finding."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance._attestations import check_agrees
from monazite_provenance.contents import (
    AdjustDetails,
    AssayRow,
    AttestDetails,
    Attested,
    Form,
    Imported,
    LotContent,
    RegisterDetails,
    TransformDetails,
)
from monazite_provenance.errors import AttestationMismatch
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import lot_urn
from monazite_provenance.report import LotReport, Verdict
from monazite_provenance.statement import Outpoint

from tests.unit.provenance.assays import LABORATORY, assay, attest, attested, laboratory
from tests.unit.provenance.chains import CUSTOMS, INSPECTOR, ORE, World, lot, scaled

IMPORTED = RegisterDetails(Imported("US", "declaration-7"))
LOT = lot("plant", Form.MIXED_COMPOUND, 1_000, scaled(ORE, 5))


def code(report: LotReport) -> tuple[Verdict, str | None]:
    return report.verdict, None if report.failure is None else report.failure.code


def register(world: World, content: LotContent, *refs: bytes) -> Outpoint:
    return world.step(EventKind.REGISTER, "plant", IMPORTED, [content], refs=sorted(refs))[0]


# What is attested


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(2, 9))
def test_masses_are_the_attested_fraction_to_the_milligram(dry_g: int, assayed_g: int, off: int) -> None:
    """Whatever mass the laboratory reckons in: the nearest milligrams agree, and none that is further off."""
    found_mg = 400 * assayed_g + 1
    details = assay(LOT, dry_g=assayed_g, rows=(AssayRow(60, found_mg, 0, 0),))
    mass = found_mg * dry_g // assayed_g
    row = LOT.rows[0]._replace(element=60, reo_mg=mass)
    named = attested(LOT._replace(gross_g=dry_g, net_g=dry_g), bytes(32))
    check_agrees(named._replace(rows=(row,)), 0, details)
    for wrong in (mass - off, mass + off):
        with pytest.raises(AttestationMismatch, match="not attested"):
            check_agrees(named._replace(rows=(row._replace(reo_mg=wrong),)), 0, details)


def test_a_lot_registered_on_its_assay() -> None:
    world = World.new()
    attestation = attest(world, laboratory(world), assay(LOT))
    head = register(world, attested(LOT, attestation), attestation)
    report = world.verify(head)
    assert report.failure is None
    assert "ATTESTATION_NOT_SHOWN" not in report.gap_codes()
    part = world.split("plant", head, 400, 600)[0]
    moved = world.hand_over("plant", "maker", part)
    assert world.verify(moved).failure is None


def test_an_assay_that_is_not_shown_is_a_gap() -> None:
    world = World.new()
    head = register(world, attested(LOT, bytes(32)), bytes(32))
    (gap,) = [each for each in world.verify(head).not_checked if each.code == "ATTESTATION_NOT_SHOWN"]
    assert gap.metadata == {"attestation_id": bytes(32).hex(), "lot_id": LOT.lot_id}
    part = world.split("plant", head, 400, 600)[0]
    assert [each.code for each in world.verify(part).not_checked].count("ATTESTATION_NOT_SHOWN") == 1


def test_masses_refer_to_their_assay() -> None:
    world = World.new()
    attestation = attest(world, laboratory(world), assay(LOT))
    head = register(world, attested(LOT, attestation))
    assert code(world.verify(head)) == (Verdict.REFUTED, "BAD_FIELD")


def mismatches() -> list[AttestDetails]:
    first = assay(LOT).rows[0]
    return [
        assay(LOT, lot_id=lot("plant", Form.METAL, 1, {"Nd": 1}).lot_id),
        assay(LOT, method="XRF"),
        assay(LOT, rows=(first._replace(reo_mg=first.reo_mg + 2), *assay(LOT).rows[1:])),
        assay(LOT, rows=(first._replace(reo_mg=first.reo_mg - 2), *assay(LOT).rows[1:])),
        assay(LOT, rows=(first._replace(u_random_mg=first.u_random_mg + 1), *assay(LOT).rows[1:])),
        assay(LOT, rows=(first._replace(u_common_mg=first.u_common_mg + 1), *assay(LOT).rows[1:])),
        assay(LOT, rows=assay(LOT).rows[1:]),
        assay(LOT, dry_g=LOT.dry_g * 2),
        assay(LOT, rows=(AssayRow(21, 5, 1, 1), *assay(LOT).rows)),
    ]


@pytest.mark.parametrize("number", range(len(mismatches())))
def test_masses_that_were_not_attested(number: int) -> None:
    world = World.new()
    attestation = attest(world, laboratory(world), mismatches()[number])
    head = register(world, attested(LOT, attestation), attestation)
    assert code(world.verify(head)) == (Verdict.REFUTED, "ATTESTATION_MISMATCH")


def test_what_is_below_detection_may_be_left_out() -> None:
    world = World.new()
    traces = assay(LOT, rows=(AssayRow(21, 0, 3, 0), *assay(LOT).rows))
    attestation = attest(world, laboratory(world), traces)
    assert world.verify(register(world, attested(LOT, attestation), attestation)).failure is None


def test_masses_that_rest_on_what_is_no_assay() -> None:
    world = World.new()
    other = register(world, lot("plant", Form.MIXED_COMPOUND, 1_000, ORE))
    head = register(world, attested(LOT, other.statement_id), other.statement_id)
    assert code(world.verify(head)) == (Verdict.REFUTED, "ATTESTATION_MISMATCH")


def test_an_assay_behind_what_rests_on_it() -> None:
    world = World.new()
    attestation = attest(world, laboratory(world), assay(LOT))
    head = register(world, attested(LOT, attestation), attestation)
    keys, found, registered = world.items
    report = world.verify(head, [keys, registered, found])
    assert code(report) == (Verdict.REFUTED, "MISSING_PARENT")


def test_a_transform_balances_with_an_assay_of_what_it_made() -> None:
    world = World.new()
    feed = register(world, LOT)
    product = lot("plant", Form.SEPARATED_COMPOUND, 1_000, scaled(ORE, 5))
    key = laboratory(world)
    attestation = attest(world, key, assay(product))
    made = attested(product, attestation)
    (head,) = world.step(EventKind.TRANSFORM, "plant", TransformDetails("x"), [made], [feed], refs=[attestation])
    assert world.verify(head).failure is None
    # That of the feed is not one of the product.
    wrong = World.new()
    attestation = attest(wrong, laboratory(wrong), assay(LOT))
    feed = register(wrong, attested(LOT, attestation), attestation)
    made = attested(product, attestation)
    (head,) = wrong.step(EventKind.TRANSFORM, "plant", TransformDetails("x"), [made], [feed], refs=[attestation])
    assert code(wrong.verify(head)) == (Verdict.REFUTED, "ATTESTATION_MISMATCH")


# Who attests


def test_a_laboratory_attests_in_its_own_name() -> None:
    world = World.new()
    key = laboratory(world)
    attest(world, key, assay(LOT, laboratory=LABORATORY.replace("baotou", "ganzhou")))
    assert code(world.verify(register(world, LOT))) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")


@pytest.mark.parametrize(("on_behalf", "expected"), [(INSPECTOR, None), (CUSTOMS, "STEP_NOT_ALLOWED")])
def test_the_registry_attests_for_an_inspector_only(on_behalf: str, expected: str | None) -> None:
    world = World.new()
    details = assay(LOT, laboratory="customs laboratory")
    world.sign(EventKind.ATTEST, lot_urn(LOT.lot_id), details, signer="registry", on_behalf=on_behalf)
    source = attested(LOT, world.ids[-1]).sources[0]._replace(laboratory="customs laboratory")
    head = register(world, LOT._replace(sources=(source,)), world.ids[-1])
    assert code(world.verify(head))[1] == expected


def test_the_registry_does_not_attest_for_itself() -> None:
    world = World.new()
    world.sign(EventKind.ATTEST, lot_urn(LOT.lot_id), assay(LOT), signer="registry")
    assert code(world.verify(register(world, LOT))) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")


def test_an_assay_names_its_lot_and_refers_to_the_head_that_was_sampled() -> None:
    world = World.new()
    head = register(world, LOT)
    key = laboratory(world)
    attest(world, key, assay(LOT, head), refs=())
    assert code(world.verify(head)) == (Verdict.REFUTED, "BAD_FIELD")
    world = World.new()
    head = register(world, LOT)
    other = lot("plant", Form.METAL, 1, {"Nd": 1})
    attest(world, laboratory(world), assay(LOT, head, lot_id=other.lot_id))
    assert code(world.verify(head)) == (Verdict.REFUTED, "ATTESTATION_MISMATCH")


# Later assays


def richer(content: LotContent) -> AttestDetails:
    """An assay that finds much more dysprosium, and a hair more of all else."""
    found = tuple(
        row._replace(reo_mg=row.reo_mg * 2 if row.element == 66 else row.reo_mg + 1) for row in assay(content).rows
    )
    return assay(content, rows=found)


@pytest.mark.parametrize("moved", ["not", "before", "since"])
def test_a_later_assay_is_a_finding_and_refutes_nothing(moved: str) -> None:
    world = World.new()
    target = head = register(world, LOT)
    if moved == "before":
        target = world.hand_over("plant", "maker", head)
    attestation = attest(world, laboratory(world), replace(richer(LOT), outpoint=head))
    if moved == "since":
        target = world.hand_over("plant", "maker", head)
    report = world.verify(target)
    assert report.failure is None
    (found,) = [each for each in report.findings if each.finding.code == "ASSAY_DIFFERS"]
    assert (found.statement_id, found.finding.metadata["element"]) == (attestation, "Dy")


def test_an_assay_of_another_lot_is_no_matter_of_this_one() -> None:
    world = World.new()
    other = lot("plant", Form.MIXED_COMPOUND, 1_000, scaled(ORE, 5))
    head, beside = register(world, LOT), register(world, other)
    attest(world, laboratory(world), replace(richer(other), outpoint=beside))
    assert world.verify(head).findings == ()


def test_a_later_assay_is_taken_over_by_an_adjustment() -> None:
    world = World.new()
    head = register(world, LOT)
    details = replace(richer(LOT), outpoint=head)
    attestation = attest(world, laboratory(world), details)
    found = tuple(LOT.rows[index]._replace(reo_mg=row.reo_mg) for index, row in enumerate(details.rows))
    new = attested(LOT._replace(rows=found), attestation)
    adjusting = AdjustDetails(Attested(attestation), "ASSAY")
    (adjusted,) = world.step(EventKind.ADJUST, "plant", adjusting, [new], [head], refs=[attestation])
    report = world.verify(adjusted)
    assert report.failure is None
    codes = [each.finding.code for each in report.findings]
    assert (codes.count("ASSAY_DIFFERS"), codes.count("GAIN")) == (1, len(ORE))
    assert report.steps[-1].facts == {"attestation": attestation.hex(), "reason": "ASSAY"}
    assert sum(report.origins[66].values()) == new.element_masses()[66]
    # The same assay once more, for masses that it does not give.
    forged = new._replace(rows=(new.rows[0]._replace(reo_mg=new.rows[0].reo_mg + 5), *new.rows[1:]))
    (head,) = world.step(EventKind.ADJUST, "plant", adjusting, [forged], [adjusted], refs=[attestation])
    assert code(world.verify(head)) == (Verdict.REFUTED, "ATTESTATION_MISMATCH")


def test_a_part_is_not_adjusted_by_the_assay_of_the_whole() -> None:
    """It speaks of another lot; what the part has of it came with the split."""
    world = World.new()
    attestation = attest(world, laboratory(world), assay(LOT))
    head = register(world, attested(LOT, attestation), attestation)
    part, _ = world.split("plant", head, 500, 500)
    content = world.lots[part]
    nudged = content._replace(rows=(content.rows[0]._replace(reo_mg=content.rows[0].reo_mg + 1), *content.rows[1:]))
    adjusting = AdjustDetails(Attested(attestation), "ASSAY")
    (adjusted,) = world.step(EventKind.ADJUST, "plant", adjusting, [nudged], [part], refs=[attestation])
    assert code(world.verify(adjusted)) == (Verdict.REFUTED, "ATTESTATION_MISMATCH")
