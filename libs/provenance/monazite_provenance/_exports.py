"""Exports in a bundle: licences, the intents under them, what was taken out on these, and acts that ended void."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from monazite_provenance import licensing
from monazite_provenance.conservation import Finding
from monazite_provenance.contents import (
    AcceptDetails,
    ExportIntentDetails,
    LicenceChangeDetails,
    LicenceDetails,
    LotContent,
    ReturnDetails,
)
from monazite_provenance.errors import LogProblem, MissingParent, StepNotAllowed
from monazite_provenance.names import parse_spiffe
from monazite_provenance.places import Place
from monazite_provenance.report import Gap
from monazite_provenance.statement import Outpoint
from monazite_provenance.verifier import Statement


class Exports:
    """Takes verified statements, each licence before the intents under it. Raises ProvenanceError on what fails."""

    def __init__(self) -> None:
        self._licences: dict[bytes, LicenceDetails] = {}
        # By licence, the log in which all that is said of it stands.
        self._logs: dict[bytes, str] = {}
        self._intents: dict[bytes, ExportIntentDetails] = {}
        self._under: dict[bytes, list[tuple[Place, ExportIntentDetails]]] = {}
        self._changes: dict[bytes, list[tuple[Place, LicenceChangeDetails]]] = {}
        self._acts: set[bytes] = set()
        self._exported: set[bytes] = set()
        self._voided: set[bytes] = set()
        self._abroad: dict[Outpoint, tuple[bytes, tuple[str, ...]]] = {}
        self._returned: dict[bytes, dict[str, int]] = {}

    def grant(self, statement: Statement, licence: LicenceDetails, place: Place) -> None:
        """Take a licence, registered there."""
        licensing.check_licence(licence, actor=statement.claims.actor)
        if statement.id in self._under:
            raise MissingParent("a licence stands behind an intent under it")
        self._check_log(statement.id, place)
        self._licences[statement.id] = licence

    def change(self, statement: Statement, change: LicenceChangeDetails, place: Place) -> None:
        """Take a change of a licence, registered there."""
        claims = statement.claims
        licence = self._licences.get(change.licence_id)
        licensing.check_change(change, licence, subject=claims.subject, actor=claims.actor)
        self._check_log(change.licence_id, place)
        self._changes.setdefault(change.licence_id, []).append((place, change))

    def intend(self, statement: Statement, intent: ExportIntentDetails, place: Place) -> None:
        """Take an intent, registered there: customs commanded it, and its licence, where shown, bears it."""
        claims = statement.claims
        if claims.on_behalf is None or parse_spiffe(claims.actor).kind != "customs":
            raise StepNotAllowed("an export intent that is not on behalf of customs")
        if intent.act_id in self._acts:
            raise StepNotAllowed("one act, two intents")
        licence = self._licences.get(intent.licence_id)
        if licence is not None:
            licensing.check_intent(licence, intent, subject=claims.subject, issued_at=claims.issued_at)
        self._check_log(intent.licence_id, place)
        self._acts.add(intent.act_id)
        self._intents[statement.id] = intent
        self._under.setdefault(intent.licence_id, []).append((place, intent))

    def _check_log(self, licence_id: bytes, place: Place) -> None:
        """Between two logs nothing says which word came first: an end in another one would end nothing."""
        if self._logs.setdefault(licence_id, place.log) != place.log:
            raise LogProblem("what is said of one licence stands in two logs")

    def void(self, act_id: bytes) -> None:
        """Take the end of an act under which nothing left."""
        self._voided.add(act_id)

    def take_out(
        self,
        statement: Statement,
        lots: Sequence[LotContent],
        details: AcceptDetails,
        is_shown: Callable[[bytes], bool],
    ) -> tuple[tuple[Gap, ...], tuple[Finding, ...]]:
        """An acceptance at customs: what it leaves unchecked, and what wants an explanation.

        `is_shown(id)`: whether a statement stands in the bundle before this one.
        """
        refs = statement.claims.refs
        intents = [self._intents[ref] for ref in refs if ref in self._intents]
        if len(intents) != 1:
            if not all(is_shown(ref) for ref in refs):
                raise MissingParent("an export refers to a statement that is not in the bundle")
            raise StepNotAllowed("an export without one export intent", intents=len(intents))
        (intent,) = intents
        _check_masses(intent, statement.claims.spends, lots, details)
        if intent.act_id in self._exported:
            raise StepNotAllowed("one act, two exports")
        self._exported.add(intent.act_id)
        self._remember(statement, intent, details)
        return self._licence_gap(statement, intent, lots), _in_part(intent, statement.claims.spends)

    def _remember(self, statement: Statement, intent: ExportIntentDetails, details: AcceptDetails) -> None:
        """Under which licence, and as which items, what is abroad now has left."""
        codes = {mass.outpoint: mass.control_codes for mass in intent.masses}
        index = 0
        for spend, line in zip(statement.claims.spends, details.lines, strict=True):
            if line.accepted_g:
                self._abroad[Outpoint(statement.id, index)] = (intent.licence_id, codes[spend])
            index += (line.accepted_g > 0) + (line.returned_g > 0)

    def bring_back(self, statement: Statement, details: ReturnDetails) -> None:
        """What came back credits the lines that it drew."""
        (spend,) = statement.claims.spends
        left_as = self._abroad.pop(spend, None)
        if left_as is None:
            return
        licence_id, codes = left_as
        returned = self._returned.setdefault(licence_id, {})
        for code in codes:
            returned[code] = returned.get(code, 0) + details.returned_g
        if statement.outputs_count > 1:
            self._abroad[Outpoint(statement.id, 1)] = left_as

    def _licence_gap(
        self, statement: Statement, intent: ExportIntentDetails, lots: Sequence[LotContent]
    ) -> tuple[Gap, ...]:
        licence = self._licences.get(intent.licence_id)
        if licence is not None:
            licensing.check_licensee(licence, lots)
            return ()
        message = "the licence that an export rests on is not in the bundle"
        return (Gap("LICENCE_NOT_SHOWN", message, statement.id, {"licence_id": intent.licence_id.hex()}),)

    def finish(self) -> None:
        """The bundle has ended: nothing left under a void act, and what the others let leave, less what came back, is
        within each licence, which was good at their places in its log.

        Raises StepNotAllowed, LicenceNotUsable, LicenceExceeded.
        """
        if self._exported & self._voided:
            raise StepNotAllowed("an export under an act that ended without one")
        for licence_id, intents in self._under.items():
            left = [(place, intent) for place, intent in intents if intent.act_id not in self._voided]
            changes = [(place, change.action) for place, change in self._changes.get(licence_id, ())]
            history = [*changes, *((place, None) for place, _intent in left)]
            licensing.check_usable(what for _place, what in sorted(history, key=_index))
            licence = self._licences.get(licence_id)
            if licence is not None:
                licensing.check_drawn(licence, (intent for _place, intent in left), self._returned.get(licence_id))


def _index(said: tuple[Place, object]) -> int:
    return said[0].index


def _check_masses(
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


def _in_part(intent: ExportIntentDetails, spends: Sequence[Outpoint]) -> tuple[Finding, ...]:
    """A declaration is atomic over its lots: an acceptance that takes some of them out wants an explanation."""
    named = {mass.outpoint for mass in intent.masses}
    left = named.difference(spends)
    if not left:
        return ()
    numbers = {"heads_named": str(len(named)), "heads_left": str(len(left))}
    return (Finding("INTENT_IN_PART", "accepted for only some of the heads that its export intent names", numbers),)
