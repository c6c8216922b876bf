"""Customs and the registry: reservation, lock, write-off, void; refusals, lies, absences, acts asked twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import asyncpg
import pytest
from monazite.export_license.v1 import export_license_pb2 as pb
from monazite.registry.v1 import registry_pb2
from monazite_provenance import lot_ids
from monazite_provenance.contents import Form, LicenceAction, LicenceChangeDetails, decode_details
from monazite_provenance.item import Item
from monazite_provenance.kinds import EventKind
from monazite_provenance.receipts import HeadVerifier
from monazite_provenance.statement import Outpoint, log_leaf, parse

from services.chassis.errors import Error, Kind
from services.chassis.fields import outpoint_message as head
from tests.fakes.export_registry import Answer
from tests.service.calling import new_id
from tests.service.export_license.api import (
    DY_MAGNET,
    TB_MAGNET,
    Api,
    balances,
    fetch,
    line,
    new_act,
    refused,
)
from tests.service.export_license.conftest import MAGNET, Office
from tests.unit.provenance.chains import lot

STATES = pb.ExportAct
SYSTEM = "enterprise/exporter/erp"


async def test_a_declaration_over_the_licence_reserves_nothing(office: Office) -> None:
    made, licence_id = await office.offered(granted_g=8_000)
    refusal = await refused(office.customs.declare(new_act(), licence_id, (made, 8_001)))
    assert (refusal.reason, refusal.kind) == ("LICENCE_EXCEEDED", Kind.PRECONDITION)
    assert (refusal.metadata["wanted_g"], refusal.metadata["available_g"]) == ("8001", "8000")
    assert "LockExport" not in office.registry.asked
    assert balances(await office.exporter.get_licence(licence_id)) == [(0, 0, 8_000)]


async def test_a_declaration_is_whole_over_its_lots(office: Office) -> None:
    first, second = office.magnets(), office.magnets()
    case = await office.exporter.submit([first, second], line(10_000))
    granted = await office.li.countersign(await office.wang.propose(case))
    licence_id = granted.licence.licence_id
    for made in (first, second):
        office.registry.offer(made, licence_id)
    act_id = new_act()
    over = await refused(office.customs.declare(act_id, licence_id, (first, 6_000), (second, 5_000)))
    assert over.reason == "LICENCE_EXCEEDED"
    second.holds.append("INSPECTION")
    assert (await refused(office.customs.declare(act_id, licence_id, (first, 6_000), (second, 4_000)))).reason == (
        "PROVENANCE_REFUSED"
    )
    assert balances(await office.exporter.get_licence(licence_id)) == [(0, 0, 10_000)]
    second.holds.clear()
    await office.customs.declare(act_id, licence_id, (first, 6_000), (second, 4_000))
    gone = await office.customs.write_off(act_id, (second, 3_000), (first, 6_000))
    assert gone.state == STATES.STATE_EXPORTED
    assert balances(await office.exporter.get_licence(licence_id)) == [(0, 9_000, 1_000)]


async def test_a_lot_of_two_items_draws_both_lines(office: Office) -> None:
    made = office.registry.imported(lot("exporter", Form.MAGNET, 10_000, {**MAGNET, "Tb": 20_000}))
    case = await office.exporter.submit([made], line(10_000), line(7_000, TB_MAGNET))
    granted = await office.li.countersign(await office.wang.propose(case))
    office.registry.offer(made, granted.licence.licence_id)
    over = await refused(office.customs.declare(new_act(), granted.licence.licence_id, (made, 8_000)))
    assert over.metadata["control_code"] == TB_MAGNET
    await office.customs.declare(new_act(), granted.licence.licence_id, (made, 5_000))
    licence = await office.exporter.get_licence(granted.licence.licence_id)
    assert balances(licence) == [(5_000, 0, 5_000), (5_000, 0, 2_000)]


async def test_what_is_not_the_licences_is_not_declared(office: Office) -> None:
    made, licence_id = await office.offered()
    other, other_licence = await office.offered()
    mismatch = await refused(office.customs.declare(new_act(), licence_id, (other, 100)))
    assert (mismatch.reason, mismatch.metadata["what"]) == ("LICENCE_MISMATCH", "licence")
    elsewhere = await refused(office.customs.declare(new_act(), licence_id, (made, 100), destination="FR"))
    assert elsewhere.reason == "LICENCE_MISMATCH"
    assert (elsewhere.metadata["what"], elsewhere.metadata["licensed"]) == ("destination", "DE")
    wrong_code = await refused(office.customs.declare(new_act(), licence_id, (made, 100), code="1C908.b"))
    assert (wrong_code.metadata["what"], wrong_code.metadata["found"]) == ("control_code", "1C905.a")
    held = office.magnets()
    at_home = await refused(office.customs.declare(new_act(), licence_id, (held, 100)))
    assert (at_home.reason, at_home.metadata["custody_state"]) == ("NOT_IN_TRANSIT", "HELD")
    foreign = office.registry.imported(lot("rival", Form.MAGNET, 10_000, MAGNET))
    office.registry.offer(foreign, licence_id)
    theirs = await refused(office.customs.declare(new_act(), licence_id, (foreign, 100)))
    assert theirs.metadata["what"] == "licensee"
    oxide = office.registry.imported(lot("exporter", Form.SEPARATED_COMPOUND, 10_000, {"Dy": 9_000_000}))
    office.registry.offer(oxide, licence_id)
    another_item = await refused(office.customs.declare(new_act(), licence_id, (oxide, 100), code="1C905.b"))
    assert (another_item.reason, another_item.metadata["control_code"]) == ("LICENCE_MISMATCH", "1C905.b")
    small = office.magnets()
    office.registry.offer(small, licence_id, 50)
    assert (await refused(office.customs.declare(new_act(), licence_id, (small, 51)))).reason == "LICENCE_EXCEEDED"
    assert (await refused(office.customs.declare(new_act(), b"?" * 32, (made, 100)))).reason == "NOT_FOUND"
    for seen in (licence_id, other_licence):
        assert balances(await office.exporter.get_licence(seen)) == [(0, 0, 8_000)]


async def test_all_that_is_wrong_with_a_declaration_is_said_at_once(office: Office) -> None:
    made, licence_id = await office.offered()
    held, nobody = office.magnets(), lot_ids.new()
    request = pb.DeclareExportRequest(
        act_id=new_act(),
        licence_id=licence_id,
        declaration_number="D",
        destination="FR",
        lots=[
            pb.DeclaredLot(lot_id=made.content.lot_id, control_code="1C908.b", gross_g=100),
            pb.DeclaredLot(lot_id=held.content.lot_id, control_code=DY_MAGNET, gross_g=100),
            pb.DeclaredLot(lot_id=nobody, control_code="1C908.b", gross_g=100),
            pb.DeclaredLot(head=head(made.head), control_code=DY_MAGNET, gross_g=100),
        ],
    )
    refusal = await refused(office.customs.call(office.customs.customs.DeclareExport, request))
    assert (refusal.reason, refusal.metadata["what"]) == ("LICENCE_MISMATCH", "destination")
    said = [(each.field, each.description.partition(":")[0]) for each in refusal.violations]
    assert said == [
        ("destination", "LICENCE_MISMATCH"),
        ("lots[0].control_code", "LICENCE_MISMATCH"),
        ("lots[1]", "NOT_IN_TRANSIT"),
        ("lots[2]", "NOT_FOUND"),
        ("lots[2].control_code", "LICENCE_MISMATCH"),
        ("lots[3]", "INVALID_FIELDS"),
    ]
    request.lots[0].lot_id = "RE-0000"
    request.destination = "fr"
    shape = await refused(office.customs.call(office.customs.customs.DeclareExport, request))
    assert shape.reason == "INVALID_FIELDS"
    assert {each.field for each in shape.violations} == {"destination", "lots[0].lot_id"}
    assert any("RE-XXXX-XXXX-XXXX-C" in each.description for each in shape.violations)


async def test_a_lot_of_nobodys_business_looks_like_none(office: Office) -> None:
    _, licence_id = await office.offered()
    theirs = office.registry.imported(lot("rival", Form.MAGNET, 10_000, MAGNET))
    spoilt = office.registry.imported(lot("rival", Form.MAGNET, 10_000, MAGNET))
    spoilt.status = None

    def never(_: bytes) -> bytes:
        raise AssertionError("nobody may see what its bundle is like, nor how long that takes")

    theirs.tamper = spoilt.tamper = never
    nobody = lot_ids.new()

    async def declared(**named: object) -> tuple[str, str, dict[str, str]]:
        lots = [pb.DeclaredLot(control_code=DY_MAGNET, gross_g=1, **named)]  # type: ignore[arg-type]
        request = pb.DeclareExportRequest(
            act_id=new_act(), licence_id=licence_id, declaration_number="D", destination="DE", lots=lots
        )
        refusal = await refused(office.customs.call(office.customs.customs.DeclareExport, request))
        return refusal.reason, refusal.message, refusal.metadata

    reason, message, _ = await declared(lot_id=nobody)
    assert reason == "NOT_FOUND"
    for each in (theirs, spoilt):
        lot_id, outpoint = each.content.lot_id, each.head
        assert await declared(lot_id=lot_id) == (reason, message, {"what": "lot", "name": lot_id})
        assert await declared(head=head(outpoint)) == (reason, message, {"what": "lot", "name": outpoint.text})
    absent = Outpoint(bytes(31) + b"x", 0)
    assert await declared(head=head(absent)) == (reason, message, {"what": "lot", "name": absent.text})


async def test_a_lot_named_by_its_id_is_the_one_that_was_declared(office: Office) -> None:
    made, licence_id = await office.offered()
    request = pb.DeclareExportRequest(
        act_id=new_act(),
        licence_id=licence_id,
        declaration_number="D",
        destination="DE",
        lots=[pb.DeclaredLot(lot_id=made.content.lot_id, control_code=DY_MAGNET, gross_g=100)],
    )
    locked = await office.customs.call(office.customs.customs.DeclareExport, request)
    assert (locked.state, locked.declared[0].head) == (STATES.STATE_LOCKED, head(made.head))
    await office.customs.write_off(request.act_id, (made, 100))
    # The lot has another head by now.
    again = await office.customs.call(office.customs.customs.DeclareExport, request)
    assert (again.state, again.declared) == (STATES.STATE_EXPORTED, locked.declared)
    request.lots[0].lot_id = lot_ids.new()
    refusal = await refused(office.customs.call(office.customs.customs.DeclareExport, request))
    assert refusal.reason == "REQUEST_ID_REUSED"


async def test_acts_are_listed_to_who_may_see_them_newest_first(office: Office) -> None:
    acts: list[bytes] = []
    licences: list[bytes] = []
    for _ in range(3):
        made, licence_id = await office.offered()
        acts.append(new_act())
        licences.append(licence_id)
        await office.customs.declare(acts[-1], licence_id, (made, 100))
    await office.customs.cancel(acts[0])

    async def listed(api: Api, **asked: object) -> list[bytes]:
        request = pb.ListExportsRequest(**asked)  # type: ignore[arg-type]
        return [each.act_id for each in (await api.call(api.customs.ListExports, request)).acts]

    for api in (office.customs, office.exporter, office.wang):
        assert await listed(api) == acts[::-1]
    assert await listed(office.customs, state=STATES.STATE_VOID) == acts[:1]
    assert await listed(office.customs, licence_id=licences[1]) == acts[1:2]
    first = await office.customs.call(office.customs.customs.ListExports, pb.ListExportsRequest(page_size=2))
    assert [each.act_id for each in first.acts] == acts[:0:-1]
    assert all(each.declared and not each.statements for each in first.acts)
    assert await listed(office.customs, page_size=2, page_token=first.next_page_token) == acts[:1]
    for uri in ("customs/dalian/wu", "enterprise/rival"):
        async with office.licensing.caller(uri) as stranger:
            assert await listed(stranger) == []
    wrong = await refused(listed(office.customs, state=99, licence_id=b"short", page_token="?"))  # noqa: S106 - of a page
    assert {each.field for each in wrong.violations} == {"state", "licence_id", "page_token"}


async def test_a_suspended_licence_is_neither_declared_nor_written_off(office: Office) -> None:
    made, licence_id = await office.offered()
    suspended = await office.li.suspend(licence_id)
    assert suspended.licence.state == pb.Licence.STATE_SUSPENDED
    assert (await refused(office.li.suspend(licence_id))).reason == "LICENCE_NOT_USABLE"
    act_id = new_act()
    refusal = await refused(office.customs.declare(act_id, licence_id, (made, 5_000)))
    assert (refusal.reason, refusal.metadata["state"]) == ("LICENCE_NOT_USABLE", "SUSPENDED")
    await office.wang.reinstate(licence_id)
    await office.customs.declare(act_id, licence_id, (made, 5_000))
    # Between declaration and write-off: this is where it takes effect.
    await office.li.suspend(licence_id)
    refusal = await refused(office.customs.write_off(act_id, (made, 5_000)))
    assert refusal.reason == "LICENCE_NOT_USABLE"
    assert "CompleteExport" not in office.registry.asked
    assert (await office.customs.get_export(act_id)).state == STATES.STATE_LOCKED
    assert balances(await office.exporter.get_licence(licence_id)) == [(5_000, 0, 3_000)]
    await office.wang.reinstate(licence_id)
    assert (await office.customs.write_off(act_id, (made, 5_000))).state == STATES.STATE_EXPORTED


async def test_a_change_is_answered_with_its_own_statement_and_its_place(office: Office) -> None:
    _, licence_id = await office.offered()
    request_id = new_id()
    first = await office.li.suspend(licence_id, request_id)
    again = await office.li.suspend(licence_id, request_id)
    reinstated = await office.wang.reinstate(licence_id)

    verifier = HeadVerifier(office.registry.world.trust.keyring())
    for changed, action in (
        (first, LicenceAction.SUSPEND),
        (again, LicenceAction.SUSPEND),
        (reinstated, LicenceAction.REINSTATE),
    ):
        item = Item.decode(changed.change.item)
        assert item.details is not None
        details = decode_details(EventKind.LICENCE_CHANGE, item.details.content)
        assert isinstance(details, LicenceChangeDetails)
        assert (details.licence_id, details.action) == (licence_id, action)
        unverified = parse(item.statement)
        assert changed.admission.statement_id == unverified.statement_id
        assert not changed.admission.receipt_pending
        assert unverified.receipts == (changed.admission.receipt,)
        leaf = log_leaf(item.statement)
        assert verifier.verify_receipt(changed.admission.receipt, leaf).index == changed.admission.index
        # What it is about stays what it was.
        assert changed.licence.admission.statement_id == licence_id
        assert changed.licence.admission.index < changed.admission.index
    assert first.admission.statement_id == again.admission.statement_id
    assert reinstated.licence.state == pb.Licence.STATE_ACTIVE


async def test_an_expired_licence_is_not_written_off(office: Office) -> None:
    made, licence_id = await office.offered()
    act_id = new_act()
    await office.customs.declare(act_id, licence_id, (made, 5_000))
    office.licensing.clock.offset = timedelta(days=101)
    refusal = await refused(office.customs.write_off(act_id, (made, 5_000)))
    assert (refusal.reason, refusal.metadata["state"]) == ("LICENCE_NOT_USABLE", "EXPIRED")
    assert (await refused(office.li.suspend(licence_id))).metadata["state"] == "EXPIRED"


async def test_a_licence_drawn_out_is_exhausted(office: Office) -> None:
    made, licence_id = await office.offered(granted_g=5_000)
    act_id = new_act()
    await office.customs.declare(act_id, licence_id, (made, 5_000))
    await office.customs.write_off(act_id, (made, 5_000))
    licence = await office.exporter.get_licence(licence_id)
    assert (licence.state, balances(licence)) == (pb.Licence.STATE_EXHAUSTED, [(0, 5_000, 0)])
    more = office.magnets()
    office.registry.offer(more, licence_id)
    assert (await refused(office.customs.declare(new_act(), licence_id, (more, 1)))).reason == "LICENCE_EXCEEDED"


async def test_no_more_is_written_off_than_was_declared(office: Office) -> None:
    made, licence_id = await office.offered()
    act_id = new_act()
    await office.customs.declare(act_id, licence_id, (made, 5_000))
    refusal = await refused(office.customs.write_off(act_id, (made, 5_001)))
    assert (refusal.reason, refusal.metadata["declared_g"]) == ("LICENCE_EXCEEDED", "5000")
    other = office.magnets()
    assert (await refused(office.customs.write_off(act_id, (other, 1)))).reason == "INVALID_FIELDS"
    assert (await refused(office.customs.write_off(new_act(), (made, 1)))).reason == "NOT_FOUND"


async def test_every_call_of_an_act_may_be_repeated_and_none_changed(office: Office) -> None:
    made, licence_id = await office.offered()
    act_id = new_act()
    locked = await office.customs.declare(act_id, licence_id, (made, 5_000))
    assert (await office.customs.declare(act_id, licence_id, (made, 5_000))).state == locked.state
    for other in (
        office.customs.declare(act_id, licence_id, (made, 4_999)),
        office.customs.declare(act_id, licence_id, (made, 5_000), declaration="DECL-2"),
    ):
        refusal = await refused(other)
        assert (refusal.reason, refusal.metadata["original_declaration"]) == ("REQUEST_ID_REUSED", "DECL-1")
    gone = await office.customs.write_off(act_id, (made, 4_000))
    again = await office.customs.write_off(act_id, (made, 4_000))
    assert (again.state, again.abroad, again.statements) == (gone.state, gone.abroad, gone.statements)
    assert (await refused(office.customs.write_off(act_id, (made, 3_999)))).reason == "REQUEST_ID_REUSED"
    assert (await office.customs.declare(act_id, licence_id, (made, 5_000))).state == STATES.STATE_EXPORTED
    elsewhere = await refused(office.customs.declare(act_id, licence_id, (made, 5_000), destination="FR"))
    assert elsewhere.reason == "REQUEST_ID_REUSED"
    refusal = await refused(office.customs.cancel(act_id))
    assert (refusal.reason, refusal.metadata["state"]) == ("ACT_STATE", "EXPORTED")
    assert office.registry.asked.count("LockExport") == 1
    assert balances(await office.exporter.get_licence(licence_id)) == [(0, 4_000, 4_000)]


async def test_an_exporter_reads_its_own_acts_and_no_others(office: Office) -> None:
    made, licence_id = await office.offered()
    act_id = new_act()
    await office.customs.declare(act_id, licence_id, (made, 5_000))
    await office.customs.write_off(act_id, (made, 4_000))
    seen, theirs = await office.exporter.get_export(act_id), await office.customs.get_export(act_id)
    seen.ClearField("as_of")
    theirs.ClearField("as_of")
    assert seen == theirs
    assert seen.state == STATES.STATE_EXPORTED
    async with office.licensing.caller("enterprise/rival") as rival, office.licensing.caller(SYSTEM) as system:
        anothers, nobodys = await refused(rival.get_export(act_id)), await refused(rival.get_export(bytes(16)))
        assert (anothers.reason, anothers.kind, anothers.message) == (nobodys.reason, nobodys.kind, nobodys.message)
        assert anothers.reason == "NOT_FOUND"
        assert anothers.metadata == {**nobodys.metadata, "name": act_id.hex()}
        assert (await system.get_export(act_id)).state == STATES.STATE_EXPORTED
        for attempt in (
            office.exporter.declare(new_act(), licence_id, (made, 1)),
            office.exporter.write_off(act_id, (made, 4_000)),
            office.exporter.cancel(act_id),
        ):
            assert (await refused(attempt)).reason == "ACCESS_DENIED"


async def test_a_cancelled_act_releases_on_the_signed_void_only(office: Office) -> None:
    made, licence_id = await office.offered()
    act_id = new_act()
    await office.customs.declare(act_id, licence_id, (made, 5_000))
    office.registry.away.add("VoidExport")
    refusal = await refused(office.customs.cancel(act_id))
    assert (refusal.reason, refusal.metadata["state"]) == ("PEER_UNAVAILABLE", "VOIDING")
    assert balances(await office.exporter.get_licence(licence_id)) == [(5_000, 0, 3_000)]
    assert (await refused(office.customs.write_off(act_id, (made, 1)))).reason == "ACT_STATE"
    office.registry.away.clear()
    void = await office.customs.cancel(act_id)
    assert void.state == STATES.STATE_VOID
    assert len(void.statements) == 1
    assert balances(await office.exporter.get_licence(licence_id)) == [(0, 0, 8_000)]
    assert (await office.customs.cancel(act_id)).statements == void.statements
    again = new_act()
    assert (await office.customs.declare(again, licence_id, (made, 8_000))).state == STATES.STATE_LOCKED


async def test_a_registry_that_refuses_the_lock_leaves_a_void_act_and_a_free_line(office: Office) -> None:
    made, licence_id = await office.offered()
    act_id = new_act()

    async def hold() -> None:
        made.holds.append("INSPECTION")

    office.registry.meanwhile["LockExport"] = hold
    refusal = await refused(office.customs.declare(act_id, licence_id, (made, 5_000)))
    assert refusal.reason == "LOT_HELD"
    void = await office.customs.get_export(act_id)
    assert (void.state, void.void_reason) == (STATES.STATE_VOID, "LOT_HELD")
    assert (await refused(office.customs.declare(act_id, licence_id, (made, 5_000)))).reason == "LOT_HELD"
    assert balances(await office.exporter.get_licence(licence_id)) == [(0, 0, 8_000)]


async def test_a_lot_held_between_lock_and_write_off_ends_the_act_void(office: Office) -> None:
    made, licence_id = await office.offered()
    act_id = new_act()
    await office.customs.declare(act_id, licence_id, (made, 5_000))
    made.holds.append("INSPECTION")
    refusal = await refused(office.customs.write_off(act_id, (made, 5_000)))
    assert (refusal.kind, refusal.reason) == (Kind.PRECONDITION, "LOT_HELD")
    said = {"act_id": act_id.hex(), "state": "VOID", "lot_ids": made.content.lot_id, "void_reason": "LOT_HELD"}
    assert refusal.metadata == said
    assert balances(await office.exporter.get_licence(licence_id)) == [(0, 0, 8_000)]
    made.holds.clear()
    again = await refused(office.customs.write_off(act_id, (made, 5_000)))
    assert (again.kind, again.reason, again.message, again.metadata) == (
        refusal.kind,
        refusal.reason,
        refusal.message,
        refusal.metadata,
    )
    assert (await refused(office.customs.write_off(act_id, (made, 4_999)))).reason == "REQUEST_ID_REUSED"
    listed = await office.customs.call(office.customs.customs.ListExports, pb.ListExportsRequest())
    for act in (await office.customs.get_export(act_id), *listed.acts):
        assert (act.state, act.void_reason, list(act.written_off)) == (STATES.STATE_VOID, "LOT_HELD", [])
    # The declaration had its answer, and has it again as the act stands now.
    assert (await office.customs.declare(act_id, licence_id, (made, 5_000))).void_reason == "LOT_HELD"


async def test_a_registry_that_refuses_the_intent_ends_the_act_void(office: Office) -> None:
    made, licence_id = await office.offered()
    act_id = new_act()
    await office.customs.declare(act_id, licence_id, (made, 5_000))
    office.registry.refuse["CompleteExport"] = Error(Kind.PRECONDITION, "STEP_NOT_ALLOWED", "no")
    answers = [await refused(office.customs.write_off(act_id, (made, 5_000))) for _ in range(2)]
    assert [each.reason for each in answers] == ["STEP_NOT_ALLOWED"] * 2
    assert answers[0].metadata == answers[1].metadata
    assert (await office.customs.get_export(act_id)).state == STATES.STATE_VOID
    assert balances(await office.exporter.get_licence(licence_id)) == [(0, 0, 8_000)]


@pytest.mark.parametrize("how", ["away", "lose"])
async def test_the_worker_ends_what_the_registry_left_open(office: Office, how: str) -> None:
    made, licence_id = await office.offered()
    act_id = new_act()
    spoiled = office.registry.away if how == "away" else office.registry.lose

    async def declare() -> pb.ExportAct:
        return await office.customs.declare(act_id, licence_id, (made, 5_000))

    async def write_off() -> pb.ExportAct:
        return await office.customs.write_off(act_id, (made, 4_000))

    for method, state, ask, after in (
        ("LockExport", "DECLARING", declare, "LOCKED"),
        ("CompleteExport", "WRITING_OFF", write_off, "EXPORTED"),
    ):
        spoiled.add(method)
        refusal = await refused(ask())
        assert (refusal.reason, refusal.metadata["state"]) == ("PEER_UNAVAILABLE", state)
        assert (await office.customs.get_export(act_id)).state == STATES.State.Value(f"STATE_{state}")
        spoiled.clear()
        # Its turn is due at once: a test does not wait out the grace that a live call is given.
        await fetch(office.licensing.settings.database_url, "UPDATE export_act SET next_attempt_at = now()")
        await office.customs.until(act_id, after)
    assert balances(await office.exporter.get_licence(licence_id)) == [(0, 4_000, 4_000)]


def unsigned(answer: Answer) -> Answer:
    """An answer without its statement."""
    return registry_pb2.ExportActResponse(state=answer.state)


def forged(answer: Answer) -> Answer:
    """An answer with a bit of its statement flipped."""
    spoiled = registry_pb2.ExportActResponse.FromString(answer.SerializeToString())
    item = bytearray(spoiled.statement.item)
    item[len(item) // 2] ^= 1
    spoiled.statement.item = bytes(item)
    return spoiled


def voided(answer: Answer) -> Answer:
    """An answer that claims VOID on whatever statement it has."""
    claimed = registry_pb2.ExportActResponse.FromString(answer.SerializeToString())
    claimed.state = registry_pb2.ExportActResponse.STATE_VOID
    return claimed


@pytest.mark.parametrize("twist", [unsigned, forged, voided])
async def test_an_answer_that_is_not_signed_as_it_says_changes_nothing(
    office: Office, twist: Callable[[Answer], Answer]
) -> None:
    made, licence_id = await office.offered()
    act_id = new_act()
    office.registry.twist = twist
    refusal = await refused(office.customs.declare(act_id, licence_id, (made, 5_000)))
    assert refusal.reason == "INTERNAL"
    assert (await office.customs.get_export(act_id)).state == STATES.STATE_DECLARING
    assert balances(await office.exporter.get_licence(licence_id)) == [(5_000, 0, 3_000)]
    office.registry.twist = None
    assert (await office.customs.declare(act_id, licence_id, (made, 5_000))).state == STATES.STATE_LOCKED


async def test_the_void_of_another_act_releases_nothing(office: Office) -> None:
    made, licence_id = await office.offered()
    act_id = new_act()
    await office.customs.declare(act_id, licence_id, (made, 5_000))
    other = office.registry.void(registry_pb2.VoidExportRequest(act_id=new_act(), reason_code="X"))
    office.registry.twist = lambda _: other
    assert (await refused(office.customs.cancel(act_id))).reason == "INTERNAL"
    assert balances(await office.exporter.get_licence(licence_id)) == [(5_000, 0, 3_000)]


async def test_a_statement_signed_by_somebody_else_is_not_the_registrys(office: Office) -> None:
    made, licence_id = await office.offered()
    act_id = new_act()
    await office.customs.declare(act_id, licence_id, (made, 5_000))
    world = office.registry.world
    mine = world.keys["registry"]
    world.keys["registry"] = world.keys["quota"]
    try:
        refusal = await refused(office.customs.cancel(act_id))
    finally:
        world.keys["registry"] = mine
    assert refusal.reason == "INTERNAL"
    assert (await office.customs.get_export(act_id)).state == STATES.STATE_VOIDING
    assert balances(await office.exporter.get_licence(licence_id)) == [(5_000, 0, 3_000)]


async def test_many_declarations_at_once_never_pass_the_licence(office: Office, database: str) -> None:
    first = office.magnets(20_000)
    licence_id = await office.licence(first, 10_000)
    lots = [office.magnets(3_000) for _ in range(8)]
    for made in lots:
        office.registry.offer(made, licence_id)
    declared = await asyncio.gather(
        *(office.customs.declare(new_act(), licence_id, (made, 3_000)) for made in lots), return_exceptions=True
    )
    assert [each.reason for each in declared if isinstance(each, Error)] == ["LICENCE_EXCEEDED"] * 5
    assert balances(await office.exporter.get_licence(licence_id)) == [(9_000, 0, 1_000)]
    rows = await fetch(database, "SELECT state FROM export_act")
    assert [row["state"] for row in rows] == ["LOCKED"] * 3


async def test_one_act_asked_for_ten_times_at_once_reserves_once(office: Office) -> None:
    made, licence_id = await office.offered()
    act_id = new_act()
    declared = await asyncio.gather(
        *(office.customs.declare(act_id, licence_id, (made, 5_000)) for _ in range(10)), return_exceptions=True
    )
    assert all(isinstance(outcome, pb.ExportAct) for outcome in declared), declared
    assert balances(await office.exporter.get_licence(licence_id)) == [(5_000, 0, 3_000)]
    written = await asyncio.gather(
        *(office.customs.write_off(act_id, (made, 5_000)) for _ in range(10)), return_exceptions=True
    )
    assert all(isinstance(outcome, pb.ExportAct) for outcome in written), written
    assert balances(await office.exporter.get_licence(licence_id)) == [(0, 5_000, 3_000)]


async def test_acts_belong_to_their_port(office: Office) -> None:
    made, licence_id = await office.offered()
    act_id = new_act()
    await office.customs.declare(act_id, licence_id, (made, 5_000))
    async with office.licensing.caller("customs/ningbo/sun") as ningbo:
        for refusal in (
            await refused(ningbo.get_export(act_id)),
            await refused(ningbo.write_off(act_id, (made, 1))),
            await refused(ningbo.cancel(act_id)),
        ):
            assert refusal.reason == "NOT_FOUND"
        reused = await refused(ningbo.declare(act_id, licence_id, (made, 5_000)))
        assert (reused.reason, reused.metadata["original_declaration"]) == ("REQUEST_ID_REUSED", "")
        assert (await ningbo.get_licence(licence_id)).licence_id == licence_id
    async with office.licensing.caller("customs/shanghai/qian") as colleague:
        assert (await colleague.write_off(act_id, (made, 5_000))).state == STATES.STATE_EXPORTED
    assert (await office.wang.get_export(act_id)).state == STATES.STATE_EXPORTED


@pytest.mark.parametrize(
    ("sql", "constraint"),
    [
        ("UPDATE licence_line SET reserved_g = 8001", "within_the_grant"),
        ("UPDATE licence_line SET reserved_g = -1", "reserved_g"),
        ("UPDATE licence_line SET used_g = -1", "used_g"),
        ("UPDATE export_act SET state = 'VOID'", "ends_on_a_signed_answer"),
        ("UPDATE export_act SET state = 'VOIDING'", "void_for_a_reason"),
        ("UPDATE export_act SET state = 'WRITING_OFF'", "exports_on_an_intent"),
        ("UPDATE act_lot SET written_off_g = declared_g + 1", "within_the_declaration"),
    ],
)
async def test_the_database_keeps_the_rules_too(office: Office, database: str, sql: str, constraint: str) -> None:
    made, licence_id = await office.offered()
    await office.customs.declare(new_act(), licence_id, (made, 5_000))
    connection = await asyncpg.connect(database)
    try:
        with pytest.raises(asyncpg.CheckViolationError, match=constraint):
            await connection.execute(sql)
    finally:
        await connection.close()


async def test_an_act_ends_once_in_the_database_too(office: Office, database: str) -> None:
    made, licence_id = await office.offered()
    act_id = new_act()
    await office.customs.declare(act_id, licence_id, (made, 5_000))
    await office.customs.cancel(act_id)
    connection = await asyncpg.connect(database)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="ends once"):
            await connection.execute("UPDATE export_act SET state = 'EXPORTED'")
        for table in ("rule_set", "case_event", "statement", "audit", "peer_statement"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
                await connection.execute(f"DELETE FROM {table}")  # noqa: S608  (names of our own)
    finally:
        await connection.close()


async def test_an_act_that_cannot_be_settled_keeps_no_other_waiting(office: Office) -> None:
    spoiled, whole = [(await office.offered(), new_act()) for _ in range(2)]
    for (made, licence_id), act_id in (spoiled, whole):
        await office.customs.declare(act_id, licence_id, (made, 5_000))
    office.registry.away.add("VoidExport")
    for _, act_id in (spoiled, whole):
        assert (await refused(office.customs.cancel(act_id))).reason == "PEER_UNAVAILABLE"
    url = office.licensing.settings.database_url
    # A reservation that is not there cannot be given back: a defect, no refusal.
    await fetch(url, "UPDATE licence_line SET reserved_g = 0 WHERE licence_id = $1", spoiled[0][1])
    office.registry.away.clear()
    await fetch(url, "UPDATE export_act SET next_attempt_at = now() - interval '1 s' * (act_id = $1)::int", spoiled[1])
    await office.customs.until(whole[1], "VOID")
    assert balances(await office.exporter.get_licence(whole[0][1])) == [(0, 0, 8_000)]
    assert (await office.customs.get_export(spoiled[1])).state == STATES.STATE_VOIDING
