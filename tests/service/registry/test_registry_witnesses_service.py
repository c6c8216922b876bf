"""With a trust file that demands witnesses: bundles and statuses rest on heads that enough of them have come to, of our
own log and of peers'."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from monazite.registry.v1 import registry_pb2
from monazite.transparency.v1 import transparency_pb2 as pb
from monazite_provenance import bundle
from monazite_provenance.checkpoints import cosign
from monazite_provenance.report import LotReport, Verdict
from monazite_provenance.statement import Outpoint
from monazite_provenance.trust import TrustFile

from clients.admin.exit_codes import ExitCode
from services.chassis.database import Database
from services.chassis.errors import Error
from services.registry.settings import Bundles as Pages
from services.registry.settings import RegistrySettings
from tests.fakes.log import FakeLog, cosigned_by
from tests.service.calling import new_id
from tests.service.registry.api import IMPORTED, Api, draw, outpoint
from tests.service.registry.conftest import Checker, Registry
from tests.service.registry.peers import Quota
from tests.service.terminal import Terminal
from tests.unit.provenance.witnesses import NAMES, witness_keys
from tools.local import ceremony

OURS, QUOTAS = "urn:monazite:log:registry:0", "urn:monazite:log:quota:0"
KEYS = witness_keys()


@pytest.fixture
def witnessed(trust: ceremony.Trust, tmp_path: Path) -> Path:
    """The session's trust file, which demands two witnesses of three."""
    file = TrustFile.load(trust.trust_file.read_bytes())
    path = tmp_path / "witnessed.json"
    path.write_bytes(file.with_witnesses({name: KEYS[name].public for name in NAMES}, 2).dump())
    return path


@pytest.fixture(params=[1_000, 3], ids=["one page", "pages"])
def settings(settings: RegistrySettings, witnessed: Path, request: pytest.FixtureRequest) -> RegistrySettings:
    """As ever, with that file, and bundles of one page and of several."""
    pages = Pages(page_statements_max=request.param, pages_max=6)
    return settings.model_copy(update={"trust_file": witnessed, "peer_heads_ms": 20, "bundles": pages})


@pytest.fixture
def checker(witnessed: Path) -> Checker:
    """A verifier that demands them too."""
    return Checker(TrustFile.load(witnessed.read_bytes()))


@dataclass
class Witnesses:
    """They come by at the registry's log."""

    registry: Registry

    async def come(self, *names: str) -> int:
        """Each co-signs the newest head; up to where the log is witnessed then."""
        reached = 0
        for name in names:
            async with self.registry.caller(f"witness/{name.replace('/', '-')}") as api:
                newest = await api.call(api.log.GetCheckpoint, pb.GetCheckpointRequest())
                newest.note = cosign(newest.note, name, KEYS[name], timestamp_s=int(time.time()))
                request = pb.AddCosignaturesRequest(checkpoint=newest)
                reached = (await api.call(api.log.AddCosignatures, request)).witnessed_size
        return reached


@pytest.fixture
def witnesses(registry: Registry) -> Witnesses:
    return Witnesses(registry)


def missing(report: LotReport) -> list[tuple[str, str, str]]:
    """Of each head that too few have come to: its log, how many have, how far enough of them are."""
    assert report.failure is None
    gaps = [gap for gap in report.not_checked if gap.code == "NOT_WITNESSED"]
    assert {gap.code for gap in report.not_checked} <= {"NOT_WITNESSED"}
    names = ("log", "witnesses", "witnessed_size")
    return [(gap.metadata[names[0]], gap.metadata[names[1]], gap.metadata[names[2]]) for gap in gaps]


async def mined(mine: Api, quota: Quota) -> Outpoint:
    """A lot that draws on a right, settled."""
    right = quota.right("mine-1", 1_000_000)
    done = await mine.register(draws=[draw(right, 1_000_000)])
    made = done.admission
    quota.settled(right.statement_id, made.statement_id, 1_000_000, index=made.index)
    return outpoint(done.heads[0])


async def witnessed_there(checker: Checker, api: Api, head: Outpoint, log: str) -> LotReport:
    """The report once what witnesses said of a peer's log has come here."""
    for _ in range(1_000):
        report = await checker.report(api, head)
        if log not in {gap.metadata.get("log") for gap in report.not_checked}:
            return report
        # Yields to the watcher's calls: each report is a call of its own.
    raise AssertionError("the co-signatures never came")


def sizes(report: LotReport, log: str) -> list[int]:
    """Of the heads of a log that a bundle rests on."""
    return [head.size for head in report.heads if head.log == log]


async def test_a_bundle_rests_on_heads_that_enough_have_come_to_of_every_log(
    quota_log: FakeLog, mine: Api, quota: Quota, checker: Checker, witnesses: Witnesses, *, settings: RegistrySettings
) -> None:
    head = await mined(mine, quota)
    report = await checker.settled(mine, head)
    assert report.verdict is Verdict.VERIFIED_WITH_GAPS
    # The right and its settlement came under heads of their own.
    assert missing(report) == [(QUOTAS, "0", "0"), (QUOTAS, "0", "0"), (OURS, "0", "0")]
    assert await witnesses.come(NAMES[0]) == 0
    assert (OURS, "1", "0") in missing(await checker.report(mine, head))
    ours = await witnesses.come(NAMES[1])
    assert missing(await checker.report(mine, head)) == [(QUOTAS, "0", "0")] * 2
    quota.right("mine-1", 1)
    theirs = quota_log.register.size
    quota_log.cosigned = [cosigned_by(quota_log.register, {name: KEYS[name] for name in NAMES[:2]})]
    report = await witnessed_there(checker, mine, head, QUOTAS)
    assert (report.verdict, report.failure) == (Verdict.VERIFIED, None)
    assert (sizes(report, OURS), sizes(report, QUOTAS)) == ([ours], [theirs])

    # A tree may be ahead of the head that was taken in last, which comes at the end of what is followed.
    async with Database(settings.database_url, connections_max=1) as database:
        await database.pool.execute("DELETE FROM peer_checkpoint WHERE log = $1", QUOTAS)
    report = await checker.report(mine, head)
    assert (report.verdict, report.failure) == (Verdict.VERIFIED, None)

    # Both logs go on: what was witnessed stays, and what came is told of.
    later = await mined(mine, quota)
    assert (await checker.report(mine, head)).verdict is Verdict.VERIFIED
    report = await checker.settled(mine, later)
    reached = (str(theirs), str(ours))
    assert missing(report) == [(QUOTAS, "0", reached[0]), (QUOTAS, "0", reached[0]), (OURS, "0", reached[1])]

    # Witnesses need not meet at one head.
    quota_log.cosigned = [
        cosigned_by(quota_log.register, {NAMES[2]: KEYS[NAMES[2]]}),
        cosigned_by(quota_log.register, {NAMES[0]: KEYS[NAMES[0]]}, quota_log.register.size - 1),
    ]
    await witnesses.come(NAMES[2])
    await mine.register(draws=[draw(quota.right("mine-1", 1_000_000), 1_000_000)])
    assert await witnesses.come(NAMES[0]) > ours
    both = await checker.report(mine, later)
    for _ in range(1_000):
        if theirs + 1 in sizes(both, QUOTAS):
            break
        both = await checker.report(mine, later)
    assert OURS not in {gap.metadata.get("log") for gap in both.not_checked}
    # The settlement came last of all in quota's log: of it one witness alone has seen that it is there.
    assert missing(both) == [(QUOTAS, "1", str(theirs + 1))]


async def test_a_status_for_a_saved_bundle_brings_what_was_co_signed_of_its_head(
    registry: Registry, plant: Api, witnesses: Witnesses, witnessed: Path, tmp_path: Path
) -> None:
    head = (await plant.register(origin=IMPORTED)).heads[0]
    at = Terminal(registry.authority, "enterprise/plant-1", trust=witnessed, registry=registry.port)
    file = str(tmp_path / "lot.bundle")
    await at.does("bundle", "save", head.lot_id, file)
    code, _, _ = await at.types("bundle", "verify", file)
    assert code == ExitCode.VERIFIED_WITH_GAPS
    await witnesses.come(*NAMES[:2])
    await at.does("bundle", "save", head.lot_id, file, "--force")
    assert (await at.types("bundle", "verify", file))[0] == ExitCode.DONE
    counts: list[int] = []
    for _ in range(3):
        await plant.register(origin=IMPORTED)
        await witnesses.come(*NAMES[1:])
        assert (await at.types("bundle", "refresh", file))[0] == ExitCode.DONE
        counts.append(len(bundle.read([await asyncio.to_thread(Path(file).read_bytes)]).cosigned))
    assert counts == [2, 2, 2], "what the statuses before rested on is gone"


async def test_what_a_status_says_of_a_spent_head_stands_under_the_newest(
    plant: Api, checker: Checker, witnesses: Witnesses
) -> None:
    head = outpoint((await plant.register(origin=IMPORTED)).heads[0])
    reached = await witnesses.come(*NAMES[:2])
    assert sizes(await checker.report(plant, head), OURS) == [reached]
    await plant.split(head, [1_500, 500])
    report = await checker.report(plant, head)
    assert (report.verdict, report.failure and report.failure.code) == (Verdict.REFUTED, "HEAD_SPENT")
    assert sizes(report, OURS) == [reached + 1]


async def test_the_registry_vouches_for_nothing_that_no_witness_has_come_to(
    plant: Api, registrar: Api, witnesses: Witnesses
) -> None:
    done = await plant.register(origin=IMPORTED)
    lot_id = done.heads[0].lot_id
    request = registry_pb2.CutLotRequest(request_id=new_id(), lot_id=lot_id)
    with pytest.raises(Error) as raised:
        await registrar.call(registrar.lots.CutLot, request)
    assert (raised.value.reason, raised.value.metadata["gaps"]) == ("PROVENANCE_REFUSED", "NOT_WITNESSED")
    assert {name: raised.value.metadata[name] for name in ("log", "witnesses", "witnessed_size")} == {
        "log": OURS,
        "witnesses": "0",
        "witnessed_size": "0",
    }
    await witnesses.come(*NAMES[:2])
    assert (await registrar.call(registrar.lots.CutLot, request)).statement.item
