"""`monazite exports`: customs declares, writes off, cancels; and licences found by the number printed on them."""

from __future__ import annotations

import uuid

from clients.admin.exit_codes import ExitCode
from tests.service.export_license.api import DY_MAGNET, balances, line
from tests.service.export_license.conftest import LI, ZHAO, Licensing, Office
from tests.service.terminal import Terminal
from tools.local.pki import DevelopmentAuthority


async def test_an_act_is_declared_and_written_off(
    office: Office, licensing: Licensing, authority: DevelopmentAuthority
) -> None:
    made, licence_id = await office.offered(granted_g=8_000)
    number = (await office.exporter.get_licence(licence_id)).licence_number
    zhao = Terminal(authority, ZHAO, export_license=licensing.port)
    act = str(uuid.uuid4())
    declaring = ("exports", "declare", number, "--number", "D-1", "--destination", "DE", "--act-id", act)
    lot = made.head.text
    assert await zhao.fails(*declaring, "--lot", f"{lot},{DY_MAGNET},0.008001") == (ExitCode.RULE, "LICENCE_EXCEEDED")
    declared = await zhao.does(*declaring, "--lot", f"{lot},{DY_MAGNET},0.006")
    assert (declared["state"], declared["act_id"]) == ("STATE_LOCKED", uuid.UUID(act).hex)
    assert declared["declared"] == [
        {"head": lot, "control_code": DY_MAGNET, "gross_g": "6000", "lot_id": made.content.lot_id}
    ]
    assert (await zhao.does(*declaring, "--lot", f"{lot},{DY_MAGNET},0.006"))["act_id"] == declared["act_id"]
    (listed,) = (await zhao.does("exports", "list", "--state", "locked", "--licence", number))["acts"]
    assert (listed["act_id"], listed["statements"]) == (declared["act_id"], [])
    code, said, _ = await zhao.types("exports", "list")
    assert (code, act in said, made.content.lot_id in said) == (ExitCode.DONE, True, True)
    code, said, _ = await zhao.types("exports", "show", declared["act_id"])
    assert (code, act in said, lot in said, "LOCKED" in said) == (ExitCode.DONE, True, True, True)
    gone = await zhao.does("exports", "write-off", act, "--lot", f"{lot},0.004")
    assert (gone["state"], gone["written_off"]) == ("STATE_EXPORTED", [{"head": lot, "gross_g": "4000"}])
    assert balances(await office.exporter.get_licence(licence_id)) == [(0, 4_000, 4_000)]


async def test_by_default_all_that_was_declared_is_written_off(
    office: Office, licensing: Licensing, authority: DevelopmentAuthority
) -> None:
    made, licence_id = await office.offered(granted_g=8_000)
    zhao = Terminal(authority, ZHAO, export_license=licensing.port)
    papers = ("--number", "D-1", "--destination", "DE", "--lot", f"{made.head.text},{DY_MAGNET},0.006")
    act = (await zhao.does("exports", "declare", licence_id.hex(), *papers))["act_id"]
    gone = await zhao.does("exports", "write-off", act)
    assert [each["gross_g"] for each in gone["written_off"]] == ["6000"]
    assert balances(await office.exporter.get_licence(licence_id)) == [(0, 6_000, 2_000)]


async def test_an_act_is_cancelled(office: Office, licensing: Licensing, authority: DevelopmentAuthority) -> None:
    made, licence_id = await office.offered(granted_g=8_000)
    zhao = Terminal(authority, ZHAO, export_license=licensing.port)
    papers = ("--number", "D-1", "--destination", "DE", "--lot", f"{made.head.text},{DY_MAGNET},0.006")
    act = (await zhao.does("exports", "declare", licence_id.hex(), *papers))["act_id"]
    assert (await zhao.does("exports", "cancel", act, "--reason", "WITHDRAWN"))["state"] == "STATE_VOID"
    assert balances(await office.exporter.get_licence(licence_id)) == [(0, 0, 8_000)]
    for words in (
        ("write-off", "no-uuid"),
        ("write-off", act, "--lot", "X"),
        ("write-off", act, "--lot", "X,1,2"),
        ("declare", "EL-1", "--number", "D", "--destination", "DE", "--lot", "X,1"),
        ("declare", "EL-1", "--number", "D", "--destination", "DE", "--lot", "X,1C905.a,0.0000001"),
    ):
        assert await zhao.fails("exports", *words) == (ExitCode.USAGE, "USAGE"), words


async def test_a_destination_is_what_the_declaration_says_and_not_what_the_licence_does(
    office: Office, licensing: Licensing, authority: DevelopmentAuthority
) -> None:
    made, licence_id = await office.offered(granted_g=8_000)
    zhao = Terminal(authority, ZHAO, export_license=licensing.port)
    lots = ("--lot", f"{made.head.text},{DY_MAGNET},0.006")
    declaring = ("exports", "declare", licence_id.hex(), "--number", "D-1", *lots)
    assert await zhao.fails(*declaring) == (ExitCode.USAGE, "USAGE")
    assert await zhao.fails(*declaring, "--destination", "FR") == (ExitCode.RULE, "LICENCE_MISMATCH")
    assert (await zhao.does(*declaring, "--destination", "DE"))["state"] == "STATE_LOCKED"


async def test_a_licence_is_found_by_its_number(
    office: Office, licensing: Licensing, authority: DevelopmentAuthority
) -> None:
    licence_id = await office.licence(office.magnets(), 8_000)
    number = (await office.exporter.get_licence(licence_id)).licence_number
    li = Terminal(authority, LI, export_license=licensing.port)
    by_number, by_id = await li.does("licences", "show", number), await li.does("licences", "show", licence_id.hex())
    assert by_number["licence_id"] == by_id["licence_id"] == licence_id.hex()
    suspended = await li.does("licences", "suspend", number, "--reason", "end user under review")
    assert suspended["licence"]["state"] == "STATE_SUSPENDED"
    reinstated = await li.does("licences", "reinstate", number, "--reason", "cleared")
    assert reinstated["licence"]["state"] == "STATE_ACTIVE"
    assert await li.fails("licences", "show", "EL-2024-0000000000") == (ExitCode.NOT_FOUND, "NOT_FOUND")
    rival = Terminal(authority, "enterprise/rival", export_license=licensing.port)
    assert await rival.fails("licences", "show", number) == (ExitCode.NOT_FOUND, "NOT_FOUND")


async def test_a_decision_tells_no_history_and_the_case_does(
    office: Office, licensing: Licensing, authority: DevelopmentAuthority
) -> None:
    case = await office.exporter.submit([office.magnets()], line(100))
    li = Terminal(authority, LI, export_license=licensing.port)
    proposed = await li.does("cases", "propose", case.case_id, "grant", "--reason", "end user verified")
    assert "history" not in proposed
    shown = await li.does("cases", "show", case.case_id)
    assert [each["state"] for each in shown["history"]][-1] == "STATE_DECISION_PROPOSED"
    rejected = await Terminal(authority, "officer/licensing/wang", export_license=licensing.port).does(
        "cases", "reject", case.case_id, "--reason", "end use unclear"
    )
    assert "history" not in rejected


async def test_lots_are_named_by_id_and_everything_wrong_is_said_at_once(
    office: Office, licensing: Licensing, authority: DevelopmentAuthority
) -> None:
    made, licence_id = await office.offered(granted_g=8_000)
    at_home = office.magnets()
    zhao = Terminal(authority, ZHAO, export_license=licensing.port)
    declaring = ("exports", "declare", licence_id.hex(), "--number", "D-1")
    code, _, said = await zhao.types(
        *declaring, "--destination", "FR", "--lot", f"{at_home.content.lot_id},1C999.z,0.006"
    )
    assert code == ExitCode.RULE
    assert "  destination: LICENCE_MISMATCH: " in said
    assert "licensed DE" in said
    assert "  lots[0]: NOT_IN_TRANSIT: the lot is not on offer for export" in said
    assert "  lots[0].control_code: LICENCE_MISMATCH: the item is not the lot's, or is on no line" in said
    alone = (*declaring, "--destination", "DE", "--lot", f"{at_home.content.lot_id},{DY_MAGNET},0.006")
    assert await zhao.fails(*alone) == (ExitCode.RULE, "NOT_IN_TRANSIT")
    lot = f"{made.content.lot_id},{DY_MAGNET},0.006"
    act = (await zhao.does(*declaring, "--destination", "DE", "--lot", lot))["act_id"]
    other = await zhao.fails("exports", "write-off", act, "--lot", f"{at_home.content.lot_id},0.001")
    assert other == (ExitCode.BAD_INPUT, "BAD_INPUT")
    gone = await zhao.does("exports", "write-off", act, "--lot", f"{made.content.lot_id},0.004")
    assert gone["state"] == "STATE_EXPORTED"
