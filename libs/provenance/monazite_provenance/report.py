"""What verifying a bundle gives: a verdict, what it rests on, and what was not checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NoReturn

from monazite_provenance.conservation import Finding
from monazite_provenance.contents import CustodyState, Form, LotContent
from monazite_provenance.elements import symbol
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.statement import Outpoint


class Verdict(Enum):
    """`CANNOT_TELL` is not `REFUTED`: what is missing is a key, a disclosure or a cut, not the truth."""

    VERIFIED = "VERIFIED"
    VERIFIED_WITH_GAPS = "VERIFIED_WITH_GAPS"
    REFUTED = "REFUTED"
    CANNOT_TELL = "CANNOT_TELL"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a bundle is refuted or cannot be told: the error's stable code, and the statement it was met at, if any."""

    code: str
    message: str
    details: Mapping[str, str | int]
    statement_id: bytes | None

    @classmethod
    def of(cls, error: ProvenanceError, statement_id: bytes | None) -> Failure:
        """The failure that an error at a statement is."""
        return cls(error.code, error.message, dict(error.details), statement_id)


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that was not checked, or could not be: a stable code, and the statement it is about, if one."""

    code: str
    message: str
    statement_id: bytes | None = None
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class StepFinding:
    """A finding of the rule book at one statement."""

    statement_id: bytes
    finding: Finding


@dataclass(frozen=True, slots=True)
class LotView:
    """A lot as a person reads it in the tree: grams gross, milligrams REO by atomic number."""

    outpoint: Outpoint
    lot_id: str
    form: Form
    custody_state: CustodyState
    holder: str
    site: str
    gross_g: int
    elements: Mapping[int, int]

    @classmethod
    def of(cls, outpoint: Outpoint, lot: LotContent) -> LotView:
        """The view of a lot at an outpoint."""
        return cls(
            outpoint,
            lot.lot_id,
            lot.form,
            lot.custody_state,
            lot.holder,
            lot.site,
            lot.gross_g,
            lot.element_masses(),
        )


@dataclass(frozen=True, slots=True)
class StepView:
    """One custody statement: its kind, whose act it was and who signed, what went in and came out.

    `origin` is set of a register only, `process` of a transform only; `draws` are (right id, milligrams REO).
    """

    statement_id: bytes
    kind: str
    actor: str
    issuer: str
    on_behalf: bool
    issued_at: int
    inputs: tuple[LotView, ...]
    outputs: tuple[LotView, ...]
    draws: tuple[tuple[bytes, int], ...] = ()
    origin: str | None = None
    process: str | None = None


@dataclass(frozen=True, slots=True)
class LotReport:
    """The outcome for one lot. A report is no truth value: read `verdict`, and `not_checked` beside it.

    `steps` are the custody statements that the target rests on, parents first (of a failure: those that were reached);
    `origins` gives for each element of the target the milligrams REO from each origin, which add up to its mass; it is
    empty when the gap ORIGINS_NOT_TRACED says so.
    """

    verdict: Verdict
    outpoint: Outpoint
    target: LotContent | None
    failure: Failure | None
    findings: tuple[StepFinding, ...]
    not_checked: tuple[Gap, ...]
    steps: tuple[StepView, ...]
    origins: Mapping[int, Mapping[str, int]]
    statements: int

    def __bool__(self) -> NoReturn:
        raise TypeError("a report has a verdict, not a truth value")

    def gap_codes(self) -> frozenset[str]:
        """Codes of everything not checked."""
        return frozenset(gap.code for gap in self.not_checked)

    def as_json(self) -> dict[str, object]:
        """The report as plain JSON values; ids in hex, elements by symbol."""
        return {
            "verdict": self.verdict.value,
            "outpoint": self.outpoint.encode().hex(),
            "target": None if self.target is None else _lot_json(LotView.of(self.outpoint, self.target)),
            "failure": None if self.failure is None else _failure_json(self.failure),
            "findings": [
                {
                    "statement_id": each.statement_id.hex(),
                    "code": each.finding.code,
                    "message": each.finding.message,
                    "metadata": dict(each.finding.metadata),
                }
                for each in self.findings
            ],
            "not_checked": [
                {
                    "code": gap.code,
                    "message": gap.message,
                    "statement_id": None if gap.statement_id is None else gap.statement_id.hex(),
                    "metadata": dict(gap.metadata),
                }
                for gap in self.not_checked
            ],
            "origins": {symbol(element): dict(shares) for element, shares in self.origins.items()},
            "steps": [_step_json(step) for step in self.steps],
            "statements": self.statements,
        }


def _failure_json(failure: Failure) -> dict[str, object]:
    return {
        "code": failure.code,
        "message": failure.message,
        "details": dict(failure.details),
        "statement_id": None if failure.statement_id is None else failure.statement_id.hex(),
    }


def _lot_json(lot: LotView) -> dict[str, object]:
    return {
        "outpoint": lot.outpoint.encode().hex(),
        "lot_id": lot.lot_id,
        "form": lot.form.name,
        "custody_state": lot.custody_state.name,
        "holder": lot.holder,
        "site": lot.site,
        "gross_g": lot.gross_g,
        "reo_mg": {symbol(element): mass for element, mass in lot.elements.items()},
    }


def _step_json(step: StepView) -> dict[str, object]:
    return {
        "statement_id": step.statement_id.hex(),
        "kind": step.kind,
        "actor": step.actor,
        "issuer": step.issuer,
        "on_behalf": step.on_behalf,
        "issued_at": step.issued_at,
        "inputs": [_lot_json(lot) for lot in step.inputs],
        "outputs": [_lot_json(lot) for lot in step.outputs],
        "draws": [{"right_id": right_id.hex(), "reo_mg": mass} for right_id, mass in step.draws],
        "origin": step.origin,
        "process": step.process,
    }
