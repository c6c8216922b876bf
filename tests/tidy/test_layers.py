"""The import contracts of pyproject.toml hold, and what they cannot see holds too."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tidy.sources import ROOT

LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def test_every_layer_keeps_to_its_place() -> None:
    checked = subprocess.run(
        [sys.executable, "-c", LINT_IMPORTS, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("path", sorted((ROOT / "clients").glob("*.py")), ids=lambda path: path.name)
def test_what_the_clients_share_knows_no_service(path: Path) -> None:
    # `clients` is no package of its own, so import-linter does not see its direct modules.
    imported = {name.partition(".")[0] for name in _imports(ast.parse(path.read_text()))}
    assert imported & {"services", "tools", "sqlalchemy", "sqlmodel", "asyncpg"} == set()


def _imports(tree: ast.Module) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return names
