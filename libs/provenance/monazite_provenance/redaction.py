"""What a bundle may leave out: contents that are no part of the history of its target.

Statements all stay, and with them everything that their signatures, receipts and the registry's digest speak of; what
goes are openings. A statement commits to each of its outputs by itself, so what is left verifies as before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from monazite_provenance._redacted import NEEDED_WHOLE
from monazite_provenance.errors import BadField
from monazite_provenance.item import Item
from monazite_provenance.kinds import CUSTODY_KINDS, EventKind
from monazite_provenance.statement import Outpoint, Unverified, parse


class Omission(NamedTuple):
    """An output of a statement that is not to be disclosed, or with None its details."""

    statement_id: bytes
    output: int | None


def unneeded(target: Outpoint, items: Iterable[Item]) -> frozenset[Omission]:
    """What is disclosed of lots and steps that the target does not come from.

    Of a statement that it comes from: the outputs that went elsewhere. Of other steps of custody: outputs and details.
    Steps that take something back stay, and what they speak of: hidden, they would make others look wrong. So do
    adjustments that follow a correction: hidden, they would let others take up the same again.
    Raises the Malformed family.
    """
    statements = [(parse(item.statement), item) for item in items]
    taken_back = _taken_back([statement for statement, _item in statements])
    needed = _history(target, [statement for statement, _item in statements])
    needed |= {spend for statement in taken_back.values() for spend in statement.claims.spends}
    reached = {outpoint.statement_id for outpoint in needed}
    found: set[Omission] = set()
    for statement, item in statements:
        statement_id = statement.statement_id
        if statement.claims.kind not in CUSTODY_KINDS or statement_id in taken_back:
            continue
        outputs = (index for index in item.openings if Outpoint(statement_id, index) not in needed)
        found.update(Omission(statement_id, index) for index in outputs)
        if statement_id not in reached and item.details is not None:
            found.add(Omission(statement_id, None))
    return frozenset(found)


def omit(items: Iterable[Item], omissions: Collection[Omission]) -> Iterator[Item]:
    """The items without these openings. Raises BadField, at the end too, when one was not there; and as Item.redact."""
    left: dict[bytes, set[int | None]] = {}
    for statement_id, output in omissions:
        left.setdefault(statement_id, set()).add(output)
    for item in items:
        here = left.pop(parse(item.statement).statement_id, None)
        if here is None:
            yield item
            continue
        shown = {*item.openings, *([] if item.details is None else [None])}
        if not here <= shown:
            raise BadField("an opening to be left out is not there", field="omissions")
        yield item.redact(item.openings.keys() - here, details=None not in here)
    if left:
        raise BadField("a statement to be redacted is not there", field="omissions")


def _history(target: Outpoint, statements: Sequence[Unverified]) -> set[Outpoint]:
    """The target and every outpoint that was spent for it. In a bundle parents come first: one way back does."""
    needed = {target}
    for statement in reversed(statements):
        if any(Outpoint(statement.statement_id, index) in needed for index in range(statement.outputs_count)):
            needed.update(statement.claims.spends)
    return needed


def _taken_back(statements: Sequence[Unverified]) -> dict[bytes, Unverified]:
    """The steps that take something back or follow what does, and those that they spend from or refer to, by id."""
    by_id = {statement.statement_id: statement for statement in statements}
    corrections = {each.statement_id for each in statements if each.claims.kind is EventKind.CORRECT}
    kept: dict[bytes, Unverified] = {}
    for statement in statements:
        claims = statement.claims
        follows = claims.kind is EventKind.ADJUST and not corrections.isdisjoint(claims.refs)
        if claims.kind in NEEDED_WHOLE or follows:
            about = (statement.statement_id, *(spend.statement_id for spend in claims.spends), *claims.refs)
            kept |= {each: by_id[each] for each in about if each in by_id}
    return kept
