"""Fetching and verifying bundles."""

from __future__ import annotations

import time
from collections.abc import Iterable

from monazite.registry.v1.registry_pb2 import (
    BUNDLE_EXTENT_FROM_CUTS,
    BUNDLE_EXTENT_UNSPECIFIED,
    BundleExtent,
    GetBundleRequest,
    GetLotRequest,
    GetStatusRequest,
)
from monazite.registry.v1.registry_pb2_grpc import LotServiceStub
from monazite.type.v1.statement_pb2 import Outpoint
from monazite_provenance import bundle
from monazite_provenance.chain import verify_bundle
from monazite_provenance.contents import StatusDetails, decode_details
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.item import Item
from monazite_provenance.kinds import EventKind
from monazite_provenance.report import LotReport
from monazite_provenance.statement import parse
from monazite_provenance.trust import TrustFile

from clients.admin.arguments import parse_outpoint
from clients.admin.session import InputError, Session
from clients.connection import stream


async def resolve(session: Session, lot: str) -> Outpoint:
    """The outpoint that `lot` names: itself, or the head of the lot with that id."""
    if (outpoint := parse_outpoint(lot)) is not None:
        return outpoint
    stub = LotServiceStub(session.channel("registry"))
    return (await session.ask(stub.GetLot, GetLotRequest(lot_id=lot))).head


async def fetch(
    session: Session,
    head: Outpoint,
    *,
    with_status: bool = True,
    extent: BundleExtent.ValueType = BUNDLE_EXTENT_UNSPECIFIED,
) -> bytes:
    """The bundle of one head, with how the registry says that it stands now."""
    stub = LotServiceStub(session.channel("registry"))
    request = GetBundleRequest(head=head, with_status=with_status, extent=extent)
    pieces = stream(stub.GetBundle, request, timeout_s=session.configuration.timeout_s)
    return b"".join([piece.chunk async for piece in pieces])


async def refresh(session: Session, content: bytes, **about: str) -> bytes:
    """A bundle that was saved before, with a status of now behind its statements. Raises InputError for no bundle."""
    try:
        kept = bundle.read([content])
        pieces = list(kept.pieces)
        if pieces and parse(Item.decode(pieces[-1]).statement).claims.kind is EventKind.STATUS:
            del pieces[-1]
        stub = LotServiceStub(session.channel("registry"))
        head = Outpoint(statement_id=kept.target.statement_id, output_index=kept.target.index)
        request = GetStatusRequest(head=head, extent=_extent(pieces))
        pieces.append((await session.ask(stub.GetStatus, request)).status.item)
        return b"".join(bundle.write(kept.target, pieces, kept.listings, kept.cosigned))
    except ProvenanceError as error:
        raise InputError.of(error, **about) from error


def said_by_status(content: bytes) -> StatusDetails | None:
    """What the status at the end of a bundle says, unverified; None where there is none. Raises ProvenanceError."""
    last = None
    for last in bundle.read([content]).items:  # noqa: B007 - the last one is wanted
        pass
    if last is None or last.details is None or parse(last.statement).claims.kind is not EventKind.STATUS:
        return None
    details = decode_details(EventKind.STATUS, last.details.content)
    return details if isinstance(details, StatusDetails) else None


def _extent(pieces: Iterable[bytes]) -> BundleExtent.ValueType:
    """That of a bundle of these items: if what a cut is of is not there, it begins at that. Raises ProvenanceError."""
    statements = [parse(Item.decode(piece).statement) for piece in pieces]
    shown = {each.statement_id for each in statements}
    cut = {ref for each in statements if each.claims.kind is EventKind.CUT for ref in each.claims.refs}
    return BUNDLE_EXTENT_UNSPECIFIED if cut <= shown else BUNDLE_EXTENT_FROM_CUTS


def verify(content: bytes, trust: TrustFile, **about: str) -> LotReport:
    """What the library says of a bundle, with its status judged as of now. Raises InputError for none."""
    try:
        return verify_bundle([content], trust, at=int(time.time()))
    except ProvenanceError as error:
        raise InputError.of(error, **about) from error
