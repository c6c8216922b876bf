"""Hostile bundles by what was said otherwise since: corrections that free rights, adjustments that make matter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from monazite_provenance.contents import (
    AdjustDetails,
    CorrectDetails,
    Corrected,
    DepositType,
    Draw,
    Form,
    LotContent,
    LotField,
    Mined,
    QuotaKind,
    RegisterDetails,
)
from monazite_provenance.kinds import EventKind
from monazite_provenance.statement import Outpoint

from tests.unit.provenance.chains import ORE, World, lot, rows, scaled
from tests.vectors.forging.bundles import bare, case
from tests.vectors.forging.forge import Case
from tests.vectors.forging.seeded import seeded

UNSETTLED: Final = "VERIFIED_WITH_GAPS ABSENCE UNSETTLED_RIGHT"
NOT_ALLOWED: Final = "REFUTED STEP_NOT_ALLOWED"
NOT_CONSERVED: Final = "REFUTED MASS_NOT_CONSERVED"
HELD_G: Final = 1_000


def cases() -> Iterator[Case]:
    """All of them."""
    for name, (attacks, build, expected) in AMENDED.items():
        with seeded():
            yield case(name, attacks, build(), expected)


def _of(tenths: int) -> LotContent:
    return lot("mine", Form.ORE_CONCENTRATE, HELD_G, scaled(ORE, tenths, 2))


def _mined(world: World, right_id: bytes, content: LotContent) -> Outpoint:
    """A lot on a right, its draw settled."""
    details = RegisterDetails(Mined("Bayan Obo", "C100", DepositType.ROCK), (Draw(right_id, content.reo_mg),))
    (head,) = world.step(EventKind.REGISTER, "mine", details, [content], refs=[right_id])
    world.settle(right_id, head.statement_id, content.reo_mg)
    return head


def _split_and_corrected(tenths: int, drawn_tenths: int) -> tuple[World, Outpoint, Outpoint, bytes, bytes]:
    """Ten tenths on a right of twelve, split in two; corrected to other ones, on a draw of others."""
    world = World.new("mine")
    ore, tenth_mg = _of(10), _of(10).reo_mg // 10
    right_id = world.right("mine", QuotaKind.MINING_ROCK, 12 * tenth_mg)
    head = _mined(world, right_id, ore)
    left, right = world.split("mine", head, HELD_G // 2, HELD_G // 2)
    said = world.lots[head]._replace(rows=rows(scaled(ORE, tenths, 2)))
    draw = Draw(right_id, drawn_tenths * tenth_mg)
    details = CorrectDetails(head, (LotField.ROWS,), "TYPO", (draw,), said)
    world.step(EventKind.CORRECT, "mine", details, [], refs=sorted((head.statement_id, right_id)))
    return world, left, right, world.ids[-1], right_id


def _corrected(tenths: int, drawn_tenths: int) -> bytes:
    world, left, *_ = _split_and_corrected(tenths, drawn_tenths)
    return bare(world, left)


def _drawn_again() -> bytes:
    world, left, _right, _correction, right_id = _split_and_corrected(6, 10)
    return bare(world, world.merge("mine", left, _mined(world, right_id, _of(4))))


def _adjusted(*of_each_half: int) -> bytes:
    """After a correction by two tenths more, each half is said to have so many tenths instead of five."""
    world, *halves, correction, _right_id = _split_and_corrected(12, 12)
    last = halves[0]
    for half, tenths in zip(halves, of_each_half, strict=False):
        assert isinstance(half, Outpoint)
        new = world.lots[half]._replace(rows=rows(scaled(ORE, tenths, 2)))
        details = AdjustDetails(Corrected(correction), "CORRECTED")
        (last,) = world.step(EventKind.ADJUST, "mine", details, [new], [half], refs=[correction])
    assert isinstance(last, Outpoint)
    return bare(world, last)


AMENDED: Final[dict[str, tuple[str, Callable[[], bytes], str]]] = {
    "correction-good-to-less": (
        "nothing: a spent lot had been less, and its right stays charged",
        lambda: _corrected(6, 10),
        "VERIFIED_WITH_GAPS ABSENCE",
    ),
    "correction-good-to-more": (
        "nothing: a spent lot had been more, which is drawn too",
        lambda: _corrected(12, 12),
        UNSETTLED,
    ),
    "correction-frees-what-lives-on": (
        "what was spent is said to be less, and its right to bear that much again",
        lambda: _corrected(6, 6),
        NOT_ALLOWED,
    ),
    "correction-frees-what-is-needed": (
        "more is said to have been mined, on less of the right",
        lambda: _corrected(12, 8),
        NOT_ALLOWED,
    ),
    "correction-and-drawn-again": (
        "the right of a lot that had been less is drawn for another",
        _drawn_again,
        "REFUTED RIGHT_EXCEEDED",
    ),
    "adjustment-good": ("nothing: both halves take their part of the correction", lambda: _adjusted(6, 6), UNSETTLED),
    "adjustment-good-by-one": ("nothing: one half takes all of it", lambda: _adjusted(7), UNSETTLED),
    "adjustment-beyond-its-correction": ("a half takes twice of it", lambda: _adjusted(9), NOT_CONSERVED),
    "adjustments-beyond-their-correction": ("each half takes all of it", lambda: _adjusted(7, 7), NOT_CONSERVED),
}
