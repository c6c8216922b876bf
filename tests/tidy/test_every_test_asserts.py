"""A test says what must be so: `assert`, `pytest.raises`, or a call of something named `assert_*` or `check_*`.

What runs where exceptions are swallowed (`suppress`, a handler that only passes) says nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
NAMES = ("assert_", "check_", "_assert_", "_check_")
PYTEST = {"raises", "fail", "warns"}


def says_something(test: ast.AST) -> bool:
    """Whether a test function asserts."""
    return any(isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and _asserts(node)) for node in _seen(test))


def _asserts(call: ast.Call) -> bool:
    match call.func:
        case ast.Attribute(value=ast.Name(id="pytest"), attr=name):
            return name in PYTEST
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.startswith(NAMES)
        case _:
            return False


def _seen(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes whose failure would be seen. An `assert` in a suppressed place counts: it names what must be so."""
    for child in ast.iter_child_nodes(node):
        yield child
        if _swallows(child):
            yield from (inner for inner in ast.walk(child) if isinstance(inner, ast.Assert))
        else:
            yield from _seen(child)


def _swallows(node: ast.AST) -> bool:
    match node:
        case ast.With() | ast.AsyncWith():
            calls = [item.context_expr for item in node.items]
            return any(isinstance(call, ast.Call) and "suppress" in ast.unparse(call.func) for call in calls)
        case ast.Try():
            return any(isinstance(step, ast.Pass | ast.Continue) for each in node.handlers for step in each.body)
        case _:
            return False


def functions(source: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The test functions of a module, in classes too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node


def test_every_test_asserts() -> None:
    silent = [
        f"{path.relative_to(TESTS)}:{test.lineno} {test.name}"
        for path in sorted(TESTS.rglob("test_*.py"))
        for test in functions(path.read_text(encoding="utf-8"))
        if not says_something(test)
    ]
    assert silent == []


def test_the_rule_itself() -> None:
    source = """
def test_asserts(): assert 1
async def test_raises():
    with pytest.raises(ValueError): f()
def test_by_name(): tools.check_sum(1)
def test_only_calls(): f()
def test_swallows():
    with contextlib.suppress(ValueError): check_sum(1)
def test_passes():
    try: check_sum(1)
    except ValueError: pass
def test_says_what_came_of_it():
    with suppress(ValueError): assert f() == 1
"""
    assert [test.name for test in functions(source) if not says_something(test)] == [
        "test_only_calls",
        "test_swallows",
        "test_passes",
    ]
