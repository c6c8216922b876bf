"""The tree of a chain: each step once, branches marked, and no chain that is too deep or too often joined to print."""

from __future__ import annotations

from monazite_provenance._tool.tree_text import DEPTH_SHOWN, Node, tree
from monazite_provenance.statement import Outpoint


def name(number: int) -> bytes:
    return number.to_bytes(32, "big")


def node(number: int, *spends: int, more: tuple[str, ...] = ()) -> tuple[bytes, Node]:
    return name(number), Node(f"step {number}", more, [Outpoint(name(each), 0) for each in spends])


def lines(target: int, *nodes: tuple[bytes, Node], cuts: dict[Outpoint, Node] | None = None) -> list[str]:
    return list(tree(Outpoint(name(target), 0), dict(nodes), cuts or {}))


def test_a_line_of_steps_stands_at_one_edge() -> None:
    assert lines(3, node(1, more=("+ ore",)), node(2, 1), node(3, 2, more=("+ oxide",))) == [
        "step 3  output 0",
        "|   + oxide",
        "step 2  output 0",
        "step 1  output 0",
        "    + ore",
    ]


def test_branches() -> None:
    assert lines(4, node(1), node(2, 1), node(3, more=("+ x",)), node(4, 2, 3)) == [
        "step 4  output 0",
        "|- step 2  output 0",
        "|  step 1  output 0",
        "`- step 3  output 0",
        "       + x",
    ]


def test_what_was_written_is_not_written_again() -> None:
    assert lines(4, node(1), node(2, 1), node(3, 1), node(4, 2, 3)) == [
        "step 4  output 0",
        "|- step 2  output 0",
        "|  step 1  output 0",
        "`- step 3  output 0",
        "   step 1  output 0; as above",
    ]


def test_what_is_missing_and_what_is_vouched_for() -> None:
    cut = Node("cut", ["lot"], ())
    assert lines(2, node(2, 1)) == ["step 2  output 0", f"{name(1).hex()}:0 is not in the bundle"]
    assert lines(2, node(2, 1), cuts={Outpoint(name(1), 0): cut}) == [
        "step 2  output 0",
        "cut  output 0",
        "    lot",
    ]


def test_a_ladder_of_diamonds_is_printed_once() -> None:
    steps = [node(0), *(node(number, number - 1, number - 1) for number in range(1, 40))]
    assert len(lines(39, *steps)) == 40 + 39


def test_a_deep_chain_of_branches_keeps_to_the_screen() -> None:
    deep = [node(0), *(node(number, number - 1, 5_000) for number in range(1, 1_000))]
    assert max(map(len, lines(999, *deep))) < DEPTH_SHOWN * 3 + 100
