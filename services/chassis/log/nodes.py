"""The tree as the database keeps it: leaves with their entries, and nodes of every fourth level; and the trees of peers
that are followed, in the same form.

A node never changes once it is complete, so what is read here needs no lock and no snapshot: whoever asks names a
size that was published.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from monazite_provenance import tree
from monazite_provenance.tree import Frontier, Node, Range

from services.chassis.database import Connection
from services.chassis.log.growth import STORED_LEVELS, Growth

_LEAVES: Final = "SELECT idx, leaf FROM entry WHERE idx = ANY($1::bigint[])"
_NODES: Final = """
    SELECT node.level, node.place, node.hash FROM unnest($1::smallint[], $2::bigint[]) AS wanted (level, place)
    JOIN log_node node USING (level, place)
"""
_PEER_NODES: Final = """
    SELECT node.level, node.place, node.hash FROM unnest($1::smallint[], $2::bigint[]) AS wanted (level, place)
    JOIN peer_node node USING (level, place) WHERE node.log = $3
"""
_KEEP_PEER_NODES: Final = """
    INSERT INTO peer_node (log, level, place, hash)
    SELECT $1, * FROM unnest($2::smallint[], $3::bigint[], $4::bytea[])
"""


async def range_hashes(connection: Connection, ranges: Sequence[Range], *, peer: str | None = None) -> list[bytes]:
    """Hashes of ranges of a published tree, in order: what proofs are made of. Of our own log, or of the log `peer`
    whose tree is kept here. Raises RuntimeError for a tree with a hole."""
    hashes = await _hashes(connection, {node for part in ranges for node in tree.covering(*part)}, peer)
    return [tree.range_hash(part, hashes.__getitem__) for part in ranges]


async def edge(connection: Connection, size: int, *, peer: str | None = None) -> Frontier:
    """The frontier of a tree of published entries, ours or a peer's. Raises RuntimeError for a tree with a hole."""
    covering = tree.covering(0, size)
    hashes = await _hashes(connection, covering, peer)
    return Frontier(size, (hashes[node] for node in covering))


async def keep(connection: Connection, peer: str, growth: Growth) -> None:
    """Keeps by what the tree of a peer has grown, in the transaction that moves the cursor past it."""
    start, leaves = growth.before.size, growth.leaves
    grown = [*((Node(0, place), leaf) for place, leaf in enumerate(leaves, start)), *growth.stored()]
    columns = ([node.level for node, _ in grown], [node.place for node, _ in grown], [value for _, value in grown])
    await connection.execute(_KEEP_PEER_NODES, peer, *columns)


async def _hashes(connection: Connection, nodes: Iterable[Node], peer: str | None) -> dict[Node, bytes]:
    wanted = {node: _stored_below(node) for node in nodes}
    parts = {part for below in wanted.values() for part in below}
    found = await (_own(connection, parts) if peer is None else _of_peer(connection, parts, peer))
    if len(found) != len(parts):
        raise RuntimeError(f"the stored tree lacks {len(parts) - len(found)} of {len(parts)} nodes")
    return {node: tree.root([found[part] for part in below]) for node, below in wanted.items()}


async def _own(connection: Connection, parts: Iterable[Node]) -> dict[Node, bytes]:
    inner = [part for part in parts if part.level]
    found: dict[Node, bytes] = {}
    leaves = [part.place for part in parts if not part.level]
    if leaves:
        found.update({Node(0, row[0]): row[1] for row in await connection.fetch(_LEAVES, leaves)})
    if inner:
        rows = await connection.fetch(_NODES, [node.level for node in inner], [node.place for node in inner])
        found.update({Node(row[0], row[1]): row[2] for row in rows})
    return found


async def _of_peer(connection: Connection, parts: Iterable[Node], peer: str) -> dict[Node, bytes]:
    wanted = list(parts)
    places = [node.level for node in wanted], [node.place for node in wanted]
    return {Node(row[0], row[1]): row[2] for row in await connection.fetch(_PEER_NODES, *places, peer)}


def _stored_below(node: Node) -> list[Node]:
    """The stored nodes, or leaves, that a node is over."""
    down = node.level % STORED_LEVELS
    first = node.place << down
    return [Node(node.level - down, place) for place in range(first, first + (1 << down))]
