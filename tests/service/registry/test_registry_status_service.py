"""The registry's word on a head: what it says of the bundle that it closes, how long it is good, and who may ask."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from monazite.registry.v1 import registry_pb2 as pb
from monazite_provenance import bundle
from monazite_provenance.contents import Imported, RegisterDetails, StatusDetails, decode_details
from monazite_provenance.item import Item
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import log_urn
from monazite_provenance.report import LotReport, Verdict
from monazite_provenance.statement import Outpoint, log_leaf, parse

from services.chassis.database import Database
from services.chassis.errors import Error, Kind
from services.registry.settings import RegistrySettings
from tests.fakes.clock import MovableClock
from tests.fakes.log import FakeLog
from tests.service.calling import new_id
from tests.service.registry.api import IMPORTED, Api, draw, outpoint
from tests.service.registry.conftest import Checker
from tests.service.registry.peers import Licensing, Quota
from tests.service.registry.pen import Pen
from tests.unit.provenance.registers import Register

DAY_S = 24 * 3600
LOG = log_urn("registry")


class Saved:
    """A bundle in parts."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        read = bundle.read(chunks)
        self.target = read.target
        self.listings = read.listings
        self.pieces = list(read.pieces)

    def kinds(self) -> list[EventKind]:
        """What its items are."""
        return [parse(Item.decode(piece).statement).claims.kind for piece in self.pieces]

    def with_status(self, status: bytes) -> list[bytes]:
        """It, with another status in the place of its last item."""
        assert self.kinds()[-1] is EventKind.STATUS
        return self.of([*self.pieces[:-1], status])

    def without(self, kind: EventKind) -> list[bytes]:
        """It, with the one item of this kind left out."""
        at = self.kinds().index(kind)
        return self.of([*self.pieces[:at], *self.pieces[at + 1 :]])

    def of(self, pieces: list[bytes]) -> list[bytes]:
        """It, with these items."""
        return list(bundle.write(self.target, pieces, self.listings))


async def saved(api: Api, head: Outpoint) -> Saved:
    """A head's bundle with its status."""
    return Saved(await api.bundle(head, with_status=True))


def said(status: bytes) -> StatusDetails:
    """What a status says."""
    item = Item.decode(status)
    assert item.details is not None
    details = decode_details(EventKind.STATUS, item.details.content)
    assert isinstance(details, StatusDetails)
    return details


def failed(report: LotReport) -> tuple[Verdict, str]:
    """Verdict and code of a report that is not verified."""
    assert report.failure is not None, report.verdict
    return report.verdict, report.failure.code


async def test_a_spent_head_is_refuted_by_its_status_and_has_a_history_without(plant: Api, checker: Checker) -> None:
    lot = await plant.register(origin=IMPORTED)
    head = outpoint(lot.heads[0])
    spender = (await plant.split(head, [1_000, 1_000])).admission.statement_id

    assert failed(await checker.report(plant, head)) == (Verdict.REFUTED, "HEAD_SPENT")
    assert said(await plant.status(head)).spender == spender
    history = await checker.report(plant, head, with_status=False)
    assert history.verdict is Verdict.VERIFIED_WITH_GAPS
    assert history.gap_codes() == {"ABSENCE"}


async def test_a_status_expires_and_another_takes_its_place(
    plant: Api, checker: Checker, clock: MovableClock, settings: RegistrySettings
) -> None:
    head = outpoint((await plant.register(origin=IMPORTED)).heads[0])
    kept = await saved(plant, head)
    before = int(time.time())
    last = said(kept.pieces[-1]).expires_at - 1
    assert before < last < before + settings.status_lifetime_s + 60
    assert checker.verify(kept.of(kept.pieces), at=last).verdict is Verdict.VERIFIED
    assert checker.verify(kept.of(kept.pieces), at=last + 1).gap_codes() == {"STATUS_EXPIRED"}

    clock.offset = timedelta(days=2)
    # Other people's lots go on: the log has grown since the bundle was saved.
    await plant.register(origin=IMPORTED)
    renewed = kept.with_status(await plant.status(head))

    report = checker.verify(renewed, at=before + 2 * DAY_S)
    assert (report.verdict, report.not_checked) == (Verdict.VERIFIED, ())
    assert report.status is not None
    assert report.status.heads[0].size > report.heads[0].size
    assert checker.verify(renewed, at=before).gap_codes() == {"STATUS_EXPIRED"}, "of tomorrow"


async def test_a_newer_status_says_that_a_saved_bundle_is_not_all(plant: Api, inspector: Api, checker: Checker) -> None:
    lot = await plant.register(origin=IMPORTED)
    head = outpoint(lot.heads[0])
    kept = await saved(plant, head)
    hold = await inspector.hold(lot.heads[0].lot_id)

    status = await plant.status(head)

    assert said(status).holds == (hold.admission.statement_id,)
    report = checker.verify(kept.with_status(status))
    assert report.gap_codes() == {"INCOMPLETE", "ON_HOLD"}
    assert [each.statement_id for each in report.findings if each.finding.code == "ON_HOLD"] == [
        hold.admission.statement_id
    ]
    assert (await checker.report(plant, head)).gap_codes() == {"ON_HOLD"}, "in the bundle of now it stands"
    await inspector.release(lot.heads[0].lot_id)
    released = await plant.status(head)
    assert said(released).holds == ()
    assert checker.verify(kept.with_status(released)).gap_codes() == {"INCOMPLETE"}
    assert (await checker.report(plant, head)).verdict is Verdict.VERIFIED
    await plant.split(head, [1_000, 1_000])
    spent = kept.with_status(await plant.status(head))
    assert failed(checker.verify(spent)) == (Verdict.REFUTED, "HEAD_SPENT")


async def test_an_older_status_does_not_speak_of_a_newer_bundle(plant: Api, checker: Checker) -> None:
    head = outpoint((await plant.register(origin=IMPORTED)).heads[0])
    old = await plant.status(head)
    await plant.register(origin=IMPORTED)
    newer = (await saved(plant, head)).with_status(old)
    assert failed(checker.verify(newer)) == (Verdict.CANNOT_TELL, "STALE_HEAD")


async def test_what_is_left_out_shows(
    quota_log: FakeLog, mine: Api, inspector: Api, quota: Quota, checker: Checker
) -> None:
    right = quota.right("mine-1", 1_000_000)
    lot = await mine.register(draws=[draw(right, 1_000_000)])
    head = outpoint(lot.heads[0])
    quota.settled(right.statement_id, lot.admission.statement_id, 1_000_000)
    assert (await checker.settled(mine, head)).verdict is Verdict.VERIFIED
    await inspector.hold(lot.heads[0].lot_id)
    kept = await saved(mine, head)

    assert checker.verify(kept.without(EventKind.SETTLED)).gap_codes() == {"INCOMPLETE", "UNSETTLED_RIGHT", "ON_HOLD"}
    # One receipt is of all of ours together: none of them can be taken away from under it.
    hidden = checker.verify(kept.without(EventKind.HOLD))
    assert failed(hidden)[0] in (Verdict.CANNOT_TELL, Verdict.REFUTED)
    assert checker.verify(kept.without(EventKind.STATUS)).gap_codes() == {"ABSENCE", "ON_HOLD"}


async def test_who_may_not_see_a_lot_learns_nothing_of_it(
    plant: Api, mine: Api, trader: Api, customs: Api, licensing_service: Api
) -> None:
    head = outpoint((await plant.register(origin=IMPORTED)).heads[0])
    offered = outpoint((await plant.offer(head, trader.uri)).heads[0])

    for api in (plant, trader, licensing_service):
        assert said(await api.status(offered)).outpoint == offered
    for api in (mine, customs):
        for ask in (api.status(offered), api.bundle(offered, with_status=True)):
            with pytest.raises(Error) as refused:
                await ask
            assert refused.value.reason == "NOT_FOUND"
    for party, found in (("plant-1", True), ("trader-1", True), ("mine-1", False)):
        if found:
            assert await licensing_service.status(offered, visible_to=party)
            continue
        with pytest.raises(Error) as refused:
            await licensing_service.status(offered, visible_to=party)
        assert refused.value.reason == "NOT_FOUND"
    with pytest.raises(Error) as refused:
        await plant.status(Outpoint(bytes(32), 0))
    assert refused.value.reason == "NOT_FOUND"
    with pytest.raises(Error) as bad:
        await plant.status(Outpoint(b"short", 0))
    assert bad.value.reason == "INVALID_FIELDS"


async def test_who_has_no_business_with_lots_may_not_even_ask(plant: Api, quota_service: Api) -> None:
    head = outpoint((await plant.register(origin=IMPORTED)).heads[0])
    with pytest.raises(Error) as refused:
        await quota_service.status(head)
    assert refused.value.reason == "ACCESS_DENIED"


async def test_a_status_carries_the_heads_of_all_logs_that_the_lot_rests_on(
    plant: Api, licensing_service: Api, licensing: Licensing, checker: Checker
) -> None:
    foreign = await plant.register(origin=IMPORTED)
    alone = await checker.report(plant, outpoint(foreign.heads[0]))
    assert alone.status is not None
    assert alone.status.heads[0].log == LOG

    customs = f"spiffe://{licensing.domain}/service/export_license"
    licence = licensing.licence(plant.uri)
    offered = await plant.offer(outpoint(foreign.heads[0]), customs, licence_id=licence.statement_id)
    head, act_id = outpoint(offered.heads[0]), b"A" * 16
    await licensing_service.lock(act_id, [head], licence.statement_id)
    intent = licensing.intent(act_id, licence.statement_id, {head: 2_000})
    done = await licensing_service.complete(act_id, intent, licence)

    status = said(await plant.status(outpoint(done.heads[0])))
    report = await checker.report(plant, outpoint(done.heads[0]))
    assert report.verdict is Verdict.VERIFIED
    assert report.status is not None
    # Licensing's log is followed by nobody here: its heads come with what is presented.
    heads = {each.log: each.size for each in report.status.heads}
    assert len(heads) == len(status.checkpoints)
    assert (heads[LOG], heads[log_urn("export_license")]) == (await plant.log_size(), 2)


async def test_a_followed_log_is_known_by_its_newest_head(
    quota_log: FakeLog, mine: Api, quota: Quota, checker: Checker
) -> None:
    right = quota.right("mine-1", 1_000_000)
    lot = await mine.register(draws=[draw(right, 1_000_000)])
    head = outpoint(lot.heads[0])
    # Of another enterprise: nothing of it is in the bundle.
    quota.right("plant-1", 1_000)
    quota.settled(right.statement_id, lot.admission.statement_id, 1_000_000)
    report = await checker.settled(mine, head)
    assert report.status is not None
    assert {each.log: each.size for each in report.status.heads}[log_urn("quota")] == 3


async def test_a_forged_receipt_beside_a_good_one_spoils_no_status(mine: Api, quota: Quota, checker: Checker) -> None:
    right = quota.right("mine-1", 1_000_000)
    leaf = log_leaf(Item.decode(right.bare).statement)
    known = quota.log.register
    forger = Register(known.name, known.issuer, SoftwareKey.generate())
    for _ in range(9):
        forger.append(leaf)
    good = parse(Item.decode(right.item).statement).receipts
    both = Item.decode(right.bare).with_receipts([forger.receipt(0, int(time.time())), *good]).encode()
    lot = await mine.register(draws=[draw(replace(right, item=both), 1_000_000)])

    report = await checker.report(mine, outpoint(lot.heads[0]))

    assert report.failure is None
    assert report.gap_codes() == {"UNSETTLED_RIGHT"}
    assert report.status is not None
    assert [(each.log, each.size) for each in report.status.heads[1:]] == [(known.name, 1)]


async def test_what_a_key_signed_before_it_ended_is_verified_by_its_place(plant: Api, checker: Checker) -> None:
    pen = Pen(plant.uri)
    await pen.certify(plant)
    lot = pen.lot((await plant.ids())[0], {58: 1_000})
    born = await plant.submit(pen.write([lot], RegisterDetails(Imported("US", "D-1"))).encode())
    head = outpoint(born.heads[0])
    kept = await saved(plant, head)
    before = await checker.report(plant, head)
    assert before.verdict is Verdict.VERIFIED

    retire = pb.RetireKeyRequest(request_id=new_id(), thumbprint=pen.key.public.thumbprint)
    await plant.call(plant.enterprises.RetireKey, retire)

    report = await checker.report(plant, head)
    assert report.verdict is Verdict.VERIFIED
    assert report.statements == before.statements + 1, "the end of the key has come along"
    places = sorted(place.index for place in report.registered.values())
    assert places == [0, 1, 2]
    assert checker.verify(kept.with_status(await plant.status(head))).gap_codes() == {"INCOMPLETE"}
    # What follows is signed by the registry.
    parts = await plant.split(head, [1_000, 1_000])
    assert (await checker.report(plant, outpoint(parts.heads[0]))).verdict is Verdict.VERIFIED


@asynccontextmanager
async def no_sequencer(url: str) -> AsyncGenerator[None]:
    """Nobody integrates meanwhile: the lease is another's, under a later epoch."""
    async with Database(url, connections_max=1) as database:
        # Under the lock of the head no batch is half published; what was signed before finds another epoch there.
        async with database.transaction() as connection:
            await connection.execute("UPDATE log_head SET epoch = epoch + 1")
            await connection.execute(
                "UPDATE lease SET holder = 'test', epoch = epoch + 1, expires_at = now() + interval '1 hour'"
            )
        try:
            yield
        finally:
            async with database.transaction() as connection:
                await connection.execute("UPDATE lease SET expires_at = '-infinity'")


@pytest.fixture
def settings(settings: RegistrySettings, request: pytest.FixtureRequest) -> RegistrySettings:
    """As everywhere; a test may say how long a reply waits for a receipt, milliseconds."""
    wait_ms = getattr(request, "param", settings.limits.receipt_wait_ms)
    return settings.model_copy(update={"limits": settings.limits.model_copy(update={"receipt_wait_ms": wait_ms})})


@pytest.mark.parametrize("settings", [50], indirect=True)
async def test_what_is_not_in_the_log_yet_is_answered_with_unavailable(
    settings: RegistrySettings, plant: Api, quota_service: Api, checker: Checker
) -> None:
    first = await plant.register(origin=IMPORTED)
    size = (await quota_service.entries()).next_index
    async with no_sequencer(settings.database_url):
        second = await plant.register(origin=IMPORTED)
        assert second.admission.receipt_pending
        head = outpoint(second.heads[0])
        for ask in (plant.bundle(head), plant.bundle(head, with_status=True), plant.status(head)):
            with pytest.raises(Error) as refused:
                await ask
            assert (refused.value.reason, refused.value.kind) == ("UNAVAILABLE", Kind.UNAVAILABLE)
        # Of what is integrated the log speaks as before.
        assert (await checker.report(plant, outpoint(first.heads[0]))).verdict is Verdict.VERIFIED
    assert (await quota_service.entries(size, wait_s=20)).entries
    assert (await checker.report(plant, head)).verdict is Verdict.VERIFIED
