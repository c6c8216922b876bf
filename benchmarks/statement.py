"""What it costs to verify and to sign one statement, in multiples of bare Ed25519 and of other libraries.

    python -m benchmarks.statement [PYTHON OF THE PEERS]

The statement is the committed fixture: a transform of two lots into two of 17 elements each. Everything is measured in
one run, by CPU time. A figure is the median, over many rounds, of the ratio of two cases that were timed one right
after the other, in turns the one and the other first: this machine is faster now than a second later, and what changes
between two rounds changes no ratio. Ratios travel between machines, times do not.
"""

from __future__ import annotations

import base64
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import OKPKey
from monazite_provenance import CertifiedKey, Item, Verifier, draft, parse
from monazite_provenance.contents import decode_lot
from monazite_provenance.names import log_urn, service_uri
from monazite_provenance.receipts import Head, sign_head

from benchmarks import peers
from benchmarks.fixtures import make_statement as fixture

ROUNDS = 200
CALLS_A_ROUND = 10

LOG_SIZE = 1 << 20
"""Entries of the log whose receipt is weighed."""

Case = Callable[[], object]
Timer = Callable[[], int]
"""Processor time of CALLS_A_ROUND calls of a case, in nanoseconds."""


class OneKey:
    """A key ring of one key."""

    def __init__(self, key: CertifiedKey) -> None:
        self._key = key

    def find(self, kid: bytes) -> CertifiedKey | None:
        """The key, if this is its kid."""
        return self._key if kid == self._key.public.kid else None


def statement_cases() -> dict[str, Case]:
    """The library and the bare signature under it."""
    item_bytes = fixture.ITEM_FILE.read_bytes()
    raw = Item.decode(item_bytes).statement
    unverified = parse(raw)
    message, signature = unverified.signing_input, unverified.signature
    private, key = fixture.private_key(), fixture.key()
    public = private.public_key()
    claims, (outputs, details) = fixture.claims(), fixture.contents()
    verifier = Verifier(OneKey(CertifiedKey(key.public, fixture.HOLDER, kinds=None, certified_by=None)))

    def verify_open() -> object:
        statement = verifier.verify(item_bytes)
        return [decode_lot(content) for content in statement.outputs.values()]

    return {
        "raw_verify": lambda: public.verify(signature, message),
        "raw_sign": lambda: private.sign(message),
        "verify": lambda: verifier.verify_statement(raw),
        "verify_item": lambda: verifier.verify(item_bytes),
        "verify_open": verify_open,
        "sign": lambda: draft(claims, outputs, details, key.public).sign(key),
    }


def token(bytes_wanted: int) -> str:
    """A JWT by the fixture's key with the same issuer, subject and kind, filled up to about `bytes_wanted` bytes."""
    claims = {"iss": fixture.HOLDER, "sub": fixture.claims().subject, "iat": fixture.ISSUED_AT_S, "kind": 5}
    bare = len(jwt.encode(claims, fixture.private_key(), algorithm="EdDSA"))
    # Digests are most of a statement, so the filling is base64 in a JSON string; the token encodes it once more.
    filling = bytes(max(0, bytes_wanted - bare) * 9 // 16)
    return jwt.encode(
        {**claims, "data": base64.urlsafe_b64encode(filling).decode()}, fixture.private_key(), algorithm="EdDSA"
    )


def json_cases(bytes_wanted: int) -> dict[str, Case]:
    """The same through two libraries for JWT, without their checks of dates."""
    encoded = token(bytes_wanted)
    private = fixture.private_key()
    public = private.public_key()
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    okp = OKPKey.import_key(pem)
    return {
        "pyjwt": lambda: jwt.decode(encoded, public, algorithms=["EdDSA"], options={"verify_iat": False}),
        "joserfc": lambda: joserfc_jwt.decode(encoded, okp, algorithms=["EdDSA"]),
    }


def timer(case: Case) -> Timer:
    """Times a case in this process, after a call that counts for nothing: others ran since the last."""

    def run() -> int:
        case()
        began = time.process_time_ns()
        for _ in range(CALLS_A_ROUND):
            case()
        return time.process_time_ns() - began

    return run


def pairs() -> dict[str, tuple[str, str]]:
    """The two cases of each ratio."""
    others = ("pyjwt", "joserfc", *peers.NAMES)
    return {
        "verify_vs_raw": ("verify", "raw_verify"),
        "verify_item_vs_raw": ("verify_item", "raw_verify"),
        "verify_open_vs_raw": ("verify_open", "raw_verify"),
        "sign_vs_raw": ("sign", "raw_sign"),
        **{f"verify_vs_{name}": ("verify", name) for name in others},
        "raw_vs_peers_raw": ("raw_verify", "raw"),
    }


def medians(timers: dict[str, Timer]) -> tuple[dict[str, float], dict[str, float]]:
    """Median ratio of each pair that has timers, and the median CPU time of a call of each case, in microseconds."""
    times: dict[str, list[float]] = {name: [] for name in timers}
    asked = {name: pair for name, pair in pairs().items() if timers.keys() >= set(pair)}
    ratios: dict[str, list[float]] = {name: [] for name in asked}
    gc.collect()
    for turn in range(ROUNDS):
        for ratio, pair in asked.items():
            # Who comes second finds a processor that is warmer, or one that was just throttled.
            took = {name: timers[name]() for name in (pair if turn % 2 else reversed(pair))}
            ratios[ratio].append(took[pair[0]] / took[pair[1]])
            for name, time_ns in took.items():
                times[name].append(time_ns / CALLS_A_ROUND / 1000)
    return _medians(ratios), _medians(times)


def _medians(values: dict[str, list[float]]) -> dict[str, float]:
    return {name: statistics.median(found) for name, found in values.items()}


def receipt_bytes() -> int:
    """Length of a receipt from a log of LOG_SIZE entries, in bytes."""
    log, service = log_urn("registry"), service_uri("monazite.example", "registry")
    head = sign_head(Head(log, LOG_SIZE, bytes(32), service, fixture.ISSUED_AT_S), fixture.key())
    return len(head.receipt(LOG_SIZE // 3, [bytes(32)] * (LOG_SIZE.bit_length() - 1)))


def measure(peers_python: Path = peers.PYTHON) -> dict[str, float]:
    """Ratios by name, the two bare times in microseconds that they are multiples of, and lengths in bytes."""
    raw = Item.decode(fixture.ITEM_FILE.read_bytes()).statement
    signed_bytes = len(parse(raw).signing_input)
    with peers.Peers(peers_python) as others:
        timers = {name: timer(case) for name, case in {**statement_cases(), **json_cases(len(raw))}.items()}
        timers |= {name: partial(others.time_ns, name, CALLS_A_ROUND) for name in ("raw", *peers.NAMES)}
        ratios, us = medians(timers)
    return {
        "raw_verify_us": us["raw_verify"],
        "raw_sign_us": us["raw_sign"],
        "statement_bytes": float(signed_bytes),
        "statement_receipt_bytes": float(signed_bytes + receipt_bytes()),
        "statement_whole_bytes": float(len(raw)),
        **ratios,
    }


if __name__ == "__main__":
    print(json.dumps({name: round(value, 3) for name, value in measure(*map(Path, sys.argv[1:])).items()}, indent=2))
