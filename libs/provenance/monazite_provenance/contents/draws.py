"""Draws on rights in the details of a step: the same wherever they stand."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from monazite_provenance._frozen import dataclass
from monazite_provenance.contents._fields import as_id, as_list, as_positive, bad, members


@dataclass(frozen=True, slots=True)
class Draw:
    """A draw on a right: id of the right, milligrams REO."""

    right_id: bytes
    reo_mg: int


def read_draws(value: object, field: str) -> tuple[Draw, ...]:
    """Draws that ascend by right, each over zero. Raises BadField."""
    draws = _DRAWS(value, field)
    if any(left.right_id >= right.right_id for left, right in pairwise(draws)):
        raise bad(field, "draws do not ascend by right")
    return draws


def draw_list(draws: tuple[Draw, ...]) -> list[list[object]]:
    """Draws as they are encoded."""
    return [[draw.right_id, draw.reo_mg] for draw in draws]


def _draw(value: object, field: str) -> Draw:
    right_id, reo_mg = as_list(value, field, 2)
    return Draw(as_id(right_id, field), as_positive(reo_mg, field))


_DRAWS: Final = members(_draw)
