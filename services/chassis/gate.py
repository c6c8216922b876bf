"""What every call goes through, composed into one wrapped handler: tracing, error mapping, deadline, identity,
access.

One wrapper, built once for each method when the server starts, and not a chain of interceptors: each of those costs
about 30 µs a call (grpc.aio asks them
for a handler every time). Tracing is outermost so that it sees what the caller sees; the catch-all stands around
everything else, because grpc.aio sends the
text of an unhandled exception to the client.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias, cast
from uuid import uuid4

import grpc
from google.protobuf.message import DecodeError
from monazite_provenance.errors import ProvenanceError

from services.chassis import errors, telemetry
from services.chassis.access import Caller, permits
from services.chassis.call import Call, enter
from services.chassis.database import SERIALIZATION
from services.chassis.errors import Error, Kind, Violation
from services.chassis.identity import Identities, Principal
from services.chassis.telemetry import Trace

# Messages have as many types as there are methods; the gate only passes them on.
Message: TypeAlias = Any
Context: TypeAlias = "grpc.aio.ServicerContext[Message, Message]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Message, Message]"

CERTIFICATE: Final = "x509_pem_cert"
_OK: Final = "OK"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a method asks for. `callers` None: any certificate of the suite. Only health and reflection may go
    without a deadline."""

    callers: frozenset[Caller] | None
    deadline_required: bool = True


class Gate:
    """Wraps the handlers of one server. `deadline_ms_min`: calls with less time left are refused at once."""

    def __init__(self, identities: Identities, *, deadline_ms_min: int, trace_ratio: float) -> None:
        self._identities = identities
        self._deadline_s_min = deadline_ms_min / 1000
        self._trace_ratio = trace_ratio

    def wrap(self, method: str, handler: Handler, rule: Rule) -> Handler:
        """The handler that goes through the gate. Of any of the four shapes; a stream of requests is passed on as it
        is."""
        if not handler.request_streaming and not handler.response_streaming:
            return grpc.unary_unary_rpc_method_handler(
                self._unary(method, handler, rule), None, handler.response_serializer
            )
        serve = self._streaming(method, handler, rule)
        if handler.request_streaming and handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(
                serve, handler.request_deserializer, handler.response_serializer
            )
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(serve, None, handler.response_serializer)
        raise TypeError(f"{method}: no method of this suite streams requests and answers once")

    def _unary(self, method: str, handler: Handler, rule: Rule) -> Callable[[bytes, Context], Awaitable[Message]]:
        behaviour = cast("Callable[[Message, Context], Awaitable[Message]]", handler.unary_unary)
        read = _reader(handler)

        async def serve(raw: bytes, context: Context) -> Message:
            started = time.perf_counter()
            trace = telemetry.begin(method, context.invocation_metadata(), self._trace_ratio)
            outcome = _OK
            try:
                self._admit(method, rule, context, trace)
                return await behaviour(read(raw), context)
            except grpc.aio.AbortError:
                outcome = "ABORTED"
                raise
            except asyncio.CancelledError:
                outcome = "CANCELLED"
                raise
            except Exception as error:
                refusal = _refusal(method, error)
                outcome = refusal.reason
                await _abort(context, refusal)
            finally:
                trace.end(outcome)
                telemetry.call_seconds.record(time.perf_counter() - started, _labels(method, outcome))

        return serve

    def _streaming(self, method: str, handler: Handler, rule: Rule) -> Callable[[Message, Context], Awaitable[None]]:
        produce, read = _producer(handler)

        async def serve(request: Message, context: Context) -> None:
            started = time.perf_counter()
            trace = telemetry.begin(method, context.invocation_metadata(), self._trace_ratio)
            outcome = _OK
            try:
                self._admit(method, rule, context, trace)
                await _write_all(produce(read(request), context), context)
            except grpc.aio.AbortError:
                outcome = "ABORTED"
                raise
            except asyncio.CancelledError:
                outcome = "CANCELLED"
                raise
            except Exception as error:
                refusal = _refusal(method, error)
                outcome = refusal.reason
                await _abort(context, refusal)
            finally:
                trace.end(outcome)
                telemetry.call_seconds.record(time.perf_counter() - started, _labels(method, outcome))

        return serve

    def _admit(self, method: str, rule: Rule, context: Context, trace: Trace) -> None:
        """Deadline, identity, access; sets the current call. The task is this call's own, so nothing need be
        reset."""
        # The stubs promise a float, but without a deadline it is None.
        remaining = cast("float | None", context.time_remaining())
        if remaining is None:
            if rule.deadline_required:
                raise errors.deadline_required()
            remaining = math.inf
        elif remaining < self._deadline_s_min:
            raise errors.deadline()
        principal = self._principal(context)
        if rule.callers is not None and not permits(rule.callers, principal):
            raise errors.access_denied(method, principal.uri)
        enter(Call(method, principal, time.monotonic() + remaining, trace))

    def _principal(self, context: Context) -> Principal:
        certificates = context.auth_context().get(CERTIFICATE)
        for certificate in certificates or ():
            return self._identities.principal(certificate, now=time.time())
        raise errors.no_identity("a client certificate is required")


_known_labels: Final[dict[tuple[str, str], dict[str, str]]] = {}


def _labels(method: str, outcome: str) -> dict[str, str]:
    """Methods and reasons are few and fixed, so this stays small."""
    key = (method, outcome)
    labels = _known_labels.get(key)
    if labels is None:
        labels = _known_labels[key] = {"rpc.method": method, "outcome": outcome}
    return labels


def _reader(handler: Handler) -> Callable[[bytes], Message]:
    """Messages are parsed inside the gate: grpc's own parsing would answer a bad one with an untyped error."""
    deserialize = cast("Callable[[bytes], Message]", handler.request_deserializer)

    def read(raw: bytes) -> Message:
        try:
            return deserialize(raw)
        except DecodeError:
            raise errors.invalid([Violation("", "the request is not a message of this method's type")]) from None

    return read


def _producer(
    handler: Handler,
) -> tuple[Callable[[Message, Context], AsyncIterator[Message] | Awaitable[None]], Callable[[Message], Message]]:
    if handler.request_streaming:
        return cast(
            "Callable[[Message, Context], AsyncIterator[Message]]", handler.stream_stream
        ), lambda request: request
    return cast("Callable[[Message, Context], AsyncIterator[Message]]", handler.unary_stream), _reader(handler)


async def _write_all(produced: AsyncIterator[Message] | Awaitable[None], context: Context) -> None:
    """Both styles of grpc.aio: an async generator of messages, or a coroutine that writes them itself."""
    if isinstance(produced, Awaitable):
        await produced
        return
    async with aclosing(cast("Any", produced)) as messages:
        async for message in messages:
            await context.write(message)


def _refusal(method: str, error: Exception) -> Error:
    match error:
        case Error():
            if error.kind in {Kind.DENIED, Kind.UNAUTHENTICATED}:
                _log.info("%s refused: %s", method, error)
            elif error.kind is Kind.UNAVAILABLE:
                _log.warning("%s could not be done: %s (%r)", method, error, error.__cause__)
            return error
        case ProvenanceError():
            return errors.from_provenance(error)
        case _ if isinstance(error, SERIALIZATION):
            return errors.conflict("another request changed the same thing; try again")
        case _:
            incident = uuid4().hex
            _log.error("%s failed, incident %s", method, incident, exc_info=error, extra={"incident": incident})
            return errors.internal(incident)


async def _abort(context: Context, error: Error) -> NoReturn:
    await context.abort(error.kind.code, error.message, errors.to_trailing_metadata(error))
