"""The call being served: who asks, how long is left, which trace it belongs to."""

from __future__ import annotations

import time
from contextvars import ContextVar, Token
from dataclasses import dataclass

from services.chassis import telemetry
from services.chassis.identity import Principal
from services.chassis.telemetry import Trace


@dataclass(frozen=True, slots=True)
class Call:
    """One call. Set by the composed handler, before the servicer runs."""

    method: str
    principal: Principal
    # time.monotonic() at which the caller stops waiting; infinite for health and reflection only.
    deadline: float
    trace: Trace

    def deadline_remaining(self) -> float:
        """Seconds until the caller stops waiting; never below 0."""
        return max(0.0, self.deadline - time.monotonic())

    @property
    def trace_id(self) -> str:
        """32 lower-case hex digits, W3C trace context; always there, sampled or not."""
        return self.trace.trace_id


_current: ContextVar[Call] = ContextVar("monazite_call")


def current_call() -> Call:
    """The call being served; raises LookupError outside of one."""
    return _current.get()


def current_call_or_none() -> Call | None:
    """The call being served, or None in a background task."""
    return _current.get(None)


def enter(call: Call) -> Token[Call]:
    """Makes it the current call of this task. For the composed handler, and for tests of operations without a
    server."""
    return _current.set(call)


def leave(token: Token[Call]) -> None:
    """Undoes `enter`."""
    _current.reset(token)


def name_traces() -> None:
    """Makes log lines name the trace of the call they belong to."""
    telemetry.name_traces_by(_current_trace_id)


def _current_trace_id() -> str:
    call = _current.get(None)
    return "" if call is None else call.trace_id
