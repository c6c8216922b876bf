"""What verifying a bundle gives: a verdict, what it rests on, and what was not checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NoReturn

from monazite_provenance._frozen import dataclass, field
from monazite_provenance.conservation import Finding
from monazite_provenance.contents import CustodyState, Form, LotContent
from monazite_provenance.elements import symbol
from monazite_provenance.errors import LogForked, ProvenanceError
from monazite_provenance.places import Place
from monazite_provenance.receipts import Head
from monazite_provenance.statement import Outpoint


class Verdict(Enum):
    """`CANNOT_TELL` is not `REFUTED`: what is missing is a key, a disclosure or a cut, not the truth."""

    VERIFIED = "VERIFIED"
    VERIFIED_WITH_GAPS = "VERIFIED_WITH_GAPS"
    REFUTED = "REFUTED"
    CANNOT_TELL = "CANNOT_TELL"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a bundle is refuted or cannot be told: the error's stable code, and the statement it was met at, if any.

    `evidence`: of a forked log its two contradicting checkpoints, where they are two of one size: COSE, or the text
    that witnesses co-signed.
    """

    code: str
    message: str
    details: Mapping[str, str | int]
    statement_id: bytes | None
    evidence: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, error: ProvenanceError, statement_id: bytes | None) -> Failure:
        """The failure that an error at a statement is."""
        evidence = (error.earlier, error.later) if isinstance(error, LogForked) and error.earlier else ()
        return cls(error.code, error.message, dict(error.details), statement_id, evidence)


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that was not checked, or could not be: a stable code, and the statement it is about, if one."""

    code: str
    message: str
    statement_id: bytes | None = None
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])

    def told(self) -> str:
        """The message; of a gap that is about no statement with what tells it from others of the same text: of which
        log it speaks, and how far that is witnessed.
        """
        if self.statement_id is not None or not self.metadata:
            return self.message
        return f"{self.message} ({', '.join(f'{name} {value}' for name, value in self.metadata.items())})"


@dataclass(frozen=True, slots=True)
class StepFinding:
    """A finding of the rule book at one statement."""

    statement_id: bytes
    finding: Finding


@dataclass(frozen=True, slots=True)
class LotView:
    """A lot as a person reads it in the tree, at its outpoint: grams gross, milligrams REO by atomic number."""

    outpoint: Outpoint
    lot: LotContent

    @property
    def lot_id(self) -> str:
        """Its issued name."""
        return self.lot.lot_id

    @property
    def form(self) -> Form:
        """What it is."""
        return self.lot.form

    @property
    def custody_state(self) -> CustodyState:
        """Held, in transit or abroad."""
        return self.lot.custody_state

    @property
    def holder(self) -> str:
        """URI of who holds it."""
        return self.lot.holder

    @property
    def site(self) -> str:
        """Where it is."""
        return self.lot.site

    @property
    def gross_g(self) -> int:
        """Gross mass, grams."""
        return self.lot.gross_g

    @property
    def elements(self) -> Mapping[int, int]:
        """Milligrams REO by atomic number, reckoned when asked for."""
        return self.lot.element_masses()


@dataclass(frozen=True, slots=True)
class StepView:
    """One custody statement: its kind, whose act it was and who signed, what went in and came out.

    `origin` is set of a register only, `process` of a transform only; `draws` are (right id, milligrams REO), of a
    correction what it draws beyond what the corrected statement drew. `facts`: what else the kind says, in words.
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
    facts: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Withheld:
    """What of a custody statement is not disclosed: outputs by index, and whether its details are not either."""

    statement_id: bytes
    outputs: tuple[int, ...]
    details: bool


@dataclass(frozen=True, slots=True)
class Vouched:
    """A cut that the target rests on: the registry's word for a lot, in place of the statements behind it.

    `findings`: codes of what the registry found there. `same_rules`: whether it judged by the settings used here.
    """

    statement_id: bytes
    lot: LotView
    findings: tuple[str, ...]
    same_rules: bool


@dataclass(frozen=True, slots=True)
class StatusView:
    """The registry's status at the end of a bundle: when it was signed and expires, Unix seconds; whether it is of now,
    whether the bundle holds just what the registry knows; and how the logs stood then, the lot's own first.
    """

    statement_id: bytes
    issued_at: int
    expires_at: int
    fresh: bool
    complete: bool
    heads: tuple[Head, ...]


@dataclass(frozen=True, slots=True)
class WitnessedHead:
    """Who of a trust file's witnesses co-signed a head, or one that goes on from it: when, Unix seconds by name.

    `bad`: names of witnesses in whose name, and by whose key, it was signed only falsely.
    """

    head: Head
    by: Mapping[str, int]
    bad: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LotReport:
    """The outcome for one lot. A report is no truth value: read `verdict`, and `not_checked` beside it.

    `steps` are the custody statements that the target rests on, parents first (of a failure: those that were reached);
    `origins` gives for each element of the target the milligrams REO from each origin, which add up to its mass; it is
    empty when the gap ORIGINS_NOT_TRACED says so. `registered` gives by statement id where each stands in which log,
    `heads` the signed heads that show it; `vouched` the cuts at which the history ends; `withheld` what of the custody
    statements in the bundle is not disclosed; `witnessed` who co-signed these heads and the status', where the trust
    file demands witnesses.
    """

    verdict: Verdict
    outpoint: Outpoint
    target: LotContent | None
    failure: Failure | None
    findings: tuple[StepFinding, ...]
    not_checked: tuple[Gap, ...]
    steps: Sequence[StepView]
    origins: Mapping[int, Mapping[str, int]]
    statements: int
    registered: Mapping[bytes, Place] = field(default_factory=dict[bytes, Place])
    heads: tuple[Head, ...] = ()
    vouched: tuple[Vouched, ...] = ()
    status: StatusView | None = None
    withheld: tuple[Withheld, ...] = ()
    witnessed: tuple[WitnessedHead, ...] = ()

    def __bool__(self) -> NoReturn:
        raise TypeError("a report has a verdict, not a truth value")

    def gap_codes(self) -> frozenset[str]:
        """Codes of everything not checked."""
        return frozenset(gap.code for gap in self.not_checked)

    def as_json(self) -> dict[str, object]:
        """The report as plain JSON values: ids in hex, elements by symbol, outpoints as HEX:INDEX; masses (milligrams
        REO, grams gross) as decimal texts, as protobuf writes them, of which no reader makes a double.
        """
        return {
            "verdict": self.verdict.value,
            "outpoint": self.outpoint.text,
            "target": None if self.target is None else _lot_json(LotView(self.outpoint, self.target)),
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
            "origins": {
                symbol(element): {origin: str(mass) for origin, mass in shares.items()}
                for element, shares in self.origins.items()
            },
            "steps": [_step_json(step) for step in self.steps],
            "statements": self.statements,
            "registered": {
                statement_id.hex(): {"log": place.log, "index": place.index}
                for statement_id, place in self.registered.items()
            },
            "heads": [_head_json(head) for head in self.heads],
            "vouched": [_vouched_json(each) for each in self.vouched],
            "status": None if self.status is None else _status_json(self.status),
            "withheld": [
                {"statement_id": each.statement_id.hex(), "outputs": list(each.outputs), "details": each.details}
                for each in self.withheld
            ],
            "witnessed": [
                {"log": each.head.log, "size": each.head.size, "by": dict(each.by), "bad": list(each.bad)}
                for each in self.witnessed
            ],
        }


def _failure_json(failure: Failure) -> dict[str, object]:
    return {
        "code": failure.code,
        "message": failure.message,
        "metadata": {name: str(value) for name, value in failure.details.items()},
        "statement_id": None if failure.statement_id is None else failure.statement_id.hex(),
        "evidence": [each.hex() for each in failure.evidence],
    }


def _head_json(head: Head) -> dict[str, object]:
    return {"log": head.log, "size": head.size, "root": head.root.hex(), "signed_at": head.signed_at}


def _vouched_json(vouched: Vouched) -> dict[str, object]:
    return {
        "statement_id": vouched.statement_id.hex(),
        "lot": _lot_json(vouched.lot),
        "findings": list(vouched.findings),
        "same_rules": vouched.same_rules,
    }


def _status_json(status: StatusView) -> dict[str, object]:
    return {
        "statement_id": status.statement_id.hex(),
        "issued_at": status.issued_at,
        "expires_at": status.expires_at,
        "fresh": status.fresh,
        "complete": status.complete,
        "heads": [_head_json(head) for head in status.heads],
    }


def _lot_json(lot: LotView) -> dict[str, object]:
    return {
        "outpoint": lot.outpoint.text,
        "lot_id": lot.lot_id,
        "form": lot.form.name,
        "custody_state": lot.custody_state.name,
        "holder": lot.holder,
        "site": lot.site,
        "gross_g": str(lot.gross_g),
        "reo_mg": {symbol(element): str(mass) for element, mass in lot.elements.items()},
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
        "draws": [{"right_id": right_id.hex(), "reo_mg": str(mass)} for right_id, mass in step.draws],
        "origin": step.origin,
        "process": step.process,
        "facts": dict(step.facts),
    }
