"""A lot that comes back to where it was cut, under the id that it had: a bundle of it begins at two cuts of one id."""

from __future__ import annotations

from typing import NamedTuple

from monazite_provenance.contents import AcceptLine, Form
from monazite_provenance.item import Item
from monazite_provenance.kinds import EventKind
from monazite_provenance.statement import Outpoint, parse

from tests.unit.provenance.chains import ORE, World, enterprise, lot

PARTIES = ("plant", "trader")


class Taken(NamedTuple):
    """The heads of a lot that went to a trader and came back, `returned` what the trader sent back at once."""

    first: Outpoint
    offered: Outpoint
    kept: Outpoint
    returned: Outpoint
    back: Outpoint
    second: Outpoint
    merged: Outpoint
    cuts: tuple[bytes, bytes]


def taken_back() -> tuple[World, Taken]:
    """A lot with a cut goes to a trader, who sends a part back at once and later the rest, under the lot's own id;
    there it is cut once more, and both merge.
    """
    world = World.new(*PARTIES)
    first = world.bring_in("plant", lot("plant", Form.ORE_CONCENTRATE, 2_000, ORE))
    cut = world.cut(first)
    offered = world.offer("plant", first, enterprise("trader"))
    kept, returned = world.accept("trader", offered, AcceptLine(1_500, 500, 0, "PART"))
    back = world.offer("trader", kept, enterprise("plant"))
    (second,) = world.accept("plant", back)
    cuts = cut, world.cut(second)
    merged = world.merge("plant", second, returned)
    return world, Taken(first, offered, kept, returned, back, second, merged, cuts)


def only(world: World, *statement_ids: bytes) -> list[Item]:
    """The keys, and the items with these ids, in the order of their making."""
    return [
        item
        for item, each in zip(world.items, world.ids, strict=True)
        if each in statement_ids or parse(item.statement).claims.kind is EventKind.KEYS
    ]


def from_cuts(world: World, heads: Taken) -> list[Item]:
    """What the registry sends a holder of `merged`: nothing that only the cuts stand for."""
    return only(world, *heads.cuts, *(each.statement_id for each in (heads.offered, heads.kept, heads.merged)))
