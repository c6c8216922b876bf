"""What the offline tool imports before it does anything: its start is most of what checking a small bundle takes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from monazite_provenance import __main__ as tool
from monazite_provenance import _forms

COMMANDS = ", ".join(["monazite_provenance.__main__", *(f"monazite_provenance._tool.{each}" for each in tool.COMMANDS)])
# Each was seen to cost a twentieth of the start or more, or brings such a one in.
SLOW = [
    "ast",
    "cryptography.hazmat.backends.openssl.backend",
    "cryptography.hazmat.primitives.serialization",
    "dataclasses",
    "importlib.resources",
    "inspect",
    "pathlib",
    "secrets",
    "shutil",
    "subprocess",
    "tempfile",
    "textwrap",
    "traceback",
    "zipfile",
]


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """Names of the modules that the tool's commands bring in, in a process of its own."""
    program = f"import sys; import {COMMANDS}; print(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )


@pytest.mark.parametrize("module", SLOW)
def test_the_tool_starts_without(imported: set[str], module: str) -> None:
    assert "monazite_provenance.chain" in imported
    assert module not in imported


def test_an_expression_is_not_compiled_for_a_few_statements() -> None:
    form = _forms.Form(rb"a")
    assert [form.fullmatch(b"a") for _ in range(_forms.ASKED_BEFORE_COMPILING)] == [None] * (
        _forms.ASKED_BEFORE_COMPILING
    )
    assert form.fullmatch(b"a") is not None
    assert form.fullmatch(b"b") is None
