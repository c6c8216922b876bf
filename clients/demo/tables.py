"""The real numbers: tables copied from the research, with status and source of every row.

Status: C confirmed, D derived, I inferred, R recalled. Rows of status R are demonstration data, and shown as such.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib import resources

from clients.masses import MG_PER_TONNE

BAYAN_OBO = "Bayan Obo bastnaesite-monazite (Inner Mongolia) [USGS MYB table 2]"
MOUNTAIN_PASS = "Mountain Pass bastnaesite (California) [USGS MYB table 2]"  # noqa: S105 - a mine, no password
RECALLED = "R"
DATA_YEAR = 2024
"""Year of the tables that the story tells, whatever year its accounts are kept for."""


def rows(name: str) -> list[dict[str, str]]:
    """Rows of one table of the package's data."""
    text = resources.files("clients.demo").joinpath("data", name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@dataclass(frozen=True, slots=True)
class Tonnage:
    """One row of quota, milligrams REO, with where it comes from."""

    batch: int
    group: str
    rock_mg: int
    ionic_mg: int
    separation_mg: int
    status: str
    source: str

    @property
    def masses(self) -> tuple[int, int, int]:
        """Rock, ionic, smelting-separation."""
        return self.rock_mg, self.ionic_mg, self.separation_mg


def batches(year: int = DATA_YEAR) -> list[Tonnage]:
    """The year's national batches, from `quota_totals.csv`."""
    return [
        Tonnage(
            int(row["batch"]),
            "",
            *_mg(row, "mining_rock", "mining_ionic", "smelting_separation"),
            row["status"],
            row["source"],
        )
        for row in rows("quota_totals.csv")
        if row["year"] == str(year) and row["batch"].isdigit() and row["mining_rock"]
    ]


def allocations(year: int = DATA_YEAR) -> list[Tonnage]:
    """What each group got in each batch, from `quotas_by_group.csv`."""
    columns = ("mining_rock_light_t_reo", "mining_ionic_medium_heavy_t_reo", "smelting_separation_t_reo")
    return [
        Tonnage(int(row["batch"]), row["group"], *_mg(row, *columns), row["status"], row["source"])
        for row in rows("quotas_by_group.csv")
        if row["year"] == str(year) and row["batch"].isdigit()
    ]


def _mg(row: dict[str, str], rock: str, ionic: str, separation: str) -> tuple[int, int, int]:
    return int(row[rock]) * MG_PER_TONNE, int(row[ionic]) * MG_PER_TONNE, int(row[separation]) * MG_PER_TONNE


@dataclass(frozen=True, slots=True)
class Distribution:
    """Parts by element symbol of a deposit's total rare-earth oxides, and their status."""

    deposit: str
    parts: tuple[tuple[str, Fraction], ...]
    status: str


@cache
def distribution(deposit: str) -> Distribution:
    """A deposit's REO distribution, from `reo_distribution.csv`; elements that it has none of are left out."""
    found = [row for row in rows("reo_distribution.csv") if row["deposit"] == deposit]
    parts = tuple((row["element"], Fraction(row["pct_normalised"])) for row in found if Fraction(row["pct_normalised"]))
    return Distribution(deposit, parts, ",".join(sorted({row["status"] for row in found})))


@dataclass(frozen=True, slots=True)
class Bounds:
    """Least and most of a component, parts of the magnet's mass."""

    low: Fraction
    high: Fraction
    status: str

    @property
    def middle(self) -> Fraction:
        """Half way."""
        return (self.low + self.high) / 2


@cache
def composition(component: str) -> Bounds:
    """Bounds of one component of NdFeB, from `ndfeb_composition.csv`."""
    row = next(row for row in rows("ndfeb_composition.csv") if row["component"] == component)
    return Bounds(Fraction(row["mass_pct_low"]) / 100, Fraction(row["mass_pct_high"]) / 100, row["status"])


def apportion(total: int, weights: Sequence[Fraction]) -> list[int]:
    """`total` in integer parts proportional to `weights`, by largest remainder: the parts add up exactly."""
    whole = sum(weights, Fraction(0))
    exact = [total * weight / whole for weight in weights]
    parts = [int(each) for each in exact]
    by_remainder = sorted(range(len(parts)), key=lambda index: exact[index] - parts[index], reverse=True)
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def demonstration(status: str) -> str:
    """The mark that a row of this status is shown with: "demo" is demonstration data, recalled and not confirmed."""
    return f"{status} demo" if RECALLED in re.findall(r"[A-Z]\b", status) else status
