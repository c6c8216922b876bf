"""Answers to commands: the form in which they are stored, and that form with what the log knows of the statement by
now.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, TypeVar

from monazite.registry.v1 import registry_pb2
from monazite.type.v1 import statement_pb2
from monazite_provenance.conservation import Finding

from services.chassis.fields import outpoint_message, timestamp
from services.chassis.log.servicer import admit
from services.registry.operations.answers import (
    ActStands,
    Answer,
    EnterpriseView,
    Given,
    HeadMade,
    IdsIssued,
    KeyEnded,
    KeyView,
    RightEnded,
    StepDone,
)
from services.registry.storage.places import Place

Reply: TypeAlias = (
    registry_pb2.StepResponse
    | registry_pb2.CloseRightResponse
    | registry_pb2.ExportActResponse
    | registry_pb2.CertifyKeyResponse
    | registry_pb2.RetireKeyResponse
)
"""Replies that say how a statement was taken in."""
ReplyT = TypeVar(
    "ReplyT",
    registry_pb2.StepResponse,
    registry_pb2.CloseRightResponse,
    registry_pb2.ExportActResponse,
    registry_pb2.CertifyKeyResponse,
    registry_pb2.RetireKeyResponse,
)


def give(kind: type[ReplyT], given: Given) -> ReplyT:
    """The reply of a command, with the place of its statement."""
    reply = kind.FromString(given.reply)
    if given.place is not None:
        _admit(reply.admission, given.place)
    return reply


def render(answer: Answer) -> bytes:
    """The form in which an answer is stored."""
    return _message(answer).SerializeToString()


def _message(  # noqa: PLR0911 - one return for each kind of answer
    answer: Answer,
) -> Reply | registry_pb2.IssueLotIdsResponse | registry_pb2.Enterprise:
    match answer:
        case StepDone():
            return registry_pb2.StepResponse(
                statement=None if answer.item is None else item_message(answer.item),
                heads=render_heads(answer.heads),
                findings=render_findings(answer.findings),
                made_before=answer.made_before,
            )
        case IdsIssued():
            return registry_pb2.IssueLotIdsResponse(lot_ids=answer.lot_ids)
        case RightEnded():
            return registry_pb2.CloseRightResponse(
                closed=item_message(answer.item), total_drawn_mg=answer.total_drawn_mg
            )
        case ActStands():
            return registry_pb2.ExportActResponse(
                state=registry_pb2.ExportActResponse.State.ValueType(answer.state),
                statement=item_message(answer.item),
                heads=render_heads(answer.heads),
            )
        case KeyView():
            return registry_pb2.CertifyKeyResponse(key=render_key(answer))
        case KeyEnded():
            return registry_pb2.RetireKeyResponse(retirement=item_message(answer.item))
        case EnterpriseView():
            return render_enterprise(answer)


def render_key(view: KeyView) -> registry_pb2.EnterpriseKey:
    """One key."""
    return registry_pb2.EnterpriseKey(
        thumbprint=view.thumbprint, certification=item_message(view.certification), retired=view.retired
    )


def render_enterprise(view: EnterpriseView) -> registry_pb2.Enterprise:
    """One enterprise."""
    return registry_pb2.Enterprise(
        enterprise_id=view.enterprise_id,
        display_name=view.display_name,
        activities=sorted(view.activities),
        own_signature_from=view.own_signature_from,
        keys=[render_key(key) for key in view.keys],
    )


def item_message(item: bytes) -> statement_pb2.StatementItem:
    """An encoded item as it travels."""
    return statement_pb2.StatementItem(item=item)


def _admit(admission: statement_pb2.Admission, place: Place) -> None:
    admission.statement_id = place.statement_id
    admission.log = place.log
    admission.committed_at.CopyFrom(timestamp(place.committed_at))
    admit(admission, place.registered)


def render_heads(heads: Sequence[HeadMade]) -> list[registry_pb2.Head]:
    """Heads, in order."""
    return [
        registry_pb2.Head(
            lot_id=head.lot_id,
            outpoint=None if head.outpoint is None else outpoint_message(head.outpoint),
            holds=head.holds,
        )
        for head in heads
    ]


def render_findings(findings: Sequence[Finding]) -> list[registry_pb2.Finding]:
    """What somebody must explain."""
    return [
        registry_pb2.Finding(code=finding.code, message=finding.message, metadata=finding.metadata)
        for finding in findings
    ]
