"""A verifier that goes on from the last bundle gives the reports of one that begins anew."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monazite_provenance import bundle
from monazite_provenance.chain import BundleVerifier, verify_bundle
from monazite_provenance.contents import Form
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.keys import PublicKey
from monazite_provenance.report import LotReport, Verdict
from monazite_provenance.statement import Outpoint, log_leaf

from tests.unit.provenance.chains import AT_S, LOG, ORE, World, enterprise, lot, tell
from tests.unit.provenance.registers import Register

STORY = tell()


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The messages whose signatures were checked since."""
    seen: list[bytes] = []
    real = PublicKey.verify

    def counted(key: PublicKey, signature: bytes, message: bytes) -> None:
        seen.append(message)
        real(key, signature, message)

    monkeypatch.setattr(PublicKey, "verify", counted)
    return seen


def growing() -> tuple[World, list[tuple[Outpoint, bytes]]]:
    """A lot that goes from hand to hand, and its bundle after each step, each with a status."""
    world = World.new("mine", "plant")
    head = world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    bundles: list[tuple[Outpoint, bytes]] = []
    holder = "mine"
    for _ in range(4):
        other = "plant" if holder == "mine" else "mine"
        head = world.hand_over(holder, other, head)
        holder = other
        bundles.append((head, world.encode(head, [*world.items, world.status(head)])))
    return world, bundles


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bundle_that_extends_the_last_costs_what_it_adds(workers: int, checks: list[bytes]) -> None:
    world, bundles = growing()
    verifier = BundleVerifier(world.trust, workers=workers)
    for place, (target, raw) in enumerate(bundles):
        checks.clear()
        report = verifier.verify([raw], at=AT_S)
        assert report.verdict is Verdict.VERIFIED
        assert report.outpoint == target
        if place:
            # The offer and its acceptance, the status, a head each of two logs, the checkpoints of the others.
            new = [message for message in checks if len(message) > 250]
            assert len(new) == 3
            assert len(checks) <= 3 + 4
        assert report == verify_bundle([raw], world.trust, at=AT_S, workers=workers)


@given(st.lists(st.integers(0, 7), min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_whatever_comes_after_what_the_reports_are_the_same(order: list[int]) -> None:
    verifier = BundleVerifier(WORLD.trust)
    for place in order:
        assert outcome(verifier, RAWS[place]) == outcome(None, RAWS[place])


def outcome(verifier: BundleVerifier | None, raw: bytes) -> LotReport | str:
    """The report, or the code of what is no bundle; of one that begins anew without a verifier."""
    try:
        return verify_bundle([raw], WORLD.trust, at=AT_S) if verifier is None else verifier.verify([raw], at=AT_S)
    except ProvenanceError as error:
        return error.code


def test_the_same_bundle_again_checks_no_signature_of_a_statement(checks: list[bytes]) -> None:
    raw = STORY.world.encode(STORY.abroad)
    verifier = BundleVerifier(STORY.world.trust)
    first = verifier.verify([raw], at=AT_S)
    checks.clear()
    assert verifier.verify([raw], at=AT_S) == first
    assert checks == []


def test_another_bundle_of_the_same_statements_checks_none_again(checks: list[bytes]) -> None:
    world, bundles = growing()
    verifier = BundleVerifier(world.trust)
    verifier.verify([bundles[-1][1]], at=AT_S)
    checks.clear()
    # Shorter than the last: nothing to go on from, and nothing that was not seen.
    report = verifier.verify([world.encode(bundles[0][0], world.items[: -6 or None])], at=AT_S)
    assert report.verdict is Verdict.VERIFIED_WITH_GAPS
    assert [message for message in checks if len(message) > 250] == []


def test_a_statement_that_moved_in_its_log_is_judged_anew() -> None:
    world = World.new("mine")
    head = world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    verifier = BundleVerifier(world.trust)
    assert verifier.verify([world.encode(head)], at=AT_S).failure is None
    # The certification of its key is shown at another place of the log, behind what it signed.
    world.registers.add(world.items[0])
    report = verifier.verify([world.encode(head)], at=AT_S)
    assert report.failure is not None
    assert report.failure.code == "NOT_YET_CERTIFIED"


def test_a_log_that_forks_between_two_bundles_is_convicted() -> None:
    world = World.new("mine")
    head = world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    verifier = BundleVerifier(world.trust)
    assert verifier.verify([world.encode(head)], at=AT_S).failure is None
    true = world.registers.logs[LOG]
    fork = Register(LOG, true.issuer, true.key)
    fork.append(log_leaf(world.items[0].statement))
    fork.append(log_leaf(world.items[2].statement))
    fork.append(bytes(32))
    true.append(b"\1" * 32)
    assert verifier.verify([world.encode(head)], at=AT_S).failure is None
    world.registers.logs[LOG] = fork
    report = verifier.verify([world.encode(head)], at=AT_S)
    assert report.failure is not None
    assert (report.verdict, report.failure.code) == (Verdict.REFUTED, "LOG_FORKED")
    assert len(report.failure.evidence) == 2


def test_after_a_failure_it_begins_anew() -> None:
    world = World.new("mine")
    head = world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    good = world.encode(head)
    verifier = BundleVerifier(world.trust)
    offered = world.offer("mine", head, enterprise("plant"))
    world.offer("mine", head, enterprise("maker"))
    assert verifier.verify([world.encode(offered)], at=AT_S).verdict is Verdict.REFUTED
    assert verifier.verify([good], at=AT_S).failure is None
    with pytest.raises(ProvenanceError):
        verifier.verify([good[:-1]], at=AT_S)
    assert verifier.verify([good], at=AT_S).failure is None


WORLD, _BUNDLES = growing()
RAWS = [
    *(raw for _target, raw in _BUNDLES),
    WORLD.encode(_BUNDLES[-1][0]),
    b"".join(bundle.write(_BUNDLES[1][0], WORLD.items[:-4])),
    _BUNDLES[0][1][:-7],
    WORLD.encode(_BUNDLES[-1][0], [*WORLD.items, WORLD.items[-1]]),
]
