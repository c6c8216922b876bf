"""`show FILE [--trust FILE]`: the chain as a tree, the element masses, where they came from; or one statement.

With a trust file a bundle is verified, and the exit code is its verdict's. Without one nothing is: what is shown is
what its sender says, and the tool leaves as it does when it cannot tell.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from monazite_provenance._tool import files, ids, moments, reading, screen, unverified
from monazite_provenance._tool.leaving import VERDICT_CODES
from monazite_provenance._tool.tree_text import Node, cut, tree
from monazite_provenance._tool.unverified import Shown
from monazite_provenance.contents import CutDetails
from monazite_provenance.statement import Outpoint

_NOTHING_VERIFIED = "CANNOT_TELL  nothing was verified: this is what its sender says"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("file", metavar="FILE", help="a bundle, an item or a bare statement; - for standard input")
    moments.add_at(parser)
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--trust", metavar="FILE", help="the trust file to verify the bundle with")
    either.add_argument(
        "--statement", metavar="ID", default="", help="of a bundle show this statement alone, by the start of its id"
    )


def run(options: argparse.Namespace) -> int:
    """Show; the exit code is the verdict's."""
    if options.trust is not None:
        from monazite_provenance._tool import show_report  # noqa: PLC0415 - it loads all rules, and the rest needs none

        return show_report.run(options)
    with files.named(options.file):
        target, items = reading.items(files.chunks(options.file))
        shown = [unverified.look(item) for item in items]
    if options.statement:
        wanted = ids.the_one(options.statement, (each.id for each in shown))
        target, shown = None, [each for each in shown if each.id == wanted]
    if options.json:
        statements = [unverified.as_json(each) for each in shown]
        screen.say_json(
            {"verified": False, "target": None if target is None else target.text, "statements": statements}
        )
    else:
        screen.say(_lines(target, shown))
    return VERDICT_CODES["CANNOT_TELL"]


def _lines(target: Outpoint | None, shown: list[Shown]) -> Iterator[str]:
    yield _NOTHING_VERIFIED
    if target is None:
        for each in shown:
            yield from unverified.lines(each)
        return
    cuts = {
        each.details.outpoint: cut(each.id, unverified.lot_line(each.details.lot))
        for each in shown
        if isinstance(each.details, CutDetails)
    }
    yield from tree(target, {each.id: _node(each) for each in shown if each.is_step}, cuts)
    behind = next((each for each in shown if each.id == target.statement_id), None)
    if behind is not None and target.index in behind.lots:
        yield "target"
        yield from screen.indented(unverified.lot_lines(behind.lots[target.index]))
    others = [each for each in shown if not each.is_step]
    if others:
        yield "statements beside the chain"
    yield from (f"  {unverified.headline(each)}" for each in others)


def _node(shown: Shown) -> Node:
    more = [f"+ {shown.lot_line(index)}" for index in shown.lots]
    hidden = shown.statement.outputs_count - len(shown.lots)
    if hidden:
        more.append(f"+ {hidden} outputs not disclosed")
    return Node(unverified.headline(shown), more, shown.statement.claims.spends)
