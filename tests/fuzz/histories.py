"""Histories by edits of a good one: the bytes of an input say what is left out, moved, exchanged and changed.

Changing the bytes of a bundle changes ids, and whatever rests on them breaks before anything else can. Here the ids are
followed: what was spent stays spent, by its new id, and what is wrong is wrong in a history that hangs together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from monazite_provenance import _cbor, bundle
from monazite_provenance._cbor import CborValue
from monazite_provenance._claims import KINDS
from monazite_provenance.draft import draft
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.item import Item
from monazite_provenance.keys import SIGNATURE_BYTES, PublicKey
from monazite_provenance.statement import Claims, Outpoint, parse

from tests.unit.provenance.chains import NOW_S, World, tell
from tests.unit.provenance.registers import Registers
from tests.vectors.forging.seeded import seeded

EDITS_MAX: Final = 12
_EDIT_BYTES: Final = 4
_ID_BYTES: Final = 32
_HEX_ID: Final = re.compile("[0-9a-f]{64}")
_KINDS: Final = tuple(KINDS.values())
_VALUES: Final[tuple[CborValue, ...]] = (
    0,
    1,
    -1,
    1_000_000,
    2**63 - 1,
    2**64 - 1,
    "",
    "x",
    b"",
    bytes(32),
    None,
    [],
    {},
)


@dataclass(frozen=True, slots=True)
class Told:
    """One statement, taken apart: `hidden` are the outputs that are not shown, None among them for the details."""

    claims: Claims
    outputs: tuple[CborValue, ...]
    details: CborValue
    key: PublicKey
    old_id: bytes
    hidden: frozenset[int | None] = frozenset()


@dataclass(frozen=True, slots=True)
class Base:
    """A good history, its target, and the logs that it is registered in."""

    told: tuple[Told, ...]
    target: Outpoint
    world: World


@cache
def base() -> Base:
    """The story of the tests, from mine and import to a magnet abroad."""
    with seeded():
        story = tell()
        world = story.world
    log_keys = [register.key for register in world.registers.logs.values()]
    keys = {key.public.kid: key.public for key in (*world.keys.values(), *log_keys)}
    return Base(tuple(_taken_apart(item, keys) for item in world.items), story.abroad, world)


def _taken_apart(item: Item, keys: dict[bytes, PublicKey]) -> Told:
    unverified = parse(item.statement)
    outputs = tuple(_cbor.decode(item.openings[index].content) for index in sorted(item.openings))
    details = None if item.details is None else _cbor.decode(item.details.content)
    return Told(unverified.claims, outputs, details, keys[unverified.kid], unverified.statement_id)


def edited(start: Base, data: bytes) -> bytes:
    """The bundle of a history with the edits that `data` says. Raises ProvenanceError where none can be written.

    Its signatures are none: whoever asks for it takes every signature for good (`PublicKey.verify`), meanwhile too.
    """
    told = list(start.told)
    for at in range(0, min(len(data), EDITS_MAX * _EDIT_BYTES), _EDIT_BYTES):
        what, here, there, value = data[at : at + _EDIT_BYTES].ljust(_EDIT_BYTES, b"\0")
        if told:
            _EDITS[what % len(_EDITS)](told, here % len(told), there % len(told), value)
    return _written(start, told)


def _leave_out(told: list[Told], here: int, _there: int, _value: int) -> None:
    del told[here]


def _repeat(told: list[Told], here: int, there: int, _value: int) -> None:
    told.insert(there, told[here])


def _move(told: list[Told], here: int, there: int, _value: int) -> None:
    told.insert(there, told.pop(here))


def _change_kind(told: list[Told], here: int, _there: int, value: int) -> None:
    told[here] = _saying(told[here], kind=_KINDS[value % len(_KINDS)])


def _change_signer(told: list[Told], here: int, there: int, _value: int) -> None:
    other = told[there]
    said = _saying(told[here], issuer=other.claims.issuer, on_behalf=other.claims.on_behalf)
    told[here] = replace(said, key=other.key)


def _change_subject(told: list[Told], here: int, there: int, _value: int) -> None:
    told[here] = _saying(told[here], subject=told[there].claims.subject)


def _spend(told: list[Told], here: int, there: int, value: int) -> None:
    spent = Outpoint(told[there].old_id, value % 4)
    told[here] = _saying(told[here], spends=tuple({*told[here].claims.spends, spent}))


def _spend_nothing(told: list[Told], here: int, _there: int, _value: int) -> None:
    told[here] = _saying(told[here], spends=())


def _refer(told: list[Told], here: int, there: int, _value: int) -> None:
    told[here] = _saying(told[here], refs=tuple({*told[here].claims.refs, told[there].old_id}))


def _refer_to_nothing(told: list[Told], here: int, _there: int, _value: int) -> None:
    told[here] = _saying(told[here], refs=())


def _take_details(told: list[Told], here: int, there: int, _value: int) -> None:
    told[here] = replace(told[here], details=told[there].details)


def _take_outputs(told: list[Told], here: int, there: int, value: int) -> None:
    outputs = told[there].outputs
    told[here] = replace(told[here], outputs=outputs[: value % (len(outputs) + 1)])


def _change_details(told: list[Told], here: int, there: int, value: int) -> None:
    told[here] = replace(told[here], details=_with_leaf(told[here].details, there, value))


def _change_output(told: list[Told], here: int, there: int, value: int) -> None:
    first, *others = told[here].outputs or (None,)
    told[here] = replace(told[here], outputs=(_with_leaf(first, there, value), *others))


def _hide(told: list[Told], here: int, _there: int, value: int) -> None:
    what = None if value % 4 == 3 else value % 4
    told[here] = replace(told[here], hidden=told[here].hidden | {what})


_EDITS: Final[tuple[Callable[[list[Told], int, int, int], None], ...]] = (
    _leave_out, _repeat, _move, _change_kind, _change_signer, _change_subject, _spend, _spend_nothing, _refer,
    _refer_to_nothing, _take_details, _take_outputs, _change_details, _change_output, _hide,
)  # fmt: skip


def _saying(told: Told, **changed: object) -> Told:
    return replace(told, claims=told.claims._replace(**changed))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def _with_leaf(value: CborValue, which: int, new: int) -> CborValue:
    """A value one of whose leaves is another: one of few, or a little more than it was."""
    left = which % max(1, sum(1 for _ in _leaves(value)))

    def change(leaf: CborValue) -> CborValue:
        nonlocal left
        left -= 1
        if left != -1:
            return leaf
        if new < len(_VALUES):
            return _VALUES[new]
        return leaf + new - 128 if type(leaf) is int and 0 <= leaf < 2**62 else leaf

    return _mapped(value, change)


def _leaves(value: CborValue) -> Iterator[CborValue]:
    if isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _leaves(each)
    else:
        yield value


def _mapped(value: CborValue, change: Callable[[CborValue], CborValue]) -> CborValue:
    if isinstance(value, dict):
        return {key: _mapped(each, change) for key, each in value.items()}
    if isinstance(value, list):
        return [_mapped(each, change) for each in value]
    return change(value)


def _written(start: Base, told: list[Told]) -> bytes:
    """The bundle, registered in the order of its items, every old id in it replaced by the new one as far as known."""
    new_ids: dict[bytes, bytes] = {}
    registers = Registers()
    registers.logs = {
        name: type(register)(name, register.issuer, register.key)
        for name, register in start.world.registers.logs.items()
    }
    items: list[Item] = []
    for each in told:
        item = _item(each, new_ids)
        if item is not None:
            items.append(item)
            new_ids[each.old_id] = registers.add(item)
    target = Outpoint(new_ids.get(start.target.statement_id, start.target.statement_id), start.target.index)
    return b"".join(bundle.write(target, items, registers.listings(items, NOW_S)))


def _item(told: Told, new_ids: dict[bytes, bytes]) -> Item | None:
    def follow(leaf: CborValue) -> CborValue:
        if isinstance(leaf, bytes):
            return known(leaf[:_ID_BYTES]) + leaf[_ID_BYTES:]
        return leaf

    def known(old: bytes) -> bytes:
        return new_ids.get(old, old)

    claims = told.claims._replace(
        subject=_HEX_ID.sub(lambda found: known(bytes.fromhex(found[0])).hex(), told.claims.subject),
        spends=tuple(Outpoint(known(spend.statement_id), spend.index) for spend in told.claims.spends),
        refs=tuple(map(known, told.claims.refs)),
    )
    try:
        outputs = [_cbor.encode(_mapped(output, follow)) for output in told.outputs]
        drafted = draft(claims, outputs, _cbor.encode(_mapped(told.details, follow)), told.key, salts=bytes)
        item = drafted.complete(bytes(SIGNATURE_BYTES))
        shown = [index for index in item.openings if index not in told.hidden]
        return item.redact(shown, details=None not in told.hidden)
    except ProvenanceError:
        return None
