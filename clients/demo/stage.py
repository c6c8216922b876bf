"""The stage: desks, what is known of every lot, how things are shown, and how a refusal is provoked and checked."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from google.protobuf.message import Message
from monazite.quota.v1.quota_pb2 import GetRightRequest, Right
from monazite.registry.v1.registry_pb2 import (
    AcceptLotsRequest,
    Consignment,
    GetBundleRequest,
    GetLotRequest,
    IssueLotIdsRequest,
    Lot,
    OfferLotsRequest,
    Receipt,
    StepResponse,
)
from monazite.type.v1.statement_pb2 import Outpoint
from monazite_provenance.chain import verify_bundle
from monazite_provenance.report import LotReport
from monazite_provenance.trust import TrustFile
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import Progress, TaskID
from rich.table import Table

from clients.connection import stream
from clients.demo.actors import EVERYBODY, Actor, Desk, request_id
from clients.demo.surroundings import Surroundings
from clients.errors import CallError
from clients.layout import Flow, words

PATIENCE_S = 20.0
POLL_S = 0.05
FACTS_MAX = 8
UNSETTLED = frozenset({"UNSETTLED_RIGHT"})

_LONG_ID = re.compile(r"\b([0-9a-f]{16})[0-9a-f]{48}\b")


class StoryError(Exception):
    """The story did not go as it must; the message says where."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An attack and what refused it: a gRPC error of a service, or the library's verdict."""

    title: str
    by: str
    reason: str
    message: str
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    # What the error means to somebody who meets it for the first time.
    meaning: str = ""


@dataclass
class Stage:
    """Where the chapters play."""

    surroundings: Surroundings
    console: Console
    progress: Progress
    task: TaskID
    trust: TrustFile
    heads: dict[str, Outpoint] = field(default_factory=dict[str, Outpoint])
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    told: int = 0
    _desks: dict[str, Desk] = field(default_factory=dict[str, Desk])

    async def close(self) -> None:
        """Closes every connection."""
        for desk in self._desks.values():
            await desk.close()

    def desk(self, actor: Actor) -> Desk:
        """The actor's desk, opened once."""
        if actor.path not in self._desks:
            self._desks[actor.path] = Desk.open(actor, self.surroundings)
        return self._desks[actor.path]

    def uri(self, actor: Actor) -> str:
        """The actor's SPIFFE id."""
        return self.surroundings.uri(actor.path)

    @property
    def year(self) -> int:
        """The quota year."""
        return self.surroundings.year

    # --- telling ----------------------------------------------------------------------------------------------------

    def chapter(self, number: int, title: str) -> None:
        """Opens a chapter."""
        self.console.rule(f"[bold]{number}. {escape(title)}", align="left")

    def step(self, text: str) -> None:
        """One more step done."""
        self._advance()
        self.console.print(Flow([escape(word) for word in words(text)], first="[green]·[/green] ", indent=2))

    def _advance(self) -> None:
        self.told += 1
        self.progress.advance(self.task)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table; columns whose name starts with ">" stand right."""
        table = Table(title=title, title_justify="left")
        for column in columns:
            right = column.startswith(">")
            table.add_column(column.removeprefix(">"), justify="right" if right else "left", no_wrap=right)
        for row in rows:
            table.add_row(*(escape(cell) for cell in row))
        self.console.print(table)

    # --- lots -------------------------------------------------------------------------------------------------------

    async def issue(self, desk: Desk, count: int) -> list[str]:
        """Fresh lot ids."""
        answer = await desk.ask(desk.lots.IssueLotIds, IssueLotIdsRequest(request_id=request_id(), count=count))
        return list(answer.lot_ids)

    def record(self, response: StepResponse) -> StepResponse:
        """Remembers the heads that a step made and shows what it found."""
        for head in response.heads:
            self.heads[head.lot_id] = head.outpoint
        for finding in response.findings:
            numbers = ", ".join(f"{key} {value}" for key, value in sorted(finding.metadata.items()))
            said = words(f"{finding.message} ({numbers})")
            first = f"  finding [yellow]{escape(finding.code)}[/yellow] "
            self.console.print(Flow([escape(word) for word in said], first=first, indent=4))
        return response

    async def lot(self, desk: Desk, lot_id: str) -> Lot:
        """A lot as the registry shows it to this actor."""
        return await desk.ask(desk.lots.GetLot, GetLotRequest(lot_id=lot_id))

    async def offer(self, shipper: Desk, lots: Sequence[str], receiver: Actor, document: str) -> None:
        """Shipper's half of a transfer, signed by the registry on the shipper's behalf."""
        remainders = await self.issue(shipper, len(lots))
        consignments = [
            Consignment(spend=self.heads[lot_id], remainder_lot_id=remainder)
            for lot_id, remainder in zip(lots, remainders, strict=True)
        ]
        request = OfferLotsRequest(
            request_id=request_id(),
            consignments=consignments,
            receiver=self.uri(receiver),
            transport_document=document,
        )
        self.record(await shipper.ask(shipper.lots.OfferLots, request))

    async def accept_whole(self, receiver: Desk, lots: Sequence[str], site: str) -> None:
        """Receiver's half: all of it arrived."""
        receipts = [
            Receipt(spend=self.heads[lot_id], accepted_gross_g=(await self.lot(receiver, lot_id)).material.gross_g)
            for lot_id in lots
        ]
        request = AcceptLotsRequest(request_id=request_id(), receipts=receipts, site=site)
        self.record(await receiver.ask(receiver.lots.AcceptLots, request))

    async def bundle(self, desk: Desk, head: Outpoint, *, with_status: bool = True) -> bytes:
        """The bundle of a head, with the registry's word on how the head stands now."""
        pieces = stream(desk.lots.GetBundle, GetBundleRequest(head=head, with_status=with_status))
        return b"".join([piece.chunk async for piece in pieces])

    def verify(self, bundle: bytes, *, at: int | None = None) -> LotReport:
        """What the library says of a bundle, offline: now, or at another moment (Unix seconds)."""
        return verify_bundle([bundle], self.trust, at=int(time.time()) if at is None else at)

    # --- waiting and checking ---------------------------------------------------------------------------------------

    async def right(self, desk: Desk, right_id: bytes, done: Callable[[Right], bool], what: str) -> Right:
        """The right, as soon as it is `done`; quota settles by following the registry's log. `what` it is to do."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            right = await desk.ask(desk.rights.GetRight, GetRightRequest(right_id=right_id))
            if done(right):
                return right
            if time.monotonic() > deadline:
                seen = f"{Right.State.Name(right.state)}, {right.settled_mg} mg settled"
                raise StoryError(f"right {right_id.hex()} did not {what} in {PATIENCE_S} s: {seen}")
            await asyncio.sleep(POLL_S)

    async def proven(self, desk: Desk, head: Outpoint) -> LotReport:
        """The report of a head, as soon as nothing in it is unchecked: the registry learns from quota's log what was
        settled, some moments after quota did."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            report = self.verify(await self.bundle(desk, head))
            if report.gap_codes() != UNSETTLED:
                return report
            if time.monotonic() > deadline:
                raise StoryError(f"the registry did not learn of the settlement in {PATIENCE_S} s")
            await asyncio.sleep(POLL_S)

    def check(self, truth: bool, what: str) -> None:
        """Raises StoryError unless `truth`."""
        if not truth:
            raise StoryError(what)

    async def refused(self, title: str, attempt: Awaitable[Message], *reasons: str) -> CallError:
        """Awaits an attempt that must be refused with one of `reasons`, shows the exact error, and counts it.

        Raises:
            StoryError: it was not refused, or for another reason.
        """
        try:
            await attempt
        except CallError as error:
            if error.reason not in reasons:
                raise StoryError(f"{title}: refused as {error}, expected {' or '.join(reasons)}") from error
            violations = {each.field: each.description for each in error.violations}
            self.show_refusal(
                Refusal(title, error.code.name, error.reason, error.message, {**violations, **dict(error.metadata)})
            )
            return error
        raise StoryError(f"{title}: NOT REFUSED")

    def show_refusal(self, refusal: Refusal) -> None:
        """Shows a refusal and counts it."""
        self.refusals.append(refusal)
        self._advance()
        lines = [f"[bold red]{escape(refusal.reason)}[/bold red]  {escape(refusal.by)}", escape(refusal.message)]
        lines += facts(refusal.metadata)
        if refusal.meaning:
            lines.append(f"[italic]{escape(refusal.meaning)}[/italic]")
        self.console.print(Panel("\n".join(lines), title=escape(refusal.title), title_align="left", border_style="red"))


def facts(metadata: Mapping[str, str]) -> list[str]:
    """An error's metadata as lines of markup: tonnes rather than the same in mg, long ids cut, the rest counted."""
    distinct = [key for key in sorted(metadata) if f"{key.removesuffix('_mg')}_t" not in metadata]
    shown = distinct[:FACTS_MAX]
    values = [_LONG_ID.sub(r"\1…", metadata[key]) for key in shown]
    lines = [f"  [dim]{escape(key)}[/dim] = {escape(value)}" for key, value in zip(shown, values, strict=True)]
    if hidden := len(metadata) - len(shown):
        lines.append(f"  [dim]and {hidden} more[/dim]")
    return lines


def absent(surroundings: Surroundings) -> list[Actor]:
    """Actors without a certificate: empty when the story can be told."""
    return [actor for actor in EVERYBODY if actor.path not in surroundings.identities]
