"""`monazite cases`: from application to the decision of two officers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import grpc
import typer
from monazite.export_license.v1.export_license_pb2 import (
    Case,
    CaseEvent,
    CountersignDecisionRequest,
    Decision,
    GetCaseRequest,
    LicenceLine,
    ListCasesRequest,
    ListCasesResponse,
    LotProvenance,
    Party,
    ProposeDecisionRequest,
    RejectProposalRequest,
)
from monazite.export_license.v1.export_license_pb2_grpc import CaseServiceStub

from clients.admin.arguments import end_of_day, names
from clients.admin.output import Output, when
from clients.admin.session import (
    LIMIT_DEFAULT,
    JsonOption,
    LimitOption,
    PageTokenOption,
    RequestIdOption,
    Session,
    collect,
    run,
)
from clients.errors import PROPOSAL_DIFFERS, CallError
from clients.masses import gross_tonnes

app = typer.Typer(no_args_is_help=True, help="Export licence cases.")

CaseArgument = Annotated[str, typer.Argument(help="Case id.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Recorded with the decision.")]
EtagOption = Annotated[
    str,
    typer.Option(
        "--etag",
        help="As `show` gave it; refuse if the case has changed since. Default: as it is now.",
        show_default=False,
    ),
]


class CaseState(StrEnum):
    """States a list can be narrowed to."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    INFORMATION_REQUESTED = "information-requested"
    IN_REVIEW = "in-review"
    ADVICE = "advice"
    DECISION_PROPOSED = "decision-proposed"
    GRANTED = "granted"
    REFUSED = "refused"


class Outcome(StrEnum):
    """What an officer can propose, and another countersign."""

    GRANT = "grant"
    REFUSE = "refuse"


@app.command("list")
def list_cases(
    context: typer.Context,
    *,
    state: Annotated[
        CaseState | None, typer.Option("--state", case_sensitive=False, help="Only cases in this state.")
    ] = None,
    limit: LimitOption = LIMIT_DEFAULT,
    page_token: PageTokenOption = "",
    as_json: JsonOption = False,
) -> None:
    """Cases, newest as the service orders them."""
    wanted = Case.State.Value(f"STATE_{state.name}") if state else Case.STATE_UNSPECIFIED

    async def work(session: Session) -> None:
        stub = CaseServiceStub(session.channel("export_license"))

        async def page(size: int, token: str) -> ListCasesResponse:
            return await session.ask(stub.ListCases, ListCasesRequest(page_size=size, page_token=token, state=wanted))

        found = await collect(page, lambda each: len(each.cases), limit=limit, page_token=page_token)
        session.show(found, lambda: _table(session.output, found.cases))
        session.more(found.next_page_token)

    run(context, work, as_json=as_json)


@app.command("show")
def show(context: typer.Context, *, case_id: CaseArgument, as_json: JsonOption = False) -> None:
    """One case: parties, lines, what the service's own verification of the lots said, decision, and how it came."""

    async def work(session: Session) -> None:
        case = await session.ask(
            CaseServiceStub(session.channel("export_license")).GetCase, GetCaseRequest(case_id=case_id)
        )
        session.show(case, lambda: _case(session.output, case))

    run(context, work, as_json=as_json)


@app.command("propose")
def propose(
    context: typer.Context,
    *,
    case_id: CaseArgument,
    outcome: Annotated[Outcome, typer.Argument(case_sensitive=False, help="What to decide.")],
    reason: ReasonOption,
    etag: EtagOption = "",
    request_id: RequestIdOption = "",
    as_json: JsonOption = False,
) -> None:
    """Proposes to grant or to refuse. Another officer has to countersign."""

    async def work(session: Session) -> None:
        stub = CaseServiceStub(session.channel("export_license"))
        request = ProposeDecisionRequest(
            request_id=session.new_request_id(request_id),
            case_id=case_id,
            outcome=Decision.Outcome.Value(f"OUTCOME_{outcome.name}"),
            reason=reason,
            etag=etag or await _etag(session, case_id),
        )
        case = await session.ask(stub.ProposeDecision, request)
        session.show(case, lambda: _case(session.output, case))

    run(context, work, as_json=as_json)


@app.command("countersign")
def countersign(
    context: typer.Context,
    *,
    case_id: CaseArgument,
    outcome: Annotated[
        Outcome,
        typer.Option("--outcome", case_sensitive=False, help="What you sign; refused if something else is proposed."),
    ],
    expires: Annotated[
        datetime | None,
        typer.Option(
            "--expires", formats=["%Y-%m-%d"], help="Of a grant: last day of validity (UTC).", show_default=False
        ),
    ] = None,
    etag: EtagOption = "",
    request_id: RequestIdOption = "",
    as_json: JsonOption = False,
) -> None:
    """Confirms the proposal of another officer; a grant comes back with the signed licence."""
    if outcome is Outcome.GRANT and expires is None:
        raise typer.BadParameter("a grant needs its last day of validity: YYYY-MM-DD", param_hint="--expires")
    if outcome is Outcome.REFUSE and expires is not None:
        raise typer.BadParameter("a refusal has no last day", param_hint="--expires")

    async def work(session: Session) -> None:
        stub = CaseServiceStub(session.channel("export_license"))
        found = await session.ask(stub.GetCase, GetCaseRequest(case_id=case_id))
        _check_proposal(found, outcome)
        request = CountersignDecisionRequest(
            request_id=session.new_request_id(request_id),
            case_id=case_id,
            # Of the case that was compared: a proposal that changes from here on is refused.
            etag=etag or found.etag,
            expire_time=end_of_day(expires) if expires else None,
        )
        case = await session.ask(stub.CountersignDecision, request)
        session.show(case, lambda: _case(session.output, case))

    run(context, work, as_json=as_json)


@app.command("reject")
def reject(
    context: typer.Context,
    *,
    case_id: CaseArgument,
    reason: ReasonOption,
    etag: EtagOption = "",
    request_id: RequestIdOption = "",
    as_json: JsonOption = False,
) -> None:
    """Sends the proposal of another officer back to review."""

    async def work(session: Session) -> None:
        stub = CaseServiceStub(session.channel("export_license"))
        request = RejectProposalRequest(
            request_id=session.new_request_id(request_id),
            case_id=case_id,
            reason=reason,
            etag=etag or await _etag(session, case_id),
        )
        case = await session.ask(stub.RejectProposal, request)
        session.show(case, lambda: _case(session.output, case))

    run(context, work, as_json=as_json)


def _check_proposal(case: Case, outcome: Outcome) -> None:
    """Raises CallError PROPOSAL_DIFFERS; where nothing is proposed, the service says what the case is."""
    if not case.HasField("proposed"):
        return
    proposed = _outcome(case.proposed)
    if proposed != outcome.name:
        raise CallError(
            grpc.StatusCode.FAILED_PRECONDITION,
            PROPOSAL_DIFFERS,
            f"the proposal of {case.proposed.proposed_by} is to {proposed}, not to {outcome.name}",
            {"case_id": case.case_id, "proposed": proposed, "outcome": outcome.name, "reason": case.proposed.reason},
        )


def _outcome(decision: Decision | CaseEvent) -> str:
    try:
        return Decision.Outcome.Name(decision.outcome).removeprefix("OUTCOME_")
    except ValueError:
        # A number that this client does not know stays a number.
        return str(decision.outcome)


async def _etag(session: Session, case_id: str) -> str:
    stub = CaseServiceStub(session.channel("export_license"))
    return (await session.ask(stub.GetCase, GetCaseRequest(case_id=case_id))).etag


def _state(state: Case.State.ValueType) -> str:
    try:
        return Case.State.Name(state).removeprefix("STATE_")
    except ValueError:
        # As above.
        return str(state)


def _table(output: Output, cases: Iterable[Case]) -> None:
    rows = [
        [
            each.case_id,
            each.applicant,
            _state(each.state),
            each.end_user.name,
            each.destination,
            names([f"{line.control_code} {gross_tonnes(line.gross_g)} t" for line in each.lines]),
            when(each.submitted_at),
        ]
        for each in cases
    ]
    output.table("Cases", ["Case", "Applicant", "State", "End user", "To", "Lines", "Submitted"], rows)


def _case(output: Output, case: Case) -> None:
    facts = [
        ("state", _state(case.state)),
        ("applicant", case.applicant),
        ("end user", _party(case.end_user)),
        ("consignee", _party(case.consignee)),
        ("end use", case.end_use),
        ("destination", case.destination),
        ("submitted", when(case.submitted_at)),
        ("lots verified", when(case.verified_at)),
        ("etag", case.etag),
    ]
    if case.HasField("proposed"):
        facts.append(("proposed", f"{_outcome(case.proposed)} by {case.proposed.proposed_by}: {case.proposed.reason}"))
    if case.countersigned_by:
        facts.append(("countersigned", f"{case.countersigned_by} at {when(case.countersigned_at)}"))
    if case.HasField("licence"):
        facts.append(("licence", f"{case.licence.licence_number}  {case.licence.licence_id.hex()}"))
    if case.rule_set_hash:
        facts.append(("rule set", case.rule_set_hash.hex()))
    output.facts(f"Case {case.case_id}", facts)
    output.table("Lines", ["Control code", "HS code", ">t gross"], [_line(each) for each in case.lines])
    if case.history:
        output.table("History", ["When", "Led to", "By", "Reason"], [_event(each) for each in case.history])
    columns = ["Lot", "Verdict", "Findings", ">statements", ">t gross", "Control codes"]
    output.table("Lots, verified by the service itself", columns, [_lot(each) for each in case.lots])


def _event(event: CaseEvent) -> list[str]:
    proposed = f": {_outcome(event)}" if event.outcome else ""
    return [when(event.happened_at), f"{_state(event.state)}{proposed}", event.actor, event.reason]


def _party(party: Party) -> str:
    return names([each for each in (party.name, party.address, party.country) if each])


def _line(line: LicenceLine) -> list[str]:
    return [line.control_code, line.hs_code, gross_tonnes(line.gross_g)]


def _lot(lot: LotProvenance) -> list[str]:
    return [
        lot.lot_id,
        lot.verdict,
        names([f"{each.code} {each.message}" for each in lot.findings]),
        str(lot.statements),
        gross_tonnes(lot.gross_g),
        names(lot.control_codes),
    ]
