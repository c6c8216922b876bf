"""`verify BUNDLE --trust FILE`: the verdict, and all that it rests on."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from monazite_provenance._tool import judging, moments, report_text
from monazite_provenance.report import LotReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("bundle", metavar="BUNDLE", help="the bundle, or - for standard input")
    parser.add_argument("--trust", required=True, metavar="FILE", help="the trust file with the root keys")
    moments.add_at(parser)


def run(options: argparse.Namespace) -> int:
    """Verify; the exit code is the verdict's."""
    return judging.tell(options.bundle, options, _lines)


def _lines(report: LotReport) -> Iterator[str]:
    yield from report_text.verdict(report)
    yield from report_text.origins(report)
    if report.steps:
        yield "steps, parents first"
    for step in report.steps:
        yield f"  {report_text.headline(step)}"
        yield from (f"      {line}" for line in report_text.facts(step))
        yield from (f"      - {report_text.lot_line(lot)}" for lot in step.inputs)
        yield from (f"      + {report_text.lot_line(lot)}" for lot in step.outputs)
    yield from report_text.registration(report)
    yield from report_text.withheld(report)
    yield from report_text.findings(report)
