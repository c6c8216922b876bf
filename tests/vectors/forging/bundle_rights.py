"""Hostile bundles by what services said of licences and rights, and when; registers of which not all is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from monazite_provenance.contents import (
    DepositType,
    Draw,
    Form,
    LicenceAction,
    Mined,
    QuotaKind,
    RegisterDetails,
)
from monazite_provenance.kinds import EventKind

from tests.unit.provenance.chains import CUSTOMS, ORE, World, lot
from tests.vectors.forging.bundles import bare, case, mined
from tests.vectors.forging.forge import Case
from tests.vectors.forging.seeded import seeded

ACT_ID: Final = bytes([7]) * 16
ABSENCE: Final = "VERIFIED_WITH_GAPS ABSENCE"
NOT_USABLE: Final = "REFUTED LICENCE_NOT_USABLE"


def cases() -> Iterator[Case]:
    """All of them."""
    for name, (attacks, build, expected) in HISTORIES.items():
        with seeded():
            yield case(name, attacks, build(), expected)


def _exported(
    *before: LicenceAction, after: tuple[LicenceAction, ...] = (), voided: bool = False, **claims: object
) -> bytes:
    """A lot taken out under a licence that was changed before its intent and after it."""
    world, head = mined()
    licence_id = world.licence("mine", 1_000)
    offered = world.offer_out("mine", head, licence_id)
    _change(world, licence_id, before, claims)
    intent = world.intent(licence_id, {offered: 1_000}, act_id=ACT_ID)
    _change(world, licence_id, after, claims)
    if voided:
        world.void(ACT_ID)
        return bare(world, offered)
    return bare(world, world.take_out(offered, 1_000, [intent])[0])


def _change(world: World, licence_id: bytes, actions: tuple[LicenceAction, ...], claims: dict[str, object]) -> None:
    for action in actions:
        world.change_licence(licence_id, action, **claims)


def _settled_elsewhere() -> bytes:
    world = World.new("mine")
    content = lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE)
    head = world.mine("mine", content, settle=False)
    drawn_at = world.registers.places[head.statement_id].index
    world.settle(world.ids[1], head.statement_id, content.reo_mg, drawn_at + 1)
    return bare(world, head)


def _register_half_shown(form: Form, drawn_lots: int) -> bytes:
    """Two lots of a mine, the second of which is not disclosed."""
    world = World.new("mine")
    lots = [lot("mine", form, 1_000, ORE) for _ in range(2)]
    drawn_mg = drawn_lots * lots[0].reo_mg or 1
    right_id = world.right("mine", QuotaKind.MINING_ROCK, drawn_mg)
    details = RegisterDetails(Mined("Bayan Obo", "C100", DepositType.ROCK), (Draw(right_id, drawn_mg),))
    head, _hidden = world.step(EventKind.REGISTER, "mine", details, lots, refs=[right_id])
    return world.encode(head, [*world.items[:-1], world.items[-1].redact((0,))])


SUSPEND, REINSTATE, REVOKE, SURRENDER = LicenceAction
HISTORIES: Final[dict[str, tuple[str, Callable[[], bytes], str]]] = {
    "register-good-half-shown": (
        "nothing: one lot of a mine, and its right, without the other",
        lambda: _register_half_shown(Form.ORE_CONCENTRATE, 2),
        "VERIFIED_WITH_GAPS ABSENCE NOT_DISCLOSED UNSETTLED_RIGHT",
    ),
    "register-of-another-form-half-shown": (
        "a mine that gives separated oxides, and hides a sibling",
        lambda: _register_half_shown(Form.SEPARATED_COMPOUND, 2),
        "REFUTED STEP_NOT_ALLOWED",
    ),
    "register-on-too-little-half-shown": (
        "the lot that is shown needs more than was drawn for both",
        lambda: _register_half_shown(Form.ORE_CONCENTRATE, 0),
        "VERIFIED_WITH_GAPS ABSENCE NOT_DISCLOSED QUOTA_NOT_COVERED UNSETTLED_RIGHT",
    ),
    "settled-at-another-place": (
        "quota settles the draw as if it stood elsewhere in the log",
        _settled_elsewhere,
        "REFUTED LOG_PROBLEM",
    ),
    "licence-good-reinstated": (
        "nothing: the suspension ended before the intent",
        lambda: _exported(SUSPEND, REINSTATE),
        ABSENCE,
    ),
    "licence-good-revoked-after": (
        "nothing: the licence ended behind the intent",
        lambda: _exported(after=(REVOKE,)),
        ABSENCE,
    ),
    "licence-good-revoked-and-voided": (
        "nothing: what was intended under the ended licence did not leave",
        lambda: _exported(REVOKE, voided=True),
        ABSENCE,
    ),
    "licence-suspended-before": ("an intent under a suspended licence", lambda: _exported(SUSPEND), NOT_USABLE),
    "licence-revoked-before": ("an intent under a revoked licence", lambda: _exported(REVOKE), NOT_USABLE),
    "licence-surrendered-before": ("an intent under a licence given up", lambda: _exported(SURRENDER), NOT_USABLE),
    "licence-revoked-and-reinstated": (
        "what was revoked does not come back",
        lambda: _exported(REVOKE, REINSTATE),
        NOT_USABLE,
    ),
    "licence-changed-by-customs": (
        "a reinstatement that no officer of licensing commanded",
        lambda: _exported(SUSPEND, REINSTATE, on_behalf=CUSTOMS),
        "REFUTED STEP_NOT_ALLOWED",
    ),
}
