"""Statements named on the command line, by as much of the beginning of their ids as tells them apart."""

from __future__ import annotations

from collections.abc import Iterable

from monazite_provenance._tool.leaving import WrongUse


def the_one(start: str, ids: Iterable[bytes]) -> bytes:
    """The id that begins with these hexadecimal digits, in either case. Raises WrongUse unless it is just one."""
    found = {each for each in ids if each.hex().startswith(start.lower())} if start else set[bytes]()
    if not found:
        raise WrongUse(f"no statement in the bundle has an id that begins with {start!r}")
    if len(found) > 1:
        raise WrongUse(f"{len(found)} statements in the bundle have ids that begin with {start!r}: give more of it")
    return found.pop()
