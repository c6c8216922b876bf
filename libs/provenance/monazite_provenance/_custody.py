"""The history of lots in a bundle: who spent what, by which rule, on which right, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from monazite_provenance import origins
from monazite_provenance._evidence import Evidence
from monazite_provenance.conservation import Finding
from monazite_provenance.contents import (
    AcceptDetails,
    Details,
    Draw,
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
    LogProblem,
    MissingParent,
    OwnSignatureOnly,
    RightExceeded,
    RightMissing,
    StepNotAllowed,
    Undisclosed,
)
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import parse_spiffe
from monazite_provenance.report import Gap, LotView, StepFinding, StepView
from monazite_provenance.settings import RuleSettings
from monazite_provenance.statement import Outpoint
from monazite_provenance.steps import StepVerdict, check_rights, check_step, is_export, subject
from monazite_provenance.verifier import Statement

DEPTH_MAX: Final = 1_000
"""Most custody statements on one path from a register to the target."""
SHARES_MAX: Final = 1_000_000
"""Most origin shares worked out for one bundle: lots merged of thousands of origins and split again make millions."""
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
    """An output nobody spent yet. `shares` None: too many to work out. `alone`: who signed alone in its history."""

    lot: LotContent
    depth: int
    shares: origins.Shares | None
    alone: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Opened:
    """A custody statement with its contents read."""

    statement: Statement
    inputs: tuple[_Head, ...]
    outputs: tuple[LotContent, ...]
    details: Details
    depth: int
    alone: frozenset[str]

    @property
    def lots(self) -> tuple[LotContent, ...]:
        return tuple(head.lot for head in self.inputs)

    @property
    def draws(self) -> tuple[Draw, ...]:
        return self.details.draws if isinstance(self.details, RegisterDetails | TransformDetails) else ()


class CustodyChain:
    """Takes verified custody statements, parents first. Every `take` raises ProvenanceError on what does not stand.

    `registry`: URI of the service that signs on behalf; `keeps_lots(log)`: whether lots may have their home there.
    """

    def __init__(
        self, evidence: Evidence, registry: str, settings: RuleSettings, keeps_lots: Callable[[str], bool]
    ) -> None:
        self._keeps_lots = keeps_lots
        self._homes: set[str] = set()
        self._evidence = evidence
        self._registry = registry
        self._settings = settings
        self._heads: dict[Outpoint, _Head] = {}
        self._outputs: dict[bytes, int] = {}
        self._spent: dict[Outpoint, bytes] = {}
        self._born: dict[str, bytes] = {}
        self._drawn: dict[bytes, int] = {}
        self._gaps: dict[bytes, list[Gap]] = {}
        self._shares_left = SHARES_MAX
        self.findings: list[StepFinding] = []
        self.steps: dict[bytes, StepView] = {}

    def take(self, statement: Statement) -> None:
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
        gaps, found = self._check_service(opened)
        self._check_draws(opened, verdict)
        self._check_births(opened)
        self._record(opened, verdict)
        self._gaps[statement.id] += gaps
        self.findings += [StepFinding(statement.id, finding) for finding in found]

    def finish(self, target: Outpoint) -> None:
        """The bundle has ended: its target must be a head, and nothing said of rights and acts speaks against a step.

        Raises MissingParent, DoubleSpend, RightExceeded, LicenceExceeded, StepNotAllowed.
        """
        if target in self._spent:
            raise DoubleSpend("the target is spent in its own bundle")
        if target not in self._heads:
            raise MissingParent("the target is not in the bundle")
        for right_id, drawn in self._drawn.items():
            closed = self._evidence.closed_mg(right_id)
            if closed is not None and drawn > closed:
                raise RightExceeded("more drawn than the closed right counts", drawn_mg=drawn, mass_mg=closed)
        self._evidence.exports.finish()
        self._evidence.holds.check_lots(self._lot_at)

    def history(self, target: Outpoint, signs_alone: Callable[[str], bool]) -> History:
        """What the target rests on, once `finish` has passed.

        `signs_alone(uri)`: whether its owner registered its own signature as the only one, anywhere in the bundle.
        """
        head = self._heads[target]
        ancestors = self._ancestors(target.statement_id)
        gaps = [gap for statement_id in ancestors for gap in self._gaps.get(statement_id, ())]
        gaps += [gap for statement_id in ancestors for gap in self._unsettled(self.steps[statement_id])]
        gaps += [
            Gap("OWN_SIGNATURE_ORDER", "signed on behalf of one that wants its own signature only", statement_id)
            for statement_id in ancestors
            if self.steps[statement_id].on_behalf and signs_alone(self.steps[statement_id].actor)
        ]
        unread = "of a kind from which this version concludes nothing"
        gaps += [Gap("UNREAD_STATEMENT", unread, statement_id) for statement_id in self._evidence.unread]
        held = self._held(target, ancestors)
        gaps += [Gap("HELD", "that this hold has ended is not in the bundle", each.statement_id) for each in held]
        if head.shares is None:
            gaps.append(Gap("ORIGINS_NOT_TRACED", "more origin shares than this verifier works out"))
        known = frozenset(ancestors)
        return History(
            lot=head.lot,
            steps=tuple(self.steps[statement_id] for statement_id in ancestors),
            findings=(*(each for each in self.findings if each.statement_id in known), *held),
            gaps=tuple(gaps),
            origins=head.shares or {},
        )

    def _held(self, target: Outpoint, ancestors: Sequence[bytes]) -> tuple[StepFinding, ...]:
        """Open holds on the target and on all that was spent on the way to it; a held head is not spent."""
        chain = {target, *(lot.outpoint for statement_id in ancestors for lot in self.steps[statement_id].inputs)}
        return tuple(
            StepFinding(
                hold.hold_id,
                Finding(
                    "HELD",
                    "held, and no release of this hold is in the bundle",
                    {"lot_id": hold.lot_id, "reason_code": hold.reason_code},
                ),
            )
            for hold in self._evidence.holds.still_open(chain)
        )

    def _lot_at(self, outpoint: Outpoint) -> str | None:
        step = self.steps.get(outpoint.statement_id)
        if step is None:
            return None
        return step.outputs[outpoint.index].lot_id if outpoint.index < len(step.outputs) else ""

    def _open(self, statement: Statement) -> _Opened:
        claims = statement.claims
        inputs = tuple(self._find(spend) for spend in claims.spends)
        if len(statement.outputs) != statement.outputs_count or statement.details is None:
            raise Undisclosed("an output or the details of a step")
        depth = 1 + max((head.depth for head in inputs), default=0)
        if depth > DEPTH_MAX:
            raise ChainTooLong("the history is deeper than the bound", limit=DEPTH_MAX)
        outputs = tuple(decode_lot(statement.outputs[index]) for index in range(statement.outputs_count))
        for home in {lot.home_log for lot in outputs} - self._homes:
            if not self._keeps_lots(home):
                raise LogProblem("a home log that no registry of the trust file keeps")
            self._homes.add(home)
        return _Opened(
            statement,
            inputs,
            outputs,
            decode_details(claims.kind, statement.details),
            depth,
            _alone(statement, inputs),
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

    def _check_service(self, opened: _Opened) -> tuple[tuple[Gap, ...], tuple[Finding, ...]]:
        """On behalf only the registry signs custody; what customs takes out rests on an intent by licensing.

        Gives what an export leaves unchecked, and what of it wants an explanation.
        """
        claims = opened.statement.claims
        if claims.on_behalf is not None and claims.issuer != self._registry:
            raise EventNotAllowed("only the registry signs custody events on behalf of another")
        if not isinstance(opened.details, AcceptDetails) or not any(is_export(lot) for lot in opened.lots):
            return (), ()
        return self._evidence.exports.take_out(
            opened.statement,
            opened.lots,
            opened.details,
            lambda ref: ref in self._evidence.seen or ref in self._outputs,
        )

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
            outputs=opened.outputs,
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
        for lot in _newborn(opened):
            if lot.lot_id in self._born:
                raise DoubleSpend("a lot id is born twice")
            self._born[lot.lot_id] = opened.statement.id

    def _record(self, opened: _Opened, verdict: StepVerdict) -> None:
        statement = opened.statement
        for index, (share, lot) in enumerate(zip(self._shares(opened), opened.outputs, strict=True)):
            self._heads[Outpoint(statement.id, index)] = _Head(lot, opened.depth, share, opened.alone)
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

    def _shares(self, opened: _Opened) -> Sequence[origins.Shares | None]:
        """Origin shares of the outputs; None for all of them past the bound, and for whatever is made of those."""
        if opened.statement.claims.kind in _KEEPS_IDS:
            return [head.shares for head in opened.inputs]
        inputs = [head.shares for head in opened.inputs if head.shares is not None]
        cost = origins.cost(inputs, opened.outputs)
        if len(inputs) < len(opened.inputs) or cost > self._shares_left:
            return [None] * len(opened.outputs)
        self._shares_left -= cost
        return _shares(opened, inputs)

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


def _alone(statement: Statement, inputs: Sequence[_Head]) -> frozenset[str]:
    """Owners who signed, here or before, with a key that counts as their only signature.

    A statement stands in its log after all that it spends: one signed on behalf of them here is too late, whatever the
    log says. Raises OwnSignatureOnly.
    """
    claims = statement.claims
    alone = frozenset[str]().union(*(head.alone for head in inputs))
    owner = str(parse_spiffe(claims.actor).owner)
    if claims.on_behalf is not None and owner in alone:
        raise OwnSignatureOnly("signed on behalf of one that signed alone before")
    return alone | {owner} if statement.key.own_signature_only else alone


def _newborn(opened: _Opened) -> list[LotContent]:
    """Outputs whose lot ids begin here."""
    if opened.statement.claims.kind in _KEEPS_IDS:
        return []
    if not isinstance(opened.details, AcceptDetails):
        return list(opened.outputs)
    returned: list[LotContent] = []
    left = iter(opened.outputs)
    for line in opened.details.lines:
        if line.accepted_g:
            next(left)
        if line.returned_g:
            returned.append(next(left))
    return returned


def _shares(opened: _Opened, inputs: Sequence[origins.Shares]) -> list[origins.Shares]:
    if isinstance(opened.details, RegisterDetails):
        name = origins.label(opened.details.origin)
        return [origins.born(lot, name) for lot in opened.outputs]
    if isinstance(opened.details, AcceptDetails):
        return _accepted_shares(opened, opened.details, inputs)
    return origins.carry(inputs, opened.outputs)


def _accepted_shares(opened: _Opened, details: AcceptDetails, inputs: Sequence[origins.Shares]) -> list[origins.Shares]:
    """Lot by lot: goods that arrive together are not blended by that."""
    shares: list[origins.Shares] = []
    left = list(opened.outputs)
    for share, line in zip(inputs, details.lines, strict=True):
        count = (line.accepted_g > 0) + (line.returned_g > 0)
        shares += origins.carry([share], left[:count])
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
