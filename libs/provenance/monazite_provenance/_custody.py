"""The history of lots in a bundle: who spent what, by which rule, on which right, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from monazite_provenance import origins
from monazite_provenance._evidence import Evidence
from monazite_provenance.contents import (
    AcceptDetails,
    Details,
    Draw,
    ExportIntentDetails,
    LotContent,
    RegisterDetails,
    TransformDetails,
    decode_details,
    decode_lot,
)
from monazite_provenance.errors import (
    BadField,
    ChainTooLong,
    DoubleSpend,
    EventNotAllowed,
    MissingParent,
    RightExceeded,
    RightMissing,
    StepNotAllowed,
    Undisclosed,
)
from monazite_provenance.kinds import EventKind
from monazite_provenance.report import Gap, LotView, StepFinding, StepView
from monazite_provenance.settings import RuleSettings
from monazite_provenance.statement import Outpoint
from monazite_provenance.steps import StepVerdict, check_rights, check_step, is_export, subject
from monazite_provenance.verifier import Statement

DEPTH_MAX: Final = 1_000
"""Most custody statements on one path from a register to the target."""
_KEEPS_IDS: Final = frozenset({EventKind.OFFER, EventKind.CANCEL})


@dataclass(frozen=True, slots=True)
class History:
    """What the custody statements say of one head."""

    lot: LotContent
    steps: tuple[StepView, ...]
    findings: tuple[StepFinding, ...]
    gaps: tuple[Gap, ...]
    origins: origins.Shares


@dataclass(frozen=True, slots=True)
class _Head:
    lot: LotContent
    depth: int
    shares: origins.Shares


@dataclass(frozen=True, slots=True)
class _Opened:
    """A custody statement with its contents read."""

    statement: Statement
    inputs: tuple[_Head, ...]
    outputs: tuple[LotContent, ...]
    details: Details

    @property
    def lots(self) -> tuple[LotContent, ...]:
        return tuple(head.lot for head in self.inputs)

    @property
    def draws(self) -> tuple[Draw, ...]:
        return self.details.draws if isinstance(self.details, RegisterDetails | TransformDetails) else ()


class CustodyChain:
    """Takes verified custody statements, parents first. Every `take` raises ProvenanceError on what does not stand."""

    def __init__(self, evidence: Evidence, registry: str, settings: RuleSettings) -> None:
        self._evidence = evidence
        self._registry = registry
        self._settings = settings
        self._heads: dict[Outpoint, _Head] = {}
        self._outputs: dict[bytes, int] = {}
        self._spent: dict[Outpoint, bytes] = {}
        self._born: dict[str, bytes] = {}
        self._drawn: dict[bytes, int] = {}
        self._gaps: dict[bytes, list[Gap]] = {}
        self.findings: list[StepFinding] = []
        self.steps: dict[bytes, StepView] = {}

    def take(self, statement: Statement, *, own_signature: bool) -> None:
        """Check one custody statement against its parents and the rule book, and take its outputs as heads."""
        opened = self._open(statement)
        verdict = check_step(
            statement.claims.kind,
            opened.lots,
            opened.outputs,
            opened.details,
            actor=statement.claims.actor,
            settings=self._settings,
        )
        if statement.claims.subject != subject(opened.lots, opened.outputs):
            raise BadField("subject is not the lot", field="sub")
        self._check_service(opened)
        self._check_draws(opened, verdict)
        self._check_births(opened)
        self._record(opened, verdict)
        if own_signature and statement.claims.on_behalf is not None:
            gap = Gap("OWN_SIGNATURE_ORDER", "signed on behalf of one that wants its own signature only", statement.id)
            self._gaps.setdefault(statement.id, []).append(gap)

    def finish(self, target: Outpoint) -> None:
        """The bundle has ended: its target must be a head. Raises MissingParent, DoubleSpend, RightExceeded."""
        if target in self._spent:
            raise DoubleSpend("the target is spent in its own bundle")
        if target not in self._heads:
            raise MissingParent("the target is not in the bundle")
        for right_id, drawn in self._drawn.items():
            closed = self._evidence.closed_mg(right_id)
            if closed is not None and drawn > closed:
                raise RightExceeded("more drawn than the closed right counts", drawn_mg=drawn, mass_mg=closed)

    def history(self, target: Outpoint) -> History:
        """What the target rests on, once `finish` has passed."""
        head = self._heads[target]
        ancestors = self._ancestors(target.statement_id)
        gaps = [gap for statement_id in ancestors for gap in self._gaps.get(statement_id, ())]
        gaps += [gap for statement_id in ancestors for gap in self._unsettled(self.steps[statement_id])]
        unread = "of a kind from which this version concludes nothing"
        gaps += [Gap("UNREAD_STATEMENT", unread, statement_id) for statement_id in self._evidence.unread]
        if target in self._evidence.held:
            gaps.append(Gap("HELD", "a hold on the target stands in the bundle", target.statement_id))
        known = frozenset(ancestors)
        return History(
            lot=head.lot,
            steps=tuple(self.steps[statement_id] for statement_id in ancestors),
            findings=tuple(each for each in self.findings if each.statement_id in known),
            gaps=tuple(gaps),
            origins=head.shares,
        )

    def _open(self, statement: Statement) -> _Opened:
        claims = statement.claims
        inputs = tuple(self._find(spend) for spend in claims.spends)
        if len(statement.outputs) != statement.outputs_count or statement.details is None:
            raise Undisclosed("an output or the details of a step")
        depth = 1 + max((head.depth for head in inputs), default=0)
        if depth > DEPTH_MAX:
            raise ChainTooLong("the history is deeper than the bound", limit=DEPTH_MAX)
        return _Opened(
            statement,
            inputs,
            tuple(decode_lot(statement.outputs[index]) for index in range(statement.outputs_count)),
            decode_details(claims.kind, statement.details),
        )

    def _find(self, spend: Outpoint) -> _Head:
        if spend in self._spent:
            raise DoubleSpend("an output is spent twice in the bundle")
        head = self._heads.get(spend)
        if head is not None:
            return head
        if spend.statement_id not in self._outputs:
            raise MissingParent("a spent statement is not in the bundle before its spender")
        raise StepNotAllowed("spends an output that its parent does not have")

    def _check_service(self, opened: _Opened) -> None:
        """On behalf only the registry signs custody; what customs takes out rests on an intent by licensing."""
        claims = opened.statement.claims
        if claims.on_behalf is not None and claims.issuer != self._registry:
            raise EventNotAllowed("only the registry signs custody events on behalf of another")
        if not isinstance(opened.details, AcceptDetails) or not any(is_export(lot) for lot in opened.lots):
            return
        intents = [self._evidence.intents[ref] for ref in claims.refs if ref in self._evidence.intents]
        if len(intents) != 1:
            if any(ref not in self._evidence.seen and ref not in self._outputs for ref in claims.refs):
                raise MissingParent("an export refers to a statement that is not in the bundle")
            raise StepNotAllowed("an export without one export intent", intents=len(intents))
        _check_intent(intents[0], claims.spends, opened.lots, opened.details)

    def _check_draws(self, opened: _Opened, verdict: StepVerdict) -> None:
        if not opened.draws:
            return
        refs = opened.statement.claims.refs
        if any(draw.right_id not in refs for draw in opened.draws):
            raise RightMissing("a right drawn on is not among the refs")
        rights = self._evidence.rights
        check_rights(
            verdict.required,
            opened.draws,
            rights,
            actor=opened.statement.claims.actor,
            home_log=opened.outputs[0].home_log,
        )
        for draw in opened.draws:
            drawn = self._drawn.get(draw.right_id, 0) + draw.reo_mg
            if drawn > rights[draw.right_id].mass_mg:
                raise RightExceeded(
                    "more drawn in all than the right bears", drawn_mg=drawn, mass_mg=rights[draw.right_id].mass_mg
                )
            self._drawn[draw.right_id] = drawn

    def _check_births(self, opened: _Opened) -> None:
        """A lot id is born once: at register, split, merge, transform, and of what an acceptance gives back."""
        kind = opened.statement.claims.kind
        if kind in _KEEPS_IDS:
            return
        kept = {lot.lot_id for lot in opened.lots} if kind is EventKind.ACCEPT else frozenset[str]()
        for lot in opened.outputs:
            if lot.lot_id in kept:
                continue
            if lot.lot_id in self._born:
                raise DoubleSpend("a lot id is born twice")
            self._born[lot.lot_id] = opened.statement.id

    def _record(self, opened: _Opened, verdict: StepVerdict) -> None:
        statement = opened.statement
        depth = 1 + max((head.depth for head in opened.inputs), default=0)
        for output, share, lot in zip(range(len(opened.outputs)), _shares(opened), opened.outputs, strict=True):
            self._heads[Outpoint(statement.id, output)] = _Head(lot, depth, share)
        for spend in statement.claims.spends:
            self._spent[spend] = statement.id
            del self._heads[spend]
        self._outputs[statement.id] = statement.outputs_count
        self.steps[statement.id] = _view(opened)
        self.findings += [StepFinding(statement.id, finding) for finding in verdict.findings]
        self._gaps[statement.id] = [
            Gap(
                "QUOTA_NOT_COVERED",
                "quota that the law asks for and no draw covers",
                statement.id,
                {"quota_kind": need.kind.name, "reo_mg": str(need.reo_mg)},
            )
            for need in verdict.uncovered
        ]

    def _unsettled(self, step: StepView) -> list[Gap]:
        return [
            Gap(
                "UNSETTLED_RIGHT",
                "a draw that quota has not settled",
                step.statement_id,
                {"right_id": right_id.hex(), "reo_mg": str(mass), "settled_mg": str(settled)},
            )
            for right_id, mass in step.draws
            if (settled := self._evidence.settled_mg(right_id, step.statement_id)) != mass
        ]

    def _ancestors(self, statement_id: bytes) -> list[bytes]:
        """The custody statements a statement rests on, itself included, in the bundle's order: parents first."""
        wanted = {statement_id}
        stack = [statement_id]
        while stack:
            for lot in self.steps[stack.pop()].inputs:
                parent = lot.outpoint.statement_id
                if parent not in wanted:
                    wanted.add(parent)
                    stack.append(parent)
        return [each for each in self.steps if each in wanted]


def _check_intent(
    intent: ExportIntentDetails, spends: Sequence[Outpoint], lots: Sequence[LotContent], details: AcceptDetails
) -> None:
    masses = {mass.outpoint: mass.gross_g for mass in intent.masses}
    for spend, lot, line in zip(spends, lots, details.lines, strict=True):
        if lot.export is None or lot.export.licence_id != intent.licence_id:
            raise StepNotAllowed("the intent is under another licence than the offer")
        if line.accepted_g != masses.get(spend, 0):
            raise StepNotAllowed(
                "another mass leaves than the intent allows", accepted_g=line.accepted_g, intent_g=masses.get(spend, 0)
            )


def _shares(opened: _Opened) -> list[origins.Shares]:
    if isinstance(opened.details, RegisterDetails):
        name = origins.label(opened.details.origin)
        return [origins.born(lot, name) for lot in opened.outputs]
    if len(opened.inputs) == len(opened.outputs) and opened.statement.claims.kind in _KEEPS_IDS:
        return [head.shares for head in opened.inputs]
    if isinstance(opened.details, AcceptDetails):
        return _accepted_shares(opened, opened.details)
    return origins.carry([head.shares for head in opened.inputs], opened.outputs)


def _accepted_shares(opened: _Opened, details: AcceptDetails) -> list[origins.Shares]:
    """Lot by lot: goods that arrive together are not blended by that."""
    shares: list[origins.Shares] = []
    left = list(opened.outputs)
    for head, line in zip(opened.inputs, details.lines, strict=True):
        count = (line.accepted_g > 0) + (line.returned_g > 0)
        shares += origins.carry([head.shares], left[:count])
        del left[:count]
    return shares


def _view(opened: _Opened) -> StepView:
    claims = opened.statement.claims
    details = opened.details
    return StepView(
        statement_id=opened.statement.id,
        kind=claims.kind.name,
        actor=claims.actor,
        issuer=claims.issuer,
        on_behalf=claims.on_behalf is not None,
        issued_at=claims.issued_at,
        inputs=tuple(LotView.of(spend, lot) for spend, lot in zip(claims.spends, opened.lots, strict=True)),
        outputs=tuple(
            LotView.of(Outpoint(opened.statement.id, index), lot) for index, lot in enumerate(opened.outputs)
        ),
        draws=tuple((draw.right_id, draw.reo_mg) for draw in opened.draws),
        origin=origins.label(details.origin) if isinstance(details, RegisterDetails) else None,
        process=details.process if isinstance(details, TransformDetails) else None,
    )
