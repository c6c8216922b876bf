"""Every crash point in the source, read from it: a new one cannot be forgotten.

Names are literals or f-strings; what an f-string stands for is read from the same module: a module-level table of names
(`_STEP[...]`, `_DONE.get(...)`), or the first argument of the calls through which the name comes (`run`, `step`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

SERVICES_ROOT = Path(__file__).parents[2] / "services"
SERVICES = ("registry", "quota", "export_license")
# Calls whose first argument is the name that a crash point's f-string carries on.
CARRIERS = frozenset({"run", "step", "_step"})


class CrashPoint(NamedTuple):
    """Where a process may be killed: which service's, and the name it is armed by."""

    service: str
    name: str


def crash_points() -> list[CrashPoint]:
    """All of them, sorted; those of the chassis once for every service that uses the module."""
    found: set[CrashPoint] = set()
    for path in SERVICES_ROOT.rglob("*.py"):
        part = path.relative_to(SERVICES_ROOT).parts[0]
        users = [service for service in SERVICES if path in _loaded(service)]
        tree = ast.parse(path.read_text())
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "crash_point":
                for name in _names(call.args[0], tree, SERVICES_ROOT / part):
                    found.update(CrashPoint(service, name) for service in users)
    return sorted(found)


@cache
def _loaded(service: str) -> frozenset[Path]:
    """Modules of a service, and those of the chassis that they import, or that these import."""
    found: set[Path] = set()
    todo = list((SERVICES_ROOT / service).rglob("*.py"))
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += [source for name in _imported(path) if (source := _source(name)).exists()]
    return frozenset(found)


def _imported(path: Path) -> Iterator[str]:
    """Names that may be of modules of the chassis."""
    for each in ast.walk(ast.parse(path.read_text())):
        if isinstance(each, ast.ImportFrom) and each.module is not None and each.module.startswith("services.chassis"):
            yield each.module
            yield from (f"{each.module}.{alias.name}" for alias in each.names)


def _source(module: str) -> Path:
    return SERVICES_ROOT.parent.joinpath(*module.split(".")).with_suffix(".py")


def _names(argument: ast.expr, tree: ast.Module, package: Path) -> Iterator[str]:
    if isinstance(argument, ast.Constant):
        yield str(argument.value)
        return
    assert isinstance(argument, ast.JoinedStr), f"a crash point whose name cannot be read: {ast.unparse(argument)}"
    parts = [
        [str(part.value)] if isinstance(part, ast.Constant) else _values(part, tree, package)
        for part in argument.values
    ]
    for combination in product(*parts):
        yield "".join(combination)


def _values(part: ast.expr, tree: ast.Module, package: Path) -> list[str]:
    assert isinstance(part, ast.FormattedValue)
    value = part.value
    if isinstance(value, ast.Name):
        return sorted(_carried(package))
    if isinstance(value, ast.Subscript):
        return _table(value.value, tree)
    assert isinstance(value, ast.Call), f"a crash point whose name cannot be read: {ast.unparse(value)}"
    assert isinstance(value.func, ast.Attribute)
    return _table(value.func.value, tree)


def _table(name: ast.expr, tree: ast.Module) -> list[str]:
    assert isinstance(name, ast.Name)
    for statement in tree.body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Dict):
            continue
        if any(isinstance(target, ast.Name) and target.id == name.id for target in statement.targets):
            return [str(value.value) for value in statement.value.values if isinstance(value, ast.Constant)]
    raise AssertionError(f"no table {name.id}")


def _carried(package: Path) -> set[str]:
    names: set[str] = set()
    for path in package.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or not call.args:
                continue
            first = call.args[0]
            if call.func.attr in CARRIERS and isinstance(first, ast.Constant) and isinstance(first.value, str):
                names.add(first.value)
    return names
