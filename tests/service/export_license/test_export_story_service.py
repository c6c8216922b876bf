"""The way a lot leaves, from application to write-off, as everybody sees it."""

from __future__ import annotations

from monazite.export_license.v1 import export_license_pb2 as pb
from monazite.transparency.v1.transparency_pb2 import Entry
from monazite_provenance.contents import (
    ExportIntentDetails,
    LicenceChangeDetails,
    LicenceDetails,
    decode_details,
)
from monazite_provenance.kinds import EventKind
from monazite_provenance.verifier import Statement, Verifier

from tests.service.export_license.api import balances, line, new_act
from tests.service.export_license.conftest import Office


def verified(office: Office, item: bytes) -> Statement:
    """A statement under the trust file."""
    return Verifier(office.registry.world.trust.keyring()).verify(item)


async def test_an_application_is_verified_decided_by_two_and_drawn_down(office: Office) -> None:
    lot = office.magnets(10_000)
    case = await office.exporter.submit([lot], line(8_000))
    assert case.state == pb.Case.STATE_IN_REVIEW
    provenance = case.lots[0]
    assert (provenance.lot_id, provenance.verdict) == (lot.content.lot_id, "VERIFIED")
    assert list(provenance.control_codes) == ["1C905.a"]
    assert provenance.statements == len(lot.world.items) + 1, "and the status"

    proposed = await office.wang.propose(case)
    assert proposed.state == pb.Case.STATE_DECISION_PROPOSED
    granted = await office.li.countersign(proposed)
    assert granted.state == pb.Case.STATE_GRANTED
    licence = granted.licence
    assert balances(licence) == [(0, 0, 8_000)]
    seen = await office.exporter.get_case(case.case_id)
    assert (seen.state, seen.etag, seen.licence.licence_id) == (granted.state, granted.etag, licence.licence_id)

    signed = verified(office, licence.statement.item)
    assert signed.id == licence.licence_id
    assert signed.claims.kind is EventKind.LICENCE
    assert signed.claims.refs == (lot.head.statement_id,)
    assert signed.claims.on_behalf is not None
    assert signed.claims.on_behalf.principal.endswith("/officer/licensing/li")
    details = decode_details(EventKind.LICENCE, signed.details or b"")
    assert isinstance(details, LicenceDetails)
    assert (details.proposer.rpartition("/")[2], details.countersigner.rpartition("/")[2]) == ("wang", "li")
    assert (details.rule_set_hash, details.case_id) == (granted.rule_set_hash, case.case_id)

    office.registry.offer(lot, licence.licence_id, 7_000)
    act_id = new_act()
    declared = await office.customs.declare(act_id, licence.licence_id, (lot, 6_000))
    assert declared.state == pb.ExportAct.STATE_LOCKED
    assert balances(await office.exporter.get_licence(licence.licence_id)) == [(6_000, 0, 2_000)]
    gone = await office.customs.write_off(act_id, (lot, 5_000))
    assert gone.state == pb.ExportAct.STATE_EXPORTED
    assert (len(gone.abroad), len(gone.returned)) == (1, 1)
    assert balances(await office.customs.get_licence(licence.licence_id)) == [(0, 5_000, 3_000)]

    intent, accept = (verified(office, one.item) for one in gone.statements)
    assert intent.claims.on_behalf is not None
    assert intent.claims.on_behalf.principal.endswith("/customs/shanghai/zhao")
    assert intent.claims.on_behalf.request_id == act_id
    intended = decode_details(EventKind.EXPORT_INTENT, intent.details or b"")
    assert isinstance(intended, ExportIntentDetails)
    assert (intended.act_id, intended.licence_id, intended.port) == (act_id, licence.licence_id, "shanghai")
    assert [mass.gross_g for mass in intended.masses] == [5_000]
    assert intent.id in accept.claims.refs


async def test_the_log_publishes_what_was_signed_parents_first(office: Office) -> None:
    lot, licence_id = await office.offered()
    act_id = new_act()
    await office.customs.declare(act_id, licence_id, (lot, 5_000))
    await office.li.suspend(licence_id)
    await office.wang.reinstate(licence_id)
    await office.customs.write_off(act_id, (lot, 5_000))
    entries: list[Entry] = []
    while len(entries) < 4:
        entries.extend((await office.wang.entries(len(entries), wait_s=5)).entries)
    kinds = [EventKind(entry.event_kind) for entry in entries]
    assert kinds[0] is EventKind.LICENCE
    assert sorted(kinds) == [EventKind.EXPORT_INTENT, EventKind.LICENCE, *[EventKind.LICENCE_CHANGE] * 2]
    assert [entry.index for entry in entries] == [0, 1, 2, 3]
    changes = [verified(office, entry.item.item) for entry in entries if entry.event_kind == EventKind.LICENCE_CHANGE]
    details = [decode_details(EventKind.LICENCE_CHANGE, change.details or b"") for change in changes]
    assert all(isinstance(one, LicenceChangeDetails) and one.licence_id == licence_id for one in details)
