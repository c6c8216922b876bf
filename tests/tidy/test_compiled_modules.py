"""The modules that are compiled keep to what mypyc and Python do alike (docs/decisions/0014)."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Final

import pytest

from tests.tidy.sources import ROOT

LIBRARY: Final = ROOT / "libs" / "provenance"
HOOK: Final = tomllib.loads((LIBRARY / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
    "hooks"
]["custom"]
MODULES: Final[list[str]] = HOOK["modules"]


def _path(module: str) -> Path:
    return LIBRARY / "monazite_provenance" / f"{module}.py"


def test_the_list_is_sorted_and_of_modules_that_are() -> None:
    assert sorted(set(MODULES)) == MODULES
    assert all(_path(module).is_file() for module in MODULES)


def test_a_pure_wheel_is_what_everybody_builds_who_asks_for_nothing() -> None:
    assert HOOK["enable-by-default"] is False


@pytest.mark.parametrize("module", MODULES)
def test_no_class_is_made_by_a_decorator(module: str) -> None:
    """What mypyc takes for a plain class it compares by identity; and `_frozen` makes another class of it."""
    classes = [node for node in ast.walk(ast.parse(_path(module).read_text())) if isinstance(node, ast.ClassDef)]
    assert [node.name for node in classes if set(map(ast.unparse, node.decorator_list)) - {"final"}] == []


@pytest.mark.parametrize("module", MODULES)
def test_a_named_tuple_stands_behind_the_classes_that_it_names(module: str) -> None:
    """Else the annotation is no class yet when mypyc's code asks for it, and the import ends in a crash."""
    seen: set[str] = set()
    body = ast.parse(_path(module).read_text()).body
    later = {node.name for node in body if isinstance(node, ast.ClassDef)}
    for node in body:
        if isinstance(node, ast.ClassDef):
            if [ast.unparse(base) for base in node.bases] == ["NamedTuple"]:
                named = {name.id for part in node.body if isinstance(part, ast.AnnAssign) for name in _names(part)}
                assert not named & (later - seen - {node.name})
            seen.add(node.name)


def _names(field: ast.AnnAssign) -> list[ast.Name]:
    return [node for node in ast.walk(field.annotation) if isinstance(node, ast.Name)]


@pytest.mark.parametrize("module", MODULES)
def test_its_constants_are_final(module: str) -> None:
    """What may be assigned anew is looked up by name each time; and nobody patches what was compiled in."""
    body = ast.parse(_path(module).read_text()).body
    plain = [node for node in body if isinstance(node, ast.Assign)]
    assigned = [target.id for node in plain for target in node.targets if isinstance(target, ast.Name)]
    assert [name for name in assigned if name.isupper()] == []
