"""The codes that the tool leaves with. A verdict has its own, and nothing that is no verdict has one of those but 0."""

from __future__ import annotations

from typing import Final


class WrongUse(Exception):  # noqa: N818 - says what happened
    """Arguments that do not fit together, or that name nothing; the message says which, `usage` what there are."""

    def __init__(self, message: str, usage: str = "") -> None:
        super().__init__(message)
        self.usage = usage


# By name: to import the verdicts themselves would load all rules for a command that needs none.
VERDICT_CODES: Final = {"VERIFIED": 0, "REFUTED": 1, "CANNOT_TELL": 2, "VERIFIED_WITH_GAPS": 3}
"""Exit code by the name of a verdict."""
DONE: Final = 0
"""Of a command that gives no verdict."""
USAGE: Final = 4
MALFORMED: Final = 5
INTERRUPTED: Final = 130
"""What a shell says of a process that SIGINT ended: of Ctrl-C."""
FAULT: Final = 70
"""EX_SOFTWARE of sysexits.h."""
PIPE: Final = 141
"""What a shell says of a process that SIGPIPE ended."""
USAGE_REASON: Final = "USAGE"
FILE_REASON: Final = "FILE_UNUSABLE"
FAULT_REASON: Final = "FAULT"
REASONS: Final = frozenset({USAGE_REASON, FILE_REASON, FAULT_REASON})
"""Why there is no result, beside the codes of the library (docs/ERRORS.md)."""
