"""What is drawn on rights in a bundle: named, borne, settled, and no more than a closing counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monazite_provenance._evidence import Evidence
from monazite_provenance._opened import Opened, as_corrected
from monazite_provenance._taken import Taken
from monazite_provenance._telling import Told
from monazite_provenance.contents import Draw, RegisterDetails, TransformDetails
from monazite_provenance.errors import LogProblem, RightExceeded, RightMissing, StepNotAllowed
from monazite_provenance.places import Place
from monazite_provenance.report import Gap
from monazite_provenance.steps import Prior, StepVerdict, check_rights
from monazite_provenance.verifier import Statement


class Draws:
    """Counts by right what the statements of a bundle draw. Methods raise the ChainProblem family."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._drawn: dict[bytes, int] = {}

    def check(self, opened: Opened, verdict: StepVerdict, prior: Prior | None) -> None:
        """Return if the rights that a whole step draws on are such as it needs.

        A correction by which nothing is needed any more still draws what stays charged; those rights were checked when
        they were drawn on.
        """
        if opened.draws:
            check_named(opened.statement, opened.draws)
        if opened.draws and (verdict.required or not _draws_no_more(opened, prior)):
            check_rights(
                verdict.required,
                opened.draws,
                self._evidence.rights,
                actor=opened.statement.claims.actor,
                outputs=as_corrected(opened, prior),
            )

    def take(self, change: Mapping[bytes, int]) -> None:
        """Take in how much more each right bears, milligrams REO; negative: less. Raises RightExceeded."""
        rights = self._evidence.rights
        for right_id, more in change.items():
            drawn = self._drawn.get(right_id, 0) + more
            if more > 0 and drawn > rights[right_id].mass_mg:
                raise RightExceeded(
                    "more drawn in all than the right bears", drawn_mg=drawn, mass_mg=rights[right_id].mass_mg
                )
            self._drawn[right_id] = drawn

    def finish(self, taken: Taken, places: Mapping[bytes, Place]) -> None:
        """The bundle has ended: no closed right counts less than was drawn; what quota settled of a step is what that
        drew, as far as it is shown, and where that stands.

        `places`: where each statement is registered. Raises RightExceeded, StepNotAllowed, LogProblem.
        """
        for right_id, drawn in self._drawn.items():
            closed = self._evidence.closed_mg(right_id)
            if closed is not None and drawn > closed:
                raise RightExceeded("more drawn than the closed right counts", drawn_mg=drawn, mass_mg=closed)
        for (right_id, drawing_id), settled in self._evidence.settled.items():
            place = places.get(drawing_id)
            if place is not None and place.index != settled.registry_index:
                raise LogProblem("a draw settled at another place than it has", index=settled.registry_index)
            told = taken.told.get(drawing_id)
            if told is not None and not taken.hides_details(drawing_id):
                _check_settled(told, right_id, settled.mass_mg)

    def unsettled(self, told: Told) -> list[Gap]:
        """A gap for each draw of a statement that quota has not settled."""
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


def _draws_no_more(opened: Opened, prior: Prior | None) -> bool:
    """Whether a correction draws nothing beyond what the statement as it stands draws."""
    if prior is None or not isinstance(prior.details, RegisterDetails | TransformDetails):
        return False
    before = {draw.right_id: draw.reo_mg for draw in prior.details.draws}
    return all(draw.reo_mg <= before.get(draw.right_id, 0) for draw in opened.draws)


def check_named(statement: Statement, draws: Sequence[Draw]) -> None:
    """Return if a statement refers to all the rights that it draws on. Raises RightMissing."""
    if any(draw.right_id not in statement.claims.refs for draw in draws):
        raise RightMissing("a right drawn on is not among the refs")


def _check_settled(told: Told, right_id: bytes, settled_mg: int) -> None:
    if told.drawn.get(right_id) != settled_mg:
        raise StepNotAllowed("a settlement of another draw than was made", settled_mg=settled_mg)
