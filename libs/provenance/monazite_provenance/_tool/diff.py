"""`diff A B`: what the second of two bundles has that the first has not, and the other way round.

Nothing is verified: a difference says that the senders did not send the same, not who is right. What a statement
commits to cannot differ between two bundles, since its id would; what is disclosed of it can, and what became of a lot.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from monazite_provenance import bundle
from monazite_provenance._tool import files, screen, unverified
from monazite_provenance._tool.leaving import DONE
from monazite_provenance._tool.screen import Json
from monazite_provenance._tool.words import kilograms
from monazite_provenance.contents import LotContent
from monazite_provenance.elements import symbol
from monazite_provenance.statement import Outpoint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("first", metavar="A", help="a bundle")
    parser.add_argument("second", metavar="B", help="another bundle; one of the two may be -")


class Contents:
    """Of one bundle: a line for each statement, what each discloses, and each lot as it stood last."""

    def __init__(self, target: Outpoint) -> None:
        self.target = target
        self.headlines: dict[bytes, str] = {}
        self.disclosed: dict[bytes, set[str]] = {}
        self.lots: dict[str, LotContent] = {}

    def without(self, other: Contents) -> dict[bytes, str]:
        """The statements that the other has not."""
        return {each: line for each, line in self.headlines.items() if each not in other.headlines}

    def beyond(self, other: Contents) -> dict[bytes, list[str]]:
        """What is disclosed here of statements that both have, and not there."""
        both = [each for each in self.disclosed if each in other.disclosed]
        beyond = {each: sorted(self.disclosed[each] - other.disclosed[each]) for each in both}
        return {each: what for each, what in beyond.items() if what}


class LotChange(NamedTuple):
    """What became of a lot, before and after: milligrams REO by symbol, and whatever else differs."""

    reo_mg: Mapping[str, tuple[int, int]]
    other: Mapping[str, tuple[str, str]]


def run(options: argparse.Namespace) -> int:
    """Compare."""
    first, second = _read(options.first), _read(options.second)
    changed = _lot_changes(first, second)
    if options.json:
        screen.say_json(_json(first, second, changed))
    else:
        lines = list(_lines(first, second, changed))
        screen.say(lines or ["no difference"])
    return DONE


def _read(path: str) -> Contents:
    with files.named(path):
        opened = bundle.read(files.chunks(path))
        contents = Contents(opened.target)
        for item in opened.items:
            shown = unverified.look(item)
            contents.headlines[shown.id] = unverified.headline(shown)
            contents.disclosed[shown.id] = {
                *(f"output {index}" for index in item.openings),
                *([] if item.details is None else ["details"]),
                *([] if not shown.statement.receipts else ["receipts"]),
            }
            contents.lots.update((lot.lot_id, lot) for lot in shown.lots.values())
    return contents


def _lot_changes(first: Contents, second: Contents) -> dict[str, LotChange]:
    both = (lot_id for lot_id in first.lots if lot_id in second.lots)
    changes = {lot_id: _lot_change(first.lots[lot_id], second.lots[lot_id]) for lot_id in both}
    return {lot_id: change for lot_id, change in changes.items() if any(change)}


def _lot_change(before: LotContent, after: LotContent) -> LotChange:
    masses, new_masses = before.element_masses(), after.element_masses()
    pairs = {
        symbol(element): (masses.get(element, 0), new_masses.get(element, 0))
        for element in sorted(masses.keys() | new_masses.keys())
    }
    other = {
        "gross_g": (str(before.gross_g), str(after.gross_g)),
        "holder": (before.holder, after.holder),
        "custody_state": (before.custody_state.name, after.custody_state.name),
    }
    return LotChange(
        {element: (was, is_now) for element, (was, is_now) in pairs.items() if was != is_now},
        {name: pair for name, pair in other.items() if pair[0] != pair[1]},
    )


def _json(first: Contents, second: Contents, changed: Mapping[str, LotChange]) -> dict[str, Json]:
    added, left_out = second.without(first), first.without(second)
    more, less = second.beyond(first), first.beyond(second)
    return {
        "same": first.target == second.target and not any((added, left_out, more, less, changed)),
        "targets": [each.target.text for each in (first, second)],
        "added": [each.hex() for each in added],
        "left_out": [each.hex() for each in left_out],
        "discloses_more": {each.hex(): what for each, what in more.items()},
        "discloses_less": {each.hex(): what for each, what in less.items()},
        "lots_changed": {
            lot_id: {"reo_mg": {name: list(map(str, pair)) for name, pair in change.reo_mg.items()}, **change.other}
            for lot_id, change in changed.items()
        },
    }


def _lines(first: Contents, second: Contents, changed: Mapping[str, LotChange]) -> Iterator[str]:
    if first.target != second.target:
        yield f"target  {first.target.text} -> {second.target.text}"
    for words, sign, statements in (("added", "+", second.without(first)), ("left out", "-", first.without(second))):
        if statements:
            yield f"{words}: {len(statements)} statements"
        yield from (f"  {sign} {line}" for line in statements.values())
    for words, disclosed in (("discloses more", second.beyond(first)), ("discloses less", first.beyond(second))):
        if disclosed:
            yield words
        yield from (f"  {second.headlines[each]}: {', '.join(what)}" for each, what in disclosed.items())
    if changed:
        yield "lots changed"
    for lot_id, change in changed.items():
        yield f"  {lot_id}"
        rows = [(f"{element}, kg REO", *map(kilograms, pair)) for element, pair in change.reo_mg.items()]
        rows += [(name, *pair) for name, pair in change.other.items()]
        yield from (f"    {line}" for line in screen.table(("", "before", "after"), rows, right=" rr"))
