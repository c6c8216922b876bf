"""What it costs to verify and to sign one statement, in multiples of bare Ed25519 and of other libraries.

    python -m benchmarks.statement [PYTHON OF THE PEERS]

The statement is the committed fixture: a transform of two lots into two of 17 elements each. Everything is measured in
one run, in rounds that take each case in turn, by CPU time; a figure is a ratio of medians. Ratios travel between
machines, times do not.
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
    """Times a case in this process."""

    def run() -> int:
        began = time.process_time_ns()
        for _ in range(CALLS_A_ROUND):
            case()
        return time.process_time_ns() - began

    return run


def medians_us(timers: dict[str, Timer]) -> dict[str, float]:
    """Median CPU time of a call of each case, in microseconds, over interleaved rounds."""
    times: dict[str, list[float]] = {name: [] for name in timers}
    for run in timers.values():
        run()
    gc.collect()
    for _ in range(ROUNDS):
        for name, run in timers.items():
            times[name].append(run() / CALLS_A_ROUND / 1000)
    return {name: statistics.median(values) for name, values in times.items()}


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
        timers |= {name: partial(others.time_ns, name, CALLS_A_ROUND) for name in peers.NAMES}
        us = medians_us(timers)
    return {
        "raw_verify_us": us["raw_verify"],
        "raw_sign_us": us["raw_sign"],
        "statement_bytes": float(signed_bytes),
        "statement_receipt_bytes": float(signed_bytes + receipt_bytes()),
        "statement_whole_bytes": float(len(raw)),
        "verify_vs_raw": us["verify"] / us["raw_verify"],
        "verify_item_vs_raw": us["verify_item"] / us["raw_verify"],
        "verify_open_vs_raw": us["verify_open"] / us["raw_verify"],
        "sign_vs_raw": us["sign"] / us["raw_sign"],
        **{f"verify_vs_{name}": us["verify"] / us[name] for name in ("pyjwt", "joserfc", *peers.NAMES)},
    }


if __name__ == "__main__":
    print(json.dumps({name: round(value, 3) for name, value in measure(*map(Path, sys.argv[1:])).items()}, indent=2))
