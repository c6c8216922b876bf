"""The process is killed between any two steps of a hand-over and started again: no gram lost, none used twice."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import grpc
import pytest
from monazite.export_license.v1 import export_license_pb2 as pb

from services.chassis.crash import EXIT_STATUS, VARIABLE
from services.chassis.errors import Error
from services.chassis.probe import serving
from services.export_license.settings import Settings
from tests.fakes.export_registry import ExportRegistry, Lot
from tests.service.calling import new_id
from tests.service.export_license.api import Api, balances, fetch, line, new_act
from tests.service.export_license.conftest import LI, ZHAO, Licensing, Office, office_at
from tools.local.ports import HeldPorts

READY_S_MAX = 30
DECLARE = ("declare.reserved", "declare.answered", "declare.locked")
WRITE_OFF = ("writeoff.signed", "writeoff.committed", "writeoff.answered", "writeoff.exported")
CANCEL = ("cancel.marked", "cancel.answered", "cancel.voided")


def environment(settings: Settings, port: int, extra: Mapping[str, str]) -> dict[str, str]:
    """The settings as a process of its own gets them."""
    values = {
        "DOMAIN": settings.domain,
        "LISTEN": f"127.0.0.1:{port}",
        "DATABASE_URL": settings.database_url,
        "CERTIFICATES__CERTIFICATE": str(settings.certificates.certificate),
        "CERTIFICATES__PRIVATE_KEY": str(settings.certificates.private_key),
        "CERTIFICATES__AUTHORITY": str(settings.certificates.authority),
        "SIGNING_KEY": str(settings.signing_key),
        "LOG_SIGNING_KEY": str(settings.log_signing_key),
        "LOG_MEMORY": str(settings.log_memory),
        "TRUST_FILE": str(settings.trust_file),
        "LOG_NAME": settings.log_name,
        "PEERS__REGISTRY": settings.peers["registry"],
        "CUSTOMS__POLL_MS": "50",
        "CUSTOMS__GRACE_MS": "60000",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MONAZITE_")}
    return {**inherited, **{f"MONAZITE__{name}": value for name, value in values.items()}, **extra}


class Process:
    """The service as a process; `crash_at` names the point where it dies."""

    def __init__(self, licensing: Licensing, port: int) -> None:
        self.licensing = licensing
        self.port = port
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, crash_at: str = "") -> None:
        """Start it and wait until it serves."""
        extra = {VARIABLE: f"export_license.{crash_at}"} if crash_at else {}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.export_license",
            env=environment(self.licensing.settings, self.port, extra),
            stdout=asyncio.subprocess.DEVNULL,
        )
        authority, key, chain = self.licensing.authority.issue("service/export_license").pem()
        credentials = grpc.ssl_channel_credentials(authority, key, chain)
        ready = await asyncio.to_thread(partial(serving, f"localhost:{self.port}", credentials, timeout_s=READY_S_MAX))
        assert ready, "export licensing did not start"

    async def died(self) -> None:
        """Wait until it has died at its crash point."""
        assert self._process is not None
        assert await asyncio.wait_for(self._process.wait(), READY_S_MAX) == EXIT_STATUS
        # As it does by itself when its time is over: the next process need not wait for that.
        await fetch(self.licensing.settings.database_url, "UPDATE lease SET expires_at = '-infinity'")

    async def stop(self) -> None:
        """End it."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    @asynccontextmanager
    async def caller(self, uri: str) -> AsyncGenerator[Api]:
        """An API with the principal's certificate."""
        self.licensing.port = self.port
        async with self.licensing.caller(uri) as api:
            yield api


@pytest.fixture
async def process(stopped: Licensing, ports: HeldPorts) -> AsyncGenerator[Process]:
    """The service, not started."""
    made = Process(stopped, ports.take())
    yield made
    await made.stop()


async def prepared(licensing: Licensing, registry: ExportRegistry, declared: bytes = b"") -> tuple[Lot, bytes]:
    """A lot offered under a licence of 8 000 g, and an act over 6 000 g of it if one is named.

    Made by a service in this process that has ended in good order: only what must die is a process of its own.
    """
    async with licensing.running(), office_at(licensing, registry) as office:
        lot, licence_id = await office.offered(10_000, granted_g=8_000)
        if declared:
            await office.customs.declare(declared, licence_id, (lot, 6_000))
        return lot, licence_id


async def killed(process: Process, point: str, uri: str, ask: str, *arguments: object) -> None:
    """Start the process, ask, and see it die at the point with the call unanswered."""
    await process.start(point)
    async with process.caller(uri) as api:
        with pytest.raises(Error, match="PEER_UNAVAILABLE"):
            await getattr(api, ask)(*arguments)
    await process.died()


@asynccontextmanager
async def restarted(licensing: Licensing, registry: ExportRegistry) -> AsyncGenerator[Office]:
    """The service again, on the database that the dead process left."""
    async with licensing.running(), office_at(licensing, registry) as office:
        yield office


async def drawn(office: Office, licence_id: bytes) -> tuple[int, int, int]:
    """(reserved, used, available) of the one line."""
    return balances(await office.customs.get_licence(licence_id))[0]


@pytest.mark.parametrize("point", DECLARE)
async def test_killed_while_declaring(
    stopped: Licensing, registry: ExportRegistry, process: Process, point: str
) -> None:
    lot, licence_id = await prepared(stopped, registry)
    act_id = new_act()
    await killed(process, point, ZHAO, "declare", act_id, licence_id, (lot, 6_000))
    async with restarted(stopped, registry) as office:
        await office.customs.until(act_id, "LOCKED")
        again = await office.customs.declare(act_id, licence_id, (lot, 6_000))
        assert again.state == pb.ExportAct.STATE_LOCKED
        assert await drawn(office, licence_id) == (6_000, 0, 2_000)
        gone = await office.customs.write_off(act_id, (lot, 5_000))
        assert gone.state == pb.ExportAct.STATE_EXPORTED
        assert await drawn(office, licence_id) == (0, 5_000, 3_000)


@pytest.mark.parametrize("point", WRITE_OFF)
async def test_killed_while_writing_off(
    stopped: Licensing, registry: ExportRegistry, process: Process, point: str
) -> None:
    act_id = new_act()
    lot, licence_id = await prepared(stopped, registry, act_id)
    await killed(process, point, ZHAO, "write_off", act_id, (lot, 5_000))
    async with restarted(stopped, registry) as office:
        if point == "writeoff.signed":
            # Signed and not committed: it never left, and is as if it had not been.
            assert (await office.customs.get_export(act_id)).state == pb.ExportAct.STATE_LOCKED
        else:
            await office.customs.until(act_id, "EXPORTED")
        again = await office.customs.write_off(act_id, (lot, 5_000))
        assert again.state == pb.ExportAct.STATE_EXPORTED
        assert await drawn(office, licence_id) == (0, 5_000, 3_000)
    intents = await fetch(stopped.settings.database_url, "SELECT 1 FROM statement WHERE kind = 20")
    assert len(intents) == 1


@pytest.mark.parametrize("point", CANCEL)
async def test_killed_while_cancelling(
    stopped: Licensing, registry: ExportRegistry, process: Process, point: str
) -> None:
    act_id = new_act()
    _, licence_id = await prepared(stopped, registry, act_id)
    await killed(process, point, ZHAO, "cancel", act_id)
    async with restarted(stopped, registry) as office:
        await office.customs.until(act_id, "VOID")
        assert (await office.customs.cancel(act_id)).state == pb.ExportAct.STATE_VOID
        assert await drawn(office, licence_id) == (0, 0, 8_000)


async def test_killed_when_a_lock_was_refused(stopped: Licensing, registry: ExportRegistry, process: Process) -> None:
    lot, licence_id = await prepared(stopped, registry)
    act_id = new_act()

    async def hold() -> None:
        lot.holds.append("INSPECTION")

    registry.meanwhile["LockExport"] = hold
    await killed(process, "cancel.marked", ZHAO, "declare", act_id, licence_id, (lot, 6_000))
    async with restarted(stopped, registry) as office:
        await office.customs.until(act_id, "VOID")
        assert await drawn(office, licence_id) == (0, 0, 8_000)


@pytest.mark.parametrize("point", ["countersign.signed", "countersign.committed"])
async def test_killed_while_granting(
    stopped: Licensing, registry: ExportRegistry, process: Process, point: str
) -> None:
    async with stopped.running(), office_at(stopped, registry) as office:
        proposed = await office.wang.propose(await office.exporter.submit([office.magnets()], line(100)))
    request = pb.CountersignDecisionRequest(request_id=new_id(), case_id=proposed.case_id, etag=proposed.etag)
    request.expire_time.FromDatetime(datetime.now(UTC) + timedelta(days=30))
    await process.start(point)
    async with process.caller(LI) as li:
        with pytest.raises(Error, match="PEER_UNAVAILABLE"):
            await li.call(li.cases.CountersignDecision, request)
    await process.died()
    async with restarted(stopped, registry) as office:
        seen = await office.wang.get_case(proposed.case_id)
        committed = point == "countersign.committed"
        assert seen.state == (pb.Case.STATE_GRANTED if committed else pb.Case.STATE_DECISION_PROPOSED)
        granted = await office.li.call(office.li.cases.CountersignDecision, request)
        assert granted.state == pb.Case.STATE_GRANTED
        listed = await office.exporter.call(office.exporter.licences.ListLicences, pb.ListLicencesRequest())
        assert [licence.licence_id for licence in listed.licences] == [granted.licence.licence_id]
