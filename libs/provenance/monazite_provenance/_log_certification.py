"""What certifications and ends of keys say of logs: the positions in each at which the key is good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monazite_provenance._frozen import replace
from monazite_provenance.contents import KeyAction, LogRange
from monazite_provenance.errors import BadField, EventNotAllowed
from monazite_provenance.names import parse_log, parse_spiffe
from monazite_provenance.places import LogSpan


def certified_spans(issuer: str, ranges: Sequence[LogRange]) -> Mapping[str, LogSpan]:
    """The positions that a root act certifies a service's key for.

    Raises EventNotAllowed for another service's log, BadField for a range that ends before it begins.
    """
    service = parse_spiffe(issuer).segments[-1]
    spans: dict[str, LogSpan] = {}
    for span in ranges:
        if parse_log(span.log)[0] != service:
            raise EventNotAllowed("a key for the log of another service")
        if span.end is not None and span.end < span.first:
            raise BadField("a range of positions that ends before it begins", field="keys.logs")
        spans[span.log] = LogSpan(span.first, span.end)
    return spans


def ended_spans(spans: Mapping[str, LogSpan], action: KeyAction, ranges: Sequence[LogRange]) -> Mapping[str, LogSpan]:
    """The positions of a service's key after its retirement or compromise.

    Raises BadField unless every log that it was certified for is named with its first position and an end, or where an
    end is put off that was named before: what a verifier has refused stays refused.
    """
    if {span.log: span.first for span in ranges} != {log: span.first for log, span in spans.items()}:
        raise BadField("not the logs that the key was certified for", field="keys.logs")
    ended: dict[str, LogSpan] = {}
    for log, first, end in ((span.log, span.first, span.end) for span in ranges):
        before = spans[log]
        limit = before.last if action is KeyAction.RETIRE else before.compromised_from
        if end is None or end < first or (limit is not None and end > limit):
            raise BadField("an end that is missing, before the first position, or put off", field="keys.logs")
        ended[log] = _bounded(before, action, end)
    return ended


def ended_in_log(
    spans: Mapping[str, LogSpan], action: KeyAction, ranges: Sequence[LogRange], at: int
) -> Mapping[str, LogSpan]:
    """The positions of a key that the registry certified, after the end that stands at index `at` of the same log.

    A retirement counts from its own index; a compromise names the log, the first index of the key and the first that
    no longer stands. Of several ends the earliest counts, in whatever order they are met. Raises BadField.
    """
    ((log, before),) = spans.items()
    if action is KeyAction.RETIRE:
        if ranges:
            raise BadField("a retirement counts from where it stands", field="keys.statements")
        return {log: _bounded(before, action, at - 1)}
    if [(span.log, span.first) for span in ranges] != [(log, before.first)]:
        raise BadField("not the log that the key was certified in", field="keys.statements")
    end = ranges[0].end
    if end is None or end < before.first:
        raise BadField("an end that is missing or before the first index", field="keys.statements")
    return {log: _bounded(before, action, end)}


def _bounded(span: LogSpan, action: KeyAction, end: int) -> LogSpan:
    """The span with an end; an earlier one of the same sort stays."""
    if action is KeyAction.RETIRE:
        return replace(span, last=end if span.last is None else min(end, span.last))
    limit = span.compromised_from
    return replace(span, compromised_from=end if limit is None else min(end, limit))
