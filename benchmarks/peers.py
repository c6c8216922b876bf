"""The fixture's claims as other libraries for COSE carry them, and how long these take to verify them.

They have an environment of their own (`make bench` sets it up from peers.lock), since one of them needs a CBOR library
older than ours. So they run in another process, which is asked for a few calls at a time: one round is ours, the next
theirs. It verifies the bare signature too, which takes as long there as here if the two processes are treated alike.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Final

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from monazite_provenance import Claims, Item, parse

from benchmarks.fixtures import make_statement as fixture

ROOT: Final = Path(__file__).resolve().parents[1]
PYTHON: Final = ROOT / ".venv-peers" / "bin" / "python"
PROCESS: Final = Path(__file__).with_name("peer_process.py")
NAMES: Final = ("pycose", "scitt_cose", "cwt")
EDDSA: Final = -8
"""What these libraries know Ed25519 by."""
KEY_ID: Final = b"key"


class Peers:
    """The other process. Ends with the `with` block."""

    def __init__(self, python: Path = PYTHON) -> None:
        if not python.exists():
            raise FileNotFoundError(f"{python}: `make bench` sets the other libraries up")
        self._process = subprocess.Popen(
            [python, PROCESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        private = fixture.private_key()
        self._ask(
            json.dumps(
                {
                    "public": private.public_key().public_bytes_raw().hex(),
                    "raw": _bare(private).hex(),
                    "pycose": statement(private).hex(),
                    "scitt_cose": statement(private).hex(),
                    "cwt": cwt(private).hex(),
                }
            )
        )

    def __enter__(self) -> Peers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate()

    def time_ns(self, name: str, calls: int) -> int:
        """Processor time of that many verifications by a library, in nanoseconds."""
        self._ask(f"{name} {calls}")
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{name} did not verify its token")
        return int(answer)

    def _ask(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")


def _bare(private: Ed25519PrivateKey) -> bytes:
    message = parse(Item.decode(fixture.ITEM_FILE.read_bytes()).statement).signing_input
    return private.sign(message) + message


def _claims() -> dict[int, object]:
    claims: Claims = fixture.claims()
    return {
        1: claims.issuer,
        2: claims.subject,
        6: claims.issued_at,
        -70001: int(claims.kind),
        -70002: [spend.encode() for spend in claims.spends],
        -70003: list(claims.refs),
    }


def statement(private: Ed25519PrivateKey) -> bytes:
    """The fixture's statement, header and payload and all, but for the number of its algorithm."""
    unverified = parse(Item.decode(fixture.ITEM_FILE.read_bytes()).statement)
    protected, payload = cbor2.loads(unverified.signing_input)[1::2]
    header = cbor2.loads(protected) | {1: EDDSA}
    return _signed(cbor2.dumps(header), {}, payload, private)


def cwt(private: Ed25519PrivateKey) -> bytes:
    """A CWT: the claims are the payload, and what our payload holds is a claim of its own."""
    unverified = parse(Item.decode(fixture.ITEM_FILE.read_bytes()).statement)
    payload = cbor2.loads(unverified.signing_input)[3]
    return _signed(cbor2.dumps({1: EDDSA, 4: KEY_ID}), {}, cbor2.dumps({**_claims(), -70005: payload}), private)


def _signed(protected: bytes, unprotected: dict[int, object], payload: bytes, private: Ed25519PrivateKey) -> bytes:
    signature = private.sign(cbor2.dumps(["Signature1", protected, b"", payload]))
    return cbor2.dumps(cbor2.CBORTag(18, [protected, unprotected, payload, signature]))
