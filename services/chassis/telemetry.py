"""Traces, metrics and logs. Thin: written over the OpenTelemetry API, whose instruments do nothing until `configure`
finds an endpoint.

Whether a call is traced is decided before any span exists (a bare span costs about 50 µs): it follows the caller's
W3C `traceparent`, and without one a
ratio. Every call has a trace id, traced or not, so that logs and audit rows can name it.
"""

from __future__ import annotations

import json
import logging
import random
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags, set_span_in_context

from services.chassis import settings

NAME: Final = "monazite"
TRACEPARENT: Final = "traceparent"
# Version 00 of W3C Trace Context; ids of only zeros are invalid.
_TRACEPARENT: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})\Z")

_tracer: Final = trace.get_tracer(NAME)
_meter: Final = metrics.get_meter(NAME)
call_seconds: Final = _meter.create_histogram(
    "rpc.server.duration", unit="s", description="Time to serve a call, by method and outcome"
)
batch_writes: Final = _meter.create_histogram(
    "monazite.commit.batch", unit="{write}", description="Writes committed in one transaction"
)
sequenced_entries: Final = _meter.create_counter(
    "monazite.log.sequenced", unit="{entry}", description="Entries given an index by this process"
)
pending_entries: Final = _meter.create_gauge(
    "monazite.log.pending", unit="{entry}", description="Entries that wait for an index, up to the size of a batch"
)
sequencing_lag_seconds: Final = _meter.create_gauge(
    "monazite.log.lag", unit="s", description="How long the oldest entry without an index has waited"
)
followed_entries: Final = _meter.create_counter(
    "monazite.log.followed", unit="{entry}", description="Entries of a peer's log applied by this process"
)
halted_followers: Final = _meter.create_gauge(
    "monazite.log.halted", unit="1", description="1 where a peer's log contradicted itself and is not followed, by log"
)
database_reachable: Final = _meter.create_gauge(
    "monazite.database.reachable", unit="1", description="1 while the database answers and takes writes, else 0"
)


@dataclass(slots=True)
class Trace:
    """The trace that a call belongs to. `span` is there only when it is sampled."""

    trace_id: str
    # Of the caller's span while this call has none of its own.
    span_id: str
    span: Span | None = None

    @property
    def traceparent(self) -> str:
        """What to hand on to peers."""
        if self.span is None:
            return f"00-{self.trace_id}-{self.span_id}-00"
        return f"00-{self.trace_id}-{self.span.get_span_context().span_id:016x}-01"

    def end(self, outcome: str) -> None:
        """Ends the span, if there is one. `outcome` is "OK" or the reason of the refusal."""
        if self.span is not None:
            self.span.set_attribute("monazite.outcome", outcome)
            if outcome == "INTERNAL":
                self.span.set_status(trace.StatusCode.ERROR)
            self.span.end()


def begin(method: str, metadata: Iterable[tuple[str, str | bytes]] | None, ratio: float) -> Trace:
    """The trace of an incoming call: the caller's, or a new one."""
    for key, value in metadata or ():
        if key == TRACEPARENT and isinstance(value, str):
            found = _TRACEPARENT.match(value)
            if found is not None:
                trace_id, span_id, flags = found.groups()
                return _begun(method, trace_id, span_id, sampled=bool(int(flags, 16) & 1))
    # Ids need to be unlike each other, not unguessable.
    trace_id = f"{random.getrandbits(128) | 1:032x}"
    span_id = f"{random.getrandbits(64) | 1:016x}"
    return _begun(method, trace_id, span_id, sampled=random.random() < ratio)  # noqa: S311


def _begun(method: str, trace_id: str, span_id: str, *, sampled: bool) -> Trace:
    if not sampled:
        return Trace(trace_id, span_id)
    parent = SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )
    span = _tracer.start_span(
        method,
        set_span_in_context(NonRecordingSpan(parent)),
        SpanKind.SERVER,
        {"rpc.system": "grpc", "rpc.method": method},
    )
    return Trace(trace_id, span_id, span)


# The trace id of the call being served; set by `call`, which stands above this module.
_trace_id: Callable[[], str] = str


def name_traces_by(source: Callable[[], str]) -> None:
    """Where log lines get their trace id from: "" outside of a call."""
    global _trace_id  # noqa: PLW0603  (one process, one source)
    _trace_id = source


# What a log call may add to its line with `extra`: an error's incident, a followed log.
_EXTRA: Final = ("incident", "log")


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        trace_id = _trace_id()
        if trace_id:
            line["trace_id"] = trace_id
        for name in _EXTRA:
            value: object = getattr(record, name, None)
            if value is not None:
                line[name] = value
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(service: str, chosen: settings.Telemetry) -> Callable[[], None]:
    """Sets logging up, and exporters if there is an endpoint. Once a process. Returns what flushes and ends the
    exporters."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=chosen.log_level, handlers=[handler], force=True)
    if chosen.otlp_endpoint is None:
        return lambda: None
    resource = Resource.create({"service.name": f"{NAME}-{service}"})
    insecure = not chosen.otlp_endpoint.startswith("https://")
    # The decision was made before the span was started.
    spans = TracerProvider(resource=resource, sampler=ALWAYS_ON)
    spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=chosen.otlp_endpoint, insecure=insecure)))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=chosen.otlp_endpoint, insecure=insecure))
    figures = MeterProvider(metric_readers=[reader], resource=resource)
    trace.set_tracer_provider(spans)
    metrics.set_meter_provider(figures)

    def end() -> None:
        spans.shutdown()
        figures.shutdown()

    return end
