"""Steps that callers command and the registry signs for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from monazite_provenance import lot_ids
from monazite_provenance.conservation import Finding
from monazite_provenance.contents import HoldDetails, LotContent, decode_lot, encode
from monazite_provenance.errors import MassNotConserved
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import lot_urn
from monazite_provenance.settings import RuleSettings
from monazite_provenance.statement import Outpoint
from monazite_provenance.steps import subject

from services.chassis.database import Database
from services.chassis.errors import not_found
from services.chassis.store import SignedStatement
from services.registry.domain import refusals
from services.registry.domain.admission import Terms, admit
from services.registry.domain.change import IssueNames, Step
from services.registry.domain.commands import DrawAsked, RegisterLot, StepCommand, TransformLots, draws_of, spends_of
from services.registry.domain.deciding import Actor, Decided, decide
from services.registry.domain.drafting import DraftedStep, draft
from services.registry.domain.records import RightTerms
from services.registry.operations.answers import Given, IdsIssued, StepDone, heads_made
from services.registry.operations.pipeline import Built, Pipeline, Standing
from services.registry.operations.presented import Presented
from services.registry.operations.requests import Asked
from services.registry.operations.signing import Signer
from services.registry.storage import lots as stored
from services.registry.storage.loading import Needs, load
from services.registry.storage.writes import HoldPlaced, PeerStatement


@dataclass(frozen=True, slots=True)
class Rights:
    """Rights that came with a command: their terms by id, and the statements to keep."""

    terms: Mapping[bytes, RightTerms]
    statements: tuple[PeerStatement, ...] = ()


@dataclass(frozen=True, slots=True)
class Steps:
    """What is needed to decide and sign a step, whoever drafted it."""

    database: Database
    signer: Signer
    presented: Presented
    home_log: str
    settings: RuleSettings

    def rights(self, items: tuple[bytes, ...]) -> Rights:
        """Verify rights that were sent along. Raises ProvenanceError."""
        terms: dict[bytes, RightTerms] = {}
        kept: list[PeerStatement] = []
        for item in items:
            right = self.presented.right(item)
            terms[right.right_id] = right
            kept.append(PeerStatement(right.right_id, int(EventKind.RIGHT), item))
        return Rights(terms, tuple(kept))

    async def inputs(self, holder: str, spends: tuple[Outpoint, ...]) -> dict[Outpoint, LotContent]:
        """The lots of heads that `holder` holds or is offered. Raises NOT_FOUND, STALE."""
        if not spends:
            return {}
        async with self.database.connection() as connection:
            heads = await stored.heads(connection, spends)
        lots: dict[Outpoint, LotContent] = {}
        for spend in spends:
            head = heads.get(spend)
            if head is None or holder not in {head.row.holder, head.row.receiver}:
                raise not_found("lot", refusals.outpoint_name(spend))
            if head.row.spent_by is not None:
                raise refusals.stale(spend, head.row.spent_by)
            lots[spend] = decode_lot(head.content)
        return lots

    def decide(self, drafted: DraftedStep, actor: Actor, rights: Rights) -> Decided:
        """The rule book and what the registry knows beside it; pure. Raises ProvenanceError, Error."""
        contents = tuple(encode(output) for output in drafted.outputs)
        return decide(drafted, contents, actor, rights.terms, home_log=self.home_log, settings=self.settings)

    async def admit(self, step: Step) -> None:
        """Decide against the rows as they stand, so that what cannot commit is not signed. Raises Error."""
        async with self.database.connection() as connection:
            rows = await load(connection, Needs.of([step]))
        admit(step, rows, bytes(32), Terms(self.home_log, self.signer.now()))

    def built(
        self, main: SignedStatement, decided: Decided, rights: Rights, findings: tuple[Finding, ...], kid: bytes | None
    ) -> Built:
        """A signed step with the holds that it asks for, ready to commit."""
        step = decided.step
        holds = self._holds(main, step)
        return Built(
            change=step,
            answer=StepDone(main.item, heads_made(main.statement_id, step.outputs), findings),
            statements=(main, *(statement for statement, _ in holds)),
            holds=tuple(placed for _, placed in holds),
            peers=rights.statements,
            signer_kid=kid,
        )

    def _holds(self, main: SignedStatement, step: Step) -> list[tuple[SignedStatement, HoldPlaced]]:
        holds: list[tuple[SignedStatement, HoldPlaced]] = []
        for index, output in enumerate(step.outputs):
            if output.hold is None:
                continue
            outpoint = Outpoint(main.statement_id, index)
            statement = self.signer.sign(
                EventKind.HOLD,
                lot_urn(output.lot_id),
                HoldDetails(outpoint, output.lot_id, output.hold),
                refs=(main.statement_id,),
                parents=(main.statement_id,),
            )
            holds.append((statement, HoldPlaced(statement.statement_id, outpoint, output.hold)))
        return holds


@dataclass(frozen=True, slots=True)
class LotOperations:
    """Commands about lots."""

    pipeline: Pipeline
    steps: Steps
    new_lot_id: Callable[[], str] = lot_ids.new

    async def issue(self, asked: Asked, count: int) -> Given:
        """New lot ids for the caller."""

        async def build() -> Built:
            ids = tuple(self.new_lot_id() for _ in range(count))
            return Built(IssueNames(asked.principal.id, ids), IdsIssued(ids))

        return await self.pipeline.run("issue_lot_ids", asked, build)

    async def step(self, name: str, asked: Asked, command: StepCommand, *, validate_only: bool = False) -> Given:
        """One custody step, signed on behalf of the caller. `name`: of the crash points."""

        async def build() -> Built | Standing:
            return await self._build(asked, command, validate_only=validate_only)

        return await self.pipeline.run(name, asked, build)

    async def _build(self, asked: Asked, command: StepCommand, *, validate_only: bool) -> Built | Standing:
        steps = self.steps
        holder = asked.principal.enterprise_uri
        actor = Actor(asked.principal.id, holder, holder, on_behalf=True)
        resolved, rights = resolve(command, steps)
        lots = await steps.inputs(holder, spends_of(resolved))
        drafted = draft(resolved, lots, holder=holder, home_log=steps.home_log)
        try:
            decided = steps.decide(drafted, actor, rights)
        except MassNotConserved as refusal:
            await self._remember(actor, drafted, refusal.code)
            raise
        findings = (*decided.verdict.findings, *await self._repeated(actor, drafted))
        # A register spends nothing, so there is nothing to read that the commit does not read again.
        if validate_only or not isinstance(resolved, RegisterLot):
            await steps.admit(decided.step)
        if validate_only:
            return Standing(StepDone(None, heads_made(None, decided.step.outputs), findings))
        main = steps.signer.sign(
            drafted.kind,
            subject(drafted.inputs, drafted.outputs),
            drafted.details,
            spends=drafted.spends,
            refs=drafted.refs,
            outputs=[output.content for output in decided.step.outputs],
            on_behalf=asked.on_behalf,
        )
        return steps.built(main, decided, rights, findings, None)

    async def _remember(self, actor: Actor, drafted: DraftedStep, reason: str) -> None:
        """Matter that appears is refused and the attempt recorded."""
        async with self.steps.database.connection() as connection:
            await stored.record_refused(connection, actor.enterprise_id, *_fingerprint(drafted), reason)

    async def _repeated(self, actor: Actor, drafted: DraftedStep) -> tuple[Finding, ...]:
        """The same step again with other figures is a finding."""
        if drafted.kind is not EventKind.TRANSFORM:
            return ()
        async with self.steps.database.connection() as connection:
            reason = await stored.refused_before(connection, actor.enterprise_id, *_fingerprint(drafted))
        if reason is None:
            return ()
        return (Finding("REPEATED_WITH_OTHER_FIGURES", "this step was refused before", {"reason": reason}),)


def _fingerprint(drafted: DraftedStep) -> tuple[bytes, bytes]:
    """A step by what it spends, and its figures by what it makes."""
    step = sha256(bytes([drafted.kind]) + b"".join(spend.encode() for spend in drafted.spends))
    masses = [(lot.form, sorted(lot.element_masses().items())) for lot in drafted.outputs]
    return step.digest(), sha256(repr(masses).encode()).digest()


def resolve(command: StepCommand, steps: Steps) -> tuple[StepCommand, Rights]:
    """The command with the ids of the rights that were sent, and these, verified. Raises ProvenanceError, Error."""
    draws = draws_of(command)
    rights = steps.rights(tuple(draw.item for draw in draws if draw.item is not None))
    if not rights.terms or not isinstance(command, RegisterLot | TransformLots):
        return command, rights
    named = tuple(_named(draw, steps) for draw in draws)
    return replace(command, draws=named), rights


def _named(draw: DrawAsked, steps: Steps) -> DrawAsked:
    if draw.item is None:
        return draw
    right_id = steps.presented.right(draw.item).right_id
    if draw.right_id not in {b"", right_id}:
        raise refusals.step_not_allowed("the right that was sent is not the one that is named")
    return replace(draw, right_id=right_id)
