"""A tree grown batch by batch is the tree of RFC 9162, and its paths are that tree's."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import tree
from monazite_provenance.tree import Frontier

from services.chassis.log.growth import STORED_LEVELS, Growth, grow

BATCHES = st.lists(st.integers(1, 40), min_size=1, max_size=12)


def leaf(index: int) -> bytes:
    return sha256(index.to_bytes(8)).digest()


def grown(batches: Sequence[int]) -> list[Growth]:
    edge, growths = Frontier(), list[Growth]()
    for count in batches:
        growths.append(grow(edge, [leaf(index) for index in range(edge.size, edge.size + count)]))
        edge = growths[-1].after
    return growths


@given(BATCHES)
def test_root_and_frontier_are_those_of_the_whole_tree(batches: list[int]) -> None:
    reference = tree.Frontier()
    for growth in grown(batches):
        assert (growth.before.size, growth.before.hashes) == (reference.size, reference.hashes), "left as it was"
        for index in range(growth.before.size, growth.after.size):
            reference.append(leaf(index))
        assert growth.root == reference.root == growth.after.root
        assert growth.after.hashes == reference.hashes


@given(BATCHES)
def test_every_leaf_of_a_batch_has_its_path(batches: list[int]) -> None:
    for growth in grown(batches):
        for index in range(growth.before.size, growth.after.size):
            assert tree.root_of_path(index, growth.after.size, leaf(index), growth.path(index)) == growth.root


@given(BATCHES)
def test_each_stored_node_comes_once_and_is_the_hash_of_its_leaves(batches: list[int]) -> None:
    stored = [pair for growth in grown(batches) for pair in growth.stored()]
    size = sum(batches)
    expected = [
        (level, place)
        for level in range(STORED_LEVELS, size.bit_length(), STORED_LEVELS)
        for place in range(size >> level)
    ]
    assert sorted((node.level, node.place) for node, _ in stored) == expected
    for node, value in stored:
        low, high = node.place << node.level, (node.place + 1) << node.level
        assert value == tree.root([leaf(index) for index in range(low, high)])
