"""Reading custody statements: the lots beside the inputs that they mostly are, whole or as far as they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from monazite_provenance._descent import AS_THEY_ARE
from monazite_provenance._graph import Graph, alone_of, depth_of
from monazite_provenance._opened import Head, Opened
from monazite_provenance._redacted import Partly
from monazite_provenance.contents import LotContent, decode_details, decode_lot
from monazite_provenance.contents._lot_form import Kept
from monazite_provenance.contents._lots import decode_after
from monazite_provenance.kinds import EventKind
from monazite_provenance.verifier import Statement

_MOVING: Final = AS_THEY_ARE | {EventKind.ACCEPT}
"""Kinds whose outputs, one by one, mostly are their inputs in other hands."""


def open_whole(statement: Statement, graph: Graph) -> Opened:
    """A statement all of which is shown, and all that it spends. Raises the ChainProblem and Malformed families."""
    claims = statement.claims
    inputs = tuple(map(graph.find, claims.spends))
    assert statement.details is not None  # noqa: S101 - the caller has seen to it
    depth = depth_of(inputs)
    outputs, kept = _lots(statement, inputs)
    return Opened(
        statement,
        inputs,
        tuple([head.lot for head in inputs]),
        outputs,
        kept,
        decode_details(claims.kind, statement.details),
        depth,
        alone_of(statement, inputs),
    )


def open_part(statement: Statement, graph: Graph) -> Partly:
    """A statement with what is shown of it, and of what it spends. Raises as `open_whole`."""
    claims = statement.claims
    inputs = tuple(map(graph.find_any, claims.spends))
    outputs = {index: decode_lot(content) for index, content in sorted(statement.outputs.items())}
    details = None if statement.details is None else decode_details(claims.kind, statement.details)
    return Partly(statement, inputs, outputs, details, depth_of(inputs), alone_of(statement, inputs))


def _lots(statement: Statement, inputs: Sequence[Head]) -> tuple[tuple[LotContent, ...], tuple[Kept | None, ...]]:
    """The outputs, each read beside the input that it mostly is."""
    lots: list[LotContent] = []
    keeps: list[Kept | None] = []
    beside = statement.claims.kind in _MOVING and len(inputs) == statement.outputs_count
    for index in range(statement.outputs_count):
        before, known = (inputs[index].lot, inputs[index].kept) if beside else (None, None)
        lot, kept = decode_after(statement.outputs[index], before, known)
        lots.append(lot)
        keeps.append(kept)
    return tuple(lots), tuple(keeps)
