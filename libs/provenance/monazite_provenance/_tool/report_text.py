"""A report in lines of text: the verdict, masses by origin, steps, what was found and what was not checked."""

from __future__ import annotations

from collections.abc import Iterator

from monazite_provenance._digits import grouped
from monazite_provenance._tool import screen, words
from monazite_provenance._tool.words import kilograms, moment, percentages, short
from monazite_provenance.elements import symbol
from monazite_provenance.report import Failure, LotReport, LotView, StepView


def verdict(report: LotReport) -> Iterator[str]:
    """The verdict, why, and which lot it is about."""
    yield f"{report.verdict.value}  {report.statements} statement{'' if report.statements == 1 else 's'}"
    if report.failure is not None:
        yield from screen.indented(_failure(report.failure))
    if report.target is not None:
        lot = report.target
        custody = words.custody(lot.custody_state.name)
        yield f"lot {lot.lot_id}  {lot.form.name}  {grouped(lot.gross_g)} g gross  {custody}"
        yield f"  holder {lot.holder}, {lot.site}"


def origins(report: LotReport) -> Iterator[str]:
    """Element masses of the lot, and from where each came."""
    if not report.origins:
        return
    yield "element masses by origin"
    rows: list[tuple[str, ...]] = []
    for element, shares in report.origins.items():
        rows.append((symbol(element), kilograms(sum(shares.values())), "", ""))
        percents = percentages([*shares.values()])
        rows += [
            ("", kilograms(mass), share, name) for share, (name, mass) in zip(percents, shares.items(), strict=True)
        ]
    yield from screen.indented(screen.table(("element", "kg REO", "share", "origin"), rows, right=" rr"))


def registration(report: LotReport) -> Iterator[str]:
    """Under which heads of which logs the statements stand, and what the registry says of the lot as of now."""
    if report.heads:
        yield "registered under"
    for head in report.heads:
        yield f"  {head.log}  size {head.size}  {moment(head.signed_at)}  root {short(head.root)}"
    if report.witnessed:
        yield "co-signed by witnesses of the trust file"
    for seen in report.witnessed:
        by = [f"{name} {moment(when)}" for name, when in seen.by.items()]
        bad = [f"not by {name}, in whose name it is" for name in seen.bad]
        yield f"  {seen.head.log}  size {seen.head.size}  {', '.join([*by, *bad]) or 'by none'}"
    status = report.status
    if status is not None:
        fresh = "fresh" if status.fresh else "not fresh"
        complete = "the bundle is all that the registry knows" if status.complete else "the registry knows more"
        yield f"status of {moment(status.issued_at)}, good until {moment(status.expires_at)}: {fresh}; {complete}"
    if report.vouched:
        yield "vouched for by the registry, in place of what is behind"
    for each in report.vouched:
        rules = "" if each.same_rules else "; judged by other settings of the rules"
        found = f"; found there: {', '.join(each.findings)}" if each.findings else ""
        yield f"  {short(each.statement_id)}  {lot_line(each.lot)}{rules}{found}"


def withheld(report: LotReport) -> Iterator[str]:
    """What of the statements in the bundle is not disclosed."""
    if report.withheld:
        yield "not disclosed"
    for each in report.withheld:
        outputs = [f"output {index}" for index in each.outputs]
        yield f"  {short(each.statement_id)}  {', '.join([*outputs, *(['details'] if each.details else [])])}"


def findings(report: LotReport) -> Iterator[str]:
    """Findings of the rules, and everything that was not checked."""
    if report.findings:
        yield "findings"
    for each in report.findings:
        metadata = ", ".join(f"{name} {value}" for name, value in each.finding.metadata.items())
        yield f"  {each.finding.code} at {short(each.statement_id)}: {each.finding.message} ({metadata})"
    if report.not_checked:
        yield "not checked"
    for gap in report.not_checked:
        at = "" if gap.statement_id is None else f" at {short(gap.statement_id)}"
        yield f"  {gap.code}{at}: {gap.told()}"


def headline(step: StepView) -> str:
    """Who did what, and who signed it."""
    how = "signed by the registry on its behalf" if step.on_behalf else "self-signed"
    return f"{short(step.statement_id)}  {step.kind}  {step.actor}  ({how}; says {moment(step.issued_at)})"


def facts(step: StepView) -> Iterator[str]:
    """Origin, process and draws of a step, and what else its kind says."""
    if step.origin is not None:
        yield f"origin: {step.origin}"
    if step.process is not None:
        yield f"process: {step.process}"
    for right_id, mass in step.draws:
        yield f"draws {kilograms(mass)} kg REO on right {short(right_id)}"
    for name, text in step.facts.items():
        yield f"{name}: {text}"


def lot_line(lot: LotView) -> str:
    """A lot in one line."""
    return words.lot_line(lot.lot_id, lot.form.name, lot.gross_g, lot.elements)


def _failure(failure: Failure) -> Iterator[str]:
    yield f"{failure.code}: {failure.message}"
    if failure.statement_id is not None:
        yield f"at statement {failure.statement_id.hex()}"
    for name, value in failure.details.items():
        yield f"{name} = {value}"
