"""What the package offers by name: imported when asked for, the same names to a type checker and at run time."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import monazite_provenance
import pytest


def typed_names() -> dict[str, str]:
    """Name to module, as a type checker sees them."""
    tree = ast.parse(Path(str(monazite_provenance.__file__)).read_text())
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    ours = ((node.module or "", alias.name) for node in imports for alias in node.names)
    return {name: module for module, name in ours if module.startswith("monazite_provenance")}


def test_every_name_is_what_a_type_checker_takes_it_for() -> None:
    names = typed_names()
    assert sorted(names) == sorted(monazite_provenance.__all__)
    for name, module in names.items():
        assert getattr(monazite_provenance, name) is getattr(import_module(module), name), name
    assert set(monazite_provenance.__all__) <= set(dir(monazite_provenance))


def test_a_name_that_it_has_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Token'"):
        getattr(monazite_provenance, "Token")  # noqa: B009 - a checker knows that it is not there


def test_one_statement_is_checked_without_the_rules_of_steps() -> None:
    script = "import sys; from monazite_provenance import Item, Verifier, draft; print(*sys.modules); draft.__call__"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "monazite_provenance.verifier" in loaded
    assert loaded.isdisjoint({"monazite_provenance.chain", "monazite_provenance.steps", "monazite_provenance.report"})


def test_a_function_with_the_name_of_its_module() -> None:
    script = "import monazite_provenance.trust; from monazite_provenance import draft; print(callable(draft))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]  # a module is not
