"""Our own tree vectors: the files are what their generator writes, and the library agrees with each."""

from __future__ import annotations

import pytest
from monazite_provenance import tree
from monazite_provenance.errors import ProofMismatch

from tests.vectors import make_tree_vectors as made
from tests.vectors.published import Json, load, number, text


def cases(path: object) -> list[dict[str, Json]]:
    """The cases of one of the two files."""
    found = load(made.CONSISTENCY if path == "consistency" else made.MULTI_PROOF)["cases"]
    assert isinstance(found, list)
    return [case for case in found if isinstance(case, dict)]


def hexes(value: Json) -> list[bytes]:
    """A list of hexadecimal strings."""
    assert isinstance(value, list)
    return [bytes.fromhex(node) for node in value if isinstance(node, str)]


def leaves(value: Json) -> dict[int, bytes]:
    """Pairs of an index and a hash."""
    assert isinstance(value, list)
    found: dict[int, bytes] = {}
    for pair in value:
        match pair:
            case [int(index), str(leaf)]:
                found[index] = bytes.fromhex(leaf)
            case _:
                raise AssertionError(pair)
    return found


def test_the_files_are_what_the_generator_writes() -> None:
    assert made.CONSISTENCY.read_text() == made.rendered(made.consistency())
    assert made.MULTI_PROOF.read_text() == made.rendered(made.multi_proofs())


@pytest.mark.parametrize(
    "case", cases("consistency"), ids=lambda case: f"{case['name']}-{case['size_1']}-{case['size_2']}"
)
def test_consistency(case: dict[str, Json]) -> None:
    sizes = number(case, "size_1"), number(case, "size_2")
    roots = bytes.fromhex(text(case, "root_1")), bytes.fromhex(text(case, "root_2"))
    try:
        tree.check_consistency(sizes[0], roots[0], sizes[1], roots[1], hexes(case["path"]))
    except ProofMismatch:
        assert not case["holds"]
    else:
        assert case["holds"]


@pytest.mark.parametrize("case", cases("multi proof"), ids=lambda case: f"{case['name']}-{case['size']}")
def test_multi_proof(case: dict[str, Json]) -> None:
    try:
        shown = tree.Disclosure(number(case, "size"), leaves(case["leaves"]), hexes(case["nodes"])).root
    except ProofMismatch:
        shown = None
    assert (shown == bytes.fromhex(text(case, "root"))) is case["holds"]


def test_every_attack_is_there() -> None:
    documented = (made.FOLDER / "README.md").read_text()
    for kind in ("consistency", "multi proof"):
        names = {text(case, "name") for case in cases(kind)}
        assert all(f"`{name}`" in documented for name in names - {"good"})
        assert "good" in names
