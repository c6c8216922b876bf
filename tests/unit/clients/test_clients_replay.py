"""`monazite log verify` rebuilds a log and names the first entry that is not what was signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monazite.transparency.v1.transparency_pb2 import Checkpoint, Entry, StreamEntriesResponse
from monazite.type.v1.statement_pb2 import StatementItem
from monazite_provenance import tree
from monazite_provenance.contents import RightClosedDetails, encode
from monazite_provenance.draft import draft
from monazite_provenance.item import Item
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.kinds import EventKind
from monazite_provenance.monitor import Replay
from monazite_provenance.receipts import HeadVerifier
from monazite_provenance.statement import Claims, log_leaf, parse

from clients.admin.replay import Diverged, take
from services.chassis.log.heads import HeadSigner
from tests.fakes.log_keys import head_signer

LOG = "urn:monazite:log:registry:0"
ISSUER = "spiffe://monazite.example/service/registry"
SIGNER, KEYS = head_signer(LOG, ISSUER)
KEY = SoftwareKey.generate()


def item(number: int) -> Item:
    claims = Claims(ISSUER, "urn:monazite:lot:x", number, EventKind.RIGHT_CLOSED, refs=(bytes(32),))
    return draft(claims, (), encode(RightClosedDetails(bytes(32), number, "RELEASED")), KEY.public).sign(KEY)


ITEMS = [item(number) for number in range(40)]
OTHER = item(1_000)


class Served:
    """A log that signed `signed` and shows `shown`."""

    def __init__(self, signed: Sequence[Item], shown: Sequence[Item], signer: HeadSigner = SIGNER) -> None:
        self.leaves = [log_leaf(one.statement) for one in signed]
        self.shown = list(shown)
        self.head = signer.sign(len(signed), tree.root(self.leaves), 1)
        self.asked: list[int] = []

    def path_of(self, old_size: int, size: int) -> list[bytes]:
        return [tree.root(self.leaves[low:high]) for low, high in tree.consistency_ranges(old_size, size)]

    async def path(self, old_size: int, size: int) -> Sequence[bytes]:
        self.asked.append(old_size)
        return self.path_of(old_size, size)

    def pages(self, page_size: int) -> list[StreamEntriesResponse]:
        return [
            StreamEntriesResponse(
                entries=[
                    Entry(
                        index=start + number,
                        statement_id=parse(one.statement).statement_id,
                        item=StatementItem(item=one.encode()),
                    )
                    for number, one in enumerate(self.shown[start : start + page_size])
                ],
                next_index=min(start + page_size, len(self.shown)),
                checkpoint=Checkpoint(log=LOG, checkpoint=self.head.checkpoint),
                consistency=self.path_of(min(start + page_size, len(self.shown)), len(self.leaves)),
            )
            for start in range(0, len(self.shown), page_size)
        ]


async def replayed(served: Served, page_size: int) -> Replay:
    replay = Replay()
    for page in served.pages(page_size):
        await take_next(replay, page, served)
    return replay


async def take_next(replay: Replay, page: StreamEntriesResponse, served: Served) -> None:
    await take(replay, page, HeadVerifier(KEYS).verify_checkpoint(page.checkpoint.checkpoint), served.path)


@pytest.mark.parametrize("page_size", [1, 7, 40, 100])
async def test_a_log_that_shows_what_it_signed_is_rebuilt(page_size: int) -> None:
    served = Served(ITEMS, ITEMS)
    head = HeadVerifier(KEYS).verify_checkpoint(served.head.checkpoint)
    (await replayed(served, page_size)).check(head)
    assert served.asked == []


@settings(max_examples=40)
@given(wrong=st.integers(0, 39), page_size=st.integers(1, 40))
async def test_the_first_divergent_entry_is_named(wrong: int, page_size: int) -> None:
    shown = [*ITEMS[:wrong], OTHER, *ITEMS[wrong + 1 :]]
    served = Served(ITEMS, shown)
    with pytest.raises(Diverged) as caught:
        await replayed(served, page_size)
    assert caught.value.index == wrong
    assert caught.value.checkpoint == served.head.checkpoint
    assert len(served.asked) <= page_size.bit_length()


async def test_an_entry_that_cannot_be_read_or_stands_elsewhere_is_named() -> None:
    served = Served(ITEMS, ITEMS)
    for spoil in ("item", "index", "statement_id"):
        pages = served.pages(10)
        entry = pages[1].entries[3]
        match spoil:
            case "item":
                entry.item.item = b"junk"
            case "index":
                entry.index = 7
            case _:
                entry.statement_id = bytes(32)
        replay = Replay()
        await take_next(replay, pages[0], served)
        with pytest.raises(Diverged, match="entry 13"):
            await take_next(replay, pages[1], served)


async def test_openings_do_not_matter_since_the_log_signed_none() -> None:
    bare = [replace(one, details=None) for one in ITEMS]
    assert (await replayed(Served(ITEMS, bare), 40)).frontier.size == 40
