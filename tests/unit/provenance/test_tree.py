"""The tree of RFC 9162 against its definition, written down as it stands there: recursive and slow."""

from __future__ import annotations

import copy
from collections.abc import Callable
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import tree
from monazite_provenance.errors import ProofMismatch
from monazite_provenance.tree import Node, Range

from tests.unit.provenance import recursive_tree

LEAVES = [tree.leaf_hash(bytes((n,))) for n in range(132)]
STRANGE = tree.leaf_hash(b"of no tree here")


def nodes_of(size: int) -> dict[Node, bytes]:
    """All nodes of a tree, as a log stores them."""
    frontier = tree.Frontier()
    return {node: value for leaf in LEAVES[:size] for node, value in frontier.append(leaf)}


NODES = nodes_of(len(LEAVES))


def hashes(ranges: list[Range]) -> list[bytes]:
    """Hashes of these ranges from the stored nodes."""
    return [tree.range_hash(part, NODES.__getitem__) for part in ranges]


@pytest.mark.parametrize("size", range(len(LEAVES) + 1))
def test_roots(size: int) -> None:
    leaves = LEAVES[:size]
    frontier = tree.Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    assert tree.root(leaves) == frontier.root == recursive_tree.root(leaves)
    again = tree.Frontier(size, frontier.hashes)
    assert (again.size, again.root, again.hashes) == (size, frontier.root, frontier.hashes)
    assert len(frontier.hashes) == size.bit_count()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_frontier_grows_by_itself(copied: Callable[[tree.Frontier], tree.Frontier]) -> None:
    frontier = tree.Frontier(3, LEAVES[:2])
    again = copied(frontier)
    assert (again.size, again.root) == (3, frontier.root)
    again.append(LEAVES[2])
    assert (again.size, frontier.size) == (4, 3)


def test_nodes_are_complete_when_they_are_given() -> None:
    for (level, place), value in NODES.items():
        assert value == recursive_tree.root(LEAVES[place << level : (place + 1) << level])
    assert len(NODES) == sum(len(LEAVES) >> level for level in range(8))


def test_a_frontier_goes_on_where_another_stopped() -> None:
    whole, first = tree.Frontier(), tree.Frontier()
    for leaf in LEAVES[:77]:
        whole.append(leaf)
        first.append(leaf)
    second = tree.Frontier(77, first.hashes)
    for leaf in LEAVES[77:]:
        assert second.append(leaf) == whole.append(leaf)
    assert second.root == whole.root


@pytest.mark.parametrize(
    ("size", "given"),
    [
        (0, LEAVES[:1]),
        (1, []),
        (3, LEAVES[:1]),
        (3, LEAVES[:3]),
        (2, [b"short"]),
        (-1, LEAVES[:1]),
        (2**63, LEAVES[:1]),
    ],
)
def test_a_frontier_of_another_size_is_refused(size: int, given: list[bytes]) -> None:
    with pytest.raises(ProofMismatch):
        tree.Frontier(size, given)


@given(st.integers(0, 132), st.integers(0, 132))
def test_the_nodes_that_cover_a_tree(low: int, high: int) -> None:
    if low <= high and low & (low - 1) == 0 and (low == 0 or high <= 2 * low):
        covering = tree.covering(low, high)
        assert [index for level, place in covering for index in range(place << level, (place + 1) << level)] == list(
            range(low, high)
        )
        if low < high:
            assert tree.range_hash(Range(low, high), NODES.__getitem__) == recursive_tree.root(LEAVES[low:high])


@given(st.data())
def test_inclusion(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    path = hashes(tree.inclusion_ranges(index, size))
    assert path == recursive_tree.path(index, LEAVES[:size])
    assert len(path) == tree.path_length(index, size)
    assert tree.root_of_path(index, size, LEAVES[index], path) == tree.root(LEAVES[:size])


@given(st.data())
def test_inclusion_of_something_else(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    path = recursive_tree.path(index, LEAVES[:size])
    root = tree.root(LEAVES[:size])
    assert tree.root_of_path(index, size, STRANGE, path) != root
    at = data.draw(st.integers(0, len(path) - 1))
    assert tree.root_of_path(index, size, LEAVES[index], [*path[:at], STRANGE, *path[at + 1 :]]) != root
    other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index))
    if tree.path_length(other, size) == len(path):
        assert tree.root_of_path(other, size, LEAVES[index], path) != root
    for bad in ([*path, root], path[:-1], [*path[:-1], b"short"]):
        with pytest.raises(ProofMismatch):
            tree.root_of_path(index, size, LEAVES[index], bad)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 1), (5, 3), (0, -1), (0, 2**63)])
def test_a_leaf_beyond_the_tree(index: int, size: int) -> None:
    for ask in (tree.path_length, tree.inclusion_ranges):
        with pytest.raises(ProofMismatch):
            ask(index, size)
    with pytest.raises(ProofMismatch):
        tree.root_of_path(index, size, LEAVES[0], ())


@given(st.data())
def test_consistency(data: st.DataObject) -> None:
    size = data.draw(st.integers(0, len(LEAVES)))
    old_size = data.draw(st.integers(0, size))
    path = hashes(tree.consistency_ranges(old_size, size))
    assert path == (recursive_tree.proof(old_size, LEAVES[:size]) if old_size else [])
    assert len(path) == tree.consistency_length(old_size, size)
    tree.check_consistency(old_size, tree.root(LEAVES[:old_size]), size, tree.root(LEAVES[:size]), path)


@given(st.data())
def test_inconsistency(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(LEAVES)))
    old_size = data.draw(st.integers(1, size))
    path = hashes(tree.consistency_ranges(old_size, size))
    old, new = tree.root(LEAVES[:old_size]), tree.root(LEAVES[:size])
    wrong = [(STRANGE, new, path), (old, STRANGE, path), (old[:31], new, path), (old, new, [*path, STRANGE])]
    if path:
        at = data.draw(st.integers(0, len(path) - 1))
        wrong += [
            (old, new, [*path[:at], STRANGE, *path[at + 1 :]]),
            (old, new, path[:-1]),
            (new, old, path),
            (old, new, [*path[:-1], b"short"]),
        ]
    for old_root, new_root, bad in wrong:
        with pytest.raises(ProofMismatch):
            tree.check_consistency(old_size, old_root, size, new_root, bad)


def test_the_empty_tree_begins_every_tree() -> None:
    tree.check_consistency(0, tree.EMPTY_ROOT, 0, tree.EMPTY_ROOT, ())
    tree.check_consistency(0, tree.EMPTY_ROOT, 5, tree.root(LEAVES[:5]), ())
    for old_root, size, new_root in ((STRANGE, 5, STRANGE), (tree.EMPTY_ROOT, 0, STRANGE), (STRANGE, 0, STRANGE)):
        with pytest.raises(ProofMismatch):
            tree.check_consistency(0, old_root, size, new_root, ())


@pytest.mark.parametrize(("old_size", "size"), [(3, 2), (-1, 2), (0, 2**63), (-2, -1)])
def test_a_log_never_shrinks(old_size: int, size: int) -> None:
    for ask in (tree.consistency_ranges, tree.consistency_length):
        with pytest.raises(ProofMismatch):
            ask(old_size, size)
    with pytest.raises(ProofMismatch):
        tree.check_consistency(old_size, STRANGE, size, STRANGE, ())


def test_sizes_far_beyond_a_real_log_cost_nothing() -> None:
    size = tree.SIZE_MAX
    assert len(tree.inclusion_ranges(size - 1, size)) == tree.path_length(size - 1, size) == 62
    assert (
        len(tree.consistency_ranges(size - 1, size)) == tree.consistency_length(size - 1, size) <= tree.PATH_NODES_MAX
    )
    assert len(tree.undisclosed_ranges(size, {0, size - 1})) == 2 * 61


@given(st.integers(0, 132), st.data())
def test_many_leaves_at_once(size: int, data: st.DataObject) -> None:
    known = data.draw(st.sets(st.integers(0, size - 1))) if size else set[int]()
    nodes = hashes(tree.undisclosed_ranges(size, known))
    assert nodes == recursive_tree.undisclosed(LEAVES[:size], known)
    shown = tree.Disclosure(size, {index: LEAVES[index] for index in known}, nodes)
    assert shown.root == tree.root(LEAVES[:size])
    in_order = {index: LEAVES[index] for index in sorted(known)}
    assert tree.partial_root(size, in_order, nodes) == tree.partial_root(size, dict(reversed(in_order.items())), nodes)
    assert tree.partial_root(size, in_order, nodes) == shown.root
    keep = data.draw(st.sets(st.sampled_from(sorted(known)))) if known else set[int]()
    assert list(shown.without(keep)) == recursive_tree.undisclosed(LEAVES[:size], keep)


@given(st.integers(1, 132), st.data())
def test_one_node_too_few_or_too_many_is_refused(size: int, data: st.DataObject) -> None:
    known = data.draw(st.sets(st.integers(0, size - 1)))
    leaves = {index: LEAVES[index] for index in known}
    nodes = hashes(tree.undisclosed_ranges(size, known))
    for bad in ([*nodes, STRANGE], nodes[:-1]):
        if bad != nodes:
            with pytest.raises(ProofMismatch):
                tree.Disclosure(size, leaves, bad)


@pytest.mark.parametrize("index", [-1, 3, 2**64])
def test_a_known_leaf_beyond_the_tree_is_refused(index: int) -> None:
    for leaves in ({index: LEAVES[0]}, {0: LEAVES[0], 1: LEAVES[1], index: LEAVES[2]}):
        for fold in (tree.Disclosure, tree.partial_root):
            with pytest.raises(ProofMismatch):
                fold(3, leaves, ())
    with pytest.raises(ProofMismatch):
        tree.undisclosed_ranges(3, {index})


def test_what_is_not_known_cannot_be_kept() -> None:
    shown = tree.Disclosure(3, {0: LEAVES[0]}, (LEAVES[1], LEAVES[2]))
    with pytest.raises(ProofMismatch):
        shown.without({1})


def test_the_tree_over_nothing() -> None:
    nothing = sha256(b"").digest()
    assert tree.EMPTY_ROOT == tree.root([]) == tree.Disclosure(0, {}, ()).root == tree.Frontier().root == nothing
    assert tree.Disclosure(0, {}, ()).without(()) == ()
