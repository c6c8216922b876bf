"""Trace context, decided before any span; logs as JSON."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from services.chassis import telemetry

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


def test_the_callers_trace_goes_on() -> None:
    trace = telemetry.begin("/x/Y", [("other", "x"), ("traceparent", f"00-{TRACE}-{SPAN}-00")], 1.0)
    assert trace.trace_id == TRACE
    assert trace.span is None
    assert trace.traceparent == f"00-{TRACE}-{SPAN}-00"


def test_a_sampled_call_gets_a_span_whatever_the_ratio() -> None:
    trace = telemetry.begin("/x/Y", [("traceparent", f"00-{TRACE}-{SPAN}-01")], 0.0)
    assert trace.span is not None
    assert trace.traceparent.endswith("-01")
    trace.end("INTERNAL")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "garbage",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"01-{TRACE}-{SPAN}-01",
        b"00-bytes",
    ],
)
def test_a_bad_traceparent_is_no_traceparent(value: str | bytes) -> None:
    trace = telemetry.begin("/x/Y", [("traceparent", value)], 0.0)
    assert trace.span is None
    assert trace.trace_id != TRACE
    assert len(trace.trace_id) == 32


def test_a_call_without_one_has_a_trace_id_of_its_own() -> None:
    assert telemetry.begin("/x/Y", None, 0.0).trace_id != telemetry.begin("/x/Y", None, 0.0).trace_id


def test_a_log_line_is_one_json_object() -> None:
    telemetry.name_traces_by(lambda: TRACE)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = logging.LogRecord("here", logging.ERROR, "", 0, "failed %s", ("so",), sys.exc_info())
    finally:
        telemetry.name_traces_by(str)
    record.incident = "abc"
    telemetry.name_traces_by(lambda: TRACE)
    line = telemetry.JsonFormatter("quota").format(record)
    telemetry.name_traces_by(str)
    assert "\n" not in line
    parsed = json.loads(line)
    assert parsed["message"] == "failed so"
    assert parsed["trace_id"] == TRACE
    assert parsed["incident"] == "abc"
    assert parsed["service"] == "quota"
    assert "ValueError: two\nlines" in parsed["exception"]
