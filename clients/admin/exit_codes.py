"""Exit codes of `monazite`, the same for every command. README.md has the table for users; a test compares the two."""

from __future__ import annotations

from enum import IntEnum

import grpc

from clients.errors import TRANSPORT, CallError


class ExitCode(IntEnum):
    """What a script may rely on."""

    DONE = 0
    # Verdicts, usage and malformed input leave as they do from `python -m monazite_provenance`; a test compares them.
    REFUTED = 1
    CANNOT_TELL = 2
    VERIFIED_WITH_GAPS = 3
    USAGE = 4
    BAD_INPUT = 5
    NOT_ALLOWED = 6
    NOT_FOUND = 7
    RULE = 8
    NOT_REACHED = 9
    CONFIGURATION = 10
    SERVER_FAILED = 11
    FAULT = 70
    INTERRUPTED = 130
    PIPE_CLOSED = 141


_BY_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: ExitCode.BAD_INPUT,
    grpc.StatusCode.OUT_OF_RANGE: ExitCode.BAD_INPUT,
    grpc.StatusCode.UNAUTHENTICATED: ExitCode.NOT_ALLOWED,
    grpc.StatusCode.PERMISSION_DENIED: ExitCode.NOT_ALLOWED,
    grpc.StatusCode.NOT_FOUND: ExitCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION: ExitCode.RULE,
    grpc.StatusCode.ALREADY_EXISTS: ExitCode.RULE,
    grpc.StatusCode.ABORTED: ExitCode.RULE,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ExitCode.RULE,
    grpc.StatusCode.UNAVAILABLE: ExitCode.NOT_REACHED,
    grpc.StatusCode.DEADLINE_EXCEEDED: ExitCode.NOT_REACHED,
}


def exit_code(error: CallError) -> ExitCode:
    """The exit code of a failed call."""
    if error.reason.startswith(TRANSPORT):
        return ExitCode.NOT_REACHED
    return _BY_STATUS.get(error.code, ExitCode.SERVER_FAILED)
