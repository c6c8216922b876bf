"""What the offline tool imports before it does anything: its start is most of what checking a small bundle takes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from monazite_provenance import __main__ as tool

COMMANDS = ", ".join(["monazite_provenance.__main__", *(f"monazite_provenance._tool.{each}" for each in tool.COMMANDS)])
# Each was seen to cost a tenth of the start or more, or brings such a one in.
SLOW = ["cryptography.hazmat.primitives.serialization", "importlib.resources", "secrets", "tempfile", "zipfile"]


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


def test_every_frozen_class_is_made_the_quick_way() -> None:
    program = "\n".join(
        [
            f"import sys, dataclasses, {COMMANDS}",
            "made = [(m.__name__, v.__name__) for m in list(sys.modules.values()) for v in vars(m).values()",
            "        if m.__name__.startswith('monazite_provenance') and isinstance(v, type)",
            "        and dataclasses.is_dataclass(v) and v.__dataclass_params__.frozen]",
            "print(made)",
        ]
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
