"""Writes the tree vectors in tests/vectors/monazite from the recursive definition; README.md there explains them.

Deterministic: `python -m tests.vectors.make_tree_vectors` gives the same files again.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeAlias

from tests.unit.provenance import recursive_tree

FOLDER: Final = Path(__file__).parent / "monazite"
CONSISTENCY: Final = FOLDER / "tree_consistency.json"
MULTI_PROOF: Final = FOLDER / "tree_multi_proof.json"

Case: TypeAlias = "dict[str, object]"

LEAVES: Final = [sha256(bytes((0, index))).digest() for index in range(256)]
STRANGE: Final = sha256(b"\x00of no tree here").digest()
CONSISTENCY_SIZES: Final = (
    (0, 0), (0, 5), (1, 1), (1, 2), (1, 8), (2, 3), (2, 5), (3, 4), (3, 7), (4, 7), (4, 8), (5, 7), (6, 8), (6, 7),
    (7, 8), (8, 9), (8, 255), (31, 33), (63, 64), (64, 65), (65, 129), (100, 200), (127, 255), (128, 129), (128, 256),
    (255, 256),
)  # fmt: skip
PROVED: Final[tuple[tuple[int, tuple[int, ...]], ...]] = (
    (0, ()), (1, ()), (1, (0,)), (2, (0,)), (2, (1,)), (2, (0, 1)), (3, (2,)), (3, (0, 2)), (5, ()), (5, (4,)),
    (5, (1, 4)), (7, (0, 3, 6)), (8, (0, 1, 2, 3)), (8, (1, 3, 5, 7)), (8, tuple(range(8))), (9, (8,)),
    (33, (0, 31, 32)), (100, (5, 6, 7, 50, 99)), (128, tuple(range(0, 128, 16))), (200, (0, 127, 128, 199)),
    (255, (254,)), (256, (0, 17, 128, 200, 255)),
)  # fmt: skip


def consistency() -> list[Case]:
    """Good paths, and of each what must fail."""
    cases: list[Case] = []
    for size_1, size_2 in CONSISTENCY_SIZES:
        root_1, root_2 = recursive_tree.root(LEAVES[:size_1]), recursive_tree.root(LEAVES[:size_2])
        path = recursive_tree.proof(size_1, LEAVES[:size_2]) if size_1 else []
        cases.append(_consistency("good", size_1, root_1, size_2, root_2, path, holds=True))
        wrong = [
            ("path-too-long", size_1, root_1, size_2, root_2, [*path, STRANGE]),
            ("root-1-changed", size_1, STRANGE, size_2, root_2, path),
        ]
        if size_1 or not size_2:
            # (Any tree follows the empty one: there, only the first root can be wrong.)
            wrong.append(("root-2-changed", size_1, root_1, size_2, STRANGE, path))
        if size_1 != size_2:
            wrong.append(("sizes-swapped", size_2, root_2, size_1, root_1, path))
            wrong.append(("roots-swapped", size_1, root_2, size_2, root_1, path))
        if path:
            wrong.append(("path-too-short", size_1, root_1, size_2, root_2, path[:-1]))
            wrong += [
                ("path-hash-changed", size_1, root_1, size_2, root_2, [*path[:at], STRANGE, *path[at + 1 :]])
                for at in range(len(path))
            ]
            older = next((n for n in range(1, size_1) if _as_long(n, size_2, path)), None)
            if older is not None:
                wrong.append(("older-size", older, recursive_tree.root(LEAVES[:older]), size_2, root_2, path))
        cases += [_consistency(*case, holds=False) for case in wrong]
    return cases


def _as_long(size_1: int, size_2: int, path: list[bytes]) -> bool:
    other = recursive_tree.proof(size_1, LEAVES[:size_2])
    return len(other) == len(path) and other != path


def _consistency(  # noqa: PLR0917 - the columns of a table
    name: str, size_1: int, root_1: bytes, size_2: int, root_2: bytes, path: list[bytes], *, holds: bool
) -> Case:
    return {
        "name": name,
        "size_1": size_1,
        "root_1": root_1.hex(),
        "size_2": size_2,
        "root_2": root_2.hex(),
        "path": [node.hex() for node in path],
        "holds": holds,
    }


def multi_proofs() -> list[Case]:
    """Good proofs, and of each what must fail."""
    cases: list[Case] = []
    for size, indexes in PROVED:
        root = recursive_tree.root(LEAVES[:size])
        leaves = [(index, LEAVES[index]) for index in indexes]
        nodes = recursive_tree.undisclosed(LEAVES[:size], indexes)
        cases.append(_multi("good", size, root, leaves, nodes, holds=True))
        wrong = [("node-added", size, leaves, [*nodes, STRANGE])]
        if nodes:
            wrong.append(("node-missing", size, leaves, nodes[:-1]))
            wrong.append(("node-changed", size, leaves, [STRANGE, *nodes[1:]]))
        if len(nodes) > 1:
            wrong.append(("nodes-swapped", size, leaves, nodes[::-1]))
        if leaves:
            (index, leaf), *others = leaves
            wrong.append(("size-larger", 2 * size + 1, leaves, nodes))
            wrong.append(("leaf-changed", size, [(index, STRANGE), *others], nodes))
            wrong.append(("leaf-left-out", size, others, nodes))
            wrong.append(("index-beyond-tree", size, [*leaves[:-1], (size, leaves[-1][1])], nodes))
            moved = index ^ 1
            if moved < size and moved not in indexes:
                wrong.append(("index-moved", size, sorted([(moved, leaf), *others]), nodes))
        cases += [_multi(name, n, root, some, path, holds=False) for name, n, some, path in wrong]
    return cases


def _multi(
    name: str, size: int, root: bytes, leaves: list[tuple[int, bytes]], nodes: list[bytes], *, holds: bool
) -> Case:
    return {
        "name": name,
        "size": size,
        "root": root.hex(),
        "leaves": [[index, leaf.hex()] for index, leaf in leaves],
        "nodes": [node.hex() for node in nodes],
        "holds": holds,
    }


def rendered(cases: list[Case]) -> str:
    """The file's text: one case a line, so that a change shows as what it is."""
    return '{"cases": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]}\n"


def main() -> None:
    """Write both files."""
    CONSISTENCY.write_text(rendered(consistency()))
    MULTI_PROOF.write_text(rendered(multi_proofs()))


if __name__ == "__main__":
    main()
