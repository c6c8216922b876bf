"""Every input that fuzzing begins from passes its target: what was found once is not found again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import seeds
from tests.fuzz.clock import cost
from tests.fuzz.targets import BYTES_MAX, COST_MAX, TARGETS, TIMED, seconds


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_but_our_own_errors_leaves_the_library(target: str) -> None:
    replayed = 0
    for each, path in seeds.inputs():
        if each == target:
            seconds(TARGETS[target], path.read_bytes())
            replayed += 1
    assert replayed >= len(list((seeds.CORPUS / target).iterdir())) > 0


def test_each_target_has_calls_that_are_timed() -> None:
    assert TIMED.keys() == TARGETS.keys()
    assert all(cost(target, b"") < COST_MAX for target in TARGETS)


def test_the_corpus_is_small() -> None:
    found: list[Path] = [path for path in seeds.CORPUS.rglob("*") if path.is_file()]
    assert {path.parent.name for path in found} == set(TARGETS)
    assert max(path.stat().st_size for path in found) <= BYTES_MAX
    assert sum(path.stat().st_size for path in found) <= 1024 * 1024
