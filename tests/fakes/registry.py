"""A registry with a scripted log: a real gRPC server with real signatures, that publishes what a test tells it to.

It keeps no rules of its own, so that a test can let it say what the real one never would.
"""

# ruff: noqa: N802, ARG002 - the generated stubs name methods and arguments

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import grpc
from monazite.registry.v1 import registry_pb2, registry_pb2_grpc
from monazite.transparency.v1.transparency_pb2_grpc import add_TransparencyServiceServicer_to_server
from monazite.type.v1.statement_pb2 import Admission, StatementItem
from monazite_provenance import Claims, EventKind, Item, OnBehalf, SigningKey, draft
from monazite_provenance.contents import (
    DepositType,
    Details,
    Draw,
    KeyAction,
    KeysDetails,
    RegisterDetails,
    RightClosedDetails,
    TransformDetails,
    encode,
)
from monazite_provenance.contents.details import Mined
from monazite_provenance.keys import PublicKey
from monazite_provenance.names import enterprise_uri, key_urn, lot_urn, right_urn, service_uri
from monazite_provenance.trust import enterprise_key_details, prove_possession

from services.chassis.errors import not_found, to_trailing_metadata
from tests.fakes.log import new_log
from tests.fakes.serving import serving
from tools.local.pki import Certificate

LOG = "urn:monazite:log:registry:0"
ISSUED_AT = 1_720_000_000
ORIGIN = Mined("Bayan Obo", "C1500002011015210106118", DepositType.ROCK)


@dataclass(frozen=True, slots=True)
class Made:
    """A signed statement that is not published yet."""

    statement_id: bytes
    kind: EventKind
    item: Item


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass
class FakeRegistry:
    """What the registry says, and what it was asked. `key` is the registry's, or a thief's."""

    domain: str
    key: SigningKey
    log_key: SigningKey
    # Requests to CloseRight, in order.
    asked: list[registry_pb2.CloseRightRequest] = field(default_factory=list[registry_pb2.CloseRightRequest])
    closed: dict[bytes, Made] = field(default_factory=dict[bytes, Made])
    drawn_mg: dict[bytes, int] = field(default_factory=dict[bytes, int])
    # While set, what CloseRight signs is answered but not published.
    withholding: bool = False
    # While set, CloseRight and GetEnterprise answer UNAVAILABLE.
    away: bool = False
    # Until set, GetEnterprise does not answer.
    answering: asyncio.Event = field(default_factory=_set)
    # Who is not on its register; everybody else is.
    unlisted: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self.log = new_log(LOG, self.uri, self.log_key)

    @property
    def uri(self) -> str:
        """Issuer of what it signs."""
        return service_uri(self.domain, "registry")

    # --- statements -------------------------------------------------------------------------------------------------

    def sign(
        self,
        details: Details,
        subject: str,
        *,
        actor: str | None = None,
        own_key: SigningKey | None = None,
        refs: Sequence[bytes] = (),
    ) -> Made:
        """A statement by the registry, on behalf of `actor` if one is named; or by the actor's own key."""
        key = own_key or self.key
        issuer = actor if own_key and actor else self.uri
        behalf = OnBehalf(actor, bytes(32), secrets.token_bytes(16)) if actor and not own_key else None
        claims = Claims(issuer, subject, ISSUED_AT, details.KIND, refs=tuple(refs), on_behalf=behalf)
        made = draft(claims, (), encode(details), key.public)
        return Made(made.statement_id, details.KIND, made.sign(key))

    def drawing(
        self,
        *draws: tuple[bytes, int],
        by: str = "mine-1",
        own_key: SigningKey | None = None,
        transform: bool = False,
        system: str = "",
    ) -> Made:
        """A register (or transform) of the enterprise `by` that draws on rights."""
        actor = enterprise_uri(self.domain, by) + (f"/{system}" if system else "")
        drawn = tuple(Draw(right_id, mass) for right_id, mass in sorted(draws))
        details = TransformDetails("separation-rock", draws=drawn) if transform else RegisterDetails(ORIGIN, drawn)
        for right_id, mass in draws:
            self.drawn_mg[right_id] = self.drawn_mg.get(right_id, 0) + mass
        refs = sorted({right_id for right_id, _ in draws})
        return self.sign(details, lot_urn("RE-TEST"), actor=actor, own_key=own_key, refs=refs)

    def closing(self, right_id: bytes, total_mg: int | None = None, reason: str = "RELEASED") -> Made:
        """A right-closed; by default with what was drawn."""
        total = self.drawn_mg.get(right_id, 0) if total_mg is None else total_mg
        return self.sign(RightClosedDetails(right_id, total, reason), right_urn(right_id), refs=[right_id])

    def certifying(self, enterprise: str, key: SigningKey, *, own_signature_only: bool = False) -> Made:
        """A `keys` statement for an enterprise's key."""
        owner = enterprise_uri(self.domain, enterprise)
        proof = prove_possession(key, owner)
        details = enterprise_key_details(owner, key.public, proof, own_signature_only=own_signature_only)
        return self.sign(details, key_urn(key.public.thumbprint))

    def retiring(self, enterprise: str, key: PublicKey) -> Made:
        """A `keys` statement that ends a key."""
        details = KeysDetails(KeyAction.RETIRE, enterprise_uri(self.domain, enterprise), key.cose_key, ())
        return self.sign(details, key_urn(key.thumbprint))

    def publish(self, *made: Made) -> None:
        """Give the statements the next indexes."""
        for one in made:
            self.log.publish(one.statement_id, one.kind, one.item)

    # --- answers ----------------------------------------------------------------------------------------------------

    async def close_right(
        self, request: registry_pb2.CloseRightRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> registry_pb2.CloseRightResponse:
        """Idempotent, like the real one: the first total stands."""
        self.asked.append(request)
        if self.away:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        made = self.closed.get(request.right_id)
        if made is None:
            made = self.closed[request.right_id] = self.closing(request.right_id, reason=request.reason_code)
            if not self.withholding:
                self.publish(made)
        return registry_pb2.CloseRightResponse(
            closed=StatementItem(item=made.item.encode()),
            total_drawn_mg=self.drawn_mg.get(request.right_id, 0),
            admission=Admission(statement_id=made.statement_id, log=LOG, receipt_pending=True),
        )

    async def get_enterprise(
        self, request: registry_pb2.GetEnterpriseRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> registry_pb2.Enterprise:
        """The register: NOT_FOUND in the suite's words, or the enterprise."""
        await self.answering.wait()
        if self.away:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        if request.enterprise_id in self.unlisted:
            error = not_found("enterprise", request.enterprise_id)
            await context.abort(error.kind.code, error.message, to_trailing_metadata(error))
        return registry_pb2.Enterprise(enterprise_id=request.enterprise_id)


class _RightServicer(registry_pb2_grpc.RightServiceServicer):
    def __init__(self, fake: FakeRegistry) -> None:
        self._fake = fake

    async def CloseRight(
        self, request: registry_pb2.CloseRightRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> registry_pb2.CloseRightResponse:
        return await self._fake.close_right(request, context)

    async def GetRight(self, request: registry_pb2.GetRightRequest, context: object) -> registry_pb2.Right:
        return registry_pb2.Right(right_id=request.right_id, drawn_mg=self._fake.drawn_mg.get(request.right_id, 0))


class _EnterpriseServicer(registry_pb2_grpc.EnterpriseServiceServicer):
    def __init__(self, fake: FakeRegistry) -> None:
        self._fake = fake

    async def GetEnterprise(
        self, request: registry_pb2.GetEnterpriseRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> registry_pb2.Enterprise:
        return await self._fake.get_enterprise(request, context)


def served(fake: FakeRegistry, certificate: Certificate, *, port: int = 0) -> AbstractAsyncContextManager[int]:
    """Serves the fake with a server certificate of `/service/registry`; gives the port."""

    def add(server: grpc.aio.Server) -> None:
        # What quota does not call answers UNIMPLEMENTED.
        register = _EnterpriseServicer(fake)  # type: ignore[abstract]  # pyright: ignore[reportAbstractUsage]
        add_TransparencyServiceServicer_to_server(fake.log, server)
        registry_pb2_grpc.add_RightServiceServicer_to_server(_RightServicer(fake), server)
        registry_pb2_grpc.add_EnterpriseServiceServicer_to_server(register, server)

    return serving(add, certificate, port=port)
