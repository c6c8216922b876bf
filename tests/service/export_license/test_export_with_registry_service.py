"""Export licensing and the real registry: what one signs, the other believes; the line and the lot agree."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from monazite.export_license.v1 import export_license_pb2 as pb
from monazite.registry.v1 import registry_pb2
from monazite.type.v1 import material_pb2
from monazite_provenance.bundle import read
from monazite_provenance.chain import verify_bundle
from monazite_provenance.names import log_urn, service_uri
from monazite_provenance.report import Verdict
from monazite_provenance.statement import Outpoint
from monazite_provenance.trust import TrustFile

from clients.admin.exit_codes import ExitCode
from services.chassis.fields import outpoint_message
from services.chassis.migrations import migrate
from services.chassis.server import serving
from services.chassis.settings import Certificates
from services.export_license.settings import Customs, Settings
from services.registry import server as registry_server
from services.registry.settings import Bundles, RegistrySettings
from tests.conftest import Migrate
from tests.service.calling import channel_to
from tests.service.export_license.api import DY_MAGNET, Api, balances, line, new_act, refused
from tests.service.export_license.conftest import EXPORTER, LI, WANG, ZHAO, Licensing, migrate_export_license
from tests.service.registry import api as registry_api
from tests.service.registry.api import outpoint
from tests.service.terminal import Terminal
from tools.local import ceremony
from tools.local.pki import DevelopmentAuthority

REGISTRAR = "officer/registrar/li"
INSPECTOR = "officer/inspector/zhao"
MAGNET = {material_pb2.ELEMENT_ND: 3_000_000, material_pb2.ELEMENT_DY: 90_000}


@dataclass
class Held:
    """A lot by its id and head."""

    lot_id: str
    head: Outpoint


def migrate_registry(url: str) -> None:
    """The template's migration."""
    asyncio.run(migrate(url, registry_server.MIGRATIONS))


class Pair:
    """Both services on their own databases, under one trust file."""

    def __init__(
        self, authority: DevelopmentAuthority, trust: ceremony.Trust, urls: dict[str, str], directory: Path
    ) -> None:
        self.authority = authority
        self.trust = trust
        self.urls = urls
        self.directory = directory
        self.registry_port = 0
        self.bundles = Bundles()

    def certificates(self, service: str) -> Certificates:
        """Server files of a service."""
        issued = self.authority.issue(f"service/{service}", server=True)
        return Certificates(certificate=issued.certificate, private_key=issued.key, authority=issued.authority)

    @asynccontextmanager
    async def registry(self) -> AsyncGenerator[None]:
        """The registry, on the same port each time."""
        settings = RegistrySettings(
            domain=self.authority.domain,
            listen=f"127.0.0.1:{self.registry_port}",
            database_url=self.urls["registry"],
            certificates=self.certificates("registry"),
            signing_key=self.trust.signing_keys["registry"],
            log_signing_key=self.trust.log_keys["registry"],
            log_memory=self.directory / "registry.signed",
            trust_file=self.trust.trust_file,
            log_name=log_urn("registry"),
            bundles=self.bundles,
        )
        async with serving(settings, registry_server.build, registry_server.MIGRATIONS) as running:
            self.registry_port = running.port
            yield

    @asynccontextmanager
    async def licensing(self) -> AsyncGenerator[Licensing]:
        """Export licensing."""
        settings = Settings(
            domain=self.authority.domain,
            listen="127.0.0.1:0",
            database_url=self.urls["export_license"],
            certificates=self.certificates("export_license"),
            signing_key=self.trust.signing_keys["export_license"],
            log_signing_key=self.trust.log_keys["export_license"],
            log_memory=self.directory / "export_license.signed",
            trust_file=self.trust.trust_file,
            log_name=log_urn("export_license"),
            peers={"registry": f"localhost:{self.registry_port}"},
            customs=Customs(poll_ms=50, grace_ms=0, registry_timeout_ms=2_000),
        )
        async with Licensing(settings, self.authority).running() as licensing:
            yield licensing

    @asynccontextmanager
    async def at_registry(self, uri: str) -> AsyncGenerator[registry_api.Api]:
        """An API of the registry."""
        async with channel_to(self.registry_port, self.authority, uri) as channel:
            yield registry_api.Api(channel, self.authority.domain, uri)


@pytest.fixture
def pair(
    database_from: Callable[[Migrate], str], authority: DevelopmentAuthority, session_directory: Path, tmp_path: Path
) -> Pair:
    """Both services, not started."""
    trust = ceremony.hold(session_directory / "trust", authority.domain)
    urls = {"registry": database_from(migrate_registry), "export_license": database_from(migrate_export_license)}
    return Pair(authority, trust, urls, tmp_path)


async def magnets(pair: Pair) -> Held:
    """An imported lot of magnets with dysprosium, the exporter's."""
    async with pair.at_registry(REGISTRAR) as registrar:
        await registrar.register_enterprise("exporter", ["IMPORT", "EXPORT"])
    return await register(pair)


async def register(pair: Pair) -> Held:
    """One more lot like it."""
    async with pair.at_registry(EXPORTER) as exporter:
        done = await exporter.register(
            MAGNET, origin=registry_api.IMPORTED, form=material_pb2.FORM_MAGNET, gross_g=10_000
        )
    return Held(done.heads[0].lot_id, outpoint(done.heads[0]))


async def granted(licensing: Licensing, lot: Held, gross_g: int, *others: Held) -> bytes:
    """A licence over one lot or several."""
    async with licensing.caller(EXPORTER) as exporter, licensing.caller(WANG) as wang, licensing.caller(LI) as li:
        case = await exporter.submit([lot, *others], line(gross_g))
        assert case.lots[0].verdict == "VERIFIED"
        return (await li.countersign(await wang.propose(case))).licence.licence_id


async def offer(pair: Pair, lot: Held, licence_id: bytes, max_gross_g: int = 0) -> None:
    """The exporter offers it to customs."""
    receiver = service_uri(pair.authority.domain, "export_license")
    async with pair.at_registry(EXPORTER) as exporter:
        done = await exporter.offer(lot.head, receiver, licence_id=licence_id, max_gross_g=max_gross_g)
    lot.head = outpoint(done.heads[0])


async def exported(pair: Pair, licensing: Licensing, customs: Api, lot: Held, gross_g: int) -> Outpoint:
    """All of a lot leaves under a licence of its own; its head abroad."""
    licence_id = await granted(licensing, lot, gross_g)
    await offer(pair, lot, licence_id)
    act_id = new_act()
    await customs.declare(act_id, licence_id, (lot, gross_g))
    gone = await customs.write_off(act_id, (lot, gross_g))
    assert gone.state == pb.ExportAct.STATE_EXPORTED
    return Outpoint(gone.abroad[0].statement_id, gone.abroad[0].output_index)


async def line_of(customs: Api, licence_id: bytes) -> tuple[int, int, int]:
    """(reserved, used, available)."""
    return balances(await customs.get_licence(licence_id))[0]


async def bundle(pair: Pair, head: Outpoint) -> list[bytes]:
    """The bundle of a head, as the exporter gets it."""
    async with pair.at_registry(EXPORTER) as exporter:
        request = registry_pb2.GetBundleRequest(head=outpoint_message(head), with_status=True)
        return [response.chunk async for response in exporter.lots.GetBundle(request, timeout=20)]


def outpoint_lot(chunks: list[bytes], trust: TrustFile) -> str:
    """The id of the lot that a bundle is of."""
    target = verify_bundle(chunks, trust, at=int(time.time())).target
    assert target is not None
    return target.lot_id


async def test_a_part_leaves_the_rest_comes_back_and_all_agree(pair: Pair) -> None:
    async with pair.registry(), pair.licensing() as licensing, licensing.caller(ZHAO) as customs:
        lot = await magnets(pair)
        licence_id = await granted(licensing, lot, 8_000)
        await offer(pair, lot, licence_id, 7_000)
        act_id = new_act()
        assert (await customs.declare(act_id, licence_id, (lot, 6_000))).state == pb.ExportAct.STATE_LOCKED
        assert await line_of(customs, licence_id) == (6_000, 0, 2_000)
        gone = await customs.write_off(act_id, (lot, 5_000))
        assert gone.state == pb.ExportAct.STATE_EXPORTED
        assert await line_of(customs, licence_id) == (0, 5_000, 3_000)
        trust = TrustFile.load(pair.trust.trust_file.read_bytes())
        masses: list[int] = []
        for head in (*gone.abroad, *gone.returned):
            point = Outpoint(head.statement_id, head.output_index)
            report = verify_bundle(await bundle(pair, point), trust, at=int(time.time()))
            assert report.verdict is Verdict.VERIFIED, "the licence has come along"
            assert report.target is not None
            masses.append(report.target.gross_g)
        assert masses == [5_000, 5_000]


async def test_a_command_that_is_given_again_means_the_lots_as_they_were_declared(pair: Pair) -> None:
    async with pair.registry(), pair.licensing() as licensing:
        lot = await magnets(pair)
        licence_id = await granted(licensing, lot, 8_000)
        await offer(pair, lot, licence_id)
        zhao = Terminal(pair.authority, ZHAO, registry=pair.registry_port, export_license=licensing.port)
        act = str(uuid.uuid4())
        papers = ("--number", "D-1", "--destination", "DE", "--act-id", act)
        declaring = ("exports", "declare", licence_id.hex(), *papers, "--lot", f"{lot.lot_id},{DY_MAGNET},0.006")
        declared = await zhao.does(*declaring)
        assert [each["lot_id"] for each in declared["declared"]] == [lot.lot_id]
        writing_off = ("exports", "write-off", act, "--lot", f"{lot.lot_id},0.004")
        gone = await zhao.does(*writing_off)
        assert gone["state"] == "STATE_EXPORTED"

        async with pair.at_registry(REGISTRAR) as registrar:
            assert outpoint(await registrar.lot(lot.lot_id)) != lot.head, "the lot has another head by now"
        for command in (writing_off, declaring):
            assert {**await zhao.does(*command), "as_of": ""} == {**gone, "as_of": ""}
        code, _, said = await zhao.types("exports", "write-off", act, "--lot", f"{lot.lot_id},0.005")
        assert (code, "REQUEST_ID_REUSED" in said) == (ExitCode.RULE, True)
        assert f"`monazite exports show {act}`" in said
        assert "--request-id" not in said
        unknown = str(uuid.uuid4())
        assert await zhao.fails("exports", "write-off", unknown, "--lot", f"{lot.lot_id},0.004") == (
            ExitCode.NOT_FOUND,
            "NOT_FOUND",
        )


async def test_one_of_two_lots_stays_and_what_came_back_leaves_another_time(pair: Pair) -> None:
    async with pair.registry(), pair.licensing() as licensing, licensing.caller(ZHAO) as customs:
        leaving = await magnets(pair)
        staying = await register(pair)
        licence_id = await granted(licensing, leaving, 15_000, staying)
        for lot in (leaving, staying):
            await offer(pair, lot, licence_id)
        act_id = new_act()
        await customs.declare(act_id, licence_id, (leaving, 6_000), (staying, 9_000))
        nothing = await refused(customs.write_off(act_id, (leaving, 0), (staying, 0)))
        assert (nothing.reason, [each.field for each in nothing.violations]) == ("INVALID_FIELDS", ["lots"])
        assert (await customs.get_export(act_id)).state == pb.ExportAct.STATE_LOCKED

        gone = await customs.write_off(act_id, (leaving, 6_000), (staying, 0))

        assert gone.state == pb.ExportAct.STATE_EXPORTED
        assert await line_of(customs, licence_id) == (0, 6_000, 9_000)
        assert len(gone.abroad) == 1
        back: dict[int, Held] = {}
        async with pair.at_registry(EXPORTER) as exporter:
            listed = await exporter.call(exporter.lots.ListLots, registry_pb2.ListLotsRequest(unspent_only=True))
        for found in listed.lots:
            if found.custody_state == material_pb2.CUSTODY_STATE_HELD:
                back[found.material.gross_g] = Held(found.lot_id, outpoint(found))
        assert sorted(back) == [4_000, 10_000]
        # The gate takes what came back: its bundle has the licence, intent and acceptance of the first act.
        await offer(pair, back[10_000], licence_id)
        again = new_act()
        await customs.declare(again, licence_id, (back[10_000], 9_000))
        second = await customs.write_off(again, (back[10_000], 9_000))
        trust = TrustFile.load(pair.trust.trust_file.read_bytes())
        point = Outpoint(second.abroad[0].statement_id, second.abroad[0].output_index)
        report = verify_bundle(await bundle(pair, point), trust, at=int(time.time()))
        assert (report.verdict, report.failure) == (Verdict.VERIFIED, None)
        assert not report.findings


async def test_the_gate_looks_behind_a_cut(pair: Pair) -> None:
    trust = TrustFile.load(pair.trust.trust_file.read_bytes())
    async with pair.registry(), pair.licensing() as licensing, licensing.caller(ZHAO) as customs:
        lot = await magnets(pair)
        async with pair.at_registry(REGISTRAR) as registrar:
            await registrar.cut(lot.head)
        report = verify_bundle(await bundle(pair, lot.head), trust, at=int(time.time()))
        assert report.gap_codes() == {"VOUCHED"}, "its holder is given no more than a buyer"

        abroad = await exported(pair, licensing, customs, lot, 8_000)
        report = verify_bundle(await bundle(pair, abroad), trust, at=int(time.time()))
        assert report.gap_codes() == {"VOUCHED"}
        assert [step.kind for step in report.steps] == ["OFFER", "ACCEPT"]


async def test_a_history_of_several_pages_passes_the_gate(pair: Pair) -> None:
    trust = TrustFile.load(pair.trust.trust_file.read_bytes())
    pair.bundles = Bundles(page_statements_max=2)
    async with pair.registry(), pair.licensing() as licensing, licensing.caller(ZHAO) as customs:
        lot = await magnets(pair)
        async with pair.at_registry(EXPORTER) as exporter:
            for _ in range(3):
                parts = (await exporter.split(lot.head, [5_000, 5_000])).heads
                lot.head = outpoint((await exporter.merge([outpoint(part) for part in parts])).heads[0])
        async with pair.at_registry(REGISTRAR) as registrar:
            lot.lot_id = outpoint_lot(await bundle(pair, lot.head), trust)
            await registrar.cut(lot.head)
        abroad = await exported(pair, licensing, customs, lot, 8_000)
        async with pair.at_registry(REGISTRAR) as registrar:
            pieces = await registrar.bundle(abroad, with_status=True)
        assert [page.number for page in read(pieces).pages] == list(range(1, 8))
        report = verify_bundle(pieces, trust, at=int(time.time()))
        assert (report.verdict, report.failure) == (Verdict.VERIFIED, None)


async def test_a_strangers_lot_looks_like_none(pair: Pair) -> None:
    async with pair.registry(), pair.licensing() as licensing, licensing.caller("enterprise/rival") as rival:
        there, nowhere = await magnets(pair), Held("", Outpoint(b"x" * 32, 0))
        theirs, nobodys = [await refused(rival.submit([lot], line(100))) for lot in (there, nowhere)]
        assert (theirs.reason, theirs.kind, theirs.message) == ("NOT_FOUND", nobodys.kind, nobodys.message)
        head = f"{there.head.statement_id.hex()}:{there.head.index}"
        assert theirs.metadata == {**nobodys.metadata, "name": head}
        assert nobodys.metadata["name"] == f"{(b'x' * 32).hex()}:0"


async def test_a_cancelled_act_gives_the_lot_and_the_line_back(pair: Pair) -> None:
    async with pair.registry(), pair.licensing() as licensing, licensing.caller(ZHAO) as customs:
        lot = await magnets(pair)
        licence_id = await granted(licensing, lot, 8_000)
        await offer(pair, lot, licence_id)
        act_id = new_act()
        await customs.declare(act_id, licence_id, (lot, 6_000))
        async with pair.at_registry(EXPORTER) as exporter:
            assert (await refused(exporter.cancel(lot.head))).reason == "EXPORT_LOCKED"
        assert (await customs.cancel(act_id)).state == pb.ExportAct.STATE_VOID
        assert await line_of(customs, licence_id) == (0, 0, 8_000)
        async with pair.at_registry(EXPORTER) as exporter:
            await exporter.cancel(lot.head)


async def test_a_hold_after_the_lock_ends_the_act_void(pair: Pair) -> None:
    async with pair.registry(), pair.licensing() as licensing, licensing.caller(ZHAO) as customs:
        lot = await magnets(pair)
        licence_id = await granted(licensing, lot, 8_000)
        await offer(pair, lot, licence_id)
        act_id = new_act()
        await customs.declare(act_id, licence_id, (lot, 6_000))
        async with pair.at_registry(INSPECTOR) as inspector:
            await inspector.hold(lot.lot_id)
        zhao = Terminal(pair.authority, ZHAO, registry=pair.registry_port, export_license=licensing.port)
        act = str(uuid.UUID(bytes=act_id))
        for _ in range(2):
            code, out, said = await zhao.types("exports", "write-off", act)
            assert (code, out, "LOT_HELD" in said) == (ExitCode.RULE, "", True)
            assert lot.lot_id in said
            assert "another act id" in said
        shown = await zhao.does("exports", "show", act)
        assert (shown["state"], shown["void_reason"], shown.get("written_off", [])) == ("STATE_VOID", "LOT_HELD", [])
        _, table, _ = await zhao.types("exports", "list")
        assert "VOID, LOT_HELD" in " ".join(table.split())
        assert await line_of(customs, licence_id) == (0, 0, 8_000)
        again = await refused(customs.declare(new_act(), licence_id, (lot, 6_000)))
        assert (again.reason, again.metadata["findings"]) == ("PROVENANCE_REFUSED", "ON_HOLD")


async def test_no_licence_is_granted_while_a_lot_is_on_hold(pair: Pair) -> None:
    async with pair.registry(), pair.licensing() as licensing, licensing.caller(EXPORTER) as exporter:
        lot = await magnets(pair)
        case = await exporter.submit([lot], line(8_000))
        wang, li = [Terminal(pair.authority, each, export_license=licensing.port) for each in (WANG, LI)]
        await wang.does("cases", "propose", case.case_id, "grant", "--reason", "in order")
        async with pair.at_registry(INSPECTOR) as inspector:
            await inspector.hold(lot.lot_id)
            until = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
            signing = ("cases", "countersign", case.case_id, "--outcome", "grant", "--expires", until)
            code, _, said = await li.types(*signing)
            assert (code, "PROVENANCE_REFUSED" in said, "ON_HOLD" in said) == (ExitCode.RULE, True, True)
            assert (await li.does("cases", "show", case.case_id))["state"] == "STATE_DECISION_PROPOSED"
            await inspector.release(lot.lot_id)
        granted = await li.does(*signing)
        assert granted["state"] == "STATE_GRANTED"
        assert granted["verified_at"] > granted["submitted_at"]
        _, shown, _ = await wang.types("cases", "show", case.case_id)
        assert "lots verified" in shown


async def test_only_what_the_registry_vouches_for_now_passes(pair: Pair) -> None:
    async with pair.registry(), pair.licensing() as licensing, licensing.caller(EXPORTER) as exporter:
        lot = await magnets(pair)
        async with pair.at_registry(EXPORTER) as at_registry:
            parts = await at_registry.split(lot.head, [4_000, 6_000])
        spent = await refused(exporter.submit([lot], line(100)))
        assert (spent.reason, spent.metadata["findings"]) == ("PROVENANCE_REFUSED", "HEAD_SPENT")
        part = Held(parts.heads[0].lot_id, outpoint(parts.heads[0]))
        licensing.clock.offset = timedelta(days=2)
        stale = await refused(exporter.submit([part], line(100)))
        assert (stale.reason, stale.metadata["gaps"]) == ("PROVENANCE_REFUSED", "STATUS_EXPIRED")
        licensing.clock.offset = timedelta()
        assert (await exporter.submit([part], line(100))).lots[0].verdict == "VERIFIED"


async def test_a_registry_that_is_away_for_a_while_loses_nothing(pair: Pair) -> None:
    act_id = new_act()
    async with AsyncExitStack() as stack:
        async with pair.registry():
            licensing = await stack.enter_async_context(pair.licensing())
            customs = await stack.enter_async_context(licensing.caller(ZHAO))
            lot = await magnets(pair)
            licence_id = await granted(licensing, lot, 8_000)
            await offer(pair, lot, licence_id)
            await customs.declare(act_id, licence_id, (lot, 6_000))
        refusal = await refused(customs.write_off(act_id, (lot, 5_000)))
        assert (refusal.reason, refusal.metadata["state"]) == ("PEER_UNAVAILABLE", "WRITING_OFF")
        assert await line_of(customs, licence_id) == (6_000, 0, 2_000)
        async with pair.registry():
            await customs.until(act_id, "EXPORTED")
            assert await line_of(customs, licence_id) == (0, 5_000, 3_000)
