"""Our own chain vectors: the files are what their generator writes, and the reports what stands beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from monazite_provenance.chain import verify_bundle
from monazite_provenance.trust import TrustFile

from tests.unit.provenance.chains import AT_S
from tests.vectors import make_chain_vectors as made

BUNDLES: Final = sorted(made.FOLDER.glob("*.bundle"))
README: Final = made.FOLDER / "README.md"


def test_the_files_are_what_the_generator_writes() -> None:
    there = {path: path.read_bytes() for path in made.FOLDER.iterdir() if path != README}
    assert there == made.files()


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.stem)
def test_the_report_is_the_expected_one(path: Path) -> None:
    raw, trust = path.read_bytes(), TrustFile.load(made.TRUST.read_bytes())
    # In pieces, as a reader of a stream meets them.
    pieces = [raw[at : at + 1_000] for at in range(0, len(raw), 1_000)]
    report = verify_bundle(pieces, trust, at=AT_S)
    assert report.as_json() == json.loads(path.with_suffix(".json").read_bytes())
    assert report.verdict.value.startswith("VERIFIED")


def test_every_chain_and_the_moment_are_documented() -> None:
    documented = README.read_text()
    assert all(f"`{path.stem}`" in documented for path in BUNDLES)
    assert str(AT_S) in documented
