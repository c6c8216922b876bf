"""The tree as the database keeps it: leaves with their entries, and nodes of every fourth level.

A node never changes once it is complete, so what is read here needs no lock and no snapshot: whoever asks names a
size that was published.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from monazite_provenance import tree
from monazite_provenance.tree import Frontier, Node, Range

from services.chassis.database import Connection
from services.chassis.log.growth import STORED_LEVELS

_LEAVES: Final = "SELECT idx, leaf FROM entry WHERE idx = ANY($1::bigint[])"
_NODES: Final = """
    SELECT node.level, node.place, node.hash FROM unnest($1::smallint[], $2::bigint[]) AS wanted (level, place)
    JOIN log_node node USING (level, place)
"""


async def range_hashes(connection: Connection, ranges: Sequence[Range]) -> list[bytes]:
    """Hashes of ranges of a published tree, in order: what proofs are made of. Raises RuntimeError for a tree with a
    hole."""
    hashes = await _hashes(connection, {node for part in ranges for node in tree.covering(*part)})
    return [tree.range_hash(part, hashes.__getitem__) for part in ranges]


async def edge(connection: Connection, size: int) -> Frontier:
    """The frontier of a tree of published entries. Raises RuntimeError for a tree with a hole."""
    covering = tree.covering(0, size)
    hashes = await _hashes(connection, covering)
    return Frontier(size, (hashes[node] for node in covering))


async def _hashes(connection: Connection, nodes: Iterable[Node]) -> dict[Node, bytes]:
    wanted = {node: _stored_below(node) for node in nodes}
    parts = {part for below in wanted.values() for part in below}
    inner = [part for part in parts if part.level]
    found: dict[Node, bytes] = {}
    leaves = [part.place for part in parts if not part.level]
    if leaves:
        found.update({Node(0, row[0]): row[1] for row in await connection.fetch(_LEAVES, leaves)})
    if inner:
        rows = await connection.fetch(_NODES, [node.level for node in inner], [node.place for node in inner])
        found.update({Node(row[0], row[1]): row[2] for row in rows})
    if len(found) != len(parts):
        raise RuntimeError(f"the stored tree lacks {len(parts) - len(found)} of {len(parts)} nodes")
    return {node: tree.root([found[part] for part in below]) for node, below in wanted.items()}


def _stored_below(node: Node) -> list[Node]:
    """The stored nodes, or leaves, that a node is over."""
    down = node.level % STORED_LEVELS
    first = node.place << down
    return [Node(node.level - down, place) for place in range(first, first + (1 << down))]
