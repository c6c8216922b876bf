"""Laboratories of a world of bundles: their keys, and what they attest."""

from __future__ import annotations

from dataclasses import replace

from monazite_provenance import trust
from monazite_provenance.contents import (
    AssayRow,
    AttestDetails,
    KeyAction,
    KeysDetails,
    LotContent,
    MassSource,
    encode,
)
from monazite_provenance.draft import draft
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import lot_urn
from monazite_provenance.statement import Claims, Outpoint

from tests.unit.provenance.chains import DOMAIN, NOW_S, World, service

LABORATORY = f"spiffe://{DOMAIN}/laboratory/baotou"


def laboratory(world: World) -> SoftwareKey:
    """The registry certifies a key of the laboratory."""
    key = SoftwareKey.generate()
    proof = trust.prove_possession(key, LABORATORY)
    details = KeysDetails(KeyAction.CERTIFY, LABORATORY, key.public.cose_key, (int(EventKind.ATTEST),), proof)
    registry = world.keys["registry"]
    world.add(
        trust.draft_keys(details, registry=service("registry"), key=registry.public, issued_at=NOW_S).sign(registry)
    )
    return key


def assay(lot: LotContent, outpoint: Outpoint | None = None, **changes: object) -> AttestDetails:
    """What a lot has, as its assay, with fields of its own."""
    rows = tuple(AssayRow(*row[:4]) for row in lot.rows)
    details = AttestDetails(lot.lot_id, LABORATORY, "ICP-MS", "sample 7", NOW_S, lot.dry_g, rows, outpoint)
    return replace(details, **changes)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def attest(world: World, key: SoftwareKey, details: AttestDetails, refs: tuple[bytes, ...] | None = None) -> bytes:
    """The laboratory signs an assay; gives its id."""
    about = () if details.outpoint is None else (details.outpoint.statement_id,)
    claims = Claims(LABORATORY, lot_urn(details.lot_id), NOW_S, EventKind.ATTEST, (), about if refs is None else refs)
    return world.add(draft(claims, (), encode(details), key.public).sign(key))


def attested(lot: LotContent, attestation: bytes) -> LotContent:
    """The lot with all its masses from an attestation by the laboratory."""
    return lot._replace(sources=(MassSource(LABORATORY, "ICP-MS", attestation),))
