"""The tree over outputs, against the RFC 9162 reference tree and the inclusion proofs of transparency-dev/merkle.

An output shown alone is an inclusion proof: the same hashes, but listed left to right and not from the leaf upwards.
"""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from monazite_provenance import _merkle
from monazite_provenance.errors import OpeningMismatch

from tests.vectors.published import VECTORS, base64_list, load, name, number, paths, text

REFERENCE = VECTORS / "rfc-values" / "rfc6962-reference-tree.json"

pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason="published vectors are not beside the repository")


def left_to_right(index: int, size: int, path: list[bytes]) -> list[bytes]:
    """An inclusion path (RFC 9162 section 2.1.3) as the subtree roots of a disclosure."""
    sides: list[bool] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _merkle.split_point(high - low)
        # True: the sibling stands to the left.
        sides.append(index >= middle)
        low, high = (middle, high) if index >= middle else (low, middle)
    if len(sides) != len(path):
        return path
    upwards = list(zip(reversed(sides), path, strict=True))
    return [node for left, node in reversed(upwards) if left] + [node for left, node in upwards if not left]


def included(index: int, size: int, leaf: bytes, path: list[bytes], root: bytes) -> bool:
    """Whether the path leads to the root."""
    if not 0 <= index < size or len(root) != _merkle.HASH_BYTES or len(leaf) != _merkle.HASH_BYTES:
        # As `parse` and the leaf hash see to it.
        return False
    try:
        return _merkle.partial_root(size, {index: leaf}, left_to_right(index, size, path)) == root
    except OpeningMismatch:
        return False


def reference_leaves() -> list[bytes]:
    """Leaf hashes of the reference tree."""
    leaves = load(REFERENCE)["leaves"]
    assert isinstance(leaves, list)
    return [_merkle.leaf_hash(bytes.fromhex(leaf)) for leaf in leaves if isinstance(leaf, str)]


@pytest.mark.parametrize("size", range(9))
def test_reference_roots(size: int) -> None:
    assert _merkle.root(reference_leaves()[:size]).hex() == text(load(REFERENCE)["roots"], str(size))


def test_reference_inclusion() -> None:
    proofs = load(REFERENCE)["inclusion"]
    assert isinstance(proofs, list)
    assert len(proofs) == 36
    leaves = reference_leaves()
    for proof in proofs:
        assert isinstance(proof, dict)
        index, size, path = number(proof, "leaf_index"), number(proof, "tree_size"), proof["path"]
        assert isinstance(path, list)
        nodes = [bytes.fromhex(node) for node in path if isinstance(node, str)]
        assert included(index, size, leaves[index], nodes, _merkle.root(leaves[:size]))
        shown = _merkle.Disclosure(size, dict(enumerate(leaves[:size])), ()).without({index})
        assert list(shown) == left_to_right(index, size, nodes)


@pytest.mark.parametrize("path", paths("transparency-dev-merkle/testdata/inclusion/**/*.json"), ids=name)
def test_inclusion_proofs(path: Path) -> None:
    vector = load(path)
    held = included(
        number(vector, "leafIdx"),
        number(vector, "treeSize"),
        base64.b64decode(text(vector, "leafHash") if vector["leafHash"] else ""),
        base64_list(vector["proof"]),
        base64.b64decode(text(vector, "root") if vector["root"] else ""),
    )
    assert held is not vector["wantErr"]
