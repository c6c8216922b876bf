"""The custody statements of a bundle, one by one: who spent what, by which rule, on which right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from monazite_provenance._attestations import check_measured_by
from monazite_provenance._corrections import Corrections
from monazite_provenance._descent import newborn
from monazite_provenance._draws import Draws, check_named
from monazite_provenance._evidence import Evidence
from monazite_provenance._graph import Graph, Hidden
from monazite_provenance._history import History, OrderUnknown, Past
from monazite_provenance._lives import Lives
from monazite_provenance._opened import Head, Opened, corrected_lots
from monazite_provenance._opening import open_part, open_whole
from monazite_provenance._records import Records
from monazite_provenance._taken import Taken
from monazite_provenance._telling import Told
from monazite_provenance._tracing import Tracing
from monazite_provenance.conservation import Finding
from monazite_provenance.contents import AcceptDetails, CutDetails, Details, LotContent, ReturnDetails
from monazite_provenance.errors import BadField, EventNotAllowed, LogProblem, StepNotAllowed
from monazite_provenance.places import Place
from monazite_provenance.report import Gap, LotView, StepFinding, StepView, Vouched, Withheld
from monazite_provenance.settings import RuleSettings
from monazite_provenance.statement import Outpoint
from monazite_provenance.steps import Prior, StepVerdict, check_step, is_export, subject
from monazite_provenance.verifier import Statement


class CustodyChain:
    """Takes verified custody statements, parents first. Every `take` raises ProvenanceError on what does not stand.

    `registry`: URI of the service that signs on behalf.
    """

    def __init__(self, evidence: Evidence, registry: str, settings: RuleSettings) -> None:
        self._evidence = evidence
        self._registry = registry
        self._settings = settings
        self._graph = Graph()
        self._lives = Lives()
        self._taken = Taken()
        self._draws = Draws(evidence)
        self._tracing = Tracing()
        self._records = Records(self._taken.told)
        self._corrections = Corrections(self._graph, self._records)

    @property
    def steps(self) -> Mapping[bytes, StepView]:
        """All that were taken, as a report shows them, by id."""
        return self._taken.steps

    @property
    def findings(self) -> Sequence[StepFinding]:
        """Of all that were taken."""
        return self._taken.findings

    @property
    def withheld(self) -> tuple[Withheld, ...]:
        """What of the statements taken is not disclosed."""
        return self._taken.withheld

    def take(self, statement: Statement, place: Place) -> None:
        """Check one custody statement, registered there, against its parents and the rule book, and take its outputs
        as heads.
        """
        whole = len(statement.outputs) == statement.outputs_count and statement.details is not None
        if not whole or not self._graph.shows(statement.claims.spends):
            self._take_part(statement, place)
            return
        opened = open_whole(statement, self._graph)
        _check_home(opened.lots, place.log)
        _check_home(corrected_lots(opened), place.log)
        prior = self._records.spoken_of(statement.claims, opened.details, self._graph.spent)
        explained = self._corrections.explain(opened, place)
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
        gaps += check_measured_by(self._evidence.attestations, opened, prior, self._is_seen)
        drawn = self._records.drawn(opened.details)
        self._draws.check(opened, verdict, prior)
        self._draws.take(drawn)
        self._graph.bear(newborn(opened.details, opened.outputs), statement.id)
        self._corrections.take_up(opened, verdict.balances)
        self._record(opened, drawn, prior)
        self._taken.report(statement.id, (*_not_covered(statement.id, verdict), *gaps), (*verdict.findings, *found))

    def _take_part(self, statement: Statement, place: Place) -> None:
        """The same of a statement of which something, or something of what it spends, is not disclosed."""
        self._corrections.check_shown(statement.claims)
        partly = open_part(statement, self._graph)
        _check_home((*partly.lots, *partly.outputs.values()), place.log)
        partly.check(self._registry, self._settings)
        check_named(statement, partly.draws)
        verdict = partly.check_quota(self._evidence.rights, self._settings)
        self._draws.take({draw.right_id: draw.reo_mg for draw in partly.draws})
        gaps, found = self._check_export(statement, partly.lots, partly.details if partly.sees_all_inputs else None)
        self._graph.bear(partly.born, statement.id)
        shares = partly.shares()
        heads = {index: Head(lot, partly.depth, shares[index], partly.alone) for index, lot in partly.outputs.items()}
        self._graph.take(statement, heads, Hidden(partly.depth, partly.alone))
        self._taken.hide(partly)
        self._taken.report(statement.id, (*_not_covered(statement.id, verdict), *gaps), (*verdict.findings, *found))

    def vouch(self, statement: Statement, details: CutDetails, size: int) -> None:
        """Take a cut, made of the log at this size, which stands in place of all that its outpoint rests on, unless
        that is in the bundle itself.

        Raises StepNotAllowed for one that says something else than what is shown.
        """
        stands_for = LotView(details.outpoint, details.lot)
        shown = self._taken.shown(details.outpoint)
        if shown is None and self._taken.is_withheld(details.outpoint):
            return
        held = self._graph.holds(details.outpoint.statement_id)
        if (held or shown is not None) and shown != stands_for:
            raise StepNotAllowed("a cut that says something else than what it stands for")
        if held:
            return
        self._lives.vouch(details.outpoint, details.lot, size)
        if shown is not None:
            return
        traced = {each.element: dict(each.masses) for each in details.origins}
        self._graph.begin(details.outpoint, Head(details.lot, 0, traced or None, frozenset()))
        same_rules = details.policy_hash == self._settings.policy_hash
        self._taken.vouch(details.outpoint, Vouched(statement.id, stands_for, details.findings, same_rules))

    def finish(self, target: Outpoint, places: Mapping[bytes, Place]) -> None:
        """The bundle has ended: its target must be a head, no lot lives twice, and nothing said of rights and acts
        speaks against a step.

        `places`: where each statement of the bundle is registered. Raises the ChainProblem family, LogProblem.
        """
        self._graph.target(target)
        self._lives.finish(target, self._graph, self._taken, places)
        self._draws.finish(self._taken, places)
        self._evidence.exports.finish()
        self._evidence.holds.check_lots(self._taken.lot_at)
        self._evidence.attestations.check_lots(self._taken.lot_at)

    def history(self, target: Outpoint, order_unknown: OrderUnknown) -> History:
        """What the target rests on, once `finish` has passed."""
        past = Past(self._graph, self._taken, self._corrections, self._draws, self._evidence)
        return past.of(target, order_unknown, self._settings)

    def _is_seen(self, statement_id: bytes) -> bool:
        """Whether a statement stands in the bundle so far."""
        return statement_id in self._evidence.seen or self._graph.holds(statement_id)

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
        return self._evidence.exports.take_out(statement, lots, details, self._is_seen)

    def _record(self, opened: Opened, drawn: Mapping[bytes, int], prior: Prior | None) -> None:
        statement, depth, alone = opened.statement, opened.depth, opened.alone
        made = zip(opened.outputs, self._tracing.shares(opened, prior), opened.kept, strict=True)
        heads = [Head(lot, depth, share, alone, kept) for lot, share, kept in made]
        self._graph.take(statement, dict(enumerate(heads)))
        self._taken.told[statement.id] = Told(
            statement.id, statement.claims, opened.lots, opened.outputs, opened.details, drawn
        )
        if prior is not None:
            self._corrections.take(opened, prior)


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
