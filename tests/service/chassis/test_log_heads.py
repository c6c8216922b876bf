"""Heads: in every form, by keys that the root certified for this log and size; one history, whatever is repeated."""

from __future__ import annotations

from pathlib import Path

import pytest
from monazite_provenance import tree
from monazite_provenance.checkpoints import parse_checkpoint_text, verify_cosignature, verify_log_signature
from monazite_provenance.errors import KeyProblem, Retired
from monazite_provenance.keys import Algorithm, SoftwareKey
from monazite_provenance.places import LogSpan
from monazite_provenance.receipts import HeadVerifier

from services.chassis.database import Connection, Database
from services.chassis.log import memory
from services.chassis.log.heads import HeadSigner
from services.chassis.log.memory import Memory, SetBack, Signed, Stored
from services.chassis.sequencer import Batch, LostLead, Sequencer, read_pending
from services.chassis.settings import BadSettings
from tests.fakes.log_keys import head_signer, ring
from tests.service.chassis.logs import ISSUER, sequencer, store_entries
from tests.service.chassis.till import LOG

ROOT = tree.root([bytes([number]) * 32 for number in range(5)])


@pytest.mark.parametrize("algorithm", [Algorithm.ML_DSA_44, Algorithm.ML_DSA_65])
def test_a_second_key_signs_the_same_head(algorithm: Algorithm) -> None:
    key, second = SoftwareKey.generate(Algorithm.ED25519), SoftwareKey.generate(algorithm)
    signer, keys = head_signer(LOG, ISSUER, key, second)
    head = signer.sign(5, ROOT, 1_700_000_000)
    verifier = HeadVerifier(keys)
    assert verifier.verify_checkpoint(head.checkpoint) == verifier.verify_checkpoint(head.cosigned)
    note = parse_checkpoint_text(head.note)
    assert (note.origin, note.size, note.root) == (LOG, 5, ROOT)
    verify_log_signature(note, key.public)
    # Text has a form for ML-DSA-44 alone.
    assert len(note.signatures) == (2 if algorithm is Algorithm.ML_DSA_44 else 1)
    if algorithm is Algorithm.ML_DSA_44:
        assert verify_cosignature(note, LOG, second.public) == 1_700_000_000


def test_a_key_that_is_not_ed25519_signs_no_text() -> None:
    signer, keys = head_signer(LOG, ISSUER, SoftwareKey.generate(Algorithm.ESP256))
    head = signer.sign(5, ROOT, 1)
    assert (head.note, head.cosigned) == ("", b"")
    assert HeadVerifier(keys).verify_checkpoint(head.checkpoint).root == ROOT


def test_only_keys_that_were_certified_for_the_log_sign() -> None:
    key, stranger = SoftwareKey.generate(Algorithm.ED25519), SoftwareKey.generate(Algorithm.ED25519)
    for log, issuer, keys in (
        (LOG, ISSUER, ring(LOG, ISSUER, stranger)),
        (LOG, ISSUER, ring("urn:monazite:log:till:1", ISSUER, key)),
        (LOG, ISSUER, ring(LOG, "spiffe://monazite.example/service/other", key)),
    ):
        with pytest.raises(BadSettings, match="the root certified no key"):
            HeadSigner(log, issuer, key, keys)
    with pytest.raises(BadSettings):
        HeadSigner(LOG, ISSUER, key, ring(LOG, ISSUER, key), stranger)


def test_a_key_signs_no_head_of_a_size_that_it_is_not_good_for() -> None:
    key = SoftwareKey.generate(Algorithm.ED25519)
    signer = HeadSigner(LOG, ISSUER, key, ring(LOG, ISSUER, key, span=LogSpan(2, 5)))
    signer.sign(5, ROOT, 1)
    with pytest.raises(Retired):
        signer.sign(6, ROOT, 1)
    with pytest.raises(KeyProblem):
        signer.sign(1, ROOT, 1)


async def test_a_batch_that_was_signed_and_not_published_comes_again_as_it_was(
    database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "signed"
    await store_entries(database, [1] * 3)
    one = sequencer(database, Memory(path, LOG))
    await one.step()
    await store_entries(database, [1] * 5)
    async with database.connection() as connection:
        epoch = await one.lead(connection)
        assert epoch is not None
        base = await one.load(connection)
        pending = await read_pending(connection)
        # In an order that it would not come to by itself: only what it remembers says so.
        signed = one.prepare(epoch, base.edge, list(reversed(pending)))
    # It dies here. More comes, and the next process goes on.
    await store_entries(database, [1] * 4)
    await database.pool.execute("UPDATE lease SET expires_at = '-infinity'")
    another = sequencer(database, Memory(path, LOG))
    await another.check()
    assert await another.step() == 5
    rows = await database.pool.fetch("SELECT statement_id, leaf FROM entry WHERE idx IS NOT NULL ORDER BY idx")
    assert [row["statement_id"] for row in rows[3:]] == [entry.statement_id for entry in signed.entries]
    assert tree.root([row["leaf"] for row in rows]) == signed.head.root
    assert await another.step() == 4


async def signed_and_not_published(one: Sequencer, connection: Connection) -> tuple[int, Batch]:
    epoch = await one.lead(connection)
    assert epoch is not None
    base = await one.load(connection)
    return epoch, one.prepare(epoch, base.edge, await read_pending(connection))


async def test_who_wakes_up_after_its_lease_went_to_another_publishes_nothing_beside_it(
    database: Database, tmp_path: Path
) -> None:
    """Else the successor, which had signed by then, would find the entries of an earlier epoch where its own should
    stand, and take an honest database for one that was set back."""
    paused = sequencer(database, Memory(tmp_path / "paused", LOG))
    successor = sequencer(database, Memory(tmp_path / "successor", LOG))
    await store_entries(database, [1] * 3)
    async with database.connection() as connection:
        late = await signed_and_not_published(paused, connection)
        await database.pool.execute("UPDATE lease SET expires_at = '-infinity'")
        await store_entries(database, [1] * 2)
        now = await signed_and_not_published(successor, connection)
        with pytest.raises(LostLead):
            await paused.publish(connection, *late)
        await successor.publish(connection, *now)
    for each in (paused, successor):
        await each.check()


async def test_what_another_publishes_during_the_first_look_is_no_set_back(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "signed"
    await store_entries(database, [1] * 3)
    async with database.connection() as connection:
        await signed_and_not_published(sequencer(database, Memory(path, LOG)), connection)
    await database.pool.execute("UPDATE lease SET expires_at = '-infinity'")
    look = memory.unfinished

    async def look_slowly(signed: Signed, stored: Stored) -> tuple[bytes, ...]:
        found = await look(signed, stored)
        assert await sequencer(database).step() == 3
        return found

    monkeypatch.setattr(memory, "unfinished", look_slowly)
    await sequencer(database, Memory(path, LOG)).check()


async def test_a_database_without_the_entries_that_were_signed_is_refused(database: Database, tmp_path: Path) -> None:
    remembered = Memory(tmp_path / "signed", LOG)
    await store_entries(database, [1] * 3)
    one = sequencer(database, remembered)
    async with database.connection() as connection:
        epoch = await one.lead(connection)
        assert epoch is not None
        one.prepare(epoch, (await one.load(connection)).edge, await read_pending(connection))
    await database.pool.execute("ALTER TABLE entry DISABLE TRIGGER USER")
    await database.pool.execute("DELETE FROM entry WHERE idx IS NULL")
    with pytest.raises(SetBack, match="are not in the database"):
        await sequencer(database, remembered).check()


async def test_a_tree_that_was_tampered_with_is_not_signed_over(database: Database, tmp_path: Path) -> None:
    remembered = Memory(tmp_path / "signed", LOG)
    await store_entries(database, [1] * 3)
    await sequencer(database, remembered).step()
    await database.pool.execute("ALTER TABLE entry DISABLE TRIGGER USER")
    await database.pool.execute("UPDATE entry SET leaf = decode(repeat('00', 32), 'hex') WHERE idx = 1")
    with pytest.raises(SetBack, match="not the one that was signed"):
        await sequencer(database, remembered).check()
