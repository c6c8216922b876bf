"""Recovery norms of processes (`data/recovery_norms.csv`): a step below its norm is a finding, never a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from monazite_provenance._frozen import dataclass
from monazite_provenance.conservation import Finding
from monazite_provenance.contents.lot import Form, LotContent
from monazite_provenance.elements import table

PERMILLE: Final = 1000


@dataclass(frozen=True, slots=True)
class Norm:
    """The least total recovery of a process, in thousandths; some norms must be passed, others reached."""

    process: str
    recovery_permille: int
    strictly_over: bool
    status: str
    source: str


@cache
def norms() -> dict[str, Norm]:
    """Norms of recovery by process key, e.g. `separation-rock`."""
    return {
        row["process_key"]: Norm(
            process=row["process"],
            recovery_permille=int(row["recovery_permille"]),
            strictly_over=row["strictly_over"] == "yes",
            status=row["status"],
            source=row["source"],
        )
        for row in table("recovery_norms.csv")
        if row["process_key"]
    }


def check_recovery(process: str, inputs: Sequence[LotContent], outputs: Sequence[LotContent]) -> tuple[Finding, ...]:
    """Compare REO in products (outputs but residue) with REO in inputs, by the norm of the process if it has one."""
    norm = norms().get(process)
    if norm is None:
        return ()
    input_mg = sum(lot.reo_mg for lot in inputs)
    product_mg = sum(lot.reo_mg for lot in outputs if lot.form is not Form.RESIDUE)
    reached, wanted = product_mg * PERMILLE, norm.recovery_permille * input_mg
    if reached > wanted or (reached == wanted and not norm.strictly_over):
        return ()
    metadata = {
        "process": process,
        "norm_permille": str(norm.recovery_permille),
        "recovery_permille": str(reached // input_mg),
    }
    return (Finding("RECOVERY_OUTSIDE_NORM", "recovery below the norm of the process", metadata),)
