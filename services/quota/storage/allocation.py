"""Allocations, and what was taken back of them: append-only rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from monazite_provenance.contents import QuotaKind

from services.chassis.database import Connection, Row
from services.quota.domain.allocation import Allocation, Masses, Reduction

_ISSUED: Final = "SELECT batch FROM indicator WHERE year = $1 ORDER BY batch"
_ADD: Final = """
    INSERT INTO allocation
        (allocation_id, year, batch, giver, receiver, kinds, masses_mg, allocated_by, allocated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_ADD_REDUCTION: Final = """
    INSERT INTO reduction (reduction_id, allocation_id, kinds, masses_mg, reason, reduced_by, reduced_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_LOAD: Final = """
    SELECT allocation_id, year, batch, giver, receiver, kinds, masses_mg, allocated_by, allocated_at
    FROM allocation WHERE allocation_id = ANY($1::bytea[])
"""
_REDUCTIONS: Final = """
    SELECT allocation_id, reduction_id, kinds, masses_mg, reason, reduced_by, reduced_at
    FROM reduction WHERE allocation_id = ANY($1::bytea[]) ORDER BY reduced_at, reduction_id
"""


async def issued_batches(connection: Connection, year: int) -> list[int]:
    """Numbers of the batches that were entered of a year; there are never many, and none goes again."""
    return [row["batch"] for row in await connection.fetch(_ISSUED, year)]


async def add_allocation(connection: Connection, allocation: Allocation) -> None:
    """Record who gave what to whom."""
    await connection.execute(
        _ADD,
        allocation.allocation_id,
        allocation.year,
        allocation.batch,
        allocation.giver,
        allocation.receiver,
        *_columns(allocation.masses),
        allocation.allocated_by,
        allocation.allocated_at,
    )


async def add_reduction(connection: Connection, allocation_id: bytes, reduction: Reduction) -> None:
    """Record what was taken back of an allocation."""
    await connection.execute(
        _ADD_REDUCTION,
        reduction.reduction_id,
        allocation_id,
        *_columns(reduction.masses),
        reduction.reason,
        reduction.reduced_by,
        reduction.reduced_at,
    )


async def load_allocations(connection: Connection, allocation_ids: Collection[bytes]) -> dict[bytes, Allocation]:
    """Allocations with what was taken back of them. Behind the locks of a receiver's accounts nothing is taken back
    meanwhile."""
    reductions: dict[bytes, list[Reduction]] = {allocation_id: [] for allocation_id in allocation_ids}
    for row in await connection.fetch(_REDUCTIONS, list(reductions)):
        reductions[row["allocation_id"]].append(_reduction(row))
    return {
        row["allocation_id"]: Allocation(
            row["allocation_id"],
            row["year"],
            row["batch"],
            row["giver"],
            row["receiver"],
            _masses(row),
            row["allocated_by"],
            row["allocated_at"],
            tuple(reductions[row["allocation_id"]]),
        )
        for row in await connection.fetch(_LOAD, list(reductions))
    }


def _reduction(row: Row) -> Reduction:
    return Reduction(row["reduction_id"], _masses(row), row["reason"], row["reduced_by"], row["reduced_at"])


def _masses(row: Row) -> Masses:
    return {QuotaKind(kind): mass for kind, mass in zip(row["kinds"], row["masses_mg"], strict=True)}


def _columns(masses: Masses) -> tuple[Sequence[int], Sequence[int]]:
    kinds = sorted(masses)
    return kinds, [masses[kind] for kind in kinds]
