"""Small things: functions of at most 70 lines, modules of at most 500, nothing named after the standard library."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.tidy.sources import ROOT, our_modules

FUNCTION_LINES_MAX: Final = 70
MODULE_LINES_MAX: Final = 500
VAGUE_NAMES: Final = {"util", "utils", "common", "helper", "helpers", "misc"}
QUALIFIED_NAMES: Final = {"__init__", "__main__"}


@pytest.mark.parametrize("path", our_modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_module_and_its_functions_are_small(path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) <= MODULE_LINES_MAX
    functions = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    long = {f.name: n for f in functions if (n := (f.end_lineno or 0) - f.lineno + 1) > FUNCTION_LINES_MAX}
    assert long == {}


def test_no_module_is_named_after_the_standard_library() -> None:
    names = {path.relative_to(ROOT): {path.stem, path.parent.name} - QUALIFIED_NAMES for path in our_modules()}
    assert [str(path) for path, stems in names.items() if stems & sys.stdlib_module_names] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [str(path.relative_to(ROOT)) for path in our_modules() if path.stem in VAGUE_NAMES] == []
