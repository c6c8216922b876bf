"""What each custody statement says as it stands, with what was corrected of it: to be corrected again, or annulled."""

from __future__ import annotations

from collections.abc import Mapping

from monazite_provenance._frozen import replace
from monazite_provenance._telling import Told
from monazite_provenance.contents import (
    AnnulDetails,
    CorrectDetails,
    Details,
    Draw,
    LotContent,
    RegisterDetails,
    TransformDetails,
)
from monazite_provenance.errors import BadField, MissingParent, StepNotAllowed, Undisclosed
from monazite_provenance.kinds import EventKind
from monazite_provenance.statement import Claims, Outpoint
from monazite_provenance.steps import Prior


class _Said:
    """Details of a statement, and those of its outputs that were corrected, by index."""

    __slots__ = ("details", "since")

    def __init__(self, details: Details) -> None:
        self.details = details
        self.since: dict[int, LotContent] = {}


class Records:
    """Custody statements that were shown whole, but for corrections, which are kept under what they correct.

    `told`: all that were taken, by id.
    """

    def __init__(self, told: Mapping[bytes, Told]) -> None:
        self._told = told
        self._corrected: dict[bytes, _Said] = {}
        self._origins: dict[Outpoint, Outpoint] = {}

    def origin(self, outpoint: Outpoint) -> Outpoint:
        """The output as it first came to be: of a correction's output, that of the corrected statement."""
        return self._origins.get(outpoint, outpoint)

    def _said(self, statement_id: bytes) -> _Said | None:
        corrected = self._corrected.get(statement_id)
        told = self._told.get(statement_id)
        if corrected is not None or told is None or told.details is None:
            return corrected
        return _Said(told.details) if told.is_whole and told.kind is not EventKind.CORRECT else None

    def correct(self, outpoint: Outpoint, corrected: Outpoint | None, lot: LotContent, draws: tuple[Draw, ...]) -> None:
        """An output was corrected, and with it what its statement draws. `corrected`: the outpoint in its place."""
        origin = self.origin(outpoint)
        said = self._said(origin.statement_id)
        assert said is not None  # noqa: S101 - `spoken_of` has found it
        self._corrected[origin.statement_id] = said
        if isinstance(said.details, RegisterDetails | TransformDetails):
            said.details = replace(said.details, draws=draws)
        said.since[origin.index] = lot
        if corrected is not None:
            self._origins[corrected] = origin

    def prior(self, outpoint: Outpoint) -> Prior | None:
        """The statement that made an output, as it stands; None if it is not here."""
        origin = self.origin(outpoint)
        said = self._said(origin.statement_id)
        if said is None:
            return None
        told = self._told[origin.statement_id]
        outputs = tuple(said.since.get(index, lot) for index, lot in enumerate(told.outputs) if lot is not None)
        inputs = tuple(lot for lot in told.inputs if lot is not None)
        return Prior(told.kind, told.claims.actor, inputs, outputs, said.details, origin.index)

    def spoken_of(self, claims: Claims, details: Details, spent: Mapping[Outpoint, bytes]) -> Prior | None:
        """The statement that one annuls or corrects, None of all other kinds. `spent`: spenders by outpoint.

        Raises StepNotAllowed, BadField, MissingParent; Undisclosed where that statement is not shown whole, or a cut
        stands in its place.
        """
        match details:
            case AnnulDetails():
                if any(spend.statement_id != details.register_id for spend in claims.spends):
                    raise StepNotAllowed("an annulment of another register than the one that it names")
                named = self._told.get(details.register_id)
                if named is not None and named.kind is EventKind.CORRECT:
                    raise StepNotAllowed("an annulment of a correction")
                about = Outpoint(details.register_id, 0)
            case CorrectDetails():
                about = details.outpoint
                self._check_corrects(claims, about, spent)
            case _:
                return None
        prior = self.prior(about)
        if prior is None:
            raise Undisclosed("all of the statement that is corrected or annulled")
        return prior

    def _check_corrects(self, claims: Claims, about: Outpoint, spent: Mapping[Outpoint, bytes]) -> None:
        if claims.spends:
            if claims.spends != (about,):
                raise StepNotAllowed("a correction spends another output than it corrects")
            return
        if about.statement_id not in claims.refs:
            raise BadField("a statement does not refer to what it speaks about", field="refs")
        spender = spent.get(about)
        if spender is None:
            if about.statement_id in self._told:
                raise StepNotAllowed("an unspent output is corrected by spending it")
            raise MissingParent("a correction of what is not in the bundle before it")
        if self._told[spender].kind is EventKind.CORRECT:
            raise StepNotAllowed("an output that was corrected before: its correction is corrected")

    def drawn(self, details: Details) -> dict[bytes, int]:
        """By right, how much more it bears by a statement with these details, milligrams REO; negative: less."""
        match details:
            case RegisterDetails() | TransformDetails():
                return _sums(details)
            case AnnulDetails():
                return {right: -mass for right, mass in self._sums(details.register_id).items()}
            case CorrectDetails():
                before = self._sums(self.origin(details.outpoint).statement_id)
                after = {draw.right_id: draw.reo_mg for draw in details.draws}
                return {right: after.get(right, 0) - before.get(right, 0) for right in before | after}
            case _:
                return {}

    def _sums(self, statement_id: bytes) -> dict[bytes, int]:
        said = self._said(statement_id)
        return {} if said is None else _sums(said.details)


def _sums(details: Details) -> dict[bytes, int]:
    draws = details.draws if isinstance(details, RegisterDetails | TransformDetails) else ()
    return {draw.right_id: draw.reo_mg for draw in draws}
