"""Fetching and verifying bundles. Receipts come with the transparency log; until then the policy says so by name."""

from __future__ import annotations

from collections.abc import Iterable

from monazite.registry.v1.registry_pb2 import GetBundleRequest, GetLotRequest
from monazite.registry.v1.registry_pb2_grpc import LotServiceStub
from monazite.type.v1.statement_pb2 import Outpoint
from monazite_provenance.chain import Policy, verify_bundle
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.report import LotReport
from monazite_provenance.trust import TrustFile

from clients.admin.arguments import parse_outpoint
from clients.admin.configuration import ConfigurationError
from clients.admin.session import InputError, Session
from clients.connection import stream


async def resolve(session: Session, lot: str) -> Outpoint:
    """The outpoint that `lot` names: itself, or the head of the lot with that id."""
    if (outpoint := parse_outpoint(lot)) is not None:
        return outpoint
    stub = LotServiceStub(session.channel("registry"))
    return (await session.ask(stub.GetLot, GetLotRequest(lot_id=lot))).head


async def fetch(session: Session, head: Outpoint) -> bytes:
    """The bundle of one head."""
    stub = LotServiceStub(session.channel("registry"))
    pieces = stream(stub.GetBundle, GetBundleRequest(head=head), timeout_s=session.configuration.timeout_s)
    return b"".join([piece.chunk async for piece in pieces])


def verify(chunks: Iterable[bytes], trust: bytes) -> LotReport:
    """What the library says of a bundle, under the policy that receipts do not exist yet.

    Raises:
        ConfigurationError: the trust file is none.
        InputError: the bundle is none.
    """
    try:
        trusted = TrustFile.load(trust)
    except ProvenanceError as error:
        raise ConfigurationError(f"the trust file cannot be used: {error.code} {error.message}") from error
    try:
        return verify_bundle(chunks, trusted, Policy.WITHOUT_RECEIPTS)
    except ProvenanceError as error:
        raise InputError(f"the bundle cannot be read: {error.code} {error.message}") from error
