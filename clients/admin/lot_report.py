"""The chain of custody as a tree: what a lot was made of, back to where it came from, from a verified bundle."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

import typer
from monazite_provenance.elements import symbol
from monazite_provenance.report import LotReport, LotView, StatusView, StepView, Verdict
from monazite_provenance.statement import Outpoint
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.tree import Tree

from clients.admin.arguments import custody_name
from clients.admin.exit_codes import ExitCode
from clients.admin.output import JsonValue, Output
from clients.layout import Flow, words
from clients.masses import gross_tonnes, kilograms, tonnes

_TRANSFERS = frozenset({"OFFER", "ACCEPT", "CANCEL"})
_STYLE = {
    Verdict.VERIFIED: "bold green",
    Verdict.VERIFIED_WITH_GAPS: "bold yellow",
    Verdict.REFUTED: "bold red",
    Verdict.CANNOT_TELL: "bold magenta",
}
VERDICT_CODES = {
    Verdict.VERIFIED: ExitCode.DONE,
    Verdict.VERIFIED_WITH_GAPS: ExitCode.VERIFIED_WITH_GAPS,
    Verdict.REFUTED: ExitCode.REFUTED,
    Verdict.CANNOT_TELL: ExitCode.CANNOT_TELL,
}


def conclude(output: Output, report: LotReport) -> None:
    """Show a report and leave with the exit code of its verdict. Raises typer.Exit for every verdict but VERIFIED."""
    if output.as_json:
        output.value(cast("JsonValue", report.as_json()))
    else:
        print_report(output, report)
    if code := VERDICT_CODES[report.verdict]:
        raise typer.Exit(code)


def print_report(output: Output, report: LotReport) -> None:
    """Verdict, what was not checked, the tree, and where each element came from."""
    console = output.console
    style = _STYLE[report.verdict]
    console.print(f"[{style}]{report.verdict.value}[/{style}] after {report.statements} statements")
    if report.failure is not None:
        where = f" at statement {report.failure.statement_id.hex()}" if report.failure.statement_id else ""
        console.print(
            f"  [red]{escape(report.failure.code)}[/red] {escape(report.failure.message)}{where}", soft_wrap=True
        )
        for key, value in report.failure.details.items():
            console.print(f"    {escape(key)} = {escape(str(value))}", soft_wrap=True)
    if report.status is not None:
        _status(console, report.status)
    for gap in report.not_checked:
        _remark(console, "not checked", gap.code, gap.told())
    for each in report.findings:
        _remark(console, "finding", each.finding.code, each.finding.message)
    if report.target is not None:
        console.print(tree(report, LotView(report.outpoint, report.target)))
        _origins(output, report)


def _status(console: Console, status: StatusView) -> None:
    """As of when the registry says how the lot stands; whether that is too old, or not all, the gaps say."""
    said = f"as of {_moment(status.issued_at)}, good until {_moment(status.expires_at)}"
    console.print(Flow(words(said), first="  status: ", indent=4))


def _moment(unix_s: int) -> str:
    """A moment that a statement names; beyond the calendar, as far as nobody means it, the bare seconds."""
    try:
        return f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%d %H:%M:%S}Z"
    except (OverflowError, ValueError, OSError):
        return f"{unix_s} s"


def _remark(console: Console, what: str, code: str, message: str) -> None:
    first = f"  {what}: [yellow]{escape(code)}[/yellow] "
    console.print(Flow([escape(word) for word in words(message)], first=first, indent=4))


def tree(report: LotReport, target: LotView) -> Tree:
    """The lot at the root, what it was made of below, one branch a lot: nothing of one that a cut speaks of."""
    makers = {view.outpoint: step for step in report.steps for view in step.outputs}
    shown: set[Outpoint] = set()
    root = Tree(Group(*_lot(target)))
    # Iterative: a chain may be deeper than Python's stack. A lot that several rest on is opened once, at the first.
    todo = [(root, target)]
    while todo:
        node, view = todo.pop()
        if view.outpoint in shown:
            node.label = f"[dim]{escape(view.lot_id)}, see above[/dim]"
            continue
        shown.add(view.outpoint)
        sources = _history(node, view, makers)
        todo.extend([(node.add(Group(*_lot(source))), source) for source in sources][::-1])
    return root


def _history(node: Tree, view: LotView, makers: Mapping[Outpoint, StepView]) -> list[LotView]:
    """Adds to the node how the lot came about, transfers in a row; returns what it was made of."""
    lines: list[RenderableType] = [node.label]
    while (step := makers.get(view.outpoint)) is not None:
        # One flat group: groups in groups would be as deep as the chain is long.
        lines.append(_step(step))
        node.label = Group(*lines)
        before = _same_lot(step, view)
        if before is None:
            return list(step.inputs)
        view = before
    return []


def _same_lot(step: StepView, view: LotView) -> LotView | None:
    """What a transfer moved: the input of the same id, or its only one (a remainder that came back)."""
    if step.kind not in _TRANSFERS:
        return None
    same = [each for each in step.inputs if each.lot_id == view.lot_id]
    if same:
        return same[0]
    return step.inputs[0] if len(step.inputs) == 1 else None


def _lot(view: LotView) -> tuple[Flow, Flow]:
    elements = [f"[cyan]{symbol(number)} {kilograms(mass)}[/cyan]" for number, mass in view.elements.items()]
    facts = (
        view.form.name.lower().replace("_", " "),
        f"{gross_tonnes(view.gross_g)} t gross",
        f"{tonnes(sum(view.elements.values()))} t REO",
        escape(f"{_name(view.holder)} at {view.site}"),
        custody_name(view.custody_state.name),
    )
    return (
        Flow(facts, separator=", ", first=f"[bold]{escape(view.lot_id)}[/bold] ", indent=4),
        Flow(elements, separator="  ", first="  [cyan]kg REO:[/cyan] ", indent=4),
    )


def _step(step: StepView) -> Flow:
    signed = "signed by the registry on its behalf" if step.on_behalf else "signed by itself"
    said = [f"{step.kind.lower()} by {_name(step.actor)} ({signed})"]
    said += [each for each in (step.process, step.origin) if each]
    said += [f"{name} {text}" for name, text in step.facts.items()]
    said += [f"draws {tonnes(mass)} t on right {right_id.hex()[:8]}" for right_id, mass in step.draws]
    return Flow([f"[dim]{escape(word)}[/dim]" for word in words(", ".join(said))], first="  ", indent=4)


def _name(uri: str) -> str:
    return uri.partition("://")[2].partition("/")[2].partition("/")[2] or uri


def _origins(output: Output, report: LotReport) -> None:
    """Milligrams REO of each element by origin, shown in kilograms."""
    names = sorted({name for shares in report.origins.values() for name in shares})
    rows = [
        [symbol(number), *(kilograms(shares.get(name, 0)) for name in names)]
        for number, shares in sorted(report.origins.items())
    ]
    output.table("Origin of each element, kg REO", ["Element", *(f">{name}" for name in names)], rows)
