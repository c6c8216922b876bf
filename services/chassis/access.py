"""Which kind of caller may call which method, as data that is complete by construction.

This is one half of access: may this *kind* of caller call this *method*. The other half, may this caller touch this
*object*, is the domain's,
on loaded data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from google.protobuf.descriptor import ServiceDescriptor

from services.chassis.identity import CallerKind, OfficerRole, Principal


@dataclass(frozen=True, slots=True)
class Caller:
    """A kind of caller: all of a kind, or only those of one role (officers) or one name (services)."""

    kind: CallerKind
    name: str = ""

    @classmethod
    def enterprise(cls) -> Caller:
        """Any enterprise."""
        return cls(CallerKind.ENTERPRISE)

    @classmethod
    def officer(cls, role: OfficerRole | None = None) -> Caller:
        """Officers of a role; of any that the suite knows when none is named."""
        return cls(CallerKind.OFFICER, role.value if role else "")

    @classmethod
    def customs(cls) -> Caller:
        """Any customs officer, at any port."""
        return cls(CallerKind.CUSTOMS)

    @classmethod
    def service(cls, name: str = "") -> Caller:
        """One service of the suite; any when none is named."""
        return cls(CallerKind.SERVICE, name)

    @classmethod
    def witness(cls) -> Caller:
        """Any witness of the logs."""
        return cls(CallerKind.WITNESS)

    def matches(self, principal: Principal) -> bool:
        """Whether the principal is of this kind."""
        if principal.kind is not self.kind:
            return False
        match self.kind:
            case CallerKind.OFFICER:
                return not self.name or principal.role == self.name
            case CallerKind.SERVICE:
                return not self.name or principal.id == self.name
            case _:
                return True


# Full method name ("/monazite.quota.v1.RightService/Reserve") to who may call it.
AccessTable: TypeAlias = Mapping[str, frozenset[Caller]]


class IncompleteAccess(Exception):  # noqa: N818  (says what it is)
    """The table does not fit the services; the server must not start."""


def method_names(descriptors: Iterable[ServiceDescriptor]) -> frozenset[str]:
    """The full names of all methods of the services."""
    return frozenset(f"/{service.full_name}/{method.name}" for service in descriptors for method in service.methods)


def check_complete(table: AccessTable, descriptors: Iterable[ServiceDescriptor]) -> None:
    """Raises IncompleteAccess for a method without a line, a line without a method, or a line that admits nobody."""
    methods = method_names(descriptors)
    problems = [f"no line for {name}" for name in sorted(methods - table.keys())]
    problems += [f"no such method {name}" for name in sorted(table.keys() - methods)]
    problems += [f"nobody may call {name}" for name in sorted(table) if not table[name]]
    if problems:
        raise IncompleteAccess("; ".join(problems))


def permits(callers: Iterable[Caller], principal: Principal) -> bool:
    """Whether one of the kinds of callers fits the principal."""
    return any(caller.matches(principal) for caller in callers)
