"""Custody statements of which something is not disclosed: what of them can be checked all the same.

A statement commits to each of its outputs by itself, so that what is shown is proven, whatever is not. Of the rules of
a step remain: who acts, that nothing comes out beyond what went in, that ids are born once and outputs spent once, that
rights bear what is drawn. The rest is a gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from monazite_provenance import origins
from monazite_provenance._descent import AS_THEY_ARE
from monazite_provenance._frozen import dataclass
from monazite_provenance._graph import Hidden
from monazite_provenance._opened import Head
from monazite_provenance._part_rules import check_parties
from monazite_provenance._step_checks import StepVerdict, check_counts, check_origin, quota_verdict
from monazite_provenance._telling import Told
from monazite_provenance._transfers import check_lines
from monazite_provenance.conservation import refuse_gains, weigh
from monazite_provenance.contents import (
    AcceptDetails,
    Details,
    Draw,
    LotContent,
    QuotaKind,
    RegisterDetails,
    RightDetails,
    TransformDetails,
)
from monazite_provenance.errors import BadField, EventNotAllowed, Undisclosed
from monazite_provenance.kinds import EventKind
from monazite_provenance.metering import QuotaNeed, check_rights, register_need
from monazite_provenance.report import Gap, Withheld
from monazite_provenance.settings import RuleSettings
from monazite_provenance.steps import check_ids, subject
from monazite_provenance.verifier import Statement

NEEDED_WHOLE: Final = frozenset({EventKind.RETURN, EventKind.ANNUL, EventKind.CORRECT})
"""Kinds that take something back, of a right, a licence or a lot: hidden, they would make others look wrong."""
_CONSERVING: Final = frozenset({EventKind.SPLIT, EventKind.MERGE, EventKind.TRANSFORM, EventKind.ACCEPT}) | AS_THEY_ARE
_SAME_IDS: Final = AS_THEY_ARE | {EventKind.ADJUST, EventKind.ACCEPT}


@dataclass(frozen=True, slots=True)
class Partly:
    """A custody statement with what is shown of it read: outputs by index, details if they are there."""

    statement: Statement
    inputs: tuple[Head | Hidden, ...]
    outputs: Mapping[int, LotContent]
    details: Details | None
    depth: int
    alone: frozenset[str]

    @property
    def lots(self) -> tuple[LotContent, ...]:
        """What is spent, as far as it was shown."""
        return tuple(head.lot for head in self.inputs if isinstance(head, Head))

    @property
    def sees_all_inputs(self) -> bool:
        """Whether everything that is spent was shown."""
        return all(isinstance(head, Head) for head in self.inputs)

    @property
    def draws(self) -> tuple[Draw, ...]:
        """What is drawn on rights, as far as it is shown."""
        return self.details.draws if isinstance(self.details, RegisterDetails | TransformDetails) else ()

    @property
    def withheld(self) -> Withheld:
        """What is not shown of the statement itself."""
        hidden = tuple(index for index in range(self.statement.outputs_count) if index not in self.outputs)
        return Withheld(self.statement.id, hidden, self.details is None)

    @property
    def gap(self) -> Gap:
        """What cannot be checked for want of it."""
        withheld = self.withheld
        hidden = [str(claim) for claim, head in enumerate(self.inputs) if isinstance(head, Hidden)]
        metadata = {
            "outputs": ",".join(map(str, withheld.outputs)),
            "inputs": ",".join(hidden),
            "details": "withheld" if withheld.details else "",
        }
        shown = {name: value for name, value in metadata.items() if value}
        message = "not all that the rules of this step ask for is disclosed"
        return Gap("NOT_DISCLOSED", message, withheld.statement_id, shown)

    @property
    def born(self) -> tuple[LotContent, ...]:
        """Outputs of which it is seen that their ids begin here."""
        if not self.sees_all_inputs or self.statement.claims.kind in _SAME_IDS:
            return ()
        known = {lot.lot_id for lot in self.lots}
        return tuple(lot for lot in self.outputs.values() if lot.lot_id not in known)

    @property
    def told(self) -> Told:
        """What is kept of it."""
        return Told(
            self.statement.id,
            self.statement.claims,
            tuple(head.lot if isinstance(head, Head) else None for head in self.inputs),
            tuple(self.outputs.get(index) for index in range(self.statement.outputs_count)),
            self.details,
            {draw.right_id: draw.reo_mg for draw in self.draws},
        )

    def check(self, registry: str, settings: RuleSettings) -> None:
        """Return if nothing that is shown speaks against the step. `registry`: URI of who signs on behalf.

        Raises Undisclosed for a kind of which all must be shown, EventNotAllowed, and as the rule book.
        """
        claims = self.statement.claims
        if claims.kind in NEEDED_WHOLE:
            raise Undisclosed("of a step that takes something back all must be disclosed", kind=int(claims.kind))
        if claims.on_behalf is not None and claims.issuer != registry:
            raise EventNotAllowed("only the registry signs custody events on behalf of another")
        check_ids(tuple(self.outputs.values()))
        first = self.outputs.get(0)
        if first is not None and claims.subject != subject((), (first,)):
            raise BadField("subject is not the lot", field="sub")
        check_counts(claims.kind, len(self.inputs), self.statement.outputs_count, settings)
        check_parties(claims.kind, claims.actor, self.lots, tuple(self.outputs.values()))
        if isinstance(self.details, AcceptDetails):
            shown = (head.lot if isinstance(head, Head) else None for head in self.inputs)
            check_lines(self.details, shown, self.statement.outputs_count, claims.actor)
        if self.sees_all_inputs and claims.kind in _CONSERVING:
            # What is hidden can only add to what comes out.
            refuse_gains(weigh(self.lots, tuple(self.outputs.values())), settings)

    def check_quota(self, rights: Mapping[bytes, RightDetails], settings: RuleSettings) -> StepVerdict:
        """What is seen of a register's origin and of draws: forms, rights, and what these leave uncovered at least.

        Raises StepNotAllowed, RightMissing, NotHolder, RightExceeded.
        """
        outputs = tuple(self.outputs.values())
        match self.details:
            case RegisterDetails():
                found = check_origin(self.details.origin, outputs, settings)
                required = register_need(self.details.origin, outputs)
            case TransformDetails():
                # How much it needs hangs on all that went in and came out.
                found, required = (), (QuotaNeed(QuotaKind.SMELTING_SEPARATION, 0),)
            case _:
                return StepVerdict()
        check_rights(required, self.draws, rights, actor=self.statement.claims.actor, outputs=outputs, whole=False)
        drawn_mg = sum(draw.reo_mg for draw in self.draws)
        return quota_verdict(required, self.draws, found, charged_mg=drawn_mg if required else 0)

    def shares(self) -> Mapping[int, origins.Shares | None]:
        """Origin shares of the outputs that are shown; None where those of the hidden ones would have to be known."""
        if isinstance(self.details, RegisterDetails):
            name = origins.label(self.details.origin)
            return {index: origins.born(lot, name) for index, lot in self.outputs.items()}
        if self.statement.claims.kind in AS_THEY_ARE:
            traced = {place: head.shares for place, head in enumerate(self.inputs) if isinstance(head, Head)}
            return {index: traced.get(index) for index in self.outputs}
        names: dict[int, set[str]] = {}
        for head in self.inputs:
            if not isinstance(head, Head) or head.shares is None:
                return dict.fromkeys(self.outputs)
            for element, shares in head.shares.items():
                names.setdefault(element, set()).update(shares)
        if not self.inputs or any(len(each) > 1 for each in names.values()):
            return dict.fromkeys(self.outputs)
        return {
            index: {
                element: {next(iter(names.get(element, {origins.UNEXPLAINED}))): mass}
                for element, mass in lot.element_masses().items()
            }
            for index, lot in self.outputs.items()
        }
