"""Where the published vectors are. They are other people's work and stand beside the repository, never in it."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import TypeAlias, cast

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"


def paths(pattern: str) -> list[Path]:
    """Vector files below the folder, in order of name; none where the folder is missing."""
    return sorted(VECTORS.glob(pattern))


def name(path: Path) -> str:
    """Id of a test."""
    return str(path.relative_to(VECTORS)) if path.is_absolute() else "no vectors"


@cache
def load(path: Path) -> dict[str, Json]:
    """A vector file, which is one JSON object."""
    return cast("dict[str, Json]", json.loads(path.read_bytes()))


def member(value: Json, key: str) -> dict[str, Json]:
    """A member that is an object."""
    assert isinstance(value, dict)
    found = value[key]
    assert isinstance(found, dict)
    return found


def text(value: Json, key: str) -> str:
    """A member that is a string."""
    assert isinstance(value, dict)
    found = value[key]
    assert isinstance(found, str)
    return found


def number(value: Json, key: str) -> int:
    """A member that is an integer."""
    assert isinstance(value, dict)
    found = value[key]
    assert isinstance(found, int)
    return found


def base64_list(value: Json) -> list[bytes]:
    """A list of base64 strings; null is the empty one."""
    if value is None:
        return []
    assert isinstance(value, list)
    return [base64.b64decode(item) for item in value if isinstance(item, str)]
