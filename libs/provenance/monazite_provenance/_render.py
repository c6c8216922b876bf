"""A report as plain text: verdict, masses by origin, the steps, what was found and what was not checked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from monazite_provenance.elements import symbol
from monazite_provenance.report import Failure, LotReport, LotView, StepView

_ID_SHOWN: Final = 12
_MILLIGRAMS_PER_KILOGRAM: Final = 1_000_000


def kilograms(reo_mg: int) -> str:
    """Milligrams as kilograms, exact."""
    return f"{reo_mg // _MILLIGRAMS_PER_KILOGRAM:,}.{reo_mg % _MILLIGRAMS_PER_KILOGRAM:06d}"


def render(report: LotReport) -> str:
    """The report in lines of text."""
    return "\n".join(_lines(report))


def _lines(report: LotReport) -> Iterator[str]:
    yield f"{report.verdict.value}  {report.statements} statements"
    if report.failure is not None:
        yield from _failure(report.failure)
    if report.target is not None:
        lot = report.target
        yield f"lot {lot.lot_id}  {lot.form.name}  {lot.gross_g:,} g gross  {lot.custody_state.name}"
        yield f"  holder {lot.holder}, {lot.site}"
    yield from _origins(report)
    if report.steps:
        yield "steps, parents first"
    for step in report.steps:
        yield from _step(step)
    yield from _findings(report)


def _failure(failure: Failure) -> Iterator[str]:
    yield f"  {failure.code}: {failure.message}"
    if failure.statement_id is not None:
        yield f"  at statement {failure.statement_id.hex()}"
    for name, value in failure.details.items():
        yield f"  {name} = {value}"


def _findings(report: LotReport) -> Iterator[str]:
    if report.findings:
        yield "findings"
    for each in report.findings:
        metadata = ", ".join(f"{name} {value}" for name, value in each.finding.metadata.items())
        yield f"  {each.finding.code} at {_short(each.statement_id)}: {each.finding.message} ({metadata})"
    if report.not_checked:
        yield "not checked"
    for gap in report.not_checked:
        at = "" if gap.statement_id is None else f" at {_short(gap.statement_id)}"
        yield f"  {gap.code}{at}: {gap.message}"


def _origins(report: LotReport) -> Iterator[str]:
    if report.origins:
        yield "element masses by origin, kg REO"
    for element, shares in report.origins.items():
        yield f"  {symbol(element):<2} {kilograms(sum(shares.values())):>20}"
        for origin, mass in shares.items():
            yield f"     {kilograms(mass):>20}  {origin}"


def _step(step: StepView) -> Iterator[str]:
    when = datetime.fromtimestamp(step.issued_at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    how = "signed by the registry on its behalf" if step.on_behalf else "self-signed"
    yield f"  {_short(step.statement_id)}  {step.kind}  {step.actor}  ({how}; says {when})"
    if step.origin is not None:
        yield f"      origin: {step.origin}"
    if step.process is not None:
        yield f"      process: {step.process}"
    for right_id, mass in step.draws:
        yield f"      draws {kilograms(mass)} kg REO on right {_short(right_id)}"
    for sign, lots in (("-", step.inputs), ("+", step.outputs)):
        for lot in lots:
            yield f"      {sign} {_lot(lot)}"


def _lot(lot: LotView) -> str:
    masses = " ".join(f"{symbol(element)} {kilograms(mass)}" for element, mass in lot.elements.items())
    return f"{lot.lot_id} {lot.form.name} {lot.gross_g:,} g  {masses}"


def _short(statement_id: bytes) -> str:
    return statement_id.hex()[:_ID_SHOWN]
