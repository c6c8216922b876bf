"""Bundles of the world of the tests in several pages."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from monazite_provenance.bundle import Sheet, write_pages
from monazite_provenance.item import Item
from monazite_provenance.statement import Outpoint

from tests.unit.provenance.chains import NOW_S, World


def sheets(world: World, items: Sequence[Item], ends: Sequence[int]) -> list[Sheet]:
    """These items, a page from each end to the next, each page with receipts for its own."""
    borders = [0, *sorted({end for end in ends if 0 < end < len(items)}), len(items)]
    pages = [items[start:end] for start, end in pairwise(borders)]
    return [Sheet([item.encode() for item in page], world.registers.listings(page, NOW_S)) for page in pages]


def in_pages(world: World, target: Outpoint, items: Sequence[Item], ends: Sequence[int]) -> list[bytes]:
    """The bundle for a target, page by page."""
    pages: list[bytes] = []
    for piece in write_pages(target, sheets(world, items, ends)):
        if piece[:1] in (b"\x83", b"\x85"):
            pages.append(b"")
        pages[-1] += piece
    return pages
