"""Times inputs for `drive`: a line in is a target and an input in hexadecimal, a line out what it costs.

In bare Ed25519 verifications, made in the same moments: how fast the machine is, and what else runs on it, goes out.
"""

from __future__ import annotations

import sys
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.fuzz.targets import TIMED, seconds

TRIES = 5
"""A collection of garbage, or another process, may come between once; not in all of these."""
VERIFICATIONS = 50

_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
_MESSAGE = bytes(400)
_SIGNATURE = _KEY.sign(_MESSAGE)


def verification_s() -> float:
    """Processor time of one bare verification, seconds."""
    public = _KEY.public_key()
    began = time.process_time()
    for _ in range(VERIFICATIONS):
        public.verify(_SIGNATURE, _MESSAGE)
    return (time.process_time() - began) / VERIFICATIONS


def cost(target: str, data: bytes) -> float:
    """What the dearest call on an input costs, in bare verifications: of each the least of several tries."""
    return max(min(seconds(call, data) / verification_s() for _ in range(TRIES)) for call in TIMED[target])


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        target, data = line.split(" ")
        sys.stdout.write(f"{cost(target, bytes.fromhex(data))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
