"""What is concluded from a place that a bundle's head only claims stands if the receipt holds, and else is nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from monazite_provenance import bundle, trust
from monazite_provenance.bundle import Listing
from monazite_provenance.chain import verify_bundle
from monazite_provenance.contents import Form, KeyAction
from monazite_provenance.names import log_urn
from monazite_provenance.report import LotReport, Verdict
from monazite_provenance.statement import Outpoint, log_leaf

from tests.unit.provenance.chains import AT_S, LOG, NOW_S, ORE, SHARD, World, enterprise, lot, service


def mined() -> tuple[World, Outpoint, Listing]:
    """keys (registry 0), right (quota 0), register (registry 1), settled (quota 1); quota's receipt."""
    world = World.new("mine")
    head = world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    return world, head, world.registers.logs[log_urn("quota")].listing({1: 0, 3: 1}, NOW_S)


def judged(world: World, head: Outpoint, *listings: Listing) -> LotReport:
    return verify_bundle([b"".join(bundle.write(head, world.items, listings))], world.trust, at=AT_S)


def spoilt(listing: Listing) -> Listing:
    return replace(listing, receipt=listing.receipt[:-1] + bytes((listing.receipt[-1] ^ 1,)))


@pytest.mark.parametrize("holds", [True, False])
def test_an_owner_that_signs_in_a_log_that_its_key_is_not_of(holds: bool) -> None:
    world, head, quota = mined()
    shard = world.registers.logs[SHARD]
    index = shard.append(log_leaf(world.items[2].statement))
    elsewhere = shard.listing({2: index}, NOW_S)
    report = judged(
        world, head, quota, world.registers.logs[LOG].listing({0: 0}, NOW_S), elsewhere if holds else spoilt(elsewhere)
    )
    assert report.failure is not None
    assert (report.verdict, report.failure.code) == (
        (Verdict.REFUTED, "EVENT_NOT_ALLOWED") if holds else (Verdict.CANNOT_TELL, "NO_TRUSTED_RECEIPT")
    )


@pytest.mark.parametrize("holds", [True, False])
def test_the_end_of_a_key_in_another_log(holds: bool) -> None:
    world, head, quota = mined()
    registry = world.keys["registry"]
    retire = trust.end_key_details(KeyAction.RETIRE, enterprise("mine"), world.keys["mine"].public)
    end = trust.draft_keys(retire, registry=service("registry"), key=registry.public, issued_at=NOW_S).sign(registry)
    world.items.append(end)
    shard = world.registers.logs[SHARD]
    elsewhere = shard.listing({4: shard.append(log_leaf(end.statement))}, NOW_S)
    own = world.registers.logs[LOG].listing({0: 0, 2: 1}, NOW_S)
    report = judged(world, head, quota, own, elsewhere if holds else spoilt(elsewhere))
    assert report.failure is not None
    assert (report.verdict, report.failure.code) == (
        (Verdict.REFUTED, "BAD_FIELD") if holds else (Verdict.CANNOT_TELL, "NO_TRUSTED_RECEIPT")
    )


def test_what_rests_on_no_place_ends_it_whatever_the_receipts_are() -> None:
    world, head, quota = mined()
    forged = world.items[2].statement
    world.items[2] = replace(world.items[2], statement=forged[:-1] + bytes((forged[-1] ^ 1,)))
    report = judged(world, head, spoilt(quota), world.registers.logs[LOG].listing({0: 0, 2: 1}, NOW_S))
    assert report.failure is not None
    assert (report.verdict, report.failure.code) == (Verdict.REFUTED, "BAD_SIGNATURE")
