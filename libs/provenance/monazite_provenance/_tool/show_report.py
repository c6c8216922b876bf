"""`show BUNDLE --trust FILE`: the chain of a verified bundle as a tree; the exit code is the verdict's."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from monazite_provenance._tool import judging, report_text
from monazite_provenance._tool.tree_text import Node, cut, tree
from monazite_provenance.report import LotReport


def run(options: argparse.Namespace) -> int:
    """Verify and show."""
    return judging.tell(options.file, options, _lines)


def _lines(report: LotReport) -> Iterator[str]:
    yield from report_text.verdict(report)
    nodes: dict[bytes, Node] = {}
    for step in report.steps:
        more = [*report_text.facts(step), *(f"+ {report_text.lot_line(lot)}" for lot in step.outputs)]
        nodes[step.statement_id] = Node(report_text.headline(step), more, [lot.outpoint for lot in step.inputs])
    cuts = {each.lot.outpoint: cut(each.statement_id, report_text.lot_line(each.lot)) for each in report.vouched}
    yield from tree(report.outpoint, nodes, cuts)
    yield from report_text.origins(report)
    yield from report_text.registration(report)
    yield from report_text.withheld(report)
    yield from report_text.findings(report)
