"""Co-signatures that witnesses deliver: of heads that this log signed, by witnesses of the trust file; the newest of
each is kept, and the log is as far as enough of them have come."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from monazite.transparency.v1 import transparency_pb2 as pb
from monazite.transparency.v1.transparency_pb2_grpc import TransparencyServiceStub
from monazite_provenance import tree
from monazite_provenance.checkpoints import cosign, parse_checkpoint_text, sign_checkpoint, verify_cosignature
from monazite_provenance.keys import Algorithm, SoftwareKey
from monazite_provenance.places import LogSpan
from monazite_provenance.receipts import HeadVerifier, parse_checkpoint
from monazite_provenance.trust import TrustFile, new

from services.chassis.client import Peer
from services.chassis.database import Database
from services.chassis.errors import Error
from services.chassis.log import composition, cosignatures
from services.chassis.log.receipts import multi_receipt, published
from services.chassis.log.resting import AGE_S_MAX, Resting, Witnesses
from tests.fakes.log_keys import head_signer, ring
from tests.service.chassis.logs import ISSUER, KEY, KEYS, SIGNER, publish
from tests.service.chassis.scene import Serve
from tests.service.chassis.till import LOG

NAMES = ("w.example/1", "w.example/2", "w.example/3")
WITNESSES = {name: SoftwareKey.generate() for name in NAMES} | {
    NAMES[2]: SoftwareKey.generate(Algorithm.ML_DSA_44),
    "stranger.example": SoftwareKey.generate(),
}
TRUST = new("monazite.example", [KEY.public], 1).with_witnesses({name: WITNESSES[name].public for name in NAMES}, 2)
SIZE = 9
NOW_S = int(time.time())


class Tree:
    """The log's leaves, and heads over the first of them under the log's real key."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = leaves

    def head(self, size: int, *names: str, root: bytes | None = None, at_s: int = NOW_S) -> pb.Checkpoint:
        """A head co-signed by these witnesses."""
        signed = SIGNER.sign(size, tree.root(self.leaves[:size]) if root is None else root, at_s)
        note = signed.note
        for name in names:
            note = cosign(note, name, WITNESSES[name], timestamp_s=at_s)
        return pb.Checkpoint(log=LOG, checkpoint=signed.checkpoint, note=note)


@pytest.fixture
async def log(database: Database) -> Tree:
    """A log of nine entries."""
    await publish(database, [1] * SIZE)
    return Tree([row["leaf"] for row in await database.pool.fetch("SELECT leaf FROM entry ORDER BY idx")])


class Api:
    """The log, as who has a certificate sees it."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.stub = TransparencyServiceStub(peer.channel)

    async def add(self, checkpoint: pb.Checkpoint) -> int:
        """Up to where the log is witnessed then."""
        request = pb.AddCosignaturesRequest(checkpoint=checkpoint)
        return (await self.peer.call(self.stub.AddCosignatures, request)).witnessed_size

    async def refused(self, checkpoint: pb.Checkpoint) -> Error:
        """Why it was not taken."""
        with pytest.raises(Error) as raised:
            await self.add(checkpoint)
        return raised.value

    async def list(self) -> pb.ListCosignaturesResponse:
        return await self.peer.call(self.stub.ListCosignatures, pb.ListCosignaturesRequest())

    async def sizes(self) -> dict[str, int]:
        """How far each witness is."""
        found = (await self.list()).cosignatures
        return {each.witness: parse_checkpoint(each.checkpoint.checkpoint).head.size for each in found}


@pytest.fixture
async def api(log: Tree, serve: Serve) -> AsyncIterator[Api]:
    """The log, served with a trust file that demands two of three."""
    async with serve(trust=TRUST) as scene, scene.peer() as peer:
        yield Api(peer)


async def audited(database: Database) -> int:
    """Deliveries that changed something."""
    method = "/monazite.transparency.v1.TransparencyService/AddCosignatures"
    count: int = await database.pool.fetchval("SELECT count(*) FROM audit WHERE method = $1", method)
    return count


async def test_a_log_is_as_far_as_the_second_of_its_witnesses(api: Api, log: Tree, database: Database) -> None:
    assert await api.add(log.head(4, NAMES[0])) == 0
    assert await api.add(log.head(7, NAMES[1])) == 4
    assert await api.add(log.head(6, NAMES[0], NAMES[2])) == 6
    assert await api.sizes() == {NAMES[0]: 6, NAMES[1]: 7, NAMES[2]: 6}
    listed = await api.list()
    assert (listed.witnessed_size, listed.threshold) == (6, 2)
    for each in listed.cosignatures:
        text = parse_checkpoint_text(each.checkpoint.note)
        when = verify_cosignature(text, each.witness, TRUST.witnesses[each.witness])
        assert (when, len(text.signatures)) == (each.cosigned_at_s, 2)
        head = HeadVerifier(KEYS).verify_checkpoint(each.checkpoint.checkpoint)
        assert (head.log, head.size, head.root) == (text.origin, text.size, text.root)
    assert await audited(database) == 3


async def test_the_same_again_and_an_older_one_change_nothing(api: Api, log: Tree, database: Database) -> None:
    first = log.head(7, NAMES[0], NAMES[1])
    for checkpoint in (first, first, log.head(3, NAMES[0]), log.head(7, NAMES[1], at_s=NOW_S - 1)):
        assert await api.add(checkpoint) == 7
    assert await api.sizes() == {NAMES[0]: 7, NAMES[1]: 7}
    assert await audited(database) == 1
    # A witness says again, later, that the log stands where it stood.
    assert await api.add(log.head(7, NAMES[1], at_s=NOW_S + 1)) == 7
    assert await audited(database) == 2


async def test_the_newest_head_is_shown_with_who_co_signed_it(api: Api, log: Tree) -> None:
    await api.add(log.head(SIZE, NAMES[0]))
    await api.add(log.head(SIZE, NAMES[2]))
    newest = await api.peer.call(api.stub.GetCheckpoint, pb.GetCheckpointRequest())
    text = parse_checkpoint_text(newest.note)
    assert [each.name for each in text.signatures] == [LOG, NAMES[0], NAMES[2]]


async def test_lines_that_count_for_nothing_are_not_kept_and_in_nobodys_way(api: Api, log: Tree) -> None:
    spoiled = log.head(5, "stranger.example", NAMES[0], NAMES[1])
    # The second witness's line is of another time than it says.
    forged = cosign(log.head(4).note, NAMES[1], WITNESSES[NAMES[1]], timestamp_s=NOW_S).splitlines(keepends=True)[-1]
    spoiled.note = "".join([*spoiled.note.splitlines(keepends=True)[:-1], forged])
    assert await api.add(spoiled) == 0
    (kept,) = (await api.list()).cosignatures
    names = [each.name for each in parse_checkpoint_text(kept.checkpoint.note).signatures]
    assert (kept.witness, names) == (NAMES[0], [LOG, NAMES[0]])


async def test_what_is_not_of_this_log_or_of_no_witness_is_refused(api: Api, log: Tree, database: Database) -> None:
    good = log.head(5, NAMES[0])
    other, _ = head_signer(LOG, ISSUER, SoftwareKey.generate())
    root = tree.root(log.leaves[:5])
    theirs = other.sign(5, root, NOW_S)
    unsigned = cosign(
        sign_checkpoint(LOG, 5, root, SoftwareKey.generate()), NAMES[0], WITNESSES[NAMES[0]], timestamp_s=1
    )
    forged = cosign(log.head(4).note, NAMES[0], WITNESSES[NAMES[0]], timestamp_s=1).splitlines(keepends=True)[-1]
    beyond = log.head(SIZE + 1, NAMES[0], root=bytes(32))
    for checkpoint, reason in (
        (pb.Checkpoint(checkpoint=theirs.checkpoint, note=good.note), "UNKNOWN_HEAD"),
        (pb.Checkpoint(checkpoint=log.head(6).checkpoint, note=good.note), "UNKNOWN_HEAD"),
        (pb.Checkpoint(checkpoint=b"", note=good.note), "UNKNOWN_HEAD"),
        (pb.Checkpoint(checkpoint=good.checkpoint, note=unsigned), "UNKNOWN_HEAD"),
        (beyond, "UNKNOWN_HEAD"),
        (log.head(5, "stranger.example"), "UNKNOWN_WITNESS"),
        (log.head(5), "UNKNOWN_WITNESS"),
        (pb.Checkpoint(checkpoint=good.checkpoint, note=log.head(5).note + forged), "BAD_SIGNATURE"),
        (pb.Checkpoint(checkpoint=good.checkpoint, note="no note"), "BAD_FIELD"),
        (pb.Checkpoint(), "BAD_FIELD"),
    ):
        assert (await api.refused(checkpoint)).reason == reason
    assert (await api.sizes(), await audited(database)) == ({}, 0)


@pytest.mark.parametrize(("size", "reason"), [(5, "LOG_FORKED"), (SIZE + 1, "UNKNOWN_HEAD")])
async def test_a_head_under_the_logs_key_that_its_tree_does_not_have_is_kept_as_evidence(
    api: Api, log: Tree, database: Database, caplog: pytest.LogCaptureFixture, *, size: int, reason: str
) -> None:
    """Of two histories, or of a database that was set back."""
    strange = log.head(size, NAMES[0], NAMES[1], root=bytes(32))
    assert (await api.refused(strange)).reason == reason
    assert (await api.sizes(), await audited(database)) == ({}, 0)
    (record,) = [each for each in caplog.records if hasattr(each, "evidence")]
    assert strange.checkpoint.hex() in getattr(record, "evidence", [])


async def test_who_is_no_longer_of_the_trust_file_counts_no_longer(log: Tree, database: Database, api: Api) -> None:
    await api.add(log.head(7, NAMES[0], NAMES[1]))
    keys = {NAMES[0]: TRUST.witnesses[NAMES[0]], NAMES[1]: SoftwareKey.generate().public}
    async with database.connection() as connection:
        kept = await cosignatures.load(connection, KEYS, TRUST.with_witnesses(keys, 2))
    assert [each.witness for each in kept[LOG]] == [NAMES[0]]
    assert cosignatures.witnessed_size(kept[LOG], 2) == 0


async def test_heads_under_a_key_that_does_not_count_there_any_more_count_no_longer(
    log: Tree, database: Database, api: Api
) -> None:
    await api.add(log.head(7, NAMES[0], NAMES[1]))
    await api.add(log.head(4, NAMES[2]))
    async with database.connection() as connection:
        kept = await cosignatures.load(connection, ring(LOG, ISSUER, KEY, span=LogSpan(0, 5)), TRUST)
    assert [each.witness for each in kept[LOG]] == [NAMES[2]]


async def resting(database: Database, entries: int) -> Resting:
    """The head that so many entries rest on."""
    async with database.snapshot() as connection:
        newest = await published(connection, LOG)
        assert newest is not None
        return await Witnesses(TRUST, KEYS, LOG).rest(connection, newest, entries)


async def rests(database: Database, entries: int, trust: TrustFile = TRUST) -> tuple[int, list[tuple[int, list[int]]]]:
    """The size of the head that so many entries rest on; sizes and joints of what was co-signed."""
    async with database.snapshot() as connection:
        newest = await published(connection, LOG)
        assert newest is not None
        resting = await Witnesses(trust, KEYS, LOG).rest(connection, newest, entries)
        # Under it receipts can be made, however old it is.
        raw = await multi_receipt(connection, resting.head, [0, entries - 1])
        rows = await connection.fetch(
            "SELECT leaf FROM entry WHERE idx = ANY($1::bigint[]) ORDER BY idx", [0, entries - 1]
        )
        HeadVerifier(KEYS).verify_multi_receipt(raw, [row["leaf"] for row in rows])
    said: list[tuple[int, list[int]]] = []
    for each in resting.cosigned:
        text = parse_checkpoint_text(each.checkpoint)
        for joint in each.joints:
            tree.check_consistency(joint.size, resting.head.root, text.size, text.root, joint.path)
        said.append((text.size, [joint.size for joint in each.joints]))
    return resting.head.size, said


async def test_entries_rest_on_the_newest_head_that_enough_have_come_to_and_that_has_them(
    api: Api, log: Tree, database: Database
) -> None:
    assert await rests(database, 4) == (SIZE, [])
    await api.add(log.head(4, NAMES[0]))
    await api.add(log.head(7, NAMES[1]))
    await api.add(log.head(5, NAMES[2]))
    assert await rests(database, 5) == (5, [(5, []), (7, [5])])
    # Of the sixth one witness alone has seen that it is there.
    assert await rests(database, 6) == (SIZE, [(5, []), (7, [])])
    assert await rests(database, 5, TRUST.with_witnesses({}, 0)) == (SIZE, [])


async def test_of_a_log_that_stands_still_it_is_the_head_that_was_signed_last(
    api: Api, log: Tree, database: Database
) -> None:
    """Else what is said under it would be taken for old (STATUS_EXPIRED)."""
    await api.add(log.head(SIZE, NAMES[0], NAMES[1], at_s=NOW_S - AGE_S_MAX))
    async with database.connection() as connection:
        newest = await published(connection, LOG)
    assert newest is not None
    found = await resting(database, SIZE)
    assert found.head.checkpoint == newest.checkpoint != log.head(SIZE, at_s=NOW_S - AGE_S_MAX).checkpoint
    assert len(found.cosigned) == 1


async def test_nothing_rests_on_a_head_that_a_verifier_takes_for_old(api: Api, log: Tree, database: Database) -> None:
    """Witnesses who stay away are told of, and spoil no status for who does not ask for them."""
    old = NOW_S - AGE_S_MAX - 3_600
    await api.add(log.head(7, NAMES[0], NAMES[1], at_s=old))
    assert await rests(database, 5) == (SIZE, [(7, [])])
    # Of one size that head counts which was signed last, whoever co-signed it.
    await api.add(log.head(7, NAMES[1], at_s=NOW_S))
    assert ((await resting(database, 5)).head.size, (await resting(database, 5)).head.signed_at) == (7, NOW_S)


async def test_as_many_lines_as_there_can_be_witnesses_are_said(database: Database, log: Tree, serve: Serve) -> None:
    """One more than a text has room for, with that of the log."""
    keys = {f"w.example/{number}": SoftwareKey.generate() for number in range(32)}
    trust = TRUST.with_witnesses({name: key.public for name, key in keys.items()}, 32)
    async with serve(trust=trust) as scene, scene.peer() as peer:
        reached = 0
        for name, key in keys.items():
            head = log.head(7)
            head.note = cosign(head.note, name, key, timestamp_s=NOW_S)
            reached = await Api(peer).add(head)
        assert reached == 7
    size, said = await rests(database, 7, trust)
    assert (size, said) == (7, [(7, []), (7, [])])


async def test_a_flood_of_deliveries_waits_in_a_queue_of_its_own_that_ends(
    database: Database, log: Tree, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(composition, "QUEUED_MAX", 1)
    verified, read = threading.Event(), cosignatures.read

    def slowly(*given: Any) -> Any:
        assert verified.wait(20)
        return read(*given)

    monkeypatch.setattr(cosignatures, "read", slowly)
    async with serve(trust=TRUST) as scene, scene.peer() as peer:
        api = Api(peer)
        deliveries = [asyncio.create_task(api.add(log.head(7, NAMES[0]))) for _ in range(3)]
        done, _ = await asyncio.wait(deliveries, return_when=asyncio.FIRST_COMPLETED)
        verified.set()
        results = await asyncio.gather(*deliveries, return_exceptions=True)
    reasons = [each.reason if isinstance(each, Error) else each for each in results]
    assert len(done) == 1
    assert sorted(map(str, reasons)) == ["0", "0", "OVERLOADED"]
