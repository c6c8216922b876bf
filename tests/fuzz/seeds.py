"""What fuzzing begins from: the corpus of each target, and the vectors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.fuzz.targets import BYTES_MAX, CHAINS, TARGETS

CORPUS: Final = Path(__file__).with_name("corpus")
HOSTILE: Final = Path(__file__).parents[1] / "vectors" / "hostile"
_VECTORS: Final = {
    "cbor": (HOSTILE / "lot", HOSTILE / "statement"),
    "statement": (HOSTILE / "statement",),
    "item": (HOSTILE / "item",),
    "contents": (),
    "receipt": tuple(HOSTILE / kind for kind in ("receipt", "multi-receipt", "consistency", "checkpoint")),
    "key": (HOSTILE / "key",),
    "checkpoint_text": (),
    "trust": (HOSTILE / "trust",),
    "bundle": (HOSTILE / "bundle", CHAINS),
    "history": (),
}


def folders(target: str) -> tuple[Path, ...]:
    """Where the inputs of a target stand."""
    return (CORPUS / target, *_VECTORS[target])


def inputs() -> Iterator[tuple[str, Path]]:
    """Every target with every input of it that it would be given."""
    for target in TARGETS:
        for folder in folders(target):
            for path in sorted(folder.iterdir()):
                if path.stat().st_size <= BYTES_MAX:
                    yield target, path
