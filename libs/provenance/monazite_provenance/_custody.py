"""The history of lots in a bundle: who spent what, by which rule, on which right, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Final

from monazite_provenance import origins
from monazite_provenance._attestations import check_agrees, compared, named
from monazite_provenance._corrections import Corrections
from monazite_provenance._descent import AS_THEY_ARE, are_inputs, newborn, shares
from monazite_provenance._evidence import Evidence
from monazite_provenance._frozen import dataclass
from monazite_provenance._graph import Graph, Hidden, alone_of, depth_of
from monazite_provenance._holds import ON_HOLD, hold_gap
from monazite_provenance._opened import Head, Opened, as_corrected, basis_of, corrected_lots
from monazite_provenance._records import Records
from monazite_provenance._redacted import Partly
from monazite_provenance._telling import Steps, Told
from monazite_provenance.conservation import Finding
from monazite_provenance.contents import (
    AcceptDetails,
    CutDetails,
    Details,
    Draw,
    LotContent,
    ReturnDetails,
    decode_details,
    decode_lot,
)
from monazite_provenance.contents._lot_form import Kept
from monazite_provenance.contents._lots import decode_after
from monazite_provenance.errors import (
    AttestationMismatch,
    BadField,
    EventNotAllowed,
    LogProblem,
    RightExceeded,
    RightMissing,
    StepNotAllowed,
    Undisclosed,
)
from monazite_provenance.kinds import EventKind
from monazite_provenance.places import Place
from monazite_provenance.report import Gap, LotView, StepFinding, StepView, Vouched, Withheld
from monazite_provenance.settings import RuleSettings
from monazite_provenance.statement import Outpoint
from monazite_provenance.steps import Prior, StepVerdict, check_rights, check_step, is_export, subject
from monazite_provenance.verifier import Statement

SHARES_MAX: Final = 1_000_000
"""Most origin shares worked out for one bundle: lots merged of thousands of origins and split again make millions."""
_MOVING: Final = AS_THEY_ARE | {EventKind.ACCEPT}
"""Kinds whose outputs, one by one, mostly are their inputs in other hands."""
_MEASURING: Final = frozenset({EventKind.REGISTER, EventKind.TRANSFORM, EventKind.ADJUST})


@dataclass(frozen=True, slots=True)
class History:
    """What the custody statements say of one head."""

    lot: LotContent
    steps: Sequence[StepView]
    findings: tuple[StepFinding, ...]
    gaps: tuple[Gap, ...]
    origins: origins.Shares
    vouched: tuple[Vouched, ...]


class CustodyChain:
    """Takes verified custody statements, parents first. Every `take` raises ProvenanceError on what does not stand.

    `registry`: URI of the service that signs on behalf.
    """

    def __init__(self, evidence: Evidence, registry: str, settings: RuleSettings) -> None:
        self._evidence = evidence
        self._registry = registry
        self._settings = settings
        self._graph = Graph()
        self._drawn: dict[bytes, int] = {}
        self._gaps: dict[bytes, Sequence[Gap]] = {}
        self._shares_left = SHARES_MAX
        self._cuts: dict[Outpoint, Vouched] = {}
        self._partly: dict[bytes, tuple[Withheld, Gap]] = {}
        self._blind: set[bytes] = set()
        self.findings: list[StepFinding] = []
        self._told: dict[bytes, Told] = {}
        self._records = Records(self._told)
        self._corrections = Corrections(self._graph, self._records)

    @property
    def steps(self) -> Mapping[bytes, StepView]:
        """All that were taken, as a report shows them, by id."""
        return dict(zip(self._told, Steps(tuple(self._told.values())), strict=True))

    def take(self, statement: Statement, place: Place) -> None:
        """Check one custody statement, registered there, against its parents and the rule book, and take its outputs
        as heads.
        """
        whole = len(statement.outputs) == statement.outputs_count and statement.details is not None
        if not whole or not self._graph.shows(statement.claims.spends):
            self._take_part(statement, place)
            return
        opened = self._open(statement)
        _check_home(opened.lots, place.log)
        _check_home(corrected_lots(opened), place.log)
        prior = self._records.spoken_of(statement.claims, opened.details, self._graph.spent)
        explained = self._corrections.explain(opened)
        verdict = check_step(
            statement.claims.kind,
            opened.lots,
            opened.outputs,
            opened.details,
            actor=statement.claims.actor,
            settings=self._settings,
            prior=prior,
            explained=explained,
        )
        if statement.claims.subject != subject(opened.lots, opened.outputs, opened.details):
            raise BadField("subject is not the lot", field="sub")
        gaps, found = self._check_service(opened)
        gaps += self._check_attested(opened, prior)
        drawn = self._check_draws(opened, verdict, prior)
        self._graph.bear(newborn(opened.details, opened.outputs), statement.id, place)
        self._corrections.take_up(opened, verdict.balances)
        self._record(opened, drawn, prior)
        self._report(statement.id, (*_not_covered(statement.id, verdict), *gaps), (*verdict.findings, *found))

    def _report(self, statement_id: bytes, gaps: Sequence[Gap], findings: Iterable[Finding]) -> None:
        if gaps:
            self._gaps[statement_id] = gaps
        self.findings += [StepFinding(statement_id, finding) for finding in findings]

    def _take_part(self, statement: Statement, place: Place) -> None:
        """The same of a statement of which something, or something of what it spends, is not disclosed."""
        partly = self._read(statement)
        _check_home((*partly.lots, *partly.outputs.values()), place.log)
        partly.check(self._registry, self._settings)
        _check_named(statement, partly.draws)
        verdict = partly.check_quota(self._evidence.rights, self._settings)
        self._draw({draw.right_id: draw.reo_mg for draw in partly.draws})
        gaps, found = self._check_export(statement, partly.lots, partly.details if partly.sees_all_inputs else None)
        self._graph.bear(partly.born, statement.id, place)
        shares = partly.shares()
        heads = {index: Head(lot, partly.depth, shares[index], partly.alone) for index, lot in partly.outputs.items()}
        self._graph.take(statement, heads, Hidden(partly.depth, partly.alone))
        self._told[statement.id] = partly.told
        self._report(statement.id, (*_not_covered(statement.id, verdict), *gaps), (*verdict.findings, *found))
        self._partly[statement.id] = partly.withheld, partly.gap
        if not partly.sees_all_inputs:
            self._blind.add(statement.id)

    def _read(self, statement: Statement) -> Partly:
        claims = statement.claims
        inputs = tuple(map(self._graph.find_any, claims.spends))
        outputs = {index: decode_lot(content) for index, content in sorted(statement.outputs.items())}
        details = None if statement.details is None else decode_details(claims.kind, statement.details)
        return Partly(statement, inputs, outputs, details, depth_of(inputs), alone_of(statement, inputs))

    @property
    def withheld(self) -> tuple[Withheld, ...]:
        """What of the statements taken is not disclosed."""
        return tuple(withheld for withheld, _gap in self._partly.values() if withheld.outputs or withheld.details)

    def vouch(self, statement: Statement, details: CutDetails, place: Place) -> None:
        """Take a cut, registered there, which stands in place of all that its outpoint rests on, unless that is in the
        bundle itself.

        Raises StepNotAllowed for one that says something else than what is shown, DoubleSpend for a lot id that is
        born behind it or under another cut.
        """
        stands_for = LotView(details.outpoint, details.lot)
        shown = self._shown(details.outpoint)
        if shown is None and self._is_withheld(details.outpoint):
            return
        if self._graph.holds(details.outpoint.statement_id) or shown is not None:
            if shown != stands_for:
                raise StepNotAllowed("a cut that says something else than what it stands for")
            return
        traced = {each.element: dict(each.masses) for each in details.origins}
        self._graph.begin(details.outpoint, Head(details.lot, 0, traced or None, frozenset()), place)
        same_rules = details.policy_hash == self._settings.policy_hash
        self._cuts[details.outpoint] = Vouched(statement.id, stands_for, details.findings, same_rules)

    def _is_withheld(self, outpoint: Outpoint) -> bool:
        partly = self._partly.get(outpoint.statement_id)
        return partly is not None and outpoint.index in partly[0].outputs

    def finish(self, target: Outpoint, places: Mapping[bytes, Place]) -> None:
        """The bundle has ended: its target must be a head, and nothing said of rights and acts speaks against a step.

        `places`: where each statement of the bundle is registered. Raises the ChainProblem family, LogProblem.
        """
        self._graph.target(target)
        for right_id, drawn in self._drawn.items():
            closed = self._evidence.closed_mg(right_id)
            if closed is not None and drawn > closed:
                raise RightExceeded("more drawn than the closed right counts", drawn_mg=drawn, mass_mg=closed)
        self._check_settled(places)
        self._evidence.exports.finish()
        self._evidence.holds.check_lots(self._lot_at)
        self._evidence.attestations.check_lots(self._lot_at)

    def _check_settled(self, places: Mapping[bytes, Place]) -> None:
        """What quota settled of a step is what that drew, as far as it is shown, and where that stands.

        Raises StepNotAllowed, LogProblem.
        """
        for (right_id, drawing_id), settled in self._evidence.settled.items():
            place = places.get(drawing_id)
            if place is not None and place.index != settled.registry_index:
                raise LogProblem("a draw settled at another place than it has", index=settled.registry_index)
            told, partly = self._told.get(drawing_id), self._partly.get(drawing_id)
            if told is None or (partly is not None and partly[0].details):
                continue
            if told.drawn.get(right_id) != settled.mass_mg:
                raise StepNotAllowed("a settlement of another draw than was made", settled_mg=settled.mass_mg)

    def history(self, target: Outpoint, order_unknown: Callable[[bytes, str], bool]) -> History:
        """What the target rests on, once `finish` has passed.

        `order_unknown(id, uri)`: whether this owner wants its own signature only, by a word of which nobody knows
        whether it stands before that statement.
        """
        head = self._graph.target(target)
        ancestors = self._ancestors(target.statement_id)
        if not self._blind.isdisjoint(ancestors):
            raise Undisclosed("an output that was spent on the way to the target")
        gaps = [gap for statement_id in ancestors for gap in self._gaps.get(statement_id, ())]
        steps = [self._told[statement_id] for statement_id in ancestors]
        gaps += [gap for told in steps if told.drawn for gap in self._unsettled(told)]
        gaps += [
            Gap("OWN_SIGNATURE_ORDER", "signed on behalf of one that wants its own signature only", told.statement_id)
            for told in steps
            if told.claims.on_behalf and order_unknown(told.statement_id, told.claims.actor)
        ]
        chain = {target, *self._graph.spends(ancestors)}
        gaps += [gap for _withheld, gap in self._partly.values()]
        held = self._held(chain)
        gaps += [hold_gap(each.statement_id) for each in held]
        vouched = tuple(cut for outpoint, cut in self._cuts.items() if outpoint in chain)
        by_word = "the registry's word stands for all that this lot rests on"
        gaps += [Gap("VOUCHED", by_word, each.statement_id) for each in vouched]
        if head.shares is None:
            gaps.append(
                Gap(
                    "ORIGINS_NOT_TRACED",
                    "the shares of the origins were not worked out: too many, withheld, or none in a cut",
                )
            )
        known = frozenset(ancestors)
        return History(
            lot=head.lot,
            steps=Steps(steps),
            findings=(
                *(each for each in self.findings if each.statement_id in known),
                *self._assayed(chain),
                *held,
            ),
            gaps=tuple(gaps),
            origins=head.shares or {},
            vouched=vouched,
        )

    def _held(self, chain: Set[Outpoint]) -> tuple[StepFinding, ...]:
        """Open holds on the target and on all that was spent on the way to it; a head on hold is not spent."""
        return tuple(
            StepFinding(
                hold.hold_id,
                Finding(
                    ON_HOLD,
                    "on hold, and no release of this hold is in the bundle",
                    {"lot_id": hold.lot_id, "reason_code": hold.reason_code},
                ),
            )
            for hold in self._evidence.holds.still_open(chain)
        )

    def _shown(self, outpoint: Outpoint) -> LotView | None:
        """The lot at an outpoint that a step of the bundle made, or that a cut stands for."""
        told = self._told.get(outpoint.statement_id)
        if told is None:
            return self._cuts[outpoint].lot if outpoint in self._cuts else None
        return told.lot_at(outpoint.index)

    def _lot_at(self, outpoint: Outpoint) -> str | None:
        shown = self._shown(outpoint)
        if shown is None:
            missing = outpoint.statement_id in self._told and not self._is_withheld(outpoint)
            return "" if missing else None
        return shown.lot_id

    def _open(self, statement: Statement) -> Opened:
        claims = statement.claims
        inputs = tuple(map(self._graph.find, claims.spends))
        assert statement.details is not None  # noqa: S101 - `take` has seen to it
        depth = depth_of(inputs)
        outputs, kept = self._lots(statement, inputs)
        return Opened(
            statement,
            inputs,
            tuple([head.lot for head in inputs]),
            outputs,
            kept,
            decode_details(claims.kind, statement.details),
            depth,
            alone_of(statement, inputs),
        )

    @staticmethod
    def _lots(statement: Statement, inputs: Sequence[Head]) -> tuple[tuple[LotContent, ...], tuple[Kept | None, ...]]:
        """The outputs, each read beside the input that it mostly is."""
        lots: list[LotContent] = []
        keeps: list[Kept | None] = []
        beside = statement.claims.kind in _MOVING and len(inputs) == statement.outputs_count
        for index in range(statement.outputs_count):
            before, known = (inputs[index].lot, inputs[index].kept) if beside else (None, None)
            lot, kept = decode_after(statement.outputs[index], before, known)
            lots.append(lot)
            keeps.append(kept)
        return tuple(lots), tuple(keeps)

    def _check_service(self, opened: Opened) -> tuple[tuple[Gap, ...], tuple[Finding, ...]]:
        """On behalf only the registry signs custody; what customs takes out rests on an intent by licensing.

        Gives what an export leaves unchecked, and what of it wants an explanation.
        """
        claims = opened.statement.claims
        if claims.on_behalf is not None and claims.issuer != self._registry:
            raise EventNotAllowed("only the registry signs custody events on behalf of another")
        if isinstance(opened.details, ReturnDetails):
            self._evidence.exports.bring_back(opened.statement, opened.details)
        return self._check_export(opened.statement, opened.lots, opened.details)

    def _check_export(
        self, statement: Statement, lots: Sequence[LotContent], details: Details | None
    ) -> tuple[tuple[Gap, ...], tuple[Finding, ...]]:
        if not isinstance(details, AcceptDetails) or not any(is_export(lot) for lot in lots):
            return (), ()
        return self._evidence.exports.take_out(
            statement, lots, details, lambda ref: ref in self._evidence.seen or self._graph.holds(ref)
        )

    def _check_attested(self, opened: Opened, prior: Prior | None) -> tuple[Gap, ...]:
        """What is measured agrees with the attestations that it names; of one that is not shown it is a gap."""
        kind, inputs = opened.statement.claims.kind, opened.lots
        lots = corrected_lots(opened)
        if prior is not None:
            kind, inputs = prior.kind, prior.inputs
        if kind not in _MEASURING:
            return ()
        gaps: list[Gap] = []
        for lot, index in named(lots, inputs if kind is EventKind.ADJUST else (), basis_of(opened.details, prior)):
            attestation = lot.sources[index].attestation or b""
            if attestation not in opened.statement.claims.refs:
                raise BadField("a statement does not refer to the attestation that it rests on", field="refs")
            attested = self._evidence.attestations.find(attestation)
            if attested is not None:
                check_agrees(lot, index, attested)
            elif attestation in self._evidence.seen or self._graph.holds(attestation):
                raise AttestationMismatch("masses rest on a statement that is no attestation")
            else:
                message = "an attestation that masses rest on is not in the bundle"
                metadata = {"attestation_id": attestation.hex(), "lot_id": lot.lot_id}
                gaps.append(Gap("ATTESTATION_NOT_SHOWN", message, opened.statement.id, metadata))
        return tuple(gaps)

    def _check_draws(self, opened: Opened, verdict: StepVerdict, prior: Prior | None) -> dict[bytes, int]:
        """By right, how much more is drawn on it since this step; negative: less."""
        change = self._records.drawn(opened.details)
        if opened.draws:
            _check_named(opened.statement, opened.draws)
            check_rights(
                verdict.required,
                opened.draws,
                self._evidence.rights,
                actor=opened.statement.claims.actor,
                outputs=as_corrected(opened, prior),
            )
        if change:
            self._draw(change)
        return change

    def _draw(self, change: Mapping[bytes, int]) -> None:
        """Take in how much more each right bears. Raises RightExceeded."""
        rights = self._evidence.rights
        for right_id, more in change.items():
            drawn = self._drawn.get(right_id, 0) + more
            if more > 0 and drawn > rights[right_id].mass_mg:
                raise RightExceeded(
                    "more drawn in all than the right bears", drawn_mg=drawn, mass_mg=rights[right_id].mass_mg
                )
            self._drawn[right_id] = drawn

    def _record(self, opened: Opened, drawn: Mapping[bytes, int], prior: Prior | None) -> None:
        statement, depth, alone = opened.statement, opened.depth, opened.alone
        made = zip(opened.outputs, self._shares(opened, prior), opened.kept, strict=True)
        heads = [Head(lot, depth, share, alone, kept) for lot, share, kept in made]
        self._graph.take(statement, dict(enumerate(heads)))
        self._told[statement.id] = Told(
            statement.id, statement.claims, opened.lots, opened.outputs, opened.details, drawn
        )
        if prior is not None:
            self._corrections.take(opened, prior)

    def _assayed(self, chain: Set[Outpoint]) -> tuple[StepFinding, ...]:
        """What assays of the target, and of what was spent on the way to it, say otherwise than the record."""
        return tuple(
            StepFinding(attestation, finding)
            for outpoint, attestation, attested in self._evidence.attestations.of_heads()
            if outpoint in chain and (shown := self._shown(outpoint)) is not None
            for finding in compared(shown.lot, attested, self._settings)
        )

    def _shares(self, opened: Opened, prior: Prior | None) -> Sequence[origins.Shares | None]:
        """Origin shares of the outputs; None for all of them past the bound, and for whatever is made of those."""
        if are_inputs(opened.details):
            return [head.shares for head in opened.inputs]
        inputs = [head.shares for head in opened.inputs if head.shares is not None]
        cost = origins.cost(inputs, opened.outputs)
        if len(inputs) < len(opened.inputs) or cost > self._shares_left:
            return [None] * len(opened.outputs)
        self._shares_left -= cost
        return shares(opened.details, inputs, opened.outputs, None if prior is None else prior.details)

    def _unsettled(self, told: Told) -> list[Gap]:
        return [
            Gap(
                "UNSETTLED_RIGHT",
                "a draw that quota has not settled",
                told.statement_id,
                {"right_id": right_id.hex(), "reo_mg": str(mass)},
            )
            for right_id, mass in told.drawn.items()
            if mass > 0 and (right_id, told.statement_id) not in self._evidence.settled
        ]

    def _ancestors(self, statement_id: bytes) -> list[bytes]:
        """The custody statements a statement rests on, itself included, in the bundle's order: parents first."""
        wanted = self._graph.ancestors(statement_id)
        wanted.update(list(self._corrections.beside(wanted, self._told)))
        return [each for each in self._told if each in wanted]


def _not_covered(statement_id: bytes, verdict: StepVerdict) -> list[Gap]:
    return [
        Gap(
            "QUOTA_NOT_COVERED",
            "quota that the law asks for and no draw covers",
            statement_id,
            {"quota_kind": need.kind.name, "reo_mg": str(need.reo_mg)},
        )
        for need in verdict.uncovered
    ]


def _check_home(lots: Iterable[LotContent], log: str) -> None:
    """What is done with a lot is registered where it has its home: two logs could let it be spent twice."""
    for lot in lots:
        if lot.home_log != log:
            raise LogProblem("a statement registered in another log than the home of its lots")


def _check_named(statement: Statement, draws: Sequence[Draw]) -> None:
    if any(draw.right_id not in statement.claims.refs for draw in draws):
        raise RightMissing("a right drawn on is not among the refs")
