"""Other libraries for COSE, measured in a process of their own: what they need cannot stand beside what we need.

`benchmarks/peers.py` starts it with the Python of their environment. The first line in is JSON: the tokens by library
and the public key, in hexadecimal. Each line after it is a library's name and a number of calls; the answer is the
processor time that they took, in nanoseconds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def pycose(token: bytes, public: Ed25519PublicKey) -> Callable[[], None]:
    """Decode a COSE_Sign1 and verify its signature."""
    message_class = import_module("pycose.messages").CoseMessage
    curve = import_module("pycose.keys.curves").Ed25519
    key = import_module("pycose.keys").OKPKey(crv=curve, x=public.public_bytes_raw())

    def verify() -> None:
        message = message_class.decode(token)
        message.key = key
        assert message.verify_signature()

    return verify


def scitt_cose(token: bytes, public: Ed25519PublicKey) -> Callable[[], None]:
    """Parse and verify a signed statement of SCITT."""
    parse = import_module("scitt_cose").parse_signed_statement
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def verify() -> None:
        assert parse(token, public_key_pem=pem)["signature_verified"] is True

    return verify


def cwt(token: bytes, public: Ed25519PublicKey) -> Callable[[], None]:
    """Decode a CWT."""
    library = import_module("cwt")
    key = library.COSEKey.new({1: 1, -1: 6, -2: public.public_bytes_raw(), 3: -8, 2: b"key"})

    def verify() -> None:
        assert library.decode(token, key)

    return verify


def raw(token: bytes, public: Ed25519PublicKey) -> Callable[[], None]:
    """A bare verification, of a signature with its message behind it: what both processes should take as long for."""
    signature, message = token[:64], token[64:]
    return lambda: public.verify(signature, message)


LIBRARIES = {"raw": raw, "pycose": pycose, "scitt_cose": scitt_cose, "cwt": cwt}


def main() -> None:
    """Answer until the input ends."""
    given = json.loads(sys.stdin.readline())
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(given["public"]))
    cases = {name: make(bytes.fromhex(given[name]), public) for name, make in LIBRARIES.items()}
    for line in sys.stdin:
        name, calls = line.split()
        case, count = cases[name], int(calls)
        # As on the other side, a call that counts for nothing: it slept since the last.
        case()
        began = time.process_time_ns()
        for _ in range(count):
            case()
        print(time.process_time_ns() - began, flush=True)


if __name__ == "__main__":
    main()
