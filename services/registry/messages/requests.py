"""Who asks, taken from the request's message."""

from __future__ import annotations

from hashlib import sha256

from google.protobuf.message import Message

from services.chassis.call import current_call
from services.registry.operations.requests import Asked, asked


def asked_by(request: Message, request_id: bytes) -> Asked:
    """Of a message. Its content is all of it: the request id in it is the same when it is asked again."""
    return asked(_digest(request), request_id)


def asked_act(request: Message, act_id: bytes) -> Asked:
    """Of an export act, whose id serves as request id of each of its steps."""
    return asked(_digest(request), act_id, scope=f"#{current_call().method.rsplit('/', 1)[-1]}")


def _digest(request: Message) -> bytes:
    return sha256(request.SerializeToString(deterministic=True)).digest()
