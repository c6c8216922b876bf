"""Fetching and verifying bundles."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, Final

from monazite.registry.v1.registry_pb2 import (
    BUNDLE_EXTENT_FROM_CUTS,
    BUNDLE_EXTENT_UNSPECIFIED,
    BundleExtent,
    CosignedHead,
    GetBundleRequest,
    GetLotRequest,
    GetStatusRequest,
)
from monazite.registry.v1.registry_pb2_grpc import LotServiceStub
from monazite.type.v1.statement_pb2 import Outpoint
from monazite_provenance import bundle
from monazite_provenance.bundle import Cosigned, Joint
from monazite_provenance.chain import verify_bundle
from monazite_provenance.contents import StatusDetails, decode_details
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.item import Item
from monazite_provenance.kinds import EventKind
from monazite_provenance.receipts import UnverifiedHead, parse_checkpoint
from monazite_provenance.report import LotReport
from monazite_provenance.statement import parse
from monazite_provenance.trust import TrustFile
from monazite_provenance.witnessing import renewed

from clients.admin.arguments import parse_outpoint
from clients.admin.session import InputError, Session
from clients.connection import stream

_CHUNK_BYTES: Final = 64 * 1024


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
) -> IO[bytes]:
    """The bundle of one head, with how the registry says that it stands now, as an open file to be read once: up to a
    page of it is in memory.
    """
    stub = LotServiceStub(session.channel("registry"))
    request = GetBundleRequest(head=head, with_status=with_status, extent=extent)
    spool = SpooledTemporaryFile[bytes](max_size=bundle.PAGE_BYTES_MAX)
    try:
        async for piece in stream(stub.GetBundle, request, timeout_s=session.configuration.timeout_s):
            spool.write(piece.chunk)
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return spool


def chunks(file: IO[bytes]) -> Iterator[bytes]:
    """What is left of an open file, piece by piece."""
    return iter(lambda: file.read(_CHUNK_BYTES), b"")


async def refresh(session: Session, content: bytes, **about: str) -> bytes:
    """A bundle that was saved before, with a status of now behind its statements. Raises InputError for no bundle."""
    try:
        kept = bundle.read([content])
        pages, cosigned = bundle.sheets(kept)
        pages[-1], before = _without_status(pages[-1])
        stub = LotServiceStub(session.channel("registry"))
        head = Outpoint(statement_id=kept.target.statement_id, output_index=kept.target.index)
        request = GetStatusRequest(head=head, extent=_extent(piece for page in pages for piece in page.pieces))
        answer = await session.ask(stub.GetStatus, request)
        _add_status(pages, answer.status.item)
        listings = [listing for page in pages for listing in page.listings]
        witnessed = renewed(cosigned, listings, before, map(_cosigned, answer.cosigned))
        return b"".join(bundle.write_pages(kept.target, pages, witnessed))
    except ProvenanceError as error:
        raise InputError.of(error, **about) from error


def _without_status(last: bundle.Sheet) -> tuple[bundle.Sheet, UnverifiedHead | None]:
    """And the head of the registry's log that the status names."""
    pieces = last.pieces
    if pieces and parse(Item.decode(pieces[-1]).statement).claims.kind is EventKind.STATUS:
        return bundle.Sheet(pieces[:-1], last.listings), _named_by(Item.decode(pieces[-1]))
    return last, None


def _add_status(pages: list[bundle.Sheet], status: bytes) -> None:
    """Behind the last page's items; if these are as many as may be, in a page of its own."""
    last = pages[-1]
    if len(last.pieces) < bundle.PAGE_STATEMENTS_MAX:
        pages[-1] = bundle.Sheet([*last.pieces, status], last.listings)
    else:
        pages.append(bundle.Sheet([status]))


def _named_by(status: Item) -> UnverifiedHead | None:
    """The head of the registry's log that a status names; None of one that names none. Raises ProvenanceError."""
    details = None if status.details is None else decode_details(EventKind.STATUS, status.details.content)
    if not isinstance(details, StatusDetails) or not details.checkpoints:
        return None
    return parse_checkpoint(details.checkpoints[0]).head


def _cosigned(head: CosignedHead) -> Cosigned:
    return Cosigned(head.checkpoint, tuple(Joint(each.old_size, tuple(each.path)) for each in head.paths))


def said_by_status(content: Iterable[bytes]) -> StatusDetails | None:
    """What the status at the end of a bundle says, unverified; None where there is none. Raises ProvenanceError."""
    last = None
    for last in bundle.read(content).items:  # noqa: B007 - the last one is wanted
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


def verify(content: Iterable[bytes], trust: TrustFile, **about: str) -> LotReport:
    """What the library says of a bundle, in pieces cut anywhere; its status is judged as of now. Raises InputError."""
    try:
        return verify_bundle(content, trust, at=int(time.time()))
    except ProvenanceError as error:
        raise InputError.of(error, **about) from error
