"""The chain behind an outpoint as a tree in plain text: the target first, below each step what it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from monazite_provenance._tool.words import short
from monazite_provenance.statement import Outpoint

DEPTH_SHOWN: Final = 40
"""Branches within branches that are indented; deeper ones stand at the edge of these."""


class Node(NamedTuple):
    """A step: its line, more lines about it, and what it spends."""

    headline: str
    more: Sequence[str]
    spends: Sequence[Outpoint]


def cut(statement_id: bytes, lot_line: str) -> Node:
    """The node of a lot that the registry vouches for by a statement."""
    return Node(f"{short(statement_id)}  CUT  the registry vouches for", [lot_line], ())


def tree(target: Outpoint, nodes: Mapping[bytes, Node], cuts: Mapping[Outpoint, Node]) -> Iterator[str]:
    """The tree below a target, each step written once; a step with one parent has it below at the same indentation.

    `nodes` are by statement id; `cuts` by the outpoint that the registry vouches for, where the history ends.

    Iterative: a chain may be deep, and a ladder of diamonds has more paths than anybody can print.
    """
    written: set[bytes] = set()
    waiting: list[tuple[Outpoint, str, str]] = [(target, "", "")]
    while waiting:
        outpoint, before, below = waiting.pop()
        statement_id, index = outpoint
        node = nodes.get(statement_id) or cuts.get(outpoint)
        if node is None:
            yield f"{before}{outpoint.text} is not in the bundle"
            continue
        if statement_id in written:
            yield f"{before}{node.headline}  output {index}; as above"
            continue
        written.add(statement_id)
        yield f"{before}{node.headline}  output {index}"
        edge = f"{below}|   " if node.spends else f"{below}    "
        yield from (f"{edge}{line}" for line in node.more)
        waiting += reversed(_branches(node.spends, below))


def _branches(spends: Sequence[Outpoint], below: str) -> list[tuple[Outpoint, str, str]]:
    if len(spends) == 1:
        return [(spends[0], below, below)]
    last = len(spends) - 1
    deeper = len(below) < DEPTH_SHOWN * 3
    branches: list[tuple[Outpoint, str, str]] = []
    for place, spend in enumerate(spends):
        under = "|  " if place < last else "   "
        branches.append((spend, f"{below}{'|- ' if place < last else '`- '}", below + under if deeper else below))
    return branches
