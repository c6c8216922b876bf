"""May this caller see or touch this object: the second half of access, judged on loaded data.

The access table has already let in only the kinds of callers that a method serves.
"""

from __future__ import annotations

from services.chassis.errors import Error, Kind, Violation, invalid
from services.chassis.identity import CallerKind, Principal
from services.quota.domain.ledger import NATIONAL


def own_enterprise(caller: Principal) -> str:
    """The enterprise that the caller speaks for.

    Raises ACCESS_DENIED for anybody else, and for an enterprise that bears the name of the national account.
    """
    if caller.kind is not CallerKind.ENTERPRISE or caller.id == NATIONAL:
        raise _denied()
    return caller.id


def visible_enterprise(caller: Principal, asked: str) -> str:
    """Whose accounts a read may show: an officer's choice ("" means all), an enterprise's own.

    Raises ACCESS_DENIED for another enterprise's, whether it exists or not: the ledger is not even looked at.
    """
    if caller.kind is not CallerKind.ENTERPRISE:
        return asked
    own = own_enterprise(caller)
    if asked not in ("", own):
        raise _denied()
    return own


def named_enterprise(asked: str, field: str) -> str:
    """An enterprise that may be given quota. Raises INVALID_FIELDS for the national account."""
    if asked == NATIONAL:
        raise invalid([Violation(field, "names the national account, which is no enterprise")])
    return asked


def sees(caller: Principal, owner: str) -> bool:
    """Whether an object of `owner` exists for this caller: to others it must look as if it did not."""
    return caller.kind is not CallerKind.ENTERPRISE or own_enterprise(caller) == owner


def _denied() -> Error:
    return Error(Kind.DENIED, "ACCESS_DENIED", "an enterprise sees and moves its own quota only")
