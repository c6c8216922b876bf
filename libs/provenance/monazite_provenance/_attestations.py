"""Assays in a bundle: who may sign them, what rests on them, and whether a lot's masses are what was attested."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from monazite_provenance._holds import check_inspector
from monazite_provenance._opened import Opened, basis_of, corrected_lots
from monazite_provenance.conservation import Finding, weigh
from monazite_provenance.contents import AssayRow, AttestDetails, ElementRow, LotContent, MassSource
from monazite_provenance.elements import symbol
from monazite_provenance.errors import AttestationMismatch, BadField, StepNotAllowed
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import parse_spiffe
from monazite_provenance.report import Gap
from monazite_provenance.settings import RuleSettings
from monazite_provenance.statement import Outpoint
from monazite_provenance.steps import Prior
from monazite_provenance.verifier import Statement

_MEASURING: Final = frozenset({EventKind.REGISTER, EventKind.TRANSFORM, EventKind.ADJUST})


class Attestations:
    """Takes verified attestations, each before the steps that name it."""

    def __init__(self) -> None:
        self._taken: dict[bytes, AttestDetails] = {}

    def take(self, statement: Statement, details: AttestDetails) -> None:
        """Take an attestation. Raises StepNotAllowed when it is in another laboratory's name, or the registry's on
        behalf of anybody but an inspector.
        """
        claims = statement.claims
        if claims.on_behalf is not None:
            check_inspector(statement)
        elif parse_spiffe(claims.issuer).kind != "laboratory" or details.laboratory != claims.issuer:
            raise StepNotAllowed("an attestation in another's name")
        self._taken[statement.id] = details

    def of_heads(self) -> Iterator[tuple[Outpoint, bytes, AttestDetails]]:
        """The attestations of what stands at heads, with their ids."""
        for attestation, details in self._taken.items():
            if details.outpoint is not None:
                yield details.outpoint, attestation, details

    def check_lots(self, lot_at: Callable[[Outpoint], str | None]) -> None:
        """Raises AttestationMismatch for one of a head at which another lot stands; `lot_at` gives None where the
        bundle does not say.
        """
        for outpoint, _, details in self.of_heads():
            if lot_at(outpoint) not in {None, details.lot_id}:
                raise AttestationMismatch("an attestation of a head that is another lot's")

    def find(self, attestation: bytes) -> AttestDetails | None:
        """The attestation of this id, if it was taken."""
        return self._taken.get(attestation)


def named(
    lots: Sequence[LotContent], inherited: Sequence[LotContent], basis: bytes | None
) -> list[tuple[LotContent, int]]:
    """Lots with the index of each source that names an attestation: the `basis`, or one that no `inherited` lot has."""
    known = {source for lot in inherited for source in lot.sources if source.attestation != basis}
    return [
        (lot, index)
        for lot in lots
        for index, source in enumerate(lot.sources)
        if source.attestation is not None and source not in known
    ]


def check_agrees(lot: LotContent, index: int, attested: AttestDetails) -> None:
    """Check the rows of one source of a lot against the attestation that it names.

    It is of this lot, by this laboratory and method; each mass is the attested fraction of the lot's dry mass, to the
    milligram; no uncertainty is smaller than attested; and nothing that was found in it is left out of the lot.
    Raises AttestationMismatch.
    """
    source = lot.sources[index]
    if (attested.lot_id, attested.laboratory, attested.method) != (lot.lot_id, source.laboratory, source.method):
        raise AttestationMismatch("an attestation of another lot, laboratory or method")
    rows = {row.element: row for row in attested.rows}
    for row in lot.rows:
        if row.source_index == index and not _fits(row, rows.get(row.element), lot.dry_g, attested.dry_g):
            raise AttestationMismatch("a mass that was not attested", element=symbol(row.element), reo_mg=row.reo_mg)
    left_out = {row.element for row in attested.rows if row.reo_mg * lot.dry_g >= attested.dry_g}
    left_out -= {row.element for row in lot.rows}
    if left_out:
        raise AttestationMismatch("an element that was attested is left out", element=symbol(min(left_out)))


def _fits(row: ElementRow, attested: AssayRow | None, dry_g: int, attested_g: int) -> bool:
    if attested is None:
        return False
    _, reo_mg, u_random_mg, u_common_mg = attested
    return (
        abs(row.reo_mg * attested_g - reo_mg * dry_g) < attested_g
        and row.u_random_mg >= u_random_mg * dry_g // attested_g
        and row.u_common_mg >= u_common_mg * dry_g // attested_g
    )


def check_measured_by(
    attestations: Attestations, opened: Opened, prior: Prior | None, is_seen: Callable[[bytes], bool]
) -> tuple[Gap, ...]:
    """What a step measured agrees with the attestations that it names; of one that is not shown it is a gap.

    `is_seen(id)`: whether a statement stands in the bundle before this one. Raises BadField, AttestationMismatch.
    """
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
        attested = attestations.find(attestation)
        if attested is not None:
            check_agrees(lot, index, attested)
        elif is_seen(attestation):
            raise AttestationMismatch("masses rest on a statement that is no attestation")
        else:
            message = "an attestation that masses rest on is not in the bundle"
            metadata = {"attestation_id": attestation.hex(), "lot_id": lot.lot_id}
            gaps.append(Gap("ATTESTATION_NOT_SHOWN", message, opened.statement.id, metadata))
    return tuple(gaps)


def compared(lot: LotContent, attested: AttestDetails, settings: RuleSettings) -> tuple[Finding, ...]:
    """Findings of an assay of a lot that came to be known by other masses: what differs beyond `find_at`."""
    rows = tuple(
        ElementRow(
            row.element,
            (2 * row.reo_mg * lot.dry_g + attested.dry_g) // (2 * attested.dry_g),
            -(-row.u_random_mg * lot.dry_g // attested.dry_g),
            -(-row.u_common_mg * lot.dry_g // attested.dry_g),
            0,
        )
        for row in attested.rows
    )
    assayed = lot._replace(rows=rows, sources=(MassSource(attested.laboratory, attested.method),))
    measured = {row.element for row in attested.rows}
    return tuple(
        Finding(
            "ASSAY_DIFFERS",
            f"a later assay finds another mass of {symbol(each.element)}",
            {
                "lot_id": lot.lot_id,
                "element": symbol(each.element),
                "on_record_mg": str(each.input_mg),
                "assayed_mg": str(each.output_mg + each.residue_mg),
                "u_mg": str(each.u_mg),
            },
        )
        for each in weigh([lot], [assayed])
        if each.element in measured and each.beyond(settings.find_at)
    )
