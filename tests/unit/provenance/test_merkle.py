"""The tree over outputs: the recursion of RFC 9162, whatever part of it is shown."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import _merkle
from monazite_provenance.errors import OpeningMismatch

LEAVES = [_merkle.leaf_hash(bytes((n,))) for n in range(128)]


def reference_root(leaves: list[bytes]) -> bytes:
    """The definition, RFC 9162 section 2.1.1, over leaf hashes."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + reference_root(leaves[:k]) + reference_root(leaves[k:])).digest()


@pytest.mark.parametrize("count", range(1, 129))
def test_root(count: int) -> None:
    assert _merkle.root(LEAVES[:count]) == reference_root(LEAVES[:count])


def test_root_over_nothing_is_the_hash_of_nothing() -> None:
    assert _merkle.root([]) == sha256(b"").digest()
    assert _merkle.partial_root(0, {}, ()) == sha256(b"").digest()


@given(st.integers(1, 128), st.data())
def test_any_part_shown_leads_to_the_same_root(count: int, data: st.DataObject) -> None:
    shown = data.draw(st.sets(st.integers(0, count - 1)))
    whole = _merkle.Disclosure(count, dict(enumerate(LEAVES[:count])), ())
    nodes = whole.without(shown)
    assert len(nodes) <= 64
    part = _merkle.Disclosure(count, {index: LEAVES[index] for index in shown}, nodes)
    assert part.root == whole.root
    fewer = data.draw(st.sets(st.sampled_from(sorted(shown)))) if shown else set[int]()
    assert part.without(fewer) == whole.without(fewer)


@given(st.integers(1, 40), st.data())
def test_the_nodes_are_the_largest_subtrees(count: int, data: st.DataObject) -> None:
    shown = data.draw(st.sets(st.integers(0, count - 1)))
    assert list(_merkle.Disclosure(count, dict(enumerate(LEAVES[:count])), ()).without(shown)) == reference_nodes(
        LEAVES[:count], [index in shown for index in range(count)]
    )


def reference_nodes(leaves: list[bytes], shown: list[bool]) -> list[bytes]:
    """What an implementation of the sentence in docs/STATEMENTS.md gives."""
    if not any(shown):
        return [reference_root(leaves)]
    if len(leaves) == 1:
        return []
    k = _merkle.split_point(len(leaves))
    return reference_nodes(leaves[:k], shown[:k]) + reference_nodes(leaves[k:], shown[k:])


@given(st.integers(1, 40), st.data())
def test_one_node_too_few_or_too_many_is_refused(count: int, data: st.DataObject) -> None:
    shown = data.draw(st.sets(st.integers(0, count - 1)))
    known = {index: LEAVES[index] for index in shown}
    nodes = _merkle.Disclosure(count, dict(enumerate(LEAVES[:count])), ()).without(shown)
    with pytest.raises(OpeningMismatch):
        _merkle.partial_root(count, known, (*nodes, LEAVES[0]))
    if nodes:
        with pytest.raises(OpeningMismatch):
            _merkle.partial_root(count, known, nodes[:-1])


@pytest.mark.parametrize("index", [-1, 3, 2**64])
def test_a_leaf_beyond_the_tree_is_refused(index: int) -> None:
    with pytest.raises(OpeningMismatch):
        _merkle.partial_root(3, {index: LEAVES[0]}, ())


def test_what_is_not_known_cannot_be_kept() -> None:
    tree = _merkle.Disclosure(3, {0: LEAVES[0]}, (LEAVES[1], LEAVES[2]))
    with pytest.raises(OpeningMismatch):
        tree.without({1})
