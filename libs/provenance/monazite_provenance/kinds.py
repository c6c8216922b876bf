"""The kinds of event a statement can tell of (CWT claim -70001)."""

from __future__ import annotations

from enum import IntEnum


class EventKind(IntEnum):
    """Wire numbers; docs/STATEMENTS.md says what each spends, makes and who signs it."""

    REGISTER = 1
    RETURN = 2
    SPLIT = 3
    MERGE = 4
    TRANSFORM = 5
    OFFER = 6
    CANCEL = 7
    # A refusal is an acceptance of 0 g.
    ACCEPT = 8
    DIVERT = 10
    ADJUST = 11
    CONSUME = 12
    ANNUL = 13
    CORRECT = 14

    EXPORT_INTENT = 20
    EXPORT_LOCK = 21
    EXPORT_VOID = 22

    ATTEST = 30
    HOLD = 31
    RELEASE = 32
    STATUS = 33
    RIGHT_CLOSED = 34
    CUT = 35

    RIGHT = 40
    SETTLED = 41

    LICENCE = 50
    LICENCE_CHANGE = 51

    KEYS = 60


# What a holder, shipper or receiver does with lots; a service signs these only on behalf of a principal.
CUSTODY_KINDS = frozenset(kind for kind in EventKind if kind <= EventKind.CORRECT)
