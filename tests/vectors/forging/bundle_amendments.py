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
from monazite_provenance.redaction import Omission, omit
from monazite_provenance.statement import Outpoint

from tests.unit.provenance.chains import ORE, World, lot, rows, scaled
from tests.vectors.forging.bundles import bare, case
from tests.vectors.forging.forge import Case
from tests.vectors.forging.seeded import seeded

UNSETTLED: Final = "VERIFIED_WITH_GAPS ABSENCE UNSETTLED_RIGHT"
NOT_ALLOWED: Final = "REFUTED STEP_NOT_ALLOWED"
LOG_PROBLEM: Final = "REFUTED LOG_PROBLEM"
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
    world, left, right, correction, _right_id = _split_and_corrected(12, 12)
    last = left
    for half, tenths in zip((left, right), of_each_half, strict=False):
        last = _follow(world, half, tenths, correction)
    return bare(world, last)


def _follow(world: World, half: Outpoint, tenths: int, correction: bytes, *, spends: bool = True) -> Outpoint:
    """A half is said to have so many tenths, after a correction."""
    new = world.lots[half]._replace(rows=rows(scaled(ORE, tenths, 2)))
    details = AdjustDetails(Corrected(correction), "CORRECTED")
    return world.step(EventKind.ADJUST, "mine", details, [new], [half] if spends else [], refs=[correction])[0]


def _adjusted_nothing() -> bytes:
    world, left, right, correction, _right_id = _split_and_corrected(12, 12)
    _follow(world, left, 6, correction, spends=False)
    return bare(world, right)


def _said_again(world: World, right_id: bytes, tenths: int) -> bytes:
    """What was split is corrected once more, to so many tenths; all that was drawn stays. Gives the correction."""
    head = next(each for each, content in world.lots.items() if content.gross_g == HELD_G)
    said = world.lots[head]._replace(rows=rows(scaled(ORE, tenths, 2)))
    draw = Draw(right_id, 12 * _of(10).reo_mg // 10)
    details = CorrectDetails(head, (LotField.ROWS,), "TYPO", (draw,), said)
    world.step(EventKind.CORRECT, "mine", details, [], refs=sorted((head.statement_id, right_id)))
    return world.ids[-1]


def _down_and_up() -> bytes:
    """Two tenths more, taken up; none more; two more once again, taken up once again."""
    world, left, right, correction, right_id = _split_and_corrected(12, 12)
    _follow(world, left, 7, correction)
    _said_again(world, right_id, 10)
    return bare(world, _follow(world, right, 7, _said_again(world, right_id, 12)))


def _said_less_since(*swapped: int) -> bytes:
    """Of imported goods two tenths more, then two fewer; then a half takes up the two more. Two of these may be told
    `swapped`.
    """
    world = World.new("mine")
    head = world.bring_in("mine", _of(10))
    left, _right = world.split("mine", head, HELD_G // 2, HELD_G // 2)
    for tenths in (12, 8):
        said = world.lots[head]._replace(rows=rows(scaled(ORE, tenths, 2)))
        details = CorrectDetails(head, (LotField.ROWS,), "TYPO", (), said)
        world.step(EventKind.CORRECT, "mine", details, [], refs=[head.statement_id])
    last = _follow(world, left, 7, world.ids[-2])
    items = list(world.items)
    for here, there in zip(swapped, reversed(swapped), strict=True):
        items[here] = world.items[there]
    return world.encode(last, items)


def _taken_up_hidden() -> bytes:
    """Each half takes all of it; what the first says is left out."""
    world, left, right, correction, _right_id = _split_and_corrected(12, 12)
    hidden = _follow(world, left, 7, correction)
    last = _follow(world, right, 7, correction)
    return world.encode(last, list(omit(world.items, {Omission(hidden.statement_id, None)})))


def _adjustment_corrected(tenths: int) -> bytes:
    """A half took one tenth of two; then it is said that it should have been of so many twentieths, not twelve."""
    world, left, _right, correction, _right_id = _split_and_corrected(12, 12)
    head = _follow(world, left, 6, correction)
    new = world.lots[head]._replace(rows=rows(scaled(ORE, tenths, 4)))
    details = CorrectDetails(head, (LotField.ROWS,), "TYPO")
    (corrected,) = world.step(EventKind.CORRECT, "mine", details, [new], [head])
    return bare(world, corrected)


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
    "adjustment-of-nothing": ("an adjustment after a correction spends nothing", _adjusted_nothing, NOT_ALLOWED),
    "adjustment-hidden": (
        "each half takes all of it, and the first is hidden",
        _taken_up_hidden,
        "CANNOT_TELL UNDISCLOSED",
    ),
    "adjustment-good-corrected": (
        "nothing: a half took less of its correction than was said",
        lambda: _adjustment_corrected(11),
        UNSETTLED,
    ),
    "adjustment-corrected-beyond": (
        "a half is corrected to more than it took of its correction",
        lambda: _adjustment_corrected(14),
        NOT_CONSERVED,
    ),
    "corrections-down-and-up": (
        "what was taken up is taken up again after two corrections",
        _down_and_up,
        NOT_CONSERVED,
    ),
    "correction-not-the-last": (
        "a half takes up what was no longer said",
        _said_less_since,
        NOT_CONSERVED,
    ),
    "corrections-against-their-log": (
        "the last correction is told as the first",
        lambda: _said_less_since(-3, -2),
        LOG_PROBLEM,
    ),
    "correction-told-too-late": (
        "an adjustment is told before a correction that it stands behind",
        lambda: _said_less_since(-2, -1),
        LOG_PROBLEM,
    ),
}
