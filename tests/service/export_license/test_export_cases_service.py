"""Cases: the gate that every lot passes, two officers, etags, replay, whose case it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from monazite.export_license.v1 import export_license_pb2 as pb
from monazite_provenance import bundle
from monazite_provenance.contents import Form, LotContent

from services.chassis.database import Database
from services.chassis.errors import Error, Kind
from services.export_license.domain import cases as domain
from services.export_license.storage import cases as stored
from services.export_license.storage import snapshot
from tests.fakes.export_registry import STATUS_S, ExportRegistry, Lot
from tests.service.calling import new_id
from tests.service.export_license.api import TB_MAGNET, balances, fetch, line, refused
from tests.service.export_license.conftest import MAGNET, Licensing, Office
from tests.unit.provenance.chains import ORE, lot, scaled
from tests.unit.provenance.paging import in_pages


def mined(registry: ExportRegistry, *, settle: bool) -> Lot:
    """Ore on a right, which quota settled or not."""
    content = lot("exporter", Form.ORE_CONCENTRATE, 200_000, scaled(ORE, 1_000))
    world = registry.fresh_world()
    return registry.hold(world, world.mine("exporter", content, settle=settle))


def flip(raw: bytes) -> bytes:
    """One bit near the end, in a salt, a content or a signature."""
    return raw[:-40] + bytes([raw[-40] ^ 1]) + raw[-39:]


def spend(made: Lot) -> None:
    """Somebody spent it."""
    made.unspent = False


def hold(made: Lot) -> None:
    """An inspector holds it."""
    made.holds.append("QUOTA_NOT_COVERED")


def lock(made: Lot) -> None:
    """An act of export has it."""
    made.act_id = b"B" * 16


def cut(raw: bytes) -> bytes:
    """The last byte is missing."""
    return raw[:-1]


def nothing(_: bytes) -> bytes:
    """No bundle at all."""
    return b""


def longer(raw: bytes) -> bytes:
    """One byte too many."""
    return raw + b"\x00"


async def test_an_unsettled_right_closes_the_gate(office: Office) -> None:
    ore = mined(office.registry, settle=False)
    refusal = await refused(office.exporter.submit([ore], line(100_000, "1C914.a", "2530902000")))
    assert (refusal.reason, refusal.kind) == ("PROVENANCE_REFUSED", Kind.PRECONDITION)
    assert refusal.metadata["gaps"] == "UNSETTLED_RIGHT"
    assert refusal.metadata["verdict"] == "VERIFIED_WITH_GAPS"
    case = await office.exporter.submit([mined(office.registry, settle=True)], line(100_000, "1C914.a", "2530902000"))
    assert case.state == pb.Case.STATE_IN_REVIEW


@pytest.mark.parametrize("tamper", [flip, cut, nothing, longer])
async def test_a_bundle_that_was_touched_is_refused(office: Office, tamper: Callable[[bytes], bytes]) -> None:
    made = office.magnets()
    made.tamper = tamper
    refusal = await refused(office.exporter.submit([made], line(100)))
    assert refusal.reason == "PROVENANCE_REFUSED"
    assert refusal.metadata["verdict"] in {"REFUTED", "CANNOT_TELL"}
    assert refusal.metadata["findings"]
    made.tamper = None
    assert (await office.exporter.submit([made], line(100))).state == pb.Case.STATE_IN_REVIEW


async def test_a_hold_in_the_bundle_counts_as_much_as_the_registrys_word(office: Office) -> None:
    made = office.magnets()
    hold = made.world.hold(made.head)
    refusal = await refused(office.exporter.submit([made], line(100)))
    assert (refusal.reason, refusal.metadata["findings"]) == ("PROVENANCE_REFUSED", "ON_HOLD")
    assert refusal.metadata["reason_code"] == "INSPECTION"
    made.world.release(made.head, hold)
    assert (await office.exporter.submit([made], line(100))).state == pb.Case.STATE_IN_REVIEW


async def test_the_bundle_of_another_head_is_refused(office: Office) -> None:
    made, other = office.magnets(), office.magnets()
    made.tamper = lambda _: other.world.encode(other.head)
    refusal = await refused(office.exporter.submit([made], line(100)))
    assert refusal.metadata["findings"] == "WRONG_TARGET"


@pytest.mark.parametrize(
    ("spoil", "verdict", "finding"),
    [
        (spend, "REFUTED", "HEAD_SPENT"),
        (hold, "VERIFIED_WITH_GAPS", "ON_HOLD"),
        (lock, "VERIFIED", "EXPORT_LOCKED"),
    ],
)
async def test_the_registrys_word_counts(
    office: Office, spoil: Callable[[Lot], None], verdict: str, finding: str
) -> None:
    made = office.magnets()
    spoil(made)
    refusal = await refused(office.exporter.submit([made], line(100)))
    assert refusal.reason == "PROVENANCE_REFUSED"
    assert (refusal.metadata["verdict"], refusal.metadata["findings"]) == (verdict, finding)
    assert refusal.metadata["head"] == f"{made.head.statement_id.hex()}:{made.head.index}"


async def test_no_licence_is_granted_on_the_verdict_of_the_submission(office: Office, database: str) -> None:
    made = office.magnets()
    proposed = await office.wang.propose(await office.exporter.submit([made], line(100)))
    request_id = new_id()
    for spoil, finding in ((hold, "ON_HOLD"), (lock, "EXPORT_LOCKED"), (spend, "HEAD_SPENT")):
        spoil(made)
        refusal = await refused(office.li.countersign(proposed, request_id=request_id))
        assert (refusal.reason, refusal.metadata["findings"]) == ("PROVENANCE_REFUSED", finding)
        made.holds, made.act_id, made.unspent = [], b"", True
    made.status = None
    assert (await refused(office.li.countersign(proposed, request_id=request_id))).metadata["gaps"] == "ABSENCE"
    made.status = {}
    office.registry.away.add("GetBundle")
    assert (await refused(office.li.countersign(proposed, request_id=request_id))).reason == "PEER_UNAVAILABLE"
    office.registry.away.clear()
    waiting = await office.wang.get_case(proposed.case_id)
    assert (waiting.state, waiting.etag) == (pb.Case.STATE_DECISION_PROPOSED, proposed.etag)
    assert waiting.verified_at == waiting.submitted_at
    listed = await office.exporter.call(office.exporter.licences.ListLicences, pb.ListLicencesRequest())
    assert not listed.licences

    request = pb.CountersignDecisionRequest(request_id=request_id, case_id=proposed.case_id, etag=proposed.etag)
    request.expire_time.FromDatetime(datetime.now(UTC) + timedelta(days=30))
    granted = await office.li.call(office.li.cases.CountersignDecision, request)
    assert granted.state == pb.Case.STATE_GRANTED
    assert granted.verified_at == granted.countersigned_at
    shown = await office.wang.get_case(proposed.case_id)
    assert (shown.lots, shown.verified_at) == (granted.lots, granted.verified_at)
    made.holds.append("INSPECTION")
    assert await office.li.call(office.li.cases.CountersignDecision, request) == granted
    with pytest.raises(asyncpg.CheckViolationError, match="granted_on_a_fresh_verdict"):
        await fetch(database, "UPDATE export_case SET verified_at = submitted_at")


async def test_a_case_whose_lots_do_not_stand_any_more_can_be_refused(office: Office) -> None:
    made = office.magnets()
    case = await office.exporter.submit([made], line(100))
    hold(made)
    proposed = await office.wang.propose(case, pb.Decision.OUTCOME_REFUSE)
    assert (await office.li.countersign(proposed, days=None)).state == pb.Case.STATE_REFUSED


async def test_what_verifying_anew_finds_is_kept_with_the_grant(office: Office) -> None:
    made = office.magnets()
    proposed = await office.wang.propose(await office.exporter.submit([made], line(100)))
    # A hold that came and went since: two statements more, of which the verdict says nothing.
    made.world.release(made.head, made.world.hold(made.head))
    granted = await office.li.countersign(proposed)
    assert granted.lots[0].statements > proposed.lots[0].statements
    assert granted.lots[0].control_codes == proposed.lots[0].control_codes
    assert (await office.wang.get_case(proposed.case_id)).lots == granted.lots


async def test_a_registry_that_says_nothing_of_now_does_not_open_the_gate(office: Office) -> None:
    made = office.magnets()
    made.status = None
    refusal = await refused(office.exporter.submit([made], line(100)))
    assert (refusal.reason, refusal.metadata["gaps"]) == ("PROVENANCE_REFUSED", "ABSENCE")
    made.status = {"count": len(made.world.items) + 1}
    refusal = await refused(office.exporter.submit([made], line(100)))
    assert (refusal.reason, refusal.metadata["gaps"]) == ("PROVENANCE_REFUSED", "INCOMPLETE")
    assert refusal.metadata["registry"] == str(len(made.world.items) + 1)
    made.status = {}
    office.licensing.clock.offset = timedelta(seconds=STATUS_S + 1)
    refusal = await refused(office.exporter.submit([made], line(100)))
    assert (refusal.reason, refusal.metadata["gaps"]) == ("PROVENANCE_REFUSED", "STATUS_EXPIRED")
    office.licensing.clock.offset = timedelta()
    assert (await office.exporter.submit([made], line(100))).state == pb.Case.STATE_IN_REVIEW


async def test_a_bundle_without_receipts_does_not_open_the_gate(office: Office) -> None:
    made = office.magnets()

    def bare(raw: bytes) -> bytes:
        read = bundle.read([raw])
        return b"".join(bundle.write(read.target, read.pieces, []))

    made.tamper = bare
    refusal = await refused(office.exporter.submit([made], line(100)))
    assert (refusal.reason, refusal.metadata["verdict"]) == ("PROVENANCE_REFUSED", "CANNOT_TELL")
    assert refusal.metadata["findings"] == "NO_TRUSTED_RECEIPT"


@pytest.mark.parametrize("in_memory", [True, False])
async def test_the_gate_takes_a_history_of_several_pages(
    office: Office, monkeypatch: pytest.MonkeyPatch, in_memory: bool
) -> None:
    if not in_memory:
        monkeypatch.setattr("services.chassis.spool.PAGE_BYTES_MAX", 100)
    made = office.magnets()
    made.ends = range(1, 100)
    assert len(list(bundle.read([made.bundle(with_status=True)]).pages)) == len(made.world.items) + 1
    case = await office.exporter.submit([made], line(100))
    assert (case.state, case.lots[0].verdict) == (pb.Case.STATE_IN_REVIEW, "VERIFIED")


async def test_pages_that_are_not_whole_close_it(office: Office) -> None:
    made = office.magnets()
    made.ends = (1,)
    status = made.stands()
    pages = in_pages(made.world, made.head, [*made.world.items, *status], made.ends)
    assert len(pages) == 2
    for spoilt, code in (
        (pages[0], "PAGES_INCOMPLETE"),
        (pages[1], "PAGE_OUT_OF_ORDER"),
        (b"".join([pages[0], *in_pages(made.world, made.head, status, ())]), "FOREIGN_PAGE"),
    ):
        made.tamper = lambda _, spoilt=spoilt: spoilt
        refusal = await refused(office.exporter.submit([made], line(100)))
        assert (refusal.reason, refusal.metadata["findings"]) == ("PROVENANCE_REFUSED", code)


async def test_only_the_holder_applies_and_not_for_what_is_on_its_way(office: Office) -> None:
    foreign = office.registry.imported(lot("somebody", Form.MAGNET, 10_000, MAGNET))
    foreign.tamper = lambda raw: raw[:-1]
    refusal = await refused(office.exporter.submit([foreign], line(100)))
    assert refusal.reason == "NOT_FOUND", "also where it does not verify: what is wrong with it is not the applicant's"
    offered, _ = await office.offered()
    refusal = await refused(office.exporter.submit([offered], line(100)))
    assert refusal.metadata["findings"] == "IN_TRANSIT"


@pytest.mark.parametrize("method", ["GetBundle", "GetLot"])
async def test_without_the_registry_no_case_opens(office: Office, method: str) -> None:
    made = office.magnets()
    request_id = new_id()
    office.registry.away.add(method)
    refusal = await refused(office.exporter.submit([made], line(100), request_id=request_id))
    assert (refusal.reason, refusal.kind) == ("PEER_UNAVAILABLE", Kind.UNAVAILABLE)
    office.registry.away.clear()
    # The request id was not burnt.
    assert (await office.exporter.submit([made], line(100), request_id=request_id)).state == pb.Case.STATE_IN_REVIEW


async def test_an_unknown_lot_is_not_found(office: Office) -> None:
    made = office.magnets()
    office.registry.lots.clear()
    assert (await refused(office.exporter.submit([made], line(100)))).reason == "NOT_FOUND"


async def test_lines_must_say_what_the_lots_are(office: Office) -> None:
    both: LotContent = lot("exporter", Form.MAGNET, 10_000, {**MAGNET, "Tb": 20_000})
    oxide = lot("exporter", Form.SEPARATED_COMPOUND, 10_000, {"Nd": 9_000_000})
    lots = [office.registry.imported(both), office.registry.imported(oxide)]
    refusal = await refused(office.exporter.submit(lots, line(10_001), line(1, "1C908.b", "28469011")))
    assert refusal.reason == "INVALID_FIELDS"
    assert [one.field for one in refusal.violations] == [
        "lots[0]",
        "lots[1]",
        "lines[0].gross_g",
        "lines[1].control_code",
    ]
    case = await office.exporter.submit(lots[:1], line(10_000), line(10_000, TB_MAGNET))
    assert list(case.lots[0].control_codes) == ["1C904.a", "1C905.a"]


async def test_one_person_never_decides_alone(office: Office, database: str) -> None:
    proposed = await office.wang.propose(await office.exporter.submit([office.magnets()], line(100)))
    refusal = await refused(office.wang.countersign(proposed))
    assert refusal.reason == "SAME_OFFICER"
    async with office.licensing.caller("officer/licensing/WANG") as second_card:
        assert (await refused(second_card.countersign(proposed))).reason == "SAME_OFFICER"
    wangs = "spiffe://monazite.example/officer/licensing/Wang"
    connection = await asyncpg.connect(database)
    try:
        with pytest.raises(asyncpg.CheckViolationError, match="two_officers"):
            await connection.execute(
                "UPDATE export_case SET state = 'REFUSED', countersigned_by = $1, countersigned_at = now()", wangs
            )
    finally:
        await connection.close()


async def test_a_refusal_ends_without_a_licence(office: Office) -> None:
    case = await office.exporter.submit([office.magnets()], line(100))
    proposed = await office.wang.propose(case, pb.Decision.OUTCOME_REFUSE)
    assert (await refused(office.li.countersign(proposed))).violations[0].field == "expire_time"
    ended = await office.li.countersign(proposed, days=None)
    assert ended.state == pb.Case.STATE_REFUSED
    assert not ended.HasField("licence")
    refusal = await refused(office.wang.propose(ended))
    assert (refusal.reason, refusal.metadata["state"]) == ("CASE_STATE", "REFUSED")


async def test_a_rejected_proposal_goes_back_and_its_reason_stays(office: Office, database: str) -> None:
    case = await office.exporter.submit([office.magnets()], line(100))
    back = await office.li.reject(await office.wang.propose(case))
    assert back.state == pb.Case.STATE_IN_REVIEW
    assert not back.HasField("proposed")
    assert (await refused(office.li.countersign(back))).reason == "CASE_STATE"
    assert (await refused(office.li.reject(back))).reason == "CASE_STATE"
    again = await office.li.countersign(await office.wang.propose(back))
    assert again.state == pb.Case.STATE_GRANTED
    rows = await fetch(database, "SELECT state, actor, reason FROM case_event ORDER BY version")
    assert [row["state"] for row in rows] == [
        "IN_REVIEW",
        "DECISION_PROPOSED",
        "IN_REVIEW",
        "DECISION_PROPOSED",
        "GRANTED",
    ]
    assert (rows[2]["actor"].rpartition("/")[2], rows[2]["reason"]) == ("li", "end use unclear")


async def test_an_officer_sees_what_happened_to_a_case_and_the_applicant_its_state(office: Office) -> None:
    case = await office.exporter.submit([office.magnets()], line(100))
    refusing = await office.wang.propose(case, pb.Decision.OUTCOME_REFUSE)
    back = await office.li.reject(refusing, reason="the end user is known")
    await office.li.countersign(await office.wang.propose(back))
    seen = await office.li.call(office.li.cases.GetCase, pb.GetCaseRequest(case_id=case.case_id))
    steps = [(one.state, one.outcome, one.actor.rpartition("/")[2]) for one in seen.history]
    assert steps == [
        (pb.Case.STATE_IN_REVIEW, pb.Decision.OUTCOME_UNSPECIFIED, case.applicant.rpartition("/")[2]),
        (pb.Case.STATE_DECISION_PROPOSED, pb.Decision.OUTCOME_REFUSE, "wang"),
        (pb.Case.STATE_IN_REVIEW, pb.Decision.OUTCOME_UNSPECIFIED, "li"),
        (pb.Case.STATE_DECISION_PROPOSED, pb.Decision.OUTCOME_GRANT, "wang"),
        (pb.Case.STATE_GRANTED, pb.Decision.OUTCOME_UNSPECIFIED, "li"),
    ]
    assert seen.history[1].reason == refusing.proposed.reason
    assert seen.history[2].reason == "the end user is known"
    assert seen.history[4].reason == seen.licence.licence_number
    assert all(one.HasField("happened_at") for one in seen.history)
    own = await office.exporter.call(office.exporter.cases.GetCase, pb.GetCaseRequest(case_id=case.case_id))
    assert (own.state, list(own.history)) == (pb.Case.STATE_GRANTED, [])


async def test_of_a_long_deliberation_the_latest_steps_are_shown(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "HISTORY_MAX", 3)
    case = await office.exporter.submit([office.magnets()], line(100))
    for number in range(2):
        case = await office.li.reject(await office.wang.propose(case), reason=f"no {number}")
    seen = await office.li.call(office.li.cases.GetCase, pb.GetCaseRequest(case_id=case.case_id))
    assert [one.reason for one in seen.history if one.state == pb.Case.STATE_IN_REVIEW] == ["no 0", "no 1"]
    assert len(seen.history) == 3


async def test_a_stale_etag_is_refused_and_says_the_present_one(office: Office) -> None:
    case = await office.exporter.submit([office.magnets()], line(100))
    proposed = await office.wang.propose(case)
    refusal = await refused(office.li.countersign(proposed, etag=case.etag))
    assert (refusal.reason, refusal.metadata["etag"]) == ("ETAG_MISMATCH", proposed.etag)


async def test_of_two_countersigners_at_once_one_wins(office: Office, database: str) -> None:
    proposed = await office.wang.propose(await office.exporter.submit([office.magnets()], line(100)))
    async with office.licensing.caller("officer/licensing/sun") as sun:
        outcomes = await asyncio.gather(
            office.li.countersign(proposed), sun.countersign(proposed), return_exceptions=True
        )
    reasons = [outcome.reason for outcome in outcomes if isinstance(outcome, Error)]
    assert reasons == ["ETAG_MISMATCH"]
    assert len(await fetch(database, "SELECT 1 FROM licence")) == 1
    assert len(await fetch(database, "SELECT 1 FROM entry")) == 1


@pytest.mark.parametrize("days", [None, -1, 366])
async def test_a_grant_lasts_a_year_at_most(office: Office, days: int | None) -> None:
    proposed = await office.wang.propose(await office.exporter.submit([office.magnets()], line(100)))
    refusal = await refused(office.li.countersign(proposed, days=days))
    assert [one.field for one in refusal.violations] == ["expire_time"]


async def test_a_repeated_request_gets_the_first_answer_even_when_the_world_moved(office: Office) -> None:
    made = office.magnets()
    ids = [new_id() for _ in range(3)]
    case = await office.exporter.submit([made], line(100), request_id=ids[0])
    proposed = await office.wang.propose(case, request_id=ids[1])
    granted = await office.li.countersign(proposed, request_id=ids[2])
    made.unspent = False
    office.registry.away.update({"GetBundle", "GetLot"})
    assert await office.exporter.submit([made], line(100), request_id=ids[0]) == case
    assert await office.wang.propose(case, request_id=ids[1]) == proposed
    refusal = await refused(office.li.countersign(proposed, request_id=ids[2]))
    # Another expiry, since the clock went on: other content under the same id.
    assert refusal.reason == "REQUEST_ID_REUSED"
    assert refusal.metadata["original_statement_id"] == granted.licence.licence_id.hex()
    refusal = await refused(office.exporter.submit([made], line(99), request_id=ids[0]))
    assert refusal.reason == "REQUEST_ID_REUSED"


async def test_ten_at_once_open_one_case(office: Office, database: str) -> None:
    request = office.exporter.submission([office.magnets()], [line(100)])
    cases = office.exporter.cases
    replies = await asyncio.gather(*(office.exporter.call(cases.SubmitCase, request) for _ in range(10)))
    assert len({reply.case_id for reply in replies}) == 1
    assert len(await fetch(database, "SELECT 1 FROM export_case")) == 1


async def test_another_enterprises_case_and_licence_do_not_exist(office: Office) -> None:
    case = await office.exporter.submit([office.magnets()], line(100))
    granted = await office.li.countersign(await office.wang.propose(case))
    async with office.licensing.caller("enterprise/rival") as rival:
        for refusal in (
            await refused(rival.get_case(case.case_id)),
            await refused(rival.get_licence(granted.licence.licence_id)),
        ):
            assert refusal.reason == "NOT_FOUND"
        unknown = await refused(rival.get_case("case-0"))
        theirs = await refused(rival.get_case(case.case_id))
        assert (unknown.kind, unknown.message) == (theirs.kind, theirs.message)
        assert not (await rival.call(rival.cases.ListCases, pb.ListCasesRequest())).cases
        assert not (await rival.call(rival.licences.ListLicences, pb.ListLicencesRequest())).licences
    async with office.licensing.caller("enterprise/exporter/erp") as system:
        assert (await system.get_case(case.case_id)).case_id == case.case_id


async def test_lists_are_paged_and_filtered(office: Office) -> None:
    made = [await office.exporter.submit([office.magnets()], line(100)) for _ in range(3)]
    await office.wang.propose(made[1])
    stub = office.wang.cases.ListCases
    first = await office.wang.call(stub, pb.ListCasesRequest(page_size=2))
    second = await office.wang.call(stub, pb.ListCasesRequest(page_size=2, page_token=first.next_page_token))
    assert [case.case_id for case in (*first.cases, *second.cases)] == [case.case_id for case in made]
    assert not second.next_page_token
    assert first.HasField("as_of")
    proposed = await office.exporter.call(
        office.exporter.cases.ListCases, pb.ListCasesRequest(state=pb.Case.STATE_DECISION_PROPOSED)
    )
    assert [case.case_id for case in proposed.cases] == [made[1].case_id]
    other_query = pb.ListCasesRequest(state=pb.Case.STATE_IN_REVIEW, page_token=first.next_page_token)
    refusal = await refused(office.wang.call(stub, other_query))
    assert refusal.violations[0].field == "page_token"


async def test_licences_are_paged_with_their_statements(office: Office) -> None:
    ids = [await office.licence(office.magnets(), 100 + number) for number in range(3)]
    stub = office.exporter.licences.ListLicences
    first = await office.exporter.call(stub, pb.ListLicencesRequest(page_size=2))
    second = await office.exporter.call(stub, pb.ListLicencesRequest(page_size=2, page_token=first.next_page_token))
    found = [*first.licences, *second.licences]
    assert [licence.licence_id for licence in found] == ids
    assert all(licence.statement.item for licence in found)
    assert [balances(licence) for licence in found] == [[(0, 0, 100 + number)] for number in range(3)]


async def test_a_decision_is_replayed_from_what_is_stored(office: Office, stopped: Licensing) -> None:
    case = await office.exporter.submit([office.magnets()], line(100))
    await office.wang.propose(case)
    async with Database(stopped.settings.database_url) as database, snapshot(database) as session:
        kept = await stored.get(session, case.case_id)
        assert kept is not None
        rules = await stored.get_rule_set(session, kept.rule_set_hash)
    assert rules is not None
    domain.replay(kept, rules)
    assert kept.rule_set_hash == case.rule_set_hash
