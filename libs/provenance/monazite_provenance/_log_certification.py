"""What root acts say of keys that sign heads: which logs, from which size, up to which."""

from __future__ import annotations

from dataclasses import replace

from monazite_provenance.contents import KeyAction, KeysDetails
from monazite_provenance.errors import BadField, EventNotAllowed
from monazite_provenance.keys import PublicKey
from monazite_provenance.log_keys import LogKey, LogSpan
from monazite_provenance.names import parse_log, parse_spiffe


def certified(details: KeysDetails, public: PublicKey) -> LogKey:
    """The log key of a certification.

    Raises EventNotAllowed for another service's log, BadField for sizes that cross.
    """
    service = parse_spiffe(details.issuer).segments[-1]
    spans: dict[str, LogSpan] = {}
    for span in details.logs:
        if parse_log(span.log)[0] != service:
            raise EventNotAllowed("a key for the log of another service")
        if span.end is not None and span.end < span.first:
            raise BadField("a range of sizes that ends before it begins", field="keys.logs")
        spans[span.log] = LogSpan(span.first, span.end)
    return LogKey(public, details.issuer, spans)


def ended(key: LogKey, details: KeysDetails) -> LogKey:
    """The log key after its retirement or compromise.

    Raises BadField unless every log that it was certified for is named with its first size and an end, or where an end
    is put off that was named before: what a verifier has refused stays refused.
    """
    if {span.log: span.first for span in details.logs} != {log: span.first for log, span in key.logs.items()}:
        raise BadField("not the logs that the key was certified for", field="keys.logs")
    spans: dict[str, LogSpan] = {}
    for log, first, end in ((span.log, span.first, span.end) for span in details.logs):
        before = key.logs[log]
        if details.action is KeyAction.RETIRE:
            limit, after = before.last, replace(before, last=end)
        else:
            limit, after = before.compromised_from, replace(before, compromised_from=end)
        if end is None or end < first or (limit is not None and end > limit):
            raise BadField("an end that is missing, before the first size, or put off", field="keys.logs")
        spans[log] = after
    return replace(key, logs=spans)
