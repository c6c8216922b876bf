"""Hostile bundles by what the registry says in them: statuses and cuts that are wrong, false, stale or of another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from monazite_provenance.contents import Form, StatusDetails, decode_details
from monazite_provenance.draft import draft
from monazite_provenance.item import Item
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import lot_urn
from monazite_provenance.statement import Claims, OnBehalf, Outpoint, parse

from tests.unit.provenance.chains import (
    AT_S,
    INSPECTOR,
    LOG,
    NOW_S,
    ORE,
    World,
    enterprise,
    lot,
    service,
)
from tests.unit.provenance.registers import Register
from tests.unit.provenance.taken_back import from_cuts, only, taken_back
from tests.vectors.forging.bundles import QUOTA_LOG, bare, case, mined, sold, written
from tests.vectors.forging.forge import Case, digest
from tests.vectors.forging.seeded import seeded

DAY_S: Final = 24 * 3600
WEEK_S: Final = 7 * 24 * 3600
Word = Callable[[], tuple[World, Outpoint, Item]]


def cases() -> Iterator[Case]:
    """All of them."""
    for name, (attacks, status, expected) in STATUSES.items():
        with seeded():
            world, target = sold()
            data = world.encode(target, [*world.items, status(world, target)])
            yield case(f"status-{name}", attacks, data, expected)
    with seeded():
        yield from _placed_statuses(*sold())
    for name, (attacks, build, expected) in CUTS.items():
        with seeded():
            yield case(f"cut-{name}", attacks, build(), expected)


def _signed(
    world: World,
    target: Outpoint,
    like: Item,
    *,
    signer: str = "registry",
    on_behalf: str | None = None,
    **claims: object,
) -> Item:
    """A status with the details of another, by another key or with other claims."""
    assert like.details is not None
    behalf = None if on_behalf is None else OnBehalf(on_behalf, bytes(32), bytes(16))
    issuer = service(signer) if signer in ("registry", "quota") else enterprise(signer)
    subject = lot_urn(world.lots[target].lot_id)
    said = Claims(issuer, subject, NOW_S, EventKind.STATUS, (), (target.statement_id,), behalf)
    said = said._replace(**claims)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    key = world.keys[signer]
    return draft(said, (), like.details.content, key.public, salts=digest_salts).sign(key)


def digest_salts(size: int) -> bytes:
    """Salts that are always the same."""
    return digest("salt of a status")[:size]


def _checkpoints(world: World, target: Outpoint) -> tuple[bytes, ...]:
    details = world.status(target).details
    assert details is not None
    found = decode_details(EventKind.STATUS, details.content)
    assert isinstance(found, StatusDetails)
    return found.checkpoints


def _stale(world: World, target: Outpoint) -> Item:
    registers = world.registers.logs
    older = registers[LOG].head(NOW_S, registers[LOG].size - 1).checkpoint()
    return world.status(target, checkpoints=(older, *_checkpoints(world, target)[1:]))


def _of_long_before(world: World, target: Outpoint) -> Item:
    older = world.registers.logs[LOG].head(NOW_S - DAY_S - 1).checkpoint()
    return world.status(target, checkpoints=(older, *_checkpoints(world, target)[1:]))


def _forked(world: World, target: Outpoint) -> Item:
    register = world.registers.logs[LOG]
    other = Register(LOG, register.issuer, register.key)
    for number in range(register.size):
        other.append(digest(f"entry {number}"))
    return world.status(target, checkpoints=(other.head(NOW_S).checkpoint(), *_checkpoints(world, target)[1:]))


STATUSES: Final[dict[str, tuple[str, Callable[[World, Outpoint], Item], str]]] = {
    "spent": (
        "what the target was spent by is known",
        lambda world, target: world.status(target, spender=digest("spender")),
        "REFUTED HEAD_SPENT",
    ),
    "held": (
        "a hold that the bundle leaves out",
        lambda world, target: world.status(target, holds=(digest("hold"),)),
        "VERIFIED_WITH_GAPS ON_HOLD",
    ),
    "expired": (
        "it expired a second before",
        lambda world, target: world.status(target, expires_at=AT_S),
        "VERIFIED_WITH_GAPS STATUS_EXPIRED",
    ),
    "of-tomorrow": (
        "it is dated ahead",
        lambda world, target: world.status(target, issued_at=AT_S + 301),
        "VERIFIED_WITH_GAPS STATUS_EXPIRED",
    ),
    "good-for-too-long": (
        "a second over a week",
        lambda world, target: world.status(target, expires_at=NOW_S + WEEK_S + 1),
        "VERIFIED_WITH_GAPS STATUS_EXPIRED",
    ),
    "of-a-log-of-long-before": (
        "a second over a day after the checkpoint that it rests on",
        _of_long_before,
        "VERIFIED_WITH_GAPS STATUS_EXPIRED",
    ),
    "digest-wrong": (
        "of other statements than these",
        lambda world, target: world.status(target, digest=digest("others")),
        "VERIFIED_WITH_GAPS INCOMPLETE",
    ),
    "count-wrong": (
        "of one statement more",
        lambda world, target: world.status(target, count=len(world.items) + 1),
        "VERIFIED_WITH_GAPS INCOMPLETE",
    ),
    "of-another-outpoint": (
        "of the lot before it was sold",
        lambda world, target: world.status(target, outpoint=Outpoint(target.statement_id, 1)),
        "REFUTED BAD_FIELD",
    ),
    "of-another-lot": (
        "its subject is another lot",
        lambda world, target: _signed(world, target, world.status(target), subject=lot_urn("RE-CN3G-QXNN-YD5J-F")),
        "REFUTED BAD_FIELD",
    ),
    "refers-elsewhere": (
        "it refers to another statement",
        lambda world, target: _signed(world, target, world.status(target), refs=(world.ids[0],)),
        "REFUTED BAD_FIELD",
    ),
    "by-the-holder": (
        "the holder's word on its own lot",
        lambda world, target: _signed(world, target, world.status(target), signer="plant"),
        "REFUTED EVENT_NOT_ALLOWED",
    ),
    "by-quota": (
        "another service's word",
        lambda world, target: _signed(world, target, world.status(target), signer="quota"),
        "REFUTED EVENT_NOT_ALLOWED",
    ),
    "on-behalf": (
        "not the registry's own word",
        lambda world, target: _signed(world, target, world.status(target), on_behalf=INSPECTOR),
        "REFUTED ISSUER_MISMATCH",
    ),
    "under-an-older-head": (
        "the registry had not seen what the bundle shows",
        _stale,
        "CANNOT_TELL STALE_HEAD",
    ),
    "without-checkpoints-of-peers": (
        "it says nothing of quota's log",
        lambda world, target: world.status(target, checkpoints=_checkpoints(world, target)[:1]),
        "CANNOT_TELL STALE_HEAD",
    ),
    "without-its-own-checkpoint": (
        "it begins with another log's checkpoint",
        lambda world, target: world.status(target, checkpoints=_checkpoints(world, target)[1:]),
        "REFUTED BAD_FIELD",
    ),
    "checkpoint-junk": (
        "bytes that are no checkpoint",
        lambda world, target: world.status(target, checkpoints=(b"junk", *_checkpoints(world, target)[1:])),
        "CANNOT_TELL NO_TRUSTED_RECEIPT",
    ),
    "checkpoint-twice": (
        "two checkpoints of one log",
        lambda world, target: world.status(target, checkpoints=_checkpoints(world, target)[:1] * 2),
        "REFUTED BAD_FIELD",
    ),
    "of-a-forked-log": (
        "another root of the same size than the receipts'",
        _forked,
        "REFUTED LOG_FORKED",
    ),
}


def _placed_statuses(world: World, target: Outpoint) -> Iterator[Case]:
    status = world.status(target)
    first = world.encode(target, [status, *world.items])
    yield case("status-first", "a status is the last of a bundle", first, "REFUTED BAD_FIELD")
    twice = world.encode(target, [*world.items, status, status])
    yield case("status-twice", "a status is the last of a bundle", twice, "REFUTED BAD_FIELD")
    # It stood when the bundle was made; since then the holder offers on.
    world.offer("plant", target, enterprise("maker"))
    later = world.encode(target, [*world.items[:-1], status])
    yield case("status-of-before", "receipts of a later head than the status's", later, "CANNOT_TELL STALE_HEAD")


# Cuts.


def _after_cut(**changes: object) -> bytes:
    """A bundle that begins with a cut on the mined lot, which is then sold on."""
    world, head = mined()
    known = len(world.items)
    world.cut(head, **changes)
    target = world.hand_over("mine", "plant", head)
    kept = [item for item in world.items[known:] if parse(item.statement).claims.kind is not EventKind.KEYS]
    return world.encode(target, [world.items[0], *kept])


def _cut_alone() -> bytes:
    world, head = mined()
    world.cut(head)
    return world.encode(head, [world.items[-1]])


def _cut_of_another() -> bytes:
    world, head = mined()
    other = world.bring_in("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    known = len(world.items)
    world.cut(other)
    target = world.hand_over("mine", "plant", head)
    return world.encode(target, [world.items[0], *world.items[known:]])


def _cut_that_contradicts() -> bytes:
    world, head = mined()
    world.cut(head, lot=world.lots[head]._replace(gross_g=1_001))
    return bare(world, world.hand_over("mine", "plant", head))


def _cut_by(signer: str) -> bytes:
    world, head = mined()
    world.cut(head)
    like = world.items.pop()
    world.ids.pop()
    assert like.details is not None
    issuer = enterprise(signer) if signer == "mine" else service(signer)
    claims = Claims(issuer, lot_urn(world.lots[head].lot_id), NOW_S, EventKind.CUT, (), (head.statement_id,))
    key: SoftwareKey = world.keys[signer]
    by_another = draft(claims, (), like.details.content, key.public, salts=digest_salts).sign(key)
    listings = world.registers.listings(world.items, NOW_S)
    return written(world, head, [*world.items, by_another], listings)


def _cut_from_the_future() -> bytes:
    world, head = mined()
    register = world.registers.logs[LOG]
    later = Register(LOG, register.issuer, register.key)
    for number in range(100):
        later.append(digest(f"entry {number}"))
    world.cut(head, checkpoint=later.head(NOW_S).checkpoint())
    return bare(world, head)


def _cut_of_another_log() -> bytes:
    world, head = mined()
    world.cut(head, checkpoint=world.registers.logs[QUOTA_LOG].head(NOW_S).checkpoint())
    return bare(world, head)


def _cut_of_what_lived_on() -> bytes:
    world, heads = taken_back()
    part = world.split("trader", heads.kept, 500, 1_000)[0]
    steps = (each.statement_id for each in (heads.offered, heads.kept, part))
    return world.encode(part, only(world, *heads.cuts, *steps))


def _cut_of_what_had_ended() -> bytes:
    """The registry's word against its own: another head of a lot that was split."""
    world, head = mined()
    earlier = world.cut(head)
    part = world.split("mine", head, 400, 600)[0]
    again = world.bring_in("mine", world.lots[head])
    later = world.cut(again)
    merged = world.merge("mine", part, again)
    return world.encode(merged, only(world, earlier, part.statement_id, later, merged.statement_id))


def _cuts_of_one_lot() -> bytes:
    world, heads = taken_back()
    return world.encode(heads.merged, from_cuts(world, heads))


CUTS: Final[dict[str, tuple[str, Callable[[], bytes], str]]] = {
    "good": ("nothing: a bundle may begin with a cut", _after_cut, "VERIFIED_WITH_GAPS ABSENCE VOUCHED"),
    "good-alone": ("nothing: the cut is all there is", _cut_alone, "VERIFIED_WITH_GAPS ABSENCE VOUCHED"),
    "good-two-of-one-lot": (
        "nothing: a lot that came back keeps its id, and may be cut again",
        _cuts_of_one_lot,
        "VERIFIED_WITH_GAPS ABSENCE VOUCHED",
    ),
    "of-what-lives-elsewhere": (
        "a head of the same lot is spent behind the cut",
        _cut_of_what_lived_on,
        "REFUTED DOUBLE_SPEND",
    ),
    "of-what-had-ended": ("the lot was split before, and is cut again", _cut_of_what_had_ended, "REFUTED DOUBLE_SPEND"),
    "of-another-outpoint": ("what is spent was not cut", _cut_of_another, "REFUTED MISSING_PARENT"),
    "contradicts-the-history": ("another lot than the one shown", _cut_that_contradicts, "REFUTED STEP_NOT_ALLOWED"),
    "by-the-holder": ("the holder's word on its own lot", lambda: _cut_by("mine"), "REFUTED EVENT_NOT_ALLOWED"),
    "by-quota": ("another service's word", lambda: _cut_by("quota"), "REFUTED EVENT_NOT_ALLOWED"),
    "from-the-future": ("a checkpoint of a later part of the log", _cut_from_the_future, "REFUTED LOG_PROBLEM"),
    "of-another-log": ("a checkpoint of another log", _cut_of_another_log, "REFUTED LOG_PROBLEM"),
    "checkpoint-junk": ("no checkpoint", lambda: _after_cut(checkpoint=b"junk"), "REFUTED BAD_FIELD"),
    "other-policy": (
        "other rules than the verifier's",
        lambda: _after_cut(policy_hash=bytes(32)),
        "VERIFIED_WITH_GAPS ABSENCE VOUCHED",
    ),
}
