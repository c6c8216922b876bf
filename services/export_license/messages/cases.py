"""Cases: requests and replies."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from monazite.export_license.v1 import export_license_pb2 as pb

from services.chassis.fields import outpoint_message, timestamp
from services.chassis.pagination import PageRequest
from services.export_license.domain.cases import CaseEvent, CaseLot, LineWanted, Outcome, Party, Proposal, State
from services.export_license.messages import licences
from services.export_license.messages.fields import (
    LINES_MAX,
    LOTS_MAX,
    Fields,
    asked,
)
from services.export_license.operations import Asked
from services.export_license.operations.commands import (
    CaseView,
    CountersignDecision,
    ProposeDecision,
    RejectProposal,
    SubmitCase,
)


def submit(request: pb.SubmitCaseRequest) -> tuple[SubmitCase, Asked]:
    """Raises INVALID_FIELDS."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    fields.count("lots", request.lots, 1, LOTS_MAX)
    fields.count("lines", request.lines, 1, LINES_MAX)
    lots = tuple(fields.outpoint(f"lots[{number}]", lot) for number, lot in enumerate(request.lots))
    fields.distinct("lots[]", lots)
    command = SubmitCase(
        lots=lots,
        end_user=fields.party("end_user", request.end_user),
        consignee=fields.party("consignee", request.consignee),
        end_use=fields.text("end_use", request.end_use),
        destination=fields.country("destination", request.destination),
        lines=tuple(_line(fields, f"lines[{number}]", line) for number, line in enumerate(request.lines)),
    )
    fields.done()
    return command, asked(
        request_id,
        [[lot.statement_id, lot.index] for lot in command.lots],
        *(_party_content(party) for party in (command.end_user, command.consignee)),
        command.end_use,
        command.destination,
        [[line.control_code, line.hs_code, line.gross_g] for line in command.lines],
    )


def _line(fields: Fields, name: str, line: pb.LicenceLine) -> LineWanted:
    return LineWanted(
        fields.control_code(f"{name}.control_code", line.control_code),
        fields.hs_code(f"{name}.hs_code", line.hs_code),
        fields.gross_g(f"{name}.gross_g", line.gross_g),
    )


def _party_content(party: Party) -> list[str]:
    return [party.name, party.country, party.address]


def propose(request: pb.ProposeDecisionRequest) -> tuple[ProposeDecision, Asked]:
    """Raises INVALID_FIELDS."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    outcome = Outcome.REFUSE
    if request.outcome in {pb.Decision.OUTCOME_GRANT, pb.Decision.OUTCOME_REFUSE}:
        outcome = Outcome(int(request.outcome))
    else:
        fields.wrong("outcome", "must be OUTCOME_GRANT or OUTCOME_REFUSE")
    command = ProposeDecision(
        case_id=fields.text("case_id", request.case_id),
        outcome=outcome,
        reason=fields.text("reason", request.reason),
        etag=fields.text("etag", request.etag),
    )
    fields.done()
    return command, asked(request_id, command.case_id, command.outcome.value, command.reason, command.etag)


def countersign(request: pb.CountersignDecisionRequest) -> tuple[CountersignDecision, Asked]:
    """Raises INVALID_FIELDS."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    expires_at = fields.instant("expire_time", request.expire_time) if request.HasField("expire_time") else None
    command = CountersignDecision(
        case_id=fields.text("case_id", request.case_id), etag=fields.text("etag", request.etag), expires_at=expires_at
    )
    fields.done()
    expiry = "" if expires_at is None else expires_at.isoformat()
    return command, asked(request_id, command.case_id, command.etag, expiry)


def reject(request: pb.RejectProposalRequest) -> tuple[RejectProposal, Asked]:
    """Raises INVALID_FIELDS."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    command = RejectProposal(
        case_id=fields.text("case_id", request.case_id),
        reason=fields.text("reason", request.reason),
        etag=fields.text("etag", request.etag),
    )
    fields.done()
    return command, asked(request_id, command.case_id, command.reason, command.etag)


def get(request: pb.GetCaseRequest) -> str:
    """Raises INVALID_FIELDS."""
    fields = Fields()
    case_id = fields.text("case_id", request.case_id)
    fields.done()
    return case_id


def page(request: pb.ListCasesRequest) -> tuple[PageRequest, State | None]:
    """Raises INVALID_FIELDS."""
    fields = Fields()
    state = None
    if request.state != pb.Case.STATE_UNSPECIFIED:
        if request.state in pb.Case.State.values():
            state = State(int(request.state))
        else:
            fields.wrong("state", "must be a state of a case")
    asked_page = fields.page(request, query=("ListCases", int(request.state)), key_types=(str,))
    fields.done()
    return asked_page, state


def render(view: CaseView) -> pb.Case:
    """A case for a reply."""
    case = view.case
    message = pb.Case(
        case_id=case.case_id,
        applicant=case.applicant,
        state=pb.Case.State.Value(f"STATE_{case.state.name}"),
        lots=[_lot(lot) for lot in case.lots],
        end_user=licences.party(case.end_user),
        consignee=licences.party(case.consignee),
        end_use=case.end_use,
        destination=case.destination,
        lines=[licences.line(one.control_code, one.hs_code, one.gross_g) for one in case.lines],
        countersigned_by=case.countersigned_by,
        rule_set_hash=case.rule_set_hash,
        etag=case.etag,
        submitted_at=timestamp(case.submitted_at),
        verified_at=timestamp(case.verified_at),
        history=[_event(event) for event in view.history],
    )
    if case.proposed is not None:
        message.proposed.CopyFrom(_decision(case.proposed))
    if case.countersigned_at is not None:
        message.countersigned_at.CopyFrom(timestamp(case.countersigned_at))
    if view.licence is not None:
        message.licence.CopyFrom(licences.render(view.licence))
    return message


def reply(view: CaseView) -> bytes:
    """A case as the stored reply of a request."""
    return render(view).SerializeToString(deterministic=True)


def render_page(views: Iterable[CaseView], request: PageRequest, as_of: datetime) -> pb.ListCasesResponse:
    """A page of cases."""
    found = [render(view) for view in views]
    last = (found[-1].case_id,) if found else None
    return pb.ListCasesResponse(cases=found, next_page_token=request.token(found, last), as_of=timestamp(as_of))


def _event(event: CaseEvent) -> pb.CaseEvent:
    return pb.CaseEvent(
        state=pb.Case.State.Value(f"STATE_{event.state.name}"),
        outcome=pb.Decision.Outcome.Value(f"OUTCOME_{event.outcome.name if event.outcome else 'UNSPECIFIED'}"),
        actor=event.actor,
        reason=event.reason,
        happened_at=timestamp(event.at),
    )


def _decision(proposal: Proposal) -> pb.Decision:
    return pb.Decision(
        outcome=pb.Decision.Outcome.Value(f"OUTCOME_{proposal.outcome.name}"),
        reason=proposal.reason,
        proposed_by=proposal.proposed_by,
        proposed_at=timestamp(proposal.proposed_at),
    )


def _lot(lot: CaseLot) -> pb.LotProvenance:
    return pb.LotProvenance(
        head=outpoint_message(lot.outpoint),
        lot_id=lot.lot_id,
        verdict=lot.verdict,
        findings=[pb.ProvenanceFinding(code=found.code, message=found.message) for found in lot.findings],
        statements=lot.statements,
        gross_g=lot.gross_g,
        control_codes=lot.control_codes,
    )
